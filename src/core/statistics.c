/* statistics - see statistics.h */
#include "core/statistics.h"

#include "base/sync.h"

#include <string.h>

bool weir__statistics_init(struct weir__statistics *statistics)
{
    memset(statistics, 0, sizeof *statistics);
    return weir__mutex_init(&statistics->lock);
}

void weir__statistics_clear(struct weir__statistics *statistics)
{
    weir__mutex_clear(&statistics->lock);
}

void weir__statistics_attempt(struct weir__statistics *statistics, const struct weir__statistics_attempt *attempt)
{
    weir__mutex_lock(&statistics->lock);
    statistics->attempts += attempt->sent;
    statistics->retries += attempt->sent && attempt->repeats;
    statistics->connections += attempt->new_connection;
    if (attempt->http_status > 0 && (unsigned)attempt->http_status <= WEIR_HTTP_STATUS_MAX)
        statistics->statuses[attempt->http_status]++;
    if (attempt->error != WEIR_ERROR_NONE)
        statistics->errors[attempt->error]++;
    if (attempt->ttfb_ns >= 0) {
        statistics->ttfb_count++;
        statistics->ttfb_sum_ns += attempt->ttfb_ns;
    }
    if (attempt->ended)
        statistics->outcomes[attempt->outcome]++;
    if (attempt->ended && attempt->outcome == WEIR_OUTCOME_SUCCEEDED)
        weir__histogram_add(&statistics->latency, attempt->elapsed_ns);
    if (attempt->answered_ns >= 0)
        statistics->answers_ns[statistics->answer_count++ % WEIR__STATISTICS_ANSWERS] = attempt->answered_ns;
    weir__mutex_unlock(&statistics->lock);
}

void weir__statistics_ended(struct weir__statistics *statistics, enum weir_outcome outcome, enum weir_error error)
{
    weir__mutex_lock(&statistics->lock);
    if (error == WEIR_ERROR_DEADLINE || outcome != WEIR_OUTCOME_CANCELLED)
        statistics->errors[error]++;
    statistics->outcomes[outcome]++;
    weir__mutex_unlock(&statistics->lock);
}

void weir__statistics_answer(struct weir__statistics *statistics, int64_t answered_ns)
{
    weir__mutex_lock(&statistics->lock);
    statistics->answers_ns[statistics->answer_count++ % WEIR__STATISTICS_ANSWERS] = answered_ns;
    weir__mutex_unlock(&statistics->lock);
}

uint64_t weir__statistics_answers(struct weir__statistics *statistics, int64_t since_ns, int64_t *out_first_ns)
{
    const struct weir__statistics *s = statistics;
    uint64_t count = 0;

    weir__mutex_lock(&statistics->lock);
    while (count < s->answer_count && count < WEIR__STATISTICS_ANSWERS) {
        const int64_t at_ns = s->answers_ns[(s->answer_count - 1 - count) % WEIR__STATISTICS_ANSWERS];
        if (at_ns < since_ns)
            break;
        *out_first_ns = at_ns;
        count++;
    }
    weir__mutex_unlock(&statistics->lock);
    return count;
}

uint64_t weir__statistics_succeeded(struct weir__statistics *statistics)
{
    uint64_t succeeded;

    weir__mutex_lock(&statistics->lock);
    succeeded = statistics->outcomes[WEIR_OUTCOME_SUCCEEDED];
    weir__mutex_unlock(&statistics->lock);
    return succeeded;
}

static void read_latency(const struct weir__statistics *s, struct weir_latency_stats *out)
{
    static const int64_t bounds_ns[WEIR_LATENCY_BOUND_COUNT] = WEIR_LATENCY_BOUNDS_NS;
    const struct weir__histogram *h = &s->latency;

    *out = (struct weir_latency_stats){
        .count = h->count,
        .p50_ns = weir__histogram_quantile(h, 0.5),
        .p90_ns = weir__histogram_quantile(h, 0.9),
        .p99_ns = weir__histogram_quantile(h, 0.99),
        .p99_9_ns = weir__histogram_quantile(h, 0.999),
        .max_ns = h->max_ns,
        .mean_ns = weir__histogram_mean(h),
        .sum_ns = h->sum_ns,
        .ttfb_mean_ns = s->ttfb_count == 0 ? 0 : s->ttfb_sum_ns / (int64_t)s->ttfb_count,
    };
    weir__histogram_at_most(h, bounds_ns, WEIR_LATENCY_BOUND_COUNT, out->at_most);
}

void weir__statistics_read(struct weir__statistics *statistics, struct weir_stats *out)
{
    struct weir__statistics *s = statistics;

    weir__mutex_lock(&s->lock);
    memcpy(out->outcomes, s->outcomes, sizeof out->outcomes);
    out->attempts = s->attempts;
    out->retries = s->retries;
    out->connections = s->connections;
    memcpy(out->statuses, s->statuses, sizeof out->statuses);
    memcpy(out->errors, s->errors, sizeof out->errors);
    read_latency(s, &out->latency);
    weir__mutex_unlock(&s->lock);
}
