/* journal_sends - see journal_parts.h.  It knows no limit, only how many sends one may ask for. */
#include "cli/journal_parts.h"

#include <stdlib.h>

#define ENTRIES_LEAST 64u

bool weir__journal_sends_matter(const struct weir__journal_sends *sends, int64_t at_ns)
{
    return sends->max > 0 && at_ns > 0 && sends->now_ns - at_ns < sends->memory_ns;
}

static void swap(struct weir__journal_send *a, struct weir__journal_send *b)
{
    const struct weir__journal_send held = *a;

    *a = *b;
    *b = held;
}

static void rise(struct weir__journal_send *heap, size_t i)
{
    for (; i > 0 && heap[i].at_ns < heap[(i - 1) / 2].at_ns; i = (i - 1) / 2)
        swap(&heap[i], &heap[(i - 1) / 2]);
}

static void sink(struct weir__journal_send *heap, size_t count)
{
    size_t i = 0, child;

    while ((child = 2 * i + 1) < count) {
        if (child + 1 < count && heap[child + 1].at_ns < heap[child].at_ns)
            child++;
        if (heap[i].at_ns <= heap[child].at_ns)
            return;
        swap(&heap[i], &heap[child]);
        i = child;
    }
}

static bool reserve(struct weir__journal_sends *sends)
{
    const size_t capacity = sends->capacity == 0 ? ENTRIES_LEAST : sends->capacity * 2;
    struct weir__journal_send *entries;

    if (sends->count < sends->capacity)
        return true;
    entries = realloc(sends->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    sends->entries = entries;
    sends->capacity = capacity;
    return true;
}

/* No run has more on its way than the concurrency limit can be. */
static uint32_t bounded(uint64_t count)
{
    return count < WEIR_CONCURRENCY_MAX ? (uint32_t)count : WEIR_CONCURRENCY_MAX;
}

bool weir__journal_sends_add(struct weir__journal_sends *sends, int64_t at_ns, uint64_t count)
{
    const struct weir__journal_send send = {at_ns, bounded(count)};

    if (count == 0 || !weir__journal_sends_matter(sends, at_ns))
        return true;
    if (sends->count < sends->max) {
        if (!reserve(sends))
            return false;
        sends->entries[sends->count] = send;
        rise(sends->entries, sends->count++);
    } else if (at_ns > sends->entries[0].at_ns) {
        sends->entries[0] = send;
        sink(sends->entries, sends->count);
    }
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct weir__journal_send *x = a, *y = b;

    return (x->at_ns > y->at_ns) - (x->at_ns < y->at_ns);
}

bool weir__journal_sends_finish(struct weir__journal_sends *sends, uint64_t in_flight, struct weir__past *past)
{
    const size_t count = sends->count + (in_flight > 0 && sends->max > 0);

    if (count == 0)
        return true;
    past->sends = calloc(count, sizeof *past->sends);
    if (past->sends == NULL)
        return false;
    if (sends->count > 0)
        qsort(sends->entries, sends->count, sizeof *sends->entries, by_time);
    for (size_t i = 0; i < sends->count; i++) {
        const int64_t ago_ns = sends->now_ns - sends->entries[i].at_ns;
        past->sends[i].ago_ns = ago_ns > 0 ? ago_ns : 0; /* the clock was set back: as if it were now */
        past->sends[i].count = sends->entries[i].count;
    }
    if (count > sends->count)
        past->sends[sends->count] = (struct weir_past_send){0, bounded(in_flight)};
    past->send_count = count;
    return true;
}

void weir__journal_sends_clear(struct weir__journal_sends *sends)
{
    free(sends->entries);
    sends->entries = NULL;
    sends->count = sends->capacity = 0;
}
