/*
 * Parties at one gate: their line, the bell, and what becomes of a party that dies with permits, or inside.
 *
 * Time is a number; deaths are real: a child process enters a gate in shared memory and is killed.
 */
#include "base/clock.h"
#include "base/sync.h"
#include "pool/gate.h"
#include "pool/gate_state.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WATCHDOG_S 60
#define HOLD_NS INT64_C(1000000000)
#define MS(n) ((int64_t)(n)*WEIR__NS_PER_MS)

static struct weir__gate_answer ask(struct weir__gate *gate, int64_t now_ns)
{
    struct weir__gate_answer answer;

    weir__gate_ask(gate, now_ns, &answer);
    return answer;
}

static bool rung(struct weir__gate *gate)
{
    return weir__sem_try(weir__gate_bell(gate));
}

/* Two parties of one process at a gate with some permits of a concurrency limit, and of a rate limit where asked for.
 */
static struct weir__gate first, second;

static void make_gates(uint32_t permits, uint32_t rate_permits)
{
    assert_true(weir__gate_init(&first));
    assert_true(weir__gate_add_limit(&first, permits, 0));
    assert_true(rate_permits == 0 || weir__gate_add_limit(&first, rate_permits, HOLD_NS));
    assert_true(weir__gate_join(&second, &first));
}

static void clear_gates(int64_t now_ns)
{
    weir__gate_part(&second, now_ns);
    weir__gate_clear(&first);
}

/* Who waits is rung by whoever gives back, and goes before one who comes later. */
static void a_permit_given_back_is_for_who_waited(void **state)
{
    (void)state;
    make_gates(1, 0);
    assert_true(ask(&first, 0).go);
    assert_false(ask(&second, 10).go);
    assert_false(rung(&second));
    weir__gate_over(&first, 1, 20);
    assert_true(rung(&second));
    assert_false(rung(&first));
    struct weir__gate_answer answer = ask(&first, 30); /* it would be free, but is not for the first */
    assert_false(answer.go);
    assert_int_equal(answer.not_before_ns, 30 + WEIR__PARTY_TURN_NS);
    assert_true(ask(&second, 40).go);
    assert_true(rung(&first)); /* look again */
    weir__gate_over(&second, 1, 50);
    assert_true(ask(&first, 60).go);
    weir__gate_over(&first, 1, 70);
    clear_gates(70);
}

/* One that does not come loses its turn, not its place. */
static void a_turn_ends(void **state)
{
    (void)state;
    make_gates(1, 0);
    assert_true(ask(&first, 0).go);
    assert_false(ask(&second, 10).go);
    weir__gate_over(&first, 1, 20);
    struct weir__gate_answer answer = ask(&first, 30);
    assert_false(answer.go);
    assert_true(ask(&first, answer.not_before_ns).go);
    weir__gate_over(&first, 1, answer.not_before_ns);
    assert_true(ask(&second, answer.not_before_ns + 1).go);
    weir__gate_over(&second, 1, answer.not_before_ns + 2);
    clear_gates(answer.not_before_ns);
}

/* Without a moment somebody looks again all the same: the other party may be in no state to ring. */
static void nobody_waits_for_others_without_looking(void **state)
{
    (void)state;
    make_gates(1, 0);
    assert_true(ask(&first, 0).go);
    struct weir__gate_answer answer = ask(&second, 5);
    assert_int_equal(answer.cause, WEIR__GATE_PERMIT);
    assert_int_equal(answer.not_before_ns, 5 + WEIR__GATE_LOOK_NS);
    weir__gate_peek(&second, 6, &answer);
    assert_int_equal(answer.not_before_ns, 6 + WEIR__GATE_LOOK_NS);
    weir__gate_leave(&second, 7);
    weir__gate_over(&first, 1, 8);
    assert_false(rung(&second)); /* it left the line */
    clear_gates(8);
}

/* A gate of one party is as it was without any: no look, no line. */
static void one_party_alone_waits_for_its_own(void **state)
{
    (void)state;
    assert_true(weir__gate_init(&first));
    assert_true(weir__gate_add_limit(&first, 1, 0));
    assert_true(ask(&first, 0).go);
    assert_int_equal(ask(&first, 1).not_before_ns, WEIR__NEVER);
    weir__gate_over(&first, 1, 2);
    assert_true(ask(&first, 3).go);
    weir__gate_over(&first, 1, 4);
    weir__gate_clear(&first);
}

