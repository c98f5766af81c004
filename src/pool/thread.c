/* thread - see thread.h.  Below, "under the lock" is pool->lock. */
#include "pool/thread.h"

#include "base/clock.h"
#include "base/sync.h"
#include "pool/step.h"

#include <stddef.h>
#include <sys/prctl.h>

/* The default slack lets every wait end 50 us late; at 10,000 sends a second that would be half the rate. */
void weir__thread_be_punctual(void)
{
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

/* Under the lock, which is released while it waits for a moment at the gate, */
static void lead(struct weir__worker *worker, const struct weir__outlook *next, int64_t now_ns)
{
    struct weir__pool *pool = worker->pool;

    weir__step_tell(worker, next, now_ns);
    weir__mutex_unlock(&pool->lock);
    (void)pool->env->wait(pool->env->context, weir__gate_bell(pool->gate), next->until_ns);
    weir__mutex_lock(&pool->lock);
}

/* or sleeps. */
static void sleep_idle(struct weir__worker *worker)
{
    struct weir__pool *pool = worker->pool;

    while (worker->idle) { /* a post that came too late for an earlier wait ends this one too early */
        weir__mutex_unlock(&pool->lock);
        (void)pool->env->wait(pool->env->context, &worker->wake, WEIR__NEVER);
        weir__mutex_lock(&pool->lock);
    }
}

/* Under the lock.  False ends its life. */
static bool live(struct weir__worker *worker)
{
    const struct weir__env *env = worker->pool->env;
    const int64_t now_ns = env->now_ns(env->context);
    struct weir__outlook next;
    struct weir__task *task;

    switch (weir__step_next(worker, now_ns, &next, &task)) {
    case WEIR__STEP_AGAIN:
        return true;
    case WEIR__STEP_RUN:
        (void)weir__step_run(worker, task, &next);
        return true;
    case WEIR__STEP_LEAD:
        lead(worker, &next, now_ns);
        return true;
    case WEIR__STEP_REST:
        sleep_idle(worker);
        return true;
    case WEIR__STEP_END:
        break;
    }
    return false;
}

static void *work(void *argument)
{
    struct weir__worker *worker = argument;
    struct weir__pool *pool = worker->pool;

    weir__thread_be_punctual();
    worker->state = pool->ops.enter(pool->ops.context);
    weir__mutex_lock(&pool->lock);
    while (live(worker))
        continue;
    weir__mutex_unlock(&pool->lock);
    pool->ops.leave(pool->ops.context, worker->state);
    return NULL;
}

bool weir__thread_carry(struct weir__worker *worker)
{
    const struct weir__env *env = worker->pool->env;

    return env->start(env->context, &worker->thread, work, worker);
}
