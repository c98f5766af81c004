/* The easy transport against a real server: what goes right, and what nginx says no to. */
#include "support/http_attempt.h"
#include "support/nginx.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct nginx nginx;
static struct http_attempt attempt;

static const char config[] = "default_type text/plain; root DIR; absolute_redirect off;\n"
                             "limit_req_zone $server_port zone=one:1m rate=1r/m; limit_req_status 429;\n"
                             "server { listen PORT0;\n"
                             " location = /ok { return 200 \"$connection_requests\"; }\n"
                             " location = /seen { return 200 \"$request_method $http_x_a|$http_user_agent\"; }\n"
                             " location = /there { return 302 /ok?a=b; }\n"
                             " location = /abroad { return 308 https://h.example/x; }\n"
                             " location = /same { return 304; }\n"
                             " location = /limited.txt { limit_req zone=one; }\n"
                             " location = /zeros { gzip on; gzip_types *; }\n"
                             " location = /long.txt { gzip on; gzip_types *; }\n"
                             " location = /chunked.txt { sub_filter_types *; sub_filter nothing something; }\n"
                             "}\n";

static int start(void **state)
{
    (void)state;
    char text[4001];
    memset(text, 'z', 4000);
    text[4000] = '\0';
    bool good = nginx_prepare(&nginx) && nginx_put(&nginx, "limited.txt", "here", 0) &&
                nginx_put(&nginx, "zeros", NULL, 64L * 1024 * 1024) && nginx_put(&nginx, "long.txt", text, 0) &&
                nginx_put(&nginx, "chunked.txt", "in chunks", 0) && nginx_start(&nginx, config, 1);
    return good ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    nginx_stop(&nginx);
    return 0;
}

static int open_attempt(void **state)
{
    (void)state;
    http_attempt_open(&attempt, NULL);
    return 0;
}

static int close_attempt(void **state)
{
    (void)state;
    http_attempt_close(&attempt);
    return 0;
}

static void get(const char *url)
{
    http_attempt_send(&attempt, "GET", url, nginx.ports[0]);
}

/* One connection for all, and only the first is reported as new and costs connect time. */
static void connection_is_kept(void **state)
{
    (void)state;
    for (int i = 1; i <= 50; i++) {
        char expected[16];
        get("http://127.0.0.1:%d/ok");
        assert_attempt(&attempt, WEIR_ERROR_NONE);
        snprintf(expected, sizeof expected, "%d", i);
        assert_int_equal(attempt.reply.body_size, strlen(expected));
        assert_memory_equal(attempt.reply.body, expected, strlen(expected));
        assert_int_equal(attempt.reply.new_connection, i == 1);
        assert_int_equal(attempt.reply.connect_ns > 0, i == 1);
        assert_true(attempt.reply.sent);
        assert_int_equal(attempt.reply.http_status, 200);
        assert_string_equal(attempt.reply.detail, "");
    }
    assert_int_equal(attempt.wires, 50);
    assert_int_equal(attempt.begans, 50);
    assert_int_equal(attempt.new_connections, 1);
    assert_string_equal(http_attempt_field(&attempt, "content-type"), "text/plain");
}

static void statuses_are_no_errors(void **state)
{
    (void)state;
    get("http://127.0.0.1:%d/absent");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_int_equal(attempt.reply.http_status, 404);
    get("http://127.0.0.1:%d/same");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_int_equal(attempt.reply.http_status, 304);
    assert_null(attempt.reply.redirect_url);
    for (int i = 0; i < 3; i++) {
        get("http://127.0.0.1:%d/limited.txt");
        assert_attempt(&attempt, WEIR_ERROR_NONE);
        assert_int_equal(attempt.reply.http_status, i ? 429 : 200);
    }
}

static void redirects_are_told_and_not_followed(void **state)
{
    (void)state;
    char expected[64];
    get("http://127.0.0.1:%d/there");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_int_equal(attempt.reply.http_status, 302);
    snprintf(expected, sizeof expected, "http://127.0.0.1:%d/ok?a=b", nginx.ports[0]);
    assert_string_equal(attempt.reply.redirect_url, expected);
    assert_string_equal(http_attempt_field(&attempt, "Location"), "/ok?a=b");
    get("http://127.0.0.1:%d/abroad");
    assert_string_equal(attempt.reply.redirect_url, "https://h.example/x");
    get("http://127.0.0.1:%d/ok");
    assert_null(attempt.reply.redirect_url);
    assert_int_equal(attempt.wires, 3);
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    get("http://127.0.0.1:%d/chunked.txt");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_string_equal(http_attempt_field(&attempt, "Transfer-Encoding"), "chunked");
    assert_int_equal(attempt.reply.body_size, 9);
    assert_memory_equal(attempt.reply.body, "in chunks", 9);
}

/* weir asks for no encoding by itself; what the caller asked for is decoded. */
static void gzip_is_decoded(void **state)
{
    (void)state;
    get("http://127.0.0.1:%d/long.txt");
    assert_string_equal(http_attempt_field(&attempt, "Content-Encoding"), "");
    attempt.headers[0] = (struct weir_header){"Accept-Encoding", "gzip"};
    attempt.header_count = 1;
    get("http://127.0.0.1:%d/long.txt");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_string_equal(http_attempt_field(&attempt, "Content-Encoding"), "gzip");
    assert_int_equal(attempt.reply.body_size, 4000);
    assert_int_equal(((const char *)attempt.reply.body)[3999], 'z');
}

