/*
 * run - `weir run`: a batch of jobs, from the configuration to the exit code.
 *
 * The main thread is the producer and waits in weir_submit() while the queue is full; everything else is the library's.
 * Limits, attempts and their order are none of its business.
 */
#include "cli/commands.h"

#include "cli/expand.h"
#include "cli/features.h"
#include "cli/files.h"
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
#include <strings.h>
#include <unistd.h>

/* One run.  The signal thread reads it in last_words(), when the main thread only waits. */
struct run {
    struct weir__run_options options;
    struct weir__config config;
    struct weir_header *headers;
    struct weir__expand expand;
    struct weir *weir;
    struct weir__stop stop;
    struct weir__progress progress;
    struct weir__watch watch;
    struct weir__summary summary;
    enum weir_status ended_by; /* what the last submit said */
    bool printed;              /* stdout took the summary */
};

static void print_help(void)
{
    (void)fputs("usage: weir run [CONFIG] [options]\n"
                "\n"
                "Sends a batch of HTTP requests as fast as the limits allow, and no faster.\n"
                "CONFIG is a JSON file (- for stdin); each option overrides one of its keys.\n"
                "{i} in the URL, a header value or the data is the job's number, from 1.\n"
                "\n",
                stdout);
    weir__run_options_print();
    (void)fputs("\n"
                "The summary goes to stderr, or with --json as one object to stdout as well.\n"
                "One ^C (SIGINT or SIGTERM) starts nothing new and waits for what is in flight;\n"
                "a second one ends at once.\n"
                "\n"
                "exit codes:\n"
                "  0  every job succeeded            3  stopped early by a signal, or by a pause\n"
                "  1  all ended, some not succeeded     longer than retry.pause_max\n"
                "  2  usage or configuration         5  the summary could not be written\n"
                "\n"
                "examples:\n"
                "  weir run -u http://127.0.0.1:8080/get -n 200 -c 3\n"
                "  weir run -u 'https://api.example.com/items/{i}' -n 5000 -r 100/s -r 5000/h\n"
                "  weir run conf/weir.json -n 10 -v\n"
                "  weir run conf/weir.json --set timeout.connect=2s --json >summary.json\n",
                stdout);
}

