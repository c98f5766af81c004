/*
 * weir_cancel(): a job ends wherever it is just then, is told of once and never sent again; and nothing else is
 * touched.
 */
#include "support/core_expect.h"

#include "base/random.h"
#include "base/sync.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_cancelled(struct fixture *f, uint64_t id)
{
    fixture_expect_end(f, id, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
}

struct ended {
    struct fixture *fixture;
    uint64_t id;
};

static bool has_ended(void *context)
{
    const struct ended *ended = context;
    return fixture_end_of(ended->fixture, ended->id).times > 0;
}

/* In real time: no fake time passes. */
static void await_end(struct fixture *f, uint64_t id)
{
    struct ended ended = {f, id};

    if (!fake_clock_until(has_ended, &ended))
        fail_msg("job %llu does not end", (unsigned long long)id);
}

/* ------------------------------------------------------------------------------------------------------- what waits */

static void a_job_that_waits_is_never_sent(void **state)
{
    struct fixture *f = fixture_start(2, 10, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "POST", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fixture_submit_all(f, "POST", 1, 1);
    assert_true(fake_transport_await_parked(f->transport, 2));
    fixture_submit_all(f, "POST", 2, 3);
    assert_int_equal(weir_cancel(f->weir, 3), WEIR_OK);
    assert_int_equal(weir_cancel(f->weir, 3), WEIR_NOT_FOUND);
    fake_transport_release(f->transport, 2);
    assert_true(fake_transport_await_sent(f->transport, 4));
    assert_true(fake_transport_await_parked(f->transport, 2));
    fake_transport_release(f->transport, 2);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    for (uint64_t id = 0; id < 5; id++)
        if (id != 3)
            fixture_expect_end(f, id, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    expect_cancelled(f, 3);
    assert_int_equal(fixture_end_of(f, 3).result.attempts, 0);
    assert_string_equal(fixture_end_of(f, 3).detail, "cancelled before it was sent");
    assert_int_equal(fake_transport_begun(f->transport), 4);
    assert_int_equal(weir_cancel(f->weir, 3), WEIR_NOT_FOUND);
    fixture_free(f);
}

static struct fixture *start_at_a_rate(uint32_t requests, int64_t per_ns, enum weir_shape shape)
{
    const struct weir_rate rate = {.requests = requests, .per_ns = per_ns, .shape = shape};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    options.concurrency = 2;
    options.rates = &rate;
    options.rate_count = 1;
    f = fixture_new(&options, &fixture_plain, false, NULL);
    assert_non_null(f);
    return f;
}

static bool is_awaited(void *context)
{
    return fake_clock_next(context) != WEIR__NEVER;
}

/* The moment that a leader waits for. */
static int64_t await_leader(struct fixture *f)
{
    assert_true(fake_clock_until(is_awaited, &f->clock));
    return fake_clock_next(&f->clock);
}

/* The next to go is cancelled while a leader waits for its moment: the job behind it has that moment then. */
static void the_next_to_go_is_told_of_at_once(void **state)
{
    struct fixture *f = start_at_a_rate(1, S(10), WEIR_SHAPE_WINDOW);
    struct weir_stats stats;
    int64_t due_ns;

    (void)state;
    fixture_submit_all(f, "GET", 0, 3);
    due_ns = await_leader(f);
    assert_int_equal(weir_cancel(f->weir, 1), WEIR_OK);
    await_end(f, 1);
    expect_cancelled(f, 1);
    assert_int_equal(fixture_end_of(f, 1).at_ns, FIXTURE_START_NS);
    assert_int_equal(fixture_stats(f).queued, 1);
    assert_true(fake_clock_reach(&f->clock, due_ns));
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_expect_end(f, 2, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    assert_int_equal(fixture_end_of(f, 2).at_ns, due_ns);
    stats = fixture_stats(f);
    assert_int_equal(stats.limits[1].wait_ns, due_ns - FIXTURE_START_NS);
    assert_int_equal(stats.outcomes[WEIR_OUTCOME_CANCELLED], 1);
    assert_int_equal(stats.errors[WEIR_ERROR_STOPPED], 0);
    fixture_free(f);
}

static void the_only_one_that_waits_leaves_nothing_to_wait_for(void **state)
{
    struct fixture *f = start_at_a_rate(1, S(10), WEIR_SHAPE_WINDOW);
    struct weir_stats stats;

    (void)state;
    fixture_submit_all(f, "GET", 0, 2);
    (void)await_leader(f);
    fake_clock_advance(&f->clock, S(4));
    assert_int_equal(weir_cancel(f->weir, 1), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fake_clock_advance(&f->clock, S(3));
    stats = fixture_stats(f);
    assert_int_equal(stats.limits[1].wait_ns, S(4));
    assert_int_equal(stats.time.permit_wait_ns % S(4), 0); /* of each worker, and no more than those */
    fixture_free(f);
}

/* Its retry is due in a while. */
static void a_job_that_is_backed_off_is_told_of_at_once(void **state)
{
    const struct fake_step unavailable = {.http_status = 500};
    struct fixture *f = fixture_start(1, 10, &unavailable);

    (void)state;
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_sent(f->transport, 1));
    while (fixture_stats(f).backed_off == 0)
        (void)usleep(200);
    assert_int_equal(weir_cancel(f->weir, 0), WEIR_OK);
    await_end(f, 0);
    expect_cancelled(f, 0);
    assert_int_equal(fixture_end_of(f, 0).at_ns, FIXTURE_START_NS);
    assert_int_equal(fixture_end_of(f, 0).result.http_status, 500);
    assert_string_equal(fixture_end_of(f, 0).detail, "cancelled before it was sent again");
    assert_int_equal(fixture_stats(f).backed_off, 0);
    fixture_free(f);
}

static void a_job_that_was_refused_is_told_of_in_the_pause(void **state)
{
    static const struct weir_header headers[] = {{"retry-after", "30"}};
    const struct fake_step refused = {.http_status = 429, .headers = headers, .header_count = 1};
    struct fixture *f = fixture_start(1, 10, &refused);

    (void)state;
    fixture_submit_all(f, "POST", 0, 3);
    assert_true(fake_transport_await_sent(f->transport, 1));
    (void)await_leader(f);
    assert_int_equal(weir_cancel(f->weir, 0), WEIR_OK); /* it came back to the head of the queue */
    assert_int_equal(weir_cancel(f->weir, 2), WEIR_OK);
    await_end(f, 0);
    await_end(f, 2);
    expect_cancelled(f, 0);
    expect_cancelled(f, 2);
    assert_int_equal(fixture_end_of(f, 0).result.refusals, 1);
    assert_int_equal(fake_clock_now(&f->clock), FIXTURE_START_NS);
    assert_int_equal(weir_cancel(f->weir, 1), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    assert_int_equal(fake_transport_sent(f->transport), 1);
    fixture_free(f);
}

static void all_jobs_of_an_id_end(void **state)
{
    struct fixture *f = fixture_start(2, 100, &fixture_parked);
    struct fixture_end end;

    (void)state;
    for (int i = 0; i < 50; i++)
        fixture_submit_all(f, "GET", (uint64_t)i % 3, 1);
    assert_true(fake_transport_await_parked(f->transport, 2)); /* 0 and 1 */
    assert_int_equal(weir_cancel(f->weir, 0), WEIR_OK);
    while ((end = fixture_end_of(f, 0)).times < 17)
        (void)usleep(200);
    assert_int_equal(end.result.outcome, WEIR_OUTCOME_CANCELLED);
    assert_int_equal(weir_cancel(f->weir, 1), WEIR_OK);
    assert_int_equal(weir_cancel(f->weir, 2), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    assert_int_equal(fixture_end_of(f, 0).times, 17);
    assert_int_equal(fixture_end_of(f, 1).times, 17);
    assert_int_equal(fixture_end_of(f, 2).times, 16);
    assert_int_equal(fixture_stats(f).outcomes[WEIR_OUTCOME_CANCELLED], 50);
    fixture_free(f);
}

struct late_submit {
    struct fixture *fixture;
    pthread_t thread;
    atomic_int status;
};

static void *submit_late(void *argument)
{
    struct late_submit *late = argument;
    struct weir_request request = WEIR_REQUEST_INIT;

    request.url = FIXTURE_URL;
    request.job_id = 9;
    request.done = fixture_done;
    request.user_data = late->fixture;
    atomic_store(&late->status, (int)weir_submit(late->fixture->weir, &request, S(3)));
    return NULL;
}

static void room_that_a_cancel_leaves_lets_a_producer_in(void **state)
{
    struct fixture *f = fixture_start(1, 2, &fixture_parked);
    struct late_submit late = {.fixture = f, .status = -1};

    (void)state;
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fixture_submit_all(f, "GET", 1, 2);
    assert_true(weir__thread_start(&late.thread, submit_late, &late));
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(3)));
    assert_int_equal(weir_cancel(f->weir, 2), WEIR_OK);
    weir__thread_join(late.thread);
    assert_int_equal(late.status, WEIR_OK);
    fixture_free(f);
}

/* All workers are busy: the first to finish tells of it. */
static void a_busy_pool_tells_of_it_when_a_worker_is_free(void **state)
{
    struct fixture *f = fixture_start(1, 10, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "GET", 0, 2);
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_int_equal(weir_cancel(f->weir, 1), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, 0), WEIR_TIMEOUT);
    assert_int_equal(fixture_end_of(f, 1).times, 0);
    fake_transport_release(f->transport, 1);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_expect_end(f, 0, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    expect_cancelled(f, 1);
    fixture_free(f);
}

/* --------------------------------------------------------------------------------------------------------- what flies
 */

static void a_transfer_is_cut_off_and_told_of_as_after_an_abort(void **state)
{
    static const struct {
        const char *method;
        enum weir_outcome outcome;
    } kinds[] = {{"GET", WEIR_OUTCOME_CANCELLED}, {"PUT", WEIR_OUTCOME_CANCELLED}, {"POST", WEIR_OUTCOME_UNKNOWN}};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture *f = fixture_start(2, 10, &fixture_parked);
        fixture_submit_all(f, kinds[i].method, 0, 1);
        assert_true(fake_transport_await_parked(f->transport, 1));
        fixture_submit_all(f, kinds[i].method, 1, 1);
        assert_true(fake_transport_await_parked(f->transport, 2));
        assert_int_equal(weir_cancel(f->weir, 0), WEIR_OK);
        await_end(f, 0);
        fixture_expect_end(f, 0, kinds[i].outcome, WEIR_ERROR_STOPPED);
        assert_int_equal(fixture_end_of(f, 1).times, 0);
        fixture_submit_all(f, "GET", 2, 1); /* and the worker goes on */
        assert_true(fake_transport_await_sent(f->transport, 3));
        assert_true(fake_transport_await_parked(f->transport, 2));
        fake_transport_release(f->transport, 2);
        assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
        fixture_expect_end(f, 1, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
        fixture_expect_end(f, 2, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
        assert_int_equal(fake_transport_cuts(f->transport), 1);
        fixture_free(f);
    }
}

static void a_key_of_the_callers_makes_a_cut_send_repeatable(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct fixture *f;

    (void)state;
    options.concurrency = 2;
    options.idempotency_header = "Idempotency-Key";
    f = fixture_new(&options, &fixture_parked, false, NULL);
    assert_non_null(f);
    request.method = "POST";
    request.url = FIXTURE_URL;
    request.done = fixture_done;
    request.user_data = f;
    request.idempotency_key = "mine";
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    request.job_id = 1;
    request.idempotency_key = NULL;
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    assert_true(fake_transport_await_parked(f->transport, 2));
    assert_int_equal(weir_cancel(f->weir, 0), WEIR_OK);
    assert_int_equal(weir_cancel(f->weir, 1), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    expect_cancelled(f, 0);
    fixture_expect_end(f, 1, WEIR_OUTCOME_UNKNOWN, WEIR_ERROR_STOPPED);
    fixture_free(f);
}

static void a_connect_is_cut_off(void **state)
{
    struct fixture *f = fixture_start(1, 10, &fixture_plain);

    (void)state;
    fake_transport_push(f->transport, &(struct fake_step){.connect_ns = S(9), .http_status = 200});
    fixture_submit_all(f, "POST", 0, 1);
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(9)));
    assert_int_equal(weir_cancel(f->weir, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    expect_cancelled(f, 0);
    assert_int_equal(fake_clock_now(&f->clock), FIXTURE_START_NS);
    assert_int_equal(fake_transport_sent(f->transport), 0);
    fixture_free(f);
}

/* As stop_ends_a_wait_for_the_pace_at_the_wire. */
static void a_wait_for_the_pace_at_the_wire_ends(void **state)
{
    struct fixture *f = start_at_a_rate(2, S(60), WEIR_SHAPE_STRICT);

    (void)state;
    fake_transport_push(f->transport, &(struct fake_step){.connect_ns = S(29), .http_status = 200});
    fixture_submit_all(f, "POST", 0, 2);
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(29)));
    assert_true(fake_transport_await_sent(f->transport, 1));
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(30)));
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(59)));
    assert_int_equal(weir_cancel(f->weir, 1), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    expect_cancelled(f, 1);
    assert_int_equal(fake_clock_now(&f->clock), FIXTURE_START_NS + S(30));
    assert_int_equal(fake_transport_sent(f->transport), 1);
    fixture_free(f);
}

static bool cancel_in_sending(void *user_data, uint64_t job_id, uint32_t attempt)
{
    struct fixture *f = user_data;

    (void)attempt;
    return weir_cancel(f->weir, job_id) == WEIR_OK;
}

static void a_cancel_before_the_send_is_heard_at_the_wire(void **state)
{
    struct fixture *f = fixture_start(1, 10, &fixture_plain);
    struct weir_request request = WEIR_REQUEST_INIT;

    (void)state;
    request.method = "POST";
    request.url = FIXTURE_URL;
    request.done = fixture_done;
    request.sending = cancel_in_sending;
    request.user_data = f;
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    expect_cancelled(f, 0);
    assert_int_equal(fake_transport_sent(f->transport), 0);
    fixture_free(f);
}

/* ----------------------------------------------------------------------------------------------------- at the end of
 * it
 */

struct watched {
    struct fixture *fixture;
    atomic_int status; /* of the cancel */
    atomic_int retries;
};

static void cancel_after_the_attempt(void *user_data, const struct weir_event *event)
{
    struct watched *watched = user_data;

    if (event->type == WEIR_EVENT_ATTEMPT)
        atomic_store(&watched->status, (int)weir_cancel(watched->fixture->weir, event->job_id));
    if (event->type == WEIR_EVENT_RETRY)
        atomic_fetch_add(&watched->retries, 1);
}

/* What the attempt brought counts; what would have followed does not. */
static void an_answer_counts_and_nothing_follows_it(void **state)
{
    static const struct {
        struct fake_step step;
        enum weir_outcome outcome;
        enum weir_error error;
    } answers[] = {
        {{.http_status = 200}, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE},
        {{.http_status = 404}, WEIR_OUTCOME_FAILED, WEIR_ERROR_STATUS},
        {{.http_status = 503}, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED},
        {{.http_status = 429}, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED},
        {{.http_status = 302, .redirect_url = FIXTURE_URL "b"}, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED},
        {{.unsent = true, .error = WEIR_ERROR_CONNECT}, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED},
    };
    struct weir_options options = WEIR_OPTIONS_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct watched watched = {.status = -1};
        options.redirect_max = 5;
        options.on_event = cancel_after_the_attempt;
        options.event_user_data = &watched;
        watched.fixture = fixture_new(&options, &answers[i].step, false, NULL);
        assert_non_null(watched.fixture);
        fixture_submit_all(watched.fixture, "GET", 0, 1);
        assert_int_equal(weir_wait(watched.fixture->weir, -1), WEIR_OK);
        fixture_expect_end(watched.fixture, 0, answers[i].outcome, answers[i].error);
        assert_int_equal(watched.status, WEIR_OK);
        assert_int_equal(watched.retries, 0);
        assert_int_equal(fake_transport_begun(watched.fixture->transport), 1);
        fixture_free(watched.fixture);
    }
}

