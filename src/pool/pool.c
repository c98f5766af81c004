/* pool - see pool.h for the properties; here, who wakes whom */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/sync.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/prctl.h>

static int64_t real_now(void *context)
{
    (void)context;
    return weir__clock_now_ns();
}

static bool real_wait(void *context, sem_t *sem, int64_t until_ns)
{
    (void)context;
    return weir__sem_wait(sem, until_ns);
}

const struct weir__env weir__env_real = {real_now, real_wait, NULL};

static void *work(void *argument);

/* Below, "under the lock" is pool->lock. */

static int64_t now_of(struct weir__pool *pool)
{
    return pool->env->now_ns(pool->env->context);
}

/* Under the lock.  Books the time since the last change to what the worker did until now. */
static void turn_to(struct weir__worker *worker, enum weir__pool_state doing, int64_t now_ns)
{
    worker->spent_ns[worker->doing] += now_ns - worker->since_ns;
    worker->doing = doing;
    worker->since_ns = now_ns;
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
    worker->since_ns = now_ns;
    if (!weir__sem_init(&worker->wake, 0)) {
        free(worker);
        return NULL;
    }
    if (!weir__thread_start(&worker->thread, work, worker)) {
        weir__sem_clear(&worker->wake);
        free(worker);
        return NULL;
    }
    worker->next = pool->workers;
    pool->workers = worker;
    pool->worker_count++;
    return worker;
}

/* Under the lock. */
static struct weir__worker *pop_idle(struct weir__pool *pool)
{
    struct weir__worker *worker = pool->idle;

    if (worker != NULL) {
        pool->idle = worker->next_idle;
        worker->idle = false;
    }
    return worker;
}

/*
 * Under the lock.  The gate has named `at_ns`.  A permit that came back at once can bring that moment before the one
 * the leader waits for; then the leader is called to ask anew.
 */
static void call_leader(struct weir__pool *pool, int64_t at_ns)
{
    if (pool->leader == NULL || pool->leader_until_ns <= at_ns)
        return;
    pool->leader_until_ns = INT64_MIN;
    weir__sem_post(&pool->leader->wake);
}

/*
 * Under the lock.  Puts the most recently idle worker, or a new one, to the gate if the next task needs somebody there.
 * With all workers busy there is nobody to put; each asks the gate when it finishes.
 */
static void stand_in(struct weir__pool *pool, int64_t now_ns, struct weir__gate_answer *answer)
{
    struct weir__worker *worker;

    *answer = (struct weir__gate_answer){.go = false};
    if (pool->queue.count == 0 || pool->stopped || (pool->leader != NULL && pool->leader_until_ns <= now_ns))
        return;
    weir__gate_peek(pool->gate, now_ns, answer);
    if (answer->go)
        pool->reached = -1;
    if (answer->not_before_ns == WEIR__NEVER)
        return;
    if (pool->leader != NULL) {
        call_leader(pool, answer->not_before_ns);
        return;
    }
    worker = pop_idle(pool);
    if (worker != NULL)
        weir__sem_post(&worker->wake);
    else
        worker = start_worker(pool, now_ns);
    pool->leader = worker;
    pool->leader_until_ns = INT64_MIN;
}

/* Under the lock. */
static struct weir__task *take_head(struct weir__pool *pool, int64_t now_ns)
{
    struct weir__task *task = weir__queue_pop(&pool->queue);

