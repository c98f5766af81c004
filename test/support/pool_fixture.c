/* pool_fixture - see pool_fixture.h */
#include "support/pool_fixture.h"

#include "base/clock.h"
#include "base/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define PATIENCE_NS (10 * WEIR__NS_PER_S)

static int64_t patience_ends(void)
{
    return weir__clock_now_ns() + PATIENCE_NS;
}

static int64_t counting_now(void *context)
{
    (void)context;
    return weir__clock_now_ns();
}

/* Waits of producers and of weir__pool_wait() come through here as well: those on the pool's own semaphores. */
static bool counting_wait(void *context, sem_t *sem, int64_t until_ns)
{
    struct pool_fixture *fixture = context;
    if (sem != &fixture->pool.room && sem != &fixture->pool.settled)
        atomic_fetch_add(&fixture->waits, 1);
    return weir__sem_wait(sem, until_ns);
}

static void *enter(void *context)
{
    struct pool_fixture *fixture = context;
    atomic_fetch_add(&fixture->entered, 1);
    return fixture;
}

static void leave(void *context, void *state)
{
    struct pool_fixture *fixture = context;
    if (state == fixture)
        atomic_fetch_add(&fixture->left, 1);
}

static void note_start(struct pool_fixture *fixture, struct weir__worker *worker, struct pool_fixture_task *task)
{
    const int in_run = atomic_fetch_add(&fixture->in_run, 1) + 1;
    const int at = atomic_fetch_add(&fixture->order_count, 1);
    int peak = atomic_load(&fixture->peak);

    while (in_run > peak && !atomic_compare_exchange_weak(&fixture->peak, &peak, in_run))
        continue;
    if (at < POOL_FIXTURE_ORDER_MAX)
        fixture->order[at] = task->number;
    atomic_fetch_add(&task->runs, 1);
    atomic_store(&task->worker, worker);
    weir__sem_post(&fixture->started);
}

/* What a task does that has no body of its own. */
static enum weir__pool_next plain(struct pool_fixture *fixture, struct pool_fixture_task *task)
{
    const bool ended = task->returns-- <= 0;

    atomic_fetch_sub(&fixture->in_run, 1);
    weir__gate_unsent(&fixture->gate, task->task.limit_count);
    if (fixture->gives)
        weir__gate_give(&fixture->gate);
    return ended ? WEIR__POOL_ENDED : WEIR__POOL_AGAIN;
}

static enum weir__pool_next run(void *context, struct weir__worker *worker, struct weir__task *pool_task)
{
    struct pool_fixture *fixture = context;
    struct pool_fixture_task *task = (struct pool_fixture_task *)pool_task;
    enum weir__pool_next next;

    note_start(fixture, worker, task);
    if (task->parks)
        (void)weir__sem_wait(&task->go, WEIR__NEVER);
    if (task->body != NULL) {
        next = task->body(fixture, worker, task);
        atomic_fetch_sub(&fixture->in_run, 1);
    } else {
        next = plain(fixture, task);
    }
    if (next == WEIR__POOL_ENDED) {
        atomic_fetch_add(&task->ends, 1);
        atomic_fetch_add(&fixture->ends, 1);
    }
    return next;
}

static void drop(void *context, struct weir__task *pool_task, bool cancelled)
{
    struct pool_fixture *fixture = context;
    struct pool_fixture_task *task = (struct pool_fixture_task *)pool_task;
    atomic_fetch_add(cancelled ? &task->cancels : &task->drops, 1);
    atomic_fetch_add(cancelled ? &fixture->cancels : &fixture->drops, 1);
}

static void cut(void *context, struct weir__worker *worker)
{
    struct pool_fixture *fixture = context;
    (void)worker;
    atomic_fetch_add(&fixture->cuts, 1);
}

static void expire(void *context, struct weir__task *pool_task)
{
    struct pool_fixture *fixture = context;
    struct pool_fixture_task *task = (struct pool_fixture_task *)pool_task;
    task->expired_at_ns = fixture->env.now_ns(fixture->env.context);
    if (task->expire_parks)
        (void)weir__sem_wait(&task->go, WEIR__NEVER);
    atomic_fetch_add(&task->expiries, 1);
    atomic_fetch_add(&fixture->expiries, 1);
}

