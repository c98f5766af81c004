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

void weir__queue_put_back(struct weir__queue *queue, struct weir__task *task)
{
    weir__ranked_push(&queue->returned, task, task->number);
    queue->count++;
}

struct weir__task *weir__queue_first(const struct weir__queue *queue)
{
    return queue->returned.first != NULL ? queue->returned.first : queue->head;
}

struct weir__task *weir__queue_pop(struct weir__queue *queue)
{
    struct weir__task *task = queue->head;

    if (queue->count == 0)
        return NULL;
    queue->count--;
    if (queue->returned.first != NULL)
        return weir__ranked_pop(&queue->returned);
    queue->head = task->next;
    if (queue->head == NULL)
        queue->tail = NULL;
    return task;
}

void weir__queue_pick(struct weir__queue *queue, bool (*pick)(void *context, struct weir__task *task), void *context)
{
    const uint32_t returned = queue->returned.count;
    struct weir__task **at = &queue->head, *task;

    weir__ranked_pick(&queue->returned, pick, context);
    queue->count -= returned - queue->returned.count;
    queue->tail = NULL;
    while ((task = *at) != NULL) {
        struct weir__task *const next = task->next; /* `pick` may link it elsewhere */
        if (pick(context, task)) {
            *at = next;
            queue->count--;
        } else {
            queue->tail = task;
            at = &task->next;
        }
    }
}
