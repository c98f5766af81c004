/* Printing: the round trip, what is never shown, and that the documents in conf/ know the keys that the code knows. */
#include "test_json_support.h"

#include "json/config_parts.h"

/* A text that no output may have in it. */
#define SECRET "open-sesame"

static char *print(const struct load *load)
{
    char *text = weir__config_print(&load->config);
    assert_non_null(text);
    return text;
}

static void assert_masked(const struct load *load)
{
    char *text = print(load);
    if (strstr(text, SECRET) != NULL)
        print_message("%s\n", text);
    assert_null(strstr(text, SECRET));
    assert_non_null(strstr(text, "***"));
    free(text);
}

static void what_is_printed_loads_to_the_same_effect(void **state)
{
    static const char *const texts[] = {
        "{\"url\": \"http://h/{i}\", \"total\": 5}",
        "{\"input\": \"-\", \"workers\": 7, \"engine\": \"async\", \"rate\": \"auto\", \"scope\": \"host:x\"}",
        "{\"url\": \"https://h/\", \"total\": 0, \"method\": \"PUT\", \"headers\": {\"A\": [\"1\", \"2\"], \"B\": "
        "\"\\u001b\"},"
        "\"body\": \"text \\\"quoted\\\"\"}",
        "{\"url\": \"https://h/\", \"total\": 1, \"headers\": {\"A\": [\"1\", \"2\"], \"B\": \"\\t\xc3\xa9\"},"
        "\"body\": {\"n\": 9007199254740993, \"x\": [1e400]}, \"rate\": [\"100/s\", {\"requests\": 5, \"per\": \"90s\","
        "\"shape\": \"paced\", \"burst\": 2}, {\"requests\": 7, \"per\": 0.001, \"shape\": \"strict\"}],"
        "\"timeout\": {\"connect\": 0.25, \"total\": \"90s\", \"deadline\": \"1h\"}, \"retry\": {\"attempts\": 9,"
        "\"statuses\": [\"5xx\", 429, \"420-425\"], \"backoff\": 0, \"budget\": 0.125, \"non_idempotent\": true},"
        "\"success\": [200, \"3xx\"], \"output\": {\"file\": \"r\", \"bodies\": false, \"durability\": \"none\"},"
        "\"redirects\": 3, \"body_max\": 1000, \"tls\": {\"min_version\": \"1.3\", \"insecure\": true},"
        "\"idempotency_key\": \"Idempotency-Key\"}",
        "{\"url\": \"http://h/\", \"total\": 1, \"rate\": [\"100/s\", \"auto\"]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct load first, again;
        char *text, *text_again;

        load_text(&first, texts[i]);
        if (i == 2) { /* a control character in a header is refused; so no print */
            assert_mistakes(&first, 1);
            unload(&first);
            continue;
        }
        assert_good(&first);
        text = print(&first);
        load_text(&again, text);
        assert_good(&again);
        text_again = print(&again);
        assert_string_equal(text, text_again);
        assert_int_equal(again.config.body_size, first.config.body_size);
        assert_int_equal(again.config.body_json, first.config.body_json);
        if (first.config.body != NULL)
            assert_string_equal(again.config.body, first.config.body);
        assert_int_equal(again.config.rate_count, first.config.rate_count);
        assert_int_equal(again.config.rate_auto, first.config.rate_auto);
        for (size_t j = 0; j < first.config.rate_count; j++) {
            assert_int_equal(again.config.rates[j].requests, first.config.rates[j].requests);
            assert_int_equal(again.config.rates[j].burst, first.config.rates[j].burst);
            assert_int_equal(again.config.rates[j].per_ns, first.config.rates[j].per_ns);
            assert_int_equal(again.config.rates[j].shape, first.config.rates[j].shape);
        }
        free(text);
        free(text_again);
        unload(&first);
        unload(&again);
    }
}

static void every_key_is_printed(void **state)
{
    struct load load;
    char *text, quoted[80];

    (void)state;
    load_text(&load, "{\"url\": \"http://h/\", \"total\": 5}");
    assert_good(&load);
    text = print(&load);
    for (size_t i = 0; i < weir__config_key_count; i++) {
        const char *dot = strrchr(weir__config_keys[i].path, '.');
        (void)snprintf(quoted, sizeof quoted, "\"%s\":", dot == NULL ? weir__config_keys[i].path : dot + 1);
        if (strstr(text, quoted) == NULL)
            print_message("%s\n", quoted);
        assert_non_null(strstr(text, quoted));
    }
    free(text);
    unload(&load);
}

