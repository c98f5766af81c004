/*
 * bench_results_write - a benchmark's results as one JSON object, and the end of them in memory.
 *
 * The keys are the names of the fields in bench_results.h, in their order; a latency's quantiles stand in an object of
 * their own, as in a run's summary.  What could not be measured is null.
 */
#include "json/bench_results.h"

#include <stdlib.h>
#include <string.h>

/* Digits after the point. */
#define SECONDS_DIGITS 6
#define MS_DIGITS 4
#define FIGURE_DIGITS 3
#define SHARE_DIGITS 9

static void write_latency(struct weir__writer *writer, const struct weir__bench_figures *figures)
{
    static const char *const names[WEIR__BENCH_QUANTILES] = {"p50", "p90", "p99", "p99_9", "max"};

    weir__writer_object(writer, "latency_ms");
    for (size_t i = 0; i < WEIR__BENCH_QUANTILES; i++)
        weir__writer_decimal(writer, names[i], figures->latency_ms[i], MS_DIGITS);
    weir__writer_decimal(writer, "mean", figures->latency_mean_ms, MS_DIGITS);
    weir__writer_end(writer);
}

static void write_figures(struct weir__writer *writer, const char *key, const struct weir__bench_figures *figures)
{
    weir__writer_object(writer, key);
    weir__writer_uint(writer, "round", figures->round);
    weir__writer_bool(writer, "failed", figures->failed);
    weir__writer_decimal(writer, "elapsed_s", figures->elapsed_s, SECONDS_DIGITS);
    weir__writer_decimal(writer, "requests", figures->requests, FIGURE_DIGITS);
    weir__writer_decimal(writer, "succeeded", figures->succeeded, FIGURE_DIGITS);
    weir__writer_decimal(writer, "failures", figures->failures, FIGURE_DIGITS);
    weir__writer_decimal(writer, "refused", figures->refused, FIGURE_DIGITS);
    weir__writer_decimal(writer, "rate_per_s", figures->rate_per_s, FIGURE_DIGITS);
    weir__writer_decimal(writer, "cpu_user_s", figures->cpu_user_s, SECONDS_DIGITS);
    weir__writer_decimal(writer, "cpu_system_s", figures->cpu_system_s, SECONDS_DIGITS);
    weir__writer_decimal(writer, "cpu_us", figures->cpu_us, FIGURE_DIGITS);
    weir__writer_decimal(writer, "switches_voluntary", figures->switches_voluntary, FIGURE_DIGITS);
    weir__writer_decimal(writer, "switches_involuntary", figures->switches_involuntary, FIGURE_DIGITS);
    weir__writer_decimal(writer, "max_rss_bytes", figures->max_rss_bytes, 0);
    write_latency(writer, figures);
    weir__writer_decimal(writer, "quota", figures->quota, SECONDS_DIGITS);
    weir__writer_end(writer);
}

static void write_curve(struct weir__writer *writer, const struct weir__bench_subject *subject)
{
    weir__writer_array(writer, "curve");
    for (size_t i = 0; i < subject->curve_count; i++) {
        weir__writer_object(writer, NULL);
        weir__writer_decimal(writer, "share", subject->curve[i].share, SHARE_DIGITS);
        weir__writer_decimal(writer, "ms", subject->curve[i].ms, MS_DIGITS);
        weir__writer_end(writer);
    }
    weir__writer_end(writer);
}

static void write_slice(struct weir__writer *writer, const struct weir__bench_slice *slice)
{
    weir__writer_object(writer, NULL);
    weir__writer_decimal(writer, "t_s", slice->t_s, SECONDS_DIGITS);
    weir__writer_uint(writer, "ended", slice->ended);
    weir__writer_uint(writer, "in_flight", slice->in_flight);
    weir__writer_decimal(writer, "p50_ms", slice->p50_ms, MS_DIGITS);
    weir__writer_decimal(writer, "p99_ms", slice->p99_ms, MS_DIGITS);
    weir__writer_array(writer, "statuses");
    for (size_t i = 0; i < sizeof slice->statuses / sizeof slice->statuses[0]; i++)
        weir__writer_uint(writer, NULL, slice->statuses[i]);
    weir__writer_end(writer);
    weir__writer_uint(writer, "refused", slice->refused);
    weir__writer_end(writer);
}

