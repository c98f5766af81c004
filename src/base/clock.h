/*
 * clock - the only place that reads a clock.
 *
 * Everything else is handed the time.  Nanoseconds fit an int64_t for 292 years.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define WEIR__NS_PER_US INT64_C(1000)
#define WEIR__NS_PER_MS INT64_C(1000000)
#define WEIR__NS_PER_S INT64_C(1000000000)

/* A moment that never comes: "wait without end". */
#define WEIR__NEVER INT64_MAX

/* CLOCK_MONOTONIC, for every duration. */
int64_t weir__clock_now_ns(void);

/* CLOCK_REALTIME since 1970, only for timestamps that people read. */
int64_t weir__clock_wall_ns(void);

/* The moment `timeout_ns` after `now_ns`; WEIR__NEVER where the timeout is negative or the sum overflows. */
int64_t weir__clock_after(int64_t now_ns, int64_t timeout_ns);

/* Writes "2026-01-02T03:04:05.678Z" for a wall clock reading; `size` of at least 25. */
void weir__clock_format(int64_t wall_ns, char *text, size_t size);

#endif
