/*
 * attempt - one attempt's way, from the gate's "go" to the end of its response.
 *
 *   granted -> transport: connect, TLS -> wire (pause, pace once more, certificate) -> send -> began (rate permits are
 *           held) -> end of the response -> sequel
 *
 * With threads, it blocks a worker's; in a loop it is started, goes on in the transport's poll, and tells the pool when
 * it is over.  It holds no lock while it calls the transport.
 */
#include "core/attempt.h"

#include "base/clock.h"
#include "pool/loop.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A wait at the wire that is shorter than this costs more than the unevenness that it would straighten. */
#define WIRE_SLACK_NS INT64_C(50000)

/* So often an attempt that comes late to its place in the pace takes another; then it goes as it comes. */
#define LATE_MAX 3u

/*
 * A worker inside of the transport is waited for at exit().  So it steps out for what may take long in here, and where
 * exit() came meanwhile it never goes back.
 */
static void step_out(struct weir *weir)
{
    atomic_fetch_sub(&weir->in_transport, 1);
}

static void step_in(struct weir *weir)
{
    atomic_fetch_add(&weir->in_transport, 1);
    if (!atomic_load(&weir->leaving))
        return;
    step_out(weir);
    weir__dispatcher_park(weir);
}

/* A worker's state is its connection: opened at its first job, when another worker already stands at the gate. */
void *weir__attempt_enter(void *context)
{
    (void)context;
    return NULL;
}

/* What a worker's state is, or has in it; NULL where there is none yet. */
static struct weir__connection *connection_in(const struct weir *weir, void *state)
{
    struct weir__place *place = state;

    return weir->reactor_count == 0 ? state : place != NULL ? place->connection : NULL;
}

void weir__attempt_leave(void *context, void *state)
{
    struct weir *weir = context;

    step_in(weir); /* TLS says goodbye */
    weir->transport->close(connection_in(weir, state));
    step_out(weir);
    if (weir->reactor_count > 0)
        free(state);
}

void weir__attempt_close(struct weir *weir)
{
    step_in(weir);
    for (uint32_t i = 0; i < weir->reactor_count; i++)
        weir->transport->reactor_free(weir->reactors[i]);
    step_out(weir);
    free(weir->reactors);
}

void weir__attempt_poll(void *context, void *reactor, int64_t until_ns)
{
    struct weir *weir = context;

    step_in(weir);
    weir->transport->poll(reactor, until_ns);
    step_out(weir);
}

void weir__attempt_rouse(void *context, void *reactor)
{
    struct weir *weir = context;

    weir->transport->wake(reactor);
}

static int64_t now_of(const struct weir *weir)
{
    return weir->env.now_ns(weir->env.context);
}

/* Waits until the pace allows the send, unless the job's time is over by then; returns the time.  In a loop it does not
 * wait but sets `parked` and the moment. */
static int64_t keep_pace(struct weir__try *attempt, int64_t now_ns)
{
    struct weir *weir = attempt->weir;
    const int64_t at_ns = weir__limits_wire(&weir->limits, now_ns, attempt->job->task.expires_ns);

    if (at_ns >= attempt->job->task.expires_ns)
        return at_ns;
    if (at_ns - now_ns <= WIRE_SLACK_NS)
        return now_ns;
    if (attempt->call != NULL) {
        attempt->call->wire_again_ns = at_ns;
        attempt->parked = true;
        return now_ns;
    }
    step_out(weir);
    (void)weir__pool_sleep(attempt->worker, at_ns); /* a stop or a cancel that ended it is seen by the caller */
    step_in(weir);
    return now_of(weir);
}

/* The user's word before a send, which may take its time: so it comes before the pace, and before the last looks at
 * stop, pause and deadline. */
static bool consent(const struct weir__try *attempt)
{
    const struct weir__job *job = attempt->job;
    bool consents;

    if (job->sending == NULL)
        return true;
    step_out(attempt->weir);
    weir__dispatcher_before_call(attempt->weir);
    consents = job->sending(job->user_data, job->task.id, job->attempts + 1);
    weir__dispatcher_after_call(attempt->weir);
    step_in(attempt->weir);
    return consents;
}

/*
 * It is asked again, where it was parked: the user's word has been had, and it keeps the place that it took in the
 * pace, unless its connection went to another and the way to a new one made it late.  That may happen again, but not
 * for ever.
 */
static bool comes_back(struct weir__try *attempt, bool new_connection, int64_t now_ns)
{
    if (!attempt->parked)
        return false;
    attempt->parked = false;
    weir__pool_unpark(attempt->worker);
    return !new_connection || now_ns - attempt->call->wire_again_ns <= WIRE_SLACK_NS ||
           ++attempt->late_count > LATE_MAX;
}

/*
 * The transport's `wire`.  A pause that began while the connection was made holds the send back; the job waits for its
 * end at the gate, not here, where it would keep a worker and a permit.
 */
