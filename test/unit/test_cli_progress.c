/* The progress line fits the terminal with what matters most first, and its estimate does not jump. */
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static const struct weir__progress_pace pace = {99.5, 12.2, NULL}, unknown = {-1, -1, NULL};
static const struct weir__progress_pace held = {99.5, 12.2, "100/1s"};
static const struct weir__figures half = {
    .total = 200, .total_known = true, .succeeded = 90, .failed = 10, .done = 100};

static struct weir_stats some_stats(void)
{
    struct weir_stats stats = {.struct_size = sizeof stats};

    stats.statuses[429] = 7;
    stats.in_flight = 3;
    return stats;
}

/* Everything that a line can say, at its longest. */
static struct weir_stats long_stats(void)
{
    struct weir_stats stats = some_stats();

    stats.pause.left_ns = 3600 * S;
    memset(stats.pause.reason, 'r', sizeof stats.pause.reason - 1);
    stats.backed_off = stats.in_flight = UINT32_MAX;
    stats.statuses[429] = UINT64_MAX;
    return stats;
}

static const struct weir__figures long_figures = {.total = UINT64_MAX,
                                                  .total_known = true,
                                                  .skipped = UINT64_MAX,
                                                  .succeeded = UINT64_MAX,
                                                  .failed = UINT64_MAX,
                                                  .unknown = UINT64_MAX,
                                                  .done = UINT64_MAX};

static void expect(const struct weir_stats *stats, const struct weir__figures *figures,
                   const struct weir__progress_pace *of, size_t columns, const char *wanted)
{
    char line[WEIR__PROGRESS_LINE_SIZE];

    weir__progress_format(stats, figures, of, columns, line, sizeof line);
    assert_string_equal(line, wanted);
}

static void a_wide_terminal_gets_bar_and_figures(void **state)
{
    const struct weir_stats stats = some_stats();

    (void)state;
    expect(&stats, &half, &held, 120,
           "[##########..........] 100/200  99.5/s  90 ok, 10 failed, 7 429  3 in flight  at 100/1s  12 s left");
}

static void eighty_columns_get_a_shorter_bar(void **state)
{
    const struct weir_stats stats = some_stats();

    (void)state;
    expect(&stats, &half, &held, 79, "[#####.....] 100/200  99.5/s  90 ok, 10 failed, 7 429  at 100/1s  12 s left");
}

/* Word by word: what is there is there whole, whatever the width. */
static void no_part_is_cut(void **state)
{
    static const char *const parts[] = {
        "100/200",   "99.5/s",       "90 ok, 10 failed, 7 429", "3 in flight", "at 100/1s",
        "12 s left", "[#####.....]", "[##########..........]"};
    const struct weir_stats stats = some_stats();

    (void)state;
    for (size_t columns = 0; columns <= 130; columns++) {
        char line[WEIR__PROGRESS_LINE_SIZE], rest[WEIR__PROGRESS_LINE_SIZE];
        weir__progress_format(&stats, &half, &held, columns, line, sizeof line);
        if (strlen(line) > columns)
            fail_msg("%zu columns: %zu in '%s'", columns, strlen(line), line);
        (void)snprintf(rest, sizeof rest, "%s", line);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            char *part = strstr(rest, parts[i]);
            if (part != NULL)
                memset(part, ' ', strlen(parts[i]));
        }
        if (columns >= 7 && rest[strspn(rest, " ")] != '\0')
            fail_msg("%zu columns: '%s'", columns, line);
    }
}

static void the_longest_figures_keep_every_width(void **state)
{
    const struct weir_stats stats = long_stats();
    char line[WEIR__PROGRESS_LINE_SIZE];

    (void)state;
    for (size_t columns = 0; columns <= 300; columns++) {
        weir__progress_format(&stats, &long_figures, &held, columns, line, sizeof line);
        if (strlen(line) > columns)
            fail_msg("%zu columns: %zu in '%s'", columns, strlen(line), line);
    }
    weir__progress_format(&stats, &long_figures, &held, 1000, line, 40); /* the buffer is a limit, too */
    assert_in_range(strlen(line), 0, 39);
    weir__progress_format_plain(&stats, &long_figures, &held, line, sizeof line);
    assert_in_range(strlen(line), 100, sizeof line - 1);
}

