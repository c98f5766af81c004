/*
 * hold and pace: when a permit comes back, and the least gap between sends.  Time is an argument, so it is moved by
 * hand.
 */
#include "base/clock.h"
#include "base/random.h"
#include "policy/hold.h"
#include "policy/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define S WEIR__NS_PER_S
#define MS WEIR__NS_PER_MS

static void no_hold_is_at_once(void **state)
{
    (void)state;
    assert_int_equal(weir__hold_until(12345, 0), 12345);
}

/* Two clocks may run apart by the drift: by the slower of the two, the whole hold has passed. */
static void a_hold_covers_the_drift_between_two_clocks(void **state)
{
    static const int64_t holds[] = {10000, MS, S, 60 * S, 3600 * S, WEIR_PERIOD_MAX_NS};
    (void)state;
    for (size_t i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        const int64_t held = weir__hold_until(1000, holds[i]) - 1000;
        assert_int_equal(held, holds[i] + holds[i] / 1000000 * WEIR__HOLD_DRIFT_PPM +
                                   holds[i] % 1000000 * WEIR__HOLD_DRIFT_PPM / 1000000);
    }
    assert_int_equal(weir__hold_until(5 * S, S), 6 * S + 100000); /* 0.1 ms of a second */
}

static void the_default_shape_paces_up_to_a_minute(void **state)
{
    (void)state;
    assert_int_equal(weir__hold_shape(WEIR_SHAPE_DEFAULT, 1000), WEIR_SHAPE_STRICT);
    assert_int_equal(weir__hold_shape(WEIR_SHAPE_DEFAULT, 60 * S), WEIR_SHAPE_STRICT);
    assert_int_equal(weir__hold_shape(WEIR_SHAPE_DEFAULT, 60 * S + 1), WEIR_SHAPE_WINDOW);
    assert_int_equal(weir__hold_shape(WEIR_SHAPE_DEFAULT, 3600 * S), WEIR_SHAPE_WINDOW);
}

static void a_shape_that_was_asked_for_stays(void **state)
{
    static const enum weir_shape shapes[] = {WEIR_SHAPE_STRICT, WEIR_SHAPE_WINDOW, WEIR_SHAPE_PACED};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(weir__hold_shape(shapes[i], S), shapes[i]);
        assert_int_equal(weir__hold_shape(shapes[i], 3600 * S), shapes[i]);
    }
}

/* How many sends go at the very moment `now_ns`. */
static int drain(struct weir__pace *pace, int64_t now_ns)
{
    int sends = 0;
    for (; weir__pace_next(pace) <= now_ns && sends < 100000; sends++)
        weir__pace_take(pace, now_ns);
    return sends;
}

static void the_first_send_is_due_at_any_time(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 100, S, 1);
    assert_true(weir__pace_next(&pace) < -S);
    assert_int_equal(drain(&pace, 0), 1);
}

static void sends_keep_exactly_the_gap(void **state)
{
    struct weir__pace pace;
    int64_t now_ns = 5 * S;
    (void)state;
    weir__pace_init(&pace, 100, S, 1);
    weir__pace_take(&pace, now_ns);
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal(weir__pace_next(&pace), now_ns + 10 * MS);
        now_ns = weir__pace_next(&pace);
        weir__pace_take(&pace, now_ns);
    }
    assert_int_equal(now_ns, 15 * S);
}

/* A gap that is no whole number of nanoseconds is rounded up: never a send too many. */
static void a_fractional_gap_is_rounded_up(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 7, S, 1);
    assert_int_equal(pace.gap_ns, 142857143);
    weir__pace_init(&pace, WEIR_PERMITS_MAX, 1000, 1);
    assert_int_equal(pace.gap_ns, 1);
    weir__pace_init(&pace, 1, WEIR_PERIOD_MAX_NS, 0);
    assert_int_equal(pace.gap_ns, WEIR_PERIOD_MAX_NS);
}

/* A late send takes its gap from when it went, so that nothing is caught up. */
static void a_late_send_is_not_caught_up(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 100, S, 1);
    weir__pace_take(&pace, S);
    weir__pace_take(&pace, S + 17 * MS);
    assert_int_equal(weir__pace_next(&pace), S + 27 * MS);
}

static void a_burst_goes_back_to_back_and_earns_itself_again(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 100, S, 5);
    assert_int_equal(drain(&pace, S), 5);
    assert_int_equal(weir__pace_next(&pace), S + 10 * MS);
    assert_int_equal(drain(&pace, S + 10 * MS), 1);
    assert_int_equal(drain(&pace, S + 40 * MS), 3);
    assert_int_equal(drain(&pace, 9 * S), 5); /* an hour of silence is no larger burst */
}

static void a_burst_of_zero_is_one(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 100, S, 0);
    assert_int_equal(drain(&pace, S), 1);
}

static void a_pace_finer_than_the_grain_lets_one_grain_through_together(void **state)
{
    static const struct {
        uint32_t requests;
        int together;
    } paces[] = {{999, 1}, {1000, 1}, {1001, 1}, {2000, 2}, {2500, 2}, {10000, 10}, {100000, 100}, {1000000, 1000}};
    (void)state;
    for (size_t i = 0; i < sizeof paces / sizeof paces[0]; i++) {
        struct weir__pace pace;
        weir__pace_init(&pace, paces[i].requests, S, 1);
        assert_int_equal(drain(&pace, S), paces[i].together);
    }
}

