/*
 * units: what people write is read exactly or refused as a whole, and what weir prints it also reads.
 */
#include "base/clock.h"
#include "base/random.h"
#include "base/units.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S WEIR__NS_PER_S
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* One text and what it means; a negative value: it must be refused, and the out parameter left alone. */
struct reading {
    const char *text;
    int64_t value;
};

static void check_durations(const struct reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t ns = -7;
        const bool read = weir__units_parse_duration(readings[i].text, &ns);
        if (read != (readings[i].value >= 0) || ns != (read ? readings[i].value : -7))
            fail_msg("\"%s\": read %d, %lld ns, wanted %lld", readings[i].text, read, (long long)ns,
                     (long long)readings[i].value);
    }
}

static void durations_are_read_exactly(void **state)
{
    static const struct reading readings[] = {
        {"250ms", 250000000},
        {"1s", S},
        {"1.5s", 3 * S / 2},
        {"0.1s", 100000000},
        {"0.000000001s", 1},
        {"2m", 120 * S},
        {"2min", 120 * S},
        {"1h", 3600 * S},
        {"1d", 86400 * S},
        {"10us", 10000},
        {"5ns", 5},
        {"60", 60 * S},
        {"0.25", 250000000},
        {"0", 0},
        {"0s", 0},
        {"0.1d", 8640 * S},
        {"1.000000001h", 3600 * S + 3600},
        {"366d", WEIR__DURATION_MAX_NS},
        {"31622400", WEIR__DURATION_MAX_NS},
        {"007s", 7 * S},
    };
    (void)state;
    check_durations(readings, COUNT(readings));
}

static void what_is_not_wholly_a_duration_is_refused(void **state)
{
    static const struct reading readings[] = {
        {"", -1},     {"s", -1},   {"-1s", -1}, {"+1s", -1},    {" 1s", -1},   {"1s ", -1},
        {"1 s", -1},  {".5s", -1}, {"1.s", -1}, {"1.5.5s", -1}, {"1,5s", -1},  {"1e3s", -1},
        {"0x10", -1}, {"1S", -1},  {"1Ms", -1}, {"1m30s", -1},  {"1sec", -1},  {"inf", -1},
        {"nan", -1},  {"1w", -1},  {"--1", -1}, {"1_000s", -1}, {"1ms\n", -1},
    };
    (void)state;
    check_durations(readings, COUNT(readings));
}

static void durations_past_the_maximum_are_refused(void **state)
{
    static const struct reading readings[] = {
        {"366.0000001d", -1},
        {"31622400.000000001", -1},
        {"367d", -1},
        {"9223372036854775807ns", -1},
        {"9223372036854775808ns", -1},
        {"18446744073709551617ns", -1},
        {"99999999999999999999999999999999999999d", -1},
        {"9999999999999999d", -1},
    };
    (void)state;
    check_durations(readings, COUNT(readings));
}

static void sizes_know_both_kinds_of_prefix(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
        bool good;
    } sizes[] = {
        {"512", 512, true},
        {"0", 0, true},
        {"64KiB", 65536, true},
        {"64K", 65536, true},
        {"16MiB", UINT64_C(16) << 20, true},
        {"16M", UINT64_C(16) << 20, true},
        {"1GiB", UINT64_C(1) << 30, true},
        {"1G", UINT64_C(1) << 30, true},
        {"1.5GiB", UINT64_C(3) << 29, true},
        {"10kB", 10000, true},
        {"10MB", 10000000, true},
        {"2GB", UINT64_C(2000000000), true},
        {"9223372036854MB", UINT64_C(9223372036854000000), true},
        {"9223372036854.9MB", 0, false}, /* 2^63 lies between these two */
        {"8589934591GiB", (UINT64_C(8589934591) << 30), true},
        {"8589934592GiB", 0, false},
        {"99999999999999999999GiB", 0, false},
        {"64kib", 0, false},
        {"64 KiB", 0, false},
        {"-1", 0, false},
        {"", 0, false},
        {"KiB", 0, false},
        {"1TB", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t bytes = 4711;
        const bool read = weir__units_parse_size(sizes[i].text, &bytes);
        if (read != sizes[i].good || bytes != (read ? sizes[i].bytes : 4711))
            fail_msg("\"%s\": read %d, %llu bytes, wanted %llu", sizes[i].text, read, (unsigned long long)bytes,
                     (unsigned long long)sizes[i].bytes);
    }
}

