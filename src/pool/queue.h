/*
 * queue - a bounded FIFO of jobs, linked through the jobs themselves, so that it never allocates.
 *
 * The bound is for those who bring work; a job that comes back (a refusal, a retry, a redirect) takes its place
 * at the head whatever the count, since it was accepted before.  Not locked: the pool's lock guards it.
 */
#ifndef WEIR_POOL_QUEUE_H
#define WEIR_POOL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* The part of a job that the pool knows; the owner puts it first in its own struct. */
struct weir__task {
    struct weir__task *next;  /* in the queue, */
    struct weir__task *other; /* and with it in the backlog, see backlog.h */
    uint64_t number;          /* by acceptance: who came first goes first, also after coming back */
    int64_t due_ns;           /* in the backlog: when it may go again */
    int64_t expires_ns;       /* when it is of no use any more; WEIR__NEVER: it always is */
    int64_t queued_ns;        /* when it was accepted, came back, or came due */
    int64_t next_up_ns;       /* when it became the next to go */
    int64_t granted_ns;       /* when the gate let it go, */
    uint32_t limit_count;     /* with a permit of this many limits */
};

struct weir__queue {
    struct weir__task *head, *tail;
    struct weir__task *returned; /* the last that was put back, while it is in here */
    uint32_t count, capacity;
};

void weir__queue_init(struct weir__queue *queue, uint32_t capacity);
bool weir__queue_full(const struct weir__queue *queue);
void weir__queue_push(struct weir__queue *queue, struct weir__task *task); /* to the tail; must not be full */
/* Full or not: before the first that was accepted later.  Steps over those that were put back before, at most; over
 * none where they come back in their order. */
void weir__queue_put_back(struct weir__queue *queue, struct weir__task *task);
struct weir__task *weir__queue_pop(struct weir__queue *queue); /* NULL where it is empty */

#endif
