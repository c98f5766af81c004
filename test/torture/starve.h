/*
 * starve - what starve.c and starve_calls.c share.
 */
#ifndef TEST_TORTURE_STARVE_H
#define TEST_TORTURE_STARVE_H

#include <stdatomic.h>

#define STARVE_NAME "starve.test" /* a name for 127.0.0.1 that has to be looked up */

extern atomic_long starve_left; /* the request that takes it from 1 to 0 is refused; 0: none is */
extern atomic_long starve_live; /* allocations that were not freed */
extern _Atomic(const char *) starve_refused;

#endif
