/* say - see say.h */
#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Back to the first column, and erase to the end of the line (ECMA-48 EL). */
#define CLEAR_LINE "\r\033[K"
#define CLEAR_SIZE (sizeof CLEAR_LINE - 1)

/* Whether a status line stands there, so that the next line must clear it first. */
static atomic_bool status_shown;

/* Nobody can be told that stderr failed, so a failure only ends the attempt. */
static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(STDERR_FILENO, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        text += written;
        size -= (size_t)written;
    }
}

void weir__say(const char *format, ...)
{
    char line[CLEAR_SIZE + WEIR__SAY_LINE_MAX] = CLEAR_LINE;
    char *const text = line + CLEAR_SIZE;
    const bool clear = atomic_exchange(&status_shown, false);
    va_list arguments;
    int length;
    size_t size;

    va_start(arguments, format);
    length = vsnprintf(text, WEIR__SAY_LINE_MAX, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size = (size_t)length < WEIR__SAY_LINE_MAX - 1 ? (size_t)length : WEIR__SAY_LINE_MAX - 1;
    text[size++] = '\n'; /* where the NUL was */
    write_all(clear ? line : text, clear ? CLEAR_SIZE + size : size);
}

void weir__say_text(const char *text, size_t size)
{
    if (atomic_exchange(&status_shown, false))
        write_all(CLEAR_LINE, CLEAR_SIZE);
    write_all(text, size);
}

void weir__say_status(const char *line)
{
    char text[CLEAR_SIZE + WEIR__SAY_LINE_MAX];
    int length;

    if (line == NULL) {
        if (atomic_exchange(&status_shown, false))
            write_all(CLEAR_LINE, CLEAR_SIZE);
        return;
    }
    atomic_store(&status_shown, true);
    length = snprintf(text, sizeof text, CLEAR_LINE "%s", line);
    if (length > 0)
        write_all(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

bool weir__say_colour(void)
{
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org: present and not empty */
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) == 1 && (no_colour == NULL || *no_colour == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

/*
 * Bytes of the character at `p`, 0 where it must be escaped: controls (C0, DEL, and C1, which some terminals obey as
 * U+0080 to U+009F) and what is not UTF-8 by RFC 3629.
 */
static size_t printable(const unsigned char *p)
{
    size_t size;
    unsigned code;

    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7f ? 1 : 0;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    code = p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) /* the NUL at the end stops it too */
            return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    if (code < 0xa0 || (size == 3 && code < 0x800) || (size == 4 && code < 0x10000) || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff))
        return 0;
    /* marks that turn the direction of the text round can make a line say something else */
    if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
        return 0;
    return size;
}

const char *weir__say_escape(const char *text, char *out, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t used = 0;

    while (*p != '\0') {
        const size_t length = printable(p);
        if (used + (length > 0 ? length : 4) >= size)
            break;
        if (length > 0) {
            memcpy(out + used, p, length);
            used += length;
            p += length;
        } else {
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", *p++);
        }
    }
    out[used] = '\0';
    return out;
}
