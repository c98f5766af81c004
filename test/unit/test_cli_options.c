/* The command line is read as getopt_long would, and becomes overrides of the configuration. */
#include "cli/options.h"
#include "cli/run_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct weir__option table[] = {
    {'n', "total", "N", "how many", 1},
    {'v', "verbose", NULL, "more words", 2},
    {'q', "quiet", NULL, "fewer", 3},
    {'\0', NULL, NULL, NULL, 0},
};

/* Everything taken, as text: "1=200 2 :file" */
struct taken {
    char text[256];
};

static bool take(void *context, const struct weir__option *option, const char *value)
{
    struct taken *taken = context;
    const size_t used = strlen(taken->text);

    (void)snprintf(taken->text + used, sizeof taken->text - used, "%s%s%s", used > 0 ? " " : "",
                   option != NULL ? option->name : ":", value != NULL ? value : "");
    return true;
}

/* Reads a command line of up to four words. */
static bool parse(struct taken *taken, const char *a, const char *b, const char *c, const char *d)
{
    char *arguments[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c, (char *)(uintptr_t)d};
    int count = 0;

    while (count < 4 && arguments[count] != NULL)
        count++;
    taken->text[0] = '\0';
    return weir__options_parse("test", table, count, arguments, take, taken);
}

static void every_way_of_writing_an_option_is_read(void **state)
{
    struct taken taken;

    (void)state;
    assert_true(parse(&taken, "-n200", "-n", "200", NULL));
    assert_string_equal(taken.text, "total200 total200");
    assert_true(parse(&taken, "--total=200", "--total", "200", "--verbose"));
    assert_string_equal(taken.text, "total200 total200 verbose");
    assert_true(parse(&taken, "-vqn5", "file", "-", NULL));
    assert_string_equal(taken.text, "verbose quiet total5 :file :-");
    assert_true(parse(&taken, "-n", "-5", "--", "-v"));
    assert_string_equal(taken.text, "total-5 :-v");
    assert_true(parse(&taken, "--total=", NULL, NULL, NULL));
    assert_string_equal(taken.text, "total");
}

static void mistakes_end_the_parse(void **state)
{
    struct taken taken;

    (void)state;
    assert_false(parse(&taken, "--totl", "5", NULL, NULL));
    assert_false(parse(&taken, "-x", NULL, NULL, NULL));
    assert_false(parse(&taken, "-vx", NULL, NULL, NULL));
    assert_false(parse(&taken, "-n", NULL, NULL, NULL));
    assert_false(parse(&taken, "--total", NULL, NULL, NULL));
    assert_false(parse(&taken, "--verbose=1", NULL, NULL, NULL));
    assert_false(parse(&taken, "--tot", "5", NULL, NULL)); /* no guessing at beginnings */
}

#define COUNT(list) ((int)(sizeof(list) / sizeof(list)[0]))

static void options_become_overrides_in_their_order(void **state)
{
    char *arguments[] = {(char[]){"conf.json"},
                         (char[]){"-n"},
                         (char[]){"7"},
                         (char[]){"-H"},
                         (char[]){"X-A:  b: c"},
                         (char[]){"--set"},
                         (char[]){"tls.ca_file=a=b"}};
    struct weir__run_options options;

    (void)state;
    assert_true(weir__run_options_parse("run", COUNT(arguments), arguments, &options));
    assert_string_equal(options.overrides.config_file, "conf.json");
    assert_int_equal(options.overrides.set_count, 3);
    assert_string_equal(options.overrides.sets[0].path, "total");
    assert_string_equal(options.overrides.sets[0].value, "7");
    assert_false(options.overrides.sets[0].literal);
    assert_string_equal(options.overrides.sets[0].origin, "--total");
    assert_string_equal(options.overrides.sets[1].path, "headers.X-A");
    assert_string_equal(options.overrides.sets[1].value, "b: c");
    assert_true(options.overrides.sets[1].literal);
    assert_string_equal(options.overrides.sets[2].path, "tls.ca_file");
    assert_string_equal(options.overrides.sets[2].value, "a=b");
    weir__run_options_clear(&options);
}

static void rates_are_collected_into_one_value(void **state)
{
    char *one[] = {(char[]){"-r100/s"}};
    char *two[] = {(char[]){"-r100/s"}, (char[]){"--rate=50\"00/h"}};
    struct weir__run_options options;

    (void)state;
    assert_true(weir__run_options_parse("run", 1, one, &options));
    assert_int_equal(options.overrides.set_count, 1);
    assert_string_equal(options.overrides.sets[0].value, "100/s");
    assert_true(options.overrides.sets[0].literal);
    weir__run_options_clear(&options);

    assert_true(weir__run_options_parse("run", 2, two, &options));
    assert_int_equal(options.overrides.set_count, 1);
    assert_string_equal(options.overrides.sets[0].path, "rate");
    assert_string_equal(options.overrides.sets[0].value, "[\"100/s\",\"50\\\"00/h\"]");
    assert_false(options.overrides.sets[0].literal);
    weir__run_options_clear(&options);
}

