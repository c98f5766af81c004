/* pushback - see pushback.h */
#include "core/pushback.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"

#include <stdio.h>
#include <string.h>

/* How far back the answers are looked at: as long as the wait is, within these bounds. */
#define LOOK_BACK_MIN_NS WEIR__NS_PER_S
#define LOOK_BACK_MAX_NS (60 * WEIR__NS_PER_S)

/* So many accepted for each that was refused, of those in flight: a server that refuses now and then. */
#define SPORADIC 2u

/* Upon the wait that the server asks a job for, at most. */
#define RETRY_JITTER_NS (0.5 * (double)WEIR__NS_PER_S)

/* What GitHub's documentation asks for where a refusal names no moment. */
#define PATIENT_GUESS_NS (60 * WEIR__NS_PER_S)

bool weir__pushback_init(struct weir__pushback *pushback, struct weir__limits *limits,
                         struct weir__statistics *statistics, const struct weir__pushback_rules *rules, uint64_t seed)
{
    memset(pushback, 0, sizeof *pushback);
    pushback->limits = limits;
    pushback->statistics = statistics;
    pushback->rules = *rules;
    pushback->random = seed;
    weir__budget_init(&pushback->budget, rules->budget);
    return weir__mutex_init(&pushback->lock);
}

void weir__pushback_clear(struct weir__pushback *pushback)
{
    weir__mutex_clear(&pushback->lock);
}

/* Below, "under the lock" is pushback->lock. */

/* Under the lock.  Whether the request had left before the pause in force, or the last one, began. */
static bool was_in_flight(const struct weir__pushback *p, const struct weir__pushback_response *response)
{
    bool precedes;

    weir__gate_lock(&p->limits->gate);
    precedes = weir__pause_precedes(&p->limits->state->pause, response->sent_ns);
    weir__gate_unlock(&p->limits->gate);
    return precedes;
}

/*
 * Under the lock.  A server that keeps a limit refuses nearly all that was in flight at its first refusal.  One that
 * refuses now and then, for its load, accepts them: that lets nothing be concluded about a rate.
 */
static void settle_doubts(struct weir__pushback *p)
{
    if (!p->doubts)
        return;
    p->doubts = false;
    if (p->in_flight_accepted < SPORADIC * p->in_flight_refused)
        return;
    weir__gate_lock(&p->limits->gate);
    weir__pause_unslow(&p->limits->state->pause);
    weir__gate_unlock(&p->limits->gate);
}

/* Under the lock.  An answer to a request that was sent after the pause ends a row of guesses, and all doubts. */
static void accept(struct weir__pushback *p, const struct weir__pushback_response *response)
{
    if (!p->guessed && !p->doubts)
        return;
    if (was_in_flight(p, response)) {
        p->in_flight_accepted++;
        return;
    }
    settle_doubts(p);
    p->guessed = false;
    weir__gate_lock(&p->limits->gate);
    weir__pause_accepted(&p->limits->state->pause);
    weir__gate_unlock(&p->limits->gate);
}

/* Under the lock.  What may still be sent of a limit that was not watched so far. */
static uint32_t left_of(const struct weir__pushback *p, const struct weir__feedback_policy *policy, bool refused,
                        int64_t now_ns)
{
    int64_t first_ns;
    uint64_t answered;

    if (policy->remaining >= 0)
        return policy->remaining < policy->requests ? (uint32_t)policy->remaining : policy->requests;
    if (refused)
        return 0;
    answered = weir__statistics_answers(p->statistics, now_ns - policy->per_ns, &first_ns) + 1; /* with this one */
    if (answered >= policy->requests || answered >= WEIR__STATISTICS_ANSWERS)
        return 0;
    return policy->requests - (uint32_t)answered;
}

/* Under the lock. */
static void learn(struct weir__pushback *p, const struct weir__pushback_response *response,
                  struct weir__pushback_news *out)
{
    const struct weir__feedback *feedback = response->feedback;

    for (size_t i = 0; i < feedback->policy_count; i++) {
        const struct weir__feedback_policy *policy = &feedback->policies[i];
        const struct weir_rate rate = {.requests = policy->requests, .per_ns = policy->per_ns};
        const uint32_t left = left_of(p, policy, response->refused, response->now_ns);
        const int64_t back_ns = left == 0 && feedback->has_reset ? feedback->reset_ns : 0;
        /* this attempt is counted in `left`, and for the gate still on its way */
        const uint32_t limit =
            weir__limits_adopt(p->limits, &rate, left + 1, response->now_ns, back_ns, feedback->policy_field);
        if (limit != 0)
            out->learned[out->learned_count++] = limit;
    }
}

/*
 * Under the lock.  Nothing remains: whether weir's own limits keep within all that is used up.  Then the figure says
 * what they know already, and more exactly: at full speed nothing remains most of the time.
 */
