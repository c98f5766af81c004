/* Each key of a configuration, good and bad, and how mistakes are told. */
#include "test_json_support.h"

#include "json/config_parts.h"

#include <locale.h>

/* The longest name of a scope: 64 characters. */
#define LONGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd.f"

/* A file with one key beside what every file needs. */
static void load_key(struct load *load, const char *member)
{
    char text[4096];

    (void)snprintf(text, sizeof text, "{\"url\": \"http://h/\", \"total\": 1,\n%s\n}", member);
    load_text(load, text);
}

static void three_keys_are_enough(void **state)
{
    struct load load;

    (void)state;
    load_text(&load, "{\"url\": \"http://127.0.0.1:8080/get\", \"total\": 200, \"concurrency\": 3}");
    assert_good(&load);
    assert_string_equal(load.config.url, "http://127.0.0.1:8080/get");
    assert_true(load.config.has_total);
    assert_int_equal(load.config.total, 200);
    assert_int_equal(load.config.concurrency, 3);
    assert_int_equal(load.config.workers, 3);
    assert_string_equal(load.config.method, "GET");
    assert_string_equal(load.config.scope, "process");
    assert_null(load.config.body);
    assert_null(load.config.input);
    assert_null(load.config.idempotency_key);
    assert_int_equal(load.config.rate_count, 0);
    assert_int_equal(load.config.deadline_ns, 0);
    assert_false(load.config.has_output);
    unload(&load);
}

/* The table's default texts are what a configuration without the key holds.  (A concurrency that is given is a
 * benchmark's, too: so that has one of its own here.) */
static void defaults_are_those_of_the_table(void **state)
{
    struct load plain, written;
    char *plain_text, *written_text;

    (void)state;
    for (size_t i = 0; i < weir__config_key_count; i++) {
        const struct weir__config_key *key = &weir__config_keys[i];
        const struct weir__config_set sets[] = {
            {"url", "http://h/", true, "-u"},
            {"total", "1", false, "-n"},
            {"bench.concurrency", "[8]", false, "--set"},
            {key->path, key->fallback, key->kind == WEIR__KIND_CHOICE, "--set"},
        };
        if (key->fallback == NULL)
            continue;
        load_with(&plain, NULL, sets, 3);
        load_with(&written, NULL, sets, 4);
        assert_good(&plain);
        assert_good(&written);
        plain_text = weir__config_print(&plain.config);
        written_text = weir__config_print(&written.config);
        assert_string_equal(plain_text, written_text);
        free(plain_text);
        free(written_text);
        unload(&plain);
        unload(&written);
    }
}

