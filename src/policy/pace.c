/* pace - see pace.h */
#include "policy/pace.h"

void weir__pace_init(struct weir__pace *pace, uint32_t requests, int64_t per_ns, uint32_t burst)
{
    const int64_t count = burst > 1 ? burst : 1;

    pace->requests = requests;
    pace->gap_ns = pace->gap_least_ns = (per_ns + requests - 1) / requests;
    pace->tolerance_ns = (count - 1) * pace->gap_ns;
    if (pace->gap_ns < WEIR__PACE_GRAIN_NS && pace->tolerance_ns < WEIR__PACE_GRAIN_NS - pace->gap_ns)
        pace->tolerance_ns = WEIR__PACE_GRAIN_NS - pace->gap_ns;
    pace->due_ns = INT64_MIN / 2;
}

void weir__pace_spread(struct weir__pace *pace, int64_t rtt_ns)
{
    pace->gap_ns = pace->gap_least_ns + (rtt_ns > 0 ? rtt_ns / pace->requests : 0);
}

int64_t weir__pace_next(const struct weir__pace *pace)
{
    return pace->due_ns - pace->tolerance_ns;
}

void weir__pace_take(struct weir__pace *pace, int64_t now_ns)
{
    pace->due_ns = (pace->due_ns > now_ns ? pace->due_ns : now_ns) + pace->gap_ns;
}
