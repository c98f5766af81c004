/* fake_transport_parts - what the fake that blocks (fake_transport.c) and its reactors (fake_reactor.c) share. */
#ifndef WEIR_TEST_FAKE_TRANSPORT_PARTS_H
#define WEIR_TEST_FAKE_TRANSPORT_PARTS_H

#include "support/fake_transport.h"

#include <pthread.h>
#include <semaphore.h>

#define FAKE_STEPS_MAX 256u

/* Where an attempt in a reactor is; `moment_ns` says until when. */
enum fake_phase { FAKE_IDLE, FAKE_CONNECTING, FAKE_AT_WIRE, FAKE_PARKED, FAKE_WAITING, FAKE_READING };

struct weir__connection {
    struct fake_transport *fake;
    struct weir__connection *next;        /* of all open ones */
    struct weir__connection *next_parked; /* in the order of parking */
    bool parked;                          /* in that list; under the lock */
    sem_t go;                             /* posted by a release, a cancel, and by an abort for good */
    const struct weir__call *call;        /* the worker's own */

    /* in a reactor, whose thread's alone it is: */
    struct weir__reactor *reactor; /* NULL: it blocks */
    struct weir__connection *next_here;
    enum fake_phase phase;
    int64_t moment_ns;
    uint64_t round; /* of the poll that looks at it first */
    struct weir__call *started;
    struct fake_step step;
    struct fake_record *record;
    struct weir__reply reply;
};

struct weir__reactor {
    struct fake_transport *fake;
    struct weir__reactor *next; /* of all; under the lock */
    sem_t bell;                 /* a wake, a release, a cancel, an abort */
    pthread_t thread;           /* whose it is, once it was used */
    bool owned;
    struct weir__connection *connections;
    uint32_t attempt_max, under_way;
    uint64_t round;
    bool polling;
};

struct fake_transport {
    struct weir__transport base; /* first */
    const struct weir__env *env;
    struct fake_step usual;

    pthread_mutex_t lock; /* guards all below */
    struct fake_step steps[FAKE_STEPS_MAX];
    uint32_t step_count, step_next;
    struct fake_record records[FAKE_RECORDS_MAX];
    uint32_t begun, sent, parked, cuts;
    struct weir__connection *open, *first_parked;
    struct weir__reactor *reactors;
    bool aborted;
};

static inline struct fake_transport *fake_of(struct weir__transport *transport)
{
    return (struct fake_transport *)transport;
}

struct weir__connection *fake_connection_new(struct fake_transport *fake, struct weir__reactor *reactor);
int64_t fake_now(const struct fake_transport *fake);
bool fake_is_cut(struct weir__connection *connection); /* its call was cancelled, or all are aborted */

/* The parts of an attempt. */
struct fake_record *fake_begin(struct fake_transport *fake, const struct weir__call *call, struct fake_step *out);
void fake_note_sent(struct fake_transport *fake, struct fake_record *record, struct weir__reply *reply);
void fake_park(struct weir__connection *connection);
void fake_unpark(struct weir__connection *connection);
void fake_take_beginning(struct fake_transport *fake, const struct weir__call *call, const struct fake_step *step,
                         struct fake_record *record, struct weir__reply *reply);
void fake_take_end(const struct fake_step *step, struct weir__reply *reply);
void fake_fail(struct weir__reply *reply, enum weir_error error);

/* fake_reactor.c */
struct weir__reactor *fake_reactor_new(struct weir__transport *transport, uint32_t attempt_max);
void fake_reactor_free(struct weir__reactor *reactor);
struct weir__connection *fake_reactor_open(struct weir__reactor *reactor);
void fake_start(struct weir__connection *connection, struct weir__call *call);
void fake_poll(struct weir__reactor *reactor, int64_t until_ns);
void fake_wake(struct weir__reactor *reactor);
void fake_reactor_forget(struct weir__connection *connection); /* it is closed */

#endif
