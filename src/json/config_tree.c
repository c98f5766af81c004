/*
 * config_tree - the file as a tree, and where each value of it stands.
 *
 * The text is scanned strictly before cJSON sees it: cJSON lets much pass that is not JSON, keeps duplicate keys and
 * knows no lines.  A request body stays out of the tree, so that its numbers never become doubles.  What keys mean is
 * not known here, but for `body`.
 */
#include "json/config_parts.h"

#include "json/scan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* cJSON copies a number into 64 bytes and stumbles over what is left of a longer one. */
#define NUMBER_SIZE_MAX 63u

bool weir__config_tree_note(struct weir__config_tree *tree, const cJSON *item, size_t source, size_t key, size_t start)
{
    struct weir__config_place *places = tree->places;

    if (tree->place_count == tree->place_capacity) {
        const size_t capacity = tree->place_capacity == 0 ? 64 : tree->place_capacity * 2;
        places = realloc(places, capacity * sizeof *places);
        if (places == NULL) {
            weir__config_errors_no_memory(tree);
            return false;
        }
        tree->places = places;
        tree->place_capacity = capacity;
    }
    places[tree->place_count++] = (struct weir__config_place){item, source, key, start};
    return true;
}

const struct weir__config_place *weir__config_tree_place(const struct weir__config_tree *tree, const cJSON *item)
{
    for (size_t i = tree->place_count; i > 0; i--)
        if (tree->places[i - 1].item == item)
            return &tree->places[i - 1];
    return NULL;
}

const struct weir__config_source *weir__config_tree_source(const struct weir__config_tree *tree, const cJSON *item)
{
    const struct weir__config_place *place = weir__config_tree_place(tree, item);
    return place != NULL ? &tree->sources[place->source] : NULL;
}

bool weir__config_tree_span(const struct weir__config_tree *tree, const cJSON *item, const char **out, size_t *out_size)
{
    const struct weir__config_place *place = weir__config_tree_place(tree, item);
    const struct weir__config_source *source = place != NULL ? &tree->sources[place->source] : NULL;
    struct weir__scan scan;
    enum weir__scan_token token;

    if (source == NULL || !source->json)
        return false;
    weir__scan_init(&scan, source->text + place->start, source->size - place->start);
    token = weir__scan_next(&scan);
    if (token == WEIR__SCAN_ERROR)
        return false;
    if ((token == WEIR__SCAN_OBJECT || token == WEIR__SCAN_ARRAY) && !weir__scan_skip(&scan))
        return false;
    *out = source->text + place->start;
    *out_size = scan.end - scan.start;
    return true;
}

/* ------------------------------------------------------------------------------------------------------------
 * strictness */

/* "got ..." of a syntax error: the byte, where it can be shown. */
static void report_syntax(struct weir__config_tree *tree, size_t source, const struct weir__scan *scan)
{
    char got[24] = "the end";

    if (scan->start < scan->size) {
        const unsigned char c = (unsigned char)scan->text[scan->start];
        (void)snprintf(got, sizeof got, c > 0x20 && c < 0x7f ? "\"%c\"" : "byte 0x%02x", c);
        if (c == ' ')
            (void)snprintf(got, sizeof got, "a space");
    }
    weir__config_errors_add_at(tree, source, scan->start, "not JSON: expected %s, got %s%s", scan->expected, got,
                               got[1] == '/' || got[1] == '#' ? " (JSON has no comments)" : "");
}

/* Whether the tree could hold this token as it is. */
static bool fits_tree(struct weir__config_tree *tree, size_t source, const struct weir__scan *scan,
                      enum weir__scan_token token)
{
    if ((token == WEIR__SCAN_KEY || token == WEIR__SCAN_STRING) && scan->has_null) {
        weir__config_errors_add_at(tree, source, scan->start, "\\u0000 cannot stand in a configuration's string");
        return false;
    }
    if (token == WEIR__SCAN_NUMBER && scan->end - scan->start > NUMBER_SIZE_MAX) {
        weir__config_errors_add_at(tree, source, scan->start, "a number of more than %u characters", NUMBER_SIZE_MAX);
        return false;
    }
    return true;
}

