/*
 * stop - what signals do to a run: the first SIGINT or SIGTERM drains it, the second ends it now; SIGUSR1 asks how far
 * it is.
 *
 * A thread takes the signals with sigwait, so that no handler runs in the middle of anything.  It knows no summary: who
 * owns the run says what the last words are.
 */
#ifndef WEIR_CLI_STOP_H
#define WEIR_CLI_STOP_H

#include "weir.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct weir__stop {
    struct weir *weir;
    bool quiet;
    void (*last_words)(void *context); /* summary of a run that is given up; weir still runs meanwhile */
    void (*woken)(void *context);      /* the first signal has stopped weir: ends what else the producer waits in, a
                                          read of stdin for one; NULL: there is nothing */
    void (*status)(void *context);     /* SIGUSR1: a line about the run, also where it is quiet; NULL: ignored */
    void *context;                     /* of all three, which run on the signal thread and must not wait for long */

    pthread_t thread;
    atomic_uint signals; /* how many SIGINT and SIGTERM have come */
    atomic_bool ending;
    atomic_flag claimed; /* the end of the run is somebody's already */
};

/* A reader that went away and a limit on the size of files do not kill the process: the write fails and is reported.
 * Nor does SIGUSR1, which waits until somebody can tell.  First of all. */
void weir__stop_ignore(void);

/* Blocks the three signals, for this thread and all it starts, so that none kills the process before start, which takes
 * them then.  Before any other thread exists. */
void weir__stop_prepare(void);

/*
 * From here on the first signal calls weir_stop() and the second weir_abort().  After the second the process ends
 * within 100 ms (for thousands of threads, as soon as the kernel can take them down), with code 3 if jobs were left:
 * through the owner if it claims the end in time, else after `last_words`, which then run on the signal thread.  `stop`
 * needs all but the last group set.  False where no thread could be started.
 */
bool weir__stop_start(struct weir__stop *stop);

/* True for the one who may end the run; does not return where the signal thread was first: the process is exiting. */
void weir__stop_claim(struct weir__stop *stop);

/* SIGINT and SIGTERM so far. */
unsigned weir__stop_count(struct weir__stop *stop);

/* Ends the thread; later signals stay pending.  After it, weir may be freed. */
void weir__stop_end(struct weir__stop *stop);

#endif
