/*
 * progress - one line on the terminal that shows how far a run is, redrawn ten times a second.
 */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include "weir.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__progress {
    struct weir *weir;
    uint64_t total;
    bool running;
    sem_t end;
    pthread_t thread;
};

/* Begins to draw.  Without a thread for it the run goes on undrawn. */
void weir__progress_start(struct weir__progress *progress, struct weir *weir, uint64_t total);

/* Ends it and erases the line.  A no-op where it does not run. */
void weir__progress_stop(struct weir__progress *progress);

/* What the caller has measured over the last second. */
struct weir__progress_pace {
    double rate;         /* attempts a second; -1 where unknown */
    double left_s;       /* until all is done; -1 where unknown */
    const char *held_by; /* the limit that most of the time was waited for; NULL where none was */
};

/* The line for `stats`, at most `columns` wide. */
void weir__progress_format(const struct weir_stats *stats, uint64_t total, const struct weir__progress_pace *pace,
                           size_t columns, char *out, size_t size);

#endif
