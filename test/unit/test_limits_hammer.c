/*
 * The limits alone, hammered: eight threads, in one process or in several, acquire and release as fast as they can.
 *
 * What must hold is counted outside of weir.  Of a concurrency limit: how many are between an acquire that returned
 * and the release, at any time.  Of a rate limit, from the recorded times: a request reaches its server at some moment
 * from when acquire returned to when its response began (or it was released), so the most that a window of the period
 * can hold is the most spans [acquired, ended + period) that overlap.
 *
 * Usage: test_limits_hammer [ROUNDS], or WEIR_ROUNDS; acquisitions of the concurrency limits, all together.
 */
#include "base/clock.h"
#include "base/random.h"
#include "weir.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 200000
#define THREADS 8
#define PROCESSES 4 /* with THREADS / PROCESSES threads each */
#define PERMITS 3
#define PATIENCE_NS (20 * WEIR__NS_PER_S) /* an acquire that takes longer was forgotten */

#define RATE 100u
#define PERIOD_NS (50 * WEIR__NS_PER_MS)
#define RATE_LASTS_NS (1200 * WEIR__NS_PER_MS)
#define RECORDS_MAX 65536u

static long rounds = ROUNDS;
static bool checked; /* a sanitizer makes everything slower */
static char scope[64];

struct record {
    int64_t acquired_ns, ended_ns;
};

/* What the processes of a test share. */
struct common {
    atomic_long left; /* acquisitions to be made */
    int64_t until_ns; /* when a test of rates ends */
    atomic_int inside, peak;
    atomic_int ready, ended; /* processes, or threads of this one */
    atomic_bool go;
    atomic_uint record_count;
    struct record records[RECORDS_MAX];
    atomic_bool is_wrong;
    char wrong[128]; /* the first thing that was */
};

struct hammerer {
    struct common *common;
    struct weir_limits *limits;
    uint64_t seed;
    pthread_t thread;
};

static struct common *common_new(void)
{
    struct common *common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(common, MAP_FAILED);
    return common;
}

__attribute__((format(printf, 2, 3))) static void say_wrong(struct common *common, const char *format, ...)
{
    va_list arguments;

    if (atomic_exchange(&common->is_wrong, true))
        return;
    va_start(arguments, format);
    (void)vsnprintf(common->wrong, sizeof common->wrong, format, arguments);
    va_end(arguments);
}

static void rest(int64_t ns)
{
    const struct timespec time = {0, (long)ns};

    (void)nanosleep(&time, NULL);
}

/* A permit, in one of the ways in which one may ask.  False where none came, which is wrong. */
static bool acquire(struct hammerer *me, struct weir_permit *permit)
{
    enum weir_status status = WEIR_TIMEOUT;

    switch (weir__random_below(&me->seed, 8)) {
    case 0:
        for (int i = 0; i < 10 && status == WEIR_TIMEOUT; i++)
            status = weir_limits_acquire(me->limits, 0, permit);
        break;
    case 1:
        status = weir_limits_acquire(me->limits, weir__random_below(&me->seed, 300000), permit);
        break;
    case 2:
        (void)weir_limits_wait_ns(me->limits);
        break;
    default:
        break;
    }
    if (status == WEIR_TIMEOUT)
        status = weir_limits_acquire(me->limits, PATIENCE_NS, permit);
    if (status != WEIR_OK)
        say_wrong(me->common, "acquire: %s", weir_status_text(status));
    return status == WEIR_OK;
}

static void release(struct hammerer *me, struct weir_permit *permit, bool unsent)
{
    struct weir_answer answer = WEIR_ANSWER_INIT;
    struct weir_permit copy = *permit;
    const int64_t way = weir__random_below(&me->seed, 16);

    answer.unsent = unsent;
    answer.http_status = unsent ? 0 : 200;
    if (weir_limits_release(me->limits, permit, way == 0 && !unsent ? NULL : &answer))
        say_wrong(me->common, "release took 200 for a refusal");
    if (way < 4 && weir_limits_release(me->limits, way < 2 ? permit : &copy, &answer)) /* was released: a no-op */
        say_wrong(me->common, "a second release took 200 for a refusal");
}

