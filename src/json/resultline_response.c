/*
 * resultline_response - the response's part of a result: its header fields and the form in which its body is kept.
 *
 * It decides which of the three forms a body takes, and which fields' values are nobody's business; which part of a URL
 * is not, resultline_mask knows.
 */
#include "json/resultline_parts.h"

#include "json/base64.h"
#include "json/scan.h"
#include "json/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FEW 64u               /* header fields whose hashes stand on the stack */
#define CHUNK_SIZE 3u * 1024u /* of a body in base64 at a time; a multiple of 3, so that only the last is padded */

static const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Without regard to case in ASCII, whatever the locale; `b` is in lower case. */
static bool is_same(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (lower(a[i]) != b[i])
            return false;
    return true;
}

static bool is_named(const char *name, const char *lower_name)
{
    for (; *lower_name != '\0'; name++, lower_name++)
        if (lower(*name) != *lower_name)
            return false;
    return *name == '\0';
}

/* A high bit for each byte of `word` that is `c`, and perhaps for some above such a one. */
static uint64_t find_byte(uint64_t word, unsigned char c)
{
    const uint64_t x = word ^ ones * c;
    return (x - ones) & ~x & highs;
}

/* Whether the writer would copy each byte as it is: ASCII without quotes, backslashes and control characters. */
static bool is_plain(const char *text, size_t size)
{
    size_t at = 0;

    for (; size - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, text + at, 8);
        if ((find_byte(word, '"') | find_byte(word, '\\') | find_byte(word, 0x7f) |
             ((word | (word - ones * 0x20)) & highs)) != 0)
            return false;
    }
    for (; at < size; at++)
        if (text[at] < 0x20 || text[at] == 0x7f || text[at] == '"' || text[at] == '\\' ||
            (unsigned char)text[at] > 0x7f)
            return false;
    return true;
}

void weir__resultline_text(struct weir__writer *writer, const char *text, size_t size)
{
    char *at;

    if (!is_plain(text, size)) {
        weir__writer_bytes(writer, NULL, text, size);
        return;
    }
    at = weir__writer_extend(writer, size + 2);
    if (at == NULL)
        return;
    at[0] = '"';
    memcpy(at + 1, text, size);
    at[size + 1] = '"';
}

void weir__resultline_json(struct weir__writer *writer, const char *json, size_t size)
{
    const size_t from = writer->size;

    weir__resultline_put(writer, json, size);
    if (writer->failed || (memchr(json, '\n', size) == NULL && memchr(json, '\r', size) == NULL))
        return;
    for (char *c = writer->text + from; c < writer->text + writer->size; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
}

/* ------------------------------------------------------------------------------------------------------------ header
 */

static bool is_secret(const char *name)
{
    static const char *const secrets[] = {"set-cookie", "set-cookie2", "cookie", "authorization",
                                          "proxy-authorization"};

    if (strchr("scap", lower(name[0])) == NULL) /* most are seen not to be by their first letter */
        return false;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        if (is_named(name, secrets[i]))
            return true;
    return false;
}

/* Never 0.  Of a few names their size and ends tell enough; of many, FNV-1a of the name in lower case. */
static uint32_t hash_of(const char *name, bool few)
{
    const size_t size = strlen(name);
    uint32_t hash = UINT32_C(2166136261);

    if (few && size > 0)
        return (uint32_t)(size << 17) | (uint32_t)(unsigned char)lower(name[0]) << 9 |
               (uint32_t)(unsigned char)lower(name[size - 1]) << 1 | 1;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)lower(*name)) * UINT32_C(16777619);
    return hash | 1;
}

