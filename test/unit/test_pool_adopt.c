/*
 * Limits that the gate adopts while jobs are on their way: how many permits are free, out and held at first, when each
 * comes back, and that the permit rule holds from then on.
 */
#include "base/clock.h"
#include "base/random.h"
#include "pool/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define HOLD_NS 1000
#define CONCURRENCY 100000u

static struct weir__gate gate;

static int open_gate(void **state)
{
    (void)state;
    return weir__gate_init(&gate) && weir__gate_add_limit(&gate, CONCURRENCY, 0) ? 0 : -1;
}

static int close_gate(void **state)
{
    (void)state;
    weir__gate_clear(&gate);
    return 0;
}

static struct weir__gate_answer ask(int64_t now_ns)
{
    struct weir__gate_answer answer;
    weir__gate_ask(&gate, now_ns, &answer);
    return answer;
}

/* Sends what may go now; how many that was. */
static int drain(int64_t now_ns)
{
    int count = 0;

    while (ask(now_ns).go)
        count++;
    return count;
}

static void send_old(int count)
{
    for (int i = 0; i < count; i++) {
        const struct weir__gate_answer answer = ask(0);
        assert_true(answer.go);
        assert_int_equal(answer.limit_count, 1);
    }
}

static void adopt(uint32_t permits, uint32_t left, int64_t due_ns)
{
    assert_int_equal(weir__gate_adopt(&gate, permits, HOLD_NS, left, due_ns, NULL), 1);
}

/* `free` go now, `held` more at the due moment, and the rest are out. */
static void expect_shares(int free_count, int64_t due_ns, int held)
{
    assert_int_equal(weir__gate_tally(&gate, 1).out, gate.state->permits[1].count - (uint32_t)(free_count + held));
    assert_int_equal(drain(due_ns - 1), free_count);
    assert_int_equal(drain(due_ns), held);
    assert_int_equal(drain(WEIR__NEVER - 1), 0);
}

static void what_is_left_goes_and_the_rest_when_due(void **state)
{
    (void)state;
    adopt(10, 3, 500);
    expect_shares(3, 500, 7);
}

static void no_more_than_the_permits_is_left(void **state)
{
    (void)state;
    adopt(10, 4000000000u, 500);
    expect_shares(10, 500, 0);
}

static void each_unanswered_job_takes_one_of_what_is_left(void **state)
{
    (void)state;
    send_old(2);
    adopt(10, 5, 500);
    expect_shares(5 - 2, 500, 10 - 2 - 3);
}

static void fewer_left_than_unanswered_leaves_none_free(void **state)
{
    (void)state;
    send_old(4);
    adopt(10, 3, 500);
    expect_shares(0, 500, 6);
}

static void left_and_unanswered_share_the_permits(void **state)
{
    (void)state;
    send_old(4);
    adopt(10, 10, 500);
    expect_shares(6, 500, 0);
}

/* One that was answered brings nothing back, but while its body comes, what says how many are left may be older. */
static void answered_jobs_count_until_they_are_over(void **state)
{
    (void)state;
    send_old(4);
    weir__gate_answered(&gate, 1, 10);
    weir__gate_unsent(&gate, 1);
    weir__gate_give(&gate);
    adopt(10, 5, 500);
    expect_shares(2, 500, 6);
}

static void a_job_from_before_brings_its_permit_back_as_the_others_do(void **state)
{
    (void)state;
    send_old(2);
    adopt(2, 0, 10);
    assert_int_equal(drain(5000), 0);
    weir__gate_answered(&gate, 1, 5000);
    assert_int_equal(weir__gate_tally(&gate, 1).out, 1);
    assert_int_equal(drain(5999), 0);
    assert_int_equal(drain(6000), 1);
    weir__gate_unsent(&gate, 1); /* the other never left: at once */
    assert_int_equal(drain(6000), 1);
    assert_int_equal(gate.state->adopted_out[1], 0);
    weir__gate_answered(&gate, 2, 6000); /* those have the limit's permits themselves */
    weir__gate_answered(&gate, 2, 6000);
    assert_int_equal(drain(6999), 0);
    assert_int_equal(drain(7000), 2);
    assert_int_equal(gate.state->unanswered, 2);
}

