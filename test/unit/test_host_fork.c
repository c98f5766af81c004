/*
 * A host that forks while requests run: the handle is dead in the child and nothing on it hangs, the child makes one of
 * its own, and the parent notices nothing.
 */
#include "test_host_support.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern char **environ;

#define CHILD_S 10 /* the watchdog of a child */

static struct raw_server *server;
static char url[64];

static int start(void **state)
{
    (void)state;
    server = raw_server_start(host_answer, NULL);
    if (server == NULL)
        return -1;
    host_url(url, sizeof url, server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    raw_server_stop(server);
    return 0;
}

/* Submits without end. */
struct producer {
    struct weir *weir;
    pthread_t thread;
    atomic_bool stop;
    unsigned count;
    enum weir_status status;
    struct host_ends ends;
};

static void *produce(void *argument)
{
    struct producer *producer = argument;

    while (!atomic_load(&producer->stop)) {
        producer->status = host_submit(producer->weir, url, &producer->ends, -1);
        if (producer->status != WEIR_OK)
            break;
        producer->count++;
    }
    return NULL;
}

static void start_producer(struct producer *producer)
{
    memset(producer, 0, sizeof *producer);
    producer->weir = host_weir(8, NULL);
    assert_non_null(producer->weir);
    assert_int_equal(pthread_create(&producer->thread, NULL, produce, producer), 0);
}

static void stop_producer(struct producer *producer)
{
    atomic_store(&producer->stop, true);
    assert_int_equal(pthread_join(producer->thread, NULL), 0);
    assert_int_equal(producer->status, WEIR_OK);
    assert_int_equal(weir_wait(producer->weir, 20 * HOST_S), WEIR_OK);
    host_assert_all_succeeded(&producer->ends, producer->count);
    assert_true(producer->count > 0);
}

#ifndef WEIR_SANITIZER
static bool is_child;

/* First thing there.  A worker's thread blocks the watchdog's signal; and a callback that runs in a child, which none
 * may, must not fork on. */
static void begin_child(void)
{
    sigset_t open;

    if (is_child)
        _exit(50);
    is_child = true;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigemptyset(&open);
    (void)sigaddset(&open, SIGALRM);
    (void)pthread_sigmask(SIG_UNBLOCK, &open, NULL);
    (void)alarm(CHILD_S);
}
#endif

/* In the child.  0, or the number of the first call that did something else. */
static int use_inherited(struct weir *weir)
{
    struct weir_stats stats = {.struct_size = sizeof stats, .accepted = 4711};

    if (host_submit(weir, url, NULL, -1) != WEIR_FORKED)
        return 1;
    if (weir_wait(weir, -1) != WEIR_FORKED)
        return 2;
    if (weir_drain(weir, -1) != WEIR_FORKED)
        return 3;
    if (weir_cancel(weir, 1) != WEIR_FORKED)
        return 4;
    weir_snapshot(weir, &stats);
    if (stats.accepted != 4711)
        return 5;
    if (weir_completion_fd(weir) != -1)
        return 6;
    if (weir_take_result(weir, -1) != NULL)
        return 7;
    if (weir_limits_of(weir) != NULL)
        return 8;
    weir_stop(weir);
    weir_abort(weir);
    weir_free(weir);
    return 0;
}

static int use_inherited_limits(struct weir_limits *limits)
{
    struct weir_limits_stats stats = {.struct_size = sizeof stats, .refusals = 4711};
    struct weir_permit permit = WEIR_PERMIT_INIT;
    const struct weir_rate rate = {.requests = 5, .per_ns = HOST_S};

    if (weir_limits_acquire(limits, -1, &permit) != WEIR_FORKED)
        return 11;
    if (weir_limits_set_concurrency(limits, 3) != WEIR_FORKED)
        return 12;
    if (weir_limits_set_rate(limits, 0, &rate) != WEIR_FORKED)
        return 13;
    weir_limits_began(limits, &permit);
    if (weir_limits_release(limits, &permit, NULL))
        return 14;
    (void)weir_limits_wait_ns(limits);
    weir_limits_pause(limits);
    weir_limits_resume(limits);
    weir_limits_stop(limits);
    weir_limits_snapshot(limits, &stats);
    if (stats.refusals != 4711)
        return 15;
    weir_limits_free(limits);
    return 0;
}

/* In the child: a handle of its own sends as ever. */
static int use_own(bool free_it)
{
    struct host_ends ends = {0};
    struct weir *weir = host_weir(2, NULL);

    if (weir == NULL)
        return 21;
    for (int i = 0; i < 4; i++)
        if (host_submit(weir, url, &ends, -1) != WEIR_OK)
            return 22;
    if (!free_it)
        return 0; /* exit() finds them in flight */
    if (weir_wait(weir, CHILD_S * HOST_S) != WEIR_OK)
        return 23;
    if (ends.outcomes[WEIR_OUTCOME_SUCCEEDED] != 4)
        return 24;
    weir_free(weir);
    return 0;
}

static void assert_child(pid_t child, int round)
{
    int status = -1;

    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("round %d: the child ended with %s %d", round, WIFEXITED(status) ? "exit code" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

#ifndef WEIR_SANITIZER

static void child_of_a_busy_process_makes_its_own(void **state)
{
    struct weir_limits_options limits_options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *limits = NULL;
    struct weir_permit permit = WEIR_PERMIT_INIT;
    struct producer producer;
    const int rounds = host_rounds(60);
    int fds;

    (void)state;
    limits_options.concurrency = 4;
    assert_int_equal(weir_limits_new(&limits_options, &limits), WEIR_OK);
    assert_int_equal(weir_limits_acquire(limits, 0, &permit), WEIR_OK);
    weir_free(host_weir(1, NULL)); /* what libraries open once is open now */
    fds = host_fds();
    start_producer(&producer);
    for (int round = 0; round < rounds; round++) {
        pid_t child = fork();
        if (child == 0) {
            int wrong;
            begin_child();
            wrong = use_inherited(producer.weir);
            if (wrong == 0)
                wrong = use_inherited_limits(limits);
            if (wrong == 0)
                wrong = use_own(round % 3 != 0);
            exit(wrong);
        }
        assert_child(child, round);
    }
    stop_producer(&producer);
    weir_free(producer.weir);
    assert_int_equal(host_settle(host_fds, fds), fds);
    (void)weir_limits_release(limits, &permit, NULL);
    weir_limits_free(limits);
}

/* The child goes on in a callback, on what was a worker. */
struct forking {
    struct weir *weir;
    atomic_int children; /* that ended as they should */
    atomic_int wrong;    /* the status of one that did not */
    bool returns;        /* the child leaves the callback */
};

static void fork_in_callback(void *user_data, const struct weir_result *result)
{
    struct forking *forking = user_data;
    int status = -1;
    pid_t child;

    (void)result;
    if (is_child)
        _exit(50);
    child = fork();
    if (child == 0) {
        int wrong;
        begin_child();
        if (forking->returns)
            return;
        wrong = use_inherited(forking->weir);
        exit(wrong != 0 ? wrong : use_own(true));
    }
    if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
        (void)atomic_fetch_add(&forking->children, 1);
    else
        atomic_store(&forking->wrong, status);
}

static void fork_in_callbacks(bool returns)
{
    const int rounds = host_rounds(20);
    struct forking forking = {.returns = returns};
    struct weir_request request = WEIR_REQUEST_INIT;
    int requests = raw_server_requests(server);
    int fds;

    weir_free(host_weir(1, NULL));
    fds = host_fds();
    forking.weir = host_weir(4, NULL);
    request.url = url;
    request.done = fork_in_callback;
    request.user_data = &forking;
    for (int i = 0; i < rounds; i++)
        assert_int_equal(weir_submit(forking.weir, &request, -1), WEIR_OK);
    assert_int_equal(weir_wait(forking.weir, 50 * HOST_S), WEIR_OK);
    weir_free(forking.weir);
    assert_int_equal(forking.wrong, 0);
    assert_int_equal(forking.children, rounds);
    if (returns)
        assert_int_equal(raw_server_requests(server) - requests, rounds);
    assert_int_equal(host_settle(host_fds, fds), fds);
}

static void callback_may_fork(void **state)
{
    (void)state;
    fork_in_callbacks(false);
}

/* A host's mistake: what was a worker must not go on with the parent's jobs on the parent's connections.  The child,
 * whose only thread that is, ends. */
static void child_that_leaves_its_callback_sends_nothing(void **state)
{
    (void)state;
    fork_in_callbacks(true);
}

#else

static void child_of_a_busy_process_makes_its_own(void **state)
{
    (void)state, (void)start_producer, (void)stop_producer, (void)use_inherited, (void)use_inherited_limits;
    (void)use_own, (void)assert_child;
    skip(); /* the sanitizers' own locks do not survive a fork beside other threads */
}

static void callback_may_fork(void **state)
{
    (void)state;
    skip();
}

static void child_that_leaves_its_callback_sends_nothing(void **state)
{
    (void)state;
    skip();
}

#endif

/* This program, started once more: the number of its sockets of the Internet.  (libcurl's own wake-up, a pair of local
 * sockets for each connection, is not close-on-exec and out of reach; it leads nowhere.) */
static int count_sockets(void)
{
    int count = 0;

    for (int fd = 3; fd < 1024; fd++) {
        int domain = 0;
        socklen_t size = sizeof domain;
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain != AF_UNIX)
            count++;
    }
    return count;
}

static char self[256];

static int spawn_counter(void)
{
    char *argv[] = {self, (char *)"count", NULL};
    pid_t child;
    int status = -1;

    if (posix_spawn(&child, self, NULL, NULL, argv, environ) != 0 || waitpid(child, &status, 0) != child)
        return -1;
    return status;
}

static int vfork_counter(void)
{
    int status = -1;
    pid_t child = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork): old hosts do */

    if (child == 0) {
        (void)execl(self, self, "count", (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

static int system_counter(void)
{
    char command[300];

    (void)snprintf(command, sizeof command, "'%s' count", self);
    return system(command);
}

/* Whatever weir has open while it works, sockets above all, is closed on exec. */
static void started_programs_inherit_nothing(void **state)
{
    struct producer producer;
    const int rounds = host_rounds(15);

    (void)state;
    start_producer(&producer);
    for (int round = 0; round < rounds; round++) {
        assert_int_equal(spawn_counter(), 0);
        assert_int_equal(vfork_counter(), 0);
        assert_int_equal(system_counter(), 0);
    }
    stop_producer(&producer);
    weir_free(producer.weir);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_of_a_busy_process_makes_its_own),
        cmocka_unit_test(callback_may_fork),
        cmocka_unit_test(child_that_leaves_its_callback_sends_nothing),
        cmocka_unit_test(started_programs_inherit_nothing),
    };

    (void)argv;
    if (argc > 1)
        return count_sockets();
    if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0)
        return 1;
    host_watchdog();
    return cmocka_run_group_tests(tests, start, stop);
}
