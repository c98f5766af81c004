/*
 * run - `weir run`: a batch of jobs, from the configuration to the exit code.
 *
 *     options -> configuration -> jobs -> journal and past -> dispatcher -> batch -> account, summary
 *
 * The main thread is the producer; everything else is the library's.  Limits, attempts and their order are none of its
 * business, nor is what a line looks like.
 */
#include "cli/commands.h"

#include "base/clock.h"
#include "cli/batch.h"
#include "cli/dispatch_options.h"
#include "cli/dry_run.h"
#include "cli/features.h"
#include "cli/files.h"
#include "cli/identity.h"
#include "cli/metrics.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "cli/say.h"
#include "cli/stop.h"
#include "cli/summary.h"
#include "cli/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_SPARE 1000 /* a thousandth more than the longest period: ten times what a hold adds to it */

/* One run.  The signal thread reads it in last_words(), when the main thread only waits. */
struct run {
    struct weir__run_options options;
    struct weir__config config;
    struct weir__jobs jobs;
    struct weir__journal journal;
    struct weir__past past;
    struct weir__account account;
    struct weir__batch batch;
    struct weir *weir;
    struct weir__stop stop;
    struct weir__progress progress;
    struct weir__metrics metrics;
    struct weir__watch watch;
    struct weir__summary summary;
    bool printed; /* stdout took the summary */
    bool written; /* the results file and the metrics took everything */
};

static void print_help(void)
{
    (void)fputs("usage: weir run [CONFIG] [options]\n"
                "\n"
                "Sends a batch of HTTP requests as fast as the limits allow, and no faster.\n"
                "CONFIG is a JSON file (- for stdin); each option overrides one of its keys.\n"
                "{i} in the URL, a header value or the data is the job's number, from 1.\n"
                "A line of an input is a URL, or a job such as\n"
                "  {\"custom_id\":\"a1\",\"method\":\"POST\",\"url\":\"/v1/x\",\"body\":{\"n\":1}}\n"
                "\n",
                stdout);
    weir__run_options_print();
    (void)fputs("\n"
                "The summary goes to stderr, or with --json as one object to stdout as well.\n"
                "One ^C (SIGINT or SIGTERM) starts nothing new and waits for what is in flight;\n"
                "a second one ends at once.  SIGUSR1 prints where it stands.\n"
                "\n"
                "exit codes:\n"
                "  0  every job succeeded            3  stopped early; --resume can go on\n"
                "  1  all ended, some not succeeded  4  the journal is damaged, or another job's\n"
                "  2  usage or configuration         5  a file or the disk failed\n"
                "\n"
                "examples:\n"
                "  weir run -u http://127.0.0.1:8080/get -n 200 -c 3\n"
                "  weir run -u 'https://api.example.com/items/{i}' -n 5000 -r 100/s -r 5000/h\n"
                "  weir run -i jobs.jsonl -o results.jsonl -r 100/s --resume\n"
                "  weir run conf/weir.json -n 10 -v\n"
                "  weir run conf/weir.json --set timeout.connect=2s --json >summary.json\n",
                stdout);
}

