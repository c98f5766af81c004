/* worker - see worker.h.  Below, "under the lock" is pool->lock. */
#include "pool/worker.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/loop.h"
#include "pool/thread.h"

#include <stdlib.h>

void weir__worker_turn(struct weir__worker *worker, enum weir__pool_state doing, int64_t now_ns)
{
    weir__ledger_turn(&worker->pool->ledger, worker->doing, doing, now_ns);
    worker->doing = doing;
}

void weir__worker_make_room(struct weir__pool *pool)
{
    if (pool->room_waiters > 0 && pool->queue.count + pool->backlog.count <= pool->queue.capacity / 2) {
        for (; pool->room_waiters > 0; pool->room_waiters--)
            weir__sem_post(&pool->room);
    }
}

void weir__worker_rest(struct weir__worker *worker)
{
    struct weir__pool *pool = worker->pool;

    worker->next_idle = pool->idle;
    worker->idle = true;
    pool->idle = worker;
}

struct weir__worker *weir__worker_wake_idle(struct weir__pool *pool)
{
    struct weir__worker *worker = pool->idle;

    if (worker == NULL)
        return NULL;
    pool->idle = worker->next_idle;
    worker->idle = false;
    if (worker->loop != NULL)
        weir__loop_call(worker);
    else
        weir__sem_post(&worker->wake);
    return worker;
}

/* Under the lock.  NULL where the ceiling is reached or the system refuses. */
static struct weir__worker *start_worker(struct weir__pool *pool, int64_t now_ns)
{
    struct weir__worker *worker;

    if (pool->worker_count == pool->worker_max)
        return NULL;
    worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return NULL;
    worker->pool = pool;
    if (!weir__sem_init(&worker->wake, 0))
        goto no_wake;
    if (!(pool->loop_count > 0 ? weir__loop_place(worker) : weir__thread_carry(worker)))
        goto no_thread;
    worker->next = pool->workers;
    pool->workers = worker;
    pool->worker_count++;
    weir__ledger_join(&pool->ledger, now_ns);
    return worker;

no_thread:
    weir__sem_clear(&worker->wake);
no_wake:
    free(worker);
    return NULL;
}

/*
 * Under the lock.  Somebody must be at the gate at `at_ns`.  That can be before the moment that the leader waits for: a
 * permit came back at once, a task is due or expires earlier.  Then the leader is called to ask anew.
 */
void weir__worker_call_leader(struct weir__pool *pool, int64_t at_ns)
{
    if (pool->leader == NULL || pool->leader_until_ns <= at_ns)
        return;
    pool->leader_until_ns = INT64_MIN;
    if (pool->leader->loop != NULL)
        weir__loop_call(pool->leader);
    else
        weir__sem_post(weir__gate_bell(pool->gate));
}

/* Under the lock.  An idle one, or a new one if there may be any more, is on his way to the gate. */
static void send_one(struct weir__pool *pool, int64_t now_ns)
{
    struct weir__worker *worker = weir__worker_wake_idle(pool);

    if (worker == NULL && !pool->stopped) /* then the list of workers is as it will be */
        worker = start_worker(pool, now_ns);
    pool->leader = worker;
    pool->leader_until_ns = INT64_MIN;
}

void weir__worker_look_out(struct weir__pool *pool, int64_t now_ns, struct weir__outlook *out)
{
    *out = (struct weir__outlook){.until_ns = WEIR__NEVER};
    if (pool->stopped)
        return;
    if (pool->leader != NULL && pool->leader_until_ns <= now_ns && pool->queue.count + pool->backlog.count > 0)
        return;
    weir__outlook_peek(pool, now_ns, out);
    if (out->gate.go)
        pool->reached = -1;
    if (out->until_ns == WEIR__NEVER)
        return;
    if (pool->leader != NULL)
        weir__worker_call_leader(pool, out->until_ns);
    else
        send_one(pool, now_ns);
}

void weir__worker_stand_in(struct weir__pool *pool, int64_t now_ns)
{
    struct weir__outlook next;

    weir__worker_look_out(pool, now_ns, &next);
}

void weir__worker_summon(struct weir__pool *pool, int64_t now_ns)
{
    if (pool->leader != NULL)
        weir__worker_call_leader(pool, INT64_MIN);
    else
        send_one(pool, now_ns);
}
