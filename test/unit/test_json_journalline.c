/* A journal's lines: what is written is read back, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "json/journalline.h"
#include "json/resultline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_NS INT64_C(1767323045678000000) /* 2026-01-02T03:04:05.678Z */
#define AT_TEXT "2026-01-02T03:04:05.678Z"
#define ID "0a1b2c3d-0000-4000-8000-00000000000f"
#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* One of each kind of note, as it reads. */
static const struct {
    struct weir__journalline note;
    const char *text; /* without its checksum */
} notes[] = {
    {{.kind = WEIR__JOURNALLINE_HEAD,
      .source = WEIR__JOURNALLINE_FILE,
      .id = ID,
      .sha256 = SHA256,
      .bytes = 1234,
      .jobs = 20},
     "{\"journal\":{\"format\":1,\"id\":\"" ID "\",\"source\":\"input\",\"sha256\":\"" SHA256
     "\",\"bytes\":1234,\"jobs\":20}"},
    {{.kind = WEIR__JOURNALLINE_HEAD,
      .source = WEIR__JOURNALLINE_CONFIG,
      .id = ID,
      .sha256 = SHA256,
      .jobs = UINT64_MAX},
     "{\"journal\":{\"format\":1,\"id\":\"" ID "\",\"source\":\"config\",\"sha256\":\"" SHA256
     "\",\"jobs\":18446744073709551615}"},
    {{.kind = WEIR__JOURNALLINE_HEAD, .source = WEIR__JOURNALLINE_STREAM, .id = ID},
     "{\"journal\":{\"format\":1,\"id\":\"" ID "\",\"source\":\"stream\"}"},
    {{.kind = WEIR__JOURNALLINE_START, .at_ns = AT_NS},
     "{\"journal\":{\"event\":\"start\",\"at\":\"" AT_TEXT "\",\"version\":\"" WEIR_VERSION "\"}"},
    {{.kind = WEIR__JOURNALLINE_IN_FLIGHT, .at_most = 8}, "{\"journal\":{\"event\":\"in_flight\",\"at_most\":8}"},
    {{.kind = WEIR__JOURNALLINE_IN_FLIGHT}, "{\"journal\":{\"event\":\"in_flight\",\"at_most\":0}"},
    {{.kind = WEIR__JOURNALLINE_INTENT, .line = 5}, "{\"journal\":{\"event\":\"intent\",\"line\":5}"},
    {{.kind = WEIR__JOURNALLINE_ATTEMPT, .line = 5, .at_ns = AT_NS},
     "{\"journal\":{\"event\":\"attempt\",\"line\":5,\"at\":\"" AT_TEXT "\"}"},
    {{.kind = WEIR__JOURNALLINE_CANCELLED, .line = UINT64_MAX, .at_ns = AT_NS},
     "{\"journal\":{\"event\":\"cancelled\",\"line\":18446744073709551615,\"at\":\"" AT_TEXT "\"}"},
    {{.kind = WEIR__JOURNALLINE_INPUT, .line = 4096, .sha256 = SHA256},
     "{\"journal\":{\"event\":\"input\",\"lines\":4096,\"sha256\":\"" SHA256 "\"}"},
    {{.kind = WEIR__JOURNALLINE_END, .at_ns = AT_NS}, "{\"journal\":{\"event\":\"end\",\"at\":\"" AT_TEXT "\"}"},
};
#define NOTE_COUNT (sizeof notes / sizeof notes[0])

static void assert_same(const struct weir__journalline *a, const struct weir__journalline *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->source, b->source);
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->jobs, b->jobs);
    assert_int_equal(a->line, b->line);
    assert_int_equal(a->at_most, b->at_most);
    assert_int_equal(a->at_ns, b->at_ns);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->bad_line, b->bad_line);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->sent_at_ns, b->sent_at_ns);
    assert_int_equal(a->forgotten_ns, b->forgotten_ns);
}

