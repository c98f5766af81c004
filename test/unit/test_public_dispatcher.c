/*
 * The dispatcher as weir.h tells of it, from outside: what is accepted, how jobs end, completion queue, cancel, drain,
 * stop and abort, configuration files, scopes, forks and exits.
 *
 * The server's path says what it does: /ok, /status/NNN, /silent (never answers), /slow (50 ms), /fields.
 */
#include "test_public_support.h"

#include "support/raw_server.h"

#include <dirent.h>
#include <sys/socket.h>

#define JOBS_MAX 4096

struct end {
    atomic_int times;
    enum weir_outcome outcome;
    enum weir_error error;
    int http_status;
    uint32_t attempts;
    void *user_data;
};

struct fixture {
    struct raw_server *server;
    struct weir *weir;
    struct end ends[JOBS_MAX];
    atomic_int ended;
    pthread_t main_thread;
    atomic_bool on_main_thread;
    char url[8][64];
};

/* ------------------------------------------------------------------------------------------------------------- server
 */

static bool send_status(int fd, int status, const char *fields, const char *body)
{
    char text[512];

    snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), fields, body);
    return raw_server_send(fd, text);
}

/* The path of the request that comes next, which stays unread. */
static bool peek_path(int fd, char *text, size_t size)
{
    char head[256];

    for (;;) {
        const ssize_t got = recv(fd, head, sizeof head - 1, MSG_PEEK);
        char *path;

        if (got <= 0)
            return false;
        head[got] = '\0';
        path = strchr(head, ' ');
        if (path != NULL && strchr(path + 1, ' ') != NULL) {
            snprintf(text, size, "%.*s", (int)strcspn(path + 1, " "), path + 1);
            return true;
        }
        pause_ns(MS(1));
    }
}

static void serve(struct raw_server *server, int fd, int index, void *user)
{
    char path[64];

    (void)index;
    (void)user;
    while (peek_path(fd, path, sizeof path) && raw_server_read(server, fd)) {
        bool good;

        if (strcmp(path, "/silent") == 0)
            raw_server_linger(fd);
        if (strcmp(path, "/silent") == 0 || (strcmp(path, "/slow") == 0 && !raw_server_sleep(fd, 50)))
            return;
        if (strncmp(path, "/status/", 8) == 0)
            good = send_status(fd, (int)strtol(path + 8, NULL, 10), "", "no");
        else if (strcmp(path, "/fields") == 0)
            good = send_status(fd, 200, "X-A: 1\r\nX-B: 2\r\nX-A: 3\r\n", "body");
        else
            good = send_status(fd, 200, "", "ok");
        if (!good)
            return;
    }
}

static const char *url(struct fixture *f, const char *path)
{
    static atomic_uint next;
    char *out = f->url[atomic_fetch_add(&next, 1) % 8];

    snprintf(out, sizeof f->url[0], "http://127.0.0.1:%d%s", raw_server_port(f->server), path);
    return out;
}

static void done(void *user_data, const struct weir_result *result)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* jobs may have the same id */
    struct fixture *f = user_data;
    struct end *end = &f->ends[result->job_id % JOBS_MAX];

    pthread_mutex_lock(&lock);
    end->outcome = result->outcome;
    end->error = result->error;
    end->http_status = result->http_status;
    end->attempts = result->attempts;
    end->user_data = result->user_data;
    pthread_mutex_unlock(&lock);
    if (pthread_equal(pthread_self(), f->main_thread))
        atomic_store(&f->on_main_thread, true);
    atomic_fetch_add(&end->times, 1);
    atomic_fetch_add(&f->ended, 1);
}

static struct fixture *fixture_open(const struct weir_options *options)
{
    struct fixture *f = calloc(1, sizeof *f);
    const struct weir_options usual = WEIR_OPTIONS_INIT;

    assert_non_null(f);
    f->main_thread = pthread_self();
    f->server = raw_server_start(serve, NULL);
    assert_non_null(f->server);
    expect_status(weir_new(options == NULL ? &usual : options, &f->weir), WEIR_OK);
    return f;
}

static void fixture_end(struct fixture *f)
{
    weir_free(f->weir);
    assert_false(atomic_load(&f->on_main_thread));
    raw_server_stop(f->server);
    free(f);
}

static struct weir_request request_of(struct fixture *f, const char *method, const char *path, uint64_t id, bool told)
{
    struct weir_request request = WEIR_REQUEST_INIT;

    request.method = method;
    request.url = url(f, path);
    request.job_id = id;
    request.done = told ? done : NULL;
    request.user_data = f;
    return request;
}

static void submit(struct fixture *f, const char *method, const char *path, uint64_t id, bool told)
{
    const struct weir_request request = request_of(f, method, path, id, told);

    expect_status(weir_submit(f->weir, &request, S(10)), WEIR_OK);
}

static void expect_end(struct fixture *f, uint64_t id, enum weir_outcome outcome, enum weir_error error)
{
    const struct end *end = &f->ends[id];

    if (atomic_load(&end->times) != 1 || end->outcome != outcome || end->error != error)
        fail_msg("job %llu ended %d times, %s, %s; not once, %s, %s", (unsigned long long)id, atomic_load(&end->times),
                 weir_outcome_text(end->outcome), weir_error_code(end->error), weir_outcome_text(outcome),
                 weir_error_code(error));
}

/* How many of the jobs from `first` up to `end` have. */
static uint64_t ended_of(struct fixture *f, uint64_t first, uint64_t end)
{
    uint64_t count = 0;

    for (; first < end; first++)
        count += (uint64_t)(atomic_load(&f->ends[first].times) > 0);
    return count;
}

static struct weir_stats stats_of(struct weir *weir)
{
    struct weir_stats stats;

    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    weir_snapshot(weir, &stats);
    return stats;
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

static bool readable_within(int fd, int64_t ns)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, (int)(ns / MS(1))) == 1 && (p.revents & POLLIN) != 0;
}

static int threads_of_process(void)
{
    DIR *folder = opendir("/proc/self/task");
    int count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count - 2;
}

static int descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* ----------------------------------------------------------------------------------------------------------- weir_new
 */

static void expect_invalid(const struct weir_options *options, const char *what)
{
    struct weir *weir = (struct weir *)(void *)&weir;
    void *const before = weir;
    const enum weir_status status = weir_new(options, &weir);

    if (status != WEIR_INVALID || (void *)weir != before)
        fail_msg("%s: \"%s\", out %s", what, weir_status_text(status),
                 (void *)weir == before ? "untouched" : "changed");
}

static void options_out_of_range_are_invalid(void **state)
{
    const struct weir_options good = WEIR_OPTIONS_INIT;
    struct weir_options o;

    (void)state;
#define CHECK(field, value)                                                                                            \
    o = good;                                                                                                          \
    o.field = value;                                                                                                   \
    expect_invalid(&o, #field " = " #value)
    CHECK(struct_size, sizeof o - 1);
    CHECK(struct_size, sizeof o + 1);
    CHECK(concurrency, 0);
    CHECK(concurrency, WEIR_CONCURRENCY_MAX + 1);
    CHECK(worker_max, WEIR_CONCURRENCY_MAX + 1);
    CHECK(queue_max, 0);
    CHECK(queue_max, WEIR_QUEUE_MAX + 1);
    CHECK(rate_count, 1);
    CHECK(scope, "host:");
    CHECK(scope, "host:/");
    CHECK(scope, "hosts");
    CHECK(connect_timeout_ns, 0);
    CHECK(timeout_ns, 0);
    CHECK(redirect_max, WEIR_REDIRECTS_MAX + 1);
    CHECK(attempt_max, 0);
    CHECK(attempt_max, WEIR_ATTEMPTS_MAX + 1);
    CHECK(refusal_max, WEIR_REFUSALS_MAX + 1);
    CHECK(tls_version_min, 11);
    CHECK(tls_version_min, 14);
    CHECK(completion_max, WEIR_COMPLETIONS_MAX + 1);
#undef CHECK
    expect_invalid(NULL, "no options");
    expect_status(weir_new(&good, NULL), WEIR_INVALID);
}

static void a_new_dispatcher_has_no_thread_yet(void **state)
{
    const int before = threads_of_process();
    const struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir = NULL;

    (void)state;
    expect_status(weir_new(&options, &weir), WEIR_OK);
    expect_count(threads_of_process(), before);
    expect_count(stats_of(weir).workers, 0);
    weir_free(weir);
}

static void null_is_no_dispatcher(void **state)
{
    struct weir_stats stats;
    const struct weir_request request = WEIR_REQUEST_INIT;

    (void)state;
    weir_stop(NULL);
    weir_abort(NULL);
    weir_free(NULL);
    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    weir_snapshot(NULL, &stats);
    weir_result_free(NULL);
    expect_status(weir_cancel(NULL, 1), WEIR_INVALID);
    expect_status(weir_wait(NULL, 0), WEIR_INVALID);
    expect_status(weir_drain(NULL, 0), WEIR_INVALID);
    expect_status(weir_submit(NULL, &request, 0), WEIR_INVALID);
}

/* -------------------------------------------------------------------------------------------------------- weir_submit
 */

static void requests_that_must_not_reach_the_wire_are_invalid(void **state)
{
    struct fixture *f = fixture_open(NULL);
    const char *const methods[] = {"", "GE T", "GET\r\n", "G\tT", "GET:", NULL};
    const char *const urls[] = {"",
                                "/path",
                                "ftp://127.0.0.1/",
                                "http://127.0.0.1/\r\nX: y",
                                "http:/",
                                "http://127.0.0.1/a b",
                                "file:///etc/hostname"};
    const struct weir_header headers[] = {{"", "x"},      {"A b", "x"},  {"A", "x\r\ny"}, {"A:", "x"},
                                          {"A\r\n", "x"}, {"A", "x\ny"}, {NULL, "x"}};
    struct weir_request r;

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        r = request_of(f, methods[i], "/ok", 0, true);
        if (weir_submit(f->weir, &r, 0) != WEIR_INVALID)
            fail_msg("method \"%s\" was accepted", methods[i] == NULL ? "(null)" : methods[i]);
    }
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        r = request_of(f, "GET", "/ok", 0, true);
        r.url = urls[i];
        if (weir_submit(f->weir, &r, 0) != WEIR_INVALID)
            fail_msg("URL \"%s\" was accepted", urls[i]);
    }
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        r = request_of(f, "GET", "/ok", 0, true);
        r.headers = &headers[i];
        r.header_count = 1;
        if (weir_submit(f->weir, &r, 0) != WEIR_INVALID)
            fail_msg("header field %zu was accepted", i);
    }
    r = request_of(f, "GET", "/ok", 0, true);
    r.struct_size--;
    expect_status(weir_submit(f->weir, &r, 0), WEIR_INVALID);
    expect_status(weir_submit(f->weir, NULL, 0), WEIR_INVALID);
    expect_count(stats_of(f->weir).accepted, 0);
    expect_count(atomic_load(&f->ended), 0);
    fixture_end(f);
}

