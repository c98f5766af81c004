/* run_options - see run_options.h */
#include "cli/run_options.h"

#include "base/units.h"
#include "cli/options.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum id {
    ID_SET, /* --set */
    ID_BODY,
    ID_HEADER,
    ID_RATE,
    ID_SHAPE,
    ID_RETRIES,
    ID_JSON,
    ID_QUIET,
    ID_PROGRESS,
    ID_VERBOSE,
    ID_HELP,
    ID_VERSION,
    ID_RESUME,
    ID_RETRY_FAILED,
    ID_FORCE,
    ID_METRICS,
    ID_INPUT_FORMAT,
    ID_FAIL_FAST,
    ID_MAX_FAILURES,
    ID_DRY_RUN,
    ID_PATH /* from here on: an index into paths[] */
};

/* Options that are one key of the configuration. */
static const struct {
    const char *path;
    const char *origin;
    bool literal; /* a string, even where it looks like JSON */
} paths[] = {
    {"url", "--url", true},
    {"total", "--total", false},
    {"concurrency", "--concurrency", false},
    {"method", "--method", true},
    {"workers", "--workers", false},
    {"queue", "--queue", false},
    {"engine", "--engine", true},
    {"timeout.total", "--timeout", false},
    {"input", "--input", true},
    {"output.file", "--output", true},
    {"scope", "--scope", true},
};

static const struct weir__option table[] = {
    {'u', "url", "URL", "where to send", ID_PATH + 0},
    {'n', "total", "N", "how many jobs", ID_PATH + 1},
    {'c', "concurrency", "N", "at most N requests in flight (default 50)", ID_PATH + 2},
    {'r', "rate", "N/PERIOD",
     "at most N in any PERIOD: 100/s, 5000/h, 10/250ms;\nauto: what the server states; repeat it for more", ID_RATE},
    {'\0', "shape", "NAME", "how rates are kept: strict, window or paced", ID_SHAPE},
    {'\0', "scope", "host:NAME",
     "limits shared by all that name it on this machine;\nprocess: this run's own (default)", ID_PATH + 10},
    {'X', "method", "NAME", "the request's method (GET, or POST with -d)", ID_PATH + 3},
    {'H', "header", "'Name: value'", "a header field; repeat it for more", ID_HEADER},
    {'d', "data", "TEXT|@FILE", "the request's body; @- reads it from stdin", ID_BODY},
    {'w', "workers", "N", "thread ceiling (default: the concurrency)", ID_PATH + 4},
    {'q', "queue", "N", "jobs that may wait in memory (default 1024)", ID_PATH + 5},
    {'\0', "engine", "NAME", "what performs attempts: threads (default) or async", ID_PATH + 6},
    {'\0', "timeout", "DURATION", "of one attempt, waiting for permits not counted\n(default 60s)", ID_PATH + 7},
    {'\0', "retries", "N", "after a failure, N tries more of a job (default 4)", ID_RETRIES},
    {'i', "input", "FILE|-", "a job a line, JSON or a URL; - is stdin", ID_PATH + 8},
    {'\0', "input-format", "NAME", "batch, or vegeta for its JSON targets", ID_INPUT_FORMAT},
    {'o', "output", "FILE|-", "a result a line; a file is the journal, too", ID_PATH + 9},
    {'\0', "resume", NULL, "go on where the results file ends", ID_RESUME},
    {'\0', "retry-failed", NULL, "the same, and the failed jobs once more", ID_RETRY_FAILED},
    {'\0', "force", NULL, "begin anew; an old results file is renamed", ID_FORCE},
    {'\0', "fail-fast", NULL, "stop at the first job that failed", ID_FAIL_FAST},
    {'\0', "max-failures", "N|N%",
     "stop once more than so many failed, or so many of\nthose that have ended (100 at least)", ID_MAX_FAILURES},
    {'\0', "dry-run", NULL, "read and check all jobs; send nothing", ID_DRY_RUN},
    {'\0', "metrics", "FILE", "figures for Prometheus, every few seconds", ID_METRICS},
    {'\0', "set", "KEY.PATH=VALUE", "any key of the configuration", ID_SET},
    {'\0', "json", NULL, "the summary as one JSON object on stdout", ID_JSON},
    {'\0', "quiet", NULL, "only errors on stderr", ID_QUIET},
    {'\0', "progress", "WHEN", "auto (on a terminal), always or never", ID_PROGRESS},
    {'v', "verbose", NULL, "a line for each attempt, retry, pause and limit", ID_VERBOSE},
    {'h', "help", NULL, "this text", ID_HELP},
    {'V', "version", NULL, "the version", ID_VERSION},
    {'\0', NULL, NULL, NULL, 0},
};

