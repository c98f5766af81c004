/*
 * verdict - what an attempt's reply means for its job: done, and how, or once more, and when.
 *
 * Pure: facts in, a decision out.  It sends nothing and remembers nothing.
 */
#ifndef WEIR_POLICY_VERDICT_H
#define WEIR_POLICY_VERDICT_H

#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__verdict_rules {
    const struct weir_status_range *success;
    size_t success_count;
    const struct weir_status_range *retry; /* statuses that are tried again */
    size_t retry_count;
    uint32_t redirect_max;
    uint32_t attempt_max;
    uint32_t refusal_max;
    bool non_idempotent; /* also repeat what must not be done twice */
};

struct weir__verdict_facts {
    const char *method;
    enum weir_error error; /* NONE: a whole response with http_status */
    int http_status;       /* 0 where no status line arrived */
    bool sent;
    bool resend;       /* a kept connection died before the response's first byte */
    bool has_redirect; /* the response names another URL */
    bool keyed;        /* it carries an idempotency key: the server does it once, however often it is sent */
    bool key_given;    /* and the caller knows it: he can send the job again as the same one */

    /* what the response says of the server's limits */
    bool pushes_back; /* Retry-After, or nothing remains */
    bool exhausted;   /* the latter alone: a 503 or 529 that says no more may also have come from behind the limits */
    bool overloaded;  /* 529, where that means overloaded: turned away, so not processed */

    /* the job's history, this attempt included */
    bool acted;         /* an earlier request of the job did what must not be done twice, then led elsewhere */
    bool doubtful;      /* an earlier send of it may have been processed, and it must not be done twice */
    uint32_t redirects; /* followed so far */
    uint32_t attempts;  /* tries so far without refusals; a connection that never came counts */
    uint32_t refusals;  /* so far */
};

/* What an attempt was. */
enum weir__verdict_class {
    WEIR__CLASS_SUCCESS,
    WEIR__CLASS_REDIRECT,  /* to be followed */
    WEIR__CLASS_REFUSED,   /* for the server's limits, and not processed: 429; 403, 503 or 529 that pushes back (where
                              it is merely exhausted, and the method not idempotent: 403 alone) */
    WEIR__CLASS_TRANSIENT, /* it may go better next time, and it surely was not processed or may be repeated */
    WEIR__CLASS_PERMANENT, /* it would be the same again */
    WEIR__CLASS_UNCERTAIN, /* sent, perhaps or surely processed, no usable answer, and it must not be done twice */
    WEIR__CLASS_STOPPED    /* by us */
};

enum weir__verdict_next {
    WEIR__VERDICT_END,
    WEIR__VERDICT_REDIRECT, /* send what the response names */
    WEIR__VERDICT_RESEND,   /* send the same again at once: the kept connection was dead */
    WEIR__VERDICT_REFUSED,  /* send the same again as soon as the limits allow; it cost no attempt */
    WEIR__VERDICT_RETRY     /* send the same again after a backoff, if the budget allows */
};

struct weir__verdict {
    enum weir__verdict_next next;
    enum weir_outcome outcome; /* where it ends here: also where `next` could not be done; UNKNOWN wherever `doubtful`
                                  holds and it has not succeeded */
    enum weir_error error;     /* NONE only where the outcome is SUCCEEDED */
    enum weir__verdict_class class;
    bool doubtful; /* this attempt, or an earlier one, may have been processed and must not be done twice */
};

struct weir__verdict weir__verdict_of(const struct weir__verdict_rules *rules, const struct weir__verdict_facts *facts);

/*
 * Whether a status and what the header says make a refusal: turned away for the server's limits, and not processed.
 * `exhausted`: nothing remains.  Where the method is not known it is not `idempotent`: that errs to the safe side.
 */
bool weir__verdict_turns_away(int http_status, bool has_retry_after, bool exhausted, bool idempotent);

/* Whether a header alone, with Retry-After or without, makes a refusal, whatever its body will be. */
bool weir__verdict_refuses(const struct weir__verdict_rules *rules, int http_status, bool has_retry_after);

/* RFC 9110, 9.2.2: sending it twice does what sending it once does. */
bool weir__verdict_idempotent(const char *method);

/* The method after a redirect (RFC 9110, 15.4): 303 asks for GET, 301 and 302 turn POST into GET, the rest keep it. */
const char *weir__verdict_redirect_method(const char *method, int http_status);

/* Whether two absolute URLs have the same scheme, host and port: only then do a request's own headers follow. */
bool weir__verdict_same_origin(const char *url, const char *other);

#endif
