/*
 * histogram - counts of durations in buckets whose width grows with the value, as HdrHistogram's (G. Tene) do: any
 * quantile is right to within 1/64 of its value (below 64 us: to within 1 us), in fixed memory.
 *
 * No locks: one writer, or the caller's.  Histograms of several writers are added up.
 */
#ifndef WEIR_BASE_HISTOGRAM_H
#define WEIR_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define WEIR__HISTOGRAM_SUB_BITS 6 /* 64 buckets for each power of two */
#define WEIR__HISTOGRAM_BITS 44    /* values up to 2^44 us, half a year */
#define WEIR__HISTOGRAM_BUCKETS ((WEIR__HISTOGRAM_BITS - WEIR__HISTOGRAM_SUB_BITS + 1) << WEIR__HISTOGRAM_SUB_BITS)

struct weir__histogram {
    uint64_t count;
    int64_t sum_ns;
    int64_t max_ns;
    uint64_t buckets[WEIR__HISTOGRAM_BUCKETS]; /* by microseconds */
};

/* Counts one duration; a negative one counts as 0.  A zeroed struct is an empty histogram. */
void weir__histogram_add(struct weir__histogram *histogram, int64_t ns);

/* The smallest bucket's upper end that at least `q` (0 to 1) of all counts do not exceed; 0 where it is empty. */
int64_t weir__histogram_quantile(const struct weir__histogram *histogram, double q);

/*
 * How many durations do not exceed each of `bounds_ns`, which ascend; all buckets are passed over once.  What is longer
 * than a bound by less than 1/64 of it (below 64 us: 1 us) may count too, what is not longer always does.
 */
void weir__histogram_at_most(const struct weir__histogram *histogram, const int64_t *bounds_ns, size_t count,
                             uint64_t *out);

/* 0 where it is empty. */
int64_t weir__histogram_mean(const struct weir__histogram *histogram);

#endif
