/*
 * A host that lives with signals: handlers without SA_RESTART, a timer of 1 kHz, threads that are sent signals all the
 * time.  weir's threads take none of them, its calls do not end early, and it leaves masks and dispositions alone.
 */
#include "test_host_support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#define CALLERS 2

static _Thread_local volatile sig_atomic_t is_host;
static atomic_uint taken, strays, pipes;

/* On a thread of weir's it would find the flag unset. */
static void on_signal(int number)
{
    const int error = errno;

    (void)atomic_fetch_add(is_host ? &taken : &strays, 1);
    if (number == SIGPIPE)
        (void)atomic_fetch_add(&pipes, 1);
    errno = error;
}

static struct sigaction before[NSIG];

static void remember_dispositions(void)
{
    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, NULL, &before[i]);
}

static void assert_dispositions(void)
{
    for (int i = 1; i < NSIG; i++) {
        struct sigaction now;
        if (sigaction(i, NULL, &now) == 0 &&
            (now.sa_handler != before[i].sa_handler || now.sa_flags != before[i].sa_flags))
            fail_msg("the disposition of signal %d was changed", i);
    }
}

/* A mask like no other, so that a change would show: USR2 blocked, the rest open. */
static void set_mask(sigset_t *mask)
{
    sigset_t now;

    (void)sigemptyset(mask);
    (void)sigaddset(mask, SIGUSR2);
    (void)pthread_sigmask(SIG_SETMASK, mask, &now);
}

static bool has_mask(const sigset_t *mask)
{
    sigset_t now;

    (void)pthread_sigmask(SIG_SETMASK, NULL, &now);
    for (int i = 1; i < NSIG; i++)
        if (sigismember(&now, i) != sigismember(mask, i))
            return false;
    return true;
}

struct caller {
    struct weir *weir;
    struct weir_limits *limits;
    const char *url;
    int rounds;
    pthread_t thread;
    unsigned count;
    const char *wrong; /* the first call that did something else */
    enum weir_status status;
    struct host_ends ends;
    atomic_bool up, down;
};

/* True where a call returned what it should, and left the mask alone. */
static bool expect(struct caller *caller, const sigset_t *mask, const char *call, enum weir_status status,
                   enum weir_status expected, enum weir_status or_expected)
{
    if (status != expected && status != or_expected)
        caller->wrong = call;
    else if (!has_mask(mask))
        caller->wrong = "mask";
    caller->status = status;
    return caller->wrong == NULL;
}

static bool call_all(struct caller *caller, const sigset_t *mask)
{
    struct weir_stats stats = {.struct_size = sizeof stats};
    struct weir_permit permit = WEIR_PERMIT_INIT;
    enum weir_status status = host_submit(caller->weir, caller->url, &caller->ends, -1);

    caller->count += status == WEIR_OK;
    if (!expect(caller, mask, "weir_submit", status, WEIR_OK, WEIR_OK))
        return false;
    status = host_submit(caller->weir, caller->url, &caller->ends, 2 * HOST_MS);
    caller->count += status == WEIR_OK;
    if (!expect(caller, mask, "weir_submit in time", status, WEIR_OK, WEIR_TIMEOUT))
        return false;
    status = weir_wait(caller->weir, HOST_MS);
    if (!expect(caller, mask, "weir_wait", status, WEIR_OK, WEIR_TIMEOUT))
        return false;
    status = weir_cancel(caller->weir, 4711);
    if (!expect(caller, mask, "weir_cancel", status, WEIR_NOT_FOUND, WEIR_NOT_FOUND))
        return false;
    weir_snapshot(caller->weir, &stats);
    status = weir_limits_acquire(caller->limits, -1, &permit);
    if (!expect(caller, mask, "weir_limits_acquire", status, WEIR_OK, WEIR_OK))
        return false;
    weir_limits_began(caller->limits, &permit);
    (void)weir_limits_release(caller->limits, &permit, NULL);
    return expect(caller, mask, "weir_limits_release", WEIR_OK, WEIR_OK, WEIR_OK);
}

static void *call_on(void *argument)
{
    struct caller *caller = argument;
    sigset_t mask;

    is_host = 1;
    set_mask(&mask);
    atomic_store(&caller->up, true);
    for (int i = 0; i < caller->rounds; i++)
        if (!call_all(caller, &mask))
            break;
    atomic_store(&caller->down, true);
    return NULL;
}

static void set_timer(long us)
{
    const struct itimerval every = {{0, us}, {0, us}};

    (void)setitimer(ITIMER_REAL, &every, NULL);
}

