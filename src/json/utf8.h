/*
 * utf8 - which bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF).
 */
#ifndef WEIR_JSON_UTF8_H
#define WEIR_JSON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length, 1 to 4, of the character that begins at `text`; 0 where there is none in `size` bytes. */
size_t weir__utf8_length(const char *text, size_t size);

/* Writes a code point that is no surrogate and at most U+10FFFF; returns how many of the 4 bytes of `out` it took. */
size_t weir__utf8_encode(uint32_t code, char *out);

#endif
