/* limits_change - other figures for limits that are in use.  What went before keeps the hold that it had. */
#include "core/limits_scope.h"

#include "policy/hold.h"

#include <string.h>

/* Limits that are only paced have as many permits as there may be in flight, and must not be what limits. */
static bool resize_paced(struct weir__limits *limits, uint32_t concurrency)
{
    bool resized = true;

    for (uint32_t i = 0; resized && i < limits->state->rate_count; i++)
        resized = limits->state->rates[i].held || weir__gate_resize(&limits->gate, i + 1, concurrency, 0);
    return resized;
}

/* Under the lock; also after a death in it. */
static bool change_concurrency(struct weir__limits *limits)
{
    struct weir__limits_state *state = limits->state;
    const uint32_t concurrency = state->next_concurrency;
    const bool resized =
        resize_paced(limits, concurrency) && weir__gate_resize(&limits->gate, WEIR__CONCURRENCY_LIMIT, concurrency, 0);

    if (resized) {
        state->concurrency = concurrency;
        state->unlimited = false;
    } else {
        (void)resize_paced(limits, state->concurrency); /* there was room for that */
    }
    state->changing = 0;
    return resized;
}

enum weir_status weir__limits_set_concurrency(struct weir__limits *limits, uint32_t concurrency)
{
    struct weir__limits_state *state = limits->state;
    bool resized;

    if (concurrency < 1 || concurrency > WEIR_CONCURRENCY_MAX)
        return WEIR_INVALID;
    weir__limits_lock(limits);
    state->next_concurrency = concurrency;
    atomic_signal_fence(memory_order_seq_cst);
    state->changing = 1;
    resized = change_concurrency(limits);
    weir__limits_unlock(limits);
    return resized ? WEIR_OK : WEIR_NO_MEMORY;
}

/* Under the lock.  A larger certificate; it is in no other memory than ours.  False without memory. */
static bool grow_proof(struct weir__limits *limits, struct weir__rate_limit *limit, const struct weir_rate *rate)
{
    const uint32_t size = weir__limits_proof_size(rate->requests, limits->state->concurrency);
    struct weir__certificate larger;

    if (limits->state->shared || size <= limit->certificate.capacity)
        return true;
    if (!weir__certificate_init(&larger, rate->per_ns, size))
        return false;
    weir__certificate_restart(&limit->certificate, rate->per_ns);
    larger.open = larger.worst = limit->certificate.open;
    larger.uncertain = limit->certificate.uncertain;
    weir__certificate_clear(&limit->certificate);
    weir__certificate_move(&limit->certificate, &larger);
    return true;
}

/* Under both locks.  The paces go on from where they were due. */
static void change(struct weir__rate_limit *limit, const struct weir_rate *rate)
{
    const int64_t gate_due_ns = limit->gate_pace.due_ns, wire_due_ns = limit->wire_pace.due_ns;

    weir__limits_set_figures(limit, rate);
    limit->gate_pace.due_ns = gate_due_ns;
    limit->wire_pace.due_ns = wire_due_ns;
}

/* Under the lock. */
static bool set_rate(struct weir__limits *limits, uint32_t number, const struct weir_rate *rate)
{
    struct weir__rate_limit *limit = &limits->state->rates[number], next = {.name = 0};

    weir__limits_set_figures(&next, rate);
    if (!grow_proof(limits, limit, rate) ||
        !weir__gate_resize(&limits->gate, number + 1, weir__limits_permits(limits, &next), weir__limits_hold(&next)))
        return false;
    weir__gate_lock(&limits->gate);
    change(limit, rate);
    weir__gate_unlock(&limits->gate);
    weir__certificate_restart(&limit->certificate, rate->per_ns);
    return true;
}

static bool is_now(const struct weir__rate_limit *limit, const struct weir_rate *rate)
{
    return limit->requests == rate->requests && limit->per_ns == rate->per_ns && limit->burst == rate->burst &&
           limit->shape == weir__hold_shape(rate->shape, rate->per_ns);
}

enum weir_status weir__limits_set_rate(struct weir__limits *limits, uint32_t number, const struct weir_rate *rate)
{
    bool set;

    if (!weir__limits_rate_valid(rate))
        return WEIR_INVALID;
    weir__limits_lock(limits);
    if (number >= limits->state->given_count) {
        weir__limits_unlock(limits);
        return WEIR_INVALID;
    }
    limits->state->next_rate = *rate;
    atomic_signal_fence(memory_order_seq_cst);
    limits->state->changing = 2 + number;
    set = is_now(&limits->state->rates[number], rate) || set_rate(limits, number, rate);
    limits->state->changing = 0;
    weir__limits_unlock(limits);
    return set ? WEIR_OK : WEIR_NO_MEMORY;
}

void weir__limits_finish_change(struct weir__limits *limits)
{
    struct weir__limits_state *state = limits->state;

    if (state->changing == 1)
        (void)change_concurrency(limits);
    else if (state->changing > 1)
        (void)set_rate(limits, state->changing - 2, &state->next_rate);
    state->changing = 0;
    if (state->rate_count + 1 < limits->gate.state->limit_count)
        state->rate_count = limits->gate.state->limit_count - 1;
}