static void a_full_queue_says_so_or_lets_wait(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;
    struct weir_request r;
    int64_t begin;
    uint64_t id = 2;

    (void)state;
    options.concurrency = 1;
    options.queue_max = 2;
    f = fixture_open(&options);
    submit(f, "GET", "/silent", 0, true);
    assert_true(raw_server_await(f->server, 1));
    r = request_of(f, "GET", "/ok", 1, true);
    while (weir_submit(f->weir, &r, 0) == WEIR_OK && id < 10)
        r.job_id = id++;
    expect_from_to(id, 3, 4); /* 2 wait in the queue; one may stand at the gate */
    begin = now_ns();
    expect_status(weir_submit(f->weir, &r, 0), WEIR_FULL);
    expect_between(now_ns() - begin, 0, SOON / 4);
    begin = now_ns();
    expect_status(weir_submit(f->weir, &r, MS(150)), WEIR_TIMEOUT);
    expect_between(now_ns() - begin, MS(150), MS(150) + SOON);
    weir_stop(f->weir);
    expect_status(weir_submit(f->weir, &r, -1), WEIR_STOPPED);
    fixture_end(f);
}

static void what_is_passed_in_is_copied(void **state)
{
    struct fixture *f = fixture_open(NULL);
    char method[] = "POST", name[] = "X-Name", value[] = "value", body[] = "the body", target[64], seen[4096];
    struct weir_header header = {name, value};
    struct weir_request r = request_of(f, method, "/slow", 7, true);

    (void)state;
    snprintf(target, sizeof target, "%s", r.url);
    r.url = target;
    r.headers = &header;
    r.header_count = 1;
    r.body = body;
    r.body_size = strlen(body);
    expect_status(weir_submit(f->weir, &r, 0), WEIR_OK);
    memset(method, 'X', sizeof method - 1);
    memset(name, 'X', sizeof name - 1);
    memset(value, 'X', sizeof value - 1);
    memset(body, 'X', sizeof body - 1);
    memset(target, 'X', sizeof target - 1);
    memset(&header, 0, sizeof header);
    memset(&r, 0, sizeof r);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_end(f, 7, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    assert_ptr_equal(f->ends[7].user_data, f);
    raw_server_last(f->server, seen, sizeof seen);
    assert_non_null(strstr(seen, "POST /slow"));
    assert_non_null(strstr(seen, "X-Name: value"));
    assert_non_null(strstr(seen, "the body"));
    fixture_end(f);
}

struct one_result {
    struct weir_result result;
    char headers[512], body[64], detail[256];
    atomic_int times;
};

static void keep_result(void *user_data, const struct weir_result *result)
{
    struct one_result *one = user_data;

    one->result = *result;
    for (size_t i = 0; i < result->header_count; i++)
        snprintf(one->headers + strlen(one->headers), sizeof one->headers - strlen(one->headers), "%s=%s;",
                 result->headers[i].name, result->headers[i].value);
    if (result->body != NULL)
        snprintf(one->body, sizeof one->body, "%.*s", (int)result->body_size, (const char *)result->body);
    snprintf(one->detail, sizeof one->detail, "%s", result->detail);
    atomic_fetch_add(&one->times, 1);
}

static void a_result_tells_what_came(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct weir_options options = WEIR_OPTIONS_INIT;
        struct one_result one = {0};
        struct fixture *f;
        struct weir_request r;
        struct timespec wall;
        int64_t begin, before;

        options.keep_bodies = keep;
        f = fixture_open(&options);
        r = request_of(f, "GET", "/fields", 42, true);
        r.done = keep_result;
        r.user_data = &one;
        clock_gettime(CLOCK_REALTIME, &wall);
        before = S(wall.tv_sec) + wall.tv_nsec;
        begin = now_ns();
        expect_status(weir_submit(f->weir, &r, 0), WEIR_OK);
        expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
        expect_count(one.times, 1);
        expect_count(one.result.job_id, 42);
        assert_ptr_equal(one.result.user_data, &one);
        assert_int_equal(one.result.outcome, WEIR_OUTCOME_SUCCEEDED);
        assert_int_equal(one.result.error, WEIR_ERROR_NONE);
        assert_string_equal(one.detail, "");
        expect_count(one.result.http_status, 200);
        expect_count(one.result.attempts, 1);
        expect_count(one.result.refusals, 0);
        expect_count(one.result.header_count, 4);
        assert_string_equal(one.headers, "Content-Length=4;X-A=1;X-B=2;X-A=3;");
        assert_string_equal(one.body, keep ? "body" : "");
        if (!keep)
            assert_null(one.result.body);
        expect_between(one.result.total_ns, one.result.ttfb_ns, now_ns() - begin);
        expect_between(one.result.sent_at_ns, before - MS(5), before + SOON);
        fixture_end(f);
    }
}

/* -------------------------------------------------------------------------------------------------- wait, stop, abort
 */

static void a_wait_is_bounded_and_ends_with_the_last_job(void **state)
{
    struct fixture *f = fixture_open(NULL);
    int64_t begin;

    (void)state;
    expect_status(weir_wait(f->weir, 0), WEIR_OK);
    submit(f, "GET", "/silent", 0, true);
    assert_true(raw_server_await(f->server, 1));
    begin = now_ns();
    expect_status(weir_wait(f->weir, MS(120)), WEIR_TIMEOUT);
    expect_between(now_ns() - begin, MS(120), MS(120) + SOON);
    expect_status(weir_wait(f->weir, 0), WEIR_TIMEOUT);
    weir_abort(f->weir);
    expect_status(weir_wait(f->weir, S(5)), WEIR_OK);
    expect_count(atomic_load(&f->ended), 1);
    fixture_end(f);
}

