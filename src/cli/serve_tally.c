/* serve_tally - see serve_tally.h */
#include "cli/serve_tally.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64u

struct weir__tally_entry {
    char *name;
    uint64_t count;
    uint32_t hash;
};

/* FNV-1a, 32 bits (Fowler, Noll, Vo). */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = UINT32_C(2166136261);

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT32_C(16777619);
    return hash;
}

/* The slot that holds the name, or the free one where it belongs.  There must be slots. */
static size_t find_slot(const struct weir__tally *tally, const char *name, uint32_t hash)
{
    size_t slot = hash & (tally->slot_count - 1);

    while (tally->slots[slot] != 0) {
        const struct weir__tally_entry *entry = &tally->entries[tally->slots[slot] - 1];
        if (entry->hash == hash && strcmp(entry->name, name) == 0)
            break;
        slot = (slot + 1) & (tally->slot_count - 1);
    }
    return slot;
}

static bool grow(struct weir__tally *tally)
{
    const size_t capacity = tally->capacity == 0 ? FIRST_CAPACITY : tally->capacity * 2;
    struct weir__tally_entry *entries = realloc(tally->entries, capacity * sizeof *entries);
    uint32_t *slots;

    if (entries == NULL)
        return false;
    tally->entries = entries;
    slots = calloc(capacity * 2, sizeof *slots);
    if (slots == NULL)
        return false;
    free(tally->slots);
    tally->slots = slots;
    tally->slot_count = capacity * 2;
    tally->capacity = capacity;
    for (size_t i = 0; i < tally->count; i++)
        slots[find_slot(tally, entries[i].name, entries[i].hash)] = (uint32_t)i + 1;
    return true;
}

static bool insert(struct weir__tally *tally, const char *name, uint32_t hash)
{
    const size_t size = strlen(name) + 1;
    struct weir__tally_entry *entry;
    char *copy;

    if (tally->count == tally->name_max || size > WEIR__TALLY_NAMES_MAX_SIZE - tally->names_size)
        return false;
    if (tally->count == tally->capacity && !grow(tally))
        return false;
    copy = malloc(size);
    if (copy == NULL)
        return false;
    memcpy(copy, name, size);
    entry = &tally->entries[tally->count];
    entry->name = copy;
    entry->count = 1;
    entry->hash = hash;
    tally->slots[find_slot(tally, name, hash)] = (uint32_t)++tally->count;
    tally->names_size += size;
    return true;
}

void weir__tally_init(struct weir__tally *tally, size_t name_max)
{
    *tally = (struct weir__tally){.name_max = name_max};
}

void weir__tally_clear(struct weir__tally *tally)
{
    if (tally == NULL)
        return;
    for (size_t i = 0; i < tally->count; i++)
        free(tally->entries[i].name);
    free(tally->entries);
    free(tally->slots);
    weir__tally_init(tally, tally->name_max);
}

void weir__tally_add(struct weir__tally *tally, const char *name)
{
    const uint32_t hash = hash_of(name);

    if (tally->slot_count > 0) {
        const uint32_t position = tally->slots[find_slot(tally, name, hash)];
        if (position != 0) {
            tally->entries[position - 1].count++;
            return;
        }
    }
    if (!insert(tally, name, hash))
        tally->other++;
}

uint64_t weir__tally_get(const struct weir__tally *tally, const char *name)
{
    uint32_t position;

    if (tally->slot_count == 0)
        return 0;
    position = tally->slots[find_slot(tally, name, hash_of(name))];
    return position == 0 ? 0 : tally->entries[position - 1].count;
}

void weir__tally_write(const struct weir__tally *tally, struct weir__writer *writer, const char *key)
{
    weir__writer_object(writer, key);
    for (size_t i = 0; i < tally->count; i++)
        weir__writer_uint(writer, tally->entries[i].name, tally->entries[i].count);
    if (tally->other > 0)
        weir__writer_uint(writer, "other", tally->other);
    weir__writer_end(writer);
}
