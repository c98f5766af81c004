/*
 * config_keys - the table of keys: what there is, its type, its range, its default and what it means.
 *
 * The one list from which values are decoded and printed, and against which the documentation is tested.  It reads
 * nothing.
 */
#include "json/config_parts.h"

#include "json/suggest.h"

#include <stdio.h>
#include <string.h>

static const struct weir__config_choice engines[] = {
    {"threads", WEIR_ENGINE_THREADS}, {"async", WEIR_ENGINE_ASYNC}, {NULL, 0}};

const struct weir__config_choice weir__config_subjects[] = {
    {"threads", WEIR__SUBJECT_THREADS}, {"async", WEIR__SUBJECT_ASYNC}, {"naive", WEIR__SUBJECT_NAIVE}, {NULL, 0}};

static const struct weir__config_choice durabilities[] = {
    {"none", WEIR__DURABILITY_NONE}, {"crash", WEIR__DURABILITY_CRASH}, {"power", WEIR__DURABILITY_POWER}, {NULL, 0}};

static const struct weir__config_choice tls_versions[] = {{"1.2", 12}, {"1.3", 13}, {NULL, 0}};

const struct weir__config_choice weir__config_shapes[] = {
    {"strict", WEIR_SHAPE_STRICT}, {"window", WEIR_SHAPE_WINDOW}, {"paced", WEIR_SHAPE_PACED}, {NULL, 0}};

#define AT(field) offsetof(struct weir__config, field)
#define NONE 0, 0, NULL
#define FROM(min, max) 0, (min), (max), NULL
#define ONE_OF(choices) 0, 0, 0, (choices)
#define COUNTED_BY(field) AT(field), 0, 0, NULL

/* Choices are stored through int *. */
_Static_assert(sizeof(enum weir_engine) == sizeof(int), "an enum of another size");
_Static_assert(sizeof(enum weir__config_durability) == sizeof(int), "an enum of another size");

