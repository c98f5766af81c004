/* What a round's child is told and what it makes of its attempts: packing, intended sends, slices, curve, pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/bench_sample.h"
#include "cli/bench_task.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define SECOND INT64_C(1000000000)

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.9g, expected %.9g", got, expected);
}

/* ------------------------------------------------------------------------------------------------------------- tasks
 */

static void load(struct weir__config *config, const char *member, const char *value)
{
    const struct weir__config_set sets[] = {
        {"headers", "{\"A\": \"1\", \"B\": [\"2\", \"3\"]}", false, "--set"},
        {"rate", "[\"100/s\", \"5000/h\"]", false, "--set"},
        {"body", "{\"n\": 1}", false, "--set"},
        {"retry.statuses", "[]", false, "--set"},
        {"idempotency_key", "K", true, "--set"},
        {member, value, false, "--set"},
    };
    struct weir__config_errors errors;

    if (!weir__config_load(NULL, sets, 6, WEIR__CONFIG_BENCH, config, &errors))
        fail_msg("%s", errors.list[0].text);
    weir__config_errors_clear(&errors);
}

static void a_task_comes_out_as_it_went_in(void **state)
{
    struct weir__config config;
    struct weir__bench_made made;
    struct weir__bench_task *task;
    size_t size;
    void *block;

    (void)state;
    load(&config, "loops", "3");
    assert_true(weir__bench_task_make(&made, &config, WEIR__SUBJECT_ASYNC, "http://h/", 32, 2000, 1000));
    block = weir__bench_task_pack(&made.task, &size);
    assert_non_null(block);
    weir__bench_task_clear(&made);
    weir__config_clear(&config); /* nothing in the block is of these */
    task = weir__bench_task_unpack(block, size);
    assert_non_null(task);
    assert_int_equal(task->options.engine, WEIR_ENGINE_ASYNC);
    assert_int_equal(task->options.loop_count, 3);
    assert_int_equal(task->options.concurrency, 32);
    assert_int_equal(task->total, 2000);
    assert_int_equal(task->options.rate_count, 2);
    assert_int_equal(task->options.rates[1].requests, 5000);
    assert_int_equal(task->options.retry_status_count, 0);
    assert_non_null(task->options.retry_statuses); /* an empty list: NULL would be the default */
    assert_string_equal(task->options.idempotency_header, "K");
    assert_null(task->options.ca_file);
    assert_null(task->options.scope);
    assert_string_equal(task->request.method, "POST");
    assert_string_equal(task->request.url, "http://h/");
    assert_int_equal(task->request.body_size, 8);
    assert_memory_equal(task->request.body, "{\"n\": 1}", 8);
    assert_int_equal(task->request.header_count, 4);
    assert_string_equal(task->request.headers[2].name, "B");
    assert_string_equal(task->request.headers[2].value, "3");
    assert_string_equal(task->request.headers[3].name, "content-type");
    assert_int_equal(task->success_count, 1);
    assert_false(task->refusals_succeed);
    free(block);
}

static void a_block_that_is_none_is_refused(void **state)
{
    struct weir__config config;
    struct weir__bench_made made;
    size_t size;
    char *block;

    (void)state;
    load(&config, "loops", "1");
    assert_true(weir__bench_task_make(&made, &config, WEIR__SUBJECT_THREADS, "http://h/", 1, 1, 1));
    block = weir__bench_task_pack(&made.task, &size);
    assert_non_null(block);
    assert_null(weir__bench_task_unpack(block, sizeof made.task - 1));
    weir__bench_task_clear(&made);
    free(block);
    weir__config_clear(&config);
}

/* No limit, as many threads as requests, and a refusal is an answer like another. */
static void naive_knows_no_limits(void **state)
{
    struct weir__config config;
    struct weir__bench_made made;

    (void)state;
    load(&config, "success", "[\"2xx\", 304]");
    assert_true(weir__bench_task_make(&made, &config, WEIR__SUBJECT_NAIVE, "http://h/", 32, 2000, 1500));
    assert_int_equal(made.task.options.rate_count, 0);
    assert_int_equal(made.task.options.concurrency, 1500); /* that many fit */
    assert_int_equal(made.task.options.worker_max, 1500);
    assert_int_equal(made.task.options.success_count, 3);
    assert_int_equal(made.task.options.success[2].first, 429);
    assert_int_equal(made.task.success_count, 2); /* what counts */
    assert_int_equal(made.task.options.engine, WEIR_ENGINE_THREADS);
    weir__bench_task_clear(&made);
    weir__config_clear(&config);
}

