/* A finished job's line: what stands in it, in which form, and what never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "json/base64.h"
#include "json/journalline.h"
#include "json/resultline.h"
#include "json/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENT_AT_NS INT64_C(1767323045678999999) /* 2026-01-02T03:04:05.678999999Z */

static const struct weir_header json_type = {"Content-Type", "application/json"};
static const struct weir_header text_type = {"Content-Type", "text/plain"};

static struct weir_result answered(const struct weir_header *headers, size_t header_count, const char *body)
{
    const struct weir_result result = {
        .outcome = WEIR_OUTCOME_SUCCEEDED,
        .detail = "",
        .http_status = 200,
        .attempts = 1,
        .headers = headers,
        .header_count = header_count,
        .body = body,
        .body_size = body != NULL ? strlen(body) : 0,
        .queue_ns = 100000,
        .connect_ns = 200000,
        .ttfb_ns = 1500000,
        .total_ns = 2100000,
        .sent_at_ns = SENT_AT_NS,
    };
    return result;
}

/* The line without checksum and line end, which are checked; to be freed. */
static char *write_line(const struct weir__resultline *line)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    struct weir__journalline read;
    char tail[32], *text;
    size_t size;

    weir__resultline_write(&writer, line);
    assert_false(writer.failed);
    assert_true(writer.size > 20);
    assert_ptr_equal(memchr(writer.text, '\n', writer.size), writer.text + writer.size - 1);
    size = writer.size - 19;
    (void)snprintf(tail, sizeof tail, ",\"crc\":\"%08x\"}\n", (unsigned)weir__crc32c(0, writer.text, size));
    assert_string_equal(writer.text + size, tail);

    weir__journalline_read(writer.text, writer.size - 1, &read);
    assert_int_equal(read.kind, WEIR__JOURNALLINE_RESULT);
    assert_int_equal(read.line, line->line);
    assert_int_equal(read.outcome, line->result != NULL ? line->result->outcome : line->outcome);

    text = strndup(writer.text, size);
    assert_non_null(text);
    weir__writer_clear(&writer);
    return text;
}

static void assert_line(const struct weir__resultline *line, const char *expected)
{
    char *text = write_line(line);
    assert_string_equal(text, expected);
    free(text);
}

static char *write_result(const struct weir_result *result)
{
    const struct weir__resultline line = {.line = 1, .bodies = true, .result = result};
    return write_line(&line);
}

static void assert_has(const struct weir_result *result, const char *part)
{
    char *text = write_result(result);
    if (strstr(text, part) == NULL)
        fail_msg("no %s in %s", part, text);
    free(text);
}

/* --------------------------------------------------------------------------------------------------- the whole of it
 */

static void a_success_in_full(void **state)
{
    const struct weir_header headers[] = {json_type, {"X-Request-ID", "7"}};
    const struct weir_result result = answered(headers, 2, "{\"n\":9007199254740993}");
    const struct weir__resultline line = {
        .line = 1,
        .custom_id = "a1",
        .custom_id_size = 2,
        .metadata = "{\"k\":1.10}",
        .metadata_size = 10,
        .bodies = true,
        .result = &result,
    };

    (void)state;
    assert_line(&line, "{\"custom_id\":\"a1\",\"response\":{\"status_code\":200,\"headers\":{\"content-type\":"
                       "\"application/json\",\"x-request-id\":\"7\"},\"body\":{\"n\":9007199254740993}},"
                       "\"error\":null,\"metadata\":{\"k\":1.10},\"weir\":{\"line\":1,\"outcome\":\"succeeded\","
                       "\"attempts\":1,\"sent_at\":\"2026-01-02T03:04:05.678Z\",\"queue_ms\":0.1,\"permit_ms\":0,"
                       "\"connect_ms\":0.2,\"ttfb_ms\":1.5,\"total_ms\":2.1}");
}

