/* identity - see identity.h */
#include "cli/identity.h"

#include "base/random.h"
#include "cli/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Each part with its size before it, so that no two rows of parts look alike. */
static void add(struct weir__digest *digest, const void *data, size_t size)
{
    char prefix[32];
    const int length = snprintf(prefix, sizeof prefix, "%zu:", size);

    weir__digest_add(digest, prefix, (size_t)length);
    if (size > 0)
        weir__digest_add(digest, data, size);
}

static void add_text(struct weir__digest *digest, const char *text, bool secret)
{
    add(digest, secret ? "" : text, secret ? 0 : strlen(text));
}

static bool hash_config(const struct weir__config *config, char out[WEIR__DIGEST_HEX_SIZE])
{
    struct weir__digest digest;
    char total[24];
    bool hashed;

    if (!weir__digest_begin(&digest))
        return false;
    (void)snprintf(total, sizeof total, "%" PRIu64, config->total);
    add_text(&digest, total, false);
    add_text(&digest, config->method, false);
    add_text(&digest, config->url, config->url_secret);
    for (size_t i = 0; i < config->header_count; i++) {
        add_text(&digest, config->headers[i].name, false);
        add_text(&digest, config->headers[i].value, config->headers[i].secret);
    }
    add(&digest, config->body, config->body == NULL || config->body_secret ? 0 : config->body_size);
    hashed = weir__digest_peek(&digest, out);
    weir__digest_clear(&digest);
    return hashed;
}

bool weir__identity_make(const struct weir__jobs *jobs, struct weir__journalline *out)
{
    memset(out, 0, sizeof *out);
    out->kind = WEIR__JOURNALLINE_HEAD;
    if (!weir__random_uuid(out->id))
        return false;
    (void)weir__jobs_count(jobs, &out->jobs);
    if (jobs->config->idempotency_key != NULL)
        (void)snprintf(out->key, sizeof out->key, "%s", jobs->config->idempotency_key);
    if (!jobs->listed) {
        out->source = WEIR__JOURNALLINE_CONFIG;
        return hash_config(jobs->config, out->sha256);
    }
    out->source = jobs->input.stream ? WEIR__JOURNALLINE_STREAM : WEIR__JOURNALLINE_FILE;
    if (!jobs->input.stream) {
        memcpy(out->sha256, jobs->input.sha256, sizeof out->sha256);
        out->bytes = jobs->input.bytes;
    }
    return true;
}
