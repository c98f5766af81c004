/* fake_clock - see fake_clock.h */
#include "support/fake_clock.h"

#include "base/clock.h"
#include "base/sync.h"

#include <assert.h>

/* How often, in real time, a waiting thread looks whether the fake time has come. */
#define TICK_NS INT64_C(200000)

struct fake_clock_waiter {
    struct fake_clock_waiter *next;
    int64_t until_ns;
};

static int64_t now_of(void *context)
{
    return fake_clock_now(context);
}

static int64_t wall_of(void *context)
{
    struct fake_clock *clock = context;
    int64_t wall_ns;

    weir__mutex_lock(&clock->lock);
    wall_ns = FAKE_CLOCK_WALL_NS + clock->now_ns + clock->wall_step_ns;
    weir__mutex_unlock(&clock->lock);
    return wall_ns;
}

static void enlist(struct fake_clock *clock, struct fake_clock_waiter *waiter)
{
    weir__mutex_lock(&clock->lock);
    waiter->next = clock->waiters;
    clock->waiters = waiter;
    weir__mutex_unlock(&clock->lock);
}

static void delist(struct fake_clock *clock, const struct fake_clock_waiter *waiter)
{
    struct fake_clock_waiter **at;

    weir__mutex_lock(&clock->lock);
    for (at = &clock->waiters; *at != waiter; at = &(*at)->next)
        assert(*at != NULL);
    *at = waiter->next;
    weir__mutex_unlock(&clock->lock);
}

static bool wait_for(void *context, sem_t *sem, int64_t until_ns)
{
    struct fake_clock *clock = context;
    struct fake_clock_waiter waiter = {.until_ns = until_ns};
    bool got = false;

    if (until_ns == WEIR__NEVER)
        return weir__sem_wait(sem, WEIR__NEVER);
    enlist(clock, &waiter);
    while (!got && fake_clock_now(clock) < until_ns)
        got = weir__sem_wait(sem, weir__clock_now_ns() + TICK_NS);
    delist(clock, &waiter);
    return got || weir__sem_try(sem);
}

void fake_clock_init(struct fake_clock *clock, int64_t now_ns)
{
    const bool made = weir__mutex_init(&clock->lock);

    assert(made);
    (void)made;
    clock->env = weir__env_real; /* for its threads */
    clock->env.now_ns = now_of;
    clock->env.wall_ns = wall_of;
    clock->env.wait = wait_for;
    clock->env.context = clock;
    clock->now_ns = now_ns;
    clock->wall_step_ns = 0;
    clock->waiters = NULL;
}

void fake_clock_clear(struct fake_clock *clock)
{
    weir__mutex_clear(&clock->lock);
}

int64_t fake_clock_now(struct fake_clock *clock)
{
    int64_t now_ns;

    weir__mutex_lock(&clock->lock);
    now_ns = clock->now_ns;
    weir__mutex_unlock(&clock->lock);
    return now_ns;
}

void fake_clock_advance(struct fake_clock *clock, int64_t ns)
{
    weir__mutex_lock(&clock->lock);
    clock->now_ns += ns;
    weir__mutex_unlock(&clock->lock);
}

void fake_clock_step_wall(struct fake_clock *clock, int64_t ns)
{
    weir__mutex_lock(&clock->lock);
    clock->wall_step_ns += ns;
    weir__mutex_unlock(&clock->lock);
}

int64_t fake_clock_next(struct fake_clock *clock)
{
    int64_t next_ns = WEIR__NEVER;

    weir__mutex_lock(&clock->lock);
    for (const struct fake_clock_waiter *w = clock->waiters; w != NULL; w = w->next)
        if (w->until_ns > clock->now_ns && w->until_ns < next_ns)
            next_ns = w->until_ns;
    weir__mutex_unlock(&clock->lock);
    return next_ns;
}

struct moment {
    struct fake_clock *clock;
    int64_t until_ns;
};

static bool is_awaited(void *context)
{
    const struct moment *moment = context;
    bool found = false;

    weir__mutex_lock(&moment->clock->lock);
    for (const struct fake_clock_waiter *w = moment->clock->waiters; w != NULL; w = w->next)
        found = found || w->until_ns == moment->until_ns;
    weir__mutex_unlock(&moment->clock->lock);
    return found;
}

bool fake_clock_await(struct fake_clock *clock, int64_t until_ns)
{
    struct moment moment = {clock, until_ns};

    return fake_clock_until(is_awaited, &moment);
}

bool fake_clock_reach(struct fake_clock *clock, int64_t until_ns)
{
    if (!fake_clock_await(clock, until_ns))
        return false;
    fake_clock_advance(clock, until_ns - fake_clock_now(clock));
    return true;
}

static void tick(void)
{
    sem_t nobody;

    if (!weir__sem_init(&nobody, 0))
        return;
    (void)weir__sem_wait(&nobody, weir__clock_now_ns() + TICK_NS);
    weir__sem_clear(&nobody);
}

/* A moment is taken once it has stood for a tick: others may be about to wait for an earlier one.  If they are later
 * still, they are late, as on a loaded machine. */
bool fake_clock_run(struct fake_clock *clock, bool (*done)(void *context), void *context)
{
    const int64_t give_up_ns = weir__clock_now_ns() + FAKE_CLOCK_PATIENCE_NS;
    int64_t seen_ns = WEIR__NEVER, next_ns;

    while (!done(context)) {
        if (weir__clock_now_ns() > give_up_ns)
            return false;
        tick();
        next_ns = fake_clock_next(clock);
        if (next_ns != WEIR__NEVER && next_ns == seen_ns)
            fake_clock_advance(clock, next_ns - fake_clock_now(clock));
        seen_ns = next_ns;
    }
    return true;
}

bool fake_clock_until(bool (*done)(void *context), void *context)
{
    const int64_t give_up_ns = weir__clock_now_ns() + FAKE_CLOCK_PATIENCE_NS;

    while (!done(context)) {
        if (weir__clock_now_ns() > give_up_ns)
            return false;
        tick();
    }
    return true;
}
