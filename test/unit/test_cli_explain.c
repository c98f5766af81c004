/* Why attempts were refused: each cause that the figures can tell has its sentence, and no other. */
#include "cli/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define S INT64_C(1000000000)

/* A run of 1,000 attempts under the concurrency limit alone, 12 of them refused. */
static struct weir_stats refused(void)
{
    struct weir_stats stats = {.struct_size = sizeof stats};

    stats.attempts = 1000;
    stats.refusals = 12;
    stats.limit_count = 1;
    (void)strcpy(stats.limits[0].name, "concurrency");
    return stats;
}

static struct weir_limit_stats *limit(struct weir_stats *stats, const char *name, enum weir_shape shape,
                                      uint32_t permits, uint64_t worst)
{
    struct weir_limit_stats *out = &stats->limits[stats->limit_count++];

    (void)snprintf(out->name, sizeof out->name, "%s", name);
    out->shape = shape;
    out->permits = permits;
    out->worst_window = worst;
    return out;
}

static void state_limit(struct weir_stats *stats, uint32_t requests, int64_t per_ns, const char *field)
{
    stats->pause.stated.requests = requests;
    stats->pause.stated.per_ns = per_ns;
    (void)snprintf(stats->pause.stated_by, sizeof stats->pause.stated_by, "%s", field);
}

static void expect(const struct weir_stats *stats, const char *expected)
{
    char text[WEIR__EXPLAIN_SIZE];

    weir__explain_refusals(stats, text, sizeof text);
    assert_string_equal(text, expected);
}

static void no_refusal_needs_no_word(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    stats.refusals = 0;
    expect(&stats, "");
}

static void a_broken_certificate_is_a_bug_in_weir(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    (void)limit(&stats, "5000/1h", WEIR_SHAPE_WINDOW, 5000, 1000);
    (void)limit(&stats, "100/1s", WEIR_SHAPE_STRICT, 100, 101);
    expect(&stats,
           "12 of 1000 attempts were refused, and this is a bug in weir: it sent more than 100/1s allows (worst "
           "window 101 of 100). Please report it to weir's authors with this summary and the output of weir "
           "check");
}

static void a_kept_limit_means_a_shared_or_lower_quota(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    (void)limit(&stats, "100/1s", WEIR_SHAPE_STRICT, 100, 100);
    expect(&stats, "12 of 1000 attempts were refused, though weir kept 100/1s (worst window 100 of 100): the quota is "
                   "shared, or lower than configured");
    (void)limit(&stats, "5000/1h", WEIR_SHAPE_WINDOW, 5000, 1000);
    stats.refusals = 1;
    expect(&stats,
           "1 of 1000 attempts was refused, though weir kept 100/1s (worst window 100 of 100) and 5000/1h (worst "
           "window 1000 of 5000): the quota is shared, or lower than configured");
}

static void what_the_server_named_is_told(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    (void)limit(&stats, "100/1s", WEIR_SHAPE_STRICT, 100, 100);
    state_limit(&stats, 60, 60 * S, "ratelimit-policy");
    expect(&stats, "12 of 1000 attempts were refused, though weir kept 100/1s (worst window 100 of 100): the quota is "
                   "shared, or lower than configured: the server named 60/1m (ratelimit-policy)");
    (void)strcpy(limit(&stats, "60/1m", WEIR_SHAPE_STRICT, 60, 60)->learned_from, "ratelimit-policy");
    expect(&stats, "12 of 1000 attempts were refused, though weir kept 100/1s (worst window 100 of 100): the quota is "
                   "shared, or lower than configured: the server named 60/1m (ratelimit-policy); weir learned 60/1m "
                   "from ratelimit-policy and kept to it from there on");
}

static void uncertain_requests_may_be_the_cause(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    limit(&stats, "100/1s", WEIR_SHAPE_STRICT, 100, 100)->uncertain = 3;
    expect(&stats, "12 of 1000 attempts were refused, though weir kept 100/1s (worst window 100 of 100): the quota is "
                   "shared, or lower than configured; or of the 3 uncertain requests (sent, not answered) some arrived "
                   "later");
}

/* Its worst window may hold more than its permits, and that is no bug: it promises none. */
static void a_pace_alone_proves_nothing(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    (void)limit(&stats, "100/1s", WEIR_SHAPE_PACED, 100, 104);
    expect(&stats,
           "12 of 1000 attempts were refused: the shape paced keeps a distance between sends and proves nothing "
           "about windows. Use --shape strict");
}

