/*
 * party - who shares a gate: what each has taken, and who is the next to go.
 *
 * A gate of one dispatcher has one party, or two where its host sends requests of its own; a gate in shared memory has
 * one for each handle in all processes.  All of this is called under the gate's lock.
 *
 * The line.  Whoever was told "not before t" stands in the line, by when it first asked.  One who comes later does not
 * go before it while its turn lasts: until WEIR__PARTY_TURN_NS after the moment it waits for, or after its bell was
 * rung.  So nobody starves, and one that does not come (it is stopped, or dead) costs the others no more than that.
 * The bell says "look again": something came back, or the one before has gone.
 */
#ifndef WEIR_POOL_PARTY_H
#define WEIR_POOL_PARTY_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#define WEIR__GATE_LIMITS_MAX 16u

/* How long a sleeper may take to wake up on a busy machine before others go first. */
#define WEIR__PARTY_TURN_NS INT64_C(3000000)

struct weir__gate_state;

/* Zeroed, it is nobody's. */
struct weir__party {
    bool used;
    uint32_t out[WEIR__GATE_LIMITS_MAX]; /* permits it took and has not given back */
    uint32_t unanswered;                 /* jobs that went and are not yet answered or taken back */

    /* the line */
    int64_t buried_ns; /* when the last one who sat here was found dead */
    sem_t bell;
    bool waiting;
    bool rung;       /* and has not looked since */
    bool named;      /* it waits for a moment, not for what has none yet */
    uint64_t place;  /* the least is the first */
    int64_t turn_ns; /* until then others wait for it; WEIR__NEVER: until it is rung */
};

struct weir__party *weir__party_of(struct weir__gate_state *state, uint32_t number);

/* Posts what was rung: not before the lock is let go, since whoever is stopped in there stops all. */
void weir__party_post(sem_t *bell);

/* Nobody goes before it but those who stand in the line already; it will come by `not_before_ns`, for which `named`
 * says whether that is more than a look. */
void weir__party_stand(struct weir__gate_state *state, struct weir__party *party, int64_t not_before_ns, bool named);

/* It has gone, or wants nothing any more: the next one may look.  Here and below, `*out_bell` becomes the bell that is
 * to be posted, if one is. */
void weir__party_step_out(struct weir__gate_state *state, struct weir__party *party, sem_t **out_bell);

/* Until when `party` must wait for those before it; INT64_MIN: it is its turn.  Rings the one that it waits for. */
int64_t weir__party_turn(struct weir__gate_state *state, const struct weir__party *party, int64_t now_ns,
                         sem_t **out_bell);

/* Something came back that `by` looks for itself: whoever else stands first is told. `named`: it did at a moment, which
 * those who have one do not need to know. */
void weir__party_ring(struct weir__gate_state *state, const struct weir__party *by, bool named, sem_t **out_bell);

#endif
