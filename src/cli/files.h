/*
 * files - file descriptors: enough of them before the first send, or fewer workers, said plainly.
 *
 * A run that meets EMFILE half way has sent what it cannot finish.
 */
#ifndef WEIR_CLI_FILES_H
#define WEIR_CLI_FILES_H

#include "weir.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Makes room for the connections of `workers` of an engine by raising RLIMIT_NOFILE, the soft limit first and, where it
 * must and may, the hard one.  Returns how many fit: `workers`, or fewer after a message that says what to do, or 0.
 */
uint64_t weir__files_reserve(const char *command, enum weir_engine engine, uint64_t workers);

#endif
