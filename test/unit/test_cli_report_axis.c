/* Ticks of a page's plots, and figures as people read them. */
#include "cli/report_axis.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The labels with a blank between them. */
static const char *labels(const struct weir__report_axis *axis)
{
    static char text[WEIR__REPORT_TICKS_MAX * (WEIR__REPORT_FIGURE_SIZE + 1)];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < axis->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? "|" : "", axis->ticks[i].label);
    return text;
}

static void amounts_rise_in_round_steps_over_the_most(void **state)
{
    static const struct {
        double most;
        const char *labels;
    } cases[] = {
        {0, "0|0.5|1"},          {7, "0|5|10"},           {100, "0|50|100"},    {101, "0|50|100|150"},
        {1950, "0|1,000|2,000"}, {95000, "0|50 k|100 k"}, {3.1e6, "0|2 M|4 M"}, {0.02, "0|0.01|0.02"},
    };
    struct weir__report_axis axis;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir__report_axis_count(&axis, cases[i].most, 3);
        assert_string_equal(labels(&axis), cases[i].labels);
        assert_true(axis.from < axis.to && axis.to >= cases[i].most);
    }
}

static void time_goes_by_clock_units(void **state)
{
    static const struct {
        double s;
        const char *labels;
    } cases[] = {
        {0.004, "0|1 ms|2 ms|3 ms|4 ms"}, {0.1, "0|20 ms|40 ms|60 ms|80 ms|100 ms"},
        {4.9, "0|1 s|2 s|3 s|4 s"},       {70, "0|20 s|40 s|60 s"},
        {400, "0|2 min|4 min|6 min"},     {7200, "0|30 min|60 min|90 min|120 min"},
        {90000, "0|6 h|12 h|18 h|24 h"},
    };
    struct weir__report_axis axis;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir__report_axis_time(&axis, cases[i].s, 5);
        assert_string_equal(labels(&axis), cases[i].labels);
        assert_true(axis.from == 0 && axis.to == cases[i].s);
    }
}

static void latencies_span_whole_steps_and_little_variation_stays_little(void **state)
{
    struct weir__report_axis axis;

    (void)state;
    weir__report_axis_ms(&axis, 20.2, 21.2);
    assert_string_equal(labels(&axis), "10 ms|20 ms|50 ms");
    assert_true(axis.to / axis.from >= 4);
    weir__report_axis_ms(&axis, 0.3, 40);
    assert_true(axis.logarithmic && axis.from <= 0.3 && axis.to >= 40);
    assert_string_equal(labels(&axis), "1 ms|10 ms");
    weir__report_axis_ms(&axis, 0.01, 90000);
    assert_string_equal(labels(&axis), "10 \u00b5s|100 \u00b5s|1 ms|10 ms|100 ms|1 s|10 s|100 s");
}

static void shares_go_towards_the_slowest(void **state)
{
    struct weir__report_axis axis;

    (void)state;
    weir__report_axis_share(&axis, 50);
    assert_string_equal(labels(&axis), "50 %|90 %");
    weir__report_axis_share(&axis, 100000);
    assert_string_equal(labels(&axis), "50 %|90 %|99 %|99.9 %|99.99 %|99.999 %");
    assert_true(fabs(axis.ticks[3].at - 1000) < 1e-6);
}

static void no_figure_makes_an_axis_that_cannot_be_drawn(void **state)
{
    static const double odd[] = {0, -1, 1e-300, 1e300, (double)NAN, (double)INFINITY, -(double)INFINITY};
    struct weir__report_axis axis;

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        weir__report_axis_count(&axis, odd[i], 3);
        assert_true(axis.from < axis.to && isfinite(axis.to) && axis.count > 0);
        weir__report_axis_bytes(&axis, odd[i], 3);
        assert_true(axis.from < axis.to && isfinite(axis.to) && axis.count > 0);
        weir__report_axis_us(&axis, odd[i], 3);
        assert_true(axis.from < axis.to && isfinite(axis.to) && axis.count > 0);
        weir__report_axis_time(&axis, odd[i], 5);
        assert_true(axis.from < axis.to && isfinite(axis.to) && axis.count > 0);
        weir__report_axis_share(&axis, odd[i]);
        assert_true(axis.from < axis.to && isfinite(axis.to) && axis.count > 0);
        for (size_t j = 0; j < sizeof odd / sizeof odd[0]; j++) {
            weir__report_axis_ms(&axis, odd[i], odd[j]);
            assert_true(axis.from > 0 && axis.from < axis.to && isfinite(axis.to));
        }
    }
}

static void figures_have_three_digits_and_a_unit(void **state)
{
    char text[WEIR__REPORT_FIGURE_SIZE];

    (void)state;
    assert_string_equal(weir__report_axis_say_count(0, text), "0");
    assert_string_equal(weir__report_axis_say_count(12, text), "12");
    assert_string_equal(weir__report_axis_say_count(1.284, text), "1.28");
    assert_string_equal(weir__report_axis_say_count(1234567, text), "1,234,567");
    assert_string_equal(weir__report_axis_say_count((double)NAN, text), "\u2013");
    assert_string_equal(weir__report_axis_say_ms(0.8504, text), "850 \u00b5s");
    assert_string_equal(weir__report_axis_say_ms(12.34, text), "12.3 ms");
    assert_string_equal(weir__report_axis_say_ms(1234, text), "1.23 s");
    assert_string_equal(weir__report_axis_say_us(17.41, text), "17.4 \u00b5s");
    assert_string_equal(weir__report_axis_say_bytes(12.1 * 1024 * 1024, text), "12.1 MiB");
}

static void nearly_all_is_not_all_and_hardly_any_is_not_none(void **state)
{
    char text[WEIR__REPORT_FIGURE_SIZE];

    (void)state;
    assert_string_equal(weir__report_axis_say_share(1, text), "100 %");
    assert_string_equal(weir__report_axis_say_share(0.99999, text), "99.99 %");
    assert_string_equal(weir__report_axis_say_share(0.996, text), "99.6 %");
    assert_string_equal(weir__report_axis_say_share(0.38, text), "38 %");
    assert_string_equal(weir__report_axis_say_share(0.004, text), "0.4 %");
    assert_string_equal(weir__report_axis_say_share(0.0000001, text), "0.01 %");
    assert_string_equal(weir__report_axis_say_share(0, text), "0 %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_rise_in_round_steps_over_the_most),
        cmocka_unit_test(time_goes_by_clock_units),
        cmocka_unit_test(latencies_span_whole_steps_and_little_variation_stays_little),
        cmocka_unit_test(shares_go_towards_the_slowest),
        cmocka_unit_test(no_figure_makes_an_axis_that_cannot_be_drawn),
        cmocka_unit_test(figures_have_three_digits_and_a_unit),
        cmocka_unit_test(nearly_all_is_not_all_and_hardly_any_is_not_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
