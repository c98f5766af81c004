/*
 * resultline - a finished job as a line of the results file.
 *
 *     {"custom_id":"a1","response":{"status_code":200,"headers":{...},"body":...},"error":null,"metadata":{...},
 *      "weir":{"line":1,"outcome":"succeeded","attempts":1,"sent_at":"2026-01-02T03:04:05.678Z","queue_ms":0.1,
 *              "permit_ms":0,"connect_ms":0.2,"ttfb_ms":1.5,"total_ms":2.1},"crc":"1a2b3c4d"}
 *
 * on one line.  `metadata` is only there where the job brought some.  `response` is null where there was none, `error`
 * where the job succeeded, else {"code","message"}.  Headers' names are in lower case, repeated ones joined by ", ";
 * Set-Cookie's value, Authorization's and their kin are "***", and so is the userinfo of a URL in Location,
 * Content-Location, Refresh and Link.  `body` is the JSON as received where the content type says JSON
 * (application/json, or +json) and it is valid, but with the line ends between its tokens as spaces, and none around
 * it; a string where it is UTF-8; else base64, with "body_encoding":"base64" after it; left out where `bodies` is
 * false.  `sent_at` is null where it was never sent; an unanswered attempt's ttfb_ms is null.  `crc` is the CRC-32C, in
 * eight hexadecimal digits, of the line's bytes before `,"crc"`.
 */
#ifndef WEIR_JSON_RESULTLINE_H
#define WEIR_JSON_RESULTLINE_H

#include "json/writer.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__resultline {
    uint64_t line;         /* the job's number, from 1 */
    const char *custom_id; /* NULL: the line's number */
    size_t custom_id_size;
    const char *metadata; /* JSON; NULL if none */
    size_t metadata_size;
    bool bodies;

    const struct weir_result *result; /* NULL for a job that never was one, whose outcome is `outcome` */
    enum weir_outcome outcome;
    const char *error_code; /* of that: "bad_line", "interrupted"; else the result says it */
    const char *error_message;
};

/* Appends the line with its line end.  A failure is the writer's. */
void weir__resultline_write(struct weir__writer *writer, const struct weir__resultline *line);

#endif
