/*
 * verdict - what an attempt's reply means for its job: done, and how, or once more.
 *
 * Pure: facts in, a decision out.  It sends nothing and remembers nothing.
 */
#ifndef WEIR_POLICY_VERDICT_H
#define WEIR_POLICY_VERDICT_H

#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sends of one job over kept connections that turned out to be dead; libcurl's own bound (CONN_MAX_RETRIES) is the
 * same. */
#define WEIR__RESENDS_MAX 5u

struct weir__verdict_rules {
    const struct weir_status_range *success;
    size_t success_count;
    uint32_t redirect_max;
};

struct weir__verdict_facts {
    const char *method;
    enum weir_error error; /* NONE: a whole response with http_status */
    int http_status;
    bool sent;
    bool resend;        /* a kept connection died before the response's first byte */
    bool has_redirect;  /* the response names another URL */
    bool acted;         /* an earlier request of the job did what must not be done twice, then led elsewhere */
    uint32_t redirects; /* followed so far */
    uint32_t resends;   /* made so far */
};

enum weir__verdict_next {
    WEIR__VERDICT_END,
    WEIR__VERDICT_REDIRECT, /* send what the response names */
    WEIR__VERDICT_RESEND    /* send the same again */
};

struct weir__verdict {
    enum weir__verdict_next next;
    enum weir_outcome outcome; /* where next is END */
    enum weir_error error;     /* NONE only where the outcome is SUCCEEDED */
};

struct weir__verdict weir__verdict_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts);

/* RFC 9110, 9.2.2: sending it twice does what sending it once does. */
bool weir__verdict_idempotent(const char *method);

/* The method after a redirect (RFC 9110, 15.4): 303 asks for GET, 301 and 302 turn POST into GET, the rest keep it. */
const char *weir__verdict_redirect_method(const char *method, int http_status);

/* Whether two absolute URLs have the same scheme, host and port: only then do a request's own headers follow. */
bool weir__verdict_same_origin(const char *url, const char *other);

#endif
