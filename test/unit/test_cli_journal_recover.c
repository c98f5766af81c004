/* What a journal that was torn, bent or abandoned says, and that nothing in it is believed which does not fit. */
#include "test_cli_journal_support.h"

#include "base/clock.h"
#include "cli/journal_parts.h"

#define LINES 20u

/* 20 lines: a head, a start, and 18 results of jobs 1 to 18, in rising order. */
static struct weir__writer twenty_lines(size_t ends[LINES])
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    for (unsigned i = 0; i < LINES; i++) {
        if (i == 0)
            add_head(&writer);
        else if (i == 1)
            add_note(&writer, WEIR__JOURNALLINE_START, 0, NOW_NS - 5 * SECOND);
        else
            add_result(&writer, i - 1, i % 3 == 0 ? WEIR_OUTCOME_FAILED : WEIR_OUTCOME_SUCCEEDED, NOW_NS - SECOND);
        ends[i] = writer.size;
    }
    return writer;
}

static void put(const char *text, size_t size)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);

    write_file(options.file, text, size);
}

/* Exactly the jobs 1 to `jobs` are done, and the file takes a line that is then read back. */
static void assert_goes_on(struct weir__journal *journal, struct weir__past *past, uint64_t jobs)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__writer more = WEIR__WRITER_INIT;

    assert_int_equal(past->done_count, jobs);
    for (uint64_t job = 1; job < LINES; job++)
        assert_true(weir__bits_get(&past->done, job) == (job <= jobs));
    add_result(&more, 100, WEIR_OUTCOME_SUCCEEDED, 0);
    assert_true(weir__journal_write(journal, more.text, more.size, -1));
    assert_true(weir__journal_close(journal));
    weir__writer_clear(&more);
    weir__past_clear(past);
    must_open(journal, &options, past);
    assert_string_equal(said, "");
    assert_int_equal(past->done_count, jobs + 1);
    assert_true(weir__bits_get(&past->done, 100));
    assert_true(weir__journal_close(journal));
    weir__past_clear(past);
}

/* Whole lines stay, the torn one goes, with a word that says where and how much. */
static void cut_at_any_byte_it_goes_on_with_its_whole_lines(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    size_t ends[LINES];
    struct weir__writer writer = twenty_lines(ends);

    (void)state;
    for (size_t size = 0; size <= writer.size; size++) {
        struct weir__journal journal;
        struct weir__past past;
        unsigned whole = 0;
        char words[64];
        while (whole < LINES && ends[whole] <= size)
            whole++;
        put(writer.text, size);
        must_open(&journal, &options, &past);
        (void)snprintf(words, sizeof words, "cut off %zu bytes from line %u on",
                       size - (whole > 0 ? ends[whole - 1] : 0), whole + 1);
        if (size == (whole > 0 ? ends[whole - 1] : 0))
            assert_string_equal(said, "");
        else if (strstr(said, words) == NULL)
            fail_msg("cut at %zu: wanted \"%s\", got \"%s\"", size, words, said);
        assert_true(past.exists == (whole > 0));
        assert_goes_on(&journal, &past, whole > 2 ? whole - 2 : 0);
    }
    weir__writer_clear(&writer);
}

static void one_flip(const struct weir__writer *writer, const size_t ends[LINES], size_t at, char byte)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    const char held = writer->text[at];
    struct weir__journal journal = {0};
    struct weir__past past;
    unsigned line = 0;
    bool ours;
    char words[64];
    int code;

    while (ends[line] <= at)
        line++;
    ours = at >= sizeof "{\"journal\":{\"format\":" - 1 || (byte == '\n' && at > 0); /* by its first words */
    writer->text[at] = byte;
    put(writer->text, writer->size);
    writer->text[at] = held;
    code = open_journal(&journal, &options, &past);
    (void)snprintf(words, sizeof words, ours ? "line %u is damaged" : "is no journal", line + 1);
    if (line == LINES - 1 || at == ends[LINES - 2] - 1) { /* nothing after it is a line: it was not finished, perhaps */
        assert_int_equal(code, WEIR__EXIT_OK);
        assert_goes_on(&journal, &past, line - 2);
    } else if (code != WEIR__EXIT_JOURNAL || strstr(said, words) == NULL) {
        fail_msg("byte %zu: wanted \"%s\", got %d and \"%s\"", at, words, code, said);
    } else {
        size_t size;
        char *text = read_file(options.file, &size);
        assert_int_equal(size, writer->size); /* and it is left as it is */
        assert_int_equal(text[at], byte);
        free(text);
    }
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
}

