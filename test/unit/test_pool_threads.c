/*
 * The pool under real threads: what the queue promises, which workers run, and what a stop does.  Workers are parked on
 * semaphores, so that the state is certain before a test looks.
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
#include <unistd.h>

#include <cmocka.h>

#define TASKS_MAX 4096

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

static void make_tasks(int first, int count, bool parks)
{
    for (int i = first; i < first + count; i++)
        pool_fixture_task(&tasks[i], i, parks);
}

static void push_tasks(int first, int count)
{
    for (int i = first; i < first + count; i++)
        assert_int_equal(pool_fixture_push(fixture, &tasks[i]), WEIR__PUSH_OK);
}

static void let_go(int first, int count)
{
    for (int i = first; i < first + count; i++)
        weir__sem_post(&tasks[i].go);
}

static void expect_each_ended_once(int first, int count)
{
    for (int i = first; i < first + count; i++)
        if (atomic_load(&tasks[i].ends) != 1 || atomic_load(&tasks[i].drops) != 0)
            fail_msg("task %d ended %d times and was dropped %d times", i, atomic_load(&tasks[i].ends),
                     atomic_load(&tasks[i].drops));
}

/* -------------------------------------------------------------------------------------------------------------- queue
 */

/* A producer in a thread of its own, since it may block. */
struct producer {
    pthread_t thread;
    struct pool_fixture_task *task;
    int64_t until_ns;
    enum weir__pool_push_status status;
};

static void *produce(void *argument)
{
    struct producer *producer = argument;
    producer->status = weir__pool_push(&fixture->pool, &producer->task->task, producer->until_ns);
    return NULL;
}

static void start_producer(struct producer *producer, int task, int64_t until_ns)
{
    producer->task = &tasks[task];
    producer->until_ns = until_ns;
    assert_true(weir__thread_start(&producer->thread, produce, producer));
}

/* One worker, parked in task 0, and `queue_max` tasks behind it. */
static void fill(uint32_t queue_max)
{
    pool_fixture_open(fixture, 0, 1, queue_max);
    make_tasks(0, (int)queue_max + 4, true);
    push_tasks(0, 1);
    pool_fixture_await_started(fixture, 1);
    push_tasks(1, (int)queue_max);
}

static void a_full_queue_refuses_at_once(void **state)
{
    (void)state;
    fill(3);
    assert_int_equal(pool_fixture_push(fixture, &tasks[4]), WEIR__PUSH_FULL);
    assert_int_equal(weir__pool_tally(&fixture->pool).queued, 3);
    let_go(0, 4);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&tasks[4].runs) + atomic_load(&tasks[4].drops), 0);
    expect_each_ended_once(0, 4);
    pool_fixture_close(fixture);
}

static void a_full_queue_blocks_until_there_is_room(void **state)
{
    struct producer producers[2];
    (void)state;
    fill(4);
    start_producer(&producers[0], 5, WEIR__NEVER);
    start_producer(&producers[1], 6, WEIR__NEVER);
    pool_fixture_await_value(fixture, &fixture->pool.room_waiters, 2);
    assert_int_equal(atomic_load(&fixture->order_count), 1);
    let_go(0, 2); /* two of four still wait, and no further task is taken: both producers must be woken by now */
    for (int i = 0; i < 2; i++) {
        weir__thread_join(producers[i].thread);
        assert_int_equal(producers[i].status, WEIR__PUSH_OK);
    }
    let_go(2, 5);
    pool_fixture_await_all(fixture);
    expect_each_ended_once(0, 7);
    pool_fixture_close(fixture);
}

static void a_producer_gives_up_at_its_deadline(void **state)
{
    int64_t until_ns;
    (void)state;
    fill(4);
    until_ns = weir__clock_now_ns() + 30 * WEIR__NS_PER_MS;
    assert_int_equal(weir__pool_push(&fixture->pool, &tasks[5].task, until_ns), WEIR__PUSH_FULL);
    assert_true(weir__clock_now_ns() >= until_ns - WEIR__NS_PER_MS);
    assert_int_equal(fixture->pool.room_waiters, 0);
    let_go(0, 5);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&tasks[5].runs) + atomic_load(&tasks[5].drops), 0);
    pool_fixture_close(fixture);
}

