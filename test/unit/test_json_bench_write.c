/* A benchmark's results as JSON: the keys and their order, what is unknown, and what comes from outside as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/bench_results.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    char *out = strdup(text);

    assert_non_null(out);
    return out;
}

static void *room(size_t count, size_t size)
{
    void *out = calloc(count, size);

    assert_non_null(out);
    return out;
}

/* One cell with a subject that was measured and one that was not. */
static void make(struct weir__bench_results *results)
{
    struct weir__bench_subject *subject;

    memset(results, 0, sizeof *results);
    results->version = copy("0.1.0");
    results->started_at = copy("2026-01-02T03:04:05.678Z");
    results->machine = copy("2 x CPU");
    results->url = copy("http://h/</script>");
    results->config = copy("{\"n\":9007199254740993}");
    results->rounds = 2;
    results->warmups = 1;
    results->built_in = true;
    results->cells = room(1, sizeof *results->cells);
    results->cell_count = 1;
    results->cells[0].concurrency = 32;
    results->cells[0].target_latency_ms = NAN;
    results->cells[0].total = 10000000;
    results->cells[0].subjects = room(2, sizeof *results->cells[0].subjects);
    results->cells[0].subject_count = 2;
    subject = &results->cells[0].subjects[0];
    subject->name = copy("\"quoted\"\n");
    subject->kind = copy("peer");
    subject->errors = copy("{\"timeout\":3}");
    subject->rounds = room(1, sizeof *subject->rounds);
    subject->round_count = 1;
    subject->rounds[0].round = 1;
    subject->rounds[0].elapsed_s = 1.25;
    subject->rounds[0].requests = 1e7;
    subject->rounds[0].quota = NAN;
    subject->rounds[0].latency_ms[3] = 0.125;
    subject->rounds[0].latency_mean_ms = INFINITY;
    subject->curve = room(1, sizeof *subject->curve);
    subject->curve[0] = (struct weir__bench_point){0.999, 2.5};
    subject->curve_count = 1;
    subject->series = room(1, sizeof *subject->series);
    subject->series[0] = (struct weir__bench_slice){0.1, 7, 3, 1.5, NAN, {1, 0, 5, 0, 1, 0}, 1};
    subject->series_count = 1;
    subject->pauses = room(1, sizeof *subject->pauses);
    subject->pauses[0] = (struct weir__bench_pause){0.25, 0.5};
    subject->pause_count = 1;
    subject = &results->cells[0].subjects[1];
    subject->name = copy("hey");
    subject->kind = copy("peer");
    subject->skipped = copy("not installed");
}

static char *write_text(const struct weir__bench_results *results)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    weir__bench_results_write(&writer, results);
    assert_false(writer.failed);
    assert_non_null(writer.text);
    return writer.text;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("without %s:\n%s", part, text);
}

static void it_is_one_object_with_the_fields_names_as_keys(void **state)
{
    struct weir__bench_results results;
    char *text;
    cJSON *json;

    (void)state;
    make(&results);
    text = write_text(&results);
    json = cJSON_Parse(text);
    assert_non_null(json);
    cJSON_Delete(json);
    assert_int_equal(strncmp(text, "{\"weir_bench\":1,\"version\":\"0.1.0\",", 34), 0);
    assert_null(strchr(text, '\n'));
    assert_has(text, "\"config\":{\"n\":9007199254740993},\"rounds\":2,\"warmups\":1,\"cells\":[");
    assert_has(text, "{\"concurrency\":32,\"target_latency_ms\":null,\"total\":10000000,\"subjects\":[");
    assert_has(text, "{\"name\":\"\\\"quoted\\\"\\n\",\"kind\":\"peer\",\"skipped\":null,\"errors\":{\"timeout\":3},");
    assert_has(text, "{\"round\":1,\"failed\":false,\"elapsed_s\":1.25,\"requests\":10000000,");
    assert_has(
        text, "\"latency_ms\":{\"p50\":0,\"p90\":0,\"p99\":0,\"p99_9\":0.125,\"max\":0,\"mean\":null},\"quota\":null}");
    assert_has(text, "\"curve\":[{\"share\":0.999,\"ms\":2.5}]");
    assert_has(text, "\"series\":[{\"t_s\":0.1,\"ended\":7,\"in_flight\":3,\"p50_ms\":1.5,\"p99_ms\":null,"
                     "\"statuses\":[1,0,5,0,1,0],\"refused\":1}]");
    assert_has(text, "\"pauses\":[{\"from_s\":0.25,\"to_s\":0.5}]");
    assert_has(text, "{\"name\":\"hey\",\"kind\":\"peer\",\"skipped\":\"not installed\",\"errors\":{},\"rounds\":[],");
    free(text);
    weir__bench_results_clear(&results);
}

static void nothing_is_written_as_null(void **state)
{
    struct weir__bench_results results;
    char *text;

    (void)state;
    memset(&results, 0, sizeof results);
    text = write_text(&results);
    assert_has(text, "\"limit\":null,\"rates\":null,\"intended\":false,\"config\":null,");
    assert_has(text, "\"cells\":[]}");
    free(text);
}

static void clearing_twice_or_nothing_is_no_harm(void **state)
{
    struct weir__bench_results results;

    (void)state;
    make(&results);
    weir__bench_results_clear(&results);
    assert_null(results.cells);
    weir__bench_results_clear(&results);
    weir__bench_results_clear(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_one_object_with_the_fields_names_as_keys),
        cmocka_unit_test(nothing_is_written_as_null),
        cmocka_unit_test(clearing_twice_or_nothing_is_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
