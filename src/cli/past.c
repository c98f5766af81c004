/* past - see past.h. */
#include "cli/past.h"

#include <stdlib.h>
#include <string.h>

#define WEIR__BITS_LEAST UINT64_C(8192) /* what the first bit makes room for, so that small batches allocate once */

/* Room for bit `number`; what is new is zero.  calloc and a copy: far beyond the last bit no memory is touched then. */
static bool reserve(struct weir__bits *bits, uint64_t number)
{
    uint64_t capacity = bits->capacity == 0 ? WEIR__BITS_LEAST : bits->capacity;
    unsigned char *bytes;

    while (capacity <= number) {
        if (capacity > UINT64_MAX / 2)
            return false;
        capacity *= 2;
    }
    if (capacity / 8 > SIZE_MAX)
        return false;
    bytes = calloc((size_t)(capacity / 8), 1);
    if (bytes == NULL)
        return false;
    if (bits->capacity > 0)
        memcpy(bytes, bits->bytes, (size_t)(bits->capacity / 8));
    free(bits->bytes);
    bits->bytes = bytes;
    bits->capacity = capacity;
    return true;
}

bool weir__bits_set(struct weir__bits *bits, uint64_t number, bool value)
{
    const unsigned char mask = (unsigned char)(1u << (number & 7));

    if (number >= bits->capacity) {
        if (!value)
            return true; /* it is not set there anyway */
        if (!reserve(bits, number))
            return false;
    }
    if (value)
        bits->bytes[number / 8] |= mask;
    else
        bits->bytes[number / 8] &= (unsigned char)~mask;
    return true;
}

bool weir__bits_get(const struct weir__bits *bits, uint64_t number)
{
    return number < bits->capacity && (bits->bytes[number / 8] >> (number & 7) & 1) != 0;
}

void weir__bits_clear(struct weir__bits *bits)
{
    if (bits == NULL)
        return;
    free(bits->bytes);
    *bits = (struct weir__bits){NULL, 0};
}

void weir__past_clear(struct weir__past *past)
{
    if (past == NULL)
        return;
    weir__bits_clear(&past->done);
    weir__bits_clear(&past->open);
    free(past->sends);
    free(past->inputs);
    *past = (struct weir__past){0};
}
