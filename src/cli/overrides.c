/* overrides - see overrides.h */
#include "cli/overrides.h"

#include "cli/say.h"
#include "json/writer.h"

#include <stdlib.h>
#include <string.h>

/* Sets that one argument can become, and room for what is collected at the end. */
#define EACH 2
#define SPARE 2

static bool no_memory(const struct weir__overrides *overrides)
{
    weir__say("weir %s: out of memory", overrides->command);
    return false;
}

bool weir__overrides_init(struct weir__overrides *overrides, const char *command, size_t argument_count)
{
    const size_t most = argument_count * EACH + SPARE;

    *overrides = (struct weir__overrides){.command = command};
    overrides->sets = calloc(most, sizeof *overrides->sets);
    overrides->rates = calloc(most, sizeof *overrides->rates);
    overrides->owned = calloc(most, sizeof *overrides->owned);
    if (overrides->sets == NULL || overrides->rates == NULL || overrides->owned == NULL)
        return no_memory(overrides);
    return true;
}

void weir__overrides_clear(struct weir__overrides *overrides)
{
    if (overrides == NULL)
        return;
    for (size_t i = 0; i < overrides->owned_count; i++)
        free(overrides->owned[i]);
    free(overrides->owned);
    free(overrides->rates);
    free(overrides->sets);
    memset(overrides, 0, sizeof *overrides);
}

bool weir__overrides_add(struct weir__overrides *overrides, const char *path, const char *value, bool literal,
                         const char *origin)
{
    overrides->sets[overrides->set_count++] = (struct weir__config_set){path, value, literal, origin};
    return true;
}

char *weir__overrides_own(struct weir__overrides *overrides, char *text)
{
    if (text != NULL)
        overrides->owned[overrides->owned_count++] = text;
    else
        (void)no_memory(overrides);
    return text;
}

bool weir__overrides_take_set(struct weir__overrides *overrides, const char *text, const char *example)
{
    const char *equals = strchr(text, '='), *path;

    if (equals == NULL || equals == text) {
        weir__say("weir %s: --set: expected KEY.PATH=VALUE, such as --set %s", overrides->command, example);
        return false;
    }
    path = weir__overrides_own(overrides, strndup(text, (size_t)(equals - text)));
    return path != NULL && weir__overrides_add(overrides, path, equals + 1, false, "--set");
}

bool weir__overrides_take_rate(struct weir__overrides *overrides, const char *text)
{
    overrides->rates[overrides->rate_count++] = text;
    return true;
}

bool weir__overrides_take_operand(struct weir__overrides *overrides, const char *text)
{
    if (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) {
        weir__say("weir %s: a URL is given with -u; the argument is a configuration file", overrides->command);
        return false;
    }
    if (overrides->config_file != NULL) {
        weir__say("weir %s: more than one configuration file", overrides->command);
        return false;
    }
    overrides->config_file = strcmp(text, "-") == 0 ? "/dev/stdin" : text;
    return true;
}

/* One rate is set as its text, several as an array. */
bool weir__overrides_collect_rates(struct weir__overrides *overrides)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    const char *json;

    if (overrides->rate_count == 0)
        return true;
    if (overrides->rate_count == 1)
        return weir__overrides_add(overrides, "rate", overrides->rates[0], true, "--rate");
    weir__writer_array(&writer, NULL);
    for (size_t i = 0; i < overrides->rate_count; i++)
        weir__writer_string(&writer, NULL, overrides->rates[i]);
    weir__writer_end(&writer);
    if (writer.failed)
        weir__writer_clear(&writer);
    json = weir__overrides_own(overrides, writer.text);
    return json != NULL && weir__overrides_add(overrides, "rate", json, false, "--rate");
}

static void say_errors(const char *command, const struct weir__config_errors *errors)
{
    const size_t all = errors->count + errors->dropped;
    char shown[WEIR__SAY_LINE_MAX];

    for (size_t i = 0; i < errors->count; i++)
        weir__say("%s", weir__say_escape(errors->list[i].text, shown, sizeof shown));
    if (errors->dropped > 0)
        weir__say("and %zu more", errors->dropped);
    weir__say("weir %s: %zu mistake%s in the configuration; nothing was sent", command, all, all == 1 ? "" : "s");
}

bool weir__overrides_load(const struct weir__overrides *overrides, enum weir__config_use use, struct weir__config *out)
{
    struct weir__config_errors errors;
    const bool loaded =
        weir__config_load(overrides->config_file, overrides->sets, overrides->set_count, use, out, &errors);

    if (!loaded)
        say_errors(overrides->command, &errors);
    weir__config_errors_clear(&errors);
    return loaded;
}
