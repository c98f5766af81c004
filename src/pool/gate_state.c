/*
 * gate_state - see gate_state.h and gate.h.
 *
 * A process may die between any two stores.  What is certain then: `count` and `debt` of each limit, the moments that
 * are held, and what each party has out, but for one permit that the dead one was just moving.  It is moved so that it
 * is in both places for a moment, never in none; who buries it takes no more than the sum allows.
 */
#include "pool/gate_state.h"

#include "base/sync.h"

#include <stdlib.h>
#include <string.h>

/* The first party is the gate's owner, the second somebody who joins. */
#define PRIVATE_PARTIES 2u

struct private_state {
    struct weir__gate_state state;
    struct weir__party parties[PRIVATE_PARTIES];
};

bool weir__gate_place(struct weir__gate_state *state, uint32_t limit, uint32_t permits, uint32_t free_count)
{
    struct weir__permits *at = &state->permits[limit];
    if (!state->shared) /* any but the first may get a hold later on */
        return weir__permits_init(at, permits, free_count, limit > 0);
    if (limit == 0)
        return weir__permits_init_shared(at, permits, free_count, NULL, 0);
    return permits <= state->ring_max[limit] &&
           weir__permits_init_shared(at, permits, free_count, (int64_t *)((char *)state + state->rings[limit]),
                                     state->ring_max[limit]);
}

bool weir__gate_state_init(struct weir__gate_state *state)
{
    return state->shared ? weir__mutex_init_shared(&state->lock) : weir__mutex_init(&state->lock);
}

/* Under the lock.  False without a bell. */
static bool seat(struct weir__gate_state *state, uint32_t number)
{
    struct weir__party *party = weir__party_of(state, number);
    const int64_t buried_ns = party->buried_ns;

    memset(party, 0, sizeof *party);
    party->buried_ns = buried_ns;
    if (!(state->shared ? weir__sem_init_shared(&party->bell, 0) : weir__sem_init(&party->bell, 0)))
        return false;
    if (number >= state->party_top)
        state->party_top = number + 1;
    state->party_count++;
    party->used = true;
    return true;
}

/* Under the lock. */
static void unseat(struct weir__gate_state *state, struct weir__party *party, sem_t **out_bell)
{
    weir__party_step_out(state, party, out_bell);
    weir__sem_clear(&party->bell);
    party->used = false;
    state->party_count--;
}

bool weir__gate_init(struct weir__gate *gate)
{
    struct private_state *own = calloc(1, sizeof *own);

    *gate = (struct weir__gate){.owns_state = true};
    if (own == NULL)
        return false;
    own->state.parties = (char *)own->parties - (char *)&own->state;
    own->state.party_max = PRIVATE_PARTIES;
    if (!weir__gate_state_init(&own->state))
        goto no_lock;
    if (!seat(&own->state, 0))
        goto no_seat;
    gate->state = &own->state;
    gate->party = &own->parties[0];
    gate->crowd = &gate->own_crowd;
    return true;

no_seat:
    weir__mutex_clear(&own->state.lock);
no_lock:
    free(own);
    return false;
}

void weir__gate_clear(struct weir__gate *gate)
{
    struct weir__gate_state *state = gate->state;

    if (state == NULL || !gate->owns_state)
        return;
    for (uint32_t i = 0; i < state->limit_count; i++)
        weir__permits_clear(&state->permits[i]);
    unseat(state, gate->party, &gate->bell);
    weir__mutex_clear(&state->lock);
    free(state);
    gate->state = NULL;
}

/* -------------------------------------------------------------------------------------------------- death and mending
 */

/* What all but one have of a limit, with those who went before it was there. */
static uint32_t out_of(struct weir__gate_state *state, uint32_t limit, const struct weir__party *but)
{
    uint32_t out = state->adopted_out[limit];

    if (out > state->permits[limit].count)
        out = state->permits[limit].count;
    for (uint32_t i = 0; i < state->party_top; i++) {
        const struct weir__party *party = weir__party_of(state, i);
        if (party != but && party->used)
            out += party->out[limit];
    }
    return out;
}

