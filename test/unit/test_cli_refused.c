/* What `weir run` says where the library made no dispatcher: what is wrong, where, and what to do. */
#include "cli/dispatch_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What is said on stderr. */
static void hear(const struct weir__config *config, enum weir_status status, char *text, size_t size)
{
    const int saved = dup(STDERR_FILENO);
    int ends[2];
    ssize_t got;

    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    (void)close(ends[1]);
    weir__dispatch_say_refused(config, status);
    assert_true(dup2(saved, STDERR_FILENO) >= 0); /* which closes the pipe's end */
    (void)close(saved);
    got = read(ends[0], text, size - 1);
    (void)close(ends[0]);
    assert_true(got > 0);
    text[got] = '\0';
}

static void must_say(const char *scope, const char *key, enum weir_status status, const char *wanted)
{
    char api[] = "host:api", process[] = "process", file[] = "a.pem", text[2048];
    struct weir__config config = {0};

    config.scope = strcmp(scope, "api") == 0 ? api : process;
    config.tls.client_key = key != NULL ? file : NULL;
    hear(&config, status, text, sizeof text);
    if (strcmp(text, wanted) != 0)
        fail_msg("wanted: %sgot:    %s", wanted, text);
}

static void a_scope_that_cannot_be_had_is_named_with_what_to_do(void **state)
{
    (void)state;
    must_say("api", NULL, WEIR_SCOPE_LIMITS,
             "weir run: scope host:api is in use with other limits: use the same ones, or another name (they are in "
             "/dev/shm/weir.api)\n");
    must_say("api", NULL, WEIR_SCOPE,
             "weir run: scope host:api: /dev/shm/weir.api belongs to somebody else, or is not of this version: use "
             "another name, or remove the file when nobody uses it\n");
    must_say("api", NULL, WEIR_SCOPE_FULL,
             "weir run: scope host:api is shared by 1024 already, which is the most: wait until one has ended, or use "
             "another name\n");
    must_say("api", NULL, WEIR_RESOURCE,
             "weir run: scope host:api: no shared memory (/dev/shm/weir.api) or no file descriptor to be had: make "
             "room in /dev/shm, or raise ulimit -n\n");
}

static void other_refusals_are_the_statuss_text(void **state)
{
    (void)state;
    must_say("api", NULL, WEIR_NO_MEMORY, "weir run: out of memory\n");
    must_say("process", NULL, WEIR_RESOURCE,
             "weir run: the system has no file descriptor, or no shared memory, left\n");
    must_say("process", "a.pem", WEIR_TLS,
             "weir run: a TLS file could not be loaded\n"
             "weir run: tls.client_key: a.pem: expected PEM, and a key that belongs to its certificate\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scope_that_cannot_be_had_is_named_with_what_to_do),
        cmocka_unit_test(other_refusals_are_the_statuss_text),
    };
    (void)alarm(10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
