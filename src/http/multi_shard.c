/*
 * multi_shard - libcurl's multi handles, what each of them wants to be called for, and epoll.
 *
 * Knows sockets, timers and that something has ended; what that is for is multi_transfer's.
 */
#include "http/multi.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* NULL where there is no memory; `fd` is not negative. */
static struct weir__watched *watched_of(struct weir__reactor *reactor, int fd)
{
    size_t index = (size_t)fd;
    if (index < reactor->watched_max)
        return &reactor->watched[index];
    size_t max = index * 2 + 64;
    struct weir__watched *watched = realloc(reactor->watched, max * sizeof *watched);
    if (!watched)
        return NULL;
    memset(watched + reactor->watched_max, 0, (max - reactor->watched_max) * sizeof *watched);
    reactor->watched = watched;
    reactor->watched_max = max;
    return &watched[index];
}

/* Has epoll think what libcurl does.  Where it cannot (the system's limit of watches, no memory), the transfer is left
 * to its timeout. */
static void tell_epoll(struct weir__reactor *reactor, int fd, struct weir__watched *watched)
{
    struct epoll_event event = {.events = watched->wanted, .data.fd = fd};
    int done;
    if (!watched->wanted) {
        (void)epoll_ctl(reactor->epoll, EPOLL_CTL_DEL, fd, &event);
        watched->registered = 0;
        return;
    }
    done = epoll_ctl(reactor->epoll, watched->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    if (done && errno == ENOENT)
        done = epoll_ctl(reactor->epoll, EPOLL_CTL_ADD, fd, &event);
    else if (done && errno == EEXIST)
        done = epoll_ctl(reactor->epoll, EPOLL_CTL_MOD, fd, &event);
    watched->registered = done ? 0 : watched->wanted;
}

/*
 * A CURLMOPT_SOCKETFUNCTION.  A socket that we did not make (the resolver's pair) is closed without a word to us, and
 * its number may be the next one's: so what was registered for it goes at once.
 */
static int on_socket(CURL *curl, curl_socket_t fd, int what, void *user, void *assigned)
{
    struct weir__shard *shard = user;
    struct weir__reactor *reactor = shard->reactor;
    struct weir__watched *watched = watched_of(reactor, fd);
    (void)curl, (void)assigned;
    if (!watched)
        return 0; /* -1 would end every transfer of the shard */
    watched->shard = shard;
    watched->wanted = what == CURL_POLL_REMOVE ? 0
                                               : (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0u) |
                                                     (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0u);
    if (watched->wanted ? watched->wanted != watched->registered : !watched->ours)
        tell_epoll(reactor, fd, watched);
    return 0;
}

/* A CURLMOPT_TIMERFUNCTION. */
static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct weir__shard *shard = user;
    (void)multi;
    shard->due_ns = timeout_ms < 0    ? WEIR__NEVER
                    : timeout_ms == 0 ? 0
                                      : weir__clock_after(weir__clock_now_ns(), timeout_ms * WEIR__NS_PER_MS);
    return 0;
}

static bool set_up(struct weir__shard *shard, CURLM *multi, bool streams)
{
    uint32_t carriers = (shard->reactor->attempt_max + WEIR__STREAMS_MAX - 1) / WEIR__STREAMS_MAX;
    if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, shard) ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, shard) ||
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, WEIR__SHARD_KEPT_MAX))
        return false;
    if (!streams)
        return !curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return !curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) &&
           !curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)WEIR__STREAMS_MAX) &&
           !curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)carriers);
}

static bool make_multi(struct weir__shard *shard, bool streams)
{
    CURLM *multi = curl_multi_init();
    if (multi && !set_up(shard, multi, streams)) {
        (void)curl_multi_cleanup(multi);
        multi = NULL;
    }
    shard->multi = multi;
    return multi;
}

static struct weir__shard *shard_new(struct weir__reactor *reactor, bool streams)
{
    struct weir__shard *shard = calloc(1, sizeof *shard);
    if (!shard)
        return NULL;
    shard->reactor = reactor;
    shard->due_ns = WEIR__NEVER;
    if (!make_multi(shard, streams)) {
        free(shard);
        return NULL;
    }
    return shard;
}

void weir__multi_shard_free(struct weir__shard *shard)
{
    if (!shard)
        return;
    (void)curl_multi_cleanup(shard->multi);
    free(shard);
}

static struct weir__shard *append(struct weir__reactor *reactor, bool streams)
{
    struct weir__shard **shards = realloc(reactor->shards, (reactor->shard_count + 1) * sizeof(struct weir__shard *));
    if (!shards)
        return NULL;
    reactor->shards = shards;
    struct weir__shard *shard = shard_new(reactor, streams);
    if (shard)
        shards[reactor->shard_count++] = shard;
    return shard;
}

/* The first with room: so a loop with few connections has one. */
struct weir__shard *weir__multi_shard_place(struct weir__reactor *reactor)
{
    for (size_t i = 0; i < reactor->shard_count; i++)
        if (reactor->shards[i] != reactor->streams && reactor->shards[i]->taken < WEIR__SHARD_PLACES)
            return reactor->shards[i];
    return append(reactor, false);
}

