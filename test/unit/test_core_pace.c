/*
 * The pace at the wire: connections that take different times to come about bunch what the gate let go evenly, and are
 * spread again right before they send.  Time is fake, so that moments are exact.
 */
#include "support/core_expect.h"

#include <stdlib.h>

static struct fixture *start_paced(uint32_t concurrency)
{
    static const struct weir_rate ten_per_second = {
        .requests = 10, .per_ns = INT64_C(1000000000), .shape = WEIR_SHAPE_STRICT};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    options.concurrency = concurrency;
    options.rates = &ten_per_second;
    options.rate_count = 1;
    f = fixture_new(&options, &fixture_plain, false, NULL);
    assert_non_null(f);
    return f;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Which of them is the first is anybody's. */
static void expect_moments(struct fixture *f, uint32_t count, int64_t first_ns, int64_t gap_ns)
{
    int64_t sent_ns[8] = {0};

    for (uint32_t n = 0; n < count; n++)
        sent_ns[n] = fake_transport_record(f->transport, n).sent_ns - FIXTURE_START_NS;
    qsort(sent_ns, count, sizeof sent_ns[0], by_value);
    for (uint32_t n = 0; n < count; n++)
        if (sent_ns[n] != first_ns + n * gap_ns)
            fail_msg("the %u. send is after %.6f s, not after %.6f s", n + 1, (double)sent_ns[n] / 1e9,
                     (double)(first_ns + n * gap_ns) / 1e9);
}

/* The gate lets them go at 0, 100 and 200 ms; their connections are there at 250 ms, all of them. */
static void bunched_connections_are_spread_again(void **state)
{
    struct fixture *f = start_paced(3);

    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct fake_step step = {.connect_ns = MS(250 - 100 * i), .http_status = 200};
        fake_transport_push(f->transport, &step);
    }
    fixture_submit_all(f, "GET", 0, 3);
    assert_true(fixture_settle(f));
    for (uint64_t id = 0; id < 3; id++)
        fixture_expect_end(f, id, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    expect_moments(f, 3, MS(250), MS(100));
    assert_true(fixture_stats(f).time.pace_wait_ns > 0);
    fixture_free(f);
}

/* What has its connection is not held up by one that has still to come. */
static void an_even_row_is_left_as_it_is(void **state)
{
    struct fixture *f = start_paced(3);

    (void)state;
    fixture_submit_all(f, "GET", 0, 4);
    assert_true(fixture_settle(f));
    expect_moments(f, 4, 0, MS(100));
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bunched_connections_are_spread_again),
        cmocka_unit_test(an_even_row_is_left_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
