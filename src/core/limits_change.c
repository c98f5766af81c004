/* limits_change - other figures for limits that are in use.  What went before keeps the hold that it had. */
#include "core/limits_scope.h"

#include <string.h>

enum weir_status weir__limits_set_concurrency(struct weir__limits *limits, uint32_t concurrency)
{
    struct weir__limits_state *state = limits->state;
    bool resized;

    if (concurrency < 1 || concurrency > WEIR_CONCURRENCY_MAX)
        return WEIR_INVALID;
    weir__limits_lock(limits);
    resized = weir__gate_resize(&limits->gate, WEIR__CONCURRENCY_LIMIT, concurrency, 0);
    /* limits that are only paced have as many, and must not be what limits */
    for (uint32_t i = 0; resized && i < state->rate_count; i++)
        resized = state->rates[i].held || weir__gate_resize(&limits->gate, i + 1, concurrency, 0);
    if (resized) {
        state->concurrency = concurrency;
        state->unlimited = false;
    }
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
    set = set_rate(limits, number, rate);
    weir__limits_unlock(limits);
    return set ? WEIR_OK : WEIR_NO_MEMORY;
}
