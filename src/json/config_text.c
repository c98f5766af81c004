/*
 * config_text - strings of a configuration, and what stands in files and the environment for them.
 *
 * What was read from there is marked as secret and stands in no message.
 */
#include "json/config_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE_MIN 4096u

char *weir__config_text_read(const char *name, size_t *out_size, const char **out_reason)
{
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    size_t size = 0, capacity = READ_SIZE_MIN;
    char *text = NULL, *grown;
    ssize_t got;

    if (fd < 0) {
        *out_reason = strerror(errno);
        return NULL;
    }
    for (;;) {
        if (text == NULL || capacity - size < READ_SIZE_MIN / 2)
            capacity *= 2;
        grown = realloc(text, capacity);
        if (grown == NULL) {
            *out_reason = NULL;
            goto failed;
        }
        text = grown;
        got = read(fd, text + size, capacity - size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *out_reason = strerror(errno);
            goto failed;
        }
        if (got == 0)
            break;
        size += (size_t)got;
        if (size > WEIR__CONFIG_MAX_SIZE) {
            *out_reason = "larger than 16 MiB";
            goto failed;
        }
    }
    (void)close(fd);
    text[size] = '\0';
    *out_size = size;
    return text;
failed:
    free(text);
    (void)close(fd);
    return NULL;
}

char *weir__config_text_path(struct weir__config_tree *tree, const cJSON *item, const char *name)
{
    const struct weir__config_source *source = weir__config_tree_source(tree, item);
    const bool in_file = source != NULL && source->path == NULL;
    char *path;
    size_t size;

    if (name[0] == '/' || strcmp(name, "-") == 0 || !in_file || tree->folder == NULL) {
        path = strdup(name);
    } else {
        size = strlen(tree->folder) + strlen(name) + 2;
        path = malloc(size);
        if (path != NULL)
            (void)snprintf(path, size, "%s%s%s", tree->folder, strcmp(tree->folder, "/") == 0 ? "" : "/", name);
    }
    if (path == NULL)
        weir__config_errors_no_memory(tree);
    return path;
}

static bool append(struct weir__config_tree *tree, struct weir__config_text *text, const char *bytes, size_t size)
{
    char *grown = realloc(text->bytes, text->size + size + 1);

    if (grown == NULL) {
        weir__config_errors_no_memory(tree);
        return false;
    }
    if (size > 0)
        memcpy(grown + text->size, bytes, size);
    text->bytes = grown;
    text->size += size;
    grown[text->size] = '\0';
    return true;
}

/* The file's content without its last line end. */
static bool append_file(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *name,
                        struct weir__config_text *text)
{
    char *file = weir__config_text_path(tree, item, name), *content;
    char quoted[WEIR__CONFIG_QUOTE_SIZE];
    const char *reason = NULL;
    size_t size = 0;
    bool done = false;

    if (file == NULL)
        return false;
    content = weir__config_text_read(file, &size, &reason);
    weir__config_errors_quote(file, quoted);
    if (content == NULL && reason == NULL) {
        weir__config_errors_no_memory(tree);
    } else if (content == NULL) {
        weir__config_errors_add(tree, item, path, "${file:}: %s cannot be read: %s", quoted, reason);
    } else if (memchr(content, '\0', size) != NULL) {
        weir__config_errors_add(tree, item, path, "${file:}: %s has a NUL byte in it", quoted);
    } else {
        size -= size > 0 && content[size - 1] == '\n';
        size -= size > 0 && content[size - 1] == '\r';
        done = append(tree, text, content, size);
    }
    free(content);
    free(file);
    return done;
}

/* `reference` is what stands between "${" and "}". */
static bool append_reference(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *reference,
                             struct weir__config_text *text)
{
    const char *name = strchr(reference, ':') + 1, *value;
    char quoted[WEIR__CONFIG_QUOTE_SIZE];

    text->secret = true;
    if (reference[0] == 'f')
        return append_file(tree, item, path, name, text);
    value = getenv(name);
    if (value == NULL) {
        weir__config_errors_quote(name, quoted);
        weir__config_errors_add(tree, item, path, "${env:}: the environment has no variable %s", quoted);
        return false;
    }
    return append(tree, text, value, strlen(value));
}

static const char *find_reference(const char *text)
{
    for (text = strstr(text, "${"); text != NULL; text = strstr(text + 1, "${"))
        if (strncmp(text, "${file:", 7) == 0 || strncmp(text, "${env:", 6) == 0)
            return text;
    return NULL;
}

/* Copies `raw` with its references resolved. */
static bool expand(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *raw, bool embedded,
                   struct weir__config_text *text)
{
    const char *start = find_reference(raw), *end;
    char *reference;
    bool done;

    if (!append(tree, text, "", 0)) /* so that an empty string is one */
        return false;
    for (; start != NULL; start = find_reference(raw)) {
        end = strchr(start, '}');
        if (!embedded && (start != raw || end == NULL || end[1] != '\0'))
            break;
        if (end == NULL) {
            weir__config_errors_add(tree, item, path, "a ${ without its }");
            return false;
        }
        reference = strndup(start + 2, (size_t)(end - start) - 2);
        if (reference == NULL) {
            weir__config_errors_no_memory(tree);
            return false;
        }
        done = append(tree, text, raw, (size_t)(start - raw)) && append_reference(tree, item, path, reference, text);
        free(reference);
        if (!done)
            return false;
        raw = end + 1;
    }
    return append(tree, text, raw, strlen(raw));
}

bool weir__config_text_get(struct weir__config_tree *tree, const cJSON *item, const char *path, const char *expected,
                           bool embedded, struct weir__config_text *out)
{
    const struct weir__config_source *source = weir__config_tree_source(tree, item);
    struct weir__config_text text = {NULL, 0, false};
    const char *bytes;
    size_t size;
    bool done;

    if (cJSON_IsString(item)) {
        done = expand(tree, item, path, item->valuestring, embedded, &text);
    } else if (source != NULL && source->path != NULL && (cJSON_IsNumber(item) || cJSON_IsBool(item)) &&
               weir__config_tree_span(tree, item, &bytes, &size)) {
        done = append(tree, &text, bytes, size); /* --set headers.X=5: nobody quotes there */
    } else {
        weir__config_errors_type(tree, item, path, expected, false);
        return false;
    }
    if (!done) {
        free(text.bytes);
        return false;
    }
    *out = text;
    return true;
}
