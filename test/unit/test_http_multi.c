/* The reactor over libcurl: what is its own, that is to say scouts, the wire that says later, HTTP/2 and its streams,
 * and what ends an attempt wherever it waits.  Against servers on loopback. */
#include "support/http_attempt.h"
#include "support/nginx.h"
#include "support/raw_server.h"

#include "base/clock.h"
#include "base/sync.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_NS (10 * WEIR__NS_PER_S)
#define FLIGHTS_MAX 256

enum { PLAIN, TLS, HTTP2, FEW_STREAMS, SHORT_LIVED, LISTENING };

static struct nginx nginx;
static char ca[128];

#define SERVER(port, how, rest)                                                                                        \
    "server { listen PORT" #port how "; ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key; " rest     \
    " location / { return 200 \"$connection $server_protocol\"; } location /slow { limit_rate 1; root DIR; } }\n"

/* clang-format off */
static const char config[] =
    SERVER(0, "", "keepalive_requests 100000;")
    SERVER(1, " ssl", "keepalive_requests 100000;")
    SERVER(2, " ssl http2", "keepalive_requests 100000;")
    SERVER(3, " ssl http2", "keepalive_requests 100000; http2_max_concurrent_streams 3;")
    SERVER(4, " ssl http2", "keepalive_requests 10;");
/* clang-format on */

static int start_servers(void **state)
{
    (void)state;
    char command[160];
    signal(SIGPIPE, SIG_IGN); /* a loop's own thread blocks it */
    if (!nginx_prepare(&nginx))
        return -1;
    snprintf(command, sizeof command, "sh test/support/certs.sh %s", nginx.dir);
    snprintf(ca, sizeof ca, "%s/ca.pem", nginx.dir);
    bool good =
        system(command) == 0 && nginx_put(&nginx, "slow", NULL, 10000) && nginx_start(&nginx, config, LISTENING);
    return good ? 0 : -1;
}

static int stop_servers(void **state)
{
    (void)state;
    nginx_stop(&nginx);
    return 0;
}

/* One attempt after another on a connection. */
struct flight {
    struct loop *loop;
    struct weir__connection *connection;
    struct weir__call call;
    atomic_bool cancelled;
    char url[96];

    /* what its wire does */
    int laters;          /* so often it says later */
    int64_t later_ns;    /* by so much */
    int64_t promised_ns; /* the moment that it said last */
    int64_t waited_ns;
    bool refuse;
    void (*on_wire)(struct flight *flight);
    void (*on_ended)(struct flight *flight);

    /* what was seen */
    int wires, wires_new, begans, heads, ends;
    int64_t wire_ns; /* when it was asked last */
    struct weir__reply reply;
    char body[64];
};

struct loop {
    struct weir__transport *transport;
    struct weir__reactor *reactor;
    struct flight flights[FLIGHTS_MAX];
    int count, ended;
    bool inside; /* a poll: nobody is called back but from there */
};

static int64_t on_wire(void *context, bool new_connection)
{
    struct flight *flight = context;
    assert_true(flight->loop->inside);
    flight->wires++;
    flight->wires_new += new_connection;
    flight->wire_ns = weir__clock_now_ns();
    if (flight->on_wire)
        flight->on_wire(flight);
    if (flight->laters) {
        flight->laters--;
        flight->promised_ns = flight->call.wire_again_ns = flight->wire_ns + flight->later_ns;
        return WEIR__WIRE_LATER;
    }
    return flight->refuse ? -1 : flight->waited_ns;
}

static void on_began(void *context)
{
    ((struct flight *)context)->begans++;
}

static void on_head(void *context, int http_status, const struct weir_header *headers, size_t header_count)
{
    (void)http_status, (void)headers, (void)header_count;
    ((struct flight *)context)->heads++;
}

static void on_ended(void *context, struct weir__reply *reply)
{
    struct flight *flight = context;
    assert_true(flight->loop->inside);
    flight->reply = *reply;
    flight->body[0] = '\0';
    if (reply->body)
        snprintf(flight->body, sizeof flight->body, "%.*s", (int)reply->body_size, (const char *)reply->body);
    flight->ends++;
    flight->loop->ended++;
    if (flight->on_ended)
        flight->on_ended(flight);
}

static void loop_open_with(struct loop *loop, const struct weir__transport_options *options, int count)
{
    memset(loop, 0, sizeof *loop);
    assert_int_equal(weir__easy_new(options, &loop->transport), WEIR_OK);
    loop->reactor = loop->transport->reactor_new(loop->transport, count ? (uint32_t)count : 1);
    assert_non_null(loop->reactor);
    loop->count = count;
    for (int i = 0; i < count; i++) {
        loop->flights[i].loop = loop;
        loop->flights[i].connection = loop->transport->reactor_open(loop->reactor);
        assert_non_null(loop->flights[i].connection);
    }
}