/* "Name: value".  The text may be a secret, so no message repeats it. */
static bool take_header(struct weir__overrides *overrides, const char *text)
{
    const char *colon = strchr(text, ':');
    const char *value;
    char *path;

    if (colon == NULL || colon == text) {
        weir__say("weir %s: --header: expected 'Name: value'", overrides->command);
        return false;
    }
    value = colon + 1;
    value += strspn(value, " \t");
    if (asprintf(&path, "headers.%.*s", (int)(colon - text), text) < 0)
        path = NULL;
    return weir__overrides_own(overrides, path) != NULL &&
           weir__overrides_add(overrides, path, value, true, "--header");
}

/* Text, "@FILE" or "@-".  The other of the two keys is taken out, since they exclude each other. */
static bool take_body(struct weir__overrides *overrides, const char *text)
{
    const bool file = text[0] == '@';

    (void)weir__overrides_add(overrides, file ? "body" : "body_file", "null", false, "--data");
    if (file)
        text = strcmp(text, "@-") == 0 ? "/dev/stdin" : text + 1;
    return weir__overrides_add(overrides, file ? "body_file" : "body", text, true, "--data");
}

/* N tries more are N + 1 in all: checked here, so that the message speaks of what was written. */
static bool take_retries(struct weir__overrides *overrides, const char *text)
{
    char sum[16], shown[64];
    const char *attempts;
    uint64_t more;

    if (!weir__units_parse_count(text, WEIR_ATTEMPTS_MAX - 1, &more)) {
        weir__say("weir %s: --retries: expected a whole number from 0 to %u, got \"%s\"", overrides->command,
                  WEIR_ATTEMPTS_MAX - 1, weir__say_escape(text, shown, sizeof shown));
        return false;
    }
    (void)snprintf(sum, sizeof sum, "%" PRIu64, more + 1);
    attempts = weir__overrides_own(overrides, strdup(sum));
    return attempts != NULL && weir__overrides_add(overrides, "retry.attempts", attempts, false, "--retries");
}

static bool take_shape(struct weir__run_options *options, const char *text)
{
    if (strcmp(text, "strict") == 0)
        options->shape = WEIR_SHAPE_STRICT;
    else if (strcmp(text, "window") == 0)
        options->shape = WEIR_SHAPE_WINDOW;
    else if (strcmp(text, "paced") == 0)
        options->shape = WEIR_SHAPE_PACED;
    else {
        weir__say("weir %s: --shape: expected strict, window or paced", options->overrides.command);
        return false;
    }
    return true;
}

static bool take_progress(struct weir__run_options *options, const char *text)
{
    if (strcmp(text, "auto") == 0)
        options->progress = WEIR__PROGRESS_AUTO;
    else if (strcmp(text, "always") == 0)
        options->progress = WEIR__PROGRESS_ALWAYS;
    else if (strcmp(text, "never") == 0)
        options->progress = WEIR__PROGRESS_NEVER;
    else {
        weir__say("weir %s: --progress: expected auto, always or never", options->overrides.command);
        return false;
    }
    return true;
}

/* Two of the ways to treat an old results file exclude each other. */
static bool take_mode(struct weir__run_options *options, enum weir__journal_mode mode)
{
    const bool forced = options->mode == WEIR__JOURNAL_FORCE;

    if (options->mode != WEIR__JOURNAL_NEW && forced != (mode == WEIR__JOURNAL_FORCE)) {
        weir__say("weir %s: --force begins anew, --resume and --retry-failed go on: give one of them",
                  options->overrides.command);
        return false;
    }
    if (options->mode != WEIR__JOURNAL_RETRY_FAILED) /* which is --resume and more */
        options->mode = mode;
    return true;
}

