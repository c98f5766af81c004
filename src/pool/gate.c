/* gate - see gate.h; here, asking and giving back.  How a state is made, shared and mended is in gate_state.c,
 * how limits change while jobs are on their way in gate_change.c. */
#include "pool/gate.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/gate_state.h"

#include <assert.h>

void weir__gate_lock(struct weir__gate *gate)
{
    struct weir__gate_state *state = gate->state;

    if (!state->shared)
        weir__mutex_lock(&state->lock);
    else if (!weir__mutex_lock_shared(&state->lock))
        weir__gate_mend(state);
}

void weir__gate_unlock(struct weir__gate *gate)
{
    sem_t *bell = gate->bell;

    gate->bell = NULL;
    weir__mutex_unlock(&gate->state->lock);
    weir__party_post(bell);
}

bool weir__gate_add_limit(struct weir__gate *gate, uint32_t permits, int64_t hold_ns)
{
    struct weir__gate_state *state = gate->state;
    const uint32_t limit = state->limit_count;

    if (limit == WEIR__GATE_LIMITS_MAX || !weir__gate_place(state, limit, permits, permits))
        return false;
    state->hold_ns[limit] = hold_ns;
    state->limit_count++;
    gate->known++;
    return true;
}

bool weir__gate_add_rule(struct weir__gate *gate, const struct weir__gate_rule *rule)
{
    if (gate->rule_count == WEIR__GATE_RULES_MAX)
        return false;
    gate->rules[gate->rule_count++] = *rule;
    return true;
}

/* Keeps the later of two obstacles: the gate opens when the last one is gone. */
static void obstruct(struct weir__gate_answer *answer, enum weir__gate_cause cause, uint32_t limit, int64_t until_ns)
{
    if (!answer->go && until_ns <= answer->not_before_ns)
        return;
    *answer = (struct weir__gate_answer){.go = false, .cause = cause, .limit = limit, .not_before_ns = until_ns};
}

/* Under the lock. */
static struct weir__gate_answer open_at(const struct weir__gate *gate, int64_t now_ns)
{
    return (struct weir__gate_answer){
        .go = true,
        .cause = WEIR__GATE_OPEN,
        .limit = WEIR__GATE_NO_LIMIT,
        .limit_count = gate->state->limit_count,
        .not_before_ns = now_ns,
    };
}

void weir__gate_catch_up(struct weir__gate *gate)
{
    if (gate->known == gate->state->limit_count)
        return;
    gate->known = gate->state->limit_count;
    if (gate->keeper.grown != NULL)
        gate->keeper.grown(gate->keeper.context);
}

/* Takes a permit of every limit, and tells what is in the way; `taken` has a bit for each limit that gave one. */
static uint32_t try_all(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    struct weir__gate_state *state = gate->state;
    uint32_t taken = 0;

    weir__gate_catch_up(gate);
    *answer = open_at(gate, now_ns);
    if (gate->closed)
        obstruct(answer, WEIR__GATE_PAUSE, WEIR__GATE_NO_LIMIT, WEIR__NEVER);
    for (uint32_t i = 0; i < gate->rule_count; i++) {
        const uint32_t limit = gate->rules[i].limit;
        const int64_t next = gate->rules[i].next(gate->rules[i].rule);
        if (next > now_ns)
            obstruct(answer, limit == WEIR__GATE_NO_LIMIT ? WEIR__GATE_PAUSE : WEIR__GATE_RULE, limit, next);
    }
    for (uint32_t i = 0; i < state->limit_count; i++) {
        if (weir__permits_take(&state->permits[i], now_ns))
            taken |= UINT32_C(1) << i;
        else
            obstruct(answer, WEIR__GATE_PERMIT, i, weir__permits_next(&state->permits[i]));
    }
    return taken;
}

static void give_all(struct weir__gate *gate, uint32_t taken)
{
    for (uint32_t i = 0; i < gate->state->limit_count; i++)
        if ((taken & (UINT32_C(1) << i)) != 0)
            weir__permits_give(&gate->state->permits[i]);
}

/* Whether somebody else can have permits, or want them, or may come to. */
static bool shares(const struct weir__gate *gate)
{
    return gate->state->party_count > 1 || gate->state->shared;
}

