/* jobline_values - what may stand under a job's keys; see jobline_parts.h */
#include "json/jobline_parts.h"

#include "json/base64.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MIN 16u

/* Passes over the rest of a value that begins with `token`.  False after an error. */
static bool pass(struct weir__jobline_reader *reader, enum weir__scan_token token)
{
    if (token == WEIR__SCAN_OBJECT || token == WEIR__SCAN_ARRAY)
        return weir__scan_skip(&reader->scan);
    return token != WEIR__SCAN_ERROR;
}

/* The text of the string that comes next, for a key called `name`; null is as if the key were not there. */
static bool read_text(struct weir__jobline_reader *reader, const char *name, bool with_null,
                      struct weir__jobline_text *out)
{
    const enum weir__scan_token token = weir__scan_next(&reader->scan);

    if (token == WEIR__SCAN_NULL)
        return true;
    if (token != WEIR__SCAN_STRING) {
        weir__jobline_complain(reader, "%s: expected a string", name);
        return pass(reader, token);
    }
    if (reader->scan.has_null && !with_null)
        weir__jobline_complain(reader, "%s: expected a string without \\u0000", name);
    *out = weir__jobline_take(reader);
    return true;
}

bool weir__jobline_custom_id(struct weir__jobline_reader *reader)
{
    struct weir__jobline_text text = {NULL, 0};
    const bool read = read_text(reader, "custom_id", true, &text);

    if (text.size > WEIR__JOBLINE_ID_MAX_SIZE) {
        weir__jobline_complain(reader, "custom_id: expected at most %u bytes", WEIR__JOBLINE_ID_MAX_SIZE);
        return read;
    }
    reader->job->custom_id = text.bytes;
    reader->job->custom_id_size = text.size;
    return read;
}

bool weir__jobline_method(struct weir__jobline_reader *reader)
{
    struct weir__jobline_text text = {NULL, 0};
    const bool read = read_text(reader, "method", false, &text);

    reader->job->method = text.bytes;
    return read;
}

bool weir__jobline_url(struct weir__jobline_reader *reader)
{
    struct weir__jobline_text text = {NULL, 0};
    const bool read = read_text(reader, "url", false, &text);

    reader->job->url = text.bytes;
    return read;
}

/* The text of the last token, a string, where it stands if it has no escapes: bodies may be long. */
static struct weir__jobline_text text_in_place(struct weir__jobline_reader *reader)
{
    const struct weir__scan *scan = &reader->scan;

    if (scan->escaped)
        return weir__jobline_take(reader);
    return (struct weir__jobline_text){scan->text + scan->start + 1, scan->end - scan->start - 2};
}

bool weir__jobline_body(struct weir__jobline_reader *reader)
{
    const enum weir__scan_token token = weir__scan_next(&reader->scan);
    struct weir__jobline *job = reader->job;
    struct weir__jobline_text text;

    if (token == WEIR__SCAN_STRING) {
        text = text_in_place(reader);
        job->body_kind = WEIR__JOBLINE_TEXT;
        job->body = text.bytes;
        job->body_size = text.size;
        return true;
    }
    if (!pass(reader, token))
        return false;
    job->body_kind = token == WEIR__SCAN_NULL ? WEIR__JOBLINE_NULL : WEIR__JOBLINE_JSON;
    job->body = reader->scan.text + reader->scan.start;
    job->body_size = reader->scan.end - reader->scan.start;
    return true;
}

bool weir__jobline_vegeta_body(struct weir__jobline_reader *reader)
{
    const enum weir__scan_token token = weir__scan_next(&reader->scan);
    struct weir__jobline *job = reader->job;
    struct weir__jobline_text text;
    char *out;
    size_t size;

    if (token == WEIR__SCAN_NULL)
        return true;
    if (token != WEIR__SCAN_STRING) {
        weir__jobline_complain(reader, "body: expected a string");
        return pass(reader, token);
    }
    out = reader->text_end;
    text = weir__jobline_take(reader); /* decoded where it stands */
    if (!weir__base64_decode(text.bytes, text.size, out, &size)) {
        weir__jobline_complain(reader, "body: expected base64");
        return true;
    }
    job->body_kind = WEIR__JOBLINE_TEXT;
    job->body = out;
    job->body_size = size;
    return true;
}

