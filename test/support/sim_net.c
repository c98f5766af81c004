/*
 * sim_net - the transport of a simulated run: connections and a network that take virtual time and lose things.
 *
 * It keeps to http/transport.h to the letter, except where the plan has it lie.  A request is on its way by itself once
 * it was sent: it arrives, and is answered, whether or not anybody still waits.
 */
#include "support/sim_run.h"

#include "base/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_SEND_NS INT64_C(300000000) /* how late SIM_SENT_LATE is */

struct weir__connection {
    struct sim_net *net;
    struct weir__connection *next;
    sem_t wake;
    const struct weir__call *call;
    bool kept;                                   /* it can be used again */
    struct weir_header headers[SIM_HEADERS_MAX]; /* as the last reply has them */
};

struct sim_net {
    struct weir__transport base; /* first */
    struct sim_run *run;
    struct weir__connection *open;
    bool aborted;
};

/* By an abort, or a cancel of what it is at. */
static bool is_cut(const struct weir__connection *c)
{
    return c->net->aborted || *c->call->cancelled;
}

static int64_t now_of(const struct sim_net *net)
{
    return fibers_now(net->run->fibers);
}

/* ---------------------------------------------------------------------------------------------------- on the way */

static void wake(struct sim_exchange *x)
{
    if (x->connection != NULL)
        weir__sem_post(&x->connection->wake);
}

static void at(struct sim_exchange *x, int64_t after_ns, void (*call)(void *exchange))
{
    if (!fibers_at(x->run->fibers, fibers_now(x->run->fibers) + after_ns, call, x))
        x->run->no_memory = true;
}

static void take_end(void *exchange)
{
    struct sim_exchange *x = exchange;

    x->ended = true;
    wake(x);
}

static void take_break(void *exchange)
{
    struct sim_exchange *x = exchange;

    x->broken = true;
    wake(x);
}

static void take_beginning(void *exchange)
{
    struct sim_exchange *x = exchange;

    x->begun = true;
    wake(x);
    at(x, x->run->calm ? 0 : sim_draw(x->run, x->run->plan->net.body_max_ns),
       x->fate == SIM_BODY_LOST ? take_break : take_end);
}

static int64_t draw_latency(struct sim_run *run)
{
    const struct sim_net_plan *n = &run->plan->net;

    if (run->calm)
        return 0; /* within any timeout */
    return n->latency_ns - n->latency_jitter_ns + sim_draw(run, 2 * n->latency_jitter_ns);
}

static void take_arrival(void *exchange)
{
    struct sim_exchange *x = exchange;
    struct sim_run *run = x->run;
    const bool taken = sim_server_take(x);

    sim_note(run, "job %" PRIu64 " send %" PRIu32 " %s: %d%s", x->job->id, x->number,
             taken ? "arrives" : "finds nobody", x->status, x->refused ? ", refused" : "");
    if (!taken || x->fate == SIM_RESET || x->fate == SIM_DEAD)
        at(x, draw_latency(run), take_break);
    else if (x->fate == SIM_ANSWERED || x->fate == SIM_BODY_LOST)
        at(x, draw_latency(run), take_beginning);
}

static enum sim_fate draw_fate(struct sim_run *run, bool kept)
{
    const struct sim_net_plan *n = &run->plan->net;
    const struct {
        enum sim_fate fate;
        double share;
    } fates[] = {
        {SIM_DEAD, kept ? n->dead_share : 0}, {SIM_LOST, n->lost_share},     {SIM_RESET, n->reset_share},
        {SIM_BODY_LOST, n->body_lost_share},  {SIM_SILENT, n->silent_share}, {SIM_LATE, n->late_share},
    };

    for (size_t i = 0; !run->calm && i < sizeof fates / sizeof fates[0]; i++)
        if (sim_happens(run, fates[i].share))
            return fates[i].fate;
    return SIM_ANSWERED;
}

