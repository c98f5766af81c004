/*
 * The limits alone, sentence by sentence of weir.h: statuses, timeouts, holds, refusals, stop and pause, changes in
 * use, scopes within one process, forks, and the limits of a dispatcher.
 *
 * What processes do to each other is test/scope's.
 */
#include "test_public_support.h"

#include "support/raw_server.h"

#define WINDOW(n, period) ((struct weir_rate){.requests = (n), .per_ns = (period), .shape = WEIR_SHAPE_WINDOW})

static struct weir_limits *limits_new(uint32_t concurrency, uint32_t requests, int64_t per_ns, const char *scope)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    const struct weir_rate rate = WINDOW(requests, per_ns);
    struct weir_limits *limits = NULL;

    options.concurrency = concurrency;
    options.rates = requests > 0 ? &rate : NULL;
    options.rate_count = requests > 0;
    options.scope = scope;
    expect_status(weir_limits_new(&options, &limits), WEIR_OK);
    assert_non_null(limits);
    return limits;
}

static struct weir_permit take(struct weir_limits *limits)
{
    struct weir_permit permit = WEIR_PERMIT_INIT;

    expect_status(weir_limits_acquire(limits, 0, &permit), WEIR_OK);
    return permit;
}

static void expect_none(struct weir_limits *limits)
{
    struct weir_permit permit = WEIR_PERMIT_INIT;

    expect_status(weir_limits_acquire(limits, 0, &permit), WEIR_TIMEOUT);
}

/* How many can be acquired at once, at most 64; they are given back as unsent. */
static unsigned at_once(struct weir_limits *limits)
{
    struct weir_permit permits[64];
    struct weir_answer unsent = WEIR_ANSWER_INIT;
    unsigned count = 0;

    while (count < 64 && weir_limits_acquire(limits, 0, &permits[count]) == WEIR_OK)
        count++;
    unsent.unsent = true;
    for (unsigned i = 0; i < count; i++)
        assert_false(weir_limits_release(limits, &permits[i], &unsent));
    return count;
}

static bool answer(struct weir_limits *limits, struct weir_permit *permit, int status, const char *name,
                   const char *value)
{
    const struct weir_header header = {name, value};
    struct weir_answer a = WEIR_ANSWER_INIT;

    a.http_status = status;
    a.headers = name == NULL ? NULL : &header;
    a.header_count = name != NULL;
    return weir_limits_release(limits, permit, &a);
}

static struct weir_limits_stats stats_of(struct weir_limits *limits)
{
    struct weir_limits_stats stats;

    memset(&stats, 0, sizeof stats);
    stats.struct_size = sizeof stats;
    weir_limits_snapshot(limits, &stats);
    return stats;
}

/* --------------------------------------------------------------------------------------------------------
 * weir_limits_new
 */

static void expect_invalid(const struct weir_limits_options *options, const char *what)
{
    struct weir_limits *limits = (struct weir_limits *)(void *)&limits; /* out stays as it is */
    void *const before = limits;
    const enum weir_status status = weir_limits_new(options, &limits);

    if (status != WEIR_INVALID || (void *)limits != before)
        fail_msg("%s: \"%s\", out %s", what, weir_status_text(status),
                 (void *)limits == before ? "untouched" : "changed");
}

static void options_out_of_range_are_invalid(void **state)
{
    const struct weir_rate good = WINDOW(10, S(1));
    struct weir_rate rates[WEIR_RATES_MAX + 1];
    struct weir_limits_options o = WEIR_LIMITS_OPTIONS_INIT;

    (void)state;
    for (size_t i = 0; i <= WEIR_RATES_MAX; i++)
        rates[i] = good;
    o.struct_size--;
    expect_invalid(&o, "a smaller struct_size");
    o.struct_size += 2;
    expect_invalid(&o, "a larger struct_size");
    o.struct_size--;
    o.concurrency = WEIR_CONCURRENCY_MAX + 1;
    expect_invalid(&o, "too much concurrency");
    o.concurrency = 5;
    o.rate_count = 1;
    expect_invalid(&o, "a rate that is not there");
    o.rates = rates;
    o.rate_count = WEIR_RATES_MAX + 1;
    expect_invalid(&o, "too many rates");
    o.rate_count = 1;
    rates[0].requests = 0;
    expect_invalid(&o, "0 requests");
    rates[0].requests = WEIR_PERMITS_MAX + 1;
    expect_invalid(&o, "too many requests");
    rates[0] = good;
    rates[0].burst = 11;
    expect_invalid(&o, "a burst above the requests");
    rates[0] = good;
    rates[0].per_ns = 999;
    expect_invalid(&o, "a period under 1 us");
    rates[0].per_ns = WEIR_PERIOD_MAX_NS + 1;
    expect_invalid(&o, "a period over a month");
    rates[0].per_ns = -1;
    expect_invalid(&o, "a negative period");
    rates[0] = good;
    rates[0].shape = (enum weir_shape)4;
    expect_invalid(&o, "no shape");
    rates[0] = good;
    o.scope = "host:";
    expect_invalid(&o, "a scope without a name");
    o.scope = "machine";
    expect_invalid(&o, "no scope");
    o.scope = NULL;
    expect_invalid(NULL, "no options");
    expect_status(weir_limits_new(&o, NULL), WEIR_INVALID);
}

static void options_at_the_ends_of_their_ranges_are_taken(void **state)
{
    struct weir_rate rates[WEIR_RATES_MAX];
    struct weir_limits_options o = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *limits = NULL;

    (void)state;
    for (size_t i = 0; i < WEIR_RATES_MAX; i++)
        rates[i] = WINDOW(1 + (uint32_t)i, S(1 + (int64_t)i));
    o.concurrency = WEIR_CONCURRENCY_MAX;
    rates[0] = WINDOW(WEIR_PERMITS_MAX, WEIR_PERIOD_MAX_NS);
    rates[1] = (struct weir_rate){1, 1, 1000, WEIR_SHAPE_STRICT};
    rates[2] = (struct weir_rate){10, 10, S(1), WEIR_SHAPE_PACED};
    rates[3] = (struct weir_rate){10, 0, S(1), WEIR_SHAPE_DEFAULT};
    o.rates = rates;
    o.rate_count = WEIR_RATES_MAX;
    o.scope = "process";
    expect_status(weir_limits_new(&o, &limits), WEIR_OK);
    expect_count(stats_of(limits).limit_count, WEIR_RATES_MAX + 1);
    for (size_t i = 1; i < stats_of(limits).limit_count; i++)
        assert_int_not_equal(stats_of(limits).limits[i].shape, WEIR_SHAPE_DEFAULT);
    weir_limits_free(limits);
}

static void without_any_limit_every_acquire_succeeds(void **state)
{
    struct weir_limits *limits = limits_new(0, 0, 0, NULL);
    struct weir_permit permits[300];

    (void)state;
    expect_count(weir_limits_wait_ns(limits), 0);
    for (int i = 0; i < 300; i++)
        permits[i] = take(limits);
    expect_count(stats_of(limits).in_flight, 300);
    for (int i = 0; i < 300; i++)
        weir_limits_release(limits, &permits[i], NULL);
    expect_count(stats_of(limits).in_flight, 0);
    weir_limits_free(limits);
}

static void null_is_no_handle(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = WEIR_PERMIT_INIT;
    const struct weir_rate rate = WINDOW(1, S(1));

    (void)state;
    weir_limits_free(NULL);
    assert_null(weir_limits_of(NULL));
    expect_status(weir_limits_acquire(NULL, 0, &permit), WEIR_INVALID);
    expect_status(weir_limits_acquire(limits, 0, NULL), WEIR_INVALID);
    expect_status(weir_limits_set_concurrency(NULL, 1), WEIR_INVALID);
    expect_status(weir_limits_set_rate(NULL, 0, &rate), WEIR_INVALID);
    expect_count(at_once(limits), 1);
    weir_limits_free(limits);
}

/* -------------------------------------------------------------------------------------------------------- concurrency
 */

static void an_acquire_waits_as_long_as_it_may(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits), other, before;
    int64_t begin;

    (void)state;
    memset(&other, 0x5a, sizeof other);
    before = other;
    begin = now_ns();
    expect_status(weir_limits_acquire(limits, 0, &other), WEIR_TIMEOUT);
    expect_between(now_ns() - begin, 0, SOON / 4);
    begin = now_ns();
    expect_status(weir_limits_acquire(limits, MS(150), &other), WEIR_TIMEOUT);
    expect_between(now_ns() - begin, MS(150), MS(150) + SOON);
    assert_memory_equal(&other, &before, sizeof other);
    weir_limits_release(limits, &permit, NULL);
    weir_limits_free(limits);
}

static void a_waiter_without_end_has_the_permit_that_comes_back(void **state)
{
    const int64_t timeouts[] = {-1, INT64_MAX, INT64_MIN, S(20)};
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct weir_permit permit = take(limits);
        struct acquirer a;

        acquirer_start(&a, limits, timeouts[i], 0);
        pause_ns(MS(60));
        assert_false(atomic_load(&a.ended));
        weir_limits_release(limits, &permit, NULL);
        acquirer_join(&a, SOON);
        expect_status(a.status, WEIR_OK);
    }
    weir_limits_free(limits);
}