static void counts_take_underscores_between_digits_and_no_more_than_the_maximum(void **state)
{
    static const struct {
        const char *text;
        uint64_t max, value;
        bool good;
    } counts[] = {
        {"0", 0, 0, true},
        {"1", 0, 0, false},
        {"9", 5, 0, false},
        {"200", 200, 200, true},
        {"201", 200, 0, false},
        {"1_000_000", 1000000, 1000000, true},
        {"1000000", 1000000, 1000000, true},
        {"1000001", 1000000, 0, false},
        {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
        {"18446744073709551616", UINT64_MAX, 0, false},
        {"99999999999999999999999", UINT64_MAX, 0, false},
        {"4_294_967_295", UINT32_MAX, UINT32_MAX, true},
        {"4294967296", UINT32_MAX, 0, false},
        {"0000000000000000000000000007", 9, 7, true},
        {"_1", 10, 0, false},
        {"1_", 10, 0, false},
        {"1__0", 10, 0, false},
        {"", 10, 0, false},
        {"+1", 10, 0, false},
        {"-1", 10, 0, false},
        {"1.0", 10, 0, false},
        {"1e1", 10, 0, false},
        {" 1", 10, 0, false},
        {"1 ", 10, 0, false},
        {"0x1", 10, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        uint64_t value = 4711;
        const bool read = weir__units_parse_count(counts[i].text, counts[i].max, &value);
        if (read != counts[i].good || value != (read ? counts[i].value : 4711))
            fail_msg("\"%s\" of at most %llu: read %d, %llu", counts[i].text, (unsigned long long)counts[i].max, read,
                     (unsigned long long)value);
    }
}

static void shares_are_fractions_or_percentages(void **state)
{
    static const struct {
        const char *text;
        double value; /* negative: refused */
    } shares[] = {
        {"0", 0},     {"1", 1},     {"0.2", 0.2}, {"20%", 0.2}, {"100%", 1}, {"0.5%", 0.005},
        {"1.01", -1}, {"101%", -1}, {"-0.1", -1}, {"", -1},     {"%", -1},   {"20 %", -1},
        {"20%%", -1}, {".5", -1},   {"0,5", -1},  {"nan", -1},  {"inf", -1}, {"1e-1", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(shares); i++) {
        double value = -7;
        const bool read = weir__units_parse_share(shares[i].text, &value);
        const double wanted = read ? shares[i].value : -7;
        if (read != (shares[i].value >= 0) || value < wanted - 1e-12 || value > wanted + 1e-12)
            fail_msg("\"%s\": read %d, %g, wanted %g", shares[i].text, read, value, wanted);
    }
}

static void rates_are_read_as_requests_in_a_period(void **state)
{
    static const struct {
        const char *text;
        uint32_t requests; /* 0: refused */
        int64_t per_ns;
    } rates[] = {
        {"100/s", 100, S},
        {"5000/h", 5000, 3600 * S},
        {"10/250ms", 10, 250000000},
        {"100/60s", 100, 60 * S},
        {"100/60", 100, 60 * S},
        {"1/d", 1, 86400 * S},
        {"30/m", 30, 60 * S},
        {"30/min", 30, 60 * S},
        {"1_000/s", 1000, S},
        {"4294967295/s", UINT32_MAX, S},
        {"4294967296/s", 0, 0},
        {"0/s", 0, 0},
        {"100/0s", 0, 0},
        {"100/", 0, 0},
        {"100", 0, 0},
        {"/s", 0, 0},
        {"", 0, 0},
        {"-1/s", 0, 0},
        {"1.5/s", 0, 0},
        {"1/-1s", 0, 0},
        {"100 / s", 0, 0},
        {"100/s/s", 0, 0},
        {"100/fortnight", 0, 0},
        {"99999999999999999999999999999999/s", 0, 0},
        {"100/367d", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rates); i++) {
        uint32_t requests = 4711;
        int64_t per_ns = -7;
        const bool read = weir__units_parse_rate(rates[i].text, &requests, &per_ns);
        if (read != (rates[i].requests != 0) || requests != (read ? rates[i].requests : 4711) ||
            per_ns != (read ? rates[i].per_ns : -7))
            fail_msg("\"%s\": read %d, %u in %lld ns", rates[i].text, read, requests, (long long)per_ns);
    }
}

static void durations_are_printed_in_the_largest_unit_that_is_exact(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } prints[] = {
        {0, "0s"},
        {1, "1ns"},
        {1000, "1us"},
        {1500, "1500ns"},
        {250000000, "250ms"},
        {S, "1s"},
        {3 * S / 2, "1500ms"},
        {60 * S, "1m"},
        {90 * S, "90s"},
        {3600 * S, "1h"},
        {86400 * S, "24h"},
        {S + 1, "1000000001ns"},
        {WEIR__DURATION_MAX_NS, "8784h"},
    };
    char text[32];
    (void)state;
    for (size_t i = 0; i < COUNT(prints); i++) {
        weir__units_format_duration(prints[i].ns, text, sizeof text);
        assert_string_equal(text, prints[i].text);
    }
}

/* Over values of every magnitude: the text reads back as the number. */
static void what_is_printed_reads_back_as_the_same(void **state)
{
    uint64_t seed = 1;
    char text[64];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        static const int64_t units[] = {1, 1000, 1000000, S, 60 * S, 3600 * S};
        const int64_t unit = units[weir__random_below(&seed, 6)];
        const int64_t ns = (1 + weir__random_below(&seed, WEIR__DURATION_MAX_NS / unit)) * unit;
        const uint32_t requests = (uint32_t)(1 + weir__random_below(&seed, UINT32_MAX));
        int64_t back_ns = -1, per_ns = -1;
        uint32_t back = 0;

        weir__units_format_duration(ns, text, sizeof text);
        if (!weir__units_parse_duration(text, &back_ns) || back_ns != ns)
            fail_msg("%lld ns was printed as \"%s\" and read as %lld", (long long)ns, text, (long long)back_ns);
        weir__units_format_rate(requests, ns, text, sizeof text);
        if (!weir__units_parse_rate(text, &back, &per_ns) || back != requests || per_ns != ns)
            fail_msg("%u in %lld ns was printed as \"%s\"", requests, (long long)ns, text);
    }
}

static void a_rate_is_named_with_its_period(void **state)
{
    char text[48];
    (void)state;
    weir__units_format_rate(100, S, text, sizeof text);
    assert_string_equal(text, "100/1s");
    weir__units_format_rate(5000, 3600 * S, text, sizeof text);
    assert_string_equal(text, "5000/1h");
    weir__units_format_rate(UINT32_MAX, WEIR__DURATION_MAX_NS - 1, text, sizeof text);
    assert_string_equal(text, "4294967295/31622399999999999ns");
}

static void elapsed_time_has_three_figures(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } prints[] = {
        {0, "0 us"},
        {1499, "1 us"},
        {850000, "850 us"},
        {999400, "999 us"},
        {999600, "1.00 ms"},
        {1234567, "1.23 ms"},
        {9996000, "10.0 ms"},
        {24100000, "24.1 ms"},
        {99960000, "100 ms"},
        {250300000, "250 ms"},
        {999400000, "999 ms"},
        {999600000, "1.00 s"},
        {3020000000, "3.02 s"},
        {9996000000, "10.0 s"},
        {59960000000, "60.0 s"},
        {99960000000, "1 min 39 s"},
        {125 * S, "2 min 05 s"},
        {3599 * S, "59 min 59 s"},
        {3600 * S, "1 h 00 min"},
        {90061 * S, "25 h 01 min"},
    };
    char text[32];
    (void)state;
    for (size_t i = 0; i < COUNT(prints); i++) {
        weir__units_format_elapsed(prints[i].ns, text, sizeof text);
        if (strcmp(text, prints[i].text) != 0)
            fail_msg("%lld ns: \"%s\", wanted \"%s\"", (long long)prints[i].ns, text, prints[i].text);
    }
}

