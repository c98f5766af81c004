/* A reply that nobody looks at: body and header fields are counted and dropped, but for the fields that tell of limits.
 */
#include "support/http_attempt.h"
#include "support/raw_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct raw_server *server;
static struct http_attempt attempt;

/* Answers each request with `user`. */
static void answer_all(struct raw_server *from, int fd, int index, void *user)
{
    (void)index;
    while (raw_server_read(from, fd))
        raw_server_send(fd, user);
}

/* A transport that keeps bodies, as for a run whose results are written; the attempts ask for none. */
static void open_dropping(const char *response)
{
    server = raw_server_start(answer_all, (void *)response);
    assert_non_null(server);
    http_attempt_open(&attempt, NULL);
    attempt.drop_reply = true;
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

static void send_request(void)
{
    http_attempt_send(&attempt, "GET", "http://127.0.0.1:%d/", raw_server_port(server));
    assert_attempt(&attempt, WEIR_ERROR_NONE);
}

static void expect_fields(const struct weir_header *expected, size_t count)
{
    for (size_t i = 0; i < attempt.reply.header_count; i++)
        if (i >= count || strcmp(attempt.reply.headers[i].name, expected[i].name) != 0 ||
            strcmp(attempt.reply.headers[i].value, expected[i].value) != 0)
            fail_msg("field %zu is \"%s: %s\"", i, attempt.reply.headers[i].name, attempt.reply.headers[i].value);
    assert_int_equal(attempt.reply.header_count, count);
}

#define EXPECT(...)                                                                                                    \
    expect_fields((const struct weir_header[]){__VA_ARGS__},                                                           \
                  sizeof((const struct weir_header[]){__VA_ARGS__}) / sizeof(struct weir_header))

/* As often as it is sent: what one response left behind is not in the next. */
static void fields_that_tell_of_limits_are_kept(void **state)
{
    (void)state;
    open_dropping("HTTP/1.1 429 Too Many Requests\r\nServer: x\r\nDate: Thu, 01 Jan 1970 00:00:09 GMT\r\n"
                  "Content-Type: text/plain\r\nRETRY-AFTER : 3 \r\nX-Other: no\r\nX-RateLimit-Remaining: 0\r\n"
                  "anthropic-ratelimit-requests-remaining:7\r\nRateLimit: \"a\";r=1;t=2\r\nRetryAfter: no\r\n"
                  "Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
    for (int i = 0; i < 3; i++) {
        send_request();
        assert_int_equal(attempt.reply.http_status, 429);
        EXPECT({"RETRY-AFTER", "3"}, {"X-RateLimit-Remaining", "0"}, {"anthropic-ratelimit-requests-remaining", "7"},
               {"RateLimit", "\"a\";r=1;t=2"}, {"Date", "Thu, 01 Jan 1970 00:00:09 GMT"});
        assert_null(attempt.reply.body);
    }
    assert_int_equal(raw_server_connections(server), 1);
}

static void a_reply_without_them_has_none(void **state)
{
    (void)state;
    open_dropping("HTTP/1.1 200 OK\r\nServer: x\r\nDate: Thu, 01 Jan 1970 00:00:09 GMT\r\nContent-Type: text/plain\r\n"
                  "Content-Length: 2\r\n\r\nok");
    send_request();
    assert_int_equal(attempt.reply.header_count, 0); /* a Date alone tells nothing */
    assert_null(attempt.reply.body);
    attempt.drop_reply = false; /* the next may want all of it */
    send_request();
    EXPECT({"Server", "x"}, {"Date", "Thu, 01 Jan 1970 00:00:09 GMT"}, {"Content-Type", "text/plain"},
           {"Content-Length", "2"});
    assert_int_equal(attempt.reply.body_size, 2);
}

/* A line that continues a field belongs to that one: joined to it, or dropped with it. */
static void continued_lines_go_where_their_field_goes(void **state)
{
    (void)state;
    open_dropping("HTTP/1.1 200 OK\r\nX-Before: a\r\n b\r\nRateLimit:\r\n \"a\";r=1;t=2\r\n\t\r\nX-After: c\r\n 9\r\n"
                  "Retry-After: 4\r\nContent-Length: 2\r\n\r\nok");
    send_request();
    EXPECT({"RateLimit", " \"a\";r=1;t=2 "}, {"Retry-After", "4"});
}

static void interim_responses_and_trailers_do_not_count(void **state)
{
    (void)state;
    open_dropping("HTTP/1.1 103 Early Hints\r\nRetry-After: 1\r\n\r\nHTTP/1.1 200 OK\r\nRetry-After: 2\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nRetry-After: 3\r\n\r\n");
    send_request();
    EXPECT({"Retry-After", "2"});
}

static void redirects_are_still_told(void **state)
{
    (void)state;
    open_dropping("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
    send_request();
    char expected[64];
    snprintf(expected, sizeof expected, "http://127.0.0.1:%d/there", raw_server_port(server));
    assert_int_equal(attempt.reply.header_count, 0);
    assert_non_null(attempt.reply.redirect_url);
    assert_string_equal(attempt.reply.redirect_url, expected);
}

/* A body that breaks off takes nothing from what the header section said. */
static void fields_stand_where_the_body_was_lost(void **state)
{
    (void)state;
    open_dropping("HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n");
    http_attempt_send(&attempt, "GET", "http://127.0.0.1:%d/", raw_server_port(server));
    assert_attempt(&attempt, WEIR_ERROR_PROTOCOL);
    EXPECT({"Retry-After", "5"});
}

/* The bounds hold for what is dropped, too. */
static void dropped_replies_are_still_bounded(void **state)
{
    (void)state;
    struct weir__transport_options options = http_attempt_options();
    options.body_max_size = 3;
    server = raw_server_start(answer_all, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour");
    assert_non_null(server);
    http_attempt_open(&attempt, &options);
    attempt.drop_reply = true;
    http_attempt_send(&attempt, "GET", "http://127.0.0.1:%d/", raw_server_port(server));
    assert_attempt(&attempt, WEIR_ERROR_BODY_TOO_LARGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, close_all)
    const struct CMUnitTest tests[] = {
        TEST(fields_that_tell_of_limits_are_kept),
        TEST(a_reply_without_them_has_none),
        TEST(continued_lines_go_where_their_field_goes),
        TEST(interim_responses_and_trailers_do_not_count),
        TEST(redirects_are_still_told),
        TEST(fields_stand_where_the_body_was_lost),
        TEST(dropped_replies_are_still_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
