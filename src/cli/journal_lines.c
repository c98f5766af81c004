/* journal_lines - see journal_parts.h.  It knows what ends a line, not what is in one. */
#include "cli/journal_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)1024 * 1024)

void weir__journal_lines_init(struct weir__journal_lines *lines, int fd)
{
    *lines = (struct weir__journal_lines){.fd = fd};
}

void weir__journal_lines_clear(struct weir__journal_lines *lines)
{
    if (lines == NULL)
        return;
    free(lines->buffer);
    lines->buffer = NULL;
}

/* Room behind `end`: what was returned already makes way; only then the buffer grows. */
static bool make_room(struct weir__journal_lines *lines)
{
    const size_t capacity = lines->capacity == 0 ? BUFFER_SIZE : lines->capacity * 2;
    char *buffer;

    if (lines->start > 0) {
        assert(lines->buffer != NULL);
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->end < lines->capacity)
        return true;
    buffer = realloc(lines->buffer, capacity);
    if (buffer == NULL) {
        errno = ENOMEM;
        return false;
    }
    lines->buffer = buffer;
    lines->capacity = capacity;
    return true;
}

/* By offset, so that nobody's position in the file matters. */
static bool fill(struct weir__journal_lines *lines)
{
    ssize_t got;

    if (!make_room(lines))
        return false;
    do
        got = pread(lines->fd, lines->buffer + lines->end, lines->capacity - lines->end, (off_t)lines->next);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return false;
    lines->at_end = got == 0;
    lines->end += (size_t)got;
    lines->next += (uint64_t)got;
    return true;
}

/* A line that is not worth keeping: what was lost in a power cut may be gigabytes of zeros. */
static bool is_hopeless(const struct weir__journal_lines *lines)
{
    return lines->end > lines->start &&
           (lines->buffer[lines->start] != '{' || lines->end - lines->start > WEIR__JOURNAL_LINE_MAX_SIZE);
}

enum weir__journal_lines_next weir__journal_lines_next(struct weir__journal_lines *lines, const char **text,
                                                       size_t *size)
{
    bool hopeless = false;
    const char *line, *line_end;

    if (lines->buffer == NULL && !fill(lines))
        return WEIR__JOURNAL_FAILED;
    assert(lines->buffer != NULL);
    lines->offset = lines->next - (lines->end - lines->start);
    lines->looked_at = 0;
    for (;;) {
        line = lines->buffer + lines->start;
        line_end = NULL;
        if (lines->end > lines->start + lines->looked_at)
            line_end = memchr(line + lines->looked_at, '\n', lines->end - lines->start - lines->looked_at);
        if (line_end != NULL || lines->at_end)
            break;
        lines->looked_at = lines->end - lines->start;
        if (lines->number == 0 && lines->looked_at > WEIR__JOURNAL_HEAD_MAX_SIZE)
            break; /* no journal begins so: its end need not be looked for */
        if (hopeless || is_hopeless(lines)) {
            hopeless = true;
            lines->start = lines->end = lines->looked_at = 0;
        }
        if (!fill(lines))
            return WEIR__JOURNAL_FAILED;
    }
    if (line_end == NULL && !hopeless && lines->start == lines->end)
        return WEIR__JOURNAL_END;
    *size = line_end != NULL ? (size_t)(line_end - line) : lines->end - lines->start;
    lines->start += *size + (line_end != NULL);
    *text = hopeless ? "" : line;
    *size = hopeless ? 0 : *size;
    lines->whole = line_end != NULL;
    lines->number++;
    return WEIR__JOURNAL_LINE;
}
