/*
 * process - what the process around us does: fork() and exit().
 *
 * Only the thread that calls fork() goes on in the child: locks may be held there by nobody, and no worker is alive.
 * exit() takes down what live threads still use (OpenSSL's tables, the host's own objects).  So handles are guests here
 * as long as they live.
 *
 * Threads: any.  Nothing is to be locked by who joins or parts that `leave` would wait for without end.
 */
#ifndef WEIR_BASE_PROCESS_H
#define WEIR_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* Part of a handle; zeroed, it is no guest. */
struct weir__guest {
    /*
     * exit() was called; runs on the thread that did, which may be any, a callback's too.  Twice: for all guests, to
     * begin with, and for all once more, when it may wait until `until_ns` (the first time that is past).  After it
     * exit() goes on, whatever is still there.
     */
    void (*leave)(struct weir__guest *guest);
    int64_t until_ns;

    struct weir__guest *next, *previous; /* guarded by the list's lock, as is */
    unsigned joined;                     /* in which process: its forks and 1; 0: it is no guest */
};

/* How many forks lie between the first call of this in the process's ancestry and here; grows in each child.  vfork()
 * and posix_spawn() do not count: their children call nothing before exec. */
unsigned weir__process_forks(void);

/* From here on `guest->leave` is called at exit(), the newest guest first, unless the process is a child of the one
 * that joined. */
void weir__process_join(struct weir__guest *guest);

/* Not any more.  A guest that never joined, or whose leave() has been called, is a no-op; where exit() is at it now,
 * waits until that is over.  In a child of the process that joined, does nothing. */
void weir__process_part(struct weir__guest *guest);

/* Whether this thread is the one in exit(), and the guests have been seen off: it runs what the host ends with. */
bool weir__process_ends_here(void);

#endif
