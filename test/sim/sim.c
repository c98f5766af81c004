/*
 * sim - weir's gate and limits against a server that counts, in virtual time.
 *
 *   sim                  every way of counting that weir claims to satisfy, each with three kinds of jitter, the
 *                        checks that the simulator itself can see a wrong limiter, and some random scenarios; TAP
 *   sim --requests N     the same with N requests for each
 *   sim --seeds N        N random scenarios instead
 *   sim --seed N         one of them again, with what it was
 *
 * The exit status is 1 where anything was violated.  Each run is a function of its seed.
 */
#include "base/clock.h"
#include "base/random.h"
#include "support/sim_draw.h"
#include "base/units.h"
#include "policy/hold.h"
#include "support/sim_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS(n) ((int64_t)(n)*WEIR__NS_PER_MS)
#define REQUESTS 20000u
#define SEEDS 400u
#define SHARE_OF_CEILING 0.97
#define SHARE_AFTER_CHANGE 0.85

static unsigned tests, failures;

static void say(bool good, const char *name, const char *detail)
{
    tests++;
    failures += !good;
    printf("%s %u - %s%s%s\n", good ? "ok" : "not ok", tests, name, detail[0] == '\0' ? "" : ": ", detail);
    (void)fflush(stdout);
}

/* ------------------------------------------------------------------------------------------------- the claimed ones */

struct claim {
    const char *name;
    enum weir__window_shape server;
    uint32_t burst;
};

static const struct claim claims[] = {
    {"sliding", WEIR__WINDOW_SLIDING, 0},        {"fixed", WEIR__WINDOW_FIXED, 0},
    {"counter", WEIR__WINDOW_COUNTER, 0},        {"bucket of 10", WEIR__WINDOW_BUCKET, 10},
    {"leaky, burst 20", WEIR__WINDOW_LEAKY, 20},
};
#define CLAIMS (sizeof claims / sizeof claims[0])

/* 100 a second; a response after 20 ms, give or take 10; one connection in fifty is new and takes up to 30 ms. */
static struct sim_scenario base(enum weir_shape shape, const struct claim *claim, int64_t uplink_ns, uint64_t requests)
{
    struct sim_scenario s = {
        .seed = 1,
        .requests = requests,
        .concurrency = 50,
        .rate_count = 1,
        .uplink_max_ns = uplink_ns,
        .latency_ns = MS(20),
        .latency_jitter_ns = MS(10),
        .body_max_ns = MS(2),
        .new_share = 0.02,
        .handshake_max_ns = MS(30),
        .late_max_ns = 100000,
        .slow_ppm = 90,
    };
    s.rates[0] = (struct sim_rate){{100, 0, WEIR__NS_PER_S, shape}, claim->server, 100, claim->burst, MS(377)};
    return s;
}

static void run_claim(enum weir_shape shape, const struct claim *claim, int64_t uplink_ns, uint64_t requests)
{
    const struct sim_scenario scenario = base(shape, claim, uplink_ns, requests);
    struct sim_report r;
    char name[96], detail[384];
    double ceiling;
    bool good;

    (void)snprintf(name, sizeof name, "%s%s, uplink %lld ms", claim->name,
                   shape == WEIR_SHAPE_WINDOW ? ", hold alone" : "", (long long)(uplink_ns / MS(1)));
    if (!sim_world_run(&scenario, &r)) {
        say(false, name, "out of memory");
        return;
    }
    ceiling = 100 / (1 + r.rtt_s);
    good = r.held && r.refused == 0 && r.worst[0] <= r.certified[0] && r.certified[0] <= 100 &&
           r.per_s >= SHARE_OF_CEILING * ceiling;
    (void)snprintf(detail, sizeof detail,
                   "%llu requests, %llu refused, worst window %llu, certified %llu, %.2f of %.2f/s%s%s",
                   (unsigned long long)r.sent, (unsigned long long)r.refused, (unsigned long long)r.worst[0],
                   (unsigned long long)r.certified[0], r.per_s, ceiling, r.held ? "" : "; ", r.what);
    say(good, name, detail);
}

static void run_claims(uint64_t requests)
{
    static const int64_t uplinks[] = {0, MS(10), MS(50)};

    for (size_t i = 0; i < CLAIMS; i++)
        for (size_t j = 0; j < 3; j++)
            run_claim(WEIR_SHAPE_STRICT, &claims[i], uplinks[j], requests);
    for (size_t i = 0; i < 2; i++) /* what counts windows is satisfied by the hold alone */
        for (size_t j = 0; j < 3; j++)
            run_claim(WEIR_SHAPE_WINDOW, &claims[i], uplinks[j], requests);
}

