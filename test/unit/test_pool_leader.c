/*
 * The leader: who waits at the gate, until when, and who is called when that moment changes.
 *
 * The first tests own the clock: a wait for a moment makes it that moment, so that each is met to the nanosecond.  The
 * others keep the real clock and moments that are an hour away: if a call is lost, nothing happens for an hour.
 */
#include "base/clock.h"
#include "base/sync.h"
#include "support/pool_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TASKS_MAX 64
#define HOUR_NS (3600 * WEIR__NS_PER_S)

static struct pool_fixture *fixture;
static struct pool_fixture_task *tasks;

/* New ones for each test: after a failure the workers of an unfinished one keep theirs. */
static int allocate(void **state)
{
    (void)state;
    fixture = calloc(1, sizeof *fixture);
    tasks = calloc(TASKS_MAX, sizeof *tasks);
    return fixture != NULL && tasks != NULL ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    if (fixture->closed) {
        free(fixture);
        free(tasks);
    }
    return 0;
}

static void push(int number)
{
    assert_int_equal(pool_fixture_push(fixture, &tasks[number]), WEIR__PUSH_OK);
}

/* ------------------------------------------------------------------------------------------------- with its own clock
 */

/* The moment, and the moments that were waited for. */
static _Atomic int64_t virtual_ns;
static _Atomic int64_t waited_for[256];
static atomic_int waited_count;

static int64_t virtual_now(void *context)
{
    (void)context;
    return atomic_load(&virtual_ns);
}

static bool virtual_wait(void *context, sem_t *sem, int64_t until_ns)
{
    (void)context;
    if (until_ns == WEIR__NEVER)
        return weir__sem_wait(sem, WEIR__NEVER);
    if (weir__sem_try(sem))
        return true;
    atomic_store(&waited_for[atomic_fetch_add(&waited_count, 1) % 256], until_ns);
    if (until_ns > atomic_load(&virtual_ns))
        atomic_store(&virtual_ns, until_ns);
    return false;
}

static void open_virtual(void)
{
    atomic_store(&virtual_ns, 1000000);
    atomic_store(&waited_count, 0);
    pool_fixture_open_gate(fixture);
    fixture->env.now_ns = virtual_now;
    fixture->env.wait = virtual_wait;
}

/* Waits on the real clock, which is the only one that moves while nobody waits on the other. */
static void await_all(void)
{
    assert_true(weir__pool_wait(&fixture->pool, WEIR__NEVER)); /* the watchdog bounds it */
}

/* The response begins in the very moment of the send. */
static enum weir__pool_next answer_at_once(struct pool_fixture *f, struct weir__worker *worker,
                                           struct pool_fixture_task *task)
{
    (void)worker;
    weir__gate_answered(&f->gate, task->task.limit_count, atomic_load(&virtual_ns));
    weir__gate_give(&f->gate);
    return WEIR__POOL_ENDED;
}

static void the_leader_asks_again_at_the_moment_that_the_gate_named(void **state)
{
    (void)state;
    open_virtual();
    assert_true(weir__gate_add_limit(&fixture->gate, 9, 0));
    assert_true(weir__gate_add_limit(&fixture->gate, 1, 1000));
    pool_fixture_open_pool(fixture, 1, TASKS_MAX);
    for (int i = 0; i < 20; i++) {
        pool_fixture_task(&tasks[i], i, i == 0); /* the first parks until all are there */
        tasks[i].body = answer_at_once;
        push(i);
    }
    weir__sem_post(&tasks[0].go);
    await_all();
    assert_int_equal(atomic_load(&waited_count), 19);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(tasks[i].task.granted_ns, 1000000 + 1000 * i);
        if (i > 0)
            assert_int_equal(atomic_load(&waited_for[i - 1]), 1000000 + 1000 * i);
    }
    const struct weir__gate_tally tally = weir__gate_tally(&fixture->gate, 1);
    assert_int_equal(tally.waits, 19);
    assert_int_equal(tally.wait_ns, 19 * 1000);
    assert_in_range(atomic_load(&fixture->reached), 19, 20); /* at each wait, and once when the permit is found out */
    pool_fixture_close(fixture);
}

