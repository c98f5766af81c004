/* report_axis - see report_axis.h */
#include "cli/report_axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What stands for a figure that could not be measured. */
#define NOTHING "\u2013"

/* ------------------------------------------------------------------------------------------------------------ figures
 */

/* Three figures at least, and no digit that means nothing: 0.842, 8.42, 84.2, 842. */
static int decimals(double value)
{
    const double size = fabs(value);

    return size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
}

/* As the shortest: 1.50 is 1.5, 2.00 is 2. */
static void trim(char *text)
{
    char *end = text + strlen(text);

    if (strchr(text, '.') == NULL)
        return;
    while (end[-1] == '0')
        *--end = '\0';
    if (end[-1] == '.')
        end[-1] = '\0';
}

static const char *with_unit(double value, const char *unit, char *out)
{
    char number[WEIR__REPORT_FIGURE_SIZE / 2];

    (void)snprintf(number, sizeof number, "%.*f", decimals(value), value);
    (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%s %s", number, unit);
    return out;
}

/* A whole number with a comma after each three digits; at most 15 of them. */
static void grouped(double value, char *out)
{
    char digits[24];
    int size, used = 0;

    size = snprintf(digits, sizeof digits, "%.0f", value);
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0 && digits[i - 1] != '-')
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

const char *weir__report_axis_say_count(double value, char out[WEIR__REPORT_FIGURE_SIZE])
{
    if (isnan(value)) {
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, NOTHING);
    } else if (fabs(value) >= 1e15) {
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.3g", value);
    } else if (fabs(value) >= 99.95 || fabs(value - round(value)) < 1e-9) {
        grouped(value, out);
    } else {
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.*f", decimals(value), value);
        trim(out);
    }
    return out;
}

const char *weir__report_axis_say_us(double us, char out[WEIR__REPORT_FIGURE_SIZE])
{
    if (isnan(us))
        return weir__report_axis_say_count(us, out);
    return us < 10000 ? with_unit(us, "\u00b5s", out) : weir__report_axis_say_ms(us / 1e3, out);
}

const char *weir__report_axis_say_ms(double ms, char out[WEIR__REPORT_FIGURE_SIZE])
{
    if (isnan(ms))
        return weir__report_axis_say_count(ms, out);
    if (ms < 0.9995)
        return with_unit(ms * 1e3, "\u00b5s", out);
    if (ms < 999.5)
        return with_unit(ms, "ms", out);
    if (ms < 600e3)
        return with_unit(ms / 1e3, "s", out);
    return ms < 7200e3 ? with_unit(ms / 60e3, "min", out) : with_unit(fmin(ms / 3600e3, 1e9), "h", out);
}

const char *weir__report_axis_say_bytes(double size, char out[WEIR__REPORT_FIGURE_SIZE])
{
    if (isnan(size))
        return weir__report_axis_say_count(size, out);
    if (size < 1024 * 1024)
        return with_unit(size / 1024, "KiB", out);
    if (size < 1024.0 * 1024 * 1024)
        return with_unit(size / (1024 * 1024), "MiB", out);
    return with_unit(fmin(size / (1024.0 * 1024 * 1024), 1e9), "GiB", out);
}

const char *weir__report_axis_say_share(double share, char out[WEIR__REPORT_FIGURE_SIZE])
{
    const double percent = share * 100;

    if (isnan(share))
        return weir__report_axis_say_count(share, out);
    /* what is not all must not read as all, nor what is something as nothing */
    if (percent > 99 && percent < 100)
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.4g %%", fmin(floor(percent * 100) / 100, 99.99));
    else if (percent > 0 && percent < 10)
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.2g %%", fmax(percent, 0.01));
    else
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.0f %%", fmin(percent, 1e9));
    return out;
}

/* --------------------------------------------------------------------------------------------------------------- ticks
 */

