/* fiber - see fiber.h; whose turn it is, and what time. */
#include "support/fiber.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"
#include "support/fiber_stack.h"

#include <assert.h>
#include <stdlib.h>

#define TURNS_MAX UINT64_C(50000000) /* of one run */
#define TURNS_AT_ONCE_MAX 1000000u   /* without the clock moving */

struct fiber {
    struct fiber_stack stack;
    struct fibers *fibers;
    struct fiber *next; /* in the list of all, and in that of free ones */
    struct fiber *next_free;

    void *(*run)(void *);
    void *argument;
    sem_t ended;

    /* what it waits for */
    sem_t *sem;
    int64_t until_ns;
    int64_t ready_ns; /* when it runs since it was posted; WEIR__NEVER: not posted */
    bool got;
};

struct slot {
    struct fiber *fiber;
};

struct timer {
    int64_t at_ns;
    uint64_t order; /* of equal moments, the first made comes first */
    void (*call)(void *argument);
    void *argument;
};

struct fibers {
    struct weir__env env;
    struct fibers_plan plan;
    uint64_t random;
    int64_t now_ns;
    int64_t wall_offset_ns;
    uint64_t turns;
    uint32_t turns_at_once;
    enum fibers_end end;

    struct fiber root; /* the caller of fibers_run() */
    struct fiber *all, *free;
    struct fiber *current, *first;

    struct slot *live; /* begun and not ended */
    uint32_t live_count, live_capacity;
    struct slot *runnable; /* scratch, as large as `live` */

    struct timer *timers; /* a heap */
    size_t timer_count, timer_capacity;
    uint64_t order;
};

/* ------------------------------------------------------------------------------------------------------------ fibers
 */

static void switch_to(struct fiber *to)
{
    struct fiber *from = to->fibers->current;

    to->fibers->current = to;
    fiber_stack_switch(&from->stack, &to->stack);
}

static void hand_on(struct fibers *fibers);

static void leave(struct fiber *fiber)
{
    struct fibers *fibers = fiber->fibers;
    uint32_t i = 0;

    while (fibers->live[i].fiber != fiber)
        i++;
    fibers->live[i] = fibers->live[--fibers->live_count];
}

/* A fiber's life: it is used again for one that is started later. */
static void live(void *argument)
{
    struct fiber *fiber = argument;
    struct fibers *fibers = fiber->fibers;

    for (;;) {
        (void)fiber->run(fiber->argument);
        weir__sem_post(&fiber->ended);
        leave(fiber);
        if (fiber == fibers->first) {
            fibers->end = fibers->live_count == 0 ? FIBERS_DONE : FIBERS_LEFT;
            switch_to(&fibers->root);
        } else {
            hand_on(fibers);
        }
    }
}

static struct fiber *make(struct fibers *fibers)
{
    struct fiber *fiber = calloc(1, sizeof *fiber);

    if (fiber == NULL)
        return NULL;
    if (!weir__sem_init(&fiber->ended, 0))
        goto no_sem;
    if (!fiber_stack_init(&fiber->stack, live, fiber))
        goto no_stack;
    fiber->fibers = fibers;
    fiber->next = fibers->all;
    fibers->all = fiber;
    return fiber;

no_stack:
    weir__sem_clear(&fiber->ended);
no_sem:
    free(fiber);
    return NULL;
}

static void unmake(struct fiber *fiber)
{
    fiber_stack_clear(&fiber->stack);
    weir__sem_clear(&fiber->ended);
    free(fiber);
}

/* -------------------------------------------------------------------------------------------------------- scheduling
 */

static int64_t draw(struct fibers *fibers, int64_t max_ns)
{
    return max_ns > 0 ? weir__random_below(&fibers->random, max_ns + 1) : 0;
}

static bool before(const struct timer *a, const struct timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static struct timer pop_timer(struct fibers *fibers)
{
    struct timer *heap = fibers->timers;
    const struct timer first = heap[0], last = heap[--fibers->timer_count];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < fibers->timer_count) {
        if (child + 1 < fibers->timer_count && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &last))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return first;
}

bool fibers_at(struct fibers *fibers, int64_t at_ns, void (*call)(void *argument), void *argument)
{
    const struct timer timer = {at_ns, fibers->order++, call, argument};
    size_t i = fibers->timer_count, parent;

    if (i == fibers->timer_capacity) {
        const size_t capacity = i == 0 ? 64 : i * 2;
        struct timer *heap = realloc(fibers->timers, capacity * sizeof *heap);
        if (heap == NULL)
            return false;
        fibers->timers = heap;
        fibers->timer_capacity = capacity;
    }
    fibers->timer_count++;
    for (; i > 0 && before(&timer, &fibers->timers[parent = (i - 1) / 2]); i = parent)
        fibers->timers[i] = fibers->timers[parent];
    fibers->timers[i] = timer;
    return true;
}

