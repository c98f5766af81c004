/*
 * serve_tally - counts by name: how often each path or method came.
 *
 * Names are compared byte for byte and kept in the order in which they first came.  Beyond its bounds a tally adds up
 * under one name, "other".  The caller serialises.
 */
#ifndef WEIR_CLI_SERVE_TALLY_H
#define WEIR_CLI_SERVE_TALLY_H

#include "json/writer.h"

#include <stddef.h>
#include <stdint.h>

#define WEIR__TALLY_NAMES_MAX_SIZE ((size_t)64 * 1024 * 1024) /* bytes of all names of one tally */

struct weir__tally {
    size_t name_max; /* different names */
    struct weir__tally_entry *entries;
    size_t count;
    size_t capacity;
    size_t names_size;
    uint32_t *slots; /* hash table of positions in `entries` plus 1; 0 is free; a power of two, at most half full */
    size_t slot_count;
    uint64_t other;
};

void weir__tally_init(struct weir__tally *tally, size_t name_max);
void weir__tally_clear(struct weir__tally *tally); /* empty again; a zeroed struct or NULL is a no-op */

/* Counts one; under "other" where the name is new and there is no room or memory for it. */
void weir__tally_add(struct weir__tally *tally, const char *name);

uint64_t weir__tally_get(const struct weir__tally *tally, const char *name);

/* {"/a":2,"/b":1} under `key`; "other" only where something was counted there. */
void weir__tally_write(const struct weir__tally *tally, struct weir__writer *writer, const char *key);

#endif
