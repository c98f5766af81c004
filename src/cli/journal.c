/*
 * journal - the writing side of the results file; see journal.h.
 *
 * There is no thread for it.  Lines are put behind those that wait; whoever finds nobody at the file goes there and
 * writes what has come together, with one write and one sync.  Meanwhile the next group gathers, so that groups are as
 * large as the disk is slow.  One who waits for his lines sleeps, and all who sleep are woken after each group: those
 * whose lines are in it go, and of the others the first writes the next one.
 */
#include "cli/journal.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cli/journal_parts.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LAZY_SIZE ((size_t)64 * 1024)   /* `none`: so much may wait */
#define KEPT_SIZE ((size_t)1024 * 1024) /* a buffer that a crowd of long lines made larger is not kept */
#define BUFFER_LEAST ((size_t)16 * 1024)

bool weir__journal_put(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, text, size);
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        } else if (written == 0) {
            errno = EIO; /* or this would never end */
            return false;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            /* a pipe that somebody made non-blocking; whether the other end is gone the next write tells */
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            if (poll(&room, 1, -1) < 0 && errno != EINTR)
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

int weir__journal_error(struct weir__journal *journal)
{
    return atomic_load(&journal->error);
}

void weir__journal_fail(struct weir__journal *journal, int error)
{
    int none = 0;

    (void)atomic_compare_exchange_strong(&journal->error, &none, error != 0 ? error : EIO);
}

/* If not even that can be done, the next run cuts off what no longer is a line. */
static void cut_back(struct weir__journal *journal)
{
    const int ignored = ftruncate(journal->fd, (off_t)journal->size);

    (void)ignored;
}

/*
 * At the file.  What fails half way is taken back, so that the file says no more than its callers were told.  After a
 * failed sync the kernel may have dropped what it could not write and call the rest clean, so a later one would prove
 * nothing: there is none.
 */
static bool commit(struct weir__journal *journal, const char *text, size_t size)
{
    if (weir__journal_error(journal) != 0)
        return false;
    if (weir__journal_put(journal->fd, text, size) && (!journal->sync || fdatasync(journal->fd) == 0)) {
        journal->size += size;
        return true;
    }
    weir__journal_fail(journal, errno);
    if (!journal->stream)
        cut_back(journal);
    return false;
}

/* Under the lock.  A post for each sleeper: one who comes late may take another's, and leaves him his own. */
static void wake(struct weir__journal *journal)
{
    for (; journal->sleepers > 0; journal->sleepers--)
        weir__sem_post(&journal->settled);
}

/* Under the lock, which is let go meanwhile. */
static void sleep_until_settled(struct weir__journal *journal)
{
    journal->sleepers++;
    weir__mutex_unlock(&journal->lock);
    (void)weir__sem_wait(&journal->settled, WEIR__NEVER);
    weir__mutex_lock(&journal->lock);
}

/* Under the lock, which is let go meanwhile; nobody is at the file.  Writes what waits: the buffers change places. */
static void write_group(struct weir__journal *journal)
{
    const struct weir__journal_group group = journal->waiting;
    bool done;

    journal->waiting = (struct weir__journal_group){.text = journal->spare, .capacity = journal->spare_capacity};
    journal->spare = NULL;
    journal->busy = true;
    weir__mutex_unlock(&journal->lock);
    done = group.size == 0 || commit(journal, group.text, group.size);
    for (unsigned i = 0; done && journal->counters != NULL && i < WEIR__JOURNAL_COUNTERS; i++)
        if (group.counts[i] > 0)
            atomic_fetch_add(&journal->counters[i], group.counts[i]);
    weir__mutex_lock(&journal->lock);
    journal->busy = false;
    if (done)
        atomic_fetch_add(&journal->durable, group.size);
    if (group.capacity > KEPT_SIZE || journal->spare != NULL) {
        free(group.text);
    } else {
        journal->spare = group.text;
        journal->spare_capacity = group.capacity;
    }
}

/* Under the lock.  Goes on until nothing waits, or somebody who slept can go on. */
static void write_waiting(struct weir__journal *journal)
{
    bool slept = false;

    while (!slept && !journal->busy && journal->waiting.size > 0 && weir__journal_error(journal) == 0) {
        write_group(journal);
        slept = journal->sleepers > 0;
        wake(journal);
    }
}

/* Under the lock. */
static void call_scribe(struct weir__journal *journal)
{
    if (!journal->called)
        weir__sem_post(&journal->news);
    journal->called = true;
}

static void *write_all(void *argument)
{
    struct weir__journal *journal = argument;

    weir__mutex_lock(&journal->lock);
    while (!journal->closing) {
        weir__mutex_unlock(&journal->lock);
        (void)weir__sem_wait(&journal->news, WEIR__NEVER);
        weir__mutex_lock(&journal->lock);
        journal->called = false;
        write_waiting(journal);
    }
    weir__mutex_unlock(&journal->lock);
    return NULL;
}

bool weir__journal_hire(struct weir__journal *journal)
{
    if (!weir__sem_init(&journal->news, 0))
        return false;
    journal->scribed = weir__thread_start(&journal->scribe, write_all, journal);
    if (!journal->scribed)
        weir__sem_clear(&journal->news);
    return journal->scribed;
}

static void dismiss(struct weir__journal *journal)
{
    if (!journal->scribed)
        return;
    weir__mutex_lock(&journal->lock);
    journal->closing = true;
    call_scribe(journal);
    weir__mutex_unlock(&journal->lock);
    weir__thread_join(journal->scribe);
    weir__sem_clear(&journal->news);
}

/* Under the lock. */
static bool reserve(struct weir__journal_group *group, size_t size)
{
    size_t capacity = group->capacity == 0 || group->text == NULL ? BUFFER_LEAST : group->capacity;
    char *text;

    while (capacity - group->size < size) {
        if (capacity > SIZE_MAX / 2)
            return false;
        capacity *= 2;
    }
    if (capacity == group->capacity && group->text != NULL)
        return true;
    text = realloc(group->text, capacity);
    if (text == NULL)
        return false;
    group->text = text;
    group->capacity = capacity;
    return true;
}

/* Under the lock: what finds no memory for a copy is written from where it is. */
static bool write_directly(struct weir__journal *journal, const char *text, size_t size, int counter)
{
    bool done = false;

    while (journal->busy)
        sleep_until_settled(journal);
    if (journal->waiting.size > 0) { /* once: what comes meanwhile waits until this is written */
        write_group(journal);
        wake(journal);
    }
    journal->busy = true;
    weir__mutex_unlock(&journal->lock);
    done = commit(journal, text, size);
    if (done && counter >= 0 && journal->counters != NULL)
        atomic_fetch_add(&journal->counters[counter], 1);
    weir__mutex_lock(&journal->lock);
    journal->busy = false;
    wake(journal);
    write_waiting(journal);
    return done;
}

bool weir__journal_hand_in(struct weir__journal *journal, const char *text, size_t size, int counter, uint64_t *out_end)
{
    bool done;

    *out_end = 0;
    if (weir__journal_error(journal) != 0)
        return false;
    weir__mutex_lock(&journal->lock);
    while (journal->busy && journal->waiting.size >= KEPT_SIZE) /* or a disk that stands still would cost all memory */
        sleep_until_settled(journal);
    if (!reserve(&journal->waiting, size)) {
        done = write_directly(journal, text, size, counter);
    } else {
        if (size > 0)
            memcpy(journal->waiting.text + journal->waiting.size, text, size);
        journal->waiting.size += size;
        if (counter >= 0)
            journal->waiting.counts[counter]++;
        *out_end = atomic_fetch_add(&journal->handed_in, size) + size;
        if (journal->scribed)
            call_scribe(journal);
        else if (!journal->lazy || journal->waiting.size >= LAZY_SIZE)
            write_waiting(journal);
        /* who has written his own and then somebody else's, which failed, has his in the file all the same */
        done = weir__journal_error(journal) == 0 || atomic_load(&journal->durable) >= *out_end;
    }
    weir__mutex_unlock(&journal->lock);
    return done;
}

bool weir__journal_await(struct weir__journal *journal, uint64_t end)
{
    if (atomic_load(&journal->durable) >= end)
        return true;
    weir__mutex_lock(&journal->lock);
    while (atomic_load(&journal->durable) < end && weir__journal_error(journal) == 0) {
        if (journal->busy) {
            sleep_until_settled(journal);
            continue;
        }
        write_group(journal);
        wake(journal);
    }
    write_waiting(journal); /* who did not wait relies on those who did */
    weir__mutex_unlock(&journal->lock);
    return atomic_load(&journal->durable) >= end;
}

bool weir__journal_flush(struct weir__journal *journal)
{
    return weir__journal_await(journal, atomic_load(&journal->handed_in)) && weir__journal_error(journal) == 0;
}

bool weir__journal_write(struct weir__journal *journal, const char *text, size_t size, int counter)
{
    uint64_t end;

    return weir__journal_hand_in(journal, text, size, counter, &end) &&
           (journal->lazy || weir__journal_await(journal, end));
}

bool weir__journal_note(struct weir__journal *journal, const struct weir__journalline *note)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    bool done;

    if (journal->stream)
        return true;
    weir__journalline_write(&writer, note);
    if (writer.failed)
        weir__journal_fail(journal, ENOMEM);
    done = !writer.failed && weir__journal_write(journal, writer.text, writer.size, -1);
    weir__writer_clear(&writer);
    /* what must not be sent twice must not be forgotten either, whatever its result is worth */
    return done && (note->kind != WEIR__JOURNALLINE_INTENT || weir__journal_flush(journal));
}

bool weir__journal_close(struct weir__journal *journal)
{
    bool done;

    if (!journal->open)
        return true;
    done = atomic_load(&journal->handed_in) == journal->head_size || weir__journal_flush(journal);
    done = done && weir__journal_error(journal) == 0;
    dismiss(journal);
    if (close(journal->fd) != 0 && errno != EINTR && done) {
        weir__journal_fail(journal, errno);
        done = false;
    }
    journal->open = false;
    journal->fd = -1;
    free(journal->waiting.text);
    free(journal->spare);
    journal->waiting.text = journal->spare = NULL;
    weir__sem_clear(&journal->settled);
    weir__mutex_clear(&journal->lock);
    return done;
}
