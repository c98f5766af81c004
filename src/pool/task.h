/*
 * task - the part of a job that the pool knows; the owner puts it first in its own struct.
 *
 * It links itself into whatever it waits in, so that nothing here ever allocates.
 */
#ifndef WEIR_POOL_TASK_H
#define WEIR_POOL_TASK_H

#include <stdint.h>

struct weir__task {
    struct weir__task *next;  /* in a queue, */
    struct weir__task *other; /* and with it in a heap, */
    int64_t rank;             /* whose order is this */
    uint64_t id;              /* the owner's name for it, by which it is cancelled; several may share it */

    int64_t number;       /* by acceptance: who came first goes first, also after coming back */
    int64_t due_ns;       /* in the backlog: when it may go again */
    int64_t expires_ns;   /* when it is of no use any more; WEIR__NEVER: it always is */
    int64_t queued_ns;    /* when it was accepted, came back, or came due */
    int64_t next_up_ns;   /* when it became the next to go */
    int64_t granted_ns;   /* when the gate let it go, */
    uint32_t limit_count; /* with a permit of this many limits */
};

#endif
