/*
 * What the pool does at which moment, with a clock that the test moves: backoffs, expiries, pauses, and where the time
 * of the workers goes, all to the nanosecond.
 */
#include "base/clock.h"
#include "base/sync.h"
#include "support/fake_clock.h"
#include "support/pool_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TASKS_MAX 64
#define START_NS 1000000
#define FAR_NS (START_NS + 3600 * WEIR__NS_PER_S)

static struct pool_fixture *fixture;
static struct pool_fixture_task *tasks;
static struct fake_clock *fake;

/* New ones for each test: after a failure the workers of an unfinished one keep theirs. */
static int allocate(void **state)
{
    (void)state;
    fixture = calloc(1, sizeof *fixture);
    tasks = calloc(TASKS_MAX, sizeof *tasks);
    fake = calloc(1, sizeof *fake);
    if (fixture == NULL || tasks == NULL || fake == NULL)
        return -1;
    fake_clock_init(fake, START_NS);
    for (int i = 0; i < TASKS_MAX; i++)
        pool_fixture_task(&tasks[i], i, false);
    return 0;
}

static int release(void **state)
{
    (void)state;
    if (fixture->closed) {
        fake_clock_clear(fake);
        free(fake);
        free(fixture);
        free(tasks);
    }
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- the gate
 */

/* Rules that are due when the test says so: number 0 is a pause, number 1 the pace of limit 0. */
static _Atomic int64_t due_ns[2];

static int64_t rule_next(void *rule)
{
    return atomic_load((_Atomic int64_t *)rule);
}

static void rule_take(void *rule, int64_t now_ns)
{
    (void)rule;
    (void)now_ns;
}

static void open_pool(uint32_t permits, uint32_t worker_max, uint32_t queue_max)
{
    const struct weir__gate_rule pause = {rule_next, rule_take, &due_ns[0], WEIR__GATE_NO_LIMIT};
    const struct weir__gate_rule pace = {rule_next, rule_take, &due_ns[1], 0};

    atomic_store(&due_ns[0], 0);
    atomic_store(&due_ns[1], 0);
    pool_fixture_open_gate(fixture);
    fixture->env = fake->env;
    fixture->gives = true;
    assert_true(weir__gate_add_limit(&fixture->gate, permits, 0));
    assert_true(weir__gate_add_rule(&fixture->gate, &pause) && weir__gate_add_rule(&fixture->gate, &pace));
    pool_fixture_open_pool(fixture, worker_max, queue_max);
}

static void pause_until(int64_t until_ns)
{
    atomic_store(&due_ns[0], until_ns);
    weir__pool_notice(&fixture->pool);
}

static void pace_until(int64_t until_ns)
{
    atomic_store(&due_ns[1], until_ns);
    weir__pool_notice(&fixture->pool);
}

/* ---------------------------------------------------------------------------------------------------------- its tasks
 */

/* Backs off until the moment in its `due_ns`, as often as it `returns`; a positive `due_ns` is a moment. */
static enum weir__pool_next back_off(struct pool_fixture *f, struct weir__worker *worker,
                                     struct pool_fixture_task *task)
{
    (void)worker;
    weir__gate_unsent(&f->gate, task->task.limit_count);
    weir__gate_give(&f->gate);
    return task->returns-- > 0 ? WEIR__POOL_LATER : WEIR__POOL_ENDED;
}

static void backs_off(int number, int64_t until_ns)
{
    tasks[number].body = back_off;
    tasks[number].returns = 1;
    tasks[number].task.due_ns = until_ns;
}

static void push(int number)
{
    assert_int_equal(pool_fixture_push(fixture, &tasks[number]), WEIR__PUSH_OK);
}

static void let_go(int number)
{
    weir__sem_post(&tasks[number].go);
}

static void reach(int64_t ns)
{
    if (!fake_clock_reach(fake, ns))
        fail_msg("nobody waits for %lld, but for %lld", (long long)ns, (long long)fake_clock_next(fake));
}

static void await_waiter(int64_t ns)
{
    if (!fake_clock_await(fake, ns))
        fail_msg("nobody waits for %lld, but for %lld", (long long)ns, (long long)fake_clock_next(fake));
}

static bool idle_is(void *count)
{
    return pool_fixture_idle(fixture) == *(uint32_t *)count;
}

static void await_idle(uint32_t count)
{
    if (!fake_clock_until(idle_is, &count))
        fail_msg("%u idle, wanted %u", pool_fixture_idle(fixture), count);
}

static bool expired_is(void *count)
{
    return atomic_load(&fixture->expiries) == *(int *)count;
}

static void await_expired(int count)
{
    if (!fake_clock_until(expired_is, &count))
        fail_msg("%d expired, wanted %d", atomic_load(&fixture->expiries), count);
}

static void expect_order(const int *numbers, int count)
{
    assert_int_equal(atomic_load(&fixture->order_count), count);
    for (int i = 0; i < count; i++)
        assert_int_equal(fixture->order[i], numbers[i]);
}

static void finish(void)
{
    pool_fixture_await_all(fixture);
    pool_fixture_close(fixture);
}

/* ----------------------------------------------------------------------------------------------------------- backoffs
 */

static void a_backed_off_task_goes_at_its_moment(void **state)
{
    (void)state;
    open_pool(1, 2, 10);
    backs_off(0, START_NS + 500);
    push(0);
    await_waiter(START_NS + 500);
    assert_int_equal(weir__pool_tally(&fixture->pool).backed_off, 1);
    assert_int_equal(weir__pool_tally(&fixture->pool).queued, 0);
    assert_int_equal(atomic_load(&fixture->order_count), 1);
    reach(START_NS + 500);
    pool_fixture_await_all(fixture);
    assert_int_equal(tasks[0].task.granted_ns, START_NS + 500);
    assert_int_equal(tasks[0].task.queued_ns, START_NS + 500);  /* the backoff is neither queueing, */
    assert_int_equal(tasks[0].task.next_up_ns, START_NS + 500); /* nor waiting for a permit */
    assert_int_equal(weir__pool_tally(&fixture->pool).backed_off, 0);
    assert_int_equal(atomic_load(&fixture->reached), 0);
    finish();
}

static void a_due_task_goes_before_the_queue(void **state)
{
    static const int wanted[] = {0, 1, 0, 2, 3};
    (void)state;
    open_pool(1, 1, 10);
    backs_off(0, START_NS + 500);
    tasks[0].parks = tasks[1].parks = true;
    push(0);
    pool_fixture_await_started(fixture, 1);
    for (int i = 1; i < 4; i++)
        push(i);
    let_go(0);
    pool_fixture_await_started(fixture, 1); /* not due yet: the queue goes on */
    fake_clock_advance(fake, 500);
    let_go(1);
    let_go(0);
    pool_fixture_await_all(fixture);
    expect_order(wanted, 5);
    finish();
}

static void an_earlier_backoff_calls_the_leader(void **state)
{
    (void)state;
    open_pool(2, 2, 10);
    backs_off(0, FAR_NS);
    backs_off(1, START_NS + 700);
    tasks[0].parks = tasks[1].parks = true;
    push(0);
    push(1);
    pool_fixture_await_started(fixture, 2);
    let_go(0);
    await_waiter(FAR_NS);
    let_go(1);
    reach(START_NS + 700);
    let_go(1);
    pool_fixture_await_started(fixture, 1);
    assert_int_equal(tasks[1].task.granted_ns, START_NS + 700);
    reach(FAR_NS);
    let_go(0);
    pool_fixture_await_all(fixture);
    assert_int_equal(tasks[0].task.granted_ns, FAR_NS);
    finish();
}

static void a_push_calls_the_leader_that_waits_for_a_backoff(void **state)
{
    (void)state;
    open_pool(1, 1, 10);
    backs_off(0, FAR_NS);
    push(0);
    await_waiter(FAR_NS);
    push(1);
    pool_fixture_await_started(fixture, 2);
    await_waiter(FAR_NS);
    assert_int_equal(atomic_load(&tasks[1].ends), 1);
    reach(FAR_NS);
    finish();
}

/* The queue has a task whose moment comes first: what is decided then is decided then, and nobody wakes before. */
static void a_backoff_wakes_nobody_while_the_gate_is_shut_for_longer(void **state)
{
    static const int wanted[] = {0, 0, 1};
    (void)state;
    open_pool(1, 2, 10);
    tasks[0].parks = true;
    backs_off(0, START_NS + 100);
    push(0);
    pool_fixture_await_started(fixture, 1);
    push(1);
    atomic_store(&due_ns[0], START_NS + 900);
    let_go(0);
    await_waiter(START_NS + 900);
    assert_int_equal(fake_clock_next(fake), START_NS + 900);
    let_go(0);
    reach(START_NS + 900);
    pool_fixture_await_all(fixture);
    expect_order(wanted, 3);
    assert_int_equal(tasks[0].task.next_up_ns, START_NS + 100);
    assert_int_equal(tasks[0].task.granted_ns, START_NS + 900);
    finish();
}

/* ----------------------------------------------------------------------------------------------------------- capacity
 */

struct producer {
    pthread_t thread;
    enum weir__pool_push_status status;
};

static void *produce(void *argument)
{
    struct producer *producer = argument;
    producer->status = weir__pool_push(&fixture->pool, &tasks[9].task, WEIR__NEVER);
    return NULL;
}

/* Four wait in the backlog, in a queue for four: no room, until it has drained to two. */
static void the_backlog_takes_up_room(void **state)
{
    struct producer producer;
    (void)state;
    open_pool(4, 4, 4);
    for (int i = 0; i < 4; i++) {
        backs_off(i, START_NS + 100 * (i + 1));
        push(i);
        pool_fixture_await_value(fixture, &fixture->pool.backlog.count, (uint32_t)i + 1);
    }
    assert_int_equal(weir__pool_tally(&fixture->pool).backed_off, 4);
    assert_int_equal(pool_fixture_push(fixture, &tasks[8]), WEIR__PUSH_FULL);
    assert_true(weir__thread_start(&producer.thread, produce, &producer));
    pool_fixture_await_value(fixture, &fixture->pool.room_waiters, 1);
    reach(START_NS + 100);
    await_waiter(START_NS + 200);
    assert_int_equal(fixture->pool.room_waiters, 1); /* not yet */
    reach(START_NS + 200);
    weir__thread_join(producer.thread);
    assert_int_equal(producer.status, WEIR__PUSH_OK);
    reach(START_NS + 300);
    reach(START_NS + 400);
    finish();
    assert_int_equal(atomic_load(&tasks[8].runs), 0);
    assert_int_equal(atomic_load(&tasks[9].ends), 1);
}

static void a_task_backs_off_into_a_full_pool(void **state)
{
    (void)state;
    open_pool(1, 1, 2);
    tasks[0].parks = tasks[1].parks = true;
    backs_off(0, START_NS + 100);
    push(0);
    pool_fixture_await_started(fixture, 1);
    push(1);
    push(2);
    let_go(0);
    pool_fixture_await_value(fixture, &fixture->pool.backlog.count, 1);
    pool_fixture_await_started(fixture, 1);
    assert_int_equal(fixture->pool.queue.count + fixture->pool.backlog.count, 2);
    assert_int_equal(pool_fixture_push(fixture, &tasks[3]), WEIR__PUSH_FULL);
    let_go(1);
    let_go(0);
    reach(START_NS + 100);
    finish();
    assert_int_equal(atomic_load(&fixture->ends), 3);
}

/* ----------------------------------------------------------------------------------------------------------- expiries
 */

static void expect_expired_at(int number, int64_t ns)
{
    if (atomic_load(&tasks[number].expiries) != 1 || tasks[number].expired_at_ns != ns)
        fail_msg("task %d expired %d times, at %lld; wanted %lld", number, atomic_load(&tasks[number].expiries),
                 (long long)tasks[number].expired_at_ns, (long long)ns);
    assert_int_equal(atomic_load(&tasks[number].drops), 0);
}

static void a_task_expires_while_the_gate_is_shut(void **state)
{
    (void)state;
    open_pool(1, 1, 10);
    atomic_store(&due_ns[0], START_NS + 900);
    for (int i = 0; i < 4; i++)
        tasks[i].task.expires_ns = START_NS + (i < 2 ? 500 : 800 + i);
    tasks[4].task.expires_ns = START_NS + 901;
    for (int i = 0; i < 5; i++)
        push(i);
    reach(START_NS + 500);
    await_expired(2); /* both at once */
    await_waiter(START_NS + 802);
    expect_expired_at(0, START_NS + 500);
    expect_expired_at(1, START_NS + 500);
    reach(START_NS + 802);
    await_expired(3);
    reach(START_NS + 803);
    await_expired(4);
    expect_expired_at(2, START_NS + 802);
    expect_expired_at(3, START_NS + 803);
    reach(START_NS + 900); /* and the one that has time left goes */
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&tasks[4].ends), 1);
    assert_int_equal(atomic_load(&fixture->order_count), 1);
    assert_int_equal(tasks[4].task.next_up_ns, START_NS + 803);
    assert_int_equal(weir__gate_tally(&fixture->gate, WEIR__GATE_NO_LIMIT).wait_ns, 900);
    assert_int_equal(weir__gate_tally(&fixture->gate, WEIR__GATE_NO_LIMIT).waits, 4); /* the two went as one */
    finish();
}

