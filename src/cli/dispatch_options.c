/* dispatch_options - see dispatch_options.h */
#include "cli/dispatch_options.h"

#include "cli/say.h"

#include <stddef.h>
#include <string.h>

/* Which of the files it was only the library knows; that they can be read was checked. */
static void say_files(const struct weir__config *config)
{
    const struct {
        const char *key, *file;
    } files[] = {{"ca_file", config->tls.ca_file},
                 {"client_cert", config->tls.client_cert},
                 {"client_key", config->tls.client_key}};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i].file != NULL)
            weir__say("weir run: tls.%s: %s: expected PEM, and a key that belongs to its certificate", files[i].key,
                      files[i].file);
}

/* NULL for the process's own. */
static const char *name_of(const struct weir__config *config)
{
    static const char host[] = "host:";
    const size_t length = sizeof host - 1;

    return config->scope != NULL && strncmp(config->scope, host, length) == 0 ? config->scope + length : NULL;
}

/* True where the status is about the scope, and was said. */
static bool say_scope(const char *name, enum weir_status status)
{
    switch (status) {
    case WEIR_SCOPE:
        weir__say("weir run: scope host:%s: /dev/shm/weir.%s belongs to somebody else, or is not of this version: use "
                  "another name, or remove the file when nobody uses it",
                  name, name);
        return true;
    case WEIR_SCOPE_LIMITS:
        weir__say("weir run: scope host:%s is in use with other limits: use the same ones, or another name (they are "
                  "in /dev/shm/weir.%s)",
                  name, name);
        return true;
    case WEIR_SCOPE_FULL:
        weir__say("weir run: scope host:%s is shared by %u already, which is the most: wait until one has ended, or "
                  "use another name",
                  name, WEIR_SCOPE_PARTIES_MAX);
        return true;
    case WEIR_RESOURCE:
        weir__say("weir run: scope host:%s: no shared memory (/dev/shm/weir.%s) or no file descriptor to be had: make "
                  "room in /dev/shm, or raise ulimit -n",
                  name, name);
        return true;
    default:
        return false;
    }
}

void weir__dispatch_say_refused(const struct weir__config *config, enum weir_status status)
{
    const char *name = name_of(config);

    if (name != NULL && say_scope(name, status))
        return;
    weir__say("weir run: %s", weir_status_text(status));
    if (status == WEIR_TLS)
        say_files(config);
}
