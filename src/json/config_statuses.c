/* config_statuses - lists of HTTP statuses: ["2xx", "200-204", 404]. */
#include "json/config_parts.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_MIN 100u
#define STATUS_MAX 599u
#define ENTRY "a status from 100 to 599 such as 200, \"2xx\" or \"200-204\""

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Three digits. */
static bool parse_status(const char *text, uint16_t *out)
{
    if (!is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2]))
        return false;
    *out = (uint16_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
    return *out >= STATUS_MIN && *out <= STATUS_MAX;
}

bool weir__config_statuses_parse(const char *text, struct weir_status_range *out)
{
    struct weir_status_range range;

    if (text[0] >= '1' && text[0] <= '5' && (strcmp(text + 1, "xx") == 0 || strcmp(text + 1, "XX") == 0)) {
        range.first = (uint16_t)((text[0] - '0') * 100);
        range.last = (uint16_t)(range.first + 99);
    } else if (!parse_status(text, &range.first)) {
        return false;
    } else if (text[3] == '\0') {
        range.last = range.first;
    } else if (text[3] != '-' || !parse_status(text + 4, &range.last) || text[7] != '\0' || range.last < range.first) {
        return false;
    }
    *out = range;
    return true;
}

static bool decode_entry(struct weir__config_tree *tree, const cJSON *item, const char *path,
                         struct weir_status_range *out, bool *out_secret)
{
    struct weir__config_text text;
    bool done;

    if (cJSON_IsNumber(item)) {
        const double value = item->valuedouble;
        if (value >= STATUS_MIN && value <= STATUS_MAX && value <= (double)(int)value) {
            out->first = out->last = (uint16_t)value;
            return true;
        }
        weir__config_errors_type(tree, item, path, ENTRY, true);
        return false;
    }
    if (!weir__config_text_get(tree, item, path, ENTRY, false, &text))
        return false;
    done = weir__config_statuses_parse(text.bytes, out);
    *out_secret |= text.secret;
    free(text.bytes);
    if (!done)
        weir__config_errors_type(tree, item, path, ENTRY, true);
    return done;
}

void weir__config_statuses_decode(struct weir__config_tree *tree, const cJSON *item, const struct weir__config_key *key,
                                  struct weir__config *config, bool *out_secret)
{
    struct weir_status_range **list = (struct weir_status_range **)(void *)((char *)config + key->offset);
    size_t *list_count = (size_t *)(void *)((char *)config + key->offset_count);
    const bool array = cJSON_IsArray(item);
    const size_t count = array ? (size_t)cJSON_GetArraySize(item) : 1;
    const bool may_be_empty = strcmp(key->path, "success") != 0;
    struct weir_status_range *ranges;
    const cJSON *entry = array ? item->child : item;
    size_t done = 0;

    if (!array && !cJSON_IsString(item) && !cJSON_IsNumber(item)) {
        weir__config_errors_type(tree, item, key->path, "an array of statuses such as [\"2xx\", 304]", false);
        return;
    }
    if (count > WEIR__CONFIG_STATUSES_MAX || (count == 0 && !may_be_empty)) {
        weir__config_errors_add(tree, item, key->path, "expected %s to %u entries, got %zu", may_be_empty ? "0" : "1",
                                WEIR__CONFIG_STATUSES_MAX, count);
        return;
    }
    ranges = calloc(count + 1, sizeof *ranges);
    if (ranges == NULL) {
        weir__config_errors_no_memory(tree);
        return;
    }
    for (size_t i = 0; i < count; i++, entry = entry->next)
        done += decode_entry(tree, entry, key->path, &ranges[i], out_secret);
    if (done < count) {
        free(ranges);
        return;
    }
    free(*list);
    *list = ranges;
    *list_count = count;
}
