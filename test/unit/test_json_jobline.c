/* A line of input as the parts of a job: byte for byte where that was promised, and refused without quoting it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/jobline.h"
#include "json/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZED(text) (text), sizeof(text) - 1

/* Parses a copy of exactly `size` bytes, which stays until the next call, so that a sanitizer sees a read past it. */
static struct weir__jobline job;
static char *line;

static bool parse_bytes(enum weir__jobline_format format, const char *text, size_t size)
{
    free(line);
    line = malloc(size == 0 ? 1 : size);
    assert_non_null(line);
    memcpy(line, text, size);
    return weir__jobline_parse(&job, format, line, size);
}

static void parse_as(enum weir__jobline_format format, const char *text)
{
    if (!parse_bytes(format, text, strlen(text)))
        print_error("%s\n%s\n", text, job.error);
    assert_string_equal(job.error, "");
}

static void parse(const char *text)
{
    parse_as(WEIR__JOBLINE_BATCH, text);
}

static void refuse_as(enum weir__jobline_format format, const char *text, const char *error)
{
    if (parse_bytes(format, text, strlen(text)))
        print_error("taken: %s\n", text);
    assert_string_equal(job.error, error);
    assert_null(job.method);
    assert_null(job.url);
    assert_int_equal(job.header_count, 0);
    assert_int_equal(job.body_kind, WEIR__JOBLINE_NO_BODY);
    assert_null(job.metadata);
}

static void refuse(const char *text, const char *error)
{
    refuse_as(WEIR__JOBLINE_BATCH, text, error);
}

static int end(void **state)
{
    (void)state;
    weir__jobline_clear(&job);
    weir__jobline_clear(&job);
    weir__jobline_clear(NULL);
    free(line);
    line = NULL;
    return 0;
}

static void assert_id(const char *id)
{
    assert_non_null(job.custom_id);
    assert_int_equal(job.custom_id_size, strlen(id));
    assert_memory_equal(job.custom_id, id, strlen(id));
}

static void assert_body(enum weir__jobline_body kind, const char *body, size_t size)
{
    assert_int_equal(job.body_kind, kind);
    assert_int_equal(job.body_size, size);
    assert_non_null(job.body);
    assert_memory_equal(job.body, body, size);
}

static void assert_metadata(const char *text)
{
    assert_non_null(job.metadata);
    if (job.metadata_size != strlen(text) || memcmp(job.metadata, text, strlen(text)) != 0)
        print_error("got %.*s\n", (int)job.metadata_size, job.metadata);
    assert_int_equal(job.metadata_size, strlen(text));
    assert_memory_equal(job.metadata, text, strlen(text));
}

static void all_known_keys(void **state)
{
    (void)state;
    parse("{\"custom_id\":\"a1\",\"method\":\"POST\",\"url\":\"/v1/things\",\"headers\":{\"x\":\"y\",\"z\":null},"
          "\"body\":{\"n\":9007199254740993}}");
    assert_id("a1");
    assert_string_equal(job.method, "POST");
    assert_string_equal(job.url, "/v1/things");
    assert_int_equal(job.header_count, 2);
    assert_string_equal(job.headers[0].name, "x");
    assert_string_equal(job.headers[0].value, "y");
    assert_string_equal(job.headers[1].name, "z");
    assert_null(job.headers[1].value);
    assert_body(WEIR__JOBLINE_JSON, SIZED("{\"n\":9007199254740993}"));
    assert_null(job.metadata);
}

static void url_alone_is_needed(void **state)
{
    (void)state;
    parse(" { \"url\" : \"\" }\r ");
    assert_string_equal(job.url, "");
    assert_null(job.custom_id);
    assert_null(job.method);
    assert_int_equal(job.header_count, 0);
    assert_int_equal(job.body_kind, WEIR__JOBLINE_NO_BODY);
    assert_null(job.metadata);
    parse("{\"custom_id\":null,\"method\":null,\"headers\":null,\"url\":\"u\"}"); /* null: as if not there */
    assert_null(job.custom_id);
    assert_null(job.method);
    refuse("{}", "url: expected a string, got none");
    refuse("{\"url\":null}", "url: expected a string, got none");
}