/* 64 MiB of zeros are some 64 KiB on the wire: the limit is on what comes out. */
static void gzip_bomb_stops_at_the_limit(void **state)
{
    (void)state;
    attempt.headers[0] = (struct weir_header){"Accept-Encoding", "gzip"};
    attempt.header_count = 1;
    get("http://127.0.0.1:%d/zeros");
    assert_attempt(&attempt, WEIR_ERROR_BODY_TOO_LARGE);
    assert_true(attempt.reply.sent);
    assert_int_equal(attempt.reply.http_status, 200);
    assert_string_equal(attempt.reply.detail, "the body is over 1048576 bytes");
    assert_null(attempt.reply.body);
    get("http://127.0.0.1:%d/ok");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
}

/* Just the limit is allowed; without keep_bodies it is counted all the same. */
static void body_limit_is_inclusive_and_kept_without_bodies(void **state)
{
    (void)state;
    struct weir__transport_options options = http_attempt_options();
    options.keep_bodies = false;
    for (size_t max = 4000; max >= 3999; max--) {
        struct http_attempt other;
        options.body_max_size = max;
        http_attempt_open(&other, &options);
        http_attempt_send(&other, "GET", "http://127.0.0.1:%d/long.txt", nginx.ports[0]);
        assert_attempt(&other, max == 4000 ? WEIR_ERROR_NONE : WEIR_ERROR_BODY_TOO_LARGE);
        assert_null(other.reply.body);
        http_attempt_close(&other);
    }
}

static void setenv_after_new_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < 3; i++)
        setenv(names[i], "http://127.0.0.1:1/", 1);
    get("http://127.0.0.1:%d/ok");
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    for (size_t i = 0; i < 3; i++)
        unsetenv(names[i]);
}

/* nginx as a proxy answers for a host that does not exist; its name is not looked up here. */
static void proxies_are_read_at_new(void **state)
{
    (void)state;
    struct http_attempt other;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "127.0.0.1:%d", nginx.ports[0]);
    setenv("http_proxy", proxy, 1);
    setenv("HTTP_PROXY", "127.0.0.1:1", 1);
    setenv("no_proxy", "direct.invalid", 1);
    http_attempt_open(&other, NULL);
    unsetenv("http_proxy");
    unsetenv("HTTP_PROXY");
    unsetenv("no_proxy");
    http_attempt_send(&other, "GET", "http://nowhere.invalid/ok", 0);
    assert_attempt(&other, WEIR_ERROR_NONE);
    http_attempt_send(&other, "GET", "http://direct.invalid/ok", 0);
    assert_attempt(&other, WEIR_ERROR_RESOLVE);
    http_attempt_send(&other, "GET", "https://nowhere.invalid/ok", 0);
    assert_attempt(&other, WEIR_ERROR_RESOLVE);
    http_attempt_close(&other);
}

/* libcurl quotes a proxy that it cannot use, password and all. */
static void proxy_passwords_stay_out_of_details(void **state)
{
    (void)state;
    static const char *const proxies[] = {"http://me:secret@127.0.0.1:1/", "http://me:secret@h:99999999/",
                                          "me:secret@127.0.0.1:1",         "odd://me:secret@127.0.0.1/",
                                          "http://me:secret@no..where/",   "me:secret@[::zz"};
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
        struct http_attempt other;
        setenv("http_proxy", proxies[i], 1);
        http_attempt_open(&other, NULL);
        unsetenv("http_proxy");
        assert_int_not_equal(http_attempt_send(&other, "GET", "http://h.invalid/", 0), WEIR_ERROR_NONE);
        print_message("%s: %s\n", weir_error_code(other.reply.error), other.reply.detail);
        assert_string_not_equal(other.reply.detail, "");
        assert_null(strstr(other.reply.detail, "secret"));
        assert_false(other.reply.sent);
        http_attempt_close(&other);
    }
}

static void nothing_leaks_descriptors(void **state)
{
    (void)state;
    int before = http_attempt_fds();
    for (int i = 0; i < 5; i++) {
        struct http_attempt other;
        http_attempt_open(&other, NULL);
        http_attempt_send(&other, "GET", "http://127.0.0.1:%d/ok", nginx.ports[0]);
        http_attempt_send(&other, "GET", "http://localhost:%d/ok", nginx.ports[0]);
        http_attempt_send(&other, "GET", "http://127.0.0.1:1/", 0);
        http_attempt_send(&other, "GET", "http://127.0.0.1:%d/zeros", nginx.ports[0]);
        http_attempt_close(&other);
    }
    assert_int_equal(http_attempt_fds(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_attempt, close_attempt)
    const struct CMUnitTest tests[] = {
        TEST(connection_is_kept),
        TEST(statuses_are_no_errors),
        TEST(redirects_are_told_and_not_followed),
        TEST(chunks_are_put_together),
        TEST(gzip_is_decoded),
        TEST(gzip_bomb_stops_at_the_limit),
        TEST(body_limit_is_inclusive_and_kept_without_bodies),
        TEST(setenv_after_new_changes_nothing),
        cmocka_unit_test(proxies_are_read_at_new),
        cmocka_unit_test(proxy_passwords_stay_out_of_details),
        cmocka_unit_test(nothing_leaks_descriptors),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
