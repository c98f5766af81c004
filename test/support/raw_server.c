/*
 * raw_server - accept, a thread for each connection, and a record of requests.
 */
#include "support/raw_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536u
#define AWAIT_MS 10000

struct raw_connection {
    struct raw_server *server;
    int fd, index; /* fd is -1 when the thread has nothing more to do */
    pthread_t thread;
};

struct raw_server {
    raw_server_fn serve;
    void *user;
    int fd, port;
    pthread_t acceptor;

    pthread_mutex_t lock; /* all below */
    bool stopped;
    int connection_count, request_count; /* in all */
    int slot_count;                      /* used so far; those with an fd of -1 are joined and used again */
    struct raw_connection connections[RAW_SERVER_CONNECTIONS_MAX];
    char last[REQUEST_MAX];
    size_t last_size;
};

/* The descriptor is forgotten before it is closed, both under the lock, so that stop shuts down no stranger's. */
static void *run_connection(void *argument)
{
    struct raw_connection *connection = argument;
    struct raw_server *server = connection->server;
    server->serve(server, connection->fd, connection->index, server->user);
    pthread_mutex_lock(&server->lock);
    close(connection->fd);
    connection->fd = -1;
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* Under the lock; a thread that is joined here has left the lock for good.  NULL where all are busy. */
static struct raw_connection *free_slot(struct raw_server *server)
{
    for (int i = 0; i < server->slot_count; i++) {
        if (server->connections[i].fd < 0) {
            pthread_join(server->connections[i].thread, NULL);
            return &server->connections[i];
        }
    }
    if (server->slot_count == RAW_SERVER_CONNECTIONS_MAX)
        return NULL;
    server->connections[server->slot_count].fd = -1;
    return &server->connections[server->slot_count];
}

static void *run_acceptor(void *argument)
{
    struct raw_server *server = argument;
    int fd;
    while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pthread_mutex_lock(&server->lock);
        struct raw_connection *slot = server->stopped ? NULL : free_slot(server);
        bool started = false;
        if (slot) {
            bool again = slot < server->connections + server->slot_count;
            *slot = (struct raw_connection){.server = server, .fd = fd, .index = server->connection_count};
            started = pthread_create(&slot->thread, NULL, run_connection, slot) == 0;
            if (!started && again)
                abort(); /* a slot without a thread would be joined */
            server->connection_count += started;
            server->slot_count += started && !again;
        }
        pthread_mutex_unlock(&server->lock);
        if (!started)
            close(fd);
    }
    return NULL;
}

struct raw_server *raw_server_start(raw_server_fn serve, void *user)
{
    struct raw_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    if (!server)
        return NULL;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->serve = serve;
    server->user = user;
    pthread_mutex_init(&server->lock, NULL);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, size) ||
        getsockname(server->fd, (struct sockaddr *)&address, &size) || listen(server->fd, 512))
        goto fail;
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->acceptor, NULL, run_acceptor, server))
        goto fail;
    return server;
fail:
    if (server->fd >= 0)
        close(server->fd);
    free(server);
    return NULL;
}

void raw_server_stop(struct raw_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopped = true;
    pthread_mutex_unlock(&server->lock);
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->fd);
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < server->slot_count; i++)
        if (server->connections[i].fd >= 0)
            shutdown(server->connections[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->slot_count; i++)
        pthread_join(server->connections[i].thread, NULL);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int raw_server_port(const struct raw_server *server)
{
    return server->port;
}

static int locked(struct raw_server *server, const int *value)
{
    pthread_mutex_lock(&server->lock);
    int copy = *value;
    pthread_mutex_unlock(&server->lock);
    return copy;
}

int raw_server_connections(struct raw_server *server)
{
    return locked(server, &server->connection_count);
}

int raw_server_requests(struct raw_server *server)
{
    return locked(server, &server->request_count);
}

bool raw_server_await(struct raw_server *server, int requests)
{
    for (int ms = 0; ms < AWAIT_MS; ms++) {
        if (raw_server_requests(server) >= requests)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

size_t raw_server_last(struct raw_server *server, char *text, size_t size)
{
    pthread_mutex_lock(&server->lock);
    size_t copied = server->last_size < size - 1 ? server->last_size : size - 1;
    memcpy(text, server->last, copied);
    pthread_mutex_unlock(&server->lock);
    text[copied] = '\0';
    return copied;
}

static size_t content_length(const char *head)
{
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, "Content-Length:", 15) == 0)
            return strtoul(line + 17, NULL, 10);
    return 0;
}

bool raw_server_read(struct raw_server *server, int fd)
{
    char *text = malloc(REQUEST_MAX + 1);
    size_t size = 0, want = 0;
    while (text && size < REQUEST_MAX && (!want || size < want)) {
        ssize_t got = recv(fd, text + size, want ? want - size : 1, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        text[size] = '\0';
        if (!want && size >= 4 && memcmp(text + size - 4, "\r\n\r\n", 4) == 0)
            want = size + content_length(text);
    }
    bool whole = want && size == want;
    if (whole) {
        pthread_mutex_lock(&server->lock);
        memcpy(server->last, text, size);
        server->last_size = size;
        server->request_count++;
        pthread_mutex_unlock(&server->lock);
    }
    free(text);
    return whole;
}

bool raw_server_send_bytes(int fd, const void *data, size_t size)
{
    const char *bytes = data;
    while (size) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

bool raw_server_send(int fd, const char *text)
{
    return raw_server_send_bytes(fd, text, strlen(text));
}

void raw_server_reset(int fd)
{
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1, .l_linger = 0}, sizeof(struct linger));
}

void raw_server_linger(int fd)
{
    char drop[4096];
    while (recv(fd, drop, sizeof drop, 0) > 0)
        continue;
}

bool raw_server_sleep(int fd, int ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLRDHUP};
    return poll(&wait, 1, ms) == 0;
}
