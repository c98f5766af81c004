/*
 * batch_done - the workers' side of a batch: what is noted before a send, and the line after it.
 *
 * It runs on weir's threads, which hold no lock meanwhile.
 */
#include "cli/batch_parts.h"

#include "base/clock.h"
#include "base/sync.h"
#include "json/writer.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The line that this thread has handed in and not waited for; where the journal has a scribe, lines.  It waits before
 * it sends again, when somebody has written them as a rule; so a send never leaves while a line before it is not in the
 * file.
 */
static _Thread_local struct weir__batch_unsettled unsettled;

/* Nothing more is sent; what is in flight ends, and is not done as far as the journal knows. */
static bool stop(struct weir__batch *batch)
{
    weir_stop(batch->weir);
    if (batch->jobs->listed)
        weir__input_wake(&batch->jobs->input);
    return false;
}

static bool note(struct weir__batch *batch, const struct weir__journalline *line)
{
    return weir__journal_note(batch->journal, line) || stop(batch);
}

static bool note_job(const struct weir__batch_entry *entry, enum weir__journalline_kind kind)
{
    const struct weir__journalline line = {.kind = kind, .line = entry->line, .at_ns = weir__clock_wall_ns()};
    return note(entry->batch, &line);
}

/* A job that was done, and has no line.  Where it must not be done twice the next run finds its intent. */
static void lose(struct weir__batch *batch, uint64_t delicate)
{
    if (!batch->config->retry.non_idempotent)
        atomic_fetch_add(&batch->account->in_doubt, delicate);
}

/* False where its line could not be written. */
static bool settle_of(struct weir__batch_unsettled *lines)
{
    struct weir__batch *batch = lines->batch;
    const uint64_t open = lines->open, delicate = lines->delicate;

    if (batch == NULL)
        return true;
    lines->batch = NULL;
    lines->open = lines->delicate = 0;
    if (!weir__journal_await(batch->journal, lines->end)) {
        lose(batch, delicate);
        return stop(batch);
    }
    if (open > 0)
        atomic_fetch_sub(&batch->sends_open, open);
    return true;
}

static bool settle(void)
{
    return settle_of(&unsettled);
}

/* Its thread may never send again: whoever ends the batch looks at it then. */
static void enlist(struct weir__batch *batch)
{
    if (unsettled.listed == batch)
        return;
    unsettled.listed = batch;
    weir__mutex_lock(&batch->note_lock);
    unsettled.next = batch->unsettled;
    batch->unsettled = &unsettled;
    weir__mutex_unlock(&batch->note_lock);
}

void weir__batch_settle(struct weir__batch *batch)
{
    for (struct weir__batch_unsettled *each = batch->unsettled; each != NULL; each = each->next)
        (void)settle_of(each);
}

/*
 * One send more has no line yet.  The journal says how many there may be, twice as many each time, so that it says it
 * seldom.  More than the workers can only be with jobs that wait for another try.
 */
static bool open_send(struct weir__batch *batch)
{
    const uint64_t open = atomic_fetch_add(&batch->sends_open, 1) + 1, workers = batch->config->workers;
    struct weir__journalline line = {.kind = WEIR__JOURNALLINE_IN_FLIGHT};
    bool noted = true;

    if (open <= atomic_load(&batch->sends_noted))
        return true;
    weir__mutex_lock(&batch->note_lock);
    if (open > atomic_load(&batch->sends_noted)) {
        line.at_most = open > workers || open * 2 - 1 < workers ? open * 2 - 1 : workers;
        noted = note(batch, &line);
        if (noted)
            atomic_store(&batch->sends_noted, line.at_most);
    }
    weir__mutex_unlock(&batch->note_lock);
    return noted;
}

bool weir__batch_sending(void *user_data, uint64_t job_id, uint32_t attempt)
{
    struct weir__batch_entry *entry = user_data;
    struct weir__batch *batch = entry->batch;

    (void)job_id;
    (void)attempt;
    if (!settle() || weir__journal_error(batch->journal) != 0)
        return false;
    if (entry->open) /* the send before is over; where nothing counts sends, nobody asks when */
        return batch->config->rate_count == 0 || note_job(entry, WEIR__JOURNALLINE_ATTEMPT);
    if (entry->delicate && !note_job(entry, WEIR__JOURNALLINE_INTENT))
        return false;
    entry->open = true;
    return open_send(batch);
}

