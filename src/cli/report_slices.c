/* report_slices - see report_slices.h */
#include "cli/report_slices.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_TOO_MANY 429

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void add_histogram(struct weir__histogram *to, const struct weir__histogram *from)
{
    to->count += from->count;
    to->sum_ns += from->sum_ns;
    if (from->max_ns > to->max_ns)
        to->max_ns = from->max_ns;
    for (size_t i = 0; i < WEIR__HISTOGRAM_BUCKETS; i++)
        to->buckets[i] += from->buckets[i];
}

/* `from`, which becomes empty, into `to`. */
static void join(struct weir__report_slice *to, struct weir__report_slice *from)
{
    to->begun += from->begun;
    to->ended += from->ended;
    to->again += from->again;
    to->begun_rest += from->begun_rest;
    to->ended_rest += from->ended_rest;
    for (size_t i = 0; i < WEIR_OUTCOME_COUNT; i++)
        to->outcomes[i] += from->outcomes[i];
    for (size_t i = 0; i < sizeof to->statuses / sizeof to->statuses[0]; i++)
        to->statuses[i] += from->statuses[i];
    to->refused += from->refused;
    to->repeated += from->repeated;
    if (to->latency == NULL) {
        to->latency = from->latency;
    } else if (from->latency != NULL) {
        add_histogram(to->latency, from->latency);
        free(from->latency);
    }
    memset(from, 0, sizeof *from);
}

bool weir__report_slices_widen(struct weir__report_slices *slices)
{
    const int64_t base = floor_div(slices->base, 2);

    if (slices->width_ns > INT64_MAX / 4)
        return false;
    for (size_t i = 0; i < slices->count; i++) {
        const int64_t number = slices->base + (int64_t)i;
        struct weir__report_slice *from = &slices->slices[i], *to = &slices->slices[floor_div(number, 2) - base];
        if (floor_div(number, 2) * 2 == number) { /* a first half: its end is now a width away */
            from->begun_rest += (int64_t)from->begun * slices->width_ns;
            from->ended_rest += (int64_t)from->ended * slices->width_ns;
        }
        if (to != from)
            join(to, from);
    }
    slices->count =
        slices->count == 0 ? 0 : (size_t)(floor_div(slices->base + (int64_t)slices->count - 1, 2) - base) + 1;
    slices->base = base;
    slices->width_ns *= 2;
    return true;
}

/* The slice that a moment is in. */
static struct weir__report_slice *find(struct weir__report_slices *slices, int64_t at_ns)
{
    if (slices->slices == NULL) {
        slices->slices = calloc(WEIR__REPORT_SLICES_MAX, sizeof *slices->slices);
        slices->width_ns = WEIR__REPORT_SLICE_MIN_NS;
        if (slices->slices == NULL)
            return NULL;
    }
    for (;;) {
        const int64_t number = floor_div(at_ns, slices->width_ns);
        const int64_t last = slices->base + (int64_t)slices->count - 1;
        if (slices->count == 0) {
            slices->base = number;
            slices->count = 1;
        } else if (number < slices->base && last - number < (int64_t)WEIR__REPORT_SLICES_MAX) {
            const size_t by = (size_t)(slices->base - number);
            memmove(slices->slices + by, slices->slices, slices->count * sizeof *slices->slices);
            memset(slices->slices, 0, by * sizeof *slices->slices);
            slices->base = number;
            slices->count += by;
        } else if (number < slices->base || number - slices->base >= (int64_t)WEIR__REPORT_SLICES_MAX) {
            if (!weir__report_slices_widen(slices))
                return NULL;
            continue;
        }
        if (number > last && number - slices->base >= (int64_t)slices->count)
            slices->count = (size_t)(number - slices->base) + 1;
        return &slices->slices[number - slices->base];
    }
}

static int64_t rest_of(const struct weir__report_slices *slices, int64_t at_ns)
{
    return (floor_div(at_ns, slices->width_ns) + 1) * slices->width_ns - at_ns;
}

bool weir__report_slices_begin(struct weir__report_slices *slices, int64_t at_ns, bool again)
{
    struct weir__report_slice *slice = find(slices, at_ns);

    if (slice == NULL)
        return false;
    slice->begun++;
    slice->again += again;
    slice->begun_rest += rest_of(slices, at_ns);
    return true;
}

bool weir__report_slices_end(struct weir__report_slices *slices, int64_t at_ns, enum weir_outcome outcome, int status,
                             int64_t latency_ns)
{
    struct weir__report_slice *slice = find(slices, at_ns);

    if (slice == NULL)
        return false;
    slice->ended++;
    slice->ended_rest += rest_of(slices, at_ns);
    slice->outcomes[outcome]++;
    slice->statuses[status >= 100 && status < 600 ? status / 100 : 0]++;
    slice->refused += status == STATUS_TOO_MANY;
    if (latency_ns < 0)
        return true;
    if (slice->latency == NULL)
        slice->latency = calloc(1, sizeof *slice->latency);
    if (slice->latency == NULL)
        return false;
    weir__histogram_add(slice->latency, latency_ns);
    return true;
}

bool weir__report_slices_repeat(struct weir__report_slices *slices, int64_t at_ns)
{
    struct weir__report_slice *slice = find(slices, at_ns);

    if (slice == NULL)
        return false;
    slice->repeated++;
    return true;
}

void weir__report_slices_in_flight(const struct weir__report_slices *slices, double *out)
{
    double before = 0;

    for (size_t i = 0; i < slices->count; i++) {
        const struct weir__report_slice *slice = &slices->slices[i];
        const double mean = before + ((double)slice->begun_rest - (double)slice->ended_rest) / (double)slices->width_ns;
        out[i] = mean > 0 ? mean : 0;
        before += (double)slice->begun - (double)slice->ended;
    }
}

void weir__report_slices_clear(struct weir__report_slices *slices)
{
    if (slices->slices != NULL)
        for (size_t i = 0; i < WEIR__REPORT_SLICES_MAX; i++)
            free(slices->slices[i].latency);
    free(slices->slices);
    memset(slices, 0, sizeof *slices);
}