static void leave(struct sim_exchange *x, int64_t timeout_ns)
{
    struct sim_run *run = x->run;
    const int64_t uplink_ns = sim_draw(run, run->plan->net.uplink_max_ns);

    switch (x->fate) {
    case SIM_LOST:
        at(x, uplink_ns + draw_latency(run), take_break);
        break;
    case SIM_DEAD: /* half of them die with the request read */
        if (sim_happens(run, 0.5))
            at(x, uplink_ns, take_arrival);
        else
            at(x, uplink_ns, take_break);
        break;
    case SIM_LATE:
        at(x, timeout_ns + 1 + sim_draw(run, timeout_ns), take_arrival);
        break;
    default:
        at(x, uplink_ns, take_arrival);
        break;
    }
}

/* ---------------------------------------------------------------------------------------------------- the attempt */

static void fail(struct weir__reply *reply, enum weir_error error)
{
    reply->error = error;
    (void)snprintf(reply->detail, sizeof reply->detail, "simulated: %s", weir_error_code(error));
}

/* Until `until_ns`; false where a cancel or an abort came. */
static bool wait_until(struct weir__connection *c, int64_t until_ns)
{
    const struct weir__env *env = fibers_env(c->net->run->fibers);

    while (!is_cut(c) && env->wait(env->context, &c->wake, until_ns))
        continue; /* what a past exchange posted ends no wait here */
    return !is_cut(c);
}

/* The connection, within its own time and the attempt's; false with the reply's error. */
static bool establish(struct weir__connection *c, int64_t timeout_ns, struct weir__reply *reply)
{
    struct sim_run *run = c->net->run;
    const struct weir_options *o = &run->plan->options;
    const int64_t begin_ns = now_of(c->net);
    const int64_t least_ns = o->connect_timeout_ns < timeout_ns ? o->connect_timeout_ns : timeout_ns;
    int64_t takes_ns = run->calm ? 0 : sim_draw(run, run->plan->net.connect_max_ns);
    enum weir_error error = WEIR_ERROR_NONE;

    if (!sim_server_is_up(run) || (!run->calm && sim_happens(run, run->plan->net.connect_fail_share)))
        error = WEIR_ERROR_CONNECT;
    if (takes_ns >= least_ns) {
        takes_ns = least_ns;
        error = least_ns == timeout_ns ? WEIR_ERROR_TIMEOUT : WEIR_ERROR_CONNECT;
    }
    if (!wait_until(c, begin_ns + takes_ns))
        error = WEIR_ERROR_STOPPED;
    reply->connect_ns = now_of(c->net) - begin_ns;
    if (error != WEIR_ERROR_NONE) {
        fail(reply, error);
        return false;
    }
    reply->new_connection = true;
    run->opened++;
    return true;
}

static struct sim_job *job_of(struct sim_run *run, const char *url)
{
    return &run->jobs[strtoull(strrchr(url, '/') + 1, NULL, 10)];
}

static const char *key_of(const struct weir__call *call)
{
    for (size_t i = 0; i < call->header_count; i++)
        if (strcasecmp(call->headers[i].name, SIM_KEY_HEADER) == 0)
            return call->headers[i].value;
    return "";
}

static struct sim_exchange *send_once(struct weir__connection *c, struct sim_job *job, const struct weir__call *call,
                                      bool kept, int64_t timeout_ns)
{
    struct sim_run *run = c->net->run;
    struct sim_exchange *x = calloc(1, sizeof *x);
    char key[SIM_KEY_SIZE];

    if (x == NULL) {
        run->no_memory = true;
        return NULL;
    }
    (void)snprintf(key, sizeof key, "%s", key_of(call));
    if (run->plan->lie == SIM_KEY_CHANGED && key[0] != '\0')
        key[1] = (char)('a' + job->sends);
    x->run = run;
    x->job = job;
    x->number = ++job->sends;
    x->sent_ns = now_of(c->net);
    x->fate = draw_fate(run, kept);
    x->connection = c;
    x->wait_ns = -1;
    x->next = run->exchanges;
    run->exchanges = x;
    sim_judge_send(x, key);
    leave(x, timeout_ns);
    return x;
}

