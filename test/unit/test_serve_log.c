/* The file of --log: its lines, when they are there, and what becomes of a full disk. */
#include "cli/serve_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define S INT64_C(1000000000)

static char path[64];

static int make_path(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/weir-test-XXXXXX");
    const int descriptor = mkstemp(path);
    return descriptor < 0 || write(descriptor, "old\n", 4) != 4 || close(descriptor) != 0 ? -1 : 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static const char *content(void)
{
    static char text[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

static void a_line_has_time_method_path_and_status(void **state)
{
    struct weir__serve_log log = {0};
    (void)state;
    assert_true(weir__serve_log_open(&log, path));
    log.start_ns = 5 * S;
    weir__serve_log_add(&log, 5 * S, "GET", "/", 200);
    weir__serve_log_add(&log, 5 * S + 1999, "POST", "/a?b=%20", 429);
    weir__serve_log_add(&log, 3605 * S + 123456789, "GET", "/x", 0);
    weir__serve_log_flush(&log);
    assert_string_equal(content(), "0.000000 GET / 200\n0.000001 POST /a?b=%20 429\n3600.123456 GET /x reset\n");
    assert_int_equal(weir__serve_log_close(&log), 0);
}

/* However odd a path is, it is one word on one line. */
static void paths_stay_one_word(void **state)
{
    struct weir__serve_log log = {0};
    (void)state;
    assert_true(weir__serve_log_open(&log, path));
    weir__serve_log_add(&log, 0, "GET", "/a b\tc\nd\x1b\x7f\xc3\xa9", 200);
    assert_int_equal(weir__serve_log_close(&log), 0);
    assert_string_equal(content(), "0.000000 GET /a%20b%09c%0Ad%1B%7F%C3%A9 200\n");
}

static void a_new_file_is_the_users_alone(void **state)
{
    struct weir__serve_log log = {0};
    struct stat status;
    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_true(weir__serve_log_open(&log, path));
    assert_int_equal(weir__serve_log_close(&log), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void none_takes_everything(void **state)
{
    struct weir__serve_log log = {0};
    (void)state;
    weir__serve_log_add(&log, 0, "GET", "/", 200);
    weir__serve_log_flush(&log);
    assert_int_equal(weir__serve_log_close(&log), 0);
    assert_int_equal(weir__serve_log_close(&log), 0);
}

static void failures_are_told(void **state)
{
    struct weir__serve_log log = {0};
    (void)state;
    assert_false(weir__serve_log_open(&log, "/nonexistent/x"));
    assert_int_equal(errno, ENOENT);
    assert_null(log.file);
    assert_true(weir__serve_log_open(&log, "/dev/full"));
    weir__serve_log_add(&log, 0, "GET", "/", 200);
    assert_int_equal(weir__serve_log_close(&log), ENOSPC);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, remove_path)
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_time_method_path_and_status),
        TEST(paths_stay_one_word),
        TEST(a_new_file_is_the_users_alone),
        TEST(none_takes_everything),
        TEST(failures_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
