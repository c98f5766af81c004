/* Which file a journal is, whose it is, and what the ways to begin do with what is there. */
#include "test_cli_journal_support.h"

#include "cli/journal_parts.h"

/* A journal with a success, a failure and one of unknown end. */
static void leave_three(void)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    add_head(&writer);
    add_note(&writer, WEIR__JOURNALLINE_START, 0, NOW_NS - 20 * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_INTENT, 2, 0);
    add_note(&writer, WEIR__JOURNALLINE_INTENT, 3, 0);
    add_result(&writer, 1, WEIR_OUTCOME_SUCCEEDED, NOW_NS - 10 * SECOND);
    add_result(&writer, 2, WEIR_OUTCOME_FAILED, NOW_NS - 9 * SECOND);
    add_result(&writer, 3, WEIR_OUTCOME_UNKNOWN, NOW_NS - 8 * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_END, 0, NOW_NS - 5 * SECOND);
    save(&writer);
}

static void remove_all(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf '%s'/*", folder);
    assert_int_equal(system(command), 0);
}

static void a_new_one_has_a_head_and_nobody_else_may_read_it(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    struct weir__journalline line;
    struct weir__journal journal;
    struct weir__past past;
    struct stat status;
    size_t size;
    char *text;

    (void)state;
    remove_all();
    must_open(&journal, &options, &past);
    assert_string_equal(said, "");
    assert_false(past.exists);
    assert_false(journal.stream);
    assert_string_equal(journal.id, ID);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
    text = read_file(options.file, &size);
    weir__journalline_read(text, size - 1, &line);
    assert_int_equal(line.kind, WEIR__JOURNALLINE_HEAD);
    assert_string_equal(line.sha256, HASH);
    assert_int_equal(text[size - 1], '\n');
    free(text);
    assert_int_equal(stat(options.file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void one_in_which_nothing_was_begun_stays_empty(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    struct weir__journal journal;
    struct weir__past past;
    size_t size;

    (void)state;
    remove_all();
    assert_int_equal(open_journal(&journal, &options, &past), WEIR__EXIT_OK);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
    free(read_file(options.file, &size));
    assert_int_equal(size, 0);
}

static void what_has_content_is_refused_with_the_three_ways(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    size_t size;
    char *text;

    (void)state;
    remove_all();
    write_file(options.file, "precious", 8);
    assert_refused(&options, WEIR__EXIT_USAGE, "--resume");
    assert_non_null(strstr(said, "--retry-failed"));
    assert_non_null(strstr(said, "--force"));
    text = read_file(options.file, &size);
    assert_string_equal(text, "precious");
    free(text);
}

static void an_empty_file_counts_as_none_whatever_the_way(void **state)
{
    (void)state;
    for (enum weir__journal_mode mode = WEIR__JOURNAL_NEW; mode <= WEIR__JOURNAL_FORCE; mode++) {
        const struct weir__journal_options options = options_of(mode);
        struct weir__journal journal;
        struct weir__past past;
        unsigned lines;
        remove_all();
        write_file(options.file, "", 0);
        must_open(&journal, &options, &past);
        assert_false(past.exists);
        assert_true(weir__journal_close(&journal));
        weir__past_clear(&past);
        assert_int_equal(count_results(1, &lines), 0);
        assert_int_equal(lines, 1);
        assert_int_not_equal(access(path_of("results.jsonl.1"), F_OK), 0);
    }
}

static void resume_begins_where_there_is_none(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__journal journal;
    struct weir__past past;

    (void)state;
    remove_all();
    must_open(&journal, &options, &past);
    assert_false(past.exists);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
}

static void a_resumed_one_keeps_its_id_and_takes_lines_at_its_end(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__writer more = WEIR__WRITER_INIT;
    struct weir__journal journal;
    struct weir__past past;
    unsigned lines;

    (void)state;
    remove_all();
    leave_three();
    (void)strcpy(options.head.id, "99999999-89ab-8cde-8f01-23456789abcd");
    must_open(&journal, &options, &past);
    assert_string_equal(journal.id, ID);
    assert_true(past.exists);
    assert_int_equal(past.done_count, 3);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_SUCCEEDED], 1);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_FAILED], 1);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_UNKNOWN], 1);
    assert_int_equal(past.open_count, 0);
    assert_int_equal(past.last_line, 3);
    add_result(&more, 4, WEIR_OUTCOME_SUCCEEDED, NOW_NS);
    assert_true(weir__journal_write(&journal, more.text, more.size, -1));
    weir__writer_clear(&more);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
    assert_int_equal(count_results(4, &lines), 1);
    assert_int_equal(lines, 9);
}

static void a_second_run_is_refused_whatever_its_way(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__journal journal;
    struct weir__past past;

    (void)state;
    remove_all();
    leave_three();
    must_open(&journal, &options, &past);
    for (enum weir__journal_mode mode = WEIR__JOURNAL_NEW; mode <= WEIR__JOURNAL_FORCE; mode++) {
        const struct weir__journal_options second = options_of(mode);
        assert_refused(&second, WEIR__EXIT_USAGE, "another run writes to it");
    }
    assert_int_not_equal(access(path_of("results.jsonl.1"), F_OK), 0);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
    must_open(&journal, &options, &past);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
}

/* After the rename it is the new file that is locked. */
static void a_rewritten_one_is_locked_too(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    struct weir__journal journal;
    struct weir__past past;

    (void)state;
    remove_all();
    leave_three();
    must_open(&journal, &options, &past);
    assert_refused(&options, WEIR__EXIT_USAGE, "another run writes to it");
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
}

static void force_keeps_the_old_one_under_the_next_free_name(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_FORCE);
    struct weir__journal journal;
    struct weir__past past;
    unsigned lines;
    size_t size;
    char *text;

    (void)state;
    remove_all();
    write_file(options.file, "not even a journal", 18);
    write_file(path_of("results.jsonl.1"), "one", 3);
    assert_int_equal(symlink("nowhere", path_of("results.jsonl.2")), 0);
    must_open(&journal, &options, &past);
    assert_false(past.exists);
    assert_refused(&options, WEIR__EXIT_USAGE, "another run writes to it");
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
    text = read_file(path_of("results.jsonl.3"), &size);
    assert_string_equal(text, "not even a journal");
    free(text);
    text = read_file(path_of("results.jsonl.1"), &size);
    assert_string_equal(text, "one");
    free(text);
    (void)count_results(1, &lines);
    assert_int_equal(lines, 1);
}

