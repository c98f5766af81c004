/* Lines from files and streams: numbered, whole, the same whatever the reads are, in a buffer that stays small. */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define SIZED(text) (text), sizeof(text) - 1
#define MAX WEIR__INPUT_LINE_MAX_SIZE
#define WATCHDOG_S 60u /* a read that nobody ends would wait for ever */

static char folder[] = "/tmp/weir-input-XXXXXX";
static char path[sizeof folder + 16];

static int enter(void **state)
{
    (void)state;
    (void)alarm(WATCHDOG_S);
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof path, "%s/jobs", folder);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t count = write(fd, text, size);
        assert_true(count > 0);
        text += count;
        size -= (size_t)count;
    }
}

static void write_file(const char *text, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    write_all(fd, text, size);
    assert_int_equal(close(fd), 0);
}

/* What a writer sends into a pipe, so many bytes at a time. */
struct feed {
    pthread_t thread;
    int ends[2], stdin_before;
    const char *text;
    size_t size, chunk;
    struct weir__input *input;
};

static void *feed_main(void *context)
{
    const struct feed *feed = context;
    for (size_t at = 0; at < feed->size; at += feed->chunk)
        write_all(feed->ends[1], feed->text + at, feed->size - at < feed->chunk ? feed->size - at : feed->chunk);
    assert_int_equal(close(feed->ends[1]), 0);
    return NULL;
}

/* Opens `fd` as "-", and is standard input as it was afterwards. */
static void open_as_stdin(struct weir__input *input, int fd, int *before)
{
    *before = dup(STDIN_FILENO);
    assert_true(*before >= 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    assert_true(weir__input_open(input, "-"));
}

static void close_as_stdin(struct weir__input *input, int before)
{
    weir__input_close(input);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* it is not ours to close */
    assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(before), 0);
}

/* `open_end`, where it is wanted, is a copy of the pipe's end: the stream does not end before it is closed. */
static void feed_open(struct feed *feed, struct weir__input *input, const char *text, size_t size, size_t chunk,
                      int *open_end)
{
    assert_int_equal(pipe2(feed->ends, O_CLOEXEC), 0);
    feed->text = text;
    feed->size = size;
    feed->chunk = chunk;
    feed->input = input;
    open_as_stdin(input, feed->ends[0], &feed->stdin_before);
    assert_true(input->stream);
    if (open_end != NULL)
        *open_end = dup(feed->ends[1]);
    assert_int_equal(pthread_create(&feed->thread, NULL, feed_main, feed), 0);
}

static void feed_start(struct feed *feed, struct weir__input *input, const char *text, size_t size, size_t chunk)
{
    feed_open(feed, input, text, size, chunk, NULL);
}

static void feed_end(struct feed *feed, struct weir__input *input)
{
    assert_int_equal(pthread_join(feed->thread, NULL), 0);
    close_as_stdin(input, feed->stdin_before);
    assert_int_equal(close(feed->ends[0]), 0);
}

/* Appends "number:text|" of each line until the end, "number!|" for one that is too long. */
static void read_lines(struct weir__input *input, char *out, size_t out_size)
{
    enum weir__input_next next;
    const char *text;
    size_t size, at = 0;

    out[0] = '\0';
    while ((next = weir__input_next(input, &text, &size)) <= WEIR__INPUT_TOO_LONG) {
        if (next == WEIR__INPUT_LINE)
            at += (size_t)snprintf(out + at, out_size - at, "%d:%.*s|", (int)input->number, (int)size, text);
        else
            at += (size_t)snprintf(out + at, out_size - at, "%d!|", (int)input->number);
        assert_true(at < out_size);
    }
    assert_int_equal(next, WEIR__INPUT_END);
    assert_int_equal(weir__input_next(input, &text, &size), WEIR__INPUT_END); /* it stays so */
}

