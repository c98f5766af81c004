/* What must not reach the wire: weir__transport_check as a table. */
#include "http/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define URL "http://h.example/x"

static const struct {
    const char *method, *url, *name, *value; /* name NULL: no header */
    const char *said;                        /* a part of the text; NULL: fine */
} cases[] = {
    {"GET", URL, NULL, NULL, NULL},
    {"M-SEARCH", "HTTPS://u:p@h.example:8443/x?y#z", "X-A_b.c", "a b\tc; \"d\" \xc3\xa9", NULL},
    {"GET", "http://[::1]:80/", "x", "", NULL},
    {"GET", "http://h", "x", "y", NULL},
    {"GET", "http://h?q", NULL, NULL, NULL},
    {"GET", "http://h:/", NULL, NULL, NULL},
    {"GET", "http://h/\xc3\xa9", NULL, NULL, NULL},

    {"", URL, NULL, NULL, "method"},
    {NULL, URL, NULL, NULL, "method"},
    {"GET\r\nX: y", URL, NULL, NULL, "method"},
    {"GET ", URL, NULL, NULL, "method"},
    {"get", URL, NULL, NULL, "capitals"},
    {"CONNECT", URL, NULL, NULL, "CONNECT"},

    {"GET", NULL, NULL, NULL, "missing"},
    {"GET", "", NULL, NULL, "absolute"},
    {"GET", "/x", NULL, NULL, "absolute"},
    {"GET", "h.example/x", NULL, NULL, "absolute"},
    {"GET", "ftp://h/x", NULL, NULL, "absolute"},
    {"GET", "file:///etc/passwd", NULL, NULL, "absolute"},
    {"GET", "http:/h", NULL, NULL, "absolute"},
    {"GET", "http://", NULL, NULL, "no host"},
    {"GET", "http:///x", NULL, NULL, "no host"},
    {"GET", "http://u@/x", NULL, NULL, "no host"},
    {"GET", "http://:80/x", NULL, NULL, "no host"},
    {"GET", "http://h:65536/", NULL, NULL, "port"},
    {"GET", "http://h:8a/", NULL, NULL, "port"},
    {"GET", "http://[::1/", NULL, NULL, "bracket"},
    {"GET", "http://h/a b", NULL, NULL, "space"},
    {"GET", "http://h/a\r\nX: y", NULL, NULL, "control"},
    {"GET", "http://h/a\x7f", NULL, NULL, "control"},
    {"GET", "http://h/a\tb", NULL, NULL, "control"},

    {"GET", URL, "", "v", "name"},
    {"GET", URL, NULL, "v", "name"},
    {"GET", URL, "a b", "v", "name"},
    {"GET", URL, "a:", "v", "name"},
    {"GET", URL, "a;", "v", "name"},
    {"GET", URL, "a\r\nb", "v", "name"},
    {"GET", URL, "a\xc3\xa9", "v", "name"},
    {"GET", URL, "a", NULL, "no value"},
    {"GET", URL, "a", "v\r\nb: c", "control"},
    {"GET", URL, "a", "v\n", "control"},
    {"GET", URL, "a", "v\r", "control"},
    {"GET", URL, "a", "\x01", "control"},
    {"GET", URL, "a", "\x1b[31m", "control"},
    {"GET", URL, "a", "\x7f", "control"},
    {"POST", URL, "transfer-encoding", "chunked", "Transfer-Encoding"},
};

static void requests_are_passed_or_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct weir_header header = {cases[i].name, cases[i].value};
        const char *said =
            weir__transport_check(cases[i].method, cases[i].url, &header, cases[i].name || cases[i].value);
        bool good = cases[i].said ? said && strstr(said, cases[i].said) : !said;
        if (!good)
            fail_msg("case %zu (%s): said \"%s\", expected \"%s\"", i, cases[i].url ? cases[i].url : "NULL",
                     said ? said : "nothing", cases[i].said ? cases[i].said : "nothing");
    }
}

/* The limits themselves are inclusive. */
static void sizes_are_limited(void **state)
{
    (void)state;
    char *text = malloc(WEIR_URL_MAX_SIZE + 2);
    assert_non_null(text);
    memset(text, 'a', WEIR_URL_MAX_SIZE + 1);
    memcpy(text, "http://", 7);
    text[WEIR_URL_MAX_SIZE] = '\0';
    assert_null(weir__transport_check("GET", text, NULL, 0));
    memcpy(text + WEIR_URL_MAX_SIZE, "a", 2);
    assert_non_null(weir__transport_check("GET", text, NULL, 0));

    struct weir_header headers[2] = {{"x", text}, {"y", ""}};
    text[WEIR_HEADERS_MAX_SIZE - 5 - 5] = '\0'; /* "x: " CRLF, "y: " CRLF */
    assert_null(weir__transport_check("GET", URL, headers, 2));
    headers[1].value = "1";
    assert_string_equal(weir__transport_check("GET", URL, headers, 2), "the header fields are too large together");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_passed_or_refused_with_a_reason),
        cmocka_unit_test(sizes_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
