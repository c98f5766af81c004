/* pool - see pool.h; here, what its owner and producers call.  Who wakes whom for the tasks is in worker.c. */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/loop.h"
#include "pool/worker.h"

#include <stdlib.h>
#include <string.h>

/* Below, "under the lock" is pool->lock. */

static int64_t now_of(struct weir__pool *pool)
{
    return pool->env->now_ns(pool->env->context);
}

bool weir__pool_init(struct weir__pool *pool, const struct weir__env *env, struct weir__gate *gate,
                     const struct weir__pool_ops *ops, uint32_t worker_max, uint32_t queue_max)
{
    *pool = (struct weir__pool){.env = env, .gate = gate, .ops = *ops, .worker_max = 0, .reached = -1};
    weir__queue_init(&pool->queue, queue_max);
    weir__queue_init(&pool->cancelled, UINT32_MAX);
    if (!weir__mutex_init(&pool->lock))
        return false;
    if (!weir__sem_init(&pool->room, 0))
        goto no_room;
    if (!weir__sem_init(&pool->settled, 0))
        goto no_settled;
    pool->worker_max = worker_max;
    return true;

no_settled:
    weir__sem_clear(&pool->room);
no_room:
    weir__mutex_clear(&pool->lock);
    return false;
}

/* Under the lock, which is released while it waits.  False at the deadline. */
static bool wait_for_room(struct weir__pool *pool, int64_t until_ns)
{
    bool posted;

    if (until_ns <= now_of(pool))
        return false;
    pool->room_waiters++;
    weir__mutex_unlock(&pool->lock);
    posted = pool->env->wait(pool->env->context, &pool->room, until_ns);
    weir__mutex_lock(&pool->lock);
    if (!posted && pool->room_waiters > 0)
        pool->room_waiters--;
    else if (!posted)
        (void)weir__sem_try(&pool->room); /* the post came all the same: nobody else is to find it */
    return posted;
}

/* Under the lock.  Room is what the queue and the backlog leave together. */
static bool is_full(const struct weir__pool *pool)
{
    return pool->queue.count + pool->backlog.count >= pool->queue.capacity;
}

/* Under the lock. */
static bool turns_away(const struct weir__pool *pool)
{
    return pool->stopped || pool->draining;
}

/* Under the lock.  False where there is not a single worker, and none could be started: then it is not accepted. */
static bool take_in(struct weir__pool *pool, struct weir__task *task)
{
    const bool was_empty = pool->queue.count == 0;

    task->queued_ns = now_of(pool);
    task->number = (int64_t)pool->accepted;
    if (pool->lifetime_ns > 0)
        task->expires_ns = weir__clock_after(task->queued_ns, pool->lifetime_ns);
    weir__queue_push(&pool->queue, task);
    pool->pending++;
    if (was_empty) {
        pool->next_up_ns = task->queued_ns;
        weir__worker_stand_in(pool, task->queued_ns);
        if (pool->worker_count == 0) /* nothing may go for now: the first one waits for that */
            weir__worker_summon(pool, task->queued_ns);
    }
    if (pool->worker_count > 0) {
        pool->accepted++;
        return true;
    }
    /* no worker ever took one: it is the only task, and nobody can wait for its end yet */
    (void)weir__queue_pop(&pool->queue);
    pool->pending--;
    weir__gate_leave(pool->gate, task->queued_ns);
    return false;
}

enum weir__pool_push_status weir__pool_push(struct weir__pool *pool, struct weir__task *task, int64_t until_ns)
{
    enum weir__pool_push_status status = WEIR__PUSH_OK;

    weir__mutex_lock(&pool->lock);
    while (!turns_away(pool) && is_full(pool)) {
        /* waiters are woken at half: at the deadline there can be room all the same */
        if (!wait_for_room(pool, until_ns) && is_full(pool)) {
            status = WEIR__PUSH_FULL;
            break;
        }
    }
    if (turns_away(pool))
        status = WEIR__PUSH_STOPPED;
    else if (status == WEIR__PUSH_OK && !take_in(pool, task))
        status = WEIR__PUSH_NO_THREAD;
    weir__mutex_unlock(&pool->lock);
    return status;
}

/* Under the lock.  Where all workers have a task there is nobody to put to the gate, and no need to look. */
static bool has_spare(const struct weir__pool *pool)
{
    return pool->idle != NULL || pool->worker_count < pool->worker_max;
}

