/* permits - see permits.h */
#include "pool/permits.h"

#include "base/clock.h"
#include "base/sync.h"

#include <assert.h>
#include <stdlib.h>

bool weir__permits_init(struct weir__permits *permits, uint32_t count, uint32_t free_count, bool held)
{
    assert(count > 0 && free_count <= count);
    *permits = (struct weir__permits){.count = 0};
    if (held) {
        permits->due_ns = calloc(count, sizeof *permits->due_ns);
        if (permits->due_ns == NULL)
            return false;
    }
    if (!weir__sem_init(&permits->free, free_count)) {
        free(permits->due_ns);
        permits->due_ns = NULL;
        return false;
    }
    permits->count = count;
    return true;
}

void weir__permits_clear(struct weir__permits *permits)
{
    if (permits->count == 0)
        return;
    weir__sem_clear(&permits->free);
    free(permits->due_ns);
    *permits = (struct weir__permits){.count = 0};
}

bool weir__permits_take(struct weir__permits *permits, int64_t now_ns)
{
    while (permits->held > 0 && permits->due_ns[permits->first] <= now_ns) {
        permits->first = (permits->first + 1) % permits->count;
        permits->held--;
        weir__sem_post(&permits->free);
    }
    return weir__sem_try(&permits->free);
}

void weir__permits_give(struct weir__permits *permits)
{
    weir__sem_post(&permits->free);
}

void weir__permits_give_at(struct weir__permits *permits, int64_t due_ns)
{
    uint32_t last;

    assert(permits->due_ns != NULL && permits->held < permits->count);
    if (permits->held > 0) {
        last = (permits->first + permits->held - 1) % permits->count;
        if (permits->due_ns[last] > due_ns)
            due_ns = permits->due_ns[last];
    }
    permits->due_ns[(permits->first + permits->held) % permits->count] = due_ns;
    permits->held++;
}

int64_t weir__permits_next(const struct weir__permits *permits)
{
    return permits->held == 0 ? WEIR__NEVER : permits->due_ns[permits->first];
}
