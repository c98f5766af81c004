/*
 * bench_options - the command line of `weir bench`, most of it as overrides of the configuration.
 */
#ifndef WEIR_CLI_BENCH_OPTIONS_H
#define WEIR_CLI_BENCH_OPTIONS_H

#include "cli/overrides.h"
#include "json/config.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__BENCH_TOTAL 2000u         /* requests a round, unless given */
#define WEIR__BENCH_TOTAL_MAX 10000000u /* each is kept as a sample */
#define WEIR__BENCH_LIMIT_SIZE 64u

struct weir__bench_options {
    struct weir__overrides overrides;
    bool help;

    /* of the built-in target */
    char limit[WEIR__BENCH_LIMIT_SIZE]; /* "100/1s"; "": none */
    struct weir_rate limit_rate;        /* the same */
    bool has_latency;

    const char *peers; /* "all", "none", or names with commas between them */

    /* where the results go */
    bool json, csv, quiet;
    const char *output_file, *html_file; /* NULL: nowhere */
};

/* Reads the arguments after the command's name.  False after a message.  Either way clear frees `out`. */
bool weir__bench_options_parse(int count, char **arguments, struct weir__bench_options *out);
void weir__bench_options_clear(struct weir__bench_options *options);

/*
 * Loads the configuration with the overrides on top, and checks what only a benchmark minds; `total` is there then.
 * False after every mistake was said, and then `out` is empty.  weir__config_clear() frees it.
 */
bool weir__bench_options_load(const struct weir__bench_options *options, struct weir__config *out);

/* "32,1000" as ["32","1000"], for a key that takes a list; on the heap, NULL without memory. */
char *weir__bench_options_list(const char *text);

/* Whether `peers` asks for the peer. */
bool weir__bench_options_wants(const char *peers, const char *name);

void weir__bench_options_help(void);

#endif
