/* bench_measure - see bench_measure.h */
#include "cli/bench_measure.h"

#include "base/clock.h"
#include "cli/bench_median.h"
#include "cli/bench_peer.h"
#include "cli/bench_process.h"
#include "cli/bench_round.h"
#include "cli/bench_sample.h"
#include "cli/bench_target.h"
#include "cli/say.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who has not ended so long after the last request was to be sent never will. */
#define ROUND_MAX_NS (600 * WEIR__NS_PER_S)

/*
 * The quota of a time E under a limit N/T is N*E/T, and N where that is less: so many may go at once, whenever.  Of
 * several limits the one that allows least counts.
 */
double weir__bench_quota(const struct weir_rate *rates, size_t rate_count, double succeeded, double elapsed_s)
{
    double allowed = INFINITY;

    for (size_t i = 0; i < rate_count; i++) {
        const double periods = elapsed_s * 1e9 / (double)rates[i].per_ns;
        const double of_this = rates[i].requests * (periods > 1 ? periods : 1);
        allowed = of_this < allowed ? of_this : allowed;
    }
    if (isinf(allowed) || isnan(succeeded) || !(allowed > 0))
        return NAN;
    return succeeded < allowed ? succeeded / allowed : 1;
}

/* Why a round failed, once. */
static void complain(struct weir__bench_entrant *entrant, const struct weir__bench_cell *cell, const char *why)
{
    char name[256], shown[256];

    if (entrant->complained)
        return;
    entrant->complained = true;
    weir__say("weir bench: %s, %u in flight: %s", weir__say_escape(entrant->name, name, sizeof name), cell->concurrency,
              weir__say_escape(why, shown, sizeof shown));
}

/* How a process ended, for people; NULL where it did so in order. */
static const char *misfortune(const struct weir__bench_process_cost *cost, enum weir__bench_process_end end, char *text,
                              size_t size)
{
    if (end == WEIR__BENCH_PROCESS_OVERDUE)
        return "it did not end: given up after 10 minutes, and what its rate needs";
    if (WIFEXITED(cost->status) && WEXITSTATUS(cost->status) == 0)
        return NULL;
    if (WIFEXITED(cost->status))
        (void)snprintf(text, size, "exit status %d", WEXITSTATUS(cost->status));
    else
        (void)snprintf(text, size, "ended by signal %d", WTERMSIG(cost->status));
    return text;
}

/* What follows from the others. */
static void derive(const struct weir__bench *bench, const struct weir__bench_entrant *entrant,
                   struct weir__bench_figures *figures)
{
    const struct weir__bench_options *options = &bench->options;

    figures->rate_per_s = figures->elapsed_s > 0 ? figures->succeeded / figures->elapsed_s : NAN;
    figures->cpu_us =
        figures->requests > 0 ? (figures->cpu_user_s + figures->cpu_system_s) * 1e6 / figures->requests : NAN;
    figures->quota = NAN;
    if (options->limit[0] != '\0')
        figures->quota = weir__bench_quota(&options->limit_rate, 1, figures->succeeded, figures->elapsed_s);
    else if (!bench->results.built_in && strcmp(entrant->kind, "engine") == 0)
        figures->quota =
            weir__bench_quota(bench->config.rates, bench->config.rate_count, figures->succeeded, figures->elapsed_s);
}

/* How long a round may take: by the rates, also the target's, twice as long as it should, and then some minutes. */
static int64_t most_ns(const struct weir__bench *bench, const struct weir__bench_cell *cell)
{
    const int64_t by_rates = weir__bench_intended_ns(bench->config.rates, bench->config.rate_count, cell->total);
    const int64_t by_limit =
        bench->options.limit[0] == '\0' ? 0 : weir__bench_intended_ns(&bench->options.limit_rate, 1, cell->total);
    const int64_t longer = by_rates > by_limit ? by_rates : by_limit;

    return longer < WEIR__NEVER / 4 ? 2 * longer + ROUND_MAX_NS : WEIR__NEVER / 2;
}

/* ----------------------------------------------------------------------------------------------------- weir's own */

/* A file of those bytes that has no name; -1 without one. */
static int make_file(const void *bytes, size_t size)
{
    const int file = memfd_create("weir-bench", MFD_CLOEXEC);
    size_t written = 0;

    while (file >= 0 && written < size) {
        const ssize_t more = pwrite(file, (const char *)bytes + written, size - written, (off_t)written);
        if (more <= 0) {
            (void)close(file);
            return -1;
        }
        written += (size_t)more;
    }
    return file;
}

