/*
 * config_decode - walks the tree by the table of keys and checks everything, so that all mistakes are told at once.
 *
 * How a value is read stands in config_values and the files beside it.  Rules between keys come last.
 */
#include "json/config_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------------------------
 * strings */

static bool is_scope(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length;

    if (strcmp(text, "process") == 0)
        return true;
    if (strncmp(text, "host:", 5) != 0)
        return false;
    length = strspn(text + 5, allowed);
    return length > 0 && length <= WEIR_SCOPE_NAME_MAX && text[5] != '.' && text[5 + length] == '\0';
}

static bool is_method(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p >= 'a' && *p <= 'z')
            return false;
    return weir__config_keys_is_token(text) && strcmp(text, "CONNECT") != 0; /* that one is for proxies */
}

/* What is wrong with a string for a key of that kind; NULL if nothing. */
static const char *string_mistake(enum weir__config_kind kind, const char *text)
{
    switch (kind) {
    case WEIR__KIND_METHOD:
        return is_method(text) ? NULL : "a method in capitals such as \"GET\" or \"POST\"";
    case WEIR__KIND_SCOPE:
        return is_scope(text) ? NULL
                              : "\"process\" or \"host:NAME\", NAME of 1 to 64 letters, digits, \".\", \"_\" and "
                                "\"-\", the first no \".\"";
    case WEIR__KIND_TOKEN:
        return weir__config_keys_is_token(text) ? NULL : "the name of a header field such as \"Idempotency-Key\"";
    default:
        return text[0] != '\0' ? NULL : "a file's name";
    }
}

static void decode_string(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                          char **field, bool *out_secret)
{
    const bool file = key->kind == WEIR__KIND_FILE || key->kind == WEIR__KIND_READABLE_FILE;
    struct weir__config_text text;
    const char *mistake;
    char *value;

    if (!weir__config_text_get(tree, item, key->path, "a string", false, &text))
        return;
    *out_secret |= text.secret;
    mistake = string_mistake(key->kind, text.bytes);
    if (mistake != NULL) {
        weir__config_errors_type(tree, item, key->path, mistake, true);
        free(text.bytes);
        return;
    }
    value = text.bytes;
    if (file) {
        value = weir__config_text_path(tree, item, text.bytes);
        free(text.bytes);
    }
    if (value != NULL && key->kind == WEIR__KIND_READABLE_FILE && access(value, R_OK) != 0)
        weir__config_errors_type(tree, item, key->path, "a file that can be read", true);
    if (value != NULL) {
        free(*field);
        *field = value;
    }
}

/* ------------------------------------------------------------------------------------------------------------------
 * keys */

static void decode_key(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                       struct weir__config *config)
{
    void *field = (char *)config + key->offset;
    uint64_t count;
    bool secret = false;

    switch (key->kind) {
    case WEIR__KIND_COUNT32:
        if (weir__config_values_count(tree, item, key->path, key->min, key->max, &count))
            *(uint32_t *)field = (uint32_t)count;
        config->has_concurrency |= field == &config->concurrency;
        break;
    case WEIR__KIND_COUNT64:
        if (weir__config_values_count(tree, item, key->path, key->min, key->max, field))
            config->has_total = true;
        break;
    case WEIR__KIND_NUMBER:
        (void)weir__config_values_number(tree, item, key, field);
        break;
    case WEIR__KIND_BOOL:
        if (cJSON_IsBool(item))
            *(bool *)field = cJSON_IsTrue(item) != 0;
        else
            weir__config_errors_type(tree, item, key->path, "true or false", true);
        break;
    case WEIR__KIND_DURATION:
        (void)weir__config_values_duration(tree, item, key->path, (int64_t)key->min, (int64_t)key->max, field, &secret);
        break;
    case WEIR__KIND_SIZE:
        (void)weir__config_values_size(tree, item, key, field, &secret);
        break;
    case WEIR__KIND_CHOICE:
        (void)weir__config_values_choice(tree, item, key->path, key->choices, field, &secret);
        break;
    case WEIR__KIND_URL:
        weir__config_request_url(tree, item, config);
        secret = config->url_secret;
        break;
    case WEIR__KIND_HEADERS:
        weir__config_request_headers(tree, item, config);
        break;
    case WEIR__KIND_BODY:
        weir__config_request_body(tree, item, config);
        secret = config->body_secret;
        break;
    case WEIR__KIND_BODY_FILE:
        weir__config_request_body_file(tree, item, config, &secret);
        break;
    case WEIR__KIND_RATES:
        weir__config_rates_decode(tree, item, config, &secret);
        break;
    case WEIR__KIND_STATUSES:
        weir__config_statuses_decode(tree, item, key, config, &secret);
        break;
    case WEIR__KIND_PEERS:
        weir__config_bench_peers(tree, item, config, &secret);
        break;
    case WEIR__KIND_COUNTS:
    case WEIR__KIND_DURATIONS:
    case WEIR__KIND_SUBJECTS:
        weir__config_bench_list(tree, item, key, config, &secret);
        break;
    default:
        decode_string(tree, item, key, field, &secret);
    }
    if (secret)
        config->secret_keys |= UINT64_C(1) << (key - weir__config_keys);
}

