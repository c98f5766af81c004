/*
 * input - a file of jobs as a stream of lines.
 *
 * Memory does not grow with the file: one buffer, as large as the longest line, and small again after it.  Lines are
 * numbered as an editor does; empty ones are passed over.  A regular file is read once before, for its hash and its
 * number of jobs, and again only as far as it was then, with its hash beside that one's at the end; of a stream the
 * hash is kept as it goes.  What a line means is not its concern: a byte order mark is left where it stands.
 */
#ifndef WEIR_CLI_INPUT_H
#define WEIR_CLI_INPUT_H

#include "cli/digest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__INPUT_LINE_MAX_SIZE ((size_t)16 * 1024 * 1024) /* bytes of a line, its LF not counted */
#define WEIR__INPUT_BUFFER_SIZE ((size_t)256 * 1024)         /* and the most that one read brings */
#define WEIR__INPUT_STEADY_LINES 256u /* lines between two checkpoints of a stream, once it is on its way */

enum weir__input_next {
    WEIR__INPUT_LINE,
    WEIR__INPUT_TOO_LONG, /* a line over the limit, passed over; `number` is set */
    WEIR__INPUT_END,
    WEIR__INPUT_CHANGED, /* instead of END: what was read is not what was surveyed */
    WEIR__INPUT_WOKEN,   /* weir__input_wake() was called */
    WEIR__INPUT_FAILED   /* errno says why; ENODATA: the file is shorter now than it was surveyed */
};

struct weir__input {
    int fd;
    int wake_fd; /* an eventfd; -1 for a regular file, where no read waits */
    atomic_bool woken;
    bool stream; /* not a regular file */

    /* of a regular file, by weir__input_survey() */
    uint64_t bytes;
    uint64_t jobs; /* lines that are not empty */
    char sha256[WEIR__DIGEST_HEX_SIZE];

    /* lines, from 1: that last returned, the one returned before it, and that last seen, empty or not */
    uint64_t number, previous, seen;

    /* What is in the buffer: bytes up to `start` were taken, those up to `end` were read. */
    char *buffer;
    size_t capacity, start, end;
    size_t longest; /* line since the last read */
    bool at_end;
    bool changed; /* known at the end: see CHANGED */
    bool inside;  /* the bytes up to `start` end in a part of a line that is too long */

    /* of a regular file: where it begins (stdin may have been read from before), where the survey found its end, and
     * the next byte to read */
    uint64_t begin, limit, offset;

    /* of a stream: of all bytes up to `hashed` in the buffer, which is at most `start`; of a surveyed file: of all that
     * were read since */
    struct weir__digest digest;
    size_t hashed;
};

/* `file` may be "-".  False after errno was set (EISDIR for a directory); close is then a no-op. */
bool weir__input_open(struct weir__input *input, const char *file);

/* Of a regular file: reads it to its end, and is back at its beginning.  Counts as jobs what weir__input_next() will
 * return, lines that are too long among them.  False with errno; EINTR where it was woken. */
bool weir__input_survey(struct weir__input *input);

/*
 * The next line that is not empty, without its LF and a CR before it, until the next call.  The last one need not end
 * in LF.  Blanks alone (space, tab, CR) count as empty.  After END, CHANGED, WOKEN or FAILED nothing else is to be
 * asked for.  A file that merely grew has not CHANGED.
 */
enum weir__input_next weir__input_next(struct weir__input *input, const char **text, size_t *size);

/*
 * Of a stream, after a line: whether this is a moment to compare what was read (the first line returned at or after
 * line 1, 2, 4, 8, ... and each WEIR__INPUT_STEADY_LINES-th; counting every line, empty ones too); then `out` is the
 * hash of the first `out_lines` lines.
 *
 * `at_end`: whatever the number.  After any line that was returned (TOO_LONG too) `out_lines` is that line's number;
 * after END all lines count; after WOKEN it is the last returned line's, or false where what was taken behind that line
 * (empty lines, a part of one that is too long) is in the hash already.
 *
 * What it says depends on the bytes alone, not on how they came.  A last line without LF counts as if it had one, so
 * that a stream that goes on behind it is still the same up to there.  False without memory, too.
 */
bool weir__input_checkpoint(struct weir__input *input, bool at_end, uint64_t *out_lines,
                            char out[WEIR__DIGEST_HEX_SIZE]);

/* Ends a read that waits, and all that come.  Any thread. */
void weir__input_wake(struct weir__input *input);

void weir__input_close(struct weir__input *input);

#endif
