/* What the writer writes is JSON, whatever goes in and whatever the locale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/scan.h"
#include "json/writer.h"

#include <locale.h>
#include <math.h>
#include <string.h>

static void assert_text(struct weir__writer *writer, const char *expected)
{
    struct weir__scan scan;

    assert_false(writer->failed);
    assert_string_equal(writer->text, expected);
    assert_int_equal(writer->size, strlen(expected));
    weir__scan_init(&scan, writer->text, writer->size);
    while (weir__scan_next(&scan) < WEIR__SCAN_END)
        continue;
    assert_int_not_equal(scan.state, WEIR__SCAN_BROKEN);
    weir__writer_clear(writer);
}

static void places_commas_and_keys(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    weir__writer_object(&writer, NULL);
    weir__writer_uint(&writer, "a", 1);
    weir__writer_array(&writer, "b");
    weir__writer_int(&writer, NULL, -2);
    weir__writer_object(&writer, NULL);
    weir__writer_end(&writer);
    weir__writer_bool(&writer, NULL, true);
    weir__writer_end(&writer);
    weir__writer_null(&writer, "c");
    weir__writer_raw(&writer, "d", "[ 1 ]", 5);
    weir__writer_string(&writer, "e", NULL);
    weir__writer_end(&writer);
    assert_text(&writer, "{\"a\":1,\"b\":[-2,{},true],\"c\":null,\"d\":[ 1 ],\"e\":null}");
}

static void writes_for_people(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    writer.pretty = true;
    weir__writer_object(&writer, NULL);
    weir__writer_array(&writer, "a");
    weir__writer_bool(&writer, NULL, false);
    weir__writer_string(&writer, NULL, "x");
    weir__writer_end(&writer);
    weir__writer_object(&writer, "b");
    weir__writer_end(&writer);
    weir__writer_end(&writer);
    assert_text(&writer, "{\n  \"a\": [\n    false,\n    \"x\"\n  ],\n  \"b\": {}\n}");
}

static void escapes_strings(void **state)
{
    static const struct {
        const char *value;
        size_t size;
        const char *expected;
    } cases[] = {
        {"", 0, "\"\""},
        {"\"\\/", 3, "\"\\\"\\\\/\""},
        {"\b\f\n\r\t\0\x1f", 7, "\"\\b\\f\\n\\r\\t\\u0000\\u001f\""},
        {"\x7f\xc2\x9b", 3, "\"\\u007f\\u009b\""}, /* what a terminal would obey */
        {"\xc2\xa0\xf0\x9f\x98\x80", 6, "\"\xc2\xa0\xf0\x9f\x98\x80\""},
        {"a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__writer writer = WEIR__WRITER_INIT;
        weir__writer_bytes(&writer, NULL, cases[i].value, cases[i].size);
        assert_text(&writer, cases[i].expected);
    }
}

static void assert_decimal(double value, int digits, const char *expected)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    weir__writer_decimal(&writer, NULL, value, digits);
    assert_text(&writer, expected);
}

static void check_numbers(void)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    assert_decimal(95.25, 1, "95.2");
    assert_decimal(2.1, 3, "2.1");
    assert_decimal(2.0, 3, "2");
    assert_decimal(100, 0, "100");
    assert_decimal(0.0004, 3, "0");
    assert_decimal(-0.0004, 3, "0");
    assert_decimal(-1.5, 3, "-1.5");
    assert_decimal(1234567.125, 9, "1234567.125");
    assert_decimal(0.000000001, 9, "0.000000001");
    assert_decimal(NAN, 3, "null");
    assert_decimal(-INFINITY, 3, "null");
    weir__writer_decimal(&writer, NULL, 1.7e308, 9);
    assert_int_equal(writer.size, 309);
    weir__writer_clear(&writer);
    weir__writer_array(&writer, NULL);
    weir__writer_uint(&writer, NULL, UINT64_MAX);
    weir__writer_int(&writer, NULL, INT64_MIN);
    weir__writer_end(&writer);
    assert_text(&writer, "[18446744073709551615,-9223372036854775808]");
}

static void writes_numbers(void **state)
{
    (void)state;
    check_numbers();
}

static void writes_numbers_under_a_locale_with_a_comma(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8"};
    bool found = false;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_ALL, names[i]) == NULL)
            continue;
        found = true;
        check_numbers();
    }
    (void)setlocale(LC_ALL, "C");
    if (!found)
        skip(); /* none is installed here */
}

static void grows_without_end(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    weir__writer_array(&writer, NULL);
    for (int i = 0; i < 10000; i++)
        weir__writer_string(&writer, NULL, "some text");
    weir__writer_end(&writer);
    assert_int_equal(writer.size, 10000 * 12 + 1);
    assert_int_equal(strlen(writer.text), writer.size);
    weir__writer_clear(&writer);
    assert_null(writer.text);
    weir__writer_clear(&writer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_commas_and_keys),
        cmocka_unit_test(writes_for_people),
        cmocka_unit_test(escapes_strings),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(writes_numbers_under_a_locale_with_a_comma),
        cmocka_unit_test(grows_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
