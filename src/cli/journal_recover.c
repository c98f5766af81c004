/*
 * journal_recover - what a journal says, line by line, and whether it may be gone on with.
 *
 * Invalid lines at the end are what a crash leaves: they are to be cut off.  An invalid line before a valid one is
 * damage, which nobody but its owner may mend.  A line that is sound but strange is for the version that wrote it: what
 * it says of jobs and limits is not known here.  Nothing is changed here.
 */
#include "cli/commands.h"
#include "cli/journal_parts.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct recovery {
    const struct weir__journal_options *options;
    struct weir__past *past;
    struct weir__journal_recovery *out;
    uint64_t job_max;   /* no line of this journal can be of a higher one */
    uint64_t in_flight; /* of the run whose lines these are: so many sends may have none */
    size_t input_capacity;
};

enum taken { TAKEN, SENSELESS, NO_MEMORY };

/* ---------------------------------------------------------------------------------------------------------- one line
 */

/* Its intent is void, or its result is there. */
static bool close_intent(struct weir__past *past, uint64_t job)
{
    past->open_count -= weir__bits_get(&past->open, job);
    return weir__bits_set(&past->open, job, false);
}

static bool is_to_be_retried(const struct weir__journal_options *options, enum weir_outcome outcome)
{
    return options->mode == WEIR__JOURNAL_RETRY_FAILED &&
           (outcome == WEIR_OUTCOME_FAILED || (outcome == WEIR_OUTCOME_UNKNOWN && options->retry_unknown));
}

/* The first one of a job counts.  One that was cancelled was not done. */
static enum taken take_result(struct recovery *r, const struct weir__journalline *line)
{
    struct weir__past *past = r->past;
    bool kept = true;

    if (!close_intent(past, line->line))
        return NO_MEMORY;
    if (line->outcome == WEIR_OUTCOME_CANCELLED || weir__bits_get(&past->done, line->line)) {
        r->out->surplus++;
    } else {
        kept = weir__bits_set(&past->done, line->line, true);
        past->done_count++;
        past->outcomes[line->outcome]++;
        if (is_to_be_retried(r->options, line->outcome)) {
            kept = kept && weir__bits_set(&r->out->retry, line->line, true);
            r->out->surplus++;
        }
    }
    return kept && weir__journal_sends_add(&r->out->sends, line->forgotten_ns, 1) ? TAKEN : NO_MEMORY;
}

static enum taken take_intent(struct recovery *r, const struct weir__journalline *line)
{
    if (weir__bits_get(&r->past->done, line->line) || weir__bits_get(&r->past->open, line->line))
        return TAKEN;
    r->past->open_count++;
    return weir__bits_set(&r->past->open, line->line, true) ? TAKEN : NO_MEMORY;
}

static enum taken take_input(struct recovery *r, const struct weir__journalline *line)
{
    struct weir__past *past = r->past;
    struct weir__past_input *inputs = past->inputs;

    if (past->input_count == r->input_capacity) {
        const size_t capacity = r->input_capacity == 0 ? 16 : r->input_capacity * 2;
        inputs = realloc(inputs, capacity * sizeof *inputs);
        if (inputs == NULL)
            return NO_MEMORY;
        past->inputs = inputs;
        r->input_capacity = capacity;
    }
    inputs[past->input_count].lines = line->line;
    memcpy(inputs[past->input_count++].sha256, line->sha256, sizeof line->sha256);
    return TAKEN;
}

/* A run begins.  What one before it that ended without a word had on its way was over by now. */
static enum taken take_start(struct recovery *r, const struct weir__journalline *line)
{
    const uint64_t in_flight = r->in_flight;

    r->in_flight = 0;
    return weir__journal_sends_add(&r->out->sends, line->at_ns, in_flight) ? TAKEN : NO_MEMORY;
}

static enum taken take_job(struct recovery *r, const struct weir__journalline *line)
{
    if (line->line < 1 || line->line > r->job_max)
        return SENSELESS;
    if (line->line > r->past->last_line)
        r->past->last_line = line->line;
    if (line->kind == WEIR__JOURNALLINE_RESULT)
        return take_result(r, line);
    if (line->kind == WEIR__JOURNALLINE_INTENT)
        return take_intent(r, line);
    if (line->kind == WEIR__JOURNALLINE_CANCELLED && !close_intent(r->past, line->line))
        return NO_MEMORY;
    return weir__journal_sends_add(&r->out->sends, line->at_ns, 1) ? TAKEN : NO_MEMORY;
}

