/* summary - see summary.h; the lines for people are in summary_text.c */
#include "cli/summary.h"

#include "cli/print.h"
#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Digits after the point: microseconds of seconds and of milliseconds. */
#define SECONDS_DIGITS 6
#define MS_DIGITS 3
#define RATE_DIGITS 2

static double to_s(int64_t ns)
{
    return (double)ns / 1e9;
}

static double timeval_s(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Of this program: what getrusage says includes what the process was before exec, its parent's size for one. */
static uint64_t rss_max_kib(uint64_t otherwise)
{
    static const char key[] = "VmHWM:";
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];

    if (file == NULL)
        return otherwise;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, sizeof key - 1) == 0) {
            otherwise = strtoull(line + sizeof key - 1, NULL, 10);
            break;
        }
    }
    (void)fclose(file);
    return otherwise;
}

void weir__summary_take(struct weir__summary *summary, struct weir *weir, const struct weir__account *account,
                        double retry_budget, bool idempotent)
{
    struct weir_stats *stats = &summary->stats;
    struct weir__figures figures;
    struct rusage usage;
    uint64_t ended = 0;

    memset(summary, 0, sizeof *summary);
    stats->struct_size = sizeof *stats;
    weir_snapshot(weir, stats);
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        ended += stats->outcomes[i];
    weir__account_read(account, stats, &figures);
    summary->total = figures.total;
    summary->past_failures = account->past_unsuccessful;
    summary->retry_budget = retry_budget;
    summary->engine = "threads"; /* unless the caller says otherwise */
    summary->succeeded = figures.succeeded;
    summary->failed = figures.failed;
    summary->unknown = figures.unknown;
    summary->skipped = figures.skipped;
    if (!idempotent && stats->accepted > ended)
        summary->unknown += stats->in_flight < stats->accepted - ended ? stats->in_flight : stats->accepted - ended;
    ended = summary->succeeded + summary->failed + summary->skipped;
    if (summary->unknown > summary->total - ended) /* the account was read a moment after the statistics */
        summary->unknown = summary->total - ended;
    ended = summary->succeeded + summary->failed + summary->unknown + summary->skipped;
    summary->cancelled = summary->total > ended ? summary->total - ended : 0;

    memset(&usage, 0, sizeof usage);
    (void)getrusage(RUSAGE_SELF, &usage);
    summary->cpu_user_s = timeval_s(usage.ru_utime);
    summary->cpu_system_s = timeval_s(usage.ru_stime);
    summary->rss_max_bytes = rss_max_kib((uint64_t)usage.ru_maxrss) * 1024;
}

bool weir__summary_unfinished(const struct weir__summary *summary)
{
    return summary->cancelled > 0 || summary->stats.errors[WEIR_ERROR_STOPPED] > 0 || summary->stats.in_flight > 0;
}

bool weir__summary_all_succeeded(const struct weir__summary *summary)
{
    return summary->succeeded + summary->skipped == summary->total && summary->past_failures == 0;
}

static void write_counts(struct weir__writer *writer, const struct weir_stats *stats)
{
    weir__writer_object(writer, "statuses");
    for (unsigned status = 0; status <= WEIR_HTTP_STATUS_MAX; status++) {
        char key[8];
        if (stats->statuses[status] == 0)
            continue;
        (void)snprintf(key, sizeof key, "%u", status);
        weir__writer_uint(writer, key, stats->statuses[status]);
    }
    weir__writer_end(writer);

    weir__writer_object(writer, "errors");
    for (unsigned error = 0; error < WEIR_ERROR_COUNT; error++)
        if (stats->errors[error] > 0 && error != WEIR_ERROR_NONE && error != WEIR_ERROR_STATUS)
            weir__writer_uint(writer, weir_error_code((enum weir_error)error), stats->errors[error]);
    weir__writer_end(writer);
}

/* Nothing measured is null: a latency of 0 would be a claim. */
static void write_ms(struct weir__writer *writer, const char *key, int64_t ns, bool measured)
{
    if (measured)
        weir__writer_decimal(writer, key, (double)ns / 1e6, MS_DIGITS);
    else
        weir__writer_null(writer, key);
}

static void write_latency(struct weir__writer *writer, const struct weir_latency_stats *latency)
{
    const bool measured = latency->count > 0;

    weir__writer_object(writer, "latency_ms");
    write_ms(writer, "p50", latency->p50_ns, measured);
    write_ms(writer, "p90", latency->p90_ns, measured);
    write_ms(writer, "p99", latency->p99_ns, measured);
    write_ms(writer, "p99_9", latency->p99_9_ns, measured);
    write_ms(writer, "max", latency->max_ns, measured);
    write_ms(writer, "mean", latency->mean_ns, measured);
    weir__writer_end(writer);
}

