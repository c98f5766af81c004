/*
 * report_slices - a time that is not known beforehand, in at most so many slices of equal width.
 *
 * Events come in any order.  A slice is a whole multiple of the width from the epoch on; where the time outgrows the
 * slices, each two become one.  So memory is bounded, and nothing is sampled: every event counts.
 */
#ifndef WEIR_CLI_REPORT_SLICES_H
#define WEIR_CLI_REPORT_SLICES_H

#include "base/histogram.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__REPORT_SLICES_MAX 960u
#define WEIR__REPORT_SLICE_MIN_NS INT64_C(1000000)

struct weir__report_slice {
    uint64_t begun, ended;                 /* requests */
    uint64_t again;                        /* of those that begun, not the first send of their job */
    int64_t begun_rest, ended_rest;        /* summed up: from then to the slice's end */
    uint64_t outcomes[WEIR_OUTCOME_COUNT]; /* of those that ended, */
    uint64_t statuses[6];                  /* and statuses by their first digit; [0]: no response */
    uint64_t refused;                      /* of those, 429 */
    uint64_t repeated;                     /* sends that were over, whose jobs were sent again */
    struct weir__histogram *latency;       /* of those that ended; NULL: none yet */
};

/* A zeroed one is empty. */
struct weir__report_slices {
    int64_t width_ns;
    int64_t base; /* the first slice's number, in widths since the epoch */
    size_t count;
    struct weir__report_slice *slices; /* WEIR__REPORT_SLICES_MAX of them */
};

/* All return false without memory. */
bool weir__report_slices_begin(struct weir__report_slices *slices, int64_t at_ns, bool again);
bool weir__report_slices_end(struct weir__report_slices *slices, int64_t at_ns, enum weir_outcome outcome, int status,
                             int64_t latency_ns); /* negative: not known */
bool weir__report_slices_repeat(struct weir__report_slices *slices, int64_t at_ns);

/* Each two become one. */
bool weir__report_slices_widen(struct weir__report_slices *slices);

/* How many were in flight in each slice on average, into `out` of at least `count`. */
void weir__report_slices_in_flight(const struct weir__report_slices *slices, double *out);
void weir__report_slices_clear(struct weir__report_slices *slices);

#endif
