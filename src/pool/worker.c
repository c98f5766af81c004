/* worker - see worker.h.  Below, "under the lock" is pool->lock. */
#include "pool/worker.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/outlook.h"

#include <stdlib.h>
#include <sys/prctl.h>

static int64_t now_of(struct weir__pool *pool)
{
    return pool->env->now_ns(pool->env->context);
}

void weir__worker_turn(struct weir__worker *worker, enum weir__pool_state doing, int64_t now_ns)
{
    weir__ledger_turn(&worker->pool->ledger, worker->doing, doing, now_ns);
    worker->doing = doing;
}

struct weir__worker *weir__worker_pop_idle(struct weir__pool *pool)
{
    struct weir__worker *worker = pool->idle;

    if (worker != NULL) {
        pool->idle = worker->next_idle;
        worker->idle = false;
    }
    return worker;
}

/* ------------------------------------------------------------------------------------------------- who stands there
 */

static void *work(void *argument);

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
    if (!weir__sem_init(&worker->wake, 0)) {
        free(worker);
        return NULL;
    }
    if (!pool->env->start(pool->env->context, &worker->thread, work, worker)) {
        weir__sem_clear(&worker->wake);
        free(worker);
        return NULL;
    }
    worker->next = pool->workers;
    pool->workers = worker;
    pool->worker_count++;
    weir__ledger_join(&pool->ledger, now_ns);
    return worker;
}

/*
 * Under the lock.  Somebody must be at the gate at `at_ns`.  That can be before the moment that the leader waits for: a
 * permit came back at once, a task is due or expires earlier.  Then the leader is called to ask anew.
 */
static void call_leader(struct weir__pool *pool, int64_t at_ns)
{
    if (pool->leader == NULL || pool->leader_until_ns <= at_ns)
        return;
    pool->leader_until_ns = INT64_MIN;
    weir__sem_post(weir__gate_bell(pool->gate));
}

/* Under the lock.  weir__worker_stand_in(), and tells what it found; nothing where the leader is about to look. */
static void stand_in(struct weir__pool *pool, int64_t now_ns, struct weir__outlook *out)
{
    struct weir__worker *worker;

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
    if (pool->leader != NULL) {
        call_leader(pool, out->until_ns);
        return;
    }
    worker = weir__worker_pop_idle(pool);
    if (worker != NULL)
        weir__sem_post(&worker->wake);
    else
        worker = start_worker(pool, now_ns);
    pool->leader = worker;
    pool->leader_until_ns = INT64_MIN;
}

void weir__worker_stand_in(struct weir__pool *pool, int64_t now_ns)
{
    struct weir__outlook next;

    stand_in(pool, now_ns, &next);
}

void weir__worker_summon(struct weir__pool *pool, int64_t now_ns)
{
    struct weir__worker *worker;

    if (pool->leader != NULL) {
        call_leader(pool, INT64_MIN);
        return;
    }
    worker = weir__worker_pop_idle(pool);
    if (worker != NULL)
        weir__sem_post(&worker->wake);
    else if (!pool->stopped) /* else the list of workers is as it will be */
        worker = start_worker(pool, now_ns);
    pool->leader = worker;
    pool->leader_until_ns = INT64_MIN;
}

/* -------------------------------------------------------------------------------------------------------- its steps
 */

void weir__worker_make_room(struct weir__pool *pool)
{
    if (pool->room_waiters > 0 && pool->queue.count + pool->backlog.count <= pool->queue.capacity / 2) {
        for (; pool->room_waiters > 0; pool->room_waiters--)
            weir__sem_post(&pool->room);
    }
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

/* Under the lock. */
static void take_back(struct weir__worker *worker, struct weir__task *task, enum weir__pool_next next)
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
    }
}

/* Under the lock, which is released for the task's own way. */
static void run_next(struct weir__worker *worker, uint32_t limit_count, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;
    struct weir__task *task = weir__queue_pop(&pool->queue);
    struct weir__outlook next;
    enum weir__pool_next becomes;
    bool news;

    task->next_up_ns = pool->next_up_ns > task->queued_ns ? pool->next_up_ns : task->queued_ns;
    task->granted_ns = now_ns;
    task->limit_count = limit_count;
    worker->id = task->id;
    atomic_store_explicit(&worker->cancelled, false, memory_order_relaxed);
    atomic_store_explicit(&worker->holds, true, memory_order_relaxed);
    move_up(pool, now_ns);
    weir__worker_turn(worker, WEIR__POOL_RUNNING, now_ns);
    stand_in(pool, now_ns, &next);
    news = is_news(pool, &next);
    weir__mutex_unlock(&pool->lock);
    if (news)
        pool->ops.reached(pool->ops.context, &next.gate, now_ns);
    becomes = pool->ops.run(pool->ops.context, worker, task);
    weir__mutex_lock(&pool->lock);
    take_back(worker, task, becomes);
}

/* Under the lock, which is released while the worker waits for the moment. */
static void lead(struct weir__worker *worker, const struct weir__outlook *next, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;

    pool->leader = worker;
    pool->leader_until_ns = next->until_ns;
    weir__mutex_unlock(&pool->lock);
    if (next->gate.cause == WEIR__GATE_PERMIT || next->gate.cause == WEIR__GATE_PAUSE)
        pool->ops.reached(pool->ops.context, &next->gate, now_ns);
    (void)pool->env->wait(pool->env->context, weir__gate_bell(pool->gate), next->until_ns);
    weir__mutex_lock(&pool->lock);
}

/* Under the lock, which is released while the worker sleeps. */
static void rest(struct weir__worker *worker)
{
    struct weir__pool *pool = worker->pool;

    worker->next_idle = pool->idle;
    worker->idle = true;
    pool->idle = worker;
    while (worker->idle) { /* a post that came too late for an earlier wait ends this one too early */
        weir__mutex_unlock(&pool->lock);
        (void)pool->env->wait(pool->env->context, &worker->wake, WEIR__NEVER);
        weir__mutex_lock(&pool->lock);
    }
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

/* Under the lock.  One step of a worker's life; false ends it. */
static bool step(struct weir__worker *worker)
{
    struct weir__pool *pool = worker->pool;
    const int64_t now_ns = now_of(pool);
    struct weir__outlook next;

    if (pool->leader == worker)
        pool->leader = NULL;
    if (worker->doing != WEIR__POOL_IDLE)
        weir__worker_turn(worker, WEIR__POOL_IDLE, now_ns);
    if (pool->cancelled.count > 0) {
        drop_cancelled(worker, now_ns);
        return true;
    }
    if (pool->queue.count + pool->backlog.count > 0) {
        if (pool->stopped) {
            drop_all(worker, now_ns);
            return true;
        }
        if (expire_some(worker, now_ns))
            return true;
    } else if (pool->closing) {
        return false;
    }
    weir__outlook_ask(pool, now_ns, &next);
    if (next.gate.go) {
        run_next(worker, next.gate.limit_count, now_ns);
    } else if (next.until_ns != WEIR__NEVER && pool->leader == NULL) {
        lead(worker, &next, now_ns);
    } else {
        call_leader(pool, next.until_ns);
        rest(worker);
    }
    return true;
}

static void *work(void *argument)
{
    struct weir__worker *worker = argument;
    struct weir__pool *pool = worker->pool;

    /* The default slack lets every wait end 50 us late; at 10,000 sends a second that would be half the rate. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    worker->state = pool->ops.enter(pool->ops.context);
    weir__mutex_lock(&pool->lock);
    while (step(worker))
        continue;
    weir__mutex_unlock(&pool->lock);
    pool->ops.leave(pool->ops.context, worker->state);
    return NULL;
}
