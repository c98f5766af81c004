/* jobline - see jobline.h.  One pass over the line; values are read in jobline_values. */
#include "json/jobline_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE_MIN 4096u

struct known_key {
    const char *name;
    size_t size;
    bool (*read)(struct weir__jobline_reader *reader);
};

static const struct known_key batch_keys[] = {
    {"custom_id", 9, weir__jobline_custom_id}, {"method", 6, weir__jobline_method}, {"url", 3, weir__jobline_url},
    {"headers", 7, weir__jobline_headers},     {"body", 4, weir__jobline_body},     {NULL, 0, NULL},
};

static const struct known_key vegeta_keys[] = {
    {"method", 6, weir__jobline_method},
    {"url", 3, weir__jobline_url},
    {"header", 6, weir__jobline_vegeta_header},
    {"body", 4, weir__jobline_vegeta_body},
    {NULL, 0, NULL},
};

void weir__jobline_complain(struct weir__jobline_reader *reader, const char *format, ...)
{
    va_list args;

    if (reader->job->error[0] != '\0')
        return;
    va_start(args, format);
    (void)vsnprintf(reader->job->error, sizeof reader->job->error, format, args);
    va_end(args);
}

struct weir__jobline_text weir__jobline_take(struct weir__jobline_reader *reader)
{
    const size_t size = weir__scan_unescape(&reader->scan, reader->text_end);
    const struct weir__jobline_text text = {reader->text_end, size};

    reader->text_end[size] = '\0';
    reader->text_end += size + 1;
    return text;
}

static size_t column_of(const struct weir__scan *scan, size_t offset)
{
    size_t line, column;
    weir__scan_locate(scan->text, offset, &line, &column);
    return column;
}

/* Forgets the parts of a line, but not the id. */
static void forget_parts(struct weir__jobline *job)
{
    job->method = NULL;
    job->url = NULL;
    job->header_count = 0;
    job->body_kind = WEIR__JOBLINE_NO_BODY;
    job->body = NULL;
    job->body_size = 0;
    job->metadata = NULL;
    job->metadata_size = 0;
}

static void forget_id(struct weir__jobline *job)
{
    job->custom_id = NULL;
    job->custom_id_size = 0;
}

/* A buffer for a line of `size` bytes.  It grows by doubling, so that lines of about one size are served by one. */
static bool reserve(struct weir__jobline *job, size_t size)
{
    const size_t needed = 2 * (size + 16);
    size_t capacity = BUFFER_SIZE_MIN;

    if (size > SIZE_MAX / 8)
        return false;
    if (needed <= job->buffer_size && (job->buffer_size <= WEIR__JOBLINE_KEEP_SIZE || needed > WEIR__JOBLINE_KEEP_SIZE))
        return true;
    while (capacity < needed)
        capacity *= 2;
    free(job->buffer);
    job->buffer = malloc(capacity);
    job->buffer_size = job->buffer != NULL ? capacity : 0;
    return job->buffer != NULL;
}

/* Whether an unknown key was there before; keeps it if not. */
static bool seen_before(struct weir__jobline_reader *reader, struct weir__jobline_text key)
{
    for (size_t i = 0; i < reader->key_count; i++)
        if (reader->keys[i].size == key.size && memcmp(reader->keys[i].bytes, key.bytes, key.size) == 0)
            return true;
    if (reader->key_count < WEIR__JOBLINE_KEYS_MAX)
        reader->keys[reader->key_count++] = key;
    return false;
}

static void add_metadata(struct weir__jobline_reader *reader, size_t start, size_t end)
{
    memcpy(reader->metadata_end, reader->scan.text + start, end - start);
    reader->metadata_end += end - start;
}

/* An unknown key and its value, byte for byte. */
static bool read_unknown(struct weir__jobline_reader *reader, struct weir__jobline_text key)
{
    const size_t start = reader->scan.start, end = reader->scan.end;

    if (reader->job->error[0] != '\0') /* nobody will ask for it; and there may be a million of them */
        return weir__scan_skip(&reader->scan);
    if (reader->key_count == WEIR__JOBLINE_KEYS_MAX)
        weir__jobline_complain(reader, "column %zu: expected at most %u keys beside the known ones",
                               column_of(&reader->scan, start), WEIR__JOBLINE_KEYS_MAX);
    else if (seen_before(reader, key))
        weir__jobline_complain(reader, "column %zu: expected a key that was not given before",
                               column_of(&reader->scan, start));
    if (!weir__scan_skip(&reader->scan))
        return false;
    if (reader->metadata_end == NULL) {
        reader->metadata_end = reader->job->buffer + reader->job->buffer_size / 2;
        reader->job->metadata = reader->metadata_end;
    }
    *reader->metadata_end = reader->metadata_end == reader->job->metadata ? '{' : ',';
    reader->metadata_end++;
    add_metadata(reader, start, end);
    *reader->metadata_end++ = ':';
    add_metadata(reader, reader->scan.start, reader->scan.end);
    return true;
}

