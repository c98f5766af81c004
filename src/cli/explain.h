/*
 * explain - why a server refused attempts, as far as the run's own figures can tell, and what to do about it.
 *
 * Pure: figures in, sentences out.  Where they are shown, and how they are broken into lines, is not its concern.
 */
#ifndef WEIR_CLI_EXPLAIN_H
#define WEIR_CLI_EXPLAIN_H

#include "weir.h"

#include <stddef.h>
#include <stdint.h>

#define WEIR__EXPLAIN_SIZE 1024u /* room for any of the texts */

/* One sentence or two without a line end; "" where nothing was refused. */
void weir__explain_refusals(const struct weir_stats *stats, char *out, size_t size);

/* The same for the pauses that the server asked for; "" where it asked for none. */
void weir__explain_pauses(const struct weir_stats *stats, char *out, size_t size);

/* For tries after a job's first, and those that the retry budget (`budget` for each success) denied; "" for none. */
void weir__explain_retries(const struct weir_stats *stats, double budget, char *out, size_t size);

/* For jobs that ended as unknown; "" where none did. */
void weir__explain_unknown(uint64_t unknown, char *out, size_t size);

#endif
