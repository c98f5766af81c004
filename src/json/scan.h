/*
 * scan - a strict reader of JSON text (RFC 8259), a token at a time, without allocation.
 *
 * It says where each token stands, so that lines can be named and a value taken byte for byte.  What the parser behind
 * it would let pass is refused here: invalid UTF-8, raw control characters, a byte order mark, `01`, `1.`, NaN,
 * comments, trailing commas, trailing text, \u escapes of half a surrogate pair.  What the values mean is not its
 * concern.
 *
 *     weir__scan_init(&scan, text, size);
 *     while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END)
 *         ...
 */
#ifndef WEIR_JSON_SCAN_H
#define WEIR_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__SCAN_DEPTH_MAX 64u /* objects and arrays within each other: a bit each in `objects` */

enum weir__scan_token {
    WEIR__SCAN_OBJECT,
    WEIR__SCAN_OBJECT_END,
    WEIR__SCAN_ARRAY,
    WEIR__SCAN_ARRAY_END,
    WEIR__SCAN_KEY, /* its colon has been read, too */
    WEIR__SCAN_STRING,
    WEIR__SCAN_NUMBER,
    WEIR__SCAN_TRUE,
    WEIR__SCAN_FALSE,
    WEIR__SCAN_NULL,
    WEIR__SCAN_END, /* of the text, after one whole value; again at each further call */
    WEIR__SCAN_ERROR
};

/* What may come next. */
enum weir__scan_state {
    WEIR__SCAN_AT_VALUE,
    WEIR__SCAN_AT_FIRST_VALUE, /* or the array's end */
    WEIR__SCAN_AT_FIRST_KEY,   /* or the object's end */
    WEIR__SCAN_AT_COMMA,       /* or the container's end */
    WEIR__SCAN_AT_END,
    WEIR__SCAN_BROKEN
};

struct weir__scan {
    const char *text;
    size_t size;
    size_t offset; /* of the next byte to read */

    /* the last token */
    size_t start;  /* of its first byte; for keys and strings, the quote.  After an error, of the byte that is wrong */
    size_t end;    /* one past its last byte */
    bool escaped;  /* a key or string with at least one backslash */
    bool has_null; /* a key or string with \u0000, which would cut a C string short */

    const char *expected; /* after an error: what should have stood at `start`; static */

    enum weir__scan_state state;
    unsigned depth;   /* containers that are open */
    uint64_t objects; /* bit d: the container at depth d + 1 is an object */
};

/* `text` need not end in NUL; it must stay as it is. */
void weir__scan_init(struct weir__scan *scan, const char *text, size_t size);

/* The next token; after an error, that error for ever. */
enum weir__scan_token weir__scan_next(struct weir__scan *scan);

/*
 * After KEY: reads the key's whole value; after OBJECT or ARRAY: the rest of it.  start and end then hold the whole
 * value. False after an error.
 */
bool weir__scan_skip(struct weir__scan *scan);

/* Whether the last token, a key or string, is `name` once its escapes are resolved. */
bool weir__scan_is(const struct weir__scan *scan, const char *name);

/*
 * Resolves the escapes of the last token, a key or string, into `out` of at least end - start bytes; returns the
 * length, to which no NUL is added.
 */
size_t weir__scan_unescape(const struct weir__scan *scan, char *out);

/* Line and column, from 1, of a byte; the column counts characters. */
void weir__scan_locate(const char *text, size_t offset, size_t *out_line, size_t *out_column);

#endif
