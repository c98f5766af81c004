/*
 * A dispatcher's life: accepting, counting, stopping, aborting, freeing; and that every accepted job ends exactly once
 * through all of it.
 */
#include "support/core_expect.h"

#include "base/sync.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_time_to_add_up(const struct weir_stats *s)
{
    const struct weir_time_stats *t = &s->time;
    const int64_t sum = t->sending_ns + t->permit_wait_ns + t->pace_wait_ns + t->paused_ns + t->backoff_ns + t->idle_ns;

    if (sum != s->workers * s->elapsed_ns || t->sending_ns < 0 || t->permit_wait_ns < 0 || t->pace_wait_ns < 0 ||
        t->idle_ns < 0)
        fail_msg("%u workers, %lld ns; sending %lld, permit %lld, pace %lld, idle %lld", s->workers,
                 (long long)s->elapsed_ns, (long long)t->sending_ns, (long long)t->permit_wait_ns,
                 (long long)t->pace_wait_ns, (long long)t->idle_ns);
}

/* ------------------------------------------------------------------------------------------------- many jobs at once
 */

#define STORM_JOBS 3000u
#define STORM_PRODUCERS 4u

static const struct fake_step storm_steps[] = {
    {.http_status = 200},
    {.http_status = 500},
    {.error = WEIR_ERROR_CONNECTION_LOST},
    {.unsent = true, .error = WEIR_ERROR_CONNECT},
    {.error = WEIR_ERROR_CONNECTION_LOST, .resend = true},
    {.http_status = 302, .redirect_url = FIXTURE_URL "b"},
    {.http_status = 200, .latency_ns = 100000},
    {.http_status = 200, .error = WEIR_ERROR_CONNECTION_LOST, .connect_ns = 50000},
};

struct producer {
    struct fixture *fixture;
    uint32_t number;
    pthread_t thread;
};

static void *produce(void *argument)
{
    const struct producer *producer = argument;
    struct weir_request request = WEIR_REQUEST_INIT;

    for (uint32_t id = producer->number; id < STORM_JOBS; id += STORM_PRODUCERS) {
        request.method = id % 3 == 0 ? "POST" : "GET";
        request.url = FIXTURE_URL;
        request.job_id = id;
        request.done = fixture_done;
        request.user_data = producer->fixture;
        if (weir_submit(producer->fixture->weir, &request, -1) != WEIR_OK)
            return "a submit failed";
    }
    return NULL;
}

static void expect_sums(struct fixture *f, const struct weir_stats *s)
{
    uint64_t outcomes[WEIR_OUTCOME_COUNT] = {0}, attempts = 0, ended = 0, answers = 0;

    for (uint32_t id = 0; id < STORM_JOBS; id++) {
        const struct fixture_end end = fixture_end_of(f, id);
        if (end.times != 1)
            fail_msg("job %u ended %u times", id, end.times);
        outcomes[end.result.outcome]++;
        attempts += end.result.attempts;
    }
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++) {
        assert_int_equal(s->outcomes[i], outcomes[i]);
        ended += s->outcomes[i];
    }
    for (unsigned i = 0; i <= WEIR_HTTP_STATUS_MAX; i++)
        answers += s->statuses[i];
    assert_int_equal(s->accepted, STORM_JOBS);
    assert_int_equal(ended, STORM_JOBS);
    assert_int_equal(s->attempts, attempts);
    assert_int_equal(s->attempts, fake_transport_sent(f->transport));
    /* each attempt that was sent has a status, an error, or (a body cut off) both */
    assert_true(answers <= s->attempts);
    assert_true(answers + s->errors[WEIR_ERROR_CONNECTION_LOST] >= s->attempts);
    assert_int_equal(s->attempts + s->errors[WEIR_ERROR_CONNECT], fake_transport_begun(f->transport));
    assert_int_equal(s->latency.count, s->outcomes[WEIR_OUTCOME_SUCCEEDED]);
    assert_int_equal(s->in_flight, 0);
    assert_int_equal(s->queued, 0);
}