struct told {
    struct fixture *fixture;
    atomic_int status;
    sem_t told, go;
};

static void cancel_in_done(void *user_data, const struct weir_result *result)
{
    struct told *told = user_data;

    atomic_store(&told->status, (int)weir_cancel(told->fixture->weir, result->job_id));
    weir__sem_post(&told->told);
    (void)weir__sem_wait(&told->go, WEIR__NEVER);
}

static void a_job_whose_end_is_told_is_not_there(void **state)
{
    struct told told = {.fixture = fixture_start(1, 10, &fixture_plain), .status = -1};
    struct weir_request request = WEIR_REQUEST_INIT;

    (void)state;
    assert_true(weir__sem_init(&told.told, 0) && weir__sem_init(&told.go, 0));
    request.url = FIXTURE_URL;
    request.job_id = 4;
    request.done = cancel_in_done;
    request.user_data = &told;
    assert_int_equal(weir_submit(told.fixture->weir, &request, 0), WEIR_OK);
    assert_true(weir__sem_wait(&told.told, weir__clock_now_ns() + FAKE_CLOCK_PATIENCE_NS));
    assert_int_equal(told.status, WEIR_NOT_FOUND);
    assert_int_equal(weir_cancel(told.fixture->weir, 4), WEIR_NOT_FOUND); /* from outside, while the callback runs */
    weir__sem_post(&told.go);
    assert_int_equal(weir_wait(told.fixture->weir, -1), WEIR_OK);
    assert_int_equal(weir_cancel(told.fixture->weir, 4), WEIR_NOT_FOUND);
    assert_int_equal(weir_cancel(told.fixture->weir, 5), WEIR_NOT_FOUND);
    assert_int_equal(weir_cancel(NULL, 4), WEIR_INVALID);
    weir_stop(told.fixture->weir);
    assert_int_equal(weir_cancel(told.fixture->weir, 4), WEIR_NOT_FOUND);
    fixture_free(told.fixture);
    weir__sem_clear(&told.told);
    weir__sem_clear(&told.go);
}