static bool take_input_format(struct weir__run_options *options, const char *text)
{
    if (strcmp(text, "batch") == 0)
        options->input_format = WEIR__JOBLINE_BATCH;
    else if (strcmp(text, "vegeta") == 0)
        options->input_format = WEIR__JOBLINE_VEGETA;
    else {
        weir__say("weir %s: --input-format: expected batch or vegeta", options->overrides.command);
        return false;
    }
    return true;
}

/* "10", or "2.5%". */
static bool take_max_failures(struct weir__run_options *options, const char *text)
{
    struct weir__batch_tolerance *tolerance = &options->tolerance;
    const size_t length = strlen(text);
    char shown[64];
    char *end;
    uint64_t count;

    tolerance->percent = length > 0 && text[length - 1] == '%';
    tolerance->limited = true;
    if (!tolerance->percent && weir__units_parse_count(text, UINT64_C(1000000000000), &count)) {
        tolerance->most = (double)count;
        return true;
    }
    if (tolerance->percent && text[strspn(text, "0123456789.")] == '%') {
        tolerance->most = strtod(text, &end);
        if (end == text + length - 1 && end > text && tolerance->most <= 100)
            return true;
    }
    weir__say("weir %s: --max-failures: expected a number of jobs or a share such as 5%%, got \"%s\"",
              options->overrides.command, weir__say_escape(text, shown, sizeof shown));
    return false;
}

static bool take(void *context, const struct weir__option *option, const char *value)
{
    struct weir__run_options *options = context;
    struct weir__overrides *overrides = &options->overrides;

    if (option == NULL)
        return weir__overrides_take_operand(overrides, value);
    switch (option->id) {
    case ID_SET:
        return weir__overrides_take_set(overrides, value, "concurrency=3");
    case ID_BODY:
        return take_body(overrides, value);
    case ID_HEADER:
        return take_header(overrides, value);
    case ID_RATE:
        return weir__overrides_take_rate(overrides, value);
    case ID_SHAPE:
        return take_shape(options, value);
    case ID_RETRIES:
        return take_retries(overrides, value);
    case ID_JSON:
        return options->json = true;
    case ID_QUIET:
        return options->quiet = true;
    case ID_PROGRESS:
        return take_progress(options, value);
    case ID_VERBOSE:
        return options->verbose = true;
    case ID_HELP:
        return options->help = true;
    case ID_VERSION:
        return options->version = true;
    case ID_RESUME:
        return take_mode(options, WEIR__JOURNAL_RESUME);
    case ID_RETRY_FAILED:
        return take_mode(options, WEIR__JOURNAL_RETRY_FAILED);
    case ID_FORCE:
        return take_mode(options, WEIR__JOURNAL_FORCE);
    case ID_METRICS:
        options->metrics_file = value;
        return true;
    case ID_INPUT_FORMAT:
        return take_input_format(options, value);
    case ID_FAIL_FAST:
        options->tolerance = (struct weir__batch_tolerance){.limited = true};
        return true;
    case ID_MAX_FAILURES:
        return take_max_failures(options, value);
    case ID_DRY_RUN:
        return options->dry_run = true;
    default:
        return weir__overrides_add(overrides, paths[option->id - ID_PATH].path, value,
                                   paths[option->id - ID_PATH].literal, paths[option->id - ID_PATH].origin);
    }
}

bool weir__run_options_parse(const char *command, int count, char **arguments, struct weir__run_options *out)
{
    memset(out, 0, sizeof *out);
    return weir__overrides_init(&out->overrides, command, (size_t)count) &&
           weir__options_parse(command, table, count, arguments, take, out) &&
           weir__overrides_collect_rates(&out->overrides);
}

void weir__run_options_clear(struct weir__run_options *options)
{
    weir__overrides_clear(&options->overrides);
    memset(options, 0, sizeof *options);
}

bool weir__run_options_load(const struct weir__run_options *options, struct weir__config *out)
{
    const bool loaded = weir__overrides_load(&options->overrides, WEIR__CONFIG_RUN, out);

    for (size_t i = 0; loaded && options->shape != WEIR_SHAPE_DEFAULT && i < out->rate_count; i++)
        out->rates[i].shape = options->shape;
    return loaded;
}

void weir__run_options_print(void)
{
    weir__options_print(table, stdout);
}
