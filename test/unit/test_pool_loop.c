/*
 * The pool with loops: workers are places, some threads carry them all.  The owner here is a fake one, whose tasks go
 * on for some microseconds of real time.
 */
#include "base/clock.h"
#include "base/sync.h"
#include "pool/loop.h"
#include "pool/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define LOOPS_MAX 3u
#define PATIENCE_NS (20 * WEIR__NS_PER_S)

struct owner;

struct fake_task {
    struct weir__task task; /* first */
    struct weir__worker *worker;
    struct fake_task *next; /* of those that go on in a loop */
    int64_t until_ns;
    uint32_t runs, again;
    atomic_uint ended, dropped;
};

struct fake_loop {
    struct owner *owner;
    sem_t bell;
    struct fake_task *going; /* its thread's alone */
    _Atomic pthread_t thread;
    atomic_uint polls;
};

struct owner {
    struct weir__gate gate;
    struct weir__pool pool;
    struct fake_loop loops[LOOPS_MAX];
    int64_t task_ns;
    atomic_uint going, peak, foreign, cuts;
};

static void note_peak(struct owner *owner)
{
    const unsigned now = atomic_fetch_add(&owner->going, 1) + 1;
    unsigned peak = atomic_load(&owner->peak);

    while (now > peak && !atomic_compare_exchange_weak(&owner->peak, &peak, now))
        continue;
}

static enum weir__pool_next run(void *context, struct weir__worker *worker, struct weir__task *task)
{
    struct owner *owner = context;
    struct fake_task *fake = (struct fake_task *)task;
    struct fake_loop *loop = worker->loop->state;

    worker->state = fake;
    fake->worker = worker;
    fake->runs++;
    fake->until_ns = owner->task_ns == WEIR__NEVER ? WEIR__NEVER : weir__clock_now_ns() + owner->task_ns;
    fake->next = loop->going;
    loop->going = fake;
    note_peak(owner);
    if (owner->task_ns == WEIR__NEVER)
        weir__pool_park(worker); /* only a stop or a cancel ends it */
    return WEIR__POOL_GOES_ON;
}

static void finish(struct owner *owner, struct fake_task *fake)
{
    enum weir__pool_next next = WEIR__POOL_ENDED;

    if (owner->task_ns == WEIR__NEVER)
        weir__pool_unpark(fake->worker);
    atomic_fetch_sub(&owner->going, 1);
    weir__gate_over(&owner->gate, fake->task.limit_count, weir__clock_now_ns());
    if (fake->again > 0 && !fake->worker->cancelled) {
        fake->again--;
        next = WEIR__POOL_AGAIN;
    } else {
        atomic_fetch_add(&fake->ended, 1);
        weir__pool_ends(fake->worker);
    }
    weir__pool_back(fake->worker, next);
}

/* One round: ends what is due, or waits once. */
static void poll_once(void *context, void *state, int64_t until_ns)
{
    struct owner *owner = context;
    struct fake_loop *loop = state;
    const pthread_t self = pthread_self();
    struct fake_task *due = NULL, **at = &loop->going;
    int64_t now_ns = weir__clock_now_ns();

    if (atomic_fetch_add(&loop->polls, 1) == 0)
        loop->thread = self;
    else if (!pthread_equal(loop->thread, self))
        atomic_fetch_add(&owner->foreign, 1);
    for (struct fake_task *fake; (fake = *at) != NULL;) {
        if (fake->until_ns <= now_ns || fake->worker->cancelled) {
            *at = fake->next;
            fake->next = due;
            due = fake;
            continue;
        }
        until_ns = fake->until_ns < until_ns ? fake->until_ns : until_ns;
        at = &fake->next;
    }
    if (due == NULL)
        (void)weir__sem_wait(&loop->bell, until_ns);
    while (due != NULL) {
        struct fake_task *fake = due;
        due = fake->next;
        finish(owner, fake);
    }
}

