/* What a benchmark makes of its rounds and how it words it: medians, quotas, commands of peers, lists, CSV, table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/bench_measure.h"
#include "cli/bench_median.h"
#include "cli/bench_options.h"
#include "cli/bench_peer.h"
#include "cli/bench_process.h"
#include "cli/bench_table.h"
#include "cli/bench_target.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SECOND INT64_C(1000000000)

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-9 * (1 + fabs(expected))))
        fail_msg("got %.12g, expected %.12g", got, expected);
}

/* ----------------------------------------------------------------------------------------------------------- medians
 */

static void medians_are_of_what_is_known(void **state)
{
    double odd[] = {5, 1, 9}, even[] = {4, 1, 2, 9}, some[] = {NAN, 7, NAN}, none[] = {NAN};

    (void)state;
    assert_near(weir__bench_median(odd, 3), 5);
    assert_near(weir__bench_median(even, 4), 3);
    assert_near(weir__bench_median(some, 3), 7);
    assert_true(isnan(weir__bench_median(none, 1)));
    assert_true(isnan(weir__bench_median(none, 0)));
}

static void warmups_and_failed_rounds_are_in_no_median(void **state)
{
    static const struct {
        uint32_t round;
        bool failed;
        double rate;
    } given[] = {{0, false, 1}, {1, false, 10}, {2, true, 1000}, {3, false, 30}, {4, false, 20}};
    struct weir__bench_figures rounds[5];
    struct weir__bench_subject subject = {.rounds = rounds, .round_count = 5};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        weir__bench_figures_init(&rounds[i]);
        rounds[i].round = given[i].round;
        rounds[i].failed = given[i].failed;
        rounds[i].rate_per_s = given[i].rate;
        rounds[i].latency_ms[4] = given[i].rate * 2;
    }
    weir__bench_subject_sum_up(&subject);
    assert_near(subject.median.rate_per_s, 20);
    assert_near(subject.least.rate_per_s, 10);
    assert_near(subject.most.rate_per_s, 30);
    assert_near(subject.median.latency_ms[4], 40);
    assert_true(isnan(subject.median.requests));
    assert_true(isnan(subject.median.quota));
    assert_true(subject.median.failed);
    rounds[2].failed = false;
    rounds[0].failed = true; /* a warm-up's failure is none */
    weir__bench_subject_sum_up(&subject);
    assert_near(subject.median.rate_per_s, 25);
    assert_false(subject.median.failed);
}

static void a_quota_is_at_least_that_of_one_period(void **state)
{
    const struct weir_rate rates[] = {{100, 0, SECOND, WEIR_SHAPE_DEFAULT}, {150, 0, 2 * SECOND, WEIR_SHAPE_DEFAULT}};

    (void)state;
    assert_near(weir__bench_quota(rates, 1, 300, 3), 1);
    assert_near(weir__bench_quota(rates, 1, 300, 4), 0.75);
    assert_near(weir__bench_quota(rates, 1, 50, 0.1), 0.5); /* a whole period's worth may go at once */
    assert_near(weir__bench_quota(rates, 1, 1000, 2), 1);
    assert_near(weir__bench_quota(rates, 2, 150, 4), 0.5); /* the second allows less */
    assert_true(isnan(weir__bench_quota(rates, 0, 300, 2)));
    assert_true(isnan(weir__bench_quota(rates, 1, NAN, 2)));
}

/* ------------------------------------------------------------------------------------------------------------- peers
 */

static void assert_command(const char *command, const char *url, const char *expected)
{
    char *got = weir__bench_peer_command(command, url, 2000, 32);

    assert_non_null(got);
    assert_string_equal(got, expected);
    free(got);
}

static void braces_are_replaced_wherever_they_stand(void **state)
{
    (void)state;
    assert_command("hey -n {total} -c{concurrency} {url}", "http://h/", "hey -n 2000 -c32 'http://h/'");
    assert_command("{url}{url}", "a", "'a''a'");
    assert_command("x {y} {total {totals} ${HOME}", "a", "x {y} {total {totals} ${HOME}");
    assert_command("{url}", "{total}", "'{total}'"); /* once, and not again in what came in */
    assert_command("", "a", "");
}

/* A URL is data: a shell must hand it on as it is. */
static void a_url_is_quoted_for_the_shell(void **state)
{
    static const char *const urls[] = {"http://h/?a=1&b=2", "http://h/'; echo no; '", "http://h/$(echo no)`echo no`",
                                       "http://h/\\\"*?#", "'''"};
    char line[256];

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *command = weir__bench_peer_command("printf %s {url}", urls[i], 1, 1);
        FILE *shell;

        assert_non_null(command);
        shell = popen(command, "r");
        assert_non_null(shell);
        memset(line, 0, sizeof line);
        assert_int_equal(fread(line, 1, sizeof line - 1, shell), strlen(urls[i]));
        assert_int_equal(pclose(shell), 0);
        assert_string_equal(line, urls[i]);
        free(command);
    }
}

