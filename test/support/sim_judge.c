/*
 * sim_judge - what must hold in a simulated run, seen from the server's side and from the callbacks.
 *
 * It draws its conclusions from what was sent and answered, by the words of the contracts, and asks weir for nothing
 * but its figures at the end.
 */
#include "support/sim_run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define A_GUESS WEIR_PERIOD_MAX_NS /* a wait that nobody named: only weir knows how long it is */

static double since_start(const struct sim_run *run, int64_t ns)
{
    (void)run;
    return (double)(ns - SIM_START_NS) / 1e9;
}

void sim_note(struct sim_run *run, const char *format, ...)
{
    va_list arguments;

    if (run->plan->log == NULL)
        return;
    (void)fprintf(run->plan->log, "%14.9f  ", since_start(run, fibers_now(run->fibers)));
    va_start(arguments, format);
    (void)vfprintf(run->plan->log, format, arguments);
    va_end(arguments);
    (void)fputc('\n', run->plan->log);
}

void sim_violate(struct sim_run *run, const char *format, ...)
{
    struct sim_result *result = run->result;
    va_list arguments;
    int length;

    if (!result->held)
        return;
    result->held = false;
    length = snprintf(result->what, sizeof result->what, "at %.9f s: ", since_start(run, fibers_now(run->fibers)));
    va_start(arguments, format);
    (void)vsnprintf(result->what + length, sizeof result->what - (size_t)length, format, arguments);
    va_end(arguments);
    sim_note(run, "VIOLATED %s", result->what);
}

/* ------------------------------------------------------------------------------------------------------- at a send */

static bool repeatable(const struct sim_run *run, const struct sim_job *job)
{
    return !job->post || run->plan->options.idempotency_header != NULL || run->plan->options.retry_non_idempotent;
}

static void judge_key(struct sim_exchange *x, const char *key)
{
    struct sim_job *job = x->job;
    const bool wanted = x->run->plan->options.idempotency_header != NULL;
    const size_t length = strlen(key);

    if (wanted != (length > 0))
        sim_violate(x->run, "job %" PRIu64 " is sent with the key \"%s\"", job->id, key);
    if (length > 0 && (length < 3 || key[0] != '"' || key[length - 1] != '"'))
        sim_violate(x->run, "job %" PRIu64 ": the key %s is no quoted string", job->id, key);
    if (x->number == 1)
        (void)snprintf(job->key, sizeof job->key, "%s", key);
    else if (strcmp(job->key, key) != 0)
        sim_violate(x->run, "job %" PRIu64 " is sent with the key %s, and was with %s", job->id, key, job->key);
}

void sim_judge_send(struct sim_exchange *x, const char *key)
{
    struct sim_run *run = x->run;
    struct sim_job *job = x->job;
    const struct weir_options *o = &run->plan->options;
    const int64_t now_ns = x->sent_ns;

    run->result->sends++;
    run->result->retries += x->number > 1;
    sim_note(run, "job %" PRIu64 " (%s) send %" PRIu32, job->id, job->post ? "POST" : "GET", x->number);
    if (!job->accepted || job->ended > 0)
        sim_violate(run, "job %" PRIu64 " is sent, and %s", job->id, job->accepted ? "has ended" : "was not accepted");
    if (run->stopped)
        sim_violate(run, "job %" PRIu64 " is sent after a stop", job->id);
    if (job->cancelled)
        sim_violate(run, "job %" PRIu64 " is sent after it was cancelled", job->id);
    if (run->silence.any && now_ns < run->silence.until_ns)
        sim_violate(run, "job %" PRIu64 " is sent %.6f s before the server's silence is over", job->id,
                    (double)(run->silence.until_ns - now_ns) / 1e9);
    if (o->deadline_ns > 0 && now_ns >= job->accepted_ns + o->deadline_ns)
        sim_violate(run, "job %" PRIu64 " is sent after its deadline", job->id);
    if (x->number > 1 && !repeatable(run, job) && !job->all_refused)
        sim_violate(run, "job %" PRIu64 ", a POST without a key, is sent again though it may have been processed",
                    job->id);
    if (x->number - job->refusals > o->attempt_max)
        sim_violate(run, "job %" PRIu64 " is sent %" PRIu32 " times, %" PRIu32 " of them refused", job->id, x->number,
                    job->refusals);
    if (run->first_pause_ns > 0 && run->result->first_resend_ns == 0 && now_ns > run->first_pause_ns)
        run->result->first_resend_ns = now_ns - SIM_START_NS;
    judge_key(x, key);
    job->last = x;
}

