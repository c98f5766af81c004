/*
 * easy - what the files of the libcurl transport share: the transport, one connection of it, one attempt.
 *
 *   easy.c         new, open, perform, close, cancel, abort, free
 *   easy_setup.c   the handle's options: those set once, and those that follow from a call
 *   easy_receive.c the response: header section, body, the wire
 *   easy_socket.c  sockets, and how cancel and abort reach them
 *   easy_error.c   from a CURLcode and what the callbacks saw to an error and a detail
 *   multi*.c       reactors: many attempts in one thread (multi.h)
 *   tls.c          the only file that knows OpenSSL;  proxy.c  the environment's proxies
 *   transport_check.c  what must not reach the wire
 *
 * One curl easy handle for each connection, used by one thread at a time and never reset: constant options are set when
 * it is made, and a call sets only what differs from the call before.  A connection is a thread's, or a reactor's; what
 * follows is of a thread's.  curl_easy_perform blocks; what ends it early is shutdown(2) on its socket (0.1 ms, where a
 * flag read by XFERINFOFUNCTION takes up to a second).  While a name is looked up there is none; libcurl waits for its
 * resolver anyway, and then OPENSOCKETFUNCTION refuses.
 *
 * A cancel is an abort of one connection, whose flag is the call's: the next call finds another flag and, at worst, its
 * kept connections dead, which libcurl sees before it sends.
 *
 * Locks.  easy.lock guards the lists of threads' connections and of reactors; connection.socket_lock guards its sockets
 * and is the only thing taken under easy.lock.  Neither is ever held over a curl call, a callback or an allocation.
 *
 * Memory.  One thread with a transfer of plain HTTP in flight costs 42 KB of RSS (2,000 of them, libcurl 7.88.1, a
 * small response before): 16 KB are touched stack, 24 KB libcurl's, less than 2 KB weir's.  curl_easy_perform alone
 * costs 40.
 */
#ifndef WEIR_HTTP_EASY_H
#define WEIR_HTTP_EASY_H

#include "http/easy_buffer.h"
#include "http/proxy.h"
#include "http/tls.h"
#include "http/transport.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

/*
 * libcurl's receive buffer: its own default, and the least it takes, for a lean transport.  With 6,600 transfers in
 * flight, their threads included, the small one and shedding the stack bring 43 KB a connection down to 35; what is
 * left are libcurl's two handles (17 KB) and a thread's three pages of stack.
 */
#define WEIR__CURL_BUFFER_SIZE 16384L
#define WEIR__CURL_BUFFER_LEAN_SIZE 1024L

/* Kept connections of one handle: one for a plain run, some where redirects or jobs lead to a few hosts. */
#define WEIR__KEPT_MAX 4L

/* The kept ones, one more while the pool is trimmed, and two that race each other (happy eyeballs); the rest is air. */
#define WEIR__SOCKETS_MAX 16u

/*
 * Seconds that a kept connection may idle.  Below the 60 s of common load balancers and nginx's 75 s; a server that
 * closes sooner is noticed before the send nearly always, since its FIN is there.
 */
#define WEIR__IDLE_MAX_S 50L

/* "Date: Thu, 01 Jan 1970 00:00:00 GMT" is 35 bytes; one that does not fit is kept at once. */
#define WEIR__DATE_LINE_SIZE 64u

/* A body buffer larger than this is given back before the next attempt. */
#define WEIR__BODY_KEEP_SIZE ((size_t)64 * 1024)

struct weir__easy {
    struct weir__transport transport; /* first, so that a pointer to one is a pointer to the other */
    struct weir__transport_options options;
    struct weir__proxy proxy;
    struct weir__tls *tls; /* NULL where libcurl's backend is not OpenSSL: then libcurl loads the files itself */
    long connect_timeout_ms;
    atomic_bool aborted;

    pthread_mutex_t lock;
    struct weir__connection *connections; /* those of threads */
    struct weir__reactor *reactors;
};

/* How the handle is set to send. */
enum weir__request_form {
    WEIR__FORM_GET, /* no body */
    WEIR__FORM_HEAD,
    WEIR__FORM_BODY, /* POSTFIELDS, of whatever method */
};

/* Where an attempt in a reactor is. */
enum weir__way {
    WEIR__WAY_IDLE,    /* there is none */
    WEIR__WAY_STARTED, /* in reactor.started: its handle is still the last one's */
    WEIR__WAY_WAITING, /* in a host's line for its scout, then in reactor.ready */
    WEIR__WAY_ON,      /* libcurl has it */
    WEIR__WAY_PARKED,  /* the wire said later */
    WEIR__WAY_OVER,    /* in reactor.over, or on its way to `ended` */
};

/* What the callbacks saw of the attempt in hand. */
struct weir__attempt {
    const struct weir__call *call;
    int64_t timeout_ns; /* its own or the options', whichever is shorter */
    int64_t budget_ns;  /* of the options': what libcurl may still take, waits at the wire apart */
    int64_t own_ns;     /* of the call's own: what is left when libcurl gets it; 0: it has none */
    bool reached;       /* the wire */
    int64_t waited_ns;  /* there */

    /* in a reactor */
    bool later;         /* the wire is to be asked again */
    bool overdue;       /* ended by its moment */
    int64_t spent_ns;   /* in libcurl, before it had it last */
    int64_t connect_ns; /* then, if it connected then */

