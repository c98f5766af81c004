/*
 * lease - the public limits (struct weir_limits): permits for requests that are not the dispatcher's.
 *
 * The same limits, gate and pushback as a dispatcher has; what waits are the caller's threads.  They stand in a row;
 * the first of them waits for the moment that the gate named, or for the gate's bell, the others for the first. Whoever
 * comes while somebody stands there may still go before him, as long as the first has not waited for
 * WEIR_LEASE_PATIENCE (the two modes of Go's sync.Mutex): a permit given back and taken anew by who is awake costs
 * nobody a change of threads.
 *
 * Limits of a dispatcher's: the row is a second party at its gate, which takes its seat with the first acquire.
 *
 * Threads: any.  `lock` guards the row; the gate's and the limits' may be taken under it, nothing is waited for.
 */
#ifndef WEIR_CORE_LEASE_H
#define WEIR_CORE_LEASE_H

#include "core/limits.h"
#include "core/pushback.h"
#include "pool/pool.h"
#include "weir.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define WEIR__LEASE_PATIENCE_NS INT64_C(1000000)

struct weir__lease_waiter;

/* A permit that may be out: so that one which is released twice, in two copies, is noticed. */
struct weir__lease_slot {
    uint32_t generation; /* a permit of another one was released */
    bool out;            /* it is */
    bool answered;       /* its response has begun */
    uint32_t next;       /* free one; WEIR__LEASE_NO_SLOT: the last */
};

#define WEIR__LEASE_NO_SLOT UINT32_MAX
#define WEIR__LEASE_SLOTS_MIN 16u

struct weir_limits {
    const struct weir__env *env;
    unsigned forks; /* weir__process_forks() of the process that made it */
    weir_event_fn on_event;
    void *event_user_data;
    char scope[WEIR_SCOPE_NAME_MAX + sizeof "host:"];

    struct weir__limits *limits;     /* the party of the permits; NULL: no acquire has come yet */
    struct weir__limits *owner;      /* the dispatcher's; otherwise the same */
    struct weir__limits second;      /* what `limits` points to where the owner is a dispatcher */
    struct weir__pushback *pushback; /* */
    struct weir__pool *pool;         /* of the dispatcher; NULL: there is none */

    pthread_mutex_t lock;
    struct weir__lease_waiter *first, *last;
    struct weir__lease_slot *slots;
    uint32_t slot_count, free_slot;
    bool stopped;
    bool paused;
};

/* Limits of a dispatcher's, in its memory.  `scope` is its option.  False without a lock. */
bool weir__lease_init(struct weir_limits *lease, const struct weir__env *env, const char *scope,
                      struct weir__limits *owner, struct weir__pushback *pushback, struct weir__pool *pool);
void weir__lease_clear(struct weir_limits *lease); /* no thread may be in a call; a zeroed one is a no-op */

/* All waiting ends. */
void weir__lease_stop(struct weir_limits *lease);

#endif
