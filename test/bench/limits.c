/*
 * limits - what a permit costs: pairs of weir_limits_acquire() and weir_limits_release() with nothing in between, by
 * CPU time; or of sem_trywait() and sem_post(), for scale.
 *
 * Usage: limits sem|process|host:NAME window|strict PAIRS THREADS.  One thread finds a permit each time; several share
 * three.  The rate is one that does not bind: 1,000,000 in any 100 ms.  Prints one line of JSON.
 */
#include "weir.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 64
#define PERMITS 3
#define WARM_UP 20000

static struct weir_limits *limits; /* NULL: the semaphore */
static sem_t sem;
static long pairs_each;
static atomic_long failed;

static void limits_pairs(long count)
{
    struct weir_answer answer = WEIR_ANSWER_INIT;
    struct weir_permit permit;

    answer.http_status = 200;
    while (count-- > 0)
        if (weir_limits_acquire(limits, -1, &permit) == WEIR_OK)
            (void)weir_limits_release(limits, &permit, &answer);
        else
            (void)atomic_fetch_add(&failed, 1);
}

static void sem_pairs(long count)
{
    while (count-- > 0) {
        if (sem_trywait(&sem) != 0)
            (void)sem_wait(&sem); /* among several threads */
        (void)sem_post(&sem);
    }
}

static void *work(void *count)
{
    if (limits != NULL)
        limits_pairs(*(const long *)count);
    else
        sem_pairs(*(const long *)count);
    return NULL;
}

static double now_s(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One thread's pairs are made on this one. */
static int run(long threads)
{
    pthread_t started[THREADS_MAX];
    long count = 0;

    if (threads == 1) {
        (void)work(&pairs_each);
        return 1;
    }
    while (count < threads && pthread_create(&started[count], NULL, work, &pairs_each) == 0)
        count++;
    for (long i = 0; i < count; i++)
        (void)pthread_join(started[i], NULL);
    return count == threads;
}

static int make(const char *kind, enum weir_shape shape)
{
    const struct weir_rate rate = {1000000, 0, 100000000, shape};
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    enum weir_status status;

    if (sem_init(&sem, 0, PERMITS) != 0)
        return 0;
    if (strcmp(kind, "sem") == 0)
        return 1;
    options.concurrency = PERMITS;
    options.rates = &rate;
    options.rate_count = 1;
    options.scope = kind;
    status = weir_limits_new(&options, &limits);
    if (status != WEIR_OK)
        (void)fprintf(stderr, "limits: %s: %s\n", kind, weir_status_text(status));
    return status == WEIR_OK;
}

/* How often the rate was waited for, which it should never be. */
static unsigned long long bound(void)
{
    struct weir_limits_stats stats;
    unsigned long long waits = 0;

    if (limits == NULL)
        return 0;
    stats.struct_size = sizeof stats;
    weir_limits_snapshot(limits, &stats);
    for (size_t i = 0; i < stats.limit_count; i++)
        if (stats.limits[i].hold_ns > 0)
            waits += stats.limits[i].waits;
    return waits;
}

int main(int argc, char **argv)
{
    long threads = 0, pairs = 0, warm_up = WARM_UP;
    double begin_s, cpu_s, elapsed_s;
    int complete;

    if (argc == 5) {
        pairs = strtol(argv[3], NULL, 10);
        threads = strtol(argv[4], NULL, 10);
    }
    if (pairs < 1 || threads < 1 || threads > THREADS_MAX) {
        (void)fprintf(stderr, "usage: limits sem|process|host:NAME window|strict PAIRS THREADS\n");
        return 2;
    }
    if (!make(argv[1], strcmp(argv[2], "strict") == 0 ? WEIR_SHAPE_STRICT : WEIR_SHAPE_WINDOW))
        return 2;
    pairs_each = pairs / threads;
    (void)work(&warm_up);
    begin_s = now_s(CLOCK_MONOTONIC);
    cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
    complete = run(threads);
    cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
    elapsed_s = now_s(CLOCK_MONOTONIC) - begin_s;
    (void)printf("{\"pairs\":%ld,\"threads\":%ld,\"failed\":%ld,\"bound\":%llu,\"cpu_s\":%.6f,\"elapsed_s\":%.6f}\n",
                 pairs_each * threads, threads, atomic_load(&failed), bound(), cpu_s, elapsed_s);
    weir_limits_free(limits);
    (void)sem_destroy(&sem);
    return complete && atomic_load(&failed) == 0 ? 0 : 1;
}
