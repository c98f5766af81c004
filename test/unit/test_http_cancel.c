/* A cancel cuts off one silent transfer at once, whatever it is waiting for; its worker's next job finds all as it was.
 */
#include "support/http_attempt.h"
#include "support/raw_server.h"

#include "base/clock.h"
#include "base/sync.h"
#include "weir.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (10 * WEIR__NS_PER_S)
#define SILENT 1u /* the job that is cancelled */

/* What a cancel may take under a sanitizer on a loaded machine is not what is measured here. */
#define BOUND_NS (2 * WEIR__NS_PER_S)

static struct weir *start(void)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir;

    options.concurrency = 1; /* one worker, so one connection */
    options.completion_max = 10;
    options.keep_bodies = true;
    options.insecure = true;
    options.connect_timeout_ns = options.timeout_ns = 30 * WEIR__NS_PER_S;
    options.attempt_max = 1;
    assert_int_equal(weir_new(&options, &weir), WEIR_OK);
    return weir;
}

static void submit(struct weir *weir, const char *scheme, int port, const char *path, uint64_t id)
{
    struct weir_request request = WEIR_REQUEST_INIT;
    char url[96];

    (void)snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", scheme, port, path);
    request.url = url;
    request.job_id = id;
    assert_int_equal(weir_submit(weir, &request, 0), WEIR_OK);
}

static void expect_success(struct weir *weir, uint64_t id)
{
    const struct weir_result *result = weir_take_result(weir, PATIENCE_NS);

    assert_non_null(result);
    if (result->job_id != id || result->outcome != WEIR_OUTCOME_SUCCEEDED || result->attempts != 1 ||
        result->body_size != 2 || memcmp(result->body, "ok", 2) != 0)
        fail_msg("job %u: %s, %s, %s", (unsigned)result->job_id, weir_outcome_text(result->outcome),
                 weir_error_code(result->error), result->detail);
    weir_result_free(result);
}

static void cancel_silent(struct weir *weir)
{
    const struct weir_result *result;
    const int64_t begin_ns = weir__clock_now_ns();
    int64_t took_ns;

    assert_int_equal(weir_cancel(weir, SILENT), WEIR_OK);
    result = weir_take_result(weir, PATIENCE_NS);
    took_ns = weir__clock_now_ns() - begin_ns;
    assert_non_null(result);
    if (result->job_id != SILENT || result->outcome != WEIR_OUTCOME_CANCELLED || result->error != WEIR_ERROR_STOPPED ||
        strcmp(result->detail, "cancelled") != 0)
        fail_msg("job %u: %s, %s, %s", (unsigned)result->job_id, weir_outcome_text(result->outcome),
                 weir_error_code(result->error), result->detail);
    weir_result_free(result);
    print_message("told of after %.2f ms\n", (double)took_ns / 1e6);
    if (took_ns > BOUND_NS)
        fail_msg("took %.3f s", (double)took_ns / 1e9);
}

/* Says what `user` is to requests for /silent, and then nothing; answers all others on a kept connection. */
static void serve(struct raw_server *server, int fd, int index, void *user)
{
    char text[512];

    (void)index;
    while (raw_server_read(server, fd)) {
        (void)raw_server_last(server, text, sizeof text);
        if (strncmp(text, "GET /silent", 11) == 0) {
            if (raw_server_send(fd, user))
                raw_server_linger(fd);
            return;
        }
        if (!raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
    }
}

static void cancel_after(const char *said)
{
    struct raw_server *server = raw_server_start(serve, (void *)said);
    struct weir *weir = start();
    struct weir_stats stats = {.struct_size = sizeof stats};
    int port;

    assert_non_null(server);
    port = raw_server_port(server);
    submit(weir, "http", port, "/", 0);
    expect_success(weir, 0);
    submit(weir, "http", port, "/silent", SILENT);
    assert_true(raw_server_await(server, 2));
    (void)usleep(20000); /* most times what is said has come by then; either way it must end */
    cancel_silent(weir);
    for (uint64_t id = 2; id < 5; id++) {
        submit(weir, "http", port, "/", id);
        expect_success(weir, id);
    }
    weir_snapshot(weir, &stats);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.connections, 2); /* the one that was shut down, and the next */
    submit(weir, "http", port, "/silent", SILENT);
    assert_true(raw_server_await(server, 6));
    weir_free(weir);
    raw_server_stop(server);
}

