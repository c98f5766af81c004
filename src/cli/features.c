/* features - see features.h */
#include "cli/features.h"

#include "cli/say.h"

#include <string.h>

static bool refuse(const char *command, const char *key)
{
    weir__say("weir %s: %s: this version does not do that yet", command, key);
    return false;
}

static void warn(const char *command, const char *key)
{
    weir__say("weir %s: warning: %s: this version does not do that yet and goes on without it", command, key);
}

bool weir__features_check(const char *command, const struct weir__config *config)
{
    bool possible = true;

    if (config->input != NULL)
        possible = refuse(command, "input");
    if (config->output.file != NULL)
        possible = refuse(command, "output");
    if (config->rate_auto)
        possible = refuse(command, "rate \"auto\"");
    if (config->engine == WEIR__ENGINE_ASYNC)
        possible = refuse(command, "engine \"async\"");
    if (config->scope != NULL && strcmp(config->scope, "process") != 0)
        possible = refuse(command, "scope \"host:\"");
    if (!possible)
        return false;
    if (config->has_retry && config->retry.attempts > 1) /* one attempt is what happens */
        warn(command, "retry");
    if (config->idempotency_key != NULL)
        warn(command, "idempotency_key");
    if (config->deadline_ns > 0)
        warn(command, "deadline");
    return true;
}
