/* ranked - see ranked.h.  `next` and `other` are the left and the right subtree. */
#include "pool/ranked.h"

#include <stddef.h>

/* Top down, so without recursion: the heap's right spine may be as long as the heap.  Of equals, `a` stays above. */
static struct weir__task *merge(struct weir__task *a, struct weir__task *b)
{
    struct weir__task *root = NULL, **at = &root, *rest;

    while (a != NULL && b != NULL) {
        if (b->rank < a->rank) {
            rest = a;
            a = b;
            b = rest;
        }
        rest = a->other;
        a->other = a->next; /* the spine goes on to the left: that is what keeps it short over time */
        *at = a;
        at = &a->next;
        a = rest;
    }
    *at = a != NULL ? a : b;
    return root;
}

void weir__ranked_push(struct weir__ranked *ranked, struct weir__task *task, int64_t rank)
{
    task->rank = rank;
    task->next = task->other = NULL;
    ranked->first = merge(ranked->first, task);
    ranked->count++;
}

struct weir__task *weir__ranked_pop(struct weir__ranked *ranked)
{
    struct weir__task *task = ranked->first;

    if (task == NULL)
        return NULL;
    ranked->first = merge(task->next, task->other);
    ranked->count--;
    return task;
}

/*
 * Takes the tree apart without a stack: while a left subtree is there it is turned up, so that each root comes to have
 * none.  Those that stay are merged two by two, then four by four, and so on: heaps[i] is of 2^i tasks, or empty.
 */
void weir__ranked_pick(struct weir__ranked *ranked, bool (*pick)(void *context, struct weir__task *task), void *context)
{
    struct weir__task *heaps[32] = {NULL}, *task = ranked->first, *rest;

    ranked->first = NULL;
    for (; task != NULL; task = rest) {
        if ((rest = task->next) != NULL) {
            task->next = rest->other;
            rest->other = task;
            continue;
        }
        rest = task->other;
        task->other = NULL;
        if (pick(context, task)) {
            ranked->count--;
            continue;
        }
        for (size_t i = 0; task != NULL; i++) {
            struct weir__task *const heap = heaps[i];
            heaps[i] = heap == NULL ? task : NULL;
            task = heap == NULL ? NULL : merge(heap, task);
        }
    }
    for (size_t i = 0; i < sizeof heaps / sizeof heaps[0]; i++)
        ranked->first = merge(ranked->first, heaps[i]);
}
