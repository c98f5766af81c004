/*
 * histogram and random: quantiles against the sorted values themselves, and a sequence that a seed fixes for ever.
 */
#include "base/clock.h"
#include "base/histogram.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VALUES 20000

static struct weir__histogram histogram;
static int64_t values[VALUES];

static int empty(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof histogram);
    return 0;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void an_empty_histogram_is_all_zero(void **state)
{
    (void)state;
    assert_int_equal(weir__histogram_quantile(&histogram, 0), 0);
    assert_int_equal(weir__histogram_quantile(&histogram, 0.5), 0);
    assert_int_equal(weir__histogram_quantile(&histogram, 1), 0);
    assert_int_equal(weir__histogram_mean(&histogram), 0);
    assert_int_equal(histogram.max_ns, 0);
}

static void one_value_is_every_quantile(void **state)
{
    (void)state;
    weir__histogram_add(&histogram, 123456789);
    assert_int_equal(weir__histogram_quantile(&histogram, 0), 123456789);
    assert_int_equal(weir__histogram_quantile(&histogram, 0.5), 123456789);
    assert_int_equal(weir__histogram_quantile(&histogram, 1), 123456789);
    assert_int_equal(weir__histogram_mean(&histogram), 123456789);
}

static void negative_durations_count_as_zero(void **state)
{
    (void)state;
    weir__histogram_add(&histogram, -5);
    weir__histogram_add(&histogram, INT64_MIN);
    assert_int_equal(histogram.count, 2);
    assert_int_equal(histogram.sum_ns, 0);
    assert_int_equal(weir__histogram_quantile(&histogram, 1), 0);
}

static void the_longest_durations_stay_inside(void **state)
{
    const int64_t edge_ns = (INT64_C(1) << 44) * 1000; /* half a year */
    (void)state;
    weir__histogram_add(&histogram, edge_ns - 1);
    weir__histogram_add(&histogram, edge_ns);
    weir__histogram_add(&histogram, INT64_MAX / 4);
    assert_int_equal(histogram.count, 3);
    assert_int_equal(histogram.buckets[WEIR__HISTOGRAM_BUCKETS - 1], 3);
    assert_int_equal(histogram.max_ns, INT64_MAX / 4);
}

