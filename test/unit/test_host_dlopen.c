/*
 * A host that loads weir as a plug-in and lets it go again: nothing is left behind by a handle that was freed, and one
 * that was not goes on, since libweir.so stays loaded.
 */
#include "test_host_support.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>

struct library {
    void *loaded;
    enum weir_status (*new)(const struct weir_options *options, struct weir **out);
    enum weir_status (*submit)(struct weir *weir, const struct weir_request *request, int64_t timeout_ns);
    enum weir_status (*wait)(struct weir *weir, int64_t timeout_ns);
    void (*free)(struct weir *weir);
};

static char path[512]; /* of libweir.so, beside the folder of tests that this program is in */
static struct raw_server *server;
static struct host_tls tls;
static char url[64];

/* dlsym() gives an object's address for a function's, which ISO C has no cast for. */
static bool find(void *loaded, const char *name, void *function)
{
    void *found = dlsym(loaded, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static bool load(struct library *library)
{
    library->loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return library->loaded != NULL && find(library->loaded, "weir_new", &library->new) &&
           find(library->loaded, "weir_submit", &library->submit) &&
           find(library->loaded, "weir_wait", &library->wait) && find(library->loaded, "weir_free", &library->free);
}

/* Loads it, makes a handle and sends; NULL where something did not go as it should. */
static struct weir *use(struct library *library, const char *target, const char *ca_file, struct host_ends *ends)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir *weir = NULL;

    if (!load(library)) {
        print_error("%s\n", dlerror());
        return NULL;
    }
    options.concurrency = 3;
    options.ca_file = ca_file;
    request.url = target;
    request.done = host_done;
    request.user_data = ends;
    if (library->new (&options, &weir) != WEIR_OK)
        return NULL;
    for (int i = 0; i < 6; i++)
        if (library->submit(weir, &request, -1) != WEIR_OK)
            return NULL;
    return library->wait(weir, 20 * HOST_S) == WEIR_OK ? weir : NULL;
}

static void load_and_free(const char *target, const char *ca_file, int rounds)
{
    struct library library;
    struct host_ends ends = {0};
    struct weir *weir = NULL;
    int fds = 0, threads = 0;

    for (int round = 0; round < rounds + 1; round++) {
        weir = use(&library, target, ca_file, &ends);
        assert_non_null(weir);
        library.free(weir);
        assert_int_equal(dlclose(library.loaded), 0);
        if (round == 0) {
            fds = host_fds(); /* what libraries open once is open now */
            threads = host_threads();
        }
    }
    host_assert_all_succeeded(&ends, 6 * ((unsigned)rounds + 1));
    assert_int_equal(host_settle(host_fds, fds), fds);
    assert_int_equal(host_settle(host_threads, threads), threads);
}

static void library_leaves_nothing_behind(void **state)
{
    struct raw_server *closing = raw_server_start(host_answer_close, NULL); /* so that it keeps no thread either */
    char closing_url[64];

    (void)state;
    assert_non_null(closing);
    host_url(closing_url, sizeof closing_url, closing);
    load_and_free(closing_url, NULL, host_rounds(60));
    raw_server_stop(closing);
}

static void library_leaves_nothing_behind_after_tls(void **state)
{
    char target[160];

    (void)state;
    assert_true(host_tls_start(&tls, ""));
    (void)snprintf(target, sizeof target, "https://127.0.0.1:%d/ca.pem", tls.nginx.ports[0]);
    load_and_free(target, tls.ca, host_rounds(15));
}

/* In a child: handles that are not freed, each with workers, whose code must stay.  They can still be used. */
static int load_and_forget(int rounds)
{
    struct weir_request request = WEIR_REQUEST_INIT;
    struct library library;
    struct host_ends ends = {0};

    request.url = url;
    request.done = host_done;
    request.user_data = &ends;
    for (int round = 0; round < rounds; round++) {
        struct weir *weir = use(&library, url, NULL, &ends);
        if (weir == NULL || dlclose(library.loaded) != 0)
            return 1;
        if (library.submit(weir, &request, -1) != WEIR_OK || library.wait(weir, 10 * HOST_S) != WEIR_OK)
            return 2;
    }
    return ends.outcomes[WEIR_OUTCOME_SUCCEEDED] == 7 * (unsigned)rounds ? 7 : 3;
}

static void forgotten_handles_live_on(void **state)
{
    const int rounds = host_rounds(10);
    int status = -1;
    pid_t child;

    if (HOST_UNDER_TSAN)
        skip();
    (void)state;
    child = fork();
    if (child == 0) {
        (void)alarm(30);
        exit(load_and_forget(rounds < 100 ? rounds : 100));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
        fail_msg("ended with %s %d", WIFEXITED(status) ? "exit code" : "signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int start(void **state)
{
    char *slash;
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 32);

    (void)state;
    for (int up = 0; up < 3; up++) { /* OUT/test/unit/NAME */
        slash = size > 0 ? strrchr(path, '/') : NULL;
        if (slash == NULL)
            return -1;
        *slash = '\0';
    }
    (void)snprintf(path + strlen(path), sizeof path - strlen(path), "%s", "/libweir.so");
    server = raw_server_start(host_answer, NULL);
    if (server == NULL)
        return -1;
    host_url(url, sizeof url, server);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    raw_server_stop(server);
    host_tls_stop(&tls);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgotten_handles_live_on),
        cmocka_unit_test(library_leaves_nothing_behind),
        cmocka_unit_test(library_leaves_nothing_behind_after_tls),
    };

    host_watchdog();
    return cmocka_run_group_tests(tests, start, stop);
}
