/* limits - see limits.h */
#include "core/limits.h"

#include "base/sync.h"
#include "base/units.h"
#include "policy/hold.h"

#include <stdio.h>
#include <string.h>

/* A new round trip's weight is 1/32: the pace follows what is usual, not each response. */
#define RTT_WEIGHT 32

static int64_t next_by_pace(void *rule)
{
    const struct weir__rate_limit *limit = rule;
    return weir__pace_next(&limit->gate_pace);
}

static void take_by_pace(void *rule, int64_t now_ns)
{
    struct weir__rate_limit *limit = rule;

    if (limit->held)
        weir__pace_spread(&limit->gate_pace, limit->rtt_ns);
    weir__pace_take(&limit->gate_pace, now_ns);
}

static bool valid_rate(const struct weir_rate *rate)
{
    return rate->requests >= 1 && rate->requests <= WEIR_PERMITS_MAX && rate->burst <= rate->requests &&
           rate->per_ns >= 1000 && rate->per_ns <= WEIR_PERIOD_MAX_NS && rate->shape <= WEIR_SHAPE_PACED;
}

/* Permits of a rate limit that is only paced do not limit: enough that the concurrency limit never finds them out. */
static bool add_rate(struct weir__limits *limits, const struct weir_rate *rate)
{
    struct weir__rate_limit *limit = &limits->rates[limits->rate_count];
    const uint32_t number = limits->rate_count + 1;
    const struct weir__gate_rule rule = {next_by_pace, take_by_pace, limit, number};

    limit->shape = weir__hold_shape(rate->shape, rate->per_ns);
    limit->requests = rate->requests;
    limit->per_ns = rate->per_ns;
    limit->held = limit->shape != WEIR_SHAPE_PACED;
    limit->paced = limit->shape != WEIR_SHAPE_WINDOW;
    weir__units_format_rate(rate->requests, rate->per_ns, limit->name, sizeof limit->name);
    weir__pace_init(&limit->gate_pace, rate->requests, rate->per_ns, rate->burst);
    weir__pace_init(&limit->wire_pace, rate->requests, rate->per_ns, rate->burst);
    if (!weir__certificate_init(&limit->certificate, rate->per_ns, rate->requests + limits->concurrency))
        return false;
    limits->rate_count++;
    return weir__gate_add_limit(&limits->gate, limit->held ? rate->requests : limits->concurrency, limit->held) &&
           (!limit->paced || weir__gate_add_rule(&limits->gate, &rule));
}

enum weir_status weir__limits_init(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                                   size_t rate_count)
{
    bool made;

    if (concurrency < 1 || concurrency > WEIR_CONCURRENCY_MAX || rate_count > WEIR_RATES_MAX)
        return WEIR_INVALID;
    for (size_t i = 0; i < rate_count; i++)
        if (!valid_rate(&rates[i]))
            return WEIR_INVALID;

    memset(limits, 0, sizeof *limits);
    limits->concurrency = concurrency;
    if (!weir__mutex_init(&limits->lock))
        return WEIR_NO_MEMORY;
    if (!weir__gate_init(&limits->gate)) {
        weir__mutex_clear(&limits->lock);
        return WEIR_NO_MEMORY;
    }
    made = weir__gate_add_limit(&limits->gate, concurrency, false);
    for (size_t i = 0; made && i < rate_count; i++)
        made = add_rate(limits, &rates[i]);
    if (made)
        return WEIR_OK;
    weir__limits_clear(limits);
    return WEIR_NO_MEMORY;
}

void weir__limits_clear(struct weir__limits *limits)
{
    for (uint32_t i = 0; i < limits->rate_count; i++)
        weir__certificate_clear(&limits->rates[i].certificate);
    weir__gate_clear(&limits->gate);
    weir__mutex_clear(&limits->lock);
}

const char *weir__limits_name(const struct weir__limits *limits, uint32_t limit)
{
    return limit == WEIR__CONCURRENCY_LIMIT ? "concurrency" : limits->rates[limit - 1].name;
}

