/*
 * easy_setup - what libcurl is told: once for each handle, and as little as possible for each call.
 *
 * No curl_easy_reset between calls (with the options set anew it costs 0.5 us): the connection remembers what its
 * handle is set to, and every call undoes what it does not want.
 */
#include "http/easy.h"
#include "http/multi.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * The fields of weir's own, each unless the caller gives one; a name with nothing after the colon takes out what
 * libcurl would add.  They are short, and list entries rather than libcurl's options: it formats a character at a time,
 * some 100 instructions for each, and what comes by an option twice.
 */
#define USER_AGENT "User-Agent: weir"
#define NO_ACCEPT "Accept:" /* none says the same as any (RFC 9110, 12.5.1) */

enum own_field { OWN_USER_AGENT, OWN_ACCEPT, OWN_EXPECT, OWN_CONTENT_TYPE, OWN_FIELDS };

static const struct {
    const char *name;
    const char *line;
} own_fields[OWN_FIELDS] = {
    [OWN_USER_AGENT] = {"User-Agent", USER_AGENT},
    [OWN_ACCEPT] = {"Accept", NO_ACCEPT},
    [OWN_EXPECT] = {"Expect", "Expect:"},                   /* a second's wait before each large body */
    [OWN_CONTENT_TYPE] = {"Content-Type", "Content-Type:"}, /* an empty body has none */
};

/* What goes with a request that has neither fields nor a body; shared by all handles and never written. */
static struct curl_slist plain_rest = {(char *)NO_ACCEPT, NULL};
static struct curl_slist plain_list = {(char *)USER_AGENT, &plain_rest};

long weir__easy_setup_ms(int64_t ns)
{
    int64_t ms = ns / WEIR__NS_PER_MS + (ns % WEIR__NS_PER_MS != 0);
    return ms > INT32_MAX ? INT32_MAX : ms < 1 ? 1 : (long)ms;
}

/* NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define SET(option, value) (good = good && curl_easy_setopt(curl, option, value) == CURLE_OK)

static bool setup_callbacks(struct weir__connection *connection)
{
    CURL *curl = connection->curl;
    bool good = true;
    SET(CURLOPT_ERRORBUFFER, connection->error_text);
    SET(CURLOPT_PREREQFUNCTION, weir__easy_receive_wire);
    SET(CURLOPT_PREREQDATA, connection);
    SET(CURLOPT_HEADERFUNCTION, weir__easy_receive_head);
    SET(CURLOPT_HEADERDATA, connection);
    SET(CURLOPT_WRITEFUNCTION, weir__easy_receive_body);
    SET(CURLOPT_WRITEDATA, connection);
    if (connection->stack_low) {
        SET(CURLOPT_XFERINFOFUNCTION, weir__easy_receive_progress);
        SET(CURLOPT_XFERINFODATA, connection);
        SET(CURLOPT_NOPROGRESS, 0L);
    }
    SET(CURLOPT_OPENSOCKETFUNCTION, weir__easy_socket_open);
    SET(CURLOPT_OPENSOCKETDATA, connection);
    SET(CURLOPT_CLOSESOCKETFUNCTION, weir__easy_socket_close);
    SET(CURLOPT_CLOSESOCKETDATA, connection);
    return good;
}

/*
 * What a reactor's handle has that a thread's has not.  libcurl keeps CLOSESOCKETDATA with the connection, which may
 * outlive the handle that made it.  QUICK_EXIT: else the end of a transfer whose name is being looked up waits for the
 * resolver, and the whole loop with it; the resolver's thread is left to end by itself.
 */
static bool setup_reactor(struct weir__connection *connection)
{
    struct weir__reactor *reactor = connection->reactor;
    CURL *curl = connection->curl;
    bool good = true;
    SET(CURLOPT_PRIVATE, (void *)connection);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_PIPEWAIT, 1L); /* means something where streams share connections */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PREREQFUNCTION, weir__multi_transfer_wire);
    SET(CURLOPT_CLOSESOCKETFUNCTION, weir__multi_shard_close);
    SET(CURLOPT_CLOSESOCKETDATA, reactor);
    SET(CURLOPT_SHARE, reactor->share);
    return good;
}

static bool setup_tls(struct weir__connection *connection)
{
    const struct weir__transport_options *options = &connection->easy->options;
    CURL *curl = connection->curl;
    bool good = true;
    SET(CURLOPT_SSLVERSION,
        options->tls_version_min >= 13 ? (long)CURL_SSLVERSION_TLSv1_3 : (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, options->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, options->insecure ? 0L : 2L);
    if (connection->easy->tls) {
        /* No authorities of libcurl's own, for the host or for a proxy behind TLS: the shared store or none. */
        SET(CURLOPT_CAINFO, NULL);
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_PROXY_CAINFO, NULL);
        SET(CURLOPT_PROXY_CAPATH, NULL);
        SET(CURLOPT_SSL_CTX_FUNCTION, weir__tls_apply);
        SET(CURLOPT_SSL_CTX_DATA, connection->easy->tls);
        return good;
    }
    if (options->ca_file)
        SET(CURLOPT_CAINFO, options->ca_file);
    if (options->client_cert_file)
        SET(CURLOPT_SSLCERT, options->client_cert_file);
    if (options->client_key_file)
        SET(CURLOPT_SSLKEY, options->client_key_file);
    return good;
}

