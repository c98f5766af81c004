/* The easy transport against servers that misbehave, and what it sends, seen byte for byte. */
#include "support/http_attempt.h"
#include "support/raw_server.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct raw_server *server;
static struct http_attempt attempt;

static void open_with(raw_server_fn serve, void *user, const struct weir__transport_options *options)
{
    server = raw_server_start(serve, user);
    assert_non_null(server);
    http_attempt_open(&attempt, options);
}

/* Also after a failed test. */
static int close_all(void **state)
{
    (void)state;
    if (attempt.transport)
        http_attempt_close(&attempt);
    raw_server_stop(server);
    server = NULL;
    return 0;
}

static enum weir_error send_request(const char *method)
{
    return http_attempt_send(&attempt, method, "http://127.0.0.1:%d/", raw_server_port(server));
}

static double seconds(int64_t ns)
{
    return (double)ns / (double)WEIR__NS_PER_S;
}

/* ----------------------------------------------------------------------------------------- what is sent */

static void answer_all(struct raw_server *from, int fd, int index, void *user)
{
    (void)index;
    while (raw_server_read(from, fd)) {
        char request[16];
        raw_server_last(from, request, sizeof request);
        bool head = strncmp(request, "HEAD ", 5) == 0;
        raw_server_send(fd, head ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" : (const char *)user);
    }
}

static void expect_request(const char *line, const char *body, const char *const has[], const char *const has_not[])
{
    char text[8192];
    size_t size = raw_server_last(server, text, sizeof text), body_size = strlen(body);
    if (strncmp(text, line, strlen(line)) != 0)
        fail_msg("no \"%s\" in:\n%s", line, text);
    for (; *has; has++)
        if (!strstr(text, *has))
            fail_msg("no \"%s\" in:\n%s", *has, text);
    for (; *has_not; has_not++)
        if (strstr(text, *has_not))
            fail_msg("a \"%s\" in:\n%s", *has_not, text);
    if (size < body_size || memcmp(text + size - body_size, body, body_size) != 0)
        fail_msg("the body is not \"%s\" in:\n%s", body, text);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOTHING ((const char *const[]){NULL})

/* One handle, one connection, every change between forms of requests: none leaves a trace in the next. */
static void methods_leave_no_trace(void **state)
{
    (void)state;
    static const struct {
        const char *method, *body, *has, *has_not;
    } steps[] = {
        {"GET", "", "\r\nUser-Agent: weir\r\n", "Accept"},
        {"POST", "a=1", "Content-Length: 3\r\n", "Expect"},
        {"GET", "", "\r\nHost: ", "Content-"},
        {"HEAD", "", "\r\nHost: ", "Content-"},
        {"GET", "", "\r\nHost: ", "Content-"},
        {"PUT", "xyz", "Content-Length: 3\r\n", "Expect"},
        {"HEAD", "", "\r\nHost: ", "Content-"},
        {"POST", "", "Content-Length: 0\r\n", "Content-Type"},
        {"DELETE", "", "\r\nHost: ", "Content-"},
        {"GET", "get with a body", "Content-Length: 15\r\n", "POST"},
        {"DELETE", "why", "Content-Length: 3\r\n", "POST"},
        {"OPTIONS", "", "\r\nHost: ", "Content-"},
        {"PATCH", "", "Content-Length: 0\r\n", "Content-Type"},
        {"GET", "", "\r\nHost: ", "Content-"},
    };
    open_with(answer_all, OK_2, NULL);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char line[32];
        snprintf(line, sizeof line, "%s / HTTP/1.1\r\n", steps[i].method);
        attempt.body = steps[i].body[0] ? steps[i].body : NULL;
        attempt.body_size = strlen(steps[i].body);
        send_request(steps[i].method);
        assert_attempt(&attempt, WEIR_ERROR_NONE);
        assert_int_equal(attempt.reply.body_size, strcmp(steps[i].method, "HEAD") == 0 ? 0 : 2);
        expect_request(line, steps[i].body, LIST(steps[i].has), LIST(steps[i].has_not));
    }
    assert_int_equal(raw_server_connections(server), 1);
    attempt.body = "x";
    attempt.body_size = 1;
    send_request("HEAD");
    assert_attempt(&attempt, WEIR_ERROR_BAD_REQUEST);
}

static void bodies_are_binary_safe_and_large_ones_ask_nobody(void **state)
{
    (void)state;
    static char body[20000];
    open_with(answer_all, OK_2, NULL);
    memset(body, 'b', sizeof body);
    body[0] = '\0';
    body[sizeof body - 1] = '\0';
    attempt.body = body;
    attempt.body_size = sizeof body;
    send_request("POST");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    static char text[sizeof body + 4096];
    size_t size = raw_server_last(server, text, sizeof text);
    assert_true(size > sizeof body);
    assert_memory_equal(text + size - sizeof body, body, sizeof body);
    assert_null(
        strstr(text, "Expect")); /* libcurl would ask first from 1 MB on, or for HTTP/1.1 from 1 KB in old ones */
}

static void header_fields_are_sent_as_given(void **state)
{
    (void)state;
    open_with(answer_all, OK_2, NULL);
    attempt.headers[0] = (struct weir_header){"X-Empty", ""};
    attempt.headers[1] = (struct weir_header){"X-Blank", "  "};
    attempt.headers[2] = (struct weir_header){"X-A", "b; c: d"};
    attempt.headers[3] = (struct weir_header){"User-Agent", "me"};
    attempt.headers[4] = (struct weir_header){"Content-Length", "0"};
    attempt.headers[5] = (struct weir_header){"X-A", "again"};
    attempt.header_count = 6;
    send_request("GET");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    expect_request("GET ", "",
                   LIST("\r\nX-Empty:\r\n", "\r\nX-Blank:\r\n", "\r\nX-A: b; c: d\r\n", "\r\nUser-Agent: me\r\n",
                        "\r\nX-A: again\r\n"),
                   LIST("weir/", "Content-Length", "Expect"));
    attempt.header_count = 0;
    send_request("GET");
    expect_request("GET ", "", LIST("\r\nUser-Agent: weir\r\n"), LIST("X-A", "X-Empty", "Accept"));
    attempt.headers[0] = (struct weir_header){"Content-Length", "7"};
    attempt.header_count = 1;
    attempt.body = "four";
    attempt.body_size = 4;
    send_request("POST");
    assert_attempt(&attempt, WEIR_ERROR_BAD_REQUEST);
    assert_int_equal(attempt.wires, 2);
}

static void userinfo_becomes_a_field_and_stays_out_of_details(void **state)
{
    (void)state;
    open_with(answer_all, OK_2, NULL);
    http_attempt_send(&attempt, "GET", "http://me:secret@127.0.0.1:%d/", raw_server_port(server));
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    expect_request("GET / ", "", LIST("\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"), LIST("secret"));
    static const char *const bad[] = {"http://me:secret@nowhere.invalid/", "http://me:secret@127.0.0.1:1/",
                                      "http://me:secret@[::zz]/", "http://me:secret@a\\b/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(http_attempt_send(&attempt, "GET", bad[i], 0), WEIR_ERROR_NONE);
        assert_string_not_equal(attempt.reply.detail, "");
        assert_null(strstr(attempt.reply.detail, "secret"));
        assert_false(attempt.reply.sent);
    }
}

static void expect_is_the_callers_to_give(void **state)
{
    (void)state;
    open_with(answer_all, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", NULL);
    attempt.headers[0] = (struct weir_header){"Expect", "100-continue"};
    attempt.header_count = 1;
    attempt.body = "x";
    attempt.body_size = 1;
    send_request("POST");
    expect_request("POST ", "x", LIST("\r\nExpect: 100-continue\r\n"), NOTHING);
    assert_attempt(&attempt, WEIR_ERROR_NONE); /* libcurl would send again, without the field */
    assert_int_equal(attempt.reply.http_status, 417);
    assert_int_equal(raw_server_requests(server), 1);
    assert_int_equal(attempt.wires, 1);
}

/* ----------------------------------------------------------------------------------------- the response */

/* Sends the text after each request; closes after it. */
static void answer_and_close(struct raw_server *from, int fd, int index, void *user)
{
    (void)index;
    if (raw_server_read(from, fd))
        raw_server_send(fd, user);
}

static void broken_responses_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum weir_error error;
        int status;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", WEIR_ERROR_NONE, 200},
        {"HTTP/1.0 200 OK\r\n\r\nuntil the end", WEIR_ERROR_NONE, 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", WEIR_ERROR_CONNECTION_LOST, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", WEIR_ERROR_CONNECTION_LOST, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", WEIR_ERROR_CONNECTION_LOST, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", WEIR_ERROR_NONE, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer: t\r\n\r\n", WEIR_ERROR_NONE,
         200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n", WEIR_ERROR_PROTOCOL, 200},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone", WEIR_ERROR_PROTOCOL, 200},
        {"", WEIR_ERROR_CONNECTION_LOST, 0},
        {"HTTP/1.1 20", WEIR_ERROR_CONNECTION_LOST, 0},
        {"SSH-2.0-garbage\r\n", WEIR_ERROR_PROTOCOL, 0},
        {"\x16\x03\x01\x02", WEIR_ERROR_PROTOCOL, 0},
        {"HTTP/9.1 200 OK\r\n\r\n", WEIR_ERROR_PROTOCOL, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", WEIR_ERROR_PROTOCOL, 200},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", WEIR_ERROR_PROTOCOL, 200},
        {"HTTP/1.1 100 Continue\r\n\r\n", WEIR_ERROR_CONNECTION_LOST, 0},
        {"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 9\r\n\r\nx", WEIR_ERROR_CONNECTION_LOST, 429},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s", cases[i].text);
        open_with(answer_and_close, text, NULL);
        attempt.headers[0] = (struct weir_header){"Accept-Encoding", "gzip"}; /* else an encoded body is as it is */
        attempt.header_count = 1;
        enum weir_error error = send_request("GET");
        if (error != cases[i].error || attempt.reply.http_status != cases[i].status)
            fail_msg("case %zu: %s, status %d, \"%s\"", i, weir_error_code(error), attempt.reply.http_status,
                     attempt.reply.detail);
        assert_true(attempt.reply.sent);
        assert_false(attempt.reply.resend);
        assert_int_equal(attempt.begans, cases[i].status != 0);
        if (cases[i].status == 429)
            assert_string_equal(http_attempt_field(&attempt, "Retry-After"), "3");
        close_all(NULL);
    }
}

