/*
 * report_run_page - the page of a run: what it says, its figures, what happened over time, and what a results file
 * cannot say.
 */
#include "cli/report_parts.h"

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/report_axis.h"
#include "cli/report_chart.h"
#include "cli/report_run.h"
#include "cli/report_words_run.h"
#include "cli/say.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIGURE_SIZE WEIR__REPORT_FIGURE_SIZE
#define PART_MIN 0.125   /* of a slice; a lesser part is no measure of anything */
#define CURVE_STEPS 16.0 /* points for each power of ten */

struct run_page {
    struct weir__report_page page;
    const struct weir__report_run *run;
    struct weir__bench_slice slices[WEIR__REPORT_SLICES_MAX];
    double in_flight[WEIR__REPORT_SLICES_MAX];
    struct weir__report_strip strip;
    struct weir__report_scale scale;
};

/* ----------------------------------------------------------------------------------------------------- figures and
 * tables
 */

static void put_tile(struct weir__report_page *page, const char *name, const char *value)
{
    weir__report_page_putf(page, "<div><dt>%s</dt><dd>", name);
    weir__report_page_text(page, value);
    weir__report_page_put(page, "</dd></div>\n");
}

static double quantile_ms(const struct weir__histogram *histogram, double q)
{
    return histogram->count == 0 ? (double)NAN : (double)weir__histogram_quantile(histogram, q) / 1e6;
}

static void put_tiles(struct run_page *p)
{
    const struct weir__report_run *run = p->run;
    const double elapsed_s = (double)(run->last_ns - run->first_ns) / 1e9;
    struct weir__report_page *page = &p->page;
    char text[FIGURE_SIZE];
    double peak = 0;

    for (size_t i = 0; i < run->slices.count; i++)
        peak = fmax(peak, p->in_flight[i]);
    weir__report_page_put(page, "<dl class=\"tiles\">\n");
    put_tile(page, "Jobs that ended", weir__report_axis_say_count((double)run->results, text));
    put_tile(page, "Succeeded",
             weir__report_axis_say_share((double)run->outcomes[WEIR_OUTCOME_SUCCEEDED] / (double)run->results, text));
    put_tile(page, "Jobs a second",
             weir__report_axis_say_count(elapsed_s > 0 ? (double)(run->results - run->unsent) / elapsed_s : (double)NAN,
                                         text));
    put_tile(page, "p50 to first byte", weir__report_axis_say_ms(quantile_ms(&run->ttfb, 0.5), text));
    put_tile(page, "p99 to first byte", weir__report_axis_say_ms(quantile_ms(&run->ttfb, 0.99), text));
    put_tile(page, "Most in flight", weir__report_axis_say_count(ceil(peak - 0.05), text));
    weir__report_page_put(page, "</dl>\n");
}

static const struct {
    const char *name;
    size_t offset;
} times[] = {
    {"send to first byte", offsetof(struct weir__report_run, ttfb)},
    {"send to end", offsetof(struct weir__report_run, sent)},
    {"wait in the queue", offsetof(struct weir__report_run, queue)},
    {"wait for permits", offsetof(struct weir__report_run, permit)},
    {"acceptance to end", offsetof(struct weir__report_run, whole)},
};

#define TIME_COUNT (sizeof times / sizeof times[0])

static const struct weir__histogram *time_of(const struct weir__report_run *run, size_t i)
{
    return (const struct weir__histogram *)(const void *)((const char *)run + times[i].offset);
}

static void put_time_table(struct run_page *p)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 1};
    struct weir__report_page *page = &p->page;
    char text[FIGURE_SIZE];

    weir__report_page_put(page,
                          "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Times\"><table>\n<thead>"
                          "<tr><th scope=\"col\"></th><th scope=\"col\">jobs</th><th scope=\"col\">mean</th>"
                          "<th scope=\"col\">p50</th><th scope=\"col\">p90</th><th scope=\"col\">p99</th>"
                          "<th scope=\"col\">p99.9</th><th scope=\"col\">longest</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < TIME_COUNT; i++) {
        const struct weir__histogram *each = time_of(p->run, i);
        const double mean_ms = each->count == 0 ? (double)NAN : (double)weir__histogram_mean(each) / 1e6;
        weir__report_page_putf(page, "<tr><th scope=\"row\">%s</th><td>%s</td>", times[i].name,
                               weir__report_axis_say_count((double)each->count, text));
        weir__report_page_putf(page, "<td>%s</td>", weir__report_axis_say_ms(mean_ms, text));
        for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++)
            weir__report_page_putf(page, "<td>%s</td>",
                                   weir__report_axis_say_ms(quantile_ms(each, quantiles[q]), text));
        weir__report_page_put(page, "</tr>\n");
    }
    weir__report_page_put(page, "</tbody></table></div>\n");
}

