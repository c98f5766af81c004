/*
 * writer - builds JSON text in memory, a value at a time.
 *
 * It places commas and quotes and escapes strings (RFC 8259; invalid UTF-8 becomes U+FFFD), so that what comes out is
 * valid whatever goes in.  It knows nothing of what the values mean.
 */
#ifndef WEIR_JSON_WRITER_H
#define WEIR_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__WRITER_DEPTH_MAX 32

struct weir__writer {
    char *text; /* NUL-terminated once anything was written; NULL before */
    size_t size;
    size_t capacity;
    int depth;
    bool filled[WEIR__WRITER_DEPTH_MAX];  /* whether the container at that depth has a member already */
    char closers[WEIR__WRITER_DEPTH_MAX]; /* what ends it: "}" or "]" */
    bool pretty;                          /* two spaces a level and a line each */
    bool failed;                          /* out of memory: later calls do nothing */
};

#define WEIR__WRITER_INIT                                                                                              \
    {                                                                                                                  \
        NULL, 0, 0, 0, {false}, {0}, false, false                                                                      \
    }

/* `key` is NULL inside an array and at the top. */
void weir__writer_object(struct weir__writer *writer, const char *key);
void weir__writer_array(struct weir__writer *writer, const char *key);
void weir__writer_end(struct weir__writer *writer); /* of the innermost object or array */
void weir__writer_string(struct weir__writer *writer, const char *key, const char *value); /* NULL is null */
void weir__writer_bytes(struct weir__writer *writer, const char *key, const char *value, size_t size);
void weir__writer_uint(struct weir__writer *writer, const char *key, uint64_t value);
void weir__writer_int(struct weir__writer *writer, const char *key, int64_t value);
/* At most `digits` (0 to 9) after the point, trailing zeros dropped; infinities and NaN are null.  Any locale. */
void weir__writer_decimal(struct weir__writer *writer, const char *key, double value, int digits);
void weir__writer_bool(struct weir__writer *writer, const char *key, bool value);
void weir__writer_null(struct weir__writer *writer, const char *key);
/* Text that is JSON already, as it is. */
void weir__writer_raw(struct weir__writer *writer, const char *key, const char *json, size_t size);

/* The next `size` bytes of the text, for the caller to fill, with nothing before them; NULL without memory. */
char *weir__writer_extend(struct weir__writer *writer, size_t size);

/* Room for that many bytes more, so that the text need not move as it grows; without memory it will be tried again. */
void weir__writer_expect(struct weir__writer *writer, size_t size);

/* Frees the text; the writer is as new. */
void weir__writer_clear(struct weir__writer *writer);

#endif