/* Values over nine decades; the wanted figure is the smallest value that a share q of all does not exceed. */
static void quantiles_are_right_to_within_a_64th(void **state)
{
    static const double shares[] = {0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    uint64_t seed = 7;

    (void)state;
    for (int i = 0; i < VALUES; i++) {
        values[i] = weir__random_below(&seed, INT64_C(1) << (7 + weir__random_below(&seed, 37)));
        weir__histogram_add(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof values[0], ascending);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        const size_t rank = (size_t)(shares[i] * VALUES + 0.999999) - 1;
        const int64_t wanted = values[rank];
        const int64_t got = weir__histogram_quantile(&histogram, shares[i]);
        const int64_t slack = wanted / 64 > 1000 ? wanted / 64 : 1000;
        if (got < wanted || got > wanted + slack)
            fail_msg("quantile %g: %lld, wanted %lld to %lld", shares[i], (long long)got, (long long)wanted,
                     (long long)(wanted + slack));
    }
    assert_int_equal(weir__histogram_quantile(&histogram, 1), values[VALUES - 1]);
    assert_int_equal(histogram.max_ns, values[VALUES - 1]);
}

/* Each bucket's neighbours: the value itself, and one nanosecond to either side of a microsecond. */
static void bucket_edges_lose_nothing(void **state)
{
    (void)state;
    for (int64_t us = 1; us < INT64_C(1) << 43; us += us / 200 + 1) {
        for (int64_t ns = us * 1000 - 1; ns <= us * 1000 + 1; ns++) {
            memset(&histogram, 0, sizeof histogram);
            weir__histogram_add(&histogram, ns);
            weir__histogram_add(&histogram, INT64_C(1) << 53); /* keeps the maximum from hiding the bucket's end */
            const int64_t got = weir__histogram_quantile(&histogram, 0.5);
            if (got < ns || got - ns > (ns / 64 > 1000 ? ns / 64 : 1000))
                fail_msg("%lld ns came back as %lld", (long long)ns, (long long)got);
        }
    }
}

/* Against the values themselves: all that do not exceed a bound count, and nothing that exceeds it by a 64th. */
static void counts_below_bounds_are_right_to_within_a_64th(void **state)
{
    static const int64_t bounds_ns[] = {-1,       0, 1000, 63000, 1000000, 2500000, 1000000000, INT64_C(60000000000),
                                        INT64_MAX};
    enum { COUNT = sizeof bounds_ns / sizeof bounds_ns[0] };
    uint64_t seed = 11, at_most[COUNT];

    (void)state;
    for (int i = 0; i < VALUES; i++) {
        values[i] = weir__random_below(&seed, INT64_C(1) << (7 + weir__random_below(&seed, 37)));
        weir__histogram_add(&histogram, values[i]);
    }
    weir__histogram_at_most(&histogram, bounds_ns, COUNT, at_most);
    for (size_t i = 0; i < COUNT; i++) {
        const int64_t slack = bounds_ns[i] / 64 > 1000 ? bounds_ns[i] / 64 : 1000;
        uint64_t least = 0, most = 0;
        for (int j = 0; j < VALUES; j++) {
            least += values[j] <= bounds_ns[i];
            most += values[j] - slack <= bounds_ns[i];
        }
        if (at_most[i] < least || at_most[i] > most)
            fail_msg("%lld ns: %llu, wanted %llu to %llu", (long long)bounds_ns[i], (unsigned long long)at_most[i],
                     (unsigned long long)least, (unsigned long long)most);
    }
    assert_int_equal(at_most[COUNT - 1], VALUES);
}

static void a_value_that_is_a_bound_counts_for_it(void **state)
{
    static const int64_t bounds_ns[] = {1000000, 2500000};
    uint64_t at_most[2];

    (void)state;
    weir__histogram_at_most(&histogram, bounds_ns, 2, at_most);
    assert_int_equal(at_most[0], 0);
    assert_int_equal(at_most[1], 0);
    weir__histogram_add(&histogram, 1000000);
    weir__histogram_add(&histogram, 1100000);
    weir__histogram_add(&histogram, 2600000);
    weir__histogram_at_most(&histogram, bounds_ns, 2, at_most);
    assert_int_equal(at_most[0], 1);
    assert_int_equal(at_most[1], 2);
}

static void the_mean_is_exact(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 1001; i++)
        weir__histogram_add(&histogram, i * 1000003);
    assert_int_equal(weir__histogram_mean(&histogram), 501 * INT64_C(1000003));
    assert_int_equal(histogram.count, 1001);
}

/* The reference values of splitmix64 for the seed 1234567. */
static void a_seed_fixes_the_sequence(void **state)
{
    static const uint64_t wanted[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                      UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                      UINT64_C(16408922859458223821)};
    uint64_t seed = 1234567;

    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_true(weir__random_next(&seed) == wanted[i]);
}

static void random_numbers_stay_in_their_range_and_fill_it(void **state)
{
    uint64_t seed = 0;
    unsigned seen[10] = {0};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        const double unit = weir__random_unit(&seed);
        const int64_t digit = weir__random_below(&seed, 10);
        const int64_t large = weir__random_below(&seed, INT64_MAX);
        assert_true(unit >= 0 && unit < 1);
        assert_true(digit >= 0 && digit < 10);
        assert_true(large >= 0 && large < INT64_MAX);
        seen[digit]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(seen[i], 9500, 10500); /* five standard deviations */
    assert_int_equal(weir__random_below(&seed, 0), 0);
    assert_int_equal(weir__random_below(&seed, -3), 0);
    assert_int_equal(weir__random_below(&seed, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_histogram_is_all_zero, empty),
        cmocka_unit_test_setup(one_value_is_every_quantile, empty),
        cmocka_unit_test_setup(negative_durations_count_as_zero, empty),
        cmocka_unit_test_setup(the_longest_durations_stay_inside, empty),
        cmocka_unit_test_setup(quantiles_are_right_to_within_a_64th, empty),
        cmocka_unit_test_setup(bucket_edges_lose_nothing, empty),
        cmocka_unit_test_setup(counts_below_bounds_are_right_to_within_a_64th, empty),
        cmocka_unit_test_setup(a_value_that_is_a_bound_counts_for_it, empty),
        cmocka_unit_test_setup(the_mean_is_exact, empty),
        cmocka_unit_test(a_seed_fixes_the_sequence),
        cmocka_unit_test(random_numbers_stay_in_their_range_and_fill_it),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
