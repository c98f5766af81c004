/*
 * pace - the least gap between sends: the generic cell rate algorithm (ITU-T I.371), with time as an argument.
 *
 * It satisfies servers that count with a bucket.  It proves nothing by itself: sends that leave evenly arrive unevenly.
 */
#ifndef WEIR_POLICY_PACE_H
#define WEIR_POLICY_PACE_H

#include <stdint.h>

/*
 * No sleep ends more exactly than this, so a pace finer than it lets as many sends through together as belong into one
 * such grain, instead of losing a part of the rate at each.
 */
#define WEIR__PACE_GRAIN_NS INT64_C(1000000)

struct weir__pace {
    uint32_t requests;    /* N */
    uint32_t burst;       /* at least 1 */
    int64_t gap_least_ns; /* T/N, rounded up */
    int64_t gap_ns;       /* the one in force */
    int64_t tolerance_ns; /* how far ahead of the pace a burst may be */
    int64_t due_ns;       /* when the next send is due if every one keeps its gap */
};

/* `burst` sends may go back to back (0 counts as 1). */
void weir__pace_init(struct weir__pace *pace, uint32_t requests, int64_t per_ns, uint32_t burst);

/*
 * For a limit with a hold, whose N permits go round once in T + RTT: spreads N sends over the round.  T/N apart they
 * would be followed by a gap of an RTT; a sliding counter at the server takes what came for evenly spread, and that
 * would leave it no room for jitter.
 *
 * Not over all of it: over T and three quarters of the RTT, so that a send that went late can be caught up (spread over
 * the whole, 10 per second at 0.5 s +- 50 % reached 93 % of N/(T+RTT)); and over T and a half at most, which is room
 * enough for any counter, so that an RTT that was once long slows nobody by more than a third while it is forgotten. A
 * single permit spaces its sends by itself.
 */
void weir__pace_spread(struct weir__pace *pace, int64_t rtt_ns);

/* The earliest moment for the next send; it may be past. */
int64_t weir__pace_next(const struct weir__pace *pace);

/* A send goes at `now_ns`, which is not before weir__pace_next(). */
void weir__pace_take(struct weir__pace *pace, int64_t now_ns);

#endif