static const struct {
    const char *text;
    size_t size;
    const char *lines;
    uint64_t jobs;
} files[] = {
    {SIZED(""), "", 0},
    {SIZED("\n"), "", 0},
    {SIZED("a"), "1:a|", 1},
    {SIZED("a\n"), "1:a|", 1},
    {SIZED("a\nb"), "1:a|2:b|", 2},
    {SIZED("\n\na\n\nb\n\n"), "3:a|5:b|", 2},
    {SIZED("a\r\nb\r\n\r\nc\r"), "1:a|2:b|4:c|", 3},
    {SIZED(" \t\r\n a \n\t\n  "), "2: a |", 1},
    {SIZED("a\r\r\n"), "1:a\r|", 1},
    {SIZED("\xef\xbb\xbfx\n"), "1:\xef\xbb\xbfx|", 1},
    {SIZED("a\0b\n\0\n"), "1:a|2:|", 2}, /* as printed: a NUL is a byte like any other */
    {SIZED("\v\n\f\n"), "1:\v|2:\f|", 2},
};

static void lines_of_files_are_numbered_and_counted(void **state)
{
    char out[256];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct weir__input input;
        write_file(files[i].text, files[i].size);
        assert_true(weir__input_open(&input, path));
        assert_false(input.stream);
        assert_true(weir__input_survey(&input));
        assert_int_equal(input.jobs, files[i].jobs);
        assert_int_equal(input.bytes, files[i].size);
        read_lines(&input, out, sizeof out);
        assert_string_equal(out, files[i].lines);
        assert_true(weir__input_survey(&input)); /* and once more from the beginning */
        read_lines(&input, out, sizeof out);
        assert_string_equal(out, files[i].lines);
        weir__input_close(&input);
    }
}

static void streams_have_the_same_lines_byte_by_byte(void **state)
{
    char out[256];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        for (size_t chunk = 1; chunk < 4; chunk++) {
            struct weir__input input;
            struct feed feed;
            feed_start(&feed, &input, files[i].text, files[i].size, chunk);
            read_lines(&input, out, sizeof out);
            assert_string_equal(out, files[i].lines);
            assert_false(weir__input_survey(&input));
            assert_int_equal(errno, ESPIPE);
            feed_end(&feed, &input);
        }
    }
}

static void the_survey_has_the_files_hash(void **state)
{
    struct weir__input input;

    (void)state;
    write_file(SIZED("abc"));
    assert_true(weir__input_open(&input, path));
    assert_true(weir__input_survey(&input));
    assert_string_equal(input.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    weir__input_close(&input);
    weir__input_close(&input);
    weir__input_close(NULL);
}

static void a_file_that_grew_is_read_as_it_was(void **state)
{
    struct weir__input input;
    char out[64];
    int fd;

    (void)state;
    write_file(SIZED("a\nb"));
    assert_true(weir__input_open(&input, path));
    assert_true(weir__input_survey(&input));
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    write_all(fd, SIZED("bb\nc\n"));
    assert_int_equal(close(fd), 0);
    read_lines(&input, out, sizeof out);
    assert_string_equal(out, "1:a|2:b|");
    weir__input_close(&input);
}

static void a_file_that_shrank_fails(void **state)
{
    struct weir__input input;
    const char *text;
    size_t size;

    (void)state;
    write_file(SIZED("a\nbcd\n"));
    assert_true(weir__input_open(&input, path));
    assert_true(weir__input_survey(&input));
    assert_int_equal(truncate(path, 4), 0);
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_FAILED); /* half of "bcd" is no job */
    assert_int_equal(errno, ENODATA);
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_FAILED);
    assert_int_equal(input.number, 1);
    weir__input_close(&input);
}

/* Whatever changed of what was surveyed, and wherever: the end tells.  What it became is the same size, or longer. */
static void a_file_that_changed_in_place_says_so_at_its_end(void **state)
{
    const size_t size = 3 * WEIR__INPUT_BUFFER_SIZE + 1000; /* several reads */
    char *file = malloc(size);
    const char *text;
    size_t length;

    (void)state;
    assert_non_null(file);
    memset(file, 'x', size);
    for (size_t at = 99; at < size; at += 100)
        file[at] = '\n';
    for (int longer = 0; longer < 2; longer++) {
        for (size_t at = 0; at < size; at += at + 1 < size ? size - 1 : 1) { /* the first byte, and the last */
            struct weir__input input;
            enum weir__input_next next;
            int fd;
            write_file(file, size);
            assert_true(weir__input_open(&input, path));
            assert_true(weir__input_survey(&input));
            fd = open(path, O_WRONLY | O_CLOEXEC);
            assert_int_equal(pwrite(fd, "y", 1, (off_t)at), 1);
            if (longer)
                assert_int_equal(pwrite(fd, "zz\n", 3, (off_t)size), 3);
            assert_int_equal(close(fd), 0);
            while ((next = weir__input_next(&input, &text, &length)) == WEIR__INPUT_LINE)
                continue;
            assert_int_equal(next, WEIR__INPUT_CHANGED);
            assert_int_equal(weir__input_next(&input, &text, &length), WEIR__INPUT_CHANGED);
            weir__input_close(&input);
        }
    }
    free(file);
}

