/* bench_options - see bench_options.h */
#include "cli/bench_options.h"

#include "base/units.h"
#include "cli/options.h"
#include "cli/say.h"
#include "json/suggest.h"
#include "json/writer.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_PERIODS 3u /* a limited target: as many requests as it allows in so many of them, unless told */

enum id {
    ID_URL,
    ID_TOTAL,
    ID_CONCURRENCY,
    ID_LATENCY,
    ID_RATE,
    ID_LIMIT,
    ID_ENGINES,
    ID_PEERS,
    ID_ROUNDS,
    ID_WARMUPS,
    ID_SET,
    ID_JSON,
    ID_CSV,
    ID_OUTPUT,
    ID_HTML,
    ID_QUIET,
    ID_HELP
};

static const struct weir__option table[] = {
    {'u', "url", "URL", "where to send (default: a target of its own)", ID_URL},
    {'n', "total", "N", "requests a round (default 2000)", ID_TOTAL},
    {'c', "concurrency", "LIST", "requests in flight: 32, or 32,1000 for both", ID_CONCURRENCY},
    {'\0', "latency", "LIST", "of the built-in target (default 0ms,50ms)", ID_LATENCY},
    {'r', "rate", "N/PERIOD", "what threads and async keep to; repeat it for more", ID_RATE},
    {'\0', "limit", "N/PERIOD", "what the built-in target allows in any PERIOD", ID_LIMIT},
    {'\0', "engines", "LIST", "threads, async, naive (all three); none", ID_ENGINES},
    {'\0', "peers", "LIST", "of the configuration's peers: names; all; none", ID_PEERS},
    {'\0', "rounds", "N", "of each subject (default 5)", ID_ROUNDS},
    {'\0', "warmups", "N", "rounds before them that do not count (default 1)", ID_WARMUPS},
    {'\0', "set", "KEY.PATH=VALUE", "any key of the configuration", ID_SET},
    {'\0', "json", NULL, "the results as one JSON object on stdout", ID_JSON},
    {'\0', "csv", NULL, "a line for each round on stdout, and medians", ID_CSV},
    {'o', "output", "FILE", "the results as JSON, for weir report", ID_OUTPUT},
    {'\0', "html", "FILE", "a page with the results", ID_HTML},
    {'\0', "quiet", NULL, "only errors on stderr", ID_QUIET},
    {'h', "help", NULL, "this text", ID_HELP},
    {'\0', NULL, NULL, NULL, 0},
};

/* ----------------------------------------------------------------------------------------------------------- reading
 */

char *weir__bench_options_list(const char *text)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    weir__writer_array(&writer, NULL);
    for (;;) {
        const size_t size = strcspn(text, ",");

        weir__writer_bytes(&writer, NULL, text, size);
        if (text[size] == '\0')
            break;
        text += size + 1;
    }
    weir__writer_end(&writer);
    if (writer.failed)
        weir__writer_clear(&writer);
    return writer.text;
}

static bool add_list(struct weir__overrides *overrides, const char *path, const char *text, const char *origin)
{
    const char *list = weir__overrides_own(overrides, weir__bench_options_list(text));

    return list != NULL && weir__overrides_add(overrides, path, list, false, origin);
}

static bool take_engines(struct weir__overrides *overrides, const char *text)
{
    if (strcmp(text, "none") == 0)
        return weir__overrides_add(overrides, "bench.engines", "[]", false, "--engines");
    return add_list(overrides, "bench.engines", text, "--engines");
}

static bool take_limit(struct weir__bench_options *options, const char *text)
{
    struct weir_rate rate = {0, 0, 0, WEIR_SHAPE_DEFAULT};
    char shown[64];

    if (!weir__units_parse_rate(text, &rate.requests, &rate.per_ns) || rate.requests > WEIR_PERMITS_MAX) {
        weir__say("weir bench: --limit: expected a rate such as 100/s or 10/250ms, got \"%s\"",
                  weir__say_escape(text, shown, sizeof shown));
        return false;
    }
    options->limit_rate = rate;
    weir__units_format_rate(rate.requests, rate.per_ns, options->limit, sizeof options->limit);
    return true;
}

static bool take(void *context, const struct weir__option *option, const char *value)
{
    struct weir__bench_options *options = context;
    struct weir__overrides *overrides = &options->overrides;

    if (option == NULL)
        return weir__overrides_take_operand(overrides, value);
    switch (option->id) {
    case ID_URL:
        return weir__overrides_add(overrides, "url", value, true, "--url");
    case ID_TOTAL:
        return weir__overrides_add(overrides, "total", value, false, "--total");
    case ID_CONCURRENCY:
        return add_list(overrides, "bench.concurrency", value, "--concurrency");
    case ID_LATENCY:
        options->has_latency = true;
        return add_list(overrides, "bench.latency", value, "--latency");
    case ID_RATE:
        return weir__overrides_take_rate(overrides, value);
    case ID_LIMIT:
        return take_limit(options, value);
    case ID_ENGINES:
        return take_engines(overrides, value);
    case ID_PEERS:
        options->peers = value;
        return true;
    case ID_ROUNDS:
        return weir__overrides_add(overrides, "bench.rounds", value, false, "--rounds");
    case ID_WARMUPS:
        return weir__overrides_add(overrides, "bench.warmups", value, false, "--warmups");
    case ID_SET:
        return weir__overrides_take_set(overrides, value, "bench.rounds=3");
    case ID_JSON:
        return options->json = true;
    case ID_CSV:
        return options->csv = true;
    case ID_OUTPUT:
        options->output_file = value;
        return true;
    case ID_HTML:
        options->html_file = value;
        return true;
    case ID_QUIET:
        return options->quiet = true;
    default:
        return options->help = true;
    }
}

