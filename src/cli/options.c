/* options - see options.h */
#include "cli/options.h"

#include "cli/say.h"
#include "json/suggest.h"

#include <string.h>

#define NAME_MAX_SIZE 32
#define OPTIONS_MAX 64 /* rows of a table */
#define HELP_COLUMN 28

static const struct weir__option *by_letter(const struct weir__option *table, char letter)
{
    for (; table->name != NULL; table++)
        if (table->letter == letter)
            return table;
    return NULL;
}

static const struct weir__option *by_name(const struct weir__option *table, const char *name, size_t size)
{
    for (; table->name != NULL; table++)
        if (strlen(table->name) == size && memcmp(table->name, name, size) == 0)
            return table;
    return NULL;
}

/* `text` is "name" or "name=value"; the value is not repeated, since it may be a secret. */
static bool unknown_long(const char *command, const struct weir__option *table, const char *text, size_t size)
{
    char name[NAME_MAX_SIZE + 1], shown[4 * NAME_MAX_SIZE + 1];
    const char *names[OPTIONS_MAX], *near;
    size_t count = 0;

    (void)snprintf(name, sizeof name, "%.*s", (int)(size < NAME_MAX_SIZE ? size : NAME_MAX_SIZE), text);
    weir__say_escape(name, shown, sizeof shown);
    for (; table->name != NULL && count < OPTIONS_MAX; table++)
        names[count++] = table->name;
    near = weir__suggest_pick(name, names, count);
    if (near != NULL)
        weir__say("weir %s: unknown option --%s (did you mean --%s?)", command, shown, near);
    else
        weir__say("weir %s: unknown option --%s (see weir %s --help)", command, shown, command);
    return false;
}

/* What one parse has at hand. */
struct parse {
    const char *command;
    const struct weir__option *table;
    int count;
    char **arguments;
    int next;
    weir__options_take_fn take;
    void *context;
};

/* The value that stands in the next argument. */
static bool take_next(struct parse *parse, const struct weir__option *option)
{
    if (parse->next >= parse->count) {
        weir__say("weir %s: --%s needs a value (%s)", parse->command, option->name, option->argument);
        return false;
    }
    return parse->take(parse->context, option, parse->arguments[parse->next++]);
}

static bool parse_long(struct parse *parse, const char *text)
{
    const size_t size = strcspn(text, "=");
    const struct weir__option *option = by_name(parse->table, text, size);

    if (option == NULL)
        return unknown_long(parse->command, parse->table, text, size);
    if (option->argument == NULL && text[size] == '=') {
        weir__say("weir %s: --%s takes no value", parse->command, option->name);
        return false;
    }
    if (option->argument == NULL)
        return parse->take(parse->context, option, NULL);
    if (text[size] == '=')
        return parse->take(parse->context, option, text + size + 1);
    return take_next(parse, option);
}

/* A run of letters: flags, and at most one option with a value at its end. */
static bool parse_short(struct parse *parse, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const struct weir__option *option = by_letter(parse->table, *letters);
        if (option == NULL) {
            const char name[2] = {*letters, '\0'};
            char shown[8];
            weir__say("weir %s: unknown option -%s (see weir %s --help)", parse->command,
                      weir__say_escape(name, shown, sizeof shown), parse->command);
            return false;
        }
        if (option->argument != NULL)
            return letters[1] != '\0' ? parse->take(parse->context, option, letters + 1) : take_next(parse, option);
        if (!parse->take(parse->context, option, NULL))
            return false;
    }
    return true;
}

bool weir__options_parse(const char *command, const struct weir__option *table, int count, char **arguments,
                         weir__options_take_fn take, void *context)
{
    struct parse parse = {command, table, count, arguments, 0, take, context};
    bool only_operands = false;

    while (parse.next < count) {
        const char *argument = arguments[parse.next++];
        bool taken;
        if (only_operands || argument[0] != '-' || argument[1] == '\0') {
            taken = take(context, NULL, argument);
        } else if (strcmp(argument, "--") == 0) {
            only_operands = true;
            taken = true;
        } else if (argument[1] == '-') {
            taken = parse_long(&parse, argument + 2);
        } else {
            taken = parse_short(&parse, argument + 1);
        }
        if (!taken)
            return false;
    }
    return true;
}

void weir__options_print(const struct weir__option *table, FILE *file)
{
    for (; table->name != NULL; table++) {
        char left[64];
        const char *help = table->help;
        if (help == NULL)
            continue;
        if (table->letter != '\0')
            (void)snprintf(left, sizeof left, "  -%c, --%s %s", table->letter, table->name,
                           table->argument != NULL ? table->argument : "");
        else
            (void)snprintf(left, sizeof left, "      --%s %s", table->name,
                           table->argument != NULL ? table->argument : "");
        for (const char *column = left; *help != '\0'; column = "") {
            const size_t size = strcspn(help, "\n");
            (void)fprintf(file, "%-*s %.*s\n", HELP_COLUMN, column, (int)size, help);
            help += size + (help[size] == '\n');
        }
    }
}
