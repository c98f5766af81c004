/*
 * dispatcher - see dispatcher.h.
 *
 * Life: new (no thread) -> submit, which starts workers as they are needed -> drain, stop or abort -> free, which joins
 * them.
 */
#include "core/dispatcher.h"

#include "base/clock.h"
#include "base/process.h"
#include "pool/loop.h"

#include <stdlib.h>

static bool make_pushback(struct weir *weir, const struct weir_options *o, uint64_t seed)
{
    const struct weir__pushback_rules rules = {
        .backoff_ns = o->backoff_ns,
        .backoff_max_ns = o->backoff_max_ns,
        .pause_max_ns = o->pause_max_ns,
        .budget = o->retry_budget,
        .learn = o->learn_rate,
    };

    /* for jitter: two dispatchers need not draw the same, and that is all */
    if (seed == 0)
        seed = (uint64_t)weir__clock_wall_ns() ^ (uint64_t)(uintptr_t)weir;
    return weir__pushback_init(&weir->pushback, &weir->limits, &weir->statistics, &rules, seed);
}

void weir__dispatcher_tell(struct weir *weir, const struct weir_event *event)
{
    if (weir->on_event == NULL)
        return;
    weir__dispatcher_before_call(weir);
    weir->on_event(weir->event_user_data, event);
    weir__dispatcher_after_call(weir);
}

static void tell_limit(struct weir *weir, const struct weir__gate_answer *answer, int64_t now_ns)
{
    char name[WEIR__LIMIT_NAME_SIZE];
    struct weir_event event;

    if (weir->on_event == NULL)
        return;
    event = weir__limits_reached(&weir->limits, answer, now_ns, name);
    weir__dispatcher_tell(weir, &event);
}

/* Nothing is sent, and no job accepted, any more. */
static void stop(struct weir *weir)
{
    weir__pool_stop(&weir->pool);
    weir__lease_stop(&weir->lease);
    weir__completions_close(&weir->completions);
    if (weir__dispatcher_left(weir))
        weir__pool_abandon(&weir->pool);
}

/* A pause without a job that has to wait for it is nobody's trouble: so it is looked at here. */
static void give_up_if_too_long(struct weir *weir, int64_t now_ns)
{
    char reason[sizeof weir->pushback.stats.reason];
    struct weir_event event = {.type = WEIR_EVENT_GAVE_UP, .detail = reason, .limit_name = ""};

    if (!weir__pushback_too_long(&weir->pushback, now_ns, &event.wait_ns) ||
        atomic_exchange(&weir->pushback.gave_up, true))
        return;
    weir__pushback_reason(&weir->pushback, reason, sizeof reason);
    weir__dispatcher_tell(weir, &event); /* before the stop: then nobody can have seen the end of the run yet */
    stop(weir);
}

/* The pool's `reached`. */
static void take_reached(void *context, const struct weir__gate_answer *answer, int64_t now_ns)
{
    struct weir *weir = context;

    if (answer->cause == WEIR__GATE_PAUSE)
        give_up_if_too_long(weir, now_ns);
    else
        tell_limit(weir, answer, now_ns);
}

static bool make_pool(struct weir *weir, const struct weir_options *o)
{
    const struct weir__pool_ops ops = {
        .enter = weir__attempt_enter,
        .leave = weir__attempt_leave,
        .run = weir__attempt_run,
        .drop = weir__sequel_drop,
        .expire = weir__sequel_expire,
        .cut = weir__attempt_cut,
        .reached = take_reached,
        .context = weir,
        .poll = weir__attempt_poll,
        .rouse = weir__attempt_rouse,
    };

    if (!weir__pool_init(&weir->pool, &weir->env, &weir->limits.gate, &ops, weir__settings_workers(o), o->queue_max))
        return false;
    weir->pool.lifetime_ns = o->deadline_ns;
    return true;
}

/* One for each loop, if there are any.  What there is, the caller frees. */
static enum weir_status make_reactors(struct weir *weir, const struct weir_options *o)
{
    const uint32_t count = weir__settings_loops(o);

    if (count == 0)
        return WEIR_OK;
    weir->reactors = calloc(count, sizeof *weir->reactors);
    if (weir->reactors == NULL)
        return WEIR_NO_MEMORY;
    while (weir->reactor_count < count) {
        /* a loop gets no more places than its share */
        weir->reactors[weir->reactor_count] =
            weir->transport->reactor_new(weir->transport, (weir__settings_workers(o) + count - 1) / count);
        if (weir->reactors[weir->reactor_count] == NULL)
            return WEIR_RESOURCE;
        weir->reactor_count++;
    }
    return weir__loop_init(&weir->pool, weir->reactors, count) ? WEIR_OK : WEIR_NO_MEMORY;
}

