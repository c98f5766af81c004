/* scan - see scan.h.  The fast path is the inside of strings, eight bytes at a time. */
#include "json/scan.h"

#include "json/utf8.h"

#include <string.h>

void weir__scan_init(struct weir__scan *scan, const char *text, size_t size)
{
    memset(scan, 0, sizeof *scan);
    scan->text = text;
    scan->size = size;
    scan->state = WEIR__SCAN_AT_VALUE;
}

static enum weir__scan_token fail(struct weir__scan *scan, size_t at, const char *expected)
{
    scan->start = at;
    scan->end = at;
    scan->offset = at;
    scan->expected = expected;
    scan->state = WEIR__SCAN_BROKEN;
    return WEIR__SCAN_ERROR;
}

/* The byte at `at`, or -1 past the end. */
static int peek(const struct weir__scan *scan, size_t at)
{
    return at < scan->size ? (unsigned char)scan->text[at] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(struct weir__scan *scan)
{
    size_t at = scan->offset;
    while (at < scan->size &&
           (scan->text[at] == ' ' || scan->text[at] == '\n' || scan->text[at] == '\r' || scan->text[at] == '\t'))
        at++;
    scan->offset = at;
}

static int hex_value(int c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hexadecimal digits at `at`, or -1. */
static int32_t scan_hex4(const struct weir__scan *scan, size_t at)
{
    int32_t code = 0;
    for (size_t i = 0; i < 4; i++) {
        const int digit = hex_value(peek(scan, at + i));
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* Passes the escape whose backslash is at *at; NULL, or what was expected at *at. */
static const char *scan_escape(struct weir__scan *scan, size_t *at)
{
    const int c = peek(scan, *at + 1);
    int32_t code, low;

    scan->escaped = true;
    if (c > 0 && strchr("\"\\/bfnrt", c) != NULL) {
        *at += 2;
        return NULL;
    }
    if (c != 'u')
        return "an escape of JSON (\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)";
    code = scan_hex4(scan, *at + 2);
    if (code < 0)
        return "four hexadecimal digits after \\u";
    if (code >= 0xdc00 && code <= 0xdfff)
        return "a high surrogate (\\ud800 to \\udbff) before a low one";
    if (code >= 0xd800 && code <= 0xdbff) {
        low = peek(scan, *at + 6) == '\\' && peek(scan, *at + 7) == 'u' ? scan_hex4(scan, *at + 8) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return "a low surrogate (\\udc00 to \\udfff) after a high one";
        *at += 6;
    }
    scan->has_null |= code == 0;
    *at += 6;
    return NULL;
}

/* The first byte from `at` on that is not plain ASCII text inside a string. */
static size_t skip_plain(const struct weir__scan *scan, size_t at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;

    while (scan->size - at >= 8) {
        uint64_t word, quote, slash;
        memcpy(&word, scan->text + at, 8);
        /* a byte's high bit comes up where the byte is 0 (quote, slash), below 0x20, or has it already; a false alarm
         * next to a true one costs only the loop below */
        quote = word ^ ones * '"';
        slash = word ^ ones * '\\';
        if ((((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (word - ones * 0x20) | word) & highs)
            break;
        at += 8;
    }
    while (at < scan->size) {
        const unsigned char c = (unsigned char)scan->text[at];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        at++;
    }
    return at;
}

/* A key or string whose quote is at the offset; false after an error. */
static bool scan_string(struct weir__scan *scan)
{
    size_t at = scan->offset + 1, length;
    const char *expected;

    scan->escaped = false;
    scan->has_null = false;
    for (;;) {
        at = skip_plain(scan, at);
        switch (peek(scan, at)) {
        case '"':
            scan->start = scan->offset;
            scan->end = at + 1;
            scan->offset = at + 1;
            return true;
        case '\\':
            expected = scan_escape(scan, &at);
            if (expected != NULL)
                return (void)fail(scan, at, expected), false;
            break;
        case -1:
            return (void)fail(scan, at, "the string's closing quote"), false;
        default:
            if ((unsigned char)scan->text[at] < 0x20)
                return (void)fail(scan, at, "no raw control character in a string (write \\n, \\t, \\u00XX)"), false;
            length = weir__utf8_length(scan->text + at, scan->size - at);
            if (length == 0)
                return (void)fail(scan, at, "UTF-8"), false;
            at += length;
        }
    }
}

/* After a value: what may follow it depends on what it stands in. */
static enum weir__scan_token end_value(struct weir__scan *scan, enum weir__scan_token token)
{
    scan->state = scan->depth == 0 ? WEIR__SCAN_AT_END : WEIR__SCAN_AT_COMMA;
    return token;
}

static size_t skip_digits(const struct weir__scan *scan, size_t at)
{
    while (is_digit(peek(scan, at)))
        at++;
    return at;
}

static enum weir__scan_token scan_number(struct weir__scan *scan)
{
    size_t at = scan->offset;

    if (peek(scan, at) == '-')
        at++;
    if (!is_digit(peek(scan, at)))
        return fail(scan, at, "a digit");
    if (peek(scan, at) == '0' && is_digit(peek(scan, at + 1)))
        return fail(scan, at, "a number without a leading zero");
    at = skip_digits(scan, at);
    if (peek(scan, at) == '.') {
        if (!is_digit(peek(scan, at + 1)))
            return fail(scan, at + 1, "a digit after the decimal point");
        at = skip_digits(scan, at + 1);
    }
    if (peek(scan, at) == 'e' || peek(scan, at) == 'E') {
        at++;
        if (peek(scan, at) == '+' || peek(scan, at) == '-')
            at++;
        if (!is_digit(peek(scan, at)))
            return fail(scan, at, "a digit in the exponent");
        at = skip_digits(scan, at);
    }
    scan->start = scan->offset;
    scan->end = at;
    scan->offset = at;
    return end_value(scan, WEIR__SCAN_NUMBER);
}

static enum weir__scan_token scan_word(struct weir__scan *scan, const char *word, enum weir__scan_token token)
{
    const size_t length = strlen(word);

    if (scan->size - scan->offset < length || memcmp(scan->text + scan->offset, word, length) != 0)
        return fail(scan, scan->offset, "a value (a string, number, object, array, true, false or null)");
    scan->start = scan->offset;
    scan->end = scan->offset + length;
    scan->offset = scan->end;
    return end_value(scan, token);
}

static enum weir__scan_token open_container(struct weir__scan *scan, bool object)
{
    if (scan->depth == WEIR__SCAN_DEPTH_MAX)
        return fail(scan, scan->offset, "objects and arrays not more than 64 deep");
    if (object)
        scan->objects |= UINT64_C(1) << scan->depth;
    else
        scan->objects &= ~(UINT64_C(1) << scan->depth);
    scan->depth++;
    scan->start = scan->offset++;
    scan->end = scan->offset;
    scan->state = object ? WEIR__SCAN_AT_FIRST_KEY : WEIR__SCAN_AT_FIRST_VALUE;
    return object ? WEIR__SCAN_OBJECT : WEIR__SCAN_ARRAY;
}

static enum weir__scan_token close_container(struct weir__scan *scan, bool object)
{
    scan->depth--;
    scan->start = scan->offset++;
    scan->end = scan->offset;
    return end_value(scan, object ? WEIR__SCAN_OBJECT_END : WEIR__SCAN_ARRAY_END);
}

static enum weir__scan_token scan_value(struct weir__scan *scan)
{
    const int c = peek(scan, scan->offset);

    switch (c) {
    case '{':
        return open_container(scan, true);
    case '[':
        return open_container(scan, false);
    case '"':
        return scan_string(scan) ? end_value(scan, WEIR__SCAN_STRING) : WEIR__SCAN_ERROR;
    case 't':
        return scan_word(scan, "true", WEIR__SCAN_TRUE);
    case 'f':
        return scan_word(scan, "false", WEIR__SCAN_FALSE);
    case 'n':
        return scan_word(scan, "null", WEIR__SCAN_NULL);
    default:
        if (c == '-' || is_digit(c))
            return scan_number(scan);
        if (c == 0xef && peek(scan, scan->offset + 1) == 0xbb && peek(scan, scan->offset + 2) == 0xbf)
            return fail(scan, scan->offset, "a value, without a byte order mark");
        return fail(scan, scan->offset, "a value (a string, number, object, array, true, false or null)");
    }
}

static enum weir__scan_token scan_key(struct weir__scan *scan, const char *expected)
{
    if (peek(scan, scan->offset) != '"')
        return fail(scan, scan->offset, expected);
    if (!scan_string(scan))
        return WEIR__SCAN_ERROR;
    skip_space(scan);
    if (peek(scan, scan->offset) != ':')
        return fail(scan, scan->offset, "\":\" after the key");
    scan->offset++;
    scan->state = WEIR__SCAN_AT_VALUE;
    return WEIR__SCAN_KEY;
}

static enum weir__scan_token scan_after_value(struct weir__scan *scan)
{
    const bool object = (scan->objects >> (scan->depth - 1) & 1) != 0;
    const int c = peek(scan, scan->offset);

    if (c == (object ? '}' : ']'))
        return close_container(scan, object);
    if (c != ',')
        return fail(scan, scan->offset, object ? "\",\" or \"}\"" : "\",\" or \"]\"");
    scan->offset++;
    skip_space(scan);
    if (object)
        return scan_key(scan, "another key in double quotes after the comma");
    if (peek(scan, scan->offset) == ']')
        return fail(scan, scan->offset, "another value after the comma");
    return scan_value(scan);
}

enum weir__scan_token weir__scan_next(struct weir__scan *scan)
{
    if (scan->state == WEIR__SCAN_BROKEN)
        return WEIR__SCAN_ERROR;
    skip_space(scan);
    switch (scan->state) {
    case WEIR__SCAN_AT_FIRST_VALUE:
        if (peek(scan, scan->offset) == ']')
            return close_container(scan, false);
        return scan_value(scan);
    case WEIR__SCAN_AT_VALUE:
        return scan_value(scan);
    case WEIR__SCAN_AT_FIRST_KEY:
        if (peek(scan, scan->offset) == '}')
            return close_container(scan, true);
        return scan_key(scan, "a key in double quotes, or \"}\"");
    case WEIR__SCAN_AT_COMMA:
        return scan_after_value(scan);
    default:
        break;
    }
    if (scan->offset < scan->size)
        return fail(scan, scan->offset, "nothing after the value");
    scan->start = scan->end = scan->size;
    return WEIR__SCAN_END;
}

bool weir__scan_skip(struct weir__scan *scan)
{
    enum weir__scan_token token;
    size_t start = scan->start;
    unsigned outside = scan->depth - 1; /* the depth at which the value is over */

    if (scan->state == WEIR__SCAN_AT_VALUE) { /* a key: its value is still to come */
        token = weir__scan_next(scan);
        if (token == WEIR__SCAN_ERROR)
            return false;
        start = scan->start;
        outside = scan->depth;
        if (token == WEIR__SCAN_OBJECT || token == WEIR__SCAN_ARRAY)
            outside--;
    }
    while (scan->depth > outside)
        if (weir__scan_next(scan) == WEIR__SCAN_ERROR)
            return false;
    scan->start = start;
    return true;
}

/* Decodes one character or escape of a valid string at *at into `out` (4 bytes), moving *at past it. */
static size_t decode_one(const struct weir__scan *scan, size_t *at, char *out)
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    const char *letter;
    uint32_t code;

    if (scan->text[*at] != '\\') {
        out[0] = scan->text[(*at)++];
        return 1;
    }
    *at += 2;
    if (scan->text[*at - 1] != 'u') {
        letter = strchr(letters, scan->text[*at - 1]);
        out[0] = letter != NULL ? controls[letter - letters] : scan->text[*at - 1];
        return 1;
    }
    code = (uint32_t)scan_hex4(scan, *at);
    *at += 4;
    if (code >= 0xd800 && code <= 0xdbff) {
        code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)scan_hex4(scan, *at + 2) - 0xdc00);
        *at += 6;
    }
    return weir__utf8_encode(code, out);
}

bool weir__scan_is(const struct weir__scan *scan, const char *name)
{
    const size_t length = strlen(name);
    size_t done = 0, at = scan->start + 1;
    char part[4];

    if (!scan->escaped)
        return scan->end - scan->start - 2 == length && memcmp(scan->text + at, name, length) == 0;
    while (at < scan->end - 1) {
        const size_t part_size = decode_one(scan, &at, part);
        if (part_size > length - done || memcmp(name + done, part, part_size) != 0)
            return false;
        done += part_size;
    }
    return done == length;
}

size_t weir__scan_unescape(const struct weir__scan *scan, char *out)
{
    size_t size = 0, at = scan->start + 1;

    if (!scan->escaped) {
        size = scan->end - scan->start - 2;
        memcpy(out, scan->text + at, size);
        return size;
    }
    while (at < scan->end - 1)
        size += decode_one(scan, &at, out + size);
    return size;
}

void weir__scan_locate(const char *text, size_t offset, size_t *out_line, size_t *out_column)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    *out_line = line;
    *out_column = column;
}
