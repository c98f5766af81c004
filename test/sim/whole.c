/*
 * whole - the whole library under virtual time: dispatcher, pool, gate and rules against a server that counts, refuses,
 * fails and forgets.
 *
 *   whole                what is shown by name, the checks that the simulator itself can see what is wrong, and 30,000
 *                        random scenarios; TAP
 *   whole --seeds N      the first N random scenarios instead
 *   whole --seed N       one of them again, with what it was, and the log of its events where something was violated
 *   whole --log N        the same, with the log in any case
 *
 * Each random scenario has an engine, by lot; `--engine threads` or `--engine async`, before the others, gives that to
 * all; those by name are run with each, one after the other, unless one is given.
 *
 * The exit status is 1 where anything was violated.  Each run is a function of its seed.
 */
#include "base/clock.h"
#include "base/random.h"
#include "base/units.h"
#include "support/sim_whole.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS(n) ((int64_t)(n)*WEIR__NS_PER_MS)
#define S(n) ((int64_t)(n)*WEIR__NS_PER_S)

#ifdef WEIR_SANITIZER
#define SEEDS 1500u
#else
#define SEEDS 30000u
#endif
#define VIOLATIONS_MAX 10u
#define LIE_SEEDS 300u /* so many scenarios a lie has to be seen in one of */

static unsigned tests, failures;
static struct fibers *fibers;
static int engine = -1; /* of all scenarios; negative: as each has it */

static void say(bool good, const char *name, const char *detail)
{
    tests++;
    failures += !good;
    printf("%s %u - %s%s%s%s\n", good ? "ok" : "not ok", tests, engine == WEIR_ENGINE_ASYNC ? "async: " : "", name,
           detail[0] == '\0' ? "" : ": ", detail);
    (void)fflush(stdout);
}

/* An engine by lot, which leaves all else as the seed has it. */
static struct sim_plan random_plan(uint64_t seed)
{
    struct sim_plan plan = sim_plan_random(seed);
    uint64_t random = plan.seed ^ UINT64_C(0xe61e);

    plan.options.engine = (enum weir_engine)weir__random_below(&random, 2);
    plan.options.loop_count = 1 + (uint32_t)weir__random_below(&random, 3);
    return plan;
}

static bool run(const struct sim_plan *given, struct sim_result *result)
{
    struct sim_plan plan = *given;

    if (engine >= 0)
        plan.options.engine = (enum weir_engine)engine;
    if (!sim_whole_run(fibers, &plan, result)) {
        result->held = false;
        (void)snprintf(result->what, sizeof result->what, "out of memory");
    }
    return result->held;
}

/* --------------------------------------------------------------------------------------------------- random scenarios
 */

struct sums {
    uint64_t jobs, sends, refusals, retries, pauses, learned, turns, outcomes[WEIR_OUTCOME_COUNT];
};

static void add(struct sums *sums, const struct sim_result *r)
{
    sums->jobs += r->accepted;
    sums->sends += r->sends;
    sums->refusals += r->refusals;
    sums->retries += r->retries;
    sums->pauses += r->pauses;
    sums->learned += r->learned;
    sums->turns += r->turns;
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        sums->outcomes[i] += r->outcomes[i];
}

static void format_sums(const struct sums *s, char *text, size_t size)
{
    (void)snprintf(text, size,
                   "%" PRIu64 " jobs (%" PRIu64 " succeeded, %" PRIu64 " failed, %" PRIu64 " unknown, %" PRIu64
                   " cancelled), %" PRIu64 " sends, %" PRIu64 " retries, %" PRIu64 " refused, %" PRIu64
                   " pauses, %" PRIu64 " limits learned, %" PRIu64 " turns",
                   s->jobs, s->outcomes[0], s->outcomes[1], s->outcomes[2], s->outcomes[3], s->sends, s->retries,
                   s->refusals, s->pauses, s->learned, s->turns);
}

