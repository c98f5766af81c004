/* pace - see pace.h */
#include "policy/pace.h"

/* The tolerance grows with the gap, so that a burst stays the burst that was asked for. */
static void set_gap(struct weir__pace *pace, int64_t gap_ns)
{
    pace->gap_ns = gap_ns;
    pace->tolerance_ns = (pace->burst - 1) * gap_ns;
    if (gap_ns < WEIR__PACE_GRAIN_NS && pace->tolerance_ns < WEIR__PACE_GRAIN_NS - gap_ns)
        pace->tolerance_ns = WEIR__PACE_GRAIN_NS - gap_ns;
}

void weir__pace_init(struct weir__pace *pace, uint32_t requests, int64_t per_ns, uint32_t burst)
{
    pace->requests = requests;
    pace->burst = burst > 1 ? burst : 1;
    pace->gap_least_ns = (per_ns + requests - 1) / requests;
    pace->due_ns = INT64_MIN / 2;
    set_gap(pace, pace->gap_least_ns);
}

void weir__pace_spread(struct weir__pace *pace, int64_t rtt_ns)
{
    int64_t extra_ns = rtt_ns > 0 ? rtt_ns / 4 * 3 / pace->requests : 0;

    if (pace->requests == 1)
        return;
    if (extra_ns > pace->gap_least_ns / 2)
        extra_ns = pace->gap_least_ns / 2;
    set_gap(pace, pace->gap_least_ns + extra_ns);
}

int64_t weir__pace_next(const struct weir__pace *pace)
{
    return pace->due_ns - pace->tolerance_ns;
}

void weir__pace_take(struct weir__pace *pace, int64_t now_ns)
{
    pace->due_ns = (pace->due_ns > now_ns ? pace->due_ns : now_ns) + pace->gap_ns;
}
