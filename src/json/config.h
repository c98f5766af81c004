/*
 * config - a configuration file and the options that override it, as one checked struct.
 *
 * The file is strict JSON.  Overrides are applied to its tree before anything is checked, so that each rule is written
 * once; every mistake is reported, each with its path and where it stands.  What the values do is not its concern.
 */
#ifndef WEIR_JSON_CONFIG_H
#define WEIR_JSON_CONFIG_H

#include "json/bench_results.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__CONFIG_MAX_SIZE (16u * 1024u * 1024u) /* bytes of a configuration file or of a file that it names */
#define WEIR__CONFIG_HEADERS_MAX 256u
#define WEIR__CONFIG_ERRORS_MAX 100u /* then the rest is counted */
#define WEIR__CONFIG_SUBJECTS 3u     /* of a benchmark, that are weir's own */
#define WEIR__CONFIG_PEERS_MAX (WEIR__BENCH_SUBJECTS_MAX - WEIR__CONFIG_SUBJECTS)
#define WEIR__CONFIG_WARMUPS_MAX 10u /* all rounds of a benchmark together are at most WEIR__BENCH_ROUNDS_MAX */
#define WEIR__CONFIG_ROUNDS_MAX (WEIR__BENCH_ROUNDS_MAX - WEIR__CONFIG_WARMUPS_MAX)

struct weir__config_header {
    char *name;
    char *value;
    bool secret; /* from ${file:} or ${env:}, or Authorization, Cookie and the like: never printed */
};

enum weir__config_subject { WEIR__SUBJECT_THREADS, WEIR__SUBJECT_ASYNC, WEIR__SUBJECT_NAIVE };
enum weir__config_durability { WEIR__DURABILITY_NONE, WEIR__DURABILITY_CRASH, WEIR__DURABILITY_POWER };

/* What else a benchmark carries out the same work with: a command for /bin/sh. */
struct weir__config_peer {
    char *name;
    char *command;  /* {url}, {total} and {concurrency} stand for what they say */
    char *requires; /* a command that must succeed, or a program's name; NULL: nothing */
};

/*
 * Every key of the table in conf/README.md; strings are NULL where not given.  Names of files are relative to the
 * current directory here, whatever they were relative to where they were written.  What was asked for shows in the
 * values (NULL, 0, false, WEIR_ENGINE_THREADS: no), and where defaults would hide it, in a has_... of its own.
 */
struct weir__config {
    /* the work */
    char *url;
    bool url_secret;
    bool has_total;
    uint64_t total;
    char *input;
    char *method; /* "GET", or "POST" where there is a body */
    bool has_method;
    struct weir__config_header *headers;
    size_t header_count;
    char *body;      /* from `body` or `body_file`; NUL-terminated besides */
    char *body_file; /* where it was read from; NULL where not from there */
    size_t body_size;
    bool body_json; /* `body` was JSON other than a string: the sender adds `content-type: application/json` */
    bool body_secret;

    /* the limits */
    uint32_t concurrency;
    bool has_concurrency;
    struct weir_rate *rates;
    size_t rate_count;
    bool rate_auto;   /* "auto", alone or beside others: learn what the server states */
    uint32_t workers; /* never 0 after a load: `concurrency` unless given */
    uint32_t queue;
    char *scope; /* "process" or "host:NAME" */

    /* one attempt */
    enum weir_engine engine;
    uint32_t loops; /* event loops of the async one */
    int64_t timeout_connect_ns;
    int64_t timeout_total_ns;
    int64_t deadline_ns; /* 0: none */
    struct weir_status_range *success;
    size_t success_count;
    uint32_t redirects;
    uint64_t body_max;
    struct {
        char *ca_file, *client_cert, *client_key;
        int version_min; /* 12 or 13 */
        bool insecure;
    } tls;
    char *idempotency_key;

    struct {
        uint32_t attempts;
        struct weir_status_range *statuses;
        size_t status_count;
        int64_t backoff_ns, backoff_max_ns;
        bool non_idempotent;
        double budget;
        uint32_t refusals;
        int64_t pause_max_ns;
    } retry;

    bool has_output; /* any key of `output` was given */
    struct {
        char *file;
        bool bodies;
        enum weir__config_durability durability;
    } output;

    /* benchmarks */
    struct weir__config_peer *peers;
    size_t peer_count;
    struct {
        uint32_t *concurrency; /* never empty after a load, as are latencies */
        size_t concurrency_count;
        int64_t *latency_ns;
        size_t latency_count;
        enum weir__config_subject subjects[WEIR__CONFIG_SUBJECTS];
        size_t subject_count;
        uint32_t rounds, warmups;
    } bench;

    uint64_t secret_keys; /* bit i: the i-th key of the table came from ${file:} or ${env:}; for weir__config_print() */
};

/*
 * One override: what an option or `--set` says.  Later ones win.  An object for `headers` is merged into the headers
 * that there are, name by name; null takes a key without a default out; `body` takes out the file's `body_file` and the
 * other way round, `input` the file's `total`.  A literal `headers.NAME` adds to one of the same origin and name, as
 * curl's -H does.
 */
struct weir__config_set {
    const char *path;   /* "retry.attempts" */
    const char *value;  /* JSON, or text that is taken as a string where it is not JSON */
    bool literal;       /* `value` is a string whatever it looks like */
    const char *origin; /* "--retries": stands in messages instead of a line; "--set" gets the path after it */
};

struct weir__config_error {
    char *text; /* "conf.json:4: concurrency: expected a whole number from 1 to 100000, got \"three\"" */
};

struct weir__config_errors {
    struct weir__config_error list[WEIR__CONFIG_ERRORS_MAX];
    size_t count;   /* in the list */
    size_t dropped; /* beyond it, or without memory for their text */
    bool no_memory; /* one of them is that memory ran out, so that the rest may be mistaken */
};

/* What is loaded for: a run must know what to send and how often; a library's user says so in each request, and a
 * benchmark has a target and a number of its own. */
enum weir__config_use { WEIR__CONFIG_RUN, WEIR__CONFIG_LIBRARY, WEIR__CONFIG_BENCH };

/*
 * Reads and checks `file` (NULL: none) with the overrides on top; `url` and `total` (or `input`) must be given for
 * WEIR__CONFIG_RUN, and are only checked for the others.  True with `out` filled, which weir__config_clear()
 * frees; false with at least one error (count + dropped), and `out` empty.  Either way weir__config_errors_clear()
 * frees `errors`, which need not be initialised before.  Not thread-safe (cJSON keeps a global error pointer).
 */
bool weir__config_load(const char *file, const struct weir__config_set *sets, size_t set_count,
                       enum weir__config_use use, struct weir__config *out, struct weir__config_errors *errors);

void weir__config_clear(struct weir__config *config);
void weir__config_errors_clear(struct weir__config_errors *errors);

/* The effective configuration as JSON for people, every key, secrets as "***", no newline at its end.  Heap text; NULL
 * without memory.  It loads to the same effect from a file in the current directory, where there is no secret in it. */
char *weir__config_print(const struct weir__config *config);

#endif
