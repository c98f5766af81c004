/*
 * serve_window - how a server counts requests against "N per T", in each of the shapes that servers use.
 *
 * Pure rules: the time is an argument, in nanoseconds on whatever clock the caller keeps, so that the same code serves
 * `weir serve` and a simulation.  It knows no HTTP and no locks; the caller serialises.
 */
#ifndef WEIR_CLI_SERVE_WINDOW_H
#define WEIR_CLI_SERVE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum weir__window_shape {
    WEIR__WINDOW_NONE,    /* takes everything */
    WEIR__WINDOW_SLIDING, /* exact log: at most N taken in (now - T, now]; one that is exactly T old has left */
    WEIR__WINDOW_FIXED,   /* at most N taken in each [epoch + k*T, epoch + (k+1)*T) */
    WEIR__WINDOW_COUNTER, /* two fixed windows: takes while previous*(1-f) + current < N, f the elapsed part of this one
                           */
    WEIR__WINDOW_BUCKET,  /* token bucket: starts full, refills N per T, one token a request */
    WEIR__WINDOW_LEAKY    /* nginx's limit_req: on a millisecond clock, `burst` of excess allowed */
};

struct weir__window {
    /* the rule */
    enum weir__window_shape shape;
    uint32_t limit;
    uint32_t burst;
    int64_t period_ns;
    int64_t epoch_ns;

    int64_t last_ns; /* the latest time seen; INT64_MIN before the first */

    /* sliding: when each request that still counts was taken; a ring of `limit` */
    int64_t *log;
    uint32_t log_head;
    uint32_t log_count;

    /* fixed and counter */
    int64_t index; /* of the window that last_ns is in */
    uint32_t current;
    uint32_t previous;

    /* bucket: whole tokens, and token_part / period_ns of one more */
    uint32_t tokens;
    int64_t token_part;

    /* leaky: as in nginx, the excess in thousandths of a request, at a millisecond */
    int64_t excess;
    int64_t excess_ms;
};

/* What a client could be told right after a request was judged. */
struct weir__window_quota {
    uint32_t limit;
    uint32_t remaining; /* how many more would be taken at this very moment */
    /*
     * Until there is more.  Where nothing remains: until a request would be taken.  Otherwise: until the window rolls
     * (fixed, counter), the oldest request leaves it (sliding), or room for one more comes back (bucket, leaky; 0 where
     * they are at their full room).
     */
    int64_t reset_ns;
};

/*
 * `limit` of at least 1 and `period_ns` of more than 0, except for NONE.  `burst` is the bucket's capacity (0: `limit`)
 * or the leaky bucket's allowed excess; other shapes ignore it.  `epoch_ns` aligns fixed and counter.  False without
 * memory, or for a rule out of range.
 */
bool weir__window_init(struct weir__window *window, enum weir__window_shape shape, uint32_t limit, int64_t period_ns,
                       uint32_t burst, int64_t epoch_ns);

/* Frees the log.  A zeroed or cleared window, or NULL, is a no-op. */
void weir__window_clear(struct weir__window *window);

/* As after init, with nothing counted. */
void weir__window_reset(struct weir__window *window);

/*
 * A request arrives: true where it is taken and counted; false where it is refused, which costs nothing.  A time before
 * an earlier call's is taken as that one.  `out` (may be NULL) is filled either way.
 */
bool weir__window_take(struct weir__window *window, int64_t now_ns, struct weir__window_quota *out);

#endif
