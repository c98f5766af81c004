/*
 * Fuzzes the reader of a journal's lines in three ways: the input as a line; the input as what stands before a checksum
 * that fits, else hardly any would get past it; and as the values of a note, which must read back as written, and not
 * at all once a byte of it is changed or missing.
 */
#include "base/clock.h"
#include "base/crc32c.h"
#include "fuzz/fuzz_must.h"
#include "json/journalline.h"
#include "json/scan.h"
#include "policy/date.h"

static bool is_json(const char *text, size_t size)
{
    enum weir__scan_token token;
    struct weir__scan scan;

    weir__scan_init(&scan, text, size);
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END)
        continue;
    return token == WEIR__SCAN_END;
}

static int64_t ceil_ms(int64_t ns)
{
    return ns % WEIR__NS_PER_MS > 0 ? ns - ns % WEIR__NS_PER_MS + WEIR__NS_PER_MS : ns - ns % WEIR__NS_PER_MS;
}

/* Whether two lines say the same, as far as lines of their kind say it. */
static bool is_same(const struct weir__journalline *a, const struct weir__journalline *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case WEIR__JOURNALLINE_INVALID:
    case WEIR__JOURNALLINE_STRANGE:
        return true;
    case WEIR__JOURNALLINE_RESULT:
        return a->line == b->line && a->outcome == b->outcome && a->bad_line == b->bad_line &&
               a->attempts == b->attempts && a->sent_at_ns == b->sent_at_ns && a->forgotten_ns == b->forgotten_ns;
    case WEIR__JOURNALLINE_HEAD:
        if (a->source != b->source || strcmp(a->id, b->id) != 0 || strcmp(a->key, b->key) != 0)
            return false;
        if (a->source == WEIR__JOURNALLINE_STREAM)
            return true;
        return strcmp(a->sha256, b->sha256) == 0 && a->jobs == b->jobs &&
               (a->source != WEIR__JOURNALLINE_FILE || a->bytes == b->bytes);
    case WEIR__JOURNALLINE_IN_FLIGHT:
        return a->at_most == b->at_most;
    case WEIR__JOURNALLINE_INTENT:
        return a->line == b->line;
    case WEIR__JOURNALLINE_ATTEMPT:
    case WEIR__JOURNALLINE_CANCELLED:
        return a->line == b->line && ceil_ms(a->at_ns) == ceil_ms(b->at_ns);
    case WEIR__JOURNALLINE_INPUT:
        return a->line == b->line && strcmp(a->sha256, b->sha256) == 0;
    case WEIR__JOURNALLINE_START:
    case WEIR__JOURNALLINE_END:
        return ceil_ms(a->at_ns) == ceil_ms(b->at_ns);
    }
    return false;
}

/* Reads a copy of just that size; and again, over what was not clean: the same. */
static struct weir__journalline read_line(const char *text, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    struct weir__journalline once, again;

    MUST(copy != NULL);
    if (size > 0)
        memcpy(copy, text, size);
    memset(&once, 0xff, sizeof once);
    memset(&again, 0, sizeof again);
    weir__journalline_read(copy, size, &once);
    weir__journalline_read(copy, size, &again);
    MUST(is_same(&once, &again));
    if (once.kind == WEIR__JOURNALLINE_HEAD && memcmp(copy, "{\"journal\":{\"format\":1,", 23) == 0)
        MUST(weir__journalline_begins_head(copy, size));
    else
        (void)weir__journalline_begins_head(copy, size);
    free(copy);
    return once;
}

/* The reader takes any text for an id or a hash; only what needs no escapes is sure to fit when it is written again. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
            return false;
    return true;
}

/* A note's line, with its line end. */
static struct weir__writer write_note(const struct weir__journalline *note)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    weir__journalline_write(&writer, note);
    MUST(!writer.failed && writer.size > 1 && writer.text[writer.size - 1] == '\n');
    MUST(memchr(writer.text, '\n', writer.size) == writer.text + writer.size - 1);
    MUST(is_json(writer.text, writer.size));
    return writer;
}

/* Whatever the line: what was read is in its range, and a note that was read can be written and read again as what it
 * was. */
