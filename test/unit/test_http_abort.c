/* Abort ends a hundred silent transfers at once, whatever they are waiting for, and every attempt after it. */
#include "support/http_attempt.h"
#include "support/raw_server.h"

#include "base/clock.h"
#include "base/sync.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TRANSFERS 100
#define AWAIT_MS 10000

/* What 100 threads need to be woken and scheduled under a sanitizer is not what is measured here. */
static double bound_s(void)
{
    const char *mode = getenv("WEIR_TEST_MODE");
    return mode && strcmp(mode, "release") != 0 ? 2.0 : 0.05;
}

struct transfer {
    pthread_t thread;
    struct weir__transport *transport;
    const char *url;
    bool repeat; /* send again until an error */
    struct weir__reply reply;
    int64_t end_ns;
};

static atomic_int begun; /* responses, or handshakes */
static struct transfer transfers[TRANSFERS];

static int64_t on_wire(void *context, bool new_connection)
{
    (void)context, (void)new_connection;
    return 0;
}

static void on_began(void *context)
{
    (void)context;
    atomic_fetch_add(&begun, 1);
}

static void *run_transfer(void *argument)
{
    struct transfer *transfer = argument;
    struct weir__connection *connection = transfer->transport->open(transfer->transport);
    struct weir__call call = {.method = "GET", .url = transfer->url, .wire = on_wire, .began = on_began};
    do
        transfer->transport->perform(connection, &call, &transfer->reply);
    while (transfer->repeat && transfer->reply.error == WEIR_ERROR_NONE);
    transfer->end_ns = weir__clock_now_ns();
    /* The header list belongs to the connection; only flags are looked at afterwards. */
    transfer->transport->close(connection);
    return NULL;
}

static bool await(bool (*ready)(void *), void *argument)
{
    for (int ms = 0; ms < AWAIT_MS; ms++) {
        if (ready(argument))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = WEIR__NS_PER_MS}, NULL);
    }
    return false;
}

static bool all_begun(void *unused)
{
    (void)unused;
    return atomic_load(&begun) >= TRANSFERS;
}

static bool all_requested(void *server)
{
    return raw_server_requests(server) >= TRANSFERS;
}

/* Each has its socket, besides libcurl's own pair for waking. */
static bool all_have_sockets(void *fds_before)
{
    return http_attempt_fds() >= *(int *)fds_before + 3 * TRANSFERS;
}

static bool all_closed(void *fds_before)
{
    return http_attempt_fds() <= *(int *)fds_before;
}

/* Starts them all, waits until they are where they should be, aborts, and looks at what they say. */
static void abort_all(const char *url, int port, bool repeat, bool (*ready)(void *), void *argument, bool sent)
{
    char text[128];
    struct weir__transport *transport;
    struct weir__transport_options options = http_attempt_options();
    options.timeout_ns = options.connect_timeout_ns = 30 * WEIR__NS_PER_S;
    int before = http_attempt_fds();
    snprintf(text, sizeof text, "%s127.0.0.1:%d/", url, port);
    atomic_store(&begun, 0);
    assert_int_equal(weir__easy_new(&options, &transport), WEIR_OK);
    for (int i = 0; i < TRANSFERS; i++) {
        transfers[i] = (struct transfer){.transport = transport, .url = text, .repeat = repeat};
        assert_true(weir__thread_start(&transfers[i].thread, run_transfer, &transfers[i]));
    }
    bool there = await(ready, argument);
    int64_t start_ns = weir__clock_now_ns();
    transport->abort(transport);
    double returned_s = (double)(weir__clock_now_ns() - start_ns) / 1e9, longest_s = 0;
    int wrong = 0;
    for (int i = 0; i < TRANSFERS; i++) {
        weir__thread_join(transfers[i].thread);
        double took_s = (double)(transfers[i].end_ns - start_ns) / 1e9;
        longest_s = took_s > longest_s ? took_s : longest_s;
        if (transfers[i].reply.error != WEIR_ERROR_STOPPED || transfers[i].reply.resend ||
            (!repeat && transfers[i].reply.sent != sent)) {
            wrong++;
            print_error("%s sent %d: %s\n", weir_error_code(transfers[i].reply.error), transfers[i].reply.sent,
                        transfers[i].reply.detail);
        }
    }
    print_message("abort returned after %.1f ms, the last transfer after %.1f ms\n", returned_s * 1e3, longest_s * 1e3);

    /* Later ones too. */
    struct transfer late = {.transport = transport, .url = text};
    int64_t late_ns = weir__clock_now_ns();
    run_transfer(&late);
    assert_int_equal(late.reply.error, WEIR_ERROR_STOPPED);
    assert_false(late.reply.sent);
    assert_true(late.end_ns - late_ns < WEIR__NS_PER_S / 10);
    transport->free(transport);
    assert_true(there);
    assert_int_equal(wrong, 0);
    if (longest_s > bound_s())
        fail_msg("took %.3f s", longest_s);
    if (!await(all_closed, &before)) /* the server's ends are in this process too */
        fail_msg("%d descriptors, %d before", http_attempt_fds(), before);
}

