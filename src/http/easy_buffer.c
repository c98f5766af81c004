/*
 * easy_buffer - bytes that grow by doubling.  Limits are the caller's.
 */
#include "http/easy_buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_START 256u

bool weir__easy_buffer_reserve(struct weir__easy_buffer *buffer, size_t size)
{
    if (buffer->capacity - buffer->size >= size)
        return true;
    if (size > SIZE_MAX / 2 - buffer->size)
        return false;
    size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_START;
    while (capacity - buffer->size < size)
        capacity *= 2;
    char *data = realloc(buffer->data, capacity);
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

bool weir__easy_buffer_append(struct weir__easy_buffer *buffer, const void *data, size_t size)
{
    if (!weir__easy_buffer_reserve(buffer, size))
        return false;
    if (size)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return true;
}

void weir__easy_buffer_clear(struct weir__easy_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct weir__easy_buffer){0};
}
