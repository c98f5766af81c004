/*
 * report_bench_plots - the plots of a benchmark's cell: bars, percentiles, rounds, and what happened over time.
 */
#include "cli/report_bench_parts.h"

#include "cli/report_chart.h"
#include "cli/report_plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW_UNITS 27u  /* height of a bar's row */
#define NAME_UNITS 92u /* width of the names beside bars */
#define NAME_SHOWN 14u /* characters of one */
#define DRAWN_MAX 160u /* slices of time */
#define DRAWN_MIN 24u
#define DRAWN_ENDED 8u /* requests that end in one, if possible */

static void cut_name(const char *name, char out[NAME_SHOWN * 4 + 4])
{
    size_t size = 0, characters = 0;

    while (size < NAME_SHOWN * 4 && name[size] != '\0') {
        if (((unsigned char)name[size] & 0xc0) != 0x80 && characters++ == NAME_SHOWN) {
            memcpy(out + size, "\u2026", sizeof "\u2026");
            return;
        }
        out[size] = name[size];
        size++;
    }
    out[size] = '\0';
}

/* ---------------------------------------------------------------------------------------------------------------- bars
 */

enum which { RATE, CPU, MEMORY };

static double pick(const struct weir__bench_figures *figures, enum which which)
{
    return which == RATE ? figures->rate_per_s : which == CPU ? figures->cpu_us : figures->max_rss_bytes;
}

/* From the least to the most of its rounds, with ends. */
static void add_whiskers(struct weir__report_plot *plot, const struct weir__bench_subject *const *subjects,
                         size_t count, enum which which)
{
    weir__report_plot_layer(plot, WEIR__REPORT_THIN, WEIR__REPORT_INK, 0);
    for (size_t i = 0; i < count; i++) {
        const double least = pick(&subjects[i]->least, which), most = pick(&subjects[i]->most, which);
        const double row = (double)(count - 1 - i), cap = 0.13;
        if (!(least < most))
            continue;
        weir__report_plot_point(plot, least, row, 0);
        weir__report_plot_point(plot, most, row, 0);
        weir__report_plot_point(plot, NAN, 0, 0);
        for (int end = 0; end < 2; end++) {
            weir__report_plot_point(plot, end == 0 ? least : most, row - cap, 0);
            weir__report_plot_point(plot, end == 0 ? least : most, row + cap, 0);
            weir__report_plot_point(plot, NAN, 0, 0);
        }
    }
}

/* Rows from above, in the table's order. */
static void draw_bars(struct weir__report_bench *bench, const struct weir__bench_subject *const *subjects, size_t count,
                      enum which which, const char *caption)
{
    struct weir__report_page *page = &bench->page;
    char names[WEIR__BENCH_SUBJECTS_MAX][NAME_SHOWN * 4 + 4], text[WEIR__REPORT_FIGURE_SIZE];
    const char *rows[WEIR__BENCH_SUBJECTS_MAX];
    struct weir__report_axis x = {.count = 0};
    struct weir__report_plot plot;
    double most = 0;

    for (size_t i = 0; i < count; i++) {
        cut_name(subjects[i]->name, names[i]);
        rows[count - 1 - i] = names[i];
        most = fmax(most, fmax(pick(&subjects[i]->median, which), pick(&subjects[i]->most, which)));
    }
    (which == RATE  ? weir__report_axis_count
     : which == CPU ? weir__report_axis_us
                    : weir__report_axis_bytes)(&x, most, 3);
    x.to = fmax(x.to, most) * 1.24; /* room for the figures */
    weir__report_page_put(page, "<figure><figcaption><h3>");
    weir__report_page_text(page, caption);
    weir__report_page_put(page, "</h3></figcaption>");
    weir__report_plot_begin(&plot, page,
                            &(struct weir__report_frame){.title = caption,
                                                         .description =
                                                             "A bar for each; its figure stands beside it, and "
                                                             "in the table above.",
                                                         .x = &x,
                                                         .rows = rows,
                                                         .row_count = count,
                                                         .height = (unsigned)count * ROW_UNITS + 34,
                                                         .left = NAME_UNITS});
    for (size_t i = 0; i < count; i++) {
        const double median = pick(&subjects[i]->median, which), high = pick(&subjects[i]->most, which);
        if (isnan(median))
            weir__report_plot_note(&plot, 0, (double)(count - 1 - i), "not known");
        else
            weir__report_plot_note(&plot, fmax(median, high), (double)(count - 1 - i),
                                   which == RATE  ? weir__report_axis_say_count(median, text)
                                   : which == CPU ? weir__report_axis_say_us(median, text)
                                                  : weir__report_axis_say_bytes(median, text));
    }
    for (size_t i = 0; i < count; i++) {
        weir__report_plot_layer(&plot, WEIR__REPORT_BAR, weir__report_bench_colour(bench->results, subjects[i]->name),
                                0);
        weir__report_plot_point(&plot, pick(&subjects[i]->median, which), (double)(count - 1 - i), 0);
    }
    add_whiskers(&plot, subjects, count, which);
    weir__report_plot_end(&plot);
    weir__report_page_put(page, "</figure>\n");
}

