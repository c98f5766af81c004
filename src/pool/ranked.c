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
