/*
 * serve_values - what the value of each option of `weir serve` may be, and where it goes.
 *
 * A value is text wherever it comes from: an option's argument, or what stands under the same name in CONFIG.  It knows
 * neither of them.
 */
#ifndef WEIR_CLI_SERVE_VALUES_H
#define WEIR_CLI_SERVE_VALUES_H

#include "cli/serve_options.h"

enum weir__serve_id {
    WEIR__SERVE_ID_PORT,
    WEIR__SERVE_ID_LISTEN,
    WEIR__SERVE_ID_LIMIT,
    WEIR__SERVE_ID_WINDOW,
    WEIR__SERVE_ID_BURST,
    WEIR__SERVE_ID_LATENCY,
    WEIR__SERVE_ID_JITTER,
    WEIR__SERVE_ID_UPLINK,
    WEIR__SERVE_ID_FAIL,
    WEIR__SERVE_ID_RESET,
    WEIR__SERVE_ID_HEADERS,
    WEIR__SERVE_ID_REFUSAL,
    WEIR__SERVE_ID_REFUSE_FOR,
    WEIR__SERVE_ID_RETRY_AFTER,
    WEIR__SERVE_ID_SEED,
    WEIR__SERVE_ID_BODY,
    WEIR__SERVE_ID_DURATION,
    WEIR__SERVE_ID_LOG,
    WEIR__SERVE_ID_QUIET,
    WEIR__SERVE_ID_HELP
};

/* Reads one value.  NULL where it is fine, else what was expected: "a port from 0 to 65535". */
const char *weir__serve_values_apply(struct weir__serve_options *options, int id, const char *value);

/* A shape as --window names it. */
const char *weir__serve_values_shape(enum weir__window_shape shape);

#endif