static void put_count_row(struct weir__report_page *page, const char *name, uint64_t count, uint64_t all, bool warn)
{
    char number[FIGURE_SIZE], share[FIGURE_SIZE];

    weir__report_page_put(page, "<tr><th scope=\"row\">");
    weir__report_page_text(page, name);
    weir__report_page_putf(page, "</th><td%s>%s</td><td>%s</td></tr>\n", warn ? " class=\"warn\"" : "",
                           weir__report_axis_say_count((double)count, number),
                           weir__report_axis_say_share((double)count / (double)all, share));
}

static void begin_counts(struct weir__report_page *page, const char *what)
{
    weir__report_page_putf(page,
                           "<div><h3>%s</h3><table><thead><tr><th scope=\"col\"></th><th scope=\"col\">jobs</th>"
                           "<th scope=\"col\">share</th></tr></thead><tbody>\n",
                           what);
}

static void end_counts(struct weir__report_page *page)
{
    weir__report_page_put(page, "</tbody></table></div>\n");
}

static void put_counts(struct run_page *p)
{
    const struct weir__report_run *run = p->run;
    struct weir__report_page *page = &p->page;
    char name[FIGURE_SIZE];

    weir__report_page_put(page, "<div class=\"grid\">\n");
    begin_counts(page, "Outcomes");
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        if (run->outcomes[i] > 0)
            put_count_row(page, weir_outcome_text((enum weir_outcome)i), run->outcomes[i], run->results,
                          i != WEIR_OUTCOME_SUCCEEDED);
    end_counts(page);
    begin_counts(page, "Last status");
    for (unsigned i = 1; i <= WEIR_HTTP_STATUS_MAX; i++) {
        if (run->statuses[i] == 0)
            continue;
        (void)snprintf(name, sizeof name, "%u", i);
        put_count_row(page, name, run->statuses[i], run->results, i >= 400);
    }
    if (run->results > run->unsent && run->statuses[0] > 0)
        put_count_row(page, "no response", run->statuses[0], run->results, true);
    if (run->unsent > 0)
        put_count_row(page, "never sent", run->unsent, run->results, true);
    end_counts(page);
    begin_counts(page, "Errors");
    for (size_t i = 0; i < run->code_count; i++)
        put_count_row(page, run->codes[i].code, run->codes[i].count, run->results, true);
    if (run->code_count == 0)
        weir__report_page_put(page, "<tr><td class=\"text\" colspan=\"3\">none</td></tr>\n");
    end_counts(page);
    weir__report_page_put(page, "</div>\n");
}

/* ------------------------------------------------------------------------------------------------------------ over
 * time
 */

/* Of the first and the last slice the run takes up a part alone, on which their averages are to be. */
static void trim(struct run_page *p)
{
    const struct weir__report_run *run = p->run;
    const size_t count = run->slices.count;
    const double width_s = (double)run->slices.width_ns / 1e9, end_s = (double)(run->last_ns - run->first_ns) / 1e9;

    if (count < 2)
        return;
    if (p->slices[0].t_s > width_s * PART_MIN)
        p->in_flight[0] *= fmax(width_s / p->slices[0].t_s, 1);
    if (end_s - p->slices[count - 2].t_s < width_s * PART_MIN || end_s >= p->slices[count - 1].t_s)
        return;
    p->slices[count - 1].t_s = end_s;
    p->in_flight[count - 1] *= width_s / (end_s - p->slices[count - 2].t_s);
}

/* The run's slices as a benchmark has them. */
static void prepare(struct run_page *p)
{
    const struct weir__report_run *run = p->run;
    const struct weir__report_slices *slices = &run->slices;

    if (slices->count > 0)
        weir__report_slices_in_flight(slices, p->in_flight);
    for (size_t i = 0; i < slices->count; i++) {
        const struct weir__report_slice *from = &slices->slices[i];
        struct weir__bench_slice *to = &p->slices[i];
        *to = (struct weir__bench_slice){.t_s = weir__report_run_begin_s(run, i + 1),
                                         .ended = from->ended,
                                         .p50_ms = (double)NAN,
                                         .p99_ms = (double)NAN,
                                         .refused = from->refused};
        memcpy(to->statuses, from->statuses, sizeof to->statuses);
        if (from->latency == NULL)
            continue;
        to->p50_ms = quantile_ms(from->latency, 0.5);
        to->p99_ms = quantile_ms(from->latency, 0.99);
    }
    trim(p);
    p->strip = (struct weir__report_strip){.name = "the run",
                                           .colour = WEIR__REPORT_S0,
                                           .slices = p->slices,
                                           .count = slices->count,
                                           .in_flight = p->in_flight,
                                           .pauses = run->shades,
                                           .pause_count = run->shade_count,
                                           .rules = run->runs_s,
                                           .rule_count = run->run_count};
    weir__report_chart_widen(&p->scale, &p->strip);
}

