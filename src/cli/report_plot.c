/* report_plot - see report_plot.h */
#include "cli/report_plot.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEFT 62u
#define RIGHT 12u
#define TOP 9u
#define BOTTOM 22u

#define EDGE 1e-6 /* so much of an axis lies beyond its last tick, which is else lost to rounding */

/* The colours' numbers, as the drawing's reader knows them. */
#define COLOUR "rgb 0x0101%02x"

static void put_ticks(FILE *to, const char *which, const struct weir__report_axis *axis)
{
    (void)fprintf(to, "set %s (", which);
    for (size_t i = 0; i < axis->count; i++) {
        (void)fputs(i > 0 ? ",'" : "'", to);
        for (const char *c = axis->ticks[i].label; *c != '\0'; c++)
            (void)fputs(*c == '%' ? "%%" : (const char[]){*c, '\0'}, to); /* a label is a format */
        (void)fprintf(to, "' %.9g", axis->ticks[i].at);
    }
    (void)fprintf(to, ") nomirror scale 0 textcolor " COLOUR "\n", WEIR__REPORT_LABEL);
}

static size_t label_of(struct weir__report_page *page, const char *text)
{
    const size_t label = weir__report_svg_label(&page->labels, text);

    page->failed |= label == SIZE_MAX;
    return label == SIZE_MAX ? 0 : label;
}

static void put_rows(struct weir__report_plot *plot, const struct weir__report_frame *frame)
{
    FILE *const to = plot->page->script;

    (void)fprintf(to, "unset logscale y\nset yrange [-0.6:%.1f]\nset ytics (", (double)frame->row_count - 0.4);
    for (size_t i = 0; i < frame->row_count; i++)
        (void)fprintf(to, "%s'Zq%zuq' %zu", i > 0 ? "," : "", label_of(plot->page, frame->rows[i]), i);
    (void)fprintf(to, ") nomirror scale 0 textcolor " COLOUR "\nunset grid\nset grid xtics lt 1 lw 1 lc " COLOUR "\n",
                  WEIR__REPORT_INK, WEIR__REPORT_GRID);
}

static void put_range(FILE *to, char which, const struct weir__report_axis *axis)
{
    (void)fprintf(to, "%s logscale %c\nset %crange [%.9g:%.9g]\n", axis->logarithmic ? "set" : "unset", which, which,
                  axis->logarithmic ? axis->from * (1 - EDGE) : axis->from, axis->to * (1 + EDGE));
}

void weir__report_plot_begin(struct weir__report_plot *plot, struct weir__report_page *page,
                             const struct weir__report_frame *frame)
{
    const double height = frame->height;
    const unsigned left = frame->left > 0 ? frame->left : LEFT;
    FILE *const to = page->script;

    memset(plot, 0, sizeof *plot);
    plot->page = page;
    plot->command = open_memstream(&plot->command_text, &plot->command_size);
    if (plot->command == NULL)
        page->failed = true;
    plot->number =
        weir__report_page_plot(page, frame->title, frame->description, WEIR__REPORT_PLOT_WIDTH, frame->height);
    plot->x_most = frame->x->to;
    plot->y_least = frame->y != NULL ? frame->y->from : 0;
    plot->y_most = frame->y != NULL ? frame->y->to : (double)frame->row_count;
    (void)fprintf(to,
                  "set terminal svg size %u,%u dynamic noenhanced font 'sans,12' name 'p'\n"
                  "unset key\nunset object\nunset arrow\nunset label\nset style fill solid 1 noborder\n"
                  "set lmargin at screen %.5f\nset rmargin at screen %.5f\nset tmargin at screen %.5f\n"
                  "set bmargin at screen %.5f\nset border %d lt 1 lw 1 lc " COLOUR
                  "\nset grid noxtics ytics back lt 1 lw 1 lc " COLOUR "\n",
                  WEIR__REPORT_PLOT_WIDTH, frame->height, (double)left / WEIR__REPORT_PLOT_WIDTH,
                  1 - (double)RIGHT / WEIR__REPORT_PLOT_WIDTH, 1 - TOP / height, BOTTOM / height,
                  frame->y != NULL ? 1 : 2, WEIR__REPORT_AXIS, WEIR__REPORT_GRID);
    put_range(to, 'x', frame->x);
    put_ticks(to, "xtics", frame->x);
    if (frame->y == NULL) {
        put_rows(plot, frame);
        return;
    }
    put_range(to, 'y', frame->y);
    put_ticks(to, "ytics", frame->y);
}