static void a_permit_is_a_value_and_may_be_released_by_another_thread(void **state)
{
    struct weir_limits *limits = limits_new(2, 0, 0, NULL);
    struct acquirer a;
    struct weir_permit copy;

    (void)state;
    acquirer_start(&a, limits, 0, -1);
    acquirer_join(&a, SOON);
    expect_status(a.status, WEIR_OK);
    copy = a.permit;
    memset(&a, 0, sizeof a);
    expect_count(stats_of(limits).in_flight, 1);
    weir_limits_release(limits, &copy, NULL);
    expect_count(stats_of(limits).in_flight, 0);
    expect_count(at_once(limits), 2);
    weir_limits_free(limits);
}

static void a_second_release_is_nothing(void **state)
{
    struct weir_limits *limits = limits_new(3, 0, 0, NULL);
    struct weir_permit never = WEIR_PERMIT_INIT, first, copy, second;

    (void)state;
    first = take(limits);
    copy = first;
    second = take(limits);
    assert_false(weir_limits_release(limits, &first, NULL));
    assert_false(weir_limits_release(limits, &first, NULL));
    weir_limits_began(limits, &first);
    assert_false(answer(limits, &first, 429, "Retry-After", "30"));
    weir_limits_release(limits, &never, NULL);
    weir_limits_began(limits, &never);
    expect_count(stats_of(limits).in_flight, 1);
    expect_count(at_once(limits), 2);
    assert_false(weir_limits_release(limits, &copy, NULL));
    expect_count(stats_of(limits).in_flight, 1);
    expect_count(at_once(limits), 2);
    weir_limits_release(limits, &second, NULL);
    expect_count(at_once(limits), 3);
    weir_limits_free(limits);
}

static void a_copy_of_a_released_permit_does_not_release_its_successor(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct weir_permit first = take(limits), stale = first, second;

        weir_limits_release(limits, &first, NULL);
        second = take(limits);
        weir_limits_release(limits, &stale, NULL);
        expect_none(limits);
        weir_limits_release(limits, &second, NULL);
    }
    expect_count(at_once(limits), 1);
    weir_limits_free(limits);
}

static void who_has_waited_longest_goes_first(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits);
    struct acquirer waiters[6];
    atomic_int order = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        acquirer_start(&waiters[i], limits, S(20), MS(2));
        waiters[i].order = &order;
        pause_ns(MS(30));
    }
    weir_limits_release(limits, &permit, NULL);
    for (int i = 0; i < 6; i++) {
        acquirer_join(&waiters[i], SOON);
        expect_status(waiters[i].status, WEIR_OK);
        expect_count(waiters[i].place, i);
    }
    weir_limits_free(limits);
}

static void a_waiter_whose_time_runs_out_keeps_nobody_waiting(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits);
    struct acquirer early, late;

    (void)state;
    acquirer_start(&early, limits, MS(100), 0);
    pause_ns(MS(30));
    acquirer_start(&late, limits, S(10), 0);
    acquirer_join(&early, SOON);
    expect_status(early.status, WEIR_TIMEOUT);
    expect_between(early.took_ns, MS(100), SOON);
    weir_limits_release(limits, &permit, NULL);
    acquirer_join(&late, SOON);
    expect_status(late.status, WEIR_OK);
    weir_limits_free(limits);
}

#define CROWD 16
#define CROWD_TURNS 300

struct crowd {
    struct weir_limits *limits;
    atomic_int inside, most, trouble;
};

static void *crowd_run(void *argument)
{
    struct crowd *c = argument;

    for (int i = 0; i < CROWD_TURNS; i++) {
        struct weir_permit permit;
        int inside, most;

        if (weir_limits_acquire(c->limits, S(30), &permit) != WEIR_OK) {
            atomic_fetch_add(&c->trouble, 1);
            break;
        }
        inside = atomic_fetch_add(&c->inside, 1) + 1;
        most = atomic_load(&c->most);
        while (inside > most && !atomic_compare_exchange_weak(&c->most, &most, inside))
            continue;
        if (i % 8 == 0)
            pause_ns(20000);
        atomic_fetch_sub(&c->inside, 1);
        weir_limits_release(c->limits, &permit, NULL);
    }
    return NULL;
}

static void a_crowd_never_has_more_than_there_are(void **state)
{
    const struct test_scope scope = scope_new("crowd");

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct crowd c = {.limits = limits_new(3, 0, 0, shared ? scope.text : NULL)};
        pthread_t threads[CROWD];

        for (int i = 0; i < CROWD; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, crowd_run, &c), 0);
        for (int i = 0; i < CROWD; i++)
            pthread_join(threads[i], NULL);
        expect_count(atomic_load(&c.trouble), 0);
        expect_from_to((uint64_t)atomic_load(&c.most), 1, 3);
        expect_count(at_once(c.limits), 3);
        expect_from_to(stats_of(c.limits).peak_in_flight, 1, 3);
        weir_limits_free(c.limits);
    }
    scope_free(&scope);
}

/* -------------------------------------------------------------------------------------------------------------- rates
 */

static void a_window_rate_lets_its_requests_go_and_then_none_for_a_period(void **state)
{
    struct weir_limits *limits = limits_new(0, 3, MS(400), NULL);
    struct weir_permit permits[3], more;
    int64_t first;

    (void)state;
    for (int i = 0; i < 3; i++)
        permits[i] = take(limits);
    expect_none(limits);
    pause_ns(MS(100));
    first = now_ns();
    for (int i = 0; i < 3; i++)
        weir_limits_release(limits, &permits[i], NULL);
    expect_none(limits);
    expect_status(weir_limits_acquire(limits, S(5), &more), WEIR_OK);
    expect_between(now_ns() - first, MS(400), MS(400) + SOON);
    weir_limits_release(limits, &more, NULL);
    weir_limits_free(limits);
}

static void the_hold_counts_from_the_responses_beginning_where_that_is_told(void **state)
{
    struct weir_limits *limits = limits_new(0, 1, MS(500), NULL);
    struct weir_permit permit = take(limits), next;
    int64_t began;

    (void)state;
    began = now_ns();
    weir_limits_began(limits, &permit);
    pause_ns(MS(300));
    weir_limits_began(limits, &permit); /* once more: a no-op */
    answer(limits, &permit, 200, NULL, NULL);
    weir_limits_began(limits, &permit); /* after the release: a no-op */
    expect_status(weir_limits_acquire(limits, S(5), &next), WEIR_OK);
    expect_between(now_ns() - began, MS(500), MS(790));
    weir_limits_release(limits, &next, NULL);
    weir_limits_free(limits);
}

static void a_rate_permit_that_began_comes_back_before_its_release(void **state)
{
    struct weir_limits *limits = limits_new(0, 1, MS(200), NULL);
    struct weir_permit permit = take(limits), next = WEIR_PERMIT_INIT;

    (void)state;
    weir_limits_began(limits, &permit);
    expect_status(weir_limits_acquire(limits, S(5), &next), WEIR_OK);
    weir_limits_release(limits, &permit, NULL);
    expect_none(limits);
    weir_limits_release(limits, &next, NULL);
    weir_limits_free(limits);
}

static void what_never_left_gives_its_permits_back_at_once(void **state)
{
    struct weir_limits *limits = limits_new(2, 2, S(600), NULL);

    (void)state;
    for (int i = 0; i < 20; i++)
        expect_count(at_once(limits), 2);
    expect_count(stats_of(limits).limits[1].worst_window <= 2, 1);
    weir_limits_free(limits);
}

static void a_strict_rate_keeps_its_pace(void **state)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    const struct weir_rate rate = {.requests = 20, .per_ns = S(1)}; /* by default strict: 50 ms apart */
    struct weir_limits *limits = NULL;
    int64_t before = 0;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    expect_status(weir_limits_new(&options, &limits), WEIR_OK);
    for (int i = 0; i < 5; i++) {
        struct weir_permit permit;

        expect_status(weir_limits_acquire(limits, S(5), &permit), WEIR_OK);
        if (i > 0)
            expect_between(now_ns() - before, MS(49), SOON); /* 1 ms: `before` was read after the acquire */
        before = now_ns();
        weir_limits_release(limits, &permit, NULL);
    }
    assert_int_equal(stats_of(limits).limits[stats_of(limits).limit_count - 1].shape, WEIR_SHAPE_STRICT);
    weir_limits_free(limits);
}

#define SENDS 400

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

struct sender {
    struct weir_limits *limits;
    int64_t times[SENDS];
    atomic_int *budget;
    int count;
};

