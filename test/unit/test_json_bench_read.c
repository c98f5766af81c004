/* A benchmark's results: what is written is read back, and what is none is refused with its place. */
#include "json/bench_results.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Why it was refused. */
static const char *refusal(const char *text)
{
    static char error[160];
    struct weir__bench_results results;

    memset(&results, 0x5a, sizeof results);
    const struct weir__bench_results before = results;
    assert_false(weir__bench_results_read(text, strlen(text), &results, error, sizeof error));
    assert_memory_equal(&results, &before, sizeof results);
    return error;
}

static void what_is_written_is_read_back(void **state)
{
    char name[] = "a \"b\" <c>\n\xc3\xa4", kind[] = "peer", errors[] = "{\"timeout\":3}", version[] = "0.1.0",
         url[] = "http://h/", config[] = "{\"url\":\"http://h/\"}";
    struct weir__bench_figures rounds[] = {{.round = 0, .elapsed_s = 1.5},
                                           {.round = 1, .failed = true, .quota = (double)NAN}};
    struct weir__bench_point curve[] = {{0.5, 1.25}, {1, 9}};
    struct weir__bench_slice series[] = {
        {.t_s = 0.5, .ended = 7, .in_flight = 3, .p50_ms = (double)NAN, .statuses = {1, 0, 4, 0, 2, 0}, .refused = 2}};
    struct weir__bench_pause pauses[] = {{0.25, 0.5}};
    struct weir__bench_subject subject = {
        .name = name,
        .kind = kind,
        .errors = errors,
        .rounds = rounds,
        .round_count = 2,
        .median = {.rate_per_s = 42, .latency_ms = {1, 2, 3, 4, 5}, .latency_mean_ms = 6},
        .curve = curve,
        .curve_count = 2,
        .series = series,
        .series_count = 1,
        .pauses = pauses,
        .pause_count = 1};
    struct weir__bench_cell cell = {
        .concurrency = 32, .target_latency_ms = (double)NAN, .total = 2000, .subjects = &subject, .subject_count = 1};
    const struct weir__bench_results written = {.version = version,
                                                .url = url,
                                                .built_in = true,
                                                .config = config,
                                                .rounds = 5,
                                                .warmups = 1,
                                                .cells = &cell,
                                                .cell_count = 1};
    struct weir__writer writer = WEIR__WRITER_INIT, again = WEIR__WRITER_INIT;
    struct weir__bench_results read;
    char error[160];

    (void)state;
    weir__bench_results_write(&writer, &written);
    if (!weir__bench_results_read(writer.text, writer.size, &read, error, sizeof error))
        fail_msg("%s", error);
    weir__bench_results_write(&again, &read);
    assert_string_equal(writer.text, again.text);
    assert_string_equal(read.cells[0].subjects[0].name, name);
    assert_true(isnan(read.cells[0].subjects[0].series[0].p50_ms) && isnan(read.cells[0].target_latency_ms));
    assert_int_equal(read.cells[0].subjects[0].series[0].statuses[4], 2);
    assert_string_equal(read.config, config);
    weir__writer_clear(&writer);
    weir__writer_clear(&again);
    weir__bench_results_clear(&read);
}

static void what_is_missing_is_nan_and_what_is_unknown_is_passed_over(void **state)
{
    static const char text[] =
        "{\"weir_bench\":1,\"new\":{\"a\":[1]},\"cells\":[{\"concurrency\":1,\"subjects\":[{\"name\":\"x\","
        "\"kind\":\"peer\",\"errors\":null,\"median\":{\"newer\":2}}]}]}";
    struct weir__bench_results read;
    char error[160];

    (void)state;
    assert_true(weir__bench_results_read(text, strlen(text), &read, error, sizeof error));
    assert_null(read.cells[0].subjects[0].errors);
    assert_true(isnan(read.cells[0].subjects[0].median.cpu_us));
    assert_true(isnan(read.cells[0].subjects[0].least.latency_ms[2]));
    assert_null(read.version);
    weir__bench_results_clear(&read);
}

static void what_is_none_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_non_null(strstr(refusal(""), "line 1, column 1: expected a value"));
    assert_string_equal(refusal("[]"), "line 1, column 1: these are no results of weir bench");
    assert_string_equal(refusal("{\"total\":1}"), "line 1, column 2: these are no results of weir bench");
    assert_string_equal(refusal("{\"weir_bench\":2}"),
                        "line 1, column 15: weir_bench: this version reads format 1, not 2");
    assert_string_equal(refusal("{\"weir_bench\":1}"), "line 1, column 16: cells is missing");
    assert_string_equal(refusal("{\"weir_bench\":1,\n\"cells\":7}"), "line 2, column 9: cells: expected an array");
    assert_string_equal(refusal("{\"weir_bench\":1,\n\"cells\":[{\"concurrency\":-1}]}"),
                        "line 2, column 25: concurrency: expected a whole number");
    assert_string_equal(refusal("{\"weir_bench\":1,\"rounds\":5000000000,\"cells\":[]}"),
                        "line 1, column 26: rounds: the number is too large");
    assert_string_equal(refusal("{\"weir_bench\":1,\"url\":\"a\",\"url\":\"b\",\"cells\":[]}"),
                        "line 1, column 27: url: it stands there twice");
    assert_string_equal(refusal("{\"weir_bench\":1,\"cells\":[]} x"),
                        "line 1, column 29: expected nothing after the value");
    assert_non_null(strstr(
        refusal("{\"weir_bench\":1,\"cells\":[{\"concurrency\":1,\"subjects\":[{\"name\":null,\"kind\":\"peer\"}]}]}"),
        "name: expected a string"));
    assert_non_null(strstr(
        refusal("{\"weir_bench\":1,\"cells\":[{\"concurrency\":1,\"subjects\":[{\"name\":\"x\",\"kind\":\"peer\","
                "\"median\":{\"cpu_us\":1e999}}]}]}"),
        "cpu_us: the number is too large"));
}

static void lists_are_bounded(void **state)
{
    char text[8192] = "{\"weir_bench\":1,\"cells\":[";
    size_t used = strlen(text);

    (void)state;
    for (unsigned i = 0; i <= WEIR__BENCH_CELLS_MAX; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s{\"concurrency\":1}", i > 0 ? "," : "");
    (void)snprintf(text + used, sizeof text - used, "]}");
    assert_non_null(strstr(refusal(text), "cells: more than 64"));
}

static void cut_off_anywhere_it_is_refused(void **state)
{
    static const char text[] =
        "{\"weir_bench\":1,\"url\":\"http://h/\",\"cells\":[{\"concurrency\":1,\"subjects\":[{\"name\":\"x\","
        "\"kind\":\"peer\",\"errors\":{\"a\":1},\"rounds\":[{\"round\":1}],\"curve\":[{\"share\":1,\"ms\":2}]}]}]}";
    char part[sizeof text];

    (void)state;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        memcpy(part, text, size);
        part[size] = '\0';
        (void)refusal(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_is_missing_is_nan_and_what_is_unknown_is_passed_over),
        cmocka_unit_test(what_is_none_is_refused_with_its_place),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(cut_off_anywhere_it_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
