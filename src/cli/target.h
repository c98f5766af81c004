/*
 * target - a `weir serve` of our own, as a child process that never outlives us.
 */
#ifndef WEIR_CLI_TARGET_H
#define WEIR_CLI_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#define WEIR__TARGET_URL_SIZE 128u

struct weir__target {
    pid_t pid; /* 0: none */
    char url[WEIR__TARGET_URL_SIZE];
};

/* What a target counted; figures that could not be had are -1. */
struct weir__target_stats {
    long arrivals;
    long worst_window;
};

/*
 * Starts this very program with `arguments` ("weir", "serve", ...; NULL at the end), which must print its URL first,
 * and waits for that.  False after a message.  Call it while there is no other thread.
 */
bool weir__target_start(struct weir__target *target, char *const *arguments);

/* Ends it.  A no-op where there is none. */
void weir__target_stop(struct weir__target *target);

/* Asks for its /stats. */
struct weir__target_stats weir__target_ask(const struct weir__target *target);

#endif
