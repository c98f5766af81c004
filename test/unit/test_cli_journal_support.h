/* test_cli_journal_support - what the tests of the journal share: a folder, journals made by hand, what was said. */
#ifndef WEIR_TEST_CLI_JOURNAL_SUPPORT_H
#define WEIR_TEST_CLI_JOURNAL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "cli/commands.h"
#include "cli/journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)
#define NOW_NS (INT64_C(1790000000) * SECOND) /* the wall clock of every opening */
#define ID "01234567-89ab-8cde-8f01-23456789abcd"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char folder[64];
static char said[16384]; /* by the last opening */

static inline int enter_folder(void **state)
{
    (void)state;
    (void)strcpy(folder, "/tmp/weir-journal-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static inline const char *path_of(const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline int leave_folder(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static inline void write_file(const char *path, const char *bytes, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(close(fd), 0);
}

/* Its content with a NUL; the caller frees it. */
static inline char *read_file(const char *path, size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *text;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    text = malloc((size_t)status.st_size + 1);
    assert_non_null(text);
    assert_int_equal(read(fd, text, (size_t)status.st_size), status.st_size);
    text[status.st_size] = '\0';
    *size = (size_t)status.st_size;
    (void)close(fd);
    return text;
}

static inline struct weir__journal_options options_of(enum weir__journal_mode mode)
{
    static char file[256];
    struct weir__journal_options options = {.command = "run", .file = file, .mode = mode};

    (void)snprintf(file, sizeof file, "%s/results.jsonl", folder);
    options.durability = WEIR__DURABILITY_CRASH;
    options.head.kind = WEIR__JOURNALLINE_HEAD;
    options.head.source = WEIR__JOURNALLINE_CONFIG;
    options.head.jobs = 1000000;
    (void)strcpy(options.head.id, ID);
    (void)strcpy(options.head.sha256, HASH);
    options.memory_max = 100;
    options.memory_ns = 60 * SECOND;
    options.now_ns = NOW_NS;
    return options;
}

/* Opens, and keeps what was said on stderr. */
static inline int open_journal(struct weir__journal *journal, const struct weir__journal_options *options,
                               struct weir__past *past)
{
    const int saved = dup(STDERR_FILENO), fd = memfd_create("said", MFD_CLOEXEC);
    ssize_t size;
    int code;

    assert_true(saved >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    code = weir__journal_open(journal, options, past);
    size = pread(fd, said, sizeof said - 1, 0);
    said[size > 0 ? size : 0] = '\0';
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    (void)close(fd);
    return code;
}

/* Says whether an opening was refused with that code and these words; nothing is left behind. */
static inline void assert_refused(const struct weir__journal_options *options, int code, const char *words)
{
    struct weir__journal journal = {0};
    struct weir__past past;
    const int got = open_journal(&journal, options, &past);

    if (got != code || strstr(said, words) == NULL)
        print_error("wanted %d and \"%s\", got %d and \"%s\"\n", code, words, got, said);
    assert_int_equal(got, code);
    assert_non_null(strstr(said, words));
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
}

static inline void must_open(struct weir__journal *journal, const struct weir__journal_options *options,
                             struct weir__past *past)
{
    const int code = open_journal(journal, options, past);

    if (code != WEIR__EXIT_OK)
        print_error("not opened (%d): %s\n", code, said);
    assert_int_equal(code, WEIR__EXIT_OK);
    assert_true(weir__journal_flush(journal)); /* begun: a new one has its head */
}

/* ------------------------------------------------------------------------------------------------- journals by hand
 */

static inline void add_head(struct weir__writer *writer)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);

    weir__journalline_write(writer, &options.head);
}

static inline void add_note(struct weir__writer *writer, enum weir__journalline_kind kind, uint64_t number,
                            int64_t at_ns)
{
    struct weir__journalline note = {.kind = kind, .line = number, .at_most = number, .at_ns = at_ns};

    (void)strcpy(note.sha256, HASH);
    weir__journalline_write(writer, &note);
}

/* A result whose last send was over at `over_ns`; 0: it was never sent. */
static inline void add_result(struct weir__writer *writer, uint64_t line, enum weir_outcome outcome, int64_t over_ns)
{
    char at[WEIR__JOURNALLINE_TIME_SIZE], sent[128] = "\"sent_at\":null,\"ttfb_ms\":null", text[512];
    int size;

    if (over_ns > 0) {
        /* the reader adds the millisecond that the moment was cut by */
        weir__journalline_format_time(over_ns - 3 * MS, false, at);
        (void)snprintf(sent, sizeof sent, "\"sent_at\":\"%s\",\"ttfb_ms\":2", at);
    }
    size = snprintf(text, sizeof text,
                    "{\"custom_id\":\"job-%" PRIu64 "\",\"response\":null,\"error\":null,\"weir\":{\"line\":%" PRIu64
                    ",\"outcome\":\"%s\",\"attempts\":%d,%s,\"total_ms\":2}",
                    line, line, weir_outcome_text(outcome), over_ns > 0, sent);
    size += snprintf(text + size, sizeof text - (size_t)size, ",\"crc\":\"%08" PRIx32 "\"}\n",
                     weir__crc32c(0, text, (size_t)size));
    weir__writer_raw(writer, NULL, text, (size_t)size);
}

static inline void save(struct weir__writer *writer)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);

    assert_false(writer->failed);
    write_file(options.file, writer->text, writer->size);
    weir__writer_clear(writer);
}

/* Lines of the journal that are results of that job, and all that are valid. */
static inline unsigned count_results(uint64_t job, unsigned *all)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_NEW);
    unsigned count = 0, lines = 0;
    struct weir__journalline line;
    size_t size;
    char *text = read_file(options.file, &size), *end;

    for (char *at = text; (end = memchr(at, '\n', size - (size_t)(at - text))) != NULL; at = end + 1) {
        weir__journalline_read(at, (size_t)(end - at), &line);
        lines += line.kind != WEIR__JOURNALLINE_INVALID;
        count += line.kind == WEIR__JOURNALLINE_RESULT && line.line == job;
    }
    free(text);
    if (all != NULL)
        *all = lines;
    return count;
}

#endif
