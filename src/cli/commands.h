/*
 * commands - the subcommands, as main's table calls them.
 *
 * Each is handed the arguments from its own name on (argv[0] is "run") and returns the process's exit code.
 */
#ifndef WEIR_CLI_COMMANDS_H
#define WEIR_CLI_COMMANDS_H

/* Exit codes; the README's table. */
enum weir__exit {
    WEIR__EXIT_OK = 0,
    WEIR__EXIT_NOT_ALL = 1, /* every job ended, some not succeeded; a benchmark's subject failed */
    WEIR__EXIT_USAGE = 2,   /* usage or configuration; nothing was sent */
    WEIR__EXIT_STOPPED = 3, /* stopped early */
    WEIR__EXIT_JOURNAL = 4, /* the journal is damaged or belongs to another job */
    WEIR__EXIT_OUTPUT = 5   /* stdout or a file could not be written */
};

int weir__run_main(int argc, char **argv);
int weir__bench_main(int argc, char **argv);
int weir__report_main(int argc, char **argv);
int weir__check_main(int argc, char **argv);
int weir__demo_main(int argc, char **argv);
int weir__exec_main(int argc, char **argv);

/* "weir 0.1.0" on stdout. */
int weir__version_print(void);

#endif