static void any_byte_that_is_wrong_is_noticed_and_its_line_named(void **state)
{
    size_t ends[LINES];
    struct weir__writer writer = twenty_lines(ends);

    (void)state;
    for (size_t at = 0; at < writer.size; at++) {
        const char bytes[] = {(char)(writer.text[at] ^ 1), (char)(writer.text[at] ^ 0x80), '\n', '\0'};
        for (size_t i = 0; i < sizeof bytes; i++)
            if (bytes[i] != writer.text[at])
                one_flip(&writer, ends, at, bytes[i]);
    }
    weir__writer_clear(&writer);
}

/* What a power cut may leave where the size was already written: zeros, more than any buffer holds. */
static void a_tail_of_zeros_is_cut_off_whatever_its_size(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    size_t ends[LINES];
    struct weir__writer writer = twenty_lines(ends);
    struct weir__journal journal;
    struct weir__past past;

    (void)state;
    put(writer.text, ends[10] + 5);
    assert_int_equal(truncate(options.file, 100000000), 0);
    must_open(&journal, &options, &past);
    assert_non_null(strstr(said, "from line 12 on"));
    assert_goes_on(&journal, &past, 9);
    put(writer.text, ends[10]);
    assert_int_equal(truncate(options.file, 100000000), 0);
    must_open(&journal, &options, &past);
    assert_goes_on(&journal, &past, 9);
    weir__writer_clear(&writer);
}

/* Longer than the buffer at first, and not at its beginning. */
static void a_line_of_some_megabytes_is_read(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    const size_t long_size = 5000000;
    struct weir__writer writer = WEIR__WRITER_INIT;
    char *body = malloc(long_size), tail[32];
    struct weir__journal journal;
    struct weir__past past;
    size_t from;
    int size;

    (void)state;
    assert_non_null(body);
    memset(body, 'x', long_size);
    add_head(&writer);
    for (uint64_t job = 1; job <= 18; job += 2) {
        const char weir[] = ",\"weir\":{\"line\":%u,\"outcome\":\"succeeded\"}";
        char text[128];
        add_result(&writer, job, WEIR_OUTCOME_SUCCEEDED, 0);
        from = writer.size;
        weir__writer_raw(&writer, NULL, "{\"custom_id\":\"", 14);
        weir__writer_raw(&writer, NULL, body, job == 9 ? long_size : 10);
        size = snprintf(text, sizeof text, weir, (unsigned)job + 1);
        weir__writer_raw(&writer, NULL, "\"", 1);
        weir__writer_raw(&writer, NULL, text, (size_t)size);
        size = snprintf(tail, sizeof tail, ",\"crc\":\"%08" PRIx32 "\"}\n",
                        weir__crc32c(0, writer.text + from, writer.size - from));
        weir__writer_raw(&writer, NULL, tail, (size_t)size);
    }
    save(&writer);
    must_open(&journal, &options, &past);
    assert_goes_on(&journal, &past, 18);
    free(body);
}

static void what_is_no_journal_is_left_alone(void **state)
{
    static const char *const texts[] = {"x",
                                        "\n",
                                        "\n{\"journal\":",
                                        "{}\n",
                                        "{\"custom_id\":\"a\"}\n",
                                        "{\"journal\":{\"event\":\"end\"}}\n",
                                        "{\"journal\":{\"format\":1}",
                                        "{\"journal\":{\"format\":1}\n"};

    (void)state;
    for (enum weir__journal_mode mode = WEIR__JOURNAL_RESUME; mode <= WEIR__JOURNAL_RETRY_FAILED; mode++) {
        const struct weir__journal_options options = options_of(mode);
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            size_t size;
            char *text;
            if (i == 6) /* torn, not strange */
                continue;
            put(texts[i], strlen(texts[i]));
            assert_refused(&options, WEIR__EXIT_JOURNAL, i < 6 ? "is no journal of weir" : "line 1 is damaged");
            text = read_file(options.file, &size);
            assert_string_equal(text, texts[i]);
            free(text);
        }
    }
}

