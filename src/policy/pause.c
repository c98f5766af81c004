/*
 * pause - see pause.h.
 *
 * Responsible for when the next send may leave after a refusal.  It does not know who is refused, what a limit is, or
 * how anybody waits.  All sums saturate short of the moment that never comes, so that even a wait without measure is a
 * time to wait for.
 */
#include "policy/pause.h"

#include "base/clock.h"

#include <stdatomic.h>

/* Nothing sleeps more exactly (as for a pace: policy/pace.h); a send that is late by that much may be caught up. */
#define GRAIN_NS INT64_C(1000000)

#define LONG_AGO (INT64_MIN / 2)

static int64_t after(int64_t now_ns, int64_t ns)
{
    int64_t sum;

    if (__builtin_add_overflow(now_ns, ns, &sum))
        return ns > 0 ? WEIR__NEVER - 1 : INT64_MIN;
    return sum < WEIR__NEVER ? sum : WEIR__NEVER - 1;
}

/* A share of `ns`, from nothing up to the whole. */
static int64_t part(int64_t ns, double draw)
{
    int64_t share;

    if (ns <= 0 || !(draw > 0))
        return 0;
    if (draw >= 1)
        return ns;
    share = (int64_t)((double)ns * draw);
    return share < ns ? share : ns;
}

static int64_t until(const struct weir__pause *pause)
{
    return atomic_load_explicit(&pause->until_ns, memory_order_relaxed);
}

void weir__pause_init(struct weir__pause *pause)
{
    atomic_init(&pause->until_ns, LONG_AGO);
    pause->named_until_ns = LONG_AGO;
    pause->named_ns = 0;
    pause->since_ns = LONG_AGO;
    pause->by_refusal = false;
    pause->guesses = 0;
    pause->due_ns = LONG_AGO;
    pause->ramp_ns = 0;
    pause->slow_ns = 0;
    pause->trying = pause->trying_before = false;
    pause->slow_before_ns = 0;
    pause->eased_ns = LONG_AGO;
}

/* No pause is shorter than the least jitter: who was sent in that time had passed the gate before. */
bool weir__pause_precedes(const struct weir__pause *pause, int64_t sent_ns)
{
    return sent_ns < after(pause->since_ns, WEIR__PAUSE_JITTER_MIN_NS);
}

static int64_t jitter(int64_t wait_ns, double draw)
{
    int64_t most_ns = wait_ns / WEIR__PAUSE_JITTER_SHARE;

    if (most_ns > WEIR__PAUSE_JITTER_MAX_NS)
        most_ns = WEIR__PAUSE_JITTER_MAX_NS;
    return WEIR__PAUSE_JITTER_MIN_NS + part(most_ns - WEIR__PAUSE_JITTER_MIN_NS, draw);
}

bool weir__pause_begin(struct weir__pause *pause, int64_t now_ns, int64_t sent_ns, int64_t wait_ns, bool refusal,
                       double draw)
{
    const bool in_force = until(pause) > now_ns;
    const int64_t wait = wait_ns > 0 ? wait_ns : 0;
    const int64_t named_until_ns = after(now_ns, wait);
    int64_t until_ns;

    if (weir__pause_precedes(pause, sent_ns) && now_ns < after(until(pause), WEIR__PAUSE_LONGER_NS) &&
        wait <= after(pause->named_ns, WEIR__PAUSE_LONGER_NS) && !(refusal && !pause->by_refusal))
        return false;
    if (in_force && named_until_ns <= until(pause)) {
        pause->by_refusal = pause->by_refusal || refusal;
        return false;
    }

    until_ns = after(named_until_ns, jitter(wait, draw));
    pause->named_until_ns = named_until_ns;
    pause->named_ns = wait;
    pause->by_refusal = refusal || (in_force && pause->by_refusal);
    if (!in_force)
        pause->since_ns = now_ns;
    pause->ramp_ns = WEIR__PAUSE_RAMP_GAP_NS;
    /* the ramp is counted from the pause's end, so that a late first send is caught up like the others */
    if (pause->due_ns < until_ns)
        pause->due_ns = until_ns;
    if (pause->eased_ns < until_ns) /* silence is no proof that it could have been faster */
        pause->eased_ns = until_ns;
    atomic_store_explicit(&pause->until_ns, until_ns, memory_order_relaxed);
    return true;
}

