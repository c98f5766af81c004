/* report_words - see report_words.h; the words for a run are in report_words_run.c */
#include "cli/report_words.h"

#include "cli/report_axis.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Differences below are none, whatever the spread: of a few rounds it is hardly known. */
#define SAME_SHARE 0.01
#define SAME_SHARE_FEW 0.05
#define FEW_ROUNDS 3u

#define CLAUSE_SIZE 160u

/* -------------------------------------------------------------------------------------------------------------- a list
 */

void weir__report_words_add(struct weir__report_words *words, enum weir__report_tone tone, size_t cell,
                            const char *format, ...)
{
    va_list arguments;
    char *text;
    int length;

    if (words->count == words->capacity) {
        const size_t capacity = words->capacity == 0 ? 32 : words->capacity * 2;
        struct weir__report_word *items = realloc(words->items, capacity * sizeof *items);
        if (items == NULL) {
            words->failed = true;
            return;
        }
        words->items = items;
        words->capacity = capacity;
    }
    va_start(arguments, format);
    length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        words->failed = true;
    else
        words->items[words->count++] = (struct weir__report_word){text, tone, cell};
}

void weir__report_words_clear(struct weir__report_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i].text);
    free(words->items);
    memset(words, 0, sizeof *words);
}

/* ---------------------------------------------------------------------------------------------------------- what
 * counts
 */

const char *weir__report_words_place(const struct weir__bench_cell *cell, char out[WEIR__REPORT_PLACE_SIZE])
{
    char ms[WEIR__REPORT_FIGURE_SIZE], count[WEIR__REPORT_FIGURE_SIZE];

    weir__report_axis_say_count(cell->concurrency, count);
    if (isnan(cell->target_latency_ms))
        (void)snprintf(out, WEIR__REPORT_PLACE_SIZE, "%s in flight", count);
    else
        (void)snprintf(out, WEIR__REPORT_PLACE_SIZE, "%s ms and %s in flight",
                       weir__report_axis_say_count(cell->target_latency_ms, ms), count);
    return out;
}

size_t weir__report_words_rounds(const struct weir__bench_subject *subject, size_t *out_failed)
{
    size_t counted = 0;

    *out_failed = 0;
    for (size_t i = 0; i < subject->round_count; i++) {
        counted += subject->rounds[i].round > 0;
        *out_failed += subject->rounds[i].round > 0 && subject->rounds[i].failed;
    }
    return counted;
}

bool weir__report_words_measured(const struct weir__bench_subject *subject)
{
    size_t failed;

    return subject->skipped == NULL && weir__report_words_rounds(subject, &failed) > failed;
}

bool weir__report_words_clean(const struct weir__bench_subject *subject)
{
    size_t failed;

    (void)weir__report_words_rounds(subject, &failed);
    return weir__report_words_measured(subject) && failed == 0 && !(subject->most.failures > 0) &&
           !(subject->most.refused > 0);
}