/* In the order of weir__config_print() and of conf/README.md. */
const struct weir__config_key weir__config_keys[] = {
    {"url", WEIR__KIND_URL, AT(url), 0, NONE, NULL, "where to send; `{i}` is the job's ordinal"},
    {"total", WEIR__KIND_COUNT64, AT(total), FROM(0, WEIR__CONFIG_TOTAL_MAX), NULL, "how many jobs"},
    {"input", WEIR__KIND_FILE, AT(input), 0, NONE, NULL, "a file of jobs instead of `total`"},
    {"method", WEIR__KIND_METHOD, AT(method), 0, NONE, NULL, "the request's method"},
    {"headers", WEIR__KIND_HEADERS, AT(headers), 0, NONE, NULL, "header fields: an object of strings"},
    {"body", WEIR__KIND_BODY, AT(body), 0, NONE, NULL, "the request's body: a string, or JSON"},
    {"body_file", WEIR__KIND_BODY_FILE, AT(body_file), 0, NONE, NULL, "a file with the request's body"},
    {"concurrency", WEIR__KIND_COUNT32, AT(concurrency), FROM(1, WEIR_CONCURRENCY_MAX), "50",
     "permits of the concurrency limit"},
    {"rate", WEIR__KIND_RATES, AT(rates), 0, NONE, NULL, "rate limits"},
    {"workers", WEIR__KIND_COUNT32, AT(workers), FROM(1, WEIR_CONCURRENCY_MAX), NULL, "ceiling of worker threads"},
    {"queue", WEIR__KIND_COUNT32, AT(queue), FROM(1, WEIR_QUEUE_MAX), "1024", "jobs that may wait"},
    {"engine", WEIR__KIND_CHOICE, AT(engine), ONE_OF(engines), "threads", "what performs attempts"},
    {"loops", WEIR__KIND_COUNT32, AT(loops), FROM(1, WEIR_LOOPS_MAX), "1", "event loops of the engine async"},
    {"timeout", WEIR__KIND_GROUP, 0, 0, NONE, NULL, "time limits"},
    {"timeout.connect", WEIR__KIND_DURATION, AT(timeout_connect_ns), FROM(1, WEIR__DURATION_MAX_NS), "10s",
     "of connecting, TLS included"},
    {"timeout.total", WEIR__KIND_DURATION, AT(timeout_total_ns), FROM(1, WEIR__DURATION_MAX_NS), "60s",
     "of one attempt, waiting for permits not counted"},
    {"timeout.deadline", WEIR__KIND_DURATION, AT(deadline_ns), FROM(1, WEIR__DURATION_MAX_NS), NULL, "of a whole job"},
    {"retry", WEIR__KIND_GROUP, 0, 0, NONE, NULL, "sending again"},
    {"retry.attempts", WEIR__KIND_COUNT32, AT(retry.attempts), FROM(1, WEIR_ATTEMPTS_MAX), "5",
     "most sends of one job, refusals not counted"},
    {"retry.statuses", WEIR__KIND_STATUSES, AT(retry.statuses), COUNTED_BY(retry.status_count),
     "[408,429,500,502,503,504]", "statuses that are tried again"},
    {"retry.backoff", WEIR__KIND_DURATION, AT(retry.backoff_ns), FROM(0, WEIR__DURATION_MAX_NS), "500ms",
     "most wait before the first retry; doubles with each"},
    {"retry.backoff_max", WEIR__KIND_DURATION, AT(retry.backoff_max_ns), FROM(0, WEIR__DURATION_MAX_NS), "60s",
     "most wait before any retry"},
    {"retry.non_idempotent", WEIR__KIND_BOOL, AT(retry.non_idempotent), 0, NONE, "false",
     "also retry POST and PATCH that may have been processed"},
    {"retry.budget", WEIR__KIND_NUMBER, AT(retry.budget), FROM(0, WEIR__CONFIG_BUDGET_MAX), "0.5",
     "retries earned by each success"},
    {"retry.refusals", WEIR__KIND_COUNT32, AT(retry.refusals), FROM(0, WEIR_REFUSALS_MAX), "100",
     "most refusals (429) of one job"},
    {"retry.pause_max", WEIR__KIND_DURATION, AT(retry.pause_max_ns), FROM(0, WEIR__DURATION_MAX_NS), "10m",
     "longest pause that a server may ask for"},
    {"success", WEIR__KIND_STATUSES, AT(success), COUNTED_BY(success_count), "[\"2xx\"]",
     "statuses that count as success"},
    {"scope", WEIR__KIND_SCOPE, AT(scope), 0, NONE, "process", "who shares the limits"},
    {"output", WEIR__KIND_GROUP, 0, 0, NONE, NULL, "the results file"},
    {"output.file", WEIR__KIND_FILE, AT(output.file), 0, NONE, NULL, "its name; \"-\" is stdout"},
    {"output.bodies", WEIR__KIND_BOOL, AT(output.bodies), 0, NONE, "true", "whether responses' bodies go into it"},
    {"output.durability", WEIR__KIND_CHOICE, AT(output.durability), ONE_OF(durabilities), "crash",
     "what its lines survive"},
    {"redirects", WEIR__KIND_COUNT32, AT(redirects), FROM(0, WEIR_REDIRECTS_MAX), "0", "how many to follow"},
    {"body_max", WEIR__KIND_SIZE, AT(body_max), FROM(0, WEIR__CONFIG_BODY_MAX_MAX), "16MiB",
     "largest decoded response body"},
    {"tls", WEIR__KIND_GROUP, 0, 0, NONE, NULL, "TLS"},
    {"tls.ca_file", WEIR__KIND_READABLE_FILE, AT(tls.ca_file), 0, NONE, NULL, "PEM of the authorities to trust"},
    {"tls.client_cert", WEIR__KIND_READABLE_FILE, AT(tls.client_cert), 0, NONE, NULL,
     "PEM of the client's certificate"},
    {"tls.client_key", WEIR__KIND_READABLE_FILE, AT(tls.client_key), 0, NONE, NULL, "PEM of its key"},
    {"tls.min_version", WEIR__KIND_CHOICE, AT(tls.version_min), ONE_OF(tls_versions), "1.2", "lowest version"},
    {"tls.insecure", WEIR__KIND_BOOL, AT(tls.insecure), 0, NONE, "false", "true: do not verify the server"},
    {"idempotency_key", WEIR__KIND_TOKEN, AT(idempotency_key), 0, NONE, NULL,
     "header that carries one key a job, the same on each attempt"},
    {"peers", WEIR__KIND_PEERS, AT(peers), 0, NONE, NULL, "other programs that a benchmark compares with"},
    {"bench", WEIR__KIND_GROUP, 0, 0, NONE, NULL, "the benchmark"},
    {"bench.concurrency", WEIR__KIND_COUNTS, AT(bench.concurrency), AT(bench.concurrency_count), 1,
     WEIR_CONCURRENCY_MAX, NULL, NULL, "requests in flight, one cell of the grid each"},
    {"bench.latency", WEIR__KIND_DURATIONS, AT(bench.latency_ns), AT(bench.latency_count), 0,
     WEIR__CONFIG_LATENCY_MAX_NS, NULL, "[\"0ms\",\"50ms\"]", "of the built-in target, one cell of the grid each"},
    {"bench.engines", WEIR__KIND_SUBJECTS, AT(bench.subjects), COUNTED_BY(bench.subject_count),
     "[\"threads\",\"async\",\"naive\"]", "which of weir's own are measured"},
    {"bench.rounds", WEIR__KIND_COUNT32, AT(bench.rounds), FROM(1, WEIR__CONFIG_ROUNDS_MAX), "5",
     "of each subject; medians are of these"},
    {"bench.warmups", WEIR__KIND_COUNT32, AT(bench.warmups), FROM(0, WEIR__CONFIG_WARMUPS_MAX), "1",
     "rounds before them that do not count"},
};

