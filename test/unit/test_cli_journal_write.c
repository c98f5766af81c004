/* Lines of many threads are whole and there once each, and what could not be written is never said to be. */
#include "test_cli_journal_support.h"

#include "base/sync.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define THREADS 16u

struct crowd {
    struct weir__journal *journal;
    unsigned each;          /* lines a thread */
    _Atomic uint64_t next;  /* job */
    unsigned char *durable; /* by job: what write said */
    atomic_uint refused;
};

static void *write_some(void *argument)
{
    struct crowd *crowd = argument;

    for (unsigned i = 0; i < crowd->each; i++) {
        const uint64_t job = atomic_fetch_add(&crowd->next, 1) + 1;
        struct weir__writer line = WEIR__WRITER_INIT;
        if (job % 5 == 0) {
            const struct weir__journalline note = {.kind = WEIR__JOURNALLINE_ATTEMPT, .line = job, .at_ns = NOW_NS};
            crowd->durable[job] = weir__journal_note(crowd->journal, &note);
        } else {
            add_result(&line, job, WEIR_OUTCOME_SUCCEEDED, 0);
            crowd->durable[job] = weir__journal_write(crowd->journal, line.text, line.size, -1);
        }
        if (!crowd->durable[job])
            atomic_fetch_add(&crowd->refused, 1);
        weir__writer_clear(&line);
    }
    return NULL;
}

static void run_crowd(struct crowd *crowd, struct weir__journal *journal, unsigned each)
{
    pthread_t threads[THREADS];

    *crowd = (struct crowd){.journal = journal, .each = each};
    crowd->durable = calloc(THREADS * each + 1, 1);
    assert_non_null(crowd->durable);
    for (unsigned i = 0; i < THREADS; i++)
        assert_true(weir__thread_start(&threads[i], write_some, crowd));
    for (unsigned i = 0; i < THREADS; i++)
        weir__thread_join(threads[i]);
}

/* How often each job stands in the file; every line there must be valid. */
static unsigned char *tally(uint64_t jobs)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    unsigned char *counts = calloc(jobs + 1, 1);
    size_t size;
    char *text = read_file(options.file, &size), *at = text, *end;

    assert_non_null(counts);
    for (; (end = memchr(at, '\n', size - (size_t)(at - text))) != NULL; at = end + 1) {
        struct weir__journalline line;
        weir__journalline_read(at, (size_t)(end - at), &line);
        assert_int_not_equal(line.kind, WEIR__JOURNALLINE_INVALID);
        assert_in_range(line.line, 0, jobs);
        counts[line.line]++;
    }
    assert_ptr_equal(at, text + size);
    free(text);
    return counts;
}

static void open_new(struct weir__journal *journal, enum weir__config_durability durability)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    struct weir__past past;

    (void)unlink(options.file);
    options.durability = durability;
    must_open(journal, &options, &past);
    weir__past_clear(&past);
}

static void lines_of_many_threads_are_whole_and_there_once_each(void **state)
{
    const char *wanted = getenv("WEIR_TEST_JOURNAL_LINES");
    const unsigned each = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) / THREADS : 200;

    (void)state;
    for (int durability = WEIR__DURABILITY_NONE; durability <= WEIR__DURABILITY_POWER; durability++) {
        struct weir__journal journal;
        struct crowd crowd;
        unsigned char *counts;
        open_new(&journal, (enum weir__config_durability)durability);
        run_crowd(&crowd, &journal, durability == WEIR__DURABILITY_POWER ? each / 10 : each);
        assert_int_equal(crowd.refused, 0);
        assert_true(weir__journal_close(&journal));
        counts = tally(THREADS * crowd.each);
        for (uint64_t job = 1; job <= THREADS * crowd.each; job++)
            assert_int_equal(counts[job], 1);
        free(counts);
        free(crowd.durable);
    }
}