/* A line of such a text with a checksum that fits; to be freed. */
static char *seal(const char *text)
{
    const size_t size = strlen(text) + 32;
    char *line = malloc(size);

    assert_non_null(line);
    (void)snprintf(line, size, "%s,\"crc\":\"%08x\"}", text, (unsigned)weir__crc32c(0, text, strlen(text)));
    return line;
}

static struct weir__journalline read_sealed(const char *text)
{
    struct weir__journalline read;
    char *line = seal(text);

    memset(&read, 0x55, sizeof read);
    weir__journalline_read(line, strlen(line), &read);
    free(line);
    return read;
}

/* What is sound, but says nothing that is known; what is no object with a key is not a line of any version. */
static void assert_kind(const char *text, enum weir__journalline_kind kind)
{
    const struct weir__journalline read = read_sealed(text), expected = {.kind = kind};
    if (read.kind != kind)
        fail_msg("kind %d, not %d: %s", read.kind, kind, text);
    assert_same(&read, &expected);
}

/* ------------------------------------------------------------------------------------------------------------- notes
 */

static void notes_are_written_as_told_and_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < NOTE_COUNT; i++) {
        struct weir__writer writer = WEIR__WRITER_INIT;
        struct weir__journalline read;
        char *line = seal(notes[i].text);
        weir__journalline_write(&writer, &notes[i].note);
        assert_false(writer.failed);
        assert_int_equal(writer.text[writer.size - 1], '\n');
        writer.text[writer.size - 1] = '\0';
        assert_string_equal(writer.text, line);
        weir__journalline_read(writer.text, writer.size - 1, &read);
        assert_same(&read, &notes[i].note);
        free(line);
        weir__writer_clear(&writer);
    }
}

static void notes_are_appended(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    for (size_t i = 0; i < NOTE_COUNT; i++) {
        const size_t from = writer.size;
        struct weir__journalline read;
        weir__journalline_write(&writer, &notes[i].note);
        weir__journalline_read(writer.text + from, writer.size - 1 - from, &read);
        assert_same(&read, &notes[i].note);
    }
    weir__writer_clear(&writer);
    writer.failed = true;
    weir__journalline_write(&writer, &notes[0].note);
    assert_int_equal(writer.size, 0);
    weir__writer_clear(&writer);
}

static void unknown_members_of_notes_are_passed_over(void **state)
{
    struct weir__journalline read;

    (void)state;
    read = read_sealed("{\"journal\":{\"event\":\"intent\",\"x\":{\"line\":[1,{}]},\"line\":5,\"y\":\"z\"}");
    assert_same(&read, &notes[6].note);
    read = read_sealed("{\"journal\":{\"event\":\"end\",\"at\":\"2026-01-02T04:04:05.677000001+01:00\"}");
    assert_same(&read, &notes[NOTE_COUNT - 1].note); /* rounded up */
    read = read_sealed("{ \"journal\" : { \"line\":5 , \"event\":\"int\\u0065nt\" } ");
    assert_same(&read, &notes[6].note);
}

