/*
 * config - see config.h: the defaults, the order of loading, and the end of a configuration.
 */
#include "json/config_parts.h"

#include <stdlib.h>
#include <string.h>

static bool set_statuses(struct weir_status_range **list, size_t *list_count, const struct weir_status_range *from,
                         size_t count)
{
    *list = calloc(count, sizeof **list);
    if (*list == NULL)
        return false;
    memcpy(*list, from, count * sizeof **list);
    *list_count = count;
    return true;
}

/* The `fallback` texts of the table say the same; a test compares them. */
static bool set_defaults(struct weir__config *config)
{
    static const struct weir_status_range success[] = {{200, 299}};
    static const struct weir_status_range retried[] = {{408, 408}, {429, 429}, {500, 500},
                                                       {502, 502}, {503, 503}, {504, 504}};
    static const struct weir_options options = WEIR_OPTIONS_INIT;

    memset(config, 0, sizeof *config);
    config->concurrency = options.concurrency;
    config->queue = options.queue_max;
    config->timeout_connect_ns = options.connect_timeout_ns;
    config->timeout_total_ns = options.timeout_ns;
    config->redirects = options.redirect_max;
    config->body_max = options.body_max_size;
    config->tls.version_min = options.tls_version_min;
    config->loops = options.loop_count;
    config->retry.attempts = options.attempt_max;
    config->retry.backoff_ns = options.backoff_ns;
    config->retry.backoff_max_ns = options.backoff_max_ns;
    config->retry.budget = options.retry_budget;
    config->retry.refusals = options.refusal_max;
    config->retry.pause_max_ns = options.pause_max_ns;
    config->bench.subjects[0] = WEIR__SUBJECT_THREADS;
    config->bench.subjects[1] = WEIR__SUBJECT_ASYNC;
    config->bench.subjects[2] = WEIR__SUBJECT_NAIVE;
    config->bench.subject_count = 3;
    config->bench.rounds = 5;
    config->bench.warmups = 1;
    config->output.bodies = true;
    config->output.durability = WEIR__DURABILITY_CRASH;
    config->scope = strdup("process");
    return config->scope != NULL &&
           set_statuses(&config->success, &config->success_count, success, sizeof success / sizeof success[0]) &&
           set_statuses(&config->retry.statuses, &config->retry.status_count, retried,
                        sizeof retried / sizeof retried[0]);
}

bool weir__config_load(const char *file, const struct weir__config_set *sets, size_t set_count,
                       enum weir__config_use use, struct weir__config *out, struct weir__config_errors *errors)
{
    struct weir__config_tree tree = {.errors = errors};
    bool good;

    memset(errors, 0, sizeof *errors);
    if (!set_defaults(out))
        weir__config_errors_no_memory(&tree);
    else if (weir__config_tree_read(&tree, file, sets, set_count))
        weir__config_decode(&tree, use, out);
    weir__config_tree_clear(&tree);
    good = errors->count == 0 && errors->dropped == 0;
    if (!good)
        weir__config_clear(out);
    return good;
}

void weir__config_clear(struct weir__config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->header_count; i++) {
        free(config->headers[i].name);
        free(config->headers[i].value);
    }
    free(config->headers);
    free(config->url);
    free(config->input);
    free(config->method);
    free(config->body);
    free(config->body_file);
    free(config->rates);
    free(config->scope);
    free(config->success);
    free(config->tls.ca_file);
    free(config->tls.client_cert);
    free(config->tls.client_key);
    free(config->idempotency_key);
    free(config->retry.statuses);
    free(config->output.file);
    weir__config_bench_clear(config);
    memset(config, 0, sizeof *config);
}