static void secrets_are_taken_from_files_and_the_environment(void **state)
{
    struct load load;

    (void)state;
    assert_int_equal(setenv("WEIR_TEST_SECRET", "http://h/" SECRET, 1), 0);
    write_bytes("token.txt", SECRET "\r\n", sizeof SECRET + 1);
    load_text(&load, "{\"url\": \"${env:WEIR_TEST_SECRET}\", \"total\": 1, \"body\": \"${file:token.txt}\","
                     "\"headers\": {\"X-A\": \"Bearer ${file:token.txt}, ${env:WEIR_TEST_SECRET}!\", \"X-B\": "
                     "\"${file:token.txt}\"}}");
    assert_good(&load);
    assert_string_equal(load.config.url, "http://h/" SECRET);
    assert_string_equal(load.config.body, SECRET);
    assert_string_equal(load.config.headers[0].value, "Bearer " SECRET ", http://h/" SECRET "!");
    assert_string_equal(load.config.headers[1].value, SECRET);
    assert_true(load.config.url_secret);
    assert_true(load.config.body_secret);
    assert_true(load.config.headers[0].secret);
    assert_masked(&load);
    unload(&load);
}

static void secrets_are_masked_wherever_they_stand(void **state)
{
    static const char *const texts[] = {
        "\"url\": \"http://user:" SECRET "@h/\"",
        "\"url\": \"https://" SECRET "@h\"",
        "\"url\": \"http://a@b:" SECRET "@h/\"",
        "\"url\": \"http://h/\", \"headers\": {\"Authorization\": \"Bearer " SECRET "\"}",
        "\"url\": \"http://h/\", \"headers\": {\"proxy-authorization\": \"" SECRET "\"}",
        "\"url\": \"http://h/\", \"headers\": {\"COOKIE\": [\"" SECRET "\", \"" SECRET "\"]}",
        "\"url\": \"http://h/\", \"headers\": {\"Set-Cookie\": \"" SECRET "\"}",
        "\"url\": \"http://h/\", \"headers\": {\"X-Api-Key\": \"" SECRET "\"}",
        "\"url\": \"http://h/\", \"headers\": {\"api-key\": \"" SECRET "\"}",
        "\"url\": \"http://h/\", \"headers\": {\"X-Auth-Token\": \"" SECRET "\"}",
        "\"url\": \"http://h/\", \"headers\": {\"X-SECRET-Thing\": \"" SECRET "\"}",
        "\"url\": \"http://h/\", \"headers\": {\"My-Passwords\": \"" SECRET "\"}",
        "\"url\": \"http://h/\", \"output\": {\"file\": \"${env:WEIR_TEST_SECRET}\"}",
        "\"url\": \"http://h/\", \"idempotency_key\": \"${env:WEIR_TEST_SECRET}\"",
        "\"url\": \"http://h/\", \"scope\": \"host:a\", \"idempotency_key\": \"${env:WEIR_TEST_SECRET}\"",
    };
    char text[512];
    struct load load;

    (void)state;
    assert_int_equal(setenv("WEIR_TEST_SECRET", SECRET, 1), 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"total\": 1, %s}", texts[i]);
        load_text(&load, text);
        assert_good(&load);
        assert_masked(&load);
        unload(&load);
    }
}