const size_t weir__config_key_count = sizeof weir__config_keys / sizeof weir__config_keys[0];

_Static_assert(sizeof weir__config_keys / sizeof weir__config_keys[0] <= 64, "secret_keys has a bit for each");

const struct weir__config_key *weir__config_keys_find(const char *path)
{
    for (size_t i = 0; i < weir__config_key_count; i++)
        if (strcmp(weir__config_keys[i].path, path) == 0)
            return &weir__config_keys[i];
    return NULL;
}

/* What stands after the last dot. */
static const char *leaf_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

static bool same_group(const char *a, const char *b)
{
    const size_t length = (size_t)(leaf_of(a) - a);
    return length == (size_t)(leaf_of(b) - b) && strncmp(a, b, length) == 0;
}

/* A key that is alike in the same group; else one in another group that is alike by its last name or in full. */
const char *weir__config_keys_suggest(const char *path)
{
    const char *best = NULL, *elsewhere = NULL;
    size_t best_distance = SIZE_MAX, elsewhere_distance = SIZE_MAX;

    for (size_t i = 0; i < weir__config_key_count; i++) {
        const char *key = weir__config_keys[i].path;
        const size_t by_leaf = weir__suggest_distance(leaf_of(path), leaf_of(key));
        const size_t in_full = weir__suggest_distance(path, key);

        if (same_group(path, key)) {
            if (by_leaf < best_distance) {
                best = key;
                best_distance = by_leaf;
            }
        } else if ((by_leaf < in_full ? by_leaf : in_full) < elsewhere_distance) {
            elsewhere = key;
            elsewhere_distance = by_leaf < in_full ? by_leaf : in_full;
        }
    }
    if (best != NULL && weir__suggest_is_close(leaf_of(path), best_distance) && best_distance <= elsewhere_distance)
        return best;
    if (elsewhere != NULL && weir__suggest_is_close(leaf_of(path), elsewhere_distance))
        return elsewhere;
    return NULL;
}

void weir__config_keys_list(const char *group, char *out, size_t size)
{
    const size_t length = strlen(group);
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < weir__config_key_count && used < size; i++) {
        const char *path = weir__config_keys[i].path;
        const char *leaf = leaf_of(path);
        const bool inside =
            length == 0 ? leaf == path : strncmp(path, group, length) == 0 && path[length] == '.' && leaf != path;
        if (inside)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ", leaf);
    }
}

bool weir__config_keys_is_token(const char *text)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}