struct clockwork {
    _Atomic int64_t next_ns;
    int64_t gap_ns;
};

static int64_t clockwork_next(void *rule)
{
    return atomic_load(&((struct clockwork *)rule)->next_ns);
}

static void clockwork_take(void *rule, int64_t now_ns)
{
    struct clockwork *clockwork = rule;
    if (clockwork->gap_ns > 0)
        atomic_store(&clockwork->next_ns, now_ns + clockwork->gap_ns);
}

static void add_clockwork(struct clockwork *clockwork, uint32_t limit)
{
    const struct weir__gate_rule rule = {clockwork_next, clockwork_take, clockwork, limit};
    assert_true(weir__gate_add_rule(&fixture->gate, &rule));
}

static enum weir__pool_next give_at_once(struct pool_fixture *f, struct weir__worker *worker,
                                         struct pool_fixture_task *task)
{
    (void)worker;
    weir__gate_unsent(&f->gate, task->task.limit_count);
    weir__gate_give(&f->gate);
    return WEIR__POOL_ENDED;
}

static void a_pace_is_met_to_the_nanosecond(void **state)
{
    struct clockwork pace = {0, 250};
    (void)state;
    open_virtual();
    assert_true(weir__gate_add_limit(&fixture->gate, 50, 0));
    add_clockwork(&pace, 0);
    pool_fixture_open_pool(fixture, 4, TASKS_MAX);
    for (int i = 0; i < 40; i++) {
        pool_fixture_task(&tasks[i], i, false);
        tasks[i].body = give_at_once;
        push(i);
    }
    await_all();
    for (int i = 0; i < 40; i++) /* the clock stands still unless a leader waits for the next moment */
        assert_int_equal(tasks[i].task.granted_ns, 1000000 + 250 * i);
    assert_int_equal(weir__gate_tally(&fixture->gate, 0).wait_ns, 39 * 250);
    assert_int_equal(atomic_load(&fixture->reached), 0); /* a pace is no limit that is out */
    pool_fixture_close(fixture);
}

/* Every nanosecond of a worker's life is in one of the states: 250 in each of 9 waits for the pace. */
static void the_time_of_workers_adds_up(void **state)
{
    struct clockwork pace = {0, 250};
    (void)state;
    open_virtual();
    assert_true(weir__gate_add_limit(&fixture->gate, 50, 0));
    add_clockwork(&pace, 0);
    pool_fixture_open_pool(fixture, 1, TASKS_MAX);
    for (int i = 0; i < 10; i++) {
        pool_fixture_task(&tasks[i], i, i == 0);
        tasks[i].body = give_at_once;
        push(i);
    }
    pool_fixture_await_started(fixture, 1);
    atomic_fetch_add(&virtual_ns, 100); /* the first is under way for so long */
    weir__sem_post(&tasks[0].go);
    await_all();
    while (pool_fixture_idle(fixture) != 1)
        (void)usleep(100);
    atomic_fetch_add(&virtual_ns, 77);
    const struct weir__pool_tally tally = weir__pool_tally(&fixture->pool);
    assert_int_equal(tally.workers, 1);
    assert_int_equal(tally.queued, 0);
    assert_int_equal(tally.spent_ns[WEIR__POOL_RUNNING], 100);
    assert_int_equal(tally.spent_ns[WEIR__POOL_PACE], 9 * 250 - 100);
    assert_int_equal(tally.spent_ns[WEIR__POOL_PERMIT], 0);
    assert_int_equal(tally.spent_ns[WEIR__POOL_IDLE], 77);
    for (int i = 1; i < 10; i++) { /* queued until next up, next up until granted */
        assert_int_equal(tasks[i].task.queued_ns, 1000000);
        assert_int_equal(tasks[i].task.next_up_ns, tasks[i - 1].task.granted_ns);
    }
    pool_fixture_close(fixture);
}

