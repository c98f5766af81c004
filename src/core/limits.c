/* limits - see limits.h */
#include "core/limits.h"

#include "base/sync.h"
#include "base/units.h"
#include "policy/hold.h"

#include <stdatomic.h>
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

static int64_t next_by_pause(void *rule)
{
    return weir__pause_next(rule);
}

static void take_by_pause(void *rule, int64_t now_ns)
{
    weir__pause_take(rule, now_ns);
}

static bool valid_rate(const struct weir_rate *rate)
{
    return rate->requests >= 1 && rate->requests <= WEIR_PERMITS_MAX && rate->burst <= rate->requests &&
           rate->per_ns >= 1000 && rate->per_ns <= WEIR_PERIOD_MAX_NS && rate->shape <= WEIR_SHAPE_PACED;
}

/* False without memory for its certificate. */
static bool make_rate(struct weir__rate_limit *limit, const struct weir_rate *rate, uint32_t concurrency)
{
    limit->shape = weir__hold_shape(rate->shape, rate->per_ns);
    limit->requests = rate->requests;
    limit->per_ns = rate->per_ns;
    limit->held = limit->shape != WEIR_SHAPE_PACED;
    limit->paced = limit->shape != WEIR_SHAPE_WINDOW;
    weir__units_format_rate(rate->requests, rate->per_ns, limit->name, sizeof limit->name);
    weir__pace_init(&limit->gate_pace, rate->requests, rate->per_ns, rate->burst);
    weir__pace_init(&limit->wire_pace, rate->requests, rate->per_ns, rate->burst);
    return weir__certificate_init(&limit->certificate, rate->per_ns, rate->requests + concurrency);
}

static int64_t hold_of(const struct weir__rate_limit *limit)
{
    return limit->held ? weir__hold_until(0, limit->per_ns) : 0;
}

/* Permits of a rate limit that is only paced do not limit: enough that the concurrency limit never finds them out. */
static bool add_rate(struct weir__limits *limits, const struct weir_rate *rate)
{
    struct weir__rate_limit *limit = &limits->rates[limits->rate_count];
    const struct weir__gate_rule rule = {next_by_pace, take_by_pace, limit, limits->rate_count + 1};

    if (!make_rate(limit, rate, limits->concurrency))
        return false;
    limits->rate_count++;
    return weir__gate_add_limit(&limits->gate, limit->held ? rate->requests : limits->concurrency, hold_of(limit)) &&
           (!limit->paced || weir__gate_add_rule(&limits->gate, &rule));
}

enum weir_status weir__limits_init(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                                   size_t rate_count)
{
    const struct weir__gate_rule pause = {next_by_pause, take_by_pause, &limits->pause, WEIR__GATE_NO_LIMIT};
    bool made;

    if (concurrency < 1 || concurrency > WEIR_CONCURRENCY_MAX || rate_count > WEIR_RATES_MAX)
        return WEIR_INVALID;
    for (size_t i = 0; i < rate_count; i++)
        if (!valid_rate(&rates[i]))
            return WEIR_INVALID;