/* Producers are woken at half, but room is room: one that reaches its deadline with nine of ten waiting is let in. */
static void room_at_the_deadline_is_used_even_if_nobody_was_woken(void **state)
{
    struct producer producer;
    (void)state;
    fill(10);
    start_producer(&producer, 11, weir__clock_now_ns() + 300 * WEIR__NS_PER_MS);
    pool_fixture_await_value(fixture, &fixture->pool.room_waiters, 1);
    let_go(0, 1);
    pool_fixture_await_started(fixture, 1);
    weir__thread_join(producer.thread);
    assert_int_equal(producer.status, WEIR__PUSH_OK);
    let_go(1, 11);
    pool_fixture_await_all(fixture);
    expect_each_ended_once(0, 12);
    pool_fixture_close(fixture);
}

static void one_worker_takes_tasks_in_order(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 1, 1, 1000);
    make_tasks(0, 1000, false);
    tasks[0].parks = true;
    push_tasks(0, 1000);
    let_go(0, 1);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&fixture->order_count), 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fixture->order[i], i);
    pool_fixture_close(fixture);
}

static void a_task_that_comes_back_goes_first_again(void **state)
{
    static const int wanted[] = {0, 0, 0, 1, 2, 2};
    (void)state;
    pool_fixture_open(fixture, 1, 1, 3);
    make_tasks(0, 4, false);
    tasks[0].parks = true;
    tasks[0].returns = 2;
    tasks[2].returns = 1;
    push_tasks(0, 1);
    pool_fixture_await_started(fixture, 1);
    push_tasks(1, 2);
    for (int i = 0; i < 3; i++)
        let_go(0, 1); /* for each of its runs */
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&fixture->order_count), 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(fixture->order[i], wanted[i]);
    pool_fixture_close(fixture);
}

/* It was accepted before: a queue that has filled up meanwhile does not turn it away. */
static void a_task_comes_back_to_a_full_queue(void **state)
{
    (void)state;
    fill(2);
    tasks[0].returns = 1;
    assert_int_equal(pool_fixture_push(fixture, &tasks[3]), WEIR__PUSH_FULL);
    let_go(0, 3);
    weir__sem_post(&tasks[0].go);
    pool_fixture_await_all(fixture);
    assert_int_equal(fixture->order[0], 0);
    assert_int_equal(fixture->order[1], 0);
    assert_int_equal(fixture->order[2], 1);
    expect_each_ended_once(0, 3);
    pool_fixture_close(fixture);
}

/* ------------------------------------------------------------------------------------------------------------ workers
 */

static void no_more_run_than_the_limit_allows(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 3, 8, TASKS_MAX);
    make_tasks(0, TASKS_MAX, false);
    for (int i = 0; i < 3; i++)
        tasks[i].parks = true;
    push_tasks(0, TASKS_MAX);
    pool_fixture_await_started(fixture, 3); /* the limit is reached, not only kept */
    assert_int_equal(atomic_load(&fixture->in_run), 3);
    let_go(0, 3);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&fixture->peak), 3);
    expect_each_ended_once(0, TASKS_MAX);
    pool_fixture_close(fixture);
}

static void the_ceiling_holds_where_there_is_no_limit(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 0, 5, 100);
    make_tasks(0, 50, true);
    push_tasks(0, 50);
    pool_fixture_await_started(fixture, 5);
    assert_int_equal(weir__pool_tally(&fixture->pool).workers, 5);
    assert_int_equal(weir__pool_tally(&fixture->pool).queued, 45);
    let_go(0, 50);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&fixture->peak), 5);
    pool_fixture_close(fixture);
}

static void no_thread_starts_before_there_is_work(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 8, 8, 100);
    assert_int_equal(fixture->pool.worker_count, 0);
    pool_fixture_close(fixture);
}

