/*
 * feedback: what is malformed counts as absent, what is out of range is clamped, and what is none of ours is cheap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "test_policy_feedback_support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void check_nothing(const char *name, const char *value)
{
    const struct weir_header header = {name, value};
    struct weir__feedback feedback;
    char text[1024];

    weir__feedback_read(&header, 1, WALL_NS, &feedback);
    describe(&feedback, text, sizeof text);
    if (strcmp(text, "nothing") != 0)
        fail_msg("%s: %s\n  read: %s, wanted nothing", name, value, text);
}

static void junk_in_retry_after_counts_as_absent(void **state)
{
    static const char *const values[] = {
        "",
        " ",
        "-1",
        "+1",
        "soon",
        "1 2",
        "1,2",
        "1s",
        "0x10",
        "1e3",
        "1.",
        ".5",
        "1.5.",
        "1.5s",
        "NaN",
        "inf",
        "-0",
        "1;a",
        "\"1\"",
        "Fri, 02 Jan 2026 03:05:05",
        "Fri, 02 Jan 2026 03:05:05 CET",
        "2026-01-02T03:05:05Z",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        check_nothing("Retry-After", values[i]);
        check_nothing("Retry-After-Ms", values[i]);
    }
    check_nothing("Retry-After-Ms", "Fri, 02 Jan 2026 03:05:05 GMT");
}

static void a_malformed_policy_field_is_ignored_as_a_whole(void **state)
{
    static const char *const values[] = {
        "",
        " ",
        ",",
        "\"a\";q=1;w=1,",
        ",\"a\";q=1;w=1",
        "\"a\";q=1;w=1,,\"b\";q=1;w=1",
        "\"a\";q=1;w=1 \"b\";q=1;w=1",
        "\"a\";q=1;w=1;",
        "\"a\";q=1;w=1;;x",
        "\"a\" ;q=1;w=1",
        "\"a\";\tq=1;w=1",
        "\"a\";q =1;w=1",
        "\"a\";q= 1;w=1",
        "\"a\";Q=1;w=1",
        "\"a\";q=1;1w=1",
        "\"a;q=1;w=1",
        "\"a\\x\";q=1;w=1",
        "\"a\\",
        "\"a\x7f\";q=1;w=1",
        "\"a\t\";q=1;w=1",
        "\"\xc3\xbc\";q=1;w=1",
        "'a';q=1;w=1",
        "a b;q=1;w=1",
        "(\"a\");q=1;w=1",
        "\"a\";q=(1);w=1",
        "?1;q=1;w=1",
        ":YQ==:;q=1;w=1",
        "@1;q=1;w=1",
        "1.5;w=1",
        "-1;w=1",
        "\"a\"",
        "\"a\";w=1",
        "\"a\";q;w=1",
        "\"a\";q=-1;w=1",
        "\"a\";q=1.0;w=1",
        "\"a\";q=\"1\";w=1",
        "\"a\";q=1;w",
        "\"a\";q=1;w=-1",
        "\"a\";q=1;w=1.5",
        "\"a\";q=1;w=1s",
        "\"a\";q=1;w=1;qu",
        "\"a\";q=1;w=1;qu=1",
        "\"a\";q=1234567890123456;w=1",
        "\"a\";q=1;w=1;x=1234567890123.1",
        "\"a\";q=1;w=1;x=1.",
        "\"a\";q=1;w=1;x=1.1234",
        "\"a\";q=1;w=1;x=--1",
        "\"a\";q=1;w=1;x=-",
        "\"a\";q=1;w=1;x=",
        "\"a\";q=1;w=1;x=?2",
        "\"a\";q=1;w=1;x=?",
        "\"a\";q=1;w=1;x=:YQ",
        "\"a\";q=1;w=1;x=:Y-Q:",
        "\"a\";q=1;w=1;x=@1.5",
        "\"a\";q=1;w=1;x=@",
        "\"a\";q=1;w=1;x=%a",
        "\"a\";q=1;w=1;x=%\"a",
        "\"a\";q=1;w=1;x=%\"%C3%BC\"",
        "\"a\";q=1;w=1;x=%\"%c\"",
        "\"b\";q=5;w=5, \"a\";q=1;w=x;y=\"",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++)
        check_nothing("RateLimit-Policy", values[i]);
}

static void a_malformed_ratelimit_field_is_ignored_as_a_whole(void **state)
{
    static const char *const values[] = {
        "",
        "\"a\"",
        "\"a\";t=5",
        "\"a\";r",
        "\"a\";r=-1",
        "\"a\";r=1.5",
        "\"a\";r=1;t=-5",
        "\"a\";r=1;t=1.5",
        "\"a\";r=1;t",
        "\"a\";r=1;t=5, \"b\"",
        "\"a\";r=1;t=5,",
        "100;r=1;t=5",
        "limit",
        "limit=",
        "limit=100, remaining=50, reset=-5",
        "limit=100, remaining=50, reset=5.5",
        "limit=100, remaining=x, reset=5",
        "limit=100, remaining, reset=5",
        "limit=100; remaining=50; reset=5;",
        "limit=100 remaining=50 reset=5",
        "limit = 100, remaining = 50",
        "Limit=100, Remaining=50, Reset=5",
        "limit=100,",
        "limit=100, x=(a b)",
        "unknown=5",
        "limit=100, \"a\";r=1;t=5",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++)
        check_nothing("RateLimit", values[i]);
}

/* Lines are one list, so one bad line takes the good ones with it; but another field is another field. */
static void malformed_lines_take_their_field_with_them_and_no_other(void **state)
{
    static const struct feedback_case cases[] = {
        {"RateLimit-Policy: \"a\";q=1;w=1\nRateLimit-Policy: \"b\"", "nothing"},
        {"RateLimit-Policy: \"a\";q=1;w=1\nRateLimit-Policy:", "nothing"},
        {"RateLimit: \"a\";r=1;t=1\nRateLimit: limit=5", "nothing"},
        {"RateLimit-Policy: \"a\";q=1;w=1\nRateLimit: \"a\"", "1/1s, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\"\nRateLimit: \"a\";r=1;t=1", "left 1, reset 1s, by ratelimit"},
        {"RateLimit-Limit: many\nRateLimit-Remaining: 5\nRateLimit-Reset: later", "left 5"},
        {"X-RateLimit-Remaining: -1\nX-RateLimit-Remaining: 5", "left 5"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void junk_in_a_vendor_s_field_counts_as_absent(void **state)
{
    static const char *const limits[] = {"",           "-1",          "many",       "100 per minute", "100/min",
                                         "100;w",      "100;w=-1",    "100;w=60s",  "100;w=\"60\"",   "100,",
                                         "100 ; w=60", "100, x;w=60", "100;w=60, ", "0x10",           "1 2"};
    static const char *const counts[] = {"", "-1", "many", "1,2", "0x10", "1e3", "5/100", "+5", "1 2", "100;w=60"};
    static const char *const resets[] = {
        "",         "-1",    "soon",  "1,2",  "1x",     "1m30",       "1m 30s",
        "-1s",      "s",     "1.s",   ".5s",  "+5",     "1e3",        "0x10",
        "1min",     "\xc2s", "1\xc2", "1:30", "Friday", "2026-01-02", "2026-01-02T03:05:05",
        "5 seconds"};
    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        check_nothing("X-RateLimit-Limit", limits[i]);
        check_nothing("RateLimit-Limit", limits[i]);
    }
    for (size_t i = 0; i < COUNT(counts); i++)
        check_nothing("X-RateLimit-Remaining-Requests", counts[i]);
    for (size_t i = 0; i < COUNT(resets); i++)
        check_nothing("X-Rate-Limit-Reset", resets[i]);
}

static void names_that_only_look_like_ours_are_not_read(void **state)
{
    static const char *const names[] = {"",
                                        "retry",
                                        "retry-afte",
                                        "retry-after-s",
                                        "retry-after-msx",
                                        "retry\raafter",
                                        "ratelimi",
                                        "ratelimits",
                                        "ratelimit-",
                                        "ratelimit-limits",
                                        "ratelimit_limit",
                                        "x-ratelimit",
                                        "x-ratelimitlimit",
                                        "x-ratelimit-",
                                        "x-ratelimit-bucket",
                                        "x-ratelimit-limit\x01",
                                        "x-ratelimit-limit-\x01",
                                        "x-ratelimit-limit-a b",
                                        "x-rate-limit",
                                        "xx-ratelimit-limit",
                                        "rate-limit",
                                        "ratelimit-remaining ",
                                        "date"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        check_nothing(names[i], "5");
}

static void figures_out_of_range_are_clamped(void **state)
{
    static const struct feedback_case cases[] = {
        {"Retry-After: 2678401", "retry 744h, by retry-after"},
        {"Retry-After: 99999999999999999999999999.9", "retry 744h, by retry-after"},
        {"Retry-After-Ms: 99999999999999999999999999", "retry 744h, by retry-after-ms"},
        {"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", "retry 744h, by retry-after"},
        {"Retry-After: Sat, 01 Jan 0000 00:00:00 GMT", "retry 0s, by retry-after"},
        {"X-RateLimit-Reset: 99999999999999999999999", "reset 744h, by x-ratelimit-reset"},
        {"X-RateLimit-Reset: 999999999999", "reset 744h, by x-ratelimit-reset"},
        {"X-RateLimit-Reset: 9999999999999999h9999999999999999h", "reset 744h, by x-ratelimit-reset"},
        {"X-RateLimit-Reset: 9999-12-31T23:59:59Z", "reset 744h, by x-ratelimit-reset"},
        {"X-RateLimit-Remaining: 99999999999999999999999", "left 9223372036854775807"},
        {"RateLimit: \"a\";r=999999999999999;t=999999999999999", "left 999999999999999, reset 744h, by ratelimit"},
        {"RateLimit-Policy: \"a\";q=999999999999999;w=999999999999999", "1000000/744h, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=1000001;w=1\nRateLimit: \"a\";r=1000005;t=1",
         "left 1000005, reset 1s, 1000000/1s left 1000000, by ratelimit, policy ratelimit-policy"},
        {"X-RateLimit-Limit: 99999999999999999999999\nX-RateLimit-Reset: 1",
         "reset 1s, 1000000/1s?, by x-ratelimit-reset, policy x-ratelimit-limit"},
        {"X-RateLimit-Limit: 5\nX-RateLimit-Remaining: 9\nX-RateLimit-Reset: 1",
         "left 9, reset 1s, 5/1s? left 5, by x-ratelimit-reset, policy x-ratelimit-limit"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void a_name_that_is_too_long_is_cut(void **state)
{
    static const char name[] = "X-RateLimit-Reset-0123456789-0123456789-0123456789-0123456789-0123456789";
    const struct weir_header header = {name, "5"};
    struct weir__feedback feedback;

    (void)state;
    weir__feedback_read(&header, 1, WALL_NS, &feedback);
    assert_int_equal(feedback.reset_ns, 5 * WEIR__NS_PER_S);
    assert_int_equal(strlen(feedback.wait_field), WEIR__FEEDBACK_FIELD_SIZE - 1);
    assert_memory_equal(feedback.wait_field, "x-ratelimit-reset-0123456789-", 29);
}

/* There is room for so many quotas; more of them are not looked at, and harm nothing. */
static void a_flood_of_quotas_is_survived(void **state)
{
    char names[64][48];
    struct weir_header headers[64];
    struct weir__feedback feedback;

    (void)state;
    for (size_t i = 0; i < 64; i++) {
        snprintf(names[i], sizeof names[i], "X-RateLimit-Limit-%zu-Hour", i);
        headers[i] = (struct weir_header){names[i], "5"};
    }
    headers[0].name = "X-RateLimit-Limit-Hour";
    weir__feedback_read(headers, 64, WALL_NS, &feedback);
    assert_true(feedback.present);
    assert_int_equal(feedback.policy_count, 1);
}

static void a_flood_of_members_is_survived(void **state)
{
    struct weir_header headers[80];
    struct weir__feedback feedback;

    (void)state;
    for (size_t i = 0; i < 80; i++)
        headers[i] = i % 2 == 0 ? (struct weir_header){"RateLimit-Policy", "\"a\";q=9;w=5"}
                                : (struct weir_header){"RateLimit", "\"a\";r=3;t=1"};
    weir__feedback_read(headers, 80, WALL_NS, &feedback);
    assert_int_equal(feedback.policy_count, 1);
    assert_int_equal(feedback.policies[0].remaining, 3);
    assert_int_equal(feedback.remaining, 3);
}

static void the_filter_wants_what_is_read_and_little_else(void **state)
{
    static const char *const wanted[] = {
        "date",
        "Date",
        "DATE",
        "retry-after",
        "Retry-After",
        "Retry-After-MS",
        "RateLimit",
        "ratelimit-policy",
        "RateLimit-Limit",
        "X-RateLimit-Limit",
        "x-ratelimit-reset-requests",
        "X-Rate-Limit-Remaining",
        "X-GitHub-Request-Id",
        "X-RateLimit-Resource",
        "x-ratelimit-used",
        "Anthropic-RateLimit-Requests-Limit",
    };
    static const char *const others[] = {
        "",           "dat",           "dates",      "content-type", "x-request-id", "age",
        "request-id", "retry-after-s", "ratelimits", "set-cookie",   "x-powered-by", "location"};
    (void)state;
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (!weir__feedback_wants(wanted[i], strlen(wanted[i])))
            fail_msg("%s is not wanted", wanted[i]);
    for (size_t i = 0; i < COUNT(others); i++)
        if (weir__feedback_wants(others[i], strlen(others[i])))
            fail_msg("%s is wanted", others[i]);
    assert_false(weir__feedback_wants("retry-after", 10)); /* no byte after the size is looked at */
    assert_false(weir__feedback_wants("ratelimit", 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(junk_in_retry_after_counts_as_absent),
        cmocka_unit_test(a_malformed_policy_field_is_ignored_as_a_whole),
        cmocka_unit_test(a_malformed_ratelimit_field_is_ignored_as_a_whole),
        cmocka_unit_test(malformed_lines_take_their_field_with_them_and_no_other),
        cmocka_unit_test(junk_in_a_vendor_s_field_counts_as_absent),
        cmocka_unit_test(names_that_only_look_like_ours_are_not_read),
        cmocka_unit_test(figures_out_of_range_are_clamped),
        cmocka_unit_test(a_name_that_is_too_long_is_cut),
        cmocka_unit_test(a_flood_of_quotas_is_survived),
        cmocka_unit_test(a_flood_of_members_is_survived),
        cmocka_unit_test(the_filter_wants_what_is_read_and_little_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
