/* A time in slices: nothing is lost as it grows, in whatever order events come, and memory stays bounded. */
#include "cli/report_slices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define S (1000 * MS)

static uint64_t ended(const struct weir__report_slices *slices)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < slices->count; i++)
        sum += slices->slices[i].ended;
    return sum;
}

static void an_event_stands_in_the_slice_of_its_moment(void **state)
{
    struct weir__report_slices slices = {.count = 0};

    (void)state;
    assert_true(weir__report_slices_end(&slices, 10 * MS, WEIR_OUTCOME_SUCCEEDED, 200, 3 * MS));
    assert_true(weir__report_slices_end(&slices, 12 * MS + 1, WEIR_OUTCOME_FAILED, 429, -1));
    assert_true(weir__report_slices_end(&slices, 8 * MS, WEIR_OUTCOME_UNKNOWN, 0, -1));
    assert_int_equal(slices.width_ns, MS);
    assert_int_equal(slices.base, 8);
    assert_int_equal(slices.count, 5);
    assert_int_equal(slices.slices[0].statuses[0], 1);
    assert_int_equal(slices.slices[2].statuses[2], 1);
    assert_int_equal(slices.slices[4].refused, 1);
    assert_int_equal(slices.slices[4].outcomes[WEIR_OUTCOME_FAILED], 1);
    assert_int_equal(weir__histogram_quantile(slices.slices[2].latency, 0.5), 3 * MS);
    assert_null(slices.slices[4].latency);
    weir__report_slices_clear(&slices);
}

static void nothing_is_lost_when_time_outgrows_the_slices(void **state)
{
    struct weir__report_slices slices = {.count = 0};
    uint64_t latencies = 0;

    (void)state;
    srand(1);
    for (int i = 0; i < 20000; i++) /* forwards, backwards, and far away now and then */
        assert_true(weir__report_slices_end(&slices,
                                            1000 * S + (int64_t)(rand() % 1000) * (i % 1000 == 0 ? 50 * S : 7 * MS),
                                            WEIR_OUTCOME_SUCCEEDED, 200, i * MS));
    assert_int_equal(ended(&slices), 20000);
    assert_true(slices.count <= WEIR__REPORT_SLICES_MAX);
    for (size_t i = 0; i < slices.count; i++)
        latencies += slices.slices[i].latency != NULL ? slices.slices[i].latency->count : 0;
    assert_int_equal(latencies, 20000);
    weir__report_slices_clear(&slices);
}

static void years_apart_still_fit(void **state)
{
    struct weir__report_slices slices = {.count = 0};

    (void)state;
    assert_true(weir__report_slices_end(&slices, 1, WEIR_OUTCOME_SUCCEEDED, 200, 1));
    assert_true(weir__report_slices_end(&slices, INT64_MAX / 2, WEIR_OUTCOME_SUCCEEDED, 200, 1));
    assert_true(weir__report_slices_end(&slices, -INT64_MAX / 4, WEIR_OUTCOME_SUCCEEDED, 200, 1));
    assert_int_equal(ended(&slices), 3);
    assert_true(slices.count <= WEIR__REPORT_SLICES_MAX);
    weir__report_slices_clear(&slices);
}

static void in_flight_is_the_average_of_a_slice_also_after_widening(void **state)
{
    struct weir__report_slices slices = {.count = 0};
    double before[WEIR__REPORT_SLICES_MAX], after[WEIR__REPORT_SLICES_MAX];

    (void)state;
    /* one from 1.5 to 3.25 ms, one from 2 to 5 ms */
    assert_true(weir__report_slices_begin(&slices, 1500000, false));
    assert_true(weir__report_slices_end(&slices, 3250000, WEIR_OUTCOME_SUCCEEDED, 200, 1));
    assert_true(weir__report_slices_begin(&slices, 2000000, true));
    assert_true(weir__report_slices_end(&slices, 5000000, WEIR_OUTCOME_SUCCEEDED, 200, 1));
    weir__report_slices_in_flight(&slices, before);
    assert_int_equal(slices.base, 1);
    assert_true(fabs(before[0] - 0.5) < 1e-9);
    assert_true(fabs(before[1] - 2) < 1e-9);
    assert_true(fabs(before[2] - 1.25) < 1e-9);
    assert_true(fabs(before[3] - 1) < 1e-9);
    assert_true(fabs(before[4] - 0) < 1e-9);
    assert_true(weir__report_slices_widen(&slices)); /* now from 0, 2, 4 ms on */
    weir__report_slices_in_flight(&slices, after);
    assert_int_equal(slices.base, 0);
    assert_int_equal(slices.count, 3);
    assert_true(fabs(after[0] - 0.25) < 1e-9);
    assert_true(fabs(after[1] - 1.625) < 1e-9);
    assert_true(fabs(after[2] - 0.5) < 1e-9);
    assert_int_equal(slices.slices[1].again, 1);
    weir__report_slices_clear(&slices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_stands_in_the_slice_of_its_moment),
        cmocka_unit_test(nothing_is_lost_when_time_outgrows_the_slices),
        cmocka_unit_test(years_apart_still_fit),
        cmocka_unit_test(in_flight_is_the_average_of_a_slice_also_after_widening),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