/* Also for a task that had to wait for room first. */
static void a_lifetime_counts_from_the_acceptance(void **state)
{
    struct producer producer;
    (void)state;
    open_pool(1, 1, 1);
    fixture->pool.lifetime_ns = 500;
    tasks[0].parks = true;
    push(0);
    pool_fixture_await_started(fixture, 1);
    push(1);
    assert_true(weir__thread_start(&producer.thread, produce, &producer));
    pool_fixture_await_value(fixture, &fixture->pool.room_waiters, 1);
    fake_clock_advance(fake, 300);
    atomic_store(&due_ns[0], START_NS + 900);
    let_go(0);
    reach(START_NS + 500);
    weir__thread_join(producer.thread);
    assert_int_equal(producer.status, WEIR__PUSH_OK);
    reach(START_NS + 900);
    finish();
    expect_expired_at(1, START_NS + 500);
    assert_int_equal(tasks[9].task.expires_ns, START_NS + 500 + 500);
    assert_int_equal(atomic_load(&tasks[9].ends), 1);
}

static void a_task_expires_while_all_permits_are_out(void **state)
{
    (void)state;
    open_pool(1, 2, 10);
    tasks[0].parks = true;
    tasks[1].task.expires_ns = START_NS + 500;
    push(0);
    pool_fixture_await_started(fixture, 1);
    push(1);
    push(2);
    reach(START_NS + 500);
    await_expired(1);
    await_idle(1); /* the other one does not expire: nobody waits for it */
    expect_expired_at(1, START_NS + 500);
    assert_int_equal(fake_clock_next(fake), WEIR__NEVER);
    assert_int_equal(atomic_load(&fixture->in_run), 1);
    let_go(0);
    finish();
    assert_int_equal(atomic_load(&tasks[2].ends), 1);
}

