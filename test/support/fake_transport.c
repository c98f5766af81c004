/* fake_transport - see fake_transport.h; here, what blocks, and what the test says and sees. */
#include "support/fake_transport.h"

#include "base/clock.h"
#include "base/sync.h"
#include "support/fake_clock.h"
#include "support/fake_transport_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weir__connection *fake_connection_new(struct fake_transport *fake, struct weir__reactor *reactor)
{
    struct weir__connection *connection = calloc(1, sizeof *connection);

    if (connection == NULL || !weir__sem_init(&connection->go, 0)) {
        free(connection);
        return NULL;
    }
    connection->fake = fake;
    connection->reactor = reactor;
    weir__mutex_lock(&fake->lock);
    connection->next = fake->open;
    fake->open = connection;
    weir__mutex_unlock(&fake->lock);
    return connection;
}

static struct weir__connection *open_connection(struct weir__transport *transport)
{
    return fake_connection_new(fake_of(transport), NULL);
}

static void close_connection(struct weir__connection *connection)
{
    struct weir__connection **at;

    if (connection == NULL)
        return;
    assert(connection->phase == FAKE_IDLE);
    weir__mutex_lock(&connection->fake->lock);
    for (at = &connection->fake->open; *at != connection; at = &(*at)->next)
        assert(*at != NULL);
    *at = connection->next;
    weir__mutex_unlock(&connection->fake->lock);
    if (connection->reactor != NULL)
        fake_reactor_forget(connection);
    weir__sem_clear(&connection->go);
    free(connection);
}

static void abort_all(struct weir__transport *transport)
{
    struct fake_transport *fake = fake_of(transport);

    weir__mutex_lock(&fake->lock);
    fake->aborted = true;
    for (struct weir__connection *c = fake->open; c != NULL; c = c->next)
        weir__sem_post(&c->go);
    for (struct weir__reactor *r = fake->reactors; r != NULL; r = r->next)
        weir__sem_post(&r->bell);
    weir__mutex_unlock(&fake->lock);
}

static void cancel(struct weir__connection *connection)
{
    weir__mutex_lock(&connection->fake->lock);
    connection->fake->cuts++;
    weir__mutex_unlock(&connection->fake->lock);
    weir__sem_post(connection->reactor != NULL ? &connection->reactor->bell : &connection->go);
}

static void free_fake(struct weir__transport *transport)
{
    struct fake_transport *fake = fake_of(transport);

    if (fake == NULL)
        return;
    assert(fake->open == NULL && fake->reactors == NULL);
    weir__mutex_clear(&fake->lock);
    free(fake);
}

int64_t fake_now(const struct fake_transport *fake)
{
    return fake->env->now_ns(fake->env->context);
}

static bool is_aborted(struct fake_transport *fake)
{
    bool aborted;

    weir__mutex_lock(&fake->lock);
    aborted = fake->aborted;
    weir__mutex_unlock(&fake->lock);
    return aborted;
}

bool fake_is_cut(struct weir__connection *connection)
{
    const atomic_bool *cancelled = connection->call->cancelled;

    return is_aborted(connection->fake) || (cancelled != NULL && atomic_load(cancelled));
}

/* False where a cancel or an abort ended it. */
static bool pass_time(struct weir__connection *connection, int64_t ns)
{
    struct fake_transport *fake = connection->fake;

    if (ns > 0 && !fake_is_cut(connection))
        (void)fake->env->wait(fake->env->context, &connection->go, fake_now(fake) + ns);
    return !fake_is_cut(connection);
}

void fake_park(struct weir__connection *connection)
{
    struct fake_transport *fake = connection->fake;
    struct weir__connection **at;

    weir__mutex_lock(&fake->lock);
    for (at = &fake->first_parked; *at != NULL; at = &(*at)->next_parked)
        continue;
    connection->next_parked = NULL;
    connection->parked = true;
    *at = connection;
    fake->parked++;
    weir__mutex_unlock(&fake->lock);
}

