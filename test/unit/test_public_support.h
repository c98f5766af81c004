/*
 * test_public_support - what the tests of weir.h's sentences share: the time, scopes of one's own, threads that
 * acquire.
 *
 * These tests know of weir only weir.h.  Lower bounds on time are exact, for they are promises; upper ones are
 * generous, for the machine may be busy.
 */
#ifndef TEST_PUBLIC_SUPPORT_H
#define TEST_PUBLIC_SUPPORT_H

#include "weir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MS(n) ((int64_t)(n)*1000000)
#define S(n) ((int64_t)(n)*1000000000)
#define SOON S(2) /* what should take no time at all has happened by then, on any machine */

static inline int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return S(t.tv_sec) + t.tv_nsec;
}

static inline void pause_ns(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / S(1), .tv_nsec = ns % S(1)};

    while (ns > 0 && nanosleep(&t, &t) != 0 && errno == EINTR)
        continue;
}

/* The watchdog: shorter than that of the suites. */
static inline void watch(void)
{
    const char *mode = getenv("WEIR_TEST_MODE");

    alarm(mode != NULL && strcmp(mode, "release") != 0 ? 170 : 55);
}

/* ThreadSanitizer has threads of its own, and starts none in a child of a process with threads. */
static inline void not_under_tsan(void)
{
    const char *mode = getenv("WEIR_TEST_MODE");

    if (mode != NULL && strcmp(mode, "tsan") == 0)
        skip();
}

/* Their own locks do not survive a fork beside threads that allocate. */
static inline void not_with_a_sanitizer(void)
{
    const char *mode = getenv("WEIR_TEST_MODE");

    if (mode != NULL && strcmp(mode, "release") != 0)
        skip();
}

/* Fails with both unless they are the same. */
#define expect_status(got, expected) expect_status_at((got), (expected), __FILE__, __LINE__)
static inline void expect_status_at(enum weir_status got, enum weir_status expected, const char *file, int line)
{
    if (got != expected) {
        print_error("%s:%d: \"%s\", not \"%s\"\n", file, line, weir_status_text(got), weir_status_text(expected));
        _fail(file, line);
    }
}

/* Fails unless low <= ns <= high. */
#define expect_between(ns, low, high) expect_between_at((ns), (low), (high), #ns, __FILE__, __LINE__)
static inline void expect_between_at(int64_t ns, int64_t low, int64_t high, const char *what, const char *file,
                                     int line)
{
    if (ns < low || ns > high) {
        print_error("%s:%d: %s is %.3f ms, not from %.3f to %.3f ms\n", file, line, what, (double)ns / 1e6,
                    (double)low / 1e6, (double)high / 1e6);
        _fail(file, line);
    }
}

#define expect_count(got, expected) expect_count_at((uint64_t)(got), (uint64_t)(expected), #got, __FILE__, __LINE__)
static inline void expect_count_at(uint64_t got, uint64_t expected, const char *what, const char *file, int line)
{
    if (got != expected) {
        print_error("%s:%d: %s is %llu, not %llu\n", file, line, what, (unsigned long long)got,
                    (unsigned long long)expected);
        _fail(file, line);
    }
}

#define expect_from_to(got, low, high) expect_from_to_at((got), (low), (high), #got, __FILE__, __LINE__)
static inline void expect_from_to_at(uint64_t got, uint64_t low, uint64_t high, const char *what, const char *file,
                                     int line)
{
    if (got < low || got > high) {
        print_error("%s:%d: %s is %llu, not from %llu to %llu\n", file, line, what, (unsigned long long)got,
                    (unsigned long long)low, (unsigned long long)high);
        _fail(file, line);
    }
}

/* A scope of this process's own, for one test. */
struct test_scope {
    char text[96], path[128];
};

#define SCOPES_MAX 64
static struct test_scope scopes_made[SCOPES_MAX]; /* to be removed where a test that made one failed */
static unsigned scopes_made_count;
static pid_t scopes_made_by;