static const struct weir__report_stack outcomes[] = {
    {"succeeded", WEIR__REPORT_GOOD},
    {"failed", WEIR__REPORT_WORSE},
    {"unknown", WEIR__REPORT_REFUSED},
    {"cancelled", WEIR__REPORT_NONE},
};

static double outcome_amount(const void *context, size_t slice, size_t layer)
{
    return (double)((const struct weir__report_slices *)context)->slices[slice].outcomes[layer];
}

static const struct weir__report_stack repeats[] = {{"sent again", WEIR__REPORT_REFUSED}};

static double again_amount(const void *context, size_t slice, size_t layer)
{
    (void)layer;
    return (double)((const struct weir__report_slices *)context)->slices[slice].again;
}

static void put_repeats(struct run_page *p)
{
    double most = 0;

    for (size_t i = 0; i < p->run->slices.count; i++) {
        const double width = (double)p->run->slices.width_ns / 1e9;
        most = fmax(most, (double)p->run->slices.slices[i].again / width);
    }
    if (most > 0)
        weir__report_chart_stack(&p->page, "Retries: sends that were not the first of their job, a second", &p->strip,
                                 p->scale.to_s, most * 1.05, repeats, 1, again_amount, &p->run->slices);
}

static void put_over_time(struct run_page *p)
{
    const struct weir__report_run *run = p->run;
    struct weir__report_page *page = &p->page;
    char width[FIGURE_SIZE];
    bool shown[WEIR_OUTCOME_COUNT];

    for (size_t i = 0; i < WEIR_OUTCOME_COUNT; i++)
        shown[i] = run->outcomes[i] > 0;
    weir__report_page_put(page, "<section id=\"time\">\n<h2>Over time</h2>\n<p class=\"caption\">In slices of ");
    weir__report_page_text(page, weir__report_axis_say_ms((double)run->slices.width_ns / 1e6, width));
    weir__report_page_put(page, ", from a job's last send until its end.");
    if (run->shade_count > 0)
        weir__report_page_put(page, " Shaded: nothing was sent, between a send that was refused or failed and its "
                                    "repetition. The file does not note pauses; this is what its lines let conclude.");
    else
        weir__report_page_put(page, " Nothing is shaded: at no time did all sending wait for a send to be repeated.");
    if (run->run_count > 0)
        weir__report_page_put(page, " Dashed: the run was resumed; the time before that is left out.");
    weir__report_page_put(page, "</p>\n<div class=\"grid wide\">\n");
    weir__report_chart_throughput(page, &p->strip, &p->scale);
    weir__report_chart_in_flight(page, &p->strip, &p->scale);
    weir__report_chart_latency(page, &p->strip, &p->scale);
    put_repeats(p);
    weir__report_page_put(page, "<div>");
    weir__report_chart_statuses(page, &p->strip, &p->scale);
    weir__report_chart_status_legend(page, &p->strip, 1);
    weir__report_page_put(page, "</div>\n<div>");
    weir__report_chart_stack(page, "Outcomes, jobs/s", &p->strip, p->scale.to_s, p->scale.rate, outcomes,
                             sizeof outcomes / sizeof outcomes[0], outcome_amount, &run->slices);
    weir__report_chart_legend(page, outcomes, shown, WEIR_OUTCOME_COUNT);
    weir__report_page_put(page, "</div>\n</div>\n</section>\n");
}

/* --------------------------------------------------------------------------------------------------------- percentiles
 */

static size_t make_curve(const struct weir__histogram *histogram, struct weir__bench_point *points)
{
    size_t count = 0;

    if (histogram->count == 0)
        return 0;
    for (double rest = 1; 1 / rest < (double)histogram->count && count + 1 < WEIR__BENCH_CURVE_MAX;
         rest /= pow(10, 1 / CURVE_STEPS))
        points[count++] = (struct weir__bench_point){1 - rest, quantile_ms(histogram, 1 - rest)};
    points[count++] = (struct weir__bench_point){1, (double)histogram->max_ns / 1e6};
    return count;
}

