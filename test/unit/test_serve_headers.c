/* Each dialect's fields, as exact text. */
#include "cli/serve_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define S INT64_C(1000000000)
#define WALL (INT64_C(1700000000) * S + 1)

static const char *build(enum weir__dialect dialect, struct weir__window_quota quota, bool refused)
{
    static char text[512];
    struct weir__serve_fields fields;
    size_t size = 0;

    weir__serve_headers_build(dialect, &quota, S, refused, WALL, &fields);
    text[0] = '\0';
    for (size_t i = 0; i < fields.count; i++)
        size +=
            (size_t)snprintf(text + size, sizeof text - size, "%s: %s\n", fields.list[i].name, fields.list[i].value);
    return text;
}

static const struct weir__window_quota half = {100, 50, 300 * MS};
static const struct weir__window_quota empty = {100, 0, S + 1};

static void none_says_nothing(void **state)
{
    (void)state;
    assert_string_equal(build(WEIR__DIALECT_NONE, empty, true), "");
}

static void retry_after_stands_on_refusals_only_and_is_rounded_up(void **state)
{
    (void)state;
    assert_string_equal(build(WEIR__DIALECT_RETRY_AFTER, half, false), "");
    assert_string_equal(build(WEIR__DIALECT_RETRY_AFTER, empty, true), "Retry-After: 2\n");
    assert_string_equal(build(WEIR__DIALECT_RETRY_AFTER, (struct weir__window_quota){1, 0, 1}, true),
                        "Retry-After: 1\n");
    assert_string_equal(build(WEIR__DIALECT_RETRY_AFTER, (struct weir__window_quota){1, 0, 2 * S}, true),
                        "Retry-After: 2\n");
}

static void ietf_has_policy_and_state(void **state)
{
    (void)state;
    assert_string_equal(build(WEIR__DIALECT_IETF, half, false), "RateLimit-Policy: \"default\";q=100;w=1\n"
                                                                "RateLimit: \"default\";r=50;t=1\n");
    assert_string_equal(build(WEIR__DIALECT_IETF, empty, true), "RateLimit-Policy: \"default\";q=100;w=1\n"
                                                                "RateLimit: \"default\";r=0;t=2\n"
                                                                "Retry-After: 2\n");
}

static void legacy_counts_seconds_from_now(void **state)
{
    (void)state;
    assert_string_equal(build(WEIR__DIALECT_LEGACY, half, false), "X-RateLimit-Limit: 100\n"
                                                                  "X-RateLimit-Remaining: 50\n"
                                                                  "X-RateLimit-Reset: 1\n");
    assert_string_equal(build(WEIR__DIALECT_LEGACY, empty, true), "X-RateLimit-Limit: 100\n"
                                                                  "X-RateLimit-Remaining: 0\n"
                                                                  "X-RateLimit-Reset: 2\n");
}

static void github_counts_seconds_since_1970(void **state)
{
    (void)state;
    assert_string_equal(build(WEIR__DIALECT_GITHUB, empty, true), "x-ratelimit-limit: 100\n"
                                                                  "x-ratelimit-remaining: 0\n"
                                                                  "x-ratelimit-used: 100\n"
                                                                  "x-ratelimit-reset: 1700000002\n"
                                                                  "x-ratelimit-resource: core\n");
}

static void used_is_never_negative(void **state)
{
    struct weir__serve_fields fields;
    const struct weir__window_quota more = {1, 5, 0}; /* a leaky bucket with a burst over its rate */

    (void)state;
    weir__serve_headers_build(WEIR__DIALECT_GITHUB, &more, S, false, WALL, &fields);
    assert_string_equal(fields.list[2].value, "0");
}