static void good_values_are_taken(void **state)
{
    static const char *const members[] = {
        "\"concurrency\": 100000",
        "\"workers\": 1",
        "\"workers\": null",
        "\"queue\": 1000000",
        "\"engine\": \"async\"",
        "\"loops\": 64",
        "\"peers\": []",
        "\"peers\": null",
        "\"bench\": null",
        "\"bench\": {\"concurrency\": null, \"latency\": 0.5, \"engines\": \"naive\"}",
        "\"method\": \"M-SEARCH\"",
        "\"headers\": {}",
        "\"headers\": {\"A\": \"\", \"B\": [\"1\", \"2\"], \"C\": \"a\\tb\"}",
        "\"body\": \"\"",
        "\"body\": null",
        "\"rate\": \"100/s\"",
        "\"rate\": [\"100/s\", \"5000/h\", {\"requests\": 10, \"per\": 0.25}]",
        "\"rate\": {\"requests\": 100, \"per\": \"1s\", \"shape\": \"strict\", \"burst\": 1}",
        "\"rate\": {\"requests\": 100, \"per\": \"1h\", \"shape\": \"paced\", \"burst\": 100}",
        "\"rate\": {\"requests\": 1000000, \"per\": \"31d\", \"shape\": \"window\"}",
        "\"rate\": \"auto\"",
        "\"rate\": [\"auto\"]",
        "\"rate\": [\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"auto\"]",
        "\"retry\": {\"attempts\": 1000, \"refusals\": 1000000}",
        "\"idempotency_key\": \"X-Key\", \"headers\": {\"X-Keys\": \"1\"}",
        "\"rate\": null",
        "\"rate\": []",
        "\"timeout\": \"5s\"",
        "\"timeout\": 5",
        "\"timeout\": {\"connect\": 0.5, \"total\": \"2m\", \"deadline\": \"1h\"}",
        "\"timeout\": {\"deadline\": null}",
        "\"retry\": {\"attempts\": 1, \"statuses\": [], \"backoff\": 0, \"backoff_max\": \"0s\"}",
        "\"retry\": {\"non_idempotent\": true, \"budget\": 0, \"refusals\": 0, \"pause_max\": 0}",
        "\"retry\": {}",
        "\"retry\": null",
        "\"success\": [\"2xx\", \"304\", 404, \"400-403\"]",
        "\"success\": \"2xx\"",
        "\"success\": 200",
        "\"scope\": \"host:my-api_1.x\"",
        "\"scope\": \"host:-\"",
        "\"scope\": \"host:process\"",
        ("\"scope\": \"host:" LONGEST "\""),
        "\"output\": {\"file\": \"-\", \"bodies\": false, \"durability\": \"power\"}",
        "\"redirects\": 50",
        "\"body_max\": 0",
        "\"body_max\": \"64KiB\"",
        "\"body_max\": 17179869184",
        "\"tls\": {\"min_version\": \"1.3\", \"insecure\": true, \"ca_file\": null}",
        "\"idempotency_key\": \"Idempotency-Key\"",
        "\"input\": null",
    };

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct load load;
        load_key(&load, members[i]);
        if (!load.good)
            print_message("%s:\n", members[i]);
        assert_good(&load);
        unload(&load);
    }
}