static void loop_open(struct loop *loop, int count)
{
    struct weir__transport_options options = http_attempt_options();
    options.ca_file = ca;
    loop_open_with(loop, &options, count);
}

static void loop_close(struct loop *loop)
{
    for (int i = 0; i < loop->count; i++)
        loop->transport->close(loop->flights[i].connection);
    loop->transport->reactor_free(loop->reactor);
    loop->transport->free(loop->transport);
}

static void launch(struct flight *flight, const char *scheme, int port, const char *path)
{
    snprintf(flight->url, sizeof flight->url, "%s://127.0.0.1:%d%s", scheme, port, path);
    flight->call.method = flight->call.method ? flight->call.method : "GET";
    flight->call.url = flight->url;
    flight->call.cancelled = &flight->cancelled;
    flight->call.wire = on_wire;
    flight->call.began = on_began;
    flight->call.headed = on_head;
    flight->call.ended = on_ended;
    flight->call.context = flight;
    flight->loop->transport->start(flight->connection, &flight->call);
}

static void launch_all(struct loop *loop, const char *scheme, int port, const char *path)
{
    for (int i = 0; i < loop->count; i++)
        launch(&loop->flights[i], scheme, port, path);
}

static void poll_once(struct loop *loop, int64_t until_ns)
{
    loop->inside = true;
    loop->transport->poll(loop->reactor, until_ns);
    loop->inside = false;
}

/* Polls until so many have ended in all, with patience. */
static void poll_until(struct loop *loop, int ended)
{
    int64_t give_up_ns = weir__clock_now_ns() + PATIENCE_NS;
    while (loop->ended < ended) {
        if (weir__clock_now_ns() > give_up_ns)
            fail_msg("%d of %d attempts have ended", loop->ended, ended);
        poll_once(loop, give_up_ns);
    }
}

/* Polls that long, whatever happens. */
static void poll_for(struct loop *loop, int64_t ns)
{
    int64_t until_ns = weir__clock_now_ns() + ns;
    while (weir__clock_now_ns() < until_ns)
        poll_once(loop, until_ns);
}

#define assert_reply(flight, expected) expect_reply((flight), (expected), __FILE__, __LINE__)
static void expect_reply(const struct flight *flight, enum weir_error expected, const char *file, int line)
{
    if (flight->reply.error == expected && (expected || flight->reply.http_status == 200))
        return;
    print_error("expected %s, got %s: status %d, \"%s\"\n", weir_error_code(expected),
                weir_error_code(flight->reply.error), flight->reply.http_status, flight->reply.detail);
    _fail(file, line);
}

/* How many different connections nginx says it saw. */
static int connections_of(const struct loop *loop)
{
    int count = 0;
    for (int i = 0; i < loop->count; i++) {
        int same = 0;
        for (int j = 0; j < i; j++)
            same += strtol(loop->flights[j].body, NULL, 10) == strtol(loop->flights[i].body, NULL, 10);
        count += same == 0;
    }
    return count;
}

static void answer(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    while (raw_server_read(server, fd))
        raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void never_answer(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    while (raw_server_read(server, fd))
        continue;
}

/* Accepts, and does not even read: so a TLS handshake never ends. */
static void stand_still(struct raw_server *server, int fd, int index, void *user)
{
    (void)server, (void)index, (void)user;
    while (raw_server_sleep(fd, 1000))
        continue;
}

static struct loop loop; /* too large for a stack */

static void attempts_at_once_end_once_each(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    loop_open(&loop, FLIGHTS_MAX);
    for (int round = 1; round <= 3; round++) {
        launch_all(&loop, "http", raw_server_port(server), "/");
        poll_until(&loop, round * FLIGHTS_MAX);
        for (int i = 0; i < FLIGHTS_MAX; i++) {
            assert_reply(&loop.flights[i], WEIR_ERROR_NONE);
            assert_string_equal(loop.flights[i].body, "ok");
            assert_int_equal(loop.flights[i].ends, round);
            assert_int_equal(loop.flights[i].wires, round);
            assert_int_equal(loop.flights[i].begans, round);
        }
    }
    assert_int_equal(raw_server_requests(server), 3 * FLIGHTS_MAX);
    assert_true(raw_server_connections(server) <= FLIGHTS_MAX);
    loop_close(&loop);
    raw_server_stop(server);
}

static void start_again(struct flight *flight)
{
    if (flight->ends < 100)
        flight->loop->transport->start(flight->connection, &flight->call);
}

static void next_attempt_starts_in_ended(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    loop_open(&loop, 4);
    for (int i = 0; i < 4; i++)
        loop.flights[i].on_ended = start_again;
    launch_all(&loop, "http", raw_server_port(server), "/");
    poll_until(&loop, 400);
    assert_int_equal(raw_server_requests(server), 400);
    assert_true(raw_server_connections(server) <= 4);
    loop_close(&loop);
    raw_server_stop(server);
}

static void close_it(struct flight *flight)
{
    flight->loop->transport->close(flight->connection);
    flight->connection = flight->loop->transport->reactor_open(flight->loop->reactor);
    assert_non_null(flight->connection);
}

static void connection_may_be_closed_in_ended(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    loop_open(&loop, 8);
    for (int i = 0; i < 8; i++)
        loop.flights[i].on_ended = close_it;
    for (int round = 1; round <= 3; round++) {
        launch_all(&loop, "http", raw_server_port(server), "/");
        poll_until(&loop, 8 * round);
    }
    assert_int_equal(raw_server_requests(server), 24);
    loop_close(&loop);
    raw_server_stop(server);
}

/* What stands in the socket before `ms` have passed; -1: nothing. */
static int first_byte_within(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&wait, 1, ms) == 1 && recv(fd, &byte, 1, MSG_PEEK) == 1 ? byte : -1;
}

