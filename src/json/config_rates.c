/*
 * config_rates - rate limits: "100/s", {"requests": 100, "per": "1s", "shape": "paced", "burst": 5}, several of both in
 * an array, and "auto", alone or among them.
 */
#include "json/config_parts.h"

#include "json/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE "a rate such as \"100/s\", \"5000/h\" or \"10/250ms\""
#define OR_AUTO ", or \"auto\""
#define PER_MIN_NS 1000 /* of weir_rate.per_ns */

/* "auto" comes out as a rate of no requests, which no other text or object can be. */
static bool is_auto(const struct weir_rate *rate)
{
    return rate->requests == 0;
}

static bool decode_text(struct weir__config_tree *tree, const cJSON *item, const char *path, struct weir_rate *out,
                        bool *out_secret)
{
    struct weir__config_text text;
    struct weir_rate rate = {0, 0, 0, WEIR_SHAPE_DEFAULT};
    bool automatic, done;

    if (!weir__config_text_get(tree, item, path, RATE ", an object" OR_AUTO, false, &text))
        return false;
    automatic = strcmp(text.bytes, "auto") == 0;
    done = automatic || weir__units_parse_rate(text.bytes, &rate.requests, &rate.per_ns);
    *out_secret |= text.secret;
    free(text.bytes);
    if (!done) {
        weir__config_errors_type(tree, item, path, RATE OR_AUTO, true);
        return false;
    }
    if (automatic) {
        *out = rate;
        return true;
    }
    if (rate.requests > WEIR_PERMITS_MAX || rate.per_ns < PER_MIN_NS || rate.per_ns > WEIR_PERIOD_MAX_NS) {
        weir__config_errors_type(tree, item, path, "1 to 1000000 requests in a period from 1us to 744h", true);
        return false;
    }
    *out = rate;
    return true;
}

static bool decode_member(struct weir__config_tree *tree, const cJSON *item, const char *path, struct weir_rate *rate,
                          bool *out_secret)
{
    static const char *const names[] = {"requests", "per", "shape", "burst"};
    const char *meant;
    uint64_t count = 0;
    int shape = 0;
    bool done;

    if (strcmp(item->string, "requests") == 0) {
        done = weir__config_values_count(tree, item, path, 1, WEIR_PERMITS_MAX, &count);
        rate->requests = (uint32_t)count;
    } else if (strcmp(item->string, "per") == 0) {
        done =
            weir__config_values_duration(tree, item, path, PER_MIN_NS, WEIR_PERIOD_MAX_NS, &rate->per_ns, out_secret);
    } else if (strcmp(item->string, "shape") == 0) {
        done = weir__config_values_choice(tree, item, path, weir__config_shapes, &shape, out_secret);
        rate->shape = (enum weir_shape)shape;
    } else if (strcmp(item->string, "burst") == 0) {
        done = weir__config_values_count(tree, item, path, 1, WEIR_PERMITS_MAX, &count);
        rate->burst = (uint32_t)count;
    } else {
        meant = weir__suggest_pick(item->string, names, sizeof names / sizeof names[0]);
        weir__config_errors_add(tree, item, path, "unknown key%s%s%s (keys here: requests, per, shape, burst)",
                                meant != NULL ? "; did you mean \"" : "", meant != NULL ? meant : "",
                                meant != NULL ? "\"?" : "");
        done = false;
    }
    return done;
}

/* "rate.burst"; what comes from the text is shown escaped. */
static void join_path(const char *path, const char *member, char *out, size_t size)
{
    char quoted[WEIR__CONFIG_QUOTE_SIZE];

    weir__config_errors_quote(member, quoted);
    (void)snprintf(out, size, "%.40s.%.*s", path, (int)strlen(quoted) - 2, quoted + 1);
}

