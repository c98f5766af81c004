/*
 * starve - every allocation, thread, lock and descriptor that weir asks for is refused once, each in a run of its own.
 *
 * What is refused stands in starve_calls.c; of libcurl's it is the memory, too (curl_global_init_mem), its threads, its
 * look-ups and its pairs of sockets.  A run is a whole scenario; run k refuses the k-th request of all threads
 * together, until three runs pass without one that far.  Whatever is refused, a call has a clear status, each accepted
 * job ends once, nothing hangs, and what was allocated is free in the end.
 *
 * Usage: starve [SCENARIO [FIRST [STEP]]].  Prints TAP.  The server is a process of its own, which nothing is refused.
 */
#include "starve.h"
#include "support/raw_server.h"
#include "weir.h"

#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)
#define RUN_MAX_S 20 /* the watchdog of one run */
#define RUNS_MAX 20000
#define SETTLE_MAX_S 5
#define JOBS 20u

/* ------------------------------------------------------------------------------------------------------- the server */

/* By path: /r a redirect, /e an error that is repeated, /l a refusal now and then, else 200; all with fields that say
 * something of a limit. */
static void serve(struct raw_server *server, int fd, int index, void *user)
{
    static atomic_uint count;
    char text[4096];

    (void)index, (void)user;
    while (raw_server_read(server, fd)) {
        const unsigned number = atomic_fetch_add(&count, 1);
        const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n"
                             "RateLimit-Policy: \"p\";q=100000;w=1\r\nRateLimit: \"p\";r=90000;t=1\r\n\r\nhello";
        (void)raw_server_last(server, text, sizeof text);
        if (strstr(text, " /r") != NULL)
            answer = "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n";
        else if (strstr(text, " /e") != NULL && number % 2 == 0)
            answer = "HTTP/1.1 503 Later\r\nContent-Length: 2\r\n\r\nno";
        else if (strstr(text, " /l") != NULL && number % 2 == 0)
            answer = "HTTP/1.1 429 Much\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
        if (!raw_server_send(fd, answer))
            return;
    }
}

static int port;

/* Its port comes through a pipe; it ends with this process. */
static pid_t start_server(void)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    child = fork();
    if (child == 0) {
        struct raw_server *server;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        server = raw_server_start(serve, NULL);
        port = server != NULL ? raw_server_port(server) : 0;
        if (write(ends[1], &port, sizeof port) != sizeof port)
            _exit(1);
        for (;;)
            (void)pause();
    }
    (void)close(ends[1]);
    if (read(ends[0], &port, sizeof port) != sizeof port)
        port = 0;
    (void)close(ends[0]);
    return child;
}

/* ---------------------------------------------------------------------------------------------------- the scenarios */

/* Whether the server refuses in this run.  Only in some: weir then slows down, as it should. */
static bool pushed_back;

static char wrong[512]; /* what was found in this run; "" if nothing */

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
    va_list arguments;

    if (wrong[0] != '\0')
        return;
    va_start(arguments, format);
    (void)vsnprintf(wrong, sizeof wrong, format, arguments);
    va_end(arguments);
}

/* A status other than OK is for want of something, and only where something was refused. */
static bool went(const char *call, enum weir_status status)
{
    if (status == WEIR_OK)
        return true;
    if (atomic_load(&starve_left) != 0)
        complain("%s: %s, and nothing was refused yet", call, weir_status_text(status));
    if (status != WEIR_NO_MEMORY && status != WEIR_RESOURCE && status != WEIR_NO_THREAD && status != WEIR_TRANSPORT &&
        status != WEIR_TLS && status != WEIR_SCOPE_FULL)
        complain("%s: %s", call, weir_status_text(status));
    return false;
}

static atomic_uint told[JOBS];

static void check_result(const struct weir_result *result)
{
    (void)atomic_fetch_add(&told[result->job_id], 1);
    if (result->outcome != WEIR_OUTCOME_SUCCEEDED && result->error == WEIR_ERROR_NONE)
        complain("job %u: %s without an error", (unsigned)result->job_id, weir_outcome_text(result->outcome));
    if (result->outcome == WEIR_OUTCOME_SUCCEEDED && result->http_status != 200)
        complain("job %u: succeeded with %d", (unsigned)result->job_id, result->http_status);
}

static void done(void *user_data, const struct weir_result *result)
{
    (void)user_data;
    check_result(result);
}

static void on_event(void *user_data, const struct weir_event *event)
{
    (void)user_data, (void)event;
}

static enum weir_engine engine; /* of this scenario */

