/*
 * easy_buffer - bytes that grow, and stay allocated for the next use.
 */
#ifndef WEIR_HTTP_EASY_BUFFER_H
#define WEIR_HTTP_EASY_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed means empty. */
struct weir__easy_buffer {
    char *data;
    size_t size;
    size_t capacity;
};

/* Room for `size` more bytes.  False where there is no memory; the content stays. */
bool weir__easy_buffer_reserve(struct weir__easy_buffer *buffer, size_t size);
bool weir__easy_buffer_append(struct weir__easy_buffer *buffer, const void *data, size_t size);
void weir__easy_buffer_clear(struct weir__easy_buffer *buffer);

#endif
