/*
 * config_print - a configuration as JSON again: every key of the table, in its order, secrets as "***".
 */
#include "json/config_parts.h"

#include "json/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MASK "***"

static void print_url(struct weir__writer *writer, const char *name, const char *url)
{
    size_t start, end, size;
    char *masked;

    if (url == NULL || !weir__config_request_userinfo(url, &start, &end)) {
        weir__writer_string(writer, name, url);
        return;
    }
    size = start + strlen(MASK) + strlen(url + end) + 1;
    masked = malloc(size);
    if (masked == NULL) {
        writer->failed = true;
        return;
    }
    (void)snprintf(masked, size, "%.*s" MASK "%s", (int)start, url, url + end);
    weir__writer_string(writer, name, masked);
    free(masked);
}

static void print_duration(struct weir__writer *writer, const char *name, int64_t ns, bool none_at_0)
{
    char text[32];

    weir__units_format_duration(ns, text, sizeof text);
    weir__writer_string(writer, name, ns == 0 && none_at_0 ? NULL : text);
}

static void print_size(struct weir__writer *writer, const char *name, uint64_t bytes)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"GiB", 30}, {"MiB", 20}, {"KiB", 10}};
    char text[32];

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (bytes > 0 && bytes % (UINT64_C(1) << units[i].shift) == 0) {
            (void)snprintf(text, sizeof text, "%" PRIu64 "%s", bytes >> units[i].shift, units[i].unit);
            weir__writer_string(writer, name, text);
            return;
        }
    }
    weir__writer_uint(writer, name, bytes);
}

static void print_choice(struct weir__writer *writer, const char *name, const struct weir__config_choice *choices,
                         int value)
{
    while (choices->name != NULL && choices->value != value)
        choices++;
    weir__writer_string(writer, name, choices->name);
}

static void print_statuses(struct weir__writer *writer, const char *name, const struct weir_status_range *ranges,
                           size_t count)
{
    char text[16];

    weir__writer_array(writer, name);
    for (size_t i = 0; i < count; i++) {
        const unsigned first = ranges[i].first, last = ranges[i].last;

        if (first == last) {
            weir__writer_uint(writer, NULL, first);
            continue;
        }
        if (first % 100 == 0 && last == first + 99)
            (void)snprintf(text, sizeof text, "%uxx", first / 100);
        else
            (void)snprintf(text, sizeof text, "%u-%u", first, last);
        weir__writer_string(writer, NULL, text);
    }
    weir__writer_end(writer);
}

static void print_rates(struct weir__writer *writer, const char *name, const struct weir__config *config)
{
    char text[48];

    if (config->rate_count == 0) {
        weir__writer_string(writer, name, config->rate_auto ? "auto" : NULL);
        return;
    }
    weir__writer_array(writer, name);
    if (config->rate_auto)
        weir__writer_string(writer, NULL, "auto");
    for (size_t i = 0; i < config->rate_count; i++) {
        const struct weir_rate *rate = &config->rates[i];

        if (rate->shape == WEIR_SHAPE_DEFAULT && rate->burst == 0) {
            weir__units_format_rate(rate->requests, rate->per_ns, text, sizeof text);
            weir__writer_string(writer, NULL, text);
            continue;
        }
        weir__writer_object(writer, NULL);
        weir__writer_uint(writer, "requests", rate->requests);
        print_duration(writer, "per", rate->per_ns, false);
        if (rate->shape != WEIR_SHAPE_DEFAULT)
            print_choice(writer, "shape", weir__config_shapes, (int)rate->shape);
        if (rate->burst > 0)
            weir__writer_uint(writer, "burst", rate->burst);
        weir__writer_end(writer);
    }
    weir__writer_end(writer);
}

/* The header after `from` (or itself) with that name; header_count where there is none. */
static size_t find_header(const struct weir__config *config, const char *name, size_t from)
{
    while (from < config->header_count && strcmp(config->headers[from].name, name) != 0)
        from++;
    return from;
}

static void print_headers(struct weir__writer *writer, const char *key, const struct weir__config *config)
{
    weir__writer_object(writer, key);
    for (size_t i = 0; i < config->header_count; i++) {
        const struct weir__config_header *header = &config->headers[i];
        const bool several = find_header(config, header->name, i + 1) < config->header_count;

        if (find_header(config, header->name, 0) < i)
            continue; /* printed with the first of its name */
        if (!several) {
            weir__writer_string(writer, header->name, header->secret ? MASK : header->value);
            continue;
        }
        weir__writer_array(writer, header->name);
        for (size_t j = i; j < config->header_count; j = find_header(config, header->name, j + 1))
            weir__writer_string(writer, NULL, config->headers[j].secret ? MASK : config->headers[j].value);
        weir__writer_end(writer);
    }
    weir__writer_end(writer);
}

