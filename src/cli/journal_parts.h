/*
 * journal_parts - what the files of the journal share.
 *
 *     journal_open -> journal_recover -> journal_lines, journal_sends      reading, one thread
 *                  -> journal_rewrite -> journal_lines
 *     journal                                                              writing, any thread
 *
 * The functions that return an exit code have said why, unless it is WEIR__EXIT_OK.
 */
#ifndef WEIR_CLI_JOURNAL_PARTS_H
#define WEIR_CLI_JOURNAL_PARTS_H

#include "cli/journal.h"

#include <sys/stat.h>

/* The longest line that is looked at: the largest body in base64, and room for what is around it.  Memory ends sooner.
 */
#define WEIR__JOURNAL_LINE_MAX_SIZE ((uint64_t)24 * 1024 * 1024 * 1024)
#define WEIR__JOURNAL_HEAD_MAX_SIZE 4096u             /* a first line is some hundred bytes */
#define WEIR__JOURNAL_JOB_MAX UINT64_C(1000000000000) /* no job has a higher number; a bit for each is 125 GB */
#define WEIR__JOURNAL_NAME_SIZE 1024u                 /* of a file in a message */

/* ------------------------------------------------------------------------------------------------------ journal_lines
 * A journal as a stream of lines, through one buffer that grows with the longest. */

struct weir__journal_lines {
    int fd;
    char *buffer;
    size_t capacity, start, end;
    size_t looked_at; /* from `start`: so far there is no line end */
    uint64_t next;    /* the file's offset of the byte after the buffer */
    bool at_end;
    uint64_t number; /* of the line last returned, from 1; 0: none yet */
    uint64_t offset; /* where it begins */
    bool whole;      /* it has its line end */
};

enum weir__journal_lines_next { WEIR__JOURNAL_LINE, WEIR__JOURNAL_END, WEIR__JOURNAL_FAILED /* errno */ };

void weir__journal_lines_init(struct weir__journal_lines *lines, int fd);

/* The next line without its end, valid until the next call.  One that cannot be a journal's (it does not begin with a
 * brace, or is longer than any) comes as an empty text.  A first line over WEIR__JOURNAL_HEAD_MAX_SIZE may come without
 * its rest, and not `whole`: then nothing else is to be asked for. */
enum weir__journal_lines_next weir__journal_lines_next(struct weir__journal_lines *lines, const char **text,
                                                       size_t *size);
void weir__journal_lines_clear(struct weir__journal_lines *lines);

/* ------------------------------------------------------------------------------------------------------ journal_sends
 * The newest sends, a heap with the oldest of them on top: lines are in order of completion, not of sends. */

struct weir__journal_send {
    int64_t at_ns; /* wall clock; when it was over */
    uint32_t count;
};

struct weir__journal_sends {
    uint32_t max; /* entries */
    int64_t now_ns, memory_ns;
    struct weir__journal_send *entries;
    size_t count, capacity;
};

/* Whether a limit still counts what was over then. */
bool weir__journal_sends_matter(const struct weir__journal_sends *sends, int64_t at_ns);

/* `at_ns` 0: never sent.  False without memory. */
bool weir__journal_sends_add(struct weir__journal_sends *sends, int64_t at_ns, uint64_t count);

/* Hands them to the past, oldest first, and `in_flight` more that are not over as far as anybody knows. */
bool weir__journal_sends_finish(struct weir__journal_sends *sends, uint64_t in_flight, struct weir__past *past);
void weir__journal_sends_clear(struct weir__journal_sends *sends);

/* ---------------------------------------------------------------------------------------------------- journal_recover
 */

struct weir__journal_recovery {
    char id[WEIR__JOURNALLINE_ID_SIZE];
    bool begun;                       /* it has a first line; else it is empty, or what a torn first line left */
    uint64_t size;                    /* of the file */
    uint64_t valid_size;              /* up to the end of its last valid line; what comes after is to be cut off */
    uint64_t cut_line;                /* the number of the first line of that */
    uint64_t surplus;                 /* lines that a rewriting leaves out */
    struct weir__bits retry;          /* RETRY_FAILED: jobs whose result is taken out */
    struct weir__journal_sends sends; /* of the reading; afterwards for its `matter` */
};

/* Reads the file and changes nothing in it. */
int weir__journal_recover(int fd, const struct weir__journal_options *options, struct weir__past *past,
                          struct weir__journal_recovery *recovery);
void weir__journal_recovery_clear(struct weir__journal_recovery *recovery);

/* ---------------------------------------------------------------------------------------------------- journal_rewrite
 */

/* Puts a file without the surplus lines in the place of the one at `*fd`, which becomes the new one's, locked; the past
 * forgets what was taken out.  After a failure everything is as it was. */
int weir__journal_rewrite(int *fd, const struct weir__journal_options *options, struct weir__past *past,
                          struct weir__journal_recovery *recovery);

/* ------------------------------------------------------------------------------------------------------- journal_open
 */

/* F_OFD_SETLK: 0, or errno; EAGAIN where another has it. */
int weir__journal_open_lock(int fd);

/* Whether the name still leads to the file that was opened. */
bool weir__journal_open_is_still(const char *file, int fd);

/* Makes a directory's new names durable. False with errno. */
bool weir__journal_open_sync_directory(const char *file);

/* "weir run: FILE: WHAT: why", with strerror(error), and WEIR__EXIT_OUTPUT. */
int weir__journal_open_failed(const struct weir__journal_options *options, const char *what, int error);

/* The file's name for a message. */
const char *weir__journal_open_name(const struct weir__journal_options *options, char out[WEIR__JOURNAL_NAME_SIZE]);

/* ------------------------------------------------------------------------------------------------------------ journal
 */

/* Writes all of it, through interruptions, short writes and full pipes.  False with errno. */
bool weir__journal_put(int fd, const char *text, size_t size);

#endif
