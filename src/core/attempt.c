/*
 * attempt - one attempt's way, from the gate's "go" to the decision what comes next.
 *
 *   granted -> transport: connect, TLS -> wire (pace once more, certificate) -> send -> began (rate permits are held)
 *           -> end of the response -> concurrency permit back -> counted -> verdict -> done, or the queue's head again
 *
 * It runs on the worker's thread and holds no lock while it calls the transport or the user.
 */
#include "core/dispatcher.h"

#include "base/clock.h"

#include <stddef.h>
#include <string.h>

/* A wait at the wire that is shorter than this costs more than the unevenness that it would straighten. */
#define WIRE_SLACK_NS INT64_C(50000)

struct attempt {
    struct weir *weir;
    struct weir__worker *worker;
    struct weir__job *job;
    int64_t sent_ns;      /* 0: not sent */
    int64_t sent_wall_ns; /* only where a callback will be told */
    int64_t began_ns;     /* 0: no response began */
};

/* A worker's state is its connection: opened at its first job, when another worker already stands at the gate. */
void *weir__attempt_enter(void *context)
{
    (void)context;
    return NULL;
}

void weir__attempt_leave(void *context, void *state)
{
    struct weir *weir = context;

    weir->transport->close(state);
}

static int64_t now_of(const struct weir *weir)
{
    return weir->env.now_ns(weir->env.context);
}

/* Waits until the pace allows the send; false where a stop came. */
static bool keep_pace(struct attempt *attempt, int64_t now_ns)
{
    const int64_t at_ns = weir__limits_wire(&attempt->weir->limits, now_ns);

    return at_ns - now_ns <= WIRE_SLACK_NS || weir__pool_sleep(attempt->worker, at_ns);
}

/* The transport's `wire`. */
static int64_t pass_wire(void *context, bool new_connection)
{
    struct attempt *attempt = context;
    struct weir *weir = attempt->weir;
    const bool paced = weir->limits.rate_count > 0;
    const int64_t now_ns = paced ? now_of(weir) : 0;

    (void)new_connection; /* the pace is kept for all: a late new one may come just before a punctual kept one */
    if ((paced && !keep_pace(attempt, now_ns)) || weir__pool_stopped(&weir->pool))
        return -1;
    if (attempt->job->done != NULL)
        attempt->sent_wall_ns = weir__clock_wall_ns();
    attempt->sent_ns = weir__limits_sent(&weir->limits, weir->env.now_ns, weir->env.context);
    return paced ? attempt->sent_ns - now_ns : 0;
}

/* The transport's `began`. */
static void take_beginning(void *context)
{
    struct attempt *attempt = context;
    struct weir *weir = attempt->weir;

    attempt->began_ns = weir__limits_began(&weir->limits, attempt->sent_ns, weir->env.now_ns, weir->env.context);
    if (weir->limits.rate_count > 0)
        weir__pool_nudge(&weir->pool); /* until now nobody could know when the permits come back */
}

/* Without a connection there was no memory for one; the worker's next job tries again. */
static void perform(struct attempt *attempt, struct weir__reply *reply)
{
    struct weir *weir = attempt->weir;
    struct weir__worker *worker = attempt->worker;
    const struct weir__job *job = attempt->job;
    const struct weir__call call = {
        .method = job->method,
        .url = job->url,
        .headers = job->headers,
        .header_count = job->header_count,
        .body = job->body,
        .body_size = job->body_size,
        .drop_reply = job->done == NULL,
        .wire = pass_wire,
        .began = take_beginning,
        .context = attempt,
    };

    if (worker->state == NULL)
        worker->state = weir->transport->open(weir->transport);
    if (worker->state == NULL) {
        memset(reply, 0, sizeof *reply);
        reply->error = WEIR_ERROR_RESOURCE;
        strcpy(reply->detail, "out of memory");
        return;
    }
    weir->transport->perform(worker->state, &call, reply);
}

/* Every permit goes back, on each way that an attempt can end. */
static void give_permits_back(struct attempt *attempt)
{
    struct weir *weir = attempt->weir;
    struct weir__limits *limits = &weir->limits;

    if (attempt->sent_ns == 0)
        weir__limits_unsent(limits);
    else if (attempt->began_ns == 0)
        weir__limits_gave_up(limits, weir->env.now_ns, weir->env.context);
    weir__limits_ended(limits);
}

static struct weir__verdict judge(const struct weir *weir, const struct weir__job *job, const struct weir__reply *reply)
{
    const struct weir__verdict_facts facts = {
        .method = job->method,
        .error = reply->error,
        .http_status = reply->http_status,
        .sent = reply->sent,
        .resend = reply->resend,
        .has_redirect = reply->redirect_url != NULL,
        .acted = job->acted,
        .redirects = job->redirects,
        .resends = job->resends,
    };
    return weir__verdict_of(&weir->rules, &facts);
}

