/* bench_task - see bench_task.h */
#include "cli/bench_task.h"

#include "json/config_options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REFUSED 429u
#define ALIGNMENT 16u

/* ------------------------------------------------------------------------------------------------------------ making
 */

static bool counts(const struct weir__config *config, unsigned status)
{
    for (size_t i = 0; i < config->success_count; i++)
        if (config->success[i].first <= status && status <= config->success[i].last)
            return true;
    return false;
}

/* The configuration's fields, and that of a body in JSON, as `weir run` sends them. */
static bool set_headers(struct weir__bench_made *made, const struct weir__config *config)
{
    struct weir_request *request = &made->task.request;
    bool typed = false;
    size_t count = 0;

    made->headers = calloc(config->header_count + 1, sizeof *made->headers);
    if (made->headers == NULL)
        return false;
    for (size_t i = 0; i < config->header_count; i++) {
        made->headers[count++] = (struct weir_header){config->headers[i].name, config->headers[i].value};
        typed = typed || strcasecmp(config->headers[i].name, "content-type") == 0;
    }
    if (config->body_json && !typed)
        made->headers[count++] = (struct weir_header){"content-type", "application/json"};
    request->headers = made->headers;
    request->header_count = count;
    return true;
}

/* No limit, and a thread for each request.  One that knows no limits neither waits for a refusal to pass nor sends the
 * request again. */
static bool set_naive(struct weir__bench_made *made, const struct weir__config *config, uint32_t worker_max)
{
    struct weir_options *options = &made->task.options;
    const uint64_t total = made->task.total;

    made->success = calloc(config->success_count + 1, sizeof *made->success);
    if (made->success == NULL)
        return false;
    if (config->success_count > 0)
        memcpy(made->success, config->success, config->success_count * sizeof *made->success);
    made->success[config->success_count] = (struct weir_status_range){REFUSED, REFUSED};
    options->success = made->success;
    options->success_count = config->success_count + 1;
    options->engine = WEIR_ENGINE_THREADS;
    options->rates = NULL;
    options->rate_count = 0;
    options->learn_rate = false;
    options->concurrency = total < worker_max ? (uint32_t)total : worker_max;
    options->worker_max = options->concurrency;
    return true;
}

bool weir__bench_task_make(struct weir__bench_made *out, const struct weir__config *config,
                           enum weir__config_subject subject, const char *url, uint32_t concurrency, uint64_t total,
                           uint32_t worker_max)
{
    const struct weir_options defaults = WEIR_OPTIONS_INIT;
    const struct weir_request request = WEIR_REQUEST_INIT;
    struct weir__bench_task *task = &out->task;

    memset(out, 0, sizeof *out);
    task->options = defaults;
    weir__config_options(config, &task->options);
    task->options.scope = NULL; /* others' limits are no part of the comparison */
    task->options.engine = subject == WEIR__SUBJECT_ASYNC ? WEIR_ENGINE_ASYNC : WEIR_ENGINE_THREADS;
    task->options.concurrency = concurrency;
    task->options.worker_max = concurrency < worker_max ? concurrency : worker_max;
    task->request = request;
    task->request.method = config->method;
    task->request.url = url;
    task->request.body = config->body;
    task->request.body_size = config->body_size;
    task->total = total;
    task->success_count = config->success_count;
    task->refusals_succeed = counts(config, REFUSED);
    if (set_headers(out, config) && (subject != WEIR__SUBJECT_NAIVE || set_naive(out, config, worker_max)))
        return true;
    weir__bench_task_clear(out);
    return false;
}

void weir__bench_task_clear(struct weir__bench_made *made)
{
    free(made->headers);
    free(made->success);
    memset(made, 0, sizeof *made);
}

/* ----------------------------------------------------------------------------------------------------------- packing
 */

/* A block that grows; `at` are distances in it, so that it may move. */
struct block {
    char *bytes;
    size_t size;
    bool failed;
};

/* Appends a copy and returns where it stands; 0 for nothing, since the task itself stands there.  An empty list, which
 * is not the same as none, stands within the block, too. */
