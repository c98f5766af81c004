/*
 * feedback_ratelimit - RateLimit and RateLimit-Policy, of draft-ietf-httpapi-ratelimit-headers-10 and before.
 *
 * Structured fields: what is malformed anywhere makes the whole field count as absent.  So each is read twice, first
 * without effect.  Several field lines are one list (RFC 9651, 4.2).
 */
#include "policy/feedback_parts.h"

#include "policy/structured.h"

#include <string.h>

/* Reads one member; false where it is malformed.  Without `apply` it has no effect. */
typedef bool (*member_fn)(struct weir__feedback_reader *reader, struct weir__structured *in,
                          struct weir__feedback_text field, bool apply);

/* Reads all lines of a field; false where there is none, or nothing in it, or anything is malformed. */
static bool walk(struct weir__feedback_reader *reader, const char *field, member_fn member, bool apply)
{
    bool any = false;

    for (size_t i = 0; i < reader->count; i++) {
        const struct weir__feedback_text name = {reader->headers[i].name, strlen(reader->headers[i].name)};
        const char *value = reader->headers[i].value;
        enum weir__structured_step step = WEIR__STRUCTURED_MORE;
        struct weir__structured in;
        if (!weir__feedback_values_is(name, field))
            continue;
        if (weir__structured_begin(&in, value, strlen(value)) == WEIR__STRUCTURED_END)
            return false; /* no list, or two commas in a row when the lines are joined */
        for (; step == WEIR__STRUCTURED_MORE; step = weir__structured_next(&in))
            if (!member(reader, &in, name, apply))
                return false;
        if (step == WEIR__STRUCTURED_BAD)
            return false;
        any = true;
    }
    return any;
}

static bool is_count(const struct weir__structured_value *value)
{
    return value->type == WEIR__STRUCTURED_INTEGER && value->integer >= 0;
}

static bool is_text(const struct weir__structured_value *value)
{
    return value->type == WEIR__STRUCTURED_STRING || value->type == WEIR__STRUCTURED_TOKEN;
}

static struct weir__feedback_text text_of(const struct weir__structured_value *value)
{
    return (struct weir__feedback_text){value->text != NULL ? value->text : "", value->size};
}

/* A figure where its parameter has this key; false where it has no right value. */
static bool take_count(const struct weir__structured_value *key, const char *wanted,
                       const struct weir__structured_value *value, int64_t *out)
{
    if (!weir__structured_is(key, wanted))
        return true;
    if (!is_count(value))
        return false;
    *out = value->integer;
    return true;
}

/* "burst";q=100;w=60, or 100;w=60 as it was before the eighth draft */
static bool policy_member(struct weir__feedback_reader *reader, struct weir__structured *in,
                          struct weir__feedback_text field, bool apply)
{
    struct weir__structured_value item, key, value;
    enum weir__structured_step step;
    int64_t quota = -1, window_s = -1;
    bool of_requests = true;

    if (!weir__structured_item(in, &item) || !(is_text(&item) || is_count(&item)))
        return false;
    while ((step = weir__structured_parameter(in, &key, &value)) == WEIR__STRUCTURED_MORE) {
        if (!take_count(&key, "q", &value, &quota) || !take_count(&key, "w", &value, &window_s))
            return false;
        if (weir__structured_is(&key, "qu")) {
            if (!is_text(&value))
                return false;
            of_requests = weir__structured_is(&value, "requests");
        }
    }
    if (!is_text(&item))
        quota = item.integer;
    if (step == WEIR__STRUCTURED_BAD || quota < 0)
        return false;
    if (!apply || (!is_text(&item) && window_s < 0)) /* the latter: "100, 100;w=10" says 100 twice */
        return true;
    reader->out->present = true;
    reader->policy_members++;
    if (of_requests)
        weir__feedback_sum_state(reader, (uint64_t)quota, window_s >= 0, window_s, text_of(&item), field);
    return true;
}

