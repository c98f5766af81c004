/*
 * transport - what core needs of HTTP: one attempt of one request over one worker's connection.
 *
 * An attempt is either performed, which blocks, or started in a reactor, where one thread carries many at a time; what
 * happens on the way is the same.
 *
 * The interface behind which libcurl stands, and a fake in tests.  It knows no limits, no retries and no jobs; it asks
 * its caller right before each send (`wire`) and tells it when the response begins (`began`).
 */
#ifndef WEIR_HTTP_TRANSPORT_H
#define WEIR_HTTP_TRANSPORT_H

#include "weir.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__DETAIL_SIZE 256u

/* What a call's `wire` returns in a reactor for a send that may not leave yet. */
#define WEIR__WIRE_LATER INT64_MIN

struct weir__reply;

/* One attempt.  It, and everything it points to, must stay as it is until perform returns or `ended` is called. */
struct weir__call {
    const char *method;
    const char *url;
    const struct weir_header *headers;
    size_t header_count;
    const void *body; /* NULL if none */
    size_t body_size;
    int64_t timeout_ns; /* all that there is for it, `wire` included, where that is less than the options give; 0: as
                           they say */
    const atomic_bool *cancelled; /* true ends the attempt as an abort does, at once if `cancel` is called after it was
                                     set; NULL: nobody will */
    bool drop_reply; /* nobody will look at the response's headers and body: they are counted and dropped, but for the
                        header fields that weir__feedback_wants() */

    /*
     * The wire: called after connect and TLS, right before the request's first byte, at most once for each perform (a
     * resend that the HTTP library wants to do by itself is refused, see weir__reply.resend).  It may wait, and returns
     * how long it did, in nanoseconds: that does not count against the attempt's timeout.  Negative refuses the send.
     *
     * In a reactor it must not wait; it may return WEIR__WIRE_LATER instead and set `wire_again_ns`: then nothing is
     * sent, the connection is kept, and at that moment the wire is asked again, on a connection that may be another.
     * The time in between does not count against the attempt's timeout.
     */
    int64_t (*wire)(void *context, bool new_connection);
    int64_t wire_again_ns;
    /* The final response (1xx does not count) has begun: its status line is there.  At most once. */
    void (*began)(void *context);
    /* Its header section is there, its body may still come: for statuses from 400 on, at most once.  NULL: nobody asks.
     * The fields are as they will be in the reply. */
    void (*headed)(void *context, int http_status, const struct weir_header *headers, size_t header_count);
    /* In a reactor: the attempt is over.  Called once for each start, from poll, never from within start.  The next
     * attempt may be started in here; `reply`, which may be written to, is valid until then or until it returns. */
    void (*ended)(void *context, struct weir__reply *reply);
    void *context;
};

/* What came of it.  Pointers are the connection's, valid until its next perform or close. */
struct weir__reply {
    enum weir_error error; /* NONE where a whole response arrived, whatever its status; never STATUS */
    int http_status;       /* 0 where no status line arrived */
    bool sent;             /* `wire` was passed: the request may have reached the server */
    bool resend;           /* a kept connection died before its first response byte; nothing was sent a second time */
    bool new_connection;
    int64_t connect_ns;                /* name look-up, TCP, TLS; 0 on a kept connection */
    const char *redirect_url;          /* absolute, where the status and a Location header ask for one; else NULL */
    const struct weir_header *headers; /* where the reply is dropped, only those that weir__feedback_wants() */
    size_t header_count;
    const void *body; /* NULL unless bodies are kept */
    size_t body_size;
    char detail[WEIR__DETAIL_SIZE]; /* what the error was, for people, without secrets; "" if none */
};

/* What is the same for every attempt of a dispatcher.  Strings must outlive the transport. */
struct weir__transport_options {
    int64_t connect_timeout_ns;
    int64_t timeout_ns;
    size_t body_max_size;
    bool keep_bodies;
    const char *ca_file;
    const char *client_cert_file;
    const char *client_key_file;
    int tls_version_min; /* 12 or 13 */
    bool insecure;
    bool lean; /* thousands of connections: spend a little time on each to save memory */
};

/*
 * A transport: shared by all workers of a dispatcher.  `open`, `cancel`, `abort` may be called from any thread; else a
 * connection is its worker's alone.
 */
struct weir__transport {
    /* NULL where there is no memory. */
    struct weir__connection *(*open)(struct weir__transport *transport);
    /* Blocks until the attempt is over.  After abort it returns at once with WEIR_ERROR_STOPPED. */
    void (*perform)(struct weir__connection *connection, const struct weir__call *call, struct weir__reply *reply);
    void (*close)(struct weir__connection *connection); /* NULL is a no-op */
    /* Wakes an attempt whose call was cancelled, wherever it waits.  The connection must not be closed meanwhile; it
     * can be used again.  Neither waits nor calls anybody back. */
    void (*cancel)(struct weir__connection *connection);
    /* Ends every attempt now and to come, even one on a silent connection. */
    void (*abort)(struct weir__transport *transport);
    void (*free)(struct weir__transport *transport); /* every connection and reactor must be closed; NULL is a no-op */

    /*
     * Reactors.  One belongs to the first thread that uses it, which alone opens connections in it, starts, polls and
     * closes; another may make it and, afterwards, free it.
     * Its connections are closed by `close` before it is freed, none of them with an attempt under way; `cancel` and
     * `abort` reach them as they do those that perform.
     */
    /* NULL where there is no memory or no file descriptor.  `attempt_max`: so many are under way at most. */
    struct weir__reactor *(*reactor_new)(struct weir__transport *transport, uint32_t attempt_max);
    void (*reactor_free)(struct weir__reactor *reactor);                     /* NULL is a no-op */
    struct weir__connection *(*reactor_open)(struct weir__reactor *reactor); /* as open */
    /* Begins an attempt; it goes on in poll, and `call->ended` is told.  One at a time for each connection. */
    void (*start)(struct weir__connection *connection, struct weir__call *call);
    /* Does what there is to do; where that is nothing waits for it, at most until `until_ns` or the next wake. */
    void (*poll)(struct weir__reactor *reactor, int64_t until_ns);
    /* Ends the wait of poll, or of the next one where none is under way.  From any thread. */
    void (*wake)(struct weir__reactor *reactor);
};

/* Checks what must not reach the wire: CR, LF, NUL or other controls, names and methods that are no tokens, URLs that
 * are not absolute http or https.  NULL where the request is fine, else a static text that says what is wrong. */
const char *weir__transport_check(const char *method, const char *url, const struct weir_header *headers,
                                  size_t header_count);

/* A transport over libcurl's easy interface (src/http/easy.c).  WEIR_OK, WEIR_NO_MEMORY, WEIR_TRANSPORT, or WEIR_TLS
 * where ca_file, client_cert_file or client_key_file cannot be read as PEM. */
enum weir_status weir__easy_new(const struct weir__transport_options *options, struct weir__transport **out);

#endif
