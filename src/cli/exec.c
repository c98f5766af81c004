/*
 * exec - `weir exec`: an unchanged program that uses libcurl, and all that it starts, under limits.
 *
 * This process holds the scope open while the command runs, so that its limits stay; the library that it puts before
 * the command takes the permits (src/http/preload.h).
 */
#include "cli/exec.h"

#include "base/random.h"
#include "cli/commands.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANDOM_DIGITS 8 /* of a UUID */
#define RUN_SIZE 32     /* of a run's name */

static void print_help(void)
{
    (void)fputs("usage: weir exec [options] [--] COMMAND [ARGUMENT...]\n"
                "\n"
                "Runs a program that uses libcurl, unchanged, under limits: every HTTP request\n"
                "that it, or a process that it starts, sends takes a permit first and waits for\n"
                "it.  All keep to the limits together.  Redirects and resends pay as well.\n"
                "\n",
                stdout);
    weir__exec_options_print();
    (void)fputs("\n"
                "Not covered are programs that bring libcurl along statically, look it up by\n"
                "dlsym() (ctypes and other FFIs) or do not use it, set-user-ID programs, and what\n"
                "is started without LD_PRELOAD in its environment.\n"
                "\n"
                "exit codes: the command's own, or 128 and the signal that ended it; 126 if it\n"
                "cannot be started, 127 if it is not found; 2 for usage, or limits that cannot\n"
                "be had; 5 if the library that keeps them is not there\n"
                "\n"
                "examples:\n"
                "  weir exec -r 100/s -- php import.php\n"
                "  weir exec -r 10/s -c 4 -- sh -c 'for i in 1 2 3; do ./worker & done; wait'\n"
                "  weir exec --scope host:crm -r 100/s -r 5000/h -- python3 sync.py\n",
                stdout);
}

/* "PID.RANDOM": no other run has it, in whatever PID namespace. */
static bool name_run(char *out, size_t size)
{
    char uuid[WEIR__UUID_SIZE];

    if (!weir__random_uuid(uuid)) {
        weir__say("weir exec: the system has no random bytes");
        return false;
    }
    (void)snprintf(out, size, "%ld.%.*s", (long)getpid(), RANDOM_DIGITS, uuid);
    return true;
}

/* The segment of a scope, whose name is after "host:"; who has it open keeps it. */
static void remove_scope(const char *scope)
{
    char name[sizeof "/weir." + WEIR_SCOPE_NAME_MAX];

    (void)snprintf(name, sizeof name, "/weir.%s", scope + strlen("host:"));
    (void)shm_unlink(name);
}

/* A scope that was named alone, and has no limits: nothing would hold the command back. */
static bool has_limits(struct weir_limits *limits, const struct weir__exec_options *options)
{
    struct weir_limits_stats stats = {.struct_size = sizeof stats};

    weir_limits_snapshot(limits, &stats);
    return options->concurrency != 0 || options->rate_auto || stats.limit_count > 1 ||
           stats.limits[0].permits < WEIR_CONCURRENCY_MAX;
}

static bool open_limits(const struct weir__exec_options *options, const char *scope, struct weir_limits **out)
{
    struct weir_limits_options wanted = WEIR_LIMITS_OPTIONS_INIT;
    const char *why = NULL;
    enum weir_status status;
    char shown[256];

    wanted.concurrency = options->concurrency;
    wanted.rates = options->rate_count > 0 ? options->rates : NULL;
    wanted.rate_count = options->rate_count;
    wanted.learn_rate = options->rate_auto;
    wanted.scope = scope;
    status = weir_limits_new(&wanted, out);
    if (status == WEIR_INVALID)
        why = "a scope is host: and up to 64 letters, digits, \".\", \"_\" or \"-\"";
    else if (status != WEIR_OK)
        why = weir_status_text(status);
    else if (!has_limits(*out, options))
        why = "it has no limits yet: give -r or -c";
    if (why != NULL)
        weir__say("weir exec: %s: %s", weir__say_escape(scope, shown, sizeof shown), why);
    return why == NULL;
}

static int run(const struct weir__exec_options *options)
{
    char own[sizeof "host:exec." + RUN_SIZE], name[RUN_SIZE];
    const char *scope = options->scope != NULL ? options->scope : own;
    struct weir__exec_tally tally = {.figures = NULL};
    struct weir_limits *limits = NULL;
    int code = WEIR__EXIT_OUTPUT;

    if (!name_run(name, sizeof name))
        return code;
    (void)snprintf(own, sizeof own, "host:exec.%s", name);
    if (!open_limits(options, scope, &limits)) {
        code = WEIR__EXIT_USAGE;
    } else if ((!options->verbose || weir__exec_tally_open(&tally, name)) &&
               weir__exec_environment_set(options, scope, tally.name)) {
        code = weir__exec_child_run(options->command);
        if (options->verbose)
            weir__exec_tally_report(&tally, limits);
    }
    weir__exec_tally_close(&tally);
    weir_limits_free(limits);
    if (options->scope == NULL && !weir__exec_child_left_others()) /* who opens it later must find this one */
        remove_scope(scope);
    return code;
}

int weir__exec_main(int argc, char **argv)
{
    struct weir__exec_options options;

    if (!weir__exec_options_parse(argc - 1, argv + 1, &options))
        return WEIR__EXIT_USAGE;
    if (options.help) {
        print_help();
        return WEIR__EXIT_OK;
    }
    if (options.version)
        return weir__version_print();
    return run(&options);
}
