/*
 * The async engine through weir.h alone: a thousand requests in few threads, each of which ends once, within its time
 * and its limits, whatever becomes of the others.
 */
#include "test_public_support.h"

#include "support/crowd_server.h"
#include "support/raw_server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define JOBS_MAX 5000u
#define THREADS_MAX 64u

/* How the jobs of one test ended. */
struct ends {
    pthread_mutex_t lock;
    uint32_t times[JOBS_MAX];
    struct weir_result results[JOBS_MAX]; /* without what they point to */
    int64_t ended_ns[JOBS_MAX];
    uint32_t ended, outcomes[WEIR_OUTCOME_COUNT];
    long threads[THREADS_MAX]; /* that ran callbacks */
    uint32_t thread_count;
};

static struct ends ends;
static struct crowd_server *crowd;
static struct weir *live; /* what a test that failed has left */

static void note_thread(void)
{
    const long id = syscall(SYS_gettid);

    for (uint32_t i = 0; i < ends.thread_count; i++)
        if (ends.threads[i] == id)
            return;
    if (ends.thread_count < THREADS_MAX)
        ends.threads[ends.thread_count++] = id;
}

static void done(void *user_data, const struct weir_result *result)
{
    (void)user_data;
    pthread_mutex_lock(&ends.lock);
    note_thread();
    ends.times[result->job_id]++;
    ends.results[result->job_id] = *result;
    ends.ended_ns[result->job_id] = now_ns();
    ends.outcomes[result->outcome]++;
    ends.ended++;
    pthread_mutex_unlock(&ends.lock);
}

static int begin_test(void **state)
{
    (void)state;
    memset(&ends, 0, sizeof ends);
    pthread_mutex_init(&ends.lock, NULL);
    crowd = NULL;
    return 0;
}

static int end_test(void **state)
{
    (void)state;
    weir_free(live);
    live = NULL;
    crowd_stop(crowd);
    pthread_mutex_destroy(&ends.lock);
    return 0;
}

static void serve(const struct crowd_plan *plan)
{
    crowd = crowd_start(plan);
    assert_non_null(crowd);
}

static struct weir_options async_options(uint32_t concurrency, uint32_t loops)
{
    struct weir_options options = WEIR_OPTIONS_INIT;

    options.engine = WEIR_ENGINE_ASYNC;
    options.loop_count = loops;
    options.concurrency = concurrency;
    options.queue_max = JOBS_MAX;
    options.attempt_max = 1;
    return options;
}

static struct weir *start(const struct weir_options *options)
{
    expect_status(weir_new(options, &live), WEIR_OK);
    return live;
}

static void finish(void)
{
    weir_free(live);
    live = NULL;
}

static void submit_to(struct weir *weir, const char *method, int port, const char *path, uint64_t id)
{
    struct weir_request request = WEIR_REQUEST_INIT;
    char url[96];

    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    request.method = method;
    request.url = url;
    request.job_id = id;
    request.done = done;
    expect_status(weir_submit(weir, &request, S(5)), WEIR_OK);
}

static void submit_all(struct weir *weir, const char *path, uint64_t first, uint64_t count)
{
    for (uint64_t id = first; id < first + count; id++)
        submit_to(weir, "GET", crowd_port(crowd), path, id);
}

static uint32_t count_ended(void)
{
    uint32_t count;

    pthread_mutex_lock(&ends.lock);
    count = ends.ended;
    pthread_mutex_unlock(&ends.lock);
    return count;
}

static bool await_ended(uint32_t count, int64_t within_ns)
{
    const int64_t end = now_ns() + within_ns;

    while (count_ended() < count && now_ns() < end)
        pause_ns(MS(1));
    return count_ended() >= count;
}

static struct weir_stats stats_of(struct weir *weir)
{
    struct weir_stats stats = {.struct_size = sizeof stats};

    weir_snapshot(weir, &stats);
    return stats;
}

static void expect_once(uint64_t first, uint64_t count)
{
    for (uint64_t id = first; id < first + count; id++)
        if (ends.times[id] != 1)
            fail_msg("job %llu ended %u times", (unsigned long long)id, ends.times[id]);
}

