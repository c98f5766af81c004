/*
 * fake_reactor - the reactors of the transport without a network: many scripted attempts in one thread.
 *
 * An attempt is where its phase says until its moment has come; a poll moves on whatever is due, the earliest first,
 * and where nothing is, waits by the environment for the next moment.  Whoever breaks the contract of http/transport.h
 * (another thread, two attempts on one connection, a poll within a poll) meets an assertion.
 */
#include "support/fake_transport_parts.h"

#include "base/clock.h"
#include "base/sync.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Who uses it first is the one whose it is. */
static bool is_own(struct weir__reactor *reactor)
{
    if (!reactor->owned) {
        reactor->owned = true;
        reactor->thread = pthread_self();
    }
    return pthread_equal(reactor->thread, pthread_self()) != 0;
}

struct weir__reactor *fake_reactor_new(struct weir__transport *transport, uint32_t attempt_max)
{
    struct fake_transport *fake = fake_of(transport);
    struct weir__reactor *reactor = calloc(1, sizeof *reactor);

    if (reactor == NULL || !weir__sem_init(&reactor->bell, 0)) {
        free(reactor);
        return NULL;
    }
    reactor->fake = fake;
    reactor->attempt_max = attempt_max;
    weir__mutex_lock(&fake->lock);
    reactor->next = fake->reactors;
    fake->reactors = reactor;
    weir__mutex_unlock(&fake->lock);
    return reactor;
}

void fake_reactor_free(struct weir__reactor *reactor)
{
    struct weir__reactor **at;

    if (reactor == NULL)
        return;
    assert(reactor->connections == NULL && !reactor->polling);
    weir__mutex_lock(&reactor->fake->lock);
    for (at = &reactor->fake->reactors; *at != reactor; at = &(*at)->next)
        assert(*at != NULL);
    *at = reactor->next;
    weir__mutex_unlock(&reactor->fake->lock);
    weir__sem_clear(&reactor->bell);
    free(reactor);
}

struct weir__connection *fake_reactor_open(struct weir__reactor *reactor)
{
    struct weir__connection *connection = fake_connection_new(reactor->fake, reactor);

    assert(is_own(reactor));
    if (connection == NULL)
        return NULL;
    connection->next_here = reactor->connections;
    reactor->connections = connection;
    return connection;
}

void fake_reactor_forget(struct weir__connection *connection)
{
    struct weir__connection **at;

    for (at = &connection->reactor->connections; *at != connection; at = &(*at)->next_here)
        assert(*at != NULL);
    *at = connection->next_here;
}

void fake_start(struct weir__connection *connection, struct weir__call *call)
{
    struct weir__reactor *reactor = connection->reactor;

    assert(reactor != NULL && is_own(reactor) && connection->phase == FAKE_IDLE);
    assert(reactor->under_way < reactor->attempt_max);
    reactor->under_way++;
    memset(&connection->reply, 0, sizeof connection->reply);
    connection->call = connection->started = call;
    connection->record = fake_begin(reactor->fake, call, &connection->step);
    connection->phase = FAKE_CONNECTING;
    connection->moment_ns = fake_now(reactor->fake) + connection->step.connect_ns;
    connection->round = reactor->round + 1;
}

static void end(struct weir__connection *connection)
{
    struct weir__call *call = connection->started;

    connection->phase = FAKE_IDLE;
    connection->reactor->under_way--;
    call->ended(call->context, &connection->reply); /* the connection may have its next attempt by then, or be closed */
}

static void stop(struct weir__connection *connection)
{
    if (connection->phase == FAKE_PARKED)
        fake_unpark(connection);
    fake_fail(&connection->reply, WEIR_ERROR_STOPPED);
    end(connection);
}

static void wait_for_response(struct weir__connection *connection)
{
    connection->phase = FAKE_WAITING;
    connection->moment_ns = fake_now(connection->fake) + connection->step.latency_ns;
}

