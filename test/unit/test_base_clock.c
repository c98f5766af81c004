/*
 * clock and sync: moments, the timestamp that people read, and waits that end when they should.
 */
#include "base/clock.h"
#include "base/sync.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void the_monotonic_clock_does_not_go_back(void **state)
{
    int64_t last = weir__clock_now_ns();
    (void)state;
    assert_true(last >= 0);
    for (int i = 0; i < 10000; i++) {
        const int64_t now = weir__clock_now_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void the_wall_clock_is_the_systems(void **state)
{
    const time_t before = time(NULL);
    const int64_t wall_ns = weir__clock_wall_ns();
    (void)state;
    assert_in_range(wall_ns / WEIR__NS_PER_S, before - 1, time(NULL) + 1); /* time() is a tick coarser */
}

static void a_deadline_is_now_plus_the_timeout_or_never(void **state)
{
    (void)state;
    assert_int_equal(weir__clock_after(1000, 500), 1500);
    assert_int_equal(weir__clock_after(1000, 0), 1000);
    assert_int_equal(weir__clock_after(1000, -1), WEIR__NEVER);
    assert_int_equal(weir__clock_after(1000, INT64_MIN), WEIR__NEVER);
    assert_int_equal(weir__clock_after(1000, INT64_MAX), WEIR__NEVER);
    assert_int_equal(weir__clock_after(1000, INT64_MAX - 999), WEIR__NEVER);
    assert_int_equal(weir__clock_after(1000, INT64_MAX - 1001), INT64_MAX - 1);
    assert_int_equal(weir__clock_after(INT64_MAX, 1), WEIR__NEVER);
}

static void timestamps_are_utc_with_milliseconds_cut_off(void **state)
{
    static const struct {
        int64_t wall_ns;
        const char *text;
    } stamps[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1767323045678000000), "2026-01-02T03:04:05.678Z"},
        {INT64_C(1767323045678999999), "2026-01-02T03:04:05.678Z"},
        {INT64_C(1709251199999999999), "2024-02-29T23:59:59.999Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854Z"},
    };
    char text[25];

    (void)state;
    assert_int_equal(setenv("TZ", "America/New_York", 1), 0); /* a local time zone must not show */
    tzset();
    for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++) {
        weir__clock_format(stamps[i].wall_ns, text, sizeof text);
        assert_string_equal(text, stamps[i].text);
    }
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state)
{
    sem_t sem;
    int64_t until_ns;

    (void)state;
    assert_true(weir__sem_init(&sem, 0));
    assert_false(weir__sem_try(&sem));
    until_ns = weir__clock_now_ns() + 20 * WEIR__NS_PER_MS;
    assert_false(weir__sem_wait(&sem, until_ns));
    assert_true(weir__clock_now_ns() >= until_ns - WEIR__NS_PER_MS); /* checker builds wait on the wall clock */
    weir__sem_clear(&sem);
}

static void a_wait_for_a_past_moment_takes_what_is_there_and_does_not_block(void **state)
{
    static const int64_t past[] = {0, 1, -1, INT64_MIN / 2, -WEIR__NS_PER_S - 1};
    sem_t sem;

    (void)state;
    assert_true(weir__sem_init(&sem, 0));
    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
        assert_false(weir__sem_wait(&sem, past[i]));
        weir__sem_post(&sem);
        assert_true(weir__sem_wait(&sem, past[i]));
        assert_false(weir__sem_try(&sem));
    }
    weir__sem_clear(&sem);
}

struct meeting {
    sem_t here, there;
    sigset_t blocked;
};

static void *meet(void *argument)
{
    struct meeting *meeting = argument;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &meeting->blocked);
    weir__sem_post(&meeting->there);
    (void)weir__sem_wait(&meeting->here, WEIR__NEVER);
    return NULL;
}

static void nothing(int signal_number)
{
    (void)signal_number;
}

/* The thread must not take a host's signals, and the starter's own mask must be as it was. */
static void threads_start_with_signals_blocked(void **state)
{
    struct meeting meeting;
    sigset_t mine;
    pthread_t thread;

    (void)state;
    assert_true(weir__sem_init(&meeting.here, 0));
    assert_true(weir__sem_init(&meeting.there, 0));
    assert_true(weir__thread_start(&thread, meet, &meeting));
    assert_true(weir__sem_wait(&meeting.there, WEIR__NEVER));
    assert_int_equal(sigismember(&meeting.blocked, SIGINT), 1);
    assert_int_equal(sigismember(&meeting.blocked, SIGTERM), 1);
    assert_int_equal(sigismember(&meeting.blocked, SIGPIPE), 1);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mine);
    assert_int_equal(sigismember(&mine, SIGINT), 0);
    weir__sem_post(&meeting.here);
    weir__thread_join(thread);
    weir__sem_clear(&meeting.here);
    weir__sem_clear(&meeting.there);
}

/* A signal handler of the host interrupts sem_wait(); the wait goes on. */
static void a_signal_does_not_end_a_wait(void **state)
{
    const struct sigaction action = {.sa_handler = nothing};
    struct sigaction before;
    const struct itimerspec every = {{0, 5000000}, {0, 5000000}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL};
    timer_t timer;
    sem_t sem;

    (void)state;
    event.sigev_signo = SIGUSR1;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &every, NULL), 0);
    assert_true(weir__sem_init(&sem, 0));
    const int64_t until_ns = weir__clock_now_ns() + 40 * WEIR__NS_PER_MS;
    assert_false(weir__sem_wait(&sem, until_ns));
    assert_true(weir__clock_now_ns() >= until_ns - WEIR__NS_PER_MS);
    assert_int_equal(timer_delete(timer), 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    weir__sem_clear(&sem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(the_wall_clock_is_the_systems),
        cmocka_unit_test(a_deadline_is_now_plus_the_timeout_or_never),
        cmocka_unit_test(timestamps_are_utc_with_milliseconds_cut_off),
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(a_wait_for_a_past_moment_takes_what_is_there_and_does_not_block),
        cmocka_unit_test(threads_start_with_signals_blocked),
        cmocka_unit_test(a_signal_does_not_end_a_wait),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
