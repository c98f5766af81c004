/*
 * ledger - where the time of all workers goes, kept in sums: a change costs the same with one worker and with ten
 * thousand.
 *
 * It knows counts, not workers, and reads no clock.  Not locked: the pool's lock guards it.
 */
#ifndef WEIR_POOL_LEDGER_H
#define WEIR_POOL_LEDGER_H

#include <stdint.h>

/*
 * What a worker's time goes into.  A worker that runs no task, be it the leader or idle, spends it on what keeps the
 * next task from going: so the parts tell what held the run back, and add up to workers x time.
 */
enum weir__pool_state {
    WEIR__POOL_IDLE,    /* there is no task, or somebody is on his way to it */
    WEIR__POOL_RUNNING, /* in `run`, `drop` or `expire` */
    WEIR__POOL_PERMIT,  /* all permits of a limit are out */
    WEIR__POOL_PACE,    /* a limit's rule is not due; or a task's own wait in weir__pool_sleep() */
    WEIR__POOL_PAUSE,   /* a rule of no limit is not due */
    WEIR__POOL_BACKOFF, /* every task waits for its own time */
    WEIR__POOL_STATES
};

/* Zeroed, it is one without workers. */
struct weir__ledger {
    enum weir__pool_state reason; /* what keeps the next task from going, */
    uint32_t free_workers;        /* while so many have none */
    uint32_t running, sleeping;   /* those that have one: in `run`, or in weir__pool_sleep() */
    int64_t since_ns;             /* all that since then */
    int64_t spent_ns[WEIR__POOL_STATES];
};

/* Puts the time down, up to `now_ns`, which never decreases from one call of any of these to the next. */
void weir__ledger_book(struct weir__ledger *ledger, int64_t now_ns);

/* There is one more worker, without a task.  It counts on when it has ended, so that the sums are of all that started.
 */
void weir__ledger_join(struct weir__ledger *ledger, int64_t now_ns);

/* A worker turns from one of IDLE (it has no task), RUNNING and PACE (it sleeps) to another. */
void weir__ledger_turn(struct weir__ledger *ledger, enum weir__pool_state from, enum weir__pool_state to,
                       int64_t now_ns);

/* From now on, `reason` is what those without a task wait for. */
void weir__ledger_blame(struct weir__ledger *ledger, enum weir__pool_state reason, int64_t now_ns);

#endif
