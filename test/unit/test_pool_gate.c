/*
 * permits and gate, with virtual times and one thread: what goes, what does not, when to ask again, and whose wait it
 * was.
 */
#include "base/clock.h"
#include "base/random.h"
#include "pool/gate.h"
#include "pool/permits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ------------------------------------------------------------------------------------------------------------ permits
 */

static void as_many_permits_as_there_are_can_be_taken(void **state)
{
    struct weir__permits permits;
    (void)state;
    assert_true(weir__permits_init(&permits, 3, 3, false));
    for (int i = 0; i < 3; i++)
        assert_true(weir__permits_take(&permits, 0));
    assert_false(weir__permits_take(&permits, WEIR__NEVER - 1));
    assert_int_equal(weir__permits_next(&permits), WEIR__NEVER);
    weir__permits_give(&permits);
    assert_true(weir__permits_take(&permits, 0));
    assert_false(weir__permits_take(&permits, 0));
    weir__permits_clear(&permits);
}

static void a_held_permit_comes_back_at_its_moment_and_not_before(void **state)
{
    struct weir__permits permits;
    (void)state;
    assert_true(weir__permits_init(&permits, 1, 1, true));
    assert_true(weir__permits_take(&permits, 0));
    assert_int_equal(weir__permits_next(&permits), WEIR__NEVER);
    weir__permits_give_at(&permits, 1000);
    assert_int_equal(weir__permits_next(&permits), 1000);
    assert_false(weir__permits_take(&permits, 999));
    assert_true(weir__permits_take(&permits, 1000));
    assert_int_equal(weir__permits_next(&permits), WEIR__NEVER);
    weir__permits_clear(&permits);
}

/* The ring goes round many times; moments come due in the order given. */
static void held_permits_come_due_in_order(void **state)
{
    struct weir__permits permits;
    int64_t given_ns = 0, taken_ns = 0;
    (void)state;
    assert_true(weir__permits_init(&permits, 5, 5, true));
    for (int i = 0; i < 5; i++)
        assert_true(weir__permits_take(&permits, 0));
    for (int i = 0; i < 3; i++)
        weir__permits_give_at(&permits, given_ns += 10);
    for (int i = 0; i < 100; i++) {
        weir__permits_give_at(&permits, given_ns += 10);
        taken_ns += 10;
        assert_int_equal(weir__permits_next(&permits), taken_ns);
        assert_false(weir__permits_take(&permits, taken_ns - 1));
        assert_true(weir__permits_take(&permits, taken_ns));
    }
    weir__permits_clear(&permits);
}

static void permits_may_begin_out(void **state)
{
    struct weir__permits permits;
    (void)state;
    assert_true(weir__permits_init(&permits, 4, 1, true));
    assert_true(weir__permits_take(&permits, 0));
    assert_false(weir__permits_take(&permits, 0));
    for (int i = 0; i < 4; i++)
        weir__permits_give_at(&permits, 100);
    for (int i = 0; i < 4; i++)
        assert_true(weir__permits_take(&permits, 100));
    assert_false(weir__permits_take(&permits, 100));
    weir__permits_clear(&permits);
}

static void moments_that_are_told_late_come_due_in_their_order(void **state)
{
    struct weir__permits permits;
    (void)state;
    assert_true(weir__permits_init(&permits, 3, 3, true));
    for (int i = 0; i < 3; i++)
        assert_true(weir__permits_take(&permits, 0));
    weir__permits_give_at(&permits, 1000);
    weir__permits_give_at(&permits, 400);
    weir__permits_give_at(&permits, 1200);
    assert_false(weir__permits_take(&permits, 399));
    assert_true(weir__permits_take(&permits, 400));
    assert_false(weir__permits_take(&permits, 999));
    assert_true(weir__permits_take(&permits, 1000));
    assert_false(weir__permits_take(&permits, 1199));
    assert_true(weir__permits_take(&permits, 1200));
    weir__permits_clear(&permits);
}

