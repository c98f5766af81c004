/*
 * A host whose threads have small stacks: what a call of weir needs of its caller's is bounded, here measured and held
 * to.  (weir's own threads bring stacks of their own.)
 *
 * A thread runs on memory that was filled with a pattern before; what no longer has it was used.  WEIR_STACKS=1 prints
 * the figures.
 */
#include "test_host_support.h"

#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>

#if !defined(WEIR_SANITIZER)

#define PATTERN 0xA5
#define AREA_SIZE ((size_t)1024 * 1024)

/* What a call may take, for all but those that make a handle: with the thread's own data (some 5 KiB of it in a
 * program like this one) it fits in a stack of PTHREAD_STACK_MIN. */
#define SMALL_SIZE ((size_t)8 * 1024)
#define LARGE_SIZE ((size_t)16 * 1024) /* weir_new(), weir_new_from_file() */

static struct raw_server *server;
static struct host_tls tls;
static char url[64];

static struct weir *weir;
static struct weir_limits *limits;
static struct weir_permit permit;
static struct weir_stats stats;
static struct weir_limits_stats limits_stats;
static const struct weir_result *result;

static void *area_new(void)
{
    void *area = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(area, MAP_FAILED);
    return area;
}

/* How much of the stack a thread used that ran it. */
static size_t used_by(void *(*run)(void *))
{
    unsigned char *area = area_new();
    pthread_attr_t attributes;
    pthread_t thread;
    size_t untouched = 0;
    void *wrong = NULL;

    memset(area, PATTERN, AREA_SIZE);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, area, AREA_SIZE), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, NULL), 0);
    assert_int_equal(pthread_join(thread, &wrong), 0);
    (void)pthread_attr_destroy(&attributes);
    if (wrong != NULL)
        fail_msg("%s", (const char *)wrong);
    while (untouched < AREA_SIZE && area[untouched] == PATTERN)
        untouched++;
    (void)munmap(area, AREA_SIZE);
    return AREA_SIZE - untouched;
}

/* Texts that are handed back: what went wrong. */
#define WRONG(text) ((void *)(uintptr_t)(text))

static void *run_nothing(void *argument)
{
    return argument;
}

static void *run_new(void *argument)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_rate rate = {.requests = 1000, .per_ns = HOST_S};

    (void)argument;
    options.concurrency = 2;
    options.rates = &rate;
    options.rate_count = 1;
    options.ca_file = tls.ca;
    options.completion_max = 16;
    return weir_new(&options, &weir) == WEIR_OK ? NULL : WRONG("weir_new");
}

static void *run_submit(void *argument)
{
    struct weir_request request = WEIR_REQUEST_INIT;

    (void)argument;
    request.url = url;
    request.job_id = 1;
    return weir_submit(weir, &request, -1) == WEIR_OK ? NULL : WRONG("weir_submit");
}

static void *run_take(void *argument)
{
    (void)argument;
    result = weir_take_result(weir, -1);
    return result != NULL ? NULL : WRONG("weir_take_result");
}

static void *run_result_free(void *argument)
{
    (void)argument;
    weir_result_free(result);
    return NULL;
}

static void *run_cancel(void *argument)
{
    (void)argument;
    return weir_cancel(weir, 4711) == WEIR_NOT_FOUND ? NULL : WRONG("weir_cancel");
}

static void *run_wait(void *argument)
{
    (void)argument;
    return weir_wait(weir, -1) == WEIR_OK ? NULL : WRONG("weir_wait");
}

static void *run_snapshot(void *argument)
{
    (void)argument;
    stats.struct_size = sizeof stats;
    weir_snapshot(weir, &stats);
    return stats.accepted > 0 ? NULL : WRONG("weir_snapshot");
}

static void *run_limits_new(void *argument)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    const struct weir_rate rate = {.requests = 1000, .per_ns = HOST_S};

    (void)argument;
    options.concurrency = 2;
    options.rates = &rate;
    options.rate_count = 1;
    return weir_limits_new(&options, &limits) == WEIR_OK ? NULL : WRONG("weir_limits_new");
}

static void *run_acquire(void *argument)
{
    (void)argument;
    return weir_limits_acquire(limits, -1, &permit) == WEIR_OK ? NULL : WRONG("weir_limits_acquire");
}

