/*
 * input_parts - what the files of input share: input_file knows bytes, input knows lines.
 */
#ifndef WEIR_CLI_INPUT_PARTS_H
#define WEIR_CLI_INPUT_PARTS_H

#include "cli/input.h"

#include <sys/types.h>

/* Reads some bytes, at most `size` and WEIR__INPUT_BUFFER_SIZE, waiting for them; 0 at the end, -1 with errno or where
 * it was woken. */
ssize_t weir__input_read(struct weir__input *input, char *out, size_t size);

#endif
