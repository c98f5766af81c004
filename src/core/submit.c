/*
 * submit - how a job is accepted: what may not reach the wire is refused, the rest is copied and handed to the pool.
 *
 * Where its result goes to the completion queue, that one's room comes first: who waits for it holds nothing else.
 */
#include "core/dispatcher.h"

#include "base/random.h"

#include <stdio.h>
#include <string.h>

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

/* The value of the idempotency header: a string of RFC 9651, quotes included. */
#define KEY_MAX_SIZE 256u

static bool valid_key(const char *key)
{
    return strlen(key) < KEY_MAX_SIZE - sizeof "\"\"" && strpbrk(key, "\"\\") == NULL;
}

/* False without the system's random numbers. */
static bool write_key(const char *given, char out[KEY_MAX_SIZE])
{
    char uuid[WEIR__UUID_SIZE];

    if (given == NULL && !weir__random_uuid(uuid))
        return false;
    (void)snprintf(out, KEY_MAX_SIZE, "\"%s\"", given != NULL ? given : uuid);
    return true;
}

static bool valid_request(const struct weir *weir, const struct weir_request *r)
{
    struct weir_header key;

    if (r->struct_size != sizeof *r || r->method == NULL || r->url == NULL ||
        (r->headers == NULL && r->header_count > 0) || (r->body == NULL && r->body_size > 0) ||
        weir__transport_check(r->method, r->url, r->headers, r->header_count) != NULL)
        return false;
    if (r->idempotency_key == NULL || weir->idempotency_header == NULL)
        return true;
    key = (struct weir_header){weir->idempotency_header, r->idempotency_key};
    return valid_key(r->idempotency_key) && weir__transport_check(r->method, r->url, &key, 1) == NULL;
}

/* Hands the job in; `node` is where its result will go, or NULL. */
static enum weir_status bring_in(struct weir *weir, const struct weir_request *request, int64_t timeout_ns,
                                 int64_t until_ns, struct weir__completion *node)
{
    struct weir__job *job;
    enum weir__pool_push_status pushed;
    char key[KEY_MAX_SIZE];

    if (weir->idempotency_header != NULL && !write_key(request->idempotency_key, key))
        return WEIR_NO_MEMORY;
    job = weir__job_new(&weir->stock, request, weir->idempotency_header, key);
    if (job == NULL)
        return WEIR_NO_MEMORY;
    job->completion = node;
    pushed = weir__pool_push(&weir->pool, &job->task, until_ns);
    if (pushed != WEIR__PUSH_OK)
        weir__job_free(&weir->stock, job); /* else it is the worker's, and may be gone already */
    return status_of(pushed, timeout_ns);
}

enum weir_status weir_submit(struct weir *weir, const struct weir_request *request, int64_t timeout_ns)
{
    struct weir__completion *node = NULL;
    enum weir_status status;
    int64_t until_ns;

    if (weir == NULL || request == NULL)
        return WEIR_INVALID;
    if (weir__dispatcher_inherited(weir))
        return WEIR_FORKED;
    if (!valid_request(weir, request))
        return WEIR_INVALID;
    until_ns = weir__dispatcher_deadline(weir, timeout_ns);
    if (request->done == NULL && weir->completions.capacity > 0) {
        status = weir__completions_reserve(&weir->completions, until_ns, &node);
        if (status != WEIR_OK)
            return status == WEIR_TIMEOUT && timeout_ns == 0 ? WEIR_FULL : status;
    }
    status = bring_in(weir, request, timeout_ns, until_ns, node);
    if (status != WEIR_OK && node != NULL)
        weir__completions_forgo(&weir->completions, node);
    return status;
}
