/* writer - see writer.h. */
#include "json/writer.h"

#include "json/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEIR__WRITER_SIZE_MIN 256u

/* Room for `more` bytes and a NUL. */
static bool reserve(struct weir__writer *writer, size_t more)
{
    size_t capacity = writer->capacity == 0 ? WEIR__WRITER_SIZE_MIN : writer->capacity;
    char *text;

    if (writer->failed)
        return false;
    if (more > SIZE_MAX / 4 - writer->size) {
        writer->failed = true;
        return false;
    }
    while (capacity - writer->size <= more)
        capacity *= 2;
    if (capacity == writer->capacity)
        return true;
    text = realloc(writer->text, capacity);
    if (text == NULL) {
        writer->failed = true;
        return false;
    }
    writer->text = text;
    writer->capacity = capacity;
    return true;
}

static void put(struct weir__writer *writer, const char *bytes, size_t size)
{
    if (!reserve(writer, size))
        return;
    if (size > 0)
        memcpy(writer->text + writer->size, bytes, size);
    writer->size += size;
    writer->text[writer->size] = '\0';
}

static void put_escape(struct weir__writer *writer, unsigned char c)
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    const char *control = c == '\0' ? NULL : strchr(controls, c);
    char text[8] = {'\\', (char)c, '\0'};

    if (c != '"' && c != '\\') {
        if (control != NULL)
            text[1] = letters[control - controls];
        else
            (void)snprintf(text, sizeof text, "\\u%04x", c);
    }
    put(writer, text, strlen(text));
}

/*
 * What needs escaping by RFC 8259, and besides DEL and the C1 controls (U+0080 to U+009F): the text may end up on a
 * terminal.
 */
static void put_quoted(struct weir__writer *writer, const char *value, size_t size)
{
    size_t plain = 0; /* bytes before `i` that are not written yet */

    put(writer, "\"", 1);
    for (size_t i = 0; i < size;) {
        const unsigned char c = (unsigned char)value[i];
        const size_t length = weir__utf8_length(value + i, size - i);
        const bool c1 = length == 2 && c == 0xc2 && (unsigned char)value[i + 1] < 0xa0;

        if (length > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && !c1) {
            i += length;
            continue;
        }
        put(writer, value + plain, i - plain);
        if (length == 0)
            put(writer, "\xef\xbf\xbd", 3);
        else
            put_escape(writer, c1 ? (unsigned char)value[i + 1] : c);
        i += length == 0 ? 1 : length;
        plain = i;
    }
    put(writer, value + plain, size - plain);
    put(writer, "\"", 1);
}

static void put_line(struct weir__writer *writer)
{
    if (!writer->pretty)
        return;
    put(writer, "\n", 1);
    for (int i = 0; i < writer->depth; i++)
        put(writer, "  ", 2);
}

/* What stands before a value: the comma, the line, the key. */
static void begin_value(struct weir__writer *writer, const char *key)
{
    if (writer->depth > 0) {
        if (writer->filled[writer->depth - 1])
            put(writer, ",", 1);
        writer->filled[writer->depth - 1] = true;
        put_line(writer);
    }
    if (key != NULL) {
        put_quoted(writer, key, strlen(key));
        put(writer, ": ", writer->pretty ? 2 : 1);
    }
}

static void open_container(struct weir__writer *writer, const char *key, char opener)
{
    assert(writer->depth < WEIR__WRITER_DEPTH_MAX);
    begin_value(writer, key);
    put(writer, &opener, 1);
    writer->filled[writer->depth] = false;
    writer->closers[writer->depth] = opener == '{' ? '}' : ']';
    writer->depth++;
}

void weir__writer_object(struct weir__writer *writer, const char *key)
{
    open_container(writer, key, '{');
}

void weir__writer_array(struct weir__writer *writer, const char *key)
{
    open_container(writer, key, '[');
}

void weir__writer_end(struct weir__writer *writer)
{
    assert(writer->depth > 0);
    writer->depth--;
    if (writer->filled[writer->depth])
        put_line(writer);
    put(writer, &writer->closers[writer->depth], 1);
}

void weir__writer_string(struct weir__writer *writer, const char *key, const char *value)
{
    if (value == NULL)
        weir__writer_null(writer, key);
    else
        weir__writer_bytes(writer, key, value, strlen(value));
}

void weir__writer_bytes(struct weir__writer *writer, const char *key, const char *value, size_t size)
{
    begin_value(writer, key);
    put_quoted(writer, value, size);
}

void weir__writer_raw(struct weir__writer *writer, const char *key, const char *json, size_t size)
{
    begin_value(writer, key);
    put(writer, json, size);
}

void weir__writer_uint(struct weir__writer *writer, const char *key, uint64_t value)
{
    char text[24];
    const int size = snprintf(text, sizeof text, "%" PRIu64, value);
    weir__writer_raw(writer, key, text, (size_t)size);
}

void weir__writer_int(struct weir__writer *writer, const char *key, int64_t value)
{
    char text[24];
    const int size = snprintf(text, sizeof text, "%" PRId64, value);
    weir__writer_raw(writer, key, text, (size_t)size);
}

/* The locale's decimal point, which may be several bytes, is whatever stands between the digits. */
static size_t fix_point(char *text)
{
    char *from = text + strspn(text, "-0123456789");
    const size_t point = strcspn(from, "0123456789");
    size_t size;

    if (point == 0)
        return strlen(text);
    if (point > 1)
        memmove(from + 1, from + point, strlen(from + point) + 1);
    *from = '.';
    size = strlen(text);
    while (text[size - 1] == '0')
        size--;
    if (text[size - 1] == '.')
        size--;
    text[size] = '\0';
    return size;
}

void weir__writer_decimal(struct weir__writer *writer, const char *key, double value, int digits)
{
    char text[384]; /* DBL_MAX has 309 digits before the point */
    size_t size;

    assert(digits >= 0 && digits <= 9);
    if (!isfinite(value)) {
        weir__writer_null(writer, key);
        return;
    }
    (void)snprintf(text, sizeof text, "%.*f", digits, value);
    size = fix_point(text);
    if (strcmp(text, "-0") == 0)
        weir__writer_raw(writer, key, "0", 1);
    else
        weir__writer_raw(writer, key, text, size);
}

void weir__writer_bool(struct weir__writer *writer, const char *key, bool value)
{
    weir__writer_raw(writer, key, value ? "true" : "false", value ? 4 : 5);
}

void weir__writer_null(struct weir__writer *writer, const char *key)
{
    weir__writer_raw(writer, key, "null", 4);
}

char *weir__writer_extend(struct weir__writer *writer, size_t size)
{
    char *at;

    if (!reserve(writer, size))
        return NULL;
    at = writer->text + writer->size;
    writer->size += size;
    writer->text[writer->size] = '\0';
    return at;
}

void weir__writer_expect(struct weir__writer *writer, size_t size)
{
    if (!writer->failed && !reserve(writer, size))
        writer->failed = false;
}

void weir__writer_clear(struct weir__writer *writer)
{
    const bool pretty = writer->pretty;

    free(writer->text);
    memset(writer, 0, sizeof *writer);
    writer->pretty = pretty;
}