/* When a fiber can run, as things are. */
static int64_t ready_at(struct fibers *fibers, struct fiber *fiber)
{
    int value = 0;

    if (fiber->sem != NULL)
        (void)sem_getvalue(fiber->sem, &value);
    if (value <= 0)
        fiber->ready_ns = WEIR__NEVER;
    else if (fiber->ready_ns == WEIR__NEVER)
        fiber->ready_ns = fibers->now_ns + draw(fibers, fibers->plan.wake_max_ns);
    return fiber->ready_ns < fiber->until_ns ? fiber->ready_ns : fiber->until_ns;
}

/* The fiber whose turn it is; the clock may move on for that.  NULL where `end` says why there is none. */
static struct fiber *pick(struct fibers *fibers)
{
    struct fiber *fiber;
    uint32_t count = 0;
    int64_t next_ns;

    for (;;) {
        next_ns = WEIR__NEVER;
        while (fibers->timer_count > 0 && fibers->timers[0].at_ns <= fibers->now_ns) {
            const struct timer timer = pop_timer(fibers);
            timer.call(timer.argument);
        }
        for (uint32_t i = 0; i < fibers->live_count; i++) {
            const int64_t at_ns = ready_at(fibers, fibers->live[i].fiber);
            if (at_ns <= fibers->now_ns)
                fibers->runnable[count++] = fibers->live[i];
            else if (at_ns < next_ns)
                next_ns = at_ns;
        }
        if (count > 0)
            break;
        if (fibers->plan.idle != NULL)
            fibers->plan.idle(fibers->plan.idle_context);
        if (fibers->timer_count > 0 && fibers->timers[0].at_ns < next_ns)
            next_ns = fibers->timers[0].at_ns;
        if (next_ns == WEIR__NEVER || next_ns > fibers->plan.end_ns) {
            fibers->end = next_ns == WEIR__NEVER ? FIBERS_DEADLOCK : FIBERS_LIVELOCK;
            return NULL;
        }
        fibers->now_ns = next_ns;
        fibers->turns_at_once = 0;
    }
    if (++fibers->turns > TURNS_MAX || ++fibers->turns_at_once > TURNS_AT_ONCE_MAX) {
        fibers->end = FIBERS_LIVELOCK;
        return NULL;
    }
    fiber = fibers->runnable[count == 1 ? 0 : (uint32_t)weir__random_below(&fibers->random, count)].fiber;
    fiber->got = fiber->sem != NULL && weir__sem_try(fiber->sem);
    return fiber;
}

static void hand_on(struct fibers *fibers)
{
    struct fiber *next = pick(fibers);

    if (next == NULL)
        switch_to(&fibers->root);
    else if (next != fibers->current)
        switch_to(next);
}

static bool wait_until(struct fibers *fibers, sem_t *sem, int64_t until_ns)
{
    struct fiber *self = fibers->current;

    assert(self != &fibers->root);
    self->sem = sem;
    self->until_ns = until_ns;
    self->ready_ns = WEIR__NEVER;
    hand_on(fibers);
    return self->got;
}

/* --------------------------------------------------------------------------------------------- what env is made of
 */

static int64_t env_now(void *context)
{
    return fibers_now(context);
}

static int64_t env_wall(void *context)
{
    return fibers_wall(context);
}

static bool env_wait(void *context, sem_t *sem, int64_t until_ns)
{
    struct fibers *fibers = context;

    if (until_ns != WEIR__NEVER && until_ns > fibers->now_ns)
        until_ns += draw(fibers, fibers->plan.late_max_ns);
    return wait_until(fibers, sem, until_ns);
}