static void put_bars(struct weir__report_bench *bench, const struct weir__bench_cell *cell)
{
    const struct weir__bench_subject *subjects[WEIR__BENCH_SUBJECTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < cell->subject_count && count < WEIR__BENCH_SUBJECTS_MAX; i++)
        if (weir__report_words_measured(&cell->subjects[i]))
            subjects[count++] = &cell->subjects[i];
    if (count == 0)
        return;
    weir__report_page_put(&bench->page, "<div class=\"grid\">\n");
    draw_bars(bench, subjects, count, RATE, "Succeeded in a second");
    draw_bars(bench, subjects, count, CPU, "CPU time per request");
    draw_bars(bench, subjects, count, MEMORY, "Peak memory");
    weir__report_page_put(&bench->page, "</div>\n");
}

/* --------------------------------------------------------------------------------------------------- latency and time
 */

static bool is_measured(const struct weir__bench_cell *cell)
{
    for (size_t i = 0; i < cell->subject_count; i++)
        if (weir__report_words_measured(&cell->subjects[i]))
            return true;
    return false;
}

/* What each round came to, so that a drift of the machine, or a round that went wrong, is seen. */
static void draw_rounds(struct weir__report_bench *bench, const struct weir__bench_cell *cell)
{
    struct weir__report_axis x = {.count = 0}, y;
    struct weir__report_page *page = &bench->page;
    struct weir__report_plot plot;
    double most = 0, last = 1, at = 1;

    for (size_t i = 0; i < cell->subject_count; i++) {
        for (size_t j = 0; j < cell->subjects[i].round_count; j++) {
            last = fmax(last, cell->subjects[i].rounds[j].round);
            if (cell->subjects[i].rounds[j].round > 0)
                most = fmax(most, cell->subjects[i].rounds[j].rate_per_s);
        }
    }
    weir__report_axis_count(&y, most, 4);
    x.from = 0.6;
    x.to = last + 0.4;
    while (at <= last && x.count < WEIR__REPORT_TICKS_MAX) {
        x.ticks[x.count].at = at;
        (void)weir__report_axis_say_count(at, x.ticks[x.count++].label);
        at += ceil(last / 20);
    }
    weir__report_page_put(page,
                          "<figure><figcaption><h3>Round by round</h3><p>succeeded in a second; lines and colours as "
                          "in the table</p></figcaption>");
    weir__report_plot_begin(&plot, page,
                            &(struct weir__report_frame){.title = "Succeeded in a second, round by round",
                                                         .description = "A line for each subject.",
                                                         .x = &x,
                                                         .y = &y,
                                                         .height = 250});
    for (size_t i = 0; i < cell->subject_count; i++) {
        const struct weir__bench_subject *each = &cell->subjects[i];
        const unsigned series = weir__report_bench_series(bench->results, each->name);
        if (!weir__report_words_measured(each))
            continue;
        weir__report_plot_layer(&plot, WEIR__REPORT_LINE, (enum weir__report_colour)(WEIR__REPORT_S0 + series), series);
        for (size_t j = 0; j < each->round_count; j++) {
            if (each->rounds[j].round == 0)
                continue;
            weir__report_plot_point(&plot, each->rounds[j].round - 0.06, each->rounds[j].rate_per_s, 0);
            weir__report_plot_point(&plot, each->rounds[j].round + 0.06, each->rounds[j].rate_per_s, 0);
        }
    }
    weir__report_plot_end(&plot);
    weir__report_page_put(page, "</figure>\n");
}

static void put_curves(struct weir__report_bench *bench, const struct weir__bench_cell *cell)
{
    struct weir__report_curve curves[WEIR__BENCH_SUBJECTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < cell->subject_count && count < WEIR__BENCH_SUBJECTS_MAX; i++) {
        const struct weir__bench_subject *each = &cell->subjects[i];
        const unsigned series = weir__report_bench_series(bench->results, each->name);
        if (each->curve_count > 0)
            curves[count++] = (struct weir__report_curve){each->name,
                                                          (enum weir__report_colour)(WEIR__REPORT_S0 + series),
                                                          series,
                                                          each->curve,
                                                          each->curve_count,
                                                          (double)cell->total};
    }
    if (count == 0 && !is_measured(cell))
        return;
    weir__report_page_put(&bench->page, "<div class=\"grid wide\">\n");
    if (count > 0)
        weir__report_chart_curves(&bench->page, "Latency by percentile",
                                  bench->results->intended
                                      ? "from the moment the rate meant it to be sent until it was answered; last round"
                                      : "from its send until it was answered; last round",
                                  curves, count);
    draw_rounds(bench, cell);
    weir__report_page_put(&bench->page, "</div>\n");
}

