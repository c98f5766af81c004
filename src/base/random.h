/*
 * random - a small deterministic generator: splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014).  For jitter and simulation, never for secrets.  The caller owns the state and its locking.
 *
 * And names that nobody else will think of, which are the system's to draw: no seed makes them come again.
 */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR__UUID_SIZE 37u /* its text with the NUL */

/* The next 64 bits; any state is a valid seed. */
uint64_t weir__random_next(uint64_t *state);

/* Uniform in [0, 1). */
double weir__random_unit(uint64_t *state);

/* Uniform in [0, below); 0 where below is 0 or less. */
int64_t weir__random_below(uint64_t *state, int64_t below);

/*
 * A version 4 UUID (RFC 9562, 5.4) in lower case.  From any thread.  False where the system has no random bytes to give
 * (before its generator is ready, or where a sandbox forbids to ask): `out` is then untouched.
 */
bool weir__random_uuid(char out[WEIR__UUID_SIZE]);

#endif
