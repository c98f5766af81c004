/* base64 - see base64.h */
#include "json/base64.h"

#include <stdint.h>

size_t weir__base64_size(size_t size)
{
    return size / 3 * 4 + (size % 3 != 0 ? 4 : 0);
}

void weir__base64_encode(const void *data, size_t size, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = data;

    for (; size >= 3; size -= 3, p += 3, out += 4) {
        const uint32_t bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        out[0] = alphabet[bits >> 18];
        out[1] = alphabet[bits >> 12 & 63];
        out[2] = alphabet[bits >> 6 & 63];
        out[3] = alphabet[bits & 63];
    }
    if (size > 0) {
        const uint32_t bits = (uint32_t)p[0] << 16 | (size == 2 ? (uint32_t)p[1] << 8 : 0);
        out[0] = alphabet[bits >> 18];
        out[1] = alphabet[bits >> 12 & 63];
        out[2] = size == 2 ? alphabet[bits >> 6 & 63] : '=';
        out[3] = '=';
    }
}

/* The six bits that a character stands for; more than 63 where it stands for none. */
static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    if (c == '+')
        return 62;
    return c == '/' ? 63 : 64;
}

/* The last four characters, of which `kept` (2 to 4) are no padding; the bits beyond the last byte must be 0. */
static bool decode_last(const char *text, size_t kept, unsigned char *out)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        const uint32_t value = i < kept ? value_of(text[i]) : 0;
        if (value > 63)
            return false;
        bits = bits << 6 | value;
    }
    if ((kept == 2 && (bits & 0xffff) != 0) || (kept == 3 && (bits & 0xff) != 0))
        return false;
    for (size_t i = 0; i + 1 < kept; i++)
        out[i] = (unsigned char)(bits >> (16 - 8 * i));
    return true;
}

bool weir__base64_decode(const char *text, size_t size, void *out, size_t *out_size)
{
    unsigned char *p = out; /* never ahead of `text`, even where both are the same memory */
    size_t kept = 4;

    if (size % 4 != 0)
        return false;
    if (size == 0) {
        *out_size = 0;
        return true;
    }
    for (; size > 4; size -= 4, text += 4, p += 3) {
        const uint32_t a = value_of(text[0]), b = value_of(text[1]), c = value_of(text[2]), d = value_of(text[3]);
        if ((a | b | c | d) > 63)
            return false;
        p[0] = (unsigned char)(a << 2 | b >> 4);
        p[1] = (unsigned char)(b << 4 | c >> 2);
        p[2] = (unsigned char)(c << 6 | d);
    }
    if (text[3] == '=')
        kept = text[2] == '=' ? 2 : 3;
    if (!decode_last(text, kept, p))
        return false;
    *out_size = (size_t)(p - (unsigned char *)out) + kept - 1;
    return true;
}