static void bodies_stay_byte_for_byte(void **state)
{
    static const char *const bodies[] = {
        "9007199254740993",
        "1e400",
        "1.10",
        "-0",
        "true",
        "[]",
        "{ }",
        "[1.10, 1E+2 ,\t\"\\ud83d\\ude00 \\/ \\u0041\\u0000\", {\"a\": {\"a\":1,\"a\":2}}]",
        "{\"url\":\"not this one\",\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}",
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        (void)snprintf(text, sizeof text, "{\"url\":\"u\",\"body\": %s ,\"after\":1}", bodies[i]);
        parse(text);
        assert_body(WEIR__JOBLINE_JSON, bodies[i], strlen(bodies[i]));
        assert_true((const char *)job.body > line && (const char *)job.body < line + strlen(text));
        assert_string_equal(job.url, "u");
        assert_metadata("{\"after\":1}");
    }
}

static void a_string_body_is_its_text(void **state)
{
    (void)state;
    parse("{\"url\":\"u\",\"body\":\"plain \xc3\xa9\"}");
    assert_body(WEIR__JOBLINE_TEXT, SIZED("plain \xc3\xa9"));
    parse("{\"url\":\"u\",\"body\":\"\"}");
    assert_body(WEIR__JOBLINE_TEXT, "", 0);
    parse("{\"url\":\"u\",\"body\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u0000\\ud83d\\ude00\\u20ac\"}");
    assert_body(WEIR__JOBLINE_TEXT, SIZED("\"\\/\b\f\n\r\tA\0\xf0\x9f\x98\x80\xe2\x82\xac"));
    parse("{\"url\":\"u\",\"body\":null}");
    assert_body(WEIR__JOBLINE_NULL, SIZED("null"));
}

static void unknown_keys_are_metadata_byte_for_byte(void **state)
{
    (void)state;
    parse(
        "{\"row\": 1.10 ,\"url\":\"u\",\"k\\u0065y\\u0000\" :{\"a\" : [ 1e400,\"\\ud83d\\ude00\"] },\"metadata\":null,"
        "\"\":\"\",\"URL\":\"x\"}");
    assert_metadata("{\"row\":1.10,\"k\\u0065y\\u0000\":{\"a\" : [ 1e400,\"\\ud83d\\ude00\"] },\"metadata\":null,"
                    "\"\":\"\",\"URL\":\"x\"}");
    parse("{\"a\":1,\"url\":\"u\"}");
    assert_metadata("{\"a\":1}");
}

static void escapes_in_known_keys_and_texts_are_resolved(void **state)
{
    (void)state;
    parse("{\"\\u0075rl\":\"http:\\/\\/h\\/"
          "\\u00e9\",\"c\\u0075stom_id\":\"\\u0000x\",\"headers\":{\"\\u0058-A\":\"\\t\"},"
          "\"m\\u0065thod\":\"\\u0047ET\",\"b\\u006fdy\":[]}");
    assert_string_equal(job.url, "http://h/\xc3\xa9");
    assert_int_equal(job.custom_id_size, 2);
    assert_memory_equal(job.custom_id, "\0x", 3);
    assert_string_equal(job.headers[0].name, "X-A");
    assert_string_equal(job.headers[0].value, "\t");
    assert_string_equal(job.method, "GET");
    assert_body(WEIR__JOBLINE_JSON, SIZED("[]"));
    assert_null(job.metadata);
}