/* After a key: it, and its value. */
static bool read_member(struct weir__jobline_reader *reader, const struct known_key *known)
{
    struct weir__jobline_text key = {reader->scan.text + reader->scan.start + 1,
                                     reader->scan.end - reader->scan.start - 2};
    bool again;

    if (reader->scan.escaped)
        key = weir__jobline_take(reader);
    for (unsigned i = 0; known[i].name != NULL; i++) {
        if (known[i].size != key.size || memcmp(known[i].name, key.bytes, key.size) != 0)
            continue;
        again = (reader->known >> i & 1) != 0;
        reader->known |= 1u << i;
        if (!again)
            return known[i].read(reader);
        weir__jobline_complain(reader, "%s: expected once", known[i].name);
        if (known[i].read == weir__jobline_custom_id)
            forget_id(reader->job); /* which of the two it is, nobody knows */
        return weir__scan_skip(&reader->scan);
    }
    return read_unknown(reader, key);
}

/* All members, and nothing after the object.  False where the line cannot be read to its end. */
static bool read_line(struct weir__jobline_reader *reader, const struct known_key *known)
{
    enum weir__scan_token token = weir__scan_next(&reader->scan);

    if (token != WEIR__SCAN_OBJECT) {
        weir__jobline_complain(reader, "column %zu: expected an object", column_of(&reader->scan, reader->scan.start));
        return false;
    }
    while ((token = weir__scan_next(&reader->scan)) == WEIR__SCAN_KEY)
        if (!read_member(reader, known))
            return false;
    return token == WEIR__SCAN_OBJECT_END && weir__scan_next(&reader->scan) == WEIR__SCAN_END;
}

/* What is wrong with a line that could not be read to its end counts for more than what was wrong in it before. */
static void say_unreadable(struct weir__jobline_reader *reader)
{
    const struct weir__scan *scan = &reader->scan;
    struct weir__jobline *job = reader->job;

    if (scan->state == WEIR__SCAN_BROKEN)
        (void)snprintf(job->error, sizeof job->error, "column %zu: expected %s", column_of(scan, scan->start),
                       scan->expected);
    else if (reader->no_memory)
        (void)snprintf(job->error, sizeof job->error, "out of memory");
    forget_id(job);
}

bool weir__jobline_parse(struct weir__jobline *jobline, enum weir__jobline_format format, const char *text, size_t size)
{
    const bool vegeta = format == WEIR__JOBLINE_VEGETA;
    struct weir__jobline_reader reader; /* not zeroed: 16 KiB of keys */

    forget_parts(jobline);
    forget_id(jobline);
    jobline->error[0] = '\0';
    reader.job = jobline;
    reader.no_memory = !reserve(jobline, size);
    reader.text_end = jobline->buffer;
    reader.metadata_end = NULL;
    reader.known = 0;
    reader.key_count = 0;
    weir__scan_init(&reader.scan, text, size);

    if (reader.no_memory || !read_line(&reader, vegeta ? vegeta_keys : batch_keys)) {
        say_unreadable(&reader);
    } else {
        if (vegeta && jobline->method == NULL)
            weir__jobline_complain(&reader, "method: expected a string, got none");
        if (jobline->url == NULL)
            weir__jobline_complain(&reader, "url: expected a string, got none");
    }
    if (jobline->error[0] != '\0') {
        forget_parts(jobline);
        return false;
    }
    if (reader.metadata_end != NULL) {
        *reader.metadata_end++ = '}';
        jobline->metadata_size = (size_t)(reader.metadata_end - jobline->metadata);
    }
    return true;
}

void weir__jobline_clear(struct weir__jobline *jobline)
{
    if (jobline == NULL)
        return;
    free(jobline->buffer);
    free(jobline->headers);
    memset(jobline, 0, sizeof *jobline);
}
