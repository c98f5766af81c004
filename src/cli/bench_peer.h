/*
 * bench_peer - a peer's command: what its braces stand for, and whether what it needs is there.
 */
#ifndef WEIR_CLI_BENCH_PEER_H
#define WEIR_CLI_BENCH_PEER_H

#include "json/config.h"

#include <stdbool.h>
#include <stdint.h>

/* The command with {url}, quoted for a shell, {total} and {concurrency} replaced wherever they stand; other braces
 * stay. On the heap; NULL without memory. */
char *weir__bench_peer_command(const char *command, const char *url, uint64_t total, uint32_t concurrency);

/* Whether what it requires is there: a program of that name, or a command that succeeds within some seconds. */
bool weir__bench_peer_present(const struct weir__config_peer *peer);

#endif
