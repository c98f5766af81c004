/*
 * limits - a dispatcher's limits as one: the gate, the rules of policy behind it, and the certificates beside it.
 *
 * One attempt's way: granted by the gate -> `wire` right before the send -> `began` at the response, or `gave_up`
 * without one, or `unsent` if it never left -> `ended`.  Time is an argument throughout: the simulator runs this code
 * as it is.
 *
 * They may be shared, as the gate may: by two parties of a process, or by all that name the same scope.
 *
 * Threads: any.  `lock` guards paces at the wire, certificates and the list of limits; the gate's own may be taken
 * under it.
 */
#ifndef WEIR_CORE_LIMITS_H
#define WEIR_CORE_LIMITS_H

#include "base/segment.h"
#include "policy/certificate.h"
#include "policy/feedback.h"
#include "policy/pace.h"
#include "policy/pause.h"
#include "pool/gate.h"
#include "weir.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__LIMIT_NAME_SIZE 48u
#define WEIR__CONCURRENCY_LIMIT                                                                                        \
    0u /* its number at the gate; rate limits follow in the order given, then as learned                               \
        */
#define WEIR__LIMITS_RATES_MAX (WEIR_RATES_MAX + WEIR_LEARNED_MAX)

struct weir__rate_limit {
    char name[WEIR__LIMIT_NAME_SIZE];
    char learned_from[WEIR__FEEDBACK_FIELD_SIZE]; /* "" where it was given */
    enum weir_shape shape;
    uint32_t requests, burst;
    int64_t per_ns;
    _Atomic bool paced;
    bool held;
    struct weir__pace gate_pace; /* the gate's rule; guarded by the gate */
    _Atomic int64_t rtt_ns;      /* from the send to the response's beginning, smoothed; written under `lock` */
    struct weir__pace wire_pace; /* handshakes of different length bunch what the gate let go evenly */
    struct weir__certificate certificate;
};

/* What those who share the limits share, beside the gate's state.  It holds no pointers. */
struct weir__limits_state {
    pthread_mutex_t lock;
    bool shared;              /* by processes */
    struct weir__pause pause; /* a rule of the gate, guarded by it */
    struct weir__rate_limit rates[WEIR__LIMITS_RATES_MAX];
    _Atomic uint32_t rate_count; /* grows under `lock`, */
    uint32_t given_count;        /* from this */
    _Atomic uint32_t concurrency;
    bool unlimited; /* nobody asked for a concurrency limit */
    /* the change of figures that is under way, so that one who dies in it leaves it to the next: 0: none; 1: the
     * concurrency; from 2 on: of the rate with this number, less 2 */
    uint32_t changing;
    uint32_t next_concurrency;
    struct weir_rate next_rate;

    uint64_t settled; /* so many deaths do the certificates know of */
};

/* Sends of a process that the certificates count as on their way, for when it dies. */
struct weir__limits_seat {
    uint32_t open[WEIR__LIMITS_RATES_MAX];
};

struct weir__limits {
    struct weir__gate gate;
    struct weir__limits_state *state;
    struct weir__limits_seat *seats; /* NULL where no other process shares it */
    bool owns_state;                 /* it is from the heap */
    bool remembers;                  /* what was sent before is in there already */
    struct weir__segment segment;    /* where `seats` are */
};

/* What one attempt holds, and what counts it.  Limits learned while it is on its way are not in here. */
struct weir__ticket {
    uint32_t held;    /* limits, the first ones, of which the gate gave it a permit */
    uint32_t counted; /* rate limits, the first ones, whose certificates have seen its send */
    bool answered;    /* the gate knows that it is, or that it never will be */
};

/* WEIR_OK; WEIR_INVALID for a rate out of range; WEIR_NO_MEMORY. */
enum weir_status weir__limits_init(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                                   size_t rate_count);

/*
 * The same for a scope: NULL and "process" are limits of one's own, "host:NAME" those of the machine (limits_scope.c).
 * A concurrency of 0 is no such limit, and with no rates besides, it takes the limits that the scope has.  WEIR_INVALID
 * for a scope that is none too; WEIR_RESOURCE, WEIR_SCOPE, WEIR_SCOPE_LIMITS, WEIR_SCOPE_FULL.
 */
enum weir_status weir__limits_open(struct weir__limits *limits, const char *scope, uint32_t concurrency,
                                   const struct weir_rate *rates, size_t rate_count, int64_t now_ns);
bool weir__limits_scope_valid(const char *scope);

/* A second party of the same process, which has the limits of the first; cleared before it.  False without a lock. */
bool weir__limits_join(struct weir__limits *limits, struct weir__limits *first);

