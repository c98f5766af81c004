/*
 * Rate limits in the dispatcher: what the records of a fake transport say about windows, waits and events.
 */
#include "support/core_fixture.h"

#include "base/sync.h"
#include "policy/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "http://127.0.0.1:1/"
#define EVENTS_MAX 4096u
#define HELD (-1)

struct events {
    pthread_mutex_t lock;
    struct weir_event list[EVENTS_MAX];
    char names[EVENTS_MAX][WEIR__LIMIT_NAME_SIZE];
    char details[EVENTS_MAX][64];
    unsigned count;
};

static void note(void *user_data, const struct weir_event *event)
{
    struct events *events = user_data;

    weir__mutex_lock(&events->lock);
    if (events->count < EVENTS_MAX) {
        events->list[events->count] = *event;
        (void)snprintf(events->names[events->count], sizeof events->names[0], "%s", event->limit_name);
        (void)snprintf(events->details[events->count], sizeof events->details[0], "%s", event->detail);
        events->count++;
    }
    weir__mutex_unlock(&events->lock);
}

static struct events *events_new(void)
{
    struct events *events = calloc(1, sizeof *events);

    assert_non_null(events);
    assert_true(weir__mutex_init(&events->lock));
    return events;
}

static void events_free(struct events *events)
{
    weir__mutex_clear(&events->lock);
    free(events);
}

static struct fixture *start(uint32_t concurrency, const struct weir_rate *rates, size_t rate_count,
                             const struct fake_step *usual, struct events *events)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    options.concurrency = concurrency;
    options.rates = rates;
    options.rate_count = rate_count;
    if (events != NULL) {
        options.on_event = note;
        options.event_user_data = events;
    }
    f = fixture_new(&options, usual, false, NULL);
    assert_non_null(f);
    return f;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The most of `count` moments in any half-open window. */
static uint32_t worst_of(int64_t *moments, uint32_t count, int64_t window_ns)
{
    uint32_t worst = 0, first = 0;

    qsort(moments, count, sizeof *moments, compare);
    for (uint32_t i = 0; i < count; i++) {
        while (moments[first] <= moments[i] - window_ns)
            first++;
        worst = i - first + 1 > worst ? i - first + 1 : worst;
    }
    return worst;
}

/*
 * Wherever between its send and its response the server counts each request, no window holds more than N: checked for
 * "all as early as can be", "all as late as can be", and a mix, against what the transport saw.
 */
static void no_window_holds_more_than_the_limit(void **state)
{
    static const struct weir_rate rates[] = {
        {.requests = 10, .per_ns = INT64_C(1000000000), .shape = WEIR_SHAPE_STRICT},
        {.requests = 25, .per_ns = INT64_C(5000000000), .shape = WEIR_SHAPE_WINDOW}};
    const struct fake_step usual = {.http_status = 200, .latency_ns = MS(150), .body_ns = MS(40)};
    struct fixture *f = start(6, rates, 2, &usual, NULL);
    const uint32_t count = 120;
    int64_t moments[120];
    struct weir_stats stats;

    (void)state;
    for (uint32_t i = 0; i < 60; i++)
        fake_transport_push(f->transport, &(struct fake_step){.http_status = 200,
                                                              .connect_ns = i % 4 == 0 ? MS(7 * (i % 9)) : 0,
                                                              .latency_ns = MS(1 + 37 * (i % 11)),
                                                              .body_ns = MS(i % 3)});
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(fixture_submit(f, "GET", URL, i), WEIR_OK);
    assert_true(fixture_settle(f));
    stats = fixture_stats(f);
    assert_int_equal(stats.attempts, count);
    for (int limit = 0; limit < 2; limit++) {
        for (int mix = 0; mix < 3; mix++) {
            for (uint32_t i = 0; i < count; i++) {
                const struct fake_record r = fake_transport_record(f->transport, i);
                moments[i] = mix == 0 || (mix == 2 && i % 2 == 0) ? r.sent_ns : r.began_ns;
            }
            const uint32_t worst = worst_of(moments, count, rates[limit].per_ns);
            if (worst > rates[limit].requests || worst > stats.limits[limit + 1].worst_window)
                fail_msg("limit %d, mix %d: %u in a window of %u; certificate %llu", limit, mix, worst,
                         rates[limit].requests, (unsigned long long)stats.limits[limit + 1].worst_window);
        }
        assert_true(stats.limits[limit + 1].worst_window <= rates[limit].requests);
        assert_int_equal(stats.limits[limit + 1].uncertain, 0);
    }
    assert_true(stats.peak_in_flight <= 6);
    assert_string_equal(stats.limits[0].name, "concurrency");
    assert_string_equal(stats.limits[1].name, "10/1s");
    assert_string_equal(stats.limits[2].name, "25/5s");
    assert_int_equal(stats.limit_count, 3);
    assert_int_equal(stats.limits[1].shape, WEIR_SHAPE_STRICT);
    assert_int_equal(stats.limits[2].shape, WEIR_SHAPE_WINDOW);
    assert_int_equal(stats.limits[2].permits, 25);
    assert_int_equal(stats.limits[2].hold_ns, S(5));
    fixture_free(f);
}

