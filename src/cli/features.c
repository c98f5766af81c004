/* features - see features.h */
#include "cli/features.h"

#include "cli/say.h"

#include <string.h>

static bool refuse(const char *command, const char *key)
{
    weir__say("weir %s: %s: this version does not do that yet", command, key);
    return false;
}

bool weir__features_check(const char *command, const struct weir__config *config)
{
    bool possible = true;

    if (config->engine == WEIR__ENGINE_ASYNC)
        possible = refuse(command, "engine \"async\"");
    if (config->scope != NULL && strcmp(config->scope, "process") != 0)
        possible = refuse(command, "scope \"host:\"");
    return possible;
}
