/*
 * pause - one pause of all sending for everybody, and how sending resumes after it: the rule that a refusal makes.
 *
 * Pure; time and random draws are arguments.  The gate asks it like any other rule: next() names the earliest moment
 * for the next send, take() books one.
 *
 * A refusal, or the word that nothing remains, stops all sending until the moment named, plus a little: a positive
 * jitter, so that not everybody comes back in the same instant.  Who was in flight by then may be refused too; that
 * tells nothing new and does not lengthen the pause, unless it names a wait that is another one altogether.  Sending
 * then resumes with a ramp: the gaps between sends shrink from WEIR__PAUSE_RAMP_GAP_NS by a sixteenth each.
 *
 * Where the server has refused and states no limit, the ramp does not end in full speed but at the gap that its answers
 * let conclude (weir__pause_slow); each quarter of a minute without a refusal makes that 10 % faster.  A few answers
 * let nothing be concluded (the quota was used up by others, or the server wants gaps and no burst): then that gap is a
 * first try, and gets a fifth shorter each half second, until the next refusal.
 */
#ifndef WEIR_POLICY_PAUSE_H
#define WEIR_POLICY_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

#define WEIR__PAUSE_RAMP_GAP_NS INT64_C(20000000)     /* 20 ms: the first gap after a pause; */
#define WEIR__PAUSE_RAMP_END_NS INT64_C(100000)       /* gaps below this are none; so the ramp takes 0.3 s, 84 sends */
#define WEIR__PAUSE_JITTER_SHARE 10                   /* the jitter is up to a tenth of the wait, */
#define WEIR__PAUSE_JITTER_MIN_NS INT64_C(1000000)    /* and 1 ms at least, for the clocks, */
#define WEIR__PAUSE_JITTER_MAX_NS INT64_C(1000000000) /* 1 s at most */
#define WEIR__PAUSE_LONGER_NS INT64_C(1500000000)     /* a wait longer than the one in force by this is another one */
#define WEIR__PAUSE_GUESS_MIN_NS INT64_C(100000000)   /* where no wait is named */
#define WEIR__PAUSE_EASE_NS INT64_C(15000000000) /* so long without a refusal, and the slowed pace gets 10 % faster */
#define WEIR__PAUSE_SLOW_SHARE 0.9               /* of the rate that was accepted */
#define WEIR__PAUSE_FEW 10u                      /* answers, fewer than which let conclude nothing: then */
#define WEIR__PAUSE_TRY_NS INT64_C(500000000)    /* so long without a refusal makes it faster by a quarter */

struct weir__pause {
    _Atomic int64_t until_ns; /* nothing goes before; readable without the lock, written under it */
    int64_t named_until_ns;   /* the same without jitter */
    int64_t named_ns;         /* how long it was when it was named */
    int64_t since_ns;         /* when it began */
    bool by_refusal;          /* a refusal began it, or lengthened it */
    uint32_t guesses;         /* pauses in a row for which no wait was named */

    /* resuming */
    int64_t due_ns;         /* the next send is not before */
    int64_t ramp_ns;        /* the ramp's gap; 0: none */
    int64_t slow_ns;        /* the least gap; 0: none */
    bool trying;            /* it is but a first try */
    int64_t slow_before_ns; /* what weir__pause_unslow() goes back to, */
    bool trying_before;     /* with this */
    int64_t eased_ns;       /* when it was set, or got shorter */
};

void weir__pause_init(struct weir__pause *pause);

/*
 * The server wants `wait_ns` of silence from `now_ns` on; it said so to a request sent at `sent_ns`, by a refusal or by
 * the word that nothing remains.  True where that begins or lengthens a pause; false where it changes nothing: the
 * pause in force ends later anyway, or the request was sent before the pause in force (or the last one) began, and the
 * wait is not longer than that one was by more than WEIR__PAUSE_LONGER_NS.  But the first refusal goes before the word
 * that nothing remains, though it was sent before that pause began.
 */
bool weir__pause_begin(struct weir__pause *pause, int64_t now_ns, int64_t sent_ns, int64_t wait_ns, bool refusal,
                       double draw);

/*
 * Whether a request sent at `sent_ns` had left before the pause in force (or the last one) began.  A refusal of such a
 * one that names no wait tells nothing: do not guess one for it, since guesses grow.
 */
bool weir__pause_precedes(const struct weir__pause *pause, int64_t sent_ns);

/*
 * The wait for a refusal that names none: base_ns (WEIR__PAUSE_GUESS_MIN_NS at least) doubled with each such pause in a
 * row, at most max_ns (but base_ns at least), of that a half up to the whole by `draw`.  It only computes;
 * weir__pause_begin() does not count it: weir__pause_guessed() does, after a pause really began by it.
 */
int64_t weir__pause_guess(const struct weir__pause *pause, int64_t base_ns, int64_t max_ns, double draw);
void weir__pause_guessed(struct weir__pause *pause);
void weir__pause_accepted(struct weir__pause *pause); /* an answer that is no refusal ends the row */

/*
 * The server refused and states no limit: `accepted` answers came in the `span_ns` before, and it was looked back for
 * `least_ns` at least.  From now on sends keep the gap that makes WEIR__PAUSE_SLOW_SHARE of accepted / max(span_ns,
 * least_ns); a gap already in force becomes longer by a ninth at least, and by no more where accepted is below
 * WEIR__PAUSE_FEW.  Such a few, where no gap is in force, make it a first try.  Nothing happens where accepted is 0.
 * The gap is never longer than `most_ns`: that is what the server asked for, and then there is room for one at least.
 * Easing counts from now on, or from the end of the pause.
 */
void weir__pause_slow(struct weir__pause *pause, int64_t now_ns, uint64_t accepted, int64_t span_ns, int64_t least_ns,
                      int64_t most_ns);

/* The last weir__pause_slow() was a wrong conclusion: the gap is what it was before. */
void weir__pause_unslow(struct weir__pause *pause);

/* As a rule of the gate. */
int64_t weir__pause_next(const struct weir__pause *pause);
void weir__pause_take(struct weir__pause *pause, int64_t now_ns);

#endif