/* Producers that block on a small queue, workers that meet every kind of reply, in real time. */
static void every_job_ends_once_and_the_statistics_add_up(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct producer producers[STORM_PRODUCERS];
    struct weir_stats stats = {.struct_size = sizeof stats};
    struct fixture *f;
    void *trouble;

    (void)state;
    options.concurrency = 8;
    options.worker_max = 12;
    options.queue_max = 16;
    options.redirect_max = 3;
    f = fixture_new(&options, &fixture_plain, true, NULL);
    assert_non_null(f);
    for (int i = 0; i < 240; i++)
        fake_transport_push(f->transport, &storm_steps[i % 8]);
    for (uint32_t i = 0; i < STORM_PRODUCERS; i++) {
        producers[i] = (struct producer){.fixture = f, .number = i};
        assert_true(weir__thread_start(&producers[i].thread, produce, &producers[i]));
    }
    for (uint32_t i = 0; i < STORM_PRODUCERS; i++) {
        assert_int_equal(pthread_join(producers[i].thread, &trouble), 0);
        assert_null(trouble);
    }
    assert_int_equal(weir_wait(f->weir, FAKE_CLOCK_PATIENCE_NS), WEIR_OK);
    weir_snapshot(f->weir, &stats);
    expect_sums(f, &stats);
    expect_time_to_add_up(&stats);
    if (stats.peak_in_flight > 8 || stats.workers > 12)
        fail_msg("%u in flight, %u workers", stats.peak_in_flight, stats.workers);
    fixture_free(f);
}

/* worker_max bounds the threads, concurrency the sends. */
static void in_flight_never_exceeds_workers_or_permits(void **state)
{
    static const uint32_t cases[][3] = {{5, 2, 2}, {2, 5, 2}, {3, 0, 3}}; /* concurrency, worker_max, in flight */

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct weir_options options = WEIR_OPTIONS_INIT;
        struct fixture *f;
        struct weir_stats stats;

        options.concurrency = cases[i][0];
        options.worker_max = cases[i][1];
        f = fixture_new(&options, &fixture_parked, false, NULL);
        assert_non_null(f);
        fixture_submit_all(f, "GET", 0, 20);
        assert_true(fake_transport_await_parked(f->transport, cases[i][2]));
        for (uint32_t done = 0; done < 20; done++) {
            assert_true(fake_transport_await_parked(f->transport, done < 20 - cases[i][2] ? cases[i][2] : 20 - done));
            assert_true(fake_transport_parked(f->transport) <= cases[i][2]);
            fake_transport_release(f->transport, 1);
        }
        assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
        stats = fixture_stats(f);
        assert_int_equal(stats.peak_in_flight, cases[i][2]);
        assert_true(stats.workers <= (cases[i][1] == 0 ? cases[i][0] : cases[i][1]));
        assert_int_equal(stats.outcomes[WEIR_OUTCOME_SUCCEEDED], 20);
        fixture_free(f);
    }
}

static void threads_start_only_when_a_job_needs_one(void **state)
{
    struct fixture *f = fixture_start(50, 100, &fixture_parked);

    (void)state;
    assert_int_equal(fixture_stats(f).workers, 0);
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_int_equal(fixture_stats(f).workers, 1);
    fixture_submit_all(f, "GET", 1, 2);
    assert_true(fake_transport_await_parked(f->transport, 3));
    assert_int_equal(fixture_stats(f).workers, 3);
    fake_transport_release(f->transport, 3);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_free(f);
}

/* --------------------------------------------------------------------------------------------------------- accepting
 */