static void without_expiries_nobody_waits_for_a_permit(void **state)
{
    (void)state;
    open_pool(1, 4, 10);
    tasks[0].parks = true;
    for (int i = 0; i < 5; i++)
        push(i);
    pool_fixture_await_started(fixture, 1);
    assert_int_equal(fixture->pool.worker_count, 1);
    assert_null(fixture->pool.leader);
    let_go(0);
    finish();
}

/* The leader waits for an hour, until the task expires; then the permit gets a moment to come back at. */
static enum weir__pool_next answer_and_park(struct pool_fixture *f, struct weir__worker *worker,
                                            struct pool_fixture_task *task)
{
    (void)worker;
    weir__gate_answered(&f->gate, task->task.limit_count, fake_clock_now(fake));
    weir__pool_nudge(&f->pool);
    (void)weir__sem_wait(&task->go, WEIR__NEVER);
    weir__gate_give(&f->gate);
    return WEIR__POOL_ENDED;
}

static void a_response_calls_the_leader_that_waits_for_an_expiry(void **state)
{
    (void)state;
    open_pool(5, 2, 10);
    assert_true(weir__gate_add_limit(&fixture->gate, 1, 100));
    tasks[0].parks = true;
    tasks[0].body = answer_and_park;
    tasks[1].task.expires_ns = FAR_NS;
    push(0);
    pool_fixture_await_started(fixture, 1);
    push(1);
    await_waiter(FAR_NS);
    let_go(0);
    reach(START_NS + 100);
    pool_fixture_await_started(fixture, 1);
    assert_int_equal(tasks[1].task.granted_ns, START_NS + 100);
    let_go(0);
    finish();
}

