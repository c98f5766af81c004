/*
 * sim_world - weir's own gate and limits between simulated workers and a simulated server, in virtual time.
 *
 * The limits are core/limits.c as it is, the server's counting is that of `weir serve`; only workers, network and time
 * are made up here, from one seed.  What must hold is checked at each step; the first violation ends the run.
 */
#ifndef WEIR_TEST_SIM_WORLD_H
#define WEIR_TEST_SIM_WORLD_H

#include "cli/serve_window.h"
#include "weir.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_rate {
    struct weir_rate rate;          /* what weir keeps to */
    enum weir__window_shape server; /* how the server counts; NONE: it does not */
    uint32_t server_limit;          /* what the server allows; usually the same */
    uint32_t server_burst;
    int64_t server_epoch_ns;
};

struct sim_scenario {
    uint64_t seed;
    uint64_t requests;
    uint32_t concurrency;
    struct sim_rate rates[WEIR_RATES_MAX];
    uint32_t rate_count;

    /* the network; what has a maximum is drawn uniformly from 0 up to it */
    int64_t uplink_max_ns; /* from the send until the server counts */
    int64_t latency_ns;    /* from there until the response begins here, plus or minus latency_jitter_ns */
    int64_t latency_jitter_ns;
    uint64_t slow_first;      /* so many requests, the first ones, */
    int64_t slow_latency_ns;  /* wait for their responses this long instead */
    int64_t body_max_ns;      /* from there until its end */
    double new_share;         /* of attempts that need a new connection, */
    int64_t handshake_max_ns; /* which takes up to this long */

    /* faults */
    double unsent_share; /* of attempts that fail before the send */
    double lost_share;   /* of requests whose response never comes */
    int64_t give_up_ns;  /* after the send, for those */
    int64_t late_max_ns; /* how late a wait ends */
    int64_t slow_ppm;    /* how much slower the server's clock runs than ours; negative: faster */

    bool may_be_refused;
};

struct sim_report {
    bool held;      /* nothing was violated */
    char what[240]; /* else: what, and when */
    uint64_t sent, refused, gave_up, unsent;
    uint64_t worst[WEIR_RATES_MAX];     /* the most arrivals in a window, */
    uint64_t certified[WEIR_RATES_MAX]; /* and what the certificate says of it */
    double per_s;                       /* sends a second, once steady */
    double rtt_s;                       /* mean, from the send to the beginning of the response */
    double virtual_s;
};

/* Runs it to its end.  False where there was no memory for it. */
bool sim_world_run(const struct sim_scenario *scenario, struct sim_report *out);

#endif