static void *run_release(void *argument)
{
    static const struct weir_header headers[] = {
        {"Retry-After", "0"},
        {"RateLimit-Policy", "\"burst\";q=100;w=60,\"daily\";q=1000;w=86400"},
        {"RateLimit", "\"burst\";r=50;t=30"},
        {"X-RateLimit-Reset", "Sun, 06 Nov 1994 08:49:37 GMT"},
    };
    struct weir_answer answer = WEIR_ANSWER_INIT;

    (void)argument;
    answer.http_status = 429;
    answer.headers = headers;
    answer.header_count = sizeof headers / sizeof headers[0];
    weir_limits_began(limits, &permit);
    (void)weir_limits_release(limits, &permit, &answer);
    return NULL;
}

static void *run_limits_snapshot(void *argument)
{
    (void)argument;
    limits_stats.struct_size = sizeof limits_stats;
    weir_limits_snapshot(limits, &limits_stats);
    return limits_stats.limit_count > 0 ? NULL : WRONG("weir_limits_snapshot");
}

static void *run_limits_free(void *argument)
{
    (void)argument;
    weir_limits_free(limits);
    return NULL;
}

static void *run_abort(void *argument)
{
    (void)argument;
    weir_abort(weir);
    return NULL;
}

static void *run_free(void *argument)
{
    (void)argument;
    weir_free(weir);
    return NULL;
}

static const struct {
    const char *name;
    void *(*run)(void *);
    size_t size_max;
} calls[] = {
    {"weir_new", run_new, LARGE_SIZE},
    {"weir_submit", run_submit, SMALL_SIZE},
    {"weir_take_result", run_take, SMALL_SIZE},
    {"weir_result_free", run_result_free, SMALL_SIZE},
    {"weir_cancel", run_cancel, SMALL_SIZE},
    {"weir_wait", run_wait, SMALL_SIZE},
    {"weir_snapshot", run_snapshot, SMALL_SIZE},
    {"weir_abort", run_abort, SMALL_SIZE},
    {"weir_free", run_free, SMALL_SIZE},
    {"weir_limits_new", run_limits_new, SMALL_SIZE},
    {"weir_limits_acquire", run_acquire, SMALL_SIZE},
    {"weir_limits_release", run_release, SMALL_SIZE},
    {"weir_limits_snapshot", run_limits_snapshot, SMALL_SIZE},
    {"weir_limits_free", run_limits_free, SMALL_SIZE},
};
#define CALL_COUNT (sizeof calls / sizeof calls[0])

static int start(void **state)
{
    (void)state;
    server = raw_server_start(host_answer, NULL);
    if (server == NULL || !host_tls_start(&tls, ""))
        return -1;
    host_url(url, sizeof url, server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    raw_server_stop(server);
    host_tls_stop(&tls);
    return 0;
}

static void calls_need_little_stack(void **state)
{
    const size_t nothing = used_by(run_nothing);
    bool good = true;

    (void)state;
    for (size_t i = 0; i < CALL_COUNT; i++) {
        const size_t used = used_by(calls[i].run) - nothing;
        const bool within = used <= calls[i].size_max;
        if (getenv("WEIR_STACKS") != NULL || !within)
            print_message("%s: %zu bytes of stack%s\n", calls[i].name, used, within ? "" : ": too many");
        good = good && within;
    }
    assert_true(good);
}

/* The same on stacks of that size, with a page below that faults. */
static void run_on(size_t size)
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *wrong = NULL;

    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, size), 0);
    for (size_t i = 0; i < CALL_COUNT; i++) {
        if (calls[i].size_max == LARGE_SIZE && size < 2 * LARGE_SIZE) {
            (void)calls[i].run(NULL);
            continue;
        }
        assert_int_equal(pthread_create(&thread, &attributes, calls[i].run, NULL), 0);
        assert_int_equal(pthread_join(thread, &wrong), 0);
        if (wrong != NULL)
            fail_msg("%s", (const char *)wrong);
    }
    (void)pthread_attr_destroy(&attributes);
}

static void smallest_threads_may_call(void **state)
{
    (void)state;
    run_on((size_t)sysconf(_SC_THREAD_STACK_MIN));
    run_on((size_t)32 * 1024);
    run_on((size_t)64 * 1024);
    run_on((size_t)128 * 1024);
}

#else

static int start(void **state)
{
    (void)state;
    return 0;
}

#define stop start

static void calls_need_little_stack(void **state)
{
    (void)state;
    skip(); /* a sanitizer's frames are larger */
}

static void smallest_threads_may_call(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_need_little_stack),
        cmocka_unit_test(smallest_threads_may_call),
    };

    host_watchdog();
    return cmocka_run_group_tests(tests, start, stop);
}