static void a_job_that_was_never_sent(void **state)
{
    const struct weir__resultline line = {
        .line = 18446744073709551615u,
        .outcome = WEIR_OUTCOME_FAILED,
        .error_code = "bad_line",
        .error_message = "column 17: expected \",\" or \"}\"",
    };

    (void)state;
    assert_line(&line, "{\"custom_id\":\"18446744073709551615\",\"response\":null,\"error\":{\"code\":\"bad_line\","
                       "\"message\":\"column 17: expected \\\",\\\" or \\\"}\\\"\"},\"weir\":{\"line\":"
                       "18446744073709551615,\"outcome\":\"failed\",\"attempts\":0,\"sent_at\":null,\"queue_ms\":0,"
                       "\"permit_ms\":0,\"connect_ms\":0,\"ttfb_ms\":null,\"total_ms\":0}");
}

static void an_attempt_without_an_answer(void **state)
{
    struct weir_result result = answered(NULL, 0, NULL);
    const struct weir__resultline line = {.line = 3, .bodies = true, .result = &result};

    (void)state;
    result.outcome = WEIR_OUTCOME_UNKNOWN;
    result.error = WEIR_ERROR_TIMEOUT;
    result.http_status = 0;
    result.ttfb_ns = 0;
    result.total_ns = INT64_C(60000123456);
    assert_line(&line, "{\"custom_id\":\"3\",\"response\":null,\"error\":{\"code\":\"timeout\",\"message\":\"the "
                       "attempt's time ran out\"},\"weir\":{\"line\":3,\"outcome\":\"unknown\",\"attempts\":1,"
                       "\"sent_at\":\"2026-01-02T03:04:05.678Z\",\"queue_ms\":0.1,\"permit_ms\":0,\"connect_ms\":0.2,"
                       "\"ttfb_ms\":null,\"total_ms\":60000.124}");
}

static void figures_at_their_ends(void **state)
{
    struct weir_result result = answered(NULL, 0, "");
    char *text;

    (void)state;
    result.attempts = UINT32_MAX;
    result.sent_at_ns = INT64_MAX;
    result.queue_ns = result.permit_ns = result.connect_ns = result.ttfb_ns = result.total_ns = INT64_MAX;
    text = write_result(&result);
    assert_non_null(strstr(text, "\"attempts\":4294967295,\"sent_at\":\"2262-04-11T23:47:16.854Z\",\"queue_ms\":"
                                 "9223372036854.776,\"permit_ms\":9223372036854.776,"));
    free(text);
    result.queue_ns = result.permit_ns = result.connect_ns = result.ttfb_ns = result.total_ns = INT64_MIN;
    assert_has(&result, "\"queue_ms\":0,\"permit_ms\":0,\"connect_ms\":0,\"ttfb_ms\":0,\"total_ms\":0}");
    result.queue_ns = 1;
    result.permit_ns = 10000;
    result.connect_ns = 1230000;
    result.ttfb_ns = INT64_C(10000000000);
    result.total_ns = 20001001;
    assert_has(&result, "\"queue_ms\":0.001,\"permit_ms\":0.01,\"connect_ms\":1.23,\"ttfb_ms\":10000,"
                        "\"total_ms\":20.002}");
}

static void custom_id_is_any_text(void **state)
{
    const struct weir__resultline line = {
        .line = 1, .custom_id = "a\0\"\\\n\xc3\xa9\x1b", .custom_id_size = 8, .outcome = WEIR_OUTCOME_SUCCEEDED};
    char *text = write_line(&line);

    (void)state;
    assert_ptr_equal(strstr(text, "{\"custom_id\":\"a\\u0000\\\"\\\\\\n\xc3\xa9\\u001b\",\"response\":null,"), text);
    free(text);
}

static void lines_are_appended(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    const struct weir_result result = answered(&json_type, 1, "[\n]");
    const struct weir__resultline line = {.line = 1, .bodies = true, .result = &result};
    struct weir__journalline read;
    size_t size;

    (void)state;
    weir__resultline_write(&writer, &line);
    size = writer.size;
    weir__resultline_write(&writer, &line);
    assert_int_equal(writer.size, 2 * size);
    assert_memory_equal(writer.text, writer.text + size, size);
    weir__journalline_read(writer.text + size, size - 1, &read);
    assert_int_equal(read.kind, WEIR__JOURNALLINE_RESULT);
    weir__writer_clear(&writer);
}