static void a_task_from_the_backlog_expires_at_the_gate(void **state)
{
    (void)state;
    open_pool(1, 1, 10);
    backs_off(0, START_NS + 100);
    tasks[0].task.expires_ns = START_NS + 300;
    push(0);
    await_waiter(START_NS + 100);
    atomic_store(&due_ns[0], START_NS + 900);
    reach(START_NS + 100);
    reach(START_NS + 300);
    await_expired(1);
    expect_expired_at(0, START_NS + 300);
    assert_int_equal(atomic_load(&tasks[0].runs), 1);
    finish();
}

/* Its owner should have ended it; it does not go, and it is looked at no sooner. */
static void a_task_that_is_due_after_its_end_expires_when_due(void **state)
{
    (void)state;
    open_pool(1, 1, 10);
    backs_off(0, START_NS + 400);
    tasks[0].task.expires_ns = START_NS + 300;
    push(0);
    await_waiter(START_NS + 400);
    fake_clock_advance(fake, 350);
    push(1); /* who looks for it finds nothing yet */
    pool_fixture_await_started(fixture, 2);
    reach(START_NS + 400);
    await_expired(1);
    expect_expired_at(0, START_NS + 400);
    assert_int_equal(atomic_load(&tasks[0].runs), 1);
    finish();
}