static void run_seeds(uint64_t count)
{
    uint64_t violated = 0, seed;
    struct sums sums = {.jobs = 0};
    struct sim_result r;
    char detail[512], text[400];

    for (seed = 1; seed <= count && violated < VIOLATIONS_MAX; seed++) {
        const struct sim_plan plan = random_plan(seed);
        if (!run(&plan, &r)) {
            violated++;
            printf("# seed %" PRIu64 ": %s\n# again: whole --seed %" PRIu64 "\n", seed, r.what, seed);
        }
        add(&sums, &r);
    }
    format_sums(&sums, text, sizeof text);
    (void)snprintf(detail, sizeof detail, "%" PRIu64 " seeds, %" PRIu64 " violated; %s", seed - 1, violated, text);
    say(violated == 0, "random scenarios", detail);
}

static void replay(uint64_t seed, bool always)
{
    struct sim_plan plan = random_plan(seed);
    struct sums sums = {.jobs = 0};
    struct sim_result r;
    char *log = NULL, text[400];
    size_t log_size = 0;

    plan.log = open_memstream(&log, &log_size);
    (void)run(&plan, &r);
    if (plan.log != NULL)
        (void)fclose(plan.log);
    sim_plan_describe(&plan);
    printf("# engine %s, %" PRIu32 " loops\n",
           (engine < 0 ? (int)plan.options.engine : engine) == 0 ? "threads" : "async", plan.options.loop_count);
    if (log != NULL && (always || !r.held))
        for (char *line = log, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
            printf("# %.*s\n", (int)(end - line), line);
    free(log);
    add(&sums, &r);
    format_sums(&sums, text, sizeof text);
    if (!r.held)
        printf("# %s\n", r.what);
    say(r.held, "one seed", text);
}

/* -------------------------------------------------------------------------------------------------- shown by name */

/* 100 a second, sliding; a response after 20 ms, give or take 10. */
static struct sim_plan base(uint32_t jobs)
{
    static const struct weir_options defaults = WEIR_OPTIONS_INIT;
    struct sim_plan p = {
        .seed = 1,
        .jobs = jobs,
        .producers = 1,
        .submit_timeout_ns = -1,
        .options = defaults,
        .late_max_ns = 100000,
        .may_be_refused = true,
    };

    p.server.shape = WEIR__WINDOW_SLIDING;
    p.server.limit = 100;
    p.server.period_ns = S(1);
    p.server.refusal_status = 429;
    p.server.slow_ppm = 90;
    p.net.uplink_max_ns = MS(10);
    p.net.latency_ns = MS(20);
    p.net.latency_jitter_ns = MS(10);
    p.net.body_max_ns = MS(2);
    p.net.connect_max_ns = MS(30);
    p.net.new_share = 0.02;
    return p;
}

static void show(const struct sim_plan *plan, const char *name,
                 bool (*good)(const struct sim_plan *plan, const struct sim_result *r))
{
    struct sim_result r;
    char detail[640];
    const bool held = run(plan, &r);

    (void)snprintf(detail, sizeof detail,
                   "%" PRIu64 " of %" PRIu32 " succeeded, %" PRIu64 " sends, %" PRIu64 " refused (%" PRIu64
                   " of those sent after the first pause began), %" PRIu64 " pauses, the longest %.3f s, %" PRIu64
                   " learned, slowed to %.1f/s, %.3f s%s%s",
                   r.outcomes[WEIR_OUTCOME_SUCCEEDED], plan->jobs, r.sends, r.refusals, r.refused_after_first_pause,
                   r.pauses, (double)r.longest_pause_ns / 1e9, r.learned, r.slowed_to_per_s, (double)r.elapsed_ns / 1e9,
                   held ? "" : "; ", r.what);
    say(held && good(plan, &r), name, detail);
}

static bool all_succeed(const struct sim_plan *plan, const struct sim_result *r)
{
    return r->outcomes[WEIR_OUTCOME_SUCCEEDED] == plan->jobs;
}

static bool never_refused(const struct sim_plan *plan, const struct sim_result *r)
{
    return all_succeed(plan, r) && r->refusals == 0;
}

static struct sim_plan kept_limit(uint64_t seed)
{
    struct sim_plan p = base(300);

    p.seed = seed;
    p.may_be_refused = false;
    p.rates[0] = (struct weir_rate){100, 0, S(1), WEIR_SHAPE_STRICT};
    p.rate_count = 1;
    return p;
}

/* Where every way of counting is kept to, the configured limit is the server's. */
static void show_limits(void)
{
    static const struct {
        const char *name;
        enum weir__window_shape shape;
        uint32_t burst;
    } servers[] = {
        {"sliding", WEIR__WINDOW_SLIDING, 0},        {"fixed", WEIR__WINDOW_FIXED, 0},
        {"counter", WEIR__WINDOW_COUNTER, 0},        {"bucket of 10", WEIR__WINDOW_BUCKET, 10},
        {"leaky, burst 20", WEIR__WINDOW_LEAKY, 20},
    };
    char name[96];

    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        struct sim_plan p = kept_limit(1);
        p.jobs = 1000;
        p.server.shape = servers[i].shape;
        p.server.burst = servers[i].burst;
        (void)snprintf(name, sizeof name, "100/s against 100/s, %s: never refused", servers[i].name);
        show(&p, name, never_refused);
    }
}

