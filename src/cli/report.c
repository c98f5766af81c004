/*
 * report - `weir report RESULTS -o FILE.html`: finds out what the results are of, and has the page made.
 */
#include "cli/report.h"

#include "base/units.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/report_file.h"
#include "cli/report_gnuplot.h"
#include "cli/report_parts.h"
#include "cli/report_run.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGINNING_SIZE 256u
#define COPY_SIZE 65536u
#define NAME_SIZE 256u
#define ERROR_SIZE 256u

enum { OUTPUT = 1, HELP };

static const struct weir__option options[] = {
    {'o', "output", "FILE", "the page; - for standard output", OUTPUT},
    {'h', "help", NULL, "this text", HELP},
    {'\0', NULL, NULL, NULL, 0},
};

struct request {
    const char *results, *output;
    bool help;
};

static void print_help(void)
{
    (void)fputs("usage: weir report RESULTS -o FILE.html\n"
                "\n"
                "Makes a page of RESULTS: what weir bench --output or --json wrote, or the results\n"
                "file of weir run, which may still be growing; - for standard input.  The page is\n"
                "one file that needs no network.  Plots are drawn by gnuplot, which must be there.\n"
                "\n",
                stdout);
    weir__options_print(options, stdout);
    (void)fputs("\n"
                "examples:\n"
                "  weir run -i urls.txt -o results.jsonl && weir report results.jsonl -o run.html\n"
                "  weir bench --output bench.json && weir report bench.json -o bench.html\n",
                stdout);
}

static bool take(void *context, const struct weir__option *option, const char *value)
{
    struct request *request = context;

    if (option != NULL && option->id == OUTPUT) {
        request->output = value;
    } else if (option != NULL) {
        request->help = true;
    } else if (request->results == NULL) {
        request->results = value;
    } else {
        char shown[NAME_SIZE];
        weir__say("weir report: %s: one file of results at a time", weir__say_escape(value, shown, sizeof shown));
        return false;
    }
    return true;
}

static int say(const char *file, int code, const char *what)
{
    char name[NAME_SIZE];

    weir__say("weir report: %s: %s", weir__say_escape(file, name, sizeof name), what);
    return code;
}

/* --------------------------------------------------------------------------------------------------------------- the
 * file
 */

/* What a pipe holds, in a file without a name; -1 with errno. */
static int copy_stream(int from)
{
    FILE *file = tmpfile();
    char *buffer = malloc(COPY_SIZE);
    int fd = -1;
    ssize_t got = 0;

    while (file != NULL && buffer != NULL && ((got = read(from, buffer, COPY_SIZE)) > 0 || (got < 0 && errno == EINTR)))
        if (got > 0 && fwrite(buffer, 1, (size_t)got, file) != (size_t)got)
            break;
    if (file != NULL && buffer != NULL && got == 0 && fflush(file) == 0)
        fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 3);
    free(buffer);
    if (file != NULL)
        (void)fclose(file);
    return fd;
}

/* A regular file, open for reading; -1 after a message. */
static int open_results(const struct request *request)
{
    const bool input = strcmp(request->results, "-") == 0;
    int fd = input ? STDIN_FILENO : open(request->results, O_RDONLY | O_CLOEXEC | O_NOCTTY), copy;
    struct stat status, out;

    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)say(request->results, 0, strerror(errno));
        return -1;
    }
    if (S_ISDIR(status.st_mode)) {
        (void)say(request->results, 0, strerror(EISDIR));
    } else if (S_ISREG(status.st_mode)) {
        if (stat(request->output, &out) != 0 || out.st_ino != status.st_ino || out.st_dev != status.st_dev)
            return fd;
        (void)say(request->results, 0, "the page would replace the results");
    } else {
        copy = copy_stream(fd);
        if (copy < 0)
            (void)say(request->results, 0, strerror(errno));
        if (!input)
            (void)close(fd);
        return copy;
    }
    if (!input)
        (void)close(fd);
    return -1;
}

