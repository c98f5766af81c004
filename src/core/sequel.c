/*
 * sequel - what comes after an attempt.
 *
 *   feedback: what the header says of the server's limits -> verdict -> pushback, for all jobs -> concurrency permit
 * back
 *           -> the queue again, a backoff, or the end -> counted, told
 *
 * And what becomes of a job that ends without one.  No lock is held while it calls the user.
 */
#include "core/attempt.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static void read_feedback(struct weir__try *attempt)
{
    static const struct weir__feedback none;
    const struct weir *weir = attempt->weir;
    const struct weir__reply *reply = &attempt->reply;

    attempt->feedback = &none;
    if (reply->header_count == 0)
        return;
    weir__feedback_read(reply->headers, reply->header_count, weir->env.wall_ns(weir->env.context), &attempt->read);
    attempt->feedback = &attempt->read;
}

static struct weir__verdict judge(const struct weir__try *attempt)
{
    const struct weir__job *job = attempt->job;
    const struct weir__reply *reply = &attempt->reply;
    const struct weir__feedback *feedback = attempt->feedback;
    const struct weir__verdict_facts facts = {
        .method = job->method,
        .error = reply->error,
        .http_status = reply->http_status,
        .sent = reply->sent,
        .resend = reply->resend,
        .has_redirect = reply->redirect_url != NULL,
        .keyed = job->keyed,
        .key_given = job->key_given,
        .pushes_back = feedback->has_retry_after || (feedback->has_remaining && feedback->remaining == 0),
        .exhausted = !feedback->has_retry_after && feedback->has_remaining && feedback->remaining == 0,
        .overloaded = feedback->anthropic,
        .acted = job->acted,
        .doubtful = job->doubtful,
        .redirects = job->redirects,
        .attempts = job->failures + 1,
        .refusals = job->refusals + 1,
    };
    return weir__verdict_of(&attempt->weir->rules, &facts);
}

/* What a response says of the server's limits is for all jobs. */
static void hear(struct weir__try *attempt, struct weir__pushback_news *news)
{
    const struct weir__verdict *verdict = &attempt->verdict;
    const struct weir__pushback_response response = {
        .feedback = attempt->feedback,
        .http_status = attempt->reply.http_status,
        .refused = verdict->class == WEIR__CLASS_REFUSED,
        .sent_ns = attempt->sent_ns,
        .now_ns = attempt->ended_ns,
    };
    weir__pushback_heard(&attempt->weir->pushback, &response, news);
}

static void tell_attempt(const struct weir__try *attempt, int64_t elapsed_ns)
{
    const struct weir_event event = {
        .type = WEIR_EVENT_ATTEMPT,
        .job_id = attempt->job->task.id,
        .attempt = attempt->job->tries,
        .http_status = attempt->reply.http_status,
        .error = attempt->reply.error,
        .detail = attempt->reply.detail,
        .elapsed_ns = elapsed_ns,
        .limit_name = "",
    };
    weir__dispatcher_tell(attempt->weir, &event);
}

static void tell_news(const struct weir__try *attempt, const struct weir__pushback_news *news)
{
    struct weir *weir = attempt->weir;
    struct weir_event event = {.http_status = attempt->reply.http_status, .limit_name = ""};
    char reason[sizeof weir->pushback.stats.reason], name[WEIR__LIMIT_NAME_SIZE];

    if (weir->on_event == NULL)
        return;
    for (size_t i = 0; i < news->learned_count; i++) {
        event.type = WEIR_EVENT_LEARNED;
        event.limit_name = weir__limits_name(&weir->limits, news->learned[i], name);
        event.detail = attempt->feedback->policy_field;
        weir__dispatcher_tell(weir, &event);
    }
    if (!news->paused)
        return;
    weir__pushback_reason(&weir->pushback, reason, sizeof reason);
    event.type = WEIR_EVENT_PAUSED;
    event.limit_name = "";
    event.detail = reason;
    event.wait_ns = news->pause_ns;
    weir__dispatcher_tell(weir, &event);
}

static void count(const struct weir__try *attempt, bool repeats, int64_t elapsed_ns)
{
    const struct weir__reply *reply = &attempt->reply;
    const struct weir__verdict *verdict = &attempt->verdict;
    const struct weir__statistics_attempt figures = {
        .error = reply->error,
        .http_status = reply->http_status,
        .sent = reply->sent,
        .repeats = repeats && attempt->job->attempts > 1,
        .new_connection = reply->new_connection,
        .ended = verdict->next == WEIR__VERDICT_END,
        .outcome = verdict->outcome,
        .ttfb_ns = attempt->began_ns == 0 ? -1 : attempt->began_ns - attempt->sent_ns,
        .elapsed_ns = elapsed_ns,
        .answered_ns = reply->http_status != 0 && verdict->class != WEIR__CLASS_REFUSED ? attempt->ended_ns : INT64_MIN,
    };
    weir__statistics_attempt(&attempt->weir->statistics, &figures);
}

