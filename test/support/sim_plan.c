/*
 * sim_plan - what is drawn for a random run, and what it says of itself.
 *
 * The ranges are such that limits, pauses, deadlines and stops meet within some virtual seconds: 5 to 60 jobs, servers
 * that allow 1 to 40 in 20 ms to 10 s.
 */
#include "base/clock.h"
#include "base/random.h"
#include "support/sim_draw.h"
#include "base/units.h"
#include "support/sim_whole.h"

#include <inttypes.h>

#define MS(n) ((int64_t)(n)*WEIR__NS_PER_MS)
#define S(n) ((int64_t)(n)*WEIR__NS_PER_S)

static double share(uint64_t *random, double max)
{
    return one_in(random, 2) ? 0 : weir__random_unit(random) * max;
}

static void random_server(struct sim_plan *p, uint64_t *random)
{
    static const int refusals[] = {429, 429, 429, 503, 403};
    struct sim_server_plan *s = &p->server;

    s->shape = (enum weir__window_shape)weir__random_below(random, WEIR__WINDOW_LEAKY + 1);
    s->limit = (uint32_t)spread(random, 1, 40);
    s->period_ns = spread(random, MS(20), S(10));
    if (s->shape == WEIR__WINDOW_LEAKY || (s->shape == WEIR__WINDOW_BUCKET && one_in(random, 2)))
        s->burst = 1 + (uint32_t)weir__random_below(random, s->limit);
    s->epoch_ns = weir__random_below(random, s->period_ns);
    s->slow_ppm = weir__random_below(random, 181) - 90;
    s->dialect = (enum weir__dialect)weir__random_below(random, WEIR__DIALECT_DISCORD + 1);
    s->refusal_status = refusals[weir__random_below(random, sizeof refusals / sizeof refusals[0])];
    s->date = one_in(random, 2);
    if (s->date)
        s->skew_ns = one_in(random, 2) ? 0 : weir__random_below(random, S(7200)) - S(3600);
    s->retry_date = s->date && one_in(random, 2);
    s->fail_share = share(random, 0.5);
    if (one_in(random, 6)) {
        s->down_ns = spread(random, MS(1), S(5));
        s->up_ns = s->down_ns + spread(random, MS(1), S(5));
    }
}

static void random_net(struct sim_plan *p, uint64_t *random)
{
    struct sim_net_plan *n = &p->net;
    const bool clean = one_in(random, 3);

    n->connect_max_ns = one_in(random, 3) ? 0 : spread(random, 1000, MS(500));
    n->uplink_max_ns = one_in(random, 3) ? 0 : spread(random, 1000, MS(300));
    n->latency_ns = spread(random, 1000, MS(500));
    n->latency_jitter_ns = weir__random_below(random, n->latency_ns + 1);
    n->body_max_ns = one_in(random, 2) ? 0 : spread(random, 1000, MS(300));
    n->new_share = share(random, 1);
    if (clean)
        return;
    n->connect_fail_share = share(random, 0.3);
    n->dead_share = share(random, 0.3);
    n->lost_share = share(random, 0.2);
    n->reset_share = share(random, 0.2);
    n->body_lost_share = share(random, 0.2);
    n->silent_share = share(random, 0.2);
    n->late_share = share(random, 0.2);
}

static void random_options(struct sim_plan *p, uint64_t *random)
{
    static const struct weir_options defaults = WEIR_OPTIONS_INIT;
    struct weir_options *o = &p->options;

    *o = defaults;
    o->concurrency = (uint32_t)spread(random, 1, 16);
    o->worker_max = one_in(random, 2) ? 0 : (uint32_t)spread(random, 1, 20);
    o->queue_max = one_in(random, 2) ? 1024 : (uint32_t)spread(random, 1, 8);
    o->connect_timeout_ns = spread(random, MS(100), S(10));
    o->timeout_ns = spread(random, MS(400), S(60));
    o->deadline_ns = one_in(random, 4) ? spread(random, MS(10), S(60)) : 0;
    o->attempt_max = (uint32_t)spread(random, 1, 8);
    o->refusal_max = one_in(random, 4) ? (uint32_t)weir__random_below(random, 5) : 100;
    o->backoff_ns = one_in(random, 8) ? 0 : spread(random, MS(1), S(2));
    o->backoff_max_ns = spread(random, MS(10), S(60));
    o->pause_max_ns = one_in(random, 8) ? spread(random, MS(500), S(10)) : one_in(random, 2) ? S(600) : -1;
    o->retry_budget = one_in(random, 2) ? 0.5 : share(random, 2);
    o->retry_non_idempotent = one_in(random, 8);
    o->learn_rate = one_in(random, 4);
    o->idempotency_header = one_in(random, 3) ? "Idempotency-Key" : NULL;
}