/* ----------------------------------------------------------------------------------------------------- at an answer */

/* The words of policy/pause.h, for a wait that counts from now. */
static void be_silent(struct sim_exchange *x, bool refused, int64_t wait_ns, int64_t named_ns)
{
    struct sim_run *run = x->run;
    struct sim_silence *s = &run->silence;
    const int64_t now_ns = fibers_now(run->fibers), until_ns = now_ns + wait_ns;
    const bool precedes = s->any && x->sent_ns < s->since_ns + WEIR__PAUSE_JITTER_MIN_NS;

    /* of a pause that was over long ago nobody tells anything; by its jitter that is not exact here */
    const int64_t jitter_ns = WEIR__PAUSE_JITTER_MIN_NS + (s->until_ns - s->since_ns) / WEIR__PAUSE_JITTER_SHARE;
    const bool recent = now_ns < s->until_ns + jitter_ns + WEIR__PAUSE_LONGER_NS;

    if (precedes && named_ns == A_GUESS && wait_ns > 0)
        return; /* it tells nothing */
    if (precedes && recent && wait_ns <= s->named_ns + WEIR__PAUSE_LONGER_NS && (!refused || s->by_refusal))
        return;
    if (s->any && until_ns <= s->until_ns) {
        s->by_refusal = s->by_refusal || refused;
        return;
    }
    s->by_refusal = refused || (s->by_refusal && s->until_ns > now_ns);
    if (!s->any || s->until_ns <= now_ns)
        s->since_ns = now_ns;
    s->any = true;
    s->until_ns = until_ns;
    s->named_ns = named_ns;
    s->guessed = false;
    if (run->first_pause_ns == 0)
        run->first_pause_ns = now_ns;
    sim_note(run, "  silence until %.9f", since_start(run, until_ns));
}

/* Whether weir must take this answer for a refusal, which processed nothing. */
static bool is_refusal(const struct sim_exchange *x, int status)
{
    switch (status) {
    case 429:
        return true;
    case 403:
        return x->has_retry_after || x->nothing_remains;
    case 503: /* that nothing remains is no proof that a POST was not processed */
        return x->has_retry_after || (x->nothing_remains && !x->job->post);
    default:
        return false;
    }
}

/* What the answer names; negative: nothing. */
static int64_t named_wait(const struct sim_exchange *x)
{
    const int64_t left_ns = x->reset_wall_s * WEIR__NS_PER_S - fibers_wall(x->run->fibers);

    /* GitHub refuses for other reasons than the limit that it tells of; then the reset is not the moment to wait for */
    if (x->run->plan->server.dialect == WEIR__DIALECT_GITHUB && !x->nothing_remains)
        return -1;
    if (x->reset_wall_s == 0)
        return x->wait_ns;
    return left_ns > 0 ? left_ns : 0;
}