enum weir_status weir__dispatcher_new(const struct weir_options *options, const struct weir__outside *outside,
                                      struct weir **out)
{
    struct weir__transport_options transport;
    struct weir *weir = NULL;
    enum weir_status status = WEIR_INVALID;

    if (options == NULL || out == NULL || !weir__settings_valid(options))
        goto no_weir;
    status = WEIR_NO_MEMORY;
    weir = calloc(1, sizeof *weir);
    if (weir == NULL)
        goto no_weir;
    weir->env = *outside->env;
    weir->on_event = options->on_event;
    weir->event_user_data = options->event_user_data;
    status = weir__limits_open(&weir->limits, options->scope, options->concurrency, options->rates, options->rate_count,
                               weir->env.now_ns(weir->env.context));
    if (status != WEIR_OK)
        goto no_limits;
    status = WEIR_NO_MEMORY;
    if (!make_pushback(weir, options, outside->seed))
        goto no_pushback;
    if (!weir__statistics_init(&weir->statistics))
        goto no_statistics;
    if (!weir__job_stock_init(&weir->stock))
        goto no_stock;
    if (options->completion_max > 0 &&
        (status = weir__completions_init(&weir->completions, &weir->env, options->completion_max)) != WEIR_OK)
        goto no_completions;
    status = WEIR_NO_MEMORY;
    if (!weir__settings_copy(weir, options, &transport) || !make_pool(weir, options))
        goto no_pool;
    if (!weir__lease_init(&weir->lease, &weir->env, options->scope, &weir->limits, &weir->pushback, &weir->pool))
        goto no_lease;
    weir->lease.on_event = options->on_event;
    weir->lease.event_user_data = options->event_user_data;
    weir->transport = outside->transport;
    if (weir->transport == NULL && (status = weir__easy_new(&transport, &weir->transport)) != WEIR_OK)
        goto no_transport;
    status = make_reactors(weir, options);
    if (status != WEIR_OK)
        goto no_reactors;
    weir->started_ns = weir->env.now_ns(weir->env.context);
    weir__limits_remember(&weir->limits, options->past_sends, options->past_send_count, weir->started_ns);
    weir->forks = weir__process_forks();
    weir->guest.leave = weir__dispatcher_leaving;
    weir__process_join(&weir->guest);
    *out = weir;
    return WEIR_OK;

no_reactors:
    weir__attempt_close(weir);
    if (outside->transport == NULL)
        weir->transport->free(weir->transport);
no_transport:
    weir__lease_clear(&weir->lease);
no_lease:
    weir__pool_clear(&weir->pool);
no_pool:
    free(weir->texts);
    free(weir->statuses);
    weir__completions_clear(&weir->completions);
no_completions:
    weir__job_stock_clear(&weir->stock);
no_stock:
    weir__statistics_clear(&weir->statistics);
no_statistics:
    weir__pushback_clear(&weir->pushback);
no_pushback:
    weir__limits_clear(&weir->limits);
no_limits:
    free(weir);
no_weir:
    if (outside->transport != NULL)
        outside->transport->free(outside->transport);
    return status;
}

enum weir_status weir_new(const struct weir_options *options, struct weir **out)
{
    const struct weir__outside real = {&weir__env_real, NULL, 0};
    return weir__dispatcher_new(options, &real, out);
}

int64_t weir__dispatcher_deadline(struct weir *weir, int64_t timeout_ns)
{
    if (weir__dispatcher_left(weir))
        timeout_ns = 0;
    return timeout_ns < 0 ? WEIR__NEVER : weir__clock_after(weir->env.now_ns(weir->env.context), timeout_ns);
}

enum weir_status weir_cancel(struct weir *weir, uint64_t job_id)
{
    if (weir == NULL)
        return WEIR_INVALID;
    if (weir__dispatcher_inherited(weir))
        return WEIR_FORKED;
    return weir__pool_cancel(&weir->pool, job_id) ? WEIR_OK : WEIR_NOT_FOUND;
}

enum weir_status weir_wait(struct weir *weir, int64_t timeout_ns)
{
    if (weir == NULL)
        return WEIR_INVALID;
    if (weir__dispatcher_inherited(weir))
        return WEIR_FORKED;
    return weir__pool_wait(&weir->pool, weir__dispatcher_deadline(weir, timeout_ns)) ? WEIR_OK : WEIR_TIMEOUT;
}

