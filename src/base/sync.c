/* sync - see sync.h */
#include "base/sync.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* For calls that fail only through a bug: NDEBUG must not turn that into silence. */
static void must(bool held)
{
    assert(held);
    if (!held)
        abort();
}

bool weir__mutex_init(pthread_mutex_t *mutex)
{
    return pthread_mutex_init(mutex, NULL) == 0;
}

bool weir__mutex_init_shared(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    bool made;

    if (pthread_mutexattr_init(&attributes) != 0)
        return false;
    made = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
           pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
           pthread_mutex_init(mutex, &attributes) == 0;
    (void)pthread_mutexattr_destroy(&attributes);
    return made;
}

bool weir__mutex_lock_shared(pthread_mutex_t *mutex)
{
    const int error = pthread_mutex_lock(mutex);

    must(error == 0 || error == EOWNERDEAD);
    return error == 0;
}

void weir__mutex_recovered(pthread_mutex_t *mutex)
{
    must(pthread_mutex_consistent(mutex) == 0);
}

void weir__mutex_clear(pthread_mutex_t *mutex)
{
    must(pthread_mutex_destroy(mutex) == 0);
}

void weir__mutex_lock(pthread_mutex_t *mutex)
{
    must(pthread_mutex_lock(mutex) == 0);
}

void weir__mutex_unlock(pthread_mutex_t *mutex)
{
    must(pthread_mutex_unlock(mutex) == 0);
}

bool weir__sem_init(sem_t *sem, uint32_t value)
{
    return sem_init(sem, 0, value) == 0;
}

bool weir__sem_init_shared(sem_t *sem, uint32_t value)
{
    return sem_init(sem, 1, value) == 0;
}

uint32_t weir__sem_value(sem_t *sem)
{
    int value = 0;

    must(sem_getvalue(sem, &value) == 0 && value >= 0);
    return (uint32_t)value;
}

void weir__sem_clear(sem_t *sem)
{
    must(sem_destroy(sem) == 0);
}

void weir__sem_post(sem_t *sem)
{
    must(sem_post(sem) == 0);
}

bool weir__sem_try(sem_t *sem)
{
    while (sem_trywait(sem) != 0) {
        if (errno == EAGAIN)
            return false;
        must(errno == EINTR);
    }
    return true;
}

static struct timespec to_timespec(int64_t ns)
{
    struct timespec t;
    t.tv_sec = (time_t)(ns / WEIR__NS_PER_S);
    t.tv_nsec = (long)(ns % WEIR__NS_PER_S);
    return t;
}

static int wait_once(sem_t *sem, int64_t until_ns)
{
    struct timespec at;

    if (until_ns == WEIR__NEVER)
        return sem_wait(sem);
    if (until_ns < 0)
        until_ns = 0; /* past as well, and a timespec must not be negative */
#ifdef WEIR_CHECKER
    /* ThreadSanitizer and DRD see no order in sem_clockwait; the wall clock's jumps do not matter in a test. */
    at = to_timespec(weir__clock_wall_ns() + (until_ns - weir__clock_now_ns()));
    return sem_timedwait(sem, &at);
#else
    at = to_timespec(until_ns);
    return sem_clockwait(sem, CLOCK_MONOTONIC, &at);
#endif
}

bool weir__sem_wait(sem_t *sem, int64_t until_ns)
{
    int before, ignored;
    bool taken = true;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before); /* who waits may stand in a list of others */
    while (wait_once(sem, until_ns) != 0) {
        must(errno == ETIMEDOUT || errno == EINTR);
        if (errno == ETIMEDOUT) {
            taken = false;
            break;
        }
    }
    (void)pthread_setcancelstate(before, &ignored);
    return taken;
}

/* What a thread's own fault raises stays: blocked, it would kill the process past the host's handler. */
static void all_but_faults(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

    (void)sigfillset(set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        (void)sigdelset(set, faults[i]);
}

bool weir__thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    sigset_t blocked, before;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setstacksize(&attributes, WEIR__STACK_SIZE); /* a refusal leaves the larger default */
    all_but_faults(&blocked);
    must(pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0); /* inherited by the new thread */
    started = pthread_create(thread, &attributes, run, argument) == 0;
    must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    (void)pthread_attr_destroy(&attributes);
    return started;
}

void weir__thread_join(pthread_t thread)
{
    must(pthread_join(thread, NULL) == 0);
}
