/* serve_values - see serve_values.h */
#include "cli/serve_values.h"

#include "base/units.h"
#include "weir.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

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
    {"anthropic", WEIR__DIALECT_ANTHROPIC},
    {"discord", WEIR__DIALECT_DISCORD},
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

static bool apply_log(struct weir__serve_options *o, const char *value)
{
    if (value[0] == '\0' || strlen(value) >= sizeof o->log_file)
        return false;
    (void)snprintf(o->log_file, sizeof o->log_file, "%s", value);
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

const char *weir__serve_values_apply(struct weir__serve_options *o, int id, const char *value)
{
    static const char duration[] = "a duration such as 250ms, 1.5s or 2m";
    uint64_t n = 0;

    switch ((enum weir__serve_id)id) {
    case WEIR__SERVE_ID_PORT:
        if (!apply_count(value, 65535, &n))
            return "a port from 0 to 65535";
        o->port = (uint16_t)n;
        return NULL;
    case WEIR__SERVE_ID_LISTEN:
        return apply_listen(o, value) ? NULL : "a numeric IPv4 or IPv6 address";
    case WEIR__SERVE_ID_LIMIT:
        return apply_limit(o, value) ? NULL : "N/PERIOD such as 100/s or 10/250ms, N from 1 to 1000000";
    case WEIR__SERVE_ID_WINDOW:
        return apply_shape(o, value) ? NULL : "sliding, fixed, counter, bucket, leaky or none";
    case WEIR__SERVE_ID_BURST:
        if (!apply_count(value, WEIR_PERMITS_MAX, &n))
            return "a whole number from 0 to 1000000";
        o->burst = (uint32_t)n;
        o->burst_given = true;
        return NULL;
    case WEIR__SERVE_ID_LATENCY:
        return weir__units_parse_duration(value, &o->latency_ns) ? NULL : duration;
    case WEIR__SERVE_ID_JITTER:
        return weir__units_parse_duration(value, &o->jitter_ns) ? NULL : duration;
    case WEIR__SERVE_ID_UPLINK:
        return weir__units_parse_duration(value, &o->uplink_ns) ? NULL : duration;
    case WEIR__SERVE_ID_FAIL:
        return apply_fail(o, value) ? NULL : "STATUS:SHARE such as 503:0.1 or 500:5%, at most 16 of them";
    case WEIR__SERVE_ID_RESET:
        return weir__units_parse_share(value, &o->reset_share) ? NULL : "a share such as 0.1 or 10%";
    case WEIR__SERVE_ID_HEADERS:
        return apply_dialect(o, value) ? NULL : "none, retry-after, ietf, legacy, github, openai, anthropic or discord";
    case WEIR__SERVE_ID_REFUSAL:
        return parse_status(value, 400, &o->refusal_status) ? NULL : "a status from 400 to 599";
    case WEIR__SERVE_ID_REFUSE_FOR:
        return weir__units_parse_duration(value, &o->refuse_for_ns) ? NULL : duration;
    case WEIR__SERVE_ID_RETRY_AFTER:
        o->retry_after_given = true;
        return weir__units_parse_duration(value, &o->retry_after_ns) ? NULL : duration;
    case WEIR__SERVE_ID_SEED:
        return apply_count(value, UINT64_MAX, &o->seed) ? NULL : "a whole number";
    case WEIR__SERVE_ID_BODY:
        if (!weir__units_parse_size(value, &n) || n > WEIR__SERVE_ANSWER_MAX)
            return "a size such as 512 or 64KiB, at most 64MiB";
        o->body_size = n;
        o->body_given = true;
        return NULL;
    case WEIR__SERVE_ID_DURATION:
        return weir__units_parse_duration(value, &o->duration_ns) && o->duration_ns > 0
                   ? NULL
                   : "a duration of more than 0 such as 30s";
    case WEIR__SERVE_ID_LOG:
        return apply_log(o, value) ? NULL : "the path of a file";
    case WEIR__SERVE_ID_QUIET:
        o->quiet = true;
        return NULL;
    case WEIR__SERVE_ID_HELP:
        break;
    }
    return "nothing of that name";
}

const char *weir__serve_values_shape(enum weir__window_shape shape)
{
    const struct name *name = shape_names;

    while (name->value != (int)shape)
        name++;
    return name->text;
}
