/*
 * crc32c - the checksum of a journal's lines: CRC-32C (Castagnoli; RFC 3720, appendix B.4).
 *
 * It notices what a torn write or a flipped bit does to a line; it is no protection against somebody who means to.
 */
#ifndef WEIR_BASE_CRC32C_H
#define WEIR_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `crc` is the checksum of, followed by `size` bytes of `data`; 0 is the one of nothing.  The
 * checksum of "123456789" is 0xe3069283. */
uint32_t weir__crc32c(uint32_t crc, const void *data, size_t size);

/* The same, without the processor's instruction: what machines without it do. */
uint32_t weir__crc32c_by_tables(uint32_t crc, const void *data, size_t size);

#endif
