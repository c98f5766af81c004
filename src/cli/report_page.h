/*
 * report_page - a page while it is made: its markup, the plots in it, and the whole as one HTML file.
 *
 * Markup is ours and goes in as it is; whatever comes from data goes in as text and is escaped.  Plots are drawn all at
 * once at the end (report_gnuplot); until then a mark stands for each.  It does not know what is reported.
 */
#ifndef WEIR_CLI_REPORT_PAGE_H
#define WEIR_CLI_REPORT_PAGE_H

#include "cli/report_svg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct weir__report_page {
    FILE *html, *script; /* in memory */
    char *html_text, *script_text;
    size_t html_size, script_size;
    struct weir__report_svg *plots; /* one for each mark */
    size_t plot_count, plot_capacity;
    struct weir__report_labels labels;
    bool failed; /* without memory; finish says so */
};

/* Begins the page, with its head.  False without memory; close is then a no-op. */
bool weir__report_page_open(struct weir__report_page *page, const char *title);

void weir__report_page_put(struct weir__report_page *page, const char *markup);
void weir__report_page_text(struct weir__report_page *page, const char *text); /* NULL is nothing */
/* Formatted, then escaped. */
void weir__report_page_say(struct weir__report_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Markup with numbers in it: no %s of anything that comes from data. */
void weir__report_page_putf(struct weir__report_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A mark where a plot will stand; returns its number.  Texts are copied. */
size_t weir__report_page_plot(struct weir__report_page *page, const char *title, const char *description,
                              unsigned width, unsigned height);

/* Draws the plots and writes the whole to the file FILE, or "-".  An exit code, with a message unless it is OK. */
int weir__report_page_finish(struct weir__report_page *page, const char *command, const char *file);
void weir__report_page_close(struct weir__report_page *page);

/* Text with what HTML knows escaped, and without control characters. */
void weir__report_page_escape(FILE *to, const char *text);

#endif