/* The change is behind what was read already when it came: those jobs are done. */
static void a_change_during_the_reading_is_noticed(void **state)
{
    const size_t size = 2 * WEIR__INPUT_BUFFER_SIZE;
    char *file = malloc(size);
    struct weir__input input;
    enum weir__input_next next;
    const char *text;
    size_t length;
    int fd;

    (void)state;
    assert_non_null(file);
    memset(file, 'x', size);
    for (size_t at = 99; at < size; at += 100)
        file[at] = '\n';
    write_file(file, size);
    assert_true(weir__input_open(&input, path));
    assert_true(weir__input_survey(&input));
    assert_int_equal(weir__input_next(&input, &text, &length), WEIR__INPUT_LINE);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "\n", 1, (off_t)size - 150), 1);
    assert_int_equal(close(fd), 0);
    while ((next = weir__input_next(&input, &text, &length)) == WEIR__INPUT_LINE)
        continue;
    assert_int_equal(next, WEIR__INPUT_CHANGED);
    assert_true(weir__input_survey(&input)); /* and as it is now it is fine */
    while ((next = weir__input_next(&input, &text, &length)) == WEIR__INPUT_LINE)
        continue;
    assert_int_equal(next, WEIR__INPUT_END);
    weir__input_close(&input);
    free(file);
}

/* weir run -i - <jobs, where a shell has read the first line already. */
static void a_file_as_stdin_begins_where_it_stands(void **state)
{
    struct weir__input input;
    char out[64], first[2];
    int fd, before;

    (void)state;
    write_file(SIZED("x\nabc"));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, first, 2), 2);
    open_as_stdin(&input, fd, &before);
    assert_false(input.stream);
    assert_true(weir__input_survey(&input));
    assert_int_equal(input.bytes, 3);
    assert_int_equal(input.jobs, 1);
    assert_string_equal(input.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    read_lines(&input, out, sizeof out);
    assert_string_equal(out, "1:abc|");
    close_as_stdin(&input, before);
    assert_int_equal(close(fd), 0);
}

static void what_cannot_be_read_is_refused(void **state)
{
    struct weir__input input;
    const int before = dup(STDIN_FILENO);

    (void)state;
    assert_false(weir__input_open(&input, folder));
    assert_int_equal(errno, EISDIR);
    assert_false(weir__input_open(&input, "/nonexistent/jobs"));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(close(STDIN_FILENO), 0);
    assert_false(weir__input_open(&input, "-"));
    assert_int_equal(errno, EBADF);
    weir__input_close(&input);
    assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(before), 0);
    assert_true(weir__input_open(&input, "/dev/null"));
    assert_true(input.stream);
    weir__input_close(&input);
}

/* "a", a line of `long_size`, one of only blanks and as long, "b", and so on. */
static char *long_lines(size_t long_size, size_t *out_size)
{
    char *text = malloc(2 * long_size + 64), *at = text;

    assert_non_null(text);
    at = stpcpy(at, "a\n");
    memset(at, 'x', long_size);
    at = stpcpy(at + long_size, "\nb\n");
    memset(at, ' ', long_size);
    at = stpcpy(at + long_size, "\nc");
    *out_size = (size_t)(at - text);
    return text;
}