static void while_the_owner_is_told_of_expiries_others_lead(void **state)
{
    (void)state;
    open_pool(1, 2, 10);
    atomic_store(&due_ns[0], START_NS + 900);
    tasks[0].task.expires_ns = START_NS + 100;
    tasks[0].expire_parks = true;
    push(0);
    push(1);
    reach(START_NS + 100);
    reach(START_NS + 900);
    pool_fixture_await_started(fixture, 1);
    assert_int_equal(atomic_load(&fixture->expiries), 0);
    let_go(0);
    finish();
    assert_int_equal(tasks[1].task.granted_ns, START_NS + 900);
    assert_int_equal(fixture->pool.ledger.spent_ns[WEIR__POOL_RUNNING], 800); /* in the owner's hands */
}

static void expired_tasks_make_room(void **state)
{
    struct producer producer;
    (void)state;
    open_pool(1, 1, 4);
    atomic_store(&due_ns[0], START_NS + 900);
    for (int i = 0; i < 4; i++) {
        tasks[i].task.expires_ns = START_NS + 100;
        push(i);
    }
    assert_true(weir__thread_start(&producer.thread, produce, &producer));
    pool_fixture_await_value(fixture, &fixture->pool.room_waiters, 1);
    reach(START_NS + 100);
    weir__thread_join(producer.thread);
    assert_int_equal(producer.status, WEIR__PUSH_OK);
    reach(START_NS + 900);
    finish();
    assert_int_equal(atomic_load(&fixture->expiries), 4);
}