/* Under no lock: two that come at once may both stop it. */
static void watch_failures(struct weir__batch *batch)
{
    const struct weir__account *account = batch->account;
    const uint64_t bad =
        atomic_load(&account->ended[WEIR_OUTCOME_FAILED]) + atomic_load(&account->ended[WEIR_OUTCOME_UNKNOWN]);
    const uint64_t all = bad + atomic_load(&account->ended[WEIR_OUTCOME_SUCCEEDED]);
    const bool too_many = batch->tolerance.percent ? all >= WEIR__BATCH_PERCENT_LEAST &&
                                                         (double)bad * 100 > batch->tolerance.most * (double)all
                                                   : (double)bad > batch->tolerance.most;

    if (!too_many)
        return;
    atomic_store(&batch->too_many, true);
    (void)stop(batch);
}

static void watch(struct weir__batch *batch, enum weir_outcome outcome)
{
    if (batch->tolerance.limited && (outcome == WEIR_OUTCOME_FAILED || outcome == WEIR_OUTCOME_UNKNOWN))
        watch_failures(batch);
}

/* The journal counts what is durable; without one it is counted here. */
static void count(struct weir__batch *batch, enum weir_outcome outcome)
{
    atomic_fetch_add_explicit(&batch->account->ended[outcome], 1, memory_order_relaxed);
    watch(batch, outcome);
}

/* The line, into the journal; `*out_end` as hand_in has it. */
static bool hand_in(struct weir__batch *batch, const struct weir__resultline *line, enum weir_outcome outcome,
                    uint64_t *out_end)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    bool handed_in = false;

    weir__resultline_write(&writer, line);
    if (writer.failed)
        weir__journal_fail(batch->journal, ENOMEM);
    else
        handed_in = weir__journal_hand_in(batch->journal, writer.text, writer.size, (int)outcome, out_end);
    weir__writer_clear(&writer);
    return handed_in || stop(batch);
}

bool weir__batch_record(struct weir__batch *batch, const struct weir__resultline *line, enum weir_outcome outcome)
{
    uint64_t end = 0;

    if (batch->journal == NULL) {
        count(batch, outcome);
        return true;
    }
    if (!hand_in(batch, line, outcome, &end))
        return false;
    if ((!batch->journal->lazy || batch->tolerance.limited) && !weir__journal_await(batch->journal, end))
        return stop(batch);
    watch(batch, outcome);
    return true;
}

void weir__batch_count(void *user_data, const struct weir_result *result)
{
    if (result->outcome != WEIR_OUTCOME_CANCELLED)
        count(user_data, result->outcome);
}

/* A sync takes so long that a send would stand at the wire for it; and whoever counts failures wants to know now. */
static bool waits_for_each(const struct weir__batch *batch)
{
    return (batch->journal->sync && !batch->journal->scribed) || batch->journal->lazy || batch->tolerance.limited;
}

/* The job was sent and is not done: when that send was over. */
static bool note_end(const struct weir__batch_entry *entry, const struct weir_result *result)
{
    struct weir__journalline line = {.kind = WEIR__JOURNALLINE_CANCELLED, .line = entry->line};

    if (entry->delicate && entry->batch->config->retry.non_idempotent)
        line.kind = WEIR__JOURNALLINE_ATTEMPT; /* its intent stands: the next run may not be told the same */
    line.at_ns = result->http_status != 0 ? result->sent_at_ns + result->ttfb_ns : weir__clock_wall_ns();
    return note(entry->batch, &line);
}

void weir__batch_done(void *user_data, const struct weir_result *result)
{
    struct weir__batch_entry *entry = user_data;
    struct weir__batch *batch = entry->batch;
    const struct weir__resultline line = {
        .line = entry->line,
        .custom_id = entry->has_id ? entry->texts : NULL,
        .custom_id_size = entry->id_size,
        .metadata = entry->metadata_size > 0 ? entry->texts + entry->id_size : NULL,
        .metadata_size = entry->metadata_size,
        .bodies = batch->config->output.bodies,
        .result = result,
    };
    uint64_t end = 0;

    if (result->outcome == WEIR_OUTCOME_CANCELLED) {
        if (entry->open && note_end(entry, result))
            atomic_fetch_sub(&batch->sends_open, 1);
    } else if (waits_for_each(batch)) {
        if (!weir__batch_record(batch, &line, result->outcome))
            lose(batch, entry->open && entry->delicate);
        else if (entry->open)
            atomic_fetch_sub(&batch->sends_open, 1);
    } else if ((batch->journal->scribed || settle()) && hand_in(batch, &line, result->outcome, &end)) {
        enlist(batch);
        unsettled.batch = batch;
        unsettled.end = end;
        unsettled.open += entry->open;
        unsettled.delicate += entry->open && entry->delicate;
    } else {
        lose(batch, entry->open && entry->delicate);
    }
    free(entry);
}