    memset(limits, 0, sizeof *limits);
    limits->concurrency = concurrency;
    weir__pause_init(&limits->pause);
    if (!weir__mutex_init(&limits->lock))
        return WEIR_NO_MEMORY;
    if (!weir__gate_init(&limits->gate)) {
        weir__mutex_clear(&limits->lock);
        return WEIR_NO_MEMORY;
    }
    made = weir__gate_add_limit(&limits->gate, concurrency, 0) && weir__gate_add_rule(&limits->gate, &pause);
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

/* One unit of what was sent before: if the period covers it, its permit is out, and pace and certificate see it. */
static void remember_one(struct weir__limits *limits, uint32_t number, int64_t ago_ns, int64_t now_ns)
{
    struct weir__rate_limit *limit = &limits->rates[number - 1];
    const int64_t at_ns = now_ns - ago_ns;

    if (ago_ns < limit->per_ns) {
        weir__certificate_sent(&limit->certificate, at_ns);
        weir__certificate_began(&limit->certificate, at_ns);
        weir__pace_take(&limit->gate_pace, at_ns);
        weir__pace_take(&limit->wire_pace, at_ns);
    }
    if (limit->held && ago_ns < hold_of(limit))
        (void)weir__gate_spend(&limits->gate, number, at_ns + hold_of(limit));
}

/*
 * No more than its permits, the newest: the rest is over before they are.  More there can be where the limit was
 * lowered since, and where a moment is told later than it was.
 */
static void remember(struct weir__limits *limits, uint32_t number, const struct weir_past_send *sends, size_t count,
                     int64_t now_ns)
{
    const uint32_t requests = limits->rates[number - 1].requests;
    uint64_t rest = 0;

    for (size_t i = 0; i < count; i++)
        rest += sends[i].count;
    for (size_t i = 0; i < count; i++) {
        const uint64_t too_old = rest > requests ? rest - requests : 0;
        rest -= sends[i].count;
        for (uint64_t n = too_old < sends[i].count ? too_old : sends[i].count; n < sends[i].count; n++)
            remember_one(limits, number, sends[i].ago_ns, now_ns);
    }
}

void weir__limits_remember(struct weir__limits *limits, const struct weir_past_send *sends, size_t count,
                           int64_t now_ns)
{
    for (uint32_t i = 1; count > 0 && i <= limits->rate_count; i++)
        remember(limits, i, sends, count, now_ns);
}

const char *weir__limits_name(const struct weir__limits *limits, uint32_t limit)
{
    if (limit == WEIR__GATE_NO_LIMIT)
        return "pause";
    return limit == WEIR__CONCURRENCY_LIMIT ? "concurrency" : limits->rates[limit - 1].name;
}

bool weir__limits_paused(const struct weir__limits *limits, int64_t now_ns)
{
    return now_ns < atomic_load_explicit(&limits->pause.until_ns, memory_order_relaxed);
}

/* Under the lock. */
static bool covered(const struct weir__limits *limits, uint32_t requests, int64_t per_ns)
{
    for (uint32_t i = 0; i < limits->rate_count; i++) {
        const struct weir__rate_limit *limit = &limits->rates[i];
        if (limit->held && limit->requests <= requests && limit->per_ns >= per_ns)
            return true;
    }
    return false;
}

bool weir__limits_cover(struct weir__limits *limits, uint32_t requests, int64_t per_ns)
{
    bool result;

    weir__mutex_lock(&limits->lock);
    result = covered(limits, requests, per_ns);
    weir__mutex_unlock(&limits->lock);
    return result;
}

/* Under the lock.  A free place among those for learned limits; NULL where there is none. */
static struct weir__rate_limit *learned_place(struct weir__limits *limits)
{
    uint32_t learned = 0;

    for (uint32_t i = 0; i < limits->rate_count; i++)
        learned += limits->rates[i].learned_from[0] != '\0';
    return learned < WEIR_LEARNED_MAX ? &limits->rates[limits->rate_count] : NULL;
}

/*
 * The entry is complete before the gate can ask its rule, and is counted when the gate has it: so whoever reads the
 * count finds what belongs to it.
 */
uint32_t weir__limits_adopt(struct weir__limits *limits, const struct weir_rate *rate, uint32_t left, int64_t now_ns,
                            int64_t back_ns, const char *field)
{
    struct weir__gate_rule rule = {next_by_pace, take_by_pace, NULL, 0};
    struct weir__rate_limit *limit = NULL;
    uint32_t number = 0;

    weir__mutex_lock(&limits->lock);
    if (valid_rate(rate) && !covered(limits, rate->requests, rate->per_ns))
        limit = learned_place(limits);
    if (limit != NULL && make_rate(limit, rate, limits->concurrency)) {
        (void)snprintf(limit->learned_from, sizeof limit->learned_from, "%s", field);
        rule.rule = limit;
        rule.limit = limits->rate_count + 1;
        number = weir__gate_adopt(&limits->gate, rate->requests, hold_of(limit), left,
                                  now_ns + (back_ns > 0 ? back_ns : hold_of(limit)), limit->paced ? &rule : NULL);
        if (number == 0)
            weir__certificate_clear(&limit->certificate);
        else
            limits->rate_count++;
    }
    if (limit != NULL && number == 0)
        memset(limit, 0, sizeof *limit);
    weir__mutex_unlock(&limits->lock);
    return number;
}

int64_t weir__limits_wire(struct weir__limits *limits, int64_t now_ns, int64_t latest_ns)
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
    for (uint32_t i = 0; at_ns < latest_ns && i < limits->rate_count; i++)
        weir__pace_take(&limits->rates[i].wire_pace, at_ns);
    weir__mutex_unlock(&limits->lock);
    return at_ns;
}

