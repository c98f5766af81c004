/*
 * jobline - a line of input that is a JSON object, as the parts of a job.
 *
 * It finds the exact bytes of `body`, which are never parsed into numbers; keeps what it does not know as metadata; and
 * says what is wrong with a line without repeating anything of it but names of keys that it knows, since the rest may
 * be secret.  What the parts default to, and whether a URL or a header may be sent, is not its concern.
 */
#ifndef WEIR_JSON_JOBLINE_H
#define WEIR_JSON_JOBLINE_H

#include "weir.h"

#include <stdbool.h>
#include <stddef.h>

#define WEIR__JOBLINE_ERROR_SIZE 256u
#define WEIR__JOBLINE_ID_MAX_SIZE 4096u /* bytes of a custom_id */
#define WEIR__JOBLINE_HEADERS_MAX 256u  /* fields of one line */
#define WEIR__JOBLINE_KEYS_MAX 1024u    /* keys of one line beside the known ones */
#define WEIR__JOBLINE_KEEP_SIZE                                                                                        \
    1048576u /* a larger buffer is not kept for the next line, unless that needs it, too                               \
              */

enum weir__jobline_format {
    WEIR__JOBLINE_BATCH, /* {"custom_id","method","url","headers":{"name":"value"},"body":any} */
    WEIR__JOBLINE_VEGETA /* {"method","url","header":{"Name":["value",...]},"body":"base64"}: vegeta's JSON targets;
                            method is needed, a body of null is none, and custom_id a key like any other */
};

enum weir__jobline_body {
    WEIR__JOBLINE_NO_BODY,
    WEIR__JOBLINE_TEXT, /* a JSON string: its text, escapes resolved; or what base64 held */
    WEIR__JOBLINE_JSON, /* any other value: its bytes as they stand in the line */
    WEIR__JOBLINE_NULL  /* the value null: "null", if its caller takes it for one */
};

/* A zeroed struct is ready for its first line. */
struct weir__jobline {
    const char *custom_id; /* NULL if none; may hold NUL */
    size_t custom_id_size;
    const char *method; /* NULL if none */
    const char *url;    /* NULL if none */

    /* in their order; a value of NULL (from null) takes the configuration's field of that name out */
    struct weir_header *headers;
    size_t header_count;

    enum weir__jobline_body body_kind;
    const void *body; /* into the line for JSON; not NUL-terminated */
    size_t body_size;

    /* the unknown keys with their values, byte for byte, as one JSON object; NULL if none */
    const char *metadata;
    size_t metadata_size;

    char error[WEIR__JOBLINE_ERROR_SIZE]; /* what is wrong, where, and what would be right; "" if nothing is */

    /* its own */
    char *buffer; /* texts with their escapes resolved, metadata */
    size_t buffer_size;
    size_t header_capacity;
};

/*
 * Reads the line `text`, a JSON object in UTF-8 without its line end.  The parts point into it and into `jobline` and
 * hold until the next call.  False where it is no job: not RFC 8259 ("column 17: expected ..."), a duplicate key, a
 * known key of a wrong type, no `url`; then `error` says so, of several mistakes the first, and nothing else is set but
 * custom_id, if the line is JSON and has a valid one.  null for any known key but body is as if it were not there.  A
 * \u0000 is allowed in custom_id, body and metadata alone.  Without memory it is false, too, with `error` "out of
 * memory".
 */
bool weir__jobline_parse(struct weir__jobline *jobline, enum weir__jobline_format format, const char *text,
                         size_t size);
void weir__jobline_clear(struct weir__jobline *jobline);

#endif
