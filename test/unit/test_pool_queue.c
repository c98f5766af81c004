/*
 * queue, ranked and ledger: pure, one thread, times as numbers.
 */
#include "base/random.h"
#include "pool/ranked.h"
#include "pool/ledger.h"
#include "pool/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void the_queue_is_first_in_first_out_and_takes_returns_when_full(void **state)
{
    struct weir__task tasks[5];
    struct weir__queue queue;
    (void)state;
    for (int64_t i = 0; i < 5; i++)
        tasks[i].number = i;
    weir__queue_init(&queue, 2);
    assert_null(weir__queue_pop(&queue));
    weir__queue_push(&queue, &tasks[3]);
    assert_false(weir__queue_full(&queue));
    weir__queue_push(&queue, &tasks[4]);
    assert_true(weir__queue_full(&queue));
    weir__queue_put_back(&queue, &tasks[2]);
    assert_int_equal(queue.count, 3);
    assert_true(weir__queue_full(&queue));
    weir__queue_put_back(&queue, &tasks[0]);
    weir__queue_put_back(&queue, &tasks[1]);
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(weir__queue_pop(&queue), &tasks[i]);
    assert_null(weir__queue_pop(&queue));
    weir__queue_put_back(&queue, &tasks[1]); /* to an empty one: it is the tail as well */
    weir__queue_push(&queue, &tasks[2]);
    assert_ptr_equal(weir__queue_pop(&queue), &tasks[1]);
    assert_ptr_equal(weir__queue_pop(&queue), &tasks[2]);
    assert_int_equal(queue.count, 0);
}

/* Whatever comes back, and whenever: what is taken out has a lower number than all that stays. */
static void what_comes_back_has_its_place_by_acceptance(void **state)
{
    enum { COUNT = 64 };
    struct weir__task tasks[COUNT];
    struct weir__queue queue;
    uint64_t random = 7;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct weir__task *out[COUNT];
        uint32_t out_count = 0;

        weir__queue_init(&queue, COUNT);
        for (int64_t i = 0; i < COUNT; i++) {
            tasks[i].number = i;
            weir__queue_push(&queue, &tasks[i]);
        }
        for (int i = 0; i < 500; i++) {
            if (queue.count > 0 && (out_count == 0 || weir__random_below(&random, 2) == 0)) {
                out[out_count] = weir__queue_pop(&queue);
                if (weir__queue_first(&queue) != NULL)
                    assert_true(weir__queue_first(&queue)->number > out[out_count]->number);
                out_count++;
            } else {
                const uint32_t at = (uint32_t)weir__random_below(&random, out_count);
                weir__queue_put_back(&queue, out[at]);
                out[at] = out[--out_count];
            }
            assert_int_equal(queue.count + out_count, COUNT);
        }
    }
}

/* ------------------------------------------------------------------------------------------------------------ backlog
 */

enum { MODEL_MAX = 500 };

/* The model: the due moments of what is in the backlog, in order. */
static int64_t model[MODEL_MAX];
static uint32_t model_count;

static void model_push(int64_t due_ns)
{
    uint32_t at = model_count++;

    for (; at > 0 && model[at - 1] > due_ns; at--)
        model[at] = model[at - 1];
    model[at] = due_ns;
}

static void model_pop(int64_t due_ns)
{
    assert_true(model_count > 0);
    assert_int_equal(due_ns, model[0]);
    model_count--;
    for (uint32_t i = 0; i < model_count; i++)
        model[i] = model[i + 1];
}