/* ------------------------------------------------------------------------------------------- an RTT that changes much
 */

static const struct weir_rate changing[] = {
    {1, 0, MS(1000), WEIR_SHAPE_STRICT},    {2, 0, MS(1000), WEIR_SHAPE_STRICT}, {5, 0, MS(60000), WEIR_SHAPE_STRICT},
    {10, 0, MS(1000), WEIR_SHAPE_STRICT},   {10, 4, MS(250), WEIR_SHAPE_STRICT}, {100, 0, MS(1000), WEIR_SHAPE_STRICT},
    {1000, 0, MS(1000), WEIR_SHAPE_STRICT}, {10, 0, MS(100), WEIR_SHAPE_STRICT},
};

/* The first responses take a minute each, all others 50 ms: the pace must not go on as if nothing had changed. */
static void run_recovery(const struct weir_rate *rate)
{
    /* whole rounds of the permits, so that no slow one is still out when the steady part begins */
    const uint64_t slow = (uint64_t)rate->requests * (rate->requests < 32 ? 64 / rate->requests : 2);
    struct sim_scenario s = {
        .seed = 1,
        .requests = 10 * slow,
        .concurrency = 2000,
        .rate_count = 1,
        .latency_ns = MS(50),
        .slow_first = slow,
        .slow_latency_ns = MS(60000),
        .late_max_ns = 100000,
    };
    const double ceiling = rate->requests / ((double)rate->per_ns / 1e9 + 0.05);
    struct sim_report r;
    char name[128], limit[64], detail[384];

    s.rates[0] = (struct sim_rate){*rate, WEIR__WINDOW_COUNTER, rate->requests, 0, MS(377)};
    weir__units_format_rate(rate->requests, rate->per_ns, limit, sizeof limit);
    (void)snprintf(name, sizeof name, "%s, after %llu responses of a minute", limit, (unsigned long long)slow);
    if (!sim_world_run(&s, &r)) {
        say(false, name, "out of memory");
        return;
    }
    (void)snprintf(detail, sizeof detail, "%llu refused, %.3f of %.3f/s%s%s", (unsigned long long)r.refused, r.per_s,
                   ceiling, r.held ? "" : "; ", r.what);
    say(r.held && r.refused == 0 && r.per_s >= SHARE_AFTER_CHANGE * ceiling, name, detail);
}

/* A response takes as long as half the period, give or take half of that: what came late is caught up. */
static void run_jitter(uint32_t requests, double least_share)
{
    struct sim_scenario s = {
        .seed = 1,
        .requests = 4000,
        .concurrency = 2000,
        .rate_count = 1,
        .latency_ns = MS(500),
        .latency_jitter_ns = MS(250),
        .late_max_ns = 100000,
    };
    struct sim_report r;
    char name[96], detail[384];
    double ceiling;

    s.rates[0] =
        (struct sim_rate){{requests, 0, MS(1000), WEIR_SHAPE_STRICT}, WEIR__WINDOW_COUNTER, requests, 0, MS(377)};
    (void)snprintf(name, sizeof name, "%u/1s, responses after 250 to 750 ms", requests);
    if (!sim_world_run(&s, &r)) {
        say(false, name, "out of memory");
        return;
    }
    ceiling = requests / (1 + r.rtt_s);
    (void)snprintf(detail, sizeof detail, "%llu refused, %.3f of %.3f/s%s%s", (unsigned long long)r.refused, r.per_s,
                   ceiling, r.held ? "" : "; ", r.what);
    say(r.held && r.refused == 0 && r.per_s >= least_share * ceiling, name, detail);
}

static void run_changes(void)
{
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
        run_recovery(&changing[i]);
    run_jitter(1, 0.99);
    run_jitter(2, 0.95);
    run_jitter(10, 0.935);
    run_jitter(100, 0.97);
}

/* --------------------------------------------------------------------------------- that the simulator sees what is
 * wrong */

static void expect_refusals(const char *name, const struct sim_scenario *scenario)
{
    struct sim_report r;
    char detail[128];
    const bool ran = sim_world_run(scenario, &r);

    (void)snprintf(detail, sizeof detail, "%llu of %llu requests, worst window %llu", (unsigned long long)r.refused,
                   (unsigned long long)r.sent, (unsigned long long)r.worst[0]);
    say(ran && r.held && r.refused > 0, name, detail);
}