/* What is with others comes back at a moment that nobody names, or never, if they died. */
static void look_again(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    if (answer->cause == WEIR__GATE_PERMIT && answer->not_before_ns > now_ns + WEIR__GATE_LOOK_NS &&
        (gate->state->shared || answer->not_before_ns == WEIR__NEVER))
        answer->not_before_ns = now_ns + WEIR__GATE_LOOK_NS;
}

/* try_all(), and what the others have to do with it. */
static uint32_t try_among_others(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    struct weir__gate_state *state = gate->state;
    uint32_t taken = try_all(gate, now_ns, answer);
    int64_t turn_ns;

    if (!shares(gate))
        return taken;
    if (!answer->go && answer->cause == WEIR__GATE_PERMIT && now_ns - state->reaped_ns >= WEIR__GATE_LOOK_NS) {
        give_all(gate, taken);
        weir__gate_bury_dead(gate, now_ns);
        taken = try_all(gate, now_ns, answer);
    }
    if (answer->go && (turn_ns = weir__party_turn(state, gate->party, now_ns, &gate->bell)) > now_ns)
        obstruct(answer, WEIR__GATE_PERMIT, state->limit_count - 1, turn_ns);
    gate->unnamed = !answer->go && answer->not_before_ns == WEIR__NEVER;
    if (!answer->go)
        look_again(gate, now_ns, answer);
    return taken;
}

/* The time since the last question goes to the limit that was in the way then; a job counts once for each limit. */
static void account(struct weir__gate *gate, int64_t now_ns, const struct weir__gate_answer *answer)
{
    if (gate->waiting)
        gate->tallies[gate->waiting_limit].wait_ns += now_ns - gate->waiting_since_ns;
    if (!gate->waiting)
        gate->counted = 0;
    if (!answer->go && (gate->counted & (UINT32_C(1) << answer->limit)) == 0) {
        gate->counted |= UINT32_C(1) << answer->limit;
        gate->tallies[answer->limit].waits++;
    }
    gate->waiting = !answer->go;
    gate->waiting_limit = answer->limit;
    gate->waiting_since_ns = now_ns;
}

static void count_out(struct weir__gate *gate)
{
    for (uint32_t i = 0; i < gate->state->limit_count; i++)
        if (++gate->party->out[i] > gate->tallies[i].out_peak)
            gate->tallies[i].out_peak = gate->party->out[i];
    gate->party->unanswered++;
    gate->state->unanswered++;
    if (++gate->crowd->out > gate->crowd->peak)
        gate->crowd->peak = gate->crowd->out;
}

/* Where others share the gate, its place in their line. */
static void line_up(struct weir__gate *gate, const struct weir__gate_answer *answer)
{
    if (answer->go || answer->cause == WEIR__GATE_PAUSE)
        weir__party_step_out(gate->state, gate->party, &gate->bell);
    else
        weir__party_stand(gate->state, gate->party, answer->not_before_ns, !gate->unnamed);
}

void weir__gate_ask(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    uint32_t taken;

    weir__gate_lock(gate);
    taken = try_among_others(gate, now_ns, answer);
    account(gate, now_ns, answer);
    if (answer->go) {
        count_out(gate);
        for (uint32_t i = 0; i < gate->rule_count; i++)
            gate->rules[i].take(gate->rules[i].rule, now_ns);
    } else {
        give_all(gate, taken);
    }
    if (shares(gate))
        line_up(gate, answer);
    weir__gate_unlock(gate);
}

void weir__gate_glance(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    weir__gate_lock(gate);
    give_all(gate, try_all(gate, now_ns, answer));
    weir__gate_unlock(gate);
}

void weir__gate_peek(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    weir__gate_lock(gate);
    give_all(gate, try_all(gate, now_ns, answer));
    if (!answer->go && shares(gate))
        look_again(gate, now_ns, answer);
    account(gate, now_ns, answer);
    weir__gate_unlock(gate);
}

void weir__gate_leave(struct weir__gate *gate, int64_t now_ns)
{
    struct weir__gate_answer gone;

    weir__gate_lock(gate);
    gone = open_at(gate, now_ns);
    account(gate, now_ns, &gone);
    if (gate->party->waiting)
        weir__party_step_out(gate->state, gate->party, &gate->bell);
    weir__gate_unlock(gate);
}

