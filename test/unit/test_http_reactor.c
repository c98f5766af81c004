/*
 * The reactor behind http/transport.h over real sockets: what its contract says, and nothing of how it is made.
 */
#include "support/http_attempt.h"
#include "support/nginx.h"
#include "support/raw_server.h"

#include "base/clock.h"
#include "base/sync.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

#define MS(n) ((int64_t)(n)*WEIR__NS_PER_MS)
#define PATIENCE_NS MS(8000)
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* One attempt, and all that is heard of it. */
struct heard {
    struct weir__connection *connection;
    struct weir__call call;
    char url[128];
    atomic_bool cancelled;

    /* what its wire does */
    int64_t later_ns; /* the first time it is asked: not before so long from then; 0: at once */
    unsigned laters;  /* so often */
    bool refuse;
    void (*at_wire)(struct heard *heard);

    /* heard */
    unsigned wires, new_wires, begans, headeds, ends;
    int headed_status;
    int64_t started_ns, wire_ns[8], ended_ns;
    struct weir__reply reply;
    char body[64];
    void (*at_end)(struct heard *heard);
};

static struct weir__transport *transport;
static struct weir__reactor *reactor;
static struct raw_server *server;
static bool in_start, in_poll;
static size_t open_count; /* connections */

static int64_t on_wire(void *context, bool new_connection)
{
    struct heard *heard = context;

    assert_true(in_poll);
    if (heard->wires < 8)
        heard->wire_ns[heard->wires] = weir__clock_now_ns();
    heard->wires++;
    heard->new_wires += new_connection;
    if (heard->at_wire != NULL)
        heard->at_wire(heard);
    if (heard->refuse)
        return -1;
    if (heard->wires <= heard->laters) {
        heard->call.wire_again_ns = weir__clock_now_ns() + heard->later_ns;
        return WEIR__WIRE_LATER;
    }
    return 0;
}

static void on_began(void *context)
{
    ((struct heard *)context)->begans++;
}

static void on_headed(void *context, int http_status, const struct weir_header *headers, size_t header_count)
{
    struct heard *heard = context;

    (void)headers, (void)header_count;
    heard->headeds++;
    heard->headed_status = http_status;
}

static void on_ended(void *context, struct weir__reply *reply)
{
    struct heard *heard = context;

    assert_true(in_poll && !in_start);
    heard->ends++;
    heard->ended_ns = weir__clock_now_ns();
    heard->reply = *reply;
    if (reply->body != NULL)
        (void)snprintf(heard->body, sizeof heard->body, "%.*s", (int)reply->body_size, (const char *)reply->body);
    if (heard->at_end != NULL)
        heard->at_end(heard);
}

static int begin_test(void **state)
{
    struct weir__transport_options options = http_attempt_options();

    (void)state;
    options.insecure = true;
    if (weir__easy_new(&options, &transport) != WEIR_OK)
        return -1;
    reactor = transport->reactor_new(transport, 600);
    server = NULL;
    open_count = 0;
    return reactor != NULL ? 0 : -1;
}

static int end_test(void **state)
{
    (void)state;
    in_poll = false;
    if (open_count == 0) { /* else it has failed, and what may be under way stays as it is */
        transport->reactor_free(reactor);
        transport->free(transport);
    }
    raw_server_stop(server);
    return 0;
}

/* A reactor made with other options than the usual ones. */
static void begin_anew(const struct weir__transport_options *options)
{
    transport->reactor_free(reactor);
    transport->free(transport);
    assert_int_equal(weir__easy_new(options, &transport), WEIR_OK);
    reactor = transport->reactor_new(transport, 600);
    assert_non_null(reactor);
}

static void prepare(struct heard *heard, const char *method, const char *format, int port)
{
    const char *mark = strstr(format, "PORT");

    memset(heard, 0, sizeof *heard);
    (void)snprintf(heard->url, sizeof heard->url, "%.*s%d%s", (int)(mark - format), format, port, mark + 4);
    heard->call = (struct weir__call){
        .method = method,
        .url = heard->url,
        .cancelled = &heard->cancelled,
        .wire = on_wire,
        .began = on_began,
        .headed = on_headed,
        .ended = on_ended,
        .context = heard,
    };
    heard->connection = transport->reactor_open(reactor);
    assert_non_null(heard->connection);
    open_count++;
}

