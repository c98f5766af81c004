/*
 * preload_transfer - what one CURL has paid for, and the two callbacks that tell what it does on the wire.
 *
 * CURLOPT_PREREQFUNCTION runs right before each send, those of redirects that libcurl follows, of its silent resends
 * and of rounds of authentication included: the first one has a permit already, taken where a wait does not count
 * against the program's timeouts; each further one gives the last one's back and pays anew, there.  The header callback
 * sees when a response begins, which is when its rate permits start to come back.  Both hand on to the program's own.
 */
#include "http/preload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 128u /* of a response, that are looked at; more is nobody's advice */

struct weir__preload_transfer *weir__preload_transfer_get(const struct weir__preload_curl *curl, CURL *easy)
{
    struct weir__preload_transfer *transfer = weir__preload_table_get(&weir__preload_transfers, easy, sizeof *transfer);

    if (transfer != NULL) {
        transfer->easy = easy;
        transfer->curl = curl;
    }
    return transfer;
}

/* WebSockets begin as a request. */
static bool is_http_scheme(const char *scheme, size_t size)
{
    static const char *const names[] = {"http", "https", "ws", "wss"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == size && strncasecmp(names[i], scheme, size) == 0)
            return true;
    return false;
}

/* Whether a URL is surely of another scheme.  Without one libcurl guesses, by the host's first label. */
static bool is_other_url(const char *url)
{
    static const char *const labels[] = {"ftp.", "dict.", "ldap.", "imap.", "smtp.", "pop3."};
    const char *colon = url != NULL ? strstr(url, ":/") : NULL; /* "file:/x" will do */
    const size_t size = colon != NULL ? (size_t)(colon - url) : 0;

    if (url == NULL)
        return false;
    if (size > 0 && strspn(url, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-") == size)
        return !is_http_scheme(url, size);
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (strncasecmp(url, labels[i], strlen(labels[i])) == 0)
            return true;
    return false;
}

bool weir__preload_transfer_wishes(CURLoption option)
{
    switch ((int)option) {
    case CURLOPT_URL:
    case CURLOPT_CURLU:
    case CURLOPT_DEFAULT_PROTOCOL:
    case CURLOPT_PREREQFUNCTION:
    case CURLOPT_PREREQDATA:
    case CURLOPT_HEADERFUNCTION:
    case CURLOPT_HEADERDATA:
    case CURLOPT_WRITEFUNCTION:
        return true;
    default:
        return false;
    }
}

void weir__preload_transfer_wish(struct weir__preload_wishes *wishes, CURLoption option, void *value)
{
    const char *text = value;

    switch ((int)option) {
    case CURLOPT_URL:
        wishes->not_http = is_other_url(text);
        break;
    case CURLOPT_CURLU:
        wishes->by_parts = value != NULL;
        break;
    case CURLOPT_DEFAULT_PROTOCOL:
        wishes->default_else = text != NULL && !is_http_scheme(text, strlen(text));
        break;
    case CURLOPT_PREREQFUNCTION:
        memcpy(&wishes->prereq, &value, sizeof value);
        break;
    case CURLOPT_PREREQDATA:
        wishes->prereq_data = value;
        break;
    case CURLOPT_HEADERFUNCTION:
        memcpy(&wishes->header, &value, sizeof value);
        break;
    case CURLOPT_HEADERDATA:
        wishes->header_data = value;
        break;
    case CURLOPT_WRITEFUNCTION:
        memcpy(&wishes->body, &value, sizeof value);
        break;
    default:
        break;
    }
}

bool weir__preload_transfer_pays(const struct weir__preload_transfer *transfer)
{
    return transfer->wishes.by_parts || !(transfer->wishes.not_http || transfer->wishes.default_else);
}

static void hold(struct weir__preload_transfer *transfer)
{
    transfer->held = true;
    weir__preload_waited(transfer->asked_ns);
    transfer->asked_ns = 0;
}

enum weir_status weir__preload_transfer_acquire(struct weir__preload_transfer *transfer, int64_t timeout_ns)
{
    enum weir_status status;

    weir__preload_transfer_give_up(transfer); /* of an earlier use, that nobody saw end */
    if (transfer->asked_ns == 0)
        transfer->asked_ns = weir__preload_asked();
    status = weir__preload_acquire(timeout_ns, &transfer->permit, &transfer->limits);
    if (status == WEIR_OK)
        hold(transfer);
    return status;
}

enum weir_status weir__preload_transfer_collect(struct weir__preload_transfer *transfer)
{
    if (!weir__preload_porter_take(&transfer->permit, &transfer->limits))
        return weir__preload_transfer_acquire(transfer, 0);
    hold(transfer);
    return WEIR_OK;
}

static void release(struct weir__preload_transfer *transfer, const struct weir_answer *answer)
{
    bool refused;

    if (!transfer->held)
        return;
    transfer->held = false;
    refused = weir_limits_release(transfer->limits, &transfer->permit, answer);
    if (!answer->unsent)
        weir__preload_sent(refused);
}

void weir__preload_transfer_give_up(struct weir__preload_transfer *transfer)
{
    struct weir_answer answer = WEIR_ANSWER_INIT;

    answer.unsent = transfer->wire && !transfer->sent;
    answer.http_status = transfer->status;
    release(transfer, &answer);
}

/* ---------------------------------------------------------------------------------------------------- on the wire */

static bool is_http_now(const struct weir__preload_transfer *transfer)
{
    char *scheme = NULL;

    if (transfer->curl->easy_getinfo(transfer->easy, CURLINFO_SCHEME, &scheme) != CURLE_OK || scheme == NULL)
        return weir__preload_transfer_pays(transfer);
    return is_http_scheme(scheme, strlen(scheme));
}

/* A permit for the send that is due; false: it must not go. */
static bool pay(struct weir__preload_transfer *transfer)
{
    if (transfer->held && transfer->sent)
        weir__preload_transfer_give_up(transfer); /* answered with a redirect, or cut off and sent again */
    if (!transfer->held && weir__preload_transfer_acquire(transfer, -1) != WEIR_OK)
        return false;
    transfer->sent = true;
    transfer->status = 0;
    return true;
}

static int on_wire(void *data, char *peer, char *own, int peer_port, int own_port)
{
    struct weir__preload_transfer *transfer = data;
    const struct weir__preload_wishes *wishes = &transfer->wishes;
    const int error = errno;
    bool paid;

    if (wishes->prereq != NULL &&
        wishes->prereq(wishes->prereq_data, peer, own, peer_port, own_port) != CURL_PREREQFUNC_OK)
        return CURL_PREREQFUNC_ABORT;
    paid = !is_http_now(transfer) || pay(transfer);
    errno = error;
    return paid ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* The status of a status line; 0 if it is none, or an interim one. */
static int status_in(const char *line, size_t size)
{
    const char *space = size > 5 && memcmp(line, "HTTP/", 5) == 0 ? memchr(line, ' ', size) : NULL;
    int status = 0;

    if (space == NULL || size - (size_t)(space - line) < 4)
        return 0;
    for (int i = 1; i <= 3; i++) {
        if (space[i] < '0' || space[i] > '9')
            return 0;
        status = 10 * status + (space[i] - '0');
    }
    return status >= 200 || status == 101 ? status : 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
    struct weir__preload_transfer *transfer = data;
    const struct weir__preload_wishes *wishes = &transfer->wishes;
    const int status = transfer->held && transfer->sent ? status_in(line, size * count) : 0;

    if (status != 0) { /* a proxy's answer to CONNECT came before the send */
        transfer->status = status;
        weir_limits_began(transfer->limits, &transfer->permit);
    }
    if (wishes->header != NULL)
        return wishes->header(line, size, count, wishes->header_data);
    if (wishes->header_data == NULL)
        return size * count;
    /* As libcurl does where a program sets CURLOPT_HEADERDATA alone. */
    if (wishes->body != NULL)
        return wishes->body(line, size, count, wishes->header_data);
    return fwrite(line, size, count, wishes->header_data);
}

void weir__preload_transfer_hook(struct weir__preload_transfer *transfer)
{
    const struct weir__preload_curl *curl = transfer->curl;

    transfer->sent = false;
    transfer->status = 0;
    transfer->wire = curl->easy_setopt(transfer->easy, CURLOPT_PREREQFUNCTION, on_wire) == CURLE_OK &&
                     curl->easy_setopt(transfer->easy, CURLOPT_PREREQDATA, transfer) == CURLE_OK;
    if (!transfer->wire)
        return; /* before 7.80: what is sent is not seen, so neither can be said what a header answers */
    (void)curl->easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl->easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer);
}

void weir__preload_transfer_unhook(const struct weir__preload_transfer *transfer, CURL *easy)
{
    const struct weir__preload_wishes *wishes = &transfer->wishes;

    if (!transfer->wire)
        return;
    (void)transfer->curl->easy_setopt(easy, CURLOPT_PREREQFUNCTION, wishes->prereq);
    (void)transfer->curl->easy_setopt(easy, CURLOPT_PREREQDATA, wishes->prereq_data);
    (void)transfer->curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, wishes->header);
    (void)transfer->curl->easy_setopt(easy, CURLOPT_HEADERDATA, wishes->header_data);
}

/* ------------------------------------------------------------------------------------------------------ the answer */

/* Where sends are not seen: it surely did not come to one. */
static bool never_left(CURLcode result)
{
    switch ((int)result) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        return true;
    default:
        return false;
    }
}

