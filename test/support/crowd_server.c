/*
 * crowd_server - one epoll loop; see crowd_server.h.
 *
 * Answers that wait are a list by the moment at which they are due.
 */
#include "support/crowd_server.h"

#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 4096u
#define EVENTS_MAX 256
#define NEVER INT64_MAX

struct crowd_connection {
    struct crowd_connection *next, *previous; /* of all */
    struct crowd_connection *later;           /* of those that wait for their answer */
    int fd;
    bool waits;
    int status;
    int64_t due_ns;
    size_t size; /* of what was read and not yet answered */
    char text[REQUEST_MAX];
};

struct crowd_server {
    struct crowd_plan plan;
    int listener, epoll, wake, port;
    pthread_t thread;
    struct crowd_connection *all, *first_due; /* the thread's own */

    pthread_mutex_t lock; /* all below */
    bool stopped, released;
    struct crowd_figures figures;
    int64_t arrived_ns[CROWD_ARRIVALS_MAX];
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void wait_for_turn(struct crowd_server *server, struct crowd_connection *c)
{
    struct crowd_connection **at = &server->first_due;

    while (*at != NULL && (*at)->due_ns <= c->due_ns)
        at = &(*at)->later;
    c->later = *at;
    *at = c;
    c->waits = true;
}

static void drop(struct crowd_server *server, struct crowd_connection *c)
{
    struct crowd_connection **at;

    if (c->waits) {
        for (at = &server->first_due; *at != c; at = &(*at)->later)
            assert(*at != NULL);
        *at = c->later;
        pthread_mutex_lock(&server->lock);
        server->figures.in_flight--;
        pthread_mutex_unlock(&server->lock);
    }
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        server->all = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    close(c->fd);
    free(c);
}

/* The size of the first request in what was read; 0 if it is not all there. */
static size_t request_size(struct crowd_connection *c)
{
    const char *end, *field;
    size_t size;

    c->text[c->size] = '\0';
    end = strstr(c->text, "\r\n\r\n");
    if (end == NULL)
        return 0;
    size = (size_t)(end - c->text) + 4;
    field = strcasestr(c->text, "\r\ncontent-length:");
    if (field != NULL && field < end)
        size += strtoul(field + 17, NULL, 10);
    return size <= c->size ? size : 0;
}

static void take_request(struct crowd_server *server, struct crowd_connection *c)
{
    const char *path = strchr(c->text, ' ');
    int64_t latency_ns = server->plan.latency_ns;

    path = path == NULL ? "" : path + 1;
    c->status = 200;
    if (strncmp(path, "/ms/", 4) == 0)
        latency_ns = strtol(path + 4, NULL, 10) * 1000000;
    if (strncmp(path, "/status/", 8) == 0)
        c->status = (int)strtol(path + 8, NULL, 10);
    c->due_ns = strncmp(path, "/silent", 7) == 0 ? NEVER : now_ns() + latency_ns;
    pthread_mutex_lock(&server->lock);
    if (server->figures.arrivals < CROWD_ARRIVALS_MAX)
        server->arrived_ns[server->figures.arrivals] = now_ns();
    server->figures.arrivals++;
    if (++server->figures.in_flight > server->figures.peak_in_flight)
        server->figures.peak_in_flight = server->figures.in_flight;
    if (server->figures.in_flight >= server->plan.hold)
        server->released = true;
    pthread_mutex_unlock(&server->lock);
    wait_for_turn(server, c);
}

/* What follows a request that waits for its answer stays in the socket. */
static void read_some(struct crowd_server *server, struct crowd_connection *c)
{
    ssize_t got = recv(c->fd, c->text + c->size, REQUEST_MAX - 1 - c->size, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || c->waits) { /* gone; or more than a client may send here */
        drop(server, c);
        return;
    }
    c->size += (size_t)got;
    if (request_size(c) > 0)
        take_request(server, c);
}

static void accept_some(struct crowd_server *server)
{
    struct crowd_connection *c;
    int fd;

    while ((fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        c = calloc(1, sizeof *c);
        if (c == NULL ||
            epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c}) != 0) {
            free(c);
            close(fd);
            continue;
        }
        c->fd = fd;
        c->next = server->all;
        if (c->next != NULL)
            c->next->previous = c;
        server->all = c;
        pthread_mutex_lock(&server->lock);
        server->figures.connections++;
        pthread_mutex_unlock(&server->lock);
    }
}

