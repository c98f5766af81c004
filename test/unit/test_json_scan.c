/* What the strict scanner takes and refuses, and where it says that things stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/scan.h"
#include "json/suggest.h"

#include <stdlib.h>
#include <string.h>

#define SIZED(text) (text), sizeof(text) - 1

/* Scans a copy of exactly `size` bytes, so that a sanitizer sees a read past the end. */
static bool accepts(const char *text, size_t size, struct weir__scan *out)
{
    char *copy = malloc(size == 0 ? 1 : size);
    enum weir__scan_token token;

    assert_non_null(copy);
    memcpy(copy, text, size);
    weir__scan_init(out, copy, size);
    while ((token = weir__scan_next(out)) < WEIR__SCAN_END)
        continue;
    assert_int_equal(weir__scan_next(out), token); /* it stays so */
    free(copy);
    return token == WEIR__SCAN_END;
}

static void takes_all_that_is_json(void **state)
{
    static const struct {
        const char *text;
        size_t size;
    } good[] = {
        {SIZED("0")},
        {SIZED("-0")},
        {SIZED(" \t\r\n1.5e+10 ")},
        {SIZED("1E-2")},
        {SIZED("\"\"")},
        {SIZED("true")},
        {SIZED("null")},
        {SIZED("[]")},
        {SIZED("{}")},
        {SIZED("[1,[2],{\"a\":[{}]},\"x\",false]")},
        {SIZED("{\"a\" : 1 , \"a\":2}")}, /* duplicates are the reader's concern */
        {SIZED("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"")},
        {SIZED("\"\\u0000\"")},
        {SIZED("\"\x7f\"")},
        {SIZED("\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf \xed\x9f\xbf \xee\x80\x80\"")},
        {SIZED("\"a long text of plain characters, more than eight\"")},
        {SIZED("9007199254740993")},
        {SIZED("1e400")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct weir__scan scan;
        if (!accepts(good[i].text, good[i].size, &scan))
            fail_msg("refused at %zu, expected %s: %s", scan.start, scan.expected, good[i].text);
    }
}

static void refuses_what_is_not(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        size_t at; /* where it says that the mistake is */
    } bad[] = {
        {SIZED(""), 0},
        {SIZED("  "), 2},
        {SIZED("\xef\xbb\xbf{}"), 0},
        {SIZED("{} x"), 3},
        {SIZED("1 2"), 2},
        {SIZED("[1] ]"), 4},
        {SIZED("01"), 0},
        {SIZED("-"), 1},
        {SIZED("-01"), 1},
        {SIZED("1."), 2},
        {SIZED(".5"), 0},
        {SIZED("+1"), 0},
        {SIZED("1e"), 2},
        {SIZED("1e+"), 3},
        {SIZED("0x10"), 1},
        {SIZED("NaN"), 0},
        {SIZED("Infinity"), 0},
        {SIZED("-Infinity"), 1},
        {SIZED("nul"), 0},
        {SIZED("nullx"), 4},
        {SIZED("True"), 0},
        {SIZED("[1,]"), 3},
        {SIZED("[,1]"), 1},
        {SIZED("[1 2]"), 3},
        {SIZED("[1"), 2},
        {SIZED("["), 1},
        {SIZED("]"), 0},
        {SIZED("[}"), 1},
        {SIZED("{\"a\":1,}"), 7},
        {SIZED("{\"a\" 1}"), 5},
        {SIZED("{\"a\":}"), 5},
        {SIZED("{a:1}"), 1},
        {SIZED("{'a':1}"), 1},
        {SIZED("{1:1}"), 1},
        {SIZED("{\"a\":1"), 6},
        {SIZED("{\"a\":1]"), 6},
        {SIZED("{,}"), 1},
        {SIZED("// x\n1"), 0},
        {SIZED("/* */1"), 0},
        {SIZED("[1, # x\n2]"), 4},
        {SIZED("\"abc"), 4},
        {SIZED("\"abc\\"), 4},
        {SIZED("\"\\x41\""), 1},
        {SIZED("\"\\u12g4\""), 1},
        {SIZED("\"\\u12"), 1},
        {SIZED("\"a\nb\""), 2},
        {SIZED("\"a\0b\""), 2},
        {SIZED("\"12345678\x1f\""), 9},
        {SIZED("\"\\ud800\""), 1},
        {SIZED("\"\\ud800\\u0041\""), 1},
        {SIZED("\"\\ud800\\ud800\""), 1},
        {SIZED("\"\\udc00\""), 1},
        {SIZED("\"\x80\""), 1},
        {SIZED("\"\xc0\xaf\""), 1},         /* overlong */
        {SIZED("\"\xe0\x80\xaf\""), 1},     /* overlong */
        {SIZED("\"\xf0\x80\x80\xaf\""), 1}, /* overlong */
        {SIZED("\"\xed\xa0\x80\""), 1},     /* a surrogate */
        {SIZED("\"\xf4\x90\x80\x80\""), 1}, /* over U+10FFFF */
        {SIZED("\"\xf5\x80\x80\x80\""), 1},
        {SIZED("\"\xc3\""), 1},
        {SIZED("\"\xe2\x82"), 1},
        {SIZED("{}\0"), 2},
        {SIZED("\f1"), 0},
        {SIZED("\xc2\xa0"
               "1"),
         0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct weir__scan scan;
        if (accepts(bad[i].text, bad[i].size, &scan))
            fail_msg("accepted: %s", bad[i].text);
        if (scan.start != bad[i].at)
            fail_msg("%s: mistake at %zu instead of %zu (%s)", bad[i].text, scan.start, bad[i].at, scan.expected);
        assert_non_null(scan.expected);
    }
}

static void keeps_its_depth(void **state)
{
    char text[2 * (WEIR__SCAN_DEPTH_MAX + 1)];
    struct weir__scan scan;

    (void)state;
    memset(text, '[', WEIR__SCAN_DEPTH_MAX + 1);
    memset(text + WEIR__SCAN_DEPTH_MAX + 1, ']', WEIR__SCAN_DEPTH_MAX + 1);
    assert_true(accepts(text + 1, 2 * WEIR__SCAN_DEPTH_MAX, &scan));
    assert_false(accepts(text, sizeof text, &scan));
    assert_int_equal(scan.start, WEIR__SCAN_DEPTH_MAX);
}

/* Each kind of container at each depth: the bits of one level must not leak into another. */
static void tells_objects_from_arrays_at_any_depth(void **state)
{
    struct weir__scan scan;

    (void)state;
    assert_true(accepts(SIZED("[{\"a\":[{\"b\":[]},[]]},[{}],{\"c\":{}}]"), &scan));
    assert_false(accepts(SIZED("[{\"a\":[{\"b\":[]},[]}]"), &scan));
}

static void token(struct weir__scan *scan, enum weir__scan_token expected, const char *bytes)
{
    assert_int_equal(weir__scan_next(scan), expected);
    assert_int_equal(scan->end - scan->start, strlen(bytes));
    assert_memory_equal(scan->text + scan->start, bytes, strlen(bytes));
}

static void tokens_stand_where_they_stand(void **state)
{
    static const char text[] = " {\"a\\u0062\" : [ 1.50 , true ],\"c\":null } ";
    struct weir__scan scan;

    (void)state;
    weir__scan_init(&scan, text, sizeof text - 1);
    token(&scan, WEIR__SCAN_OBJECT, "{");
    token(&scan, WEIR__SCAN_KEY, "\"a\\u0062\"");
    assert_true(weir__scan_is(&scan, "ab"));
    assert_false(weir__scan_is(&scan, "a"));
    assert_false(weir__scan_is(&scan, "abc"));
    token(&scan, WEIR__SCAN_ARRAY, "[");
    token(&scan, WEIR__SCAN_NUMBER, "1.50");
    token(&scan, WEIR__SCAN_TRUE, "true");
    token(&scan, WEIR__SCAN_ARRAY_END, "]");
    token(&scan, WEIR__SCAN_KEY, "\"c\"");
    assert_true(weir__scan_is(&scan, "c"));
    token(&scan, WEIR__SCAN_NULL, "null");
    token(&scan, WEIR__SCAN_OBJECT_END, "}");
    token(&scan, WEIR__SCAN_END, "");
}

/* How a job's `body` will be taken from its line byte for byte. */
static void skip_spans_whole_values(void **state)
{
    static const struct {
        const char *text, *body;
    } cases[] = {
        {"{\"id\":[1,{}],\"body\": {\"n\": 9007199254740993, \"l\": [ ]} ,\"x\":1}",
         "{\"n\": 9007199254740993, \"l\": [ ]}"},
        {"{\"body\":[]}", "[]"},
        {"{\"body\":\"te\\u0078t\"}", "\"te\\u0078t\""},
        {"{\"body\":1e400}", "1e400"},
        {"{\"body\":null}", "null"},
        {"{\"x\":{\"body\":1},\"body\":2}", "2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__scan scan;
        size_t found = 0;

        weir__scan_init(&scan, cases[i].text, strlen(cases[i].text));
        assert_int_equal(weir__scan_next(&scan), WEIR__SCAN_OBJECT);
        while (weir__scan_next(&scan) == WEIR__SCAN_KEY) {
            const bool body = weir__scan_is(&scan, "body");
            assert_true(weir__scan_skip(&scan));
            if (!body)
                continue;
            found++;
            assert_int_equal(scan.end - scan.start, strlen(cases[i].body));
            assert_memory_equal(cases[i].text + scan.start, cases[i].body, strlen(cases[i].body));
        }
        assert_int_equal(found, 1);
        assert_int_equal(weir__scan_next(&scan), WEIR__SCAN_END);
    }
}

static void skip_spans_the_rest_of_a_container(void **state)
{
    static const char text[] = "[[1,2],{\"a\":{}},3";
    struct weir__scan scan;

    (void)state;
    weir__scan_init(&scan, text, sizeof text - 1);
    token(&scan, WEIR__SCAN_ARRAY, "[");
    token(&scan, WEIR__SCAN_ARRAY, "[");
    assert_true(weir__scan_skip(&scan));
    assert_int_equal(scan.start, 1);
    assert_int_equal(scan.end, 6);
    token(&scan, WEIR__SCAN_OBJECT, "{");
    assert_true(weir__scan_skip(&scan));
    assert_int_equal(scan.end, sizeof "[[1,2],{\"a\":{}}" - 1);
    weir__scan_init(&scan, text, sizeof text - 1);
    token(&scan, WEIR__SCAN_ARRAY, "[");
    assert_false(weir__scan_skip(&scan)); /* its end is missing */
}

static void resolves_escapes(void **state)
{
    static const char text[] = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00\xc3\xa9\"";
    static const char expected[] = "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9";
    struct weir__scan scan;
    char out[sizeof text];

    (void)state;
    weir__scan_init(&scan, text, sizeof text - 1);
    assert_int_equal(weir__scan_next(&scan), WEIR__SCAN_STRING);
    assert_true(scan.escaped);
    assert_false(scan.has_null);
    assert_int_equal(weir__scan_unescape(&scan, out), sizeof expected - 1);
    assert_memory_equal(out, expected, sizeof expected - 1);
    weir__scan_init(&scan, SIZED("\"a\\u0000b\""));
    assert_int_equal(weir__scan_next(&scan), WEIR__SCAN_STRING);
    assert_true(scan.has_null);
}

static void counts_lines_and_characters(void **state)
{
    static const char text[] = "{\n  \"\xc3\xa9\": x}";
    struct weir__scan scan;
    size_t line, column;

    (void)state;
    assert_false(accepts(SIZED(text), &scan));
    weir__scan_locate(text, scan.start, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 8);
}

/* The words eight at a time must stop at the same byte as one by one, wherever it stands. */
static void strings_end_at_any_offset(void **state)
{
    static const char stops[] = {'"', '\0', '\x1f', '\\', '\n', '\x01', (char)0x80, (char)0xff};
    char text[40];

    (void)state;
    for (size_t stop = 0; stop < sizeof stops; stop++) {
        for (size_t at = 1; at < sizeof text - 1; at++) {
            struct weir__scan scan;
            memset(text, '!', sizeof text); /* 0x21, one more than the quote's neighbour 0x20 */
            text[0] = '"';
            text[at] = stops[stop];
            weir__scan_init(&scan, text, sizeof text);
            if (stops[stop] == '"') {
                assert_int_equal(weir__scan_next(&scan), WEIR__SCAN_STRING);
                assert_int_equal(scan.end, at + 1);
            } else {
                assert_int_equal(weir__scan_next(&scan), WEIR__SCAN_ERROR);
                assert_int_equal(scan.start, at);
            }
        }
    }
}

static void guesses_at_mistyped_words(void **state)
{
    static const char *const words[] = {"concurrency", "rate", "retry", "body_file"};

    (void)state;
    assert_int_equal(weir__suggest_distance("abc", "acb"), 1);
    assert_int_equal(weir__suggest_distance("abc", ""), 3);
    assert_int_equal(weir__suggest_distance("body-file", "Body_File"), 0);
    assert_string_equal(weir__suggest_pick("concurency", words, 4), "concurrency");
    assert_string_equal(weir__suggest_pick("rtae", words, 4), "rate");
    assert_string_equal(weir__suggest_pick("body-file", words, 4), "body_file");
    assert_null(weir__suggest_pick("elephant", words, 4));
    assert_null(weir__suggest_pick("", words, 4));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_all_that_is_json),
        cmocka_unit_test(refuses_what_is_not),
        cmocka_unit_test(keeps_its_depth),
        cmocka_unit_test(tells_objects_from_arrays_at_any_depth),
        cmocka_unit_test(tokens_stand_where_they_stand),
        cmocka_unit_test(skip_spans_whole_values),
        cmocka_unit_test(skip_spans_the_rest_of_a_container),
        cmocka_unit_test(resolves_escapes),
        cmocka_unit_test(counts_lines_and_characters),
        cmocka_unit_test(strings_end_at_any_offset),
        cmocka_unit_test(guesses_at_mistyped_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
