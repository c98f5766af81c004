/*
 * sim_reactor - the reactors of a simulated run's transport: many attempts of one fiber, each of which waits in a phase
 * of its own.
 *
 * Which of several that can go on is next is drawn.  What weir breaks of http/transport.h is a violation.
 */
#include "support/sim_net_parts.h"

#include "base/sync.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct weir__reactor *sim_reactor_new(struct weir__transport *transport, uint32_t attempt_max)
{
    struct sim_net *net = (struct sim_net *)transport;
    struct weir__reactor *reactor = calloc(1, sizeof *reactor);

    if (reactor == NULL || !weir__sem_init(&reactor->bell, 0)) {
        free(reactor);
        return NULL;
    }
    reactor->net = net;
    reactor->attempt_max = attempt_max;
    net->reactors++;
    return reactor;
}

void sim_reactor_free(struct weir__reactor *reactor)
{
    if (reactor == NULL)
        return;
    for (struct weir__connection *c = reactor->net->open; c != NULL; c = c->next)
        if (c->reactor == reactor)
            sim_violate(reactor->net->run, "a reactor is freed before its connections are closed");
    reactor->net->reactors--;
    weir__sem_clear(&reactor->bell);
    free(reactor);
}

struct weir__connection *sim_reactor_open(struct weir__reactor *reactor)
{
    return sim_net_open(reactor->net, reactor);
}

void sim_reactor_start(struct weir__connection *c, struct weir__call *call)
{
    struct weir__reactor *reactor = c->reactor;

    if (reactor == NULL || c->phase != SIM_IDLE || reactor->under_way == reactor->attempt_max) {
        sim_violate(c->net->run, "an attempt is started where none can be");
        return;
    }
    reactor->under_way++;
    memset(&c->reply, 0, sizeof c->reply);
    c->started = call;
    c->exchange = NULL;
    c->at_wire_ns = 0;
    c->doomed = WEIR_ERROR_NONE;
    c->phase = SIM_STARTED;
    c->round = reactor->round + 1;
    sim_net_begin(c, call);
    c->moment_ns = c->begin_ns;
}

/* -------------------------------------------------------------------------------------------------------- its phases
 */

static void end(struct weir__connection *c)
{
    struct weir__call *call = c->started;

    if (c->exchange == NULL && c->at_wire_ns > 0)
        c->job->wire_ns = sim_net_now(c->net) - c->at_wire_ns;
    c->phase = SIM_IDLE;
    c->reactor->under_way--;
    sim_net_end(c, c->exchange, &c->reply);
    call->ended(call->context, &c->reply);
}

static void fail(struct weir__connection *c, enum weir_error error)
{
    sim_net_fail(&c->reply, error);
    end(c);
}

static void connect_anew(struct weir__connection *c)
{
    int64_t takes_ns;

    c->uses_kept = false;
    c->doomed = sim_net_draw_connect(c, c->timeout_ns, &takes_ns);
    c->phase = SIM_CONNECTING;
    c->moment_ns = sim_net_now(c->net) + takes_ns;
    c->connect_from_ns = sim_net_now(c->net);
}

static int64_t true_moment(const struct sim_net *net, int64_t ns);

static void leave(struct weir__connection *c)
{
    const struct sim_plan *plan = c->net->run->plan;

    c->reply.sent = true;
    c->exchange = sim_net_send(c, c->uses_kept, c->timeout_ns);
    if (c->exchange == NULL) {
        end(c);
        return;
    }
    c->phase = plan->lie == SIM_HANGS && c->job->id % 7 == 3 ? SIM_HANGING : SIM_WAITING;
    c->moment_ns = c->begin_ns + c->job->wire_ns + c->timeout_ns;
}

static void ask_wire(struct weir__connection *c, bool new_connection)
{
    struct sim_run *run = c->net->run;
    int64_t waited_ns;

    if (c->at_wire_ns == 0)
        c->at_wire_ns = sim_net_now(c->net);
    waited_ns = sim_net_ask_wire(c, new_connection);
    c->phase = SIM_AT_WIRE;
    if (waited_ns == WEIR__WIRE_LATER) {
        c->moment_ns = true_moment(c->net, c->started->wire_again_ns);
        if (c->moment_ns <= sim_net_now(c->net))
            sim_violate(run, "the wire is to be asked again at once");
        return;
    }
    if (waited_ns < 0) {
        c->kept = true;
        fail(c, WEIR_ERROR_STOPPED);
        return;
    }
    c->job->wire_ns = sim_net_now(c->net) - c->at_wire_ns;
    if (run->plan->lie == SIM_SENT_LATE) {
        c->phase = SIM_SENDING;
        c->moment_ns = sim_net_now(c->net) + sim_draw(run, SIM_LATE_SEND_NS);
        return;
    }
    leave(c);
}

static void begin(struct weir__connection *c)
{
    struct sim_run *run = c->net->run;

    c->timeout_ns = sim_net_timeout(c);
    c->uses_kept = c->kept && (run->calm || !sim_happens(run, run->plan->net.new_share));
    c->kept = false;
    if (c->uses_kept)
        ask_wire(c, false);
    else
        connect_anew(c);
}

