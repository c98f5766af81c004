/*
 * bench_results - what a benchmark measured, and the JSON that it is kept in between `weir bench` and a page of it.
 *
 * The figures are as they were measured; which of them are compared, and in which words, is not decided here.
 */
#ifndef WEIR_JSON_BENCH_RESULTS_H
#define WEIR_JSON_BENCH_RESULTS_H

#include "json/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__BENCH_FORMAT 1                  /* "weir_bench", the first key: a reader refuses any other */
#define WEIR__BENCH_FILE_MAX_SIZE (64u << 20) /* bytes of a results file */
#define WEIR__BENCH_CELLS_MAX 64u
#define WEIR__BENCH_SUBJECTS_MAX 16u
#define WEIR__BENCH_ROUNDS_MAX 100u
#define WEIR__BENCH_QUANTILES 5u /* p50, p90, p99, p99_9, max; the mean apart */
#define WEIR__BENCH_CURVE_MAX 128u
#define WEIR__BENCH_SERIES_MAX 1000u
#define WEIR__BENCH_PAUSES_MAX 1000u

/* A figure that could not be measured (a peer tells no latencies) is NaN here and null there. */

/* One point of the latency curve: this share of all requests (0 to 1) took at most so long. */
struct weir__bench_point {
    double share, ms;
};

/* One slice of time, `t_s` its end since the round began. */
struct weir__bench_slice {
    double t_s;
    uint64_t ended;        /* requests that ended in it */
    uint32_t in_flight;    /* at its end */
    double p50_ms, p99_ms; /* of those that ended in it */
    uint64_t statuses[6];  /* of those: 1xx to 5xx by their first digit; [0]: no response */
    uint64_t refused;      /* of those, 429 */
};

struct weir__bench_pause {
    double from_s, to_s;
};

/* What one subject came to in one round, or the medians of its rounds. */
struct weir__bench_figures {
    uint32_t round; /* from 1; 0 for a warm-up, whose figures count for nothing */
    bool failed;    /* it did not come to an end: what is there is what could be had */
    double elapsed_s, requests, succeeded, failures, refused; /* refused: 429s, which are among no other */
    double rate_per_s;                                        /* succeeded, in a second */
    double cpu_user_s, cpu_system_s, cpu_us;                  /* cpu_us: of both, for each request */
    double switches_voluntary, switches_involuntary;
    double max_rss_bytes;
    double latency_ms[WEIR__BENCH_QUANTILES], latency_mean_ms;
    double quota; /* where the target limits: succeeded, of what it would have allowed in that time (0 to 1) */
};

struct weir__bench_subject {
    char *name;    /* "threads", "async", "naive", or the peer's */
    char *kind;    /* "engine", "naive" or "peer" */
    char *skipped; /* why it was not measured; NULL: it was */
    char *errors;  /* JSON object, code: count, over all rounds; "{}" */
    struct weir__bench_figures *rounds;
    size_t round_count;
    struct weir__bench_figures median; /* of the rounds that are no warm-up; and the spread: */
    struct weir__bench_figures least, most;
    /* of the last round that is no warm-up; none of a peer */
    struct weir__bench_point *curve;
    size_t curve_count;
    struct weir__bench_slice *series;
    size_t series_count;
    struct weir__bench_pause *pauses;
    size_t pause_count;
};

/* The same work for each subject. */
struct weir__bench_cell {
    uint32_t concurrency;
    double target_latency_ms; /* NaN where the target is not the built-in one */
    uint64_t total;           /* requests a round */
    struct weir__bench_subject *subjects;
    size_t subject_count;
};

struct weir__bench_results {
    char *version;    /* weir's */
    char *started_at; /* RFC 3339 */
    char *machine;    /* "2 x AMD EPYC ..., Linux 6.1, libcurl 7.88.1 ..." */
    char *url;        /* without userinfo */
    bool built_in;    /* the target is ours */
    char *limit;      /* what it allows: "100/s"; NULL: no limit */
    char *rates;      /* what the engines keep to: "100/s, 5000/h"; NULL: nothing */
    bool intended;    /* latencies count from the intended send, since a rate is set; else from the send */
    char *config;     /* the effective configuration, JSON, secrets as "***" */
    uint32_t rounds, warmups;
    struct weir__bench_cell *cells;
    size_t cell_count;
};

/* Writes the whole as one JSON object. */
void weir__bench_results_write(struct weir__writer *writer, const struct weir__bench_results *results);

/* Reads it back.  True with `out` filled, which clear frees; false with `error` (of at least 160 bytes) saying where
 * and what, and `out` untouched.  Keys that are not known are passed over. */
bool weir__bench_results_read(const char *text, size_t size, struct weir__bench_results *out, char *error,
                              size_t error_size);

/* Frees all that it points to; zeroed, a no-op. */
void weir__bench_results_clear(struct weir__bench_results *results);

#endif
