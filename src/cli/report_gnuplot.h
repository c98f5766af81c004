/*
 * report_gnuplot - runs gnuplot on a script and takes what it draws.
 */
#ifndef WEIR_CLI_REPORT_GNUPLOT_H
#define WEIR_CLI_REPORT_GNUPLOT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether there is one in PATH; else a message that says what to install. */
bool weir__report_gnuplot_find(const char *command);

/* What it wrote on standard output, NUL-terminated, to be freed; NULL after a message. */
char *weir__report_gnuplot_run(const char *command, const char *script, size_t size, size_t *out_size);

#endif
