/*
 * config_parts - what the config_*.c files share with each other and with nobody else (but their tests).
 *
 * The way of a configuration: config_tree makes one tree of the file and the overrides and remembers where each value
 * stands; config_keys is the table of keys; config_decode walks the tree by the table and checks, with config_values
 * for one number or word, config_text for strings, config_rates, config_statuses, config_request and config_bench for
 * the rest;
 * config_print goes back.
 */
#ifndef WEIR_JSON_CONFIG_PARTS_H
#define WEIR_JSON_CONFIG_PARTS_H

#include "base/units.h"
#include "json/config.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__CONFIG_PATH_SIZE 160u    /* of a key's path in messages; longer ones are cut */
#define WEIR__CONFIG_MEMBERS_MAX 1024u /* of one object: duplicates are sought pair by pair */
#define WEIR__CONFIG_STATUSES_MAX 64u  /* entries of `success` and `retry.statuses` */
#define WEIR__CONFIG_TOTAL_MAX UINT64_C(1000000000000)
#define WEIR__CONFIG_BUDGET_MAX 100u
#define WEIR__CONFIG_LATENCY_MAX_NS (UINT64_C(60) * 1000000000) /* of the built-in target */
#define WEIR__CONFIG_BODY_MAX_MAX (UINT64_C(16) * 1024 * 1024 * 1024)

/* ------------------------------------------------------------------------------------------------------- config_tree.c
 */

/* The text that a value came from: the file, or one override. */
struct weir__config_source {
    const char *name; /* the file's, or the override's origin */
    const char *path; /* of an override; NULL for the file */
    const char *text;
    size_t size;
    bool json; /* `text` is JSON, in which places are offsets */
    bool literal;
};

struct weir__config_place {
    const cJSON *item;
    size_t source; /* index */
    size_t key;    /* offset of its key; of the value where it has none */
    size_t start;  /* offset of the value */
};

struct weir__config_tree {
    cJSON *root;
    char *text;                          /* of the file */
    char *folder;                        /* of the file; NULL where it is the current directory */
    struct weir__config_source *sources; /* the file's is the first */
    size_t source_count;
    struct weir__config_place *places; /* a later one counts: memory of a removed item may serve again */
    size_t place_count, place_capacity;
    struct weir__config_errors *errors;
};

/* Reads the file (NULL: an empty object).  False after an error that leaves nothing to go on with. */
bool weir__config_tree_read(struct weir__config_tree *tree, const char *file, const struct weir__config_set *sets,
                            size_t set_count);
void weir__config_tree_clear(struct weir__config_tree *tree);

/* Parses a source strictly and notes where each value of it stands.  `at_body`: the whole text is a request body; else
 * the member "body" of the top object is.  A body stays out of the tree but for its type.  NULL after an error. */
cJSON *weir__config_tree_parse(struct weir__config_tree *tree, size_t source, bool at_body);

/* Notes that `item` came from there; false without memory. */
bool weir__config_tree_note(struct weir__config_tree *tree, const cJSON *item, size_t source, size_t key, size_t start);

/* Where an item stands, or NULL. */
const struct weir__config_place *weir__config_tree_place(const struct weir__config_tree *tree, const cJSON *item);
const struct weir__config_source *weir__config_tree_source(const struct weir__config_tree *tree, const cJSON *item);

/* The item's exact bytes in its source. */
bool weir__config_tree_span(const struct weir__config_tree *tree, const cJSON *item, const char **out,
                            size_t *out_size);

/* config_overrides.c: applies sets[index], whose source is index + 1. */
void weir__config_overrides_apply(struct weir__config_tree *tree, const struct weir__config_set *set, size_t source);

/* ----------------------------------------------------------------------------------------------------- config_errors.c
 */

/* Reports a mistake at an item (NULL: nowhere).  `path` may be "". */
void weir__config_errors_add(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *format,
                             ...) __attribute__((format(printf, 4, 5)));
