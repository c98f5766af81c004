/*
 * easy_error - what became of an attempt, from libcurl's code and from what the callbacks saw.
 *
 * The callbacks' word goes first: libcurl knows only that one of them said no.  Details are for people; they carry no
 * userinfo and no control character, whoever they came from.
 */
#include "http/easy.h"

#include "base/clock.h"
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* libcurl's timer may fire this much before ours shows the whole time. */
#define TIMER_SLACK_NS (20 * WEIR__NS_PER_MS)

/* What a code means before the wire was passed and after it. */
static const struct {
    CURLcode code;
    enum weir_error before, after;
} table[] = {
    {CURLE_URL_MALFORMAT, WEIR_ERROR_BAD_REQUEST, WEIR_ERROR_BAD_REQUEST},
    {CURLE_UNSUPPORTED_PROTOCOL, WEIR_ERROR_BAD_REQUEST, WEIR_ERROR_PROTOCOL}, /* HTTP/0.9, when sent */
    {CURLE_COULDNT_RESOLVE_PROXY, WEIR_ERROR_RESOLVE, WEIR_ERROR_RESOLVE},
    {CURLE_COULDNT_RESOLVE_HOST, WEIR_ERROR_RESOLVE, WEIR_ERROR_RESOLVE},
    {CURLE_COULDNT_CONNECT, WEIR_ERROR_CONNECT, WEIR_ERROR_CONNECTION_LOST},
    {CURLE_PROXY, WEIR_ERROR_CONNECT, WEIR_ERROR_CONNECTION_LOST},
    {CURLE_SEND_ERROR, WEIR_ERROR_CONNECT, WEIR_ERROR_CONNECTION_LOST},
    {CURLE_RECV_ERROR, WEIR_ERROR_CONNECT, WEIR_ERROR_CONNECTION_LOST},
    {CURLE_GOT_NOTHING, WEIR_ERROR_CONNECT, WEIR_ERROR_CONNECTION_LOST},
    {CURLE_PARTIAL_FILE, WEIR_ERROR_CONNECT, WEIR_ERROR_CONNECTION_LOST},
    {CURLE_WEIRD_SERVER_REPLY, WEIR_ERROR_PROTOCOL, WEIR_ERROR_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, WEIR_ERROR_PROTOCOL, WEIR_ERROR_PROTOCOL},
    {CURLE_SSL_CONNECT_ERROR, WEIR_ERROR_TLS, WEIR_ERROR_CONNECTION_LOST},
    {CURLE_PEER_FAILED_VERIFICATION, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_CERTPROBLEM, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_CLIENTCERT, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_CIPHER, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_CACERT_BADFILE, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_CRL_BADFILE, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_ISSUER_ERROR, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_INVALIDCERTSTATUS, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_ENGINE_NOTFOUND, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_ENGINE_SETFAILED, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_ENGINE_INITFAILED, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_SSL_SHUTDOWN_FAILED, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_USE_SSL_FAILED, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_NOT_BUILT_IN, WEIR_ERROR_TLS, WEIR_ERROR_TLS},
    {CURLE_OUT_OF_MEMORY, WEIR_ERROR_RESOURCE, WEIR_ERROR_RESOURCE},
    {CURLE_FAILED_INIT, WEIR_ERROR_RESOURCE, WEIR_ERROR_RESOURCE},
};

static enum weir_error look_up(CURLcode code, bool sent)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return sent ? table[i].after : table[i].before;
    return sent ? WEIR_ERROR_CONNECTION_LOST : WEIR_ERROR_CONNECT;
}

/* Where a word ends for the sake of userinfo: libcurl quotes URLs in messages, or puts blanks around them. */
static bool ends_word(char c)
{
    return c == '\0' || strchr(" '\"<>", c) != NULL;
}

/*
 * Copies a text that may quote a server or a URL: of a word with an '@', what stands between "://" (or the word's
 * beginning) and the last '@' goes; whatever is not printable ASCII becomes '?'.
 */
static void copy_clean(char *to, size_t size, const char *from)
{
    size_t used = 0;
    while (*from && used + 1 < size) {
        size_t word = 0, start = 0, at = 0;
        for (; !ends_word(from[word]); word++) {
            if (from[word] == '@')
                at = word + 1;
            else if (!start && strncmp(from + word, "://", 3) == 0)
                start = word + 3;
        }
        if (start > at)
            start = at = 0;
        for (size_t i = 0; i <= word && from[i] && used + 1 < size; i++) {
            if (i >= start && i < at)
                continue;
            to[used++] = (from[i] >= ' ' && from[i] <= '~') ? from[i] : '?';
        }
        from += from[word] ? word + 1 : word;
    }
    to[used] = '\0';
}