static void all_that_is_due_comes_back_at_once(void **state)
{
    struct weir__permits permits;
    (void)state;
    assert_true(weir__permits_init(&permits, 4, 4, true));
    for (int i = 0; i < 4; i++)
        assert_true(weir__permits_take(&permits, 0));
    weir__permits_give(&permits); /* unsent */
    for (int i = 1; i <= 3; i++)
        weir__permits_give_at(&permits, i * 100);
    for (int i = 0; i < 3; i++)
        assert_true(weir__permits_take(&permits, 250));
    assert_false(weir__permits_take(&permits, 250));
    assert_int_equal(weir__permits_next(&permits), 300);
    weir__permits_clear(&permits);
    memset(&permits, 0, sizeof permits);
    weir__permits_clear(&permits);
}

/* --------------------------------------------------------------------------------------------------------------- gate
 */

static struct weir__gate gate;

static int open_gate(void **state)
{
    (void)state;
    return weir__gate_init(&gate) ? 0 : -1;
}

static int close_gate(void **state)
{
    (void)state;
    weir__gate_clear(&gate);
    return 0;
}

/* A rule that is due at `next_ns`, and then `gap_ns` after each take. */
struct clockwork {
    int64_t next_ns, gap_ns;
    int takes;
    int64_t taken_ns;
};

static int64_t clockwork_next(void *rule)
{
    return ((struct clockwork *)rule)->next_ns;
}

static void clockwork_take(void *rule, int64_t now_ns)
{
    struct clockwork *clockwork = rule;
    clockwork->takes++;
    clockwork->taken_ns = now_ns;
    clockwork->next_ns = now_ns + clockwork->gap_ns;
}

static void add_clockwork(struct clockwork *clockwork, uint32_t limit)
{
    const struct weir__gate_rule rule = {clockwork_next, clockwork_take, clockwork, limit};
    assert_true(weir__gate_add_rule(&gate, &rule));
}

static struct weir__gate_answer ask(int64_t now_ns)
{
    struct weir__gate_answer answer;
    weir__gate_ask(&gate, now_ns, &answer);
    return answer;
}

static struct weir__gate_answer peek(int64_t now_ns)
{
    struct weir__gate_answer answer;
    weir__gate_peek(&gate, now_ns, &answer);
    return answer;
}

/* The attempt with all limits there are was answered, or never left. */
static void answered(int64_t now_ns)
{
    weir__gate_answered(&gate, gate.state->limit_count, now_ns);
}

static void unsent(void)
{
    weir__gate_unsent(&gate, gate.state->limit_count);
}

static void expect_no(struct weir__gate_answer answer, enum weir__gate_cause cause, uint32_t limit,
                      int64_t not_before_ns)
{
    if (answer.go || answer.cause != cause || answer.limit != limit || answer.not_before_ns != not_before_ns)
        fail_msg("go %d, cause %d, limit %u, not before %lld; wanted cause %d, limit %u, not before %lld", answer.go,
                 answer.cause, answer.limit, (long long)answer.not_before_ns, cause, limit, (long long)not_before_ns);
}

static void expect_tally(uint32_t limit, uint64_t waits, int64_t wait_ns)
{
    const struct weir__gate_tally tally = weir__gate_tally(&gate, limit);
    if (tally.waits != waits || tally.wait_ns != wait_ns)
        fail_msg("limit %u: %llu waits, %lld ns; wanted %llu and %lld", limit, (unsigned long long)tally.waits,
                 (long long)tally.wait_ns, (unsigned long long)waits, (long long)wait_ns);
}

static void a_gate_without_limits_is_open(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_true(ask(i).go);
        assert_int_equal(ask(i).cause, WEIR__GATE_OPEN);
    }
}