static bool known_already(const struct weir__pushback *p, const struct weir__feedback *feedback)
{
    bool known = false;

    for (size_t i = 0; i < feedback->policy_count; i++) {
        const struct weir__feedback_policy *policy = &feedback->policies[i];
        if (policy->remaining > 0)
            continue;
        known = weir__limits_cover(p->limits, policy->requests, policy->per_ns);
        if (!known)
            break;
    }
    return known;
}

/* Under the lock.  Nothing remains, which weir's own limits do not know. */
static bool is_exhausted(const struct weir__pushback *p, const struct weir__feedback *feedback)
{
    return feedback->has_remaining && feedback->remaining == 0 && feedback->has_reset && feedback->reset_ns > 0 &&
           !known_already(p, feedback);
}

/*
 * The wait that a field names; negative: none does.  Where something remains, GitHub's refusals are for another limit
 * than the one whose reset it tells.
 */
static int64_t named_wait(const struct weir__feedback *feedback, bool refused)
{
    if (refused && feedback->has_retry_after)
        return feedback->retry_after_ns;
    if (feedback->github && feedback->has_remaining && feedback->remaining > 0)
        return -1;
    return feedback->has_reset ? feedback->reset_ns : -1;
}

/* Under the lock.  How long the server wants silence, `*named` if it says so; negative: a guess would be no news. */
static int64_t wanted_silence(struct weir__pushback *p, const struct weir__pushback_response *response, bool *named)
{
    const struct weir__feedback *feedback = response->feedback;
    int64_t base_ns = p->rules.backoff_ns, wait_ns;

    wait_ns = named_wait(feedback, response->refused);
    *named = wait_ns > 0 || (wait_ns == 0 && !p->guessed); /* "now" is taken at its word once in a row */
    if (*named)
        return wait_ns;
    if (feedback->github && base_ns < PATIENT_GUESS_NS)
        base_ns = PATIENT_GUESS_NS;
    if (was_in_flight(p, response))
        return -1;
    weir__gate_lock(&p->limits->gate);
    wait_ns =
        weir__pause_guess(&p->limits->state->pause, base_ns, p->rules.backoff_max_ns, weir__random_unit(&p->random));
    weir__gate_unlock(&p->limits->gate);
    return wait_ns;
}

/* Under the lock.  What was accepted before a refusal lets conclude how fast to go; for now. */
static void slow_down(struct weir__pushback *p, int64_t now_ns, int64_t wait_ns)
{
    int64_t look_back_ns = wait_ns < LOOK_BACK_MAX_NS ? wait_ns : LOOK_BACK_MAX_NS, first_ns = now_ns;
    uint64_t accepted;

    if (look_back_ns < LOOK_BACK_MIN_NS)
        look_back_ns = LOOK_BACK_MIN_NS;
    accepted = weir__statistics_answers(p->statistics, now_ns - look_back_ns, &first_ns);
    weir__gate_lock(&p->limits->gate);
    weir__pause_slow(&p->limits->state->pause, now_ns, accepted, now_ns - first_ns,
                     accepted < WEIR__STATISTICS_ANSWERS ? look_back_ns : 0,
                     wait_ns > LOOK_BACK_MIN_NS ? wait_ns : LOOK_BACK_MIN_NS);
    weir__gate_unlock(&p->limits->gate);
    p->doubts = true;
    p->in_flight_accepted = p->in_flight_refused = 0;
}

/* Under the lock. */
static void note(struct weir__pushback *p, const struct weir__pushback_response *response, int64_t pause_ns, bool named)
{
    p->stats.count++;
    if (pause_ns > p->stats.longest_ns)
        p->stats.longest_ns = pause_ns;
    (void)snprintf(p->stats.reason, sizeof p->stats.reason, "%d%s%s%s", response->http_status,
                   response->refused ? "" : ", nothing remains", named ? ", " : "",
                   named ? response->feedback->wait_field : "");
}

/* Under the lock. */
static void pause(struct weir__pushback *p, const struct weir__pushback_response *response,
                  struct weir__pushback_news *out)
{
    const int64_t now_ns = response->now_ns;
    struct weir__pause *rule = &p->limits->state->pause;
    bool named, is_first;
    const int64_t wait_ns = wanted_silence(p, response, &named);

    if (wait_ns < 0)
        return;
    weir__gate_lock(&p->limits->gate);
    is_first = !rule->by_refusal;
    out->paused =
        weir__pause_begin(rule, now_ns, response->sent_ns, wait_ns, response->refused, weir__random_unit(&p->random));
    if (out->paused && !named)
        weir__pause_guessed(rule);
    out->pause_ns = rule->until_ns - now_ns;
    weir__gate_unlock(&p->limits->gate);
    /* where "nothing remains" began the pause, the first refusal in flight tells that it was not soon enough; where a
       limit is stated, it is one of ours by now; and "now" names no rate */
    if (response->refused && (out->paused || is_first) && response->feedback->policy_count == 0 && wait_ns > 0)
        slow_down(p, now_ns, wait_ns);
    if (!out->paused)
        return;
    p->guessed = p->guessed || !named || wait_ns == 0;
    note(p, response, out->pause_ns, named);
}

