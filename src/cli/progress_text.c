/*
 * progress_text - the lines of progress.h as texts.
 *
 * A line is made of parts, which are shown in one order and left out in another.  No clock, no terminal.
 */
#include "cli/progress.h"

#include "base/clock.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PART_SIZE 160u
/* By width alone, so that the bar does not jump with the figures beside it. */
#define BAR_CELLS_WIDE 20u
#define BAR_CELLS 10u
#define BAR_COLUMNS_WIDE 100u
#define BAR_COLUMNS_MIN 72u

/* The estimate follows what is measured with this time constant. */
#define SMOOTH_S 2.0

/* In the order shown. */
enum part { BAR, COUNT, STATE, REASON, RESULTS, FLIGHT, BACKOFF, SKIPPED, HELD, LEFT, PARTS };

/* In the order of what matters: where a part does not fit, the later ones may. */
static const enum part by_weight[] = {COUNT, STATE, RESULTS, LEFT, BAR, REASON, HELD, FLIGHT, BACKOFF, SKIPPED};

struct line {
    char parts[PARTS][PART_SIZE]; /* "": there is nothing to say */
    bool shown[PARTS];
};

/* "12 s", "3 min 05 s", "2 h 05 min": coarser the longer it is, so that it can be read while it changes. */
static void format_time(double seconds, char *out, size_t size)
{
    const double most = 1e9; /* 30 years */
    const double kept = seconds < 0 ? 0 : seconds > most ? most : seconds;
    const int64_t s = kept > 0 && kept < 0.5 ? 1 : (int64_t)(kept + 0.5); /* 0 is for what is over */

    if (s < 60)
        (void)snprintf(out, size, "%" PRId64 " s", s);
    else if (s < 600)
        (void)snprintf(out, size, "%" PRId64 " min %02d s", s / 60, (int)(s % 60));
    else if (s < 3600)
        (void)snprintf(out, size, "%" PRId64 " min", s / 60);
    else if (s < 48 * 3600)
        (void)snprintf(out, size, "%" PRId64 " h %02d min", s / 3600, (int)(s / 60 % 60));
    else
        (void)snprintf(out, size, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
}

static double share_done(const struct weir__figures *figures)
{
    if (figures->done >= figures->total)
        return 1;
    return (double)figures->done / (double)figures->total;
}

static void format_bar(const struct weir__figures *figures, size_t cells, char *out)
{
    const size_t full = (size_t)(share_done(figures) * (double)cells);

    out[0] = '[';
    memset(out + 1, '#', full);
    memset(out + 1 + full, '.', cells - full);
    memcpy(out + 1 + cells, "]", 2);
}

/* What the run does now: it sends at some rate, or it is paused. */
static void format_state(const struct weir_stats *stats, const struct weir__progress_pace *pace, struct line *line)
{
    char time[32], reason[PART_SIZE - 3];

    if (stats->pause.left_ns > 0) {
        format_time((double)stats->pause.left_ns / 1e9, time, sizeof time);
        (void)snprintf(line->parts[STATE], PART_SIZE, "paused by server %s", time);
        if (stats->pause.reason[0] != '\0')
            (void)snprintf(line->parts[REASON], PART_SIZE, "(%s)",
                           weir__say_escape(stats->pause.reason, reason, sizeof reason));
    } else if (pace->rate >= 0) {
        (void)snprintf(line->parts[STATE], PART_SIZE, "%.1f/s", pace->rate);
    }
}

/* `all`: a figure of 0 too, so that a log's lines are alike. */
static void format_results(const struct weir_stats *stats, const struct weir__figures *figures, bool all, char *out)
{
    const struct {
        const char *name;
        uint64_t count;
        bool always;
    } rest[] = {
        {"failed", figures->failed, all}, {"unknown", figures->unknown, false}, {"429", stats->statuses[429], all}};
    int used = snprintf(out, PART_SIZE, "%" PRIu64 " ok", figures->succeeded);

    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (rest[i].always || rest[i].count > 0)
            used += snprintf(out + used, PART_SIZE - (size_t)used, ", %" PRIu64 " %s", rest[i].count, rest[i].name);
}

static void format_count(const struct weir__figures *figures, char *out)
{
    (void)snprintf(out, PART_SIZE, "%" PRIu64 "/%" PRIu64 "%s", figures->done, figures->total,
                   figures->total_known ? "" : " read");
}

static void fill(const struct weir_stats *stats, const struct weir__figures *figures,
                 const struct weir__progress_pace *pace, bool all, struct line *out)
{
    const bool paused = stats->pause.left_ns > 0;
    char time[32];

    memset(out, 0, sizeof *out);
    format_count(figures, out->parts[COUNT]);
    format_state(stats, pace, out);
    format_results(stats, figures, all, out->parts[RESULTS]);
    (void)snprintf(out->parts[FLIGHT], PART_SIZE, "%" PRIu32 " in flight", stats->in_flight);
    if (stats->backed_off > 0)
        (void)snprintf(out->parts[BACKOFF], PART_SIZE, "%" PRIu32 " in backoff", stats->backed_off);
    if (figures->skipped > 0)
        (void)snprintf(out->parts[SKIPPED], PART_SIZE, "%" PRIu64 " skipped", figures->skipped);
    if (!paused && pace->held_by != NULL)
        (void)snprintf(out->parts[HELD], PART_SIZE, "at %s", pace->held_by);
    if (!paused && pace->left_s >= 0) {
        format_time(pace->left_s, time, sizeof time);
        (void)snprintf(out->parts[LEFT], PART_SIZE, "%s left", time);
    }
}

/* What stands before a part, unless it is the first. */
static const char *gap_of(enum part part)
{
    return part == COUNT || part == REASON ? " " : "  ";
}

/* Marks what fits. */
static void choose(struct line *line, size_t columns)
{
    size_t used = 0;

    for (size_t i = 0; i < sizeof by_weight / sizeof by_weight[0]; i++) {
        const enum part part = by_weight[i];
        /* the bar comes before the count, and brings the count's gap */
        const size_t gap = part == COUNT ? 0 : strlen(gap_of(part == BAR ? COUNT : part));
        const size_t length = strlen(line->parts[part]);

        if (length == 0 || (part != COUNT && !line->shown[COUNT]) || (part == REASON && !line->shown[STATE]) ||
            gap + length > columns - used)
            continue;
        line->shown[part] = true;
        used += gap + length;
    }
}

void weir__progress_format(const struct weir_stats *stats, const struct weir__figures *figures,
                           const struct weir__progress_pace *pace, size_t columns, char *out, size_t size)
{
    struct line line;
    char percent[8];
    size_t used = 0;

    if (columns >= size)
        columns = size - 1;
    fill(stats, figures, pace, false, &line);
    if (figures->total_known && columns >= BAR_COLUMNS_MIN)
        format_bar(figures, columns >= BAR_COLUMNS_WIDE ? BAR_CELLS_WIDE : BAR_CELLS, line.parts[BAR]);
    choose(&line, columns);
    out[0] = '\0';
    for (enum part part = 0; part < PARTS; part++)
        if (line.shown[part])
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? gap_of(part) : "", line.parts[part]);
    if (used > 0 || !figures->total_known)
        return;
    (void)snprintf(percent, sizeof percent, "%d%%", (int)(share_done(figures) * 100));
    if (strlen(percent) <= columns)
        (void)snprintf(out, size, "%s", percent);
}

