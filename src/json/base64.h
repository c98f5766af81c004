/*
 * base64 - bytes as text and back (RFC 4648, section 4).
 */
#ifndef WEIR_JSON_BASE64_H
#define WEIR_JSON_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Characters for `size` bytes, padding included, no NUL. */
size_t weir__base64_size(size_t size);

/* Writes just as many to `out`; no NUL, no line ends. */
void weir__base64_encode(const void *data, size_t size, char *out);

/*
 * Decodes into `out` of at least size / 4 * 3 bytes, which may be `text` itself.  False where it is not base64 to the
 * letter: a character beyond the alphabet, padding that is missing or misplaced, bits left over that are not 0.
 */
bool weir__base64_decode(const char *text, size_t size, void *out, size_t *out_size);

#endif
