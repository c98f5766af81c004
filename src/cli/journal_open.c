/*
 * journal_open - from a name to a journal that is ours alone: which file, the lock, and by the mode what becomes of
 * what is in it.
 *
 * Before the lock is held nothing is read, cut or renamed.
 */
#include "cli/commands.h"
#include "cli/journal_parts.h"
#include "cli/say.h"

#include "base/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES_MAX 100       /* the file was renamed or removed just before it was locked */
#define OLD_NAMES_MAX 10000 /* FILE.1, FILE.2, ... */

/* ------------------------------------------------------------------------------------------------------------ messages
 */

bool weir__journal_is_stdout(const char *file)
{
    return strcmp(file, "-") == 0 || strcmp(file, "/dev/stdout") == 0;
}

const char *weir__journal_open_name(const struct weir__journal_options *options, char out[WEIR__JOURNAL_NAME_SIZE])
{
    if (weir__journal_is_stdout(options->file))
        return "standard output";
    return weir__say_escape(options->file, out, WEIR__JOURNAL_NAME_SIZE);
}

int weir__journal_open_failed(const struct weir__journal_options *options, const char *what, int error)
{
    char name[WEIR__JOURNAL_NAME_SIZE];

    weir__say("weir %s: %s: %s: %s", options->command, weir__journal_open_name(options, name), what, strerror(error));
    return WEIR__EXIT_OUTPUT;
}

static int refuse(const struct weir__journal_options *options, const char *why)
{
    char name[WEIR__JOURNAL_NAME_SIZE];

    weir__say("weir %s: %s: %s", options->command, weir__journal_open_name(options, name), why);
    return WEIR__EXIT_USAGE;
}

/* ------------------------------------------------------------------------------------------------------- system's part
 */

/* An open file description's lock: it goes with the last descriptor, however the process ends, and two of one process
 * exclude each other, too. */
int weir__journal_open_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EACCES ? EAGAIN : errno;
}

bool weir__journal_open_sync_directory(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *directory = slash == NULL ? strdup(".") : strndup(file, slash == file ? 1 : (size_t)(slash - file));
    int fd, error = 0;

    if (directory == NULL) {
        errno = ENOMEM;
        return false;
    }
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(directory);
    if (fd < 0)
        return false;
    if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system without such a thing */
        error = errno;
    (void)close(fd);
    errno = error;
    return error == 0;
}