static void ask_wire(struct weir__connection *connection)
{
    struct weir__call *call = connection->started;
    const bool again = connection->phase == FAKE_AT_WIRE; /* by then it is a kept one */
    int64_t waited_ns;

    connection->phase = FAKE_AT_WIRE;
    connection->reply.new_connection = connection->step.connect_ns > 0;
    connection->reply.connect_ns = connection->step.connect_ns;
    waited_ns = call->wire(call->context, connection->reply.new_connection && !again);
    if (waited_ns == WEIR__WIRE_LATER) {
        connection->moment_ns = call->wire_again_ns;
        connection->round = connection->reactor->round + 1; /* not before others had their turn */
    } else if (waited_ns < 0) {
        stop(connection);
    } else {
        fake_note_sent(connection->fake, connection->record, &connection->reply);
        if (!connection->step.park) {
            wait_for_response(connection);
            return;
        }
        connection->phase = FAKE_PARKED;
        connection->moment_ns = WEIR__NEVER;
        fake_park(connection);
    }
}

static void take_response(struct weir__connection *connection)
{
    struct fake_step *step = &connection->step;

    if (step->http_status != 0)
        fake_take_beginning(connection->fake, connection->started, step, connection->record, &connection->reply);
    connection->phase = FAKE_READING;
    connection->moment_ns = fake_now(connection->fake) + (step->http_status != 0 ? step->body_ns : 0);
}

/* One step of an attempt that is due. */
static void move_on(struct weir__connection *connection)
{
    if (fake_is_cut(connection)) {
        if (connection->phase == FAKE_READING)
            fake_take_end(&connection->step, &connection->reply); /* what of it there is */
        stop(connection);
        return;
    }
    switch (connection->phase) {
    case FAKE_CONNECTING:
        if (connection->step.unsent) {
            connection->reply.new_connection = connection->step.connect_ns > 0;
            connection->reply.connect_ns = connection->step.connect_ns;
            fake_fail(&connection->reply, connection->step.error);
            end(connection);
            break;
        }
        ask_wire(connection);
        break;
    case FAKE_AT_WIRE:
        ask_wire(connection);
        break;
    case FAKE_PARKED:
        wait_for_response(connection);
        break;
    case FAKE_WAITING:
        take_response(connection);
        break;
    case FAKE_READING:
        fake_take_end(&connection->step, &connection->reply);
        end(connection);
        break;
    case FAKE_IDLE:
        break;
    }
}

static bool was_released(struct weir__connection *connection)
{
    bool parked;

    weir__mutex_lock(&connection->fake->lock);
    parked = connection->parked;
    weir__mutex_unlock(&connection->fake->lock);
    return connection->phase == FAKE_PARKED && !parked;
}

/* When it can be moved on; WEIR__NEVER: that is for somebody else to say. */
static int64_t due_at(struct weir__connection *connection)
{
    if (connection->phase == FAKE_IDLE)
        return WEIR__NEVER;
    if (was_released(connection) || fake_is_cut(connection))
        return INT64_MIN;
    return connection->moment_ns;
}

/* The earliest; NULL if none has begun by this round. */
static struct weir__connection *next_of(struct weir__reactor *reactor, uint64_t round, int64_t *out_at_ns)
{
    struct weir__connection *first = NULL;

    *out_at_ns = WEIR__NEVER;
    for (struct weir__connection *c = reactor->connections; c != NULL; c = c->next_here) {
        const int64_t at_ns = c->round <= round ? due_at(c) : WEIR__NEVER;
        if (at_ns < *out_at_ns || (first == NULL && at_ns != WEIR__NEVER)) {
            first = c;
            *out_at_ns = at_ns;
        }
    }
    return first;
}

/* What begins, or begins to wait, in here has its turn in the next round. */
static bool dispatch(struct weir__reactor *reactor)
{
    const uint64_t round = ++reactor->round;
    struct weir__connection *connection;
    bool any = false;
    int64_t at_ns;

    while ((connection = next_of(reactor, round, &at_ns)) != NULL && at_ns <= fake_now(reactor->fake)) {
        move_on(connection);
        any = true;
    }
    return any;
}

void fake_poll(struct weir__reactor *reactor, int64_t until_ns)
{
    const struct weir__env *env = reactor->fake->env;
    int64_t next_ns;

    assert(is_own(reactor) && !reactor->polling);
    reactor->polling = true;
    if (!dispatch(reactor)) {
        (void)next_of(reactor, UINT64_MAX, &next_ns);
        (void)env->wait(env->context, &reactor->bell, next_ns < until_ns ? next_ns : until_ns);
        while (weir__sem_try(&reactor->bell))
            continue; /* one wait ends by all of them */
        (void)dispatch(reactor);
    }
    reactor->polling = false;
}

void fake_wake(struct weir__reactor *reactor)
{
    weir__sem_post(&reactor->bell);
}
