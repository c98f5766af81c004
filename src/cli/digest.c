/* digest - see digest.h */
#include "cli/digest.h"

#include <openssl/evp.h>
#include <string.h>

#define HASH_SIZE 32u /* bytes of a SHA-256 */
#define UUID_BYTES 16u

static const char digits[] = "0123456789abcdef";

bool weir__digest_begin(struct weir__digest *digest)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    digest->state = context;
    return context != NULL;
}

void weir__digest_add(struct weir__digest *digest, const void *data, size_t size)
{
    /* a hash that lacks a part must not pass for one: it ends here, and peek says so */
    if (digest->state != NULL && size > 0 && EVP_DigestUpdate(digest->state, data, size) != 1)
        weir__digest_clear(digest);
}

/* The bytes of the hash of all so far, from a copy of the state. */
static bool finish(const struct weir__digest *digest, unsigned char out[HASH_SIZE])
{
    EVP_MD_CTX *copy = digest->state != NULL ? EVP_MD_CTX_new() : NULL;
    const bool done =
        copy != NULL && EVP_MD_CTX_copy_ex(copy, digest->state) == 1 && EVP_DigestFinal_ex(copy, out, NULL) == 1;

    EVP_MD_CTX_free(copy);
    return done;
}

bool weir__digest_peek(const struct weir__digest *digest, char out[WEIR__DIGEST_HEX_SIZE])
{
    unsigned char hash[HASH_SIZE];

    if (!finish(digest, hash))
        return false;
    for (size_t i = 0; i < sizeof hash; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[WEIR__DIGEST_HEX_SIZE - 1] = '\0';
    return true;
}

void weir__digest_clear(struct weir__digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->state);
    digest->state = NULL;
}

/* 8-4-4-4-12 digits (RFC 9562, section 4), with the version and the variant in their places. */
static void format_uuid(unsigned char bytes[UUID_BYTES], char out[WEIR__DIGEST_UUID_SIZE])
{
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x80); /* version 8: made in a way of one's own */
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

bool weir__digest_uuid(const char *name, uint64_t number, char out[WEIR__DIGEST_UUID_SIZE])
{
    unsigned char hash[HASH_SIZE], last[8];
    struct weir__digest digest;
    bool done;

    if (!weir__digest_begin(&digest))
        return false;
    /* the number has a fixed length and comes last, so that no other name and number are the same bytes */
    for (unsigned i = 0; i < sizeof last; i++)
        last[i] = (unsigned char)(number >> (56 - 8 * i));
    weir__digest_add(&digest, name, strlen(name));
    weir__digest_add(&digest, last, sizeof last);
    done = finish(&digest, hash);
    weir__digest_clear(&digest);
    if (done)
        format_uuid(hash, out);
    return done;
}
