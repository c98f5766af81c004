/* SHA-256 by its published vectors, in whatever parts the data come, and the UUIDs made of it. */
#include "cli/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* FIPS 180-4's examples (NIST, "SHA256.pdf"), and the hash of nothing. */
static const struct {
    const char *text, *hex;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void known_texts_have_their_hashes(void **state)
{
    char out[WEIR__DIGEST_HEX_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        for (size_t cut = 0; cut <= strlen(vectors[i].text); cut++) {
            struct weir__digest digest;
            assert_true(weir__digest_begin(&digest));
            weir__digest_add(&digest, vectors[i].text, cut);
            weir__digest_add(&digest, vectors[i].text + cut, strlen(vectors[i].text) - cut);
            assert_true(weir__digest_peek(&digest, out));
            assert_string_equal(out, vectors[i].hex);
            weir__digest_clear(&digest);
        }
    }
}

/* The third vector of FIPS 180-4: a million times "a", looked at on the way. */
static void a_look_on_the_way_changes_nothing(void **state)
{
    struct weir__digest digest;
    char block[1000], out[WEIR__DIGEST_HEX_SIZE], again[WEIR__DIGEST_HEX_SIZE];

    (void)state;
    memset(block, 'a', sizeof block);
    assert_true(weir__digest_begin(&digest));
    for (int i = 0; i < 1000; i++) {
        assert_true(weir__digest_peek(&digest, out));
        assert_true(weir__digest_peek(&digest, again));
        assert_string_equal(out, again);
        weir__digest_add(&digest, block, sizeof block);
    }
    assert_true(weir__digest_peek(&digest, out));
    assert_string_equal(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    weir__digest_clear(&digest);
}

static void what_was_not_begun_has_no_hash(void **state)
{
    struct weir__digest digest = {NULL};
    char out[WEIR__DIGEST_HEX_SIZE] = "as it was";

    (void)state;
    weir__digest_add(&digest, "abc", 3);
    assert_false(weir__digest_peek(&digest, out));
    assert_string_equal(out, "as it was");
    weir__digest_clear(&digest);
    weir__digest_clear(NULL);
}

static void a_uuid_is_of_version_8_and_always_the_same(void **state)
{
    char uuid[WEIR__DIGEST_UUID_SIZE], same[WEIR__DIGEST_UUID_SIZE];

    (void)state;
    for (uint64_t number = 0; number < 300; number++) {
        assert_true(weir__digest_uuid("0b0d4a5c-journal", number, uuid));
        assert_true(weir__digest_uuid("0b0d4a5c-journal", number, same));
        assert_string_equal(uuid, same);
        assert_int_equal(strlen(uuid), 36);
        for (size_t i = 0; i < 36; i++) {
            if (i == 8 || i == 13 || i == 18 || i == 23)
                assert_int_equal(uuid[i], '-');
            else
                assert_non_null(strchr("0123456789abcdef", uuid[i]));
        }
        assert_int_equal(uuid[14], '8');
        assert_non_null(strchr("89ab", uuid[19]));
    }
}

/* It must never change: a job that is sent again in a later version carries the key of its first send. */
static void a_uuid_is_what_it_has_always_been(void **state)
{
    char uuid[WEIR__DIGEST_UUID_SIZE];

    (void)state;
    /* printf 'weir\0\0\0\0\0\0\0\1' | sha256sum, with the digits of version and variant changed */
    assert_true(weir__digest_uuid("weir", 1, uuid));
    assert_string_equal(uuid, "fff93e66-e81c-8511-9f7b-92d06d607453");
}

static void other_names_and_numbers_are_other_uuids(void **state)
{
    static char made[1024][WEIR__DIGEST_UUID_SIZE];
    static const char *const names[] = {"", "a", "aa", "b"};
    size_t count = 0;

    (void)state;
    for (size_t name = 0; name < 4; name++)
        for (uint64_t bit = 0; bit < 64; bit++)
            assert_true(weir__digest_uuid(names[name], UINT64_C(1) << bit, made[count++]));
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < a; b++)
            assert_string_not_equal(made[a], made[b]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_hashes),
        cmocka_unit_test(a_look_on_the_way_changes_nothing),
        cmocka_unit_test(what_was_not_begun_has_no_hash),
        cmocka_unit_test(a_uuid_is_of_version_8_and_always_the_same),
        cmocka_unit_test(a_uuid_is_what_it_has_always_been),
        cmocka_unit_test(other_names_and_numbers_are_other_uuids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
