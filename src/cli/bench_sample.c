/* bench_sample - see bench_sample.h */
#include "cli/bench_sample.h"

#include "base/clock.h"
#include "base/histogram.h"
#include "base/sync.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CURVE_STEP 0.86596432336006535 /* 10^(-1/16): 16 points of the curve for each factor of ten in 1/(1-share) */
#define SLICE_MIN_NS INT64_C(1000000)  /* narrower ones would show the clock of the system's scheduler */
#define REFUSED 429

/* ---------------------------------------------------------------------------------------------------------- taking */

bool weir__bench_samples_init(struct weir__bench_samples *samples, int64_t began_ns)
{
    memset(samples, 0, sizeof *samples);
    samples->began_ns = began_ns;
    samples->file = memfd_create("weir-bench", MFD_CLOEXEC);
    if (samples->file < 0)
        return false;
    if (weir__mutex_init(&samples->lock))
        return true;
    (void)close(samples->file);
    samples->file = -1;
    return false;
}

void weir__bench_samples_clear(struct weir__bench_samples *samples)
{
    (void)close(samples->file);
    weir__mutex_clear(&samples->lock);
}

/* Under the lock. */
static void write_held(struct weir__bench_samples *samples)
{
    const char *bytes = (const char *)samples->held;
    size_t left = samples->held_count * sizeof samples->held[0];

    while (left > 0 && !samples->failed) {
        const ssize_t written = write(samples->file, bytes, left);
        if (written < 0 && errno == EINTR)
            continue;
        samples->failed = written <= 0;
        bytes += written > 0 ? written : 0;
        left -= written > 0 ? (size_t)written : 0;
    }
    samples->held_count = 0;
}

void weir__bench_samples_take(struct weir__bench_samples *samples, const struct weir__bench_sample *sample)
{
    weir__mutex_lock(&samples->lock);
    if (samples->count < WEIR__BENCH_SAMPLES_MAX) {
        samples->count++;
        samples->held[samples->held_count++] = *sample;
        if (samples->held_count == WEIR__BENCH_SAMPLES_HELD)
            write_held(samples);
    }
    weir__mutex_unlock(&samples->lock);
}

void weir__bench_samples_pause(struct weir__bench_samples *samples, int64_t from_ns, int64_t wait_ns)
{
    const double from_s = (double)(from_ns - samples->began_ns) / 1e9;
    const double to_s = from_s + (double)(wait_ns < 0 ? 0 : wait_ns) / 1e9;
    struct weir__bench_pause *last;

    weir__mutex_lock(&samples->lock);
    last = samples->pause_count > 0 ? &samples->pauses[samples->pause_count - 1] : NULL;
    if (last != NULL && from_s <= last->to_s)
        last->to_s = to_s > last->to_s ? to_s : last->to_s;
    else if (samples->pause_count < WEIR__BENCH_PAUSES_MAX)
        samples->pauses[samples->pause_count++] = (struct weir__bench_pause){from_s, to_s};
    weir__mutex_unlock(&samples->lock);
}

/* ------------------------------------------------------------------------------------------------------------- rates
 */

static double intended_by(const struct weir_rate *rate, uint64_t job)
{
    const bool window = rate->shape == WEIR_SHAPE_WINDOW ||
                        (rate->shape == WEIR_SHAPE_DEFAULT && rate->per_ns > WEIR_STRICT_PERIOD_MAX_NS);
    const uint64_t burst = rate->burst == 0 ? 1 : rate->burst;

    if (window) {
        const uint64_t periods = job / rate->requests;
        return (double)periods * (double)rate->per_ns;
    }
    return job < burst ? 0 : (double)(job - burst + 1) * (double)rate->per_ns / rate->requests;
}

int64_t weir__bench_intended_ns(const struct weir_rate *rates, size_t rate_count, uint64_t job)
{
    double latest = 0;

    for (size_t i = 0; i < rate_count; i++) {
        const double intended = intended_by(&rates[i], job);
        latest = intended > latest ? intended : latest;
    }
    return latest < 9e18 ? (int64_t)latest : INT64_MAX;
}

/* --------------------------------------------------------------------------------------------------------- analysing
 */

/* What goes over the samples, which are in the order of their ends. */
struct analysis {
    const struct weir__bench_sample *samples;
    size_t count;
    const struct weir_rate *rates;
    size_t rate_count;
    int64_t width_ns; /* of a slice */
    struct weir__histogram all, slice;
    int64_t
        flights[WEIR__BENCH_SLICES_MAX + 1]; /* how many more are in flight at a slice's end than at its beginning */
};

static int by_end(const void *a, const void *b)
{
    const struct weir__bench_sample *first = a, *second = b;
    return (first->ended_ns > second->ended_ns) - (first->ended_ns < second->ended_ns);
}

static int64_t latency_of(const struct analysis *analysis, const struct weir__bench_sample *sample)
{
    if (analysis->rate_count == 0)
        return sample->elapsed_ns;
    return sample->ended_ns - weir__bench_intended_ns(analysis->rates, analysis->rate_count, sample->job);
}

static size_t slice_of(const struct analysis *analysis, int64_t ns)
{
    const int64_t slice = ns < 0 ? 0 : ns / analysis->width_ns;
    return slice < (int64_t)WEIR__BENCH_SLICES_MAX ? (size_t)slice : WEIR__BENCH_SLICES_MAX - 1;
}

