/*
 * bench_results_read - a benchmark's results, read back from their JSON.
 *
 * Tables say which key fills which field; one function walks them.  A figure that is null or missing is NaN; what is
 * not known is passed over; what is known must be of its type, once, and within its bounds.  What figures mean is not
 * its concern.
 */
#include "json/bench_results.h"

#include "json/scan.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    TEXT,   /* char *: a string, or null */
    RAW,    /* char *: any value, byte for byte; null is NULL */
    FIGURE, /* double: a number, or null: NaN */
    SMALL,  /* uint32_t */
    LARGE,  /* uint64_t */
    TRUTH,  /* bool */
    COUNTS, /* uint64_t[max]: an array of just so many */
    PART,   /* an object whose fields lie in the same structure, from `offset` on */
    LIST    /* an array of objects, at most `max`: a pointer, and its count at `count_offset` */
};

struct member {
    const char *key;
    enum kind kind;
    bool needed; /* the key must be there, and of a TEXT something */
    size_t offset;
    size_t count_offset, max;
    const struct shape *of;
};

struct shape {
    const struct member *members;
    size_t count; /* at most 32 */
    size_t size;  /* of the structure */
};

struct reader {
    struct weir__scan scan;
    char *error;
    size_t error_size;
};

/* ----------------------------------------------------------------------------------------------------------- the keys
 */

#define AT(type, field) offsetof(struct weir__bench_##type, field)
#define MEMBER(type, name, what)                                                                                       \
    {                                                                                                                  \
#name, what, false, AT(type, name), 0, 0, NULL                                                                 \
    }
#define NEEDED(type, name, what)                                                                                       \
    {                                                                                                                  \
#name, what, true, AT(type, name), 0, 0, NULL                                                                  \
    }
#define ROWS(type, name, field, number, most, shape)                                                                   \
    {                                                                                                                  \
#name, LIST, false, AT(type, field), AT(type, number), most, shape                                             \
    }
