/* sim_draw - how the plans of simulated scenarios draw their figures. */
#ifndef WEIR_TEST_SIM_DRAW_H
#define WEIR_TEST_SIM_DRAW_H

#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

/* As often within each doubling from `min` on. */
static inline int64_t spread(uint64_t *random, int64_t min, int64_t max)
{
    int64_t doublings = 1, low, value;

    while (min << doublings < max)
        doublings++;
    low = min << weir__random_below(random, doublings);
    value = low + weir__random_below(random, low + 1);
    return value > max ? max : value;
}

static inline bool one_in(uint64_t *random, int64_t n)
{
    return weir__random_below(random, n) == 0;
}

#endif