/* Each of these is one mistake, told with its line, path and what would be right. */
static void bad_values_are_refused(void **state)
{
    static const struct {
        const char *member, *message;
    } cases[] = {
        {"\"concurrency\": 0", "concurrency: expected a whole number from 1 to 100000, got 0"},
        {"\"concurrency\": 100001", "from 1 to 100000, got 100001"},
        {"\"concurrency\": \"three\"", "from 1 to 100000, got \"three\""},
        {"\"concurrency\": \"3\"", "got \"3\""},
        {"\"concurrency\": 1.5", "got 1.5"},
        {"\"concurrency\": -1", "got -1"},
        {"\"concurrency\": 1e400", "got 1e400"},
        {"\"concurrency\": true", "got true"},
        {"\"concurrency\": null", "got null"},
        {"\"concurrency\": [3]", "got an array"},
        {"\"concurrency\": {}", "got an object"},
        {"\"workers\": 0", "workers: expected a whole number from 1 to 100000"},
        {"\"queue\": 1000001", "queue: expected a whole number from 1 to 1000000"},
        {"\"engine\": \"asink\"", "engine: expected \"threads\" or \"async\" (did you mean \"async\"?), got \"asink\""},
        {"\"engine\": 1", "engine: expected \"threads\" or \"async\", got 1"},
        {"\"method\": \"GET /\"", "method: expected a method"},
        {"\"method\": \"get\"", "method: expected a method in capitals"},
        {"\"method\": \"\"", "method: expected a method"},
        {"\"method\": 1", "method: expected a string, got a number"},
        {"\"method\": \"CONNECT\"", "method: expected a method"},
        {"\"method\": \"HEAD\", \"body\": \"x\"", "method: a HEAD request has no body"},
        {"\"headers\": {\"content-length\": \"1\"}", "headers.content-length: expected a field other than this"},
        {"\"headers\": {\"Transfer-Encoding\": \"x\"}", "headers.Transfer-Encoding: expected a field other than this"},
        {"\"headers\": []", "headers: expected an object"},
        {"\"headers\": {\"A B\": \"1\"}", "headers.A B: expected a field name"},
        {"\"headers\": {\"\": \"1\"}", "expected a field name"},
        {"\"headers\": {\"A\": 1}", "headers.A: expected a string, or an array of strings, got a number"},
        {"\"headers\": {\"A\": \"1\\r\\nB: 2\"}", "headers.A: expected a value without line ends"},
        {"\"headers\": {\"A\": [\"1\", null]}", "headers.A: expected a string"},
        {"\"headers\": {\"A\": \"\\u0000\"}", "\\u0000 cannot stand"},
        {"\"body_file\": \"nowhere\"", "nowhere\" cannot be read: No such file"},
        {"\"body_file\": 5", "body_file: expected a string"},
        {"\"body\": \"x\", \"body_file\": \"/dev/null\"", "body_file: cannot stand beside \"body\""},
        {"\"input\": \"jobs\"", "total: cannot stand beside \"input\""},
        {"\"output\": {\"file\": \"\"}", "output.file: expected a file's name"},
        {"\"rate\": \"fast\"", "rate: expected a rate such as \"100/s\""},
        {"\"rate\": 100", "rate: expected a rate"},
        {"\"rate\": \"0/s\"", "rate: expected a rate"},
        {"\"rate\": \"1000001/s\"", "rate: expected 1 to 1000000 requests"},
        {"\"rate\": \"1/32d\"", "in a period from 1us to 744h"},
        {"\"rate\": [\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\",\"1/s\"]",
         "at most 8 rates, got 9"},
        {"\"rate\": [\"auto\", \"automatic\"]",
         "rate[1]: expected a rate such as \"100/s\", \"5000/h\" or \"10/250ms\", or \"auto\""},
        {"\"idempotency_key\": \"X-Key\", \"headers\": {\"x-key\": \"1\"}", "idempotency_key: cannot stand beside"},
        {"\"rate\": {\"requests\": 0, \"per\": \"1s\"}", "rate.requests: expected a whole number from 1 to 1000000"},
        {"\"rate\": {\"per\": \"1s\"}", "rate.requests: missing"},
        {"\"rate\": {\"requests\": 1}", "rate.per: missing"},
        {"\"rate\": {\"requests\": 1, \"per\": 0}", "rate.per: expected a duration from 1us to 744h"},
        {"\"rate\": {\"requests\": 1, \"per\": 1, \"brust\": 1}", "rate.brust: unknown key; did you mean \"burst\"?"},
        {"\"rate\": {\"requests\": 5, \"per\": 1, \"burst\": 6}", "rate.burst: expected 1 to 5"},
        {"\"rate\": {\"requests\": 5, \"per\": 1, \"shape\": \"window\", \"burst\": 2}", "rate.burst: goes with"},
        {"\"rate\": {\"requests\": 5, \"per\": 90, \"burst\": 2}", "rate.burst: goes with"},
        {"\"rate\": [{\"requests\": 5, \"per\": 1, \"shape\": \"even\"}]",
         "rate[0].shape: expected \"strict\", \"window\" or"},
        {"\"timeout\": {\"connect\": 0}", "timeout.connect: expected a duration from 1ns"},
        {"\"timeout\": {\"total\": \"soon\"}", "timeout.total: expected a duration"},
        {"\"timeout\": {\"total\": \"-1s\"}", "timeout.total: expected a duration"},
        {"\"timeout\": {\"deadline\": \"9999d\"}", "timeout.deadline: expected a duration"},
        {"\"timeout\": []", "timeout.total: expected a duration"},
        {"\"retry\": 5", "retry: expected an object"},
        {"\"retry\": {\"attempts\": 0}", "retry.attempts: expected a whole number from 1 to 1000"},
        {"\"retry\": {\"statuses\": [600]}", "retry.statuses: expected a status from 100 to 599"},
        {"\"retry\": {\"statuses\": [\"50x\"]}", "retry.statuses: expected a status"},
        {"\"retry\": {\"statuses\": [\"503-500\"]}", "retry.statuses: expected a status"},
        {"\"retry\": {\"backoff\": \"2m\"}", "retry.backoff_max: expected at least retry.backoff, which is 2m"},
        {"\"retry\": {\"backoff_max\": true}", "retry.backoff_max: expected a duration"},
        {"\"retry\": {\"non_idempotent\": 1}", "retry.non_idempotent: expected true or false, got 1"},
        {"\"retry\": {\"budget\": -0.5}", "retry.budget: expected a number from 0 to 100, got -0.5"},
        {"\"retry\": {\"refusals\": 1000001}", "retry.refusals: expected a whole number"},
        {"\"retry\": {\"pause_max\": \"long\"}", "retry.pause_max: expected a duration"},
        {"\"retry\": {\"atempts\": 1}", "retry.atempts: unknown key; did you mean \"retry.attempts\"?"},
        {"\"success\": []", "success: expected 1 to 64 entries"},
        {"\"success\": [99]", "success: expected a status"},
        {"\"success\": true", "success: expected an array of statuses"},
        {"\"scope\": \"host:\"", "scope: expected \"process\" or \"host:NAME\""},
        {"\"scope\": \"host:a/b\"", "scope: expected"},
        {"\"scope\": \"host:.a\"", "the first no \".\", got \"host:.a\""},
        {"\"scope\": \"host:..\"", "scope: expected"},
        {"\"scope\": \"host:a b\"", "scope: expected"},
        {"\"scope\": \"host:\u00e4\"", "scope: expected"},
        {"\"scope\": \"Host:a\"", "scope: expected"},
        {"\"scope\": \"host\"", "scope: expected"},
        {"\"scope\": \"\"", "scope: expected"},
        {"\"scope\": 1", "scope: expected"},
        {"\"scope\": null", "scope: expected"},
        {"\"scope\": \"host:" LONGEST "e\"", "scope: expected"},
        {"\"output\": \"results.jsonl\"", "output: expected an object"},
        {"\"output\": {\"file\": true}", "output.file: expected a string"},
        {"\"output\": {\"bodies\": \"yes\"}", "output.bodies: expected true or false"},
        {"\"output\": {\"durability\": \"best\"}", "output.durability: expected \"none\", \"crash\" or \"power\""},
        {"\"redirects\": 51", "redirects: expected a whole number from 0 to 50"},
        {"\"body_max\": \"17GiB\"", "body_max: expected a size"},
        {"\"body_max\": -1", "body_max: expected a size"},
        {"\"body_max\": 1.5", "body_max: expected a size"},
        {"\"tls\": {\"ca_file\": \"nowhere.pem\"}", "tls.ca_file: expected a file that can be read"},
        {"\"tls\": {\"client_key\": \"/dev/null\"}", "tls.client_key: needs \"tls.client_cert\""},
        {"\"tls\": {\"min_version\": \"1.1\"}", "tls.min_version: expected \"1.2\" or \"1.3\""},
        {"\"tls\": {\"insecure\": null}", "tls.insecure: expected true or false"},
        {"\"tls\": {\"verify\": false}",
         "tls.verify: unknown key (keys here: ca_file, client_cert, client_key, min_version"},
        {"\"idempotency_key\": \"no such\"", "idempotency_key: expected the name of a header field"},
        {"\"deadline\": 5", "deadline: unknown key; did you mean \"timeout.deadline\"?"},
        {"\"concurency\": 5", "concurency: unknown key; did you mean \"concurrency\"?"},
        {"\"Concurrency\": 5", "Concurrency: unknown key; did you mean \"concurrency\"?"},
        {"\"tls.insecure\": true", "tls.insecure: unknown key; did you mean \"tls.insecure\"?"},
        {"\"elephant\": 5", "elephant: unknown key (keys here: url, total"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load load;
        char place[300];
        load_key(&load, cases[i].member);
        if (load.good || load.errors.count != 1)
            print_message("%s:\n", cases[i].member);
        assert_mistakes(&load, 1);
        assert_says(&load, cases[i].message);
        /* all stand in line 2, but for total beside input */
        (void)snprintf(place, sizeof place, "%s:", path_of(FILE_NAME));
        assert_says(&load, place);
        if (strstr(cases[i].member, "\"jobs\"") == NULL) {
            (void)snprintf(place, sizeof place, "%s:2:", path_of(FILE_NAME));
            assert_says(&load, place);
        }
        unload(&load);
    }
}

static void urls_are_absolute_and_http(void **state)
{
    static const char *const good[] = {
        "http://h",     "https://user:pw@h:8443/a?b#c", "HTTP://h/",          "http://[::1]:80/",
        "http://h/{i}", "http://h{i}.x:80{i}/",         "http://127.0.0.1:0/"};
    static const char *const bad[] = {"",
                                      "h",
                                      "//h",
                                      "ftp://h/",
                                      "http://",
                                      "http:///x",
                                      "http://:80/",
                                      "http://h:x/",
                                      "http://h:65536/",
                                      "http://h/a b",
                                      "http://h/\\n",
                                      "http://[::1/",
                                      "file:///x",
                                      "http://u@/"};
    char text[256];
    struct load load;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"total\": 1, \"url\": \"%s\"}", good[i]);
        load_text(&load, text);
        assert_good(&load);
        unload(&load);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"total\": 1, \"url\": \"%s\"}", bad[i]);
        load_text(&load, text);
        if (load.good)
            print_message("%s\n", bad[i]);
        assert_mistakes(&load, 1);
        assert_says(&load, ":1: url: expected");
        unload(&load);
    }
}