static bool read_record(int file, struct weir__bench_record *record)
{
    size_t got = 0;

    while (got < sizeof *record) {
        const ssize_t more = pread(file, (char *)record + got, sizeof *record - got, (off_t)got);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    record->word[sizeof record->word - 1] = '\0';
    return record->curve_count <= WEIR__BENCH_CURVE_MAX && record->series_count <= WEIR__BENCH_SLICES_MAX &&
           record->pause_count <= WEIR__BENCH_PAUSES_MAX;
}

/* Replaces a list by a copy of another. */
static bool keep(void **list, size_t *count, const void *from, size_t from_count, size_t each)
{
    void *copy = malloc((from_count + 1) * each);

    if (copy == NULL)
        return false;
    memcpy(copy, from, from_count * each);
    free(*list);
    *list = copy;
    *count = from_count;
    return true;
}

static bool keep_lists(const struct weir__bench_record *record, struct weir__bench_subject *subject)
{
    void *curve = subject->curve, *series = subject->series, *pauses = subject->pauses;
    const bool kept =
        keep(&curve, &subject->curve_count, record->curve, record->curve_count, sizeof record->curve[0]) &&
        keep(&series, &subject->series_count, record->series, record->series_count, sizeof record->series[0]) &&
        keep(&pauses, &subject->pause_count, record->pauses, record->pause_count, sizeof record->pauses[0]);

    subject->curve = curve;
    subject->series = series;
    subject->pauses = pauses;
    return kept;
}

/* Starts the child and waits for it; false where it could not be started. */
static bool run_own(int task, int record, int64_t most_ns, struct weir__bench_process *process,
                    struct weir__bench_process_cost *cost, enum weir__bench_process_end *end)
{
    char program[] = "/proc/self/exe", command[] = "bench", flag[] = WEIR__BENCH_ROUND_FLAG, files[32];
    char *arguments[] = {program, command, flag, files, NULL};
    const int kept[] = {task, record};

    (void)snprintf(files, sizeof files, "%d,%d", task, record);
    if (!weir__bench_process_start(process, arguments, false, kept, 2))
        return false;
    *end = weir__bench_process_wait(process, weir__clock_after(weir__clock_now_ns(), most_ns), cost);
    return true;
}

static enum weir__bench_measured measure_own(struct weir__bench *bench, struct weir__bench_entrant *entrant,
                                             const struct weir__bench_cell *cell, const char *url,
                                             struct weir__bench_figures *figures)
{
    struct weir__bench_record *record = &bench->record;
    const bool threads = entrant->subject != WEIR__SUBJECT_ASYNC;
    enum weir__bench_process_end end = WEIR__BENCH_PROCESS_ENDED;
    struct weir__bench_process_cost cost;
    struct weir__bench_process process;
    struct weir__bench_made made;
    const char *wrong = NULL;
    char text[64];
    size_t size = 0;
    void *block = NULL;
    int task_file = -1, record_file = -1;
    enum weir__bench_measured measured = WEIR__BENCH_NO_MEMORY;

    if (!weir__bench_task_make(&made, &bench->config, entrant->subject, url, cell->concurrency, cell->total,
                               threads ? bench->thread_max : WEIR_CONCURRENCY_MAX))
        return measured;
    block = weir__bench_task_pack(&made.task, &size);
    if (block == NULL)
        goto done;
    task_file = make_file(block, size);
    record_file = make_file(NULL, 0);
    measured = WEIR__BENCH_MEASURED;
    if (task_file < 0 || record_file < 0 ||
        !run_own(task_file, record_file, most_ns(bench, cell), &process, &cost, &end))
        wrong = "no process could be started";
    else if (end == WEIR__BENCH_PROCESS_INTERRUPTED)
        measured = WEIR__BENCH_INTERRUPTED;
    else if ((wrong = misfortune(&cost, end, text, sizeof text)) == NULL && !read_record(record_file, record))
        wrong = "it left no results";
    figures->failed = wrong != NULL || !record->done;
    if (!figures->failed) {
        const uint32_t round = figures->round;

        *figures = record->figures;
        figures->round = round;
        figures->elapsed_s = (double)(record->ended_ns - process.started_ns) / 1e9;
    }
    if (wrong == NULL && record->word[0] != '\0')
        wrong = record->word;
    if (wrong != NULL)
        complain(entrant, cell, wrong);
done:
    if (task_file >= 0)
        (void)close(task_file);
    if (record_file >= 0)
        (void)close(record_file);
    free(block);
    weir__bench_task_clear(&made);
    return measured;
}

/* ------------------------------------------------------------------------------------------------------------- peers
 */

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* What the target has counted since `before`; of an outside target nothing is known. */
static void count_arrivals(const struct weir__bench *bench, const struct weir__bench_counts *before,
                           struct weir__bench_figures *figures)
{
    struct weir__bench_counts after;

    if (!bench->results.built_in || before->arrivals < 0 || !weir__bench_target_count(&bench->target, &after))
        return;
    figures->requests = after.arrivals - before->arrivals;
    figures->succeeded = after.succeeded - before->succeeded;
    figures->refused = after.refused - before->refused;
    figures->failures = figures->requests - figures->succeeded - figures->refused;
}

static enum weir__bench_measured measure_peer(struct weir__bench *bench, struct weir__bench_entrant *entrant,
                                              const struct weir__bench_cell *cell, const char *url,
                                              struct weir__bench_figures *figures)
{
    char shell[] = "/bin/sh", flag[] = "-c";
    char *command = weir__bench_peer_command(entrant->peer->command, url, cell->total, cell->concurrency);
    char *arguments[] = {shell, flag, command, NULL};
    struct weir__bench_counts before = {-1, 0, 0};
    struct weir__bench_process_cost cost;
    struct weir__bench_process process;
    enum weir__bench_process_end end;
    const char *wrong;
    char text[64];

    if (command == NULL)
        return WEIR__BENCH_NO_MEMORY;
    if (bench->results.built_in)
        (void)weir__bench_target_count(&bench->target, &before);
    if (!weir__bench_process_start(&process, arguments, true, NULL, 0)) {
        free(command);
        figures->failed = true;
        complain(entrant, cell, "no process could be started");
        return WEIR__BENCH_MEASURED;
    }
    end = weir__bench_process_wait(&process, weir__clock_after(weir__clock_now_ns(), most_ns(bench, cell)), &cost);
    free(command);
    if (end == WEIR__BENCH_PROCESS_INTERRUPTED)
        return WEIR__BENCH_INTERRUPTED;
    figures->elapsed_s = (double)(cost.ended_ns - process.started_ns) / 1e9;
    figures->cpu_user_s = seconds(cost.usage.ru_utime);
    figures->cpu_system_s = seconds(cost.usage.ru_stime);
    figures->switches_voluntary = (double)cost.usage.ru_nvcsw;
    figures->switches_involuntary = (double)cost.usage.ru_nivcsw;
    figures->max_rss_bytes = (double)cost.usage.ru_maxrss * 1024;
    count_arrivals(bench, &before, figures);
    wrong = misfortune(&cost, end, text, sizeof text);
    figures->failed = wrong != NULL;
    if (wrong != NULL)
        complain(entrant, cell, wrong);
    return WEIR__BENCH_MEASURED;
}

/* -------------------------------------------------------------------------------------------------------------- both
 */

enum weir__bench_measured weir__bench_measure(struct weir__bench *bench, struct weir__bench_entrant *entrant,
                                              const struct weir__bench_cell *cell, struct weir__bench_subject *subject,
                                              struct weir__bench_tally *tally)
{
    struct weir__bench_figures *figures = &subject->rounds[subject->round_count];
    const uint32_t round = figures->round;
    char url[WEIR__TARGET_URL_SIZE + 2];
    enum weir__bench_measured measured;

    (void)snprintf(url, sizeof url, "%s/", bench->target.url);
    weir__bench_figures_init(figures);
    figures->round = round;
    bench->record.done = false;
    bench->record.word[0] = '\0';
    measured = (entrant->peer != NULL ? measure_peer : measure_own)(
        bench, entrant, cell, bench->results.built_in ? url : bench->config.url, figures);
    if (measured != WEIR__BENCH_MEASURED)
        return measured;
    derive(bench, entrant, figures);
    if (!figures->failed && figures->succeeded < 1) { /* it came to its end, and to nothing */
        figures->failed = true;
        complain(entrant, cell, "none of its requests succeeded");
    }
    if (round == 0)
        return measured;
    tally->failed_rounds += figures->failed;
    if (!bench->record.done || entrant->peer != NULL)
        return measured;
    for (size_t i = 0; i < WEIR_ERROR_COUNT; i++)
        tally->errors[i] += bench->record.errors[i];
    return keep_lists(&bench->record, subject) ? measured : WEIR__BENCH_NO_MEMORY;
}
