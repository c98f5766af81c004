/*
 * bare_multi - the async engine's baseline in test/bench/bench: one multi handle driven by curl_multi_socket_action on
 * epoll, and nothing around it but a counter of jobs.  It is what a user would write by libcurl's own examples.
 *
 * A transfer that has ended is taken out, looked at, and put in again while jobs are left; so there are always as many
 * in flight as asked for, on kept connections.  libcurl's timer is the timeout of epoll_wait, which costs no call of
 * its own.  No shards, no limit on connections, no retries.
 *
 * Usage: bare_multi URL TOTAL TRANSFERS.  Prints one line of JSON, as bare does.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TRANSFERS_MAX 100000
#define EVENTS_MAX 256 /* taken by one epoll_wait */

struct loop {
    CURLM *multi;
    int epoll;
    int64_t timer_ms; /* on the monotonic clock; -1: libcurl wants none */
    long total, begun, ended, succeeded;
    int failed; /* libcurl or epoll did: no figure would mean anything */
};

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t drop(char *data, size_t size, size_t count, void *user_data)
{
    (void)data;
    (void)user_data;
    return size * count;
}

/* What a socket is assigned says whether epoll has it. */
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user_data, void *assigned)
{
    struct loop *loop = user_data;
    struct epoll_event event = {.data.fd = socket};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, socket, NULL);
        return 0; /* libcurl forgets what was assigned by itself */
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(loop->epoll, assigned != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0)
        loop->failed = 1;
    else if (assigned == NULL)
        (void)curl_multi_assign(loop->multi, socket, loop);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user_data)
{
    struct loop *loop = user_data;
    (void)multi;
    loop->timer_ms = timeout_ms < 0 ? -1 : timeout_ms == 0 ? 0 : now_ms() + timeout_ms;
    return 0;
}

/* The next job on that handle, if there is one. */
static void begin(struct loop *loop, CURL *easy)
{
    if (loop->begun == loop->total)
        return;
    loop->begun++;
    if (curl_multi_add_handle(loop->multi, easy) != CURLM_OK)
        loop->failed = 1;
}

static void end_those_done(struct loop *loop)
{
    const CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
        CURL *const easy = message->easy_handle;
        const CURLcode code = message->data.result; /* the message goes with the handle */
        long status = 0;
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        loop->ended++;
        loop->succeeded += code == CURLE_OK && status == 200;
        (void)curl_multi_remove_handle(loop->multi, easy);
        begin(loop, easy);
    }
}

static void act(struct loop *loop, curl_socket_t socket, int what)
{
    int running;
    if (curl_multi_socket_action(loop->multi, socket, what, &running) != CURLM_OK)
        loop->failed = 1;
}

static void poll_once(struct loop *loop)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t wait_ms = -1;
    int count;

    if (loop->timer_ms >= 0) {
        wait_ms = loop->timer_ms - (loop->timer_ms > 0 ? now_ms() : 0);
        wait_ms = wait_ms < 0 ? 0 : wait_ms;
    }
    count = epoll_wait(loop->epoll, events, EVENTS_MAX, (int)wait_ms);
    if (count < 0 && errno != EINTR)
        loop->failed = 1;
    for (int i = 0; i < count; i++)
        act(loop, events[i].data.fd,
            (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0));
    if (loop->timer_ms == 0 || (loop->timer_ms > 0 && now_ms() >= loop->timer_ms)) {
        loop->timer_ms = -1; /* libcurl sets it anew where it wants one */
        act(loop, CURL_SOCKET_TIMEOUT, 0);
    }
    end_those_done(loop);
}

static CURL *transfer_new(const char *url)
{
    CURL *const easy = curl_easy_init();
    if (easy == NULL)
        return NULL;
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    return easy;
}

static void run(struct loop *loop, CURL **transfers, long count)
{
    (void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    (void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    (void)curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING); /* as HTTP/1.1: one at a time */
    for (long i = 0; i < count; i++)
        begin(loop, transfers[i]);
    while (loop->ended < loop->begun && !loop->failed)
        poll_once(loop);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static long number(const char *text, long max)
{
    char *end;
    const long value = strtol(text, &end, 10);
    return *end == '\0' && value >= 1 && value <= max ? value : 0;
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print(const struct loop *loop, double elapsed_s)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("{\"total\":%ld,\"succeeded\":%ld,\"elapsed_s\":%.6f,\"cpu_s\":{\"user\":%.6f,\"system\":%.6f},"
                 "\"max_rss_bytes\":%ld}\n",
                 loop->total, loop->succeeded, elapsed_s, seconds(usage.ru_utime), seconds(usage.ru_stime),
                 usage.ru_maxrss * 1024);
}

int main(int argc, char **argv)
{
    struct loop loop = {.timer_ms = -1};
    CURL **transfers = NULL;
    long count = 0;
    double begin_s;
    int good;

    if (argc == 4) {
        loop.total = number(argv[2], 1000000000);
        count = number(argv[3], TRANSFERS_MAX);
    }
    if (loop.total == 0 || count == 0) {
        (void)fprintf(stderr, "usage: bare_multi URL TOTAL TRANSFERS\n");
        return 2;
    }
    good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (loop.epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0 &&
           (loop.multi = curl_multi_init()) != NULL && (transfers = calloc((size_t)count, sizeof *transfers)) != NULL;
    for (long i = 0; good && i < count; i++)
        good = (transfers[i] = transfer_new(argv[1])) != NULL;
    if (!good) {
        (void)fprintf(stderr, "bare_multi: could not start\n");
        free(transfers);
        return 2;
    }
    begin_s = now_s();
    run(&loop, transfers, count);
    print(&loop, now_s() - begin_s);
    for (long i = 0; i < count; i++) {
        (void)curl_multi_remove_handle(loop.multi, transfers[i]); /* where a failure left it in */
        curl_easy_cleanup(transfers[i]);
    }
    (void)curl_multi_cleanup(loop.multi);
    (void)close(loop.epoll);
    curl_global_cleanup();
    free(transfers);
    return !loop.failed && loop.succeeded == loop.total ? 0 : 1;
}