/* A valid line after the first. */
static enum taken take(struct recovery *r, const struct weir__journalline *line)
{
    switch (line->kind) {
    case WEIR__JOURNALLINE_RESULT:
    case WEIR__JOURNALLINE_INTENT:
    case WEIR__JOURNALLINE_ATTEMPT:
    case WEIR__JOURNALLINE_CANCELLED:
        return take_job(r, line);
    case WEIR__JOURNALLINE_START:
        return take_start(r, line);
    case WEIR__JOURNALLINE_IN_FLIGHT:
        r->in_flight = line->at_most;
        return TAKEN;
    case WEIR__JOURNALLINE_END:
        r->in_flight = 0;
        return TAKEN;
    case WEIR__JOURNALLINE_INPUT:
        return take_input(r, line);
    case WEIR__JOURNALLINE_HEAD: /* two files in one */
    case WEIR__JOURNALLINE_INVALID:
    case WEIR__JOURNALLINE_STRANGE:
        break;
    }
    return SENSELESS;
}

/* ----------------------------------------------------------------------------------------------------- the first line
 */

static int say_journal(const struct recovery *r, const char *what)
{
    char name[WEIR__JOURNAL_NAME_SIZE];

    weir__say("weir %s: %s: %s; it was left as it is", r->options->command, weir__journal_open_name(r->options, name),
              what);
    return WEIR__EXIT_JOURNAL;
}

static int say_damaged(const struct recovery *r, uint64_t line)
{
    char what[128];

    (void)snprintf(what, sizeof what, "line %" PRIu64 " is damaged, which is more than an unfinished end", line);
    return say_journal(r, what);
}

static int say_strange(const struct recovery *r, uint64_t line)
{
    char what[128];

    (void)snprintf(what, sizeof what, "line %" PRIu64 " was written by another version of weir", line);
    return say_journal(r, what);
}

/* Why the journal is not this run's; NULL if it is. */
static const char *difference(const struct weir__journalline *there, const struct weir__journalline *here)
{
    if (there->source != here->source) {
        if (there->source == WEIR__JOURNALLINE_CONFIG)
            return "its jobs are a URL and a total, these are from an input";
        if (here->source == WEIR__JOURNALLINE_CONFIG)
            return "its jobs are from an input, these are a URL and a total";
        return there->source == WEIR__JOURNALLINE_FILE ? "its input is a file, this one a stream"
                                                       : "its input is a stream, this one a file";
    }
    if (strcasecmp(there->key, here->key) != 0) /* to the server a job is another one without its key */
        return "its jobs carry another idempotency_key, or none";
    if (here->source == WEIR__JOURNALLINE_STREAM)
        return NULL; /* that is told line by line */
    if (strcmp(there->sha256, here->sha256) == 0 && there->jobs == here->jobs && there->bytes == here->bytes)
        return NULL;
    return here->source == WEIR__JOURNALLINE_FILE ? "the input's content is another one"
                                                  : "url, method, headers, body or total is another one";
}

/* The highest number a job can have: what needs a bit must be bounded by more than 64 bits in a file. */
static uint64_t highest_job(const struct weir__journalline *head)
{
    const uint64_t listed = head->bytes > head->jobs ? head->bytes : head->jobs; /* a line is at least a byte */
    const uint64_t highest = head->source == WEIR__JOURNALLINE_CONFIG ? head->jobs
                             : head->source == WEIR__JOURNALLINE_FILE ? listed
                                                                      : WEIR__JOURNAL_JOB_MAX;

    return highest < WEIR__JOURNAL_JOB_MAX ? highest : WEIR__JOURNAL_JOB_MAX;
}

static int take_head(struct recovery *r, const struct weir__journalline *head)
{
    char what[128];
    const char *other = difference(head, &r->options->head);

    if (other != NULL) {
        (void)snprintf(what, sizeof what, "belongs to another job: %s", other);
        return say_journal(r, what);
    }
    r->out->begun = true;
    r->past->exists = true;
    r->job_max = highest_job(head);
    memcpy(r->out->id, head->id, sizeof r->out->id);
    return WEIR__EXIT_OK;
}

/* Not a head: the torn beginning of one, if that is all there is; a damaged one; another version's; or nothing of ours.
 */
