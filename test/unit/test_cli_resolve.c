/* References against bases: RFC 3986's own examples, and what HTTP's bases look like. */
#include "cli/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct example {
    const char *reference, *expected;
};

static void check_all(const char *base, const struct example *examples, size_t count)
{
    struct weir__resolve resolve;

    assert_true(weir__resolve_init(&resolve, base));
    for (size_t i = 0; i < count; i++) {
        const char *url = weir__resolve(&resolve, examples[i].reference);
        if (url == NULL || strcmp(url, examples[i].expected) != 0)
            print_error("\"%s\" against \"%s\"\n", examples[i].reference, base);
        assert_non_null(url);
        assert_string_equal(url, examples[i].expected);
    }
    weir__resolve_clear(&resolve);
}

#define CHECK(base, examples) check_all((base), (examples), sizeof(examples) / sizeof((examples)[0]))

/* Sections 5.4.1 and 5.4.2, each line of them, without the fragments, which are not sent. */
static void the_examples_of_rfc_3986(void **state)
{
    static const struct example normal[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {"g?y#s", "http://a/b/c/g?y"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"g;x?y#s", "http://a/b/c/g;x?y"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
    };
    static const struct example abnormal[] = {
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {".g", "http://a/b/c/.g"},
        {"g..", "http://a/b/c/g.."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
        {"g#s/./x", "http://a/b/c/g"},
        {"g#s/../x", "http://a/b/c/g"},
        {"http:g", "http:g"}, /* strict: a scheme is a scheme */
    };

    (void)state;
    CHECK("http://a/b/c/d;p?q", normal);
    CHECK("http://a/b/c/d;p?q", abnormal);
    CHECK("http://a/b/c/d;p?q#fragment", normal);
}

static void a_base_without_a_path(void **state)
{
    static const struct example examples[] = {
        {"", "https://h:8443"},        {"?x", "https://h:8443?x"},   {"g", "https://h:8443/g"},
        {"/g", "https://h:8443/g"},    {"../g", "https://h:8443/g"}, {".", "https://h:8443/"},
        {"..", "https://h:8443/"},     {"//other", "https://other"}, {"#f", "https://h:8443"},
        {"a/b", "https://h:8443/a/b"}, {"/", "https://h:8443/"},
    };
    static const struct example with_query[] = {
        {"", "http://h?q=/x"}, {"?x", "http://h?x"}, {"g", "http://h/g"}, {"/g/../i", "http://h/i"}};

    (void)state;
    CHECK("https://h:8443", examples);
    CHECK("http://h?q=/x", with_query);
}

static void a_base_with_user_port_and_query(void **state)
{
    static const struct example examples[] = {
        {"", "http://u:p%40@[::1]:80/v1/x?key=a/b"},
        {"y", "http://u:p%40@[::1]:80/v1/y"},
        {"/y", "http://u:p%40@[::1]:80/y"},
        {"?k", "http://u:p%40@[::1]:80/v1/x?k"},
        {"../../../y/.", "http://u:p%40@[::1]:80/y/"},
        {"//h/y", "http://h/y"}, /* another authority: without the user */
        {"//h/a/../y?a/../b", "http://h/y?a/../b"},
        {"//h?/../x", "http://h?/../x"},
        {"//", "http://"},
    };

    (void)state;
    CHECK("http://u:p%40@[::1]:80/v1/x?key=a/b", examples);
}

static void dots_that_are_no_segments_stay(void **state)
{
    static const struct example examples[] = {
        {"/a/...", "http://h/a/..."},
        {"/.a/..b/c.", "http://h/.a/..b/c."},
        {"/a//../b", "http://h/a/b"},
        {"/a/b//c/", "http://h/a/b//c/"},
        {"/..//x", "http://h//x"},
        {"/a/../..", "http://h/"},
        {"/a/./././b/.", "http://h/a/b/"},
        {"/%2e%2e/x", "http://h/%2e%2e/x"}, /* section 6.2.2.2 is not section 5.2.4 */
        {"/a?x=/../y", "http://h/a?x=/../y"},
        {"?x=/./y", "http://h/d/./e?x=/./y"}, /* the base's own path is not touched */
        {"f", "http://h/d/f"},                /* but where it is merged */
    };

    (void)state;
    CHECK("http://h/d/./e", examples);
}

static void an_absolute_url_is_itself(void **state)
{
    static const char *const absolute[] = {"http://x/a/../b", "HTTPS://x", "a+b-c.9:", "http:g"};
    static const char *const relative[] = {"", "/", "//x", "?a:b", "#a:b", "1a:b", "a/b:c", ":x", "a_b:c", "-a:b"};
    struct weir__resolve resolve;

    (void)state;
    for (size_t i = 0; i < sizeof absolute / sizeof absolute[0]; i++)
        assert_true(weir__resolve_absolute(absolute[i]));
    for (size_t i = 0; i < sizeof relative / sizeof relative[0]; i++)
        assert_false(weir__resolve_absolute(relative[i]));

    assert_true(weir__resolve_init(&resolve, NULL));
    assert_ptr_equal(weir__resolve(&resolve, absolute[0]), absolute[0]);
    assert_string_equal(weir__resolve(&resolve, "http://x/a?b#c"), "http://x/a?b");
    for (size_t i = 0; i < sizeof relative / sizeof relative[0]; i++)
        assert_null(weir__resolve(&resolve, relative[i]));
    weir__resolve_clear(&resolve);
    weir__resolve_clear(&resolve);
    weir__resolve_clear(NULL);
}

static void long_references_fit(void **state)
{
    static char reference[70000], expected[70100];
    struct weir__resolve resolve;

    (void)state;
    assert_true(weir__resolve_init(&resolve, "http://h/d/e"));
    for (size_t size = 240; size < sizeof reference - 1; size = size < 300 ? size + 1 : size * 2) {
        memset(reference, 'x', size);
        reference[size] = '\0';
        (void)snprintf(expected, sizeof expected, "http://h/d/%s", reference);
        assert_string_equal(weir__resolve(&resolve, reference), expected);
    }
    assert_string_equal(weir__resolve(&resolve, "s"), "http://h/d/s");
    weir__resolve_clear(&resolve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_3986),        cmocka_unit_test(a_base_without_a_path),
        cmocka_unit_test(a_base_with_user_port_and_query), cmocka_unit_test(dots_that_are_no_segments_stay),
        cmocka_unit_test(an_absolute_url_is_itself),       cmocka_unit_test(long_references_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
