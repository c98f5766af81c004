/*
 * weir_drain(): nothing more comes in, all that is there is carried out, retries included.
 */
#include "support/core_expect.h"

#include "base/sync.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void expect_successes(struct fixture *f, uint64_t count)
{
    for (uint64_t id = 0; id < count; id++)
        if (fixture_end_of(f, id).times != 1 || fixture_end_of(f, id).result.outcome != WEIR_OUTCOME_SUCCEEDED)
            fail_msg("job %u ended %u times, %s", (unsigned)id, fixture_end_of(f, id).times,
                     weir_outcome_text(fixture_end_of(f, id).result.outcome));
    assert_int_equal(fixture_stats(f).accepted, count);
}

static void what_was_accepted_is_carried_out(void **state)
{
    struct fixture *f = fixture_start(2, 10, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "GET", 0, 5);
    assert_true(fake_transport_await_parked(f->transport, 2));
    assert_int_equal(weir_drain(f->weir, 0), WEIR_TIMEOUT);
    assert_int_equal(fixture_submit(f, "GET", FIXTURE_URL, 9), WEIR_STOPPED);
    for (uint32_t sent = 2; sent <= 5; sent++) {
        assert_true(fake_transport_await_sent(f->transport, sent));
        assert_true(fake_transport_await_parked(f->transport, 1));
        fake_transport_release(f->transport, 1);
    }
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_int_equal(weir_wait(f->weir, 0), WEIR_TIMEOUT); /* they have gone on since the drain's timeout */
    fake_transport_release(f->transport, 1);
    assert_int_equal(weir_drain(f->weir, -1), WEIR_OK); /* once more */
    expect_successes(f, 5);
    assert_int_equal(fixture_submit(f, "GET", FIXTURE_URL, 9), WEIR_STOPPED);
    fixture_free(f);
}

static void retries_are_carried_out_too(void **state)
{
    const struct fake_step unavailable = {.http_status = 503};
    struct fixture *f = fixture_start(1, 10, &fixture_plain);

    (void)state;
    fake_transport_push(f->transport, &unavailable);
    fake_transport_push(f->transport, &unavailable);
    fixture_submit_all(f, "GET", 0, 2);
    assert_int_equal(weir_drain(f->weir, 0), WEIR_TIMEOUT);
    assert_true(fixture_settle(f));
    expect_successes(f, 2);
    assert_int_equal(fixture_stats(f).retries, 2);
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
    atomic_store(&late->status, (int)weir_submit(late->fixture->weir, &request, S(3)));
    return NULL;
}

static void a_waiting_producer_is_turned_away(void **state)
{
    struct fixture *f = fixture_start(1, 1, &fixture_parked);
    struct late_submit late = {.fixture = f, .status = -1};

    (void)state;
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    fixture_submit_all(f, "GET", 1, 1);
    assert_true(weir__thread_start(&late.thread, submit_late, &late));
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(3)));
    assert_int_equal(weir_drain(f->weir, 0), WEIR_TIMEOUT);
    weir__thread_join(late.thread);
    assert_int_equal(late.status, WEIR_STOPPED);
    assert_int_equal(fixture_stats(f).accepted, 2);
    fixture_free(f);
}

static void *drain(void *argument)
{
    struct late_submit *late = argument;

    atomic_store(&late->status, (int)weir_drain(late->fixture->weir, S(3)));
    return NULL;
}

static void its_wait_is_bounded_and_ends_with_the_last_job(void **state)
{
    struct fixture *f = fixture_start(1, 10, &fixture_parked);
    struct late_submit late = {.fixture = f, .status = -1};

    (void)state;
    fixture_submit_all(f, "GET", 0, 1);
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_true(weir__thread_start(&late.thread, drain, &late));
    assert_true(fake_clock_reach(&f->clock, FIXTURE_START_NS + S(3)));
    weir__thread_join(late.thread);
    assert_int_equal(late.status, WEIR_TIMEOUT);
    atomic_store(&late.status, -1);
    assert_true(weir__thread_start(&late.thread, drain, &late));
    assert_true(fake_clock_await(&f->clock, FIXTURE_START_NS + S(6)));
    fake_transport_release(f->transport, 1);
    weir__thread_join(late.thread);
    assert_int_equal(late.status, WEIR_OK);
    fixture_free(f);
}

static void stop_after_it_drops_what_waits(void **state)
{
    struct fixture *f = fixture_start(1, 10, &fixture_parked);

    (void)state;
    fixture_submit_all(f, "GET", 0, 3);
    assert_true(fake_transport_await_parked(f->transport, 1));
    assert_int_equal(weir_drain(f->weir, 0), WEIR_TIMEOUT);
    weir_abort(f->weir);
    assert_int_equal(weir_drain(f->weir, -1), WEIR_OK);
    for (uint64_t id = 0; id < 3; id++)
        assert_int_equal(fixture_end_of(f, id).result.outcome, WEIR_OUTCOME_CANCELLED);
    fixture_free(f);
}

static void without_a_job_it_returns_at_once(void **state)
{
    struct fixture *f = fixture_start(1, 10, &fixture_parked);

    (void)state;
    assert_int_equal(weir_drain(f->weir, -1), WEIR_OK);
    assert_int_equal(fixture_submit(f, "GET", FIXTURE_URL, 0), WEIR_STOPPED);
    assert_int_equal(weir_drain(NULL, -1), WEIR_INVALID);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_accepted_is_carried_out),
        cmocka_unit_test(retries_are_carried_out_too),
        cmocka_unit_test(a_waiting_producer_is_turned_away),
        cmocka_unit_test(its_wait_is_bounded_and_ends_with_the_last_job),
        cmocka_unit_test(stop_after_it_drops_what_waits),
        cmocka_unit_test(without_a_job_it_returns_at_once),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
