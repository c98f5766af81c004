/*
 * features - which parts of a valid configuration this version does not carry out yet, and therefore refuses.
 */
#ifndef WEIR_CLI_FEATURES_H
#define WEIR_CLI_FEATURES_H

#include "json/config.h"

#include <stdbool.h>

/* Says on stderr what is missing, a line each.  False where a run with this configuration must be refused. */
bool weir__features_check(const char *command, const struct weir__config *config);

#endif
