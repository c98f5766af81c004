/* The metrics file: valid text whatever the figures, replaced whole, and never in the place of what is not ours. */
#include "cli/metrics.h"

#include "cli/replace.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S INT64_C(1000000000)

static char folder[] = "/tmp/weir-metrics-XXXXXX";
static struct weir *weir;
static struct weir__account account;

static int prepare(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    return weir_new(&options, &weir) == WEIR_OK ? 0 : -1;
}

static int clean(void **state)
{
    (void)state;
    weir_free(weir);
    return rmdir(folder); /* which fails if anything was left in it */
}

static const char *path_of(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A line of the text, as it is or not at all. */
static bool has_line(const char *text, const char *line)
{
    const size_t size = strlen(line);

    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        if ((at == text || at[-1] == '\n') && at[size] == '\n')
            return true;
    return false;
}

static void expect_line(const char *text, const char *line)
{
    if (!has_line(text, line))
        fail_msg("no line '%s' in:\n%s", line, text);
}

static struct weir_stats some_stats(void)
{
    struct weir_stats stats = {.struct_size = sizeof stats};

    stats.outcomes[WEIR_OUTCOME_CANCELLED] = 4;
    stats.attempts = 12;
    stats.retries = 2;
    stats.refusals = 1;
    stats.statuses[200] = 10;
    stats.statuses[429] = 1;
    stats.errors[WEIR_ERROR_TIMEOUT] = 1;
    stats.errors[WEIR_ERROR_STATUS] = 1;
    stats.in_flight = 3;
    stats.time.sending_ns = 1500000000;
    stats.time.idle_ns = -1;
    stats.pause.count = 1;
    stats.pause.left_ns = 250000000;
    stats.latency.count = 10;
    stats.latency.sum_ns = 10 * S + 1;
    for (size_t i = 0; i < WEIR_LATENCY_BOUND_COUNT; i++)
        stats.latency.at_most[i] = i < 10 ? i : 10;
    stats.limit_count = 2;
    (void)strcpy(stats.limits[0].name, "concurrency");
    stats.limits[0].permits = 50;
    (void)strcpy(stats.limits[1].name, "100/1s");
    stats.limits[1].permits = 100;
    stats.limits[1].waits = 7;
    stats.limits[1].wait_ns = 123456789;
    stats.limits[1].hold_ns = S;
    stats.limits[1].worst_window = 99;
    return stats;
}

static const struct weir__figures figures = {
    .total = 20, .total_known = true, .skipped = 5, .succeeded = 9, .failed = 1, .unknown = 1, .done = 16};

static void every_figure_has_its_name_and_unit(void **state)
{
    static const char *const lines[] = {
        "# TYPE weir_jobs_total counter",
        "weir_jobs_total{outcome=\"succeeded\"} 9",
        "weir_jobs_total{outcome=\"failed\"} 1",
        "weir_jobs_total{outcome=\"unknown\"} 1",
        "weir_jobs_total{outcome=\"cancelled\"} 4",
        "weir_jobs_skipped 5",
        "weir_jobs_expected 20",
        "weir_attempts_total 12",
        "weir_retries_total 2",
        "weir_refusals_total 1",
        "weir_responses_total{code=\"200\"} 10",
        "weir_responses_total{code=\"429\"} 1",
        "weir_errors_total{code=\"timeout\"} 1",
        "weir_errors_total{code=\"connect\"} 0",
        "weir_in_flight_requests 3",
        "# TYPE weir_request_duration_seconds histogram",
        "weir_request_duration_seconds_bucket{le=\"0.001\"} 0",
        "weir_request_duration_seconds_bucket{le=\"0.0025\"} 1",
        "weir_request_duration_seconds_bucket{le=\"60\"} 10",
        "weir_request_duration_seconds_bucket{le=\"+Inf\"} 10",
        "weir_request_duration_seconds_sum 10.000000001",
        "weir_request_duration_seconds_count 10",
        "weir_limit_permits{limit=\"concurrency\"} 50",
        "weir_limit_permits{limit=\"100/1s\"} 100",
        "weir_limit_hold_seconds{limit=\"100/1s\"} 1",
        "weir_limit_waits_total{limit=\"100/1s\"} 7",
        "weir_limit_wait_seconds_total{limit=\"100/1s\"} 0.123456789",
        "weir_limit_worst_window_requests{limit=\"100/1s\"} 99",
        "weir_worker_time_seconds_total{state=\"sending\"} 1.5",
        "weir_worker_time_seconds_total{state=\"idle\"} -0.000000001",
        "weir_pause_seconds 0.25",
        "weir_pauses_total 1",
    };
    const struct weir_stats stats = some_stats();
    char build[64];
    size_t size = 0;
    char *text = weir__metrics_format(&stats, &figures, &size);

    (void)state;
    assert_non_null(text);
    assert_int_equal(size, strlen(text));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect_line(text, lines[i]);
    (void)snprintf(build, sizeof build, "weir_build_info{version=\"%s\"} 1", WEIR_VERSION);
    expect_line(text, build);
    assert_null(strstr(text, "http_status")); /* a response, and counted as one */
    assert_null(strstr(text, "weir_limit_worst_window_requests{limit=\"concurrency\"}"));
    assert_int_equal(text[size - 1], '\n');
    free(text);
}

static void a_total_that_nobody_knows_is_left_out(void **state)
{
    const struct weir_stats stats = some_stats();
    const struct weir__figures stream = {.total = 20};
    char *text = weir__metrics_format(&stats, &stream, NULL);

    (void)state;
    assert_non_null(text);
    assert_null(strstr(text, "weir_jobs_expected"));
    free(text);
}

static void label_values_are_escaped(void **state)
{
    struct weir_stats stats = some_stats();
    char *text;

    (void)state;
    (void)strcpy(stats.limits[1].name, "a\"b\\c\nd\xff");
    text = weir__metrics_format(&stats, &figures, NULL);
    assert_non_null(text);
    expect_line(text, "weir_limit_permits{limit=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\"} 100");
    free(text);
}

/* The format forbids two samples of one name with equal labels. */
static void limits_of_one_name_stay_apart(void **state)
{
    struct weir_stats stats = some_stats();
    char *text;

    (void)state;
    stats.limit_count = 3;
    stats.limits[2] = stats.limits[1];
    text = weir__metrics_format(&stats, &figures, NULL);
    assert_non_null(text);
    expect_line(text, "weir_limit_permits{limit=\"100/1s\"} 100");
    expect_line(text, "weir_limit_permits{limit=\"100/1s (2)\"} 100");
    free(text);
}

static void read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t used;

    if (file == NULL) {
        fail_msg("%s: %s", path, strerror(errno));
        return;
    }
    used = fread(out, 1, size - 1, file);
    out[used] = '\0';
    (void)fclose(file);
}

