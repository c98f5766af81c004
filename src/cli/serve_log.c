/* serve_log - see serve_log.h */
#include "cli/serve_log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

bool weir__serve_log_open(struct weir__serve_log *log, const char *path)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file;
    int error;

    if (descriptor < 0)
        return false;
    file = fdopen(descriptor, "w");
    if (file == NULL) {
        error = errno;
        (void)close(descriptor);
        errno = error;
        return false;
    }
    *log = (struct weir__serve_log){.file = file};
    return true;
}

static void note(struct weir__serve_log *log, bool good)
{
    if (!good && log->error == 0)
        log->error = errno;
}

static bool put_word(FILE *file, const char *word)
{
    for (; *word != '\0'; word++) {
        const unsigned char c = (unsigned char)*word;
        if (c > ' ' && c < 0x7f ? putc_unlocked(c, file) == EOF : fprintf(file, "%%%02X", c) < 0)
            return false;
    }
    return putc_unlocked(' ', file) != EOF;
}

void weir__serve_log_add(struct weir__serve_log *log, int64_t now_ns, const char *method, const char *path, int status)
{
    const int64_t us = (now_ns - log->start_ns) / WEIR__NS_PER_US;
    FILE *file = log->file;

    if (file == NULL)
        return;
    note(log, fprintf(file, "%" PRId64 ".%06" PRId64 " ", us / 1000000, us % 1000000) > 0 && put_word(file, method) &&
                  put_word(file, path) && (status > 0 ? fprintf(file, "%d\n", status) : fputs("reset\n", file)) >= 0);
}

void weir__serve_log_flush(struct weir__serve_log *log)
{
    if (log->file != NULL)
        note(log, fflush(log->file) == 0);
}

int weir__serve_log_close(struct weir__serve_log *log)
{
    if (log->file != NULL)
        note(log, fclose(log->file) == 0);
    log->file = NULL;
    return log->error;
}
