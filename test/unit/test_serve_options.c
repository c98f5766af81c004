/* What `weir serve` was asked for: options, CONFIG, and which of the two wins. */
#include "cli/serve_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define MS INT64_C(1000000)
#define ARGUMENTS_MAX 32

static struct weir__serve_options options;
static char config[64];

/* `line` is split at its spaces. */
static enum weir__serve_parsed parse(const char *line)
{
    static char text[512];
    char *arguments[ARGUMENTS_MAX], *rest = NULL;
    int count = 0;

    (void)snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok_r(text, " ", &rest); word != NULL && count < ARGUMENTS_MAX;
         word = strtok_r(NULL, " ", &rest))
        arguments[count++] = word;
    return weir__serve_options_parse(count, arguments, &options);
}

/* The same with a CONFIG of that content in front. */
static enum weir__serve_parsed parse_with(const char *json, const char *line)
{
    char all[256];
    FILE *file;
    int descriptor;
    enum weir__serve_parsed parsed;

    (void)snprintf(config, sizeof config, "/tmp/weir-test-XXXXXX");
    descriptor = mkstemp(config);
    file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    assert_non_null(file);
    assert_true(fputs(json, file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(all, sizeof all, "%s %s", config, line);
    parsed = parse(all);
    (void)unlink(config);
    return parsed;
}

static void defaults_are_loopback_without_a_limit(void **state)
{
    (void)state;
    assert_int_equal(parse(""), WEIR__SERVE_RUN);
    assert_int_equal(options.port, 8080);
    assert_string_equal(options.address, "127.0.0.1");
    assert_int_equal(options.limit, 0);
    assert_int_equal(options.shape, WEIR__WINDOW_NONE);
    assert_int_equal(options.refusal_status, 429);
    assert_int_equal(options.period_ns, 1000 * MS);
}

static void a_limit_slides_unless_told_otherwise(void **state)
{
    (void)state;
    assert_int_equal(parse("--limit 10/250ms"), WEIR__SERVE_RUN);
    assert_int_equal(options.limit, 10);
    assert_int_equal(options.period_ns, 250 * MS);
    assert_int_equal(options.shape, WEIR__WINDOW_SLIDING);
    assert_int_equal(parse("--limit=10/s --window=bucket --burst 3"), WEIR__SERVE_RUN);
    assert_int_equal(options.shape, WEIR__WINDOW_BUCKET);
    assert_int_equal(options.burst, 3);
    assert_int_equal(parse("--limit 10/s --window none"), WEIR__SERVE_RUN);
    assert_int_equal(options.shape, WEIR__WINDOW_NONE);
}

static void every_option_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse("-p 0 --listen ::1 --latency 5ms --jitter 1ms --uplink 2ms --fail 503:10% --fail 500:0.2 "
                           "--reset 1% --seed 7"),
                     WEIR__SERVE_RUN);
    assert_int_equal(options.port, 0);
    assert_string_equal(options.address, "::1");
    assert_int_equal(options.latency_ns, 5 * MS);
    assert_int_equal(options.jitter_ns, MS);
    assert_int_equal(options.uplink_ns, 2 * MS);
    assert_int_equal(options.fail_count, 2);
    assert_int_equal(options.fails[0].status, 503);
    assert_true(options.fails[1].share == 0.2);
    assert_int_equal(options.seed, 7);
    assert_int_equal(parse("--limit 1/s --headers openai --refusal 503 --body 64KiB --duration 2s --quiet"),
                     WEIR__SERVE_RUN);
    assert_int_equal(options.dialect, WEIR__DIALECT_OPENAI);
    assert_int_equal(options.refusal_status, 503);
    assert_int_equal(options.body_size, 65536);
    assert_true(options.duration_ns == 2000 * MS && options.quiet);
    assert_int_equal(parse("--limit 1/s --headers anthropic --refuse-for 3s --retry-after 1.5s --log a/b.log"),
                     WEIR__SERVE_RUN);
    assert_int_equal(options.dialect, WEIR__DIALECT_ANTHROPIC);
    assert_int_equal(options.refuse_for_ns, 3000 * MS);
    assert_true(options.retry_after_given && options.retry_after_ns == 1500 * MS);
    assert_string_equal(options.log_file, "a/b.log");
    assert_int_equal(parse("--fail 503 --help"), WEIR__SERVE_HELP);
}