/* When write has returned the line is in the file; `none` only takes it until there are 64 KiB. */
static void a_line_is_in_the_file_when_write_returns(void **state)
{
    struct weir__journal journal;
    struct weir__writer line = WEIR__WRITER_INIT;

    (void)state;
    add_result(&line, 1, WEIR_OUTCOME_SUCCEEDED, 0);
    for (int durability = WEIR__DURABILITY_NONE; durability <= WEIR__DURABILITY_POWER; durability++) {
        unsigned lines = 0;
        open_new(&journal, (enum weir__config_durability)durability);
        assert_true(weir__journal_write(&journal, line.text, line.size, -1));
        assert_int_equal(count_results(1, NULL), durability != WEIR__DURABILITY_NONE);
        for (size_t written = line.size; written < 70000; written += line.size, lines++)
            assert_true(weir__journal_write(&journal, line.text, line.size, -1));
        assert_in_range(count_results(1, NULL), 60000 / line.size, lines + 1);
        assert_true(weir__journal_close(&journal));
        assert_int_equal(count_results(1, NULL), lines + 1);
    }
    weir__writer_clear(&line);
}

static void a_long_line_goes_after_what_waits(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    const size_t long_size = 3000000;
    struct weir__journal journal;
    char *line = malloc(long_size), *text;
    size_t size, head;

    (void)state;
    assert_non_null(line);
    memset(line, 'x', long_size);
    line[long_size - 1] = '\n';
    open_new(&journal, WEIR__DURABILITY_NONE);
    free(read_file(options.file, &head));
    assert_true(weir__journal_write(&journal, "first\n", 6, -1));
    assert_true(weir__journal_write(&journal, line, long_size, -1));
    assert_true(weir__journal_write(&journal, "last\n", 5, -1));
    assert_true(weir__journal_close(&journal));
    text = read_file(options.file, &size);
    assert_int_equal(size, head + 6 + long_size + 5);
    assert_memory_equal(text + head, "first\n", 6);
    assert_memory_equal(text + head + 6, line, long_size);
    assert_memory_equal(text + head + 6 + long_size, "last\n", 5);
    free(text);
    free(line);
}

static struct rlimit limit_files(rlim_t size)
{
    struct rlimit old, limit;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return old;
}

/*
 * The file may not grow beyond a size that is in the middle of some group: the group is taken back whole, everybody in
 * it and after it is told so, and what was said to be durable is there.
 */