/* What `text` says, as a line with a fitting checksum. */
static void add_sealed(struct weir__writer *writer, const char *text)
{
    const size_t from = writer->size;

    weir__writer_raw(writer, NULL, text, strlen(text));
    weir__journalline_seal(writer, from);
}

/* Refused, that line named, and every byte left as it is. */
static void assert_strange(enum weir__journal_mode mode, const char *text, size_t size, unsigned line)
{
    const struct weir__journal_options options = options_of(mode);
    char words[64], *left;
    size_t left_size;

    put(text, size);
    (void)snprintf(words, sizeof words, "line %u was written by another version of weir", line);
    assert_refused(&options, WEIR__EXIT_JOURNAL, words);
    left = read_file(options.file, &left_size);
    assert_int_equal(left_size, size);
    assert_memory_equal(left, text, size);
    free(left);
}

/* A newer version's lines are not ours to cut off or to pass over: at the end, before other lines, without a line end.
 */
static void what_another_version_wrote_is_neither_damage_nor_a_torn_end(void **state)
{
    static const char *const strange[] = {
        "{\"journal\":{\"event\":\"paused\",\"line\":3}", "{\"progress\":{\"done\":5}",
        "{\"custom_id\":\"a\",\"error\":null,\"weir\":{\"line\":3,\"outcome\":\"postponed\"}"};

    (void)state;
    for (enum weir__journal_mode mode = WEIR__JOURNAL_RESUME; mode <= WEIR__JOURNAL_RETRY_FAILED; mode++) {
        for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
            struct weir__writer writer = WEIR__WRITER_INIT;
            add_head(&writer);
            add_result(&writer, 1, WEIR_OUTCOME_FAILED, 0);
            add_sealed(&writer, strange[i]);
            assert_strange(mode, writer.text, writer.size, 3);
            assert_strange(mode, writer.text, writer.size - 1, 3);
            weir__writer_raw(&writer, NULL, "torn", 4);
            assert_strange(mode, writer.text, writer.size, 3);
            writer.size -= 4;
            add_result(&writer, 2, WEIR_OUTCOME_SUCCEEDED, 0);
            assert_strange(mode, writer.text, writer.size, 3);
            weir__writer_clear(&writer);
        }
    }
}

static void a_head_of_another_format_is_another_versions(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    add_sealed(&writer, "{\"journal\":{\"format\":2,\"id\":\"" ID "\",\"source\":\"stream\"}");
    assert_strange(WEIR__JOURNAL_RESUME, writer.text, writer.size - 1, 1);
    assert_strange(WEIR__JOURNAL_RESUME, writer.text, writer.size, 1);
    add_result(&writer, 1, WEIR_OUTCOME_FAILED, 0);
    assert_strange(WEIR__JOURNAL_RETRY_FAILED, writer.text, writer.size, 1);
    weir__writer_clear(&writer);
}

/* An invalid line before one that is sound is damage, whoever wrote that. */
static void a_strange_line_behind_an_invalid_one_is_damage(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    add_head(&writer);
    weir__writer_raw(&writer, NULL, "torn\n", 5);
    add_sealed(&writer, "{\"journal\":{\"event\":\"paused\"}");
    save(&writer);
    assert_refused(&options, WEIR__EXIT_JOURNAL, "line 2 is damaged");
}

/* Gigabytes without a line end are no journal: that is known after the first of them. */
static void a_first_line_that_is_no_head_is_not_read_to_its_end(void **state)
{
    static const char *const begins[] = {"{\"custom_id\":", "x", "{\"journal\":{\"format\":1,"};
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);

    (void)state;
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        struct weir__journal_lines lines;
        const char *text;
        size_t size;
        int fd;
        put(begins[i], strlen(begins[i]));
        assert_int_equal(truncate(options.file, 100000000), 0); /* zeros take no place */
        fd = open(options.file, O_RDONLY | O_CLOEXEC);
        weir__journal_lines_init(&lines, fd);
        assert_int_equal(weir__journal_lines_next(&lines, &text, &size), WEIR__JOURNAL_LINE);
        assert_int_equal(lines.number, 1);
        assert_false(lines.whole);
        assert_true(size > WEIR__JOURNAL_HEAD_MAX_SIZE);
        assert_memory_equal(text, begins[i], strlen(begins[i]));
        assert_in_range(lines.capacity, 1, 2000000);
        assert_in_range(lines.next, 1, 2000000);
        weir__journal_lines_clear(&lines);
        assert_int_equal(close(fd), 0);
        assert_refused(&options, WEIR__EXIT_JOURNAL, i < 2 ? "is no journal of weir" : "line 1 is damaged");
    }
}

