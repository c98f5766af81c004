/* explain - see explain.h */
#include "cli/explain.h"

#include "base/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* A text that grows up to its size. */
struct text {
    char *bytes;
    size_t size, used;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    if (text->used + 1 >= text->size)
        return;
    va_start(arguments, format);
    length = vsnprintf(text->bytes + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->used = text->used + (size_t)length < text->size ? text->used + (size_t)length : text->size - 1;
}

static struct text begin(char *out, size_t size)
{
    out[0] = '\0';
    return (struct text){out, size, 0};
}

static bool is_learned(const struct weir_limit_stats *limit)
{
    return limit->learned_from[0] != '\0';
}

/* A pace alone says nothing about windows. */
static bool is_proven(const struct weir_limit_stats *limit)
{
    return limit->shape != WEIR_SHAPE_PACED;
}

/* The next rate limit of the configuration after `limit` (NULL: the first); NULL at the end. */
static const struct weir_limit_stats *next_given(const struct weir_stats *stats, const struct weir_limit_stats *limit)
{
    size_t i = limit == NULL ? 1 : (size_t)(limit - stats->limits) + 1; /* the first is the concurrency limit */

    while (i < stats->limit_count && is_learned(&stats->limits[i]))
        i++;
    return i < stats->limit_count ? &stats->limits[i] : NULL;
}

static const struct weir_limit_stats *first_learned(const struct weir_stats *stats)
{
    for (size_t i = 1; i < stats->limit_count; i++)
        if (is_learned(&stats->limits[i]))
            return &stats->limits[i];
    return NULL;
}

/* A proven limit that was not kept: nobody's fault but ours. */
static const struct weir_limit_stats *broken(const struct weir_stats *stats)
{
    const struct weir_limit_stats *limit = NULL;

    while ((limit = next_given(stats, limit)) != NULL)
        if (is_proven(limit) && limit->worst_window > limit->permits)
            return limit;
    return NULL;
}

static void add_stated(struct text *text, const struct weir_stats *stats, const char *lead)
{
    const struct weir_rate *stated = &stats->pause.stated;
    char rate[48];

    if (stated->requests == 0)
        return;
    weir__units_format_rate(stated->requests, stated->per_ns, rate, sizeof rate);
    add(text, "%s%s (%s)", lead, rate, stats->pause.stated_by);
}

/* "100/1s (worst window 100 of 100)" for each proven limit; false where there is none. */
static bool add_kept(struct text *text, const struct weir_stats *stats)
{
    const struct weir_limit_stats *limit = NULL;
    bool any = false;

    while ((limit = next_given(stats, limit)) != NULL) {
        if (!is_proven(limit))
            continue;
        add(text, "%s%s (worst window %" PRIu64 " of %" PRIu32 ")", any ? " and " : ", though weir kept ", limit->name,
            limit->worst_window, limit->permits);
        any = true;
    }
    return any;
}

/* Sends without an answer are in no certificate: they can have arrived at any later time. */
static void add_uncertain(struct text *text, const struct weir_stats *stats)
{
    const struct weir_limit_stats *limit = NULL;
    uint64_t most = 0;

    while ((limit = next_given(stats, limit)) != NULL)
        if (is_proven(limit) && limit->uncertain > most)
            most = limit->uncertain;
    if (most > 0)
        add(text, "; or of the %" PRIu64 " uncertain request%s (sent, not answered) some arrived later", most,
            most == 1 ? "" : "s");
}

static void add_learned(struct text *text, const struct weir_stats *stats)
{
    const struct weir_limit_stats *learned = first_learned(stats);

    if (learned != NULL)
        add(text, "; weir learned %s from %s and kept to it from there on", learned->name, learned->learned_from);
    else if (stats->pause.slowed_to_per_s > 0)
        add(text, "; weir slowed to %.3g/s after that", stats->pause.slowed_to_per_s);
}

/* The limit as weir got to know it, for the option -r; false where it did not. */
static bool known_rate(const struct weir_stats *stats, char *out, size_t size)
{
    const struct weir_limit_stats *learned = first_learned(stats);
    const double slowed = stats->pause.slowed_to_per_s;

    if (learned != NULL)
        (void)snprintf(out, size, "%s", learned->name);
    else if (stats->pause.stated.requests > 0)
        weir__units_format_rate(stats->pause.stated.requests, stats->pause.stated.per_ns, out, size);
    else if (slowed >= 10)
        (void)snprintf(out, size, "%.0f/s", slowed - 0.5); /* rounded down */
    else if (slowed >= 0.1)
        (void)snprintf(out, size, "%.0f/10s", 10 * slowed - 0.5);
    else
        return false;
    return true;
}

/* Nothing was configured: what the server let show of its limit, and how to give it from the start. */
static void add_unconfigured(struct text *text, const struct weir_stats *stats)
{
    char rate[48];

    add(text, ": the server limits the rate");
    if (first_learned(stats) == NULL)
        add_stated(text, stats, ", to ");
    add_learned(text, stats);
    if (known_rate(stats, rate, sizeof rate))
        add(text, ". To keep to it from the start, give it: -r %s", rate);
    else
        add(text, ". To keep to it, give what its documentation allows, as -r N/PERIOD");
    if (first_learned(stats) != NULL)
        add(text, "; where that is refused too, the quota is shared");
}

void weir__explain_refusals(const struct weir_stats *stats, char *out, size_t size)
{
    struct text text = begin(out, size);
    const struct weir_limit_stats *bug = broken(stats);

    if (stats->refusals == 0)
        return;
    add(&text, "%" PRIu64 " of %" PRIu64 " attempts %s refused", stats->refusals, stats->attempts,
        stats->refusals == 1 ? "was" : "were");
    if (bug != NULL) {
        add(&text,
            ", and this is a bug in weir: it sent more than %s allows (worst window %" PRIu64 " of %" PRIu32
            "). Please report it to weir's authors with this summary and the output of weir check",
            bug->name, bug->worst_window, bug->permits);
    } else if (add_kept(&text, stats)) {
        add(&text, ": the quota is shared, or lower than configured");
        add_stated(&text, stats, ": the server named ");
        add_uncertain(&text, stats);
        add_learned(&text, stats);
    } else if (next_given(stats, NULL) != NULL) {
        add(&text, ": the shape paced keeps a distance between sends and proves nothing about windows");
        add_stated(&text, stats, "; the server named ");
        add_learned(&text, stats);
        add(&text, ". Use --shape strict");
    } else {
        add_unconfigured(&text, stats);
    }
}

void weir__explain_pauses(const struct weir_stats *stats, char *out, size_t size)
{
    const struct weir_pause_stats *pause = &stats->pause;
    struct text text = begin(out, size);
    char longest[32];

    if (pause->count == 0)
        return;
    weir__units_format_elapsed(pause->longest_ns, longest, sizeof longest);
    if (pause->count == 1)
        add(&text, "once, for %s (%s)", longest, pause->reason);
    else
        add(&text, "%" PRIu64 " times, for %s at most (the last: %s)", pause->count, longest, pause->reason);
}

void weir__explain_retries(const struct weir_stats *stats, double budget, char *out, size_t size)
{
    struct text text = begin(out, size);
    const uint64_t denied = stats->budget_denied;

    if (stats->retries > 0)
        add(&text, "%" PRIu64 " attempt%s not a job's first", stats->retries, stats->retries == 1 ? " was" : "s were");
    if (denied > 0)
        add(&text, "%s%" PRIu64 " job%s not tried again: the retry budget (%.3g a success, 100 in reserve) was used up",
            text.used > 0 ? "; " : "", denied, denied == 1 ? " was" : "s were", budget);
}

void weir__explain_unknown(uint64_t unknown, char *out, size_t size)
{
    struct text text = begin(out, size);

    if (unknown > 0)
        add(&text,
            "nobody can say whether %s processed, so %s not sent again; with an idempotency_key, where the server "
            "knows "
            "it, weir may do that",
            unknown == 1 ? "this job was" : "these jobs were", unknown == 1 ? "it was" : "they were");
}
