/* test_json_support - what the tests of the configuration share: a file with a text, a load, its messages. */
#ifndef WEIR_TEST_JSON_SUPPORT_H
#define WEIR_TEST_JSON_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "weir.json"

/* A folder of its own for each program; files are written into it by their names. */
static char folder[] = "/tmp/weir-json-XXXXXX";

static inline int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static inline char *path_of(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline void write_bytes(const char *name, const char *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline int leave_folder(void **state)
{
    static const char *const names[] = {FILE_NAME, "token.txt", "body.bin", "again.json", "empty"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(path_of(names[i]));
    return rmdir(folder);
}

/* A load of a text as a file, with `sets` on top. */
struct load {
    struct weir__config config;
    struct weir__config_errors errors;
    bool good;
};

static inline void load_with(struct load *load, const char *text, const struct weir__config_set *sets, size_t set_count)
{
    if (text != NULL)
        write_bytes(FILE_NAME, text, strlen(text));
    load->good = weir__config_load(text != NULL ? path_of(FILE_NAME) : NULL, sets, set_count, WEIR__CONFIG_RUN,
                                   &load->config, &load->errors);
}

static inline void load_text(struct load *load, const char *text)
{
    load_with(load, text, NULL, 0);
}

static inline void unload(struct load *load)
{
    weir__config_clear(&load->config);
    weir__config_errors_clear(&load->errors);
}

static inline void show_errors(const struct load *load)
{
    for (size_t i = 0; i < load->errors.count; i++)
        print_message("  %s\n", load->errors.list[i].text);
}

static inline void assert_good(const struct load *load)
{
    if (!load->good)
        show_errors(load);
    assert_true(load->good);
    assert_int_equal(load->errors.count, 0);
}

/* Exactly `count` mistakes. */
static inline void assert_mistakes(const struct load *load, size_t count)
{
    if (load->good || load->errors.count != count) {
        print_message("%zu mistakes instead of %zu:\n", load->errors.count, count);
        show_errors(load);
    }
    assert_false(load->good);
    assert_int_equal(load->errors.count, count);
}

/* One of the messages has this in it. */
static inline void assert_says(const struct load *load, const char *part)
{
    for (size_t i = 0; i < load->errors.count; i++)
        if (strstr(load->errors.list[i].text, part) != NULL)
            return;
    print_message("no message with: %s\n", part);
    show_errors(load);
    fail();
}

#endif
