/*
 * multi - what the files of the reactor share: many attempts in one thread over libcurl's multi interface.
 *
 *   multi.c          new, open, close, poll, wake, cancel, abort, free
 *   multi_transfer.c an attempt's way: start, scout, transfer, wire, later, end
 *   multi_shard.c    shards, their timers and sockets, epoll
 *   multi_host.c     what is known of each authority, and who waits for that
 *   multi_moment.c   those that wait for a moment
 *
 * A handle is a connection's (easy.h), with the same options but few, and everything it sees and says goes through the
 * same callbacks.  libcurl is told of sockets by curl_multi_socket_action, one call for each that is ready.
 *
 * Shards.  libcurl looks a kept connection up by walking all that it has to the host: with one multi for 10,000 that
 * costs 80 us a request.  So there are several, each with WEIR__SHARD_PLACES places; a connection has its place for
 * life.  What goes to authorities that speak HTTP/2 shares a shard of its own, where few connections carry it: as many
 * to one host as all attempts need at 100 streams each, since libcurl would open 128 for 1,000 at once.
 *
 * Sockets.  libcurl forgets a kept socket after each transfer and asks for it anew with the next.  epoll is not told:
 * a registration stays until something happens on a socket that nobody wants, or until its close.
 *
 * Threads.  All of it is the loop's alone, but for `woken`, `stops` and the number of the bell.  Nobody is called back
 * but by libcurl's callbacks and from finish(), which is never inside one; in both, the caller may start, open, wake
 * and cancel: start only puts a connection into a line, and cancel only rings.
 *
 * Memory.  An attempt of plain HTTP in flight costs 14.3 KB of RSS in a lean transport (10,000 of them, libcurl 7.88.1,
 * a small response before), of which less than 1 KB is weir's.  A shard has two descriptors of libcurl's, which it
 * makes without close-on-exec.
 */
#ifndef WEIR_HTTP_MULTI_H
#define WEIR_HTTP_MULTI_H

#include "http/easy.h"

#include <stdint.h>

/* CPU a request at 512 in flight on loopback: 14.0 us with 32 places, 14.5 with 64, 14.8 with 128, 16.1 with 256; at 32
 * and at 10,000 in flight they are the same, and with 32 an attempt costs 0.6 KB more than with 64. */
#define WEIR__SHARD_PLACES 64u

/* Connections that a shard keeps at most. */
#define WEIR__SHARD_KEPT_MAX (2L * (long)WEIR__SHARD_PLACES)

/* Taken by one epoll wait. */
#define WEIR__EVENTS_MAX 256

/* Streams of one HTTP/2 connection: what libcurl assumes until the server says how many it allows. */
#define WEIR__STREAMS_MAX 100u

/* Authorities that are remembered. */
#define WEIR__HOSTS_MAX 1024u
#define WEIR__HOST_BUCKETS 256u

/* A list of connections. */
struct weir__line {
    struct weir__connection *first, *last;
};

struct weir__shard {
    struct weir__reactor *reactor;
    CURLM *multi;   /* NULL: the next transfer makes one */
    int64_t due_ns; /* when libcurl wants to be called; 0: at once, WEIR__NEVER: not */
    uint32_t taken; /* places */
    bool touched;   /* something may have ended in it */
    bool broken;    /* libcurl had no memory in the middle of its work */
};

/* What epoll and libcurl think of a file descriptor. */
struct weir__watched {
    struct weir__shard *shard;
    uint32_t registered; /* with epoll, for these events; 0: not */
    uint32_t wanted;     /* by libcurl */
    bool ours;           /* made by OPENSOCKETFUNCTION: its close will be seen, so that its registration may stay */
};

enum weir__speaks { WEIR__SPEAKS_UNKNOWN, WEIR__SPEAKS_HTTP1, WEIR__SPEAKS_HTTP2 };

/* An authority: scheme, host and port as they stand in the URL. */
struct weir__host {
    char *name;
    size_t name_size;
    uint64_t stamp;          /* another for each authority that this entry was made for */
    uint64_t used;           /* when, in look-ups; the least recent one goes */
    struct weir__host *next; /* in its bucket */
    enum weir__speaks speaks;
    bool https;
    const struct weir__connection *settled; /* has an HTTP/1 connection among the streams; only compared */
    struct weir__connection *scout;         /* the one that goes first; NULL: nobody waits */
    struct weir__line waiting;
};

struct weir__reactor {
    struct weir__easy *easy;
    struct weir__reactor *previous, *next; /* under easy.lock */
    uint32_t attempt_max;

    /* from any thread */
    int bell;          /* an eventfd */
    atomic_bool woken; /* it was rung, and nobody has listened since */
    atomic_bool stops; /* somebody was cancelled, or all are */

    int64_t now_ns; /* when this round began */
    bool coarse;    /* the system has no epoll_pwait2 */
    int epoll;
    uint32_t told; /* attempts that have ended, ever: whether one did in between */
    CURLSH *share; /* names that were looked up; NULL: each shard has its own */