static int64_t pass_wire(void *context, bool new_connection)
{
    struct weir__try *attempt = context;
    struct weir *weir = attempt->weir;
    const int64_t ready_ns = now_of(weir);
    const bool asked = attempt->parked, in_place = comes_back(attempt, new_connection, ready_ns);
    const bool consents = asked || consent(attempt);
    int64_t now_ns = attempt->job->sending != NULL && !asked ? now_of(weir) : ready_ns;

    /* the pace is kept for all: a late new one may come just before a punctual kept one */
    if (consents && !in_place && weir__limits_rate_count(&weir->limits) > 0)
        now_ns = keep_pace(attempt, now_ns);
    if (!consents || weir__pool_stopped(&weir->pool) || attempt->worker->cancelled)
        attempt->held_back = WEIR__HELD_BACK_BY_STOP;
    else if (now_ns >= attempt->job->task.expires_ns)
        attempt->held_back = WEIR__HELD_BACK_BY_DEADLINE;
    else if (weir__limits_paused(&weir->limits, now_ns))
        attempt->held_back = WEIR__HELD_BACK_BY_PAUSE;
    if (attempt->held_back != WEIR__HELD_BACK_NOT)
        return -1;
    if (attempt->parked) {
        weir__pool_park(attempt->worker);
        return WEIR__WIRE_LATER;
    }
    if (weir__job_told(attempt->job))
        attempt->sent_wall_ns = weir->env.wall_ns(weir->env.context);
    attempt->sent_ns = weir__limits_sent(&weir->limits, &attempt->ticket, now_ns, weir->env.now_ns, weir->env.context);
    return attempt->sent_ns - ready_ns;
}

/* The transport's `began`. */
static void take_beginning(void *context)
{
    struct weir__try *attempt = context;
    struct weir *weir = attempt->weir;

    attempt->began_ns =
        weir__limits_began(&weir->limits, &attempt->ticket, attempt->sent_ns, weir->env.now_ns, weir->env.context);
    if (weir__limits_rate_count(&weir->limits) > 0)
        weir__pool_nudge(&weir->pool); /* until now nobody could know when the permits come back */
}

/* The transport's `headed`: a refusal pauses the others before its body has come. */
static void take_head(void *context, int http_status, const struct weir_header *headers, size_t header_count)
{
    struct weir__try *attempt = context;
    struct weir *weir = attempt->weir;
    struct weir__pushback_response response = {
        .feedback = &attempt->read, .http_status = http_status, .refused = true, .sent_ns = attempt->sent_ns};

    weir__feedback_read(headers, header_count, weir->env.wall_ns(weir->env.context), &attempt->read);
    if (!weir__verdict_refuses(&weir->rules, http_status, attempt->read.has_retry_after))
        return;
    response.now_ns = now_of(weir);
    attempt->heard = true;
    weir__pushback_heard(&weir->pushback, &response, &attempt->news);
    if (attempt->news.paused)
        weir__pool_notice(&weir->pool);
}

static struct weir__call call_of(struct weir__try *attempt)
{
    const struct weir__job *job = attempt->job;
    const int64_t expires_ns = job->task.expires_ns;

    return (struct weir__call){
        .method = job->method,
        .url = job->url,
        .headers = job->headers,
        .header_count = job->header_count,
        .body = job->body,
        .body_size = job->body_size,
        .timeout_ns = expires_ns == WEIR__NEVER ? 0 : expires_ns - job->task.granted_ns,
        .cancelled = &attempt->worker->cancelled,
        .drop_reply = !weir__job_told(job),
        .wire = pass_wire,
        .began = take_beginning,
        .headed = take_head,
        .context = attempt,
    };
}

/* There was no memory for a connection; the worker's next job tries again. */
static void fail_to_open(struct weir__try *attempt)
{
    memset(&attempt->reply, 0, sizeof attempt->reply);
    attempt->reply.error = WEIR_ERROR_RESOURCE;
    strcpy(attempt->reply.detail, "out of memory");
}

/* NULL without memory. */
static struct weir__connection *connection_of(struct weir__worker *worker, struct weir__transport *transport)
{
    struct weir__connection *connection = worker->state;

    if (connection == NULL) {
        connection = transport->open(transport);
        worker->state = connection; /* before the call's flag is looked at: a cancel sets that, then reads this */
    }
    return connection;
}

static void perform(struct weir__try *attempt)
{
    struct weir *weir = attempt->weir;
    const struct weir__call call = call_of(attempt);
    struct weir__connection *connection;

    step_in(weir);
    connection = connection_of(attempt->worker, weir->transport);
    if (connection != NULL)
        weir->transport->perform(connection, &call, &attempt->reply);
    else
        fail_to_open(attempt);
    step_out(weir);
    weir__dispatcher_before_call(weir);
}

void weir__attempt_cut(void *context, struct weir__worker *worker)
{
    struct weir *weir = context;
    struct weir__connection *connection = connection_in(weir, worker->state);

    if (connection != NULL)
        weir->transport->cancel(connection);
}

