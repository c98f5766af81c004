/* serve_timer - see serve_timer.h */
#include "cli/serve_timer.h"

#include "base/clock.h"
#include "base/sync.h"

#define BATCH 256 /* items taken from the heap under one lock */

/* Takes what is due; says when to look again. */
static size_t take_due(struct weir__timer *timer, void **items, int64_t *next_ns, bool *stopping)
{
    const int64_t now_ns = weir__clock_now_ns();
    size_t count = 0;

    weir__mutex_lock(&timer->mutex);
    *stopping = timer->stopping;
    while (count < BATCH && weir__heap_pop(&timer->heap, timer->stopping ? INT64_MAX : now_ns, &items[count]))
        count++;
    *next_ns = weir__heap_next(&timer->heap);
    weir__mutex_unlock(&timer->mutex);
    return count;
}

static void *run(void *argument)
{
    struct weir__timer *timer = argument;
    void *items[BATCH];
    int64_t next_ns;
    bool stopping;

    for (;;) {
        const size_t count = take_due(timer, items, &next_ns, &stopping);
        for (size_t i = 0; i < count; i++)
            timer->fire(items[i]);
        if (count > 0)
            continue;
        if (stopping)
            return NULL; /* no add succeeds any more, so the heap stays empty */
        (void)weir__sem_wait(&timer->wake, next_ns);
    }
}

bool weir__timer_start(struct weir__timer *timer, void (*fire)(void *item))
{
    *timer = (struct weir__timer){.fire = fire};
    if (!weir__mutex_init(&timer->mutex))
        return false;
    if (!weir__sem_init(&timer->wake, 0))
        goto no_sem;
    if (!weir__thread_start(&timer->thread, run, timer))
        goto no_thread;
    return true;

no_thread:
    weir__sem_clear(&timer->wake);
no_sem:
    weir__mutex_clear(&timer->mutex);
    return false;
}

bool weir__timer_add(struct weir__timer *timer, int64_t due_ns, void *item)
{
    bool added, earliest;

    weir__mutex_lock(&timer->mutex);
    earliest = due_ns < weir__heap_next(&timer->heap);
    added = !timer->stopping && weir__heap_push(&timer->heap, due_ns, item);
    weir__mutex_unlock(&timer->mutex);
    if (added && earliest)
        weir__sem_post(&timer->wake);
    return added;
}

void weir__timer_stop(struct weir__timer *timer)
{
    weir__mutex_lock(&timer->mutex);
    timer->stopping = true;
    weir__mutex_unlock(&timer->mutex);
    weir__sem_post(&timer->wake);
    weir__thread_join(timer->thread);
}

void weir__timer_clear(struct weir__timer *timer)
{
    weir__heap_clear(&timer->heap);
    weir__sem_clear(&timer->wake);
    weir__mutex_clear(&timer->mutex);
}