int64_t weir__limits_sent(struct weir__limits *limits, struct weir__ticket *ticket, int64_t ready_ns,
                          int64_t (*now)(void *context), void *context)
{
    int64_t now_ns;

    if (limits->rate_count == 0)
        return ready_ns;
    weir__mutex_lock(&limits->lock);
    now_ns = now(context);
    ticket->counted = limits->rate_count;
    for (uint32_t i = 0; i < ticket->counted; i++)
        weir__certificate_sent(&limits->rates[i].certificate, now_ns);
    weir__mutex_unlock(&limits->lock);
    return now_ns;
}

int64_t weir__limits_began(struct weir__limits *limits, struct weir__ticket *ticket, int64_t sent_ns,
                           int64_t (*now)(void *context), void *context)
{
    int64_t now_ns;

    if (ticket->counted > 0) {
        weir__mutex_lock(&limits->lock);
        now_ns = now(context);
        for (uint32_t i = 0; i < ticket->counted; i++) {
            limits->rates[i].rtt_ns += (now_ns - sent_ns - limits->rates[i].rtt_ns) / RTT_WEIGHT;
            weir__certificate_began(&limits->rates[i].certificate, now_ns);
        }
        weir__mutex_unlock(&limits->lock);
    } else {
        now_ns = now(context);
    }
    if (ticket->held <= 1 && limits->rate_count == 0)
        return now_ns; /* nothing to give back yet: the gate is told at the end, with one lock less */
    ticket->answered = true;
    weir__gate_answered(&limits->gate, ticket->held, now_ns);
    return now_ns;
}

void weir__limits_gave_up(struct weir__limits *limits, struct weir__ticket *ticket, int64_t (*now)(void *context),
                          void *context)
{
    int64_t now_ns;

    weir__mutex_lock(&limits->lock);
    now_ns = now(context);
    for (uint32_t i = 0; i < ticket->counted; i++)
        weir__certificate_gave_up(&limits->rates[i].certificate, now_ns);
    weir__mutex_unlock(&limits->lock);
    ticket->answered = true;
    weir__gate_answered(&limits->gate, ticket->held, now_ns);
}

void weir__limits_unsent(struct weir__limits *limits, struct weir__ticket *ticket)
{
    ticket->answered = true;
    weir__gate_unsent(&limits->gate, ticket->held);
}

void weir__limits_ended(struct weir__limits *limits, const struct weir__ticket *ticket, int64_t now_ns)
{
    if (ticket->answered)
        weir__gate_give(&limits->gate);
    else
        weir__gate_over(&limits->gate, ticket->held, now_ns);
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
    (void)snprintf(out->learned_from, sizeof out->learned_from, "%s", rate->learned_from);
    weir__mutex_lock(&limits->lock);
    out->worst_window = rate->certificate.worst;
    out->uncertain = rate->certificate.uncertain;
    weir__mutex_unlock(&limits->lock);
}