/* ------------------------------------------------------------------------------------------------------------ errors
 */

static void an_error_says_what_it_knows(void **state)
{
    struct weir_result result = answered(NULL, 0, "");

    (void)state;
    result.outcome = WEIR_OUTCOME_FAILED;
    result.error = WEIR_ERROR_STATUS;
    result.http_status = 503;
    assert_has(&result, "\"error\":{\"code\":\"http_status\",\"message\":\"HTTP status 503\"}");
    result.detail = NULL;
    assert_has(&result, "\"error\":{\"code\":\"http_status\",\"message\":\"HTTP status 503\"}");
    result.error = WEIR_ERROR_CONNECTION_LOST;
    result.detail = "after 12 \"bytes\"";
    assert_has(&result, "\"error\":{\"code\":\"connection_lost\",\"message\":\"after 12 \\\"bytes\\\"\"}");
}

static void every_error_has_a_message(void **state)
{
    struct weir_result result = answered(NULL, 0, "");

    (void)state;
    result.outcome = WEIR_OUTCOME_FAILED;
    result.http_status = 0;
    for (int error = 0; error < WEIR_ERROR_COUNT; error++) {
        char expected[64], *text;
        result.error = (enum weir_error)error;
        text = write_result(&result);
        (void)snprintf(expected, sizeof expected, "\"error\":{\"code\":\"%s\",\"message\":\"",
                       weir_error_code(result.error));
        if (strstr(text, expected) == NULL || strstr(text, "\"message\":\"\"") != NULL ||
            strstr(text, "\"message\":\"?\"") != NULL)
            fail_msg("error %d: %s", error, text);
        free(text);
    }
}

/* ----------------------------------------------------------------------------------------------------------- headers
 */

static void headers_are_lower_case_and_joined(void **state)
{
    const struct weir_header headers[] = {
        {"Via", "1.1 a"}, {"VARY", "x"}, {"via", "1.1 \"b\""}, {"X-\x01\xc3\x89", "\xff"}, {"Empty", ""}, {"vIA", ""},
    };
    const struct weir_result result = answered(headers, 6, "");

    (void)state;
    assert_has(&result, "\"headers\":{\"via\":\"1.1 a, 1.1 \\\"b\\\", \",\"vary\":\"x\",\"x-\\u0001\xc3\x89\":"
                        "\"\xef\xbf\xbd\",\"empty\":\"\"},\"body\":\"\"}");
}

static void secrets_are_starred(void **state)
{
    const struct weir_header headers[] = {
        {"Set-Cookie", "sid=CANARY"},
        {"SET-COOKIE", "b=CANARY"},
        {"set-cookie2", "CANARY"},
        {"Cookie", "CANARY"},
        {"Authorization", "CANARY"},
        {"proxy-AUTHORIZATION", "CANARY"},
        {"WWW-Authenticate", "Basic realm=\"x\""},
        {"Set-Cookies", "shown"},
    };
    const struct weir_result result = answered(headers, 8, "");
    char *text = write_result(&result);

    (void)state;
    assert_null(strstr(text, "CANARY"));
    assert_non_null(strstr(text, "\"headers\":{\"set-cookie\":\"***\",\"set-cookie2\":\"***\",\"cookie\":\"***\","
                                 "\"authorization\":\"***\",\"proxy-authorization\":\"***\",\"www-authenticate\":"
                                 "\"Basic realm=\\\"x\\\"\",\"set-cookies\":\"shown\"}"));
    free(text);
}

