/*
 * The completion queue: every result once, in order, to whoever takes it; a descriptor that tells the truth; room that
 * bounds it; and nobody who waits for what will not come.
 */
#include "support/core_fixture.h"

#include "base/sync.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "http://127.0.0.1:1/"

static const struct fake_step parked = {.http_status = 200, .park = true, .body = "hello"};

static struct fixture *start(uint32_t concurrency, uint32_t completion_max, bool real_time)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    options.concurrency = concurrency;
    options.queue_max = 100;
    options.completion_max = completion_max;
    f = fixture_new(&options, &parked, real_time, NULL);
    assert_non_null(f);
    return f;
}

/* Without a `done`. */
static enum weir_status bring(struct fixture *f, uint64_t id, int64_t timeout_ns)
{
    struct weir_request request = WEIR_REQUEST_INIT;

    request.url = URL;
    request.job_id = id;
    request.user_data = (char *)f + id;
    return weir_submit(f->weir, &request, timeout_ns);
}

static bool readable(struct fixture *f)
{
    struct pollfd watched = {.fd = weir_completion_fd(f->weir), .events = POLLIN};

    assert_true(watched.fd >= 0);
    return poll(&watched, 1, 0) == 1;
}

static void finish(struct fixture *f, uint32_t count)
{
    assert_true(fake_transport_await_parked(f->transport, count));
    fake_transport_release(f->transport, count);
    assert_int_equal(weir_wait(f->weir, -1), WEIR_OK);
}

static void expect_taken(struct fixture *f, uint64_t id)
{
    const struct weir_result *result = weir_take_result(f->weir, 0);

    assert_non_null(result);
    assert_int_equal(result->job_id, id);
    weir_result_free(result);
}

