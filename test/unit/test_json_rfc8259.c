/*
 * The scanner beside RFC 8259, rule by rule.
 *
 * Where the RFC leaves a choice, ours is: no byte order mark (section 8.1), UTF-8 alone (8.1), no escape of half a
 * surrogate pair (8.2), no more than 64 levels (9), numbers of any size and precision (6), and names that repeat are
 * passed on to whom they concern (4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json/scan.h"
#include "test_json_rfc8259_texts.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The verdict on a copy of just that size, so that a sanitizer sees a read past its end. */
static bool is_json(const char *text, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    struct weir__scan scan;
    enum weir__scan_token token;

    assert_non_null(copy);
    memcpy(copy, text, size);
    weir__scan_init(&scan, copy, size);
    while ((token = weir__scan_next(&scan)) < WEIR__SCAN_END) {
        assert_true(scan.start < scan.end);
        assert_true(scan.end <= size);
    }
    assert_true(scan.start <= size);
    assert_true((token == WEIR__SCAN_ERROR) == (scan.expected != NULL));
    free(copy);
    return token == WEIR__SCAN_END;
}

static void show(const char *text, size_t size)
{
    for (size_t i = 0; i < size && i < 80; i++)
        print_message(text[i] >= ' ' && text[i] < 0x7f ? "%c" : "\\x%02x", (unsigned char)text[i]);
    print_message("\n");
}

static void expect(bool valid, const char *name, const char *text, size_t size)
{
    if (is_json(text, size) == valid)
        return;
    show(text, size);
    fail_msg("%s: %s", name, valid ? "refused" : "accepted");
}

static void what_is_json_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        expect(true, good[i].name, good[i].text, good[i].size);
}

static void what_is_not_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        expect(false, bad[i].name, bad[i].text, bad[i].size);
}

/* Wherever a value may stand, the rules for it are the same. */
static void values_are_judged_alike_within_containers(void **state)
{
    static const char *const around[][2] = {{"[", "]"}, {"[0,", ",0]"}, {"{\"k\":", "}"}, {"{\"k\":0,\"l\": ", " }"}};
    char text[256];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        for (size_t k = 0; k < COUNT(around); k++) {
            const size_t before = strlen(around[k][0]), after = strlen(around[k][1]);
            memcpy(text, around[k][0], before);
            memcpy(text + before, good[i].text, good[i].size);
            memcpy(text + before + good[i].size, around[k][1], after);
            expect(true, good[i].name, text, before + good[i].size + after);
        }
    }
}

static void each_space_may_stand_around_a_text(void **state)
{
    char text[256];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        for (const char *space = " \t\r\n"; *space != '\0'; space++) {
            const size_t size = good[i].size;
            text[0] = text[size + 1] = *space;
            memcpy(text + 1, good[i].text, size);
            expect(true, good[i].name, text, size + 2);
            expect(true, good[i].name, text, size + 1);
            expect(true, good[i].name, text + 1, size + 1);
        }
    }
}

/* Numbers are the only texts of which a beginning may be one, too. */
static void no_beginning_of_a_text_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (strchr("-0123456789", good[i].text[0]) == NULL)
            for (size_t size = 0; size < good[i].size; size++)
                expect(false, good[i].name, good[i].text, size);
}

static void any_byte_stands_only_where_it_may(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char byte = (char)c, in_string[] = {'"', byte, '"'}, escaped[] = {'"', '\\', byte, '"'};
        const char before[] = {byte, 't', 'r', 'u', 'e'}, after[] = {'t', 'r', 'u', 'e', byte};
        const char before_colon[] = {'{', '"', '"', byte, ':', '1', '}'}, in_array[] = {'[', byte, ']'};
        char within[] = "\"01234567890123456789012345678901\"";
        const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        char name[32];

        (void)snprintf(name, sizeof name, "the byte %#04x", (unsigned)c);
        expect(c >= 0x20 && c < 0x80 && c != '"' && c != '\\', name, in_string, sizeof in_string);
        for (size_t at = 1; at < 17; at++) { /* long strings are read eight bytes at a time */
            const char plain = within[at];
            within[at] = byte;
            expect(c >= 0x20 && c < 0x80 && c != '"' && c != '\\', name, within, sizeof within - 1);
            within[at] = plain;
        }
        expect(c != 0 && strchr("\"\\/bfnrt", c) != NULL, name, escaped, sizeof escaped);
        expect(space, name, before, sizeof before);
        expect(space, name, after, sizeof after);
        expect(space, name, before_colon, sizeof before_colon);
        expect(space || (c >= '0' && c <= '9'), name, in_array, sizeof in_array);
        expect(c >= '0' && c <= '9', name, &byte, 1);
    }
}