static void check_long_lines(struct weir__input *input, size_t long_size)
{
    const bool too_long = long_size > MAX;
    const char *text = NULL;
    size_t size = 0;

    assert_int_equal(weir__input_next(input, &text, &size), WEIR__INPUT_LINE);
    assert_int_equal(weir__input_next(input, &text, &size), too_long ? WEIR__INPUT_TOO_LONG : WEIR__INPUT_LINE);
    assert_int_equal(input->number, 2);
    if (!too_long) {
        assert_int_equal(size, long_size);
        assert_int_equal(text[0], 'x');
        assert_int_equal(text[size - 1], 'x');
    }
    assert_int_equal(weir__input_next(input, &text, &size), WEIR__INPUT_LINE);
    assert_int_equal(input->number, 3);
    assert_int_equal(size, 1);
    assert_int_equal(text[0], 'b');
    if (too_long) { /* not even looked at */
        assert_int_equal(weir__input_next(input, &text, &size), WEIR__INPUT_TOO_LONG);
        assert_int_equal(input->number, 4);
    }
    assert_int_equal(weir__input_next(input, &text, &size), WEIR__INPUT_LINE);
    assert_int_equal(input->number, 5);
    assert_int_equal(text[0], 'c');
    assert_int_equal(weir__input_next(input, &text, &size), WEIR__INPUT_END);
    assert_true(input->capacity <= MAX + WEIR__INPUT_BUFFER_SIZE);
}

static const size_t long_sizes[] = {WEIR__INPUT_BUFFER_SIZE - 3,
                                    WEIR__INPUT_BUFFER_SIZE - 2,
                                    WEIR__INPUT_BUFFER_SIZE,
                                    WEIR__INPUT_BUFFER_SIZE + 1,
                                    1000000,
                                    MAX - 1,
                                    MAX,
                                    MAX + 1,
                                    MAX + 3 * WEIR__INPUT_BUFFER_SIZE};

static void lines_may_be_long_but_not_too_long(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof long_sizes / sizeof long_sizes[0]; i++) {
        struct weir__input input;
        size_t size;
        char *text = long_lines(long_sizes[i], &size);

        write_file(text, size);
        assert_true(weir__input_open(&input, path));
        assert_true(weir__input_survey(&input));
        assert_int_equal(input.jobs, long_sizes[i] > MAX ? 5 : 4);
        check_long_lines(&input, long_sizes[i]);
        weir__input_close(&input);
        free(text);
    }
}

static void a_stream_of_long_lines_has_its_hash(void **state)
{
    (void)state;
    for (size_t i = 5; i < sizeof long_sizes / sizeof long_sizes[0]; i++) {
        struct weir__input input;
        struct weir__digest digest;
        struct feed feed;
        char expected[WEIR__DIGEST_HEX_SIZE], hash[WEIR__DIGEST_HEX_SIZE];
        uint64_t lines = 0;
        size_t size;
        char *text = long_lines(long_sizes[i], &size);

        assert_true(weir__digest_begin(&digest));
        weir__digest_add(&digest, text, size);
        weir__digest_add(&digest, "\n", 1);
        assert_true(weir__digest_peek(&digest, expected));
        weir__digest_clear(&digest);
        feed_start(&feed, &input, text, size, 60000);
        check_long_lines(&input, long_sizes[i]);
        assert_true(weir__input_checkpoint(&input, true, &lines, hash));
        assert_int_equal(lines, 5);
        assert_string_equal(hash, expected);
        feed_end(&feed, &input);
        free(text);
    }
}

static void a_too_long_last_line_is_one_without_lf_too(void **state)
{
    char *text = malloc(MAX + 3);
    struct weir__input input;
    char out[64];

    (void)state;
    assert_non_null(text);
    memset(text, 'x', MAX + 3);
    text[1] = '\n';
    write_file(text, MAX + 3);
    assert_true(weir__input_open(&input, path));
    assert_true(weir__input_survey(&input));
    assert_int_equal(input.jobs, 2);
    read_lines(&input, out, sizeof out);
    assert_string_equal(out, "1:x|2!|");
    weir__input_close(&input);
    free(text);
}

/* A line of the greatest length whose end is where a read ends, and one at the end of the file. */
static void the_longest_line_may_end_with_a_read(void **state)
{
    char *file = malloc(2 * MAX + 1);
    struct weir__input input;
    const char *text;
    size_t size;

    (void)state;
    assert_non_null(file);
    memset(file, 'x', 2 * MAX + 1);
    file[MAX] = '\n';
    write_file(file, 2 * MAX + 1);
    assert_true(weir__input_open(&input, path));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
        assert_int_equal(size, MAX);
    }
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_END);
    weir__input_close(&input);
    free(file);
}