static void no_message_has_a_secret_in_it(void **state)
{
    static const char *const members[] = {
        "\"url\": \"ftp://user:" SECRET "@h/\"",
        "\"url\": \"http://user:" SECRET "@\"",
        "\"url\": \"${env:WEIR_TEST_SECRET}\"",
        "\"method\": \"${env:WEIR_TEST_SECRET}\"",
        "\"rate\": \"${env:WEIR_TEST_SECRET}\"",
        "\"rate\": {\"requests\": 1, \"per\": \"${env:WEIR_TEST_SECRET}\"}",
        "\"timeout\": \"${env:WEIR_TEST_SECRET}\"",
        "\"body_max\": \"${env:WEIR_TEST_SECRET}\"",
        "\"success\": [\"${env:WEIR_TEST_SECRET}\"]",
        "\"engine\": \"${env:WEIR_TEST_SECRET}\"",
        "\"scope\": \"${env:WEIR_TEST_SECRET}\"",
        "\"total\": \"${env:WEIR_TEST_SECRET}\"",
        "\"body_file\": \"${env:WEIR_TEST_SECRET}\"",
        "\"tls\": {\"ca_file\": \"${env:WEIR_TEST_SECRET}\"}",
        "\"headers\": {\"Authorization\": \"" SECRET "\\n\"}",
        "\"headers\": {\"Authorization\": [[\"" SECRET "\"]]}",
        "\"headers\": \"" SECRET "\"",
    };
    char text[512];
    struct load load;

    (void)state;
    assert_int_equal(setenv("WEIR_TEST_SECRET", SECRET, 1), 0);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        (void)snprintf(text, sizeof text, "{%s}", members[i]);
        load_text(&load, text);
        assert_false(load.good);
        for (size_t j = 0; j < load.errors.count; j++) {
            if (strstr(load.errors.list[j].text, SECRET) != NULL)
                fail_msg("%s", load.errors.list[j].text);
        }
        unload(&load);
    }
}

static void missing_sources_are_mistakes(void **state)
{
    static const struct {
        const char *member, *message;
    } cases[] = {
        {"\"body\": \"${env:WEIR_TEST_NOT_SET}\"",
         ":1: body: ${env:}: the environment has no variable \"WEIR_TEST_NOT_SET\""},
        {"\"body\": \"${file:nowhere}\"", "nowhere\" cannot be read: No such file"},
        {"\"headers\": {\"A\": \"x ${file:nowhere} y\"}", ":1: headers.A: ${file:}: "},
        {"\"headers\": {\"A\": \"x ${env:HOME\"}", ":1: headers.A: a ${ without its }"},
        {"\"headers\": {\"A\": \"${file:body.bin}\"}", "has a NUL byte in it"},
    };
    char text[512];
    struct load load;

    (void)state;
    (void)unsetenv("WEIR_TEST_NOT_SET");
    write_bytes("body.bin", "a\0b", 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"url\": \"http://h/\", \"total\": 1, %s}", cases[i].member);
        load_text(&load, text);
        assert_mistakes(&load, 1);
        assert_says(&load, cases[i].message);
        unload(&load);
    }
}

/* Outside of headers, a reference that is only part of a text is text. */
static void other_dollars_are_text(void **state)
{
    struct load load;

    (void)state;
    load_text(
        &load,
        "{\"url\": \"http://h/${x}\", \"total\": 1, \"body\": \"say ${env:HOME}\", \"headers\": {\"A\": \"${y}$\"}}");
    assert_good(&load);
    assert_string_equal(load.config.body, "say ${env:HOME}");
    assert_string_equal(load.config.headers[0].value, "${y}$");
    assert_false(load.config.body_secret);
    unload(&load);
}

/* ------------------------------------------------------------------------------------------------------- conf/ knows
 * all */

static char *read_document(const char *name)
{
    const char *reason = "";
    size_t size;
    char *text = weir__config_text_read(name, &size, &reason);

    if (text == NULL)
        fail_msg("%s: %s (the tests run in the project's folder)", name, reason);
    return text;
}

static void the_readme_knows_every_key(void **state)
{
    char *text = read_document("conf/README.md"), row[256];

    (void)state;
    for (size_t i = 0; i < weir__config_key_count; i++) {
        const struct weir__config_key *key = &weir__config_keys[i];
        const char *line;

        (void)snprintf(row, sizeof row, "\n| `%s` |", key->path);
        line = strstr(text, row);
        if (line == NULL)
            fail_msg("conf/README.md has no row for %s", key->path);
        if (line == NULL || key->fallback == NULL)
            continue;
        (void)snprintf(row, sizeof row, "| `%s` |", key->fallback);
        if (strstr(line, row) == NULL || strstr(line, row) > strchr(line + 1, '\n'))
            fail_msg("conf/README.md: the default of %s is not %s", key->path, key->fallback);
    }
    free(text);
}

/* The properties of an object in the schema, which may stand in one of its alternatives. */
static const cJSON *properties_of(const cJSON *schema)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(schema, "properties"), *one;

    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(schema, "anyOf"))
    {
        if (found == NULL)
            found = cJSON_GetObjectItemCaseSensitive(one, "properties");
    }
    return found;
}

