/* features - see features.h */
#include "cli/features.h"

#include "cli/say.h"

static bool refuse(const char *command, const char *key)
{
    weir__say("weir %s: %s: this version does not do that yet", command, key);
    return false;
}

bool weir__features_check(const char *command, const struct weir__config *config)
{
    return config->engine != WEIR__ENGINE_ASYNC || refuse(command, "engine \"async\"");
}
