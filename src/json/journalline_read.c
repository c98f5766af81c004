/*
 * journalline_read - a line of a journal, read back.
 *
 * The checksum is what vouches for a line; behind it only what is needed is looked at, since a million lines are to be
 * read before a batch goes on.
 */
#include "json/journalline.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "json/journalline_parts.h"
#include "policy/date.h"

#include <string.h>

/* Eight digits in lower case; false for anything else. */
static bool read_crc(const char *text, uint32_t *out)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < WEIR__JOURNALLINE_CRC_DIGITS; i++) {
        const char c = text[i];
        if (c >= '0' && c <= '9')
            crc = crc << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            crc = crc << 4 | (uint32_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = crc;
    return true;
}

static bool is_sound(const char *text, size_t size)
{
    const size_t lead = sizeof WEIR__JOURNALLINE_CRC_BEGINS - 1, trail = sizeof WEIR__JOURNALLINE_CRC_ENDS - 1;
    const char *tail = text + size - WEIR__JOURNALLINE_CRC_SIZE;
    uint32_t crc;

    return memcmp(tail, WEIR__JOURNALLINE_CRC_BEGINS, lead) == 0 &&
           memcmp(text + size - trail, WEIR__JOURNALLINE_CRC_ENDS, trail) == 0 && read_crc(tail + lead, &crc) &&
           weir__crc32c(0, text, size - WEIR__JOURNALLINE_CRC_SIZE) == crc;
}

static bool read_outcome(struct weir__journalline_reading *reading)
{
    if (weir__scan_next(&reading->scan) != WEIR__SCAN_STRING)
        return false;
    for (int outcome = 0; outcome < WEIR_OUTCOME_COUNT; outcome++) {
        if (weir__scan_is(&reading->scan, weir_outcome_text((enum weir_outcome)outcome))) {
            reading->line.outcome = (enum weir_outcome)outcome;
            reading->seen |= WEIR__JOURNALLINE_SEEN_OUTCOME;
            return true;
        }
    }
    return false;
}

/* A moment, or null where it was never sent, which stays 0. */
static bool read_sent_at(struct weir__journalline_reading *reading)
{
    struct weir__scan *scan = &reading->scan;

    switch (weir__scan_next(scan)) {
    case WEIR__SCAN_NULL:
        return true;
    case WEIR__SCAN_STRING:
        return weir__date_parse_rfc3339(scan->text + scan->start + 1, scan->end - scan->start - 2,
                                        &reading->line.sent_at_ns);
    default:
        return false;
    }
}

/* The value of `weir`. */
static bool read_weir(struct weir__journalline_reading *reading)
{
    struct weir__scan *scan = &reading->scan;
    enum weir__scan_token token;
    bool good = weir__scan_next(scan) == WEIR__SCAN_OBJECT, answered, found;

    while (good && (token = weir__scan_next(scan)) != WEIR__SCAN_OBJECT_END) {
        if (token != WEIR__SCAN_KEY)
            return false;
        if (weir__scan_is(scan, "line")) {
            good = weir__journalline_read_uint(scan, &reading->line.line) && reading->line.line > 0;
            reading->seen |= WEIR__JOURNALLINE_SEEN_LINE;
        } else if (weir__scan_is(scan, "outcome")) {
            good = read_outcome(reading);
        } else if (weir__scan_is(scan, "attempts")) {
            good = weir__journalline_read_uint(scan, &reading->line.attempts);
        } else if (weir__scan_is(scan, "sent_at")) {
            good = read_sent_at(reading);
        } else if (weir__scan_is(scan, "ttfb_ms")) {
            good = weir__journalline_read_ms(scan, &reading->ttfb_ns, &answered);
            reading->seen |= answered ? WEIR__JOURNALLINE_SEEN_TTFB : 0;
        } else if (weir__scan_is(scan, "total_ms")) {
            good = weir__journalline_read_ms(scan, &reading->total_ns, &found);
        } else {
            good = weir__scan_skip(scan);
        }
    }
    return good;
}

/* The value of `error`: null, or an object with a code. */
static bool read_error(struct weir__journalline_reading *reading)
{
    struct weir__scan *scan = &reading->scan;
    enum weir__scan_token token = weir__scan_next(scan);

    if (token == WEIR__SCAN_NULL)
        return true;
    if (token != WEIR__SCAN_OBJECT)
        return false;
    while ((token = weir__scan_next(scan)) == WEIR__SCAN_KEY) {
        const bool code = weir__scan_is(scan, "code");
        if (!weir__scan_skip(scan))
            return false;
        if (code && scan->text[scan->start] == '"')
            reading->line.bad_line = weir__scan_is(scan, "bad_line");
    }
    return token == WEIR__SCAN_OBJECT_END;
}

static bool read_result_member(struct weir__journalline_reading *reading)
{
    struct weir__scan *scan = &reading->scan;

    if (weir__scan_is(scan, "custom_id")) {
        reading->seen |= WEIR__JOURNALLINE_SEEN_ID;
        return weir__scan_next(scan) == WEIR__SCAN_STRING;
    }
    if (weir__scan_is(scan, "error"))
        return read_error(reading);
    if (weir__scan_is(scan, "weir"))
        return read_weir(reading);
    return weir__journalline_pass_value(scan);
}

/* sent_at was cut to the millisecond: the send may have been so much later. */
static int64_t forgotten(const struct weir__journalline_reading *reading)
{
    if (reading->line.sent_at_ns == 0)
        return 0;
    return weir__journalline_add(weir__journalline_add(reading->line.sent_at_ns, WEIR__NS_PER_MS),
                                 (reading->seen & WEIR__JOURNALLINE_SEEN_TTFB) != 0 ? reading->ttfb_ns
                                                                                    : reading->total_ns);
}

/* From the first key, which is not `journal`, to the end. */
static bool read_result(struct weir__journalline_reading *reading)
{
    const unsigned needed = WEIR__JOURNALLINE_SEEN_ID | WEIR__JOURNALLINE_SEEN_LINE | WEIR__JOURNALLINE_SEEN_OUTCOME;
    enum weir__scan_token token = WEIR__SCAN_KEY;

    for (; token == WEIR__SCAN_KEY; token = weir__scan_next(&reading->scan))
        if (!read_result_member(reading))
            return false;
    if (token != WEIR__SCAN_OBJECT_END || weir__scan_next(&reading->scan) != WEIR__SCAN_END ||
        (reading->seen & needed) != needed)
        return false;
    reading->line.kind = WEIR__JOURNALLINE_RESULT;
    reading->line.forgotten_ns = forgotten(reading);
    return true;
}

void weir__journalline_read(const char *text, size_t size, struct weir__journalline *out)
{
    struct weir__journalline_reading reading = {.ttfb_ns = 0};

    memset(out, 0, sizeof *out);
    out->kind = WEIR__JOURNALLINE_INVALID;
    if (size < WEIR__JOURNALLINE_CRC_SIZE || !is_sound(text, size))
        return;
    weir__scan_init(&reading.scan, text, size);
    if (weir__scan_next(&reading.scan) != WEIR__SCAN_OBJECT)
        return;
    if (weir__scan_next(&reading.scan) != WEIR__SCAN_KEY)
        return;
    if (weir__scan_is(&reading.scan, "journal") ? weir__journalline_read_note(&reading) : read_result(&reading))
        *out = reading.line;
    else
        out->kind = WEIR__JOURNALLINE_STRANGE;
}

bool weir__journalline_begins_head(const char *text, size_t size)
{
    const size_t begins = sizeof WEIR__JOURNALLINE_HEAD_BEGINS - 1;

    return size == 0 || memcmp(text, WEIR__JOURNALLINE_HEAD_BEGINS, size < begins ? size : begins) == 0;
}