/* `user` is set where a byte came within 100 ms of the connection. */
static void watch_first_byte(struct raw_server *server, int fd, int index, void *user)
{
    if (first_byte_within(fd, 100) >= 0)
        atomic_store((atomic_bool *)user, true);
    answer(server, fd, index, NULL);
}

static void later_sends_nothing_and_keeps_the_connection(void **state)
{
    (void)state;
    atomic_bool early = false;
    struct raw_server *server = raw_server_start(watch_first_byte, &early);
    loop_open(&loop, 1);
    struct flight *flight = &loop.flights[0];
    for (int round = 1; round <= 2; round++) {
        flight->wires = flight->wires_new = 0;
        flight->laters = 3;
        flight->later_ns = 60 * WEIR__NS_PER_MS;
        launch(flight, "http", raw_server_port(server), "/");
        poll_until(&loop, round);
        assert_reply(flight, WEIR_ERROR_NONE);
        assert_string_equal(flight->body, "ok");
        assert_int_equal(flight->wires, 4);
        assert_int_equal(flight->reply.new_connection, round == 1);
        assert_int_equal(flight->wires_new, round == 1);
        assert_int_equal(flight->reply.connect_ns > 0, round == 1);
        if (flight->wire_ns < flight->promised_ns)
            fail_msg("asked %lld ns before the moment", (long long)(flight->promised_ns - flight->wire_ns));
    }
    assert_false(atomic_load(&early));
    assert_int_equal(raw_server_connections(server), 1);
    assert_int_equal(raw_server_requests(server), 2);
    loop_close(&loop);
    raw_server_stop(server);
}

/* Four attempts at once, each of which is put off twice; and once more. */
static void check_later(int server, int connections_max, const char *protocol)
{
    loop_open(&loop, 4);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 4; i++) {
            loop.flights[i].laters = 2;
            loop.flights[i].later_ns = 20 * WEIR__NS_PER_MS;
        }
        launch_all(&loop, "https", nginx.ports[server], "/");
        poll_until(&loop, 4 * round);
        for (int i = 0; i < 4; i++) {
            assert_reply(&loop.flights[i], WEIR_ERROR_NONE);
            assert_int_equal(loop.flights[i].wires, 3 * round);
            assert_non_null(strstr(loop.flights[i].body, protocol));
        }
    }
    int connections = connections_of(&loop);
    if (connections > connections_max)
        fail_msg("%d connections, not %d at most", connections, connections_max);
    loop_close(&loop);
}

static void later_keeps_a_tls_connection(void **state)
{
    (void)state;
    check_later(TLS, 4, "HTTP/1.1");
}

static void later_keeps_an_http2_connection(void **state)
{
    (void)state;
    check_later(HTTP2, 3, "HTTP/2.0");
}

/* The wait is no part of the attempt's time. */
static void later_does_not_count_against_the_timeout(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    struct weir__transport_options options = http_attempt_options();
    options.timeout_ns = 300 * WEIR__NS_PER_MS;
    loop_open_with(&loop, &options, 1);
    loop.flights[0].laters = 1;
    loop.flights[0].later_ns = 600 * WEIR__NS_PER_MS;
    launch(&loop.flights[0], "http", raw_server_port(server), "/");
    poll_until(&loop, 1);
    assert_reply(&loop.flights[0], WEIR_ERROR_NONE);
    loop_close(&loop);
    raw_server_stop(server);
}

static void dawdle(struct flight *flight)
{
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    flight->waited_ns = 30 * WEIR__NS_PER_MS;
}