static void put_strip(struct weir__report_bench *bench, const struct weir__report_strip *strip,
                      const struct weir__report_scale *scale)
{
    struct weir__report_page *page = &bench->page;

    weir__report_page_put(page, "<div class=\"strip\"><h3>");
    weir__report_chart_swatch(page, strip->colour, weir__report_bench_series(bench->results, strip->name), false);
    weir__report_page_text(page, strip->name);
    weir__report_page_put(page, "</h3>");
    weir__report_chart_throughput(page, strip, scale);
    weir__report_chart_in_flight(page, strip, scale);
    weir__report_chart_latency(page, strip, scale);
    weir__report_chart_statuses(page, strip, scale);
    weir__report_page_put(page, "</div>\n");
}

/*
 * Slices in which hardly anything ended say little: so many neighbours become one that some requests end in each.  Of
 * the medians it has the one that weighs most, of the 99th percentiles the highest.
 */
static struct weir__bench_slice *coarsen(const struct weir__bench_subject *subject, size_t *out_count)
{
    struct weir__bench_slice *slices = calloc(subject->series_count, sizeof *slices);
    uint64_t ended = 0, weight = 0;
    size_t each = 1, count = 0;

    if (slices == NULL)
        return NULL;
    for (size_t i = 0; i < subject->series_count; i++)
        ended += subject->series[i].ended;
    while ((subject->series_count / each > DRAWN_MAX || ended / (subject->series_count / each) < DRAWN_ENDED) &&
           subject->series_count / (each + 1) >= DRAWN_MIN)
        each++;
    for (size_t i = 0; i < subject->series_count; i++) {
        const struct weir__bench_slice *from = &subject->series[i];
        struct weir__bench_slice *to = &slices[count];
        to->t_s = from->t_s;
        to->in_flight = from->in_flight;
        to->ended += from->ended;
        to->refused += from->refused;
        for (size_t j = 0; j < sizeof to->statuses / sizeof to->statuses[0]; j++)
            to->statuses[j] += from->statuses[j];
        if (from->ended > weight) {
            weight = from->ended;
            to->p50_ms = from->p50_ms;
        }
        if (from->p99_ms > to->p99_ms)
            to->p99_ms = from->p99_ms;
        if ((i + 1) % each == 0 || i + 1 == subject->series_count) {
            count++;
            weight = 0;
        }
    }
    *out_count = count;
    return slices;
}

/* A column for each that tells, side by side on the same scales. */
static void put_time(struct weir__report_bench *bench, const struct weir__bench_cell *cell)
{
    struct weir__report_strip strips[WEIR__BENCH_SUBJECTS_MAX];
    struct weir__bench_slice *slices[WEIR__BENCH_SUBJECTS_MAX];
    struct weir__report_scale scale = {0, 0, 0, 0, 0};
    size_t count = 0, pauses = 0;

    for (size_t i = 0; i < cell->subject_count && count < WEIR__BENCH_SUBJECTS_MAX; i++) {
        const struct weir__bench_subject *each = &cell->subjects[i];
        size_t slice_count = 0;
        if (each->series_count == 0)
            continue;
        slices[count] = coarsen(each, &slice_count);
        bench->page.failed |= slices[count] == NULL;
        strips[count] = (struct weir__report_strip){.name = each->name,
                                                    .colour = weir__report_bench_colour(bench->results, each->name),
                                                    .slices = slices[count],
                                                    .count = slice_count,
                                                    .pauses = each->pauses,
                                                    .pause_count = each->pause_count};
        pauses += each->pause_count;
        weir__report_chart_widen(&scale, &strips[count++]);
    }
    if (count == 0)
        return;
    weir__report_page_putf(&bench->page,
                           "<h3 class=\"sub\">Over time</h3>\n<p class=\"caption\">The last round of each, "
                           "on the same scales.%s</p>\n",
                           pauses > 0 ? " Shaded: the dispatcher paused, since the server had refused." : "");
    weir__report_chart_status_legend(&bench->page, strips, count);
    weir__report_page_put(&bench->page, "<div class=\"grid\">\n");
    for (size_t i = 0; i < count; i++)
        put_strip(bench, &strips[i], &scale);
    for (size_t i = 0; i < count; i++)
        free(slices[i]);
    weir__report_page_put(&bench->page, "</div>\n");
}

void weir__report_bench_plots(struct weir__report_bench *bench, const struct weir__bench_cell *cell)
{
    put_bars(bench, cell);
    put_curves(bench, cell);
    put_time(bench, cell);
}
