/*
 * pool - worker threads that take tasks from a bounded queue through a gate.
 *
 * Properties.  Workers, each a thread or a place in a loop (loop.h), start only when a task could go and none is idle.
 * Of the workers without a task, at most one, the leader, waits at the gate for a moment that the gate named; the
 * others sleep until they are handed something, the most recently idle first.  A finishing worker asks the gate itself,
 * so that under full load nobody is woken for anybody.
 *
 * Operation.  Whoever takes a task, or brings one to an empty queue, sees to it that somebody stands at the gate for
 * the next one (`stand_in`), unless only a permit given back can open the gate: then the worker that gives it back will
 * ask. So whenever the queue holds a task and the gate has named a moment, some worker is awake by then.
 *
 * A task may also wait for a time of its own (the backlog).  Once that is due it takes its place in the queue, which is
 * by acceptance: before all that came later.  While there is nothing else, the leader waits for it.  A task that
 * expires is taken out at that moment, whatever keeps it: for that a leader stands even where the gate has named none.
 * Only the queue's head is looked at: tasks of one owner have the same allowance, so what stands behind it expires
 * later.
 *
 * A task that is cancelled while it waits leaves at once, and a worker hands it to `drop`.  One that a worker has in
 * hands is told of as cancelled there; it goes to `drop` too if it comes back.
 *
 * It knows nothing of HTTP: `run` does the work.  Time and waiting come from `env`, so that a test can own both.
 */
#ifndef WEIR_POOL_POOL_H
#define WEIR_POOL_POOL_H

#include "pool/gate.h"
#include "pool/ranked.h"
#include "pool/ledger.h"
#include "pool/queue.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct weir__loop;

/* Clocks, waiting and threads, replaceable in tests. */
struct weir__env {
    int64_t (*now_ns)(void *context);
    int64_t (*wall_ns)(void *context);
    bool (*wait)(void *context, sem_t *sem, int64_t until_ns); /* as weir__sem_wait() */
    bool (*start)(void *context, pthread_t *thread, void *(*run)(void *), void *argument);
    void (*join)(void *context, pthread_t thread);
    void *context;
};

extern const struct weir__env weir__env_real;

/* One that carries tasks, one at a time: a thread, or a place in a loop. */
struct weir__worker {
    struct weir__pool *pool;
    struct weir__worker *next;        /* in the list of all workers */
    struct weir__worker *next_idle;   /* in the stack of idle ones, */
    bool idle;                        /* while it is there */
    pthread_t thread;                 /* its own, */
    sem_t wake;                       /* which waits for this; */
    struct weir__loop *loop;          /* or in whose thread it has a place, */
    struct weir__worker *next_called; /* in the list of those there that are to take a step, */
    bool called;                      /* while it is there; */
    struct weir__task *task;          /* and the task that goes on, if it has one */
    void *_Atomic state;              /* of the owner, see weir__pool_ops.enter; it may set it in `run` */
    enum weir__pool_state doing;      /* RUNNING or PACE (asleep) for one that has a task; IDLE for the others */

    /* the task that it has in `run` */
    uint64_t id;           /* its name; under the lock */
    atomic_bool holds;     /* it has one, of which the owner has not said that it ends; set under the lock */
    atomic_bool cancelled; /* that one, while it was held; written under the lock, read anywhere */
};

/* What becomes of a task after `run`. */
enum weir__pool_next {
    WEIR__POOL_ENDED,  /* it is the owner's again */
    WEIR__POOL_AGAIN,  /* it goes back to the queue, before all that was accepted later */
    WEIR__POOL_LATER,  /* it waits until its due_ns, and then does */
    WEIR__POOL_GOES_ON /* in a loop: it has only begun, and weir__pool_back() will say what becomes of it */
};

/* What the owner does.  Called without any lock held, on worker threads. */
struct weir__pool_ops {
    void *(*enter)(void *context);             /* a worker begins; what it returns is handed to `run`; may be NULL */
    void (*leave)(void *context, void *state); /* the worker ends */
    /* Carries a granted task on.  It keeps its place against a full queue, whatever comes of it. */
    enum weir__pool_next (*run)(void *context, struct weir__worker *worker, struct weir__task *task);
    /* A stop, or a cancel, came before the task could go (again); it is the owner's. */
    void (*drop)(void *context, struct weir__task *task, bool cancelled);
    void (*expire)(void *context, struct weir__task *task); /* so did its expires_ns; it has no permit */
    /* The task of a worker in `run` was cancelled: what it waits for outside of the pool is to end.  Called under the
     * lock, so that `run` cannot return meanwhile: it must neither wait nor call the pool. */
    void (*cut)(void *context, struct weir__worker *worker);
    /* A limit's permits are out, or a pause keeps the next task (cause PERMIT or PAUSE). */
    void (*reached)(void *context, const struct weir__gate_answer *answer, int64_t now_ns);
    void *context;

    /*
     * Of loops; NULL where there are none.  `poll` goes on with what has begun, and calls weir__pool_back() for what
     * has ended; where there is nothing to do it waits for that, until `until_ns` or until it is roused, and where
     * there was it returns.  `rouse` ends the wait of `poll`, or of the next one where none is under way; it is called
     * under the lock and by any thread, and must neither wait nor call the pool.
     */
    void (*poll)(void *context, void *state, int64_t until_ns);
    void (*rouse)(void *context, void *state);
};