/* Methods that RFC 9110 calls idempotent: one more of them does no harm. */
static bool is_idempotent(const char *method)
{
    static const char *const list[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (strcmp(method, list[i]) == 0)
            return true;
    return false;
}

/* Reads and checks everything that can be wrong before a request is sent. */
static bool configure(struct run *run)
{
    struct weir__config *config = &run->config;
    uint64_t workers, fit;

    if (run->options.config_file == NULL && run->options.set_count == 0) {
        weir__say("weir run: nothing to do: give a configuration file, or -u URL and -n N (see weir run --help)");
        return false;
    }
    if (!weir__run_options_load(&run->options, &run->config) || !weir__features_check("run", config))
        return false;
    if (config->url == NULL || !config->has_total) {
        weir__say("weir run: %s", config->url == NULL ? "no URL: give -u URL" : "how many jobs? give -n N");
        return false;
    }
    /* threads start only when they are needed, and a job needs at most one */
    workers = config->total < config->workers ? config->total : config->workers;
    fit = weir__files_reserve("run", workers);
    if (fit < workers)
        config->workers = (uint32_t)fit;
    return fit > 0 || workers == 0;
}

/* A body given as JSON says so, unless the configuration says what it is; 1 where a field was added. */
static size_t add_json_type(const struct weir__config *config, struct weir_header *header)
{
    if (!config->body_json)
        return 0;
    for (size_t i = 0; i < config->header_count; i++)
        if (strcasecmp(config->headers[i].name, "content-type") == 0)
            return 0;
    *header = (struct weir_header){"content-type", "application/json"};
    return 1;
}

/* The request as configured; its texts are the configuration's. */
static bool prepare_request(struct run *run)
{
    const struct weir__config *config = &run->config;
    struct weir_request request = WEIR_REQUEST_INIT;
    bool prepared;

    run->headers = calloc(config->header_count + 1, sizeof *run->headers);
    if (run->headers == NULL)
        return false;
    for (size_t i = 0; i < config->header_count; i++) {
        run->headers[i].name = config->headers[i].name;
        run->headers[i].value = config->headers[i].value;
    }
    request.method = config->method;
    request.url = config->url;
    request.headers = run->headers;
    request.header_count = config->header_count + add_json_type(config, &run->headers[config->header_count]);
    request.body = config->body;
    request.body_size = config->body_size;
    prepared = weir__expand_init(&run->expand, &request);
    return prepared;
}

static void set_retries(const struct weir__config *config, struct weir_options *out)
{
    out->deadline_ns = config->deadline_ns;
    out->attempt_max = config->retry.attempts;
    out->refusal_max = config->retry.refusals;
    out->backoff_ns = config->retry.backoff_ns;
    out->backoff_max_ns = config->retry.backoff_max_ns;
    out->pause_max_ns = config->retry.pause_max_ns;
    out->retry_budget = config->retry.budget;
    out->retry_non_idempotent = config->retry.non_idempotent;
    out->retry_statuses = config->retry.statuses;
    out->retry_status_count = config->retry.status_count;
    out->learn_rate = config->rate_auto;
    out->idempotency_header = config->idempotency_key;
}

static enum weir_status make_dispatcher(struct run *run)
{
    struct weir__config *config = &run->config;
    struct weir_options options = WEIR_OPTIONS_INIT;

    options.concurrency = config->concurrency;
    options.worker_max = config->workers;
    options.queue_max = config->queue;
    options.rates = config->rates;
    options.rate_count = config->rate_count;
    options.connect_timeout_ns = config->timeout_connect_ns;
    options.timeout_ns = config->timeout_total_ns;
    options.redirect_max = config->redirects;
    options.body_max_size = (size_t)config->body_max;
    options.success = config->success;
    options.success_count = config->success_count;
    options.ca_file = config->tls.ca_file;
    options.client_cert_file = config->tls.client_cert;
    options.client_key_file = config->tls.client_key;
    options.tls_version_min = config->tls.version_min;
    options.insecure = config->tls.insecure;
    set_retries(config, &options);
    run->watch.concurrency = config->concurrency;
    run->watch.verbose = run->options.verbose && !run->options.quiet;
    options.on_event = weir__watch_event;
    options.event_user_data = &run->watch;
    return weir_new(&options, &run->weir);
}

/* Why there is no dispatcher.  Which of the files it was only the library knows; that they can be read was checked. */
static void say_refused(const struct weir__config *config, enum weir_status status)
{
    const struct {
        const char *key, *file;
    } files[] = {{"ca_file", config->tls.ca_file},
                 {"client_cert", config->tls.client_cert},
                 {"client_key", config->tls.client_key}};

    weir__say("weir run: %s", weir_status_text(status));
    for (size_t i = 0; status == WEIR_TLS && i < sizeof files / sizeof files[0]; i++)
        if (files[i].file != NULL)
            weir__say("weir run: tls.%s: %s: expected PEM, and a key that belongs to its certificate", files[i].key,
                      files[i].file);
}

/* Takes the account and tells it. */
static void conclude(struct run *run)
{
    weir__progress_stop(&run->progress);
    weir__summary_take(&run->summary, run->weir, run->config.total, run->config.retry.budget,
                       is_idempotent(run->config.method));
    run->printed = !run->options.json || weir__summary_print_json(&run->summary);
    if (!run->options.quiet)
        weir__summary_say(&run->summary);
    if (!run->printed)
        weir__say("weir run: the summary could not be written to stdout");
}

static void last_words(void *context)
{
    conclude(context);
}

static bool wants_progress(const struct weir__run_options *options)
{
    if (options->progress == WEIR__PROGRESS_AUTO)
        return weir__say_colour() && !options->quiet && !options->verbose;
    return options->progress == WEIR__PROGRESS_ALWAYS;
}

/* The producer. */
static void submit_all(struct run *run)
{
    for (uint64_t i = 1; i <= run->config.total; i++) {
        weir__expand_set(&run->expand, i);
        run->ended_by = weir_submit(run->weir, &run->expand.request, -1);
        if (run->ended_by == WEIR_OK)
            continue;
        if (run->ended_by != WEIR_STOPPED)
            weir__say("weir run: job %" PRIu64 " could not be accepted: %s", i,
                      run->ended_by == WEIR_INVALID ? "its method, URL or a header must not be sent as it is"
                                                    : weir_status_text(run->ended_by));
        weir_stop(run->weir);
        return;
    }
}

static int exit_code(const struct run *run, unsigned signals)
{
    if (!run->printed)
        return WEIR__EXIT_OUTPUT;
    if (run->ended_by == WEIR_INVALID)
        return WEIR__EXIT_USAGE;
    if (run->ended_by != WEIR_OK)
        return WEIR__EXIT_STOPPED;
    if ((signals > 0 || run->summary.stats.pause.gave_up) && weir__summary_unfinished(&run->summary))
        return WEIR__EXIT_STOPPED;
    return run->summary.succeeded == run->summary.total ? WEIR__EXIT_OK : WEIR__EXIT_NOT_ALL;
}

/* From the first thread to the last. */
static int dispatch(struct run *run)
{
    unsigned signals;
    int code;

    run->stop.weir = run->weir;
    run->stop.quiet = run->options.quiet;
    run->stop.last_words = last_words;
    run->stop.context = run;
    if (!weir__stop_start(&run->stop)) {
        weir__say("weir run: %s", weir_status_text(WEIR_NO_THREAD));
        return WEIR__EXIT_USAGE;
    }
    if (wants_progress(&run->options))
        weir__progress_start(&run->progress, run->weir, run->config.total);
    submit_all(run);
    (void)weir_wait(run->weir, -1);
    weir__stop_claim(&run->stop);
    conclude(run);
    signals = weir__stop_count(&run->stop);
    code = exit_code(run, signals);
    if (signals >= 2) { /* joining thousands of threads could take longer than was promised */
        (void)fflush(NULL);
        _exit(code);
    }
    weir__stop_end(&run->stop);
    return code;
}

int weir__run_main(int argc, char **argv)
{
    static struct run run; /* one run a process, and the summary is large */
    enum weir_status status;
    int code = WEIR__EXIT_USAGE;

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
    if (!configure(&run))
        goto done;
    weir__stop_prepare();
    if (!prepare_request(&run)) {
        weir__say("weir run: %s", weir_status_text(WEIR_NO_MEMORY));
        goto done;
    }
    status = make_dispatcher(&run);
    if (status != WEIR_OK) {
        say_refused(&run.config, status);
        goto done;
    }
    code = dispatch(&run);
done:
    weir_free(run.weir);
    weir__expand_clear(&run.expand);
    free(run.headers);
    weir__config_clear(&run.config);
    weir__run_options_clear(&run.options);
    return code;
}
