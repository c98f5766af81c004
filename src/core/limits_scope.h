/*
 * limits_scope - what the files of the limits share: limits in memory that processes share, and how any are made.
 *
 * The segment of a scope holds, one behind the other: its head, the limits' state, the gate's, the gate's parties, the
 * seats, and for each limit the moments of its permits and the entries of its certificate.  A party's number is its
 * seat's.
 */
#ifndef WEIR_CORE_LIMITS_SCOPE_H
#define WEIR_CORE_LIMITS_SCOPE_H

#include "core/limits.h"

#define WEIR__LIMITS_HOST "host:"

/* A certificate keeps so many responses apart that began while their permits were not held: the rest is merged. */
#define WEIR__LIMITS_LATE_MAX 1024u

/* A limit in a scope has room for at least so many permits; one that was learned for just as many as this. */
#define WEIR__LIMITS_ROOM_MIN 4096u
#define WEIR__LIMITS_ROOM_GROWTH 4u
#define WEIR__LIMITS_ROOM_LEARNED 16384u

/* limits.c */
void weir__limits_lock(struct weir__limits *limits);
void weir__limits_unlock(struct weir__limits *limits);

/* limits_make.c */
struct weir__gate_rule weir__limits_rule(struct weir__rate_limit *limit, uint32_t number); /* its pace, at the gate */
bool weir__limits_make_rate(struct weir__limits *limits, struct weir__rate_limit *limit,
                            const struct weir_rate *rate); /* false without memory for its certificate */
bool weir__limits_rate_valid(const struct weir_rate *rate);
bool weir__limits_figures_valid(uint32_t concurrency, const struct weir_rate *rates, size_t rate_count);
void weir__limits_set_figures(struct weir__rate_limit *limit, const struct weir_rate *rate); /* all but the proof */
int64_t weir__limits_hold(const struct weir__rate_limit *limit);
uint32_t weir__limits_permits(const struct weir__limits *limits, const struct weir__rate_limit *limit);
uint32_t weir__limits_proof_size(uint32_t requests, uint32_t concurrency);
bool weir__limits_add(struct weir__limits *limits, const struct weir_rate *rate);
bool weir__limits_fill(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                       size_t rate_count);    /* a state that is empty; false without memory */
void weir__limits_bring_rules(void *context); /* a gate's keeper.grown; the context is the struct weir__limits */

void weir__limits_finish_change(struct weir__limits *limits); /* limits_change.c; as mend */

/* limits_scope.c */
enum weir_status weir__limits_scope_open(struct weir__limits *limits, const char *name, uint32_t concurrency,
                                         const struct weir_rate *rates, size_t rate_count, int64_t now_ns);
bool weir__limits_scope_proof(struct weir__limits *limits, struct weir__rate_limit *limit); /* makes the certificate */
void weir__limits_scope_leave(struct weir__limits *limits, int64_t now_ns);
void weir__limits_mend(struct weir__limits *limits); /* under the lock, whose owner died */

/* Under the lock, before any other change of a certificate: what the dead had on its way was given up when they were
 * found dead.  Costs next to nothing where nobody died. */
void weir__limits_scope_settle(struct weir__limits *limits);

/* Under the lock.  One send more or less is on its way. */
static inline void weir__limits_scope_count(struct weir__limits *limits, uint32_t rate, int32_t by)
{
    if (limits->seats != NULL)
        limits->seats[limits->segment.seat].open[rate] += (uint32_t)by;
}

#endif
