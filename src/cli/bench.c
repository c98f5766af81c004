/*
 * bench - `weir bench`: the same work with each of several subjects, and what it cost each of them.
 *
 *     options -> configuration -> grid of cells -> rounds, each a process of its own -> medians -> table, JSON, CSV,
 * page
 *
 * This process stays small, has no thread and never uses libcurl: children begin as copies of it, and their memory is
 * measured.  What is compared with what, and in which words, is the reader's; here failures only get a mark.
 */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/units.h"
#include "cli/bench_grid.h"
#include "cli/bench_machine.h"
#include "cli/bench_process.h"
#include "cli/bench_round.h"
#include "cli/bench_table.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/say.h"
#include "json/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUILT_IN_URL "http://127.0.0.1/" /* each has a port of its own */

/* ------------------------------------------------------------------------------------------------------------- setup
 */

/* Without user and password; a URL that is a secret as a whole is not shown. */
static char *public_url(const struct weir__config *config)
{
    const char *url = config->url, *authority, *at;
    char *out;

    if (url == NULL || config->url_secret)
        return strdup(url == NULL ? BUILT_IN_URL : "***");
    authority = strstr(url, "//");
    at = authority == NULL ? NULL : memrchr(authority, '@', strcspn(authority + 2, "/?#") + 2);
    if (at == NULL)
        return strdup(url);
    return asprintf(&out, "%.*s%s", (int)(authority + 2 - url), url, at + 1) < 0 ? NULL : out;
}

/* "100/s, 5000/h"; NULL for none. */
static char *rates_text(const struct weir__config *config)
{
    char text[(WEIR_RATES_MAX + 1) * 64], rate[64];
    size_t used = 0;

    for (size_t i = 0; i < config->rate_count; i++) {
        weir__units_format_rate(config->rates[i].requests, config->rates[i].per_ns, rate, sizeof rate);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : ", ", rate);
    }
    if (config->rate_auto)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : ", ", "auto");
    return used == 0 ? NULL : strdup(text);
}

/* On one line: no text of JSON has a line end within a string. */
static char *compact(char *json)
{
    char *to = json;

    for (const char *from = json; from != NULL && *from != '\0';) {
        if (*from == '\n')
            from += 1 + strspn(from + 1, " ");
        else
            *to++ = *from++;
    }
    if (json != NULL)
        *to = '\0';
    return json;
}

/* What the results say besides what was measured. */
static bool describe(struct weir__bench *bench)
{
    struct weir__bench_results *results = &bench->results;
    const struct weir__config *config = &bench->config;
    char now[32];

    weir__clock_format(weir__clock_wall_ns(), now, sizeof now);
    results->version = strdup(weir_version());
    results->started_at = strdup(now);
    results->machine = weir__bench_machine();
    results->url = public_url(config);
    results->built_in = config->url == NULL;
    results->limit = bench->options.limit[0] == '\0' ? NULL : strdup(bench->options.limit);
    results->rates = rates_text(config);
    results->intended = config->rate_count > 0;
    results->config = compact(weir__config_print(config));
    results->rounds = config->bench.rounds;
    results->warmups = config->bench.warmups;
    if (results->version != NULL && results->started_at != NULL && results->machine != NULL && results->url != NULL &&
        results->config != NULL)
        return true;
    weir__say("weir bench: %s", weir_status_text(WEIR_NO_MEMORY));
    return false;
}

/* ------------------------------------------------------------------------------------------------------------ output
 */

static bool say_failed(const char *file, int error)
{
    char shown[WEIR__SAY_LINE_MAX / 2];

    weir__say("weir bench: %s: %s", weir__say_escape(file, shown, sizeof shown), strerror(error));
    return false;
}

/* Opened before anything is measured, so that minutes are not lost on it; what is in it stays until the end.  -1 where
 * it cannot be. */
static int open_output(const char *file, bool *out_made)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    *out_made = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        (void)say_failed(file, errno);
    return fd;
}

static bool write_output(const struct weir__bench *bench, int fd)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    size_t written = 0;
    int error = 0;

    weir__bench_results_write(&writer, &bench->results);
    weir__writer_raw(&writer, NULL, "\n", 1);
    if (writer.failed)
        error = ENOMEM;
    else if (ftruncate(fd, 0) != 0 && errno != EINVAL) /* a pipe has no length */
        error = errno;
    while (error == 0 && written < writer.size) {
        const ssize_t more = write(fd, writer.text + written, writer.size - written);
        if (more < 0 && errno != EINTR)
            error = errno;
        written += more > 0 ? (size_t)more : 0;
    }
    weir__writer_clear(&writer);
    return error == 0 || say_failed(bench->options.output_file, error);
}

/* stdout has one of the three. */
static bool print(const struct weir__bench *bench)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    bool printed;

    if (bench->options.json) {
        weir__bench_results_write(&writer, &bench->results);
        printed = weir__print_json(&writer);
    } else {
        (bench->options.csv ? weir__bench_csv_print : weir__bench_table_print)(&bench->results, stdout);
        printed = fflush(stdout) == 0 && !ferror(stdout);
    }
    if (!printed)
        weir__say("weir bench: the results could not be written to stdout");
    return printed;
}

static bool has_failed(const struct weir__bench_results *results)
{
    for (size_t i = 0; i < results->cell_count; i++)
        for (size_t j = 0; j < results->cells[i].subject_count; j++)
            if (results->cells[i].subjects[j].skipped == NULL && results->cells[i].subjects[j].median.failed)
                return true;
    return false;
}

/* ----------------------------------------------------------------------------------------------------------- command
 */

static int measure(struct weir__bench *bench)
{
    const char *file = bench->options.output_file;
    bool made = false, written = true;
    int fd = -1, code;

    if (!describe(bench))
        return WEIR__EXIT_USAGE;
    if (file != NULL && (fd = open_output(file, &made)) < 0)
        return WEIR__EXIT_OUTPUT;
    weir__bench_process_prepare();
    code = weir__bench_grid_measure(bench);
    if (code == WEIR__EXIT_STOPPED)
        weir__say("weir bench: interrupted; there are no results");
    if (code == WEIR__EXIT_OK) {
        written = fd < 0 || write_output(bench, fd);
        written = print(bench) && written;
        if (bench->options.html_file != NULL)
            written = weir__report_bench(&bench->results, bench->options.html_file) && written;
    } else if (made) {
        (void)unlink(file);
    }
    if (fd >= 0 && close(fd) != 0)
        written = say_failed(file, errno);
    if (code != WEIR__EXIT_OK)
        return code;
    return !written ? WEIR__EXIT_OUTPUT : has_failed(&bench->results) ? WEIR__EXIT_NOT_ALL : WEIR__EXIT_OK;
}

int weir__bench_main(int argc, char **argv)
{
    static struct weir__bench bench; /* large, and one a process */
    int code = WEIR__EXIT_USAGE;

    if (argc == 3 && strcmp(argv[1], WEIR__BENCH_ROUND_FLAG) == 0)
        return weir__bench_round_main(argv[2]);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!weir__bench_options_parse(argc - 1, argv + 1, &bench.options))
        goto done;
    if (bench.options.help) {
        weir__bench_options_help();
        code = WEIR__EXIT_OK;
        goto done;
    }
    if (!weir__bench_options_load(&bench.options, &bench.config))
        goto done;
    if (bench.config.url == NULL)
        (void)setenv("no_proxy", "*", 1); /* the target is on this machine, whatever the environment says of others */
    code = measure(&bench);
done:
    weir__bench_results_clear(&bench.results);
    weir__config_clear(&bench.config);
    weir__bench_options_clear(&bench.options);
    return code;
}