static void notes_that_lack_something_are_strange(void **state)
{
    static const char *const cases[] = {
        "{\"journal\":{}",
        "{\"journal\":null",
        "{\"journal\":[]",
        "{\"journal\":{\"event\":\"other\",\"line\":1}",
        "{\"journal\":{\"event\":null}",
        "{\"journal\":{\"line\":1}",
        "{\"journal\":{\"event\":\"intent\"}",
        "{\"journal\":{\"event\":\"intent\",\"line\":0}",
        "{\"journal\":{\"event\":\"intent\",\"line\":1,\"lines\":0}",
        "{\"journal\":{\"event\":\"intent\",\"line\":-1}",
        "{\"journal\":{\"event\":\"intent\",\"line\":1.0}",
        "{\"journal\":{\"event\":\"intent\",\"line\":1e3}",
        "{\"journal\":{\"event\":\"intent\",\"line\":\"1\"}",
        "{\"journal\":{\"event\":\"intent\",\"line\":18446744073709551616}",
        "{\"journal\":{\"event\":\"intent\",\"line\":99999999999999999999999}",
        "{\"journal\":{\"event\":\"intent\",\"line\":5},\"more\":1",
        "{\"journal\":{\"event\":\"attempt\",\"line\":5}",
        "{\"journal\":{\"event\":\"attempt\",\"line\":5,\"at\":\"yesterday\"}",
        "{\"journal\":{\"event\":\"cancelled\",\"at\":\"" AT_TEXT "\"}",
        "{\"journal\":{\"event\":\"start\",\"at\":1}",
        "{\"journal\":{\"event\":\"end\"}",
        "{\"journal\":{\"event\":\"in_flight\"}",
        "{\"journal\":{\"event\":\"input\",\"lines\":1}",
        "{\"journal\":{\"event\":\"input\",\"lines\":1,\"sha256\":\"" SHA256 "0\"}",
        "{\"journal\":{\"format\":2,\"id\":\"" ID "\",\"source\":\"stream\"}",
        "{\"journal\":{\"format\":1,\"id\":\"" ID "\",\"source\":\"other\"}",
        "{\"journal\":{\"format\":1,\"id\":\"" ID "\"}",
        "{\"journal\":{\"format\":1,\"source\":\"stream\"}",
        "{\"journal\":{\"format\":1,\"id\":\"" ID "0\",\"source\":\"stream\"}",
        "{\"journal\":{\"format\":1,\"id\":\"a\\u0000b\",\"source\":\"stream\"}",
        "{\"journal\":{\"format\":1,\"id\":\"" ID "\",\"source\":\"input\",\"sha256\":\"" SHA256 "\",\"jobs\":1}",
        "{\"journal\":{\"format\":1,\"id\":\"" ID "\",\"source\":\"config\",\"jobs\":1}",
        "{\"journal\":{\"event\":\"intent\",\"line\":5",
        "{\"journal\":{\"event\":\"intent\",\"line\":5}}{\"a\":1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_kind(cases[i], WEIR__JOURNALLINE_STRANGE);
}

/* ----------------------------------------------------------------------------------------------------------- results
 */

#define RESULT_BEGINS "{\"custom_id\":\"a\",\"response\":null,\"error\":null"

static void results_are_read(void **state)
{
    struct weir__journalline read;

    (void)state;
    read =
        read_sealed(RESULT_BEGINS ",\"weir\":{\"line\":7,\"outcome\":\"unknown\",\"attempts\":3,\"sent_at\":\"" AT_TEXT
                                  "\",\"queue_ms\":1,\"permit_ms\":2,\"connect_ms\":3,\"ttfb_ms\":1.5,"
                                  "\"total_ms\":20}");
    assert_int_equal(read.kind, WEIR__JOURNALLINE_RESULT);
    assert_int_equal(read.line, 7);
    assert_int_equal(read.outcome, WEIR_OUTCOME_UNKNOWN);
    assert_int_equal(read.attempts, 3);
    assert_int_equal(read.sent_at_ns, AT_NS);
    assert_int_equal(read.forgotten_ns, AT_NS + WEIR__NS_PER_MS + 1500000);
    assert_false(read.bad_line);
}

static int64_t forgotten_after(const char *times)
{
    char text[512];
    struct weir__journalline read;

    (void)snprintf(text, sizeof text, RESULT_BEGINS ",\"weir\":{\"line\":7,\"outcome\":\"failed\",%s}", times);
    read = read_sealed(text);
    assert_int_equal(read.kind, WEIR__JOURNALLINE_RESULT);
    return read.forgotten_ns;
}

static void a_send_is_over_with_its_answer_or_with_the_job(void **state)
{
#define SENT "\"sent_at\":\"" AT_TEXT "\","
    const int64_t after_ns = AT_NS + WEIR__NS_PER_MS;

    (void)state;
    assert_int_equal(forgotten_after(SENT "\"ttfb_ms\":0.001,\"total_ms\":9"), after_ns + 1000);
    assert_int_equal(forgotten_after(SENT "\"ttfb_ms\":0,\"total_ms\":9"), after_ns);
    assert_int_equal(forgotten_after(SENT "\"ttfb_ms\":null,\"total_ms\":9"), after_ns + 9 * WEIR__NS_PER_MS);
    assert_int_equal(forgotten_after(SENT "\"total_ms\":60000.1234567"), after_ns + INT64_C(60000123457));
    assert_int_equal(forgotten_after(SENT "\"total_ms\":0.00000000001"), after_ns + 1);
    assert_int_equal(forgotten_after(SENT "\"total_ms\":99999999999999999999999999"), INT64_MAX);
    assert_int_equal(forgotten_after(SENT "\"total_ms\":9223372036854.775807"), INT64_MAX);
    assert_int_equal(forgotten_after("\"sent_at\":null,\"ttfb_ms\":1,\"total_ms\":9"), 0);
    assert_int_equal(forgotten_after("\"ttfb_ms\":1"), 0);
#undef SENT
}

static void bad_lines_are_told(void **state)
{
#define WEIR_ENDS ",\"weir\":{\"line\":1,\"outcome\":\"failed\"}"
    struct weir__journalline read;

    (void)state;
    read = read_sealed(
        "{\"custom_id\":\"1\",\"response\":null,\"error\":{\"code\":\"bad_line\",\"message\":\"x\"}" WEIR_ENDS);
    assert_true(read.bad_line);
    read = read_sealed(
        "{\"custom_id\":\"1\",\"response\":null,\"error\":{\"code\":\"timeout\",\"message\":\"bad_line\"}" WEIR_ENDS);
    assert_int_equal(read.kind, WEIR__JOURNALLINE_RESULT);
    assert_false(read.bad_line);
    read = read_sealed(
        "{\"custom_id\":\"bad_line\",\"response\":{\"error\":{\"code\":\"bad_line\"}},\"error\":null" WEIR_ENDS);
    assert_int_equal(read.kind, WEIR__JOURNALLINE_RESULT);
    assert_false(read.bad_line);
#undef WEIR_ENDS
}

/* What stands in a response or in metadata is never taken for the line's own. */
static void what_others_wrote_is_passed_over(void **state)
{
    const struct weir_header header = {"content-type", "application/json"};
    static const char *const bodies[] = {
        "{\"weir\":{\"line\":99,\"outcome\":\"failed\"},\"custom_id\":1,\"journal\":{}}",
        "\"}},\\\"weir\\\":{\\\"line\\\":99\\\\\"",
        "[\"\\\\\",\"]\",\"{[\",\"\\\\\\\"\",{\"}\":[]}]",
        "not json \" at all }}} \\",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct weir__writer writer = WEIR__WRITER_INIT;
        struct weir__journalline read;
        const struct weir_result result = {.http_status = 200,
                                           .detail = "",
                                           .headers = &header,
                                           .header_count = 1,
                                           .body = bodies[i],
                                           .body_size = strlen(bodies[i]),
                                           .attempts = 1};
        const struct weir__resultline line = {.line = 5,
                                              .custom_id = bodies[i],
                                              .custom_id_size = strlen(bodies[i]),
                                              .metadata = bodies[0],
                                              .metadata_size = strlen(bodies[0]),
                                              .bodies = true,
                                              .result = &result};
        weir__resultline_write(&writer, &line);
        weir__journalline_read(writer.text, writer.size - 1, &read);
        assert_int_equal(read.kind, WEIR__JOURNALLINE_RESULT);
        assert_int_equal(read.line, 5);
        assert_int_equal(read.outcome, WEIR_OUTCOME_SUCCEEDED);
        weir__writer_clear(&writer);
    }
}

static void results_that_lack_something_are_strange(void **state)
{
    static const char *const cases[] = {
        "{\"custom_id\":\"a\"",
        "{\"custom_id\":1,\"weir\":{\"line\":1,\"outcome\":\"failed\"}",
        "{\"weir\":{\"line\":1,\"outcome\":\"failed\"}",
        RESULT_BEGINS,
        RESULT_BEGINS ",\"weir\":{}",
        RESULT_BEGINS ",\"weir\":null",
        RESULT_BEGINS ",\"weir\":{\"line\":1}",
        RESULT_BEGINS ",\"weir\":{\"outcome\":\"failed\"}",
        RESULT_BEGINS ",\"weir\":{\"line\":0,\"outcome\":\"failed\"}",
        RESULT_BEGINS ",\"weir\":{\"line\":1.5,\"outcome\":\"failed\"}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"done\"}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":1}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"failed\",\"sent_at\":\"never\"}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"failed\",\"ttfb_ms\":-1}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"failed\",\"ttfb_ms\":1e3}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"failed\",\"total_ms\":\"1\"}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"failed\"",
        "{\"custom_id\":\"a\",\"response\":{\"x\":\"},\"error\":null,\"weir\":{\"line\":1,\"outcome\":\"failed\"}",
        "{\"custom_id\":\"a\",\"response\":{{[,\"error\":null,\"weir\":{\"line\":1,\"outcome\":\"failed\"}",
        RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"failed\"}}{\"a\":1",
        "{\"custom_id\":\"a\",\"error\":5,\"weir\":{\"line\":1,\"outcome\":\"failed\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_kind(cases[i], WEIR__JOURNALLINE_STRANGE);
}

/* A fitting checksum says that a line is as it was written: what it says may be for another version to read. */
static void what_another_version_wrote_is_strange(void **state)
{
    static const char *const no_lines[] = {"", "{", "{}", "[]", "[\"journal\"", "\"journal\"", "x", "{5"};

    (void)state;
    assert_kind("{\"journal\":{\"event\":\"paused\",\"until\":\"" AT_TEXT "\"}", WEIR__JOURNALLINE_STRANGE);
    assert_kind("{\"journal\":{\"format\":2,\"id\":\"" ID "\",\"source\":\"stream\"}", WEIR__JOURNALLINE_STRANGE);
    assert_kind("{\"progress\":{\"done\":5}", WEIR__JOURNALLINE_STRANGE);
    assert_kind(RESULT_BEGINS ",\"weir\":{\"line\":1,\"outcome\":\"postponed\"}", WEIR__JOURNALLINE_STRANGE);
    for (size_t i = 0; i < sizeof no_lines / sizeof no_lines[0]; i++)
        assert_kind(no_lines[i], WEIR__JOURNALLINE_INVALID);
}

/* -------------------------------------------------------------------------------------------------------- checksums
 */

/* A result, with its line end. */
static void write_result(struct weir__writer *writer)
{
    const struct weir_header header = {"content-type", "application/json"};
    const struct weir_result result = {.http_status = 200,
                                       .detail = "",
                                       .headers = &header,
                                       .header_count = 1,
                                       .body = "{\"a\":[1,2,\"x\"]}",
                                       .body_size = 15,
                                       .attempts = 1,
                                       .ttfb_ns = 1500000,
                                       .total_ns = 2000000,
                                       .sent_at_ns = AT_NS};
    const struct weir__resultline line = {
        .line = 12, .custom_id = "job-12", .custom_id_size = 6, .bodies = true, .result = &result};
    weir__resultline_write(writer, &line);
}

static void assert_each_change_is_seen(char *text, size_t size)
{
    struct weir__journalline read;

    for (size_t i = 0; i < size; i++) {
        const char byte = text[i];
        for (int other = 0; other < 256; other++) {
            if ((char)other == byte)
                continue;
            text[i] = (char)other;
            weir__journalline_read(text, size, &read);
            if (read.kind != WEIR__JOURNALLINE_INVALID)
                fail_msg("byte %zu as %d in %.*s", i, other, (int)size, text);
        }
        text[i] = byte;
    }
    for (size_t cut = 0; cut < size; cut++) {
        char *part = malloc(cut > 0 ? cut : 1); /* so that a checker sees a read beyond it */
        assert_non_null(part);
        memcpy(part, text, cut);
        weir__journalline_read(part, cut, &read);
        assert_int_equal(read.kind, WEIR__JOURNALLINE_INVALID);
        free(part);
        weir__journalline_read(text + size - cut, cut, &read);
        assert_int_equal(read.kind, WEIR__JOURNALLINE_INVALID);
    }
    weir__journalline_read(text, size + 1, &read); /* with its line end */
    assert_int_equal(read.kind, WEIR__JOURNALLINE_INVALID);
    weir__journalline_read(text, size, &read);
    assert_int_not_equal(read.kind, WEIR__JOURNALLINE_INVALID);
}

static void every_changed_or_missing_byte_is_seen(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    write_result(&writer);
    assert_each_change_is_seen(writer.text, writer.size - 1);
    weir__writer_clear(&writer);
    for (size_t i = 0; i < NOTE_COUNT; i++) {
        weir__journalline_write(&writer, &notes[i].note);
        assert_each_change_is_seen(writer.text, writer.size - 1);
        weir__writer_clear(&writer);
    }
}

static void the_checksum_has_one_form(void **state)
{
    static const char *const lines[] = {
        "{\"journal\":{\"event\":\"intent\",\"line\":5}}",
        "{\"journal\":{\"event\":\"intent\",\"line\":5},\"crc\":\"\"}",
        "\"crc\":\"00000000\"}",
        ",\"crc\":\"00000000\"}",
        "{,\"crc\":\"00000000\"}",
    };
    struct weir__journalline read;
    char *line = seal(notes[6].text);
    size_t letters = 0;

    (void)state;
    for (char *c = line + strlen(notes[6].text) + 8; *c != '"'; c++) {
        letters += *c >= 'a';
        if (*c >= 'a')
            *c = (char)(*c - 'a' + 'A');
    }
    assert_true(letters > 0);
    weir__journalline_read(line, strlen(line), &read);
    assert_int_equal(read.kind, WEIR__JOURNALLINE_INVALID);
    free(line);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        weir__journalline_read(lines[i], strlen(lines[i]), &read);
        assert_int_equal(read.kind, WEIR__JOURNALLINE_INVALID);
    }
}