static void end_job(struct weir *weir, struct weir__job *job, const struct weir_result *result)
{
    weir__dispatcher_before_call(weir);
    if (job->done != NULL) {
        job->done(job->user_data, result);
        weir__dispatcher_after_call(weir);
    } else if (job->completion != NULL) {
        weir__completions_put(&weir->completions, job->completion, result);
    }
    weir__job_free(&weir->stock, job);
}

static void finish(const struct weir__try *attempt)
{
    struct weir__job *job = attempt->job;
    const struct weir__reply *reply = &attempt->reply;
    const struct weir_result result = {
        .job_id = job->task.id,
        .user_data = job->user_data,
        .outcome = attempt->verdict.outcome,
        .error = attempt->verdict.error,
        .detail = reply->detail,
        .http_status = reply->http_status,
        .attempts = job->attempts,
        .refusals = job->refusals,
        .headers = reply->headers,
        .header_count = reply->header_count,
        .body = reply->body,
        .body_size = reply->body_size,
        .queue_ns = job->queue_ns,
        .permit_ns = job->permit_ns,
        .connect_ns = reply->connect_ns,
        .ttfb_ns = attempt->began_ns == 0 ? 0 : attempt->began_ns - attempt->sent_ns,
        .total_ns = attempt->ended_ns - job->accepted_ns,
        .sent_at_ns = job->sent_wall_ns,
    };
    weir__pool_ends(attempt->worker);
    end_job(attempt->weir, job, &result);
}

/* The job ends here, though the verdict would have had it go on. */
static enum weir__pool_next end_instead(struct weir__try *attempt, const char *why)
{
    char *detail = attempt->reply.detail;
    const size_t length = strlen(detail);

    attempt->verdict.next = WEIR__VERDICT_END;
    (void)snprintf(detail + length, WEIR__DETAIL_SIZE - length, "%s%s", length > 0 ? "; " : "", why);
    return WEIR__POOL_ENDED;
}

/* After a failure that may be repeated, if the budget and the job's own time allow. */
static enum weir__pool_next retry(struct weir__try *attempt)
{
    struct weir__job *job = attempt->job;
    const struct weir__feedback *feedback = attempt->feedback;
    const struct weir__pushback_wish wish = {
        .retry = job->failures + 1,
        .at_once = attempt->verdict.next == WEIR__VERDICT_RESEND,
        .least_ns = feedback->has_retry_after ? feedback->retry_after_ns : 0,
        .now_ns = attempt->ended_ns,
        .expires_ns = job->task.expires_ns,
    };

    switch (weir__pushback_retry(&attempt->weir->pushback, &wish, &job->task.due_ns)) {
    case WEIR__RETRY_OK:
        break;
    case WEIR__RETRY_NO_BUDGET:
        return end_instead(attempt, "not tried again: the retry budget is used up");
    case WEIR__RETRY_NO_TIME:
        return end_instead(attempt, "not tried again: the job's deadline comes first");
    case WEIR__RETRY_TOO_LONG:
        return end_instead(attempt, "not tried again: the server asks for a longer wait than is allowed");
    }
    job->failures++;
    job->repeats = true;
    return job->task.due_ns > attempt->ended_ns ? WEIR__POOL_LATER : WEIR__POOL_AGAIN;
}

static enum weir__pool_next redirect(struct weir__try *attempt)
{
    struct weir__job *job = attempt->job;
    const struct weir__reply *reply = &attempt->reply;

    if (weir__transport_check(job->method, reply->redirect_url, NULL, 0) == NULL &&
        weir__job_redirect(job, reply->redirect_url, reply->http_status))
        return WEIR__POOL_AGAIN;
    attempt->verdict.error = WEIR_ERROR_REDIRECTS;
    attempt->verdict.outcome = attempt->verdict.doubtful ? WEIR_OUTCOME_UNKNOWN : WEIR_OUTCOME_FAILED;
    attempt->verdict.next = WEIR__VERDICT_END;
    return WEIR__POOL_ENDED;
}

/* The verdict becomes END where what it wants cannot be done. */
static enum weir__pool_next go_on(struct weir__try *attempt)
{
    struct weir__job *job = attempt->job;