static void a_result_holds_all_and_outlives_the_handle(void **state)
{
    struct fixture *f = start(1, 5, false);
    const struct weir_result *result;
    const int64_t sent_at_ns = FAKE_CLOCK_WALL_NS + FIXTURE_START_NS;

    (void)state;
    assert_int_equal(bring(f, 7, 0), WEIR_OK);
    assert_null(weir_take_result(f->weir, 0));
    finish(f, 1);
    result = weir_take_result(f->weir, -1);
    assert_null(weir_take_result(f->weir, 0));
    fixture_close(f);
    assert_non_null(result);
    assert_int_equal(result->job_id, 7);
    assert_ptr_equal(result->user_data, (char *)f + 7);
    assert_int_equal(result->outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_int_equal(result->http_status, 200);
    assert_int_equal(result->attempts, 1);
    assert_string_equal(result->detail, "");
    assert_int_equal(result->header_count, 1);
    assert_string_equal(result->headers[0].name, "x-fake");
    assert_string_equal(result->headers[0].value, "1");
    assert_int_equal(result->body_size, 5);
    assert_memory_equal(result->body, "hello", 5);
    assert_int_equal(result->sent_at_ns, sent_at_ns);
    weir_result_free(result);
    weir_result_free(NULL);
    fixture_free(f);
}

static void what_went_wrong_is_told_too(void **state)
{
    const struct fake_step lost = {.unsent = true, .error = WEIR_ERROR_BAD_REQUEST};
    struct fixture *f = start(1, 5, false);
    const struct weir_result *result;

    (void)state;
    fake_transport_push(f->transport, &lost);
    assert_int_equal(bring(f, 1, 0), WEIR_OK);
    result = weir_take_result(f->weir, -1);
    assert_non_null(result);
    assert_int_equal(result->outcome, WEIR_OUTCOME_FAILED);
    assert_string_equal(result->detail, "scripted: bad_request");
    assert_null(result->body);
    assert_int_equal(result->header_count, 0);
    weir_result_free(result);
    fixture_free(f);
}

static void descriptor_is_readable_while_a_result_waits(void **state)
{
    struct fixture *f = start(1, 5, false);
    const int fd = weir_completion_fd(f->weir);

    (void)state;
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_false(readable(f));
    for (uint64_t id = 0; id < 3; id++) {
        assert_int_equal(bring(f, id, 0), WEIR_OK);
        finish(f, 1);
        assert_true(readable(f));
    }
    for (uint64_t id = 0; id < 3; id++) {
        assert_true(readable(f));
        expect_taken(f, id);
    }
    assert_false(readable(f));
    assert_int_equal(bring(f, 3, 0), WEIR_OK);
    assert_false(readable(f));
    finish(f, 1);
    assert_true(readable(f)); /* and once more: it is freed with the handle */
    fixture_free(f);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void jobs_with_a_callback_go_there_alone(void **state)
{
    struct fixture *f = start(1, 1, false);

    (void)state;
    assert_int_equal(bring(f, 0, 0), WEIR_OK); /* takes all the room */
    assert_int_equal(fixture_submit(f, "GET", URL, 1), WEIR_OK);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fake_transport_release(f->transport, 1);
    assert_true(fake_transport_await_sent(f->transport, 2));
    finish(f, 1);
    assert_int_equal(fixture_end_of(f, 1).times, 1);
    assert_ptr_equal(fixture_end_of(f, 1).result.user_data, f);
    expect_taken(f, 0);
    assert_null(weir_take_result(f->weir, 0));
    fixture_free(f);
}

static void there_is_no_queue_unless_asked_for(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f = start(1, 0, false);
    enum weir_status status = WEIR_OK;

    (void)state;
    assert_int_equal(weir_completion_fd(f->weir), -1);
    assert_null(weir_take_result(f->weir, -1));
    assert_int_equal(bring(f, 0, 0), WEIR_OK);
    finish(f, 1);
    assert_null(weir_take_result(f->weir, -1));
    fixture_free(f);
    assert_int_equal(weir_completion_fd(NULL), -1);
    assert_null(weir_take_result(NULL, -1));
    options.completion_max = WEIR_COMPLETIONS_MAX + 1;
    assert_null(fixture_new(&options, &parked, false, &status));
    assert_int_equal(status, WEIR_INVALID);
}

/* --------------------------------------------------------------------------------------------------------------- room
 */

struct call {
    struct fixture *fixture;
    uint64_t id; /* of a submission */
    int64_t timeout_ns;
    pthread_t thread;
    atomic_int status; /* -1: not back */
    const struct weir_result *_Atomic result;
    atomic_bool returned;
};

static void *submit_late(void *argument)
{
    struct call *call = argument;

    atomic_store(&call->status, (int)bring(call->fixture, call->id, call->timeout_ns));
    atomic_store(&call->returned, true);
    return NULL;
}

static void *take_late(void *argument)
{
    struct call *call = argument;

    atomic_store(&call->result, weir_take_result(call->fixture->weir, call->timeout_ns));
    atomic_store(&call->returned, true);
    return NULL;
}

static void launch(struct call *call, struct fixture *f, void *(*run)(void *), uint64_t id, int64_t timeout_ns)
{
    *call = (struct call){.fixture = f, .id = id, .timeout_ns = timeout_ns, .status = -1};
    assert_true(weir__thread_start(&call->thread, run, call));
}

static uint32_t waiters(struct fixture *f, const uint32_t *count)
{
    uint32_t value;

    weir__mutex_lock(&f->weir->completions.lock);
    value = *count;
    weir__mutex_unlock(&f->weir->completions.lock);
    return value;
}

struct awaited {
    struct fixture *fixture;
    const uint32_t *count;
    uint32_t wanted;
};

static bool all_wait(void *context)
{
    const struct awaited *awaited = context;
    return waiters(awaited->fixture, awaited->count) == awaited->wanted;
}

static void await_waiters(struct fixture *f, const uint32_t *count, uint32_t wanted)
{
    struct awaited awaited = {f, count, wanted};

    if (!fake_clock_until(all_wait, &awaited))
        fail_msg("%u wait, not %u", waiters(f, count), wanted);
}

static void room_is_taken_by_results_and_by_jobs_on_their_way(void **state)
{
    struct fixture *f = start(1, 2, false);
    struct call late;

    (void)state;
    assert_int_equal(bring(f, 0, 0), WEIR_OK);
    finish(f, 1);
    assert_int_equal(bring(f, 1, 0), WEIR_OK);
    assert_int_equal(bring(f, 2, 0), WEIR_FULL);
    launch(&late, f, submit_late, 2, S(3));
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(3)));
    weir__thread_join(late.thread);
    assert_int_equal(late.status, WEIR_TIMEOUT);
    assert_int_equal(fixture_stats(f).accepted, 2);
    launch(&late, f, submit_late, 2, -1);
    await_waiters(f, &f->weir->completions.room_waiters, 1);
    assert_int_equal(late.status, -1);
    expect_taken(f, 0);
    weir__thread_join(late.thread);
    assert_int_equal(late.status, WEIR_OK);
    fixture_free(f);
}

