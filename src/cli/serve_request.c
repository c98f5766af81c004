/*
 * serve_request - see serve_request.h
 *
 * The life of a request.  libmicrohttpd calls `handle` for the header section, for each piece of the body, and once
 * more when all is there; then the stages follow:
 *
 *     READING --(whole request)--> uplink wait --> ARRIVED: counted, verdict --> latency wait --> JUDGED: answered
 *
 * A wait suspends the connection and hands it to the timer; the library calls `handle` again after the resume.  A
 * suspended connection cannot end, even if its client goes away, and each suspend is followed by exactly one resume:
 * the timer's, or `pause`'s own where the timer is stopping.  So no connection is ever touched after its end.
 */
#include "cli/serve_request.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"

#include <stdlib.h>
#include <string.h>

#define ECHO_FIRST_SIZE 4096u

enum stage { AT_HEADERS, AT_BODY, AT_UPLINK, AT_LATENCY, AT_END };

enum kind { KIND_COUNTED, KIND_ECHO, KIND_STATS, KIND_RESET };

enum verdict { VERDICT_SUCCESS, VERDICT_REFUSED, VERDICT_TOO_LARGE, VERDICT_RESET, VERDICT_FAIL };

struct request {
    enum stage stage;
    enum kind kind;
    enum verdict verdict;
    size_t fail; /* which, for FAIL */
    bool in_flight;
    bool owed; /* judged: an answer is due even when the server stops */
    struct weir__serve_fields fields;
    char *body;       /* of /echo */
    size_t body_size; /* of any request: what has been read */
    size_t body_capacity;
    char path[]; /* the request target as sent, with its query */
};

/* ------------------------------------------------------------------------------------------------------- the request
 */

/* The target as it was sent is seen here only: the library decodes it in place afterwards. */
void *weir__serve_request_new(void *cls, const char *uri, struct MHD_Connection *connection)
{
    const size_t size = strlen(uri) + 1;
    struct request *request = malloc(sizeof *request + size);

    (void)cls;
    (void)connection;
    if (request == NULL)
        return NULL;
    memset(request, 0, sizeof *request);
    memcpy(request->path, uri, size);
    return request;
}

static void end_in_flight(struct weir__serve_http *target, struct request *request)
{
    if (!request->in_flight)
        return;
    request->in_flight = false;
    weir__serve_stats_ended(&target->stats);
}

void weir__serve_request_free(void *cls, struct MHD_Connection *connection, void **con_cls,
                              enum MHD_RequestTerminationCode code)
{
    struct weir__serve_http *target = cls;
    struct request *request = *con_cls;

    (void)connection;
    (void)code;
    if (request == NULL)
        return;
    end_in_flight(target, request);
    if (request->owed && atomic_fetch_sub(&target->owed, 1) == 1 && atomic_load(&target->stopping))
        weir__sem_post(&target->drained);
    free(request->body);
    free(request);
    *con_cls = NULL;
}

static bool is_path(const struct request *request, const char *path)
{
    const size_t size = strlen(path);

    return strncmp(request->path, path, size) == 0 && (request->path[size] == '\0' || request->path[size] == '?');
}

static enum kind kind_of(const struct request *request, const char *method)
{
    if (is_path(request, "/stats") && strcmp(method, "GET") == 0)
        return KIND_STATS;
    if (is_path(request, "/reset") && strcmp(method, "POST") == 0)
        return KIND_RESET;
    return is_path(request, "/echo") ? KIND_ECHO : KIND_COUNTED;
}

