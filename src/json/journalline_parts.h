/*
 * journalline_parts - what the files that read and write a journal's lines share: names, so that they cannot drift, and
 * the way to read a value.
 */
#ifndef WEIR_JSON_JOURNALLINE_PARTS_H
#define WEIR_JSON_JOURNALLINE_PARTS_H

#include "json/journalline.h"
#include "json/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(KIND, event) */
#define WEIR__JOURNALLINE_EVENT_MAP(X)                                                                                 \
    X(START, "start")                                                                                                  \
    X(IN_FLIGHT, "in_flight")                                                                                          \
    X(INTENT, "intent")                                                                                                \
    X(ATTEMPT, "attempt")                                                                                              \
    X(CANCELLED, "cancelled")                                                                                          \
    X(INPUT, "input")                                                                                                  \
    X(END, "end")

/* X(SOURCE, name) */
#define WEIR__JOURNALLINE_SOURCE_MAP(X)                                                                                \
    X(CONFIG, "config")                                                                                                \
    X(FILE, "input")                                                                                                   \
    X(STREAM, "stream")

/* How a journal begins. */
#define WEIR__JOURNALLINE_HEAD_BEGINS "{\"journal\":{\"format\":"

/* What ends a line: `,"crc":"1a2b3c4d"}`, whose digits are in lower case so that each line has one form only. */
#define WEIR__JOURNALLINE_CRC_BEGINS ",\"crc\":\""
#define WEIR__JOURNALLINE_CRC_ENDS "\"}"
#define WEIR__JOURNALLINE_CRC_DIGITS 8u
#define WEIR__JOURNALLINE_CRC_SIZE 18u

/* What was seen of a note or a result, a bit each. */
enum weir__journalline_seen {
    WEIR__JOURNALLINE_SEEN_FORMAT = 1 << 0,
    WEIR__JOURNALLINE_SEEN_ID = 1 << 1,
    WEIR__JOURNALLINE_SEEN_SOURCE = 1 << 2,
    WEIR__JOURNALLINE_SEEN_SHA256 = 1 << 3,
    WEIR__JOURNALLINE_SEEN_BYTES = 1 << 4,
    WEIR__JOURNALLINE_SEEN_JOBS = 1 << 5,
    WEIR__JOURNALLINE_SEEN_LINE = 1 << 6,
    WEIR__JOURNALLINE_SEEN_LINES = 1 << 7,
    WEIR__JOURNALLINE_SEEN_AT_MOST = 1 << 8,
    WEIR__JOURNALLINE_SEEN_AT = 1 << 9,
    WEIR__JOURNALLINE_SEEN_OUTCOME = 1 << 10,
    WEIR__JOURNALLINE_SEEN_TTFB = 1 << 11
};

struct weir__journalline_reading {
    struct weir__scan scan;
    struct weir__journalline line;
    unsigned seen;
    int64_t ttfb_ns, total_ns;
};

/* a + b, where b is not negative; INT64_MAX where that is too much. */
int64_t weir__journalline_add(int64_t a, int64_t b);

/* The next token as a value; false, and the scan may stand anywhere, where it is none of that kind. */
bool weir__journalline_read_uint(struct weir__scan *scan, uint64_t *out);
bool weir__journalline_read_moment(struct weir__scan *scan, int64_t *out_ns); /* rounded up to the millisecond */

/* A string that fits `size` bytes as it stands in the line, with a NUL for its quotes. */
bool weir__journalline_read_text(struct weir__scan *scan, char *out, size_t size);

/* Milliseconds; or null, which leaves `*out_ns` as it is and `*out_found` false. */
bool weir__journalline_read_ms(struct weir__scan *scan, int64_t *out_ns, bool *out_found);

/*
 * After a key: passes its value.  An object is passed without a look at its JSON but for strings and brackets, and to
 * any depth: a body that the scanner accepted alone stands two levels deeper in its line.
 */
bool weir__journalline_pass_value(struct weir__scan *scan);

/* From the key `journal` to the line's end: a note, beside which nothing but the checksum stands. */
bool weir__journalline_read_note(struct weir__journalline_reading *reading);

#endif