static void interim_responses_are_passed_over(void **state)
{
    (void)state;
    open_with(answer_all,
              "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
              "HTTP/1.1 201 Created\r\nX-Late: a\r\n  folded \r\nx-late: \r\nX-Late:b\r\nContent-Length: 2\r\n\r\nok",
              NULL);
    send_request("GET");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_int_equal(attempt.reply.http_status, 201);
    assert_int_equal(attempt.begans, 1);
    static const struct weir_header expected[] = {
        {"X-Late", "a folded"}, {"x-late", ""}, {"X-Late", "b"}, {"Content-Length", "2"}};
    assert_int_equal(attempt.reply.header_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(attempt.reply.headers[i].name, expected[i].name);
        assert_string_equal(attempt.reply.headers[i].value, expected[i].value);
    }
}

static void answer_without_end(struct raw_server *from, int fd, int index, void *user)
{
    const char *const *texts = user;
    (void)index;
    if (!raw_server_read(from, fd) || !raw_server_send(fd, texts[0]))
        return;
    while (raw_server_send(fd, texts[1]))
        continue;
}

static void endless_headers_are_stopped(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {
        {"HTTP/1.1 200 OK\r\n", "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"},
        {"", "HTTP/1.1 100 Continue\r\n\r\n"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "T: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"},
        {"HTTP/1.1 200 OK\r\nX: ", "one line without end"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        open_with(answer_without_end, (void *)kinds[i], NULL);
        send_request("GET");
        if (attempt.reply.error != WEIR_ERROR_HEADERS_TOO_LARGE)
            print_error("case %zu\n", i);
        assert_attempt(&attempt, WEIR_ERROR_HEADERS_TOO_LARGE);
        close_all(NULL);
    }
}

static void endless_body_is_stopped(void **state)
{
    (void)state;
    static const char *const kind[] = {"HTTP/1.1 200 OK\r\n\r\n", "body without end "};
    open_with(answer_without_end, (void *)kind, NULL);
    send_request("GET");
    assert_attempt(&attempt, WEIR_ERROR_BODY_TOO_LARGE);
}

/* The first response is whole; the connection dies under the second request. */
static void answer_once(struct raw_server *from, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(from, fd) && raw_server_send(fd, OK_2))
        raw_server_read(from, fd);
}

