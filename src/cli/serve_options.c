/*
 * serve_options - see serve_options.h
 *
 * A value is text wherever it comes from: an option's argument, or what stands under the same name in CONFIG.  So each
 * value is read and refused in one place, apply().
 */
#include "cli/serve_options.h"

#include "base/clock.h"
#include "base/units.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/serve_config.h"
#include "weir.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum id {
    ID_PORT,
    ID_LISTEN,
    ID_LIMIT,
    ID_WINDOW,
    ID_BURST,
    ID_LATENCY,
    ID_JITTER,
    ID_UPLINK,
    ID_FAIL,
    ID_RESET,
    ID_HEADERS,
    ID_REFUSAL,
    ID_SEED,
    ID_BODY,
    ID_DURATION,
    ID_QUIET,
    ID_HELP
};

static const struct weir__option table[] = {
    {'p', "port", "N", "port to listen on; 0 picks one (default 8080)", ID_PORT},
    {'\0', "listen", "ADDR", "numeric address (default 127.0.0.1, loopback only)", ID_LISTEN},
    {'\0', "limit", "N/PERIOD", "refuse what is more than that: 100/s, 10/250ms", ID_LIMIT},
    {'\0', "window", "SHAPE", "how to count: sliding (the default), fixed,\ncounter, bucket, leaky, none", ID_WINDOW},
    {'\0', "burst", "N", "capacity of the bucket (default: N of the limit);\nexcess that leaky lets pass (0)",
     ID_BURST},
    {'\0', "latency", "DUR", "answer that long after counting the request", ID_LATENCY},
    {'\0', "jitter", "DUR", "up to that much more or less latency, uniform", ID_JITTER},
    {'\0', "uplink", "DUR", "delay each request by up to that, uniform,\nbefore counting it", ID_UPLINK},
    {'\0', "fail", "STATUS:SHARE", "answer a share (0.1, 10%) of what the limit lets\npass with STATUS; repeatable",
     ID_FAIL},
    {'\0', "reset", "SHARE", "close the connection on a share of what the limit\nlets pass, without an answer",
     ID_RESET},
    {'\0', "headers", "DIALECT", "tell about the limit: retry-after, ietf, legacy,\ngithub, openai (default none)",
     ID_HEADERS},
    {'\0', "refusal", "STATUS", "of what is over the limit (default 429)", ID_REFUSAL},
    {'\0', "seed", "N", "of the random draws (default 1)", ID_SEED},
    {'\0', "body", "SIZE", "size of an answer's body, a JSON string", ID_BODY},
    {'\0', "duration", "DUR", "stop by itself", ID_DURATION},
    {'\0', "quiet", NULL, "nothing on stderr but errors", ID_QUIET},
    {'h', "help", NULL, "this text", ID_HELP},
    {0},
};

struct name {
    const char *text;
    int value;
};

static const struct name shape_names[] = {
    {"none", WEIR__WINDOW_NONE},
    {"sliding", WEIR__WINDOW_SLIDING},
    {"fixed", WEIR__WINDOW_FIXED},
    {"counter", WEIR__WINDOW_COUNTER},
    {"bucket", WEIR__WINDOW_BUCKET},
    {"leaky", WEIR__WINDOW_LEAKY},
    {NULL, 0},
};

static const struct name dialect_names[] = {
    {"none", WEIR__DIALECT_NONE},
    {"retry-after", WEIR__DIALECT_RETRY_AFTER},
    {"ietf", WEIR__DIALECT_IETF},
    {"legacy", WEIR__DIALECT_LEGACY},
    {"github", WEIR__DIALECT_GITHUB},
    {"openai", WEIR__DIALECT_OPENAI},
    {NULL, 0},
};

static bool find_name(const struct name *names, const char *text, int *out)
{
    for (; names->text != NULL; names++) {
        if (strcmp(names->text, text) == 0) {
            *out = names->value;
            return true;
        }
    }
    return false;
}

/* ----------------------------------------------------------------------------------------------------------- values */

static bool parse_status(const char *text, uint64_t least, int *out)
{
    uint64_t status;

    if (!weir__units_parse_count(text, 599, &status) || status < least)
        return false;
    *out = (int)status;
    return true;
}

static bool apply_limit(struct weir__serve_options *o, const char *value)
{
    uint32_t limit;
    int64_t period_ns;

    if (!weir__units_parse_rate(value, &limit, &period_ns) || limit > WEIR_PERMITS_MAX ||
        period_ns > WEIR_PERIOD_MAX_NS)
        return false;
    o->limit = limit;
    o->period_ns = period_ns;
    return true;
}

static bool apply_fail(struct weir__serve_options *o, const char *value)
{
    const char *colon = strchr(value, ':');
    char status[8];
    double share;

    if (o->fail_count == WEIR__SERVE_FAILS_MAX || colon == NULL || (size_t)(colon - value) >= sizeof status)
        return false;
    (void)snprintf(status, sizeof status, "%.*s", (int)(colon - value), value);
    if (!weir__units_parse_share(colon + 1, &share) || !parse_status(status, 200, &o->fails[o->fail_count].status))
        return false;
    o->fails[o->fail_count++].share = share;
    return true;
}

