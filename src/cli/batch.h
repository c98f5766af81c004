/*
 * batch - takes the jobs of a run to the dispatcher and what becomes of them to the journal.
 *
 *     jobs -> (what the past has done is passed over) -> weir_submit -> ... -> done -> result line -> account
 *
 * Before a send it notes what a run after a crash must know: an intent, where the job must not be done twice; and how
 * many sends may have no line yet, so that the limits can count them.  After it, in the worker's callback, the line is
 * durable before the job counts as done.  So at any moment what is in flight and what is not in the file yet are
 * together no more than the workers.
 *
 * Threads: run is the producer; the callbacks run on weir's.  How a file is written is the journal's concern.
 */
#ifndef WEIR_CLI_BATCH_H
#define WEIR_CLI_BATCH_H

#include "cli/account.h"
#include "cli/jobs.h"
#include "cli/journal.h"
#include "cli/past.h"
#include "weir.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WEIR__BATCH_PERCENT_LEAST 100u /* jobs that must have ended before a share of failures says something */

/* How many jobs may fail.  Zeroed: as many as like. */
struct weir__batch_tolerance {
    bool limited;
    bool percent;
    double most; /* one more, and the run stops: jobs, or a share in percent of those that have ended */
};

/* Why the producer stopped early. */
enum weir__batch_end {
    WEIR__BATCH_ALL,        /* it did not: every job was handed in */
    WEIR__BATCH_STOPPED,    /* somebody stopped the dispatcher */
    WEIR__BATCH_REFUSED,    /* a job that the configuration describes cannot be sent at all */
    WEIR__BATCH_INPUT,      /* the input cannot be read any more */
    WEIR__BATCH_OTHER_INPUT /* it is not the input that the journal belongs to, or no longer */
};

/* Lines that a thread has handed in and not waited for. */
struct weir__batch_unsettled {
    struct weir__batch *batch; /* NULL: there is none */
    uint64_t end;
    uint64_t open;                      /* their sends are counted as without a line until then; */
    uint64_t delicate;                  /* of those, so many must not be made twice */
    struct weir__batch_unsettled *next; /* in the batch's list, */
    struct weir__batch *listed;         /* of this batch */
};

struct weir__batch {
    /* the caller's, set before init */
    struct weir *weir;
    struct weir__jobs *jobs;
    const struct weir__config *config;
    struct weir__account *account;
    struct weir__past *past;
    struct weir__journal *journal; /* NULL: no results file */
    struct weir__batch_tolerance tolerance;

    /* its own */
    enum weir__batch_end end;
    bool input_changed;                      /* OTHER_INPUT: while it was read */
    atomic_bool too_many;                    /* more failed than may */
    atomic_bool careful;                     /* among the jobs was one that must not be done twice */
    _Atomic uint64_t sends_open;             /* sends without a line */
    _Atomic uint64_t sends_noted;            /* so many at most, says the journal */
    pthread_mutex_t note_lock;               /* raises it; the journal's are taken under it.  Guards the list, too: */
    struct weir__batch_unsettled *unsettled; /* of the threads that have handed in lines; they live until weir_free() */
};

/* False without memory. */
bool weir__batch_init(struct weir__batch *batch);
void weir__batch_clear(struct weir__batch *batch);

/* Hands every job in, and returns when there is none left or why not; those in flight may go on. */
enum weir__batch_end weir__batch_submit(struct weir__batch *batch);

/* After weir_wait(): notes the end of the run.  False where the journal failed. */
bool weir__batch_finish(struct weir__batch *batch);

#endif