void weir__progress_format_plain(const struct weir_stats *stats, const struct weir__figures *figures,
                                 const struct weir__progress_pace *pace, char *out, size_t size)
{
    struct line line;
    size_t used = (size_t)snprintf(out, size, "progress: ");
    bool any = false;

    fill(stats, figures, pace, true, &line);
    for (enum part part = 0; part < PARTS && used < size; part++) {
        if (line.parts[part][0] == '\0')
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 !any             ? ""
                                 : part == REASON ? " "
                                                  : ", ",
                                 line.parts[part]);
        any = true;
    }
}

/*
 * The mean of the run is the steadiest pace there is; it is taken at the moment of the newest end, or it would grow
 * between two of them and fall with each.  Since then at most one job's worth can have been done unseen.
 */
double weir__progress_estimate(struct weir__progress_eta *eta, int64_t elapsed_ns, uint64_t done, uint64_t left)
{
    const double now_s = (double)elapsed_ns / 1e9;
    double pace_s, since_s, end_s, passed_s;

    if (done == 0 || left == 0 || elapsed_ns < WEIR__NS_PER_S)
        return -1;
    if (done != eta->done) {
        eta->done = done;
        eta->done_ns = elapsed_ns;
    }
    pace_s = (double)eta->done_ns / 1e9 / (double)done;
    since_s = (double)(elapsed_ns - eta->done_ns) / 1e9;
    end_s = now_s + pace_s * (double)left - (since_s < pace_s ? since_s : pace_s);
    passed_s = (double)(elapsed_ns - eta->looked_ns) / 1e9;
    if (eta->looked_ns == 0)
        eta->end_s = end_s;
    else
        eta->end_s += passed_s / (passed_s + SMOOTH_S) * (end_s - eta->end_s);
    eta->looked_ns = elapsed_ns;
    return eta->end_s > now_s ? eta->end_s - now_s : 0;
}