static void room_comes_back_where_the_job_was_not_accepted(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    (void)state;
    options.concurrency = 1;
    options.queue_max = 1;
    options.completion_max = 3;
    f = fixture_new(&options, &parked, false, NULL);
    assert_non_null(f);
    assert_int_equal(bring(f, 0, 0), WEIR_OK);
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_int_equal(bring(f, 1, 0), WEIR_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(bring(f, 2, 0), WEIR_FULL); /* the job queue is */
    assert_int_equal(f->weir->completions.expected, 2);
    fake_transport_release(f->transport, 1);
    assert_true(fake_transport_await_sent(f->transport, 2));
    assert_int_equal(bring(f, 2, 0), WEIR_OK);
    fixture_free(f);
}

static void stop_and_drain_turn_away_who_waits_for_room(void **state)
{
    struct fixture *f;
    struct call late;

    (void)state;
    for (int drains = 0; drains < 2; drains++) {
        f = start(1, 1, false);
        assert_int_equal(bring(f, 0, 0), WEIR_OK);
        launch(&late, f, submit_late, 1, -1);
        await_waiters(f, &f->weir->completions.room_waiters, 1);
        if (drains)
            assert_int_equal(weir_drain(f->weir, 0), WEIR_TIMEOUT);
        else
            weir_stop(f->weir);
        weir__thread_join(late.thread);
        assert_int_equal(late.status, WEIR_STOPPED);
        assert_int_equal(bring(f, 2, -1), WEIR_STOPPED);
        fixture_free(f);
    }
}

/* ------------------------------------------------------------------------------------------------------------- waiting
 */

static void take_waits_for_its_timeout(void **state)
{
    struct fixture *f = start(1, 2, false);
    struct call late;

    (void)state;
    launch(&late, f, take_late, 0, S(3));
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(3)));
    fake_clock_advance(&f->clock, S(3) - 1);
    assert_false(late.returned);
    fake_clock_advance(&f->clock, 1);
    weir__thread_join(late.thread);
    assert_null(late.result);
    fixture_free(f);
}

static void take_is_woken_by_a_result(void **state)
{
    struct fixture *f = start(1, 2, false);
    struct call late;

    (void)state;
    launch(&late, f, take_late, 0, -1);
    await_waiters(f, &f->weir->completions.there_waiters, 1);
    assert_int_equal(bring(f, 5, 0), WEIR_OK);
    finish(f, 1);
    weir__thread_join(late.thread);
    assert_non_null(late.result);
    assert_int_equal(late.result->job_id, 5);
    weir_result_free(late.result);
    assert_false(readable(f));
    fixture_free(f);
}

