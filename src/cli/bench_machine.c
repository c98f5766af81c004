/* bench_machine - see bench_machine.h */
#include "cli/bench_machine.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What the first line of that name in /proc/cpuinfo says. */
static void read_processor(char *out, size_t size)
{
    static const char key[] = "model name";
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];

    (void)snprintf(out, size, "processor");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, key, sizeof key - 1) != 0 || colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    if (file != NULL)
        (void)fclose(file);
}

/* The first two words of what libcurl calls itself.  Its header is none of the command's business, and the function
 * neither initialises it nor starts anything. */
static void read_library(char *out, size_t size)
{
    void *symbol = dlsym(RTLD_DEFAULT, "curl_version");
    char *(*version)(void);
    char *space;

    out[0] = '\0';
    if (symbol == NULL)
        return;
    memcpy(&version, &symbol, sizeof version);
    (void)snprintf(out, size, "%s", version());
    space = strchr(out, ' ');
    space = space == NULL ? NULL : strchr(space + 1, ' ');
    if (space != NULL)
        *space = '\0';
}

char *weir__bench_machine(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    char processor[256], library[128], text[700];
    struct utsname system;

    read_processor(processor, sizeof processor);
    read_library(library, sizeof library);
    if (uname(&system) != 0)
        (void)memset(&system, 0, sizeof system);
    (void)snprintf(text, sizeof text, "%ld x %s, %s %s%s%s", processors, processor, system.sysname, system.release,
                   library[0] == '\0' ? "" : ", ", library);
    return strdup(text);
}
