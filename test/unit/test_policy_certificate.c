/*
 * certificate: its figure against a brute force over random runs.
 *
 * A run is a list of requests, each with the moment of its send and of its response.  Half-open windows of length T,
 * (w - T, w], stand for every server's: one that ends at w can hold a request whose arrival, somewhere in
 * [sent, began], lies inside.  The brute force tries every window that could be the worst, independent of any order.
 */
#include "base/random.h"
#include "policy/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUESTS_MAX 60
#define WINDOW INT64_C(1000)

struct request {
    int64_t sent_ns, began_ns;
    bool gave_up;
};

struct event {
    int64_t at_ns;
    bool sent, gave_up;
};

static struct request requests[REQUESTS_MAX];
static int request_count;

/* By time; of one moment, sends first, so that no response comes before its send. */
static int in_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->at_ns != y->at_ns)
        return x->at_ns < y->at_ns ? -1 : 1;
    return (int)y->sent - (int)x->sent;
}

static void make_run(uint64_t *seed)
{
    int64_t now_ns = 0;

    request_count = 1 + (int)weir__random_below(seed, REQUESTS_MAX);
    const int64_t spread = 1 + weir__random_below(seed, 400), longest = 1 + weir__random_below(seed, 3000);
    for (int i = 0; i < request_count; i++) {
        now_ns += weir__random_below(seed, spread);
        requests[i].sent_ns = now_ns;
        requests[i].began_ns = now_ns + weir__random_below(seed, longest);
        if (weir__random_below(seed, 8) == 0) /* edges: exactly one window after another's send */
            requests[i].began_ns = requests[weir__random_below(seed, i + 1)].sent_ns + WINDOW;
        if (requests[i].began_ns < now_ns)
            requests[i].began_ns = now_ns;
        requests[i].gave_up = weir__random_below(seed, 10) == 0;
    }
}

static void replay(struct weir__certificate *certificate)
{
    static struct event events[2 * REQUESTS_MAX];
    int count = 0;

    for (int i = 0; i < request_count; i++) {
        events[count++] = (struct event){requests[i].sent_ns, true, false};
        events[count++] = (struct event){requests[i].began_ns, false, requests[i].gave_up};
    }
    qsort(events, (size_t)count, sizeof events[0], in_time);
    for (int i = 0; i < count; i++) {
        if (events[i].sent)
            weir__certificate_sent(certificate, events[i].at_ns);
        else if (events[i].gave_up)
            weir__certificate_gave_up(certificate, events[i].at_ns);
        else
            weir__certificate_began(certificate, events[i].at_ns);
    }
}

static uint64_t could_hold(int64_t end_ns)
{
    uint64_t held = 0;
    for (int i = 0; i < request_count; i++)
        held += requests[i].sent_ns <= end_ns && requests[i].began_ns > end_ns - WINDOW;
    return held;
}

/* Every integer end at which the count can change, and its neighbours. */
static uint64_t brute_force(int64_t *worst_end_ns)
{
    uint64_t worst = 0;
    for (int i = 0; i < request_count; i++) {
        for (int64_t d = -1; d <= 1; d++) {
            const int64_t ends[] = {requests[i].sent_ns + d, requests[i].began_ns + WINDOW + d};
            for (int e = 0; e < 2; e++) {
                const uint64_t held = could_hold(ends[e]);
                if (held > worst) {
                    worst = held;
                    *worst_end_ns = ends[e];
                }
            }
        }
    }
    return worst;
}

static void print_run(void)
{
    for (int i = 0; i < request_count; i++)
        print_message("  sent %lld began %lld\n", (long long)requests[i].sent_ns, (long long)requests[i].began_ns);
}

static void the_figure_is_the_worst_of_all_windows(void **state)
{
    uint64_t seed = 11;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct weir__certificate certificate;
        int64_t end_ns = 0;

        make_run(&seed);
        assert_true(weir__certificate_init(&certificate, WINDOW, REQUESTS_MAX));
        replay(&certificate);
        const uint64_t wanted = brute_force(&end_ns);
        if (certificate.worst != wanted) {
            print_run();
            fail_msg("round %d: %llu, wanted %llu", round, (unsigned long long)certificate.worst,
                     (unsigned long long)wanted);
        }
        weir__certificate_clear(&certificate);
    }
}

/* The bound is tight: with every arrival put inside the worst window where it can be, a server counts just as many. */
static void some_choice_of_arrivals_attains_it(void **state)
{
    uint64_t seed = 12;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct weir__certificate certificate;
        int64_t end_ns = 0;
        uint64_t counted = 0;

        make_run(&seed);
        assert_true(weir__certificate_init(&certificate, WINDOW, REQUESTS_MAX));
        replay(&certificate);
        (void)brute_force(&end_ns);
        for (int i = 0; i < request_count; i++) {
            int64_t arrival_ns = end_ns - WINDOW + 1;
            if (arrival_ns < requests[i].sent_ns)
                arrival_ns = requests[i].sent_ns;
            if (arrival_ns > requests[i].began_ns)
                arrival_ns = requests[i].began_ns;
            counted += arrival_ns > end_ns - WINDOW && arrival_ns <= end_ns;
        }
        assert_int_equal(counted, certificate.worst);
        weir__certificate_clear(&certificate);
    }
}

