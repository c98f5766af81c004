/*
 * serve_worst - the most arrivals that any window of a given length held, exactly.
 *
 * A window that holds the most can be moved until it ends at an arrival, so it is enough to count, at each arrival,
 * those in (now - T, now].  Two that are exactly T apart never share a half-open window.  No clock; the caller
 * serialises.
 */
#ifndef WEIR_CLI_SERVE_WORST_H
#define WEIR_CLI_SERVE_WORST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__WORST_MAX (UINT64_C(1) << 24) /* arrivals remembered (128 MiB); `most` stays exact up to this number */

struct weir__worst {
    int64_t period_ns;
    uint64_t most; /* so far */
    int64_t *ring; /* arrivals not yet a period old, oldest first */
    size_t capacity, head, count;
};

/* Nothing is allocated before the first arrival. */
void weir__worst_init(struct weir__worst *worst, int64_t period_ns);
void weir__worst_clear(struct weir__worst *worst); /* a zeroed struct or NULL is a no-op */
void weir__worst_reset(struct weir__worst *worst);

/* Times must not decrease.  False without memory: this arrival is then not counted. */
bool weir__worst_add(struct weir__worst *worst, int64_t now_ns);

#endif