/* Only of an authority, and only where the field has URLs: every other "@" stays. */
static void userinfo_in_urls_of_headers_is_starred(void **state)
{
    static const struct {
        const char *name, *value, *written;
    } cases[] = {
        {"Location", "https://me:CANARY@example.test/a@b?c@d#e@f", "https://***@example.test/a@b?c@d#e@f"},
        {"location", "//CANARY@[::1]:8080", "//***@[::1]:8080"},
        {"LOCATION", " HTTP+x-1.0://me:CANARY@CANARY@h", " HTTP+x-1.0://***@h"},
        {"Location", "https://me:CAN,A;R Y'\\<\">@h/x", "https://***@h/x"},
        {"Location", "https://h/a@b", "https://h/a@b"},
        {"Location", "https://h?a@b", "https://h?a@b"},
        {"Location", "https://h#a@b", "https://h#a@b"},
        {"Location", "/a//b@c", "/a//b@c"},
        {"Location", "/login?next=https://b@c/", "/login?next=https://b@c/"},
        {"Location", "mailto:a@b", "mailto:a@b"},
        {"Location", "https://@h/", "https://@h/"},
        {"Location", "a@b", "a@b"},
        {"Content-Location", "ftp://CANARY@h/", "ftp://***@h/"},
        {"Refresh", "5; url=https://me:CANARY@h/a@b", "5; url=https://***@h/a@b"},
        {"Refresh", "0.5,URL = 'https://me:CANARY@h/'", "0.5,URL = 'https://***@h/'"},
        {"Refresh", "0;https://CANARY@h", "0;https://***@h"},
        {"Refresh", "5", "5"},
        {"Refresh", "5; url=/a@b", "5; url=/a@b"},
        {"Link", "<https://CANARY@h/a@b>; rel=next, < //C:CANARY@i>; title=\"a@b\"",
         "<https://***@h/a@b>; rel=next, < //***@i>; title=\"a@b\""},
        {"Link", "</x>; rel=\"x y\"; anchor=\"https://CANARY@h\"", "</x>; rel=\"x y\"; anchor=\"https://***@h\""},
        {"Link", "<//<//CANARY@h>, <//h>; x=a@b, <", "<//<//***@h>, <//h>; x=a@b, <"},
        {"Link", "<//c@>,<//c@>,<//c@>,<//c@>,<//c@>", "<//***@>,<//***@>,<//***@>,<//***@>,<//***@>"},
        {"X-Location", "https://shown@h/", "https://shown@h/"},
        {"Via", "a@b", "a@b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weir_header headers[] = {{cases[i].name, cases[i].value}, {cases[i].name, cases[i].value}};
        const struct weir_result result = answered(headers, 2, ""); /* joined ones, too */
        struct weir__writer both = WEIR__WRITER_INIT;
        char joined[512];
        (void)snprintf(joined, sizeof joined, "%s, %s", cases[i].written, cases[i].written);
        weir__writer_bytes(&both, NULL, joined, strlen(joined));
        assert_has(&result, both.text);
        weir__writer_clear(&both);
    }
}

/* As many as a header section holds: each name once, in bounded time. */
static void many_headers(void **state)
{
    enum { COUNT = 8000 };
    struct weir_header *headers = calloc(COUNT, sizeof *headers);
    char(*names)[16] = calloc(COUNT, sizeof *names), *text;
    struct weir_result result;
    size_t commas = 0;

    (void)state;
    assert_true(headers != NULL && names != NULL);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "H%d", i / 2);
        headers[i].name = names[i];
        headers[i].value = "v";
    }
    result = answered(headers, COUNT, "");
    text = write_result(&result);
    for (const char *c = strstr(text, "\"h0\":\"v, v\""); c != NULL; c = strstr(c + 1, ":\"v, v\""))
        commas++;
    assert_int_equal(commas, COUNT / 2 + 1); /* the first is found twice */
    free(text);
    free(names);
    free(headers);
}

/* ------------------------------------------------------------------------------------------------------------- bodies
 */

static void assert_body(const char *type, const char *body, size_t size, const char *expected)
{
    const struct weir_header header = {"content-type", type};
    struct weir_result result = answered(&header, 1, "");
    char *text, *found;

    result.body = body;
    result.body_size = size;
    text = write_result(&result);
    found = strstr(text, ",\"body\":");
    assert_non_null(found);
    if (strncmp(found + 8, expected, strlen(expected)) != 0 ||
        strncmp(found + 8 + strlen(expected), "},\"error\"", 9) != 0)
        fail_msg("%s: expected %s in %s", type, expected, found);
    free(text);
}

/* A literal and its size, NULs included. */
#define TEXT(literal) literal, sizeof(literal) - 1