/* A server that is down tells its Retry-After without any limit; zero is a value of its own. */
static void an_outage_needs_no_limit(void **state)
{
    (void)state;
    assert_int_equal(parse("--refuse-for 1s --headers retry-after"), WEIR__SERVE_RUN);
    assert_false(options.retry_after_given);
    assert_int_equal(parse("--refuse-for 1s --retry-after 0"), WEIR__SERVE_RUN);
    assert_true(options.retry_after_given && options.retry_after_ns == 0);
    assert_int_equal(parse_with("{\"refuse-for\":2,\"retry-after\":\"1s\",\"log\":\"x\"}", ""), WEIR__SERVE_RUN);
    assert_int_equal(options.refuse_for_ns, 2000 * MS);
    assert_string_equal(options.log_file, "x");
}

static void mistakes_are_refused_and_leave_the_options_alone(void **state)
{
    static const char *const lines[] = {
        "--port 65536",
        "--port x",
        "--listen example.com",
        "--limit 100",
        "--limit 0/s",
        "--limit 1000001/s",
        "--limit 1/s --window round",
        "--latency fast",
        "--fail 503",
        "--fail 503:2",
        "--fail 199:0.1",
        "--fail :0.1",
        "--reset -1",
        "--fail 503:0.6 --reset 0.5",
        "--headers ietf",
        "--window sliding",
        "--limit 1/s --burst 2",
        "--limit 1/s --window bucket --burst 0",
        "--refusal 200",
        "--body 65MiB",
        "--duration 0",
        "--nonsense",
        "--port",
        "--quiet=1",
        "a.json b.json",
        "/nonexistent/weir.json",
        "--limit 1/s --headers rfc",
        "--headers retry-after",
        "--refuse-for 1s --headers discord",
        "--retry-after 1s",
        "--refuse-for soon",
        "--limit 1/s --retry-after never",
        "--log",
        "--log=",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        options.port = 4242;
        if (parse(lines[i]) != WEIR__SERVE_WRONG || options.port != 4242)
            fail_msg("accepted: %s", lines[i]);
    }
}

static void config_has_the_same_names_and_options_win(void **state)
{
    const char *json = "{\"port\":0,\"limit\":\"100/s\",\"window\":\"fixed\",\"quiet\":true,\"latency\":0.25,"
                       "\"fail\":[\"503:0.1\",\"500:0.1\"]}";

    (void)state;
    assert_int_equal(parse_with(json, ""), WEIR__SERVE_RUN);
    assert_int_equal(options.port, 0);
    assert_int_equal(options.limit, 100);
    assert_int_equal(options.shape, WEIR__WINDOW_FIXED);
    assert_true(options.quiet);
    assert_int_equal(options.latency_ns, 250 * MS);
    assert_int_equal(options.fail_count, 2);
    assert_int_equal(parse_with(json, "--limit 5/s --fail 502:0.5"), WEIR__SERVE_RUN);
    assert_int_equal(options.limit, 5);
    assert_int_equal(options.shape, WEIR__WINDOW_FIXED);
    assert_int_equal(options.fail_count, 1);
    assert_int_equal(options.fails[0].status, 502);
    assert_int_equal(parse_with("{\"quiet\":false}", ""), WEIR__SERVE_RUN);
    assert_false(options.quiet);
    assert_int_equal(parse_with(" { } ", ""), WEIR__SERVE_RUN);
}

static void config_mistakes_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{\"port\":0,}",
        "{\"port\":0} {}",
        "{\"port\":0,\"port\":1}",
        "{\"prot\":0}",
        "{\"help\":true}",
        "{\"port\":true}",
        "{\"quiet\":1}",
        "{\"port\":null}",
        "{\"port\":{\"a\":[1]}}",
        "{\"port\":[[1]]}",
        "{\"port\":[1,2]}",
        "{\"port\":\"80\\u0000\"}",
        "{\"port\":1e3}",
        "{\"limit\":\"1/s\",\"window\":\"no\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (parse_with(texts[i], "") != WEIR__SERVE_WRONG)
            fail_msg("accepted: %s", texts[i]);
}

static void description_names_the_rule(void **state)
{
    char text[128];

    (void)state;
    assert_int_equal(parse("--limit 100/s --window leaky --burst 5"), WEIR__SERVE_RUN);
    weir__serve_options_describe(&options, text, sizeof text);
    assert_string_equal(text, "100/1s, window leaky, burst 5");
    assert_int_equal(parse(""), WEIR__SERVE_RUN);
    weir__serve_options_describe(&options, text, sizeof text);
    assert_string_equal(text, "no limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_loopback_without_a_limit),
        cmocka_unit_test(a_limit_slides_unless_told_otherwise),
        cmocka_unit_test(every_option_is_read),
        cmocka_unit_test(an_outage_needs_no_limit),
        cmocka_unit_test(mistakes_are_refused_and_leave_the_options_alone),
        cmocka_unit_test(config_has_the_same_names_and_options_win),
        cmocka_unit_test(config_mistakes_are_refused),
        cmocka_unit_test(description_names_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
