/*
 * random - a small deterministic generator: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014).  For jitter and simulation, never for secrets.  The caller owns the state and its locking.
 */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include <stdint.h>

/* The next 64 bits; any state is a valid seed. */
uint64_t weir__random_next(uint64_t *state);

/* Uniform in [0, 1). */
double weir__random_unit(uint64_t *state);

/* Uniform in [0, below); 0 where below is 0 or less. */
int64_t weir__random_below(uint64_t *state, int64_t below);

#endif