/* Seven on their way and three permits: the first four answers bring none back. */
static void where_too_many_are_on_their_way_the_last_ones_have_the_permits(void **state)
{
    (void)state;
    send_old(7);
    adopt(3, 3, 10);
    assert_int_equal(weir__gate_tally(&gate, 1).out, 3);
    for (int i = 1; i <= 4; i++) {
        weir__gate_answered(&gate, 1, i);
        assert_int_equal(drain(1000000 + i), 0);
    }
    for (int i = 5; i <= 7; i++) {
        weir__gate_answered(&gate, 1, 2000000 + i);
        assert_int_equal(drain(2000000 + HOLD_NS + i), 1);
    }
    assert_int_equal(weir__gate_tally(&gate, 1).out, 3);
    assert_int_equal(gate.state->unanswered, 3);
}

/* A limit that is only paced: its permits come back at once, but those that are not left wait for the due moment. */
static int64_t pace_due_ns;

static int64_t pace_next(void *rule)
{
    return *(int64_t *)rule;
}

static void pace_take(void *rule, int64_t now_ns)
{
    *(int64_t *)rule = now_ns + 10;
}

static void a_limit_brings_its_rule_along(void **state)
{
    const struct weir__gate_rule rule = {pace_next, pace_take, &pace_due_ns, 99};
    struct weir__gate_answer answer;
    (void)state;
    pace_due_ns = 100;
    send_old(1);
    assert_int_equal(weir__gate_adopt(&gate, 3, 0, 2, 500, &rule), 1);
    answer = ask(50);
    assert_true(!answer.go && answer.cause == WEIR__GATE_RULE && answer.limit == 1 && answer.not_before_ns == 100);
    assert_true(ask(100).go);
    assert_int_equal(ask(105).not_before_ns, 500); /* one is out, one not left */
    weir__gate_answered(&gate, 1, 120);
    assert_true(ask(120).go);
    assert_int_equal(ask(125).not_before_ns, 500);
    weir__gate_answered(&gate, 2, 130);
    assert_true(ask(130).go);
    assert_int_equal(ask(140).not_before_ns, 500);
}

static void an_adopted_limit_is_in_answers_from_then_on(void **state)
{
    (void)state;
    send_old(1);
    adopt(10, 10, 500);
    assert_int_equal(ask(0).limit_count, 2);
    assert_int_equal(weir__gate_adopt(&gate, 5, HOLD_NS, 5, 0, NULL), 2);
    assert_int_equal(gate.state->adopted_out[2], 2);
    assert_int_equal(ask(0).limit_count, 3);
    weir__gate_answered(&gate, 2, 7); /* the one between: its permit of limit 1, and what stands for it in limit 2 */
    assert_int_equal(gate.state->adopted_out[1], 1);
    assert_int_equal(gate.state->adopted_out[2], 1);
    assert_int_equal(weir__gate_tally(&gate, 1).out, 2);
    assert_int_equal(weir__gate_tally(&gate, 2).out, 2);
}

static void a_gate_that_is_full_adopts_nothing(void **state)
{
    const struct weir__gate_rule rule = {pace_next, pace_take, &pace_due_ns, 0};
    (void)state;
    pace_due_ns = 0;
    while (gate.rule_count < WEIR__GATE_RULES_MAX)
        assert_true(weir__gate_add_rule(&gate, &rule));
    assert_int_equal(weir__gate_adopt(&gate, 2, HOLD_NS, 2, 0, &rule), 0);
    assert_int_equal(gate.state->limit_count, 1);
    for (uint32_t i = 1; i < WEIR__GATE_LIMITS_MAX; i++)
        assert_int_equal(weir__gate_adopt(&gate, 2, HOLD_NS, 2, 0, NULL), i);
    assert_int_equal(weir__gate_adopt(&gate, 2, HOLD_NS, 2, 0, NULL), 0);
    assert_true(ask(0).go && ask(10).go && !ask(20).go);
}

/* ------------------------------------------------------------------------------------------------------ the property
 */

enum { JOBS = 300, OLD_MAX = 25 };

struct job {
    bool old, answered;
    uint32_t limit_count;
    int64_t arrives_ns, begins_ns;
};

static struct job jobs[JOBS + OLD_MAX];
static int job_count;

