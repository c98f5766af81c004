/*
 * pause: one stop of all sending for everybody, when it begins, and how long it is.  Time and draws are arguments, so
 * both are moved by hand.
 */
#include "test_policy_pause_support.h"

static void without_a_refusal_nothing_waits(void **state)
{
    static const int64_t moments[] = {INT64_MIN / 4, 0, 1, START, INT64_MAX - 1};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct weir__pause pause = fresh();
        for (int k = 0; k < 100; k++) {
            assert_true(weir__pause_next(&pause) <= moments[i]);
            weir__pause_take(&pause, moments[i]);
        }
    }
}

/* Up to a tenth of the wait, at least 1 ms, at most 1 s. */
static void the_jitter_is_positive_and_bounded(void **state)
{
    static const struct {
        int64_t wait_ns, least_ns, most_ns;
    } waits[] = {
        {-5, MS, MS},          {0, MS, MS},       {1, MS, MS},     {10 * MS, MS, MS},
        {20 * MS, MS, 2 * MS}, {S, MS, 100 * MS}, {10 * S, MS, S}, {3600 * S, MS, S},
    };
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        const int64_t named_ns = waits[i].wait_ns > 0 ? waits[i].wait_ns : 0;
        for (int d = 0; d <= 10; d++) {
            struct weir__pause pause = fresh();
            assert_true(refuse(&pause, START, waits[i].wait_ns, d / 10.0));
            assert_int_equal(pause.named_until_ns, START + named_ns);
            assert_int_equal(pause.until_ns - START - named_ns,
                             waits[i].least_ns + (waits[i].most_ns - waits[i].least_ns) * d / 10);
            assert_int_equal(weir__pause_next(&pause), pause.until_ns);
        }
    }
}

static void who_was_in_flight_does_not_lengthen_the_pause(void **state)
{
    struct weir__pause pause = fresh();
    int64_t until_ns;
    (void)state;
    assert_true(weir__pause_begin(&pause, START, START - 50 * MS, 60 * S, true, 0.5));
    until_ns = pause.until_ns;
    for (int64_t now_ns = START; now_ns < until_ns + WEIR__PAUSE_LONGER_NS; now_ns += S / 2) {
        assert_false(weir__pause_begin(&pause, now_ns, START - 10 * MS, 60 * S, true, 0.9));
        assert_false(weir__pause_begin(&pause, now_ns, START, 60 * S + WEIR__PAUSE_LONGER_NS, true, 0.9));
        assert_int_equal(pause.until_ns, until_ns);
        assert_int_equal(pause.since_ns, START);
    }
    /* by then it is news: the server had time enough to see that nothing came */
    assert_true(weir__pause_begin(&pause, until_ns + WEIR__PAUSE_LONGER_NS, START - 10 * MS, 60 * S, true, 0.9));
}

static void who_was_in_flight_and_names_another_wait_lengthens_it(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    assert_true(weir__pause_begin(&pause, START, START - 50 * MS, S, true, 0));
    assert_true(weir__pause_begin(&pause, START + 10 * MS, START - 40 * MS, S + WEIR__PAUSE_LONGER_NS + 1, true, 0));
    assert_int_equal(pause.until_ns, START + 10 * MS + S + WEIR__PAUSE_LONGER_NS + 1 + MS);
    assert_int_equal(pause.since_ns, START); /* the same pause, only longer */
    /* and from there on that is the wait in force */
    assert_false(weir__pause_begin(&pause, START + 20 * MS, START - 30 * MS, S + WEIR__PAUSE_LONGER_NS + 1, true, 0));
}

/* Between the gate and the wire there is a moment: a send in it is not one that tried again after the pause. */
static void who_left_in_the_moment_of_the_refusal_was_in_flight_too(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    assert_false(weir__pause_precedes(&pause, 0));
    assert_true(refuse(&pause, START, S, 0));
    assert_true(weir__pause_precedes(&pause, START - S));
    assert_true(weir__pause_precedes(&pause, START + MS - 1));
    assert_false(weir__pause_precedes(&pause, START + MS));
    assert_false(weir__pause_begin(&pause, START + 100 * MS, START + 1000, S, true, 0));
}

