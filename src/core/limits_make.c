/*
 * limits_make - how the limits of a dispatcher come to be: their figures, the rules behind the gate, and who owns the
 * state.  What they do then is in limits.c; those in memory that processes share are laid out in limits_scope.c.
 */
#include "core/limits_scope.h"

#include "base/sync.h"
#include "base/units.h"
#include "policy/hold.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static int64_t next_by_pace(void *rule)
{
    const struct weir__rate_limit *limit = rule;
    return limit->paced ? weir__pace_next(&limit->gate_pace) : INT64_MIN;
}

static void take_by_pace(void *rule, int64_t now_ns)
{
    struct weir__rate_limit *limit = rule;

    if (!limit->paced)
        return;
    if (limit->held)
        weir__pace_spread(&limit->gate_pace, limit->rtt_ns);
    weir__pace_take(&limit->gate_pace, now_ns);
}

static int64_t next_by_pause(void *rule)
{
    return weir__pause_next(rule);
}

static void take_by_pause(void *rule, int64_t now_ns)
{
    weir__pause_take(rule, now_ns);
}

struct weir__gate_rule weir__limits_rule(struct weir__rate_limit *limit, uint32_t number)
{
    return (struct weir__gate_rule){next_by_pace, take_by_pace, limit, number};
}

bool weir__limits_rate_valid(const struct weir_rate *rate)
{
    return rate->requests >= 1 && rate->requests <= WEIR_PERMITS_MAX && rate->burst <= rate->requests &&
           rate->per_ns >= 1000 && rate->per_ns <= WEIR_PERIOD_MAX_NS && rate->shape <= WEIR_SHAPE_PACED;
}

void weir__limits_set_figures(struct weir__rate_limit *limit, const struct weir_rate *rate)
{
    limit->shape = weir__hold_shape(rate->shape, rate->per_ns);
    limit->requests = rate->requests;
    limit->burst = rate->burst;
    limit->per_ns = rate->per_ns;
    limit->held = limit->shape != WEIR_SHAPE_PACED;
    limit->paced = limit->shape != WEIR_SHAPE_WINDOW;
    weir__units_format_rate(rate->requests, rate->per_ns, limit->name, sizeof limit->name);
    weir__pace_init(&limit->gate_pace, rate->requests, rate->per_ns, rate->burst);
    weir__pace_init(&limit->wire_pace, rate->requests, rate->per_ns, rate->burst);
}

uint32_t weir__limits_proof_size(uint32_t requests, uint32_t concurrency)
{
    return requests + (concurrency < WEIR__LIMITS_LATE_MAX ? concurrency : WEIR__LIMITS_LATE_MAX);
}

bool weir__limits_make_rate(struct weir__limits *limits, struct weir__rate_limit *limit, const struct weir_rate *rate)
{
    struct weir__limits_state *state = limits->state;

    weir__limits_set_figures(limit, rate);
    if (state->shared)
        return weir__limits_scope_proof(limits, limit);
    return weir__certificate_init(&limit->certificate, rate->per_ns,
                                  weir__limits_proof_size(rate->requests, state->concurrency));
}

int64_t weir__limits_hold(const struct weir__rate_limit *limit)
{
    return limit->held ? weir__hold_until(0, limit->per_ns) : 0;
}

uint32_t weir__limits_permits(const struct weir__limits *limits, const struct weir__rate_limit *limit)
{
    return limit->held ? limit->requests : limits->state->concurrency;
}

bool weir__limits_add(struct weir__limits *limits, const struct weir_rate *rate)
{
    struct weir__limits_state *state = limits->state;
    struct weir__rate_limit *limit = &state->rates[state->rate_count];

    if (!weir__limits_make_rate(limits, limit, rate))
        return false;
    state->rate_count++;
    return weir__gate_add_limit(&limits->gate, weir__limits_permits(limits, limit), weir__limits_hold(limit));
}

bool weir__limits_figures_valid(uint32_t concurrency, const struct weir_rate *rates, size_t rate_count)
{
    if (concurrency > WEIR_CONCURRENCY_MAX || rate_count > WEIR_RATES_MAX)
        return false;
    for (size_t i = 0; i < rate_count; i++)
        if (!weir__limits_rate_valid(&rates[i]))
            return false;
    return true;
}

