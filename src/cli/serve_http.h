/*
 * serve_http - the HTTP side of `weir serve`: the daemon and everything that its requests share.
 *
 * One thread of libmicrohttpd serves all connections; a request that has to wait is suspended and resumed by the
 * timer's thread, so that ten thousand slow ones cost memory only.  It prints nothing and reads no options.
 */
#ifndef WEIR_CLI_SERVE_HTTP_H
#define WEIR_CLI_SERVE_HTTP_H

#include "cli/serve_answer.h"
#include "cli/serve_log.h"
#include "cli/serve_options.h"
#include "cli/serve_stats.h"
#include "cli/serve_timer.h"
#include "cli/serve_window.h"

#include <microhttpd.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WEIR__SERVE_BODY_MAX ((size_t)16 * 1024 * 1024) /* bytes of a request's body */
#define WEIR__SERVE_CONNECTIONS_MAX 60000u              /* open at once; fewer where the system allows fewer files */
#define WEIR__SERVE_MEMORY_SIZE ((size_t)16 * 1024)     /* of one connection: header section and reading buffer */
#define WEIR__SERVE_IDLE_MAX_S 3600u                    /* then a connection without traffic is closed */

struct weir__serve_http {
    const struct weir__serve_options *options;
    struct MHD_Daemon *daemon;
    struct weir__timer timer;
    struct weir__answers answers;
    atomic_bool stopping; /* nobody waits any more, and nothing new is judged */
    atomic_uint owed;     /* judged requests whose answer has not left */
    sem_t drained;        /* posted when, while stopping, that came to 0 */

    /* the HTTP thread's alone while it runs */
    struct weir__window window;
    struct weir__serve_stats stats;
    struct weir__serve_log log;
    uint64_t random_uplink, random_fault, random_latency; /* apart, so that faults do not depend on delays */
};

/*
 * Serves on `listener`, a listening socket, which is the target's from then on, also on failure; `log` is too.
 * `options` must outlive the target, which must stay where it is until stop.  NULL, or a static text that says what
 * failed.
 */
const char *weir__serve_http_start(struct weir__serve_http *target, const struct weir__serve_options *options,
                                   int listener, struct weir__serve_log *log);

/* Answers at once what is judged, drops the rest, and ends.  `stats` and `log` can then be read until clear. */
void weir__serve_http_stop(struct weir__serve_http *target);

void weir__serve_http_clear(struct weir__serve_http *target);

#endif