/* A wire that waits all the same: its time is no part of it either, and the timeout still comes. */
static void slow_wire_does_not_end_the_timeout(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(never_answer, NULL);
    struct weir__transport_options options = http_attempt_options();
    options.timeout_ns = 200 * WEIR__NS_PER_MS;
    loop_open_with(&loop, &options, 1);
    loop.flights[0].on_wire = dawdle;
    int64_t begin_ns = weir__clock_now_ns();
    launch(&loop.flights[0], "http", raw_server_port(server), "/");
    poll_until(&loop, 1);
    assert_reply(&loop.flights[0], WEIR_ERROR_TIMEOUT);
    assert_in_range((weir__clock_now_ns() - begin_ns) / WEIR__NS_PER_MS, 229, 1500);
    loop_close(&loop);
    raw_server_stop(server);
}

/* But it is of the call's own. */
static void own_time_ends_a_parked_attempt(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    loop_open(&loop, 1);
    struct flight *flight = &loop.flights[0];
    flight->laters = 1;
    flight->later_ns = 5 * WEIR__NS_PER_S;
    flight->call.timeout_ns = 150 * WEIR__NS_PER_MS;
    int64_t begin_ns = weir__clock_now_ns();
    launch(flight, "http", raw_server_port(server), "/");
    poll_until(&loop, 1);
    assert_reply(flight, WEIR_ERROR_TIMEOUT);
    assert_false(flight->reply.sent);
    assert_non_null(strstr(flight->reply.detail, "150ms"));
    assert_in_range((weir__clock_now_ns() - begin_ns) / WEIR__NS_PER_MS, 149, 2000);
    loop_close(&loop);
    raw_server_stop(server);
}

static void refused_wire_sends_nothing(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    loop_open(&loop, 1);
    struct flight *flight = &loop.flights[0];
    flight->refuse = true;
    launch(flight, "http", raw_server_port(server), "/");
    poll_until(&loop, 1);
    assert_reply(flight, WEIR_ERROR_STOPPED);
    assert_false(flight->reply.sent);
    flight->laters = 1; /* and after a wait */
    flight->later_ns = WEIR__NS_PER_MS;
    launch(flight, "http", raw_server_port(server), "/");
    poll_until(&loop, 2);
    assert_reply(flight, WEIR_ERROR_STOPPED);
    assert_int_equal(flight->wires, 3);
    flight->refuse = false;
    launch(flight, "http", raw_server_port(server), "/");
    poll_until(&loop, 3);
    assert_reply(flight, WEIR_ERROR_NONE);
    assert_int_equal(raw_server_requests(server), 1);
    loop_close(&loop);
    raw_server_stop(server);
}

static void scout_spares_an_http2_server_connections(void **state)
{
    (void)state;
    loop_open(&loop, FLIGHTS_MAX);
    for (int round = 1; round <= 2; round++) {
        launch_all(&loop, "https", nginx.ports[HTTP2], "/");
        poll_until(&loop, FLIGHTS_MAX * round);
        for (int i = 0; i < FLIGHTS_MAX; i++) {
            assert_reply(&loop.flights[i], WEIR_ERROR_NONE);
            assert_non_null(strstr(loop.flights[i].body, "HTTP/2.0"));
        }
        if (connections_of(&loop) > 3)
            fail_msg("%d connections for %d attempts", connections_of(&loop), FLIGHTS_MAX);
    }
    loop_close(&loop);
}

/* nginx closes none of them in between: the second request says the same connection as the first. */
static void scout_keeps_its_http1_connection(void **state)
{
    (void)state;
    char first[64];
    for (int server = PLAIN; server <= TLS; server++) {
        loop_open(&loop, 1);
        launch(&loop.flights[0], server == TLS ? "https" : "http", nginx.ports[server], "/");
        poll_until(&loop, 1);
        assert_reply(&loop.flights[0], WEIR_ERROR_NONE);
        snprintf(first, sizeof first, "%s", loop.flights[0].body);
        for (int i = 0; i < 3; i++) {
            launch(&loop.flights[0], server == TLS ? "https" : "http", nginx.ports[server], i ? "/x" : "/");
            poll_until(&loop, 2 + i);
            assert_reply(&loop.flights[0], WEIR_ERROR_NONE);
            assert_string_equal(loop.flights[0].body, first);
            assert_false(loop.flights[0].reply.new_connection);
        }
        loop_close(&loop);
    }
}

/* Looks how many connections the server has, some time after the first attempt came to the wire. */
static int scouted_connections;
static struct raw_server *scouted;

static void count_connections(struct flight *flight)
{
    (void)flight;
    if (scouted_connections >= 0)
        return;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    scouted_connections = raw_server_connections(scouted);
}

