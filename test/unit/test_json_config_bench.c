/* The keys of benchmarks: what is taken, what is refused with which words, what is printed, and what is left out. */
#include "test_json_support.h"

#include "json/config_parts.h"

static void load_bench(struct load *load, const char *text)
{
    write_bytes(FILE_NAME, text, strlen(text));
    load->good = weir__config_load(path_of(FILE_NAME), NULL, 0, WEIR__CONFIG_BENCH, &load->config, &load->errors);
}

static void a_benchmark_needs_nothing(void **state)
{
    struct load load;

    (void)state;
    load_bench(&load, "{}");
    assert_good(&load);
    assert_int_equal(load.config.bench.concurrency_count, 1);
    assert_int_equal(load.config.bench.concurrency[0], 32);
    assert_int_equal(load.config.bench.latency_count, 2);
    assert_int_equal(load.config.bench.latency_ns[0], 0);
    assert_int_equal(load.config.bench.latency_ns[1], 50000000);
    assert_int_equal(load.config.bench.subject_count, 3);
    assert_int_equal(load.config.bench.subjects[2], WEIR__SUBJECT_NAIVE);
    assert_int_equal(load.config.bench.rounds, 5);
    assert_int_equal(load.config.bench.warmups, 1);
    assert_int_equal(load.config.peer_count, 0);
    assert_int_equal(load.config.loops, 1);
    unload(&load);
}

static void concurrency_alone_is_that_of_the_benchmark_too(void **state)
{
    struct load load;

    (void)state;
    load_bench(&load, "{\"concurrency\": 7}");
    assert_good(&load);
    assert_int_equal(load.config.bench.concurrency[0], 7);
    unload(&load);
    load_bench(&load, "{\"concurrency\": 7, \"bench\": {\"concurrency\": 9, \"latency\": \"1ms\"}}");
    assert_good(&load);
    assert_int_equal(load.config.bench.concurrency_count, 1);
    assert_int_equal(load.config.bench.concurrency[0], 9);
    assert_int_equal(load.config.bench.latency_ns[0], 1000000);
    unload(&load);
}

