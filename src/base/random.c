/* random - see random.h */
#include "base/random.h"

#include <errno.h>
#include <stddef.h>
#include <sys/random.h>

uint64_t weir__random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double weir__random_unit(uint64_t *state)
{
    return (double)(weir__random_next(state) >> 11) * 0x1.0p-53;
}

int64_t weir__random_below(uint64_t *state, int64_t below)
{
    return below <= 0 ? 0 : (int64_t)(weir__random_unit(state) * (double)below);
}

bool weir__random_uuid(char out[WEIR__UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    ssize_t got;
    /* Whole up to 256 bytes, once the generator is ready; without GRND_NONBLOCK an early boot would hang here. */
    do
        got = getrandom(bytes, sizeof bytes, GRND_NONBLOCK);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof bytes)
        return false;
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80); /* the variant of RFC 9562: bits 10 */
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 0x0f];
    }
    *out = '\0';
    return true;
}
