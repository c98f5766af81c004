/*
 * say - what the command tells people, on stderr.
 *
 * Every line is one write(2), so that lines of several threads do not mix, and what a server sent cannot drive the
 * terminal.  It knows nothing of jobs or limits.
 */
#ifndef WEIR_CLI_SAY_H
#define WEIR_CLI_SAY_H

#include <stdbool.h>
#include <stddef.h>

#define WEIR__SAY_LINE_MAX 4096u /* bytes of one line; a longer one is cut */

/* A line; the newline is added.  Clears a progress line that stands there before. */
void weir__say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Several lines as they are, in one write. */
void weir__say_text(const char *text, size_t size);

/*
 * Draws a line that the next one of say replaces: the cursor stays in it.  NULL removes it.  The caller keeps it
 * shorter than the terminal is wide.
 */
void weir__say_status(const char *line);

/* Whether to colour and draw on stderr: a terminal that can, and no NO_COLOR. */
bool weir__say_colour(void);

/*
 * Copies `text` with every byte that is not printable UTF-8 as \xNN; cuts at `size`, always ends in NUL.  Returns
 * `out`.
 */
const char *weir__say_escape(const char *text, char *out, size_t size);

#endif