/* A long line now and then must not leave its buffer; many of them should find it there. */
static void the_buffer_is_small_again_after_a_long_line(void **state)
{
    const size_t long_size = 12 * WEIR__INPUT_BUFFER_SIZE, short_count = 20000, total = long_size + short_count * 50;
    char *file = malloc(total);
    struct weir__input input;
    const char *text;
    size_t size;

    (void)state;
    assert_non_null(file);
    memset(file, 'x', total);
    for (size_t at = long_size - 1; at < total; at += 50)
        file[at] = '\n';
    write_file(file, total);
    assert_true(weir__input_open(&input, path));
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
    assert_int_equal(size, long_size - 1);
    assert_true(input.capacity >= long_size);
    assert_int_equal(input.start, input.end); /* so that the next line takes a read */
    for (size_t i = 0; i < short_count; i++) {
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
        assert_int_equal(size, 49);
        assert_int_equal(text[48], 'x');
        if (i == 0) /* it might be one of many long ones */
            assert_true(input.capacity >= long_size);
        if (i * 50 > 2 * WEIR__INPUT_BUFFER_SIZE)
            assert_int_equal(input.capacity, WEIR__INPUT_BUFFER_SIZE);
    }
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_END);
    weir__input_close(&input);
    free(file);
}

/* All checkpoints of a stream, as text. */
static void read_checkpoints(const char *text, size_t size, size_t chunk, char *out, size_t out_size)
{
    struct weir__input input;
    struct feed feed;
    enum weir__input_next next;
    char hash[WEIR__DIGEST_HEX_SIZE];
    const char *line;
    uint64_t lines;
    size_t at = 0, length;

    feed_start(&feed, &input, text, size, chunk);
    do {
        next = weir__input_next(&input, &line, &length);
        if (weir__input_checkpoint(&input, next == WEIR__INPUT_END, &lines, hash))
            at += (size_t)snprintf(out + at, out_size - at, "%d:%.8s ", (int)lines, hash);
        assert_true(at < out_size);
    } while (next == WEIR__INPUT_LINE);
    assert_int_equal(next, WEIR__INPUT_END);
    feed_end(&feed, &input);
}

/* 13,000 lines, every third of them empty. */
static char *many_lines(size_t *out_size)
{
    char *text = malloc(13000 * 16), *at = text;

    assert_non_null(text);
    for (int i = 1; i <= 13000; i++)
        at += i % 3 == 0 ? sprintf(at, "\r\n") : sprintf(at, "line %d\n", i);
    *out_size = (size_t)(at - text);
    return text;
}

static void checkpoints_depend_on_the_bytes_alone(void **state)
{
    static const size_t chunks[] = {7, 4096, 65536, 1000000};
    char first[4096], again[4096];
    size_t size;
    char *text = many_lines(&size);

    (void)state;
    read_checkpoints(text, size, 1, first, sizeof first);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        read_checkpoints(text, size, chunks[i], again, sizeof again);
        assert_string_equal(again, first);
    }
    free(text);
}

/* A checkpoint's hash is that of the lines up to it: the same as the file's with just those. */
static void checkpoints_are_hashes_of_so_many_lines(void **state)
{
    uint64_t expected = 1; /* the next one: a power of two, or 256 after the last */
    size_t size, at = 0;
    struct weir__digest digest;
    struct weir__input input;
    struct feed feed;
    char *text = many_lines(&size), hash[WEIR__DIGEST_HEX_SIZE], so_far[WEIR__DIGEST_HEX_SIZE];
    const char *line;
    uint64_t lines, seen = 0;
    size_t length;

    (void)state;
    assert_true(weir__digest_begin(&digest));
    feed_start(&feed, &input, text, size, 1000);
    while (weir__input_next(&input, &line, &length) == WEIR__INPUT_LINE) {
        if (!weir__input_checkpoint(&input, false, &lines, hash))
            continue;
        assert_int_equal(lines, expected + (expected % 3 == 0)); /* that line is empty */
        expected = expected < 256 ? expected * 2 : expected + 256;
        for (; seen < lines; seen++) {
            const size_t line_size = (size_t)((char *)memchr(text + at, '\n', size - at) - (text + at)) + 1;
            weir__digest_add(&digest, text + at, line_size);
            at += line_size;
        }
        assert_true(weir__digest_peek(&digest, so_far));
        assert_string_equal(hash, so_far);
    }
    assert_int_equal(expected, 13056); /* 13,000 lines */
    weir__digest_clear(&digest);
    feed_end(&feed, &input);
    free(text);
}