#define SHAPE(members, type)                                                                                           \
    {                                                                                                                  \
        members, sizeof(members) / sizeof(members)[0], sizeof(struct weir__bench_##type)                               \
    }

static const struct member point_members[] = {NEEDED(point, share, FIGURE), NEEDED(point, ms, FIGURE)};
static const struct shape point_shape = SHAPE(point_members, point);

static const struct member slice_members[] = {
    NEEDED(slice, t_s, FIGURE),      MEMBER(slice, ended, LARGE),
    MEMBER(slice, in_flight, SMALL), MEMBER(slice, p50_ms, FIGURE),
    MEMBER(slice, p99_ms, FIGURE),   {"statuses", COUNTS, false, AT(slice, statuses), 0, 6, NULL},
    MEMBER(slice, refused, LARGE),
};
static const struct shape slice_shape = SHAPE(slice_members, slice);

static const struct member pause_members[] = {NEEDED(pause, from_s, FIGURE), NEEDED(pause, to_s, FIGURE)};
static const struct shape pause_shape = SHAPE(pause_members, pause);

static const struct member latency_members[] = {
    {"p50", FIGURE, false, AT(figures, latency_ms), 0, 0, NULL},
    {"p90", FIGURE, false, AT(figures, latency_ms) + sizeof(double), 0, 0, NULL},
    {"p99", FIGURE, false, AT(figures, latency_ms) + 2 * sizeof(double), 0, 0, NULL},
    {"p99_9", FIGURE, false, AT(figures, latency_ms) + 3 * sizeof(double), 0, 0, NULL},
    {"max", FIGURE, false, AT(figures, latency_ms) + 4 * sizeof(double), 0, 0, NULL},
    {"mean", FIGURE, false, AT(figures, latency_mean_ms), 0, 0, NULL},
};
static const struct shape latency_shape = SHAPE(latency_members, figures);

static const struct member figures_members[] = {
    MEMBER(figures, round, SMALL),
    MEMBER(figures, failed, TRUTH),
    MEMBER(figures, elapsed_s, FIGURE),
    MEMBER(figures, requests, FIGURE),
    MEMBER(figures, succeeded, FIGURE),
    MEMBER(figures, failures, FIGURE),
    MEMBER(figures, refused, FIGURE),
    MEMBER(figures, rate_per_s, FIGURE),
    MEMBER(figures, cpu_user_s, FIGURE),
    MEMBER(figures, cpu_system_s, FIGURE),
    MEMBER(figures, cpu_us, FIGURE),
    MEMBER(figures, switches_voluntary, FIGURE),
    MEMBER(figures, switches_involuntary, FIGURE),
    MEMBER(figures, max_rss_bytes, FIGURE),
    {"latency_ms", PART, false, 0, 0, 0, &latency_shape},
    MEMBER(figures, quota, FIGURE),
};
static const struct shape figures_shape = SHAPE(figures_members, figures);

static const struct member subject_members[] = {
    NEEDED(subject, name, TEXT),
    NEEDED(subject, kind, TEXT),
    MEMBER(subject, skipped, TEXT),
    MEMBER(subject, errors, RAW),
    ROWS(subject, rounds, rounds, round_count, WEIR__BENCH_ROUNDS_MAX * 2u, &figures_shape), /* warm-ups are as many */
    {"median", PART, false, AT(subject, median), 0, 0, &figures_shape},
    {"least", PART, false, AT(subject, least), 0, 0, &figures_shape},
    {"most", PART, false, AT(subject, most), 0, 0, &figures_shape},
    ROWS(subject, curve, curve, curve_count, WEIR__BENCH_CURVE_MAX, &point_shape),
    ROWS(subject, series, series, series_count, WEIR__BENCH_SERIES_MAX, &slice_shape),
    ROWS(subject, pauses, pauses, pause_count, WEIR__BENCH_PAUSES_MAX, &pause_shape),
};
static const struct shape subject_shape = SHAPE(subject_members, subject);

static const struct member cell_members[] = {
    NEEDED(cell, concurrency, SMALL),
    MEMBER(cell, target_latency_ms, FIGURE),
    MEMBER(cell, total, LARGE),
    ROWS(cell, subjects, subjects, subject_count, WEIR__BENCH_SUBJECTS_MAX, &subject_shape),
};
static const struct shape cell_shape = SHAPE(cell_members, cell);

static const struct member results_members[] = {
    MEMBER(results, version, TEXT),
    MEMBER(results, started_at, TEXT),
    MEMBER(results, machine, TEXT),
    MEMBER(results, url, TEXT),
    MEMBER(results, built_in, TRUTH),
    MEMBER(results, limit, TEXT),
    MEMBER(results, rates, TEXT),
    MEMBER(results, intended, TRUTH),
    MEMBER(results, config, RAW),
    MEMBER(results, rounds, SMALL),
    MEMBER(results, warmups, SMALL),
    {"cells", LIST, true, AT(results, cells), AT(results, cell_count), WEIR__BENCH_CELLS_MAX, &cell_shape},
};
static const struct shape results_shape = SHAPE(results_members, results);

/* ------------------------------------------------------------------------------------------------------- what is wrong
 */

/* The first one counts.  Always false. */
static bool fail(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct reader *reader, const char *format, ...)
{
    size_t line, column;
    int used;
    va_list arguments;

    if (reader->error[0] != '\0')
        return false;
    weir__scan_locate(reader->scan.text, reader->scan.start, &line, &column);
    used = snprintf(reader->error, reader->error_size, "line %zu, column %zu: ", line, column);
    if (used < 0 || (size_t)used >= reader->error_size)
        return false;
    va_start(arguments, format);
    (void)vsnprintf(reader->error + used, reader->error_size - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* The next token; what is no JSON is told of here. */
static enum weir__scan_token next(struct reader *reader)
{
    const enum weir__scan_token token = weir__scan_next(&reader->scan);

    if (token == WEIR__SCAN_ERROR)
        (void)fail(reader, "expected %s", reader->scan.expected);
    return token;
}

static bool skip(struct reader *reader)
{
    return weir__scan_skip(&reader->scan) || fail(reader, "expected %s", reader->scan.expected);
}

/* ---------------------------------------------------------------------------------------------------------- the values
 */

static bool copy(struct reader *reader, bool unescape, char **out)
{
    const struct weir__scan *scan = &reader->scan;
    char *text = malloc(scan->end - scan->start + 1);

    if (text == NULL)
        return fail(reader, "out of memory");
    if (unescape) {
        text[weir__scan_unescape(scan, text)] = '\0';
    } else {
        memcpy(text, scan->text + scan->start, scan->end - scan->start);
        text[scan->end - scan->start] = '\0';
    }
    *out = text;
    return true;
}

static bool read_text(struct reader *reader, const struct member *member, char **out)
{
    const enum weir__scan_token token = next(reader);

    if (token == WEIR__SCAN_NULL && !member->needed)
        return true;
    if (token != WEIR__SCAN_STRING || reader->scan.has_null)
        return fail(reader, "%s: expected a string", member->key);
    return copy(reader, true, out);
}

static bool read_raw(struct reader *reader, char **out)
{
    if (!skip(reader))
        return false;
    return reader->scan.text[reader->scan.start] == 'n' || copy(reader, false, out);
}

static bool read_figure(struct reader *reader, const struct member *member, double *out)
{
    const enum weir__scan_token token = next(reader);
    const size_t size = reader->scan.end - reader->scan.start;
    char digits[64];
    double value;

    if (token == WEIR__SCAN_NULL && !member->needed)
        return true;
    if (token != WEIR__SCAN_NUMBER || size >= sizeof digits)
        return fail(reader, "%s: expected a number", member->key);
    memcpy(digits, reader->scan.text + reader->scan.start, size);
    digits[size] = '\0';
    value = strtod(digits, NULL);
    if (!isfinite(value))
        return fail(reader, "%s: the number is too large", member->key);
    *out = value;
    return true;
}

static bool read_whole(struct reader *reader, const char *key, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (next(reader) != WEIR__SCAN_NUMBER)
        return fail(reader, "%s: expected a whole number", key);
    for (size_t at = reader->scan.start; at < reader->scan.end; at++) {
        const char c = reader->scan.text[at];
        const uint64_t digit = (uint64_t)(c - '0');
        if (c < '0' || c > '9')
            return fail(reader, "%s: expected a whole number", key);
        if (value > (max - digit) / 10)
            return fail(reader, "%s: the number is too large", key);
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool read_truth(struct reader *reader, const struct member *member, bool *out)
{
    const enum weir__scan_token token = next(reader);

    if (token != WEIR__SCAN_TRUE && token != WEIR__SCAN_FALSE)
        return fail(reader, "%s: expected true or false", member->key);
    *out = token == WEIR__SCAN_TRUE;
    return true;
}

static bool read_counts(struct reader *reader, const struct member *member, uint64_t *out)
{
    if (next(reader) != WEIR__SCAN_ARRAY)
        return fail(reader, "%s: expected an array", member->key);
    for (size_t i = 0; i < member->max; i++)
        if (!read_whole(reader, member->key, UINT64_MAX, &out[i]))
            return false;
    return next(reader) == WEIR__SCAN_ARRAY_END ||
           fail(reader, "%s: expected an array of %zu numbers", member->key, member->max);
}

/* ---------------------------------------------------------------------------------------------------------- the walk
 */

static bool read_members(struct reader *reader, const struct shape *shape, char *out);

static bool read_list(struct reader *reader, const struct member *member, char *out)
{
    const size_t size = member->of->size;
    void **const items = (void **)(void *)(out + member->offset);
    size_t *const count = (size_t *)(void *)(out + member->count_offset);
    size_t capacity = 0;
    enum weir__scan_token token;

    if (next(reader) != WEIR__SCAN_ARRAY)
        return fail(reader, "%s: expected an array", member->key);
    while ((token = next(reader)) == WEIR__SCAN_OBJECT) {
        if (*count == member->max)
            return fail(reader, "%s: more than %zu", member->key, member->max);
        if (*count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            void *const more = realloc(*items, capacity * size);
            if (more == NULL)
                return fail(reader, "out of memory");
            *items = more;
        }
        memset((char *)*items + *count * size, 0, size);
        ++*count; /* before it is filled: clear finds what half of it holds */
        if (!read_members(reader, member->of, (char *)*items + (*count - 1) * size))
            return false;
    }
    return token == WEIR__SCAN_ARRAY_END || fail(reader, "%s: expected an array of objects", member->key);
}

static bool read_value(struct reader *reader, const struct member *member, char *out)
{
    void *const field = out + member->offset;
    uint64_t whole;

    switch (member->kind) {
    case TEXT:
        return read_text(reader, member, field);
    case RAW:
        return read_raw(reader, field);
    case FIGURE:
        return read_figure(reader, member, field);
    case SMALL:
        if (!read_whole(reader, member->key, UINT32_MAX, &whole))
            return false;
        *(uint32_t *)field = (uint32_t)whole;
        return true;
    case LARGE:
        return read_whole(reader, member->key, UINT64_MAX, field);
    case TRUTH:
        return read_truth(reader, member, field);
    case COUNTS:
        return read_counts(reader, member, field);
    case PART:
        return next(reader) == WEIR__SCAN_OBJECT ? read_members(reader, member->of, field)
                                                 : fail(reader, "%s: expected an object", member->key);
    case LIST:
        return read_list(reader, member, out);
    }
    return false;
}

/* Figures that no key will bring. */
static void prepare(const struct shape *shape, char *out)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct member *member = &shape->members[i];
        if (member->kind == FIGURE)
            *(double *)(void *)(out + member->offset) = (double)NAN;
        else if (member->kind == PART)
            prepare(member->of, out + member->offset);
    }
}

/* After an object's brace: all of it. */
static bool read_members(struct reader *reader, const struct shape *shape, char *out)
{
    enum weir__scan_token token;
    uint32_t seen = 0;
    bool good;

    prepare(shape, out);
    while ((token = next(reader)) == WEIR__SCAN_KEY) {
        size_t i = 0;
        while (i < shape->count && !weir__scan_is(&reader->scan, shape->members[i].key))
            i++;
        if (i == shape->count)
            good = skip(reader);
        else if ((seen >> i & 1) != 0)
            good = fail(reader, "%s: it stands there twice", shape->members[i].key);
        else
            good = read_value(reader, &shape->members[i], out);
        if (!good)
            return false;
        seen |= i < shape->count ? UINT32_C(1) << i : 0;
    }
    if (token != WEIR__SCAN_OBJECT_END)
        return fail(reader, "expected a key");
    for (size_t i = 0; i < shape->count; i++)
        if (shape->members[i].needed && (seen >> i & 1) == 0)
            return fail(reader, "%s is missing", shape->members[i].key);
    return true;
}

/* The brace and the format, which comes first. */
static bool read_format(struct reader *reader)
{
    const bool object = next(reader) == WEIR__SCAN_OBJECT, key = object && next(reader) == WEIR__SCAN_KEY;
    uint64_t format = 0;

    if (!key || !weir__scan_is(&reader->scan, "weir_bench"))
        return fail(reader, "these are no results of weir bench");
    if (!read_whole(reader, "weir_bench", UINT64_MAX, &format))
        return false;
    return format == WEIR__BENCH_FORMAT || fail(reader, "weir_bench: this version reads format %d, not %llu",
                                                WEIR__BENCH_FORMAT, (unsigned long long)format);
}

bool weir__bench_results_read(const char *text, size_t size, struct weir__bench_results *out, char *error,
                              size_t error_size)
{
    struct weir__bench_results results = {.version = NULL};
    struct reader reader = {.error = error, .error_size = error_size};

    error[0] = '\0';
    weir__scan_init(&reader.scan, text, size);
    if (size > WEIR__BENCH_FILE_MAX_SIZE) {
        (void)snprintf(error, error_size, "it is larger than %u MiB", WEIR__BENCH_FILE_MAX_SIZE >> 20);
        return false;
    }
    if (read_format(&reader) && read_members(&reader, &results_shape, (char *)&results) &&
        (next(&reader) == WEIR__SCAN_END || fail(&reader, "expected the end"))) {
        *out = results;
        return true;
    }
    weir__bench_results_clear(&results);
    return false;
}