static struct weir__limits *read_limits;
static int unlocked_readings;

static int64_t reading_under_the_lock(void *context)
{
    if (pthread_mutex_trylock(&read_limits->state->lock) == 0) {
        (void)pthread_mutex_unlock(&read_limits->state->lock);
        unlocked_readings++;
    }
    return *(int64_t *)context += 1000;
}

/*
 * What the certificates see has the order in which they see it.  A reading from before the lock can come after a later
 * one, would be taken for it, and with its permit used again the figure would be one more than was sent.
 */
static void certificates_are_told_moments_read_under_their_lock(void **state)
{
    const struct weir_rate rate = {.requests = 2, .per_ns = S(1), .shape = WEIR_SHAPE_WINDOW};
    struct weir__gate_answer answer;
    struct weir__limits limits;
    struct weir__ticket ticket = {0};
    int64_t clock_ns = S(1), sent_ns;

    (void)state;
    assert_int_equal(weir__limits_init(&limits, 5, &rate, 1), WEIR_OK);
    read_limits = &limits;
    unlocked_readings = 0;
    weir__gate_ask(&limits.gate, clock_ns, &answer);
    assert_true(answer.go);
    ticket.held = answer.limit_count;
    sent_ns = weir__limits_sent(&limits, &ticket, clock_ns, reading_under_the_lock, &clock_ns);
    assert_int_equal(sent_ns, S(1) + 1000);
    assert_int_equal(weir__limits_began(&limits, &ticket, sent_ns, reading_under_the_lock, &clock_ns), sent_ns + 1000);
    weir__limits_ended(&limits, &ticket, clock_ns);
    weir__gate_ask(&limits.gate, clock_ns, &answer);
    assert_true(answer.go);
    (void)weir__limits_sent(&limits, &ticket, clock_ns, reading_under_the_lock, &clock_ns);
    weir__limits_gave_up(&limits, &ticket, reading_under_the_lock, &clock_ns);
    weir__limits_ended(&limits, &ticket, clock_ns);
    assert_int_equal(unlocked_readings, 0);
    weir__gate_peek(&limits.gate, clock_ns, &answer);
    assert_int_equal(answer.not_before_ns, weir__hold_until(sent_ns + 1000, S(1)));
    weir__limits_clear(&limits);
}

static void default_shape_is_strict_up_to_a_minute(void **state)
{
    static const struct weir_rate rates[] = {{.requests = 5, .per_ns = INT64_C(60000000000)},
                                             {.requests = 5, .per_ns = INT64_C(60000000001)}};
    struct fixture *f = start(1, rates, 2, &fixture_plain, NULL);
    const struct weir_stats stats = fixture_stats(f);

    (void)state;
    assert_int_equal(stats.limits[1].shape, WEIR_SHAPE_STRICT);
    assert_int_equal(stats.limits[2].shape, WEIR_SHAPE_WINDOW);
    fixture_free(f);
}

