/*
 * config_request - the keys that make the request: url, headers, body and body_file.
 *
 * Their values may be secrets, so no message shows one.
 */
#include "json/config_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* -------------------------------------------------------------------------------------------------------------------
 * url */

static size_t scheme_size(const char *url)
{
    if (strncasecmp(url, "http://", 7) == 0)
        return 7;
    return strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
}

bool weir__config_request_userinfo(const char *url, size_t *out_start, size_t *out_end)
{
    const size_t start = scheme_size(url);
    const size_t end = start + strcspn(url + start, "/?#");

    for (size_t at = end; at > start; at--) {
        if (url[at - 1] == '@') {
            *out_start = start;
            *out_end = at - 1;
            return true;
        }
    }
    return false;
}

static bool has_control(const char *text, bool space_too)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 + space_too || *text == 0x7f)
            return true;
    return false;
}

/* What stands after the host's name or address: nothing, or ":" and up to five digits; `{i}` may be anywhere. */
static bool is_host(const char *host, size_t size)
{
    const char *close = host[0] == '[' ? memchr(host, ']', size) : NULL;
    const char *colon = memchr(close != NULL ? close : host, ':', close != NULL ? size - (size_t)(close - host) : size);
    const char *end = host + size;
    uint32_t port = 0;

    if (size == 0 || colon == host || (host[0] == '[' && close == NULL))
        return false;
    if (colon == NULL || memchr(colon, '{', (size_t)(end - colon)) != NULL)
        return true;
    for (colon++; colon < end; colon++) {
        if (*colon < '0' || *colon > '9')
            return false;
        port = port * 10 + (uint32_t)(*colon - '0');
        if (port > 65535)
            return false;
    }
    return true;
}

static const char *url_mistake(const char *url, size_t size)
{
    size_t start = scheme_size(url), end, at;

    if (size > WEIR_URL_MAX_SIZE)
        return "expected a URL of at most 65536 bytes";
    if (has_control(url, true))
        return "expected a URL without spaces and control characters (%20 is a space)";
    if (start == 0)
        return "expected an absolute URL that begins with http:// or https://";
    if (weir__config_request_userinfo(url, &end, &at))
        start = at + 1;
    end = start + strcspn(url + start, "/?#");
    return is_host(url + start, end - start) ? NULL
                                             : "expected a host, and perhaps a port up to 65535, after the \"//\"";
}

void weir__config_request_url(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config)
{
    struct weir__config_text text;
    const char *mistake;

    if (!weir__config_text_get(tree, item, "url", "a string with an absolute URL", false, &text))
        return;
    mistake = url_mistake(text.bytes, text.size);
    if (!text.secret && (strstr(text.bytes, "${file:") != NULL || strstr(text.bytes, "${env:") != NULL))
        mistake = "expected ${file:PATH} or ${env:NAME} as the whole value, not a part of it";
    if (mistake != NULL) {
        weir__config_errors_add(tree, item, "url", "%s", mistake);
        free(text.bytes);
        return;
    }
    free(config->url);
    config->url = text.bytes;
    config->url_secret = text.secret;
}

/* ---------------------------------------------------------------------------------------------------------------
 * headers */

static bool contains(const char *text, const char *part)
{
    const size_t length = strlen(part);
    for (; *text != '\0'; text++)
        if (strncasecmp(text, part, length) == 0)
            return true;
    return false;
}