/* As many as threads would keep, up to two for each place of a full shard: few places must not take up many files. */
static void keep(struct weir__shard *shard)
{
    long kept = (long)shard->taken * WEIR__KEPT_MAX;
    (void)curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS,
                            kept < 1                      ? 1L
                            : kept < WEIR__SHARD_KEPT_MAX ? kept
                                                          : WEIR__SHARD_KEPT_MAX);
}

void weir__multi_shard_taken(struct weir__shard *shard, int more)
{
    shard->taken += (uint32_t)more;
    if (shard->multi)
        keep(shard);
}

struct weir__shard *weir__multi_shard_streams(struct weir__reactor *reactor)
{
    if (!reactor->streams)
        reactor->streams = append(reactor, true);
    return reactor->streams;
}

static bool renew(struct weir__shard *shard)
{
    bool streams = shard == shard->reactor->streams;
    if (!make_multi(shard, streams))
        return false;
    if (!streams)
        keep(shard);
    return true;
}

bool weir__multi_shard_add(struct weir__shard *shard, CURL *curl)
{
    return (shard->multi || renew(shard)) && curl_multi_add_handle(shard->multi, curl) == CURLM_OK;
}

bool weir__multi_shard_note(struct weir__reactor *reactor, int fd)
{
    struct weir__watched *watched = watched_of(reactor, fd);
    if (!watched)
        return false;
    *watched = (struct weir__watched){.ours = true};
    return true;
}

/* close(2) alone takes it out of epoll only where no child of the process, after fork(), has it too: then nobody could
 * take it out any more, and its end would be reported for ever. */
int weir__multi_shard_close(void *user, curl_socket_t fd)
{
    struct weir__reactor *reactor = user;
    struct weir__watched *watched = &reactor->watched[fd];
    watched->wanted = 0;
    if (watched->registered)
        tell_epoll(reactor, fd, watched);
    *watched = (struct weir__watched){0};
    return close(fd);
}

int64_t weir__multi_shard_due(const struct weir__reactor *reactor)
{
    int64_t due_ns = WEIR__NEVER;
    for (size_t i = 0; i < reactor->shard_count; i++)
        if (reactor->shards[i]->due_ns < due_ns)
            due_ns = reactor->shards[i]->due_ns;
    return due_ns;
}

static void act(struct weir__shard *shard, curl_socket_t fd, int what)
{
    int running;
    if (shard->broken)
        return;
    shard->touched = true;
    shard->broken = curl_multi_socket_action(shard->multi, fd, what, &running) != CURLM_OK;
}

/*
 * libcurl that is out of memory in there has said neither when it wants to be called nor what sockets it waits for, and
 * where it adds to its table of a socket again it divides by the table's size, which is 0 (singlesocket() of 7.88).  So
 * what the handle carries ends, and it goes with its connections; the next transfer makes another.
 */
static void replace(struct weir__shard *shard)
{
    struct weir__reactor *reactor = shard->reactor;
    for (struct weir__connection *each = reactor->connections; each; each = each->next)
        if (each->way == WEIR__WAY_ON && each->carrier == shard)
            weir__multi_transfer_lose(each);
    (void)curl_multi_cleanup(shard->multi);
    shard->multi = NULL;
    shard->due_ns = WEIR__NEVER;
    shard->broken = false;
}

/* libcurl says anew where it wants to be called again. */
void weir__multi_shard_run(struct weir__reactor *reactor, int64_t now_ns)
{
    for (size_t i = 0; i < reactor->shard_count; i++) {
        struct weir__shard *shard = reactor->shards[i];
        if (shard->due_ns > now_ns)
            continue;
        shard->due_ns = WEIR__NEVER;
        act(shard, CURL_SOCKET_TIMEOUT, 0);
    }
}

/*
 * What is wrong with a socket libcurl finds by reading or writing, as it does when it waits by itself: CURL_CSELECT_ERR
 * would only have it guess.  An event may be of a socket that was closed a moment ago and whose number is another's
 * now: then libcurl finds nothing.
 */
void weir__multi_shard_event(struct weir__reactor *reactor, int fd, uint32_t events)
{
    struct weir__watched *watched = &reactor->watched[fd];
    if (!watched->wanted) { /* a kept connection that the server closes, as a rule; libcurl sees it when it looks */
        if (watched->registered)
            tell_epoll(reactor, fd, watched);
        return;
    }
    act(watched->shard, fd,
        (events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? CURL_CSELECT_IN : 0) |
            (events & (EPOLLOUT | EPOLLERR) ? CURL_CSELECT_OUT : 0));
}

/* Callbacks in here may open connections, and so make more shards. */
void weir__multi_shard_collect(struct weir__reactor *reactor)
{
    for (size_t i = 0; i < reactor->shard_count; i++) {
        struct weir__shard *shard = reactor->shards[i];
        const CURLMsg *message;
        int left;
        if (!shard->touched)
            continue;
        shard->touched = false;
        while ((message = curl_multi_info_read(shard->multi, &left))) {
            char *connection = NULL;
            CURLcode code = message->data.result; /* the message goes with the handle */
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &connection);
            weir__multi_transfer_done((struct weir__connection *)(void *)connection, code);
        }
        if (shard->broken)
            replace(shard);
    }
}