static void *sender_run(void *argument)
{
    struct sender *s = argument;

    while (atomic_fetch_sub(s->budget, 1) > 0) {
        struct weir_permit permit;

        if (weir_limits_acquire(s->limits, S(20), &permit) != WEIR_OK)
            break;
        s->times[s->count++] = now_ns();
        if (s->count % 2)
            weir_limits_began(s->limits, &permit);
        weir_limits_release(s->limits, &permit, NULL);
    }
    return NULL;
}

/* Two handles of one scope, each with threads: together they keep the limit, for whoever counts between acquire and
 * release. */
static void no_window_holds_more_than_the_rate(void **state)
{
    static struct sender senders[6];
    static int64_t times[SENDS];
    const struct test_scope scope = scope_new("window");
    struct weir_limits *limits[2] = {limits_new(0, 40, MS(200), scope.text), limits_new(0, 40, MS(200), scope.text)};
    atomic_int budget = SENDS;
    pthread_t threads[6];
    int count = 0;

    (void)state;
    memset(senders, 0, sizeof senders);
    for (int i = 0; i < 6; i++) {
        senders[i].limits = limits[i % 2];
        senders[i].budget = &budget;
        assert_int_equal(pthread_create(&threads[i], NULL, sender_run, &senders[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        for (int k = 0; k < senders[i].count; k++)
            times[count++] = senders[i].times[k];
    }
    expect_count(count, SENDS);
    qsort(times, SENDS, sizeof times[0], compare);
    for (int i = 0; i + 40 < SENDS; i++)
        if (times[i + 40] - times[i] < MS(200))
            fail_msg("41 sends in %.3f ms", (double)(times[i + 40] - times[i]) / 1e6);
    for (int i = 0; i < 2; i++) {
        const struct weir_limits_stats stats = stats_of(limits[i]);

        expect_count(stats.parties, 2);
        expect_from_to(stats.limits[stats.limit_count - 1].worst_window, 1, 40);
    }
    weir_limits_free(limits[0]);
    weir_limits_free(limits[1]);
    scope_free(&scope);
}

static void wait_ns_says_when_an_acquire_could_succeed(void **state)
{
    struct weir_limits *limits = limits_new(2, 2, S(1), NULL);
    struct weir_permit first = take(limits), second;
    int64_t wait, end;

    (void)state;
    expect_count(weir_limits_wait_ns(limits), 0);
    second = take(limits);
    wait = weir_limits_wait_ns(limits);
    if (wait >= 0)
        fail_msg("%lld ns, though that depends on a release", (long long)wait);
    weir_limits_release(limits, &first, NULL);
    end = now_ns() + S(1);
    wait = weir_limits_wait_ns(limits);
    expect_between(wait, end - now_ns() - MS(50), S(1) + MS(5));
    weir_limits_release(limits, &second, NULL);
    pause_ns(end - now_ns() + MS(50));
    expect_count(weir_limits_wait_ns(limits), 0);
    weir_limits_free(limits);
}

/* ----------------------------------------------------------------------------------------------------------- refusals
 */

static void a_refusal_pauses_everybody_for_as_long_as_it_says(void **state)
{
    struct weir_limits *limits = limits_new(5, 0, 0, NULL), *other = limits_new(5, 0, 0, NULL);
    struct weir_permit permit = take(limits), in_flight = take(limits), next;
    struct weir_limits_stats stats;
    int64_t begin = now_ns();

    (void)state;
    assert_true(answer(limits, &permit, 429, "Retry-After", "1"));
    expect_none(limits);
    expect_between(weir_limits_wait_ns(limits), S(1) / 2, S(2));
    stats = stats_of(limits);
    expect_count(stats.pause.count, 1);
    expect_count(stats.refusals, 1);
    expect_between(stats.pause.left_ns, 1, S(2));
    assert_string_equal(stats.pause.reason, "429, retry-after");
    assert_false(weir_limits_release(limits, &in_flight, NULL)); /* what is in flight goes on */
    expect_status(weir_limits_acquire(limits, S(10), &next), WEIR_OK);
    expect_between(now_ns() - begin, S(1), S(1) + SOON);
    expect_count(stats_of(limits).pause.left_ns, 0);
    expect_count(at_once(other), 5); /* another handle has nothing to do with it */
    weir_limits_release(limits, &next, NULL);
    weir_limits_free(limits);
    weir_limits_free(other);
}

static void a_pause_is_shared_in_a_scope(void **state)
{
    const struct test_scope scope = scope_new("refused");
    struct weir_limits *a = limits_new(5, 0, 0, scope.text), *b = limits_new(5, 0, 0, scope.text);
    struct weir_permit permit = take(a), next;
    struct acquirer waiter;
    const int64_t begin = now_ns();

    (void)state;
    assert_true(answer(a, &permit, 503, "Retry-After", "1"));
    expect_none(b);
    acquirer_start(&waiter, b, S(10), 0);
    expect_status(weir_limits_acquire(b, S(10), &next), WEIR_OK);
    expect_between(now_ns() - begin, S(1), S(1) + SOON);
    acquirer_join(&waiter, SOON);
    expect_between(waiter.took_ns, MS(900), S(1) + SOON);
    weir_limits_release(b, &next, NULL);
    weir_limits_free(a);
    weir_limits_free(b);
    scope_free(&scope);
}

static void only_what_asks_to_wait_is_a_refusal(void **state)
{
    const struct {
        int status;
        const char *name, *value;
        bool refused;
    } cases[] = {{200, NULL, NULL, false},        {204, NULL, NULL, false}, {0, NULL, NULL, false},
                 {404, NULL, NULL, false},        {500, NULL, NULL, false}, {503, NULL, NULL, false},
                 {503, "Retry-After", "0", true}, {429, NULL, NULL, true},  {429, "Retry-After", "0", true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir_limits *limits = limits_new(1, 0, 0, NULL);
        struct weir_permit permit = take(limits);
        const bool refused = answer(limits, &permit, cases[i].status, cases[i].name, cases[i].value);

        if (refused != cases[i].refused)
            fail_msg("%d with %s: %s %srefused", cases[i].status, cases[i].name ? cases[i].name : "nothing",
                     cases[i].value ? cases[i].value : "", refused ? "" : "not ");
        expect_count(stats_of(limits).in_flight, 0);
        weir_limits_free(limits);
    }
}

static void an_answer_of_another_size_still_gives_the_permit_back(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits);
    struct weir_answer a = WEIR_ANSWER_INIT;

    (void)state;
    a.struct_size = 3;
    a.http_status = 200;
    assert_false(weir_limits_release(limits, &permit, &a));
    expect_count(at_once(limits), 1);
    weir_limits_free(limits);
}

static void nothing_remaining_pauses_until_the_reset(void **state)
{
    struct weir_limits *limits = limits_new(5, 0, 0, NULL);
    struct weir_permit permit = take(limits), next;
    const struct weir_header headers[] = {
        {"X-RateLimit-Limit", "100"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1"}};
    struct weir_answer a = WEIR_ANSWER_INIT;
    const int64_t begin = now_ns();

    (void)state;
    a.http_status = 200;
    a.headers = headers;
    a.header_count = 3;
    assert_false(weir_limits_release(limits, &permit, &a));
    expect_none(limits);
    expect_status(weir_limits_acquire(limits, S(10), &next), WEIR_OK);
    expect_between(now_ns() - begin, S(1), S(1) + SOON);
    weir_limits_release(limits, &next, NULL);
    weir_limits_free(limits);
}

static void a_refusal_without_a_wait_pauses_longer_each_time(void **state)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *limits = NULL;
    int64_t least = MS(40);

    (void)state;
    options.concurrency = 1;
    options.backoff_ns = MS(100);
    options.backoff_max_ns = MS(300);
    expect_status(weir_limits_new(&options, &limits), WEIR_OK);
    for (int i = 0; i < 4; i++) { /* from half of it up to 100, 200, 300, 300 ms, and more by a jitter if any */
        struct weir_permit permit = WEIR_PERMIT_INIT;

        expect_status(weir_limits_acquire(limits, S(10), &permit), WEIR_OK);
        assert_true(answer(limits, &permit, 429, NULL, NULL));
        expect_between(stats_of(limits).pause.left_ns, least, 2 * MS(300));
        least = least == MS(40) ? MS(90) : MS(140);
    }
    weir_limits_free(limits);
}

/* ------------------------------------------------------------------------------------------------------------ learned
 */

struct events {
    atomic_int reached, paused, learned;
    atomic_bool elsewhere;
    pthread_t thread;
    char limit[64], detail[64];
};

static void note_event(void *user_data, const struct weir_event *event)
{
    struct events *e = user_data;

    if (!pthread_equal(pthread_self(), e->thread))
        atomic_store(&e->elsewhere, true);
    if (event->type == WEIR_EVENT_LIMIT_REACHED) {
        atomic_fetch_add(&e->reached, 1);
        snprintf(e->limit, sizeof e->limit, "%s", event->limit_name);
    } else if (event->type == WEIR_EVENT_PAUSED) {
        atomic_fetch_add(&e->paused, 1);
    } else if (event->type == WEIR_EVENT_LEARNED) {
        atomic_fetch_add(&e->learned, 1);
        snprintf(e->detail, sizeof e->detail, "%s", event->detail);
    }
}

static void events_are_told_on_the_thread_that_calls(void **state)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct events events = {.thread = pthread_self()};
    struct weir_limits *limits = NULL;
    struct weir_permit permit = WEIR_PERMIT_INIT, more;

    (void)state;
    options.concurrency = 1;
    options.on_event = note_event;
    options.event_user_data = &events;
    expect_status(weir_limits_new(&options, &limits), WEIR_OK);
    expect_status(weir_limits_acquire(limits, 0, &permit), WEIR_OK);
    expect_count(events.reached, 0);
    expect_status(weir_limits_acquire(limits, MS(60), &more), WEIR_TIMEOUT);
    expect_count(events.reached, 1);
    assert_string_equal(events.limit, "concurrency");
    answer(limits, &permit, 429, "Retry-After", "1");
    expect_count(events.paused, 1);
    assert_false(events.elsewhere);
    weir_limits_free(limits);
}

static void a_stated_limit_is_learned_where_that_is_wanted(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
        struct events events = {.thread = pthread_self()};
        struct weir_limits *limits = NULL;
        struct weir_permit permit = WEIR_PERMIT_INIT;
        struct weir_limits_stats stats;
        size_t before;

        options.concurrency = 20;
        options.learn_rate = wanted;
        options.on_event = note_event;
        options.event_user_data = &events;
        expect_status(weir_limits_new(&options, &limits), WEIR_OK);
        before = stats_of(limits).limit_count;
        expect_status(weir_limits_acquire(limits, 0, &permit), WEIR_OK);
        answer(limits, &permit, 200, "RateLimit-Policy", "\"default\";q=3;w=5");
        stats = stats_of(limits);
        expect_count(stats.limit_count, before + (size_t)wanted);
        expect_count(events.learned, wanted);
        if (wanted) {
            expect_count(stats.limits[before].permits, 3);
            expect_count(stats.limits[before].hold_ns, S(5));
            assert_string_equal(stats.limits[before].learned_from, "ratelimit-policy");
            assert_string_equal(events.detail, "ratelimit-policy");
            if (at_once(limits) > 3)
                fail_msg("more than the stated 3 could go at once");
        } else {
            expect_count(at_once(limits), 20);
        }
        weir_limits_free(limits);
    }
}

static void a_learned_limit_is_everybodys_in_a_scope(void **state)
{
    const struct test_scope scope = scope_new("learned");
    struct weir_limits *a = limits_new(20, 0, 0, scope.text), *b = limits_new(20, 0, 0, scope.text);
    struct weir_permit permit = take(a);
    const struct weir_header headers[] = {{"Retry-After", "0"}, {"RateLimit-Policy", "\"default\";q=3;w=5"}};
    struct weir_answer answered = WEIR_ANSWER_INIT;
    struct weir_limits_stats stats;
    unsigned count = 0;

    (void)state;
    answered.http_status = 429;
    answered.headers = headers;
    answered.header_count = 2;
    assert_true(weir_limits_release(a, &permit, &answered));
    stats = stats_of(b);
    expect_count(stats.limits[stats.limit_count - 1].permits, 3);
    expect_count(stats.limits[stats.limit_count - 1].hold_ns, S(5));
    assert_string_equal(stats.limits[stats.limit_count - 1].learned_from, "ratelimit-policy");
    for (const int64_t end = now_ns() + S(1); now_ns() < end; pause_ns(MS(10))) {
        if (weir_limits_acquire(b, 0, &permit) == WEIR_OK) {
            count++;
            weir_limits_release(b, &permit, NULL);
        }
    }
    expect_from_to(count, 0, 3);
    weir_limits_free(a);
    weir_limits_free(b);
    scope_free(&scope);
}

static void a_limit_that_is_refused_by_is_learned_in_any_case(void **state)
{
    struct weir_limits *limits = limits_new(20, 0, 0, NULL);
    struct weir_permit permit = take(limits);
    const struct weir_header headers[] = {{"Retry-After", "0"}, {"RateLimit-Policy", "\"default\";q=3;w=5"}};
    struct weir_answer a = WEIR_ANSWER_INIT;

    (void)state;
    a.http_status = 429;
    a.headers = headers;
    a.header_count = 2;
    assert_true(weir_limits_release(limits, &permit, &a));
    expect_count(stats_of(limits).limits[stats_of(limits).limit_count - 1].permits, 3);
    assert_true(stats_of(limits).limits[stats_of(limits).limit_count - 1].learned_from[0] != '\0');
    weir_limits_free(limits);
}

/* ------------------------------------------------------------------------------------------------------ stop and pause
 */

static void a_stop_ends_all_waiting_now_and_to_come(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits), other = WEIR_PERMIT_INIT;
    struct acquirer waiters[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        acquirer_start(&waiters[i], limits, i == 0 ? -1 : S(30), 0);
    pause_ns(MS(50));
    weir_limits_stop(limits);
    for (int i = 0; i < 3; i++) {
        acquirer_join(&waiters[i], SOON);
        expect_status(waiters[i].status, WEIR_STOPPED);
    }
    expect_status(weir_limits_acquire(limits, -1, &other), WEIR_STOPPED);
    weir_limits_release(limits, &permit, NULL);
    expect_status(weir_limits_acquire(limits, 0, &other), WEIR_STOPPED);
    weir_limits_stop(limits);
    weir_limits_free(limits);
}

static void a_stop_is_of_one_handle_and_the_scope_goes_on(void **state)
{
    const struct test_scope scope = scope_new("stop");
    struct weir_limits *a = limits_new(1, 0, 0, scope.text), *b = limits_new(1, 0, 0, scope.text);
    struct weir_permit permit = take(b);
    struct acquirer at_a, at_b;

    (void)state;
    acquirer_start(&at_a, a, S(30), 0);
    pause_ns(MS(30));
    acquirer_start(&at_b, b, S(30), 0);
    pause_ns(MS(30));
    weir_limits_stop(a);
    acquirer_join(&at_a, SOON);
    expect_status(at_a.status, WEIR_STOPPED);
    weir_limits_release(b, &permit, NULL);
    acquirer_join(&at_b, SOON);
    expect_status(at_b.status, WEIR_OK);
    weir_limits_free(a);
    expect_count(at_once(b), 1);
    weir_limits_free(b);
    scope_free(&scope);
}

static void nothing_goes_while_it_is_paused(void **state)
{
    const struct test_scope scope = scope_new("paused");
    struct weir_limits *a = limits_new(3, 0, 0, scope.text), *b = limits_new(3, 0, 0, scope.text);
    struct weir_permit permit = take(a), other;
    struct acquirer waiter;
    int64_t begin;

    (void)state;
    weir_limits_pause(a);
    expect_none(a);
    begin = now_ns();
    expect_status(weir_limits_acquire(a, MS(100), &other), WEIR_TIMEOUT);
    expect_between(now_ns() - begin, MS(100), SOON);
    acquirer_start(&waiter, a, S(30), 0);
    expect_status(weir_limits_acquire(b, 0, &other), WEIR_OK); /* this handle alone */
    weir_limits_release(b, &other, NULL);
    assert_false(answer(a, &permit, 200, NULL, NULL)); /* what is in flight goes on */
    expect_count(stats_of(a).in_flight, 0);
    pause_ns(MS(50));
    assert_false(atomic_load(&waiter.ended));
    weir_limits_resume(a);
    acquirer_join(&waiter, SOON);
    expect_status(waiter.status, WEIR_OK);
    weir_limits_resume(a);
    expect_count(at_once(a), 3);
    weir_limits_free(a);
    weir_limits_free(b);
    scope_free(&scope);
}

static void a_paused_handle_can_be_stopped(void **state)
{
    struct weir_limits *limits = limits_new(3, 0, 0, NULL);
    struct acquirer waiter;

    (void)state;
    weir_limits_pause(limits);
    acquirer_start(&waiter, limits, -1, 0);
    pause_ns(MS(30));
    weir_limits_stop(limits);
    acquirer_join(&waiter, SOON);
    expect_status(waiter.status, WEIR_STOPPED);
    weir_limits_free(limits);
}

static void a_paused_waiter_keeps_nobody_else_waiting(void **state)
{
    const struct test_scope scope = scope_new("paused2");
    struct weir_limits *a = limits_new(1, 0, 0, scope.text), *b = limits_new(1, 0, 0, scope.text);
    struct weir_permit permit = take(b);
    struct acquirer at_a, at_b;

    (void)state;
    weir_limits_pause(a);
    acquirer_start(&at_a, a, S(30), 0);
    pause_ns(MS(30));
    acquirer_start(&at_b, b, S(30), 0);
    pause_ns(MS(30));
    weir_limits_release(b, &permit, NULL);
    acquirer_join(&at_b, SOON);
    expect_status(at_b.status, WEIR_OK);
    weir_limits_resume(a);
    acquirer_join(&at_a, SOON);
    weir_limits_free(a);
    weir_limits_free(b);
    scope_free(&scope);
}

/* ------------------------------------------------------------------------------------------------------------- changes
 */

static void more_concurrency_lets_waiters_go(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits);
    struct acquirer waiters[3];

    (void)state;
    for (int i = 0; i < 3; i++)
        acquirer_start(&waiters[i], limits, S(30), -1);
    pause_ns(MS(30));
    expect_status(weir_limits_set_concurrency(limits, 4), WEIR_OK);
    for (int i = 0; i < 3; i++) {
        acquirer_join(&waiters[i], SOON);
        expect_status(waiters[i].status, WEIR_OK);
    }
    expect_none(limits);
    expect_count(stats_of(limits).limits[0].permits, 4);
    for (int i = 0; i < 3; i++)
        weir_limits_release(limits, &waiters[i].permit, NULL);
    weir_limits_release(limits, &permit, NULL);
    expect_count(at_once(limits), 4);
    weir_limits_free(limits);
}

static void less_concurrency_swallows_what_comes_back(void **state)
{
    struct weir_limits *limits = limits_new(5, 0, 0, NULL);
    struct weir_permit permits[5];

    (void)state;
    for (int i = 0; i < 5; i++)
        permits[i] = take(limits);
    expect_status(weir_limits_set_concurrency(limits, 2), WEIR_OK);
    expect_count(stats_of(limits).in_flight, 5);
    for (int i = 0; i < 3; i++) {
        weir_limits_release(limits, &permits[i], NULL);
        expect_none(limits);
    }
    weir_limits_release(limits, &permits[3], NULL);
    expect_count(at_once(limits), 1);
    weir_limits_release(limits, &permits[4], NULL);
    expect_count(at_once(limits), 2);
    expect_status(weir_limits_set_concurrency(limits, 1), WEIR_OK);
    expect_count(at_once(limits), 1);
    expect_status(weir_limits_set_concurrency(limits, 7), WEIR_OK);
    expect_count(at_once(limits), 7);
    weir_limits_free(limits);
}

/* Down and up again before anything came back: the debt is forgotten. */
static void concurrency_may_go_down_and_up_while_all_are_out(void **state)
{
    struct weir_limits *limits = limits_new(4, 0, 0, NULL);
    struct weir_permit permits[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        permits[i] = take(limits);
    expect_status(weir_limits_set_concurrency(limits, 1), WEIR_OK);
    expect_status(weir_limits_set_concurrency(limits, 3), WEIR_OK);
    expect_none(limits);
    for (int i = 0; i < 4; i++)
        weir_limits_release(limits, &permits[i], NULL);
    expect_count(at_once(limits), 3);
    weir_limits_free(limits);
}

static void changes_out_of_range_are_invalid_and_change_nothing(void **state)
{
    struct weir_limits *limits = limits_new(3, 4, S(1), NULL);
    struct weir_rate rate = WINDOW(5, S(1));

    (void)state;
    expect_status(weir_limits_set_concurrency(limits, 0), WEIR_INVALID);
    expect_status(weir_limits_set_concurrency(limits, WEIR_CONCURRENCY_MAX + 1), WEIR_INVALID);
    expect_status(weir_limits_set_rate(limits, 1, &rate), WEIR_INVALID);
    expect_status(weir_limits_set_rate(limits, UINT32_MAX, &rate), WEIR_INVALID);
    expect_status(weir_limits_set_rate(limits, 0, NULL), WEIR_INVALID);
    rate.requests = 0;
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_INVALID);
    rate = WINDOW(WEIR_PERMITS_MAX + 1, S(1));
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_INVALID);
    rate = WINDOW(5, 999);
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_INVALID);
    rate = WINDOW(5, WEIR_PERIOD_MAX_NS + 1);
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_INVALID);
    rate = WINDOW(5, S(1));
    rate.burst = 6;
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_INVALID);
    rate = WINDOW(5, S(1));
    rate.shape = (enum weir_shape)17;
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_INVALID);
    expect_count(stats_of(limits).limits[0].permits, 3);
    expect_count(stats_of(limits).limits[1].permits, 4);
    expect_count(at_once(limits), 3);
    weir_limits_free(limits);
}

