/*
 * verdict - see verdict.h.
 *
 * Three questions, each asked once: what the status line says (answer_of), what that makes of the attempt (class_of),
 * and whether the request may have been processed without a final word on it (leaves_doubt).  The rest follows.
 */
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

static bool in_ranges(const struct weir_status_range *ranges, size_t count, int http_status)
{
    for (size_t i = 0; i < count; i++)
        if (http_status >= ranges[i].first && http_status <= ranges[i].last)
            return true;
    return false;
}

bool weir__verdict_turns_away(int http_status, bool has_retry_after, bool exhausted, bool idempotent)
{
    switch (http_status) {
    case 429:
        return true;
    case 403:
        return has_retry_after || exhausted;
    case 503:
    case 529:
        /* Gateways put the figures of their limits on every response, one that failed behind them included. */
        return has_retry_after || (exhausted && idempotent);
    default:
        return false;
    }
}

bool weir__verdict_refuses(const struct weir__verdict_rules *rules, int http_status, bool has_retry_after)
{
    return !in_ranges(rules->success, rules->success_count, http_status) &&
           weir__verdict_turns_away(http_status, has_retry_after, false, false);
}

/* What the status line alone says.  It says it even where the rest of the response was lost. */
enum answer {
    ANSWER_NONE, /* there was none */
    ANSWER_SUCCESS,
    ANSWER_REDIRECT,   /* to be followed */
    ANSWER_REFUSED,    /* turned away for the limits: surely not processed */
    ANSWER_OVERLOADED, /* turned away for the load: the same */
    ANSWER_TRANSIENT,  /* an error of the server, at whatever point of its work */
    ANSWER_PERMANENT
};

static bool is_refusal(const struct weir__verdict_facts *facts)
{
    return weir__verdict_turns_away(facts->http_status, facts->pushes_back && !facts->exhausted, facts->exhausted,
                                    weir__verdict_idempotent(facts->method));
}

static enum answer answer_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts)
{
    const int status = facts->http_status;

    if (status == 0)
        return ANSWER_NONE;
    if (in_ranges(rules->success, rules->success_count, status))
        return ANSWER_SUCCESS;
    if (facts->has_redirect && rules->redirect_max > 0)
        return facts->redirects < rules->redirect_max ? ANSWER_REDIRECT : ANSWER_PERMANENT;
    if (is_refusal(facts))
        return ANSWER_REFUSED;
    if (status == 529 && facts->overloaded)
        return ANSWER_OVERLOADED;
    /* 409 to a key that is known already: the earlier send is being worked on (draft-ietf-httpapi-idempotency-key). */
    if (in_ranges(rules->retry, rules->retry_count, status) || (status == 409 && facts->keyed && facts->doubtful))
        return ANSWER_TRANSIENT;
    return ANSWER_PERMANENT;
}

/* Whether a second send does no harm, or the user has said that it may be made. */
static bool may_repeat(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts)
{
    return weir__verdict_idempotent(facts->method) || facts->keyed || rules->non_idempotent;
}

/*
 * A status that can come from any point of the server's work, listed for retries or not.  501 and 505 (RFC 9110, 15.6)
 * say that it cannot even begin.
 */
static bool is_server_error(int http_status)
{
    return http_status == 408 || (http_status >= 500 && http_status <= 599 && http_status != 501 && http_status != 505);
}

/* Whether this send may have been processed without a final word on it. */
static bool leaves_doubt(const struct weir__verdict_facts *facts, enum answer answer)
{
    const bool whole = facts->error == WEIR_ERROR_NONE;

    if (!facts->sent || weir__verdict_idempotent(facts->method))
        return false;
    switch (answer) {
    case ANSWER_REFUSED:
    case ANSWER_OVERLOADED:
        return false;
    case ANSWER_PERMANENT:
        return is_server_error(facts->http_status);
    case ANSWER_SUCCESS: /* it was done, and what came of it is lost */
    case ANSWER_REDIRECT:
        return !whole;
    case ANSWER_NONE:
    case ANSWER_TRANSIENT:
        break;
    }
    return true;
}

/* No status line. */
static enum weir__verdict_class class_of_silence(const struct weir__verdict_facts *facts, bool repeat)
{
    if (facts->sent && !repeat)
        return WEIR__CLASS_UNCERTAIN;
    switch (facts->error) {
    case WEIR_ERROR_RESOLVE:
    case WEIR_ERROR_CONNECT:
    case WEIR_ERROR_TIMEOUT:
    case WEIR_ERROR_CONNECTION_LOST:
    case WEIR_ERROR_RESOURCE:
        return WEIR__CLASS_TRANSIENT;
    default:
        return facts->resend ? WEIR__CLASS_TRANSIENT : WEIR__CLASS_PERMANENT;
    }
}

