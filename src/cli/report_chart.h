/*
 * report_chart - the plots that pages of a benchmark and of a run have in common: what happened over time, and
 * latencies by percentile.  Each is a figure with its caption, on scales that those beside it share.
 */
#ifndef WEIR_CLI_REPORT_CHART_H
#define WEIR_CLI_REPORT_CHART_H

#include "cli/report_page.h"
#include "json/bench_results.h"

#include <stdbool.h>
#include <stddef.h>

/* What happened over time to one subject. */
struct weir__report_strip {
    const char *name; /* whose it is */
    enum weir__report_colour colour;
    const struct weir__bench_slice *slices;
    size_t count;
    const double *in_flight;                /* instead of the slices', one for each; NULL: those */
    const struct weir__bench_pause *pauses; /* shaded */
    size_t pause_count;
    const double *rules; /* moments, in seconds, with a dashed line */
    size_t rule_count;
};

/* What a zeroed one is widened to. */
struct weir__report_scale {
    double to_s, rate, in_flight, least_ms, most_ms;
};

void weir__report_chart_widen(struct weir__report_scale *scale, const struct weir__report_strip *strip);

void weir__report_chart_throughput(struct weir__report_page *page, const struct weir__report_strip *strip,
                                   const struct weir__report_scale *scale);
void weir__report_chart_in_flight(struct weir__report_page *page, const struct weir__report_strip *strip,
                                  const struct weir__report_scale *scale);
void weir__report_chart_latency(struct weir__report_page *page, const struct weir__report_strip *strip,
                                const struct weir__report_scale *scale);
void weir__report_chart_statuses(struct weir__report_page *page, const struct weir__report_strip *strip,
                                 const struct weir__report_scale *scale);

/* The legend of statuses: those that occur in any of the strips. */
void weir__report_chart_status_legend(struct weir__report_page *page, const struct weir__report_strip *strips,
                                      size_t count);

/* Amounts in each slice, one upon the other. */
struct weir__report_stack {
    const char *name;
    enum weir__report_colour colour;
};
typedef double weir__report_amount_fn(const void *context, size_t slice, size_t layer);

/* The strip's slices say when; drawn as a rate. */
void weir__report_chart_stack(struct weir__report_page *page, const char *caption,
                              const struct weir__report_strip *strip, double to_s, double most,
                              const struct weir__report_stack *layers, size_t layer_count,
                              weir__report_amount_fn *amount, const void *context);
void weir__report_chart_legend(struct weir__report_page *page, const struct weir__report_stack *layers,
                               const bool *shown, size_t count);

/* A latency curve. */
struct weir__report_curve {
    const char *name;
    enum weir__report_colour colour;
    unsigned dash;
    const struct weir__bench_point *points;
    size_t count;
    double requests; /* that it is made of */
};

void weir__report_chart_curves(struct weir__report_page *page, const char *caption, const char *about,
                               const struct weir__report_curve *curves, size_t count);

/* A line or a block in a series' colour, before its name. */
void weir__report_chart_swatch(struct weir__report_page *page, enum weir__report_colour colour, unsigned dash,
                               bool block);

#endif