    job->http_status = attempt->reply.http_status;
    job->ttfb_ns = attempt->began_ns == 0 ? 0 : attempt->began_ns - attempt->sent_ns;
    job->doubtful = attempt->verdict.doubtful;
    job->repeats = false;
    if (attempt->verdict.class == WEIR__CLASS_REFUSED)
        job->refusals++;
    switch (attempt->verdict.next) {
    case WEIR__VERDICT_REDIRECT:
        return redirect(attempt);
    case WEIR__VERDICT_REFUSED:
        job->repeats = true;
        return WEIR__POOL_AGAIN;
    case WEIR__VERDICT_RESEND:
    case WEIR__VERDICT_RETRY:
        return retry(attempt);
    case WEIR__VERDICT_END:
        break;
    }
    return WEIR__POOL_ENDED;
}

static void tell_next(const struct weir__try *attempt, enum weir__pool_next next)
{
    const struct weir__job *job = attempt->job;
    const struct weir_event event = {
        .type = WEIR_EVENT_RETRY,
        .job_id = job->task.id,
        .attempt = job->tries,
        .http_status = attempt->reply.http_status,
        .detail = "",
        .limit_name = "",
        .wait_ns = next == WEIR__POOL_LATER ? job->task.due_ns - attempt->ended_ns : 0,
    };
    if (next != WEIR__POOL_ENDED && job->repeats && !weir__pool_stopped(&attempt->weir->pool) &&
        !attempt->worker->cancelled)
        weir__dispatcher_tell(attempt->weir, &event);
}

/* A job that ends without an attempt that could tell how. */
static void end_unsent(struct weir *weir, struct weir__job *job, enum weir_outcome outcome, enum weir_error error,
                       const char *detail)
{
    const bool goes_on =
        outcome == WEIR_OUTCOME_CANCELLED && !job->acted && (job->key_given || weir->rules.non_idempotent);
    const struct weir_result result = {
        .job_id = job->task.id,
        .user_data = job->user_data,
        .outcome = job->doubtful && !goes_on ? WEIR_OUTCOME_UNKNOWN
                   : job->acted              ? WEIR_OUTCOME_FAILED
                                             : outcome,
        .error = error,
        .detail = detail,
        .http_status = job->http_status,
        .attempts = job->attempts,
        .refusals = job->refusals,
        .queue_ns = job->queue_ns,
        .permit_ns = job->permit_ns,
        .ttfb_ns = job->ttfb_ns,
        .sent_at_ns = job->sent_wall_ns,
        .total_ns =
            weir->env.now_ns(weir->env.context) - (job->accepted_ns != 0 ? job->accepted_ns : job->task.queued_ns),
    };
    weir__statistics_ended(&weir->statistics, result.outcome, error);
    end_job(weir, job, &result);
}

enum weir__pool_next weir__sequel_of(struct weir__try *attempt)
{
    struct weir *weir = attempt->weir;
    struct weir__job *job = attempt->job;
    struct weir__pushback_news *news = &attempt->news;
    const bool repeats = job->repeats;
    const int64_t begun_ns = attempt->sent_ns != 0 ? attempt->sent_ns : job->task.granted_ns;
    const int64_t elapsed_ns = attempt->ended_ns - begun_ns;
    enum weir__pool_next next;

    if (attempt->reply.sent) {
        job->attempts++;
        job->sent_wall_ns = attempt->sent_wall_ns;
    }
    read_feedback(attempt);
    attempt->verdict = judge(attempt);
    if (attempt->reply.http_status != 0 && !attempt->heard)
        hear(attempt, news);
    /* not before it was heard: until then it is on its way */
    weir__limits_ended(&weir->limits, &attempt->ticket, attempt->ended_ns);
    if (news->paused || news->learned_count > 0)
        weir__pool_notice(&weir->pool);
    next = go_on(attempt);
    count(attempt, repeats, elapsed_ns);
    tell_attempt(attempt, elapsed_ns);
    tell_next(attempt, next);
    tell_news(attempt, news);
    if (next == WEIR__POOL_ENDED)
        finish(attempt);
    return next;
}

void weir__sequel_drop(void *context, struct weir__task *task, bool cancelled)
{
    static const char *const details[2][2] = {
        {"stopped before it was sent", "stopped before it was sent again"},
        {"cancelled before it was sent", "cancelled before it was sent again"},
    };
    struct weir__job *job = (struct weir__job *)task;

    end_unsent(context, job, WEIR_OUTCOME_CANCELLED, WEIR_ERROR_STOPPED, details[cancelled][job->attempts > 0]);
}

void weir__sequel_expire(void *context, struct weir__task *task)
{
    struct weir__job *job = (struct weir__job *)task;

    end_unsent(context, job, WEIR_OUTCOME_FAILED, WEIR_ERROR_DEADLINE,
               job->attempts > 0 ? "its deadline came before it was sent again"
                                 : "its deadline came before it was sent");
}
