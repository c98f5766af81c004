/*
 * pause: how sending resumes after it: the ramp, and the pace that is slowed down where the server states no limit.
 */
#include "test_policy_pause_support.h"

/* How many sends there are from `now_ns` until `end_ns` where each goes as soon as it may, but late by `late_ns`. */
static int64_t sends_until(struct weir__pause *pause, int64_t now_ns, int64_t end_ns, int64_t late_ns)
{
    int64_t sends = 0;

    while (weir__pause_next(pause) < end_ns) {
        if (weir__pause_next(pause) > now_ns)
            now_ns = weir__pause_next(pause) + late_ns;
        weir__pause_take(pause, now_ns);
        sends++;
        assert_true(sends < 100000000);
    }
    return sends;
}

static void gaps_shrink_by_a_sixteenth_from_20_ms_until_they_are_none(void **state)
{
    struct weir__pause pause = fresh();
    int64_t gap_ns = WEIR__PAUSE_RAMP_GAP_NS, at_ns, first_ns;
    int sends = 0;
    (void)state;
    assert_true(refuse(&pause, START, S, 0.3));
    at_ns = first_ns = send_next(&pause, START);
    assert_int_equal(at_ns, pause.until_ns);
    for (sends = 1; pause.ramp_ns > 0; sends++) {
        const int64_t next_ns = send_next(&pause, at_ns);
        if (next_ns - at_ns != gap_ns)
            fail_msg("gap %d is %lld ns, wanted %lld", sends, (long long)(next_ns - at_ns), (long long)gap_ns);
        at_ns = next_ns;
        gap_ns -= gap_ns / 16;
    }
    assert_in_range(at_ns - first_ns, S / 4, S * 4 / 10);
    assert_in_range(sends, 80, 90);
    /* full speed: after the last gap any number goes in one moment */
    at_ns = send_next(&pause, at_ns);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(send_next(&pause, at_ns), at_ns);
}

static void a_refusal_during_the_ramp_begins_it_anew(void **state)
{
    struct weir__pause pause = fresh();
    int64_t at_ns = START, next_ns;
    (void)state;
    assert_true(refuse(&pause, START, S, 0));
    for (int i = 0; i < 40; i++)
        at_ns = send_next(&pause, at_ns);
    assert_true(pause.ramp_ns < 2 * MS);
    assert_true(weir__pause_begin(&pause, at_ns, at_ns - 1, S, true, 0));
    next_ns = send_next(&pause, at_ns);
    assert_int_equal(next_ns, at_ns + S + MS);
    assert_int_equal(send_next(&pause, next_ns) - next_ns, WEIR__PAUSE_RAMP_GAP_NS);
}

/* The sleeper wakes up to a millisecond late each time; the ramp must not take longer for it. */
static void late_sends_are_caught_up(void **state)
{
    static const int64_t late[] = {0, 60000, 500000, MS};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct weir__pause pause = fresh();
        int64_t sends;
        assert_true(refuse(&pause, START, S, 0));
        pause.ramp_ns = 0;
        weir__pause_slow(&pause, START, 9000, S, S, WEIR__NEVER); /* 8,100 a second: 123 us */
        sends = sends_until(&pause, START, pause.until_ns + 10 * S, late[i]);
        if (sends < 80900 || sends > 81020)
            fail_msg("late by %lld ns each: %lld sends in 10 s, wanted 81,000", (long long)late[i], (long long)sends);
    }
}

static void coarse_gaps_are_kept_on_the_average_too(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    weir__pause_slow(&pause, START, 100, S, S, WEIR__NEVER); /* 90 a second: 11.1 ms */
    assert_in_range(sends_until(&pause, START, START + 10 * S, 100000), 899, 901);
}

/* Who comes after a time without work gets no credit for it. */
static void an_idle_time_is_not_saved_up(void **state)
{
    struct weir__pause pause = fresh();
    int64_t at_ns;
    (void)state;
    weir__pause_slow(&pause, START, 100, S, S, WEIR__NEVER);
    (void)send_next(&pause, START);
    at_ns = send_next(&pause, START + 10 * S);
    assert_int_equal(at_ns, START + 10 * S);
    assert_int_equal(send_next(&pause, at_ns) - at_ns, pause.slow_ns);
}

static void a_clock_that_stands_still_lets_one_through(void **state)
{
    struct weir__pause pause = fresh();
    int64_t now_ns;
    (void)state;
    assert_true(refuse(&pause, START, S, 0));
    now_ns = send_next(&pause, START);
    assert_true(weir__pause_next(&pause) > now_ns);
    assert_int_equal(weir__pause_next(&pause), now_ns + WEIR__PAUSE_RAMP_GAP_NS);
}

static void a_late_first_send_shortens_the_gap_after_it(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    assert_true(refuse(&pause, START, S, 0));
    weir__pause_take(&pause, pause.until_ns + 600000);
    assert_int_equal(weir__pause_next(&pause), pause.until_ns + WEIR__PAUSE_RAMP_GAP_NS);
}

