/* units - see units.h */
#include "base/units.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"ns", 1},
    {"us", WEIR__NS_PER_US},
    {"ms", WEIR__NS_PER_MS},
    {"s", WEIR__NS_PER_S},
    {"m", 60 * WEIR__NS_PER_S},
    {"min", 60 * WEIR__NS_PER_S},
    {"h", 3600 * WEIR__NS_PER_S},
    {"d", 24 * 3600 * WEIR__NS_PER_S},
    {"", WEIR__NS_PER_S},
    {NULL, 0},
};

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"kB", 1000},
    {"MB", 1000 * 1000},
    {"GB", 1000 * 1000 * 1000},
    {"K", 1024},
    {"KiB", 1024},
    {"M", 1024 * 1024},
    {"MiB", 1024 * 1024},
    {"G", 1024 * 1024 * 1024},
    {"GiB", 1024 * 1024 * 1024},
    {NULL, 0},
};

static int64_t unit_factor(const struct unit *units, const char *name)
{
    for (; units->name != NULL; units++)
        if (strcmp(units->name, name) == 0)
            return units->factor;
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * A decimal with up to nine fractional digits as whole + nano / 10^9, in integers: "0.1s" is exactly 100 ms, and no
 * locale can change the point.
 */
static const char *scan_decimal(const char *p, int64_t *whole, int64_t *nano)
{
    const int64_t whole_max = (INT64_MAX - 9) / 10; /* one more digit fits */
    int64_t scale = 100000000;

    if (!is_digit(*p))
        return NULL;
    for (*whole = 0; is_digit(*p); p++) {
        if (*whole > whole_max)
            return NULL;
        *whole = *whole * 10 + (*p - '0');
    }
    *nano = 0;
    if (*p != '.')
        return p;
    if (!is_digit(*++p))
        return NULL;
    for (; is_digit(*p); p++, scale /= 10)
        *nano += (*p - '0') * scale; /* digits after the ninth add nothing */
    return p;
}

static bool parse_scaled(const char *text, const struct unit *units, int64_t max, int64_t *out)
{
    int64_t whole, nano, factor;
    const char *unit = scan_decimal(text, &whole, &nano);

    if (unit == NULL)
        return false;
    factor = unit_factor(units, unit);
    if (factor == 0 || whole > max / factor)
        return false;
    /* factor is at most 86400e9, nano below 1e9: split the product so that it cannot overflow */
    nano = factor / 1000000000 * nano + factor % 1000000000 * nano / 1000000000;
    if (nano > max - whole * factor)
        return false;
    *out = whole * factor + nano;
    return true;
}

bool weir__units_parse_duration(const char *text, int64_t *out_ns)
{
    return parse_scaled(text, duration_units, WEIR__DURATION_MAX_NS, out_ns);
}

bool weir__units_parse_size(const char *text, uint64_t *out_bytes)
{
    int64_t bytes;
    if (!parse_scaled(text, size_units, INT64_MAX, &bytes))
        return false;
    *out_bytes = (uint64_t)bytes;
    return true;
}

bool weir__units_parse_count(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (!is_digit(*text))
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '_' && is_digit(text[1]))
            continue;
        if (!is_digit(*text))
            return false;
        const uint64_t digit = (uint64_t)(*text - '0');
        if (value > (max - digit) / 10 || digit > max)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool weir__units_parse_share(const char *text, double *out)
{
    int64_t whole, nano;
    const char *rest = scan_decimal(text, &whole, &nano);
    double value;

    if (rest == NULL)
        return false;
    value = (double)whole + (double)nano / 1e9;
    if (strcmp(rest, "%") == 0)
        value /= 100;
    else if (*rest != '\0')
        return false;
    if (value > 1)
        return false;
    *out = value;
    return true;
}

bool weir__units_parse_rate(const char *text, uint32_t *out_requests, int64_t *out_per_ns)
{
    const char *slash = strchr(text, '/');
    char count[24];
    uint64_t requests;
    int64_t per_ns;

    if (slash == NULL || (size_t)(slash - text) >= sizeof count)
        return false;
    memcpy(count, text, (size_t)(slash - text));
    count[slash - text] = '\0';
    if (!weir__units_parse_count(count, UINT32_MAX, &requests) || requests == 0)
        return false;
    per_ns = slash[1] == '\0' ? 0 : unit_factor(duration_units, slash + 1); /* "/s" is "/1s" */
    if (per_ns == 0 && !weir__units_parse_duration(slash + 1, &per_ns))
        return false;
    if (per_ns <= 0)
        return false;
    *out_requests = (uint32_t)requests;
    *out_per_ns = per_ns;
    return true;
}

void weir__units_format_duration(int64_t ns, char *text, size_t size)
{
    static const struct unit order[] = {
        {"h", 3600 * WEIR__NS_PER_S}, {"m", 60 * WEIR__NS_PER_S}, {"s", WEIR__NS_PER_S},
        {"ms", WEIR__NS_PER_MS},      {"us", WEIR__NS_PER_US},
    };

    if (ns == 0) {
        (void)snprintf(text, size, "0s");
        return;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (ns % order[i].factor == 0) {
            (void)snprintf(text, size, "%" PRId64 "%s", ns / order[i].factor, order[i].name);
            return;
        }
    }
    (void)snprintf(text, size, "%" PRId64 "ns", ns);
}

void weir__units_format_rate(uint32_t requests, int64_t per_ns, char *text, size_t size)
{
    char per[32];
    weir__units_format_duration(per_ns, per, sizeof per);
    (void)snprintf(text, size, "%" PRIu32 "/%s", requests, per);
}

void weir__units_format_elapsed(int64_t ns, char *text, size_t size)
{
    const double s = (double)ns / 1e9;
    const int64_t whole = ns / WEIR__NS_PER_S;

    /* the bounds are where rounding would make a fourth figure */
    if (s < 0.0009995)
        (void)snprintf(text, size, "%.0f us", s * 1e6);
    else if (s < 0.9995)
        (void)snprintf(text, size, "%.*f ms", s < 0.009995 ? 2 : s < 0.09995 ? 1 : 0, s * 1e3);
    else if (s < 99.95)
        (void)snprintf(text, size, "%.*f s", s < 9.995 ? 2 : 1, s);
    else if (s < 3600)
        (void)snprintf(text, size, "%d min %02d s", (int)(whole / 60), (int)(whole % 60));
    else
        (void)snprintf(text, size, "%" PRId64 " h %02d min", whole / 3600, (int)(whole / 60 % 60));
}
