/*
 * advice - the rules as weir.h gives them to everybody: what a header says, how long to back off, what may be repeated.
 *
 * Only the outer form is here; the rules themselves are feedback's, verdict's and backoff's, which the dispatcher goes
 * by as well.
 */
#include "policy/backoff.h"
#include "policy/feedback.h"
#include "policy/verdict.h"
#include "weir.h"

#include <stddef.h>

_Static_assert(WEIR_ADVICE_RATES_MAX == WEIR__FEEDBACK_POLICIES_MAX, "every policy that is read has its place");

static bool is_valid(const struct weir_header *headers, size_t header_count, const struct weir_advice *out)
{
    if (out == NULL || out->struct_size != sizeof *out || (headers == NULL && header_count > 0))
        return false;
    for (size_t i = 0; i < header_count; i++)
        if (headers[i].name == NULL || headers[i].value == NULL)
            return false;
    return true;
}

static void take_rates(const struct weir__feedback *feedback, struct weir_advice *out)
{
    out->rate_count = feedback->policy_count;
    for (size_t i = 0; i < feedback->policy_count; i++)
        out->rates[i] = (struct weir_rate){.requests = feedback->policies[i].requests,
                                           .per_ns = feedback->policies[i].per_ns,
                                           .shape = WEIR_SHAPE_DEFAULT};
}

enum weir_status weir_read_advice(int http_status, const struct weir_header *headers, size_t header_count,
                                  int64_t wall_ns, struct weir_advice *out)
{
    struct weir__feedback feedback;
    bool exhausted;

    if (!is_valid(headers, header_count, out))
        return WEIR_INVALID;
    weir__feedback_read(headers, header_count, wall_ns, &feedback);
    exhausted = feedback.has_remaining && feedback.remaining == 0;
    *out = (struct weir_advice){
        .struct_size = sizeof *out,
        /* of an unknown method: 503 and 529 need a Retry-After, for they may come from behind the limits */
        .refused = weir__verdict_turns_away(http_status, feedback.has_retry_after, exhausted, false),
        .retry_after_ns = feedback.has_retry_after ? feedback.retry_after_ns : -1,
        .remaining = !feedback.has_remaining           ? -1
                     : feedback.remaining <= INT64_MAX ? (int64_t)feedback.remaining
                                                       : INT64_MAX,
        .reset_ns = feedback.has_reset ? feedback.reset_ns : -1,
    };
    take_rates(&feedback, out);
    return WEIR_OK;
}

int64_t weir_backoff_ns(int64_t base_ns, int64_t max_ns, uint32_t retry, double draw)
{
    return weir__backoff_wait(base_ns, max_ns, retry, draw);
}

bool weir_method_idempotent(const char *method)
{
    return method != NULL && weir__verdict_idempotent(method);
}
