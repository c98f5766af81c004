/*
 * bench_task - what the child of a round is told, and what it tells back: both ends are the same program.
 *
 * A task has everything in one block, in which what would be pointers are distances from its beginning, so that it can
 * go through a file.  It may hold secrets: that file is nowhere in the file system.
 */
#ifndef WEIR_CLI_BENCH_TASK_H
#define WEIR_CLI_BENCH_TASK_H

#include "json/bench_results.h"
#include "json/config.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__BENCH_SLICES_MAX 200u /* of a round's series, at most WEIR__BENCH_SERIES_MAX */
#define WEIR__BENCH_WORD_SIZE 160u

/* One round of one of weir's own subjects. */
struct weir__bench_task {
    struct weir_options options;
    struct weir_request request; /* `{i}` in it is still to be replaced */
    uint64_t total;
    size_t success_count;  /* of options.success: with these a request succeeded; what follows only ends a job */
    bool refusals_succeed; /* 429 is among them: then it is no refusal */
};

/* What came of it. */
struct weir__bench_record {
    bool done;                        /* it came to its end; else `word` says why not */
    char word[WEIR__BENCH_WORD_SIZE]; /* for people */
    int64_t ended_ns;                 /* CLOCK_MONOTONIC, when everything was over */
    struct weir__bench_figures figures;
    uint64_t errors[WEIR_ERROR_COUNT]; /* of attempts; [WEIR_ERROR_STATUS]: statuses that are neither success nor 429 */
    size_t curve_count, series_count, pause_count;
    struct weir__bench_point curve[WEIR__BENCH_CURVE_MAX];
    struct weir__bench_slice series[WEIR__BENCH_SLICES_MAX];
    struct weir__bench_pause pauses[WEIR__BENCH_PAUSES_MAX];
};

/*
 * Makes the task of a subject: the configuration's request and rules, towards `url`.  `naive` has no limit, as many
 * places as jobs (`worker_max` at most), and takes a 429 for an answer.  Texts stay the configuration's; `out` holds
 * what was made besides, until clear.  False without memory.
 */
struct weir__bench_made {
    struct weir__bench_task task;
    struct weir_header *headers;
    struct weir_status_range *success;
};
bool weir__bench_task_make(struct weir__bench_made *out, const struct weir__config *config,
                           enum weir__config_subject subject, const char *url, uint32_t concurrency, uint64_t total,
                           uint32_t worker_max);
void weir__bench_task_clear(struct weir__bench_made *made);

/* As one block on the heap; NULL without memory. */
void *weir__bench_task_pack(const struct weir__bench_task *task, size_t *out_size);

/* Makes pointers of the distances in a block, which must be writable and stay; NULL where it is no task. */
struct weir__bench_task *weir__bench_task_unpack(void *block, size_t size);

#endif