enum weir_status weir_drain(struct weir *weir, int64_t timeout_ns)
{
    if (weir != NULL && !weir__dispatcher_inherited(weir)) {
        weir__pool_drain(&weir->pool);
        weir__completions_close(&weir->completions);
    }
    return weir_wait(weir, timeout_ns);
}

void weir_stop(struct weir *weir)
{
    if (weir != NULL && !weir__dispatcher_inherited(weir))
        stop(weir);
}

void weir_abort(struct weir *weir)
{
    if (weir == NULL || weir__dispatcher_inherited(weir))
        return;
    stop(weir);
    weir->transport->abort(weir->transport);
}

void weir_free(struct weir *weir)
{
    if (weir == NULL || weir__dispatcher_inherited(weir))
        return;
    weir_abort(weir);
    if (weir__dispatcher_left(weir))
        return; /* its workers stand where they are for ever */
    weir__pool_close(&weir->pool);
    weir__attempt_close(weir);        /* TLS says goodbye here too: the reactors have the kept connections */
    weir__process_part(&weir->guest); /* not before: an exit() meanwhile waits for the workers as well */
    weir__pool_clear(&weir->pool);
    weir->transport->free(weir->transport);
    weir__lease_clear(&weir->lease);
    weir__completions_clear(&weir->completions);
    weir__job_stock_clear(&weir->stock);
    weir__statistics_clear(&weir->statistics);
    weir__pushback_clear(&weir->pushback);
    weir__limits_clear(&weir->limits);
    free(weir->statuses);
    free(weir->texts);
    free(weir);
}

struct weir_limits *weir_limits_of(struct weir *weir)
{
    return weir == NULL || weir__dispatcher_inherited(weir) ? NULL : &weir->lease;
}

int weir_completion_fd(const struct weir *weir)
{
    return weir == NULL || weir__dispatcher_inherited(weir) || weir->completions.capacity == 0 ? -1
                                                                                               : weir->completions.fd;
}

const struct weir_result *weir_take_result(struct weir *weir, int64_t timeout_ns)
{
    struct weir__completion *node;
    int64_t until_ns;

    if (weir == NULL || weir__dispatcher_inherited(weir))
        return NULL;
    until_ns = weir__dispatcher_deadline(weir, timeout_ns);
    node = weir__completions_take(&weir->completions, until_ns);
    if (node != NULL)
        return &node->result;
    if (timeout_ns != 0) /* the last one can have been taken before its worker was done with it: now it is */
        (void)weir__pool_wait(&weir->pool, until_ns);
    return NULL;
}

void weir_result_free(const struct weir_result *result)
{
    free((void *)result); /* the first member of its node */
}

void weir_snapshot(struct weir *weir, struct weir_stats *out)
{
    struct weir__pool_tally tally;
    struct weir__gate_tally concurrency;

    if (weir == NULL || out == NULL || out->struct_size != sizeof *out || weir__dispatcher_inherited(weir))
        return;
    weir__statistics_read(&weir->statistics, out);
    tally = weir__pool_tally(&weir->pool); /* afterwards: never fewer are accepted than have ended */
    out->accepted = tally.accepted;
    concurrency = weir__gate_tally(&weir->limits.gate, WEIR__CONCURRENCY_LIMIT);
    out->in_flight = concurrency.out;
    out->peak_in_flight = concurrency.out_peak;
    out->queued = tally.queued;
    out->backed_off = tally.backed_off;
    out->workers = tally.workers;
    out->elapsed_ns = tally.now_ns - weir->started_ns;
    out->time = (struct weir_time_stats){
        .sending_ns = tally.spent_ns[WEIR__POOL_RUNNING],
        .permit_wait_ns = tally.spent_ns[WEIR__POOL_PERMIT],
        .pace_wait_ns = tally.spent_ns[WEIR__POOL_PACE],
        .paused_ns = tally.spent_ns[WEIR__POOL_PAUSE],
        .backoff_ns = tally.spent_ns[WEIR__POOL_BACKOFF],
    };
    /* a worker that has not started yet is as idle as one can be */
    out->time.idle_ns = (int64_t)tally.workers * out->elapsed_ns - out->time.sending_ns - out->time.permit_wait_ns -
                        out->time.pace_wait_ns - out->time.paused_ns - out->time.backoff_ns;
    weir__pushback_read(&weir->pushback, tally.now_ns, &out->pause, &out->refusals, &out->budget_denied);
    out->limit_count = (size_t)weir__limits_rate_count(&weir->limits) + 1;
    for (uint32_t i = 0; i < out->limit_count; i++)
        weir__limits_stats(&weir->limits, i, &out->limits[i]);
}
