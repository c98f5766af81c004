/*
 * gate_state - what the files of the gate share: how its state is made, and put right after a death.
 *
 * All of this is called under the gate's lock.
 */
#ifndef WEIR_POOL_GATE_STATE_H
#define WEIR_POOL_GATE_STATE_H

#include "pool/gate.h"

/* Makes the permits of a limit that is not there yet.  False without memory, or where its place is too small. */
bool weir__gate_place(struct weir__gate_state *state, uint32_t limit, uint32_t permits, uint32_t free_count);

/* Others may have added limits: their rules come along. */
void weir__gate_catch_up(struct weir__gate *gate);

/* A permit comes back, after the limit's hold if it is `held`.  Only then is it noted as no longer out: who dies in
 * between has lost none. */
void weir__gate_come_back(struct weir__gate_state *state, uint32_t limit, bool held, int64_t now_ns);

/* The lock's owner died in here: every permit is with somebody, held, or free. */
void weir__gate_mend(struct weir__gate_state *state);

/* What dead parties have comes back, as of requests that are given up at `now_ns`. */
void weir__gate_bury_dead(struct weir__gate *gate, int64_t now_ns);

#endif
