/*
 * digest - SHA-256 (FIPS 180-4), by OpenSSL's libcrypto, which libcurl brings along: what sha256sum prints.
 */
#ifndef WEIR_CLI_DIGEST_H
#define WEIR_CLI_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__DIGEST_HEX_SIZE 65u
#define WEIR__DIGEST_UUID_SIZE 37u

struct weir__digest {
    void *state; /* NULL: not begun, or no memory */
};

bool weir__digest_begin(struct weir__digest *digest); /* whatever it held is not looked at.  False without memory */
void weir__digest_add(struct weir__digest *digest, const void *data, size_t size);
/* The hash of all so far; more may be added after it.  False without memory. */
bool weir__digest_peek(const struct weir__digest *digest, char out[WEIR__DIGEST_HEX_SIZE]);
void weir__digest_clear(struct weir__digest *digest);

/* A UUID (RFC 9562, version 8) that is always the same for the same name and number. False without memory. */
bool weir__digest_uuid(const char *name, uint64_t number, char out[WEIR__DIGEST_UUID_SIZE]);

#endif
