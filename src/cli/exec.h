/*
 * exec - what the parts of `weir exec` share: the limits that were asked for, as the command line and the environment
 * say them, and the child that runs under them.
 */
#ifndef WEIR_CLI_EXEC_H
#define WEIR_CLI_EXEC_H

#include "base/handover.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__EXEC_NOT_FOUND 127   /* as shells say it: there is no such command, */
#define WEIR__EXEC_NOT_STARTED 126 /* or it cannot be started */

struct weir__exec_options {
    uint32_t concurrency; /* 0: no such limit */
    struct weir_rate rates[WEIR_RATES_MAX];
    size_t rate_count;
    bool rate_auto; /* learn what the server states */
    enum weir_shape shape;
    const char *scope; /* NULL: one of its own */
    bool verbose, help, version;
    char **command; /* in argv, with its arguments and the NULL after them; NULL: none was given */
};

/* Reads what follows "exec".  False after a message. */
bool weir__exec_options_parse(int count, char **arguments, struct weir__exec_options *out);
void weir__exec_options_print(void);

/*
 * Puts the limits, the tally's name ("": there is none) and the library into this process's environment, for the
 * command.  False after a message: the library was not found, or its name is one that LD_PRELOAD cannot hold.
 */
bool weir__exec_environment_set(const struct weir__exec_options *options, const char *scope, const char *tally);

/* The figures of all processes that run under the limits, in shared memory. */
struct weir__exec_tally {
    char name[WEIR__HANDOVER_TALLY_SIZE];
    struct weir__handover_tally *figures; /* NULL: nobody counts */
};

/* `run` tells runs apart.  False after a message.  Closing removes it, and is a no-op for a zeroed one. */
bool weir__exec_tally_open(struct weir__exec_tally *tally, const char *run);
void weir__exec_tally_close(struct weir__exec_tally *tally);

/* What held the command back, and how well the limits were kept. */
void weir__exec_tally_report(const struct weir__exec_tally *tally, struct weir_limits *limits);

/*
 * Runs the command and waits for it.  The terminal's signals reach it by themselves, others are handed on.  Returns its
 * exit code, 128 and the number of the signal that ended it, or one of those above after a message.
 */
int weir__exec_child_run(char **command);

/* Whether processes that it started have outlived it. */
bool weir__exec_child_left_others(void);

#endif
