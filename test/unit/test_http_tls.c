/* TLS against a real server, with certificates of a test CA: whom the transport trusts, and what it refuses to load. */
#include "support/http_attempt.h"
#include "support/nginx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GOOD, EXPIRED, WRONG, SELF, OLD, MUTUAL, LISTENING };

static struct nginx nginx;
static char ca[128], cert[128], key[128], locked[128], self[128], garbage[128];

#define SERVER(port, name, versions, rest)                                                                             \
    "server { listen PORT" #port " ssl; ssl_certificate DIR/" name ".pem; ssl_certificate_key DIR/" name ".key; "      \
    "ssl_protocols " versions "; " rest " location / { return 200 \"$ssl_protocol $ssl_client_s_dn\"; } }\n"

/* nginx 1.22 has no 1.3 by default. */
#define BOTH "TLSv1.2 TLSv1.3"

/* clang-format off */
static const char config[] =
    SERVER(0, "server", BOTH, "")
    SERVER(1, "expired", BOTH, "")
    SERVER(2, "wrong", BOTH, "")
    SERVER(3, "self", BOTH, "")
    SERVER(4, "server", "TLSv1.2", "")
    SERVER(5, "server", BOTH, "ssl_client_certificate DIR/ca.pem; ssl_verify_client on;");
/* clang-format on */

static int start(void **state)
{
    (void)state;
    char command[160];
    if (!nginx_prepare(&nginx))
        return -1;
    snprintf(command, sizeof command, "sh test/support/certs.sh %s", nginx.dir);
    snprintf(ca, sizeof ca, "%s/ca.pem", nginx.dir);
    snprintf(cert, sizeof cert, "%s/client.pem", nginx.dir);
    snprintf(key, sizeof key, "%s/client.key", nginx.dir);
    snprintf(locked, sizeof locked, "%s/locked.key", nginx.dir);
    snprintf(self, sizeof self, "%s/self.key", nginx.dir);
    snprintf(garbage, sizeof garbage, "%s/garbage.pem", nginx.dir);
    bool good = system(command) == 0 && nginx_put(&nginx, "garbage.pem", "no certificate\n", 0) &&
                nginx_start(&nginx, config, LISTENING);
    return good ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    nginx_stop(&nginx);
    return 0;
}

static struct weir__transport_options options_with_ca(void)
{
    struct weir__transport_options options = http_attempt_options();
    options.ca_file = ca;
    return options;
}

/* One attempt on a transport of its own; the reply's body is copied out. */
static void check(const struct weir__transport_options *options, int server, enum weir_error expected, const char *body)
{
    struct http_attempt attempt;
    http_attempt_open(&attempt, options);
    http_attempt_send(&attempt, "GET", "https://127.0.0.1:%d/", nginx.ports[server]);
    assert_attempt(&attempt, expected);
    assert_int_equal(attempt.reply.sent, expected == WEIR_ERROR_NONE);
    assert_int_equal(attempt.wires, expected == WEIR_ERROR_NONE);
    if (expected)
        assert_string_not_equal(attempt.reply.detail, "");
    if (body) {
        assert_int_equal(attempt.reply.body_size, strlen(body));
        assert_memory_equal(attempt.reply.body, body, strlen(body));
    }
    http_attempt_close(&attempt);
}

static void good_certificate_is_trusted(void **state)
{
    (void)state;
    struct weir__transport_options options = options_with_ca();
    check(&options, GOOD, WEIR_ERROR_NONE, "TLSv1.3 ");
}

static void bad_certificates_are_refused(void **state)
{
    (void)state;
    struct weir__transport_options options = options_with_ca();
    check(&options, EXPIRED, WEIR_ERROR_TLS, NULL);
    check(&options, WRONG, WEIR_ERROR_TLS, NULL);
    check(&options, SELF, WEIR_ERROR_TLS, NULL);
}

static void test_ca_is_unknown_to_the_system(void **state)
{
    (void)state;
    struct weir__transport_options options = http_attempt_options();
    check(&options, GOOD, WEIR_ERROR_TLS, NULL);
}

static void insecure_trusts_everybody(void **state)
{
    (void)state;
    struct weir__transport_options options = http_attempt_options();
    options.insecure = true;
    for (int server = GOOD; server <= SELF; server++)
        check(&options, server, WEIR_ERROR_NONE, NULL);
}

static void minimum_version_is_kept(void **state)
{
    (void)state;
    struct weir__transport_options options = options_with_ca();
    check(&options, OLD, WEIR_ERROR_NONE, "TLSv1.2 ");
    options.tls_version_min = 13;
    check(&options, OLD, WEIR_ERROR_TLS, NULL);
    check(&options, GOOD, WEIR_ERROR_NONE, "TLSv1.3 ");
}

static void client_certificate_is_shown(void **state)
{
    (void)state;
    struct weir__transport_options options = options_with_ca();
    struct http_attempt attempt;
    http_attempt_open(&attempt, &options);
    http_attempt_send(&attempt, "GET", "https://127.0.0.1:%d/", nginx.ports[MUTUAL]);
    assert_attempt(&attempt, WEIR_ERROR_NONE);
    assert_int_equal(attempt.reply.http_status, 400);
    http_attempt_close(&attempt);
    options.client_cert_file = cert;
    options.client_key_file = key;
    check(&options, MUTUAL, WEIR_ERROR_NONE, "TLSv1.3 CN=weir test client");
}

/* At once, from new, and without a word to the terminal. */
static void unreadable_files_are_refused_by_new(void **state)
{
    (void)state;
    const struct {
        const char *ca_file, *cert_file, *key_file;
    } bad[] = {
        {"/nonexistent/ca.pem", NULL, NULL},
        {garbage, NULL, NULL},
        {key, NULL, NULL},
        {ca, "/nonexistent/c", key},
        {ca, garbage, key},
        {ca, cert, "/nonexistent/k"},
        {ca, cert, garbage},
        {ca, cert, NULL},
        {ca, cert, self}, /* another's key */
        {ca, cert, locked},
        {ca, NULL, key},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct weir__transport_options options = http_attempt_options();
        struct weir__transport *transport = NULL;
        options.ca_file = bad[i].ca_file;
        options.client_cert_file = bad[i].cert_file;
        options.client_key_file = bad[i].key_file;
        enum weir_status status = weir__easy_new(&options, &transport);
        if (status != WEIR_TLS || transport)
            fail_msg("case %zu: %s", i, weir_status_text(status));
    }
}

/* The handshake is not repeated on a kept connection, and the store serves many connections. */
static void one_store_serves_many_connections(void **state)
{
    (void)state;
    struct weir__transport_options options = options_with_ca();
    struct http_attempt attempt;
    int before = http_attempt_fds();
    http_attempt_open(&attempt, &options);
    for (int i = 0; i < 10; i++) {
        http_attempt_send(&attempt, "GET", "https://127.0.0.1:%d/", nginx.ports[i < 5 ? GOOD : OLD]);
        assert_attempt(&attempt, WEIR_ERROR_NONE);
        assert_int_equal(attempt.reply.new_connection, i == 0 || i == 5);
    }
    http_attempt_close(&attempt);
    assert_int_equal(http_attempt_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_certificate_is_trusted),
        cmocka_unit_test(bad_certificates_are_refused),
        cmocka_unit_test(test_ca_is_unknown_to_the_system),
        cmocka_unit_test(insecure_trusts_everybody),
        cmocka_unit_test(minimum_version_is_kept),
        cmocka_unit_test(client_certificate_is_shown),
        cmocka_unit_test(unreadable_files_are_refused_by_new),
        cmocka_unit_test(one_store_serves_many_connections),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