static bool grow(struct fibers *fibers)
{
    const uint32_t capacity = fibers->live_capacity == 0 ? 64 : fibers->live_capacity * 2;
    struct slot *grown = realloc(fibers->live, capacity * sizeof *grown);

    if (grown == NULL)
        return false;
    fibers->live = grown;
    grown = realloc(fibers->runnable, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    fibers->runnable = grown;
    fibers->live_capacity = capacity;
    return true;
}

static struct fiber *begin(struct fibers *fibers, void *(*run)(void *), void *argument)
{
    struct fiber *fiber = fibers->free;

    if (fibers->live_count == fibers->live_capacity && !grow(fibers))
        return NULL;
    if (fiber != NULL)
        fibers->free = fiber->next_free;
    else if ((fiber = make(fibers)) == NULL)
        return NULL;
    fiber->run = run;
    fiber->argument = argument;
    fiber->sem = NULL; /* it runs as soon as it is drawn */
    fiber->until_ns = fibers->now_ns + draw(fibers, fibers->plan.wake_max_ns);
    fiber->ready_ns = WEIR__NEVER;
    fibers->live[fibers->live_count++].fiber = fiber;
    return fiber;
}

static bool env_start(void *context, pthread_t *thread, void *(*run)(void *), void *argument)
{
    struct fibers *fibers = context;
    struct fiber *fiber;

    if (fibers->plan.refuse_share > 0 && weir__random_unit(&fibers->random) < fibers->plan.refuse_share)
        return false;
    fiber = begin(fibers, run, argument);
    if (fiber == NULL)
        return false;
    *thread = (pthread_t)fiber;
    return true;
}

static void release(struct fibers *fibers, struct fiber *fiber)
{
    fiber->next_free = fibers->free;
    fibers->free = fiber;
}

static void env_join(void *context, pthread_t thread)
{
    struct fibers *fibers = context;
    struct fiber *fiber = (struct fiber *)thread;

    (void)wait_until(fibers, &fiber->ended, WEIR__NEVER);
    release(fibers, fiber);
}

/* -------------------------------------------------------------------------------------------------------------- runs
 */

struct fibers *fibers_new(void)
{
    struct fibers *fibers = calloc(1, sizeof *fibers);

    if (fibers == NULL)
        return NULL;
    fibers->env = (struct weir__env){env_now, env_wall, env_wait, env_start, env_join, fibers};
    fibers->root.fibers = fibers;
    fiber_stack_init_own(&fibers->root.stack);
    return fibers;
}

void fibers_free(struct fibers *fibers)
{
    struct fiber *fiber;

    if (fibers == NULL)
        return;
    while ((fiber = fibers->all) != NULL) {
        fibers->all = fiber->next;
        unmake(fiber);
    }
    free(fibers->live);
    free(fibers->runnable);
    free(fibers->timers);
    free(fibers);
}

const struct weir__env *fibers_env(struct fibers *fibers)
{
    return &fibers->env;
}

/* After a run that did not end well: every fiber begins anew, whatever it was about. */
static void abandon(struct fibers *fibers)
{
    fibers->live_count = 0;
    fibers->free = NULL;
    for (struct fiber *fiber = fibers->all; fiber != NULL; fiber = fiber->next) {
        while (weir__sem_try(&fiber->ended))
            continue;
        fiber_stack_restart(&fiber->stack);
        release(fibers, fiber);
    }
}

enum fibers_end fibers_run(struct fibers *fibers, const struct fibers_plan *plan, void *(*run)(void *), void *argument)
{
    fibers->plan = *plan;
    fibers->random = plan->seed;
    fibers->now_ns = plan->start_ns;
    fibers->wall_offset_ns = plan->wall_ns - plan->start_ns;
    fibers->turns = fibers->turns_at_once = 0;
    fibers->timer_count = 0;
    fibers->order = 0;
    fibers->current = &fibers->root;
    fibers->first = begin(fibers, run, argument);
    if (fibers->first == NULL)
        return FIBERS_NO_MEMORY;
    switch_to(fibers->first);
    if (fibers->end != FIBERS_DONE) {
        abandon(fibers);
        return fibers->end;
    }
    (void)weir__sem_try(&fibers->first->ended);
    release(fibers, fibers->first);
    return FIBERS_DONE;
}

int64_t fibers_now(const struct fibers *fibers)
{
    return fibers->now_ns;
}

int64_t fibers_wall(const struct fibers *fibers)
{
    return fibers->now_ns + fibers->wall_offset_ns;
}

void fibers_step_wall(struct fibers *fibers, int64_t ns)
{
    fibers->wall_offset_ns += ns;
}

void fibers_sleep(struct fibers *fibers, int64_t until_ns)
{
    (void)wait_until(fibers, NULL, until_ns);
}

void fibers_yield(struct fibers *fibers)
{
    (void)wait_until(fibers, NULL, fibers->now_ns);
}

void fibers_drain(struct fibers *fibers)
{
    while (fibers->timer_count > 0) {
        const struct timer timer = pop_timer(fibers);
        if (timer.at_ns > fibers->now_ns)
            fibers->now_ns = timer.at_ns;
        timer.call(timer.argument);
    }
}

uint64_t fibers_turns(const struct fibers *fibers)
{
    return fibers->turns;
}