static void take_connection(struct weir__connection *c)
{
    c->reply.connect_ns = sim_net_now(c->net) - c->connect_from_ns;
    if (c->doomed != WEIR_ERROR_NONE) {
        fail(c, c->doomed);
        return;
    }
    c->net->run->opened += !c->reply.new_connection; /* an attempt that opens two is one that opened some */
    c->reply.new_connection = true;
    ask_wire(c, true);
}

/* What was kept meanwhile may be gone. */
static void come_back(struct weir__connection *c)
{
    struct sim_run *run = c->net->run;

    if (!run->calm && sim_happens(run, run->plan->net.new_share / 4))
        connect_anew(c);
    else
        ask_wire(c, false);
}

static bool is_over(const struct weir__connection *c)
{
    return c->exchange->ended || c->exchange->broken || sim_net_is_cut(c) || c->moment_ns <= sim_net_now(c->net);
}

static void take_answer(struct weir__connection *c)
{
    assert(c->exchange != NULL);
    if (c->phase != SIM_READING && c->exchange->begun)
        sim_net_take_beginning(c, c->exchange, &c->reply);
    c->phase = SIM_READING;
    if (c->exchange->begun && !is_over(c))
        return;
    sim_net_take_end(c, c->exchange, &c->reply);
    end(c);
}

static void move_on(struct weir__connection *c)
{
    if (c->exchange == NULL && c->phase != SIM_SENDING && sim_net_is_cut(c)) {
        c->kept = c->phase == SIM_AT_WIRE;
        fail(c, WEIR_ERROR_STOPPED);
        return;
    }
    switch (c->phase) {
    case SIM_IDLE:
        break;
    case SIM_STARTED:
        begin(c);
        break;
    case SIM_CONNECTING:
        take_connection(c);
        break;
    case SIM_AT_WIRE:
        come_back(c);
        break;
    case SIM_SENDING:
        leave(c);
        break;
    case SIM_HANGING:
    case SIM_WAITING:
    case SIM_READING:
        take_answer(c);
        break;
    }
}

/* ---------------------------------------------------------------------------------------------------------- the poll
 */

/* What weir calls that moment, where its clock is a fast one. */
static int64_t true_moment(const struct sim_net *net, int64_t ns)
{
    if (ns == WEIR__NEVER || net->run->plan->lie != SIM_CLOCK_FAST)
        return ns;
    return ns <= SIM_START_NS ? SIM_START_NS : SIM_START_NS + (ns - SIM_START_NS) / 21 * 20 + 20;
}

static int64_t due_at(const struct weir__connection *c)
{
    const struct sim_exchange *x = c->exchange;

    if (c->phase == SIM_IDLE)
        return WEIR__NEVER;
    if (sim_net_is_cut(c))
        return INT64_MIN;
    if (c->phase == SIM_HANGING)
        return WEIR__NEVER;
    if ((c->phase == SIM_WAITING && (x->begun || x->broken)) || (c->phase == SIM_READING && (x->ended || x->broken)))
        return INT64_MIN;
    return c->moment_ns;
}

static int64_t next_moment(const struct weir__reactor *reactor)
{
    int64_t next_ns = WEIR__NEVER;

    for (const struct weir__connection *c = reactor->net->open; c != NULL; c = c->next)
        if (c->reactor == reactor && due_at(c) < next_ns)
            next_ns = due_at(c);
    return next_ns;
}

/* One of those that can go on; NULL if none.  What was started in this round has its turn in the next. */
static struct weir__connection *draw_due(struct weir__reactor *reactor)
{
    struct sim_run *run = reactor->net->run;
    struct weir__connection *drawn = NULL;
    int64_t count = 0;

    for (struct weir__connection *c = reactor->net->open; c != NULL; c = c->next)
        if (c->reactor == reactor && c->round <= reactor->round && due_at(c) <= sim_net_now(reactor->net) &&
            sim_draw(run, count++) == 0)
            drawn = c;
    return drawn;
}

static bool dispatch(struct weir__reactor *reactor)
{
    struct weir__connection *c;
    bool any = false;

    reactor->round++;
    while ((c = draw_due(reactor)) != NULL) {
        move_on(c);
        any = true;
    }
    return any;
}

void sim_reactor_poll(struct weir__reactor *reactor, int64_t until_ns)
{
    struct sim_net *net = reactor->net;
    const struct weir__env *env = fibers_env(net->run->fibers);
    int64_t next_ns;

    if (reactor->polling)
        sim_violate(net->run, "a poll within a poll");
    reactor->polling = true;
    if (!dispatch(reactor)) {
        next_ns = next_moment(reactor);
        until_ns = true_moment(net, until_ns);
        (void)env->wait(env->context, &reactor->bell, next_ns < until_ns ? next_ns : until_ns);
        while (weir__sem_try(&reactor->bell))
            continue; /* one wait ends by all of them */
        (void)dispatch(reactor);
    }
    reactor->polling = false;
}

void sim_reactor_wake(struct weir__reactor *reactor)
{
    weir__sem_post(&reactor->bell);
}
