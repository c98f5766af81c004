/*
 * multi_transfer - an attempt's way through a reactor.
 *
 *   started -> (waits for a scout) -> libcurl -> wire: goes out, or
 *                                      ^         later: parked until its moment
 *                                      +---------+
 *   and from anywhere: over -> finish, which tells the caller
 *
 * Two amounts of time are kept apart.  attempt.budget_ns is what the options give; it is used up while libcurl has the
 * transfer, and neither by waiting for a scout nor by being parked.  deadline_ns is the call's own, and a moment.
 *
 * Later.  libcurl has no way to hold a send once the connection is there, and a PREREQFUNCTION that aborts closes the
 * connection.  But right after that callback libcurl looks whether the transfer is CONNECT_ONLY and then has nothing
 * more to do: set in the callback, it ends the transfer with success, nothing sent, and keeps the connection; and
 * since that one was not made for a CONNECT_ONLY transfer, others may use it.
 *
 * TIMEOUT_MS counts from when libcurl gets the transfer.  Where an HTTP/2 server allows fewer streams than there are
 * attempts, those for which there is none wait inside libcurl, and that counts: they end as timeouts that were not
 * sent.  libcurl does not look at the time of those, nor at a timeout that grew while it ran: both get a moment of
 * ours. Until a new connection's server has said how many it allows, libcurl takes 100; what is more then waits in
 * nghttp2, after the wire.
 */
#include "http/multi.h"

#include "base/clock.h"

#include <assert.h>
#include <string.h>

/* Only notes it: the caller may be inside of libcurl, and the reply of the attempt before may still be in use. */
void weir__multi_transfer_start(struct weir__connection *connection, struct weir__call *call)
{
    assert(connection->way == WEIR__WAY_IDLE);
    connection->attempt.call = call;
    connection->deadline_ns =
        call->timeout_ns > 0 ? weir__clock_after(weir__clock_now_ns(), call->timeout_ns) : WEIR__NEVER;
    connection->way = WEIR__WAY_STARTED;
    weir__line_append(&connection->reactor->started, connection);
}

/* `error` with its text says more than the code; NONE: the code says all. */
static void end(struct weir__connection *connection, CURLcode code, enum weir_error error, const char *detail)
{
    connection->code = code;
    connection->early_error = error;
    connection->early_detail = detail;
    connection->way = WEIR__WAY_OVER;
    weir__multi_moment_remove(connection);
    weir__line_append(&connection->reactor->over, connection);
}

/* Its timeout, where libcurl may not see to it. */
static void watch_time(struct weir__connection *connection)
{
    weir__multi_moment_remove(connection);
    weir__multi_moment_add(connection, connection->added_ns + connection->timeout_ms * WEIR__NS_PER_MS);
}

/* Gives the transfer to libcurl, which does nothing before its timer is run. */
static void add(struct weir__connection *connection, struct weir__host *host)
{
    struct weir__shard *streams = host ? weir__multi_host_streams(host, connection) : NULL;
    connection->carrier = streams ? streams : connection->shard;
    connection->way = WEIR__WAY_ON;
    connection->added_ns = connection->reactor->now_ns;
    if (streams)
        watch_time(connection);
    if (!weir__multi_shard_add(connection->carrier, connection->curl))
        end(connection, CURLE_OUT_OF_MEMORY, WEIR_ERROR_RESOURCE, "out of memory");
}

/* After a wait, of which the call's own time has gone on. */
static void go_on(struct weir__connection *connection)
{
    struct weir__attempt *attempt = &connection->attempt;
    if (connection->deadline_ns != WEIR__NEVER) {
        attempt->own_ns = connection->deadline_ns - connection->reactor->now_ns;
        if (attempt->own_ns <= 0) {
            end(connection, CURLE_OPERATION_TIMEDOUT, WEIR_ERROR_NONE, NULL);
            return;
        }
    }
    weir__easy_setup_timeout(connection);
    add(connection, weir__multi_host_of(connection));
}

/* libcurl walks all that its cache of names holds with each look-up, and keeps a name for a minute: with 20,000 hosts
 * that costs 0.3 ms a request. */
static void forget_names(struct weir__connection *connection)
{
    if (!connection->forgets_names && connection->reactor->host_stamp > WEIR__HOSTS_MAX)
        connection->forgets_names = curl_easy_setopt(connection->curl, CURLOPT_DNS_CACHE_TIMEOUT, 0L) == CURLE_OK;
}

void weir__multi_transfer_begin(struct weir__connection *connection)
{
    const struct weir__call *call = connection->attempt.call;
    const char *detail = "";
    weir__easy_begin(connection, call);
    if (weir__easy_socket_stopped(connection)) {
        end(connection, CURLE_ABORTED_BY_CALLBACK, WEIR_ERROR_NONE, NULL);
        return;
    }
    struct weir__host *host = weir__multi_host_find(connection, call->url);
    forget_names(connection);
    enum weir_error error = weir__easy_setup_call(connection, call, &detail);
    if (error) {
        end(connection, CURLE_OK, error, detail);
        return;
    }
    if (host && host->speaks == WEIR__SPEAKS_UNKNOWN) {
        if (host->scout) {
            connection->way = WEIR__WAY_WAITING;
            weir__line_append(&host->waiting, connection);
            if (connection->deadline_ns != WEIR__NEVER)
                weir__multi_moment_add(connection, connection->deadline_ns);
            return;
        }
        host->scout = connection;
    }
    add(connection, host);
}

