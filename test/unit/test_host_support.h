/*
 * What the test_host_*.c share: a host's process seen from outside, and servers that answer it.
 *
 * WEIR_ROUNDS=N asks for N rounds where the normal run makes a few.
 */
#ifndef TEST_UNIT_TEST_HOST_SUPPORT_H
#define TEST_UNIT_TEST_HOST_SUPPORT_H

#include "support/nginx.h"
#include "support/raw_server.h"
#include "weir.h"

#include <limits.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define HOST_MS INT64_C(1000000)
#define HOST_S INT64_C(1000000000)

/* What a host does here that ThreadSanitizer takes for its mistake: setenv() beside threads, exit() with threads that
 * live, threads after a fork. */
#ifdef WEIR_CHECKER
#define HOST_UNDER_TSAN true
#else
#define HOST_UNDER_TSAN false
#endif

static inline int host_rounds(int normal)
{
    const char *text = getenv("WEIR_ROUNDS");
    const long rounds = text != NULL ? strtol(text, NULL, 10) : 0;

    return rounds > 0 && rounds <= INT_MAX ? (int)rounds : normal;
}

/* Seconds for the watchdog of a program that normally takes a few. */
static inline void host_watchdog(void)
{
    (void)alarm(getenv("WEIR_ROUNDS") != NULL ? 900 : 55);
}

static inline int host_count(const char *path)
{
    DIR *dir = opendir(path);
    int count = -3; /* ".", ".." and its own */

    if (dir == NULL)
        return -1;
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count;
}

static inline int host_fds(void)
{
    return host_count("/proc/self/fd");
}

/* One more than host_count() makes of it: a folder of tasks has no entry for who reads it. */
static inline int host_threads(void)
{
    return host_count("/proc/self/task") + 1;
}

static inline void host_sleep_ms(int ms)
{
    const struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000L};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static inline int64_t host_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * HOST_S + now.tv_nsec;
}

/* Waits until there are no more of them than that; a thread that was joined, or a socket of a server that was stopped,
 * may be there for a moment still. */
static inline int host_settle(int (*count)(void), int wanted)
{
    int seen = count();

    for (int ms = 0; ms < 2000 && seen > wanted; ms++) {
        host_sleep_ms(1);
        seen = count();
    }
    return seen;
}

/* For raw_server: answers, keeps the connection. */
static inline void host_answer(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    while (raw_server_read(server, fd))
        if (!raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
}

/* For raw_server: a connection for each request. */
static inline void host_answer_close(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(server, fd))
        (void)raw_server_send(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
}

/* For raw_server: reads and says nothing. */
static inline void host_answer_never(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    (void)server;
    raw_server_linger(fd);
}

static inline void host_url(char *url, size_t size, const struct raw_server *server)
{
    (void)snprintf(url, size, "http://127.0.0.1:%d/", raw_server_port(server));
}

/* nginx with a certificate of the test CA: on PORT0 TLS; what follows is the inside of its location. */
struct host_tls {
    struct nginx nginx;
    char ca[128], url[128];
};

static inline bool host_tls_start(struct host_tls *tls, const char *location)
{
    char command[160], config[1024];

    if (!nginx_prepare(&tls->nginx))
        return false;
    (void)snprintf(command, sizeof command, "sh test/support/certs.sh %s", tls->nginx.dir);
    (void)snprintf(tls->ca, sizeof tls->ca, "%s/ca.pem", tls->nginx.dir);
    (void)snprintf(config, sizeof config,
                   "server { listen PORT0 ssl; ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key; "
                   "root DIR; location / { %s } }\n",
                   location);
    if (system(command) != 0 || !nginx_put(&tls->nginx, "large", NULL, 8 * 1024 * 1024) ||
        !nginx_start(&tls->nginx, config, 1))
        return false;
    (void)snprintf(tls->url, sizeof tls->url, "https://127.0.0.1:%d/large", tls->nginx.ports[0]);
    return true;
}

static inline void host_tls_stop(struct host_tls *tls)
{
    nginx_stop(&tls->nginx);
}

/* Counts how jobs end. */
struct host_ends {
    atomic_uint outcomes[WEIR_OUTCOME_COUNT];
    atomic_int first_error; /* of those that did not succeed */
};

static inline void host_done(void *user_data, const struct weir_result *result)
{
    struct host_ends *ends = user_data;
    int none = 0;

    if (result->outcome != WEIR_OUTCOME_SUCCEEDED)
        (void)atomic_compare_exchange_strong(&ends->first_error, &none, (int)result->error);
    (void)atomic_fetch_add(&ends->outcomes[result->outcome], 1);
}

static inline unsigned host_ended(struct host_ends *ends)
{
    unsigned sum = 0;

    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        sum += atomic_load(&ends->outcomes[i]);
    return sum;
}

#define host_assert_all_succeeded(ends, expected) host_expect((ends), (expected), __FILE__, __LINE__)
static inline void host_expect(struct host_ends *ends, unsigned expected, const char *file, int line)
{
    if (atomic_load(&ends->outcomes[WEIR_OUTCOME_SUCCEEDED]) == expected && host_ended(ends) == expected)
        return;
    print_error("%u jobs: %u succeeded, %u failed, %u unknown, %u cancelled; first error: %s\n", expected,
                ends->outcomes[WEIR_OUTCOME_SUCCEEDED], ends->outcomes[WEIR_OUTCOME_FAILED],
                ends->outcomes[WEIR_OUTCOME_UNKNOWN], ends->outcomes[WEIR_OUTCOME_CANCELLED],
                weir_error_code((enum weir_error)ends->first_error));
    _fail(file, line);
}

static inline struct weir *host_weir(uint32_t concurrency, const char *ca_file)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir = NULL;

    options.concurrency = concurrency;
    options.ca_file = ca_file;
    options.timeout_ns = 20 * HOST_S;
    if (weir_new(&options, &weir) != WEIR_OK)
        return NULL;
    return weir;
}

static inline enum weir_status host_submit(struct weir *weir, const char *url, struct host_ends *ends,
                                           int64_t timeout_ns)
{
    struct weir_request request = WEIR_REQUEST_INIT;

    request.url = url;
    request.done = ends != NULL ? host_done : NULL;
    request.user_data = ends;
    return weir_submit(weir, &request, timeout_ns);
}

#endif
