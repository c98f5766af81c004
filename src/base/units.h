/*
 * units - durations, sizes and rates as people write them.
 *
 * One place for both directions, so that what weir prints it also reads.
 */
#ifndef WEIR_BASE_UNITS_H
#define WEIR_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest duration that is read: a hundred years would do; this stays far from int64_t's end. */
#define WEIR__DURATION_MAX_NS (INT64_C(366) * 24 * 3600 * 1000000000)

/*
 * "250ms", "1s", "1.5s", "2m", "1h", "1d", "10us", "5ns", or a plain number of seconds.  The whole text must match.
 * False where it does not, is negative, or is over WEIR__DURATION_MAX_NS.
 */
bool weir__units_parse_duration(const char *text, int64_t *out_ns);

/* "512", "64KiB", "16MiB", "1GiB", "10kB", "10MB", "64K", "16M" (K, M and G alone are 1024-based). */
bool weir__units_parse_size(const char *text, uint64_t *out_bytes);

/* A whole number without sign, at most `max`; "1_000_000" and "1000000" are the same. */
bool weir__units_parse_count(const char *text, uint64_t max, uint64_t *out);

/* A share as a fraction from 0 to 1: "0.2" or "20%". */
bool weir__units_parse_share(const char *text, double *out);

/* "100/s", "5000/h", "10/250ms", "100/60s": requests from 1 to UINT32_MAX, a period of more than 0. */
bool weir__units_parse_rate(const char *text, uint32_t *out_requests, int64_t *out_per_ns);

/* The shortest exact form: "1s", "250ms", "1h", "1m", "90s".  Reads back as the same value. */
void weir__units_format_duration(int64_t ns, char *text, size_t size);

/* "100/1s": the name of a rate limit. */
void weir__units_format_rate(uint32_t requests, int64_t per_ns, char *text, size_t size);

/* For people, three figures: "3.02 s", "24.1 ms", "2 min 05 s". */
void weir__units_format_elapsed(int64_t ns, char *text, size_t size);

#endif