static void auto_is_a_rate_like_any_other(void **state)
{
    char *one[] = {(char[]){"-rauto"}};
    char *two[] = {(char[]){"-r100/s"}, (char[]){"-rauto"}};
    struct weir__run_options options;

    (void)state;
    assert_true(weir__run_options_parse("run", 1, one, &options));
    assert_string_equal(options.overrides.sets[0].value, "auto");
    weir__run_options_clear(&options);
    assert_true(weir__run_options_parse("run", 2, two, &options));
    assert_string_equal(options.overrides.sets[0].value, "[\"100/s\",\"auto\"]");
    weir__run_options_clear(&options);
}

static void retries_are_attempts_after_the_first(void **state)
{
    static const struct {
        const char *written, *attempts;
    } cases[] = {{"--retries=0", "1"}, {"--retries=4", "5"}, {"--retries=999", "1000"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__run_options options;
        char copy[32];
        char *arguments[] = {copy};
        (void)snprintf(copy, sizeof copy, "%s", cases[i].written);
        assert_true(weir__run_options_parse("run", 1, arguments, &options));
        assert_int_equal(options.overrides.set_count, 1);
        assert_string_equal(options.overrides.sets[0].path, "retry.attempts");
        assert_string_equal(options.overrides.sets[0].value, cases[i].attempts);
        assert_string_equal(options.overrides.sets[0].origin, "--retries");
        weir__run_options_clear(&options);
    }
}

static void an_old_results_file_is_gone_on_with_or_set_aside(void **state)
{
    static const struct {
        const char *first, *second;
        enum weir__journal_mode mode;
        bool accepted;
    } cases[] = {
        {"--resume", "--quiet", WEIR__JOURNAL_RESUME, true},
        {"--retry-failed", "--resume", WEIR__JOURNAL_RETRY_FAILED, true},
        {"--resume", "--retry-failed", WEIR__JOURNAL_RETRY_FAILED, true},
        {"--force", "--force", WEIR__JOURNAL_FORCE, true},
        {"--force", "--resume", WEIR__JOURNAL_NEW, false},
        {"--retry-failed", "--force", WEIR__JOURNAL_NEW, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__run_options options;
        char first[32], second[32];
        char *arguments[] = {first, second};
        (void)snprintf(first, sizeof first, "%s", cases[i].first);
        (void)snprintf(second, sizeof second, "%s", cases[i].second);
        assert_int_equal(weir__run_options_parse("run", 2, arguments, &options), cases[i].accepted);
        if (cases[i].accepted)
            assert_int_equal(options.mode, cases[i].mode);
        weir__run_options_clear(&options);
    }
}

static void so_many_failures_are_a_number_or_a_share(void **state)
{
    static const struct {
        const char *written;
        bool percent;
        double most;
    } cases[] = {{"--fail-fast", false, 0},
                 {"--max-failures=0", false, 0},
                 {"--max-failures=10", false, 10},
                 {"--max-failures=5%", true, 5},
                 {"--max-failures=0.5%", true, 0.5}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__run_options options;
        char copy[32];
        char *arguments[] = {copy};
        (void)snprintf(copy, sizeof copy, "%s", cases[i].written);
        assert_true(weir__run_options_parse("run", 1, arguments, &options));
        assert_true(options.tolerance.limited);
        assert_int_equal(options.tolerance.percent, cases[i].percent);
        assert_true(options.tolerance.most == cases[i].most);
        weir__run_options_clear(&options);
    }
}

static void bad_command_lines_are_refused(void **state)
{
    static const char *const bad[] = {"http://h/",
                                      "--shape=round",
                                      "--progress=maybe",
                                      "--set=novalue",
                                      "--set==1",
                                      "-HNoColon",
                                      "-H: x",
                                      "-i",
                                      "--input-format=csv",
                                      "--max-failures=%",
                                      "--max-failures=101%",
                                      "--max-failures=1.5",
                                      "--retries=-1",
                                      "--retries=1000",
                                      "--retries=",
                                      "--retries=three"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct weir__run_options options;
        char copy[32];
        char *arguments[] = {copy};
        (void)snprintf(copy, sizeof copy, "%s", bad[i]);
        if (weir__run_options_parse("run", 1, arguments, &options))
            fail_msg("%s was accepted", bad[i]);
        weir__run_options_clear(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_writing_an_option_is_read),
        cmocka_unit_test(mistakes_end_the_parse),
        cmocka_unit_test(options_become_overrides_in_their_order),
        cmocka_unit_test(rates_are_collected_into_one_value),
        cmocka_unit_test(auto_is_a_rate_like_any_other),
        cmocka_unit_test(retries_are_attempts_after_the_first),
        cmocka_unit_test(an_old_results_file_is_gone_on_with_or_set_aside),
        cmocka_unit_test(so_many_failures_are_a_number_or_a_share),
        cmocka_unit_test(bad_command_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
