/*
 * easy_receive - what libcurl calls while a transfer runs: the wire, the header section, the body.
 *
 * Counts everything against its limit and collects what the reply will point to.  What it means is decided afterwards.
 */
#include "http/easy.h"

#include "base/clock.h"
#include "base/stack.h"
#include "policy/feedback.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A wait shorter than this leaves the timeout as it is: libcurl counts in milliseconds. */
#define WAIT_WORTH_NS WEIR__NS_PER_MS

/*
 * libcurl counts the time in here against its timeout, so the timeout is moved by as much; not beyond the call's own,
 * which is all the time that there is.  libcurl looks at the new one when something happens on the socket, and once a
 * second otherwise: after a wait, a timeout is kept to within a second.
 */
static void extend_timeout(struct weir__connection *connection, int64_t waited_ns)
{
    if (waited_ns < WAIT_WORTH_NS)
        return;
    int64_t timeout_ns = connection->attempt.budget_ns, own_ns = connection->attempt.own_ns;
    int64_t sum_ns = waited_ns < INT64_MAX - timeout_ns ? timeout_ns + waited_ns : INT64_MAX;
    long ms = weir__easy_setup_ms(own_ns > 0 && own_ns < sum_ns ? own_ns : sum_ns);
    if (ms != connection->timeout_ms)
        curl_easy_setopt(connection->curl, CURLOPT_TIMEOUT_MS, ms);
    connection->timeout_ms = ms;
}

int weir__easy_receive_wire(void *user, char *remote, char *local, int remote_port, int local_port)
{
    struct weir__connection *connection = user;
    struct weir__attempt *attempt = &connection->attempt;
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    if (attempt->reached) {
        attempt->again = true;
        return CURL_PREREQFUNC_ABORT;
    }
    if (weir__easy_socket_stopped(connection))
        return CURL_PREREQFUNC_ABORT;
    attempt->reached = true;
    attempt->new_connection |= attempt->opened;
    int64_t waited_ns = attempt->call->wire(attempt->call->context, attempt->opened);
    if (waited_ns < 0) {
        attempt->later = connection->reactor && waited_ns == WEIR__WIRE_LATER;
        attempt->refused = !attempt->later;
        return CURL_PREREQFUNC_ABORT;
    }
    attempt->waited_ns = waited_ns;
    if (weir__easy_socket_stopped(connection))
        return CURL_PREREQFUNC_ABORT;
    extend_timeout(connection, attempt->waited_ns);
    attempt->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* Of a lean transport.  Comes between the send and the long wait: what lies deeper on the stack belongs to work that is
 * done. */
int weir__easy_receive_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct weir__connection *connection = user;
    (void)down_total, (void)down, (void)up_total, (void)up;
    if (connection->attempt.sent && !connection->attempt.shed) {
        connection->attempt.shed = true;
        weir__stack_shed(connection->stack_low);
    }
    return 0;
}

/* "HTTP/1.1 200 OK"; 0 where it is none.  libcurl has looked at it before. */
static int parse_status(const char *line, size_t size)
{
    const char *space = memchr(line, ' ', size);
    if (!space || size - (size_t)(space - line) < 4)
        return 0;
    int status = 0;
    for (int i = 1; i <= 3; i++) {
        if (space[i] < '0' || space[i] > '9')
            return 0;
        status = status * 10 + (space[i] - '0');
    }
    return status;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **text, size_t *size)
{
    while (*size && is_blank(**text))
        (*text)++, (*size)--;
    while (*size && is_blank((*text)[*size - 1]))
        (*size)--;
}

/* A line that begins with a blank continues the one before (RFC 9112, 5.2): joined by one space. */
static bool collect_folded(struct weir__connection *connection, const char *line, size_t size)
{
    if (!connection->attempt.collected)
        return true;
    trim(&line, &size);
    if (!weir__easy_buffer_reserve(&connection->head, size + 1))
        return false;
    connection->head.data[connection->head.size - 1] = ' ';
    weir__easy_buffer_append(&connection->head, line, size);
    return weir__easy_buffer_append(&connection->head, "", 1);
}

/* libcurl has refused lines without a colon or a name already. */
static bool collect_field(struct weir__connection *connection, const char *line, size_t size)
{
    struct weir__attempt *attempt = &connection->attempt;
    const char *colon = memchr(line, ':', size);
    if (!colon || colon == line)
        return true;
    size_t name_size = (size_t)(colon - line);
    const char *value = colon + 1;
    size_t value_size = size - name_size - 1;
    trim(&line, &name_size);
    if (attempt->call->drop_reply && !weir__feedback_wants(line, name_size))
        return true;
    trim(&value, &value_size);
    struct weir__easy_buffer *head = &connection->head;
    if (!weir__easy_buffer_reserve(head, name_size + value_size + 2))
        return false;
    char *at = head->data + head->size; /* by hand: this is done for each field of each response */
    memcpy(at, line, name_size);
    at[name_size] = '\0';
    memcpy(at + name_size + 1, value, value_size);
    at[name_size + 1 + value_size] = '\0';
    head->size += name_size + value_size + 2;
    connection->field_count++;
    attempt->collected = true;
    return true;
}