static void a_task_at_a_time_needs_one_worker(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 8, 8, 100);
    make_tasks(0, 500, false);
    for (int i = 0; i < 500; i++) {
        push_tasks(i, 1);
        pool_fixture_await_all(fixture);
    }
    assert_int_equal(weir__pool_tally(&fixture->pool).workers, 1);
    pool_fixture_close(fixture);
}

static void permits_that_are_out_start_no_thread(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 2, 8, 100);
    make_tasks(0, 50, true);
    push_tasks(0, 50);
    pool_fixture_await_started(fixture, 2);
    assert_int_equal(weir__pool_tally(&fixture->pool).workers, 2);
    let_go(0, 50);
    pool_fixture_await_all(fixture);
    pool_fixture_close(fixture);
}

static void the_most_recently_idle_worker_goes_first(void **state)
{
    struct weir__worker *workers[3];
    (void)state;
    pool_fixture_open(fixture, 3, 3, 100);
    make_tasks(0, 20, true);
    push_tasks(0, 3);
    pool_fixture_await_started(fixture, 3);
    for (int i = 0; i < 3; i++)
        workers[i] = atomic_load(&tasks[i].worker);
    for (uint32_t i = 0; i < 3; i++) { /* idle in the order 1, 2, 0 */
        let_go((int)((i + 1) % 3), 1);
        while (pool_fixture_idle(fixture) != i + 1)
            (void)usleep(100);
    }
    for (int i = 3; i < 10; i++) { /* the last to come is always the first to go */
        push_tasks(i, 1);
        pool_fixture_await_started(fixture, 1);
        assert_ptr_equal(atomic_load(&tasks[i].worker), workers[0]);
        let_go(i, 1);
        pool_fixture_await_all(fixture);
    }
    push_tasks(10, 3);
    pool_fixture_await_started(fixture, 3);
    assert_ptr_equal(atomic_load(&tasks[10].worker), workers[0]);
    assert_ptr_equal(atomic_load(&tasks[11].worker), workers[2]);
    assert_ptr_equal(atomic_load(&tasks[12].worker), workers[1]);
    let_go(10, 3);
    pool_fixture_await_all(fixture);
    pool_fixture_close(fixture);
}

/* From the moment that all permits are out until the queue is empty, workers wait for nothing. */
static void under_full_load_nobody_is_woken(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 4, 4, TASKS_MAX);
    make_tasks(0, TASKS_MAX, false);
    for (int i = 0; i < 4; i++)
        tasks[i].parks = true;
    push_tasks(0, 4);
    pool_fixture_await_started(fixture, 4);
    push_tasks(4, TASKS_MAX - 4);
    atomic_store(&fixture->waits, 0);
    let_go(0, 4);
    pool_fixture_await_all(fixture);
    while (pool_fixture_idle(fixture) != 4)
        (void)usleep(100);
    if (atomic_load(&fixture->waits) > 4) /* each rests once, at the end */
        fail_msg("workers waited %d times", atomic_load(&fixture->waits));
    expect_each_ended_once(0, TASKS_MAX);
    pool_fixture_close(fixture);
}

static enum weir__pool_next push_another(struct pool_fixture *f, struct weir__worker *worker,
                                         struct pool_fixture_task *task)
{
    (void)worker;
    if (task->number + 1 < 300 && pool_fixture_push(f, task + 1) != WEIR__PUSH_OK)
        return WEIR__POOL_ENDED; /* the count will show it */
    weir__gate_unsent(&f->gate, task->task.limit_count);
    weir__gate_give(&f->gate);
    return WEIR__POOL_ENDED;
}

static void a_running_task_may_push(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 4, 4, 8);
    make_tasks(0, 300, false);
    for (int i = 0; i < 300; i++)
        tasks[i].body = push_another;
    push_tasks(0, 1);
    pool_fixture_await_all(fixture);
    expect_each_ended_once(0, 300);
    assert_in_range(weir__pool_tally(&fixture->pool).workers, 1, 4);
    pool_fixture_close(fixture);
}

