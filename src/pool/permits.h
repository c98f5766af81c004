/*
 * permits - a POSIX semaphore whose permits may come back later than they are given back.
 *
 * The one mechanism behind every limit: a concurrency limit's permits are given back "now", a rate limit's "at t".  The
 * sem_t holds the permits that are free; a FIFO holds the moments at which the others come due.  It reads no clock.
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
    uint32_t count;
    int64_t *due_ns; /* ring of `count` moments, never decreasing; NULL where permits only come back at once */
    uint32_t first, held;
};

/*
 * `free_count` of the `count` permits can be taken; the others are out until they are given back.  `held` tells whether
 * that may be for a later moment.  False without memory.
 */
bool weir__permits_init(struct weir__permits *permits, uint32_t count, uint32_t free_count, bool held);
void weir__permits_clear(struct weir__permits *permits); /* a zeroed struct is a no-op */

/* Frees what has come due by `now_ns`, then takes one if there is one. */
bool weir__permits_take(struct weir__permits *permits, int64_t now_ns);

/* Gives one back at once, or for `due_ns`; a moment before the latest one held counts as that one. */
void weir__permits_give(struct weir__permits *permits);
void weir__permits_give_at(struct weir__permits *permits, int64_t due_ns);

/* When the next held permit comes due; WEIR__NEVER where none is held. */
int64_t weir__permits_next(const struct weir__permits *permits);

#endif
