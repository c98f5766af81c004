/*
 * permits - a POSIX semaphore whose permits may come back later than they are given back.
 *
 * The one mechanism behind every limit: a concurrency limit's permits are given back "now", a rate limit's "at t".  The
 * sem_t holds the permits that are free; a FIFO holds the moments at which the others come due.  It reads no clock.
 *
 * It holds no pointers and changes by one store at a time, so it may lie in memory that processes share, and one that
 * dies in here leaves nothing that weir__permits_mend() could not put right.
 *
 * Not locked: the gate that owns it serialises every call.
 */
#ifndef WEIR_POOL_PERMITS_H
#define WEIR_POOL_PERMITS_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct weir__permits {
    sem_t free;
    uint32_t count; /* 0: not in use */
    uint32_t debt;  /* permits that are too many since `count` was lowered: so many that come back are swallowed */

    /* moments, never decreasing: free + held + those that are out = count + debt */
    int64_t ring;      /* where they are: bytes from this struct on */
    uint32_t capacity; /* of the ring; 0 where permits only come back at once */
    bool own_ring;     /* from the heap */
    uint64_t put, got; /* in all; those between them are held */
};

/*
 * `free_count` of the `count` permits can be taken; the others are out until they are given back.  `held` tells whether
 * that may be for a later moment.  False without memory.
 */
bool weir__permits_init(struct weir__permits *permits, uint32_t count, uint32_t free_count, bool held);

/* The same in memory that processes share, with `capacity` moments at `ring`, which stays at the same distance. */
bool weir__permits_init_shared(struct weir__permits *permits, uint32_t count, uint32_t free_count, int64_t *ring,
                               uint32_t capacity);

void weir__permits_clear(struct weir__permits *permits); /* a zeroed struct is a no-op */

/* Frees what has come due by `now_ns`, then takes one if there is one. */
bool weir__permits_take(struct weir__permits *permits, int64_t now_ns);

/* Gives one back at once, or for `due_ns`, which need not be the latest. */
void weir__permits_give(struct weir__permits *permits);
void weir__permits_give_at(struct weir__permits *permits, int64_t due_ns);

/* When the next held permit comes due; WEIR__NEVER where none is held. */
int64_t weir__permits_next(const struct weir__permits *permits);

uint32_t weir__permits_held(const struct weir__permits *permits);

/* From now on there are `count`.  Too many that are out or held are swallowed as they come back.  False without memory,
 * or where a shared ring has no room for so many: nothing changes. */
bool weir__permits_resize(struct weir__permits *permits, uint32_t count);

/* Somebody died in here, or took `out` permits with him that nobody has: those that are neither out nor held are free.
 */
void weir__permits_mend(struct weir__permits *permits, uint32_t out);

#endif