bool weir__bench_options_parse(int count, char **arguments, struct weir__bench_options *out)
{
    memset(out, 0, sizeof *out);
    out->peers = "all";
    if (!weir__overrides_init(&out->overrides, "bench", (size_t)count) ||
        !weir__options_parse("bench", table, count, arguments, take, out) ||
        !weir__overrides_collect_rates(&out->overrides))
        return false;
    if (out->json && out->csv && !out->help) {
        weir__say("weir bench: --json and --csv both want standard output");
        return false;
    }
    return true;
}

void weir__bench_options_clear(struct weir__bench_options *options)
{
    weir__overrides_clear(&options->overrides);
    memset(options, 0, sizeof *options);
}

/* ----------------------------------------------------------------------------------------------------------- loading
 */

bool weir__bench_options_wants(const char *peers, const char *name)
{
    const size_t length = strlen(name);

    if (strcmp(peers, "all") == 0)
        return true;
    for (;;) {
        const size_t size = strcspn(peers, ",");

        if (size == length && memcmp(peers, name, size) == 0)
            return true;
        if (peers[size] == '\0')
            return false;
        peers += size + 1;
    }
}

/* Whether each name that --peers has is a peer's. */
static bool check_peers(const struct weir__bench_options *options, const struct weir__config *config)
{
    const char *names[WEIR__CONFIG_PEERS_MAX], *near, *at = options->peers;
    char name[128], shown[256];

    if (strcmp(at, "all") == 0 || strcmp(at, "none") == 0)
        return true;
    for (size_t i = 0; i < config->peer_count; i++)
        names[i] = config->peers[i].name;
    for (;;) {
        const size_t size = strcspn(at, ",");
        size_t i = 0;

        (void)snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : sizeof name - 1), at);
        while (i < config->peer_count && strcmp(names[i], name) != 0)
            i++;
        if (i == config->peer_count) {
            near = weir__suggest_pick(name, names, config->peer_count);
            weir__say("weir bench: --peers: the configuration has no peer \"%s\"%s%s%s",
                      weir__say_escape(name, shown, sizeof shown), near == NULL ? "" : " (did you mean \"",
                      near == NULL ? "" : near, near == NULL ? "" : "\"?)");
            return false;
        }
        if (at[size] == '\0')
            return true;
        at += size + 1;
    }
}

/* NULL, or what cannot be measured so. */
static const char *contradiction(const struct weir__bench_options *options, const struct weir__config *config)
{
    size_t peers = 0;

    for (size_t i = 0; i < config->peer_count; i++)
        peers += weir__bench_options_wants(options->peers, config->peers[i].name);
    if (config->input != NULL)
        return "an input is for weir run; a benchmark sends equal requests: leave it out, or --set input=null";
    if (config->url != NULL && options->limit[0] != '\0')
        return "--limit is for the built-in target, which is used where there is no URL";
    if (config->url != NULL && options->has_latency)
        return "--latency is for the built-in target, which is used where there is no URL";
    if (config->has_total && (config->total < 1 || config->total > WEIR__BENCH_TOTAL_MAX))
        return "a round has 1 to 10000000 requests (--total)";
    if (config->bench.subject_count == 0 && peers == 0)
        return "nothing to measure: neither engines nor peers";
    return NULL;
}

bool weir__bench_options_load(const struct weir__bench_options *options, struct weir__config *out)
{
    const char *wrong;
    bool good;

    if (!weir__overrides_load(&options->overrides, WEIR__CONFIG_BENCH, out))
        return false;
    good = check_peers(options, out);
    wrong = good ? contradiction(options, out) : NULL;
    if (wrong != NULL)
        weir__say("weir bench: %s", wrong);
    if (!good || wrong != NULL) {
        weir__config_clear(out);
        return false;
    }
    if (!out->has_total) {
        const uint64_t limited = (uint64_t)options->limit_rate.requests * LIMIT_PERIODS;

        out->has_total = true;
        out->total = limited > 0 && limited < WEIR__BENCH_TOTAL ? limited : WEIR__BENCH_TOTAL;
    }
    return true;
}

void weir__bench_options_help(void)
{
    (void)fputs("usage: weir bench [CONFIG] [options]\n"
                "\n"
                "Carries out the same requests with each subject in turn: threads and async, the\n"
                "engines of weir; naive, a thread for each request and no limit; and the peers of\n"
                "CONFIG.  Tells throughput, refusals and failures, CPU time, context switches,\n"
                "memory and latencies of each, as medians of its rounds.\n"
                "Without a URL the target is a weir serve of its own process.\n"
                "\n",
                stdout);
    weir__options_print(table, stdout);
    (void)fputs("\n"
                "Latencies count from the send; with --rate, from when a request was to be sent.\n"
                "\n"
                "exit codes:\n"
                "  0  every round came to its end    3  interrupted\n"
                "  1  a subject failed a round       5  a file, or standard output, failed\n"
                "  2  usage or configuration\n"
                "\n"
                "examples:\n"
                "  weir bench\n"
                "  weir bench -u http://127.0.0.1:8080/ -n 5000 -c 32,500 --engines threads,async\n"
                "  weir bench --limit 100/s -r 100/s --latency 20ms -o bench.json\n"
                "  weir bench conf/bench.json --html bench.html\n",
                stdout);
}