/* libcurl would send the POST up to five times more and call it a success. */
static void lost_kept_connection_is_not_sent_again(void **state)
{
    (void)state;
    open_with(answer_once, NULL, NULL);
    send_request("GET");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    attempt.body = "x";
    attempt.body_size = 1;
    send_request("POST");
    assert_attempt(&attempt, WEIR_ERROR_CONNECTION_LOST);
    assert_true(attempt.reply.resend);
    assert_true(attempt.reply.sent);
    assert_false(attempt.reply.new_connection);
    assert_int_equal(attempt.reply.http_status, 0);
    assert_int_equal(attempt.wires, 2);
    assert_int_equal(raw_server_requests(server), 2);
    assert_int_equal(raw_server_connections(server), 1); /* not even a connection was made for it */
    send_request("POST");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_true(attempt.reply.new_connection);
    assert_false(attempt.reply.resend);
}

/* libcurl counts such losses over a handle's life and fails every sixth in its own words: ours must be the same for
 * all. */
static void each_loss_of_a_kept_connection_is_told_alike(void **state)
{
    (void)state;
    open_with(answer_once, NULL, NULL);
    for (int i = 0; i < 20; i++) {
        send_request("GET");
        assert_attempt(&attempt, WEIR_ERROR_NONE);
        send_request("GET");
        assert_attempt(&attempt, WEIR_ERROR_CONNECTION_LOST);
        if (!attempt.reply.resend)
            fail_msg("loss %d: no resend, \"%s\"", i + 1, attempt.reply.detail);
    }
    assert_int_equal(raw_server_connections(server), 20);
}

