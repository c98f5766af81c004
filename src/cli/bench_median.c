/* bench_median - see bench_median.h */
#include "cli/bench_median.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where each figure stands. */
#define AT(name) offsetof(struct weir__bench_figures, name)
#define QUANTILE(index) (AT(latency_ms) + (index) * sizeof(double))

static const size_t fields[] = {AT(elapsed_s),
                                AT(requests),
                                AT(succeeded),
                                AT(failures),
                                AT(refused),
                                AT(rate_per_s),
                                AT(cpu_user_s),
                                AT(cpu_system_s),
                                AT(cpu_us),
                                AT(switches_voluntary),
                                AT(switches_involuntary),
                                AT(max_rss_bytes),
                                QUANTILE(0),
                                QUANTILE(1),
                                QUANTILE(2),
                                QUANTILE(3),
                                QUANTILE(4),
                                AT(latency_mean_ms),
                                AT(quota)};

_Static_assert(WEIR__BENCH_QUANTILES == 5, "each has a field of its own");

static double get(const struct weir__bench_figures *figures, size_t field)
{
    double value;

    memcpy(&value, (const char *)figures + field, sizeof value);
    return value;
}

static void set(struct weir__bench_figures *figures, size_t field, double value)
{
    memcpy((char *)figures + field, &value, sizeof value);
}

void weir__bench_figures_init(struct weir__bench_figures *figures)
{
    memset(figures, 0, sizeof *figures);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        set(figures, fields[i], NAN);
}

static int by_value(const void *a, const void *b)
{
    double first, second;

    memcpy(&first, a, sizeof first);
    memcpy(&second, b, sizeof second);
    return (first > second) - (first < second);
}

/* The known ones in order, at the beginning; how many. */
static size_t arrange(double *values, size_t count)
{
    size_t known = 0;

    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[known++] = values[i];
    qsort(values, known, sizeof *values, by_value);
    return known;
}

double weir__bench_median(double *values, size_t count)
{
    const size_t known = arrange(values, count);

    return known == 0 ? NAN : (values[(known - 1) / 2] + values[known / 2]) / 2;
}

void weir__bench_subject_sum_up(struct weir__bench_subject *subject)
{
    double values[WEIR__BENCH_ROUNDS_MAX];

    weir__bench_figures_init(&subject->median);
    weir__bench_figures_init(&subject->least);
    weir__bench_figures_init(&subject->most);
    for (size_t i = 0; i < subject->round_count; i++)
        subject->median.failed |= subject->rounds[i].round > 0 && subject->rounds[i].failed;
    subject->least.failed = subject->most.failed = subject->median.failed;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        size_t count = 0, known;

        for (size_t j = 0; j < subject->round_count && count < WEIR__BENCH_ROUNDS_MAX; j++)
            if (subject->rounds[j].round > 0 && !subject->rounds[j].failed)
                values[count++] = get(&subject->rounds[j], fields[i]);
        known = arrange(values, count);
        if (known == 0)
            continue;
        set(&subject->median, fields[i], weir__bench_median(values, known));
        set(&subject->least, fields[i], values[0]);
        set(&subject->most, fields[i], values[known - 1]);
    }
}