static void raise_to(atomic_int *peak, int value)
{
    int old = atomic_load(peak);

    while (value > old && !atomic_compare_exchange_weak(peak, &old, value))
        continue;
}

/* Whoever is inside holds a permit; it counts itself in after the acquire, and out before the release. */
static void *hammer_permits(void *argument)
{
    struct hammerer *me = argument;
    struct common *common = me->common;
    struct weir_permit permit;

    while (atomic_fetch_sub(&common->left, 1) > 0 && !atomic_load(&common->is_wrong) && acquire(me, &permit)) {
        const int inside = atomic_fetch_add(&common->inside, 1) + 1;

        raise_to(&common->peak, inside);
        if (inside > PERMITS)
            say_wrong(common, "%d were in at a time, with %d permits", inside, PERMITS);
        if (weir__random_below(&me->seed, 64) == 0)
            rest(1000); /* lets others run into it */
        if (weir__random_below(&me->seed, 4) == 0)
            weir_limits_began(me->limits, &permit);
        (void)atomic_fetch_sub(&common->inside, 1);
        release(me, &permit, weir__random_below(&me->seed, 8) == 0);
    }
    (void)atomic_fetch_add(&common->ended, 1);
    return NULL;
}

static void note(struct common *common, int64_t acquired_ns, int64_t ended_ns)
{
    const uint32_t number = atomic_fetch_add(&common->record_count, 1);

    if (number < RECORDS_MAX)
        common->records[number] = (struct record){acquired_ns, ended_ns};
    else
        say_wrong(common, "more than %u acquisitions", RECORDS_MAX);
}

/* Requests of up to 2 ms; one in eight is not sent after all, and does not count. */
static void *hammer_rate(void *argument)
{
    struct hammerer *me = argument;
    struct weir_permit permit;

    while (weir__clock_now_ns() < me->common->until_ns && !atomic_load(&me->common->is_wrong) && acquire(me, &permit)) {
        const int64_t acquired_ns = weir__clock_now_ns();
        const bool unsent = weir__random_below(&me->seed, 8) == 0;
        int64_t ended_ns;

        if (!unsent && weir__random_below(&me->seed, 2) == 0)
            rest(weir__random_below(&me->seed, 2000000));
        ended_ns = weir__clock_now_ns();
        if (!unsent && weir__random_below(&me->seed, 2) == 0) {
            weir_limits_began(me->limits, &permit);
            rest(weir__random_below(&me->seed, 500000)); /* the body, which no longer matters */
        }
        release(me, &permit, unsent);
        if (!unsent)
            note(me->common, acquired_ns, ended_ns);
    }
    (void)atomic_fetch_add(&me->common->ended, 1);
    return NULL;
}

/* ------------------------------------------------------------------------------------------- in one process, in many
 */

static bool start(struct hammerer *hammerers, int count, struct common *common, struct weir_limits *limits,
                  void *(*run)(void *))
{
    for (int i = 0; i < count; i++) {
        hammerers[i].common = common;
        hammerers[i].limits = limits;
        hammerers[i].seed = (uint64_t)weir__clock_wall_ns() + (uint64_t)i;
        if (pthread_create(&hammerers[i].thread, NULL, run, &hammerers[i]) != 0)
            return false;
    }
    return true;
}

