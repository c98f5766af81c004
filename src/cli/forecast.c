/* forecast - see forecast.h */
#include "cli/forecast.h"

#include "base/units.h"

static int64_t times(uint64_t count, int64_t ns)
{
    int64_t product;
    return __builtin_mul_overflow(count, ns, &product) ? INT64_MAX : product;
}

static int64_t plus(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* count x per / requests, rounded down.  In parts, so that nothing but the result can overflow: `rest` is below
 * `requests`, a million, and so is the remainder it is multiplied with. */
static int64_t paced_ns(uint64_t count, uint32_t requests, int64_t per_ns)
{
    const int64_t rest = (int64_t)(count % requests);
    const int64_t rest_ns = rest * (per_ns / requests) + rest * (per_ns % requests) / requests;

    return plus(times(count / requests, per_ns), rest_ns);
}

/*
 * How long after the first of `jobs` sends the last may go.  By the hold: send k + N takes the permit of send k, at the
 * earliest a period after it.  By the pace: a burst at once, the others T/N apart.
 */
static int64_t rate_ns(const struct weir_rate *rate, uint64_t jobs)
{
    const bool window = rate->shape == WEIR_SHAPE_WINDOW ||
                        (rate->shape == WEIR_SHAPE_DEFAULT && rate->per_ns > WEIR_STRICT_PERIOD_MAX_NS);
    const uint64_t burst = rate->burst > 1 ? rate->burst : 1;
    const int64_t held = rate->shape == WEIR_SHAPE_PACED ? 0 : times((jobs - 1) / rate->requests, rate->per_ns);
    const int64_t paced = window || jobs <= burst ? 0 : paced_ns(jobs - burst, rate->requests, rate->per_ns);

    return held > paced ? held : paced;
}

void weir__forecast_make(struct weir__forecast *out, uint64_t jobs, uint32_t concurrency, const struct weir_rate *rates,
                         size_t rate_count, int64_t request_ns)
{
    const struct weir_rate *worst = NULL;

    out->least_ns = 0;
    out->held_by = NULL;
    out->name[0] = '\0';
    out->concurrent_ns = times(jobs / concurrency + (jobs % concurrency > 0), request_ns);
    for (size_t i = 0; jobs > 0 && i < rate_count; i++) {
        const int64_t ns = rate_ns(&rates[i], jobs);
        if (ns > out->least_ns) {
            out->least_ns = ns;
            worst = &rates[i];
        }
    }
    if (worst == NULL)
        return;
    weir__units_format_rate(worst->requests, worst->per_ns, out->name, sizeof out->name);
    out->held_by = out->name;
}
