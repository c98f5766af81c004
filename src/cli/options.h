/*
 * options - reads a command line by a table, and prints the table as help.
 *
 * Short and long options as GNU getopt_long has them (-n200, -n 200, --total=200, --total 200, -vn200, --), with
 * messages that name the option and guess at what was meant.  What the values mean is its caller's concern.
 */
#ifndef WEIR_CLI_OPTIONS_H
#define WEIR_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One row; a table ends with a row whose name is NULL. */
struct weir__option {
    char letter;          /* '\0' if none */
    const char *name;     /* without its dashes */
    const char *argument; /* what the help calls the value; NULL for a flag */
    const char *help;     /* one line, or several divided by '\n'; NULL: not shown */
    int id;               /* the caller's */
};

/* Takes one option, or with `option` NULL an operand.  False ends the parse; it has said why. */
typedef bool (*weir__options_take_fn)(void *context, const struct weir__option *option, const char *value);

/* `arguments` are those after the command's name.  False after a message on stderr that begins "weir COMMAND:". */
bool weir__options_parse(const char *command, const struct weir__option *table, int count, char **arguments,
                         weir__options_take_fn take, void *context);

/* The table as aligned lines of at most 80 columns, given that its texts are short enough. */
void weir__options_print(const struct weir__option *table, FILE *file);

#endif
