/*
 * report_parts - the two kinds of pages, as the command makes them.
 */
#ifndef WEIR_CLI_REPORT_PARTS_H
#define WEIR_CLI_REPORT_PARTS_H

#include "cli/report_page.h"
#include "cli/report_words.h"
#include "json/bench_results.h"

struct weir__report_run;

/* Into the file FILE, or "-".  An exit code, with a message unless it is OK. */
int weir__report_bench_write(const struct weir__bench_results *results, const char *command, const char *file);
int weir__report_run_write(const struct weir__report_run *run, const char *command, const char *file);

/* The sentences as a list: those of one cell, or with SIZE_MAX what belongs on top, which is the whole, what one came
 * for, and what must not be overlooked; with `all` everything. */
void weir__report_bench_words(struct weir__report_page *page, const struct weir__report_words *words, size_t cell,
                              bool all);

/* A row of a list of facts; `value` NULL: none is put. */
void weir__report_bench_fact(struct weir__report_page *page, const char *name, const char *value);

#endif
