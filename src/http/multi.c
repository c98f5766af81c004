/*
 * multi - a reactor: its lifecycle, its connections, and one round of its loop.
 *
 * The map of its files, the rules of threads and the reasons stand in multi.h.
 */
#include "http/multi.h"

#include "base/clock.h"
#include "base/sync.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

void weir__line_append(struct weir__line *line, struct weir__connection *connection)
{
    assert(!connection->line);
    connection->line = line;
    connection->line_previous = line->last;
    connection->line_next = NULL;
    if (line->last)
        line->last->line_next = connection;
    else
        line->first = connection;
    line->last = connection;
}

void weir__line_remove(struct weir__connection *connection)
{
    struct weir__line *line = connection->line;
    if (!line)
        return;
    if (connection->line_previous)
        connection->line_previous->line_next = connection->line_next;
    else
        line->first = connection->line_next;
    if (connection->line_next)
        connection->line_next->line_previous = connection->line_previous;
    else
        line->last = connection->line_previous;
    connection->line = NULL;
}

struct weir__connection *weir__line_take(struct weir__line *line)
{
    struct weir__connection *first = line->first;
    if (first)
        weir__line_remove(first);
    return first;
}

/* Names that one shard has looked up are known to the others.  One thread has them all: no locks. */
static CURLSH *share_new(void)
{
    CURLSH *share = curl_share_init();
    if (share && (curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK)) {
        curl_share_cleanup(share);
        return NULL;
    }
    return share;
}

static void enlist(struct weir__reactor *reactor)
{
    struct weir__easy *easy = reactor->easy;
    weir__mutex_lock(&easy->lock);
    reactor->next = easy->reactors;
    if (easy->reactors)
        easy->reactors->previous = reactor;
    easy->reactors = reactor;
    weir__mutex_unlock(&easy->lock);
}

static void unlist(struct weir__reactor *reactor)
{
    struct weir__easy *easy = reactor->easy;
    weir__mutex_lock(&easy->lock);
    if (reactor->previous)
        reactor->previous->next = reactor->next;
    else
        easy->reactors = reactor->next;
    if (reactor->next)
        reactor->next->previous = reactor->previous;
    weir__mutex_unlock(&easy->lock);
}

static void destroy(struct weir__reactor *reactor)
{
    for (size_t i = 0; i < reactor->shard_count; i++)
        weir__multi_shard_free(reactor->shards[i]); /* closes kept connections */
    curl_share_cleanup(reactor->share);
    if (reactor->epoll >= 0)
        close(reactor->epoll);
    if (reactor->bell >= 0)
        close(reactor->bell);
    weir__multi_host_clear(reactor);
    free(reactor->shards);
    free(reactor->watched);
    free(reactor->moments);
    free(reactor);
}

/*
 * QUICK_EXIT leaves a resolver's thread behind, which runs libcurl's code after the last handle is gone.  So libcurl
 * stays, whatever module it came with.
 */
static void keep_libcurl(void)
{
    Dl_info info;
    if (dladdr((const void *)(uintptr_t)curl_easy_init, &info) && info.dli_fname)
        (void)dlopen(info.dli_fname,
                     RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE); /* one count more, once for each reactor */
}

struct weir__reactor *weir__multi_new(struct weir__transport *transport, uint32_t attempt_max)
{
    struct weir__reactor *reactor = calloc(1, sizeof *reactor);
    if (!reactor)
        return NULL;
    keep_libcurl();
    reactor->easy = (struct weir__easy *)transport;
    reactor->attempt_max = attempt_max;
    atomic_init(&reactor->woken, false);
    atomic_init(&reactor->stops, false);
    reactor->epoll = epoll_create1(EPOLL_CLOEXEC);
    reactor->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    reactor->share = share_new();
    struct epoll_event event = {.events = EPOLLIN, .data.fd = reactor->bell};
    if (reactor->epoll < 0 || reactor->bell < 0 || !reactor->share ||
        epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, reactor->bell, &event)) {
        destroy(reactor);
        return NULL;
    }
    enlist(reactor);
    return reactor;
}

void weir__multi_free(struct weir__reactor *reactor)
{
    if (!reactor)
        return;
    assert(!reactor->connections);
    unlist(reactor); /* abort walks the list under its lock, so it is done with this one now */
    destroy(reactor);
}

struct weir__connection *weir__multi_open(struct weir__reactor *reactor)
{
    if (!weir__multi_moment_reserve(reactor, reactor->connection_count + 1))
        return NULL;
    struct weir__shard *shard = weir__multi_shard_place(reactor);
    struct weir__connection *connection = shard ? weir__easy_connection_new(reactor->easy, reactor) : NULL;
    if (!connection)
        return NULL;
    connection->shard = shard;
    weir__multi_shard_taken(shard, 1);
    connection->next = reactor->connections;
    if (connection->next)
        connection->next->previous = connection;
    reactor->connections = connection;
    reactor->connection_count++;
    return connection;
}