/* Three wait and one result is on its way: it goes to one, and the others are told that no more will come. */
static void nobody_waits_for_what_will_not_come(void **state)
{
    static const char *const ways[] = {"stop", "abort", "drain"};
    struct call takers[3];

    (void)state;
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        struct fixture *f = start(1, 5, false);
        int got = 0;
        for (int i = 0; i < 3; i++)
            launch(&takers[i], f, take_late, 0, -1);
        await_waiters(f, &f->weir->completions.there_waiters, 3);
        assert_int_equal(bring(f, 5, 0), WEIR_OK);
        assert_true(fake_transport_await_parked(f->transport, 1));
        if (ways[way][0] == 's')
            weir_stop(f->weir);
        else if (ways[way][0] == 'a')
            weir_abort(f->weir);
        else
            assert_int_equal(weir_drain(f->weir, 0), WEIR_TIMEOUT);
        fake_transport_release(f->transport, 1);
        for (int i = 0; i < 3; i++) {
            weir__thread_join(takers[i].thread);
            got += takers[i].result != NULL;
            weir_result_free(takers[i].result);
        }
        assert_int_equal(got, 1);
        assert_null(weir_take_result(f->weir, -1));
        fixture_free(f);
    }
}

static void stop_without_a_job_wakes_takers(void **state)
{
    struct fixture *f = start(1, 5, false);
    struct call late;

    (void)state;
    launch(&late, f, take_late, 0, -1);
    await_waiters(f, &f->weir->completions.there_waiters, 1);
    weir_stop(f->weir);
    weir__thread_join(late.thread);
    assert_null(late.result);
    fixture_free(f);
}

static void dropped_jobs_have_results_too(void **state)
{
    struct fixture *f = start(1, 10, false);
    const struct weir_result *result;

    (void)state;
    for (uint64_t id = 0; id < 5; id++)
        assert_int_equal(bring(f, id, 0), WEIR_OK);
    assert_true(fake_transport_await_parked(f->transport, 1));
    weir_abort(f->weir);
    for (int i = 0; i < 5; i++) {
        result = weir_take_result(f->weir, -1);
        assert_non_null(result);
        assert_int_equal(result->outcome, WEIR_OUTCOME_CANCELLED);
        assert_int_equal(result->error, WEIR_ERROR_STOPPED);
        assert_ptr_equal(result->user_data, (char *)f + result->job_id);
        weir_result_free(result);
    }
    assert_null(weir_take_result(f->weir, -1));
    fixture_free(f);
}

#ifndef WEIR_SANITIZER /* which take such a size for a bug */
static void without_memory_for_a_copy_the_result_says_so(void **state)
{
    struct weir__completions completions;
    struct weir__completion *node = NULL;
    const struct weir_header header = {"a", "b"};
    struct weir_result result = {.job_id = 3, .detail = "", .http_status = 200, .headers = &header, .header_count = 1};

    (void)state;
    result.body = &result;
    result.body_size = PTRDIFF_MAX;
    assert_int_equal(weir__completions_init(&completions, &weir__env_real, 1), WEIR_OK);
    assert_int_equal(weir__completions_reserve(&completions, 0, &node), WEIR_OK);
    weir__completions_put(&completions, node, &result);
    node = weir__completions_take(&completions, 0);
    assert_non_null(node);
    assert_int_equal(node->result.job_id, 3);
    assert_int_equal(node->result.http_status, 200);
    assert_null(node->result.headers);
    assert_null(node->result.body);
    assert_int_equal(node->result.header_count + node->result.body_size, 0);
    assert_non_null(strstr(node->result.detail, "out of memory"));
    free(node);
    weir__completions_clear(&completions);
}
#endif

/* ------------------------------------------------------------------------------------------------------- real threads
 */

#define STORM_JOBS 4000u
#define STORM_PRODUCERS 3u
#define STORM_TAKERS 3u

struct storm {
    struct fixture *fixture;
    atomic_uint next, taken;
    atomic_uchar times[STORM_JOBS];
    atomic_uint disordered; /* the descriptor said that there is a result, or that there is none, and did not change */
};