/* Whether its end was in the first read or not. */
static void a_first_line_longer_than_a_head_is_none(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__writer writer = WEIR__WRITER_INIT;
    static const char begins[] = "{\"journal\":{\"format\":1,\"x\":\"",
                      rest[] = "\",\"id\":\"" ID "\",\"source\":\"stream\"}";
    char pad[WEIR__JOURNAL_HEAD_MAX_SIZE];

    (void)state;
    memset(pad, 'x', sizeof pad);
    weir__writer_raw(&writer, NULL, begins, sizeof begins - 1);
    weir__writer_raw(&writer, NULL, pad, sizeof pad);
    weir__writer_raw(&writer, NULL, rest, sizeof rest - 1);
    weir__journalline_seal(&writer, 0);
    save(&writer);
    options.head.source = WEIR__JOURNALLINE_STREAM;
    assert_refused(&options, WEIR__EXIT_JOURNAL, "line 1 is damaged");
}

/* A checksum only says that a line is as it was written. */
static void jobs_that_cannot_be_are_damage_and_take_no_memory(void **state)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    const uint64_t numbers[] = {1000001, UINT64_C(1000000000001), INT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct weir__writer writer = WEIR__WRITER_INIT;
        add_head(&writer);
        add_result(&writer, numbers[i], WEIR_OUTCOME_SUCCEEDED, 0);
        save(&writer);
        assert_refused(&options, WEIR__EXIT_JOURNAL, "line 2 is damaged");
        if (i > 0) { /* even a stream, of which nobody knows how long it is, has no such job */
            options.head.source = WEIR__JOURNALLINE_STREAM;
            options.head.sha256[0] = '\0';
            options.head.jobs = 0;
            weir__journalline_write(&writer, &options.head);
            add_note(&writer, WEIR__JOURNALLINE_INTENT, numbers[i], 0);
            save(&writer);
            assert_refused(&options, WEIR__EXIT_JOURNAL, "line 2 is damaged");
            options = options_of(WEIR__JOURNAL_RESUME);
        }
    }
}

static void two_journals_in_one_are_damage(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    add_head(&writer);
    add_result(&writer, 1, WEIR_OUTCOME_SUCCEEDED, 0);
    add_head(&writer);
    save(&writer);
    assert_refused(&options, WEIR__EXIT_JOURNAL, "line 3 is damaged");
}

static void open_and_check(struct weir__writer *writer, struct weir__past *past, uint32_t memory_max)
{
    struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    struct weir__journal journal;

    options.memory_max = memory_max;
    save(writer);
    must_open(&journal, &options, past);
    assert_true(weir__journal_close(&journal));
}

static void intents_are_open_until_a_result_or_a_cancellation(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__past past;

    (void)state;
    add_head(&writer);
    for (uint64_t job = 1; job <= 5; job++)
        add_note(&writer, WEIR__JOURNALLINE_INTENT, job, 0);
    add_result(&writer, 2, WEIR_OUTCOME_FAILED, 0);
    add_note(&writer, WEIR__JOURNALLINE_CANCELLED, 3, NOW_NS);
    add_note(&writer, WEIR__JOURNALLINE_CANCELLED, 4, NOW_NS);
    add_note(&writer, WEIR__JOURNALLINE_INTENT, 4, 0); /* another run tried again */
    add_note(&writer, WEIR__JOURNALLINE_INTENT, 4, 0);
    add_result(&writer, 5, WEIR_OUTCOME_CANCELLED, 0);
    add_note(&writer, WEIR__JOURNALLINE_CANCELLED, 77, NOW_NS);
    open_and_check(&writer, &past, 0);
    for (uint64_t job = 1; job <= 5; job++)
        assert_true(weir__bits_get(&past.open, job) == (job == 1 || job == 4));
    assert_int_equal(past.open_count, 2);
    assert_int_equal(past.done_count, 1);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_FAILED], 1);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_CANCELLED], 0);
    assert_int_equal(past.last_line, 77);
    assert_int_equal(past.send_count, 0);
    weir__past_clear(&past);
}

