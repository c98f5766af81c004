/*
 * Fuzzes the reader of job lines, in both formats: its parts lie within the line or its own memory and are what the
 * scanner finds under their keys, a line before leaves nothing behind, no error repeats what the line says, and what is
 * written anew reads back as it was.
 */
#include "fuzz/fuzz_must.h"
#include "json/jobline.h"
#include "json/scan.h"
#include "json/utf8.h"
#include "json/writer.h"

#define SECRET "SECRET" /* stands for all that a line says */

/* The members of a line by the scanner alone. */
struct member {
    unsigned count;
    struct weir__scan scan; /* the last one's value, skipped */
};

struct members {
    bool is_object; /* a JSON text that is one */
    struct member custom_id, method, url, headers, header, body;
};

static struct members list_members(const char *text, size_t size)
{
    struct members members = {0};
    struct {
        const char *name;
        struct member *member;
    } known[] = {{"custom_id", &members.custom_id}, {"method", &members.method}, {"url", &members.url},
                 {"headers", &members.headers},     {"header", &members.header}, {"body", &members.body}};
    struct weir__scan scan;

    weir__scan_init(&scan, text, size);
    if (weir__scan_next(&scan) != WEIR__SCAN_OBJECT)
        return members;
    while (weir__scan_next(&scan) == WEIR__SCAN_KEY) {
        struct member *member = NULL;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (weir__scan_is(&scan, known[i].name))
                member = known[i].member;
        if (!weir__scan_skip(&scan))
            return members;
        if (member != NULL) {
            member->count++;
            member->scan = scan;
        }
    }
    members.is_object = weir__scan_next(&scan) == WEIR__SCAN_END;
    return members;
}

static bool is_json_object(const char *text, size_t size)
{
    return list_members(text, size).is_object;
}

static bool is_json(const char *text, size_t size)
{
    enum weir__scan_token token;
    struct weir__scan scan;

    weir__scan_init(&scan, text, size);
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END)
        continue;
    return token == WEIR__SCAN_END;
}

static bool is_string(const struct member *member)
{
    return member->count == 1 && member->scan.text[member->scan.start] == '"';
}

static bool member_says(const struct member *member, const void *bytes, size_t size)
{
    char *value = malloc(member->scan.end - member->scan.start);

    MUST(value != NULL);
    const size_t value_size = weir__scan_unescape(&member->scan, value);
    const bool same = value_size == size && memcmp(value, bytes, size) == 0;
    free(value);
    return same;
}

static bool is_utf8(const char *text, size_t size)
{
    for (size_t at = 0, length; at < size; at += length) {
        length = weir__utf8_length(text + at, size - at);
        if (length == 0)
            return false;
    }
    return true;
}

/* It lies in the line or in what is the reader's own. */
static void check_place(const struct weir__jobline *job, const char *text, size_t size, const char *part,
                        size_t part_size)
{
    const uintptr_t at = (uintptr_t)part, line = (uintptr_t)text, own = (uintptr_t)job->buffer;

    MUST(
        (at >= line && at <= line + size && part_size <= line + size - at) ||
        (job->buffer != NULL && at >= own && at <= own + job->buffer_size && part_size <= own + job->buffer_size - at));
}

static void check_text(const struct weir__jobline *job, const char *text, size_t size, const char *part)
{
    MUST(part != NULL && is_utf8(part, strlen(part)));
    check_place(job, text, size, part, strlen(part) + 1);
}

static void check_body(const struct weir__jobline *job, const struct member *member)
{
    const char *body = job->body;

    switch (job->body_kind) {
    case WEIR__JOBLINE_NO_BODY:
        MUST(job->body_size == 0);
        return;
    case WEIR__JOBLINE_TEXT:
        MUST(is_string(member));
        return;
    case WEIR__JOBLINE_JSON:
    case WEIR__JOBLINE_NULL:
        MUST(member->count == 1 && !is_string(member) && is_json(body, job->body_size));
        MUST(body == member->scan.text + member->scan.start);
        MUST(job->body_size == member->scan.end - member->scan.start);
        MUST((job->body_kind == WEIR__JOBLINE_NULL) == (body[0] == 'n'));
        return;
    }
    MUST(job->body_kind == WEIR__JOBLINE_NO_BODY); /* or of no kind at all */
}

static void check_parts(const struct weir__jobline *job, enum weir__jobline_format format, const char *text,
                        size_t size, const struct members *members)
{
    const bool batch = format == WEIR__JOBLINE_BATCH;

    MUST(members->is_object && job->error[0] == '\0');
    MUST(is_string(&members->url) && members->method.count <= 1 && members->body.count <= 1);
    MUST(member_says(&members->url, job->url, strlen(job->url)));
    check_text(job, text, size, job->url);
    if (job->method != NULL) {
        check_text(job, text, size, job->method);
        MUST(is_string(&members->method) && member_says(&members->method, job->method, strlen(job->method)));
    }
    MUST((batch ? members->headers : members->header).count <= 1);
    MUST(job->header_count <= WEIR__JOBLINE_HEADERS_MAX);
    for (size_t i = 0; i < job->header_count; i++) {
        check_text(job, text, size, job->headers[i].name);
        if (job->headers[i].value != NULL)
            check_text(job, text, size, job->headers[i].value);
    }
    check_body(job, &members->body);
    if (job->body_size > 0)
        check_place(job, text, size, job->body, job->body_size);
    if (batch && job->body_kind == WEIR__JOBLINE_TEXT)
        MUST(member_says(&members->body, job->body, job->body_size));
    MUST((job->metadata == NULL) == (job->metadata_size == 0));
    if (job->metadata != NULL) {
        check_place(job, text, size, job->metadata, job->metadata_size);
        MUST(is_json_object(job->metadata, job->metadata_size));
    }
}