/* Nobody accepts, and the queue is full: SYNs go unanswered. */
static void ends_connecting(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fillers[4];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, size);
    }
    int before = http_attempt_fds();
    abort_all("http://", ntohs(address.sin_port), false, all_have_sockets, &before, false);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(fd);
}

static void linger(struct raw_server *server, int fd, int index, void *text)
{
    (void)index;
    if (raw_server_read(server, fd) && raw_server_send(fd, text))
        raw_server_linger(fd);
}

static void abort_lingering(const char *url, const char *text, bool (*ready)(void *), bool sent)
{
    struct raw_server *server = raw_server_start(linger, (void *)text);
    assert_non_null(server);
    abort_all(url, raw_server_port(server), false, ready, server, sent);
    raw_server_stop(server);
}

/* The ClientHello is there, and nothing comes back. */
static void linger_after_hello(struct raw_server *server, int fd, int index, void *user)
{
    char byte;
    (void)server, (void)index, (void)user;
    if (recv(fd, &byte, 1, 0) == 1)
        atomic_fetch_add(&begun, 1);
    raw_server_linger(fd);
}

static void ends_handshakes(void **state)
{
    (void)state;
    struct raw_server *server = raw_server_start(linger_after_hello, NULL);
    assert_non_null(server);
    abort_all("https://", raw_server_port(server), false, all_begun, NULL, false);
    raw_server_stop(server);
}

static void ends_waiting_for_headers(void **state)
{
    (void)state;
    abort_lingering("http://", "", all_requested, true);
}

static void ends_in_the_middle_of_headers(void **state)
{
    (void)state;
    abort_lingering("http://", "HTTP/1.1 200 OK\r\nX: y\r\n", all_begun, true);
}

static void ends_in_the_middle_of_bodies(void **state)
{
    (void)state;
    abort_lingering("http://", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart", all_begun, true);
    abort_lingering("http://", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", all_begun, true);
}

/* To libcurl, the end that abort makes is the end of this response: a success that is none. */
static void cut_body_without_length_is_no_success(void **state)
{
    (void)state;
    abort_lingering("http://", "HTTP/1.1 200 OK\r\n\r\npart", all_begun, true);
}

static void answer(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    while (raw_server_read(server, fd) && raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
        continue;
}

/* Sockets come and go and are in every phase while abort runs. */
static void answer_and_close(struct raw_server *server, int fd, int index, void *user)
{
    (void)index, (void)user;
    if (raw_server_read(server, fd))
        raw_server_send(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
}

static void ends_busy_transfers(void **state)
{
    (void)state;
    static const raw_server_fn kinds[] = {answer, answer_and_close};
    for (size_t i = 0; i < 2; i++) {
        struct raw_server *server = raw_server_start(kinds[i], NULL);
        assert_non_null(server);
        abort_all("http://", raw_server_port(server), true, all_begun, server, true);
        raw_server_stop(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_connecting),
        cmocka_unit_test(ends_handshakes),
        cmocka_unit_test(ends_waiting_for_headers),
        cmocka_unit_test(ends_in_the_middle_of_headers),
        cmocka_unit_test(ends_in_the_middle_of_bodies),
        cmocka_unit_test(cut_body_without_length_is_no_success),
        cmocka_unit_test(ends_busy_transfers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
