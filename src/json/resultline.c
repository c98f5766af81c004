/*
 * resultline - see resultline.h.
 *
 * A line is written for each job, on the worker that finished it, so this is done by hand where the writer's own ways
 * (a key at a time, printf for numbers) would take most of the time.  Appending at the writer's top adds no commas.
 */
#include "json/resultline.h"

#include "json/journalline.h"
#include "json/resultline_parts.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 20u  /* of a uint64_t */
#define USUAL_SIZE 900u /* of a line, but for its body, id and metadata; more header fields make it grow */

/* Writes `value` and a NUL at `at`; returns where the NUL is. */
static char *put_uint(char *at, uint64_t value)
{
    char digits[DIGITS_MAX];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

/* Milliseconds to the microsecond, rounded up: nothing that is reckoned from it comes out too early. */
static char *put_ms(char *at, int64_t ns)
{
    const uint64_t us = ns <= 0 ? 0 : (uint64_t)ns / 1000 + ((uint64_t)ns % 1000 != 0 ? 1 : 0);
    const unsigned rest = (unsigned)(us % 1000);

    at = put_uint(at, us / 1000);
    if (rest == 0)
        return at;
    *at++ = '.';
    *at++ = (char)('0' + rest / 100);
    if (rest % 100 != 0)
        *at++ = (char)('0' + rest / 10 % 10);
    if (rest % 10 != 0)
        *at++ = (char)('0' + rest % 10);
    *at = '\0';
    return at;
}

static char *put_times(char *at, const struct weir_result *result)
{
    at = stpcpy(at, ",\"queue_ms\":");
    at = put_ms(at, result->queue_ns);
    at = stpcpy(at, ",\"permit_ms\":");
    at = put_ms(at, result->permit_ns);
    at = stpcpy(at, ",\"connect_ms\":");
    at = put_ms(at, result->connect_ns);
    at = stpcpy(at, ",\"ttfb_ms\":");
    at = result->http_status == 0 ? stpcpy(at, "null") : put_ms(at, result->ttfb_ns);
    at = stpcpy(at, ",\"total_ms\":");
    return put_ms(at, result->total_ns);
}

static void write_weir(struct weir__writer *writer, const struct weir__resultline *line)
{
    static const struct weir_result none; /* what a job that never was one has */
    const struct weir_result *result = line->result != NULL ? line->result : &none;
    char text[512], *at = text; /* its six figures of at most 24 characters leave half of it free */
    char sent_at[WEIR__JOURNALLINE_TIME_SIZE];

    at = stpcpy(at, ",\"weir\":{\"line\":");
    at = put_uint(at, line->line);
    at = stpcpy(at, ",\"outcome\":\"");
    at = stpcpy(at, weir_outcome_text(line->result != NULL ? result->outcome : line->outcome));
    at = stpcpy(at, "\",\"attempts\":");
    at = put_uint(at, result->attempts);
    at = stpcpy(at, ",\"sent_at\":");
    if (result->sent_at_ns == 0) {
        at = stpcpy(at, "null");
    } else {
        weir__journalline_format_time(result->sent_at_ns, false, sent_at);
        at = stpcpy(stpcpy(stpcpy(at, "\""), sent_at), "\"");
    }
    at = put_times(at, result);
    at = stpcpy(at, "}");
    weir__resultline_put(writer, text, (size_t)(at - text));
}

/* What a code means, where nothing more is known. */
static const char *message_of(enum weir_error error)
{
    static const char *const messages[WEIR_ERROR_COUNT] = {
        [WEIR_ERROR_NONE] = "no reason is known",
        [WEIR_ERROR_STATUS] = "the HTTP status does not count as success",
        [WEIR_ERROR_BAD_REQUEST] = "the request cannot be sent",
        [WEIR_ERROR_RESOLVE] = "the name was not found",
        [WEIR_ERROR_CONNECT] = "no connection could be made",
        [WEIR_ERROR_TLS] = "the TLS handshake failed",
        [WEIR_ERROR_TIMEOUT] = "the attempt's time ran out",
        [WEIR_ERROR_CONNECTION_LOST] = "the connection ended before the response did",
        [WEIR_ERROR_PROTOCOL] = "what came back was not HTTP, or its encoding was broken",
        [WEIR_ERROR_HEADERS_TOO_LARGE] = "the response's header section is too large",
        [WEIR_ERROR_BODY_TOO_LARGE] = "the response's body is too large",
        [WEIR_ERROR_REDIRECTS] = "more redirects than allowed, or one that cannot be followed",
        [WEIR_ERROR_STOPPED] = "a stop ended it",
        [WEIR_ERROR_RESOURCE] = "this machine ran out of memory, ports or file descriptors",
        [WEIR_ERROR_DEADLINE] = "the job's time ran out",
    };

    return (size_t)error < WEIR_ERROR_COUNT && messages[error] != NULL ? messages[error] : "?";
}

static void write_failure(struct weir__writer *writer, const char *code, const char *message)
{
    WEIR__RESULTLINE_PUT(writer, "{\"code\":");
    weir__resultline_text(writer, code, strlen(code));
    WEIR__RESULTLINE_PUT(writer, ",\"message\":");
    weir__resultline_text(writer, message, strlen(message));
    WEIR__RESULTLINE_PUT(writer, "}");
}

static void write_error(struct weir__writer *writer, const struct weir__resultline *line)
{
    const struct weir_result *result = line->result;
    char status[32];

    if (result == NULL && line->error_code != NULL) {
        write_failure(writer, line->error_code, line->error_message != NULL ? line->error_message : "");
    } else if (result == NULL || result->outcome == WEIR_OUTCOME_SUCCEEDED) {
        WEIR__RESULTLINE_PUT(writer, "null");
    } else if (result->detail != NULL && result->detail[0] != '\0') {
        write_failure(writer, weir_error_code(result->error), result->detail);
    } else if (result->error == WEIR_ERROR_STATUS && result->http_status > 0) {
        (void)snprintf(status, sizeof status, "HTTP status %d", result->http_status);
        write_failure(writer, weir_error_code(result->error), status);
    } else {
        write_failure(writer, weir_error_code(result->error), message_of(result->error));
    }
}

static void write_id(struct weir__writer *writer, const struct weir__resultline *line)
{
    char number[DIGITS_MAX + 1];

    if (line->custom_id != NULL)
        weir__resultline_text(writer, line->custom_id, line->custom_id_size);
    else
        weir__resultline_text(writer, number, (size_t)(put_uint(number, line->line) - number));
}

void weir__resultline_write(struct weir__writer *writer, const struct weir__resultline *line)
{
    const size_t from = writer->size;

    weir__writer_expect(writer, USUAL_SIZE + line->custom_id_size + line->metadata_size +
                                    (line->bodies && line->result != NULL ? line->result->body_size : 0));
    WEIR__RESULTLINE_PUT(writer, "{\"custom_id\":");
    write_id(writer, line);
    WEIR__RESULTLINE_PUT(writer, ",\"response\":");
    if (line->result != NULL && line->result->http_status != 0)
        weir__resultline_response(writer, line->result, line->bodies);
    else
        WEIR__RESULTLINE_PUT(writer, "null");
    WEIR__RESULTLINE_PUT(writer, ",\"error\":");
    write_error(writer, line);
    if (line->metadata != NULL) {
        WEIR__RESULTLINE_PUT(writer, ",\"metadata\":");
        weir__resultline_json(writer, line->metadata, line->metadata_size);
    }
    write_weir(writer, line);
    weir__journalline_seal(writer, from);
}
