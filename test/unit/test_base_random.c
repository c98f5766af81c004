/* Names that nobody else draws: their form, and that they differ. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define UUIDS 10000

static void a_uuid_has_the_form_of_version_4(void **state)
{
    static const char digits[] = "0123456789abcdef";
    (void)state;
    for (int round = 0; round < 1000; round++) {
        char uuid[WEIR__UUID_SIZE + 1];
        memset(uuid, '#', sizeof uuid);
        assert_true(weir__random_uuid(uuid));
        if (uuid[36] != '\0' || uuid[37] != '#' || strlen(uuid) != 36)
            fail_msg("\"%.38s\" is not 36 characters and a NUL", uuid);
        for (int i = 0; i < 36; i++) {
            const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
            if (dash ? uuid[i] != '-' : !strchr(digits, uuid[i]))
                fail_msg("character %d of %s", i, uuid);
        }
        if (uuid[14] != '4' || !strchr("89ab", uuid[19]))
            fail_msg("version or variant of %s", uuid);
    }
}

/* Every free bit is seen both ways: one that is stuck, or overwritten, would show. */
static void all_other_bits_vary(void **state)
{
    static const char digits[] = "0123456789abcdef";
    int seen[36] = {0}, always[36];
    (void)state;
    memset(always, 0xff, sizeof always);
    for (int round = 0; round < 1000; round++) {
        char uuid[WEIR__UUID_SIZE];
        assert_true(weir__random_uuid(uuid));
        for (int i = 0; i < 36; i++) {
            const char *digit = uuid[i] == '-' ? NULL : strchr(digits, uuid[i]);
            seen[i] |= digit ? (int)(digit - digits) : 0;
            always[i] &= digit ? (int)(digit - digits) : 0;
        }
    }
    for (int i = 0; i < 36; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const int any = dash ? 0 : i == 14 ? 4 : i == 19 ? 0xb : 0xf, fixed = i == 14 ? 4 : i == 19 ? 8 : 0;
        if (seen[i] != any || always[i] != fixed)
            fail_msg("digit %d: bits ever set %x, expected %x; always set %x, expected %x", i, (unsigned)seen[i],
                     (unsigned)any, (unsigned)always[i], (unsigned)fixed);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ten_thousand_differ(void **state)
{
    static char uuids[UUIDS][WEIR__UUID_SIZE];
    (void)state;
    for (size_t i = 0; i < UUIDS; i++)
        assert_true(weir__random_uuid(uuids[i]));
    qsort(uuids, UUIDS, sizeof uuids[0], by_text);
    for (size_t i = 1; i < UUIDS; i++)
        if (strcmp(uuids[i - 1], uuids[i]) == 0)
            fail_msg("%s came twice", uuids[i]);
}

/* What simulations and tests lean on: the published splitmix64, seeded with 1234567. */
static void a_seed_gives_the_published_sequence(void **state)
{
    static const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                        UINT64_C(9817491932198370423)};
    uint64_t seed = 1234567;
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(weir__random_next(&seed), expected[i]);
}

static void draws_stay_in_their_range(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_in_range(weir__random_below(&seed, 7), 0, 6);
        const double unit = weir__random_unit(&seed);
        assert_true(unit >= 0 && unit < 1);
    }
    assert_int_equal(weir__random_below(&seed, 0), 0);
    assert_int_equal(weir__random_below(&seed, -5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uuid_has_the_form_of_version_4),
        cmocka_unit_test(all_other_bits_vary),
        cmocka_unit_test(ten_thousand_differ),
        cmocka_unit_test(a_seed_gives_the_published_sequence),
        cmocka_unit_test(draws_stay_in_their_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
