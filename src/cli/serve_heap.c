/* serve_heap - see serve_heap.h */
#include "cli/serve_heap.h"

#include <stdlib.h>

#define FIRST_CAPACITY 256u

static bool before(const struct weir__heap_entry *a, const struct weir__heap_entry *b)
{
    return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->order < b->order);
}

bool weir__heap_push(struct weir__heap *heap, int64_t due_ns, void *item)
{
    const struct weir__heap_entry entry = {due_ns, heap->pushed, item};
    size_t i = heap->count;

    if (heap->count == heap->capacity) {
        const size_t capacity = heap->capacity == 0 ? FIRST_CAPACITY : heap->capacity * 2;
        struct weir__heap_entry *entries = realloc(heap->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return false;
        heap->entries = entries;
        heap->capacity = capacity;
    }
    heap->pushed++;
    heap->count++;
    while (i > 0 && before(&entry, &heap->entries[(i - 1) / 2])) {
        heap->entries[i] = heap->entries[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap->entries[i] = entry;
    return true;
}

bool weir__heap_pop(struct weir__heap *heap, int64_t now_ns, void **out)
{
    struct weir__heap_entry last;
    size_t i = 0;

    if (heap->count == 0 || heap->entries[0].due_ns > now_ns)
        return false;
    *out = heap->entries[0].item;
    last = heap->entries[--heap->count];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && before(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!before(&heap->entries[child], &last))
            break;
        heap->entries[i] = heap->entries[child];
        i = child;
    }
    if (heap->count > 0)
        heap->entries[i] = last;
    return true;
}

int64_t weir__heap_next(const struct weir__heap *heap)
{
    return heap->count == 0 ? INT64_MAX : heap->entries[0].due_ns;
}

void weir__heap_clear(struct weir__heap *heap)
{
    if (heap == NULL)
        return;
    free(heap->entries);
    *heap = (struct weir__heap){0};
}