enum weir__pool_push_status {
    WEIR__PUSH_OK,
    WEIR__PUSH_FULL,     /* no room by the deadline */
    WEIR__PUSH_STOPPED,  /* or drained */
    WEIR__PUSH_NO_THREAD /* not a single worker could be started */
};

struct weir__pool {
    const struct weir__env *env;
    struct weir__gate *gate;
    struct weir__pool_ops ops;
    uint32_t worker_max;
    int64_t lifetime_ns; /* of a task from its acceptance on; 0: its own expires_ns.  The owner sets it before all */
    struct weir__loop *loops; /* which carry the workers; NULL: each has a thread */
    uint32_t loop_count;
    pthread_t listener; /* of the gate's bell, for loops; started with the first */

    pthread_mutex_t lock; /* guards all below; the gate's lock may be taken under it, nothing else */
    struct weir__queue queue;
    struct weir__ranked backlog;  /* by due_ns */
    struct weir__queue cancelled; /* out of both, until a worker hands them to `drop` */

    struct weir__ledger ledger; /* where the workers' time goes */

    struct weir__worker *workers;
    struct weir__worker *idle;   /* most recently idle first */
    struct weir__worker *leader; /* stands at the gate, or has been called to; NULL if nobody */
    int64_t leader_until_ns;     /* when it asks again; INT64_MIN once it has been called */
    bool unnamed;                /* the gate, when it was last asked, named no moment */
    uint32_t worker_count;
    uint64_t accepted;   /* tasks, in all */
    uint64_t pending;    /* of those, not yet ended */
    int64_t next_up_ns;  /* since when the queue's head has been the head */
    atomic_bool stopped; /* nothing goes any more; set under the lock, read anywhere */
    bool draining;       /* no task is accepted any more */
    bool abandoned;      /* no worker goes on, so that what is pending does not end */
    bool closing;        /* workers end when the queue is empty */
    bool listens;        /* there is a listener */
    int64_t reached;     /* the limit that has been told as reached and still is; -1 if none */
    sem_t room;          /* posted for producers when the queue has drained to half */
    uint32_t room_waiters;
    sem_t settled; /* posted for weir__pool_wait() when nothing is pending */
    uint32_t settled_waiters;
};

/* `env` and `gate` must outlive the pool.  False without memory or locks. */
bool weir__pool_init(struct weir__pool *pool, const struct weir__env *env, struct weir__gate *gate,
                     const struct weir__pool_ops *ops, uint32_t worker_max, uint32_t queue_max);

/* Accepts a task, waiting for room until `until_ns` (WEIR__NEVER: without end; a past moment: not at all).  What waits
 * in the backlog takes up room as well. */
enum weir__pool_push_status weir__pool_push(struct weir__pool *pool, struct weir__task *task, int64_t until_ns);

/* A permit has got a moment to come back at: sees to it that somebody waits for that, if a task does. */
void weir__pool_nudge(struct weir__pool *pool);

/* A rule of the gate has changed, or a limit was adopted: the same, and from here on the time is put down to it. */
void weir__pool_notice(struct weir__pool *pool);

/* For `run`: sleeps until `until_ns`; false where a stop or a cancel ended that or came before. */
bool weir__pool_sleep(struct weir__worker *worker, int64_t until_ns);

/* The same for a task that goes on in a loop, which waits for its moment in `poll`: it sleeps from here on, */
void weir__pool_park(struct weir__worker *worker);
void weir__pool_unpark(struct weir__worker *worker); /* or does no more.  A stop cancels it meanwhile. */

/* From `poll`: a task that went on is over.  The worker takes its next one, if it can go. */
void weir__pool_back(struct weir__worker *worker, enum weir__pool_next becomes);

/* For `run`: the task ends now.  Right before the owner tells anybody so; from here on it cannot be cancelled. */
static inline void weir__pool_ends(struct weir__worker *worker)
{
    atomic_store_explicit(&worker->holds, false, memory_order_release);
}

/* Waits until no task is pending; false where `until_ns` came first. */
bool weir__pool_wait(struct weir__pool *pool, int64_t until_ns);

/* No task is accepted any more; producers are turned away. */
void weir__pool_drain(struct weir__pool *pool);

/* Every task of that name that waits goes to `drop`, by a worker, and what runs is told (`cut`).  Returns at once;
 * false where there was none. */
bool weir__pool_cancel(struct weir__pool *pool, uint64_t id);

/* Nothing goes any more: what waits is dropped, by a worker; sleeps end; producers are turned away.  Returns at once.
 */
void weir__pool_stop(struct weir__pool *pool);
bool weir__pool_stopped(struct weir__pool *pool);

/* After a stop, where no worker goes on: who waits for the end of what is pending is turned away. */
void weir__pool_abandon(struct weir__pool *pool);

/* Stops, waits for what runs, joins every worker. */
void weir__pool_close(struct weir__pool *pool);

/* After close, or half-built. */
void weir__pool_clear(struct weir__pool *pool);

struct weir__pool_tally {
    uint64_t accepted;
    uint32_t queued, backed_off, workers;
    int64_t now_ns;                      /* read under the lock: no worker has turned to anything after it */
    int64_t spent_ns[WEIR__POOL_STATES]; /* over all workers, up to then */
};
struct weir__pool_tally weir__pool_tally(struct weir__pool *pool);

#endif
