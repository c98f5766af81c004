/*
 * resolve - a relative URL against a base (RFC 3986, section 5.2).
 */
#ifndef WEIR_CLI_RESOLVE_H
#define WEIR_CLI_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

struct weir__resolve {
    char *base; /* NULL: none */
    size_t base_size;
    size_t origin_size;    /* scheme, "//" and authority */
    size_t path_size;      /* origin and path, without query and fragment */
    size_t directory_size; /* that up to its last slash */
    char *buffer;
    size_t capacity;
};

/* `base` is absolute, http or https; NULL: only absolute URLs are possible.  False without memory. */
bool weir__resolve_init(struct weir__resolve *resolve, const char *base);
void weir__resolve_clear(struct weir__resolve *resolve);

/* Whether it begins with a scheme, so that it needs no base. */
bool weir__resolve_absolute(const char *reference);

/* The absolute URL, without a fragment: `reference` itself where that is one already, else a text that holds until the
 * next call.  NULL without a base or without memory. */
const char *weir__resolve(struct weir__resolve *resolve, const char *reference);

#endif
