/* stop - see stop.h */
#include "cli/stop.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cli/say.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define EXIT_STOPPED 3

/*
 * After the second signal: how long aborted jobs may take to end by themselves, and when the process is gone whatever
 * hangs (a full pipe behind stderr, say).  The kernel needs its own part of the 100 ms, some 30 ms for 1,000 threads
 * with their sockets (measured on two cores).
 */
#define ABORT_WAIT_NS (40 * WEIR__NS_PER_MS)
#define ABORT_EXIT_US 75000
/* More than these are not woken one by one first: their threads would keep the processors from the last words
 * (measured: 3,000 kept them for more than ABORT_EXIT_US).  The exit itself ends them all. */
#define ABORT_EACH_MAX 1000u

static void signal_set(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGUSR1);
}

void weir__stop_ignore(void)
{
    sigset_t status;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)sigemptyset(&status);
    (void)sigaddset(&status, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &status, NULL);
}

void weir__stop_prepare(void)
{
    sigset_t set;

    signal_set(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void exit_now(int signal_number)
{
    (void)signal_number;
    _exit(EXIT_STOPPED);
}

/* From here the process ends soon, even if nobody makes progress. */
static void arm_exit(void)
{
    struct sigaction action;
    const struct itimerval in = {{0, 0}, {0, ABORT_EXIT_US}};
    sigset_t alarm_only;

    memset(&action, 0, sizeof action);
    action.sa_handler = exit_now;
    (void)sigaction(SIGALRM, &action, NULL);
    (void)sigemptyset(&alarm_only);
    (void)sigaddset(&alarm_only, SIGALRM);
    (void)pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL); /* here at least somebody can take it */
    (void)setitimer(ITIMER_REAL, &in, NULL);
}

static uint32_t count_in_flight(struct weir__stop *stop)
{
    static struct weir_stats stats; /* large, and only this thread comes here */

    stats.struct_size = sizeof stats;
    weir_snapshot(stop->weir, &stats);
    return stats.in_flight;
}

static void drain(struct weir__stop *stop)
{
    weir_stop(stop->weir);
    if (stop->woken != NULL)
        stop->woken(stop->context);
    if (!stop->quiet)
        weir__say("stopping: no new sends, %" PRIu32 " in flight finish; again to abort", count_in_flight(stop));
}

static void give_up(struct weir__stop *stop)
{
    arm_exit();
    if (count_in_flight(stop) <= ABORT_EACH_MAX) {
        weir_abort(stop->weir);
        (void)weir_wait(stop->weir, ABORT_WAIT_NS);
    }
    if (atomic_flag_test_and_set(&stop->claimed))
        return; /* the owner is at it, with the timer behind it */
    stop->last_words(stop->context);
    (void)fflush(NULL);
    _exit(EXIT_STOPPED); /* without joining: exit() would run libraries' destructors under live threads */
}

static void *take_signals(void *context)
{
    struct weir__stop *stop = context;
    sigset_t set;
    int number;

    signal_set(&set);
    for (;;) {
        if (sigwait(&set, &number) != 0)
            continue;
        if (atomic_load(&stop->ending))
            return NULL;
        if (number == SIGUSR1) {
            if (stop->status != NULL)
                stop->status(stop->context);
            continue;
        }
        const unsigned before = atomic_fetch_add(&stop->signals, 1);
        if (before == 0)
            drain(stop);
        else if (before == 1)
            give_up(stop);
    }
}

bool weir__stop_start(struct weir__stop *stop)
{
    atomic_init(&stop->signals, 0);
    atomic_init(&stop->ending, false);
    atomic_flag_clear(&stop->claimed);
    return weir__thread_start(&stop->thread, take_signals, stop);
}

void weir__stop_claim(struct weir__stop *stop)
{
    if (!atomic_flag_test_and_set(&stop->claimed))
        return;
    for (;;)
        (void)pause(); /* until the signal thread's _exit */
}

unsigned weir__stop_count(struct weir__stop *stop)
{
    return atomic_load(&stop->signals);
}

void weir__stop_end(struct weir__stop *stop)
{
    atomic_store(&stop->ending, true);
    (void)pthread_kill(stop->thread, SIGTERM); /* blocked there: it wakes the sigwait and nothing else */
    weir__thread_join(stop->thread);
}
