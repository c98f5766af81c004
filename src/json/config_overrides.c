/*
 * config_overrides - puts what options and `--set` say into the file's tree.
 *
 * Before anything is checked, so that an unknown key or a wrong type is found in one place, whoever wrote it.
 */
#include "json/config_parts.h"

#include "json/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS "headers."

static bool is_json(const char *text)
{
    struct weir__scan scan;
    enum weir__scan_token token;

    weir__scan_init(&scan, text, strlen(text));
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END)
        continue;
    return token == WEIR__SCAN_END;
}

/* The override's value as an item whose place is noted; NULL after an error. */
static cJSON *make_value(struct weir__config_tree *tree, const struct weir__config_set *set, size_t source)
{
    cJSON *item;

    if (!set->literal && is_json(set->value)) {
        tree->sources[source].json = true;
        return weir__config_tree_parse(tree, source, strcmp(set->path, "body") == 0);
    }
    item = cJSON_CreateString(set->value);
    if (item == NULL) {
        weir__config_errors_no_memory(tree);
    } else if (!weir__config_tree_note(tree, item, source, 0, 0)) {
        cJSON_Delete(item);
        item = NULL;
    }
    return item;
}

/* Takes `item` in any case. */
static bool add_member(struct weir__config_tree *tree, cJSON *object, const char *name, cJSON *item)
{
    if (cJSON_AddItemToObject(object, name, item))
        return true;
    cJSON_Delete(item);
    weir__config_errors_no_memory(tree);
    return false;
}

static cJSON *add_object(struct weir__config_tree *tree, cJSON *parent, const char *name, size_t source)
{
    cJSON *item = cJSON_CreateObject();

    if (item == NULL) {
        weir__config_errors_no_memory(tree);
        return NULL;
    }
    if (!weir__config_tree_note(tree, item, source, 0, 0)) {
        cJSON_Delete(item);
        return NULL;
    }
    return add_member(tree, parent, name, item) ? item : NULL;
}

/* The object `name` in `parent`, made where it is missing; NULL after an error. */
static cJSON *enter(struct weir__config_tree *tree, cJSON *parent, const char *name, size_t source)
{
    cJSON *item = cJSON_GetObjectItemCaseSensitive(parent, name), *inner;

    if (cJSON_IsObject(item))
        return item;
    if (cJSON_IsNull(item))
        cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
    else if (item != NULL) {
        /* "timeout": "5s" means its total */
        if (parent != tree->root || strcmp(name, "timeout") != 0 || (!cJSON_IsString(item) && !cJSON_IsNumber(item))) {
            const struct weir__config_source *from = &tree->sources[source];
            weir__config_errors_add(tree, NULL, "",
                                    "%s%s%s: \"%s\" is not an object in the configuration; give it whole", from->name,
                                    strcmp(from->name, "--set") == 0 ? " " : ": ", from->path, name);
            return NULL;
        }
        inner = cJSON_DetachItemFromObjectCaseSensitive(parent, name);
        item = add_object(tree, parent, name, source);
        if (item == NULL) {
            cJSON_Delete(inner);
            return NULL;
        }
        return add_member(tree, item, "total", inner) ? item : NULL;
    }
    return add_object(tree, parent, name, source);
}

/* Names of header fields have no case. */
static cJSON *find_header(const cJSON *headers, const char *name)
{
    cJSON *item;

    cJSON_ArrayForEach(item, headers)
    {
        if (strcasecmp(item->string, name) == 0)
            return item;
    }
    return NULL;
}

/* -H 'A: 1' -H 'A: 2': both are meant.  Takes `value` in any case. */
static void append_header(struct weir__config_tree *tree, cJSON *headers, cJSON *old, cJSON *value, size_t source)
{
    cJSON *list = old;

    if (!cJSON_IsArray(old)) {
        list = cJSON_CreateArray();
        if (list == NULL || !weir__config_tree_note(tree, list, source, 0, 0)) {
            cJSON_Delete(list);
            cJSON_Delete(value);
            weir__config_errors_no_memory(tree);
            return;
        }
        (void)cJSON_DetachItemViaPointer(headers, old);
        if (!add_member(tree, headers, old->string, list)) {
            cJSON_Delete(old);
            cJSON_Delete(value);
            return;
        }
        (void)cJSON_AddItemToArray(list, old);
    }
    (void)cJSON_AddItemToArray(list, value);
}