static void answer_until(int64_t now_ns)
{
    for (;;) {
        struct job *next = NULL;
        for (int i = 0; i < job_count; i++)
            if (!jobs[i].answered && jobs[i].begins_ns <= now_ns &&
                (next == NULL || jobs[i].begins_ns < next->begins_ns))
                next = &jobs[i];
        if (next == NULL)
            return;
        next->answered = true;
        weir__gate_answered(&gate, next->limit_count, next->begins_ns);
    }
}

static void add_job(uint64_t *seed, bool old, uint32_t limit_count, int64_t now_ns)
{
    struct job *job = &jobs[job_count++];

    job->old = old;
    job->answered = false;
    job->limit_count = limit_count;
    job->begins_ns = now_ns + weir__random_below(seed, 2 * HOLD_NS);
    /* as late as it can have been, for those from before; the others anywhere on their way */
    job->arrives_ns = old ? job->begins_ns : now_ns + weir__random_below(seed, job->begins_ns - now_ns + 1);
}

/* The most arrivals in any window of the period that holds one of the jobs that went after the adoption. */
static int worst_window(void)
{
    int worst = 0;

    for (int i = 0; i < job_count; i++) {
        int count = 0;
        bool has_new = false;
        for (int j = 0; j < job_count; j++) {
            if (jobs[j].arrives_ns <= jobs[i].arrives_ns - HOLD_NS || jobs[j].arrives_ns > jobs[i].arrives_ns)
                continue;
            count++;
            has_new = has_new || !jobs[j].old;
        }
        if (has_new && count > worst)
            worst = count;
    }
    return worst;
}

/*
 * Random figures of a server's, random ways of the jobs there and back.  From the adoption on no window holds more
 * than the permits, and until the due moment no more go than were left beside those on their way.
 */
static void no_window_after_an_adoption_holds_more_than_the_permits(void **state)
{
    uint64_t seed = 21;
    int full = 0;
    (void)state;
    for (int round = 0; round < 400; round++) {
        const int permits = 1 + (int)weir__random_below(&seed, 12);
        const int old = (int)weir__random_below(&seed, OLD_MAX), left = (int)weir__random_below(&seed, permits + 1);
        const int64_t due_ns = weir__random_below(&seed, HOLD_NS) + 1;
        int64_t now_ns = 0;
        int early = 0;
        assert_int_equal(open_gate(NULL), 0);
        job_count = 0;
        send_old(old);
        for (int i = 0; i < old; i++)
            add_job(&seed, true, 1, 0);
        adopt((uint32_t)permits, (uint32_t)left, due_ns);
        while (job_count < old + JOBS / 4) {
            answer_until(now_ns);
            while (job_count < old + JOBS / 4 && ask(now_ns).go) {
                add_job(&seed, false, 2, now_ns);
                early += now_ns < due_ns; /* nothing comes back after its hold before that */
            }
            now_ns += 1 + weir__random_below(&seed, 20);
        }
        const int worst = worst_window();
        if (worst > permits || early > (left > old ? left - old : 0))
            fail_msg("round %d: %d of %d permits in a window, %d early, %d left, %d old", round, worst, permits, early,
                     left, old);
        full += worst == permits;
        weir__gate_clear(&gate);
    }
    if (full < 100)
        fail_msg("all permits were used in %d rounds only", full);
}

#define GATE(test) cmocka_unit_test_setup_teardown(test, open_gate, close_gate)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATE(what_is_left_goes_and_the_rest_when_due),
        GATE(no_more_than_the_permits_is_left),
        GATE(each_unanswered_job_takes_one_of_what_is_left),
        GATE(fewer_left_than_unanswered_leaves_none_free),
        GATE(left_and_unanswered_share_the_permits),
        GATE(answered_jobs_count_until_they_are_over),
        GATE(a_job_from_before_brings_its_permit_back_as_the_others_do),
        GATE(where_too_many_are_on_their_way_the_last_ones_have_the_permits),
        GATE(a_limit_brings_its_rule_along),
        GATE(an_adopted_limit_is_in_answers_from_then_on),
        GATE(a_gate_that_is_full_adopts_nothing),
        cmocka_unit_test(no_window_after_an_adoption_holds_more_than_the_permits),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
