/*
 * dispatch_options - a configuration as the library's options.
 */
#ifndef WEIR_CLI_DISPATCH_OPTIONS_H
#define WEIR_CLI_DISPATCH_OPTIONS_H

#include "json/config.h"
#include "weir.h"

/* Texts and lists are the configuration's; what is not configured (past sends, bodies, events) is left as it was. */
void weir__dispatch_options(const struct weir__config *config, struct weir_options *out);

/* Says why weir_new() made no dispatcher: what only the library could find out. */
void weir__dispatch_say_refused(const struct weir__config *config, enum weir_status status);

#endif