/* A figure on an answer that is no refusal counts only where no limit of weir's own covers it. */
static void hear_silence(struct sim_exchange *x, bool refused)
{
    struct sim_run *run = x->run;
    const struct weir_options *o = &run->plan->options;
    const int64_t guess_ns = o->backoff_ns > WEIR__PAUSE_GUESS_MIN_NS ? o->backoff_ns : WEIR__PAUSE_GUESS_MIN_NS;
    const int64_t wait_ns = named_wait(x), now_ns = fibers_now(run->fibers);
    const bool uncovered = !o->learn_rate && run->plan->rate_count == 0 && run->result->learned == 0;

    if ((refused || x->nothing_remains) && now_ns + wait_ns > run->latest_ns)
        run->latest_ns = now_ns + wait_ns;
    if (refused && wait_ns < 0)
        be_silent(x, true, guess_ns / 2, A_GUESS); /* a half up to the whole of something longer */
    else if (refused && wait_ns == 0)
        be_silent(x, true, 0, A_GUESS); /* "now", and refused again: weir may guess as well */
    else if (refused || (x->nothing_remains && uncovered && wait_ns > 0))
        be_silent(x, refused, wait_ns, wait_ns);
}

static bool leaves_doubt(const struct sim_exchange *x, const struct weir__reply *reply, bool refused)
{
    const int status = reply->http_status;

    if (!x->job->post || refused)
        return false;
    if (status == 200)
        return reply->error != WEIR_ERROR_NONE;
    if (status == 409) /* the key's first send is being processed */
        return true;
    return status == 0 || status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

void sim_judge_answer(struct sim_exchange *x, const struct weir__reply *reply)
{
    struct sim_job *job = x->job;
    const bool refused = is_refusal(x, reply->http_status);

    sim_note(x->run, "job %" PRIu64 " send %" PRIu32 " brings %d, %s%s", job->id, x->number, reply->http_status,
             weir_error_code(reply->error), reply->resend ? ", dead connection" : "");
    job->refusals += refused && reply->error != WEIR_ERROR_STOPPED; /* a stop came before weir read that */
    job->all_refused = refused && (x->number == 1 || job->all_refused);
    job->doubt = job->doubt || leaves_doubt(x, reply, refused);
    if (reply->http_status != 0) /* of a refusal whose body was cut, this transport tells too late to count */
        hear_silence(x, refused && reply->error != WEIR_ERROR_STOPPED);
}

/* No longer than what was named, and the jitter; where the judge cannot tell what is covered, than anything named. */
static void judge_pause(struct sim_run *run, int64_t until_ns)
{
    const struct sim_silence *s = &run->silence;
    const struct weir_options *o = &run->plan->options;
    const int64_t now_ns = fibers_now(run->fibers);
    const bool told = !o->learn_rate && run->plan->rate_count == 0 && run->result->learned == 0;
    const int64_t most_ns = told && s->any && !s->guessed && s->until_ns > now_ns ? s->until_ns : run->latest_ns;

    if (s->any && s->named_ns == A_GUESS)
        return; /* a guess */
    if (until_ns > most_ns + WEIR__PAUSE_JITTER_MIN_NS + (most_ns - now_ns) / WEIR__PAUSE_JITTER_SHARE)
        sim_violate(run, "weir pauses until %.6f s, the server wants silence until %.6f s", since_start(run, until_ns),
                    since_start(run, most_ns));
}

/* Only weir knows what its limits cover: what it makes of a figure of an answer is taken from what it tells. */
static void pause_uncovered(struct sim_run *run, int64_t wait_ns)
{
    struct sim_silence *s = &run->silence;
    const int64_t now_ns = fibers_now(run->fibers);

    if (s->any && s->until_ns > now_ns)
        return;
    *s = (struct sim_silence){true, false, false, now_ns + wait_ns, now_ns, wait_ns};
}

void sim_judge_event(struct sim_run *run, const struct weir_event *event)
{
    const int64_t now_ns = fibers_now(run->fibers);

    switch (event->type) {
    case WEIR_EVENT_PAUSED:
        run->result->pauses++;
        sim_note(run, "weir pauses for %.9f s: %s", (double)event->wait_ns / 1e9, event->detail);
        if (event->wait_ns > run->result->longest_pause_ns)
            run->result->longest_pause_ns = event->wait_ns;
        judge_pause(run, now_ns + event->wait_ns);
        run->just_paused = true;
        if (run->silence.named_ns == A_GUESS) {
            run->silence.named_ns = event->wait_ns;
            run->silence.guessed = true;
        }
        if (strstr(event->detail, "nothing remains") != NULL)
            pause_uncovered(run, event->wait_ns);
        break;
    case WEIR_EVENT_LEARNED:
        run->result->learned++;
        sim_note(run, "weir learns %s from %s", event->limit_name, event->detail);
        break;
    case WEIR_EVENT_GAVE_UP:
        run->stopped = true;
        sim_note(run, "weir gives up: %s", event->detail);
        if (run->plan->options.pause_max_ns < 0 || event->wait_ns <= run->plan->options.pause_max_ns)
            sim_violate(run, "weir gives up over a pause of %.6f s", (double)event->wait_ns / 1e9);
        break;
    default:
        break;
    }
}

/* ----------------------------------------------------------------------------------------------------- at a job's end
 */

static bool is_final(int status)
{
    return status == 400 || status == 403 || status == 404 || status == 409 || status == 501;
}

/* A job that failed had a reason to go no further. */
static void judge_failure(struct sim_run *run, const struct sim_job *job, const struct weir_result *r)
{
    const struct weir_options *o = &run->plan->options;
    const uint32_t failures = job->tries - job->held_back - job->refusals;

    if (job->doubt)
        sim_violate(run, "job %" PRIu64 ", a POST, failed, and a send of it has no final answer", job->id);
    if (failures >= o->attempt_max || job->refusals >= o->refusal_max || is_final(r->http_status) ||
        r->error == WEIR_ERROR_DEADLINE || strstr(r->detail, "deadline") != NULL || strstr(r->detail, "budget") != NULL)
        return;
    if (o->deadline_ns > 0 && fibers_now(run->fibers) >= job->accepted_ns + o->deadline_ns)
        return;
    sim_violate(run, "job %" PRIu64 " failed (%s, %d) after %" PRIu32 " tries and %" PRIu32 " refusals", job->id,
                weir_error_code(r->error), r->http_status, failures, job->refusals);
}

static void judge_outcome(struct sim_run *run, const struct sim_job *job, const struct weir_result *r)
{
    const bool goes_on = job->key_given || run->plan->options.retry_non_idempotent;
    const struct sim_exchange *x = job->last;

    switch (r->outcome) {
    case WEIR_OUTCOME_SUCCEEDED:
        if (x == NULL || x->status != 200 || !x->ended || r->error != WEIR_ERROR_NONE)
            sim_violate(run, "job %" PRIu64 " succeeded, and the server's last answer was %d%s", job->id,
                        x == NULL ? 0 : x->status, x == NULL || x->ended ? "" : ", of which the end was lost");
        break;
    case WEIR_OUTCOME_FAILED:
        judge_failure(run, job, r);
        break;
    case WEIR_OUTCOME_UNKNOWN:
        if (r->error == WEIR_ERROR_STOPPED && goes_on)
            sim_violate(run, "job %" PRIu64 " is unknown after a stop, though it may be sent again", job->id);
        if (!job->doubt)
            sim_violate(run, "job %" PRIu64 " is unknown (%s, %d), and there is no doubt about it", job->id,
                        weir_error_code(r->error), r->http_status);
        break;
    default:
        if (!(run->stopped || job->cancelled) || (job->doubt && !goes_on))
            sim_violate(run, "job %" PRIu64 " was cancelled %s", job->id,
                        run->stopped || job->cancelled ? "though it may have been processed" : "and nobody stopped");
        break;
    }
    if (r->outcome != WEIR_OUTCOME_SUCCEEDED && r->error == WEIR_ERROR_NONE)
        sim_violate(run, "job %" PRIu64 " did not succeed, without an error", job->id);
}

/*
 * When a job must have ended for its deadline: then, and as late as waits end; or when the first worker was done, where
 * all were in attempts by then.
 */
static int64_t latest_end(const struct sim_run *run, const struct sim_job *job)
{
    const int64_t deadline_ns = job->accepted_ns + run->plan->options.deadline_ns;
    const int64_t slack_ns = job->wire_ns + 2 * (run->plan->late_max_ns + run->plan->wake_max_ns);

    if (run->crowded_ns <= deadline_ns && run->relieved_ns > deadline_ns)
        return run->relieved_ns + slack_ns;
    return deadline_ns + slack_ns;
}

void sim_judge_done(struct sim_run *run, const struct weir_result *r)
{
    struct sim_job *job = &run->jobs[r->job_id];
    const int64_t now_ns = fibers_now(run->fibers);

    run->done++;
    /* which count jobs, not attempts: the deadline; a stop while it waited, where that leaves more than "cancelled" */
    run->errors[WEIR_ERROR_DEADLINE] += r->error == WEIR_ERROR_DEADLINE;
    run->errors[WEIR_ERROR_STOPPED] += r->error == WEIR_ERROR_STOPPED && r->outcome != WEIR_OUTCOME_CANCELLED &&
                                       strstr(r->detail, "ed before it was sent") != NULL;
    run->result->outcomes[r->outcome]++;
    sim_note(run, "job %" PRIu64 " ends: %s, %s, %d, %s", job->id, weir_outcome_text(r->outcome),
             weir_error_code(r->error), r->http_status, r->detail);
    if (!job->accepted || job->ended++ > 0 || job->active)
        sim_violate(run, "job %" PRIu64 " ends, and %s", job->id,
                    !job->accepted ? "was not accepted"
                    : job->active  ? "is being attempted"
                                   : "had ended");
    job->outcome = r->outcome;
    job->ended_ns = now_ns;
    if (r->attempts != job->sends || r->refusals != job->refusals)
        sim_violate(run,
                    "job %" PRIu64 ": weir says %" PRIu32 " sends, %" PRIu32 " refused; it was %" PRIu32 ", %" PRIu32,
                    job->id, r->attempts, r->refusals, job->sends, job->refusals);
    if (r->total_ns != now_ns - job->accepted_ns && run->plan->lie != SIM_CLOCK_FAST)
        sim_violate(run, "job %" PRIu64 " says that it took %" PRId64 " ns, it was %" PRId64, job->id, r->total_ns,
                    now_ns - job->accepted_ns);
    judge_outcome(run, job, r);
    if (run->plan->options.deadline_ns > 0 && now_ns > latest_end(run, job))
        sim_violate(run, "job %" PRIu64 " ends %.6f s after its deadline", job->id,
                    (double)(now_ns - job->accepted_ns - run->plan->options.deadline_ns) / 1e9);
}

void sim_judge_truth(struct sim_run *run)
{
    for (uint32_t i = 0; i < run->job_count; i++) {
        const struct sim_job *job = &run->jobs[i];
        if (!job->post || !job->accepted)
            continue;
        if (job->processed > 1 && !run->plan->options.retry_non_idempotent)
            sim_violate(run, "job %" PRIu64 ", a POST, was processed %" PRIu32 " times", job->id, job->processed);
        const bool goes_on =
            job->outcome == WEIR_OUTCOME_CANCELLED && (job->key_given || run->plan->options.retry_non_idempotent);
        if ((job->outcome == WEIR_OUTCOME_FAILED || job->outcome == WEIR_OUTCOME_CANCELLED) && job->processed > 0 &&
            !goes_on)
            sim_violate(run, "job %" PRIu64 ", a POST, %s, and was processed", job->id,
                        weir_outcome_text(job->outcome));
        for (uint32_t j = 0; job->key[0] != '\0' && run->job_count <= 200 && j < i; j++)
            if (strcmp(job->key, run->jobs[j].key) == 0)
                sim_violate(run, "jobs %" PRIu64 " and %" PRIu64 " share the key %s", job->id, run->jobs[j].id,
                            job->key);
    }
}