static void others_wait_for_the_scout(void **state)
{
    (void)state;
    scouted = raw_server_start(answer, NULL);
    scouted_connections = -1;
    loop_open(&loop, 64);
    for (int i = 0; i < 64; i++)
        loop.flights[i].on_wire = count_connections;
    launch_all(&loop, "http", raw_server_port(scouted), "/");
    poll_until(&loop, 64);
    assert_int_equal(scouted_connections, 1);
    for (int i = 0; i < 64; i++)
        assert_reply(&loop.flights[i], WEIR_ERROR_NONE);
    loop_close(&loop);
    raw_server_stop(scouted);
}

static void failed_scout_lets_the_others_go(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    int port = raw_server_port(server);
    raw_server_stop(server); /* so that nobody listens there */
    loop_open(&loop, 32);
    for (int round = 1; round <= 2; round++) {
        launch_all(&loop, "http", port, "/");
        poll_until(&loop, 32 * round);
        for (int i = 0; i < 32; i++)
            assert_reply(&loop.flights[i], WEIR_ERROR_CONNECT);
    }
    loop_close(&loop);
}

/* A scout that gets nowhere: who waits for it is bound by its own time, not by the options'. */
static void own_time_ends_who_waits_for_a_scout(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(stand_still, NULL);
    loop_open(&loop, 3);
    loop.flights[1].call.timeout_ns = 100 * WEIR__NS_PER_MS;
    launch_all(&loop, "https", raw_server_port(server), "/");
    poll_until(&loop, 1);
    assert_int_equal(loop.flights[1].ends, 1);
    assert_reply(&loop.flights[1], WEIR_ERROR_TIMEOUT);
    assert_int_equal(raw_server_connections(server), 1);
    for (int i = 0; i < 3; i += 2)
        atomic_store(&loop.flights[i].cancelled, true);
    loop.transport->cancel(loop.flights[0].connection);
    poll_until(&loop, 3);
    loop_close(&loop);
    raw_server_stop(server);
}

/* One is in flight, one shakes hands, one waits for that as its scout, one is parked. */
static void launch_everywhere(struct raw_server *silent, struct raw_server *still)
{
    struct flight *flights = loop.flights;
    flights[3].laters = 1;
    flights[3].later_ns = WEIR__NS_PER_S * 60;
    launch(&flights[0], "http", raw_server_port(silent), "/");
    launch(&flights[1], "https", raw_server_port(still), "/");
    launch(&flights[2], "https", raw_server_port(still), "/");
    launch(&flights[3], "http", raw_server_port(silent), "/");
    int64_t give_up_ns = weir__clock_now_ns() + PATIENCE_NS;
    while ((!raw_server_requests(silent) || flights[3].laters || !raw_server_connections(still)) &&
           weir__clock_now_ns() < give_up_ns)
        poll_for(&loop, WEIR__NS_PER_MS);
}

static void *cancel_all(void *argument)
{
    (void)argument;
    for (int i = 0; i < loop.count; i++) {
        atomic_store(&loop.flights[i].cancelled, true);
        loop.transport->cancel(loop.flights[i].connection);
    }
    return NULL;
}

static void *abort_all(void *argument)
{
    (void)argument;
    loop.transport->abort(loop.transport);
    return NULL;
}

static void check_stop(void *(*stop)(void *), const char *detail)
{
    struct raw_server *silent = raw_server_start(never_answer, NULL), *still = raw_server_start(stand_still, NULL);
    pthread_t thread;
    loop_open(&loop, 4);
    launch_everywhere(silent, still);
    assert_int_equal(loop.ended, 0);
    assert_int_equal(pthread_create(&thread, NULL, stop, NULL), 0);
    int64_t begin_ns = weir__clock_now_ns();
    poll_until(&loop, 4);
    assert_true(weir__clock_now_ns() - begin_ns < 2 * WEIR__NS_PER_S);
    pthread_join(thread, NULL);
    for (int i = 0; i < 4; i++) {
        assert_reply(&loop.flights[i], WEIR_ERROR_STOPPED);
        assert_string_equal(loop.flights[i].reply.detail, detail);
        assert_int_equal(loop.flights[i].ends, 1);
        assert_int_equal(loop.flights[i].reply.sent, i == 0);
    }
    assert_int_equal(raw_server_requests(silent), 1);
    raw_server_stop(silent);
    raw_server_stop(still);
}

/* What is started now is ended at once, and nobody connects. */
static void check_started(struct raw_server *server)
{
    launch_all(&loop, "http", raw_server_port(server), "/");
    poll_until(&loop, 8);
    for (int i = 0; i < 4; i++)
        assert_reply(&loop.flights[i], WEIR_ERROR_STOPPED);
    assert_int_equal(raw_server_connections(server), 0);
}

