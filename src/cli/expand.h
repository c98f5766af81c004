/*
 * expand - a request in which `{i}` stands for the job's ordinal.
 *
 * Prepared once, so that a job costs copies into buffers that exist already and no allocation.  It does not look at
 * what the texts mean; weir_submit() checks what comes out.
 */
#ifndef WEIR_CLI_EXPAND_H
#define WEIR_CLI_EXPAND_H

#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text with `{i}` in it, and where its expansion goes. */
struct weir__expand_text {
    const char *text; /* the caller's */
    size_t size;
    char *buffer;     /* room for the longest expansion and a NUL; never moves */
    size_t *out_size; /* NULL where the NUL is enough */
};

struct weir__expand {
    struct weir_request request; /* what is submitted; its texts point into the buffers */
    struct weir_header *headers;
    struct weir__expand_text *texts; /* those with marks */
    size_t text_count;
};

/*
 * Prepares `out` from `request`, whose texts must stay as they are until clear.  False without memory; `out` is then
 * empty.
 */
bool weir__expand_init(struct weir__expand *out, const struct weir_request *request);
void weir__expand_clear(struct weir__expand *expand);

/* Makes `expand->request` the one of job `ordinal`; it holds until the next call. */
void weir__expand_set(struct weir__expand *expand, uint64_t ordinal);

#endif
