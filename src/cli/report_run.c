/* report_run - see report_run.h */
#include "cli/report_run.h"

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/journal_parts.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A line with a higher number is counted though its job may have another: a bit for each is 12 MB. */
#define SEEN_MAX UINT64_C(100000000)

/* What is drawn: so many slices, in each of which some requests end if possible. */
#define DRAWN_MAX 160u
#define DRAWN_MIN 24u
#define DRAWN_ENDED 8u

/* A time without a send is shaded if it is longer than these. */
#define SHADE_MIN_NS (30 * WEIR__NS_PER_MS)
#define SHADE_GAPS 5 /* mean gaps between sends */
#define SHADE_MIN_SLICES 3u

/* ------------------------------------------------------------------------------------------------------------ one line
 */

static void count_code(struct weir__report_run *run, const char *code)
{
    size_t i = 0;

    while (i < run->code_count && strcmp(run->codes[i].code, code) != 0)
        i++;
    if (i == WEIR__REPORT_CODES_MAX)
        return; /* there are fewer codes than that */
    if (i == run->code_count) {
        memcpy(run->codes[i].code, code, WEIR__REPORT_CODE_SIZE);
        run->code_count++;
    }
    run->codes[i].count++;
}

/*
 * From the last send to the job's end; negative where that is not known: then, of jobs with several sends, only the
 * time to the response's first byte is.
 */
static int64_t time_sent(const struct weir__report_line *line)
{
    const int64_t spent = line->total_ns - line->queue_ns - line->permit_ns - line->connect_ns;

    if (line->attempts == 1)
        return spent > line->ttfb_ns ? spent : line->ttfb_ns;
    return line->answered ? line->ttfb_ns : -1;
}

static void widen_time(struct weir__report_run *run, int64_t at_ns)
{
    if (run->first_ns == 0 || at_ns < run->first_ns)
        run->first_ns = at_ns;
    if (at_ns > run->last_ns)
        run->last_ns = at_ns;
}

static bool place(struct weir__report_run *run, const struct weir__report_line *line)
{
    const int64_t begin_ns = line->sent_at_ns - run->cut_ns, sent_ns = time_sent(line);
    /* lines stand in the order of completion: what has no end of its own ended about with the one before */
    int64_t end_ns = begin_ns + (sent_ns >= 0 ? sent_ns : 0);

    if (sent_ns < 0 && end_ns < run->last_ns)
        end_ns = run->last_ns;
    widen_time(run, begin_ns);
    widen_time(run, end_ns);
    if (line->answered)
        weir__histogram_add(&run->ttfb, line->ttfb_ns);
    if (line->attempts == 1 && line->answered)
        weir__histogram_add(&run->sent, sent_ns);
    return weir__report_slices_begin(&run->slices, begin_ns, line->attempts > 1) &&
           weir__report_slices_end(&run->slices, end_ns, line->outcome, line->status, line->answered ? sent_ns : -1);
}

/* False without memory. */
static bool take_result(struct weir__report_run *run, const struct weir__journalline *head, const char *text,
                        size_t size)
{
    struct weir__report_line line = {
        .outcome = head->outcome, .attempts = head->attempts, .sent_at_ns = head->sent_at_ns};

    if (head->line < SEEN_MAX) {
        if (weir__bits_get(&run->seen, head->line))
            return true;
        if (!weir__bits_set(&run->seen, head->line, true))
            return false;
    }
    if (!weir__report_line_read(text, size, &line))
        return true; /* its checksum and its form were right: it has no figures */
    run->results++;
    run->outcomes[line.outcome]++;
    run->attempts += line.attempts;
    if (line.code[0] != '\0')
        count_code(run, line.code);
    if (line.sent_at_ns == 0) {
        run->unsent++;
        return true;
    }
    run->statuses[line.status]++;
    weir__histogram_add(&run->whole, line.total_ns);
    weir__histogram_add(&run->queue, line.queue_ns);
    weir__histogram_add(&run->permit, line.permit_ns);
    return place(run, &line);
}

/* A run begins.  The time since the one before is left out. */
static void take_start(struct weir__report_run *run, int64_t at_ns)
{
    run->ended = false;
    if (run->started_ns == 0) {
        run->started_ns = at_ns;
        widen_time(run, at_ns);
        return;
    }
    if (at_ns - run->cut_ns > run->last_ns)
        run->cut_ns = at_ns - run->last_ns;
    if (run->run_count < WEIR__REPORT_RUNS_MAX)
        run->runs_ns[run->run_count++] = run->last_ns;
}

/* False without memory. */
static bool take(struct weir__report_run *run, const struct weir__journalline *line, const char *text, size_t size)
{
    switch (line->kind) {
    case WEIR__JOURNALLINE_RESULT:
        return take_result(run, line, text, size);
    case WEIR__JOURNALLINE_HEAD:
        run->jobs = line->jobs;
        return true;
    case WEIR__JOURNALLINE_START:
        take_start(run, line->at_ns);
        return true;
    case WEIR__JOURNALLINE_ATTEMPT:
        widen_time(run, line->at_ns - run->cut_ns);
        run->repeats++;
        return weir__report_slices_repeat(&run->slices, line->at_ns - run->cut_ns);
    case WEIR__JOURNALLINE_END:
        run->ended = true;
        return true;
    default:
        return true;
    }
}

/* --------------------------------------------------------------------------------------------------------- the whole
 * file
 */