static void start(struct heard *heard)
{
    in_start = true;
    heard->started_ns = weir__clock_now_ns();
    transport->start(heard->connection, &heard->call);
    in_start = false;
    assert_int_equal(heard->wires + heard->ends, 0);
}

static void start_again(struct heard *heard)
{
    heard->wires = heard->new_wires = heard->begans = heard->headeds = heard->ends = 0;
    heard->started_ns = weir__clock_now_ns();
    transport->start(heard->connection, &heard->call);
}

static void poll_until(int64_t until_ns)
{
    in_poll = true;
    transport->poll(reactor, until_ns);
    in_poll = false;
}

/* Until all have ended; fails the test where that takes too long. */
static void finish(struct heard *heard, size_t count)
{
    const int64_t give_up_ns = weir__clock_now_ns() + PATIENCE_NS;
    size_t ended = 0;

    while (ended < count) {
        poll_until(give_up_ns);
        ended = 0;
        for (size_t i = 0; i < count; i++)
            ended += heard[i].ends > 0;
        if (weir__clock_now_ns() > give_up_ns)
            fail_msg("%zu of %zu attempts ended", ended, count);
    }
}

static void release(struct heard *heard, size_t count)
{
    for (size_t i = 0; i < count; i++)
        transport->close(heard[i].connection);
    open_count -= count;
}

#define expect_end(heard, expected) expect_end_at((heard), (expected), __FILE__, __LINE__)
static void expect_end_at(const struct heard *heard, enum weir_error expected, const char *file, int line)
{
    if (heard->ends == 1 && heard->reply.error == expected)
        return;
    print_error("%s ended %u times, %s, not once, %s: status %d, \"%s\"\n", heard->url, heard->ends,
                weir_error_code(heard->reply.error), weir_error_code(expected), heard->reply.http_status,
                heard->reply.detail);
    _fail(file, line);
}

#define expect_between(ns, low, high) expect_between_at((ns), (low), (high), __FILE__, __LINE__)
static void expect_between_at(int64_t ns, int64_t low, int64_t high, const char *file, int line)
{
    if (ns >= low && ns <= high)
        return;
    print_error("took %.3f ms, not from %.3f to %.3f\n", (double)ns / 1e6, (double)low / 1e6, (double)high / 1e6);
    _fail(file, line);
}

/* ------------------------------------------------------------------------------------------------------- servers */

static void serve(raw_server_fn fn, void *user)
{
    server = raw_server_start(fn, user);
    assert_non_null(server);
}

static void answer(struct raw_server *s, int fd, int index, void *user)
{
    (void)index;
    while (raw_server_read(s, fd))
        if (!raw_server_send(fd, user != NULL ? user : OK_ANSWER))
            return;
}

static void answer_and_close(struct raw_server *s, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(s, fd))
        (void)raw_server_send(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
}

static void say_nothing(struct raw_server *s, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(s, fd))
        raw_server_linger(fd);
}

/* The first request of each connection is answered, the second finds it reset. */
static void answer_once(struct raw_server *s, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(s, fd) && raw_server_send(fd, OK_ANSWER) && raw_server_read(s, fd))
        raw_server_reset(fd);
}

static void answer_slowly(struct raw_server *s, int fd, int index, void *user)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nX-Slow: yes\r\nContent-Length: 2\r\n\r\nok";

    (void)index, (void)user;
    if (!raw_server_read(s, fd))
        return;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        if (!raw_server_send_bytes(fd, text + i, 1))
            return;
        if (i % 8 == 0 && !raw_server_sleep(fd, 2))
            return;
    }
    raw_server_linger(fd);
}

/* ---------------------------------------------------------------------------------------------------- the plain way */