/* One about the text of a file itself: "FILE:LINE:COLUMN: ...". */
void weir__config_errors_add_at(struct weir__config_tree *tree, size_t source, size_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void weir__config_errors_no_memory(struct weir__config_tree *tree);

/* "expected EXPECTED, got WHAT"; the value is shown only where `show`, else its type alone. */
void weir__config_errors_type(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *expected,
                              bool show);

/* Text in double quotes for a message: escaped, and cut where long. */
#define WEIR__CONFIG_QUOTE_SIZE 96u
void weir__config_errors_quote(const char *text, char *out);

/* ------------------------------------------------------------------------------------------------------- config_keys.c
 */

enum weir__config_kind {
    WEIR__KIND_GROUP,
    WEIR__KIND_COUNT32, /* uint32_t */
    WEIR__KIND_COUNT64, /* uint64_t */
    WEIR__KIND_NUMBER,  /* double */
    WEIR__KIND_BOOL,
    WEIR__KIND_DURATION, /* int64_t */
    WEIR__KIND_SIZE,     /* uint64_t */
    WEIR__KIND_CHOICE,   /* int */
    WEIR__KIND_FILE,     /* char *, and the rest of the strings */
    WEIR__KIND_READABLE_FILE,
    WEIR__KIND_BODY_FILE,
    WEIR__KIND_URL,
    WEIR__KIND_METHOD,
    WEIR__KIND_SCOPE,
    WEIR__KIND_TOKEN,
    WEIR__KIND_HEADERS,
    WEIR__KIND_BODY,
    WEIR__KIND_RATES,
    WEIR__KIND_STATUSES,
    WEIR__KIND_PEERS,
    WEIR__KIND_COUNTS,    /* a list of uint32_t */
    WEIR__KIND_DURATIONS, /* a list of int64_t */
    WEIR__KIND_SUBJECTS
};

struct weir__config_choice {
    const char *name; /* NULL ends the list */
    int value;
};

struct weir__config_key {
    const char *path;
    enum weir__config_kind kind;
    size_t offset;       /* in struct weir__config */
    size_t offset_count; /* of the size_t with the number of entries, for lists */
    uint64_t min, max;   /* of counts and sizes; of durations in ns */
    const struct weir__config_choice *choices;
    const char *fallback; /* the default as it would be written; NULL where there is none, and then null may be given */
    const char *meaning;
};

extern const struct weir__config_key weir__config_keys[];
extern const size_t weir__config_key_count;
extern const struct weir__config_choice weir__config_shapes[];
extern const struct weir__config_choice weir__config_subjects[];

const struct weir__config_key *weir__config_keys_find(const char *path);

/* The path that somebody may have meant by `path`, or NULL. */
const char *weir__config_keys_suggest(const char *path);

/* "url, total, ..." or the names within `group`. */
void weir__config_keys_list(const char *group, char *out, size_t size);

/* Whether a name is a token of RFC 9110. */
bool weir__config_keys_is_token(const char *text);

/* ----------------------------------------------------------------------------------------------------- config_decode.c
 */

/* Checks the whole tree; what is right lands in `config`, which holds the defaults. */
void weir__config_decode(struct weir__config_tree *tree, enum weir__config_use use, struct weir__config *config);

/* ----------------------------------------------------------------------------------------------------- config_values.c
 */

/* Each is false after an error, and `*out` is then untouched; `*out_secret` becomes true where ${file:} or ${env:} was
 * resolved, else stays. */
bool weir__config_values_count(struct weir__config_tree *tree, const cJSON *item, const char *path, uint64_t min,
                               uint64_t max, uint64_t *out);
bool weir__config_values_number(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                                double *out);
bool weir__config_values_duration(struct weir__config_tree *tree, const cJSON *item, const char *path, int64_t min,
                                  int64_t max, int64_t *out, bool *out_secret);
bool weir__config_values_size(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                              uint64_t *out, bool *out_secret);
bool weir__config_values_choice(struct weir__config_tree *tree, const cJSON *item, const char *path,
                                const struct weir__config_choice *choices, int *out, bool *out_secret);

/* ------------------------------------------------------------------------------------------------------- config_text.c
 */

struct weir__config_text {
    char *bytes; /* heap, NUL-terminated */
    size_t size;
    bool secret; /* from ${file:} or ${env:} */
};

/*
 * The text of a string (or of an override's number), with `${file:PATH}` and `${env:NAME}` resolved: anywhere in it
 * where `embedded`, else where they are all of it.  False after an error, which says what was `expected`.
 */
bool weir__config_text_get(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *expected,
                           bool embedded, struct weir__config_text *out);

/* The name of a file as it stands at an item, made relative to the current directory; NULL after an error. */
char *weir__config_text_path(struct weir__config_tree *tree, const cJSON *item, const char *name);

/* A whole file, at most WEIR__CONFIG_MAX_SIZE; NULL with `*out_reason` set: static or strerror's, NULL where
 * there was no memory. */
char *weir__config_text_read(const char *name, size_t *out_size, const char **out_reason);

/* ---------------------------------------------------------------------------- config_rates.c, _statuses.c, _request.c
 */

void weir__config_rates_decode(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config,
                               bool *out_secret);

/* One entry such as "2xx", "200" or "200-204". */
bool weir__config_statuses_parse(const char *text, struct weir_status_range *out);
void weir__config_statuses_decode(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                                  struct weir__config *config, bool *out_secret);

void weir__config_request_url(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config);
void weir__config_request_headers(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config);
void weir__config_request_body(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config);
void weir__config_request_body_file(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config,
                                    bool *out_secret);

/* ------------------------------------------------------------------------------------------------------ config_bench.c
 */

void weir__config_bench_peers(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config,
                              bool *out_secret);

/* `concurrency`, `latency` and `engines` of `bench`. */
void weir__config_bench_list(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                             struct weir__config *config, bool *out_secret);

/* What is left out: false without memory. */
bool weir__config_bench_default(struct weir__config *config);

void weir__config_bench_clear(struct weir__config *config);

/* Where the userinfo of a URL begins and ends (before the "@"); false where it has none. */
bool weir__config_request_userinfo(const char *url, size_t *out_start, size_t *out_end);

#endif