static void expect_end(uint64_t id, enum weir_outcome outcome, enum weir_error error)
{
    const struct weir_result *r = &ends.results[id];

    if (ends.times[id] != 1 || r->outcome != outcome || r->error != error)
        fail_msg("job %llu ended %u times, %s, %s; not once, %s, %s", (unsigned long long)id, ends.times[id],
                 weir_outcome_text(r->outcome), weir_error_code(r->error), weir_outcome_text(outcome),
                 weir_error_code(error));
}

static int threads_now(void)
{
    DIR *dir = opendir("/proc/self/task");
    int count = -2;

    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return S(t.tv_sec) + t.tv_nsec;
}

static void expect_time_adds_up(const struct weir_stats *s)
{
    const struct weir_time_stats *t = &s->time;
    const int64_t sum = t->sending_ns + t->permit_wait_ns + t->pace_wait_ns + t->paused_ns + t->backoff_ns + t->idle_ns;
    const int64_t whole = (int64_t)s->workers * s->elapsed_ns;

    /* of those started later, the time before is idle: the parts add up to workers x elapsed */
    if (sum < whole - MS(1) || sum > whole + MS(1))
        fail_msg("the workers' time adds up to %.3f s, not %u x %.3f s", (double)sum / 1e9, s->workers,
                 (double)s->elapsed_ns / 1e9);
}

/* ---------------------------------------------------------------------------------------------------- a thousand */

static void thousand_with(uint32_t loops)
{
    const struct crowd_plan plan = {.latency_ns = MS(2), .hold = 1000};
    const struct weir_options options = async_options(1000, loops);
    struct weir_stats stats;
    struct weir *weir;
    int before;

    if (!crowd_raise_fds(4096))
        skip();
    serve(&plan);
    before = threads_now();
    weir = start(&options);
    submit_all(weir, "/", 0, 3000);
    if (weir_wait(weir, S(30)) != WEIR_OK)
        fail_msg("%u of 3000 ended; the server had %u in flight at most", count_ended(),
                 crowd_figures(crowd).peak_in_flight);
    stats = stats_of(weir);
    expect_count(crowd_figures(crowd).peak_in_flight, 1000);
    expect_count(crowd_figures(crowd).arrivals, 3000);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 3000);
    expect_once(0, 3000);
    expect_from_to(ends.thread_count, 1, loops);
    expect_from_to((uint64_t)(threads_now() - before), 1, (uint64_t)loops + 1); /* one listens for other processes */
    expect_count(stats.accepted, 3000);
    expect_count(stats.attempts, 3000);
    expect_count(stats.outcomes[WEIR_OUTCOME_SUCCEEDED], 3000);
    expect_count(stats.peak_in_flight, 1000);
    expect_count(stats.in_flight, 0);
    expect_from_to(stats.workers, 1000, 1000);
    expect_count(stats.connections, crowd_figures(crowd).connections);
    expect_from_to(stats.connections, 1000, 1000); /* kept ones are used again */
    expect_time_adds_up(&stats);
    finish();
}

static void one_loop_has_a_thousand_in_flight_at_once(void **state)
{
    (void)state;
    thousand_with(1);
}

static void four_loops_have_a_thousand_in_flight_at_once(void **state)
{
    (void)state;
    thousand_with(4);
}

static void a_snapshot_in_the_middle_says_what_is_in_flight(void **state)
{
    const struct crowd_plan plan = {.hold = UINT32_MAX};
    const struct weir_options options = async_options(300, 2);
    struct weir_stats stats;
    struct weir *weir;

    (void)state;
    if (!crowd_raise_fds(4096))
        skip();
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/", 0, 500);
    assert_true(crowd_await_in_flight(crowd, 300));
    stats = stats_of(weir);
    expect_count(stats.in_flight, 300);
    expect_count(stats.peak_in_flight, 300);
    expect_count(stats.queued, 200);
    expect_count(stats.workers, 300);
    expect_time_adds_up(&stats);
    crowd_release(crowd);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    stats = stats_of(weir);
    expect_time_adds_up(&stats);
    expect_from_to((uint64_t)stats.latency.count, 500, 500);
    finish();
}

