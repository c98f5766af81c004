/*
 * run_setup - what a run needs before its first job: options that fit together, the results file, the dispatcher.
 */
#include "cli/run_parts.h"

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/identity.h"
#include "cli/say.h"
#include "json/config_options.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MEMORY_SPARE 1000 /* a thousandth more than the longest period: ten times what a hold adds to it */

void weir__run_print_help(void)
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
    if (is_stdin(options->overrides.config_file) + is_stdin(config->input) + is_stdin(config->body_file) > 1)
        return "only one of configuration, input and body can come from standard input";
    if (is_same_file(config->input, output))
        return "the input and the results file are the same file";
    if (is_same_file(metrics, output) || is_same_file(metrics, config->input) ||
        is_same_file(metrics, options->overrides.config_file) || is_same_file(metrics, config->body_file))
        return "--metrics would take the place of the input, the configuration or the results";
    if (options->input_format != WEIR__JOBLINE_BATCH && config->input == NULL)
        return "--input-format is for an input: give -i FILE";
    return NULL;
}

/* Reads and checks everything that can be wrong before a file is touched or a request is sent. */
bool weir__run_configure(struct weir__run *run)
{
    const struct weir__config *config = &run->config;
    const char *wrong;

    if (run->options.overrides.config_file == NULL && run->options.overrides.set_count == 0) {
        weir__say("weir run: nothing to do: give a configuration file, or -u URL and -n N, or -i FILE (see weir run "
                  "--help)");
        return false;
    }
    if (!weir__run_options_load(&run->options, &run->config))
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
bool weir__run_reserve(struct weir__run *run)
{
    struct weir__config *config = &run->config;
    const uint64_t jobs = run->account.total_known ? run->account.total : UINT64_MAX;
    const uint64_t workers = jobs < config->workers ? jobs : config->workers;
    const uint64_t fit = weir__files_reserve("run", config->engine, workers);

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
int weir__run_open_journal(struct weir__run *run)
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

void weir__run_begin_account(struct weir__run *run)
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

void weir__run_wake(void *context)
{
    struct weir__run *run = context;

    if (run->jobs.listed)
        weir__input_wake(&run->jobs.input);
}

/* A run that gives up is stopped, and its producer may wait for a line that nobody writes. */
static void hear(void *user_data, const struct weir_event *event)
{
    struct weir__run *run = user_data;

    weir__watch_event(&run->watch, event);
    if (event->type == WEIR_EVENT_GAVE_UP)
        weir__run_wake(run);
}

enum weir_status weir__run_make_dispatcher(struct weir__run *run)
{
    struct weir_options options = WEIR_OPTIONS_INIT;

    weir__config_options(&run->config, &options);
    if (run->options.dry_run)
        options.scope = NULL; /* where others are at work: nothing is sent, so nothing is shared */
    options.keep_bodies = run->batch.journal != NULL && run->config.output.bodies;
    options.past_sends = run->past.sends;
    options.past_send_count = run->past.send_count;
    run->watch.concurrency = run->config.concurrency;
    run->watch.verbose = run->options.verbose && !run->options.quiet;
    options.on_event = hear;
    options.event_user_data = run;
    return weir_new(&options, &run->weir);
}