static void an_attempt_is_told_of_in_order_and_once(void **state)
{
    struct heard one;

    (void)state;
    serve(answer, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    assert_int_equal(one.wires, 1);
    assert_int_equal(one.new_wires, 1);
    assert_int_equal(one.begans, 1);
    assert_int_equal(one.headeds, 0);
    assert_int_equal(one.reply.http_status, 200);
    assert_true(one.reply.sent && one.reply.new_connection && !one.reply.resend);
    assert_true(one.reply.connect_ns > 0);
    assert_string_equal(one.body, "ok");
    start_again(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    assert_int_equal(one.new_wires, 0);
    assert_false(one.reply.new_connection);
    assert_int_equal(one.reply.connect_ns, 0);
    assert_int_equal(raw_server_connections(server), 1);
    assert_int_equal(raw_server_requests(server), 2);
    release(&one, 1);
}

static void an_error_status_tells_its_header_before_its_body(void **state)
{
    struct heard one;

    (void)state;
    serve(answer, "HTTP/1.1 429 No\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy");
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    assert_int_equal(one.headeds, 1);
    assert_int_equal(one.headed_status, 429);
    assert_int_equal(one.reply.http_status, 429);
    assert_string_equal(one.body, "busy");
    release(&one, 1);
}

static void chain_on(struct heard *heard)
{
    if (heard->headed_status++ < 20)
        transport->start(heard->connection, &heard->call);
}

static void the_next_attempt_may_start_when_one_is_told_of(void **state)
{
    struct heard one;

    (void)state;
    serve(answer, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    one.at_end = chain_on;
    start(&one);
    for (int64_t end_ns = weir__clock_now_ns() + PATIENCE_NS; one.ends < 21 && weir__clock_now_ns() < end_ns;)
        poll_until(end_ns);
    assert_int_equal(one.ends, 21);
    assert_int_equal(raw_server_requests(server), 21);
    assert_int_equal(raw_server_connections(server), 1);
    release(&one, 1);
}

static void many_are_under_way_at_once(void **state)
{
    enum { MANY = 400 };
    static struct heard many[MANY];

    (void)state;
    serve(answer_slowly, NULL);
    for (size_t i = 0; i < MANY; i++) {
        prepare(&many[i], "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
        start(&many[i]);
    }
    finish(many, MANY);
    for (size_t i = 0; i < MANY; i++) {
        expect_end(&many[i], WEIR_ERROR_NONE);
        assert_int_equal(many[i].wires, 1);
        assert_string_equal(many[i].body, "ok");
    }
    release(many, MANY);
}

static void a_slow_header_is_read_whole(void **state)
{
    struct heard one;

    (void)state;
    serve(answer_slowly, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    assert_int_equal(one.begans, 1);
    assert_int_equal(one.reply.header_count, 2);
    release(&one, 1);
}

/* ------------------------------------------------------------------------------------------------------- the wire */

static void look_for_nothing(struct heard *heard)
{
    /* the server must not have read anything by now */
    heard->headed_status += raw_server_requests(server);
}

static void later_with(const char *format, int port, bool kept)
{
    struct heard one;

    prepare(&one, "POST", format, port);
    one.call.body = "data";
    one.call.body_size = 4;
    if (kept) {
        start(&one);
        finish(&one, 1);
        expect_end(&one, WEIR_ERROR_NONE);
        start_again(&one);
    } else {
        start(&one);
    }
    one.laters = 2;
    one.later_ns = MS(60);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    assert_int_equal(one.wires, 3);
    assert_int_equal(one.new_wires, !kept); /* the connection is kept meanwhile, and is an old one then */
    assert_int_equal(one.reply.new_connection, !kept);
    expect_between(one.wire_ns[1] - one.wire_ns[0], MS(60), MS(400));
    expect_between(one.wire_ns[2] - one.wire_ns[1], MS(60), MS(400));
    assert_int_equal(one.begans, 1);
    release(&one, 1);
}

static void later_keeps_the_connection_and_sends_nothing_before(void **state)
{
    struct heard one;

    (void)state;
    serve(answer, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    one.laters = 1;
    one.later_ns = MS(100);
    one.at_wire = look_for_nothing;
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    assert_int_equal(one.headed_status, 0); /* nothing was sent before it was asked for the second time */
    assert_int_equal(one.wires, 2);
    assert_int_equal(raw_server_connections(server), 1);
    assert_int_equal(raw_server_requests(server), 1);
    assert_string_equal(one.body, "ok");
    release(&one, 1);
    raw_server_stop(server);

    serve(answer, NULL);
    later_with("http://127.0.0.1:PORT/", raw_server_port(server), false);
    assert_int_equal(raw_server_connections(server), 1);
    raw_server_stop(server);

    serve(answer, NULL);
    later_with("http://127.0.0.1:PORT/", raw_server_port(server), true);
    assert_int_equal(raw_server_connections(server), 1);
    assert_int_equal(raw_server_requests(server), 2);
}

static void the_wait_for_the_wire_counts_against_no_timeout(void **state)
{
    struct weir__transport_options options = http_attempt_options();
    struct heard one;

    (void)state;
    options.timeout_ns = options.connect_timeout_ns = MS(300);
    begin_anew(&options);
    serve(answer, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    one.laters = 2;
    one.later_ns = MS(250);
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    expect_between(one.ended_ns - one.started_ns, MS(500), MS(2000));
    release(&one, 1);
    raw_server_stop(server);

    serve(say_nothing, NULL); /* and afterwards it is there again */
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    one.laters = 1;
    one.later_ns = MS(250);
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_TIMEOUT);
    assert_true(one.reply.sent);
    expect_between(one.ended_ns - one.wire_ns[1], MS(200), MS(1000));
    release(&one, 1);
}

static void the_calls_own_time_goes_on_at_the_wire(void **state)
{
    struct heard one;

    (void)state;
    serve(answer, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    one.call.timeout_ns = MS(150);
    one.laters = 1;
    one.later_ns = MS(5000);
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_TIMEOUT);
    assert_false(one.reply.sent);
    assert_int_equal(raw_server_requests(server), 0);
    expect_between(one.ended_ns - one.started_ns, MS(150), MS(1000));
    release(&one, 1);
}

static void a_refused_wire_sends_nothing(void **state)
{
    struct heard two[2];

    (void)state;
    serve(answer, NULL);
    for (size_t i = 0; i < 2; i++)
        prepare(&two[i], "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    two[0].refuse = true;
    start(&two[0]);
    start(&two[1]);
    finish(two, 2);
    expect_end(&two[0], WEIR_ERROR_STOPPED);
    assert_false(two[0].reply.sent);
    expect_end(&two[1], WEIR_ERROR_NONE);
    assert_int_equal(raw_server_requests(server), 1);
    release(two, 2);
}

static void several_wait_at_the_wire_and_go_by_their_moments(void **state)
{
    struct heard five[5];

    (void)state;
    serve(answer, NULL);
    for (size_t i = 0; i < 5; i++) {
        prepare(&five[i], "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
        five[i].laters = 1;
        five[i].later_ns = MS(300 - 50 * (int)i); /* the last goes first */
        start(&five[i]);
    }
    finish(five, 5);
    for (size_t i = 0; i < 5; i++) {
        expect_end(&five[i], WEIR_ERROR_NONE);
        expect_between(five[i].wire_ns[1] - five[i].wire_ns[0], five[i].later_ns, five[i].later_ns + MS(300));
        assert_int_equal(five[i].wires, 2);
    }
    release(five, 5);
}

/* ------------------------------------------------------------------------------------------------- cancel and abort */

static void a_cancel_ends_one_wherever_it_is(void **state)
{
    struct heard four[4];
    int64_t begin_ns;

    (void)state;
    serve(say_nothing, NULL);
    for (size_t i = 0; i < 4; i++) {
        prepare(&four[i], "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
        start(&four[i]);
    }
    four[1].laters = 1; /* one of them at the wire */
    four[1].later_ns = MS(60000);
    for (int64_t end_ns = weir__clock_now_ns() + PATIENCE_NS;
         (raw_server_requests(server) < 3 || four[1].wires == 0) && weir__clock_now_ns() < end_ns;)
        poll_until(weir__clock_now_ns() + MS(5));
    assert_int_equal(raw_server_requests(server), 3);
    begin_ns = weir__clock_now_ns();
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&four[i].cancelled, true);
        transport->cancel(four[i].connection);
    }
    finish(four, 2);
    expect_between(weir__clock_now_ns() - begin_ns, 0, MS(1000));
    expect_end(&four[0], WEIR_ERROR_STOPPED);
    assert_true(four[0].reply.sent);
    expect_end(&four[1], WEIR_ERROR_STOPPED);
    assert_false(four[1].reply.sent);
    poll_until(weir__clock_now_ns() + MS(30));
    assert_int_equal(four[2].ends + four[3].ends, 0);
    atomic_store(&four[0].cancelled, false); /* its connection is of use again */
    start_again(&four[0]);
    for (int64_t end_ns = weir__clock_now_ns() + PATIENCE_NS; four[0].wires == 0 && weir__clock_now_ns() < end_ns;)
        poll_until(weir__clock_now_ns() + MS(5));
    assert_int_equal(four[0].wires, 1);
    assert_int_equal(four[0].ends, 0);
    transport->abort(transport);
    finish(four, 4);
    for (size_t i = 0; i < 4; i++)
        expect_end(&four[i], WEIR_ERROR_STOPPED);
    start_again(&four[2]); /* after an abort nothing goes any more */
    finish(&four[2], 1);
    expect_end(&four[2], WEIR_ERROR_STOPPED);
    assert_int_equal(four[2].wires, 0);
    release(four, 4);
}

static void *ring_later(void *argument)
{
    struct heard *heard = argument;

    (void)usleep(50000);
    if (heard == NULL) {
        transport->wake(reactor);
    } else {
        atomic_store(&heard->cancelled, true);
        transport->cancel(heard->connection);
    }
    return NULL;
}

static void a_wake_ends_the_wait_of_a_poll(void **state)
{
    const int64_t begin_ns = weir__clock_now_ns();
    pthread_t thread;

    (void)state;
    poll_until(begin_ns); /* does not wait */
    expect_between(weir__clock_now_ns() - begin_ns, 0, MS(500));
    assert_int_equal(pthread_create(&thread, NULL, ring_later, NULL), 0);
    poll_until(begin_ns + PATIENCE_NS);
    expect_between(weir__clock_now_ns() - begin_ns, MS(50), MS(1500));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, ring_later, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    poll_until(weir__clock_now_ns() + PATIENCE_NS); /* of the next one where none is under way */
    expect_between(weir__clock_now_ns() - begin_ns, MS(100), MS(3000));
    poll_until(weir__clock_now_ns() + MS(50)); /* and of no other */
    expect_between(weir__clock_now_ns() - begin_ns, MS(150), MS(4000));
}

static void a_cancel_from_another_thread_ends_the_wait(void **state)
{
    struct heard one;
    pthread_t thread;

    (void)state;
    serve(say_nothing, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    start(&one);
    assert_int_equal(pthread_create(&thread, NULL, ring_later, &one), 0);
    finish(&one, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    expect_end(&one, WEIR_ERROR_STOPPED);
    expect_between(one.ended_ns - one.started_ns, MS(50), MS(1500));
    release(&one, 1);
}

static void cancel_self(struct heard *heard)
{
    atomic_store(&heard->cancelled, true);
    transport->cancel(heard->connection);
}

static void who_stands_at_the_wire_may_be_cancelled_there(void **state)
{
    struct heard one;

    (void)state;
    serve(answer, NULL);
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    one.at_wire = cancel_self;
    one.refuse = true; /* as core does where it sees that */
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_STOPPED);
    assert_int_equal(raw_server_requests(server), 0);
    release(&one, 1);
}

/* ------------------------------------------------------------------------------------------------------- failures */

static void nobody_listens(void **state)
{
    struct heard one;

    (void)state;
    prepare(&one, "GET", "http://127.0.0.1:PORT/", 1);
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_CONNECT);
    assert_int_equal(one.wires, 0);
    assert_false(one.reply.sent);
    assert_string_not_equal(one.reply.detail, "");
    release(&one, 1);
}

static void a_dead_kept_connection_is_never_sent_on_twice(void **state)
{
    struct heard one;

    (void)state;
    serve(answer_once, NULL);
    prepare(&one, "POST", "http://127.0.0.1:PORT/", raw_server_port(server));
    one.call.body = "data";
    one.call.body_size = 4;
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    start_again(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_CONNECTION_LOST);
    assert_true(one.reply.sent && one.reply.resend);
    assert_int_equal(one.wires, 1);
    assert_int_equal(one.begans, 0);
    assert_int_equal(raw_server_requests(server), 2);
    start_again(&one); /* the next one finds a connection of its own */
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_NONE);
    assert_int_equal(raw_server_requests(server), 3);
    release(&one, 1);
}

static void a_body_that_is_too_large_ends_it(void **state)
{
    struct weir__transport_options options = http_attempt_options();
    struct heard one;

    (void)state;
    options.body_max_size = 3;
    begin_anew(&options);
    serve(answer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlong");
    prepare(&one, "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    start(&one);
    finish(&one, 1);
    expect_end(&one, WEIR_ERROR_BODY_TOO_LARGE);
    assert_int_equal(one.reply.http_status, 200);
    release(&one, 1);
}

static void a_silent_server_is_a_timeout(void **state)
{
    struct weir__transport_options options = http_attempt_options();
    struct heard two[2];

    (void)state;
    options.timeout_ns = MS(200);
    begin_anew(&options);
    serve(say_nothing, NULL);
    for (size_t i = 0; i < 2; i++)
        prepare(&two[i], "GET", "http://127.0.0.1:PORT/", raw_server_port(server));
    two[1].call.timeout_ns = MS(100); /* its own, where that is less */
    start(&two[0]);
    start(&two[1]);
    finish(two, 2);
    expect_end(&two[0], WEIR_ERROR_TIMEOUT);
    expect_end(&two[1], WEIR_ERROR_TIMEOUT);
    expect_between(two[0].ended_ns - two[0].started_ns, MS(200), MS(1000));
    expect_between(two[1].ended_ns - two[1].started_ns, MS(100), two[0].ended_ns - two[1].started_ns);
    assert_true(two[0].reply.sent && two[1].reply.sent);
    release(two, 2);
}

static void a_closed_connection_is_replaced_unseen(void **state)
{
    struct heard one;

    (void)state;
    serve(answer_and_close, NULL);
    prepare(&one, "POST", "http://127.0.0.1:PORT/", raw_server_port(server));
    start(&one);
    finish(&one, 1);
    for (int i = 0; i < 5; i++) {
        start_again(&one);
        finish(&one, 1);
        expect_end(&one, WEIR_ERROR_NONE);
        assert_int_equal(one.new_wires, 1);
    }
    assert_int_equal(raw_server_connections(server), 6);
    assert_int_equal(raw_server_requests(server), 6);
    release(&one, 1);
}

/* ------------------------------------------------------------------------------------------------------- two threads
 */

static void *live_alone(void *argument)
{
    struct weir__reactor *own = transport->reactor_new(transport, 20);
    struct weir__connection *connections[20];
    atomic_int *good = argument;

    if (own == NULL)
        return NULL;
    for (int i = 0; i < 20; i++)
        connections[i] = transport->reactor_open(own);
    for (int i = 0; i < 200; i++)
        transport->poll(own, weir__clock_now_ns());
    atomic_fetch_add(good, connections[0] != NULL && connections[19] != NULL);
    for (int i = 0; i < 20; i++)
        transport->close(connections[i]);
    transport->reactor_free(own);
    return NULL;
}

/* A thread's attempts, with callbacks that know of no other thread. */
struct crew {
    struct weir__reactor *reactor;
    struct weir__call calls[20];
    struct weir__connection *connections[20];
    char url[64];
    unsigned ended, good, rounds;
};

static int64_t crew_wire(void *context, bool new_connection)
{
    (void)context, (void)new_connection;
    return 0;
}

static void crew_began(void *context)
{
    (void)context;
}

static void crew_ended(void *context, struct weir__reply *reply)
{
    struct crew *crew = context;

    crew->ended++;
    crew->good += reply->error == WEIR_ERROR_NONE && reply->http_status == 200;
}

static void *work(void *argument)
{
    struct crew *crew = argument;
    const int64_t give_up_ns = weir__clock_now_ns() + PATIENCE_NS;

    crew->reactor = transport->reactor_new(transport, 20);
    if (crew->reactor == NULL)
        return NULL;
    for (int i = 0; i < 20; i++)
        crew->connections[i] = transport->reactor_open(crew->reactor);
    for (crew->rounds = 0; crew->rounds < 10; crew->rounds++) {
        for (int i = 0; i < 20; i++) {
            crew->calls[i] = (struct weir__call){.method = "GET",
                                                 .url = crew->url,
                                                 .wire = crew_wire,
                                                 .began = crew_began,
                                                 .ended = crew_ended,
                                                 .context = crew};
            transport->start(crew->connections[i], &crew->calls[i]);
        }
        while (crew->ended < 20 * (crew->rounds + 1) && weir__clock_now_ns() < give_up_ns)
            transport->poll(crew->reactor, give_up_ns);
    }
    for (int i = 0; i < 20; i++)
        transport->close(crew->connections[i]);
    transport->reactor_free(crew->reactor);
    return NULL;
}

static void reactors_of_two_threads_do_not_meet(void **state)
{
    static struct crew crews[2];
    pthread_t threads[3];
    atomic_int good = 0;

    (void)state;
    serve(answer, NULL);
    memset(crews, 0, sizeof crews);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(crews[i].url, sizeof crews[i].url, "http://127.0.0.1:%d/", raw_server_port(server));
        assert_int_equal(pthread_create(&threads[i], NULL, work, &crews[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[2], NULL, live_alone, &good), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < 2; i++)
        if (crews[i].good != 200 || crews[i].ended != 200)
            fail_msg("%u of 200 ended, %u of them well", crews[i].ended, crews[i].good);
    assert_int_equal(atomic_load(&good), 1);
    assert_int_equal(raw_server_requests(server), 400);
}

/* ---------------------------------------------------------------------------------------------------------- TLS,
 * HTTP/2
 */

static struct nginx nginx;

/* HTTP/1.1 over TLS on PORT0, HTTP/2 on PORT1; says which. */
static bool start_nginx(void)
{
    char command[160];

    if (!nginx_prepare(&nginx))
        return false;
    (void)snprintf(command, sizeof command, "sh test/support/certs.sh %s", nginx.dir);
    return system(command) == 0 &&
           nginx_start(
               &nginx,
               "ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key; keepalive_requests 100000;\n"
               "server { listen PORT0 ssl; location / { return 200 \"$server_protocol $connection\"; } }\n"
               "server { listen PORT1 ssl http2; location / { return 200 \"$server_protocol $connection\"; } }\n",
               2);
}

static int end_nginx_test(void **state)
{
    nginx_stop(&nginx);
    return end_test(state);
}

static void later_keeps_the_connection_over_tls_and_http2(void **state)
{
    static const char *const protocols[] = {"HTTP/1.1 ", "HTTP/2.0 "};
    struct heard one;
    char before[64];

    (void)state;
    assert_true(start_nginx());
    for (int i = 0; i < 2; i++) {
        prepare(&one, "GET", "https://127.0.0.1:PORT/", nginx.ports[i]);
        start(&one);
        finish(&one, 1);
        expect_end(&one, WEIR_ERROR_NONE);
        assert_memory_equal(one.body, protocols[i], strlen(protocols[i]));
        (void)snprintf(before, sizeof before, "%s", one.body);
        start_again(&one);
        one.laters = 2;
        one.later_ns = MS(60);
        finish(&one, 1);
        expect_end(&one, WEIR_ERROR_NONE);
        assert_int_equal(one.wires, 3);
        expect_between(one.wire_ns[2] - one.wire_ns[0], MS(120), MS(800));
        assert_string_equal(one.body, before); /* nginx's number of the connection is the same */
        release(&one, 1);
        prepare(&one, "GET", "https://127.0.0.1:PORT/", nginx.ports[i]); /* and on one that is opened for it */
        one.laters = 1;
        one.later_ns = MS(60);
        start(&one);
        finish(&one, 1);
        expect_end(&one, WEIR_ERROR_NONE);
        assert_int_equal(one.wires, 2);
        release(&one, 1);
    }
}

static void http2_carries_many_over_few_connections(void **state)
{
    enum { MANY = 200 };
    static struct heard many[MANY];
    unsigned different = 0;

    (void)state;
    assert_true(start_nginx());
    for (size_t i = 0; i < MANY; i++) {
        prepare(&many[i], "GET", "https://127.0.0.1:PORT/", nginx.ports[1]);
        start(&many[i]);
    }
    finish(many, MANY);
    for (size_t i = 0; i < MANY; i++) {
        size_t j = 0;
        expect_end(&many[i], WEIR_ERROR_NONE);
        assert_memory_equal(many[i].body, "HTTP/2.0 ", 9);
        while (strcmp(many[j].body, many[i].body) != 0)
            j++;
        different += j == i;
    }
    print_message("%u connections\n", different);
    assert_in_range(different, 1, 6); /* 600 attempts at most, 100 to a connection */
    release(many, MANY);
}

static void a_cancel_of_one_stream_leaves_the_others(void **state)
{
    struct heard ten[10];

    (void)state;
    assert_true(start_nginx());
    for (size_t i = 0; i < 10; i++) {
        prepare(&ten[i], "GET", "https://127.0.0.1:PORT/", nginx.ports[1]);
        ten[i].laters = i < 5;
        ten[i].later_ns = MS(200);
        start(&ten[i]);
    }
    finish(&ten[5], 5);
    atomic_store(&ten[0].cancelled, true);
    transport->cancel(ten[0].connection);
    finish(ten, 5);
    expect_end(&ten[0], WEIR_ERROR_STOPPED);
    for (size_t i = 1; i < 10; i++)
        expect_end(&ten[i], WEIR_ERROR_NONE);
    release(ten, 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
#define NGINX_TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_nginx_test)
    const struct CMUnitTest tests[] = {
        TEST(an_attempt_is_told_of_in_order_and_once),
        TEST(an_error_status_tells_its_header_before_its_body),
        TEST(the_next_attempt_may_start_when_one_is_told_of),
        TEST(many_are_under_way_at_once),
        TEST(a_slow_header_is_read_whole),
        TEST(later_keeps_the_connection_and_sends_nothing_before),
        TEST(the_wait_for_the_wire_counts_against_no_timeout),
        TEST(the_calls_own_time_goes_on_at_the_wire),
        TEST(a_refused_wire_sends_nothing),
        TEST(several_wait_at_the_wire_and_go_by_their_moments),
        TEST(a_cancel_ends_one_wherever_it_is),
        TEST(a_wake_ends_the_wait_of_a_poll),
        TEST(a_cancel_from_another_thread_ends_the_wait),
        TEST(who_stands_at_the_wire_may_be_cancelled_there),
        TEST(nobody_listens),
        TEST(a_dead_kept_connection_is_never_sent_on_twice),
        TEST(a_body_that_is_too_large_ends_it),
        TEST(a_silent_server_is_a_timeout),
        TEST(a_closed_connection_is_replaced_unseen),
        TEST(reactors_of_two_threads_do_not_meet),
        NGINX_TEST(later_keeps_the_connection_over_tls_and_http2),
        NGINX_TEST(http2_carries_many_over_few_connections),
        NGINX_TEST(a_cancel_of_one_stream_leaves_the_others),
    };

    const char *mode = getenv("WEIR_TEST_MODE");

    (void)alarm(mode != NULL && strcmp(mode, "release") != 0 ? 170 : 55);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
