/*
 * Fuzzes the scanner beside a second parser, jansson: both take a text or neither does, strings come out the same, and
 * skip() and next() agree on what a value spans.
 *
 * jansson refuses some JSON for what it means: numbers that no double holds, and NUL in an object's names.  Such a text
 * is judged by a copy of the same grammar without either.  And jansson 2.14 passes over a raw NUL after a number or a
 * word; a text with one is no JSON wherever it stands.
 */
#include "fuzz/fuzz_must.h"
#include "json/scan.h"

#include <jansson.h>

#define FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)

/* Reads a text byte by byte and knows where it is inside a string, up to the first byte that is not JSON. */
struct place {
    bool in_string, escaped;
};

static void place_pass(struct place *place, char c)
{
    if (!place->in_string)
        place->in_string = c == '"';
    else if (place->escaped)
        place->escaped = false;
    else if (c == '"')
        place->in_string = false;
    else
        place->escaped = c == '\\';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * Copies a text into `out`, of at least its size.  Outside of strings a row of digits becomes one that is short and, at
 * any place in a number, as right or wrong as it was: 0 stays, what begins with 0 becomes 00, the rest 1.  Inside,
 * \u0000 becomes \u0001.
 */
static size_t tame(const char *text, size_t size, char *out)
{
    struct place place = {false, false};
    size_t length = 0;

    for (size_t i = 0; i < size;) {
        size_t digits = i;
        while (!place.in_string && digits < size && is_digit(text[digits]))
            digits++;
        if (digits > i) {
            out[length++] = text[i] == '0' ? '0' : '1';
            if (text[i] == '0' && digits > i + 1)
                out[length++] = '0';
            i = digits;
            continue;
        }
        const bool null = place.escaped && size - i >= 5 && memcmp(text + i, "u0000", 5) == 0;
        place_pass(&place, text[i]);
        out[length++] = text[i++];
        if (null) {
            memcpy(out + length, "0001", 4);
            length += 4;
            i += 4;
        }
    }
    return length;
}

static bool jansson_takes(const char *text, size_t size, enum json_error_code *out_code)
{
    json_error_t error;
    json_t *value = json_loadb(text, size, FLAGS, &error);

    *out_code = value == NULL ? json_error_code(&error) : json_error_unknown;
    json_decref(value);
    return value != NULL;
}

static bool is_json(const char *text, size_t size)
{
    enum json_error_code code;

    if (memchr(text, '\0', size) != NULL)
        return false;
    if (jansson_takes(text, size, &code))
        return true;
    if (code != json_error_numeric_overflow && code != json_error_null_byte_in_key)
        return false;
    char *tamed = malloc(size);
    MUST(tamed != NULL);
    const bool taken = jansson_takes(tamed, tame(text, size, tamed), &code);
    MUST(taken || (code != json_error_numeric_overflow && code != json_error_null_byte_in_key));
    free(tamed);
    return taken;
}

/* A text was refused for its depth: up to there, with a value there and all that is open closed, it must be JSON. */
static void check_depth(const char *text, size_t size, size_t at)
{
    char closers[WEIR__SCAN_DEPTH_MAX] = {0}, *shallow = malloc(at + 1 + sizeof closers);
    struct place place = {false, false};
    size_t depth = 0;

    MUST(shallow != NULL);
    for (size_t i = 0; i < at; i++) {
        const bool outside = !place.in_string;
        place_pass(&place, text[i]);
        if (outside && (text[i] == '{' || text[i] == '[')) {
            MUST(depth < sizeof closers);
            closers[depth++] = text[i] == '{' ? '}' : ']';
        } else if (outside && (text[i] == '}' || text[i] == ']')) {
            MUST(depth > 0);
            depth--;
        }
    }
    MUST(!place.in_string && depth == sizeof closers && at < size && (text[at] == '{' || text[at] == '['));
    memcpy(shallow, text, at);
    shallow[at++] = '0';
    while (depth > 0)
        shallow[at++] = closers[--depth];
    MUST(is_json(shallow, at));
    free(shallow);
}

static void check_string(const struct weir__scan *scan)
{
    const char *token = scan->text + scan->start;
    const size_t size = scan->end - scan->start;
    char *out = malloc(size), *name = malloc(size + 1);

    MUST(out != NULL && name != NULL && size >= 2);
    const size_t length = weir__scan_unescape(scan, out);
    MUST(length <= size - 2);
    json_t *value = json_loadb(token, size, FLAGS, NULL);
    MUST(value != NULL && json_is_string(value) && json_string_length(value) == length);
    MUST(memcmp(json_string_value(value), out, length) == 0);
    json_decref(value);
    MUST(scan->escaped == (memchr(token, '\\', size) != NULL));
    MUST(scan->has_null == (memchr(out, '\0', length) != NULL));
    memcpy(name, out, length);
    name[length] = '\0';
    MUST(weir__scan_is(scan, name) == !scan->has_null);
    name[length] = 'x';
    name[length + 1] = '\0';
    MUST(!weir__scan_is(scan, name));
    if (length > 0) {
        name[length - 1] = '\0';
        MUST(!weir__scan_is(scan, name));
    }
    free(out);
    free(name);
}

/* `before`: where the last token ended. */
static void check_token(const struct weir__scan *scan, enum weir__scan_token token, size_t before)
{
    static const char *const firsts[] = {"{", "}", "[", "]", "\"", "\"", "-0123456789", "t", "f", "n"};

    MUST(before <= scan->start && scan->start < scan->end && scan->end <= scan->offset && scan->offset <= scan->size);
    for (size_t i = before; i < scan->start; i++)
        MUST(memchr(" \t\r\n,:", scan->text[i], 6) != NULL);
    MUST(scan->text[scan->start] != '\0' && strchr(firsts[token], scan->text[scan->start]) != NULL);
    if (token == WEIR__SCAN_KEY || token == WEIR__SCAN_STRING)
        check_string(scan);
    else if (token >= WEIR__SCAN_NUMBER)
        MUST(is_json(scan->text + scan->start, scan->end - scan->start));
    else
        MUST(scan->end == scan->start + 1);
}

/* What skip() says from here on, without going on. */
struct span {
    bool whole;
    size_t start, end; /* of the value, or both of the mistake */
};

static struct span span_ahead(struct weir__scan scan)
{
    struct span span;

    span.whole = weir__scan_skip(&scan);
    span.start = scan.start;
    span.end = scan.end;
    return span;
}

/* Goes through the text, and leaves the scan at its end or mistake. */
static enum weir__scan_token walk(struct weir__scan *scan)
{
    struct span open[WEIR__SCAN_DEPTH_MAX] = {{false, 0, 0}}, member = {false, 0, 0};
    enum weir__scan_token token;
    bool after_key = false;
    size_t before = 0;

    while ((token = weir__scan_next(scan)) < WEIR__SCAN_END) {
        const bool opens = token == WEIR__SCAN_OBJECT || token == WEIR__SCAN_ARRAY;
        struct span value = {true, scan->start, scan->end};

        check_token(scan, token, before);
        before = scan->end;
        if (opens) {
            MUST(scan->depth >= 1 && scan->depth <= WEIR__SCAN_DEPTH_MAX);
            value = open[scan->depth - 1] = span_ahead(*scan);
            MUST(!value.whole || value.start == scan->start);
        } else if (token == WEIR__SCAN_OBJECT_END || token == WEIR__SCAN_ARRAY_END) {
            MUST(open[scan->depth].whole && open[scan->depth].end == scan->end);
        }
        if (after_key)
            MUST(member.whole == value.whole && member.start == value.start && member.end == value.end);
        after_key = token == WEIR__SCAN_KEY;
        if (after_key)
            member = span_ahead(*scan);
    }
    MUST(token == WEIR__SCAN_ERROR || scan->depth == 0);
    for (unsigned i = 0; i < scan->depth; i++)
        MUST(!open[i].whole && open[i].start == scan->start);
    MUST(!after_key || (!member.whole && member.start == scan->start));
    return token;
}

static void check_mistake(struct weir__scan *scan)
{
    const size_t at = scan->start;
    const char *expected = scan->expected;
    size_t line, column, lines = 1;

    MUST(expected != NULL && at <= scan->size && scan->end == at);
    MUST(weir__scan_next(scan) == WEIR__SCAN_ERROR && scan->start == at && scan->expected == expected);
    for (size_t i = 0; i < at; i++)
        lines += scan->text[i] == '\n';
    weir__scan_locate(scan->text, at, &line, &column);
    MUST(line == lines && column >= 1 && column <= at + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size > 0 ? size : 1); /* without a NUL behind it */
    struct weir__scan scan;

    MUST(text != NULL);
    json_object_seed(1); /* else jansson's ways, and so the coverage, differ from run to run */
    if (size > 0)
        memcpy(text, data, size);
    weir__scan_init(&scan, text, size);
    const bool taken = walk(&scan) == WEIR__SCAN_END;
    if (!taken)
        check_mistake(&scan);
    if (!taken && strstr(scan.expected, "deep") != NULL)
        check_depth(text, size, scan.start);
    else
        MUST(taken == is_json(text, size));
    free(text);
    return 0;
}