static void put_curves(struct run_page *p, const char *caption, const char *about, const size_t *which, size_t count)
{
    struct weir__bench_point points[TIME_COUNT][WEIR__BENCH_CURVE_MAX] = {{{0, 0}}};
    struct weir__report_curve curves[TIME_COUNT];

    for (size_t i = 0; i < count; i++) {
        const struct weir__histogram *each = time_of(p->run, which[i]);
        curves[i] = (struct weir__report_curve){times[which[i]].name,
                                                (enum weir__report_colour)(WEIR__REPORT_S0 + i),
                                                (unsigned)i,
                                                points[i],
                                                make_curve(each, points[i]),
                                                (double)each->count};
    }
    weir__report_chart_curves(&p->page, caption, about, curves, count);
}

static void put_times(struct run_page *p)
{
    static const size_t latencies[] = {0, 1}, waits[] = {2, 3, 4};

    weir__report_page_put(&p->page, "<section id=\"times\">\n<h2>How long it took</h2>\n");
    put_time_table(p);
    weir__report_page_put(&p->page, "<div class=\"grid wide\">\n");
    put_curves(p, "Latency by percentile", "of a job's last send", latencies, 2);
    put_curves(p, "Waits by percentile", "of a job, all its sends together", waits, 3);
    weir__report_page_put(&p->page, "</div>\n</section>\n");
}

/* -------------------------------------------------------------------------------------------------------------- the
 * page
 */

static void put_header(struct run_page *p)
{
    const struct weir__report_run *run = p->run;
    struct weir__report_page *page = &p->page;
    const char *slash = strrchr(run->name, '/');
    char number[FIGURE_SIZE], at[40];

    weir__report_page_putf(
        page, "<header><h1>A run of %s job%s</h1>\n<p class=\"meta\">",
        weir__report_axis_say_count((double)(run->jobs > run->results ? run->jobs : run->results), number),
        run->results == 1 && run->jobs <= 1 ? "" : "s");
    weir__report_page_text(page, slash != NULL ? slash + 1 : run->name);
    if (run->started_ns > 0) {
        weir__clock_format(run->started_ns, at, sizeof at);
        weir__report_page_say(page, ", begun %s", at);
    }
    weir__report_page_put(page, "</p></header>\n");
}

static void put_method(struct run_page *p)
{
    struct weir__report_page *page = &p->page;

    weir__report_page_put(page, "<section id=\"method\">\n<h2>How it was read</h2>\n<dl class=\"facts\">\n");
    weir__report_bench_fact(page, "Source",
                            p->run->journal ? "a journal: results, and notes between them"
                                            : "results alone, without a journal's notes");
    weir__report_bench_fact(page, "First byte", "from a job's last send to the first byte of the response");
    weir__report_bench_fact(page, "End",
                            "known of jobs with one send; of others the time to the first byte stands for it");
    weir__report_bench_fact(page, "In flight", "the average of a slice of time, without sends that had to be repeated");
    weir__report_bench_fact(page, "Statuses", "of a job's last response");
    weir__report_bench_fact(page, "Precision", "moments to a millisecond, percentiles to a sixty-fourth");
    weir__report_page_put(page, "</dl>\n</section>\n");
}

int weir__report_run_write(const struct weir__report_run *run, const char *command, const char *file)
{
    struct run_page *p = calloc(1, sizeof *p);
    struct weir__report_words words = {.items = NULL};
    int code = WEIR__EXIT_USAGE;

    if (p == NULL || !weir__report_page_open(&p->page, "weir: a run")) {
        weir__say("weir %s: out of memory", command);
        free(p);
        return code;
    }
    p->run = run;
    prepare(p);
    weir__report_words_run(&words, run);
    p->page.failed |= words.failed;
    put_header(p);
    weir__report_page_put(&p->page, "<section class=\"reading\"><h2>What it says</h2>\n");
    weir__report_bench_words(&p->page, &words, SIZE_MAX, true);
    weir__report_page_put(&p->page, "</section>\n<section id=\"figures\">\n");
    put_tiles(p);
    put_counts(p);
    weir__report_page_put(&p->page, "</section>\n");
    if (run->slices.count > 0) {
        put_over_time(p);
        put_times(p);
    }
    put_method(p);
    code = weir__report_page_finish(&p->page, command, file);
    weir__report_words_clear(&words);
    weir__report_page_close(&p->page);
    free(p);
    return code;
}
