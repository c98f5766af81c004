/*
 * serve_heap - a binary min-heap of moments, each with a pointer; equal moments leave in the order in which they came.
 *
 * It knows no clock and no threads.
 */
#ifndef WEIR_CLI_SERVE_HEAP_H
#define WEIR_CLI_SERVE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__heap_entry {
    int64_t due_ns;
    uint64_t order; /* of pushing */
    void *item;
};

struct weir__heap {
    struct weir__heap_entry *entries; /* entries[0] is the earliest; a zeroed struct is an empty heap */
    size_t count;
    size_t capacity;
    uint64_t pushed;
};

/* False without memory. */
bool weir__heap_push(struct weir__heap *heap, int64_t due_ns, void *item);

/* Removes the earliest where it is due at `now_ns` or before, and hands out its item. */
bool weir__heap_pop(struct weir__heap *heap, int64_t now_ns, void **out);

/* When the earliest is due; INT64_MAX where the heap is empty. */
int64_t weir__heap_next(const struct weir__heap *heap);

/* The items are the caller's.  NULL is a no-op. */
void weir__heap_clear(struct weir__heap *heap);

#endif
