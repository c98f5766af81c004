/*
 * run - `weir run`: a batch of jobs, from the configuration to the exit code.
 *
 *     options -> configuration -> jobs -> journal and past -> dispatcher -> batch -> account, summary
 *
 * The main thread is the producer; everything else is the library's.  Limits, attempts and their order are none of its
 * business, nor is what a line looks like.
 */
#include "cli/run_parts.h"

#include "cli/commands.h"
#include "cli/dispatch_options.h"
#include "cli/dry_run.h"
#include "cli/replace.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is worth knowing about the file, after a run that is not over. */
static void say_journal(const struct weir__run *run)
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
static void conclude(struct weir__run *run)
{
    weir__progress_stop(&run->progress);
    weir__summary_take(&run->summary, run->weir, &run->account, run->config.retry.budget,
                       !atomic_load(&run->batch.careful));
    run->summary.scope = run->config.scope;
    run->summary.engine = run->config.engine == WEIR_ENGINE_ASYNC ? "async" : "threads";
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
    struct weir__run *run = context;

    if (run->batch.journal != NULL)
        (void)weir__journal_flush(run->batch.journal);
    conclude(run);
}

static void say_status(void *context)
{
    struct weir__run *run = context;

    weir__progress_say(run->weir, &run->account);
}

/* `auto` draws on a terminal, unless --verbose has lines scroll there; anywhere else it is a line now and then. */
static void start_progress(struct weir__run *run)
{
    const struct weir__run_options *options = &run->options;
    const bool drawn = options->progress == WEIR__PROGRESS_ALWAYS || (weir__say_colour() && !options->verbose);

    if (!options->quiet && options->progress != WEIR__PROGRESS_NEVER)
        weir__progress_start(&run->progress, run->weir, &run->account,
                             drawn ? WEIR__PROGRESS_LINE : WEIR__PROGRESS_PLAIN);
}

static bool say_metrics_failed(const struct weir__run *run)
{
    char shown[WEIR__SAY_LINE_MAX / 2];

    weir__say("weir run: %s: %s", weir__say_escape(run->options.metrics_file, shown, sizeof shown),
              weir__replace_reason(run->metrics.error));
    return false;
}

static bool start_metrics(struct weir__run *run)
{
    return run->options.metrics_file == NULL ||
           weir__metrics_start(&run->metrics, run->options.metrics_file, run->weir, &run->account) ||
           say_metrics_failed(run);
}

static void stop_metrics(struct weir__run *run)
{
    if (!weir__metrics_stop(&run->metrics))
        run->written = say_metrics_failed(run);
}

static int exit_code(const struct weir__run *run, unsigned signals)
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

static void say_other_input(const struct weir__run *run)
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
static void carry_out(struct weir__run *run)
{
    if (weir__batch_submit(&run->batch) == WEIR__BATCH_OTHER_INPUT)
        say_other_input(run);
    (void)weir_wait(run->weir, -1);
    run->written = weir__batch_finish(&run->batch);
}

static void close_journal(struct weir__run *run)
{
    if (run->batch.journal != NULL && !weir__journal_close(run->batch.journal))
        run->written = false;
    run->batch.journal = NULL;
}

/* From the first thread to the last. */
static int dispatch(struct weir__run *run)
{
    unsigned signals;
    int code;

    run->stop.weir = run->weir;
    run->stop.quiet = run->options.quiet;
    run->stop.last_words = last_words;
    run->stop.status = say_status;
    run->stop.woken = weir__run_wake;
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
static int begin(struct weir__run *run)
{
    enum weir_status status;

    weir__run_begin_account(run);
    if (!run->options.dry_run) { /* which has no thread that would take the signals */
        if (!weir__run_reserve(run))
            return WEIR__EXIT_USAGE;
        weir__stop_prepare();
    }
    status = weir__run_make_dispatcher(run);
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
    static struct weir__run run; /* one run a process, and the summary is large */
    int code = WEIR__EXIT_USAGE;

    weir__stop_ignore();
    if (!weir__run_options_parse("run", argc - 1, argv + 1, &run.options))
        goto done;
    if (run.options.help) {
        weir__run_print_help();
        code = WEIR__EXIT_OK;
        goto done;
    }
    if (run.options.version) {
        code = weir__version_print();
        goto done;
    }
    if (!weir__run_configure(&run) || !weir__jobs_open(&run.jobs, &run.config, run.options.input_format))
        goto done;
    code = weir__run_open_journal(&run);
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