static void a_concurrency_limit_lets_its_permits_go_and_then_names_no_moment(void **state)
{
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 3, 0));
    for (int i = 0; i < 3; i++)
        assert_true(ask(0).go);
    expect_no(ask(5), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
    weir__gate_give(&gate);
    assert_true(ask(6).go);
    expect_no(ask(6), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
}

static void a_rate_limit_names_the_moment_of_its_next_permit(void **state)
{
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 9, 0));
    assert_true(weir__gate_add_limit(&gate, 2, 1000));
    assert_true(ask(0).go && ask(0).go);
    expect_no(ask(1), WEIR__GATE_PERMIT, 1, WEIR__NEVER); /* no response yet */
    answered(2);
    answered(500);
    expect_no(ask(1001), WEIR__GATE_PERMIT, 1, 1002);
    assert_true(ask(1002).go);
    expect_no(ask(1002), WEIR__GATE_PERMIT, 1, 1500);
    assert_true(ask(1500).go);
    expect_no(ask(1500), WEIR__GATE_PERMIT, 1, WEIR__NEVER);
}

/* Each limit by its own hold, the concurrency limit only when it is given back. */
static void an_answer_brings_all_rate_permits_back_after_their_holds(void **state)
{
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 2, 0));
    assert_true(weir__gate_add_limit(&gate, 1, 300));
    assert_true(weir__gate_add_limit(&gate, 1, 700));
    assert_true(weir__gate_add_limit(&gate, 1, 0)); /* at once */
    assert_int_equal(ask(0).limit_count, 4);
    answered(100);
    expect_no(ask(100), WEIR__GATE_PERMIT, 2, 800);
    expect_no(ask(799), WEIR__GATE_PERMIT, 2, 800);
    assert_true(ask(800).go);
    answered(800);
    expect_no(ask(5000), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
    weir__gate_give(&gate);
    assert_true(ask(5000).go);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(weir__gate_tally(&gate, i).out, i == 0 ? 2 : 1);
    assert_int_equal(gate.state->unanswered, 1);
}

static void an_attempt_that_never_left_brings_them_back_at_once(void **state)
{
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 2, 0));
    assert_true(weir__gate_add_limit(&gate, 1, 300));
    assert_true(weir__gate_add_limit(&gate, 1, 700));
    assert_true(ask(0).go);
    unsent();
    assert_int_equal(gate.state->unanswered, 0);
    assert_true(ask(0).go);
    expect_no(ask(0), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
}

/* The second limit refuses: the others must have lost nothing, however often it is asked. */
static void nothing_is_taken_unless_all_can_be(void **state)
{
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 5, 0));
    assert_true(weir__gate_add_limit(&gate, 1, 100));
    assert_true(weir__gate_add_limit(&gate, 5, 100));
    assert_true(ask(0).go);
    for (int i = 0; i < 20; i++)
        expect_no(ask(i), WEIR__GATE_PERMIT, 1, WEIR__NEVER);
    for (int i = 0; i < 4; i++) { /* four were left in the first, and four go */
        unsent();
        assert_true(ask(30).go);
    }
    unsent();
    expect_no(ask(40), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
}

static void a_rule_that_is_not_due_takes_no_permit(void **state)
{
    struct clockwork pace = {100, 50, 0, 0};
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 2, 0));
    add_clockwork(&pace, 0);
    for (int i = 0; i < 10; i++)
        expect_no(ask(99), WEIR__GATE_RULE, 0, 100);
    assert_int_equal(pace.takes, 0);
    assert_true(ask(100).go);
    assert_int_equal(pace.takes, 1);
    assert_int_equal(pace.taken_ns, 100);
    expect_no(ask(149), WEIR__GATE_RULE, 0, 150);
    assert_true(ask(170).go);
    expect_no(ask(1000), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
}

static void a_refusal_by_a_permit_takes_no_rule(void **state)
{
    struct clockwork pace = {0, 50, 0, 0};
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 1, 0));
    add_clockwork(&pace, 0);
    assert_true(ask(0).go);
    expect_no(ask(60), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
    assert_int_equal(pace.takes, 1);
    assert_int_equal(pace.next_ns, 50);
}

