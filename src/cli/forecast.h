/*
 * forecast - how long so many jobs take at least under the limits.  Pure.
 */
#ifndef WEIR_CLI_FORECAST_H
#define WEIR_CLI_FORECAST_H

#include "weir.h"

#include <stddef.h>
#include <stdint.h>

struct weir__forecast {
    int64_t least_ns;    /* from the first send to the last, by the rate limits alone, to the millisecond in which a
                            fine pace bunches its sends; 0 without any */
    const char *held_by; /* the rate limit that decides: "100/1s", in `name`; NULL if nothing has to wait */
    char name[48];
    int64_t concurrent_ns; /* by the concurrency limit, if each request took `request_ns` */
};

/* With `jobs` sends, `request_ns` each, nothing sent before.  What no int64_t holds is INT64_MAX. */
void weir__forecast_make(struct weir__forecast *out, uint64_t jobs, uint32_t concurrency, const struct weir_rate *rates,
                         size_t rate_count, int64_t request_ns);

#endif
