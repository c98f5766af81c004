/*
 * journal - the results file: one writer, lines that are durable before they are reported, and what an earlier run left
 * in it.
 *
 * Each run has it for itself (a lock).  Whoever has a line hands it in and waits until it is as durable as was asked
 * for; those who come while others are written are written together, and synced once.  What cannot be written is taken
 * back as far as the disk allows, and from then on nothing is: a failed sync is never tried again.
 *
 * What is not a regular file (a pipe, a terminal, /dev/null) is a stream: results alone, no notes, no resume.
 *
 * Threads: all but open and close: any.  It does not know what a job is.
 */
#ifndef WEIR_CLI_JOURNAL_H
#define WEIR_CLI_JOURNAL_H

#include "cli/past.h"
#include "json/config.h"
#include "json/journalline.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__JOURNAL_COUNTERS 4u

enum weir__journal_mode {
    WEIR__JOURNAL_NEW,          /* a journal that exists, and is not empty, is refused */
    WEIR__JOURNAL_RESUME,       /* goes on with it; begins where there is none */
    WEIR__JOURNAL_RETRY_FAILED, /* the same, after the jobs that failed were taken out of it */
    WEIR__JOURNAL_FORCE         /* an old one is renamed: FILE.1, FILE.2, ... */
};

struct weir__journal_options {
    const char *command; /* "run": for messages */
    const char *file;    /* "-": standard output */
    enum weir__journal_mode mode;
    enum weir__config_durability durability;
    bool retry_unknown; /* RETRY_FAILED: those whose outcome is unknown, too */

    /* what it must belong to; its id is for a new one */
    struct weir__journalline head;

    /* what the limits need to know of sends before: so many of the newest, not older than `memory_ns` */
    uint32_t memory_max;
    int64_t memory_ns;
    int64_t now_ns; /* wall clock */
};

/* Lines that go into the file together. */
struct weir__journal_group {
    char *text;
    size_t size, capacity;
    uint64_t counts[WEIR__JOURNAL_COUNTERS]; /* what `counters` rise by with them */
};

struct weir__journal {
    bool open; /* false: zeroed, or closed */
    int fd;
    bool stream;
    bool sync; /* power */
    bool lazy; /* none */
    char id[WEIR__JOURNALLINE_ID_SIZE];
    _Atomic uint64_t *counters; /* WEIR__JOURNAL_COUNTERS of them, the owner's; raised once their lines are durable */

    pthread_mutex_t lock; /* guards what follows, but what only who is at the file touches; a leaf */
    struct weir__journal_group waiting;
    char *spare; /* the buffer that is not in use; NULL: none is kept */
    size_t spare_capacity;
    bool busy;                  /* somebody is at the file; the lock is free meanwhile */
    sem_t settled;              /* who waits for lines sleeps here, */
    unsigned sleepers;          /* so many */
    _Atomic uint64_t handed_in; /* bytes since the opening */

    /* who writes what waits, where those who hand in must not stop for it */
    bool scribed; /* there is one */
    pthread_t scribe;
    sem_t news;  /* posted for him when a line waits, */
    bool called; /* which he has not heard yet */
    bool closing;

    _Atomic uint64_t durable; /* of them, as durable as was asked for, or beyond it on the way there */
    uint64_t head_size;       /* of those, how many are a new journal's first line: nothing was begun with it alone */

    /* at the file */
    uint64_t size;    /* of the file, up to its last line that is as durable as was asked for */
    atomic_int error; /* errno of what failed, 0: nothing has */
};

/* Whether the name stands for the standard output. */
bool weir__journal_is_stdout(const char *file);

/*
 * Opens, locks and reads back.  Returns WEIR__EXIT_OK with both filled; else the exit code,
 * after a message, with nothing left open: WEIR__EXIT_USAGE (exists, locked by another run, cannot be resumed),
 * WEIR__EXIT_JOURNAL (damaged, or of another job), WEIR__EXIT_OUTPUT (cannot be opened, read or written).  Either way
 * clear frees `past`.
 */
int weir__journal_open(struct weir__journal *journal, const struct weir__journal_options *options,
                       struct weir__past *past);

/*
 * Appends lines, each with its end, without waiting for somebody who is at the file already: he writes them, too.
 * `*out_end` is for await.  `counter` is the one of `counters` that rises by one when they are durable; -1: none does.
 * False where they never will be.
 */
bool weir__journal_hand_in(struct weir__journal *journal, const char *text, size_t size, int counter,
                           uint64_t *out_end);

/* Returns once all that was handed in up to `end` is as durable as was asked for (`none`: is written).  False where it
 * never will be. */
bool weir__journal_await(struct weir__journal *journal, uint64_t end);

/* Both in one; with `none` once the lines are taken. */
bool weir__journal_write(struct weir__journal *journal, const char *text, size_t size, int counter);

/* From now on a thread of the journal's own writes what is handed in, and nobody else stops for that but who awaits it.
 * False where none can be started.  Close ends it. */
bool weir__journal_hire(struct weir__journal *journal);

/* Waits for all that was handed in. */
bool weir__journal_flush(struct weir__journal *journal);

/* Appends a note as write does, and an INTENT is written in any case; true on a stream, where none is needed. */
bool weir__journal_note(struct weir__journal *journal, const struct weir__journalline *note);

/* Ends it: from here on nothing is written.  The first error counts. */
void weir__journal_fail(struct weir__journal *journal, int error);

/* errno of the failure that ended it; 0 while all is well. */
int weir__journal_error(struct weir__journal *journal);

/* Writes what waits, closes, frees; a new journal in which nothing was begun stays empty.  False where anything was not
 * written.  A zeroed struct is a no-op. */
bool weir__journal_close(struct weir__journal *journal);

#endif
