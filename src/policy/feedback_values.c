/*
 * feedback_values - numbers, durations and moments in the notations that servers use for them.
 *
 * It knows values, not fields.  All arithmetic is in integers, and saturates.
 */
#include "policy/feedback_parts.h"

#include "base/clock.h"
#include "policy/date.h"

#include <string.h>

/* A bare number over these is no span but a moment since 1970: 10^9 s were reached in 2001, 10^12 ms too. */
#define EPOCH_S_MIN INT64_C(1000000000)
#define EPOCH_MS_MIN INT64_C(1000000000000)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

struct weir__feedback_text weir__feedback_values_trim(const char *value)
{
    struct weir__feedback_text text = {value, strlen(value)};

    for (; text.size > 0 && is_space(text.at[0]); text.at++)
        text.size--;
    while (text.size > 0 && is_space(text.at[text.size - 1]))
        text.size--;
    return text;
}

bool weir__feedback_values_begins(struct weir__feedback_text text, const char *lower)
{
    size_t i = 0;

    for (; lower[i] != '\0'; i++) {
        if (i == text.size)
            return false;
        const char c = text.at[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != lower[i])
            return false;
    }
    return true;
}

bool weir__feedback_values_is(struct weir__feedback_text text, const char *lower)
{
    return text.size == strlen(lower) && weir__feedback_values_begins(text, lower);
}

/* Takes a decimal off the text's beginning. */
static bool take_number(struct weir__feedback_text *text, int64_t *whole, int64_t *nano)
{
    const char *at = text->at, *end = text->at + text->size;
    int64_t scale = WEIR__NS_PER_S / 10;

    if (at == end || !is_digit(*at))
        return false;
    *whole = 0;
    *nano = 0;
    for (; at < end && is_digit(*at); at++)
        *whole = *whole > (INT64_MAX - 9) / 10 ? INT64_MAX : *whole * 10 + (*at - '0');
    if (at < end && *at == '.') {
        if (++at == end || !is_digit(*at))
            return false;
        for (; at < end && is_digit(*at); at++, scale /= 10)
            *nano += (*at - '0') * scale; /* digits after the ninth add nothing */
    }
    text->at = at;
    text->size = (size_t)(end - at);
    return true;
}

bool weir__feedback_values_number(struct weir__feedback_text text, int64_t *whole, int64_t *nano)
{
    int64_t read_whole, read_nano;

    if (!take_number(&text, &read_whole, &read_nano) || text.size > 0)
        return false;
    *whole = read_whole;
    *nano = read_nano;
    return true;
}

/* whole + nano / 10^9 units of so many nanoseconds, clamped */
static int64_t span(int64_t whole, int64_t nano, int64_t unit_ns)
{
    if (whole >= WEIR__FEEDBACK_WAIT_MAX_NS / unit_ns)
        return WEIR__FEEDBACK_WAIT_MAX_NS;
    /* nano < 10^9 and a unit is a day at most: split, so that the product stays in range */
    return whole * unit_ns +
           (unit_ns >= WEIR__NS_PER_S ? nano * (unit_ns / WEIR__NS_PER_S) : nano * unit_ns / WEIR__NS_PER_S);
}

int64_t weir__feedback_values_seconds(int64_t whole, int64_t nano)
{
    return span(whole, nano, WEIR__NS_PER_S);
}

bool weir__feedback_values_milliseconds(struct weir__feedback_text text, int64_t *out_ns)
{
    int64_t whole, nano;

    if (!weir__feedback_values_number(text, &whole, &nano))
        return false;
    *out_ns = span(whole, nano, WEIR__NS_PER_MS);
    return true;
}

/* How long from now until a moment: not at all, where it is past. */
static int64_t until(int64_t moment_ns, int64_t now_ns)
{
    const int64_t wait_ns = moment_ns - now_ns; /* policy/date.h: never overflows */

    if (wait_ns < 0)
        return 0;
    return wait_ns < WEIR__FEEDBACK_WAIT_MAX_NS ? wait_ns : WEIR__FEEDBACK_WAIT_MAX_NS;
}

bool weir__feedback_values_retry_after(struct weir__feedback_text text, int64_t now_ns, int64_t *out_ns)
{
    int64_t whole, nano, moment_ns;

    if (weir__feedback_values_number(text, &whole, &nano))
        *out_ns = weir__feedback_values_seconds(whole, nano);
    else if (weir__date_parse_http(text.at, text.size, now_ns, &moment_ns))
        *out_ns = until(moment_ns, now_ns);
    else
        return false;
    return true;
}

/* "6m0s", "1.5s", "120ms" as Go writes a duration, and days */
static bool parse_duration(struct weir__feedback_text text, int64_t *out_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ms", WEIR__NS_PER_MS},
                 {"us", WEIR__NS_PER_US},
                 {"\xc2\xb5s", WEIR__NS_PER_US},
                 {"\xce\xbcs", WEIR__NS_PER_US}, /* both of Unicode's micro signs */
                 {"ns", 1},
                 {"s", WEIR__NS_PER_S},
                 {"m", 60 * WEIR__NS_PER_S},
                 {"h", 3600 * WEIR__NS_PER_S},
                 {"d", 86400 * WEIR__NS_PER_S}};
    int64_t sum_ns = 0;

    while (text.size > 0) {
        int64_t whole, nano;
        size_t i = 0;
        if (!take_number(&text, &whole, &nano))
            return false;
        while (i < sizeof units / sizeof units[0] && !weir__feedback_values_begins(text, units[i].name))
            i++;
        if (i == sizeof units / sizeof units[0])
            return false;
        text.at += strlen(units[i].name);
        text.size -= strlen(units[i].name);
        sum_ns += span(whole, nano, units[i].ns);
        if (sum_ns > WEIR__FEEDBACK_WAIT_MAX_NS)
            sum_ns = WEIR__FEEDBACK_WAIT_MAX_NS;
    }
    *out_ns = sum_ns;
    return true;
}

/* A bare number is a span in seconds, or a moment where it is large. */
static int64_t reset_of_number(int64_t whole, int64_t nano, int64_t now_ns, bool *by_moment)
{
    *by_moment = whole > EPOCH_S_MIN;
    if (whole > EPOCH_MS_MIN)
        return until(weir__date_clamp(whole / 1000, whole % 1000 * WEIR__NS_PER_MS + nano / 1000), now_ns);
    if (whole > EPOCH_S_MIN)
        return until(weir__date_clamp(whole, nano), now_ns);
    return weir__feedback_values_seconds(whole, nano);
}

bool weir__feedback_values_reset(struct weir__feedback_text text, int64_t now_ns, int64_t *out_ns, bool *by_moment)
{
    int64_t whole, nano, moment_ns;

    if (text.size == 0)
        return false;
    if (weir__feedback_values_number(text, &whole, &nano)) {
        *out_ns = reset_of_number(whole, nano, now_ns, by_moment);
        return true;
    }
    *by_moment = weir__date_parse_rfc3339(text.at, text.size, &moment_ns) ||
                 weir__date_parse_http(text.at, text.size, now_ns, &moment_ns);
    if (!*by_moment)
        return parse_duration(text, out_ns);
    *out_ns = until(moment_ns, now_ns);
    return true;
}