static void a_job_with_two_results_counts_once(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__past past;

    (void)state;
    add_head(&writer);
    add_result(&writer, 2, WEIR_OUTCOME_FAILED, 0);
    add_result(&writer, 2, WEIR_OUTCOME_SUCCEEDED, 0);
    open_and_check(&writer, &past, 0);
    assert_int_equal(past.done_count, 1);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_FAILED], 1);
    assert_int_equal(past.outcomes[WEIR_OUTCOME_SUCCEEDED], 0);
    weir__past_clear(&past);
}

/* Lines are in order of completion: the newest sends are not the last lines. */
static void the_newest_sends_are_kept_oldest_first(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__past past;

    (void)state;
    add_head(&writer);
    for (uint64_t i = 0; i < 40; i++) /* 1 s to 40 s ago, mixed; 17 is coprime to 40 */
        add_result(&writer, i + 1, WEIR_OUTCOME_SUCCEEDED, NOW_NS - (int64_t)(i * 17 % 40 + 1) * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_ATTEMPT, 41, NOW_NS - SECOND / 2);
    add_note(&writer, WEIR__JOURNALLINE_CANCELLED, 42, NOW_NS + 100 * SECOND); /* the clock was set back */
    add_result(&writer, 43, WEIR_OUTCOME_FAILED, 0);                           /* never sent */
    add_result(&writer, 44, WEIR_OUTCOME_FAILED, NOW_NS - 60 * SECOND);        /* forgotten just now */
    open_and_check(&writer, &past, 12);
    assert_int_equal(past.send_count, 12);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(past.sends[i].ago_ns, (int64_t)(10 - i) * SECOND);
        assert_int_equal(past.sends[i].count, 1);
    }
    assert_int_equal(past.sends[10].ago_ns, SECOND / 2);
    assert_int_equal(past.sends[11].ago_ns, 0);
    weir__past_clear(&past);
}

/* As many lines as make the heap grow, all of them asked for. */
static void all_sends_are_kept_where_all_are_asked_for(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__past past;

    (void)state;
    add_head(&writer);
    for (uint64_t i = 0; i < 1000; i++)
        add_result(&writer, i + 1, WEIR_OUTCOME_SUCCEEDED, NOW_NS - (int64_t)(i * 17 % 1000) * MS);
    add_note(&writer, WEIR__JOURNALLINE_IN_FLIGHT, 8, 0);
    open_and_check(&writer, &past, 5000);
    assert_int_equal(past.send_count, 1001);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(past.sends[i].ago_ns, (int64_t)(999 - i) * MS);
    assert_int_equal(past.sends[1000].ago_ns, 0);
    assert_int_equal(past.sends[1000].count, 8);
    weir__past_clear(&past);
}

/* A run that ended without a word may have had so many on their way that nobody wrote down. */
static void an_unfinished_runs_sends_count_as_just_over(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__past past;

    (void)state;
    add_head(&writer);
    add_note(&writer, WEIR__JOURNALLINE_START, 0, NOW_NS - 50 * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_IN_FLIGHT, 4, 0);
    add_note(&writer, WEIR__JOURNALLINE_END, 0, NOW_NS - 45 * SECOND); /* in order: none */
    add_note(&writer, WEIR__JOURNALLINE_START, 0, NOW_NS - 40 * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_IN_FLIGHT, 2, 0);
    add_note(&writer, WEIR__JOURNALLINE_IN_FLIGHT, 5, 0); /* the last one says how many */
    add_note(&writer, WEIR__JOURNALLINE_START, 0, NOW_NS - 30 * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_START, 0, NOW_NS - 20 * SECOND);
    add_result(&writer, 1, WEIR_OUTCOME_SUCCEEDED, NOW_NS - 10 * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_IN_FLIGHT, UINT64_C(1) << 40, 0);
    open_and_check(&writer, &past, 10);
    assert_int_equal(past.send_count, 3);
    assert_int_equal(past.sends[0].ago_ns, 30 * SECOND); /* the killed one's were over when the next began */
    assert_int_equal(past.sends[0].count, 5);
    assert_int_equal(past.sends[1].ago_ns, 10 * SECOND);
    assert_int_equal(past.sends[2].ago_ns, 0);
    assert_int_equal(past.sends[2].count, WEIR_CONCURRENCY_MAX);
    weir__past_clear(&past);
}

