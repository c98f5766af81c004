/*
 * report_bench_parts - what the files of a benchmark's page share: report_bench has words and tables,
 * report_bench_plots the plots.
 */
#ifndef WEIR_CLI_REPORT_BENCH_PARTS_H
#define WEIR_CLI_REPORT_BENCH_PARTS_H

#include "cli/report_page.h"
#include "cli/report_words.h"
#include "json/bench_results.h"

#include <stdbool.h>

/* The page and what it is made from. */
struct weir__report_bench {
    struct weir__report_page page;
    const struct weir__bench_results *results;
    struct weir__report_words words;
    bool all_on_top; /* words for one cell alone, or none that stand out */
};

/* A subject's series, which is its colour and its dash, the same in all cells. */
unsigned weir__report_bench_series(const struct weir__bench_results *results, const char *name);
enum weir__report_colour weir__report_bench_colour(const struct weir__bench_results *results, const char *name);

void weir__report_bench_plots(struct weir__report_bench *bench, const struct weir__bench_cell *cell);

#endif