static void the_concurrency_limit_is_never_exceeded(void **state)
{
    const struct crowd_plan plan = {.latency_ns = MS(1)};
    const struct weir_options options = async_options(20, 4);
    struct weir *weir;

    (void)state;
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/", 0, 3000);
    expect_status(weir_wait(weir, S(30)), WEIR_OK);
    expect_from_to(crowd_figures(crowd).peak_in_flight, 10, 20);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 3000);
    expect_from_to(crowd_figures(crowd).connections, 1, 20);
    finish();
}

static void fewer_workers_than_concurrency_are_the_bound(void **state)
{
    const struct crowd_plan plan = {.latency_ns = MS(1)};
    struct weir_options options = async_options(50, 3);
    struct weir *weir;

    (void)state;
    options.worker_max = 7;
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/", 0, 500);
    expect_status(weir_wait(weir, S(30)), WEIR_OK);
    expect_from_to(crowd_figures(crowd).peak_in_flight, 2, 7);
    expect_from_to(stats_of(weir).workers, 1, 7);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 500);
    finish();
}

/* ----------------------------------------------------------------------------------------------- loops and threads */

static void no_more_loops_start_than_workers(void **state)
{
    const struct crowd_plan plan = {.latency_ns = MS(5)};
    const struct weir_options options = async_options(2, WEIR_LOOPS_MAX);
    struct weir *weir;
    int before;

    (void)state;
    serve(&plan);
    before = threads_now();
    weir = start(&options);
    submit_all(weir, "/", 0, 20);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_from_to((uint64_t)(threads_now() - before), 1, 2 + 1);
    expect_from_to(ends.thread_count, 1, 2);
    finish();
}

static void values_out_of_range_are_invalid(void **state)
{
    static const struct {
        int engine;
        uint32_t loops;
    } bad[] = {{2, 1}, {-1, 1}, {WEIR_ENGINE_ASYNC, 0}, {WEIR_ENGINE_ASYNC, WEIR_LOOPS_MAX + 1}};
    struct weir *const nobody = (struct weir *)(void *)&ends;
    struct weir *weir;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct weir_options options = async_options(5, bad[i].loops);
        options.engine = (enum weir_engine)bad[i].engine;
        weir = nobody;
        if (weir_new(&options, &weir) != WEIR_INVALID || weir != nobody)
            fail_msg("engine %d with %u loops is not refused", bad[i].engine, bad[i].loops);
    }
}

static void a_dispatcher_without_work_uses_no_time(void **state)
{
    const struct crowd_plan plan = {.latency_ns = MS(300)};
    struct weir_rate rate = {.requests = 1, .per_ns = S(1)};
    struct weir_options options = async_options(50, 4);
    struct weir *weir;
    const char *mode = getenv("WEIR_TEST_MODE");
    int64_t used_ns;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/", 0, 5); /* one goes, four wait for the rate */
    assert_true(crowd_await_in_flight(crowd, 1));
    used_ns = cpu_ns();
    pause_ns(MS(600));
    used_ns = cpu_ns() - used_ns;
    if (mode == NULL || strcmp(mode, "release") == 0)
        expect_between(used_ns, 0, MS(60));
    finish();
    expect_count(count_ended(), 5);
}

/* Who calls back may call whatever does not wait: each end brings the next job. */
struct chain {
    struct weir *weir;
    int port;
    const char *path;
    atomic_uint next;
    uint32_t length;
};

static void go_on(void *user_data, const struct weir_result *result)
{
    struct chain *chain = user_data;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir_stats stats = {.struct_size = sizeof stats};
    char url[64];

    done(NULL, result);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", chain->port, chain->path);
    request.url = url;
    request.job_id = atomic_fetch_add(&chain->next, 1);
    request.done = go_on;
    request.user_data = chain;
    weir_snapshot(chain->weir, &stats);
    (void)weir_cancel(chain->weir, JOBS_MAX);
    if (request.job_id >= chain->length)
        return;
    if (weir_submit(chain->weir, &request, 0) == WEIR_STOPPED)
        atomic_store(&chain->next, chain->length); /* nothing more is accepted */
}