static void a_finished_run_left_nothing_on_its_way(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__past past;

    (void)state;
    add_head(&writer);
    add_note(&writer, WEIR__JOURNALLINE_START, 0, NOW_NS - 50 * SECOND);
    add_note(&writer, WEIR__JOURNALLINE_IN_FLIGHT, 4, 0);
    add_note(&writer, WEIR__JOURNALLINE_END, 0, NOW_NS - 45 * SECOND);
    open_and_check(&writer, &past, 10);
    assert_int_equal(past.send_count, 0);
    weir__past_clear(&past);
}

static void inputs_rise_and_stand_once(void **state)
{
    const uint64_t lines[] = {1, 2, 4, 8192, 1, 2, 4096, 8192};
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__past past;

    (void)state;
    add_head(&writer);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        add_note(&writer, WEIR__JOURNALLINE_INPUT, lines[i], 0);
    open_and_check(&writer, &past, 0);
    assert_int_equal(past.input_count, 5);
    for (size_t i = 1; i < past.input_count; i++)
        assert_true(past.inputs[i - 1].lines < past.inputs[i].lines);
    assert_string_equal(past.inputs[4].sha256, HASH);
    weir__past_clear(&past);
}

/* Some tens of thousands of lines; the bound is for a machine that has better things to do. */
static void a_large_journal_is_read_in_no_time(void **state)
{
    const struct weir__journal_options options = options_of(WEIR__JOURNAL_RESUME);
    const char *wanted = getenv("WEIR_TEST_JOURNAL_LINES");
    const uint64_t jobs = wanted != NULL ? strtoul(wanted, NULL, 10) : 50000;
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__journal journal;
    struct weir__past past;
    int64_t began_ns;

    (void)state;
    add_head(&writer);
    for (uint64_t job = 1; job <= jobs; job++)
        add_result(&writer, job, WEIR_OUTCOME_SUCCEEDED, NOW_NS - SECOND);
    save(&writer);
    began_ns = weir__clock_now_ns();
    must_open(&journal, &options, &past);
    began_ns = weir__clock_now_ns() - began_ns;
    if (wanted != NULL)
        print_message("# %u lines in %.3f s\n", (unsigned)jobs, (double)began_ns / 1e9);
    assert_int_equal(past.done_count, jobs);
    assert_true(began_ns < 10 * SECOND);
    assert_true(weir__journal_close(&journal));
    weir__past_clear(&past);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_any_byte_it_goes_on_with_its_whole_lines),
        cmocka_unit_test(any_byte_that_is_wrong_is_noticed_and_its_line_named),
        cmocka_unit_test(a_tail_of_zeros_is_cut_off_whatever_its_size),
        cmocka_unit_test(a_line_of_some_megabytes_is_read),
        cmocka_unit_test(what_is_no_journal_is_left_alone),
        cmocka_unit_test(what_another_version_wrote_is_neither_damage_nor_a_torn_end),
        cmocka_unit_test(a_head_of_another_format_is_another_versions),
        cmocka_unit_test(a_strange_line_behind_an_invalid_one_is_damage),
        cmocka_unit_test(a_first_line_that_is_no_head_is_not_read_to_its_end),
        cmocka_unit_test(a_first_line_longer_than_a_head_is_none),
        cmocka_unit_test(jobs_that_cannot_be_are_damage_and_take_no_memory),
        cmocka_unit_test(two_journals_in_one_are_damage),
        cmocka_unit_test(intents_are_open_until_a_result_or_a_cancellation),
        cmocka_unit_test(a_job_with_two_results_counts_once),
        cmocka_unit_test(the_newest_sends_are_kept_oldest_first),
        cmocka_unit_test(all_sends_are_kept_where_all_are_asked_for),
        cmocka_unit_test(an_unfinished_runs_sends_count_as_just_over),
        cmocka_unit_test(a_finished_run_left_nothing_on_its_way),
        cmocka_unit_test(inputs_rise_and_stand_once),
        cmocka_unit_test(a_large_journal_is_read_in_no_time),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