/* A leader waits for a moment that the gate named, and what comes back does not bring that forward, unless a hold
 * became shorter; or, where it named none, for a task to expire. */
void weir__pool_nudge(struct weir__pool *pool)
{
    weir__mutex_lock(&pool->lock);
    if (pool->queue.count + pool->backlog.count > 0 &&
        (pool->leader != NULL ? pool->unnamed || weir__gate_sooner(pool->gate) : has_spare(pool)))
        weir__worker_stand_in(pool, now_of(pool));
    weir__mutex_unlock(&pool->lock);
}

void weir__pool_notice(struct weir__pool *pool)
{
    weir__mutex_lock(&pool->lock);
    weir__worker_stand_in(pool, now_of(pool));
    weir__mutex_unlock(&pool->lock);
}

bool weir__pool_sleep(struct weir__worker *worker, int64_t until_ns)
{
    struct weir__pool *pool = worker->pool;
    bool posted = true, stopped;

    weir__mutex_lock(&pool->lock);
    weir__worker_turn(worker, WEIR__POOL_PACE, now_of(pool));
    while (posted && !pool->stopped &&
           !worker->cancelled) { /* a post that was meant for an earlier wait ends none here */
        weir__mutex_unlock(&pool->lock);
        posted = pool->env->wait(pool->env->context, &worker->wake, until_ns);
        weir__mutex_lock(&pool->lock);
    }
    stopped = pool->stopped || worker->cancelled;
    weir__worker_turn(worker, WEIR__POOL_RUNNING, now_of(pool));
    weir__mutex_unlock(&pool->lock);
    return !stopped;
}

/* Under the lock. */
static void cut(struct weir__worker *worker)
{
    worker->cancelled = true;
    if (worker->doing == WEIR__POOL_PACE)
        weir__sem_post(&worker->wake); /* in weir__pool_sleep() */
    worker->pool->ops.cut(worker->pool->ops.context, worker);
}

static void turn(struct weir__worker *worker, enum weir__pool_state doing)
{
    struct weir__pool *pool = worker->pool;

    weir__mutex_lock(&pool->lock);
    weir__worker_turn(worker, doing, now_of(pool));
    if (doing == WEIR__POOL_PACE && pool->stopped)
        cut(worker);
    weir__mutex_unlock(&pool->lock);
}

void weir__pool_park(struct weir__worker *worker)
{
    turn(worker, WEIR__POOL_PACE);
}

void weir__pool_unpark(struct weir__worker *worker)
{
    turn(worker, WEIR__POOL_RUNNING);
}

bool weir__pool_wait(struct weir__pool *pool, int64_t until_ns)
{
    bool done;

    weir__mutex_lock(&pool->lock);
    while (pool->pending > 0 && !pool->abandoned && now_of(pool) < until_ns) {
        pool->settled_waiters++;
        weir__mutex_unlock(&pool->lock);
        done = pool->env->wait(pool->env->context, &pool->settled, until_ns);
        weir__mutex_lock(&pool->lock);
        if (!done && pool->settled_waiters > 0)
            pool->settled_waiters--;
        else if (!done)
            (void)weir__sem_try(&pool->settled); /* as in wait_for_room() */
    }
    done = pool->pending == 0;
    weir__mutex_unlock(&pool->lock);
    return done;
}

/* Under the lock. */
static void turn_producers_away(struct weir__pool *pool)
{
    for (; pool->room_waiters > 0; pool->room_waiters--)
        weir__sem_post(&pool->room);
}

void weir__pool_drain(struct weir__pool *pool)
{
    weir__mutex_lock(&pool->lock);
    pool->draining = true;
    turn_producers_away(pool);
    weir__mutex_unlock(&pool->lock);
}

struct sought {
    struct weir__pool *pool;
    uint64_t id;
};

/* Under the lock. */
static bool pick_sought(void *context, struct weir__task *task)
{
    const struct sought *sought = context;

    if (task->id != sought->id)
        return false;
    weir__queue_push(&sought->pool->cancelled, task);
    return true;
}