static void a_pause_that_ends_later_anyway_stays(void **state)
{
    struct weir__pause pause = fresh();
    int64_t until_ns;
    (void)state;
    assert_true(refuse(&pause, START, 10 * S, 0.5));
    until_ns = pause.until_ns;
    assert_false(weir__pause_begin(&pause, START + S, START + S - 1, 9 * S, true, 0.9));
    assert_false(weir__pause_begin(&pause, START + S, START + S - 1, until_ns - START - S, true, 0.9));
    assert_int_equal(pause.until_ns, until_ns);
    assert_true(weir__pause_begin(&pause, START + S, START + S - 1, until_ns - START - S + 1, true, 0));
    assert_int_equal(pause.until_ns, until_ns + 1 + MS);
}

static void a_refusal_after_the_pause_begins_a_new_one(void **state)
{
    struct weir__pause pause = fresh();
    int64_t sent_ns;
    (void)state;
    assert_true(refuse(&pause, START, S, 0.5));
    sent_ns = send_next(&pause, START);
    assert_true(weir__pause_begin(&pause, sent_ns + 5 * MS, sent_ns, S, true, 0));
    assert_int_equal(pause.since_ns, sent_ns + 5 * MS);
    assert_int_equal(pause.until_ns, sent_ns + 5 * MS + S + MS);
    /* who was sent before the first pause and hears it only now is of no account */
    assert_false(weir__pause_begin(&pause, sent_ns + 2 * S, START - MS, S, true, 0));
}

static void the_pause_over_to_the_nanosecond_is_over(void **state)
{
    struct weir__pause pause = fresh();
    int64_t until_ns;
    (void)state;
    assert_true(refuse(&pause, START, 0, 0));
    until_ns = pause.until_ns;
    assert_false(weir__pause_begin(&pause, until_ns - 1, until_ns - 1, 0, true, 0));
    assert_true(weir__pause_begin(&pause, until_ns, until_ns, 0, true, 0));
    assert_int_equal(pause.until_ns, until_ns + MS);
}

/* No wait is so long that it counts as "never", and none wraps around. */
static void a_wait_without_measure_is_still_a_moment(void **state)
{
    static const int64_t times[] = {INT64_MIN, -S, 0, START, INT64_MAX / 2, INT64_MAX - MS, INT64_MAX - 1};
    (void)state;
    for (size_t n = 0; n < 7 * 7 * 7; n++) {
        struct weir__pause pause = fresh();
        const int64_t now_ns = times[n % 7], wait_ns = times[n / 7 % 7], sent_ns = times[n / 49];
        (void)weir__pause_begin(&pause, now_ns, sent_ns, wait_ns, true, JUST_UNDER_1);
        weir__pause_slow(&pause, now_ns, n, wait_ns, sent_ns, WEIR__NEVER);
        weir__pause_take(&pause, now_ns);
        weir__pause_take(&pause, INT64_MAX - 1);
        assert_true(weir__pause_next(&pause) < WEIR__NEVER);
        assert_true(pause.until_ns < WEIR__NEVER);
    }
}

static void guesses_double_in_a_row_and_are_half_certain(void **state)
{
    static const int64_t tops[] = {500 * MS, S, 2 * S, 4 * S, 8 * S, 10 * S, 10 * S};
    struct weir__pause pause = fresh();
    (void)state;
    for (int i = 0; i < 7; i++) {
        assert_int_equal(weir__pause_guess(&pause, 500 * MS, 10 * S, 0), tops[i] / 2);
        assert_int_equal(weir__pause_guess(&pause, 500 * MS, 10 * S, 0.5), tops[i] / 4 * 3);
        assert_in_range(weir__pause_guess(&pause, 500 * MS, 10 * S, JUST_UNDER_1), tops[i] - 1, tops[i]);
        weir__pause_guessed(&pause);
    }
    weir__pause_accepted(&pause);
    assert_int_equal(weir__pause_guess(&pause, 500 * MS, 10 * S, 0), 250 * MS);
}