static void callbacks_submit_and_look(void **state)
{
    const struct crowd_plan plan = {.latency_ns = 0};
    const struct weir_options options = async_options(10, 2);
    struct chain chain = {.path = "/", .length = 2000};

    (void)state;
    serve(&plan);
    chain.weir = start(&options);
    chain.port = crowd_port(crowd);
    for (uint32_t i = 0; i < 10; i++) {
        struct weir_request request = WEIR_REQUEST_INIT;
        char url[64];
        snprintf(url, sizeof url, "http://127.0.0.1:%d/", chain.port);
        request.url = url;
        request.job_id = atomic_fetch_add(&chain.next, 1);
        request.done = go_on;
        request.user_data = &chain;
        expect_status(weir_submit(chain.weir, &request, 0), WEIR_OK);
    }
    assert_true(await_ended(2000, S(20)));
    expect_status(weir_wait(chain.weir, S(10)), WEIR_OK);
    expect_once(0, 2000);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 2000);
    finish();
}

static void results_come_by_the_completion_queue(void **state)
{
    const struct crowd_plan plan = {.latency_ns = MS(1)};
    struct weir_options options = async_options(20, 2);
    struct weir_request request = WEIR_REQUEST_INIT;
    const struct weir_result *result;
    bool seen[200] = {false};
    struct weir *weir;
    struct pollfd fd;
    char url[64];

    (void)state;
    options.completion_max = 200;
    options.keep_bodies = true;
    serve(&plan);
    weir = start(&options);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", crowd_port(crowd));
    request.url = url;
    for (request.job_id = 0; request.job_id < 200; request.job_id++)
        expect_status(weir_submit(weir, &request, S(5)), WEIR_OK);
    fd = (struct pollfd){.fd = weir_completion_fd(weir), .events = POLLIN};
    for (int taken = 0; taken < 200;) {
        if (poll(&fd, 1, 10000) != 1)
            fail_msg("%d of 200 results came", taken);
        while ((result = weir_take_result(weir, 0)) != NULL) {
            assert_false(seen[result->job_id]);
            seen[result->job_id] = true;
            expect_count(result->body_size, 2);
            assert_memory_equal(result->body, "ok", 2);
            weir_result_free(result);
            taken++;
        }
    }
    finish();
}

/* ------------------------------------------------------------------------------------------------- abrupt ends */