/* The headers as the client sees them. */
static void hand_headers(struct weir__connection *c, struct sim_exchange *x, struct weir__reply *reply)
{
    static const char *const hidden[] = {"Retry-After", "RateLimit", "X-RateLimit-Remaining"};
    const bool hide = c->net->run->plan->lie == SIM_PAUSE_HIDDEN;

    for (size_t i = 0; i < x->header_count; i++) {
        bool skip = false;
        for (size_t j = 0; hide && j < sizeof hidden / sizeof hidden[0]; j++)
            skip = skip || strncasecmp(x->headers[i].name, hidden[j], strlen(hidden[j])) == 0;
        if (!skip)
            c->headers[reply->header_count++] = x->headers[i];
    }
    reply->headers = c->headers;
}

/* From the send until the attempt is over. */
static void receive(struct weir__connection *c, struct sim_exchange *x, const struct weir__call *call, int64_t end_ns,
                    struct weir__reply *reply)
{
    struct sim_net *net = c->net;
    const struct weir__env *env = fibers_env(net->run->fibers);

    while (!x->begun && !x->broken && !is_cut(c) && now_of(net) < end_ns)
        (void)env->wait(env->context, &c->wake, end_ns);
    if (x->begun) {
        call->began(call->context);
        reply->http_status = x->status;
        hand_headers(c, x, reply);
        while (!x->ended && !x->broken && !is_cut(c) && now_of(net) < end_ns)
            (void)env->wait(env->context, &c->wake, end_ns);
    }
    if (x->ended)
        c->kept = true;
    else if (is_cut(c))
        fail(reply, WEIR_ERROR_STOPPED);
    else if (x->broken)
        fail(reply, WEIR_ERROR_CONNECTION_LOST);
    else
        fail(reply, WEIR_ERROR_TIMEOUT);
    reply->resend = x->fate == SIM_DEAD && x->broken && !x->begun && reply->error == WEIR_ERROR_CONNECTION_LOST;
    x->connection = NULL;
}

static void tell_lies(struct sim_run *run, struct weir__reply *reply)
{
    if (run->plan->lie == SIM_SUCCESS_FAKED && reply->http_status >= 400)
        reply->http_status = 200;
    if (run->plan->lie == SIM_SEND_DENIED && reply->error == WEIR_ERROR_CONNECTION_LOST && reply->http_status == 0)
        reply->sent = reply->resend = false;
}

/* What is inside of `performing`. */
static struct sim_exchange *attempt(struct weir__connection *c, struct sim_job *job, const struct weir__call *call,
                                    struct weir__reply *reply)
{
    struct sim_run *run = c->net->run;
    const bool lies = run->plan->lie == SIM_TIME_IGNORED;
    int64_t timeout_ns = run->plan->options.timeout_ns, begin_ns = now_of(c->net), waited_ns, at_wire_ns;
    const bool kept = c->kept && (run->calm || !sim_happens(run, run->plan->net.new_share));
    struct sim_exchange *x;

    if (call->timeout_ns > 0 && call->timeout_ns < timeout_ns && !lies)
        timeout_ns = call->timeout_ns;
    c->kept = false;
    if (is_cut(c)) {
        fail(reply, WEIR_ERROR_STOPPED);
        return NULL;
    }
    if (!kept && !establish(c, timeout_ns, reply))
        return NULL;
    at_wire_ns = now_of(c->net);
    waited_ns = call->wire(call->context, !kept);
    job->wire_ns = now_of(c->net) - at_wire_ns;
    run->performing_ns -= job->wire_ns;
    if (waited_ns >= 0 && waited_ns != job->wire_ns && run->plan->lie != SIM_CLOCK_FAST)
        sim_violate(run, "the wire says that it waited %" PRId64 " ns, it was %" PRId64, waited_ns, job->wire_ns);
    if (waited_ns < 0) {
        job->held_back++;
        fail(reply, WEIR_ERROR_STOPPED);
        sim_note(run, "job %" PRIu64 " is held back at the wire", job->id);
        c->kept = true;
        return NULL;
    }
    if (run->plan->lie == SIM_SENT_LATE)
        (void)wait_until(c, now_of(c->net) + sim_draw(run, LATE_SEND_NS));
    reply->sent = true;
    x = send_once(c, job, call, kept, timeout_ns);
    if (x != NULL && run->plan->lie == SIM_SENT_TWICE && job->post) {
        x->connection = NULL;
        x = send_once(c, job, call, kept, timeout_ns);
    }
    if (x == NULL)
        return NULL;
    if (run->plan->lie == SIM_HANGS && job->id % 7 == 3)
        (void)wait_until(c, WEIR__NEVER);
    receive(c, x, call, begin_ns + job->wire_ns + timeout_ns, reply);
    tell_lies(run, reply);
    return x;
}

