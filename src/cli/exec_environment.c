/* exec_environment - what the command inherits: the limits, and the library that keeps them. */
#include "cli/exec.h"

#include "base/handover.h"
#include "base/units.h"
#include "cli/say.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libweir-exec.so"
/* Where `make install` puts libraries, seen from the root and from the command; the Makefile says it. */
#ifndef WEIR_EXECDIR
#define WEIR_EXECDIR "/usr/local/lib/weir"
#endif
#ifndef WEIR_EXECDIR_FROM_BINDIR
#define WEIR_EXECDIR_FROM_BINDIR "../lib/weir"
#endif

static void format_rates(const struct weir__exec_options *options, char *text, size_t size)
{
    static const char *const shapes[] = WEIR__HANDOVER_SHAPES;
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < options->rate_count; i++) {
        char rate[48];
        weir__units_format_rate(options->rates[i].requests, options->rates[i].per_ns, rate, sizeof rate);
        used += (size_t)snprintf(text + used, size - used, "%s%s:%s", i > 0 ? "," : "", rate,
                                 shapes[options->rates[i].shape]);
    }
    if (options->rate_auto)
        (void)snprintf(text + used, size - used, "%sauto", used > 0 ? "," : "");
}

static bool set(const char *name, const char *value)
{
    if (setenv(name, value, 1) == 0)
        return true;
    weir__say("weir exec: out of memory");
    return false;
}

/* Whether `folder` with `middle` after it has the library; its absolute name in `out`. */
static bool is_in(const char *folder, const char *middle, char out[PATH_MAX])
{
    char name[PATH_MAX + 64];

    (void)snprintf(name, sizeof name, "%s%s/" LIBRARY, folder, middle);
    return realpath(name, out) != NULL && access(out, R_OK) == 0;
}

/* WEIR_EXEC_LIBRARY; beside the command; where an installed command has it; where make install puts it. */
static bool find_library(char out[PATH_MAX])
{
    const char *given = getenv("WEIR_EXEC_LIBRARY");
    char self[PATH_MAX];
    ssize_t size;
    char *slash;

    if (given != NULL && given[0] != '\0') {
        if (realpath(given, out) != NULL && access(out, R_OK) == 0)
            return true;
        weir__say("weir exec: WEIR_EXEC_LIBRARY: there is no such file");
        return false;
    }
    size = readlink("/proc/self/exe", self, sizeof self - 1);
    self[size > 0 ? size : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash != NULL) {
        *slash = '\0';
        if (is_in(self, "", out) || is_in(self, "/" WEIR_EXECDIR_FROM_BINDIR, out))
            return true;
    }
    if (is_in(WEIR_EXECDIR, "", out))
        return true;
    weir__say("weir exec: " LIBRARY " is neither beside the command nor in " WEIR_EXECDIR);
    return false;
}

/* Before what is there; once, also for an exec inside an exec. */
static bool preload(const char *library)
{
    const char *there = getenv("LD_PRELOAD");
    const size_t size = strlen(library) + 1 + (there != NULL ? strlen(there) : 0) + 1;
    bool done;
    char *text;

    if (strpbrk(library, " :") != NULL) {
        weir__say("weir exec: LD_PRELOAD takes no name with a space or a colon in it: %s", library);
        return false;
    }
    if (there != NULL && strncmp(there, library, strlen(library)) == 0 && strchr(" :", there[strlen(library)]) != NULL)
        return true; /* strchr() finds the NUL, too */
    text = malloc(size);
    if (text == NULL) {
        weir__say("weir exec: out of memory");
        return false;
    }
    (void)snprintf(text, size, "%s%s%s", library, there != NULL && there[0] != '\0' ? ":" : "",
                   there != NULL ? there : "");
    done = set("LD_PRELOAD", text);
    free(text);
    return done;
}

bool weir__exec_environment_set(const struct weir__exec_options *options, const char *scope, const char *tally)
{
    char library[PATH_MAX], rates[WEIR__HANDOVER_RATES_SIZE], concurrency[16];

    format_rates(options, rates, sizeof rates);
    (void)snprintf(concurrency, sizeof concurrency, "%u", (unsigned)options->concurrency);
    return find_library(library) && preload(library) && set(WEIR__HANDOVER_SCOPE, scope) &&
           set(WEIR__HANDOVER_CONCURRENCY, concurrency) && set(WEIR__HANDOVER_RATES, rates) &&
           set(WEIR__HANDOVER_TALLY, tally);
}