static void what_a_peer_requires_is_a_program_or_a_command(void **state)
{
    static const struct {
        const char *requires;
        bool present;
    } cases[] = {{NULL, true},
                 {"sh", true},
                 {"/bin/sh", true},
                 {"no-such-program-here", false},
                 {"exit 0", true},
                 {"exit 3", false},
                 {"kill -9 $$", false},
                 {"command -v sh", true},
                 {"false && true", false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        struct weir__config_peer peer = {NULL, NULL, NULL};

        if (cases[i].requires != NULL) {
            (void)snprintf(text, sizeof text, "%s", cases[i].requires);
            peer.requires = text;
        }
        if (weir__bench_peer_present(&peer) != cases[i].present)
            fail_msg("%s", cases[i].requires);
    }
}

static void a_process_is_measured_with_its_children(void **state)
{
    char shell[] = "/bin/sh", flag[] = "-c";
    char command[] = "(dd if=/dev/zero of=/dev/null bs=20M count=10 2>/dev/null); exit 3";
    char *arguments[] = {shell, flag, command, NULL};
    struct weir__bench_process process;
    struct weir__bench_process_cost cost;

    (void)state;
    assert_true(weir__bench_process_start(&process, arguments, true, NULL, 0));
    assert_int_equal(weir__bench_process_wait(&process, weir__clock_now_ns() + 20 * SECOND, &cost),
                     WEIR__BENCH_PROCESS_ENDED);
    assert_true(WIFEXITED(cost.status));
    assert_int_equal(WEXITSTATUS(cost.status), 3);
    if (cost.usage.ru_maxrss < 20000)
        fail_msg("peak of %ld KiB with a child of 20 MiB", cost.usage.ru_maxrss);
    assert_true(cost.ended_ns > process.started_ns);
}

static void a_process_that_does_not_end_is_ended(void **state)
{
    char shell[] = "/bin/sh", flag[] = "-c", command[] = "sleep 30 & sleep 30";
    char *arguments[] = {shell, flag, command, NULL};
    struct weir__bench_process process;
    struct weir__bench_process_cost cost;
    const int64_t begun_ns = weir__clock_now_ns();

    (void)state;
    assert_true(weir__bench_process_start(&process, arguments, true, NULL, 0));
    assert_int_equal(weir__bench_process_wait(&process, begun_ns + SECOND / 10, &cost), WEIR__BENCH_PROCESS_OVERDUE);
    assert_true(WIFSIGNALED(cost.status));
    assert_true(weir__clock_now_ns() - begun_ns < 10 * SECOND);
}

/* ------------------------------------------------------------------------------------------------------------- texts
 */

static void lists_become_json(void **state)
{
    static const char *const cases[][2] = {
        {"32,1000", "[\"32\",\"1000\"]"}, {"5ms", "[\"5ms\"]"}, {"a,,\"", "[\"a\",\"\",\"\\\"\"]"}, {"", "[\"\"]"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *list = weir__bench_options_list(cases[i][0]);

        assert_non_null(list);
        assert_string_equal(list, cases[i][1]);
        free(list);
    }
}

static void peers_are_chosen_by_their_whole_names(void **state)
{
    (void)state;
    assert_true(weir__bench_options_wants("all", "curl -Z"));
    assert_false(weir__bench_options_wants("none", "curl -Z"));
    assert_true(weir__bench_options_wants("hey,curl -Z", "curl -Z"));
    assert_true(weir__bench_options_wants("curl -Z", "curl -Z"));
    assert_false(weir__bench_options_wants("curl", "curl -Z"));
    assert_false(weir__bench_options_wants("curl -Zx,he", "hey"));
}

static void the_targets_counts_are_read(void **state)
{
    static const char good[] = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"arrivals\":12,\"statuses\":{\"200\":5,\"204\":1,"
                               "\"429\":4,\"500\":2},\"paths\":{\"/\":12}}";
    static const char *const bad[] = {"", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n{\"statuses\":{}}",
                                      "HTTP/1.1 200 OK\r\n\r\n{\"arrivals\":\"x\"}"};
    struct weir__bench_counts counts = {0, 0, 0};

    (void)state;
    assert_true(weir__bench_counts_read(good, sizeof good - 1, &counts));
    assert_near(counts.arrivals, 12);
    assert_near(counts.succeeded, 6);
    assert_near(counts.refused, 4);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(weir__bench_counts_read(bad[i], strlen(bad[i]), &counts));
}

/* A cell of two subjects, of which one was refused and the other skipped. */
static void make_results(struct weir__bench_results *results, struct weir__bench_cell *cell,
                         struct weir__bench_subject *subjects, struct weir__bench_figures *rounds)
{
    static char naive[] = "naive", kind[] = "naive", none[] = "{}", name[] = "=a,\"b\"", peer[] = "peer",
                skipped[] = "not installed", machine[] = "2 x CPU", url[] = "http://h/", limit[] = "100/1s";

    weir__bench_figures_init(&rounds[0]);
    weir__bench_figures_init(&rounds[1]);
    rounds[1].round = 1;
    rounds[1].requests = 300;
    rounds[1].succeeded = 100;
    rounds[1].refused = 200;
    rounds[1].failures = 0;
    rounds[1].rate_per_s = 2101.85;
    rounds[1].latency_ms[0] = 1.25;
    subjects[0] =
        (struct weir__bench_subject){.name = naive, .kind = kind, .errors = none, .rounds = rounds, .round_count = 2};
    subjects[1] = (struct weir__bench_subject){.name = name, .kind = peer, .skipped = skipped, .errors = none};
    weir__bench_subject_sum_up(&subjects[0]);
    weir__bench_subject_sum_up(&subjects[1]);
    *cell = (struct weir__bench_cell){16, 5, 300, subjects, 2};
    *results = (struct weir__bench_results){.machine = machine,
                                            .url = url,
                                            .built_in = true,
                                            .limit = limit,
                                            .rounds = 1,
                                            .warmups = 1,
                                            .cells = cell,
                                            .cell_count = 1};
}

static char *print(void (*how)(const struct weir__bench_results *, FILE *))
{
    struct weir__bench_figures rounds[2];
    struct weir__bench_subject subjects[2];
    struct weir__bench_cell cell;
    struct weir__bench_results results;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    make_results(&results, &cell, subjects, rounds);
    how(&results, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("without \"%s\":\n%s", part, text);
}

static void csv_has_a_line_for_each_round_and_the_medians(void **state)
{
    char *text = print(weir__bench_csv_print);
    size_t lines = 0, commas = 0;

    (void)state;
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    for (const char *at = text; *at != '\r'; at++)
        commas += *at == ',';
    assert_int_equal(commas, 25);
    assert_int_equal(lines, 1 + 2 + 3 + 1); /* names; rounds; median, least, most; the one that was skipped */
    assert_has(text, "concurrency,target_latency_ms,total,subject,kind,round,failed,elapsed_s,");
    assert_has(text, "\r\n16,5,300,naive,naive,warmup,false,,,,,");
    assert_has(text, "\r\n16,5,300,naive,naive,1,false,,300,100,0,200,2101.85,");
    assert_has(text, "\r\n16,5,300,naive,naive,median,false,,300,100,0,200,2101.85,,,,,,,1.25,");
    assert_has(text, "\r\n16,5,300,\"'=a,\"\"b\"\"\",peer,skipped,,");
    free(text);
}

/* A fast failure is no win: whoever was refused has a mark, and a line that says why. */
static void the_table_marks_who_was_refused(void **state)
{
    char *text = print(weir__bench_table_print);

    (void)state;
    assert_has(text, "\n! naive ");
    assert_has(text, "! naive: up to 200 refused (429) a round: its speed is not all success");
    assert_has(text, "skipped: not installed");
    assert_has(text, "16 in flight, the target takes 5 ms: 300 requests a round, medians of 1 round\n");
    assert_has(text, "which allows 100/1s");
    free(text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians_are_of_what_is_known),
        cmocka_unit_test(warmups_and_failed_rounds_are_in_no_median),
        cmocka_unit_test(a_quota_is_at_least_that_of_one_period),
        cmocka_unit_test(braces_are_replaced_wherever_they_stand),
        cmocka_unit_test(a_url_is_quoted_for_the_shell),
        cmocka_unit_test(what_a_peer_requires_is_a_program_or_a_command),
        cmocka_unit_test(a_process_is_measured_with_its_children),
        cmocka_unit_test(a_process_that_does_not_end_is_ended),
        cmocka_unit_test(lists_become_json),
        cmocka_unit_test(peers_are_chosen_by_their_whole_names),
        cmocka_unit_test(the_targets_counts_are_read),
        cmocka_unit_test(csv_has_a_line_for_each_round_and_the_medians),
        cmocka_unit_test(the_table_marks_who_was_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