/* Where each second line is empty, the 256th is, too; the next one stands in for it. */
static void empty_lines_hide_no_checkpoint(void **state)
{
    char *text = malloc(30000), *at = text, out[4096];

    (void)state;
    assert_non_null(text);
    for (int i = 0; i < 10000; i++)
        at = stpcpy(at, i % 2 == 0 ? "x\n" : "\n");
    read_checkpoints(text, (size_t)(at - text), 30000, out, sizeof out);
    assert_non_null(strstr(out, "1:"));
    assert_non_null(strstr(out, " 3:"));
    assert_non_null(strstr(out, " 129:"));
    assert_non_null(strstr(out, " 257:"));
    assert_non_null(strstr(out, " 513:"));
    assert_non_null(strstr(out, " 769:"));
    assert_non_null(strstr(out, " 9985:"));
    assert_non_null(strstr(out, " 10000:")); /* the end counts all of them */
    free(text);
}

static void a_stream_may_go_on_behind_a_line_without_lf(void **state)
{
    char cut[256], whole[256], longer[256];

    (void)state;
    read_checkpoints(SIZED("a\nb"), 2, cut, sizeof cut);
    read_checkpoints(SIZED("a\nb\n"), 2, whole, sizeof whole);
    read_checkpoints(SIZED("a\nb\nc\n"), 2, longer, sizeof longer);
    assert_string_equal(cut, whole);
    assert_memory_equal(cut, longer, 22); /* "1:... 2:... " */
    read_checkpoints(SIZED("a\nB"), 2, longer, sizeof longer);
    assert_memory_equal(cut, longer, 11);
    assert_memory_not_equal(cut, longer, 22);
    read_checkpoints(SIZED(""), 1, cut, sizeof cut);
    assert_string_equal(cut, "0:e3b0c442 ");
    read_checkpoints(SIZED("\n  "), 1, cut, sizeof cut);
    assert_memory_equal(cut, "2:", 2);
}

/* Wakes the reader once it has taken all that is in the pipe, so that it waits or is about to. */
static void *wake_when_empty(void *context)
{
    struct weir__input *input = context;
    int left;

    do
        assert_int_equal(ioctl(input->fd, FIONREAD, &left), 0);
    while (left > 0 && usleep(100) == 0);
    weir__input_wake(input);
    return NULL;
}

static void *wake_when_fed(void *context)
{
    struct feed *feed = context;

    assert_int_equal(pthread_join(feed->thread, NULL), 0);
    return wake_when_empty(feed->input);
}

static void assert_hash_of(const char *hash, const char *text, size_t size)
{
    char expected[WEIR__DIGEST_HEX_SIZE];
    struct weir__digest digest;

    assert_true(weir__digest_begin(&digest));
    weir__digest_add(&digest, text, size);
    assert_true(weir__digest_peek(&digest, expected));
    weir__digest_clear(&digest);
    assert_string_equal(hash, expected);
}

/* After any line, as often as one likes; what comes later has the same hashes as if nobody had asked. */
static void a_checkpoint_can_be_forced_after_any_line(void **state)
{
    static const char text[] = "a\n\nb\n\n\nc\nd\ne";
    static const struct {
        uint64_t number;
        size_t size;
    } lines[] = {{1, 2}, {3, 5}, {6, 9}, {7, 11}, {8, 12}};
    char hash[WEIR__DIGEST_HEX_SIZE];
    struct weir__input input;
    struct feed feed;
    const char *line;
    uint64_t number;
    size_t size;

    (void)state;
    for (size_t chunk = 1; chunk < sizeof text; chunk++) {
        feed_start(&feed, &input, text, sizeof text - 1, chunk);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(weir__input_next(&input, &line, &size), WEIR__INPUT_LINE);
            for (int again = 0; again < 2; again++) {
                number = 0;
                assert_true(weir__input_checkpoint(&input, true, &number, hash));
                assert_int_equal(number, lines[i].number);
                if (i == 4)
                    assert_hash_of(hash, SIZED("a\n\nb\n\n\nc\nd\ne\n"));
                else
                    assert_hash_of(hash, text, lines[i].size);
            }
        }
        assert_int_equal(weir__input_next(&input, &line, &size), WEIR__INPUT_END);
        assert_true(weir__input_checkpoint(&input, true, &number, hash));
        assert_int_equal(number, 8);
        feed_end(&feed, &input);
    }
}