static void check_line(const char *text, size_t size)
{
    const struct weir__journalline line = read_line(text, size);
    struct weir__writer writer;

    if (line.kind == WEIR__JOURNALLINE_INVALID || line.kind == WEIR__JOURNALLINE_STRANGE)
        return;
    if (line.kind == WEIR__JOURNALLINE_RESULT) {
        MUST((int)line.outcome >= 0 && line.outcome < WEIR_OUTCOME_COUNT && line.line > 0);
        MUST(line.sent_at_ns == 0 ? line.forgotten_ns == 0 : line.forgotten_ns > line.sent_at_ns);
        return;
    }
    MUST(is_json(text, size));
    MUST(line.id[strnlen(line.id, WEIR__JOURNALLINE_ID_SIZE - 1)] == '\0');
    MUST(line.sha256[strnlen(line.sha256, WEIR__JOURNALLINE_HASH_SIZE - 1)] == '\0');
    if (!is_plain(line.id) || !is_plain(line.sha256) || !is_plain(line.key))
        return;
    writer = write_note(&line);
    const struct weir__journalline again = read_line(writer.text, writer.size - 1);
    MUST(is_same(&line, &again));
    weir__writer_clear(&writer);
}

/* The input with a checksum after it that fits. */
static void check_sealed(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 19);

    MUST(line != NULL);
    memcpy(line, data, size);
    (void)snprintf(line + size, 19, ",\"crc\":\"%08x\"}", weir__crc32c(0, data, size));
    check_line(line, size + 18);
    free(line);
}

/* Takes values from the input; 0 where it is used up. */
struct input {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct input *input, size_t bytes)
{
    uint64_t value = 0;

    bytes = bytes < input->size ? bytes : input->size;
    if (bytes > 0)
        memcpy(&value, input->data, bytes);
    input->data += bytes;
    input->size -= bytes;
    return value;
}

static void take_hex(struct input *input, char *out, size_t digits, bool uuid)
{
    for (size_t i = 0; i < digits; i++)
        out[i] = uuid && (i == 8 || i == 13 || i == 18 || i == 23) ? '-' : "0123456789abcdef"[take(input, 1) & 15];
    out[digits] = '\0';
}

/* Moments stay clear of where dates end. */
static void take_note(struct input *input, struct weir__journalline *note)
{
    const unsigned kinds = WEIR__JOURNALLINE_END - WEIR__JOURNALLINE_HEAD + 1;

    memset(note, 0, sizeof *note);
    note->kind = (enum weir__journalline_kind)(WEIR__JOURNALLINE_HEAD + take(input, 1) % kinds);
    note->source = (enum weir__journalline_source)(take(input, 1) % 3);
    note->line = take(input, 8);
    note->line += note->line == 0; /* from 1 */
    note->at_ns = (int64_t)(take(input, 8) % (uint64_t)(WEIR__DATE_MAX_NS - 3 * WEIR__NS_PER_S));
    note->bytes = take(input, 8);
    note->jobs = take(input, 8);
    note->at_most = take(input, 8);
    take_hex(input, note->id, WEIR__JOURNALLINE_ID_SIZE - 1, true);
    take_hex(input, note->sha256, WEIR__JOURNALLINE_HASH_SIZE - 1, false);
}

static void check_time(int64_t wall_ns)
{
    char text[WEIR__JOURNALLINE_TIME_SIZE];
    int64_t again_ns;

    weir__journalline_format_time(wall_ns, true, text);
    MUST(strlen(text) == 24 && weir__date_parse_rfc3339(text, 24, &again_ns) && again_ns == ceil_ms(wall_ns));
    weir__journalline_format_time(wall_ns, false, text);
    MUST(strlen(text) == 24 && weir__date_parse_rfc3339(text, 24, &again_ns));
    MUST(again_ns == wall_ns - wall_ns % WEIR__NS_PER_MS);
}

static void check_note(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct weir__journalline note, again;
    struct weir__writer writer;

    take_note(&input, &note);
    check_time(note.at_ns);
    writer = write_note(&note);
    const size_t line_size = writer.size - 1, at = take(&input, 4) % line_size;
    const char flip = (char)take(&input, 1);

    again = read_line(writer.text, line_size);
    MUST(is_same(&note, &again));
    MUST(again.kind == note.kind);
    for (size_t torn = 0; torn < line_size; torn++) {
        if (note.kind == WEIR__JOURNALLINE_HEAD)
            MUST(weir__journalline_begins_head(writer.text, torn));
        if (torn == at || torn + 1 == line_size) { /* all of them would take too long */
            again = read_line(writer.text, torn);
            MUST(again.kind == WEIR__JOURNALLINE_INVALID);
        }
    }
    if (flip != 0) {
        writer.text[at] = (char)(writer.text[at] ^ flip);
        again = read_line(writer.text, line_size);
        MUST(again.kind == WEIR__JOURNALLINE_INVALID);
    }
    weir__writer_clear(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];

    if (size == 0) /* data may be NULL then */
        data = nothing;
    check_line((const char *)data, size);
    check_sealed(data, size);
    check_note(data, size);
    return 0;
}