static void what_is_not_json_is_refused_with_its_column(void **state)
{
    (void)state;
    refuse("", "column 1: expected a value (a string, number, object, array, true, false or null)");
    refuse("[]", "column 1: expected an object");
    refuse("\"secret\"", "column 1: expected an object");
    refuse("{\"url\":\"secret\"} x", "column 18: expected nothing after the value");
    refuse("{\"url\":\"secret\" \"a\":1}", "column 17: expected \",\" or \"}\"");
    refuse("{\"url\":\"s\xc3\xa9\xc3\xa9\" 1}", "column 14: expected \",\" or \"}\""); /* characters, not bytes */
    refuse("{\"url\":\"secret\",}", "column 17: expected another key in double quotes after the comma");
    refuse("{\"url\":\"secret", "column 15: expected the string's closing quote");
    refuse("{\"url\":01}", "column 8: expected a number without a leading zero");
    refuse("{\"url\":\"\xff\"}", "column 9: expected UTF-8");
    refuse("\xef\xbb\xbf{\"url\":\"u\"}", "column 1: expected a value, without a byte order mark");
    refuse("{\"headers\":{\"a\":\"b\" 1}}", "column 21: expected \",\" or \"}\"");
    refuse("{\"headers\":{1}}", "column 13: expected a key in double quotes, or \"}\"");
    refuse("{\"headers\":[1,}", "column 15: expected a value (a string, number, object, array, true, false or null)");
    refuse("{\"x\":{\"y\":tru}}", "column 11: expected a value (a string, number, object, array, true, false or null)");
    /* it counts for more than what was wrong before */
    refuse("{\"url\":1,\"method\":2,", "column 21: expected another key in double quotes after the comma");
    assert_false(parse_bytes(WEIR__JOBLINE_BATCH, SIZED("{\"url\":\"u\0\"}")));
    assert_string_equal(job.error,
                        "column 10: expected no raw control character in a string (write \\n, \\t, \\u00XX)");
}

static void known_keys_have_their_types(void **state)
{
    (void)state;
    refuse("{\"url\":1}", "url: expected a string");
    refuse("{\"url\":{\"a\":[1]},\"url2\":1}", "url: expected a string");
    refuse("{\"url\":\"u\",\"method\":[]}", "method: expected a string");
    refuse("{\"url\":\"u\",\"custom_id\":7}", "custom_id: expected a string");
    assert_null(job.custom_id);
    refuse("{\"url\":\"u\",\"headers\":[]}", "headers: expected an object");
    refuse("{\"url\":\"u\",\"headers\":\"A: b\"}", "headers: expected an object");
    refuse("{\"url\":\"u\",\"headers\":{\"A\":\"b\",\"Secret\":1}}", "headers: field 2: expected a string or null");
    refuse("{\"url\":\"u\",\"headers\":{\"A\":[\"b\",{}],\"B\":true}}", "headers: field 1: expected a string or null");
}

static void nul_is_refused_where_c_strings_go(void **state)
{
    (void)state;
    refuse("{\"url\":\"u\\u0000\"}", "url: expected a string without \\u0000");
    refuse("{\"url\":\"u\",\"method\":\"\\u0000\"}", "method: expected a string without \\u0000");
    refuse("{\"url\":\"u\",\"headers\":{\"a\":\"\",\"b\":\"\\u0000\"}}",
           "headers: field 2: expected a string without \\u0000");
    refuse("{\"url\":\"u\",\"headers\":{\"b\\u0000\":\"x\"}}", "headers: field 1: expected a name without \\u0000");
}

static void duplicates_are_refused(void **state)
{
    (void)state;
    refuse("{\"url\":\"u\",\"url\":\"u\"}", "url: expected once");
    refuse("{\"url\":null,\"\\u0075rl\":\"u\"}", "url: expected once");
    refuse("{\"url\":\"u\",\"body\":1,\"body\":{\"a\":[]}}", "body: expected once");
    refuse("{\"url\":\"u\",\"secret\":1,\"b\":2,\"secret\":3}", "column 29: expected a key that was not given before");
    refuse("{\"url\":\"u\",\"s\\u0065cret\":1,\"secret\":3}", "column 28: expected a key that was not given before");
    refuse("{\"url\":\"u\",\"secret\":1,\"s\\u0065cret\":3}", "column 23: expected a key that was not given before");
    refuse("{\"url\":\"u\",\"headers\":{\"X-Secret\":\"a\",\"x\":\"\",\"x-sECRET\":null}}",
           "headers: field 3: expected a name that was not given before");
    parse("{\"url\":\"u\",\"a\":1,\"A\":2,\"a\\u0000\":3,\"a\\u0000b\":4}"); /* keys are not header names */
}

