/*
 * summary - the account of a run: one JSON object for programs, a dozen lines for people.
 *
 * Every figure comes from one weir_snapshot() and getrusage().  It decides nothing about the run but its exit code.
 */
#ifndef WEIR_CLI_SUMMARY_H
#define WEIR_CLI_SUMMARY_H

#include "cli/account.h"
#include "weir.h"

#include <stdbool.h>
#include <stdint.h>

struct weir__summary {
    /* from the caller */
    uint64_t total;         /* jobs that were asked for, as far as they were read */
    uint64_t past_failures; /* of those skipped, how many did not succeed */
    double retry_budget;    /* as configured */
    const char *scope;      /* as configured; NULL is the process's own, too.  For people alone */
    const char *engine;     /* as configured */
    struct weir_stats stats;

    /* derived: these five add up to `total` */
    uint64_t succeeded, failed, unknown, cancelled, skipped;

    /* this process's, so far */
    double cpu_user_s, cpu_system_s;
    uint64_t rss_max_bytes;
};

/*
 * Takes a snapshot and derives the rest.  Jobs that a stop kept from being accepted count as cancelled.  So do accepted
 * ones whose end was not waited for, except that those in flight are `unknown` where a repeat could do harm
 * (`idempotent` false).
 * Scope and engine are the caller's to set, afterwards.
 */
void weir__summary_take(struct weir__summary *summary, struct weir *weir, const struct weir__account *account,
                        double retry_budget, bool idempotent);

/* As one JSON object. */
struct weir__writer;
void weir__summary_write(struct weir__writer *writer, const struct weir__summary *summary);

/* One line of JSON on stdout, flushed.  False where that failed. */
bool weir__summary_print_json(const struct weir__summary *summary);

/* For people, on stderr. */
void weir__summary_say(const struct weir__summary *summary);

/* Whether a job ended, or was left, without its turn having come or being over. */
bool weir__summary_unfinished(const struct weir__summary *summary);

/* Whether every job there is succeeded, now or in an earlier run. */
bool weir__summary_all_succeeded(const struct weir__summary *summary);

#endif