static void json_stays_as_it_is(void **state)
{
    static const char *const types[] = {
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        " application/json ; x=\"y\"",
        "application/problem+json",
        "image/svg+JSON; a=b",
        "application/json,application/json",
    };

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_body(types[i], TEXT("{\"a\":[1e400,1.10,\"\\ud83d\\ude00\"]}"),
                    "{\"a\":[1e400,1.10,\"\\ud83d\\ude00\"]}");
    assert_body("application/json", TEXT("\"text\""), "\"text\"");
    assert_body("application/json", TEXT("null"), "null");
    assert_body("application/json", TEXT("\r\n{\n \"a\\n\":\t1,\r\n\"b\":[\n]\n}\n"), "{  \"a\\n\":\t1,  \"b\":[ ] }");
}

static void what_only_claims_to_be_json_is_text(void **state)
{
    (void)state;
    assert_body("application/json", TEXT("{\"a\":1"), "\"{\\\"a\\\":1\"");
    assert_body("application/json", TEXT("{} {}"), "\"{} {}\"");
    assert_body("application/json", TEXT("01"), "\"01\"");
    assert_body("application/json", TEXT("\xef\xbb\xbf{}"), "\"\xef\xbb\xbf{}\"");
    assert_body("application/json", TEXT(""), "\"\"");
    assert_body("application/json", TEXT("\"\xff\""), "\"Iv8i\",\"body_encoding\":\"base64\"");
    assert_body("application/json", TEXT("{}\0"), "\"{}\\u0000\"");
}

static void other_types_are_text(void **state)
{
    static const char *const types[] = {"text/plain",
                                        "",
                                        "text/json",
                                        "application/jsonp",
                                        "application/json-seq",
                                        "application/x-ndjson",
                                        "application/+json",
                                        "json",
                                        "+json",
                                        "a+json",
                                        "application/xjson",
                                        "text/html; +json",
                                        "text/html;a=application/json"};

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_body(types[i], TEXT("{\"a\":1}"), "\"{\\\"a\\\":1}\"");
}

static void text_is_escaped_whole(void **state)
{
    (void)state;
    assert_body("text/plain", TEXT("line\r\n\"q\" \\ \x7f \xc2\x9b \xe2\x80\xa8 \xf0\x9f\x98\x80 end of it"),
                "\"line\\r\\n\\\"q\\\" \\\\ \\u007f \\u009b \xe2\x80\xa8 \xf0\x9f\x98\x80 end of it\"");
    assert_body("text/plain", TEXT("a\0b"), "\"a\\u0000b\"");
    assert_body("text/plain", TEXT(""), "\"\"");
}

/* What becomes of one byte of ASCII in a string. */
static size_t escape(int byte, char out[8])
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    const char *control = byte != 0 ? strchr(controls, byte) : NULL;

    if (control != NULL)
        return (size_t)snprintf(out, 8, "\\%c", letters[control - controls]);
    if (byte < 0x20 || byte == 0x7f)
        return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)byte);
    return (size_t)snprintf(out, 8, byte == '"' || byte == '\\' ? "\\%c" : "%c", byte);
}

/* The fast look for text without escapes sees each byte in each place of a word. */
static void each_byte_in_each_place(void **state)
{
    (void)state;
    for (int byte = 0; byte < 128; byte++) {
        for (size_t place = 0; place < 20; place++) {
            char body[20], escaped[8], expected[64];
            const size_t escaped_size = escape(byte, escaped);
            memset(body, 'x', sizeof body);
            body[place] = (char)byte;
            memset(expected, 'x', sizeof expected);
            expected[0] = '"';
            memcpy(expected + 1 + place, escaped, escaped_size);
            expected[20 + escaped_size] = '"';
            expected[21 + escaped_size] = '\0';
            assert_body("text/plain", body, sizeof body, expected);
        }
    }
}

