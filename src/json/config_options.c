/* config_options - see config_options.h */
#include "json/config_options.h"

#include <stddef.h>

static void set_limits(const struct weir__config *config, struct weir_options *out)
{
    out->concurrency = config->concurrency;
    out->worker_max = config->workers;
    out->queue_max = config->queue;
    out->rates = config->rates;
    out->rate_count = config->rate_count;
    out->learn_rate = config->rate_auto;
    out->scope = config->scope;
}

static void set_attempts(const struct weir__config *config, struct weir_options *out)
{
    out->engine = config->engine;
    out->loop_count = config->loops;
    out->connect_timeout_ns = config->timeout_connect_ns;
    out->timeout_ns = config->timeout_total_ns;
    out->redirect_max = config->redirects;
    out->body_max_size = (size_t)config->body_max;
    out->success = config->success;
    out->success_count = config->success_count;
    out->ca_file = config->tls.ca_file;
    out->client_cert_file = config->tls.client_cert;
    out->client_key_file = config->tls.client_key;
    out->tls_version_min = config->tls.version_min;
    out->insecure = config->tls.insecure;
}

static void set_retries(const struct weir__config *config, struct weir_options *out)
{
    out->deadline_ns = config->deadline_ns;
    out->attempt_max = config->retry.attempts;
    out->refusal_max = config->retry.refusals;
    out->backoff_ns = config->retry.backoff_ns;
    out->backoff_max_ns = config->retry.backoff_max_ns;
    out->pause_max_ns = config->retry.pause_max_ns;
    out->retry_budget = config->retry.budget;
    out->retry_non_idempotent = config->retry.non_idempotent;
    out->retry_statuses = config->retry.statuses;
    out->retry_status_count = config->retry.status_count;
    out->idempotency_header = config->idempotency_key;
}

void weir__config_options(const struct weir__config *config, struct weir_options *out)
{
    set_limits(config, out);
    set_attempts(config, out);
    set_retries(config, out);
}
