/*
 * report_axis - where the ticks of a plot's axis stand and what they say, and figures as people read them.
 *
 * Pure: numbers in, texts out.  Texts are short UTF-8 without quotes, so that they fit into a script and a page alike.
 */
#ifndef WEIR_CLI_REPORT_AXIS_H
#define WEIR_CLI_REPORT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

#define WEIR__REPORT_TICKS_MAX 40u
#define WEIR__REPORT_FIGURE_SIZE 32u

struct weir__report_tick {
    double at;
    char label[WEIR__REPORT_FIGURE_SIZE];
};

/* A zeroed one has no ticks and no range. */
struct weir__report_axis {
    double from, to; /* from < to */
    bool logarithmic;
    size_t count;
    struct weir__report_tick ticks[WEIR__REPORT_TICKS_MAX];
};

/* From 0 to at least `most`, some `wanted` ticks. */
void weir__report_axis_count(struct weir__report_axis *axis, double most, unsigned wanted);
void weir__report_axis_bytes(struct weir__report_axis *axis, double most, unsigned wanted);
void weir__report_axis_us(struct weir__report_axis *axis, double most, unsigned wanted);

/* From 0 to just `most_s` seconds. */
void weir__report_axis_time(struct weir__report_axis *axis, double most_s, unsigned wanted);

/* Milliseconds, logarithmic, over both; what is no latency (0, NaN) counts as a microsecond. */
void weir__report_axis_ms(struct weir__report_axis *axis, double least, double most);

/* Shares of `requests` as 1 / (1 - share), logarithmic: 50 %, 90 %, 99 %, 99.9 %, ... */
void weir__report_axis_share(struct weir__report_axis *axis, double requests);

/* Figures: "12,345", "0.84", "1.2 M"; "-" for NaN.  All return `out`. */
const char *weir__report_axis_say_count(double value, char out[WEIR__REPORT_FIGURE_SIZE]);
const char *weir__report_axis_say_ms(double ms, char out[WEIR__REPORT_FIGURE_SIZE]); /* "850 µs", "12.3 ms", "1.2 s" */
const char *weir__report_axis_say_us(double us, char out[WEIR__REPORT_FIGURE_SIZE]); /* "17.4 µs" */
const char *weir__report_axis_say_bytes(double size, char out[WEIR__REPORT_FIGURE_SIZE]);  /* "12.1 MiB" */
const char *weir__report_axis_say_share(double share, char out[WEIR__REPORT_FIGURE_SIZE]); /* "38 %", "0.4 %" */

#endif
