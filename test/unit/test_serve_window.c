/* The window shapes of `weir serve` under virtual time, each at its edges. */
#include "cli/serve_window.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define S INT64_C(1000000000)

static struct weir__window window;
static struct weir__window_quota quota;

static void start(enum weir__window_shape shape, uint32_t limit, int64_t period_ns, uint32_t burst, int64_t epoch_ns)
{
    assert_true(weir__window_init(&window, shape, limit, period_ns, burst, epoch_ns));
}

/* How many of `asked` at that time are taken. */
static unsigned take(int64_t now_ns, unsigned asked)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < asked; i++)
        taken += weir__window_take(&window, now_ns, &quota);
    return taken;
}

static int stop(void **state)
{
    (void)state;
    weir__window_clear(&window);
    return 0;
}

static void init_refuses_a_rule_out_of_range(void **state)
{
    (void)state;
    assert_false(weir__window_init(&window, WEIR__WINDOW_FIXED, 0, S, 0, 0));
    assert_false(weir__window_init(&window, WEIR__WINDOW_SLIDING, 1, 0, 0, 0));
    weir__window_clear(NULL);
}

static void none_takes_everything(void **state)
{
    (void)state;
    start(WEIR__WINDOW_NONE, 0, 0, 0, 0);
    assert_int_equal(take(5, 1000), 1000);
    assert_int_equal(quota.reset_ns, 0);
}

static void sliding_takes_n_and_no_more(void **state)
{
    (void)state;
    start(WEIR__WINDOW_SLIDING, 3, S, 0, 0);
    assert_int_equal(take(0, 2), 2);
    assert_int_equal(quota.remaining, 1);
    assert_int_equal(take(100 * MS, 5), 1);
    assert_int_equal(quota.remaining, 0);
    assert_int_equal(quota.reset_ns, 900 * MS);
}

/* Half open: at T - 1 ns the first still counts, at T it does not. */
static void sliding_frees_a_place_at_exactly_t(void **state)
{
    (void)state;
    start(WEIR__WINDOW_SLIDING, 3, S, 0, 0);
    assert_int_equal(take(0, 3), 3);
    assert_int_equal(take(S - 1, 1), 0);
    assert_int_equal(quota.reset_ns, 1);
    assert_int_equal(take(S, 4), 3);
}

static void sliding_refusals_cost_nothing(void **state)
{
    (void)state;
    start(WEIR__WINDOW_SLIDING, 2, S, 0, 0);
    assert_int_equal(take(0, 2), 2);
    assert_int_equal(take(900 * MS, 50), 0);
    assert_int_equal(take(S, 50), 2);
}

/* The ring wraps many times over; compared with a plain log of everything that was taken. */
static void sliding_agrees_with_a_plain_log(void **state)
{
    static int64_t log[4000];
    size_t logged = 0;
    uint64_t random = 7;
    int64_t now = 0;

    (void)state;
    start(WEIR__WINDOW_SLIDING, 7, S, 0, 0);
    for (int i = 0; i < 4000; i++) {
        unsigned inside = 0;
        now += weir__random_below(&random, 200) * MS;
        for (size_t k = 0; k < logged; k++)
            inside += log[k] > now - S;
        assert_int_equal(take(now, 1), inside < 7);
        if (inside < 7)
            log[logged++] = now;
    }
}

static void fixed_rolls_at_multiples_of_t(void **state)
{
    (void)state;
    start(WEIR__WINDOW_FIXED, 3, S, 0, 0);
    assert_int_equal(take(S - 1, 9), 3);
    assert_int_equal(quota.reset_ns, 1);
    assert_int_equal(take(S, 9), 3); /* twice the limit within 1 ns: what a fixed window lets through */
    assert_int_equal(quota.reset_ns, S);
    assert_int_equal(take(2 * S - 1, 1), 0);
    assert_int_equal(take(2 * S, 1), 1);
    assert_int_equal(quota.remaining, 2);
}

static void fixed_is_aligned_to_its_epoch(void **state)
{
    (void)state;
    start(WEIR__WINDOW_FIXED, 1, S, 0, 300 * MS);
    assert_int_equal(take(0, 1), 1); /* in [-0.7 s, 0.3 s) */
    assert_int_equal(quota.reset_ns, 300 * MS);
    assert_int_equal(take(300 * MS - 1, 1), 0);
    assert_int_equal(take(300 * MS, 1), 1);
}

