/*
 * serve_headers - what a server tells about its limit, in the dialects that clients meet.
 *
 * Text out of numbers; it knows no clock and no HTTP library.
 */
#ifndef WEIR_CLI_SERVE_HEADERS_H
#define WEIR_CLI_SERVE_HEADERS_H

#include "cli/serve_window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir__dialect {
    WEIR__DIALECT_NONE,
    WEIR__DIALECT_RETRY_AFTER, /* Retry-After on refusals, nothing else */
    WEIR__DIALECT_IETF,        /* draft-ietf-httpapi-ratelimit-headers-10, and Retry-After on refusals */
    WEIR__DIALECT_LEGACY,      /* X-RateLimit-*, reset in seconds from now */
    WEIR__DIALECT_GITHUB,      /* x-ratelimit-*, reset in seconds since 1970 */
    WEIR__DIALECT_OPENAI,      /* x-ratelimit-*-requests, reset as a duration: 120ms, 1.5s, 6m0s */
    WEIR__DIALECT_ANTHROPIC,   /* anthropic-ratelimit-requests-*, reset as an RFC 3339 time; retry-after on refusals */
    WEIR__DIALECT_DISCORD      /* X-RateLimit-* with fractions, both since 1970 and from now; Retry-After on refusals */
};

#define WEIR__SERVE_FIELDS_MAX 6u
#define WEIR__SERVE_FIELD_SIZE 64u

struct weir__serve_fields {
    size_t count;
    struct {
        const char *name; /* static */
        char value[WEIR__SERVE_FIELD_SIZE];
    } list[WEIR__SERVE_FIELDS_MAX];
};

/*
 * Fills `out` for a response whose request left `quota` of a limit with that period.  `wall_ns` is the wall clock at
 * that moment.  Times are rounded up to the unit of the field, so that a client who waits as told is not early.  Where
 * the period is no whole number of seconds, IETF's `w` is rounded up too: a client that believes it goes slower, not
 * faster.
 */
void weir__serve_headers_build(enum weir__dialect dialect, const struct weir__window_quota *quota, int64_t period_ns,
                               bool refused, int64_t wall_ns, struct weir__serve_fields *out);

/* Makes Retry-After say that, in whole seconds rounded up, in place of what stands there or as one more field. */
void weir__serve_headers_retry_after(struct weir__serve_fields *fields, int64_t wait_ns);

#endif