/* The id is what a result is found by, so it is told even for a bad line, wherever it stands in it. */
static void a_bad_line_keeps_its_id(void **state)
{
    (void)state;
    refuse("{\"custom_id\":\"a1\",\"url\":1}", "url: expected a string");
    assert_id("a1");
    refuse("{\"url\":[{}],\"x\":1,\"x\":2,\"headers\":{\"a\":1},\"custom_id\":\"a\\u0031\"}", "url: expected a string");
    assert_id("a1");
    refuse("{\"custom_id\":\"a1\"}", "url: expected a string, got none");
    assert_id("a1");
    refuse("{\"custom_id\":\"a1\",\"url\":\"u\"", "column 28: expected \",\" or \"}\"");
    assert_null(job.custom_id); /* that is no JSON */
    refuse("{\"custom_id\":\"a1\",\"url\":\"u\",\"custom_id\":\"a2\"}", "custom_id: expected once");
    assert_null(job.custom_id);
    assert_int_equal(job.custom_id_size, 0);
}

static void ids_have_a_limit(void **state)
{
    char text[WEIR__JOBLINE_ID_MAX_SIZE + 64];
    size_t size = (size_t)snprintf(text, sizeof text, "{\"url\":\"u\",\"custom_id\":\"");

    (void)state;
    memset(text + size, 'i', WEIR__JOBLINE_ID_MAX_SIZE);
    memcpy(text + size + WEIR__JOBLINE_ID_MAX_SIZE, "\"}", 3);
    parse(text);
    assert_int_equal(job.custom_id_size, WEIR__JOBLINE_ID_MAX_SIZE);
    memcpy(text + size + WEIR__JOBLINE_ID_MAX_SIZE, "i\"}", 4);
    refuse(text, "custom_id: expected at most 4096 bytes");
    assert_null(job.custom_id);
}

/* `count` members "k0":"","k1":"", ... between two texts. */
static char *with_members(const char *before, size_t count, const char *value, const char *after)
{
    char *text = malloc(64 + count * 32), *at = text;

    assert_non_null(text);
    at += sprintf(at, "%s", before);
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "%s\"k%zu\":%s", i > 0 ? "," : "", i, value);
    (void)sprintf(at, "%s", after);
    return text;
}

static void headers_and_keys_have_a_limit(void **state)
{
    char *text = with_members("{\"url\":\"u\",\"headers\":{", WEIR__JOBLINE_HEADERS_MAX, "\"v\"", "}}");

    (void)state;
    parse(text);
    assert_int_equal(job.header_count, WEIR__JOBLINE_HEADERS_MAX);
    assert_string_equal(job.headers[255].name, "k255");
    assert_string_equal(job.headers[255].value, "v");
    free(text);
    text = with_members("{\"url\":\"u\",\"headers\":{", WEIR__JOBLINE_HEADERS_MAX + 1, "null", "}}");
    refuse(text, "headers: expected at most 256 fields");
    free(text);

    text = with_members("{\"url\":\"u\",", WEIR__JOBLINE_KEYS_MAX, "1", "}");
    parse(text);
    assert_int_equal(job.metadata_size, strlen(text) - strlen("\"url\":\"u\","));
    free(text);
    text = with_members("{\"url\":\"u\",", 200000, "1", ",\"custom_id\":\"a1\"}"); /* and it does not take for ever */
    refuse(text, "column 9142: expected at most 1024 keys beside the known ones");
    assert_id("a1");
    free(text);
    text = with_members("{\"url\":\"u\",\"headers\":{", 200000, "null", "}}");
    refuse(text, "headers: expected at most 256 fields");
    free(text);
}