static void full_queue_refuses_at_once_without_a_timeout(void **state)
{
    struct fixture *f = fixture_start(1, 2, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fixture_submit_all(f, "GET", 1, 2);
    assert_int_equal(fixture_submit(f, "GET", FIXTURE_URL, 3), WEIR_FULL);
    assert_int_equal(fixture_stats(f).queued, 2);
    assert_int_equal(fixture_stats(f).accepted, 3);
    fake_transport_release(f->transport, 1);
    assert_true(fake_transport_await_begun(f->transport, 2));
    fixture_submit_all(f, "GET", 3, 1); /* now there is room */
    for (uint32_t begun = 2; begun <= 4; begun++) {
        assert_true(fake_transport_await_begun(f->transport, begun));
        assert_true(fake_transport_await_parked(f->transport, 1));
        fake_transport_release(f->transport, 1);
    }
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    for (uint64_t id = 0; id < 4; id++)
        fixture_expect_end(f, id, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    fixture_free(f);
}

struct late_submit {
    struct fixture *fixture;
    int64_t timeout_ns;
    _Atomic int status; /* -1: still waiting */
    pthread_t thread;
};

static void *submit_late(void *argument)
{
    struct late_submit *late = argument;
    struct weir_request request = WEIR_REQUEST_INIT;

    request.url = FIXTURE_URL;
    request.job_id = 9;
    request.done = fixture_done;
    request.user_data = late->fixture;
    atomic_store(&late->status, (int)weir_submit(late->fixture->weir, &request, late->timeout_ns));
    return NULL;
}

static bool has_returned(void *context)
{
    return atomic_load(&((struct late_submit *)context)->status) >= 0;
}

/* One job in flight, a full queue of one, and a thread that waits for room. */
static struct fixture *with_a_waiting_producer(struct late_submit *late, int64_t timeout_ns)
{
    struct fixture *f = fixture_start(1, 1, &fixture_parked);

    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fixture_submit_all(f, "GET", 1, 1);
    *late = (struct late_submit){.fixture = f, .timeout_ns = timeout_ns, .status = -1};
    assert_true(weir__thread_start(&late->thread, submit_late, late));
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + timeout_ns));
    return f;
}

static void submit_gives_up_at_its_timeout(void **state)
{
    struct late_submit late;
    struct fixture *f = with_a_waiting_producer(&late, S(3));

    (void)state;
    fake_clock_advance(&f->clock, S(3) - 1);
    assert_int_equal(atomic_load(&late.status), -1);
    fake_clock_advance(&f->clock, 1);
    weir__thread_join(late.thread);
    assert_int_equal(atomic_load(&late.status), WEIR_TIMEOUT);
    assert_int_equal(fixture_stats(f).accepted, 2);
    fixture_close(f);
    assert_int_equal(fixture_end_of(f, 9).times, 0);
    fixture_free(f);
}

static void submit_goes_on_when_there_is_room(void **state)
{
    struct late_submit late;
    struct fixture *f = with_a_waiting_producer(&late, S(3));

    (void)state;
    fake_transport_release(f->transport, 1);
    assert_true(fake_clock_until(has_returned, &late));
    weir__thread_join(late.thread);
    assert_int_equal(atomic_load(&late.status), WEIR_OK);
    fixture_close(f);
    assert_int_equal(fixture_end_of(f, 9).times, 1);
    fixture_free(f);
}

static void stop_turns_a_waiting_producer_away(void **state)
{
    struct late_submit late;
    struct fixture *f = with_a_waiting_producer(&late, S(3));

    (void)state;
    weir_stop(f->weir);
    weir__thread_join(late.thread);
    assert_int_equal(atomic_load(&late.status), WEIR_STOPPED);
    fixture_close(f);
    assert_int_equal(fixture_end_of(f, 9).times, 0);
    fixture_free(f);
}

