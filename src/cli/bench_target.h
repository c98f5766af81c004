/*
 * bench_target - the built-in target of a benchmark: a `weir serve` with a latency and perhaps a limit, and what it has
 * counted.
 *
 * It is asked over a socket of our own, and not through the library: the process that measures others stays small and
 * has no thread.
 */
#ifndef WEIR_CLI_BENCH_TARGET_H
#define WEIR_CLI_BENCH_TARGET_H

#include "cli/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `limit` as an option of `weir serve`; NULL: none.  False after a message. */
bool weir__bench_target_start(struct weir__target *target, int64_t latency_ns, const char *limit);

/* Since it began. */
struct weir__bench_counts {
    double arrivals, succeeded, refused; /* statuses 2xx, and 429 */
};

/* False where it gave no answer. */
bool weir__bench_target_count(const struct weir__target *target, struct weir__bench_counts *out);

/* Reads an answer of its /stats, header and all. */
bool weir__bench_counts_read(const char *text, size_t size, struct weir__bench_counts *out);

#endif
