/* random - see random.h */
#include "base/random.h"

uint64_t weir__random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double weir__random_unit(uint64_t *state)
{
    return (double)(weir__random_next(state) >> 11) * 0x1.0p-53;
}

int64_t weir__random_below(uint64_t *state, int64_t below)
{
    return below <= 0 ? 0 : (int64_t)(weir__random_unit(state) * (double)below);
}
