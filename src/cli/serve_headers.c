/* serve_headers - see serve_headers.h */
#include "cli/serve_headers.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

static int64_t ceil_to(int64_t ns, int64_t unit_ns)
{
    return ns <= 0 ? 0 : ns / unit_ns + (ns % unit_ns != 0);
}

/* One more field; returns where its value goes. */
static char *add(struct weir__serve_fields *out, const char *name)
{
    out->list[out->count].name = name;
    return out->list[out->count++].value;
}

#define ADD(out, name, ...) (void)snprintf(add(out, name), WEIR__SERVE_FIELD_SIZE, __VA_ARGS__)

/* As Go prints them: 120ms, 1.5s, 6m0s, 1h0m0s; milliseconds matter below a minute only. */
static void add_duration(struct weir__serve_fields *out, const char *name, int64_t ns)
{
    const int64_t ms = ceil_to(ns, WEIR__NS_PER_MS), s = ceil_to(ns, WEIR__NS_PER_S);

    if (ms > 0 && ms < 1000)
        ADD(out, name, "%" PRId64 "ms", ms);
    else if (ms < 60000 && ms % 1000 == 0)
        ADD(out, name, "%" PRId64 "s", ms / 1000);
    else if (ms < 60000 && ms % 100 == 0)
        ADD(out, name, "%" PRId64 ".%" PRId64 "s", ms / 1000, ms % 1000 / 100);
    else if (ms < 60000 && ms % 10 == 0)
        ADD(out, name, "%" PRId64 ".%02" PRId64 "s", ms / 1000, ms % 1000 / 10);
    else if (ms < 60000)
        ADD(out, name, "%" PRId64 ".%03" PRId64 "s", ms / 1000, ms % 1000);
    else if (s < 3600)
        ADD(out, name, "%" PRId64 "m%" PRId64 "s", s / 60, s % 60);
    else
        ADD(out, name, "%" PRId64 "h%" PRId64 "m%" PRId64 "s", s / 3600, s % 3600 / 60, s % 60);
}

/* Seconds with three decimals. */
static void add_fraction(struct weir__serve_fields *out, const char *name, int64_t ns)
{
    const int64_t ms = ceil_to(ns, WEIR__NS_PER_MS);

    ADD(out, name, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
}

/* 2026-01-02T03:04:05Z */
static void add_moment(struct weir__serve_fields *out, const char *name, int64_t wall_ns)
{
    char text[32];

    weir__clock_format(ceil_to(wall_ns, WEIR__NS_PER_S) * WEIR__NS_PER_S, text, sizeof text);
    ADD(out, name, "%.19sZ", text); /* without its milliseconds */
}

static void add_retry_after(struct weir__serve_fields *out, const char *name, int64_t wait_ns)
{
    ADD(out, name, "%" PRId64, ceil_to(wait_ns, WEIR__NS_PER_S));
}

void weir__serve_headers_retry_after(struct weir__serve_fields *fields, int64_t wait_ns)
{
    static const char name[] = "Retry-After";
    size_t i = 0;

    while (i < fields->count && strcasecmp(fields->list[i].name, name) != 0)
        i++;
    if (i == fields->count)
        add_retry_after(fields, name, wait_ns);
    else
        (void)snprintf(fields->list[i].value, WEIR__SERVE_FIELD_SIZE, "%" PRId64, ceil_to(wait_ns, WEIR__NS_PER_S));
}

void weir__serve_headers_build(enum weir__dialect dialect, const struct weir__window_quota *quota, int64_t period_ns,
                               bool refused, int64_t wall_ns, struct weir__serve_fields *out)
{
    const int64_t reset_s = ceil_to(quota->reset_ns, WEIR__NS_PER_S);
    const uint32_t used = quota->remaining < quota->limit ? quota->limit - quota->remaining : 0;

    out->count = 0;
    switch (dialect) {
    case WEIR__DIALECT_NONE:
        break;
    case WEIR__DIALECT_RETRY_AFTER:
        if (refused)
            add_retry_after(out, "Retry-After", quota->reset_ns);
        break;
    case WEIR__DIALECT_IETF:
        ADD(out, "RateLimit-Policy", "\"default\";q=%" PRIu32 ";w=%" PRId64, quota->limit,
            ceil_to(period_ns, WEIR__NS_PER_S));
        ADD(out, "RateLimit", "\"default\";r=%" PRIu32 ";t=%" PRId64, quota->remaining, reset_s);
        if (refused)
            add_retry_after(out, "Retry-After", quota->reset_ns);
        break;
    case WEIR__DIALECT_LEGACY:
        ADD(out, "X-RateLimit-Limit", "%" PRIu32, quota->limit);
        ADD(out, "X-RateLimit-Remaining", "%" PRIu32, quota->remaining);
        ADD(out, "X-RateLimit-Reset", "%" PRId64, reset_s);
        break;
    case WEIR__DIALECT_GITHUB:
        ADD(out, "x-ratelimit-limit", "%" PRIu32, quota->limit);
        ADD(out, "x-ratelimit-remaining", "%" PRIu32, quota->remaining);
        ADD(out, "x-ratelimit-used", "%" PRIu32, used);
        ADD(out, "x-ratelimit-reset", "%" PRId64, ceil_to(wall_ns + quota->reset_ns, WEIR__NS_PER_S));
        ADD(out, "x-ratelimit-resource", "%s", "core");
        break;
    case WEIR__DIALECT_OPENAI:
        ADD(out, "x-ratelimit-limit-requests", "%" PRIu32, quota->limit);
        ADD(out, "x-ratelimit-remaining-requests", "%" PRIu32, quota->remaining);
        add_duration(out, "x-ratelimit-reset-requests", quota->reset_ns);
        break;
    case WEIR__DIALECT_ANTHROPIC:
        ADD(out, "anthropic-ratelimit-requests-limit", "%" PRIu32, quota->limit);
        ADD(out, "anthropic-ratelimit-requests-remaining", "%" PRIu32, quota->remaining);
        add_moment(out, "anthropic-ratelimit-requests-reset", wall_ns + quota->reset_ns);
        if (refused)
            add_retry_after(out, "retry-after", quota->reset_ns);
        break;
    case WEIR__DIALECT_DISCORD:
        ADD(out, "X-RateLimit-Limit", "%" PRIu32, quota->limit);
        ADD(out, "X-RateLimit-Remaining", "%" PRIu32, quota->remaining);
        add_fraction(out, "X-RateLimit-Reset", wall_ns + quota->reset_ns);
        add_fraction(out, "X-RateLimit-Reset-After", quota->reset_ns);
        ADD(out, "X-RateLimit-Bucket", "%s", "weir");
        if (refused)
            add_retry_after(out, "Retry-After", quota->reset_ns);
        break;
    }
}
