/* env - the real clocks, waits and threads behind struct weir__env (pool.h).  Tests bring their own. */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/sync.h"

static int64_t real_now(void *context)
{
    (void)context;
    return weir__clock_now_ns();
}

static int64_t real_wall(void *context)
{
    (void)context;
    return weir__clock_wall_ns();
}

static bool real_wait(void *context, sem_t *sem, int64_t until_ns)
{
    (void)context;
    return weir__sem_wait(sem, until_ns);
}

static bool real_start(void *context, pthread_t *thread, void *(*run)(void *), void *argument)
{
    (void)context;
    return weir__thread_start(thread, run, argument);
}

static void real_join(void *context, pthread_t thread)
{
    (void)context;
    weir__thread_join(thread);
}

const struct weir__env weir__env_real = {
    .now_ns = real_now,
    .wall_ns = real_wall,
    .wait = real_wait,
    .start = real_start,
    .join = real_join,
};