static int take_no_head(struct recovery *r, const struct weir__journal_lines *lines, enum weir__journalline_kind kind,
                        const char *text, size_t size)
{
    if (!weir__journalline_begins_head(text, size) || size == 0)
        return say_journal(r, "is no journal of weir");
    if (kind == WEIR__JOURNALLINE_STRANGE)
        return say_strange(r, 1);
    if (lines->whole || size > WEIR__JOURNAL_HEAD_MAX_SIZE)
        return say_damaged(r, 1);
    r->out->cut_line = 1;
    return WEIR__EXIT_OK;
}

/* ------------------------------------------------------------------------------------------------------ the whole file
 */

static int take_line(struct recovery *r, const struct weir__journal_lines *lines, const char *text, size_t size)
{
    struct weir__journalline line;

    weir__journalline_read(text, size, &line);
    if (lines->number == 1)
        return line.kind == WEIR__JOURNALLINE_HEAD && lines->whole && size <= WEIR__JOURNAL_HEAD_MAX_SIZE
                   ? take_head(r, &line)
                   : take_no_head(r, lines, line.kind, text, size);
    /* a strange line is not cut off even where its line end is missing */
    if (line.kind == WEIR__JOURNALLINE_INVALID || (!lines->whole && line.kind != WEIR__JOURNALLINE_STRANGE)) {
        if (r->out->cut_line == 0)
            r->out->cut_line = lines->number;
        return WEIR__EXIT_OK;
    }
    if (r->out->cut_line != 0)
        return say_damaged(r, r->out->cut_line);
    if (line.kind == WEIR__JOURNALLINE_STRANGE)
        return say_strange(r, lines->number);
    switch (take(r, &line)) {
    case TAKEN:
        return WEIR__EXIT_OK;
    case SENSELESS:
        return say_damaged(r, lines->number);
    case NO_MEMORY:
        break;
    }
    return weir__journal_open_failed(r->options, "cannot be read back", ENOMEM);
}

static int by_lines(const void *a, const void *b)
{
    const struct weir__past_input *x = a, *y = b;

    return (x->lines > y->lines) - (x->lines < y->lines);
}

/* Rising, each number once; a run that went over the same lines again may have noted them again. */
static void sort_inputs(struct weir__past *past)
{
    size_t kept = 0;

    if (past->input_count == 0)
        return;
    qsort(past->inputs, past->input_count, sizeof *past->inputs, by_lines);
    for (size_t i = 1; i < past->input_count; i++)
        if (past->inputs[i].lines != past->inputs[kept].lines)
            past->inputs[++kept] = past->inputs[i];
    past->input_count = kept + 1;
}

static int read_all(struct recovery *r, struct weir__journal_lines *lines)
{
    enum weir__journal_lines_next next;
    const char *text;
    size_t size;
    int code;

    while ((next = weir__journal_lines_next(lines, &text, &size)) == WEIR__JOURNAL_LINE) {
        code = take_line(r, lines, text, size);
        if (code != WEIR__EXIT_OK)
            return code;
        if (r->out->cut_line == 0)
            r->out->valid_size = lines->offset + size + 1;
    }
    r->out->size = lines->next;
    return next == WEIR__JOURNAL_END ? WEIR__EXIT_OK : weir__journal_open_failed(r->options, "cannot be read", errno);
}

int weir__journal_recover(int fd, const struct weir__journal_options *options, struct weir__past *past,
                          struct weir__journal_recovery *recovery)
{
    struct recovery r = {.options = options, .past = past, .out = recovery};
    struct weir__journal_lines lines;
    int code;

    recovery->sends = (struct weir__journal_sends){
        .max = options->memory_max, .now_ns = options->now_ns, .memory_ns = options->memory_ns};
    weir__journal_lines_init(&lines, fd);
    code = read_all(&r, &lines);
    weir__journal_lines_clear(&lines);
    if (code != WEIR__EXIT_OK)
        return code;
    sort_inputs(past);
    if (!weir__journal_sends_finish(&recovery->sends, r.in_flight, past))
        return weir__journal_open_failed(options, "cannot be read back", ENOMEM);
    return WEIR__EXIT_OK;
}

void weir__journal_recovery_clear(struct weir__journal_recovery *recovery)
{
    weir__bits_clear(&recovery->retry);
    weir__journal_sends_clear(&recovery->sends);
}