static void openai_writes_durations(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ms"},
        {120 * MS, "120ms"},
        {999 * MS + 1, "1s"},
        {S, "1s"},
        {8640 * MS, "8.64s"},
        {1500 * MS, "1.5s"},
        {1005 * MS, "1.005s"},
        {60 * S, "1m0s"},
        {360 * S, "6m0s"},
        {72 * S, "1m12s"},
        {59999 * MS + 1, "1m0s"},
        {3600 * S, "1h0m0s"},
        {3725 * S, "1h2m5s"},
    };
    struct weir__serve_fields fields;

    (void)state;
    assert_string_equal(build(WEIR__DIALECT_OPENAI, half, false), "x-ratelimit-limit-requests: 100\n"
                                                                  "x-ratelimit-remaining-requests: 50\n"
                                                                  "x-ratelimit-reset-requests: 300ms\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weir__window_quota quota = {1, 0, cases[i].ns};
        weir__serve_headers_build(WEIR__DIALECT_OPENAI, &quota, S, true, WALL, &fields);
        assert_string_equal(fields.list[2].value, cases[i].text);
    }
}

static void anthropic_writes_rfc_3339_times(void **state)
{
    (void)state;
    assert_string_equal(build(WEIR__DIALECT_ANTHROPIC, half, false),
                        "anthropic-ratelimit-requests-limit: 100\n"
                        "anthropic-ratelimit-requests-remaining: 50\n"
                        "anthropic-ratelimit-requests-reset: 2023-11-14T22:13:21Z\n");
    assert_string_equal(build(WEIR__DIALECT_ANTHROPIC, empty, true),
                        "anthropic-ratelimit-requests-limit: 100\n"
                        "anthropic-ratelimit-requests-remaining: 0\n"
                        "anthropic-ratelimit-requests-reset: 2023-11-14T22:13:22Z\n"
                        "retry-after: 2\n");
}

static void discord_writes_fractions(void **state)
{
    (void)state;
    assert_string_equal(build(WEIR__DIALECT_DISCORD, half, false), "X-RateLimit-Limit: 100\n"
                                                                   "X-RateLimit-Remaining: 50\n"
                                                                   "X-RateLimit-Reset: 1700000000.301\n"
                                                                   "X-RateLimit-Reset-After: 0.300\n"
                                                                   "X-RateLimit-Bucket: weir\n");
    assert_string_equal(build(WEIR__DIALECT_DISCORD, empty, true), "X-RateLimit-Limit: 100\n"
                                                                   "X-RateLimit-Remaining: 0\n"
                                                                   "X-RateLimit-Reset: 1700000001.001\n"
                                                                   "X-RateLimit-Reset-After: 1.001\n"
                                                                   "X-RateLimit-Bucket: weir\n"
                                                                   "Retry-After: 2\n");
}

/* Whether a dialect has the field, has it in lower case, or has none. */
static void retry_after_can_be_told_otherwise(void **state)
{
    static const struct {
        enum weir__dialect dialect;
        const char *name;
        size_t count;
    } cases[] = {
        {WEIR__DIALECT_NONE, "Retry-After", 1},      {WEIR__DIALECT_RETRY_AFTER, "Retry-After", 1},
        {WEIR__DIALECT_IETF, "Retry-After", 3},      {WEIR__DIALECT_LEGACY, "Retry-After", 4},
        {WEIR__DIALECT_GITHUB, "Retry-After", 6},    {WEIR__DIALECT_OPENAI, "Retry-After", 4},
        {WEIR__DIALECT_ANTHROPIC, "retry-after", 4}, {WEIR__DIALECT_DISCORD, "Retry-After", 6},
    };
    struct weir__serve_fields fields;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir__serve_headers_build(cases[i].dialect, &empty, S, true, WALL, &fields);
        weir__serve_headers_retry_after(&fields, 1500 * MS);
        assert_int_equal(fields.count, cases[i].count);
        assert_string_equal(fields.list[fields.count - 1].name, cases[i].name);
        assert_string_equal(fields.list[fields.count - 1].value, "2");
    }
    weir__serve_headers_retry_after(&fields, 0);
    assert_string_equal(fields.list[fields.count - 1].value, "0");
}

