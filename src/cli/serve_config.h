/*
 * serve_config - a flat JSON object as names and values in text.
 *
 * It knows the form of the file, not what the names mean: its caller takes or refuses each.
 */
#ifndef WEIR_CLI_SERVE_CONFIG_H
#define WEIR_CLI_SERVE_CONFIG_H

#include <stdbool.h>

#define WEIR__SERVE_CONFIG_MAX_SIZE (1024u * 1024u)

/*
 * Takes one value; both texts are gone after the call.  `flag`: the JSON was true or false, and so is `value`.  Strings
 * come without quotes and escapes, numbers as they stood.  Returns NULL, or what was expected instead.
 */
typedef const char *(*weir__serve_config_take_fn)(void *context, const char *name, const char *value, bool flag);

/*
 * Reads the file and hands each member to `take`; those of an array come one after the other under its name.  False
 * after naming every mistake on stderr, each with its line: what JSON does not allow, other kinds of values, a name
 * that stands twice, and what `take` refused.
 */
bool weir__serve_config_read(const char *path, weir__serve_config_take_fn take, void *context);

#endif
