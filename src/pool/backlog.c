/* backlog - see backlog.h.  `next` and `other` are the left and the right subtree. */
#include "pool/backlog.h"

#include <stddef.h>

/* Top down, so without recursion: the heap's right spine may be as long as the heap.  Of equals, `a` stays above. */
static struct weir__task *merge(struct weir__task *a, struct weir__task *b)
{
    struct weir__task *root = NULL, **at = &root, *rest;

    while (a != NULL && b != NULL) {
        if (b->due_ns < a->due_ns) {
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

void weir__backlog_push(struct weir__backlog *backlog, struct weir__task *task)
{
    task->next = task->other = NULL;
    backlog->first = merge(backlog->first, task);
    backlog->count++;
}

struct weir__task *weir__backlog_pop(struct weir__backlog *backlog)
{
    struct weir__task *task = backlog->first;

    if (task == NULL)
        return NULL;
    backlog->first = merge(task->next, task->other);
    backlog->count--;
    return task;
}
