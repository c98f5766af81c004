/*
 * step - what a worker does next, whoever carries it: one step of its life at a time.
 *
 * A step looks after what has to leave (cancelled, expired, a stop), else asks the gate for the next task.  It never
 * waits; where that is what comes next it says so, and the carrier does: a thread of the worker's own blocks, a loop
 * turns to the next of its workers.  All of this is called under the pool's lock, which is released for the owner's
 * part.
 */
#ifndef WEIR_POOL_STEP_H
#define WEIR_POOL_STEP_H

#include "pool/outlook.h"
#include "pool/pool.h"

enum weir__step {
    WEIR__STEP_AGAIN, /* another one */
    WEIR__STEP_RUN,   /* it has been given a task: weir__step_run() */
    WEIR__STEP_LEAD,  /* it is the leader now, until `next->until_ns` */
    WEIR__STEP_REST,  /* it is idle now, until it is woken */
    WEIR__STEP_END    /* the pool closes: nothing any more */
};

/* At `now_ns`, read right before.  `*out_task` is filled for RUN, `*out` for RUN and LEAD. */
enum weir__step weir__step_next(struct weir__worker *worker, int64_t now_ns, struct weir__outlook *out,
                                struct weir__task **out_task);

/* Hands the task to the owner's `run`, and unless it goes on takes it back: false where it goes on. */
bool weir__step_run(struct weir__worker *worker, struct weir__task *task, const struct weir__outlook *next);

/* What became of a task that went on. */
void weir__step_take_back(struct weir__worker *worker, struct weir__task *task, enum weir__pool_next becomes);

/* For LEAD: tells the owner which limit, or pause, it will wait for. */
void weir__step_tell(struct weir__worker *worker, const struct weir__outlook *next, int64_t now_ns);

#endif