static void report_unknown(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *group)
{
    const char *meant = weir__config_keys_suggest(path);
    char names[320];

    if (meant != NULL) {
        weir__config_errors_add(tree, item, path, "unknown key; did you mean \"%s\"?", meant);
    } else {
        weir__config_keys_list(group, names, sizeof names);
        weir__config_errors_add(tree, item, path, "unknown key (keys here: %s)", names);
    }
}

static void decode_object(struct weir__config_tree *tree, const cJSON *object, const char *group,
                          struct weir__config *config);

static void decode_group(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                         struct weir__config *config)
{
    if (cJSON_IsObject(item))
        decode_object(tree, item, key->path, config);
    else if (strcmp(key->path, "timeout") == 0)
        decode_key(tree, item, weir__config_keys_find("timeout.total"), config);
    else
        weir__config_errors_type(tree, item, key->path, "an object", false);
    if (strcmp(key->path, "output") == 0)
        config->has_output = true;
}

static void decode_object(struct weir__config_tree *tree, const cJSON *object, const char *group,
                          struct weir__config *config)
{
    char path[WEIR__CONFIG_PATH_SIZE], quoted[WEIR__CONFIG_QUOTE_SIZE];
    const struct weir__config_key *key;
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        weir__config_errors_quote(item->string, quoted);
        (void)snprintf(path, sizeof path, "%s%s%.*s", group, group[0] == '\0' ? "" : ".", (int)strlen(quoted) - 2,
                       quoted + 1);
        key = strchr(item->string, '.') == NULL ? weir__config_keys_find(path) : NULL;
        if (key == NULL)
            report_unknown(tree, item, path, group);
        else if (cJSON_IsNull(item) && key->fallback == NULL)
            continue; /* as if it were not there: so it is printed */
        else if (key->kind == WEIR__KIND_GROUP)
            decode_group(tree, item, key, config);
        else
            decode_key(tree, item, key, config);
    }
}

/* ------------------------------------------------------------------------------------------------------- between the
 * keys */

/* The item of a top key; NULL where it is not given. */
static const cJSON *given(const struct weir__config_tree *tree, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree->root, name);
    return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

