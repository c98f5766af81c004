/*
 * run_parts - what the files of `weir run` share: run_setup.c opens what a run needs, run.c carries it out and tells.
 */
#ifndef WEIR_CLI_RUN_PARTS_H
#define WEIR_CLI_RUN_PARTS_H

#include "cli/account.h"
#include "cli/batch.h"
#include "cli/jobs.h"
#include "cli/journal.h"
#include "cli/metrics.h"
#include "cli/past.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "cli/stop.h"
#include "cli/summary.h"
#include "cli/watch.h"
#include "weir.h"

#include <stdbool.h>

/* One run.  The signal thread reads it in last_words(), when the main thread only waits. */
struct weir__run {
    struct weir__run_options options;
    struct weir__config config;
    struct weir__jobs jobs;
    struct weir__journal journal;
    struct weir__past past;
    struct weir__account account;
    struct weir__batch batch;
    struct weir *weir;
    struct weir__stop stop;
    struct weir__progress progress;
    struct weir__metrics metrics;
    struct weir__watch watch;
    struct weir__summary summary;
    bool printed; /* stdout took the summary */
    bool written; /* the results file and the metrics took everything */
};

void weir__run_print_help(void);

/* Reads and checks everything that can be wrong before a file is touched or a request is sent.  False after a message.
 */
bool weir__run_configure(struct weir__run *run);

/* The results file, if there is to be one, with what earlier runs left in it.  Exit code. */
int weir__run_open_journal(struct weir__run *run);

/* How many jobs there are, and how many of them are done. */
void weir__run_begin_account(struct weir__run *run);

/* Room for as many workers as there can be, or fewer workers; false after a message where there is none for one. */
bool weir__run_reserve(struct weir__run *run);

enum weir_status weir__run_make_dispatcher(struct weir__run *run);

/* Ends a read in which the producer waits.  `context` is the run; any thread. */
void weir__run_wake(void *context);

#endif