static bool is_same_name(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

/* The writer's escapes have no capital letters, so that the name can be put into lower case where it stands. */
static void write_name(struct weir__writer *writer, const char *name)
{
    const size_t from = writer->size, size = strlen(name);
    char *at;

    if (!is_plain(name, size)) {
        weir__writer_bytes(writer, NULL, name, size);
        for (size_t i = from; i < writer->size; i++)
            writer->text[i] = lower(writer->text[i]);
        WEIR__RESULTLINE_PUT(writer, ":");
        return;
    }
    at = weir__writer_extend(writer, size + 3);
    if (at == NULL)
        return;
    *at++ = '"';
    for (size_t i = 0; i < size; i++)
        *at++ = lower(name[i]);
    at[0] = '"';
    at[1] = ':';
}

/* One more value of the field just written: the two quotes between "a" and "b" become the ", " of "a, b". */
static void join_value(struct weir__writer *writer, const char *name, const char *value)
{
    const size_t from = writer->size;

    weir__resultline_value(writer, name, value);
    if (writer->failed)
        return;
    writer->text[from - 1] = ',';
    writer->text[from] = ' ';
}

/* The first field of a name, and with it all later ones, whose hashes become 0. */
static void write_field(struct weir__writer *writer, const struct weir_result *result, uint32_t *hashes, size_t first)
{
    const struct weir_header *headers = result->headers;
    const bool secret = is_secret(headers[first].name);

    write_name(writer, headers[first].name);
    if (secret)
        WEIR__RESULTLINE_PUT(writer, "\"***\"");
    else
        weir__resultline_value(writer, headers[first].name, headers[first].value);
    for (size_t i = first + 1; i < result->header_count; i++) {
        if (hashes[i] != hashes[first] || !is_same_name(headers[i].name, headers[first].name))
            continue;
        hashes[i] = 0;
        if (!secret)
            join_value(writer, headers[i].name, headers[i].value);
    }
}

/* In the order in which the names first stood.  Each is compared with each, but by a number: header sections end at
 * WEIR_HEADERS_MAX_SIZE. */
static void write_headers(struct weir__writer *writer, const struct weir_result *result)
{
    uint32_t few[FEW], *hashes = few;

    if (result->header_count > FEW) {
        hashes = malloc(result->header_count * sizeof *hashes);
        if (hashes == NULL) {
            writer->failed = true;
            return;
        }
    }
    for (size_t i = 0; i < result->header_count; i++)
        hashes[i] = hash_of(result->headers[i].name, hashes == few);
    WEIR__RESULTLINE_PUT(writer, "{");
    for (size_t i = 0; i < result->header_count; i++) {
        if (hashes[i] == 0)
            continue;
        if (i > 0)
            WEIR__RESULTLINE_PUT(writer, ",");
        write_field(writer, result, hashes, i);
    }
    WEIR__RESULTLINE_PUT(writer, "}");
    if (hashes != few)
        free(hashes);
}

/* -------------------------------------------------------------------------------------------------------------- body
 */

/* Whether a media type is JSON's: application/json, or any with the suffix +json (RFC 6839, 3.1). */
static bool says_json(const char *type)
{
    const char *slash;
    size_t size = 0;

    while (*type == ' ' || *type == '\t')
        type++;
    while (type[size] != '\0' && type[size] != ';' && type[size] != ',' && type[size] != ' ' && type[size] != '\t')
        size++;
    slash = memchr(type, '/', size);
    if (size == 16 && is_same(type, "application/json", 16))
        return true;
    return slash != NULL && size >= 7 && is_same(type + size - 5, "+json", 5) && slash < type + size - 6;
}

/* The last field of that name counts, as in the Fetch standard. */
static bool is_typed_json(const struct weir_result *result)
{
    for (size_t i = result->header_count; i > 0; i--)
        if (is_named(result->headers[i - 1].name, "content-type"))
            return says_json(result->headers[i - 1].value);
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_json(const char *text, size_t size)
{
    struct weir__scan scan;
    enum weir__scan_token token;

    weir__scan_init(&scan, text, size);
    do
        token = weir__scan_next(&scan);
    while (token < WEIR__SCAN_END);
    return token == WEIR__SCAN_END;
}

static bool is_utf8(const char *text, size_t size)
{
    size_t at = 0, length;

    while (at < size) {
        uint64_t word;
        if (size - at >= 8 && (memcpy(&word, text + at, 8), (word & highs) == 0)) {
            at += 8;
            continue;
        }
        length = weir__utf8_length(text + at, size - at);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

static void write_base64(struct weir__writer *writer, const char *body, size_t size)
{
    char chunk[CHUNK_SIZE / 3u * 4u];

    WEIR__RESULTLINE_PUT(writer, "\"");
    while (size > 0 && !writer->failed) {
        const size_t part = size < CHUNK_SIZE ? size : CHUNK_SIZE;
        weir__base64_encode(body, part, chunk);
        weir__writer_raw(writer, NULL, chunk, weir__base64_size(part));
        body += part;
        size -= part;
    }
    WEIR__RESULTLINE_PUT(writer, "\",\"body_encoding\":\"base64\"");
}

/* The space around the value is not the value's: a line end behind it, as a rule. */
static void write_json_body(struct weir__writer *writer, const char *body, size_t size)
{
    while (is_space(body[0]))
        body++, size--;
    while (is_space(body[size - 1]))
        size--;
    weir__resultline_json(writer, body, size);
}

static void write_body(struct weir__writer *writer, const struct weir_result *result)
{
    const char *body = result->body != NULL ? result->body : "";
    const size_t size = result->body_size;

    WEIR__RESULTLINE_PUT(writer, ",\"body\":");
    if (size > 0 && is_typed_json(result) && is_json(body, size))
        write_json_body(writer, body, size);
    else if (is_utf8(body, size))
        weir__resultline_text(writer, body, size);
    else
        write_base64(writer, body, size);
}

static void write_status(struct weir__writer *writer, int status)
{
    const char digits[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10), (char)('0' + status % 10)};

    if (status < 100 || status > (int)WEIR_HTTP_STATUS_MAX)
        weir__writer_int(writer, NULL, status);
    else
        weir__resultline_put(writer, digits, sizeof digits);
}

void weir__resultline_response(struct weir__writer *writer, const struct weir_result *result, bool bodies)
{
    WEIR__RESULTLINE_PUT(writer, "{\"status_code\":");
    write_status(writer, result->http_status);
    WEIR__RESULTLINE_PUT(writer, ",\"headers\":");
    write_headers(writer, result);
    /* a body that was counted and dropped is not an empty one */
    if (bodies && (result->body != NULL || result->body_size == 0))
        write_body(writer, result);
    WEIR__RESULTLINE_PUT(writer, "}");
}
