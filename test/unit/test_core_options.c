/*
 * What weir_new() and weir_submit() refuse, and that a refusal changes nothing.
 */
#include "support/core_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static const struct weir_rate good_rate = {.requests = 100, .per_ns = INT64_C(1000000000)};
static struct weir_rate rate;
static struct weir_status_range range;

static enum weir_status status_of(const struct weir_options *options)
{
    enum weir_status status;

    fixture_free(fixture_new(options, &fixture_plain, false, &status));
    return status;
}

struct edit {
    const char *name;
    void (*make)(struct weir_options *options);
};

#define EDIT(label, statement)                                                                                         \
    static void label(struct weir_options *o)                                                                          \
    {                                                                                                                  \
        statement;                                                                                                     \
    }
#define RATE_EDIT(label, statement) EDIT(label, statement; o->rates = &rate; o->rate_count = 1)

EDIT(struct_size_small, o->struct_size = 8)
EDIT(struct_size_zero, o->struct_size = 0)
EDIT(concurrency_zero, o->concurrency = 0)
EDIT(concurrency_over, o->concurrency = WEIR_CONCURRENCY_MAX + 1)
EDIT(workers_over, o->worker_max = WEIR_CONCURRENCY_MAX + 1)
EDIT(queue_zero, o->queue_max = 0)
EDIT(queue_over, o->queue_max = WEIR_QUEUE_MAX + 1)
EDIT(rates_missing, o->rate_count = 1)
EDIT(rates_over, o->rates = &rate; o->rate_count = WEIR_RATES_MAX + 1)
EDIT(connect_timeout_zero, o->connect_timeout_ns = 0)
EDIT(timeout_negative, o->timeout_ns = -1)
EDIT(redirects_over, o->redirect_max = WEIR_REDIRECTS_MAX + 1)
EDIT(tls_version_11, o->tls_version_min = 11)
EDIT(tls_version_zero, o->tls_version_min = 0)
EDIT(success_missing, o->success_count = 1)
EDIT(success_empty, o->success = &range)
EDIT(success_backwards, range = ((struct weir_status_range){300, 200}); o->success = &range; o->success_count = 1)
EDIT(success_over, range = ((struct weir_status_range){200, 1000}); o->success = &range; o->success_count = 1)
EDIT(deadline_negative, o->deadline_ns = -1)
EDIT(attempts_zero, o->attempt_max = 0)
EDIT(attempts_over, o->attempt_max = WEIR_ATTEMPTS_MAX + 1)
EDIT(refusals_over, o->refusal_max = WEIR_REFUSALS_MAX + 1)
EDIT(backoff_negative, o->backoff_ns = -1)
EDIT(backoff_max_negative, o->backoff_max_ns = -1)
EDIT(budget_negative, o->retry_budget = -0.1)
EDIT(budget_nan, o->retry_budget = (double)NAN)
EDIT(retry_missing, o->retry_status_count = 1)
EDIT(retry_over, range = ((struct weir_status_range){500, 1000}); o->retry_statuses = &range; o->retry_status_count = 1)
EDIT(key_no_token, o->idempotency_header = "idempotency key")
EDIT(key_empty, o->idempotency_header = "")
RATE_EDIT(rate_requests_zero, rate.requests = 0)
RATE_EDIT(rate_requests_over, rate.requests = WEIR_PERMITS_MAX + 1)
RATE_EDIT(rate_burst_over, rate.burst = rate.requests + 1)
RATE_EDIT(rate_period_zero, rate.per_ns = 0)
RATE_EDIT(rate_period_short, rate.per_ns = 999)
RATE_EDIT(rate_period_over, rate.per_ns = WEIR_PERIOD_MAX_NS + 1)
RATE_EDIT(rate_shape_unknown, rate.shape = (enum weir_shape)(WEIR_SHAPE_PACED + 1))

static const struct edit refused[] = {
#define ONE(label)                                                                                                     \
    {                                                                                                                  \
#label, label                                                                                                  \
    }
    ONE(struct_size_small),  ONE(struct_size_zero),  ONE(concurrency_zero),     ONE(concurrency_over),
    ONE(workers_over),       ONE(queue_zero),        ONE(queue_over),           ONE(rates_missing),
    ONE(rates_over),         ONE(timeout_negative),  ONE(connect_timeout_zero), ONE(redirects_over),
    ONE(tls_version_11),     ONE(tls_version_zero),  ONE(success_missing),      ONE(success_empty),
    ONE(success_backwards),  ONE(success_over),      ONE(rate_requests_zero),   ONE(rate_requests_over),
    ONE(rate_burst_over),    ONE(rate_period_zero),  ONE(rate_period_short),    ONE(rate_period_over),
    ONE(rate_shape_unknown), ONE(deadline_negative), ONE(attempts_zero),        ONE(attempts_over),
    ONE(refusals_over),      ONE(backoff_negative),  ONE(backoff_max_negative), ONE(budget_negative),
    ONE(budget_nan),         ONE(retry_missing),     ONE(retry_over),           ONE(key_no_token),
    ONE(key_empty),
};

