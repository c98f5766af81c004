/*
 * verdict: what a reply means for its job.  The whole table of method x error x sent x status is walked through, and
 * each cell is held against what weir.h says that an outcome means.
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
static const struct weir__verdict_rules rules = {success, 2, 3};
static const struct weir__verdict_rules no_redirects = {success, 2, 0};

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

static struct weir__verdict judge(const char *method, enum weir_error error, int http_status, bool sent)
{
    const struct weir__verdict_facts facts = {
        .method = method, .error = error, .http_status = http_status, .sent = sent};
    return weir__verdict_of(&rules, &facts);
}

static void a_whole_response_is_judged_by_its_status(void **state)
{
    static const char *const methods[] = {"GET", "POST"};
    (void)state;
    for (int status = 100; status <= 999; status++) {
        const bool good = (status >= 200 && status <= 299) || status == 404;
        for (int m = 0; m < 2; m++) {
            const struct weir__verdict verdict = judge(methods[m], WEIR_ERROR_NONE, status, true);
            assert_int_equal(verdict.next, WEIR__VERDICT_END);
            assert_int_equal(verdict.outcome, good ? WEIR_OUTCOME_SUCCEEDED : WEIR_OUTCOME_FAILED);
            assert_int_equal(verdict.error, good ? WEIR_ERROR_NONE : WEIR_ERROR_STATUS);
        }
    }
}

/* weir.h: unknown is "sent, and nobody can say"; cancelled is "not sent, or may be sent again without harm". */
static enum weir_outcome outcome_of_error(bool again_harmless, enum weir_error error, int http_status, bool sent)
{
    if (sent && !again_harmless && http_status == 0)
        return WEIR_OUTCOME_UNKNOWN;
    if (error == WEIR_ERROR_STOPPED && (!sent || again_harmless))
        return WEIR_OUTCOME_CANCELLED;
    return WEIR_OUTCOME_FAILED;
}

static void without_a_whole_response_the_doubt_decides(void **state)
{
    static const char *const methods[] = {"GET", "DELETE", "POST", "PATCH"};
    static const int statuses[] = {0, 200, 500};
    (void)state;
    for (int error = WEIR_ERROR_BAD_REQUEST; error < WEIR_ERROR_COUNT; error++) {
        for (int cell = 0; cell < 4 * 3 * 2; cell++) {
            const char *method = methods[cell % 4];
            const int status = statuses[cell / 4 % 3];
            const bool sent = cell / 12 == 1;
            if (!sent && status != 0)
                continue; /* nothing answers what was not sent */
            const struct weir__verdict verdict = judge(method, (enum weir_error)error, status, sent);
            const enum weir_outcome wanted =
                outcome_of_error(weir__verdict_idempotent(method), (enum weir_error)error, status, sent);
            if (verdict.next != WEIR__VERDICT_END || verdict.outcome != wanted ||
                verdict.error != (enum weir_error)error)
                fail_msg("%s, %s, status %d, sent %d: next %d, %s with %s, wanted %s", method,
                         weir_error_code((enum weir_error)error), status, sent, verdict.next,
                         weir_outcome_text(verdict.outcome), weir_error_code(verdict.error), weir_outcome_text(wanted));
        }
    }
}

/* A POST that the server has answered must not be called "may be sent again". */
static void a_stop_in_the_middle_of_an_answer_to_post_is_no_cancelling(void **state)
{
    (void)state;
    assert_int_equal(judge("POST", WEIR_ERROR_STOPPED, 200, true).outcome, WEIR_OUTCOME_FAILED);
    assert_int_equal(judge("POST", WEIR_ERROR_STOPPED, 0, true).outcome, WEIR_OUTCOME_UNKNOWN);
    assert_int_equal(judge("POST", WEIR_ERROR_STOPPED, 0, false).outcome, WEIR_OUTCOME_CANCELLED);
    assert_int_equal(judge("GET", WEIR_ERROR_STOPPED, 200, true).outcome, WEIR_OUTCOME_CANCELLED);
}

static void a_dead_connection_is_tried_again_where_that_is_harmless(void **state)
{
    struct weir__verdict_facts facts = {
        .method = "GET", .error = WEIR_ERROR_CONNECTION_LOST, .sent = true, .resend = true};
    (void)state;
    for (facts.resends = 0; facts.resends < WEIR__RESENDS_MAX; facts.resends++)
        assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_RESEND);
    assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_END);
    assert_int_equal(weir__verdict_of(&rules, &facts).outcome, WEIR_OUTCOME_FAILED);
    assert_int_equal(weir__verdict_of(&rules, &facts).error, WEIR_ERROR_CONNECTION_LOST);
    facts.resends = 0;
    facts.method = "POST";
    assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_END);
    assert_int_equal(weir__verdict_of(&rules, &facts).outcome, WEIR_OUTCOME_UNKNOWN);
}

static void redirects_are_followed_up_to_the_maximum(void **state)
{
    struct weir__verdict_facts facts = {.method = "GET", .http_status = 302, .sent = true, .has_redirect = true};
    (void)state;
    for (facts.redirects = 0; facts.redirects < 3; facts.redirects++)
        assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_REDIRECT);
    assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_END);
    assert_int_equal(weir__verdict_of(&rules, &facts).outcome, WEIR_OUTCOME_FAILED);
    assert_int_equal(weir__verdict_of(&rules, &facts).error, WEIR_ERROR_REDIRECTS);
}

