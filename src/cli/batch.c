/* batch - see batch.h; this is the producer's side, batch_done.c the workers' */
#include "cli/batch_parts.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cli/digest.h"
#include "cli/say.h"
#include "json/resultline.h"
#include "json/writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_note_taker(const struct weir__batch *batch)
{
    return batch->journal != NULL && !batch->journal->stream;
}

bool weir__batch_init(struct weir__batch *batch)
{
    batch->end = WEIR__BATCH_ALL;
    atomic_init(&batch->too_many, false);
    atomic_init(&batch->careful, false);
    atomic_init(&batch->sends_open, 0);
    atomic_init(&batch->sends_noted, 0);
    if (batch->journal != NULL)
        batch->journal->counters = batch->account->ended;
    /* an event loop must not stand still for each sync; without the thread it does */
    if (batch->journal != NULL && batch->journal->sync && batch->config->engine == WEIR_ENGINE_ASYNC)
        (void)weir__journal_hire(batch->journal);
    batch->account->recorded = batch->journal != NULL || batch->tolerance.limited;
    return weir__mutex_init(&batch->note_lock);
}

void weir__batch_clear(struct weir__batch *batch)
{
    weir__mutex_clear(&batch->note_lock);
}

/* Methods that RFC 9110, 9.2.2, calls idempotent: one more of them does no harm. */
static bool is_idempotent(const char *method)
{
    static const char *const list[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (strcmp(method, list[i]) == 0)
            return true;
    return false;
}

/* One send more may do harm, and nothing tells the server that it is the same job: whatever the user says of it now. */
static bool is_delicate(const struct weir__batch *batch, const struct weir_request *request)
{
    return batch->config->idempotency_key == NULL && !is_idempotent(request->method);
}

/* A job that ends without having been sent by this run.  False where its line could not be written. */
static bool end_unsent(struct weir__batch *batch, const struct weir__job_given *job, enum weir_outcome outcome,
                       const char *code, const char *message)
{
    const struct weir__resultline line = {
        .line = job->line,
        .custom_id = job->custom_id,
        .custom_id_size = job->custom_id_size,
        .metadata = job->metadata,
        .metadata_size = job->metadata_size,
        .outcome = outcome,
        .error_code = code,
        .error_message = message,
    };
    return weir__batch_record(batch, &line, outcome);
}

static bool end_bad(struct weir__batch *batch, const struct weir__job_given *job, const char *code, const char *error)
{
    char message[WEIR__JOBLINE_ERROR_SIZE + 32];

    (void)snprintf(message, sizeof message, "line %" PRIu64 ": %s", job->line, error);
    return end_unsent(batch, job, WEIR_OUTCOME_FAILED, code, message);
}

/* What its worker will need: one block.  NULL without memory. */
static struct weir__batch_entry *make_entry(struct weir__batch *batch, const struct weir__job_given *job, bool delicate)
{
    struct weir__batch_entry *entry = malloc(sizeof *entry + job->custom_id_size + job->metadata_size);

    if (entry == NULL)
        return NULL;
    *entry = (struct weir__batch_entry){
        .batch = batch,
        .line = job->line,
        .has_id = job->custom_id != NULL,
        .id_size = job->custom_id_size,
        .metadata_size = job->metadata_size,
        .delicate = delicate,
    };
    if (job->custom_id != NULL && job->custom_id_size > 0)
        memcpy(entry->texts, job->custom_id, job->custom_id_size);
    if (job->metadata != NULL && job->metadata_size > 0)
        memcpy(entry->texts + job->custom_id_size, job->metadata, job->metadata_size);
    return entry;
}

/* The request's callbacks, and its idempotency key: the same one for a journal's job, whichever run sends it. */
static enum weir_status submit_recorded(struct weir__batch *batch, struct weir__job_given *job, bool delicate)
{
    char key[WEIR__DIGEST_UUID_SIZE];
    struct weir__batch_entry *entry = make_entry(batch, job, delicate);
    enum weir_status status = WEIR_NO_MEMORY;

    if (entry == NULL)
        return WEIR_NO_MEMORY;
    job->request.done = weir__batch_done;
    job->request.user_data = entry;
    if (is_note_taker(batch))
        job->request.sending = weir__batch_sending;
    if (is_note_taker(batch) && batch->config->idempotency_key != NULL) {
        if (!weir__digest_uuid(batch->journal->id, job->line, key))
            goto fail;
        job->request.idempotency_key = key;
    }
    status = weir_submit(batch->weir, &job->request, -1);
    if (status == WEIR_OK)
        return WEIR_OK;
fail:
    free(entry);
    return status;
}

static enum weir_status submit(struct weir__batch *batch, struct weir__job_given *job)
{
    const bool delicate = is_delicate(batch, &job->request);

    job->request.job_id = job->line;
    if (delicate && !batch->config->retry.non_idempotent)
        atomic_store(&batch->careful, true);
    if (batch->journal != NULL)
        return submit_recorded(batch, job, delicate);
    if (batch->tolerance.limited) {
        job->request.done = weir__batch_count;
        job->request.user_data = batch;
    }
    return weir_submit(batch->weir, &job->request, -1);
}

/* What cannot be accepted.  True where the run goes on all the same. */
static bool not_accepted(struct weir__batch *batch, const struct weir__job_given *job, enum weir_status status)
{
    if (status == WEIR_INVALID && batch->jobs->listed)
        return end_bad(batch, job, weir_error_code(WEIR_ERROR_BAD_REQUEST), WEIR__JOBS_INVALID);
    batch->end = status == WEIR_INVALID ? WEIR__BATCH_REFUSED : WEIR__BATCH_STOPPED;
    if (status != WEIR_STOPPED)
        weir__say("weir run: job %" PRIu64 " could not be accepted: %s", job->line,
                  status == WEIR_INVALID ? WEIR__JOBS_INVALID : weir_status_text(status));
    return false;
}

/* The job that the source stands at.  False where the run is over. */
static bool take_job(struct weir__batch *batch)
{
    struct weir__job_given job;
    enum weir_status status;

    if (!weir__jobs_make(batch->jobs, &job))
        return not_accepted(batch, &job, WEIR_NO_MEMORY);
    if (job.error != NULL)
        return end_bad(batch, &job, "bad_line", job.error);
    if (weir__bits_get(&batch->past->open, job.line) && !batch->config->retry.non_idempotent)
        return end_unsent(batch, &job, WEIR_OUTCOME_UNKNOWN, "interrupted",
                          "an earlier run ended while it was being sent; whether it was processed is not known");
    status = submit(batch, &job);
    return status == WEIR_OK || not_accepted(batch, &job, status);
}

static const struct weir__past_input *find_input(const struct weir__past *past, uint64_t lines)
{
    size_t low = 0, high = past->input_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (past->inputs[middle].lines < lines)
            low = middle + 1;
        else
            high = middle;
    }
    return low < past->input_count && past->inputs[low].lines == lines ? &past->inputs[low] : NULL;
}

