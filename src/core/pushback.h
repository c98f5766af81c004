/*
 * pushback - what the server says of its limits, and what weir does about it for all jobs together: the pause, the
 * limits learned, the retry budget.
 *
 * The rules are policy's; here they meet the gate's lock and each other.  It decides nothing about a single job but
 * whether it may be tried again, and when.
 *
 * Threads: any.  `lock` guards everything but the pause, which is the gate's, and may be held while limits.lock,
 * gate.lock or statistics.lock is taken.
 */
#ifndef WEIR_CORE_PUSHBACK_H
#define WEIR_CORE_PUSHBACK_H

#include "core/limits.h"
#include "core/statistics.h"
#include "policy/backoff.h"
#include "policy/feedback.h"
#include "weir.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct weir__pushback_rules {
    int64_t backoff_ns, backoff_max_ns;
    int64_t pause_max_ns; /* negative: none is too long */
    double budget;
    bool learn; /* adopt stated limits before the first refusal too */
};

struct weir__pushback {
    struct weir__limits *limits;
    struct weir__statistics *statistics;
    struct weir__pushback_rules rules;
    pthread_mutex_t lock;
    uint64_t random;
    struct weir__budget budget;
    uint64_t earned;    /* successes that it has in it */
    atomic_bool doubts; /* what a refusal let conclude may be wrong: those in flight by then will tell, */
    uint32_t in_flight_accepted, in_flight_refused; /* so many have */
    atomic_bool guessed; /* the newest pause was of a length that nobody named, and nothing was accepted since */
    uint64_t refusals, denied;
    struct weir_pause_stats stats;
    atomic_bool gave_up;
};

/* Of a response, with the reading of the clock at its end. */
struct weir__pushback_response {
    const struct weir__feedback *feedback;
    int http_status;
    bool refused;
    int64_t sent_ns;
    int64_t now_ns;
};

/* What came of it, for those who watch. */
struct weir__pushback_news {
    bool paused;
    int64_t pause_ns;
    uint32_t learned[WEIR__FEEDBACK_POLICIES_MAX]; /* numbers of limits, */
    size_t learned_count;                          /* so many */
};

/* `seed` of the random draws.  False without a lock. */
bool weir__pushback_init(struct weir__pushback *pushback, struct weir__limits *limits,
                         struct weir__statistics *statistics, const struct weir__pushback_rules *rules, uint64_t seed);
void weir__pushback_clear(struct weir__pushback *pushback);

/* A response came, whatever its status.  Costs next to nothing where it says nothing. */
void weir__pushback_heard(struct weir__pushback *pushback, const struct weir__pushback_response *response,
                          struct weir__pushback_news *out);

/* A job wants to be tried again. */
struct weir__pushback_wish {
    uint32_t retry;     /* its number, from 1 */
    bool at_once;       /* without a backoff */
    int64_t least_ns;   /* what the server asks for; 0: nothing */
    int64_t now_ns;     /* */
    int64_t expires_ns; /* its deadline */
};

enum weir__pushback_answer {
    WEIR__RETRY_OK,
    WEIR__RETRY_NO_TIME,   /* the deadline comes first */
    WEIR__RETRY_TOO_LONG,  /* the server asks for a longer wait than a pause may be */
    WEIR__RETRY_NO_BUDGET, /* it is used up */
};

/* OK with the moment, and a retry is spent; else nothing is. */
enum weir__pushback_answer weir__pushback_retry(struct weir__pushback *pushback, const struct weir__pushback_wish *wish,
                                                int64_t *out_due_ns);

/* A job would have to wait for the pause now: true where that is longer than the rules allow. */
bool weir__pushback_too_long(struct weir__pushback *pushback, int64_t now_ns, int64_t *out_left_ns);

/* "429, retry-after": of the newest pause. */
void weir__pushback_reason(struct weir__pushback *pushback, char *out, size_t size);

/* What there is to tell; `out_denied` may be NULL: jobs that ended for want of budget. */
void weir__pushback_read(struct weir__pushback *pushback, int64_t now_ns, struct weir_pause_stats *out,
                         uint64_t *out_refusals, uint64_t *out_denied);

#endif