/* A success, or the way to it, of which `whole` arrived. */
static enum weir__verdict_class class_of_success(const struct weir__verdict_facts *facts, bool repeat,
                                                 enum weir__verdict_class whole)
{
    if (facts->error == WEIR_ERROR_NONE)
        return whole;
    if (!repeat)
        return WEIR__CLASS_UNCERTAIN;
    return facts->error == WEIR_ERROR_CONNECTION_LOST || facts->error == WEIR_ERROR_TIMEOUT ? WEIR__CLASS_TRANSIENT
                                                                                            : WEIR__CLASS_PERMANENT;
}

static enum weir__verdict_class class_of(const struct weir__verdict_facts *facts, enum answer answer, bool repeat)
{
    if (facts->error == WEIR_ERROR_STOPPED)
        return WEIR__CLASS_STOPPED;
    switch (answer) {
    case ANSWER_NONE:
        return class_of_silence(facts, repeat);
    case ANSWER_SUCCESS:
        return class_of_success(facts, repeat, WEIR__CLASS_SUCCESS);
    case ANSWER_REDIRECT:
        return class_of_success(facts, repeat, WEIR__CLASS_REDIRECT);
    case ANSWER_REFUSED:
        return WEIR__CLASS_REFUSED;
    case ANSWER_OVERLOADED:
        return WEIR__CLASS_TRANSIENT;
    case ANSWER_TRANSIENT:
        return repeat ? WEIR__CLASS_TRANSIENT : WEIR__CLASS_UNCERTAIN;
    case ANSWER_PERMANENT:
        break;
    }
    return WEIR__CLASS_PERMANENT;
}

static enum weir__verdict_next next_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts,
                                       enum weir__verdict_class class)
{
    const int status = facts->http_status;

    switch (class) {
    case WEIR__CLASS_REDIRECT:
        return WEIR__VERDICT_REDIRECT;
    case WEIR__CLASS_REFUSED:
        /* A user who leaves 429 or 503 out of the list wants to see them; 403 and 529 are listed by nobody. */
        if (facts->refusals >= rules->refusal_max ||
            ((status == 429 || status == 503) && !in_ranges(rules->retry, rules->retry_count, status)))
            return WEIR__VERDICT_END;
        return WEIR__VERDICT_REFUSED;
    case WEIR__CLASS_TRANSIENT:
        if (facts->attempts >= rules->attempt_max)
            return WEIR__VERDICT_END;
        return facts->resend ? WEIR__VERDICT_RESEND : WEIR__VERDICT_RETRY;
    default:
        return WEIR__VERDICT_END;
    }
}

static enum weir_outcome outcome_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts,
                                    enum answer answer, enum weir__verdict_class class, bool doubtful)
{
    /* A job that a stop ends is the caller's to send again, and no harm is done where its key is his, or he said so. */
    const bool goes_on = class == WEIR__CLASS_STOPPED && !facts->acted && (facts->key_given || rules->non_idempotent);

    if (class == WEIR__CLASS_SUCCESS)
        return WEIR_OUTCOME_SUCCEEDED;
    if (doubtful)
        return goes_on ? WEIR_OUTCOME_CANCELLED : WEIR_OUTCOME_UNKNOWN;
    if (class != WEIR__CLASS_STOPPED || facts->acted)
        return WEIR_OUTCOME_FAILED;
    /* Cancelled means that it may be sent again without harm: also a POST that was turned away, but none that was
     * answered "no". */
    if (answer == ANSWER_PERMANENT && !weir__verdict_idempotent(facts->method))
        return WEIR_OUTCOME_FAILED;
    return WEIR_OUTCOME_CANCELLED;
}

static enum weir_error error_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts,
                                enum weir__verdict_class class)
{
    if (class == WEIR__CLASS_SUCCESS)
        return WEIR_ERROR_NONE;
    if (facts->error != WEIR_ERROR_NONE)
        return facts->error;
    /* followed too many, or core cannot follow this one */
    return facts->has_redirect && rules->redirect_max > 0 ? WEIR_ERROR_REDIRECTS : WEIR_ERROR_STATUS;
}

struct weir__verdict weir__verdict_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts)
{
    const enum answer answer = answer_of(rules, facts);
    const enum weir__verdict_class class = class_of(facts, answer, may_repeat(rules, facts));
    const bool doubtful = facts->doubtful || leaves_doubt(facts, answer);

    return (struct weir__verdict){
        .next = next_of(rules, facts, class),
        .outcome = outcome_of(rules, facts, answer, class, doubtful),
        .error = error_of(rules, facts, class),
        .class = class,
        .doubtful = doubtful,
    };
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
