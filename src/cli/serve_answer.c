/* serve_answer - see serve_answer.h */
#include "cli/serve_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON "application/json"

static bool add_field(struct MHD_Response *response, const char *name, const char *value)
{
    return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_fields(struct MHD_Response *response, const struct weir__serve_fields *fields)
{
    for (size_t i = 0; fields != NULL && i < fields->count; i++)
        if (!add_field(response, fields->list[i].name, fields->list[i].value))
            return false;
    return true;
}

/* 204 and 304 have no content, by their definition. */
static bool has_content(int status)
{
    return status != 204 && status != 304;
}

static struct MHD_Response *make_response(const struct weir__answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body_size, answer->body, MHD_RESPMEM_PERSISTENT);

    if (response != NULL && has_content(answer->status) && !add_field(response, "Content-Type", JSON)) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

/* Takes `body`, from malloc or NULL. */
static bool answer_init(struct weir__answer *answer, int status, char *body, size_t body_size)
{
    answer->status = status;
    answer->body = body;
    answer->body_size = has_content(status) ? body_size : 0;
    if (body == NULL)
        return false;
    answer->plain = make_response(answer);
    return answer->plain != NULL;
}

static bool error_init(struct weir__answer *answer, int status, const char *text)
{
    char *body = NULL;
    const int size = asprintf(&body, "{\"error\":\"%s\"}\n", text);

    return answer_init(answer, status, size < 0 ? NULL : body, size < 0 ? 0 : (size_t)size);
}

/* JSON of exactly that size: a string of x, a digit, or nothing. */
static char *make_body(size_t size)
{
    char *body = malloc(size + 1);

    if (body == NULL)
        return NULL;
    memset(body, 'x', size);
    if (size == 1)
        body[0] = '1';
    if (size >= 2)
        body[0] = body[size - 1] = '"';
    return body;
}

bool weir__answers_init(struct weir__answers *answers, const struct weir__serve_options *options)
{
    static const char small[] = "{\"ok\":true}\n";
    const bool own = options->body_given;

    memset(answers, 0, sizeof *answers);
    if (!answer_init(&answers->success, 200, own ? make_body(options->body_size) : strdup(small),
                     own ? options->body_size : sizeof small - 1) ||
        !error_init(&answers->refusal, options->refusal_status, "over the limit") ||
        !error_init(&answers->too_large, 413, "the body is too large"))
        return false;
    for (size_t i = 0; i < options->fail_count; i++)
        if (!error_init(&answers->fails[i], options->fails[i].status, "failed on purpose"))
            return false;
    return true;
}

static void answer_clear(struct weir__answer *answer)
{
    if (answer->plain != NULL)
        MHD_destroy_response(answer->plain);
    free(answer->body);
}

void weir__answers_clear(struct weir__answers *answers)
{
    answer_clear(&answers->success);
    answer_clear(&answers->refusal);
    answer_clear(&answers->too_large);
    for (size_t i = 0; i < WEIR__SERVE_FAILS_MAX; i++)
        answer_clear(&answers->fails[i]);
    memset(answers, 0, sizeof *answers);
}

enum MHD_Result weir__answer_queue(struct MHD_Connection *connection, const struct weir__answer *answer,
                                   const struct weir__serve_fields *fields)
{
    struct MHD_Response *response;
    enum MHD_Result queued = MHD_NO;

    if (fields == NULL || fields->count == 0)
        return MHD_queue_response(connection, (unsigned)answer->status, answer->plain);
    response = make_response(answer);
    if (response == NULL)
        return MHD_NO;
    if (add_fields(response, fields))
        queued = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response); /* our reference; the connection holds its own */
    return queued;
}

enum MHD_Result weir__answer_queue_body(struct MHD_Connection *connection, char *body, size_t body_size,
                                        const char *content_type, const struct weir__serve_fields *fields)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(body_size, body, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result queued = MHD_NO;

    if (response == NULL) {
        free(body);
        return MHD_NO;
    }
    if ((content_type == NULL || add_field(response, "Content-Type", content_type)) && add_fields(response, fields))
        queued = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return queued;
}
