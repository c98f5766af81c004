/*
 * serve - see serve.h
 *
 * The command around the target: the listening socket, what is printed, and when it ends.
 */
#include "cli/serve.h"

#include "base/clock.h"
#include "base/units.h"
#include "cli/say.h"
#include "cli/serve_http.h"
#include "cli/serve_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 65535 /* the system cuts it to net.core.somaxconn */

enum exit_code { EXIT_GOOD = 0, EXIT_USAGE = 2, EXIT_OUTPUT = 5 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t fill_address(const struct weir__serve_options *options, union address *address)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, options->address, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(options->port);
        return sizeof address->v4;
    }
    (void)inet_pton(AF_INET6, options->address, &address->v6.sin6_addr); /* checked with the options */
    address->v6.sin6_family = AF_INET6;
    address->v6.sin6_port = htons(options->port);
    return sizeof address->v6;
}

/* A listening socket and the port it got; -1 with errno set. */
static int open_listener(const struct weir__serve_options *options, uint16_t *out_port)
{
    union address address;
    socklen_t size = fill_address(options, &address);
    const int on = 1;
    const int listener = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (listener < 0)
        return -1;
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* else a restart waits for TIME_WAIT */
    if (bind(listener, &address.any, size) != 0 || listen(listener, BACKLOG) != 0 ||
        getsockname(listener, &address.any, &size) != 0) {
        error = errno;
        (void)close(listener);
        errno = error;
        return -1;
    }
    *out_port = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
    return listener;
}

static bool print_url(const struct weir__serve_options *options, uint16_t port)
{
    const bool v6 = strchr(options->address, ':') != NULL;

    return printf("http://%s%s%s:%u/\n", v6 ? "[" : "", options->address, v6 ? "]" : "", (unsigned)port) > 0 &&
           fflush(stdout) == 0;
}

/* Until one of the signals comes (they are blocked) or the duration is over. */
static void wait_for_end(const sigset_t *signals, int64_t duration_ns)
{
    const int64_t end_ns = duration_ns > 0 ? weir__clock_after(weir__clock_now_ns(), duration_ns) : WEIR__NEVER;

    for (;;) {
        const int64_t left_ns = end_ns - weir__clock_now_ns();
        struct timespec timeout;
        if (left_ns <= 0)
            return;
        timeout.tv_sec = (time_t)(left_ns / WEIR__NS_PER_S);
        timeout.tv_nsec = (long)(left_ns % WEIR__NS_PER_S);
        if (sigtimedwait(signals, NULL, &timeout) > 0)
            return;
    }
}

static void say_result(const struct weir__serve_http *target)
{
    const struct weir__serve_stats *stats = &target->stats;
    char elapsed[32];

    weir__units_format_elapsed(weir__clock_now_ns() - stats->start_ns, elapsed, sizeof elapsed);
    weir__say("weir serve: %" PRIu64 " requests in %s, %" PRIu64 " refused, worst window %" PRIu64, stats->arrivals,
              elapsed, stats->refused, stats->worst.most);
}

static int serve(const struct weir__serve_options *options, int listener, uint16_t port, struct weir__serve_log *log,
                 const sigset_t *signals)
{
    static struct weir__serve_http target; /* tens of kilobytes */
    const char *failed = weir__serve_http_start(&target, options, listener, log);
    char limit[128], shown[256];
    int code = EXIT_GOOD, error;

    if (failed != NULL) {
        weir__say("weir serve: %s", failed);
        return EXIT_USAGE;
    }
    if (print_url(options, port)) {
        weir__serve_options_describe(options, limit, sizeof limit);
        if (!options->quiet)
            weir__say("weir serve: %s", limit);
        wait_for_end(signals, options->duration_ns);
    } else {
        weir__say("weir serve: stdout: %s", strerror(errno));
        code = EXIT_OUTPUT;
    }
    weir__serve_http_stop(&target);
    if (!options->quiet)
        say_result(&target);
    error = weir__serve_log_close(&target.log);
    if (error != 0) {
        weir__say("weir serve: %s: %s", weir__say_escape(options->log_file, shown, sizeof shown), strerror(error));
        code = EXIT_OUTPUT;
    }
    weir__serve_http_clear(&target);
    return code;
}

static bool open_log(const struct weir__serve_options *options, struct weir__serve_log *log)
{
    char shown[256];

    if (options->log_file[0] == '\0' || weir__serve_log_open(log, options->log_file))
        return true;
    weir__say("weir serve: %s: %s", weir__say_escape(options->log_file, shown, sizeof shown), strerror(errno));
    return false;
}

int weir__serve_main(int argc, char **argv)
{
    static struct weir__serve_options options; /* with room for a path */
    struct weir__serve_log log = {0};
    sigset_t signals;
    uint16_t port;
    int listener;

    switch (weir__serve_options_parse(argc > 0 ? argc - 1 : 0, argv + 1, &options)) {
    case WEIR__SERVE_HELP:
        weir__serve_options_help(stdout);
        return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_OUTPUT;
    case WEIR__SERVE_WRONG:
        return EXIT_USAGE;
    case WEIR__SERVE_RUN:
        break;
    }
    /* Blocked before any thread exists, so that only sigtimedwait takes them. */
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    listener = open_listener(&options, &port);
    if (listener < 0) {
        weir__say("weir serve: cannot listen on %s port %u: %s", options.address, (unsigned)options.port,
                  strerror(errno));
        return EXIT_USAGE;
    }
    if (!open_log(&options, &log)) {
        (void)close(listener);
        return EXIT_OUTPUT;
    }
    return serve(&options, listener, port, &log, &signals);
}