bool weir__journal_open_is_still(const char *file, int fd)
{
    struct stat ours, theirs;

    return fstat(fd, &ours) == 0 && lstat(file, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

/* ------------------------------------------------------------------------------------------------------------- streams
 */

static int open_stream(struct weir__journal *journal, const struct weir__journal_options *options, bool standard)
{
    struct stat status;

    if (options->mode == WEIR__JOURNAL_RESUME || options->mode == WEIR__JOURNAL_RETRY_FAILED)
        return refuse(options, "is not a file that could be resumed: leave out --resume and --retry-failed, or name a "
                               "file");
    journal->fd =
        standard ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : open(options->file, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (journal->fd < 0)
        return weir__journal_open_failed(options, "cannot be opened", errno);
    if (!standard && (fstat(journal->fd, &status) != 0 || S_ISREG(status.st_mode))) {
        (void)close(journal->fd);
        return refuse(options, "became a file while it was opened");
    }
    journal->stream = true;
    return WEIR__EXIT_OK;
}

/* --------------------------------------------------------------------------------------------------------------- files
 */

/* Opens and locks what has the name now.  EAGAIN: another run has it.  ESTALE: start again. */
static int open_locked(const char *file, int *fd)
{
    struct stat status;
    int error = 0;

    *fd = open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (*fd < 0)
        return errno;
    if (fstat(*fd, &status) != 0)
        error = errno;
    else if (!S_ISREG(status.st_mode))
        error = ESTALE;
    if (error == 0)
        error = weir__journal_open_lock(*fd);
    if (error == 0 && !weir__journal_open_is_still(file, *fd))
        error = ESTALE;
    if (error != 0)
        (void)close(*fd);
    return error;
}

/* FORCE: the old file keeps its content under the next name that is free.  Its lock goes on until a new one is there.
 */
static int set_aside(const struct weir__journal_options *options)
{
    int error = EEXIST;

    for (int i = 1; i <= OLD_NAMES_MAX && error == EEXIST; i++) {
        char *name;
        if (asprintf(&name, "%s.%d", options->file, i) < 0)
            return weir__journal_open_failed(options, "cannot be renamed", ENOMEM);
        error = renameat2(AT_FDCWD, options->file, AT_FDCWD, name, RENAME_NOREPLACE) == 0 ? 0 : errno;
        if (error == EINVAL || error == ENOSYS) /* a file system that cannot: the old way */
            error = link(options->file, name) == 0 && unlink(options->file) == 0 ? 0 : errno;
        free(name);
    }
    return error == 0 ? WEIR__EXIT_OK : weir__journal_open_failed(options, "cannot be renamed", error);
}

/* The file, locked, and what is in it may be looked at. */
static int open_file(struct weir__journal *journal, const struct weir__journal_options *options)
{
    int error = ESTALE, code, old_fd;
    struct stat status;

    for (int i = 0; i < TRIES_MAX && error == ESTALE; i++)
        error = open_locked(options->file, &journal->fd);
    if (error == EAGAIN)
        return refuse(options, "another run writes to it");
    if (error == ELOOP)
        return refuse(options, "is a symbolic link: name the file itself, or - for the standard output");
    if (error != 0)
        return weir__journal_open_failed(options, "cannot be opened", error);
    if (options->mode != WEIR__JOURNAL_NEW && options->mode != WEIR__JOURNAL_FORCE)
        return WEIR__EXIT_OK;
    if (fstat(journal->fd, &status) != 0) {
        code = weir__journal_open_failed(options, "cannot be opened", errno);
    } else if (status.st_size == 0) {
        return WEIR__EXIT_OK;
    } else if (options->mode == WEIR__JOURNAL_NEW) {
        code = refuse(options, "has results already: --resume goes on with them, --retry-failed does those that failed "
                               "again, too, --force renames the file and begins a new one");
    } else {
        code = set_aside(options);
    }
    if (code != WEIR__EXIT_OK) {
        (void)close(journal->fd);
        return code;
    }
    old_fd = journal->fd;
    error = open_locked(options->file, &journal->fd);
    (void)close(old_fd);
    if (error == 0 && fstat(journal->fd, &status) == 0 && status.st_size == 0)
        return WEIR__EXIT_OK;
    if (error == 0)
        (void)close(journal->fd);
    return error == 0 || error == EAGAIN || error == ESTALE
               ? refuse(options, "another run began in it")
               : weir__journal_open_failed(options, "cannot be opened", error);
}

/* ------------------------------------------------------------------------------------------------------------
 * beginning
 */

/* What a crash left at the end goes, and is talked about. */
static int cut(const struct weir__journal *journal, const struct weir__journal_options *options,
               const struct weir__journal_recovery *recovery)
{
    char name[WEIR__JOURNAL_NAME_SIZE];

    if (recovery->size == recovery->valid_size)
        return WEIR__EXIT_OK;
    if (ftruncate(journal->fd, (off_t)recovery->valid_size) != 0)
        return weir__journal_open_failed(options, "its unfinished end cannot be cut off", errno);
    weir__say("weir %s: %s: its end was not finished: cut off %" PRIu64 " bytes from line %" PRIu64 " on",
              options->command, weir__journal_open_name(options, name), recovery->size - recovery->valid_size,
              recovery->cut_line);
    return WEIR__EXIT_OK;
}

/* The first line waits for the first that comes behind it: a run that does not begin leaves an empty file. */
static int begin(struct weir__journal *journal, const struct weir__journal_options *options)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__journalline head = options->head;

    head.kind = WEIR__JOURNALLINE_HEAD;
    weir__journalline_write(&writer, &head);
    if (writer.failed) {
        weir__writer_clear(&writer);
        return weir__journal_open_failed(options, "cannot be written", ENOMEM);
    }
    journal->waiting =
        (struct weir__journal_group){.text = writer.text, .size = writer.size, .capacity = writer.capacity};
    journal->head_size = writer.size;
    atomic_store(&journal->handed_in, writer.size);
    return WEIR__EXIT_OK;
}

/* RESUME and RETRY_FAILED: what is there, and where it ends. */
static int go_on(struct weir__journal *journal, const struct weir__journal_options *options, struct weir__past *past,
                 struct weir__journal_recovery *recovery)
{
    int code = weir__journal_recover(journal->fd, options, past, recovery);

    if (code == WEIR__EXIT_OK)
        code = cut(journal, options, recovery);
    if (code == WEIR__EXIT_OK && options->mode == WEIR__JOURNAL_RETRY_FAILED && recovery->surplus > 0)
        code = weir__journal_rewrite(&journal->fd, options, past, recovery);
    if (code != WEIR__EXIT_OK || !recovery->begun)
        return code;
    memcpy(journal->id, recovery->id, sizeof journal->id);
    journal->size = recovery->valid_size;
    return WEIR__EXIT_OK;
}

static int start_file(struct weir__journal *journal, const struct weir__journal_options *options,
                      struct weir__past *past)
{
    const bool resumes = options->mode == WEIR__JOURNAL_RESUME || options->mode == WEIR__JOURNAL_RETRY_FAILED;
    struct weir__journal_recovery recovery = {0};
    int code = open_file(journal, options);

    if (code != WEIR__EXIT_OK)
        return code;
    code = resumes ? go_on(journal, options, past, &recovery) : WEIR__EXIT_OK;
    weir__journal_recovery_clear(&recovery);
    if (code == WEIR__EXIT_OK && lseek(journal->fd, (off_t)journal->size, SEEK_SET) < 0)
        code = weir__journal_open_failed(options, "cannot be written", errno);
    if (code == WEIR__EXIT_OK && journal->size == 0)
        code = begin(journal, options);
    /* what is reported as done from here on, the old lines too, must be on the disk, and the file have its name */
    if (code == WEIR__EXIT_OK && journal->sync &&
        (fdatasync(journal->fd) != 0 || !weir__journal_open_sync_directory(options->file)))
        code = weir__journal_open_failed(options, "cannot be synced", errno);
    if (code != WEIR__EXIT_OK)
        (void)close(journal->fd);
    return code;
}

/* -------------------------------------------------------------------------------------------------------------- whole
 */

static int open_named(struct weir__journal *journal, const struct weir__journal_options *options,
                      struct weir__past *past)
{
    struct stat target, name;

    if (weir__journal_is_stdout(options->file))
        return open_stream(journal, options, true);
    if (stat(options->file, &target) == 0 && !S_ISREG(target.st_mode))
        return S_ISDIR(target.st_mode) ? weir__journal_open_failed(options, "cannot be opened", EISDIR)
                                       : open_stream(journal, options, false);
    if (lstat(options->file, &name) == 0 && S_ISLNK(name.st_mode))
        return refuse(options, "is a symbolic link: name the file itself, or - for the standard output");
    return start_file(journal, options, past);
}

int weir__journal_open(struct weir__journal *journal, const struct weir__journal_options *options,
                       struct weir__past *past)
{
    int code;

    *journal = (struct weir__journal){.fd = -1,
                                      .sync = options->durability == WEIR__DURABILITY_POWER,
                                      .lazy = options->durability == WEIR__DURABILITY_NONE};
    *past = (struct weir__past){0};
    memcpy(journal->id, options->head.id, sizeof journal->id);
    if (!weir__mutex_init(&journal->lock))
        return weir__journal_open_failed(options, "cannot be opened", ENOMEM);
    if (!weir__sem_init(&journal->settled, 0)) {
        weir__mutex_clear(&journal->lock);
        return weir__journal_open_failed(options, "cannot be opened", ENOMEM);
    }
    code = open_named(journal, options, past);
    if (code == WEIR__EXIT_OK) {
        journal->sync = journal->sync && !journal->stream;
        journal->open = true;
        return WEIR__EXIT_OK;
    }
    free(journal->waiting.text);
    weir__sem_clear(&journal->settled);
    weir__mutex_clear(&journal->lock);
    *journal = (struct weir__journal){.fd = -1};
    return code;
}