static void counter_weighs_the_window_before(void **state)
{
    (void)state;
    start(WEIR__WINDOW_COUNTER, 10, S, 0, 0);
    assert_int_equal(take(500 * MS, 20), 10);
    /* Window 1 at its start: 10*(1-0) + 0 = 10 is not below 10; a nanosecond later it is. */
    assert_int_equal(take(S, 5), 0);
    assert_int_equal(quota.reset_ns, 1);
    assert_int_equal(take(S + 1, 5), 1);
    /* 1.5 s: 10*0.5 + 1 = 6, so four more. */
    assert_int_equal(take(1500 * MS, 9), 4);
    /* 10*(1-f) + 5 < 10 needs f > 0.5. */
    assert_int_equal(quota.remaining, 0);
    assert_int_equal(quota.reset_ns, 1);
    assert_int_equal(take(1500 * MS + 1, 9), 1);
}

static void counter_forgets_after_an_idle_window(void **state)
{
    (void)state;
    start(WEIR__WINDOW_COUNTER, 10, S, 0, 0);
    assert_int_equal(take(0, 10), 10);
    assert_int_equal(take(2 * S, 11), 10);
}

static void bucket_starts_full_and_refills_by_fractions(void **state)
{
    (void)state;
    start(WEIR__WINDOW_BUCKET, 100, S, 0, 0);
    assert_int_equal(take(0, 200), 100); /* capacity: the limit, unless told */
    assert_int_equal(quota.reset_ns, 10 * MS);
    assert_int_equal(take(10 * MS - 1, 1), 0);
    assert_int_equal(quota.reset_ns, 1);
    assert_int_equal(take(10 * MS, 2), 1);
    /* Asking in steps that are no whole tokens loses nothing: 3 x 5 ms are 1.5 tokens. */
    assert_int_equal(take(15 * MS, 1), 0);
    assert_int_equal(take(20 * MS, 1), 1);
    assert_int_equal(take(25 * MS, 1), 0);
}

static void bucket_refills_exactly_at_awkward_rates(void **state)
{
    unsigned taken = 0;

    (void)state;
    start(WEIR__WINDOW_BUCKET, 7, S, 1, 0); /* a token is 142,857,142.857 ns */
    for (int64_t now = 0; now < 100 * S; now += MS)
        taken += take(now, 1);
    /* A token each 143 ms on this grid, since a full bucket of 1 keeps no fraction: none is lost, none is invented. */
    assert_int_equal(taken, 1 + (100 * S - 1) / (143 * MS));
}

static void bucket_holds_no_more_than_its_burst(void **state)
{
    (void)state;
    start(WEIR__WINDOW_BUCKET, 100, S, 5, 0);
    assert_int_equal(take(3600 * S, 20), 5);
    assert_int_equal(take(7200 * S, 20), 5);
    assert_int_equal(quota.remaining, 0);
}

/* nginx, rate=100r/s without burst: 10 ms between two, and the first is free. */
static void leaky_without_burst_keeps_a_gap(void **state)
{
    (void)state;
    start(WEIR__WINDOW_LEAKY, 100, S, 0, 0);
    assert_int_equal(take(1000 * MS, 3), 1);
    assert_int_equal(quota.reset_ns, 10 * MS);
    assert_int_equal(take(1009 * MS, 3), 0);
    assert_int_equal(take(1010 * MS, 3), 1);
}

/* Its clock has whole milliseconds: 9.2 ms apart can be 10 ms to it, and 10.8 ms no more than 10. */
static void leaky_counts_on_a_millisecond_clock(void **state)
{
    (void)state;
    start(WEIR__WINDOW_LEAKY, 100, S, 0, 0);
    assert_int_equal(take(1000 * MS + 900000, 1), 1);
    assert_int_equal(quota.reset_ns, 10 * MS - 900000);
    assert_int_equal(take(1010 * MS - 1, 1), 0);
    assert_int_equal(take(1010 * MS + 100000, 1), 1);
}

static void leaky_lets_the_burst_pass(void **state)
{
    (void)state;
    start(WEIR__WINDOW_LEAKY, 100, S, 5, 0);
    assert_int_equal(take(0, 20), 6);
    assert_int_equal(take(10 * MS, 20), 1);
    assert_int_equal(take(30 * MS, 20), 2);
    assert_int_equal(take(10 * S, 1), 1);
    assert_int_equal(quota.remaining, 5);
}