static void perform(struct weir__connection *c, const struct weir__call *call, struct weir__reply *reply)
{
    struct sim_run *run = c->net->run;
    struct sim_job *job = job_of(run, call->url);
    const int64_t begin_ns = now_of(c->net);
    struct sim_exchange *x;

    memset(reply, 0, sizeof *reply);
    c->call = call;
    if (job->active)
        sim_violate(run, "job %" PRIu64 " is attempted twice at a time", job->id);
    job->active = true;
    job->tries++;
    if (++run->in_flight > run->plan->options.concurrency)
        sim_violate(run, "%" PRIu32 " attempts in flight", run->in_flight);
    if (run->in_flight == run->weir->pool.worker_count)
        run->crowded_ns = begin_ns;
    x = attempt(c, job, call, reply);
    if (run->in_flight == run->weir->pool.worker_count)
        run->relieved_ns = now_of(c->net);
    if (run->plan->lie == SIM_TIME_HIDDEN)
        run->performing_ns--;
    run->performing_ns += now_of(c->net) - begin_ns;
    run->in_flight--;
    job->active = false;
    job->attempt_end_ns = now_of(c->net);
    run->statuses[reply->http_status]++;
    if (reply->error != WEIR_ERROR_NONE &&
        (x != NULL || reply->error != WEIR_ERROR_STOPPED || run->stopped || job->cancelled))
        run->errors[reply->error]++;
    if (x != NULL)
        sim_judge_answer(x, reply);
    else
        sim_note(run, "job %" PRIu64 " try %" PRIu32 ": %s", job->id, job->tries, weir_error_code(reply->error));
}

/* ------------------------------------------------------------------------------------------------------ the rest of it
 */

static struct weir__connection *open_connection(struct weir__transport *transport)
{
    struct sim_net *net = (struct sim_net *)transport;
    struct weir__connection *c = calloc(1, sizeof *c);

    if (c == NULL || !weir__sem_init(&c->wake, 0)) {
        free(c);
        return NULL;
    }
    c->net = net;
    c->next = net->open;
    net->open = c;
    net->run->connections++;
    return c;
}

static void close_connection(struct weir__connection *c)
{
    struct weir__connection **link;

    if (c == NULL)
        return;
    for (link = &c->net->open; *link != c; link = &(*link)->next)
        continue;
    *link = c->next;
    c->net->run->connections--;
    weir__sem_clear(&c->wake);
    free(c);
}

static void abort_all(struct weir__transport *transport)
{
    struct sim_net *net = (struct sim_net *)transport;

    net->aborted = true;
    for (struct weir__connection *c = net->open; c != NULL; c = c->next)
        weir__sem_post(&c->wake);
}

static void cancel(struct weir__connection *c)
{
    if (c->net->run->plan->lie != SIM_CANCEL_UNHEARD)
        weir__sem_post(&c->wake);
}

static void free_net(struct weir__transport *transport)
{
    struct sim_net *net = (struct sim_net *)transport;

    if (net == NULL)
        return;
    if (net->open != NULL)
        sim_violate(net->run, "the transport is freed with %" PRIu32 " connections open", net->run->connections);
    free(net);
}

struct weir__transport *sim_net_new(struct sim_run *run)
{
    struct sim_net *net = calloc(1, sizeof *net);

    if (net == NULL)
        return NULL;
    net->base = (struct weir__transport){open_connection, perform, close_connection, cancel, abort_all, free_net};
    net->run = run;
    return &net->base;
}