static void mend_all(struct weir__gate_state *state)
{
    state->unanswered = state->waiting_count = state->party_count = 0;
    for (uint32_t i = 0; i < state->party_top; i++) {
        const struct weir__party *party = weir__party_of(state, i);
        if (!party->used)
            continue;
        state->party_count++;
        state->waiting_count += party->waiting;
        state->unanswered += party->unanswered;
    }
    for (uint32_t i = 0; i < state->limit_count; i++)
        weir__permits_mend(&state->permits[i], out_of(state, i, NULL));
}

void weir__gate_mend(struct weir__gate_state *state)
{
    mend_all(state);
    weir__mutex_recovered(&state->lock);
}

void weir__gate_come_back(struct weir__gate_state *state, uint32_t limit, bool held, int64_t now_ns)
{
    const int64_t hold_ns = held ? state->hold_ns[limit] : 0;

    if (hold_ns > 0)
        weir__permits_give_at(&state->permits[limit], now_ns + hold_ns);
    else
        weir__permits_give(&state->permits[limit]);
}

/* Under the lock.  Its permits, no more than there can be, and those that stand for its jobs in limits that were
 * adopted since. */
static void bury(struct weir__gate *gate, struct weir__party *party, int64_t now_ns)
{
    struct weir__gate_state *state = gate->state;
    const uint32_t unanswered = party->unanswered;

    for (uint32_t i = 0; i < state->limit_count; i++) {
        struct weir__permits *permits = &state->permits[i];
        const uint32_t before = i > 0 && unanswered > party->out[i] ? unanswered - party->out[i] : 0;
        const uint64_t all = (uint64_t)permits->count + permits->debt;
        const uint64_t gone = (uint64_t)weir__permits_held(permits) + out_of(state, i, party);

        for (uint64_t room = gone < all ? all - gone : 0; party->out[i] > 0 && room > 0; room--) {
            weir__gate_come_back(state, i, true, now_ns);
            party->out[i]--;
        }
        for (uint32_t n = 0; n < before && state->adopted_out[i] > 0; n++) {
            if (state->adopted_out[i] <= permits->count)
                weir__gate_come_back(state, i, true, now_ns);
            state->adopted_out[i]--;
        }
        party->out[i] = 0;
    }
    party->unanswered = 0;
    unseat(state, party, &gate->bell);
    party->buried_ns = now_ns;
    mend_all(state);
    atomic_fetch_add(&state->buried, 1);
}

/* Whether anybody misses what it has, or waits for it. */
static bool matters(const struct weir__party *party)
{
    return party->out[0] > 0 || party->unanswered > 0 || party->waiting;
}

static void bury_dead(struct weir__gate *gate, bool all, int64_t now_ns)
{
    struct weir__gate_state *state = gate->state;

    state->reaped_ns = now_ns;
    for (uint32_t i = 0; gate->keeper.dead != NULL && i < state->party_top; i++) {
        struct weir__party *party = weir__party_of(state, i);
        if (party != gate->party && party->used && (all || matters(party)) &&
            gate->keeper.dead(gate->keeper.context, i))
            bury(gate, party, now_ns);
    }
}

void weir__gate_bury_dead(struct weir__gate *gate, int64_t now_ns)
{
    bury_dead(gate, false, now_ns);
}

void weir__gate_reap(struct weir__gate *gate, int64_t now_ns)
{
    weir__gate_lock(gate);
    bury_dead(gate, true, now_ns);
    weir__gate_unlock(gate);
}

bool weir__gate_enter(struct weir__gate *gate, struct weir__gate_state *state, uint32_t party,
                      const struct weir__gate_keeper *keeper, int64_t now_ns)
{
    bool seated;

    *gate = (struct weir__gate){.state = state, .party = weir__party_of(state, party)};
    gate->crowd = &gate->own_crowd;
    if (keeper != NULL)
        gate->keeper = *keeper;
    weir__gate_lock(gate);
    gate->known = state->limit_count;
    if (gate->party->used) /* somebody died there */
        bury(gate, gate->party, now_ns);
    seated = seat(state, party);
    weir__gate_unlock(gate);
    if (!seated)
        gate->state = NULL;
    return seated;
}

bool weir__gate_join(struct weir__gate *gate, struct weir__gate *first)
{
    return weir__gate_enter(gate, first->state, 1, NULL, 0);
}

void weir__gate_part(struct weir__gate *gate, int64_t now_ns)
{
    weir__gate_lock(gate);
    bury(gate, gate->party, now_ns);
    weir__gate_unlock(gate);
    gate->state = NULL;
}
