/* step - see step.h.  Below, "under the lock" is pool->lock. */
#include "pool/step.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/worker.h"

#include <stddef.h>

static int64_t now_of(struct weir__pool *pool)
{
    return pool->env->now_ns(pool->env->context);
}

/* Under the lock.  A task has left the queue or the backlog, and another is the next to go. */
static void move_up(struct weir__pool *pool, int64_t now_ns)
{
    pool->next_up_ns = now_ns;
    weir__worker_make_room(pool);
}

/* Under the lock. */
static void settle(struct weir__pool *pool, uint64_t ended)
{
    pool->pending -= ended;
    if (pool->pending > 0)
        return;
    for (; pool->settled_waiters > 0; pool->settled_waiters--)
        weir__sem_post(&pool->settled);
}

/* Under the lock.  Whether nobody will stand at the gate and tell that a limit's permits are out, and it is news. */
static bool is_news(struct weir__pool *pool, const struct weir__outlook *next)
{
    bool news;

    if (next->gate.not_before_ns != WEIR__NEVER || (next->until_ns != WEIR__NEVER && pool->leader != NULL))
        return false;
    news = pool->reached != next->gate.limit;
    pool->reached = next->gate.limit;
    return news;
}

void weir__step_take_back(struct weir__worker *worker, struct weir__task *task, enum weir__pool_next next)
{
    struct weir__pool *pool = worker->pool;

    atomic_store_explicit(&worker->holds, false, memory_order_relaxed);
    if (next != WEIR__POOL_ENDED && worker->cancelled) {
        weir__queue_push(&pool->cancelled, task);
        return;
    }
    switch (next) {
    case WEIR__POOL_AGAIN:
        task->queued_ns = now_of(pool);
        weir__queue_put_back(&pool->queue, task);
        if (weir__queue_first(&pool->queue) == task)
            pool->next_up_ns = task->queued_ns;
        break;
    case WEIR__POOL_LATER:
        task->queued_ns = task->due_ns; /* until then it is not its turn that it waits for */
        weir__ranked_push(&pool->backlog, task, task->due_ns);
        break;
    case WEIR__POOL_ENDED:
        settle(pool, 1);
        break;
    case WEIR__POOL_GOES_ON: /* it is not back */
        break;
    }
}

/* Under the lock.  The next task is this worker's. */
static struct weir__task *take_next(struct weir__worker *worker, uint32_t limit_count, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;
    struct weir__task *task = weir__queue_pop(&pool->queue);

    task->next_up_ns = pool->next_up_ns > task->queued_ns ? pool->next_up_ns : task->queued_ns;
    task->granted_ns = now_ns;
    task->limit_count = limit_count;
    worker->id = task->id;
    atomic_store_explicit(&worker->cancelled, false, memory_order_relaxed);
    atomic_store_explicit(&worker->holds, true, memory_order_relaxed);
    move_up(pool, now_ns);
    weir__worker_turn(worker, WEIR__POOL_RUNNING, now_ns);
    return task;
}

bool weir__step_run(struct weir__worker *worker, struct weir__task *task, const struct weir__outlook *next)
{
    struct weir__pool *pool = worker->pool;
    const bool news = is_news(pool, next);
    const int64_t now_ns = task->granted_ns;
    enum weir__pool_next becomes;

    weir__mutex_unlock(&pool->lock);
    if (news)
        pool->ops.reached(pool->ops.context, &next->gate, now_ns);
    becomes = pool->ops.run(pool->ops.context, worker, task);
    weir__mutex_lock(&pool->lock);
    if (becomes == WEIR__POOL_GOES_ON)
        return false;
    weir__step_take_back(worker, task, becomes);
    return true;
}

void weir__step_tell(struct weir__worker *worker, const struct weir__outlook *next, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;

    if (next->gate.cause != WEIR__GATE_PERMIT && next->gate.cause != WEIR__GATE_PAUSE)
        return;
    weir__mutex_unlock(&pool->lock);
    pool->ops.reached(pool->ops.context, &next->gate, now_ns);
    weir__mutex_lock(&pool->lock);
}

/* The owner's part. */
enum hand_back { DROP_STOPPED, DROP_CANCELLED, EXPIRE };