/* Under the lock.  What waits; false where none of it is sought. */
static bool cancel_waiting(struct weir__pool *pool, uint64_t id)
{
    struct sought sought = {pool, id};
    const uint32_t before = pool->cancelled.count;
    const struct weir__task *head = weir__queue_first(&pool->queue);
    const int64_t now_ns = now_of(pool);

    weir__queue_pick(&pool->queue, pick_sought, &sought);
    weir__ranked_pick(&pool->backlog, pick_sought, &sought);
    if (pool->cancelled.count == before)
        return false;
    if (weir__queue_first(&pool->queue) != head) {
        weir__gate_leave(pool->gate, now_ns);
        pool->next_up_ns = now_ns;
    }
    weir__worker_make_room(pool);
    weir__worker_summon(pool, now_ns);
    return true;
}

/* Under the lock.  What workers have in hands. */
static bool cancel_running(struct weir__pool *pool, uint64_t id)
{
    bool found = false;

    for (struct weir__worker *worker = pool->workers; worker != NULL; worker = worker->next) {
        if (!atomic_load_explicit(&worker->holds, memory_order_acquire) || worker->id != id)
            continue;
        found = true;
        cut(worker);
    }
    return found;
}

bool weir__pool_cancel(struct weir__pool *pool, uint64_t id)
{
    bool waited, ran;

    weir__mutex_lock(&pool->lock);
    waited = cancel_waiting(pool, id);
    ran = cancel_running(pool, id);
    weir__mutex_unlock(&pool->lock);
    return waited || ran;
}

void weir__pool_stop(struct weir__pool *pool)
{
    struct weir__worker *worker;

    weir__mutex_lock(&pool->lock);
    pool->stopped = true;
    turn_producers_away(pool);
    /* somebody must drop what waits; if all run, the first to finish does */
    if (pool->leader != NULL)
        weir__worker_call_leader(pool, INT64_MIN);
    else
        (void)weir__worker_wake_idle(pool);
    for (worker = pool->workers; worker != NULL; worker = worker->next)
        if (worker->doing == WEIR__POOL_PACE && worker->loop != NULL)
            cut(worker); /* nothing else ends its wait */
        else if (worker->doing == WEIR__POOL_PACE)
            weir__sem_post(&worker->wake); /* in weir__pool_sleep() */
    weir__mutex_unlock(&pool->lock);
}

void weir__pool_abandon(struct weir__pool *pool)
{
    weir__mutex_lock(&pool->lock);
    pool->abandoned = true;
    for (; pool->settled_waiters > 0; pool->settled_waiters--)
        weir__sem_post(&pool->settled);
    weir__mutex_unlock(&pool->lock);
}

bool weir__pool_stopped(struct weir__pool *pool)
{
    return atomic_load_explicit(&pool->stopped, memory_order_relaxed);
}

void weir__pool_close(struct weir__pool *pool)
{
    struct weir__worker *worker;

    weir__pool_stop(pool);
    weir__mutex_lock(&pool->lock);
    pool->closing = true;
    while (weir__worker_wake_idle(pool) != NULL)
        continue;
    weir__loop_close(pool);
    weir__mutex_unlock(&pool->lock);
    /* stopped: no worker is started any more, so the list is as it will be */
    weir__loop_join(pool);
    for (worker = pool->workers; worker != NULL; worker = worker->next)
        if (worker->loop == NULL)
            pool->env->join(pool->env->context, worker->thread);
}

void weir__pool_clear(struct weir__pool *pool)
{
    struct weir__worker *worker;

    if (pool->worker_max == 0)
        return;
    while ((worker = pool->workers) != NULL) {
        pool->workers = worker->next;
        weir__sem_clear(&worker->wake);
        free(worker);
    }
    free(pool->loops);
    weir__sem_clear(&pool->settled);
    weir__sem_clear(&pool->room);
    weir__mutex_clear(&pool->lock);
    pool->worker_max = 0;
}

struct weir__pool_tally weir__pool_tally(struct weir__pool *pool)
{
    struct weir__pool_tally tally = {.queued = 0};

    weir__mutex_lock(&pool->lock);
    tally.now_ns = now_of(pool);
    tally.accepted = pool->accepted;
    tally.queued = pool->queue.count;
    tally.backed_off = pool->backlog.count;
    tally.workers = pool->worker_count;
    weir__ledger_book(&pool->ledger, tally.now_ns);
    memcpy(tally.spent_ns, pool->ledger.spent_ns, sizeof tally.spent_ns);
    weir__mutex_unlock(&pool->lock);
    return tally;
}
