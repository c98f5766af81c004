/* What a page says in words: what is the same, what differs and by how much, and that a fast failure is no win. */
#include "cli/report_words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ROUNDS 5u

static char threads[] = "threads", async[] = "async", naive[] = "naive", hey[] = "hey", engine[] = "engine",
            peer[] = "peer", reason[] = "not installed", limit[] = "100/s";
static struct weir__bench_figures counted[ROUNDS] = {
    {.round = 1}, {.round = 2}, {.round = 3}, {.round = 4}, {.round = 5}};

static struct weir__bench_figures figures(double rate, double cpu, double mib)
{
    struct weir__bench_figures out = {.requests = 2000, .succeeded = 2000, .rate_per_s = rate, .cpu_us = cpu};

    out.max_rss_bytes = mib * 1024 * 1024;
    out.quota = (double)NAN;
    for (size_t i = 0; i < WEIR__BENCH_QUANTILES; i++)
        out.latency_ms[i] = (double)NAN;
    return out;
}

/* Its rounds spread by 1 % to either side. */
static struct weir__bench_subject subject(char *name, char *kind, double rate, double cpu, double mib)
{
    return (struct weir__bench_subject){.name = name,
                                        .kind = kind,
                                        .rounds = counted,
                                        .round_count = ROUNDS,
                                        .median = figures(rate, cpu, mib),
                                        .least = figures(rate * 0.99, cpu * 0.99, mib * 0.99),
                                        .most = figures(rate * 1.01, cpu * 1.01, mib * 1.01)};
}

/* All sentences, a line each, with a mark before those that warn. */
static const char *say(const struct weir__bench_results *results)
{
    static char text[8192];
    struct weir__report_words words = {.items = NULL};
    size_t used = 0;

    weir__report_words_bench(&words, results);
    assert_false(words.failed);
    text[0] = '\0';
    for (size_t i = 0; i < words.count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s\n",
                                 words.items[i].tone == WEIR__REPORT_WARN ? "! " : "", words.items[i].text);
    weir__report_words_clear(&words);
    return text;
}

static struct weir__bench_cell cell(struct weir__bench_subject *subjects, size_t count)
{
    return (struct weir__bench_cell){
        .concurrency = 100, .target_latency_ms = 50, .total = 2000, .subjects = subjects, .subject_count = count};
}

static const char *say_cell(struct weir__bench_subject *subjects, size_t count)
{
    struct weir__bench_cell one = cell(subjects, count);
    const struct weir__bench_results results = {.cells = &one, .cell_count = 1, .limit = limit};

    return say(&results);
}

static void within_the_spread_is_the_same(void **state)
{
    struct weir__bench_subject both[] = {subject(threads, engine, 1950, 42, 20),
                                         subject(async, engine, 1970, 26, 20.1)};

    (void)state;
    assert_string_equal(say_cell(both, 2),
                        "At 50 ms and 100 in flight, threads and async send the same; async uses 38 % "
                        "less CPU.\n");
    both[1] = subject(async, engine, 1950, 42.5, 20);
    assert_string_equal(say_cell(both, 2),
                        "At 50 ms and 100 in flight, threads and async send the same; they use the same CPU.\n");
}

static void less_than_a_hundredth_is_the_same_whatever_the_spread(void **state)
{
    struct weir__bench_subject both[] = {subject(threads, engine, 1950, 42, 20), subject(async, engine, 1960, 42, 20)};

    (void)state;
    for (size_t i = 0; i < 2; i++)
        both[i].least = both[i].most = both[i].median;
    assert_non_null(strstr(say_cell(both, 2), "threads and async send the same; they use the same CPU."));
}

static void differences_are_told_from_the_better_side(void **state)
{
    struct weir__bench_subject both[] = {subject(threads, engine, 1000, 42, 40), subject(async, engine, 1200, 84, 10)};

    (void)state;
    assert_string_equal(say_cell(both, 2),
                        "At 50 ms and 100 in flight, async sends 20 % more than threads; threads uses 50 "
                        "% less CPU, async 75 % less memory.\n");
    both[1] = subject(async, engine, 2500, 21, 10);
    assert_string_equal(say_cell(both, 2),
                        "At 50 ms and 100 in flight, async sends 2.5 times as much as threads; async "
                        "uses 50 % less CPU and 75 % less memory.\n");
}

static void slow_ones_are_named(void **state)
{
    struct weir__bench_subject both[] = {subject(threads, engine, 1000, 42, 20), subject(async, engine, 1000, 42, 20)};

    (void)state;
    both[0].median.latency_ms[2] = both[0].least.latency_ms[2] = both[0].most.latency_ms[2] = 90;
    both[1].median.latency_ms[2] = both[1].least.latency_ms[2] = both[1].most.latency_ms[2] = 60;
    assert_non_null(strstr(say_cell(both, 2),
                           "99 of 100 requests are answered within 60.0 ms by async, within 90.0 ms by threads."));
}

static void a_fast_failure_is_no_win(void **state)
{
    struct weir__bench_subject all[] = {subject(threads, engine, 100, 42, 20), subject(async, engine, 100, 42, 20),
                                        subject(naive, naive, 9000, 20, 20)};
    const char *text;

    (void)state;
    all[2].median.refused = all[2].least.refused = all[2].most.refused = 1480;
    all[2].median.failures = all[2].least.failures = all[2].most.failures = 40;
    text = say_cell(all, 3);
    assert_non_null(strstr(text,
                           "! At 50 ms and 100 in flight, of 2,000 requests a round by naive, 1,480 were refused (429) "
                           "and 40 failed: that it is fast or thrifty is no win.\n"));
    assert_null(strstr(text, "naive sends"));
}

