/* fork - see fork.h.  A counter that a handler keeps, since getpid() would be a system call for each job. */
#include "base/fork.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_uint forks;

static void count_fork(void)
{
    (void)atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

static void watch(void)
{
    (void)pthread_atfork(NULL, NULL, count_fork); /* without memory a child is not warned, which it should not need */
}

unsigned weir__fork_count(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, watch);
    return atomic_load_explicit(&forks, memory_order_relaxed);
}