/* UTF-8 by its definition (RFC 3629, section 3): so many bits in so many bytes. */
static size_t encode(uint32_t code, size_t size, char *out)
{
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(leads[size] | code);
    return size;
}

static void each_code_point_has_one_form(void **state)
{
    char text[8] = "\"";

    (void)state;
    for (uint32_t code = 0x20; code < 0x200000; code++) {
        for (size_t size = 2; size <= 4; size++) {
            const size_t least = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
            if (size < least || (size > least && code % 61 != 0 && code > 0x100)) /* overlong: a sample of them */
                continue;
            const size_t end = 1 + encode(code, size, text + 1);
            text[end] = '"';
            if (is_json(text, end + 1) != (size == least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)))
                fail_msg("U+%04X in %zu bytes", code, size);
        }
    }
}

static void each_escape_stands_for_its_code_point(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code += code < 0x10000 ? 1 : 0x3d) {
        const uint32_t rest = code - 0x10000;
        char text[16], out[16], expected[4] = {(char)code};
        size_t size, expected_size = 1;
        struct weir__scan scan;

        if (code < 0x10000)
            size = (size_t)snprintf(text, sizeof text, "\"\\u%04x\"", code);
        else
            size = (size_t)snprintf(text, sizeof text, "\"\\u%04X\\u%04x\"", 0xd800 + (rest >> 10),
                                    0xdc00 + (rest & 0x3ff));
        if (code >= 0xd800 && code <= 0xdfff) {
            expect(false, "half a surrogate pair", text, size);
            continue;
        }
        if (code >= 0x80)
            expected_size = encode(code, code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, expected);
        weir__scan_init(&scan, text, size);
        assert_int_equal(weir__scan_next(&scan), WEIR__SCAN_STRING);
        assert_int_equal(scan.has_null, code == 0);
        assert_int_equal(weir__scan_unescape(&scan, out), expected_size);
        assert_memory_equal(out, expected, expected_size);
    }
}

/* A text of `length` characters of `alphabet`, the number-th. */
static void spell(unsigned number, const char *alphabet, size_t length, char *out)
{
    const size_t letters = strlen(alphabet);

    for (size_t i = 0; i < length; i++, number /= (unsigned)letters)
        out[i] = alphabet[number % letters];
    out[length] = '\0';
}

/* All texts of up to six characters that numbers consist of, beside section 6 as a regular expression. */
static void short_numbers_are_those_of_the_grammar(void **state)
{
    static const char alphabet[] = "01-+.e";
    unsigned count = 1, accepted = 0;
    regex_t grammar;
    char text[8];

    (void)state;
    assert_int_equal(regcomp(&grammar, "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$", REG_EXTENDED | REG_NOSUB),
                     0);
    for (size_t length = 1; length <= 6; length++) {
        count *= sizeof alphabet - 1;
        for (unsigned i = 0; i < count; i++) {
            spell(i, alphabet, length, text);
            const bool valid = regexec(&grammar, text, 0, NULL, 0) == 0;
            expect(valid, "number", text, length);
            accepted += valid;
        }
    }
    regfree(&grammar);
    assert_true(accepted > 100);
}

/* Sections 2 to 5 for texts without space, where a value that is no container is the one character 1, and a name is
 * the one character k.  The place after the value, or NULL. */
static const char *derive(const char *p)
{
    const char open = *p, close = open == '[' ? ']' : '}';

    if (open == '1' || open == 'k')
        return p + 1;
    if (open != '[' && open != '{')
        return NULL;
    if (*++p == close)
        return p + 1;
    for (;; p++) {
        if (open == '{') {
            if (p[0] != 'k' || p[1] != ':')
                return NULL;
            p += 2;
        }
        p = derive(p);
        if (p == NULL || *p == close)
            return p == NULL ? NULL : p + 1;
        if (*p != ',')
            return NULL;
    }
}

static void short_structures_are_those_of_the_grammar(void **state)
{
    static const char alphabet[] = "[]{},:1k";
    unsigned count = 1, accepted = 0;
    char brief[8], text[32];

    (void)state;
    for (size_t length = 1; length <= 6; length++) {
        count *= sizeof alphabet - 1;
        for (unsigned i = 0; i < count; i++) {
            size_t size = 0;
            spell(i, alphabet, length, brief);
            for (const char *p = brief; *p != '\0'; p++) {
                if (*p == 'k')
                    memcpy(text + size, "\"\"", 2);
                else
                    text[size] = *p;
                size += *p == 'k' ? 2 : 1;
            }
            const char *end = derive(brief);
            const bool valid = end != NULL && *end == '\0';
            /* two digits in a row are one number */
            if (strstr(brief, "11") == NULL)
                expect(valid, "structure", text, size);
            accepted += valid;
        }
    }
    assert_true(accepted > 20);
}

