/*
 * A host that ends while requests run, in every way that there is: it ends with the code that it asked for, at once,
 * and no callback begins in what is left of it.
 *
 * Each round is this program started once more, as the host.
 */
#include "test_host_support.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define CODE 7
#define CODE_CALLED_LATE 99 /* a callback began after exit() had seen weir off */
#define END_MAX_MS 3000

/* ------------------------------------------------------------------------------------------------------- the host */

#define IN_FLIGHT 8u

struct host {
    struct weir *weir;
    const char *fast, *silent;
    atomic_uint begun; /* callbacks */
    atomic_bool gone;  /* exit() has come past weir */
    atomic_bool exits; /* the callback that finds it true is to call exit() */
    atomic_bool waits; /* likewise, is to wait for `exiter` */
    pthread_t exiter;
    bool free_late, use_late, join_late;
    pthread_t late;
};

static struct host host;

/* The server answers `fast` as fast as it can: each end brings another send, so that all are always busy. */
static void again(void *user_data, const struct weir_result *result);

static bool sending(void *user_data, uint64_t job_id, uint32_t attempt)
{
    (void)user_data, (void)attempt;
    if (atomic_load(&host.gone))
        _exit(CODE_CALLED_LATE);
    if (job_id == 1)
        exit(CODE);
    return true;
}

static enum weir_status submit(const char *url, uint64_t id, int64_t timeout_ns)
{
    struct weir_request request = WEIR_REQUEST_INIT;

    request.url = url;
    request.job_id = id;
    request.done = again;
    request.sending = id == 1 ? sending : NULL;
    return weir_submit(host.weir, &request, timeout_ns);
}

static void again(void *user_data, const struct weir_result *result)
{
    (void)user_data, (void)result;
    if (atomic_load(&host.gone))
        _exit(CODE_CALLED_LATE);
    (void)atomic_fetch_add(&host.begun, 1);
    if (atomic_exchange(&host.exits, false))
        exit(CODE);
    if (atomic_exchange(&host.waits, false))
        (void)pthread_join(host.exiter, NULL);
    (void)submit(host.fast, 0, 0);
}

static void on_event(void *user_data, const struct weir_event *event)
{
    (void)user_data;
    if (atomic_load(&host.gone))
        _exit(CODE_CALLED_LATE);
    if (event->job_id == 2)
        exit(CODE);
}

/* Registered before weir's: runs after it, as the destructors of a host's older objects do. */
static void after_weir(void)
{
    atomic_store(&host.gone, true);
    if (host.join_late) {
        weir_stop(host.weir);
        (void)pthread_join(host.late, NULL);
    }
    if (host.use_late) {
        struct weir_stats stats = {.struct_size = sizeof stats};
        (void)submit(host.fast, 0, -1);
        if (weir_wait(host.weir, -1) == WEIR_OK)
            _exit(CODE + 1);
        weir_snapshot(host.weir, &stats);
        weir_stop(host.weir);
        weir_abort(host.weir);
    }
    if (host.free_late)
        weir_free(host.weir);
    host_sleep_ms(5);
}

static void before_weir(void)
{
    weir_free(host.weir);
}

static void *exit_soon(void *argument)
{
    (void)argument;
    host_sleep_ms(3);
    exit(CODE);
}

static void *free_now(void *argument)
{
    (void)argument;
    weir_free(host.weir);
    return NULL;
}

static void *submit_on(void *argument)
{
    (void)argument;
    while (submit(host.silent, 0, -1) == WEIR_OK)
        continue;
    return NULL;
}

static void *wait_on(void *argument)
{
    (void)argument;
    (void)weir_wait(host.weir, -1);
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *))
{
    if (pthread_create(thread, NULL, run, NULL) != 0)
        _exit(101);
}

static int end_by_exit(void)
{
    exit(CODE);
}

static int end_by_return(void)
{
    return CODE;
}

static int end_by_quick_exit(void)
{
    quick_exit(CODE);
}

static int end_by_exit_now(void)
{
    _exit(CODE);
}

static int end_by_exit_of_the_last_thread(void)
{
    start_thread(&host.exiter, exit_soon);
    pthread_exit(NULL);
}

static int end_in_callback(void)
{
    atomic_store(&host.exits, true);
    return wait_on(NULL) != NULL;
}

static int end_in_sending(void)
{
    (void)submit(host.fast, 1, -1);
    return wait_on(NULL) != NULL;
}

static int end_in_event(void)
{
    (void)submit(host.fast, 2, -1);
    return wait_on(NULL) != NULL;
}

/* A callback waits for the thread that ends the process. */
static int end_while_waited_for(void)
{
    start_thread(&host.exiter, exit_soon);
    atomic_store(&host.waits, true);
    return wait_on(NULL) != NULL;
}

static int end_while_another_frees(void)
{
    pthread_t freeing;

    start_thread(&freeing, free_now);
    exit(CODE);
}

