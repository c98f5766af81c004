/*
 * config_options - a configuration as the library's options.
 *
 * For whoever has loaded one: the command, and weir_new_from_file().  It checks nothing.
 */
#ifndef WEIR_JSON_CONFIG_OPTIONS_H
#define WEIR_JSON_CONFIG_OPTIONS_H

#include "json/config.h"
#include "weir.h"

/* Texts and lists stay the configuration's; what is not configured (past sends, bodies, completions, events) is left as
 * it was. */
void weir__config_options(const struct weir__config *config, struct weir_options *out);

#endif