static void a_rate_can_be_raised_while_it_is_used_up(void **state)
{
    struct weir_limits *limits = limits_new(0, 2, S(600), NULL);
    struct weir_permit permits[2];
    const struct weir_rate rate = WINDOW(5, S(600));
    struct weir_limits_stats stats;
    struct acquirer waiter;

    (void)state;
    for (int i = 0; i < 2; i++) {
        permits[i] = take(limits);
        weir_limits_release(limits, &permits[i], NULL);
    }
    acquirer_start(&waiter, limits, S(30), 0);
    pause_ns(MS(50));
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_OK);
    acquirer_join(&waiter, SOON);
    expect_status(waiter.status, WEIR_OK);
    expect_count(at_once(limits), 2);
    stats = stats_of(limits);
    expect_count(stats.limits[stats.limit_count - 1].permits, 5);
    weir_limits_free(limits);
}

static void a_rate_can_be_lowered_while_it_is_in_use(void **state)
{
    struct weir_limits *limits = limits_new(0, 5, MS(500), NULL);
    struct weir_permit permits[5], next;
    const struct weir_rate rate = WINDOW(2, MS(500));
    int64_t last;

    (void)state;
    for (int i = 0; i < 5; i++)
        permits[i] = take(limits);
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_OK);
    for (int i = 0; i < 5; i++)
        weir_limits_release(limits, &permits[i], NULL);
    last = now_ns();
    expect_status(weir_limits_acquire(limits, S(10), &next), WEIR_OK);
    expect_between(now_ns() - last, MS(490), MS(500) + SOON); /* the first of them was released a little before */
    pause_ns(MS(100));
    expect_count(at_once(limits), 1);
    weir_limits_release(limits, &next, NULL);
    pause_ns(MS(600));
    expect_count(at_once(limits), 2);
    weir_limits_free(limits);
}

