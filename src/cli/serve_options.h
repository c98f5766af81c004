/*
 * serve_options - what `weir serve` was asked for: command line and configuration file as one checked struct.
 *
 * One table names each option, reads its value and prints the help.  It starts nothing.
 */
#ifndef WEIR_CLI_SERVE_OPTIONS_H
#define WEIR_CLI_SERVE_OPTIONS_H

#include "cli/serve_headers.h"
#include "cli/serve_window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WEIR__SERVE_FAILS_MAX 16u
#define WEIR__SERVE_ANSWER_MAX (UINT64_C(64) * 1024 * 1024) /* bytes of --body */
#define WEIR__SERVE_ADDRESS_SIZE 64u
#define WEIR__SERVE_LOG_SIZE 4096u /* PATH_MAX */

struct weir__serve_options {
    /* where */
    uint16_t port; /* 0: the system picks one */
    char address[WEIR__SERVE_ADDRESS_SIZE];

    /* the limit; limit 0 is none */
    uint32_t limit;
    int64_t period_ns;
    enum weir__window_shape shape;
    bool shape_given;
    uint32_t burst;
    bool burst_given;
    enum weir__dialect dialect;
    int refusal_status;
    int64_t refuse_for_ns; /* from the first request on, everything; 0: nothing */
    int64_t retry_after_ns;
    bool retry_after_given;

    /* delays */
    int64_t latency_ns;
    int64_t jitter_ns;
    int64_t uplink_ns;

    /* faults */
    struct {
        int status;
        double share;
    } fails[WEIR__SERVE_FAILS_MAX];
    size_t fail_count;
    double reset_share;
    uint64_t seed;

    uint64_t body_size;
    bool body_given;
    int64_t duration_ns;                 /* 0: until a signal */
    char log_file[WEIR__SERVE_LOG_SIZE]; /* "": none */
    bool quiet;
};

enum weir__serve_parsed { WEIR__SERVE_RUN, WEIR__SERVE_HELP, WEIR__SERVE_WRONG };

/*
 * Reads the arguments after the command's name, and the CONFIG they may name, which they override wherever they stand.
 * HELP leaves `out` untouched; so does WRONG, which has said why on stderr.
 */
enum weir__serve_parsed weir__serve_options_parse(int count, char **arguments, struct weir__serve_options *out);

void weir__serve_options_help(FILE *to);

/* "100/1s, sliding, burst 5" or "no limit", for people. */
void weir__serve_options_describe(const struct weir__serve_options *options, char *text, size_t size);

#endif
