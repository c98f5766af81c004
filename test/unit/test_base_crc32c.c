/* The checksum is CRC-32C, however its bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/sync.h"

#include <string.h>

/* The definition, a bit at a time. */
static uint32_t slow(uint32_t crc, const unsigned char *data, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static void fill(unsigned char *data, size_t size)
{
    uint32_t state = 1;

    for (size_t i = 0; i < size; i++) {
        state = state * UINT32_C(1664525) + UINT32_C(1013904223);
        data[i] = (unsigned char)(state >> 24);
    }
}

/* RFC 3720, appendix B.4, whose checksums stand there lowest byte first. */
static void vectors_of_rfc_3720(void **state)
{
    static const unsigned char read_command[48] = {
        0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
        0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    unsigned char data[32];

    (void)state;
    memset(data, 0, sizeof data);
    assert_int_equal(weir__crc32c(0, data, sizeof data), 0x8a9136aa);
    memset(data, 0xff, sizeof data);
    assert_int_equal(weir__crc32c(0, data, sizeof data), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (unsigned char)i;
    assert_int_equal(weir__crc32c(0, data, sizeof data), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (unsigned char)(31 - i);
    assert_int_equal(weir__crc32c(0, data, sizeof data), 0x113fdb5c);
    assert_int_equal(weir__crc32c(0, read_command, sizeof read_command), 0xd9963a56);
    assert_int_equal(weir__crc32c(0, "123456789", 9), 0xe3069283);
}

static void nothing_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(weir__crc32c(0, "", 0), 0);
    assert_int_equal(weir__crc32c(0, NULL, 0), 0);
    assert_int_equal(weir__crc32c(0x12345678, NULL, 0), 0x12345678);
}

static void any_length_and_alignment_is_the_definition(void **state)
{
    unsigned char data[128];

    (void)state;
    fill(data, sizeof data);
    for (size_t offset = 0; offset < 9; offset++)
        for (size_t size = 0; size + offset <= 80; size++) {
            assert_int_equal(weir__crc32c(0, data + offset, size), slow(0, data + offset, size));
            assert_int_equal(weir__crc32c_by_tables(0, data + offset, size), slow(0, data + offset, size));
        }
}

static void parts_make_the_whole(void **state)
{
    unsigned char data[100];

    (void)state;
    fill(data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        const uint32_t first = weir__crc32c(0, data, cut);
        assert_int_equal(weir__crc32c(first, data + cut, sizeof data - cut), slow(0, data, sizeof data));
    }
}

static void *sum(void *argument)
{
    *(uint32_t *)argument = weir__crc32c(0, "123456789", 9);
    return NULL;
}

/* Under ThreadSanitizer this is about the tables, too, where it runs first. */
static void threads_agree(void **state)
{
    pthread_t threads[4];
    uint32_t sums[4] = {0};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(weir__thread_start(&threads[i], sum, &sums[i]));
    for (size_t i = 0; i < 4; i++) {
        weir__thread_join(threads[i]);
        assert_int_equal(sums[i], 0xe3069283);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_agree), /* first */
        cmocka_unit_test(vectors_of_rfc_3720),
        cmocka_unit_test(nothing_changes_nothing),
        cmocka_unit_test(any_length_and_alignment_is_the_definition),
        cmocka_unit_test(parts_make_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
