/*
 * verdict: what a reply means for its job.  A table says it for each kind of attempt; then every combination of
 * facts is walked through and held against the rules that none may break.
 */
#include "policy/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct weir_status_range success[] = {{200, 299}, {404, 404}};
static const struct weir_status_range retry[] = {{408, 408}, {429, 429}, {500, 500}, {502, 504}};
static const struct weir__verdict_rules rules = {success, 2, retry, 4, 3, 5, 100, false};
static const struct weir__verdict_rules twice = {success, 2, retry, 4, 3, 5, 100, true};
static const struct weir__verdict_rules nothing_listed = {success, 2, NULL, 0, 3, 5, 100, false};

static const char *const idempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
static const char *const others[] = {"POST", "PATCH", "CONNECT", "get", "LOCK", "GETX", ""};

static void methods_are_idempotent_as_rfc_9110_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof idempotent / sizeof idempotent[0]; i++)
        assert_true(weir__verdict_idempotent(idempotent[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(weir__verdict_idempotent(others[i]));
}

/* One kind of attempt, and the verdict on it. */
struct row {
    const char *what;
    const struct weir__verdict_rules *rules; /* NULL: the usual ones */
    struct weir__verdict_facts facts;        /* attempts and refusals of 0 count as 1 */
    struct weir__verdict wanted;
};

#define LOST WEIR_ERROR_CONNECTION_LOST
#define STOP WEIR_ERROR_STOPPED
#define WHOLE WEIR_ERROR_NONE
#define GET(e, s) .method = "GET", .error = (e), .http_status = (s), .sent = true
#define POST(e, s) .method = "POST", .error = (e), .http_status = (s), .sent = true
#define UNSENT(m, e) .method = (m), .error = (e)

#define ENDS(class, outcome, error, doubt)                                                                             \
    {                                                                                                                  \
        WEIR__VERDICT_END, WEIR_OUTCOME_##outcome, (error), WEIR__CLASS_##class, (doubt)                               \
    }
#define GOES(next, class, outcome, error, doubt)                                                                       \
    {                                                                                                                  \
        WEIR__VERDICT_##next, WEIR_OUTCOME_##outcome, (error), WEIR__CLASS_##class, (doubt)                            \
    }
#define STATUS WEIR_ERROR_STATUS

static const struct row rows[] = {
    /* a whole response */
    {"GET, 200", 0, {GET(WHOLE, 200)}, ENDS(SUCCESS, SUCCEEDED, WHOLE, false)},
    {"POST, 200", 0, {POST(WHOLE, 200)}, ENDS(SUCCESS, SUCCEEDED, WHOLE, false)},
    {"POST, 404 as a success", 0, {POST(WHOLE, 404)}, ENDS(SUCCESS, SUCCEEDED, WHOLE, false)},
    {"GET, 400", 0, {GET(WHOLE, 400)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"POST, 400", 0, {POST(WHOLE, 400)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"POST, 501", 0, {POST(WHOLE, 501)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"GET, 500", 0, {GET(WHOLE, 500)}, GOES(RETRY, TRANSIENT, FAILED, STATUS, false)},
    {"GET, 408", 0, {GET(WHOLE, 408)}, GOES(RETRY, TRANSIENT, FAILED, STATUS, false)},
    {"GET, 500, not listed", &nothing_listed, {GET(WHOLE, 500)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"POST, 500, not listed", &nothing_listed, {POST(WHOLE, 500)}, ENDS(PERMANENT, UNKNOWN, STATUS, true)},
    {"POST, 524, never listed", &rules, {POST(WHOLE, 524)}, ENDS(PERMANENT, UNKNOWN, STATUS, true)},
    {"GET, 524, never listed", &rules, {GET(WHOLE, 524)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"POST, 501", &rules, {POST(WHOLE, 501)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"POST, 500", 0, {POST(WHOLE, 500)}, ENDS(UNCERTAIN, UNKNOWN, STATUS, true)},
    {"POST, 408", 0, {POST(WHOLE, 408)}, ENDS(UNCERTAIN, UNKNOWN, STATUS, true)},
    {"POST with a key, 500", 0, {POST(WHOLE, 500), .keyed = true}, GOES(RETRY, TRANSIENT, UNKNOWN, STATUS, true)},
    {"POST that may be repeated, 500", &twice, {POST(WHOLE, 500)}, GOES(RETRY, TRANSIENT, UNKNOWN, STATUS, true)},

    /* the server's limits */
    {"GET, 429", 0, {GET(WHOLE, 429)}, GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"POST, 429", 0, {POST(WHOLE, 429)}, GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"POST, 429, body lost", 0, {POST(LOST, 429)}, GOES(REFUSED, REFUSED, FAILED, LOST, false)},
    {"POST, 429, not listed", &nothing_listed, {POST(WHOLE, 429)}, ENDS(REFUSED, FAILED, STATUS, false)},
    {"GET, 429, the last", 0, {GET(WHOLE, 429), .refusals = 100}, ENDS(REFUSED, FAILED, STATUS, false)},
    {"GET, 429, the last but one", 0, {GET(WHOLE, 429), .refusals = 99}, GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"GET, 429, attempts used up", 0, {GET(WHOLE, 429), .attempts = 9}, GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"POST, 403", 0, {POST(WHOLE, 403)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"POST, 403, Retry-After",
     0,
     {POST(WHOLE, 403), .pushes_back = true},
     GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"POST, 403, exhausted",
     0,
     {POST(WHOLE, 403), .pushes_back = true, .exhausted = true},
     GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"POST, 503, Retry-After",
     0,
     {POST(WHOLE, 503), .pushes_back = true},
     GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"POST, 503, Retry-After, not listed",
     &nothing_listed,
     {POST(WHOLE, 503), .pushes_back = true},
     ENDS(REFUSED, FAILED, STATUS, false)},
    {"GET, 503, exhausted",
     0,
     {GET(WHOLE, 503), .pushes_back = true, .exhausted = true},
     GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"POST, 503, exhausted",
     0,
     {POST(WHOLE, 503), .pushes_back = true, .exhausted = true},
     ENDS(UNCERTAIN, UNKNOWN, STATUS, true)},
    {"POST with a key, 503, exhausted",
     0,
     {POST(WHOLE, 503), .pushes_back = true, .exhausted = true, .keyed = true},
     GOES(RETRY, TRANSIENT, UNKNOWN, STATUS, true)},
    {"GET, 503", 0, {GET(WHOLE, 503)}, GOES(RETRY, TRANSIENT, FAILED, STATUS, false)},
    {"POST, 503", 0, {POST(WHOLE, 503)}, ENDS(UNCERTAIN, UNKNOWN, STATUS, true)},
    {"POST, 529, Retry-After",
     0,
     {POST(WHOLE, 529), .pushes_back = true, .overloaded = true},
     GOES(REFUSED, REFUSED, FAILED, STATUS, false)},
    {"GET, 529", 0, {GET(WHOLE, 529)}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"GET, 529, overloaded", 0, {GET(WHOLE, 529), .overloaded = true}, GOES(RETRY, TRANSIENT, FAILED, STATUS, false)},
    {"POST, 529, overloaded", 0, {POST(WHOLE, 529), .overloaded = true}, GOES(RETRY, TRANSIENT, FAILED, STATUS, false)},
    {"POST, 500 that pushes back", 0, {POST(WHOLE, 500), .pushes_back = true}, ENDS(UNCERTAIN, UNKNOWN, STATUS, true)},
    {"GET, 200, exhausted",
     0,
     {GET(WHOLE, 200), .pushes_back = true, .exhausted = true},
     ENDS(SUCCESS, SUCCEEDED, WHOLE, false)},

    /* the answer came, and its body was lost */
    {"GET, 200, lost", 0, {GET(LOST, 200)}, GOES(RETRY, TRANSIENT, FAILED, LOST, false)},
    {"GET, 200, too late",
     0,
     {GET(WEIR_ERROR_TIMEOUT, 200)},
     GOES(RETRY, TRANSIENT, FAILED, WEIR_ERROR_TIMEOUT, false)},
    {"GET, 200, too large",
     0,
     {GET(WEIR_ERROR_BODY_TOO_LARGE, 200)},
     ENDS(PERMANENT, FAILED, WEIR_ERROR_BODY_TOO_LARGE, false)},
    {"POST, 200, lost", 0, {POST(LOST, 200)}, ENDS(UNCERTAIN, UNKNOWN, LOST, true)},
    {"POST, 200, too large",
     0,
     {POST(WEIR_ERROR_BODY_TOO_LARGE, 200)},
     ENDS(UNCERTAIN, UNKNOWN, WEIR_ERROR_BODY_TOO_LARGE, true)},
    {"POST with a key, 200, lost", 0, {POST(LOST, 200), .keyed = true}, GOES(RETRY, TRANSIENT, UNKNOWN, LOST, true)},
    {"POST with a key, 200, too large",
     0,
     {POST(WEIR_ERROR_BODY_TOO_LARGE, 200), .keyed = true},
     ENDS(PERMANENT, UNKNOWN, WEIR_ERROR_BODY_TOO_LARGE, true)},
    {"POST that may be repeated, 200, lost", &twice, {POST(LOST, 200)}, GOES(RETRY, TRANSIENT, UNKNOWN, LOST, true)},
    {"POST, 400, lost", 0, {POST(LOST, 400)}, ENDS(PERMANENT, FAILED, LOST, false)},
    {"GET, 502, lost", 0, {GET(LOST, 502)}, GOES(RETRY, TRANSIENT, FAILED, LOST, false)},
    {"POST, 502, lost", 0, {POST(LOST, 502)}, ENDS(UNCERTAIN, UNKNOWN, LOST, true)},
    {"GET, redirect, lost", 0, {GET(LOST, 302), .has_redirect = true}, GOES(RETRY, TRANSIENT, FAILED, LOST, false)},
    {"POST, redirect, lost", 0, {POST(LOST, 303), .has_redirect = true}, ENDS(UNCERTAIN, UNKNOWN, LOST, true)},

    /* never sent: any method may be tried again */
    {"POST, no name",
     0,
     {UNSENT("POST", WEIR_ERROR_RESOLVE)},
     GOES(RETRY, TRANSIENT, FAILED, WEIR_ERROR_RESOLVE, false)},
    {"POST, no connection",
     0,
     {UNSENT("POST", WEIR_ERROR_CONNECT)},
     GOES(RETRY, TRANSIENT, FAILED, WEIR_ERROR_CONNECT, false)},
    {"POST, too late",
     0,
     {UNSENT("POST", WEIR_ERROR_TIMEOUT)},
     GOES(RETRY, TRANSIENT, FAILED, WEIR_ERROR_TIMEOUT, false)},
    {"POST, lost before it was sent", 0, {UNSENT("POST", LOST)}, GOES(RETRY, TRANSIENT, FAILED, LOST, false)},
    {"GET, no ports",
     0,
     {UNSENT("GET", WEIR_ERROR_RESOURCE)},
     GOES(RETRY, TRANSIENT, FAILED, WEIR_ERROR_RESOURCE, false)},
    {"GET, no ports, the last",
     0,
     {UNSENT("GET", WEIR_ERROR_RESOURCE), .attempts = 5},
     ENDS(TRANSIENT, FAILED, WEIR_ERROR_RESOURCE, false)},
    {"GET, TLS", 0, {UNSENT("GET", WEIR_ERROR_TLS)}, ENDS(PERMANENT, FAILED, WEIR_ERROR_TLS, false)},
    {"GET, bad request",
     0,
     {UNSENT("GET", WEIR_ERROR_BAD_REQUEST)},
     ENDS(PERMANENT, FAILED, WEIR_ERROR_BAD_REQUEST, false)},
    {"GET, deadline", 0, {UNSENT("GET", WEIR_ERROR_DEADLINE)}, ENDS(PERMANENT, FAILED, WEIR_ERROR_DEADLINE, false)},

    /* sent, and silence */
    {"GET, lost", 0, {GET(LOST, 0)}, GOES(RETRY, TRANSIENT, FAILED, LOST, false)},
    {"GET, lost, the last but one", 0, {GET(LOST, 0), .attempts = 4}, GOES(RETRY, TRANSIENT, FAILED, LOST, false)},
    {"GET, lost, the last", 0, {GET(LOST, 0), .attempts = 5}, ENDS(TRANSIENT, FAILED, LOST, false)},
    {"GET, dead connection", 0, {GET(LOST, 0), .resend = true}, GOES(RESEND, TRANSIENT, FAILED, LOST, false)},
    {"GET, dead connection, the last",
     0,
     {GET(LOST, 0), .resend = true, .attempts = 5},
     ENDS(TRANSIENT, FAILED, LOST, false)},
    {"POST, dead connection", 0, {POST(LOST, 0), .resend = true}, ENDS(UNCERTAIN, UNKNOWN, LOST, true)},
    {"POST with a key, dead connection",
     0,
     {POST(LOST, 0), .resend = true, .keyed = true},
     GOES(RESEND, TRANSIENT, UNKNOWN, LOST, true)},
    {"GET, no HTTP", 0, {GET(WEIR_ERROR_PROTOCOL, 0)}, ENDS(PERMANENT, FAILED, WEIR_ERROR_PROTOCOL, false)},
    {"GET, too late", 0, {GET(WEIR_ERROR_TIMEOUT, 0)}, GOES(RETRY, TRANSIENT, FAILED, WEIR_ERROR_TIMEOUT, false)},
    {"POST, too late", 0, {POST(WEIR_ERROR_TIMEOUT, 0)}, ENDS(UNCERTAIN, UNKNOWN, WEIR_ERROR_TIMEOUT, true)},
    {"POST, no HTTP", 0, {POST(WEIR_ERROR_PROTOCOL, 0)}, ENDS(UNCERTAIN, UNKNOWN, WEIR_ERROR_PROTOCOL, true)},
    {"POST with a key, no HTTP",
     0,
     {POST(WEIR_ERROR_PROTOCOL, 0), .keyed = true},
     ENDS(PERMANENT, UNKNOWN, WEIR_ERROR_PROTOCOL, true)},
    {"POST with a key, too late",
     0,
     {POST(WEIR_ERROR_TIMEOUT, 0), .keyed = true},
     GOES(RETRY, TRANSIENT, UNKNOWN, WEIR_ERROR_TIMEOUT, true)},
    {"POST that may be repeated, lost", &twice, {POST(LOST, 0)}, GOES(RETRY, TRANSIENT, UNKNOWN, LOST, true)},

    /* after an earlier send that may have been processed */
    {"doubtful, then 200",
     0,
     {POST(WHOLE, 200), .keyed = true, .doubtful = true},
     ENDS(SUCCESS, SUCCEEDED, WHOLE, true)},
    {"doubtful, then 422",
     0,
     {POST(WHOLE, 422), .keyed = true, .doubtful = true},
     ENDS(PERMANENT, UNKNOWN, STATUS, true)},
    {"doubtful, then 409",
     0,
     {POST(WHOLE, 409), .keyed = true, .doubtful = true},
     GOES(RETRY, TRANSIENT, UNKNOWN, STATUS, true)},
    {"doubtful, then 409, the last",
     0,
     {POST(WHOLE, 409), .keyed = true, .doubtful = true, .attempts = 5},
     ENDS(TRANSIENT, UNKNOWN, STATUS, true)},
    {"doubtful without a key, then 409",
     &twice,
     {POST(WHOLE, 409), .doubtful = true},
     ENDS(PERMANENT, UNKNOWN, STATUS, true)},
    {"a key and 409 at once", 0, {POST(WHOLE, 409), .keyed = true}, ENDS(PERMANENT, FAILED, STATUS, false)},
    {"doubtful, then 429",
     0,
     {POST(WHOLE, 429), .keyed = true, .doubtful = true},
     GOES(REFUSED, REFUSED, UNKNOWN, STATUS, true)},
    {"doubtful, then no connection",
     0,
     {UNSENT("POST", WEIR_ERROR_CONNECT), .keyed = true, .doubtful = true},
     GOES(RETRY, TRANSIENT, UNKNOWN, WEIR_ERROR_CONNECT, true)},
    {"doubtful, then a redirect",
     0,
     {POST(WHOLE, 307), .has_redirect = true, .keyed = true, .doubtful = true},
     GOES(REDIRECT, REDIRECT, UNKNOWN, WEIR_ERROR_REDIRECTS, true)},

    /* stopped by us */
    {"GET stopped", 0, {GET(STOP, 0)}, ENDS(STOPPED, CANCELLED, STOP, false)},
    {"GET stopped in its answer", 0, {GET(STOP, 200)}, ENDS(STOPPED, CANCELLED, STOP, false)},
    {"POST stopped before it was sent", 0, {UNSENT("POST", STOP)}, ENDS(STOPPED, CANCELLED, STOP, false)},
    {"POST stopped", 0, {POST(STOP, 0)}, ENDS(STOPPED, UNKNOWN, STOP, true)},
    {"POST stopped in its answer", 0, {POST(STOP, 200)}, ENDS(STOPPED, UNKNOWN, STOP, true)},
    {"POST stopped in a 500", 0, {POST(STOP, 500)}, ENDS(STOPPED, UNKNOWN, STOP, true)},
    {"POST stopped in a 429", 0, {POST(STOP, 429)}, ENDS(STOPPED, CANCELLED, STOP, false)},
    {"POST stopped in a 400", 0, {POST(STOP, 400)}, ENDS(STOPPED, FAILED, STOP, false)},
    {"POST with a key stopped", 0, {POST(STOP, 0), .keyed = true}, ENDS(STOPPED, UNKNOWN, STOP, true)},
    {"POST with the caller's key stopped",
     0,
     {POST(STOP, 0), .keyed = true, .key_given = true},
     ENDS(STOPPED, CANCELLED, STOP, true)},
    {"acted, then GET stopped", 0, {GET(STOP, 0), .acted = true}, ENDS(STOPPED, FAILED, STOP, false)},
    {"acted, then GET stopped unsent", 0, {UNSENT("GET", STOP), .acted = true}, ENDS(STOPPED, FAILED, STOP, false)},
    {"doubtful, then stopped unsent",
     0,
     {UNSENT("POST", STOP), .keyed = true, .doubtful = true},
     ENDS(STOPPED, UNKNOWN, STOP, true)},
};

static void each_kind_of_attempt_means_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct weir__verdict *w = &rows[i].wanted;
        struct weir__verdict_facts facts = rows[i].facts;
        struct weir__verdict v;

        facts.attempts += facts.attempts == 0;
        facts.refusals += facts.refusals == 0;
        v = weir__verdict_of(rows[i].rules != NULL ? rows[i].rules : &rules, &facts);
        if (v.next != w->next || v.outcome != w->outcome || v.error != w->error || v.class != w->class ||
            v.doubtful != w->doubtful)
            fail_msg("%s: next %d, %s, %s, class %d, doubtful %d; wanted next %d, %s, %s, class %d, doubtful %d",
                     rows[i].what, v.next, weir_outcome_text(v.outcome), weir_error_code(v.error), v.class, v.doubtful,
                     w->next, weir_outcome_text(w->outcome), weir_error_code(w->error), w->class, w->doubtful);
    }
}

static const int statuses[] = {0, 200, 204, 302, 400, 403, 404, 408, 409, 422, 429, 500, 501, 502, 503, 529};
static const char *const methods[] = {"GET", "PUT", "POST", "PATCH"};

/* Of every combination of facts, by number. */
static struct weir__verdict_facts combination(uint32_t n)
{
    struct weir__verdict_facts facts = {.attempts = 1, .refusals = 1};
    const uint32_t bits = n % 1024;

    n /= 1024;
    facts.method = methods[n % 4];
    facts.error = (enum weir_error)(n / 4 % WEIR_ERROR_COUNT);
    facts.http_status = statuses[n / 4 / WEIR_ERROR_COUNT % 16];
    facts.sent = (bits & 1) != 0 || facts.http_status != 0; /* nothing answers what was not sent */
    facts.resend = (bits & 2) != 0 && facts.http_status == 0;
    facts.has_redirect = (bits & 4) != 0 && facts.http_status == 302;
    facts.keyed = (bits & 8) != 0;
    facts.key_given = facts.keyed && (bits & 16) != 0;
    facts.pushes_back = (bits & 16) != 0;
    facts.exhausted = (bits & 32) != 0;
    facts.overloaded = (bits & 64) != 0;
    facts.acted = (bits & 128) != 0;
    facts.doubtful = (bits & 256) != 0;
    if ((bits & 512) != 0)
        facts.attempts = rules.attempt_max, facts.refusals = rules.refusal_max;
    return facts;
}

#define COMBINATIONS (1024u * 4u * WEIR_ERROR_COUNT * 16u)

/* The first rule that is broken, or NULL. */
static const char *broken_rule(const struct weir__verdict_rules *r, const struct weir__verdict_facts *f,
                               const struct weir__verdict *v)
{
    const bool repeat = weir__verdict_idempotent(f->method) || f->keyed || r->non_idempotent;
    const bool good = f->http_status == 200 || f->http_status == 204 || f->http_status == 404;
    const bool again = v->next == WEIR__VERDICT_RETRY || v->next == WEIR__VERDICT_RESEND;
    const bool turned_away = v->class == WEIR__CLASS_REFUSED || (f->http_status == 529 && f->overloaded);
    const bool goes_on = f->error == WEIR_ERROR_STOPPED && !f->acted && (f->key_given || r->non_idempotent);

    if ((v->outcome == WEIR_OUTCOME_SUCCEEDED) != (good && f->error == WEIR_ERROR_NONE))
        return "a whole good answer, and only that, succeeds";
    if ((v->outcome == WEIR_OUTCOME_SUCCEEDED) != (v->error == WEIR_ERROR_NONE))
        return "what did not succeed has an error";
    if (goes_on && v->outcome == WEIR_OUTCOME_UNKNOWN)
        return "what a stop ends, and may be sent again as the same, is nobody's doubt";
    if (v->outcome != WEIR_OUTCOME_SUCCEEDED && v->doubtful != (v->outcome == WEIR_OUTCOME_UNKNOWN) &&
        !(goes_on && v->outcome == WEIR_OUTCOME_CANCELLED))
        return "doubt, and only doubt, ends as unknown";
    if (f->doubtful && !v->doubtful)
        return "doubt stays";
    if (!f->sent && v->doubtful && !f->doubtful)
        return "what was not sent raises no doubt";
    if (weir__verdict_idempotent(f->method) && v->doubtful && !f->doubtful)
        return "what may be done twice raises no doubt";
    if (again && f->sent && !repeat && !turned_away)
        return "no silent second send";
    if (again && f->attempts >= r->attempt_max)
        return "attempts have a maximum";
    if (again != (v->class == WEIR__CLASS_TRANSIENT && f->attempts < r->attempt_max))
        return "what is transient, and only that, is retried";
    if (v->next == WEIR__VERDICT_REFUSED && (f->refusals >= r->refusal_max || v->class != WEIR__CLASS_REFUSED))
        return "refusals have a maximum";
    if ((v->outcome == WEIR_OUTCOME_CANCELLED || v->class == WEIR__CLASS_STOPPED) && f->error != WEIR_ERROR_STOPPED)
        return "only a stop cancels";
    if (f->error == WEIR_ERROR_STOPPED && v->next != WEIR__VERDICT_END)
        return "a stop ends it";
    if (f->http_status == 429 && f->error != WEIR_ERROR_STOPPED && v->class != WEIR__CLASS_REFUSED)
        return "429 is a refusal";
    return NULL;
}

static void no_combination_of_facts_breaks_a_rule(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 2 * COMBINATIONS; n++) {
        const struct weir__verdict_rules *r = n % 2 == 0 ? &rules : &twice;
        const struct weir__verdict_facts f = combination(n / 2);
        const struct weir__verdict v = weir__verdict_of(r, &f);
        const char *broken = broken_rule(r, &f, &v);

        if (broken != NULL)
            fail_msg("%s: %s, %s, status %d, sent %d, combination %u: next %d, class %d, %s, %s, doubtful %d", broken,
                     f.method, weir_error_code(f.error), f.http_status, f.sent, n, v.next, v.class,
                     weir_outcome_text(v.outcome), weir_error_code(v.error), v.doubtful);
    }
}

static void every_status_that_nothing_is_said_of_is_final(void **state)
{
    (void)state;
    for (int status = 100; status <= 999; status++) {
        for (size_t m = 0; m < 4; m++) {
            const struct weir__verdict_facts facts = {
                .method = methods[m], .http_status = status, .sent = true, .attempts = 1, .refusals = 1};
            const bool listed = status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
            const bool good = (status >= 200 && status <= 299) || status == 404;
            const bool doubt = !weir__verdict_idempotent(methods[m]) && status >= 500 && status <= 599 &&
                               status != 501 && status != 505;
            const struct weir__verdict v = weir__verdict_of(&rules, &facts);

            if (listed)
                continue;
            assert_int_equal(v.next, WEIR__VERDICT_END);
            assert_int_equal(v.outcome, good    ? WEIR_OUTCOME_SUCCEEDED
                                        : doubt ? WEIR_OUTCOME_UNKNOWN
                                                : WEIR_OUTCOME_FAILED);
            assert_int_equal(v.class, good ? WEIR__CLASS_SUCCESS : WEIR__CLASS_PERMANENT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_are_idempotent_as_rfc_9110_has_it),
        cmocka_unit_test(each_kind_of_attempt_means_what_the_table_says),
        cmocka_unit_test(no_combination_of_facts_breaks_a_rule),
        cmocka_unit_test(every_status_that_nothing_is_said_of_is_final),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