static void cancel_ends_an_attempt_wherever_it_waits(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    check_stop(cancel_all, "cancelled");
    check_started(server);
    for (int i = 0; i < 4; i++)
        atomic_store(&loop.flights[i].cancelled, false);
    launch_all(&loop, "http", raw_server_port(server), "/"); /* the connections are as good as before */
    poll_until(&loop, 12);
    for (int i = 0; i < 4; i++)
        assert_reply(&loop.flights[i], WEIR_ERROR_NONE);
    loop_close(&loop);
    raw_server_stop(server);
}

static void abort_ends_all_and_what_comes(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    check_stop(abort_all, "aborted");
    check_started(server);
    loop_close(&loop);
    raw_server_stop(server);
}

static void cancel_of_one_leaves_the_others(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(never_answer, NULL);
    loop_open(&loop, 8);
    launch_all(&loop, "http", raw_server_port(server), "/");
    int64_t give_up_ns = weir__clock_now_ns() + PATIENCE_NS;
    while (raw_server_requests(server) < 8 && weir__clock_now_ns() < give_up_ns)
        poll_for(&loop, WEIR__NS_PER_MS);
    for (int i = 0; i < 8; i++) {
        atomic_store(&loop.flights[i].cancelled, true);
        loop.transport->cancel(loop.flights[i].connection);
        poll_until(&loop, i + 1);
        poll_for(&loop, 2 * WEIR__NS_PER_MS);
        assert_int_equal(loop.ended, i + 1);
        assert_int_equal(loop.flights[i].ends, 1);
    }
    loop_close(&loop);
    raw_server_stop(server);
}

/* Of streams on one connection: those that are slow are cancelled or run into their time; the others end well. */
static void end_of_a_stream_leaves_the_others(void **state)
{
    (void)state;
    loop_open(&loop, 12);
    for (int i = 0; i < 12; i++) {
        loop.flights[i].call.timeout_ns = i == 11 ? 300 * WEIR__NS_PER_MS : 0;
        launch(&loop.flights[i], "https", nginx.ports[HTTP2], i >= 10 ? "/slow" : "/");
    }
    poll_until(&loop, 10);
    atomic_store(&loop.flights[10].cancelled, true);
    loop.transport->cancel(loop.flights[10].connection);
    poll_until(&loop, 12);
    assert_reply(&loop.flights[10], WEIR_ERROR_STOPPED);
    assert_reply(&loop.flights[11], WEIR_ERROR_TIMEOUT);
    for (int i = 0; i < 10; i++)
        launch(&loop.flights[i], "https", nginx.ports[HTTP2], "/");
    poll_until(&loop, 22);
    loop.count = 10;
    for (int i = 0; i < 10; i++) {
        assert_reply(&loop.flights[i], WEIR_ERROR_NONE);
        assert_false(loop.flights[i].reply.new_connection);
    }
    assert_int_equal(connections_of(&loop), 1);
    loop.count = 12;
    loop_close(&loop);
}

/* More attempts than the server has streams for: they wait inside libcurl, and all end. */
static void few_streams_carry_many_attempts(void **state)
{
    (void)state;
    loop_open(&loop, 50);
    launch_all(&loop, "https", nginx.ports[FEW_STREAMS], "/");
    poll_until(&loop, 50);
    for (int i = 0; i < 50; i++)
        assert_true(loop.flights[i].reply.error == WEIR_ERROR_NONE || loop.flights[i].reply.resend);
    loop_close(&loop);
}

/* Who waits for a stream is bound by its time, and has not been sent.  The first attempt is there so that the server's
 * limit is known: until then libcurl assumes more. */
static void timeout_ends_who_waits_for_a_stream(void **state)
{
    (void)state;
    struct weir__transport_options options = http_attempt_options();
    options.ca_file = ca;
    options.timeout_ns = 400 * WEIR__NS_PER_MS;
    loop_open_with(&loop, &options, 20);
    loop.flights[19].call.timeout_ns = 200 * WEIR__NS_PER_MS;
    launch(&loop.flights[0], "https", nginx.ports[FEW_STREAMS], "/");
    poll_until(&loop, 1);
    int64_t begin_ns = weir__clock_now_ns();
    launch_all(&loop, "https", nginx.ports[FEW_STREAMS], "/slow");
    poll_until(&loop, 2);
    assert_int_equal(loop.flights[19].ends, 1);
    assert_in_range((weir__clock_now_ns() - begin_ns) / WEIR__NS_PER_MS, 199, 1500);
    poll_until(&loop, 21);
    int sent = 0;
    for (int i = 0; i < 20; i++) {
        assert_reply(&loop.flights[i], WEIR_ERROR_TIMEOUT);
        sent += loop.flights[i].reply.sent;
    }
    assert_in_range(sent, 3, 9); /* a stream may come free right before the end */
    assert_in_range((weir__clock_now_ns() - begin_ns) / WEIR__NS_PER_MS, 399, 1500);
    loop_close(&loop);
}

