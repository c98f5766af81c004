/* report_words_run - see report_words_run.h */
#include "cli/report_words_run.h"

#include "base/units.h"
#include "cli/report_axis.h"

#include <stdio.h>
#include <stdlib.h>

#define ELAPSED_SIZE 32u

static const char *count(uint64_t value, char out[WEIR__REPORT_FIGURE_SIZE])
{
    return weir__report_axis_say_count((double)value, out);
}

/* How many there were, and what became of them. */
static void add_outcomes(struct weir__report_words *words, const struct weir__report_run *run)
{
    const uint64_t good = run->outcomes[WEIR_OUTCOME_SUCCEEDED];
    char results[WEIR__REPORT_FIGURE_SIZE], number[WEIR__REPORT_FIGURE_SIZE], rate[WEIR__REPORT_FIGURE_SIZE],
        elapsed[ELAPSED_SIZE], jobs[WEIR__REPORT_FIGURE_SIZE], *rest = NULL;
    const double elapsed_s = (double)(run->last_ns - run->first_ns) / 1e9;
    size_t size;
    FILE *to = open_memstream(&rest, &size);

    if (to == NULL) {
        words->failed = true;
        return;
    }
    if (good == run->results)
        (void)fputs(run->results == 1 ? "it succeeded" : "all succeeded", to);
    else
        (void)fprintf(to, "%s succeeded", good > 0 ? count(good, number) : "none");
    for (int i = WEIR_OUTCOME_SUCCEEDED + 1; i < WEIR_OUTCOME_COUNT; i++)
        if (run->outcomes[i] > 0)
            (void)fprintf(to, ", %s %s", count(run->outcomes[i], number), weir_outcome_text((enum weir_outcome)i));
    if (fclose(to) != 0) {
        words->failed = true;
    } else {
        weir__units_format_elapsed(run->last_ns - run->first_ns, elapsed, sizeof elapsed);
        weir__report_words_add(
            words, good == run->results ? WEIR__REPORT_KEY : WEIR__REPORT_WARN, SIZE_MAX, "%s%s%s job%s ended%s%s: %s.",
            count(run->results, results), run->jobs > run->results ? " of " : "",
            run->jobs > run->results ? count(run->jobs, jobs) : "", run->results == 1 && run->jobs <= 1 ? "" : "s",
            run->last_ns > 0 ? " in " : "", run->last_ns > 0 ? elapsed : "", rest);
        if (elapsed_s > 0 && run->results > run->unsent)
            weir__report_words_add(words, WEIR__REPORT_PLAIN, SIZE_MAX, "That is %s a second on average.",
                                   weir__report_axis_say_count((double)(run->results - run->unsent) / elapsed_s, rate));
    }
    free(rest);
}

static void add_latency(struct weir__report_words *words, const struct weir__report_run *run)
{
    char p50[WEIR__REPORT_FIGURE_SIZE], p99[WEIR__REPORT_FIGURE_SIZE], most[WEIR__REPORT_FIGURE_SIZE];

    if (run->ttfb.count == 0)
        return;
    weir__report_words_add(
        words, WEIR__REPORT_PLAIN, SIZE_MAX,
        "Half of the responses began within %s of the send, 99 of 100 within %s, the slowest within %s.",
        weir__report_axis_say_ms((double)weir__histogram_quantile(&run->ttfb, 0.5) / 1e6, p50),
        weir__report_axis_say_ms((double)weir__histogram_quantile(&run->ttfb, 0.99) / 1e6, p99),
        weir__report_axis_say_ms((double)run->ttfb.max_ns / 1e6, most));
}

