/* gate - see gate.h */
#include "pool/gate.h"

#include "base/clock.h"
#include "base/sync.h"

#include <assert.h>

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

bool weir__gate_add_limit(struct weir__gate *gate, uint32_t permits, int64_t hold_ns)
{
    const uint32_t limit = gate->limit_count;

    if (limit == WEIR__GATE_LIMITS_MAX || !weir__permits_init(&gate->permits[limit], permits, permits, hold_ns > 0))
        return false;
    gate->hold_ns[limit] = hold_ns;
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

bool weir__gate_spend(struct weir__gate *gate, uint32_t limit, int64_t due_ns)
{
    bool spent;

    assert(limit < gate->limit_count && gate->hold_ns[limit] > 0);
    weir__mutex_lock(&gate->lock);
    spent = weir__sem_try(&gate->permits[limit].free);
    if (spent)
        weir__permits_give_at(&gate->permits[limit], due_ns);
    weir__mutex_unlock(&gate->lock);
    return spent;
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
        .limit_count = gate->limit_count,
        .not_before_ns = now_ns,
    };
}

/* Takes a permit of every limit, and tells what is in the way; `taken` has a bit for each limit that gave one. */
static uint32_t try_all(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer)
{
    uint32_t taken = 0;

    *answer = open_at(gate, now_ns);
    for (uint32_t i = 0; i < gate->rule_count; i++) {
        const uint32_t limit = gate->rules[i].limit;
        const int64_t next = gate->rules[i].next(gate->rules[i].rule);
        if (next > now_ns)
            obstruct(answer, limit == WEIR__GATE_NO_LIMIT ? WEIR__GATE_PAUSE : WEIR__GATE_RULE, limit, next);
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
        gate->unanswered++;
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
    struct weir__gate_answer gone;

    weir__mutex_lock(&gate->lock);
    gone = open_at(gate, now_ns);
    account(gate, now_ns, &gone);
    weir__mutex_unlock(&gate->lock);
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
static uint32_t on_the_way(const struct weir__gate *gate)
{
    return gate->limit_count > 0 && gate->tallies[0].out > gate->unanswered ? gate->tallies[0].out : gate->unanswered;
}

/* Under the lock.  There must be room for the rule. */
static uint32_t adopt(struct weir__gate *gate, uint32_t permits, int64_t hold_ns, const struct shares *shares,
                      int64_t due_ns, const struct weir__gate_rule *rule)
{
    const uint32_t limit = gate->limit_count;

    if (!weir__permits_init(&gate->permits[limit], permits, shares->free, true))
        return 0;
    for (uint32_t i = 0; i < shares->held; i++)
        weir__permits_give_at(&gate->permits[limit], due_ns);
    gate->hold_ns[limit] = hold_ns;
    gate->adopted_out[limit] = gate->unanswered;
    gate->tallies[limit].out = gate->tallies[limit].out_peak = shares->out;
    gate->limit_count++;
    if (rule != NULL) {
        gate->rules[gate->rule_count] = *rule;
        gate->rules[gate->rule_count++].limit = limit;
    }
    return limit;
}

uint32_t weir__gate_adopt(struct weir__gate *gate, uint32_t permits, int64_t hold_ns, uint32_t left, int64_t due_ns,
                          const struct weir__gate_rule *rule)
{
    uint32_t limit = 0;
    struct shares shares;

    weir__mutex_lock(&gate->lock);
    if (gate->limit_count < WEIR__GATE_LIMITS_MAX && (rule == NULL || gate->rule_count < WEIR__GATE_RULES_MAX)) {
        shares = share_out(permits, left, gate->unanswered, on_the_way(gate));
        limit = adopt(gate, permits, hold_ns, &shares, due_ns, rule);
    }
    weir__mutex_unlock(&gate->lock);
    return limit;
}

/* Under the lock. */
static void come_back(struct weir__gate *gate, uint32_t limit, bool held, int64_t now_ns)
{
    const int64_t hold_ns = held ? gate->hold_ns[limit] : 0;

    if (hold_ns > 0)
        weir__permits_give_at(&gate->permits[limit], now_ns + hold_ns);
    else
        weir__permits_give(&gate->permits[limit]);
    gate->tallies[limit].out--;
}

/* Under the lock. */
static void answer_for(struct weir__gate *gate, uint32_t limit_count, bool held, int64_t now_ns)
{
    assert(gate->unanswered > 0 && limit_count <= gate->limit_count);
    gate->unanswered--;
    for (uint32_t i = 1; i < limit_count; i++)
        come_back(gate, i, held, now_ns);
    for (uint32_t i = limit_count > 0 ? limit_count : 1; i < gate->limit_count; i++) {
        if (gate->adopted_out[i] == 0)
            continue;
        if (gate->adopted_out[i]-- <= gate->permits[i].count) /* else it is one of those that are too many */
            come_back(gate, i, held, now_ns);
    }
}

void weir__gate_answered(struct weir__gate *gate, uint32_t limit_count, int64_t now_ns)
{
    weir__mutex_lock(&gate->lock);
    answer_for(gate, limit_count, true, now_ns);
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_unsent(struct weir__gate *gate, uint32_t limit_count)
{
    weir__mutex_lock(&gate->lock);
    answer_for(gate, limit_count, false, 0);
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_give(struct weir__gate *gate)
{
    weir__mutex_lock(&gate->lock);
    weir__permits_give(&gate->permits[0]);
    gate->tallies[0].out--;
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_over(struct weir__gate *gate, uint32_t limit_count, int64_t now_ns)
{
    weir__mutex_lock(&gate->lock);
    answer_for(gate, limit_count, true, now_ns);
    weir__permits_give(&gate->permits[0]);
    gate->tallies[0].out--;
    weir__mutex_unlock(&gate->lock);
}

void weir__gate_lock(struct weir__gate *gate)
{
    weir__mutex_lock(&gate->lock);
}

void weir__gate_unlock(struct weir__gate *gate)
{
    weir__mutex_unlock(&gate->lock);
}

struct weir__gate_tally weir__gate_tally(struct weir__gate *gate, uint32_t limit)
{
    struct weir__gate_tally tally;

    assert(limit <= WEIR__GATE_NO_LIMIT);
    weir__mutex_lock(&gate->lock);
    tally = gate->tallies[limit];
    weir__mutex_unlock(&gate->lock);
    return tally;
}
