/* histogram - see histogram.h */
#include "base/histogram.h"

#include "base/clock.h"

#define SUB_COUNT (UINT64_C(1) << WEIR__HISTOGRAM_SUB_BITS)

/* Values below SUB_COUNT have a bucket each; above, the leading bits after the first choose one of SUB_COUNT. */
static unsigned bucket_of(uint64_t us)
{
    const uint64_t max = (UINT64_C(1) << WEIR__HISTOGRAM_BITS) - 1;
    unsigned shift;

    if (us > max)
        us = max;
    if (us < SUB_COUNT)
        return (unsigned)us;
    shift = (unsigned)(63 - __builtin_clzll(us)) - WEIR__HISTOGRAM_SUB_BITS;
    return ((shift + 1) << WEIR__HISTOGRAM_SUB_BITS) + (unsigned)((us >> shift) - SUB_COUNT);
}

static int64_t upper_end_ns(unsigned bucket)
{
    const unsigned group = bucket >> WEIR__HISTOGRAM_SUB_BITS;
    const uint64_t sub = bucket & (SUB_COUNT - 1);
    const uint64_t us = group == 0 ? sub : ((SUB_COUNT + sub + 1) << (group - 1)) - 1;
    return (int64_t)(us + 1) * WEIR__NS_PER_US - 1;
}

void weir__histogram_add(struct weir__histogram *histogram, int64_t ns)
{
    if (ns < 0)
        ns = 0;
    histogram->count++;
    histogram->sum_ns += ns;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
    histogram->buckets[bucket_of((uint64_t)(ns / WEIR__NS_PER_US))]++;
}

int64_t weir__histogram_quantile(const struct weir__histogram *histogram, double q)
{
    const double wanted = q * (double)histogram->count;
    uint64_t seen = 0;

    for (unsigned i = 0; i < WEIR__HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= wanted) {
            const int64_t end = upper_end_ns(i);
            return end < histogram->max_ns ? end : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}

void weir__histogram_at_most(const struct weir__histogram *histogram, const int64_t *bounds_ns, size_t count,
                             uint64_t *out)
{
    uint64_t seen = 0;
    unsigned next = 0; /* the first bucket that is not in `seen` */

    for (size_t i = 0; i < count; i++) {
        const unsigned last = bucket_of(bounds_ns[i] < 0 ? 0 : (uint64_t)(bounds_ns[i] / WEIR__NS_PER_US));
        while (next <= last)
            seen += histogram->buckets[next++];
        out[i] = seen;
    }
}

int64_t weir__histogram_mean(const struct weir__histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->sum_ns / (int64_t)histogram->count;
}