/* A library must read the same in a host program that has called setlocale(). */
static void a_decimal_comma_in_the_locale_changes_nothing(void **state)
{
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8", "de_DE", "fr_FR"};
    const char *set = NULL;
    int64_t ns = 0;
    double share = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(commas) && set == NULL; i++)
        set = setlocale(LC_ALL, commas[i]);
    if (set == NULL)
        skip(); /* no such locale is installed */
    assert_true(weir__units_parse_duration("1.5s", &ns));
    assert_int_equal(ns, 3 * S / 2);
    assert_false(weir__units_parse_duration("1,5s", &ns));
    assert_true(weir__units_parse_share("0.25", &share));
    assert_true(share > 0.2499 && share < 0.2501);
    (void)setlocale(LC_ALL, "C");
}

static void a_short_buffer_is_never_overrun(void **state)
{
    char text[8] = "1234567";
    (void)state;
    weir__units_format_duration(WEIR__DURATION_MAX_NS - 1, text, 4);
    assert_int_equal(text[3], '\0');
    assert_string_equal(text + 4, "567");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_exactly),
        cmocka_unit_test(what_is_not_wholly_a_duration_is_refused),
        cmocka_unit_test(durations_past_the_maximum_are_refused),
        cmocka_unit_test(sizes_know_both_kinds_of_prefix),
        cmocka_unit_test(counts_take_underscores_between_digits_and_no_more_than_the_maximum),
        cmocka_unit_test(shares_are_fractions_or_percentages),
        cmocka_unit_test(rates_are_read_as_requests_in_a_period),
        cmocka_unit_test(durations_are_printed_in_the_largest_unit_that_is_exact),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(a_rate_is_named_with_its_period),
        cmocka_unit_test(elapsed_time_has_three_figures),
        cmocka_unit_test(a_decimal_comma_in_the_locale_changes_nothing),
        cmocka_unit_test(a_short_buffer_is_never_overrun),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