static int64_t now_under_the_lock(void *context)
{
    if (pthread_mutex_trylock(&fixture->pool.lock) == 0) {
        (void)pthread_mutex_unlock(&fixture->pool.lock);
        atomic_fetch_add((atomic_int *)context, 1);
    }
    return weir__clock_now_ns();
}

/* With a moment from before the lock, a worker that has just turned to something has done it for less than nothing. */
static void a_tally_is_of_a_moment_read_under_the_lock(void **state)
{
    atomic_int unlocked = 0;
    (void)state;
    pool_fixture_open(fixture, 1, 1, 10);
    pool_fixture_task(&tasks[0], 0, true);
    push(0);
    pool_fixture_await_started(fixture, 1);
    fixture->env.now_ns = now_under_the_lock;
    fixture->env.context = &unlocked;
    const struct weir__pool_tally tally = weir__pool_tally(&fixture->pool);
    assert_int_equal(atomic_load(&unlocked), 0);
    assert_true(tally.now_ns > 0 && tally.spent_ns[WEIR__POOL_RUNNING] >= 0);
    fixture->env.context = fixture;
    fixture->env.now_ns = weir__env_real.now_ns;
    weir__sem_post(&tasks[0].go);
    pool_fixture_await_all(fixture);
    pool_fixture_close(fixture);
}

/* ------------------------------------------------------------------------------------------------ with the real clock
 */

/* The permit of limit 1 comes back in an hour, and the pool is told so, while the task stays in `run`. */
static enum weir__pool_next hold_for_an_hour(struct pool_fixture *f, struct weir__worker *worker,
                                             struct pool_fixture_task *task)
{
    (void)worker;
    weir__gate_answered(&f->gate, task->task.limit_count, weir__clock_now_ns());
    weir__pool_nudge(&f->pool);
    (void)weir__sem_wait(&task->go, WEIR__NEVER);
    weir__gate_give(&f->gate);
    return WEIR__POOL_ENDED;
}

static void await_leader(enum weir__pool_state reason)
{
    for (int i = 0; i < 100000; i++) {
        weir__mutex_lock(&fixture->pool.lock);
        const bool stands = fixture->pool.leader != NULL && fixture->pool.ledger.reason == reason &&
                            fixture->pool.leader_until_ns > INT64_MIN;
        weir__mutex_unlock(&fixture->pool.lock);
        if (stands)
            return;
        (void)usleep(100);
    }
    fail_msg("nobody stands at the gate");
}

/* Two permits: one is held for an hour, the other still out with task 1; task 2 waits, and a leader for it. */
static void open_with_a_leader_for_an_hour(struct clockwork *pace)
{
    pool_fixture_open_gate(fixture);
    assert_true(weir__gate_add_limit(&fixture->gate, 9, 0));
    assert_true(weir__gate_add_limit(&fixture->gate, 2, HOUR_NS));
    add_clockwork(pace, 0);
    pool_fixture_open_pool(fixture, 3, TASKS_MAX);
    for (int i = 0; i < 8; i++) {
        pool_fixture_task(&tasks[i], i, false);
        tasks[i].body = i == 0 ? hold_for_an_hour : give_at_once;
        tasks[i].parks = i == 1;
    }
    push(1);
    pool_fixture_await_started(fixture, 1);
    push(0);
    pool_fixture_await_started(fixture, 1);
    push(2);
    await_leader(WEIR__POOL_PERMIT);
}

static void finish(void)
{
    weir__sem_post(&tasks[0].go);
    pool_fixture_await_all(fixture);
    pool_fixture_close(fixture);
}