static void a_guess_is_no_less_than_its_base(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    assert_int_equal(weir__pause_guess(&pause, 0, 10 * S, 0), WEIR__PAUSE_GUESS_MIN_NS / 2);
    assert_int_equal(weir__pause_guess(&pause, INT64_MIN, INT64_MIN, 1), WEIR__PAUSE_GUESS_MIN_NS);
    for (int i = 0; i < 3; i++) { /* a maximum below the base gives way */
        assert_int_equal(weir__pause_guess(&pause, 60 * S, S, 0), 30 * S);
        assert_int_equal(weir__pause_guess(&pause, 60 * S, S, 1), 60 * S);
        weir__pause_guessed(&pause);
    }
}

static void a_long_row_of_guesses_overflows_nothing(void **state)
{
    static const uint32_t rows[] = {0, 1, 33, 34, 62, 63, 64, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct weir__pause pause = fresh();
        pause.guesses = rows[i];
        assert_in_range(weir__pause_guess(&pause, S, 60 * S, JUST_UNDER_1), S / 2, 60 * S);
        assert_true(weir__pause_guess(&pause, S, INT64_MAX, JUST_UNDER_1) > 0);
        assert_true(weir__pause_guess(&pause, INT64_MAX, INT64_MAX, JUST_UNDER_1) > INT64_MAX / 2);
        weir__pause_guessed(&pause);
        assert_true(pause.guesses >= rows[i]);
    }
}

struct walk {
    struct weir__pause pause;
    uint64_t random;
    int64_t now_ns, sent_ns; /* the newest send */
    int step;
};

/* Field by field, since there is air between them. */
static void assert_unchanged(const struct weir__pause *pause, const struct weir__pause *before)
{
    assert_int_equal(pause->until_ns, before->until_ns);
    assert_int_equal(pause->named_until_ns, before->named_until_ns);
    assert_int_equal(pause->named_ns, before->named_ns);
    assert_int_equal(pause->since_ns, before->since_ns);
    assert_int_equal(pause->by_refusal, before->by_refusal);
    assert_int_equal(pause->guesses, before->guesses);
    assert_int_equal(pause->due_ns, before->due_ns);
    assert_int_equal(pause->ramp_ns, before->ramp_ns);
    assert_int_equal(pause->slow_ns, before->slow_ns);
    assert_int_equal(pause->eased_ns, before->eased_ns);
}

static void refuse_at_random(struct walk *walk)
{
    struct weir__pause *pause = &walk->pause;
    const struct weir__pause before = *pause;
    const int64_t wait_ns = weir__random_below(&walk->random, 4 * S) - S / 10;
    const int64_t named_ns = wait_ns > 0 ? wait_ns : 0;
    const int64_t sent_ns = walk->sent_ns - weir__random_below(&walk->random, 3 * S) / (1 + walk->step % 3 * 100);
    const bool in_flight = sent_ns <= before.since_ns;
    const bool begun = weir__pause_begin(pause, walk->now_ns, sent_ns, wait_ns, true, weir__random_unit(&walk->random));
    int64_t jitter_ns;

    if (!begun) {
        assert_unchanged(pause, &before);
        if (!in_flight && sent_ns >= before.since_ns + MS)
            assert_true(before.until_ns > walk->now_ns && walk->now_ns + named_ns <= before.until_ns);
        return;
    }
    if (in_flight && walk->now_ns < before.until_ns + WEIR__PAUSE_LONGER_NS &&
        wait_ns <= before.named_ns + WEIR__PAUSE_LONGER_NS)
        fail_msg("step %d: a wait of %lld ns lengthened one of %lld", walk->step, (long long)wait_ns,
                 (long long)before.named_ns);
    jitter_ns = pause->until_ns - walk->now_ns - named_ns;
    if (jitter_ns < MS || jitter_ns > (named_ns / 10 > MS ? named_ns / 10 : MS) || jitter_ns > S)
        fail_msg("step %d: a jitter of %lld ns on %lld", walk->step, (long long)jitter_ns, (long long)named_ns);
    assert_true(pause->until_ns > before.until_ns);
    if (weir__random_below(&walk->random, 3) == 0)
        weir__pause_slow(pause, walk->now_ns, weir__random_next(&walk->random) % 1000,
                         weir__random_below(&walk->random, S), wait_ns, WEIR__NEVER);
}

