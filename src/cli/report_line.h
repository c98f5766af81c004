/*
 * report_line - what a line of results says of its job, as far as a page shows it.
 */
#ifndef WEIR_CLI_REPORT_LINE_H
#define WEIR_CLI_REPORT_LINE_H

#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__REPORT_CODE_SIZE 32u

struct weir__report_line {
    enum weir_outcome outcome;
    uint64_t attempts;
    int64_t sent_at_ns;                /* wall clock of the last send; 0: it was never sent */
    int status;                        /* 0: no response */
    char code[WEIR__REPORT_CODE_SIZE]; /* of the error; "" if there is none */
    bool answered;                     /* ttfb is known */
    int64_t queue_ns, permit_ns, connect_ns, ttfb_ns, total_ns;
};

/* A line that weir__journalline_read() has read as a RESULT.  False where it is none after all. */
bool weir__report_line_read(const char *text, size_t size, struct weir__report_line *out);

#endif
