/*
 * exec_threads - a program that knows libcurl and nothing of weir, for the tests of `weir exec`.
 *
 *   exec_threads threads URL COUNT THREADS   blocking requests, in threads
 *   exec_threads multi URL COUNT             one loop of curl_multi_perform() and curl_multi_poll()
 *   exec_threads late URL COUNT              the same; what ended is read only when all has
 *   exec_threads select URL COUNT            curl_multi_fdset() and select()
 *   exec_threads socket URL COUNT            curl_multi_socket_action(), with a timer and poll() of its own
 *   exec_threads fork URL COUNT              one request, then a child that sends the rest without an exec
 *   exec_threads twin URL COUNT              handles that are copied, reset and used again
 *   exec_threads redirect URL COUNT          follows redirects
 *   exec_threads prereq URL COUNT            has callbacks of its own where weir puts some, and counts them
 *   exec_threads exit URL COUNT              exits while its threads' transfers run
 *
 * Prints a line: how many were answered with 200, with something else, and not at all.  Ends by itself after a minute.
 */
#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX 10000
#define SOCKETS_MAX 1024

static const char *url;
static int count, thread_count = 1;
static atomic_int next, good, other, failed, prereqs, headers, writes;

static size_t drop(char *data, size_t size, size_t items, void *context)
{
    (void)data, (void)context;
    return size * items;
}

static CURL *make(void)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        exit(3);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 20000L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    return easy;
}

static void tally(CURL *easy, CURLcode result)
{
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (result != CURLE_OK)
        failed++;
    else if (status == 200)
        good++;
    else
        other++;
}

static void *work(void *context)
{
    CURL *easy = make();

    while (next++ < count)
        tally(easy, curl_easy_perform(easy));
    curl_easy_cleanup(easy);
    return context;
}

static void threads(void)
{
    pthread_t thread[256];

    for (int i = 0; i < thread_count; i++)
        if (pthread_create(&thread[i], NULL, work, NULL) != 0)
            exit(3);
    for (int i = 0; i < thread_count; i++)
        pthread_join(thread[i], NULL);
}

static void take_messages(CURLM *multi)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        tally(easy, message->data.result);
        curl_multi_remove_handle(multi, easy);
        curl_easy_cleanup(easy);
    }
}

static void loop(bool late)
{
    CURLM *multi = curl_multi_init();
    int running = 0;

    for (int i = 0; i < count; i++)
        if (curl_multi_add_handle(multi, make()) != CURLM_OK)
            failed++;
    do {
        curl_multi_perform(multi, &running);
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
        if (!late)
            take_messages(multi);
    } while (running > 0);
    take_messages(multi);
    curl_multi_cleanup(multi);
}

static void select_loop(void)
{
    CURLM *multi = curl_multi_init();
    int running = 0;

    for (int i = 0; i < count; i++)
        curl_multi_add_handle(multi, make());
    do {
        struct timeval wait = {1, 0};
        fd_set read_fds, write_fds, error_fds;
        int most = -1;
        curl_multi_perform(multi, &running);
        take_messages(multi);
        FD_ZERO(&read_fds);
        FD_ZERO(&write_fds);
        FD_ZERO(&error_fds);
        curl_multi_fdset(multi, &read_fds, &write_fds, &error_fds, &most);
        if (most < 0)
            wait = (struct timeval){0, 100000}; /* as the manual says */
        if (running > 0)
            select(most + 1, &read_fds, &write_fds, &error_fds, &wait);
    } while (running > 0);
    curl_multi_cleanup(multi);
}

static struct pollfd sockets[SOCKETS_MAX];
static nfds_t socket_count;
static long long due_ms = -1;

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    if (context != &due_ms)
        abort();
    due_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *own)
{
    nfds_t i = 0;

    (void)easy, (void)context, (void)own;
    while (i < socket_count && sockets[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < socket_count)
            sockets[i] = sockets[--socket_count];
        return 0;
    }
    if (i == socket_count && socket_count++ == SOCKETS_MAX)
        abort();
    sockets[i].fd = fd;
    sockets[i].events = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    return 0;
}

