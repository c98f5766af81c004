/*
 * A host that uses libcurl itself: its initialisation and weir's do not get in each other's way, in whatever order, and
 * neither do its transfers.
 *
 * libcurl counts initialisations for the whole process, so each order is played in a process of its own: this program,
 * started once more.
 */
#include "test_host_support.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ------------------------------------------------------------------------------------------------------- the host */

#define REQUESTS 12u
#define OWN_THREADS 2

static const char *plain_url, *tls_url, *ca_file;

static size_t drop(char *data, size_t size, size_t count, void *user)
{
    (void)data, (void)user;
    return size * count;
}

/* A transfer of the host's own. */
static bool fetch(const char *url)
{
    CURL *curl = curl_easy_init();
    bool good = curl != NULL && curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK && curl_easy_perform(curl) == CURLE_OK;

    curl_easy_cleanup(curl);
    return good;
}

/* By weir. */
static bool send_some(struct weir *weir)
{
    struct host_ends ends = {0};

    for (unsigned i = 0; i < REQUESTS; i++)
        if (host_submit(weir, i % 2 == 0 ? plain_url : tls_url, &ends, -1) != WEIR_OK)
            return false;
    return weir_wait(weir, 20 * HOST_S) == WEIR_OK && ends.outcomes[WEIR_OUTCOME_SUCCEEDED] == REQUESTS;
}

static struct weir *make(void)
{
    return host_weir(4, ca_file);
}

static int before_and_after(void)
{
    struct weir *weir;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (weir = make()) == NULL || !send_some(weir))
        return 1;
    weir_free(weir);
    if (!fetch(tls_url))
        return 2;
    curl_global_cleanup();
    return 0;
}

/* The host is done with libcurl while a handle lives. */
static int cleaned_up_meanwhile(void)
{
    struct weir *weir;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !fetch(tls_url) || (weir = make()) == NULL)
        return 1;
    curl_global_cleanup();
    if (!send_some(weir))
        return 2;
    weir_free(weir);
    return 0;
}

static int only_meanwhile(void)
{
    struct weir *weir = make();

    for (int i = 0; i < 3; i++) {
        if (weir == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !fetch(tls_url))
            return 1;
        curl_global_cleanup();
        if (!send_some(weir))
            return 2;
    }
    weir_free(weir);
    return 0;
}

static int only_after(void)
{
    struct weir *weir = make();

    if (weir == NULL || !send_some(weir))
        return 1;
    weir_free(weir);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !fetch(tls_url))
        return 2;
    curl_global_cleanup();
    return 0;
}

/* A host that asked for nothing: then it was the first, and libcurl does not initialise TLS for who comes later. */
static int without_tls(void)
{
    struct weir *weir;

    if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK || (weir = make()) == NULL || !send_some(weir))
        return 1;
    weir_free(weir);
    curl_global_cleanup();
    return 0;
}

static atomic_uint allocations;

static void *count_malloc(size_t size)
{
    (void)atomic_fetch_add(&allocations, 1);
    return malloc(size);
}

static int with_its_own_memory(void)
{
    struct weir *weir;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, count_malloc, free, realloc, strdup, calloc) != CURLE_OK ||
        (weir = make()) == NULL || !send_some(weir) || atomic_load(&allocations) == 0)
        return 1;
    weir_free(weir);
    curl_global_cleanup();
    return 0;
}

static void *fetch_on(void *argument)
{
    bool *good = argument;

    *good = true;
    for (int i = 0; i < 10; i++)
        *good = fetch(i % 2 == 0 ? plain_url : tls_url) && *good;
    return NULL;
}

static int at_the_same_time(void)
{
    pthread_t threads[OWN_THREADS];
    bool good[OWN_THREADS], all = true;
    struct weir *weir = make();

    if (weir == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    for (int i = 0; i < OWN_THREADS; i++)
        if (pthread_create(&threads[i], NULL, fetch_on, &good[i]) != 0)
            return 2;
    for (int i = 0; i < 4; i++)
        all = send_some(weir) && all;
    for (int i = 0; i < OWN_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        all = all && good[i];
    }
    weir_free(weir);
    curl_global_cleanup();
    return all ? 0 : 3;
}

static int many_handles(void)
{
    struct weir *weirs[8];

    for (int i = 0; i < 8; i++)
        if ((weirs[i] = make()) == NULL || !send_some(weirs[i]))
            return 1;
    for (int i = 0; i < 8; i++)
        weir_free(weirs[i]);
    return 0;
}

static const struct order {
    const char *name;
    int (*play)(void);
} orders[] = {
    {"before_and_after", before_and_after}, {"cleaned_up_meanwhile", cleaned_up_meanwhile},
    {"only_meanwhile", only_meanwhile},     {"only_after", only_after},
    {"without_tls", without_tls},           {"with_its_own_memory", with_its_own_memory},
    {"at_the_same_time", at_the_same_time}, {"many_handles", many_handles},
};
#define ORDER_COUNT (sizeof orders / sizeof orders[0])

/* argv: ORDER PLAIN-URL TLS-URL CA-FILE */
static int be_host(char **argv)
{
    const struct order *order = orders;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)alarm(30);
    while (strcmp(order->name, argv[1]) != 0)
        order++;
    plain_url = argv[2];
    tls_url = argv[3];
    ca_file = argv[4];
    return order->play();
}

/* ------------------------------------------------------------------------------------------------------- the tests */

static char self[256];
static struct raw_server *server;
static struct host_tls tls;

static int start(void **state)
{
    (void)state;
    server = raw_server_start(host_answer, NULL);
    return server != NULL && host_tls_start(&tls, "") ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    raw_server_stop(server);
    host_tls_stop(&tls);
    return 0;
}

static void libcurl_is_shared_with_the_host(void **state)
{
    const int rounds = host_rounds((int)ORDER_COUNT);
    char plain[64], secure[160];

    (void)state;
    host_url(plain, sizeof plain, server);
    (void)snprintf(secure, sizeof secure, "https://127.0.0.1:%d/ca.pem", tls.nginx.ports[0]);
    for (int round = 0; round < rounds; round++) {
        const struct order *order = &orders[(size_t)round % ORDER_COUNT];
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            (void)execl(self, self, order->name, plain, secure, tls.ca, (char *)NULL);
            _exit(127);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (status != 0)
            fail_msg("%s: ended with %s %d", order->name, WIFEXITED(status) ? "exit code" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libcurl_is_shared_with_the_host),
    };

    if (argc > 1)
        return be_host(argv);
    if (readlink("/proc/self/exe", self, sizeof self - 1) <= 0)
        return 1;
    host_watchdog();
    return cmocka_run_group_tests(tests, start, stop);
}