static bool is_stdin(const char *file)
{
    return file != NULL && (strcmp(file, "-") == 0 || strcmp(file, "/dev/stdin") == 0);
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;

    if (a == NULL || b == NULL)
        return false;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && S_ISREG(first.st_mode) && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* Options that cannot be together.  NULL, or what is wrong with them. */
static const char *contradiction(const struct weir__run_options *options, const struct weir__config *config)
{
    const char *output = config->output.file, *metrics = options->metrics_file;
    const bool to_stdout = output != NULL && weir__journal_is_stdout(output);

    if (options->mode != WEIR__JOURNAL_NEW && output == NULL)
        return "--resume, --retry-failed and --force need the results file: give -o FILE";
    if (options->mode != WEIR__JOURNAL_NEW && to_stdout)
        return "--resume, --retry-failed and --force need a results file, not standard output";
    if (options->json && to_stdout)
        return "--json and -o - both want standard output";
    if (is_stdin(options->config_file) + is_stdin(config->input) + is_stdin(config->body_file) > 1)
        return "only one of configuration, input and body can come from standard input";
    if (is_same_file(config->input, output))
        return "the input and the results file are the same file";
    if (is_same_file(metrics, output) || is_same_file(metrics, config->input) ||
        is_same_file(metrics, options->config_file) || is_same_file(metrics, config->body_file))
        return "--metrics would take the place of the input, the configuration or the results";
    if (config->input != NULL && config->url != NULL && strstr(config->url, "{i}") != NULL)
        return "{i} cannot stand in the URL that an input's relative ones are resolved against";
    if (options->input_format != WEIR__JOBLINE_BATCH && config->input == NULL)
        return "--input-format is for an input: give -i FILE";
    return NULL;
}

/* Reads and checks everything that can be wrong before a file is touched or a request is sent. */
static bool configure(struct run *run)
{
    const struct weir__config *config = &run->config;
    const char *wrong;

    if (run->options.config_file == NULL && run->options.set_count == 0) {
        weir__say("weir run: nothing to do: give a configuration file, or -u URL and -n N, or -i FILE (see weir run "
                  "--help)");
        return false;
    }
    if (!weir__run_options_load(&run->options, &run->config) || !weir__features_check("run", config))
        return false;
    if (config->input == NULL && (config->url == NULL || !config->has_total)) {
        weir__say("weir run: %s", config->url == NULL ? "no URL: give -u URL, or a file of jobs with -i FILE"
                                                      : "how many jobs? give -n N, or a file of them with -i FILE");
        return false;
    }
    wrong = contradiction(&run->options, config);
    if (wrong != NULL)
        weir__say("weir run: %s", wrong);
    return wrong == NULL;
}

/* Threads start only when they are needed, and a job needs at most one. */
static bool reserve_files(struct run *run)
{
    struct weir__config *config = &run->config;
    const uint64_t jobs = run->account.total_known ? run->account.total : UINT64_MAX;
    const uint64_t workers = jobs < config->workers ? jobs : config->workers;
    const uint64_t fit = weir__files_reserve("run", workers);

    if (fit < workers)
        config->workers = (uint32_t)fit;
    return fit > 0 || workers == 0;
}

/* What the limits can still count of earlier runs: no more than their permits, no longer than their holds, which are a
 * little longer than their periods. */
static void measure_memory(const struct weir__config *config, struct weir__journal_options *out)
{
    out->now_ns = weir__clock_wall_ns();
    for (size_t i = 0; i < config->rate_count; i++) {
        if (config->rates[i].requests > out->memory_max)
            out->memory_max = config->rates[i].requests;
        if (config->rates[i].per_ns > out->memory_ns)
            out->memory_ns = config->rates[i].per_ns;
    }
    out->memory_ns += out->memory_ns / MEMORY_SPARE;
}

/* The results file, if there is to be one, with what earlier runs left in it.  Exit code. */
static int open_journal(struct run *run)
{
    const struct weir__config *config = &run->config;
    struct weir__journal_options options = {
        .command = "run",
        .file = config->output.file,
        .mode = run->options.mode,
        .durability = config->output.durability,
        .retry_unknown = config->retry.non_idempotent || config->idempotency_key != NULL,
    };
    int code;

    if (options.file == NULL || run->options.dry_run)
        return WEIR__EXIT_OK;
    measure_memory(config, &options);
    if (!weir__identity_make(&run->jobs, &options.head)) {
        weir__say("weir run: %s", weir_status_text(WEIR_NO_MEMORY));
        return WEIR__EXIT_USAGE;
    }
    code = weir__journal_open(&run->journal, &options, &run->past);
    if (code == WEIR__EXIT_OK)
        run->batch.journal = &run->journal;
    return code;
}

static void begin_account(struct run *run)
{
    struct weir__account *account = &run->account;
    uint64_t total = 0;

    atomic_store(&account->total_known, weir__jobs_count(&run->jobs, &total));
    atomic_store(&account->total, total);
    if (atomic_load(&account->total_known))
        atomic_store(&account->skipped, run->past.done_count);
    account->past_skipped = run->past.done_count;
    account->past_unsuccessful = run->past.done_count - run->past.outcomes[WEIR_OUTCOME_SUCCEEDED];
}

static void wake(void *context)
{
    struct run *run = context;

    if (run->jobs.listed)
        weir__input_wake(&run->jobs.input);
}

/* A run that gives up is stopped, and its producer may wait for a line that nobody writes. */
static void hear(void *user_data, const struct weir_event *event)
{
    struct run *run = user_data;

    weir__watch_event(&run->watch, event);
    if (event->type == WEIR_EVENT_GAVE_UP)
        wake(run);
}

static enum weir_status make_dispatcher(struct run *run)
{
    struct weir_options options = WEIR_OPTIONS_INIT;

    weir__dispatch_options(&run->config, &options);
    options.keep_bodies = run->batch.journal != NULL && run->config.output.bodies;
    options.past_sends = run->past.sends;
    options.past_send_count = run->past.send_count;
    run->watch.concurrency = run->config.concurrency;
    run->watch.verbose = run->options.verbose && !run->options.quiet;
    options.on_event = hear;
    options.event_user_data = run;
    return weir_new(&options, &run->weir);
}

/* What is worth knowing about the file, after a run that is not over. */
static void say_journal(const struct run *run)
{
    char shown[WEIR__SAY_LINE_MAX / 2];
    const enum weir__batch_end end = run->batch.end;
    int error;

    if (run->batch.journal == NULL)
        return;
    (void)weir__say_escape(run->config.output.file, shown, sizeof shown);
    error = weir__journal_error(run->batch.journal);
    if (error != 0)
        weir__say("weir run: %s: %s; what is not in it does not count as done%s", shown, strerror(error),
                  run->journal.stream ? "" : ": mend that, then go on with --resume");
    else if (!run->journal.stream && !run->options.quiet && end != WEIR__BATCH_OTHER_INPUT &&
             end != WEIR__BATCH_REFUSED &&
             (weir__summary_unfinished(&run->summary) || !atomic_load(&run->account.total_known)))
        weir__say("  results      %s; go on with --resume", shown);
}

/* Takes the account and tells it. */
static void conclude(struct run *run)
{
    weir__progress_stop(&run->progress);
    weir__summary_take(&run->summary, run->weir, &run->account, run->config.retry.budget,
                       !atomic_load(&run->batch.careful));
    run->printed = !run->options.json || weir__summary_print_json(&run->summary);
    if (!run->options.quiet)
        weir__summary_say(&run->summary);
    if (atomic_load(&run->batch.too_many) && !run->options.quiet)
        weir__say("  stopped      more jobs failed than may");
    say_journal(run);
    if (!run->printed)
        weir__say("weir run: the summary could not be written to stdout");
}

/* The main thread only waits: what `none` has not written yet is written here, or is lost. */
static void last_words(void *context)
{
    struct run *run = context;

    if (run->batch.journal != NULL)
        (void)weir__journal_flush(run->batch.journal);
    conclude(run);
}

static void say_status(void *context)
{
    struct run *run = context;

    weir__progress_say(run->weir, &run->account);
}

/* `auto` draws on a terminal, unless --verbose has lines scroll there; anywhere else it is a line now and then. */
static void start_progress(struct run *run)
{
    const struct weir__run_options *options = &run->options;
    const bool drawn = options->progress == WEIR__PROGRESS_ALWAYS || (weir__say_colour() && !options->verbose);

    if (!options->quiet && options->progress != WEIR__PROGRESS_NEVER)
        weir__progress_start(&run->progress, run->weir, &run->account,
                             drawn ? WEIR__PROGRESS_LINE : WEIR__PROGRESS_PLAIN);
}

static bool start_metrics(struct run *run)
{
    char shown[WEIR__SAY_LINE_MAX / 2];

    if (run->options.metrics_file == NULL ||
        weir__metrics_start(&run->metrics, run->options.metrics_file, run->weir, &run->account))
        return true;
    weir__say("weir run: %s: %s", weir__say_escape(run->options.metrics_file, shown, sizeof shown),
              weir__metrics_reason(run->metrics.error));
    return false;
}

static void stop_metrics(struct run *run)
{
    char shown[WEIR__SAY_LINE_MAX / 2];

    if (weir__metrics_stop(&run->metrics))
        return;
    run->written = false;
    weir__say("weir run: %s: %s", weir__say_escape(run->options.metrics_file, shown, sizeof shown),
              weir__metrics_reason(run->metrics.error));
}

static int exit_code(const struct run *run, unsigned signals)
{
    const enum weir__batch_end end = run->batch.end;
    const bool early =
        end != WEIR__BATCH_ALL || signals > 0 || atomic_load(&run->batch.too_many) || run->summary.stats.pause.gave_up;

    if (!run->printed || !run->written || end == WEIR__BATCH_INPUT)
        return WEIR__EXIT_OUTPUT;
    if (end == WEIR__BATCH_OTHER_INPUT)
        return WEIR__EXIT_JOURNAL;
    if (end == WEIR__BATCH_REFUSED)
        return WEIR__EXIT_USAGE;
    if (early && (weir__summary_unfinished(&run->summary) || !atomic_load(&run->account.total_known)))
        return WEIR__EXIT_STOPPED;
    return weir__summary_all_succeeded(&run->summary) ? WEIR__EXIT_OK : WEIR__EXIT_NOT_ALL;
}

static void say_other_input(const struct run *run)
{
    if (run->batch.input_changed)
        weir__say("weir run: the input was changed while it was read: what was sent is not what the results file "
                  "belongs to");
    else if (run->jobs.number < run->past.last_line)
        weir__say("weir run: the input ends at line %" PRIu64 ", and the results file goes to line %" PRIu64
                  ": it belongs to another input",
                  run->jobs.number, run->past.last_line);
    else
        weir__say("weir run: the results file belongs to another input: what was read up to line %" PRIu64
                  " is not what it was",
                  run->jobs.number);
}

/* The jobs, from the first to the last that ends. */
static void carry_out(struct run *run)
{
    if (weir__batch_submit(&run->batch) == WEIR__BATCH_OTHER_INPUT)
        say_other_input(run);
    (void)weir_wait(run->weir, -1);
    run->written = weir__batch_finish(&run->batch);
}

static void close_journal(struct run *run)
{
    if (run->batch.journal != NULL && !weir__journal_close(run->batch.journal))
        run->written = false;
    run->batch.journal = NULL;
}

/* From the first thread to the last. */
static int dispatch(struct run *run)
{
    unsigned signals;
    int code;

    run->stop.weir = run->weir;
    run->stop.quiet = run->options.quiet;
    run->stop.last_words = last_words;
    run->stop.status = say_status;
    run->stop.woken = wake;
    run->stop.context = run;
    if (!weir__stop_start(&run->stop)) {
        weir__say("weir run: %s", weir_status_text(WEIR_NO_THREAD));
        return WEIR__EXIT_USAGE;
    }
    if (!start_metrics(run)) {
        code = WEIR__EXIT_OUTPUT;
        goto end;
    }
    start_progress(run);
    carry_out(run);
    weir__stop_claim(&run->stop);
    stop_metrics(run);
    conclude(run);
    signals = weir__stop_count(&run->stop);
    close_journal(run);
    code = exit_code(run, signals);
    if (signals >= 2) { /* joining thousands of threads could take longer than was promised */
        (void)fflush(NULL);
        _exit(code);
    }
end:
    weir__stop_end(&run->stop);
    weir__batch_clear(&run->batch);
    return code;
}

/* With everything open that the jobs need.  Exit code. */
static int begin(struct run *run)
{
    enum weir_status status;

    begin_account(run);
    if (!run->options.dry_run) { /* which has no thread that would take the signals */
        if (!reserve_files(run))
            return WEIR__EXIT_USAGE;
        weir__stop_prepare();
    }
    status = make_dispatcher(run);
    if (status != WEIR_OK) {
        weir__dispatch_say_refused(&run->config, status);
        return WEIR__EXIT_USAGE;
    }
    if (run->options.dry_run)
        return weir__dry_run(&run->jobs, run->weir, run->options.json);
    run->batch.weir = run->weir;
    run->batch.jobs = &run->jobs;
    run->batch.config = &run->config;
    run->batch.account = &run->account;
    run->batch.past = &run->past;
    run->batch.tolerance = run->options.tolerance;
    if (!weir__batch_init(&run->batch)) {
        weir__say("weir run: %s", weir_status_text(WEIR_NO_MEMORY));
        return WEIR__EXIT_USAGE;
    }
    return dispatch(run);
}

int weir__run_main(int argc, char **argv)
{
    static struct run run; /* one run a process, and the summary is large */
    int code = WEIR__EXIT_USAGE;

    weir__stop_ignore();
    if (!weir__run_options_parse("run", argc - 1, argv + 1, &run.options))
        goto done;
    if (run.options.help) {
        print_help();
        code = WEIR__EXIT_OK;
        goto done;
    }
    if (run.options.version) {
        code = weir__version_print();
        goto done;
    }
    if (!configure(&run) || !weir__jobs_open(&run.jobs, &run.config, run.options.input_format))
        goto done;
    code = open_journal(&run);
    if (code == WEIR__EXIT_OK)
        code = begin(&run);
done:
    weir_free(run.weir);
    close_journal(&run);
    weir__past_clear(&run.past);
    weir__jobs_close(&run.jobs);
    weir__config_clear(&run.config);
    weir__run_options_clear(&run.options);
    return code;
}