/* A connection that the server ends after each tenth request: what it did not take is a resend, ours to decide. */
static void streams_that_a_goaway_leaves_are_resends(void **state)
{
    (void)state;
    int good = 0;
    loop_open(&loop, 60);
    launch_all(&loop, "https", nginx.ports[SHORT_LIVED], "/");
    poll_until(&loop, 60);
    for (int i = 0; i < 60; i++) {
        struct flight *flight = &loop.flights[i];
        assert_int_equal(flight->wires, 1);
        good += flight->reply.error == WEIR_ERROR_NONE;
        if (flight->reply.error && !flight->reply.resend)
            fail_msg("%s, no resend: %s", weir_error_code(flight->reply.error), flight->reply.detail);
    }
    assert_true(good >= 10);
    loop_close(&loop);
}

/* Answers one request; the second one on the connection finds it closed, after it was sent. */
static void close_on_second(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(server, fd)) {
        raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        raw_server_read(server, fd);
    }
}

static void resend_is_refused(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(close_on_second, NULL);
    loop_open(&loop, 1);
    struct flight *flight = &loop.flights[0];
    flight->call.method = "POST";
    flight->call.body = "x";
    flight->call.body_size = 1;
    launch(flight, "http", raw_server_port(server), "/");
    poll_until(&loop, 1);
    launch(flight, "http", raw_server_port(server), "/");
    poll_until(&loop, 2);
    assert_reply(flight, WEIR_ERROR_CONNECTION_LOST);
    assert_true(flight->reply.resend);
    assert_true(flight->reply.sent);
    assert_int_equal(flight->wires, 2);
    assert_int_equal(raw_server_requests(server), 2);
    assert_int_equal(raw_server_connections(server), 1);
    loop_close(&loop);
    raw_server_stop(server);
}

/* A kept connection that dies while its attempt is parked is replaced; the wire was asked for each. */
static void close_after_first(struct raw_server *server, int fd, int index, void *user)
{
    (void)user;
    if (index == 0) {
        raw_server_sleep(fd, 30);
        return;
    }
    answer(server, fd, index, NULL);
}

static void parked_attempt_survives_the_end_of_its_connection(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(close_after_first, NULL);
    loop_open(&loop, 1);
    loop.flights[0].laters = 1;
    loop.flights[0].later_ns = 100 * WEIR__NS_PER_MS;
    launch(&loop.flights[0], "http", raw_server_port(server), "/");
    poll_until(&loop, 1);
    assert_reply(&loop.flights[0], WEIR_ERROR_NONE);
    assert_int_equal(raw_server_connections(server), 2);
    loop_close(&loop);
    raw_server_stop(server);
}

static void timeouts_are_kept(void **state)
{
    (void)state;
    struct raw_server *silent = raw_server_start(never_answer, NULL), *still = raw_server_start(stand_still, NULL);
    struct weir__transport_options options = http_attempt_options();
    options.timeout_ns = 300 * WEIR__NS_PER_MS;
    options.connect_timeout_ns = 100 * WEIR__NS_PER_MS;
    loop_open_with(&loop, &options, 3);
    loop.flights[2].call.timeout_ns = 200 * WEIR__NS_PER_MS;
    int64_t begin_ns = weir__clock_now_ns();
    launch(&loop.flights[0], "http", raw_server_port(silent), "/");
    launch(&loop.flights[1], "https", raw_server_port(still), "/");
    launch(&loop.flights[2], "http", raw_server_port(silent), "/");
    poll_until(&loop, 1);
    assert_reply(&loop.flights[1], WEIR_ERROR_CONNECT);
    poll_until(&loop, 2);
    assert_reply(&loop.flights[2], WEIR_ERROR_TIMEOUT);
    assert_non_null(strstr(loop.flights[2].reply.detail, "200ms"));
    assert_in_range((weir__clock_now_ns() - begin_ns) / WEIR__NS_PER_MS, 199, 1500);
    poll_until(&loop, 3);
    assert_reply(&loop.flights[0], WEIR_ERROR_TIMEOUT);
    assert_true(loop.flights[0].reply.sent);
    assert_in_range((weir__clock_now_ns() - begin_ns) / WEIR__NS_PER_MS, 299, 1500);
    loop_close(&loop);
    raw_server_stop(silent);
    raw_server_stop(still);
}

static void *wake_soon(void *argument)
{
    (void)argument;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    loop.transport->wake(loop.reactor);
    return NULL;
}

