/* What a server sends cannot drive the terminal: weir__say_escape. */
#include "cli/say.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void expect(const char *text, const char *shown)
{
    char out[256];
    assert_string_equal(weir__say_escape(text, out, sizeof out), shown);
}

static void printable_text_passes(void **state)
{
    (void)state;
    expect("", "");
    expect("plain ~ text", "plain ~ text");
    expect("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void controls_are_escaped(void **state)
{
    (void)state;
    expect("\033[2J", "\\x1b[2J");
    expect("a\nb\r\t\x7f", "a\\x0ab\\x0d\\x09\\x7f");
    expect("\xc2\x9b"
           "2J",
           "\\xc2\\x9b2J"); /* U+009B is CSI in one character */
}

static void what_is_not_utf8_is_escaped(void **state)
{
    (void)state;
    expect("\xff", "\\xff");
    expect("\xc0\xaf", "\\xc0\\xaf");                   /* overlong */
    expect("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* overlong */
    expect("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
    expect("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
    expect("cut \xe2\x82", "cut \\xe2\\x82");
}

static void text_that_turns_direction_is_escaped(void **state)
{
    (void)state;
    expect("\xe2\x80\xae"
           "x",
           "\\xe2\\x80\\xaex"); /* U+202E */
}

static void a_long_text_is_cut_between_characters(void **state)
{
    char out[8];

    (void)state;
    assert_string_equal(weir__say_escape("abcdefghij", out, sizeof out), "abcdefg");
    assert_string_equal(weir__say_escape("abcde\nf", out, sizeof out), "abcde");
    assert_string_equal(weir__say_escape("abcdef\xe2\x82\xac", out, sizeof out), "abcdef");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printable_text_passes),
        cmocka_unit_test(controls_are_escaped),
        cmocka_unit_test(what_is_not_utf8_is_escaped),
        cmocka_unit_test(text_that_turns_direction_is_escaped),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
