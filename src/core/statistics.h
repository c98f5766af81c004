/*
 * statistics - a dispatcher's counters.
 *
 * Threads: any; `lock` guards all and is a leaf.  One update for each attempt.
 */
#ifndef WEIR_CORE_STATISTICS_H
#define WEIR_CORE_STATISTICS_H

#include "base/histogram.h"
#include "weir.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Answers that are remembered, to tell what a server accepted before it refused. */
#define WEIR__STATISTICS_ANSWERS 4096u

struct weir__statistics {
    pthread_mutex_t lock;
    uint64_t outcomes[WEIR_OUTCOME_COUNT];
    uint64_t attempts;
    uint64_t retries;
    uint64_t connections;
    uint64_t statuses[WEIR_HTTP_STATUS_MAX + 1];
    uint64_t errors[WEIR_ERROR_COUNT];
    uint64_t ttfb_count;
    int64_t ttfb_sum_ns;
    struct weir__histogram latency;
    uint64_t answer_count; /* responses that were no refusals, and when the newest of them ended */
    int64_t answers_ns[WEIR__STATISTICS_ANSWERS];
};

/* One attempt's figures. */
struct weir__statistics_attempt {
    enum weir_error error; /* NONE: a whole response */
    int http_status;
    bool sent;
    bool repeats; /* the job was sent before, and this is no redirect */
    bool new_connection;
    bool ended;                /* the job, with this attempt, */
    enum weir_outcome outcome; /* so */
    int64_t ttfb_ns;           /* negative where no response began */
    int64_t elapsed_ns;        /* from the send to the end of the response */
    int64_t answered_ns;       /* that end; negative where there was none, or it was a refusal */
};

bool weir__statistics_init(struct weir__statistics *statistics);
void weir__statistics_clear(struct weir__statistics *statistics);

void weir__statistics_attempt(struct weir__statistics *statistics, const struct weir__statistics_attempt *attempt);

/* A job ended without an attempt.  Its error counts, unless it is cancelled, which says all. */
void weir__statistics_ended(struct weir__statistics *statistics, enum weir_outcome outcome, enum weir_error error);

/* An answer to a request that is no job's, and no refusal. */
void weir__statistics_answer(struct weir__statistics *statistics, int64_t answered_ns);

/* How many answers that were no refusals ended at `since_ns` or later, as far as they are remembered; with the first.
 */
uint64_t weir__statistics_answers(struct weir__statistics *statistics, int64_t since_ns, int64_t *out_first_ns);

/* Jobs that succeeded so far. */
uint64_t weir__statistics_succeeded(struct weir__statistics *statistics);

/* Fills the counters and the latency of `out`; the rest of it is untouched. */
void weir__statistics_read(struct weir__statistics *statistics, struct weir_stats *out);

#endif
