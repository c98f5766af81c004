/*
 * report_chart - see report_chart.h.
 *
 * Figures of a slice are drawn over its whole width, so that a short peak looks short and nothing is made up between.
 */
#include "cli/report_chart.h"

#include "cli/report_plot.h"

#include <math.h>
#include <stdio.h>

#define STRIP_HEIGHT 128u
#define CURVES_HEIGHT 250u
#define STRIP_TICKS 3u
#define TIME_TICKS 5u
#define TEXT_SIZE 512u
#define CURVES_DECADES 1e4

/* ----------------------------------------------------------------------------------------------------- figure and
 * frame
 */

static void begin_figure(struct weir__report_page *page, const char *caption, const char *about)
{
    weir__report_page_put(page, "<figure><figcaption><h3>");
    weir__report_page_text(page, caption);
    weir__report_page_put(page, "</h3>");
    if (about != NULL) {
        weir__report_page_put(page, "<p>");
        weir__report_page_text(page, about);
        weir__report_page_put(page, "</p>");
    }
    weir__report_page_put(page, "</figcaption>");
}

static void end_figure(struct weir__report_page *page)
{
    weir__report_page_put(page, "</figure>\n");
}

static double begin_of(const struct weir__report_strip *strip, size_t slice)
{
    return slice == 0 ? 0 : strip->slices[slice - 1].t_s;
}

/* A slice's width in seconds; what is none counts as a millisecond. */
static double width_of(const struct weir__report_strip *strip, size_t slice)
{
    const double width = strip->slices[slice].t_s - begin_of(strip, slice);

    return width > 1e-3 ? width : 1e-3;
}

/* A plot over time, with what is shaded in it. */
static void begin_strip(struct weir__report_plot *plot, struct weir__report_page *page, const char *title,
                        const char *description, const struct weir__report_strip *strip, double to_s,
                        const struct weir__report_axis *y)
{
    struct weir__report_axis x;

    weir__report_axis_time(&x, to_s, TIME_TICKS);
    weir__report_plot_begin(plot, page,
                            &(struct weir__report_frame){
                                .title = title, .description = description, .x = &x, .y = y, .height = STRIP_HEIGHT});
    for (size_t i = 0; i < strip->pause_count; i++)
        weir__report_plot_shade(plot, strip->pauses[i].from_s, strip->pauses[i].to_s);
    for (size_t i = 0; i < strip->rule_count; i++)
        weir__report_plot_rule(plot, strip->rules[i]);
}

/* ----------------------------------------------------------------------------------------------------------------
 * scales
 */

void weir__report_chart_widen(struct weir__report_scale *scale, const struct weir__report_strip *strip)
{
    for (size_t i = 0; i < strip->count; i++) {
        const struct weir__bench_slice *slice = &strip->slices[i];
        scale->to_s = fmax(scale->to_s, slice->t_s);
        scale->rate = fmax(scale->rate, (double)slice->ended / width_of(strip, i));
        scale->in_flight = fmax(scale->in_flight, strip->in_flight != NULL ? strip->in_flight[i] : slice->in_flight);
        if (slice->p50_ms > 0 && (scale->least_ms <= 0 || slice->p50_ms < scale->least_ms))
            scale->least_ms = slice->p50_ms;
        if (slice->p99_ms > 0)
            scale->most_ms = fmax(scale->most_ms, slice->p99_ms);
    }
}

/* -----------------------------------------------------------------------------------------------------------------
 * lines
 */

enum value { RATE, IN_FLIGHT, P50, P99 };

static double value_of(const struct weir__report_strip *strip, size_t slice, enum value value)
{
    const struct weir__bench_slice *each = &strip->slices[slice];

    switch (value) {
    case RATE:
        return (double)each->ended / width_of(strip, slice);
    case IN_FLIGHT:
        return strip->in_flight != NULL ? strip->in_flight[slice] : each->in_flight;
    case P50:
        return each->p50_ms > 0 ? each->p50_ms : (double)NAN;
    case P99:
        break;
    }
    return each->p99_ms > 0 ? each->p99_ms : (double)NAN;
}

static void add_steps(struct weir__report_plot *plot, const struct weir__report_strip *strip, enum value value,
                      enum weir__report_layer kind, unsigned dash)
{
    weir__report_plot_layer(plot, kind, strip->colour, dash);
    for (size_t i = 0; i < strip->count; i++) {
        const double y = value_of(strip, i, value);
        weir__report_plot_point(plot, begin_of(strip, i), y, 0);
        weir__report_plot_point(plot, begin_of(strip, i) + width_of(strip, i), y, 0);
    }
}

