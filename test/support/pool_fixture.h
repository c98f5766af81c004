/*
 * pool_fixture - a pool whose tasks can be parked, so that a test knows its state without sleeping.
 *
 * A task that parks stays in `run` until the test lets it go.  Everything that happens to a task is counted in it.  The
 * environment is the real one, except that waits of workers are counted; a test may put its own in its place.
 */
#ifndef POOL_FIXTURE_H
#define POOL_FIXTURE_H

#include "pool/pool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define POOL_FIXTURE_ORDER_MAX 65536

struct pool_fixture;

struct pool_fixture_task {
    struct weir__task task; /* first: the pool hands this out */
    int number;
    bool parks;
    bool expire_parks; /* in `expire` */
    sem_t go;          /* posted by the test for a task that parks */
    int returns;       /* how often `run` still sends it back to the queue's head */
    enum weir__pool_next (*body)(struct pool_fixture *fixture, struct weir__worker *worker,
                                 struct pool_fixture_task *task);
    atomic_int runs, ends, drops, cancels, expiries; /* cancels: drops for one */
    int64_t expired_at_ns;                           /* on the pool's clock */
    struct weir__worker *_Atomic worker;             /* the last that ran it */
};

struct pool_fixture {
    struct weir__gate gate;
    struct weir__pool pool;
    struct weir__env env;
    bool closed;
    bool gives; /* `run` gives a permit of limit 0 back at its end, unless the task's body does */

    atomic_int in_run, peak, ends, drops, cancels, cuts, expiries, entered, left, reached, waits;
    atomic_uint reached_limit, reached_cause;
    sem_t started; /* posted each time that a task enters `run` */
    atomic_int order_count;
    int order[POOL_FIXTURE_ORDER_MAX]; /* numbers of tasks as they entered `run` */
};

/* A gate with a concurrency limit of `permits` (0: none), and a pool behind it. */
void pool_fixture_open(struct pool_fixture *fixture, uint32_t permits, uint32_t worker_max, uint32_t queue_max);

/* The same, and the test adds limits and rules to fixture->gate between the two. */
void pool_fixture_open_gate(struct pool_fixture *fixture);
void pool_fixture_open_pool(struct pool_fixture *fixture, uint32_t worker_max, uint32_t queue_max);

/* Closes the pool, checks that every worker left, frees all. */
void pool_fixture_close(struct pool_fixture *fixture);

void pool_fixture_task(struct pool_fixture_task *task, int number, bool parks);
enum weir__pool_push_status pool_fixture_push(struct pool_fixture *fixture, struct pool_fixture_task *task);

/* Waits until `count` more tasks have entered `run`; fails the test after ten seconds. */
void pool_fixture_await_started(struct pool_fixture *fixture, int count);

/* Waits until nothing is pending; fails the test after ten seconds. */
void pool_fixture_await_all(struct pool_fixture *fixture);

/* Waits until *value, read under the pool's lock, is `wanted`; fails the test after ten seconds. */
void pool_fixture_await_value(struct pool_fixture *fixture, const uint32_t *value, uint32_t wanted);

/* Workers that are idle now. */
uint32_t pool_fixture_idle(struct pool_fixture *fixture);

#endif
