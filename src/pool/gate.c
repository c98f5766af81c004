/* gate - see gate.h */
#include "pool/gate.h"

#include "base/clock.h"
#include "base/sync.h"

bool weir__gate_init(struct weir__gate *gate)
{
    *gate = (struct weir__gate){.limit_count = 0};
    return weir__mutex_init(&gate->lock);
}

void weir__gate_clear(struct weir__gate *gate)
{
    for (uint32_t i = 0; i < gate->limit_count; i++)
        weir__permits_clear(&gate->permits[i]);
    weir__mutex_clear(&gate->lock);
}

bool weir__gate_add_limit(struct weir__gate *gate, uint32_t permits, bool held)
{
    if (gate->limit_count == WEIR__GATE_LIMITS_MAX ||
        !weir__permits_init(&gate->permits[gate->limit_count], permits, held))
        return false;
    gate->limit_count++;
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

/* Takes a permit of every limit, and tells what is in the way; `taken` has a bit for each limit that gave one. */
static uint32_t try_all(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    uint32_t taken = 0;

    *answer = (struct weir__gate_answer){.go = true, .cause = WEIR__GATE_OPEN, .not_before_ns = now_ns};
    for (uint32_t i = 0; i < gate->rule_count; i++) {
        const int64_t next = gate->rules[i].next(gate->rules[i].rule);
        if (next > now_ns)
            obstruct(answer, WEIR__GATE_RULE, gate->rules[i].limit, next);
    }
    for (uint32_t i = 0; i < gate->limit_count; i++) {
        if (weir__permits_take(&gate->permits[i], now_ns))
            taken |= UINT32_C(1) << i;
        else
            obstruct(answer, WEIR__GATE_PERMIT, i, weir__permits_next(&gate->permits[i]));
    }
    return taken;
}

static void give_all(struct weir__gate *gate, uint32_t taken)
{
    for (uint32_t i = 0; i < gate->limit_count; i++)
        if ((taken & (UINT32_C(1) << i)) != 0)
            weir__permits_give(&gate->permits[i]);
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
    for (uint32_t i = 0; i < gate->limit_count; i++)
        if (++gate->tallies[i].out > gate->tallies[i].out_peak)
            gate->tallies[i].out_peak = gate->tallies[i].out;
}

void weir__gate_ask(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    uint32_t taken;

    weir__mutex_lock(&gate->lock);
    taken = try_all(gate, now_ns, answer);
    account(gate, now_ns, answer);
    if (answer->go) {
        count_out(gate);
        for (uint32_t i = 0; i < gate->rule_count; i++)
            gate->rules[i].take(gate->rules[i].rule, now_ns);
    } else {
        give_all(gate, taken);
    }
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_peek(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    weir__mutex_lock(&gate->lock);
    give_all(gate, try_all(gate, now_ns, answer));
    account(gate, now_ns, answer);
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_leave(struct weir__gate *gate, int64_t now_ns)
{
    const struct weir__gate_answer gone = {.go = true};

    weir__mutex_lock(&gate->lock);
    account(gate, now_ns, &gone);
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_give(struct weir__gate *gate, uint32_t limit)
{
    weir__mutex_lock(&gate->lock);
    weir__permits_give(&gate->permits[limit]);
    gate->tallies[limit].out--;
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_give_at(struct weir__gate *gate, uint32_t limit, int64_t due_ns)
{
    weir__mutex_lock(&gate->lock);
    weir__permits_give_at(&gate->permits[limit], due_ns);
    gate->tallies[limit].out--;
    weir__mutex_unlock(&gate->lock);
}

struct weir__gate_tally weir__gate_tally(struct weir__gate *gate, uint32_t limit)
{
    struct weir__gate_tally tally;

    weir__mutex_lock(&gate->lock);
    tally = gate->tallies[limit];
    weir__mutex_unlock(&gate->lock);
    return tally;
}
