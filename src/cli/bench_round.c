/* bench_round - see bench_round.h */
#include "cli/bench_round.h"

#include "base/clock.h"
#include "cli/bench_sample.h"
#include "cli/bench_task.h"
#include "cli/commands.h"
#include "cli/expand.h"
#include "cli/say.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct round {
    struct weir__bench_task *task;
    struct weir__bench_samples samples;
    _Atomic uint64_t unsuccessful; /* jobs that did not succeed, but for a refusal */
    struct weir_stats stats;
    struct weir__bench_record record;
};

static bool is_success(const struct weir__bench_task *task, int status)
{
    for (size_t i = 0; i < task->success_count; i++)
        if (task->options.success[i].first <= status && status <= task->options.success[i].last)
            return true;
    return false;
}

static void hear(void *user_data, const struct weir_event *event)
{
    struct round *round = user_data;
    struct weir__bench_sample sample;

    if (event->type == WEIR_EVENT_PAUSED) {
        weir__bench_samples_pause(&round->samples, weir__clock_now_ns(), event->wait_ns);
        return;
    }
    if (event->type != WEIR_EVENT_ATTEMPT)
        return;
    sample.ended_ns = weir__clock_now_ns() - round->samples.began_ns;
    sample.elapsed_ns = event->elapsed_ns;
    sample.job = (uint32_t)event->job_id;
    sample.status = (uint16_t)event->http_status;
    sample.error = (uint8_t)event->error;
    sample.good = event->error == WEIR_ERROR_NONE && is_success(round->task, event->http_status);
    weir__bench_samples_take(&round->samples, &sample);
}

static void count_end(void *user_data, const struct weir_result *result)
{
    struct round *round = user_data;
    const bool refused = result->http_status == 429 && !round->task->refusals_succeed;

    if (result->outcome != WEIR_OUTCOME_SUCCEEDED && !refused)
        atomic_fetch_add_explicit(&round->unsuccessful, 1, memory_order_relaxed);
}

/* All jobs, to their ends; how many were accepted. */
static uint64_t submit(struct round *round, struct weir *weir, struct weir__expand *expand)
{
    uint64_t accepted = 0;

    for (; accepted < round->task->total; accepted++) {
        struct weir_request request;

        weir__expand_set(expand, accepted + 1);
        request = expand->request;
        request.job_id = accepted;
        request.done = count_end;
        request.user_data = round;
        if (weir_submit(weir, &request, -1) != WEIR_OK)
            break;
    }
    (void)weir_wait(weir, -1);
    return accepted;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The peak since exec; getrusage's began with what the parent was. */
static double peak_bytes(void)
{
    static const char key[] = "VmHWM:";
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    double kib = NAN;

    while (file != NULL && isnan(kib) && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, sizeof key - 1) == 0)
            kib = strtod(line + sizeof key - 1, NULL);
    if (file != NULL)
        (void)fclose(file);
    return kib * 1024;
}

/* CPU and switches since the fork: loading the program is in them, as it is in a peer's. */
static void measure(struct weir__bench_record *record)
{
    struct weir__bench_figures *figures = &record->figures;
    struct rusage usage;

    record->ended_ns = weir__clock_now_ns();
    (void)getrusage(RUSAGE_SELF, &usage);
    figures->cpu_user_s = seconds(usage.ru_utime);
    figures->cpu_system_s = seconds(usage.ru_stime);
    figures->switches_voluntary = (double)usage.ru_nvcsw;
    figures->switches_involuntary = (double)usage.ru_nivcsw;
    figures->max_rss_bytes = peak_bytes();
}

/* Requests are sends on the wire; what succeeds or fails are jobs. */
static void take_counts(struct round *round, uint64_t accepted)
{
    const struct weir_stats *stats = &round->stats;
    struct weir__bench_figures *figures = &round->record.figures;
    const bool told_as_success = round->task->options.success_count > round->task->success_count;
    const uint64_t refused = round->task->refusals_succeed ? 0 : stats->statuses[429];
    const uint64_t succeeded = stats->outcomes[WEIR_OUTCOME_SUCCEEDED] - (told_as_success ? refused : 0);

    figures->requests = (double)stats->attempts;
    figures->succeeded = (double)succeeded;
    figures->refused = (double)refused;
    figures->failures = (double)(atomic_load(&round->unsuccessful) + (round->task->total - accepted));
    if (stats->pause.gave_up)
        (void)snprintf(round->record.word, sizeof round->record.word, "gave up: %.90s", stats->pause.reason);
}

static bool fail(struct round *round, const char *why)
{
    (void)snprintf(round->record.word, sizeof round->record.word, "%s", why);
    return false;
}

static bool carry_out(struct round *round)
{
    struct weir__bench_task *task = round->task;
    struct weir_options options = task->options;
    struct weir__expand expand;
    struct weir *weir = NULL;
    enum weir_status status;
    uint64_t accepted;

    if (!weir__expand_init(&expand, &task->request))
        return fail(round, weir_status_text(WEIR_NO_MEMORY));
    options.on_event = hear;
    options.event_user_data = round;
    status = weir_new(&options, &weir);
    if (status != WEIR_OK) {
        weir__expand_clear(&expand);
        return fail(round, weir_status_text(status));
    }
    round->samples.began_ns = weir__clock_now_ns();
    accepted = submit(round, weir, &expand);
    round->stats.struct_size = sizeof round->stats;
    weir_snapshot(weir, &round->stats);
    weir_free(weir);
    measure(&round->record);
    weir__expand_clear(&expand);
    take_counts(round, accepted);
    if (!weir__bench_samples_analyse(&round->samples, options.rates, options.rate_count, &round->record))
        return fail(round, "the samples could not be kept");
    round->record.done = true;
    return true;
}

/* The task, from the file that it is in, for good. */
static struct weir__bench_task *read_task(int file)
{
    struct stat state;
    void *block;

    if (fstat(file, &state) != 0 || state.st_size <= 0)
        return NULL;
    block = mmap(NULL, (size_t)state.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    (void)close(file);
    return block == MAP_FAILED ? NULL : weir__bench_task_unpack(block, (size_t)state.st_size);
}

static bool write_record(int file, const struct weir__bench_record *record)
{
    const char *bytes = (const char *)record;
    size_t written = 0;

    while (written < sizeof *record) {
        const ssize_t more = pwrite(file, bytes + written, sizeof *record - written, (off_t)written);
        if (more <= 0)
            return false;
        written += (size_t)more;
    }
    return true;
}

/* "5,6" */
static bool read_numbers(const char *text, int *first, int *second)
{
    char *end;

    *first = (int)strtol(text, &end, 10);
    if (end == text || *end != ',')
        return false;
    text = end + 1;
    *second = (int)strtol(text, &end, 10);
    return end != text && *end == '\0';
}

int weir__bench_round_main(const char *files)
{
    static struct round round; /* large */
    int task_file, record_file;

    (void)signal(SIGPIPE, SIG_IGN);
    if (!read_numbers(files, &task_file, &record_file) || (round.task = read_task(task_file)) == NULL) {
        weir__say("weir bench: %s is for weir bench itself", WEIR__BENCH_ROUND_FLAG);
        return WEIR__EXIT_USAGE;
    }
    if (weir__bench_samples_init(&round.samples, 0)) {
        (void)carry_out(&round);
        weir__bench_samples_clear(&round.samples);
    } else {
        (void)fail(&round, "no file descriptor left for its samples");
    }
    return write_record(record_file, &round.record) ? WEIR__EXIT_OK : WEIR__EXIT_OUTPUT;
}
