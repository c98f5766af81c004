/*
 * resultline_parts - what the files of resultline share.
 */
#ifndef WEIR_JSON_RESULTLINE_PARTS_H
#define WEIR_JSON_RESULTLINE_PARTS_H

#include "json/writer.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Appends text of ours that is JSON, or a part of it. */
#define WEIR__RESULTLINE_PUT(writer, literal) weir__resultline_put(writer, literal, sizeof(literal) - 1)

static inline void weir__resultline_put(struct weir__writer *writer, const char *text, size_t size)
{
    char *at = weir__writer_extend(writer, size);

    if (at != NULL)
        memcpy(at, text, size);
}

/* Appends a string with its quotes, as the writer's `bytes` does, but faster where nothing in it needs an escape. */
void weir__resultline_text(struct weir__writer *writer, const char *text, size_t size);

/* Appends JSON in which a line end can only stand between tokens, and makes a space of each. */
void weir__resultline_json(struct weir__writer *writer, const char *json, size_t size);

/* ----------------------------------------------------------------------------------------------------- resultline_mask
 */

/* Appends a header field's value as text does, but "***" for the userinfo of a URL, where the field is one for URLs. */
void weir__resultline_value(struct weir__writer *writer, const char *name, const char *value);

/* ------------------------------------------------------------------------------------------------- resultline_response
 */

/* Appends the value of `response`: a response that there was. */
void weir__resultline_response(struct weir__writer *writer, const struct weir_result *result, bool bodies);

#endif
