/*
 * date: the three forms of HTTP-date and RFC 3339 are read as the calendar has them, and nothing else is.
 */
#include "base/clock.h"
#include "base/random.h"
#include "policy/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define S WEIR__NS_PER_S
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW_NS (INT64_C(1767323045) * S) /* 2026-01-02T03:04:05Z */

struct reading {
    const char *text;
    int64_t s; /* since 1970 */
    int64_t ns;
};

static void check_http(const char *text, int64_t now_ns, bool valid, int64_t wanted_ns)
{
    int64_t ns = -7;
    const bool read = weir__date_parse_http(text, strlen(text), now_ns, &ns);

    if (read != valid || ns != (valid ? wanted_ns : -7))
        fail_msg("\"%s\": read %d, %lld ns, wanted %lld", text, read, (long long)ns, (long long)wanted_ns);
}

static void check_rfc3339(const char *text, bool valid, int64_t wanted_ns)
{
    int64_t ns = -7;
    const bool read = weir__date_parse_rfc3339(text, strlen(text), &ns);

    if (read != valid || ns != (valid ? wanted_ns : -7))
        fail_msg("\"%s\": read %d, %lld ns, wanted %lld", text, read, (long long)ns, (long long)wanted_ns);
}

static void http_dates_are_read_in_all_three_forms(void **state)
{
    static const struct reading readings[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777, 0},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777, 0},
        {"Sun Nov  6 08:49:37 1994", 784111777, 0},
        {"Wed Nov 16 08:49:37 1994", 784975777, 0},
        {"sun, 06 nov 1994 08:49:37 gmt", 784111777, 0},
        {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777, 0}, /* a wrong day of the week harms nobody */
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0, 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1, 0},
        {"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000, 0},
        {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400, 0},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800, 0}, /* a leap second */
        {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(readings); i++)
        check_http(readings[i].text, NOW_NS, true, readings[i].s * S);
}

static void what_is_no_http_date_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "Sun",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Okt 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 08:49:37 GMT",
        "Thu, 29 Feb 1900 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 30-Feb-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37 94",
        "1994-11-06T08:49:37Z",
        "784111777",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        check_http(texts[i], NOW_NS, false, 0);
}

/* RFC 9110, 5.6.7: what would be more than 50 years ahead is the most recent past year with these digits. */
static void years_of_two_digits_are_at_most_50_years_ahead(void **state)
{
    (void)state;
    check_http("Wednesday, 01-Jan-75 00:00:00 GMT", NOW_NS, true, INT64_C(3313526400) * S); /* 2075 */
    check_http("Thursday, 01-Jan-76 00:00:00 GMT", NOW_NS, true, INT64_C(3345062400) * S);  /* 2076: a day less */
    check_http("Saturday, 01-Jan-77 00:00:00 GMT", NOW_NS, true, INT64_C(220924800) * S);   /* 1977 */
    check_http("Friday, 31-Dec-99 23:59:59 GMT", NOW_NS, true, INT64_C(946684799) * S);     /* 1999 */
    check_http("Saturday, 01-Jan-00 00:00:00 GMT", NOW_NS, true, INT64_C(946684800) * S);   /* 2000 */
    check_http("Friday, 02-Jan-26 03:04:05 GMT", NOW_NS, true, NOW_NS);
    check_http("Friday, 01-Jan-10 00:00:00 GMT", INT64_C(2840140800) * S, true,
               INT64_C(4417977600) * S); /* 2060: 2110 */
}

static void rfc_3339_is_read_with_fraction_and_offset(void **state)
{
    static const struct reading readings[] = {
        {"1994-11-06T08:49:37Z", 784111777, 0},
        {"1994-11-06t08:49:37z", 784111777, 0},
        {"1994-11-06 08:49:37Z", 784111777, 0},
        {"1994-11-06T08:49:37.5Z", 784111777, 500000000},
        {"1994-11-06T08:49:37.123456789Z", 784111777, 123456789},
        {"1994-11-06T08:49:37.1234567899999Z", 784111777, 123456789},
        {"1994-11-06T08:49:37+00:00", 784111777, 0},
        {"1994-11-06T08:49:37-00:00", 784111777, 0},
        {"1994-11-06T09:49:37+01:00", 784111777, 0},
        {"1994-11-06T03:19:37.25-05:30", 784111777, 250000000},
        {"2016-12-31T23:59:60Z", 1483228800, 0},
        {"1937-01-01T12:00:27.87+00:20", -1041337173, 870000000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(readings); i++)
        check_rfc3339(readings[i].text, true, readings[i].s * S + readings[i].ns);
}

static void what_is_not_rfc_3339_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "1994",
        "1994-11-06",
        "1994-11-06T08:49:37",
        "1994-11-06T08:49Z",
        "1994-11-06T08:49:37.Z",
        "1994-11-06T08:49:37,5Z",
        "1994-11-06T08:49:37Z ",
        "1994-11-06T08:49:37+0100",
        "1994-11-06T08:49:37+01",
        "1994-11-06T08:49:37+24:00",
        "1994-11-06T08:49:37+01:60",
        "1994-13-06T08:49:37Z",
        "1994-00-06T08:49:37Z",
        "1994-02-29T08:49:37Z",
        "1994-11-06T24:49:37Z",
        "94-11-06T08:49:37Z",
        "-1994-11-06T08:49:37Z",
        "1994/11/06T08:49:37Z",
        "19941106T084937Z",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        check_rfc3339(texts[i], false, 0);
}

/* Differences of any two must not overflow. */
static void far_moments_are_clamped(void **state)
{
    (void)state;
    check_http("Fri, 31 Dec 9999 23:59:59 GMT", NOW_NS, true, WEIR__DATE_MAX_NS);
    check_http("Sat, 01 Jan 0000 00:00:00 GMT", NOW_NS, true, -WEIR__DATE_MAX_NS);
    check_rfc3339("9999-12-31T23:59:60.999999999-23:59", true, WEIR__DATE_MAX_NS);
    check_rfc3339("0000-01-01T00:00:00+23:59", true, -WEIR__DATE_MAX_NS);
    assert_int_equal(weir__date_clamp(INT64_MAX, 999999999), WEIR__DATE_MAX_NS);
    assert_int_equal(weir__date_clamp(INT64_MIN, 0), -WEIR__DATE_MAX_NS);
}

/* The calendar is our own arithmetic: the C library's is the judge, over all days and some thousand moments. */
static void the_calendar_agrees_with_the_c_library(void **state)
{
    uint64_t seed = 42;
    (void)state;
    for (int64_t day = -50000; day < 50000; day++) { /* 1833 to 2106 */
        const time_t s = (time_t)(day * 86400 + weir__random_below(&seed, 86400));
        struct tm tm;
        char text[64];
        assert_non_null(gmtime_r(&s, &tm));
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        check_http(text, NOW_NS, true, s * S);
        strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &tm);
        check_http(text, NOW_NS, true, s * S);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        check_rfc3339(text, true, s * S);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_dates_are_read_in_all_three_forms),
        cmocka_unit_test(what_is_no_http_date_is_refused),
        cmocka_unit_test(years_of_two_digits_are_at_most_50_years_ahead),
        cmocka_unit_test(rfc_3339_is_read_with_fraction_and_offset),
        cmocka_unit_test(what_is_not_rfc_3339_is_refused),
        cmocka_unit_test(far_moments_are_clamped),
        cmocka_unit_test(the_calendar_agrees_with_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
