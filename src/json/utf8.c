/* utf8 - see utf8.h; the ranges are those of table 3-7 of the Unicode standard. */
#include "json/utf8.h"

static int is_between(unsigned char byte, unsigned low, unsigned high)
{
    return byte >= low && byte <= high;
}

size_t weir__utf8_length(const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned low = 0x80, high = 0xbf; /* of the second byte */

    if (size == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (is_between(p[0], 0xc2, 0xdf))
        return size >= 2 && is_between(p[1], low, high) ? 2 : 0;
    if (is_between(p[0], 0xe0, 0xef)) {
        if (p[0] == 0xe0)
            low = 0xa0; /* else overlong */
        if (p[0] == 0xed)
            high = 0x9f; /* else a surrogate */
        return size >= 3 && is_between(p[1], low, high) && is_between(p[2], 0x80, 0xbf) ? 3 : 0;
    }
    if (is_between(p[0], 0xf0, 0xf4)) {
        if (p[0] == 0xf0)
            low = 0x90;
        if (p[0] == 0xf4)
            high = 0x8f; /* else over U+10FFFF */
        return size >= 4 && is_between(p[1], low, high) && is_between(p[2], 0x80, 0xbf) && is_between(p[3], 0x80, 0xbf)
                   ? 4
                   : 0;
    }
    return 0;
}

size_t weir__utf8_encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
