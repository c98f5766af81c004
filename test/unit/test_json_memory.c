/*
 * Every allocation of a load and of a print fails once, each in a run of its own: nothing may crash, be leaked or be
 * taken for success.  Works by standing before glibc's allocator, which a sanitizer does itself: then there is nothing
 * to do.
 */
#include "test_json_support.h"

#if defined(__GLIBC__) && !defined(WEIR_SANITIZER)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

/* The objects are compiled with hidden symbols; libcjson must see these. */
#define SEEN __attribute__((visibility("default")))

static long fail_at; /* the allocation that fails; 0: none */
static long allocations, live;
static bool counting;

static bool fails(void)
{
    return counting && ++allocations == fail_at;
}

static void *counted(void *memory)
{
    live += counting && memory != NULL;
    return memory;
}

SEEN void *malloc(size_t size)
{
    return fails() ? NULL : counted(__libc_malloc(size));
}

SEEN void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__libc_calloc(count, size));
}

SEEN void *realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    return memory == NULL ? counted(__libc_malloc(size)) : __libc_realloc(memory, size);
}

SEEN void free(void *memory)
{
    live -= counting && memory != NULL;
    __libc_free(memory);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct weir__config_set good_sets[] = {
    {"headers.X-A", "1", true, "--header"},
    {"headers.X-A", "2", true, "--header"},
    {"headers", "{\"B\": \"b\"}", false, "--set"},
    {"timeout.connect", "1s", false, "--set"},
    {"retry.attempts", "3", false, "--set"},
    {"body", "[1, 2]", false, "--set"},
    {"rate", "[\"5/s\", {\"requests\": 1, \"per\": \"1s\"}]", false, "--set"},
};

static const char good_text[] =
    "{\"url\": \"http://user@h/\", \"total\": 1, \"timeout\": \"5s\", \"headers\": {\"A\": \"${env:HOME} x\"},"
    " \"success\": [200], \"output\": {\"file\": \"r\"}, \"body_file\": \"/dev/null\", \"idempotency_key\": \"Key\"}";
static const char bad_text[] =
    "{\"url\": \"ftp://h/\", \"total\": -1, \"rate\": [\"x\", {\"requests\": 0}], \"retry\": {\"attempts\": 0, \"x\": "
    "1},"
    " \"body\": \"${env:NO_SUCH_VARIABLE_X}\", \"headers\": {\"A\": 1, \"B c\": \"\"}, \"total\": 2}";

/* One load (and print) with the given allocation failing; returns whether it was reached. */
static bool run(long at, const char *path, bool expect_good)
{
    struct weir__config config;
    struct weir__config_errors errors;
    static char *expected; /* what the load with every allocation prints */
    char *text = NULL;
    bool good;

    fail_at = at;
    allocations = 0;
    live = 0;
    counting = true;
    good = weir__config_load(path, good_sets, COUNT(good_sets), WEIR__CONFIG_RUN, &config, &errors);
    if (good)
        text = weir__config_print(&config);
    counting = false;
    if (at == 0 && good) {
        free(expected);
        expected = strdup(text);
    }
    if (text != NULL && expected != NULL && strcmp(text, expected) != 0)
        fail_msg("allocation %ld: something was lost without a word:\n%s", at, text);
    if (!good && errors.count + errors.dropped == 0)
        fail_msg("allocation %ld: no success and no error", at);
    if (!good && expect_good && !errors.no_memory)
        fail_msg("allocation %ld: a good file called bad: %s", at, errors.count > 0 ? errors.list[0].text : "");
    if (good && !expect_good)
        fail_msg("allocation %ld: a bad file taken for good", at);
    if (!good && expect_good && at == 0)
        fail_msg("%s", errors.list[0].text);
    counting = true;
    free(text);
    weir__config_clear(&config);
    weir__config_errors_clear(&errors);
    counting = false;
    if (live != 0)
        fail_msg("allocation %ld: %ld blocks leaked", at, live);
    return allocations >= at;
}

static void check(const char *text, bool good)
{
    const char *path;
    char copy[256];
    long at = 0;

    write_bytes(FILE_NAME, text, strlen(text));
    path = path_of(FILE_NAME);
    (void)snprintf(copy, sizeof copy, "%s", path);
    (void)run(0, copy, good);
    for (at = 1; at < 100000 && run(at, copy, good); at++)
        continue;
    print_message("%ld allocations\n", at - 1);
    assert_true(at > 50);
}

static void a_good_load_survives_any_failing_allocation(void **state)
{
    (void)state;
    check(good_text, true);
}

static void a_bad_load_survives_any_failing_allocation(void **state)
{
    (void)state;
    check(bad_text, false);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_load_survives_any_failing_allocation),
        cmocka_unit_test(a_bad_load_survives_any_failing_allocation),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

#else

static void needs_an_allocator_of_its_own(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(needs_an_allocator_of_its_own)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

#endif
