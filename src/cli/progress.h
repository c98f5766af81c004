/*
 * progress - how far a run is, for people: one line redrawn on a terminal, or a plain line now and then in a log.
 *
 * It reads weir's figures and the account ten times a second at most, and changes neither.  What has become of a job is
 * the account's to say.
 *
 * Who runs it decides what is shown: with --quiet or --progress never it does not start it; else a LINE where
 * weir__say_colour() says that one may be drawn, unless --verbose has lines scroll there; --progress always draws a
 * LINE wherever stderr goes; anywhere else, PLAIN.  It stops it before the summary.
 */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include "cli/account.h"
#include "weir.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__PROGRESS_PLAIN_INTERVAL_S 10
#define WEIR__PROGRESS_LINE_SIZE 512u /* enough for every line */

enum weir__progress_style {
    WEIR__PROGRESS_LINE, /* one with a bar, redrawn in place at most ten times a second */
    WEIR__PROGRESS_PLAIN /* one every WEIR__PROGRESS_PLAIN_INTERVAL_S seconds, without bar and control characters */
};

struct weir__progress {
    struct weir *weir;
    const struct weir__account *account;
    enum weir__progress_style style;
    bool running;
    sem_t end;
    pthread_t thread;
};

/* Begins; both must outlive it.  Without a thread for it the run goes on unseen.  One at a time. */
void weir__progress_start(struct weir__progress *progress, struct weir *weir, const struct weir__account *account,
                          enum weir__progress_style style);

/* Ends it and erases a LINE.  A no-op where it does not run. */
void weir__progress_stop(struct weir__progress *progress);

/*
 * One plain line on stderr now, with the rate and the pace of the whole run.  Any thread; where stderr is not read, it
 * says nothing rather than wait, since who calls it may have signals to take.
 */
void weir__progress_say(struct weir *weir, const struct weir__account *account);

/* ------------------------------------------------------------------------------------ the text (progress_text.c), pure
 */

/* What the caller has measured since its last lines. */
struct weir__progress_pace {
    double rate;         /* attempts a second; -1 where unknown */
    double left_s;       /* until all is done; -1 where unknown */
    const char *held_by; /* the rate limit that is waited for; NULL where none is */
};

/* At most `columns` wide, which may be 0; a part that does not fit is left out whole, those that matter least first. */
void weir__progress_format(const struct weir_stats *stats, const struct weir__figures *figures,
                           const struct weir__progress_pace *pace, size_t columns, char *out, size_t size);

/* All of it, for a log. */
void weir__progress_format_plain(const struct weir_stats *stats, const struct weir__figures *figures,
                                 const struct weir__progress_pace *pace, char *out, size_t size);

/* When all will be done, by the pace of this run so far.  Zeroed: nothing is known. */
struct weir__progress_eta {
    uint64_t done;   /* jobs, when it was last looked at, */
    int64_t done_ns; /* and since when it is that many */
    int64_t looked_ns;
    double end_s; /* the estimate, smoothed; since the run's beginning */
};

/*
 * `done` jobs of this run have ended `elapsed_ns` after its beginning, and `left` have not.  Returns the seconds left;
 * -1 in the first second, and where nothing has ended or nothing is left.
 */
double weir__progress_estimate(struct weir__progress_eta *eta, int64_t elapsed_ns, uint64_t done, uint64_t left);

#endif
