/*
 * config_bench - the keys of a benchmark: the programs that it compares with, and the lists that its grid is made of.
 *
 * A command is text for a shell here; what stands for its braces, and whether the program is there, is not known.
 */
#include "json/config_parts.h"

#include "json/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEER_NAME_MAX 64u
#define CONCURRENCY 32u /* where neither `bench.concurrency` nor `concurrency` says it */

/* ------------------------------------------------------------------------------------------------------------- peers
 */

static const char *const members[] = {"name", "command", "requires"};
#define MEMBER_COUNT (sizeof members / sizeof members[0])

static void clear_peer(struct weir__config_peer *peer)
{
    free(peer->name);
    free(peer->command);
    free(peer->requires);
}

/* A name stands in tables and files: one short line. */
static const char *name_mistake(const char *name)
{
    const size_t length = strlen(name);

    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return "a name without control characters";
    for (const struct weir__config_choice *own = weir__config_subjects; own->name != NULL; own++)
        if (strcmp(own->name, name) == 0)
            return "a name other than \"threads\", \"async\" and \"naive\", which are weir's own";
    return length > 0 && length <= PEER_NAME_MAX ? NULL : "a name of 1 to 64 bytes";
}

static bool decode_member(struct weir__config_tree *tree, const cJSON *item, const char *path,
                          struct weir__config_peer *peer, bool *out_secret)
{
    char **const fields[MEMBER_COUNT] = {&peer->name, &peer->command, &peer->requires};
    struct weir__config_text text;
    const char *meant, *mistake;
    size_t which = 0;

    while (which < MEMBER_COUNT && strcmp(item->string, members[which]) != 0)
        which++;
    if (which == MEMBER_COUNT) {
        meant = weir__suggest_pick(item->string, members, MEMBER_COUNT);
        weir__config_errors_add(tree, item, path, "unknown key%s%s%s (keys here: name, command, requires)",
                                meant != NULL ? "; did you mean \"" : "", meant != NULL ? meant : "",
                                meant != NULL ? "\"?" : "");
        return false;
    }
    if (cJSON_IsNull(item) && which == 2)
        return true;
    if (!weir__config_text_get(tree, item, path, "a string", false, &text))
        return false;
    *out_secret |= text.secret;
    mistake = which == 0                                      ? name_mistake(text.bytes)
              : text.bytes[strspn(text.bytes, " \t")] == '\0' ? "a command"
                                                              : NULL;
    if (mistake != NULL) {
        weir__config_errors_type(tree, item, path, mistake, !text.secret);
        free(text.bytes);
        return false;
    }
    free(*fields[which]);
    *fields[which] = text.bytes;
    return true;
}

static bool decode_peer(struct weir__config_tree *tree, const cJSON *item, const char *path,
                        struct weir__config_peer *peer, bool *out_secret)
{
    char name[WEIR__CONFIG_PATH_SIZE], quoted[WEIR__CONFIG_QUOTE_SIZE];
    const cJSON *member;
    bool done = true;

    if (!cJSON_IsObject(item)) {
        weir__config_errors_type(tree, item, path, "an object such as {\"name\": \"hey\", \"command\": \"hey {url}\"}",
                                 false);
        return false;
    }
    cJSON_ArrayForEach(member, item)
    {
        weir__config_errors_quote(member->string, quoted);
        (void)snprintf(name, sizeof name, "%s.%.*s", path, (int)strlen(quoted) - 2, quoted + 1);
        done &= decode_member(tree, member, name, peer, out_secret);
    }
    for (size_t i = 0; i < 2; i++) {
        if (cJSON_GetObjectItemCaseSensitive(item, members[i]) != NULL)
            continue;
        (void)snprintf(name, sizeof name, "%s.%s", path, members[i]);
        weir__config_errors_add(tree, item, name, "missing: %s",
                                i == 0 ? "what it is called" : "what carries out the requests");
        done = false;
    }
    return done && peer->name != NULL && peer->command != NULL;
}

static bool check_names(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_peer *peers,
                        size_t count)
{
    char path[40], quoted[WEIR__CONFIG_QUOTE_SIZE];

    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (peers[i].name == NULL || peers[j].name == NULL || strcmp(peers[i].name, peers[j].name) != 0)
                continue;
            (void)snprintf(path, sizeof path, "peers[%zu].name", i);
            weir__config_errors_quote(peers[i].name, quoted);
            weir__config_errors_add(tree, item, path, "%s is the name of another one, too", quoted);
            return false;
        }
    }
    return true;
}

void weir__config_bench_peers(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config,
                              bool *out_secret)
{
    const size_t count = cJSON_IsArray(item) ? (size_t)cJSON_GetArraySize(item) : 0;
    struct weir__config_peer *peers;
    const cJSON *entry;
    size_t index = 0;
    char path[32];
    bool done = true;

    if (!cJSON_IsArray(item)) {
        weir__config_errors_type(tree, item, "peers", "an array of objects with \"name\" and \"command\"", false);
        return;
    }
    if (count > WEIR__CONFIG_PEERS_MAX) {
        weir__config_errors_add(tree, item, "peers", "expected at most %u, got %zu", WEIR__CONFIG_PEERS_MAX, count);
        return;
    }
    peers = calloc(count + 1, sizeof *peers);
    if (peers == NULL) {
        weir__config_errors_no_memory(tree);
        return;
    }
    cJSON_ArrayForEach(entry, item)
    {
        (void)snprintf(path, sizeof path, "peers[%zu]", index);
        done &= decode_peer(tree, entry, path, &peers[index++], out_secret);
    }
    if (done && check_names(tree, item, peers, count)) {
        config->peers = peers;
        config->peer_count = count;
        return;
    }
    for (size_t i = 0; i < count; i++)
        clear_peer(&peers[i]);
    free(peers);
}