/* In the copy for the parser: an object or array becomes an empty one, a number 0, at the same place. */
static void blank(char *text, size_t start, size_t end)
{
    const char c = text[start];

    if (c == '"' || c == 't' || c == 'f' || c == 'n')
        return;
    memset(text + start, ' ', end - start);
    text[start] = c == '{' || c == '[' ? c : '0';
    if (c == '{' || c == '[')
        text[start + 1] = c == '{' ? '}' : ']';
}

/* Scans all of it; false after the first error.  Bodies are blanked in `copy`, which is as long as the text. */
static bool check_text(struct weir__config_tree *tree, size_t source, bool at_body, char *copy)
{
    struct weir__scan scan;
    enum weir__scan_token token;

    weir__scan_init(&scan, tree->sources[source].text, tree->sources[source].size);
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END) {
        const bool body =
            at_body ? scan.depth <= 1 : token == WEIR__SCAN_KEY && scan.depth == 1 && weir__scan_is(&scan, "body");
        const bool open = token == WEIR__SCAN_OBJECT || token == WEIR__SCAN_ARRAY;

        if (body && (open || token == WEIR__SCAN_KEY)) {
            if (!weir__scan_skip(&scan))
                break;
            if (copy[scan.start] != '"') {
                blank(copy, scan.start, scan.end);
                continue;
            }
            token = WEIR__SCAN_STRING;
        } else if (body && token == WEIR__SCAN_NUMBER) {
            blank(copy, scan.start, scan.end);
            continue;
        }
        if (!fits_tree(tree, source, &scan, token))
            return false;
    }
    if (scan.state == WEIR__SCAN_BROKEN)
        report_syntax(tree, source, &scan);
    return scan.state != WEIR__SCAN_BROKEN;
}

/* ----------------------------------------------------------------------------------------------------------------
 * places */

/* Walks text and tree in step: both have the same values in the same order. */
static bool note_places(struct weir__config_tree *tree, size_t source, const char *text, size_t size, const cJSON *root)
{
    const cJSON *stack[WEIR__SCAN_DEPTH_MAX];
    const cJSON *item = root;
    size_t depth = 0, key = 0;
    bool has_key = false;
    struct weir__scan scan;
    enum weir__scan_token token;

    weir__scan_init(&scan, text, size);
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END) {
        if (token == WEIR__SCAN_KEY) {
            key = scan.start;
            has_key = true;
            continue;
        }
        if (token == WEIR__SCAN_OBJECT_END || token == WEIR__SCAN_ARRAY_END) {
            assert(depth > 0);
            item = stack[--depth]->next;
            continue;
        }
        if (!weir__config_tree_note(tree, item, source, has_key ? key : scan.start, scan.start))
            return false;
        has_key = false;
        if (token == WEIR__SCAN_OBJECT || token == WEIR__SCAN_ARRAY) {
            stack[depth++] = item;
            item = item->child;
        } else {
            item = item->next;
        }
    }
    return true;
}

static size_t line_of(const struct weir__config_tree *tree, const cJSON *item)
{
    const struct weir__config_place *place = weir__config_tree_place(tree, item);
    size_t line = 0, column;

    if (place != NULL)
        weir__scan_locate(tree->sources[place->source].text, place->key, &line, &column);
    return line;
}

static void report_duplicates(struct weir__config_tree *tree, const cJSON *container, const char *path)
{
    char name[WEIR__CONFIG_PATH_SIZE];
    const cJSON *item, *first;

    if (cJSON_IsObject(container) && cJSON_GetArraySize(container) > (int)WEIR__CONFIG_MEMBERS_MAX) {
        weir__config_errors_add(tree, container, path, "expected at most %u members", WEIR__CONFIG_MEMBERS_MAX);
        return;
    }
    cJSON_ArrayForEach(item, container)
    {
        (void)snprintf(name, sizeof name, "%s%s%.80s", path, path[0] == '\0' || item->string == NULL ? "" : ".",
                       item->string == NULL ? "" : item->string);
        for (first = container->child; cJSON_IsObject(container) && first != item; first = first->next) {
            if (first->string == NULL || item->string == NULL || strcmp(first->string, item->string) != 0)
                continue;
            weir__config_errors_add(tree, item, name, "duplicate key, given already in line %zu", line_of(tree, first));
            break;
        }
        if (cJSON_IsObject(item) || cJSON_IsArray(item))
            report_duplicates(tree, item, name);
    }
}

