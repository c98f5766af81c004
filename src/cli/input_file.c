/*
 * input_file - the file behind an input: opening it, waiting for it, reading bytes; see input_parts.h.
 */
#include "cli/input_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * O_NONBLOCK: to open a named pipe would wait for its writer, where nobody could wake us; and a terminal is not to
 * become the session's.  Standard input is left as it is, since others may have it, too.
 */
static int open_file(const char *file)
{
    if (strcmp(file, "-") == 0)
        return STDIN_FILENO;
    return open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* What kind of file it is, and what that kind needs. */
static bool prepare(struct weir__input *input)
{
    struct stat status;
    off_t begin;

    if (fstat(input->fd, &status) != 0)
        return false;
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return false;
    }
    if (S_ISREG(status.st_mode)) {
        begin = lseek(input->fd, 0, SEEK_CUR);
        if (begin < 0)
            return false;
        input->begin = input->offset = (uint64_t)begin;
        (void)posix_fadvise(input->fd, begin, 0, POSIX_FADV_SEQUENTIAL);
        return true;
    }
    input->stream = true;
    input->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (input->wake_fd < 0)
        return false;
    if (weir__digest_begin(&input->digest))
        return true;
    errno = ENOMEM;
    return false;
}

bool weir__input_open(struct weir__input *input, const char *file)
{
    int error;

    memset(input, 0, sizeof *input);
    atomic_init(&input->woken, false);
    input->wake_fd = -1;
    input->limit = UINT64_MAX;
    input->fd = open_file(file);
    if (input->fd >= 0 && prepare(input)) {
        input->buffer = malloc(WEIR__INPUT_BUFFER_SIZE);
        input->capacity = WEIR__INPUT_BUFFER_SIZE;
        if (input->buffer != NULL)
            return true;
        errno = ENOMEM;
    }
    error = errno;
    weir__input_close(input);
    errno = error;
    return false;
}

void weir__input_close(struct weir__input *input)
{
    if (input == NULL)
        return;
    if (input->fd > STDERR_FILENO) /* not standard input; nor what a zeroed struct seems to have */
        (void)close(input->fd);
    if (input->stream && input->wake_fd >= 0)
        (void)close(input->wake_fd);
    weir__digest_clear(&input->digest);
    free(input->buffer);
    memset(input, 0, sizeof *input);
    input->fd = input->wake_fd = -1;
}

void weir__input_wake(struct weir__input *input)
{
    const uint64_t one = 1;
    ssize_t written;

    atomic_store(&input->woken, true);
    if (input->wake_fd < 0)
        return;
    written = write(input->wake_fd, &one, sizeof one); /* nobody takes it out again: all reads to come see it */
    (void)written;
}

/* Waits until a stream has something, or its end.  False where it was woken, or with errno. */
static bool wait_for_data(struct weir__input *input)
{
    struct pollfd files[2] = {{input->fd, POLLIN, 0}, {input->wake_fd, POLLIN, 0}};

    while (poll(files, 2, -1) < 0)
        if (errno != EINTR)
            return false;
    return files[1].revents == 0;
}

ssize_t weir__input_read(struct weir__input *input, char *out, size_t size)
{
    ssize_t count;

    if (size > WEIR__INPUT_BUFFER_SIZE)
        size = WEIR__INPUT_BUFFER_SIZE;
    if (!input->stream && size > input->limit - input->offset)
        size = (size_t)(input->limit - input->offset);
    if (size == 0)
        return 0;
    do {
        if (atomic_load(&input->woken) || (input->stream && !wait_for_data(input)))
            return -1;
        count = input->stream ? read(input->fd, out, size) : pread(input->fd, out, size, (off_t)input->offset);
    } while (count < 0 && (errno == EINTR || (input->stream && errno == EAGAIN)));
    if (count == 0 && !input->stream && input->limit != UINT64_MAX) {
        errno = ENODATA; /* shorter than it was */
        return -1;
    }
    if (count > 0)
        input->offset += (uint64_t)count;
    return count;
}
