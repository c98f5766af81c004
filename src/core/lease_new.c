/* lease_new - limits of their own or of a dispatcher's: made, changed, looked at.  See lease.h. */
#include "core/lease_parts.h"

#include "base/clock.h"
#include "base/process.h"
#include "base/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Limits without a dispatcher, with what it would have. */
struct alone {
    struct weir_limits lease; /* first */
    struct weir__limits limits;
    struct weir__pushback pushback;
    struct weir__statistics statistics;
};

bool weir__lease_init(struct weir_limits *lease, const struct weir__env *env, const char *scope,
                      struct weir__limits *owner, struct weir__pushback *pushback, struct weir__pool *pool)
{
    *lease = (struct weir_limits){
        .env = env, .owner = owner, .pushback = pushback, .pool = pool, .free_slot = WEIR__LEASE_NO_SLOT};
    if (scope != NULL)
        (void)snprintf(lease->scope, sizeof lease->scope, "%s", scope);
    lease->forks = weir__process_forks();
    if (weir__mutex_init(&lease->lock))
        return true;
    lease->owner = NULL;
    return false;
}

void weir__lease_clear(struct weir_limits *lease)
{
    if (lease->owner == NULL)
        return;
    if (lease->limits == &lease->second)
        weir__limits_close(&lease->second, lease->env->now_ns(lease->env->context));
    weir__mutex_clear(&lease->lock);
    free(lease->slots);
    lease->slots = NULL;
    lease->owner = NULL;
}

/* In a scope the second party is one like any other; else it has the dispatcher's gate. */
enum weir_status weir__lease_take_seat(struct weir_limits *lease)
{
    enum weir_status status = WEIR_OK;

    if (lease->limits != NULL)
        return WEIR_OK;
    if (lease->owner->seats != NULL)
        status = weir__limits_open(&lease->second, lease->scope, 0, NULL, 0, lease->env->now_ns(lease->env->context));
    else if (!weir__limits_join(&lease->second, lease->owner))
        status = WEIR_NO_MEMORY;
    if (status != WEIR_OK)
        return status;
    lease->second.gate.crowd = lease->owner->gate.crowd; /* before its first ask */
    weir__gate_close(&lease->second.gate, lease->paused);
    lease->limits = &lease->second;
    return WEIR_OK;
}

static bool valid(const struct weir_limits_options *o)
{
    return o->struct_size == sizeof *o && (o->rates != NULL || o->rate_count == 0) && o->backoff_ns >= 0 &&
           o->backoff_max_ns >= 0;
}

static bool make_pushback(struct alone *alone, const struct weir_limits_options *o)
{
    const struct weir__pushback_rules rules = {
        .backoff_ns = o->backoff_ns, .backoff_max_ns = o->backoff_max_ns, .pause_max_ns = -1, .learn = o->learn_rate};
    const uint64_t seed = (uint64_t)weir__clock_wall_ns() ^ (uint64_t)(uintptr_t)alone; /* for jitter alone */

    return weir__pushback_init(&alone->pushback, &alone->limits, &alone->statistics, &rules, seed);
}

enum weir_status weir_limits_new(const struct weir_limits_options *options, struct weir_limits **out)
{
    struct alone *alone;
    enum weir_status status;

    if (options == NULL || out == NULL || !valid(options))
        return WEIR_INVALID;
    alone = calloc(1, sizeof *alone);
    if (alone == NULL)
        return WEIR_NO_MEMORY;
    status = weir__limits_open(&alone->limits, options->scope, options->concurrency, options->rates,
                               options->rate_count, weir__clock_now_ns());
    if (status != WEIR_OK)
        goto no_limits;
    status = WEIR_NO_MEMORY;
    if (!weir__statistics_init(&alone->statistics))
        goto no_statistics;
    if (!make_pushback(alone, options))
        goto no_pushback;
    if (!weir__lease_init(&alone->lease, &weir__env_real, options->scope, &alone->limits, &alone->pushback, NULL))
        goto no_lease;
    alone->lease.limits = &alone->limits;
    alone->lease.on_event = options->on_event;
    alone->lease.event_user_data = options->event_user_data;
    *out = &alone->lease;
    return WEIR_OK;

no_lease:
    weir__pushback_clear(&alone->pushback);
no_pushback:
    weir__statistics_clear(&alone->statistics);
no_statistics:
    weir__limits_close(&alone->limits, weir__clock_now_ns());
no_limits:
    free(alone);
    return status;
}