static void answer(struct crowd_server *server, struct crowd_connection *c)
{
    char text[160];
    int size = snprintf(text, sizeof text, "HTTP/1.1 %d Said\r\nContent-Length: 2\r\n%s\r\nok", c->status,
                        server->plan.close_each ? "Connection: close\r\n" : "");

    server->first_due = c->later;
    c->waits = false;
    c->size = 0;
    pthread_mutex_lock(&server->lock);
    server->figures.in_flight--;
    server->figures.answers++;
    pthread_mutex_unlock(&server->lock);
    if (send(c->fd, text, (size_t)size, MSG_NOSIGNAL) != size || server->plan.close_each)
        drop(server, c);
}

/* Answers what is due; returns the milliseconds until the next one is, negative: none. */
static int answer_due(struct crowd_server *server)
{
    bool released;

    pthread_mutex_lock(&server->lock);
    released = server->released;
    pthread_mutex_unlock(&server->lock);
    if (!released)
        return -1;
    while (server->first_due != NULL && server->first_due->due_ns <= now_ns())
        answer(server, server->first_due);
    if (server->first_due == NULL || server->first_due->due_ns == NEVER)
        return -1;
    return (int)((server->first_due->due_ns - now_ns()) / 1000000) + 1;
}

static bool is_stopped(struct crowd_server *server)
{
    bool stopped;

    pthread_mutex_lock(&server->lock);
    stopped = server->stopped;
    pthread_mutex_unlock(&server->lock);
    return stopped;
}

static void *serve(void *argument)
{
    struct crowd_server *server = argument;
    struct epoll_event events[EVENTS_MAX];
    uint64_t rung;

    while (!is_stopped(server)) {
        const int count = epoll_wait(server->epoll, events, EVENTS_MAX, answer_due(server));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == server)
                (void)!read(server->wake, &rung, sizeof rung);
            else if (events[i].data.ptr == &server->listener)
                accept_some(server);
            else
                read_some(server, events[i].data.ptr); /* each of them is there once: none was dropped before */
        }
    }
    for (struct crowd_connection *c = server->all, *next; c != NULL; c = next) {
        next = c->next;
        drop(server, c);
    }
    return NULL;
}

static bool listen_here(struct crowd_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, size) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) != 0 || listen(server->listener, 4096) != 0)
        return false;
    server->port = ntohs(address.sin_port);
    return true;
}

static bool watch(struct crowd_server *server, int fd, void *as)
{
    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = as}) == 0;
}

struct crowd_server *crowd_start(const struct crowd_plan *plan)
{
    struct crowd_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return NULL;
    server->plan = *plan;
    server->released = plan->hold == 0;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = -1;
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server->wake >= 0 && server->epoll >= 0 && listen_here(server) && watch(server, server->wake, server) &&
        watch(server, server->listener, &server->listener) && pthread_create(&server->thread, NULL, serve, server) == 0)
        return server;
    close(server->listener);
    close(server->epoll);
    close(server->wake);
    free(server);
    return NULL;
}

static void ring(struct crowd_server *server)
{
    const uint64_t one = 1;

    (void)!write(server->wake, &one, sizeof one);
}

void crowd_stop(struct crowd_server *server)
{
    if (server == NULL)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopped = true;
    pthread_mutex_unlock(&server->lock);
    ring(server);
    pthread_join(server->thread, NULL);
    close(server->listener);
    close(server->epoll);
    close(server->wake);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int crowd_port(const struct crowd_server *server)
{
    return server->port;
}

struct crowd_figures crowd_figures(struct crowd_server *server)
{
    struct crowd_figures figures;

    pthread_mutex_lock(&server->lock);
    figures = server->figures;
    pthread_mutex_unlock(&server->lock);
    return figures;
}

void crowd_release(struct crowd_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->released = true;
    pthread_mutex_unlock(&server->lock);
    ring(server);
}

bool crowd_await_in_flight(struct crowd_server *server, uint32_t count)
{
    const int64_t give_up_ns = now_ns() + INT64_C(10000000000);
    const struct timespec tick = {.tv_nsec = 500000};

    while (crowd_figures(server).in_flight < count) {
        if (now_ns() > give_up_ns)
            return false;
        nanosleep(&tick, NULL);
    }
    return true;
}

uint32_t crowd_worst_window(struct crowd_server *server, int64_t window_ns)
{
    uint32_t worst = 0, count;

    pthread_mutex_lock(&server->lock);
    count = server->figures.arrivals < CROWD_ARRIVALS_MAX ? (uint32_t)server->figures.arrivals : CROWD_ARRIVALS_MAX;
    for (uint32_t first = 0, last = 0; last < count; last++) {
        while (server->arrived_ns[last] - server->arrived_ns[first] >= window_ns)
            first++;
        if (last - first + 1 > worst)
            worst = last - first + 1;
    }
    pthread_mutex_unlock(&server->lock);
    return worst;
}

bool crowd_raise_fds(uint64_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < count)
        return false;
    if (limit.rlim_cur < count)
        limit.rlim_cur = count;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}