/* One permit, given back only by the task that has it: whoever is next always finds it out, and that is news once. */
static void a_limit_is_told_once_while_its_permits_are_out(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 1, 2, 100);
    make_tasks(0, 50, false);
    tasks[0].parks = true;
    push_tasks(0, 1);
    pool_fixture_await_started(fixture, 1);
    assert_int_equal(atomic_load(&fixture->reached), 0);
    push_tasks(1, 49);
    let_go(0, 1);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&fixture->reached), 1);
    assert_int_equal(atomic_load(&fixture->reached_limit), 0);
    pool_fixture_close(fixture);
}

/* --------------------------------------------------------------------------------------------------------------- wait
 */

static void a_wait_ends_when_nothing_is_pending_or_at_its_deadline(void **state)
{
    int64_t until_ns;
    (void)state;
    pool_fixture_open(fixture, 2, 2, 10);
    assert_true(weir__pool_wait(&fixture->pool, 0));
    make_tasks(0, 3, true);
    push_tasks(0, 3);
    assert_false(weir__pool_wait(&fixture->pool, 0));
    until_ns = weir__clock_now_ns() + 20 * WEIR__NS_PER_MS;
    assert_false(weir__pool_wait(&fixture->pool, until_ns));
    assert_true(weir__clock_now_ns() >= until_ns - WEIR__NS_PER_MS);
    let_go(0, 3);
    assert_true(weir__pool_wait(&fixture->pool, WEIR__NEVER));
    expect_each_ended_once(0, 3);
    pool_fixture_close(fixture);
}

static void *wait_for_all(void *argument)
{
    return weir__pool_wait(&fixture->pool, WEIR__NEVER) ? argument : NULL;
}

static void several_may_wait(void **state)
{
    pthread_t waiters[4];
    (void)state;
    pool_fixture_open(fixture, 1, 1, 10);
    make_tasks(0, 1, true);
    push_tasks(0, 1);
    for (int i = 0; i < 4; i++)
        assert_true(weir__thread_start(&waiters[i], wait_for_all, NULL));
    pool_fixture_await_value(fixture, &fixture->pool.settled_waiters, 4);
    let_go(0, 1);
    for (int i = 0; i < 4; i++)
        weir__thread_join(waiters[i]);
    pool_fixture_close(fixture);
}

/* --------------------------------------------------------------------------------------------------------------- stop
 */

static void a_stop_drops_what_waits_once_and_lets_the_running_end(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 3, 3, 100);
    make_tasks(0, 41, true);
    push_tasks(0, 40);
    pool_fixture_await_started(fixture, 3);
    weir__pool_stop(&fixture->pool);
    assert_true(weir__pool_stopped(&fixture->pool));
    assert_int_equal(pool_fixture_push(fixture, &tasks[40]), WEIR__PUSH_STOPPED);
    assert_int_equal(weir__pool_push(&fixture->pool, &tasks[40].task, WEIR__NEVER), WEIR__PUSH_STOPPED);
    let_go(0, 40);
    pool_fixture_await_all(fixture);
    expect_each_ended_once(0, 3);
    for (int i = 3; i < 40; i++) {
        assert_int_equal(atomic_load(&tasks[i].drops), 1);
        assert_int_equal(atomic_load(&tasks[i].runs), 0);
    }
    assert_int_equal(atomic_load(&tasks[40].drops), 0);
    weir__pool_stop(&fixture->pool); /* again is harmless */
    weir__pool_stop(&fixture->pool);
    pool_fixture_close(fixture);
}

