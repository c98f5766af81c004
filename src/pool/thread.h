/*
 * thread - a worker with a thread of its own: it blocks where a step says that there is nothing to do.
 */
#ifndef WEIR_POOL_THREAD_H
#define WEIR_POOL_THREAD_H

#include "pool/pool.h"

/* Under the pool's lock: starts its thread; false where the system refuses. */
bool weir__thread_carry(struct weir__worker *worker);

/* Waits and system calls end when they are meant to, on the thread that calls it. */
void weir__thread_be_punctual(void);

#endif
