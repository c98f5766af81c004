/*
 * config_new - weir_new_from_file(): a dispatcher as a configuration file says.
 *
 * The file is loaded as the command loads it, so that one file serves both.  What it says of requests, results and
 * benchmarks is not looked at here.
 */
#include "json/config_options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1200u /* of one mistake, which is shorter (config_errors.c) */

/* The caller's room for mistakes: whole lines, as many as fit; or the beginning of the first. */
struct page {
    char *bytes;
    size_t size, used;
    bool full;
};

/* How much of a text that is longer fits into `size` with its NUL, without half a character (UTF-8). */
static size_t cut(const char *text, size_t size)
{
    size_t length = size > 0 ? size - 1 : 0;

    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return length;
}

/* A line stays one, whatever bytes a file's name has. */
static void add_line(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(struct page *page, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    length = strlen(line);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    if (page->used == 0 && length >= page->size)
        length = cut(line, page->size);
    page->full = page->full || length == 0 || page->used + (page->used > 0) + length >= page->size;
    if (page->full)
        return;
    if (page->used > 0)
        page->bytes[page->used++] = '\n';
    memcpy(page->bytes + page->used, line, length);
    page->used += length;
    page->bytes[page->used] = '\0';
}

static void tell(struct page *page, const struct weir__config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++)
        add_line(page, "%s", errors->list[i].text);
    if (errors->dropped > 0)
        add_line(page, "and %zu more", errors->dropped);
}

enum weir_status weir_new_from_file(const char *path, const struct weir_options *options, char *errors, size_t size,
                                    struct weir **out)
{
    struct page page = {errors, errors == NULL ? 0 : size, 0, false};
    struct weir_options merged = WEIR_OPTIONS_INIT;
    struct weir__config config;
    struct weir__config_errors mistakes;
    enum weir_status status = WEIR_CONFIG;

    if (page.size > 0)
        errors[0] = '\0';
    if (path == NULL || out == NULL || (errors == NULL && size > 0) ||
        (options != NULL && options->struct_size != sizeof *options))
        return WEIR_INVALID;
    if (options != NULL)
        merged = *options;
    if (!weir__config_load(path, NULL, 0, WEIR__CONFIG_LIBRARY, &config, &mistakes)) {
        if (mistakes.no_memory)
            status = WEIR_NO_MEMORY;
        else
            tell(&page, &mistakes);
    } else {
        weir__config_options(&config, &merged);
        status = weir_new(&merged, out);
    }
    weir__config_errors_clear(&mistakes);
    weir__config_clear(&config);
    return status;
}
