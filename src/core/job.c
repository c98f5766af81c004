/* job - see job.h */
#include "core/job.h"

#include "base/clock.h"
#include "base/sync.h"
#include "policy/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool weir__job_stock_init(struct weir__job_stock *stock)
{
    stock->first = NULL;
    return weir__mutex_init(&stock->lock);
}

/* The blocks are linked through the task that each begins with. */
static struct weir__job *next_of(const struct weir__job *job)
{
    return (struct weir__job *)job->task.next;
}

void weir__job_stock_clear(struct weir__job_stock *stock)
{
    struct weir__job *job;

    while ((job = stock->first) != NULL) {
        stock->first = next_of(job);
        free(job);
    }
    weir__mutex_clear(&stock->lock);
}

static struct weir__job *take_block(struct weir__job_stock *stock, size_t size)
{
    struct weir__job *job;

    if (size > WEIR__JOB_BLOCK_SIZE)
        return malloc(size);
    weir__mutex_lock(&stock->lock);
    job = stock->first;
    if (job != NULL)
        stock->first = next_of(job);
    weir__mutex_unlock(&stock->lock);
    return job != NULL ? job : malloc(WEIR__JOB_BLOCK_SIZE);
}

/* What a job is made of: a request, and perhaps one header field more. */
struct source {
    const struct weir_request *request;
    struct weir_header key; /* name NULL: none */
};

static size_t field_size(const struct weir_header *field)
{
    return strlen(field->name) + 1 + strlen(field->value) + 1;
}

static size_t text_size(const struct source *source)
{
    const struct weir_request *request = source->request;
    size_t size = strlen(request->method) + 1 + strlen(request->url) + 1 + request->body_size;

    for (size_t i = 0; i < request->header_count; i++)
        size += field_size(&request->headers[i]);
    return size + (source->key.name != NULL ? field_size(&source->key) : 0);
}

/* Copies a text to `*at`, which moves behind it. */
static const char *put(char **at, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

static struct weir_header put_field(char **at, const struct weir_header *field)
{
    struct weir_header copy;

    copy.name = put(at, field->name);
    copy.value = put(at, field->value);
    return copy;
}

static void copy_texts(struct weir__job *job, const struct source *source)
{
    const struct weir_request *request = source->request;
    char *at = (char *)(job->headers + job->header_count);

    job->method = put(&at, request->method);
    job->url = put(&at, request->url);
    for (size_t i = 0; i < request->header_count; i++)
        job->headers[i] = put_field(&at, &request->headers[i]);
    if (source->key.name != NULL)
        job->headers[request->header_count] = put_field(&at, &source->key);
    if (request->body != NULL)
        job->body = request->body_size > 0 ? memcpy(at, request->body, request->body_size) : at;
}

static bool has_field(const struct weir_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

struct weir__job *weir__job_new(struct weir__job_stock *stock, const struct weir_request *request,
                                const char *key_header, const char *key)
{
    struct source source = {.request = request};
    struct weir__job *job;
    size_t header_count, size;

    if (request->body_size > SIZE_MAX / 2) /* what else is in the sum has limits far below the other half */
        return NULL;
    if (key_header != NULL && !has_field(request, key_header))
        source.key = (struct weir_header){key_header, key};
    header_count = request->header_count + (source.key.name != NULL);
    size = sizeof *job + header_count * sizeof(struct weir_header) + text_size(&source);
    job = take_block(stock, size);
    if (job == NULL)
        return NULL;
    *job = (struct weir__job){
        .stocked = size <= WEIR__JOB_BLOCK_SIZE,
        .task = {.id = request->job_id, .expires_ns = WEIR__NEVER},
        .header_count = header_count,
        .body_size = request->body_size,
        .done = request->done,
        .sending = request->sending,
        .user_data = request->user_data,
        .keyed = key_header != NULL,
        .key_given = key_header != NULL && (source.key.name == NULL || request->idempotency_key != NULL),
    };
    job->headers = (struct weir_header *)(job + 1); /* a struct of pointers, aligned as the job is */
    copy_texts(job, &source);
    return job;
}

void weir__job_free(struct weir__job_stock *stock, struct weir__job *job)
{
    if (job == NULL)
        return;
    free(job->redirect_url);
    if (!job->stocked) {
        free(job);
        return;
    }
    weir__mutex_lock(&stock->lock);
    job->task.next = (struct weir__task *)stock->first;
    stock->first = job;
    weir__mutex_unlock(&stock->lock);
}

bool weir__job_redirect(struct weir__job *job, const char *url, int http_status)
{
    const char *method = weir__verdict_redirect_method(job->method, http_status);
    const bool same_origin = weir__verdict_same_origin(job->url, url);
    const bool keeps_body = job->body != NULL && strcmp(method, job->method) == 0;
    char *copy;

    /* nor does what must not be done twice: its key stays here, and so does the caller's word */
    if (!same_origin && (keeps_body || (strcmp(method, job->method) == 0 && !weir__verdict_idempotent(method))))
        return false;
    copy = strdup(url);
    if (copy == NULL)
        return false;
    if (!same_origin) {
        job->header_count = 0; /* they may hold credentials, and were meant for the first host */
        job->keyed = job->key_given = false;
    }
    /* 303, and 301 and 302 after POST, answer what was done; 307 and 308 say that it was not done here */
    job->acted = job->acted || (strcmp(method, job->method) != 0 && !weir__verdict_idempotent(job->method));
    if (!keeps_body) {
        job->body = NULL;
        job->body_size = 0;
    }
    job->method = method;
    free(job->redirect_url);
    job->redirect_url = copy;
    job->url = copy;
    job->redirects++;
    return true;
}
