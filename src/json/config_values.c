/*
 * config_values - one number, word, size or duration, checked against its range.
 *
 * Which key it is for, and where it goes, is its caller's concern.
 */
#include "json/config_parts.h"

#include "json/suggest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 8u

static bool from_override(const struct weir__config_tree *tree, const cJSON *item)
{
    const struct weir__config_source *source = weir__config_tree_source(tree, item);
    return source != NULL && source->path != NULL;
}

bool weir__config_values_count(struct weir__config_tree *tree, const cJSON *item, const char *path, uint64_t min,
                               uint64_t max, uint64_t *out)
{
    char expected[80];
    uint64_t value;

    if (cJSON_IsNumber(item) && item->valuedouble >= (double)min && item->valuedouble <= (double)max) {
        value = (uint64_t)item->valuedouble;
        if ((double)value >= item->valuedouble) {
            *out = value;
            return true;
        }
    }
    /* an option's 1_000_000 is no JSON */
    if (cJSON_IsString(item) && from_override(tree, item) && weir__units_parse_count(item->valuestring, max, &value) &&
        value >= min) {
        *out = value;
        return true;
    }
    (void)snprintf(expected, sizeof expected, "a whole number from %" PRIu64 " to %" PRIu64, min, max);
    weir__config_errors_type(tree, item, path, expected, true);
    return false;
}

/* A string's text for a parser of units; NULL after an error. */
static char *unit_text(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *expected,
                       bool *out_secret)
{
    struct weir__config_text text;

    if (!cJSON_IsString(item)) {
        weir__config_errors_type(tree, item, path, expected, true);
        return NULL;
    }
    if (!weir__config_text_get(tree, item, path, expected, false, &text))
        return NULL;
    *out_secret |= text.secret;
    return text.bytes;
}

bool weir__config_values_duration(struct weir__config_tree *tree, const cJSON *item, const char *path, int64_t min,
                                  int64_t max, int64_t *out, bool *out_secret)
{
    char expected[160], least[32], most[32];
    int64_t value = -1;

    weir__units_format_duration(min, least, sizeof least);
    weir__units_format_duration(max, most, sizeof most);
    (void)snprintf(expected, sizeof expected,
                   "a duration from %s to %s such as \"250ms\", \"1s\" or \"2m\", or a number of seconds", least, most);
    if (cJSON_IsNumber(item)) {
        if (item->valuedouble >= 0 && item->valuedouble <= (double)WEIR__DURATION_MAX_NS / 1e9)
            value = (int64_t)(item->valuedouble * 1e9 + 0.5);
    } else {
        char *text = unit_text(tree, item, path, expected, out_secret);
        if (text == NULL)
            return false;
        if (!weir__units_parse_duration(text, &value))
            value = -1;
        free(text);
    }
    if (value < min || value > max) {
        weir__config_errors_type(tree, item, path, expected, true);
        return false;
    }
    *out = value;
    return true;
}

bool weir__config_values_size(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                              uint64_t *out, bool *out_secret)
{
    static const char expected[] = "a size of at most 16GiB such as \"64KiB\" or \"16MiB\", or a number of bytes";
    uint64_t value;
    char *text;
    bool done;

    if (cJSON_IsNumber(item)) {
        const double number = item->valuedouble;
        done = number >= 0 && number <= (double)key->max && (double)(uint64_t)number >= number;
        value = done ? (uint64_t)number : 0;
    } else {
        text = unit_text(tree, item, key->path, expected, out_secret);
        if (text == NULL)
            return false;
        done = weir__units_parse_size(text, &value) && value <= key->max;
        free(text);
    }
    if (!done)
        weir__config_errors_type(tree, item, key->path, expected, true);
    else
        *out = value;
    return done;
}

bool weir__config_values_choice(struct weir__config_tree *tree, const cJSON *item, const char *path,
                                const struct weir__config_choice *choices, int *out, bool *out_secret)
{
    struct weir__config_text text;
    const char *names[CHOICES_MAX], *meant = NULL;
    char expected[160] = "";
    size_t count = 0, used = 0;

    for (; count < CHOICES_MAX && choices[count].name != NULL; count++) {
        names[count] = choices[count].name;
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s\"%s\"",
                                 count == 0                        ? ""
                                 : choices[count + 1].name == NULL ? " or "
                                                                   : ", ",
                                 names[count]);
    }
    if (!cJSON_IsString(item) && !from_override(tree, item)) {
        weir__config_errors_type(tree, item, path, expected, true);
        return false;
    }
    if (!weir__config_text_get(tree, item, path, expected, false, &text))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], text.bytes) == 0) {
            *out = choices[i].value;
            *out_secret |= text.secret;
            free(text.bytes);
            return true;
        }
    }
    if (!text.secret)
        meant = weir__suggest_pick(text.bytes, names, count);
    if (meant != NULL) /* `used` is within: the choices are the table's own */
        (void)snprintf(expected + used, sizeof expected - used, " (did you mean \"%s\"?)", meant);
    weir__config_errors_type(tree, item, path, expected, true);
    free(text.bytes);
    return false;
}

/* A number that need not be whole. */
bool weir__config_values_number(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                                double *out)
{
    char expected[80];

    if (cJSON_IsNumber(item) && item->valuedouble >= (double)key->min && item->valuedouble <= (double)key->max) {
        *out = item->valuedouble;
        return true;
    }
    (void)snprintf(expected, sizeof expected, "a number from %" PRIu64 " to %" PRIu64, key->min, key->max);
    weir__config_errors_type(tree, item, key->path, expected, true);
    return false;
}
