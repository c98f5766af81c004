/* exec_options - the command line of `weir exec`: its own options, up to the command. */
#include "cli/exec.h"

#include "base/units.h"
#include "cli/options.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>

#define PER_MIN_NS 1000 /* of weir_rate.per_ns */

enum id { ID_CONCURRENCY, ID_RATE, ID_SHAPE, ID_SCOPE, ID_VERBOSE, ID_HELP, ID_VERSION };

static const struct weir__option table[] = {
    {'c', "concurrency", "N", "at most N requests in flight", ID_CONCURRENCY},
    {'r', "rate", "N/PERIOD",
     "at most N in any PERIOD: 100/s, 5000/h, 10/250ms;\nauto: what the server states; repeat it for more", ID_RATE},
    {'\0', "shape", "NAME", "how rates are kept: strict, window or paced", ID_SHAPE},
    {'\0', "scope", "host:NAME", "share the limits with all who name the same scope\n(default: the command's own)",
     ID_SCOPE},
    {'v', "verbose", NULL, "at the end, a line for each limit", ID_VERBOSE},
    {'h', "help", NULL, "this text", ID_HELP},
    {'V', "version", NULL, "the version", ID_VERSION},
    {'\0', NULL, NULL, NULL, 0},
};

struct parse {
    struct weir__exec_options *out;
    const char *operand; /* the first one: the command's name */
};

static bool take_concurrency(struct weir__exec_options *out, const char *text)
{
    char shown[64];
    uint64_t count;

    if (!weir__units_parse_count(text, WEIR_CONCURRENCY_MAX, &count) || count == 0) {
        weir__say("weir exec: --concurrency: expected a whole number from 1 to %u, got \"%s\"", WEIR_CONCURRENCY_MAX,
                  weir__say_escape(text, shown, sizeof shown));
        return false;
    }
    out->concurrency = (uint32_t)count;
    return true;
}

static bool take_rate(struct weir__exec_options *out, const char *text)
{
    struct weir_rate rate = {0, 0, 0, WEIR_SHAPE_DEFAULT};
    char shown[64];

    if (strcmp(text, "auto") == 0)
        return out->rate_auto = true;
    if (!weir__units_parse_rate(text, &rate.requests, &rate.per_ns)) {
        weir__say("weir exec: --rate: expected a rate such as 100/s, 5000/h or 10/250ms, or auto, got \"%s\"",
                  weir__say_escape(text, shown, sizeof shown));
        return false;
    }
    if (rate.requests > WEIR_PERMITS_MAX || rate.per_ns < PER_MIN_NS || rate.per_ns > WEIR_PERIOD_MAX_NS) {
        weir__say("weir exec: --rate: expected 1 to %u requests in a period from 1us to 744h, got \"%s\"",
                  WEIR_PERMITS_MAX, weir__say_escape(text, shown, sizeof shown));
        return false;
    }
    if (out->rate_count == WEIR_RATES_MAX) {
        weir__say("weir exec: --rate: at most %u rates", WEIR_RATES_MAX);
        return false;
    }
    out->rates[out->rate_count++] = rate;
    return true;
}

static bool take_shape(struct weir__exec_options *out, const char *text)
{
    if (strcmp(text, "strict") == 0)
        out->shape = WEIR_SHAPE_STRICT;
    else if (strcmp(text, "window") == 0)
        out->shape = WEIR_SHAPE_WINDOW;
    else if (strcmp(text, "paced") == 0)
        out->shape = WEIR_SHAPE_PACED;
    else {
        weir__say("weir exec: --shape: expected strict, window or paced");
        return false;
    }
    return true;
}

static bool take_scope(struct weir__exec_options *out, const char *text)
{
    if (strncmp(text, "host:", 5) != 0) { /* the name is the library's to check */
        weir__say("weir exec: --scope: expected host:NAME");
        return false;
    }
    out->scope = text;
    return true;
}

static bool take(void *context, const struct weir__option *option, const char *value)
{
    struct parse *parse = context;

    if (option == NULL) { /* what follows is the command's: false ends the parse */
        parse->operand = value;
        return false;
    }
    switch ((enum id)option->id) {
    case ID_CONCURRENCY:
        return take_concurrency(parse->out, value);
    case ID_RATE:
        return take_rate(parse->out, value);
    case ID_SHAPE:
        return take_shape(parse->out, value);
    case ID_SCOPE:
        return take_scope(parse->out, value);
    case ID_VERBOSE:
        return parse->out->verbose = true;
    case ID_HELP:
        return parse->out->help = true;
    case ID_VERSION:
        return parse->out->version = true;
    }
    return false;
}

static bool check(const struct weir__exec_options *options)
{
    if (options->command == NULL) {
        weir__say("weir exec: which command? (see weir exec --help)");
        return false;
    }
    if (options->concurrency == 0 && options->rate_count == 0 && !options->rate_auto && options->scope == NULL) {
        weir__say("weir exec: which limits? give -r or -c, or a --scope that has some");
        return false;
    }
    return true;
}

bool weir__exec_options_parse(int count, char **arguments, struct weir__exec_options *out)
{
    struct parse parse = {out, NULL};

    *out = (struct weir__exec_options){0};
    if (!weir__options_parse("exec", table, count, arguments, take, &parse) && parse.operand == NULL)
        return false;
    for (int i = 0; i < count && parse.operand != NULL && out->command == NULL; i++)
        if (arguments[i] == parse.operand) /* the very one, not a value of the same text */
            out->command = &arguments[i];
    for (size_t i = 0; i < out->rate_count; i++)
        out->rates[i].shape = out->shape;
    return out->help || out->version || check(out);
}

void weir__exec_options_print(void)
{
    weir__options_print(table, stdout);
}
