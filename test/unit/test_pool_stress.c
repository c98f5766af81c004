/*
 * The pool under disorder: producers, delays, two limits (one held) and a third that is adopted, a pace, pauses, tasks
 * that come back, back off or expire, and stops at random moments.  Whatever happens, each accepted task ends exactly
 * once, and in time: a lost call would be a hang.  And the ledger of the workers' time adds up to the nanosecond.
 *
 * A failing round prints its seed; threads keep it from being replayed exactly.
 */
#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"
#include "policy/hold.h"
#include "policy/pace.h"
#include "support/pool_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define LASTS_NS (3 * WEIR__NS_PER_S)
#define PRODUCERS 3
#define TASKS_EACH 3000
#define CONCURRENCY 4
#define RATE_PERMITS 16
#define HOLD_NS (2 * WEIR__NS_PER_MS)

#define ADOPTED_PERMITS 40

enum limit { LIMIT_CONCURRENCY, LIMIT_RATE };

static struct pool_fixture *fixture;
static struct pool_fixture_task *tasks;
static bool *accepted;
static struct weir__pace pace;  /* guarded by the gate */
static int64_t paused_until_ns; /* guarded by the gate */
static int64_t allowance_ns;    /* of each task; 0: none expires */
static atomic_bool adopts;      /* this round, and not yet */
static int tasks_each;
static atomic_int holding, holding_peak; /* permits of the concurrency limit that tasks have in hand */
static _Atomic uint64_t draws;           /* the seed of the next draw; a race for it only makes it more random */

static int64_t draw(int64_t below)
{
    uint64_t seed = atomic_fetch_add(&draws, 1);
    return weir__random_below(&seed, below);
}

static int64_t pace_next(void *rule)
{
    return weir__pace_next(rule);
}

static void pace_take(void *rule, int64_t now_ns)
{
    weir__pace_take(rule, now_ns);
}

static int64_t pause_next(void *rule)
{
    return *(int64_t *)rule;
}

static void pause_take(void *rule, int64_t now_ns)
{
    (void)rule;
    (void)now_ns;
}

/* When the workers started, as the pool saw it: a thread's last reading is the one that it starts a worker with. */
static _Thread_local int64_t read_ns;
static pthread_mutex_t starts_lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t started_ns_sum;
static uint32_t started;

static int64_t noting_now(void *context)
{
    (void)context;
    read_ns = weir__clock_now_ns();
    return read_ns;
}

static bool noting_start(void *context, pthread_t *thread, void *(*run)(void *), void *argument)
{
    (void)context;
    if (!weir__thread_start(thread, run, argument))
        return false;
    weir__mutex_lock(&starts_lock);
    started_ns_sum += read_ns;
    started++;
    weir__mutex_unlock(&starts_lock);
    return true;
}

static _Atomic int64_t time_lost_ns; /* the ledger's sum and workers x time once differed by this */
static atomic_bool adopted_wrong;

/* Any thread.  Compares unless a worker has started meanwhile. */
static void check_the_time(void)
{
    struct weir__pool_tally tally;
    int64_t sum_ns, spent_ns = 0;
    uint32_t before;

    weir__mutex_lock(&starts_lock);
    sum_ns = started_ns_sum;
    before = started;
    weir__mutex_unlock(&starts_lock);
    tally = weir__pool_tally(&fixture->pool);
    if (tally.workers != before)
        return;
    for (int i = 0; i < WEIR__POOL_STATES; i++)
        spent_ns += tally.spent_ns[i];
    if (spent_ns != tally.now_ns * tally.workers - sum_ns)
        atomic_store(&time_lost_ns, tally.now_ns * tally.workers - sum_ns - spent_ns);
}

/* What only one of many attempts does: a pause for all, or another limit. */
static void change_the_rules(struct pool_fixture *f)
{
    const int64_t now_ns = weir__clock_now_ns();

    if (draw(50) == 0) {
        weir__gate_lock(&f->gate);
        paused_until_ns = now_ns + draw(1000000);
        weir__gate_unlock(&f->gate);
        weir__pool_notice(&f->pool);
    }
    if (draw(20) == 0 && atomic_exchange(&adopts, false))
        if (weir__gate_adopt(&f->gate, ADOPTED_PERMITS, HOLD_NS, (uint32_t)draw(ADOPTED_PERMITS),
                             now_ns + draw(5000000), NULL) != LIMIT_RATE + 1)
            atomic_store(&adopted_wrong, true);
}

static void work_a_little(struct weir__worker *worker)
{
    switch (draw(4)) {
    case 0:
        (void)weir__pool_sleep(worker, weir__clock_now_ns() + draw(300000));
        break;
    case 1:
        for (const int64_t until_ns = weir__clock_now_ns() + draw(50000); weir__clock_now_ns() < until_ns;)
            continue;
        break;
    default:
        break;
    }
}

