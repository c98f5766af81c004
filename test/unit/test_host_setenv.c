/*
 * A host that changes its environment while requests run on new connections: getenv() beside setenv() crashes, so
 * weir's threads must not call it, nor libcurl or OpenSSL for them.
 */
#include "test_host_support.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#define STORMS 2
#define IN_FLIGHT 16u

static atomic_bool over;

/* New names and new lengths all the time, so that environ itself and its strings move. */
static void *storm(void *argument)
{
    const char *prefix = argument;
    char name[64], value[512], put[STORMS][64];

    for (unsigned i = 0; !atomic_load(&over); i++) {
        (void)snprintf(name, sizeof name, "%s_%u", prefix, i % 500);
        memset(value, 'x', sizeof value - 1);
        value[i * 7 % (sizeof value - 1)] = '\0';
        (void)setenv(name, value, 1);
        (void)setenv("http_proxy", "", 1);
        (void)unsetenv("http_proxy");
        (void)setenv("SSL_CERT_FILE", value, 1);
        (void)unsetenv("SSL_CERT_FILE");
        (void)snprintf(put[i % STORMS], sizeof put[0], "PUT_%s=%u", prefix, i);
        (void)putenv(put[i % STORMS]);
        if (i % 3 == 0) {
            (void)snprintf(name, sizeof name, "%s_%u", prefix, i * 5 % 500);
            (void)unsetenv(name);
        }
    }
    (void)snprintf(name, sizeof name, "PUT_%s", prefix);
    (void)unsetenv(name); /* its text is on this stack */
    return NULL;
}

static void run_in_storm(const char *url, const char *ca_file, int requests)
{
    static const char *const prefixes[STORMS] = {"WEIR_TEST_A", "WEIR_TEST_B"};
    pthread_t threads[STORMS];
    struct host_ends ends = {0};
    struct weir *weir = host_weir(IN_FLIGHT, ca_file);

    assert_non_null(weir);
    atomic_store(&over, false);
    for (int i = 0; i < STORMS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, storm, (void *)(uintptr_t)prefixes[i]), 0);
    for (int i = 0; i < requests; i++)
        assert_int_equal(host_submit(weir, url, &ends, -1), WEIR_OK);
    assert_int_equal(weir_wait(weir, 300 * HOST_S), WEIR_OK);
    atomic_store(&over, true);
    for (int i = 0; i < STORMS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    weir_free(weir);
    host_assert_all_succeeded(&ends, (unsigned)requests);
}

static void environment_may_change_under_requests(void **state)
{
    struct raw_server *server = raw_server_start(host_answer_close, NULL);
    char url[64];
    int requests;

    if (HOST_UNDER_TSAN)
        skip();
    (void)state;
    assert_non_null(server);
    host_url(url, sizeof url, server);
    requests = 5 * host_rounds(300);
    run_in_storm(url, NULL, requests);
    assert_int_equal(raw_server_connections(server), requests);
    raw_server_stop(server);
}

/* A name of this machine that libcurl does not know by itself, as it does "localhost"; or that one. */
static void name_of_loopback(char *name, size_t size)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    const struct sockaddr_in *address;

    if (gethostname(name, size) == 0 && getaddrinfo(name, NULL, &hints, &found) == 0) {
        address = (const struct sockaddr_in *)(const void *)found->ai_addr;
        if (address->sin_addr.s_addr != htonl(INADDR_LOOPBACK))
            (void)snprintf(name, size, "localhost");
        freeaddrinfo(found);
    } else {
        (void)snprintf(name, size, "localhost");
    }
}

static void environment_may_change_under_look_ups(void **state)
{
    struct raw_server *server = raw_server_start(host_answer_close, NULL);
    char name[64], url[128];

    if (HOST_UNDER_TSAN)
        skip();
    (void)state;
    assert_non_null(server);
    name_of_loopback(name, sizeof name);
    (void)snprintf(url, sizeof url, "http://%s:%d/", name, raw_server_port(server));
    run_in_storm(url, NULL, host_rounds(300));
    raw_server_stop(server);
}

static struct host_tls tls;

static void environment_may_change_under_handshakes(void **state)
{
    char url[160];

    if (HOST_UNDER_TSAN)
        skip();
    (void)state;
    assert_true(host_tls_start(&tls, "keepalive_timeout 0;"));
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/ca.pem", tls.nginx.ports[0]);
    run_in_storm(url, tls.ca, 2 * host_rounds(150));
}

static int stop(void **state)
{
    (void)state;
    host_tls_stop(&tls);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_may_change_under_requests),
        cmocka_unit_test(environment_may_change_under_look_ups),
        cmocka_unit_test(environment_may_change_under_handshakes),
    };

    host_watchdog();
    return cmocka_run_group_tests(tests, NULL, stop);
}