/* Later than a grain: then a grain's worth of sends goes together, 8 of 123 us, instead of one. */
static void of_a_longer_delay_one_grain_is_caught_up(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    weir__pause_slow(&pause, START, 9000, S, S, WEIR__NEVER);
    assert_in_range(sends_until(&pause, START, START + 10 * S, 3 * MS / 2), 50000, 60000); /* 9 in 1.6 ms */
}

static void the_slowed_rate_is_nine_tenths_of_what_was_accepted(void **state)
{
    static const struct {
        uint64_t accepted;
        int64_t span_ns, wait_ns;
        double per_s;
    } cases[] = {
        {100, S, S / 2, 90},       {100, S / 2, S, 90},     {1, 60 * S, S, 0.015}, {5000, 3600 * S, 60 * S, 1.25},
        {1000, S, 10 * S, 90},     {4096, S, S, 3686.4},    {3, S, 0, 2.7},        {7, 0, S, 6.3},
        {50, S, 3600 * S, 0.0125}, {100, 1, 100 * MS, 900},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weir__pause pause = fresh();
        double per_s;
        weir__pause_slow(&pause, START, cases[i].accepted, cases[i].span_ns, cases[i].wait_ns, WEIR__NEVER);
        per_s = (double)S / (double)pause.slow_ns;
        if (per_s < cases[i].per_s * 0.99 || per_s > cases[i].per_s * 1.01)
            fail_msg("case %zu: %g a second, wanted %g", i, per_s, cases[i].per_s);
    }
}

static void where_nothing_was_accepted_nothing_is_concluded(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    weir__pause_slow(&pause, START, 0, S, S, WEIR__NEVER);
    assert_int_equal(pause.slow_ns, 0);
    weir__pause_slow(&pause, START, 10, 0, 0, WEIR__NEVER);
    assert_int_equal(pause.slow_ns, 0);
}

static void each_further_refusal_makes_the_gap_longer_by_a_ninth(void **state)
{
    struct weir__pause pause = fresh();
    int64_t before_ns;
    (void)state;
    weir__pause_slow(&pause, START, 100, S, 0, WEIR__NEVER);
    for (int i = 0; i < 10; i++) {
        before_ns = pause.slow_ns;
        weir__pause_slow(&pause, START + i * S, 1000, S, 0, WEIR__NEVER); /* which alone would be faster */
        assert_in_range(pause.slow_ns, before_ns + before_ns / 9, before_ns + before_ns / 9 + 1);
    }
    before_ns = pause.slow_ns; /* by no more, where there are too few to conclude from */
    weir__pause_slow(&pause, START + 10 * S, WEIR__PAUSE_FEW - 1, 60 * S, 0, WEIR__NEVER);
    assert_in_range(pause.slow_ns, before_ns + before_ns / 9, before_ns + before_ns / 9 + 1);
    weir__pause_slow(&pause, START + 10 * S, 10, 10 * S, 0, WEIR__NEVER);
    assert_in_range(pause.slow_ns, S / 9 * 10, S / 9 * 10 + 10);
}

static void the_ramp_never_falls_below_the_slowed_gap(void **state)
{
    static const uint64_t accepted[] = {5, 100, 1000, 5000};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct weir__pause pause = fresh();
        int64_t at_ns = START, gap_ns = 0;
        assert_true(refuse(&pause, START, S, 0));
        weir__pause_slow(&pause, START, accepted[i], S, S, WEIR__NEVER);
        at_ns = send_next(&pause, at_ns);
        for (int k = 0; k < 200; k++) {
            const int64_t next_ns = send_next(&pause, at_ns);
            gap_ns = next_ns - at_ns;
            at_ns = next_ns;
            assert_true(gap_ns >= pause.slow_ns);
            if (k == 0)
                assert_int_equal(gap_ns,
                                 pause.slow_ns > WEIR__PAUSE_RAMP_GAP_NS ? pause.slow_ns : WEIR__PAUSE_RAMP_GAP_NS);
        }
        assert_int_equal(gap_ns, pause.slow_ns);
        assert_int_equal(pause.ramp_ns, 0);
    }
}