static void an_abort_ends_a_thousand_at_once(void **state)
{
    const struct crowd_plan plan = {.latency_ns = 0};
    const struct weir_options options = async_options(1000, 2);
    struct weir *weir;
    int64_t begin_ns;

    (void)state;
    if (!crowd_raise_fds(4096))
        skip();
    serve(&plan);
    weir = start(&options);
    for (uint64_t id = 0; id < 1000; id++)
        submit_to(weir, id % 2 == 0 ? "GET" : "POST", crowd_port(crowd), "/silent", id);
    submit_all(weir, "/silent", 1000, 200);
    assert_true(crowd_await_in_flight(crowd, 1000));
    begin_ns = now_ns();
    weir_abort(weir);
    expect_between(now_ns() - begin_ns, 0, MS(500)); /* it waits for nothing */
    expect_status(weir_wait(weir, SOON), WEIR_OK);
    expect_between(now_ns() - begin_ns, 0, SOON);
    print_message("1,200 were told of after %.1f ms\n", (double)(now_ns() - begin_ns) / 1e6);
    expect_once(0, 1200);
    for (uint64_t id = 0; id < 1200; id++) /* what may have been processed, and must not be done twice, is unknown */
        expect_end(id, id < 1000 && id % 2 == 1 ? WEIR_OUTCOME_UNKNOWN : WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    finish();
}

static void free_ends_what_is_in_flight(void **state)
{
    const struct crowd_plan plan = {.latency_ns = 0};
    const struct weir_options options = async_options(300, 3);
    struct weir *weir;
    int before;
    int64_t begin_ns;
    int left;

    (void)state;
    if (!crowd_raise_fds(4096))
        skip();
    serve(&plan);
    before = threads_now();
    weir = start(&options);
    submit_all(weir, "/silent", 0, 400);
    assert_true(crowd_await_in_flight(crowd, 300));
    begin_ns = now_ns();
    finish();
    expect_between(now_ns() - begin_ns, 0, SOON);
    expect_count(count_ended(), 400); /* all callbacks have run */
    expect_once(0, 400);
    left = threads_now();
    for (int i = 0; i < 2000 && left > before; i++, left = threads_now())
        pause_ns(MS(1));
    expect_count(left, before);
}

static void a_cancel_ends_one_and_leaves_the_others(void **state)
{
    const struct crowd_plan plan = {.hold = UINT32_MAX};
    const struct weir_options options = async_options(400, 1);
    struct weir *weir;
    int64_t begin_ns;

    (void)state;
    if (!crowd_raise_fds(4096))
        skip();
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/", 0, 400);
    assert_true(crowd_await_in_flight(crowd, 400));
    begin_ns = now_ns();
    expect_status(weir_cancel(weir, 123), WEIR_OK);
    assert_true(await_ended(1, SOON));
    expect_between(now_ns() - begin_ns, 0, SOON);
    expect_end(123, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    pause_ns(MS(50));
    expect_count(count_ended(), 1);
    crowd_release(crowd);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_once(0, 400);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 399);
    expect_status(weir_cancel(weir, 5), WEIR_NOT_FOUND);
    finish();
}

static void a_stop_lets_what_is_in_flight_finish(void **state)
{
    const struct crowd_plan plan = {.hold = UINT32_MAX};
    const struct weir_options options = async_options(50, 2);
    struct weir *weir;

    (void)state;
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/", 0, 200);
    assert_true(crowd_await_in_flight(crowd, 50));
    weir_stop(weir);
    pause_ns(MS(50));
    crowd_release(crowd);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_once(0, 200);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 50);
    expect_count(ends.outcomes[WEIR_OUTCOME_CANCELLED], 150);
    expect_count(crowd_figures(crowd).arrivals, 50);
    finish();
}

/* ---------------------------------------------------------------------------------------------------------- times */

/* A port whose connections never come about: its queue of them is full. */
struct blackhole {
    int listener, filler[4], port;
};

static void blackhole_open(struct blackhole *hole)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hole->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(hole->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(hole->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(hole->listener, 0), 0);
    hole->port = ntohs(address.sin_port);
    for (size_t i = 0; i < sizeof hole->filler / sizeof hole->filler[0]; i++) {
        hole->filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(hole->filler[i], (struct sockaddr *)&address, size);
    }
    pause_ns(MS(20));
}

static void blackhole_close(struct blackhole *hole)
{
    close(hole->listener);
    for (size_t i = 0; i < sizeof hole->filler / sizeof hole->filler[0]; i++)
        close(hole->filler[i]);
}

/* The 500 go on for all the time that it takes. */
static void keep_busy(struct weir *weir, struct chain *chain)
{
    chain->weir = weir;
    chain->port = crowd_port(crowd);
    chain->length = JOBS_MAX - 10;
    atomic_store(&chain->next, 500);
    for (uint64_t id = 0; id < 500; id++) {
        struct weir_request request = WEIR_REQUEST_INIT;
        char url[64];
        snprintf(url, sizeof url, "http://127.0.0.1:%d%s", chain->port, chain->path);
        request.url = url;
        request.job_id = id;
        request.done = go_on;
        request.user_data = chain;
        expect_status(weir_submit(weir, &request, S(5)), WEIR_OK);
    }
}

static int64_t slack(void)
{
    const char *mode = getenv("WEIR_TEST_MODE");

    return mode != NULL && strcmp(mode, "release") != 0 ? S(3) : MS(700);
}