/* What a limit must know of the results that went is still in the file, and their intents are not. */
static void retry_failed_takes_out_the_failed_and_forgets_them(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    struct weir__journal journal;
    struct weir__past past;

    (void)state;
    for (int unknown = 0; unknown < 2; unknown++) {
        remove_all();
        leave_three();
        assert_int_equal(chmod(options.file, 0640), 0);
        options = options_of(WEIR__JOURNAL_RETRY_FAILED);
        options.retry_unknown = unknown != 0;
        for (int again = 0; again < 2; again++) {
            struct stat status;
            must_open(&journal, &options, &past);
            assert_true(past.exists);
            assert_true(weir__bits_get(&past.done, 1));
            assert_false(weir__bits_get(&past.done, 2));
            assert_true(weir__bits_get(&past.done, 3) == !unknown);
            assert_int_equal(past.done_count, 2 - unknown);
            assert_int_equal(past.outcomes[WEIR_OUTCOME_FAILED], 0);
            assert_int_equal(past.outcomes[WEIR_OUTCOME_UNKNOWN], 1 - unknown);
            assert_int_equal(past.open_count, 0);
            assert_int_equal(past.send_count, 3);
            assert_int_equal(past.sends[1].ago_ns, 9 * SECOND);
            assert_int_equal(stat(options.file, &status), 0);
            assert_int_equal(status.st_mode & 0777, 0640);
            assert_true(weir__journal_close(&journal));
            weir__past_clear(&past);
            assert_int_equal(count_results(1, NULL), 1);
            assert_int_equal(count_results(2, NULL), 0);
            assert_int_equal(count_results(3, NULL), 1 - unknown);
            assert_int_not_equal(access(path_of("results.jsonl.rewriting"), F_OK), 0);
            options.mode = WEIR__JOURNAL_RESUME;
        }
    }
}

static void a_job_stands_once_in_a_rewritten_one(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__journal journal;
    struct weir__past past;

    (void)state;
    remove_all();
    add_head(&writer);
    add_result(&writer, 5, WEIR_OUTCOME_CANCELLED, 0);
    for (int i = 0; i < 3; i++)
        add_result(&writer, 5, WEIR_OUTCOME_SUCCEEDED, 0);
    save(&writer);
    must_open(&journal, &options, &past);
    assert_int_equal(past.done_count, 1);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_SUCCEEDED], 1);
    assert_int_equal(count_results(5, NULL), 1);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
}