static bool check_burst(struct weir__config_tree *tree, const cJSON *item, const char *path,
                        const struct weir_rate *rate)
{
    const bool window = rate->shape == WEIR_SHAPE_WINDOW ||
                        (rate->shape == WEIR_SHAPE_DEFAULT && rate->per_ns > WEIR_STRICT_PERIOD_MAX_NS);
    const cJSON *burst = cJSON_GetObjectItemCaseSensitive(item, "burst");
    char name[WEIR__CONFIG_PATH_SIZE];

    join_path(path, "burst", name, sizeof name);
    if (rate->burst > rate->requests) {
        weir__config_errors_add(tree, burst, name, "expected 1 to %u, the rate's requests, got %u",
                                (unsigned)rate->requests, (unsigned)rate->burst);
        return false;
    }
    if (rate->burst > 0 && window) {
        weir__config_errors_add(tree, burst, name,
                                "goes with the shapes \"strict\" and \"paced\"; \"window\" has no pace%s",
                                rate->shape == WEIR_SHAPE_DEFAULT ? " and is the default for more than a minute" : "");
        return false;
    }
    return true;
}

/* What a rate cannot do without. */
static bool check_present(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *member,
                          const char *meaning)
{
    char name[WEIR__CONFIG_PATH_SIZE];

    if (cJSON_GetObjectItemCaseSensitive(item, member) != NULL)
        return true;
    join_path(path, member, name, sizeof name);
    weir__config_errors_add(tree, item, name, "missing: %s", meaning);
    return false;
}

static bool decode_object(struct weir__config_tree *tree, const cJSON *item, const char *path, struct weir_rate *out,
                          bool *out_secret)
{
    struct weir_rate rate = {0, 0, 0, WEIR_SHAPE_DEFAULT};
    char name[WEIR__CONFIG_PATH_SIZE];
    const cJSON *member;
    bool done = true;

    cJSON_ArrayForEach(member, item)
    {
        join_path(path, member->string, name, sizeof name);
        done &= decode_member(tree, member, name, &rate, out_secret);
    }
    done &= check_present(tree, item, path, "requests", "how many in the period \"per\"");
    done &= check_present(tree, item, path, "per", "the period, such as \"1s\"");
    if (!done || !check_burst(tree, item, path, &rate))
        return false;
    *out = rate;
    return true;
}

static bool decode_one(struct weir__config_tree *tree, const cJSON *item, const char *path, struct weir_rate *out,
                       bool *out_secret)
{
    return cJSON_IsObject(item) ? decode_object(tree, item, path, out, out_secret)
                                : decode_text(tree, item, path, out, out_secret);
}

/* All entries into `rates`, which has room for them; how many were right. */
static size_t decode_all(struct weir__config_tree *tree, const cJSON *item, struct weir_rate *rates, bool *out_secret)
{
    const cJSON *entry;
    char path[32];
    size_t index = 0, done = 0;

    if (!cJSON_IsArray(item))
        return decode_one(tree, item, "rate", rates, out_secret);
    cJSON_ArrayForEach(entry, item)
    {
        (void)snprintf(path, sizeof path, "rate[%zu]", index++);
        done += decode_one(tree, entry, path, &rates[done], out_secret);
    }
    return done;
}

void weir__config_rates_decode(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config,
                               bool *out_secret)
{
    const size_t count = cJSON_IsArray(item) ? (size_t)cJSON_GetArraySize(item) : 1;
    struct weir_rate *rates = calloc(count + 1, sizeof *rates);
    size_t given = 0;

    if (rates == NULL) {
        weir__config_errors_no_memory(tree);
        return;
    }
    if (decode_all(tree, item, rates, out_secret) < count || count == 0) {
        free(rates);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_auto(&rates[i]))
            config->rate_auto = true;
        else
            rates[given++] = rates[i];
    }
    if (given > WEIR_RATES_MAX) {
        weir__config_errors_add(tree, item, "rate", "expected at most %u rates, got %zu", WEIR_RATES_MAX, given);
        free(rates);
        return;
    }
    free(config->rates);
    config->rates = rates;
    config->rate_count = given;
}
