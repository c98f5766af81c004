/*
 * fiber - threads as coroutines under a virtual clock: everything that runs is a function of one seed.
 *
 * Its `env` is what the dispatcher takes.  A "thread" is a coroutine with a stack of its own; one runs at a time, and
 * only a wait hands on to another.  Who is next is drawn among those whose semaphore can be taken or whose time has
 * come; where there is none, the clock moves on to the next moment that anybody waits for.  Nobody ever blocks for
 * real: locks are free, since a wait is never under one.
 *
 * It knows nothing of weir but struct weir__env.  One `struct fibers` belongs to one thread; it can run many plans, one
 * after another, and keeps its stacks in between.
 */
#ifndef WEIR_TEST_FIBER_H
#define WEIR_TEST_FIBER_H

#include "pool/pool.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct fibers;

struct fibers_plan {
    uint64_t seed;
    int64_t start_ns;            /* what the clock shows at first, */
    int64_t wall_ns;             /* and the wall clock */
    int64_t late_max_ns;         /* waits for a moment end late by up to this, */
    int64_t wake_max_ns;         /* and who is posted runs up to this later */
    int64_t end_ns;              /* a run that is not over by then never will be */
    double refuse_share;         /* of threads that cannot be started */
    void (*idle)(void *context); /* nobody can run, and the clock is about to move on; NULL: nobody asks */
    void *idle_context;
};

enum fibers_end {
    FIBERS_DONE,
    FIBERS_DEADLOCK, /* everybody waits, and nobody for a moment */
    FIBERS_LIVELOCK, /* too many turns, or beyond end_ns */
    FIBERS_LEFT,     /* the first one returned before all others had ended */
    FIBERS_NO_MEMORY
};

/* NULL without memory. */
struct fibers *fibers_new(void);
void fibers_free(struct fibers *fibers);

/* Valid as long as `fibers`. */
const struct weir__env *fibers_env(struct fibers *fibers);

/*
 * Runs `run` as the first fiber until it returns.  Unless that is FIBERS_DONE, the others are abandoned where they
 * stand, with the memory that they hold.
 */
enum fibers_end fibers_run(struct fibers *fibers, const struct fibers_plan *plan, void *(*run)(void *), void *argument);

/* From within a run. */
int64_t fibers_now(const struct fibers *fibers);
int64_t fibers_wall(const struct fibers *fibers);
void fibers_step_wall(struct fibers *fibers, int64_t ns);
void fibers_sleep(struct fibers *fibers, int64_t until_ns); /* exactly */
void fibers_yield(struct fibers *fibers);                   /* lets others go first, at the same moment */

/* Calls `call` at exactly that moment, before any fiber runs then; it must not wait.  False without memory. */
bool fibers_at(struct fibers *fibers, int64_t at_ns, void (*call)(void *argument), void *argument);

/* Lets the calls that are still due happen, without any fiber; the clock moves on with them. */
void fibers_drain(struct fibers *fibers);

/* How often one fiber handed on to another, in this run. */
uint64_t fibers_turns(const struct fibers *fibers);

#endif