static void options_out_of_range_are_invalid_and_out_is_untouched(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct weir_options options = WEIR_OPTIONS_INIT;
        struct weir *const before = (struct weir *)&rate;
        struct weir *out = before;
        enum weir_status status;

        rate = good_rate;
        refused[i].make(&options);
        status = weir_new(&options, &out);
        if (status != WEIR_INVALID || out != before)
            fail_msg("%s: %s, out %s", refused[i].name, weir_status_text(status),
                     out == before ? "untouched" : "changed");
        assert_int_equal(status_of(&options), WEIR_INVALID); /* and a transport handed over is freed (ASan) */
    }
}

static void null_arguments_are_invalid(void **state)
{
    const struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *out = NULL;

    (void)state;
    assert_int_equal(weir_new(NULL, &out), WEIR_INVALID);
    assert_null(out);
    assert_int_equal(weir_new(&options, NULL), WEIR_INVALID);
    assert_int_equal(weir_wait(NULL, 0), WEIR_INVALID);
    weir_stop(NULL);
    weir_abort(NULL);
    weir_snapshot(NULL, &(struct weir_stats){.struct_size = sizeof(struct weir_stats)});
    weir_free(NULL);
}

/* No such object can be; a size that wraps around must not become a small one. */
static void a_body_size_that_cannot_be_is_refused(void **state)
{
    const struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f = fixture_new(&options, &fixture_plain, false, NULL);
    struct weir_request request = WEIR_REQUEST_INIT;

    (void)state;
    assert_non_null(f);
    request.method = "POST";
    request.url = "http://127.0.0.1/";
    request.body = "x";
    for (size_t less = 0; less < 300; less++) {
        request.body_size = SIZE_MAX - less;
        assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_NO_MEMORY);
    }
    fixture_free(f);
}

EDIT(concurrency_max, o->concurrency = WEIR_CONCURRENCY_MAX)
EDIT(all_ones, o->concurrency = o->worker_max = o->queue_max = 1)
EDIT(workers_max, o->worker_max = WEIR_CONCURRENCY_MAX)
EDIT(queue_max, o->queue_max = WEIR_QUEUE_MAX)
EDIT(redirects_max, o->redirect_max = WEIR_REDIRECTS_MAX)
EDIT(tls_13, o->tls_version_min = 13)
EDIT(success_one, range = ((struct weir_status_range){404, 404}); o->success = &range; o->success_count = 1)
EDIT(no_refusals, o->refusal_max = 0)
EDIT(no_budget, o->retry_budget = 0)
EDIT(no_backoff, o->backoff_ns = o->backoff_max_ns = 0)
EDIT(no_pause_too_long, o->pause_max_ns = -1)
EDIT(retry_nothing, o->retry_statuses = &range)
EDIT(key, o->idempotency_header = "Idempotency-Key")
RATE_EDIT(rate_month, rate.per_ns = WEIR_PERIOD_MAX_NS)
RATE_EDIT(rate_microsecond, rate.per_ns = 1000)
RATE_EDIT(rate_burst_full, rate.burst = rate.requests)
RATE_EDIT(rate_million, rate.requests = WEIR_PERMITS_MAX)

static const struct edit taken[] = {
    ONE(concurrency_max), ONE(all_ones),    ONE(workers_max), ONE(queue_max),        ONE(redirects_max),
    ONE(tls_13),          ONE(success_one), ONE(rate_month),  ONE(rate_microsecond), ONE(rate_burst_full),
    ONE(rate_million),    ONE(no_refusals), ONE(no_budget),   ONE(no_backoff),       ONE(no_pause_too_long),
    ONE(retry_nothing),   ONE(key),
};

static void options_at_their_bounds_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        struct weir_options options = WEIR_OPTIONS_INIT;
        enum weir_status status;

        rate = good_rate;
        taken[i].make(&options);
        status = status_of(&options);
        if (status != WEIR_OK)
            fail_msg("%s: %s", taken[i].name, weir_status_text(status));
    }
}

static void init_macro_holds_the_documented_defaults(void **state)
{
    const struct weir_options o = WEIR_OPTIONS_INIT;
    const struct weir_request r = WEIR_REQUEST_INIT;

    (void)state;
    assert_int_equal(o.struct_size, sizeof o);
    assert_int_equal(o.concurrency, 50);
    assert_int_equal(o.worker_max, 0);
    assert_int_equal(o.queue_max, 1024);
    assert_null(o.rates);
    assert_int_equal(o.connect_timeout_ns, S(10));
    assert_int_equal(o.timeout_ns, S(60));
    assert_int_equal(o.redirect_max, 0);
    assert_int_equal(o.body_max_size, 16u << 20);
    assert_int_equal(o.tls_version_min, 12);
    assert_false(o.insecure);
    assert_int_equal(o.deadline_ns, 0);
    assert_int_equal(o.attempt_max, 5);
    assert_int_equal(o.refusal_max, 100);
    assert_int_equal(o.backoff_ns, MS(500));
    assert_int_equal(o.backoff_max_ns, S(60));
    assert_int_equal(o.pause_max_ns, S(600));
    assert_true(o.retry_budget > 0.499 && o.retry_budget < 0.501);
    assert_false(o.retry_non_idempotent);
    assert_null(o.retry_statuses);
    assert_false(o.learn_rate);
    assert_null(o.idempotency_header);
    assert_null(r.idempotency_key);
    assert_int_equal(r.struct_size, sizeof r);
    assert_string_equal(r.method, "GET");
}

