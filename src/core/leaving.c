/*
 * leaving - what a dispatcher does when the process calls exit() while it is there.
 *
 * It only sees to it that no worker is inside libcurl, and with it OpenSSL, when exit() goes on to take that down, and
 * that no callback begins in a process that is half gone.  It joins nobody and waits for no callback: exit() may have
 * been called by a callback, or by a thread that one waits for.
 */
#include "core/dispatcher.h"

#include "base/clock.h"
#include "base/sync.h"

#include <stddef.h>

/* A transfer ends some 0.1 ms after its socket was shut down. */
#define LOOK_EVERY_NS (WEIR__NS_PER_MS / 5)

/*
 * The flag first.  A worker counts itself in before it reads the flag, here the flag is set before the count is read:
 * so either it parks, or it is waited for.  Nobody is woken and no lock of the pool is taken: a thread that waits for
 * its jobs must not come back and end the process in another way than it is being ended, and a handler of a signal,
 * which must not but may have called exit(), may stand on a thread that has the lock.
 */
void weir__dispatcher_leaving(struct weir__guest *guest)
{
    struct weir *weir = (struct weir *)((char *)guest - offsetof(struct weir, guest));
    int64_t now_ns = weir__clock_now_ns();
    sem_t nobody;

    atomic_store(&weir->leaving, true);
    weir->transport->abort(weir->transport);
    if (guest->until_ns <= now_ns || !weir__sem_init(&nobody, 0))
        return;
    while (atomic_load(&weir->in_transport) > 0 && now_ns < guest->until_ns) {
        (void)weir__sem_wait(&nobody, now_ns + LOOK_EVERY_NS);
        now_ns = weir__clock_now_ns();
    }
    weir__sem_clear(&nobody);
}

bool weir__dispatcher_left(const struct weir *weir)
{
    return atomic_load_explicit(&weir->leaving, memory_order_relaxed) && weir__process_ends_here();
}

/* For ever: a thread that ended would run what OpenSSL has hung on its end. */
_Noreturn void weir__dispatcher_park(struct weir *weir)
{
    sem_t nobody;

    (void)weir;
    while (!weir__sem_init(&nobody, 0))
        continue;
    for (;;)
        (void)weir__sem_wait(&nobody, WEIR__NEVER);
}

/* A callback that forked, and came back in the child as well: there its thread is the only one, and must not go on with
 * its parent's jobs on its parent's connections.  It ends, and with it the process. */
void weir__dispatcher_after_call(struct weir *weir)
{
    if (weir__dispatcher_inherited(weir))
        pthread_exit(NULL);
}