static void a_killed_rewriting_is_in_nobodys_way_but_a_strangers_file_is(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    struct weir__journal journal;
    struct weir__past past;
    size_t before, after;
    char *old, *text;

    (void)state;
    remove_all();
    leave_three();
    old = read_file(options.file, &before);
    write_file(path_of("results.jsonl.rewriting"), "mine", 4);
    assert_refused(&options, WEIR__EXIT_OUTPUT, "results.jsonl: ");
    text = read_file(options.file, &after);
    assert_int_equal(after, before);
    assert_memory_equal(text, old, before);
    free(text);
    text = read_file(path_of("results.jsonl.rewriting"), &after);
    assert_string_equal(text, "mine");
    free(text);
    write_file(path_of("results.jsonl.rewriting"), old, 200);
    must_open(&journal, &options, &past);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
    assert_int_equal(count_results(2, NULL), 0);
    free(old);
}

static void assert_content(const char *path, const char *text, size_t size)
{
    size_t found_size;
    char *found = read_file(path, &found_size);

    assert_int_equal(found_size, size);
    assert_memory_equal(found, text, size);
    free(found);
}

/* A run may have that name for its own results: they stay, while it goes on and afterwards. */
static void another_runs_journal_is_no_leftover_of_a_rewriting(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    struct weir__journal_options others = options_of(WEIR__JOURNAL_NEW);
    struct weir__journal journal, other;
    struct weir__past past, others_past;
    size_t before, others_size;
    char *old, *others_text;

    (void)state;
    remove_all();
    leave_three();
    old = read_file(options.file, &before);
    others.file = path_of("results.jsonl.rewriting");
    (void)strcpy(others.head.id, "99999999-89ab-8cde-8f01-23456789abcd");
    must_open(&other, &others, &others_past);
    others_text = read_file(others.file, &others_size);
    assert_refused(&options, WEIR__EXIT_OUTPUT, "which another run writes to");
    assert_content(options.file, old, before);
    assert_content(others.file, others_text, others_size);
    assert_true(weir__journal_close(&other));
    weir__past_clear(&others_past);
    assert_refused(&options, WEIR__EXIT_OUTPUT, "which no rewriting of it left");
    assert_content(options.file, old, before);
    assert_content(others.file, others_text, others_size);
    assert_int_equal(unlink(others.file), 0);
    must_open(&journal, &options, &past);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
    free(others_text);
    free(old);
}

/* Even one that begins as this journal does, or is empty, as long as somebody has it. */
static void a_leftover_that_is_locked_is_in_use(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    const char *const beside = path_of("results.jsonl.rewriting");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct weir__journal journal;
    struct weir__past past;
    char *old;
    size_t size;

    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        int fd;
        remove_all();
        leave_three();
        old = read_file(options.file, &size);
        write_file(beside, old, empty ? 0 : size);
        fd = open(beside, O_RDWR | O_CLOEXEC);
        assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
        assert_refused(&options, WEIR__EXIT_OUTPUT, "which another run writes to");
        assert_content(beside, old, empty ? 0 : size);
        assert_content(options.file, old, size);
        assert_int_equal(close(fd), 0);
        must_open(&journal, &options, &past); /* it is over: now it is a leftover */
        assert_true(weir__journal_close(&journal));
        weir__past_clear(&past);
        free(old);
    }
}

/* Keeps what was said, as an opening does. */
static int rewrite(int *fd, const struct weir__journal_options *options, struct weir__past *past,
                   struct weir__journal_recovery *recovery)
{
    const int saved = dup(STDERR_FILENO), heard = memfd_create("said", MFD_CLOEXEC);
    ssize_t size;
    int code;

    assert_true(saved >= 0 && heard >= 0 && dup2(heard, STDERR_FILENO) >= 0);
    code = weir__journal_rewrite(fd, options, past, recovery);
    size = pread(heard, said, sizeof said - 1, 0);
    said[size > 0 ? size : 0] = '\0';
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    (void)close(heard);
    return code;
}