bool weir__easy_setup_handle(struct weir__connection *connection)
{
    const struct weir__easy *easy = connection->easy;
    CURL *curl = connection->curl;
    bool good = true;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a thread carries one request at a time */
    SET(CURLOPT_FOLLOWLOCATION, 0L);                        /* core follows: each redirect pays for permits */
    SET(CURLOPT_BUFFERSIZE, easy->options.lean ? WEIR__CURL_BUFFER_LEAN_SIZE : WEIR__CURL_BUFFER_SIZE);
    SET(CURLOPT_MAXCONNECTS, WEIR__KEPT_MAX);
    SET(CURLOPT_MAXAGE_CONN, WEIR__IDLE_MAX_S);
    SET(CURLOPT_CONNECTTIMEOUT_MS, easy->connect_timeout_ms);
    /* Both, always: else libcurl reads the environment by itself. */
    SET(CURLOPT_PROXY, easy->proxy.http);
    SET(CURLOPT_NOPROXY, easy->proxy.none);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HTTPHEADER, &plain_list);
    connection->proxy = easy->proxy.http;
    connection->form = WEIR__FORM_GET;
    return good && setup_callbacks(connection) && setup_tls(connection) &&
           (!connection->reactor || setup_reactor(connection));
}

static bool has_field(const struct weir__call *call, const char *name)
{
    for (size_t i = 0; i < call->header_count; i++)
        if (strcasecmp(call->headers[i].name, name) == 0)
            return true;
    return false;
}

/* The length is the transport's to say; a caller's that agrees is left out, one that does not would break the framing.
 */
static bool length_agrees(const struct weir__call *call, const char *value)
{
    char *end;
    unsigned long long length = strtoull(value, &end, 10);
    return value[0] >= '0' && value[0] <= '9' && !*end && length == call->body_size;
}

/* "Name: value", or "Name;" for an empty one: libcurl takes "Name:" for a wish to send none.  Both NUL-terminated. */
static bool append_field(struct weir__easy_buffer *text, const struct weir_header *header)
{
    size_t name_size = strlen(header->name);
    const char *value = header->value + strspn(header->value, " \t");
    size_t value_size = strlen(value);
    if (!weir__easy_buffer_reserve(text, name_size + value_size + 3))
        return false;
    weir__easy_buffer_append(text, header->name, name_size);
    weir__easy_buffer_append(text, value_size ? ": " : ";", value_size ? 2 : 1);
    return weir__easy_buffer_append(text, value, value_size + 1);
}

static bool reserve_nodes(struct weir__connection *connection, size_t count)
{
    if (count <= connection->header_node_max)
        return true;
    struct curl_slist *nodes = realloc(connection->header_nodes, count * sizeof *nodes);
    if (!nodes)
        return false;
    connection->header_nodes = nodes;
    connection->header_node_max = count;
    return true;
}

/* The texts are written first and the nodes pointed at them afterwards: the buffer may move while it grows. */
static size_t link_texts(struct weir__connection *connection, size_t count)
{
    char *text = connection->header_text.data;
    for (size_t i = 0; i < count; i++) {
        connection->header_nodes[i].data = text;
        text += strlen(text) + 1;
    }
    return count;
}

static void chain_nodes(struct curl_slist *nodes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
}

/* Writes the caller's fields to header_text; `*count` is how many. */
static enum weir_error write_fields(struct weir__connection *connection, const struct weir__call *call, size_t *count,
                                    const char **detail)
{
    connection->header_text.size = 0;
    *count = 0;
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcasecmp(call->headers[i].name, "Content-Length") == 0) {
            if (length_agrees(call, call->headers[i].value))
                continue;
            *detail = "the Content-Length field does not match the body";
            return WEIR_ERROR_BAD_REQUEST;
        }
        if (!append_field(&connection->header_text, &call->headers[i])) {
            *detail = "out of memory";
            return WEIR_ERROR_RESOURCE;
        }
        (*count)++;
    }
    return WEIR_ERROR_NONE;
}

/* The list is built in memory of the connection's own, without curl_slist_append's two allocations for each field. */
static enum weir_error setup_headers(struct weir__connection *connection, const struct weir__call *call, bool body,
                                     const char **detail)
{
    const bool needed[OWN_FIELDS] = {true, true, body, body && !call->body_size};
    size_t count;
    if (!call->header_count && !body) {
        if (connection->custom_headers)
            curl_easy_setopt(connection->curl, CURLOPT_HTTPHEADER, &plain_list);
        connection->custom_headers = false;
        return WEIR_ERROR_NONE;
    }
    enum weir_error error = write_fields(connection, call, &count, detail);
    if (error)
        return error;
    if (!reserve_nodes(connection, count + OWN_FIELDS)) {
        *detail = "out of memory";
        return WEIR_ERROR_RESOURCE;
    }
    count = link_texts(connection, count);
    for (int i = 0; i < OWN_FIELDS; i++)
        if (needed[i] && !has_field(call, own_fields[i].name))
            connection->header_nodes[count++].data = (char *)own_fields[i].line;
    chain_nodes(connection->header_nodes, count);
    curl_easy_setopt(connection->curl, CURLOPT_HTTPHEADER, count ? connection->header_nodes : NULL);
    connection->custom_headers = true;
    return WEIR_ERROR_NONE;
}