/* ------------------------------------------------------------------------------------------------------------- rates
 */

static void jobs_are_intended_at_their_rates(void **state)
{
    const struct weir_rate paced = {100, 0, SECOND, WEIR_SHAPE_DEFAULT};
    const struct weir_rate burst = {100, 5, SECOND, WEIR_SHAPE_PACED};
    const struct weir_rate window = {100, 0, SECOND, WEIR_SHAPE_WINDOW};
    const struct weir_rate hourly = {50, 0, 3600 * SECOND, WEIR_SHAPE_DEFAULT};
    const struct weir_rate both[] = {paced, hourly};

    (void)state;
    assert_int_equal(weir__bench_intended_ns(NULL, 0, 1000), 0);
    assert_int_equal(weir__bench_intended_ns(&paced, 1, 0), 0);
    assert_int_equal(weir__bench_intended_ns(&paced, 1, 1), 10 * MS);
    assert_int_equal(weir__bench_intended_ns(&paced, 1, 250), 2500 * MS);
    assert_int_equal(weir__bench_intended_ns(&burst, 1, 4), 0);
    assert_int_equal(weir__bench_intended_ns(&burst, 1, 5), 10 * MS);
    assert_int_equal(weir__bench_intended_ns(&window, 1, 99), 0);
    assert_int_equal(weir__bench_intended_ns(&window, 1, 100), SECOND);
    assert_int_equal(weir__bench_intended_ns(&hourly, 1, 49), 0); /* more than a minute: a window */
    assert_int_equal(weir__bench_intended_ns(both, 2, 49), 490 * MS);
    assert_int_equal(weir__bench_intended_ns(both, 2, 50), 3600 * SECOND);
}

/* ----------------------------------------------------------------------------------------------------------- samples
 */

static struct weir__bench_record record; /* large */

static void take(struct weir__bench_samples *samples, uint32_t job, int64_t sent_ns, int64_t ended_ns, uint16_t status,
                 enum weir_error error)
{
    const struct weir__bench_sample sample = {ended_ns, ended_ns - sent_ns, job,
                                              status,   (uint8_t)error,     status == 200 && error == WEIR_ERROR_NONE};
    weir__bench_samples_take(samples, &sample);
}

static void analyse(struct weir__bench_samples *samples, const struct weir_rate *rate)
{
    memset(&record, 0, sizeof record);
    assert_true(weir__bench_samples_analyse(samples, rate, rate == NULL ? 0 : 1, &record));
    weir__bench_samples_clear(samples);
}

static uint64_t sum_ended(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < record.series_count; i++)
        sum += record.series[i].ended;
    return sum;
}

/* More than are held at once, out of order as several threads bring them: none is lost. */
static void every_attempt_is_in_a_slice(void **state)
{
    static struct weir__bench_samples samples;
    const uint32_t count = 5000;

    (void)state;
    assert_true(weir__bench_samples_init(&samples, 0));
    for (uint32_t i = 0; i < count; i++) {
        const int64_t sent_ns = (int64_t)(i ^ 7) * MS;
        take(&samples, i, sent_ns, sent_ns + 10 * MS, 200, WEIR_ERROR_NONE);
    }
    analyse(&samples, NULL);
    assert_int_equal(sum_ended(), count);
    assert_true(record.series_count > 150 && record.series_count <= WEIR__BENCH_SLICES_MAX);
    assert_near(record.figures.latency_ms[0], 10, 0.2);
    assert_near(record.figures.latency_mean_ms, 10, 1e-6);
    assert_near(record.series[50].p50_ms, 10, 0.2);
    assert_near(record.series[50].in_flight, 10, 3); /* one begins each ms and takes 10 */
    assert_int_equal(record.series[record.series_count - 1].in_flight, 0);
    assert_near(record.curve[0].share, 0, 1e-9);
    assert_near(record.curve[record.curve_count - 1].share, 1, 1e-9);
    for (size_t i = 1; i < record.curve_count; i++) {
        assert_true(record.curve[i].share > record.curve[i - 1].share);
        assert_true(record.curve[i].ms >= record.curve[i - 1].ms);
    }
}

