/* Fuzzes a whole header block: the input's first eight bytes are our clock, then come lines "name: value". */
#include "fuzz/fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_header headers[FUZZ_FIELDS_MAX];
    int64_t wall_ns;

    if (size < sizeof wall_ns)
        return 0;
    memcpy(&wall_ns, data, sizeof wall_ns);
    char *block = fuzz_text(data + sizeof wall_ns, size - sizeof wall_ns);
    fuzz_read(headers, fuzz_split(block, size - sizeof wall_ns, headers), wall_ns);
    free(block);
    return 0;
}
