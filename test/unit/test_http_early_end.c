/* An attempt that ends before its time: by a timeout of its own, or because the server cut the TLS handshake. */
#include "support/http_attempt.h"
#include "support/raw_server.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

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

static void send_request(const char *url)
{
    http_attempt_send(&attempt, "GET", url, raw_server_port(server));
}

/* ----------------------------------------------------------------------------------------- its own timeout */

#define PLAIN "http://127.0.0.1:%d/"

/* Of the last attempt: no earlier than told, and no later than a loaded machine explains. */
static void expect_took(double least)
{
    const double took = (double)attempt.took_ns / (double)WEIR__NS_PER_S;
    if (took < least - 0.03 || took > least + 1.2)
        fail_msg("took %.3f s, expected %.3f s", took, least);
}

static void be_silent(struct raw_server *from, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(from, fd))
        raw_server_linger(fd);
}

static struct weir__transport_options patient(int timeout_ms)
{
    struct weir__transport_options options = http_attempt_options();
    options.timeout_ns = timeout_ms * WEIR__NS_PER_MS;
    return options;
}

/* Shorter than the options' it holds, longer it does not; and it is this attempt's alone. */
static void the_shorter_timeout_holds(void **state)
{
    (void)state;
    static const struct {
        int64_t own_ms, expected_ms;
    } steps[] = {{200, 200}, {0, 600}, {5000, 600}, {100, 100}, {100, 100}, {0, 600}};
    struct weir__transport_options options = patient(600);
    open_with(be_silent, NULL, &options);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char text[64];
        attempt.timeout_ns = steps[i].own_ms * WEIR__NS_PER_MS;
        send_request(PLAIN);
        assert_attempt(&attempt, WEIR_ERROR_TIMEOUT);
        expect_took((double)steps[i].expected_ms / 1000);
        snprintf(text, sizeof text, "the attempt took longer than %dms", (int)steps[i].expected_ms);
        assert_string_equal(attempt.reply.detail, text);
        assert_true(attempt.reply.sent);
    }
}

static void a_timeout_below_a_millisecond_is_not_none(void **state)
{
    (void)state;
    open_with(be_silent, NULL, NULL);
    attempt.timeout_ns = 1;
    send_request(PLAIN);
    assert_attempt(&attempt, WEIR_ERROR_TIMEOUT);
    expect_took(0.001);
}

/* The permits' time is not the attempt's: with 300 ms of its own it waits 1500 for them, and is timed from there. */
/* Unlike the options' timeout, which is for the server, this is all the time that there is. */
static void waiting_at_the_wire_counts(void **state)
{
    (void)state;
    open_with(be_silent, NULL, NULL);
    attempt.timeout_ns = 1500 * WEIR__NS_PER_MS;
    attempt.wire_ms = 1000;
    send_request(PLAIN);
    assert_attempt(&attempt, WEIR_ERROR_TIMEOUT);
    assert_string_equal(attempt.reply.detail, "the attempt took longer than 1500ms");
    expect_took(1.5);
}

/* Nothing comes back from a TLS server that says nothing: still connecting. */
static void it_bounds_connecting_too(void **state)
{
    (void)state;
    open_with(be_silent, NULL, NULL);
    attempt.timeout_ns = 200 * WEIR__NS_PER_MS;
    send_request("https://127.0.0.1:%d/");
    assert_attempt(&attempt, WEIR_ERROR_TIMEOUT);
    expect_took(0.2);
    assert_false(attempt.reply.sent);
    assert_int_equal(attempt.wires, 0);
}

/* ----------------------------------------------------------------------------------------- cut handshakes */

enum way { CLOSE, RESET };

/* What the server does before it cuts: bytes of the client's hello that it reads, and what it says. */
struct cut {
    const char *name;
    size_t read;
    const char *say;
    size_t say_size;
    enum way way;
    enum weir_error expected;
};

static void cut_off(struct raw_server *from, int fd, int index, void *user)
{
    const struct cut *cut = user;
    char hello[4096];
    (void)from, (void)index;
    if (cut->read && recv(fd, hello, cut->read < sizeof hello ? cut->read : sizeof hello, 0) <= 0)
        return;
    if (cut->say_size)
        raw_server_send_bytes(fd, cut->say, cut->say_size);
    if (cut->way == RESET)
        raw_server_reset(fd);
}

#define WHOLE 4096 /* a hello comes in one segment on loopback */
#define SAY(text) text, sizeof(text) - 1

static void a_cut_handshake_is_a_failure_to_connect(void **state)
{
    (void)state;
    static const struct cut cuts[] = {
        {"closed at once", 0, NULL, 0, CLOSE, WEIR_ERROR_CONNECT},
        {"reset at once", 0, NULL, 0, RESET, WEIR_ERROR_CONNECT},
        {"closed after a part of the hello", 20, NULL, 0, CLOSE, WEIR_ERROR_CONNECT},
        {"reset after a part of the hello", 20, NULL, 0, RESET, WEIR_ERROR_CONNECT},
        {"closed after the hello", WHOLE, NULL, 0, CLOSE, WEIR_ERROR_CONNECT},
        {"reset after the hello", WHOLE, NULL, 0, RESET, WEIR_ERROR_CONNECT},
        {"closed within its first record", WHOLE, SAY("\x16\x03\x03\x00\x7a\x02\x00"), CLOSE, WEIR_ERROR_CONNECT},
        {"said goodbye", WHOLE, SAY("\x15\x03\x03\x00\x02\x01\x00"), CLOSE, WEIR_ERROR_CONNECT},
        /* and where the server has an opinion, sending again changes nothing */
        {"handshake_failure", WHOLE, SAY("\x15\x03\x03\x00\x02\x02\x28"), CLOSE, WEIR_ERROR_TLS},
        {"protocol_version", WHOLE, SAY("\x15\x03\x01\x00\x02\x02\x46"), CLOSE, WEIR_ERROR_TLS},
        {"unrecognized_name", WHOLE, SAY("\x15\x03\x03\x00\x02\x02\x70"), CLOSE, WEIR_ERROR_TLS},
        {"plain HTTP", WHOLE, SAY("HTTP/1.1 400 Bad Request\r\n\r\n"), CLOSE, WEIR_ERROR_TLS},
        {"a record of no version", WHOLE, SAY("\x16\x09\x09\x00\x02\x00\x00"), CLOSE, WEIR_ERROR_TLS},
    };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        open_with(cut_off, (void *)&cuts[i], NULL);
        send_request("https://127.0.0.1:%d/");
        print_message("%s: %s, \"%s\"\n", cuts[i].name, weir_error_code(attempt.reply.error), attempt.reply.detail);
        assert_attempt(&attempt, cuts[i].expected);
        assert_string_not_equal(attempt.reply.detail, "");
        assert_false(attempt.reply.sent);
        assert_true(attempt.reply.new_connection);
        assert_int_equal(attempt.wires, 0);
        close_all(NULL);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, close_all)
    const struct CMUnitTest tests[] = {
        TEST(the_shorter_timeout_holds),
        TEST(a_timeout_below_a_millisecond_is_not_none),
        TEST(waiting_at_the_wire_counts),
        TEST(it_bounds_connecting_too),
        TEST(a_cut_handshake_is_a_failure_to_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
