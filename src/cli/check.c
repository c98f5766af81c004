/*
 * check - `weir check`: the configuration as it will be used, and every mistake in it; sends nothing.
 */
#include "cli/commands.h"

#include "cli/run_options.h"
#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>

static void print_help(void)
{
    (void)fputs("usage: weir check CONFIG [options]\n"
                "\n"
                "Reads the configuration with the options of weir run on top, says every mistake\n"
                "in it, or prints it as it would be used, defaults included and secrets hidden.\n"
                "Sends nothing.  Exit code 0 if it is valid, else 2.\n"
                "\n",
                stdout);
    weir__run_options_print();
    (void)fputs("\n"
                "examples:\n"
                "  weir check conf/weir.json\n"
                "  weir check conf/weir.json --set retry.attempts=3\n",
                stdout);
}

/* The effective configuration on stdout. */
static int print_config(const struct weir__config *config)
{
    char *text = weir__config_print(config);
    int code = WEIR__EXIT_OUTPUT;

    if (text == NULL)
        weir__say("weir check: out of memory");
    else if (fputs(text, stdout) != EOF && fputc('\n', stdout) != EOF && fflush(stdout) == 0)
        code = WEIR__EXIT_OK;
    else
        weir__say("weir check: the configuration could not be written to stdout");
    free(text);
    return code;
}

static int check(const struct weir__run_options *options)
{
    struct weir__config config;
    int code;

    if (options->overrides.config_file == NULL && options->overrides.set_count == 0) {
        weir__say("weir check: which configuration? give a file (see weir check --help)");
        return WEIR__EXIT_USAGE;
    }
    if (!weir__run_options_load(options, &config))
        return WEIR__EXIT_USAGE;
    code = print_config(&config);
    if (code == WEIR__EXIT_OK && !options->quiet)
        weir__say("OK: the configuration is valid");
    weir__config_clear(&config);
    return code;
}

int weir__check_main(int argc, char **argv)
{
    struct weir__run_options options;
    int code = WEIR__EXIT_USAGE;

    if (!weir__run_options_parse("check", argc - 1, argv + 1, &options))
        goto done;
    if (options.help) {
        print_help();
        code = WEIR__EXIT_OK;
    } else if (options.version) {
        code = weir__version_print();
    } else {
        code = check(&options);
    }
done:
    weir__run_options_clear(&options);
    return code;
}
