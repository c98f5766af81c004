/*
 * segment - see segment.h.
 *
 * Locks are bytes of the file that hold no data: the door, then one for each seat.
 */
#include "base/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far behind any data, so that nobody takes them for some. */
#define DOOR ((off_t)1 << 40)

#define PATH_SIZE (WEIR__SEGMENT_NAME_MAX + sizeof "/weir.")

bool weir__segment_name_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t length = strlen(name);

    return length >= 1 && length <= WEIR__SEGMENT_NAME_MAX && name[0] != '.' && strspn(name, allowed) == length;
}

static void path_of(const char *name, char out[PATH_SIZE])
{
    (void)snprintf(out, PATH_SIZE, "/weir.%s", name);
}

/* F_WRLCK or F_UNLCK on one byte; `wait` for who has it. */
static bool lock_byte(int file, off_t at, short type, bool wait)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    int result;

    do
        result = fcntl(file, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

static off_t byte_of(uint32_t seat)
{
    return DOOR + 1 + (off_t)seat;
}

static bool has_lock(int file, off_t at)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

    return fcntl(file, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

static uint64_t pid_space(void)
{
    struct stat about;

    return stat("/proc/self/ns/pid", &about) == 0 ? (uint64_t)about.st_ino : 0;
}

static enum weir__segment_status open_file(const char *name, int *out)
{
    char path[PATH_SIZE];
    struct stat about;
    int file;

    path_of(name, path);
    file = shm_open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file < 0)
        return errno == EACCES || errno == EPERM || errno == ELOOP || errno == EISDIR ? WEIR__SEGMENT_FOREIGN
                                                                                      : WEIR__SEGMENT_RESOURCE;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || about.st_uid != geteuid() ||
        (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        (void)close(file);
        return WEIR__SEGMENT_FOREIGN;
    }
    *out = file;
    return WEIR__SEGMENT_OK;
}

/* What was opened may have lost its name before its door was ours: then somebody else makes another one. */
static bool is_current(int file)
{
    struct stat about;

    return fstat(file, &about) == 0 && about.st_nlink > 0;
}

static bool map(struct weir__segment *segment, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment->file, 0);

    if (memory == MAP_FAILED)
        return false;
    segment->head = memory;
    segment->size = size;
    return true;
}

static void unmap(struct weir__segment *segment)
{
    if (segment->head != NULL)
        (void)munmap(segment->head, segment->size);
    segment->head = NULL;
}

/* What is there, if it is whole.  What was never finished is all zero where its tag is to be. */
static enum weir__segment_status map_whole(struct weir__segment *segment, uint64_t tag)
{
    uint64_t found = 0;
    struct stat about;

    if (fstat(segment->file, &about) != 0)
        return WEIR__SEGMENT_RESOURCE;
    if (about.st_size > 0 && pread(segment->file, &found, sizeof found, 0) < 0)
        return WEIR__SEGMENT_RESOURCE;
    if (found == 0)
        return WEIR__SEGMENT_OK;
    if (found != tag || about.st_size < (off_t)sizeof *segment->head)
        return WEIR__SEGMENT_FOREIGN;
    if (!map(segment, (size_t)about.st_size))
        return WEIR__SEGMENT_RESOURCE;
    return segment->head->size == (uint64_t)about.st_size ? WEIR__SEGMENT_OK : WEIR__SEGMENT_FOREIGN;
}

enum weir__segment_status weir__segment_open(struct weir__segment *segment, const char *name, uint64_t tag)
{
    enum weir__segment_status status;

    *segment = (struct weir__segment){.file = -1, .seat = WEIR__SEGMENT_SEATS, .pid_space = pid_space()};
    for (;;) {
        status = open_file(name, &segment->file);
        if (status != WEIR__SEGMENT_OK)
            return status;
        if (!lock_byte(segment->file, DOOR, F_WRLCK, true))
            break;
        if (!is_current(segment->file)) {
            (void)close(segment->file);
            continue;
        }
        status = map_whole(segment, tag);
        if (status != WEIR__SEGMENT_OK)
            weir__segment_close(segment);
        return status;
    }
    weir__segment_close(segment);
    return WEIR__SEGMENT_RESOURCE;
}

/* Of one's own seat the lock says nothing: it is in no conflict with oneself. */
bool weir__segment_alive(const struct weir__segment *segment, uint32_t seat)
{
    int32_t pid;

    if (seat == segment->seat)
        return true;
    if (!has_lock(segment->file, byte_of(seat)))
        return false;
    if (segment->head == NULL || segment->pid_space == 0 || segment->head->seats[seat].pid_space != segment->pid_space)
        return true;
    pid = segment->head->seats[seat].pid;
    return pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH;
}

bool weir__segment_empty(struct weir__segment *segment)
{
    for (uint32_t seat = 0; seat < WEIR__SEGMENT_SEATS; seat++)
        if (weir__segment_alive(segment, seat))
            return false;
    return true;
}

/* The memory is really there, so that no store can fail for want of it. */
static bool reserve(int file, size_t size)
{
    int error;

    do
        error = posix_fallocate(file, 0, (off_t)size);
    while (error == EINTR);
    return error == 0;
}

/* Nothing of what was there is touched before it is sure that the new one can be. */
enum weir__segment_status weir__segment_renew(struct weir__segment *segment, size_t size)
{
    unmap(segment);
    if (!reserve(segment->file, size) || !map(segment, size))
        return WEIR__SEGMENT_RESOURCE;
    segment->head->tag = 0; /* from here on it is one that was never finished */
    memset(segment->head, 0, size);
    if (ftruncate(segment->file, (off_t)size) != 0)
        return WEIR__SEGMENT_RESOURCE;
    segment->head->size = size;
    return WEIR__SEGMENT_OK;
}

enum weir__segment_status weir__segment_sit(struct weir__segment *segment)
{
    for (uint32_t seat = 0; seat < WEIR__SEGMENT_SEATS; seat++) {
        if (!lock_byte(segment->file, byte_of(seat), F_WRLCK, false))
            continue;
        segment->seat = seat;
        segment->head->seats[seat].pid = (int32_t)getpid();
        segment->head->seats[seat].pid_space = segment->pid_space;
        return WEIR__SEGMENT_OK;
    }
    return WEIR__SEGMENT_FULL;
}

void weir__segment_admit(struct weir__segment *segment, uint64_t tag)
{
    segment->head->tag = tag;
    (void)lock_byte(segment->file, DOOR, F_UNLCK, false);
}

/* The locks go with the file, even where a child has it too. */
void weir__segment_close(struct weir__segment *segment)
{
    if (segment->file < 0)
        return;
    if (segment->seat < WEIR__SEGMENT_SEATS)
        (void)lock_byte(segment->file, byte_of(segment->seat), F_UNLCK, false);
    (void)lock_byte(segment->file, DOOR, F_UNLCK, false);
    unmap(segment);
    (void)close(segment->file);
    *segment = (struct weir__segment){.file = -1, .seat = WEIR__SEGMENT_SEATS};
}

bool weir__segment_unlink(const char *name)
{
    char path[PATH_SIZE];

    path_of(name, path);
    return shm_unlink(path) == 0;
}
