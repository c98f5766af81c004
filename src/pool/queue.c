/* queue - see queue.h */
#include "pool/queue.h"

#include <assert.h>
#include <stddef.h>

void weir__queue_init(struct weir__queue *queue, uint32_t capacity)
{
    *queue = (struct weir__queue){.capacity = capacity};
}

bool weir__queue_full(const struct weir__queue *queue)
{
    return queue->count >= queue->capacity;
}

void weir__queue_push(struct weir__queue *queue, struct weir__task *task)
{
    assert(!weir__queue_full(queue));
    task->next = NULL;
    if (queue->tail != NULL)
        queue->tail->next = task;
    else
        queue->head = task;
    queue->tail = task;
    queue->count++;
}

/* The one that `task` goes behind; NULL: it is the first. */
static struct weir__task *place_of(const struct weir__queue *queue, const struct weir__task *task)
{
    struct weir__task *before = NULL, *next = queue->head;

    if (queue->returned != NULL && queue->returned->number < task->number) {
        before = queue->returned;
        next = before->next;
    }
    while (next != NULL && next->number < task->number) {
        before = next;
        next = next->next;
    }
    return before;
}

void weir__queue_put_back(struct weir__queue *queue, struct weir__task *task)
{
    struct weir__task *before = place_of(queue, task);

    task->next = before != NULL ? before->next : queue->head;
    if (before != NULL)
        before->next = task;
    else
        queue->head = task;
    if (task->next == NULL)
        queue->tail = task;
    queue->returned = task;
    queue->count++;
}

struct weir__task *weir__queue_pop(struct weir__queue *queue)
{
    struct weir__task *task = queue->head;

    if (task == NULL)
        return NULL;
    queue->head = task->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    if (queue->returned == task)
        queue->returned = NULL;
    queue->count--;
    return task;
}
