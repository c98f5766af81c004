/*
 * bench_table - results as a table for people, and as lines of CSV (RFC 4180).  What could not be measured is "-" in
 * one and nothing in the other.
 */
#ifndef WEIR_CLI_BENCH_TABLE_H
#define WEIR_CLI_BENCH_TABLE_H

#include "json/bench_results.h"

#include <stdio.h>

/* A block for each cell, and under it what must be known to read it: who was refused, failed or skipped. */
void weir__bench_table_print(const struct weir__bench_results *results, FILE *out);

/* A line of names, then for each cell and subject one for each round, and those of median, least and most. */
void weir__bench_csv_print(const struct weir__bench_results *results, FILE *out);

#endif