/*
 * Options that libcurl copies: false where it had no memory.  It has dropped the value before then, and a request must
 * not go out with another method, or past the proxy, for that.
 */

/* The caller asks for an encoding or nobody does; what was asked for is decoded, whichever of libcurl's it is. */
static bool setup_decoding(struct weir__connection *connection, const struct weir__call *call)
{
    bool decoding = has_field(call, "Accept-Encoding");
    if (decoding == connection->decoding)
        return true;
    connection->decoding =
        curl_easy_setopt(connection->curl, CURLOPT_ACCEPT_ENCODING, decoding ? "" : NULL) == CURLE_OK && decoding;
    return connection->decoding == decoding;
}

/* Leaves BODY behind completely: libcurl must not keep a pointer to a body that is gone. */
static void setup_form(struct weir__connection *connection, const struct weir__call *call, enum weir__request_form form)
{
    CURL *curl = connection->curl;
    if (form == WEIR__FORM_BODY) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body_size ? call->body : "");
    } else if (form != connection->form) {
        if (connection->form == WEIR__FORM_BODY)
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L); /* takes NOBODY back too */
        if (form == WEIR__FORM_HEAD)
            curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    connection->form = form;
}

static bool setup_method(struct weir__connection *connection, const struct weir__call *call,
                         enum weir__request_form form)
{
    static const char *const natural[] = {
        [WEIR__FORM_GET] = "GET", [WEIR__FORM_HEAD] = "HEAD", [WEIR__FORM_BODY] = "POST"};
    bool custom = strcmp(call->method, natural[form]) != 0;
    if (!custom && !connection->custom_method)
        return true;
    connection->custom_method =
        curl_easy_setopt(connection->curl, CURLOPT_CUSTOMREQUEST, custom ? call->method : NULL) == CURLE_OK && custom;
    return connection->custom_method == custom;
}

static bool setup_proxy(struct weir__connection *connection, const char *url)
{
    const char *proxy = weir__proxy_for(&connection->easy->proxy, url);
    if (proxy == connection->proxy)
        return true;
    connection->proxy = curl_easy_setopt(connection->curl, CURLOPT_PROXY, proxy) == CURLE_OK ? proxy : NULL;
    return connection->proxy != NULL;
}

/* Methods whose request has a body by their meaning say so with "Content-Length: 0" (RFC 9110, 8.6). */
static bool wants_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

/* libcurl copies it: not again where it is the same. */
static bool setup_url(struct weir__connection *connection, const char *url)
{
    struct weir__easy_buffer *set = &connection->url;
    if (set->size && strcmp(set->data, url) == 0)
        return true;
    set->size = 0;
    if (curl_easy_setopt(connection->curl, CURLOPT_URL, url) != CURLE_OK)
        return false;
    return weir__easy_buffer_append(set, url, strlen(url) + 1);
}

/* Bounds connecting too, where it is shorter than the timeout of that.  A wait at the wire may have left a longer one.
 */
void weir__easy_setup_timeout(struct weir__connection *connection)
{
    const struct weir__attempt *attempt = &connection->attempt;
    bool own = attempt->own_ns > 0 && attempt->own_ns < attempt->budget_ns;
    long timeout_ms = weir__easy_setup_ms(own ? attempt->own_ns : attempt->budget_ns);
    if (timeout_ms != connection->timeout_ms)
        curl_easy_setopt(connection->curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    connection->timeout_ms = timeout_ms;
}

enum weir_error weir__easy_setup_call(struct weir__connection *connection, const struct weir__call *call,
                                      const char **detail)
{
    bool get = strcmp(call->method, "GET") == 0; /* nearly always: then the rest needs no look */
    bool head = !get && strcmp(call->method, "HEAD") == 0;
    bool body = call->body_size || (!get && wants_body(call->method));
    if (head && call->body_size) {
        *detail = "a HEAD request cannot carry a body";
        return WEIR_ERROR_BAD_REQUEST;
    }
    enum weir_error error = setup_headers(connection, call, body, detail);
    if (error)
        return error;
    enum weir__request_form form = head ? WEIR__FORM_HEAD : body ? WEIR__FORM_BODY : WEIR__FORM_GET;
    setup_form(connection, call, form);
    weir__easy_setup_timeout(connection);
    if (!setup_method(connection, call, form) || !setup_decoding(connection, call) ||
        !setup_proxy(connection, call->url) || !setup_url(connection, call->url)) {
        *detail = "out of memory";
        return WEIR_ERROR_RESOURCE;
    }
    return WEIR_ERROR_NONE;
}