/* One worker, so that moments are exact: strict keeps gap and hold, window goes at once, paced forgets the hold. */
static void shapes_keep_what_they_promise(void **state)
{
    static const struct {
        enum weir_shape shape;
        uint32_t burst;
        int64_t latency_ms;
        int64_t sent_ms[5]; /* 4 per second; HELD: when the first permit comes back */
    } cases[] = {
        {WEIR_SHAPE_STRICT, 0, 0, {0, 250, 500, 750, HELD}}, {WEIR_SHAPE_WINDOW, 0, 10, {0, 10, 20, 30, HELD}},
        {WEIR_SHAPE_PACED, 0, 10, {0, 250, 500, 750, 1000}}, {WEIR_SHAPE_PACED, 3, 10, {0, 10, 20, 250, 500}},
        {WEIR_SHAPE_STRICT, 4, 10, {0, 10, 20, 30, HELD}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weir_rate rate = {4, cases[i].burst, S(1), cases[i].shape};
        const struct fake_step usual = {.http_status = 200, .latency_ns = MS(cases[i].latency_ms)};
        struct fixture *f = start(1, &rate, 1, &usual, NULL);

        for (uint32_t id = 0; id < 5; id++)
            assert_int_equal(fixture_submit(f, "GET", URL, id), WEIR_OK);
        assert_true(fixture_settle(f));
        for (uint32_t n = 0; n < 5; n++) {
            int64_t expected = FIXTURE_START_NS + MS(cases[i].sent_ms[n]);
            if (cases[i].sent_ms[n] == HELD)
                expected = weir__hold_until(FIXTURE_START_NS + MS(cases[i].latency_ms), S(1));
            if (fake_transport_record(f->transport, n).sent_ns != expected)
                fail_msg("case %zu, send %u: at %lld ns, not %lld", i, n,
                         (long long)(fake_transport_record(f->transport, n).sent_ns - FIXTURE_START_NS),
                         (long long)(expected - FIXTURE_START_NS));
        }
        fixture_free(f);
    }
}

/* The permit of an attempt that was never sent can be used long before the moment that others wait for. */
static void permit_of_an_unsent_attempt_serves_the_next_job_soon(void **state)
{
    static const struct weir_rate rates[] = {
        {.requests = 3, .per_ns = INT64_C(100000000000), .shape = WEIR_SHAPE_WINDOW},
        {.requests = 1, .per_ns = INT64_C(3000000000), .shape = WEIR_SHAPE_PACED}};
    struct fixture *f = start(5, rates, 2, &fixture_plain, NULL);
    const int64_t due_ns[] = {0, S(3), S(6), S(9)};

    (void)state;
    /* sent at 0 and 3 s; granted at 6 s, it fails at 8 s; the pace lets the next go at 9 s, the hold only at 100 s */
    fake_transport_push(f->transport, &fixture_plain);
    fake_transport_push(f->transport, &fixture_plain);
    fake_transport_push(f->transport,
                        &(struct fake_step){.unsent = true, .error = WEIR_ERROR_CONNECT, .connect_ns = S(2)});
    for (uint32_t id = 0; id < 5; id++)
        assert_int_equal(fixture_submit(f, "GET", URL, id), WEIR_OK);
    assert_true(fake_transport_await_begun(f->transport, 1));
    for (uint32_t n = 1; n < 3; n++) {
        assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + due_ns[n]));
        assert_true(fake_transport_await_begun(f->transport, n + 1));
    }
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(8)));
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(9)));
    assert_true(fake_transport_await_sent(f->transport, 3));
    assert_int_equal(fake_transport_record(f->transport, 3).sent_ns, FIXTURE_START_NS + S(9));
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_stats(f).limits[1].worst_window, 3);
    fixture_free(f);
}

/* A retry storm has nothing to add to: a limit of several pays for each of them, whichever job it was. */
static void waits_are_put_down_to_the_limit_that_caused_them(void **state)
{
    const struct weir_rate rate = {2, 0, S(10), WEIR_SHAPE_WINDOW};
    const struct fake_step usual = {.http_status = 200, .latency_ns = MS(100)};
    struct fixture *f = start(1, &rate, 1, &usual, NULL);
    struct weir_stats stats;

    (void)state;
    for (uint32_t id = 0; id < 3; id++)
        assert_int_equal(fixture_submit(f, "GET", URL, id), WEIR_OK);
    assert_true(fixture_settle(f));
    stats = fixture_stats(f);
    /* the third: 100 ms behind the second's concurrency permit, then for the first's rate permit */
    assert_int_equal(stats.limits[1].waits, 1);
    assert_int_equal(stats.time.permit_wait_ns,
                     weir__hold_until(FIXTURE_START_NS + MS(100), S(10)) - FIXTURE_START_NS - MS(200));
    assert_int_equal(stats.time.sending_ns, MS(300));
    assert_int_equal(stats.time.sending_ns + stats.time.permit_wait_ns + stats.time.pace_wait_ns + stats.time.idle_ns,
                     stats.elapsed_ns);
    assert_int_equal(fixture_end_of(f, 2).result.permit_ns + fixture_end_of(f, 2).result.queue_ns,
                     weir__hold_until(MS(100), S(10)));
    fixture_free(f);
}

static void pace_waits_are_counted_as_such(void **state)
{
    const struct weir_rate rate = {4, 0, S(1), WEIR_SHAPE_PACED};
    struct fixture *f = start(1, &rate, 1, &fixture_plain, NULL);
    struct weir_stats stats;

    (void)state;
    for (uint32_t id = 0; id < 4; id++)
        assert_int_equal(fixture_submit(f, "GET", URL, id), WEIR_OK);
    assert_true(fixture_settle(f));
    stats = fixture_stats(f);
    assert_int_equal(stats.time.pace_wait_ns, MS(750));
    assert_int_equal(stats.limits[1].waits, 3);
    assert_int_equal(stats.limits[1].wait_ns, MS(750));
    fixture_free(f);
}