/* Behind a checksum that fits anything may stand: nothing of it makes the reader leave its line. */
static void anything_with_a_fitting_checksum_is_survived(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    uint64_t draw = 4;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct weir__journalline read;
        char *line;
        size_t size;
        weir__writer_clear(&writer);
        if (round % 3 == 0)
            write_result(&writer);
        else
            weir__journalline_write(&writer, &notes[(size_t)weir__random_below(&draw, (int64_t)NOTE_COUNT)].note);
        writer.size -= 19; /* its checksum and line end */
        for (int64_t i = 1 + weir__random_below(&draw, 4); i > 0; i--) {
            const size_t at = (size_t)weir__random_below(&draw, (int64_t)writer.size);
            const char *signs = "{}[]\",:\\0-.eu";
            writer.text[at] =
                (char)(i % 2 == 0 ? signs[weir__random_below(&draw, 13)] : weir__random_below(&draw, 256));
        }
        if (round % 5 == 0)
            writer.size = (size_t)weir__random_below(&draw, (int64_t)writer.size);
        weir__journalline_seal(&writer, 0);
        size = writer.size - 1;
        line = malloc(size); /* so that a checker sees a read beyond it */
        assert_non_null(line);
        memcpy(line, writer.text, size);
        weir__journalline_read(line, size, &read);
        assert_true(strlen(read.id) < sizeof read.id && strlen(read.sha256) < sizeof read.sha256);
        if (read.kind == WEIR__JOURNALLINE_RESULT)
            assert_true(read.line > 0 && read.outcome < WEIR_OUTCOME_COUNT);
        free(line);
    }
    weir__writer_clear(&writer);
}