/* Keeps a piece of /echo's body.  False without memory. */
static bool keep_body(struct request *request, const char *data, size_t size)
{
    if (size > request->body_capacity - request->body_size) {
        size_t capacity = request->body_capacity == 0 ? ECHO_FIRST_SIZE : request->body_capacity;
        char *body;
        while (capacity - request->body_size < size)
            capacity *= 2;
        body = realloc(request->body, capacity);
        if (body == NULL)
            return false;
        request->body = body;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_size, data, size);
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- waiting */

void weir__serve_request_resume(void *item)
{
    MHD_resume_connection(item);
}

/* Suspends the connection for that long; false where there is nothing to wait for. */
static bool pause_for(struct weir__serve_http *target, struct MHD_Connection *connection, int64_t now_ns,
                      int64_t delay_ns)
{
    if (delay_ns <= 0 || atomic_load(&target->stopping))
        return false;
    MHD_suspend_connection(connection);
    if (!weir__timer_add(&target->timer, weir__clock_after(now_ns, delay_ns), connection))
        MHD_resume_connection(connection);
    return true;
}

static int64_t draw_latency(struct weir__serve_http *target)
{
    const int64_t jitter_ns = target->options->jitter_ns;

    if (jitter_ns == 0)
        return target->options->latency_ns;
    return target->options->latency_ns - jitter_ns +
           weir__random_below(&target->random_latency, 2 * jitter_ns + 1); /* below 0 is no wait */
}

/* ---------------------------------------------------------------------------------------------------------- judging */

/* One draw for each request that the limit lets pass, whatever is configured, so that runs can be compared. */
static void draw_fault(struct weir__serve_http *target, struct request *request)
{
    const struct weir__serve_options *options = target->options;
    double draw = weir__random_unit(&target->random_fault) - options->reset_share;

    request->verdict = draw < 0 ? VERDICT_RESET : VERDICT_SUCCESS;
    for (size_t i = 0; draw >= 0 && i < options->fail_count; i++) {
        draw -= options->fails[i].share;
        request->fail = i;
        if (draw < 0)
            request->verdict = VERDICT_FAIL;
    }
}

/* Whether the request is let pass; --refuse-for counts from the first one since the start or the last /reset. */
static bool admit(struct weir__serve_http *target, int64_t now_ns, struct weir__window_quota *quota)
{
    const int64_t refusing_ns = target->options->refuse_for_ns - (now_ns - target->stats.first_ns);

    if (refusing_ns <= 0)
        return weir__window_take(&target->window, now_ns, quota);
    *quota = (struct weir__window_quota){target->options->limit, 0, refusing_ns};
    return false;
}

/* What goes with the answer, whichever it is: success, refusal or failure. */
static void build_fields(struct weir__serve_http *target, struct request *request,
                         const struct weir__window_quota *quota, bool refused)
{
    const struct weir__serve_options *options = target->options;

    if (options->dialect != WEIR__DIALECT_NONE)
        weir__serve_headers_build(options->dialect, quota, options->period_ns, refused, weir__clock_wall_ns(),
                                  &request->fields);
    if (refused && options->retry_after_given)
        weir__serve_headers_retry_after(&request->fields, options->retry_after_ns);
}

static const struct weir__answer *answer_of(const struct weir__serve_http *target, const struct request *request)
{
    switch (request->verdict) {
    case VERDICT_REFUSED:
        return &target->answers.refusal;
    case VERDICT_TOO_LARGE:
        return &target->answers.too_large;
    case VERDICT_FAIL:
        return &target->answers.fails[request->fail];
    case VERDICT_SUCCESS:
    case VERDICT_RESET:
        break;
    }
    return &target->answers.success;
}

/* The moment that counts; `cut` where the connection is closed instead of an answer. */
static void judge(struct weir__serve_http *target, struct request *request, const char *method, int64_t now_ns,
                  bool cut)
{
    struct weir__window_quota quota;
    bool taken;

    request->owed = true;
    atomic_fetch_add(&target->owed, 1);
    weir__serve_stats_arrived(&target->stats, request->path, method, now_ns);
    taken = admit(target, now_ns, &quota);
    build_fields(target, request, &quota, !taken);
    target->stats.refused += !taken;
    if (!taken)
        request->verdict = VERDICT_REFUSED;
    else if (request->body_size > WEIR__SERVE_BODY_MAX)
        request->verdict = VERDICT_TOO_LARGE;
    else
        draw_fault(target, request);
    weir__serve_log_add(&target->log, now_ns, method, request->path,
                        cut || request->verdict == VERDICT_RESET ? 0 : answer_of(target, request)->status);
}

/* -------------------------------------------------------------------------------------------------------- answering */

static enum MHD_Result answer(struct weir__serve_http *target, struct request *request,
                              struct MHD_Connection *connection)
{
    const struct weir__answer *fixed = answer_of(target, request);
    char *body = request->body;

    request->stage = AT_END;
    end_in_flight(target, request); /* before the client can see anything of the answer */
    if (request->verdict == VERDICT_RESET) {
        target->stats.resets++;
        return MHD_NO; /* closes the connection */
    }
    target->stats.statuses[fixed->status]++;
    if (request->verdict != VERDICT_SUCCESS || request->kind != KIND_ECHO || body == NULL)
        return weir__answer_queue(connection, fixed, &request->fields);
    request->body = NULL;
    return weir__answer_queue_body(connection, body, request->body_size,
                                   MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type"),
                                   &request->fields);
}

static enum MHD_Result answer_stats(struct weir__serve_http *target, struct MHD_Connection *connection)
{
    size_t size;
    char *text;

    weir__serve_log_flush(&target->log);
    text = weir__serve_stats_print(&target->stats, weir__clock_now_ns(), &size);
    return text == NULL ? MHD_NO : weir__answer_queue_body(connection, text, size, "application/json", NULL);
}

static enum MHD_Result answer_reset(struct weir__serve_http *target, struct MHD_Connection *connection)
{
    static const char text[] = "{\"reset\":true}\n";

    weir__serve_stats_reset(&target->stats, weir__clock_now_ns());
    weir__window_reset(&target->window);
    return weir__answer_queue_body(connection, strdup(text), sizeof text - 1, "application/json", NULL);
}

/* ------------------------------------------------------------------------------------------------------- the stages */

static enum MHD_Result handle_headers(struct weir__serve_http *target, struct request *request,
                                      struct MHD_Connection *connection, const char *method)
{
    const char *length;

    request->stage = AT_BODY;
    request->kind = kind_of(request, method);
    if (request->kind == KIND_STATS || request->kind == KIND_RESET)
        return MHD_YES;
    request->in_flight = true;
    weir__serve_stats_began(&target->stats);
    length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    if (length == NULL || strtoull(length, NULL, 10) <= WEIR__SERVE_BODY_MAX)
        return MHD_YES;
    request->body_size =
        WEIR__SERVE_BODY_MAX + 1; /* refused before it is sent; the library then closes the connection */
    judge(target, request, method, weir__clock_now_ns(), false);
    return answer(target, request, connection);
}

static enum MHD_Result handle_body(struct weir__serve_http *target, struct request *request, const char *method,
                                   const char *data, size_t *size)
{
    if (*size > WEIR__SERVE_BODY_MAX - request->body_size) {
        /* Chunks without end: the library takes no answer in the middle of a body, so it is counted and cut off. */
        request->body_size = WEIR__SERVE_BODY_MAX + 1;
        if (request->in_flight) {
            judge(target, request, method, weir__clock_now_ns(), true);
            target->stats.resets++;
        }
        return MHD_NO;
    }
    if (request->kind == KIND_ECHO && !keep_body(request, data, *size))
        return MHD_NO;
    request->body_size += *size;
    *size = 0;
    return MHD_YES;
}

/* The whole request is there; runs from the request's stage to its next wait or its answer. */
static enum MHD_Result handle_whole(struct weir__serve_http *target, struct request *request,
                                    struct MHD_Connection *connection, const char *method)
{
    int64_t now_ns;

    if (request->stage == AT_BODY) {
        request->stage = AT_UPLINK;
        if (target->options->uplink_ns > 0 &&
            pause_for(target, connection, weir__clock_now_ns(),
                      weir__random_below(&target->random_uplink, target->options->uplink_ns)))
            return MHD_YES;
    }
    if (request->stage == AT_UPLINK) {
        if (atomic_load(&target->stopping))
            return MHD_NO; /* its wait was cut short: counted now, it would falsify the worst window */
        request->stage = AT_LATENCY;
        now_ns = weir__clock_now_ns();
        judge(target, request, method, now_ns, false);
        if (pause_for(target, connection, now_ns, draw_latency(target)))
            return MHD_YES;
    }
    return answer(target, request, connection);
}

enum MHD_Result weir__serve_request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                           const char *method, const char *version, const char *upload_data,
                                           size_t *upload_data_size, void **con_cls)
{
    struct weir__serve_http *target = cls;
    struct request *request = *con_cls;

    (void)url; /* decoded; request->path is what was sent */
    (void)version;
    if (request == NULL)
        return MHD_NO; /* there was no memory for it */
    if (request->stage == AT_HEADERS)
        return handle_headers(target, request, connection, method);
    if (*upload_data_size > 0)
        return handle_body(target, request, method, upload_data, upload_data_size);
    if (request->kind == KIND_STATS)
        return answer_stats(target, connection);
    if (request->kind == KIND_RESET)
        return answer_reset(target, connection);
    return handle_whole(target, request, connection, method);
}