static void timeouts_are_kept_beside_500_others(void **state)
{
    enum { SLOW = JOBS_MAX - 1, HOLE = JOBS_MAX - 2 };
    const struct crowd_plan plan = {.latency_ns = MS(50)};
    struct weir_options options = async_options(510, 1);
    struct blackhole hole;
    struct chain chain = {.path = "/ms/200"};
    struct weir *weir;
    int64_t begin_ns;

    (void)state;
    if (!crowd_raise_fds(4096))
        skip();
    options.connect_timeout_ns = MS(400);
    options.timeout_ns = MS(800);
    serve(&plan);
    blackhole_open(&hole);
    weir = start(&options);
    keep_busy(weir, &chain);
    begin_ns = now_ns();
    submit_to(weir, "GET", crowd_port(crowd), "/silent", SLOW);
    submit_to(weir, "GET", hole.port, "/", HOLE);
    pause_ns(MS(800) + slack());
    weir_stop(weir);
    (void)weir_wait(weir, S(10));
    for (uint32_t id = 0; id < SLOW - 1; id++)
        if (ends.times[id] > 0 && ends.results[id].outcome == WEIR_OUTCOME_FAILED)
            fail_msg("job %u, which had time: %s, connecting for %.1f ms, in all %.1f ms", id,
                     weir_error_code(ends.results[id].error), (double)ends.results[id].connect_ns / 1e6,
                     (double)ends.results[id].total_ns / 1e6);
    expect_end(SLOW, WEIR_OUTCOME_FAILED, WEIR_ERROR_TIMEOUT);
    expect_end(HOLE, WEIR_OUTCOME_FAILED, WEIR_ERROR_CONNECT);
    expect_between(ends.ended_ns[SLOW] - begin_ns, MS(800), MS(800) + slack());
    expect_between(ends.ended_ns[HOLE] - begin_ns, MS(400), MS(400) + slack());
    expect_from_to(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 500, JOBS_MAX);
    expect_count(ends.outcomes[WEIR_OUTCOME_FAILED], 2);
    finish();
    blackhole_close(&hole);
}

static void deadlines_are_kept_in_flight_and_in_the_queue(void **state)
{
    const struct crowd_plan plan = {.latency_ns = MS(50)};
    struct weir_options options = async_options(100, 2);
    struct weir *weir;
    int64_t begin_ns;

    (void)state;
    options.deadline_ns = MS(500);
    serve(&plan);
    weir = start(&options);
    begin_ns = now_ns();
    submit_all(weir, "/silent", 0, 100); /* which keep all permits */
    submit_all(weir, "/", 100, 50);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    for (uint64_t id = 0; id < 150; id++) {
        expect_between(ends.ended_ns[id] - begin_ns, MS(500), MS(500) + slack());
        if (ends.results[id].error != WEIR_ERROR_TIMEOUT) /* who got a permit in the last moment was sent, too */
            expect_end(id, WEIR_OUTCOME_FAILED, WEIR_ERROR_DEADLINE);
        assert_int_equal(ends.results[id].outcome, WEIR_OUTCOME_FAILED);
    }
    expect_from_to(crowd_figures(crowd).arrivals, 100, 150);
    finish();
}

/* -------------------------------------------------------------------------------------------------- dead connections
 */

/* Answers the first request of a connection; the second one finds it dead, once for the server. */
struct mortal {
    atomic_int deaths, requests;
};