/* ---------------------------------------------------------------------------------------------------------------
 * parsing */

cJSON *weir__config_tree_parse(struct weir__config_tree *tree, size_t source, bool at_body)
{
    const struct weir__config_source *from = &tree->sources[source];
    char *copy = malloc(from->size + 1);
    cJSON *root = NULL;

    if (copy == NULL) {
        weir__config_errors_no_memory(tree);
        return NULL;
    }
    memcpy(copy, from->text, from->size);
    copy[from->size] = '\0';
    if (!check_text(tree, source, at_body, copy))
        goto done;
    root = cJSON_ParseWithLengthOpts(copy, from->size + 1, NULL, true);
    if (root == NULL) {
        weir__config_errors_no_memory(tree); /* nothing else is left to go wrong */
        goto done;
    }
    if (!note_places(tree, source, copy, from->size, root)) {
        cJSON_Delete(root);
        root = NULL;
        goto done;
    }
    report_duplicates(tree, root, from->path != NULL ? from->path : "");
done:
    free(copy);
    return root;
}

/* The folder that relative names in the file start from.  Where the file is a pipe or a device, it is the current one.
 */
static bool set_folder(struct weir__config_tree *tree, const char *file)
{
    const char *slash = strrchr(file, '/');
    struct stat status;

    if (slash == NULL || stat(file, &status) != 0 || !S_ISREG(status.st_mode))
        return true;
    tree->folder = strndup(file, slash == file ? 1 : (size_t)(slash - file));
    if (tree->folder == NULL)
        weir__config_errors_no_memory(tree);
    return tree->folder != NULL;
}

static bool read_root(struct weir__config_tree *tree, const char *file)
{
    const char *reason = NULL;
    size_t size = 0;

    if (file == NULL) {
        tree->root = cJSON_CreateObject();
        if (tree->root == NULL)
            weir__config_errors_no_memory(tree);
        return tree->root != NULL;
    }
    tree->sources[0].name = file;
    tree->text = weir__config_text_read(file, &size, &reason);
    if (tree->text == NULL) {
        if (reason == NULL)
            weir__config_errors_no_memory(tree);
        else
            weir__config_errors_add(tree, NULL, file, "cannot be read: %s", reason);
        return false;
    }
    tree->sources[0].text = tree->text;
    tree->sources[0].size = size;
    tree->sources[0].json = true;
    if (!set_folder(tree, file))
        return false;
    tree->root = weir__config_tree_parse(tree, 0, false);
    if (tree->root != NULL && !cJSON_IsObject(tree->root)) {
        weir__config_errors_type(tree, tree->root, "", "an object such as {\"url\": ..., \"total\": ...}", false);
        return false;
    }
    return tree->root != NULL;
}

bool weir__config_tree_read(struct weir__config_tree *tree, const char *file, const struct weir__config_set *sets,
                            size_t set_count)
{
    tree->sources = calloc(set_count + 1, sizeof *tree->sources);
    if (tree->sources == NULL) {
        weir__config_errors_no_memory(tree);
        return false;
    }
    tree->source_count = set_count + 1;
    for (size_t i = 0; i < set_count; i++) {
        struct weir__config_source *source = &tree->sources[i + 1];
        source->name = sets[i].origin;
        source->path = sets[i].path;
        source->text = sets[i].value;
        source->size = strlen(sets[i].value);
        source->literal = sets[i].literal;
    }
    if (!read_root(tree, file))
        return false;
    for (size_t i = 0; i < set_count && !tree->errors->no_memory; i++)
        weir__config_overrides_apply(tree, &sets[i], i + 1);
    return !tree->errors->no_memory;
}

void weir__config_tree_clear(struct weir__config_tree *tree)
{
    cJSON_Delete(tree->root);
    free(tree->text);
    free(tree->folder);
    free(tree->sources);
    free(tree->places);
}