static void a_shorter_period_does_not_shorten_older_holds(void **state)
{
    struct weir_limits *limits = limits_new(0, 2, S(2), NULL);
    const struct weir_rate rate = WINDOW(2, MS(100));
    struct weir_permit permit;
    int64_t last;

    (void)state;
    for (int i = 0; i < 2; i++) {
        permit = take(limits);
        weir_limits_release(limits, &permit, NULL);
    }
    last = now_ns();
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_OK);
    expect_status(weir_limits_acquire(limits, MS(600), &permit), WEIR_TIMEOUT);
    expect_status(weir_limits_acquire(limits, S(10), &permit), WEIR_OK);
    expect_between(now_ns() - last, S(2) - MS(50), S(2) + SOON);
    weir_limits_release(limits, &permit, NULL);
    pause_ns(MS(200));
    expect_count(at_once(limits), 2);
    weir_limits_free(limits);
}

/* What is answered after a hold became shorter comes back by the shorter one, though others still wait for the longer.
 */
static void a_shorter_period_holds_for_what_comes_after_it(void **state)
{
    struct weir_limits *limits = limits_new(0, 10, S(60), NULL);
    const struct weir_rate shorter = WINDOW(10, MS(50));
    const int64_t begin = now_ns();

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct weir_permit permit = take(limits);
        (void)answer(limits, &permit, 200, NULL, NULL);
    }
    expect_status(weir_limits_set_rate(limits, 0, &shorter), WEIR_OK);
    for (int i = 0; i < 20; i++) {
        struct weir_permit permit = WEIR_PERMIT_INIT;
        expect_status(weir_limits_acquire(limits, S(5), &permit), WEIR_OK);
        (void)answer(limits, &permit, 200, NULL, NULL);
    }
    expect_between(now_ns() - begin, MS(150),
                   S(5)); /* 5 at once, then 5 each 50 ms: the others are held for a minute */
    weir_limits_free(limits);
}

/* One handle's permit is another's nothing, whatever it is numbered. */
static void a_permit_of_another_handle_is_a_no_op(void **state)
{
    struct weir_limits *a = limits_new(2, 0, 0, NULL), *b = limits_new(2, 0, 0, NULL);
    struct weir_permit of_a = take(a), of_b = take(b), copy = of_a;

    (void)state;
    assert_false(weir_limits_release(b, &copy, NULL));
    copy = of_a;
    weir_limits_began(b, &copy);
    expect_count(stats_of(a).in_flight, 1);
    expect_count(stats_of(b).in_flight, 1);
    weir_limits_release(b, &of_b, NULL);
    copy = of_a;
    assert_false(weir_limits_release(b, &copy, NULL)); /* also of a slot that is free */
    weir_limits_release(a, &of_a, NULL);
    expect_count(stats_of(a).in_flight, 0);
    expect_count(stats_of(b).in_flight, 0);
    weir_limits_free(b);
    weir_limits_free(a);
}

