/* The progress line fits the terminal, with what matters most first. */
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct weir__progress_pace pace = {99.5, 1, NULL}, unknown = {-1, -1, NULL};

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
    weir__progress_format(&stats, 200, &pace, 100, line, sizeof line);
    assert_string_equal(line, "[##########..........] 100/200  99.5/s  90 ok, 10 not, 7 429  3 in flight  1.00 s left");
}

static void every_width_is_kept(void **state)
{
    const struct weir_stats stats = half_done();

    (void)state;
    for (size_t columns = 1; columns <= 200; columns++) {
        char line[256];
        weir__progress_format(&stats, 200, &pace, columns, line, sizeof line);
        assert_in_range(strlen(line), 1, columns);
    }
    for (size_t columns = 1; columns <= 200; columns++) {
        struct weir_stats paused = half_done();
        char line[256];
        paused.pause.left_ns = INT64_C(3600000000000);
        memset(paused.pause.reason, 'r', sizeof paused.pause.reason - 1);
        paused.backed_off = UINT32_MAX;
        weir__progress_format(&paused, UINT64_MAX, &pace, columns, line, sizeof line);
        assert_in_range(strlen(line), 1, columns);
    }
}

static void a_pause_stands_in_the_place_of_the_rate(void **state)
{
    struct weir_stats stats = half_done();
    const struct weir__progress_pace held = {99.5, 1, "100/1s"};
    char line[256];

    (void)state;
    stats.pause.left_ns = INT64_C(1300000000);
    (void)strcpy(stats.pause.reason, "429, retry-after");
    stats.backed_off = 12;
    weir__progress_format(&stats, 200, &held, 150, line, sizeof line);
    assert_string_equal(line, "[##########..........] 100/200  paused 1.30 s (429, retry-after)  90 ok, 10 not, 7 429  "
                              "3 in flight, 12 in backoff");
    weir__progress_format(&stats, 200, &held, 30, line, sizeof line);
    assert_string_equal(line, "100/200  paused 1.30 s (429, r");
}

static void the_limit_that_holds_the_run_back_is_named(void **state)
{
    const struct weir_stats stats = half_done();
    const struct weir__progress_pace held = {99.5, 1, "100/1s"};
    char line[256];

    (void)state;
    weir__progress_format(&stats, 200, &held, 71, line, sizeof line);
    assert_string_equal(line, "100/200  99.5/s  90 ok, 10 not, 7 429  3 in flight  at 100/1s  1.00 s l");
}

static void a_narrow_terminal_gets_the_count_first(void **state)
{
    const struct weir_stats stats = half_done();
    char line[256];

    (void)state;
    weir__progress_format(&stats, 200, &pace, 15, line, sizeof line);
    assert_string_equal(line, "100/200  99.5/s");
}

static void unknown_figures_are_left_out(void **state)
{
    const struct weir_stats stats = {.struct_size = sizeof stats};
    char line[256];

    (void)state;
    weir__progress_format(&stats, 0, &unknown, 100, line, sizeof line);
    assert_string_equal(line, "[####################] 0/0  0.0/s  0 ok, 0 not, 0 429  0 in flight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_terminal_gets_bar_and_figures),
        cmocka_unit_test(every_width_is_kept),
        cmocka_unit_test(a_narrow_terminal_gets_the_count_first),
        cmocka_unit_test(unknown_figures_are_left_out),
        cmocka_unit_test(a_pause_stands_in_the_place_of_the_rate),
        cmocka_unit_test(the_limit_that_holds_the_run_back_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