/* While they hammer, somebody looks on. */
static void in_one_process(struct common *common, struct weir_limits *limits, void *(*run)(void *), uint32_t most)
{
    struct hammerer hammerers[THREADS];
    struct weir_limits_stats stats;

    stats.struct_size = sizeof stats;
    assert_true(start(hammerers, THREADS, common, limits, run));
    while (atomic_load(&common->ended) < THREADS) {
        weir_limits_snapshot(limits, &stats);
        if (stats.in_flight > most)
            say_wrong(common, "a snapshot shows %u in flight, of %u", stats.in_flight, most);
        rest(WEIR__NS_PER_MS);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(hammerers[i].thread, NULL);
    weir_limits_snapshot(limits, &stats);
    assert_int_equal(stats.in_flight, 0);
    assert_int_equal(stats.parties, 1);
}

static unsigned watchdog_s(void)
{
    return 50 + (unsigned)(rounds / 5000) + (checked ? 100 : 0);
}

/* A child's whole life; no assertion of cmocka may be in it. */
static _Noreturn void be_a_child(struct common *common, const struct weir_limits_options *options, void *(*run)(void *))
{
    struct hammerer hammerers[THREADS / PROCESSES];
    struct weir_limits *limits = NULL;
    enum weir_status status;

    (void)alarm(watchdog_s());
    status = weir_limits_new(options, &limits);
    if (status != WEIR_OK)
        say_wrong(common, "weir_limits_new: %s", weir_status_text(status));
    (void)atomic_fetch_add(&common->ready, 1);
    while (!atomic_load(&common->go))
        rest(WEIR__NS_PER_MS);
    if (status == WEIR_OK && start(hammerers, THREADS / PROCESSES, common, limits, run))
        for (int i = 0; i < THREADS / PROCESSES; i++)
            (void)pthread_join(hammerers[i].thread, NULL);
    weir_limits_free(limits);
    _exit(status == WEIR_OK ? 0 : 1);
}

/* It is not reaped here. */
static bool a_child_has_ended(void)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* Each process makes a handle of its own, after the fork. */
static void in_processes(struct common *common, const struct weir_limits_options *options, void *(*run)(void *))
{
    pid_t children[PROCESSES];
    int status;

    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            be_a_child(common, options, run);
    }
    while (atomic_load(&common->ready) < PROCESSES && !a_child_has_ended())
        rest(WEIR__NS_PER_MS);
    common->until_ns += weir__clock_now_ns();
    atomic_store(&common->go, true);
    for (int i = 0; i < PROCESSES; i++) {
        while (waitpid(children[i], &status, 0) < 0)
            assert_int_equal(errno, EINTR);
        if (status != 0)
            say_wrong(common, "a child's status is %#x", (unsigned)status);
    }
}

static void expect_nothing_wrong(struct common *common)
{
    if (atomic_load(&common->is_wrong))
        fail_msg("%s", common->wrong);
}

/* ------------------------------------------------------------------------------------------------------- concurrency
 */

static struct weir_limits_options three_permits(const char *name)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;

    options.concurrency = PERMITS;
    options.scope = name;
    return options;
}

/* Nothing is lost and nothing doubled: just so many can be taken. */
static void expect_all_permits_back(struct weir_limits *limits)
{
    struct weir_permit permits[PERMITS + 1];

    for (int i = 0; i < PERMITS; i++)
        assert_int_equal(weir_limits_acquire(limits, 0, &permits[i]), WEIR_OK);
    assert_int_equal(weir_limits_acquire(limits, 0, &permits[PERMITS]), WEIR_TIMEOUT);
    assert_int_equal(weir_limits_acquire(limits, 2 * WEIR__NS_PER_MS, &permits[PERMITS]), WEIR_TIMEOUT);
    for (int i = 0; i < PERMITS; i++)
        assert_false(weir_limits_release(limits, &permits[i], NULL));
}

static void eight_threads_are_never_in_with_more_than_the_permits(void **state)
{
    const struct weir_limits_options options = three_permits(NULL);
    struct common *common = common_new();
    struct weir_limits *limits;

    (void)state;
    atomic_store(&common->left, rounds / 2);
    assert_int_equal(weir_limits_new(&options, &limits), WEIR_OK);
    in_one_process(common, limits, hammer_permits, PERMITS);
    expect_nothing_wrong(common);
    assert_int_equal(atomic_load(&common->peak), PERMITS);
    expect_all_permits_back(limits);
    weir_limits_free(limits);
    (void)munmap(common, sizeof *common);
}

static void nor_are_the_processes_of_a_host(void **state)
{
    const struct weir_limits_options options = three_permits(scope);
    struct common *common = common_new();
    struct weir_limits *limits;

    (void)state;
    atomic_store(&common->left, rounds - rounds / 2);
    in_processes(common, &options, hammer_permits);
    expect_nothing_wrong(common);
    assert_int_equal(atomic_load(&common->peak), PERMITS);
    assert_int_equal(weir_limits_new(&options, &limits), WEIR_OK);
    expect_all_permits_back(limits);
    weir_limits_free(limits);
    (void)munmap(common, sizeof *common);
}

/* -------------------------------------------------------------------------------------------------------------- rate
 */