/* An attempt: perhaps never sent, perhaps sent and answered; sometimes it comes back for another. */
static enum weir__pool_next attempt(struct pool_fixture *f, struct weir__worker *worker, struct pool_fixture_task *task)
{
    const bool sent = draw(5) > 0;
    const int now_holding = atomic_fetch_add(&holding, 1) + 1;

    if (now_holding > atomic_load(&holding_peak))
        atomic_store(&holding_peak, now_holding); /* a race may lose a peak, but not all of them */
    work_a_little(worker);
    if (sent) {
        weir__gate_answered(&f->gate, task->task.limit_count, weir__clock_now_ns());
        weir__pool_nudge(&f->pool);
        change_the_rules(f);
        work_a_little(worker);
    } else {
        weir__gate_unsent(&f->gate, task->task.limit_count);
    }
    atomic_fetch_sub(&holding, 1);
    weir__gate_give(&f->gate);
    if (draw(20) == 0)
        work_a_little(worker); /* a slow completion callback, with the permits given back */
    if (task->returns == 0)
        return WEIR__POOL_ENDED;
    task->returns--;
    task->task.due_ns = weir__clock_now_ns() + draw(2000000);
    if (task->task.due_ns >= task->task.expires_ns)
        return WEIR__POOL_ENDED;
    return draw(3) == 0 ? WEIR__POOL_AGAIN : WEIR__POOL_LATER;
}

static void *produce(void *argument)
{
    const int first = *(const int *)argument;

    for (int i = first; i < first + tasks_each; i++) {
        int64_t until_ns = WEIR__NEVER;
        if (draw(3) == 0)
            until_ns = draw(2) == 0 ? 0 : weir__clock_now_ns() + draw(3000000);
        if (allowance_ns > 0)
            tasks[i].task.expires_ns = weir__clock_now_ns() + allowance_ns;
        if (draw(30) == 0)
            check_the_time();
        switch (weir__pool_push(&fixture->pool, &tasks[i].task, until_ns)) {
        case WEIR__PUSH_OK:
            accepted[i] = true;
            break;
        case WEIR__PUSH_FULL:
            break;
        default:
            return NULL;
        }
        if (draw(50) == 0)
            (void)usleep((useconds_t)draw(2000));
    }
    return NULL;
}

static void open_round(uint32_t worker_max, uint32_t queue_max)
{
    const struct weir__gate_rule rule = {pace_next, pace_take, &pace, LIMIT_RATE};
    const struct weir__gate_rule pause = {pause_next, pause_take, &paused_until_ns, WEIR__GATE_NO_LIMIT};

    fixture = calloc(1, sizeof *fixture);
    tasks = calloc(PRODUCERS * TASKS_EACH, sizeof *tasks);
    accepted = calloc(PRODUCERS * TASKS_EACH, sizeof *accepted);
    assert_true(fixture != NULL && tasks != NULL && accepted != NULL);
    pool_fixture_open_gate(fixture);
    fixture->env.now_ns = noting_now;
    fixture->env.start = noting_start;
    started_ns_sum = 0;
    started = 0;
    paused_until_ns = 0;
    allowance_ns = draw(2) == 0 ? 0 : 500000 + draw(20000000);
    atomic_store(&adopts, draw(2) == 0);
    weir__pace_init(&pace, (uint32_t)(1 + draw(40)) * 1000, WEIR__NS_PER_S, (uint32_t)draw(4));
    assert_true(weir__gate_add_limit(&fixture->gate, CONCURRENCY, 0));
    assert_true(weir__gate_add_limit(&fixture->gate, RATE_PERMITS, weir__hold_until(0, HOLD_NS)));
    assert_true(weir__gate_add_rule(&fixture->gate, &pause));
    assert_true(draw(2) == 0 || weir__gate_add_rule(&fixture->gate, &rule));
    pool_fixture_open_pool(fixture, worker_max, queue_max);
    for (int i = 0; i < PRODUCERS * TASKS_EACH; i++) {
        tasks[i].number = i;
        tasks[i].body = attempt;
        tasks[i].task.expires_ns = WEIR__NEVER;
        tasks[i].returns = draw(10) == 0 ? (int)draw(3) : 0;
    }
}