static void values_land_in_their_units(void **state)
{
    struct load load;

    (void)state;
    load_key(&load,
             "\"rate\": [{\"requests\": 10, \"per\": \"250ms\", \"shape\": \"paced\", \"burst\": 3}, \"5000/h\"],"
             "\"timeout\": {\"connect\": 0.1, \"total\": \"1.5s\", \"deadline\": \"2m\"}, \"body_max\": \"64KiB\","
             "\"success\": [\"2xx\", 304, \"400-403\"], \"retry\": {\"budget\": 0.25, \"backoff\": \"10ms\"},"
             "\"tls\": {\"min_version\": \"1.3\"}, \"output\": {\"durability\": \"power\"}, \"total\": 1000000000000");
    assert_mistakes(&load, 1); /* total stands there already */
    assert_says(&load, ":2: total: duplicate key, given already in line 1");
    unload(&load);
    load_key(&load,
             "\"rate\": [{\"requests\": 10, \"per\": \"250ms\", \"shape\": \"paced\", \"burst\": 3}, \"5000/h\"],"
             "\"timeout\": {\"connect\": 0.1, \"total\": \"1.5s\", \"deadline\": \"2m\"}, \"body_max\": \"64KiB\","
             "\"success\": [\"2xx\", 304, \"400-403\"], \"retry\": {\"budget\": 0.25, \"backoff\": \"10ms\"},"
             "\"tls\": {\"min_version\": \"1.3\"}, \"output\": {\"durability\": \"power\"}");
    assert_good(&load);
    assert_int_equal(load.config.rate_count, 2);
    assert_int_equal(load.config.rates[0].requests, 10);
    assert_int_equal(load.config.rates[0].per_ns, 250000000);
    assert_int_equal(load.config.rates[0].shape, WEIR_SHAPE_PACED);
    assert_int_equal(load.config.rates[0].burst, 3);
    assert_int_equal(load.config.rates[1].requests, 5000);
    assert_int_equal(load.config.rates[1].per_ns, INT64_C(3600000000000));
    assert_int_equal(load.config.rates[1].shape, WEIR_SHAPE_DEFAULT);
    assert_int_equal(load.config.timeout_connect_ns, 100000000);
    assert_int_equal(load.config.timeout_total_ns, 1500000000);
    assert_int_equal(load.config.deadline_ns, INT64_C(120000000000));
    assert_int_equal(load.config.body_max, 65536);
    assert_int_equal(load.config.success_count, 3);
    assert_int_equal(load.config.success[2].first, 400);
    assert_int_equal(load.config.success[2].last, 403);
    assert_true(load.config.retry.budget > 0.24 && load.config.retry.budget < 0.26);
    assert_int_equal(load.config.retry.backoff_ns, 10000000);
    assert_int_equal(load.config.tls.version_min, 13);
    assert_int_equal(load.config.output.durability, WEIR__DURABILITY_POWER);
    assert_true(load.config.has_output);
    unload(&load);
}

