/*
 * serve_options - see serve_options.h
 *
 * A value is text wherever it comes from: an option's argument, or what stands under the same name in CONFIG.  So each
 * value is read and refused in one place, serve_values.
 */
#include "cli/serve_options.h"

#include "base/clock.h"
#include "base/units.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/serve_config.h"
#include "cli/serve_values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct weir__option table[] = {
    {'p', "port", "N", "port to listen on; 0 picks one (default 8080)", WEIR__SERVE_ID_PORT},
    {'\0', "listen", "ADDR", "numeric address (default 127.0.0.1, loopback only)", WEIR__SERVE_ID_LISTEN},
    {'\0', "limit", "N/PERIOD", "refuse what is more than that: 100/s, 10/250ms", WEIR__SERVE_ID_LIMIT},
    {'\0', "window", "SHAPE", "how to count: sliding (the default), fixed,\ncounter, bucket, leaky, none",
     WEIR__SERVE_ID_WINDOW},
    {'\0', "burst", "N", "capacity of the bucket (default: N of the limit);\nexcess that leaky lets pass (0)",
     WEIR__SERVE_ID_BURST},
    {'\0', "latency", "DUR", "answer that long after counting the request", WEIR__SERVE_ID_LATENCY},
    {'\0', "jitter", "DUR", "up to that much more or less latency, uniform", WEIR__SERVE_ID_JITTER},
    {'\0', "uplink", "DUR", "delay each request by up to that, uniform,\nbefore counting it", WEIR__SERVE_ID_UPLINK},
    {'\0', "fail", "STATUS:SHARE", "answer a share (0.1, 10%) of what the limit lets\npass with STATUS; repeatable",
     WEIR__SERVE_ID_FAIL},
    {'\0', "reset", "SHARE", "close the connection on a share of what the limit\nlets pass, without an answer",
     WEIR__SERVE_ID_RESET},
    {'\0', "headers", "DIALECT",
     "tell about the limit: retry-after, ietf, legacy,\ngithub, openai, anthropic, discord (default none)",
     WEIR__SERVE_ID_HEADERS},
    {'\0', "refusal", "STATUS", "of what is over the limit (default 429)", WEIR__SERVE_ID_REFUSAL},
    {'\0', "refuse-for", "DUR", "refuse everything for that long from the first\nrequest on",
     WEIR__SERVE_ID_REFUSE_FOR},
    {'\0', "retry-after", "DUR", "what Retry-After says in every refusal, in whole\nseconds, whatever would be right",
     WEIR__SERVE_ID_RETRY_AFTER},
    {'\0', "seed", "N", "of the random draws (default 1)", WEIR__SERVE_ID_SEED},
    {'\0', "body", "SIZE", "size of an answer's body, a JSON string", WEIR__SERVE_ID_BODY},
    {'\0', "duration", "DUR", "stop by itself", WEIR__SERVE_ID_DURATION},
    {'\0', "log", "FILE",
     "a line for each request as it is counted: seconds\nsince the start, method, path, status or \"reset\"",
     WEIR__SERVE_ID_LOG},
    {'\0', "quiet", NULL, "nothing on stderr but errors", WEIR__SERVE_ID_QUIET},
    {'h', "help", NULL, "this text", WEIR__SERVE_ID_HELP},
    {0},
};