void weir__pushback_heard(struct weir__pushback *pushback, const struct weir__pushback_response *response,
                          struct weir__pushback_news *out)
{
    struct weir__pushback *p = pushback;
    const struct weir__feedback *feedback = response->feedback;
    bool exhausted;

    *out = (struct weir__pushback_news){.paused = false};
    if (!response->refused && !feedback->present && !atomic_load_explicit(&p->guessed, memory_order_relaxed) &&
        !atomic_load_explicit(&p->doubts, memory_order_relaxed))
        return;
    weir__mutex_lock(&p->lock);
    exhausted = is_exhausted(p, feedback);
    if (!response->refused)
        accept(p, response);
    else if (!was_in_flight(p, response))
        settle_doubts(p);
    if (feedback->policy_count > 0) {
        p->stats.stated =
            (struct weir_rate){.requests = feedback->policies[0].requests, .per_ns = feedback->policies[0].per_ns};
        (void)snprintf(p->stats.stated_by, sizeof p->stats.stated_by, "%s", feedback->policy_field);
        if (p->rules.learn || response->refused || exhausted) /* it does bind, as it is not known to */
            learn(p, response, out);
    }
    if (response->refused || exhausted)
        pause(p, response, out);
    p->refusals += response->refused;
    p->in_flight_refused += response->refused;
    weir__mutex_unlock(&p->lock);
}

/* Under the lock. */
static enum weir__pushback_answer allow(struct weir__pushback *p, const struct weir__pushback_wish *wish,
                                        int64_t *out_due_ns)
{
    uint64_t succeeded;
    int64_t wait_ns = 0;

    if (!wish->at_once)
        wait_ns = weir__backoff_wait(p->rules.backoff_ns, p->rules.backoff_max_ns, wish->retry,
                                     weir__random_unit(&p->random));
    if (wait_ns < wish->least_ns) /* a positive jitter, lest all that failed together come back together */
        wait_ns = wish->least_ns + (int64_t)(weir__random_unit(&p->random) * RETRY_JITTER_NS);
    if (p->rules.pause_max_ns >= 0 && wish->least_ns > p->rules.pause_max_ns)
        return WEIR__RETRY_TOO_LONG;
    *out_due_ns = weir__clock_after(wish->now_ns, wait_ns);
    if (wish->expires_ns != WEIR__NEVER && *out_due_ns >= wish->expires_ns)
        return WEIR__RETRY_NO_TIME;
    succeeded = weir__statistics_succeeded(p->statistics);
    weir__budget_earn(&p->budget, succeeded - p->earned);
    p->earned = succeeded;
    if (weir__budget_spend(&p->budget))
        return WEIR__RETRY_OK;
    p->denied++;
    return WEIR__RETRY_NO_BUDGET;
}

enum weir__pushback_answer weir__pushback_retry(struct weir__pushback *pushback, const struct weir__pushback_wish *wish,
                                                int64_t *out_due_ns)
{
    enum weir__pushback_answer answer;

    weir__mutex_lock(&pushback->lock);
    answer = allow(pushback, wish, out_due_ns);
    weir__mutex_unlock(&pushback->lock);
    return answer;
}

bool weir__pushback_too_long(struct weir__pushback *pushback, int64_t now_ns, int64_t *out_left_ns)
{
    struct weir__pushback *p = pushback;
    int64_t left_ns;

    if (p->rules.pause_max_ns < 0)
        return false;
    weir__gate_lock(&p->limits->gate);
    left_ns = p->limits->state->pause.named_until_ns - now_ns;
    weir__gate_unlock(&p->limits->gate);
    if (left_ns <= p->rules.pause_max_ns)
        return false;
    *out_left_ns = left_ns;
    return true;
}

void weir__pushback_reason(struct weir__pushback *pushback, char *out, size_t size)
{
    weir__mutex_lock(&pushback->lock);
    (void)snprintf(out, size, "%s", pushback->stats.reason);
    weir__mutex_unlock(&pushback->lock);
}

void weir__pushback_read(struct weir__pushback *pushback, int64_t now_ns, struct weir_pause_stats *out,
                         uint64_t *out_refusals, uint64_t *out_denied)
{
    struct weir__pushback *p = pushback;
    int64_t left_ns, slow_ns;

    weir__mutex_lock(&p->lock);
    *out = p->stats;
    *out_refusals = p->refusals;
    if (out_denied != NULL)
        *out_denied = p->denied;
    weir__mutex_unlock(&p->lock);
    weir__gate_lock(&p->limits->gate);
    left_ns = p->limits->state->pause.until_ns - now_ns;
    slow_ns = p->limits->state->pause.slow_ns;
    weir__gate_unlock(&p->limits->gate);
    out->left_ns = left_ns > 0 ? left_ns : 0;
    out->slowed_to_per_s = slow_ns > 0 ? (double)WEIR__NS_PER_S / (double)slow_ns : 0;
    out->gave_up = atomic_load(&p->gave_up);
}
