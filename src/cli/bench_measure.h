/*
 * bench_measure - one round of one subject: its process, and the figures that come of it.
 */
#ifndef WEIR_CLI_BENCH_MEASURE_H
#define WEIR_CLI_BENCH_MEASURE_H

#include "cli/bench_grid.h"

/* What all measured rounds of a subject in a cell add up to. */
struct weir__bench_tally {
    uint64_t errors[WEIR_ERROR_COUNT];
    uint64_t failed_rounds;
};

enum weir__bench_measured { WEIR__BENCH_MEASURED, WEIR__BENCH_INTERRUPTED, WEIR__BENCH_NO_MEMORY };

/*
 * Runs the round that subject->rounds[subject->round_count] has the number of, and fills it.  The subject's curve and
 * series are this round's then, unless it is a warm-up.  A round that failed is a result, too; why is said once for
 * each entrant.
 */
enum weir__bench_measured weir__bench_measure(struct weir__bench *bench, struct weir__bench_entrant *entrant,
                                              const struct weir__bench_cell *cell, struct weir__bench_subject *subject,
                                              struct weir__bench_tally *tally);

/* What share of its quota somebody used who had `succeeded` answers in `elapsed_s`; see bench_measure.c.  1 at most. */
double weir__bench_quota(const struct weir_rate *rates, size_t rate_count, double succeeded, double elapsed_s);

#endif