/* A stop while the next line is waited for: the last one returned is where the runs can be compared, unless what came
 * behind it is in the hash. */
static void a_woken_stream_has_a_checkpoint_only_at_a_line_it_returned(void **state)
{
    static const struct {
        const char *behind; /* the line "a", not a whole line of its own */
        bool forced;
    } cases[] = {{"", true}, {"b", true}, {"\n", false}, {"\n \nb", false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char hash[WEIR__DIGEST_HEX_SIZE];
        struct weir__input input;
        pthread_t thread;
        int ends[2], before;
        uint64_t number = 77;
        const char *text;
        size_t size;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        open_as_stdin(&input, ends[0], &before);
        write_all(ends[1], SIZED("a\n"));
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
        write_all(ends[1], cases[i].behind, strlen(cases[i].behind));
        assert_int_equal(pthread_create(&thread, NULL, wake_when_empty, &input), 0);
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_WOKEN);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(weir__input_checkpoint(&input, true, &number, hash) == cases[i].forced);
        assert_int_equal(number, cases[i].forced ? 1 : 77);
        if (cases[i].forced)
            assert_hash_of(hash, SIZED("a\n"));
        close_as_stdin(&input, before);
        assert_int_equal(close(ends[0]), 0);
        assert_int_equal(close(ends[1]), 0);
    }
}

/* In the middle of a line that is passed over, since it is too long, there is nothing to compare. */
static void a_stream_woken_inside_a_too_long_line_has_no_checkpoint(void **state)
{
    char hash[WEIR__DIGEST_HEX_SIZE], *text = malloc(2 * MAX);
    struct weir__input input;
    struct feed feed;
    pthread_t thread;
    const char *line;
    uint64_t number;
    size_t size;
    int open_end;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 2 * MAX);
    text[1] = '\n';
    feed_open(&feed, &input, text, 2 * MAX, 100000, &open_end);
    assert_int_equal(weir__input_next(&input, &line, &size), WEIR__INPUT_LINE);
    assert_int_equal(pthread_create(&thread, NULL, wake_when_fed, &feed), 0);
    assert_int_equal(weir__input_next(&input, &line, &size), WEIR__INPUT_WOKEN);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(weir__input_checkpoint(&input, true, &number, hash));
    assert_int_equal(close(open_end), 0);
    close_as_stdin(&input, feed.stdin_before);
    assert_int_equal(close(feed.ends[0]), 0);
    free(text);
}

static void a_file_has_no_checkpoints(void **state)
{
    struct weir__input input;
    char hash[WEIR__DIGEST_HEX_SIZE];
    const char *text;
    uint64_t lines;
    size_t size;

    (void)state;
    write_file(SIZED("a\n"));
    assert_true(weir__input_open(&input, path));
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
    assert_false(weir__input_checkpoint(&input, false, &lines, hash));
    assert_false(weir__input_checkpoint(&input, true, &lines, hash));
    weir__input_close(&input);
}

static void *wake_main(void *input)
{
    weir__input_wake(input);
    return NULL;
}

/* Whichever comes first, the wait or the wake. */
static void a_wake_ends_a_read_that_waits(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct weir__input input;
        pthread_t thread;
        int ends[2], before;
        const char *text;
        size_t size;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        open_as_stdin(&input, ends[0], &before);
        write_all(ends[1], SIZED("a\nb")); /* then the rest of b is waited for */
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
        assert_int_equal(pthread_create(&thread, NULL, wake_main, &input), 0);
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_WOKEN);
        write_all(ends[1], SIZED("\nc\n"));
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_WOKEN);
        assert_int_equal(pthread_join(thread, NULL), 0);
        close_as_stdin(&input, before);
        assert_int_equal(close(ends[0]), 0);
        assert_int_equal(close(ends[1]), 0);
    }
}