void fake_unpark(struct weir__connection *connection)
{
    struct fake_transport *fake = connection->fake;
    struct weir__connection **at;

    weir__mutex_lock(&fake->lock);
    for (at = &fake->first_parked; *at != NULL; at = &(*at)->next_parked)
        if (*at == connection) { /* still there: a cancel or an abort woke it */
            *at = connection->next_parked;
            connection->parked = false;
            fake->parked--;
            break;
        }
    weir__mutex_unlock(&fake->lock);
}

static bool stay_parked(struct weir__connection *connection)
{
    fake_park(connection);
    if (!fake_is_cut(connection))
        (void)weir__sem_wait(&connection->go, WEIR__NEVER);
    fake_unpark(connection);
    return !fake_is_cut(connection);
}

struct fake_record *fake_begin(struct fake_transport *fake, const struct weir__call *call, struct fake_step *out)
{
    struct fake_record *record;

    weir__mutex_lock(&fake->lock);
    assert(fake->begun < FAKE_RECORDS_MAX);
    record = &fake->records[fake->begun++];
    (void)snprintf(record->method, sizeof record->method, "%s", call->method);
    (void)snprintf(record->url, sizeof record->url, "%s", call->url);
    record->header_count = call->header_count;
    if (call->header_count > 0)
        (void)snprintf(record->last_header, sizeof record->last_header, "%s: %s",
                       call->headers[call->header_count - 1].name, call->headers[call->header_count - 1].value);
    record->body_size = call->body_size;
    record->timeout_ns = call->timeout_ns;
    *out = fake->step_next < fake->step_count ? fake->steps[fake->step_next++] : fake->usual;
    weir__mutex_unlock(&fake->lock);
    return record;
}

void fake_fail(struct weir__reply *reply, enum weir_error error)
{
    reply->error = error;
    (void)snprintf(reply->detail, sizeof reply->detail, "scripted: %s", weir_error_code(error));
}

void fake_note_sent(struct fake_transport *fake, struct fake_record *record, struct weir__reply *reply)
{
    reply->sent = true;
    weir__mutex_lock(&fake->lock);
    record->sent = true;
    record->sent_ns = fake_now(fake);
    fake->sent++;
    weir__mutex_unlock(&fake->lock);
}

void fake_take_beginning(struct fake_transport *fake, const struct weir__call *call, const struct fake_step *step,
                         struct fake_record *record, struct weir__reply *reply)
{
    static const struct weir_header headers[] = {{"x-fake", "1"}};

    weir__mutex_lock(&fake->lock);
    record->began_ns = fake_now(fake);
    weir__mutex_unlock(&fake->lock);
    call->began(call->context);
    reply->http_status = step->http_status;
    reply->headers = step->headers != NULL ? step->headers : headers;
    reply->header_count = step->headers != NULL ? step->header_count : 1;
    if (step->http_status >= 400 && call->headed != NULL)
        call->headed(call->context, step->http_status, reply->headers, reply->header_count);
}

void fake_take_end(const struct fake_step *step, struct weir__reply *reply)
{
    reply->resend = step->resend;
    reply->redirect_url = step->redirect_url;
    reply->body = step->body;
    reply->body_size = step->body == NULL ? 0 : strlen(step->body);
    if (step->error != WEIR_ERROR_NONE)
        fake_fail(reply, step->error);
}

/* The part until the request has left; false where it has not. */
static bool send_request(struct weir__connection *connection, const struct weir__call *call,
                         const struct fake_step *step, struct fake_record *record, struct weir__reply *reply)
{
    struct fake_transport *fake = connection->fake;
    bool passed;

    reply->new_connection = step->connect_ns > 0;
    reply->connect_ns = step->connect_ns;
    passed = pass_time(connection, step->connect_ns);
    if (passed && step->unsent) {
        fake_fail(reply, step->error);
        return false;
    }
    if (!passed || call->wire(call->context, reply->new_connection) < 0) {
        fake_fail(reply, WEIR_ERROR_STOPPED);
        return false;
    }
    fake_note_sent(fake, record, reply);
    return true;
}