static void wait_returns_at_its_timeout(void **state)
{
    struct fixture *f = fixture_start(1, 5, &fixture_parked);

    (void)state;
    assert_int_equal(weir_wait(f->weir, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_int_equal(weir_wait(f->weir, 0), WEIR_TIMEOUT);
    fake_transport_release(f->transport, 1);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    assert_int_equal(fixture_end_of(f, 0).times, 1); /* wait returns after the last callback */
    fixture_free(f);
}

/* ---------------------------------------------------------------------------------------------------------- stopping
 */

static void stop_cancels_what_waits_and_lets_finish_what_flies(void **state)
{
    struct fixture *f = fixture_start(2, 10, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "POST", 0, 5);
    assert_true(fake_transport_await_parked(f->transport, 2));
    weir_stop(f->weir);
    assert_int_equal(fixture_submit(f, "GET", FIXTURE_URL, 9), WEIR_STOPPED);
    assert_int_equal(weir_wait(f->weir, 0), WEIR_TIMEOUT);
    assert_int_equal(fixture_end_of(f, 0).times, 0);
    fake_transport_release(f->transport, 2);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    for (uint64_t id = 0; id < 5; id++) {
        fixture_expect_end(f, id, id < 2 ? WEIR_OUTCOME_SUCCEEDED : WEIR_OUTCOME_CANCELLED,
                           id < 2 ? WEIR_ERROR_NONE : WEIR_ERROR_STOPPED);
        assert_int_equal(fixture_end_of(f, id).result.attempts, id < 2);
    }
    assert_int_equal(fake_transport_begun(f->transport), 2);
    weir_stop(f->weir); /* again: nothing */
    assert_int_equal(fixture_stats(f).outcomes[WEIR_OUTCOME_CANCELLED], 3);
    fixture_free(f);
}

/* With idle workers and none at the gate, somebody must still drop what waits. */
static void stop_drops_jobs_that_wait_for_a_rate(void **state)
{
    const struct weir_rate rate = {.requests = 1, .per_ns = S(3600), .shape = WEIR_SHAPE_WINDOW};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    (void)state;
    options.concurrency = 4;
    options.rates = &rate;
    options.rate_count = 1;
    f = fixture_new(&options, &fixture_plain, false, NULL);
    assert_non_null(f);
    fixture_submit_all(f, "GET", 0, 20);
    assert_true(fake_transport_await_sent(f->transport, 1));
    weir_stop(f->weir);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_expect_end(f, 0, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    for (uint64_t id = 1; id < 20; id++)
        fixture_expect_end(f, id, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_free(f);
}

/* The pace at the wire is a wait like any other: a stop ends it, and the request never leaves. */
static void stop_ends_a_wait_for_the_pace_at_the_wire(void **state)
{
    const struct weir_rate rate = {.requests = 2, .per_ns = S(60), .shape = WEIR_SHAPE_STRICT};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    (void)state;
    options.concurrency = 2;
    options.rates = &rate;
    options.rate_count = 1;
    f = fixture_new(&options, &fixture_plain, false, NULL);
    assert_non_null(f);
    /* the first is granted at 0 and leaves at 29 s; the second is granted at 30 s and must not leave before 59 s */
    fake_transport_push(f->transport, &(struct fake_step){.connect_ns = S(29), .http_status = 200});
    fixture_submit_all(f, "POST", 0, 2);
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(29)));
    assert_true(fake_transport_await_sent(f->transport, 1));
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(30)));
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(59)));
    weir_stop(f->weir);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    assert_int_equal(fake_clock_now(&f->clock), FIXTURE_START_NS + S(30));
    fixture_expect_end(f, 0, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    fixture_expect_end(f, 1, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    assert_int_equal(fake_transport_sent(f->transport), 1);
    fixture_free(f);
}

static void abort_ends_what_flies_and_tells_what_is_unknown(void **state)
{
    struct fixture *f = fixture_start(3, 10, &fixture_parked);

    (void)state;
    fake_transport_push(f->transport, &fixture_parked);
    fake_transport_push(f->transport, &fixture_parked);
    fake_transport_push(f->transport, &(struct fake_step){.connect_ns = S(5), .http_status = 200});
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fixture_submit_all(f, "POST", 1, 1);
    assert_true(fake_transport_await_parked(f->transport, 2));
    fixture_submit_all(f, "POST", 2, 1); /* still connecting */
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(5)));
    fixture_submit_all(f, "GET", 3, 2);
    weir_abort(f->weir);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_expect_end(f, 0, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED); /* sending a GET again does no harm */
    fixture_expect_end(f, 1, WEIR_OUTCOME_UNKNOWN, WEIR_ERROR_STOPPED);
    fixture_expect_end(f, 2, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_expect_end(f, 3, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_expect_end(f, 4, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_free(f);
}

static void free_ends_every_job_before_it_returns(void **state)
{
    struct fixture *f = fixture_start(4, 100, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "POST", 0, 50);
    assert_true(fake_transport_await_parked(f->transport, 4));
    fixture_close(f);
    for (uint64_t id = 0; id < 50; id++)
        fixture_expect_end(f, id, id < 4 ? WEIR_OUTCOME_UNKNOWN : WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_free(f);
}

static void free_right_after_new_or_submit_is_safe(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct fixture *f = fixture_start(3, 10, &fixture_plain);
        fixture_submit_all(f, "GET", 0, (uint64_t)(i % 4));
        fixture_close(f);
        for (int id = 0; id < i % 4; id++)
            assert_int_equal(fixture_end_of(f, (uint64_t)id).times, 1);
        fixture_free(f);
    }
}

/* --------------------------------------------------------------------------------------------------------- callbacks
 */

#define CHAIN_JOBS 500u

static void submit_the_next(void *user_data, const struct weir_result *result)
{
    struct fixture *f = user_data;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir_stats stats = {.struct_size = sizeof stats};

    fixture_done(user_data, result);
    weir_snapshot(f->weir, &stats);
    if (result->job_id + 1 == CHAIN_JOBS) {
        weir_stop(f->weir);
        return;
    }
    request.url = FIXTURE_URL;
    request.job_id = result->job_id + 1;
    request.done = submit_the_next;
    request.user_data = f;
    (void)weir_submit(f->weir, &request, 0);
}

static void callbacks_may_submit_stop_and_look(void **state)
{
    struct fixture *f = fixture_start(2, 1, &fixture_plain);
    struct weir_request request = WEIR_REQUEST_INIT;

    (void)state;
    request.url = FIXTURE_URL;
    request.done = submit_the_next;
    request.user_data = f;
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK); /* a chain is never without a pending job */
    for (uint64_t id = 0; id < CHAIN_JOBS; id++)
        fixture_expect_end(f, id, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    assert_int_equal(fixture_submit(f, "GET", FIXTURE_URL, 0), WEIR_STOPPED);
    fixture_free(f);
}

static void abort_from_the_callback(void *user_data, const struct weir_result *result)
{
    struct fixture *f = user_data;

    fixture_done(user_data, result);
    weir_abort(f->weir);
}

static void callback_may_abort(void **state)
{
    struct fixture *f = fixture_start(2, 10, &fixture_parked);
    struct weir_request request = WEIR_REQUEST_INIT;

    (void)state;
    fixture_submit_all(f, "POST", 1, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fake_transport_push(f->transport, &fixture_plain);
    request.url = FIXTURE_URL;
    request.done = abort_from_the_callback;
    request.user_data = f;
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_expect_end(f, 0, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    fixture_expect_end(f, 1, WEIR_OUTCOME_UNKNOWN, WEIR_ERROR_STOPPED);
    fixture_free(f);
}

static void jobs_without_a_callback_are_fine(void **state)
{
    struct fixture *f = fixture_start(2, 10, &fixture_plain);
    struct weir_request request = WEIR_REQUEST_INIT;

    (void)state;
    request.url = FIXTURE_URL;
    for (int i = 0; i < 5; i++)
        assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    assert_int_equal(fixture_stats(f).outcomes[WEIR_OUTCOME_SUCCEEDED], 5);
    fixture_free(f);
}

/* A fault of the caller's own code in a callback must come to the handler that the process has for it. */
static void note_signals(void *user_data, const struct weir_result *result)
{
    sigset_t *blocked = user_data;

    (void)result;
    (void)pthread_sigmask(SIG_SETMASK, NULL, blocked);
}

static void workers_block_all_signals_but_faults(void **state)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    static const int others[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM, SIGCHLD, SIGUSR1};
    struct fixture *f = fixture_start(1, 1, &fixture_plain);
    struct weir_request request = WEIR_REQUEST_INIT;
    sigset_t blocked, before, after;

    (void)state;
    (void)sigemptyset(&blocked);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    request.url = FIXTURE_URL;
    request.done = note_signals;
    request.user_data = &blocked;
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        assert_false(sigismember(&blocked, faults[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_true(sigismember(&blocked, others[i]));
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number < NSIG; number++) /* the caller's own are as they were */
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    fixture_free(f);
}

/* The workers are the parent's: in the child every call returns at once and says so. */
static int use_an_inherited_handle(struct fixture *f)
{
    struct weir_stats stats = {.struct_size = sizeof stats, .accepted = 77};

    (void)alarm(10);
    if (fixture_submit(f, "GET", FIXTURE_URL, 2) != WEIR_FORKED)
        return 1;
    if (weir_wait(f->weir, -1) != WEIR_FORKED || weir_drain(f->weir, -1) != WEIR_FORKED)
        return 2;
    if (weir_cancel(f->weir, 0) != WEIR_FORKED)
        return 3;
    if (weir_completion_fd(f->weir) != -1 || weir_take_result(f->weir, -1) != NULL)
        return 4;
    weir_stop(f->weir);
    weir_abort(f->weir);
    weir_snapshot(f->weir, &stats);
    weir_free(f->weir);
    return stats.accepted == 77 ? 0 : 5;
}

static void a_child_process_finds_the_handle_dead_and_hangs_nowhere(void **state)
{
    struct fixture *f = fixture_start(2, 10, &fixture_parked);
    int status = 0;
    pid_t child;

    (void)state;
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    child = fork();
    if (child == 0)
        _exit(use_an_inherited_handle(f));
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    fixture_submit_all(f, "GET", 1, 1); /* and the parent goes on */
    fake_transport_release(f->transport, 1);
    assert_true(fake_transport_await_begun(f->transport, 2));
    assert_true(fake_transport_await_parked(f->transport, 1));
    fake_transport_release(f->transport, 1);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
    fixture_expect_end(f, 0, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    fixture_expect_end(f, 1, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    fixture_free(f);
}

static void snapshot_with_a_wrong_size_is_untouched(void **state)
{
    struct fixture *f = fixture_start(1, 1, &fixture_plain);
    struct weir_stats stats = {.struct_size = sizeof stats - 1, .accepted = 77, .limit_count = 77};

    (void)state;
    weir_snapshot(f->weir, &stats);
    assert_int_equal(stats.accepted, 77);
    assert_int_equal(stats.limit_count, 77);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_ends_once_and_the_statistics_add_up),
        cmocka_unit_test(in_flight_never_exceeds_workers_or_permits),
        cmocka_unit_test(threads_start_only_when_a_job_needs_one),
        cmocka_unit_test(full_queue_refuses_at_once_without_a_timeout),
        cmocka_unit_test(submit_gives_up_at_its_timeout),
        cmocka_unit_test(submit_goes_on_when_there_is_room),
        cmocka_unit_test(stop_turns_a_waiting_producer_away),
        cmocka_unit_test(wait_returns_at_its_timeout),
        cmocka_unit_test(stop_cancels_what_waits_and_lets_finish_what_flies),
        cmocka_unit_test(stop_drops_jobs_that_wait_for_a_rate),
        cmocka_unit_test(stop_ends_a_wait_for_the_pace_at_the_wire),
        cmocka_unit_test(abort_ends_what_flies_and_tells_what_is_unknown),
        cmocka_unit_test(free_ends_every_job_before_it_returns),
        cmocka_unit_test(free_right_after_new_or_submit_is_safe),
        cmocka_unit_test(callbacks_may_submit_stop_and_look),
        cmocka_unit_test(callback_may_abort),
        cmocka_unit_test(jobs_without_a_callback_are_fine),
        cmocka_unit_test(workers_block_all_signals_but_faults),
        cmocka_unit_test(a_child_process_finds_the_handle_dead_and_hangs_nowhere),
        cmocka_unit_test(snapshot_with_a_wrong_size_is_untouched),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