static void add_remaining(struct weir__feedback_reader *reader, struct weir__feedback_text name,
                          struct weir__feedback_text field, int64_t left, int64_t until_s)
{
    const struct weir__feedback_text family = {"", 0};
    struct weir__feedback_quota *quota = weir__feedback_sum_add(reader, family, name);

    reader->out->present = true;
    reader->remaining_members++;
    if (quota == NULL)
        return;
    quota->has_remaining = true;
    quota->remaining = (uint64_t)left;
    quota->has_reset = until_s >= 0;
    quota->reset_ns = weir__feedback_values_seconds(until_s < 0 ? 0 : until_s, 0);
    quota->reset_field = field;
}

/* "default";r=50;t=30 */
static bool remaining_member(struct weir__feedback_reader *reader, struct weir__structured *in,
                             struct weir__feedback_text field, bool apply)
{
    struct weir__structured_value item, key, value;
    enum weir__structured_step step;
    int64_t left = -1, until_s = -1;

    if (!weir__structured_item(in, &item) || !is_text(&item))
        return false;
    while ((step = weir__structured_parameter(in, &key, &value)) == WEIR__STRUCTURED_MORE)
        if (!take_count(&key, "r", &value, &left) || !take_count(&key, "t", &value, &until_s))
            return false;
    if (step == WEIR__STRUCTURED_BAD || left < 0)
        return false;
    if (apply)
        add_remaining(reader, text_of(&item), field, left, until_s);
    return true;
}

/* All members of the dictionary are one quota. */
static void set_figures(struct weir__feedback_reader *reader, struct weir__feedback_text field, int64_t limit,
                        int64_t left, int64_t until_s)
{
    const struct weir__feedback_text none = {"", 0};
    struct weir__feedback_quota *quota = reader->quotas; /* ours is the first: no other is read before */

    if (reader->quota_count == 0)
        quota = weir__feedback_sum_add(reader, none, none);
    quota->of_requests = true;
    reader->remaining_members = 1;
    reader->out->present = true;
    if (limit >= 0) {
        quota->has_limit = true;
        quota->limit = (uint64_t)limit;
        quota->limit_field = field;
    }
    if (left >= 0) {
        quota->has_remaining = true;
        quota->remaining = (uint64_t)left;
    }
    if (until_s >= 0) {
        quota->has_reset = true;
        quota->reset_ns = weir__feedback_values_seconds(until_s, 0);
        quota->reset_field = field;
    }
}

/* limit=100, remaining=50, reset=5, as it was before the eighth draft; of a repeated key the last value counts */
static bool dictionary_member(struct weir__feedback_reader *reader, struct weir__structured *in,
                              struct weir__feedback_text field, bool apply)
{
    struct weir__structured_value key, value, ignored_key, ignored;
    enum weir__structured_step step;
    int64_t limit = -1, left = -1, until_s = -1;

    if (!weir__structured_entry(in, &key, &value) || !take_count(&key, "limit", &value, &limit) ||
        !take_count(&key, "remaining", &value, &left) || !take_count(&key, "reset", &value, &until_s))
        return false;
    do
        step = weir__structured_parameter(in, &ignored_key, &ignored);
    while (step == WEIR__STRUCTURED_MORE);
    if (step == WEIR__STRUCTURED_BAD)
        return false;
    if (apply && (limit >= 0 || left >= 0 || until_s >= 0))
        set_figures(reader, field, limit, left, until_s);
    return true;
}

/* No text is both a list with figures and a dictionary with figures: the one's need an "r", the other's a "=". */
void weir__feedback_ratelimit_read(struct weir__feedback_reader *reader)
{
    if (walk(reader, "ratelimit-policy", policy_member, false))
        walk(reader, "ratelimit-policy", policy_member, true);
    if (walk(reader, "ratelimit", remaining_member, false))
        walk(reader, "ratelimit", remaining_member, true);
    else if (walk(reader, "ratelimit", dictionary_member, false))
        walk(reader, "ratelimit", dictionary_member, true);
    weir__feedback_sum_link(reader);
}
