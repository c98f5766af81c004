/*
 * crc32c - see crc32c.h.  Slicing-by-8: M. Kounavis, F. Berry, "A systematic approach to building high performance,
 * software-based, CRC generators" (Intel, 2005).  Where the processor has an instruction for it (SSE 4.2), that: it is
 * done for every line.
 */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#define SLICES 8
#define POLYNOMIAL UINT32_C(0x82f63b78) /* 0x1edc6f41 with its bits reversed: the lowest bit goes first */

/* tables[k][b]: what byte b does to the remainder when k more bytes follow it.  Written once, by `once`. */
static uint32_t tables[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        tables[0][byte] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++) {
        for (int byte = 0; byte < 256; byte++) {
            const uint32_t crc = tables[slice - 1][byte];
            tables[slice][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
        }
    }
}

/* Little-endian on any machine; compilers make one load of it where they can. */
static uint32_t load32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t go_on_by_tables(uint32_t crc, const unsigned char *p, size_t size)
{
    for (; size >= 8; size -= 8, p += 8) {
        const uint32_t low = load32(p) ^ crc, high = load32(p + 4);
        crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^ tables[4][low >> 24] ^
              tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^ tables[1][high >> 16 & 0xff] ^
              tables[0][high >> 24];
    }
    for (; size > 0; size--, p++)
        crc = (crc >> 8) ^ tables[0][(crc ^ *p) & 0xff];
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t go_on_by_instruction(uint32_t crc, const unsigned char *p,
                                                                       size_t size)
{
    uint64_t wide = crc, word;

    for (; size >= 8; size -= 8, p += 8) {
        memcpy(&word, p, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size > 0; size--, p++)
        crc = _mm_crc32_u8(crc, *p);
    return crc;
}
#endif

/* Written once, by `once`. */
static uint32_t (*go_on)(uint32_t crc, const unsigned char *p, size_t size);

static void choose(void)
{
    make_tables();
    go_on = go_on_by_tables;
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        go_on = go_on_by_instruction;
#endif
}

uint32_t weir__crc32c(uint32_t crc, const void *data, size_t size)
{
    (void)pthread_once(&once, choose);
    return ~go_on(~crc, data, size);
}

uint32_t weir__crc32c_by_tables(uint32_t crc, const void *data, size_t size)
{
    (void)pthread_once(&once, choose);
    return ~go_on_by_tables(~crc, data, size);
}