static void a_full_disk_ends_it_and_nobody_is_told_otherwise(void **state)
{
    (void)state;
    for (unsigned size = 2000; size < 60000; size += 4999) {
        const struct rlimit old = limit_files(size);
        struct weir__journal journal;
        struct crowd crowd;
        unsigned char *counts;
        /* a sync takes so long that many lines come together */
        open_new(&journal, size % 2 == 0 ? WEIR__DURABILITY_POWER : WEIR__DURABILITY_CRASH);
        run_crowd(&crowd, &journal, 100);
        assert_int_equal(weir__journal_error(&journal), EFBIG);
        assert_int_not_equal(crowd.refused, 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_false(weir__journal_write(&journal, "x\n", 2, -1)); /* though there would be room now */
        assert_false(weir__journal_close(&journal));
        counts = tally(THREADS * 100);
        for (uint64_t job = 1; job <= THREADS * 100; job++)
            assert_int_equal(counts[job], crowd.durable[job]);
        free(counts);
        free(crowd.durable);
    }
}

static void a_full_disk_is_told_at_the_latest_at_the_end(void **state)
{
    const struct rlimit old = limit_files(1000);
    struct weir__journal journal;
    struct weir__writer line = WEIR__WRITER_INIT;

    (void)state;
    add_result(&line, 1, WEIR_OUTCOME_SUCCEEDED, 0);
    open_new(&journal, WEIR__DURABILITY_NONE);
    for (unsigned i = 0; i < 10; i++)
        assert_true(weir__journal_write(&journal, line.text, line.size, -1));
    assert_false(weir__journal_close(&journal));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    weir__writer_clear(&line);
    assert_int_equal(count_results(1, NULL), 0);
}

static void a_head_that_does_not_fit_leaves_an_empty_file(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    const struct rlimit old = limit_files(100);
    struct weir__journal journal;
    struct weir__past past;
    struct stat status;

    (void)state;
    (void)unlink(options.file);
    assert_int_equal(open_journal(&journal, &options, &past), WEIR__EXIT_OK);
    assert_false(weir__journal_write(&journal, "x\n", 2, -1));
    assert_int_equal(weir__journal_error(&journal), EFBIG);
    assert_false(weir__journal_close(&journal));
    weir__past_clear(&past);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(stat(options.file, &status), 0);
    assert_int_equal(status.st_size, 0);
}

/* The disk is full while it is rewritten: the old one is still there, and nothing beside it. */
static void a_rewriting_that_fails_changes_nothing(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    struct weir__writer writer = WEIR__WRITER_INIT;
    size_t before, after;
    struct rlimit old;
    char *first, *second;

    (void)state;
    add_head(&writer);
    for (uint64_t job = 1; job <= 100; job++)
        add_result(&writer, job, job % 2 == 0 ? WEIR_OUTCOME_FAILED : WEIR_OUTCOME_SUCCEEDED, 0);
    save(&writer);
    first = read_file(options.file, &before);
    old = limit_files(3000);
    assert_refused(&options, WEIR__EXIT_OUTPUT, "File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    second = read_file(options.file, &after);
    assert_int_equal(after, before);
    assert_memory_equal(first, second, before);
    assert_int_not_equal(access(path_of("results.jsonl.rewriting"), F_OK), 0);
    free(first);
    free(second);
}

static void a_stream_that_cannot_take_it_is_an_error_like_any(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    struct weir__journal journal;
    struct weir__past past;
    char path[64];
    int ends[2];

    (void)state;
    options.file = "/dev/full";
    must_open(&journal, &options, &past);
    assert_false(weir__journal_write(&journal, "x\n", 2, -1));
    assert_int_equal(weir__journal_error(&journal), ENOSPC);
    assert_false(weir__journal_close(&journal));

    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    options.file = path;
    must_open(&journal, &options, &past);
    (void)close(ends[0]);
    assert_false(weir__journal_write(&journal, "x\n", 2, -1));
    assert_int_equal(weir__journal_error(&journal), EPIPE);
    assert_false(weir__journal_close(&journal));
    (void)close(ends[1]);
}

static void *write_much(void *argument)
{
    struct weir__journal *journal = argument;
    const size_t size = 1000000;
    char *line = malloc(size);
    bool written = line != NULL;

    if (written) {
        memset(line, 'x', size);
        line[size - 1] = '\n';
        written = weir__journal_write(journal, line, size, -1);
    }
    free(line);
    return written ? journal : NULL;
}

/* Whoever shares the pipe may have made it non-blocking: the line is whole all the same.  It is full at first, and read
 * by small pieces, so that there is no room most of the time. */
static void a_full_pipe_that_does_not_block_is_waited_for(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    struct weir__journal journal;
    struct weir__past past;
    pthread_t thread;
    void *written;
    size_t wanted = 1000000, got = 0;
    char buffer[512] = "";
    int ends[2], saved;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(ends[1], buffer, sizeof buffer) > 0)
        wanted += sizeof buffer;
    (void)fflush(stdout);
    saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0);
    options.file = "-";
    assert_int_equal(open_journal(&journal, &options, &past), WEIR__EXIT_OK);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
    (void)close(ends[1]);
    assert_int_equal(pthread_create(&thread, NULL, write_much, &journal), 0);
    while (got < wanted) {
        struct pollfd readable = {.fd = ends[0], .events = POLLIN};
        ssize_t size;
        assert_int_equal(poll(&readable, 1, 20000), 1);
        size = read(ends[0], buffer, sizeof buffer);
        assert_true(size > 0);
        got += (size_t)size;
    }
    assert_int_equal(pthread_join(thread, &written), 0);
    assert_non_null(written);
    assert_int_equal(got, wanted);
    assert_true(weir__journal_close(&journal));
    (void)close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_many_threads_are_whole_and_there_once_each),
        cmocka_unit_test(a_line_is_in_the_file_when_write_returns),
        cmocka_unit_test(a_long_line_goes_after_what_waits),
        cmocka_unit_test(a_full_disk_ends_it_and_nobody_is_told_otherwise),
        cmocka_unit_test(a_full_disk_is_told_at_the_latest_at_the_end),
        cmocka_unit_test(a_head_that_does_not_fit_leaves_an_empty_file),
        cmocka_unit_test(a_rewriting_that_fails_changes_nothing),
        cmocka_unit_test(a_stream_that_cannot_take_it_is_an_error_like_any),
        cmocka_unit_test(a_full_pipe_that_does_not_block_is_waited_for),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