static const cJSON *given_in(const struct weir__config_tree *tree, const char *group, const char *name)
{
    const cJSON *object = given(tree, group);
    const cJSON *item = cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
    return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

/* Each of one is measured with each of the other. */
static void check_bench(struct weir__config_tree *tree, const struct weir__config *config)
{
    const size_t cells = config->bench.concurrency_count * config->bench.latency_count;
    const cJSON *item = given_in(tree, "bench", "latency");

    if (cells <= WEIR__BENCH_CELLS_MAX)
        return;
    if (item == NULL)
        item = given_in(tree, "bench", "concurrency");
    weir__config_errors_add(tree, item, "bench", "expected at most %u pairs of a concurrency and a latency, got %zu",
                            WEIR__BENCH_CELLS_MAX, cells);
}

static void check_work(struct weir__config_tree *tree, enum weir__config_use use)
{
    const cJSON *input = given(tree, "input"), *total = given(tree, "total"), *body_file = given(tree, "body_file");
    const cJSON *url = given(tree, "url");
    /* a file that speaks of a benchmark may be for that alone; `weir run` looks once more */
    const bool bench = use == WEIR__CONFIG_BENCH || given(tree, "bench") != NULL || given(tree, "peers") != NULL;
    const bool needed = use == WEIR__CONFIG_RUN && input == NULL && !bench;

    if (input != NULL && cJSON_IsString(url) && strstr(url->valuestring, "{i}") != NULL)
        weir__config_errors_add(tree, url, "url",
                                "{i} cannot stand in the URL that an input's relative ones are resolved against");
    if (needed && url == NULL)
        weir__config_errors_add(
            tree, tree->root, "url",
            "missing: where to send, such as \"http://127.0.0.1:8080/get\" (or \"input\", a file of jobs)");
    if (needed && total == NULL)
        weir__config_errors_add(tree, tree->root, "total",
                                "missing: how many jobs, such as 200 (or \"input\", a file of jobs)");
    if (input != NULL && total != NULL)
        weir__config_errors_add(tree, total, "total",
                                "cannot stand beside \"input\", which says how many jobs there are");
    if (body_file != NULL && given(tree, "body") != NULL)
        weir__config_errors_add(tree, body_file, "body_file", "cannot stand beside \"body\"; give one of them");
}

/* Two fields of one name would reach the server, with two keys. */
static void check_idempotency(struct weir__config_tree *tree, const struct weir__config *config)
{
    if (config->idempotency_key == NULL)
        return;
    for (size_t i = 0; i < config->header_count; i++) {
        if (strcasecmp(config->headers[i].name, config->idempotency_key) != 0)
            continue;
        weir__config_errors_add(tree, given(tree, "idempotency_key"), "idempotency_key",
                                "cannot stand beside the same field in \"headers\"; give one of them");
        return;
    }
}

static void check_retry(struct weir__config_tree *tree, const struct weir__config *config)
{
    const cJSON *item = given_in(tree, "retry", "backoff_max");
    char backoff[32], most[32];

    if (config->retry.backoff_max_ns >= config->retry.backoff_ns)
        return;
    if (item == NULL)
        item = given_in(tree, "retry", "backoff");
    weir__units_format_duration(config->retry.backoff_ns, backoff, sizeof backoff);
    weir__units_format_duration(config->retry.backoff_max_ns, most, sizeof most);
    weir__config_errors_add(tree, item, "retry.backoff_max", "expected at least retry.backoff, which is %s, got %s",
                            backoff, most);
}

void weir__config_decode(struct weir__config_tree *tree, enum weir__config_use use, struct weir__config *config)
{
    decode_object(tree, tree->root, "", config);
    check_work(tree, use);
    check_retry(tree, config);
    check_bench(tree, config);
    check_idempotency(tree, config);
    if (config->tls.client_key != NULL && config->tls.client_cert == NULL &&
        given_in(tree, "tls", "client_cert") == NULL)
        weir__config_errors_add(tree, given_in(tree, "tls", "client_key"), "tls.client_key",
                                "needs \"tls.client_cert\" beside it");
    if (config->workers == 0)
        config->workers = config->concurrency;
    if (!weir__config_bench_default(config))
        weir__config_errors_no_memory(tree);
    config->has_method = config->method != NULL;
    if (config->method == NULL) {
        config->method = strdup(config->body != NULL ? "POST" : "GET");
        if (config->method == NULL)
            weir__config_errors_no_memory(tree);
    }
    if (config->method != NULL && strcmp(config->method, "HEAD") == 0 && config->body_size > 0)
        weir__config_errors_add(tree, given(tree, "method"), "method", "a HEAD request has no body");
}