/* What began gave its rate permits back by then; all others do here. */
static void give_rates_back(struct weir__try *attempt)
{
    struct weir *weir = attempt->weir;
    struct weir__limits *limits = &weir->limits;

    if (attempt->sent_ns == 0)
        weir__limits_unsent(limits, &attempt->ticket);
    else if (attempt->began_ns == 0)
        weir__limits_gave_up(limits, &attempt->ticket, weir->env.now_ns, weir->env.context);
}

/* The wire let nothing pass: the attempt never was one, but for a connection that it may have opened. */
static enum weir__pool_next held_back(struct weir__try *attempt)
{
    const struct weir__statistics_attempt figures = {
        .new_connection = attempt->reply.new_connection, .ttfb_ns = -1, .answered_ns = -1};

    weir__limits_ended(&attempt->weir->limits, &attempt->ticket, attempt->ended_ns);
    weir__statistics_attempt(&attempt->weir->statistics, &figures);
    attempt->job->tries--;
    if (attempt->held_back == WEIR__HELD_BACK_BY_PAUSE)
        return WEIR__POOL_AGAIN;
    weir__pool_ends(attempt->worker);
    weir__sequel_expire(attempt->weir, &attempt->job->task);
    return WEIR__POOL_ENDED;
}

static void begin(struct weir__try *attempt, struct weir *weir, struct weir__worker *worker, struct weir__task *task)
{
    struct weir__job *job = (struct weir__job *)task;

    memset(attempt, 0, offsetof(struct weir__try, reply)); /* the rest is filled as it becomes known */
    attempt->weir = weir;
    attempt->worker = worker;
    attempt->job = job;
    attempt->ticket.held = task->limit_count;
    job->tries++;
    if (job->accepted_ns == 0)
        job->accepted_ns = task->queued_ns;
    job->queue_ns += task->next_up_ns - task->queued_ns;
    job->permit_ns += task->granted_ns - task->next_up_ns;
}

/* The transport is done with it. */
static enum weir__pool_next end(struct weir__try *attempt)
{
    attempt->ended_ns = now_of(attempt->weir);
    give_rates_back(attempt);
    if (attempt->held_back == WEIR__HELD_BACK_BY_PAUSE || attempt->held_back == WEIR__HELD_BACK_BY_DEADLINE)
        return held_back(attempt);
    return weir__sequel_of(attempt);
}

/* A stop cancels what is parked (weir__pool_stop), which nobody else did: to people it is as with threads, where the
 * wire refuses. */
static void tell_stop(struct weir__try *attempt)
{
    if (attempt->reply.error == WEIR_ERROR_STOPPED && weir__pool_stopped(&attempt->weir->pool) &&
        strcmp(attempt->reply.detail, "cancelled") == 0)
        strcpy(attempt->reply.detail, "not sent");
}

/* The transport's `ended`: on the loop's thread, inside of poll. */
static void take_end(void *context, struct weir__reply *reply)
{
    struct weir__try *attempt = context;
    struct weir *weir = attempt->weir;

    memcpy(&attempt->reply, reply, offsetof(struct weir__reply, detail) + strlen(reply->detail) + 1);
    step_out(weir);
    weir__dispatcher_before_call(weir);
    if (attempt->parked) {
        weir__pool_unpark(attempt->worker);
        tell_stop(attempt);
    }
    weir__pool_back(attempt->worker, end(attempt));
    step_in(weir);
}

/* NULL without memory. */
static struct weir__place *place_of(struct weir__worker *worker, struct weir__transport *transport)
{
    struct weir__place *place = worker->state;

    if (place != NULL)
        return place;
    place = calloc(1, sizeof *place);
    if (place == NULL)
        return NULL;
    place->connection = transport->reactor_open(worker->loop->state);
    if (place->connection == NULL) {
        free(place);
        return NULL;
    }
    worker->state = place; /* as in connection_of() */
    return place;
}

/* False without memory; then nothing has begun. */
static bool start(struct weir *weir, struct weir__worker *worker, struct weir__task *task)
{
    struct weir__place *place;

    step_in(weir);
    place = place_of(worker, weir->transport);
    if (place != NULL) {
        begin(&place->attempt, weir, worker, task);
        place->call = call_of(&place->attempt);
        place->call.ended = take_end;
        place->attempt.call = &place->call;
        weir->transport->start(place->connection, &place->call);
    }
    step_out(weir);
    weir__dispatcher_before_call(weir);
    return place != NULL;
}

enum weir__pool_next weir__attempt_run(void *context, struct weir__worker *worker, struct weir__task *task)
{
    struct weir *weir = context;
    struct weir__try attempt;

    if (weir->reactor_count > 0 && start(weir, worker, task))
        return WEIR__POOL_GOES_ON;
    begin(&attempt, weir, worker, task);
    if (weir->reactor_count == 0)
        perform(&attempt);
    else
        fail_to_open(&attempt);
    return end(&attempt);
}
