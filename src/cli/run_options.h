/*
 * run_options - the command line of `weir run` and `weir check`, as overrides of the configuration.
 *
 * Each option becomes one weir__config_set, so that its value is checked where the file's are.  It says what is wrong
 * and which options this version only knows by name; what the options do is its callers' concern.
 */
#ifndef WEIR_CLI_RUN_OPTIONS_H
#define WEIR_CLI_RUN_OPTIONS_H

#include "cli/batch.h"
#include "cli/journal.h"
#include "cli/overrides.h"
#include "json/config.h"

#include <stdbool.h>
#include <stddef.h>

enum weir__progress_mode { WEIR__PROGRESS_AUTO, WEIR__PROGRESS_ALWAYS, WEIR__PROGRESS_NEVER };

struct weir__run_options {
    struct weir__overrides overrides;
    enum weir_shape shape; /* of every rate; DEFAULT: as configured */
    bool help;
    bool version;

    /* what is said, and where */
    bool json;
    bool quiet;
    bool verbose;
    enum weir__progress_mode progress;
    const char *metrics_file; /* NULL if none */

    /* how a batch goes about it */
    enum weir__journal_mode mode;
    enum weir__jobline_format input_format;
    struct weir__batch_tolerance tolerance;
    bool dry_run;
};

/* Reads `arguments` (those after the command's name).  False after a message.  Either way clear frees `out`. */
bool weir__run_options_parse(const char *command, int count, char **arguments, struct weir__run_options *out);
void weir__run_options_clear(struct weir__run_options *options);

/*
 * Loads the configuration with the overrides on top.  False after every mistake was said, and then `out` is empty.
 * weir__config_clear() frees it.
 */
bool weir__run_options_load(const struct weir__run_options *options, struct weir__config *out);

/* The options as help text on stdout. */
void weir__run_options_print(void);

#endif