static void a_narrow_terminal_gets_the_count_first(void **state)
{
    const struct weir_stats stats = some_stats();

    (void)state;
    expect(&stats, &half, &pace, 50, "100/200  99.5/s  90 ok, 10 failed, 7 429");
    expect(&stats, &half, &pace, 30, "100/200  99.5/s  12 s left");
    expect(&stats, &half, &pace, 15, "100/200  99.5/s");
    expect(&stats, &half, &pace, 14, "100/200");
    expect(&stats, &half, &pace, 6, "50%");
    expect(&stats, &half, &pace, 2, "");
    expect(&stats, &half, &pace, 0, "");
}

static void a_pause_stands_in_the_place_of_rate_and_estimate(void **state)
{
    struct weir_stats stats = some_stats();

    (void)state;
    stats.pause.left_ns = 12 * S;
    (void)strcpy(stats.pause.reason, "429, retry-after");
    stats.backed_off = 12;
    expect(&stats, &half, &held, 150,
           "[##########..........] 100/200  paused by server 12 s (429, retry-after)  90 ok, 10 failed, 7 429  "
           "3 in flight  12 in backoff");
    expect(&stats, &half, &held, 40, "100/200  paused by server 12 s");
}

/* A reason without its pause would say nothing. */
static void the_reason_goes_with_its_pause(void **state)
{
    struct weir_stats stats = some_stats();

    (void)state;
    stats.pause.left_ns = 12 * S;
    (void)strcpy(stats.pause.reason, "429");
    expect(&stats, &half, &pace, 20, "100/200  3 in flight");
}

static void what_a_server_wrote_cannot_drive_the_terminal(void **state)
{
    struct weir_stats stats = some_stats();

    (void)state;
    stats.pause.left_ns = 1;
    (void)strcpy(stats.pause.reason, "\033[2J");
    expect(&stats, &half, &pace, 50, "100/200  paused by server 1 s (\\x1b[2J)");
}

static void of_a_stream_it_says_how_many_were_read(void **state)
{
    const struct weir__figures figures = {.total = 240, .succeeded = 100, .done = 100};
    const struct weir_stats stats = {.struct_size = sizeof stats};

    (void)state;
    expect(&stats, &figures, &unknown, 100, "100/240 read  100 ok  0 in flight");
    expect(&stats, &figures, &unknown, 3, "");
}

static void what_earlier_runs_did_is_told(void **state)
{
    const struct weir__figures figures = {
        .total = 200, .total_known = true, .skipped = 50, .succeeded = 49, .unknown = 1, .done = 100};
    const struct weir_stats stats = {.struct_size = sizeof stats};

    (void)state;
    expect(&stats, &figures, &pace, 71, "100/200  99.5/s  49 ok, 1 unknown  0 in flight  50 skipped  12 s left");
}

static void unknown_figures_are_left_out(void **state)
{
    const struct weir__figures none = {.total_known = true};
    const struct weir_stats stats = {.struct_size = sizeof stats};

    (void)state;
    expect(&stats, &none, &unknown, 100, "[####################] 0/0  0 ok  0 in flight");
}

static void a_log_gets_one_plain_line(void **state)
{
    struct weir_stats stats = some_stats();
    const struct weir__figures first = {.total = 5, .total_known = true};
    char line[WEIR__PROGRESS_LINE_SIZE];

    (void)state;
    weir__progress_format_plain(&stats, &half, &held, line, sizeof line);
    assert_string_equal(line, "progress: 100/200, 99.5/s, 90 ok, 10 failed, 7 429, 3 in flight, at 100/1s, 12 s left");
    stats.pause.left_ns = 2 * S;
    (void)strcpy(stats.pause.reason, "429, retry-after");
    stats.statuses[429] = 0;
    weir__progress_format_plain(&stats, &first, &unknown, line, sizeof line);
    assert_string_equal(line, "progress: 0/5, paused by server 2 s (429, retry-after), 0 ok, 0 failed, 0 429, "
                              "3 in flight");
}