/*
 * Of a reply that nobody looks at, the few fields that tell of limits are kept.  Date is wanted only together with such
 * a one: it is in every response, and set aside until it is known whether there is.
 */
static bool set_aside(struct weir__connection *connection, const char *line, size_t size)
{
    if ((line[0] | 0x20) != 'd' || size > sizeof connection->date_line || size < 5 ||
        strncasecmp(line, "date:", 5) != 0)
        return false;
    memcpy(connection->date_line, line, size);
    connection->attempt.date_size = size;
    return true;
}

static bool is_chunked(const char *line, size_t size)
{
    static const char coding[] = "transfer-encoding:";
    return (line[0] | 0x20) == 't' && size >= sizeof coding - 1 && strncasecmp(line, coding, sizeof coding - 1) == 0;
}

/* False without memory. */
static bool take_field(struct weir__connection *connection, const char *line, size_t size)
{
    struct weir__attempt *attempt = &connection->attempt;
    if (is_chunked(line, size))
        attempt->chunked = true;
    if (is_blank(line[0]))
        return collect_folded(connection, line, size);
    attempt->collected = false;
    if (attempt->call->drop_reply && (!weir__feedback_may_want(line[0]) || set_aside(connection, line, size)))
        return true;
    return collect_field(connection, line, size);
}

/* The collection starts anew after each 1xx. */
static void begin_section(struct weir__connection *connection, const char *line, size_t size)
{
    struct weir__attempt *attempt = &connection->attempt;
    attempt->in_head = true;
    attempt->collected = false;
    attempt->status = parse_status(line, size);
    attempt->date_size = 0;
    connection->head.size = 0;
    connection->field_count = 0;
    if (attempt->status >= 200 && !attempt->began) {
        attempt->began = true;
        attempt->call->began(attempt->call->context);
    }
}

/* False without memory. */
static bool tell_head(struct weir__connection *connection)
{
    struct weir__attempt *attempt = &connection->attempt;
    attempt->no_memory = !weir__easy_receive_fields(connection);
    if (!attempt->no_memory)
        attempt->call->headed(attempt->call->context, attempt->status, connection->fields, connection->field_count);
    return !attempt->no_memory;
}

size_t weir__easy_receive_head(char *line, size_t size, size_t count, void *user)
{
    struct weir__connection *connection = user;
    struct weir__attempt *attempt = &connection->attempt;
    size_t length = size * count, whole = length;
    attempt->head_size += length;
    if (attempt->head_size > WEIR_HEADERS_MAX_SIZE) {
        attempt->head_too_large = true;
        return 0;
    }
    while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    if (attempt->head_done)
        return whole; /* trailers count, and are dropped: RFC 9110, 6.5.1, forbids to merge them */
    if (!attempt->in_head) {
        begin_section(connection, line, length);
    } else if (!length) {
        attempt->in_head = false;
        attempt->head_done = attempt->status >= 200;
        if (attempt->status >= 400 && attempt->call->headed && !tell_head(connection))
            return 0;
    } else if (!take_field(connection, line, length)) {
        attempt->no_memory = true;
        return 0;
    }
    return whole;
}

/* Counts what comes out of the decoder, so that a compressed bomb is stopped after body_max_size too. */
size_t weir__easy_receive_body(char *data, size_t size, size_t count, void *user)
{
    struct weir__connection *connection = user;
    struct weir__attempt *attempt = &connection->attempt;
    size_t length = size * count;
    if (length > connection->easy->options.body_max_size - attempt->body_size) {
        attempt->body_too_large = true;
        return 0;
    }
    attempt->body_size += length;
    if (connection->easy->options.keep_bodies && !attempt->call->drop_reply &&
        !weir__easy_buffer_append(&connection->body, data, length)) {
        attempt->no_memory = true;
        return 0;
    }
    return length;
}

bool weir__easy_receive_fields(struct weir__connection *connection)
{
    size_t date_size = connection->attempt.date_size;
    if (connection->field_count && date_size && !collect_field(connection, connection->date_line, date_size))
        return false;
    connection->attempt.date_size = 0;
    if (connection->field_count > connection->field_max) {
        size_t max = connection->field_count + 8;
        struct weir_header *fields = realloc(connection->fields, max * sizeof *fields);
        if (!fields)
            return false;
        connection->fields = fields;
        connection->field_max = max;
    }
    const char *text = connection->head.data;
    for (size_t i = 0; i < connection->field_count; i++) {
        connection->fields[i].name = text;
        text += strlen(text) + 1;
        connection->fields[i].value = text;
        text += strlen(text) + 1;
    }
    assert(!connection->field_count || text == connection->head.data + connection->head.size);
    return true;
}
