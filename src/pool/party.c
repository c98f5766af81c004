/* party - see party.h */
#include "pool/party.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/gate.h"

#include <stddef.h>

struct weir__party *weir__party_of(struct weir__gate_state *state, uint32_t number)
{
    return (struct weir__party *)((char *)state + state->parties) + number;
}

/* The first in the line whose place is before `before` and whose turn lasts longer than `turn_min_ns`, but `but`. */
static struct weir__party *first_in_line(struct weir__gate_state *state, const struct weir__party *but, uint64_t before,
                                         int64_t turn_min_ns)
{
    struct weir__party *first = NULL;

    for (uint32_t i = 0; i < state->party_top; i++) {
        struct weir__party *party = weir__party_of(state, i);
        if (party != but && party->used && party->waiting && party->place < before && party->turn_ns > turn_min_ns &&
            (first == NULL || party->place < first->place))
            first = party;
    }
    return first;
}

/* The first in the line that has not been told yet: one that was and does not look (it is stopped) keeps nobody. */
static struct weir__party *first_unrung(struct weir__gate_state *state, const struct weir__party *but)
{
    struct weir__party *first = NULL;

    for (uint32_t i = 0; i < state->party_top; i++) {
        struct weir__party *party = weir__party_of(state, i);
        if (party != but && party->used && party->waiting && !party->rung &&
            (first == NULL || party->place < first->place))
            first = party;
    }
    return first;
}

/* Who rings one and dies before the post leaves a party that looks again by itself, when its time is up. */
static void ring(struct weir__party *party, sem_t **out_bell)
{
    if (party->rung)
        return;
    party->rung = true;
    *out_bell = &party->bell;
}

void weir__party_post(sem_t *bell)
{
    if (bell != NULL)
        weir__sem_post(bell);
}

void weir__party_stand(struct weir__gate_state *state, struct weir__party *party, int64_t not_before_ns, bool named)
{
    if (!party->waiting) {
        party->place = ++state->places;
        party->waiting = true;
        state->waiting_count++;
    }
    party->rung = false;
    party->named = named;
    party->turn_ns = weir__clock_after(not_before_ns, WEIR__PARTY_TURN_NS);
}

void weir__party_step_out(struct weir__gate_state *state, struct weir__party *party, sem_t **out_bell)
{
    struct weir__party *next;

    if (party->waiting) {
        party->waiting = false;
        state->waiting_count--;
    }
    if (state->waiting_count > 0 && (next = first_unrung(state, party)) != NULL)
        ring(next, out_bell);
}

int64_t weir__party_turn(struct weir__gate_state *state, const struct weir__party *party, int64_t now_ns,
                         sem_t **out_bell)
{
    const uint64_t place = party->waiting ? party->place : UINT64_MAX;
    struct weir__party *first;
    int64_t until_ns = now_ns + WEIR__PARTY_TURN_NS;

    if (state->waiting_count == (party->waiting ? 1u : 0u))
        return INT64_MIN;
    first = first_in_line(state, party, place, now_ns);
    if (first == NULL)
        return INT64_MIN;
    if (first->turn_ns > until_ns)
        first->turn_ns = until_ns; /* it would come later, but could go now */
    ring(first, out_bell);
    return first->turn_ns;
}

void weir__party_ring(struct weir__gate_state *state, const struct weir__party *by, bool named, sem_t **out_bell)
{
    struct weir__party *first;

    if (state->waiting_count == 0 || (state->waiting_count == 1 && by->waiting))
        return;
    first = first_unrung(state, NULL);
    if (first != NULL && first != by && !(named && first->named))
        ring(first, out_bell);
}
