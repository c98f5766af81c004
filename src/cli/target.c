/* target - see target.h */
#include "cli/target.h"

#include "base/clock.h"
#include "cli/say.h"
#include "json/scan.h"
#include "weir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MAX_NS (5 * WEIR__NS_PER_S)
#define ASK_MAX_NS (2 * WEIR__NS_PER_S)

/* The child's side: `out` becomes its stdout. */
static void become_target(pid_t parent, int out, char *const *arguments)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* survives execve; a parent that died before is the next line's */
    if (getppid() != parent || dup2(out, STDOUT_FILENO) < 0)
        _exit(127);
    (void)execv("/proc/self/exe", arguments);
    _exit(127);
}

/* Reads a line into the URL, without its newline. */
static bool read_url(struct weir__target *target, int in)
{
    const int64_t until_ns = weir__clock_now_ns() + START_MAX_NS;
    size_t used = 0;

    while (used + 1 < sizeof target->url) {
        struct pollfd ready = {in, POLLIN, 0};
        const int64_t left_ns = until_ns - weir__clock_now_ns();
        const int polled = left_ns > 0 ? poll(&ready, 1, (int)(left_ns / WEIR__NS_PER_MS) + 1) : 0;
        if (polled < 0 && errno == EINTR)
            continue;
        if (polled <= 0 || read(in, target->url + used, 1) != 1)
            return false;
        if (target->url[used] == '\n') {
            while (used > 0 && target->url[used - 1] == '/') /* paths are put behind it */
                used--;
            target->url[used] = '\0';
            return used > 0;
        }
        used++;
    }
    return false;
}

bool weir__target_start(struct weir__target *target, char *const *arguments)
{
    const pid_t parent = getpid();
    int ends[2];
    bool started;

    target->pid = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        goto failed;
    target->pid = fork();
    if (target->pid == 0)
        become_target(parent, ends[1], arguments);
    (void)close(ends[1]);
    started = target->pid > 0 && read_url(target, ends[0]);
    (void)close(ends[0]);
    if (started)
        return true;
    weir__target_stop(target);
failed:
    weir__say("weir: the target (weir %s) could not be started", arguments[1]);
    return false;
}

void weir__target_stop(struct weir__target *target)
{
    if (target->pid <= 0)
        return;
    (void)kill(target->pid, SIGKILL); /* it keeps nothing that could be lost */
    while (waitpid(target->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    target->pid = 0;
}

/* A whole number after its key; -1 where it is not one. */
static long read_number(const struct weir__scan *scan, const char *text)
{
    char digits[24];
    const size_t size = scan->end - scan->start;

    if (size >= sizeof digits)
        return -1;
    memcpy(digits, text + scan->start, size);
    digits[size] = '\0';
    return strtol(digits, NULL, 10);
}

/* Runs on a worker's thread; weir_wait() comes after it. */
static void read_stats(void *user_data, const struct weir_result *result)
{
    struct weir__target_stats *stats = user_data;
    struct weir__scan scan;

    if (result->outcome != WEIR_OUTCOME_SUCCEEDED || result->body == NULL)
        return;
    weir__scan_init(&scan, result->body, result->body_size);
    if (weir__scan_next(&scan) != WEIR__SCAN_OBJECT)
        return;
    while (weir__scan_next(&scan) == WEIR__SCAN_KEY) {
        long *const figure = weir__scan_is(&scan, "arrivals")       ? &stats->arrivals
                             : weir__scan_is(&scan, "worst_window") ? &stats->worst_window
                                                                    : NULL;
        if (!weir__scan_skip(&scan))
            return;
        if (figure != NULL)
            *figure = read_number(&scan, result->body);
    }
}

struct weir__target_stats weir__target_ask(const struct weir__target *target)
{
    struct weir__target_stats stats = {-1, -1};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    char url[WEIR__TARGET_URL_SIZE + 8];
    struct weir *weir = NULL;

    (void)snprintf(url, sizeof url, "%s/stats", target->url);
    options.concurrency = 1;
    options.timeout_ns = ASK_MAX_NS;
    options.keep_bodies = true;
    request.url = url;
    request.done = read_stats;
    request.user_data = &stats;
    if (weir_new(&options, &weir) == WEIR_OK && weir_submit(weir, &request, -1) == WEIR_OK)
        (void)weir_wait(weir, -1); /* bounded by the timeout */
    weir_free(weir);
    return stats;
}