/* All of it with a NUL; NULL with errno. */
static char *read_all(int fd, size_t *out_size)
{
    struct stat status;
    size_t used = 0;
    char *text;
    ssize_t got = 1;

    if (fstat(fd, &status) != 0)
        return NULL;
    if ((uint64_t)status.st_size > WEIR__BENCH_FILE_MAX_SIZE) {
        errno = EFBIG;
        return NULL;
    }
    text = malloc((size_t)status.st_size + 1);
    while (text != NULL && used < (size_t)status.st_size && got > 0) {
        got = pread(fd, text + used, (size_t)status.st_size - used, (off_t)used);
        if (got > 0)
            used += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (text != NULL && got >= 0) {
        text[used] = '\0';
        *out_size = used;
        return text;
    }
    free(text);
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------------- the
 * kind
 */

enum kind { NOTHING, BENCH, JOURNAL, RESULTS };

/* Whether the text begins with an object whose first key is that. */
static bool begins_with_key(const char *text, const char *key)
{
    text += strspn(text, " \t\r\n");
    if (*text++ != '{')
        return false;
    text += strspn(text, " \t\r\n");
    return *text == '"' && strncmp(text + 1, key, strlen(key)) == 0 && text[1 + strlen(key)] == '"';
}

static enum kind kind_of(int fd)
{
    char text[BEGINNING_SIZE + 1];
    const ssize_t got = pread(fd, text, BEGINNING_SIZE, 0);

    text[got > 0 ? got : 0] = '\0';
    return begins_with_key(text, "weir_bench")  ? BENCH
           : begins_with_key(text, "journal")   ? JOURNAL
           : begins_with_key(text, "custom_id") ? RESULTS
                                                : NOTHING;
}

static int report_bench(int fd, const struct request *request)
{
    struct weir__bench_results results;
    char error[ERROR_SIZE];
    size_t size = 0;
    char *text = read_all(fd, &size);
    int code;

    if (text == NULL)
        return say(request->results, WEIR__EXIT_OUTPUT, strerror(errno));
    if (!weir__bench_results_read(text, size, &results, error, sizeof error)) {
        free(text);
        return say(request->results, WEIR__EXIT_USAGE, error);
    }
    free(text);
    code = weir__report_bench_write(&results, "report", request->output);
    weir__bench_results_clear(&results);
    return code;
}

static int report_run(int fd, const struct request *request, bool journal)
{
    struct weir__report_run *run = malloc(sizeof *run);
    int code;

    if (run == NULL)
        return say(request->results, WEIR__EXIT_USAGE, "out of memory");
    code = weir__report_run_read(run, fd, request->results, journal);
    if (code == WEIR__EXIT_OK)
        code = weir__report_run_write(run, "report", request->output);
    weir__report_run_clear(run);
    free(run);
    return code;
}

static int report(const struct request *request)
{
    int fd, code = WEIR__EXIT_USAGE;

    if (request->results == NULL || request->output == NULL) {
        weir__say(request->results == NULL ? "weir report: of which results? give a file (see weir report --help)"
                                           : "weir report: where to? give -o FILE.html, or -o - for standard output");
        return WEIR__EXIT_USAGE;
    }
    if (!weir__report_gnuplot_find("report"))
        return WEIR__EXIT_USAGE;
    fd = open_results(request);
    if (fd < 0)
        return WEIR__EXIT_OUTPUT;
    switch (kind_of(fd)) {
    case BENCH:
        code = report_bench(fd, request);
        break;
    case JOURNAL:
    case RESULTS:
        code = report_run(fd, request, kind_of(fd) == JOURNAL);
        break;
    case NOTHING:
        code = say(request->results, WEIR__EXIT_USAGE,
                   "line 1 begins neither the results of weir bench nor a results file of weir run");
        break;
    }
    if (fd > STDERR_FILENO)
        (void)close(fd);
    return code;
}

int weir__report_main(int argc, char **argv)
{
    struct request request = {.results = NULL};

    if (!weir__options_parse("report", options, argc - 1, argv + 1, take, &request))
        return WEIR__EXIT_USAGE;
    if (request.help) {
        print_help();
        return WEIR__EXIT_OK;
    }
    return report(&request);
}
