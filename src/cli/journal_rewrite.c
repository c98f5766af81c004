/*
 * journal_rewrite - a journal without the results of the jobs that are to be done again.
 *
 * The new file is written beside the old one, locked, synced and renamed over it: whenever it is interrupted, one of
 * the two stands there whole.  Nothing is removed or replaced but what is locked by us and still has its name.  What
 * the limits must know of the sends behind the lines that go stays, as notes.
 */
#include "cli/commands.h"
#include "cli/journal_parts.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".rewriting"
#define CHUNK_SIZE ((size_t)1024 * 1024) /* written at once */

#define BESIDE "cannot be rewritten, since there is a file of that name and \"" SUFFIX "\" "
#define NOT_OURS BESIDE "which no rewriting of it left: move that away"
#define IN_USE BESIDE "which another run writes to"
#define MOVED "cannot be rewritten, since it was renamed or replaced meanwhile"

struct rewrite {
    const struct weir__journal_options *options;
    struct weir__journal_recovery *recovery;
    const char *why; /* of a failure, where errno does not say it */
    int fd;
    struct weir__writer out; /* what is not written yet */
    struct weir__bits kept;  /* jobs whose result is in the new file */
    uint64_t size;           /* of the new file, with what is not written yet */
};

/* -------------------------------------------------------------------------------------------------------- the new file
 */

/* Whether a file is what a killed rewriting of this journal left: its first line is the
 * journal's, as far as it goes.  Another journal that happens to have that name has another id. */
static bool is_leftover(int fd, int journal_fd)
{
    char text[WEIR__JOURNAL_HEAD_MAX_SIZE], head[WEIR__JOURNAL_HEAD_MAX_SIZE];
    const ssize_t size = pread(fd, text, sizeof text, 0), head_size = pread(journal_fd, head, sizeof head, 0);
    const char *head_end = head_size > 0 ? memchr(head, '\n', (size_t)head_size) : NULL;
    size_t same;

    if (size < 0 || head_end == NULL)
        return false;
    same = (size_t)(head_end - head) + 1;
    return memcmp(text, head, (size_t)size < same ? (size_t)size : same) == 0;
}

/* Of ours, locked. */
static void discard(const char *file, int fd)
{
    if (weir__journal_open_is_still(file, fd))
        (void)unlink(file);
    (void)close(fd);
}