/* 64 levels are the limit, whatever they consist of. */
static void depth_is_limited_to_64(void **state)
{
    static const char *const kinds[][4] = {
        {"[", "]", "[", "]"}, {"{\"\":", "}", "{\"\":", "}"}, {"[", "]", "{\"\":", "}"}};
    char text[512];

    (void)state;
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (unsigned depth = 63; depth <= 66; depth++) {
            char *p = text;
            for (unsigned i = 0; i < depth; i++)
                p = stpcpy(p, kinds[kind][i % 2 * 2]);
            *p++ = '1';
            for (unsigned i = depth; i-- > 0;)
                p = stpcpy(p, kinds[kind][i % 2 * 2 + 1]);
            expect(depth <= WEIR__SCAN_DEPTH_MAX, "depth", text, (size_t)(p - text));
        }
    }
    assert_int_equal(WEIR__SCAN_DEPTH_MAX, 64);
}

/* The limit is on what is open at a time, not on how many there are. */
static void breadth_and_length_are_not_limited(void **state)
{
    const size_t size = 1u << 20;
    char *text = malloc(size);

    (void)state;
    assert_non_null(text);
    memset(text, '7', size);
    expect(true, "a number of a million digits", text, size);
    text[1] = '.';
    text[size / 2] = 'e';
    expect(true, "half a million digits of fraction and of exponent", text, size);
    memset(text, 'x', size);
    text[0] = text[size - 1] = '"';
    expect(true, "a string of a million characters", text, size);
    text[size - 1] = 'x';
    expect(false, "a string of a million characters that has no end", text, size);
    for (size_t i = 0; i + 3 <= size; i += 3)
        memcpy(text + i, "[],", 3);
    text[0] = '[';
    text[1] = '1';
    text[size / 3 * 3 - 1] = ']';
    expect(true, "an array of many arrays", text, size / 3 * 3);
    free(text);
}

/* Each token's bytes, in order; what lies between two of them is space, a comma or a colon. */
static void tokens_are_where_they_stand(void **state)
{
    static const struct {
        const char *text;
        const char *tokens[16];
    } cases[] = {
        {"-0", {"-0"}},
        {" \"\\\"\" ", {"\"\\\"\""}},
        {"[1,-2.50e+3,\"a,b\"]", {"[", "1", "-2.50e+3", "\"a,b\"", "]"}},
        {"{\"\":{ }, \"k\\n\" :\t[ null,true ,false]}",
         {"{", "\"\"", "{", "}", "\"k\\n\"", "[", "null", "true", "false", "]", "}"}},
        {"[[[]],{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\"}]",
         {"[", "[", "[", "]", "]", "{", "\"\xc3\xa9\"", "\"\xf0\x9f\x98\x80\"", "}", "]"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct weir__scan scan;
        size_t end = 0, k = 0;

        weir__scan_init(&scan, cases[i].text, strlen(cases[i].text));
        for (; weir__scan_next(&scan) < WEIR__SCAN_END; end = scan.end, k++) {
            const char *token = cases[i].tokens[k] != NULL ? cases[i].tokens[k] : "";
            assert_int_equal(scan.end - scan.start, strlen(token));
            assert_memory_equal(cases[i].text + scan.start, token, scan.end - scan.start);
            assert_int_equal(strspn(cases[i].text + end, " \t,:"), scan.start - end);
        }
        assert_null(scan.expected);
        assert_null(cases[i].tokens[k]);
        assert_int_equal(scan.start, strlen(cases[i].text));
        assert_int_equal(scan.end, strlen(cases[i].text));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_is_accepted),
        cmocka_unit_test(what_is_not_is_refused),
        cmocka_unit_test(values_are_judged_alike_within_containers),
        cmocka_unit_test(each_space_may_stand_around_a_text),
        cmocka_unit_test(no_beginning_of_a_text_is_accepted),
        cmocka_unit_test(any_byte_stands_only_where_it_may),
        cmocka_unit_test(each_code_point_has_one_form),
        cmocka_unit_test(each_escape_stands_for_its_code_point),
        cmocka_unit_test(short_numbers_are_those_of_the_grammar),
        cmocka_unit_test(short_structures_are_those_of_the_grammar),
        cmocka_unit_test(depth_is_limited_to_64),
        cmocka_unit_test(breadth_and_length_are_not_limited),
        cmocka_unit_test(tokens_are_where_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