void weir_limits_free(struct weir_limits *limits)
{
    struct alone *alone = (struct alone *)limits;

    if (limits == NULL || limits->pool != NULL || weir__lease_inherited(limits))
        return;
    weir__lease_clear(limits);
    weir__pushback_clear(&alone->pushback);
    weir__statistics_clear(&alone->statistics);
    weir__limits_close(&alone->limits, weir__clock_now_ns());
    free(alone);
}

void weir_limits_stop(struct weir_limits *limits)
{
    if (limits != NULL && limits->pool == NULL && !weir__lease_inherited(limits))
        weir__lease_stop(limits);
}

static void set_paused(struct weir_limits *limits, bool paused)
{
    if (limits == NULL || weir__lease_inherited(limits))
        return;
    weir__mutex_lock(&limits->lock);
    limits->paused = paused;
    weir__gate_close(&limits->owner->gate, paused);
    if (limits->limits == &limits->second)
        weir__gate_close(&limits->second.gate, paused);
    weir__mutex_unlock(&limits->lock);
    weir__lease_notice(limits);
}

void weir_limits_pause(struct weir_limits *limits)
{
    set_paused(limits, true);
}

void weir_limits_resume(struct weir_limits *limits)
{
    set_paused(limits, false);
}

enum weir_status weir_limits_set_concurrency(struct weir_limits *limits, uint32_t concurrency)
{
    enum weir_status status;

    if (limits == NULL)
        return WEIR_INVALID;
    if (weir__lease_inherited(limits))
        return WEIR_FORKED;
    status = weir__limits_set_concurrency(limits->owner, concurrency);
    weir__lease_notice(limits);
    return status;
}

enum weir_status weir_limits_set_rate(struct weir_limits *limits, uint32_t number, const struct weir_rate *rate)
{
    enum weir_status status;

    if (limits == NULL || rate == NULL)
        return WEIR_INVALID;
    if (weir__lease_inherited(limits))
        return WEIR_FORKED;
    status = weir__limits_set_rate(limits->owner, number, rate);
    weir__lease_notice(limits);
    return status;
}

/* What requests that are not the dispatcher's waited. */
static void add_second(struct weir_limits *limits, uint32_t limit, struct weir_limit_stats *out)
{
    struct weir__gate_tally tally;
    bool two;

    weir__mutex_lock(&limits->lock);
    two = limits->limits == &limits->second;
    weir__mutex_unlock(&limits->lock);
    if (!two)
        return;
    tally = weir__gate_tally(&limits->second.gate, limit);
    out->waits += tally.waits;
    out->wait_ns += tally.wait_ns;
}

void weir_limits_snapshot(struct weir_limits *limits, struct weir_limits_stats *out)
{
    struct weir__gate_crowd crowd;

    if (limits == NULL || out == NULL || out->struct_size != sizeof *out || weir__lease_inherited(limits))
        return;
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    weir__pushback_read(limits->pushback, limits->env->now_ns(limits->env->context), &out->pause, &out->refusals, NULL);
    weir__limits_look(limits->owner, limits->env->now_ns(limits->env->context));
    crowd = weir__gate_crowd(&limits->owner->gate);
    out->in_flight = crowd.out;
    out->peak_in_flight = crowd.peak;
    out->parties = weir__gate_parties(&limits->owner->gate);
    out->limit_count = (size_t)weir__limits_rate_count(limits->owner) + 1;
    for (uint32_t i = 0; i < out->limit_count; i++) {
        weir__limits_stats(limits->owner, i, &out->limits[i]);
        add_second(limits, i, &out->limits[i]);
    }
}