/* The server's own limit, so that it has nothing to refuse; or another one. */
static void random_rates(struct sim_plan *p, uint64_t *random)
{
    const struct sim_server_plan *s = &p->server;
    struct weir_rate *rate = &p->rates[0];

    p->may_be_refused = true;
    if (one_in(random, 3))
        return;
    p->rate_count = 1;
    rate->requests = s->limit;
    rate->per_ns = s->period_ns;
    rate->shape = one_in(random, 2) ? WEIR_SHAPE_STRICT : WEIR_SHAPE_WINDOW;
    rate->burst = one_in(random, 3) ? (uint32_t)weir__random_below(random, rate->requests + 1) : 0;
    if (one_in(random, 2)) { /* what is claimed for it, where nothing arrives after it was given up */
        p->server.shape = one_in(random, 2) ? WEIR__WINDOW_SLIDING : WEIR__WINDOW_FIXED;
        p->net.late_share = 0;
        p->options.deadline_ns = 0;
        p->options.timeout_ns = p->net.connect_max_ns + p->net.uplink_max_ns + spread(random, MS(200), S(60));
        p->may_be_refused = false;
    } else if (one_in(random, 2)) {
        rate->requests = s->limit + (uint32_t)spread(random, 1, 40);
        rate->shape = (enum weir_shape)weir__random_below(random, WEIR_SHAPE_PACED + 1);
    }
    if (one_in(random, 4)) {
        p->rate_count = 2;
        p->rates[1].requests = (uint32_t)spread(random, 1, 40);
        p->rates[1].per_ns = spread(random, MS(20), S(10));
        p->rates[1].shape = (enum weir_shape)weir__random_below(random, WEIR_SHAPE_PACED + 1);
    }
}

struct sim_plan sim_plan_random(uint64_t seed)
{
    uint64_t random = seed;
    struct sim_plan p = {.seed = weir__random_next(&random)};

    p.jobs = (uint32_t)spread(&random, 5, 60);
    p.producers = (uint32_t)spread(&random, 1, 3);
    p.post_share = weir__random_unit(&random);
    p.given_share = share(&random, 1);
    p.gap_max_ns = one_in(&random, 2) ? 0 : spread(&random, 1000, MS(500));
    p.submit_timeout_ns = one_in(&random, 2) ? -1 : one_in(&random, 2) ? 0 : spread(&random, 1000, S(1));
    if (one_in(&random, 6))
        p.stop_ns = spread(&random, MS(1), S(20));
    if (one_in(&random, 8))
        p.abort_ns = p.stop_ns + spread(&random, MS(1), S(10));
    p.yield_share = share(&random, 1);
    p.second_batch = true;
    random_server(&p, &random);
    random_net(&p, &random);
    random_options(&p, &random);
    random_rates(&p, &random);
    if (one_in(&random, 4)) { /* who is busy with a callback sees to no deadline */
        p.done_max_ns = spread(&random, 1000, MS(50));
        p.options.deadline_ns = 0;
    }
    p.late_max_ns = one_in(&random, 2) ? 0 : spread(&random, 1000, MS(20));
    p.wake_max_ns = one_in(&random, 2) ? 0 : spread(&random, 1000, MS(2));
    p.no_thread_share = one_in(&random, 8) ? weir__random_unit(&random) : 0;
    if (one_in(&random, 6)) {
        p.wall_steps = (uint32_t)spread(&random, 1, 5);
        p.wall_step_max_ns = spread(&random, S(1), S(86400));
    }
    if (one_in(&random, 4)) {
        p.note_max_ns = spread(&random, 1000, MS(20));
        p.options.deadline_ns = 0; /* as above */
    }
    if (p.rate_count > 0 && !p.may_be_refused && one_in(&random, 2))
        p.past = (uint32_t)spread(&random, 1, p.server.limit);
    if (one_in(&random, 4)) {
        p.cancels = (uint32_t)spread(&random, 1, p.jobs);
        p.cancel_gap_max_ns = spread(&random, 1000, S(2));
        p.may_be_refused = true; /* what was cancelled may arrive after it was given up */
    }
    return p;
}

