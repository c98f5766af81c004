/* How long a number of sends takes at least: each shape, the slowest of several rates, and numbers at their ends. */
#include "cli/forecast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)
#define HOUR (3600 * S)

static struct weir_rate rate_of(uint32_t requests, int64_t per_ns, enum weir_shape shape, uint32_t burst)
{
    return (struct weir_rate){.requests = requests, .burst = burst, .per_ns = per_ns, .shape = shape};
}

static int64_t least(uint64_t jobs, struct weir_rate rate)
{
    struct weir__forecast forecast;
    weir__forecast_make(&forecast, jobs, 50, &rate, 1, 0);
    return forecast.least_ns;
}

static void strict_and_paced_go_at_their_pace(void **state)
{
    static const enum weir_shape shapes[] = {WEIR_SHAPE_STRICT, WEIR_SHAPE_PACED, WEIR_SHAPE_DEFAULT};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(least(0, rate_of(100, S, shapes[i], 0)), 0);
        assert_int_equal(least(1, rate_of(100, S, shapes[i], 0)), 0);
        assert_int_equal(least(2, rate_of(100, S, shapes[i], 0)), 10 * MS);
        assert_int_equal(least(101, rate_of(100, S, shapes[i], 1)), S);
        assert_int_equal(least(300, rate_of(100, S, shapes[i], 0)), 2990 * MS);
        assert_int_equal(least(8, rate_of(7, S, shapes[i], 0)), S);
        assert_int_equal(least(4, rate_of(7, S, shapes[i], 0)), 3 * S / 7);
    }
}

static void a_window_goes_in_bursts(void **state)
{
    (void)state;
    assert_int_equal(least(1, rate_of(100, S, WEIR_SHAPE_WINDOW, 0)), 0);
    assert_int_equal(least(100, rate_of(100, S, WEIR_SHAPE_WINDOW, 0)), 0);
    assert_int_equal(least(101, rate_of(100, S, WEIR_SHAPE_WINDOW, 0)), S);
    assert_int_equal(least(200, rate_of(100, S, WEIR_SHAPE_WINDOW, 0)), S);
    assert_int_equal(least(201, rate_of(100, S, WEIR_SHAPE_WINDOW, 0)), 2 * S);
    /* the default above a minute */
    assert_int_equal(least(300, rate_of(5000, HOUR, WEIR_SHAPE_DEFAULT, 0)), 0);
    assert_int_equal(least(5001, rate_of(5000, HOUR, WEIR_SHAPE_DEFAULT, 0)), HOUR);
    assert_int_equal(least(61, rate_of(60, 60 * S, WEIR_SHAPE_DEFAULT, 0)), 60 * S);
    assert_int_equal(least(60, rate_of(60, 60 * S, WEIR_SHAPE_DEFAULT, 0)), 59 * S);
    assert_int_equal(least(60, rate_of(60, 60 * S + 1, WEIR_SHAPE_DEFAULT, 0)), 0);
}

static void a_burst_goes_first(void **state)
{
    (void)state;
    assert_int_equal(least(5, rate_of(10, S, WEIR_SHAPE_PACED, 5)), 0);
    assert_int_equal(least(6, rate_of(10, S, WEIR_SHAPE_PACED, 5)), 100 * MS);
    assert_int_equal(least(15, rate_of(10, S, WEIR_SHAPE_PACED, 5)), S);
    /* where permits are held, too, the eleventh waits for the first one's */
    assert_int_equal(least(11, rate_of(10, S, WEIR_SHAPE_PACED, 10)), 100 * MS);
    assert_int_equal(least(11, rate_of(10, S, WEIR_SHAPE_STRICT, 10)), S);
    assert_int_equal(least(15, rate_of(10, S, WEIR_SHAPE_STRICT, 10)), S);
    assert_int_equal(least(10, rate_of(10, S, WEIR_SHAPE_STRICT, 10)), 0);
}

