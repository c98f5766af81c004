/*
 * scope_support - what the programs of test/scope share: lines of results, the time, children with a watchdog.
 *
 * Each program is handed a prefix for the names of its scopes, and removes what it made of them.
 */
#ifndef TEST_SCOPE_SUPPORT_H
#define TEST_SCOPE_SUPPORT_H

#include "weir.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS(n) ((int64_t)(n)*1000000)
#define S(n) ((int64_t)(n)*1000000000)

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

/* splitmix64 */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline int64_t draw_below(uint64_t *state, int64_t below)
{
    return below > 0 ? (int64_t)(draw(state) % (uint64_t)below) : 0;
}

static int failures; /* of this program */

/* A line of a result. */
__attribute__((format(printf, 2, 3))) static inline bool say(bool good, const char *format, ...)
{
    va_list list;

    failures += !good;
    printf(good ? "ok - " : "not ok - ");
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
    fflush(stdout);
    return good;
}

/* A line that only a failure shows. */
__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...)
{
    va_list list;

    printf("# ");
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
    fflush(stdout);
}

static inline void scope_path(char path[128], const char *name)
{
    snprintf(path, 128, "/dev/shm/weir.%s", name);
}

static inline void scope_remove(const char *name)
{
    char path[128];

    scope_path(path, name);
    unlink(path);
}

/* Waits for a child for so long, else kills it.  The wait status, or -1 where it had to be killed. */
static inline int reap(pid_t pid, int64_t timeout_ns)
{
    const int64_t end = now_ns() + timeout_ns;
    int status;

    for (;;) {
        const pid_t got = waitpid(pid, &status, WNOHANG);

        if (got == pid)
            return status;
        if (got < 0 && errno != EINTR)
            return -1;
        if (now_ns() > end) {
            kill(pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
            return -1;
        }
        pause_ns(MS(1));
    }
}

/* "exit 3", "signal 11", "hung" */
static inline const char *ending(int status)
{
    static char text[4][32];
    static unsigned next;
    char *out = text[next++ % 4];

    if (status == -1)
        snprintf(out, 32, "hung");
    else if (WIFSIGNALED(status))
        snprintf(out, 32, "signal %d", WTERMSIG(status));
    else
        snprintf(out, 32, "exit %d", WEXITSTATUS(status));
    return out;
}

#endif
