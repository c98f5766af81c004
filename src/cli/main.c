/*
 * main - finds the subcommand and calls it.  One table drives dispatch and usage.
 */
#include "cli/commands.h"

#include "cli/say.h"
#include "cli/serve.h"
#include "json/suggest.h"
#include "weir.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name;
    const char *arguments;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", "[CONFIG] [options]", "carry out a batch of jobs", weir__run_main},
    {"bench", "[CONFIG] [options]", "compare engines on the same work", weir__bench_main},
    {"serve", "[CONFIG] [options]", "a rate-limited HTTP target on loopback", weir__serve_main},
    {"demo", "", "the whole story in some seconds", weir__demo_main},
    {"check", "CONFIG", "validate a configuration; send nothing", weir__check_main},
    {"exec", "[options] -- COMMAND", "run a program under limits", weir__exec_main},
    {"report", "RESULTS -o FILE.html", "a page from a results file", weir__report_main},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

int weir__version_print(void)
{
    return printf("weir %s\n", weir_version()) > 0 ? WEIR__EXIT_OK : WEIR__EXIT_OUTPUT;
}

static void print_usage(FILE *to)
{
    (void)fputs("usage: weir COMMAND ...\n"
                "\n"
                "Sends HTTP requests as fast as a limited API allows and no faster.\n"
                "\n",
                to);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char left[48];
        (void)snprintf(left, sizeof left, "%-6s %s", commands[i].name, commands[i].arguments);
        (void)fprintf(to, "  weir %-28s %s\n", left, commands[i].summary);
    }
    (void)fputs("\n"
                "weir help COMMAND    all about one of them        weir --version\n"
                "\n"
                "examples:\n"
                "  weir demo\n"
                "  weir run -u http://127.0.0.1:8080/get -n 200 -c 3 -r 100/s\n",
                to);
}

static int unknown_command(const char *name)
{
    const char *names[COMMAND_COUNT], *near;
    char shown[128];

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    near = weir__suggest_pick(name, names, COMMAND_COUNT);
    weir__say_escape(name, shown, sizeof shown);
    if (near != NULL)
        weir__say("weir: unknown command %s (did you mean %s?)", shown, near);
    else
        weir__say("weir: unknown command %s (see weir --help)", shown);
    return WEIR__EXIT_USAGE;
}

static int call(int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, argv[0]) == 0)
            return commands[i].run(argc, argv);
    return unknown_command(argv[0]);
}

/* "weir help", "weir help run" */
static int help(const char *name)
{
    char copy[32], flag[] = "--help";
    char *arguments[] = {copy, flag, NULL};

    if (name == NULL) {
        print_usage(stdout);
        return WEIR__EXIT_OK;
    }
    (void)snprintf(copy, sizeof copy, "%s", name);
    return call(2, arguments);
}

/*
 * A closed 0, 1 or 2 would become the number of some socket, and what is printed would go to a server.  Opened the
 * wrong way round, so that the use still fails.
 */
static void open_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* takes the lowest number: this one */
}

/* What was printed must have arrived, whatever the command thought of it. */
static int close_stdout(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (code != WEIR__EXIT_OUTPUT)
        weir__say("weir: stdout could not be written");
    return WEIR__EXIT_OUTPUT;
}

int main(int argc, char **argv)
{
    int code = WEIR__EXIT_OK;

    open_standard_files();
    if (argc < 2) {
        print_usage(stderr);
        code = WEIR__EXIT_USAGE;
    } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
    } else if (strcmp(argv[1], "help") == 0) {
        code = help(argv[2]);
    } else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        code = weir__version_print();
    } else {
        code = call(argc - 1, argv + 1);
    }
    return close_stdout(code);
}
