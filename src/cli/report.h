/*
 * report - pages: of a benchmark's results, and of a run's results file.
 */
#ifndef WEIR_CLI_REPORT_H
#define WEIR_CLI_REPORT_H

#include "json/bench_results.h"

#include <stdbool.h>

/* The page of a benchmark, into the file, or "-".  False after a message on stderr. */
bool weir__report_bench(const struct weir__bench_results *results, const char *file);

#endif
