/* loop - see loop.h.  Below, "under the lock" is pool->lock. */
#include "pool/loop.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/step.h"
#include "pool/thread.h"
#include "pool/worker.h"

#include <stdlib.h>

bool weir__loop_init(struct weir__pool *pool, void *const *states, uint32_t count)
{
    pool->loops = calloc(count, sizeof *pool->loops);
    if (pool->loops == NULL)
        return false;
    pool->loop_count = count;
    for (uint32_t i = 0; i < count; i++) {
        pool->loops[i].pool = pool;
        pool->loops[i].state = states[i];
    }
    return true;
}

void weir__loop_call(struct weir__worker *worker)
{
    struct weir__loop *loop = worker->loop;

    if (worker->called)
        return;
    worker->called = true;
    worker->next_called = NULL;
    if (loop->last_called != NULL)
        loop->last_called->next_called = worker;
    else
        loop->first_called = worker;
    loop->last_called = worker;
    if (loop->polls)
        loop->pool->ops.rouse(loop->pool->ops.context, loop->state);
    loop->polls = false; /* once is enough */
}

/* Under the lock.  NULL where nobody is called. */
static struct weir__worker *next_called(struct weir__loop *loop)
{
    struct weir__worker *worker = loop->first_called;

    if (worker == NULL)
        return NULL;
    loop->first_called = worker->next_called;
    if (loop->first_called == NULL)
        loop->last_called = NULL;
    worker->called = false;
    return worker;
}

/* Under the lock, which is released for the owner's part.  Steps until the worker has a task, or there is nothing for
 * it to do. */
static void drive(struct weir__worker *worker)
{
    const struct weir__env *env = worker->pool->env;
    struct weir__outlook next;
    int64_t now_ns;

    for (;;) {
        now_ns = env->now_ns(env->context);
        switch (weir__step_next(worker, now_ns, &next, &worker->task)) {
        case WEIR__STEP_AGAIN:
            break;
        case WEIR__STEP_RUN:
            worker->loop->busy++;
            if (!weir__step_run(worker, worker->task, &next))
                return;
            worker->loop->busy--;
            break;
        case WEIR__STEP_LEAD:
            weir__step_tell(worker, &next, now_ns);
            return;
        case WEIR__STEP_REST:
        case WEIR__STEP_END:
            return;
        }
    }
}

/* The lock may have been let go for the callbacks of whoever polls: what was called meanwhile is looked at before the
 * next poll, without anybody having to rouse the loop. */
void weir__pool_back(struct weir__worker *worker, enum weir__pool_next becomes)
{
    struct weir__pool *pool = worker->pool;

    weir__mutex_lock(&pool->lock);
    worker->loop->polls = false;
    worker->loop->busy--;
    weir__step_take_back(worker, worker->task, becomes);
    drive(worker);
    weir__mutex_unlock(&pool->lock);
}

/* Under the lock.  Whether the leader is one of its own, and his moment has come. */
static bool leads_now(const struct weir__loop *loop)
{
    const struct weir__pool *pool = loop->pool;

    return pool->leader != NULL && pool->leader->loop == loop &&
           pool->leader_until_ns <= pool->env->now_ns(pool->env->context);
}

/* Under the lock, which is released while it polls. */
static void turn_to_poll(struct weir__loop *loop)
{
    struct weir__pool *pool = loop->pool;
    const bool leads = pool->leader != NULL && pool->leader->loop == loop;
    const int64_t until_ns = leads ? pool->leader_until_ns : WEIR__NEVER;

    loop->polls = true;
    weir__mutex_unlock(&pool->lock);
    pool->ops.poll(pool->ops.context, loop->state, until_ns);
    weir__mutex_lock(&pool->lock);
    loop->polls = false;
}

/* Under the lock.  After the last of its tasks: drops what waits, which is anybody's to do. */
static bool is_over(const struct weir__loop *loop)
{
    const struct weir__pool *pool = loop->pool;

    return pool->closing && loop->busy == 0 && loop->first_called == NULL;
}

/* Its own workers' connections; the list of workers grows no more. */
static void leave_all(struct weir__loop *loop)
{
    struct weir__pool *pool = loop->pool;

    for (struct weir__worker *worker = pool->workers; worker != NULL; worker = worker->next)
        if (worker->loop == loop)
            pool->ops.leave(pool->ops.context, worker->state);
}

static void *carry_all(void *argument)
{
    struct weir__loop *loop = argument;
    struct weir__pool *pool = loop->pool;
    struct weir__worker *worker;

    weir__thread_be_punctual();
    weir__mutex_lock(&pool->lock);
    while (!is_over(loop)) {
        if ((worker = next_called(loop)) != NULL)
            drive(worker);
        else if (leads_now(loop))
            drive(pool->leader);
        else
            turn_to_poll(loop);
    }
    weir__mutex_unlock(&pool->lock);
    leave_all(loop);
    return NULL;
}

/* A post without a leader is not lost: who becomes one asks the gate first. */
static void *listen(void *argument)
{
    struct weir__pool *pool = argument;
    bool closing = false;

    while (!closing) {
        (void)pool->env->wait(pool->env->context, weir__gate_bell(pool->gate), WEIR__NEVER);
        weir__mutex_lock(&pool->lock);
        weir__worker_call_leader(pool, INT64_MIN);
        closing = pool->closing;
        weir__mutex_unlock(&pool->lock);
    }
    return NULL;
}

/* Under the lock. */
static bool start_listener(struct weir__pool *pool)
{
    if (!pool->listens)
        pool->listens = pool->env->start(pool->env->context, &pool->listener, listen, pool);
    return pool->listens;
}

/* Under the lock. */
static bool start_loop(struct weir__loop *loop)
{
    const struct weir__env *env = loop->pool->env;

    if (!loop->started)
        loop->started = env->start(env->context, &loop->thread, carry_all, loop);
    return loop->started;
}

/* The loop with the fewest.  One whose thread does not start is left out; the others take no more than their share for
 * it. */
bool weir__loop_place(struct weir__worker *worker)
{
    struct weir__pool *pool = worker->pool;
    const uint32_t share = (pool->worker_max + pool->loop_count - 1) / pool->loop_count;
    struct weir__loop *best = NULL;

    if (!start_listener(pool))
        return false;
    for (uint32_t i = 0; i < pool->loop_count; i++) {
        struct weir__loop *loop = &pool->loops[i];
        if (loop->worker_count < (best != NULL ? best->worker_count : share) && start_loop(loop))
            best = loop;
    }
    if (best == NULL)
        return false;
    best->worker_count++;
    worker->loop = best;
    worker->state = NULL;
    weir__loop_call(worker);
    return true;
}

void weir__loop_close(struct weir__pool *pool)
{
    for (uint32_t i = 0; i < pool->loop_count; i++)
        if (pool->loops[i].started)
            pool->ops.rouse(pool->ops.context, pool->loops[i].state);
    if (pool->listens)
        weir__sem_post(weir__gate_bell(pool->gate));
}

void weir__loop_join(struct weir__pool *pool)
{
    for (uint32_t i = 0; i < pool->loop_count; i++)
        if (pool->loops[i].started)
            pool->env->join(pool->env->context, pool->loops[i].thread);
    if (pool->listens)
        pool->env->join(pool->env->context, pool->listener);
}
