/*
 * feedback_vendor - the fields whose names are a family, a figure and a unit: X-RateLimit-Limit-Requests,
 * anthropic-ratelimit-tokens-reset, RateLimit-Remaining.
 *
 * Fields of one family and unit are one quota.  A value that is not understood makes its field count as absent; of a
 * repeated one the first limit, the least that remains and the longest reset count.
 */
#include "policy/feedback_parts.h"

#include "base/clock.h"
#include "policy/structured.h"

#include <string.h>

#define DAY_S INT64_C(86400)

enum figure { LIMIT, REMAINING, RESET, RESET_AFTER };

/* Some are others' beginnings: those must come later. */
static const struct {
    const char *name;
    enum figure figure;
} figures[] = {{"reset-after", RESET_AFTER}, {"reset", RESET}, {"remaining", REMAINING}, {"limit", LIMIT}};

static const char *const families[] = {"ratelimit-", "x-ratelimit-", "x-rate-limit-", "anthropic-ratelimit-"};

/* Gateways count by several periods, and say in the name by which: X-RateLimit-Limit-Minute. */
static const struct {
    const char *name;
    int64_t s;
} periods[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", DAY_S}, {"month", 31 * DAY_S}};

static const char *const request_units[] = {"", "requests", "request", "req"};

/* A field's name, taken apart. */
struct name {
    struct weir__feedback_text whole, family, unit;
    enum figure figure;
};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static struct weir__feedback_text cut(struct weir__feedback_text text, size_t begin, size_t size)
{
    return (struct weir__feedback_text){text.at + begin, size};
}

/* "limit-requests" as OpenAI has it, "requests-limit" as Anthropic has it, or "limit" alone */
static bool split_rest(struct weir__feedback_text rest, struct name *name)
{
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        const size_t size = strlen(figures[i].name);
        name->figure = figures[i].figure;
        if (weir__feedback_values_begins(rest, figures[i].name) && (rest.size == size || rest.at[size] == '-')) {
            name->unit = rest.size == size ? cut(rest, size, 0) : cut(rest, size + 1, rest.size - size - 1);
            return true;
        }
        if (rest.size > size + 1 && rest.at[rest.size - size - 1] == '-' &&
            weir__feedback_values_is(cut(rest, rest.size - size, size), figures[i].name)) {
            name->unit = cut(rest, 0, rest.size - size - 1);
            return true;
        }
    }
    return false;
}

