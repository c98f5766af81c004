/* date - see date.h */
#include "policy/date.h"

#include "base/clock.h"

#define DAY_S INT64_C(86400)
#define YEARS_50_S (INT64_C(50) * 31556952) /* of 365.2425 days */

struct civil {
    int year, month, day, hour, minute, second;
};

struct cursor {
    const char *at, *end;
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool take(struct cursor *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

/* Exactly `count` digits. */
static bool take_number(struct cursor *in, int count, int *out)
{
    int number = 0;

    if (in->end - in->at < count)
        return false;
    for (int i = 0; i < count; i++) {
        if (!is_digit(in->at[i]))
            return false;
        number = number * 10 + (in->at[i] - '0');
    }
    in->at += count;
    *out = number;
    return true;
}

/* The first `size` letters of `word`, which is in lower case; all of it where `size` is 0. */
static bool take_word(struct cursor *in, const char *word, size_t size)
{
    size_t i = 0;

    for (; word[i] != '\0' && (size == 0 || i < size); i++)
        if ((size_t)(in->end - in->at) <= i || lower(in->at[i]) != word[i])
            return false;
    in->at += i;
    return true;
}

/* Three letters of a name, or all of them where it is `whole`. */
static bool take_weekday(struct cursor *in, bool whole)
{
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
        if (take_word(in, days[i], whole ? 0 : 3))
            return true;
    return false;
}

static bool take_month(struct cursor *in, int *out)
{
    for (int i = 0; i < 12; i++) {
        if (take_word(in, months[i], 3)) {
            *out = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_time(struct cursor *in, struct civil *civil)
{
    return take_number(in, 2, &civil->hour) && take(in, ':') && take_number(in, 2, &civil->minute) && take(in, ':') &&
           take_number(in, 2, &civil->second);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* A second of 60 is a leap second: the beginning of the next minute, as POSIX counts. */
static bool is_valid(const struct civil *civil)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (civil->month < 1 || civil->month > 12 || civil->hour > 23 || civil->minute > 59 || civil->second > 60)
        return false;
    const int length = lengths[civil->month - 1] + (civil->month == 2 && is_leap(civil->year) ? 1 : 0);
    return civil->day >= 1 && civil->day <= length;
}

/*
 * Days since 1970-01-01 in the Gregorian calendar.  The year is taken to begin in March, so that the leap day is its
 * last one; (153 m + 2) / 5 are the days before the m-th month then.  400 years are 146097 days, and 719468 days lie
 * between 0000-03-01 and 1970.
 */
static int64_t days_of(int year, int month, int day)
{
    const int64_t m = month > 2 ? month - 3 : month + 9;
    const int64_t y = (int64_t)year + 400 - (month > 2 ? 0 : 1); /* never negative */

    return y * 365 + y / 4 - y / 100 + y / 400 - 146097 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t seconds_of(const struct civil *civil)
{
    return days_of(civil->year, civil->month, civil->day) * DAY_S + civil->hour * 3600 + civil->minute * 60 +
           civil->second;
}

int64_t weir__date_clamp(int64_t seconds, int64_t nanoseconds)
{
    const int64_t seconds_max = WEIR__DATE_MAX_NS / WEIR__NS_PER_S - 1;

    if (seconds > seconds_max)
        return WEIR__DATE_MAX_NS;
    if (seconds < -seconds_max)
        return -WEIR__DATE_MAX_NS;
    return seconds * WEIR__NS_PER_S + nanoseconds;
}

/* ", 06 Nov 1994 08:49:37 GMT" */
static bool parse_fixdate(struct cursor in, struct civil *civil)
{
    return take_weekday(&in, false) && take(&in, ',') && take(&in, ' ') && take_number(&in, 2, &civil->day) &&
           take(&in, ' ') && take_month(&in, &civil->month) && take(&in, ' ') && take_number(&in, 4, &civil->year) &&
           take(&in, ' ') && take_time(&in, civil) && take_word(&in, " gmt", 0) && in.at == in.end;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" (RFC 850); the year as it stands */
static bool parse_rfc850(struct cursor in, struct civil *civil)
{
    return take_weekday(&in, true) && take(&in, ',') && take(&in, ' ') && take_number(&in, 2, &civil->day) &&
           take(&in, '-') && take_month(&in, &civil->month) && take(&in, '-') && take_number(&in, 2, &civil->year) &&
           take(&in, ' ') && take_time(&in, civil) && take_word(&in, " gmt", 0) && in.at == in.end;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool parse_asctime(struct cursor in, struct civil *civil)
{
    return take_weekday(&in, false) && take(&in, ' ') && take_month(&in, &civil->month) && take(&in, ' ') &&
           (take(&in, ' ') ? take_number(&in, 1, &civil->day) : take_number(&in, 2, &civil->day)) && take(&in, ' ') &&
           take_time(&in, civil) && take(&in, ' ') && take_number(&in, 4, &civil->year) && in.at == in.end;
}

/* Of all years that end in these two digits, the last one that is at most 50 years ahead. */
static void choose_century(struct civil *civil, int64_t now_ns)
{
    const int64_t latest_s = now_ns / WEIR__NS_PER_S + YEARS_50_S;

    civil->year += 2300; /* beyond what int64_t nanoseconds can reach */
    while (civil->year >= 100 && seconds_of(civil) > latest_s)
        civil->year -= 100;
}

bool weir__date_parse_http(const char *text, size_t size, int64_t now_ns, int64_t *out_ns)
{
    const struct cursor in = {text, text + size};
    struct civil civil = {0, 0, 0, 0, 0, 0};

    if (parse_rfc850(in, &civil))
        choose_century(&civil, now_ns);
    else if (!parse_fixdate(in, &civil) && !parse_asctime(in, &civil))
        return false;
    if (!is_valid(&civil))
        return false;
    *out_ns = weir__date_clamp(seconds_of(&civil), 0);
    return true;
}

/* ".678"; digits after the ninth add nothing */
static bool take_fraction(struct cursor *in, int64_t *out_ns)
{
    int64_t scale = WEIR__NS_PER_S / 10;

    *out_ns = 0;
    if (!take(in, '.'))
        return true;
    if (in->at == in->end || !is_digit(*in->at))
        return false;
    for (; in->at < in->end && is_digit(*in->at); in->at++, scale /= 10)
        *out_ns += (*in->at - '0') * scale;
    return true;
}

/* "Z", "+01:00" */
static bool take_offset(struct cursor *in, int64_t *out_s)
{
    int hours, minutes;
    const bool minus = in->at < in->end && *in->at == '-';

    *out_s = 0;
    if (take_word(in, "z", 0))
        return true;
    if (!(take(in, '+') || take(in, '-')) || !take_number(in, 2, &hours) || !take(in, ':') ||
        !take_number(in, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *out_s = (minus ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool weir__date_parse_rfc3339(const char *text, size_t size, int64_t *out_ns)
{
    struct cursor in = {text, text + size};
    struct civil civil = {0, 0, 0, 0, 0, 0};
    int64_t fraction_ns, offset_s;

    if (!take_number(&in, 4, &civil.year) || !take(&in, '-') || !take_number(&in, 2, &civil.month) || !take(&in, '-') ||
        !take_number(&in, 2, &civil.day) || !(take_word(&in, "t", 0) || take(&in, ' ')) || !take_time(&in, &civil) ||
        !take_fraction(&in, &fraction_ns) || !take_offset(&in, &offset_s) || in.at != in.end || !is_valid(&civil))
        return false;
    *out_ns = weir__date_clamp(seconds_of(&civil) - offset_s, fraction_ns);
    return true;
}