/* Both want all they can get, permits come back at moments: they share to within one, and none is lost. */
static void two_parties_share_a_rate_evenly(void **state)
{
    uint32_t sent[2] = {0, 0};
    struct weir__gate *gates[2] = {&first, &second};

    (void)state;
    make_gates(100, 10);
    for (int64_t now_ns = 0; now_ns < 20 * HOLD_NS; now_ns += MS(1)) {
        for (int i = 0; i < 2; i++) {
            if (ask(gates[i], now_ns).go) {
                sent[i]++;
                weir__gate_over(gates[i], 2, now_ns);
            }
        }
    }
    printf("sent %u and %u\n", sent[0], sent[1]);
    assert_in_range(sent[0] + sent[1], 195, 201);
    assert_in_range(sent[0], sent[1] - 11, sent[1] + 11);
    clear_gates(20 * HOLD_NS);
}

/* A party that leaves with permits out gives them up: those of a rate are held from then. */
static void a_party_that_leaves_gives_back(void **state)
{
    (void)state;
    make_gates(2, 2);
    assert_true(ask(&second, 0).go);
    assert_true(ask(&second, 0).go);
    assert_false(ask(&first, 1).go);
    weir__gate_part(&second, 100);
    struct weir__gate_answer answer = ask(&first, 101);
    assert_false(answer.go);
    assert_int_equal(answer.not_before_ns, 100 + HOLD_NS);
    assert_true(ask(&first, 100 + HOLD_NS).go);
    assert_true(ask(&first, 100 + HOLD_NS).go);
    weir__gate_clear(&first);
}

static void a_closed_gate_lets_only_the_other_party_go(void **state)
{
    (void)state;
    make_gates(2, 0);
    weir__gate_close(&first, true);
    struct weir__gate_answer answer = ask(&first, 0);
    assert_int_equal(answer.cause, WEIR__GATE_PAUSE);
    assert_int_equal(answer.not_before_ns, WEIR__NEVER);
    assert_true(ask(&second, 1).go); /* it stands in no line before it */
    weir__gate_close(&first, false);
    assert_true(ask(&first, 2).go);
    weir__gate_over(&first, 1, 3);
    weir__gate_over(&second, 1, 3);
    clear_gates(3);
}

/* ------------------------------------------------------------------------------------------------------------- deaths
 */

#define PARTIES 4u
#define ROOM 64u

struct hall {
    struct weir__gate_state gate;
    struct weir__party parties[PARTIES];
    int64_t ring[2][ROOM];
    bool gone[PARTIES]; /* what the keeper says */
};

static struct hall *hall;

static bool is_gone(void *context, uint32_t party)
{
    (void)context;
    return hall->gone[party];
}

static const struct weir__gate_keeper keeper = {is_gone, NULL, NULL};

static int open_hall(void **state)
{
    (void)state;
    hall = mmap(NULL, sizeof *hall, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (hall == MAP_FAILED)
        return -1;
    memset(hall, 0, sizeof *hall);
    hall->gate.shared = true;
    hall->gate.parties = (char *)hall->parties - (char *)&hall->gate;
    hall->gate.party_max = PARTIES;
    for (uint32_t i = 0; i < 2; i++) {
        hall->gate.rings[i] = (char *)hall->ring[i] - (char *)&hall->gate;
        hall->gate.ring_max[i] = ROOM;
    }
    return weir__gate_state_init(&hall->gate) && weir__gate_enter(&first, &hall->gate, 0, &keeper, 0) &&
                   weir__gate_add_limit(&first, 3, 0) && weir__gate_add_limit(&first, 3, HOLD_NS)
               ? 0
               : -1;
}

static int close_hall(void **state)
{
    (void)state;
    return munmap(hall, sizeof *hall);
}

/* A process that takes part as `party`, then does `end` with its gate and is killed. */
static void live_and_die(uint32_t party, uint32_t permits, void (*end)(struct weir__gate *gate))
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        struct weir__gate gate;
        if (!weir__gate_enter(&gate, &hall->gate, party, &keeper, 0))
            _exit(1);
        for (uint32_t i = 0; i < permits; i++)
            if (!ask(&gate, 0).go)
                _exit(2);
        end(&gate);
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    hall->gone[party] = true;
}

static void nothing_more(struct weir__gate *gate)
{
    (void)gate;
}

static void holding_the_lock(struct weir__gate *gate)
{
    weir__gate_lock(gate);
}

/* Between sem_trywait and the note of who has it. */
static void with_a_permit_that_nobody_noted(struct weir__gate *gate)
{
    weir__gate_lock(gate);
    (void)weir__permits_take(&gate->state->permits[1], 0);
}

/* Between the ring and the note that it is no longer out. */
static void with_a_permit_in_two_places(struct weir__gate *gate)
{
    weir__gate_lock(gate);
    weir__permits_give_at(&gate->state->permits[1], 5);
}

