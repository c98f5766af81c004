/*
 * gate_change - limits that come to a gate, or change, while jobs are on their way.
 *
 * The server may have counted those already; so some of a new limit's permits stand for them, and come back as theirs
 * would.
 */
#include "pool/gate_state.h"

#include "base/sync.h"

#include <assert.h>
#include <stddef.h>

bool weir__gate_spend(struct weir__gate *gate, uint32_t limit, int64_t due_ns)
{
    bool spent;

    weir__gate_lock(gate);
    assert(limit < gate->state->limit_count && gate->state->hold_ns[limit] > 0);
    spent = weir__sem_try(&gate->state->permits[limit].free);
    if (spent)
        weir__permits_give_at(&gate->state->permits[limit], due_ns);
    weir__gate_unlock(gate);
    return spent;
}

/* What becomes of a new limit's permits. */
struct shares {
    uint32_t out;  /* stand for jobs on their way */
    uint32_t free; /* */
    uint32_t held;
};

/*
 * The server may or may not have counted each that is on its way when it said how many are left: none may go for them.
 * That goes for the answered too, whose bodies still come: what says how many are left may be older than they are.
 */
static struct shares share_out(uint32_t permits, uint32_t left, uint32_t unanswered, uint32_t on_the_way)
{
    struct shares shares;

    shares.out = unanswered < permits ? unanswered : permits;
    shares.free = left > on_the_way ? left - on_the_way : 0;
    if (shares.free > permits - shares.out)
        shares.free = permits - shares.out;
    shares.held = permits - shares.out - shares.free;
    return shares;
}

/* Under the lock.  Jobs that went and whose attempt is not over; without a limit that counts them, the unanswered. */
static uint32_t on_the_way(struct weir__gate_state *state)
{
    uint32_t out = 0;

    for (uint32_t i = 0; i < state->party_top; i++)
        out += weir__party_of(state, i)->out[0];
    return state->limit_count > 0 && out > state->unanswered ? out : state->unanswered;
}

/* Under the lock.  There must be room for the rule. */
static uint32_t adopt(struct weir__gate *gate, uint32_t permits, int64_t hold_ns, const struct shares *shares,
                      int64_t due_ns, const struct weir__gate_rule *rule)
{
    struct weir__gate_state *state = gate->state;
    const uint32_t limit = state->limit_count;

    if (!weir__gate_place(state, limit, permits, shares->free))
        return 0;
    for (uint32_t i = 0; i < shares->held; i++)
        weir__permits_give_at(&state->permits[limit], due_ns);
    state->hold_ns[limit] = hold_ns;
    state->adopted_out[limit] = state->unanswered;
    gate->tallies[limit].out_peak = shares->out;
    state->limit_count++;
    gate->known++;
    if (rule != NULL) {
        gate->rules[gate->rule_count] = *rule;
        gate->rules[gate->rule_count++].limit = limit;
    }
    return limit;
}

uint32_t weir__gate_adopt(struct weir__gate *gate, uint32_t permits, int64_t hold_ns, uint32_t left, int64_t due_ns,
                          const struct weir__gate_rule *rule)
{
    struct weir__gate_state *state = gate->state;
    uint32_t limit = 0;
    struct shares shares;

    weir__gate_lock(gate);
    weir__gate_catch_up(gate);
    if (state->limit_count < WEIR__GATE_LIMITS_MAX && (rule == NULL || gate->rule_count < WEIR__GATE_RULES_MAX)) {
        shares = share_out(permits, left, state->unanswered, on_the_way(state));
        limit = adopt(gate, permits, hold_ns, &shares, due_ns, rule);
    }
    weir__gate_unlock(gate);
    return limit;
}

bool weir__gate_resize(struct weir__gate *gate, uint32_t limit, uint32_t permits, int64_t hold_ns)
{
    struct weir__gate_state *state = gate->state;
    bool resized;

    weir__gate_lock(gate);
    assert(limit < state->limit_count);
    resized = weir__permits_resize(&state->permits[limit], permits);
    if (resized)
        state->hold_ns[limit] = hold_ns;
    weir__party_ring(state, gate->party, false, &gate->bell);
    weir__gate_unlock(gate);
    return resized;
}
