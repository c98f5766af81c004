/*
 * fail_io - makes one file fail on purpose: preloaded into a program, it looks at the calls on the files that
 * FAIL_IO_FILE names and lets them fail as the other variables say.
 *
 *     FAIL_IO_FILE    the file's absolute name; with FAIL_IO_BESIDE=1 every name that begins so, too (temporary files)
 *     FAIL_IO_CALL    write, sync (fsync and fdatasync), ftruncate, rename, read, close; several with commas
 *     FAIL_IO_AFTER   write: so many bytes succeed first, the last of them by a short write; others: so many calls
 *     FAIL_IO_ERRNO   the error's number; default EIO
 *     FAIL_IO_TIMES   so often it fails; then it works again.  Default: always
 *     FAIL_IO_SHORT   a write takes at most so many bytes
 *     FAIL_IO_EINTR   every so-many-th write fails with EINTR
 *     FAIL_IO_LOG     a file that gets a line for each sync, failure and rename: "sync NAME 0", "write NAME 28"
 *     FAIL_IO_SYNCED  a file that holds, as a number of 8 bytes, how much of FAIL_IO_FILE was synced: what a power
 *                     loss leaves
 *
 * The program's own file descriptors are not touched before it asks; nothing is allocated.
 */
#undef _FORTIFY_SOURCE /* which defines some of the calls itself */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static atomic_llong written;       /* bytes that went into it */
static atomic_llong calls;         /* of the kind that fails, so far */
static atomic_llong failures;      /* made */
static atomic_llong writes;        /* calls, for FAIL_IO_EINTR */
static atomic_llong synced_so_far; /* as the file FAIL_IO_SYNCED says */

static long long number(const char *name, long long otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoll(text, NULL, 10) : otherwise;
}

/* Whether `path` is the file, or one beside it. */
static bool is_it(const char *path)
{
    const char *file = getenv("FAIL_IO_FILE");

    if (file == NULL)
        return false;
    return number("FAIL_IO_BESIDE", 0) != 0 ? strncmp(path, file, strlen(file)) == 0 : strcmp(path, file) == 0;
}

static bool name_of(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t size;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    size = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    if (size < 0)
        return false;
    path[size] = '\0';
    return true;
}

static bool its(int fd)
{
    char path[PATH_MAX];
    int before = errno;
    bool yes = name_of(fd, path) && is_it(path);

    errno = before;
    return yes;
}

/* Appends "CALL NAME ERRNO" to the log. */
static void note(const char *call, const char *path, int error)
{
    const char *log = getenv("FAIL_IO_LOG");
    char line[PATH_MAX + 64];
    int before = errno;
    long fd;
    int size;

    if (log == NULL)
        return;
    size = snprintf(line, sizeof(line), "%s %s %d\n", call, path, error);
    fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && size > 0)
        (void)syscall(SYS_write, fd, line, (size_t)size);
    if (fd >= 0)
        (void)syscall(SYS_close, fd);
    errno = before;
}

static void note_fd(const char *call, int fd, int error)
{
    char path[PATH_MAX];

    if (name_of(fd, path))
        note(call, path, error);
}

static bool meant(const char *call)
{
    const char *list = getenv("FAIL_IO_CALL");
    size_t size = strlen(call);

    for (; list != NULL && *list != '\0'; list += strcspn(list, ","), list += *list == ',')
        if (strncmp(list, call, size) == 0 && (list[size] == '\0' || list[size] == ','))
            return true;
    return false;
}

/* Counts a failure, and sets errno; false once there were enough of them. */
static bool fail(void)
{
    if (atomic_fetch_add(&failures, 1) >= number("FAIL_IO_TIMES", LLONG_MAX))
        return false;
    errno = (int)number("FAIL_IO_ERRNO", EIO);
    return true;
}

/* Whether this call, one of a kind that is counted, is to fail. */
static bool fails(const char *call)
{
    return meant(call) && atomic_fetch_add(&calls, 1) >= number("FAIL_IO_AFTER", 0) && fail();
}