static void run_checks_of_the_simulator(void)
{
    struct sim_scenario s = base(WEIR_SHAPE_PACED, &claims[0], MS(10), REQUESTS);
    struct sim_report r;

    s.may_be_refused = true;
    expect_refusals("pace alone is refused by a sliding log", &s);
    s = base(WEIR_SHAPE_WINDOW, &claims[3], MS(10), REQUESTS);
    s.may_be_refused = true;
    expect_refusals("hold alone is refused by a bucket of 10", &s);
    s = base(WEIR_SHAPE_WINDOW, &claims[0], MS(10), REQUESTS);
    s.rates[0].server_limit = 99;
    say(sim_world_run(&s, &r) && !r.held && strstr(r.what, "refuses") != NULL,
        "a server that allows one fewer is noticed", r.what);
}

/* Without any delay to hide in, a hold must outlast the server's window by all that the clocks may differ. */
static void run_clocks(void)
{
    struct sim_scenario s = base(WEIR_SHAPE_WINDOW, &claims[0], 0, REQUESTS);
    struct sim_report r;

    s.latency_ns = s.latency_jitter_ns = s.body_max_ns = s.late_max_ns = 0;
    s.new_share = 0;
    s.slow_ppm = WEIR__HOLD_DRIFT_PPM - 1;
    say(sim_world_run(&s, &r) && r.held && r.refused == 0, "a server's clock may be almost 100 ppm slow", r.what);
    s.slow_ppm = WEIR__HOLD_DRIFT_PPM + 10;
    say(sim_world_run(&s, &r) && !r.held && strstr(r.what, "refuses") != NULL, "a slower one is noticed", r.what);
}

/* --------------------------------------------------------------------------------------------------- random scenarios
 */

static void random_rate(struct sim_rate *out, uint64_t *random)
{
    out->rate.requests = (uint32_t)spread(random, 1, 1000);
    out->rate.per_ns = spread(random, MS(10), MS(10000));
    out->rate.shape = one_in(random, 2) ? WEIR_SHAPE_STRICT : WEIR_SHAPE_WINDOW;
    out->rate.burst = one_in(random, 3) ? (uint32_t)weir__random_below(random, out->rate.requests + 1) : 0;
    out->server = one_in(random, 2) ? WEIR__WINDOW_SLIDING : WEIR__WINDOW_FIXED;
    out->server_limit = out->rate.requests;
    out->server_epoch_ns = weir__random_below(random, out->rate.per_ns);
    if (one_in(random, 8)) { /* no proof, so nothing that the server could hold against it */
        out->rate.shape = WEIR_SHAPE_PACED;
        out->server = WEIR__WINDOW_NONE;
    }
}

static struct sim_scenario random_scenario(uint64_t seed)
{
    uint64_t random = seed;
    struct sim_scenario s = {.seed = weir__random_next(&random)};

    s.requests = (uint64_t)spread(&random, 20, 4000);
    s.concurrency = (uint32_t)spread(&random, 1, 1000);
    s.rate_count = (uint32_t)weir__random_below(&random, 4);
    for (uint32_t i = 0; i < s.rate_count; i++)
        random_rate(&s.rates[i], &random);
    s.uplink_max_ns = one_in(&random, 4) ? 0 : spread(&random, 1000, MS(2000));
    s.latency_ns = spread(&random, 1000, MS(2000));
    s.latency_jitter_ns = weir__random_below(&random, s.latency_ns + 1);
    s.body_max_ns = one_in(&random, 3) ? 0 : spread(&random, 1000, MS(5000));
    s.new_share = one_in(&random, 3) ? 0 : weir__random_unit(&random);
    s.handshake_max_ns = spread(&random, 1000, MS(1000));
    s.unsent_share = one_in(&random, 2) ? 0 : weir__random_unit(&random) * 0.5;
    s.lost_share = one_in(&random, 2) ? 0 : weir__random_unit(&random) * 0.5;
    s.give_up_ns = s.uplink_max_ns + spread(&random, 1000, MS(1000));
    s.late_max_ns = one_in(&random, 4) ? 0 : spread(&random, 1000, MS(20));
    s.slow_ppm = weir__random_below(&random, 181) - 90;
    if (s.uplink_max_ns > 0 &&
        one_in(&random, 6)) { /* some arrive after they were given up: nobody can keep a window then */
        s.give_up_ns = weir__random_below(&random, s.uplink_max_ns);
        s.may_be_refused = true;
    }
    return s;
}