static void tell_attempt(struct weir *weir, const struct weir__job *job, const struct weir__reply *reply,
                         int64_t elapsed_ns)
{
    const struct weir_event event = {
        .type = WEIR_EVENT_ATTEMPT,
        .job_id = job->id,
        .attempt = job->tries,
        .http_status = reply->http_status,
        .error = reply->error,
        .detail = reply->detail,
        .elapsed_ns = elapsed_ns,
        .limit_name = "",
    };
    if (weir->on_event != NULL)
        weir->on_event(weir->event_user_data, &event);
}

static void count(struct attempt *attempt, const struct weir__reply *reply, const struct weir__verdict *verdict,
                  bool repeats, int64_t elapsed_ns)
{
    const struct weir__statistics_attempt figures = {
        .error = reply->error,
        .http_status = reply->http_status,
        .sent = reply->sent,
        .resend = repeats,
        .new_connection = reply->new_connection,
        .ended = verdict->next == WEIR__VERDICT_END,
        .outcome = verdict->outcome,
        .ttfb_ns = attempt->began_ns == 0 ? -1 : attempt->began_ns - attempt->sent_ns,
        .elapsed_ns = elapsed_ns,
    };
    weir__statistics_attempt(&attempt->weir->statistics, &figures);
}

static void end_job(struct weir *weir, struct weir__job *job, const struct weir_result *result)
{
    if (job->done != NULL)
        job->done(job->user_data, result);
    weir__job_free(&weir->stock, job);
}

static void finish(struct attempt *attempt, const struct weir__reply *reply, const struct weir__verdict *verdict,
                   int64_t ended_ns)
{
    struct weir__job *job = attempt->job;
    const struct weir_result result = {
        .job_id = job->id,
        .outcome = verdict->outcome,
        .error = verdict->error,
        .detail = reply->detail,
        .http_status = reply->http_status,
        .attempts = job->attempts,
        .headers = reply->headers,
        .header_count = reply->header_count,
        .body = reply->body,
        .body_size = reply->body_size,
        .queue_ns = job->queue_ns,
        .permit_ns = job->permit_ns,
        .connect_ns = reply->connect_ns,
        .ttfb_ns = attempt->began_ns == 0 ? 0 : attempt->began_ns - attempt->sent_ns,
        .total_ns = ended_ns - job->accepted_ns,
        .sent_at_ns = job->sent_wall_ns,
    };
    end_job(attempt->weir, job, &result);
}

/* True where the job goes back to the queue's head, changed as the verdict wants it. */
static bool goes_again(struct weir__job *job, const struct weir__reply *reply, struct weir__verdict *verdict)
{
    job->repeats = verdict->next == WEIR__VERDICT_RESEND;
    if (job->repeats) {
        job->resends++;
        return true;
    }
    if (verdict->next == WEIR__VERDICT_END)
        return false;
    if (weir__transport_check(job->method, reply->redirect_url, NULL, 0) == NULL &&
        weir__job_redirect(job, reply->redirect_url, reply->http_status))
        return true;
    *verdict = (struct weir__verdict){WEIR__VERDICT_END, WEIR_OUTCOME_FAILED, WEIR_ERROR_REDIRECTS};
    return false;
}

bool weir__attempt_run(void *context, struct weir__worker *worker, struct weir__task *task)
{
    struct weir *weir = context;
    struct weir__job *job = (struct weir__job *)task;
    struct attempt attempt = {.weir = weir, .worker = worker, .job = job};
    const bool repeats = job->repeats;
    struct weir__reply reply;
    struct weir__verdict verdict;
    int64_t ended_ns, elapsed_ns;
    bool again;

    if (job->tries++ == 0)
        job->accepted_ns = task->queued_ns;
    job->queue_ns += task->next_up_ns - task->queued_ns;
    job->permit_ns += task->granted_ns - task->next_up_ns;
    perform(&attempt, &reply);
    ended_ns = now_of(weir);
    give_permits_back(&attempt);

    if (reply.sent) {
        job->attempts++;
        job->sent_wall_ns = attempt.sent_wall_ns;
    }
    elapsed_ns = ended_ns - (attempt.sent_ns != 0 ? attempt.sent_ns : task->granted_ns);
    verdict = judge(weir, job, &reply);
    again = goes_again(job, &reply, &verdict);
    count(&attempt, &reply, &verdict, repeats, elapsed_ns);
    tell_attempt(weir, job, &reply, elapsed_ns);
    if (!again)
        finish(&attempt, &reply, &verdict, ended_ns);
    return !again;
}

void weir__attempt_drop(void *context, struct weir__task *task)
{
    struct weir *weir = context;
    struct weir__job *job = (struct weir__job *)task;
    const struct weir_result result = {
        .job_id = job->id,
        .outcome = job->acted ? WEIR_OUTCOME_FAILED : WEIR_OUTCOME_CANCELLED,
        .error = WEIR_ERROR_STOPPED,
        .detail = job->attempts > 0 ? "stopped before it was sent again" : "stopped before it was sent",
        .attempts = job->attempts,
        .sent_at_ns = job->sent_wall_ns,
        .total_ns = now_of(weir) - (job->tries > 0 ? job->accepted_ns : task->queued_ns),
    };
    weir__statistics_ended(&weir->statistics, result.outcome);
    end_job(weir, job, &result);
}