static int end_with_free_before(void)
{
    (void)atexit(before_weir);
    exit(CODE);
}

static int end_with_free_after(void)
{
    host.free_late = true;
    exit(CODE);
}

static int end_with_use_after(void)
{
    host.use_late = true;
    exit(CODE);
}

/* What the host ends with stops weir, and joins a thread that waits in there. */
static int end_with_producer_joined(void)
{
    start_thread(&host.late, submit_on);
    host_sleep_ms(2);
    host.join_late = true;
    exit(CODE);
}

static int end_with_waiter_joined(void)
{
    start_thread(&host.late, wait_on);
    host_sleep_ms(2);
    host.join_late = true;
    exit(CODE);
}

#ifndef WEIR_SANITIZER
static int end_in_child(void)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        exit(CODE);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        _exit(102);
    exit(WEXITSTATUS(status));
}

#endif

struct ending {
    const char *name;
    int (*end)(void);
};

static const struct ending endings[] = {
    {"exit", end_by_exit},
    {"return", end_by_return},
    {"quick_exit", end_by_quick_exit},
    {"_exit", end_by_exit_now},
    {"last_thread", end_by_exit_of_the_last_thread},
    {"callback", end_in_callback},
    {"sending", end_in_sending},
    {"event", end_in_event},
    {"waited_for", end_while_waited_for},
    {"another_frees", end_while_another_frees},
    {"free_before", end_with_free_before},
    {"free_after", end_with_free_after},
    {"use_after", end_with_use_after},
    {"producer_joined", end_with_producer_joined},
    {"waiter_joined", end_with_waiter_joined},
#ifndef WEIR_SANITIZER /* what a parent's other threads hold is a leak in the child, to one */
    {"child", end_in_child},
#endif
};
#define ENDING_COUNT (sizeof endings / sizeof endings[0])

/* argv: ENDING FAST-URL SILENT-URL [CA-FILE] */
static int be_host(char **argv)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct ending *ending = endings;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)alarm(20);
    while (strcmp(ending->name, argv[1]) != 0)
        ending++;
    host.fast = argv[2];
    host.silent = argv[3];
    if (atexit(after_weir) != 0)
        return 103;
    options.concurrency = IN_FLIGHT;
    options.queue_max = 32;
    options.ca_file = argv[4];
    options.on_event = on_event;
    options.completion_max = 0;
    if (weir_new(&options, &host.weir) != WEIR_OK)
        return 104;
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        if (submit(i % 4 == 0 ? host.silent : host.fast, 0, -1) != WEIR_OK)
            return 105;
    while (atomic_load(&host.begun) < IN_FLIGHT)
        host_sleep_ms(1);
    return ending->end();
}

/* ------------------------------------------------------------------------------------------------------- the tests */

static char self[256];
static struct raw_server *fast_server, *silent_server;
static struct host_tls tls;
static char fast[64], silent[64];

static int start(void **state)
{
    (void)state;
    fast_server = raw_server_start(host_answer, NULL);
    silent_server = raw_server_start(host_answer_never, NULL);
    if (fast_server == NULL || silent_server == NULL)
        return -1;
    host_url(fast, sizeof fast, fast_server);
    host_url(silent, sizeof silent, silent_server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    raw_server_stop(fast_server);
    raw_server_stop(silent_server);
    host_tls_stop(&tls);
    return 0;
}

static void run_ending(const struct ending *ending, const char *url, const char *ca_file, int round)
{
    const int64_t begin_ns = host_now_ns();
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        (void)execl(self, self, ending->name, url, silent, ca_file, (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != CODE)
        fail_msg("%s, round %d: ended with %s %d", ending->name, round, WIFEXITED(status) ? "exit code" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    if (host_now_ns() - begin_ns > END_MAX_MS * HOST_MS)
        fail_msg("%s, round %d: took %lld ms", ending->name, round, (long long)((host_now_ns() - begin_ns) / HOST_MS));
}

static void run_endings(const char *url, const char *ca_file)
{
    const int rounds = host_rounds((int)ENDING_COUNT * 2);

    for (int round = 0; round < rounds; round++)
        run_ending(&endings[(size_t)round % ENDING_COUNT], url, ca_file, round);
}

static void host_ends_with_requests_in_flight(void **state)
{
    if (HOST_UNDER_TSAN)
        skip();
    (void)state;
    run_endings(fast, NULL);
}

static void host_ends_with_tls_in_flight(void **state)
{
    if (HOST_UNDER_TSAN)
        skip();
    (void)state;
    assert_true(host_tls_start(&tls, ""));
    run_endings(tls.url, tls.ca);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_ends_with_requests_in_flight),
        cmocka_unit_test(host_ends_with_tls_in_flight),
    };

    if (argc > 1)
        return be_host(argv);
    if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0)
        return 1;
    host_watchdog();
    return cmocka_run_group_tests(tests, start, stop);
}