/* The fields of the last response; they are libcurl's. */
static size_t collect(const struct weir__preload_transfer *transfer, struct weir_header *out)
{
    struct curl_header *header = NULL;
    size_t count = 0;

    if (transfer->curl->easy_nextheader == NULL)
        return 0;
    while (count < HEADERS_MAX) {
        header = transfer->curl->easy_nextheader(transfer->easy, CURLH_HEADER, -1, header);
        if (header == NULL)
            break;
        out[count++] = (struct weir_header){header->name, header->value};
    }
    return count;
}

void weir__preload_transfer_release(struct weir__preload_transfer *transfer, CURLcode result)
{
    struct weir_answer answer = WEIR_ANSWER_INIT;
    struct weir_header headers[HEADERS_MAX];
    long status = 0;

    if (!transfer->held)
        return;
    answer.unsent = transfer->wire ? !transfer->sent : never_left(result);
    answer.http_status = transfer->status;
    /* A program that changed its header callback on the way has hidden the status from us. */
    if (!answer.unsent && answer.http_status == 0 && (result == CURLE_OK || result == CURLE_HTTP_RETURNED_ERROR) &&
        transfer->curl->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
        answer.http_status = status > 0 && status <= (long)WEIR_HTTP_STATUS_MAX ? (int)status : 0;
    if (answer.http_status != 0) {
        answer.headers = headers;
        answer.header_count = collect(transfer, headers);
    }
    release(transfer, &answer);
}