/* The nearest of 1, 2, 5, 10, ... that is not on the other side. */
static double nice(double value, bool up)
{
    const double power = pow(10, floor(log10(value) + 1e-9)), lead = value / power;

    if (up)
        return power * (lead <= 1.0000001 ? 1 : lead <= 2.0000001 ? 2 : lead <= 5.0000001 ? 5 : 10);
    return power * (lead >= 4.9999999 ? 5 : lead >= 1.9999999 ? 2 : 1);
}

/* With more decades only 1 and 5 of each have a tick, then 1 alone. */
#define DECADES_FEWER 1.4
#define DECADES_FEW 1.75

/* Guards against what no axis can be drawn from. */
static double sane(double most, double otherwise)
{
    return isfinite(most) && most > 0 ? fmin(most, 1e15) : otherwise;
}

static struct weir__report_tick *add(struct weir__report_axis *axis, double at)
{
    struct weir__report_tick *tick;

    if (axis->count == WEIR__REPORT_TICKS_MAX)
        return NULL;
    tick = &axis->ticks[axis->count++];
    tick->at = at;
    tick->label[0] = '\0';
    return tick;
}

/* Each `step` from 0 on, until `most` is reached. */
static void rise(struct weir__report_axis *axis, double most, double step, const char *(*say)(double value, char *out))
{
    struct weir__report_tick *tick;
    unsigned i = 0;

    memset(axis, 0, sizeof *axis);
    do {
        tick = add(axis, i * step);
        if (tick == NULL)
            break;
        (void)say(tick->at, tick->label);
    } while (i++ * step < most * (1 - 1e-9));
    axis->to = axis->ticks[axis->count - 1].at;
}

/* 1,200,000 is 1.2 M on an axis. */
static const char *say_short(double value, char *out)
{
    const char *const unit = value >= 1e9 ? "G" : value >= 1e6 ? "M" : value >= 1e4 ? "k" : "";
    const double by = value >= 1e9 ? 1e9 : value >= 1e6 ? 1e6 : value >= 1e4 ? 1e3 : 1;
    char number[WEIR__REPORT_FIGURE_SIZE];

    (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.20s%s%s", weir__report_axis_say_count(value / by, number),
                   *unit != '\0' ? " " : "", unit);
    return out;
}

void weir__report_axis_count(struct weir__report_axis *axis, double most, unsigned wanted)
{
    most = sane(most, 1);
    rise(axis, most, nice(most / wanted, true), say_short);
}

static const char *say_plain_us(double us, char *out)
{
    char number[WEIR__REPORT_FIGURE_SIZE];

    if (us >= 1000)
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.20s ms", weir__report_axis_say_count(us / 1000, number));
    else
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, us > 0 ? "%.20s \u00b5s" : "%.20s",
                       weir__report_axis_say_count(us, number));
    return out;
}

void weir__report_axis_us(struct weir__report_axis *axis, double most, unsigned wanted)
{
    most = sane(most, 1);
    rise(axis, most, nice(most / wanted, true), say_plain_us);
}

static const char *say_plain_mib(double size, char *out)
{
    char number[WEIR__REPORT_FIGURE_SIZE];

    (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, size > 0 ? "%.20s MiB" : "%.20s",
                   weir__report_axis_say_count(size / (1024 * 1024), number));
    return out;
}

void weir__report_axis_bytes(struct weir__report_axis *axis, double most, unsigned wanted)
{
    most = sane(most, 1024 * 1024);
    rise(axis, most, nice(most / (1024 * 1024) / wanted, true) * 1024 * 1024, say_plain_mib);
}

/* ---------------------------------------------------------------------------------------------------------------- time
 */