/* What only the whole can tell.  NULL where it is fine. */
static const char *check_whole(const struct weir__serve_options *o)
{
    double shares = o->reset_share;

    for (size_t i = 0; i < o->fail_count; i++)
        shares += o->fails[i].share;
    if (shares > 1.0 + 1e-9)
        return "the shares of --fail and --reset add up to more than 1";
    if (o->limit == 0 && o->shape != WEIR__WINDOW_NONE)
        return "--window needs --limit N/PERIOD";
    if (o->limit == 0 && o->dialect == WEIR__DIALECT_RETRY_AFTER && o->refuse_for_ns == 0)
        return "--headers retry-after needs --limit N/PERIOD or --refuse-for DUR";
    if (o->limit == 0 && o->dialect != WEIR__DIALECT_NONE && o->dialect != WEIR__DIALECT_RETRY_AFTER)
        return "--headers needs --limit N/PERIOD";
    if (o->limit == 0 && o->retry_after_given && o->refuse_for_ns == 0)
        return "--retry-after needs --limit N/PERIOD or --refuse-for DUR, without which nothing is refused";
    if (o->burst_given && o->shape != WEIR__WINDOW_BUCKET && o->shape != WEIR__WINDOW_LEAKY)
        return "--burst is for --window bucket or leaky";
    if (o->burst_given && o->burst == 0 && o->shape == WEIR__WINDOW_BUCKET)
        return "--burst must be at least 1 for --window bucket, which would let nothing pass";
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- sources */

/* The command line as it was read: checked names, values still text. */
struct line {
    struct {
        int id;
        const char *name;
        const char *value;
    } * given;
    size_t count;
    const char *config;
    bool help;
};

static bool take(void *context, const struct weir__option *option, const char *value)
{
    struct line *line = context;

    if (option == NULL) {
        if (line->config != NULL) {
            weir__say("weir serve: only one CONFIG can be given");
            return false;
        }
        line->config = value;
        return true;
    }
    if (option->id == WEIR__SERVE_ID_HELP)
        line->help = true;
    line->given[line->count].id = option->id;
    line->given[line->count].name = option->name;
    line->given[line->count++].value = value;
    return true;
}

/* CONFIG on its way into the options. */
struct keys {
    struct weir__serve_options *options;
    uint32_t seen; /* a bit for each id */
};

/* One key of CONFIG.  NULL where it is fine, else what was expected. */
static const char *take_key(void *context, const char *name, const char *value, bool flag)
{
    struct keys *keys = context;

    for (const struct weir__option *row = table; row->name != NULL; row++) {
        if (strcmp(row->name, name) != 0 || row->id == WEIR__SERVE_ID_HELP)
            continue;
        if (flag != (row->argument == NULL))
            return flag ? "a string or a number" : "true or false";
        if ((keys->seen & UINT32_C(1) << row->id) != 0 && row->id != WEIR__SERVE_ID_FAIL)
            return "one value, no list";
        keys->seen |= UINT32_C(1) << row->id;
        return flag && strcmp(value, "false") == 0 ? NULL : weir__serve_values_apply(keys->options, row->id, value);
    }
    return "the long name of an option of weir serve";
}

static bool apply_line(const struct line *line, struct weir__serve_options *o)
{
    char shown[128];

    for (size_t i = 0; i < line->count; i++)
        if (line->given[i].id == WEIR__SERVE_ID_FAIL)
            o->fail_count = 0; /* CONFIG's: given here, they replace those */
    for (size_t i = 0; i < line->count; i++) {
        const char *value = line->given[i].value;
        const char *expected = weir__serve_values_apply(o, line->given[i].id, value);
        if (expected != NULL) {
            weir__say("weir serve: --%s: expected %s, got \"%s\"", line->given[i].name, expected,
                      weir__say_escape(value, shown, sizeof shown));
            return false;
        }
    }
    return true;
}

enum weir__serve_parsed weir__serve_options_parse(int count, char **arguments, struct weir__serve_options *out)
{
    struct weir__serve_options o = {
        .port = 8080, .address = "127.0.0.1", .period_ns = WEIR__NS_PER_S, .refusal_status = 429, .seed = 1};
    struct line line = {0};
    struct keys keys = {&o, 0};
    const char *wrong;
    enum weir__serve_parsed parsed = WEIR__SERVE_WRONG;

    line.given = calloc((size_t)count + 1, sizeof *line.given); /* an option is one argument at least */
    if (line.given == NULL) {
        weir__say("weir serve: out of memory");
        return WEIR__SERVE_WRONG;
    }
    if (!weir__options_parse("serve", table, count, arguments, take, &line))
        goto done;
    if (line.help) {
        parsed = WEIR__SERVE_HELP;
        goto done;
    }
    if ((line.config != NULL && !weir__serve_config_read(line.config, take_key, &keys)) || !apply_line(&line, &o))
        goto done;
    if (o.limit > 0 && !o.shape_given)
        o.shape = WEIR__WINDOW_SLIDING;
    wrong = check_whole(&o);
    if (wrong != NULL) {
        weir__say("weir serve: %s", wrong);
        goto done;
    }
    *out = o;
    parsed = WEIR__SERVE_RUN;
done:
    free(line.given);
    return parsed;
}

/* ------------------------------------------------------------------------------------------------------ for people */

void weir__serve_options_help(FILE *to)
{
    (void)fputs("Usage: weir serve [CONFIG] [options]\n\n"
                "A rate-limited HTTP target.  Prints its URL as the first line on stdout.  Every path\n"
                "answers and is counted, except GET /stats (statistics as JSON) and POST /reset\n"
                "(zeroes them and the window); /echo answers with the request's body.\n\n",
                to);
    weir__options_print(table, to);
    (void)fputs(
        "\nCONFIG is a JSON object with the same names: {\"port\":0,\"limit\":\"100/s\"}; options override it.\n", to);
}

void weir__serve_options_describe(const struct weir__serve_options *options, char *text, size_t size)
{
    char rate[64];

    if (options->limit == 0) {
        (void)snprintf(text, size, "no limit");
        return;
    }
    weir__units_format_rate(options->limit, options->period_ns, rate, sizeof rate);
    if (options->burst_given)
        (void)snprintf(text, size, "%s, window %s, burst %" PRIu32, rate, weir__serve_values_shape(options->shape),
                       options->burst);
    else
        (void)snprintf(text, size, "%s, window %s", rate, weir__serve_values_shape(options->shape));
}
