/*
 * What becomes of a job, and of all the others, when the server pushes back: retries and their budget, the pause for
 * everybody, limits learned, deadlines, idempotency keys.  Time is fake, so that moments are exact.
 */
#include "support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "http://127.0.0.1:1/a"
#define EVENTS_MAX 64u

static const struct weir_header retry_after_2 = {"Retry-After", "2"};
static const struct fake_step refused_for_2_s = {
    .http_status = 429, .latency_ns = MS(10), .headers = &retry_after_2, .header_count = 1};
static const struct fake_step refused = {.http_status = 429, .latency_ns = MS(10)};
static const struct fake_step failed = {.http_status = 503, .latency_ns = MS(10)};
static const struct fake_step lost = {.error = WEIR_ERROR_CONNECTION_LOST, .latency_ns = MS(10)};

static struct weir_options base(void)
{
    struct weir_options options = WEIR_OPTIONS_INIT;

    options.concurrency = 1;
    return options;
}

static struct fixture *start(const struct weir_options *options)
{
    struct fixture *f = fixture_new(options, &fixture_plain, false, NULL);

    assert_non_null(f);
    return f;
}

static void push(struct fixture *f, const struct fake_step *step, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        fake_transport_push(f->transport, step);
}

static void submit(struct fixture *f, const char *method, uint64_t id)
{
    assert_int_equal(fixture_submit(f, method, URL, id), WEIR_OK);
}

static int64_t sent_ns(struct fixture *f, uint32_t n)
{
    return fake_transport_record(f->transport, n).sent_ns;
}

#define ASSERT_BETWEEN(value, low, high)                                                                               \
    do {                                                                                                               \
        const int64_t v = (value);                                                                                     \
        if (v < (low) || v > (high))                                                                                   \
            fail_msg("%s is %.6f s, not from %.6f to %.6f s", #value, (double)v / 1e9, (double)(low) / 1e9,            \
                     (double)(high) / 1e9);                                                                            \
    } while (0)

/* ----------------------------------------------------------------------------------------------------------- retries
 */