/* What the grain is for: asked once a millisecond, a fine pace still reaches its whole rate and no more. */
static void a_fine_pace_keeps_its_rate_with_coarse_sleeps(void **state)
{
    struct weir__pace pace;
    int sends = 0;
    (void)state;
    weir__pace_init(&pace, 10000, S, 1);
    for (int ms = 0; ms < 1000; ms++)
        sends += drain(&pace, S + ms * MS);
    assert_in_range(sends, 9990, 10010);
}

static void a_larger_burst_is_not_cut_by_the_grain(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 10000, S, 50);
    assert_int_equal(drain(&pace, S), 50);
}

/* Readings of two threads can be out of order: no gap is lost by that. */
static void time_that_goes_back_shortens_no_gap(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 100, S, 1);
    weir__pace_take(&pace, 2 * S);
    assert_int_equal(weir__pace_next(&pace), 2 * S + 10 * MS);
    weir__pace_take(&pace, S);
    assert_int_equal(weir__pace_next(&pace), 2 * S + 20 * MS);
    weir__pace_init(&pace, 100, S, 3);
    weir__pace_take(&pace, 2 * S);
    weir__pace_take(&pace, S);
    weir__pace_take(&pace, 2 * S);
    assert_int_equal(weir__pace_next(&pace), 2 * S + 10 * MS);
}

/* The round of N permits is T + RTT; the sends are spread over most of it, and never over more than T and a half. */
static void a_held_pace_is_spread_over_its_round_within_bounds(void **state)
{
    static const struct {
        uint32_t requests;
        int64_t rtt_ms, gap_us;
    } cases[] = {{100, 0, 10000},  {100, -5, 10000},  {100, 40, 10300},  {100, 1000, 15000},  {100, 3600000, 15000},
                 {2, 100, 537500}, {2, 5000, 750000}, {1, 100, 1000000}, {1, 60000, 1000000}, {1000, 200, 1150}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__pace pace;
        weir__pace_init(&pace, cases[i].requests, S, 1);
        weir__pace_spread(&pace, cases[i].rtt_ms * MS);
        if (pace.gap_ns != cases[i].gap_us * 1000)
            fail_msg("%u/s at %lld ms: a gap of %lld ns", cases[i].requests, (long long)cases[i].rtt_ms,
                     (long long)pace.gap_ns);
        weir__pace_spread(&pace, 0); /* and nothing of it stays */
        assert_int_equal(pace.gap_ns, S / cases[i].requests);
    }
}

static void a_spread_pace_lets_the_whole_burst_through(void **state)
{
    struct weir__pace pace;
    (void)state;
    weir__pace_init(&pace, 10, S, 5);
    for (int64_t rtt_ms = 0; rtt_ms < 3000; rtt_ms += 500) {
        weir__pace_spread(&pace, rtt_ms * MS);
        assert_int_equal(drain(&pace, (100 + rtt_ms) * S), 5);
    }
}

/* In any window of W at most burst + W / gap sends, whatever the moments at which it is asked. */
static void no_window_holds_more_than_burst_and_rate(void **state)
{
    static int64_t sent[20000];
    uint64_t seed = 3;
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct weir__pace pace;
        const uint32_t burst = (uint32_t)(1 + weir__random_below(&seed, 8));
        int64_t now_ns = 0;
        int count = 0;

        weir__pace_init(&pace, 100, S, burst);
        while (count < 2000) {
            now_ns += weir__random_below(&seed, 30 * MS);
            for (int i = drain(&pace, now_ns); i > 0; i--)
                sent[count++] = now_ns;
        }
        for (int first = 0, last = 0; last < count; last++) {
            while (sent[last] - sent[first] >= S)
                first++;
            if (last - first + 1 > 100 + (int)burst)
                fail_msg("%d sends in a second with a burst of %u", last - first + 1, burst);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_hold_is_at_once),
        cmocka_unit_test(a_hold_covers_the_drift_between_two_clocks),
        cmocka_unit_test(the_default_shape_paces_up_to_a_minute),
        cmocka_unit_test(a_shape_that_was_asked_for_stays),
        cmocka_unit_test(the_first_send_is_due_at_any_time),
        cmocka_unit_test(sends_keep_exactly_the_gap),
        cmocka_unit_test(a_fractional_gap_is_rounded_up),
        cmocka_unit_test(a_late_send_is_not_caught_up),
        cmocka_unit_test(a_burst_goes_back_to_back_and_earns_itself_again),
        cmocka_unit_test(a_burst_of_zero_is_one),
        cmocka_unit_test(a_pace_finer_than_the_grain_lets_one_grain_through_together),
        cmocka_unit_test(a_fine_pace_keeps_its_rate_with_coarse_sleeps),
        cmocka_unit_test(a_larger_burst_is_not_cut_by_the_grain),
        cmocka_unit_test(time_that_goes_back_shortens_no_gap),
        cmocka_unit_test(a_held_pace_is_spread_over_its_round_within_bounds),
        cmocka_unit_test(a_spread_pace_lets_the_whole_burst_through),
        cmocka_unit_test(no_window_holds_more_than_burst_and_rate),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