    task->next_up_ns = pool->next_up_ns > task->queued_ns ? pool->next_up_ns : task->queued_ns;
    task->granted_ns = now_ns;
    pool->next_up_ns = now_ns;
    if (pool->room_waiters > 0 && pool->queue.count <= pool->queue.capacity / 2) {
        for (; pool->room_waiters > 0; pool->room_waiters--)
            weir__sem_post(&pool->room);
    }
    return task;
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

/* Under the lock, which is released for the task's own way. */
static void run_task(struct weir__pool *pool, struct weir__worker *worker, int64_t now_ns)
{
    struct weir__task *task = take_head(pool, now_ns);
    struct weir__gate_answer next;
    bool told = true, ended;

    turn_to(worker, WEIR__POOL_RUNNING, now_ns);
    stand_in(pool, now_ns, &next);
    if (next.not_before_ns == WEIR__NEVER) {
        told = pool->reached == next.limit;
        pool->reached = next.limit;
    }
    weir__mutex_unlock(&pool->lock);
    if (!told)
        pool->ops.reached(pool->ops.context, &next, now_ns); /* nobody will stand at the gate and tell it */
    ended = pool->ops.run(pool->ops.context, worker, task);
    weir__mutex_lock(&pool->lock);
    if (ended) {
        settle(pool, 1);
    } else {
        task->queued_ns = pool->next_up_ns = now_of(pool);
        weir__queue_push_front(&pool->queue, task);
    }
}

/* Under the lock, which is released while the worker waits for the gate's moment. */
static void lead(struct weir__pool *pool, struct weir__worker *worker, const struct weir__gate_answer *answer,
                 int64_t now_ns)
{
    pool->leader = worker;
    pool->leader_until_ns = answer->not_before_ns;
    turn_to(worker, answer->cause == WEIR__GATE_PERMIT ? WEIR__POOL_PERMIT : WEIR__POOL_PACE, now_ns);
    weir__mutex_unlock(&pool->lock);
    if (answer->cause == WEIR__GATE_PERMIT)
        pool->ops.reached(pool->ops.context, answer, now_ns);
    (void)pool->env->wait(pool->env->context, &worker->wake, answer->not_before_ns);
    weir__mutex_lock(&pool->lock);
}

/* Under the lock, which is released while the worker sleeps. */
static void rest(struct weir__pool *pool, struct weir__worker *worker, int64_t now_ns)
{
    turn_to(worker, WEIR__POOL_IDLE, now_ns);
    worker->next_idle = pool->idle;
    worker->idle = true;
    pool->idle = worker;
    while (worker->idle) { /* a post that came too late for an earlier wait ends this one too early */
        weir__mutex_unlock(&pool->lock);
        (void)pool->env->wait(pool->env->context, &worker->wake, WEIR__NEVER);
        weir__mutex_lock(&pool->lock);
    }
}

/* Under the lock, which is released for the owner's part. */
static void drop_all(struct weir__pool *pool)
{
    struct weir__queue dropped = pool->queue;
    struct weir__task *task;
    const uint64_t count = dropped.count;

    weir__queue_init(&pool->queue, pool->queue.capacity);
    weir__mutex_unlock(&pool->lock);
    while ((task = weir__queue_pop(&dropped)) != NULL)
        pool->ops.drop(pool->ops.context, task);
    weir__mutex_lock(&pool->lock);
    settle(pool, count);
}

/* Under the lock.  One step of a worker's life; false ends it. */
static bool step(struct weir__pool *pool, struct weir__worker *worker)
{
    const int64_t now_ns = now_of(pool);
    struct weir__gate_answer answer;

    if (pool->leader == worker)
        pool->leader = NULL;
    if (pool->queue.count == 0) {
        if (pool->closing)
            return false;
        rest(pool, worker, now_ns);
        return true;
    }
    if (pool->stopped) {
        turn_to(worker, WEIR__POOL_RUNNING, now_ns);
        weir__gate_leave(pool->gate, now_ns);
        drop_all(pool);
        return true;
    }
    weir__gate_ask(pool->gate, now_ns, &answer);
    if (answer.go) {
        run_task(pool, worker, now_ns);
    } else if (answer.not_before_ns != WEIR__NEVER && pool->leader == NULL) {
        lead(pool, worker, &answer, now_ns);
    } else {
        call_leader(pool, answer.not_before_ns);
        rest(pool, worker, now_ns);
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
    while (step(pool, worker))
        continue;
    weir__mutex_unlock(&pool->lock);
    pool->ops.leave(pool->ops.context, worker->state);
    return NULL;
}

bool weir__pool_init(struct weir__pool *pool, const struct weir__env *env, struct weir__gate *gate,
                     const struct weir__pool_ops *ops, uint32_t worker_max, uint32_t queue_max)
{
    *pool = (struct weir__pool){.env = env, .gate = gate, .ops = *ops, .worker_max = 0, .reached = -1};
    weir__queue_init(&pool->queue, queue_max);
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

enum weir__pool_push_status weir__pool_push(struct weir__pool *pool, struct weir__task *task, int64_t until_ns)
{
    enum weir__pool_push_status status = WEIR__PUSH_OK;
    struct weir__gate_answer next;

    weir__mutex_lock(&pool->lock);
    while (!pool->stopped && weir__queue_full(&pool->queue)) {
        /* waiters are woken at half: at the deadline there can be room all the same */
        if (!wait_for_room(pool, until_ns) && weir__queue_full(&pool->queue)) {
            status = WEIR__PUSH_FULL;
            break;
        }
    }
    if (pool->stopped)
        status = WEIR__PUSH_STOPPED;
    if (status == WEIR__PUSH_OK) {
        const bool was_empty = pool->queue.count == 0;
        task->queued_ns = now_of(pool);
        weir__queue_push(&pool->queue, task);
        pool->pending++;
        if (was_empty) {
            pool->next_up_ns = task->queued_ns;
            stand_in(pool, task->queued_ns, &next);
        }
        if (pool->worker_count == 0) {
            (void)weir__queue_pop(&pool->queue); /* no worker ever took one: it is the only task */
            settle(pool, 1);
            status = WEIR__PUSH_NO_THREAD;
        }
    }
    pool->accepted += status == WEIR__PUSH_OK;
    weir__mutex_unlock(&pool->lock);
    return status;
}

void weir__pool_nudge(struct weir__pool *pool)
{
    struct weir__gate_answer next;

    weir__mutex_lock(&pool->lock);
    if (pool->leader == NULL && pool->queue.count > 0)
        stand_in(pool, now_of(pool), &next);
    weir__mutex_unlock(&pool->lock);
}

bool weir__pool_sleep(struct weir__worker *worker, int64_t until_ns)
{
    struct weir__pool *pool = worker->pool;
    bool posted = true, stopped;

    weir__mutex_lock(&pool->lock);
    turn_to(worker, WEIR__POOL_PACE, now_of(pool));
    while (posted && !pool->stopped) { /* a post that was meant for an earlier wait ends none here */
        weir__mutex_unlock(&pool->lock);
        posted = pool->env->wait(pool->env->context, &worker->wake, until_ns);
        weir__mutex_lock(&pool->lock);
    }
    stopped = pool->stopped;
    turn_to(worker, WEIR__POOL_RUNNING, now_of(pool));
    weir__mutex_unlock(&pool->lock);
    return !stopped;
}

bool weir__pool_wait(struct weir__pool *pool, int64_t until_ns)
{
    bool done;

    weir__mutex_lock(&pool->lock);
    while (pool->pending > 0 && now_of(pool) < until_ns) {
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

void weir__pool_stop(struct weir__pool *pool)
{
    struct weir__worker *worker;

    weir__mutex_lock(&pool->lock);
    pool->stopped = true;
    for (; pool->room_waiters > 0; pool->room_waiters--)
        weir__sem_post(&pool->room);
    /* somebody must drop what waits; if all run, the first to finish does */
    worker = pool->leader != NULL ? pool->leader : pop_idle(pool);
    if (worker != NULL)
        weir__sem_post(&worker->wake);
    for (worker = pool->workers; worker != NULL; worker = worker->next)
        if (worker->doing == WEIR__POOL_PACE && worker != pool->leader)
            weir__sem_post(&worker->wake); /* in weir__pool_sleep() */
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
    while ((worker = pop_idle(pool)) != NULL)
        weir__sem_post(&worker->wake);
    weir__mutex_unlock(&pool->lock);
    /* stopped: no worker is started any more, so the list is as it will be */
    for (worker = pool->workers; worker != NULL; worker = worker->next)
        weir__thread_join(worker->thread);
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
    tally.workers = pool->worker_count;
    for (const struct weir__worker *w = pool->workers; w != NULL; w = w->next) {
        for (int i = 0; i < WEIR__POOL_STATES; i++)
            tally.spent_ns[i] += w->spent_ns[i];
        tally.spent_ns[w->doing] += tally.now_ns - w->since_ns;
    }
    weir__mutex_unlock(&pool->lock);
    return tally;
}