static bool apply_listen(struct weir__serve_options *o, const char *value)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (strcmp(value, "localhost") == 0)
        value = "127.0.0.1";
    if (strlen(value) >= sizeof o->address ||
        (inet_pton(AF_INET, value, address) != 1 && inet_pton(AF_INET6, value, address) != 1))
        return false;
    (void)snprintf(o->address, sizeof o->address, "%s", value);
    return true;
}

static bool apply_count(const char *value, uint64_t max, uint64_t *out)
{
    return weir__units_parse_count(value, max, out);
}

static bool apply_shape(struct weir__serve_options *o, const char *value)
{
    int shape;

    if (!find_name(shape_names, value, &shape))
        return false;
    o->shape = (enum weir__window_shape)shape;
    return o->shape_given = true;
}

static bool apply_dialect(struct weir__serve_options *o, const char *value)
{
    int dialect;

    if (!find_name(dialect_names, value, &dialect))
        return false;
    o->dialect = (enum weir__dialect)dialect;
    return true;
}

/* Reads one value.  NULL where it is fine, else what was expected. */
static const char *apply(struct weir__serve_options *o, int id, const char *value)
{
    static const char duration[] = "a duration such as 250ms, 1.5s or 2m";
    uint64_t n = 0;

    switch ((enum id)id) {
    case ID_PORT:
        if (!apply_count(value, 65535, &n))
            return "a port from 0 to 65535";
        o->port = (uint16_t)n;
        return NULL;
    case ID_LISTEN:
        return apply_listen(o, value) ? NULL : "a numeric IPv4 or IPv6 address";
    case ID_LIMIT:
        return apply_limit(o, value) ? NULL : "N/PERIOD such as 100/s or 10/250ms, N from 1 to 1000000";
    case ID_WINDOW:
        return apply_shape(o, value) ? NULL : "sliding, fixed, counter, bucket, leaky or none";
    case ID_BURST:
        if (!apply_count(value, WEIR_PERMITS_MAX, &n))
            return "a whole number from 0 to 1000000";
        o->burst = (uint32_t)n;
        o->burst_given = true;
        return NULL;
    case ID_LATENCY:
        return weir__units_parse_duration(value, &o->latency_ns) ? NULL : duration;
    case ID_JITTER:
        return weir__units_parse_duration(value, &o->jitter_ns) ? NULL : duration;
    case ID_UPLINK:
        return weir__units_parse_duration(value, &o->uplink_ns) ? NULL : duration;
    case ID_FAIL:
        return apply_fail(o, value) ? NULL : "STATUS:SHARE such as 503:0.1 or 500:5%, at most 16 of them";
    case ID_RESET:
        return weir__units_parse_share(value, &o->reset_share) ? NULL : "a share such as 0.1 or 10%";
    case ID_HEADERS:
        return apply_dialect(o, value) ? NULL : "none, retry-after, ietf, legacy, github or openai";
    case ID_REFUSAL:
        return parse_status(value, 400, &o->refusal_status) ? NULL : "a status from 400 to 599";
    case ID_SEED:
        return apply_count(value, UINT64_MAX, &o->seed) ? NULL : "a whole number";
    case ID_BODY:
        if (!weir__units_parse_size(value, &n) || n > WEIR__SERVE_ANSWER_MAX)
            return "a size such as 512 or 64KiB, at most 64MiB";
        o->body_size = n;
        o->body_given = true;
        return NULL;
    case ID_DURATION:
        return weir__units_parse_duration(value, &o->duration_ns) && o->duration_ns > 0
                   ? NULL
                   : "a duration of more than 0 such as 30s";
    case ID_QUIET:
        o->quiet = true;
        return NULL;
    case ID_HELP:
        break;
    }
    return "nothing of that name";
}

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
    if (o->limit == 0 && o->dialect != WEIR__DIALECT_NONE)
        return "--headers needs --limit N/PERIOD";
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
    if (option->id == ID_HELP)
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
        if (strcmp(row->name, name) != 0 || row->id == ID_HELP)
            continue;
        if (flag != (row->argument == NULL))
            return flag ? "a string or a number" : "true or false";
        if ((keys->seen & UINT32_C(1) << row->id) != 0 && row->id != ID_FAIL)
            return "one value, no list";
        keys->seen |= UINT32_C(1) << row->id;
        return flag && strcmp(value, "false") == 0 ? NULL : apply(keys->options, row->id, value);
    }
    return "the long name of an option of weir serve";
}

static bool apply_line(const struct line *line, struct weir__serve_options *o)
{
    char shown[128];

    for (size_t i = 0; i < line->count; i++)
        if (line->given[i].id == ID_FAIL)
            o->fail_count = 0; /* CONFIG's: given here, they replace those */
    for (size_t i = 0; i < line->count; i++) {
        const char *value = line->given[i].value;
        const char *expected = apply(o, line->given[i].id, value);
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
        (void)snprintf(text, size, "%s, window %s, burst %" PRIu32, rate, shape_names[options->shape].text,
                       options->burst);
    else
        (void)snprintf(text, size, "%s, window %s", rate, shape_names[options->shape].text);
}
