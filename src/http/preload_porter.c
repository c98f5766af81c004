/*
 * preload_porter - fetches permits for loops, which must not wait for one themselves.
 *
 * Who only looks now and then whether there is a permit never finds one while others stand in line for it.  So one
 * thread of the process stands there, as long as handles are kept aside, and rings at the loops when it has one.  A
 * loop that does not come for it in time has lost it again: others wait.  There is no such thread in a process that
 * sends nothing by a CURLM, or never too much.
 */
#include "http/preload.h"

#include "base/clock.h"
#include "base/sync.h"

#include <stdint.h>
#include <unistd.h>

#define PATIENCE_NS (50 * WEIR__NS_PER_MS)

TAILQ_HEAD(bells, weir__preload_bell);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows; a leaf, but for curl_multi_wakeup() */
static struct bells bells = TAILQ_HEAD_INITIALIZER(bells);
static bool started; /* the thread, in this process */
static bool on_way;  /* it was called and stands in line, or has a permit that nobody took yet */
static bool ready;   /* it has one: */
static struct weir_permit permit;
static struct weir_limits *limits;
static sem_t called, taken;

void weir__preload_porter_lock(void)
{
    (void)pthread_mutex_lock(&lock);
}

void weir__preload_porter_unlock(void)
{
    (void)pthread_mutex_unlock(&lock);
}

void weir__preload_porter_forked(void)
{
    struct weir__preload_bell *bell;

    started = on_way = ready = false;
    /* The parent's loops: the program may give the numbers of their descriptors to files of its own, unseen by us. */
    for (bell = TAILQ_FIRST(&bells); bell != NULL; bell = TAILQ_NEXT(bell, links)) {
        bell->parents = true;
        if (bell->fd >= 0)
            (void)close(bell->fd);
        bell->fd = -1;
    }
}

static void give_back(void)
{
    struct weir_answer answer = WEIR_ANSWER_INIT;

    answer.unsent = true;
    (void)weir_limits_release(limits, &permit, &answer);
}

/* Under the lock.  Writing an eventfd or libcurl's own socket never waits. */
static void ring(void)
{
    const uint64_t one = 1;
    struct weir__preload_bell *bell;

    for (bell = TAILQ_FIRST(&bells); bell != NULL; bell = TAILQ_NEXT(bell, links)) {
        if (bell->curl->multi_wakeup != NULL && !bell->parents)
            (void)bell->curl->multi_wakeup(bell->multi);
        if (bell->fd >= 0 && write(bell->fd, &one, sizeof one) < 0)
            continue; /* it is full, and readable for that reason */
    }
}

/* Fetches one and offers it; whether it was taken, and more are wanted. */
static bool fetch(void)
{
    bool more, late;

    if (weir__preload_acquire(-1, &permit, &limits) != WEIR_OK) {
        weir__preload_porter_lock();
        on_way = false; /* the loops learn of it by trying */
        ring();
        weir__preload_porter_unlock();
        return false;
    }
    weir__preload_porter_lock();
    ready = true;
    ring();
    weir__preload_porter_unlock();
    (void)weir__sem_wait(&taken, weir__clock_after(weir__clock_now_ns(), PATIENCE_NS));
    weir__preload_porter_lock();
    (void)weir__sem_try(&taken); /* in the last moment */
    late = ready;
    ready = false;
    more = !late && !TAILQ_EMPTY(&bells);
    on_way = late || more;
    weir__preload_porter_unlock();
    if (!late)
        return more;
    give_back();
    weir__preload_porter_lock();
    on_way = false;
    weir__preload_porter_unlock();
    return false;
}

static void *work(void *nothing)
{
    for (;;) {
        (void)weir__sem_wait(&called, WEIR__NEVER);
        while (fetch())
            continue;
    }
    return nothing;
}

/* Under the lock. */
static bool start(void)
{
    pthread_t thread;

    if (!weir__sem_init(&called, 0) || !weir__sem_init(&taken, 0) || !weir__thread_start(&thread, work, NULL))
        return false;
    (void)pthread_detach(thread);
    return true;
}

bool weir__preload_porter_call(void)
{
    bool there;

    weir__preload_porter_lock();
    if (!started)
        started = start();
    there = started;
    if (started && !on_way) {
        on_way = true;
        weir__sem_post(&called);
    }
    weir__preload_porter_unlock();
    return there;
}

bool weir__preload_porter_take(struct weir_permit *out, struct weir_limits **from)
{
    bool took;

    weir__preload_porter_lock();
    took = ready;
    if (took) {
        *out = permit;
        *from = limits;
        ready = false;
        weir__sem_post(&taken);
    }
    weir__preload_porter_unlock();
    return took;
}

void weir__preload_porter_join(struct weir__preload_bell *bell)
{
    weir__preload_porter_lock();
    TAILQ_INSERT_TAIL(&bells, bell, links);
    weir__preload_porter_unlock();
}

void weir__preload_porter_part(struct weir__preload_bell *bell)
{
    weir__preload_porter_lock();
    TAILQ_REMOVE(&bells, bell, links);
    weir__preload_porter_unlock();
}