/* More connections, one after another, than one handle may have sockets at a time. */
static void closed_connections_make_room(void **state)
{
    (void)state;
    open_with(answer_and_close, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", NULL);
    for (int i = 1; i <= 40; i++) {
        send_request("GET");
        assert_attempt(&attempt, WEIR_ERROR_NONE);
        assert_true(attempt.reply.new_connection);
    }
}

/* ----------------------------------------------------------------------------------------- time and the wire */

static void answer_slowly(struct raw_server *from, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (!raw_server_read(from, fd) || !raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
        return;
    while (raw_server_sleep(fd, 50) && raw_server_send(fd, "x"))
        continue;
}

static void be_silent(struct raw_server *from, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(from, fd))
        raw_server_linger(fd);
}

static struct weir__transport_options impatient(int timeout_ms)
{
    struct weir__transport_options options = http_attempt_options();
    options.timeout_ns = timeout_ms * WEIR__NS_PER_MS;
    return options;
}

static void slow_and_silent_responses_time_out(void **state)
{
    (void)state;
    static const raw_server_fn kinds[] = {answer_slowly, be_silent};
    struct weir__transport_options options = impatient(300);
    for (size_t i = 0; i < 2; i++) {
        open_with(kinds[i], NULL, &options);
        send_request("GET");
        assert_attempt(&attempt, WEIR_ERROR_TIMEOUT);
        assert_string_equal(attempt.reply.detail, "the attempt took longer than 300ms");
        assert_true(attempt.reply.sent);
        if (seconds(attempt.took_ns) < 0.28 || seconds(attempt.took_ns) > 0.8)
            fail_msg("took %.3f s", seconds(attempt.took_ns));
        close_all(NULL);
    }
}

/* The wait is longer than the timeout, and does not count: a prompt answer is a success, silence is still timed. */
static void waiting_at_the_wire_does_not_count(void **state)
{
    (void)state;
    struct weir__transport_options options = impatient(300);
    open_with(answer_all, OK_2, &options);
    attempt.wire_ms = 800;
    send_request("GET");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_true(seconds(attempt.took_ns) >= 0.8);
    assert_true(seconds(attempt.reply.connect_ns) < 0.5);
    close_all(NULL);

    static const raw_server_fn kinds[] = {be_silent, answer_slowly};
    for (size_t i = 0; i < 2; i++) {
        open_with(kinds[i], NULL, &options);
        attempt.wire_ms = 800;
        send_request("GET");
        assert_attempt(&attempt, WEIR_ERROR_TIMEOUT);
        double late = seconds(attempt.took_ns) - 0.8 - 0.3;
        print_message("late by %.3f s\n", late);
        if (late < -0.03 || late > 1.2)
            fail_msg("late by %.3f s", late);
        attempt.wire_ms = 0; /* and the next attempt has its own timeout again */
        send_request("GET");
        assert_attempt(&attempt, WEIR_ERROR_TIMEOUT);
        if (seconds(attempt.took_ns) > 0.8)
            fail_msg("the next took %.3f s", seconds(attempt.took_ns));
        close_all(NULL);
    }
}

static void refused_wire_sends_nothing(void **state)
{
    (void)state;
    open_with(answer_all, OK_2, NULL);
    for (int i = 0; i < 2; i++) {
        attempt.refuse = true;
        send_request("POST");
        assert_attempt(&attempt, WEIR_ERROR_STOPPED);
        assert_false(attempt.reply.sent);
        assert_int_equal(raw_server_requests(server), i);
        attempt.refuse = false;
        send_request("GET");
        assert_attempt(&attempt, WEIR_ERROR_NONE);
    }
}

/* ----------------------------------------------------------------------------------------- this machine */

static void speak_plainly(struct raw_server *from, int fd, int index, void *user)
{
    (void)from, (void)index, (void)user;
    raw_server_send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
    raw_server_linger(fd);
}

static void failures_to_connect_are_told_apart(void **state)
{
    (void)state;
    open_with(answer_all, OK_2, NULL);
    http_attempt_send(&attempt, "GET", "http://127.0.0.1:1/", 0);
    assert_attempt(&attempt, WEIR_ERROR_CONNECT);
    http_attempt_send(&attempt, "GET", "http://[::1]:1/", 0);
    assert_attempt(&attempt, WEIR_ERROR_CONNECT);
    http_attempt_send(&attempt, "GET", "http://nowhere.invalid/", 0);
    assert_attempt(&attempt, WEIR_ERROR_RESOLVE);
    http_attempt_send(&attempt, "GET", "ftp://127.0.0.1/", 0);
    assert_attempt(&attempt, WEIR_ERROR_BAD_REQUEST);
    close_all(NULL);
    open_with(speak_plainly, NULL, NULL);
    http_attempt_send(&attempt, "GET", "https://127.0.0.1:%d/", raw_server_port(server));
    assert_attempt(&attempt, WEIR_ERROR_TLS);
    assert_false(attempt.reply.sent);
    assert_int_equal(attempt.wires, 0);
}

static void lack_of_descriptors_is_named(void **state)
{
    (void)state;
    struct rlimit before;
    open_with(answer_all, OK_2, NULL);
    send_request("GET");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 4, /* fewer than are open; poll(2) needs it above its count */
                          .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum weir_error errors[2];
    char details[2][WEIR__DETAIL_SIZE];
    static const char *const urls[] = {"http://127.0.0.2:%d/", "http://nowhere.invalid:%d/"};
    for (size_t i = 0; i < 2; i++) {
        errors[i] = http_attempt_send(&attempt, "GET", urls[i], raw_server_port(server));
        memcpy(details[i], attempt.reply.detail, sizeof details[i]);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < 2; i++) {
        if (errors[i] != WEIR_ERROR_RESOURCE)
            fail_msg("%s: %s, \"%s\"", urls[i], weir_error_code(errors[i]), details[i]);
        assert_string_equal(details[i], "no file descriptor left: raise `ulimit -n`");
    }
    send_request("GET");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
}

/* Each kind of end gives back what it opened. */
static void no_end_leaks_descriptors(void **state)
{
    (void)state;
    struct weir__transport_options options = impatient(50);
    static const raw_server_fn kinds[] = {answer_all, answer_once, be_silent, answer_and_close};
    int before = http_attempt_fds();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        open_with(kinds[i], "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", &options);
        for (int j = 0; j < 5; j++)
            send_request(j % 2 ? "POST" : "GET");
        close_all(NULL);
    }
    assert_int_equal(http_attempt_fds(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, close_all)
    const struct CMUnitTest tests[] = {
        TEST(methods_leave_no_trace),
        TEST(bodies_are_binary_safe_and_large_ones_ask_nobody),
        TEST(header_fields_are_sent_as_given),
        TEST(userinfo_becomes_a_field_and_stays_out_of_details),
        TEST(expect_is_the_callers_to_give),
        TEST(broken_responses_are_told_apart),
        TEST(interim_responses_are_passed_over),
        TEST(endless_headers_are_stopped),
        TEST(endless_body_is_stopped),
        TEST(lost_kept_connection_is_not_sent_again),
        TEST(each_loss_of_a_kept_connection_is_told_alike),
        TEST(closed_connections_make_room),
        TEST(slow_and_silent_responses_time_out),
        TEST(waiting_at_the_wire_does_not_count),
        TEST(refused_wire_sends_nothing),
        TEST(failures_to_connect_are_told_apart),
        TEST(lack_of_descriptors_is_named),
        TEST(no_end_leaks_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