/* A leader that waits for expiries is not woken for what finishing workers take by themselves. */
static atomic_int worker_waits;

static bool counting_wait(void *context, sem_t *sem, int64_t until_ns)
{
    if (sem != &fixture->pool.room && sem != &fixture->pool.settled)
        atomic_fetch_add(&worker_waits, 1);
    return fake->env.wait(context, sem, until_ns);
}

static void under_full_load_expiries_wake_nobody(void **state)
{
    (void)state;
    open_pool(1, 3, TASKS_MAX);
    fixture->env.wait = counting_wait;
    for (int i = 0; i < TASKS_MAX; i++)
        tasks[i].task.expires_ns = FAR_NS + i;
    tasks[0].parks = true;
    for (int i = 0; i < TASKS_MAX; i++)
        push(i);
    await_waiter(FAR_NS + 1);
    atomic_store(&worker_waits, 0);
    let_go(0);
    pool_fixture_await_all(fixture);
    await_idle(1);
    if (atomic_load(&worker_waits) > 1) /* it rests in the end */
        fail_msg("workers waited %d times", atomic_load(&worker_waits));
    assert_int_equal(atomic_load(&fixture->reached), 1); /* the leader has told, and nobody else need */
    assert_int_equal(fixture->pool.worker_count, 2);
    pool_fixture_close(fixture);
}

/* ------------------------------------------------------------------------------------------------ where the time goes
 */

static void expect_spent(int64_t idle, int64_t running, int64_t permit, int64_t pace, int64_t pause, int64_t backoff)
{
    const int64_t wanted[WEIR__POOL_STATES] = {idle, running, permit, pace, pause, backoff};
    const struct weir__pool_tally tally = weir__pool_tally(&fixture->pool);

    for (int i = 0; i < WEIR__POOL_STATES; i++)
        if (tally.spent_ns[i] != wanted[i])
            fail_msg("state %d: %lld ns, wanted %lld", i, (long long)tally.spent_ns[i], (long long)wanted[i]);
}

/* Two workers that have nothing to do; time 0 of both is START_NS. */
static void open_with_two_idle(uint32_t permits)
{
    open_pool(permits, 2, 10);
    tasks[10].parks = tasks[11].parks = true;
    push(10);
    push(11);
    pool_fixture_await_started(fixture, 2);
    let_go(10);
    let_go(11);
    pool_fixture_await_all(fixture);
    await_idle(2);
}

static void nothing_to_do_is_idle_time(void **state)
{
    (void)state;
    open_with_two_idle(2);
    fake_clock_advance(fake, 10);
    expect_spent(20, 0, 0, 0, 0, 0);
    finish();
}

/* The leader waits, and so does the other one, who would send if he could. */
static void a_shut_gate_costs_all_free_workers_its_cause(void **state)
{
    (void)state;
    open_with_two_idle(2);
    atomic_store(&due_ns[1], START_NS + 30);
    push(0);
    tasks[0].parks = true;
    await_waiter(START_NS + 30);
    fake_clock_advance(fake, 20);
    pause_until(START_NS + 70); /* the leader still waits for the pace: the time is the pause's from here on */
    expect_spent(0, 0, 0, 40, 0, 0);
    reach(START_NS + 30);
    reach(START_NS + 70);
    pool_fixture_await_started(fixture, 1);
    expect_spent(0, 0, 0, 40, 100, 0);
    fake_clock_advance(fake, 7);
    expect_spent(7, 7, 0, 40, 100, 0);
    let_go(0);
    finish();
}

static void permits_that_are_out_are_permit_time(void **state)
{
    struct weir__gate_answer answer;
    (void)state;
    open_with_two_idle(2);
    for (int i = 0; i < 2; i++)
        weir__gate_ask(&fixture->gate, START_NS, &answer); /* the test has both */
    push(0);
    fake_clock_advance(fake, 20);
    expect_spent(0, 0, 40, 0, 0, 0);
    for (int i = 0; i < 2; i++) {
        weir__gate_unsent(&fixture->gate, 1);
        weir__gate_give(&fixture->gate);
    }
    weir__pool_notice(&fixture->pool);
    pool_fixture_await_all(fixture);
    await_idle(2);
    fake_clock_advance(fake, 5);
    expect_spent(10, 0, 40, 0, 0, 0);
    finish();
}

