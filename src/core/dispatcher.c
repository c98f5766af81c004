/*
 * dispatcher - see dispatcher.h.
 *
 * Life: new (no thread) -> submit, which starts workers as they are needed -> stop or abort -> free, which joins them.
 */
#include "core/dispatcher.h"

#include "base/clock.h"
#include "base/fork.h"

#include <stdlib.h>
#include <string.h>

/* Above this many threads memory is dearer than a microsecond. */
#define LEAN_WORKERS 2000u

static const struct weir_status_range default_success = {200, 299};

static bool valid_success(const struct weir_options *o)
{
    if (o->success == NULL)
        return o->success_count == 0;
    for (size_t i = 0; i < o->success_count; i++)
        if (o->success[i].first > o->success[i].last || o->success[i].last > WEIR_HTTP_STATUS_MAX)
            return false;
    return o->success_count > 0;
}

static bool valid_options(const struct weir_options *o)
{
    return o->struct_size == sizeof *o && o->concurrency >= 1 && o->concurrency <= WEIR_CONCURRENCY_MAX &&
           o->worker_max <= WEIR_CONCURRENCY_MAX && o->queue_max >= 1 && o->queue_max <= WEIR_QUEUE_MAX &&
           (o->rates != NULL || o->rate_count == 0) && o->connect_timeout_ns > 0 && o->timeout_ns > 0 &&
           o->redirect_max <= WEIR_REDIRECTS_MAX && (o->tls_version_min == 12 || o->tls_version_min == 13) &&
           valid_success(o);
}

static char *put(char **at, const char *text)
{
    char *copy = *at;

    if (text == NULL)
        return NULL;
    *at = stpcpy(copy, text) + 1;
    return copy;
}

/* The transport's strings must outlive it: they are copied into weir->texts. */
static bool copy_texts(struct weir *weir, const struct weir_options *o, struct weir__transport_options *out)
{
    const char *const texts[] = {o->ca_file, o->client_cert_file, o->client_key_file};
    size_t size = 1;
    char *at;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        size += texts[i] == NULL ? 0 : strlen(texts[i]) + 1;
    weir->texts = at = malloc(size);
    if (at == NULL)
        return false;
    out->ca_file = put(&at, texts[0]);
    out->client_cert_file = put(&at, texts[1]);
    out->client_key_file = put(&at, texts[2]);
    return true;
}

static uint32_t workers_of(const struct weir_options *o)
{
    return o->worker_max != 0 ? o->worker_max : o->concurrency;
}

static enum weir_status make_transport(struct weir *weir, const struct weir_options *o)
{
    struct weir__transport_options options = {
        .connect_timeout_ns = o->connect_timeout_ns,
        .timeout_ns = o->timeout_ns,
        .body_max_size = o->body_max_size,
        .keep_bodies = o->keep_bodies,
        .tls_version_min = o->tls_version_min,
        .insecure = o->insecure,
        .lean = workers_of(o) > LEAN_WORKERS,
    };

    if (!copy_texts(weir, o, &options))
        return WEIR_NO_MEMORY;
    return weir__easy_new(&options, &weir->transport);
}

static bool copy_rules(struct weir *weir, const struct weir_options *o)
{
    const struct weir_status_range *success = o->success != NULL ? o->success : &default_success;
    const size_t count = o->success != NULL ? o->success_count : 1;

    weir->success = malloc(count * sizeof *success);
    if (weir->success == NULL)
        return false;
    memcpy(weir->success, success, count * sizeof *success);
    weir->rules = (struct weir__verdict_rules){weir->success, count, o->redirect_max};
    return true;
}

static void tell_reached(void *context, const struct weir__gate_answer *answer, int64_t now_ns)
{
    struct weir *weir = context;
    const struct weir_event event = {
        .type = WEIR_EVENT_LIMIT_REACHED,
        .detail = "",
        .limit_name = weir__limits_name(&weir->limits, answer->limit),
        .wait_ns = answer->not_before_ns == WEIR__NEVER ? -1 : answer->not_before_ns - now_ns,
    };
    if (weir->on_event != NULL)
        weir->on_event(weir->event_user_data, &event);
}

static bool make_pool(struct weir *weir, const struct weir_options *o)
{
    const struct weir__pool_ops ops = {
        .enter = weir__attempt_enter,
        .leave = weir__attempt_leave,
        .run = weir__attempt_run,
        .drop = weir__attempt_drop,
        .reached = tell_reached,
        .context = weir,
    };

    return weir__pool_init(&weir->pool, &weir->env, &weir->limits.gate, &ops, workers_of(o), o->queue_max);
}

enum weir_status weir__dispatcher_new(const struct weir_options *options, const struct weir__outside *outside,
                                      struct weir **out)
{
    struct weir *weir = NULL;
    enum weir_status status = WEIR_INVALID;