static void close_round(uint64_t seed, bool stopped)
{
    int64_t ends = 0, drops = 0, expiries = 0, count = 0;

    for (int i = 0; i < PRODUCERS * TASKS_EACH; i++) {
        const int ended = atomic_load(&tasks[i].ends), dropped = atomic_load(&tasks[i].drops);
        const int expired = atomic_load(&tasks[i].expiries);
        if (ended + dropped + expired != (accepted[i] ? 1 : 0) || (dropped > 0 && !stopped))
            fail_msg("seed %llu, task %d: accepted %d, ended %d times, dropped %d times, expired %d times",
                     (unsigned long long)seed, i, accepted[i], ended, dropped, expired);
        if (expired > 0 && tasks[i].expired_at_ns < tasks[i].task.expires_ns)
            fail_msg("seed %llu, task %d: expired %lld ns too early", (unsigned long long)seed, i,
                     (long long)(tasks[i].task.expires_ns - tasks[i].expired_at_ns));
        ends += ended;
        drops += dropped;
        expiries += expired;
        count += accepted[i];
    }
    assert_int_equal(ends, atomic_load(&fixture->ends));
    assert_int_equal(drops, atomic_load(&fixture->drops));
    assert_int_equal(expiries, atomic_load(&fixture->expiries));
    assert_int_equal(ends + drops + expiries, count);
    assert_true(atomic_load(&holding_peak) <= CONCURRENCY);
    assert_int_equal(atomic_load(&holding), 0);
    pool_fixture_close(fixture);
    free(fixture);
    free(tasks);
    free(accepted);
}

/* Every permit must have come back: after the hold, all of them can be taken. */
static void expect_all_permits_back(void)
{
    const int64_t later_ns = weir__clock_now_ns() + 10 * WEIR__NS_PER_S;
    struct weir__gate_answer answer;
    assert_int_equal(fixture->gate.state->unanswered, 0);
    for (uint32_t i = 0; i < fixture->gate.state->limit_count; i++)
        assert_int_equal(weir__gate_tally(&fixture->gate, i).out, 0);
    for (int i = 0; i < CONCURRENCY; i++) {
        weir__gate_ask(&fixture->gate, later_ns + i * WEIR__NS_PER_S, &answer);
        assert_true(answer.go);
    }
    weir__gate_ask(&fixture->gate, later_ns + CONCURRENCY * WEIR__NS_PER_S, &answer);
    assert_false(answer.go);
    assert_int_equal(answer.limit, LIMIT_CONCURRENCY);
    for (uint32_t i = CONCURRENCY; i < RATE_PERMITS; i++) {
        weir__gate_give(&fixture->gate);
        weir__gate_ask(&fixture->gate, later_ns + (i + 1) * WEIR__NS_PER_S, &answer);
        assert_true(answer.go);
    }
    weir__gate_give(&fixture->gate);
    weir__gate_ask(&fixture->gate, later_ns + 30 * WEIR__NS_PER_S, &answer);
    assert_false(answer.go);
    assert_int_equal(answer.limit, LIMIT_RATE);
}

static void one_round(uint64_t seed, bool stops)
{
    pthread_t producers[PRODUCERS];
    int first[PRODUCERS];

    atomic_store(&draws, seed * 1000000007);
    tasks_each = stops ? TASKS_EACH : 40 + (int)draw(200);
    open_round((uint32_t)(1 + draw(8)), (uint32_t)(1 + draw(20)));
    for (int i = 0; i < PRODUCERS; i++) {
        first[i] = i * TASKS_EACH;
        assert_true(weir__thread_start(&producers[i], produce, &first[i]));
    }
    if (stops) {
        (void)usleep((useconds_t)draw(60000));
        weir__pool_stop(&fixture->pool);
    }
    for (int i = 0; i < PRODUCERS; i++)
        weir__thread_join(producers[i]);
    if (!weir__pool_wait(&fixture->pool, weir__clock_now_ns() + 20 * WEIR__NS_PER_S))
        fail_msg("seed %llu: %llu tasks are still pending, %u queued", (unsigned long long)seed,
                 (unsigned long long)fixture->pool.pending, fixture->pool.queue.count);
    check_the_time();
    assert_int_equal(atomic_load(&time_lost_ns), 0);
    assert_false(atomic_load(&adopted_wrong));
    expect_all_permits_back();
    close_round(seed, stops);
}

static int rounds_for(int64_t lasts_ns, bool stops)
{
    const int64_t until_ns = weir__clock_now_ns() + lasts_ns;
    const uint64_t base = (uint64_t)weir__clock_wall_ns();
    int rounds = 0;

    while (weir__clock_now_ns() < until_ns)
        one_round(base + (uint64_t)rounds++, stops);
    return rounds;
}

static void every_task_ends_once_whenever_a_stop_comes(void **state)
{
    (void)state;
    assert_true(rounds_for(LASTS_NS / 2, true) > 1);
}

static void every_task_runs_to_its_end_where_no_stop_comes(void **state)
{
    (void)state;
    assert_true(rounds_for(LASTS_NS / 2, false) > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_ends_once_whenever_a_stop_comes),
        cmocka_unit_test(every_task_runs_to_its_end_where_no_stop_comes),
    };

    (void)alarm(50);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