static void rouse(void *context, void *state)
{
    struct fake_loop *loop = state;

    (void)context;
    weir__sem_post(&loop->bell);
}

static void cut(void *context, struct weir__worker *worker)
{
    struct owner *owner = context;

    atomic_fetch_add(&owner->cuts, 1);
    rouse(owner, worker->loop->state);
}

static void drop(void *context, struct weir__task *task, bool cancelled)
{
    (void)context, (void)cancelled;
    atomic_fetch_add(&((struct fake_task *)task)->dropped, 1);
}

static void expire(void *context, struct weir__task *task)
{
    drop(context, task, false);
}

static void leave(void *context, void *state)
{
    (void)context, (void)state;
}

static void reached(void *context, const struct weir__gate_answer *answer, int64_t now_ns)
{
    (void)context, (void)answer, (void)now_ns;
}

static void set_up(struct owner *owner, uint32_t loops, uint32_t permits, uint32_t rate, int64_t hold_ns)
{
    const struct weir__pool_ops ops = {.leave = leave,
                                       .run = run,
                                       .drop = drop,
                                       .expire = expire,
                                       .cut = cut,
                                       .reached = reached,
                                       .context = owner,
                                       .poll = poll_once,
                                       .rouse = rouse};
    void *states[LOOPS_MAX];

    *owner = (struct owner){.task_ns = 50000};
    assert_true(weir__gate_init(&owner->gate));
    assert_true(weir__gate_add_limit(&owner->gate, permits, 0));
    if (rate > 0)
        assert_true(weir__gate_add_limit(&owner->gate, rate, hold_ns));
    assert_true(
        weir__pool_init(&owner->pool, &weir__env_real, &owner->gate, &ops, permits + 1, 64)); /* one stays free */
    for (uint32_t i = 0; i < loops; i++) {
        owner->loops[i].owner = owner;
        assert_true(weir__sem_init(&owner->loops[i].bell, 0));
        states[i] = &owner->loops[i];
    }
    assert_true(weir__loop_init(&owner->pool, states, loops));
}

static void tear_down(struct owner *owner)
{
    weir__pool_close(&owner->pool);
    for (uint32_t i = 0; i < owner->pool.loop_count; i++)
        weir__sem_clear(&owner->loops[i].bell);
    weir__pool_clear(&owner->pool);
    weir__gate_clear(&owner->gate);
}

static struct fake_task *tasks_new(uint32_t count)
{
    struct fake_task *tasks = calloc(count, sizeof *tasks);

    assert_non_null(tasks);
    for (uint32_t i = 0; i < count; i++) {
        tasks[i].task.id = i;
        tasks[i].task.expires_ns = WEIR__NEVER;
    }
    return tasks;
}

static void push_all(struct owner *owner, struct fake_task *tasks, uint32_t count)
{
    const int64_t until_ns = weir__clock_now_ns() + PATIENCE_NS;

    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(weir__pool_push(&owner->pool, &tasks[i].task, until_ns), WEIR__PUSH_OK);
}

static void await_end(struct owner *owner)
{
    assert_true(weir__pool_wait(&owner->pool, weir__clock_now_ns() + PATIENCE_NS));
}

/* Each ends once, never more go on than there are permits, and each loop stays with its thread. */
static void each_ends_once_within_the_permits(void **state)
{
    static struct owner owner;
    const uint32_t count = 20000, permits = 16;

    (void)state;
    for (uint32_t loops = 1; loops <= LOOPS_MAX; loops += LOOPS_MAX - 1) {
        struct fake_task *tasks = tasks_new(count);
        set_up(&owner, loops, permits, 0, 0);
        owner.task_ns = 2000;
        for (uint32_t i = 0; i < count; i += 7)
            tasks[i].again = i % 3;
        push_all(&owner, tasks, count);
        await_end(&owner);
        for (uint32_t i = 0; i < count; i++)
            if (tasks[i].ended != 1 || tasks[i].dropped != 0 || tasks[i].runs != 1 + (i % 7 == 0 ? i % 3 : 0))
                fail_msg("task %u ended %u times, was dropped %u, ran %u", i, tasks[i].ended, tasks[i].dropped,
                         tasks[i].runs);
        if (owner.peak > permits || owner.peak < 2)
            fail_msg("%u went on at once, of %u permits", owner.peak, permits);
        assert_int_equal(owner.foreign, 0);
        tear_down(&owner);
        free(tasks);
    }
}

