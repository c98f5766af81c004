/*
 * overrides - what a command line changes in the configuration: the file that it names, and what it sets on top.
 *
 * Each option becomes a weir__config_set, so that its value is checked where the file's are.  Which options there are,
 * and what a set key does, is its callers' concern.
 */
#ifndef WEIR_CLI_OVERRIDES_H
#define WEIR_CLI_OVERRIDES_H

#include "json/config.h"

#include <stdbool.h>
#include <stddef.h>

struct weir__overrides {
    const char *command;     /* "run": for messages */
    const char *config_file; /* NULL if none */

    struct weir__config_set *sets; /* in their order */
    size_t set_count;
    const char **rates; /* of the command line, until they are collected into one set */
    size_t rate_count;

    /* texts that the sets point to */
    char **owned;
    size_t owned_count;
};

/*
 * Room for what `argument_count` arguments can bring: of each, two sets, a rate and an owned text at most.  What is
 * pointed to (`command`, and the texts given below but for those of own) must hold as long as the overrides.
 * False after a message.  Either way clear frees them, and so it does where all is zero.
 */
bool weir__overrides_init(struct weir__overrides *overrides, const char *command, size_t argument_count);
void weir__overrides_clear(struct weir__overrides *overrides);

/* Appends a set.  Always true, for the caller to return. */
bool weir__overrides_add(struct weir__overrides *overrides, const char *path, const char *value, bool literal,
                         const char *origin);

/* Takes a text from the heap that clear is to free, and returns it.  NULL stays NULL: no memory, after a message. */
char *weir__overrides_own(struct weir__overrides *overrides, char *text);

/* --set KEY.PATH=VALUE.  False after a message, which shows `example`: "concurrency=3". */
bool weir__overrides_take_set(struct weir__overrides *overrides, const char *text, const char *example);

/* --rate.  Always true: the values are checked with the rest. */
bool weir__overrides_take_rate(struct weir__overrides *overrides, const char *text);

/* The argument that is no option: the configuration file, "-" for stdin.  False after a message. */
bool weir__overrides_take_operand(struct weir__overrides *overrides, const char *text);

/* After the last argument, once: the rates become a set, which replaces the file's.  False after a message. */
bool weir__overrides_collect_rates(struct weir__overrides *overrides);

/*
 * Loads the configuration with the sets on top.  False after every mistake was said, and then `out` is empty.
 * weir__config_clear() frees it.
 */
bool weir__overrides_load(const struct weir__overrides *overrides, enum weir__config_use use, struct weir__config *out);

#endif