static void describe(const struct sim_scenario *s)
{
    static const char *const shapes[] = {"default", "strict", "window", "paced"};
    static const char *const servers[] = {"uncounted", "sliding", "fixed", "counter", "bucket", "leaky"};

    printf("# %llu requests, concurrency %u\n", (unsigned long long)s->requests, s->concurrency);
    for (uint32_t i = 0; i < s->rate_count; i++) {
        char name[64];
        weir__units_format_rate(s->rates[i].rate.requests, s->rates[i].rate.per_ns, name, sizeof name);
        printf("# limit %s, %s, burst %u, %s at the server\n", name, shapes[s->rates[i].rate.shape],
               s->rates[i].rate.burst, servers[s->rates[i].server]);
    }
    printf("# up to: uplink %.6f s, body %.6f s, handshake %.6f s for %.2f of all, waits late %.6f s\n",
           (double)s->uplink_max_ns / 1e9, (double)s->body_max_ns / 1e9, (double)s->handshake_max_ns / 1e9,
           s->new_share, (double)s->late_max_ns / 1e9);
    printf(
        "# latency %.6f s +- %.6f s; %.2f unsent, %.2f lost and given up after %.6f s; server's clock %lld ppm slow\n",
        (double)s->latency_ns / 1e9, (double)s->latency_jitter_ns / 1e9, s->unsent_share, s->lost_share,
        (double)s->give_up_ns / 1e9, (long long)s->slow_ppm);
}

/* False where it was violated, which is then told. */
static bool run_seed(uint64_t seed, struct sim_report *report)
{
    const struct sim_scenario scenario = random_scenario(seed);

    if (!sim_world_run(&scenario, report)) {
        report->held = false;
        (void)snprintf(report->what, sizeof report->what, "out of memory");
    }
    if (report->held)
        return true;
    printf("# seed %llu: %s\n", (unsigned long long)seed, report->what);
    describe(&scenario);
    printf("# again: sim --seed %llu\n", (unsigned long long)seed);
    return false;
}

static void run_seeds(uint64_t count)
{
    uint64_t violated = 0, sent = 0, refused = 0;
    char detail[128];
    struct sim_report r;

    for (uint64_t seed = 1; seed <= count && violated < 10; seed++) {
        violated += !run_seed(seed, &r);
        sent += r.sent;
        refused += r.refused;
    }
    (void)snprintf(detail, sizeof detail,
                   "%llu seeds, %llu requests, %llu violated; %llu refused where requests "
                   "arrive after they were given up",
                   (unsigned long long)count, (unsigned long long)sent, (unsigned long long)violated,
                   (unsigned long long)refused);
    say(violated == 0, "random scenarios", detail);
}

static void replay(uint64_t seed)
{
    const struct sim_scenario scenario = random_scenario(seed);
    struct sim_report r;
    char detail[128];
    const bool good = run_seed(seed, &r);

    if (good)
        describe(&scenario);
    (void)snprintf(detail, sizeof detail, "%llu sent, %llu unsent, %llu given up, %llu refused in %.3f s",
                   (unsigned long long)r.sent, (unsigned long long)r.unsent, (unsigned long long)r.gave_up,
                   (unsigned long long)r.refused, r.virtual_s);
    say(good, "one seed", detail);
}

int main(int count, char **arguments)
{
    const char *option = count > 1 ? arguments[1] : "";
    uint64_t number = 0;

    if (count > 1 && (count != 3 || !weir__units_parse_count(arguments[2], UINT64_MAX / 2, &number) || number == 0)) {
        (void)fprintf(stderr, "usage: sim [--requests N | --seeds N | --seed N]\n");
        return 2;
    }
    if (strcmp(option, "--seed") == 0) {
        replay(number);
    } else if (strcmp(option, "--seeds") == 0) {
        run_seeds(number);
    } else if (count == 1 || strcmp(option, "--requests") == 0) {
        run_claims(count == 1 ? REQUESTS : number);
        run_changes();
        run_checks_of_the_simulator();
        run_clocks();
        run_seeds(SEEDS);
    } else {
        (void)fprintf(stderr, "sim: unknown option %s\n", option);
        return 2;
    }
    printf("1..%u\n", tests);
    return failures == 0 ? 0 : 1;
}
