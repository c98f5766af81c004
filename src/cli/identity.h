/*
 * identity - what a journal belongs to: the content of an input, or what the jobs of a configuration are.
 */
#ifndef WEIR_CLI_IDENTITY_H
#define WEIR_CLI_IDENTITY_H

#include "cli/jobs.h"
#include "json/journalline.h"

#include <stdbool.h>

/*
 * The head of a journal for these jobs, with a new id.  Of equal jobs the hash is over total, method, URL, header
 * fields and body; a secret is no part of it, so that it can be renewed.  False without memory or randomness.
 */
bool weir__identity_make(const struct weir__jobs *jobs, struct weir__journalline *out);

#endif