static void auto_stands_alone_or_beside_other_rates(void **state)
{
    static const struct {
        const char *member;
        size_t rates;
        bool automatic;
    } cases[] = {
        {"\"rate\": \"auto\"", 0, true},
        {"\"rate\": [\"auto\"]", 0, true},
        {"\"rate\": [\"100/s\", \"auto\", {\"requests\": 7, \"per\": \"1h\"}]", 2, true},
        {"\"rate\": \"${env:WEIR_TEST_RATE}\"", 0, true},
        {"\"rate\": [\"100/s\", \"7/h\"]", 2, false},
    };
    struct load load;

    (void)state;
    assert_int_equal(setenv("WEIR_TEST_RATE", "auto", 1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        load_key(&load, cases[i].member);
        assert_good(&load);
        assert_int_equal(load.config.rate_auto, cases[i].automatic);
        assert_int_equal(load.config.rate_count, cases[i].rates);
        if (cases[i].rates == 2) {
            assert_int_equal(load.config.rates[0].requests, 100);
            assert_int_equal(load.config.rates[1].requests, 7);
        }
        unload(&load);
    }
}

static void all_mistakes_are_told_at_once(void **state)
{
    static const char *const expected[] = {
        ":2: url: expected an absolute URL",
        ":3: concurency: unknown key; did you mean \"concurrency\"?",
        ":4: rate: expected a rate",
        ":6: retry.attempts: expected a whole number",
        ":7: retry.attempts: duplicate key, given already in line 6",
        ":9: headers.X: expected a string",
        ":1: total: missing",
    };
    char text[400];
    struct load load;

    (void)state;
    load_text(&load, "{\n\"url\": \"ftp://h/\",\n\"concurency\": 3,\n\"rate\": \"often\",\n\"retry\": {\n"
                     "\"attempts\": \"many\",\n\"attempts\": 5\n},\n\"headers\": {\"X\": 1}\n}\n");
    assert_mistakes(&load, 7);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        (void)snprintf(text, sizeof text, "%s%s", path_of(FILE_NAME), expected[i]);
        assert_says(&load, text);
    }
    unload(&load);
}