    struct weir__shard **shards; /* all of them */
    size_t shard_count;
    struct weir__shard *streams;   /* the one for HTTP/2, where nobody has a place; NULL until it is needed */
    struct weir__watched *watched; /* by file descriptor */
    size_t watched_max;

    struct weir__connection *connections;
    size_t connection_count;
    struct weir__line started, ready, over;
    struct weir__connection **moments; /* a heap; room for every connection */
    size_t moment_count, moment_max;

    struct weir__host *buckets[WEIR__HOST_BUCKETS];
    struct weir__host **hosts; /* all entries; room for WEIR__HOSTS_MAX once there is one */
    size_t host_count;
    uint64_t host_stamp, host_used;
};

/* multi.c */
struct weir__reactor *weir__multi_new(struct weir__transport *transport, uint32_t attempt_max);
void weir__multi_free(struct weir__reactor *reactor);
struct weir__connection *weir__multi_open(struct weir__reactor *reactor);
void weir__multi_close(struct weir__connection *connection); /* of a reactor, not NULL */
void weir__multi_poll(struct weir__reactor *reactor, int64_t until_ns);
void weir__multi_wake(struct weir__reactor *reactor);
void weir__multi_stop(struct weir__reactor *reactor); /* has it look who was cancelled or aborted; from any thread */

/* Lines. */
void weir__line_append(struct weir__line *line, struct weir__connection *connection);
void weir__line_remove(struct weir__connection *connection);       /* from the one it is in, or none */
struct weir__connection *weir__line_take(struct weir__line *line); /* NULL where it is empty */

/* multi_transfer.c */
void weir__multi_transfer_start(struct weir__connection *connection, struct weir__call *call);
void weir__multi_transfer_begin(struct weir__connection *connection);  /* one that was started */
void weir__multi_transfer_go(struct weir__connection *connection);     /* one that has waited for its scout */
void weir__multi_transfer_moment(struct weir__connection *connection); /* one whose moment has come */
void weir__multi_transfer_done(struct weir__connection *connection, CURLcode code); /* libcurl has finished it */
void weir__multi_transfer_stop(struct weir__connection *connection);   /* puts it into reactor.over if it is to stop */
void weir__multi_transfer_lose(struct weir__connection *connection);   /* one whose shard cannot go on with it */
void weir__multi_transfer_finish(struct weir__connection *connection); /* one that was taken from reactor.over */
int weir__multi_transfer_wire(void *user, char *remote, char *local, int remote_port, int local_port);

/* multi_shard.c.  NULL or false where there is no memory. */
struct weir__shard *weir__multi_shard_place(struct weir__reactor *reactor);
struct weir__shard *weir__multi_shard_streams(struct weir__reactor *reactor);
void weir__multi_shard_taken(struct weir__shard *shard, int more); /* one place more, or one less */
void weir__multi_shard_free(struct weir__shard *shard);
bool weir__multi_shard_add(struct weir__shard *shard, CURL *curl);  /* false where there is no memory */
bool weir__multi_shard_note(struct weir__reactor *reactor, int fd); /* a socket that was made */
int weir__multi_shard_close(void *user, curl_socket_t fd);          /* a CLOSESOCKETFUNCTION; `user` is the reactor */
int64_t weir__multi_shard_due(const struct weir__reactor *reactor);
void weir__multi_shard_run(struct weir__reactor *reactor, int64_t now_ns); /* timers that are due */
void weir__multi_shard_event(struct weir__reactor *reactor, int fd, uint32_t events);
void weir__multi_shard_collect(struct weir__reactor *reactor); /* what has ended, of the shards that were touched */

/* multi_host.c */
/* Who the call is for; NULL without memory. */
struct weir__host *weir__multi_host_find(struct weir__connection *connection, const char *url);
/* The one that it is for, if that is still remembered; else NULL. */
struct weir__host *weir__multi_host_of(const struct weir__connection *connection);
/* The shard for streams where the attempt is to go there; else NULL: to its own. */
struct weir__shard *weir__multi_host_streams(const struct weir__host *host, const struct weir__connection *connection);
void weir__multi_host_wire(struct weir__connection *connection);  /* its connection is there: learns from it */
void weir__multi_host_ended(struct weir__connection *connection); /* learns, and lets those go that waited for it */
void weir__multi_host_clear(struct weir__reactor *reactor);

/* multi_moment.c */
bool weir__multi_moment_reserve(struct weir__reactor *reactor, size_t count);
void weir__multi_moment_add(struct weir__connection *connection, int64_t moment_ns);
void weir__multi_moment_remove(struct weir__connection *connection);   /* nothing where it has none */
int64_t weir__multi_moment_first(const struct weir__reactor *reactor); /* WEIR__NEVER where there is none */
struct weir__connection *weir__multi_moment_take(struct weir__reactor *reactor, int64_t now_ns); /* NULL: none is due */

#endif