void weir__easy_error_set(struct weir__reply *reply, enum weir_error error, const char *detail)
{
    reply->error = error;
    copy_clean(reply->detail, sizeof reply->detail, detail);
}

/* Tells what to do about it; NULL where `number` is no lack of a resource. */
static const char *resource_text(int number)
{
    switch (number) {
    case EMFILE:
        return "no file descriptor left: raise `ulimit -n`";
    case ENFILE:
        return "no file descriptor left in the whole system: raise fs.file-max";
    case ENOMEM:
    case ENOBUFS:
        return "no memory for a socket";
    case EADDRNOTAVAIL:
        return "no local port left: use fewer connections, or widen net.ipv4.ip_local_port_range";
    default:
        return NULL;
    }
}

/* A look-up that found no descriptor says "could not resolve"; so does a thread that could not be started. */
static int probe_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

/*
 * What this machine lacked, or NULL.  EADDRNOTAVAIL from connect means no free port, but for IPv6 also that the machine
 * has no IPv6 address at all, which is a plain failure to connect.
 */
static const char *lacking(struct weir__connection *connection, CURLcode code)
{
    const struct weir__attempt *attempt = &connection->attempt;
    const char *text = resource_text(attempt->socket_errno);
    if (text)
        return text;
    if (code == CURLE_COULDNT_CONNECT) {
        long number = 0;
        curl_easy_getinfo(connection->curl, CURLINFO_OS_ERRNO, &number);
        return number == EADDRNOTAVAIL && attempt->opened_ipv6 ? NULL : resource_text((int)number);
    }
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_FAILED_INIT)
        return resource_text(probe_socket());
    return NULL;
}

/* In a reactor the call's own goes on where libcurl does not count. */
static bool own_time_is_over(const struct weir__connection *connection)
{
    return connection->deadline_ns != WEIR__NEVER && weir__clock_now_ns() + TIMER_SLACK_NS >= connection->deadline_ns;
}

/* libcurl has one code for both timeouts; waiting in the wire counts for neither. */
static void explain_timeout(struct weir__connection *connection, struct weir__reply *reply)
{
    const struct weir__attempt *attempt = &connection->attempt;
    const struct weir__transport_options *options = &connection->easy->options;
    curl_off_t total_us = 0;
    curl_easy_getinfo(connection->curl, CURLINFO_TOTAL_TIME_T, &total_us);
    int64_t elapsed_ns = total_us * WEIR__NS_PER_US + attempt->spent_ns - attempt->waited_ns;
    bool own = connection->reactor && own_time_is_over(connection);
    bool total = own || attempt->overdue || attempt->sent || elapsed_ns + TIMER_SLACK_NS >= attempt->timeout_ns;
    int64_t limit_ns = own ? attempt->call->timeout_ns : total ? attempt->timeout_ns : options->connect_timeout_ns;
    char limit[32], text[96];
    weir__units_format_duration(limit_ns, limit, sizeof limit);
    snprintf(text, sizeof text,
             total             ? "the attempt took longer than %s"
             : attempt->opened ? "no connection within %s"
                               : "the name was not looked up within %s",
             limit);
    enum weir_error early = attempt->opened ? WEIR_ERROR_CONNECT : WEIR_ERROR_RESOLVE;
    weir__easy_error_set(reply, total ? WEIR_ERROR_TIMEOUT : early, text);
}

/*
 * Whether libcurl's word that the response is whole can be believed after cancel or abort: the end of a response that
 * has neither length nor chunks is the end of its connection, and they make just that (not in a reactor).
 */