static void failures_of_one_round_are_named_too_and_nothing_is_compared(void **state)
{
    struct weir__bench_subject both[] = {subject(threads, engine, 1000, 42, 20), subject(async, engine, 1200, 21, 20)};
    const char *text;

    (void)state;
    both[1].most.failures = 3;
    text = say_cell(both, 2);
    assert_non_null(strstr(text, "! At 50 ms and 100 in flight, threads and async are not compared"));
    assert_non_null(strstr(text, "by async, 3 failed in the worst round: that it is fast or thrifty is no win."));
    assert_null(strstr(text, "less CPU"));
}

static void a_round_without_end_is_named(void **state)
{
    struct weir__bench_figures rounds[] = {{.round = 0, .failed = true}, {.round = 1, .failed = true}, {.round = 2}};
    struct weir__bench_subject all[] = {subject(threads, engine, 100, 42, 20), subject(hey, peer, 90, 42, 20)};
    const char *text;

    (void)state;
    all[1].rounds = rounds;
    all[1].round_count = 3;
    text = say_cell(all, 2);
    assert_non_null(strstr(text, "! At 50 ms and 100 in flight, hey did not come to an end in 1 of 2 rounds."));
    assert_null(strstr(text, "hey sends"));
}

static void others_are_compared_with_the_better_engine(void **state)
{
    struct weir__bench_subject all[] = {subject(threads, engine, 1000, 40, 20), subject(async, engine, 1000, 20, 10),
                                        subject(hey, peer, 900, 50, 30)};

    (void)state;
    assert_non_null(strstr(say_cell(all, 3),
                           "hey sends 10 % less than async and uses 2.5 times the CPU and 3.0 times the "
                           "memory.\n"));
    all[2] = subject(hey, peer, 1000, 20, 10);
    assert_non_null(strstr(say_cell(all, 3), "hey sends the same as async with the same CPU.\n"));
}

static void what_was_not_measured_is_named_once(void **state)
{
    struct weir__bench_subject all[] = {subject(threads, engine, 1000, 40, 20),
                                        {.name = hey, .kind = peer, .skipped = reason}};
    struct weir__bench_cell cells[] = {cell(all, 2), cell(all, 2)};
    const struct weir__bench_results results = {.cells = cells, .cell_count = 2};
    const char *text = say(&results), *found = strstr(text, "hey was not measured: not installed.\n");

    (void)state;
    assert_non_null(found);
    assert_null(strstr(found + 1, "hey was not measured"));
}

static void the_whole_comes_first(void **state)
{
    struct weir__bench_subject one[] = {subject(threads, engine, 1000, 40, 20), subject(async, engine, 1000, 30, 20)};
    struct weir__bench_subject two[] = {subject(threads, engine, 500, 40, 20), subject(async, engine, 500, 20, 20)};
    struct weir__bench_cell cells[] = {cell(one, 2), cell(two, 2)};
    const struct weir__bench_results results = {.cells = cells, .cell_count = 2};
    static const char expected[] = "Everywhere threads and async send the same, and async uses 25 to 50 % less CPU.\n";

    (void)state;
    assert_memory_equal(say(&results), expected, sizeof expected - 1);
    two[1] = subject(async, engine, 700, 20, 20);
    assert_null(strstr(say(&results), "Everywhere"));
}

static void the_quota_is_told_with_the_refusals(void **state)
{
    struct weir__bench_subject all[] = {subject(threads, engine, 98, 42, 20), subject(naive, naive, 60, 42, 20)};

    (void)state;
    all[0].median.quota = 0.98;
    all[1].median.quota = 0.6;
    all[1].median.refused = all[1].most.refused = 1200;
    assert_non_null(strstr(say_cell(all, 2),
                           "At 50 ms and 100 in flight, of the quota of 100/s this was used: threads 98 % "
                           "(none refused a round), naive 60 % (1,200 refused a round).\n"));
    assert_non_null(strstr(say_cell(all, 2),
                           "! At 50 ms and 100 in flight, of 2,000 requests a round by naive, 1,200 were "
                           "refused (429): that it is fast or thrifty is no win.\n"));
}

static void nothing_at_all_is_said_to_be_nothing(void **state)
{
    const struct weir__bench_results results = {.cell_count = 0};

    (void)state;
    assert_string_equal(say(&results), "! Nothing was measured.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_the_spread_is_the_same),
        cmocka_unit_test(less_than_a_hundredth_is_the_same_whatever_the_spread),
        cmocka_unit_test(differences_are_told_from_the_better_side),
        cmocka_unit_test(slow_ones_are_named),
        cmocka_unit_test(a_fast_failure_is_no_win),
        cmocka_unit_test(failures_of_one_round_are_named_too_and_nothing_is_compared),
        cmocka_unit_test(a_round_without_end_is_named),
        cmocka_unit_test(others_are_compared_with_the_better_engine),
        cmocka_unit_test(what_was_not_measured_is_named_once),
        cmocka_unit_test(the_whole_comes_first),
        cmocka_unit_test(the_quota_is_told_with_the_refusals),
        cmocka_unit_test(nothing_at_all_is_said_to_be_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
