/*
 * feedback: every dialect in which servers tell of their limits is read, and what several fields say together.
 *
 * Our clock shows 2026-01-02T03:04:05Z in all cases; test_policy_feedback_support.h says how a case is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_policy_feedback_support.h"

static void retry_after_is_read_in_all_its_forms(void **state)
{
    static const struct feedback_case cases[] = {
        {"Retry-After: 30", "retry 30s, by retry-after"},
        {"RETRY-AFTER:30", "retry 30s, by retry-after"},
        {"retry-after: \t 1.5 ", "retry 1500ms, by retry-after"},
        {"retry-after: 0.000000001999", "retry 1ns, by retry-after"},
        {"retry-after: 0", "retry 0s, by retry-after"},
        {"Retry-After: Fri, 02 Jan 2026 03:05:05 GMT", "retry 1m, by retry-after"},
        {"Retry-After: Friday, 02-Jan-26 03:04:35 GMT", "retry 30s, by retry-after"},
        {"Retry-After: Fri Jan  2 03:04:35 2026", "retry 30s, by retry-after"},
        {"Retry-After: Fri, 02 Jan 2026 03:04:04 GMT", "retry 0s, by retry-after"}, /* past is not absent */
        {"retry-after-ms: 1500", "retry 1500ms, by retry-after-ms"},
        {"retry-after-ms: 12.5", "retry 12500us, by retry-after-ms"},
        {"Retry-After: 2\nRetry-After-Ms: 1200", "retry 1200ms, by retry-after-ms"}, /* the more exact one */
        {"Retry-After-Ms: 1200\nRetry-After: 2", "retry 1200ms, by retry-after-ms"},
        {"Retry-After: 2\nRetry-After-Ms: soon", "retry 2s, by retry-after"},
        {"Retry-After: 5\nRetry-After: 20\nRetry-After: 10", "retry 20s, by retry-after"}, /* the safe side */
        {"Retry-After: 1e3\nRetry-After: 20", "retry 20s, by retry-after"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void ratelimit_is_read_as_the_tenth_draft_has_it(void **state)
{
    static const struct feedback_case cases[] = {
        {"RateLimit-Policy: \"burst\";q=100;w=60,\"daily\";q=1000;w=86400",
         "100/1m, 1000/24h, policy ratelimit-policy"},
        {"RateLimit: \"default\";r=50;t=30", "left 50, reset 30s, by ratelimit"},
        {"RateLimit: \"default\";r=50", "left 50"},
        {"RateLimit:  \"default\";r=50 \t", "left 50"},
        {"RateLimit-Policy: \"default\";q=100;w=60\nRateLimit: \"default\";r=50;t=30",
         "left 50, reset 30s, 100/1m left 50, by ratelimit, policy ratelimit-policy"},
        {"RateLimit: \"b\";r=7;t=5, \"d\";r=0;t=300\nRateLimit-Policy: \"b\";q=100;w=60\nRateLimit-Policy: "
         "\"d\";q=1000;w=86400",
         "left 0, reset 5m, 100/1m left 7, 1000/24h left 0, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=100;w=60\nRateLimit: \"b\";r=50;t=30", /* one of each: names need not match */
         "left 50, reset 30s, 100/1m left 50, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=100;w=60, \"c\";q=200;w=300\nRateLimit: \"b\";r=50;t=30",
         "left 50, reset 30s, 100/1m, 200/5m, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=100;w=60;pk=:cHsdsRa894==:;x;y=1.5;z=?0;d=@1700000000;u=%\"f%c3%bc\"",
         "100/1m, policy ratelimit-policy"},
        {"RateLimit-Policy: a;q=100;w=60\nRateLimit: a;r=3;t=1",
         "left 3, reset 1s, 100/1m left 3, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=100;w=60;qu=\"requests\"", "100/1m, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=1;q=100;w=60", "100/1m, policy ratelimit-policy"}, /* the last of a key counts */
        {"RateLimit-Policy: \"a\\\"b\\\\\" ; q=1", "nothing"},
        {"RateLimit-Policy: \"a\\\"b\\\\\";  q=1;w=1 \t,\t \"c\";q=2;w=5", "1/1s, 2/5s, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=100\nRateLimit: \"a\";r=9;t=50", /* no window stated: one is concluded */
         "left 9, reset 50s, 100/1m? left 9, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=100", "present"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void other_units_make_no_policy_but_can_be_used_up(void **state)
{
    static const struct feedback_case cases[] = {
        {"RateLimit-Policy: \"t\";q=5000;w=60;qu=\"tokens\", \"r\";q=10;w=1\nRateLimit: \"t\";r=0;t=9, \"r\";r=9;t=1",
         "left 0, reset 9s, 10/1s left 9, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: \"t\";q=5000;w=60;qu=\"content-bytes\"\nRateLimit: \"t\";r=0;t=9",
         "left 0, reset 9s, by ratelimit"},
        {"RateLimit-Policy: \"t\";q=5;w=60;qu=\"Requests\"", "present"},
        {"RateLimit-Policy: \"a\";q=0;w=60, \"b\";q=5;w=0, \"c\";q=7;w=10", "7/10s, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=0;w=60\nRateLimit: \"a\";r=0;t=9", "left 0, reset 9s, by ratelimit"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void ratelimit_is_read_as_earlier_drafts_had_it(void **state)
{
    static const struct feedback_case cases[] = {
        {"RateLimit-Policy: 100;w=10", "100/10s, policy ratelimit-policy"},
        {"RateLimit-Policy: 100, 100;w=10", "100/10s, policy ratelimit-policy"},
        {"RateLimit-Policy: 10;w=1;burst=1000;comment=\"sliding\", 1000;w=3600",
         "10/1s, 1000/1h, policy ratelimit-policy"},
        {"RateLimit: limit=100, remaining=50, reset=5",
         "left 50, reset 5s, 100/5s? left 50, by ratelimit, policy ratelimit"},
        {"RateLimit: limit=100\nRateLimit: remaining=50, reset=5",
         "left 50, reset 5s, 100/5s? left 50, by ratelimit, policy ratelimit"},
        {"RateLimit: limit=100, remaining=50, reset=5, x;y, z=\"?\"",
         "left 50, reset 5s, 100/5s? left 50, by ratelimit, policy ratelimit"},
        {"RateLimit: remaining=50, limit=100, remaining=40", "left 40"},
        {"RateLimit-Policy: 100;w=10\nRateLimit: limit=100, remaining=50, reset=5",
         "left 50, reset 5s, 100/10s left 50, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: 10;w=1, 100;w=10\nRateLimit: limit=100, remaining=50, reset=5",
         "left 50, reset 5s, 10/1s, 100/10s left 50, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Policy: 100;w=10\nRateLimit: limit=80, remaining=50, reset=5", /* the limit of the moment */
         "left 50, reset 5s, 100/10s left 50, by ratelimit, policy ratelimit-policy"},
        {"RateLimit-Limit: 100\nRateLimit-Remaining: 50\nRateLimit-Reset: 5",
         "left 50, reset 5s, 100/5s? left 50, by ratelimit-reset, policy ratelimit-limit"},
        {"RateLimit-Policy: 100;w=900\nRateLimit-Limit: 100\nRateLimit-Remaining: 99\nRateLimit-Reset: 850",
         "left 99, reset 850s, 100/15m left 99, by ratelimit-reset, policy ratelimit-policy"},
        {"RateLimit-Limit: 10, 10;w=1, 50;w=60\nRateLimit-Remaining: 9\nRateLimit-Reset: 1",
         "left 9, reset 1s, 10/1s left 9, 50/1m, by ratelimit-reset, policy ratelimit-limit"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void vendors_dialects_are_read(void **state)
{
    static const struct feedback_case cases[] = {
        {"X-RateLimit-Limit: 100\nX-RateLimit-Remaining: 7\nX-RateLimit-Reset: 45",
         "left 7, reset 45s, 100/1m? left 7, by x-ratelimit-reset, policy x-ratelimit-limit"},
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nX-Rate-Limit-Limit: 900\nX-Rate-Limit-Remaining: 0\nX-Rate-Limit-Reset: "
         "1767323945",
         "left 0, reset 15m, 900/15m? left 0, by x-rate-limit-reset, policy x-rate-limit-limit"},
        /* GitHub */
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nx-ratelimit-limit: 5000\nx-ratelimit-remaining: "
         "4999\nx-ratelimit-reset: 1767326645\nx-ratelimit-used: 1\n"
         "x-ratelimit-resource: core\nX-GitHub-Request-Id: A:B",
         "left 4999, reset 1h, 5000/1h? left 4999, by x-ratelimit-reset, policy x-ratelimit-limit, github"},
        {"X-GitHub-Request-Id: A:B", "nothing, github"},
        {"X-RateLimit-Resource: core", "nothing, github"},
        {"X-RateLimit-Used: 1", "nothing, github"},
        /* OpenAI */
        {"x-ratelimit-limit-requests: 60\nx-ratelimit-limit-tokens: 150000\nx-ratelimit-remaining-requests: 59\n"
         "x-ratelimit-remaining-tokens: 149984\nx-ratelimit-reset-requests: 1s\nx-ratelimit-reset-tokens: 6m0s",
         "left 59, reset 1s, 60/1s? left 59, by x-ratelimit-reset-requests, policy x-ratelimit-limit-requests"},
        {"x-ratelimit-remaining-requests: 59\nx-ratelimit-reset-requests: 120ms\nx-ratelimit-remaining-tokens: 0\n"
         "x-ratelimit-reset-tokens: 6m0s\nx-ratelimit-limit-tokens: 150000",
         "left 0, reset 6m, by x-ratelimit-reset-tokens"},
        /* Anthropic */
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nanthropic-ratelimit-requests-limit: "
         "50\nanthropic-ratelimit-requests-remaining: 49\n"
         "anthropic-ratelimit-requests-reset: 2026-01-02T03:04:06Z\nanthropic-ratelimit-input-tokens-limit: 20000\n"
         "anthropic-ratelimit-input-tokens-remaining: 20000\nanthropic-ratelimit-input-tokens-reset: "
         "2026-01-02T03:04:05Z\nrequest-id: req_1",
         "left 49, reset 0s, 50/1s? left 49, by anthropic-ratelimit-input-tokens-reset, policy "
         "anthropic-ratelimit-requests-limit, anthropic"},
        {"Anthropic-RateLimit-Tokens-Remaining: 0\nAnthropic-RateLimit-Tokens-Reset: 2026-01-02T04:04:15.5+01:00",
         "left 0, reset 10500ms, by anthropic-ratelimit-tokens-reset, anthropic"},
        {"request-id: req_1", "nothing"},
        /* Discord: reset-after is the more exact one */
        {"X-RateLimit-Limit: 5\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1767323047.123\n"
         "X-RateLimit-Reset-After: 1.25\nX-RateLimit-Bucket: abcd1234",
         "left 0, reset 1250ms, 5/2s? left 0, by x-ratelimit-reset-after, policy x-ratelimit-limit"},
        {"X-RateLimit-Reset-After: 0.75\nX-RateLimit-Reset: 1767323047.123", "reset 750ms, by x-ratelimit-reset-after"},
        /* gateways that name the period */
        {"X-RateLimit-Limit-Minute: 60\nX-RateLimit-Remaining-Minute: 59\nX-RateLimit-Limit-Hour: 1000\n"
         "X-RateLimit-Remaining-Hour: 0",
         "left 0, 60/1m left 59, 1000/1h left 0, policy x-ratelimit-limit-minute"},
        {"x-ratelimit-limit-req-minute: 60\nx-ratelimit-limit-tokens-minute: 500000",
         "60/1m, policy x-ratelimit-limit-req-minute"},
        {"X-Ratelimit-Remaining: 598.0\nX-Ratelimit-Reset: 123", "left 598, reset 123s, by x-ratelimit-reset"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void limits_may_state_their_window(void **state)
{
    static const struct feedback_case cases[] = {
        {"X-RateLimit-Limit: 100, 100;window=60", "100/1m, policy x-ratelimit-limit"},
        {"X-RateLimit-Limit: 100;w=60", "100/1m, policy x-ratelimit-limit"},
        {"X-RateLimit-Limit: 100, 200;w=60", "100/1m, policy x-ratelimit-limit"}, /* the first number */
        {"X-RateLimit-Limit: 100;w=60\nX-RateLimit-Remaining: 5\nX-RateLimit-Reset: 7",
         "left 5, reset 7s, 100/1m left 5, by x-ratelimit-reset, policy x-ratelimit-limit"},
        {"X-RateLimit-Limit: 100;w=1\nX-RateLimit-Reset: 50", /* not that limit's reset */
         "reset 50s, 100/1s, 100/1m?, by x-ratelimit-reset, policy x-ratelimit-limit"},
        {"X-RateLimit-Limit: 100.5\nX-RateLimit-Reset: 7", "reset 7s, 100/10s?, by x-ratelimit-reset, policy "
                                                           "x-ratelimit-limit"},
        {"X-RateLimit-Limit: 100;burst=5;w=60;comment=\"x\"", "100/1m, policy x-ratelimit-limit"},
        {"X-RateLimit-Limit: 100;w=0", "present"},
        {"X-RateLimit-Limit: 100", "present"},
        {"X-RateLimit-Limit: 100\nX-RateLimit-Reset: 0", "reset 0s, by x-ratelimit-reset"},
        {"X-RateLimit-Limit: 0\nX-RateLimit-Reset: 9", "reset 9s, by x-ratelimit-reset"},
        {"X-RateLimit-Limit-Tokens: 100;w=60", "present"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void resets_are_read_in_every_notation(void **state)
{
    static const struct {
        const char *value;
        int64_t ns;
    } resets[] = {
        {"0", 0},
        {"1.5", 1500000000},
        {"1000000", INT64_C(1000000) * 1000000000},
        {"1767323105", INT64_C(60) * 1000000000},
        {"1767323105.25", INT64_C(60250) * 1000000},
        {"1767323105250", INT64_C(60250) * 1000000},
        {"1767323105250.5", INT64_C(60250500) * 1000},
        {"1767323000", 0}, /* past */
        {"1s", 1000000000},
        {"6m0s", INT64_C(360) * 1000000000},
        {"120ms", 120000000},
        {"1h0m0s", INT64_C(3600) * 1000000000},
        {"100us", 100000},
        {"100\xc2\xb5s", 100000},
        {"100\xce\xbcs", 100000},
        {"7ns", 7},
        {"2m59.56s", INT64_C(179560) * 1000000},
        {"1d1h", INT64_C(90000) * 1000000000},
        {"0.5h", INT64_C(1800) * 1000000000},
        {"2026-01-02T03:05:05Z", INT64_C(60) * 1000000000},
        {"Fri, 02 Jan 2026 03:05:05 GMT", INT64_C(60) * 1000000000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof resets / sizeof resets[0]; i++) {
        const struct weir_header header = {"X-RateLimit-Reset", resets[i].value};
        struct weir__feedback feedback;
        weir__feedback_read(&header, 1, WALL_NS, &feedback);
        if (!feedback.has_reset || feedback.reset_ns != resets[i].ns)
            fail_msg("\"%s\": read %d, %lld ns, wanted %lld", resets[i].value, feedback.has_reset,
                     (long long)feedback.reset_ns, (long long)resets[i].ns);
    }
}

/* Our clock need not be right: here it is years off. */
static void moments_are_compared_with_the_response_s_own_date(void **state)
{
    static const struct feedback_case cases[] = {
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nRetry-After: Fri, 02 Jan 2026 03:04:15 GMT",
         "retry 10s, by retry-after"},
        {"Retry-After: Friday, 02-Jan-26 03:04:15 GMT\ndate: Fri, 02 Jan 2026 03:04:05 GMT",
         "retry 10s, by retry-after"},
        {"Date: now\nDate: Fri, 02 Jan 2026 03:04:05 GMT\nX-RateLimit-Reset: 1767323055",
         "reset 10s, by x-ratelimit-reset"},
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nx-ratelimit-reset: 2026-01-02T03:04:15.5Z",
         "reset 10500ms, by x-ratelimit-reset"},
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nRetry-After: 3", "retry 3s, by retry-after"},
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT", "nothing"},
    };
    static const int64_t clocks[] = {0, INT64_C(4000000000) * 1000000000, WALL_NS, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t c = 0; c < sizeof clocks / sizeof clocks[0]; c++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            if (i != 1 || clocks[c] == WALL_NS || clocks[c] == 0)
                check_case(&cases[i], clocks[c]);
}

static void resets_give_their_natural_period(void **state)
{
    static const int64_t periods_s[] = {1,   2,   5,    10,   15,    30,    60,    120,       300,
                                        600, 900, 1800, 3600, 21600, 43200, 86400, 31 * 86400};
    int64_t before_s = 0;
    (void)state;
    for (size_t i = 0; i < sizeof periods_s / sizeof periods_s[0]; i++) {
        const int64_t resets_ms[] = {before_s * 1000 + 1, periods_s[i] * 1000};
        for (int j = 0; j < 2; j++) {
            char reset[32];
            const struct weir_header headers[] = {{"X-RateLimit-Limit", "9"}, {"X-RateLimit-Reset", reset}};
            struct weir__feedback feedback;
            snprintf(reset, sizeof reset, "%lldms", (long long)resets_ms[j]);
            weir__feedback_read(headers, 2, WALL_NS, &feedback);
            if (feedback.policy_count != 1 || feedback.policies[0].per_ns != periods_s[i] * 1000000000)
                fail_msg("%s: %zu policies, %lld ns, wanted %lld s", reset, feedback.policy_count,
                         (long long)feedback.policies[0].per_ns, (long long)periods_s[i]);
        }
        before_s = periods_s[i];
    }
}

/* A Date is cut to seconds, so that the end of a period that has just begun may seem to lie beyond it. */
static void a_moment_s_period_allows_for_a_date_cut_to_seconds(void **state)
{
    static const struct feedback_case cases[] = {
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nX-RateLimit-Limit: 5000\nX-RateLimit-Reset: 1767326646",
         "reset 3601s, 5000/1h?, by x-ratelimit-reset, policy x-ratelimit-limit"},
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nX-RateLimit-Limit: 5000\nX-RateLimit-Reset: 1767326647",
         "reset 3602s, 5000/6h?, by x-ratelimit-reset, policy x-ratelimit-limit"},
        {"X-RateLimit-Limit: 5000\nX-RateLimit-Reset: 3601",
         "reset 3601s, 5000/6h?, by x-ratelimit-reset, policy x-ratelimit-limit"},
        {"Date: Fri, 02 Jan 2026 03:04:05 GMT\nX-RateLimit-Limit: 10\nX-RateLimit-Reset: 1767323047",
         "reset 2s, 10/1s?, by x-ratelimit-reset, policy x-ratelimit-limit"},
        /* without a Date our clock is all there is, and it may be wrong by hours */
        {"X-RateLimit-Limit: 5000\nX-RateLimit-Reset: 1767326646", "reset 3601s, by x-ratelimit-reset"},
    };
    (void)state;
    CHECK_CASES(cases);
}

static void several_dialects_make_one_answer(void **state)
{
    static const struct feedback_case cases[] = {
        /* what is said twice is one policy */
        {"X-RateLimit-Limit: 100\nX-RateLimit-Remaining: 9\nX-RateLimit-Reset: 55\nRateLimit-Limit: 100\n"
         "RateLimit-Remaining: 8\nRateLimit-Reset: 55\nRateLimit-Policy: 100;w=60",
         "left 8, reset 55s, 100/1m left 8, by x-ratelimit-reset, policy ratelimit-policy"},
        {"RateLimit-Policy: 60;w=60\nX-RateLimit-Limit-Minute: 60\nX-RateLimit-Remaining-Minute: 5",
         "left 5, 60/1m left 5, policy ratelimit-policy"},
        {"RateLimit-Policy: \"a\";q=5;w=5, \"b\";q=5;w=5\nRateLimit: \"a\";r=4;t=3, \"b\";r=1;t=2",
         "left 1, reset 2s, 5/5s left 1, by ratelimit, policy ratelimit-policy"},
        /* what is stated comes before what is concluded */
        {"X-RateLimit-Limit: 7\nX-RateLimit-Reset: 5\nX-RateLimit-Limit-Hour: 70",
         "reset 5s, 70/1h, 7/5s?, by x-ratelimit-reset, policy x-ratelimit-limit-hour"},
        {"X-RateLimit-Limit: 100\nX-RateLimit-Limit: 50\nX-RateLimit-Remaining: 9\nX-RateLimit-Remaining: 3\n"
         "X-RateLimit-Remaining: 5\nX-RateLimit-Reset: 5\nX-RateLimit-Reset: 9\nX-RateLimit-Reset: 7",
         "left 3, reset 9s, 100/10s? left 3, by x-ratelimit-reset, policy x-ratelimit-limit"},
        /* the reset: the longest of what is used up; of all where that does not tell; else the shortest */
        {"RateLimit: \"a\";r=0;t=5, \"b\";r=0;t=50, \"c\";r=1;t=500", "left 0, reset 50s, by ratelimit"},
        {"RateLimit: \"a\";r=0, \"b\";r=5;t=50, \"c\";r=1;t=500", "left 0, reset 500s, by ratelimit"},
        {"RateLimit: \"a\";r=3;t=5, \"b\";r=9;t=50, \"c\";r=1;t=500", "left 1, reset 5s, by ratelimit"},
        {"Retry-After: 3\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 30",
         "retry 3s, left 0, reset 30s, by retry-after"},
        {"RateLimit-Policy: 1;w=1, 2;w=2, 3;w=3, 4;w=4, 5;w=5", "1/1s, 2/2s, 3/3s, 4/4s, policy ratelimit-policy"},
        {"Content-Type: text/plain\nServer: x\nX-Powered-By: y\nAge: 3\nAccept-Ranges: none", "nothing"},
        {"", "nothing"},
    };
    (void)state;
    CHECK_CASES(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_after_is_read_in_all_its_forms),
        cmocka_unit_test(ratelimit_is_read_as_the_tenth_draft_has_it),
        cmocka_unit_test(other_units_make_no_policy_but_can_be_used_up),
        cmocka_unit_test(ratelimit_is_read_as_earlier_drafts_had_it),
        cmocka_unit_test(vendors_dialects_are_read),
        cmocka_unit_test(limits_may_state_their_window),
        cmocka_unit_test(resets_are_read_in_every_notation),
        cmocka_unit_test(moments_are_compared_with_the_response_s_own_date),
        cmocka_unit_test(resets_give_their_natural_period),
        cmocka_unit_test(a_moment_s_period_allows_for_a_date_cut_to_seconds),
        cmocka_unit_test(several_dialects_make_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
