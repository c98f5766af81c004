/*
 * Jobs from lines over a configuration: what of both reaches the request.
 */
#include "cli/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

/* An open source over one line, with the configuration that `sets` (path, value, ..., NULL) make. */
struct source {
    struct weir__config config;
    struct weir__jobs jobs;
    struct weir__job_given job;
    char file[64];
};

static void open_source(struct source *s, enum weir__jobline_format format, const char *line, const char *const *sets)
{
    struct weir__config_set list[16] = {{0}};
    struct weir__config_errors errors;
    size_t count = 0;
    int fd;

    memset(s, 0, sizeof *s);
    strcpy(s->file, "/tmp/weir-test-jobs.XXXXXX");
    fd = mkstemp(s->file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, line, strlen(line)), (ssize_t)strlen(line));
    assert_int_equal(close(fd), 0);
    list[count++] = (struct weir__config_set){"input", s->file, true, "--input"};
    for (size_t i = 0; sets[i] != NULL; i += 2)
        list[count++] = (struct weir__config_set){sets[i], sets[i + 1], false, "--set"};
    if (!weir__config_load(NULL, list, count, WEIR__CONFIG_RUN, &s->config, &errors))
        fail_msg("%s", errors.list[0].text);
    weir__config_errors_clear(&errors);
    assert_true(weir__jobs_open(&s->jobs, &s->config, format));
    assert_int_equal(weir__jobs_next(&s->jobs), WEIR__INPUT_LINE);
    assert_true(weir__jobs_make(&s->jobs, &s->job));
}

static void close_source(struct source *s)
{
    (void)unlink(s->file);
    weir__jobs_close(&s->jobs);
    weir__config_clear(&s->config);
}

/* The value of a field; NULL where there is none or more than one. */
static const char *field(const struct source *s, const char *name)
{
    const struct weir_request *request = &s->job.request;
    const char *value = NULL;

    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0) {
            if (value != NULL)
                return NULL;
            value = request->headers[i].value;
        }
    return value;
}

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define BASE "url", "http://127.0.0.1:1/base/x"

/* One line with `sets`: method, URL, body (NULL: none) and content type (NULL: none) of the request. */
static void expect(const char *line, const char *const *sets, const char *method, const char *url, const char *body,
                   const char *type)
{
    struct source s;

    open_source(&s, WEIR__JOBLINE_BATCH, line, sets);
    if (s.job.error != NULL)
        fail_msg("%s: %s", line, s.job.error);
    assert_string_equal(s.job.request.method, method);
    assert_string_equal(s.job.request.url, url);
    if (body == NULL && s.job.request.body != NULL)
        fail_msg("%s: a body of %zu bytes, expected none", line, s.job.request.body_size);
    if (body != NULL) {
        assert_non_null(s.job.request.body);
        assert_int_equal(s.job.request.body_size, strlen(body));
        assert_memory_equal(s.job.request.body, body, strlen(body));
    }
    if (type == NULL)
        assert_null(field(&s, "content-type"));
    else
        assert_string_equal(field(&s, "content-type"), type);
    close_source(&s);
}

static void lines_and_configuration_make_a_request(void **state)
{
    (void)state;
    expect("/a", SETS(BASE), "GET", "http://127.0.0.1:1/a", NULL, NULL);
    expect("a?b", SETS(BASE), "GET", "http://127.0.0.1:1/base/a?b", NULL, NULL);
    expect("http://127.0.0.1:2/c", SETS(BASE), "GET", "http://127.0.0.1:2/c", NULL, NULL);
    expect("  /a\t", SETS(BASE), "GET", "http://127.0.0.1:1/a", NULL, NULL);
    expect("{\"url\":\"/a\"}", SETS(BASE), "GET", "http://127.0.0.1:1/a", NULL, NULL);
    expect("{\"url\":\"/a\",\"method\":\"DELETE\"}", SETS(BASE), "DELETE", "http://127.0.0.1:1/a", NULL, NULL);
    expect("/a", SETS(BASE, "method", "PUT"), "PUT", "http://127.0.0.1:1/a", NULL, NULL);
    expect("{\"url\":\"/a\",\"method\":\"DELETE\"}", SETS(BASE, "method", "PUT"), "DELETE", "http://127.0.0.1:1/a",
           NULL, NULL);
}

static void bodies_are_the_lines_or_the_configurations(void **state)
{
    static const char url[] = "http://127.0.0.1:1/a", json[] = "application/json";

    (void)state;
    expect("{\"url\":\"/a\",\"body\":\"t\\u00e9xt\"}", SETS(BASE), "POST", url, "t\xc3\xa9xt", NULL);
    expect("{\"url\":\"/a\",\"body\": 1e400 }", SETS(BASE), "POST", url, "1e400", json);
    expect("{\"url\":\"/a\",\"body\":{\"n\": 1.10}}", SETS(BASE), "POST", url, "{\"n\": 1.10}", json);
    expect("{\"url\":\"/a\",\"body\":true}", SETS(BASE, "method", "PUT"), "PUT", url, "true", json);
    expect("{\"url\":\"/a\",\"body\":\"\"}", SETS(BASE), "POST", url, "", NULL);
    expect("/a", SETS(BASE, "body", "x"), "POST", url, "x", NULL);
    expect("/a", SETS(BASE, "body", "{\"a\":1}"), "POST", url, "{\"a\":1}", json);
    expect("{\"url\":\"/a\",\"body\":\"y\"}", SETS(BASE, "body", "{\"a\":1}"), "POST", url, "y", NULL);
    expect("{\"url\":\"/a\",\"method\":\"GET\"}", SETS(BASE, "body", "x"), "GET", url, NULL, NULL);
}

