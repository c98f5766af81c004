/*
 * feedback_parts - what the readers of feedback share: the figures collected so far, and how values are read.
 *
 * Only for src/policy/feedback*.c.  One reader collects quotas from every dialect; feedback_sum.c makes the answer of
 * them, so that no dialect knows another.
 */
#ifndef WEIR_POLICY_FEEDBACK_PARTS_H
#define WEIR_POLICY_FEEDBACK_PARTS_H

#include "policy/feedback.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__FEEDBACK_QUOTAS_MAX 16u /* those after them are not looked at, likewise below */
#define WEIR__FEEDBACK_STATED_MAX 8u

/* A piece of a header field; no NUL at its end. */
struct weir__feedback_text {
    const char *at;
    size_t size;
};

/* What the server counts by one measure.  A member of RateLimit is one; so are the vendors' fields of one unit. */
struct weir__feedback_quota {
    struct weir__feedback_text family; /* what all its fields' names begin with, or "" */
    struct weir__feedback_text name;   /* its unit, or its policy's name; may be "" */
    bool of_requests;                  /* its limit is one of requests, not of tokens */
    bool has_limit, has_remaining, has_reset;
    bool exact;       /* the reset is one of reset-after */
    bool by_moment;   /* the reset was a moment: up to a second too long, since a Date is cut to seconds */
    uint64_t limit;   /* */
    int64_t named_ns; /* its period, where the fields' names tell it ("minute"); else 0 */
    uint64_t remaining;
    int64_t reset_ns; /* 0 to WEIR__FEEDBACK_WAIT_MAX_NS */
    struct weir__feedback_text limit_field, reset_field;
};

/* A limit of requests with its period. */
struct weir__feedback_stated {
    struct weir__feedback_policy policy; /* per_ns is 0 where only a reset will tell */
    struct weir__feedback_text name;     /* as RateLimit's members refer to it */
    struct weir__feedback_text field;
};

struct weir__feedback_reader {
    const struct weir_header *headers;
    size_t count;
    int64_t now_ns; /* the moment that others are compared with */
    bool dated;     /* the response tells it itself */
    struct weir__feedback *out;

    struct weir__feedback_quota quotas[WEIR__FEEDBACK_QUOTAS_MAX];
    size_t quota_count;
    struct weir__feedback_stated stated[WEIR__FEEDBACK_STATED_MAX];
    size_t stated_count;

    size_t policy_members, remaining_members; /* of RateLimit-Policy and RateLimit, counted or not */
};

/* ------------------------------------------------------------------------------------------------- feedback_values.c
 */

/* The text, or a value, without spaces and tabs around it. */
struct weir__feedback_text weir__feedback_values_trim(const char *value);

/* Both in any case; `lower` is in lower case. */
bool weir__feedback_values_begins(struct weir__feedback_text text, const char *lower);
bool weir__feedback_values_is(struct weir__feedback_text text, const char *lower);

/* "12" or "1.5" and nothing else: whole part, at most INT64_MAX, and nanos. */
bool weir__feedback_values_number(struct weir__feedback_text text, int64_t *whole, int64_t *nano);

/* So many seconds; clamped to WEIR__FEEDBACK_WAIT_MAX_NS, as is whatever follows here. */
int64_t weir__feedback_values_seconds(int64_t whole, int64_t nano);

/* Milliseconds, also fractional: "1500", "12.5". */
bool weir__feedback_values_milliseconds(struct weir__feedback_text text, int64_t *out_ns);

/* Retry-After's value: seconds, also fractional, or an HTTP-date. */
bool weir__feedback_values_retry_after(struct weir__feedback_text text, int64_t now_ns, int64_t *out_ns);

/* A reset's value in any notation; `by_moment` where it was compared with `now_ns`. */
bool weir__feedback_values_reset(struct weir__feedback_text text, int64_t now_ns, int64_t *out_ns, bool *by_moment);

/* ---------------------------------------------------------------------------------------------------- feedback_sum.c
 */

/* A new quota, of nothing so far; NULL where there is no room. */
struct weir__feedback_quota *weir__feedback_sum_add(struct weir__feedback_reader *reader,
                                                    struct weir__feedback_text family, struct weir__feedback_text name);

/* Adds a limit of requests; nothing happens where requests or, if it is `stated`, per_s is 0, or without room. */
void weir__feedback_sum_state(struct weir__feedback_reader *reader, uint64_t requests, bool stated, int64_t per_s,
                              struct weir__feedback_text name, struct weir__feedback_text field);

/* Gives RateLimit's figures to the policies of RateLimit-Policy: by name; or where there is one of each, whatever their
 * names.  Before the other dialects, which have no such names. */
void weir__feedback_sum_link(struct weir__feedback_reader *reader);

/* Fills remaining, reset and policies of reader->out from what was collected. */
void weir__feedback_sum_up(struct weir__feedback_reader *reader);

/* Copies a field's name in lower case, cut where it is too long. */
void weir__feedback_sum_field(struct weir__feedback_text field, char out[WEIR__FEEDBACK_FIELD_SIZE]);

/* ------------------------------------------------------------------ the dialects; each reads all headers of its own
 */

void weir__feedback_ratelimit_read(struct weir__feedback_reader *reader);
void weir__feedback_vendor_read(struct weir__feedback_reader *reader);

#endif
