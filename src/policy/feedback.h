/*
 * feedback - what a response's header says about the server's limits, whatever the dialect.
 *
 * Pure: header fields and two clock readings in, facts out.  What to do about them is not its concern.  A field that is
 * malformed counts as absent as a whole; a figure out of range is clamped.
 *
 * It reads: Retry-After (RFC 9110, 10.2.3: seconds, also fractional, or an HTTP-date) and retry-after-ms; RateLimit and
 * RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10, and the forms of earlier drafts); RateLimit-Limit,
 * -Remaining, -Reset; X-RateLimit-* and X-Rate-Limit-* as of GitHub, OpenAI, Discord and everybody else;
 * anthropic-ratelimit-*.
 */
#ifndef WEIR_POLICY_FEEDBACK_H
#define WEIR_POLICY_FEEDBACK_H

#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__FEEDBACK_POLICIES_MAX 4u
#define WEIR__FEEDBACK_FIELD_SIZE 64u                 /* of a field's name with its NUL */
#define WEIR__FEEDBACK_WAIT_MAX_NS WEIR_PERIOD_MAX_NS /* a longer wait, whatever the field says, is this one */

/* "So many requests in such a time." */
struct weir__feedback_policy {
    uint32_t requests; /* 1 to WEIR_PERMITS_MAX */
    int64_t per_ns;    /* as stated; or the natural period (1, 2, 5, 10, 15, 30 s, min; 1, 6, 12 h, 1 day, 31 days) that
                          the time until the reset is in, where no period is stated.  A reset that is a moment may
                          lie a second beyond it, as a Date is cut to seconds; without a
                          Date it lets conclude nothing */
    bool stated;       /* the period was stated, not concluded from a reset */
    int64_t remaining; /* of them, 0 to requests; -1 where not told */
};

struct weir__feedback {
    bool present; /* any field of those above stood there and was understood */

    /* Retry-After, or retry-after-ms, which is more exact and goes first; 0 is not the same as absent. */
    bool has_retry_after;
    int64_t retry_after_ns;

    /* remaining: the least of all that are told (requests, tokens, ...) */
    bool has_remaining;
    uint64_t remaining;

    /* until there is more: of those with nothing remaining the longest (of all, where none of those tells); else the
     * shortest of all that are told */
    bool has_reset;
    int64_t reset_ns;

    /* limits of requests (not of tokens or other units), the first ones that are told, of those the stated ones first
     */
    struct weir__feedback_policy policies[WEIR__FEEDBACK_POLICIES_MAX];
    size_t policy_count;

    /* the fields' names in lower case, "" where has_... and policy_count say that there is none */
    char wait_field[WEIR__FEEDBACK_FIELD_SIZE];   /* the one of retry_after_ns where it is there, else of the reset */
    char policy_field[WEIR__FEEDBACK_FIELD_SIZE]; /* of the first policy */

    bool github;    /* its own dialect: a refusal that names no moment asks for a minute at least */
    bool anthropic; /* its own dialect: 529 means overloaded */
};

/* Whether any name that begins so is wanted: a glance, before its end is even looked for. */
static inline bool weir__feedback_may_want(char first)
{
    const char letter = (char)(first | 0x20);
    return letter == 'r' || letter == 'x' || letter == 'a' || letter == 'd';
}

/* Whether a field of that name (any case, `size` bytes) can matter to weir__feedback_read(): a filter for those who
 * would not collect header fields otherwise.  Date is one, since times of day are compared with it. */
bool weir__feedback_wants(const char *name, size_t size);

/*
 * `wall_ns` is our wall clock at the response's arrival, since 1970.  A moment that a field names is compared with the
 * response's own Date where there is one, so that neither clock needs to be right; else with `wall_ns`.
 */
void weir__feedback_read(const struct weir_header *headers, size_t count, int64_t wall_ns, struct weir__feedback *out);

#endif