/* Where epoll takes no watch, a transfer is left to its timeout. */
static void set_options(struct weir_options *options, const struct weir_rate *rate)
{
    options->engine = engine;
    options->loop_count = 2;
    options->timeout_ns = S;
    options->concurrency = 4;
    options->worker_max = 4;
    options->queue_max = 8;
    options->rates = rate;
    options->rate_count = 1;
    options->redirect_max = 3;
    options->keep_bodies = true;
    options->backoff_ns = MS;
    options->backoff_max_ns = 2 * MS;
    options->attempt_max = 3;
    options->refusal_max = 3;
    options->learn_rate = true;
    options->idempotency_header = "Idempotency-Key";
    options->on_event = on_event;
    options->completion_max = JOBS;
}

/* Half of the jobs have a callback, the others' results are taken; what was accepted is told once, and nothing else. */
static void send_all(struct weir *weir)
{
    static const char *const paths[] = {"ok", "r", "ok", "ok", "e", "r", "ok", "ok", "ok", "l"};
    static const struct weir_header headers[] = {{"X-One", "1"}, {"Accept-Encoding", "gzip"}};
    const struct weir_result *result;
    bool accepted[JOBS];
    char url[64];

    for (unsigned i = 0; i < JOBS; i++) {
        struct weir_request request = WEIR_REQUEST_INIT;
        atomic_store(&told[i], 0);
        const char *path = paths[i % 10];
        if (path[0] == 'l' && !pushed_back)
            path = "ok";
        (void)snprintf(url, sizeof url, "http://%s:%d/%s%u", i % 4 == 1 ? STARVE_NAME : "127.0.0.1", port, path, i);
        request.method = i % 5 == 0 ? "POST" : "GET";
        request.url = url;
        request.job_id = i;
        request.headers = headers;
        request.header_count = i % 3;
        if (i % 5 == 0) {
            request.body = "body";
            request.body_size = 4;
        }
        request.idempotency_key = i % 2 == 0 ? "key" : NULL;
        request.done = i % 2 == 0 ? done : NULL;
        accepted[i] = went("weir_submit", weir_submit(weir, &request, RUN_MAX_S / 2 * S));
        if (i % 6 == 5)
            (void)weir_cancel(weir, i);
    }
    if (weir_drain(weir, RUN_MAX_S / 2 * S) != WEIR_OK)
        complain("weir_drain did not see the end");
    while ((result = weir_take_result(weir, 0)) != NULL) {
        check_result(result);
        weir_result_free(result);
    }
    for (unsigned i = 0; i < JOBS; i++)
        if (atomic_load(&told[i]) != accepted[i])
            complain("job %u: accepted %d times, told %u times", i, accepted[i], atomic_load(&told[i]));
}

/* Of one's own under a dispatcher's limits: in a scope that is a party more. */
static void send_one_beside(struct weir *weir)
{
    struct weir_permit permit = WEIR_PERMIT_INIT;
    struct weir_limits *limits = weir_limits_of(weir);

    if (went("weir_limits_acquire", weir_limits_acquire(limits, RUN_MAX_S / 2 * S, &permit)))
        (void)weir_limits_release(limits, &permit, NULL);
}

static void use_dispatcher(const char *scope)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_rate rate = {.requests = 100000, .per_ns = S};
    struct weir_stats stats = {.struct_size = sizeof stats};
    struct weir *weir = NULL;

    set_options(&options, &rate);
    options.scope = scope;
    if (!went("weir_new", weir_new(&options, &weir))) {
        if (weir != NULL)
            complain("weir_new wrote its out parameter on failure");
        return;
    }
    send_one_beside(weir);
    send_all(weir);
    weir_snapshot(weir, &stats);
    if (stats.in_flight != 0)
        complain("%u in flight after the end", stats.in_flight);
    weir_free(weir);
}

static void dispatcher(void)
{
    use_dispatcher(NULL);
}

static char scope[64];

static void unlink_scope(void)
{
    char name[80];

    (void)snprintf(name, sizeof name, "/weir.%s", scope + strlen("host:"));
    (void)shm_unlink(name);
}

static void dispatcher_in_scope(void)
{
    use_dispatcher(scope);
    unlink_scope();
}

