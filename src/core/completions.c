/* completions - see completions.h.  Below, "under the lock" is completions->lock. */
#include "core/completions.h"

#include "base/sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum weir_status weir__completions_init(struct weir__completions *completions, const struct weir__env *env,
                                        uint32_t capacity)
{
    enum weir_status status = WEIR_NO_MEMORY;

    *completions = (struct weir__completions){.env = env, .capacity = 0};
    if (!weir__mutex_init(&completions->lock))
        return status;
    if (!weir__sem_init(&completions->room, 0))
        goto no_room;
    if (!weir__sem_init(&completions->there, 0))
        goto no_there;
    completions->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (completions->fd < 0) {
        status = errno == ENOMEM ? WEIR_NO_MEMORY : WEIR_RESOURCE;
        goto no_fd;
    }
    completions->capacity = capacity;
    return WEIR_OK;

no_fd:
    weir__sem_clear(&completions->there);
no_there:
    weir__sem_clear(&completions->room);
no_room:
    weir__mutex_clear(&completions->lock);
    return status;
}

void weir__completions_clear(struct weir__completions *completions)
{
    struct weir__completion *node;

    if (completions->capacity == 0)
        return;
    while ((node = completions->first) != NULL) {
        completions->first = node->next;
        free(node);
    }
    (void)close(completions->fd);
    weir__sem_clear(&completions->there);
    weir__sem_clear(&completions->room);
    weir__mutex_clear(&completions->lock);
    completions->capacity = 0;
}

/* ------------------------------------------------------------------------------------------------------------ waiting
 */

/* Under the lock.  Wakes up to `most` of those who wait for it. */
static void wake(sem_t *sem, uint32_t *waiters, uint32_t most)
{
    for (; *waiters > 0 && most > 0; most--) {
        (*waiters)--;
        weir__sem_post(sem);
    }
}

/* Under the lock, which is released while it waits.  False where the time ran out first. */
static bool wait_for(struct weir__completions *completions, sem_t *sem, uint32_t *waiters, int64_t until_ns)
{
    const struct weir__env *env = completions->env;
    bool posted;

    if (until_ns <= env->now_ns(env->context))
        return false;
    (*waiters)++;
    weir__mutex_unlock(&completions->lock);
    posted = env->wait(env->context, sem, until_ns);
    weir__mutex_lock(&completions->lock);
    if (!posted && *waiters > 0)
        (*waiters)--;
    else if (!posted)
        (void)weir__sem_try(sem); /* the post came all the same: nobody else is to find it */
    return posted;
}

/* Under the lock. */
static bool is_full(const struct weir__completions *completions)
{
    return completions->expected + completions->count >= completions->capacity;
}

/* Under the lock.  No result waits, and none will come. */
static bool is_over(const struct weir__completions *completions)
{
    return completions->closed && completions->expected == 0 && completions->count == 0;
}

/* Under the lock.  After anything that may have brought that about. */
static void tell_if_over(struct weir__completions *completions)
{
    if (is_over(completions))
        wake(&completions->there, &completions->there_waiters, UINT32_MAX);
}

/* ---------------------------------------------------------------------------------------------------------- producers
 */

static void give_room(struct weir__completions *completions)
{
    weir__mutex_lock(&completions->lock);
    completions->expected--;
    wake(&completions->room, &completions->room_waiters, 1);
    tell_if_over(completions);
    weir__mutex_unlock(&completions->lock);
}

/* Under the lock.  At the deadline there can be room all the same. */
static enum weir_status take_room(struct weir__completions *completions, int64_t until_ns)
{
    bool in_time = true;

    while (!completions->closed && is_full(completions) && in_time)
        in_time = wait_for(completions, &completions->room, &completions->room_waiters, until_ns);
    if (completions->closed)
        return WEIR_STOPPED;
    if (is_full(completions))
        return WEIR_TIMEOUT;
    completions->expected++;
    return WEIR_OK;
}

enum weir_status weir__completions_reserve(struct weir__completions *completions, int64_t until_ns,
                                           struct weir__completion **out)
{
    struct weir__completion *node;
    enum weir_status status;