/* The formula of nginx word for word, beside ours, on random arrivals. */
static void leaky_agrees_with_nginx(void **state)
{
    const int64_t rate = 100 * 1000, burst = 3 * 1000;
    int64_t excess = 0, last = 0, now = 0;
    uint64_t random = 99;

    (void)state;
    start(WEIR__WINDOW_LEAKY, 100, S, 3, 0);
    for (int i = 0; i < 20000; i++) {
        int64_t ms, next;
        now += weir__random_below(&random, 16) * MS / 2;
        ms = now / MS - last;
        next = i == 0 ? 0 : excess - rate * ms / 1000 + 1000;
        if (next < 0)
            next = 0;
        assert_int_equal(take(now, 1), next <= burst);
        if (next <= burst) {
            excess = next;
            last = now / MS;
        }
    }
}

static void time_that_goes_back_counts_as_the_latest(void **state)
{
    static const enum weir__window_shape shapes[] = {WEIR__WINDOW_SLIDING, WEIR__WINDOW_FIXED, WEIR__WINDOW_COUNTER,
                                                     WEIR__WINDOW_BUCKET, WEIR__WINDOW_LEAKY};

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        start(shapes[i], 4, S, 3, 0);
        assert_int_equal(take(10 * S, 9), 4 - (shapes[i] == WEIR__WINDOW_BUCKET));
        assert_int_equal(take(2 * S, 9), 0);
        assert_true(quota.reset_ns > 0 && quota.reset_ns <= 2 * S);
        weir__window_clear(&window);
    }
}

/* Whoever waits as `reset_ns` says is taken, and a nanosecond (leaky: its millisecond) before is not. */
static void reset_is_the_first_moment_at_which_one_is_taken(void **state)
{
    static const enum weir__window_shape shapes[] = {WEIR__WINDOW_SLIDING, WEIR__WINDOW_FIXED, WEIR__WINDOW_COUNTER,
                                                     WEIR__WINDOW_BUCKET, WEIR__WINDOW_LEAKY};
    uint64_t random = 3;

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int64_t now = 0;
        unsigned refused = 0;
        start(shapes[i], 7, 300 * MS, 2, 12345);
        while (refused < 500) {
            now += weir__random_below(&random, 50 * MS);
            if (take(now, 1) == 1)
                continue;
            refused++;
            assert_true(quota.reset_ns > 0);
            now += quota.reset_ns;
            assert_int_equal(take(now - 1, 1), 0);
            assert_int_equal(take(now, 1), 1);
        }
        weir__window_clear(&window);
    }
}

static void reset_forgets_everything(void **state)
{
    (void)state;
    start(WEIR__WINDOW_SLIDING, 4, S, 0, 0);
    assert_int_equal(take(10 * S, 9), 4);
    weir__window_reset(&window);
    assert_int_equal(take(5 * S, 9), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(init_refuses_a_rule_out_of_range, stop),
        cmocka_unit_test_teardown(none_takes_everything, stop),
        cmocka_unit_test_teardown(sliding_takes_n_and_no_more, stop),
        cmocka_unit_test_teardown(sliding_frees_a_place_at_exactly_t, stop),
        cmocka_unit_test_teardown(sliding_refusals_cost_nothing, stop),
        cmocka_unit_test_teardown(sliding_agrees_with_a_plain_log, stop),
        cmocka_unit_test_teardown(fixed_rolls_at_multiples_of_t, stop),
        cmocka_unit_test_teardown(fixed_is_aligned_to_its_epoch, stop),
        cmocka_unit_test_teardown(counter_weighs_the_window_before, stop),
        cmocka_unit_test_teardown(counter_forgets_after_an_idle_window, stop),
        cmocka_unit_test_teardown(bucket_starts_full_and_refills_by_fractions, stop),
        cmocka_unit_test_teardown(bucket_refills_exactly_at_awkward_rates, stop),
        cmocka_unit_test_teardown(bucket_holds_no_more_than_its_burst, stop),
        cmocka_unit_test_teardown(leaky_without_burst_keeps_a_gap, stop),
        cmocka_unit_test_teardown(leaky_counts_on_a_millisecond_clock, stop),
        cmocka_unit_test_teardown(leaky_lets_the_burst_pass, stop),
        cmocka_unit_test_teardown(leaky_agrees_with_nginx, stop),
        cmocka_unit_test_teardown(time_that_goes_back_counts_as_the_latest, stop),
        cmocka_unit_test_teardown(reset_is_the_first_moment_at_which_one_is_taken, stop),
        cmocka_unit_test_teardown(reset_forgets_everything, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