static void set_header(struct weir__config_tree *tree, cJSON *headers, const char *name, cJSON *value, size_t source)
{
    const struct weir__config_source *mine = &tree->sources[source], *theirs;
    cJSON *old = find_header(headers, name);

    theirs = old != NULL ? weir__config_tree_source(tree, old) : NULL;
    if (theirs != NULL && theirs->path != NULL && theirs->literal && mine->literal &&
        strcmp(theirs->name, mine->name) == 0) {
        append_header(tree, headers, old, value, source);
        return;
    }
    for (; old != NULL; old = find_header(headers, name))
        cJSON_Delete(cJSON_DetachItemViaPointer(headers, old));
    if (cJSON_IsNull(value))
        cJSON_Delete(value);
    else
        (void)add_member(tree, headers, name, value);
}

static void merge_headers(struct weir__config_tree *tree, cJSON *headers, cJSON *values, size_t source)
{
    while (values->child != NULL) {
        cJSON *value = cJSON_DetachItemViaPointer(values, values->child);
        char *name = strdup(value->string); /* adding it frees the string that it has */

        if (name == NULL) {
            cJSON_Delete(value);
            weir__config_errors_no_memory(tree);
            break;
        }
        set_header(tree, headers, name, value, source);
        free(name);
    }
    cJSON_Delete(values);
}

/* An override takes out what the file says to the contrary; two overrides, or two keys of the file, stay a mistake. */
static void drop_rival(struct weir__config_tree *tree, const char *name)
{
    static const char *const rivals[][2] = {{"body", "body_file"}, {"body_file", "body"}, {"input", "total"}};

    for (size_t i = 0; i < sizeof rivals / sizeof rivals[0]; i++) {
        const cJSON *rival = cJSON_GetObjectItemCaseSensitive(tree->root, rivals[i][1]);
        const struct weir__config_source *source = rival != NULL ? weir__config_tree_source(tree, rival) : NULL;

        if (strcmp(rivals[i][0], name) == 0 && source != NULL && source->path == NULL)
            cJSON_DeleteItemFromObjectCaseSensitive(tree->root, rivals[i][1]);
    }
}

/* Takes `value` in any case. */
static void set_member(struct weir__config_tree *tree, cJSON *parent, const char *name, cJSON *value, size_t source)
{
    if (parent == tree->root) {
        cJSON *headers = cJSON_GetObjectItemCaseSensitive(parent, "headers");
        if (strcmp(name, "headers") == 0 && cJSON_IsObject(headers) && cJSON_IsObject(value)) {
            merge_headers(tree, headers, value, source);
            return;
        }
        if (!cJSON_IsNull(value))
            drop_rival(tree, name);
    }
    while (cJSON_GetObjectItemCaseSensitive(parent, name) != NULL)
        cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
    (void)add_member(tree, parent, name, value);
}

/* Names with dots between them.  What follows "headers." is one name, dots and all. */
static bool is_path(const char *path, bool header)
{
    if (header)
        return path[sizeof HEADERS - 1] != '\0';
    return path[0] != '\0' && path[0] != '.' && path[strlen(path) - 1] != '.' && strstr(path, "..") == NULL;
}

void weir__config_overrides_apply(struct weir__config_tree *tree, const struct weir__config_set *set, size_t source)
{
    const bool header = strncmp(set->path, HEADERS, sizeof HEADERS - 1) == 0;
    char *path = strdup(set->path), *name = path, *dot;
    cJSON *parent = tree->root, *value = NULL;

    if (path == NULL) {
        weir__config_errors_no_memory(tree);
        return;
    }
    if (!is_path(path, header)) {
        weir__config_errors_add(tree, NULL, "", "%s: \"%.80s\" is not the path of a key", set->origin, set->path);
        parent = NULL;
    }
    for (; parent != NULL && (dot = strchr(name, '.')) != NULL && !(header && name != path); name = dot + 1) {
        *dot = '\0';
        parent = enter(tree, parent, name, source);
    }
    if (parent != NULL)
        value = make_value(tree, set, source);
    if (value != NULL && header)
        set_header(tree, parent, name, value, source);
    else if (value != NULL)
        set_member(tree, parent, name, value, source);
    free(path);
}