static void perform(struct weir__connection *connection, const struct weir__call *call, struct weir__reply *reply)
{
    struct fake_transport *fake = connection->fake;
    struct fake_step step;
    struct fake_record *record = fake_begin(fake, call, &step);

    memset(reply, 0, sizeof *reply);
    connection->call = call;
    while (!is_aborted(fake) && weir__sem_try(&connection->go))
        continue; /* what came too late for the call before */
    if (!send_request(connection, call, &step, record, reply))
        return;
    if ((step.park && !stay_parked(connection)) || !pass_time(connection, step.latency_ns)) {
        fake_fail(reply, WEIR_ERROR_STOPPED);
        return;
    }
    if (step.http_status != 0) {
        fake_take_beginning(fake, call, &step, record, reply);
        if (!pass_time(connection, step.body_ns))
            step.error = WEIR_ERROR_STOPPED;
    }
    fake_take_end(&step, reply);
}

struct fake_transport *fake_transport_new(const struct weir__env *env, const struct fake_step *usual)
{
    struct fake_transport *fake = calloc(1, sizeof *fake);

    if (fake == NULL || !weir__mutex_init(&fake->lock)) {
        free(fake);
        return NULL;
    }
    fake->base = (struct weir__transport){open_connection,   perform,    close_connection, cancel,
                                          abort_all,         free_fake,  fake_reactor_new, fake_reactor_free,
                                          fake_reactor_open, fake_start, fake_poll,        fake_wake};
    fake->env = env;
    fake->usual = *usual;
    return fake;
}

struct weir__transport *fake_transport_base(struct fake_transport *fake)
{
    return &fake->base;
}

void fake_transport_push(struct fake_transport *fake, const struct fake_step *step)
{
    weir__mutex_lock(&fake->lock);
    assert(fake->step_count < FAKE_STEPS_MAX);
    fake->steps[fake->step_count++] = *step;
    weir__mutex_unlock(&fake->lock);
}

static uint32_t read_count(struct fake_transport *fake, const uint32_t *count)
{
    uint32_t value;

    weir__mutex_lock(&fake->lock);
    value = *count;
    weir__mutex_unlock(&fake->lock);
    return value;
}

uint32_t fake_transport_parked(struct fake_transport *fake)
{
    return read_count(fake, &fake->parked);
}

uint32_t fake_transport_begun(struct fake_transport *fake)
{
    return read_count(fake, &fake->begun);
}

uint32_t fake_transport_sent(struct fake_transport *fake)
{
    return read_count(fake, &fake->sent);
}

uint32_t fake_transport_cuts(struct fake_transport *fake)
{
    return read_count(fake, &fake->cuts);
}

struct wanted {
    struct fake_transport *fake;
    const uint32_t *count;
    uint32_t least;
};

static bool is_there(void *context)
{
    const struct wanted *wanted = context;
    return read_count(wanted->fake, wanted->count) >= wanted->least;
}

bool fake_transport_await_parked(struct fake_transport *fake, uint32_t count)
{
    struct wanted wanted = {fake, &fake->parked, count};
    return fake_clock_until(is_there, &wanted);
}

bool fake_transport_await_begun(struct fake_transport *fake, uint32_t count)
{
    struct wanted wanted = {fake, &fake->begun, count};
    return fake_clock_until(is_there, &wanted);
}

bool fake_transport_await_sent(struct fake_transport *fake, uint32_t count)
{
    struct wanted wanted = {fake, &fake->sent, count};
    return fake_clock_until(is_there, &wanted);
}

void fake_transport_release(struct fake_transport *fake, uint32_t count)
{
    struct weir__connection *connection;

    weir__mutex_lock(&fake->lock);
    while (count-- > 0 && (connection = fake->first_parked) != NULL) {
        fake->first_parked = connection->next_parked;
        connection->parked = false;
        fake->parked--;
        weir__sem_post(connection->reactor != NULL ? &connection->reactor->bell : &connection->go);
    }
    weir__mutex_unlock(&fake->lock);
}

struct fake_record fake_transport_record(struct fake_transport *fake, uint32_t n)
{
    struct fake_record record;

    assert(n < FAKE_RECORDS_MAX);
    weir__mutex_lock(&fake->lock);
    record = fake->records[n];
    weir__mutex_unlock(&fake->lock);
    return record;
}
