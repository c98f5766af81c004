/* serve_worst - see serve_worst.h */
#include "cli/serve_worst.h"

#include <stdlib.h>

#define FIRST_CAPACITY 1024u

void weir__worst_init(struct weir__worst *worst, int64_t period_ns)
{
    *worst = (struct weir__worst){.period_ns = period_ns};
}

void weir__worst_clear(struct weir__worst *worst)
{
    if (worst == NULL)
        return;
    free(worst->ring);
    weir__worst_init(worst, worst->period_ns);
}

void weir__worst_reset(struct weir__worst *worst)
{
    worst->most = 0;
    worst->head = worst->count = 0;
}

/* Capacities are powers of two, so that positions wrap with a mask. */
static bool grow(struct weir__worst *worst)
{
    const size_t capacity = worst->capacity == 0 ? FIRST_CAPACITY : worst->capacity * 2;
    int64_t *ring = malloc(capacity * sizeof *ring);

    if (ring == NULL)
        return false;
    for (size_t i = 0; i < worst->count; i++)
        ring[i] = worst->ring[(worst->head + i) & (worst->capacity - 1)];
    free(worst->ring);
    worst->ring = ring;
    worst->capacity = capacity;
    worst->head = 0;
    return true;
}

static void drop_oldest(struct weir__worst *worst)
{
    worst->head = (worst->head + 1) & (worst->capacity - 1);
    worst->count--;
}

bool weir__worst_add(struct weir__worst *worst, int64_t now_ns)
{
    while (worst->count > 0 && worst->ring[worst->head] <= now_ns - worst->period_ns)
        drop_oldest(worst);
    if (worst->count == WEIR__WORST_MAX)
        drop_oldest(worst);
    if (worst->count == worst->capacity && !grow(worst))
        return false;
    worst->ring[(worst->head + worst->count) & (worst->capacity - 1)] = now_ns;
    worst->count++;
    if (worst->count > worst->most)
        worst->most = worst->count;
    return true;
}