static void a_look_takes_nothing(void **state)
{
    struct clockwork pace = {0, 10, 0, 0};
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 1, 0));
    assert_true(weir__gate_add_limit(&gate, 1, 480));
    add_clockwork(&pace, 1);
    for (int i = 0; i < 10; i++)
        assert_true(peek(i).go);
    assert_int_equal(pace.takes, 0);
    assert_int_equal(gate.state->unanswered, 0);
    assert_true(ask(10).go);
    expect_no(peek(10), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
    weir__gate_give(&gate);
    answered(20);
    expect_no(peek(20), WEIR__GATE_PERMIT, 1, 500);
    assert_true(peek(500).go);
    assert_true(ask(500).go);
}

/* The gate opens when the last obstacle is gone, so that one is the cause, whatever the order of limits and rules. */
static void the_cause_is_the_latest_obstacle(void **state)
{
    struct clockwork early = {100, 0, 0, 1}, late = {700, 0, 0, 2};
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 1, 0));
    assert_true(weir__gate_add_limit(&gate, 1, 290));
    assert_true(weir__gate_add_limit(&gate, 1, 390));
    add_clockwork(&early, 1);
    add_clockwork(&late, 2);
    expect_no(peek(0), WEIR__GATE_RULE, 2, 700);
    late.next_ns = 0;
    expect_no(peek(0), WEIR__GATE_RULE, 1, 100);
    early.next_ns = 0;
    assert_true(ask(0).go);
    weir__gate_give(&gate);
    answered(10);
    expect_no(peek(10), WEIR__GATE_PERMIT, 2, 400);
    early.next_ns = 350;
    expect_no(peek(10), WEIR__GATE_PERMIT, 2, 400);
    early.next_ns = 450;
    expect_no(peek(10), WEIR__GATE_RULE, 1, 450);
    assert_true(ask(450).go);
    early.next_ns = 900;
    expect_no(peek(460), WEIR__GATE_PERMIT, 0, WEIR__NEVER); /* nobody can name a moment: later than any */
}

static void a_rule_of_no_limit_is_a_pause(void **state)
{
    struct clockwork pause = {500, 0, 0, 0}, pace = {400, 0, 0, 0};
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 5, 0));
    assert_true(weir__gate_add_limit(&gate, 5, 100));
    add_clockwork(&pause, WEIR__GATE_NO_LIMIT);
    add_clockwork(&pace, 1);
    expect_no(ask(100), WEIR__GATE_PAUSE, WEIR__GATE_NO_LIMIT, 500);
    pause.next_ns = 300; /* it got shorter, and the pace is now what keeps the job; then it is another one */
    expect_no(ask(150), WEIR__GATE_RULE, 1, 400);
    pause.next_ns = 600;
    expect_no(ask(200), WEIR__GATE_PAUSE, WEIR__GATE_NO_LIMIT, 600);
    assert_true(ask(600).go);
    assert_int_equal(ask(600).limit, WEIR__GATE_NO_LIMIT);
    assert_int_equal(pause.takes, 2);
    expect_tally(WEIR__GATE_NO_LIMIT, 1, 50 + 400); /* one job waited, for both */
    expect_tally(1, 1, 50);
    expect_tally(0, 0, 0);
    pause.next_ns = 1000;
    expect_no(ask(900), WEIR__GATE_PAUSE, WEIR__GATE_NO_LIMIT, 1000);
    assert_true(ask(1000).go);
    expect_tally(WEIR__GATE_NO_LIMIT, 2, 50 + 400 + 100);
}

static void a_wait_is_put_down_to_what_was_in_the_way(void **state)
{
    struct clockwork pace = {0, 100, 0, 0};
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 1, 0));
    assert_true(weir__gate_add_limit(&gate, 9, 100));
    add_clockwork(&pace, 1);
    assert_true(ask(0).go);
    (void)peek(0); /* the next job begins to wait, for the permit */
    (void)ask(30); /* still */
    weir__gate_give(&gate);
    (void)ask(60); /* now for the pace */
    assert_true(ask(100).go);
    expect_tally(0, 1, 60);
    expect_tally(1, 1, 40);
}

