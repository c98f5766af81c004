/*
 * serve_log - the --log file of `weir serve`: one line for each request, in the order and at the time of counting.
 *
 *     0.123456 GET /path?query 200
 *
 * Seconds on the monotonic clock since the target's start, method, path as it was sent, and the status of the answer,
 * or "reset" where the connection is closed instead.  It knows neither HTTP nor the clock; the caller serialises.
 */
#ifndef WEIR_CLI_SERVE_LOG_H
#define WEIR_CLI_SERVE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Zeroed means none: every call is then a no-op that succeeds. */
struct weir__serve_log {
    FILE *file;
    int64_t start_ns;
    int error; /* the first errno that writing met; 0: none */
};

/* Makes the file, or empties it.  Paths may carry secrets in their queries: it is the user's alone.  False with errno.
 */
bool weir__serve_log_open(struct weir__serve_log *log, const char *path);

/* `status` 0 is a reset.  Blanks, controls and what is not ASCII stand as %XX, so that a line keeps its four columns.
 */
void weir__serve_log_add(struct weir__serve_log *log, int64_t now_ns, const char *method, const char *path, int status);

void weir__serve_log_flush(struct weir__serve_log *log);

/* Returns 0, or the errno of the first write that failed. */
int weir__serve_log_close(struct weir__serve_log *log);

#endif