static void a_stop_lets_jobs_in_flight_finish_and_cancels_the_others(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;
    struct weir_request r;

    (void)state;
    options.concurrency = 1;
    f = fixture_open(&options);
    for (uint64_t id = 0; id < 20; id++)
        submit(f, "POST", "/slow", id, true);
    assert_true(raw_server_await(f->server, 1));
    weir_stop(f->weir);
    r = request_of(f, "GET", "/ok", 99, true);
    expect_status(weir_submit(f->weir, &r, -1), WEIR_STOPPED);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_end(f, 0, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    for (uint64_t id = 2; id < 20; id++)
        expect_end(f, id, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    expect_count(atomic_load(&f->ended), 20);
    fixture_end(f);
}

static void an_abort_ends_silent_transfers_at_once(void **state)
{
    struct fixture *f = fixture_open(NULL);
    int64_t begin;

    (void)state;
    submit(f, "GET", "/silent", 0, true);
    submit(f, "POST", "/silent", 1, true);
    assert_true(raw_server_await(f->server, 2));
    begin = now_ns();
    weir_abort(f->weir);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_between(now_ns() - begin, 0, SOON / 2);
    expect_end(f, 0, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    expect_end(f, 1, WEIR_OUTCOME_UNKNOWN, WEIR_ERROR_STOPPED);
    fixture_end(f);
}

static void a_free_tells_of_every_job_and_leaves_nothing(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;
    int before_fds, before_threads;

    (void)state;
    options.concurrency = 4;
    options.completion_max = 100;
    f = fixture_open(&options);
    weir_free(f->weir); /* one that did nothing */
    before_fds = descriptors();
    before_threads = threads_of_process();
    expect_status(weir_new(&options, &f->weir), WEIR_OK);
    for (uint64_t id = 0; id < 60; id++)
        submit(f, "GET", "/silent", id, id < 50);
    assert_true(raw_server_await(f->server, 4));
    weir_free(f->weir);
    f->weir = NULL;
    expect_count(atomic_load(&f->ended), 50);
    for (uint64_t id = 0; id < 50; id++)
        expect_end(f, id, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    for (const int64_t end = now_ns() + SOON; now_ns() < end && descriptors() > before_fds;)
        pause_ns(MS(1)); /* the server's side of the connections */
    expect_count(descriptors(), before_fds);
    for (const int64_t end = now_ns() + SOON; now_ns() < end && threads_of_process() > before_threads;)
        pause_ns(MS(1));
    expect_count(threads_of_process(), before_threads);
    fixture_end(f);
}

/* ------------------------------------------------------------------------------------------------------------- cancel
 */

/* Threads that may tell of it are spare or not: `told` jobs have callbacks, which need one. */
static void cancel_in_queue(uint32_t worker_max, bool told)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_result *result;
    int64_t end = now_ns() + SOON;
    struct fixture *f;
    uint64_t ended = 0;

    options.concurrency = 1;
    options.worker_max = worker_max;
    options.completion_max = 100;
    f = fixture_open(&options);
    submit(f, "GET", "/silent", 0, true);
    assert_true(raw_server_await(f->server, 1));
    for (uint64_t id = 1; id < 30; id++)
        submit(f, id % 2 ? "POST" : "GET", "/ok", id, told);
    for (uint64_t id = 29; id >= 2; id--)
        expect_status(weir_cancel(f->weir, id), WEIR_OK);
    if (worker_max == 1) /* whose worker is the only one to tell */
        expect_status(weir_cancel(f->weir, 0), WEIR_OK);
    while (ended < 28 && now_ns() < end) {
        if (told) {
            ended = ended_of(f, 2, 30);
            pause_ns(MS(1));
        } else if ((result = weir_take_result(f->weir, MS(20))) != NULL) {
            if (result->job_id > 1) { /* not what was in flight, and what may go then */
                assert_int_equal(result->outcome, WEIR_OUTCOME_CANCELLED);
                assert_int_equal(result->error, WEIR_ERROR_STOPPED);
                expect_count(result->attempts, 0);
                ended++;
            }
            weir_result_free(result);
        }
    }
    expect_count(ended, 28);
    for (uint64_t id = 2; told && id < 30; id++)
        expect_end(f, id, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    expect_status(weir_cancel(f->weir, 29), WEIR_NOT_FOUND);
    if (worker_max > 1)
        expect_status(weir_cancel(f->weir, 0), WEIR_OK);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_count(raw_server_requests(f->server), 2); /* the permit of 0 came back, and 1 was sent */
    fixture_end(f);
}

static void jobs_that_wait_in_the_queue_are_cancelled(void **state)
{
    (void)state;
    cancel_in_queue(4, true);
}

static void a_cancel_in_the_queue_is_told_by_the_first_thread_that_is_free(void **state)
{
    (void)state;
    cancel_in_queue(1, true);
}

static void a_cancel_in_the_queue_gives_its_result_with_the_first_thread_that_is_free(void **state)
{
    (void)state;
    cancel_in_queue(1, false);
}

static void a_job_in_flight_on_a_silent_server_is_cut_off(void **state)
{
    struct fixture *f = fixture_open(NULL);
    int64_t begin;

    (void)state;
    submit(f, "GET", "/silent", 0, true);
    submit(f, "POST", "/silent", 1, true);
    submit(f, "GET", "/silent", 2, true);
    assert_true(raw_server_await(f->server, 3));
    begin = now_ns();
    expect_status(weir_cancel(f->weir, 0), WEIR_OK);
    expect_status(weir_cancel(f->weir, 1), WEIR_OK);
    while (atomic_load(&f->ended) < 2 && now_ns() - begin < SOON)
        pause_ns(MS(1));
    expect_between(now_ns() - begin, 0, SOON / 2);
    expect_end(f, 0, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    expect_end(f, 1, WEIR_OUTCOME_UNKNOWN, WEIR_ERROR_STOPPED);
    expect_count(atomic_load(&f->ends[2].times), 0);
    expect_status(weir_cancel(f->weir, 0), WEIR_NOT_FOUND);
    expect_status(weir_cancel(f->weir, 1), WEIR_NOT_FOUND);
    submit(f, "GET", "/ok", 3, true); /* the dispatcher goes on */
    begin = now_ns();
    while (atomic_load(&f->ends[3].times) == 0 && now_ns() - begin < SOON)
        pause_ns(MS(1));
    expect_end(f, 3, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    expect_status(weir_cancel(f->weir, 2), WEIR_OK);
    expect_status(weir_wait(f->weir, S(5)), WEIR_OK);
    expect_end(f, 2, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_end(f);
}

static void await_backed_off(struct fixture *f)
{
    const int64_t end = now_ns() + SOON;

    while (stats_of(f->weir).backed_off == 0 && now_ns() < end)
        pause_ns(MS(1));
    expect_count(stats_of(f->weir).backed_off, 1);
}

/* Told of as after an abort, whatever that says of a POST that may be repeated. */
static void a_job_in_backoff_is_cancelled(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    enum weir_outcome outcomes[2];

    (void)state;
    options.backoff_ns = S(3600);
    options.backoff_max_ns = S(3600);
    options.retry_non_idempotent = true;
    for (int post = 0; post < 2; post++) {
        for (int abort_it = 0; abort_it < 2; abort_it++) {
            struct fixture *f = fixture_open(&options);
            int64_t begin;

            submit(f, post ? "POST" : "GET", "/status/500", 0, true);
            await_backed_off(f);
            begin = now_ns();
            if (abort_it)
                weir_abort(f->weir);
            else
                expect_status(weir_cancel(f->weir, 0), WEIR_OK);
            expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
            expect_between(now_ns() - begin, 0, SOON / 2);
            expect_count(atomic_load(&f->ends[0].times), 1);
            assert_int_equal(f->ends[0].error, WEIR_ERROR_STOPPED);
            expect_count(f->ends[0].attempts, 1);
            expect_count(stats_of(f->weir).backed_off, 0);
            outcomes[abort_it] = f->ends[0].outcome;
            fixture_end(f);
        }
        if (outcomes[0] != outcomes[1])
            fail_msg("%s: %s by a cancel, %s by an abort", post ? "POST" : "GET", weir_outcome_text(outcomes[0]),
                     weir_outcome_text(outcomes[1]));
        if (!post)
            assert_int_equal(outcomes[0], WEIR_OUTCOME_CANCELLED);
    }
}

static void a_job_that_waits_for_a_permit_or_a_pause_is_cancelled(void **state)
{
    const struct weir_rate rate = {.requests = 1, .per_ns = S(3600), .shape = WEIR_SHAPE_WINDOW};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_permit permit;
    struct fixture *f;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    f = fixture_open(&options);
    expect_status(weir_limits_acquire(weir_limits_of(f->weir), 0, &permit), WEIR_OK);
    weir_limits_release(weir_limits_of(f->weir), &permit, NULL);
    for (uint64_t id = 0; id < 3; id++)
        submit(f, "POST", "/ok", id, true);
    pause_ns(MS(50)); /* the first stands at the gate */
    for (uint64_t id = 0; id < 3; id++)
        expect_status(weir_cancel(f->weir, id), WEIR_OK);
    expect_status(weir_wait(f->weir, SOON), WEIR_OK);
    for (uint64_t id = 0; id < 3; id++)
        expect_end(f, id, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    weir_limits_pause(weir_limits_of(f->weir));
    submit(f, "POST", "/ok", 3, true);
    pause_ns(MS(50));
    expect_status(weir_cancel(f->weir, 3), WEIR_OK);
    expect_status(weir_wait(f->weir, SOON), WEIR_OK);
    expect_end(f, 3, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    expect_count(raw_server_requests(f->server), 0);
    fixture_end(f);
}

static void a_cancel_ends_every_job_of_the_id_and_knows_no_other(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    (void)state;
    options.concurrency = 2;
    f = fixture_open(&options);
    expect_status(weir_cancel(f->weir, 0), WEIR_NOT_FOUND);
    for (int i = 0; i < 10; i++)
        submit(f, "GET", "/silent", 5, true);
    submit(f, "GET", "/ok", 6, true);
    assert_true(raw_server_await(f->server, 2));
    expect_status(weir_cancel(f->weir, 4), WEIR_NOT_FOUND);
    expect_status(weir_cancel(f->weir, 5 + (UINT64_C(1) << 32)), WEIR_NOT_FOUND);
    expect_status(weir_cancel(f->weir, 5), WEIR_OK);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_count(atomic_load(&f->ends[5].times), 10);
    assert_int_equal(f->ends[5].outcome, WEIR_OUTCOME_CANCELLED);
    expect_end(f, 6, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    expect_status(weir_cancel(f->weir, 5), WEIR_NOT_FOUND);
    expect_status(weir_cancel(f->weir, 6), WEIR_NOT_FOUND);
    fixture_end(f);
}

/* Cancels at drawn moments: each job ends once, and what was OK'd did not end otherwise than by it or just before. */
static void a_storm_of_cancels_ends_each_job_once(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;
    uint64_t random = 1;
    struct weir_stats stats;
    uint64_t sum = 0;

    (void)state;
    options.concurrency = 8;
    f = fixture_open(&options);
    for (uint64_t id = 0; id < 600; id++) {
        submit(f, id % 3 ? "GET" : "POST", id % 5 ? "/ok" : "/slow", id, true);
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        if (id % 2) {
            const enum weir_status status = weir_cancel(f->weir, id - (random >> 40) % 20 % (id + 1));

            assert_true(status == WEIR_OK || status == WEIR_NOT_FOUND);
        }
    }
    expect_status(weir_wait(f->weir, S(30)), WEIR_OK);
    for (uint64_t id = 0; id < 600; id++)
        if (atomic_load(&f->ends[id].times) != 1)
            fail_msg("job %llu ended %d times", (unsigned long long)id, atomic_load(&f->ends[id].times));
    stats = stats_of(f->weir);
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        sum += stats.outcomes[i];
    expect_count(stats.accepted, 600);
    expect_count(sum, 600);
    expect_count(stats.in_flight, 0);
    for (uint64_t id = 600; id < 608; id++) /* no permit is missing */
        submit(f, "GET", "/silent", id, true);
    assert_true(raw_server_await(f->server, raw_server_requests(f->server)));
    for (const int64_t end = now_ns() + SOON; stats_of(f->weir).in_flight < 8 && now_ns() < end;)
        pause_ns(MS(1));
    expect_count(stats_of(f->weir).in_flight, 8);
    fixture_end(f);
}

/* -------------------------------------------------------------------------------------------------------------- drain
 */

static void a_drain_carries_out_what_was_accepted(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;
    struct weir_request r;

    (void)state;
    options.concurrency = 2;
    f = fixture_open(&options);
    for (uint64_t id = 0; id < 10; id++)
        submit(f, "GET", "/slow", id, true);
    expect_status(weir_drain(f->weir, MS(20)), WEIR_TIMEOUT);
    r = request_of(f, "GET", "/ok", 99, true);
    expect_status(weir_submit(f->weir, &r, 0), WEIR_STOPPED);
    expect_status(weir_submit(f->weir, &r, -1), WEIR_STOPPED);
    expect_status(weir_drain(f->weir, S(10)), WEIR_OK);
    expect_count(atomic_load(&f->ended), 10);
    for (uint64_t id = 0; id < 10; id++)
        expect_end(f, id, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    expect_status(weir_wait(f->weir, 0), WEIR_OK);
    expect_status(weir_drain(f->weir, 0), WEIR_OK);
    fixture_end(f);
}

static void *submit_without_end(void *argument)
{
    struct fixture *f = argument;
    const struct weir_request r = request_of(f, "GET", "/ok", 50, true);
    static enum weir_status status;

    status = weir_submit(f->weir, &r, -1);
    return &status;
}

static void a_drain_wakes_who_waits_for_room(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request r;
    struct fixture *f;
    pthread_t thread;
    void *status;

    (void)state;
    options.concurrency = 1;
    options.queue_max = 1;
    f = fixture_open(&options);
    submit(f, "GET", "/silent", 0, true);
    assert_true(raw_server_await(f->server, 1));
    r = request_of(f, "GET", "/ok", 1, true);
    while (weir_submit(f->weir, &r, 0) == WEIR_OK)
        r.job_id++;
    assert_int_equal(pthread_create(&thread, NULL, submit_without_end, f), 0);
    pause_ns(MS(50));
    expect_status(weir_drain(f->weir, MS(50)), WEIR_TIMEOUT);
    pthread_join(thread, &status);
    expect_status(*(enum weir_status *)status, WEIR_STOPPED);
    expect_status(weir_cancel(f->weir, 0), WEIR_OK);
    expect_status(weir_drain(f->weir, S(10)), WEIR_OK);
    expect_end(f, 1, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    fixture_end(f);
}

static void a_drain_that_took_too_long_may_be_stopped_or_aborted(void **state)
{
    struct fixture *f = fixture_open(NULL);

    (void)state;
    submit(f, "GET", "/silent", 0, true);
    assert_true(raw_server_await(f->server, 1));
    expect_status(weir_drain(f->weir, MS(50)), WEIR_TIMEOUT);
    weir_stop(f->weir);
    expect_status(weir_drain(f->weir, MS(50)), WEIR_TIMEOUT);
    weir_abort(f->weir);
    expect_status(weir_drain(f->weir, S(5)), WEIR_OK);
    expect_end(f, 0, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_end(f);
}

static void jobs_that_must_be_sent_again_are_so_while_draining(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    (void)state;
    options.backoff_ns = MS(50);
    options.attempt_max = 3;
    f = fixture_open(&options);
    submit(f, "GET", "/status/500", 0, true);
    expect_status(weir_drain(f->weir, S(10)), WEIR_OK);
    expect_end(f, 0, WEIR_OUTCOME_FAILED, WEIR_ERROR_STATUS);
    expect_count(f->ends[0].attempts, 3);
    fixture_end(f);
}

/* --------------------------------------------------------------------------------------------------- completion queue
 */

static void without_a_completion_queue_there_is_nothing_to_take(void **state)
{
    struct fixture *f = fixture_open(NULL);
    int64_t begin = now_ns();

    (void)state;
    assert_int_equal(weir_completion_fd(f->weir), -1);
    submit(f, "GET", "/ok", 0, false); /* its result goes to nobody */
    assert_null(weir_take_result(f->weir, -1));
    expect_between(now_ns() - begin, 0, SOON);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_count(stats_of(f->weir).outcomes[WEIR_OUTCOME_SUCCEEDED], 1);
    fixture_end(f);
}

static void the_descriptor_is_readable_just_while_a_result_waits(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_result *result;
    struct fixture *f;
    int fd;

    (void)state;
    options.completion_max = 10;
    f = fixture_open(&options);
    fd = weir_completion_fd(f->weir);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    for (int turn = 0; turn < 3; turn++) {
        assert_false(readable(fd));
        for (uint64_t id = 0; id < 3; id++)
            submit(f, "GET", "/ok", id, false);
        expect_status(weir_wait(f->weir, S(10)), WEIR_OK); /* ended, taken or not */
        for (int i = 0; i < 3; i++) {
            assert_true(readable_within(fd, S(1)));
            result = weir_take_result(f->weir, 0);
            assert_non_null(result);
            assert_ptr_equal(result->user_data, f);
            weir_result_free(result);
        }
        assert_false(readable(fd));
        assert_null(weir_take_result(f->weir, 0));
    }
    submit(f, "GET", "/ok", 3, true); /* with a `done` it goes there and not into the queue */
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_end(f, 3, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    assert_false(readable(fd));
    weir_free(f->weir);
    f->weir = NULL;
    assert_true(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
    fixture_end(f);
}

static void results_come_in_order_of_completion(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    (void)state;
    options.completion_max = 200;
    options.concurrency = 1; /* so that they complete in order of acceptance */
    f = fixture_open(&options);
    for (uint64_t id = 0; id < 100; id++)
        submit(f, "GET", "/ok", id, false);
    for (uint64_t id = 0; id < 100; id++) {
        const struct weir_result *result = weir_take_result(f->weir, S(10));

        assert_non_null(result);
        expect_count(result->job_id, id);
        weir_result_free(result);
    }
    /* And not of acceptance. */
    expect_status(weir_limits_set_concurrency(weir_limits_of(f->weir), 1), WEIR_OK);
    fixture_end(f);
    options.concurrency = 2;
    f = fixture_open(&options);
    submit(f, "GET", "/silent", 0, false);
    assert_true(raw_server_await(f->server, 1));
    submit(f, "GET", "/ok", 1, false);
    for (uint64_t id = 1;; id--) {
        const struct weir_result *result = weir_take_result(f->weir, S(10));

        assert_non_null(result);
        expect_count(result->job_id, id);
        weir_result_free(result);
        if (id == 0)
            break;
        expect_status(weir_cancel(f->weir, 0), WEIR_OK);
    }
    fixture_end(f);
}

static void room_for_results_is_kept_from_acceptance_on(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_result *results[3];
    struct weir_request r;
    struct fixture *f;
    int64_t begin;

    (void)state;
    options.completion_max = 2;
    f = fixture_open(&options);
    submit(f, "GET", "/silent", 0, false);
    submit(f, "GET", "/silent", 1, false);
    r = request_of(f, "GET", "/ok", 2, false);
    expect_status(weir_submit(f->weir, &r, 0), WEIR_FULL);
    begin = now_ns();
    expect_status(weir_submit(f->weir, &r, MS(100)), WEIR_TIMEOUT);
    expect_between(now_ns() - begin, MS(100), MS(100) + SOON);
    submit(f, "GET", "/ok", 9, true); /* who has a `done` needs no room */
    assert_true(raw_server_await(f->server, 3));
    expect_status(weir_cancel(f->weir, 0), WEIR_OK);
    results[0] = NULL;
    for (const int64_t end = now_ns() + SOON; !readable(weir_completion_fd(f->weir)) && now_ns() < end;)
        pause_ns(MS(1));
    expect_status(weir_submit(f->weir, &r, 0), WEIR_FULL); /* a result that waits takes room, too */
    results[0] = weir_take_result(f->weir, S(1));
    assert_non_null(results[0]);
    expect_count(results[0]->job_id, 0);
    expect_status(weir_submit(f->weir, &r, S(1)), WEIR_OK);
    expect_status(weir_submit(f->weir, &r, 0), WEIR_FULL);
    results[1] = weir_take_result(f->weir, S(5));
    assert_non_null(results[1]);
    expect_count(results[1]->job_id, 2);
    expect_status(weir_cancel(f->weir, 1), WEIR_OK);
    results[2] = weir_take_result(f->weir, S(5));
    assert_non_null(results[2]);
    expect_count(results[2]->job_id, 1);
    assert_int_equal(results[2]->outcome, WEIR_OUTCOME_CANCELLED);
    for (int i = 0; i < 3; i++)
        weir_result_free(results[i]);
    fixture_end(f);
}

static void *take_soon(void *argument)
{
    struct fixture *f = argument;

    pause_ns(MS(80));
    weir_result_free(weir_take_result(f->weir, S(5)));
    return NULL;
}

static void a_producer_that_waits_for_room_is_woken_by_a_taker(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request r;
    struct fixture *f;
    pthread_t thread;

    (void)state;
    options.completion_max = 1;
    f = fixture_open(&options);
    submit(f, "GET", "/ok", 0, false);
    assert_int_equal(pthread_create(&thread, NULL, take_soon, f), 0);
    r = request_of(f, "GET", "/ok", 1, false);
    expect_status(weir_submit(f->weir, &r, S(10)), WEIR_OK);
    pthread_join(thread, NULL);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    fixture_end(f);
}

static void a_take_waits_as_long_as_it_may(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_result *result;
    struct fixture *f;
    int64_t begin;

    (void)state;
    options.completion_max = 5;
    f = fixture_open(&options);
    begin = now_ns();
    assert_null(weir_take_result(f->weir, 0));
    expect_between(now_ns() - begin, 0, SOON / 4);
    begin = now_ns();
    assert_null(weir_take_result(f->weir, MS(120))); /* before a stop also where nothing is on its way */
    expect_between(now_ns() - begin, MS(120), MS(120) + SOON);
    submit(f, "GET", "/slow", 0, false);
    result = weir_take_result(f->weir, -1);
    assert_non_null(result);
    weir_result_free(result);
    weir_stop(f->weir);
    begin = now_ns();
    assert_null(weir_take_result(f->weir, -1));
    expect_between(now_ns() - begin, 0, SOON / 2);
    fixture_end(f);
}

static void *take_without_end(void *argument)
{
    struct fixture *f = argument;

    return (void *)(uintptr_t)weir_take_result(f->weir, -1);
}

static void a_taker_without_end_is_woken_by_a_stop_and_by_a_drain(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;

    (void)state;
    options.completion_max = 5;
    for (int how = 0; how < 3; how++) {
        struct fixture *f = fixture_open(&options);
        pthread_t threads[2];
        void *result;

        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, take_without_end, f), 0);
        pause_ns(MS(50));
        if (how == 0)
            weir_stop(f->weir);
        else if (how == 1)
            weir_abort(f->weir);
        else
            expect_status(weir_drain(f->weir, S(1)), WEIR_OK);
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], &result);
            assert_null(result);
        }
        fixture_end(f);
    }
}

static void drain_and_take_gives_every_result_and_then_none(void **state)
{
    (void)state;
    for (int turn = 0; turn < 20; turn++) {
        struct weir_options options = WEIR_OPTIONS_INIT;
        const struct weir_result *result;
        bool seen[20] = {false};
        struct fixture *f;
        int count = 0;

        options.concurrency = 3;
        options.completion_max = 20;
        f = fixture_open(&options);
        for (uint64_t id = 0; id < 20; id++)
            submit(f, "GET", id % 7 || turn > 0 ? "/ok" : "/slow", id, false);
        (void)weir_drain(f->weir, 0);
        while ((result = weir_take_result(f->weir, -1)) != NULL) {
            assert_true(result->job_id < 20);
            assert_false(seen[result->job_id]);
            seen[result->job_id] = true;
            assert_int_equal(result->outcome, WEIR_OUTCOME_SUCCEEDED);
            weir_result_free(result);
            count++;
        }
        expect_count(count, 20);
        assert_false(readable(weir_completion_fd(f->weir)));
        expect_status(weir_drain(f->weir, 0), WEIR_OK); /* nothing is on its way: it said so */
        fixture_end(f);
    }
}

static void results_that_wait_can_be_taken_after_a_stop(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_result *result;
    struct fixture *f;
    int count = 0;

    (void)state;
    options.concurrency = 1;
    options.completion_max = 20;
    f = fixture_open(&options);
    for (uint64_t id = 0; id < 20; id++)
        submit(f, "GET", "/slow", id, false);
    assert_true(raw_server_await(f->server, 2));
    weir_stop(f->weir);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    while ((result = weir_take_result(f->weir, -1)) != NULL) {
        weir_result_free(result);
        count++;
    }
    expect_count(count, 20); /* those that were cancelled as well */
    fixture_end(f);
}

static void a_result_is_the_takers_even_after_the_dispatcher_is_gone(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_result *result;
    struct fixture *f;

    (void)state;
    options.completion_max = 5;
    options.keep_bodies = true;
    f = fixture_open(&options);
    submit(f, "GET", "/fields", 77, false);
    submit(f, "GET", "/ok", 78, false); /* which nobody takes */
    result = weir_take_result(f->weir, S(10));
    assert_non_null(result);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    weir_free(f->weir);
    f->weir = NULL;
    if (result->job_id == 77) {
        expect_count(result->http_status, 200);
        expect_count(result->header_count, 4);
        assert_string_equal(result->headers[3].name, "X-A");
        assert_string_equal(result->headers[3].value, "3");
        expect_count(result->body_size, 4);
        assert_memory_equal(result->body, "body", 4);
        assert_string_equal(result->detail, "");
    }
    weir_result_free(result);
    fixture_end(f);
}

#define TAKERS 4
#define TAKEN_JOBS 2000

struct taker {
    struct fixture *f;
    atomic_int *seen;
    int count;
};

static void *taker_run(void *argument)
{
    struct taker *t = argument;
    const struct weir_result *result;

    while ((result = weir_take_result(t->f->weir, -1)) != NULL) {
        atomic_fetch_add(&t->seen[result->job_id], 1);
        t->count++;
        weir_result_free(result);
    }
    return NULL;
}

static void several_takers_get_each_result_once(void **state)
{
    static atomic_int seen[TAKEN_JOBS];
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct taker takers[TAKERS];
    pthread_t threads[TAKERS];
    struct fixture *f;

    (void)state;
    options.concurrency = 8;
    options.completion_max = 16; /* so that the producer waits for them again and again */
    f = fixture_open(&options);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < TAKERS; i++) {
        takers[i] = (struct taker){f, seen, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, taker_run, &takers[i]), 0);
    }
    for (uint64_t id = 0; id < TAKEN_JOBS; id++)
        submit(f, "GET", "/ok", id, false);
    expect_status(weir_drain(f->weir, S(30)), WEIR_OK);
    for (int i = 0; i < TAKERS; i++)
        pthread_join(threads[i], NULL);
    for (int id = 0; id < TAKEN_JOBS; id++)
        if (atomic_load(&seen[id]) != 1)
            fail_msg("result %d was taken %d times", id, atomic_load(&seen[id]));
    assert_false(readable(weir_completion_fd(f->weir)));
    fixture_end(f);
}

/* ----------------------------------------------------------------------------------------------------------- callbacks
 */

#ifdef WEIR_SANITIZER /* whose frames are larger */
#define CALLBACK_STACK (16 * 1024)
#else
#define CALLBACK_STACK (160 * 1024) /* of 256 KiB */
#endif

struct chain {
    struct fixture *f;
    atomic_int left, trouble, cancelled;
};

/* Everything that does not wait may be called from a callback. */
static void chain_done(void *user_data, const struct weir_result *result)
{
    struct chain *c = user_data;
    struct weir_request r = request_of(c->f, "GET", "/ok", result->job_id + 1, true);
    struct weir_limits_stats limits_stats = {.struct_size = sizeof limits_stats};
    struct weir_permit permit;
    char stack[CALLBACK_STACK];

    memset(stack, 1, sizeof stack);
    __asm__ volatile("" : : "r"(stack) : "memory");
    (void)stats_of(c->f->weir);
    weir_limits_snapshot(weir_limits_of(c->f->weir), &limits_stats);
    if (weir_limits_acquire(weir_limits_of(c->f->weir), 0, &permit) == WEIR_OK)
        weir_limits_release(weir_limits_of(c->f->weir), &permit, NULL);
    (void)weir_limits_wait_ns(weir_limits_of(c->f->weir));
    if (weir_limits_set_concurrency(weir_limits_of(c->f->weir), 2 + (uint32_t)result->job_id % 3) != WEIR_OK)
        atomic_fetch_add(&c->trouble, 1);
    if (weir_cancel(c->f->weir, UINT64_MAX) == WEIR_OK)
        atomic_fetch_add(&c->cancelled, 1);
    r.done = chain_done;
    r.user_data = c;
    if (atomic_fetch_sub(&c->left, 1) > 1) {
        if (weir_submit(c->f->weir, &r, 0) != WEIR_OK)
            atomic_fetch_add(&c->trouble, 1);
    } else {
        weir_stop(c->f->weir);
    }
}

static void callbacks_may_call_whatever_does_not_wait(void **state)
{
    struct fixture *f = fixture_open(NULL);
    struct chain c = {.f = f, .left = 200};
    struct weir_request r = request_of(f, "GET", "/ok", 0, true);

    (void)state;
    submit(f, "GET", "/silent", 1000, true);
    r.done = chain_done;
    r.user_data = &c;
    expect_status(weir_submit(f->weir, &r, 0), WEIR_OK);
    for (const int64_t end = now_ns() + S(20); atomic_load(&c.left) > 0 && now_ns() < end;)
        pause_ns(MS(1));
    expect_count(c.left, 0);
    expect_count(c.trouble, 0);
    expect_count(c.cancelled, 0);
    fixture_end(f);
}

static void cancel_other(void *user_data, const struct weir_result *result)
{
    struct fixture *f = user_data;

    done(user_data, result);
    if (weir_cancel(f->weir, 1) != WEIR_OK)
        atomic_store(&f->on_main_thread, true);
}

static void a_callback_may_cancel_another_job(void **state)
{
    struct fixture *f = fixture_open(NULL);
    struct weir_request r = request_of(f, "GET", "/ok", 0, true);

    (void)state;
    submit(f, "GET", "/silent", 1, true);
    assert_true(raw_server_await(f->server, 1));
    r.done = cancel_other;
    expect_status(weir_submit(f->weir, &r, 0), WEIR_OK);
    expect_status(weir_wait(f->weir, S(5)), WEIR_OK);
    expect_end(f, 1, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_end(f);
}

static bool refuse_to_send(void *user_data, uint64_t job_id, uint32_t attempt)
{
    struct fixture *f = user_data;

    atomic_fetch_add(&f->ends[job_id + 100].times, 1);
    f->ends[job_id + 100].attempts = attempt;
    return job_id != 0;
}

static void sending_is_asked_before_and_may_refuse(void **state)
{
    struct fixture *f = fixture_open(NULL);

    (void)state;
    for (uint64_t id = 0; id < 2; id++) {
        struct weir_request r = request_of(f, "POST", "/ok", id, true);

        r.sending = refuse_to_send;
        expect_status(weir_submit(f->weir, &r, 0), WEIR_OK);
    }
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_end(f, 0, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    expect_end(f, 1, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    expect_count(f->ends[100].attempts, 1);
    expect_count(f->ends[101].times, 1);
    expect_count(raw_server_requests(f->server), 1);
    fixture_end(f);
}

static bool cancel_while_sending(void *user_data, uint64_t job_id, uint32_t attempt)
{
    struct fixture *f = user_data;

    (void)attempt;
    return weir_cancel(f->weir, job_id) == WEIR_OK;
}

/* Nothing may go, and no thread is there yet: jobs are accepted all the same, and go when they may. */
static void a_paused_dispatcher_accepts_jobs(void **state)
{
    struct fixture *f = fixture_open(NULL);

    (void)state;
    weir_limits_pause(weir_limits_of(f->weir));
    submit(f, "GET", "/ok", 0, true);
    submit(f, "GET", "/ok", 1, true);
    expect_status(weir_wait(f->weir, MS(30)), WEIR_TIMEOUT);
    expect_count(raw_server_requests(f->server), 0);
    weir_limits_resume(weir_limits_of(f->weir));
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_count(raw_server_requests(f->server), 2);
    fixture_end(f);
}

static void a_job_cancelled_at_the_wire_is_not_sent(void **state)
{
    struct fixture *f = fixture_open(NULL);
    struct weir_request r = request_of(f, "POST", "/ok", 0, true);

    (void)state;
    r.sending = cancel_while_sending;
    expect_status(weir_submit(f->weir, &r, 0), WEIR_OK);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_end(f, 0, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    expect_count(raw_server_requests(f->server), 0);
    fixture_end(f);
}

/* -------------------------------------------------------------------------------------------------------- signals,
 * fork
 */

static uint64_t blocked_signals(const char *thread)
{
    char path[300], line[256];
    uint64_t mask = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/self/task/%.200s/status", thread);
    file = fopen(path, "r");
    if (file == NULL)
        return UINT64_MAX;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "SigBlk:", 7) == 0)
            mask = strtoull(line + 7, NULL, 16);
    fclose(file);
    return mask;
}

static void threads_block_signals_and_dispositions_stay(void **state)
{
    const int asynchronous[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGCHLD, SIGCONT};
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction before[65], after;
    struct fixture *f;
    struct dirent *entry;
    DIR *folder;
    int workers = 0;

    (void)state;
    not_under_tsan();
    memset(before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    for (int i = 1; i < 65; i++)
        sigaction(i, NULL, &before[i]);
    f = fixture_open(NULL);
    for (uint64_t id = 0; id < 4; id++)
        submit(f, "GET", "/silent", id, true);
    assert_true(raw_server_await(f->server, 4));
    folder = opendir("/proc/self/task");
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        char comm_path[300], comm[64] = "";
        uint64_t mask;
        FILE *file;

        if (entry->d_name[0] == '.')
            continue;
        mask = blocked_signals(entry->d_name);
        if ((mask & (UINT64_C(1) << (SIGTERM - 1))) == 0)
            continue; /* ours, or the server's */
        snprintf(comm_path, sizeof comm_path, "/proc/self/task/%.200s/comm", entry->d_name);
        file = fopen(comm_path, "r");
        if (file != NULL && fgets(comm, sizeof comm, file) == NULL)
            comm[0] = '\0';
        if (file != NULL)
            fclose(file);
        workers++;
        for (size_t i = 0; i < sizeof asynchronous / sizeof asynchronous[0]; i++)
            if ((mask & (UINT64_C(1) << (asynchronous[i] - 1))) == 0)
                fail_msg("thread %s does not block signal %d", comm, asynchronous[i]);
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
            if ((mask & (UINT64_C(1) << (faults[i] - 1))) != 0)
                fail_msg("thread %s blocks signal %d", comm, faults[i]);
    }
    closedir(folder);
    if (workers < (WEIR_ENGINE_DEFAULT == WEIR_ENGINE_ASYNC ? 1 : 4)) /* a loop carries all of them */
        fail_msg("only %d threads block signals", workers);
    weir_abort(f->weir);
    expect_status(weir_wait(f->weir, S(5)), WEIR_OK);
    fixture_end(f);
    for (int i = 1; i < 65; i++) {
        if (sigaction(i, NULL, &after) == 0 && before[i].sa_handler != after.sa_handler)
            fail_msg("the disposition of signal %d changed", i);
    }
}

static int use_inherited(void *argument)
{
    struct fixture *f = argument;
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request r = request_of(f, "GET", "/ok", 10, false);
    const struct weir_result *result;
    struct weir_stats stats, before;
    struct weir *own = NULL;

    CHILD_CHECK(1, weir_submit(f->weir, &r, 0) == WEIR_FORKED);
    CHILD_CHECK(2, weir_submit(f->weir, &r, -1) == WEIR_FORKED);
    CHILD_CHECK(3, weir_wait(f->weir, -1) == WEIR_FORKED);
    CHILD_CHECK(4, weir_drain(f->weir, -1) == WEIR_FORKED);
    CHILD_CHECK(5, weir_cancel(f->weir, 0) == WEIR_FORKED);
    CHILD_CHECK(6, weir_completion_fd(f->weir) == -1);
    CHILD_CHECK(7, weir_take_result(f->weir, -1) == NULL);
    CHILD_CHECK(8, weir_limits_of(f->weir) == NULL);
    memset(&stats, 0x5a, sizeof stats);
    stats.struct_size = sizeof stats;
    before = stats;
    weir_snapshot(f->weir, &stats);
    CHILD_CHECK(9, untouched(&stats, &before, sizeof stats));
    weir_stop(f->weir);
    weir_abort(f->weir);
    weir_free(f->weir);
    options.completion_max = 1;
    CHILD_CHECK(10, weir_new(&options, &own) == WEIR_OK);
    CHILD_CHECK(11, weir_submit(own, &r, 0) == WEIR_OK);
    result = weir_take_result(own, S(5));
    CHILD_CHECK(12, result != NULL && result->outcome == WEIR_OUTCOME_SUCCEEDED && result->job_id == 10);
    weir_result_free(result);
    weir_free(own);
    return 0;
}

static void an_inherited_dispatcher_is_dead_in_the_child_and_alive_in_the_parent(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    (void)state;
    not_with_a_sanitizer();
    options.completion_max = 20;
    f = fixture_open(&options);
    submit(f, "GET", "/silent", 0, true);
    assert_true(raw_server_await(f->server, 1));
    for (int i = 0; i < 5; i++) {
        for (uint64_t id = 1; id < 5; id++)
            submit(f, "GET", "/slow", id, true); /* workers are busy while it forks */
        expect_child(use_inherited, f);
    }
    for (const int64_t end = now_ns() + S(5); atomic_load(&f->ended) < 20 && now_ns() < end;)
        pause_ns(MS(1));
    expect_count(atomic_load(&f->ended), 20); /* of 1 to 4, each five times */
    expect_count(atomic_load(&f->ends[0].times), 0);
    expect_status(weir_cancel(f->weir, 0), WEIR_OK);
    expect_status(weir_wait(f->weir, S(5)), WEIR_OK);
    expect_end(f, 0, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED);
    fixture_end(f);
}

static atomic_bool leaving; /* only in a child */
static atomic_int begun;

static void count_begun(void *user_data, const struct weir_result *result)
{
    (void)user_data;
    (void)result;
    atomic_fetch_add(&begun, 1);
}

/* Runs after every function that was registered with atexit(): weir has done what it does by then. */
__attribute__((destructor(101))) static void look_for_late_callbacks(void)
{
    const int before = atomic_load(&begun);

    if (!atomic_load(&leaving))
        return;
    pause_ns(MS(120));
    if (atomic_load(&begun) > before) {
        fprintf(stderr, "%d callbacks began after exit()\n", atomic_load(&begun) - before);
        _exit(77);
    }
}

/* Leaves with jobs in flight, and waiting. */
static int exit_without_free(void *argument)
{
    struct fixture *f = argument;
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir = NULL;

    options.concurrency = 8;
    CHILD_CHECK(1, weir_new(&options, &weir) == WEIR_OK);
    for (uint64_t id = 0; id < 100; id++) {
        struct weir_request r = request_of(f, "GET", id < 4 ? "/silent" : "/slow", id, true);

        r.done = count_begun;
        CHILD_CHECK(2, weir_submit(weir, &r, 0) == WEIR_OK);
    }
    while (atomic_load(&begun) < 5)
        pause_ns(MS(1));
    atomic_store(&leaving, true);
    exit(0);
}

static void an_exit_without_a_free_is_quick_and_clean(void **state)
{
    struct fixture *f = fixture_open(NULL);
    int64_t begin;

    (void)state;
    not_under_tsan();
    for (int i = 0; i < 5; i++) {
        begin = now_ns();
        expect_child(exit_without_free, f);
        expect_between(now_ns() - begin, MS(50), S(4));
    }
    fixture_end(f);
}

/* ------------------------------------------------------------------------------------------------------ new_from_file
 */

struct file {
    char path[64];
};

static struct file file_of(const char *text)
{
    struct file file = {"/tmp/weir-test-XXXXXX"};
    const int fd = mkstemp(file.path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return file;
}

static void a_dispatcher_is_made_as_a_file_says(void **state)
{
    struct file file = file_of("{\"concurrency\": 3, \"rate\": [\"100/s\", \"5000/h\"], \"retry\": {\"attempts\": 1}}");
    struct weir_options options = WEIR_OPTIONS_INIT;
    char errors[256] = "left over";
    struct weir_stats stats;
    struct fixture *f = fixture_open(NULL);
    struct weir *weir = NULL;

    (void)state;
    options.completion_max = 4;
    expect_status(weir_new_from_file(file.path, &options, errors, sizeof errors, &weir), WEIR_OK);
    assert_string_equal(errors, "");
    assert_true(weir_completion_fd(weir) >= 0);
    stats = stats_of(weir);
    expect_count(stats.limit_count, 3);
    expect_count(stats.limits[0].permits, 3);
    expect_count(stats.limits[1].permits, 100);
    expect_count(stats.limits[2].permits, 5000);
    weir_free(f->weir);
    f->weir = weir;
    submit(f, "GET", "/status/503", 0, true);
    expect_status(weir_wait(f->weir, S(10)), WEIR_OK);
    expect_end(f, 0, WEIR_OUTCOME_FAILED, WEIR_ERROR_STATUS);
    expect_count(f->ends[0].attempts, 1);
    unlink(file.path);
    fixture_end(f);
}

static void no_key_is_required_and_defaults_need_no_options(void **state)
{
    const char *const texts[] = {
        "{}", "{\"url\": \"http://127.0.0.1/\", \"total\": 5}",
        "{\"url\": \"http://127.0.0.1/\", \"total\": 5, \"output\": {\"file\": \"/nowhere/x\"}}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct file file = file_of(texts[i]);
        char errors[256] = "left over";
        struct weir *weir = NULL;
        const enum weir_status status = weir_new_from_file(file.path, NULL, errors, sizeof errors, &weir);

        if (status != WEIR_OK)
            fail_msg("%s: \"%s\": %s", texts[i], weir_status_text(status), errors);
        assert_string_equal(errors, "");
        expect_count(stats_of(weir).limits[0].permits, 50);
        assert_int_equal(weir_completion_fd(weir), -1);
        weir_free(weir);
        expect_status(weir_new_from_file(file.path, NULL, NULL, 0, &weir), WEIR_OK);
        weir_free(weir);
        unlink(file.path);
    }
}

static int lines_of(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count + (text[-1] != '\n' ? 1 : 0);
}

static void each_mistake_of_a_file_has_its_line(void **state)
{
    struct file file = file_of("{\n \"concurrency\": \"many\",\n \"rate\": \"fast\",\n \"no_such_key\": 1\n}\n");
    struct weir *weir = (struct weir *)(void *)&weir, *const before = weir;
    char errors[2048] = "left over", expected[3][128];

    (void)state;
    expect_status(weir_new_from_file(file.path, NULL, errors, sizeof errors, &weir), WEIR_CONFIG);
    assert_ptr_equal(weir, before);
    snprintf(expected[0], sizeof expected[0], "%s:2: concurrency: ", file.path);
    snprintf(expected[1], sizeof expected[1], "%s:3: rate: ", file.path);
    snprintf(expected[2], sizeof expected[2], "%s:4: no_such_key: ", file.path);
    for (int i = 0; i < 3; i++)
        if (strstr(errors, expected[i]) == NULL)
            fail_msg("\"%s\" is not in\n%s", expected[i], errors);
    expect_count(lines_of(errors), 3);
    for (size_t size = 0; size < 60; size++) { /* cut where there is no room for more */
        char small[64];

        memset(small, 0x5a, sizeof small);
        expect_status(weir_new_from_file(file.path, NULL, size == 0 ? NULL : small, size, &weir), WEIR_CONFIG);
        if (size > 0) {
            assert_non_null(memchr(small, '\0', size));
            assert_memory_equal(small, errors, strlen(small));
        }
        for (size_t i = size; i < sizeof small; i++)
            assert_int_equal(small[i], 0x5a);
    }
    unlink(file.path);
}

static void a_file_that_cannot_be_used_says_why(void **state)
{
    const char *const texts[] = {"",
                                 "{",
                                 "[]",
                                 "{\"concurrency\": 3} x",
                                 "{\"concurrency\": 0}",
                                 "{\"concurrency\": 3, \"concurrency\": 4}",
                                 "{\"scope\": \"host:\"}",
                                 "{\"scope\": \"elsewhere\"}",
                                 "{\"url\": 5}",
                                 "{\"total\": \"x\"}"};
    struct weir *weir = NULL;
    char errors[512] = "";

    (void)state;
    expect_status(weir_new_from_file("/nowhere/conf.json", NULL, errors, sizeof errors, &weir), WEIR_CONFIG);
    assert_non_null(strstr(errors, "/nowhere/conf.json"));
    expect_status(weir_new_from_file("/tmp", NULL, errors, sizeof errors, &weir), WEIR_CONFIG);
    assert_true(errors[0] != '\0');
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct file file = file_of(texts[i]);
        const enum weir_status status = weir_new_from_file(file.path, NULL, errors, sizeof errors, &weir);

        if (status != WEIR_CONFIG || strncmp(errors, file.path, strlen(file.path)) != 0)
            fail_msg("%s: \"%s\": %s", texts[i], weir_status_text(status), errors);
        unlink(file.path);
    }
    assert_null(weir);
}

static void other_statuses_leave_errors_empty(void **state)
{
    struct file file = file_of("{\"concurrency\": 3}");
    struct weir_options options = WEIR_OPTIONS_INIT;
    char errors[64] = "left over";
    struct weir *weir = NULL;

    (void)state;
    options.struct_size--;
    expect_status(weir_new_from_file(file.path, &options, errors, sizeof errors, &weir), WEIR_INVALID);
    assert_string_equal(errors, "");
    assert_null(weir);
    snprintf(errors, sizeof errors, "left over");
    options.struct_size++;
    options.completion_max = WEIR_COMPLETIONS_MAX + 1;
    expect_status(weir_new_from_file(file.path, &options, errors, sizeof errors, &weir), WEIR_INVALID);
    assert_string_equal(errors, "");
    assert_null(weir);
    unlink(file.path);
}

static void the_scope_and_its_limits_come_from_the_file(void **state)
{
    const struct test_scope scope = scope_new("file");
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *limits = NULL;
    struct weir *weir = NULL;
    char text[256], errors[256] = "left over";
    struct file file, other;

    (void)state;
    snprintf(text, sizeof text, "{\"concurrency\": 3, \"scope\": \"%s\"}", scope.text);
    file = file_of(text);
    snprintf(text, sizeof text, "{\"concurrency\": 4, \"scope\": \"%s\"}", scope.text);
    other = file_of(text);
    expect_status(weir_new_from_file(file.path, NULL, errors, sizeof errors, &weir), WEIR_OK);
    options.scope = scope.text;
    options.concurrency = 3;
    expect_status(weir_limits_new(&options, &limits), WEIR_OK);
    expect_status(weir_new_from_file(other.path, NULL, errors, sizeof errors, &weir), WEIR_SCOPE_LIMITS);
    assert_string_equal(errors, "");
    weir_limits_free(limits);
    weir_free(weir);
    unlink(file.path);
    unlink(other.path);
    scope_free(&scope);
}

/* -------------------------------------------------------------------------------------------------------------- scope
 */

static void serve_and_time(struct raw_server *server, int fd, int index, void *user)
{
    struct {
        pthread_mutex_t lock;
        int count;
        int64_t times[256];
    } *log = user;

    (void)index;
    while (raw_server_read(server, fd)) {
        pthread_mutex_lock(&log->lock);
        if (log->count < 256)
            log->times[log->count++] = now_ns(); /* under the lock, so in order */
        pthread_mutex_unlock(&log->lock);
        if (!raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
            break;
    }
}

static void two_dispatchers_of_a_scope_keep_the_limits_together(void **state)
{
    static struct {
        pthread_mutex_t lock;
        int count;
        int64_t times[256];
    } log = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const struct test_scope scope = scope_new("two");
    const struct weir_rate rate = {.requests = 20, .per_ns = MS(300), .shape = WEIR_SHAPE_WINDOW};
    struct raw_server *server = raw_server_start(serve_and_time, &log);
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request r = WEIR_REQUEST_INIT;
    struct weir *weirs[2] = {NULL, NULL}, *other = NULL;
    char target[64];

    (void)state;
    assert_non_null(server);
    options.concurrency = 6;
    options.rates = &rate;
    options.rate_count = 1;
    options.scope = scope.text;
    snprintf(target, sizeof target, "http://127.0.0.1:%d/", raw_server_port(server));
    r.url = target;
    for (int i = 0; i < 2; i++)
        expect_status(weir_new(&options, &weirs[i]), WEIR_OK);
    options.concurrency = 7;
    expect_status(weir_new(&options, &other), WEIR_SCOPE_LIMITS);
    for (int i = 0; i < 100; i++)
        expect_status(weir_submit(weirs[i % 2], &r, S(10)), WEIR_OK);
    for (int i = 0; i < 2; i++)
        expect_status(weir_wait(weirs[i], S(20)), WEIR_OK);
    expect_count(log.count, 100);
    for (int i = 0; i + 20 < 100; i++)
        if (log.times[i + 20] - log.times[i] < MS(300))
            fail_msg("21 arrivals in %.3f ms", (double)(log.times[i + 20] - log.times[i]) / 1e6);
    for (int i = 0; i < 2; i++) {
        expect_count(stats_of(weirs[i]).outcomes[WEIR_OUTCOME_SUCCEEDED], 50);
        expect_from_to(stats_of(weirs[i]).limits[1].worst_window, 1, 20);
        weir_free(weirs[i]);
    }
    raw_server_stop(server);
    scope_free(&scope);
}

/* The permits of one that is freed with jobs in flight are back for the other. */
static void a_freed_dispatchers_permits_are_the_scopes_again(void **state)
{
    const struct test_scope scope = scope_new("gone");
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *second = NULL;
    struct weir_permit permit = WEIR_PERMIT_INIT;
    struct weir_request r;
    struct fixture *f;

    (void)state;
    options.concurrency = 2;
    options.scope = scope.text;
    f = fixture_open(&options);
    expect_status(weir_new(&options, &second), WEIR_OK);
    submit(f, "GET", "/silent", 0, true);
    submit(f, "GET", "/silent", 1, true);
    assert_true(raw_server_await(f->server, 2));
    expect_status(weir_limits_acquire(weir_limits_of(second), 0, &permit), WEIR_TIMEOUT);
    r = request_of(f, "GET", "/ok", 2, true);
    expect_status(weir_submit(second, &r, 0), WEIR_OK);
    expect_status(weir_wait(second, MS(300)), WEIR_TIMEOUT);
    weir_free(f->weir);
    f->weir = NULL;
    expect_status(weir_wait(second, S(2)), WEIR_OK);
    expect_end(f, 2, WEIR_OUTCOME_SUCCEEDED, WEIR_ERROR_NONE);
    weir_free(second);
    fixture_end(f);
    scope_free(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_invalid),
        cmocka_unit_test(a_new_dispatcher_has_no_thread_yet),
        cmocka_unit_test(null_is_no_dispatcher),
        cmocka_unit_test(requests_that_must_not_reach_the_wire_are_invalid),
        cmocka_unit_test(a_full_queue_says_so_or_lets_wait),
        cmocka_unit_test(what_is_passed_in_is_copied),
        cmocka_unit_test(a_result_tells_what_came),
        cmocka_unit_test(a_wait_is_bounded_and_ends_with_the_last_job),
        cmocka_unit_test(a_stop_lets_jobs_in_flight_finish_and_cancels_the_others),
        cmocka_unit_test(an_abort_ends_silent_transfers_at_once),
        cmocka_unit_test(a_free_tells_of_every_job_and_leaves_nothing),
        cmocka_unit_test(jobs_that_wait_in_the_queue_are_cancelled),
        cmocka_unit_test(a_cancel_in_the_queue_is_told_by_the_first_thread_that_is_free),
        cmocka_unit_test(a_cancel_in_the_queue_gives_its_result_with_the_first_thread_that_is_free),
        cmocka_unit_test(a_job_in_flight_on_a_silent_server_is_cut_off),
        cmocka_unit_test(a_job_in_backoff_is_cancelled),
        cmocka_unit_test(a_job_that_waits_for_a_permit_or_a_pause_is_cancelled),
        cmocka_unit_test(a_cancel_ends_every_job_of_the_id_and_knows_no_other),
        cmocka_unit_test(a_storm_of_cancels_ends_each_job_once),
        cmocka_unit_test(a_drain_carries_out_what_was_accepted),
        cmocka_unit_test(a_drain_wakes_who_waits_for_room),
        cmocka_unit_test(a_drain_that_took_too_long_may_be_stopped_or_aborted),
        cmocka_unit_test(jobs_that_must_be_sent_again_are_so_while_draining),
        cmocka_unit_test(without_a_completion_queue_there_is_nothing_to_take),
        cmocka_unit_test(the_descriptor_is_readable_just_while_a_result_waits),
        cmocka_unit_test(results_come_in_order_of_completion),
        cmocka_unit_test(room_for_results_is_kept_from_acceptance_on),
        cmocka_unit_test(a_producer_that_waits_for_room_is_woken_by_a_taker),
        cmocka_unit_test(a_take_waits_as_long_as_it_may),
        cmocka_unit_test(a_taker_without_end_is_woken_by_a_stop_and_by_a_drain),
        cmocka_unit_test(drain_and_take_gives_every_result_and_then_none),
        cmocka_unit_test(results_that_wait_can_be_taken_after_a_stop),
        cmocka_unit_test(a_result_is_the_takers_even_after_the_dispatcher_is_gone),
        cmocka_unit_test(several_takers_get_each_result_once),
        cmocka_unit_test(callbacks_may_call_whatever_does_not_wait),
        cmocka_unit_test(a_callback_may_cancel_another_job),
        cmocka_unit_test(sending_is_asked_before_and_may_refuse),
        cmocka_unit_test(a_job_cancelled_at_the_wire_is_not_sent),
        cmocka_unit_test(a_paused_dispatcher_accepts_jobs),
        cmocka_unit_test(threads_block_signals_and_dispositions_stay),
        cmocka_unit_test(an_inherited_dispatcher_is_dead_in_the_child_and_alive_in_the_parent),
        cmocka_unit_test(an_exit_without_a_free_is_quick_and_clean),
        cmocka_unit_test(a_dispatcher_is_made_as_a_file_says),
        cmocka_unit_test(no_key_is_required_and_defaults_need_no_options),
        cmocka_unit_test(each_mistake_of_a_file_has_its_line),
        cmocka_unit_test(a_file_that_cannot_be_used_says_why),
        cmocka_unit_test(other_statuses_leave_errors_empty),
        cmocka_unit_test(the_scope_and_its_limits_come_from_the_file),
        cmocka_unit_test(two_dispatchers_of_a_scope_keep_the_limits_together),
        cmocka_unit_test(a_freed_dispatchers_permits_are_the_scopes_again),
    };

    watch();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
