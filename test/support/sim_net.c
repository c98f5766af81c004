/*
 * sim_net - the transport of a simulated run: connections and a network that take virtual time and lose things.
 *
 * It keeps to http/transport.h to the letter, except where the plan has it lie.  A request is on its way by itself once
 * it was sent: it arrives, and is answered, whether or not anybody still waits.
 */
#include "support/sim_net_parts.h"

#include "base/sync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------------- on the way */

static void wake(struct sim_exchange *x)
{
    if (x->connection != NULL)
        weir__sem_post(sim_net_bell(x->connection));
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

void sim_net_fail(struct weir__reply *reply, enum weir_error error)
{
    reply->error = error;
    (void)snprintf(reply->detail, sizeof reply->detail, "simulated: %s", weir_error_code(error));
}

/* Until `until_ns`; false where a cancel or an abort came. */
static bool wait_until(struct weir__connection *c, int64_t until_ns)
{
    const struct weir__env *env = fibers_env(c->net->run->fibers);

    while (!sim_net_is_cut(c) && env->wait(env->context, &c->wake, until_ns))
        continue; /* what a past exchange posted ends no wait here */
    return !sim_net_is_cut(c);
}

enum weir_error sim_net_draw_connect(struct weir__connection *c, int64_t timeout_ns, int64_t *takes_ns)
{
    struct sim_run *run = c->net->run;
    const struct weir_options *o = &run->plan->options;
    const int64_t least_ns = o->connect_timeout_ns < timeout_ns ? o->connect_timeout_ns : timeout_ns;
    enum weir_error error = WEIR_ERROR_NONE;

    *takes_ns = run->calm ? 0 : sim_draw(run, run->plan->net.connect_max_ns);
    if (!sim_server_is_up(run) || (!run->calm && sim_happens(run, run->plan->net.connect_fail_share)))
        error = WEIR_ERROR_CONNECT;
    if (*takes_ns >= least_ns) {
        *takes_ns = least_ns;
        error = least_ns == timeout_ns ? WEIR_ERROR_TIMEOUT : WEIR_ERROR_CONNECT;
    }
    return error;
}

/* The connection, within its own time and the attempt's; false with the reply's error. */
static bool establish(struct weir__connection *c, int64_t timeout_ns, struct weir__reply *reply)
{
    const int64_t begin_ns = sim_net_now(c->net);
    int64_t takes_ns;
    enum weir_error error = sim_net_draw_connect(c, timeout_ns, &takes_ns);

    if (!wait_until(c, begin_ns + takes_ns))
        error = WEIR_ERROR_STOPPED;
    reply->connect_ns = sim_net_now(c->net) - begin_ns;
    if (error != WEIR_ERROR_NONE) {
        sim_net_fail(reply, error);
        return false;
    }
    reply->new_connection = true;
    c->net->run->opened++;
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

static struct sim_exchange *send_once(struct weir__connection *c, bool kept, int64_t timeout_ns)
{
    struct sim_job *job = c->job;
    struct sim_run *run = c->net->run;
    struct sim_exchange *x = calloc(1, sizeof *x);
    char key[SIM_KEY_SIZE];

    if (x == NULL) {
        run->no_memory = true;
        return NULL;
    }
    (void)snprintf(key, sizeof key, "%s", key_of(c->call));
    if (run->plan->lie == SIM_KEY_CHANGED && key[0] != '\0')
        key[1] = (char)('a' + job->sends);
    x->run = run;
    x->job = job;
    x->number = ++job->sends;
    x->sent_ns = sim_net_now(c->net);
    x->fate = draw_fate(run, kept);
    x->connection = c;
    x->wait_ns = -1;
    x->next = run->exchanges;
    run->exchanges = x;
    sim_judge_send(x, key);
    leave(x, timeout_ns);
    return x;
}

struct sim_exchange *sim_net_send(struct weir__connection *c, bool kept, int64_t timeout_ns)
{
    struct sim_run *run = c->net->run;
    struct sim_exchange *x = send_once(c, kept, timeout_ns);

    if (x == NULL || run->plan->lie != SIM_SENT_TWICE || !c->job->post)
        return x;
    x->connection = NULL;
    return send_once(c, kept, timeout_ns);
}

int64_t sim_net_ask_wire(struct weir__connection *c, bool new_connection)
{
    struct sim_run *run = c->net->run;
    const int64_t asked_ns = sim_net_now(c->net);
    const int64_t waited_ns = c->call->wire(c->call->context, new_connection);
    const int64_t was_ns = sim_net_now(c->net) - asked_ns;

    if (waited_ns >= 0 && waited_ns != was_ns && run->plan->lie != SIM_CLOCK_FAST)
        sim_violate(run, "the wire says that it waited %" PRId64 " ns, it was %" PRId64, waited_ns, was_ns);
    if (waited_ns < 0 && waited_ns != WEIR__WIRE_LATER) {
        c->job->held_back++;
        sim_note(run, "job %" PRIu64 " is held back at the wire", c->job->id);
    }
    return waited_ns;
}

int64_t sim_net_timeout(const struct weir__connection *c)
{
    const struct sim_plan *plan = c->net->run->plan;
    const int64_t own_ns = c->call->timeout_ns;

    return own_ns > 0 && own_ns < plan->options.timeout_ns && plan->lie != SIM_TIME_IGNORED ? own_ns
                                                                                            : plan->options.timeout_ns;
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

void sim_net_take_beginning(struct weir__connection *c, struct sim_exchange *x, struct weir__reply *reply)
{
    c->call->began(c->call->context);
    reply->http_status = x->status;
    hand_headers(c, x, reply);
}

static void tell_lies(struct sim_run *run, struct weir__reply *reply)
{
    if (run->plan->lie == SIM_SUCCESS_FAKED && reply->http_status >= 400)
        reply->http_status = 200;
    if (run->plan->lie == SIM_SEND_DENIED && reply->error == WEIR_ERROR_CONNECTION_LOST && reply->http_status == 0)
        reply->sent = reply->resend = false;
}

void sim_net_take_end(struct weir__connection *c, struct sim_exchange *x, struct weir__reply *reply)
{
    if (x->ended)
        c->kept = true;
    else if (sim_net_is_cut(c))
        sim_net_fail(reply, WEIR_ERROR_STOPPED);
    else if (x->broken)
        sim_net_fail(reply, WEIR_ERROR_CONNECTION_LOST);
    else
        sim_net_fail(reply, WEIR_ERROR_TIMEOUT);
    reply->resend = x->fate == SIM_DEAD && x->broken && !x->begun && reply->error == WEIR_ERROR_CONNECTION_LOST;
    x->connection = NULL;
    tell_lies(c->net->run, reply);
}

/* From the send until the attempt is over. */
static void receive(struct weir__connection *c, struct sim_exchange *x, int64_t end_ns, struct weir__reply *reply)
{
    const struct weir__env *env = fibers_env(c->net->run->fibers);

    while (!x->begun && !x->broken && !sim_net_is_cut(c) && sim_net_now(c->net) < end_ns)
        (void)env->wait(env->context, &c->wake, end_ns);
    if (x->begun) {
        sim_net_take_beginning(c, x, reply);
        while (!x->ended && !x->broken && !sim_net_is_cut(c) && sim_net_now(c->net) < end_ns)
            (void)env->wait(env->context, &c->wake, end_ns);
    }
    sim_net_take_end(c, x, reply);
}

/* What is inside of `performing`. */
static struct sim_exchange *attempt(struct weir__connection *c, struct weir__reply *reply)
{
    struct sim_run *run = c->net->run;
    const int64_t timeout_ns = sim_net_timeout(c), begin_ns = sim_net_now(c->net);
    const bool kept = c->kept && (run->calm || !sim_happens(run, run->plan->net.new_share));
    struct sim_exchange *x;
    int64_t at_wire_ns, waited_ns;

    c->kept = false;
    if (sim_net_is_cut(c)) {
        sim_net_fail(reply, WEIR_ERROR_STOPPED);
        return NULL;
    }
    if (!kept && !establish(c, timeout_ns, reply))
        return NULL;
    at_wire_ns = sim_net_now(c->net);
    waited_ns = sim_net_ask_wire(c, !kept);
    c->job->wire_ns = sim_net_now(c->net) - at_wire_ns;
    if (waited_ns < 0) {
        sim_net_fail(reply, WEIR_ERROR_STOPPED);
        c->kept = true;
        return NULL;
    }
    if (run->plan->lie == SIM_SENT_LATE)
        (void)wait_until(c, sim_net_now(c->net) + sim_draw(run, SIM_LATE_SEND_NS));
    reply->sent = true;
    x = sim_net_send(c, kept, timeout_ns);
    if (x == NULL)
        return NULL;
    if (run->plan->lie == SIM_HANGS && c->job->id % 7 == 3)
        (void)wait_until(c, WEIR__NEVER);
    receive(c, x, begin_ns + c->job->wire_ns + timeout_ns, reply);
    return x;
}

void sim_net_begin(struct weir__connection *c, const struct weir__call *call)
{
    struct sim_run *run = c->net->run;
    struct sim_job *job = job_of(run, call->url);

    c->call = call;
    c->job = job;
    c->begin_ns = sim_net_now(c->net);
    if (job->active)
        sim_violate(run, "job %" PRIu64 " is attempted twice at a time", job->id);
    job->active = true;
    job->tries++;
    job->wire_ns = 0;
    if (++run->in_flight > run->plan->options.concurrency)
        sim_violate(run, "%" PRIu32 " attempts in flight", run->in_flight);
    if (run->in_flight == run->weir->pool.worker_count)
        run->crowded_ns = c->begin_ns;
}

void sim_net_end(struct weir__connection *c, struct sim_exchange *x, const struct weir__reply *reply)
{
    struct sim_run *run = c->net->run;
    struct sim_job *job = c->job;

    if (run->in_flight == run->weir->pool.worker_count)
        run->relieved_ns = sim_net_now(c->net);
    if (run->plan->lie == SIM_TIME_HIDDEN)
        run->performing_ns--;
    run->performing_ns += sim_net_now(c->net) - c->begin_ns - job->wire_ns;
    run->in_flight--;
    job->active = false;
    job->attempt_end_ns = sim_net_now(c->net);
    run->statuses[reply->http_status]++;
    if (reply->error != WEIR_ERROR_NONE &&
        (x != NULL || reply->error != WEIR_ERROR_STOPPED || run->stopped || job->cancelled))
        run->errors[reply->error]++;
    if (x != NULL)
        sim_judge_answer(x, reply);
    else
        sim_note(run, "job %" PRIu64 " try %" PRIu32 ": %s", job->id, job->tries, weir_error_code(reply->error));
}

static void perform(struct weir__connection *c, const struct weir__call *call, struct weir__reply *reply)
{
    memset(reply, 0, sizeof *reply);
    sim_net_begin(c, call);
    sim_net_end(c, attempt(c, reply), reply);
}

/* ------------------------------------------------------------------------------------------------------ the rest of it
 */

struct weir__connection *sim_net_open(struct sim_net *net, struct weir__reactor *reactor)
{
    struct weir__connection *c = calloc(1, sizeof *c);

    if (c == NULL || !weir__sem_init(&c->wake, 0)) {
        free(c);
        return NULL;
    }
    c->net = net;
    c->reactor = reactor;
    c->next = net->open;
    net->open = c;
    net->run->connections++;
    return c;
}

static struct weir__connection *open_connection(struct weir__transport *transport)
{
    return sim_net_open((struct sim_net *)transport, NULL);
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
    if (c->job != NULL && c->phase != SIM_IDLE)
        sim_violate(c->net->run, "a connection is closed with an attempt under way");
    weir__sem_clear(&c->wake);
    free(c);
}

static void abort_all(struct weir__transport *transport)
{
    struct sim_net *net = (struct sim_net *)transport;

    net->aborted = true;
    for (struct weir__connection *c = net->open; c != NULL; c = c->next)
        weir__sem_post(sim_net_bell(c));
}

static void cancel(struct weir__connection *c)
{
    if (c->net->run->plan->lie != SIM_CANCEL_UNHEARD)
        weir__sem_post(sim_net_bell(c));
}

static void free_net(struct weir__transport *transport)
{
    struct sim_net *net = (struct sim_net *)transport;

    if (net == NULL)
        return;
    if (net->open != NULL)
        sim_violate(net->run, "the transport is freed with %" PRIu32 " connections open", net->run->connections);
    if (net->reactors > 0)
        sim_violate(net->run, "the transport is freed with %" PRIu32 " reactors", net->reactors);
    free(net);
}

struct weir__transport *sim_net_new(struct sim_run *run)
{
    struct sim_net *net = calloc(1, sizeof *net);

    if (net == NULL)
        return NULL;
    net->base = (struct weir__transport){open_connection,  perform,           close_connection, cancel,
                                         abort_all,        free_net,          sim_reactor_new,  sim_reactor_free,
                                         sim_reactor_open, sim_reactor_start, sim_reactor_poll, sim_reactor_wake};
    net->run = run;
    return &net->base;
}