static void failures_and_refusals_are_counted_and_have_no_latency(void **state)
{
    static struct weir__bench_samples samples;

    (void)state;
    assert_true(weir__bench_samples_init(&samples, 0));
    take(&samples, 0, 0, 20 * MS, 200, WEIR_ERROR_NONE);
    take(&samples, 1, 0, 1 * MS, 429, WEIR_ERROR_NONE);
    take(&samples, 2, 0, 1 * MS, 503, WEIR_ERROR_NONE);
    take(&samples, 3, 0, 1 * MS, 0, WEIR_ERROR_CONNECT);
    take(&samples, 4, 0, 1 * MS, 0, WEIR_ERROR_TIMEOUT);
    analyse(&samples, NULL);
    assert_int_equal(sum_ended(), 5);
    assert_near(record.figures.latency_ms[0], 20, 0.4);
    assert_int_equal(record.errors[WEIR_ERROR_CONNECT], 1);
    assert_int_equal(record.errors[WEIR_ERROR_TIMEOUT], 1);
    assert_int_equal(record.errors[WEIR_ERROR_STATUS], 1);
    assert_int_equal(record.series[1].ended, 4); /* slices of 1 ms */
    assert_int_equal(record.series[1].statuses[0], 2);
    assert_int_equal(record.series[1].statuses[4], 1);
    assert_int_equal(record.series[1].statuses[5], 1);
    assert_int_equal(record.series[1].refused, 1);
    assert_true(isnan(record.series[1].p50_ms));
}

/* The server stands still for a second: who was to be sent meanwhile has waited for it, though it was sent late and
 * answered at once. */
static void with_a_rate_a_stall_is_in_the_latency_of_all_that_it_delayed(void **state)
{
    static struct weir__bench_samples samples;
    const struct weir_rate rate = {100, 0, SECOND, WEIR_SHAPE_PACED};

    (void)state;
    for (int rated = 0; rated < 2; rated++) {
        assert_true(weir__bench_samples_init(&samples, 0));
        for (uint32_t i = 0; i < 100; i++) {
            const int64_t sent_ns = i == 0 ? 0 : SECOND + i * MS / 10;
            take(&samples, i, sent_ns, i == 0 ? SECOND : sent_ns + MS, 200, WEIR_ERROR_NONE);
        }
        analyse(&samples, rated ? &rate : NULL);
        if (rated)
            assert_near(record.figures.latency_ms[0], 505, 20); /* half of them were to be sent half a second before */
        else
            assert_near(record.figures.latency_ms[0], 1, 0.05);
    }
}

static void no_attempt_at_all_is_unknown(void **state)
{
    static struct weir__bench_samples samples;

    (void)state;
    assert_true(weir__bench_samples_init(&samples, 0));
    analyse(&samples, NULL);
    assert_int_equal(record.series_count, 0);
    assert_int_equal(record.curve_count, 0);
    assert_true(isnan(record.figures.latency_ms[0]));
    assert_true(isnan(record.figures.latency_mean_ms));
}

static void pauses_that_overlap_are_one(void **state)
{
    static struct weir__bench_samples samples;

    (void)state;
    assert_true(weir__bench_samples_init(&samples, 100 * SECOND));
    samples.began_ns = 100 * SECOND;
    weir__bench_samples_pause(&samples, 101 * SECOND, 2 * SECOND);
    weir__bench_samples_pause(&samples, 102 * SECOND, SECOND / 2);
    weir__bench_samples_pause(&samples, 102 * SECOND, 3 * SECOND);
    weir__bench_samples_pause(&samples, 110 * SECOND, SECOND);
    analyse(&samples, NULL);
    assert_int_equal(record.pause_count, 2);
    assert_near(record.pauses[0].from_s, 1, 1e-9);
    assert_near(record.pauses[0].to_s, 5, 1e-9);
    assert_near(record.pauses[1].from_s, 10, 1e-9);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_comes_out_as_it_went_in),
        cmocka_unit_test(a_block_that_is_none_is_refused),
        cmocka_unit_test(naive_knows_no_limits),
        cmocka_unit_test(jobs_are_intended_at_their_rates),
        cmocka_unit_test(every_attempt_is_in_a_slice),
        cmocka_unit_test(failures_and_refusals_are_counted_and_have_no_latency),
        cmocka_unit_test(with_a_rate_a_stall_is_in_the_latency_of_all_that_it_delayed),
        cmocka_unit_test(no_attempt_at_all_is_unknown),
        cmocka_unit_test(pauses_that_overlap_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