static const struct weir__bench_subject *find(const struct weir__bench_cell *cell, const char *name)
{
    for (size_t i = 0; i < cell->subject_count; i++)
        if (strcmp(cell->subjects[i].name, name) == 0)
            return &cell->subjects[i];
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------- comparisons
 */

/* One figure of a subject with its spread. */
struct figure {
    double median, least, most;
    bool few; /* rounds */
};

enum which { RATE, CPU, MEMORY, P99 };

static double pick(const struct weir__bench_figures *figures, enum which which)
{
    return which == RATE     ? figures->rate_per_s
           : which == CPU    ? figures->cpu_us
           : which == MEMORY ? figures->max_rss_bytes
                             : figures->latency_ms[2];
}

static struct figure figure_of(const struct weir__bench_subject *subject, enum which which)
{
    size_t failed;

    return (struct figure){pick(&subject->median, which), pick(&subject->least, which), pick(&subject->most, which),
                           weir__report_words_rounds(subject, &failed) < FEW_ROUNDS};
}

/* -1 a is less, 1 it is more, 0 they are the same; false where one is not known. */
static bool compare(const struct weir__bench_subject *a, const struct weir__bench_subject *b, enum which which,
                    int *out)
{
    const struct figure x = figure_of(a, which), y = figure_of(b, which);
    const double same = x.few || y.few ? SAME_SHARE_FEW : SAME_SHARE;

    if (!(x.median > 0) || !(y.median > 0))
        return false;
    if ((x.least <= y.most && y.least <= x.most) || fabs(x.median / y.median - 1) < same)
        *out = 0;
    else
        *out = x.median < y.median ? -1 : 1;
    return true;
}

/* "38 % less CPU", "12 % more CPU", "2.4 times the CPU" of what b has. */
static const char *relation(double a, double b, const char *of, char out[CLAUSE_SIZE])
{
    const double ratio = a / b;

    if (ratio >= 99.5)
        (void)snprintf(out, CLAUSE_SIZE, "%.0f times the %s", ratio, of);
    else if (ratio >= 1.995)
        (void)snprintf(out, CLAUSE_SIZE, "%.1f times the %s", ratio, of);
    else if (ratio >= 1)
        (void)snprintf(out, CLAUSE_SIZE, "%.0f %% more %s", fmax((ratio - 1) * 100, 1), of);
    else
        (void)snprintf(out, CLAUSE_SIZE, "%.0f %% less %s", fmin(fmax((1 - ratio) * 100, 1), 99), of);
    return out;
}

/* "sends 12 % more than", "sends 2.4 times as much as" */
static const char *sends(double a, double b, char out[CLAUSE_SIZE])
{
    const double ratio = a / b;

    if (ratio >= 1.995)
        (void)snprintf(out, CLAUSE_SIZE, "sends %.*f times as much as", ratio < 99.5 ? 1 : 0, ratio);
    else
        (void)snprintf(out, CLAUSE_SIZE, "sends %.0f %% %s than",
                       fmin(fmax(fabs(ratio - 1) * 100, 1), ratio < 1 ? 99 : 100), ratio >= 1 ? "more" : "less");
    return out;
}

/* "threads and async send the same", or which of them sends more. */
static void say_rates(FILE *to, const struct weir__bench_subject *a, const struct weir__bench_subject *b)
{
    const struct weir__bench_subject *more = a, *less = b;
    char clause[CLAUSE_SIZE];
    int order;

    if (!compare(a, b, RATE, &order)) {
        (void)fprintf(to, "how much %s and %s send is not known", a->name, b->name);
        return;
    }
    if (order == 0) {
        (void)fprintf(to, "%s and %s send the same", a->name, b->name);
        return;
    }
    if (order < 0) {
        more = b;
        less = a;
    }
    (void)fprintf(to, "%s %s %s", more->name, sends(more->median.rate_per_s, less->median.rate_per_s, clause),
                  less->name);
}

/* CPU and memory: who uses less of which. */
static void say_uses(FILE *to, const struct weir__bench_subject *a, const struct weir__bench_subject *b)
{
    char cpu[CLAUSE_SIZE], memory[CLAUSE_SIZE];
    int by_cpu = 0, by_memory = 0;
    const bool known = compare(a, b, CPU, &by_cpu);

    (void)compare(a, b, MEMORY, &by_memory);
    const struct weir__bench_subject *const thrifty = by_cpu < 0 ? a : b, *const other = by_cpu < 0 ? b : a;
    const struct weir__bench_subject *const small = by_memory < 0 ? a : b, *const large = by_memory < 0 ? b : a;
    relation(thrifty->median.cpu_us, other->median.cpu_us, "CPU", cpu);
    relation(small->median.max_rss_bytes, large->median.max_rss_bytes, "memory", memory);
    if (by_cpu != 0 && by_memory != 0 && thrifty == small)
        (void)fprintf(to, "; %s uses %s and %s", thrifty->name, cpu, memory);
    else if (by_cpu != 0 && by_memory != 0)
        (void)fprintf(to, "; %s uses %s, %s %s", thrifty->name, cpu, small->name, memory);
    else if (by_cpu != 0)
        (void)fprintf(to, "; %s uses %s", thrifty->name, cpu);
    else if (by_memory != 0)
        (void)fprintf(to, "; %s%s uses %s", known ? "they use the same CPU, and " : "", small->name, memory);
    else if (known)
        (void)fputs("; they use the same CPU", to);
}

static void say_p99(FILE *to, const struct weir__bench_subject *a, const struct weir__bench_subject *b)
{
    char low[WEIR__REPORT_FIGURE_SIZE], high[WEIR__REPORT_FIGURE_SIZE];
    int order;

    if (!compare(a, b, P99, &order) || order == 0)
        return;
    (void)fprintf(to, " 99 of 100 requests are answered within %s by %s, within %s by %s.",
                  weir__report_axis_say_ms(fmin(a->median.latency_ms[2], b->median.latency_ms[2]), low),
                  order < 0 ? a->name : b->name,
                  weir__report_axis_say_ms(fmax(a->median.latency_ms[2], b->median.latency_ms[2]), high),
                  order < 0 ? b->name : a->name);
}

/* ------------------------------------------------------------------------------------------------------------
 * sentences
 */

static void add_pair(struct weir__report_words *words, const struct weir__bench_cell *cell, size_t number)
{
    const struct weir__bench_subject *threads = find(cell, "threads"), *async = find(cell, "async");
    char place[WEIR__REPORT_PLACE_SIZE], *text = NULL;
    size_t size;
    FILE *to;

    if (threads == NULL || async == NULL || !weir__report_words_measured(threads) ||
        !weir__report_words_measured(async))
        return;
    weir__report_words_place(cell, place);
    if (!weir__report_words_clean(threads) || !weir__report_words_clean(async)) {
        weir__report_words_add(words, WEIR__REPORT_WARN, number,
                               "At %s, threads and async are not compared: not every request succeeded.", place);
        return;
    }
    to = open_memstream(&text, &size);
    if (to == NULL) {
        words->failed = true;
        return;
    }
    (void)fprintf(to, "At %s, ", place);
    say_rates(to, threads, async);
    say_uses(to, threads, async);
    (void)fputc('.', to);
    say_p99(to, threads, async);
    if (fclose(to) == 0)
        weir__report_words_add(words, WEIR__REPORT_KEY, number, "%s", text);
    else
        words->failed = true;
    free(text);
}

/* The engine that the others are measured by: it sends most, and of those that send the same it uses least. */
static const struct weir__bench_subject *reference(const struct weir__bench_cell *cell)
{
    const struct weir__bench_subject *best = NULL;
    int by_rate, by_cpu;

    for (size_t i = 0; i < cell->subject_count; i++) {
        const struct weir__bench_subject *each = &cell->subjects[i];
        if (strcmp(each->kind, "engine") != 0 || !weir__report_words_clean(each))
            continue;
        if (best == NULL || (compare(each, best, RATE, &by_rate) &&
                             (by_rate > 0 || (by_rate == 0 && compare(each, best, CPU, &by_cpu) && by_cpu < 0))))
            best = each;
    }
    return best;
}

/* What is no engine, beside the better one. */
static void add_other(struct weir__report_words *words, const struct weir__bench_cell *cell, size_t number,
                      const struct weir__bench_subject *other, const struct weir__bench_subject *engine)
{
    char place[WEIR__REPORT_PLACE_SIZE], rate[CLAUSE_SIZE], cpu[CLAUSE_SIZE], memory[CLAUSE_SIZE];
    int by_rate = 0, by_cpu = 0, by_memory = 0;
    const bool rate_known = compare(other, engine, RATE, &by_rate);
    const bool cpu_known = compare(other, engine, CPU, &by_cpu);
    const char *joint;

    (void)compare(other, engine, MEMORY, &by_memory);
    sends(other->median.rate_per_s, engine->median.rate_per_s, rate);
    relation(other->median.cpu_us, engine->median.cpu_us, "CPU", cpu);
    relation(other->median.max_rss_bytes, engine->median.max_rss_bytes, "memory", memory);
    joint = by_cpu != 0 && by_memory != 0 ? " and " : "";
    if (!rate_known && !cpu_known)
        return;
    weir__report_words_add(words, WEIR__REPORT_PLAIN, number, "At %s, %s %s %s%s%s%s%s%s.",
                           weir__report_words_place(cell, place), other->name,
                           !rate_known    ? "compared with"
                           : by_rate == 0 ? "sends the same as"
                                          : rate,
                           engine->name,
                           by_cpu != 0 || by_memory != 0 ? !rate_known ? " uses " : " and uses "
                           : cpu_known                   ? " with the same CPU"
                                                         : "",
                           by_cpu != 0 ? cpu : "", joint, by_memory != 0 ? memory : "",
                           cpu_known && by_cpu == 0 && by_memory != 0 ? ", with the same CPU" : "");
}

/* What did not succeed, whoever it was. */
static void add_unclean(struct weir__report_words *words, const struct weir__bench_cell *cell, size_t number,
                        const struct weir__bench_subject *subject)
{
    const struct weir__bench_figures *median = &subject->median, *most = &subject->most;
    char place[WEIR__REPORT_PLACE_SIZE], refused[WEIR__REPORT_FIGURE_SIZE], failures[WEIR__REPORT_FIGURE_SIZE],
        requests[WEIR__REPORT_FIGURE_SIZE];
    size_t failed;
    const size_t rounds = weir__report_words_rounds(subject, &failed);

    weir__report_words_place(cell, place);
    if (failed > 0)
        weir__report_words_add(words, WEIR__REPORT_WARN, number,
                               "At %s, %s did not come to an end in %zu of %zu round%s.", place, subject->name, failed,
                               rounds, rounds == 1 ? "" : "s");
    if (!(most->refused > 0) && !(most->failures > 0))
        return;
    /* the median of a few failures is 0: then the worst round is told of */
    const bool seldom = !(median->refused > 0) && !(median->failures > 0);
    const struct weir__bench_figures *shown = seldom ? most : median;
    weir__report_axis_say_count(shown->refused, refused);
    weir__report_axis_say_count(shown->failures, failures);
    weir__report_axis_say_count(shown->requests, requests);
    if (shown->refused > 0 && shown->failures > 0)
        weir__report_words_add(words, WEIR__REPORT_WARN, number,
                               "At %s, of %s requests a round by %s, %s were refused (429) and %s failed%s: that it is "
                               "fast or thrifty is no win.",
                               place, requests, subject->name, refused, failures, seldom ? " in the worst round" : "");
    else
        weir__report_words_add(words, WEIR__REPORT_WARN, number,
                               "At %s, of %s requests a round by %s, %s %s%s: that it is fast or thrifty is no win.",
                               place, requests, subject->name, shown->refused > 0 ? refused : failures,
                               shown->refused > 0 ? "were refused (429)" : "failed",
                               seldom ? " in the worst round" : "");
}

static void add_quota(struct weir__report_words *words, const struct weir__bench_results *results,
                      const struct weir__bench_cell *cell, size_t number)
{
    char place[WEIR__REPORT_PLACE_SIZE], share[WEIR__REPORT_FIGURE_SIZE], refused[WEIR__REPORT_FIGURE_SIZE],
        *text = NULL;
    size_t size;
    unsigned said = 0;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL) {
        words->failed = true;
        return;
    }
    for (size_t i = 0; i < cell->subject_count; i++) {
        const struct weir__bench_subject *each = &cell->subjects[i];
        if (!weir__report_words_measured(each) || isnan(each->median.quota))
            continue;
        (void)fprintf(to, "%s%s %s (%s refused a round)", said++ > 0 ? ", " : "", each->name,
                      weir__report_axis_say_share(each->median.quota, share),
                      each->median.refused > 0 ? weir__report_axis_say_count(each->median.refused, refused) : "none");
    }
    if (fclose(to) != 0)
        words->failed = true;
    else if (said > 0)
        weir__report_words_add(words, WEIR__REPORT_PLAIN, number, "At %s, of the quota%s%s this was used: %s.",
                               weir__report_words_place(cell, place), results->limit != NULL ? " of " : "",
                               results->limit != NULL ? results->limit : "", text);
    free(text);
}

