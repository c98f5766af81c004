/*
 * verdict: which redirects are followed, with what method, and to whom a request's own header fields may go.
 */
#include "policy/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct weir_status_range success[] = {{200, 299}};
static const struct weir__verdict_rules rules = {
    .success = success, .success_count = 1, .redirect_max = 3, .attempt_max = 5};
static const struct weir__verdict_rules no_redirects = {.success = success, .success_count = 1, .attempt_max = 5};

static void redirects_are_followed_up_to_the_maximum(void **state)
{
    struct weir__verdict_facts facts = {.method = "GET", .http_status = 302, .sent = true, .has_redirect = true};
    (void)state;
    for (facts.redirects = 0; facts.redirects < 3; facts.redirects++)
        assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_REDIRECT);
    assert_int_equal(weir__verdict_of(&rules, &facts).next, WEIR__VERDICT_END);
    assert_int_equal(weir__verdict_of(&rules, &facts).outcome, WEIR_OUTCOME_FAILED);
    assert_int_equal(weir__verdict_of(&rules, &facts).error, WEIR_ERROR_REDIRECTS);
    assert_int_equal(weir__verdict_of(&rules, &facts).class, WEIR__CLASS_PERMANENT);
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
    const struct weir__verdict_rules wants_302 = {.success = found, .success_count = 1, .redirect_max = 3};
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
        cmocka_unit_test(redirects_are_followed_up_to_the_maximum),
        cmocka_unit_test(without_a_place_to_go_or_leave_to_follow_a_redirect_is_a_status),
        cmocka_unit_test(a_redirect_that_counts_as_success_is_not_followed),
        cmocka_unit_test(redirects_change_the_method_as_rfc_9110_has_it),
        cmocka_unit_test(an_origin_is_scheme_host_and_port),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
