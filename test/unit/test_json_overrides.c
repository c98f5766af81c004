/* What options and --set do to a file's values, and where their mistakes are said to be. */
#include "test_json_support.h"

#define FILE_TEXT                                                                                                      \
    "{\"url\": \"http://h/\", \"total\": 1, \"concurrency\": 9, \"timeout\": \"5s\", \"rate\": \"100/s\","             \
    " \"headers\": {\"Accept\": \"a\", \"X-One\": \"1\"}, \"body_file\": \"/dev/null\"}"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *header(const struct load *load, const char *name, size_t nth)
{
    for (size_t i = 0; i < load->config.header_count; i++)
        if (strcmp(load->config.headers[i].name, name) == 0 && nth-- == 0)
            return load->config.headers[i].value;
    return NULL;
}

static void overrides_win_over_the_file_and_later_ones_over_earlier(void **state)
{
    static const struct weir__config_set sets[] = {
        {"concurrency", "4", false, "--concurrency"},
        {"concurrency", "5", false, "--set"},
        {"total", "1_000", false, "--total"},
        {"retry.attempts", "3", false, "--set"},
        {"rate", "5000/h", true, "--rate"},
        {"timeout.connect", "1", false, "--set"},
        {"tls.min_version", "1.3", false, "--set"},
        {"success", "[\"2xx\",404]", false, "--set"},
        {"queue", "7", true, "--queue"},
        {"output.file", "x.jsonl", true, "--output"},
    };
    struct load load;

    (void)state;
    load_with(&load, FILE_TEXT, sets, COUNT(sets));
    assert_good(&load);
    assert_int_equal(load.config.concurrency, 5);
    assert_int_equal(load.config.total, 1000);
    assert_int_equal(load.config.retry.attempts, 3);
    assert_int_equal(load.config.rate_count, 1);
    assert_int_equal(load.config.rates[0].requests, 5000);
    assert_int_equal(load.config.timeout_connect_ns, 1000000000);
    assert_int_equal(load.config.timeout_total_ns, INT64_C(5000000000)); /* the file's short form stays */
    assert_int_equal(load.config.tls.version_min, 13);
    assert_int_equal(load.config.success_count, 2);
    assert_int_equal(load.config.queue, 7);
    assert_string_equal(load.config.output.file, "x.jsonl"); /* from the current directory */
    unload(&load);
}

static void no_file_is_needed(void **state)
{
    static const struct weir__config_set sets[] = {{"url", "http://h/", true, "-u"}, {"total", "2", false, "-n"}};
    struct load load;

    (void)state;
    load_with(&load, NULL, sets, COUNT(sets));
    assert_good(&load);
    unload(&load);
    load_with(&load, NULL, NULL, 0);
    assert_mistakes(&load, 2);
    assert_int_equal(strncmp(load.errors.list[0].text, "url: missing: ", 14), 0);
    unload(&load);
}

