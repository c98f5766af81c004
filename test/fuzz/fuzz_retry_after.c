/* Fuzzes the values of Retry-After, retry-after-ms and Date: a line each, in this order. */
#include "fuzz/fuzz_support.h"

#define WALL_NS (INT64_C(1767323045) * 1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"Retry-After", "retry-after-ms", "Date"};
    struct weir_header headers[3];
    char *values[3];
    size_t count = 0;

    while (count < 3) {
        const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
        const size_t length = end != NULL ? (size_t)(end - data) : size;
        values[count] = fuzz_text(data, length);
        headers[count].name = names[count];
        headers[count].value = values[count];
        count++;
        if (end == NULL)
            break;
        data += length + 1;
        size -= length + 1;
    }
    fuzz_read(headers, count, WALL_NS);
    while (count > 0)
        free(values[--count]);
    return 0;
}