static void draw_amount(struct weir__report_page *page, const struct weir__report_strip *strip,
                        const struct weir__report_scale *scale, enum value value, const char *caption, double most)
{
    struct weir__report_axis y;
    struct weir__report_plot plot;
    char title[TEXT_SIZE], about[TEXT_SIZE], highest[WEIR__REPORT_FIGURE_SIZE];
    double peak = 0;

    for (size_t i = 0; i < strip->count; i++)
        peak = fmax(peak, value_of(strip, i, value));
    (void)snprintf(title, sizeof title, "%s over time, %.80s", caption, strip->name);
    (void)snprintf(about, sizeof about, "Highest in any slice of time: %s.",
                   weir__report_axis_say_count(peak, highest));
    weir__report_axis_count(&y, most, STRIP_TICKS);
    begin_figure(page, caption, NULL);
    begin_strip(&plot, page, title, about, strip, scale->to_s, &y);
    add_steps(&plot, strip, value, WEIR__REPORT_AREA, 0);
    add_steps(&plot, strip, value, WEIR__REPORT_LINE, 0);
    weir__report_plot_end(&plot);
    end_figure(page);
}

void weir__report_chart_throughput(struct weir__report_page *page, const struct weir__report_strip *strip,
                                   const struct weir__report_scale *scale)
{
    draw_amount(page, strip, scale, RATE, "Throughput, requests/s", scale->rate);
}

void weir__report_chart_in_flight(struct weir__report_page *page, const struct weir__report_strip *strip,
                                  const struct weir__report_scale *scale)
{
    draw_amount(page, strip, scale, IN_FLIGHT, "In flight", scale->in_flight);
}

void weir__report_chart_latency(struct weir__report_page *page, const struct weir__report_strip *strip,
                                const struct weir__report_scale *scale)
{
    struct weir__report_axis y;
    struct weir__report_plot plot;
    char title[TEXT_SIZE];

    (void)snprintf(title, sizeof title, "Latency over time, %.80s", strip->name);
    weir__report_axis_ms(&y, scale->least_ms, scale->most_ms);
    begin_figure(page, "Latency", "solid: half within; dotted: 99 of 100 within");
    begin_strip(&plot, page, title, "The median and the 99th percentile of the requests that ended in each slice.",
                strip, scale->to_s, &y);
    add_steps(&plot, strip, P99, WEIR__REPORT_THIN, 2);
    add_steps(&plot, strip, P50, WEIR__REPORT_LINE, 0);
    weir__report_plot_end(&plot);
    end_figure(page);
}

/* ----------------------------------------------------------------------------------------------------------------
 * stacks
 */

void weir__report_chart_stack(struct weir__report_page *page, const char *caption,
                              const struct weir__report_strip *strip, double to_s, double most,
                              const struct weir__report_stack *layers, size_t layer_count,
                              weir__report_amount_fn *amount, const void *context)
{
    struct weir__report_axis y;
    struct weir__report_plot plot;
    char title[TEXT_SIZE], about[TEXT_SIZE];
    size_t used = 0;

    (void)snprintf(title, sizeof title, "%.80s over time, %.80s", caption, strip->name);
    about[0] = '\0';
    weir__report_axis_count(&y, most, STRIP_TICKS);
    for (size_t layer = 0; layer < layer_count; layer++) {
        char total[WEIR__REPORT_FIGURE_SIZE];
        double sum = 0;
        for (size_t i = 0; i < strip->count; i++)
            sum += amount(context, i, layer);
        if (sum > 0 && used < sizeof about - 64)
            used += (size_t)snprintf(about + used, sizeof about - used, "%s%.30s: %s", used > 0 ? ", " : "",
                                     layers[layer].name, weir__report_axis_say_count(sum, total));
    }
    begin_figure(page, caption, NULL);
    begin_strip(&plot, page, title, about, strip, to_s, &y);
    for (size_t layer = 0; layer < layer_count; layer++) {
        bool any = false;
        for (size_t i = 0; i < strip->count && !any; i++)
            any = amount(context, i, layer) > 0;
        if (!any)
            continue;
        weir__report_plot_layer(&plot, WEIR__REPORT_BAND, layers[layer].colour, 0);
        for (size_t i = 0; i < strip->count; i++) {
            const double width = width_of(strip, i), own = amount(context, i, layer);
            double below = 0;
            for (size_t under = 0; under < layer; under++)
                below += amount(context, i, under);
            weir__report_plot_point(&plot, begin_of(strip, i), below / width, (below + own) / width);
            weir__report_plot_point(&plot, begin_of(strip, i) + width, below / width, (below + own) / width);
        }
    }
    weir__report_plot_end(&plot);
    end_figure(page);
}

static const struct weir__report_stack statuses[] = {
    {"2xx", WEIR__REPORT_GOOD},      {"1xx, 3xx", WEIR__REPORT_MOVED}, {"429, refused", WEIR__REPORT_REFUSED},
    {"other 4xx", WEIR__REPORT_BAD}, {"5xx", WEIR__REPORT_WORSE},      {"no response", WEIR__REPORT_NONE},
};

#define STATUS_COUNT (sizeof statuses / sizeof statuses[0])