/* The lock is on the file, not on its name: what has the name by now stays. */
static void a_file_that_lost_its_name_replaces_nobody(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RETRY_FAILED);
    size_t size;
    char *old;

    (void)state;
    for (int replaced = 0; replaced < 2; replaced++) {
        struct weir__journal_recovery recovery = {0};
        struct weir__past past = {0};
        int fd, before;
        remove_all();
        leave_three();
        old = read_file(options.file, &size);
        fd = before = open(options.file, O_RDWR | O_CLOEXEC);
        assert_int_equal(weir__journal_open_lock(fd), 0);
        assert_int_equal(weir__journal_recover(fd, &options, &past, &recovery), WEIR__EXIT_OK);
        assert_int_equal(rename(options.file, path_of("moved")), 0);
        if (replaced)
            write_file(options.file, "mine", 4);
        assert_int_equal(rewrite(&fd, &options, &past, &recovery), WEIR__EXIT_OUTPUT);
        assert_non_null(strstr(said, "it was renamed or replaced meanwhile"));
        assert_int_equal(fd, before);
        assert_int_equal(past.done_count, 3);
        if (replaced)
            assert_content(options.file, "mine", 4);
        else
            assert_int_not_equal(access(options.file, F_OK), 0);
        assert_content(path_of("moved"), old, size);
        assert_int_not_equal(access(path_of("results.jsonl.rewriting"), F_OK), 0);
        assert_int_equal(close(fd), 0);
        weir__journal_recovery_clear(&recovery);
        weir__past_clear(&past);
        free(old);
    }
}

static void one_of_another_job_is_refused_and_says_why(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__journal journal;
    struct weir__past past;

    (void)state;
    remove_all();
    leave_three();
    options.head.jobs++;
    assert_refused(&options, WEIR__EXIT_JOURNAL, "belongs to another job: url, method, headers, body or total");
    options.head.jobs--;
    (void)strcpy(options.head.key, "Idempotency-Key"); /* with which the first run's sends were not */
    assert_refused(&options, WEIR__EXIT_JOURNAL, "belongs to another job: its jobs carry another idempotency_key");
    options.head.key[0] = '\0';
    options.head.sha256[3] = 'f';
    assert_refused(&options, WEIR__EXIT_JOURNAL, "belongs to another job: url, method, headers, body or total");
    options.head.source = WEIR__JOURNALLINE_FILE;
    assert_refused(&options, WEIR__EXIT_JOURNAL, "belongs to another job: its jobs are a URL and a total");

    remove_all();
    options.head.bytes = 1234;
    options.mode = WEIR__JOURNAL_NEW;
    must_open(&journal, &options, &past);
    assert_true(weir__journal_close(&journal));
    options.mode = WEIR__JOURNAL_RESUME;
    options.head.sha256[3] = '0';
    assert_refused(&options, WEIR__EXIT_JOURNAL, "belongs to another job: the input's content");
    options.head.source = WEIR__JOURNALLINE_STREAM;
    options.head.sha256[0] = '\0';
    assert_refused(&options, WEIR__EXIT_JOURNAL, "belongs to another job: its input is a file");
}

static void a_link_to_a_file_is_refused_and_a_folder_is_no_file(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);

    (void)state;
    remove_all();
    write_file(path_of("target"), "", 0);
    assert_int_equal(symlink(path_of("target"), path_of("link")), 0);
    assert_int_equal(symlink("nowhere", path_of("dangling")), 0);
    options.file = path_of("link");
    assert_refused(&options, WEIR__EXIT_USAGE, "is a symbolic link");
    options.mode = WEIR__JOURNAL_FORCE;
    assert_refused(&options, WEIR__EXIT_USAGE, "is a symbolic link");
    options.file = path_of("dangling");
    assert_refused(&options, WEIR__EXIT_USAGE, "is a symbolic link");
    options.file = folder;
    assert_refused(&options, WEIR__EXIT_OUTPUT, "Is a directory");
    options.file = path_of("no/such/folder");
    assert_refused(&options, WEIR__EXIT_OUTPUT, "No such file");
}

static void a_name_cannot_drive_the_terminal(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);

    (void)state;
    options.file = "/nowhere\033[2J/x";
    assert_refused(&options, WEIR__EXIT_OUTPUT, "/nowhere\\x1b[2J/x");
}

static void a_stream_gets_results_alone_and_cannot_be_resumed(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    const struct weir__journalline note = {.kind = WEIR__JOURNALLINE_END, .at_ns = NOW_NS};
    struct weir__journal journal;
    struct weir__past past;
    char path[64], got[64];
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", ends[1]);
    options.file = path; /* a symbolic link, as /dev/stdout is */
    options.mode = WEIR__JOURNAL_RESUME;
    assert_refused(&options, WEIR__EXIT_USAGE, "--resume");
    options.mode = WEIR__JOURNAL_FORCE;
    options.durability = WEIR__DURABILITY_POWER;
    must_open(&journal, &options, &past);
    assert_true(journal.stream);
    assert_true(weir__journal_note(&journal, &note));
    assert_true(weir__journal_write(&journal, "one\n", 4, -1));
    assert_int_equal(read(ends[0], got, sizeof got), 4);
    assert_memory_equal(got, "one\n", 4);
    assert_true(weir__journal_close(&journal));
    assert_true(weir__journal_close(&journal));
    (void)close(ends[0]);
    (void)close(ends[1]);
}