static size_t append(struct block *block, const void *bytes, size_t size)
{
    const size_t at = (block->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    char *grown;

    if (bytes == NULL || block->failed)
        return 0;
    grown = realloc(block->bytes, at + size + 1);
    if (grown == NULL) {
        block->failed = true;
        return 0;
    }
    memset(grown + block->size, 0, at - block->size);
    memcpy(grown + at, bytes, size);
    grown[at + size] = '\0';
    block->bytes = grown;
    block->size = at + size + 1;
    return at;
}

/* Puts a distance where a pointer stands.  All pointers to objects are alike on the systems that this builds for. */
static void set_distance(struct block *block, size_t field, size_t distance)
{
    const uintptr_t value = distance;

    _Static_assert(sizeof value == sizeof(void *), "a distance takes a pointer's place");
    if (!block->failed)
        memcpy(block->bytes + field, &value, sizeof value);
}

static void put(struct block *block, size_t field, const void *bytes, size_t size)
{
    set_distance(block, field, append(block, bytes, size));
}

static void put_text(struct block *block, size_t field, const char *text)
{
    put(block, field, text, text == NULL ? 0 : strlen(text) + 1);
}

#define FIELD(name) offsetof(struct weir__bench_task, name)

void *weir__bench_task_pack(const struct weir__bench_task *task, size_t *out_size)
{
    const struct weir_options *options = &task->options;
    const struct weir_request *request = &task->request;
    struct block block = {NULL, 0, false};
    size_t at;

    (void)append(&block, task, sizeof *task);
    put(&block, FIELD(options.rates), options->rate_count == 0 ? NULL : options->rates,
        options->rate_count * sizeof *options->rates);
    put(&block, FIELD(options.success), options->success, options->success_count * sizeof *options->success);
    put(&block, FIELD(options.retry_statuses), options->retry_statuses,
        options->retry_status_count * sizeof *options->retry_statuses);
    put_text(&block, FIELD(options.idempotency_header), options->idempotency_header);
    put_text(&block, FIELD(options.ca_file), options->ca_file);
    put_text(&block, FIELD(options.client_cert_file), options->client_cert_file);
    put_text(&block, FIELD(options.client_key_file), options->client_key_file);
    put_text(&block, FIELD(request.method), request->method);
    put_text(&block, FIELD(request.url), request->url);
    put(&block, FIELD(request.body), request->body, request->body_size + 1); /* it has a NUL behind it */
    at = append(&block, request->headers, request->header_count * sizeof *request->headers);
    set_distance(&block, FIELD(request.headers), at);
    for (size_t i = 0; i < request->header_count; i++) {
        const size_t header = at + i * sizeof *request->headers;
        put_text(&block, header + offsetof(struct weir_header, name), request->headers[i].name);
        put_text(&block, header + offsetof(struct weir_header, value), request->headers[i].value);
    }
    if (block.failed) {
        free(block.bytes);
        return NULL;
    }
    *out_size = block.size;
    return block.bytes;
}

/* Makes a pointer of the distance at `field`; false where it leads out of the block. */
static bool reach(char *block, size_t size, size_t field)
{
    uintptr_t distance;
    const void *pointer = NULL;

    if (field + sizeof distance > size)
        return false;
    memcpy(&distance, block + field, sizeof distance);
    if (distance >= size)
        return false;
    if (distance > 0)
        pointer = block + distance;
    memcpy(block + field, &pointer, sizeof pointer);
    return true;
}

struct weir__bench_task *weir__bench_task_unpack(void *block, size_t size)
{
    static const size_t fields[] = {FIELD(options.rates),
                                    FIELD(options.success),
                                    FIELD(options.retry_statuses),
                                    FIELD(options.ca_file),
                                    FIELD(options.client_cert_file),
                                    FIELD(options.client_key_file),
                                    FIELD(request.method),
                                    FIELD(request.url),
                                    FIELD(request.body),
                                    FIELD(request.headers),
                                    FIELD(options.idempotency_header)};
    struct weir__bench_task *task = block;
    bool good = size >= sizeof *task;

    for (size_t i = 0; good && i < sizeof fields / sizeof fields[0]; i++)
        good = reach(block, size, fields[i]);
    for (size_t i = 0; good && i < task->request.header_count; i++) {
        const size_t at = (size_t)((const char *)&task->request.headers[i] - (const char *)block);
        good = reach(block, size, at + offsetof(struct weir_header, name)) &&
               reach(block, size, at + offsetof(struct weir_header, value));
    }
    return good ? task : NULL;
}
