/*
 * sim_whole - the whole library between simulated callers and a simulated server, in virtual time.
 *
 * dispatcher, pool, gate and rules are weir's own, unchanged; workers are fibers; network and server are made up here,
 * from one seed.  What must hold is checked at each step, from the server's side and from the callbacks; the first
 * violation is what the report says.
 */
#ifndef WEIR_TEST_SIM_WHOLE_H
#define WEIR_TEST_SIM_WHOLE_H

#include "cli/serve_headers.h"
#include "cli/serve_window.h"
#include "support/fiber.h"
#include "weir.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_RATES_MAX 2u

/* What the simulation does wrong on purpose, to show that it is noticed. */
enum sim_lie {
    SIM_HONEST,
    SIM_CLOCK_FAST,     /* weir's clock runs a twentieth fast */
    SIM_ONE_FEWER,      /* the server allows one fewer than it says */
    SIM_SENT_TWICE,     /* the transport sends each POST twice */
    SIM_SENT_LATE,      /* it sends a while after the wire let it */
    SIM_KEY_CHANGED,    /* another idempotency key on each send */
    SIM_PAUSE_HIDDEN,   /* weir is not told for how long the server wants silence */
    SIM_SUCCESS_FAKED,  /* 200 is reported, whatever the server said */
    SIM_SEND_DENIED,    /* an attempt that was lost is reported as never sent */
    SIM_HANGS,          /* an attempt never returns */
    SIM_TIME_IGNORED,   /* the job's deadline does not cut its attempt short */
    SIM_CANCEL_UNHEARD, /* the transport does not hear of a cancel */
    SIM_TIME_HIDDEN     /* an attempt takes time that the ledger is not to know of */
};

struct sim_server_plan {
    /* how it counts */
    enum weir__window_shape shape;
    uint32_t limit;
    int64_t period_ns;
    uint32_t burst;
    int64_t epoch_ns;
    int64_t slow_ppm; /* how much slower its clock runs */

    /* what it says */
    enum weir__dialect dialect;
    int refusal_status;
    bool date;       /* each response carries its own clock's Date, */
    int64_t skew_ns; /* which is ahead of the true time by this */
    bool retry_date; /* Retry-After is an HTTP-date (only with `date`) */

    /* what goes wrong; times from the beginning */
    double fail_share;                 /* of answers that have another status than 200 */
    int fail_status;                   /* this one; 0: any of a list */
    int64_t down_ns, up_ns;            /* in between it is restarted: refuses connections, then has counted nothing */
    int64_t closed_ns, closed_wait_ns; /* until closed_ns it refuses everything, with that Retry-After */
};

struct sim_net_plan {
    int64_t connect_max_ns;
    int64_t uplink_max_ns;                 /* from the send until the server counts */
    int64_t latency_ns, latency_jitter_ns; /* from there until the response begins here */
    int64_t body_max_ns;
    double connect_fail_share;
    double new_share;       /* of attempts that cannot use the kept connection */
    double dead_share;      /* of kept connections that are found dead */
    double lost_share;      /* of requests that are lost on the way, with their connection, */
    double reset_share;     /* whose answer is lost so, */
    double body_lost_share; /* or its end, */
    double silent_share;    /* that are never answered, */
    double late_share;      /* or arrive when they have been given up */
};

struct sim_plan {
    uint64_t seed;
    enum sim_lie lie;
    FILE *log; /* NULL: none */

    /* the callers */
    uint32_t jobs;
    uint32_t producers;
    double post_share;
    double given_share;        /* of keys that the caller gives */
    int64_t gap_max_ns;        /* between two submissions of one producer */
    int64_t submit_timeout_ns; /* negative: waits for room without end */
    int64_t stop_ns, abort_ns; /* from the beginning; 0: never */
    uint32_t cancels;          /* of jobs drawn by lot, */
    int64_t cancel_gap_max_ns; /* and up to this between two of them */
    int64_t done_max_ns;       /* a completion callback takes up to this */
    int64_t note_max_ns;       /* and so does the one before each send; 0: there is none */
    uint32_t past;             /* sends that the server has counted before weir was there */
    double yield_share;        /* of callbacks that let others go first */
    bool second_batch;         /* when all is over and every permit must be back, some more, which must succeed */

    struct weir_options options; /* `rates` is filled from these: */
    struct weir_rate rates[SIM_RATES_MAX];
    uint32_t rate_count;

    struct sim_server_plan server;
    struct sim_net_plan net;

    /* the machine */
    int64_t late_max_ns, wake_max_ns; /* as in fiber.h */
    double no_thread_share;
    uint32_t wall_steps; /* of the wall clock, */
    int64_t wall_step_max_ns;

    bool may_be_refused; /* else a refusal is a violation */
    int64_t end_ns;      /* of virtual time; 0: a year */
};

struct sim_result {
    bool held;      /* nothing was violated */
    char what[320]; /* else: what, and when */
    uint64_t accepted, turned_away;
    uint64_t outcomes[WEIR_OUTCOME_COUNT];
    uint64_t sends, refusals, retries;
    uint64_t refused_after_first_pause; /* of those, sent after the first pause began */
    uint64_t pauses, learned, budget_denied;
    uint64_t turns;
    int64_t first_resend_ns; /* the first send after the first pause, from the beginning; 0: none */
    int64_t longest_pause_ns;
    int64_t elapsed_ns; /* until every job had ended */
    double slowed_to_per_s;
};

/* sim_plan.c: a random run, which is a function of its seed; and what it is, as lines of comment on stdout. */
struct sim_plan sim_plan_random(uint64_t seed);
void sim_plan_describe(const struct sim_plan *plan);

/* Runs it to its end.  False where there was no memory for it. */
bool sim_whole_run(struct fibers *fibers, const struct sim_plan *plan, struct sim_result *out);

#endif
