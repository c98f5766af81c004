/*
 * What is told before a send, and what is known of sends before the dispatcher was there.
 */
#include "support/core_fixture.h"

#include "base/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define URL "http://127.0.0.1:1/"

struct asked {
    struct fixture *fixture;
    unsigned count;
    uint32_t attempts[8];
    int64_t takes_ns; /* each time */
    unsigned refuse;  /* from this call on, counted from 1; 0: never */
};

static struct asked asked; /* one job at a time asks */

static bool ask(void *user_data, uint64_t job_id, uint32_t attempt)
{
    (void)user_data;
    (void)job_id;
    if (asked.count < sizeof asked.attempts / sizeof asked.attempts[0])
        asked.attempts[asked.count] = attempt;
    asked.count++;
    if (asked.takes_ns > 0)
        fake_clock_advance(&asked.fixture->clock, asked.takes_ns);
    return asked.refuse == 0 || asked.count < asked.refuse;
}

static struct fixture *start(const struct weir_options *options)
{
    struct fixture *f = fixture_new(options, &fixture_plain, false, NULL);

    assert_non_null(f);
    memset(&asked, 0, sizeof asked);
    asked.fixture = f;
    return f;
}

static void submit(struct fixture *f, const char *method, uint64_t id)
{
    struct weir_request request = WEIR_REQUEST_INIT;

    request.method = method;
    request.url = URL;
    request.job_id = id;
    request.done = fixture_done;
    request.user_data = f;
    request.sending = ask;
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
}

static void each_send_is_asked_for_with_its_number(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct fake_step busy = {.http_status = 503}, refused = {.http_status = 429},
                           unsent = {.unsent = true, .error = WEIR_ERROR_CONNECT};
    struct fixture *f = start(&options);

    (void)state;
    fake_transport_push(f->transport, &unsent);
    fake_transport_push(f->transport, &busy);
    fake_transport_push(f->transport, &refused);
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_end_of(f, 1).result.outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_int_equal(fixture_end_of(f, 1).result.attempts, 3);
    assert_int_equal(asked.count, 3); /* not for the one that never came to its send */
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(asked.attempts[i], i + 1);
    fixture_free(f);
}

static void a_refused_first_send_cancels_the_job(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f = start(&options);

    (void)state;
    asked.refuse = 1;
    submit(f, "POST", 1);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_end_of(f, 1).times, 1);
    assert_int_equal(fixture_end_of(f, 1).result.outcome, WEIR_OUTCOME_CANCELLED);
    assert_int_equal(fixture_end_of(f, 1).result.attempts, 0);
    assert_int_equal(fake_transport_sent(f->transport), 0);
    fixture_free(f);
}

/* Two permits an hour; the refused send must not cost one. */
static void a_refused_send_gives_its_permits_back(void **state)
{
    const struct weir_rate rate = {.requests = 2, .per_ns = S(3600), .shape = WEIR_SHAPE_WINDOW};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;
    int64_t begun_ns;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    options.concurrency = 1;
    f = start(&options);
    begun_ns = fake_clock_now(&f->clock);
    asked.refuse = 1;
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    asked.refuse = 0;
    submit(f, "GET", 2);
    submit(f, "GET", 3);
    assert_true(fixture_settle(f));
    assert_true(fake_clock_now(&f->clock) - begun_ns < S(60));
    assert_int_equal(fixture_stats(f).outcomes[WEIR_OUTCOME_SUCCEEDED], 2);
    fixture_free(f);
}

/* What the note took is not part of how long the server took. */
static void time_that_the_answer_takes_is_not_the_servers(void **state)
{
    const struct fake_step slow = {.http_status = 200, .latency_ns = MS(10)};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f = start(&options);

    (void)state;
    asked.takes_ns = S(2);
    fake_transport_push(f->transport, &slow);
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    assert_true(fixture_end_of(f, 1).result.ttfb_ns < S(1));
    fixture_free(f);
}

/* A dispatcher under one limit, with what was sent before it. */
static struct fixture *start_after(const struct weir_rate *rate, const struct weir_past_send *past, size_t count)
{
    struct weir_options options = WEIR_OPTIONS_INIT;

    options.rates = rate;
    options.rate_count = 1;
    options.past_sends = past;
    options.past_send_count = count;
    return start(&options);
}

/* When the n-th send went, relative to the start. */
static int64_t sent_at(struct fixture *f, uint32_t n)
{
    return fake_transport_record(f->transport, n).sent_ns - FIXTURE_START_NS;
}

static void past_sends_hold_their_permits_until_they_are_forgotten(void **state)
{
    const struct weir_rate rate = {.requests = 3, .per_ns = S(10), .shape = WEIR_SHAPE_WINDOW};
    const struct weir_past_send past[] = {{S(11), 5}, {S(9), 1}, {S(4), 1}};
    struct fixture *f = start_after(&rate, past, 3);

    (void)state;
    for (uint64_t i = 1; i <= 3; i++)
        submit(f, "GET", i);
    assert_true(fixture_settle(f));
    assert_true(sent_at(f, 0) < MS(100)); /* one permit was free */
    assert_in_range(sent_at(f, 1), S(1), S(1) + MS(100));
    assert_in_range(sent_at(f, 2), S(6), S(6) + MS(100));
    assert_int_equal(fixture_stats(f).limits[1].worst_window, 3); /* earlier ones included */
    fixture_free(f);
}

static void more_past_sends_than_permits_keep_all_until_the_newest_are_forgotten(void **state)
{
    const struct weir_rate rate = {.requests = 2, .per_ns = S(10), .shape = WEIR_SHAPE_WINDOW};
    const struct weir_past_send past[] = {{S(8), 4}, {S(5), 1}, {S(1), 1}};
    struct fixture *f = start_after(&rate, past, 3);

    (void)state;
    submit(f, "GET", 1);
    submit(f, "GET", 2);
    assert_true(fixture_settle(f));
    assert_in_range(sent_at(f, 0), S(5), S(5) + MS(100));
    assert_in_range(sent_at(f, 1), S(9), S(9) + MS(100));
    fixture_free(f);
}

static void past_sends_keep_the_pace_too(void **state)
{
    const struct weir_rate rate = {.requests = 10, .per_ns = S(10), .shape = WEIR_SHAPE_STRICT};
    const struct weir_past_send past[] = {{MS(200), 1}};
    struct fixture *f = start_after(&rate, past, 1);

    (void)state;
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    assert_in_range(sent_at(f, 0), MS(800), MS(900));
    fixture_free(f);
}

static void past_sends_out_of_order_are_invalid(void **state)
{
    const struct weir_past_send rising[] = {{S(1), 1}, {S(2), 1}}, future[] = {{-1, 1}}, none[] = {{S(1), 0}};
    const struct weir_past_send *const bad[] = {rising, future, none, NULL};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.past_sends = bad[i];
        options.past_send_count = bad[i] == rising ? 2 : 1;
        assert_int_equal(weir_new(&options, &weir), WEIR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_send_is_asked_for_with_its_number),
        cmocka_unit_test(a_refused_first_send_cancels_the_job),
        cmocka_unit_test(a_refused_send_gives_its_permits_back),
        cmocka_unit_test(time_that_the_answer_takes_is_not_the_servers),
        cmocka_unit_test(past_sends_hold_their_permits_until_they_are_forgotten),
        cmocka_unit_test(more_past_sends_than_permits_keep_all_until_the_newest_are_forgotten),
        cmocka_unit_test(past_sends_keep_the_pace_too),
        cmocka_unit_test(past_sends_out_of_order_are_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