static void reached(void *context, const struct weir__gate_answer *answer, int64_t now_ns)
{
    struct pool_fixture *fixture = context;
    (void)now_ns;
    atomic_store(&fixture->reached_limit, answer->limit);
    atomic_store(&fixture->reached_cause, answer->cause);
    atomic_fetch_add(&fixture->reached, 1);
}

void pool_fixture_open_gate(struct pool_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->env = weir__env_real;
    fixture->env.now_ns = counting_now;
    fixture->env.wait = counting_wait;
    fixture->env.context = fixture;
    assert_true(weir__sem_init(&fixture->started, 0));
    assert_true(weir__gate_init(&fixture->gate));
}

void pool_fixture_open_pool(struct pool_fixture *fixture, uint32_t worker_max, uint32_t queue_max)
{
    const struct weir__pool_ops ops = {enter, leave, run, drop, expire, cut, reached, fixture, NULL, NULL};
    assert_true(weir__pool_init(&fixture->pool, &fixture->env, &fixture->gate, &ops, worker_max, queue_max));
}

void pool_fixture_open(struct pool_fixture *fixture, uint32_t permits, uint32_t worker_max, uint32_t queue_max)
{
    pool_fixture_open_gate(fixture);
    fixture->gives = permits > 0;
    if (permits > 0)
        assert_true(weir__gate_add_limit(&fixture->gate, permits, 0));
    pool_fixture_open_pool(fixture, worker_max, queue_max);
}

void pool_fixture_close(struct pool_fixture *fixture)
{
    weir__pool_close(&fixture->pool);
    assert_int_equal(atomic_load(&fixture->entered), fixture->pool.worker_count);
    assert_int_equal(atomic_load(&fixture->left), fixture->pool.worker_count);
    assert_int_equal(fixture->pool.pending, 0);
    weir__pool_clear(&fixture->pool);
    weir__gate_clear(&fixture->gate);
    weir__sem_clear(&fixture->started);
    fixture->closed = true;
}

void pool_fixture_task(struct pool_fixture_task *task, int number, bool parks)
{
    memset(task, 0, sizeof *task);
    task->number = number;
    task->parks = parks;
    task->task.expires_ns = WEIR__NEVER;
    assert_true(weir__sem_init(&task->go, 0));
}

enum weir__pool_push_status pool_fixture_push(struct pool_fixture *fixture, struct pool_fixture_task *task)
{
    return weir__pool_push(&fixture->pool, &task->task, 0);
}

void pool_fixture_await_started(struct pool_fixture *fixture, int count)
{
    const int64_t until_ns = patience_ends();
    for (int i = 0; i < count; i++)
        if (!weir__sem_wait(&fixture->started, until_ns))
            fail_msg("only %d of %d tasks started", i, count);
}

void pool_fixture_await_all(struct pool_fixture *fixture)
{
    if (!weir__pool_wait(&fixture->pool, patience_ends()))
        fail_msg("still pending: %llu, of them queued: %u", (unsigned long long)fixture->pool.pending,
                 fixture->pool.queue.count);
}

void pool_fixture_await_value(struct pool_fixture *fixture, const uint32_t *value, uint32_t wanted)
{
    const struct timespec tick = {0, 200000};
    const int64_t until_ns = patience_ends();
    uint32_t is;

    for (;;) {
        weir__mutex_lock(&fixture->pool.lock);
        is = *value;
        weir__mutex_unlock(&fixture->pool.lock);
        if (is == wanted)
            return;
        if (weir__clock_now_ns() > until_ns)
            fail_msg("it stays at %u, wanted %u", is, wanted);
        (void)nanosleep(&tick, NULL);
    }
}

uint32_t pool_fixture_idle(struct pool_fixture *fixture)
{
    uint32_t count = 0;

    weir__mutex_lock(&fixture->pool.lock);
    for (const struct weir__worker *w = fixture->pool.idle; w != NULL && count < UINT16_MAX; w = w->next_idle)
        count++; /* one that stands there twice would be a ring */
    weir__mutex_unlock(&fixture->pool.lock);
    return count;
}
