/*
 * The plain functions of weir.h: texts, what a response's header says, backoff, methods.
 */
#include "test_public_support.h"

#define WALL_S INT64_C(1445412480) /* Wed, 21 Oct 2015 07:28:00 GMT */

/* ------------------------------------------------------------------------------------------------------------- texts
 */

static void every_status_outcome_and_error_has_its_text(void **state)
{
    (void)state;
#define CHECK_STATUS(name, value, text)                                                                                \
    assert_int_equal(WEIR_##name, value);                                                                              \
    assert_string_equal(weir_status_text(WEIR_##name), text);
    WEIR_STATUS_MAP(CHECK_STATUS)
#define CHECK_OUTCOME(name, value, text) assert_string_equal(weir_outcome_text(WEIR_OUTCOME_##name), text);
    WEIR_OUTCOME_MAP(CHECK_OUTCOME)
#define CHECK_ERROR(name, value, code) assert_string_equal(weir_error_code(WEIR_ERROR_##name), code);
    WEIR_ERROR_MAP(CHECK_ERROR)
}

static void a_value_outside_its_enumeration_is_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(weir_status_text((enum weir_status)16), "?");
    assert_string_equal(weir_status_text((enum weir_status) - 1), "?");
    assert_string_equal(weir_status_text((enum weir_status)1000000), "?");
    assert_string_equal(weir_outcome_text((enum weir_outcome)WEIR_OUTCOME_COUNT), "?");
    assert_string_equal(weir_outcome_text((enum weir_outcome) - 1), "?");
    assert_string_equal(weir_error_code((enum weir_error)WEIR_ERROR_COUNT), "?");
    assert_string_equal(weir_error_code((enum weir_error) - 1), "?");
}

static void the_version_is_the_headers(void **state)
{
    (void)state;
    assert_string_equal(weir_version(), WEIR_VERSION);
}

/* ------------------------------------------------------------------------------------------------------------ advice
 */

#define FIELDS_MAX 8

struct advice_case {
    const char *what;
    int status;
    struct weir_header fields[FIELDS_MAX]; /* up to the first without a name */
    bool refused;
    int64_t retry_after_ns, remaining, reset_ns;
    size_t rate_count;
    struct {
        uint32_t requests;
        int64_t per_ns;
    } rates[WEIR_ADVICE_RATES_MAX];
};

static const struct advice_case advice_cases[] = {
    {"nothing", 200, {{0}}, false, -1, -1, -1, 0, {{0}}},
    {"429 alone", 429, {{0}}, true, -1, -1, -1, 0, {{0}}},
    {"500 alone", 500, {{0}}, false, -1, -1, -1, 0, {{0}}},
    {"403 alone", 403, {{0}}, false, -1, -1, -1, 0, {{0}}},
    {"no response", 0, {{0}}, false, -1, -1, -1, 0, {{0}}},
    {"whole seconds", 429, {{"Retry-After", "2"}}, true, S(2), -1, -1, 0, {{0}}},
    {"names in any case", 429, {{"rEtRy-aFtEr", "2"}}, true, S(2), -1, -1, 0, {{0}}},
    {"a wait of 0 is not none", 429, {{"Retry-After", "0"}}, true, 0, -1, -1, 0, {{0}}},
    {"a fraction", 429, {{"Retry-After", "1.5"}}, true, MS(1500), -1, -1, 0, {{0}}},
    {"milliseconds", 429, {{"retry-after-ms", "1500"}}, true, MS(1500), -1, -1, 0, {{0}}},
    {"a date", 429, {{"Retry-After", "Wed, 21 Oct 2015 07:28:30 GMT"}}, true, S(30), -1, -1, 0, {{0}}},
    {"a date that has passed", 429, {{"Retry-After", "Wed, 21 Oct 2015 07:27:00 GMT"}}, true, 0, -1, -1, 0, {{0}}},
    {"junk", 429, {{"Retry-After", "soon"}}, true, -1, -1, -1, 0, {{0}}},
    {"a negative wait", 429, {{"Retry-After", "-5"}}, true, -1, -1, -1, 0, {{0}}},
    {"an empty one", 429, {{"Retry-After", ""}}, true, -1, -1, -1, 0, {{0}}},
    {"503 that asks to wait", 503, {{"Retry-After", "3"}}, true, S(3), -1, -1, 0, {{0}}},
    {"503 alone", 503, {{0}}, false, -1, -1, -1, 0, {{0}}},
    {"the newest draft",
     200,
     {{"RateLimit-Policy", "\"burst\";q=100;w=60,\"daily\";q=1000;w=86400"}, {"RateLimit", "\"default\";r=50;t=30"}},
     false,
     -1,
     50,
     S(30),
     2,
     {{100, S(60)}, {1000, S(86400)}}},
    {"quotas of something else are no rates",
     200,
     {{"RateLimit-Policy", "\"bytes\";q=1000;w=10;qu=\"content-bytes\",\"r\";q=7;w=1;qu=\"requests\""}},
     false,
     -1,
     -1,
     -1,
     1,
     {{7, S(1)}}},
    {"an old draft's policy", 200, {{"RateLimit-Policy", "100;w=10"}}, false, -1, -1, -1, 1, {{100, S(10)}}},
    {"an old draft's fields",
     200,
     {{"RateLimit-Limit", "100"}, {"RateLimit-Remaining", "0"}, {"RateLimit-Reset", "7"}},
     false,
     -1,
     0,
     S(7),
     1,
     {{100, S(10)}}}, /* no period is named: the usual one that 7 s are in */
    {"an old draft's one field",
     200,
     {{"RateLimit", "limit=100, remaining=50, reset=5"}},
     false,
     -1,
     50,
     S(5),
     1,
     {{100, S(5)}}},
    {"a malformed field counts as absent",
     200,
     {{"RateLimit", "\"default\";r=50;t="}, {"RateLimit-Policy", "\"burst\";q=100;w=60,,"}},
     false,
     -1,
     -1,
     -1,
     0,
     {{0}}},
    {"epoch seconds",
     200,
     {{"X-RateLimit-Limit", "60"}, {"X-RateLimit-Remaining", "3"}, {"X-RateLimit-Reset", "1445412490"}},
     false,
     -1,
     3,
     S(10),
     0,
     {{0}}},
    {"epoch milliseconds",
     200,
     {{"X-Rate-Limit-Remaining", "3"}, {"X-Rate-Limit-Reset", "1445412490500"}},
     false,
     -1,
     3,
     MS(10500),
     0,
     {{0}}},
    {"403 with nothing remaining",
     403,
     {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1445412540"}},
     true,
     -1,
     0,
     S(60),
     0,
     {{0}}},
    {"403 with something remaining", 403, {{"x-ratelimit-remaining", "5"}}, false, -1, 5, -1, 0, {{0}}},
    {"the least of requests and tokens",
     200,
     {{"x-ratelimit-remaining-requests", "30"}, {"x-ratelimit-remaining-tokens", "1"}},
     false,
     -1,
     1,
     -1,
     0,
     {{0}}},
    {"a reset as a duration",
     200,
     {{"x-ratelimit-remaining-requests", "3"}, {"x-ratelimit-reset-requests", "6m0s"}},
     false,
     -1,
     3,
     S(360),
     0,
     {{0}}},
    {"a reset as a moment",
     200,
     {{"anthropic-ratelimit-requests-remaining", "2"}, {"anthropic-ratelimit-requests-reset", "2015-10-21T07:28:12Z"}},
     false,
     -1,
     2,
     S(12),
     0,
     {{0}}},
    {"a fraction of seconds",
     200,
     {{"X-RateLimit-Remaining", "1"}, {"X-RateLimit-Reset-After", "0.25"}},
     false,
     -1,
     1,
     MS(250),
     0,
     {{0}}},
};

static void a_responses_header_is_understood_whatever_the_dialect(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof advice_cases / sizeof advice_cases[0]; i++) {
        const struct advice_case *c = &advice_cases[i];
        struct weir_advice a = {.struct_size = sizeof a};
        size_t count = 0;
        bool good;

        while (count < FIELDS_MAX && c->fields[count].name != NULL)
            count++;
        expect_status(weir_read_advice(c->status, count == 0 ? NULL : c->fields, count, S(WALL_S), &a), WEIR_OK);
        good = a.refused == c->refused && a.retry_after_ns == c->retry_after_ns && a.remaining == c->remaining &&
               a.reset_ns == c->reset_ns && a.rate_count == c->rate_count;
        for (size_t k = 0; good && k < c->rate_count; k++)
            good = a.rates[k].requests == c->rates[k].requests && a.rates[k].per_ns == c->rates[k].per_ns;
        if (!good) {
            print_error(
                "%s: refused %d (%d), retry after %lld (%lld), remaining %lld (%lld), reset %lld (%lld), rates %zu "
                "(%zu), the first %u in %lld (%u in %lld)\n",
                c->what, a.refused, c->refused, (long long)a.retry_after_ns, (long long)c->retry_after_ns,
                (long long)a.remaining, (long long)c->remaining, (long long)a.reset_ns, (long long)c->reset_ns,
                a.rate_count, c->rate_count, a.rates[0].requests, (long long)a.rates[0].per_ns, c->rates[0].requests,
                (long long)c->rates[0].per_ns);
            wrong++;
        }
    }
    expect_count(wrong, 0);
}

static void more_rates_than_there_is_room_for_are_the_first_ones(void **state)
{
    const struct weir_header header = {
        "RateLimit-Policy", "\"a\";q=1;w=1,\"b\";q=2;w=2,\"c\";q=3;w=3,\"d\";q=4;w=4,\"e\";q=5;w=5,\"f\";q=6;w=6"};
    struct weir_advice a = {.struct_size = sizeof a};

    (void)state;
    expect_status(weir_read_advice(200, &header, 1, 0, &a), WEIR_OK);
    expect_count(a.rate_count, WEIR_ADVICE_RATES_MAX);
    for (uint32_t i = 0; i < a.rate_count; i++) {
        expect_count(a.rates[i].requests, i + 1);
        expect_count(a.rates[i].per_ns, S(i + 1));
    }
}

static void advice_is_refused_without_room_or_with_another_size(void **state)
{
    struct weir_advice a, before;

    (void)state;
    expect_status(weir_read_advice(429, NULL, 0, 0, NULL), WEIR_INVALID);
    for (int delta = -1; delta <= 1; delta += 2) {
        memset(&a, 0x5a, sizeof a);
        a.struct_size = sizeof a + (size_t)delta;
        before = a;
        expect_status(weir_read_advice(429, NULL, 0, 0, &a), WEIR_INVALID);
        assert_memory_equal(&a, &before, sizeof a);
    }
    a.struct_size = sizeof a;
    expect_status(weir_read_advice(429, NULL, 1, 0, &a), WEIR_INVALID);
}

/* ----------------------------------------------------------------------------------------------------------- backoff
 */

static void backoff_is_drawn_below_the_doubled_base(void **state)
{
    const double draws[] = {0, 0.25, 0.5, 0.999999};

    (void)state;
    for (uint32_t retry = 1; retry <= 80; retry++) {
        const double bound = retry < 40 && 5e8 * (double)(UINT64_C(1) << (retry - 1)) < 6e10
                                 ? 5e8 * (double)(UINT64_C(1) << (retry - 1))
                                 : 6e10;

        for (size_t i = 0; i < 4; i++) {
            const int64_t got = weir_backoff_ns(MS(500), S(60), retry, draws[i]);

            expect_between(got, (int64_t)(draws[i] * bound) - 1000, (int64_t)(draws[i] * bound) + 1000);
            assert_true(got >= 0 && got <= (int64_t)bound);
        }
    }
    expect_count(weir_backoff_ns(MS(500), S(60), 3, 0), 0);
    expect_between(weir_backoff_ns(INT64_MAX, INT64_MAX, UINT32_MAX, 0.5), 0, INT64_MAX);
    expect_between(weir_backoff_ns(1, INT64_MAX, 64, 0.999), 0, INT64_MAX);
    expect_between(weir_backoff_ns(S(60), S(1), 1, 0.999), 0, S(1));
}

static void backoff_of_arguments_below_0_is_0(void **state)
{
    (void)state;
    expect_count(weir_backoff_ns(-1, S(60), 1, 0.5), 0);
    expect_count(weir_backoff_ns(MS(500), -1, 1, 0.5), 0);
    expect_count(weir_backoff_ns(MS(500), S(60), 1, -0.5), 0);
    expect_count(weir_backoff_ns(INT64_MIN, INT64_MIN, 1, 0.5), 0);
    expect_count(weir_backoff_ns(0, S(60), 9, 0.5), 0);
}

static void methods_are_idempotent_as_rfc_9110_says(void **state)
{
    const char *const good[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    const char *const bad[] = {"POST", "PATCH", "CONNECT", "get", "GETX", "GE", "", "LOCK", " GET"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!weir_method_idempotent(good[i]))
            fail_msg("%s is not idempotent", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (weir_method_idempotent(bad[i]))
            fail_msg("\"%s\" is idempotent", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_outcome_and_error_has_its_text),
        cmocka_unit_test(a_value_outside_its_enumeration_is_a_question_mark),
        cmocka_unit_test(the_version_is_the_headers),
        cmocka_unit_test(a_responses_header_is_understood_whatever_the_dialect),
        cmocka_unit_test(more_rates_than_there_is_room_for_are_the_first_ones),
        cmocka_unit_test(advice_is_refused_without_room_or_with_another_size),
        cmocka_unit_test(backoff_is_drawn_below_the_doubled_base),
        cmocka_unit_test(backoff_of_arguments_below_0_is_0),
        cmocka_unit_test(methods_are_idempotent_as_rfc_9110_says),
    };

    watch();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