static bool is_secret_name(const char *name)
{
    static const char *const names[] = {"authorization", "proxy-authorization", "cookie",
                                        "set-cookie",    "x-api-key",           "api-key"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return contains(name, "token") || contains(name, "secret") || contains(name, "password");
}

/* How a message ends is said by who sends it: a second word on that is how requests are smuggled. */
static bool is_framing(const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

/* Takes its value into `header`; false after an error. */
static bool decode_header(struct weir__config_tree *tree, const cJSON *item, const char *name, const char *path,
                          struct weir__config_header *header)
{
    struct weir__config_text text;

    if (!weir__config_text_get(tree, item, path, "a string, or an array of strings", true, &text))
        return false;
    for (const char *p = text.bytes; *p != '\0'; p++) {
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f) {
            weir__config_errors_add(tree, item, path, "expected a value without line ends and control characters");
            free(text.bytes);
            return false;
        }
    }
    header->value = text.bytes;
    header->secret = text.secret || is_secret_name(name);
    header->name = strdup(name);
    if (header->name == NULL)
        weir__config_errors_no_memory(tree);
    return header->name != NULL;
}

static void decode_named(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config)
{
    const bool array = cJSON_IsArray(item);
    const cJSON *entry = array ? item->child : item;
    char path[WEIR__CONFIG_PATH_SIZE], quoted[WEIR__CONFIG_QUOTE_SIZE];

    weir__config_errors_quote(item->string, quoted);
    (void)snprintf(path, sizeof path, "headers.%.*s", (int)strlen(quoted) - 2, quoted + 1);
    if (!weir__config_keys_is_token(item->string)) {
        weir__config_errors_add(tree, item, path, "expected a field name of letters, digits and !#$%%&'*+-.^_`|~");
        return;
    }
    if (is_framing(item->string)) {
        weir__config_errors_add(tree, item, path, "expected a field other than this one, which weir writes itself");
        return;
    }
    if (array && cJSON_GetArraySize(item) > (int)WEIR__CONFIG_HEADERS_MAX) {
        weir__config_errors_add(tree, item, path, "expected at most %u header fields", WEIR__CONFIG_HEADERS_MAX);
        return;
    }
    for (; entry != NULL; entry = array ? entry->next : NULL) {
        struct weir__config_header *header = &config->headers[config->header_count];

        if (config->header_count == WEIR__CONFIG_HEADERS_MAX) {
            weir__config_errors_add(tree, entry, path, "expected at most %u header fields", WEIR__CONFIG_HEADERS_MAX);
            return;
        }
        if (decode_header(tree, entry, item->string, path, header)) {
            config->header_count++;
        } else {
            free(header->value);
            memset(header, 0, sizeof *header);
        }
    }
}

void weir__config_request_headers(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config)
{
    const cJSON *member;
    size_t size = 0;

    if (!cJSON_IsObject(item)) {
        weir__config_errors_type(tree, item, "headers", "an object such as {\"Accept\": \"text/plain\"}", false);
        return;
    }
    if (config->headers == NULL)
        config->headers = calloc(WEIR__CONFIG_HEADERS_MAX + 1, sizeof *config->headers);
    if (config->headers == NULL) {
        weir__config_errors_no_memory(tree);
        return;
    }
    cJSON_ArrayForEach(member, item)
    {
        decode_named(tree, member, config);
        if (config->header_count == WEIR__CONFIG_HEADERS_MAX && member->next != NULL) {
            weir__config_errors_add(tree, member->next, "headers", "expected at most %u header fields",
                                    WEIR__CONFIG_HEADERS_MAX);
            break;
        }
    }
    for (size_t i = 0; i < config->header_count && config->headers[i].name != NULL; i++)
        size += strlen(config->headers[i].name) + strlen(config->headers[i].value) + 4; /* ": " and the line end */
    if (size > WEIR_HEADERS_MAX_SIZE)
        weir__config_errors_add(tree, item, "headers", "expected at most %u bytes in all, got %zu",
                                WEIR_HEADERS_MAX_SIZE, size);
}

/* ------------------------------------------------------------------------------------------------------------------
 * body */

static void set_body(struct weir__config *config, char *bytes, size_t size)
{
    free(config->body);
    config->body = bytes;
    config->body_size = size;
}

/* A string is the body's text; any other JSON is the body as it stands in its source, byte for byte. */
void weir__config_request_body(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config)
{
    struct weir__config_text text;
    const char *bytes;
    char *copy;
    size_t size;

    if (cJSON_IsString(item)) {
        if (!weir__config_text_get(tree, item, "body", "a string", false, &text))
            return;
        set_body(config, text.bytes, text.size);
        config->body_secret = text.secret;
        config->body_json = false;
        return;
    }
    if (!weir__config_tree_span(tree, item, &bytes, &size)) {
        weir__config_errors_type(tree, item, "body", "a string or JSON", false);
        return;
    }
    copy = strndup(bytes, size);
    if (copy == NULL) {
        weir__config_errors_no_memory(tree);
        return;
    }
    set_body(config, copy, size);
    config->body_json = true;
}

void weir__config_request_body_file(struct weir__config_tree *tree, const cJSON *item, struct weir__config *config,
                                    bool *out_secret)
{
    struct weir__config_text text;
    char quoted[WEIR__CONFIG_QUOTE_SIZE];
    const char *reason = NULL;
    char *path, *bytes;
    size_t size = 0;

    if (!weir__config_text_get(tree, item, "body_file", "a string with a file's name", false, &text))
        return;
    *out_secret = text.secret;
    path = weir__config_text_path(tree, item, text.bytes);
    free(text.bytes);
    if (path == NULL)
        return;
    bytes = weir__config_text_read(path, &size, &reason);
    if (bytes == NULL) {
        weir__config_errors_quote(path, quoted);
        if (reason == NULL)
            weir__config_errors_no_memory(tree);
        else
            weir__config_errors_add(tree, item, "body_file", "%s cannot be read: %s", *out_secret ? "the file" : quoted,
                                    reason);
        free(path);
        return;
    }
    if (config->body == NULL)
        set_body(config, bytes, size);
    else
        free(bytes); /* both are given, which is a mistake and will be said */
    free(config->body_file);
    config->body_file = path;
}
