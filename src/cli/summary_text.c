/*
 * summary_text - the summary as people read it: what came out first, then what held the run back.
 *
 * It shows no URL and no header, so there is no secret in it; names come from our own tables.
 */
#include "cli/summary.h"

#include "base/units.h"
#include "cli/explain.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 12
#define LINE_WIDTH 80u

/* A line under construction, in the text of the whole summary. */
struct page {
    FILE *file;
    bool colour;
};

static void label(struct page *page, const char *text)
{
    (void)fprintf(page->file, "  %-*s ", LABEL_WIDTH, text);
}

static const char *elapsed(int64_t ns, char text[32])
{
    weir__units_format_elapsed(ns, text, 32);
    return text;
}

static void say_outcomes(struct page *page, const struct weir__summary *summary)
{
    const struct {
        const char *name;
        uint64_t count;
    } rest[] = {{"failed", summary->failed}, {"unknown", summary->unknown}, {"cancelled", summary->cancelled}};
    const bool all = weir__summary_all_succeeded(summary);
    const double s = (double)summary->stats.elapsed_ns / 1e9;
    char time[32];

    if (summary->skipped > 0 && summary->skipped == summary->total)
        (void)fprintf(page->file, "nothing was left to do");
    else
        (void)fprintf(page->file, "%s%" PRIu64 " of %" PRIu64 " succeeded%s",
                      page->colour ? (all ? "\033[32m" : "\033[31m") : "", summary->succeeded,
                      summary->total - summary->skipped, page->colour ? "\033[0m" : "");
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (rest[i].count > 0)
            (void)fprintf(page->file, ", %" PRIu64 " %s", rest[i].count, rest[i].name);
    (void)fprintf(page->file, " in %s", elapsed(summary->stats.elapsed_ns, time));
    if (summary->stats.attempts > 0 && s > 0)
        (void)fprintf(page->file, " (%.1f/s)", (double)summary->stats.attempts / s);
    (void)fputc('\n', page->file);
    if (summary->skipped > 0) {
        label(page, "earlier runs");
        (void)fprintf(page->file, "did %" PRIu64 " of %" PRIu64 " jobs", summary->skipped, summary->total);
        if (summary->past_failures > 0)
            (void)fprintf(page->file, ", %" PRIu64 " of them without success", summary->past_failures);
        (void)fputc('\n', page->file);
    }
    if (summary->stats.pause.gave_up && weir__summary_unfinished(summary)) {
        label(page, "gave up");
        (void)fprintf(page->file, "the server asked for a pause longer than retry.pause_max (%s)\n",
                      summary->stats.pause.reason);
    }
}

static void say_statuses(struct page *page, const struct weir_stats *stats)
{
    bool any = false;

    for (unsigned status = 0; status <= WEIR_HTTP_STATUS_MAX; status++) {
        if (stats->statuses[status] == 0)
            continue;
        if (!any)
            label(page, "statuses");
        (void)fprintf(page->file, "%s%u: %" PRIu64, any ? ", " : "", status, stats->statuses[status]);
        any = true;
    }
    if (any)
        (void)fputc('\n', page->file);
}

static void say_errors(struct page *page, const struct weir_stats *stats)
{
    bool any = false;

    for (unsigned error = 0; error < WEIR_ERROR_COUNT; error++) {
        if (stats->errors[error] == 0 || error == WEIR_ERROR_NONE || error == WEIR_ERROR_STATUS)
            continue;
        if (!any)
            label(page, "errors");
        (void)fprintf(page->file, "%s%s: %" PRIu64, any ? ", " : "", weir_error_code((enum weir_error)error),
                      stats->errors[error]);
        any = true;
    }
    if (any)
        (void)fputc('\n', page->file);
}

static void say_latency(struct page *page, const struct weir_latency_stats *latency)
{
    char p50[32], p90[32], p99[32], max[32];

    if (latency->count == 0)
        return;
    label(page, "latency");
    (void)fprintf(page->file, "p50 %s, p90 %s, p99 %s, max %s\n", elapsed(latency->p50_ns, p50),
                  elapsed(latency->p90_ns, p90), elapsed(latency->p99_ns, p99), elapsed(latency->max_ns, max));
}

static void say_waits(struct page *page, const struct weir_limit_stats *limit)
{
    char time[32];

    if (limit->waits == 0)
        (void)fputs(", never waited\n", page->file);
    else
        (void)fprintf(page->file, ", %" PRIu64 " wait%s, %s\n", limit->waits, limit->waits == 1 ? "" : "s",
                      elapsed(limit->wait_ns, time));
}

