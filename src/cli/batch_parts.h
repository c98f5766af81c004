/*
 * batch_parts - what the two files of a batch share.
 */
#ifndef WEIR_CLI_BATCH_PARTS_H
#define WEIR_CLI_BATCH_PARTS_H

#include "cli/batch.h"
#include "json/resultline.h"

#include <stddef.h>

/* A job on its way, with what its line will say of it. */
struct weir__batch_entry {
    struct weir__batch *batch;
    uint64_t line;
    size_t id_size, metadata_size;
    bool has_id;
    bool delicate; /* must not be done twice: an intent goes before it */
    bool open;     /* it was sent, and that send has no line of its own yet */
    char texts[];  /* custom_id, metadata */
};

/* A weir_sending_fn and weir_done_fn; `user_data` is a struct weir__batch_entry, which done frees. */
bool weir__batch_sending(void *user_data, uint64_t job_id, uint32_t attempt);
void weir__batch_done(void *user_data, const struct weir_result *result);

/* No callback runs any more: what threads have handed in and not waited for, and the journal does not have, is lost. */
void weir__batch_settle(struct weir__batch *batch);

/* The weir_done_fn where there is no journal; `user_data` is the batch. */
void weir__batch_count(void *user_data, const struct weir_result *result);

/* Writes the line, if there is a journal, and counts it; then stops the run if too many have failed.  False where it
 * could not be written: then the run is stopped. */
bool weir__batch_record(struct weir__batch *batch, const struct weir__resultline *line, enum weir_outcome outcome);

#endif
