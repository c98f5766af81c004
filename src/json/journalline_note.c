/*
 * journalline_note - a note of a journal, read back: its members in any order, and whether all are there that its kind
 * must have.
 */
#include "json/journalline_parts.h"

/* What every head must have. */
#define HEAD_BITS (WEIR__JOURNALLINE_SEEN_FORMAT | WEIR__JOURNALLINE_SEEN_ID | WEIR__JOURNALLINE_SEEN_SOURCE)

static bool read_source(struct weir__journalline_reading *reading)
{
    static const struct {
        const char *name;
        enum weir__journalline_source source;
    } sources[] = {
#define ROW(name, text) {text, WEIR__JOURNALLINE_##name},
        WEIR__JOURNALLINE_SOURCE_MAP(ROW)
#undef ROW
    };

    if (weir__scan_next(&reading->scan) != WEIR__SCAN_STRING)
        return false;
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (weir__scan_is(&reading->scan, sources[i].name)) {
            reading->line.source = sources[i].source;
            return true;
        }
    }
    return false;
}

static bool read_event(struct weir__journalline_reading *reading)
{
    static const struct {
        const char *name;
        enum weir__journalline_kind kind;
    } events[] = {
#define ROW(name, event) {event, WEIR__JOURNALLINE_##name},
        WEIR__JOURNALLINE_EVENT_MAP(ROW)
#undef ROW
    };

    if (weir__scan_next(&reading->scan) != WEIR__SCAN_STRING)
        return false;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (weir__scan_is(&reading->scan, events[i].name)) {
            reading->line.kind = events[i].kind;
            return true;
        }
    }
    return false;
}

static bool read_format(struct weir__journalline_reading *reading)
{
    uint64_t format;

    reading->line.kind = WEIR__JOURNALLINE_HEAD;
    return weir__journalline_read_uint(&reading->scan, &format) && format == WEIR__JOURNALLINE_FORMAT;
}

static bool read_at(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_moment(&reading->scan, &reading->line.at_ns);
}

static bool read_id(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_text(&reading->scan, reading->line.id, sizeof reading->line.id);
}

static bool read_key(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_text(&reading->scan, reading->line.key, sizeof reading->line.key);
}

static bool read_sha256(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_text(&reading->scan, reading->line.sha256, sizeof reading->line.sha256);
}

static bool read_line(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_uint(&reading->scan, &reading->line.line);
}

static bool read_at_most(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_uint(&reading->scan, &reading->line.at_most);
}

static bool read_bytes(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_uint(&reading->scan, &reading->line.bytes);
}

static bool read_jobs(struct weir__journalline_reading *reading)
{
    return weir__journalline_read_uint(&reading->scan, &reading->line.jobs);
}

/* A member whose key is the last token; unknown ones are passed over. */
static bool read_member(struct weir__journalline_reading *reading)
{
    static const struct {
        const char *key;
        unsigned bit;
        bool (*read)(struct weir__journalline_reading *reading);
    } members[] = {
        {"event", 0, read_event},
        {"line", WEIR__JOURNALLINE_SEEN_LINE, read_line},
        {"at", WEIR__JOURNALLINE_SEEN_AT, read_at},
        {"at_most", WEIR__JOURNALLINE_SEEN_AT_MOST, read_at_most},
        {"lines", WEIR__JOURNALLINE_SEEN_LINES, read_line},
        {"sha256", WEIR__JOURNALLINE_SEEN_SHA256, read_sha256},
        {"format", WEIR__JOURNALLINE_SEEN_FORMAT, read_format},
        {"id", WEIR__JOURNALLINE_SEEN_ID, read_id},
        {"idempotency_key", 0, read_key},
        {"source", WEIR__JOURNALLINE_SEEN_SOURCE, read_source},
        {"bytes", WEIR__JOURNALLINE_SEEN_BYTES, read_bytes},
        {"jobs", WEIR__JOURNALLINE_SEEN_JOBS, read_jobs},
    };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (weir__scan_is(&reading->scan, members[i].key)) {
            reading->seen |= members[i].bit;
            return members[i].read(reading);
        }
    }
    return weir__scan_skip(&reading->scan);
}

/* What a note of its kind must have; 0 for what is none. */
static unsigned needed_by(const struct weir__journalline *note)
{
    switch (note->kind) {
    case WEIR__JOURNALLINE_HEAD:
        switch (note->source) {
        case WEIR__JOURNALLINE_CONFIG:
            return HEAD_BITS | WEIR__JOURNALLINE_SEEN_SHA256 | WEIR__JOURNALLINE_SEEN_JOBS;
        case WEIR__JOURNALLINE_FILE:
            return HEAD_BITS | WEIR__JOURNALLINE_SEEN_SHA256 | WEIR__JOURNALLINE_SEEN_BYTES |
                   WEIR__JOURNALLINE_SEEN_JOBS;
        case WEIR__JOURNALLINE_STREAM:
            return HEAD_BITS;
        }
        break;
    case WEIR__JOURNALLINE_IN_FLIGHT:
        return WEIR__JOURNALLINE_SEEN_AT_MOST;
    case WEIR__JOURNALLINE_INTENT:
        return WEIR__JOURNALLINE_SEEN_LINE;
    case WEIR__JOURNALLINE_ATTEMPT:
    case WEIR__JOURNALLINE_CANCELLED:
        return WEIR__JOURNALLINE_SEEN_LINE | WEIR__JOURNALLINE_SEEN_AT;
    case WEIR__JOURNALLINE_INPUT:
        return WEIR__JOURNALLINE_SEEN_LINES | WEIR__JOURNALLINE_SEEN_SHA256;
    case WEIR__JOURNALLINE_START:
    case WEIR__JOURNALLINE_END:
        return WEIR__JOURNALLINE_SEEN_AT;
    case WEIR__JOURNALLINE_INVALID:
    case WEIR__JOURNALLINE_STRANGE:
    case WEIR__JOURNALLINE_RESULT:
        break;
    }
    return 0;
}

static bool is_whole(const struct weir__journalline_reading *reading)
{
    const unsigned needed = needed_by(&reading->line);

    return needed != 0 && (reading->seen & needed) == needed &&
           (reading->line.line > 0 || (needed & WEIR__JOURNALLINE_SEEN_LINE) == 0);
}

bool weir__journalline_read_note(struct weir__journalline_reading *reading)
{
    struct weir__scan *scan = &reading->scan;
    enum weir__scan_token token;

    if (weir__scan_next(scan) != WEIR__SCAN_OBJECT)
        return false;
    while ((token = weir__scan_next(scan)) == WEIR__SCAN_KEY)
        if (!read_member(reading))
            return false;
    return token == WEIR__SCAN_OBJECT_END && is_whole(reading) && weir__scan_next(scan) == WEIR__SCAN_KEY &&
           weir__scan_is(scan, "crc") && weir__scan_next(scan) == WEIR__SCAN_STRING &&
           weir__scan_next(scan) == WEIR__SCAN_OBJECT_END && weir__scan_next(scan) == WEIR__SCAN_END;
}
