/* limits - see limits.h; here, what they do.  How they are made is in limits_make.c. */
#include "core/limits.h"

#include "base/clock.h"
#include "base/sync.h"
#include "core/limits_scope.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* A new round trip's weight is 1/32: the pace follows what is usual, not each response. */
#define RTT_WEIGHT 32

void weir__limits_lock(struct weir__limits *limits)
{
    struct weir__limits_state *state = limits->state;

    if (!state->shared)
        weir__mutex_lock(&state->lock);
    else if (!weir__mutex_lock_shared(&state->lock))
        weir__limits_mend(limits);
}

void weir__limits_unlock(struct weir__limits *limits)
{
    weir__mutex_unlock(&limits->state->lock);
}

/* One unit of what was sent before: if the period covers it, its permit is out, and pace and certificate see it. */
static void remember_one(struct weir__limits *limits, uint32_t number, int64_t ago_ns, int64_t now_ns)
{
    struct weir__rate_limit *limit = &limits->state->rates[number - 1];
    const int64_t at_ns = now_ns - ago_ns;

    if (ago_ns < limit->per_ns) {
        weir__certificate_sent(&limit->certificate, at_ns);
        weir__certificate_began(&limit->certificate, at_ns);
        weir__pace_take(&limit->gate_pace, at_ns);
        weir__pace_take(&limit->wire_pace, at_ns);
    }
    if (limit->held && ago_ns < weir__limits_hold(limit))
        (void)weir__gate_spend(&limits->gate, number, at_ns + weir__limits_hold(limit));
}

/*
 * No more than its permits, the newest: the rest is over before they are.  More there can be where the limit was
 * lowered since, and where a moment is told later than it was.
 */
static void remember(struct weir__limits *limits, uint32_t number, const struct weir_past_send *sends, size_t count,
                     int64_t now_ns)
{
    const uint32_t requests = limits->state->rates[number - 1].requests;
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
    for (uint32_t i = 1; !limits->remembers && count > 0 && i <= weir__limits_rate_count(limits); i++)
        remember(limits, i, sends, count, now_ns);
}

const char *weir__limits_name(struct weir__limits *limits, uint32_t limit, char out[WEIR__LIMIT_NAME_SIZE])
{
    if (limit == WEIR__GATE_NO_LIMIT || limit == WEIR__CONCURRENCY_LIMIT) {
        (void)snprintf(out, WEIR__LIMIT_NAME_SIZE, "%s", limit == WEIR__CONCURRENCY_LIMIT ? "concurrency" : "pause");
        return out;
    }
    weir__limits_lock(limits);
    (void)snprintf(out, WEIR__LIMIT_NAME_SIZE, "%s", limits->state->rates[limit - 1].name);
    weir__limits_unlock(limits);
    return out;
}

struct weir_event weir__limits_reached(struct weir__limits *limits, const struct weir__gate_answer *answer,
                                       int64_t now_ns, char name[WEIR__LIMIT_NAME_SIZE])
{
    return (struct weir_event){
        .type = WEIR_EVENT_LIMIT_REACHED,
        .detail = "",
        .limit_name = weir__limits_name(limits, answer->limit, name),
        .wait_ns = answer->not_before_ns == WEIR__NEVER ? -1 : answer->not_before_ns - now_ns,
    };
}

bool weir__limits_paused(const struct weir__limits *limits, int64_t now_ns)
{
    return now_ns < atomic_load_explicit(&limits->state->pause.until_ns, memory_order_relaxed);
}

/* Under the lock. */
static bool covered(const struct weir__limits *limits, uint32_t requests, int64_t per_ns)
{
    for (uint32_t i = 0; i < limits->state->rate_count; i++) {
        const struct weir__rate_limit *limit = &limits->state->rates[i];
        if (limit->held && limit->requests <= requests && limit->per_ns >= per_ns)
            return true;
    }
    return false;
}

bool weir__limits_cover(struct weir__limits *limits, uint32_t requests, int64_t per_ns)
{
    bool result;

    weir__limits_lock(limits);
    result = covered(limits, requests, per_ns);
    weir__limits_unlock(limits);
    return result;
}

/* Under the lock.  A free place among those for learned limits; NULL where there is none. */
static struct weir__rate_limit *learned_place(struct weir__limits *limits)
{
    uint32_t learned = 0;

    for (uint32_t i = 0; i < limits->state->rate_count; i++)
        learned += limits->state->rates[i].learned_from[0] != '\0';
    return learned < WEIR_LEARNED_MAX ? &limits->state->rates[limits->state->rate_count] : NULL;
}

/*
 * The entry is complete before the gate can ask its rule, and is counted when the gate has it: so whoever reads the
 * count finds what belongs to it.
 */
