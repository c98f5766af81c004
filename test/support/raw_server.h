/*
 * raw_server - a tiny TCP server on loopback that says what the test tells it to, right or wrong.
 *
 * Each connection runs the test's function on a thread of its own; what was read of requests is kept for the test to
 * look at.
 */
#ifndef TEST_SUPPORT_RAW_SERVER_H
#define TEST_SUPPORT_RAW_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#define RAW_SERVER_CONNECTIONS_MAX 512 /* at a time */

struct raw_server;

/* `index` counts connections from 0.  The socket is closed when the function returns. */
typedef void (*raw_server_fn)(struct raw_server *server, int fd, int index, void *user);

/* NULL where it cannot be started. */
struct raw_server *raw_server_start(raw_server_fn serve, void *user);

/* Wakes and joins every connection's thread.  NULL is a no-op. */
void raw_server_stop(struct raw_server *server);

int raw_server_port(const struct raw_server *server);
int raw_server_connections(struct raw_server *server); /* accepted so far */
int raw_server_requests(struct raw_server *server);    /* read so far */

/* Waits until `requests` were read, for at most ten seconds. */
bool raw_server_await(struct raw_server *server, int requests);

/* The last request read, head and body; the caller's buffer is NUL-terminated.  Returns its size. */
size_t raw_server_last(struct raw_server *server, char *text, size_t size);

/* Reads one request: a head, and a body of its Content-Length.  False at the end of the connection. */
bool raw_server_read(struct raw_server *server, int fd);

/* False where the peer is gone. */
bool raw_server_send(int fd, const char *text);
bool raw_server_send_bytes(int fd, const void *data, size_t size);

/* Has the coming close of the socket reset the connection, whatever is unread. */
void raw_server_reset(int fd);

/* Reads and drops until the peer closes or the server stops. */
void raw_server_linger(int fd);

/* Waits, or until the peer closes or the server stops: then false.  What the peer sends stays unread. */
bool raw_server_sleep(int fd, int ms);

#endif
