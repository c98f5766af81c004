/*
 * The policy functions of weir.h: what they say of each dialect, which answers are refusals, and what they refuse.
 *
 * How the fields are read in detail is test_policy_feedback's; our clock shows 2026-01-02T03:04:05Z.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_policy_feedback_support.h"

#include "policy/verdict.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct advice_case {
    int status;
    const char *block;
    const char *wanted; /* as say() has it */
};

/* "refused, retry 1500ms, left 0, reset 30s, 100/10s, 1000/1h"; "nothing" where all of that is absent. */
static void say(const struct weir_advice *advice, char *text, size_t size)
{
    char number[32], rate[64];

    text[0] = '\0';
    if (advice->refused)
        add_text(text, size, "refused", "");
    if (advice->retry_after_ns != -1)
        add_time(text, size, "retry ", advice->retry_after_ns);
    (void)snprintf(number, sizeof number, "%" PRId64, advice->remaining);
    if (advice->remaining != -1)
        add_text(text, size, "left ", number);
    if (advice->reset_ns != -1)
        add_time(text, size, "reset ", advice->reset_ns);
    for (size_t i = 0; i < advice->rate_count; i++) {
        weir__units_format_rate(advice->rates[i].requests, advice->rates[i].per_ns, rate, sizeof rate);
        add_text(text, size, rate, "");
        assert_int_equal(advice->rates[i].shape, WEIR_SHAPE_DEFAULT);
        assert_int_equal(advice->rates[i].burst, 0);
    }
    if (text[0] == '\0')
        add_text(text, size, "nothing", "");
}

static void check_cases(const struct advice_case *cases, size_t count)
{
    struct weir_header headers[FIELDS_MAX];
    char copy[1024], text[512];
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        struct weir_advice advice;
        const size_t fields = split_block(cases[i].block, copy, sizeof copy, headers);

        memset(&advice, 0x5a, sizeof advice); /* whatever was there goes */
        advice.struct_size = sizeof advice;
        assert_int_equal(weir_read_advice(cases[i].status, headers, fields, WALL_NS, &advice), WEIR_OK);
        assert_int_equal(advice.struct_size, sizeof advice);
        say(&advice, text, sizeof text);
        if (strcmp(text, cases[i].wanted) == 0)
            continue;
        print_message("%d\n%s\n  wanted: %s\n  got:    %s\n", cases[i].status, cases[i].block, cases[i].wanted, text);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void every_dialect_is_read(void **state)
{
    static const struct advice_case cases[] = {
        {200, "", "nothing"},
        {200, "Content-Type: text/plain", "nothing"},
        {429, "Retry-After: 30", "refused, retry 30s"},
        {429, "Retry-After: 1.5", "refused, retry 1500ms"},
        {429, "Retry-After: 0", "refused, retry 0s"},
        {429, "Retry-After: Fri, 02 Jan 2026 03:05:05 GMT", "refused, retry 1m"},
        {429, "retry-after-ms: 1500\nRetry-After: 2", "refused, retry 1500ms"},
        {200, "RateLimit-Policy: \"burst\";q=100;w=60,\"daily\";q=1000;w=86400", "100/1m, 1000/24h"},
        {200, "RateLimit: \"default\";r=50;t=30", "left 50, reset 30s"},
        {200, "RateLimit-Limit: 100, 100;w=60\nRateLimit-Remaining: 50\nRateLimit-Reset: 30",
         "left 50, reset 30s, 100/1m"},
        {200, "X-RateLimit-Limit: 60\nX-RateLimit-Remaining: 59\nX-RateLimit-Reset: 30", "left 59, reset 30s, 60/30s"},
        {200, "X-Rate-Limit-Limit: 60\nX-Rate-Limit-Remaining: 59\nX-Rate-Limit-Reset: 30",
         "left 59, reset 30s, 60/30s"},
        {429,
         "anthropic-ratelimit-requests-limit: 50\nanthropic-ratelimit-requests-remaining: 0\n"
         "anthropic-ratelimit-requests-reset: 2026-01-02T03:04:35Z\nDate: Fri, 02 Jan 2026 03:04:05 GMT",
         "refused, left 0, reset 30s, 50/30s"},
        {200, "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 59\nx-ratelimit-reset-requests: 1s",
         "left 59, reset 1s, 60/1s"},
    };
    (void)state;
    check_cases(cases, COUNT(cases));
}

/* Malformed counts as absent; what is out of range is clamped. */
static void malformed_fields_count_as_absent(void **state)
{
    static const struct advice_case cases[] = {
        {503, "Retry-After: soon", "nothing"},
        {429, "Retry-After: -1", "refused"},
        {200, "RateLimit: \"default\";r=;t=30", "nothing"},
        {200, "X-RateLimit-Remaining: many", "nothing"},
        {429, "Retry-After: 99999999999", "refused, retry 744h"},
    };
    (void)state;
    check_cases(cases, COUNT(cases));
}

/* Not to know the method errs to the safe side: a gateway's figures stand beside failures of what is behind it, too. */
static void refusals_are_told_by_status_and_header(void **state)
{
    static const struct advice_case cases[] = {
        {429, "", "refused"},
        {403, "", "nothing"},
        {503, "", "nothing"},
        {529, "", "nothing"},
        {403, "Retry-After: 1", "refused, retry 1s"},
        {503, "Retry-After: 1", "refused, retry 1s"},
        {529, "Retry-After: 1", "refused, retry 1s"},
        {200, "Retry-After: 1", "retry 1s"},
        {301, "Retry-After: 1", "retry 1s"},
        {500, "Retry-After: 1", "retry 1s"},
        {0, "Retry-After: 1", "retry 1s"},
        {403, "X-RateLimit-Remaining: 0", "refused, left 0"},
        {403, "X-RateLimit-Remaining: 1", "left 1"},
        {503, "X-RateLimit-Remaining: 0", "left 0"},
        {529, "X-RateLimit-Remaining: 0", "left 0"},
        {200, "X-RateLimit-Remaining: 0", "left 0"},
    };
    (void)state;
    check_cases(cases, COUNT(cases));
}

/* One rule, whoever asks: an attempt of a job is refused where the advice says so. */
static void the_dispatcher_goes_by_the_same_rule(void **state)
{
    static const int statuses[] = {200, 301, 400, 403, 408, 429, 500, 502, 503, 504, 529};
    static const struct weir_status_range success = {200, 299};
    const struct weir__verdict_rules rules = {.success = &success, .success_count = 1, .refusal_max = 1};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        for (unsigned bits = 0; bits < 4; bits++) {
            const bool waits = (bits & 1) != 0, exhausted = (bits & 2) != 0;
            const struct weir_header fields[] = {{waits ? "Retry-After" : "A", "1"},
                                                 {exhausted ? "X-RateLimit-Remaining" : "B", "0"}};
            const struct weir__verdict_facts facts = {.method = "POST",
                                                      .http_status = statuses[i],
                                                      .sent = true,
                                                      .pushes_back = waits || exhausted,
                                                      .exhausted = exhausted && !waits,
                                                      .attempts = 1,
                                                      .refusals = 1};
            struct weir_advice advice = {.struct_size = sizeof advice};
            const bool refused = weir__verdict_of(&rules, &facts).class == WEIR__CLASS_REFUSED;

            assert_int_equal(weir_read_advice(statuses[i], fields, 2, WALL_NS, &advice), WEIR_OK);
            if (advice.refused != refused)
                fail_msg("%d, Retry-After %d, exhausted %d: advice %d, dispatcher %d", statuses[i], waits, exhausted,
                         advice.refused, refused);
        }
    }
}