static const char *shape_name(enum weir_shape shape)
{
    return shape == WEIR_SHAPE_STRICT ? "strict" : shape == WEIR_SHAPE_WINDOW ? "window" : "paced";
}

static void write_limits(struct weir__writer *writer, const struct weir_stats *stats)
{
    weir__writer_array(writer, "limits");
    for (size_t i = 0; i < stats->limit_count; i++) {
        const struct weir_limit_stats *limit = &stats->limits[i];
        const bool rate = i > 0; /* the concurrency limit comes first */
        weir__writer_object(writer, NULL);
        weir__writer_string(writer, "name", limit->name);
        weir__writer_uint(writer, "permits", limit->permits);
        weir__writer_decimal(writer, "hold_s", to_s(limit->hold_ns), 9);
        if (rate)
            weir__writer_string(writer, "shape", shape_name(limit->shape));
        weir__writer_uint(writer, "waits", limit->waits);
        weir__writer_decimal(writer, "wait_s", to_s(limit->wait_ns), SECONDS_DIGITS);
        if (rate) {
            weir__writer_uint(writer, "worst_window", limit->worst_window);
            weir__writer_uint(writer, "uncertain", limit->uncertain);
        }
        if (limit->learned_from[0] != '\0')
            weir__writer_string(writer, "learned_from", limit->learned_from);
        weir__writer_end(writer);
    }
    weir__writer_end(writer);
}

static void write_time(struct weir__writer *writer, const struct weir_time_stats *time)
{
    weir__writer_object(writer, "time");
    weir__writer_decimal(writer, "sending_s", to_s(time->sending_ns), SECONDS_DIGITS);
    weir__writer_decimal(writer, "permit_wait_s", to_s(time->permit_wait_ns), SECONDS_DIGITS);
    weir__writer_decimal(writer, "pace_wait_s", to_s(time->pace_wait_ns), SECONDS_DIGITS);
    weir__writer_decimal(writer, "paused_s", to_s(time->paused_ns), SECONDS_DIGITS);
    weir__writer_decimal(writer, "backoff_s", to_s(time->backoff_ns), SECONDS_DIGITS);
    weir__writer_decimal(writer, "idle_s", to_s(time->idle_ns), SECONDS_DIGITS);
    weir__writer_end(writer);
}

/* The keys and their order are a contract with the programs that read them; new ones go to the end. */
void weir__summary_write(struct weir__writer *writer, const struct weir__summary *summary)
{
    const struct weir_stats *stats = &summary->stats;
    const double elapsed_s = to_s(stats->elapsed_ns);

    weir__writer_object(writer, NULL);
    weir__writer_uint(writer, "total", summary->total);
    weir__writer_uint(writer, "succeeded", summary->succeeded);
    weir__writer_uint(writer, "failed", summary->failed);
    weir__writer_uint(writer, "unknown", summary->unknown);
    weir__writer_uint(writer, "cancelled", summary->cancelled);
    weir__writer_uint(writer, "skipped", summary->skipped);
    weir__writer_uint(writer, "attempts", stats->attempts);
    weir__writer_uint(writer, "retries", stats->retries);
    write_counts(writer, stats);
    weir__writer_decimal(writer, "elapsed_s", elapsed_s, SECONDS_DIGITS);
    weir__writer_decimal(writer, "rate_per_s", elapsed_s > 0 ? (double)stats->attempts / elapsed_s : 0, RATE_DIGITS);
    weir__writer_uint(writer, "peak_in_flight", stats->peak_in_flight);
    write_latency(writer, &stats->latency);
    write_limits(writer, stats);
    write_time(writer, &stats->time);
    weir__writer_object(writer, "cpu_s");
    weir__writer_decimal(writer, "user", summary->cpu_user_s, SECONDS_DIGITS);
    weir__writer_decimal(writer, "system", summary->cpu_system_s, SECONDS_DIGITS);
    weir__writer_end(writer);
    weir__writer_uint(writer, "max_rss_bytes", summary->rss_max_bytes);
    weir__writer_string(writer, "engine", summary->engine);
    weir__writer_string(writer, "version", weir_version());
    weir__writer_end(writer);
}

bool weir__summary_print_json(const struct weir__summary *summary)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    weir__summary_write(&writer, summary);
    return weir__print_json(&writer);
}
