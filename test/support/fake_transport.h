/*
 * fake_transport - a transport without a network: each attempt follows the next step of a script, and leaves a record.
 *
 * It keeps the order that the real one keeps (connect, `wire`, send, `began`, end), waits through the environment it is
 * given, and can park an attempt between its send and its response until the test lets it go on.  Attempts block, or
 * are started in reactors: the steps and the records are the same.
 */
#ifndef WEIR_TEST_FAKE_TRANSPORT_H
#define WEIR_TEST_FAKE_TRANSPORT_H

#include "http/transport.h"
#include "pool/pool.h"

#include <stdbool.h>
#include <stdint.h>

#define FAKE_TEXT_SIZE 128u
#define FAKE_RECORDS_MAX 4096u

struct fake_step {
    /* until the send */
    int64_t connect_ns; /* connect and TLS */
    bool unsent;        /* the attempt fails with `error` before its send */

    /* until the response */
    bool park;          /* waits for fake_transport_release() after its send */
    int64_t latency_ns; /* from the send until the response begins, or is given up */
    int http_status;    /* 0: no response begins */
    bool resend;        /* the kept connection was dead */

    /* until the end */
    int64_t body_ns;
    enum weir_error error;
    const char *redirect_url;
    const char *body;
    const struct weir_header *headers; /* NULL: one that means nothing */
    size_t header_count;
};

struct fake_record {
    char method[16];
    char url[FAKE_TEXT_SIZE];
    size_t header_count;
    char last_header[FAKE_TEXT_SIZE]; /* "name: value" of the last field; "" if none */
    size_t body_size;
    int64_t timeout_ns; /* the call's own */
    bool sent;
    int64_t sent_ns, began_ns; /* 0: never */
};

struct fake_transport;

/* Steps that were not pushed are `usual`.  NULL without memory.  Hand fake_transport_base() to the dispatcher, which
 * frees it; the pointer is valid until then. */
struct fake_transport *fake_transport_new(const struct weir__env *env, const struct fake_step *usual);
struct weir__transport *fake_transport_base(struct fake_transport *fake);

/* Adds a step; attempts take them in the order in which they begin. */
void fake_transport_push(struct fake_transport *fake, const struct fake_step *step);

/* Attempts that are parked now, that have begun, and that have passed the wire. */
uint32_t fake_transport_parked(struct fake_transport *fake);
uint32_t fake_transport_begun(struct fake_transport *fake);
uint32_t fake_transport_sent(struct fake_transport *fake);

/* How often a connection was told of a cancel. */
uint32_t fake_transport_cuts(struct fake_transport *fake);

/* Wait (in real time) until that many; false where the patience ran out. */
bool fake_transport_await_parked(struct fake_transport *fake, uint32_t count);
bool fake_transport_await_begun(struct fake_transport *fake, uint32_t count);
bool fake_transport_await_sent(struct fake_transport *fake, uint32_t count);

/* Lets `count` parked attempts go on, the longest parked first. */
void fake_transport_release(struct fake_transport *fake, uint32_t count);

/* What the n-th attempt (from 0, by its beginning) was. */
struct fake_record fake_transport_record(struct fake_transport *fake, uint32_t n);

#endif