/* A unit may be any word, and goes into texts for people: letters, digits, "-", "_" and "." alone. */
static bool is_plain(struct weir__feedback_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char c = lower(text.at[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static bool split_name(struct weir__feedback_text text, struct name *name)
{
    name->whole = text;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const size_t size = strlen(families[i]);
        if (!weir__feedback_values_begins(text, families[i]))
            continue;
        name->family = cut(text, 0, size);
        return is_plain(text) && split_rest(cut(text, size, text.size - size), name);
    }
    return false;
}

static bool same_name(struct weir__feedback_text a, struct weir__feedback_text b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

/* What the unit says: "requests", "tokens-minute", "hour" */
static void read_unit(struct weir__feedback_quota *quota, struct weir__feedback_text unit)
{
    size_t last = unit.size;

    while (last > 0 && unit.at[last - 1] != '-')
        last--;
    for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
        if (weir__feedback_values_is(cut(unit, last, unit.size - last), periods[i].name)) {
            quota->named_ns = weir__feedback_values_seconds(periods[i].s, 0);
            unit.size = last > 0 ? last - 1 : 0;
            break;
        }
    }
    for (size_t i = 0; i < sizeof request_units / sizeof request_units[0]; i++)
        if (weir__feedback_values_is(unit, request_units[i]))
            quota->of_requests = true;
}

/* The quota of that family and unit; NULL where there is no room for it. */
static struct weir__feedback_quota *quota_of(struct weir__feedback_reader *reader, const struct name *name)
{
    struct weir__feedback_quota *quota;

    for (size_t i = 0; i < reader->quota_count; i++) {
        quota = &reader->quotas[i];
        if (same_name(quota->family, name->family) && same_name(quota->name, name->unit))
            return quota;
    }
    quota = weir__feedback_sum_add(reader, name->family, name->unit);
    if (quota != NULL)
        read_unit(quota, name->unit);
    return quota;
}

/* A limit's value as a structured field. */
struct limit_list {
    int64_t first;      /* the first number; -1 before it */
    size_t windows;     /* members with a window */
    bool single_window; /* known from an earlier reading: there is just one, and it is that of the first number */
};

/* One member, "100;w=60"; false where it is malformed.  `reader` is NULL where it is to have no effect. */
static bool limit_member(struct weir__feedback_reader *reader, struct weir__structured *in,
                         struct weir__feedback_text field, struct limit_list *list)
{
    const struct weir__feedback_text none = {"", 0};
    struct weir__structured_value item, key, value;
    enum weir__structured_step step;
    int64_t window_s = -1;

    if (!weir__structured_item(in, &item) || item.type > WEIR__STRUCTURED_DECIMAL || item.integer < 0)
        return false;
    while ((step = weir__structured_parameter(in, &key, &value)) == WEIR__STRUCTURED_MORE) {
        if (!weir__structured_is(&key, "w") && !weir__structured_is(&key, "window"))
            continue;
        if (value.type > WEIR__STRUCTURED_DECIMAL || value.integer < 0)
            return false;
        window_s = value.integer;
    }
    if (step == WEIR__STRUCTURED_BAD)
        return false;
    if (list->first < 0)
        list->first = item.integer;
    if (window_s >= 0)
        list->windows++;
    if (reader != NULL && window_s >= 0)
        weir__feedback_sum_state(reader, (uint64_t)(list->single_window ? list->first : item.integer), true, window_s,
                                 none, field);
    return true;
}

static bool limit_list(struct weir__feedback_reader *reader, struct weir__feedback_text text,
                       struct weir__feedback_text field, struct limit_list *list)
{
    struct weir__structured in;
    enum weir__structured_step step = weir__structured_begin(&in, text.at, text.size);

    list->first = -1;
    list->windows = 0;
    for (; step == WEIR__STRUCTURED_MORE; step = weir__structured_next(&in))
        if (!limit_member(reader, &in, field, list))
            return false;
    return step == WEIR__STRUCTURED_END && list->first >= 0;
}

/*
 * "100"; or "100, 100;w=60", "100;window=60", "10, 10;w=1, 1000;w=3600": the limit that is the next to be reached, and
 * windows, as the first drafts of RateLimit-Limit had it.
 */
static bool read_limit(struct weir__feedback_reader *reader, struct weir__feedback_quota *quota,
                       struct weir__feedback_text value, const struct name *name)
{
    struct limit_list list = {-1, 0, false};
    int64_t nano;

    if (!weir__feedback_values_number(value, &list.first, &nano)) {
        if (!limit_list(NULL, value, name->whole, &list))
            return false;
        list.single_window = list.windows == 1;
        if (quota->of_requests)
            limit_list(reader, value, name->whole, &list);
    }
    if (!quota->has_limit) {
        quota->has_limit = true;
        quota->limit = (uint64_t)list.first;
        quota->limit_field = name->whole;
    }
    return true;
}

static bool read_remaining(struct weir__feedback_quota *quota, struct weir__feedback_text value)
{
    int64_t left, nano;

    if (!weir__feedback_values_number(value, &left, &nano))
        return false;
    if (!quota->has_remaining || (uint64_t)left < quota->remaining)
        quota->remaining = (uint64_t)left;
    quota->has_remaining = true;
    return true;
}

/* Discord sends both: reset-after needs no clock, so it is the more exact one. */
static bool read_reset(const struct weir__feedback_reader *reader, struct weir__feedback_quota *quota,
                       struct weir__feedback_text value, const struct name *name)
{
    const bool exact = name->figure == RESET_AFTER;
    int64_t reset_ns;
    bool by_moment;

    if (!weir__feedback_values_reset(value, reader->now_ns, &reset_ns, &by_moment))
        return false;
    if (quota->has_reset && (quota->exact > exact || (quota->exact == exact && quota->reset_ns >= reset_ns)))
        return true;
    quota->has_reset = true;
    quota->exact = exact;
    quota->by_moment = by_moment;
    quota->reset_ns = reset_ns;
    quota->reset_field = name->whole;
    return true;
}

static bool read_field(struct weir__feedback_reader *reader, const struct name *name, struct weir__feedback_text value)
{
    struct weir__feedback_quota *quota = quota_of(reader, name);

    if (quota == NULL)
        return false;
    switch (name->figure) {
    case LIMIT:
        return read_limit(reader, quota, value, name);
    case REMAINING:
        return read_remaining(quota, value);
    default:
        return read_reset(reader, quota, value, name);
    }
}

void weir__feedback_vendor_read(struct weir__feedback_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++) {
        const struct weir_header *header = &reader->headers[i];
        const struct weir__feedback_text text = {header->name, strlen(header->name)};
        struct name name = {0};
        if (split_name(text, &name) && read_field(reader, &name, weir__feedback_values_trim(header->value)))
            reader->out->present = true;
    }
}
