/*
 * watch - `-v`: a line on stderr for each attempt and for each wait at a limit.
 *
 * Runs on weir's threads, several at a time; it keeps no state.
 */
#ifndef WEIR_CLI_WATCH_H
#define WEIR_CLI_WATCH_H

#include "weir.h"

/* A weir_event_fn; `user_data` is a const uint32_t *, the permits of the concurrency limit. */
void weir__watch_event(void *user_data, const struct weir_event *event);

#endif