static void serve_mortal(struct raw_server *server, int fd, int index, void *user)
{
    struct mortal *mortal = user;

    (void)index;
    for (int i = 0; raw_server_read(server, fd); i++) {
        atomic_fetch_add(&mortal->requests, 1);
        if (i == 1 && atomic_fetch_add(&mortal->deaths, 1) == 0) {
            raw_server_reset(fd);
            return;
        }
        if (!raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
    }
}

static void with_a_dead_connection(const char *method, enum weir_outcome outcome, uint32_t attempts)
{
    struct mortal mortal = {0};
    struct raw_server *server = raw_server_start(serve_mortal, &mortal);
    struct weir_options options = async_options(1, 1);
    struct weir *weir;

    assert_non_null(server);
    options.attempt_max = 5;
    options.backoff_ns = MS(1);
    weir = start(&options);
    submit_to(weir, "GET", raw_server_port(server), "/", 0);
    assert_true(await_ended(1, S(10)));
    submit_to(weir, method, raw_server_port(server), "/", 1);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_end(0, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    if (ends.results[1].outcome != outcome || ends.results[1].attempts != attempts)
        fail_msg("%s: %s after %u attempts, not %s after %u", method, weir_outcome_text(ends.results[1].outcome),
                 ends.results[1].attempts, weir_outcome_text(outcome), attempts);
    expect_count(atomic_load(&mortal.requests), 1 + attempts);
    finish();
    raw_server_stop(server);
}

static void a_post_on_a_dead_connection_is_sent_once_and_unknown(void **state)
{
    (void)state;
    with_a_dead_connection("POST", WEIR_OUTCOME_UNKNOWN, 1);
}

static void a_get_on_a_dead_connection_is_sent_again(void **state)
{
    (void)state;
    with_a_dead_connection("GET", WEIR_OUTCOME_SUCCEEDED, 2);
}

/* ---------------------------------------------------------------------------------------------------------- limits */

/* A new connection for each request bunches sends unless the pace is kept at the wire. */
static void rate_with_new_connections(uint32_t loops)
{
    const struct crowd_plan plan = {.latency_ns = MS(5), .close_each = true};
    const struct weir_rate rate = {.requests = 100, .per_ns = S(1)};
    struct weir_options options = async_options(50, loops);
    struct weir_stats stats;
    struct weir *weir;
    uint32_t worst;

    options.rates = &rate;
    options.rate_count = 1;
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/", 0, 250);
    expect_status(weir_wait(weir, S(20)), WEIR_OK);
    stats = stats_of(weir);
    worst = crowd_worst_window(crowd, S(1));
    expect_from_to(worst, 80, 100);
    expect_from_to(stats.limits[1].worst_window, worst, 100);
    expect_count(stats.limits[1].uncertain, 0);
    expect_count(stats.refusals, 0);
    expect_count(crowd_figures(crowd).connections, 250);
    expect_from_to(stats.connections, 200, 250); /* of one that opens two, while it waits at the wire, one counts */
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 250);
    expect_between(stats.elapsed_ns, S(2), S(5));
    expect_time_adds_up(&stats);
    finish();
}

static void a_rate_is_kept_over_new_connections(void **state)
{
    (void)state;
    rate_with_new_connections(1);
}

static void a_rate_is_kept_by_several_loops_together(void **state)
{
    (void)state;
    rate_with_new_connections(3);
}

static void own_requests_share_the_limits(void **state)
{
    const struct crowd_plan plan = {.hold = UINT32_MAX};
    const struct weir_options options = async_options(10, 2);
    struct weir_permit permits[4] = {WEIR_PERMIT_INIT, WEIR_PERMIT_INIT, WEIR_PERMIT_INIT, WEIR_PERMIT_INIT};
    struct weir_permit none = WEIR_PERMIT_INIT;
    struct weir_limits *limits;
    struct weir *weir;

    (void)state;
    serve(&plan);
    weir = start(&options);
    limits = weir_limits_of(weir);
    for (size_t i = 0; i < 4; i++)
        expect_status(weir_limits_acquire(limits, 0, &permits[i]), WEIR_OK);
    submit_all(weir, "/", 0, 30);
    assert_true(crowd_await_in_flight(crowd, 6));
    pause_ns(MS(50));
    expect_count(crowd_figures(crowd).in_flight, 6);
    expect_status(weir_limits_acquire(limits, MS(20), &none), WEIR_TIMEOUT);
    for (size_t i = 0; i < 4; i++) /* each lets one more of the dispatcher's go */
        (void)weir_limits_release(limits, &permits[i], NULL);
    assert_true(crowd_await_in_flight(crowd, 10));
    crowd_release(crowd);
    expect_status(weir_limits_acquire(limits, S(10), &none), WEIR_OK); /* and it has its turn beside them */
    (void)weir_limits_release(limits, &none, NULL);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_count(crowd_figures(crowd).peak_in_flight, 10);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 30);
    finish();
}

/* ------------------------------------------------------------------------------------------------------- processes */

