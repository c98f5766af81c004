/*
 * date - moments as header fields write them: HTTP-date (RFC 9110, 5.6.7, all three forms) and RFC 3339.
 *
 * Pure, in UTC, and independent of locale and time zone; it reads no clock.
 */
#ifndef WEIR_POLICY_DATE_H
#define WEIR_POLICY_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Moments are kept within 146 years of 1970, the nearest that is kept otherwise: no difference of two overflows. */
#define WEIR__DATE_MAX_NS (INT64_MAX / 2)

/* Seconds and nanoseconds (0 to 10^9 - 1) since 1970 as one figure, clamped as above. */
int64_t weir__date_clamp(int64_t seconds, int64_t nanoseconds);

/*
 * "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" or "Sun Nov  6 08:49:37 1994"; names in any case,
 * and the day of the week need not be right.  A year of two digits lies less than 50 years after `now_ns`, as RFC 9110
 * has it.  The whole text must match; false, and `out_ns` is untouched, where it does not.
 */
bool weir__date_parse_http(const char *text, size_t size, int64_t now_ns, int64_t *out_ns);

/* "1994-11-06T08:49:37Z", with a fraction and an offset where they are given.  Likewise. */
bool weir__date_parse_rfc3339(const char *text, size_t size, int64_t *out_ns);

#endif