/* All three can be had once the hold is over, and no fourth. */
static void expect_all_back(int64_t died_ns)
{
    const int64_t then_ns = died_ns + HOLD_NS;

    for (int i = 0; i < 3; i++)
        if (!ask(&first, then_ns).go)
            fail_msg("%d of 3 permits came back", i);
    assert_false(ask(&first, then_ns).go);
    for (int i = 0; i < 3; i++)
        weir__gate_over(&first, 2, then_ns);
    assert_true(ask(&first, then_ns + HOLD_NS).go);
    weir__gate_over(&first, 2, then_ns + HOLD_NS);
}

static void permits_of_the_dead_come_back_after_their_hold(void **state)
{
    const int64_t died_ns = 10 * HOLD_NS;

    (void)state;
    live_and_die(1, 2, nothing_more);
    assert_true(ask(&first, died_ns).go); /* the third */
    weir__gate_unsent(&first, 2);
    weir__gate_give(&first);
    assert_true(ask(&first, died_ns).go);
    struct weir__gate_answer answer = ask(&first, died_ns); /* now the dead one's are missed */
    assert_false(answer.go);
    assert_int_equal(hall->gate.party_count, 1);
    assert_int_equal(answer.not_before_ns, died_ns + WEIR__GATE_LOOK_NS); /* somebody else might come and die */
    weir__gate_unsent(&first, 2);
    weir__gate_give(&first);
    expect_all_back(died_ns);
}

static void death_in_the_lock_is_mended(void **state)
{
    static void (*const ends[])(struct weir__gate *) = {holding_the_lock, with_a_permit_that_nobody_noted,
                                                        with_a_permit_in_two_places};
    int64_t now_ns = 10 * HOLD_NS;

    (void)state;
    for (uint32_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        live_and_die(1, 1, ends[i]);
        weir__gate_reap(&first, now_ns);
        hall->gone[1] = false;
        assert_int_equal(hall->gate.party_count, 1);
        assert_int_equal(hall->gate.unanswered, 0);
        expect_all_back(now_ns);
        now_ns += 10 * HOLD_NS;
    }
}

/* Who comes into a seat where somebody died clears it first. */
static void a_seat_of_the_dead_is_taken_over(void **state)
{
    (void)state;
    live_and_die(2, 3, nothing_more);
    assert_true(weir__gate_enter(&second, &hall->gate, 2, &keeper, 7));
    assert_int_equal(hall->gate.party_count, 2);
    struct weir__gate_answer answer = ask(&second, 8);
    assert_false(answer.go);
    assert_true(ask(&second, 7 + HOLD_NS).go);
    weir__gate_over(&second, 2, 7 + HOLD_NS);
    weir__gate_part(&second, 7 + HOLD_NS);
    expect_all_back(7 + 2 * HOLD_NS);
}

/* A thousand deaths at random moments of taking and giving: in the end every permit is there. */
static void no_permit_is_lost_by_a_thousand_deaths(void **state)
{
    uint64_t seed = 1;
    const char *text = getenv("WEIR_ROUNDS");
    const long rounds = text != NULL ? strtol(text, NULL, 10) : 100;

    (void)state;
    for (long i = 0; i < rounds; i++) {
        const pid_t child = fork();
        if (child == 0) {
            struct weir__gate gate;
            if (!weir__gate_enter(&gate, &hall->gate, 1, &keeper, 0))
                _exit(1);
            for (int64_t now_ns = i * HOLD_NS;; now_ns += HOLD_NS / 7)
                if (ask(&gate, now_ns).go)
                    weir__gate_over(&gate, 2, now_ns - 100 * HOLD_NS);
        }
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        (void)usleep((useconds_t)(seed >> 33) % 400);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        hall->gone[1] = true;
        weir__gate_reap(&first, 0);
        hall->gone[1] = false;
        for (uint32_t limit = 0; limit < 2; limit++) {
            struct weir__permits *permits = &hall->gate.permits[limit];
            const uint32_t free_count = weir__sem_value(&permits->free), held = weir__permits_held(permits);
            if (free_count + held != 3 + permits->debt)
                fail_msg("round %ld, limit %u: %u free, %u held, debt %u", i, limit, free_count, held, permits->debt);
        }
    }
}

#define HALL(test) cmocka_unit_test_setup_teardown(test, open_hall, close_hall)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_permit_given_back_is_for_who_waited),
        cmocka_unit_test(a_turn_ends),
        cmocka_unit_test(nobody_waits_for_others_without_looking),
        cmocka_unit_test(one_party_alone_waits_for_its_own),
        cmocka_unit_test(two_parties_share_a_rate_evenly),
        cmocka_unit_test(a_party_that_leaves_gives_back),
        cmocka_unit_test(a_closed_gate_lets_only_the_other_party_go),
        HALL(permits_of_the_dead_come_back_after_their_hold),
        HALL(death_in_the_lock_is_mended),
        HALL(a_seat_of_the_dead_is_taken_over),
        HALL(no_permit_is_lost_by_a_thousand_deaths),
    };

    (void)alarm(WATCHDOG_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
