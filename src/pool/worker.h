/*
 * worker - who stands at the gate: which worker is called there, and what calling one is.
 *
 * The inner half of the pool, see pool.h for the properties.  A worker has a thread of its own (thread.c) or is a place
 * in a loop, whose thread carries many (loop.c); what it does there, a step at a time, is the same (step.h).  All of
 * this is called under the pool's lock.
 */
#ifndef WEIR_POOL_WORKER_H
#define WEIR_POOL_WORKER_H

#include "pool/outlook.h"
#include "pool/pool.h"

/*
 * Puts the most recently idle worker, or a new one, to the gate if the next task needs somebody there, or calls the
 * leader if he waits for too long.  With all workers busy there is nobody to put; each asks the gate when it finishes.
 * weir__worker_look_out() tells what it found as well; nothing where the leader is about to look.
 */
void weir__worker_stand_in(struct weir__pool *pool, int64_t now_ns);
void weir__worker_look_out(struct weir__pool *pool, int64_t now_ns, struct weir__outlook *out);

/* There is something to do but for the gate: calls the leader, or an idle worker, or a new one.  Where all have a task,
 * the first to finish does it. */
void weir__worker_summon(struct weir__pool *pool, int64_t now_ns);

/* Somebody must be at the gate at `at_ns`: the leader is called where he would come later. */
void weir__worker_call_leader(struct weir__pool *pool, int64_t at_ns);

/* Wakes the most recently idle one, which is out of the stack then; NULL where it is empty. */
struct weir__worker *weir__worker_wake_idle(struct weir__pool *pool);

/* It has nothing to do until it is woken. */
void weir__worker_rest(struct weir__worker *worker);

/* Tasks have left the queue or the backlog: lets producers in once half of it is free. */
void weir__worker_make_room(struct weir__pool *pool);

/* Turns from having a task to sleeping with it, or back. */
void weir__worker_turn(struct weir__worker *worker, enum weir__pool_state doing, int64_t now_ns);

#endif
