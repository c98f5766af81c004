/*
 * ranked - tasks by a rank, the least first: a skew heap linked through the tasks (Sleator and Tarjan, "Self-Adjusting
 * Heaps", 1986).  Whatever the order in which they come, a push and a pop together take some log(count) steps.
 *
 * Not locked: the pool's lock guards it.
 */
#ifndef WEIR_POOL_RANKED_H
#define WEIR_POOL_RANKED_H

#include "pool/task.h"

#include <stdbool.h>
#include <stdint.h>

/* Zeroed, it is empty. */
struct weir__ranked {
    struct weir__task *first; /* NULL where it is empty */
    uint32_t count;
};

void weir__ranked_push(struct weir__ranked *ranked, struct weir__task *task, int64_t rank);
struct weir__task *weir__ranked_pop(struct weir__ranked *ranked); /* NULL where it is empty */

/* Shows each task to `pick`, in no order; where that returns true the task is out, and `pick`'s.  Linear in the count.
 */
void weir__ranked_pick(struct weir__ranked *ranked, bool (*pick)(void *context, struct weir__task *task),
                       void *context);

#endif