static void after_a_stop_a_transfer_can_still_be_cancelled(void **state)
{
    struct fixture *f = fixture_start(1, 10, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "GET", 0, 3);
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_int_equal(weir_cancel(f->weir, 2), WEIR_OK);
    weir_stop(f->weir);
    assert_int_equal(weir_cancel(f->weir, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    for (uint64_t id = 0; id < 3; id++)
        expect_cancelled(f, id);
    fixture_free(f);
}

/* ------------------------------------------------------------------------------------------------------- real threads
 */

#define STORM_JOBS 3000u
#define STORM_CANCELLERS 3u

struct storm {
    struct fixture *fixture;
    atomic_bool over;
    atomic_uint cancelled;
};

static void *cancel_at_random(void *argument)
{
    struct storm *storm = argument;
    uint64_t random = (uint64_t)(uintptr_t)&random;

    while (!atomic_load(&storm->over))
        if (weir_cancel(storm->fixture->weir, (uint64_t)weir__random_below(&random, STORM_JOBS)) == WEIR_OK)
            atomic_fetch_add(&storm->cancelled, 1);
    return NULL;
}

static void every_job_ends_once_whoever_cancels(void **state)
{
    static const struct fake_step steps[] = {
        {.http_status = 200},
        {.http_status = 500},
        {.error = WEIR_ERROR_CONNECTION_LOST},
        {.http_status = 200, .latency_ns = 300000},
        {.http_status = 200, .error = WEIR_ERROR_CONNECTION_LOST, .connect_ns = 50000},
        {.http_status = 302, .redirect_url = FIXTURE_URL "b"},
    };
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct storm storm = {.over = false};
    pthread_t cancellers[STORM_CANCELLERS];
    struct weir_stats stats;
    uint64_t ended = 0;

    (void)state;
    options.concurrency = 8;
    options.queue_max = 64;
    options.redirect_max = 1;
    options.attempt_max = 2;
    options.backoff_ns = options.backoff_max_ns = 1000000;
    storm.fixture = fixture_new(&options, &steps[3], true, NULL);
    assert_non_null(storm.fixture);
    for (unsigned i = 0; i < 200; i++)
        fake_transport_push(storm.fixture->transport, &steps[i % 6]);
    for (unsigned i = 0; i < STORM_CANCELLERS; i++)
        assert_true(weir__thread_start(&cancellers[i], cancel_at_random, &storm));
    request.url = FIXTURE_URL;
    request.done = fixture_done;
    request.user_data = storm.fixture;
    for (uint64_t id = 0; id < STORM_JOBS; id++) {
        request.method = id % 3 == 0 ? "POST" : "GET";
        request.job_id = id;
        assert_int_equal(weir_submit(storm.fixture->weir, &request, -1), WEIR_OK);
    }
    assert_int_equal(weir_wait(storm.fixture->weir, -1), WEIR_OK);
    atomic_store(&storm.over, true);
    for (unsigned i = 0; i < STORM_CANCELLERS; i++)
        weir__thread_join(cancellers[i]);
    for (uint64_t id = 0; id < STORM_JOBS; id++)
        if (fixture_end_of(storm.fixture, id).times != 1)
            fail_msg("job %u ended %u times", (unsigned)id, fixture_end_of(storm.fixture, id).times);
    stats = fixture_stats(storm.fixture);
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        ended += stats.outcomes[i];
    assert_int_equal(ended, STORM_JOBS);
    assert_int_equal(stats.accepted, STORM_JOBS);
    assert_int_equal(stats.in_flight + stats.queued + stats.backed_off, 0);
    print_message("%u cancels found their job; %u of %u ended as cancelled\n", atomic_load(&storm.cancelled),
                  (unsigned)stats.outcomes[WEIR_OUTCOME_CANCELLED], STORM_JOBS);
    fixture_free(storm.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_waits_is_never_sent),
        cmocka_unit_test(the_next_to_go_is_told_of_at_once),
        cmocka_unit_test(the_only_one_that_waits_leaves_nothing_to_wait_for),
        cmocka_unit_test(a_job_that_is_backed_off_is_told_of_at_once),
        cmocka_unit_test(a_job_that_was_refused_is_told_of_in_the_pause),
        cmocka_unit_test(all_jobs_of_an_id_end),
        cmocka_unit_test(room_that_a_cancel_leaves_lets_a_producer_in),
        cmocka_unit_test(a_busy_pool_tells_of_it_when_a_worker_is_free),
        cmocka_unit_test(a_transfer_is_cut_off_and_told_of_as_after_an_abort),
        cmocka_unit_test(a_key_of_the_callers_makes_a_cut_send_repeatable),
        cmocka_unit_test(a_connect_is_cut_off),
        cmocka_unit_test(a_wait_for_the_pace_at_the_wire_ends),
        cmocka_unit_test(a_cancel_before_the_send_is_heard_at_the_wire),
        cmocka_unit_test(an_answer_counts_and_nothing_follows_it),
        cmocka_unit_test(a_job_whose_end_is_told_is_not_there),
        cmocka_unit_test(after_a_stop_a_transfer_can_still_be_cancelled),
        cmocka_unit_test(every_job_ends_once_whoever_cancels),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
