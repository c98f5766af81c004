/*
 * dispatcher - what struct weir is: limits, pool, transport, completions and counters, and how they are joined.
 *
 * weir.h is its contract to the outside; this header is for its own files and for tests, which bring a clock, a way to
 * wait and a transport of their own.
 */
#ifndef WEIR_CORE_DISPATCHER_H
#define WEIR_CORE_DISPATCHER_H

#include "base/process.h"
#include "core/completions.h"
#include "core/job.h"
#include "core/lease.h"
#include "core/limits.h"
#include "core/pushback.h"
#include "core/statistics.h"
#include "http/transport.h"
#include "policy/verdict.h"
#include "pool/pool.h"
#include "weir.h"

#include <stdatomic.h>

/* What tests replace. */
struct weir__outside {
    const struct weir__env *env;       /* clocks, waiting and threads */
    struct weir__transport *transport; /* NULL: libcurl's; else the dispatcher takes it over and frees it */
    uint64_t seed;                     /* of the random draws; 0: another one each time */
};

struct weir {
    struct weir__env env;
    struct weir__limits limits;
    struct weir__pushback pushback;
    struct weir__pool pool;
    struct weir_limits lease; /* the limits as the user has them */
    struct weir__transport *transport;
    void **reactors; /* its own, one for each loop of the async engine; NULL with threads */
    uint32_t reactor_count;
    struct weir__statistics statistics;
    struct weir__job_stock stock;
    struct weir__completions completions;
    struct weir__verdict_rules rules;
    struct weir_status_range *statuses; /* what rules.success and rules.retry point to */
    char *texts;                        /* copies of the options' file names and of idempotency_header */
    const char *idempotency_header;
    weir_event_fn on_event;
    void *event_user_data;
    int64_t started_ns;
    unsigned forks; /* weir__process_forks() of the process that made it; the handle is dead in any other */

    /* how exit() ends it, see leaving.c */
    struct weir__guest guest;
    atomic_bool leaving;      /* no callback begins any more */
    atomic_uint in_transport; /* workers in its `perform`, callbacks from there included */
};

/* weir_new() with another outside.  On failure the transport is freed too. */
enum weir_status weir__dispatcher_new(const struct weir_options *options, const struct weir__outside *outside,
                                      struct weir **out);

/* Whether it was made by a process that this one is a child of: no worker of it lives here. */
static inline bool weir__dispatcher_inherited(const struct weir *weir)
{
    return weir->forks != weir__process_forks();
}

/* Until when a caller waits; on the thread that is in exit() not at all: the jobs that are left end no more. */
int64_t weir__dispatcher_deadline(struct weir *weir, int64_t timeout_ns);

/* src/core/leaving.c: the guest's `leave`; and where a worker stays once `leaving` is set: it never returns. */
void weir__dispatcher_leaving(struct weir__guest *guest);
_Noreturn void weir__dispatcher_park(struct weir *weir);

/* src/core/leaving.c: this thread is in exit(), which has come past the handle: nobody works any more. */
bool weir__dispatcher_left(const struct weir *weir);

/* Before anything of the user's is called, and whenever `perform` has returned. */
static inline void weir__dispatcher_before_call(struct weir *weir)
{
    if (atomic_load(&weir->leaving))
        weir__dispatcher_park(weir);
}

/* src/core/leaving.c: after anything of the user's was called; does not come back where the thread must not go on. */
void weir__dispatcher_after_call(struct weir *weir);

/* Tells who watches, if anybody does.  Call it without a lock. */
void weir__dispatcher_tell(struct weir *weir, const struct weir_event *event);

/* src/core/attempt.c: the pool's `run`, `cut`, `poll` and `rouse`, and a worker's connection. */
void *weir__attempt_enter(void *context);
void weir__attempt_leave(void *context, void *state);
enum weir__pool_next weir__attempt_run(void *context, struct weir__worker *worker, struct weir__task *task);
void weir__attempt_cut(void *context, struct weir__worker *worker);
void weir__attempt_poll(void *context, void *reactor, int64_t until_ns);
void weir__attempt_rouse(void *context, void *reactor);

/* Frees the reactors, if there are any, and closes what they have kept; no loop runs any more. */
void weir__attempt_close(struct weir *weir);

/* src/core/sequel.c: the pool's `drop` and `expire`. */
void weir__sequel_drop(void *context, struct weir__task *task, bool cancelled);
void weir__sequel_expire(void *context, struct weir__task *task);

/* src/core/settings.c: whether they can be kept to; then their copies in `weir`.  False without memory. */
bool weir__settings_valid(const struct weir_options *options);
uint32_t weir__settings_workers(const struct weir_options *options); /* the ceiling */
uint32_t weir__settings_loops(const struct weir_options *options);   /* 0: threads */
bool weir__settings_copy(struct weir *weir, const struct weir_options *options, struct weir__transport_options *out);

#endif