static void socket_loop(void)
{
    CURLM *multi = curl_multi_init();
    int running = 0;

    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, &due_ms);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    for (int i = 0; i < count; i++)
        curl_multi_add_handle(multi, make());
    do {
        const long long left = due_ms < 0 ? 5000 : due_ms - now_ms();
        struct pollfd ready[SOCKETS_MAX];
        const nfds_t ready_count = socket_count;
        memcpy(ready, sockets, ready_count * sizeof *ready);
        if (poll(ready, ready_count, left > 0 ? (int)left : 0) == 0) {
            if (due_ms < 0)
                abort(); /* nobody would ever wake us */
            due_ms = -1;
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
        } else {
            for (nfds_t i = 0; i < ready_count; i++)
                if (ready[i].revents != 0)
                    curl_multi_socket_action(multi, ready[i].fd, 0, &running);
        }
        take_messages(multi);
    } while (running > 0);
    curl_multi_cleanup(multi);
}

static void in_child(void)
{
    int status;
    pid_t child;

    next = count - 1;
    work(NULL);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        next = 1;
        thread_count = 4;
        threads();
        _exit(failed + other == 0 && good == count ? 0 : 4);
    }
    waitpid(child, &status, 0);
    if (status == 0)
        good = count;
}

static void twins(void)
{
    CURL *easy = make(), *twin;

    for (int i = 0; i < count; i++) {
        if (i % 3 == 0) {
            twin = curl_easy_duphandle(easy);
            curl_easy_cleanup(easy);
            easy = twin;
        } else if (i % 3 == 1) {
            curl_easy_reset(easy);
            curl_easy_setopt(easy, CURLOPT_URL, url);
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
        }
        tally(easy, curl_easy_perform(easy));
    }
    curl_easy_cleanup(easy);
}

static void redirects(void)
{
    CURL *easy = make();

    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    for (int i = 0; i < count; i++)
        tally(easy, curl_easy_perform(easy));
    curl_easy_cleanup(easy);
}

static int on_prereq(void *context, char *peer, char *own, int peer_port, int own_port)
{
    (void)peer, (void)own, (void)peer_port, (void)own_port;
    if (context != &prereqs)
        abort();
    return ++prereqs % 2 == 0 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_header(char *data, size_t size, size_t items, void *context)
{
    (void)data;
    if (context != &headers)
        abort();
    headers++;
    return size * items;
}

static size_t on_write(char *data, size_t size, size_t items, void *context)
{
    (void)data;
    if (context == &headers)
        headers++;
    else if (context == &writes)
        writes++;
    else
        abort();
    return size * items;
}

/* Every second send is called off.  Headers come by a callback, by the body's callback, or are written to a file. */
static void prereq(void)
{
    CURL *easy = make();
    FILE *file = tmpfile();

    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prereq);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &prereqs);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &headers);
    for (int i = 0; i < count; i++) {
        if (i == count / 2) { /* a copy has them as well */
            CURL *twin = curl_easy_duphandle(easy);
            curl_easy_cleanup(easy);
            easy = twin;
        }
        tally(easy, curl_easy_perform(easy));
    }
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, NULL);
    printf("prereqs=%d headers=%s", (int)prereqs, headers > 0 ? "seen" : "none");
    headers = 0;
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &writes);
    curl_easy_perform(easy);
    printf(" by_body=%s", headers > 0 ? "seen" : "none");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, file);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, file);
    curl_easy_perform(easy);
    rewind(file);
    printf(" by_file=%s\n", fgetc(file) == 'H' ? "seen" : "none");
    fclose(file);
    curl_easy_cleanup(easy);
}

static void exits(void)
{
    pthread_t thread;

    for (int i = 0; i < 8; i++)
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            exit(3);
    while (good < count / 2)
        usleep(1000);
    exit(7);
}

int main(int argc, char **argv)
{
    alarm(60);
    if (argc < 4)
        return 2;
    url = argv[2];
    count = (int)strtol(argv[3], NULL, 10);
    thread_count = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 1;
    if (count < 1 || count > COUNT_MAX || thread_count < 1 || thread_count > 256)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (strcmp(argv[1], "threads") == 0)
        threads();
    else if (strcmp(argv[1], "multi") == 0)
        loop(false);
    else if (strcmp(argv[1], "late") == 0)
        loop(true);
    else if (strcmp(argv[1], "select") == 0)
        select_loop();
    else if (strcmp(argv[1], "socket") == 0)
        socket_loop();
    else if (strcmp(argv[1], "fork") == 0)
        in_child();
    else if (strcmp(argv[1], "twin") == 0)
        twins();
    else if (strcmp(argv[1], "redirect") == 0)
        redirects();
    else if (strcmp(argv[1], "prereq") == 0)
        prereq();
    else if (strcmp(argv[1], "exit") == 0)
        exits();
    else
        return 2;
    printf("200=%d other=%d failed=%d\n", (int)good, (int)other, (int)failed);
    return good == count ? 0 : 1;
}