static void more_mistakes_than_the_list_holds_are_counted(void **state)
{
    char text[8192] = "{\"url\": \"http://h/\", \"total\": 1";
    size_t used = strlen(text);
    struct load load;

    (void)state;
    for (int i = 0; i < 150; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ", \"zz%d\": 1", i);
    (void)snprintf(text + used, sizeof text - used, "}");
    load_text(&load, text);
    assert_mistakes(&load, WEIR__CONFIG_ERRORS_MAX);
    assert_int_equal(load.errors.dropped, 50);
    unload(&load);
}

static void syntax_errors_have_a_line_and_a_column(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\n  \"url\": \"x\",\n}", ":3:1: not JSON: expected another key in double quotes after the comma, got \"}\""},
        {"{ // why\n}", ":1:3: not JSON: expected a key in double quotes, or \"}\", got \"/\" (JSON has no comments)"},
        {"", ":1:1: not JSON: expected a value"},
        {"{\"a\": 01}", ":1:7: not JSON: expected a number without a leading zero"},
        {"{} {}", ":1:4: not JSON: expected nothing after the value, got \"{\""},
        {"\xef\xbb\xbf{}", "without a byte order mark"},
        {"{\"a\": \"\xff\"}", ":1:8: not JSON: expected UTF-8, got byte 0xff"},
        {"{\"body\": {\"n\": 1.}}", "a digit after the decimal point"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load load;
        load_text(&load, cases[i].text);
        assert_mistakes(&load, 1);
        assert_says(&load, cases[i].message);
        unload(&load);
    }
}

