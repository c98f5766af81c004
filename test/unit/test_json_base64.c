/* base64 there and back, and what is none of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/base64.h"

#include <stdlib.h>
#include <string.h>

static void assert_pair(const char *plain, const char *text)
{
    char out[64];
    size_t size = 0;

    assert_int_equal(weir__base64_size(strlen(plain)), strlen(text));
    memset(out, '#', sizeof out);
    weir__base64_encode(plain, strlen(plain), out);
    assert_memory_equal(out, text, strlen(text));
    assert_int_equal(out[strlen(text)], '#'); /* and no more than that */
    assert_true(weir__base64_decode(text, strlen(text), out, &size));
    assert_int_equal(size, strlen(plain));
    assert_memory_equal(out, plain, size);
}

/* RFC 4648, section 10 */
static void vectors_of_rfc_4648(void **state)
{
    (void)state;
    assert_pair("", "");
    assert_pair("f", "Zg==");
    assert_pair("fo", "Zm8=");
    assert_pair("foo", "Zm9v");
    assert_pair("foob", "Zm9vYg==");
    assert_pair("fooba", "Zm9vYmE=");
    assert_pair("foobar", "Zm9vYmFy");
    assert_pair("\xff\xef\xbe", "/+++"); /* the alphabet's last two */
}

static void all_bytes_come_back(void **state)
{
    unsigned char data[512], back[512];
    char text[700];

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i < 256 ? i : i * 7);
    for (size_t size = 0; size <= sizeof data; size++) {
        const size_t text_size = weir__base64_size(size);
        size_t back_size = 0;
        weir__base64_encode(data, size, text);
        assert_true(weir__base64_decode(text, text_size, back, &back_size));
        assert_int_equal(back_size, size);
        assert_memory_equal(back, data, size);
        assert_true(weir__base64_decode(text, text_size, text, &back_size)); /* in place */
        assert_int_equal(back_size, size);
        assert_memory_equal(text, data, size);
    }
}

static void sizes_near_the_end_do_not_wrap(void **state)
{
    (void)state;
    assert_int_equal(weir__base64_size(1), 4);
    assert_int_equal(weir__base64_size(SIZE_MAX / 4 * 3), SIZE_MAX / 4 * 4);
}

static void refuses_what_is_no_base64(void **state)
{
    static const char *const cases[] = {"Z",     "Zg",       "Zg=",      "Zg===",     "====",  "=",
                                        "Z===",  "=Zg=",     "Zg==Zg==", "Zm8=Zm8=",  "Zh==",  "Zm9=",
                                        "Zn8=x", "Zm-v",     "Zm_v",     "Zm9 ",      "Zm\n9", "Zm9v\n",
                                        " Zm9v", "Zm9vY===", "Z=9v",     "Zm9vYg=A",  "Zm9.",  "Zm=v",
                                        "Zm9v=", "Zm9v====", "Zm9vZm9=", "Zm\xc3\xa9"};
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = 77;
        if (weir__base64_decode(cases[i], strlen(cases[i]), out, &size))
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(size, 77);
    }
}

/* Every byte in every place of a group: right only where it is of the alphabet. */
static void refuses_each_byte_beyond_the_alphabet(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    (void)state;
    for (size_t place = 0; place < 8; place++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[] = "AAAAAAAA", out[8];
            size_t size;
            const bool known = byte != 0 && strchr(alphabet, byte) != NULL;
            text[place] = (char)byte;
            if (weir__base64_decode(text, 8, out, &size) != (known || (byte == '=' && place == 7)))
                fail_msg("byte %d at %zu", byte, place);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648),
        cmocka_unit_test(all_bytes_come_back),
        cmocka_unit_test(sizes_near_the_end_do_not_wrap),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(refuses_each_byte_beyond_the_alphabet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
