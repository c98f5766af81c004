/*
 * weir_new_from_file(): a file's keys reach the dispatcher, the rest of the options is the caller's, and mistakes are
 * told within the caller's room.
 */
#include "test_json_support.h"

#include "json/config_options.h"
#include "support/raw_server.h"
#include "weir.h"

#include <inttypes.h>
#include <sys/mman.h>

#define SECRET "s3cr3t-v4lue"
#define SECOND INT64_C(1000000000)
#define TEXT_SIZE 2048

static const char sentinel = 'x';
#define UNTOUCHED ((struct weir *)(uintptr_t)&sentinel)

static enum weir_status new_from(const char *text, const struct weir_options *options, char *errors, size_t size,
                                 struct weir **out)
{
    write_bytes(FILE_NAME, text, strlen(text));
    return weir_new_from_file(path_of(FILE_NAME), options, errors, size, out);
}

/* No mistake, and a dispatcher. */
static struct weir *must_new(const char *text, const struct weir_options *options)
{
    char errors[TEXT_SIZE] = "left over";
    struct weir *weir = NULL;
    const enum weir_status status = new_from(text, options, errors, sizeof errors, &weir);

    if (status != WEIR_OK)
        fail_msg("%s\n%s: %s", text, weir_status_text(status), errors);
    assert_string_equal(errors, "");
    return weir;
}

/* ---------------------------------------------------------------------------------------------------------- good files
 */

static void what_to_send_is_not_required(void **state)
{
    (void)state;
    weir_free(must_new("{}", NULL));
    weir_free(must_new("{\"concurrency\": 2}", NULL));
    weir_free(must_new("{\"url\": \"http://h/{i}\"}", NULL));
    weir_free(must_new("{\"total\": 3, \"body\": {\"n\": 1}, \"output\": {\"file\": \"nowhere/r.jsonl\"}}", NULL));
    weir_free(must_new("{\"input\": \"no-such-file\", \"scope\": \"process\"}", NULL));
}

static void limits_are_those_of_the_file(void **state)
{
    static struct weir_stats stats;
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir;

    (void)state;
    options.concurrency = 7;
    weir = must_new("{\"concurrency\": 3, \"rate\": [\"100/s\", \"5000/h\"]}", &options);
    stats.struct_size = sizeof stats;
    weir_snapshot(weir, &stats);
    assert_int_equal(stats.limit_count, 3);
    assert_int_equal(stats.limits[0].permits, 3);
    assert_string_equal(stats.limits[1].name, "100/1s");
    assert_string_equal(stats.limits[2].name, "5000/1h");
    weir_free(weir);
}

/* Who comes second to the file's scope is told so by weir_new(); the scope's name outlives the file's text. */
static void the_scope_is_the_files(void **state)
{
    struct weir_permit permit = WEIR_PERMIT_INIT;
    char text[128], other[128], name[64], errors[TEXT_SIZE] = "left over";
    struct weir *weir, *second = UNTOUCHED;

    (void)state;
    (void)snprintf(name, sizeof name, "/weir.test.%ld", (long)getpid());
    (void)snprintf(text, sizeof text, "{\"scope\": \"host:%s\", \"rate\": \"100/s\"}", name + sizeof "/weir." - 1);
    (void)snprintf(other, sizeof other, "{\"scope\": \"host:%s\", \"rate\": \"99/s\"}", name + sizeof "/weir." - 1);
    weir = must_new(text, NULL);
    assert_int_equal(weir_limits_acquire(weir_limits_of(weir), SECOND, &permit), WEIR_OK);
    assert_false(weir_limits_release(weir_limits_of(weir), &permit, NULL));
    assert_int_equal(new_from(other, NULL, errors, sizeof errors, &second), WEIR_SCOPE_LIMITS);
    assert_string_equal(errors, "");
    assert_ptr_equal(second, UNTOUCHED);
    second = must_new(text, NULL);
    weir_free(second);
    weir_free(weir);
    assert_int_equal(shm_unlink(name), 0);
}

