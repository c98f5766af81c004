/*
 * report_line - see report_line.h.
 *
 * The checksum, which the caller has looked at, vouches that weir wrote the line: headers and body are passed over.
 */
#include "cli/report_line.h"

#include "json/journalline_parts.h"

#include <string.h>

/* How a response begins, as resultline writes it. */
static const char status_begins[] = "{\"status_code\":";

/* Before the value of `response`: takes the status, and passes the whole. */
static bool read_response(struct weir__scan *scan, int *out_status)
{
    const char *at = scan->text + scan->offset, *const end = scan->text + scan->size;
    const size_t begins = sizeof status_begins - 1;
    int status = 0;

    if ((size_t)(end - at) > begins && memcmp(at, status_begins, begins) == 0)
        for (at += begins; at < end && *at >= '0' && *at <= '9' && status < 1000; at++)
            status = status * 10 + (*at - '0');
    *out_status = status <= (int)WEIR_HTTP_STATUS_MAX ? status : 0;
    return weir__journalline_pass_value(scan);
}

static bool read_error(struct weir__scan *scan, struct weir__report_line *line)
{
    enum weir__scan_token token = weir__scan_next(scan);

    if (token == WEIR__SCAN_NULL)
        return true;
    if (token != WEIR__SCAN_OBJECT)
        return false;
    while ((token = weir__scan_next(scan)) == WEIR__SCAN_KEY)
        if (!(weir__scan_is(scan, "code") ? weir__journalline_read_text(scan, line->code, sizeof line->code)
                                          : weir__scan_skip(scan)))
            return false;
    return token == WEIR__SCAN_OBJECT_END;
}

static bool read_times(struct weir__scan *scan, struct weir__report_line *line)
{
    const struct {
        const char *key;
        int64_t *out;
    } times[] = {{"queue_ms", &line->queue_ns},
                 {"permit_ms", &line->permit_ns},
                 {"connect_ms", &line->connect_ns},
                 {"ttfb_ms", &line->ttfb_ns},
                 {"total_ms", &line->total_ns}};
    enum weir__scan_token token = weir__scan_next(scan);
    bool good = token == WEIR__SCAN_OBJECT, found;

    while (good && (token = weir__scan_next(scan)) == WEIR__SCAN_KEY) {
        size_t i = 0;
        while (i < sizeof times / sizeof times[0] && !weir__scan_is(scan, times[i].key))
            i++;
        if (i == sizeof times / sizeof times[0]) {
            good = weir__scan_skip(scan);
        } else {
            good = weir__journalline_read_ms(scan, times[i].out, &found);
            line->answered |= found && times[i].out == &line->ttfb_ns;
        }
    }
    return good && token == WEIR__SCAN_OBJECT_END;
}

bool weir__report_line_read(const char *text, size_t size, struct weir__report_line *out)
{
    struct weir__scan scan;
    bool good;

    weir__scan_init(&scan, text, size);
    good = weir__scan_next(&scan) == WEIR__SCAN_OBJECT;
    while (good && weir__scan_next(&scan) == WEIR__SCAN_KEY) {
        if (weir__scan_is(&scan, "response"))
            good = read_response(&scan, &out->status);
        else if (weir__scan_is(&scan, "error"))
            good = read_error(&scan, out);
        else if (weir__scan_is(&scan, "weir"))
            return read_times(&scan, out); /* behind it the checksum alone */
        else
            good = weir__journalline_pass_value(&scan);
    }
    return false;
}
