/*
 * loop - workers that share one thread: each is a place for one task, and the thread carries all of them.
 *
 * A worker's step never waits, so the thread takes one step after another for those that were called, starts their
 * tasks and turns to the owner's `poll`, which waits for whatever the tasks, the leader and the others of the pool wait
 * for. A loop's leader is one of its workers: the thread polls until the moment that the gate named.
 *
 * The gate's bell is a sem_t, since parties in other processes ring it; a loop cannot wait for that.  So one thread of
 * the pool listens to it and calls the leader.  In a gate that nobody shares it sleeps.
 *
 * Locks: under pool->lock are the list of those that are called, and `polls`.
 */
#ifndef WEIR_POOL_LOOP_H
#define WEIR_POOL_LOOP_H

#include "pool/pool.h"

struct weir__loop {
    struct weir__pool *pool;
    void *state; /* the owner's, for `poll` and `rouse` */
    pthread_t thread;
    bool started;
    bool polls; /* or is about to: who calls one of its workers must rouse it */
    uint32_t worker_count;
    uint32_t busy; /* workers that have a task */
    struct weir__worker *first_called, *last_called;
};

/*
 * Before the first push: from now on workers are places in these loops, which begin with their first.  `states` are the
 * owner's, one for each loop.  False without memory.  weir__pool_clear() frees them; the states stay the owner's.
 */
bool weir__loop_init(struct weir__pool *pool, void *const *states, uint32_t count);

/* Under the pool's lock: gives the worker a place, with a first step to take; false where no thread could be started.
 */
bool weir__loop_place(struct weir__worker *worker);

/* Under the pool's lock: the worker is to take a step. */
void weir__loop_call(struct weir__worker *worker);

/* Under the pool's lock: the pool closes. */
void weir__loop_close(struct weir__pool *pool);

/* After that, without it: waits for the threads. */
void weir__loop_join(struct weir__pool *pool);

#endif