int64_t weir__pause_guess(const struct weir__pause *pause, int64_t base_ns, int64_t max_ns, double draw)
{
    const int64_t least_ns = base_ns > WEIR__PAUSE_GUESS_MIN_NS ? base_ns : WEIR__PAUSE_GUESS_MIN_NS;
    const int64_t most_ns = max_ns > least_ns ? max_ns : least_ns;
    int64_t top_ns = most_ns;

    if (pause->guesses < 63 && least_ns <= most_ns >> pause->guesses)
        top_ns = least_ns << pause->guesses;
    return top_ns - top_ns / 2 + part(top_ns / 2, draw);
}

void weir__pause_guessed(struct weir__pause *pause)
{
    if (pause->guesses < UINT32_MAX)
        pause->guesses++;
}

void weir__pause_accepted(struct weir__pause *pause)
{
    pause->guesses = 0;
}

/* Makes the slowed gap shorter for each period that has passed without a refusal, however long nobody has asked. */
static void ease(struct weir__pause *pause, int64_t now_ns)
{
    const int64_t period_ns = pause->trying ? WEIR__PAUSE_TRY_NS : WEIR__PAUSE_EASE_NS;
    const int64_t share = pause->trying ? 5 : 11;

    while (pause->slow_ns > 0 && now_ns >= after(pause->eased_ns, period_ns)) {
        pause->slow_ns -= pause->slow_ns / share;
        pause->eased_ns = after(pause->eased_ns, period_ns);
        if (pause->slow_ns < WEIR__PAUSE_RAMP_END_NS)
            pause->slow_ns = 0; /* so it ends, after some 300 rounds at the most */
    }
}

/* The gap that makes WEIR__PAUSE_SLOW_SHARE of what was accepted; 0: it lets conclude nothing. */
static int64_t conclude(uint64_t accepted, int64_t per_ns)
{
    const double gap_ns = (double)per_ns / (WEIR__PAUSE_SLOW_SHARE * (double)accepted);

    if (per_ns <= 0)
        return 0;
    return gap_ns < (double)INT64_MAX ? (int64_t)gap_ns : WEIR__NEVER - 1;
}

void weir__pause_slow(struct weir__pause *pause, int64_t now_ns, uint64_t accepted, int64_t span_ns, int64_t least_ns,
                      int64_t most_ns)
{
    const bool few = accepted < WEIR__PAUSE_FEW;
    int64_t slow_ns, longer_ns;

    if (accepted == 0)
        return;
    ease(pause, now_ns);
    pause->slow_before_ns = pause->slow_ns;
    pause->trying_before = pause->trying;
    slow_ns = conclude(accepted, span_ns > least_ns ? span_ns : least_ns);
    pause->trying = few && pause->slow_ns == 0;
    if (pause->slow_ns > 0) {
        longer_ns = after(pause->slow_ns, pause->slow_ns / 9 + 1);
        slow_ns = few || slow_ns < longer_ns ? longer_ns : slow_ns;
    }
    pause->slow_ns = slow_ns < most_ns ? slow_ns : most_ns;
    if (pause->eased_ns < now_ns)
        pause->eased_ns = now_ns;
}

void weir__pause_unslow(struct weir__pause *pause)
{
    pause->slow_ns = pause->slow_before_ns;
    pause->trying = pause->trying_before;
}

int64_t weir__pause_next(const struct weir__pause *pause)
{
    const int64_t until_ns = until(pause);

    return until_ns > pause->due_ns ? until_ns : pause->due_ns;
}

/*
 * From where the next gap counts: from when this send was due, where it is late by no more than a sleep is; else from
 * now.  Gaps finer than a sleep are never kept one by one, so there the grain's worth may always be caught up.
 */
static int64_t gap_start(const struct weir__pause *pause, int64_t now_ns, int64_t gap_ns)
{
    const int64_t grain_ago_ns = after(now_ns, -GRAIN_NS);

    if (pause->due_ns >= grain_ago_ns)
        return pause->due_ns;
    return gap_ns < GRAIN_NS ? grain_ago_ns : now_ns;
}

void weir__pause_take(struct weir__pause *pause, int64_t now_ns)
{
    int64_t gap_ns;

    ease(pause, now_ns);
    gap_ns = pause->ramp_ns > pause->slow_ns ? pause->ramp_ns : pause->slow_ns;
    if (gap_ns == 0)
        return;
    pause->due_ns = after(gap_start(pause, now_ns, gap_ns), gap_ns);
    pause->ramp_ns -= pause->ramp_ns / 16;
    if (pause->ramp_ns < WEIR__PAUSE_RAMP_END_NS || pause->ramp_ns <= pause->slow_ns)
        pause->ramp_ns = 0;
}
