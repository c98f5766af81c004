/* The heap of moments and the thread that waits for them. */
#include "cli/serve_heap.h"
#include "cli/serve_timer.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>

#define ITEMS 3000
#define PATIENCE_NS (10 * WEIR__NS_PER_S)

static char places[ITEMS]; /* their addresses are the items */

static void heap_is_empty_at_first(void **state)
{
    struct weir__heap heap = {0};
    void *item = &heap;

    (void)state;
    assert_true(weir__heap_next(&heap) == INT64_MAX);
    assert_false(weir__heap_pop(&heap, INT64_MAX, &item));
    assert_ptr_equal(item, &heap); /* untouched */
    weir__heap_clear(&heap);
    weir__heap_clear(NULL);
}

static void heap_gives_what_is_due_and_no_more(void **state)
{
    struct weir__heap heap = {0};
    void *item;

    (void)state;
    assert_true(weir__heap_push(&heap, 10, &places[0]));
    assert_true(weir__heap_push(&heap, 5, &places[1]));
    assert_int_equal(weir__heap_next(&heap), 5);
    assert_false(weir__heap_pop(&heap, 4, &item));
    assert_true(weir__heap_pop(&heap, 5, &item));
    assert_ptr_equal(item, &places[1]);
    assert_false(weir__heap_pop(&heap, 9, &item));
    assert_true(weir__heap_pop(&heap, 11, &item));
    assert_ptr_equal(item, &places[0]);
    weir__heap_clear(&heap);
}

/* Pushes and pops mixed; what comes out is in order, and equal moments leave as they came. */
static void heap_keeps_order_and_arrival_among_equals(void **state)
{
    static int64_t due[ITEMS];
    struct weir__heap heap = {0};
    uint64_t random = 1;
    int64_t last_due = 0;
    char *last = NULL;
    void *item;

    (void)state;
    for (int i = 0; i < ITEMS; i++) {
        due[i] = weir__random_below(&random, 50);
        assert_true(weir__heap_push(&heap, due[i], &places[i]));
    }
    for (int i = 0; i < ITEMS; i++) {
        assert_true(weir__heap_pop(&heap, INT64_MAX, &item));
        const int64_t this_due = due[(char *)item - places];
        assert_true(this_due > last_due || (this_due == last_due && (last == NULL || (char *)item > last)));
        last_due = this_due;
        last = item;
    }
    assert_int_equal(heap.count, 0);
    weir__heap_clear(&heap);
}

static atomic_int fired[ITEMS];
static sem_t each_fired;

static void on_fire(void *item)
{
    atomic_fetch_add(&fired[(char *)item - places], 1);
    weir__sem_post(&each_fired);
}

static int reset_fired(void **state)
{
    (void)state;
    for (int i = 0; i < ITEMS; i++)
        atomic_store(&fired[i], 0);
    return weir__sem_init(&each_fired, 0) ? 0 : -1;
}

static int clear_fired(void **state)
{
    (void)state;
    weir__sem_clear(&each_fired);
    return 0;
}

/*
 * An earlier moment that is added later must not wait for the one before.  Each round begins right after a firing, when
 * the thread goes on to wait for the far moment; in nearly all of them it is already waiting when the near one is
 * added.
 */
static void timer_fires_in_time_whatever_was_added_first(void **state)
{
    static struct weir__timer timer; /* a failed assert leaves its thread running */
    const int64_t start = weir__clock_now_ns();

    (void)state;
    assert_true(weir__timer_start(&timer, on_fire));
    assert_true(weir__timer_add(&timer, start + 3600 * WEIR__NS_PER_S, &places[0]));
    for (int i = 1; i <= 50; i++) {
        const int64_t due = weir__clock_now_ns() + 2 * WEIR__NS_PER_MS;
        assert_true(weir__timer_add(&timer, due, &places[i]));
        assert_true(weir__sem_wait(&each_fired, due + PATIENCE_NS));
        assert_true(weir__clock_now_ns() >= due);
        assert_int_equal(atomic_load(&fired[i]), 1);
    }
    assert_int_equal(atomic_load(&fired[0]), 0);
    weir__timer_stop(&timer);
    weir__timer_clear(&timer);
}

/* Stop fires each that still waits exactly once, and refuses what comes later. */
static void timer_fires_all_on_stop(void **state)
{
    static struct weir__timer timer; /* a failed assert leaves its thread running */
    const int64_t far = weir__clock_now_ns() + 3600 * WEIR__NS_PER_S;

    (void)state;
    assert_true(weir__timer_start(&timer, on_fire));
    for (int i = 0; i < ITEMS; i++)
        assert_true(weir__timer_add(&timer, far, &places[i]));
    weir__timer_stop(&timer);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(atomic_load(&fired[i]), 1);
    assert_false(weir__timer_add(&timer, far, &places[0]));
    weir__timer_clear(&timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_is_empty_at_first),
        cmocka_unit_test(heap_gives_what_is_due_and_no_more),
        cmocka_unit_test(heap_keeps_order_and_arrival_among_equals),
        cmocka_unit_test_setup_teardown(timer_fires_in_time_whatever_was_added_first, reset_fired, clear_fired),
        cmocka_unit_test_setup_teardown(timer_fires_all_on_stop, reset_fired, clear_fired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