/* Under the lock. */
static void answer_for(struct weir__gate *gate, uint32_t limit_count, bool held, int64_t now_ns)
{
    struct weir__gate_state *state = gate->state;

    assert(gate->party->unanswered > 0 && limit_count <= state->limit_count);
    for (uint32_t i = 1; i < limit_count; i++) {
        const int64_t next_ns = weir__permits_next(&state->permits[i]);
        weir__gate_come_back(state, i, held, now_ns);
        gate->party->out[i]--;
        if (next_ns != WEIR__NEVER && weir__permits_next(&state->permits[i]) < next_ns)
            gate->sooner = true;
    }
    for (uint32_t i = limit_count > 0 ? limit_count : 1; i < state->limit_count; i++) {
        if (state->adopted_out[i] == 0)
            continue;
        if (state->adopted_out[i] <= state->permits[i].count) /* else it is one of those that are too many */
            weir__gate_come_back(state, i, held, now_ns);
        state->adopted_out[i]--;
    }
    gate->party->unanswered--;
    state->unanswered--;
}

/* Under the lock.  What came back at a moment is told to those who know of none. */
static void tell_others(struct weir__gate *gate, bool named)
{
    if (gate->state->waiting_count > 0)
        weir__party_ring(gate->state, gate->party, named, &gate->bell);
}

/* Under the lock. */
static void give_first(struct weir__gate *gate)
{
    weir__permits_give(&gate->state->permits[0]);
    gate->party->out[0]--;
    gate->crowd->out--;
}

void weir__gate_answered(struct weir__gate *gate, uint32_t limit_count, int64_t now_ns)
{
    weir__gate_lock(gate);
    answer_for(gate, limit_count, true, now_ns);
    tell_others(gate, true);
    weir__gate_unlock(gate);
}

void weir__gate_unsent(struct weir__gate *gate, uint32_t limit_count)
{
    weir__gate_lock(gate);
    answer_for(gate, limit_count, false, 0);
    tell_others(gate, false);
    weir__gate_unlock(gate);
}

void weir__gate_give(struct weir__gate *gate)
{
    weir__gate_lock(gate);
    give_first(gate);
    tell_others(gate, false);
    weir__gate_unlock(gate);
}

void weir__gate_over(struct weir__gate *gate, uint32_t limit_count, int64_t now_ns)
{
    weir__gate_lock(gate);
    answer_for(gate, limit_count, true, now_ns);
    give_first(gate);
    tell_others(gate, false);
    weir__gate_unlock(gate);
}

void weir__gate_close(struct weir__gate *gate, bool closed)
{
    weir__gate_lock(gate);
    gate->closed = closed;
    weir__gate_unlock(gate);
}

sem_t *weir__gate_bell(struct weir__gate *gate)
{
    return &gate->party->bell;
}

/* Under the lock.  Permits that stand for jobs that went before the limit was there. */
static uint32_t stand_ins(const struct weir__gate_state *state, uint32_t limit)
{
    const uint32_t out = state->adopted_out[limit], count = state->permits[limit].count;

    return out < count ? out : count;
}

struct weir__gate_tally weir__gate_tally(struct weir__gate *gate, uint32_t limit)
{
    struct weir__gate_tally tally;

    assert(limit <= WEIR__GATE_NO_LIMIT);
    weir__gate_lock(gate);
    tally = gate->tallies[limit];
    if (limit < gate->state->limit_count)
        tally.out = gate->party->out[limit] + stand_ins(gate->state, limit);
    weir__gate_unlock(gate);
    return tally;
}

struct weir__gate_crowd weir__gate_crowd(struct weir__gate *gate)
{
    struct weir__gate_crowd crowd;

    weir__gate_lock(gate);
    crowd = *gate->crowd;
    weir__gate_unlock(gate);
    return crowd;
}

uint32_t weir__gate_parties(struct weir__gate *gate)
{
    uint32_t count;

    weir__gate_lock(gate);
    count = gate->state->party_count;
    weir__gate_unlock(gate);
    return count;
}

bool weir__gate_sooner(struct weir__gate *gate)
{
    return atomic_load_explicit(&gate->sooner, memory_order_relaxed) && atomic_exchange(&gate->sooner, false);
}