/* Pushes and pops at random, with many equal moments, against a sorted list; and none comes out twice. */
static void the_backlog_gives_the_earliest_first(void **state)
{
    static struct weir__task tasks[MODEL_MAX];
    static bool inside[MODEL_MAX];
    struct weir__ranked backlog = {NULL, 0};
    uint64_t seed = 11;
    (void)state;
    model_count = 0;
    assert_null(weir__ranked_pop(&backlog));
    for (int i = 0; i < 200000; i++) {
        const int64_t at = weir__random_below(&seed, MODEL_MAX);
        const bool grows = (i / 2000) % 2 == 0; /* fills up and drains in turns */
        if (!inside[at] && weir__random_below(&seed, grows ? 2 : 5) == 0) {
            inside[at] = true;
            tasks[at].due_ns = weir__random_below(&seed, 300);
            weir__ranked_push(&backlog, &tasks[at], tasks[at].due_ns);
            model_push(tasks[at].due_ns);
        } else if (weir__random_below(&seed, grows ? 5 : 2) == 0 && model_count > 0) {
            struct weir__task *task = weir__ranked_pop(&backlog);
            assert_non_null(task);
            assert_true(task >= tasks && task < tasks + MODEL_MAX && inside[task - tasks]);
            inside[task - tasks] = false;
            model_pop(task->due_ns);
        }
        assert_int_equal(backlog.count, model_count);
        assert_true((backlog.first == NULL) == (model_count == 0));
        if (backlog.first != NULL)
            assert_int_equal(backlog.first->due_ns, model[0]);
    }
    assert_true(model_count > 0);
}

/* In order, backwards, and all equal: shapes that are lists rather than trees, too long for a recursion. */
static void a_million_in_any_order_come_out_in_order(void **state)
{
    enum { COUNT = 1000000 };
    struct weir__task *tasks = calloc(COUNT, sizeof *tasks);
    (void)state;
    assert_non_null(tasks);
    for (int shape = 0; shape < 3; shape++) {
        struct weir__ranked backlog = {NULL, 0};
        int64_t last_ns = INT64_MIN;
        for (int i = 0; i < COUNT; i++) {
            tasks[i].due_ns = shape == 0 ? i : shape == 1 ? COUNT - i : 7;
            weir__ranked_push(&backlog, &tasks[i], tasks[i].due_ns);
        }
        assert_int_equal(backlog.count, COUNT);
        for (int i = 0; i < COUNT; i++) {
            const struct weir__task *task = weir__ranked_pop(&backlog);
            assert_true(task != NULL && task->due_ns >= last_ns);
            last_ns = task->due_ns;
        }
        assert_null(weir__ranked_pop(&backlog));
    }
    free(tasks);
}

/* ------------------------------------------------------------------------------------------------------------- ledger
 */

#define PICK_TASKS 3000u

struct picking {
    uint64_t id;
    uint32_t seen, picked;
    struct weir__task *last; /* linked by `next`, as a taker may do at once */
};

static bool pick_id(void *context, struct weir__task *task)
{
    struct picking *picking = context;

    picking->seen++;
    if (task->id != picking->id)
        return false;
    picking->picked++;
    task->next = picking->last;
    picking->last = task;
    return true;
}

/* What is picked is out, and all else comes in the order in which it would have come. */
static void picking_leaves_the_others_in_their_order(void **state)
{
    static struct weir__task tasks[PICK_TASKS];
    struct weir__queue queue;
    uint64_t random = 7;
    int64_t last = -1;
    uint32_t left = PICK_TASKS;
    struct weir__task *task;

    (void)state;
    weir__queue_init(&queue, PICK_TASKS);
    for (uint32_t i = 0; i < PICK_TASKS; i++) {
        tasks[i].number = i;
        tasks[i].id = (uint64_t)weir__random_below(&random, 4);
    }
    for (uint32_t i = 0; i < PICK_TASKS / 2; i++) /* those that came back, in any order */
        weir__queue_put_back(&queue, &tasks[i * 7 % (PICK_TASKS / 2)]);
    for (uint32_t i = PICK_TASKS / 2; i < PICK_TASKS; i++)
        weir__queue_push(&queue, &tasks[i]);
    for (uint64_t id = 9; id-- > 2;) { /* first those that nobody has */
        struct picking picking = {.id = id};
        weir__queue_pick(&queue, pick_id, &picking);
        assert_int_equal(picking.seen, left);
        left -= picking.picked;
        assert_int_equal(queue.count, left);
        assert_true(id > 3 ? picking.picked == 0 : picking.picked > PICK_TASKS / 8);
    }
    for (int i = 0; i < 5; i++) { /* it goes on as before, also at its tail */
        task = weir__queue_pop(&queue);
        assert_true(task->number > last && task->id < 2);
        last = task->number;
    }
    task->id = 1;
    task->number = PICK_TASKS;
    weir__queue_push(&queue, task);
    for (left -= 4; left > 0; left--) {
        task = weir__queue_pop(&queue);
        assert_non_null(task);
        assert_true(task->number > last && task->id < 2);
        last = task->number;
    }
    assert_int_equal(last, PICK_TASKS);
    assert_null(weir__queue_pop(&queue));
}

