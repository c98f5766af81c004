/* journalline_write - the notes of a journal, the end of each of its lines, and the moments in them. */
#include "json/journalline.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "json/journalline_parts.h"

#include <stdio.h>
#include <string.h>

#define DAY_S INT64_C(86400)

static const char *event_name(enum weir__journalline_kind kind)
{
    switch (kind) {
#define CASE(name, event)                                                                                              \
    case WEIR__JOURNALLINE_##name:                                                                                     \
        return event;
        WEIR__JOURNALLINE_EVENT_MAP(CASE)
#undef CASE
    case WEIR__JOURNALLINE_INVALID:
    case WEIR__JOURNALLINE_STRANGE:
    case WEIR__JOURNALLINE_RESULT:
    case WEIR__JOURNALLINE_HEAD:
        break;
    }
    return "?";
}

static const char *source_name(enum weir__journalline_source source)
{
    switch (source) {
#define CASE(name, text)                                                                                               \
    case WEIR__JOURNALLINE_##name:                                                                                     \
        return text;
        WEIR__JOURNALLINE_SOURCE_MAP(CASE)
#undef CASE
    }
    return "?";
}

static void write_head(struct weir__writer *writer, const struct weir__journalline *note)
{
    weir__writer_uint(writer, "format", WEIR__JOURNALLINE_FORMAT); /* first: weir__journalline_begins_head() */
    weir__writer_string(writer, "id", note->id);
    weir__writer_string(writer, "source", source_name(note->source));
    if (note->key[0] != '\0')
        weir__writer_string(writer, "idempotency_key", note->key);
    if (note->source == WEIR__JOURNALLINE_STREAM)
        return;
    weir__writer_string(writer, "sha256", note->sha256);
    if (note->source == WEIR__JOURNALLINE_FILE)
        weir__writer_uint(writer, "bytes", note->bytes);
    weir__writer_uint(writer, "jobs", note->jobs);
}

static void write_moment(struct weir__writer *writer, int64_t at_ns)
{
    char text[WEIR__JOURNALLINE_TIME_SIZE];

    weir__journalline_format_time(at_ns, true, text);
    weir__writer_string(writer, "at", text);
}

static void write_event(struct weir__writer *writer, const struct weir__journalline *note)
{
    weir__writer_string(writer, "event", event_name(note->kind));
    switch (note->kind) {
    case WEIR__JOURNALLINE_START:
        write_moment(writer, note->at_ns);
        weir__writer_string(writer, "version", weir_version());
        break;
    case WEIR__JOURNALLINE_IN_FLIGHT:
        weir__writer_uint(writer, "at_most", note->at_most);
        break;
    case WEIR__JOURNALLINE_INTENT:
        weir__writer_uint(writer, "line", note->line);
        break;
    case WEIR__JOURNALLINE_ATTEMPT:
    case WEIR__JOURNALLINE_CANCELLED:
        weir__writer_uint(writer, "line", note->line);
        write_moment(writer, note->at_ns);
        break;
    case WEIR__JOURNALLINE_INPUT:
        weir__writer_uint(writer, "lines", note->line);
        weir__writer_string(writer, "sha256", note->sha256);
        break;
    case WEIR__JOURNALLINE_END:
        write_moment(writer, note->at_ns);
        break;
    case WEIR__JOURNALLINE_INVALID:
    case WEIR__JOURNALLINE_STRANGE:
    case WEIR__JOURNALLINE_RESULT:
    case WEIR__JOURNALLINE_HEAD:
        break;
    }
}

void weir__journalline_write(struct weir__writer *writer, const struct weir__journalline *note)
{
    const size_t from = writer->size;

    weir__writer_object(writer, NULL);
    weir__writer_object(writer, "journal");
    if (note->kind == WEIR__JOURNALLINE_HEAD)
        write_head(writer, note);
    else
        write_event(writer, note);
    weir__writer_end(writer);
    weir__writer_end(writer);
    if (!writer->failed)
        writer->size--; /* the object's last brace comes with the checksum */
    weir__journalline_seal(writer, from);
}

void weir__journalline_seal(struct weir__writer *writer, size_t from)
{
    static const char digits[] = "0123456789abcdef";
    char tail[] = WEIR__JOURNALLINE_CRC_BEGINS "xxxxxxxx" WEIR__JOURNALLINE_CRC_ENDS "\n";
    char *at = tail + sizeof WEIR__JOURNALLINE_CRC_BEGINS - 1;
    uint32_t crc;

    if (writer->failed)
        return;
    crc = weir__crc32c(0, writer->text + from, writer->size - from);
    for (unsigned i = 0; i < WEIR__JOURNALLINE_CRC_DIGITS; i++)
        at[i] = digits[crc >> (28 - 4 * i) & 15];
    weir__writer_raw(writer, NULL, tail, sizeof tail - 1);
}

/* ----------------------------------------------------------------------------------------------------------- moments
 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Decimal, `count` digits, with leading zeros. */
static char *put_digits(char *at, unsigned value, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + count;
}

/*
 * The date of a day since 1970, the inverse of what policy/date.c reckons: a year is taken to begin in March, so that
 * the leap day is its last one; eras of 400 years have 146097 days, and 719468 days lie between 0000-03-01 and 1970 (H.
 * Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
 */
static char *put_date(char *at, int64_t day)
{
    const int64_t since = day + 719468, era = floor_div(since, 146097);
    const unsigned day_of_era = (unsigned)(since - era * 146097);
    const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned m = (5 * day_of_year + 2) / 153; /* months since March */
    const unsigned month = m < 10 ? m + 3 : m - 9;
    const unsigned year = (unsigned)(era * 400) + year_of_era + (month <= 2 ? 1 : 0); /* 1677 to 2262 */

    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    return put_digits(at, day_of_year - (153 * m + 2) / 5 + 1, 2);
}

void weir__journalline_format_time(int64_t wall_ns, bool up, char out[WEIR__JOURNALLINE_TIME_SIZE])
{
    const int64_t ms = floor_div(wall_ns, WEIR__NS_PER_MS) + (up && wall_ns % WEIR__NS_PER_MS != 0 ? 1 : 0);
    const int64_t day = floor_div(ms, DAY_S * 1000);
    const unsigned rest = (unsigned)(ms - day * DAY_S * 1000); /* of the day, in milliseconds */
    char *at = put_date(out, day);

    *at++ = 'T';
    at = put_digits(at, rest / 3600000, 2);
    *at++ = ':';
    at = put_digits(at, rest / 60000 % 60, 2);
    *at++ = ':';
    at = put_digits(at, rest / 1000 % 60, 2);
    *at++ = '.';
    at = put_digits(at, rest % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}