static void wake_ends_the_wait(void **state)
{
    (void)state;
    pthread_t thread;
    loop_open(&loop, 0);
    for (int i = 0; i < 3; i++) {
        int64_t begin_ns = weir__clock_now_ns();
        assert_int_equal(pthread_create(&thread, NULL, wake_soon, NULL), 0);
        poll_once(&loop, WEIR__NEVER);
        assert_true(weir__clock_now_ns() - begin_ns >= 10 * WEIR__NS_PER_MS);
        pthread_join(thread, NULL);
    }
    loop.transport->wake(loop.reactor); /* before the wait, by its own thread */
    poll_once(&loop, WEIR__NEVER);
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, NULL), 0); /* and by another */
    pthread_join(thread, NULL);
    poll_once(&loop, WEIR__NEVER);
    int64_t begin_ns = weir__clock_now_ns(); /* once is once */
    poll_once(&loop, begin_ns + 30 * WEIR__NS_PER_MS);
    assert_true(weir__clock_now_ns() - begin_ns >= 30 * WEIR__NS_PER_MS);
    loop_close(&loop);
}

/* What a child would get of ours: libcurl's own pair of sockets in each multi handle is out of reach. */
static int inherited(void)
{
    int count = 0;
    for (int fd = 3; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD), domain = 0;
        socklen_t size = sizeof domain;
        char path[64] = "", link[32];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (flags < 0 || (flags & FD_CLOEXEC) || readlink(link, path, sizeof path - 1) <= 0)
            continue;
        count += getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain == AF_INET
                                                                            : strstr(path, "anon_inode") != NULL;
    }
    return count;
}

static int inherited_at_wire;

static void count_inherited(struct flight *flight)
{
    (void)flight;
    inherited_at_wire = inherited();
}

static void descriptors_are_close_on_exec_and_closed(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    int before = http_attempt_fds();
    int inherited_before = inherited();
    loop_open(&loop, 1);
    loop.flights[0].on_wire = count_inherited;
    launch(&loop.flights[0], "http", raw_server_port(server), "/");
    poll_until(&loop, 1);
    assert_int_equal(inherited_at_wire, inherited_before);
    loop_close(&loop);
    int64_t give_up_ns = weir__clock_now_ns() + PATIENCE_NS;
    while (http_attempt_fds() > before && weir__clock_now_ns() < give_up_ns)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* the server closes its end */
    assert_int_equal(http_attempt_fds(), before);
    raw_server_stop(server);
}

/* More authorities than are remembered, one after the other and at once. */
static void many_authorities_are_no_burden(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(answer, NULL);
    loop_open(&loop, 4);
    for (int i = 0; i < 1200; i++) {
        struct flight *flight = &loop.flights[i % 4];
        char path[32];
        snprintf(path, sizeof path, "/%d", i);
        launch(flight, "http", raw_server_port(server), path);
        snprintf(flight->url, sizeof flight->url, "http://u%d@127.0.0.1:%d/", i, raw_server_port(server));
        if (i % 4 == 3)
            poll_until(&loop, i + 1);
        if (i % 4 == 3)
            for (int j = 0; j < 4; j++)
                assert_reply(&loop.flights[j], WEIR_ERROR_NONE);
    }
    loop_close(&loop);
    raw_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_at_once_end_once_each),
        cmocka_unit_test(next_attempt_starts_in_ended),
        cmocka_unit_test(connection_may_be_closed_in_ended),
        cmocka_unit_test(later_sends_nothing_and_keeps_the_connection),
        cmocka_unit_test(later_keeps_a_tls_connection),
        cmocka_unit_test(later_keeps_an_http2_connection),
        cmocka_unit_test(later_does_not_count_against_the_timeout),
        cmocka_unit_test(slow_wire_does_not_end_the_timeout),
        cmocka_unit_test(own_time_ends_a_parked_attempt),
        cmocka_unit_test(refused_wire_sends_nothing),
        cmocka_unit_test(scout_spares_an_http2_server_connections),
        cmocka_unit_test(scout_keeps_its_http1_connection),
        cmocka_unit_test(others_wait_for_the_scout),
        cmocka_unit_test(failed_scout_lets_the_others_go),
        cmocka_unit_test(own_time_ends_who_waits_for_a_scout),
        cmocka_unit_test(cancel_ends_an_attempt_wherever_it_waits),
        cmocka_unit_test(abort_ends_all_and_what_comes),
        cmocka_unit_test(cancel_of_one_leaves_the_others),
        cmocka_unit_test(end_of_a_stream_leaves_the_others),
        cmocka_unit_test(few_streams_carry_many_attempts),
        cmocka_unit_test(timeout_ends_who_waits_for_a_stream),
        cmocka_unit_test(streams_that_a_goaway_leaves_are_resends),
        cmocka_unit_test(resend_is_refused),
        cmocka_unit_test(parked_attempt_survives_the_end_of_its_connection),
        cmocka_unit_test(timeouts_are_kept),
        cmocka_unit_test(wake_ends_the_wait),
        cmocka_unit_test(descriptors_are_close_on_exec_and_closed),
        cmocka_unit_test(many_authorities_are_no_burden),
    };
    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