/* The id holds for lines that are no jobs, too. */
static void check_id(const struct weir__jobline *job, enum weir__jobline_format format, const char *text, size_t size,
                     const struct members *members)
{
    if (job->custom_id == NULL) {
        MUST(job->custom_id_size == 0);
        if (format == WEIR__JOBLINE_BATCH && members->is_object && is_string(&members->custom_id))
            MUST(members->custom_id.scan.end - members->custom_id.scan.start - 2 > WEIR__JOBLINE_ID_MAX_SIZE);
        return;
    }
    MUST(format == WEIR__JOBLINE_BATCH && members->is_object && is_string(&members->custom_id));
    MUST(job->custom_id_size <= WEIR__JOBLINE_ID_MAX_SIZE);
    check_place(job, text, size, job->custom_id, job->custom_id_size);
    MUST(member_says(&members->custom_id, job->custom_id, job->custom_id_size));
}

static void check_error(const struct weir__jobline *job)
{
    const size_t length = strnlen(job->error, sizeof job->error);

    MUST(length > 0 && length < sizeof job->error);
    for (size_t i = 0; i < length; i++)
        MUST(job->error[i] >= ' ' && job->error[i] <= '~');
    MUST(strstr(job->error, SECRET) == NULL);
}

static bool same_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    if (a == NULL || b == NULL)
        return a == b && a_size == b_size;
    return a_size == b_size && memcmp(a, b, a_size) == 0;
}

static bool same_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

static void check_same(const struct weir__jobline *a, const struct weir__jobline *b)
{
    MUST(strcmp(a->error, b->error) == 0);
    MUST(same_bytes(a->custom_id, a->custom_id_size, b->custom_id, b->custom_id_size));
    if (a->error[0] != '\0')
        return;
    MUST(same_text(a->method, b->method) && same_text(a->url, b->url));
    MUST(a->body_kind == b->body_kind && same_bytes(a->body, a->body_size, b->body, b->body_size));
    MUST(same_bytes(a->metadata, a->metadata_size, b->metadata, b->metadata_size));
    MUST(a->header_count == b->header_count);
    for (size_t i = 0; i < a->header_count; i++)
        MUST(same_text(a->headers[i].name, b->headers[i].name) && same_text(a->headers[i].value, b->headers[i].value));
}

/* The job as a line of the batch format. */
static void write_line(struct weir__writer *writer, const struct weir__jobline *job)
{
    weir__writer_object(writer, NULL);
    if (job->body_kind == WEIR__JOBLINE_TEXT)
        weir__writer_bytes(writer, "body", job->body, job->body_size);
    else if (job->body_kind != WEIR__JOBLINE_NO_BODY)
        weir__writer_raw(writer, "body", job->body, job->body_size);
    weir__writer_object(writer, "headers");
    for (size_t i = 0; i < job->header_count; i++)
        weir__writer_string(writer, job->headers[i].name, job->headers[i].value);
    weir__writer_end(writer);
    weir__writer_string(writer, "url", job->url);
    if (job->method != NULL)
        weir__writer_string(writer, "method", job->method);
    if (job->custom_id != NULL)
        weir__writer_bytes(writer, "custom_id", job->custom_id, job->custom_id_size);
    weir__writer_end(writer);
    MUST(!writer->failed);
}

static void check_round_trip(const struct weir__jobline *job)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__jobline again = {0};

    write_line(&writer, job);
    char *line = malloc(writer.size + job->metadata_size);
    size_t size = writer.size;
    MUST(line != NULL);
    memcpy(line, writer.text, size);
    if (job->metadata != NULL) { /* its members after ours */
        line[size - 1] = ',';
        memcpy(line + size, job->metadata + 1, job->metadata_size - 1);
        size += job->metadata_size - 1;
    }
    MUST(weir__jobline_parse(&again, WEIR__JOBLINE_BATCH, line, size));
    check_same(job, &again);
    weir__jobline_clear(&again);
    weir__writer_clear(&writer);
    free(line);
}

static void check_line(struct weir__jobline *reused, enum weir__jobline_format format, const char *text, size_t size,
                       const struct members *members)
{
    struct weir__jobline fresh = {0};
    const bool good = weir__jobline_parse(&fresh, format, text, size);

    MUST(weir__jobline_parse(reused, format, text, size) == good);
    check_same(&fresh, reused);
    check_id(reused, format, text, size, members);
    if (!good)
        check_error(reused);
    else
        check_parts(reused, format, text, size, members);
    if (good && format == WEIR__JOBLINE_BATCH)
        check_round_trip(reused);
    weir__jobline_clear(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weir__jobline batch, vegeta; /* from line to line, as in a batch */
    char *text = malloc(size > 0 ? size : 1);  /* without a NUL */

    MUST(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    const struct members members = list_members(text, size);
    check_line(&batch, WEIR__JOBLINE_BATCH, text, size, &members);
    check_line(&vegeta, WEIR__JOBLINE_VEGETA, text, size, &members);
    free(text);
    return 0;
}