/* 4 permits with a hold of 30 ms: 20 tasks take four holds and more; the leader's moment ends the poll. */
static void a_held_permit_comes_due_where_nothing_else_happens(void **state)
{
    static struct owner owner;
    struct fake_task *tasks = tasks_new(20);
    const int64_t hold_ns = 30 * WEIR__NS_PER_MS, begun_ns = weir__clock_now_ns();
    int64_t took_ns;

    (void)state;
    set_up(&owner, 1, 8, 4, hold_ns);
    push_all(&owner, tasks, 20);
    await_end(&owner);
    took_ns = weir__clock_now_ns() - begun_ns;
    if (took_ns < 4 * hold_ns || took_ns > 40 * hold_ns)
        fail_msg("took %lld ns", (long long)took_ns);
    tear_down(&owner);
    free(tasks);
}

/* What sleeps in a loop is ended by a stop; what waits is dropped. */
static void a_stop_ends_what_is_parked_and_drops_what_waits(void **state)
{
    static struct owner owner;
    struct fake_task *tasks = tasks_new(10);
    const int64_t until_ns = weir__clock_now_ns() + PATIENCE_NS;
    unsigned ended = 0, dropped = 0;

    (void)state;
    set_up(&owner, 2, 4, 0, 0);
    owner.task_ns = WEIR__NEVER;
    push_all(&owner, tasks, 10);
    while (atomic_load(&owner.going) < 4 && weir__clock_now_ns() < until_ns)
        continue;
    weir__pool_stop(&owner.pool);
    await_end(&owner);
    for (uint32_t i = 0; i < 10; i++) {
        ended += tasks[i].ended;
        dropped += tasks[i].dropped;
        assert_int_equal(tasks[i].ended + tasks[i].dropped, 1);
    }
    assert_int_equal(ended, 4);
    assert_int_equal(dropped, 6);
    tear_down(&owner);
    free(tasks);
}

/* A cancel reaches one that goes on, and one that waits; the others stay. */
static void a_cancel_reaches_what_goes_on_and_what_waits(void **state)
{
    static struct owner owner;
    struct fake_task *tasks = tasks_new(3);
    const int64_t until_ns = weir__clock_now_ns() + PATIENCE_NS;

    (void)state;
    set_up(&owner, 1, 2, 0, 0);
    owner.task_ns = WEIR__NEVER;
    push_all(&owner, tasks, 3);
    while (atomic_load(&owner.going) < 2 && weir__clock_now_ns() < until_ns)
        continue;
    assert_true(weir__pool_cancel(&owner.pool, 2));
    while (atomic_load(&tasks[2].dropped) == 0 && weir__clock_now_ns() < until_ns)
        continue;
    assert_int_equal(tasks[2].dropped, 1);
    assert_true(weir__pool_cancel(&owner.pool, 0));
    while (atomic_load(&tasks[0].ended) == 0 && weir__clock_now_ns() < until_ns)
        continue;
    assert_int_equal(tasks[0].ended, 1);
    assert_int_equal(tasks[1].ended + tasks[1].dropped, 0);
    assert_false(weir__pool_cancel(&owner.pool, 7));
    tear_down(&owner);
    assert_int_equal(tasks[1].ended, 1);
    free(tasks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ends_once_within_the_permits),
        cmocka_unit_test(a_held_permit_comes_due_where_nothing_else_happens),
        cmocka_unit_test(a_stop_ends_what_is_parked_and_drops_what_waits),
        cmocka_unit_test(a_cancel_reaches_what_goes_on_and_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
