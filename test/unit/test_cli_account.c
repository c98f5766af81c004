/* What counts as done: with a results file only what is in it, without one what the library says. */
#include "cli/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct weir_stats library_says(void)
{
    struct weir_stats stats = {.struct_size = sizeof stats};

    stats.outcomes[WEIR_OUTCOME_SUCCEEDED] = 100;
    stats.outcomes[WEIR_OUTCOME_FAILED] = 20;
    stats.outcomes[WEIR_OUTCOME_UNKNOWN] = 3;
    stats.outcomes[WEIR_OUTCOME_CANCELLED] = 1000;
    return stats;
}

static void begin(struct weir__account *account, bool recorded)
{
    *account = (struct weir__account){.recorded = recorded};
    atomic_store(&account->total, 5000);
    atomic_store(&account->total_known, true);
    atomic_store(&account->skipped, 40);
    atomic_store(&account->ended[WEIR_OUTCOME_SUCCEEDED], 90);
    atomic_store(&account->ended[WEIR_OUTCOME_FAILED], 5);
    atomic_store(&account->ended[WEIR_OUTCOME_UNKNOWN], 2);
    atomic_store(&account->ended[WEIR_OUTCOME_CANCELLED], 7);
}

static void with_a_results_file_only_what_is_in_it_counts(void **state)
{
    const struct weir_stats stats = library_says();
    struct weir__account account;
    struct weir__figures figures;

    (void)state;
    begin(&account, true);
    weir__account_read(&account, &stats, &figures);
    assert_int_equal(figures.succeeded, 90);
    assert_int_equal(figures.failed, 5);
    assert_int_equal(figures.unknown, 2);
    assert_int_equal(figures.skipped, 40);
    assert_int_equal(figures.done, 90 + 5 + 2 + 40);
    assert_int_equal(figures.total, 5000);
    assert_true(figures.total_known);
}

static void without_one_bad_lines_join_what_the_library_says(void **state)
{
    const struct weir_stats stats = library_says();
    struct weir__account account = {.recorded = false};
    struct weir__figures figures;

    (void)state;
    atomic_store(&account.total, 130);
    atomic_store(&account.ended[WEIR_OUTCOME_FAILED], 5);
    weir__account_read(&account, &stats, &figures);
    assert_int_equal(figures.succeeded, 100);
    assert_int_equal(figures.failed, 25);
    assert_int_equal(figures.unknown, 3);
    assert_int_equal(figures.skipped, 0);
    assert_int_equal(figures.done, 128);
    assert_int_equal(figures.total, 130);
    assert_false(figures.total_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_results_file_only_what_is_in_it_counts),
        cmocka_unit_test(without_one_bad_lines_join_what_the_library_says),
    };

    (void)alarm(30);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