static int say(const struct weir__report_run *run, int code, const char *what, uint64_t line)
{
    char name[256];

    weir__say_escape(run->name, name, sizeof name);
    if (line > 0)
        weir__say("weir report: %s: line %" PRIu64 " %s", name, line, what);
    else
        weir__say("weir report: %s: %s", name, what);
    return code;
}

/* As weir run reads it back: invalid lines at the end are what a crash, or a run that goes on, leaves; before a valid
 * one they are damage. */
static int read_all(struct weir__report_run *run, struct weir__journal_lines *lines)
{
    const uint64_t before = lines->number;
    enum weir__journal_lines_next next;
    struct weir__journalline line;
    uint64_t torn = 0;
    const char *text;
    size_t size;

    while ((next = weir__journal_lines_next(lines, &text, &size)) == WEIR__JOURNAL_LINE) {
        const uint64_t number = lines->number - before;
        weir__journalline_read(text, size, &line);
        if (line.kind == WEIR__JOURNALLINE_INVALID || (!lines->whole && line.kind != WEIR__JOURNALLINE_STRANGE)) {
            torn = torn == 0 ? number : torn;
            continue;
        }
        if (torn != 0)
            return say(run, WEIR__EXIT_JOURNAL, "is damaged, which is more than an unfinished end", torn);
        if (line.kind == WEIR__JOURNALLINE_STRANGE)
            return say(run, WEIR__EXIT_JOURNAL, "was written by another version of weir", number);
        if ((line.kind == WEIR__JOURNALLINE_HEAD) != (run->journal && number == 1))
            return say(run, WEIR__EXIT_JOURNAL, "is damaged: it is not where it belongs", number);
        if (!take(run, &line, text, size))
            return say(run, WEIR__EXIT_USAGE, "out of memory", 0);
    }
    if (next != WEIR__JOURNAL_END)
        return say(run, WEIR__EXIT_OUTPUT, strerror(errno), 0);
    run->torn = torn != 0;
    if (run->torn)
        (void)say(run, 0, "is not whole: the run goes on, or ended there; the page is of what stands before it", torn);
    return WEIR__EXIT_OK;
}

double weir__report_run_begin_s(const struct weir__report_run *run, size_t slice)
{
    return (double)((run->slices.base + (int64_t)slice) * run->slices.width_ns - run->first_ns) / 1e9;
}

/* ----------------------------------------------------------------------------------------------------------------
 * shades
 */

static bool is_quiet(const struct weir__report_slice *slice)
{
    return slice->begun == 0 && slice->repeated == 0;
}

static bool is_refusal(const struct weir__report_slices *slices, size_t i)
{
    return i < slices->count && (slices->slices[i].refused > 0 || slices->slices[i].repeated > 0);
}

static bool is_again(const struct weir__report_slices *slices, size_t i)
{
    return i < slices->count && slices->slices[i].again > 0;
}

/* Times without a send that begin with a refusal or with a send that had to be repeated, or end with a repeated one. */
static void find_shades(struct weir__report_run *run)
{
    const struct weir__report_slices *slices = &run->slices;
    uint64_t sends = 0;
    int64_t least_ns = SHADE_MIN_NS;

    for (size_t i = 0; i < slices->count; i++)
        sends += slices->slices[i].begun + slices->slices[i].repeated;
    if (sends > 0 && (run->last_ns - run->first_ns) / (int64_t)sends > least_ns / SHADE_GAPS)
        least_ns = (run->last_ns - run->first_ns) / (int64_t)sends * SHADE_GAPS;
    for (size_t from = 0, to; from < slices->count; from = to + 1) {
        for (to = from; to < slices->count && is_quiet(&slices->slices[to]); to++)
            ;
        if (to - from < SHADE_MIN_SLICES || (int64_t)(to - from) * slices->width_ns < least_ns || from == 0 ||
            to == slices->count || run->shade_count == WEIR__REPORT_SHADES_MAX)
            continue;
        if (is_refusal(slices, from - 1) || (from > 1 && is_refusal(slices, from - 2)) || is_again(slices, to) ||
            is_again(slices, to + 1))
            run->shades[run->shade_count++] =
                (struct weir__bench_pause){weir__report_run_begin_s(run, from), weir__report_run_begin_s(run, to)};
    }
}

static int finish(struct weir__report_run *run)
{
    struct weir__report_slices *slices = &run->slices;
    const uint64_t enough = run->results / DRAWN_ENDED;

    if (run->results == 0)
        return say(run, WEIR__EXIT_USAGE, "no job has ended yet: there is nothing to report", 0);
    find_shades(run);
    while (slices->count > DRAWN_MAX || (slices->count > DRAWN_MIN * 2 && slices->count > enough))
        if (!weir__report_slices_widen(slices))
            break;
    for (size_t i = 0; i < run->run_count; i++)
        run->runs_s[i] = (double)(run->runs_ns[i] - run->first_ns) / 1e9;
    return WEIR__EXIT_OK;
}

int weir__report_run_read(struct weir__report_run *run, int fd, const char *name, bool journal)
{
    struct weir__journal_lines lines;
    int code;

    memset(run, 0, sizeof *run);
    run->name = name;
    run->journal = journal;
    weir__journal_lines_init(&lines, fd);
    if (!journal)
        lines.number = 1; /* a first line that is no head may be long */
    code = read_all(run, &lines);
    weir__journal_lines_clear(&lines);
    return code == WEIR__EXIT_OK ? finish(run) : code;
}

void weir__report_run_clear(struct weir__report_run *run)
{
    weir__report_slices_clear(&run->slices);
    weir__bits_clear(&run->seen);
    memset(run, 0, sizeof *run);
}