__attribute__((destructor)) static void remove_scopes(void)
{
    for (unsigned i = 0; i < scopes_made_count && scopes_made_by == getpid(); i++)
        unlink(scopes_made[i].path);
}

static inline struct test_scope scope_new(const char *tag)
{
    struct test_scope scope;

    snprintf(scope.text, sizeof scope.text, "host:test.%ld.%.32s", (long)getpid(), tag);
    snprintf(scope.path, sizeof scope.path, "/dev/shm/weir.test.%ld.%.32s", (long)getpid(), tag);
    unlink(scope.path);
    scopes_made_by = getpid();
    if (scopes_made_count < SCOPES_MAX)
        scopes_made[scopes_made_count++] = scope;
    return scope;
}

static inline void scope_free(const struct test_scope *scope)
{
    unlink(scope->path);
}

/* Runs in a child; fails the test unless that returns 0 in ten seconds. */
static inline void expect_child(int (*run)(void *), void *argument)
{
    const int64_t end = now_ns() + S(10);
    pid_t pid, got;
    int status = 0;

    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        alarm(20);
        _exit(run(argument));
    }
    assert_true(pid > 0);
    while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ns() < end)
        pause_ns(MS(1));
    if (got == 0) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        fail_msg("the child did not end");
    }
    if (status != 0)
        fail_msg("the child: %s %d", WIFSIGNALED(status) ? "signal" : "exit code at line",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* Padding and all: nobody has written there. */
static inline bool untouched(const void *got, const void *before, size_t size)
{
    return memcmp(got, before, size) == 0;
}

/* In a child: the exit code says which check it was; codes are from 1. */
#define CHILD_CHECK(code, condition)                                                                                   \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: in the child: not %s\n", __FILE__, __LINE__, #condition);                          \
            return code;                                                                                               \
        }                                                                                                              \
    } while (0)

/* A thread that acquires once; it may release, too. */
struct acquirer {
    struct weir_limits *limits;
    int64_t timeout_ns;
    int64_t hold_ns; /* then releases; negative: the permit is for whoever joins it */
    struct weir_permit permit;
    enum weir_status status;
    int64_t took_ns;
    atomic_int *order; /* counts those that were served; NULL if nobody wants to know */
    int place;
    atomic_bool ended;
    pthread_t thread;
};

static inline void *acquirer_run(void *argument)
{
    struct acquirer *a = argument;
    const int64_t begin = now_ns();

    a->status = weir_limits_acquire(a->limits, a->timeout_ns, &a->permit);
    a->took_ns = now_ns() - begin;
    if (a->order != NULL && a->status == WEIR_OK)
        a->place = atomic_fetch_add(a->order, 1);
    if (a->status == WEIR_OK && a->hold_ns >= 0) {
        pause_ns(a->hold_ns);
        weir_limits_release(a->limits, &a->permit, NULL);
    }
    atomic_store(&a->ended, true);
    return NULL;
}

static inline void acquirer_start(struct acquirer *a, struct weir_limits *limits, int64_t timeout_ns, int64_t hold_ns)
{
    memset(a, 0, sizeof *a);
    a->limits = limits;
    a->timeout_ns = timeout_ns;
    a->hold_ns = hold_ns;
    assert_int_equal(pthread_create(&a->thread, NULL, acquirer_run, a), 0);
}

/* Fails the test where it does not end by `within_ns` from now. */
static inline void acquirer_join(struct acquirer *a, int64_t within_ns)
{
    const int64_t end = now_ns() + within_ns;

    while (!atomic_load(&a->ended) && now_ns() < end)
        pause_ns(MS(1));
    if (!atomic_load(&a->ended))
        fail_msg("an acquire had not come back after %lld ms", (long long)(within_ns / MS(1)));
    assert_int_equal(pthread_join(a->thread, NULL), 0);
}

#endif