static void what_is_no_question_is_refused(void **state)
{
    const struct weir_header good = {"Retry-After", "1"}, nameless = {NULL, "1"}, empty = {"Retry-After", NULL};
    struct weir_advice advice = {.struct_size = sizeof advice, .remaining = 7};

    (void)state;
    assert_int_equal(weir_read_advice(429, &good, 1, WALL_NS, NULL), WEIR_INVALID);
    assert_int_equal(weir_read_advice(429, NULL, 1, WALL_NS, &advice), WEIR_INVALID);
    assert_int_equal(weir_read_advice(429, &nameless, 1, WALL_NS, &advice), WEIR_INVALID);
    assert_int_equal(weir_read_advice(429, &empty, 1, WALL_NS, &advice), WEIR_INVALID);
    advice.struct_size--;
    assert_int_equal(weir_read_advice(429, &good, 1, WALL_NS, &advice), WEIR_INVALID);
    assert_int_equal(advice.remaining, 7);
    advice.struct_size++;
    assert_int_equal(weir_read_advice(429, NULL, 0, WALL_NS, &advice), WEIR_OK);
    assert_true(advice.refused);
}

static void backoff_is_drawn_from_a_doubling_range(void **state)
{
    static const struct {
        int64_t base_ns, max_ns;
        uint32_t retry;
        double draw;
        int64_t wanted_ns;
    } cases[] = {
        {1000, 60000, 1, 0, 0},       {1000, 60000, 1, 0.5, 500},
        {1000, 60000, 2, 0.5, 1000},  {1000, 60000, 6, 0.5, 16000},
        {1000, 60000, 7, 0.5, 30000}, {1000, 60000, UINT32_MAX, 0.5, 30000},
        {-1, 60000, 1, 0.5, 0},       {1000, -1, 1, 0.5, 0},
        {1000, 60000, 1, -0.5, 0},    {INT64_MAX, INT64_MAX, UINT32_MAX, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int64_t got_ns = weir_backoff_ns(cases[i].base_ns, cases[i].max_ns, cases[i].retry, cases[i].draw);
        if (got_ns != cases[i].wanted_ns)
            fail_msg("case %zu: %" PRId64 " instead of %" PRId64, i, got_ns, cases[i].wanted_ns);
    }
}

static void idempotent_methods_are_those_of_rfc_9110(void **state)
{
    static const char *const yes[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    static const char *const no[] = {"POST", "PATCH", "CONNECT", "get", "", "GET ", "LOCK"};

    (void)state;
    for (size_t i = 0; i < COUNT(yes); i++)
        if (!weir_method_idempotent(yes[i]))
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < COUNT(no); i++)
        if (weir_method_idempotent(no[i]))
            fail_msg("\"%s\"", no[i]);
    assert_false(weir_method_idempotent(NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialect_is_read),
        cmocka_unit_test(malformed_fields_count_as_absent),
        cmocka_unit_test(refusals_are_told_by_status_and_header),
        cmocka_unit_test(the_dispatcher_goes_by_the_same_rule),
        cmocka_unit_test(what_is_no_question_is_refused),
        cmocka_unit_test(backoff_is_drawn_from_a_doubling_range),
        cmocka_unit_test(idempotent_methods_are_those_of_rfc_9110),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