/* With a worker free to do it, what waits is dropped while others still run. */
static void a_stop_does_not_wait_for_the_running_to_drop_the_rest(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 3, 3, 100);
    make_tasks(0, 13, true);
    push_tasks(0, 3);
    pool_fixture_await_started(fixture, 3);
    let_go(2, 1);
    while (pool_fixture_idle(fixture) != 1)
        (void)usleep(100);
    {
        struct weir__gate_answer answer; /* the third permit is taken away, so that its worker stays idle */
        weir__gate_ask(&fixture->gate, weir__clock_now_ns(), &answer);
        assert_true(answer.go);
    }
    push_tasks(3, 10);
    weir__pool_stop(&fixture->pool);
    for (int i = 0; atomic_load(&fixture->drops) < 10 && i < 100000; i++)
        (void)usleep(100);
    assert_int_equal(atomic_load(&fixture->drops), 10);
    assert_int_equal(atomic_load(&fixture->in_run), 2);
    assert_false(weir__pool_wait(&fixture->pool, 0));
    let_go(0, 2);
    pool_fixture_await_all(fixture);
    pool_fixture_close(fixture);
}

static void a_stop_turns_blocked_producers_away(void **state)
{
    struct producer producer;
    (void)state;
    fill(2);
    start_producer(&producer, 3, WEIR__NEVER);
    pool_fixture_await_value(fixture, &fixture->pool.room_waiters, 1);
    weir__pool_stop(&fixture->pool);
    weir__thread_join(producer.thread);
    assert_int_equal(producer.status, WEIR__PUSH_STOPPED);
    let_go(0, 3);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&tasks[3].runs) + atomic_load(&tasks[3].drops), 0);
    pool_fixture_close(fixture);
}

static void a_task_that_comes_back_after_a_stop_is_dropped(void **state)
{
    (void)state;
    fill(2);
    tasks[0].returns = 1;
    weir__pool_stop(&fixture->pool);
    let_go(0, 1);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&tasks[0].runs), 1);
    assert_int_equal(atomic_load(&tasks[0].ends), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(atomic_load(&tasks[i].drops), 1);
    pool_fixture_close(fixture);
}

/* Closing is a stop and a join: what runs ends, what waits is dropped, in whatever state the workers are. */
static void close_ends_all_and_joins(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        pool_fixture_open(fixture, 2, 4, 100);
        make_tasks(0, 30, false);
        push_tasks(0, 30);
        pool_fixture_close(fixture);
        assert_int_equal(atomic_load(&fixture->ends) + atomic_load(&fixture->drops), 30);
        for (int i = 0; i < 30; i++)
            assert_int_equal(atomic_load(&tasks[i].ends) + atomic_load(&tasks[i].drops), 1);
    }
}

/* -------------------------------------------------------------------------------------------------------------- sleep
 */

static atomic_int slept_whole, slept_short;
static _Atomic int64_t sleep_until_ns;

static enum weir__pool_next sleep_in_run(struct pool_fixture *f, struct weir__worker *worker,
                                         struct pool_fixture_task *task)
{
    (void)f;
    (void)task;
    atomic_fetch_add(weir__pool_sleep(worker, atomic_load(&sleep_until_ns)) ? &slept_whole : &slept_short, 1);
    return WEIR__POOL_ENDED;
}

static void sleep_with(int workers, int64_t until_ns)
{
    atomic_store(&slept_whole, 0);
    atomic_store(&slept_short, 0);
    atomic_store(&sleep_until_ns, until_ns);
    pool_fixture_open(fixture, 0, (uint32_t)workers, 10);
    make_tasks(0, workers, false);
    for (int i = 0; i < workers; i++)
        tasks[i].body = sleep_in_run;
    push_tasks(0, workers);
    pool_fixture_await_started(fixture, workers);
}

static void a_sleep_lasts_until_its_moment(void **state)
{
    const int64_t until_ns = weir__clock_now_ns() + 20 * WEIR__NS_PER_MS;
    (void)state;
    sleep_with(2, until_ns);
    pool_fixture_await_all(fixture);
    assert_true(weir__clock_now_ns() >= until_ns - WEIR__NS_PER_MS);
    assert_int_equal(atomic_load(&slept_whole), 2);
    pool_fixture_close(fixture);
}

static void a_stop_ends_every_sleep(void **state)
{
    (void)state;
    sleep_with(3, WEIR__NEVER);
    weir__pool_stop(&fixture->pool);
    pool_fixture_await_all(fixture);
    assert_int_equal(atomic_load(&slept_short), 3);
    pool_fixture_close(fixture);
}