void weir__multi_transfer_go(struct weir__connection *connection)
{
    weir__multi_moment_remove(connection);
    go_on(connection);
}

/* CONNECT_ONLY goes first: libcurl closes the connection of a handle that is taken out with it. */
static void take_out(struct weir__connection *connection)
{
    if (connection->attempt.later)
        curl_easy_setopt(connection->curl, CURLOPT_CONNECT_ONLY, 0L);
    weir__multi_moment_remove(connection);
    curl_multi_remove_handle(connection->carrier->multi, connection->curl);
}

/* To be asked again, or its time is over. */
void weir__multi_transfer_moment(struct weir__connection *connection)
{
    struct weir__attempt *attempt = &connection->attempt;
    if (connection->way != WEIR__WAY_PARKED) {
        if (connection->way == WEIR__WAY_ON)
            take_out(connection);
        weir__line_remove(connection);
        attempt->overdue = true;
        end(connection, CURLE_OPERATION_TIMEDOUT, WEIR_ERROR_NONE, NULL);
        return;
    }
    attempt->later = false;
    attempt->reached = false;
    attempt->opened = attempt->opened_ipv6 = false; /* the connection that it opened is a kept one now */
    attempt->socket_errno = 0;
    go_on(connection);
}

/* The wire (see easy_receive), and what is new there. */
int weir__multi_transfer_wire(void *user, char *remote, char *local, int remote_port, int local_port)
{
    struct weir__connection *connection = user;
    if (!connection->attempt.reached)
        weir__multi_host_wire(connection);
    long timeout_ms = connection->timeout_ms;
    int answer = weir__easy_receive_wire(user, remote, local, remote_port, local_port);
    if (connection->timeout_ms != timeout_ms)
        watch_time(connection);
    if (!connection->attempt.later)
        return answer;
    curl_easy_setopt(connection->curl, CURLOPT_CONNECT_ONLY, 1L);
    return CURL_PREREQFUNC_OK;
}

/* The time that libcurl had it counts, and no more of it until it has it again. */
static void park(struct weir__connection *connection)
{
    struct weir__attempt *attempt = &connection->attempt;
    curl_off_t total_us = 0;
    curl_easy_getinfo(connection->curl, CURLINFO_TOTAL_TIME_T, &total_us);
    attempt->spent_ns += total_us * WEIR__NS_PER_US;
    attempt->budget_ns -= total_us * WEIR__NS_PER_US;
    if (attempt->budget_ns < 1)
        attempt->budget_ns = 1;
    if (attempt->opened && !attempt->connect_ns)
        attempt->connect_ns = weir__easy_connect_time(connection);
    connection->way = WEIR__WAY_PARKED;
    int64_t again_ns = attempt->call->wire_again_ns;
    weir__multi_moment_add(connection, again_ns < connection->deadline_ns ? again_ns : connection->deadline_ns);
}

static void finish(struct weir__connection *connection, CURLcode code, enum weir_error error, const char *detail)
{
    const struct weir__call *call = connection->attempt.call;
    struct weir__reply reply;
    memset(&reply, 0, offsetof(struct weir__reply, detail) + 1);
    weir__multi_host_ended(connection);
    if (error)
        weir__easy_error_set(&reply, error, detail);
    else
        weir__easy_fill_reply(connection, code, &reply);
    connection->way = WEIR__WAY_IDLE;
    connection->reactor->told++;
    call->ended(call->context, &reply); /* which may close the connection */
}

void weir__multi_transfer_done(struct weir__connection *connection, CURLcode code)
{
    take_out(connection);
    if (connection->attempt.later && code == CURLE_OK && !weir__easy_socket_stopped(connection))
        park(connection);
    else
        finish(connection, code == CURLE_OK && connection->attempt.later ? CURLE_ABORTED_BY_CALLBACK : code,
               WEIR_ERROR_NONE, NULL);
}

void weir__multi_transfer_lose(struct weir__connection *connection)
{
    take_out(connection);
    end(connection, CURLE_OUT_OF_MEMORY, WEIR_ERROR_NONE, NULL);
}

void weir__multi_transfer_finish(struct weir__connection *connection)
{
    finish(connection, connection->code, connection->early_error, connection->early_detail);
}

void weir__multi_transfer_stop(struct weir__connection *connection)
{
    if (connection->way == WEIR__WAY_IDLE || connection->way == WEIR__WAY_OVER ||
        !weir__easy_socket_stopped(connection))
        return;
    if (connection->way == WEIR__WAY_STARTED)
        return; /* its turn comes right after this */
    if (connection->way == WEIR__WAY_ON)
        take_out(connection);
    weir__line_remove(connection);
    end(connection, CURLE_ABORTED_BY_CALLBACK, WEIR_ERROR_NONE, NULL);
}