/* What each shape tells in its very first response, 1.3 s into a window of ten: how long until there is more. */
static void the_first_response_is_right_for_every_shape(void **state)
{
    static const struct {
        enum weir__window_shape shape;
        uint32_t remaining;
        long reset_s;         /* rounded up */
        const char *duration; /* the same exactly */
        const char *github;   /* rounded up as a moment */
    } cases[] = {
        {WEIR__WINDOW_SLIDING, 4, 10, "10s", "1700000011"}, /* until this very request leaves it */
        {WEIR__WINDOW_FIXED, 4, 9, "8.7s", "1700000009"},   /* until the window rolls */
        {WEIR__WINDOW_COUNTER, 4, 9, "8.7s", "1700000009"}, /* likewise */
        {WEIR__WINDOW_BUCKET, 4, 2, "2s", "1700000003"},    /* until the token is back */
        {WEIR__WINDOW_LEAKY, 0, 2, "2s", "1700000003"},     /* until a request would be taken */
        {WEIR__WINDOW_NONE, 5, 0, "0s", "1700000001"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__window window;
        struct weir__window_quota quota;
        struct weir__serve_fields fields;
        char remaining[16], ietf[64];
        const int64_t epoch = 77 * S, now = epoch + 1300 * MS;

        assert_true(weir__window_init(&window, cases[i].shape, 5, 10 * S, 0, epoch));
        assert_true(weir__window_take(&window, now, &quota));
        (void)snprintf(remaining, sizeof remaining, "%u", cases[i].remaining);
        (void)snprintf(ietf, sizeof ietf, "\"default\";r=%u;t=%ld", cases[i].remaining, cases[i].reset_s);

        weir__serve_headers_build(WEIR__DIALECT_OPENAI, &quota, 10 * S, false, WALL, &fields);
        assert_string_equal(fields.list[0].value, "5");
        assert_string_equal(fields.list[1].value, remaining);
        assert_string_equal(fields.list[2].value, cases[i].duration);
        weir__serve_headers_build(WEIR__DIALECT_GITHUB, &quota, 10 * S, false, WALL, &fields);
        assert_string_equal(fields.list[1].value, remaining);
        assert_string_equal(fields.list[3].value, cases[i].github);
        weir__serve_headers_build(WEIR__DIALECT_IETF, &quota, 10 * S, false, WALL, &fields);
        assert_string_equal(fields.list[0].value, "\"default\";q=5;w=10");
        assert_string_equal(fields.list[1].value, ietf);
        weir__serve_headers_build(WEIR__DIALECT_LEGACY, &quota, 10 * S, false, WALL, &fields);
        assert_string_equal(fields.list[0].value, "5");
        assert_string_equal(fields.list[1].value, remaining);
        (void)snprintf(ietf, sizeof ietf, "%ld", cases[i].reset_s);
        assert_string_equal(fields.list[2].value, ietf);
        weir__window_clear(&window);
    }
}

static void the_longest_values_fit(void **state)
{
    struct weir__serve_fields fields;
    const struct weir__window_quota most = {UINT32_MAX, UINT32_MAX, INT64_C(31622400) * S};

    (void)state;
    weir__serve_headers_build(WEIR__DIALECT_IETF, &most, INT64_C(31622400) * S, true, WALL, &fields);
    assert_string_equal(fields.list[0].value, "\"default\";q=4294967295;w=31622400");
    assert_string_equal(fields.list[1].value, "\"default\";r=4294967295;t=31622400");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_says_nothing),
        cmocka_unit_test(retry_after_stands_on_refusals_only_and_is_rounded_up),
        cmocka_unit_test(ietf_has_policy_and_state),
        cmocka_unit_test(legacy_counts_seconds_from_now),
        cmocka_unit_test(github_counts_seconds_since_1970),
        cmocka_unit_test(used_is_never_negative),
        cmocka_unit_test(openai_writes_durations),
        cmocka_unit_test(anthropic_writes_rfc_3339_times),
        cmocka_unit_test(discord_writes_fractions),
        cmocka_unit_test(retry_after_can_be_told_otherwise),
        cmocka_unit_test(the_first_response_is_right_for_every_shape),
        cmocka_unit_test(the_longest_values_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
