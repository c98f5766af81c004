/*
 * fake_clock - a clock that stands still until a test moves it, and waits that end by it.
 *
 * Its `env` is what the dispatcher takes; threads are real.  Threads that wait are listed with the moment they wait
 * for, so that a test can wait until one does and then move the time to exactly there: no sleep, and no guess about how
 * far a thread has come.
 */
#ifndef WEIR_TEST_FAKE_CLOCK_H
#define WEIR_TEST_FAKE_CLOCK_H

#include "pool/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_CLOCK_PATIENCE_NS INT64_C(20000000000)     /* real time after which a test gives up on a condition */
#define FAKE_CLOCK_WALL_NS INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z: the wall clock where time is 0 */

struct fake_clock_waiter;

struct fake_clock {
    struct weir__env env;
    pthread_mutex_t lock;
    int64_t now_ns;
    int64_t wall_step_ns;
    struct fake_clock_waiter *waiters;
};

void fake_clock_init(struct fake_clock *clock, int64_t now_ns);
void fake_clock_clear(struct fake_clock *clock);

int64_t fake_clock_now(struct fake_clock *clock);
void fake_clock_advance(struct fake_clock *clock, int64_t ns);

/* The wall clock jumps by `ns`, back where that is negative; the other one does not move. */
void fake_clock_step_wall(struct fake_clock *clock, int64_t ns);

/* The earliest moment that a thread waits for and that is still to come; WEIR__NEVER if none. */
int64_t fake_clock_next(struct fake_clock *clock);

/* Waits until a thread waits for exactly `until_ns`; false where the patience ran out. */
bool fake_clock_await(struct fake_clock *clock, int64_t until_ns);

/* fake_clock_await(), then moves the time there. */
bool fake_clock_reach(struct fake_clock *clock, int64_t until_ns);

/* Moves the time from one awaited moment to the next until `done`; false where the patience ran out. */
bool fake_clock_run(struct fake_clock *clock, bool (*done)(void *context), void *context);

/* Waits in real time until `done`; false where the patience ran out.  For conditions that need no time to pass. */
bool fake_clock_until(bool (*done)(void *context), void *context);

#endif
