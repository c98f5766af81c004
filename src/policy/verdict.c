/* verdict - see verdict.h */
#include "policy/verdict.h"

#include <string.h>
#include <strings.h>

bool weir__verdict_idempotent(const char *method)
{
    static const char *const idempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

    for (size_t i = 0; i < sizeof idempotent / sizeof idempotent[0]; i++)
        if (strcmp(method, idempotent[i]) == 0)
            return true;
    return false;
}

static bool is_success(const struct weir__verdict_rules *rules, int http_status)
{
    for (size_t i = 0; i < rules->success_count; i++)
        if (http_status >= rules->success[i].first && http_status <= rules->success[i].last)
            return true;
    return false;
}

static struct weir__verdict end(enum weir_outcome outcome, enum weir_error error)
{
    return (struct weir__verdict){WEIR__VERDICT_END, outcome, error};
}

static struct weir__verdict again(enum weir__verdict_next next)
{
    return (struct weir__verdict){next, WEIR_OUTCOME_FAILED, WEIR_ERROR_NONE};
}

static struct weir__verdict of_response(const struct weir__verdict_rules *rules,
                                        const struct weir__verdict_facts *facts)
{
    if (is_success(rules, facts->http_status))
        return end(WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    if (rules->redirect_max == 0 || !facts->has_redirect)
        return end(WEIR_OUTCOME_FAILED, WEIR_ERROR_STATUS);
    if (facts->redirects >= rules->redirect_max)
        return end(WEIR_OUTCOME_FAILED, WEIR_ERROR_REDIRECTS);
    return again(WEIR__VERDICT_REDIRECT);
}

struct weir__verdict weir__verdict_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts)
{
    bool idempotent;

    if (facts->error == WEIR_ERROR_NONE)
        return of_response(rules, facts);
    idempotent = weir__verdict_idempotent(facts->method);
    if (facts->resend && idempotent && facts->resends < WEIR__RESENDS_MAX)
        return again(WEIR__VERDICT_RESEND);
    /* a status line is proof that the server has dealt with the request; without one, only a send leaves a doubt */
    if (facts->sent && facts->http_status == 0 && !idempotent)
        return end(WEIR_OUTCOME_UNKNOWN, facts->error);
    /* cancelled means that it may be sent again without harm */
    if (facts->error == WEIR_ERROR_STOPPED && !facts->acted && (idempotent || !facts->sent))
        return end(WEIR_OUTCOME_CANCELLED, facts->error);
    return end(WEIR_OUTCOME_FAILED, facts->error);
}

const char *weir__verdict_redirect_method(const char *method, int http_status)
{
    if (http_status == 303)
        return strcmp(method, "HEAD") == 0 ? "HEAD" : "GET";
    if ((http_status == 301 || http_status == 302) && strcmp(method, "POST") == 0)
        return "GET";
    return method;
}

/* The parts of an absolute URL that make its origin; they point into the URL. */
struct origin {
    const char *scheme, *host; /* the host with its port */
    size_t scheme_length, host_length;
};

static bool equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && strncasecmp(a, b, a_length) == 0;
}

/* Cuts the scheme's own port, so that http://a, http://a: and http://a:80 are the same. */
static void cut_default_port(struct origin *origin)
{
    const bool https = equal(origin->scheme, origin->scheme_length, "https", 5);
    const char *const ports[] = {https ? ":443" : ":80", ":"};

    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        const size_t length = strlen(ports[i]);
        if (origin->host_length > length &&
            memcmp(origin->host + origin->host_length - length, ports[i], length) == 0) {
            origin->host_length -= length;
            return;
        }
    }
}

/*
 * False where there is none, and for an authority with a backslash: libcurl takes "a\@b" for user "a\" at host b,
 * browsers take it for host a, and a doubt must not send header fields to a stranger.
 */
static bool origin_of(const char *url, struct origin *out)
{
    const char *end = strstr(url, "://");
    const char *at;

    if (end == NULL)
        return false;
    out->scheme = url;
    out->scheme_length = (size_t)(end - url);
    out->host = end + 3;
    out->host_length = strcspn(out->host, "/?#");
    if (memchr(out->host, '\\', out->host_length) != NULL)
        return false;
    while ((at = memchr(out->host, '@', out->host_length)) != NULL) {
        out->host_length -= (size_t)(at + 1 - out->host);
        out->host = at + 1;
    }
    cut_default_port(out);
    return out->host_length > 0;
}

bool weir__verdict_same_origin(const char *url, const char *other)
{
    struct origin a, b;

    return origin_of(url, &a) && origin_of(other, &b) && equal(a.scheme, a.scheme_length, b.scheme, b.scheme_length) &&
           equal(a.host, a.host_length, b.host, b.host_length);
}