static void a_nudge_puts_somebody_to_the_gate(void **state)
{
    struct clockwork pace = {0, 0};
    (void)state;
    open_with_a_leader_for_an_hour(&pace);
    assert_int_equal(fixture->pool.worker_count, 3);
    assert_int_equal(atomic_load(&fixture->order_count), 2);
    weir__sem_post(&tasks[1].go); /* its permit comes back at once, and its worker takes the next task itself */
    pool_fixture_await_started(fixture, 1);
    finish();
}

/* The finishing worker finds the pace not due yet: the leader must not sleep on for its hour. */
static void a_permit_that_comes_back_early_calls_the_leader(void **state)
{
    struct clockwork pace = {0, 0};
    (void)state;
    open_with_a_leader_for_an_hour(&pace);
    atomic_store(&pace.next_ns, weir__clock_now_ns() + 50 * WEIR__NS_PER_MS);
    weir__sem_post(&tasks[1].go);
    pool_fixture_await_started(fixture, 1);
    assert_int_equal(atomic_load(&tasks[2].runs), 1);
    finish();
}

/* The same with nothing in the queue when the permit comes back: the next push must find it. */
static void a_push_to_an_empty_queue_calls_a_leader_that_waits_for_too_long(void **state)
{
    struct clockwork pace = {0, 0};
    (void)state;
    open_with_a_leader_for_an_hour(&pace);
    weir__sem_post(&tasks[1].go); /* its worker takes task 2; the leader stays, for nobody */
    pool_fixture_await_started(fixture, 1);
    while (pool_fixture_idle(fixture) != 1)
        (void)usleep(100);
    await_leader(WEIR__POOL_IDLE);
    for (int i = 3; i < 8; i++) {
        push(i);
        pool_fixture_await_started(fixture, 1);
    }
    finish();
}

static void a_stop_calls_the_leader_at_once(void **state)
{
    struct clockwork pace = {0, 0};
    (void)state;
    open_with_a_leader_for_an_hour(&pace);
    push(3);
    weir__pool_stop(&fixture->pool);
    for (int i = 0; atomic_load(&fixture->drops) < 2 && i < 100000; i++)
        (void)usleep(100);
    assert_int_equal(atomic_load(&tasks[2].drops), 1);
    assert_int_equal(atomic_load(&tasks[3].drops), 1);
    assert_int_equal(atomic_load(&fixture->in_run), 2);
    weir__sem_post(&tasks[1].go);
    finish();
}

static void one_leader_is_enough(void **state)
{
    struct clockwork pace = {0, 0};
    (void)state;
    pool_fixture_open_gate(fixture);
    assert_true(weir__gate_add_limit(&fixture->gate, 9, 0));
    add_clockwork(&pace, 0);
    atomic_store(&pace.next_ns, weir__clock_now_ns() + HOUR_NS);
    pool_fixture_open_pool(fixture, 8, TASKS_MAX);
    for (int i = 0; i < 40; i++) {
        pool_fixture_task(&tasks[i], i, false);
        push(i);
    }
    await_leader(WEIR__POOL_PACE);
    for (int i = 0; atomic_load(&fixture->waits) == 0 && i < 100000; i++)
        (void)usleep(100);
    assert_int_equal(fixture->pool.worker_count, 1);
    assert_int_equal(atomic_load(&fixture->waits), 1);
    pool_fixture_close(fixture);
    assert_int_equal(atomic_load(&fixture->drops), 40);
}

#define POOL(test) cmocka_unit_test_setup_teardown(test, allocate, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL(the_leader_asks_again_at_the_moment_that_the_gate_named),
        POOL(a_pace_is_met_to_the_nanosecond),
        POOL(the_time_of_workers_adds_up),
        POOL(a_tally_is_of_a_moment_read_under_the_lock),
        POOL(a_nudge_puts_somebody_to_the_gate),
        POOL(a_permit_that_comes_back_early_calls_the_leader),
        POOL(a_push_to_an_empty_queue_calls_a_leader_that_waits_for_too_long),
        POOL(a_stop_calls_the_leader_at_once),
        POOL(one_leader_is_enough),
    };

    (void)alarm(50);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