/* And it is a bound: no choice of arrivals makes any server's window hold more. */
static void no_choice_of_arrivals_exceeds_it(void **state)
{
    uint64_t seed = 13;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct weir__certificate certificate;
        int64_t arrivals[REQUESTS_MAX];

        make_run(&seed);
        assert_true(weir__certificate_init(&certificate, WINDOW, REQUESTS_MAX));
        replay(&certificate);
        for (int i = 0; i < request_count; i++)
            arrivals[i] =
                requests[i].sent_ns + weir__random_below(&seed, requests[i].began_ns - requests[i].sent_ns + 1);
        for (int i = 0; i < request_count; i++) {
            uint64_t counted = 0;
            for (int j = 0; j < request_count; j++)
                counted += arrivals[j] > arrivals[i] - WINDOW && arrivals[j] <= arrivals[i];
            assert_true(counted <= certificate.worst);
        }
        weir__certificate_clear(&certificate);
    }
}

static void too_little_room_can_only_raise_the_figure(void **state)
{
    static const uint32_t capacities[] = {1, 2, 3, 7, 20};
    uint64_t seed = 14;
    int raised = 0;
    (void)state;
    for (int round = 0; round < 5000; round++) {
        make_run(&seed);
        for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
            struct weir__certificate certificate;
            int64_t end_ns = 0;
            assert_true(weir__certificate_init(&certificate, WINDOW, capacities[i]));
            replay(&certificate);
            const uint64_t exact = brute_force(&end_ns);
            assert_true(certificate.worst >= exact && certificate.worst <= (uint64_t)request_count);
            raised += certificate.worst > exact;
            weir__certificate_clear(&certificate);
        }
    }
    assert_true(raised > 0); /* or the test has tested nothing */
}

static void given_up_requests_count_as_uncertain(void **state)
{
    struct weir__certificate certificate;
    (void)state;
    assert_true(weir__certificate_init(&certificate, WINDOW, 4));
    for (int i = 0; i < 3; i++)
        weir__certificate_sent(&certificate, i);
    weir__certificate_began(&certificate, 10);
    weir__certificate_gave_up(&certificate, 20);
    weir__certificate_gave_up(&certificate, 30);
    assert_int_equal(certificate.uncertain, 2);
    assert_int_equal(certificate.worst, 3);
    weir__certificate_sent(&certificate, 20 + WINDOW); /* one still open, one given up within the window */
    assert_int_equal(certificate.open, 2);
    weir__certificate_clear(&certificate);
}

/* N permits that come back T after the response began: N is what the certificate must say, at the edge too. */
static void a_permit_reused_after_exactly_the_window_is_one(void **state)
{
    struct weir__certificate certificate;
    (void)state;
    assert_true(weir__certificate_init(&certificate, WINDOW, 4));
    weir__certificate_sent(&certificate, 0);
    weir__certificate_began(&certificate, 50);
    weir__certificate_sent(&certificate, 50 + WINDOW);
    assert_int_equal(certificate.worst, 1);
    weir__certificate_began(&certificate, 60 + WINDOW);
    weir__certificate_sent(&certificate, 60 + 2 * WINDOW - 1);
    assert_int_equal(certificate.worst, 2);
    weir__certificate_clear(&certificate);
}

/* A thread that read the clock first can come second: what it tells takes its place by its reading. */
static void responses_told_out_of_order_count_by_their_time(void **state)
{
    struct weir__certificate certificate;
    (void)state;
    assert_true(weir__certificate_init(&certificate, WINDOW, 8));
    for (int i = 0; i < 3; i++)
        weir__certificate_sent(&certificate, 0);
    weir__certificate_began(&certificate, 500);
    weir__certificate_began(&certificate, 400);
    weir__certificate_began(&certificate, 600);
    weir__certificate_sent(&certificate, 400 + WINDOW - 1);
    assert_int_equal(certificate.worst, 4);
    weir__certificate_sent(&certificate, 500 + WINDOW - 1);
    assert_int_equal(certificate.open, 4); /* without the one at 400 */
    weir__certificate_sent(&certificate, 600 + WINDOW);
    assert_int_equal(certificate.open, 3);
    weir__certificate_clear(&certificate);
}

static void clear_takes_a_zeroed_one(void **state)
{
    struct weir__certificate certificate = {0};
    (void)state;
    weir__certificate_clear(&certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figure_is_the_worst_of_all_windows),
        cmocka_unit_test(some_choice_of_arrivals_attains_it),
        cmocka_unit_test(no_choice_of_arrivals_exceeds_it),
        cmocka_unit_test(too_little_room_can_only_raise_the_figure),
        cmocka_unit_test(given_up_requests_count_as_uncertain),
        cmocka_unit_test(a_permit_reused_after_exactly_the_window_is_one),
        cmocka_unit_test(responses_told_out_of_order_count_by_their_time),
        cmocka_unit_test(clear_takes_a_zeroed_one),
    };

    (void)alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