static void mistakes_name_their_origin(void **state)
{
    static const struct weir__config_set sets[] = {
        {"retry.attempts", "0", false, "--set"},
        {"concurrency", "three", false, "--concurrency"},
        {"retry.atempts", "1", false, "--set"},
        {"no.such.key", "1", false, "--set"},
        {"rate.shape", "paced", false, "--set"},
        {"a..b", "1", false, "--set"},
        {"", "1", false, "--set"},
        {"headers.", "1", false, "--set"},
        {"success", "{\"a\":1,\"a\":2}", false, "--set"},
    };
    static const char *const expected[] = {
        "--set retry.attempts: expected a whole number from 1 to 1000, got 0",
        "--concurrency: concurrency: expected a whole number from 1 to 100000, got \"three\"",
        "--set retry.atempts: unknown key; did you mean \"retry.attempts\"?",
        "--set no: unknown key",
        "--set rate.shape: \"rate\" is not an object",
        "--set: \"a..b\" is not the path of a key",
        "--set: \"\" is not the path of a key",
        "--set: \"headers.\" is not the path of a key",
        "--set success: expected an array of statuses",
        "--set success.a: duplicate key",
    };
    struct load load;

    (void)state;
    load_with(&load, FILE_TEXT, sets, COUNT(sets));
    assert_mistakes(&load, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_says(&load, expected[i]);
    unload(&load);
}

/* The file's own mistake is no mistake any more once an option has replaced the value. */
static void an_override_heals_the_files_mistake(void **state)
{
    static const struct weir__config_set set = {"queue", "5", false, "--queue"};
    struct load load;

    (void)state;
    load_with(&load, "{\"url\": \"http://h/\", \"total\": 1, \"queue\": \"many\"}", &set, 1);
    assert_good(&load);
    unload(&load);
}

static void headers_are_merged_by_name(void **state)
{
    static const struct weir__config_set sets[] = {
        {"headers.accept", "b", true, "--header"},
        {"headers.X-Two.Dots", "1", true, "--header"},
        {"headers.X-Two.Dots", "2", true, "--header"},
        {"headers.X-Two.Dots", "3", true, "--header"},
        {"headers.X-Num", "5", false, "--set"},
        {"headers.X-Num", "6", false, "--set"},
        {"headers", "{\"x-one\": \"2\", \"X-New\": [\"n\", \"m\"]}", false, "--set"},
    };
    static const struct weir__config_set none = {"headers.ACCEPT", "null", false, "--set"};
    struct load load;

    (void)state;
    load_with(&load, FILE_TEXT, sets, COUNT(sets));
    assert_good(&load);
    assert_null(header(&load, "Accept", 0));
    assert_string_equal(header(&load, "accept", 0), "b");
    assert_string_equal(header(&load, "X-Two.Dots", 0), "1");
    assert_string_equal(header(&load, "X-Two.Dots", 1), "2");
    assert_string_equal(header(&load, "X-Two.Dots", 2), "3");
    assert_string_equal(header(&load, "X-Num", 0), "6");
    assert_null(header(&load, "X-Num", 1));
    assert_null(header(&load, "X-One", 0));
    assert_string_equal(header(&load, "x-one", 0), "2");
    assert_string_equal(header(&load, "X-New", 1), "m");
    unload(&load);
    load_with(&load, FILE_TEXT, &none, 1);
    assert_good(&load);
    assert_int_equal(load.config.header_count, 1);
    unload(&load);
}

static void bodies_come_as_text_or_as_json(void **state)
{
    static const struct weir__config_set text = {"body", "{\"n\": 1}", true, "--data"};
    static const struct weir__config_set json = {"body", " {\"n\": 9007199254740993, \"a\":1,\"a\":1} ", false,
                                                 "--set"};
    static const struct weir__config_set word = {"body", "hello", false, "--set"};
    struct load load;

    (void)state;
    load_with(&load, FILE_TEXT, &text, 1); /* and the file's body_file is out */
    assert_good(&load);
    assert_string_equal(load.config.body, "{\"n\": 1}");
    assert_false(load.config.body_json);
    assert_null(load.config.body_file);
    unload(&load);
    load_with(&load, FILE_TEXT, &json, 1);
    assert_good(&load);
    assert_string_equal(load.config.body, "{\"n\": 9007199254740993, \"a\":1,\"a\":1}");
    assert_true(load.config.body_json);
    unload(&load);
    load_with(&load, FILE_TEXT, &word, 1);
    assert_good(&load);
    assert_string_equal(load.config.body, "hello");
    unload(&load);
}

static void rivals_of_one_origin_stay_a_mistake(void **state)
{
    static const struct weir__config_set input[] = {{"input", "jobs", true, "--input"}};
    static const struct weir__config_set both[] = {{"input", "jobs", true, "--input"},
                                                   {"total", "3", false, "--total"}};
    static const struct weir__config_set reversed[] = {{"total", "3", false, "--total"},
                                                       {"input", "j", true, "--input"}};
    struct load load;

    (void)state;
    load_with(&load, FILE_TEXT, input, COUNT(input));
    assert_good(&load);
    assert_false(load.config.has_total);
    assert_string_equal(load.config.input, "jobs");
    unload(&load);
    load_with(&load, FILE_TEXT, both, COUNT(both));
    assert_mistakes(&load, 1);
    assert_says(&load, "--total: total: cannot stand beside \"input\"");
    unload(&load);
    load_with(&load, FILE_TEXT, reversed, COUNT(reversed));
    assert_mistakes(&load, 1);
    unload(&load);
}

static void null_takes_out_what_has_no_default(void **state)
{
    static const struct weir__config_set sets[] = {{"rate", "null", false, "--set"},
                                                   {"body_file", "null", false, "--set"},
                                                   {"timeout.deadline", "null", false, "--set"}};
    static const struct weir__config_set queue = {"queue", "null", false, "--set"};
    struct load load;

    (void)state;
    load_with(&load, FILE_TEXT, sets, COUNT(sets));
    assert_good(&load);
    assert_int_equal(load.config.rate_count, 0);
    assert_null(load.config.body);
    unload(&load);
    load_with(&load, FILE_TEXT, &queue, 1);
    assert_mistakes(&load, 1);
    assert_says(&load, "--set queue: expected a whole number from 1 to 1000000, got null");
    unload(&load);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(overrides_win_over_the_file_and_later_ones_over_earlier),
        cmocka_unit_test(no_file_is_needed),
        cmocka_unit_test(mistakes_name_their_origin),
        cmocka_unit_test(an_override_heals_the_files_mistake),
        cmocka_unit_test(headers_are_merged_by_name),
        cmocka_unit_test(bodies_come_as_text_or_as_json),
        cmocka_unit_test(rivals_of_one_origin_stay_a_mistake),
        cmocka_unit_test(null_takes_out_what_has_no_default),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
