/* structured - see structured.h; the comments name the sections of RFC 9651. */
#include "policy/structured.h"

#include <string.h>

#define INTEGER_DIGITS_MAX 15
#define DECIMAL_DIGITS_MAX 12
#define FRACTION_DIGITS_MAX 3

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alpha(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* Whether the character is one of `set`; NUL never is. */
static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool take(struct weir__structured *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

static void skip(struct weir__structured *in, const char *set)
{
    while (in->at < in->end && is_one_of(*in->at, set))
        in->at++;
}

static int take_digits(struct weir__structured *in, int64_t *number)
{
    int count = 0;

    *number = 0;
    for (; in->at < in->end && is_digit(*in->at); in->at++) {
        if (++count > INTEGER_DIGITS_MAX)
            return count;
        *number = *number * 10 + (*in->at - '0');
    }
    return count;
}

/* 4.2.4 */
static bool take_number(struct weir__structured *in, struct weir__structured_value *out)
{
    const bool minus = take(in, '-');
    int64_t whole, fraction;
    const int digits = take_digits(in, &whole);

    if (digits < 1 || digits > INTEGER_DIGITS_MAX)
        return false;
    out->type = WEIR__STRUCTURED_INTEGER;
    out->integer = minus ? -whole : whole;
    if (!take(in, '.'))
        return true;
    out->type = WEIR__STRUCTURED_DECIMAL;
    const int fraction_digits = take_digits(in, &fraction);
    return digits <= DECIMAL_DIGITS_MAX && fraction_digits >= 1 && fraction_digits <= FRACTION_DIGITS_MAX;
}

/* 4.2.5; the opening quote is taken */
static bool take_string(struct weir__structured *in, struct weir__structured_value *out)
{
    out->type = WEIR__STRUCTURED_STRING;
    out->text = in->at;
    for (; in->at < in->end; in->at++) {
        if (*in->at == '"') {
            out->size = (size_t)(in->at++ - out->text);
            return true;
        }
        if (*in->at < 0x20 || *in->at > 0x7e)
            return false;
        if (*in->at == '\\' && (++in->at == in->end || !is_one_of(*in->at, "\"\\")))
            return false;
    }
    return false;
}

/* 4.2.6 */
static bool take_token(struct weir__structured *in, struct weir__structured_value *out)
{
    out->type = WEIR__STRUCTURED_TOKEN;
    out->text = in->at;
    while (in->at < in->end && (is_alpha(*in->at) || is_digit(*in->at) || is_one_of(*in->at, "!#$%&'*+-.^_`|~:/")))
        in->at++;
    out->size = (size_t)(in->at - out->text);
    return true;
}

/* 4.2.7; the opening colon is taken */
static bool take_bytes(struct weir__structured *in, struct weir__structured_value *out)
{
    out->type = WEIR__STRUCTURED_BYTES;
    while (in->at < in->end && (is_alpha(*in->at) || is_digit(*in->at) || is_one_of(*in->at, "+/=")))
        in->at++;
    return take(in, ':');
}

/* 4.2.8; the question mark is taken */
static bool take_boolean(struct weir__structured *in, struct weir__structured_value *out)
{
    out->type = WEIR__STRUCTURED_BOOLEAN;
    out->integer = take(in, '1') ? 1 : 0;
    return out->integer == 1 || take(in, '0');
}

/* 4.2.9; the "@" is taken */
static bool take_date(struct weir__structured *in, struct weir__structured_value *out)
{
    if (!take_number(in, out) || out->type != WEIR__STRUCTURED_INTEGER)
        return false;
    out->type = WEIR__STRUCTURED_DATE;
    return true;
}

/* 4.2.10; the "%" is taken */
static bool take_display(struct weir__structured *in, struct weir__structured_value *out)
{
    out->type = WEIR__STRUCTURED_DISPLAY;
    if (!take(in, '"'))
        return false;
    for (; in->at < in->end; in->at++) {
        if (take(in, '"'))
            return true;
        if (*in->at < 0x20 || *in->at > 0x7e)
            return false;
        if (*in->at != '%')
            continue;
        for (int i = 0; i < 2; i++)
            if (++in->at == in->end || !(is_digit(*in->at) || (*in->at >= 'a' && *in->at <= 'f')))
                return false;
    }
    return false;
}

enum weir__structured_step weir__structured_begin(struct weir__structured *in, const char *text, size_t size)
{
    in->at = text;
    in->end = text + size;
    skip(in, " \t");
    while (in->end > in->at && is_one_of(in->end[-1], " \t"))
        in->end--;
    return in->at == in->end ? WEIR__STRUCTURED_END : WEIR__STRUCTURED_MORE;
}

bool weir__structured_item(struct weir__structured *in, struct weir__structured_value *out)
{
    *out = (struct weir__structured_value){WEIR__STRUCTURED_BOOLEAN, 0, NULL, 0};
    if (in->at == in->end)
        return false;
    if (is_digit(*in->at) || *in->at == '-')
        return take_number(in, out);
    if (is_alpha(*in->at) || *in->at == '*')
        return take_token(in, out);
    switch (*in->at++) {
    case '"':
        return take_string(in, out);
    case ':':
        return take_bytes(in, out);
    case '?':
        return take_boolean(in, out);
    case '@':
        return take_date(in, out);
    case '%':
        return take_display(in, out);
    default:
        return false;
    }
}

/* 4.2.3.3 */
static bool take_key(struct weir__structured *in, struct weir__structured_value *out)
{
    *out = (struct weir__structured_value){WEIR__STRUCTURED_TOKEN, 0, in->at, 0};
    if (in->at == in->end || !(is_lower(*in->at) || *in->at == '*'))
        return false;
    while (in->at < in->end && (is_lower(*in->at) || is_digit(*in->at) || is_one_of(*in->at, "_-.*")))
        in->at++;
    out->size = (size_t)(in->at - out->text);
    return true;
}

bool weir__structured_entry(struct weir__structured *in, struct weir__structured_value *key,
                            struct weir__structured_value *value)
{
    if (!take_key(in, key))
        return false;
    if (take(in, '='))
        return weir__structured_item(in, value);
    *value = (struct weir__structured_value){WEIR__STRUCTURED_BOOLEAN, 1, NULL, 0};
    return true;
}

enum weir__structured_step weir__structured_parameter(struct weir__structured *in, struct weir__structured_value *key,
                                                      struct weir__structured_value *value)
{
    if (!take(in, ';'))
        return WEIR__STRUCTURED_END;
    skip(in, " "); /* spaces alone, as 4.2.3.2 has it */
    return weir__structured_entry(in, key, value) ? WEIR__STRUCTURED_MORE : WEIR__STRUCTURED_BAD;
}

/* 4.2.1: what follows a member is the end, or a comma and one more */
enum weir__structured_step weir__structured_next(struct weir__structured *in)
{
    skip(in, " \t");
    if (in->at == in->end)
        return WEIR__STRUCTURED_END;
    if (!take(in, ','))
        return WEIR__STRUCTURED_BAD;
    skip(in, " \t");
    return in->at == in->end ? WEIR__STRUCTURED_BAD : WEIR__STRUCTURED_MORE;
}

bool weir__structured_is(const struct weir__structured_value *value, const char *text)
{
    return value->text != NULL && value->size == strlen(text) && memcmp(value->text, text, value->size) == 0;
}