static void say_rate(struct page *page, const struct weir_limit_stats *limit)
{
    const char *shape = limit->shape == WEIR_SHAPE_STRICT   ? "strict"
                        : limit->shape == WEIR_SHAPE_WINDOW ? "window"
                                                            : "paced";

    label(page, limit->name);
    (void)fputs(shape, page->file);
    if (limit->learned_from[0] != '\0')
        (void)fprintf(page->file, ", learned from %s", limit->learned_from);
    (void)fprintf(page->file, ": worst window %" PRIu64 " of %" PRIu32, limit->worst_window, limit->permits);
    if (limit->uncertain > 0)
        (void)fprintf(page->file, ", %" PRIu64 " uncertain (sent, not answered)", limit->uncertain);
    say_waits(page, limit);
}

/* Certificates in a scope are of all who share it. */
static void say_scope(struct page *page, const char *scope)
{
    if (scope == NULL || strcmp(scope, "process") == 0)
        return;
    label(page, "scope");
    (void)fprintf(page->file, "%s: worst windows are of all who share its limits\n", scope);
}

static void say_limits(struct page *page, const struct weir_stats *stats)
{
    for (size_t i = 0; i < stats->limit_count; i++) {
        const struct weir_limit_stats *limit = &stats->limits[i];
        if (i > 0) {
            say_rate(page, limit);
            continue;
        }
        label(page, limit->name);
        (void)fprintf(page->file, "at most %" PRIu32 " in flight of %" PRIu32, stats->peak_in_flight, limit->permits);
        say_waits(page, limit);
    }
}

/* Shares of the workers' time; what is under half a percent is left out. */
static void say_time(struct page *page, const struct weir_time_stats *time)
{
    const struct {
        const char *name;
        int64_t ns;
    } parts[] = {
        {"sending", time->sending_ns}, {"waiting for permits", time->permit_wait_ns},
        {"pace", time->pace_wait_ns},  {"paused by the server", time->paused_ns},
        {"backoff", time->backoff_ns}, {"idle", time->idle_ns},
    };
    double all = 0;
    bool any = false;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        all += (double)parts[i].ns;
    if (all <= 0)
        return;
    label(page, "workers");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const double share = 100 * (double)parts[i].ns / all;
        if (share < 0.5)
            continue;
        (void)fprintf(page->file, "%s%s %.0f %%", any ? ", " : "", parts[i].name, share);
        any = true;
    }
    (void)fputc('\n', page->file);
}

static void say_resources(struct page *page, const struct weir__summary *summary)
{
    const struct weir_stats *stats = &summary->stats;

    label(page, "used");
    (void)fprintf(page->file, "%.2f s of CPU, %.1f MiB, %" PRIu32 " %s%s, %" PRIu64 " connection%s\n",
                  summary->cpu_user_s + summary->cpu_system_s, (double)summary->rss_max_bytes / (1024 * 1024),
                  stats->workers, strcmp(summary->engine, "async") == 0 ? "async worker" : "thread",
                  stats->workers == 1 ? "" : "s", stats->connections, stats->connections == 1 ? "" : "s");
}

/* A text, broken between words into lines of LINE_WIDTH, the later ones indented like the first. */
static void say_wrapped(struct page *page, const char *name, const char *text)
{
    const size_t indent = LABEL_WIDTH + 3, width = LINE_WIDTH - indent;
    const char *line = name;

    while (*text != '\0') {
        size_t length = strlen(text);
        if (length > width) {
            for (length = width; length > 0 && text[length] != ' ';)
                length--;
            if (length == 0) /* one word longer than a line */
                length = strcspn(text, " ");
        }
        label(page, line);
        (void)fprintf(page->file, "%.*s\n", (int)length, text);
        text += length;
        text += strspn(text, " ");
        line = "";
    }
}

/* What the server said against the run, and what became of it. */
static void say_pushback(struct page *page, const struct weir__summary *summary)
{
    char text[WEIR__EXPLAIN_SIZE];

    weir__explain_retries(&summary->stats, summary->retry_budget, text, sizeof text);
    say_wrapped(page, "retries", text);
    weir__explain_pauses(&summary->stats, text, sizeof text);
    say_wrapped(page, "paused", text);
    weir__explain_refusals(&summary->stats, text, sizeof text);
    say_wrapped(page, "refused", text);
    weir__explain_unknown(summary->unknown, text, sizeof text);
    say_wrapped(page, "unknown", text);
}

void weir__summary_say(const struct weir__summary *summary)
{
    char *text = NULL;
    size_t size = 0;
    struct page page = {open_memstream(&text, &size), weir__say_colour()};

    if (page.file == NULL)
        return;
    say_outcomes(&page, summary);
    say_statuses(&page, &summary->stats);
    say_errors(&page, &summary->stats);
    say_latency(&page, &summary->stats.latency);
    say_scope(&page, summary->scope);
    say_limits(&page, &summary->stats);
    say_time(&page, &summary->stats.time);
    say_resources(&page, summary);
    say_pushback(&page, summary);
    if (fclose(page.file) == 0)
        weir__say_text(text, size);
    free(text);
}
