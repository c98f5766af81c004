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

void weir__queue_push_front(struct weir__queue *queue, struct weir__task *task)
{
    task->next = queue->head;
    queue->head = task;
    if (queue->tail == NULL)
        queue->tail = task;
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
    queue->count--;
    return task;
}