static void each_quarter_minute_without_a_refusal_is_10_percent(void **state)
{
    struct weir__pause pause = fresh();
    int64_t gap_ns;
    (void)state;
    weir__pause_slow(&pause, START, 100, S, 0, WEIR__NEVER);
    gap_ns = pause.slow_ns;
    weir__pause_take(&pause, START + WEIR__PAUSE_EASE_NS - 1);
    assert_int_equal(pause.slow_ns, gap_ns);
    weir__pause_take(&pause, START + WEIR__PAUSE_EASE_NS);
    assert_int_equal(pause.slow_ns, gap_ns - gap_ns / 11);
    weir__pause_take(&pause, START + 2 * WEIR__PAUSE_EASE_NS - 1);
    assert_int_equal(pause.slow_ns, gap_ns - gap_ns / 11);
    /* all periods at once are the same as one by one */
    weir__pause_take(&pause, START + 11 * WEIR__PAUSE_EASE_NS + 5);
    for (int i = 0; i < 11; i++)
        gap_ns -= gap_ns / 11;
    assert_int_equal(pause.slow_ns, gap_ns);
    assert_int_equal(pause.eased_ns, START + 11 * WEIR__PAUSE_EASE_NS);
    /* and a refusal begins the quarter minute anew, from the gap that is in force by then */
    weir__pause_slow(&pause, START + 12 * WEIR__PAUSE_EASE_NS, 1000000, S, 0, WEIR__NEVER);
    gap_ns -= gap_ns / 11;
    assert_in_range(pause.slow_ns, gap_ns + gap_ns / 9, gap_ns + gap_ns / 9 + 1);
    assert_int_equal(pause.eased_ns, START + 12 * WEIR__PAUSE_EASE_NS);
}

static void in_the_end_nothing_is_slowed_any_more(void **state)
{
    struct weir__pause pause = fresh();
    int64_t at_ns = START;
    (void)state;
    weir__pause_slow(&pause, START, 1, INT64_C(31) * 86400 * S, 0, WEIR__NEVER);
    weir__pause_take(&pause, START);
    at_ns += 600 * WEIR__PAUSE_EASE_NS;
    weir__pause_take(&pause, at_ns);
    assert_int_equal(pause.slow_ns, 0);
    weir__pause_slow(&pause, at_ns, 1000, 1000, 1000,
                     WEIR__NEVER); /* finer than a gap can be: until the first easing */
    weir__pause_take(&pause, at_ns + WEIR__PAUSE_EASE_NS);
    assert_int_equal(pause.slow_ns, 0);
}

static void few_answers_make_but_a_first_try(void **state)
{
    struct weir__pause pause = fresh();
    int64_t gap_ns;
    (void)state;
    weir__pause_slow(&pause, START, WEIR__PAUSE_FEW - 1, S, 0, WEIR__NEVER);
    gap_ns = pause.slow_ns;
    weir__pause_take(&pause, START + WEIR__PAUSE_TRY_NS - 1);
    assert_int_equal(pause.slow_ns, gap_ns);
    weir__pause_take(&pause, START + WEIR__PAUSE_TRY_NS);
    assert_int_equal(pause.slow_ns, gap_ns - gap_ns / 5);
    weir__pause_slow(&pause, START + WEIR__PAUSE_TRY_NS, 1, S, 0,
                     WEIR__NEVER); /* the next refusal ends that, by few answers too */
    gap_ns = pause.slow_ns;
    weir__pause_take(&pause, START + WEIR__PAUSE_TRY_NS + WEIR__PAUSE_EASE_NS - 1);
    assert_int_equal(pause.slow_ns, gap_ns);
    pause = fresh();
    weir__pause_slow(&pause, START, WEIR__PAUSE_FEW, S, 0, WEIR__NEVER); /* enough for a conclusion */
    gap_ns = pause.slow_ns;
    weir__pause_take(&pause, START + WEIR__PAUSE_EASE_NS - 1);
    assert_int_equal(pause.slow_ns, gap_ns);
}

/* Silence is no proof that it could have been faster. */
static void nothing_is_eased_while_nothing_is_sent(void **state)
{
    struct weir__pause pause = fresh();
    int64_t gap_ns;
    (void)state;
    assert_true(refuse(&pause, START, 600 * S, 0));
    weir__pause_slow(&pause, START, 5, S, 0, WEIR__NEVER);
    gap_ns = pause.slow_ns;
    assert_true(send_next(&pause, START) > START + 600 * S);
    assert_int_equal(pause.slow_ns, gap_ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_shrink_by_a_sixteenth_from_20_ms_until_they_are_none),
        cmocka_unit_test(a_refusal_during_the_ramp_begins_it_anew),
        cmocka_unit_test(late_sends_are_caught_up),
        cmocka_unit_test(coarse_gaps_are_kept_on_the_average_too),
        cmocka_unit_test(an_idle_time_is_not_saved_up),
        cmocka_unit_test(a_clock_that_stands_still_lets_one_through),
        cmocka_unit_test(a_late_first_send_shortens_the_gap_after_it),
        cmocka_unit_test(of_a_longer_delay_one_grain_is_caught_up),
        cmocka_unit_test(the_slowed_rate_is_nine_tenths_of_what_was_accepted),
        cmocka_unit_test(where_nothing_was_accepted_nothing_is_concluded),
        cmocka_unit_test(each_further_refusal_makes_the_gap_longer_by_a_ninth),
        cmocka_unit_test(the_ramp_never_falls_below_the_slowed_gap),
        cmocka_unit_test(each_quarter_minute_without_a_refusal_is_10_percent),
        cmocka_unit_test(in_the_end_nothing_is_slowed_any_more),
        cmocka_unit_test(few_answers_make_but_a_first_try),
        cmocka_unit_test(nothing_is_eased_while_nothing_is_sent),
    };

    (void)alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