    /* the way there */
    bool opened;      /* a socket was made for it */
    bool opened_ipv6; /* */
    int socket_errno; /* why one could not be made; 0 if nothing went wrong */
    bool new_connection;
    bool refused; /* by the wire */
    bool sent;
    bool again; /* libcurl wanted to send a second time */
    bool shed;  /* the stack, after the send */

    /* the response */
    bool began;
    bool in_head;     /* past a status line, before the empty line */
    size_t date_size; /* of date_line; 0: none was set aside */
    bool collected;   /* the newest field line: one that continues it is too */
    bool head_done;   /* what follows are trailers */
    bool chunked;     /* the header section says so */
    int status;       /* of the newest status line */
    size_t head_size; /* raw bytes, 1xx and trailers included */
    size_t body_size; /* decoded bytes */
    bool head_too_large;
    bool body_too_large;
    bool no_memory;
};

struct weir__connection {
    /* what every request touches, close together: with a hundred threads little else stays in the cache */
    struct weir__easy *easy;
    CURL *curl;
    void *stack_low; /* of the worker's thread, where a lean transport sheds its stack; else NULL */
    struct weir__attempt attempt;

    /* what the handle is set to */
    enum weir__request_form form;
    bool custom_method;
    bool custom_headers;
    bool decoding;
    long timeout_ms;
    const char *proxy;
    struct weir__easy_buffer url;

    /* the response, valid until the next perform */
    struct weir__easy_buffer head; /* name NUL value NUL, for each field */
    struct weir__easy_buffer body;
    size_t field_count;
    struct weir_header *fields;
    size_t field_max;
    char date_line[WEIR__DATE_LINE_SIZE]; /* set aside, while nobody knows whether it is wanted */
    char error_text[CURL_ERROR_SIZE];

    struct weir__easy_buffer header_text; /* of the request, where it has fields of its own */
    struct curl_slist *header_nodes;
    size_t header_node_max;

    struct weir__connection *previous, *next; /* under easy.lock; a reactor's: in its list */

    /* a reactor's (multi.h); a thread's has none */
    struct weir__reactor *reactor;
    enum weir__way way;
    CURLcode code; /* of one that is over, where early_error is NONE */
    enum weir_error early_error;
    const char *early_detail;
    struct weir__line *line; /* that it stands in */
    struct weir__connection *line_previous, *line_next;
    struct weir__shard *shard;   /* its place */
    struct weir__shard *carrier; /* the one that has the transfer */
    struct weir__host *host;
    uint64_t host_stamp; /* of what `host` was */
    bool forgets_names;  /* there are too many for a cache of them */
    int64_t deadline_ns; /* of the call; WEIR__NEVER for none */
    int64_t added_ns;    /* when libcurl got it last */
    int64_t moment_ns;   /* that it waits for */
    size_t moment_index; /* 0: for none */

    /* a thread's */
    pthread_mutex_t socket_lock;
    unsigned socket_count;
    int sockets[WEIR__SOCKETS_MAX];
};

/* A connection with its handle, in no list, of a thread or of `reactor`.  NULL where there is no memory. */
struct weir__connection *weir__easy_connection_new(struct weir__easy *easy, struct weir__reactor *reactor);
void weir__easy_connection_free(struct weir__connection *connection);

/* Forgets the attempt before. */
void weir__easy_begin(struct weir__connection *connection, const struct weir__call *call);

/* Until TCP, or TLS on top of it, was there; a connection that never came took all the time there was. */
int64_t weir__easy_connect_time(const struct weir__connection *connection);

/* From the code of the transfer; `reply` is zeroed. */
void weir__easy_fill_reply(struct weir__connection *connection, CURLcode code, struct weir__reply *reply);

/* libcurl's unit: rounded up, so that a short timeout is not none; libcurl keeps it in 32 bits. */
long weir__easy_setup_ms(int64_t ns);

/* Sets what never changes.  False where libcurl refuses one of the options or has no memory. */
bool weir__easy_setup_handle(struct weir__connection *connection);

/* Sets what the call asks for.  NONE, or BAD_REQUEST or RESOURCE with a static text. */
enum weir_error weir__easy_setup_call(struct weir__connection *connection, const struct weir__call *call,
                                      const char **detail);

/* From attempt.budget_ns and own_ns. */
void weir__easy_setup_timeout(struct weir__connection *connection);

/* Callbacks of libcurl; `user` is the connection. */
size_t weir__easy_receive_head(char *line, size_t size, size_t count, void *user);
size_t weir__easy_receive_body(char *data, size_t size, size_t count, void *user);
int weir__easy_receive_wire(void *user, char *remote, char *local, int remote_port, int local_port);
int weir__easy_receive_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up);
curl_socket_t weir__easy_socket_open(void *user, curlsocktype purpose, struct curl_sockaddr *address);
int weir__easy_socket_close(void *user, curl_socket_t socket);

/* Makes connection.fields of what was collected.  False where there is no memory. */
bool weir__easy_receive_fields(struct weir__connection *connection);

/* What has ended the attempt from outside: "aborted", "cancelled"; NULL if nothing has. */
const char *weir__easy_socket_stopped(const struct weir__connection *connection);

/* Ends whatever the connection's sockets are doing.  From any thread. */
void weir__easy_socket_shutdown(struct weir__connection *connection);

/* Fills reply's error, resend and detail from the transfer's code and the attempt. */
void weir__easy_error_explain(struct weir__connection *connection, CURLcode code, struct weir__reply *reply);

/* Sets an error with a text that is ours. */
void weir__easy_error_set(struct weir__reply *reply, enum weir_error error, const char *detail);

#endif