static void waiting_for_a_header_ends(void **state)
{
    (void)state;
    cancel_after("");
    cancel_after("HTTP/1.1 200 OK\r\nX: y\r\n");
}

static void waiting_for_a_body_ends(void **state)
{
    (void)state;
    cancel_after("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    cancel_after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
}

/* To libcurl, the end that a cancel makes is the end of this response: a success that is none. */
static void cut_body_without_length_is_no_success(void **state)
{
    (void)state;
    cancel_after("HTTP/1.1 200 OK\r\n\r\npart");
}

/* The ClientHello is there, and nothing comes back. */
static void linger_after_hello(struct raw_server *server, int fd, int index, void *user)
{
    char byte;

    (void)server, (void)index;
    if (recv(fd, &byte, 1, 0) == 1)
        weir__sem_post(user);
    raw_server_linger(fd);
}

static void a_handshake_ends(void **state)
{
    struct raw_server *server;
    struct weir *weir = start();
    sem_t greeted;

    (void)state;
    assert_true(weir__sem_init(&greeted, 0));
    server = raw_server_start(linger_after_hello, &greeted);
    assert_non_null(server);
    submit(weir, "https", raw_server_port(server), "/", SILENT);
    assert_true(weir__sem_wait(&greeted, weir__clock_now_ns() + PATIENCE_NS));
    cancel_silent(weir);
    weir_free(weir);
    raw_server_stop(server);
    weir__sem_clear(&greeted);
}

/* Nobody accepts, and the queue is full: SYNs go unanswered. */
static void a_connect_ends(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    struct weir *weir = start();
    int fillers[4], before, fd;

    (void)state;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, size);
    }
    before = http_attempt_fds();
    submit(weir, "http", ntohs(address.sin_port), "/", SILENT);
    for (int64_t until_ns = weir__clock_now_ns() + PATIENCE_NS; http_attempt_fds() < before + 3;) {
        assert_true(weir__clock_now_ns() < until_ns); /* its socket, and libcurl's own pair for waking */
        (void)usleep(1000);
    }
    cancel_silent(weir);
    weir_free(weir);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(fd);
}

/* Whenever in an attempt it comes: the job ends once, by its answer or by the cancel, and nothing leaks into others. */
static void a_cancel_may_come_at_any_moment(void **state)
{
    struct raw_server *server = raw_server_start(serve, (void *)"");
    struct weir *weir = start();
    struct weir_stats stats = {.struct_size = sizeof stats};
    const struct weir_result *result;
    unsigned found = 0, cut = 0;
    int port;

    (void)state;
    assert_non_null(server);
    port = raw_server_port(server);
    for (uint64_t id = 0; id < 600; id++) {
        submit(weir, "http", port, "/", id);
        for (int64_t until_ns = weir__clock_now_ns() + (int64_t)(id % 100) * 4000; weir__clock_now_ns() < until_ns;)
            continue;
        found += weir_cancel(weir, id) == WEIR_OK;
        result = weir_take_result(weir, PATIENCE_NS);
        assert_non_null(result);
        assert_int_equal(result->job_id, id);
        if (result->outcome != WEIR_OUTCOME_SUCCEEDED &&
            (result->outcome != WEIR_OUTCOME_CANCELLED || result->error != WEIR_ERROR_STOPPED))
            fail_msg("job %u: %s, %s, %s", (unsigned)id, weir_outcome_text(result->outcome),
                     weir_error_code(result->error), result->detail);
        cut += result->outcome == WEIR_OUTCOME_CANCELLED;
        weir_result_free(result);
        submit(weir, "http", port, "/", 1000);
        expect_success(weir, 1000);
    }
    weir_snapshot(weir, &stats);
    print_message("%u of 600 found, %u cut, %u connections\n", found, cut, (unsigned)stats.connections);
    assert_true(found >= cut);
    assert_int_equal(stats.outcomes[WEIR_OUTCOME_SUCCEEDED], 1200 - cut);
    weir_free(weir);
    raw_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_for_a_header_ends),
        cmocka_unit_test(waiting_for_a_body_ends),
        cmocka_unit_test(cut_body_without_length_is_no_success),
        cmocka_unit_test(a_handshake_ends),
        cmocka_unit_test(a_connect_ends),
        cmocka_unit_test(a_cancel_may_come_at_any_moment),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