static void tasks_that_only_wait_for_their_time_are_backoff_time(void **state)
{
    (void)state;
    open_with_two_idle(2);
    backs_off(0, START_NS + 60);
    push(0);
    await_waiter(START_NS + 60);
    fake_clock_advance(fake, 10);
    expect_spent(0, 0, 0, 0, 0, 20);
    tasks[1].parks = true;
    push(1); /* one works, the other one waits for the backoff all the same */
    pool_fixture_await_started(fixture, 2);
    await_waiter(START_NS + 60);
    reach(START_NS + 60);
    await_idle(1);
    expect_spent(0, 50, 0, 0, 0, 20 + 50);
    fake_clock_advance(fake, 3);
    expect_spent(3, 53, 0, 0, 0, 70);
    let_go(1);
    finish();
}

static enum weir__pool_next sleep_a_while(struct pool_fixture *f, struct weir__worker *worker,
                                          struct pool_fixture_task *task)
{
    (void)weir__pool_sleep(worker, START_NS + 40);
    (void)weir__sem_wait(&task->go, WEIR__NEVER);
    weir__gate_unsent(&f->gate, task->task.limit_count);
    weir__gate_give(&f->gate);
    return WEIR__POOL_ENDED;
}

static bool nobody_sleeps(void *unused)
{
    bool none;

    (void)unused;
    weir__mutex_lock(&fixture->pool.lock);
    none = fixture->pool.ledger.sleeping == 0;
    weir__mutex_unlock(&fixture->pool.lock);
    return none;
}

static void a_sleep_in_a_task_is_pace_time(void **state)
{
    (void)state;
    open_with_two_idle(2);
    tasks[0].body = sleep_a_while;
    push(0);
    reach(START_NS + 40);
    assert_true(fake_clock_until(nobody_sleeps, NULL));
    expect_spent(40, 0, 0, 40, 0, 0);
    fake_clock_advance(fake, 2);
    expect_spent(42, 2, 0, 40, 0, 0);
    let_go(0);
    finish();
}

static void a_pause_is_told_each_time_that_the_leader_begins_to_wait(void **state)
{
    (void)state;
    open_pool(1, 1, 10);
    atomic_store(&due_ns[0], START_NS + 100);
    push(0);
    await_waiter(START_NS + 100);
    assert_int_equal(atomic_load(&fixture->reached), 1);
    assert_int_equal(atomic_load(&fixture->reached_cause), WEIR__GATE_PAUSE);
    assert_int_equal(atomic_load(&fixture->reached_limit), WEIR__GATE_NO_LIMIT);
    pause_until(START_NS + 300); /* later: the leader finds out when it asks again */
    reach(START_NS + 100);
    await_waiter(START_NS + 300);
    assert_int_equal(atomic_load(&fixture->reached), 2);
    pause_until(0); /* earlier: he is called */
    finish();
    assert_int_equal(tasks[0].task.granted_ns, START_NS + 100);
    assert_int_equal(atomic_load(&fixture->reached), 2);
}

static void a_pace_that_becomes_shorter_calls_the_leader(void **state)
{
    (void)state;
    open_pool(1, 1, 10);
    atomic_store(&due_ns[1], FAR_NS);
    push(0);
    await_waiter(FAR_NS);
    pace_until(START_NS + 50);
    reach(START_NS + 50);
    finish();
    assert_int_equal(tasks[0].task.granted_ns, START_NS + 50);
}

/* --------------------------------------------------------------------------------------------------------------- stop
 */