struct rivals {
    struct weir__journal_options options;
    char renamed[256];
    atomic_bool over;
    atomic_uint strays;
};

static bool is_named(const struct rivals *rivals, int fd)
{
    struct stat named, ours;

    return stat(rivals->options.file, &named) == 0 && fstat(fd, &ours) == 0 && named.st_ino == ours.st_ino;
}

/* Whoever has the lock may rename the file: as a rewriting does, and --force. */
static void *rename_often(void *argument)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct rivals *rivals = argument;

    while (!atomic_load(&rivals->over)) {
        const int fd = open(rivals->options.file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) == 0 && is_named(rivals, fd))
            (void)rename(rivals->options.file, rivals->renamed);
        (void)close(fd);
    }
    return NULL;
}

static void *open_often(void *argument)
{
    struct rivals *rivals = argument;

    for (unsigned i = 0; i < 2000; i++) {
        struct weir__journal journal;
        struct weir__past past;
        if (weir__journal_open(&journal, &rivals->options, &past) == WEIR__EXIT_OK) {
            if (!is_named(rivals, journal.fd))
                atomic_fetch_add(&rivals->strays, 1);
            (void)weir__journal_close(&journal);
        }
        weir__past_clear(&past);
    }
    return NULL;
}

/* Between the opening and the lock the name may have come to mean another file. */
static void who_has_the_lock_has_the_file_of_that_name(void **state)
{
    struct rivals rivals = {.options = options_of(WEIR__JOURNAL_RESUME)};
    const int saved = dup(STDERR_FILENO), quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pthread_t renaming[2], opening[2];

    (void)state;
    remove_all();
    (void)snprintf(rivals.renamed, sizeof rivals.renamed, "%s", path_of("renamed"));
    assert_true(saved >= 0 && quiet >= 0 && dup2(quiet, STDERR_FILENO) >= 0); /* many are refused */
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&renaming[i], NULL, rename_often, &rivals), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&opening[i], NULL, open_often, &rivals), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(opening[i], NULL), 0);
    atomic_store(&rivals.over, true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(renaming[i], NULL), 0);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    (void)close(quiet);
    assert_int_equal(rivals.strays, 0);
}

static void closing_what_was_never_opened_does_nothing(void **state)
{
    struct weir__journal journal = {0};

    (void)state;
    assert_true(weir__journal_close(&journal));
    assert_int_equal(fcntl(0, F_GETFD) == -1, 0); /* descriptor 0 is still there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_one_has_a_head_and_nobody_else_may_read_it),
        cmocka_unit_test(one_in_which_nothing_was_begun_stays_empty),
        cmocka_unit_test(what_has_content_is_refused_with_the_three_ways),
        cmocka_unit_test(an_empty_file_counts_as_none_whatever_the_way),
        cmocka_unit_test(resume_begins_where_there_is_none),
        cmocka_unit_test(a_resumed_one_keeps_its_id_and_takes_lines_at_its_end),
        cmocka_unit_test(a_second_run_is_refused_whatever_its_way),
        cmocka_unit_test(a_rewritten_one_is_locked_too),
        cmocka_unit_test(force_keeps_the_old_one_under_the_next_free_name),
        cmocka_unit_test(retry_failed_takes_out_the_failed_and_forgets_them),
        cmocka_unit_test(a_job_stands_once_in_a_rewritten_one),
        cmocka_unit_test(a_killed_rewriting_is_in_nobodys_way_but_a_strangers_file_is),
        cmocka_unit_test(another_runs_journal_is_no_leftover_of_a_rewriting),
        cmocka_unit_test(a_leftover_that_is_locked_is_in_use),
        cmocka_unit_test(a_file_that_lost_its_name_replaces_nobody),
        cmocka_unit_test(one_of_another_job_is_refused_and_says_why),
        cmocka_unit_test(a_link_to_a_file_is_refused_and_a_folder_is_no_file),
        cmocka_unit_test(a_name_cannot_drive_the_terminal),
        cmocka_unit_test(a_stream_gets_results_alone_and_cannot_be_resumed),
        cmocka_unit_test(who_has_the_lock_has_the_file_of_that_name),
        cmocka_unit_test(closing_what_was_never_opened_does_nothing),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
