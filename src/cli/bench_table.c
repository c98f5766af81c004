/* bench_table - see bench_table.h; the lines of CSV are in bench_csv.c */
#include "cli/bench_table.h"

#include "base/clock.h"
#include "base/units.h"
#include "cli/say.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define TEXT_SIZE 64u
#define NAME_MAX 24 /* columns of a name; a longer one is cut */

/* Three digits that say something; "-" where nothing is known. */
static const char *number(double value, char *text)
{
    if (isnan(value))
        return "-";
    (void)snprintf(text, TEXT_SIZE, "%.*f", value >= 99.95 || value <= 0 ? 0 : value >= 9.995 ? 1 : 2, value);
    return text;
}

static const char *count(double value, char *text)
{
    if (isnan(value))
        return "-";
    (void)snprintf(text, TEXT_SIZE, "%.0f", value);
    return text;
}

/* "612 (598-640)" */
static const char *spread(const struct weir__bench_subject *subject, char *text)
{
    char median[TEXT_SIZE], least[TEXT_SIZE], most[TEXT_SIZE];
    char joined[3 * TEXT_SIZE + 8];

    if (isnan(subject->median.rate_per_s))
        return "-";
    (void)snprintf(joined, sizeof joined, "%s (%s-%s)", number(subject->median.rate_per_s, median),
                   number(subject->least.rate_per_s, least), number(subject->most.rate_per_s, most));
    (void)snprintf(text, TEXT_SIZE, "%.63s", joined);
    return text;
}

/* Whether a figure of this subject cannot be taken by itself. */
static bool is_marked(const struct weir__bench_subject *subject)
{
    return subject->median.failed || subject->most.refused > 0 || subject->most.failures > 0;
}

static double switches(const struct weir__bench_figures *figures)
{
    return (figures->switches_voluntary + figures->switches_involuntary) / figures->requests;
}

static void print_subject(const struct weir__bench_subject *subject, int width, bool limited, FILE *out)
{
    const struct weir__bench_figures *median = &subject->median;
    char name[4 * 64 + 1], text[12][TEXT_SIZE];

    (void)weir__say_escape(subject->name, name, sizeof name);
    (void)fprintf(out, "%c %-*.*s", is_marked(subject) ? '!' : ' ', width, width, name);
    if (subject->skipped != NULL) {
        (void)fprintf(out, "  skipped: %s\n", subject->skipped);
        return;
    }
    (void)fprintf(out, "  %-24s %6s %6s %6s %8s %6s", spread(subject, text[0]), count(median->refused, text[1]),
                  count(median->failures, text[2]), number(median->cpu_us, text[3]), number(switches(median), text[4]),
                  number(median->max_rss_bytes / 1e6, text[5]));
    for (size_t i = 0; i < 4; i++)
        (void)fprintf(out, " %6s", number(median->latency_ms[i], text[6 + i]));
    if (limited)
        (void)fprintf(out, isnan(median->quota) ? "      -" : " %5.1f%%", median->quota * 100);
    (void)fputc('\n', out);
}

/* "{}" has no errors in it. */
static bool has_errors(const struct weir__bench_subject *subject)
{
    return subject->errors != NULL && strchr(subject->errors, ':') != NULL;
}

/* What a mark stands for: a figure of requests that were refused or failed is no success, however fast it was. */
static void explain(const struct weir__bench_subject *subject, FILE *out)
{
    const struct weir__bench_figures *median = &subject->median, *most = &subject->most;
    char name[4 * 64 + 1], text[TEXT_SIZE];
    size_t failed = 0, measured = 0;

    (void)weir__say_escape(subject->name, name, sizeof name);
    for (size_t i = 0; i < subject->round_count; i++) {
        measured += subject->rounds[i].round > 0;
        failed += subject->rounds[i].round > 0 && subject->rounds[i].failed;
    }
    if (failed > 0)
        (void)fprintf(out, "  ! %s: %zu of %zu rounds failed\n", name, failed, measured);
    if (most->refused > 0)
        (void)fprintf(out, "  ! %s: up to %s refused (429) a round: its speed is not all success\n", name,
                      count(most->refused, text));
    if (most->failures > 0)
        (void)fprintf(out, "  ! %s: up to %s failed a round: its speed is not all success\n", name,
                      count(most->failures, text));
    if (has_errors(subject))
        (void)fprintf(out, "  ! %s: errors of all rounds: %s\n", name, subject->errors);
    if (strcmp(subject->kind, "peer") == 0 && subject->skipped == NULL && failed < measured && isnan(median->requests))
        (void)fprintf(out, "    %s: a peer's requests are counted by the built-in target alone\n", name);
}

static void print_cell(const struct weir__bench_results *results, const struct weir__bench_cell *cell, FILE *out)
{
    bool limited = false;
    int width = 7;
    char latency[TEXT_SIZE] = "";

    for (size_t i = 0; i < cell->subject_count; i++) {
        const int length = (int)strlen(cell->subjects[i].name);
        width = length > width ? length : width;
        limited = limited || !isnan(cell->subjects[i].median.quota);
    }
    width = width > NAME_MAX ? NAME_MAX : width;
    if (!isnan(cell->target_latency_ms))
        (void)snprintf(latency, sizeof latency, ", the target takes %g ms", cell->target_latency_ms);
    (void)fprintf(out, "\n%" PRIu32 " in flight%s: %" PRIu64 " requests a round, medians of %" PRIu32 " round%s\n\n",
                  cell->concurrency, latency, cell->total, results->rounds, results->rounds == 1 ? "" : "s");
    (void)fprintf(out, "  %-*s  %-24s %6s %6s %6s %8s %6s %6s %6s %6s %6s%s\n", width, "", "ok/s (least-most)", "429",
                  "failed", "CPU us", "switches", "MB", "p50", "p90", "p99", "p99.9", limited ? "  quota" : "");
    for (size_t i = 0; i < cell->subject_count; i++)
        print_subject(&cell->subjects[i], width, limited, out);
    for (size_t i = 0; i < cell->subject_count; i++)
        explain(&cell->subjects[i], out);
}

void weir__bench_table_print(const struct weir__bench_results *results, FILE *out)
{
    char shown[512];

    (void)fprintf(out, "%s\n", results->machine);
    (void)fprintf(out, "target: %s%s%s\n",
                  results->built_in ? "weir serve, a process of its own"
                                    : weir__say_escape(results->url, shown, sizeof shown),
                  results->limit == NULL ? "" : ", which allows ", results->limit == NULL ? "" : results->limit);
    if (results->rates != NULL)
        (void)fprintf(out, "threads and async keep to %s\n", results->rates);
    for (size_t i = 0; i < results->cell_count; i++)
        print_cell(results, &results->cells[i], out);
    (void)fprintf(out,
                  "\nCPU and switches are of one request, MB of the process at its largest; latencies are ms%s,\n"
                  "of what succeeded.\n",
                  results->intended ? " from when a request was to be sent" : " from the send");
    if (results->limit != NULL)
        (void)fprintf(
            out, "The quota is what the limit allows in the time that a round took, and at least in one period.\n");
}