/* A post that was meant for an earlier wait can still be there. */
static void post_stale(struct weir__worker *worker)
{
    weir__sem_post(&worker->wake);
    weir__sem_post(&worker->wake);
}

static enum weir__pool_next sleep_with_a_stale_post(struct pool_fixture *f, struct weir__worker *worker,
                                                    struct pool_fixture_task *task)
{
    post_stale(worker);
    return sleep_in_run(f, worker, task);
}

static enum weir__pool_next leave_a_stale_post(struct pool_fixture *f, struct weir__worker *worker,
                                               struct pool_fixture_task *task)
{
    (void)f;
    (void)task;
    post_stale(worker);
    return WEIR__POOL_ENDED;
}

static void a_stale_post_cuts_no_sleep_short(void **state)
{
    const int64_t until_ns = weir__clock_now_ns() + 20 * WEIR__NS_PER_MS;
    (void)state;
    atomic_store(&slept_whole, 0);
    atomic_store(&sleep_until_ns, until_ns);
    pool_fixture_open(fixture, 0, 1, 10);
    make_tasks(0, 1, false);
    tasks[0].body = sleep_with_a_stale_post;
    push_tasks(0, 1);
    pool_fixture_await_all(fixture);
    assert_true(weir__clock_now_ns() >= until_ns - WEIR__NS_PER_MS);
    assert_int_equal(atomic_load(&slept_whole), 1);
    pool_fixture_close(fixture);
}

/* Nor does it put a worker on the stack of idle ones twice. */
static void a_stale_post_ends_no_rest(void **state)
{
    (void)state;
    pool_fixture_open(fixture, 0, 2, 10);
    make_tasks(0, 4, false);
    tasks[0].body = leave_a_stale_post;
    push_tasks(0, 1);
    pool_fixture_await_all(fixture);
    for (int i = 0; atomic_load(&fixture->waits) < 3 && i < 100000; i++)
        (void)usleep(100); /* both posts are used up, and it waits again */
    assert_int_equal(pool_fixture_idle(fixture), 1);
    for (int i = 1; i < 4; i++) {
        push_tasks(i, 1);
        pool_fixture_await_all(fixture);
        assert_int_equal(pool_fixture_idle(fixture), 1);
    }
    pool_fixture_close(fixture);
}

#define POOL(test) cmocka_unit_test_setup_teardown(test, allocate, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOL(a_full_queue_refuses_at_once),
        POOL(a_full_queue_blocks_until_there_is_room),
        POOL(a_producer_gives_up_at_its_deadline),
        POOL(room_at_the_deadline_is_used_even_if_nobody_was_woken),
        POOL(one_worker_takes_tasks_in_order),
        POOL(a_task_that_comes_back_goes_first_again),
        POOL(a_task_comes_back_to_a_full_queue),
        POOL(no_more_run_than_the_limit_allows),
        POOL(the_ceiling_holds_where_there_is_no_limit),
        POOL(no_thread_starts_before_there_is_work),
        POOL(a_task_at_a_time_needs_one_worker),
        POOL(permits_that_are_out_start_no_thread),
        POOL(the_most_recently_idle_worker_goes_first),
        POOL(under_full_load_nobody_is_woken),
        POOL(a_running_task_may_push),
        POOL(a_limit_is_told_once_while_its_permits_are_out),
        POOL(a_wait_ends_when_nothing_is_pending_or_at_its_deadline),
        POOL(several_may_wait),
        POOL(a_stop_drops_what_waits_once_and_lets_the_running_end),
        POOL(a_stop_does_not_wait_for_the_running_to_drop_the_rest),
        POOL(a_stop_turns_blocked_producers_away),
        POOL(a_task_that_comes_back_after_a_stop_is_dropped),
        POOL(close_ends_all_and_joins),
        POOL(a_sleep_lasts_until_its_moment),
        POOL(a_stop_ends_every_sleep),
        POOL(a_stale_post_cuts_no_sleep_short),
        POOL(a_stale_post_ends_no_rest),
    };

    (void)alarm(50);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