uint32_t weir__limits_adopt(struct weir__limits *limits, const struct weir_rate *rate, uint32_t left, int64_t now_ns,
                            int64_t back_ns, const char *field)
{
    struct weir__gate_rule rule;
    struct weir__rate_limit *limit = NULL;
    uint32_t number = 0;

    weir__limits_lock(limits);
    if (weir__limits_rate_valid(rate) && !covered(limits, rate->requests, rate->per_ns))
        limit = learned_place(limits);
    if (limit != NULL && weir__limits_make_rate(limits, limit, rate)) {
        (void)snprintf(limit->learned_from, sizeof limit->learned_from, "%s", field);
        rule = weir__limits_rule(limit, limits->state->rate_count + 1);
        number = weir__gate_adopt(&limits->gate, rate->requests, weir__limits_hold(limit), left,
                                  now_ns + (back_ns > 0 ? back_ns : weir__limits_hold(limit)), &rule);
        if (number != 0)
            limits->state->rate_count++;
        else if (!limits->state->shared)
            weir__certificate_clear(&limit->certificate);
    }
    if (limit != NULL && number == 0)
        memset(limit, 0, sizeof *limit);
    weir__limits_unlock(limits);
    return number;
}

int64_t weir__limits_wire(struct weir__limits *limits, int64_t now_ns, int64_t latest_ns)
{
    int64_t at_ns = now_ns, next_ns;

    if (limits->state->rate_count == 0)
        return now_ns;
    weir__limits_lock(limits);
    for (uint32_t i = 0; i < limits->state->rate_count; i++) {
        next_ns = weir__pace_next(&limits->state->rates[i].wire_pace);
        if (limits->state->rates[i].paced && next_ns > at_ns)
            at_ns = next_ns;
    }
    for (uint32_t i = 0; at_ns < latest_ns && i < limits->state->rate_count; i++)
        weir__pace_take(&limits->state->rates[i].wire_pace, at_ns);
    weir__limits_unlock(limits);
    return at_ns;
}

int64_t weir__limits_sent(struct weir__limits *limits, struct weir__ticket *ticket, int64_t ready_ns,
                          int64_t (*now)(void *context), void *context)
{
    int64_t now_ns;

    if (limits->state->rate_count == 0)
        return ready_ns;
    weir__limits_lock(limits);
    now_ns = now(context);
    ticket->counted = limits->state->rate_count;
    weir__limits_scope_settle(limits);
    for (uint32_t i = 0; i < ticket->counted; i++) {
        weir__certificate_sent(&limits->state->rates[i].certificate, now_ns);
        weir__limits_scope_count(limits, i, 1);
    }
    weir__limits_unlock(limits);
    return now_ns;
}

int64_t weir__limits_began(struct weir__limits *limits, struct weir__ticket *ticket, int64_t sent_ns,
                           int64_t (*now)(void *context), void *context)
{
    int64_t now_ns;

    if (ticket->counted > 0) {
        weir__limits_lock(limits);
        now_ns = now(context);
        weir__limits_scope_settle(limits);
        for (uint32_t i = 0; i < ticket->counted; i++) {
            limits->state->rates[i].rtt_ns += (now_ns - sent_ns - limits->state->rates[i].rtt_ns) / RTT_WEIGHT;
            weir__certificate_began(&limits->state->rates[i].certificate, now_ns);
            weir__limits_scope_count(limits, i, -1);
        }
        weir__limits_unlock(limits);
    } else {
        now_ns = now(context);
    }
    if (ticket->held <= 1 && limits->state->rate_count == 0)
        return now_ns; /* nothing to give back yet: the gate is told at the end, with one lock less */
    ticket->answered = true;
    weir__gate_answered(&limits->gate, ticket->held, now_ns);
    return now_ns;
}

void weir__limits_gave_up(struct weir__limits *limits, struct weir__ticket *ticket, int64_t (*now)(void *context),
                          void *context)
{
    int64_t now_ns;

    weir__limits_lock(limits);
    now_ns = now(context);
    weir__limits_scope_settle(limits);
    for (uint32_t i = 0; i < ticket->counted; i++) {
        weir__certificate_gave_up(&limits->state->rates[i].certificate, now_ns);
        weir__limits_scope_count(limits, i, -1);
    }
    weir__limits_unlock(limits);
    ticket->answered = true;
    weir__gate_answered(&limits->gate, ticket->held, now_ns);
}

void weir__limits_withdraw(struct weir__limits *limits, struct weir__ticket *ticket)
{
    weir__limits_lock(limits);
    for (uint32_t i = 0; i < ticket->counted; i++) {
        weir__certificate_withdraw(&limits->state->rates[i].certificate);
        weir__limits_scope_count(limits, i, -1);
    }
    ticket->counted = 0;
    weir__limits_unlock(limits);
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

    *out = (struct weir_limit_stats){
        .waits = tally.waits, .wait_ns = tally.wait_ns, .permits = limits->state->concurrency};
    (void)weir__limits_name(limits, limit, out->name);
    if (limit == WEIR__CONCURRENCY_LIMIT)
        return;
    const struct weir__rate_limit *rate = &limits->state->rates[limit - 1];
    weir__limits_lock(limits);
    out->permits = rate->requests;
    out->hold_ns = rate->per_ns;
    out->shape = rate->shape;
    (void)snprintf(out->learned_from, sizeof out->learned_from, "%s", rate->learned_from);
    out->worst_window = rate->certificate.worst;
    out->uncertain = rate->certificate.uncertain;
    weir__limits_unlock(limits);
}