/* Room for one more field; false, after an error, where there are as many as may be or memory is out. */
static bool reserve_header(struct weir__jobline_reader *reader, const char *key)
{
    struct weir__jobline *job = reader->job;
    const size_t capacity = job->header_capacity > 0 ? 2 * job->header_capacity : HEADERS_MIN;
    struct weir_header *headers;

    if (job->header_count == WEIR__JOBLINE_HEADERS_MAX) {
        weir__jobline_complain(reader, "%s: expected at most %u fields", key, WEIR__JOBLINE_HEADERS_MAX);
        return false;
    }
    if (job->header_count < job->header_capacity)
        return true;
    headers = realloc(job->headers, capacity * sizeof *headers);
    if (headers == NULL) {
        reader->no_memory = true;
        return false;
    }
    job->headers = headers;
    job->header_capacity = capacity;
    return true;
}

static void add_header(struct weir__jobline_reader *reader, const char *key, const char *name, const char *value)
{
    struct weir__jobline *job = reader->job;

    if (!reserve_header(reader, key))
        return;
    job->headers[job->header_count].name = name;
    job->headers[job->header_count].value = value;
    job->header_count++;
}

static bool has_header(const struct weir__jobline *job, const char *name)
{
    for (size_t i = 0; i < job->header_count; i++)
        if (strcasecmp(job->headers[i].name, name) == 0)
            return true;
    return false;
}

/* The value of a field from the token that it begins with. */
typedef bool read_field(struct weir__jobline_reader *reader, const char *key, size_t number, const char *name,
                        enum weir__scan_token token);

/* A string, or null. */
static bool read_single(struct weir__jobline_reader *reader, const char *key, size_t number, const char *name,
                        enum weir__scan_token token)
{
    if (token == WEIR__SCAN_NULL)
        add_header(reader, key, name, NULL);
    else if (token != WEIR__SCAN_STRING)
        weir__jobline_complain(reader, "%s: field %zu: expected a string or null", key, number);
    else if (reader->scan.has_null)
        weir__jobline_complain(reader, "%s: field %zu: expected a string without \\u0000", key, number);
    else
        add_header(reader, key, name, weir__jobline_take(reader).bytes);
    return pass(reader, token);
}

/* A list of strings: a field for each. */
static bool read_list(struct weir__jobline_reader *reader, const char *key, size_t number, const char *name,
                      enum weir__scan_token token)
{
    if (token == WEIR__SCAN_NULL)
        return read_single(reader, key, number, name, token);
    if (token != WEIR__SCAN_ARRAY) {
        weir__jobline_complain(reader, "%s: field %zu: expected a list of strings", key, number);
        return pass(reader, token);
    }
    while ((token = weir__scan_next(&reader->scan)) != WEIR__SCAN_ARRAY_END) {
        if (token == WEIR__SCAN_STRING) {
            (void)read_single(reader, key, number, name, token);
            continue;
        }
        weir__jobline_complain(reader, "%s: field %zu: expected a list of strings", key, number);
        if (!pass(reader, token))
            return false;
    }
    return true;
}

/* An object whose names differ, case apart (RFC 9110, section 5.1). */
static bool read_fields(struct weir__jobline_reader *reader, const char *key, read_field *read)
{
    enum weir__scan_token token = weir__scan_next(&reader->scan);
    const char *name;

    if (token == WEIR__SCAN_NULL)
        return true;
    if (token != WEIR__SCAN_OBJECT) {
        weir__jobline_complain(reader, "%s: expected an object", key);
        return pass(reader, token);
    }
    for (size_t number = 1; (token = weir__scan_next(&reader->scan)) == WEIR__SCAN_KEY; number++) {
        if (reader->scan.has_null)
            weir__jobline_complain(reader, "%s: field %zu: expected a name without \\u0000", key, number);
        name = weir__jobline_take(reader).bytes;
        /* where something is wrong already, there may be a million more of them */
        if (reader->job->error[0] == '\0' && has_header(reader->job, name))
            weir__jobline_complain(reader, "%s: field %zu: expected a name that was not given before", key, number);
        if (!read(reader, key, number, name, weir__scan_next(&reader->scan)) || reader->no_memory)
            return false;
    }
    return token == WEIR__SCAN_OBJECT_END;
}

bool weir__jobline_headers(struct weir__jobline_reader *reader)
{
    return read_fields(reader, "headers", read_single);
}

bool weir__jobline_vegeta_header(struct weir__jobline_reader *reader)
{
    return read_fields(reader, "header", read_list);
}
