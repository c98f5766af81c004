/* serve_config - see serve_config.h */
#include "cli/serve_config.h"

#include "cli/say.h"
#include "json/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 64u /* members of the object */

struct reader {
    const char *path;
    struct weir__scan scan;
    weir__serve_config_take_fn take;
    void *context;
    char *keys[KEYS_MAX];
    size_t key_count;
    bool good;
};

static char *read_file(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "re");
    char *text = file != NULL ? malloc(WEIR__SERVE_CONFIG_MAX_SIZE + 1) : NULL;

    if (text == NULL) {
        weir__say("weir serve: %s: %s", path, strerror(errno));
        goto fail;
    }
    *out_size = fread(text, 1, WEIR__SERVE_CONFIG_MAX_SIZE + 1, file);
    if (ferror(file)) {
        weir__say("weir serve: %s: %s", path, strerror(errno));
        goto fail;
    }
    if (*out_size > WEIR__SERVE_CONFIG_MAX_SIZE) {
        weir__say("weir serve: %s: larger than 1 MiB", path);
        goto fail;
    }
    (void)fclose(file);
    return text;
fail:
    free(text);
    if (file != NULL)
        (void)fclose(file);
    return NULL;
}

/* Names a mistake at the last token.  `key` is NULL outside the object's members. */
static void complain(struct reader *reader, const char *key, const char *expected)
{
    size_t line, column;
    char shown[64];

    weir__scan_locate(reader->scan.text, reader->scan.start, &line, &column);
    weir__say("weir serve: %s:%zu: %s%sexpected %s", reader->path, line,
              key != NULL ? weir__say_escape(key, shown, sizeof shown) : "", key != NULL ? ": " : "", expected);
    reader->good = false;
}

/* The last token, a key or a string unescaped, anything else as it stood; NULL without memory or with a NUL inside. */
static char *token_text(const struct weir__scan *scan, bool quoted)
{
    const size_t size = scan->end - scan->start;
    char *text = quoted && scan->has_null ? NULL : malloc(size + 1);

    if (text == NULL)
        return NULL;
    if (quoted) {
        text[weir__scan_unescape(scan, text)] = '\0';
    } else {
        memcpy(text, scan->text + scan->start, size);
        text[size] = '\0';
    }
    return text;
}

/* False where reading cannot go on. */
static bool take_scalar(struct reader *reader, const char *key, enum weir__scan_token token)
{
    const bool flag = token == WEIR__SCAN_TRUE || token == WEIR__SCAN_FALSE;
    const char *expected;
    char *value;

    if (token == WEIR__SCAN_ERROR) {
        complain(reader, NULL, reader->scan.expected);
        return false;
    }
    if (!flag && token != WEIR__SCAN_STRING && token != WEIR__SCAN_NUMBER) {
        complain(reader, key, "a string, a number, true or false");
        return token == WEIR__SCAN_NULL || weir__scan_skip(&reader->scan);
    }
    value = token_text(&reader->scan, token == WEIR__SCAN_STRING);
    if (value == NULL) {
        complain(reader, key, "a text without NUL");
        return true;
    }
    expected = reader->take(reader->context, key, value, flag);
    if (expected != NULL)
        complain(reader, key, expected);
    free(value);
    return true;
}

static bool take_value(struct reader *reader, const char *key)
{
    enum weir__scan_token token = weir__scan_next(&reader->scan);

    if (token != WEIR__SCAN_ARRAY)
        return take_scalar(reader, key, token);
    while ((token = weir__scan_next(&reader->scan)) != WEIR__SCAN_ARRAY_END)
        if (!take_scalar(reader, key, token))
            return false;
    return true;
}

/* A member, of which the key has just been read. */
static bool take_member(struct reader *reader)
{
    char *key = token_text(&reader->scan, true);

    if (key == NULL || reader->key_count == KEYS_MAX) {
        complain(reader, NULL, "at most 64 names, without NUL");
        free(key);
        return false;
    }
    reader->keys[reader->key_count++] = key;
    for (size_t i = 0; i + 1 < reader->key_count; i++) {
        if (strcmp(reader->keys[i], key) == 0) {
            complain(reader, key, "each name once");
            return weir__scan_skip(&reader->scan);
        }
    }
    return take_value(reader, key);
}

bool weir__serve_config_read(const char *path, weir__serve_config_take_fn take, void *context)
{
    struct reader reader = {.path = path, .take = take, .context = context, .good = true};
    enum weir__scan_token token;
    size_t size;
    char *text = read_file(path, &size);

    if (text == NULL)
        return false;
    weir__scan_init(&reader.scan, text, size);
    token = weir__scan_next(&reader.scan);
    if (token != WEIR__SCAN_OBJECT)
        complain(&reader, NULL, token == WEIR__SCAN_ERROR ? reader.scan.expected : "a JSON object");
    else
        while ((token = weir__scan_next(&reader.scan)) == WEIR__SCAN_KEY && take_member(&reader))
            ;
    if (reader.good && (token == WEIR__SCAN_ERROR || weir__scan_next(&reader.scan) != WEIR__SCAN_END))
        complain(&reader, NULL, reader.scan.expected);
    for (size_t i = 0; i < reader.key_count; i++)
        free(reader.keys[i]);
    free(text);
    return reader.good;
}