static void a_job_counts_once_for_each_limit_that_kept_it(void **state)
{
    struct clockwork pace = {0, 100, 0, 0};
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 1, 0));
    assert_true(weir__gate_add_limit(&gate, 9, 100));
    add_clockwork(&pace, 1);
    assert_true(ask(0).go);
    (void)ask(10);
    weir__gate_give(&gate);
    (void)ask(20);
    pace.next_ns = WEIR__NEVER; /* the limits take turns at being in the way */
    (void)ask(30);
    pace.next_ns = 40;
    assert_true(ask(40).go);
    expect_tally(0, 1, 10);
    expect_tally(1, 1, 20);

    (void)ask(50); /* the permit, */
    weir__gate_give(&gate);
    (void)ask(60); /* the pace, */
    gate.rules[0].limit = 0;
    (void)ask(70); /* and the first limit again */
    assert_true(ask(140).go);
    expect_tally(0, 2, 10 + 10 + 70);
    expect_tally(1, 2, 20 + 10);
}

static void who_goes_at_once_has_not_waited(void **state)
{
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 1000, 0));
    for (int i = 0; i < 1000; i++) {
        assert_true(peek(i).go);
        assert_true(ask(i).go);
    }
    expect_tally(0, 0, 0);
}

/* A random run: every job's wait is known, and the tallies must add up to the sum. */
static void tallies_add_up_to_the_time_waited(void **state)
{
    struct clockwork pace = {0, 40, 0, 0};
    uint64_t seed = 5;
    int64_t now_ns = 0, waited_ns = 0, since_ns = -1, out = 0;
    uint64_t kept = 0;
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 4, 0));
    assert_true(weir__gate_add_limit(&gate, 6, 200));
    add_clockwork(&pace, 1);
    for (int i = 0; i < 50000; i++) {
        const bool look = weir__random_below(&seed, 4) == 0;
        const struct weir__gate_answer answer = look ? peek(now_ns) : ask(now_ns);
        if (since_ns >= 0) /* up to here the job has waited */
            waited_ns += now_ns - since_ns;
        if (!answer.go)
            kept += since_ns < 0;
        since_ns = answer.go ? -1 : now_ns;
        out += answer.go && !look;
        now_ns += weir__random_below(&seed, 30);
        if (out > 0 && weir__random_below(&seed, 2) == 0) {
            answered(now_ns);
            weir__gate_give(&gate);
            out--;
        }
    }
    const struct weir__gate_tally a = weir__gate_tally(&gate, 0), b = weir__gate_tally(&gate, 1);
    assert_int_equal(a.wait_ns + b.wait_ns, waited_ns);
    assert_true(a.waits + b.waits >= kept && a.waits <= kept && b.waits <= kept);
    assert_true(a.waits > 0 && b.waits > 0 && kept > 100);
}