static void without_a_rate_the_server_limits_it(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    expect(&stats, "12 of 1000 attempts were refused: the server limits the rate. To keep to it, give what its "
                   "documentation allows, as -r N/PERIOD");
    stats.pause.slowed_to_per_s = 88.4;
    expect(&stats, "12 of 1000 attempts were refused: the server limits the rate; weir slowed to 88.4/s after that. To "
                   "keep to it from the start, give it: -r 88/s");
    stats.pause.slowed_to_per_s = 0;
    state_limit(&stats, 60, 60 * S, "x-ratelimit-limit");
    expect(&stats,
           "12 of 1000 attempts were refused: the server limits the rate, to 60/1m (x-ratelimit-limit). To keep "
           "to it from the start, give it: -r 60/1m");
}

/* A learned limit is no configured one, and its certificate, which begins in the middle, convicts nobody. */
static void what_was_learned_is_named_with_its_field(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    (void)strcpy(limit(&stats, "100/1s", WEIR_SHAPE_STRICT, 100, 101)->learned_from, "ratelimit-policy");
    state_limit(&stats, 100, S, "ratelimit-policy");
    expect(&stats, "12 of 1000 attempts were refused: the server limits the rate; weir learned 100/1s from "
                   "ratelimit-policy and kept to it from there on. To keep to it from the start, give it: -r 100/1s; "
                   "where that is refused too, the quota is shared");
}

static void texts_are_cut_at_their_size(void **state)
{
    struct weir_stats stats = refused();

    (void)state;
    for (size_t size = 1; size < 200; size++) {
        char text[201];
        memset(text, 'x', sizeof text);
        weir__explain_refusals(&stats, text, size);
        assert_int_equal(text[size], 'x');
        assert_int_equal(strnlen(text, size) < size, 1);
    }
}

static void pauses_are_counted_with_the_longest_and_the_reason(void **state)
{
    struct weir_stats stats = refused();
    char text[WEIR__EXPLAIN_SIZE];

    (void)state;
    weir__explain_pauses(&stats, text, sizeof text);
    assert_string_equal(text, "");
    stats.pause.count = 1;
    stats.pause.longest_ns = 2 * S;
    (void)strcpy(stats.pause.reason, "429, retry-after");
    weir__explain_pauses(&stats, text, sizeof text);
    assert_string_equal(text, "once, for 2.00 s (429, retry-after)");
    stats.pause.count = 3;
    weir__explain_pauses(&stats, text, sizeof text);
    assert_string_equal(text, "3 times, for 2.00 s at most (the last: 429, retry-after)");
}

static void retries_and_the_budget_are_told(void **state)
{
    struct weir_stats stats = refused();
    char text[WEIR__EXPLAIN_SIZE];

    (void)state;
    weir__explain_retries(&stats, 0.5, text, sizeof text);
    assert_string_equal(text, "");
    stats.retries = 1;
    weir__explain_retries(&stats, 0.5, text, sizeof text);
    assert_string_equal(text, "1 attempt was not a job's first");
    stats.retries = 100;
    stats.budget_denied = 12;
    weir__explain_retries(&stats, 0.5, text, sizeof text);
    assert_string_equal(text,
                        "100 attempts were not a job's first; 12 jobs were not tried again: the retry budget (0.5 a "
                        "success, 100 in reserve) was used up");
    stats.retries = 0;
    stats.budget_denied = 1;
    weir__explain_retries(&stats, 0, text, sizeof text);
    assert_string_equal(text, "1 job was not tried again: the retry budget (0 a success, 100 in reserve) was used up");
}

static void unknown_jobs_are_explained(void **state)
{
    char text[WEIR__EXPLAIN_SIZE];

    (void)state;
    weir__explain_unknown(0, text, sizeof text);
    assert_string_equal(text, "");
    weir__explain_unknown(1, text, sizeof text);
    assert_string_equal(text, "nobody can say whether this job was processed, so it was not sent again; with an "
                              "idempotency_key, where the server knows it, weir may do that");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_refusal_needs_no_word),
        cmocka_unit_test(a_broken_certificate_is_a_bug_in_weir),
        cmocka_unit_test(a_kept_limit_means_a_shared_or_lower_quota),
        cmocka_unit_test(what_the_server_named_is_told),
        cmocka_unit_test(uncertain_requests_may_be_the_cause),
        cmocka_unit_test(a_pace_alone_proves_nothing),
        cmocka_unit_test(without_a_rate_the_server_limits_it),
        cmocka_unit_test(what_was_learned_is_named_with_its_field),
        cmocka_unit_test(texts_are_cut_at_their_size),
        cmocka_unit_test(pauses_are_counted_with_the_longest_and_the_reason),
        cmocka_unit_test(retries_and_the_budget_are_told),
        cmocka_unit_test(unknown_jobs_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