void weir__multi_close(struct weir__connection *connection)
{
    struct weir__reactor *reactor = connection->reactor;
    assert(connection->way == WEIR__WAY_IDLE);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        reactor->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    reactor->connection_count--;
    weir__multi_shard_taken(connection->shard, -1);
    weir__easy_connection_free(connection);
}

/* Rung once for all until the loop has listened. */
void weir__multi_wake(struct weir__reactor *reactor)
{
    if (atomic_exchange(&reactor->woken, true))
        return;
    const uint64_t one = 1;
    ssize_t written = write(reactor->bell, &one, sizeof one); /* fails only where it is rung 2^64 - 1 times */
    (void)written;
}

void weir__multi_stop(struct weir__reactor *reactor)
{
    atomic_store(&reactor->stops, true);
    weir__multi_wake(reactor);
}

/*
 * The bell is emptied before the flag is taken back: who rings in between finds the flag and leaves it at that, and the
 * loop looks at everything after this anyway.
 */
static void listen_to_bell(struct weir__reactor *reactor)
{
    uint64_t count;
    ssize_t taken = read(reactor->bell, &count, sizeof count);
    (void)taken;
    (void)atomic_exchange(&reactor->woken, false);
}

/* Those that are cancelled; all, after an abort.  In two steps, since callbacks may open and close connections. */
static void stop_those(struct weir__reactor *reactor)
{
    if (!atomic_load(&reactor->stops) || !atomic_exchange(&reactor->stops, false))
        return;
    for (struct weir__connection *each = reactor->connections; each; each = each->next)
        weir__multi_transfer_stop(each);
}

static void finish_those(struct weir__reactor *reactor)
{
    for (struct weir__connection *each; (each = weir__line_take(&reactor->over));)
        weir__multi_transfer_finish(each);
}

/* Whatever can go on without a socket. */
static void go_on(struct weir__reactor *reactor)
{
    struct weir__connection *each;
    reactor->now_ns = weir__clock_now_ns();
    stop_those(reactor);
    while ((each = weir__line_take(&reactor->ready)))
        weir__multi_transfer_go(each);
    while ((each = weir__line_take(&reactor->started)))
        weir__multi_transfer_begin(each);
    while ((each = weir__multi_moment_take(reactor, reactor->now_ns)))
        weir__multi_transfer_moment(each);
    weir__multi_shard_run(reactor, reactor->now_ns);
    weir__multi_shard_collect(reactor);
    finish_those(reactor);
}

/* How long there is nothing to do. */
static int64_t next_moment(const struct weir__reactor *reactor, int64_t until_ns)
{
    int64_t parked_ns = weir__multi_moment_first(reactor), due_ns = weir__multi_shard_due(reactor);
    if (reactor->started.first || reactor->ready.first || reactor->over.first)
        return 0;
    until_ns = parked_ns < until_ns ? parked_ns : until_ns;
    return due_ns < until_ns ? due_ns : until_ns;
}

static int wait_coarse(const struct weir__reactor *reactor, struct epoll_event *events, int64_t left_ns)
{
    int64_t left_ms = left_ns / WEIR__NS_PER_MS + (left_ns % WEIR__NS_PER_MS != 0);
    int timeout_ms = left_ns == WEIR__NEVER ? -1 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
    return epoll_wait(reactor->epoll, events, WEIR__EVENTS_MAX, timeout_ms);
}

/* A signal ends it as if nothing had happened: the caller comes again. */
static int wait_for_events(struct weir__reactor *reactor, struct epoll_event *events, int64_t until_ns)
{
    int64_t left_ns = until_ns == WEIR__NEVER ? WEIR__NEVER : until_ns ? until_ns - weir__clock_now_ns() : 0;
    if (left_ns < 0)
        left_ns = 0;
    if (!reactor->coarse) {
        struct timespec left = {.tv_sec = left_ns / WEIR__NS_PER_S, .tv_nsec = left_ns % WEIR__NS_PER_S};
        int count = epoll_pwait2(reactor->epoll, events, WEIR__EVENTS_MAX, left_ns == WEIR__NEVER ? NULL : &left, NULL);
        if (count >= 0 || errno != ENOSYS)
            return count;
        reactor->coarse = true;
    }
    return wait_coarse(reactor, events, left_ns);
}

void weir__multi_poll(struct weir__reactor *reactor, int64_t until_ns)
{
    struct epoll_event events[WEIR__EVENTS_MAX];
    uint32_t told = reactor->told;
    go_on(reactor);
    if (reactor->told != told)
        until_ns = 0; /* the caller has news to look at */
    until_ns = next_moment(reactor, until_ns);
    int count = wait_for_events(reactor, events, until_ns);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == reactor->bell)
            listen_to_bell(reactor);
        else
            weir__multi_shard_event(reactor, events[i].data.fd, events[i].events);
    }
    weir__multi_shard_collect(reactor);
    stop_those(reactor);
    finish_those(reactor);
}
