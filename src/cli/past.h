/*
 * past - what a journal says of the runs before: which jobs are done, which may have been sent, and what of the limits
 * they used up.
 *
 * A bit for each job and kind: 125 KB for a million.  Filled once, before the first thread; only read afterwards.
 */
#ifndef WEIR_CLI_PAST_H
#define WEIR_CLI_PAST_H

#include "json/journalline.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A row of bits that grows as it must; a zeroed struct is empty. */
struct weir__bits {
    unsigned char *bytes;
    uint64_t capacity; /* bits */
};

bool weir__bits_set(struct weir__bits *bits, uint64_t number, bool value); /* false without memory */
bool weir__bits_get(const struct weir__bits *bits, uint64_t number);       /* false beyond what was set */
void weir__bits_clear(struct weir__bits *bits);

/* The first `lines` lines of a streamed input were this. */
struct weir__past_input {
    uint64_t lines;
    char sha256[WEIR__JOURNALLINE_HASH_SIZE];
};

/* A zeroed struct is the past of a new journal. */
struct weir__past {
    bool exists;                           /* there was a journal: something is resumed */
    struct weir__bits done;                /* jobs with a result that counts */
    struct weir__bits open;                /* jobs with an intent and no result */
    uint64_t done_count;                   /* */
    uint64_t outcomes[WEIR_OUTCOME_COUNT]; /* of those that are done */
    uint64_t open_count;
    uint64_t last_line; /* the highest number of a job in it */

    /* sends by the moment when they were over, oldest first, as the limits take them; the last entry may stand for
     * those that a run which ended without a word had on their way */
    struct weir_past_send *sends;
    size_t send_count;

    struct weir__past_input *inputs; /* by `lines`, rising */
    size_t input_count;
};

void weir__past_clear(struct weir__past *past);

#endif