static void use_limits(const char *in_scope)
{
    static const struct weir_header headers[] = {{"RateLimit-Policy", "\"p\";q=5000;w=1"}, {"Retry-After", "0"}};
    const struct weir_rate rates[] = {{.requests = 1000, .per_ns = S, .shape = WEIR_SHAPE_WINDOW},
                                      {.requests = 100000, .per_ns = 60 * S, .shape = WEIR_SHAPE_WINDOW}};
    const struct weir_rate other = {.requests = 2000, .per_ns = S, .shape = WEIR_SHAPE_WINDOW};
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits_stats stats = {.struct_size = sizeof stats};
    struct weir_answer answer = WEIR_ANSWER_INIT;
    struct weir_limits *limits = NULL;

    options.concurrency = 4;
    options.rates = rates;
    options.rate_count = 2;
    options.scope = in_scope;
    options.learn_rate = true;
    options.backoff_ns = MS;
    options.backoff_max_ns = MS;
    if (!went("weir_limits_new", weir_limits_new(&options, &limits)))
        return;
    answer.headers = headers;
    answer.header_count = 2;
    for (unsigned i = 0; i < 10; i++) {
        struct weir_permit permit = WEIR_PERMIT_INIT;
        if (!went("weir_limits_acquire", weir_limits_acquire(limits, RUN_MAX_S / 2 * S, &permit)))
            continue;
        answer.http_status = i % 4 == 3 ? 429 : 200;
        weir_limits_began(limits, &permit);
        (void)weir_limits_release(limits, &permit, i % 5 == 4 ? NULL : &answer);
    }
    (void)went("weir_limits_set_concurrency", weir_limits_set_concurrency(limits, 64));
    (void)went("weir_limits_set_rate", weir_limits_set_rate(limits, 0, &other));
    weir_limits_snapshot(limits, &stats);
    weir_limits_free(limits);
}

static void limits(void)
{
    use_limits(NULL);
}

static void limits_in_scope(void)
{
    use_limits(scope);
    unlink_scope();
}

static char config_paths[2][64]; /* by engine */

static bool write_config(enum weir_engine of)
{
    char *path = config_paths[of], text[512];
    const int size = snprintf(text, sizeof text,
                              "{\"url\": \"http://127.0.0.1/\", \"concurrency\": 4, \"rate\": [\"1000/s\", "
                              "\"50000/m\"], \"timeout\": \"1s\", \"engine\": \"%s\", \"loops\": 2, \"retry\": "
                              "{\"attempts\": 3, \"backoff\": \"1ms\", \"backoff_max\": \"2ms\"}}\n",
                              of == WEIR_ENGINE_ASYNC ? "async" : "threads");
    int fd;
    bool good;

    (void)snprintf(path, sizeof config_paths[of], "/tmp/weir-starve-XXXXXX");
    fd = mkstemp(path);
    good = fd >= 0 && write(fd, text, (size_t)size) == size;
    if (fd >= 0)
        (void)close(fd);
    return good;
}

static void from_file(void)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir = NULL;
    char errors[512] = "x";
    enum weir_status status;

    options.completion_max = JOBS;
    status = weir_new_from_file(config_paths[engine], &options, errors, sizeof errors, &weir);

    if (status == WEIR_CONFIG) {
        /* a file that cannot be opened is no configuration; that is said */
        const char *what = atomic_load(&starve_refused);
        if (what == NULL || strcmp(what, "open") != 0 || errors[0] == '\0')
            complain("weir_new_from_file: %s: %s", weir_status_text(status), errors);
        return;
    }
    if (errors[0] != '\0')
        complain("weir_new_from_file: %s, and errors: %s", weir_status_text(status), errors);
    if (went("weir_new_from_file", status))
        send_all(weir);
    weir_free(weir);
}

static const struct scenario {
    const char *name;
    void (*run)(void);
    enum weir_engine engine;
} scenarios[] = {
    {"limits", limits, WEIR_ENGINE_THREADS},
    {"limits_in_scope", limits_in_scope, WEIR_ENGINE_THREADS},
    {"from_file", from_file, WEIR_ENGINE_THREADS},
    {"dispatcher", dispatcher, WEIR_ENGINE_THREADS},
    {"dispatcher_in_scope", dispatcher_in_scope, WEIR_ENGINE_THREADS},
    {"async", dispatcher, WEIR_ENGINE_ASYNC},
    {"async_in_scope", dispatcher_in_scope, WEIR_ENGINE_ASYNC},
    {"async_from_file", from_file, WEIR_ENGINE_ASYNC},
};
#define SCENARIO_COUNT (sizeof scenarios / sizeof scenarios[0])

/* ------------------------------------------------------------------------------------------------------------- runs */

static char doing[128]; /* for the watchdog */