int64_t weir__limits_wire(struct weir__limits *limits, int64_t now_ns)
{
    int64_t at_ns = now_ns, next_ns;

    if (limits->rate_count == 0)
        return now_ns;
    weir__mutex_lock(&limits->lock);
    for (uint32_t i = 0; i < limits->rate_count; i++) {
        next_ns = weir__pace_next(&limits->rates[i].wire_pace);
        if (limits->rates[i].paced && next_ns > at_ns)
            at_ns = next_ns;
    }
    for (uint32_t i = 0; i < limits->rate_count; i++)
        weir__pace_take(&limits->rates[i].wire_pace, at_ns);
    weir__mutex_unlock(&limits->lock);
    return at_ns;
}

int64_t weir__limits_sent(struct weir__limits *limits, int64_t (*now)(void *context), void *context)
{
    int64_t now_ns;

    if (limits->rate_count == 0)
        return now(context);
    weir__mutex_lock(&limits->lock);
    now_ns = now(context);
    for (uint32_t i = 0; i < limits->rate_count; i++)
        weir__certificate_sent(&limits->rates[i].certificate, now_ns);
    weir__mutex_unlock(&limits->lock);
    return now_ns;
}

/* Gives every rate permit back: held from `now_ns`, or at once. */
static void give_back(struct weir__limits *limits, bool held, int64_t now_ns)
{
    for (uint32_t i = 0; i < limits->rate_count; i++) {
        const struct weir__rate_limit *limit = &limits->rates[i];
        if (held && limit->held)
            weir__gate_give_at(&limits->gate, i + 1, weir__hold_until(now_ns, limit->per_ns));
        else
            weir__gate_give(&limits->gate, i + 1);
    }
}

int64_t weir__limits_began(struct weir__limits *limits, int64_t sent_ns, int64_t (*now)(void *context), void *context)
{
    int64_t now_ns;

    if (limits->rate_count == 0)
        return now(context);
    weir__mutex_lock(&limits->lock);
    now_ns = now(context);
    for (uint32_t i = 0; i < limits->rate_count; i++) {
        limits->rates[i].rtt_ns += (now_ns - sent_ns - limits->rates[i].rtt_ns) / RTT_WEIGHT;
        weir__certificate_began(&limits->rates[i].certificate, now_ns);
    }
    weir__mutex_unlock(&limits->lock);
    give_back(limits, true, now_ns);
    return now_ns;
}

void weir__limits_gave_up(struct weir__limits *limits, int64_t (*now)(void *context), void *context)
{
    int64_t now_ns;

    if (limits->rate_count == 0)
        return;
    weir__mutex_lock(&limits->lock);
    now_ns = now(context);
    for (uint32_t i = 0; i < limits->rate_count; i++)
        weir__certificate_gave_up(&limits->rates[i].certificate, now_ns);
    weir__mutex_unlock(&limits->lock);
    give_back(limits, true, now_ns);
}

void weir__limits_unsent(struct weir__limits *limits)
{
    give_back(limits, false, 0);
}

void weir__limits_ended(struct weir__limits *limits)
{
    weir__gate_give(&limits->gate, WEIR__CONCURRENCY_LIMIT);
}

void weir__limits_stats(struct weir__limits *limits, uint32_t limit, struct weir_limit_stats *out)
{
    const struct weir__gate_tally tally = weir__gate_tally(&limits->gate, limit);

    *out = (struct weir_limit_stats){.waits = tally.waits, .wait_ns = tally.wait_ns, .permits = limits->concurrency};
    (void)snprintf(out->name, sizeof out->name, "%s", weir__limits_name(limits, limit));
    if (limit == WEIR__CONCURRENCY_LIMIT)
        return;
    const struct weir__rate_limit *rate = &limits->rates[limit - 1];
    out->permits = rate->requests;
    out->hold_ns = rate->per_ns;
    out->shape = rate->shape;
    weir__mutex_lock(&limits->lock);
    out->worst_window = rate->certificate.worst;
    out->uncertain = rate->certificate.uncertain;
    weir__mutex_unlock(&limits->lock);
}