static void install(int number)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

static void answer_slowly(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    while (raw_server_read(server, fd) && raw_server_sleep(fd, 1))
        if (!raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
}

/* Threads of the test's own servers take no signals either. */
static struct raw_server *start_deaf(raw_server_fn serve)
{
    struct raw_server *server;
    sigset_t all, old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    server = raw_server_start(serve, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return server;
}

static struct weir_limits *make_limits(void)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *limits = NULL;

    options.concurrency = 1;
    assert_int_equal(weir_limits_new(&options, &limits), WEIR_OK);
    return limits;
}

static void bombard(struct caller *callers)
{
    for (int left = CALLERS; left > 0;) {
        left = CALLERS;
        for (int i = 0; i < CALLERS; i++) {
            if (atomic_load(&callers[i].down))
                left--;
            else if (atomic_load(&callers[i].up))
                (void)pthread_kill(callers[i].thread, SIGUSR1);
        }
        (void)usleep(100);
    }
}

static void signals_neither_reach_weir_nor_end_its_calls(void **state)
{
    struct caller callers[CALLERS];
    struct raw_server *server = start_deaf(answer_slowly);
    struct weir_limits *limits;
    struct weir *weir;
    sigset_t mask;
    char url[64];

    (void)state;
    assert_non_null(server);
    host_url(url, sizeof url, server);
    install(SIGALRM);
    install(SIGUSR1);
    install(SIGPIPE);
    install(SIGIO);
    remember_dispositions();
    set_mask(&mask);
    set_timer(1000);
    limits = make_limits();
    weir = host_weir(4, NULL);
    assert_non_null(weir);
    assert_true(has_mask(&mask));
    memset(callers, 0, sizeof callers);
    for (int i = 0; i < CALLERS; i++) {
        callers[i].weir = weir;
        callers[i].limits = limits;
        callers[i].url = url;
        callers[i].rounds = host_rounds(150);
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_on, &callers[i]), 0);
    }
    bombard(callers);
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        if (callers[i].wrong != NULL)
            fail_msg("%s: %s", callers[i].wrong, weir_status_text(callers[i].status));
    }
    assert_int_equal(weir_drain(weir, -1), WEIR_OK);
    assert_true(has_mask(&mask));
    for (int i = 0; i < CALLERS; i++)
        host_assert_all_succeeded(&callers[i].ends, callers[i].count);
    weir_free(weir);
    weir_limits_free(limits);
    assert_true(has_mask(&mask));
    set_timer(0);
    assert_dispositions();
    assert_int_equal(strays, 0);
    assert_in_range(taken, 100, UINT32_MAX);
    raw_server_stop(server);
}

/* Takes a beginning and resets the connection, with most of the body to come. */
static void hang_up(struct raw_server *server, int fd, int index, void *user)
{
    char some[64];

    (void)server, (void)index, (void)user;
    if (recv(fd, some, sizeof some, 0) > 0)
        raw_server_reset(fd);
}

static void broken_connections_raise_no_signal(void **state)
{
    static char body[1024 * 1024];
    struct weir_request request = WEIR_REQUEST_INIT;
    struct raw_server *server = start_deaf(hang_up);
    struct host_ends ends = {0};
    struct weir *weir;
    char url[64];
    const int rounds = host_rounds(100);

    (void)state;
    assert_non_null(server);
    host_url(url, sizeof url, server);
    install(SIGPIPE);
    atomic_store(&pipes, 0);
    weir = host_weir(4, NULL);
    assert_non_null(weir);
    request.method = "POST";
    request.url = url;
    request.body = body;
    request.body_size = sizeof body;
    request.done = host_done;
    request.user_data = &ends;
    for (int i = 0; i < rounds; i++)
        assert_int_equal(weir_submit(weir, &request, -1), WEIR_OK);
    assert_int_equal(weir_wait(weir, -1), WEIR_OK);
    weir_free(weir);
    assert_int_equal(ends.outcomes[WEIR_OUTCOME_UNKNOWN], rounds);
    assert_int_equal(pipes, 0);
    raw_server_stop(server);
}

/* alarm() is taken. */
static void watch(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
    const struct itimerspec once = {.it_value = {.tv_sec = getenv("WEIR_ROUNDS") != NULL ? 900 : 55}};
    timer_t timer;

    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
        (void)timer_settime(timer, 0, &once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_connections_raise_no_signal),
        cmocka_unit_test(signals_neither_reach_weir_nor_end_its_calls),
    };

    is_host = 1;
    watch();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