/* All that was in flight at the first refusal may be refused; afterwards nobody, and the first one comes in time. */
static bool waits_out(const struct sim_plan *plan, const struct sim_result *r)
{
    return all_succeed(plan, r) && r->refusals <= 4 * plan->options.concurrency && r->first_resend_ns >= S(2) &&
           r->elapsed_ns < S(9);
}

static void show_pause(void)
{
    struct sim_plan p = base(200);

    p.server.limit = 1000000;
    p.server.dialect = WEIR__DIALECT_RETRY_AFTER;
    p.server.closed_ns = S(5);
    p.server.closed_wait_ns = S(2);
    show(&p, "Retry-After: 2 to everything for 5 s: one pause for everybody", waits_out);
}

static bool within_budget(const struct sim_plan *plan, const struct sim_result *r)
{
    return r->outcomes[WEIR_OUTCOME_FAILED] == plan->jobs && r->sends <= plan->jobs + 100;
}

static void show_storm(void)
{
    struct sim_plan p = base(1000);

    p.server.shape = WEIR__WINDOW_NONE;
    p.server.fail_share = 1;
    p.server.fail_status = 500;
    show(&p, "a server that always fails gets at most 1,100 requests for 1,000 jobs", within_budget);
}

/* Half of all first answers are errors; were a permit held through the backoff of 10 s, two would take 150 s. */
static bool others_go_on(const struct sim_plan *plan, const struct sim_result *r)
{
    (void)plan;
    return r->retries >= 20 && r->elapsed_ns < S(15);
}

static void show_backoff(void)
{
    struct sim_plan p = base(60);

    p.server.shape = WEIR__WINDOW_NONE;
    p.server.fail_share = 0.5;
    p.server.fail_status = 500;
    p.options.concurrency = 2;
    p.options.attempt_max = 2;
    p.options.backoff_ns = p.options.backoff_max_ns = S(10);
    show(&p, "who is backed off holds no permit: 60 jobs, 2 at a time, half of the answers are errors", others_go_on);
}

/* Only what was in flight when the first refusal came is refused. */
static bool within_a_burst(const struct sim_plan *plan, const struct sim_result *r)
{
    return all_succeed(plan, r) && r->refusals <= plan->options.concurrency + 5;
}

static bool without_a_burst(const struct sim_plan *plan, const struct sim_result *r)
{
    return all_succeed(plan, r) && r->refusals == 0;
}

static void show_dialects(void)
{
    static const struct {
        const char *name;
        enum weir__dialect dialect;
        bool states; /* the limit */
    } dialects[] = {
        {"no headers", WEIR__DIALECT_NONE, false},    {"retry-after", WEIR__DIALECT_RETRY_AFTER, false},
        {"ietf", WEIR__DIALECT_IETF, true},           {"legacy", WEIR__DIALECT_LEGACY, true},
        {"github", WEIR__DIALECT_GITHUB, true},       {"openai", WEIR__DIALECT_OPENAI, true},
        {"anthropic", WEIR__DIALECT_ANTHROPIC, true}, {"discord", WEIR__DIALECT_DISCORD, true},
    };
    char name[96];

    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        struct sim_plan p = base(1000);
        p.server.dialect = dialects[i].dialect;
        p.server.date = true;
        (void)snprintf(name, sizeof name, "100/s at the server, no rate here, %s", dialects[i].name);
        show(&p, name, dialects[i].states ? within_a_burst : all_succeed);
        if (!dialects[i].states)
            continue;
        p.options.learn_rate = true;
        (void)snprintf(name, sizeof name, "the same, and learn_rate, %s", dialects[i].name);
        show(&p, name, without_a_burst);
    }
}

