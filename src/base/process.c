/*
 * process - see process.h.
 *
 * `process` is the library's only mutable global: fork() and exit() happen to the process and not to a handle.  It
 * needs neither init nor clear, and allocates nothing.
 */
#include "base/process.h"

#include "base/clock.h"
#include "base/sync.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* A transfer whose sockets were shut down ends within a millisecond; only a name's look-up takes longer, and nobody
 * who calls exit() means to wait for that. */
#define LEAVE_MAX_NS (2 * WEIR__NS_PER_S)

static struct {
    atomic_uint forks;   /* handlers of fork() count; getpid() would be a system call for each job */
    atomic_bool watched; /* such a handler is there; set under the lock */
    pid_t pid;           /* whose guests these are */

    pthread_mutex_t lock; /* guards all below; held while the guests leave, which takes bounded time */
    bool at_exit;         /* so is the one of exit() */
    struct weir__guest *newest;

    pthread_t ender;   /* who is in exit(), */
    atomic_bool ended; /* once that is set: the guests have been seen off */
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The child has this thread alone, so nobody holds the lock there, whatever it says; and its guests are its parent's.
 */
static void begin_child(void)
{
    (void)atomic_fetch_add_explicit(&process.forks, 1, memory_order_relaxed);
    process.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    process.newest = NULL;
    atomic_store_explicit(&process.ended, false, memory_order_relaxed);
}

unsigned weir__process_forks(void)
{
    if (!atomic_load_explicit(&process.watched, memory_order_acquire)) {
        weir__mutex_lock(&process.lock);
        /* without memory the next call tries again; a child before that is not warned */
        if (!atomic_load_explicit(&process.watched, memory_order_relaxed) &&
            pthread_atfork(NULL, NULL, begin_child) == 0)
            atomic_store_explicit(&process.watched, true, memory_order_release);
        weir__mutex_unlock(&process.lock);
    }
    return atomic_load_explicit(&process.forks, memory_order_relaxed);
}

/* All are told before any is waited for, and the time is that of all together. */
static void see_off(void)
{
    struct weir__guest *guest, *next;
    int64_t until_ns;

    if (process.pid !=
        getpid()) /* a child that exits before begin_child() came: these are its parent's, locks and all */
        return;
    weir__mutex_lock(&process.lock);
    for (guest = process.newest; guest != NULL; guest = guest->next) {
        guest->until_ns = INT64_MIN;
        guest->leave(guest);
    }
    until_ns = weir__clock_now_ns() + LEAVE_MAX_NS;
    for (guest = process.newest; guest != NULL; guest = next) {
        next = guest->next;
        guest->until_ns = until_ns;
        guest->leave(guest);
        guest->joined = 0;
    }
    process.newest = NULL;
    process.ender = pthread_self();
    atomic_store_explicit(&process.ended, true, memory_order_release);
    weir__mutex_unlock(&process.lock);
}

bool weir__process_ends_here(void)
{
    return atomic_load_explicit(&process.ended, memory_order_acquire) && pthread_equal(process.ender, pthread_self());
}

void weir__process_join(struct weir__guest *guest)
{
    const unsigned joined = weir__process_forks() + 1;

    weir__mutex_lock(&process.lock);
    if (!process.at_exit)
        process.at_exit = atexit(see_off) == 0;
    process.pid = getpid();
    guest->joined = joined;
    guest->previous = NULL;
    guest->next = process.newest;
    if (guest->next != NULL)
        guest->next->previous = guest;
    process.newest = guest;
    weir__mutex_unlock(&process.lock);
}

void weir__process_part(struct weir__guest *guest)
{
    const unsigned forks = weir__process_forks();

    weir__mutex_lock(&process.lock);
    if (guest->joined == forks + 1) {
        guest->joined = 0;
        if (guest->previous != NULL)
            guest->previous->next = guest->next;
        else
            process.newest = guest->next;
        if (guest->next != NULL)
            guest->next->previous = guest->previous;
    }
    weir__mutex_unlock(&process.lock);
}