/* The buffer holds what escapes of any kind come to, and what is large is not kept. */
static void long_lines_fit_and_their_memory_goes(void **state)
{
    const size_t count = 400000;
    char *text = malloc(count * 6 + 128), *at = text;

    (void)state;
    assert_non_null(text);
    at += sprintf(at, "{\"meta\":[\"x\"],\"url\":\"\\u0041\",\"body\":\"");
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "\\u20ac");
    (void)sprintf(at, "\",\"m2\":2}");
    parse(text);
    assert_int_equal(job.body_size, 3 * count);
    assert_memory_equal((const char *)job.body + 3 * count - 3, "\xe2\x82\xac", 3);
    assert_string_equal(job.url, "A");
    assert_metadata("{\"meta\":[\"x\"],\"m2\":2}");
    assert_true(job.buffer_size > WEIR__JOBLINE_KEEP_SIZE);
    free(text);
    parse("{\"url\":\"u\"}");
    assert_true(job.buffer_size <= WEIR__JOBLINE_KEEP_SIZE);
}

static void a_warm_buffer_stays_where_it_is(void **state)
{
    const char *buffer;

    (void)state;
    parse("{\"url\":\"u\",\"headers\":{\"a\":\"b\"},\"m\":1}");
    buffer = job.buffer;
    for (int i = 0; i < 100; i++) {
        parse("{\"url\":\"u\",\"headers\":{\"a\":\"b\"},\"m\":1}");
        assert_ptr_equal(job.buffer, buffer);
    }
}

static void vegeta_targets(void **state)
{
    const enum weir__jobline_format vegeta = WEIR__JOBLINE_VEGETA;

    (void)state;
    parse_as(vegeta, "{\"method\":\"POST\",\"url\":\"http://h/\",\"header\":{\"Content-Type\":[\"text/plain\"],"
                     "\"X-A\":[\"1\",\"\\u0032\"],\"E\":[],\"N\":null},\"body\":\"aGVsbG8=\",\"headers\":{},"
                     "\"custom_id\":\"x\"}");
    assert_string_equal(job.method, "POST");
    assert_string_equal(job.url, "http://h/");
    assert_int_equal(job.header_count, 4);
    assert_string_equal(job.headers[0].name, "Content-Type");
    assert_string_equal(job.headers[0].value, "text/plain");
    assert_string_equal(job.headers[1].name, "X-A");
    assert_string_equal(job.headers[1].value, "1");
    assert_string_equal(job.headers[2].name, "X-A");
    assert_string_equal(job.headers[2].value, "2");
    assert_string_equal(job.headers[3].name, "N");
    assert_null(job.headers[3].value);
    assert_body(WEIR__JOBLINE_TEXT, SIZED("hello"));
    assert_null(job.custom_id);
    assert_metadata("{\"headers\":{},\"custom_id\":\"x\"}");

    parse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"body\":\"AP\\u002b\\/\"}"); /* 00 ff bf */
    assert_body(WEIR__JOBLINE_TEXT, SIZED("\x00\xff\xbf"));
    parse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"body\":\"\"}");
    assert_body(WEIR__JOBLINE_TEXT, "", 0);
    parse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"body\":null,\"header\":null}");
    assert_int_equal(job.body_kind, WEIR__JOBLINE_NO_BODY);
}

static void bad_vegeta_targets(void **state)
{
    const enum weir__jobline_format vegeta = WEIR__JOBLINE_VEGETA;

    (void)state;
    refuse_as(vegeta, "{\"url\":\"u\"}", "method: expected a string, got none");
    refuse_as(vegeta, "{\"method\":\"GET\"}", "url: expected a string, got none");
    refuse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"body\":\"secret\"}", "body: expected base64");
    refuse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"body\":{}}", "body: expected a string");
    refuse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"header\":{\"A\":\"b\"}}",
              "header: field 1: expected a list of strings");
    refuse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"header\":{\"A\":[\"b\"],\"B\":[\"c\",1,{\"d\":[]},null]}}",
              "header: field 2: expected a list of strings");
    refuse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"header\":{\"A\":[\"b\"],\"a\":[\"c\"]}}",
              "header: field 2: expected a name that was not given before");
    refuse_as(vegeta, "{\"method\":\"GET\",\"url\":\"u\",\"header\":{\"A\":[\"b\",\"\\u0000\"]}}",
              "header: field 1: expected a string without \\u0000");
    refuse_as(vegeta, "{\"header\":{\"A\":[\"b\"", "column 20: expected \",\" or \"]\"");
    refuse_as(vegeta, "{\"header\":{\"A\":[[",
              "column 18: expected a value (a string, number, object, array, true, "
              "false or null)");
}