/* How much of a write of `size` bytes is let through; -1 where it fails. */
static ssize_t allowed(size_t size)
{
    long long every = number("FAIL_IO_EINTR", 0);
    long long most = number("FAIL_IO_SHORT", 0);
    long long left = number("FAIL_IO_AFTER", 0) - atomic_load(&written);

    if (every > 0 && atomic_fetch_add(&writes, 1) % every == every - 1) {
        errno = EINTR;
        return -1;
    }
    if (most > 0 && size > (size_t)most)
        size = (size_t)most;
    if (meant("write") && size > 0 && (long long)size > left) {
        if (left > 0)
            return (ssize_t)left;
        if (fail())
            return -1;
    }
    return (ssize_t)size;
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t count = (ssize_t)size;
    bool ours = its(fd);

    if (ours && (count = allowed(size)) < 0) {
        if (errno != EINTR)
            note_fd("write", fd, errno);
        return -1;
    }
    count = syscall(SYS_write, fd, data, (size_t)count);
    if (ours && count > 0)
        atomic_fetch_add(&written, count);
    return count;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    ssize_t count = (ssize_t)size;
    bool ours = its(fd);

    if (ours && (count = allowed(size)) < 0) {
        if (errno != EINTR)
            note_fd("write", fd, errno);
        return -1;
    }
    count = syscall(SYS_pwrite64, fd, data, (size_t)count, offset);
    if (ours && count > 0)
        atomic_fetch_add(&written, count);
    return count;
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite(fd, data, size, offset);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (its(fd) && count > 0)
        return write(fd, parts[0].iov_base, parts[0].iov_len);
    return syscall(SYS_writev, fd, parts, count);
}

static void remember(int64_t size)
{
    const char *name = getenv("FAIL_IO_SYNCED");
    int before = errno;
    long fd;

    atomic_store(&synced_so_far, size);
    if (name == NULL)
        return;
    fd = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)syscall(SYS_pwrite64, fd, &size, sizeof(size), 0);
        (void)syscall(SYS_close, fd);
    }
    errno = before;
}

static int sync_by(long call, int fd)
{
    struct stat before = {0};
    bool ours = its(fd);
    long status;

    if (ours && fails("sync")) {
        note_fd("sync", fd, errno);
        return -1;
    }
    if (ours && syscall(SYS_newfstatat, fd, "", &before, AT_EMPTY_PATH) != 0)
        before.st_size = 0;
    status = syscall(call, fd);
    if (ours && status == 0)
        remember(before.st_size);
    note_fd("sync", fd, status == 0 ? 0 : errno);
    return (int)status;
}

EXPORT int fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

EXPORT int fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

EXPORT int ftruncate(int fd, off_t size)
{
    bool ours = its(fd);
    long status;

    if (ours && fails("ftruncate")) {
        note_fd("ftruncate", fd, errno);
        return -1;
    }
    status = syscall(SYS_ftruncate, fd, size);
    if (ours && status == 0 && size < atomic_load(&synced_so_far))
        remember(size);
    return (int)status;
}

EXPORT int ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

EXPORT int rename(const char *from, const char *to)
{
    char path[PATH_MAX];

    if (realpath(from, path) != NULL && is_it(path) && fails("rename")) {
        note("rename", path, errno);
        return -1;
    }
    note("rename", from, 0);
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

EXPORT ssize_t read(int fd, void *data, size_t size)
{
    if (its(fd) && fails("read")) {
        note_fd("read", fd, errno);
        return -1;
    }
    return syscall(SYS_read, fd, data, size);
}

EXPORT ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    if (its(fd) && fails("read")) {
        note_fd("read", fd, errno);
        return -1;
    }
    return syscall(SYS_pread64, fd, data, size, offset);
}

EXPORT ssize_t pread64(int fd, void *data, size_t size, off_t offset)
{
    return pread(fd, data, size, offset);
}

EXPORT int close(int fd)
{
    bool bad = its(fd) && fails("close");
    long status;

    if (bad)
        note_fd("close", fd, errno);
    status = syscall(SYS_close, fd);
    if (bad)
        errno = (int)number("FAIL_IO_ERRNO", EIO);
    return bad ? -1 : (int)status;
}