static void peers_are_kept_as_they_are_written(void **state)
{
    struct load load;

    (void)state;
    load_bench(&load, "{\"peers\": [{\"name\": \"curl -Z\", \"command\": \"curl '{url}?[1-{total}]'\"},"
                      "{\"name\": \"b\", \"command\": \"b {x}\", \"requires\": \"python3 -c 'import b'\"},"
                      "{\"name\": \"c\", \"command\": \"c\", \"requires\": null}]}");
    assert_good(&load);
    assert_int_equal(load.config.peer_count, 3);
    assert_string_equal(load.config.peers[0].name, "curl -Z");
    assert_string_equal(load.config.peers[0].command, "curl '{url}?[1-{total}]'");
    assert_null(load.config.peers[0].requires);
    assert_string_equal(load.config.peers[1].requires, "python3 -c 'import b'");
    assert_null(load.config.peers[2].requires);
    unload(&load);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *member, *message;
    } cases[] = {
        {"\"loops\": 0", "loops: expected a whole number from 1 to 64, got 0"},
        {"\"loops\": 65", "loops: expected a whole number from 1 to 64, got 65"},
        {"\"loop\": 1", "loop: unknown key; did you mean \"loops\"?"},
        {"\"peers\": {}", "peers: expected an array of objects with \"name\" and \"command\", got an object"},
        {"\"peers\": [1]", "peers[0]: expected an object such as"},
        {"\"peers\": [{\"name\": \"a\"}]", "peers[0].command: missing: what carries out the requests"},
        {"\"peers\": [{\"command\": \"a\"}]", "peers[0].name: missing: what it is called"},
        {"\"peers\": [{\"name\": \"async\", \"command\": \"a\"}]", "peers[0].name: expected a name other than"},
        {"\"peers\": [{\"name\": \"\", \"command\": \"a\"}]", "peers[0].name: expected a name of 1 to 64 bytes"},
        {"\"peers\": [{\"name\": \"a\\nb\", \"command\": \"a\"}]", "peers[0].name: expected a name without control"},
        {"\"peers\": [{\"name\": \"a\", \"command\": \" \"}]", "peers[0].command: expected a command"},
        {"\"peers\": [{\"name\": \"a\", \"command\": 1}]", "peers[0].command: expected a string, got a number"},
        {"\"peers\": [{\"name\": \"a\", \"comand\": \"b\", \"command\": \"c\"}]",
         "peers[0].comand: unknown key; did you mean \"command\"?"},
        {"\"peers\": [{\"name\": \"a\", \"command\": \"b\"}, {\"name\": \"a\", \"command\": \"c\"}]",
         "peers[1].name: \"a\" is the name of another one, too"},
        {"\"bench\": 5", "bench: expected an object, got a number"},
        {"\"bench\": {\"round\": 5}", "bench.round: unknown key; did you mean \"bench.rounds\"?"},
        {"\"bench\": {\"rounds\": 0}", "bench.rounds: expected a whole number from 1 to 90, got 0"},
        {"\"bench\": {\"rounds\": 91}", "bench.rounds: expected a whole number from 1 to 90, got 91"},
        {"\"bench\": {\"warmups\": 11}", "bench.warmups: expected a whole number from 0 to 10, got 11"},
        {"\"bench\": {\"concurrency\": []}", "bench.concurrency: expected 1 to 64 entries, got 0"},
        {"\"bench\": {\"concurrency\": [1, 0]}", "bench.concurrency[1]: expected a whole number from 1 to 100000"},
        {"\"bench\": {\"concurrency\": [1, 2, 1]}", "bench.concurrency: expected each entry once; number 3 is"},
        {"\"bench\": {\"latency\": [\"61s\"]}", "bench.latency[0]: expected a duration from 0"},
        {"\"bench\": {\"latency\": [0, \"0ms\"]}", "bench.latency: expected each entry once"},
        {"\"bench\": {\"engines\": [\"thread\"]}",
         "bench.engines[0]: expected \"threads\", \"async\" or \"naive\" (did you mean \"threads\"?)"},
        {"\"bench\": {\"engines\": [\"async\", \"async\"]}", "bench.engines: expected each entry once"},
        {"\"bench\": {\"engines\": null}", "bench.engines: expected \"threads\", \"async\" or \"naive\", got null"},
    };
    char text[512];
    struct load load;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, "{%s}", cases[i].member);
        load_bench(&load, text);
        if (load.good)
            print_message("taken: %s\n", text);
        assert_mistakes(&load, 1);
        assert_says(&load, cases[i].message);
        unload(&load);
    }
}

static void peers_and_cells_are_bounded(void **state)
{
    char text[4096];
    size_t used;
    struct load load;

    (void)state;
    for (unsigned count = WEIR__CONFIG_PEERS_MAX; count <= WEIR__CONFIG_PEERS_MAX + 1; count++) {
        used = (size_t)snprintf(text, sizeof text, "{\"peers\": [");
        for (unsigned i = 0; i < count; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s{\"name\": \"p%u\", \"command\": \"c\"}",
                                     i == 0 ? "" : ", ", i);
        (void)snprintf(text + used, sizeof text - used, "]}");
        load_bench(&load, text);
        if (count > WEIR__CONFIG_PEERS_MAX) {
            assert_mistakes(&load, 1);
            assert_says(&load, "peers: expected at most 13, got 14");
        } else {
            assert_good(&load);
            assert_int_equal(load.config.peer_count, 13);
        }
        unload(&load);
    }
    load_bench(&load, "{\"bench\": {\"concurrency\": [1,2,3,4,5,6,7,8,9], \"latency\": [1,2,3,4,5,6,7,8]}}");
    assert_mistakes(&load, 1);
    assert_says(&load, "bench: expected at most 64 pairs of a concurrency and a latency, got 72");
    unload(&load);
}

static void it_prints_as_what_it_loads_from(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"loops\": 4, \"peers\": [{\"name\": \"a'\\\"\", \"command\": \"c {url}\", \"requires\": \"x\"}],"
        "\"bench\": {\"concurrency\": [32, 1000], \"latency\": [\"0ms\", \"1.5s\"], \"engines\": [],"
        "\"rounds\": 2, \"warmups\": 0}}",
    };
    struct load first, again;
    char *text, *text_again;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        load_bench(&first, texts[i]);
        assert_good(&first);
        text = weir__config_print(&first.config);
        assert_non_null(text);
        load_bench(&again, text);
        assert_good(&again);
        text_again = weir__config_print(&again.config);
        assert_string_equal(text, text_again);
        assert_int_equal(again.config.bench.subject_count, first.config.bench.subject_count);
        free(text);
        free(text_again);
        unload(&first);
        unload(&again);
    }
}

