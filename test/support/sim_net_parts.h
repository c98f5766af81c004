/* sim_net_parts - what attempts that block (sim_net.c) and those in reactors (sim_reactor.c) share. */
#ifndef WEIR_TEST_SIM_NET_PARTS_H
#define WEIR_TEST_SIM_NET_PARTS_H

#include "support/sim_run.h"

#include <semaphore.h>

#define SIM_LATE_SEND_NS INT64_C(300000000) /* how late SIM_SENT_LATE is */

enum sim_phase {
    SIM_IDLE,
    SIM_STARTED,
    SIM_CONNECTING,
    SIM_AT_WIRE,
    SIM_SENDING,
    SIM_HANGING,
    SIM_WAITING,
    SIM_READING
};

struct weir__connection {
    struct sim_net *net;
    struct weir__connection *next;
    sem_t wake;
    const struct weir__call *call;
    struct sim_job *job; /* of the last call */
    int64_t begin_ns;
    bool kept;                                   /* it can be used again */
    struct weir_header headers[SIM_HEADERS_MAX]; /* as the last reply has them */

    /* in a reactor */
    struct weir__reactor *reactor; /* NULL: it blocks */
    enum sim_phase phase;
    bool uses_kept;         /* this attempt */
    enum weir_error doomed; /* what connecting will come to */
    int64_t moment_ns;      /* when the phase is over, if nothing else ends it */
    int64_t timeout_ns, connect_from_ns, at_wire_ns;
    uint64_t round; /* of polls, in which it has its first turn */
    struct weir__call *started;
    struct sim_exchange *exchange;
    struct weir__reply reply;
};

struct weir__reactor {
    struct sim_net *net;
    sem_t bell;
    uint32_t attempt_max, under_way;
    uint64_t round;
    bool polling;
};

struct sim_net {
    struct weir__transport base; /* first */
    struct sim_run *run;
    struct weir__connection *open;
    uint32_t reactors;
    bool aborted;
};

static inline int64_t sim_net_now(const struct sim_net *net)
{
    return fibers_now(net->run->fibers);
}

/* By an abort, or a cancel of what it is at. */
static inline bool sim_net_is_cut(const struct weir__connection *c)
{
    return c->net->aborted || *c->call->cancelled;
}

/* Whoever has news for it posts this. */
static inline sem_t *sim_net_bell(struct weir__connection *c)
{
    return c->reactor != NULL ? &c->reactor->bell : &c->wake;
}

struct weir__connection *sim_net_open(struct sim_net *net, struct weir__reactor *reactor);

/* An attempt's steps: what is counted of it, before weir knows its end; how long the connection takes, and what comes
 * of that; the wire; the send; the two steps of its answer. */
void sim_net_begin(struct weir__connection *c, const struct weir__call *call);
void sim_net_end(struct weir__connection *c, struct sim_exchange *x, const struct weir__reply *reply);
int64_t sim_net_timeout(const struct weir__connection *c);
enum weir_error sim_net_draw_connect(struct weir__connection *c, int64_t timeout_ns, int64_t *takes_ns);
int64_t sim_net_ask_wire(struct weir__connection *c, bool new_connection);
struct sim_exchange *sim_net_send(struct weir__connection *c, bool kept, int64_t timeout_ns);
void sim_net_take_beginning(struct weir__connection *c, struct sim_exchange *x, struct weir__reply *reply);
void sim_net_take_end(struct weir__connection *c, struct sim_exchange *x, struct weir__reply *reply);
void sim_net_fail(struct weir__reply *reply, enum weir_error error);

/* sim_reactor.c */
struct weir__reactor *sim_reactor_new(struct weir__transport *transport, uint32_t attempt_max);
void sim_reactor_free(struct weir__reactor *reactor);
struct weir__connection *sim_reactor_open(struct weir__reactor *reactor);
void sim_reactor_start(struct weir__connection *c, struct weir__call *call);
void sim_reactor_poll(struct weir__reactor *reactor, int64_t until_ns);
void sim_reactor_wake(struct weir__reactor *reactor);

#endif
