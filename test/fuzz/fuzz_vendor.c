/*
 * Fuzzes the vendors' dialects: lines "name: value" whose names lack their family, which each of the families is put
 * before in turn.
 */
#include "fuzz/fuzz_support.h"

#define WALL_NS (INT64_C(1767323045) * 1000000000)
#define NAME_SIZE 96u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const families[] = {"ratelimit-", "X-RateLimit-", "x-rate-limit-", "anthropic-ratelimit-"};
    static char names[FUZZ_FIELDS_MAX][NAME_SIZE];
    struct weir_header headers[FUZZ_FIELDS_MAX], whole[FUZZ_FIELDS_MAX];
    char *block = fuzz_text(data, size);
    const size_t count = fuzz_split(block, size, headers);

    for (size_t family = 0; family <= 4; family++) { /* 4: all of them mixed */
        for (size_t i = 0; i < count; i++) {
            snprintf(names[i], NAME_SIZE, "%s%s", families[(family < 4 ? family : i) % 4], headers[i].name);
            whole[i] = (struct weir_header){names[i], headers[i].value};
        }
        fuzz_read(whole, count, WALL_NS);
    }
    free(block);
    return 0;
}