/* By the order of the table above. */
static double status_amount(const void *context, size_t slice, size_t layer)
{
    const struct weir__bench_slice *each = &((const struct weir__bench_slice *)context)[slice];
    const uint64_t refused = each->refused < each->statuses[4] ? each->refused : each->statuses[4];

    switch (layer) {
    case 0:
        return (double)each->statuses[2];
    case 1:
        return (double)(each->statuses[1] + each->statuses[3]);
    case 2:
        return (double)refused;
    case 3:
        return (double)(each->statuses[4] - refused);
    case 4:
        return (double)each->statuses[5];
    default:
        return (double)each->statuses[0];
    }
}

void weir__report_chart_statuses(struct weir__report_page *page, const struct weir__report_strip *strip,
                                 const struct weir__report_scale *scale)
{
    weir__report_chart_stack(page, "Statuses, responses/s", strip, scale->to_s, scale->rate, statuses, STATUS_COUNT,
                             status_amount, strip->slices);
}

void weir__report_chart_status_legend(struct weir__report_page *page, const struct weir__report_strip *strips,
                                      size_t count)
{
    bool shown[STATUS_COUNT] = {false};

    for (size_t strip = 0; strip < count; strip++)
        for (size_t layer = 0; layer < STATUS_COUNT; layer++)
            for (size_t i = 0; i < strips[strip].count && !shown[layer]; i++)
                shown[layer] = status_amount(strips[strip].slices, i, layer) > 0;
    weir__report_chart_legend(page, statuses, shown, STATUS_COUNT);
}

/* ---------------------------------------------------------------------------------------------------------------
 * legends
 */

void weir__report_chart_swatch(struct weir__report_page *page, enum weir__report_colour colour, unsigned dash,
                               bool block)
{
    if (block)
        weir__report_page_putf(page, "<span class=\"swatch block\" style=\"color:var(--%s)\"></span>",
                               weir__report_svg_variable(colour));
    else
        weir__report_page_putf(page, "<span class=\"swatch d%u\" style=\"color:var(--%s)\"></span>",
                               dash % WEIR__REPORT_SERIES, weir__report_svg_variable(colour));
}

void weir__report_chart_legend(struct weir__report_page *page, const struct weir__report_stack *layers,
                               const bool *shown, size_t count)
{
    weir__report_page_put(page, "<ul class=\"legend\">");
    for (size_t i = 0; i < count; i++) {
        if (!shown[i])
            continue;
        weir__report_page_put(page, "<li>");
        weir__report_chart_swatch(page, layers[i].colour, 0, true);
        weir__report_page_text(page, layers[i].name);
        weir__report_page_put(page, "</li>");
    }
    weir__report_page_put(page, "</ul>\n");
}

/* ----------------------------------------------------------------------------------------------------------------
 * curves
 */

static void add_curve(struct weir__report_plot *plot, const struct weir__report_curve *curve, double least)
{
    weir__report_plot_layer(plot, WEIR__REPORT_LINE, curve->colour, curve->dash);
    for (size_t i = 0; i < curve->count; i++) {
        const struct weir__bench_point *point = &curve->points[i];
        const double rest = fmax(1 - point->share, 1 / fmax(curve->requests, 1)); /* the slowest is one of them all */
        weir__report_plot_point(plot, 1 / rest, fmax(point->ms, least), 0);
    }
}

void weir__report_chart_curves(struct weir__report_page *page, const char *caption, const char *about,
                               const struct weir__report_curve *curves, size_t count)
{
    struct weir__report_axis x, y;
    struct weir__report_plot plot;
    double requests = 0, least = 0, most = 0;

    for (size_t i = 0; i < count; i++) {
        requests = fmax(requests, curves[i].requests);
        for (size_t j = 0; j < curves[i].count; j++) {
            const double ms = curves[i].points[j].ms;
            if (ms > 0 && (least <= 0 || ms < least))
                least = ms;
            most = fmax(most, ms);
        }
    }
    least = fmax(least, most / CURVES_DECADES); /* who did not wait at all would take up the plot */
    weir__report_axis_share(&x, requests);
    weir__report_axis_ms(&y, least, most);
    begin_figure(page, caption, about);
    weir__report_page_put(page, "<ul class=\"legend\">");
    for (size_t i = 0; i < count; i++) {
        weir__report_page_put(page, "<li>");
        weir__report_chart_swatch(page, curves[i].colour, curves[i].dash, false);
        weir__report_page_text(page, curves[i].name);
        weir__report_page_put(page, "</li>");
    }
    weir__report_page_put(page, "</ul>");
    weir__report_plot_begin(&plot, page,
                            &(struct weir__report_frame){
                                .title = caption,
                                .description = "For each share of the requests, on a scale that widens towards the "
                                               "slowest, the time within which they were answered.",
                                .x = &x,
                                .y = &y,
                                .height = CURVES_HEIGHT});
    for (size_t i = 0; i < count; i++)
        add_curve(&plot, &curves[i], y.from);
    weir__report_plot_end(&plot);
    end_figure(page);
}