static void a_failure_is_tried_again_after_a_backoff(void **state)
{
    const struct weir_options options = base();
    struct fixture *f = start(&options);
    struct fixture_end end;
    int64_t most_ns = MS(500);

    (void)state;
    push(f, &failed, 3);
    submit(f, "GET", 0);
    assert_true(fixture_settle(f));
    end = fixture_end_of(f, 0);
    assert_int_equal(end.times, 1);
    assert_int_equal(end.result.outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_int_equal(end.result.attempts, 4);
    for (uint32_t i = 1; i < 4; i++, most_ns *= 2)
        ASSERT_BETWEEN(sent_ns(f, i) - sent_ns(f, i - 1), MS(10), MS(10) + most_ns);
    assert_int_equal(end.result.queue_ns, 0); /* a backoff is no queueing */
    assert_int_equal(fixture_stats(f).retries, 3);
    assert_int_equal(fixture_stats(f).refusals, 0);
    fixture_free(f);
}

static void attempts_end_at_their_maximum(void **state)
{
    const struct weir_options options = base();
    struct fixture *f = start(&options);
    struct fixture_end end;

    (void)state;
    push(f, &failed, 10);
    submit(f, "GET", 0);
    assert_true(fixture_settle(f));
    end = fixture_end_of(f, 0);
    assert_int_equal(end.result.outcome, WEIR_OUTCOME_FAILED);
    assert_int_equal(end.result.error, WEIR_ERROR_STATUS);
    assert_int_equal(end.result.http_status, 503);
    assert_int_equal(end.result.attempts, 5);
    fixture_free(f);
}

/* One permit, one worker; the others go while the first waits for its next try. */
static void a_job_in_backoff_holds_no_worker_and_no_permit(void **state)
{
    struct weir_options options = base();
    struct fixture *f;

    (void)state;
    options.backoff_ns = options.backoff_max_ns = S(1000);
    f = start(&options);
    push(f, &failed, 1);
    for (uint64_t id = 0; id < 5; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    for (uint64_t id = 1; id < 5; id++)
        if (fixture_end_of(f, id).at_ns != FIXTURE_START_NS + MS(10))
            fail_msg("job %d ended at %.6f s", (int)id, (double)(fixture_end_of(f, id).at_ns - FIXTURE_START_NS) / 1e9);
    assert_true(fixture_end_of(f, 0).at_ns > FIXTURE_START_NS + S(1));
    assert_int_equal(fixture_end_of(f, 0).result.outcome, WEIR_OUTCOME_SUCCEEDED);
    fixture_free(f);
}

static void the_budget_bounds_a_storm(void **state)
{
    struct weir_options options = base();
    struct fixture *f;
    struct weir_stats stats;

    (void)state;
    options.concurrency = 8;
    f = fixture_new(&options, &failed, false, NULL);
    assert_non_null(f);
    for (uint64_t id = 0; id < 1000; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    stats = fixture_stats(f);
    assert_int_equal(stats.outcomes[WEIR_OUTCOME_FAILED], 1000);
    assert_int_equal(stats.attempts, 1100);
    assert_int_equal(stats.retries, 100);
    assert_true(stats.budget_denied > 900);
    assert_non_null(strstr(fixture_end_of(f, 999).detail, "budget"));
    fixture_free(f);
}

static void a_post_is_sent_twice_only_where_it_surely_was_not_processed(void **state)
{
    static const struct {
        struct fake_step step;
        uint32_t sends;
        enum weir_outcome outcome;
    } cases[] = {
        {{.http_status = 503}, 1, WEIR_OUTCOME_UNKNOWN},
        {{.error = WEIR_ERROR_CONNECTION_LOST}, 1, WEIR_OUTCOME_UNKNOWN},
        {{.error = WEIR_ERROR_CONNECTION_LOST, .resend = true}, 1, WEIR_OUTCOME_UNKNOWN},
        {{.http_status = 200, .error = WEIR_ERROR_CONNECTION_LOST}, 1, WEIR_OUTCOME_UNKNOWN},
        {{.http_status = 400}, 1, WEIR_OUTCOME_FAILED},
        {{.http_status = 429}, 2, WEIR_OUTCOME_SUCCEEDED},
        {{.http_status = 503, .headers = &retry_after_2, .header_count = 1}, 2, WEIR_OUTCOME_SUCCEEDED},
        {{.unsent = true, .error = WEIR_ERROR_CONNECT}, 1, WEIR_OUTCOME_SUCCEEDED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct weir_options options = base();
        struct fixture *f = start(&options);

        push(f, &cases[i].step, 1);
        submit(f, "POST", 0);
        assert_true(fixture_settle(f));
        if (fake_transport_sent(f->transport) != cases[i].sends ||
            fixture_end_of(f, 0).result.outcome != cases[i].outcome)
            fail_msg("case %zu: %u sends, %s", i, fake_transport_sent(f->transport),
                     weir_outcome_text(fixture_end_of(f, 0).result.outcome));
        fixture_free(f);
    }
}

/* The first send may have been carried out, and nothing that follows can tell. */
static void a_repeated_post_that_fails_stays_unknown(void **state)
{
    struct weir_options options = base();
    struct fixture *f;

    (void)state;
    options.retry_non_idempotent = true;
    f = start(&options);
    push(f, &lost, 1);
    push(f, &(struct fake_step){.http_status = 400}, 1);
    submit(f, "POST", 0);
    assert_true(fixture_settle(f));
    assert_int_equal(fake_transport_sent(f->transport), 2);
    assert_int_equal(fixture_end_of(f, 0).result.outcome, WEIR_OUTCOME_UNKNOWN);
    fixture_free(f);
}

static void an_idempotency_key_is_the_same_on_each_send_and_of_no_other_job(void **state)
{
    struct weir_options options = base();
    struct weir_request request = WEIR_REQUEST_INIT;
    struct fake_record first, second, third, fourth;
    struct fixture *f;

    (void)state;
    options.idempotency_header = "Idempotency-Key";
    f = start(&options);
    push(f, &lost, 1);
    submit(f, "POST", 0);
    assert_true(fixture_settle(f));
    submit(f, "POST", 1);
    request.method = "POST";
    request.url = URL;
    request.idempotency_key = "order-7";
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    assert_true(fixture_settle(f));
    first = fake_transport_record(f->transport, 0);
    second = fake_transport_record(f->transport, 1);
    third = fake_transport_record(f->transport, 2);
    fourth = fake_transport_record(f->transport, 3);
    assert_int_equal(fixture_end_of(f, 0).result.outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_int_equal(first.header_count, 1);
    assert_int_equal(strncmp(first.last_header, "Idempotency-Key: \"", 18), 0);
    assert_int_equal(strlen(first.last_header), 18 + 36 + 1);
    assert_string_equal(first.last_header, second.last_header);
    assert_string_not_equal(first.last_header, third.last_header);
    assert_string_equal(fourth.last_header, "Idempotency-Key: \"order-7\"");
    request.idempotency_key = "a\"b";
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_INVALID);
    fixture_free(f);
}

/* ---------------------------------------------------------------------------------------------------------- deadlines
 */

static void a_deadline_ends_a_job_that_waits(void **state)
{
    const struct weir_rate rate = {.requests = 1, .per_ns = S(10), .shape = WEIR_SHAPE_WINDOW};
    struct weir_options options = base();
    struct fixture *f;
    struct fixture_end end;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    options.deadline_ns = S(3);
    f = start(&options);
    submit(f, "GET", 0);
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    end = fixture_end_of(f, 1);
    assert_int_equal(end.result.outcome, WEIR_OUTCOME_FAILED);
    assert_int_equal(end.result.error, WEIR_ERROR_DEADLINE);
    assert_int_equal(end.at_ns, FIXTURE_START_NS + S(3));
    assert_int_equal(end.result.total_ns, S(3));
    assert_int_equal(fake_transport_record(f->transport, 0).timeout_ns, S(3));
    fixture_free(f);
}

static void a_retry_that_the_deadline_forbids_ends_the_job_at_once(void **state)
{
    struct weir_options options = base();
    struct fixture *f;

    (void)state;
    options.backoff_ns = options.backoff_max_ns = S(1000);
    options.deadline_ns = MS(100);
    f = start(&options);
    push(f, &failed, 1);
    submit(f, "GET", 0);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_end_of(f, 0).at_ns, FIXTURE_START_NS + MS(10));
    assert_int_equal(fixture_end_of(f, 0).result.error, WEIR_ERROR_STATUS);
    assert_non_null(strstr(fixture_end_of(f, 0).detail, "deadline"));
    fixture_free(f);
}

/* ------------------------------------------------------------------------------------------------------------- pauses
 */

static void a_refusal_pauses_everybody_until_the_moment_named(void **state)
{
    struct weir_options options = base();
    struct fixture *f;
    struct weir_stats stats;

    (void)state;
    options.concurrency = 3;
    options.attempt_max = 1; /* a refusal uses up none */
    f = start(&options);
    push(f, &refused_for_2_s, 3);
    for (uint64_t id = 0; id < 9; id++)
        submit(f, "POST", id);
    assert_true(fixture_settle(f));
    for (uint32_t i = 3; i < 12; i++)
        ASSERT_BETWEEN(sent_ns(f, i), FIXTURE_START_NS + MS(2011), FIXTURE_START_NS + MS(2210 + 20 * 9));
    for (uint64_t id = 0; id < 9; id++)
        assert_int_equal(fixture_end_of(f, id).result.outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_int_equal(fixture_end_of(f, 0).result.refusals, 1);
    stats = fixture_stats(f);
    assert_int_equal(stats.refusals, 3);
    assert_int_equal(stats.pause.count, 1);
    assert_string_equal(stats.pause.reason, "429, retry-after");
    assert_int_equal(stats.attempts, 12);
    assert_true(stats.time.paused_ns > 3 * S(1));
    fixture_free(f);
}

/* Its header says all; a body that takes its time lets nobody send meanwhile. */
static void a_refusal_pauses_before_its_body_has_come(void **state)
{
    struct weir_options options = base();
    struct fake_step slow = refused_for_2_s;
    struct fixture *f;

    (void)state;
    slow.body_ns = S(30);
    options.concurrency = 2;
    f = start(&options);
    push(f, &slow, 1);
    push(f, &(struct fake_step){.http_status = 200, .latency_ns = MS(20)}, 1);
    for (uint64_t id = 0; id < 4; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    assert_int_equal(sent_ns(f, 1), FIXTURE_START_NS);
    ASSERT_BETWEEN(sent_ns(f, 2), FIXTURE_START_NS + MS(2011), FIXTURE_START_NS + MS(2300));
    ASSERT_BETWEEN(sent_ns(f, 4), FIXTURE_START_NS + S(30), FIXTURE_START_NS + S(31));
    assert_int_equal(fixture_stats(f).refusals, 1);
    fixture_free(f);
}

static void refused_jobs_go_before_those_that_wait(void **state)
{
    struct weir_options options = base();
    struct fixture *f = start(&options);

    (void)state;
    push(f, &refused_for_2_s, 1);
    assert_int_equal(fixture_submit(f, "GET", URL "/first", 0), WEIR_OK);
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    assert_string_equal(fake_transport_record(f->transport, 1).url, URL "/first");
    fixture_free(f);
}

static void refusals_end_at_their_maximum(void **state)
{
    struct weir_options options = base();
    struct fixture *f;

    (void)state;
    options.refusal_max = 3;
    f = start(&options);
    push(f, &refused, 10);
    submit(f, "GET", 0);
    assert_true(fixture_settle(f));
    assert_int_equal(fake_transport_sent(f->transport), 3);
    assert_int_equal(fixture_end_of(f, 0).result.outcome, WEIR_OUTCOME_FAILED);
    assert_int_equal(fixture_end_of(f, 0).result.http_status, 429);
    assert_int_equal(fixture_end_of(f, 0).result.refusals, 3);
    fixture_free(f);
}

static void nothing_remaining_pauses_before_a_refusal(void **state)
{
    static const struct weir_header headers[] = {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "3"}};
    const struct fake_step last = {.http_status = 200, .latency_ns = MS(10), .headers = headers, .header_count = 2};
    const struct weir_options options = base();
    struct fixture *f = start(&options);

    (void)state;
    push(f, &last, 1);
    submit(f, "GET", 0);
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    ASSERT_BETWEEN(sent_ns(f, 1), FIXTURE_START_NS + MS(3011), FIXTURE_START_NS + MS(3311));
    assert_int_equal(fixture_stats(f).refusals, 0);
    assert_int_equal(fixture_stats(f).pause.count, 1);
    fixture_free(f);
}

/* At full speed nothing remains most of the time: the certificate knows better than a stale figure. */
static void nothing_remaining_is_no_news_where_the_limit_is_kept(void **state)
{
    static const struct weir_header headers[] = {{"ratelimit-policy", "\"a\";q=5;w=1"}, {"ratelimit", "\"a\";r=0;t=1"}};
    const struct fake_step last = {.http_status = 200, .latency_ns = MS(10), .headers = headers, .header_count = 2};
    const struct weir_rate rate = {.requests = 5, .per_ns = S(1), .shape = WEIR_SHAPE_WINDOW};
    struct weir_options options = base();
    struct fixture *f;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    f = start(&options);
    push(f, &last, 5);
    for (uint64_t id = 0; id < 5; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    assert_int_equal(sent_ns(f, 4), FIXTURE_START_NS + 4 * MS(10));
    assert_int_equal(fixture_stats(f).pause.count, 0);
    fixture_free(f);
}

struct watched {
    pthread_mutex_t lock;
    unsigned count;
    struct weir_event events[EVENTS_MAX];
    char details[EVENTS_MAX][64];
};

static void watch(void *user_data, const struct weir_event *event)
{
    struct watched *watched = user_data;

    pthread_mutex_lock(&watched->lock);
    if (watched->count < EVENTS_MAX) {
        (void)snprintf(watched->details[watched->count], 64, "%s", event->detail);
        watched->events[watched->count++] = *event;
    }
    pthread_mutex_unlock(&watched->lock);
}

static int find(const struct watched *watched, enum weir_event_type type)
{
    for (unsigned i = 0; i < watched->count; i++)
        if (watched->events[i].type == type)
            return (int)i;
    return -1;
}

static void a_pause_that_is_too_long_ends_the_run(void **state)
{
    static const struct weir_header hour = {"Retry-After", "3600"};
    const struct fake_step step = {.http_status = 429, .headers = &hour, .header_count = 1};
    static struct watched watched = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct weir_options options = base();
    struct fixture *f;
    int i;

    (void)state;
    options.on_event = watch;
    options.event_user_data = &watched;
    f = start(&options);
    push(f, &step, 1);
    submit(f, "GET", 0);
    submit(f, "GET", 1);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_end_of(f, 0).result.outcome, WEIR_OUTCOME_CANCELLED);
    assert_int_equal(fixture_end_of(f, 1).result.outcome, WEIR_OUTCOME_CANCELLED);
    assert_true(fixture_end_of(f, 1).at_ns < FIXTURE_START_NS + S(1));
    assert_int_equal(fixture_submit(f, "GET", URL, 2), WEIR_STOPPED);
    assert_true(fixture_stats(f).pause.gave_up);
    i = find(&watched, WEIR_EVENT_GAVE_UP);
    assert_true(i >= 0);
    ASSERT_BETWEEN(watched.events[i].wait_ns, S(3599), S(3600));
    assert_string_equal(watched.details[i], "429, retry-after");
    assert_true(find(&watched, WEIR_EVENT_PAUSED) >= 0);
    fixture_free(f);
}

/* Nobody has to wait for it: the run is over. */
static void a_pause_after_the_last_job_ends_nothing(void **state)
{
    static const struct weir_header headers[] = {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "3600"}};
    const struct fake_step last = {.http_status = 200, .headers = headers, .header_count = 2};
    const struct weir_options options = base();
    struct fixture *f = start(&options);

    (void)state;
    push(f, &last, 1);
    submit(f, "GET", 0);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_end_of(f, 0).result.outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_false(fixture_stats(f).pause.gave_up);
    fixture_free(f);
}

/* A connection took its time; when it was there, a pause had begun. */
static void a_pause_holds_back_what_has_not_been_sent_yet(void **state)
{
    struct weir_options options = base();
    struct fixture *f;
    const struct fake_step slow = {.http_status = 200, .connect_ns = MS(500)};

    (void)state;
    options.concurrency = 2;
    f = start(&options);
    push(f, &refused_for_2_s, 1);
    submit(f, "GET", 0);
    assert_true(fake_transport_await_begun(f->transport, 1));
    push(f, &slow, 1);
    submit(f, "GET", 1);
    assert_true(fake_transport_await_begun(f->transport, 2));
    assert_true(fixture_settle(f));
    assert_false(fake_transport_record(f->transport, 1).sent);
    assert_int_equal(fixture_end_of(f, 1).result.outcome, WEIR_OUTCOME_SUCCEEDED);
    assert_int_equal(fixture_end_of(f, 1).result.attempts, 1);
    ASSERT_BETWEEN(fixture_end_of(f, 1).at_ns, FIXTURE_START_NS + MS(2011), FIXTURE_START_NS + MS(2300));
    assert_int_equal(fixture_stats(f).attempts, 3);
    assert_int_equal(fixture_stats(f).errors[WEIR_ERROR_STOPPED], 0);
    fixture_free(f);
}

/* -------------------------------------------------------------------------------------------------------- learned
 * rates
 */

static const struct weir_header policy[] = {{"RateLimit-Policy", "\"a\";q=5;w=1"}, {"RateLimit", "\"a\";r=4;t=1"}};
static const struct fake_step stating = {
    .http_status = 200, .latency_ns = MS(10), .headers = policy, .header_count = 2};

static void a_stated_limit_is_adopted_where_that_is_asked_for(void **state)
{
    static struct watched watched = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct weir_options options = base();
    struct weir_stats stats;
    struct fixture *f;
    int i;

    (void)state;
    options.learn_rate = true;
    options.on_event = watch;
    options.event_user_data = &watched;
    f = fixture_new(&options, &stating, false, NULL);
    assert_non_null(f);
    for (uint64_t id = 0; id < 20; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    stats = fixture_stats(f);
    assert_int_equal(stats.limit_count, 2);
    assert_string_equal(stats.limits[1].name, "5/1s");
    assert_string_equal(stats.limits[1].learned_from, "ratelimit-policy");
    assert_true(stats.limits[1].worst_window <= 5);
    for (uint32_t n = 5; n < 20; n++)
        if (sent_ns(f, n) - sent_ns(f, n - 5) < S(1))
            fail_msg("send %u came %.6f s after the fifth before it", n,
                     (double)(sent_ns(f, n) - sent_ns(f, n - 5)) / 1e9);
    i = find(&watched, WEIR_EVENT_LEARNED);
    assert_true(i >= 0);
    assert_string_equal(watched.details[i], "ratelimit-policy");
    assert_int_equal(stats.pause.stated.requests, 5);
    fixture_free(f);
}

static void a_stated_limit_is_not_adopted_otherwise(void **state)
{
    const struct weir_options options = base();
    struct fixture *f = fixture_new(&options, &stating, false, NULL);

    (void)state;
    assert_non_null(f);
    for (uint64_t id = 0; id < 20; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_stats(f).limit_count, 1);
    assert_int_equal(sent_ns(f, 19), FIXTURE_START_NS + 19 * MS(10));
    assert_int_equal(fixture_stats(f).pause.stated.requests, 5); /* but it is remembered, to explain refusals */
    fixture_free(f);
}

/* Only ever lower: a limit that is given and stricter stays alone. */
static void a_laxer_limit_is_not_adopted(void **state)
{
    const struct weir_rate rate = {.requests = 4, .per_ns = S(1)};
    struct weir_options options = base();
    struct fixture *f;

    (void)state;
    options.learn_rate = true;
    options.rates = &rate;
    options.rate_count = 1;
    f = fixture_new(&options, &stating, false, NULL);
    assert_non_null(f);
    submit(f, "GET", 0);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_stats(f).limit_count, 2);
    fixture_free(f);
}

static void a_refusal_that_states_the_limit_makes_it_ours(void **state)
{
    static const struct weir_header headers[] = {
        {"x-ratelimit-limit", "5"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "1"}};
    const struct fake_step step = {.http_status = 429, .latency_ns = MS(10), .headers = headers, .header_count = 3};
    const struct weir_options options = base();
    struct fixture *f = start(&options);

    (void)state;
    push(f, &step, 1);
    for (uint64_t id = 0; id < 12; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    assert_int_equal(fixture_stats(f).limit_count, 2);
    assert_string_equal(fixture_stats(f).limits[1].learned_from, "x-ratelimit-limit");
    assert_true(sent_ns(f, 1) >= FIXTURE_START_NS + MS(1010));
    for (uint32_t n = 6; n < 13; n++)
        assert_true(sent_ns(f, n) - sent_ns(f, n - 5) >= S(1));
    fixture_free(f);
}

/* It binds, and is not known: one pause, and from there on it is kept like any other. */
static void a_stated_limit_that_is_used_up_makes_it_ours(void **state)
{
    static const struct weir_header headers[] = {{"RateLimit-Policy", "\"a\";q=5;w=1"}, {"RateLimit", "\"a\";r=0;t=1"}};
    const struct fake_step last = {.http_status = 200, .latency_ns = MS(10), .headers = headers, .header_count = 2};
    const struct weir_rate rate = {.requests = 10, .per_ns = S(1), .shape = WEIR_SHAPE_WINDOW};
    struct weir_options options = base();
    struct weir_stats stats;
    struct fixture *f;

    (void)state;
    options.rates = &rate;
    options.rate_count = 1;
    f = fixture_new(&options, &last, false, NULL);
    assert_non_null(f);
    for (uint64_t id = 0; id < 21; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    stats = fixture_stats(f);
    assert_int_equal(stats.pause.count, 1);
    assert_int_equal(stats.limit_count, 3);
    assert_string_equal(stats.limits[2].name, "5/1s");
    assert_true(sent_ns(f, 1) >= FIXTURE_START_NS + MS(1011));
    for (uint32_t n = 6; n < 21; n++)
        assert_true(sent_ns(f, n) - sent_ns(f, n - 5) >= S(1));
    fixture_free(f);
}

/* Refused without a word on the limit: what was accepted before tells how fast to go. */
static void refusals_alone_slow_sending_down(void **state)
{
    struct weir_options options = base();
    struct fixture *f;

    (void)state;
    options.concurrency = 1;
    f = start(&options);
    push(f, &(struct fake_step){.http_status = 200, .latency_ns = MS(1)}, 50);
    push(f, &refused_for_2_s, 1);
    for (uint64_t id = 0; id < 200; id++)
        submit(f, "GET", id);
    assert_true(fixture_settle(f));
    /* 50 were accepted, then 2 s of silence: 25 a second, of which nine tenths */
    assert_true(fixture_stats(f).pause.slowed_to_per_s > 22 && fixture_stats(f).pause.slowed_to_per_s < 23);
    for (uint32_t n = 52; n < 201; n++)
        ASSERT_BETWEEN(sent_ns(f, n) - sent_ns(f, n - 1), MS(43), MS(46));
    fixture_free(f);
}

/* ------------------------------------------------------------------------------------------------------ where time
 * goes
 */

static void the_workers_time_adds_up_and_names_what_held_them(void **state)
{
    struct weir_options options = base();
    struct weir_time_stats t;
    struct weir_stats stats;
    struct fixture *f;

    (void)state;
    options.backoff_ns = options.backoff_max_ns = S(4);
    f = start(&options);
    push(f, &failed, 1);
    push(f, &refused_for_2_s, 1);
    submit(f, "GET", 0);
    assert_true(fixture_settle(f));
    stats = fixture_stats(f);
    t = stats.time;
    assert_int_equal(stats.workers, 1);
    assert_int_equal(t.sending_ns + t.permit_wait_ns + t.pace_wait_ns + t.paused_ns + t.backoff_ns + t.idle_ns,
                     stats.elapsed_ns);
    assert_int_equal(t.sending_ns, 2 * MS(10));
    assert_int_equal(t.backoff_ns, sent_ns(f, 1) - sent_ns(f, 0) - MS(10));
    assert_int_equal(t.paused_ns, sent_ns(f, 2) - sent_ns(f, 1) - MS(10));
    assert_int_equal(t.idle_ns + t.pace_wait_ns + t.permit_wait_ns, 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_tried_again_after_a_backoff),
        cmocka_unit_test(attempts_end_at_their_maximum),
        cmocka_unit_test(a_job_in_backoff_holds_no_worker_and_no_permit),
        cmocka_unit_test(the_budget_bounds_a_storm),
        cmocka_unit_test(a_post_is_sent_twice_only_where_it_surely_was_not_processed),
        cmocka_unit_test(a_repeated_post_that_fails_stays_unknown),
        cmocka_unit_test(an_idempotency_key_is_the_same_on_each_send_and_of_no_other_job),
        cmocka_unit_test(a_deadline_ends_a_job_that_waits),
        cmocka_unit_test(a_retry_that_the_deadline_forbids_ends_the_job_at_once),
        cmocka_unit_test(a_refusal_pauses_everybody_until_the_moment_named),
        cmocka_unit_test(a_refusal_pauses_before_its_body_has_come),
        cmocka_unit_test(refused_jobs_go_before_those_that_wait),
        cmocka_unit_test(refusals_end_at_their_maximum),
        cmocka_unit_test(nothing_remaining_pauses_before_a_refusal),
        cmocka_unit_test(nothing_remaining_is_no_news_where_the_limit_is_kept),
        cmocka_unit_test(a_pause_that_is_too_long_ends_the_run),
        cmocka_unit_test(a_pause_after_the_last_job_ends_nothing),
        cmocka_unit_test(a_pause_holds_back_what_has_not_been_sent_yet),
        cmocka_unit_test(a_stated_limit_is_adopted_where_that_is_asked_for),
        cmocka_unit_test(a_stated_limit_is_not_adopted_otherwise),
        cmocka_unit_test(a_laxer_limit_is_not_adopted),
        cmocka_unit_test(a_refusal_that_states_the_limit_makes_it_ours),
        cmocka_unit_test(a_stated_limit_that_is_used_up_makes_it_ours),
        cmocka_unit_test(refusals_alone_slow_sending_down),
        cmocka_unit_test(the_workers_time_adds_up_and_names_what_held_them),
    };
    alarm(100);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