static void describe_limits(const struct sim_plan *p)
{
    static const char *const shapes[] = {"default", "strict", "window", "paced"};
    static const char *const servers[] = {"uncounted", "sliding", "fixed", "counter", "bucket", "leaky"};
    static const char *const dialects[] = {"none",   "retry-after", "ietf",      "legacy",
                                           "github", "openai",      "anthropic", "discord"};
    char text[64];

    weir__units_format_rate(p->server.limit, p->server.period_ns, text, sizeof text);
    printf("# server: %s, %s, burst %" PRIu32 ", refuses with %d, dialect %s%s%s, skew %.3f s, fails %.2f, down from "
           "%.3f s to %.3f s\n",
           text, servers[p->server.shape], p->server.burst, p->server.refusal_status, dialects[p->server.dialect],
           p->server.date ? ", date" : "", p->server.retry_date ? ", retry as a date" : "",
           (double)p->server.skew_ns / 1e9, p->server.fail_share, (double)p->server.down_ns / 1e9,
           (double)p->server.up_ns / 1e9);
    for (uint32_t i = 0; i < p->rate_count; i++) {
        weir__units_format_rate(p->rates[i].requests, p->rates[i].per_ns, text, sizeof text);
        printf("# limit %s, %s, burst %" PRIu32 "\n", text, shapes[p->rates[i].shape], p->rates[i].burst);
    }
}

void sim_plan_describe(const struct sim_plan *p)
{
    const struct weir_options *o = &p->options;
    const struct sim_net_plan *n = &p->net;

    printf("# %" PRIu32 " jobs by %" PRIu32 ", %.2f POST, concurrency %" PRIu32 ", workers %" PRIu32 ", queue %" PRIu32
           ", stop %.3f s, abort %.3f s, %" PRIu32 " cancels within %.3f s\n",
           p->jobs, p->producers, p->post_share, o->concurrency, o->worker_max, o->queue_max, (double)p->stop_ns / 1e9,
           (double)p->abort_ns / 1e9, p->cancels, p->cancels * (double)p->cancel_gap_max_ns / 1e9);
    printf("# attempts %" PRIu32 ", refusals %" PRIu32
           ", budget %.2f, timeout %.3f s, deadline %.3f s, backoff %.3f to "
           "%.3f s, pause %.3f s%s%s%s\n",
           o->attempt_max, o->refusal_max, o->retry_budget, (double)o->timeout_ns / 1e9, (double)o->deadline_ns / 1e9,
           (double)o->backoff_ns / 1e9, (double)o->backoff_max_ns / 1e9, (double)o->pause_max_ns / 1e9,
           o->learn_rate ? ", learns" : "", o->idempotency_header != NULL ? ", keys" : "",
           o->retry_non_idempotent ? ", also not idempotent" : "");
    describe_limits(p);
    printf("# net: connect %.6f s, uplink %.6f s, latency %.6f s +- %.6f s, body %.6f s, %.2f new\n",
           (double)n->connect_max_ns / 1e9, (double)n->uplink_max_ns / 1e9, (double)n->latency_ns / 1e9,
           (double)n->latency_jitter_ns / 1e9, (double)n->body_max_ns / 1e9, n->new_share);
    printf("# faults: connect %.2f, dead %.2f, lost %.2f, reset %.2f, body %.2f, silent %.2f, late %.2f; waits late "
           "%.6f s, wakes %.6f s, no thread %.2f, wall %" PRIu32 " steps; notes %.6f s, %" PRIu32 " sends before\n",
           n->connect_fail_share, n->dead_share, n->lost_share, n->reset_share, n->body_lost_share, n->silent_share,
           n->late_share, (double)p->late_max_ns / 1e9, (double)p->wake_max_ns / 1e9, p->no_thread_share, p->wall_steps,
           (double)p->note_max_ns / 1e9, p->past);
}
