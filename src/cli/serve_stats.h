/*
 * serve_stats - what `weir serve` counts, and /stats.
 *
 * Time is an argument; no locks: everything happens on the HTTP library's one thread.  serve.h says what the figures
 * mean.
 */
#ifndef WEIR_CLI_SERVE_STATS_H
#define WEIR_CLI_SERVE_STATS_H

#include "cli/serve_tally.h"
#include "cli/serve_worst.h"

#include <stddef.h>
#include <stdint.h>

#define WEIR__SERVE_PATHS_MAX 100000u /* different paths counted by name */
#define WEIR__SERVE_METHODS_MAX 64u
#define WEIR__SERVE_STATUS_MAX 599

struct weir__serve_stats {
    uint32_t limit; /* 0: none */
    int64_t start_ns;

    uint64_t arrivals;
    uint64_t refused; /* by the window; in `arrivals` too */
    uint64_t resets;
    uint64_t statuses[WEIR__SERVE_STATUS_MAX + 1];
    int64_t first_ns, last_ns; /* arrivals; meaningless without any */
    struct weir__worst worst;
    struct weir__tally paths;
    struct weir__tally methods;

    uint64_t in_flight, peak_in_flight;
    uint64_t connections, open_connections, peak_connections;
};

void weir__serve_stats_init(struct weir__serve_stats *stats, uint32_t limit, int64_t period_ns, int64_t now_ns);
void weir__serve_stats_clear(struct weir__serve_stats *stats);

/* Zero, from now on; what is open or in flight stays so, and is the new peak. */
void weir__serve_stats_reset(struct weir__serve_stats *stats, int64_t now_ns);

void weir__serve_stats_opened(struct weir__serve_stats *stats);
void weir__serve_stats_closed(struct weir__serve_stats *stats);
void weir__serve_stats_began(struct weir__serve_stats *stats); /* one more in flight */
void weir__serve_stats_ended(struct weir__serve_stats *stats); /* one less */
void weir__serve_stats_arrived(struct weir__serve_stats *stats, const char *path, const char *method, int64_t now_ns);

/* The JSON text, on the heap, its size in `out_size`; NULL without memory. */
char *weir__serve_stats_print(const struct weir__serve_stats *stats, int64_t now_ns, size_t *out_size);

#endif