static void without_a_place_to_go_or_leave_to_follow_a_redirect_is_a_status(void **state)
{
    struct weir__verdict_facts facts = {.method = "GET", .http_status = 302, .sent = true};
    (void)state;
    assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_END);
    assert_int_equal(weir__verdict_of(&rules, &facts).error, WEIR_ERROR_STATUS);
    facts.has_redirect = true;
    assert_int_equal(weir__verdict_of(&no_redirects, &facts).next, WEIR__VERDICT_END);
    assert_int_equal(weir__verdict_of(&no_redirects, &facts).error, WEIR_ERROR_STATUS);
}

/* "success": ["302"] asks for the redirect itself. */
static void a_redirect_that_counts_as_success_is_not_followed(void **state)
{
    static const struct weir_status_range found[] = {{302, 302}};
    const struct weir__verdict_rules wants_302 = {found, 1, 3};
    const struct weir__verdict_facts facts = {.method = "GET", .http_status = 302, .sent = true, .has_redirect = true};
    (void)state;
    assert_int_equal(weir__verdict_of(&wants_302, &facts).next, WEIR__VERDICT_END);
    assert_int_equal(weir__verdict_of(&wants_302, &facts).outcome, WEIR_OUTCOME_SUCCEEDED);
}

static void redirects_change_the_method_as_rfc_9110_has_it(void **state)
{
    static const struct {
        const char *before;
        int status;
        const char *after;
    } changes[] = {
        {"GET", 301, "GET"},    {"GET", 302, "GET"},     {"GET", 303, "GET"},   {"GET", 307, "GET"},
        {"GET", 308, "GET"},    {"HEAD", 301, "HEAD"},   {"HEAD", 303, "HEAD"}, {"POST", 301, "GET"},
        {"POST", 302, "GET"},   {"POST", 303, "GET"},    {"POST", 307, "POST"}, {"POST", 308, "POST"},
        {"PUT", 301, "PUT"},    {"PUT", 302, "PUT"},     {"PUT", 303, "GET"},   {"DELETE", 302, "DELETE"},
        {"DELETE", 303, "GET"}, {"PATCH", 301, "PATCH"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *after = weir__verdict_redirect_method(changes[i].before, changes[i].status);
        if (strcmp(after, changes[i].after) != 0)
            fail_msg("%s after %d became %s", changes[i].before, changes[i].status, after);
    }
}

static void an_origin_is_scheme_host_and_port(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"http://a/x", "http://a/y?z#f", true},
        {"http://a", "http://a/", true},
        {"http://a?x", "http://a#y", true},
        {"HTTP://Example.COM/", "http://example.com/", true},
        {"http://a:80/", "http://a/", true},
        {"https://a:443/", "https://a/", true},
        {"http://a:/", "http://a/", true},
        {"http://a:443/", "http://a/", false},
        {"https://a:80/", "https://a/", false},
        {"http://a:8080/", "http://a:8080/x", true},
        {"http://a:8080/", "http://a/", false},
        {"http://a:8080/", "http://a:80800/", false},
        {"http://a/", "https://a/", false},
        {"http://a:80/", "https://a:443/", false},
        {"http://a:443/", "https://a:443/", false},
        {"ftp://a/", "http://a/", false},
        {"http://a/", "http://b/", false},
        {"http://a/", "http://a.b/", false},
        {"http://a.b/", "http://a/", false},
        {"http://a.example/", "http://a.example.evil/", false},
        {"http://user:pass@a/", "http://a/", true},
        {"http://a/", "http://user@a:80/", true},
        {"http://a@evil/", "http://a/", false},
        {"http://a:80@evil/", "http://a/", false},
        {"http://a%2f@evil/", "http://a/", false},
        {"http://a/@evil", "http://a/", true},
        {"http://evil?@a/", "http://a/", false},
        {"http://evil#@a/", "http://a/", false},
        {"http://a\\@evil/", "http://a/", false}, /* libcurl goes to evil, */
        {"http://evil\\@a/", "http://a/", false}, /* and here browsers do */
        {"http://a\\@evil/", "http://a\\@evil/", false},
        {"http://[::1]/", "http://[::1]:80/", true},
        {"http://[::1]:8080/", "http://[::1]/", false},
        {"http://[::80]/", "http://[:]/", false},
        {"http://[::1]/", "http://[::2]/", false},
        {"http:///x", "http:///y", false},
        {"http://@/x", "http://@/y", false},
        {"/x", "/x", false},
        {"", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (weir__verdict_same_origin(pairs[i].a, pairs[i].b) != pairs[i].same ||
            weir__verdict_same_origin(pairs[i].b, pairs[i].a) != pairs[i].same)
            fail_msg("%s and %s: wanted %d", pairs[i].a, pairs[i].b, pairs[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_are_idempotent_as_rfc_9110_has_it),
        cmocka_unit_test(a_whole_response_is_judged_by_its_status),
        cmocka_unit_test(without_a_whole_response_the_doubt_decides),
        cmocka_unit_test(a_stop_in_the_middle_of_an_answer_to_post_is_no_cancelling),
        cmocka_unit_test(a_dead_connection_is_tried_again_where_that_is_harmless),
        cmocka_unit_test(redirects_are_followed_up_to_the_maximum),
        cmocka_unit_test(without_a_place_to_go_or_leave_to_follow_a_redirect_is_a_status),
        cmocka_unit_test(a_redirect_that_counts_as_success_is_not_followed),
        cmocka_unit_test(redirects_change_the_method_as_rfc_9110_has_it),
        cmocka_unit_test(an_origin_is_scheme_host_and_port),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