static bool takes_checkpoints(const struct weir__batch *batch)
{
    return batch->jobs->listed && batch->jobs->input.stream && is_note_taker(batch);
}

/*
 * Of a stream: that it is what the journal's earlier runs read, or a note of what it is.  `at_end`: no more will be
 * read.  False where it is another, or where the note could not be written.
 */
static bool check_stream(struct weir__batch *batch, bool at_end)
{
    struct weir__journalline note = {.kind = WEIR__JOURNALLINE_INPUT};
    const struct weir__past_input *known;

    if (!takes_checkpoints(batch))
        return true;
    at_end = at_end || find_input(batch->past, batch->jobs->number) != NULL;
    if (!weir__input_checkpoint(&batch->jobs->input, at_end, &note.line, note.sha256))
        return true;
    known = find_input(batch->past, note.line);
    if (known == NULL)
        return weir__journal_note(batch->journal, &note);
    if (strcmp(known->sha256, note.sha256) == 0)
        return true;
    batch->end = WEIR__BATCH_OTHER_INPUT;
    return false;
}

/* The input has come to its end.  False where it is not the one that the journal belongs to. */
static bool check_end(struct weir__batch *batch)
{
    if (takes_checkpoints(batch) && batch->jobs->number < batch->past->last_line) {
        batch->end = WEIR__BATCH_OTHER_INPUT;
        return false;
    }
    return check_stream(batch, true);
}

static void end_early(struct weir__batch *batch, enum weir__input_next next)
{
    if (next == WEIR__INPUT_WOKEN) {
        batch->end = WEIR__BATCH_STOPPED;
    } else if (next == WEIR__INPUT_CHANGED) {
        batch->end = WEIR__BATCH_OTHER_INPUT;
        batch->input_changed = true;
    } else if (next == WEIR__INPUT_FAILED) {
        batch->end = WEIR__BATCH_INPUT;
        weir__jobs_say_failed(batch->jobs);
    }
}

static bool note_run(struct weir__batch *batch, enum weir__journalline_kind kind)
{
    const struct weir__journalline note = {.kind = kind, .at_ns = weir__clock_wall_ns()};

    return batch->journal == NULL || weir__journal_note(batch->journal, &note);
}

/* Hands in one job after the other; returns what the source said last, or LINE where it was not asked any more. */
static enum weir__input_next submit_all(struct weir__batch *batch)
{
    struct weir__account *account = batch->account;
    const bool counted = atomic_load(&account->total_known); /* before: `skipped` is all that the past has done */
    enum weir__input_next next;

    while ((next = weir__jobs_next(batch->jobs)) == WEIR__INPUT_LINE) {
        const bool done = weir__bits_get(&batch->past->done, batch->jobs->number);
        if (!counted) {
            atomic_fetch_add_explicit(&account->total, 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&account->skipped, done, memory_order_relaxed);
        }
        if (!check_stream(batch, false) || (!done && !take_job(batch)))
            return WEIR__INPUT_LINE;
    }
    if (next == WEIR__INPUT_END && check_end(batch))
        atomic_store(&account->total_known, true);
    return next;
}

enum weir__batch_end weir__batch_submit(struct weir__batch *batch)
{
    enum weir__input_next next = WEIR__INPUT_LINE;

    if (note_run(batch, WEIR__JOURNALLINE_START))
        next = submit_all(batch);
    end_early(batch, next);
    if (next == WEIR__INPUT_LINE && batch->end != WEIR__BATCH_OTHER_INPUT)
        (void)check_stream(batch, true); /* what is done so far was done for this */
    if (next != WEIR__INPUT_END || batch->end != WEIR__BATCH_ALL) {
        if (batch->end == WEIR__BATCH_ALL)
            batch->end = WEIR__BATCH_STOPPED;
        weir_stop(batch->weir);
    }
    return batch->end;
}

bool weir__batch_finish(struct weir__batch *batch)
{
    const bool done =
        batch->journal == NULL || (note_run(batch, WEIR__JOURNALLINE_END) && weir__journal_flush(batch->journal));

    weir__batch_settle(batch);
    return done;
}