static void print_body(struct weir__writer *writer, const char *name, const struct weir__config *config)
{
    if (config->body == NULL || config->body_file != NULL)
        weir__writer_null(writer, name);
    else if (config->body_json)
        weir__writer_raw(writer, name, config->body, config->body_size);
    else
        weir__writer_bytes(writer, name, config->body, config->body_size);
}

static void print_peers(struct weir__writer *writer, const char *name, const struct weir__config *config)
{
    if (config->peer_count == 0) {
        weir__writer_null(writer, name);
        return;
    }
    weir__writer_array(writer, name);
    for (size_t i = 0; i < config->peer_count; i++) {
        weir__writer_object(writer, NULL);
        weir__writer_string(writer, "name", config->peers[i].name);
        weir__writer_string(writer, "command", config->peers[i].command);
        if (config->peers[i].requires != NULL)
            weir__writer_string(writer, "requires", config->peers[i].requires);
        weir__writer_end(writer);
    }
    weir__writer_end(writer);
}

static void print_list(struct weir__writer *writer, const struct weir__config *config,
                       const struct weir__config_key *key, const char *name)
{
    weir__writer_array(writer, name);
    if (key->kind == WEIR__KIND_COUNTS)
        for (size_t i = 0; i < config->bench.concurrency_count; i++)
            weir__writer_uint(writer, NULL, config->bench.concurrency[i]);
    else if (key->kind == WEIR__KIND_DURATIONS)
        for (size_t i = 0; i < config->bench.latency_count; i++)
            print_duration(writer, NULL, config->bench.latency_ns[i], false);
    else
        for (size_t i = 0; i < config->bench.subject_count; i++)
            print_choice(writer, NULL, weir__config_subjects, (int)config->bench.subjects[i]);
    weir__writer_end(writer);
}

static void print_key(struct weir__writer *writer, const struct weir__config *config,
                      const struct weir__config_key *key, const char *name)
{
    const void *field = (const char *)config + key->offset;

    if (config->secret_keys >> (key - weir__config_keys) & 1) {
        weir__writer_string(writer, name, MASK);
        return;
    }
    switch (key->kind) {
    case WEIR__KIND_COUNT32:
        weir__writer_uint(writer, name, *(const uint32_t *)field);
        break;
    case WEIR__KIND_COUNT64:
        if (config->has_total)
            weir__writer_uint(writer, name, config->total);
        else
            weir__writer_null(writer, name);
        break;
    case WEIR__KIND_NUMBER:
        weir__writer_decimal(writer, name, *(const double *)field, 9);
        break;
    case WEIR__KIND_BOOL:
        weir__writer_bool(writer, name, *(const bool *)field);
        break;
    case WEIR__KIND_DURATION:
        print_duration(writer, name, *(const int64_t *)field, key->fallback == NULL);
        break;
    case WEIR__KIND_SIZE:
        print_size(writer, name, *(const uint64_t *)field);
        break;
    case WEIR__KIND_CHOICE:
        print_choice(writer, name, key->choices, *(const int *)field);
        break;
    case WEIR__KIND_URL:
        print_url(writer, name, config->url);
        break;
    case WEIR__KIND_HEADERS:
        print_headers(writer, name, config);
        break;
    case WEIR__KIND_BODY:
        print_body(writer, name, config);
        break;
    case WEIR__KIND_RATES:
        print_rates(writer, name, config);
        break;
    case WEIR__KIND_STATUSES:
        print_statuses(writer, name, *(struct weir_status_range *const *)field,
                       *(const size_t *)(const void *)((const char *)config + key->offset_count));
        break;
    case WEIR__KIND_PEERS:
        print_peers(writer, name, config);
        break;
    case WEIR__KIND_COUNTS:
    case WEIR__KIND_DURATIONS:
    case WEIR__KIND_SUBJECTS:
        print_list(writer, config, key, name);
        break;
    default:
        weir__writer_string(writer, name, *(char *const *)field);
    }
}

char *weir__config_print(const struct weir__config *config)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    bool in_group = false;

    writer.pretty = true;
    weir__writer_object(&writer, NULL);
    for (size_t i = 0; i < weir__config_key_count; i++) {
        const struct weir__config_key *key = &weir__config_keys[i];
        const char *dot = strchr(key->path, '.');

        if (in_group && dot == NULL)
            weir__writer_end(&writer);
        in_group = dot != NULL || key->kind == WEIR__KIND_GROUP;
        if (key->kind == WEIR__KIND_GROUP)
            weir__writer_object(&writer, key->path);
        else
            print_key(&writer, config, key, dot == NULL ? key->path : dot + 1);
    }
    if (in_group)
        weir__writer_end(&writer);
    weir__writer_end(&writer);
    if (writer.failed)
        weir__writer_clear(&writer);
    return writer.text;
}