static void send_at_random(struct walk *walk)
{
    struct weir__pause *pause = &walk->pause;
    const int64_t gap_ns = pause->ramp_ns > pause->slow_ns ? pause->ramp_ns : pause->slow_ns;
    const int64_t next_ns = weir__pause_next(pause);

    assert_true(next_ns >= pause->until_ns);
    if (next_ns > walk->now_ns + 5 * S)
        return;
    if (next_ns > walk->now_ns)
        walk->now_ns = next_ns + weir__random_below(&walk->random, 2 * MS);
    walk->sent_ns = walk->now_ns;
    weir__pause_take(pause, walk->now_ns);
    assert_true(weir__pause_next(pause) >= pause->until_ns);
    assert_true(weir__pause_next(pause) <= walk->now_ns + gap_ns);
    if (gap_ns >= MS && pause->slow_ns == 0)
        assert_true(weir__pause_next(pause) >= walk->now_ns + gap_ns - MS);
    assert_true(pause->slow_ns == 0 || pause->ramp_ns == 0 || pause->ramp_ns > pause->slow_ns);
}

static void no_sequence_of_events_breaks_a_rule(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct walk walk = {fresh(), seed, START, START, 0};
        for (walk.step = 0; walk.step < 2000; walk.step++) {
            if (weir__random_below(&walk.random, 10) == 0)
                refuse_at_random(&walk);
            else
                send_at_random(&walk);
            if (weir__random_below(&walk.random, 4) == 0)
                walk.now_ns += weir__random_below(&walk.random, walk.step % 50 == 0 ? 100 * S : 300 * MS);
        }
    }
}

/* "Nothing remains" is a figure of a moment; what a refusal says goes before it, once. */
static void the_first_refusal_goes_before_the_word_that_nothing_remains(void **state)
{
    struct weir__pause pause = fresh();
    (void)state;
    assert_true(weir__pause_begin(&pause, START, START - 50 * MS, 20 * MS, false, 0));
    assert_false(weir__pause_begin(&pause, START + MS, START - 50 * MS, 30 * MS, false, 0));
    assert_true(weir__pause_begin(&pause, START + MS, START - 50 * MS, S, true, 0));
    assert_int_equal(pause.named_until_ns, START + MS + S);
    assert_false(weir__pause_begin(&pause, START + 10 * MS, START - 50 * MS, S, true, 0));
    assert_false(weir__pause_begin(&pause, START + 10 * MS, START - 50 * MS, S, false, 0));
    assert_int_equal(pause.named_until_ns, START + MS + S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_refusal_goes_before_the_word_that_nothing_remains),
        cmocka_unit_test(without_a_refusal_nothing_waits),
        cmocka_unit_test(the_jitter_is_positive_and_bounded),
        cmocka_unit_test(who_was_in_flight_does_not_lengthen_the_pause),
        cmocka_unit_test(who_was_in_flight_and_names_another_wait_lengthens_it),
        cmocka_unit_test(who_left_in_the_moment_of_the_refusal_was_in_flight_too),
        cmocka_unit_test(a_pause_that_ends_later_anyway_stays),
        cmocka_unit_test(a_refusal_after_the_pause_begins_a_new_one),
        cmocka_unit_test(the_pause_over_to_the_nanosecond_is_over),
        cmocka_unit_test(a_wait_without_measure_is_still_a_moment),
        cmocka_unit_test(guesses_double_in_a_row_and_are_half_certain),
        cmocka_unit_test(a_guess_is_no_less_than_its_base),
        cmocka_unit_test(a_long_row_of_guesses_overflows_nothing),
        cmocka_unit_test(no_sequence_of_events_breaks_a_rule),
    };

    (void)alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