static void add_cell(struct weir__report_words *words, const struct weir__bench_results *results, size_t number)
{
    const struct weir__bench_cell *cell = &results->cells[number];
    const struct weir__bench_subject *engine = reference(cell);

    add_pair(words, cell, number);
    for (size_t i = 0; i < cell->subject_count; i++) {
        const struct weir__bench_subject *each = &cell->subjects[i];
        if (each->skipped != NULL)
            continue;
        if (!weir__report_words_clean(each))
            add_unclean(words, cell, number, each);
        else if (engine != NULL && strcmp(each->kind, "engine") != 0)
            add_other(words, cell, number, each, engine);
    }
    add_quota(words, results, cell, number);
}

/* ------------------------------------------------------------------------------------------------------------ the
 * whole
 */

/* Over all cells: whether both engines send the same everywhere, and which uses less CPU everywhere. */
static void add_overall(struct weir__report_words *words, const struct weir__bench_results *results)
{
    double least = INFINITY, most = 0;
    int cpu = 0;
    size_t cells = 0;

    for (size_t i = 0; i < results->cell_count; i++) {
        const struct weir__bench_subject *threads = find(&results->cells[i], "threads"),
                                         *async = find(&results->cells[i], "async");
        int by_rate, by_cpu;
        if (threads == NULL || async == NULL || !weir__report_words_clean(threads) ||
            !weir__report_words_clean(async) || !compare(threads, async, RATE, &by_rate) || by_rate != 0 ||
            !compare(threads, async, CPU, &by_cpu) || by_cpu == 0 || (cpu != 0 && cpu != by_cpu))
            return;
        cpu = by_cpu;
        const double a = threads->median.cpu_us, b = async->median.cpu_us;
        const double saved = 1 - fmin(a, b) / fmax(a, b);
        least = fmin(least, saved);
        most = fmax(most, saved);
        cells++;
    }
    if (cells < 2)
        return;
    if (round(least * 100) < round(most * 100))
        weir__report_words_add(words, WEIR__REPORT_KEY, SIZE_MAX,
                               "Everywhere threads and async send the same, and %s uses %.0f to %.0f %% less CPU.",
                               cpu < 0 ? "threads" : "async", fmax(least * 100, 1), most * 100);
    else
        weir__report_words_add(words, WEIR__REPORT_KEY, SIZE_MAX,
                               "Everywhere threads and async send the same, and %s uses %.0f %% less CPU.",
                               cpu < 0 ? "threads" : "async", fmax(least * 100, 1));
}

