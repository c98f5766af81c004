/*
 * completions - the completion queue: results on their way to whoever takes them, in order of completion.
 *
 * Room is bounded, and taken before a job is accepted, together with the node that its result will stand in: so no
 * result is lost for want of memory, and none waits for a taker.  An eventfd is readable while a result waits.
 *
 * Threads: any; `lock` guards all but what never changes, and is a leaf.  Waits come from `env`, without the lock.
 */
#ifndef WEIR_CORE_COMPLETIONS_H
#define WEIR_CORE_COMPLETIONS_H

#include "pool/pool.h"
#include "weir.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct weir__completion {
    struct weir_result result; /* first: what the taker knows of it; what it points to stands behind the struct */
    struct weir__completion *next;
};

/* Zeroed, there is none; weir__completions_take() finds nothing in it then, and close is a no-op. */
struct weir__completions {
    const struct weir__env *env;
    uint32_t capacity;
    int fd; /* readable exactly while `first` is not NULL; only if there is a capacity */

    pthread_mutex_t lock;
    struct weir__completion *first, *last; /* results that wait */
    uint32_t expected;                     /* nodes that are out, for results still to come, */
    uint32_t count;                        /* and those that wait; both together take up the capacity */
    bool closed;                           /* no more will be expected than are */
    sem_t room;                            /* posted for a producer when a result was taken */
    uint32_t room_waiters;
    sem_t there; /* posted for a taker when a result came, and for all when none will come any more */
    uint32_t there_waiters;
};

/* `env` must outlive it.  WEIR_OK; WEIR_NO_MEMORY; WEIR_RESOURCE without an eventfd. */
enum weir_status weir__completions_init(struct weir__completions *completions, const struct weir__env *env,
                                        uint32_t capacity);

/* Frees the results that nobody has taken.  Zeroed, a no-op. */
void weir__completions_clear(struct weir__completions *completions);

/* Takes room and a node, waiting for the room until `until_ns`.  WEIR_OK; WEIR_TIMEOUT; WEIR_STOPPED once it is closed;
 * WEIR_NO_MEMORY. */
enum weir_status weir__completions_reserve(struct weir__completions *completions, int64_t until_ns,
                                           struct weir__completion **out);

/* Gives both back: there will be no result. */
void weir__completions_forgo(struct weir__completions *completions, struct weir__completion *node);

/* The result has come.  Copies it, and what it points to as far as there is memory. */
void weir__completions_put(struct weir__completions *completions, struct weir__completion *node,
                           const struct weir_result *result);

/* Takes the first result, waiting for one until `until_ns`, or until it is closed and none is expected; NULL if none
 * came.  Its owner frees it, also after clear. */
struct weir__completion *weir__completions_take(struct weir__completions *completions, int64_t until_ns);

/* No job will be accepted any more: turns away who waits for room, now and to come. */
void weir__completions_close(struct weir__completions *completions);

#endif
