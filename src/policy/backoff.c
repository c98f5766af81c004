/*
 * backoff - see backoff.h.  Responsible for the arithmetic at the extremes too: no argument overflows.  It does not
 * know why a retry is wanted, nor who shares the budget.
 */
#include "policy/backoff.h"

#define ONE_RETRY INT64_C(1000000)

int64_t weir__backoff_wait(int64_t base_ns, int64_t max_ns, uint32_t retry, double draw)
{
    const uint32_t doublings = retry > 1 ? retry - 1 : 0;
    int64_t cap_ns, wait_ns;

    if (base_ns <= 0 || max_ns <= 0)
        return 0;
    /* base * 2^n > max if and only if base > floor(max / 2^n): asked this way round, nothing overflows */
    if (doublings >= 63 || base_ns > max_ns >> doublings)
        cap_ns = max_ns;
    else
        cap_ns = base_ns << doublings;

    if (!(draw > 0)) /* also not a number */
        return 0;
    if (draw >= 1)
        return cap_ns;
    /* below 2^63, since the largest double under 1 is; but a cap beyond 2^53 may have been rounded up */
    wait_ns = (int64_t)((double)cap_ns * draw);
    return wait_ns < cap_ns ? wait_ns : cap_ns;
}

void weir__budget_init(struct weir__budget *budget, double earned_each)
{
    const double earned = earned_each * (double)ONE_RETRY + 0.5; /* the nearest millionth */

    budget->left = WEIR__BUDGET_RESERVE * ONE_RETRY;
    if (!(earned > 0))
        budget->earned_each = 0;
    else
        budget->earned_each = earned < 0x1p63 ? (int64_t)earned : INT64_MAX;
}

void weir__budget_earn(struct weir__budget *budget, uint64_t successes)
{
    int64_t earned;

    if (__builtin_mul_overflow(successes, budget->earned_each, &earned) ||
        __builtin_add_overflow(budget->left, earned, &budget->left))
        budget->left = INT64_MAX;
}

bool weir__budget_spend(struct weir__budget *budget)
{
    if (budget->left < ONE_RETRY)
        return false;
    budget->left -= ONE_RETRY;
    return true;
}
