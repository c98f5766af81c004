/*
 * backlog - tasks that wait for a time of their own, the earliest due first: a skew heap linked through the tasks, so
 * that it never allocates (Sleator and Tarjan, "Self-Adjusting Heaps", 1986).
 *
 * Its bound is the queue's: what is in here counts there too.  Not locked: the pool's lock guards it.
 */
#ifndef WEIR_POOL_BACKLOG_H
#define WEIR_POOL_BACKLOG_H

#include "pool/queue.h"

struct weir__backlog {
    struct weir__task *first; /* NULL where it is empty */
    uint32_t count;
};

void weir__backlog_push(struct weir__backlog *backlog, struct weir__task *task); /* by its due_ns */
struct weir__task *weir__backlog_pop(struct weir__backlog *backlog);             /* NULL where it is empty */

#endif