static void say_time(double s, double step, char *out)
{
    char number[WEIR__REPORT_FIGURE_SIZE];

    if (step < 1e-3)
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.20s ms", weir__report_axis_say_count(s * 1e3, number));
    else if (step < 0.1)
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.0f ms", s * 1e3);
    else if (step < 60)
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.20s s", weir__report_axis_say_count(s, number));
    else if (step < 3600)
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.20s min", weir__report_axis_say_count(s / 60, number));
    else
        (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.20s h", weir__report_axis_say_count(s / 3600, number));
}

void weir__report_axis_time(struct weir__report_axis *axis, double most_s, unsigned wanted)
{
    static const double steps[] = {10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200};
    struct weir__report_tick *tick;
    double step;

    memset(axis, 0, sizeof *axis);
    axis->to = sane(most_s, 1);
    step = axis->to / wanted;
    if (step <= 5) {
        step = nice(step, true);
    } else {
        size_t i = 0;
        while (i < sizeof steps / sizeof steps[0] && steps[i] < step)
            i++;
        step = i < sizeof steps / sizeof steps[0] ? steps[i] : nice(step / 86400, true) * 86400;
    }
    for (unsigned i = 0; i * step <= axis->to * (1 + 1e-9) && (tick = add(axis, i * step)) != NULL; i++)
        say_time(tick->at, step, tick->label);
    if (axis->count > 0)
        (void)snprintf(axis->ticks[0].label, sizeof axis->ticks[0].label, "0");
}

/* --------------------------------------------------------------------------------------------------------- logarithmic
 */

static const char *say_plain_ms(double ms, char *out)
{
    const char *const unit = ms < 0.9999 ? "\u00b5s" : ms < 999.9 ? "ms" : "s";
    const double by = ms < 0.9999 ? 1e-3 : ms < 999.9 ? 1 : 1e3;
    char number[WEIR__REPORT_FIGURE_SIZE];

    (void)snprintf(out, WEIR__REPORT_FIGURE_SIZE, "%.20s %s", weir__report_axis_say_count(ms / by, number), unit);
    return out;
}

void weir__report_axis_ms(struct weir__report_axis *axis, double least, double most)
{
    static const double leads[] = {1, 2, 5};
    struct weir__report_tick *tick;
    double decades;

    memset(axis, 0, sizeof *axis);
    axis->logarithmic = true;
    least = fmax(sane(least, 1e-3), 1e-3);
    most = fmax(sane(most, least), least);
    axis->from = least / 1.1;
    axis->to = most * 1.1;
    if (axis->to < axis->from * 4) { /* what hardly varies must not look as if it did */
        const double middle = sqrt(axis->from * axis->to);
        axis->from = middle / 2;
        axis->to = middle * 2;
    }
    axis->from = nice(axis->from, false);
    axis->to = nice(axis->to, true);
    decades = log10(axis->to / axis->from);
    for (int power = -4; power < 16; power++) {
        for (size_t lead = 0; lead < (decades <= DECADES_FEW ? 3u : 1u); lead++) {
            const double at = leads[lead] * pow(10, power);
            if (at < axis->from * 0.999 || at > axis->to * 1.001 || (lead == 1 && decades > DECADES_FEWER))
                continue;
            tick = add(axis, at);
            if (tick != NULL)
                (void)say_plain_ms(at, tick->label);
        }
    }
}

void weir__report_axis_share(struct weir__report_axis *axis, double requests)
{
    struct weir__report_tick *tick;
    char label[WEIR__REPORT_FIGURE_SIZE] = "99";
    double at = 2;

    memset(axis, 0, sizeof *axis);
    axis->logarithmic = true;
    axis->from = 1;
    axis->to = fmax(sane(requests, 10), 4) * 1.15;
    while (at <= axis->to && (tick = add(axis, at)) != NULL) {
        if (at < 100) {
            (void)snprintf(tick->label, sizeof tick->label, at < 10 ? "50 %%" : "90 %%");
        } else {
            (void)snprintf(tick->label, sizeof tick->label, "%.20s %%", label);
            (void)snprintf(label + strlen(label), sizeof label - strlen(label), at < 1000 ? ".9" : "9");
        }
        at = at < 10 ? 10 : at * 10;
    }
}
