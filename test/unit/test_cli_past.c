/* A row of bits: what was set is there, what was not is not, and distance costs no time. */
#include "cli/past.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void bits_are_as_they_were_set(void **state)
{
    struct weir__bits bits = {0};

    (void)state;
    for (uint64_t i = 0; i < 100000; i += 7)
        assert_true(weir__bits_set(&bits, i, true));
    for (uint64_t i = 0; i < 100000; i += 21)
        assert_true(weir__bits_set(&bits, i, false));
    for (uint64_t i = 0; i < 200000; i++) {
        const bool wanted = i < 100000 && i % 7 == 0 && i % 21 != 0;
        if (weir__bits_get(&bits, i) != wanted)
            print_error("bit %u: wanted %d\n", (unsigned)i, wanted);
        assert_true(weir__bits_get(&bits, i) == wanted);
    }
    weir__bits_clear(&bits);
    assert_false(weir__bits_get(&bits, 7));
}

static void an_empty_row_has_no_bit_and_clearing_one_takes_no_memory(void **state)
{
    struct weir__bits bits = {0};

    (void)state;
    assert_false(weir__bits_get(&bits, 0));
    assert_false(weir__bits_get(&bits, UINT64_MAX));
    assert_true(weir__bits_set(&bits, UINT64_MAX, false));
    assert_null(bits.bytes);
}

static void a_million_take_as_many_bits(void **state)
{
    struct weir__bits bits = {0};

    (void)state;
    assert_true(weir__bits_set(&bits, 1000000, true));
    assert_in_range(bits.capacity, 1000001, 1 << 20);
    assert_true(weir__bits_get(&bits, 1000000));
    assert_false(weir__bits_get(&bits, 999999));
    weir__bits_clear(&bits);
}

static void what_cannot_be_had_is_refused_and_nothing_is_lost(void **state)
{
    struct weir__bits bits = {0};

    (void)state;
    assert_true(weir__bits_set(&bits, 5, true));
    assert_false(weir__bits_set(&bits, UINT64_MAX, true));
    assert_true(weir__bits_get(&bits, 5));
    weir__bits_clear(&bits);
}

static void clear_takes_nothing_and_twice(void **state)
{
    struct weir__past past = {0};

    (void)state;
    weir__past_clear(NULL);
    weir__bits_clear(NULL);
    assert_true(weir__bits_set(&past.done, 1, true));
    weir__past_clear(&past);
    weir__past_clear(&past);
    assert_false(weir__bits_get(&past.done, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_as_they_were_set),
        cmocka_unit_test(an_empty_row_has_no_bit_and_clearing_one_takes_no_memory),
        cmocka_unit_test(a_million_take_as_many_bits),
        cmocka_unit_test(what_cannot_be_had_is_refused_and_nothing_is_lost),
        cmocka_unit_test(clear_takes_nothing_and_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