static void a_job_that_leaves_has_waited_until_then(void **state)
{
    (void)state;
    assert_true(weir__gate_add_limit(&gate, 1, 0));
    assert_true(ask(0).go);
    expect_no(ask(10), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
    weir__gate_leave(&gate, 25);
    expect_tally(0, 1, 15);
    weir__gate_give(&gate);
    assert_true(ask(1000).go); /* nobody waited in between */
    expect_tally(0, 1, 15);
}

static void limits_and_rules_have_a_maximum(void **state)
{
    struct clockwork pace = {0, 0, 0, 0};
    const struct weir__gate_rule rule = {clockwork_next, clockwork_take, &pace, 0};
    (void)state;
    for (unsigned i = 0; i < WEIR__GATE_LIMITS_MAX; i++)
        assert_true(weir__gate_add_limit(&gate, 2, i % 2 == 1 ? 100 : 0));
    assert_false(weir__gate_add_limit(&gate, 2, 0));
    for (unsigned i = 0; i < WEIR__GATE_RULES_MAX; i++)
        assert_true(weir__gate_add_rule(&gate, &rule));
    assert_false(weir__gate_add_rule(&gate, &rule));
    assert_true(ask(0).go && ask(0).go);
    expect_no(ask(0), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
    assert_int_equal(weir__gate_adopt(&gate, 2, 100, 2, 0, NULL), 0);
    unsent();
    expect_no(ask(0), WEIR__GATE_PERMIT, 0, WEIR__NEVER);
    weir__gate_give(&gate);
    assert_true(ask(0).go);
}

/*
 * The permit rule itself (see policy/hold.h): random delays on the way there and back, and a server that counts
 * in a sliding window never counts more than N.
 */
static void no_window_of_arrivals_holds_more_than_the_permits(void **state)
{
    enum { PERMITS = 7, JOBS = 4000 };
    static int64_t arrivals[JOBS], begins[JOBS];
    const int64_t hold_ns = 1000;
    uint64_t seed = 9;
    int64_t now_ns = 0, worst = 0;
    int sent = 0, told = 0;
    (void)state;
    assert_true(weir__gate_add_limit(&gate, JOBS, 0));
    assert_true(weir__gate_add_limit(&gate, PERMITS, hold_ns));
    while (sent < JOBS) {
        for (; told < sent && begins[told] <= now_ns; told++)
            answered(begins[told]);
        if (ask(now_ns).go) {
            arrivals[sent] = now_ns + weir__random_below(&seed, 400);
            begins[sent] = arrivals[sent] + weir__random_below(&seed, 400);
            if (sent > 0 && begins[sent] < begins[sent - 1])
                begins[sent] = begins[sent - 1]; /* told in order, which is what the loop above assumes */
            sent++;
        } else {
            now_ns += 1 + weir__random_below(&seed, 5);
        }
    }
    for (int i = 0; i < JOBS; i++) {
        int64_t held = 0;
        for (int j = i - 3 * PERMITS < 0 ? 0 : i - 3 * PERMITS; j < JOBS && j < i + 3 * PERMITS; j++)
            held += arrivals[j] > arrivals[i] - hold_ns && arrivals[j] <= arrivals[i];
        worst = held > worst ? held : worst;
    }
    assert_true(worst <= PERMITS);
    assert_int_equal(worst, PERMITS); /* and it does not waste them either */
}

#define GATE(test) cmocka_unit_test_setup_teardown(test, open_gate, close_gate)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_permits_as_there_are_can_be_taken),
        cmocka_unit_test(a_held_permit_comes_back_at_its_moment_and_not_before),
        cmocka_unit_test(held_permits_come_due_in_order),
        cmocka_unit_test(permits_may_begin_out),
        cmocka_unit_test(moments_that_are_told_late_come_due_in_their_order),
        cmocka_unit_test(all_that_is_due_comes_back_at_once),
        GATE(a_gate_without_limits_is_open),
        GATE(a_concurrency_limit_lets_its_permits_go_and_then_names_no_moment),
        GATE(a_rate_limit_names_the_moment_of_its_next_permit),
        GATE(an_answer_brings_all_rate_permits_back_after_their_holds),
        GATE(an_attempt_that_never_left_brings_them_back_at_once),
        GATE(nothing_is_taken_unless_all_can_be),
        GATE(a_rule_that_is_not_due_takes_no_permit),
        GATE(a_refusal_by_a_permit_takes_no_rule),
        GATE(a_look_takes_nothing),
        GATE(the_cause_is_the_latest_obstacle),
        GATE(a_rule_of_no_limit_is_a_pause),
        GATE(a_wait_is_put_down_to_what_was_in_the_way),
        GATE(a_job_counts_once_for_each_limit_that_kept_it),
        GATE(who_goes_at_once_has_not_waited),
        GATE(tallies_add_up_to_the_time_waited),
        GATE(a_job_that_leaves_has_waited_until_then),
        GATE(limits_and_rules_have_a_maximum),
        GATE(no_window_of_arrivals_holds_more_than_the_permits),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