static void other_texts_than_an_object_are_refused(void **state)
{
    static const char *const texts[] = {"[]", "5", "\"x\"", "null"};
    struct load load;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        load_text(&load, texts[i]);
        assert_mistakes(&load, 1);
        assert_says(&load, ":1: expected an object");
        unload(&load);
    }
    load.good = weir__config_load("/nonexistent/weir.json", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_mistakes(&load, 1);
    assert_says(&load, "/nonexistent/weir.json: cannot be read: No such file or directory");
    unload(&load);
    load.good = weir__config_load("/tmp", NULL, 0, WEIR__CONFIG_RUN, &load.config, &load.errors);
    assert_mistakes(&load, 1);
    assert_says(&load, "/tmp: cannot be read: Is a directory");
    unload(&load);
    load_text(&load, "{}");
    assert_mistakes(&load, 2);
    assert_says(&load, ":1: url: missing: ");
    assert_says(&load, ":1: total: missing: ");
    unload(&load);
    load_text(&load, "{\"input\": \"-\"}");
    assert_good(&load);
    assert_string_equal(load.config.input, "-");
    unload(&load);
}

/* A JSON body goes out as it stands: no double, no 63-byte number, no escape or duplicate of it is touched. */
static void a_json_body_is_kept_byte_for_byte(void **state)
{
    static const char *const bodies[] = {
        "{\"n\": 9007199254740993,  \"a\": 1, \"a\": 2, \"s\": \"\\u0000\\u00e9\"}",
        "[1e400, 0.10, -0]",
        "9007199254740993",
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
        "true",
        "[]",
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct load load;
        for (int escaped = 0; escaped < 2; escaped++) {
            if (escaped == 1 && strlen(bodies[i]) > 70)
                continue;
            (void)snprintf(text, sizeof text, "{\"%s\": %s , \"total\": 1, \"url\": \"http://h/\"}",
                           escaped == 1 && strchr(bodies[i], 'u') == NULL ? "b\\u006fdy" : "body", bodies[i]);
            load_text(&load, text);
            assert_good(&load);
            assert_true(load.config.body_json);
            assert_string_equal(load.config.body, bodies[i]);
            assert_int_equal(load.config.body_size, strlen(bodies[i]));
            assert_string_equal(load.config.method, "POST");
            unload(&load);
        }
    }
}

static void body_files_are_read_whole(void **state)
{
    static const char bytes[] = "a\0b\n";
    struct load load;

    (void)state;
    write_bytes("body.bin", bytes, 4);
    load_key(&load, "\"body_file\": \"body.bin\", \"method\": \"PUT\"");
    assert_good(&load);
    assert_int_equal(load.config.body_size, 4);
    assert_memory_equal(load.config.body, bytes, 5);
    assert_string_equal(load.config.method, "PUT");
    assert_string_equal(load.config.body_file, path_of("body.bin"));
    unload(&load);
    write_bytes("empty", "", 0);
    load_key(&load, "\"body_file\": \"empty\"");
    assert_good(&load);
    assert_non_null(load.config.body);
    assert_int_equal(load.config.body_size, 0);
    unload(&load);
}

