/*
 * bench_median - what the rounds of a subject come to: medians, and the least and the most beside them.
 */
#ifndef WEIR_CLI_BENCH_MEDIAN_H
#define WEIR_CLI_BENCH_MEDIAN_H

#include "json/bench_results.h"

#include <stddef.h>

/* Every figure is unknown (NaN). */
void weir__bench_figures_init(struct weir__bench_figures *figures);

/* The median of each figure by itself, over the `count` values that are known; of an even number the mean of the two in
 * the middle.  NaN where none is known.  Sorts. */
double weir__bench_median(double *values, size_t count);

/* Fills median, least and most from the rounds, without warm-ups and failed ones; their `failed` says whether there was
 * a failed one. */
void weir__bench_subject_sum_up(struct weir__bench_subject *subject);

#endif
