/*
 * bench_grid - the measuring itself: every cell of the grid, and in it the rounds of all subjects.
 *
 * The rounds are interleaved, the first of each subject, then the second of each, and the order turns by one with each,
 * so that what the machine does beside meets everybody alike.  Each round is a process of its own.
 */
#ifndef WEIR_CLI_BENCH_GRID_H
#define WEIR_CLI_BENCH_GRID_H

#include "cli/bench_options.h"
#include "cli/bench_task.h"
#include "cli/target.h"
#include "json/bench_results.h"
#include "json/config.h"

#include <stdbool.h>
#include <stdint.h>

/* Who is measured. */
struct weir__bench_entrant {
    const char *name;
    const char *kind;
    enum weir__config_subject subject;    /* where it is weir's own */
    const struct weir__config_peer *peer; /* else */
    const char *skipped;                  /* why it is not measured; NULL: it is */
    bool complained;                      /* why a round failed was said */
};

struct weir__bench {
    struct weir__bench_options options;
    struct weir__config config;
    struct weir__bench_results results;
    struct weir__bench_entrant entrants[WEIR__BENCH_SUBJECTS_MAX];
    size_t entrant_count;
    uint32_t thread_max; /* so many threads' connections fit the limit on file descriptors */
    struct weir__target target;
    struct weir__bench_record record; /* of the last round; large */
};

/*
 * Measures all that the options and the configuration ask for, and fills results.cells.  Exit code: WEIR__EXIT_OK where
 * everything was measured, whatever came of it; WEIR__EXIT_STOPPED after a signal; WEIR__EXIT_USAGE after a message.
 */
int weir__bench_grid_measure(struct weir__bench *bench);

#endif