static void file_names_start_from_the_files_folder(void **state)
{
    struct load load;

    (void)state;
    load_key(&load, "\"output\": {\"file\": \"r.jsonl\"}");
    assert_good(&load);
    assert_string_equal(load.config.output.file, path_of("r.jsonl"));
    unload(&load);
    load_key(&load, "\"output\": {\"file\": \"/abs\"}");
    assert_string_equal(load.config.output.file, "/abs");
    unload(&load);
}

/* cJSON stumbles over numbers of more than 63 bytes, and cuts strings at \u0000: both are told, not guessed at. */
static void what_the_tree_cannot_hold_is_told(void **state)
{
    struct load load;
    char text[200];

    (void)state;
    (void)snprintf(text, sizeof text, "\"queue\": 1%070d", 0);
    load_key(&load, text);
    assert_mistakes(&load, 1);
    assert_says(&load, ":2:10: a number of more than 63 characters");
    unload(&load);
    load_key(&load, "\"meth\\u0000od\": \"GET\"");
    assert_mistakes(&load, 1);
    assert_says(&load, "\\u0000 cannot stand in a configuration's string");
    unload(&load);
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
    struct load load;

    (void)state;
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL)
        skip();
    load_key(&load, "\"timeout\": 0.25, \"retry\": {\"budget\": 0.75}");
    (void)setlocale(LC_ALL, "C");
    assert_good(&load);
    assert_int_equal(load.config.timeout_total_ns, 250000000);
    assert_true(load.config.retry.budget > 0.7 && load.config.retry.budget < 0.8);
    unload(&load);
}

static void headers_are_bounded(void **state)
{
    struct load load;
    char *text = malloc(200000);
    size_t used;

    (void)state;
    assert_non_null(text);
    used = (size_t)snprintf(text, 200000, "{\"url\": \"http://h/\", \"total\": 1, \"headers\": {\"A\": \"");
    memset(text + used, 'x', 70000);
    (void)snprintf(text + used + 70000, 100, "\"}}");
    load_text(&load, text);
    assert_mistakes(&load, 1);
    assert_says(&load, "headers: expected at most 65536 bytes in all, got 70005");
    unload(&load);
    used = (size_t)snprintf(text, 200000, "{\"url\": \"http://h/\", \"total\": 1, \"headers\": {\"A\": [\"\"");
    for (int i = 0; i < 256; i++)
        used += (size_t)snprintf(text + used, 200000 - used, ",\"\"");
    (void)snprintf(text + used, 100, "]}}");
    load_text(&load, text);
    assert_mistakes(&load, 1);
    assert_says(&load, "headers.A: expected at most 256 header fields");
    unload(&load);
    free(text);
}

/* What `weir check` accepts a run must be able to do. */
static void a_number_cannot_stand_in_the_base_of_relative_urls(void **state)
{
    struct load load;

    (void)state;
    load_text(&load, "{\"url\": \"http://127.0.0.1/{i}\", \"input\": \"jobs\"}");
    assert_mistakes(&load, 1);
    assert_says(&load, "url: {i} cannot stand in the URL");
    unload(&load);
    load_text(&load, "{\"url\": \"http://127.0.0.1/{i}\", \"total\": 1}");
    assert_good(&load);
    unload(&load);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_cannot_stand_in_the_base_of_relative_urls),
        cmocka_unit_test(three_keys_are_enough),
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(urls_are_absolute_and_http),
        cmocka_unit_test(values_land_in_their_units),
        cmocka_unit_test(auto_stands_alone_or_beside_other_rates),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(more_mistakes_than_the_list_holds_are_counted),
        cmocka_unit_test(syntax_errors_have_a_line_and_a_column),
        cmocka_unit_test(other_texts_than_an_object_are_refused),
        cmocka_unit_test(a_json_body_is_kept_byte_for_byte),
        cmocka_unit_test(body_files_are_read_whole),
        cmocka_unit_test(file_names_start_from_the_files_folder),
        cmocka_unit_test(what_the_tree_cannot_hold_is_told),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(headers_are_bounded),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
