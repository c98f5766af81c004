/*
 * easy - a transport over libcurl: its lifecycle, its connections, and one attempt that blocks, from start to reply.
 *
 * Knows no limits, retries or jobs.  The map of its files, the lock rules and the reasons stand in easy.h.
 */
#include "http/easy.h"
#include "http/multi.h"

#include "base/clock.h"
#include "base/stack.h"
#include "base/sync.h"

#include <stdlib.h>
#include <string.h>

/* PROTOCOLS_STR, the youngest of the options in use, came with 7.85.0. */
#define CURL_VERSION_MIN 0x075500u

static void unlist(struct weir__connection *connection)
{
    struct weir__easy *easy = connection->easy;
    weir__mutex_lock(&easy->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        easy->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    weir__mutex_unlock(&easy->lock);
}

static void enlist(struct weir__connection *connection)
{
    struct weir__easy *easy = connection->easy;
    weir__mutex_lock(&easy->lock);
    connection->next = easy->connections;
    if (easy->connections)
        easy->connections->previous = connection;
    easy->connections = connection;
    weir__mutex_unlock(&easy->lock);
}

void weir__easy_connection_free(struct weir__connection *connection)
{
    curl_easy_cleanup(connection->curl); /* closes its sockets, which takes socket_lock */
    weir__mutex_clear(&connection->socket_lock);
    weir__easy_buffer_clear(&connection->header_text);
    weir__easy_buffer_clear(&connection->head);
    weir__easy_buffer_clear(&connection->body);
    weir__easy_buffer_clear(&connection->url);
    free(connection->header_nodes);
    free(connection->fields);
    free(connection);
}

struct weir__connection *weir__easy_connection_new(struct weir__easy *easy, struct weir__reactor *reactor)
{
    struct weir__connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->easy = easy;
    connection->reactor = reactor;
    if (easy->options.lean && !reactor)
        connection->stack_low = weir__stack_low(); /* the thread that opens is the one that performs */
    if (!weir__mutex_init(&connection->socket_lock)) {
        free(connection);
        return NULL;
    }
    connection->curl = curl_easy_init();
    if (!connection->curl || !weir__easy_setup_handle(connection)) {
        weir__easy_connection_free(connection);
        return NULL;
    }
    return connection;
}

static struct weir__connection *easy_open(struct weir__transport *transport)
{
    struct weir__connection *connection = weir__easy_connection_new((struct weir__easy *)transport, NULL);
    if (connection)
        enlist(connection);
    return connection;
}

static void easy_close(struct weir__connection *connection)
{
    if (!connection)
        return;
    if (connection->reactor) {
        weir__multi_close(connection);
        return;
    }
    unlist(connection); /* abort walks the list under its lock, so it is done with this one now */
    weir__easy_connection_free(connection);
}

static bool redirects(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void weir__easy_begin(struct weir__connection *connection, const struct weir__call *call)
{
    int64_t timeout_ns = connection->easy->options.timeout_ns;
    if (call->timeout_ns > 0 && call->timeout_ns < timeout_ns)
        timeout_ns = call->timeout_ns;
    connection->attempt = (struct weir__attempt){.call = call,
                                                 .timeout_ns = timeout_ns,
                                                 .budget_ns = connection->easy->options.timeout_ns,
                                                 .own_ns = call->timeout_ns};
    connection->head.size = 0;
    connection->field_count = 0;
    connection->error_text[0] = '\0';
    if (connection->body.capacity > WEIR__BODY_KEEP_SIZE)
        weir__easy_buffer_clear(&connection->body);
    connection->body.size = 0;
}

int64_t weir__easy_connect_time(const struct weir__connection *connection)
{
    curl_off_t tcp_us = 0, tls_us = 0, total_us = 0;
    curl_easy_getinfo(connection->curl, CURLINFO_CONNECT_TIME_T, &tcp_us);
    curl_easy_getinfo(connection->curl, CURLINFO_APPCONNECT_TIME_T, &tls_us);
    curl_easy_getinfo(connection->curl, CURLINFO_TOTAL_TIME_T, &total_us);
    if (!connection->attempt.reached)
        return total_us * WEIR__NS_PER_US;
    return (tls_us > tcp_us ? tls_us : tcp_us) * WEIR__NS_PER_US;
}

void weir__easy_fill_reply(struct weir__connection *connection, CURLcode code, struct weir__reply *reply)
{
    struct weir__attempt *attempt = &connection->attempt;
    if (!weir__easy_receive_fields(connection)) {
        connection->field_count = 0;
        attempt->no_memory = true;
        code = CURLE_OUT_OF_MEMORY;
    }
    reply->sent = attempt->sent;
    reply->new_connection = attempt->new_connection || (!attempt->reached && attempt->opened);
    reply->connect_ns = attempt->connect_ns     ? attempt->connect_ns
                        : reply->new_connection ? weir__easy_connect_time(connection)
                                                : 0;
    weir__easy_error_explain(connection, code, reply);
    if (!attempt->began)
        return;
    reply->http_status = attempt->status;
    reply->headers = connection->fields;
    reply->header_count = connection->field_count;
    if (reply->error)
        return;
    if (connection->easy->options.keep_bodies && !attempt->call->drop_reply) {
        reply->body = connection->body.size ? connection->body.data : "";
        reply->body_size = connection->body.size;
    }
    char *url = NULL;
    if (redirects(attempt->status) && curl_easy_getinfo(connection->curl, CURLINFO_REDIRECT_URL, &url) == CURLE_OK)
        reply->redirect_url = url;
}

static void easy_perform(struct weir__connection *connection, const struct weir__call *call, struct weir__reply *reply)
{
    const char *detail = "";
    weir__easy_begin(connection, call);
    memset(reply, 0, offsetof(struct weir__reply, detail) + 1); /* the rest of the text is of no meaning */
    const char *stopped = weir__easy_socket_stopped(connection);
    if (stopped) {
        weir__easy_error_set(reply, WEIR_ERROR_STOPPED, stopped);
        return;
    }
    enum weir_error error = weir__easy_setup_call(connection, call, &detail);
    if (error) {
        weir__easy_error_set(reply, error, detail);
        return;
    }
    CURLcode code = curl_easy_perform(connection->curl);
    weir__stack_shed(connection->stack_low);
    weir__easy_fill_reply(connection, code, reply);
}

static void easy_cancel(struct weir__connection *connection)
{
    if (connection->reactor)
        weir__multi_stop(connection->reactor);
    else
        weir__easy_socket_shutdown(connection);
}

/* The flag first: a socket that is made after it is refused, one that is made before it is in a list that is walked. */
static void easy_abort(struct weir__transport *transport)
{
    struct weir__easy *easy = (struct weir__easy *)transport;
    atomic_store(&easy->aborted, true);
    weir__mutex_lock(&easy->lock);
    for (struct weir__connection *each = easy->connections; each; each = each->next)
        weir__easy_socket_shutdown(each);
    for (struct weir__reactor *each = easy->reactors; each; each = each->next)
        weir__multi_stop(each);
    weir__mutex_unlock(&easy->lock);
}

static void easy_free(struct weir__transport *transport)
{
    if (!transport)
        return;
    struct weir__easy *easy = (struct weir__easy *)transport;
    weir__tls_free(easy->tls);
    weir__proxy_clear(&easy->proxy);
    weir__mutex_clear(&easy->lock);
    free(easy);
    curl_global_cleanup();
}

enum weir_status weir__easy_new(const struct weir__transport_options *options, struct weir__transport **out)
{
    if (curl_version_info(CURLVERSION_NOW)->version_num < CURL_VERSION_MIN || curl_global_init(CURL_GLOBAL_DEFAULT))
        return WEIR_TRANSPORT;
    struct weir__easy *easy = calloc(1, sizeof *easy);
    if (!easy || !weir__mutex_init(&easy->lock)) {
        free(easy);
        curl_global_cleanup();
        return WEIR_NO_MEMORY;
    }
    easy->transport = (struct weir__transport){.open = easy_open,
                                               .perform = easy_perform,
                                               .close = easy_close,
                                               .cancel = easy_cancel,
                                               .abort = easy_abort,
                                               .free = easy_free,
                                               .reactor_new = weir__multi_new,
                                               .reactor_free = weir__multi_free,
                                               .reactor_open = weir__multi_open,
                                               .start = weir__multi_transfer_start,
                                               .poll = weir__multi_poll,
                                               .wake = weir__multi_wake};
    easy->options = *options;
    easy->connect_timeout_ms = weir__easy_setup_ms(options->connect_timeout_ns);
    atomic_init(&easy->aborted, false);
    enum weir_status status = weir__proxy_read(&easy->proxy) ? WEIR_OK : WEIR_NO_MEMORY;
    if (!status && weir__tls_usable())
        status = weir__tls_new(options, &easy->tls);
    if (status) {
        easy_free(&easy->transport);
        return status;
    }
    *out = &easy->transport;
    return WEIR_OK;
}