static double to_ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static void count_sample(struct analysis *analysis, const struct weir__bench_sample *sample,
                         struct weir__bench_slice *slice, struct weir__bench_record *out)
{
    const unsigned class = sample->status / 100u;
    const bool told = sample->error == WEIR_ERROR_NONE || sample->error == WEIR_ERROR_STATUS;

    slice->ended++;
    slice->statuses[class < 6 ? class : 0]++;
    slice->refused += sample->status == REFUSED;
    analysis->flights[slice_of(analysis, sample->ended_ns - sample->elapsed_ns)]++;
    analysis->flights[slice_of(analysis, sample->ended_ns)]--;
    if (sample->good) {
        weir__histogram_add(&analysis->all, latency_of(analysis, sample));
        weir__histogram_add(&analysis->slice, latency_of(analysis, sample));
    } else if (!told && sample->error < WEIR_ERROR_COUNT) {
        out->errors[sample->error]++;
    } else if (sample->status != REFUSED) {
        out->errors[WEIR_ERROR_STATUS]++;
    }
}

static void end_slice(struct analysis *analysis, size_t number, struct weir__bench_slice *slice)
{
    const bool measured = analysis->slice.count > 0;

    slice->t_s = (double)(analysis->width_ns * ((int64_t)number + 1)) / 1e9;
    slice->p50_ms = measured ? to_ms(weir__histogram_quantile(&analysis->slice, 0.5)) : NAN;
    slice->p99_ms = measured ? to_ms(weir__histogram_quantile(&analysis->slice, 0.99)) : NAN;
    memset(&analysis->slice, 0, sizeof analysis->slice);
}

static void cut_into_slices(struct analysis *analysis, struct weir__bench_record *out)
{
    int64_t in_flight = 0;
    size_t next = 0;

    memset(out->series, 0, sizeof out->series);
    out->series_count = 0;
    if (analysis->samples == NULL)
        return;
    out->series_count = slice_of(analysis, analysis->samples[analysis->count - 1].ended_ns) + 1;
    for (size_t i = 0; i < out->series_count; i++) {
        while (next < analysis->count && slice_of(analysis, analysis->samples[next].ended_ns) == i)
            count_sample(analysis, &analysis->samples[next++], &out->series[i], out);
        end_slice(analysis, i, &out->series[i]);
    }
    for (size_t i = 0; i < out->series_count; i++) {
        in_flight += analysis->flights[i];
        out->series[i].in_flight = (uint32_t)(in_flight > 0 ? in_flight : 0);
    }
}

/* Points that are even on the axis of 1/(1-share), where each decade is a "nine" more; the last is the longest. */
static void draw_curve(const struct weir__histogram *histogram, struct weir__bench_record *out)
{
    double left = 1;

    out->curve_count = 0;
    if (histogram->count == 0)
        return;
    for (; left * (double)histogram->count >= 1 && out->curve_count < WEIR__BENCH_CURVE_MAX - 1; left *= CURVE_STEP)
        out->curve[out->curve_count++] =
            (struct weir__bench_point){1 - left, to_ms(weir__histogram_quantile(histogram, 1 - left))};
    out->curve[out->curve_count++] = (struct weir__bench_point){1, to_ms(histogram->max_ns)};
}

static void take_latencies(const struct weir__histogram *histogram, struct weir__bench_figures *figures)
{
    static const double shares[WEIR__BENCH_QUANTILES] = {0.5, 0.9, 0.99, 0.999, 1};
    const bool measured = histogram->count > 0;

    for (size_t i = 0; i < WEIR__BENCH_QUANTILES; i++)
        figures->latency_ms[i] = measured ? to_ms(weir__histogram_quantile(histogram, shares[i])) : NAN;
    figures->latency_mean_ms = measured ? to_ms(weir__histogram_mean(histogram)) : NAN;
}

bool weir__bench_samples_analyse(struct weir__bench_samples *samples, const struct weir_rate *rates, size_t rate_count,
                                 struct weir__bench_record *out)
{
    static struct analysis analysis; /* large */
    const size_t size = (size_t)samples->count * sizeof samples->held[0];
    struct weir__bench_sample *all = NULL;

    write_held(samples);
    if (samples->failed)
        return false;
    memset(&analysis, 0, sizeof analysis);
    if (size > 0) {
        all = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, samples->file, 0);
        if (all == MAP_FAILED)
            return false;
        qsort(all, (size_t)samples->count, sizeof *all, by_end);
        analysis.width_ns = all[samples->count - 1].ended_ns / (int64_t)WEIR__BENCH_SLICES_MAX + 1;
    }
    if (analysis.width_ns < SLICE_MIN_NS)
        analysis.width_ns = SLICE_MIN_NS;
    analysis.samples = all;
    analysis.count = (size_t)samples->count;
    analysis.rates = rates;
    analysis.rate_count = rate_count;
    cut_into_slices(&analysis, out);
    draw_curve(&analysis.all, out);
    take_latencies(&analysis.all, &out->figures);
    memcpy(out->pauses, samples->pauses, samples->pause_count * sizeof out->pauses[0]);
    out->pause_count = samples->pause_count;
    if (all != NULL)
        (void)munmap(all, size);
    return true;
}