/* A wrong request is refused by the call: nothing is counted, nothing is sent, `done` does not run. */
static void wrong_requests_are_invalid_and_never_accepted(void **state)
{
    const struct weir_header good = {"a", "b"}, newline = {"a", "b\r\nc: d"}, space = {"a b", "c"};
    const struct weir_request base = WEIR_REQUEST_INIT;
    const struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request list[12];
    struct weir_stats stats = {.struct_size = sizeof stats};
    size_t count = 0;
    struct fixture *f = fixture_new(&options, &fixture_plain, false, NULL);

    (void)state;
    assert_non_null(f);
#define WRONG(...)                                                                                                     \
    do {                                                                                                               \
        list[count] = base;                                                                                            \
        list[count].url = "http://127.0.0.1/";                                                                         \
        list[count].headers = &good;                                                                                   \
        list[count].header_count = 1;                                                                                  \
        list[count].done = fixture_done;                                                                               \
        list[count].user_data = f;                                                                                     \
        __VA_ARGS__;                                                                                                   \
        count++;                                                                                                       \
    } while (0)
    WRONG(list[count].struct_size--);
    WRONG(list[count].struct_size = 0);
    WRONG(list[count].method = NULL);
    WRONG(list[count].method = "GE T");
    WRONG(list[count].url = NULL);
    WRONG(list[count].url = "/relative");
    WRONG(list[count].url = "ftp://127.0.0.1/");
    WRONG(list[count].url = "http://127.0.0.1/\r\nx: y");
    WRONG(list[count].headers = NULL);
    WRONG(list[count].headers = &newline);
    WRONG(list[count].headers = &space);
    WRONG(list[count].body = NULL; list[count].body_size = 5);
#undef WRONG
    for (size_t i = 0; i < count; i++) {
        const enum weir_status status = weir_submit(f->weir, &list[i], 0);
        if (status != WEIR_INVALID)
            fail_msg("request %zu: %s", i, weir_status_text(status));
    }
    assert_int_equal(weir_submit(f->weir, NULL, 0), WEIR_INVALID);
    assert_int_equal(weir_submit(NULL, &base, 0), WEIR_INVALID);
    assert_int_equal(weir_wait(f->weir, 0), WEIR_OK);
    weir_snapshot(f->weir, &stats);
    assert_int_equal(stats.accepted, 0);
    assert_int_equal(fake_transport_begun(f->transport), 0);
    assert_int_equal(fixture_end_of(f, 0).times, 0);
    fixture_free(f);
}

/* What the caller passes in may go away as soon as the call has returned. */
static void requests_and_rules_are_copied(void **state)
{
    struct weir_status_range success = {404, 404};
    struct weir_options options = WEIR_OPTIONS_INIT;
    const struct fake_step not_found = {.http_status = 404};
    char method[] = "PUT", url[] = "http://127.0.0.1/a", name[] = "n", value[] = "v", body[] = "b";
    struct weir_header header = {name, value};
    struct weir_request request = WEIR_REQUEST_INIT;
    struct fake_record record;
    struct fixture *f;

    (void)state;
    options.success = &success;
    options.success_count = 1;
    options.concurrency = 1;
    f = fixture_new(&options, &not_found, false, NULL);
    assert_non_null(f);
    success = (struct weir_status_range){200, 200};
    fake_transport_push(f->transport, &(struct fake_step){.http_status = 404, .park = true});
    assert_int_equal(fixture_submit(f, "GET", "http://127.0.0.1/first", 0), WEIR_OK);
    assert_true(fake_transport_await_parked(f->transport, 1));
    request = (struct weir_request){sizeof request, method, url, &header, 1, body, 1, 1, fixture_done, f, NULL, NULL};
    assert_int_equal(weir_submit(f->weir, &request, 0), WEIR_OK);
    method[0] = url[0] = name[0] = value[0] = body[0] = '!';
    fake_transport_release(f->transport, 1);
    assert_true(fixture_settle(f));
    record = fake_transport_record(f->transport, 1);
    assert_string_equal(record.method, "PUT");
    assert_string_equal(record.url, "http://127.0.0.1/a");
    assert_int_equal(record.header_count, 1);
    assert_int_equal(record.body_size, 1);
    assert_int_equal(fixture_end_of(f, 1).result.outcome, WEIR_OUTCOME_SUCCEEDED);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_invalid_and_out_is_untouched),
        cmocka_unit_test(null_arguments_are_invalid),
        cmocka_unit_test(a_body_size_that_cannot_be_is_refused),
        cmocka_unit_test(options_at_their_bounds_are_taken),
        cmocka_unit_test(init_macro_holds_the_documented_defaults),
        cmocka_unit_test(wrong_requests_are_invalid_and_never_accepted),
        cmocka_unit_test(requests_and_rules_are_copied),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