static void on_alarm(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, doing, strlen(doing));
    abort();
}

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

static int fds(void)
{
    return entries("/proc/self/fd");
}

static int threads(void)
{
    return entries("/proc/self/task");
}

static int fds_at_first, threads_at_first; /* before anything was done */

/* What libcurl leaves to a thread that looks up a name is its own until that ends. */
static void settle(long live)
{
    const struct timespec moment = {.tv_nsec = MS};

    for (int turn = 0; turn < SETTLE_MAX_S * 1000; turn++) {
        if (threads() == threads_at_first && atomic_load(&starve_live) == live && fds() == fds_at_first)
            return;
        (void)nanosleep(&moment, NULL);
    }
}

/* Without memory for the lock of a look-up, libcurl 7.88 closes 0, which it has not opened (init_thread_sync_data). */
static void put_back_stdin(void)
{
    if (fcntl(STDIN_FILENO, F_GETFD) >= 0)
        return;
    if (open("/dev/null", O_RDONLY) != STDIN_FILENO)
        complain("descriptor 0 was closed, and another is the first that is free");
}

/* False where the run did not come so far that something was refused. */
static bool run(const struct scenario *scenario, long at)
{
    long before = atomic_load(&starve_live), left;

    wrong[0] = '\0';
    engine = scenario->engine;
    pushed_back = at % 8 == 0;
    (void)snprintf(doing, sizeof doing, "starve: %s, request %ld: hangs\n", scenario->name, at);
    (void)alarm(RUN_MAX_S);
    atomic_store(&starve_refused, NULL);
    atomic_store(&starve_left, at);
    scenario->run();
    left = atomic_exchange(&starve_left, 0);
    (void)alarm(0);
    put_back_stdin();
    settle(before);
    if (atomic_load(&starve_live) != before)
        complain("%ld allocations are left", atomic_load(&starve_live) - before);
    if (fds() != fds_at_first)
        complain("%d descriptors are left", fds() - fds_at_first);
    if (threads() != threads_at_first)
        complain("%d threads are left", threads() - threads_at_first);
    return left == 0 && at > 0;
}

/* The number of runs that went wrong. */
static int starve(const struct scenario *scenario, long first, long step)
{
    int bad = 0, unreached = 0;
    long at;

    (void)run(scenario, 0); /* what is made once, and whether it works at all */
    (void)run(scenario, 0);
    if (wrong[0] != '\0') {
        printf("# %s, nothing refused: %s\n", scenario->name, wrong);
        bad++;
    }
    for (at = first; unreached < 3 && at < RUNS_MAX && bad < 20; at += step) {
        unreached = run(scenario, at) ? 0 : unreached + 1;
        if (wrong[0] == '\0')
            continue;
        bad++;
        printf("# %s, request %ld (%s): %s\n", scenario->name, at,
               atomic_load(&starve_refused) != NULL ? atomic_load(&starve_refused) : "none", wrong);
    }
    printf("%s - %s: %ld requests refused in turn\n", bad == 0 ? "ok" : "not ok", scenario->name, (at - 1) / step);
    (void)fflush(stdout);
    return bad;
}

/* libcurl's memory, by the wrapped names. */
static void *memory_malloc(size_t size)
{
    return malloc(size);
}

static void memory_free(void *memory)
{
    free(memory);
}

static void *memory_realloc(void *memory, size_t size)
{
    return realloc(memory, size);
}

static char *memory_strdup(const char *text)
{
    return strdup(text);
}

static void *memory_calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    const long first = argc > 2 ? strtol(argv[2], NULL, 10) : 1, step = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
    int bad = 0;
    pid_t server = start_server();

    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* also what was said before a crash */
    if (server < 0 || port == 0 || !write_config(WEIR_ENGINE_THREADS) || !write_config(WEIR_ENGINE_ASYNC) ||
        signal(SIGALRM, on_alarm) == SIG_ERR ||
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, memory_malloc, memory_free, memory_realloc, memory_strdup,
                             memory_calloc) != CURLE_OK)
        return 2;
    fds_at_first = fds();
    threads_at_first = threads();
    (void)snprintf(scope, sizeof scope, "host:starve.%d", (int)getpid());
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        if (only[0] == '\0' || strcmp(only, scenarios[i].name) == 0)
            bad += starve(&scenarios[i], first > 0 ? first : 1, step > 0 ? step : 1);
    (void)unlink(config_paths[0]);
    (void)unlink(config_paths[1]);
    curl_global_cleanup();
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    return bad == 0 ? 0 : 1;
}