static void other_bytes_are_base64(void **state)
{
    static char body[3100], expected[4200];

    (void)state;
    memset(body, 0xff, sizeof body);
    for (size_t size = 3060; size < 3090; size++) { /* around the end of a chunk */
        expected[0] = '"';
        weir__base64_encode(body, size, expected + 1);
        (void)snprintf(expected + 1 + weir__base64_size(size), 64, "\",\"body_encoding\":\"base64\"");
        assert_body("text/plain", body, size, expected);
        assert_int_equal(strlen(expected), weir__base64_size(size) + 27);
    }
    assert_body("text/plain", TEXT("\xed\xa0\x80"), "\"7aCA\",\"body_encoding\":\"base64\"");
    assert_body("text/plain", TEXT("12345678\xc3"), "\"MTIzNDU2NzjD\",\"body_encoding\":\"base64\"");
}

/* A body as deep as the scanner goes stands deeper in its line, which is read all the same. */
static void depth_of_bodies(void **state)
{
    for (size_t depth = WEIR__SCAN_DEPTH_MAX - 3; depth <= WEIR__SCAN_DEPTH_MAX + 1; depth++) {
        char body[160], expected[180];
        memset(body, '[', depth);
        memset(body + depth, ']', depth);
        body[2 * depth] = '\0';
        (void)snprintf(expected, sizeof expected, depth <= WEIR__SCAN_DEPTH_MAX ? "%s" : "\"%s\"", body);
        assert_body("application/json", body, 2 * depth, expected);
    }
    (void)state;
}

static void bodies_can_be_left_out(void **state)
{
    struct weir_result result = answered(&text_type, 1, "text");
    struct weir__resultline line = {.line = 1, .bodies = false, .result = &result};
    char *text = write_line(&line);

    (void)state;
    assert_null(strstr(text, "\"body\""));
    assert_non_null(strstr(text, "\"headers\":{\"content-type\":\"text/plain\"}},\"error\""));
    free(text);
    line.bodies = true;
    result.body = NULL; /* counted and dropped */
    text = write_line(&line);
    assert_null(strstr(text, "\"body\""));
    free(text);
    result.body_size = 0;
    assert_has(&result, "\"body\":\"\"");
}

static void metadata_keeps_to_its_line(void **state)
{
    const struct weir__resultline line = {
        .line = 1, .metadata = "{\"a\":\r[1e400, \"\\n\"]}", .metadata_size = 20, .outcome = WEIR_OUTCOME_SUCCEEDED};
    char *text = write_line(&line);

    (void)state;
    assert_non_null(strstr(text, "\"error\":null,\"metadata\":{\"a\": [1e400, \"\\n\"]},\"weir\":{"));
    free(text);
}

static void a_failed_writer_stays_one(void **state)
{
    struct weir__writer writer = WEIR__WRITER_INIT;
    const struct weir_header headers[] = {text_type, text_type};
    const struct weir_result result = answered(headers, 2, "\xff");
    const struct weir__resultline line = {.line = 1, .bodies = true, .result = &result};

    (void)state;
    writer.failed = true;
    weir__resultline_write(&writer, &line);
    assert_true(writer.failed);
    assert_int_equal(writer.size, 0);
    weir__writer_clear(&writer);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_success_in_full),
        cmocka_unit_test(a_job_that_was_never_sent),
        cmocka_unit_test(an_attempt_without_an_answer),
        cmocka_unit_test(figures_at_their_ends),
        cmocka_unit_test(custom_id_is_any_text),
        cmocka_unit_test(lines_are_appended),
        cmocka_unit_test(an_error_says_what_it_knows),
        cmocka_unit_test(every_error_has_a_message),
        cmocka_unit_test(headers_are_lower_case_and_joined),
        cmocka_unit_test(secrets_are_starred),
        cmocka_unit_test(userinfo_in_urls_of_headers_is_starred),
        cmocka_unit_test(many_headers),
        cmocka_unit_test(json_stays_as_it_is),
        cmocka_unit_test(what_only_claims_to_be_json_is_text),
        cmocka_unit_test(other_types_are_text),
        cmocka_unit_test(text_is_escaped_whole),
        cmocka_unit_test(each_byte_in_each_place),
        cmocka_unit_test(other_bytes_are_base64),
        cmocka_unit_test(depth_of_bodies),
        cmocka_unit_test(bodies_can_be_left_out),
        cmocka_unit_test(metadata_keeps_to_its_line),
        cmocka_unit_test(a_failed_writer_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