/* ------------------------------------------------------------------------------------------------- heads and moments
 */

static void a_torn_head_is_known(void **state)
{
    static const char whole[] = "{\"journal\":{\"format\":1,\"id\":\"";

    (void)state;
    assert_true(weir__journalline_begins_head(NULL, 0));
    for (size_t size = 0; size < sizeof whole; size++) {
        char text[sizeof whole];
        memcpy(text, whole, sizeof whole);
        assert_true(weir__journalline_begins_head(text, size));
        for (size_t i = 0; i < size && i < 21; i++) {
            text[i] ^= 1;
            assert_false(weir__journalline_begins_head(text, size));
            text[i] ^= 1;
        }
    }
    assert_false(weir__journalline_begins_head("{\"custom_id\":\"1\"", 16));
    assert_false(weir__journalline_begins_head("\n", 1));
}

static void assert_time(int64_t wall_ns, bool up, const char *expected)
{
    char text[WEIR__JOURNALLINE_TIME_SIZE];
    weir__journalline_format_time(wall_ns, up, text);
    assert_string_equal(text, expected);
}

static void moments_are_cut_or_rounded_up(void **state)
{
    (void)state;
    assert_time(AT_NS, false, AT_TEXT);
    assert_time(AT_NS, true, AT_TEXT);
    assert_time(AT_NS + 999999, false, AT_TEXT);
    assert_time(AT_NS + 1, true, "2026-01-02T03:04:05.679Z");
    assert_time(0, false, "1970-01-01T00:00:00.000Z");
    assert_time(-1, false, "1969-12-31T23:59:59.999Z");
    assert_time(-1, true, "1970-01-01T00:00:00.000Z");
    assert_time(-1000000, true, "1969-12-31T23:59:59.999Z");
    assert_time(INT64_C(951782399999999999), false, "2000-02-28T23:59:59.999Z");
    assert_time(INT64_C(951782399999999999), true, "2000-02-29T00:00:00.000Z");
    assert_time(INT64_C(951868800000000000), false, "2000-03-01T00:00:00.000Z");
    assert_time(INT64_C(4107542400000000000), false, "2100-03-01T00:00:00.000Z");
    assert_time(INT64_C(1735689599999000001), true, "2025-01-01T00:00:00.000Z");
    assert_time(INT64_MAX, true, "2262-04-11T23:47:16.855Z");
    assert_time(INT64_MIN, false, "1677-09-21T00:12:43.145Z");
}

