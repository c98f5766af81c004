/*
 * worker - a worker's life: takes tasks through the gate, leads, rests; and who wakes whom for that.
 *
 * The inner half of the pool, see pool.h for the properties.  All of this is called under the pool's lock.
 */
#ifndef WEIR_POOL_WORKER_H
#define WEIR_POOL_WORKER_H

#include "pool/pool.h"

/*
 * Puts the most recently idle worker, or a new one, to the gate if the next task needs somebody there, or calls the
 * leader if he waits for too long.  With all workers busy there is nobody to put; each asks the gate when it finishes.
 */
void weir__worker_stand_in(struct weir__pool *pool, int64_t now_ns);

/* There is something to do but for the gate: calls the leader, or an idle worker, or a new one.  Where all have a task,
 * the first to finish does it. */
void weir__worker_summon(struct weir__pool *pool, int64_t now_ns);

/* Tasks have left the queue or the backlog: lets producers in once half of it is free. */
void weir__worker_make_room(struct weir__pool *pool);

/* Takes the most recently idle one from the stack; NULL where it is empty.  The caller posts its `wake`. */
struct weir__worker *weir__worker_pop_idle(struct weir__pool *pool);

/* Turns from having a task to sleeping with it, or back. */
void weir__worker_turn(struct weir__worker *worker, enum weir__pool_state doing, int64_t now_ns);

#endif
