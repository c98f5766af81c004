/*
 * queue - a bounded FIFO of jobs, and before them those that came back.
 *
 * The bound is for those who bring work; a job that comes back (a refusal, a retry, a redirect) is taken whatever the
 * count, since it was accepted before.  It was accepted before all that never left, so it goes before them; those that
 * came back go by their acceptance.  Not locked: the pool's lock guards it.
 */
#ifndef WEIR_POOL_QUEUE_H
#define WEIR_POOL_QUEUE_H

#include "pool/ranked.h"

#include <stdbool.h>
#include <stdint.h>

struct weir__queue {
    struct weir__ranked returned; /* by number */
    struct weir__task *head, *tail;
    uint32_t count, capacity; /* of both */
};

void weir__queue_init(struct weir__queue *queue, uint32_t capacity);
bool weir__queue_full(const struct weir__queue *queue);
void weir__queue_push(struct weir__queue *queue, struct weir__task *task);     /* to the tail; must not be full */
void weir__queue_put_back(struct weir__queue *queue, struct weir__task *task); /* full or not */
struct weir__task *weir__queue_first(const struct weir__queue *queue); /* the next to go; NULL where it is empty */
struct weir__task *weir__queue_pop(struct weir__queue *queue);         /* that one */

/* As weir__ranked_pick(), on all that is in it. */
void weir__queue_pick(struct weir__queue *queue, bool (*pick)(void *context, struct weir__task *task), void *context);

#endif
