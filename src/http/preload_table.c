/*
 * preload_table - what is known of each CURL and each CURLM, found by its address.
 *
 * A handle is used by one thread at a time, so an entry needs no lock of its own: only the table does.
 */
#include "http/preload.h"

#include <stdlib.h>

#define BUCKETS 1024u

struct weir__preload_table {
    pthread_mutex_t lock;
    struct weir__preload_entry *buckets[BUCKETS];
};

struct weir__preload_table weir__preload_transfers = {.lock = PTHREAD_MUTEX_INITIALIZER};
struct weir__preload_table weir__preload_multis = {.lock = PTHREAD_MUTEX_INITIALIZER};

void weir__preload_table_lock(struct weir__preload_table *table)
{
    (void)pthread_mutex_lock(&table->lock);
}

void weir__preload_table_unlock(struct weir__preload_table *table)
{
    (void)pthread_mutex_unlock(&table->lock);
}

/* Where the pointer to the entry stands, or would.  Handles are large: their low bits tell nothing. */
static struct weir__preload_entry **place(struct weir__preload_table *table, const void *key)
{
    const uint64_t mixed = ((uint64_t)(uintptr_t)key >> 4) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
    struct weir__preload_entry **at = &table->buckets[mixed >> 54];

    while (*at != NULL && (*at)->key != key)
        at = &(*at)->next;
    return at;
}

void *weir__preload_table_find(struct weir__preload_table *table, const void *key)
{
    struct weir__preload_entry *entry;

    weir__preload_table_lock(table);
    entry = *place(table, key);
    weir__preload_table_unlock(table);
    return entry;
}

void *weir__preload_table_get(struct weir__preload_table *table, const void *key, size_t size)
{
    struct weir__preload_entry **at, *entry;

    weir__preload_table_lock(table);
    at = place(table, key);
    if (*at == NULL) {
        *at = calloc(1, size);
        if (*at != NULL)
            (*at)->key = key;
    }
    entry = *at;
    weir__preload_table_unlock(table);
    return entry;
}

void *weir__preload_table_take(struct weir__preload_table *table, const void *key)
{
    struct weir__preload_entry **at, *entry;

    weir__preload_table_lock(table);
    at = place(table, key);
    entry = *at;
    if (entry != NULL)
        *at = entry->next;
    weir__preload_table_unlock(table);
    return entry;
}