static void the_slowest_rate_decides(void **state)
{
    const struct weir_rate rates[] = {
        {100, 0, S, WEIR_SHAPE_DEFAULT}, {5000, 0, HOUR, WEIR_SHAPE_DEFAULT}, {10, 0, 250 * MS, WEIR_SHAPE_PACED}};
    struct weir__forecast forecast;

    (void)state;
    weir__forecast_make(&forecast, 1000, 50, rates, 3, 0);
    assert_int_equal(forecast.least_ns, 24975 * MS);
    assert_string_equal(forecast.held_by, "10/250ms");
    weir__forecast_make(&forecast, 1000, 50, rates, 2, 0);
    assert_int_equal(forecast.least_ns, 9990 * MS);
    assert_string_equal(forecast.held_by, "100/1s");
    weir__forecast_make(&forecast, 20000, 50, rates, 3, 0);
    assert_int_equal(forecast.least_ns, 3 * HOUR);
    assert_string_equal(forecast.held_by, "5000/1h");
}

static void without_rates_nothing_holds(void **state)
{
    const struct weir_rate rate = rate_of(100, HOUR, WEIR_SHAPE_WINDOW, 0);
    struct weir__forecast forecast;

    (void)state;
    weir__forecast_make(&forecast, 1000, 50, NULL, 0, 20 * MS);
    assert_int_equal(forecast.least_ns, 0);
    assert_null(forecast.held_by);
    assert_string_equal(forecast.name, "");
    weir__forecast_make(&forecast, 100, 50, &rate, 1, 20 * MS); /* one that nobody waits for */
    assert_null(forecast.held_by);
}

static void concurrency_goes_in_rounds(void **state)
{
    static const struct {
        uint64_t jobs;
        uint32_t concurrency;
        int64_t expected;
    } rounds[] = {{0, 3, 0}, {1, 3, 20}, {3, 3, 20}, {4, 3, 40}, {200, 3, 1340}, {7, 1, 140}};
    struct weir__forecast forecast;

    (void)state;
    for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++) {
        weir__forecast_make(&forecast, rounds[i].jobs, rounds[i].concurrency, NULL, 0, 20 * MS);
        assert_int_equal(forecast.concurrent_ns, rounds[i].expected * MS);
    }
}

static void large_numbers_do_not_overflow(void **state)
{
    const uint64_t million = 1000000, trillion = million * million;
    struct weir__forecast forecast;
    struct weir_rate rate;

    (void)state;
    /* a month for a million, a million times */
    assert_int_equal(least(trillion, rate_of(1000000, WEIR_PERIOD_MAX_NS, WEIR_SHAPE_STRICT, 0)), INT64_MAX);
    assert_int_equal(least(trillion, rate_of(1, WEIR_PERIOD_MAX_NS, WEIR_SHAPE_WINDOW, 0)), INT64_MAX);
    assert_int_equal(least(UINT64_MAX, rate_of(1, WEIR_PERIOD_MAX_NS, WEIR_SHAPE_PACED, 0)), INT64_MAX);
    /* near the end but within: 3000 months and a part of one, exactly */
    assert_int_equal(least(3000 * million + 500001, rate_of(1000000, WEIR_PERIOD_MAX_NS, WEIR_SHAPE_STRICT, 0)),
                     3000 * WEIR_PERIOD_MAX_NS + WEIR_PERIOD_MAX_NS / 2);
    assert_int_equal(least(trillion, rate_of(1000000, S, WEIR_SHAPE_STRICT, 0)), 1000000 * S - S / 1000000);
    /* a remainder of the division: 999,999 x 999,983 ns / 999,983 */
    assert_int_equal(least(1000000, rate_of(999983, 999983, WEIR_SHAPE_PACED, 0)), 999999);
    assert_int_equal(least(999983, rate_of(999983, 1999965, WEIR_SHAPE_PACED, 0)), INT64_C(999982) * 1999965 / 999983);

    rate = rate_of(1, WEIR_PERIOD_MAX_NS, WEIR_SHAPE_STRICT, 0);
    weir__forecast_make(&forecast, UINT64_MAX, 1, &rate, 1, INT64_MAX);
    assert_int_equal(forecast.concurrent_ns, INT64_MAX);
    assert_string_equal(forecast.held_by, "1/744h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_and_paced_go_at_their_pace),
        cmocka_unit_test(a_window_goes_in_bursts),
        cmocka_unit_test(a_burst_goes_first),
        cmocka_unit_test(the_slowest_rate_decides),
        cmocka_unit_test(without_rates_nothing_holds),
        cmocka_unit_test(concurrency_goes_in_rounds),
        cmocka_unit_test(large_numbers_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