static int by_time(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The most spans [acquired, ended + period) that overlap. */
static uint32_t worst_window(const struct record *records, uint32_t count)
{
    static int64_t begins[RECORDS_MAX], ends[RECORDS_MAX];
    uint32_t worst = 0, over = 0;

    for (uint32_t i = 0; i < count; i++) {
        begins[i] = records[i].acquired_ns;
        ends[i] = records[i].ended_ns + PERIOD_NS;
    }
    qsort(begins, count, sizeof *begins, by_time);
    qsort(ends, count, sizeof *ends, by_time);
    for (uint32_t begun = 1; begun <= count; begun++) {
        while (ends[over] <= begins[begun - 1])
            over++;
        if (begun - over > worst)
            worst = begun - over;
    }
    return worst;
}

/* The limits' own word is a bound on what was recorded, and no worse than the limit. */
static void expect_no_window_over_the_rate(struct common *common, struct weir_limits *limits)
{
    const uint32_t count = atomic_load(&common->record_count);
    struct weir_limits_stats stats;
    uint32_t worst;
    size_t i = 0;

    expect_nothing_wrong(common);
    assert_true(count > 0);
    worst = worst_window(common->records, count);
    stats.struct_size = sizeof stats;
    weir_limits_snapshot(limits, &stats);
    while (i < stats.limit_count && stats.limits[i].hold_ns == 0)
        i++;
    assert_true(i < stats.limit_count);
    if (worst > RATE || stats.limits[i].worst_window < worst || stats.limits[i].worst_window > RATE)
        fail_msg("%u in %lld ns: %u in the worst window, %llu by the certificate, of %u", count,
                 (long long)RATE_LASTS_NS, worst, (unsigned long long)stats.limits[i].worst_window, RATE);
    /* It is no proof where the limit did not bind. */
    if (!checked && (count < 5 * RATE || worst < RATE / 2))
        fail_msg("only %u acquisitions, and %u in the worst window", count, worst);
}

static void a_rate_s_windows(const char *name, bool processes)
{
    const struct weir_rate rate = {RATE, 0, PERIOD_NS, WEIR_SHAPE_WINDOW};
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct common *common = common_new();
    struct weir_limits *limits;

    options.rates = &rate;
    options.rate_count = 1;
    options.scope = name;
    common->until_ns = rounds > ROUNDS ? 5 * RATE_LASTS_NS : RATE_LASTS_NS;
    if (processes)
        in_processes(common, &options, hammer_rate);
    assert_int_equal(weir_limits_new(&options, &limits), WEIR_OK);
    if (!processes) {
        common->until_ns += weir__clock_now_ns();
        in_one_process(common, limits, hammer_rate, THREADS);
    }
    expect_no_window_over_the_rate(common, limits);
    weir_limits_free(limits);
    (void)munmap(common, sizeof *common);
}

static void no_window_holds_more_than_the_rate(void **state)
{
    (void)state;
    a_rate_s_windows(NULL, false);
}

static void nor_do_the_processes_of_a_host_together(void **state)
{
    (void)state;
    a_rate_s_windows(scope, true);
}

/* --------------------------------------------------------------------------------------------------------------------
 */

static int forget_scope(void **state)
{
    char file[96];

    (void)state;
    (void)snprintf(file, sizeof file, "/weir.%s", scope + strlen("host:"));
    (void)shm_unlink(file);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_threads_are_never_in_with_more_than_the_permits),
        cmocka_unit_test_teardown(nor_are_the_processes_of_a_host, forget_scope),
        cmocka_unit_test(no_window_holds_more_than_the_rate),
        cmocka_unit_test_teardown(nor_do_the_processes_of_a_host_together, forget_scope),
    };
    const char *text = argc > 1 ? argv[1] : getenv("WEIR_ROUNDS"), *mode = getenv("WEIR_TEST_MODE");

    checked = mode != NULL && strcmp(mode, "release") != 0;
    if (text != NULL)
        rounds = strtol(text, NULL, 10);
    else if (checked)
        rounds = ROUNDS / 10;
    if (rounds < 2 || rounds > 1000000000) {
        (void)fprintf(stderr, "usage: test_limits_hammer [ROUNDS]\n");
        return 2;
    }
    (void)snprintf(scope, sizeof scope, "host:hammer-%ld", (long)getpid());
    (void)alarm(watchdog_s());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
