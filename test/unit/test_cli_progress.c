/* The progress line fits the terminal, with what matters most first. */
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct weir_stats half_done(void)
{
    struct weir_stats stats = {.struct_size = sizeof stats};

    stats.outcomes[WEIR_OUTCOME_SUCCEEDED] = 90;
    stats.outcomes[WEIR_OUTCOME_FAILED] = 10;
    stats.statuses[429] = 7;
    stats.in_flight = 3;
    return stats;
}

static void a_wide_terminal_gets_bar_and_figures(void **state)
{
    const struct weir_stats stats = half_done();
    char line[256];

    (void)state;
    weir__progress_format(&stats, 200, 99.5, 1, 100, line, sizeof line);
    assert_string_equal(line, "[##########..........] 100/200  99.5/s  90 ok, 10 not, 7 429  3 in flight  1.00 s left");
}

static void every_width_is_kept(void **state)
{
    const struct weir_stats stats = half_done();

    (void)state;
    for (size_t columns = 1; columns <= 200; columns++) {
        char line[256];
        weir__progress_format(&stats, 200, 99.5, 1, columns, line, sizeof line);
        assert_in_range(strlen(line), 1, columns);
    }
}

static void a_narrow_terminal_gets_the_count_first(void **state)
{
    const struct weir_stats stats = half_done();
    char line[256];

    (void)state;
    weir__progress_format(&stats, 200, 99.5, 1, 15, line, sizeof line);
    assert_string_equal(line, "100/200  99.5/s");
}

static void unknown_figures_are_left_out(void **state)
{
    const struct weir_stats stats = {.struct_size = sizeof stats};
    char line[256];

    (void)state;
    weir__progress_format(&stats, 0, -1, -1, 100, line, sizeof line);
    assert_string_equal(line, "[####################] 0/0  0.0/s  0 ok, 0 not, 0 429  0 in flight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_terminal_gets_bar_and_figures),
        cmocka_unit_test(every_width_is_kept),
        cmocka_unit_test(a_narrow_terminal_gets_the_count_first),
        cmocka_unit_test(unknown_figures_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
