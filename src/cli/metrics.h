/*
 * metrics - a run's figures as a file in Prometheus' text format, for the node exporter's textfile collector.
 *
 * Written beside its name and renamed, so that nobody reads half of it; every few seconds and at the end.
 */
#ifndef WEIR_CLI_METRICS_H
#define WEIR_CLI_METRICS_H

#include "cli/account.h"
#include "weir.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

#define WEIR__METRICS_INTERVAL_S 5

struct weir__metrics {
    const char *file;
    struct weir *weir;
    const struct weir__account *account;
    bool running;
    sem_t end;
    pthread_t thread;
    char *temporary; /* FILE and a suffix */
    int error;       /* errno of the last write; 0: it is there.  The thread's between start and stop */
};

/* Writes the file a first time, and goes on until stop.  False where it cannot be written, or `file` is a name that a
 * rename must not replace (a symbolic link, a device, a pipe): then `error` is set, which weir__replace_reason words,
 * and nothing runs. */
bool weir__metrics_start(struct weir__metrics *metrics, const char *file, struct weir *weir,
                         const struct weir__account *account);

/* Writes it a last time, while weir is still there.  False where that failed.  A no-op where it does not run. */
bool weir__metrics_stop(struct weir__metrics *metrics);

/* The whole text, from the heap; NULL without memory.  `size` may be NULL. */
char *weir__metrics_format(const struct weir_stats *stats, const struct weir__figures *figures, size_t *size);

#endif