/* Removes what a killed rewriting left.  What is no such thing, or is in use, stays: false. */
static bool remove_leftover(struct rewrite *r, const char *file, int journal_fd)
{
    const int fd = open(file, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    bool removed = false;
    int error = 0;

    if (fd < 0) {
        r->why = errno == ELOOP || errno == EISDIR ? NOT_OURS : NULL;
        return false;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        r->why = NOT_OURS;
    } else if ((error = weir__journal_open_lock(fd)) != 0) {
        r->why = error == EAGAIN ? IN_USE : NULL;
    } else if (!is_leftover(fd, journal_fd)) {
        r->why = NOT_OURS;
    } else if (!weir__journal_open_is_still(file, fd)) {
        r->why = IN_USE;
    } else {
        removed = unlink(file) == 0;
        error = errno;
    }
    (void)close(fd);
    errno = error;
    return removed;
}

/* Created for nobody else but the old one's owner; whoever opened it before it was locked has it. */
static int create(struct rewrite *r, const char *file, int journal_fd, const struct stat *old)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(file, flags, 0600), error;

    if (fd < 0 && errno == EEXIST && remove_leftover(r, file, journal_fd))
        fd = open(file, flags, 0600);
    if (fd < 0)
        return -1;
    error = weir__journal_open_lock(fd);
    if (error != 0) {
        r->why = error == EAGAIN ? IN_USE : NULL;
        if (error != EAGAIN)
            (void)unlink(file);
        (void)close(fd);
        errno = error;
        return -1;
    }
    if ((old->st_uid != geteuid() || old->st_gid != getegid()) && fchown(fd, old->st_uid, old->st_gid) != 0)
        error = errno;
    if (error == 0 && fchmod(fd, old->st_mode & 0777) != 0)
        error = errno;
    if (error != 0) {
        discard(file, fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* ----------------------------------------------------------------------------------------------------------- the lines
 */

static bool flush(struct rewrite *r)
{
    const size_t size = r->out.size;

    if (r->out.failed) {
        errno = ENOMEM;
        return false;
    }
    r->size += size;
    r->out.size = 0;
    return weir__journal_put(r->fd, r->out.text, size);
}

static bool copy(struct rewrite *r, const char *text, size_t size)
{
    if (r->out.size + size >= CHUNK_SIZE && !flush(r))
        return false;
    if (size < CHUNK_SIZE) {
        weir__writer_raw(&r->out, NULL, text, size + 1); /* its line end stands behind it */
        return true;
    }
    r->size += size + 1;
    return weir__journal_put(r->fd, text, size + 1);
}

/* What is left of a result that goes: when the job's last send was over, as long as a limit asks for that. */
static void leave_note(struct rewrite *r, const struct weir__journalline *result)
{
    const struct weir__journalline note = {
        .kind = WEIR__JOURNALLINE_ATTEMPT, .line = result->line, .at_ns = result->forgotten_ns};

    if (weir__journal_sends_matter(&r->recovery->sends, result->forgotten_ns))
        weir__journalline_write(&r->out, &note);
}

static bool take(struct rewrite *r, const char *text, size_t size)
{
    struct weir__journalline line;

    weir__journalline_read(text, size, &line);
    if (line.kind == WEIR__JOURNALLINE_INTENT && weir__bits_get(&r->recovery->retry, line.line))
        return true; /* with its result it would go on as a job that nobody knows the end of */
    if (line.kind != WEIR__JOURNALLINE_RESULT)
        return copy(r, text, size);
    if (line.outcome == WEIR_OUTCOME_CANCELLED || weir__bits_get(&r->recovery->retry, line.line) ||
        weir__bits_get(&r->kept, line.line)) {
        leave_note(r, &line);
        return true;
    }
    if (!weir__bits_set(&r->kept, line.line, true)) {
        errno = ENOMEM;
        return false;
    }
    return copy(r, text, size);
}

static bool take_all(struct rewrite *r, int old_fd)
{
    enum weir__journal_lines_next next = WEIR__JOURNAL_END;
    struct weir__journal_lines lines;
    const char *text;
    size_t size;
    bool taken = true;

    weir__journal_lines_init(&lines, old_fd);
    while (taken && lines.next - (lines.end - lines.start) < r->recovery->valid_size &&
           (next = weir__journal_lines_next(&lines, &text, &size)) == WEIR__JOURNAL_LINE)
        taken = take(r, text, size);
    if (taken && next != WEIR__JOURNAL_FAILED)
        taken = flush(r);
    else
        taken = false;
    weir__journal_lines_clear(&lines);
    return taken && fdatasync(r->fd) == 0;
}

/* ------------------------------------------------------------------------------------------------------------ the past
 */

static void forget(struct weir__past *past, const struct weir__journal_options *options, const struct weir__bits *retry)
{
    for (uint64_t i = 0; i < retry->capacity / 8 && i < past->done.capacity / 8; i++)
        past->done.bytes[i] &= (unsigned char)~retry->bytes[i];
    past->done_count -= past->outcomes[WEIR_OUTCOME_FAILED];
    past->outcomes[WEIR_OUTCOME_FAILED] = 0;
    if (options->retry_unknown) {
        past->done_count -= past->outcomes[WEIR_OUTCOME_UNKNOWN];
        past->outcomes[WEIR_OUTCOME_UNKNOWN] = 0;
    }
}

static bool rewrite(struct rewrite *r, int *fd, const char *file)
{
    struct stat old;
    int error;

    if (fstat(*fd, &old) != 0)
        return false;
    r->fd = create(r, file, *fd, &old);
    if (r->fd < 0)
        return false;
    if (!take_all(r, *fd))
        goto failed;
    if (!weir__journal_open_is_still(r->options->file, *fd) || !weir__journal_open_is_still(file, r->fd)) {
        r->why = MOVED;
        goto failed;
    }
    if (rename(file, r->options->file) != 0)
        goto failed;
    (void)close(*fd);
    *fd = r->fd;
    return true;
failed:
    error = errno;
    discard(file, r->fd);
    errno = error;
    return false;
}

static int say_failed(const struct rewrite *r, int error)
{
    char name[WEIR__JOURNAL_NAME_SIZE];

    if (r->why == NULL)
        return weir__journal_open_failed(r->options, "cannot be rewritten without the failed jobs", error);
    weir__say("weir %s: %s: %s", r->options->command, weir__journal_open_name(r->options, name), r->why);
    return WEIR__EXIT_OUTPUT;
}

int weir__journal_rewrite(int *fd, const struct weir__journal_options *options, struct weir__past *past,
                          struct weir__journal_recovery *recovery)
{
    struct rewrite r = {.options = options, .recovery = recovery, .out = WEIR__WRITER_INIT};
    char *file = NULL;
    bool done = asprintf(&file, "%s" SUFFIX, options->file) >= 0;
    int error = ENOMEM;

    if (done) {
        done = rewrite(&r, fd, file);
        error = errno;
        free(file);
    }
    weir__writer_clear(&r.out);
    weir__bits_clear(&r.kept);
    if (!done)
        return say_failed(&r, error);
    forget(past, options, &recovery->retry);
    recovery->valid_size = recovery->size = r.size;
    return WEIR__EXIT_OK;
}
