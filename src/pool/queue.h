/*
 * queue - a bounded FIFO of jobs, linked through the jobs themselves, so that it never allocates.
 *
 * The bound is for those who bring work; a job that comes back (a redirect, a resend) goes to the head whatever the
 * count, since it was accepted before.  Not locked: the pool's lock guards it.
 */
#ifndef WEIR_POOL_QUEUE_H
#define WEIR_POOL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* The part of a job that the pool knows; the owner puts it first in its own struct. */
struct weir__task {
    struct weir__task *next;
    int64_t queued_ns;  /* when it was accepted, or came back */
    int64_t next_up_ns; /* when it became the next to go */
    int64_t granted_ns; /* when the gate let it go */
};

struct weir__queue {
    struct weir__task *head, *tail;
    uint32_t count, capacity;
};

void weir__queue_init(struct weir__queue *queue, uint32_t capacity);
bool weir__queue_full(const struct weir__queue *queue);
void weir__queue_push(struct weir__queue *queue, struct weir__task *task);       /* to the tail; must not be full */
void weir__queue_push_front(struct weir__queue *queue, struct weir__task *task); /* to the head, full or not */
struct weir__task *weir__queue_pop(struct weir__queue *queue);                   /* NULL where it is empty */

#endif