/* The letter says: byte for byte; programs that write one set of columns mean: none. */
static void null_is_a_body_where_the_method_takes_one(void **state)
{
    static const char url[] = "http://127.0.0.1:1/a";

    (void)state;
    expect("{\"url\":\"/a\",\"method\":\"POST\",\"body\":null}", SETS(BASE), "POST", url, "null", "application/json");
    expect("{\"url\":\"/a\",\"method\":\"GET\",\"body\":null}", SETS(BASE), "GET", url, NULL, NULL);
    expect("{\"url\":\"/a\",\"body\":null}", SETS(BASE), "GET", url, NULL, NULL);
}

static void a_lines_fields_come_over_the_configurations(void **state)
{
    struct source s;

    (void)state;
    open_source(&s, WEIR__JOBLINE_BATCH,
                "{\"url\":\"/a\",\"headers\":{\"x-both\":\"line\",\"X-Gone\":null,\"X-Line\":\"l\",\"Content-Type\":"
                "\"text/x\"},\"body\":[]}",
                SETS(BASE, "headers", "{\"X-Both\":\"config\",\"X-Gone\":\"config\",\"X-Job\":\"{i}\"}"));
    assert_null(s.job.error);
    assert_int_equal(s.job.request.header_count, 4);
    assert_string_equal(field(&s, "X-Both"), "line");
    assert_null(field(&s, "X-Gone"));
    assert_string_equal(field(&s, "X-Line"), "l");
    assert_string_equal(field(&s, "X-Job"), "1");
    assert_string_equal(field(&s, "content-type"), "text/x");
    close_source(&s);
}

static void what_is_no_job_says_why(void **state)
{
    static const struct {
        const char *line;
        const char *says;
    } table[] = {
        {"{\"method\":\"GET\"}", "url"},
        {"{", "column"},
        {"/a b", "spaces"},
        {"\xef\xbb\xbfhttp://127.0.0.1:1/", "byte order mark"},
        {"/caf\xc3\xa9", "ASCII"},
    };
    struct source s;

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        open_source(&s, WEIR__JOBLINE_BATCH, table[i].line, SETS(BASE));
        assert_non_null(s.job.error);
        if (strstr(s.job.error, table[i].says) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", table[i].line, s.job.error, table[i].says);
        close_source(&s);
    }
    open_source(&s, WEIR__JOBLINE_BATCH, "/a", SETS("concurrency", "1"));
    assert_non_null(strstr(s.job.error, "relative URL"));
    close_source(&s);
}

static void vegeta_targets_are_jobs(void **state)
{
    struct source s;

    (void)state;
    open_source(&s, WEIR__JOBLINE_VEGETA,
                "{\"method\":\"POST\",\"url\":\"http://127.0.0.1:2/v\",\"header\":{\"X-A\":[\"1\",\"2\"]},\"body\":"
                "\"aGVsbG8=\"}",
                SETS(BASE));
    assert_null(s.job.error);
    assert_string_equal(s.job.request.method, "POST");
    assert_int_equal(s.job.request.header_count, 2);
    assert_int_equal(s.job.request.body_size, 5);
    assert_memory_equal(s.job.request.body, "hello", 5);
    close_source(&s);
}

static void equal_jobs_count_up(void **state)
{
    const struct weir__config_set list[] = {{"url", "http://127.0.0.1:1/{i}", true, "--url"},
                                            {"total", "2", false, "--total"},
                                            {"body", "{\"a\":1}", false, "--set"}};
    struct weir__config config;
    struct weir__config_errors errors;
    struct weir__jobs jobs;
    struct weir__job_given job;
    uint64_t total = 0;

    (void)state;
    assert_true(weir__config_load(NULL, list, 3, WEIR__CONFIG_RUN, &config, &errors));
    weir__config_errors_clear(&errors);
    assert_true(weir__jobs_open(&jobs, &config, WEIR__JOBLINE_BATCH));
    assert_true(weir__jobs_count(&jobs, &total));
    assert_int_equal(total, 2);
    for (uint64_t i = 1; i <= 2; i++) {
        assert_int_equal(weir__jobs_next(&jobs), WEIR__INPUT_LINE);
        assert_int_equal(jobs.number, i);
        assert_true(weir__jobs_make(&jobs, &job));
        assert_string_equal(job.request.url, i == 1 ? "http://127.0.0.1:1/1" : "http://127.0.0.1:1/2");
        assert_int_equal(job.request.header_count, 1);
        assert_string_equal(job.request.headers[0].value, "application/json");
    }
    assert_int_equal(weir__jobs_next(&jobs), WEIR__INPUT_END);
    weir__jobs_close(&jobs);
    weir__config_clear(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_configuration_make_a_request),
        cmocka_unit_test(bodies_are_the_lines_or_the_configurations),
        cmocka_unit_test(null_is_a_body_where_the_method_takes_one),
        cmocka_unit_test(a_lines_fields_come_over_the_configurations),
        cmocka_unit_test(what_is_no_job_says_why),
        cmocka_unit_test(vegeta_targets_are_jobs),
        cmocka_unit_test(equal_jobs_count_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
