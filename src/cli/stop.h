/*
 * stop - what SIGINT and SIGTERM do to a run: the first drains it, the second ends it now.
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
    void *context;

    pthread_t thread;
    atomic_uint signals; /* how many have come */
    atomic_bool ending;
    atomic_flag claimed; /* the end of the run is somebody's already */
};

/* Blocks both signals, for this thread and all it starts; ignores SIGPIPE.  Before any other thread exists. */
void weir__stop_prepare(void);

/*
 * From here on the first signal calls weir_stop() and the second weir_abort().  After the second the process ends
 * within 100 ms (for thousands of threads, as soon as the kernel can take them down), with code 3 if jobs were left:
 * through the owner if it claims the end in time, else after `last_words`, which then run on the signal thread.  `stop`
 * needs weir, quiet, last_words and context set.  False where no thread could be started.
 */
bool weir__stop_start(struct weir__stop *stop);

/* True for the one who may end the run; does not return where the signal thread was first: the process is exiting. */
void weir__stop_claim(struct weir__stop *stop);

/* Signals so far. */
unsigned weir__stop_count(struct weir__stop *stop);

/* Ends the thread; later signals stay pending.  After it, weir may be freed. */
void weir__stop_end(struct weir__stop *stop);

#endif
