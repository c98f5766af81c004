/* clock - see clock.h */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    (void)clock_gettime(id, &t); /* fails only for an unknown id or a bad pointer */
    return (int64_t)t.tv_sec * WEIR__NS_PER_S + t.tv_nsec;
}

int64_t weir__clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t weir__clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t weir__clock_after(int64_t now_ns, int64_t timeout_ns)
{
    if (timeout_ns < 0 || timeout_ns > WEIR__NEVER - now_ns)
        return WEIR__NEVER;
    return now_ns + timeout_ns;
}

void weir__clock_format(int64_t wall_ns, char *text, size_t size)
{
    const time_t seconds = (time_t)(wall_ns / WEIR__NS_PER_S);
    struct tm utc;
    char whole[32];

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text, size, "%s.%03dZ", whole, (int)(wall_ns % WEIR__NS_PER_S / WEIR__NS_PER_MS));
}
