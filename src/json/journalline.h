/*
 * journalline - what a line of a journal says: a result, or a note between the results.
 *
 * A result is what resultline writes.  A note is an object with the one key `journal`, and the checksum:
 *
 *     {"journal":{"format":1,"id":"UUID","source":"input","sha256":"...","bytes":1234,"jobs":20},"crc":"..."}
 *     {"journal":{"event":"start","at":"2026-01-02T03:04:05.678Z","version":"0.1.0"},"crc":"..."}
 *     {"journal":{"event":"in_flight","at_most":8},"crc":"..."}
 *     {"journal":{"event":"intent","line":5},"crc":"..."}
 *     {"journal":{"event":"attempt","line":5,"at":"..."},"crc":"..."}
 *     {"journal":{"event":"cancelled","line":5,"at":"..."},"crc":"..."}
 *     {"journal":{"event":"input","lines":4096,"sha256":"..."},"crc":"..."}
 *     {"journal":{"event":"end","at":"..."},"crc":"..."}
 *
 * It knows the lines one by one; what a row of them means is the journal's concern.
 */
#ifndef WEIR_JSON_JOURNALLINE_H
#define WEIR_JSON_JOURNALLINE_H

#include "json/writer.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__JOURNALLINE_FORMAT 1u
#define WEIR__JOURNALLINE_ID_SIZE 37u   /* a UUID and a NUL */
#define WEIR__JOURNALLINE_KEY_SIZE 128u /* a header field's name and a NUL; a longer one is cut */
#define WEIR__JOURNALLINE_HASH_SIZE 65u /* a SHA-256 in hexadecimal and a NUL */

enum weir__journalline_kind {
    WEIR__JOURNALLINE_INVALID, /* not a line of a journal, or its checksum does not fit */
    WEIR__JOURNALLINE_STRANGE, /* its checksum fits, but what it says is none of these: another version wrote it */
    WEIR__JOURNALLINE_RESULT,
    WEIR__JOURNALLINE_HEAD,      /* a journal's first line */
    WEIR__JOURNALLINE_START,     /* a run begins */
    WEIR__JOURNALLINE_IN_FLIGHT, /* from here on at most so many sends have no line yet */
    WEIR__JOURNALLINE_INTENT,    /* a job that must not be done twice is about to be sent for the first time */
    WEIR__JOURNALLINE_ATTEMPT,   /* a send of a job that is sent again; it was over by `at` */
    WEIR__JOURNALLINE_CANCELLED, /* the job ended without being done: its intent is void, its last send over by `at` */
    WEIR__JOURNALLINE_INPUT,     /* what the first so many lines of a streamed input were */
    WEIR__JOURNALLINE_END        /* the run ended in order: every send has its line */
};

/* What a journal belongs to. */
enum weir__journalline_source {
    WEIR__JOURNALLINE_CONFIG, /* "config": a number of equal jobs; hash of what they are */
    WEIR__JOURNALLINE_FILE,   /* "input": a file of jobs; hash of its content */
    WEIR__JOURNALLINE_STREAM  /* "stream": jobs from a pipe, told by INPUT notes; no hash */
};

struct weir__journalline {
    enum weir__journalline_kind kind;

    /* HEAD */
    enum weir__journalline_source source;
    char id[WEIR__JOURNALLINE_ID_SIZE];
    char sha256[WEIR__JOURNALLINE_HASH_SIZE]; /* INPUT's, too; "" for a stream's head */
    char key[WEIR__JOURNALLINE_KEY_SIZE];     /* the field that carries idempotency keys; "" if none does */
    uint64_t bytes;                           /* of the file; 0 for others */
    uint64_t jobs;                            /* 0 for a stream */

    uint64_t line;    /* RESULT, INTENT, ATTEMPT, CANCELLED: the job's number; INPUT: how many */
    uint64_t at_most; /* IN_FLIGHT */
    int64_t at_ns;    /* START, ATTEMPT, CANCELLED, END: wall clock since 1970, to the millisecond, rounded up */

    /* RESULT */
    enum weir_outcome outcome;
    bool bad_line;        /* its error code is "bad_line" */
    uint64_t attempts;    /* */
    int64_t sent_at_ns;   /* wall clock; 0 if never sent */
    int64_t forgotten_ns; /* when the last send was over for the server at the latest, wall clock: sent_at + ttfb, or
                             where it was not answered, + total; and the millisecond that sent_at was cut to; 0 if never
                             sent */
};

/* Appends a note (not a RESULT) with its line end. */
void weir__journalline_write(struct weir__writer *writer, const struct weir__journalline *note);

/* Ends the line that begins at `from` in the writer's text, a JSON object: its checksum and its line end. */
void weir__journalline_seal(struct weir__writer *writer, size_t from);

/* Reads the line `text` without its line end.  The checksum is looked at first: what fails it is INVALID.  Of a STRANGE
 * one nothing but its kind is known. */
void weir__journalline_read(const char *text, size_t size, struct weir__journalline *out);

/* Whether `text` may be the beginning of a journal's first line, however short: then it is one that was torn. */
bool weir__journalline_begins_head(const char *text, size_t size);

/* "2026-01-02T03:04:05.678Z" (RFC 3339) into `out`; `up`: what is not a whole millisecond is rounded up.  Unlike
 * weir__clock_format(), which can only cut, it asks the C library for nothing: no lock between the threads that write
 * results, and a quarter of the time. */
#define WEIR__JOURNALLINE_TIME_SIZE 32u
void weir__journalline_format_time(int64_t wall_ns, bool up, char out[WEIR__JOURNALLINE_TIME_SIZE]);

#endif
