/*
 * serve_http - see serve_http.h
 *
 * The daemon around the requests: what it may use, its start and its end.
 */
#include "cli/serve_http.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cli/serve_request.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_SPARE 64u                   /* descriptors that are no connections */
#define DRAIN_MAX_NS (WEIR__NS_PER_S / 2) /* for the last answers to leave */

static void watch_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                             enum MHD_ConnectionNotificationCode code)
{
    struct weir__serve_http *target = cls;

    (void)connection;
    (void)socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        weir__serve_stats_opened(&target->stats);
    else
        weir__serve_stats_closed(&target->stats);
}

/* As many descriptors as the connections need, or as the system gives; returns how many connections fit. */
static unsigned raise_files(void)
{
    const rlim_t wanted = WEIR__SERVE_CONNECTIONS_MAX + FILES_SPARE;
    struct rlimit limit, more;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024 - FILES_SPARE;
    if (limit.rlim_cur < wanted) {
        more.rlim_cur = wanted;
        more.rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max; /* needs a privilege where it is more */
        if (setrlimit(RLIMIT_NOFILE, &more) != 0) {
            more.rlim_cur = more.rlim_max = limit.rlim_max;
            (void)setrlimit(RLIMIT_NOFILE, &more);
        }
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return WEIR__SERVE_CONNECTIONS_MAX;
    return limit.rlim_cur > 2 * FILES_SPARE ? (unsigned)(limit.rlim_cur - FILES_SPARE) : FILES_SPARE;
}

const char *weir__serve_http_start(struct weir__serve_http *target, const struct weir__serve_options *options,
                                   int listener, struct weir__serve_log *log)
{
    const char *failed = "out of memory";
    const int64_t now_ns = weir__clock_now_ns();

    memset(target, 0, sizeof *target);
    target->options = options;
    target->log = *log;
    *log = (struct weir__serve_log){0};
    target->log.start_ns = now_ns;
    atomic_init(&target->stopping, false);
    atomic_init(&target->owed, 0);
    target->random_uplink = options->seed;
    target->random_fault = options->seed ^ UINT64_C(0x5bd1e995a5a5a5a5);
    target->random_latency = options->seed ^ UINT64_C(0xc2b2ae3d5a5a5a5a);
    weir__serve_stats_init(&target->stats, options->limit, options->period_ns, now_ns);
    if (!weir__window_init(&target->window, options->shape, options->limit, options->period_ns, options->burst,
                           now_ns) ||
        !weir__answers_init(&target->answers, options))
        goto no_sem;
    if (!weir__sem_init(&target->drained, 0))
        goto no_sem;
    if (!weir__timer_start(&target->timer, weir__serve_request_resume)) {
        failed = "no thread could be started";
        goto no_timer;
    }
    target->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL,
                                      NULL, weir__serve_request_handle, target, MHD_OPTION_LISTEN_SOCKET, listener,
                                      MHD_OPTION_CONNECTION_LIMIT, raise_files(), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                      WEIR__SERVE_MEMORY_SIZE, MHD_OPTION_CONNECTION_TIMEOUT, WEIR__SERVE_IDLE_MAX_S,
                                      MHD_OPTION_URI_LOG_CALLBACK, weir__serve_request_new, target,
                                      MHD_OPTION_NOTIFY_COMPLETED, weir__serve_request_free, target,
                                      MHD_OPTION_NOTIFY_CONNECTION, watch_connection, target, MHD_OPTION_END);
    if (target->daemon != NULL)
        return NULL;
    failed = "libmicrohttpd could not be started";
    weir__timer_stop(&target->timer);
    weir__timer_clear(&target->timer);
no_timer:
    weir__sem_clear(&target->drained);
no_sem:
    (void)close(listener);
    weir__serve_http_clear(target);
    return failed;
}

void weir__serve_http_stop(struct weir__serve_http *target)
{
    atomic_store(&target->stopping, true);
    weir__timer_stop(&target->timer); /* resumes all; the daemon must not be stopped with a suspended connection */
    /* The library drops what is not sent yet.  Nothing is judged any more, so the count only falls. */
    if (atomic_load(&target->owed) > 0)
        (void)weir__sem_wait(&target->drained, weir__clock_after(weir__clock_now_ns(), DRAIN_MAX_NS));
    MHD_stop_daemon(target->daemon);
    weir__timer_clear(&target->timer);
    weir__sem_clear(&target->drained);
}

void weir__serve_http_clear(struct weir__serve_http *target)
{
    (void)weir__serve_log_close(&target->log);
    weir__answers_clear(&target->answers);
    weir__window_clear(&target->window);
    weir__serve_stats_clear(&target->stats);
}