static size_t count_properties(const cJSON *properties, const char *group)
{
    const cJSON *item;
    char path[100];
    size_t count = 0;

    cJSON_ArrayForEach(item, properties)
    {
        (void)snprintf(path, sizeof path, "%s%s%s", group, group[0] == '\0' ? "" : ".", item->string);
        if (weir__config_keys_find(path) == NULL)
            fail_msg("the schema's %s is no key", path);
        count++;
        if (weir__config_keys_find(path)->kind == WEIR__KIND_GROUP)
            count += count_properties(properties_of(item), path);
    }
    return count;
}

/* Same keys, same ranges of whole numbers. */
static void the_schema_knows_every_key(void **state)
{
    char *text = read_document("conf/weir.schema.json");
    cJSON *schema = cJSON_Parse(text);

    (void)state;
    assert_non_null(schema);
    assert_int_equal(count_properties(properties_of(schema), ""), weir__config_key_count);
    for (size_t i = 0; i < weir__config_key_count; i++) {
        const struct weir__config_key *key = &weir__config_keys[i];
        const char *dot = strchr(key->path, '.');
        const cJSON *item = properties_of(schema), *low, *high;
        char group[40];

        (void)snprintf(group, sizeof group, "%.*s", dot != NULL ? (int)(dot - key->path) : 0, key->path);
        if (dot != NULL)
            item = properties_of(cJSON_GetObjectItemCaseSensitive(item, group));
        item = cJSON_GetObjectItemCaseSensitive(item, dot != NULL ? dot + 1 : key->path);
        if (item == NULL)
            fail_msg("the schema has no %s", key->path);
        if (key->kind != WEIR__KIND_COUNT32 && key->kind != WEIR__KIND_COUNT64)
            continue;
        low = cJSON_GetObjectItemCaseSensitive(item, "minimum");
        high = cJSON_GetObjectItemCaseSensitive(item, "maximum");
        if (low == NULL || high == NULL || (uint64_t)low->valuedouble != key->min ||
            (uint64_t)high->valuedouble != key->max)
            fail_msg("the schema's range of %s is another", key->path);
    }
    cJSON_Delete(schema);
    free(text);
}

static void the_samples_are_good(void **state)
{
    struct load load;

    (void)state;
    assert_int_equal(setenv("WEIR_TOKEN", SECRET, 1), 0);
    load.good = weir__config_load("conf/weir.json", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_good(&load);
    assert_int_equal(load.config.total, 200);
    assert_int_equal(load.config.concurrency, 3);
    unload(&load);
    load.good = weir__config_load("conf/rate.json", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_good(&load);
    assert_int_equal(load.config.rate_count, 2);
    unload(&load);
    load.good = weir__config_load("conf/scope.json", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_good(&load);
    assert_string_equal(load.config.scope, "host:two-terminals");
    unload(&load);
    load.good = weir__config_load("conf/retry.json", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_good(&load);
    assert_true(load.config.rate_auto);
    assert_int_equal(load.config.retry.attempts, 8);
    unload(&load);
    load.good = weir__config_load("conf/post.json", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_good(&load);
    assert_true(load.config.body_json);
    assert_string_equal(load.config.headers[0].value, "Bearer " SECRET);
    assert_masked(&load);
    unload(&load);
    (void)unsetenv("WEIR_TOKEN");
    load.good = weir__config_load("conf/post.json", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_mistakes(&load, 1);
    assert_says(&load, "conf/post.json:7: headers.Authorization: ${env:}: the environment has no variable");
    unload(&load);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_loads_to_the_same_effect),
        cmocka_unit_test(every_key_is_printed),
        cmocka_unit_test(secrets_are_taken_from_files_and_the_environment),
        cmocka_unit_test(secrets_are_masked_wherever_they_stand),
        cmocka_unit_test(no_message_has_a_secret_in_it),
        cmocka_unit_test(missing_sources_are_mistakes),
        cmocka_unit_test(other_dollars_are_text),
        cmocka_unit_test(the_readme_knows_every_key),
        cmocka_unit_test(the_schema_knows_every_key),
        cmocka_unit_test(the_samples_are_good),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
