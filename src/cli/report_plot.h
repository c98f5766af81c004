/*
 * report_plot - one plot of a page, as gnuplot's commands: its frame, and layer by layer what stands in it.
 *
 *     weir__report_plot_begin(&plot, &page, &frame);
 *     weir__report_plot_shade(&plot, 1, 2);
 *     weir__report_plot_layer(&plot, WEIR__REPORT_LINE, WEIR__REPORT_S0, 0);
 *     weir__report_plot_point(&plot, 0, 5, 0);
 *     weir__report_plot_end(&plot);
 *
 * It takes numbers, and the ticks of an axis; names go beside it as labels (report_svg).
 */
#ifndef WEIR_CLI_REPORT_PLOT_H
#define WEIR_CLI_REPORT_PLOT_H

#include "cli/report_axis.h"
#include "cli/report_page.h"

#include <stdio.h>

#define WEIR__REPORT_PLOT_WIDTH 420u /* units; the page scales it */

struct weir__report_frame {
    const char *title, *description;       /* for who does not see it */
    const struct weir__report_axis *x, *y; /* y NULL: rows, which are named below */
    const char *const *rows;               /* from below */
    size_t row_count;
    unsigned height;
    unsigned left; /* units for the labels of y; 0: as usual */
};

enum weir__report_layer {
    WEIR__REPORT_LINE, /* x, y */
    WEIR__REPORT_THIN, /* the same, thinner and paler */
    WEIR__REPORT_AREA, /* x, from y to z, pale */
    WEIR__REPORT_BAND, /* the same, full */
    WEIR__REPORT_BAR   /* from 0 to x, in row y */
};

struct weir__report_plot {
    struct weir__report_page *page;
    FILE *command; /* the "plot" line; data stand in the script before it */
    char *command_text;
    size_t command_size;
    size_t number; /* of the plot */
    unsigned layers;
    bool open; /* a layer's data */
    double x_most, y_least, y_most;
};

void weir__report_plot_begin(struct weir__report_plot *plot, struct weir__report_page *page,
                             const struct weir__report_frame *frame);

/* Before the first layer: from one x to another, over the whole height; a dashed line at x; a text at a point. */
void weir__report_plot_shade(struct weir__report_plot *plot, double from, double to);
void weir__report_plot_rule(struct weir__report_plot *plot, double at);
void weir__report_plot_note(struct weir__report_plot *plot, double x, double y, const char *text);

/* Dash 0 is none, 1 dashed, 2 dotted, 3 both in turn, and so on in turn. */
void weir__report_plot_layer(struct weir__report_plot *plot, enum weir__report_layer kind,
                             enum weir__report_colour colour, unsigned dash);

/* NaN for y breaks a line. */
void weir__report_plot_point(struct weir__report_plot *plot, double x, double y, double z);
void weir__report_plot_end(struct weir__report_plot *plot);

#endif