static void hand_back(struct weir__pool *pool, struct weir__task *task, enum hand_back how)
{
    if (how == EXPIRE)
        pool->ops.expire(pool->ops.context, task);
    else
        pool->ops.drop(pool->ops.context, task, how == DROP_CANCELLED);
}

/* Under the lock, which is released for the owner's part. */
static void hand_back_all(struct weir__worker *worker, struct weir__queue *tasks, enum hand_back how)
{
    struct weir__pool *pool = worker->pool;
    const uint64_t count = tasks->count;
    struct weir__task *task;

    weir__mutex_unlock(&pool->lock);
    while ((task = weir__queue_pop(tasks)) != NULL)
        hand_back(pool, task, how);
    weir__mutex_lock(&pool->lock);
    settle(pool, count);
}

/* Under the lock.  After a stop: all that waits. */
static void drop_all(struct weir__worker *worker, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;
    struct weir__queue dropped = pool->queue;
    struct weir__task *task;

    weir__queue_init(&pool->queue, dropped.capacity);
    dropped.capacity = UINT32_MAX; /* what comes back is in there whatever the count */
    while ((task = weir__ranked_pop(&pool->backlog)) != NULL)
        weir__queue_push(&dropped, task);
    weir__gate_leave(pool->gate, now_ns);
    weir__worker_turn(worker, WEIR__POOL_RUNNING, now_ns);
    weir__ledger_blame(&pool->ledger, WEIR__POOL_IDLE, now_ns);
    hand_back_all(worker, &dropped, DROP_STOPPED);
}

/* Under the lock.  What was cancelled is out of the queue already; somebody must look after what is in there. */
static void drop_cancelled(struct weir__worker *worker, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;
    struct weir__queue cancelled = pool->cancelled;

    weir__queue_init(&pool->cancelled, UINT32_MAX);
    weir__worker_turn(worker, WEIR__POOL_RUNNING, now_ns);
    weir__worker_stand_in(pool, now_ns);
    hand_back_all(worker, &cancelled, DROP_CANCELLED);
}

/* Under the lock.  Hands what has expired to the owner, which the queue's head tells; false where nothing has. */
static bool expire_some(struct weir__worker *worker, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;
    const struct weir__task *first;
    struct weir__queue expired;

    weir__outlook_take_due(pool, now_ns);
    first = weir__queue_first(&pool->queue);
    if (first == NULL || first->expires_ns > now_ns)
        return false;
    weir__queue_init(&expired, UINT32_MAX);
    while ((first = weir__queue_first(&pool->queue)) != NULL && first->expires_ns <= now_ns)
        weir__queue_push(&expired, weir__queue_pop(&pool->queue));
    weir__gate_leave(pool->gate, now_ns);
    move_up(pool, now_ns);
    weir__worker_turn(worker, WEIR__POOL_RUNNING, now_ns);
    weir__worker_stand_in(pool, now_ns);
    hand_back_all(worker, &expired, EXPIRE);
    return true;
}

enum weir__step weir__step_next(struct weir__worker *worker, int64_t now_ns, struct weir__outlook *out,
                                struct weir__task **out_task)
{
    struct weir__pool *pool = worker->pool;

    if (pool->leader == worker)
        pool->leader = NULL;
    if (worker->doing != WEIR__POOL_IDLE)
        weir__worker_turn(worker, WEIR__POOL_IDLE, now_ns);
    if (pool->cancelled.count > 0) {
        drop_cancelled(worker, now_ns);
        return WEIR__STEP_AGAIN;
    }
    if (pool->queue.count + pool->backlog.count > 0) {
        if (pool->stopped) {
            drop_all(worker, now_ns);
            return WEIR__STEP_AGAIN;
        }
        if (expire_some(worker, now_ns))
            return WEIR__STEP_AGAIN;
    } else if (pool->closing) {
        return WEIR__STEP_END;
    }
    weir__outlook_ask(pool, now_ns, out);
    if (out->gate.go) {
        *out_task = take_next(worker, out->gate.limit_count, now_ns);
        weir__worker_look_out(pool, now_ns, out);
        return WEIR__STEP_RUN;
    }
    if (out->until_ns != WEIR__NEVER && pool->leader == NULL) {
        pool->leader = worker;
        pool->leader_until_ns = out->until_ns;
        return WEIR__STEP_LEAD;
    }
    weir__worker_call_leader(pool, out->until_ns);
    weir__worker_rest(worker);
    return WEIR__STEP_REST;
}
