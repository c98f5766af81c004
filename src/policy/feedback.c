/*
 * feedback - see feedback.h.  This file finds the fields, and leaves their values to feedback_*.c.
 *
 * Nearly all fields of nearly all responses are none of ours: what decides that comes first and is cheap.
 */
#include "policy/feedback_parts.h"

#include "policy/date.h"

#include <string.h>

enum kind {
    NOT_OURS = 0,
    DATE = 1,
    RETRY_AFTER = 2,
    RETRY_AFTER_MS = 4,
    RATELIMIT = 8, /* structured */
    FAMILY = 16,   /* of a vendor, or RateLimit-Limit and the like */
    ANTHROPIC = 32,
    GITHUB = 64
};

static unsigned kind_of_r(struct weir__feedback_text name)
{
    if (weir__feedback_values_begins(name, "ratelimit")) {
        if (name.size == 9 || weir__feedback_values_is(name, "ratelimit-policy"))
            return RATELIMIT;
        return name.at[9] == '-' ? FAMILY : NOT_OURS;
    }
    if (weir__feedback_values_is(name, "retry-after"))
        return RETRY_AFTER;
    return weir__feedback_values_is(name, "retry-after-ms") ? RETRY_AFTER_MS : NOT_OURS;
}

static unsigned kind_of_x(struct weir__feedback_text name)
{
    if (weir__feedback_values_begins(name, "x-ratelimit-")) {
        if (weir__feedback_values_is(name, "x-ratelimit-resource") ||
            weir__feedback_values_is(name, "x-ratelimit-used"))
            return GITHUB;
        return FAMILY;
    }
    if (weir__feedback_values_begins(name, "x-rate-limit-"))
        return FAMILY;
    return weir__feedback_values_is(name, "x-github-request-id") ? GITHUB : NOT_OURS;
}

/* The first letter is enough for most. */
static unsigned kind_of(const char *name, size_t size)
{
    const struct weir__feedback_text text = {name, size};

    switch (size > 0 ? name[0] : '\0') {
    case 'd':
    case 'D':
        return weir__feedback_values_is(text, "date") ? DATE : NOT_OURS;
    case 'r':
    case 'R':
        return kind_of_r(text);
    case 'x':
    case 'X':
        return kind_of_x(text);
    case 'a':
    case 'A':
        return weir__feedback_values_begins(text, "anthropic-ratelimit-") ? ANTHROPIC | FAMILY : NOT_OURS;
    default:
        return NOT_OURS;
    }
}

bool weir__feedback_wants(const char *name, size_t size)
{
    return kind_of(name, size) != NOT_OURS;
}

static bool may_be_ours(char first)
{
    return first == 'r' || first == 'R' || first == 'x' || first == 'X' || first == 'a' || first == 'A';
}

/* The kinds of all fields but Date, which by itself says nothing. */
static unsigned kinds_of(const struct weir_header *headers, size_t count)
{
    unsigned kinds = 0;

    for (size_t i = 0; i < count; i++)
        if (may_be_ours(headers[i].name[0]))
            kinds |= kind_of(headers[i].name, strlen(headers[i].name));
    return kinds;
}

/* The server's clock, by its first Date that is one; else ours. */
static int64_t server_now(const struct weir_header *headers, size_t count, int64_t wall_ns, bool *dated)
{
    int64_t now_ns = weir__date_clamp(wall_ns / 1000000000, wall_ns % 1000000000);

    *dated = false;
    for (size_t i = 0; i < count; i++) {
        if (kind_of(headers[i].name, strlen(headers[i].name)) != DATE)
            continue;
        const struct weir__feedback_text text = weir__feedback_values_trim(headers[i].value);
        *dated = weir__date_parse_http(text.at, text.size, wall_ns, &now_ns);
        if (*dated)
            break;
    }
    return now_ns;
}

/* The longest of those of one kind that are valid: the safe side. */
static void read_retry_after(struct weir__feedback_reader *reader, unsigned kind)
{
    struct weir__feedback *out = reader->out;

    for (size_t i = 0; i < reader->count; i++) {
        const struct weir_header *header = &reader->headers[i];
        const struct weir__feedback_text name = {header->name, strlen(header->name)};
        int64_t wait_ns;
        if (kind_of(name.at, name.size) != kind)
            continue;
        const struct weir__feedback_text value = weir__feedback_values_trim(header->value);
        if (kind == RETRY_AFTER ? !weir__feedback_values_retry_after(value, reader->now_ns, &wait_ns)
                                : !weir__feedback_values_milliseconds(value, &wait_ns))
            continue;
        if (!out->has_retry_after || wait_ns > out->retry_after_ns)
            out->retry_after_ns = wait_ns;
        out->has_retry_after = true;
        weir__feedback_sum_field(name, out->wait_field);
    }
}

/* Apart, so that a response without such a field does not pay for the reader's room. */
static void read_all(const struct weir_header *headers, size_t count, int64_t wall_ns, unsigned kinds,
                     struct weir__feedback *out)
{
    struct weir__feedback_reader reader;

    reader.headers = headers;
    reader.count = count;
    reader.now_ns = server_now(headers, count, wall_ns, &reader.dated);
    reader.out = out;
    reader.quota_count = 0;
    reader.stated_count = 0;
    reader.policy_members = 0;
    reader.remaining_members = 0;
    if (kinds & RETRY_AFTER_MS)
        read_retry_after(&reader, RETRY_AFTER_MS);
    if ((kinds & RETRY_AFTER) && !out->has_retry_after)
        read_retry_after(&reader, RETRY_AFTER);
    out->present = out->has_retry_after;
    if (kinds & RATELIMIT)
        weir__feedback_ratelimit_read(&reader);
    if (kinds & FAMILY)
        weir__feedback_vendor_read(&reader);
    weir__feedback_sum_up(&reader);
}

void weir__feedback_read(const struct weir_header *headers, size_t count, int64_t wall_ns, struct weir__feedback *out)
{
    const unsigned kinds = kinds_of(headers, count);

    memset(out, 0, sizeof *out);
    if (kinds == 0)
        return;
    out->github = (kinds & GITHUB) != 0;
    out->anthropic = (kinds & ANTHROPIC) != 0;
    read_all(headers, count, wall_ns, kinds, out);
}
