/*
 * Every allocation of an attempt fails once, each in a run of its own: what reaches the wire is the request that was
 * asked for, or nothing.  Works by standing before glibc's allocator, which a sanitizer does itself: then there is
 * nothing to do.
 */
#include "support/http_attempt.h"
#include "support/raw_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__GLIBC__) && !defined(WEIR_SANITIZER)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

/* The objects are compiled with hidden symbols; libcurl must see these. */
#define SEEN __attribute__((visibility("default")))

static _Thread_local long fail_at; /* counts down; the allocation that finds 1 here fails */

static bool fails(void)
{
    if (fail_at == 0 || --fail_at > 0)
        return false;
    errno = ENOMEM;
    return true;
}

SEEN void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

SEEN void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

SEEN void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}

static void answer(struct raw_server *server, int fd, int index, void *user)
{
    (void)index;
    (void)user;
    while (raw_server_read(server, fd))
        raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/* On a kept connection that has sent a plain GET before.  False where there was no such allocation. */
static bool one_attempt(struct raw_server *server, const char *method, long at)
{
    struct http_attempt attempt = {.transport = NULL};
    char text[256], seen[32] = "";
    enum weir_error error;
    bool reached;
    int before;

    http_attempt_open(&attempt, NULL);
    assert_int_equal(http_attempt_send(&attempt, "GET", "http://127.0.0.1:%d/first", raw_server_port(server)), 0);
    before = raw_server_requests(server);
    attempt.headers[0] = (struct weir_header){"accept-encoding", "gzip"};
    attempt.header_count = 1;
    fail_at = at;
    error = http_attempt_send(&attempt, method, "http://127.0.0.1:%d/second", raw_server_port(server));
    reached = fail_at == 0;
    fail_at = 0;
    if (raw_server_requests(server) > before) {
        (void)raw_server_last(server, text, sizeof text);
        (void)sscanf(text, "%31s", seen);
        if (strcmp(seen, method) != 0)
            fail_msg("allocation %ld: %s was sent as %s, and the error is %s", at, method, seen,
                     weir_error_code(error));
    } else {
        assert_int_equal(error, WEIR_ERROR_RESOURCE);
    }
    /* and the next one finds nothing amiss */
    assert_int_equal(http_attempt_send(&attempt, method, "http://127.0.0.1:%d/third", raw_server_port(server)), 0);
    (void)raw_server_last(server, text, sizeof text);
    assert_true(strncmp(text, method, strlen(method)) == 0);
    http_attempt_close(&attempt);
    return reached;
}

static void no_failed_allocation_changes_the_method(void **state)
{
    static const char *const methods[] = {"DELETE", "PUT", "POST", "GET"};
    struct raw_server *server = raw_server_start(answer, NULL);

    (void)state;
    assert_non_null(server);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        long at = 1;
        while (one_attempt(server, methods[i], at))
            at++;
        assert_in_range(at, 5, 1000);
    }
    raw_server_stop(server);
}

#else

static void no_failed_allocation_changes_the_method(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_failed_allocation_changes_the_method),
    };

    (void)alarm(50);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