static void times_are_coarser_the_longer_they_are(void **state)
{
    static const struct {
        double left_s;
        const char *shown;
    } cases[] = {{0, "0 s"},       {0.01, "1 s"},        {59.5, "1 min 00 s"}, {185, "3 min 05 s"},   {600, "10 min"},
                 {3599, "59 min"}, {7500, "2 h 05 min"}, {200000, "2 d 7 h"},  {1e300, "11574 d 1 h"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weir__progress_pace of = {-1, cases[i].left_s, NULL};
        const struct weir_stats stats = {.struct_size = sizeof stats};
        char wanted[96];
        (void)snprintf(wanted, sizeof wanted, "100/200  90 ok, 10 failed  0 in flight  %s left", cases[i].shown);
        expect(&stats, &half, &of, 71, wanted);
    }
}

static void nothing_is_estimated_from_nothing(void **state)
{
    struct weir__progress_eta eta = {0, 0, 0, 0};

    (void)state;
    assert_true(weir__progress_estimate(&eta, 5 * S, 0, 10) == -1);
    assert_true(weir__progress_estimate(&eta, S / 2, 5, 10) == -1);
    assert_true(weir__progress_estimate(&eta, 5 * S, 5, 0) == -1);
    assert_true(weir__progress_estimate(&eta, 5 * S, 5, 10) == 10);
}

/* Jobs of 10 s, one after the other: looked at ten times a second it counts down and never goes up. */
static void the_estimate_counts_down_between_two_jobs(void **state)
{
    struct weir__progress_eta eta = {0, 0, 0, 0};
    double before = 1e9;

    (void)state;
    for (int64_t ds = 100; ds < 1000; ds++) {
        const uint64_t done = (uint64_t)ds / 100;
        const double left = weir__progress_estimate(&eta, ds * S / 10, done, 10 - done);
        const double wanted = 100 - (double)ds / 10;
        if (left > before + 1e-6 || left < wanted - 0.2 || left > wanted + 0.2)
            fail_msg("after %.1f s: %.3f s left, before %.3f, wanted %.3f", (double)ds / 10, left, before, wanted);
        before = left;
    }
}

/* Jobs end in gusts of 1 to 19 where 10 are the mean: from the fifth second on what is shown moves by a second or so
 * between two looks, while it means some 100. */
static void gusts_do_not_make_the_estimate_jump(void **state)
{
    struct weir__progress_eta eta = {0, 0, 0, 0};
    uint64_t done = 0;
    double before = -1;

    (void)state;
    for (int64_t ds = 1; ds <= 900; ds++) {
        done += (uint64_t)(1 + ds * 7919 % 19);
        const double left = weir__progress_estimate(&eta, ds * S / 10, done, 10000 - done);
        if (ds > 50 && (left > before + 1 || left < before - 1))
            fail_msg("after %.1f s: %.3f s left, before %.3f", (double)ds / 10, left, before);
        before = left;
    }
    assert_true(before > 8 && before < 12);
}

/* A server that stands still makes it longer, if slowly. */
static void a_standstill_does_not_count_down_to_nothing(void **state)
{
    struct weir__progress_eta eta = {0, 0, 0, 0};

    (void)state;
    for (int64_t s = 10; s < 100; s++)
        assert_true(weir__progress_estimate(&eta, s * S, 10, 50) > 45);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wide_terminal_gets_bar_and_figures),
        cmocka_unit_test(eighty_columns_get_a_shorter_bar),
        cmocka_unit_test(no_part_is_cut),
        cmocka_unit_test(the_longest_figures_keep_every_width),
        cmocka_unit_test(a_narrow_terminal_gets_the_count_first),
        cmocka_unit_test(a_pause_stands_in_the_place_of_rate_and_estimate),
        cmocka_unit_test(the_reason_goes_with_its_pause),
        cmocka_unit_test(what_a_server_wrote_cannot_drive_the_terminal),
        cmocka_unit_test(of_a_stream_it_says_how_many_were_read),
        cmocka_unit_test(what_earlier_runs_did_is_told),
        cmocka_unit_test(unknown_figures_are_left_out),
        cmocka_unit_test(a_log_gets_one_plain_line),
        cmocka_unit_test(times_are_coarser_the_longer_they_are),
        cmocka_unit_test(nothing_is_estimated_from_nothing),
        cmocka_unit_test(the_estimate_counts_down_between_two_jobs),
        cmocka_unit_test(gusts_do_not_make_the_estimate_jump),
        cmocka_unit_test(a_standstill_does_not_count_down_to_nothing),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