static void a_secret_command_is_not_printed(void **state)
{
    struct load load;
    char *text;

    (void)state;
    assert_int_equal(setenv("WEIR_TEST_SECRET", "hey -H open-sesame {url}", 1), 0);
    load_bench(&load, "{\"peers\": [{\"name\": \"hey\", \"command\": \"${env:WEIR_TEST_SECRET}\"}]}");
    assert_good(&load);
    assert_string_equal(load.config.peers[0].command, "hey -H open-sesame {url}");
    text = weir__config_print(&load.config);
    assert_null(strstr(text, "open-sesame"));
    free(text);
    unload(&load);
}

/* Options come as overrides, whose lists are made of texts. */
static void overrides_reach_lists(void **state)
{
    const struct weir__config_set sets[] = {{"bench.concurrency", "[\"32\",\"1000\"]", false, "--concurrency"},
                                            {"bench.latency", "[\"0\",\"5ms\"]", false, "--latency"},
                                            {"bench.engines", "[\"async\"]", false, "--engines"}};
    const struct weir__config_set wrong = {"bench.concurrency", "[\"32\",\"many\"]", false, "--concurrency"};
    struct load load;

    (void)state;
    load.good = weir__config_load(NULL, sets, 3, WEIR__CONFIG_BENCH, &load.config, &load.errors);
    assert_good(&load);
    assert_int_equal(load.config.bench.concurrency_count, 2);
    assert_int_equal(load.config.bench.concurrency[1], 1000);
    assert_int_equal(load.config.bench.latency_ns[1], 5000000);
    assert_int_equal(load.config.bench.subject_count, 1);
    unload(&load);
    load.good = weir__config_load(NULL, &wrong, 1, WEIR__CONFIG_BENCH, &load.config, &load.errors);
    assert_mistakes(&load, 1);
    assert_says(&load, "--concurrency");
    assert_says(&load, "\"many\"");
    unload(&load);
}

/* A file for `weir bench` alone is valid for `weir check`, which loads it as a run would. */
static void a_file_for_a_benchmark_needs_no_url(void **state)
{
    struct load load;

    (void)state;
    load_text(&load, "{\"bench\": {\"rounds\": 2}}");
    assert_good(&load);
    unload(&load);
    load_text(&load, "{\"concurrency\": 2}");
    assert_mistakes(&load, 2);
    unload(&load);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_benchmark_needs_nothing),
        cmocka_unit_test(concurrency_alone_is_that_of_the_benchmark_too),
        cmocka_unit_test(peers_are_kept_as_they_are_written),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(peers_and_cells_are_bounded),
        cmocka_unit_test(it_prints_as_what_it_loads_from),
        cmocka_unit_test(a_secret_command_is_not_printed),
        cmocka_unit_test(overrides_reach_lists),
        cmocka_unit_test(a_file_for_a_benchmark_needs_no_url),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
