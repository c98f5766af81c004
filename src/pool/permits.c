/* permits - see permits.h */
#include "pool/permits.h"

#include "base/clock.h"
#include "base/sync.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static int64_t *ring_of(const struct weir__permits *permits)
{
    return (int64_t *)((char *)(uintptr_t)permits + permits->ring);
}

static void set_ring(struct weir__permits *permits, int64_t *ring, uint32_t capacity, bool own)
{
    permits->ring = (char *)ring - (char *)permits;
    permits->capacity = capacity;
    permits->own_ring = own;
}

/* What was stored before this is there before what is stored after it, even where the process dies in between. */
static void in_order(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

bool weir__permits_init(struct weir__permits *permits, uint32_t count, uint32_t free_count, bool held)
{
    int64_t *ring = NULL;

    assert(count > 0 && free_count <= count);
    memset(permits, 0, sizeof *permits);
    if (held && (ring = calloc(count, sizeof *ring)) == NULL)
        return false;
    if (!weir__sem_init(&permits->free, free_count)) {
        free(ring);
        return false;
    }
    if (ring != NULL)
        set_ring(permits, ring, count, true);
    permits->count = count;
    return true;
}

bool weir__permits_init_shared(struct weir__permits *permits, uint32_t count, uint32_t free_count, int64_t *ring,
                               uint32_t capacity)
{
    assert(count > 0 && free_count <= count && (ring == NULL || count <= capacity));
    memset(permits, 0, sizeof *permits);
    if (!weir__sem_init_shared(&permits->free, free_count))
        return false;
    if (ring != NULL)
        set_ring(permits, ring, capacity, false);
    permits->count = count;
    return true;
}

void weir__permits_clear(struct weir__permits *permits)
{
    if (permits->count == 0)
        return;
    weir__sem_clear(&permits->free);
    if (permits->own_ring)
        free(ring_of(permits));
    memset(permits, 0, sizeof *permits);
}

uint32_t weir__permits_held(const struct weir__permits *permits)
{
    return (uint32_t)(permits->put - permits->got);
}

void weir__permits_give(struct weir__permits *permits)
{
    if (permits->debt > 0)
        permits->debt--;
    else
        weir__sem_post(&permits->free);
}

bool weir__permits_take(struct weir__permits *permits, int64_t now_ns)
{
    while (permits->got != permits->put && ring_of(permits)[permits->got % permits->capacity] <= now_ns) {
        permits->got++;
        in_order();
        weir__permits_give(permits);
    }
    return weir__sem_try(&permits->free);
}

void weir__permits_give_at(struct weir__permits *permits, int64_t due_ns)
{
    int64_t *ring = ring_of(permits);
    uint64_t at = permits->put;

    assert(permits->capacity > 0);
    if (weir__permits_held(permits) ==
        permits->capacity) { /* one is in there twice since a death: it stands for both */
        if (ring[(at - 1) % permits->capacity] < due_ns)
            ring[(at - 1) % permits->capacity] = due_ns;
        return;
    }
    ring[at % permits->capacity] =
        at != permits->got && ring[(at - 1) % permits->capacity] > due_ns ? ring[(at - 1) % permits->capacity] : due_ns;
    in_order();
    permits->put++;
    in_order();
    /* those due later move up; whoever dies here leaves one of them twice instead of the new one */
    for (; at != permits->got && ring[(at - 1) % permits->capacity] > due_ns; at--)
        ring[at % permits->capacity] = ring[(at - 1) % permits->capacity];
    ring[at % permits->capacity] = due_ns;
    in_order();
}

int64_t weir__permits_next(const struct weir__permits *permits)
{
    return permits->got == permits->put ? WEIR__NEVER : ring_of(permits)[permits->got % permits->capacity];
}

/* A ring of the heap grows; what is held keeps its order.  False without memory, or where it is not ours to grow. */
static bool make_room(struct weir__permits *permits, uint32_t count)
{
    const uint32_t held = weir__permits_held(permits);
    int64_t *larger;

    if (permits->capacity == 0 || count <= permits->capacity)
        return true;
    if (!permits->own_ring || (larger = calloc(count, sizeof *larger)) == NULL)
        return false;
    for (uint32_t i = 0; i < held; i++)
        larger[i] = ring_of(permits)[(permits->got + i) % permits->capacity];
    free(ring_of(permits));
    permits->got = 0;
    permits->put = held;
    set_ring(permits, larger, count, true);
    return true;
}

bool weir__permits_resize(struct weir__permits *permits, uint32_t count)
{
    assert(count > 0);
    if (!make_room(permits, count))
        return false;
    for (; permits->count < count; permits->count++)
        weir__permits_give(permits);
    for (; permits->count > count; permits->count--)
        if (!weir__sem_try(&permits->free))
            permits->debt++;
    return true;
}

/* A debt that was not written down yet, or twice, is found here too: then more are out and held than there may be. */
void weir__permits_mend(struct weir__permits *permits, uint32_t out)
{
    const uint64_t taken = (uint64_t)weir__permits_held(permits) + out;
    const uint32_t wanted = taken < permits->count ? permits->count - (uint32_t)taken : 0;

    permits->debt = taken > permits->count ? (uint32_t)(taken - permits->count) : 0;
    while (weir__sem_value(&permits->free) > wanted)
        (void)weir__sem_try(&permits->free);
    while (weir__sem_value(&permits->free) < wanted)
        weir__sem_post(&permits->free);
}