/* Answers 418 to the first request of each connection, and 200 to the others. */
static void serve(struct raw_server *server, int fd, int index, void *user)
{
    (void)user;
    for (int n = 0; raw_server_read(server, fd); n++)
        if (!raw_server_send(fd, index == 0 && n == 0 ? "HTTP/1.1 418 Teapot\r\nContent-Length: 3\r\n\r\nno!"
                                                      : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
            return;
}

struct told {
    enum weir_outcome outcome;
    int http_status;
    uint32_t attempts;
    char body[16];
};

static void done(void *user_data, const struct weir_result *result)
{
    struct told *told = user_data;

    told->outcome = result->outcome;
    told->http_status = result->http_status;
    told->attempts = result->attempts;
    (void)snprintf(told->body, sizeof told->body, "%.*s", (int)result->body_size,
                   result->body == NULL ? "" : (const char *)result->body);
}

static void count_attempts(void *user_data, const struct weir_event *event)
{
    int *attempts = user_data;
    *attempts += event->type == WEIR_EVENT_ATTEMPT; /* one worker, one job at a time */
}

/* The file's statuses and header field hold after everything that it was read into is gone. */
static void a_request_goes_by_the_file_and_the_options(void **state)
{
    struct raw_server *server = raw_server_start(serve, NULL);
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct told told = {.outcome = WEIR_OUTCOME_COUNT};
    int attempts = 0;
    char url[64], last[1024];
    struct weir *weir;

    (void)state;
    assert_non_null(server);
    options.keep_bodies = true;
    options.on_event = count_attempts;
    options.event_user_data = &attempts;
    weir = must_new("{\"concurrency\": 1, \"rate\": \"1000/s\", \"timeout\": \"10s\","
                    " \"retry\": {\"statuses\": [418], \"backoff\": 0, \"backoff_max\": 0},"
                    " \"success\": [200], \"idempotency_key\": \"X-Once\", \"headers\": {\"X-Not-Sent\": \"1\"}}",
                    &options);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/a", raw_server_port(server));
    request.method = "POST";
    request.url = url;
    request.idempotency_key = "key-1";
    request.done = done;
    request.user_data = &told;
    assert_int_equal(weir_submit(weir, &request, 0), WEIR_OK);
    assert_int_equal(weir_wait(weir, 20 * SECOND), WEIR_OK);
    weir_free(weir);
    assert_int_equal(told.outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_int_equal(told.http_status, 200);
    assert_int_equal(told.attempts, 2);
    assert_string_equal(told.body, "hello");
    assert_int_equal(attempts, 2);
    (void)raw_server_last(server, last, sizeof last);
    if (strstr(last, "POST /a HTTP/1.1\r\n") == NULL || strstr(last, "X-Once: \"key-1\"\r\n") == NULL ||
        strstr(last, "X-Not-Sent") != NULL)
        fail_msg("%s", last);
    raw_server_stop(server);
}

/* ------------------------------------------------------------------------------------------------------------ mistakes
 */

static const char three_mistakes[] = "{\n\"concurrency\": \"three\",\n\"rate\": \"often\",\n\"scope\": \"host:.\"\n}";

/* The text of a file's mistakes in `size` bytes; what lies behind them stays as it is. */
static void mistakes_in(const char *text, char *errors, size_t size)
{
    struct weir *weir = UNTOUCHED;
    enum weir_status status;

    memset(errors, '#', TEXT_SIZE);
    status = new_from(text, NULL, errors, size, &weir);
    assert_int_equal(status, WEIR_CONFIG);
    assert_ptr_equal(weir, UNTOUCHED);
    if (size > 0)
        assert_true(strnlen(errors, size) < size);
    for (size_t i = size; i < TEXT_SIZE; i++)
        if (errors[i] != '#')
            fail_msg("byte %zu behind %zu was written", i, size);
}

static void each_mistake_has_a_line(void **state)
{
    char errors[TEXT_SIZE], wanted[TEXT_SIZE];
    const char *path = path_of(FILE_NAME);
    const char *line;

    (void)state;
    mistakes_in(three_mistakes, errors, TEXT_SIZE);
    (void)snprintf(wanted, sizeof wanted,
                   "%s:2: concurrency: expected a whole number from 1 to 100000, got \"three\"\n", path);
    if (strncmp(errors, wanted, strlen(wanted)) != 0)
        fail_msg("%s", errors);
    line = errors + strlen(wanted);
    (void)snprintf(wanted, sizeof wanted, "%s:3: rate: expected", path);
    if (strncmp(line, wanted, strlen(wanted)) != 0)
        fail_msg("%s", errors);
    line = strchr(line, '\n') + 1;
    (void)snprintf(wanted, sizeof wanted, "%s:4: scope: expected", path);
    if (strncmp(line, wanted, strlen(wanted)) != 0)
        fail_msg("%s", errors);
    assert_null(strchr(line, '\n')); /* joined, not ended */
}

/* Every size of the room: whole lines, as many as fit; only the first may be cut. */
static void room_ends_the_text_at_a_line(void **state)
{
    /* the last line is shorter than the one before */
    static const char text[] = "{\"queue\": \"long\", \"scope\": \"host:.\", \"tls\": 1}";
    char whole[TEXT_SIZE], errors[TEXT_SIZE];
    size_t length, first;

    (void)state;
    mistakes_in(text, whole, TEXT_SIZE);
    length = strlen(whole);
    first = strcspn(whole, "\n");
    for (size_t size = 0; size <= length + 2; size++) {
        size_t got;
        mistakes_in(text, errors, size);
        if (size == 0)
            continue;
        got = strlen(errors);
        if (strncmp(errors, whole, got) != 0)
            fail_msg("%zu bytes: %s", size, errors);
        if (got >= first && whole[got] != '\n' && whole[got] != '\0')
            fail_msg("%zu bytes: cut within a line: %s", size, errors);
        if (got < first && got != size - 1)
            fail_msg("%zu bytes: the first line is cut at %zu", size, got);
        if (size > length)
            assert_int_equal(got, length);
    }
}

static void a_cut_leaves_no_half_character(void **state)
{
    char whole[TEXT_SIZE], errors[TEXT_SIZE];

    (void)state;
    mistakes_in("{\"\xc3\xa4\xe2\x82\xac\": 1}", whole, TEXT_SIZE);
    assert_non_null(strstr(whole, "\xc3\xa4\xe2\x82\xac"));
    for (size_t size = 1; size <= strlen(whole); size++) {
        mistakes_in("{\"\xc3\xa4\xe2\x82\xac\": 1}", errors, size);
        if (((unsigned char)whole[strlen(errors)] & 0xc0) == 0x80)
            fail_msg("%zu bytes: cut within a character", size);
    }
}

static void many_mistakes_are_counted(void **state)
{
    char text[8192] = "{", errors[TEXT_SIZE * 16];
    struct weir *weir = UNTOUCHED;
    size_t used = 1;

    (void)state;
    for (unsigned i = 0; i < WEIR__CONFIG_ERRORS_MAX + 5; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\"k%u_______\": 1", i == 0 ? "" : ",", i);
    (void)snprintf(text + used, sizeof text - used, "}");
    assert_int_equal(new_from(text, NULL, errors, sizeof errors, &weir), WEIR_CONFIG);
    if (strstr(errors, "\nand 5 more") == NULL)
        fail_msg("%s", errors);
}

static void files_that_are_none_are_told(void **state)
{
    char errors[TEXT_SIZE];
    struct weir *weir = UNTOUCHED;

    (void)state;
    assert_int_equal(weir_new_from_file("/nonexistent/weir.json", NULL, errors, sizeof errors, &weir), WEIR_CONFIG);
    assert_string_equal(errors, "/nonexistent/weir.json: cannot be read: No such file or directory");
    assert_int_equal(weir_new_from_file("/nonexistent/a\nb\x1b.json", NULL, errors, sizeof errors, &weir), WEIR_CONFIG);
    assert_string_equal(errors, "/nonexistent/a?b?.json: cannot be read: No such file or directory");
    mistakes_in("", errors, TEXT_SIZE);
    mistakes_in("[]", errors, TEXT_SIZE);
    mistakes_in("{\"url\": \"ftp://h/\"}", errors, TEXT_SIZE); /* of no meaning here, and checked */
    mistakes_in("{\"total\": -1}", errors, TEXT_SIZE);
    mistakes_in("{\"input\": \"a\", \"total\": 1}", errors, TEXT_SIZE);
    assert_ptr_equal(weir, UNTOUCHED);
}

/* What it does is the dispatcher's; here it must only arrive. */
static void engine_and_loops_are_taken_and_benchmarks_passed_over(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir__config config;
    struct weir__config_errors mistakes;
    char errors[TEXT_SIZE];
    static const char text[] =
        "{\"engine\": \"async\", \"loops\": 3, \"peers\": [{\"name\": \"p\", \"command\": \"c\"}],"
        " \"bench\": {\"rounds\": 2}}";

    (void)state;
    write_bytes(FILE_NAME, text, sizeof text - 1);
    assert_true(weir__config_load(path_of(FILE_NAME), NULL, 0, WEIR__CONFIG_LIBRARY, &config, &mistakes));
    weir__config_options(&config, &options);
    assert_int_equal(options.engine, WEIR_ENGINE_ASYNC);
    assert_int_equal(options.loop_count, 3);
    weir__config_clear(&config);
    weir__config_errors_clear(&mistakes);
    mistakes_in("{\"loops\": 0}", errors, TEXT_SIZE);
    mistakes_in("{\"loops\": 65}", errors, TEXT_SIZE);
    mistakes_in("{\"bench\": {\"rounds\": 0}}", errors, TEXT_SIZE); /* of no meaning here, and checked */
}

static void no_text_has_a_secret_in_it(void **state)
{
    static const char *const members[] = {
        "\"headers\": {\"Authorization\": \"Bearer ${env:WEIR_TEST_SECRET}\"}, \"concurrency\": 0",
        "\"scope\": \"${env:WEIR_TEST_SECRET}\"",
        "\"url\": \"${env:WEIR_TEST_SECRET}\"",
        "\"timeout\": \"${env:WEIR_TEST_SECRET}\"",
        "\"body_file\": \"${env:WEIR_TEST_SECRET}\"",
    };
    char text[256], errors[TEXT_SIZE];

    (void)state;
    assert_int_equal(setenv("WEIR_TEST_SECRET", SECRET, 1), 0);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        (void)snprintf(text, sizeof text, "{%s}", members[i]);
        mistakes_in(text, errors, TEXT_SIZE);
        assert_true(strlen(errors) > 0);
        if (strstr(errors, SECRET) != NULL)
            fail_msg("%s", errors);
    }
    weir_free(must_new("{\"scope\": \"process\", \"headers\": {\"A\": \"${env:WEIR_TEST_SECRET}\"}}", NULL));
    (void)unsetenv("WEIR_TEST_SECRET");
    mistakes_in("{\"headers\": {\"A\": \"${env:WEIR_TEST_SECRET}\"}}", errors, TEXT_SIZE); /* needed by whoever sends */
}

/* ------------------------------------------------------------------------------------------------------------ the call
 */

static void what_is_no_call_is_refused(void **state)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    char errors[TEXT_SIZE] = "left over";
    struct weir *weir = UNTOUCHED;

    (void)state;
    assert_int_equal(weir_new_from_file(NULL, NULL, errors, sizeof errors, &weir), WEIR_INVALID);
    assert_string_equal(errors, "");
    assert_int_equal(new_from("{}", NULL, errors, sizeof errors, NULL), WEIR_INVALID);
    assert_int_equal(new_from("{}", NULL, NULL, 1, &weir), WEIR_INVALID);
    options.struct_size--;
    assert_int_equal(new_from("{}", &options, errors, sizeof errors, &weir), WEIR_INVALID);
    options.struct_size++;
    options.past_send_count = 1; /* of which weir_new() says so */
    (void)strcpy(errors, "left over");
    assert_int_equal(new_from("{}", &options, errors, sizeof errors, &weir), WEIR_INVALID);
    assert_string_equal(errors, "");
    assert_ptr_equal(weir, UNTOUCHED);
}

static void without_room_the_status_tells(void **state)
{
    struct weir *weir = UNTOUCHED;

    (void)state;
    assert_int_equal(new_from(three_mistakes, NULL, NULL, 0, &weir), WEIR_CONFIG);
    assert_ptr_equal(weir, UNTOUCHED);
    assert_int_equal(new_from("{}", NULL, NULL, 0, &weir), WEIR_OK);
    weir_free(weir);
}

/* A file that can be read and is no PEM is not the configuration's mistake. */
static void what_only_the_library_finds_has_a_status_of_its_own(void **state)
{
    char errors[TEXT_SIZE] = "left over", text[128];
    struct weir *weir = UNTOUCHED;

    (void)state;
    write_bytes("empty", "", 0);
    (void)snprintf(text, sizeof text, "{\"tls\": {\"ca_file\": \"empty\"}}");
    assert_int_equal(new_from(text, NULL, errors, sizeof errors, &weir), WEIR_TLS);
    assert_string_equal(errors, "");
    assert_ptr_equal(weir, UNTOUCHED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_to_send_is_not_required),
        cmocka_unit_test(limits_are_those_of_the_file),
        cmocka_unit_test(the_scope_is_the_files),
        cmocka_unit_test(a_request_goes_by_the_file_and_the_options),
        cmocka_unit_test(each_mistake_has_a_line),
        cmocka_unit_test(room_ends_the_text_at_a_line),
        cmocka_unit_test(a_cut_leaves_no_half_character),
        cmocka_unit_test(many_mistakes_are_counted),
        cmocka_unit_test(files_that_are_none_are_told),
        cmocka_unit_test(engine_and_loops_are_taken_and_benchmarks_passed_over),
        cmocka_unit_test(no_text_has_a_secret_in_it),
        cmocka_unit_test(what_is_no_call_is_refused),
        cmocka_unit_test(without_room_the_status_tells),
        cmocka_unit_test(what_only_the_library_finds_has_a_status_of_its_own),
    };
    (void)alarm(60);
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