static void write_times(struct weir__writer *writer, const struct weir__bench_subject *subject)
{
    weir__writer_array(writer, "series");
    for (size_t i = 0; i < subject->series_count; i++)
        write_slice(writer, &subject->series[i]);
    weir__writer_end(writer);
    weir__writer_array(writer, "pauses");
    for (size_t i = 0; i < subject->pause_count; i++) {
        weir__writer_object(writer, NULL);
        weir__writer_decimal(writer, "from_s", subject->pauses[i].from_s, SECONDS_DIGITS);
        weir__writer_decimal(writer, "to_s", subject->pauses[i].to_s, SECONDS_DIGITS);
        weir__writer_end(writer);
    }
    weir__writer_end(writer);
}

/* Text that is JSON already; where there is none, what stands for nothing. */
static void write_raw(struct weir__writer *writer, const char *key, const char *json, const char *otherwise)
{
    if (json == NULL)
        json = otherwise;
    weir__writer_raw(writer, key, json, strlen(json));
}

static void write_subject(struct weir__writer *writer, const struct weir__bench_subject *subject)
{
    weir__writer_object(writer, NULL);
    weir__writer_string(writer, "name", subject->name);
    weir__writer_string(writer, "kind", subject->kind);
    weir__writer_string(writer, "skipped", subject->skipped);
    write_raw(writer, "errors", subject->errors, "{}");
    weir__writer_array(writer, "rounds");
    for (size_t i = 0; i < subject->round_count; i++)
        write_figures(writer, NULL, &subject->rounds[i]);
    weir__writer_end(writer);
    write_figures(writer, "median", &subject->median);
    write_figures(writer, "least", &subject->least);
    write_figures(writer, "most", &subject->most);
    write_curve(writer, subject);
    write_times(writer, subject);
    weir__writer_end(writer);
}

static void write_cell(struct weir__writer *writer, const struct weir__bench_cell *cell)
{
    weir__writer_object(writer, NULL);
    weir__writer_uint(writer, "concurrency", cell->concurrency);
    weir__writer_decimal(writer, "target_latency_ms", cell->target_latency_ms, SECONDS_DIGITS);
    weir__writer_uint(writer, "total", cell->total);
    weir__writer_array(writer, "subjects");
    for (size_t i = 0; i < cell->subject_count; i++)
        write_subject(writer, &cell->subjects[i]);
    weir__writer_end(writer);
    weir__writer_end(writer);
}

void weir__bench_results_write(struct weir__writer *writer, const struct weir__bench_results *results)
{
    weir__writer_object(writer, NULL);
    weir__writer_uint(writer, "weir_bench", WEIR__BENCH_FORMAT);
    weir__writer_string(writer, "version", results->version);
    weir__writer_string(writer, "started_at", results->started_at);
    weir__writer_string(writer, "machine", results->machine);
    weir__writer_string(writer, "url", results->url);
    weir__writer_bool(writer, "built_in", results->built_in);
    weir__writer_string(writer, "limit", results->limit);
    weir__writer_string(writer, "rates", results->rates);
    weir__writer_bool(writer, "intended", results->intended);
    write_raw(writer, "config", results->config, "null");
    weir__writer_uint(writer, "rounds", results->rounds);
    weir__writer_uint(writer, "warmups", results->warmups);
    weir__writer_array(writer, "cells");
    for (size_t i = 0; i < results->cell_count; i++)
        write_cell(writer, &results->cells[i]);
    weir__writer_end(writer);
    weir__writer_end(writer);
}

static void clear_subject(struct weir__bench_subject *subject)
{
    free(subject->name);
    free(subject->kind);
    free(subject->skipped);
    free(subject->errors);
    free(subject->rounds);
    free(subject->curve);
    free(subject->series);
    free(subject->pauses);
}

void weir__bench_results_clear(struct weir__bench_results *results)
{
    if (results == NULL)
        return;
    for (size_t i = 0; i < results->cell_count; i++) {
        for (size_t j = 0; j < results->cells[i].subject_count; j++)
            clear_subject(&results->cells[i].subjects[j]);
        free(results->cells[i].subjects);
    }
    free(results->cells);
    free(results->version);
    free(results->started_at);
    free(results->machine);
    free(results->url);
    free(results->limit);
    free(results->rates);
    free(results->config);
    memset(results, 0, sizeof *results);
}
