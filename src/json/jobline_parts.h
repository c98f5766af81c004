/*
 * jobline_parts - what the files of jobline share: jobline knows a line's keys, jobline_values what may stand under
 * them.
 */
#ifndef WEIR_JSON_JOBLINE_PARTS_H
#define WEIR_JSON_JOBLINE_PARTS_H

#include "json/jobline.h"
#include "json/scan.h"

/* A text without a NUL after it. */
struct weir__jobline_text {
    const char *bytes;
    size_t size;
};

struct weir__jobline_reader {
    struct weir__jobline *job;
    struct weir__scan scan;

    /* In job->buffer, whose first half takes resolved texts and whose second the metadata.  Both have room for all of
     * the line: a text is shorter than its token, and each token is needed once. */
    char *text_end;
    char *metadata_end; /* NULL until there is some */

    unsigned known;                                         /* bit i: the i-th known key was there */
    struct weir__jobline_text keys[WEIR__JOBLINE_KEYS_MAX]; /* the unknown ones, escapes resolved */
    size_t key_count;
    bool no_memory;
};

/*
 * Reads the value of a key, which is the scanner's last token.  False where no more can be read: after an error of the
 * scanner, or without memory.  What is merely wrong is kept as the error, and reading goes on.
 */
bool weir__jobline_custom_id(struct weir__jobline_reader *reader);
bool weir__jobline_method(struct weir__jobline_reader *reader);
bool weir__jobline_url(struct weir__jobline_reader *reader);
bool weir__jobline_headers(struct weir__jobline_reader *reader); /* {"name":"value"} */
bool weir__jobline_body(struct weir__jobline_reader *reader);
bool weir__jobline_vegeta_header(struct weir__jobline_reader *reader); /* {"Name":["value"]} */
bool weir__jobline_vegeta_body(struct weir__jobline_reader *reader);   /* "base64" */

/* The text of the last token, a key or string, its escapes resolved, with a NUL after it. */
struct weir__jobline_text weir__jobline_take(struct weir__jobline_reader *reader);

/* Keeps what is wrong with the line, unless something is already. */
void weir__jobline_complain(struct weir__jobline_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