    if (options == NULL || out == NULL || !valid_options(options))
        goto no_weir;
    status = WEIR_NO_MEMORY;
    weir = calloc(1, sizeof *weir);
    if (weir == NULL)
        goto no_weir;
    weir->env = *outside->env;
    weir->on_event = options->on_event;
    weir->event_user_data = options->event_user_data;
    status = weir__limits_init(&weir->limits, options->concurrency, options->rates, options->rate_count);
    if (status != WEIR_OK)
        goto no_limits;
    status = WEIR_NO_MEMORY;
    if (!weir__statistics_init(&weir->statistics))
        goto no_statistics;
    if (!weir__job_stock_init(&weir->stock))
        goto no_stock;
    if (!copy_rules(weir, options) || !make_pool(weir, options))
        goto no_pool;
    weir->transport = outside->transport;
    if (weir->transport == NULL && (status = make_transport(weir, options)) != WEIR_OK)
        goto no_transport;
    weir->started_ns = weir->env.now_ns(weir->env.context);
    weir->forks = weir__fork_count();
    *out = weir;
    return WEIR_OK;

no_transport:
    weir__pool_clear(&weir->pool);
    free(weir->texts);
no_pool:
    free(weir->success);
    weir__job_stock_clear(&weir->stock);
no_stock:
    weir__statistics_clear(&weir->statistics);
no_statistics:
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
    const struct weir__outside real = {&weir__env_real, NULL};
    return weir__dispatcher_new(options, &real, out);
}

/* Whether it was made by a process that this one is a child of: no worker of it lives here. */
static bool inherited(const struct weir *weir)
{
    return weir->forks != weir__fork_count();
}

static enum weir_status status_of(enum weir__pool_push_status pushed, int64_t timeout_ns)
{
    switch (pushed) {
    case WEIR__PUSH_OK:
        return WEIR_OK;
    case WEIR__PUSH_FULL:
        return timeout_ns == 0 ? WEIR_FULL : WEIR_TIMEOUT;
    case WEIR__PUSH_STOPPED:
        return WEIR_STOPPED;
    case WEIR__PUSH_NO_THREAD:
        break;
    }
    return WEIR_NO_THREAD;
}

static int64_t deadline_of(const struct weir *weir, int64_t timeout_ns)
{
    return timeout_ns < 0 ? WEIR__NEVER : weir__clock_after(weir->env.now_ns(weir->env.context), timeout_ns);
}

enum weir_status weir_submit(struct weir *weir, const struct weir_request *request, int64_t timeout_ns)
{
    struct weir__job *job;
    enum weir__pool_push_status pushed;

    if (weir == NULL || request == NULL || request->struct_size != sizeof *request || request->method == NULL ||
        request->url == NULL || (request->headers == NULL && request->header_count > 0) ||
        (request->body == NULL && request->body_size > 0) ||
        weir__transport_check(request->method, request->url, request->headers, request->header_count) != NULL)
        return WEIR_INVALID;
    if (inherited(weir))
        return WEIR_STOPPED;
    job = weir__job_new(&weir->stock, request);
    if (job == NULL)
        return WEIR_NO_MEMORY;
    pushed = weir__pool_push(&weir->pool, &job->task, deadline_of(weir, timeout_ns));
    if (pushed != WEIR__PUSH_OK)
        weir__job_free(&weir->stock, job); /* else it is the worker's, and may be gone already */
    return status_of(pushed, timeout_ns);
}

enum weir_status weir_wait(struct weir *weir, int64_t timeout_ns)
{
    if (weir == NULL)
        return WEIR_INVALID;
    if (inherited(weir))
        return WEIR_STOPPED;
    return weir__pool_wait(&weir->pool, deadline_of(weir, timeout_ns)) ? WEIR_OK : WEIR_TIMEOUT;
}

void weir_stop(struct weir *weir)
{
    if (weir != NULL && !inherited(weir))
        weir__pool_stop(&weir->pool);
}

void weir_abort(struct weir *weir)
{
    if (weir == NULL || inherited(weir))
        return;
    weir__pool_stop(&weir->pool);
    weir->transport->abort(weir->transport);
}

void weir_free(struct weir *weir)
{
    if (weir == NULL || inherited(weir))
        return;
    weir_abort(weir);
    weir__pool_close(&weir->pool);
    weir__pool_clear(&weir->pool);
    weir->transport->free(weir->transport);
    weir__job_stock_clear(&weir->stock);
    weir__statistics_clear(&weir->statistics);
    weir__limits_clear(&weir->limits);
    free(weir->success);
    free(weir->texts);
    free(weir);
}

void weir_snapshot(struct weir *weir, struct weir_stats *out)
{
    struct weir__pool_tally tally;
    struct weir__gate_tally concurrency;

    if (weir == NULL || out == NULL || out->struct_size != sizeof *out || inherited(weir))
        return;
    weir__statistics_read(&weir->statistics, out);
    tally = weir__pool_tally(&weir->pool); /* afterwards: never fewer are accepted than have ended */
    out->accepted = tally.accepted;
    concurrency = weir__gate_tally(&weir->limits.gate, WEIR__CONCURRENCY_LIMIT);
    out->in_flight = concurrency.out;
    out->peak_in_flight = concurrency.out_peak;
    out->queued = tally.queued;
    out->workers = tally.workers;
    out->elapsed_ns = tally.now_ns - weir->started_ns;
    out->time = (struct weir_time_stats){
        .sending_ns = tally.spent_ns[WEIR__POOL_RUNNING],
        .permit_wait_ns = tally.spent_ns[WEIR__POOL_PERMIT],
        .pace_wait_ns = tally.spent_ns[WEIR__POOL_PACE],
    };
    /* a worker that has not started yet is as idle as one can be */
    out->time.idle_ns = (int64_t)tally.workers * out->elapsed_ns - out->time.sending_ns - out->time.permit_wait_ns -
                        out->time.pace_wait_ns;
    out->limit_count = (size_t)weir->limits.rate_count + 1;
    for (uint32_t i = 0; i < out->limit_count; i++)
        weir__limits_stats(&weir->limits, i, &out->limits[i]);
}
