/*
 * journalline_values - the values in a journal's lines: numbers, moments, hashes, and those that are passed over.
 */
#include "json/journalline_parts.h"

#include "base/clock.h"
#include "policy/date.h"

#include <string.h>

int64_t weir__journalline_add(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

bool weir__journalline_read_uint(struct weir__scan *scan, uint64_t *out)
{
    uint64_t value = 0;

    if (weir__scan_next(scan) != WEIR__SCAN_NUMBER)
        return false;
    for (size_t at = scan->start; at < scan->end; at++) {
        const char c = scan->text[at];
        if (c < '0' || c > '9' || value > (UINT64_MAX - (uint64_t)(c - '0')) / 10)
            return false;
        value = value * 10 + (uint64_t)(c - '0');
    }
    *out = value;
    return true;
}

bool weir__journalline_read_text(struct weir__scan *scan, char *out, size_t size)
{
    if (weir__scan_next(scan) != WEIR__SCAN_STRING || scan->has_null || scan->end - scan->start - 2 >= size)
        return false;
    out[weir__scan_unescape(scan, out)] = '\0';
    return true;
}

bool weir__journalline_read_moment(struct weir__scan *scan, int64_t *out_ns)
{
    int64_t ns, over;

    if (weir__scan_next(scan) != WEIR__SCAN_STRING ||
        !weir__date_parse_rfc3339(scan->text + scan->start + 1, scan->end - scan->start - 2, &ns))
        return false;
    over = (ns % WEIR__NS_PER_MS + WEIR__NS_PER_MS) % WEIR__NS_PER_MS;
    *out_ns = over == 0 ? ns : ns - over + WEIR__NS_PER_MS; /* the date's range ends far from int64_t's */
    return true;
}

/* A number of milliseconds without sign and exponent, to the nanosecond, what is less rounded up; too many are all that
 * fit. */
static bool parse_ms(const char *text, size_t size, int64_t *out_ns)
{
    int64_t ns = 0, scale = WEIR__NS_PER_MS;
    bool point = false, rest = false;

    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9')
            return false;
        const int64_t digit = text[i] - '0';
        if (point) {
            scale /= 10;
            ns = weir__journalline_add(ns, digit * scale);
            rest |= scale == 0 && digit != 0;
        } else {
            ns = ns > INT64_MAX / 10 ? INT64_MAX : weir__journalline_add(ns * 10, digit * WEIR__NS_PER_MS);
        }
    }
    *out_ns = weir__journalline_add(ns, rest ? 1 : 0);
    return true;
}

bool weir__journalline_read_ms(struct weir__scan *scan, int64_t *out_ns, bool *out_found)
{
    const enum weir__scan_token token = weir__scan_next(scan);

    *out_found = token == WEIR__SCAN_NUMBER;
    if (token == WEIR__SCAN_NUMBER)
        return parse_ms(scan->text + scan->start, scan->end - scan->start, out_ns);
    return token == WEIR__SCAN_NULL;
}

/* One past the string whose quote is at `at`; `size` where it does not end. */
static size_t pass_string(const char *text, size_t size, size_t at)
{
    const size_t begin = ++at;

    while (at < size) {
        const char *quote = memchr(text + at, '"', size - at);
        size_t slashes = 0;
        if (quote == NULL)
            return size;
        at = (size_t)(quote - text);
        while (slashes < at - begin && text[at - 1 - slashes] == '\\')
            slashes++;
        at++;
        if (slashes % 2 == 0)
            return at;
    }
    return size;
}

bool weir__journalline_pass_value(struct weir__scan *scan)
{
    size_t at = scan->offset, depth = 0;

    if (at >= scan->size || scan->text[at] != '{')
        return weir__scan_skip(scan);
    while (at < scan->size) {
        const char c = scan->text[at];
        if (c == '"') {
            at = pass_string(scan->text, scan->size, at);
            continue;
        }
        at++;
        if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            scan->offset = at;
            scan->state = WEIR__SCAN_AT_COMMA;
            return true;
        }
    }
    return false;
}