/* As the C library has it, day by day, as far as int64_t goes in whole centuries. */
static void each_day_is_the_librarys(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 365 * 280; day++) {
        const int64_t wall_ns = (day * 86400 + day % 86400) * WEIR__NS_PER_S;
        char expected[40];
        weir__clock_format(wall_ns, expected, sizeof expected);
        assert_time(wall_ns, false, expected);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_are_written_as_told_and_read_back),
        cmocka_unit_test(notes_are_appended),
        cmocka_unit_test(unknown_members_of_notes_are_passed_over),
        cmocka_unit_test(notes_that_lack_something_are_strange),
        cmocka_unit_test(results_are_read),
        cmocka_unit_test(a_send_is_over_with_its_answer_or_with_the_job),
        cmocka_unit_test(bad_lines_are_told),
        cmocka_unit_test(what_others_wrote_is_passed_over),
        cmocka_unit_test(results_that_lack_something_are_strange),
        cmocka_unit_test(what_another_version_wrote_is_strange),
        cmocka_unit_test(every_changed_or_missing_byte_is_seen),
        cmocka_unit_test(the_checksum_has_one_form),
        cmocka_unit_test(anything_with_a_fitting_checksum_is_survived),
        cmocka_unit_test(a_torn_head_is_known),
        cmocka_unit_test(moments_are_cut_or_rounded_up),
        cmocka_unit_test(each_day_is_the_librarys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
