/*
 * backoff - how long a job waits before its next attempt, and whether there may be one: exponential backoff with full
 * jitter, and a retry budget.
 *
 * Pure.  Sources: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (full jitter); the retry
 * token bucket of the AWS SDKs (a budget that successes earn and retries spend).
 */
#ifndef WEIR_POLICY_BACKOFF_H
#define WEIR_POLICY_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

/* The wait before the retry number `retry`, from 1: drawn from 0 up to the lesser of `max_ns` and base_ns *
 * 2^(retry-1). `draw` is uniform in [0, 1). */
int64_t weir__backoff_wait(int64_t base_ns, int64_t max_ns, uint32_t retry, double draw);

#define WEIR__BUDGET_RESERVE 100 /* retries that need no success before them */

/* Retries that may be made, in millionths. */
struct weir__budget {
    int64_t left;
    int64_t earned_each; /* by a success */
};

/* `earned_each` retries for each success; 0 and more. */
void weir__budget_init(struct weir__budget *budget, double earned_each);
void weir__budget_earn(struct weir__budget *budget, uint64_t successes); /* never overflows */

/* Spends one retry; false where less than one is left, and then nothing is spent. */
bool weir__budget_spend(struct weir__budget *budget);

#endif