/* ----------------------------------------------------------------------- that the simulator sees what is wrong */

struct lie {
    const char *name;
    enum sim_lie lie;
    bool strict;      /* seen where the limit is the server's; else in some random scenario */
    const char *seen; /* a part of what is said about it */
};

static void show_lie(const struct lie *lie)
{
    struct sim_result r = {.held = true};
    char detail[400];
    uint64_t seed;
    bool seen = false;

    for (seed = 1; seed <= LIE_SEEDS && !seen; seed++) {
        struct sim_plan plan = lie->strict ? kept_limit(seed) : random_plan(seed);
        plan.lie = lie->lie;
        seen = !run(&plan, &r) && strstr(r.what, lie->seen) != NULL;
    }
    (void)snprintf(detail, sizeof detail, "seed %" PRIu64 ", %s", seed - 1, r.what);
    say(seen, lie->name, detail);
}

static void show_lies(void)
{
    static const struct lie lies[] = {
        {"a clock that runs fast is noticed", SIM_CLOCK_FAST, true, "refuses"},
        {"a server that allows one fewer is noticed", SIM_ONE_FEWER, true, "refuses"},
        {"a send long after the wire let it is noticed", SIM_SENT_LATE, false, "is sent"},
        {"a POST that is sent twice is noticed", SIM_SENT_TWICE, false, "is sent again"},
        {"another key on another send is noticed", SIM_KEY_CHANGED, false, "is sent with the key"},
        {"a pause that is not kept is noticed", SIM_PAUSE_HIDDEN, false, "silence"},
        {"a success that was none is noticed", SIM_SUCCESS_FAKED, false, "succeeded"},
        {"a send that is denied is noticed", SIM_SEND_DENIED, false, "is sent again"},
#ifndef WEIR_SANITIZER /* it leaves everything behind as it was */
        {"an attempt that hangs is noticed", SIM_HANGS, false, "everybody waits"},
#endif
        {"a deadline that cuts nothing short is noticed", SIM_TIME_IGNORED, false, "after its deadline"},
        {"a cancel that the transport does not hear is noticed", SIM_CANCEL_UNHEARD, false, "its attempt goes on"},
        {"a nanosecond that is not accounted for is noticed", SIM_TIME_HIDDEN, false, "sending took"},
    };

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        show_lie(&lies[i]);
}

static void show_all(void)
{
    const int given = engine;

    for (int each = WEIR_ENGINE_THREADS; each <= WEIR_ENGINE_ASYNC; each++) {
        if (given >= 0 && given != each)
            continue;
        engine = each;
        show_limits();
        show_pause();
        show_storm();
        show_backoff();
        show_dialects();
        show_lies();
    }
    engine = given;
}

static bool parse_engine(const char *name)
{
    engine = strcmp(name, "threads") == 0 ? WEIR_ENGINE_THREADS : strcmp(name, "async") == 0 ? WEIR_ENGINE_ASYNC : -1;
    return engine >= 0;
}

int main(int count, char **arguments)
{
    const char *option;
    uint64_t number = 0;

    if (count > 2 && strcmp(arguments[1], "--engine") == 0 && parse_engine(arguments[2])) {
        count -= 2;
        arguments += 2;
    }
    option = count > 1 ? arguments[1] : "";
    if (count > 1 && (count != 3 || !weir__units_parse_count(arguments[2], UINT64_MAX / 2, &number) || number == 0)) {
        (void)fprintf(stderr, "usage: whole [--engine threads|async] [--seeds N | --seed N | --log N]\n");
        return 2;
    }
    fibers = fibers_new();
    if (fibers == NULL)
        return 1;
    if (strcmp(option, "--seed") == 0 || strcmp(option, "--log") == 0) {
        replay(number, strcmp(option, "--log") == 0);
    } else if (strcmp(option, "--seeds") == 0) {
        run_seeds(number);
    } else if (count == 1) {
        show_all();
        run_seeds(SEEDS);
    } else {
        (void)fprintf(stderr, "whole: unknown option %s\n", option);
        fibers_free(fibers);
        return 2;
    }
    printf("1..%u\n", tests);
    fibers_free(fibers);
    return failures == 0 ? 0 : 1;
}
