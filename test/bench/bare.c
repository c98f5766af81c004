/*
 * bare - the baseline of test/bench/bench: a loop of curl_easy_perform in each of N threads, and nothing around it but
 * a counter of jobs and a sem_t of permits.  It is what a user would write without weir.
 *
 * Usage: bare URL TOTAL THREADS [PERMITS]; permits as many as threads unless given.  Prints one line of JSON.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define THREADS_MAX 100000
#define STACK_SIZE (256u * 1024u) /* as weir's workers have */

static const char *url;
static long total;
static atomic_long next_job;
static atomic_long succeeded;
static sem_t permits;

static size_t drop(char *data, size_t size, size_t count, void *user_data)
{
    (void)data;
    (void)user_data;
    return size * count;
}

static void *work(void *argument)
{
    CURL *easy = curl_easy_init();
    long status, mine = 0;
    CURLcode code;

    (void)argument;
    if (easy == NULL)
        return NULL;
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    while (atomic_fetch_add(&next_job, 1) < total) {
        (void)sem_wait(&permits);
        code = curl_easy_perform(easy);
        (void)sem_post(&permits);
        status = 0;
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        mine += code == CURLE_OK && status == 200;
    }
    atomic_fetch_add(&succeeded, mine);
    curl_easy_cleanup(easy);
    return NULL;
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* False where a thread could not be started; those that were are joined all the same. */
static int run(pthread_t *threads, long count)
{
    pthread_attr_t attributes;
    long started = 0;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    while (started < count && pthread_create(&threads[started], &attributes, work, NULL) == 0)
        started++;
    (void)pthread_attr_destroy(&attributes);
    for (long i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    return started == count;
}

static long number(const char *text, long max)
{
    char *end;
    const long value = strtol(text, &end, 10);
    return *end == '\0' && value >= 1 && value <= max ? value : 0;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    pthread_t *threads;
    long count = 0, permit_count = 0;
    double begin_s, elapsed_s;
    int complete;

    if (argc == 4 || argc == 5) {
        url = argv[1];
        total = number(argv[2], 1000000000);
        count = number(argv[3], THREADS_MAX);
        permit_count = argc == 5 ? number(argv[4], THREADS_MAX) : count;
    }
    if (total == 0 || count == 0 || permit_count == 0) {
        (void)fprintf(stderr, "usage: bare URL TOTAL THREADS [PERMITS]\n");
        return 2;
    }
    threads = calloc((size_t)count, sizeof *threads);
    if (threads == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        sem_init(&permits, 0, (unsigned)permit_count) != 0) {
        (void)fprintf(stderr, "bare: could not start\n");
        free(threads);
        return 2;
    }
    begin_s = now_s();
    complete = run(threads, count);
    elapsed_s = now_s() - begin_s;
    (void)sem_destroy(&permits);
    curl_global_cleanup();
    free(threads);
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("{\"total\":%ld,\"succeeded\":%ld,\"elapsed_s\":%.6f,\"cpu_s\":{\"user\":%.6f,\"system\":%.6f},"
                 "\"max_rss_bytes\":%ld}\n",
                 total, atomic_load(&succeeded), elapsed_s, seconds(usage.ru_utime), seconds(usage.ru_stime),
                 usage.ru_maxrss * 1024);
    return complete && atomic_load(&succeeded) == total ? 0 : 1;
}