static void the_file_is_there_from_the_start_and_new_at_the_end(void **state)
{
    static char text[65536];
    char path[128];
    struct weir__metrics metrics;
    struct stat info;
    const mode_t mask = umask(022);

    (void)state;
    (void)snprintf(path, sizeof path, "%s", path_of("m.prom"));
    atomic_store(&account.total, 8);
    atomic_store(&account.total_known, true);
    assert_true(weir__metrics_start(&metrics, path, weir, &account));
    read_file(path, text, sizeof text);
    expect_line(text, "weir_jobs_total{outcome=\"succeeded\"} 0");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0644);
    account.recorded = true;
    atomic_store(&account.ended[WEIR_OUTCOME_SUCCEEDED], 8);
    assert_true(weir__metrics_stop(&metrics));
    assert_true(weir__metrics_stop(&metrics)); /* a second time it is a no-op */
    read_file(path, text, sizeof text);
    expect_line(text, "weir_jobs_total{outcome=\"succeeded\"} 8");
    assert_int_equal(unlink(path), 0);
    (void)umask(mask);
}

static void what_cannot_be_written_is_said_at_once(void **state)
{
    struct weir__metrics metrics;

    (void)state;
    assert_false(weir__metrics_start(&metrics, path_of("none/m.prom"), weir, &account));
    assert_int_equal(metrics.error, ENOENT);
    assert_true(weir__metrics_stop(&metrics)); /* it never ran */
}

/* A rename would put a file in the place of /dev/stdout. */
static void what_is_no_regular_file_is_left_alone(void **state)
{
    char path[128];
    struct weir__metrics metrics;
    struct stat info;

    (void)state;
    (void)snprintf(path, sizeof path, "%s", path_of("link"));
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_false(weir__metrics_start(&metrics, path, weir, &account));
    assert_int_equal(metrics.error, ELOOP);
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(unlink(path), 0);

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(weir__metrics_start(&metrics, path, weir, &account));
    assert_int_equal(metrics.error, EINVAL);
    assert_string_equal(weir__replace_reason(metrics.error), "it exists and is no regular file");
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(unlink(path), 0);

    assert_false(weir__metrics_start(&metrics, folder, weir, &account));
    assert_int_equal(metrics.error, EISDIR);
}

static void a_name_that_ceases_to_be_writable_is_said_at_the_end(void **state)
{
    char path[128];
    struct weir__metrics metrics;

    (void)state;
    (void)snprintf(path, sizeof path, "%s", path_of("m.prom"));
    assert_true(weir__metrics_start(&metrics, path, weir, &account));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(weir__metrics_stop(&metrics));
    assert_int_equal(metrics.error, EISDIR);
    assert_int_equal(rmdir(path), 0);
}

/* A full disk, as a limit on file sizes: the old text stays whole, and nothing lies beside it (clean() sees to that).
 */
static void a_failed_write_leaves_the_file_as_it_was(void **state)
{
    static char before[65536], after[65536];
    char path[128];
    struct weir__metrics metrics;
    struct rlimit limit, small;
    bool written;

    (void)state;
    (void)snprintf(path, sizeof path, "%s", path_of("m.prom"));
    assert_true(weir__metrics_start(&metrics, path, weir, &account));
    read_file(path, before, sizeof before);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 100;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    written = weir__metrics_stop(&metrics);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_false(written);
    assert_int_equal(metrics.error, EFBIG);
    read_file(path, after, sizeof after);
    assert_string_equal(after, before);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* it was all that was there */
    assert_int_equal(mkdir(folder, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_has_its_name_and_unit),
        cmocka_unit_test(a_total_that_nobody_knows_is_left_out),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(limits_of_one_name_stay_apart),
        cmocka_unit_test(the_file_is_there_from_the_start_and_new_at_the_end),
        cmocka_unit_test(what_cannot_be_written_is_said_at_once),
        cmocka_unit_test(what_is_no_regular_file_is_left_alone),
        cmocka_unit_test(a_failed_write_leaves_the_file_as_it_was),
        cmocka_unit_test(a_name_that_ceases_to_be_writable_is_said_at_the_end),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, prepare, clean);
}