static void *produce(void *argument)
{
    struct storm *storm = argument;
    unsigned id;

    while ((id = atomic_fetch_add(&storm->next, 1)) < STORM_JOBS)
        if (bring(storm->fixture, id, -1) != WEIR_OK)
            return "a submit failed";
    return NULL;
}

static void note(struct storm *storm, const struct weir_result *result)
{
    atomic_fetch_add(&storm->times[result->job_id], 1);
    atomic_fetch_add(&storm->taken, 1);
    weir_result_free(result);
}

/* By the descriptor alone: as a service's loop does it. */
static void *watch(void *argument)
{
    struct storm *storm = argument;
    struct epoll_event event = {.events = EPOLLIN};
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    const struct weir_result *result;

    if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, weir_completion_fd(storm->fixture->weir), &event) != 0)
        return "no epoll";
    while (atomic_load(&storm->taken) < STORM_JOBS) {
        if (epoll_wait(loop, &event, 1, 50) == 0)
            continue;
        while ((result = weir_take_result(storm->fixture->weir, 0)) != NULL)
            note(storm, result);
    }
    (void)close(loop);
    return NULL;
}

static void *take(void *argument)
{
    struct storm *storm = argument;
    const struct weir_result *result;

    while ((result = weir_take_result(storm->fixture->weir, -1)) != NULL)
        note(storm, result);
    return NULL;
}

static void many_threads_take_every_result_once(void **state)
{
    const struct fake_step plain = {.http_status = 200, .body = "x"};
    static struct storm storm;
    struct weir_options options = WEIR_OPTIONS_INIT;
    pthread_t producers[STORM_PRODUCERS], takers[STORM_TAKERS], watcher;

    (void)state;
    options.concurrency = 8;
    options.queue_max = 16;
    options.completion_max = 20;
    storm.fixture = fixture_new(&options, &plain, true, NULL);
    assert_non_null(storm.fixture);
    assert_true(weir__thread_start(&watcher, watch, &storm));
    for (unsigned i = 0; i < STORM_TAKERS; i++)
        assert_true(weir__thread_start(&takers[i], take, &storm));
    for (unsigned i = 0; i < STORM_PRODUCERS; i++)
        assert_true(weir__thread_start(&producers[i], produce, &storm));
    for (unsigned i = 0; i < STORM_PRODUCERS; i++)
        weir__thread_join(producers[i]);
    assert_int_equal(weir_drain(storm.fixture->weir, -1), WEIR_OK);
    for (unsigned i = 0; i < STORM_TAKERS; i++)
        weir__thread_join(takers[i]); /* a drain lets them go */
    weir__thread_join(watcher);
    for (unsigned id = 0; id < STORM_JOBS; id++)
        if (atomic_load(&storm.times[id]) != 1)
            fail_msg("result %u was taken %u times", id, (unsigned)atomic_load(&storm.times[id]));
    assert_false(readable(storm.fixture));
    fixture_free(storm.fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_holds_all_and_outlives_the_handle),
        cmocka_unit_test(what_went_wrong_is_told_too),
        cmocka_unit_test(descriptor_is_readable_while_a_result_waits),
        cmocka_unit_test(jobs_with_a_callback_go_there_alone),
        cmocka_unit_test(there_is_no_queue_unless_asked_for),
        cmocka_unit_test(room_is_taken_by_results_and_by_jobs_on_their_way),
        cmocka_unit_test(room_comes_back_where_the_job_was_not_accepted),
        cmocka_unit_test(stop_and_drain_turn_away_who_waits_for_room),
        cmocka_unit_test(take_waits_for_its_timeout),
        cmocka_unit_test(take_is_woken_by_a_result),
        cmocka_unit_test(nobody_waits_for_what_will_not_come),
        cmocka_unit_test(stop_without_a_job_wakes_takers),
        cmocka_unit_test(dropped_jobs_have_results_too),
#ifndef WEIR_SANITIZER
        cmocka_unit_test(without_memory_for_a_copy_the_result_says_so),
#endif
        cmocka_unit_test(many_threads_take_every_result_once),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