static void a_paced_rate_needs_no_concurrency_limit(void **state)
{
    const struct test_scope scope = scope_new("paced");
    const struct weir_rate rate = {.requests = 1000, .per_ns = S(1), .shape = WEIR_SHAPE_PACED};
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *limits = NULL;
    struct weir_permit permit;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    for (int i = 0; i < 2; i++) {
        options.scope = i == 0 ? NULL : scope.text;
        expect_status(weir_limits_new(&options, &limits), WEIR_OK);
        permit = take(limits);
        weir_limits_release(limits, &permit, NULL);
        weir_limits_free(limits);
    }
    scope_free(&scope);
}

/* A wait that nobody makes is none. */
static void who_does_not_wait_counts_as_no_wait(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits), other = WEIR_PERMIT_INIT;

    (void)state;
    for (int i = 0; i < 10; i++) {
        expect_status(weir_limits_acquire(limits, 0, &other), WEIR_TIMEOUT);
        assert_true(weir_limits_wait_ns(limits) != 0);
    }
    expect_count(stats_of(limits).limits[0].waits, 0);
    expect_status(weir_limits_acquire(limits, MS(1), &other), WEIR_TIMEOUT);
    expect_count(stats_of(limits).limits[0].waits, 1);
    weir_limits_release(limits, &permit, NULL);
    weir_limits_free(limits);
}

static void changes_hold_for_all_who_share_a_scope(void **state)
{
    const struct test_scope scope = scope_new("change");
    struct weir_limits *a = limits_new(2, 10, S(600), scope.text), *b = limits_new(0, 0, 0, scope.text);
    struct weir_permit permits[2] = {take(b), take(a)};
    struct weir_rate rate = WINDOW(20, S(600));
    struct acquirer waiter;

    (void)state;
    acquirer_start(&waiter, b, S(30), 0);
    pause_ns(MS(30));
    expect_status(weir_limits_set_concurrency(a, 3), WEIR_OK);
    acquirer_join(&waiter, SOON);
    expect_status(waiter.status, WEIR_OK);
    expect_count(stats_of(b).limits[0].permits, 3);
    expect_status(weir_limits_set_rate(b, 0, &rate), WEIR_OK);
    expect_count(stats_of(a).limits[1].permits, 20);

    /* Room for 4,096, or four times those it was made with. */
    expect_status(weir_limits_set_concurrency(a, 100), WEIR_OK);
    rate = WINDOW(4096, S(600));
    expect_status(weir_limits_set_rate(a, 0, &rate), WEIR_OK);
    expect_count(stats_of(b).limits[1].permits, 4096);
    rate = WINDOW(4097, S(600));
    expect_status(weir_limits_set_rate(a, 0, &rate), WEIR_NO_MEMORY);
    expect_count(stats_of(b).limits[1].permits, 4096);
    rate = WINDOW(WEIR_PERMITS_MAX, S(600));
    expect_status(weir_limits_set_rate(b, 0, &rate), WEIR_NO_MEMORY);
    rate = WINDOW(20, S(600));
    expect_status(weir_limits_set_rate(b, 0, &rate), WEIR_OK);
    for (int i = 0; i < 2; i++)
        weir_limits_release(i == 0 ? b : a, &permits[i], NULL);
    expect_count(at_once(a), 17); /* 3 of the 20 were sent */
    weir_limits_free(a);
    weir_limits_free(b);
    scope_free(&scope);
}

static void four_times_the_permits_have_room_in_a_scope(void **state)
{
    const struct test_scope scope = scope_new("room");
    struct weir_limits *limits = limits_new(0, 2000, S(600), scope.text);
    struct weir_rate rate = WINDOW(8000, S(600));

    (void)state;
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_OK);
    rate = WINDOW(8001, S(600));
    expect_status(weir_limits_set_rate(limits, 0, &rate), WEIR_NO_MEMORY);
    weir_limits_free(limits);
    scope_free(&scope);
}

/* ------------------------------------------------------------------------------------------------------------ snapshot
 */

static void a_snapshot_of_another_size_is_left_as_it_is(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_limits_stats stats, before;

    (void)state;
    memset(&stats, 0x5a, sizeof stats);
    stats.struct_size = sizeof stats - 1;
    before = stats;
    weir_limits_snapshot(limits, &stats);
    assert_memory_equal(&stats, &before, sizeof stats);
    weir_limits_free(limits);
}

static void a_snapshot_shows_what_is_there(void **state)
{
    struct weir_limits *limits = limits_new(4, 100, S(1), NULL);
    struct weir_permit permits[3];
    struct weir_limits_stats stats;

    (void)state;
    for (int i = 0; i < 3; i++)
        permits[i] = take(limits);
    weir_limits_release(limits, &permits[0], NULL);
    answer(limits, &permits[1], 200, NULL, NULL);
    stats = stats_of(limits);
    expect_count(stats.in_flight, 1);
    expect_count(stats.peak_in_flight, 3);
    expect_count(stats.parties, 1);
    expect_count(stats.refusals, 0);
    expect_count(stats.limit_count, 2);
    assert_string_equal(stats.limits[0].name, "concurrency");
    expect_count(stats.limits[0].permits, 4);
    expect_count(stats.limits[0].hold_ns, 0);
    assert_string_equal(stats.limits[1].name, "100/1s");
    expect_count(stats.limits[1].permits, 100);
    expect_count(stats.limits[1].hold_ns, S(1));
    assert_int_equal(stats.limits[1].shape, WEIR_SHAPE_WINDOW);
    assert_string_equal(stats.limits[1].learned_from, "");
    expect_count(stats.limits[1].worst_window, 3);
    expect_count(stats.limits[1].uncertain, 1); /* nobody knows whether the first was answered */
    expect_count(stats.limits[1].waits, 0);
    weir_limits_release(limits, &permits[2], NULL);
    weir_limits_free(limits);
}

static void who_waited_is_counted(void **state)
{
    struct weir_limits *limits = limits_new(1, 0, 0, NULL);
    struct weir_permit permit = take(limits);
    struct acquirer waiter;

    (void)state;
    acquirer_start(&waiter, limits, S(10), 0);
    pause_ns(MS(100));
    weir_limits_release(limits, &permit, NULL);
    acquirer_join(&waiter, SOON);
    expect_count(stats_of(limits).limits[0].waits, 1);
    expect_between(stats_of(limits).limits[0].wait_ns, MS(50), SOON);
    weir_limits_free(limits);
}

/* -------------------------------------------------------------------------------------------------------------- scopes
 */

static void permits_of_a_freed_handle_count_as_given_up(void **state)
{
    const struct test_scope scope = scope_new("freed");
    struct weir_limits *a = limits_new(2, 3, MS(800), scope.text), *b = limits_new(2, 3, MS(800), scope.text);
    struct weir_permit permit = WEIR_PERMIT_INIT;
    int64_t freed;

    (void)state;
    take(a);
    take(a);
    expect_none(b);
    freed = now_ns();
    weir_limits_free(a);
    expect_status(weir_limits_acquire(b, S(1), &permit), WEIR_OK); /* the concurrency permits are back */
    expect_none(b);                                                /* the rate permits are not */
    answer(b, &permit, 200, NULL, NULL);
    expect_status(weir_limits_acquire(b, S(5), &permit), WEIR_OK);
    expect_between(now_ns() - freed, MS(800), MS(800) + SOON);
    weir_limits_release(b, &permit, NULL);
    expect_count(stats_of(b).parties, 1);
    weir_limits_free(b);
    scope_free(&scope);
}

static void a_scope_has_the_limits_of_the_first(void **state)
{
    const struct test_scope scope = scope_new("first");
    struct weir_limits *a = limits_new(5, 10, S(1), scope.text), *b;
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_rate rate = WINDOW(11, S(1));
    struct weir_limits *other = NULL;

    (void)state;
    options.scope = scope.text;
    options.concurrency = 5;
    options.rates = &rate;
    options.rate_count = 1;
    expect_status(weir_limits_new(&options, &other), WEIR_SCOPE_LIMITS);
    assert_null(other);
    rate.requests = 10;
    rate.shape = WEIR_SHAPE_PACED;
    expect_status(weir_limits_new(&options, &other), WEIR_SCOPE_LIMITS);
    b = limits_new(0, 0, 0, scope.text);
    expect_count(stats_of(b).limit_count, 2);
    expect_count(stats_of(b).parties, 2);
    expect_count(at_once(b), 5);
    weir_limits_free(b);
    expect_count(stats_of(a).parties, 1);
    weir_limits_free(a);
    rate = WINDOW(12, S(2));
    expect_status(weir_limits_new(&options, &other), WEIR_OK); /* nobody is there any more */
    expect_count(stats_of(other).limits[1].permits, 12);
    weir_limits_free(other);
    scope_free(&scope);
}

static void two_scopes_have_nothing_to_do_with_each_other(void **state)
{
    const struct test_scope one = scope_new("one"), two = scope_new("two");
    struct weir_limits *a = limits_new(1, 0, 0, one.text), *b = limits_new(1, 0, 0, two.text);
    struct weir_permit permit = take(a);

    (void)state;
    expect_count(at_once(b), 1);
    weir_limits_release(a, &permit, NULL);
    weir_limits_free(a);
    weir_limits_free(b);
    scope_free(&one);
    scope_free(&two);
}