static void a_stop_drops_what_has_backed_off(void **state)
{
    (void)state;
    open_pool(3, 3, 10);
    for (int i = 0; i < 3; i++) {
        backs_off(i, FAR_NS + i);
        push(i);
    }
    pool_fixture_await_value(fixture, &fixture->pool.backlog.count, 3);
    await_waiter(FAR_NS);
    weir__pool_stop(&fixture->pool);
    pool_fixture_await_all(fixture);
    assert_int_equal(fake_clock_now(fake), START_NS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(atomic_load(&tasks[i].drops), 1);
        assert_int_equal(atomic_load(&tasks[i].runs), 1);
    }
    assert_int_equal(weir__pool_tally(&fixture->pool).backed_off, 0);
    finish();
}

static void a_task_that_backs_off_after_a_stop_is_dropped(void **state)
{
    (void)state;
    open_pool(1, 1, 10);
    tasks[0].parks = true;
    backs_off(0, FAR_NS);
    push(0);
    pool_fixture_await_started(fixture, 1);
    push(1);
    weir__pool_stop(&fixture->pool);
    let_go(0);
    finish();
    assert_int_equal(atomic_load(&tasks[0].drops), 1);
    assert_int_equal(atomic_load(&tasks[1].drops), 1);
    assert_int_equal(atomic_load(&tasks[1].runs), 0);
}

/* ---------------------------------------------------------------------------------------------------- the clock itself
 */

static void the_wall_clock_goes_along_and_can_be_set(void **state)
{
    char text[32];
    (void)state;
    weir__clock_format(fake->env.wall_ns(fake->env.context) - START_NS, text, sizeof text);
    assert_string_equal(text, "2026-01-01T00:00:00.000Z");
    fake_clock_advance(fake, 1500 * WEIR__NS_PER_MS);
    fake_clock_step_wall(fake, -WEIR__NS_PER_S);
    weir__clock_format(fake->env.wall_ns(fake->env.context) - START_NS, text, sizeof text);
    assert_string_equal(text, "2026-01-01T00:00:00.500Z");
    assert_int_equal(fake_clock_now(fake), START_NS + 1500 * WEIR__NS_PER_MS);
    fixture->closed = true;
}

#define POOL(test) cmocka_unit_test_setup_teardown(test, allocate, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL(a_backed_off_task_goes_at_its_moment),
        POOL(a_due_task_goes_before_the_queue),
        POOL(an_earlier_backoff_calls_the_leader),
        POOL(a_push_calls_the_leader_that_waits_for_a_backoff),
        POOL(a_backoff_wakes_nobody_while_the_gate_is_shut_for_longer),
        POOL(the_backlog_takes_up_room),
        POOL(a_task_backs_off_into_a_full_pool),
        POOL(a_task_expires_while_the_gate_is_shut),
        POOL(a_lifetime_counts_from_the_acceptance),
        POOL(a_task_expires_while_all_permits_are_out),
        POOL(without_expiries_nobody_waits_for_a_permit),
        POOL(a_response_calls_the_leader_that_waits_for_an_expiry),
        POOL(a_task_from_the_backlog_expires_at_the_gate),
        POOL(a_task_that_is_due_after_its_end_expires_when_due),
        POOL(while_the_owner_is_told_of_expiries_others_lead),
        POOL(expired_tasks_make_room),
        POOL(under_full_load_expiries_wake_nobody),
        POOL(nothing_to_do_is_idle_time),
        POOL(a_shut_gate_costs_all_free_workers_its_cause),
        POOL(permits_that_are_out_are_permit_time),
        POOL(tasks_that_only_wait_for_their_time_are_backoff_time),
        POOL(a_sleep_in_a_task_is_pace_time),
        POOL(a_pause_is_told_each_time_that_the_leader_begins_to_wait),
        POOL(a_pace_that_becomes_shorter_calls_the_leader),
        POOL(a_stop_drops_what_has_backed_off),
        POOL(a_task_that_backs_off_after_a_stop_is_dropped),
        POOL(the_wall_clock_goes_along_and_can_be_set),
    };

    (void)alarm(55);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