/* Which of its waits a job spent most on. */
static void add_waits(struct weir__report_words *words, const struct weir__report_run *run)
{
    const int64_t whole = weir__histogram_mean(&run->whole), queue = weir__histogram_mean(&run->queue),
                  permit = weir__histogram_mean(&run->permit);
    const int64_t more = queue > permit ? queue : permit;
    char wait[WEIR__REPORT_FIGURE_SIZE], all[WEIR__REPORT_FIGURE_SIZE], share[WEIR__REPORT_FIGURE_SIZE];

    if (whole <= 0)
        return;
    if (more * 10 < whole) {
        weir__report_words_add(words, WEIR__REPORT_PLAIN, SIZE_MAX,
                               "Jobs hardly waited before they were sent: %s of the %s that a job took on average.",
                               weir__report_axis_say_ms((double)(queue + permit) / 1e6, wait),
                               weir__report_axis_say_ms((double)whole / 1e6, all));
        return;
    }
    weir__report_words_add(words, WEIR__REPORT_PLAIN, SIZE_MAX,
                           "A job took %s on average from its acceptance on, %s of that %s.",
                           weir__report_axis_say_ms((double)whole / 1e6, all),
                           weir__report_axis_say_share((double)more / (double)whole, share),
                           queue > permit ? "in the queue, behind others" : "for permits: the limits held it back");
}

static int by_count(const void *a, const void *b)
{
    const struct weir__report_code *x = a, *y = b;

    return (x->count < y->count) - (x->count > y->count);
}

static void add_troubles(struct weir__report_words *words, const struct weir__report_run *run)
{
    struct weir__report_code codes[WEIR__REPORT_CODES_MAX] = {{.count = 0}};
    const uint64_t sent = run->results - run->unsent;
    char number[WEIR__REPORT_FIGURE_SIZE], other[WEIR__REPORT_FIGURE_SIZE];

    for (size_t i = 0; i < run->code_count; i++)
        codes[i] = run->codes[i];
    qsort(codes, run->code_count, sizeof codes[0], by_count);
    if (run->code_count > 0)
        weir__report_words_add(words, WEIR__REPORT_PLAIN, SIZE_MAX, "What went wrong most often: %s, %s time%s.",
                               codes[0].code, count(codes[0].count, number), codes[0].count == 1 ? "" : "s");
    if (run->statuses[429] > 0)
        weir__report_words_add(words, WEIR__REPORT_WARN, SIZE_MAX, "%s job%s ended with a refusal (429).",
                               count(run->statuses[429], number), run->statuses[429] == 1 ? "" : "s");
    if (run->attempts > sent)
        weir__report_words_add(
            words, WEIR__REPORT_PLAIN, SIZE_MAX,
            "%s of %s sends were not a job's first: it had been refused, had failed, or was redirected.",
            count(run->attempts - sent, number), count(run->attempts, other));
}

static void add_times(struct weir__report_words *words, const struct weir__report_run *run)
{
    double longest = 0;
    char text[WEIR__REPORT_FIGURE_SIZE];

    for (size_t i = 0; i < run->shade_count; i++)
        if (run->shades[i].to_s - run->shades[i].from_s > longest)
            longest = run->shades[i].to_s - run->shades[i].from_s;
    if (run->shade_count > 0)
        weir__report_words_add(words, WEIR__REPORT_PLAIN, SIZE_MAX,
                               "Between sends that were refused or failed and their repetition, nothing was sent %zu "
                               "time%s, for %s%s.",
                               run->shade_count, run->shade_count == 1 ? "" : "s",
                               run->shade_count == 1 ? "" : "at most ", weir__report_axis_say_ms(longest * 1e3, text));
    if (run->run_count > 0)
        weir__report_words_add(words, WEIR__REPORT_PLAIN, SIZE_MAX,
                               "It was resumed %zu time%s; the time between is left out of the plots.", run->run_count,
                               run->run_count == 1 ? "" : "s");
    if (run->journal && !run->ended)
        weir__report_words_add(words, WEIR__REPORT_WARN, SIZE_MAX,
                               "The file does not say that the run ended in order: it goes on, or was cut short.");
}

void weir__report_words_run(struct weir__report_words *words, const struct weir__report_run *run)
{
    add_outcomes(words, run);
    add_latency(words, run);
    add_waits(words, run);
    add_troubles(words, run);
    add_times(words, run);
}
