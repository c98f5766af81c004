/*
 * sim_run - what the parts of a whole simulated run share: callers (sim_whole.c), network (sim_net.c), server
 * (sim_server.c) and the judge (sim_judge.c, sim_figures.c).
 */
#ifndef WEIR_TEST_SIM_RUN_H
#define WEIR_TEST_SIM_RUN_H

#include "base/clock.h"
#include "base/random.h"
#include "core/dispatcher.h"
#include "support/sim_whole.h"

#define SIM_START_NS (1000 * WEIR__NS_PER_S)               /* what the monotonic clock shows at first, */
#define SIM_WALL_NS (INT64_C(1767225600) * WEIR__NS_PER_S) /* and the wall clock: 2026-01-01 */
#define SIM_KEY_SIZE 64u
#define SIM_HEADERS_MAX (WEIR__SERVE_FIELDS_MAX + 2)
#define SIM_KEY_HEADER "Idempotency-Key"

struct sim_run;
struct sim_exchange;

struct sim_job {
    /* as it was submitted */
    uint64_t id;
    bool post;
    bool accepted;
    int64_t accepted_ns;

    /* what the network saw */
    uint32_t tries, held_back, sends;
    bool active;
    int64_t attempt_end_ns; /* of the last attempt */
    int64_t wire_ns;        /* how long that waited at the wire */
    char key[SIM_KEY_SIZE];
    bool key_given; /* by the caller, who can send the job again as the same one */
    struct sim_exchange *last;
    uint32_t processed;    /* by the server; with a key at most once */
    int64_t processing_ns; /* until then, with a key, it says 409 */

    /* what weir was told */
    uint32_t refusals;
    bool all_refused; /* every send so far was refused, and weir was told */
    bool doubt;       /* a send of a POST that may have been processed has no final answer */

    bool cancelled; /* weir_cancel() says so */

    /* how it ended */
    uint32_t ended;
    enum weir_outcome outcome;
    int64_t ended_ns;
};

enum sim_fate { SIM_ANSWERED, SIM_LOST, SIM_RESET, SIM_BODY_LOST, SIM_SILENT, SIM_LATE, SIM_DEAD };

/* One send, and what became of it; it outlives the attempt, since it may arrive later. */
struct sim_exchange {
    struct sim_exchange *next; /* of all */
    struct sim_run *run;
    struct sim_job *job;
    uint32_t number;
    enum sim_fate fate;
    int64_t sent_ns;
    struct weir__connection *connection; /* NULL: nobody waits any more */

    /* at the server */
    bool refused;
    int status; /* 0: no answer */
    struct weir__serve_fields fields;
    char date[40], retry_date[40];
    struct weir_header headers[SIM_HEADERS_MAX];
    size_t header_count;
    bool has_retry_after, nothing_remains;
    int64_t wait_ns;      /* that it names; negative: none */
    int64_t reset_wall_s; /* where that is a moment of its own clock that has no Date beside it; else 0 */

    /* at the client */
    bool begun, ended, broken;
};

/* What the server's answers oblige weir to, by the words of policy/pause.h, without the jitter. */
struct sim_silence {
    bool any;
    bool by_refusal; /* not by the word alone that nothing remains */
    bool guessed;    /* named_ns is what weir told of its guess, which has jitter in it that weir does not count */
    int64_t until_ns, since_ns, named_ns;
};

struct sim_run {
    const struct sim_plan *plan;
    struct sim_result *result;
    struct fibers *fibers;
    struct weir__env env; /* what weir gets */
    struct weir *weir;
    uint64_t random;
    bool calm;        /* the second batch: nothing goes wrong any more */
    bool stopped;     /* weir_stop(), weir_abort(), or by itself */
    bool just_paused; /* weir said so, and the clock has not moved on */
    bool no_memory;

    struct sim_job *jobs;
    uint32_t job_count, job_next;
    struct sim_exchange *exchanges;
    struct weir__window window;
    struct weir_past_send *past;
    bool window_forgotten;

    /* the judge's counts */
    struct sim_silence silence;
    int64_t latest_ns; /* the latest moment that any answer named */
    int64_t first_pause_ns;
    uint32_t in_flight, in_callbacks, connections;
    int64_t crowded_ns, relieved_ns; /* the last time that every worker was in an attempt, from when to when */
    uint64_t opened, done;
    int64_t performing_ns; /* in attempts, without what they waited at the wire, and in callbacks */
    uint64_t statuses[WEIR_HTTP_STATUS_MAX + 1];
    uint64_t errors[WEIR_ERROR_COUNT];
};

/* Random draws of the made up part. */
static inline int64_t sim_draw(struct sim_run *run, int64_t max_ns)
{
    return max_ns > 0 ? weir__random_below(&run->random, max_ns + 1) : 0;
}

static inline bool sim_happens(struct sim_run *run, double share)
{
    return share > 0 && weir__random_unit(&run->random) < share;
}

/* A line of the event log. */
__attribute__((format(printf, 2, 3))) void sim_note(struct sim_run *run, const char *format, ...);

/* The first one counts. */
__attribute__((format(printf, 2, 3))) void sim_violate(struct sim_run *run, const char *format, ...);

/* sim_server.c: a request arrives. False where nobody listens. */
bool sim_server_init(struct sim_run *run);
bool sim_server_is_up(struct sim_run *run);
bool sim_server_take(struct sim_exchange *exchange);
bool sim_server_remember(struct sim_run *run, int64_t at_ns); /* counted before the run; false where it is refused */

/* sim_net.c: the transport. */
struct weir__transport *sim_net_new(struct sim_run *run);

/* sim_judge.c */
void sim_judge_send(struct sim_exchange *exchange, const char *key);
void sim_judge_answer(struct sim_exchange *exchange, const struct weir__reply *reply); /* before weir knows */
void sim_judge_done(struct sim_run *run, const struct weir_result *result);
void sim_judge_event(struct sim_run *run, const struct weir_event *event);
void sim_judge_truth(struct sim_run *run); /* nothing is on its way any more */

/* sim_figures.c */
void sim_judge_idle(void *run); /* as the `idle` of struct fibers_plan, where waits end in time */
void sim_judge_stats(struct sim_run *run);
void sim_judge_end(struct sim_run *run); /* every job has ended */

#endif
