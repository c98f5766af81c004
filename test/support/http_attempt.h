/*
 * http_attempt - one attempt over the easy transport, as core would make it, with counters in place of permits.
 */
#ifndef TEST_SUPPORT_HTTP_ATTEMPT_H
#define TEST_SUPPORT_HTTP_ATTEMPT_H

#include "http/transport.h"

#define HTTP_ATTEMPT_HEADERS_MAX 8

struct http_attempt {
    struct weir__transport *transport;
    struct weir__connection *connection;
    struct weir__reply reply; /* of the last send */

    /* what the next send does */
    struct weir_header headers[HTTP_ATTEMPT_HEADERS_MAX];
    size_t header_count;
    const void *body;
    size_t body_size;
    int64_t timeout_ns; /* its own; 0: the options' */
    bool drop_reply;
    bool refuse;     /* the wire says no */
    int wire_ms;     /* how long the wire waits */
    int64_t took_ns; /* the last send, all in all */

    /* counted by the callbacks */
    int wires, new_connections, begans;
};

/* Options with timeouts of ten seconds, a body limit of 1 MiB, and bodies kept. */
struct weir__transport_options http_attempt_options(void);

/* A transport and one connection; fails the test where that cannot be.  NULL means the options above. */
void http_attempt_open(struct http_attempt *attempt, const struct weir__transport_options *options);
void http_attempt_close(struct http_attempt *attempt);

/* Sends and returns the error; `url` may have one %d for `port`. */
enum weir_error http_attempt_send(struct http_attempt *attempt, const char *method, const char *url, int port);

/* The value of a field of the reply, or "" . */
const char *http_attempt_field(const struct http_attempt *attempt, const char *name);

/* Open descriptors of this process. */
int http_attempt_fds(void);

/* Fails the test with code and detail unless the last error was this. */
#define assert_attempt(attempt, expected) http_attempt_expect((attempt), (expected), __FILE__, __LINE__)
void http_attempt_expect(const struct http_attempt *attempt, enum weir_error expected, const char *file, int line);

#endif
