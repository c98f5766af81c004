/*
 * dry_run - `weir run --dry-run`: every job read and checked, none sent.
 */
#ifndef WEIR_CLI_DRY_RUN_H
#define WEIR_CLI_DRY_RUN_H

#include "cli/jobs.h"
#include "weir.h"

#include <stdbool.h>

/*
 * Reads the jobs to their end, says what is wrong with the first of them and how many there are, what they weigh and
 * how long they take at least.  `weir` checks them; it is stopped first, so that it sends nothing.  Returns the exit
 * code: 0, or 1 where a job would fail.
 */
int weir__dry_run(struct weir__jobs *jobs, struct weir *weir, bool json);

#endif