void weir__limits_bring_rules(void *context)
{
    struct weir__limits *limits = context;
    const struct weir__gate_rule pause = {next_by_pause, take_by_pause, &limits->state->pause, WEIR__GATE_NO_LIMIT};

    if (limits->gate.rule_count == 0)
        (void)weir__gate_add_rule(&limits->gate, &pause);
    for (uint32_t i = limits->gate.rule_count; i < limits->gate.known; i++) {
        const struct weir__gate_rule rule = weir__limits_rule(&limits->state->rates[i - 1], i);
        (void)weir__gate_add_rule(&limits->gate, &rule); /* there is room for as many as there can be limits */
    }
}

bool weir__limits_fill(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                       size_t rate_count)
{
    struct weir__limits_state *state = limits->state;
    bool made;

    state->unlimited = concurrency == 0;
    state->concurrency = concurrency == 0 ? WEIR_CONCURRENCY_MAX : concurrency;
    weir__pause_init(&state->pause);
    made = weir__gate_add_limit(&limits->gate, state->concurrency, 0);
    for (size_t i = 0; made && i < rate_count; i++)
        made = weir__limits_add(limits, &rates[i]);
    state->given_count = state->rate_count;
    weir__limits_bring_rules(limits);
    return made;
}

/* Limits of one's own. */
static enum weir_status make_own(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                                 size_t rate_count)
{
    memset(limits, 0, sizeof *limits);
    limits->segment.file = -1;
    limits->owns_state = true;
    limits->state = calloc(1, sizeof *limits->state);
    if (limits->state == NULL)
        return WEIR_NO_MEMORY;
    if (!weir__mutex_init(&limits->state->lock))
        goto no_lock;
    if (!weir__gate_init(&limits->gate))
        goto no_gate;
    limits->gate.keeper = (struct weir__gate_keeper){NULL, weir__limits_bring_rules, limits};
    if (weir__limits_fill(limits, concurrency, rates, rate_count))
        return WEIR_OK;
    weir__limits_clear(limits);
    return WEIR_NO_MEMORY;

no_gate:
    weir__mutex_clear(&limits->state->lock);
no_lock:
    free(limits->state);
    limits->state = NULL;
    return WEIR_NO_MEMORY;
}

enum weir_status weir__limits_init(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                                   size_t rate_count)
{
    if (concurrency < 1 || !weir__limits_figures_valid(concurrency, rates, rate_count))
        return WEIR_INVALID;
    return make_own(limits, concurrency, rates, rate_count);
}

enum weir_status weir__limits_open(struct weir__limits *limits, const char *scope, uint32_t concurrency,
                                   const struct weir_rate *rates, size_t rate_count, int64_t now_ns)
{
    if (!weir__limits_figures_valid(concurrency, rates, rate_count) || !weir__limits_scope_valid(scope))
        return WEIR_INVALID;
    if (scope == NULL || strcmp(scope, "process") == 0)
        return make_own(limits, concurrency, rates, rate_count);
    return weir__limits_scope_open(limits, scope + strlen(WEIR__LIMITS_HOST), concurrency, rates, rate_count, now_ns);
}

bool weir__limits_join(struct weir__limits *limits, struct weir__limits *first)
{
    memset(limits, 0, sizeof *limits);
    limits->segment.file = -1;
    limits->state = first->state;
    if (!weir__gate_join(&limits->gate, &first->gate))
        return false;
    limits->gate.keeper = (struct weir__gate_keeper){NULL, weir__limits_bring_rules, limits};
    weir__gate_lock(&limits->gate);
    weir__limits_bring_rules(limits);
    weir__gate_unlock(&limits->gate);
    return true;
}

void weir__limits_close(struct weir__limits *limits, int64_t now_ns)
{
    struct weir__limits_state *state = limits->state;

    if (state == NULL)
        return;
    if (!limits->owns_state) {
        if (limits->seats != NULL)
            weir__limits_scope_leave(limits, now_ns);
        weir__gate_part(&limits->gate, now_ns);
        weir__segment_close(&limits->segment);
    } else {
        for (uint32_t i = 0; i < state->rate_count; i++)
            weir__certificate_clear(&state->rates[i].certificate);
        weir__gate_clear(&limits->gate);
        weir__mutex_clear(&state->lock);
        free(state);
    }
    limits->state = NULL;
}

void weir__limits_clear(struct weir__limits *limits)
{
    weir__limits_close(limits, 0);
}
