/*
 * print - what programs read: a line of JSON on stdout.
 */
#ifndef WEIR_CLI_PRINT_H
#define WEIR_CLI_PRINT_H

#include "json/writer.h"

#include <stdbool.h>

/* The writer's text as a line, flushed; then the writer is cleared.  False where it, or the writer, failed. */
bool weir__print_json(struct weir__writer *writer);

#endif
