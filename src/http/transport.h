/*
 * transport - what core needs of HTTP: one attempt of one request over one worker's connection.
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

/* One attempt.  Everything it points to must stay as it is until perform returns. */
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
     */
    int64_t (*wire)(void *context, bool new_connection);
    /* The final response (1xx does not count) has begun: its status line is there.  At most once. */
    void (*began)(void *context);
    /* Its header section is there, its body may still come: for statuses from 400 on, at most once.  NULL: nobody asks.
     * The fields are as they will be in the reply. */
    void (*headed)(void *context, int http_status, const struct weir_header *headers, size_t header_count);
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
    /* Wakes a perform whose call was cancelled, wherever it waits.  The connection must not be closed meanwhile; it can
     * be used again.  Neither waits nor calls anybody back. */
    void (*cancel)(struct weir__connection *connection);
    /* Ends every perform now and to come, even one on a silent connection. */
    void (*abort)(struct weir__transport *transport);
    void (*free)(struct weir__transport *transport); /* every connection must be closed; NULL is a no-op */
};

/* Checks what must not reach the wire: CR, LF, NUL or other controls, names and methods that are no tokens, URLs that
 * are not absolute http or https.  NULL where the request is fine, else a static text that says what is wrong. */
const char *weir__transport_check(const char *method, const char *url, const struct weir_header *headers,
                                  size_t header_count);

/* A transport over libcurl's easy interface (src/http/easy.c).  WEIR_OK, WEIR_NO_MEMORY, WEIR_TRANSPORT, or WEIR_TLS
 * where ca_file, client_cert_file or client_key_file cannot be read as PEM. */
enum weir_status weir__easy_new(const struct weir__transport_options *options, struct weir__transport **out);

#endif
