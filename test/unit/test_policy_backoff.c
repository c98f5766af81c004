/*
 * backoff: how long a job waits before its next attempt, and how many retries all jobs together may make.
 */
#include "base/clock.h"
#include "base/random.h"
#include "policy/backoff.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define MS WEIR__NS_PER_MS
#define S WEIR__NS_PER_S
#define JUST_UNDER_1 0x1.fffffffffffffp-1

static void the_cap_doubles_with_each_retry_up_to_the_maximum(void **state)
{
    static const int64_t caps[] = {500 * MS, S, 2 * S, 4 * S, 8 * S, 16 * S, 32 * S, 60 * S, 60 * S};
    (void)state;
    for (uint32_t retry = 1; retry <= 9; retry++) {
        assert_int_equal(weir__backoff_wait(500 * MS, 60 * S, retry, 0.5), caps[retry - 1] / 2);
        assert_int_equal(weir__backoff_wait(500 * MS, 60 * S, retry, 0), 0);
        assert_in_range(weir__backoff_wait(500 * MS, 60 * S, retry, JUST_UNDER_1), caps[retry - 1] - 1,
                        caps[retry - 1]);
    }
}

/* Full jitter: every wait is as likely as any other. */
static void waits_are_spread_evenly_up_to_the_cap(void **state)
{
    uint64_t random = 7;
    int tenths[10] = {0};
    double sum = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        const int64_t wait_ns = weir__backoff_wait(500 * MS, 60 * S, 3, weir__random_unit(&random));
        if (wait_ns < 0 || wait_ns >= 2 * S)
            fail_msg("%lld ns is not in [0, 2 s)", (long long)wait_ns);
        tenths[wait_ns / (200 * MS)]++;
        sum += (double)wait_ns;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(tenths[i], 9600, 10400); /* 10,000 +- 95 */
    assert_in_range((int64_t)(sum / 100000), 990 * MS, 1010 * MS);
}

static void no_argument_overflows(void **state)
{
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, 3, S, INT64_MAX / 2 + 1, INT64_MAX - 1, INT64_MAX};
    static const uint32_t retries[] = {0, 1, 2, 31, 32, 33, 62, 63, 64, 65, 1000, UINT32_MAX};
    static const double draws[] = {NAN, -1, 0, 0.5, JUST_UNDER_1, 1, 2, 1e300};
    (void)state;
    for (size_t n = 0; n < 9 * 9 * 12 * 8; n++) {
        const int64_t base = times[n % 9], max = times[n / 9 % 9];
        const uint32_t retry = retries[n / 81 % 12];
        const double draw = draws[n / 972];
        const int64_t wait = weir__backoff_wait(base, max, retry, draw);
        if (wait < 0 || (wait > max && wait != 0) || (retry <= 1 && wait > base && wait != 0))
            fail_msg("base %lld, max %lld, retry %u, draw %g: %lld", (long long)base, (long long)max, retry, draw,
                     (long long)wait);
    }
    assert_int_equal(weir__backoff_wait(1, INT64_MAX, 63, 1), INT64_C(1) << 62);
    assert_int_equal(weir__backoff_wait(1, INT64_MAX, 64, 1), INT64_MAX);
    assert_int_equal(weir__backoff_wait(3, INT64_MAX, 62, 1), INT64_C(3) << 61);
    assert_int_equal(weir__backoff_wait(3, INT64_MAX, 63, 1), INT64_MAX);
    assert_int_equal(weir__backoff_wait(1, 10, 4, 1), 8);
    assert_int_equal(weir__backoff_wait(1, 10, 5, 1), 10);
}

static uint32_t spend_all(struct weir__budget *budget, uint32_t wanted)
{
    uint32_t spent = 0;

    for (uint32_t i = 0; i < wanted; i++)
        spent += weir__budget_spend(budget);
    return spent;
}

static void a_thousand_failures_without_a_success_get_a_hundred_retries(void **state)
{
    struct weir__budget budget;
    (void)state;
    weir__budget_init(&budget, 0.5);
    assert_int_equal(spend_all(&budget, 1000), WEIR__BUDGET_RESERVE);
    assert_int_equal(WEIR__BUDGET_RESERVE, 100);
}

static void each_success_earns_its_share(void **state)
{
    struct weir__budget budget;
    (void)state;
    weir__budget_init(&budget, 0.5);
    (void)spend_all(&budget, 1000);
    weir__budget_earn(&budget, 1);
    assert_false(weir__budget_spend(&budget)); /* a half is none, and is kept */
    weir__budget_earn(&budget, 1);
    assert_true(weir__budget_spend(&budget));
    assert_false(weir__budget_spend(&budget));
    for (int i = 0; i < 200; i++)
        weir__budget_earn(&budget, 1);
    assert_int_equal(spend_all(&budget, 1000), 100);
}

/* Shares that no binary fraction is: ten tenths are one, and none is lost by rounding down. */
static void shares_add_up_without_loss(void **state)
{
    struct weir__budget budget;
    (void)state;
    weir__budget_init(&budget, 0.001009); /* the product is a little under 1009 */
    assert_int_equal(budget.earned_each, 1009);
    weir__budget_init(&budget, 0.1);
    (void)spend_all(&budget, 1000);
    for (int i = 0; i < 9; i++)
        weir__budget_earn(&budget, 1);
    assert_false(weir__budget_spend(&budget));
    weir__budget_earn(&budget, 1);
    assert_true(weir__budget_spend(&budget));
}

static void a_share_of_nothing_leaves_the_reserve_alone(void **state)
{
    static const double shares[] = {0, -1, -1e300, NAN};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct weir__budget budget;
        weir__budget_init(&budget, shares[i]);
        for (int k = 0; k < 1000; k++)
            weir__budget_earn(&budget, 1);
        assert_int_equal(spend_all(&budget, 1000), 100);
    }
}

static void earning_never_overflows(void **state)
{
    static const double shares[] = {1e12, 9e12, 1e13, 1e300};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct weir__budget budget;
        weir__budget_init(&budget, shares[i]);
        for (int k = 0; k < 20; k++) {
            const int64_t before = budget.left;
            weir__budget_earn(&budget, 1);
            assert_true(budget.left >= before);
        }
        assert_true(weir__budget_spend(&budget));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cap_doubles_with_each_retry_up_to_the_maximum),
        cmocka_unit_test(waits_are_spread_evenly_up_to_the_cap),
        cmocka_unit_test(no_argument_overflows),
        cmocka_unit_test(a_thousand_failures_without_a_success_get_a_hundred_retries),
        cmocka_unit_test(each_success_earns_its_share),
        cmocka_unit_test(shares_add_up_without_loss),
        cmocka_unit_test(a_share_of_nothing_leaves_the_reserve_alone),
        cmocka_unit_test(earning_never_overflows),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