static int live_as_a_child(void *argument)
{
    struct weir *parents = argument;
    const struct weir_options options = async_options(5, 2);
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir *weir = NULL;
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%d/", crowd_port(crowd));
    request.url = url;
    CHILD_CHECK(1, weir_submit(parents, &request, 0) == WEIR_FORKED);
    CHILD_CHECK(2, weir_wait(parents, 0) == WEIR_FORKED);
    CHILD_CHECK(3, weir_cancel(parents, 1) == WEIR_FORKED);
    weir_abort(parents);
    weir_free(parents);
    CHILD_CHECK(4, weir_new(&options, &weir) == WEIR_OK);
    CHILD_CHECK(5, weir_submit(weir, &request, 0) == WEIR_OK);
    CHILD_CHECK(6, weir_wait(weir, S(8)) == WEIR_OK);
    weir_free(weir);
    return 0;
}

static void a_forked_child_has_no_part_in_it(void **state)
{
    const struct crowd_plan plan = {.latency_ns = MS(20)};
    const struct weir_options options = async_options(50, 2);
    struct weir *weir;

    (void)state;
    not_with_a_sanitizer();
    serve(&plan);
    weir = start(&options);
    submit_all(weir, "/ms/300", 0, 50);
    assert_true(crowd_await_in_flight(crowd, 50));
    expect_child(live_as_a_child, weir);
    submit_all(weir, "/", 50, 50);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_once(0, 100);
    expect_count(ends.outcomes[WEIR_OUTCOME_SUCCEEDED], 100);
    finish();
}

static int exit_with_a_hundred(void *argument)
{
    const struct weir_options options = async_options(100, 2);
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir *weir = NULL;
    char url[64];

    (void)argument;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/silent", crowd_port(crowd));
    request.url = url;
    CHILD_CHECK(1, weir_new(&options, &weir) == WEIR_OK);
    for (request.job_id = 0; request.job_id < 100; request.job_id++)
        CHILD_CHECK(2, weir_submit(weir, &request, 0) == WEIR_OK);
    for (int64_t end = now_ns() + S(5); stats_of(weir).in_flight < 100;)
        CHILD_CHECK(3, now_ns() < end);
    pause_ns(MS(20));
    exit(0); /* not _exit(): with weir's own part in it */
}

static void an_exit_with_a_hundred_in_flight_is_one(void **state)
{
    const struct crowd_plan plan = {.latency_ns = 0};
    int64_t begin_ns;

    (void)state;
    not_with_a_sanitizer();
    serve(&plan);
    begin_ns = now_ns();
    expect_child(exit_with_a_hundred, NULL);
    expect_between(now_ns() - begin_ns, 0, S(4));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        TEST(one_loop_has_a_thousand_in_flight_at_once),
        TEST(four_loops_have_a_thousand_in_flight_at_once),
        TEST(a_snapshot_in_the_middle_says_what_is_in_flight),
        TEST(the_concurrency_limit_is_never_exceeded),
        TEST(fewer_workers_than_concurrency_are_the_bound),
        TEST(no_more_loops_start_than_workers),
        TEST(values_out_of_range_are_invalid),
        TEST(a_dispatcher_without_work_uses_no_time),
        TEST(callbacks_submit_and_look),
        TEST(results_come_by_the_completion_queue),
        TEST(an_abort_ends_a_thousand_at_once),
        TEST(free_ends_what_is_in_flight),
        TEST(a_cancel_ends_one_and_leaves_the_others),
        TEST(a_stop_lets_what_is_in_flight_finish),
        TEST(timeouts_are_kept_beside_500_others),
        TEST(deadlines_are_kept_in_flight_and_in_the_queue),
        TEST(a_post_on_a_dead_connection_is_sent_once_and_unknown),
        TEST(a_get_on_a_dead_connection_is_sent_again),
        TEST(a_rate_is_kept_over_new_connections),
        TEST(a_rate_is_kept_by_several_loops_together),
        TEST(own_requests_share_the_limits),
        TEST(a_forked_child_has_no_part_in_it),
        TEST(an_exit_with_a_hundred_in_flight_is_one),
    };

    watch();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
