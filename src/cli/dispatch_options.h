/*
 * dispatch_options - what is said where the library made no dispatcher of a configuration.
 */
#ifndef WEIR_CLI_DISPATCH_OPTIONS_H
#define WEIR_CLI_DISPATCH_OPTIONS_H

#include "json/config.h"
#include "weir.h"

/* Says why weir_new() made no dispatcher, and what to do: what only the library could find out. */
void weir__dispatch_say_refused(const struct weir__config *config, enum weir_status status);

#endif