static bool surely_whole(const struct weir__connection *connection)
{
    const struct weir__attempt *attempt = &connection->attempt;
    curl_off_t length = -1;
    curl_easy_getinfo(connection->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return connection->reactor || connection->form == WEIR__FORM_HEAD || attempt->status == 204 ||
           attempt->status == 304 || attempt->chunked || length >= 0;
}

/* Whether anything came back: without that, a lack of memory is just that. */
static bool heard(const struct weir__connection *connection)
{
    curl_off_t first_byte_us = 0;
    curl_easy_getinfo(connection->curl, CURLINFO_STARTTRANSFER_TIME_T, &first_byte_us);
    return first_byte_us > 0;
}

/*
 * Whether the peer cut the TLS handshake, where it disagreed with nothing: a matter of the connection.  libcurl has one
 * code for both, and the difference in its text only: the socket's own failures, which it notes first; "SSL_connect: ",
 * which stands before the system's word, or an SSL_ERROR_... for want of one, where OpenSSL's error queue is empty; and
 * what OpenSSL 3 has in that queue for a close without TLS's goodbye.  Under another backend a close stays a TLS error.
 */
static bool cut_handshake(const char *text)
{
    static const char *const signs[] = {
        "Recv failure: ", "Send failure: ", "SSL_connect: ", "unexpected eof while reading"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strstr(text, signs[i]))
            return true;
    return false;
}

static void explain_failure(struct weir__connection *connection, CURLcode code, struct weir__reply *reply)
{
    const struct weir__attempt *attempt = &connection->attempt;
    const char *text = connection->error_text[0] ? connection->error_text : curl_easy_strerror(code);
    const char *resource = attempt->sent ? NULL : lacking(connection, code);
    if (resource)
        weir__easy_error_set(reply, WEIR_ERROR_RESOURCE, resource);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        explain_timeout(connection, reply);
    else if (code == CURLE_URL_MALFORMAT)
        weir__easy_error_set(reply, WEIR_ERROR_BAD_REQUEST, "the URL, or the proxy's, cannot be understood");
    else if (code == CURLE_SSL_CACERT_BADFILE)
        weir__easy_error_set(reply, WEIR_ERROR_TLS, "the certificate authorities could not be loaded");
    else if (code == CURLE_OUT_OF_MEMORY && attempt->sent && !attempt->head_done && heard(connection))
        /* What libcurl says to one header line that outgrows its own limit, 100 KB; it never came to our count. */
        weir__easy_error_set(reply, WEIR_ERROR_HEADERS_TOO_LARGE, "a header line is too long");
    else if (code == CURLE_SSL_CONNECT_ERROR && !attempt->sent && cut_handshake(text))
        weir__easy_error_set(reply, WEIR_ERROR_CONNECT, "the connection was cut in the middle of the TLS handshake");
    else if (code == CURLE_RECV_ERROR && strstr(text, "chunked-encoding"))
        weir__easy_error_set(reply, WEIR_ERROR_PROTOCOL, text);
    else
        weir__easy_error_set(reply, look_up(code, attempt->sent), text);
}

/*
 * A kept connection that died before the first byte of the response.  libcurl then wants to send again, which was
 * refused (`again`), but not always: it counts these losses over the handle's life, and after each fifth it fails the
 * transfer.
 */
static bool lost_kept(struct weir__connection *connection, CURLcode code)
{
    const struct weir__attempt *attempt = &connection->attempt;
    if (attempt->again)
        return true;
    return attempt->sent && !attempt->new_connection && attempt->head_size == 0 &&
           (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING);
}

void weir__easy_error_explain(struct weir__connection *connection, CURLcode code, struct weir__reply *reply)
{
    const struct weir__attempt *attempt = &connection->attempt;
    const char *stopped = weir__easy_socket_stopped(connection);
    char limit[64];
    /* The second: libcurl repeats a request that was refused with 417 for its Expect field.  The 417 is the response.
     */
    if ((code == CURLE_OK && attempt->began && !(stopped && !surely_whole(connection))) ||
        (attempt->again && attempt->head_done)) {
        reply->error = WEIR_ERROR_NONE;
    } else if (attempt->head_too_large) {
        snprintf(limit, sizeof limit, "the header section is over %u bytes", WEIR_HEADERS_MAX_SIZE);
        weir__easy_error_set(reply, WEIR_ERROR_HEADERS_TOO_LARGE, limit);
    } else if (attempt->body_too_large) {
        snprintf(limit, sizeof limit, "the body is over %zu bytes", connection->easy->options.body_max_size);
        weir__easy_error_set(reply, WEIR_ERROR_BODY_TOO_LARGE, limit);
    } else if (attempt->no_memory) {
        weir__easy_error_set(reply, WEIR_ERROR_RESOURCE, "out of memory");
    } else if (stopped || attempt->refused) {
        weir__easy_error_set(reply, WEIR_ERROR_STOPPED, stopped ? stopped : "not sent");
    } else if (lost_kept(connection, code)) {
        reply->resend = true;
        weir__easy_error_set(reply, WEIR_ERROR_CONNECTION_LOST,
                             connection->reactor
                                 ? "the kept connection was lost, or the stream refused, before a response came"
                                 : "the kept connection was lost before a response came");
    } else if (code == CURLE_OK) {
        weir__easy_error_set(reply, WEIR_ERROR_PROTOCOL, "no final status line");
    } else {
        explain_failure(connection, code, reply);
    }
}