void weir__report_plot_shade(struct weir__report_plot *plot, double from, double to)
{
    if (from < 0)
        from = 0;
    if (to > plot->x_most)
        to = plot->x_most;
    if (from < to)
        (void)fprintf(plot->page->script,
                      "set object rectangle from %.9g,graph 0 to %.9g,graph 1 fc " COLOUR
                      " fs solid 0.22 noborder behind\n",
                      from, to, WEIR__REPORT_SHADE);
}

void weir__report_plot_rule(struct weir__report_plot *plot, double at)
{
    (void)fprintf(plot->page->script,
                  "set arrow from %.9g,graph 0 to %.9g,graph 1 nohead lw 1 dt (2,3) lc " COLOUR " back\n", at, at,
                  WEIR__REPORT_LABEL);
}

void weir__report_plot_note(struct weir__report_plot *plot, double x, double y, const char *text)
{
    (void)fprintf(plot->page->script,
                  "set label 'Zq%zuq' at %.9g,%.9g left offset character 0.7,0 textcolor " COLOUR "\n",
                  label_of(plot->page, text), x, y, WEIR__REPORT_INK);
}

static void end_layer(struct weir__report_plot *plot)
{
    if (plot->open)
        (void)fputs("EOD\n", plot->page->script);
    plot->open = false;
}

void weir__report_plot_layer(struct weir__report_plot *plot, enum weir__report_layer kind,
                             enum weir__report_colour colour, unsigned dash)
{
    static const char *const dashes[] = {"1",      "(7,3)", "(2,2.5)",       "(9,3,2,3)",
                                         "(13,3)", "(2,5)", "(5,2,5,2,2,2)", "(4,6)"};
    const char *const dash_text = dashes[dash % (sizeof dashes / sizeof dashes[0])];

    end_layer(plot);
    if (plot->command == NULL)
        return;
    (void)fprintf(plot->page->script, "$d%u << EOD\n", plot->layers);
    plot->open = true;
    (void)fprintf(plot->command, "%s$d%u using ", plot->layers > 0 ? ", " : "plot ", plot->layers);
    switch (kind) {
    case WEIR__REPORT_LINE:
    case WEIR__REPORT_THIN:
        (void)fprintf(plot->command, "1:2 with lines lw %s dt %s lc " COLOUR, kind == WEIR__REPORT_LINE ? "1.8" : "1.4",
                      dash_text, colour);
        break;
    case WEIR__REPORT_AREA:
    case WEIR__REPORT_BAND:
        (void)fprintf(plot->command, "1:2:3 with filledcurves fs solid %s noborder lc " COLOUR,
                      kind == WEIR__REPORT_AREA ? "0.16" : "1", colour);
        break;
    case WEIR__REPORT_BAR:
        (void)fprintf(plot->command, "($1/2):2:($1/2):(0.3) with boxxyerror lc " COLOUR, colour);
        break;
    }
    plot->layers++;
}

void weir__report_plot_point(struct weir__report_plot *plot, double x, double y, double z)
{
    if (!isfinite(x) || !isfinite(y) || !isfinite(z))
        (void)fputc('\n', plot->page->script);
    else
        (void)fprintf(plot->page->script, "%.9g %.9g %.9g\n", x, y, z);
}

void weir__report_plot_end(struct weir__report_plot *plot)
{
    end_layer(plot);
    if (plot->command == NULL)
        return;
    if (fclose(plot->command) != 0)
        plot->page->failed = true;
    /* an empty frame where there is nothing: a plot that fails would end the script */
    if (plot->layers > 0)
        (void)fprintf(plot->page->script, "%s\n", plot->command_text);
    else
        (void)fputs("plot NaN notitle\n", plot->page->script);
    free(plot->command_text);
    plot->command = NULL;
    plot->command_text = NULL;
}