static void a_wake_ends_the_reading_of_a_file(void **state)
{
    struct weir__input input;
    const char *text;
    size_t size;

    (void)state;
    write_file(SIZED("a\nb\n"));
    assert_true(weir__input_open(&input, path));
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
    weir__input_wake(&input);
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_WOKEN);
    assert_false(weir__input_survey(&input));
    assert_int_equal(errno, EINTR);
    weir__input_close(&input);
}

static void *write_fifo(void *unused)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    (void)unused;
    assert_true(fd >= 0);
    write_all(fd, SIZED("a\nb\n"));
    assert_int_equal(close(fd), 0);
    return NULL;
}

/* A named pipe nobody has opened yet: it is waited for, its end is not yet there, and the wait can be ended. */
static void a_named_pipe_waits_for_its_writer(void **state)
{
    struct weir__input input;
    pthread_t thread;
    const char *text;
    char out[64];
    size_t size;

    (void)state;
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(weir__input_open(&input, path));
    assert_int_equal(pthread_create(&thread, NULL, wake_main, &input), 0);
    assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_WOKEN);
    assert_int_equal(pthread_join(thread, NULL), 0);
    weir__input_close(&input);

    assert_true(weir__input_open(&input, path));
    assert_int_equal(pthread_create(&thread, NULL, write_fifo, NULL), 0);
    read_lines(&input, out, sizeof out);
    assert_string_equal(out, "1:a|2:b|");
    assert_int_equal(pthread_join(thread, NULL), 0);
    weir__input_close(&input);
    assert_int_equal(unlink(path), 0);
}

/* A line is there as soon as its LF is, whether or not more comes. */
static void a_line_does_not_wait_for_the_next(void **state)
{
    struct weir__input input;
    int ends[2], before;
    const char *text;
    size_t size;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    open_as_stdin(&input, ends[0], &before);
    for (int i = 0; i < 3; i++) {
        write_all(ends[1], SIZED("a\n"));
        assert_int_equal(weir__input_next(&input, &text, &size), WEIR__INPUT_LINE);
        assert_int_equal(size, 1);
    }
    close_as_stdin(&input, before);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_files_are_numbered_and_counted),
        cmocka_unit_test(streams_have_the_same_lines_byte_by_byte),
        cmocka_unit_test(the_survey_has_the_files_hash),
        cmocka_unit_test(a_file_that_grew_is_read_as_it_was),
        cmocka_unit_test(a_file_that_shrank_fails),
        cmocka_unit_test(a_file_that_changed_in_place_says_so_at_its_end),
        cmocka_unit_test(a_change_during_the_reading_is_noticed),
        cmocka_unit_test(a_file_as_stdin_begins_where_it_stands),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(lines_may_be_long_but_not_too_long),
        cmocka_unit_test(a_stream_of_long_lines_has_its_hash),
        cmocka_unit_test(a_too_long_last_line_is_one_without_lf_too),
        cmocka_unit_test(the_longest_line_may_end_with_a_read),
        cmocka_unit_test(the_buffer_is_small_again_after_a_long_line),
        cmocka_unit_test(checkpoints_depend_on_the_bytes_alone),
        cmocka_unit_test(checkpoints_are_hashes_of_so_many_lines),
        cmocka_unit_test(empty_lines_hide_no_checkpoint),
        cmocka_unit_test(a_stream_may_go_on_behind_a_line_without_lf),
        cmocka_unit_test(a_checkpoint_can_be_forced_after_any_line),
        cmocka_unit_test(a_woken_stream_has_a_checkpoint_only_at_a_line_it_returned),
        cmocka_unit_test(a_stream_woken_inside_a_too_long_line_has_no_checkpoint),
        cmocka_unit_test(a_file_has_no_checkpoints),
        cmocka_unit_test(a_wake_ends_a_read_that_waits),
        cmocka_unit_test(a_wake_ends_the_reading_of_a_file),
        cmocka_unit_test(a_named_pipe_waits_for_its_writer),
        cmocka_unit_test(a_line_does_not_wait_for_the_next),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
