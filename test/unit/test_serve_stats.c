/* What `weir serve` counts: the worst window, the tallies, and /stats as JSON. */
#include "cli/serve_stats.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define S INT64_C(1000000000)

static void two_exactly_a_period_apart_share_no_window(void **state)
{
    struct weir__worst worst;

    (void)state;
    weir__worst_init(&worst, S);
    assert_true(weir__worst_add(&worst, 0));
    assert_true(weir__worst_add(&worst, S));
    assert_int_equal(worst.most, 1);
    assert_true(weir__worst_add(&worst, 2 * S - 1));
    assert_int_equal(worst.most, 2);
    weir__worst_clear(&worst);
    weir__worst_clear(NULL);
}

/* Every window that begins at an arrival, counted anew: [t, t + T). */
static uint64_t brute_force(const int64_t *times, size_t count, int64_t period_ns)
{
    uint64_t most = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t inside = 0;
        for (size_t j = i; j < count && times[j] < times[i] + period_ns; j++)
            inside++;
        if (inside > most)
            most = inside;
    }
    return most;
}

static void worst_window_agrees_with_brute_force(void **state)
{
    static int64_t times[3000];
    uint64_t random = 5;

    (void)state;
    for (int round = 0; round < 40; round++) {
        const int64_t gap = 1 + weir__random_below(&random, 60), period = 1 + weir__random_below(&random, 40000);
        struct weir__worst worst;
        int64_t now = weir__random_below(&random, S);
        weir__worst_init(&worst, period);
        for (size_t i = 0; i < 3000; i++) {
            now += weir__random_below(&random, 10) == 0 ? weir__random_below(&random, period * 2)
                                                        : weir__random_below(&random, gap);
            times[i] = now;
            assert_true(weir__worst_add(&worst, now));
        }
        assert_int_equal(worst.most, brute_force(times, 3000, period));
        weir__worst_clear(&worst);
    }
}

static void tally_counts_each_name_exactly(void **state)
{
    struct weir__tally tally;
    char name[32];

    (void)state;
    weir__tally_init(&tally, 100000);
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(name, sizeof name, "/item/%d", i % 5000);
        weir__tally_add(&tally, name);
    }
    weir__tally_add(&tally, "");
    assert_int_equal(tally.count, 5001);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "/item/%d", i);
        assert_int_equal(weir__tally_get(&tally, name), 4);
    }
    assert_int_equal(weir__tally_get(&tally, "/item/5000"), 0);
    weir__tally_clear(&tally);
    assert_int_equal(weir__tally_get(&tally, "/item/1"), 0);
    weir__tally_clear(NULL);
}

static void tally_puts_what_is_beyond_its_bound_under_other(void **state)
{
    struct weir__tally tally;
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    weir__tally_init(&tally, 2);
    weir__tally_add(&tally, "/b");
    weir__tally_add(&tally, "/a");
    weir__tally_add(&tally, "/c");
    weir__tally_add(&tally, "/d");
    weir__tally_add(&tally, "/a");
    weir__tally_write(&tally, &writer, NULL);
    assert_string_equal(writer.text, "{\"/b\":1,\"/a\":2,\"other\":2}");
    weir__writer_clear(&writer);
    weir__tally_clear(&tally);
}

static void stats_print_as_documented(void **state)
{
    struct weir__serve_stats stats;
    size_t size;
    char *text;

    (void)state;
    weir__serve_stats_init(&stats, 100, S, 10 * S);
    weir__serve_stats_opened(&stats);
    weir__serve_stats_opened(&stats);
    weir__serve_stats_closed(&stats);
    weir__serve_stats_began(&stats);
    weir__serve_stats_began(&stats);
    weir__serve_stats_ended(&stats);
    weir__serve_stats_arrived(&stats, "/get?a=\"", "GET", 11 * S);
    weir__serve_stats_arrived(&stats, "/get?a=\"", "POST", 11 * S + S / 2);
    stats.statuses[200] = 1;
    stats.statuses[429] = stats.refused = 1;
    text = weir__serve_stats_print(&stats, 14 * S, &size);
    assert_non_null(text);
    assert_int_equal(size, strlen(text));
    assert_string_equal(text,
                        "{\"arrivals\":2,\"statuses\":{\"200\":1,\"429\":1},\"refused\":1,\"resets\":0,\"in_flight\":1,"
                        "\"peak_in_flight\":2,\"worst_window\":2,\"period_s\":1,\"limit\":100,\"connections\":2,"
                        "\"open_connections\":1,\"peak_connections\":2,\"elapsed_s\":4,\"first_arrival_s\":1,"
                        "\"last_arrival_s\":1.5,\"paths\":{\"/get?a=\\\"\":2},\"methods\":{\"GET\":1,\"POST\":1}}");
    free(text);
    weir__serve_stats_clear(&stats);
}

/* What is open or in flight cannot be zeroed: it ends later. */
static void stats_reset_keeps_what_is_under_way(void **state)
{
    struct weir__serve_stats stats;

    (void)state;
    weir__serve_stats_init(&stats, 0, S, 0);
    weir__serve_stats_opened(&stats);
    weir__serve_stats_began(&stats);
    weir__serve_stats_arrived(&stats, "/", "GET", 1);
    weir__serve_stats_reset(&stats, S);
    assert_int_equal(stats.arrivals, 0);
    assert_int_equal(stats.worst.most, 0);
    assert_int_equal(stats.paths.count, 0);
    assert_int_equal(stats.in_flight, 1);
    assert_int_equal(stats.peak_in_flight, 1);
    assert_int_equal(stats.connections, 1);
    weir__serve_stats_ended(&stats);
    weir__serve_stats_closed(&stats);
    assert_int_equal(stats.in_flight, 0);
    weir__serve_stats_clear(&stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_exactly_a_period_apart_share_no_window),
        cmocka_unit_test(worst_window_agrees_with_brute_force),
        cmocka_unit_test(tally_counts_each_name_exactly),
        cmocka_unit_test(tally_puts_what_is_beyond_its_bound_under_other),
        cmocka_unit_test(stats_print_as_documented),
        cmocka_unit_test(stats_reset_keeps_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