/* Waiters of two handles: who has waited longest goes first, whichever handle it is at. */
static void the_order_holds_across_handles(void **state)
{
    const struct test_scope scope = scope_new("order");
    struct weir_limits *a = limits_new(1, 0, 0, scope.text), *b = limits_new(1, 0, 0, scope.text);
    struct weir_permit permit = take(a);
    struct acquirer waiters[6];
    atomic_int order = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        acquirer_start(&waiters[i], i % 2 == 0 ? b : a, S(20), MS(2));
        waiters[i].order = &order;
        pause_ns(MS(30));
    }
    weir_limits_release(a, &permit, NULL);
    for (int i = 0; i < 6; i++) {
        acquirer_join(&waiters[i], SOON);
        expect_status(waiters[i].status, WEIR_OK);
        expect_count(waiters[i].place, i);
    }
    weir_limits_free(a);
    weir_limits_free(b);
    scope_free(&scope);
}

/* --------------------------------------------------------------------------------------------------------------- forks
 */

static int use_inherited(void *argument)
{
    struct weir_limits *limits = argument, *own = NULL;
    struct weir_permit permit = WEIR_PERMIT_INIT;
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits_stats stats, before;
    const struct weir_rate rate = WINDOW(1, S(1));

    CHILD_CHECK(1, weir_limits_acquire(limits, 0, &permit) == WEIR_FORKED);
    CHILD_CHECK(2, weir_limits_acquire(limits, -1, &permit) == WEIR_FORKED);
    CHILD_CHECK(3, weir_limits_set_concurrency(limits, 50) == WEIR_FORKED);
    CHILD_CHECK(4, weir_limits_set_rate(limits, 0, &rate) == WEIR_FORKED);
    CHILD_CHECK(5, !weir_limits_release(limits, &permit, NULL));
    weir_limits_began(limits, &permit);
    weir_limits_pause(limits);
    weir_limits_resume(limits);
    weir_limits_stop(limits);
    (void)weir_limits_wait_ns(limits);
    memset(&stats, 0x5a, sizeof stats);
    stats.struct_size = sizeof stats;
    before = stats;
    weir_limits_snapshot(limits, &stats);
    CHILD_CHECK(6, untouched(&stats, &before, sizeof stats));
    weir_limits_free(limits);
    options.concurrency = 1;
    CHILD_CHECK(7, weir_limits_new(&options, &own) == WEIR_OK);
    CHILD_CHECK(8, weir_limits_acquire(own, 0, &permit) == WEIR_OK);
    CHILD_CHECK(9, weir_limits_acquire(own, MS(20), &permit) == WEIR_TIMEOUT);
    weir_limits_free(own);
    return 0;
}

static void an_inherited_handle_is_dead_in_the_child_and_alive_in_the_parent(void **state)
{
    const struct test_scope scope = scope_new("forked");

    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct weir_limits *limits = limits_new(3, 10, S(600), shared ? scope.text : NULL);
        struct weir_permit permit = take(limits);

        expect_child(use_inherited, limits);
        expect_count(stats_of(limits).in_flight, 1);
        expect_count(stats_of(limits).parties, 1);
        expect_count(stats_of(limits).limits[0].permits, 3);
        expect_count(at_once(limits), 2);
        weir_limits_release(limits, &permit, NULL);
        expect_count(at_once(limits), 3);
        weir_limits_free(limits);
    }
    scope_free(&scope);
}

static int release_inherited(void *argument)
{
    void **both = argument;

    weir_limits_release(both[0], both[1], NULL); /* the parent's permit */
    return 0;
}

static void a_child_cannot_release_its_parents_permit(void **state)
{
    const struct test_scope scope = scope_new("parents");
    struct weir_limits *limits = limits_new(1, 0, 0, scope.text);
    struct weir_permit permit = take(limits);
    void *both[2] = {limits, &permit};

    (void)state;
    expect_child(release_inherited, both);
    expect_none(limits);
    weir_limits_release(limits, &permit, NULL);
    expect_count(at_once(limits), 1);
    weir_limits_free(limits);
    scope_free(&scope);
}

struct child_in_scope {
    const char *scope;
    struct weir_limits *inherited;
};

/* The child makes a handle of the same scope: it is a party of its own, and its end is not its parent's. */
static int join_scope(void *argument)
{
    struct child_in_scope *c = argument;
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_limits *own = NULL;
    struct weir_limits_stats stats = {.struct_size = sizeof stats};
    struct weir_permit permit;

    options.scope = c->scope;
    CHILD_CHECK(1, weir_limits_new(&options, &own) == WEIR_OK);
    weir_limits_snapshot(own, &stats);
    CHILD_CHECK(2, stats.parties == 2);
    CHILD_CHECK(3, weir_limits_acquire(own, S(1), &permit) == WEIR_OK);
    CHILD_CHECK(4, weir_limits_acquire(own, MS(600), &permit) == WEIR_TIMEOUT); /* the parent has the other */
    weir_limits_free(c->inherited);
    return 0; /* without releasing or freeing its own */
}

static void a_child_is_a_party_of_its_own(void **state)
{
    const struct test_scope scope = scope_new("child");
    struct weir_limits *limits = limits_new(2, 0, 0, scope.text);
    struct child_in_scope c = {scope.text, limits};
    struct weir_permit permit = take(limits), other;

    (void)state;
    expect_child(join_scope, &c);
    expect_status(weir_limits_acquire(limits, S(1), &other),
                  WEIR_OK); /* the child's is back, within a quarter of one */
    expect_none(limits);
    weir_limits_release(limits, &permit, NULL);
    weir_limits_release(limits, &other, NULL);
    weir_limits_free(limits);
    scope_free(&scope);
}

/* --------------------------------------------------------------------------------------------- limits of a dispatcher
 */

struct arrivals {
    pthread_mutex_t lock;
    int64_t times[2 * SENDS];
    int count;
    atomic_int inside, most;
};

static void arrive(struct arrivals *arrivals)
{
    pthread_mutex_lock(&arrivals->lock);
    if (arrivals->count < 2 * SENDS)
        arrivals->times[arrivals->count++] = now_ns();
    pthread_mutex_unlock(&arrivals->lock);
}

static void enter(struct arrivals *arrivals)
{
    const int inside = atomic_fetch_add(&arrivals->inside, 1) + 1;
    int most = atomic_load(&arrivals->most);

    while (inside > most && !atomic_compare_exchange_weak(&arrivals->most, &most, inside))
        continue;
}

static void serve_and_note(struct raw_server *server, int fd, int index, void *user)
{
    struct arrivals *arrivals = user;

    (void)index;
    while (raw_server_read(server, fd)) {
        arrive(arrivals);
        enter(arrivals);
        if (!raw_server_sleep(fd, 2))
            break;
        atomic_fetch_sub(&arrivals->inside, 1);
        if (!raw_server_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
            break;
    }
}

struct own_sender {
    struct weir_limits *limits;
    struct arrivals *arrivals;
    enum weir_status last;
    int count;
};

/* What a service would send by itself: its arrival is between acquire and release. */
static void *own_run(void *argument)
{
    struct own_sender *o = argument;

    while (o->count < 60) {
        struct weir_permit permit;

        o->last = weir_limits_acquire(o->limits, S(20), &permit);
        if (o->last != WEIR_OK)
            break;
        arrive(o->arrivals);
        enter(o->arrivals);
        pause_ns(MS(1));
        atomic_fetch_sub(&o->arrivals->inside, 1);
        weir_limits_release(o->limits, &permit, NULL);
        o->count++;
    }
    return NULL;
}

static void a_dispatcher_and_requests_of_ones_own_keep_the_limits_together(void **state)
{
    static struct arrivals arrivals = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct raw_server *server = raw_server_start(serve_and_note, &arrivals);
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct weir_rate rate = WINDOW(30, MS(250));
    struct weir_request request = WEIR_REQUEST_INIT;
    struct own_sender own[2];
    struct weir *weir = NULL;
    pthread_t threads[2];
    char url[64];

    (void)state;
    assert_non_null(server);
    options.concurrency = 4;
    options.rates = &rate;
    options.rate_count = 1;
    expect_status(weir_new(&options, &weir), WEIR_OK);
    assert_non_null(weir_limits_of(weir));
    assert_ptr_equal(weir_limits_of(weir), weir_limits_of(weir));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", raw_server_port(server));
    request.url = url;
    for (int i = 0; i < 2; i++) {
        own[i] = (struct own_sender){weir_limits_of(weir), &arrivals, WEIR_OK, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, own_run, &own[i]), 0);
    }
    for (int i = 0; i < 120; i++)
        expect_status(weir_submit(weir, &request, S(20)), WEIR_OK);
    expect_status(weir_wait(weir, S(30)), WEIR_OK);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        expect_status(own[i].last, WEIR_OK);
    }
    expect_count(arrivals.count, 240);
    qsort(arrivals.times, 240, sizeof arrivals.times[0], compare);
    for (int i = 0; i + 30 < 240; i++)
        if (arrivals.times[i + 30] - arrivals.times[i] < MS(250))
            fail_msg("31 arrivals in %.3f ms", (double)(arrivals.times[i + 30] - arrivals.times[i]) / 1e6);
    expect_from_to((uint64_t)atomic_load(&arrivals.most), 1, 4);
    expect_from_to(stats_of(weir_limits_of(weir)).peak_in_flight, 1, 4);
    weir_limits_free(weir_limits_of(weir)); /* a no-op */
    expect_count(stats_of(weir_limits_of(weir)).limits[0].permits, 4);
    weir_free(weir);
    raw_server_stop(server);
}

