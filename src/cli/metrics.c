/* metrics - see metrics.h; the text is in metrics_text.c */
#include "cli/metrics.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cli/replace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 0 or errno. */
static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, text, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        text += written;
        size -= (size_t)written;
    }
    return 0;
}

/* The file, whole or as it was.  Nothing is synced: after a crash the old figures are as good.  0 or errno. */
static int replace(const char *file, const char *temporary, const char *text, size_t size)
{
    int error = weir__replace_check(file), fd;

    if (error != 0)
        return error;
    fd = weir__replace_open(temporary);
    if (fd < 0)
        return errno;
    error = write_all(fd, text, size);
    if (close(fd) != 0 && error == 0)
        error = errno;
    if (error == 0 && rename(temporary, file) != 0)
        error = errno;
    if (error != 0)
        (void)unlink(temporary);
    return error;
}

static bool write_now(struct weir__metrics *metrics)
{
    struct weir_stats stats;
    struct weir__figures figures;
    size_t size = 0;
    char *text;

    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    weir_snapshot(metrics->weir, &stats);
    weir__account_read(metrics->account, &stats, &figures);
    text = weir__metrics_format(&stats, &figures, &size);
    metrics->error = text == NULL ? ENOMEM : replace(metrics->file, metrics->temporary, text, size);
    free(text);
    return metrics->error == 0;
}

/* A write that fails is tried again: a full disk may have room later. */
static void *write_loop(void *context)
{
    struct weir__metrics *metrics = context;

    while (!weir__sem_wait(&metrics->end, weir__clock_now_ns() + WEIR__METRICS_INTERVAL_S * WEIR__NS_PER_S))
        (void)write_now(metrics);
    return NULL;
}

bool weir__metrics_start(struct weir__metrics *metrics, const char *file, struct weir *weir,
                         const struct weir__account *account)
{
    memset(metrics, 0, sizeof *metrics);
    metrics->file = file;
    metrics->weir = weir;
    metrics->account = account;
    /* The end of the name matters: the collector reads what ends in ".prom". */
    if (asprintf(&metrics->temporary, "%s.%ld.tmp", file, (long)getpid()) < 0) {
        metrics->temporary = NULL;
        metrics->error = ENOMEM;
        return false;
    }
    if (!write_now(metrics))
        goto failed;
    metrics->error = EAGAIN;
    if (!weir__sem_init(&metrics->end, 0))
        goto failed;
    metrics->error = 0; /* before the thread, which owns it from its start on */
    metrics->running = weir__thread_start(&metrics->thread, write_loop, metrics);
    if (metrics->running)
        return true;
    metrics->error = EAGAIN;
    weir__sem_clear(&metrics->end);
failed:
    free(metrics->temporary);
    metrics->temporary = NULL;
    return false;
}

bool weir__metrics_stop(struct weir__metrics *metrics)
{
    bool written;

    if (!metrics->running)
        return true;
    weir__sem_post(&metrics->end);
    weir__thread_join(metrics->thread);
    weir__sem_clear(&metrics->end);
    metrics->running = false;
    written = write_now(metrics);
    free(metrics->temporary);
    metrics->temporary = NULL;
    return written;
}