/* ------------------------------------------------------------------------------------------------------------- lists
 */

/* Room for a list's values, whichever they are. */
union values {
    uint32_t counts[WEIR__BENCH_CELLS_MAX];
    int64_t durations[WEIR__BENCH_CELLS_MAX];
    int subjects[WEIR__BENCH_CELLS_MAX];
};

static bool decode_value(struct weir__config_tree *tree, const cJSON *item, const char *path,
                         const struct weir__config_key *key, union values *values, size_t index, bool *out_secret)
{
    uint64_t count;

    if (key->kind == WEIR__KIND_DURATIONS)
        return weir__config_values_duration(tree, item, path, (int64_t)key->min, (int64_t)key->max,
                                            &values->durations[index], out_secret);
    if (key->kind == WEIR__KIND_SUBJECTS)
        return weir__config_values_choice(tree, item, path, weir__config_subjects, &values->subjects[index],
                                          out_secret);
    if (!weir__config_values_count(tree, item, path, key->min, key->max, &count))
        return false;
    values->counts[index] = (uint32_t)count;
    return true;
}

static bool is_same(enum weir__config_kind kind, const union values *values, size_t a, size_t b)
{
    if (kind == WEIR__KIND_DURATIONS)
        return values->durations[a] == values->durations[b];
    if (kind == WEIR__KIND_SUBJECTS)
        return values->subjects[a] == values->subjects[b];
    return values->counts[a] == values->counts[b];
}

/* A copy of the first `count`, never NULL for none; NULL without memory. */
static void *copy(struct weir__config_tree *tree, const void *values, size_t count, size_t each)
{
    void *list = malloc((count + 1) * each);

    if (list == NULL)
        weir__config_errors_no_memory(tree);
    else
        memcpy(list, values, count * each);
    return list;
}

static void store(struct weir__config_tree *tree, enum weir__config_kind kind, const union values *values, size_t count,
                  struct weir__config *config)
{
    void *list;

    if (kind == WEIR__KIND_SUBJECTS) {
        for (size_t i = 0; i < count; i++)
            config->bench.subjects[i] = (enum weir__config_subject)values->subjects[i];
        config->bench.subject_count = count;
        return;
    }
    list = kind == WEIR__KIND_COUNTS ? copy(tree, values->counts, count, sizeof values->counts[0])
                                     : copy(tree, values->durations, count, sizeof values->durations[0]);
    if (list == NULL)
        return;
    if (kind == WEIR__KIND_COUNTS) {
        free(config->bench.concurrency);
        config->bench.concurrency = list;
        config->bench.concurrency_count = count;
    } else {
        free(config->bench.latency_ns);
        config->bench.latency_ns = list;
        config->bench.latency_count = count;
    }
}

/* A value alone is a list of one.  Only of weir's own there may be none: then the peers are alone. */
void weir__config_bench_list(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                             struct weir__config *config, bool *out_secret)
{
    const bool array = cJSON_IsArray(item), subjects = key->kind == WEIR__KIND_SUBJECTS;
    const size_t count = array ? (size_t)cJSON_GetArraySize(item) : 1;
    const size_t least = subjects ? 0 : 1, most = subjects ? WEIR__CONFIG_SUBJECTS : WEIR__BENCH_CELLS_MAX;
    const cJSON *entry = array ? item->child : item;
    union values values;
    char path[40];
    bool done = true;

    if (count < least || count > most) {
        weir__config_errors_add(tree, item, key->path, "expected %zu to %zu entries, got %zu", least, most, count);
        return;
    }
    for (size_t i = 0; i < count; i++, entry = entry->next) {
        (void)snprintf(path, sizeof path, array ? "%s[%zu]" : "%s", key->path, i);
        done &= decode_value(tree, entry, path, key, &values, i, out_secret);
    }
    for (size_t i = 1; done && i < count; i++) {
        for (size_t j = 0; done && j < i; j++) {
            if (!is_same(key->kind, &values, i, j))
                continue;
            weir__config_errors_add(tree, item, key->path, "expected each entry once; number %zu is there before",
                                    i + 1);
            done = false;
        }
    }
    if (done)
        store(tree, key->kind, &values, count, config);
}

bool weir__config_bench_default(struct weir__config *config)
{
    static const int64_t latencies[] = {0, 50000000};

    if (config->bench.concurrency == NULL) {
        config->bench.concurrency = malloc(sizeof *config->bench.concurrency);
        if (config->bench.concurrency == NULL)
            return false;
        config->bench.concurrency[0] = config->has_concurrency ? config->concurrency : CONCURRENCY;
        config->bench.concurrency_count = 1;
    }
    if (config->bench.latency_ns == NULL) {
        config->bench.latency_ns = malloc(sizeof latencies);
        if (config->bench.latency_ns == NULL)
            return false;
        memcpy(config->bench.latency_ns, latencies, sizeof latencies);
        config->bench.latency_count = sizeof latencies / sizeof latencies[0];
    }
    return true;
}

void weir__config_bench_clear(struct weir__config *config)
{
    for (size_t i = 0; i < config->peer_count; i++)
        clear_peer(&config->peers[i]);
    free(config->peers);
    free(config->bench.concurrency);
    free(config->bench.latency_ns);
}
