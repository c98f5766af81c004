/* `{i}` becomes the job's ordinal wherever it stands, and nothing else changes. */
#include "cli/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void ordinals_reach_url_headers_and_body(void **state)
{
    const struct weir_header headers[] = {{"X-Fixed", "same"}, {"X-Job", "no {i} of {i}"}};
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir__expand expand;

    (void)state;
    request.url = "http://h/{i}?n={i}";
    request.headers = headers;
    request.header_count = 2;
    request.body = "{\"a\":{i}}";
    request.body_size = 9;
    assert_true(weir__expand_init(&expand, &request));

    weir__expand_set(&expand, 1);
    assert_int_equal(expand.request.job_id, 1);
    assert_string_equal(expand.request.url, "http://h/1?n=1");
    assert_string_equal(expand.request.headers[0].value, "same");
    assert_string_equal(expand.request.headers[1].name, "X-Job");
    assert_string_equal(expand.request.headers[1].value, "no 1 of 1");
    assert_int_equal(expand.request.body_size, 7);
    assert_memory_equal(expand.request.body, "{\"a\":1}", 7);

    weir__expand_set(&expand, UINT64_MAX);
    assert_string_equal(expand.request.url, "http://h/18446744073709551615?n=18446744073709551615");
    assert_string_equal(expand.request.headers[1].value, "no 18446744073709551615 of 18446744073709551615");
    assert_int_equal(expand.request.body_size, 26);

    weir__expand_set(&expand, 10); /* shorter again: nothing of the longer one is left */
    assert_string_equal(expand.request.url, "http://h/10?n=10");
    assert_int_equal(expand.request.body_size, 8);
    weir__expand_clear(&expand);
}

static void a_request_without_marks_stays_as_it_is(void **state)
{
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir__expand expand;

    (void)state;
    request.url = "http://h/{j}/{i/i}";
    request.body = "{i";
    request.body_size = 2;
    assert_true(weir__expand_init(&expand, &request));
    weir__expand_set(&expand, 7);
    assert_int_equal(expand.request.job_id, 7);
    assert_ptr_equal(expand.request.url, request.url);
    assert_ptr_equal(expand.request.body, request.body);
    assert_int_equal(expand.request.body_size, 2);
    weir__expand_clear(&expand);
}

/* A body is bytes: a NUL does not end it, and a mark behind it counts. */
static void a_body_with_nul_is_expanded_behind_it(void **state)
{
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir__expand expand;

    (void)state;
    request.url = "http://h/";
    request.body = "a\0{i}";
    request.body_size = 5;
    assert_true(weir__expand_init(&expand, &request));
    weir__expand_set(&expand, 42);
    assert_int_equal(expand.request.body_size, 4);
    assert_memory_equal(expand.request.body,
                        "a\0"
                        "42",
                        4);
    weir__expand_clear(&expand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinals_reach_url_headers_and_body),
        cmocka_unit_test(a_request_without_marks_stays_as_it_is),
        cmocka_unit_test(a_body_with_nul_is_expanded_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