/* What was not given back counts as given up at `now_ns`. */
void weir__limits_close(struct weir__limits *limits, int64_t now_ns);
void weir__limits_clear(struct weir__limits *limits); /* the same, where nothing is out */

/* Other figures (limits_change.c): as weir_limits_set_concurrency() and weir_limits_set_rate(). */
enum weir_status weir__limits_set_concurrency(struct weir__limits *limits, uint32_t concurrency);
enum weir_status weir__limits_set_rate(struct weir__limits *limits, uint32_t number, const struct weir_rate *rate);

/* How many rate limits there are. */
static inline uint32_t weir__limits_rate_count(const struct weir__limits *limits)
{
    return atomic_load_explicit(&limits->state->rate_count, memory_order_relaxed);
}

/* Before the first attempt: what was sent before `now_ns`, oldest first, has its permits, and is in the certificates.
 * Nothing changes where a scope that was joined has a memory of its own. */
void weir__limits_remember(struct weir__limits *limits, const struct weir_past_send *sends, size_t count,
                           int64_t now_ns);

/* "concurrency", "100/1s"; "pause" for WEIR__GATE_NO_LIMIT: `out` after it was filled.  Takes the lock. */
const char *weir__limits_name(struct weir__limits *limits, uint32_t limit, char out[WEIR__LIMIT_NAME_SIZE]);

/* What is told of a wait that begins at `now_ns` with that answer of the gate; `name` is filled, and its limit_name. */
struct weir_event weir__limits_reached(struct weir__limits *limits, const struct weir__gate_answer *answer,
                                       int64_t now_ns, char name[WEIR__LIMIT_NAME_SIZE]);

/* Whether nothing may be sent now.  Takes no lock: asked right before each send. */
bool weir__limits_paused(const struct weir__limits *limits, int64_t now_ns);

/*
 * A limit that the server has stated becomes one of ours from `now_ns` on: `left` requests, those on their way included
 * (up to weir__limits_ended()), may be sent before the period is over; the others' permits come back `back_ns` from now
 * (0: after the period).  `field` names where it was stated.  Returns its number; 0, and nothing changes, where a limit
 * in force covers it, where there is no room for one more, or no memory.
 */
uint32_t weir__limits_adopt(struct weir__limits *limits, const struct weir_rate *rate, uint32_t left, int64_t now_ns,
                            int64_t back_ns, const char *field);

/* Whether a limit in force, one that proves what it does, keeps to `requests` in any `per_ns`. */
bool weir__limits_cover(struct weir__limits *limits, uint32_t requests, int64_t per_ns);

/* The moment that keeps the pace for a send that is ready at `now_ns`.  Before `latest_ns` it is taken, so it must be
 * waited for; from there on it is not. */
int64_t weir__limits_wire(struct weir__limits *limits, int64_t now_ns, int64_t latest_ns);

/*
 * The send leaves now: at `ready_ns`, read right before, or where certificates must see sends in their order, at what
 * `now` reads under their lock.  Returns the one that counts.
 */
int64_t weir__limits_sent(struct weir__limits *limits, struct weir__ticket *ticket, int64_t ready_ns,
                          int64_t (*now)(void *context), void *context);

/*
 * The response began: rate permits are held from here.  Reads the clock as weir__limits_sent() does and returns that: a
 * reading from before the lock could reach the certificates after a later one, be taken for it, and convict a limit
 * that was kept.
 */
int64_t weir__limits_began(struct weir__limits *limits, struct weir__ticket *ticket, int64_t sent_ns,
                           int64_t (*now)(void *context), void *context);

/* No response will be awaited any more: held from here, and uncertain.  Reads the clock likewise. */
void weir__limits_gave_up(struct weir__limits *limits, struct weir__ticket *ticket, int64_t (*now)(void *context),
                          void *context);

/* What weir__limits_sent() counted did not leave after all; before weir__limits_unsent(). */
void weir__limits_withdraw(struct weir__limits *limits, struct weir__ticket *ticket);

/* It never left: rate permits come back at once. */
void weir__limits_unsent(struct weir__limits *limits, struct weir__ticket *ticket);

/* The attempt is over, at `now_ns`: the concurrency permit comes back. */
void weir__limits_ended(struct weir__limits *limits, const struct weir__ticket *ticket, int64_t now_ns);

/* Looks for the dead among those who share them, so that figures are of the living. */
void weir__limits_look(struct weir__limits *limits, int64_t now_ns);

/* Fills the entry for one limit. */
void weir__limits_stats(struct weir__limits *limits, uint32_t limit, struct weir_limit_stats *out);

#endif
