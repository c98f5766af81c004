/*
 * watch - what is said while a run goes on: with `-v` a line on stderr for each attempt, retry, wait at a limit, pause
 * and learned limit; in any case that the run gave up, since the way out of that is worth knowing.
 *
 * Runs on weir's threads, several at a time; it keeps no state.
 */
#ifndef WEIR_CLI_WATCH_H
#define WEIR_CLI_WATCH_H

#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__watch {
    uint32_t concurrency; /* permits of that limit */
    bool verbose;
};

/* A weir_event_fn; `user_data` is a const struct weir__watch. */
void weir__watch_event(void *user_data, const struct weir_event *event);

/* "gave up: ..." into `out`, with the time of day, seen from `wall_ns`, when a new run may go. */
void weir__watch_format_gave_up(const struct weir_event *event, int64_t wall_ns, char *out, size_t size);

#endif
