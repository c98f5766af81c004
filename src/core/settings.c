/*
 * settings - what weir_new() was asked for: whether it can be, and the copies that a dispatcher keeps.
 */
#include "core/dispatcher.h"

#include <stdlib.h>
#include <string.h>

/* Above this many threads memory is dearer than a microsecond. */
#define LEAN_WORKERS 2000u

#define BUDGET_MAX 1e6 /* retries for each success: more is no budget */

static const struct weir_status_range default_success[] = {{200, 299}};
static const struct weir_status_range default_retry[] = {{408, 408}, {429, 429}, {500, 500},
                                                         {502, 502}, {503, 503}, {504, 504}};

/* NULL stands for the default; a list of none is one, if it may be `empty`. */
static bool valid_statuses(const struct weir_status_range *list, size_t count, bool empty)
{
    if (list == NULL)
        return count == 0;
    for (size_t i = 0; i < count; i++)
        if (list[i].first > list[i].last || list[i].last > WEIR_HTTP_STATUS_MAX)
            return false;
    return count > 0 || empty;
}

static bool valid_retry(const struct weir_options *o)
{
    return o->attempt_max >= 1 && o->attempt_max <= WEIR_ATTEMPTS_MAX && o->refusal_max <= WEIR_REFUSALS_MAX &&
           o->backoff_ns >= 0 && o->backoff_max_ns >= 0 && o->retry_budget >= 0 && o->retry_budget <= BUDGET_MAX &&
           valid_statuses(o->retry_statuses, o->retry_status_count, true);
}

static bool valid_past(const struct weir_options *o)
{
    for (size_t i = 0; o->past_sends != NULL && i < o->past_send_count; i++)
        if (o->past_sends[i].ago_ns < 0 || o->past_sends[i].count < 1 || o->past_sends[i].count > WEIR_PERMITS_MAX ||
            (i > 0 && o->past_sends[i].ago_ns > o->past_sends[i - 1].ago_ns))
            return false;
    return o->past_sends != NULL || o->past_send_count == 0;
}

/* The key itself is checked with each request. */
static bool valid_idempotency(const struct weir_options *o)
{
    const struct weir_header field = {o->idempotency_header, "\"\""};

    return o->idempotency_header == NULL || weir__transport_check("GET", "http://host/", &field, 1) == NULL;
}

bool weir__settings_valid(const struct weir_options *o)
{
    return o->struct_size == sizeof *o && o->completion_max <= WEIR_COMPLETIONS_MAX && o->concurrency >= 1 &&
           o->concurrency <= WEIR_CONCURRENCY_MAX && o->worker_max <= WEIR_CONCURRENCY_MAX && o->queue_max >= 1 &&
           o->queue_max <= WEIR_QUEUE_MAX && (o->rates != NULL || o->rate_count == 0) && o->connect_timeout_ns > 0 &&
           o->timeout_ns > 0 && o->redirect_max <= WEIR_REDIRECTS_MAX &&
           (o->engine == WEIR_ENGINE_THREADS || o->engine == WEIR_ENGINE_ASYNC) && o->loop_count >= 1 &&
           o->loop_count <= WEIR_LOOPS_MAX && (o->tls_version_min == 12 || o->tls_version_min == 13) &&
           o->deadline_ns >= 0 && valid_statuses(o->success, o->success_count, false) && valid_retry(o) &&
           valid_idempotency(o) && valid_past(o);
}

static char *put(char **at, const char *text)
{
    char *copy = *at;

    if (text == NULL)
        return NULL;
    *at = stpcpy(copy, text) + 1;
    return copy;
}

/* Strings must outlive the call: they are copied into weir->texts. */
static bool copy_texts(struct weir *weir, const struct weir_options *o, struct weir__transport_options *out)
{
    const char *const texts[] = {o->ca_file, o->client_cert_file, o->client_key_file, o->idempotency_header};
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
    weir->idempotency_header = put(&at, texts[3]);
    return true;
}

uint32_t weir__settings_workers(const struct weir_options *o)
{
    return o->worker_max != 0 ? o->worker_max : o->concurrency;
}

/* More loops than workers would have nothing to carry. */
uint32_t weir__settings_loops(const struct weir_options *o)
{
    const uint32_t workers = weir__settings_workers(o);

    if (o->engine != WEIR_ENGINE_ASYNC)
        return 0;
    return o->loop_count < workers ? o->loop_count : workers;
}

static struct weir__transport_options transport_options(const struct weir_options *o)
{
    return (struct weir__transport_options){
        .connect_timeout_ns = o->connect_timeout_ns,
        .timeout_ns = o->timeout_ns,
        .body_max_size = o->body_max_size,
        .keep_bodies = o->keep_bodies,
        .tls_version_min = o->tls_version_min,
        .insecure = o->insecure,
        .lean = weir__settings_workers(o) > LEAN_WORKERS,
    };
}

/* Copies both lists of statuses into one block. */
static bool copy_rules(struct weir *weir, const struct weir_options *o)
{
    const struct weir_status_range *success = o->success != NULL ? o->success : default_success;
    const struct weir_status_range *retry = o->retry_statuses != NULL ? o->retry_statuses : default_retry;
    const size_t success_count = o->success != NULL ? o->success_count : sizeof default_success / sizeof *success;
    const size_t retry_count = o->retry_statuses != NULL ? o->retry_status_count : sizeof default_retry / sizeof *retry;

    weir->statuses = malloc((success_count + retry_count) * sizeof *weir->statuses);
    if (weir->statuses == NULL)
        return false;
    memcpy(weir->statuses, success, success_count * sizeof *success);
    if (retry_count > 0)
        memcpy(weir->statuses + success_count, retry, retry_count * sizeof *retry);
    weir->rules = (struct weir__verdict_rules){
        .success = weir->statuses,
        .success_count = success_count,
        .retry = weir->statuses + success_count,
        .retry_count = retry_count,
        .redirect_max = o->redirect_max,
        .attempt_max = o->attempt_max,
        .refusal_max = o->refusal_max,
        .non_idempotent = o->retry_non_idempotent,
    };
    return true;
}

bool weir__settings_copy(struct weir *weir, const struct weir_options *options, struct weir__transport_options *out)
{
    *out = transport_options(options);
    return copy_rules(weir, options) && copy_texts(weir, options, out);
}