/* Whether an earlier cell told the same of it. */
static bool is_said(const struct weir__bench_results *results, size_t number, const struct weir__bench_subject *subject)
{
    for (size_t i = 0; i < number; i++) {
        const struct weir__bench_subject *before = find(&results->cells[i], subject->name);
        if (before != NULL && before->skipped != NULL && strcmp(before->skipped, subject->skipped) == 0)
            return true;
    }
    return false;
}

static void add_skipped(struct weir__report_words *words, const struct weir__bench_results *results)
{
    for (size_t i = 0; i < results->cell_count; i++) {
        const struct weir__bench_cell *cell = &results->cells[i];
        for (size_t j = 0; j < cell->subject_count; j++)
            if (cell->subjects[j].skipped != NULL && !is_said(results, i, &cell->subjects[j]))
                weir__report_words_add(words, WEIR__REPORT_PLAIN, SIZE_MAX, "%s was not measured: %s.",
                                       cell->subjects[j].name, cell->subjects[j].skipped);
    }
}

void weir__report_words_bench(struct weir__report_words *words, const struct weir__bench_results *results)
{
    add_overall(words, results);
    for (size_t i = 0; i < results->cell_count; i++)
        add_cell(words, results, i);
    add_skipped(words, results);
    if (results->cell_count == 0)
        weir__report_words_add(words, WEIR__REPORT_WARN, SIZE_MAX, "Nothing was measured.");
}
