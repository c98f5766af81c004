/*
 * metrics_text - a run's figures in Prometheus' text exposition format, version 0.0.4.
 *
 * Names and units follow prometheus.io/docs/practices/naming: counters end in _total, durations are in seconds.  There
 * is no URL and no header in it, so no secret.  Every number is written from integers: a locale has no say.
 */
#include "cli/metrics.h"

#include "base/clock.h"
#include "json/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text of one file; a name's lines stand together, as the format wants it. */
struct text {
    FILE *file;
    const char *name; /* of the metric that is being written */
};

static void begin(struct text *text, const char *name, const char *type, const char *help)
{
    text->name = name;
    (void)fprintf(text->file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: quotes, backslashes and line ends escaped, and what is no UTF-8 replaced by U+FFFD. */
static void put_label_value(FILE *file, const char *value)
{
    const size_t size = strlen(value);

    for (size_t i = 0; i < size;) {
        const size_t length = weir__utf8_length(value + i, size - i);
        if (length == 0)
            (void)fputs("\xef\xbf\xbd", file);
        else if (value[i] == '\n')
            (void)fputs("\\n", file);
        else if (value[i] == '"' || value[i] == '\\')
            (void)fprintf(file, "\\%c", value[i]);
        else
            (void)fwrite(value + i, 1, length, file);
        i += length == 0 ? 1 : length;
    }
}

/* What stands before a sample's number.  Label and value are NULL where there is none. */
static void put_series(struct text *text, const char *suffix, const char *label, const char *value)
{
    (void)fprintf(text->file, "%s%s", text->name, suffix);
    if (label != NULL && value != NULL) {
        (void)fprintf(text->file, "{%s=\"", label);
        put_label_value(text->file, value);
        (void)fputs("\"}", text->file);
    }
    (void)fputc(' ', text->file);
}

static void put_count(struct text *text, const char *label, const char *value, uint64_t count)
{
    put_series(text, "", label, value);
    (void)fprintf(text->file, "%" PRIu64 "\n", count);
}

/* Seconds, to the nanosecond, without zeros at the end: "0.0025", "60". */
static void format_seconds(int64_t ns, char *out, size_t size)
{
    const uint64_t size_ns = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    const uint64_t rest = size_ns % (uint64_t)WEIR__NS_PER_S;
    int length = snprintf(out, size, "%s%" PRIu64, ns < 0 ? "-" : "", size_ns / (uint64_t)WEIR__NS_PER_S);

    if (rest == 0)
        return;
    length += snprintf(out + length, size - (size_t)length, ".%09" PRIu64, rest);
    while (out[length - 1] == '0')
        out[--length] = '\0';
}

static void put_seconds(struct text *text, const char *suffix, const char *label, const char *value, int64_t ns)
{
    char seconds[32];

    put_series(text, suffix, label, value);
    format_seconds(ns, seconds, sizeof seconds);
    (void)fprintf(text->file, "%s\n", seconds);
}

static void add_counter(struct text *text, const char *name, const char *help, uint64_t count)
{
    begin(text, name, "counter", help);
    put_count(text, NULL, NULL, count);
}

static void add_gauge(struct text *text, const char *name, const char *help, uint64_t count)
{
    begin(text, name, "gauge", help);
    put_count(text, NULL, NULL, count);
}

static void add_seconds(struct text *text, const char *name, const char *help, int64_t ns)
{
    begin(text, name, "gauge", help);
    put_seconds(text, "", NULL, NULL, ns);
}

static void add_jobs(struct text *text, const struct weir_stats *stats, const struct weir__figures *figures)
{
    begin(text, "weir_jobs_total", "counter", "Jobs that ended in this run, by outcome.");
    put_count(text, "outcome", weir_outcome_text(WEIR_OUTCOME_SUCCEEDED), figures->succeeded);
    put_count(text, "outcome", weir_outcome_text(WEIR_OUTCOME_FAILED), figures->failed);
    put_count(text, "outcome", weir_outcome_text(WEIR_OUTCOME_UNKNOWN), figures->unknown);
    put_count(text, "outcome", weir_outcome_text(WEIR_OUTCOME_CANCELLED), stats->outcomes[WEIR_OUTCOME_CANCELLED]);
    add_gauge(text, "weir_jobs_skipped", "Jobs passed over, since an earlier run had done them.", figures->skipped);
    if (figures->total_known)
        add_gauge(text, "weir_jobs_expected", "Jobs that there are, those of earlier runs included.", figures->total);
    add_gauge(text, "weir_jobs_queued", "Jobs that wait to go.", stats->queued);
    add_gauge(text, "weir_jobs_backed_off", "Jobs that wait for the time of their next attempt.", stats->backed_off);
}

static void add_responses(struct text *text, const struct weir_stats *stats)
{
    begin(text, "weir_responses_total", "counter", "Responses, by HTTP status.");
    for (unsigned status = 0; status <= WEIR_HTTP_STATUS_MAX; status++) {
        char code[8];
        if (stats->statuses[status] == 0)
            continue;
        (void)snprintf(code, sizeof code, "%u", status);
        put_count(text, "code", code, stats->statuses[status]);
    }
}

static void add_errors(struct text *text, const struct weir_stats *stats)
{
    begin(text, "weir_errors_total", "counter", "Attempts without a whole response, by reason.");
    for (unsigned error = 0; error < WEIR_ERROR_COUNT; error++)
        if (error != WEIR_ERROR_NONE && error != WEIR_ERROR_STATUS) /* a status is a whole response */
            put_count(text, "code", weir_error_code((enum weir_error)error), stats->errors[error]);
}

static void add_attempts(struct text *text, const struct weir_stats *stats)
{
    add_counter(text, "weir_attempts_total", "Requests sent, each send of a job counted.", stats->attempts);
    add_counter(text, "weir_retries_total", "Requests sent after a job's first, redirects not counted.",
                stats->retries);
    add_counter(text, "weir_refusals_total", "Requests that the server refused for its limits.", stats->refusals);
    add_responses(text, stats);
    add_errors(text, stats);
    add_gauge(text, "weir_in_flight_requests", "Requests in flight.", stats->in_flight);
    add_gauge(text, "weir_peak_in_flight_requests", "Most requests that were in flight at once.",
              stats->peak_in_flight);
    add_counter(text, "weir_connections_opened_total", "Connections opened.", stats->connections);
}

static void add_latency(struct text *text, const struct weir_latency_stats *latency)
{
    static const int64_t bounds_ns[WEIR_LATENCY_BOUND_COUNT] = WEIR_LATENCY_BOUNDS_NS;

    begin(text, "weir_request_duration_seconds", "histogram",
          "From a request's send to the end of its response, over the jobs that succeeded.");
    for (size_t i = 0; i < WEIR_LATENCY_BOUND_COUNT; i++) {
        char bound[32];
        format_seconds(bounds_ns[i], bound, sizeof bound);
        put_series(text, "_bucket", "le", bound);
        (void)fprintf(text->file, "%" PRIu64 "\n", latency->at_most[i]);
    }
    put_series(text, "_bucket", "le", "+Inf");
    (void)fprintf(text->file, "%" PRIu64 "\n", latency->count);
    put_seconds(text, "_sum", NULL, NULL, latency->sum_ns);
    put_series(text, "_count", NULL, NULL);
    (void)fprintf(text->file, "%" PRIu64 "\n", latency->count);
}

#define LIMIT_LABEL_SIZE (sizeof((struct weir_limit_stats *)0)->name + 8)

/* The limit's name; a second one of that name gets " (2)", since no two series may be alike. */
static const char *limit_label(const struct weir_stats *stats, size_t limit, char *out)
{
    unsigned same = 1;

    for (size_t i = 0; i < limit; i++)
        same += strcmp(stats->limits[i].name, stats->limits[limit].name) == 0;
    if (same == 1)
        (void)snprintf(out, LIMIT_LABEL_SIZE, "%s", stats->limits[limit].name);
    else
        (void)snprintf(out, LIMIT_LABEL_SIZE, "%s (%u)", stats->limits[limit].name, same);
    return out;
}

/* One metric over the limits from `first` on: 1 leaves the one of concurrency out. */
static void add_limit_counts(struct text *text, const struct weir_stats *stats, size_t first,
                             uint64_t (*count)(const struct weir_limit_stats *limit))
{
    char label[LIMIT_LABEL_SIZE];

    for (size_t i = first; i < stats->limit_count; i++)
        put_count(text, "limit", limit_label(stats, i, label), count(&stats->limits[i]));
}

static void add_limit_seconds(struct text *text, const struct weir_stats *stats,
                              int64_t (*ns)(const struct weir_limit_stats *limit))
{
    char label[LIMIT_LABEL_SIZE];

    for (size_t i = 0; i < stats->limit_count; i++)
        put_seconds(text, "", "limit", limit_label(stats, i, label), ns(&stats->limits[i]));
}

static uint64_t permits_of(const struct weir_limit_stats *limit)
{
    return limit->permits;
}

static uint64_t waits_of(const struct weir_limit_stats *limit)
{
    return limit->waits;
}

static uint64_t worst_window_of(const struct weir_limit_stats *limit)
{
    return limit->worst_window;
}

static uint64_t uncertain_of(const struct weir_limit_stats *limit)
{
    return limit->uncertain;
}

static int64_t hold_of(const struct weir_limit_stats *limit)
{
    return limit->hold_ns;
}

static int64_t wait_of(const struct weir_limit_stats *limit)
{
    return limit->wait_ns;
}

static void add_limits(struct text *text, const struct weir_stats *stats)
{
    begin(text, "weir_limit_permits", "gauge", "Permits of a limit.");
    add_limit_counts(text, stats, 0, permits_of);
    begin(text, "weir_limit_hold_seconds", "gauge", "How long a permit is held after the response.");
    add_limit_seconds(text, stats, hold_of);
    begin(text, "weir_limit_waits_total", "counter", "Jobs that had to wait for a limit as the next to go.");
    add_limit_counts(text, stats, 0, waits_of);
    begin(text, "weir_limit_wait_seconds_total", "counter", "How long they waited, a wait counted when it ends.");
    add_limit_seconds(text, stats, wait_of);
    begin(text, "weir_limit_worst_window_requests", "gauge",
          "Most requests that any window as long as the limit's period can have held at the server.");
    add_limit_counts(text, stats, 1, worst_window_of);
    begin(text, "weir_limit_uncertain_requests_total", "counter",
          "Requests without a response, which may have reached the server later.");
    add_limit_counts(text, stats, 1, uncertain_of);
}

static void add_times(struct text *text, const struct weir_stats *stats)
{
    const struct {
        const char *state;
        int64_t ns;
    } parts[] = {
        {"sending", stats->time.sending_ns},     {"permit_wait", stats->time.permit_wait_ns},
        {"pace_wait", stats->time.pace_wait_ns}, {"paused", stats->time.paused_ns},
        {"backoff", stats->time.backoff_ns},     {"idle", stats->time.idle_ns},
    };

    add_gauge(text, "weir_workers", "Workers started: threads, or places in event loops.", stats->workers);
    begin(text, "weir_worker_time_seconds_total", "counter", "Where the workers' time went.");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        put_seconds(text, "", "state", parts[i].state, parts[i].ns);
    add_counter(text, "weir_pauses_total", "Stops of all sending that the server asked for.", stats->pause.count);
    add_seconds(text, "weir_pause_seconds", "What is left of the pause in force; 0 without one.", stats->pause.left_ns);
    add_seconds(text, "weir_longest_pause_seconds", "The longest pause.", stats->pause.longest_ns);
    add_seconds(text, "weir_run_elapsed_seconds", "How long the run has lasted.", stats->elapsed_ns);
}

char *weir__metrics_format(const struct weir_stats *stats, const struct weir__figures *figures, size_t *size)
{
    char *bytes = NULL;
    size_t length = 0;
    struct text text = {open_memstream(&bytes, &length), NULL};
    bool failed;

    if (text.file == NULL)
        return NULL;
    begin(&text, "weir_build_info", "gauge", "The version, as a label.");
    put_count(&text, "version", weir_version(), 1);
    add_jobs(&text, stats, figures);
    add_attempts(&text, stats);
    add_latency(&text, &stats->latency);
    add_limits(&text, stats);
    add_times(&text, stats);
    failed = ferror(text.file) != 0;
    if (fclose(text.file) != 0 || failed) {
        free(bytes);
        return NULL;
    }
    if (size != NULL)
        *size = length;
    return bytes;
}