static bool valid_json(const char *text, size_t size)
{
    struct weir__scan scan;
    enum weir__scan_token token;

    weir__scan_init(&scan, text, size);
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END)
        continue;
    return token == WEIR__SCAN_END;
}

/* Lines cut at each byte and with each byte changed: what is refused says so, what is taken is whole. */
static void whatever_comes_is_taken_whole_or_refused(void **state)
{
    static const char text[] =
        "{\"custom_id\":\"a\\u00e9\",\"x\":[1.0,{}],\"headers\":{\"a\":\"b\",\"c\":null},\"url\":\"u\\n\","
        "\"body\":{\"k\":\"\xc3\xa9\"},\"method\":\"PUT\",\"y\\t\":\"\"}";
    static const char target[] =
        "{\"method\":\"GET\",\"url\":\"u\",\"header\":{\"A\":[\"b\",\"c\"]},\"body\":\"aGk=\"}";
    static const char changes[] = {'"', '\\', '{', '}', '[', ']', ',', ':', ' ', 'u', '0', '\0', '\x80', '\xc3'};
    char changed[sizeof text];

    (void)state;
    for (int vegeta = 0; vegeta < 2; vegeta++) {
        const char *good = vegeta ? target : text;
        const enum weir__jobline_format format = vegeta ? WEIR__JOBLINE_VEGETA : WEIR__JOBLINE_BATCH;
        const size_t size = strlen(good);

        assert_true(parse_bytes(format, good, size));
        for (size_t at = 0; at < size; at++) {
            assert_false(parse_bytes(format, good, at));
            for (size_t i = 0; i < sizeof changes; i++) {
                bool taken;
                memcpy(changed, good, size);
                changed[at] = changes[i];
                taken = parse_bytes(format, changed, size);
                assert_int_equal(taken, job.error[0] == '\0');
                if (!taken)
                    continue;
                assert_true(valid_json(line, size));
                assert_non_null(job.url);
                assert_true(job.body_kind != WEIR__JOBLINE_JSON || valid_json(job.body, job.body_size));
                assert_true(job.metadata == NULL || valid_json(job.metadata, job.metadata_size));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_known_keys, end),
        cmocka_unit_test_teardown(url_alone_is_needed, end),
        cmocka_unit_test_teardown(bodies_stay_byte_for_byte, end),
        cmocka_unit_test_teardown(a_string_body_is_its_text, end),
        cmocka_unit_test_teardown(unknown_keys_are_metadata_byte_for_byte, end),
        cmocka_unit_test_teardown(escapes_in_known_keys_and_texts_are_resolved, end),
        cmocka_unit_test_teardown(what_is_not_json_is_refused_with_its_column, end),
        cmocka_unit_test_teardown(known_keys_have_their_types, end),
        cmocka_unit_test_teardown(nul_is_refused_where_c_strings_go, end),
        cmocka_unit_test_teardown(duplicates_are_refused, end),
        cmocka_unit_test_teardown(a_bad_line_keeps_its_id, end),
        cmocka_unit_test_teardown(ids_have_a_limit, end),
        cmocka_unit_test_teardown(headers_and_keys_have_a_limit, end),
        cmocka_unit_test_teardown(long_lines_fit_and_their_memory_goes, end),
        cmocka_unit_test_teardown(a_warm_buffer_stays_where_it_is, end),
        cmocka_unit_test_teardown(vegeta_targets, end),
        cmocka_unit_test_teardown(bad_vegeta_targets, end),
        cmocka_unit_test_teardown(whatever_comes_is_taken_whole_or_refused, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