struct done_count {
    atomic_int done;
};

static void count_done(void *user_data, const struct weir_result *result)
{
    (void)result;
    atomic_fetch_add(&((struct done_count *)user_data)->done, 1);
}

static void permits_of_ones_own_hold_a_dispatchers_jobs_back(void **state)
{
    static struct arrivals arrivals = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct raw_server *server = raw_server_start(serve_and_note, &arrivals);
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct done_count count = {0};
    struct weir_permit permits[2];
    struct weir_limits *limits;
    struct weir *weir = NULL;
    char url[64];

    (void)state;
    options.concurrency = 2;
    options.worker_max = 8;
    expect_status(weir_new(&options, &weir), WEIR_OK);
    limits = weir_limits_of(weir);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", raw_server_port(server));
    request.url = url;
    request.done = count_done;
    request.user_data = &count;
    permits[0] = take(limits);
    permits[1] = take(limits);
    for (int i = 0; i < 5; i++)
        expect_status(weir_submit(weir, &request, 0), WEIR_OK);
    expect_status(weir_wait(weir, MS(300)), WEIR_TIMEOUT);
    expect_count(raw_server_requests(server), 0);
    weir_limits_release(limits, &permits[0], NULL);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_count(count.done, 5);

    weir_limits_pause(limits); /* the handle's, and so its dispatcher's */
    weir_limits_release(limits, &permits[1], NULL);
    expect_status(weir_submit(weir, &request, 0), WEIR_OK);
    expect_status(weir_wait(weir, MS(300)), WEIR_TIMEOUT);
    expect_count(raw_server_requests(server), 5);
    weir_limits_resume(limits);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_count(count.done, 6);

    weir_limits_stop(limits); /* a no-op */
    expect_count(at_once(limits), 2);
    expect_status(weir_limits_set_concurrency(limits, 5), WEIR_OK);
    expect_count(at_once(limits), 5);
    weir_stop(weir);
    expect_status(weir_limits_acquire(limits, 0, &permits[0]), WEIR_STOPPED);
    weir_free(weir);
    raw_server_stop(server);
}

static void a_refusal_of_ones_own_pauses_the_dispatcher(void **state)
{
    static struct arrivals arrivals = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct raw_server *server = raw_server_start(serve_and_note, &arrivals);
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir_permit permit;
    struct weir *weir = NULL;
    char url[64];
    int64_t begin;

    (void)state;
    expect_status(weir_new(&options, &weir), WEIR_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", raw_server_port(server));
    request.url = url;
    permit = take(weir_limits_of(weir));
    begin = now_ns();
    assert_true(answer(weir_limits_of(weir), &permit, 429, "Retry-After", "1"));
    expect_status(weir_submit(weir, &request, 0), WEIR_OK);
    expect_status(weir_wait(weir, S(10)), WEIR_OK);
    expect_between(now_ns() - begin, S(1), S(1) + SOON);
    weir_free(weir);
    raw_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_invalid),
        cmocka_unit_test(options_at_the_ends_of_their_ranges_are_taken),
        cmocka_unit_test(without_any_limit_every_acquire_succeeds),
        cmocka_unit_test(null_is_no_handle),
        cmocka_unit_test(an_acquire_waits_as_long_as_it_may),
        cmocka_unit_test(a_waiter_without_end_has_the_permit_that_comes_back),
        cmocka_unit_test(a_permit_is_a_value_and_may_be_released_by_another_thread),
        cmocka_unit_test(a_second_release_is_nothing),
        cmocka_unit_test(a_copy_of_a_released_permit_does_not_release_its_successor),
        cmocka_unit_test(who_has_waited_longest_goes_first),
        cmocka_unit_test(a_waiter_whose_time_runs_out_keeps_nobody_waiting),
        cmocka_unit_test(a_crowd_never_has_more_than_there_are),
        cmocka_unit_test(a_window_rate_lets_its_requests_go_and_then_none_for_a_period),
        cmocka_unit_test(the_hold_counts_from_the_responses_beginning_where_that_is_told),
        cmocka_unit_test(a_rate_permit_that_began_comes_back_before_its_release),
        cmocka_unit_test(what_never_left_gives_its_permits_back_at_once),
        cmocka_unit_test(a_strict_rate_keeps_its_pace),
        cmocka_unit_test(no_window_holds_more_than_the_rate),
        cmocka_unit_test(wait_ns_says_when_an_acquire_could_succeed),
        cmocka_unit_test(a_refusal_pauses_everybody_for_as_long_as_it_says),
        cmocka_unit_test(a_pause_is_shared_in_a_scope),
        cmocka_unit_test(only_what_asks_to_wait_is_a_refusal),
        cmocka_unit_test(an_answer_of_another_size_still_gives_the_permit_back),
        cmocka_unit_test(nothing_remaining_pauses_until_the_reset),
        cmocka_unit_test(a_refusal_without_a_wait_pauses_longer_each_time),
        cmocka_unit_test(events_are_told_on_the_thread_that_calls),
        cmocka_unit_test(a_stated_limit_is_learned_where_that_is_wanted),
        cmocka_unit_test(a_learned_limit_is_everybodys_in_a_scope),
        cmocka_unit_test(a_limit_that_is_refused_by_is_learned_in_any_case),
        cmocka_unit_test(a_stop_ends_all_waiting_now_and_to_come),
        cmocka_unit_test(a_stop_is_of_one_handle_and_the_scope_goes_on),
        cmocka_unit_test(nothing_goes_while_it_is_paused),
        cmocka_unit_test(a_paused_handle_can_be_stopped),
        cmocka_unit_test(a_paused_waiter_keeps_nobody_else_waiting),
        cmocka_unit_test(more_concurrency_lets_waiters_go),
        cmocka_unit_test(less_concurrency_swallows_what_comes_back),
        cmocka_unit_test(concurrency_may_go_down_and_up_while_all_are_out),
        cmocka_unit_test(changes_out_of_range_are_invalid_and_change_nothing),
        cmocka_unit_test(a_rate_can_be_raised_while_it_is_used_up),
        cmocka_unit_test(a_rate_can_be_lowered_while_it_is_in_use),
        cmocka_unit_test(a_shorter_period_does_not_shorten_older_holds),
        cmocka_unit_test(changes_hold_for_all_who_share_a_scope),
        cmocka_unit_test(four_times_the_permits_have_room_in_a_scope),
        cmocka_unit_test(a_snapshot_of_another_size_is_left_as_it_is),
        cmocka_unit_test(a_snapshot_shows_what_is_there),
        cmocka_unit_test(who_waited_is_counted),
        cmocka_unit_test(permits_of_a_freed_handle_count_as_given_up),
        cmocka_unit_test(a_scope_has_the_limits_of_the_first),
        cmocka_unit_test(two_scopes_have_nothing_to_do_with_each_other),
        cmocka_unit_test(the_order_holds_across_handles),
        cmocka_unit_test(an_inherited_handle_is_dead_in_the_child_and_alive_in_the_parent),
        cmocka_unit_test(a_child_cannot_release_its_parents_permit),
        cmocka_unit_test(a_child_is_a_party_of_its_own),
        cmocka_unit_test(a_shorter_period_holds_for_what_comes_after_it),
        cmocka_unit_test(a_permit_of_another_handle_is_a_no_op),
        cmocka_unit_test(a_paced_rate_needs_no_concurrency_limit),
        cmocka_unit_test(who_does_not_wait_counts_as_no_wait),
    };
    const struct CMUnitTest with_a_dispatcher[] = {
        cmocka_unit_test(a_dispatcher_and_requests_of_ones_own_keep_the_limits_together),
        cmocka_unit_test(permits_of_ones_own_hold_a_dispatchers_jobs_back),
        cmocka_unit_test(a_refusal_of_ones_own_pauses_the_dispatcher),
    };
    const struct weir_options options = WEIR_OPTIONS_INIT;
    int failed = 0;

    watch();
    if (options.engine == WEIR_ENGINE_THREADS) /* limits alone know no engine */
        failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed + cmocka_run_group_tests(with_a_dispatcher, NULL, NULL);
}