/* ------------------------------------------------------------------------------------------------------------ events
 */

static void each_attempt_is_an_event(void **state)
{
    struct events *events = events_new();
    struct fixture *f = start(1, NULL, 0, &fixture_plain, events);
    const struct fake_step dead = {.error = WEIR_ERROR_CONNECTION_LOST, .resend = true, .latency_ns = MS(3)};
    const struct weir_event *list = events->list;

    (void)state;
    fake_transport_push(f->transport, &dead);
    fake_transport_push(f->transport, &(struct fake_step){.http_status = 503, .latency_ns = MS(4), .body_ns = MS(5)});
    assert_int_equal(fixture_submit(f, "GET", URL, 42), WEIR_OK);
    assert_true(fixture_settle(f));
    assert_int_equal(events->count, 5); /* each failure is followed by the word that it goes again */
    assert_int_equal(list[0].type, WEIR_EVENT_ATTEMPT);
    assert_int_equal(list[0].job_id, 42);
    assert_int_equal(list[0].attempt, 1);
    assert_int_equal(list[0].error, WEIR_ERROR_CONNECTION_LOST);
    assert_int_equal(list[0].http_status, 0);
    assert_int_equal(list[0].elapsed_ns, MS(3));
    assert_string_equal(events->details[0], "scripted: connection_lost");
    assert_int_equal(list[1].type, WEIR_EVENT_RETRY);
    assert_int_equal(list[1].wait_ns, 0);
    assert_int_equal(list[2].attempt, 2);
    assert_int_equal(list[2].http_status, 503);
    assert_int_equal(list[2].error, WEIR_ERROR_NONE);
    assert_int_equal(list[2].elapsed_ns, MS(9));
    assert_int_equal(list[3].type, WEIR_EVENT_RETRY);
    assert_in_range(list[3].wait_ns, 0, S(1));
    assert_int_equal(list[4].http_status, 200);
    fixture_free(f);
    events_free(events);
}

static void reaching_the_concurrency_limit_is_told_once(void **state)
{
    struct events *events = events_new();
    const struct fake_step parked = {.http_status = 200, .park = true};
    struct fixture *f = start(2, NULL, 0, &parked, events);
    unsigned told = 0;

    (void)state;
    for (uint32_t id = 0; id < 6; id++)
        assert_int_equal(fixture_submit(f, "GET", URL, id), WEIR_OK);
    for (uint32_t id = 0; id < 6; id++) {
        assert_true(fake_transport_await_parked(f->transport, id < 5 ? 2 : 1));
        fake_transport_release(f->transport, 1);
    }
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    for (unsigned i = 0; i < events->count; i++)
        if (events->list[i].type == WEIR_EVENT_LIMIT_REACHED) {
            told++;
            assert_string_equal(events->names[i], "concurrency");
            assert_int_equal(events->list[i].wait_ns, -1);
        }
    if (told < 1 || told > 5)
        fail_msg("told %u times in %u events", told, events->count);
    fixture_free(f);
    events_free(events);
}

static void reaching_a_rate_limit_tells_how_long_it_takes(void **state)
{
    struct events *events = events_new();
    const struct weir_rate rate = {2, 0, S(10), WEIR_SHAPE_WINDOW};
    struct fixture *f = start(1, &rate, 1, &fixture_plain, events);
    unsigned told = 0;

    (void)state;
    for (uint32_t id = 0; id < 3; id++)
        assert_int_equal(fixture_submit(f, "GET", URL, id), WEIR_OK);
    assert_true(fixture_settle(f));
    for (unsigned i = 0; i < events->count; i++)
        if (events->list[i].type == WEIR_EVENT_LIMIT_REACHED && strcmp(events->names[i], "2/10s") == 0) {
            told++;
            assert_int_equal(events->list[i].wait_ns, weir__hold_until(0, S(10)));
        }
    assert_int_equal(told, 1);
    fixture_free(f);
    events_free(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_window_holds_more_than_the_limit),
        cmocka_unit_test(certificates_are_told_moments_read_under_their_lock),
        cmocka_unit_test(default_shape_is_strict_up_to_a_minute),
        cmocka_unit_test(shapes_keep_what_they_promise),
        cmocka_unit_test(permit_of_an_unsent_attempt_serves_the_next_job_soon),
        cmocka_unit_test(waits_are_put_down_to_the_limit_that_caused_them),
        cmocka_unit_test(pace_waits_are_counted_as_such),
        cmocka_unit_test(each_attempt_is_an_event),
        cmocka_unit_test(reaching_the_concurrency_limit_is_told_once),
        cmocka_unit_test(reaching_a_rate_limit_tells_how_long_it_takes),
    };
    alarm(100);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