    weir__mutex_lock(&completions->lock);
    status = take_room(completions, until_ns);
    weir__mutex_unlock(&completions->lock);
    if (status != WEIR_OK)
        return status;
    node = malloc(sizeof *node);
    if (node == NULL) {
        give_room(completions);
        return WEIR_NO_MEMORY;
    }
    *out = node;
    return WEIR_OK;
}

void weir__completions_forgo(struct weir__completions *completions, struct weir__completion *node)
{
    free(node);
    give_room(completions);
}

void weir__completions_close(struct weir__completions *completions)
{
    if (completions->capacity == 0)
        return;
    weir__mutex_lock(&completions->lock);
    completions->closed = true;
    wake(&completions->room, &completions->room_waiters, UINT32_MAX);
    tell_if_over(completions);
    weir__mutex_unlock(&completions->lock);
}

/* ------------------------------------------------------------------------------------------------------------ results
 */

/* Copies a text to `*at`, which moves behind it. */
static const char *put_text(char **at, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

static size_t text_size(const struct weir_result *result)
{
    size_t size = strlen(result->detail) + 1;

    for (size_t i = 0; i < result->header_count; i++)
        size += strlen(result->headers[i].name) + 1 + strlen(result->headers[i].value) + 1;
    return size;
}

/* Behind the struct: the list of fields, which is aligned as the struct is, the body, the texts. */
static void copy_parts(struct weir__completion *node, const struct weir_result *result)
{
    struct weir_header *headers = (struct weir_header *)(node + 1);
    char *body = (char *)(headers + result->header_count), *at = body + result->body_size;

    if (result->body_size > 0)
        memcpy(body, result->body, result->body_size);
    node->result.body = result->body != NULL ? body : NULL;
    node->result.headers = headers;
    for (size_t i = 0; i < result->header_count; i++) {
        headers[i].name = put_text(&at, result->headers[i].name);
        headers[i].value = put_text(&at, result->headers[i].value);
    }
    node->result.detail = put_text(&at, result->detail);
}

/* The node may move.  What it loses where there is no memory stands in weir.h. */
static struct weir__completion *fill(struct weir__completion *node, const struct weir_result *result)
{
    const size_t fixed = sizeof *node + result->header_count * sizeof(struct weir_header);
    struct weir__completion *larger = realloc(node, fixed + result->body_size + text_size(result));

    if (larger != NULL)
        node = larger;
    node->result = *result;
    node->next = NULL;
    if (larger != NULL) {
        copy_parts(node, result);
        return node;
    }
    node->result.headers = NULL;
    node->result.header_count = 0;
    node->result.body = NULL;
    node->result.body_size = 0;
    node->result.detail = "out of memory: without the response's headers and body";
    return node;
}

void weir__completions_put(struct weir__completions *completions, struct weir__completion *node,
                           const struct weir_result *result)
{
    const uint64_t one = 1;

    node = fill(node, result);
    weir__mutex_lock(&completions->lock);
    if (completions->first == NULL) {
        completions->first = node;
        (void)!write(completions->fd, &one, sizeof one); /* fails only for who takes our descriptor from us */
    } else {
        completions->last->next = node;
    }
    completions->last = node;
    completions->expected--;
    completions->count++;
    wake(&completions->there, &completions->there_waiters, 1);
    weir__mutex_unlock(&completions->lock);
}

/* Under the lock.  There is one. */
static struct weir__completion *pop(struct weir__completions *completions)
{
    struct weir__completion *node = completions->first;
    uint64_t one;

    completions->first = node->next;
    completions->count--;
    if (completions->first == NULL)
        (void)!read(completions->fd, &one, sizeof one);
    wake(&completions->room, &completions->room_waiters, 1);
    tell_if_over(completions); /* to those who wait for one more */
    return node;
}

struct weir__completion *weir__completions_take(struct weir__completions *completions, int64_t until_ns)
{
    struct weir__completion *node = NULL;
    bool in_time = true;

    if (completions->capacity == 0)
        return NULL;
    weir__mutex_lock(&completions->lock);
    while (completions->first == NULL && !is_over(completions) && in_time)
        in_time = wait_for(completions, &completions->there, &completions->there_waiters, until_ns);
    if (completions->first != NULL)
        node = pop(completions);
    weir__mutex_unlock(&completions->lock);
    return node;
}
