/*
 * config_errors - the list of mistakes and how each is worded and placed.
 *
 * Values go into a message only where the caller says that they may be shown.
 */
#include "json/config_parts.h"

#include "json/scan.h"
#include "json/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_SIZE 1024u /* longer ones are cut */
#define QUOTED_MAX 60u     /* bytes of a value in a message */

static void add_text(struct weir__config_errors *errors, const char *text)
{
    const bool room = errors->count < WEIR__CONFIG_ERRORS_MAX;
    char *copy = room ? strdup(text) : NULL;

    if (copy == NULL)
        errors->dropped++;
    else
        errors->list[errors->count++].text = copy;
    errors->no_memory |= room && copy == NULL;
}

void weir__config_errors_clear(struct weir__config_errors *errors)
{
    if (errors == NULL)
        return;
    for (size_t i = 0; i < errors->count; i++)
        free(errors->list[i].text);
    memset(errors, 0, sizeof *errors);
}

/* "conf.json:4: retry.attempts", "--retries: retry.attempts", "--set retry.attempts". */
static void format_place(const struct weir__config_tree *tree, const cJSON *item, const char *path, char *out,
                         size_t size)
{
    const struct weir__config_place *place = item != NULL ? weir__config_tree_place(tree, item) : NULL;
    const struct weir__config_source *source = place != NULL ? &tree->sources[place->source] : NULL;
    const char *colon = path[0] == '\0' ? "" : ": ";
    size_t line, column;

    if (source == NULL) {
        (void)snprintf(out, size, "%s", path);
    } else if (source->path == NULL) {
        weir__scan_locate(source->text, place->key, &line, &column);
        (void)snprintf(out, size, "%s:%zu%s%s", source->name, line, colon, path);
    } else if (strcmp(source->name, "--set") == 0) {
        (void)snprintf(out, size, "--set %s", path[0] == '\0' ? source->path : path);
    } else {
        (void)snprintf(out, size, "%s%s%s", source->name, colon, path);
    }
}

void weir__config_errors_add(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *format,
                             ...)
{
    char place[MESSAGE_SIZE / 2], what[MESSAGE_SIZE / 2], text[MESSAGE_SIZE + 2];
    va_list arguments;

    if (tree->errors->count == WEIR__CONFIG_ERRORS_MAX) { /* so that a huge file of mistakes costs no searching */
        tree->errors->dropped++;
        return;
    }
    format_place(tree, item, path, place, sizeof place);
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    (void)snprintf(text, sizeof text, "%s%s%s", place, place[0] == '\0' ? "" : ": ", what);
    add_text(tree->errors, text);
}

void weir__config_errors_add_at(struct weir__config_tree *tree, size_t source, size_t offset, const char *format, ...)
{
    char what[MESSAGE_SIZE / 2], text[MESSAGE_SIZE];
    size_t line, column;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    weir__scan_locate(tree->sources[source].text, offset, &line, &column);
    if (tree->sources[source].path == NULL)
        (void)snprintf(text, sizeof text, "%.400s:%zu:%zu: %s", tree->sources[source].name, line, column, what);
    else
        (void)snprintf(text, sizeof text, "%.400s %.80s: %s", tree->sources[source].name, tree->sources[source].path,
                       what);
    add_text(tree->errors, text);
}

void weir__config_errors_no_memory(struct weir__config_tree *tree)
{
    if (!tree->errors->no_memory)
        add_text(tree->errors, "out of memory");
    tree->errors->no_memory = true;
}

void weir__config_errors_quote(const char *text, char *out)
{
    size_t used = 0, i = 0;

    out[used++] = '"';
    while (text[i] != '\0' && used < QUOTED_MAX) {
        const size_t length = weir__utf8_length(text + i, strnlen(text + i, 4));
        const unsigned char c = (unsigned char)text[i];
        const bool plain = c >= 0x20 && c != 0x7f && !(length == 2 && c == 0xc2 && (unsigned char)text[i + 1] < 0xa0);

        if (length == 0 || !plain) {
            out[used++] = '?';
            i += length == 0 ? 1 : length;
        } else {
            memcpy(out + used, text + i, length);
            used += length;
            i += length;
        }
    }
    (void)snprintf(out + used, WEIR__CONFIG_QUOTE_SIZE - used, text[i] == '\0' ? "\"" : "...\"");
}

/* What a value is, for "got ...".  A ${file:} or ${env:} stands there as it was written, never as what it stands for.
 */
static void describe(const struct weir__config_tree *tree, const cJSON *item, bool show, char *out, size_t size)
{
    char quoted[WEIR__CONFIG_QUOTE_SIZE];
    const char *bytes;
    size_t length;

    if (cJSON_IsString(item) && show) {
        weir__config_errors_quote(item->valuestring, quoted);
        (void)snprintf(out, size, "%s", quoted);
    } else if (cJSON_IsNumber(item) && show && weir__config_tree_span(tree, item, &bytes, &length)) {
        (void)snprintf(out, size, "%.*s", (int)(length < 40 ? length : 40), bytes);
    } else {
        (void)snprintf(out, size, "%s",
                       cJSON_IsString(item)   ? "a string"
                       : cJSON_IsNumber(item) ? "a number"
                       : cJSON_IsTrue(item)   ? "true"
                       : cJSON_IsFalse(item)  ? "false"
                       : cJSON_IsNull(item)   ? "null"
                       : cJSON_IsArray(item)  ? "an array"
                                              : "an object");
    }
}

void weir__config_errors_type(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *expected,
                              bool show)
{
    char what[WEIR__CONFIG_QUOTE_SIZE + 8];

    describe(tree, item, show, what, sizeof what);
    weir__config_errors_add(tree, item, path, "expected %s, got %s", expected, what);
}