static void picking_all_leaves_an_empty_queue(void **state)
{
    struct weir__task tasks[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct weir__queue queue;
    struct picking picking = {.id = 0};

    (void)state;
    weir__queue_init(&queue, 4);
    weir__queue_pick(&queue, pick_id, &picking);
    assert_int_equal(picking.seen, 0);
    for (int i = 0; i < 2; i++)
        weir__queue_put_back(&queue, &tasks[i]);
    for (int i = 2; i < 4; i++)
        weir__queue_push(&queue, &tasks[i]);
    weir__queue_pick(&queue, pick_id, &picking);
    assert_int_equal(picking.picked, 4);
    assert_null(weir__queue_first(&queue));
    assert_null(weir__queue_pop(&queue));
    weir__queue_push(&queue, &tasks[3]);
    assert_ptr_equal(weir__queue_pop(&queue), &tasks[3]);
}

static void expect_spent(const struct weir__ledger *ledger, int64_t idle, int64_t running, int64_t permit, int64_t pace,
                         int64_t pause, int64_t backoff)
{
    const int64_t wanted[WEIR__POOL_STATES] = {idle, running, permit, pace, pause, backoff};
    for (int i = 0; i < WEIR__POOL_STATES; i++)
        if (ledger->spent_ns[i] != wanted[i])
            fail_msg("state %d: %lld ns, wanted %lld", i, (long long)ledger->spent_ns[i], (long long)wanted[i]);
}

static void time_goes_to_what_workers_do_and_the_rest_to_the_reason(void **state)
{
    struct weir__ledger ledger = {.reason = WEIR__POOL_IDLE};
    (void)state;
    weir__ledger_book(&ledger, 1000); /* nobody is there yet */
    weir__ledger_join(&ledger, 1000);
    weir__ledger_join(&ledger, 1010);
    weir__ledger_turn(&ledger, WEIR__POOL_IDLE, WEIR__POOL_RUNNING, 1020);
    weir__ledger_blame(&ledger, WEIR__POOL_PAUSE, 1020);
    expect_spent(&ledger, 10 + 2 * 10, 0, 0, 0, 0, 0);
    weir__ledger_turn(&ledger, WEIR__POOL_RUNNING, WEIR__POOL_PACE, 1050);
    weir__ledger_blame(&ledger, WEIR__POOL_PAUSE, 1055); /* as it was */
    weir__ledger_blame(&ledger, WEIR__POOL_BACKOFF, 1060);
    weir__ledger_turn(&ledger, WEIR__POOL_PACE, WEIR__POOL_RUNNING, 1100);
    weir__ledger_turn(&ledger, WEIR__POOL_RUNNING, WEIR__POOL_IDLE, 1101);
    weir__ledger_blame(&ledger, WEIR__POOL_PERMIT, 1103);
    weir__ledger_book(&ledger, 1110);
    expect_spent(&ledger, 30, 30 + 1, 2 * 7, 50, 40, 41 + 2 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_queue_is_first_in_first_out_and_takes_returns_when_full),
        cmocka_unit_test(what_comes_back_has_its_place_by_acceptance),
        cmocka_unit_test(the_backlog_gives_the_earliest_first),
        cmocka_unit_test(a_million_in_any_order_come_out_in_order),
        cmocka_unit_test(picking_leaves_the_others_in_their_order),
        cmocka_unit_test(picking_all_leaves_an_empty_queue),
        cmocka_unit_test(time_goes_to_what_workers_do_and_the_rest_to_the_reason),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
