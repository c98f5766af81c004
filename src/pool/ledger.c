/* ledger - see ledger.h */
#include "pool/ledger.h"

#include <assert.h>

void weir__ledger_book(struct weir__ledger *ledger, int64_t now_ns)
{
    const int64_t passed_ns = now_ns - ledger->since_ns;

    if (passed_ns == 0)
        return;
    ledger->spent_ns[WEIR__POOL_RUNNING] += passed_ns * ledger->running;
    ledger->spent_ns[WEIR__POOL_PACE] += passed_ns * ledger->sleeping;
    ledger->spent_ns[ledger->reason] += passed_ns * ledger->free_workers;
    ledger->since_ns = now_ns;
}

void weir__ledger_join(struct weir__ledger *ledger, int64_t now_ns)
{
    weir__ledger_book(ledger, now_ns);
    ledger->free_workers++;
}

static uint32_t *part_of(struct weir__ledger *ledger, enum weir__pool_state doing)
{
    if (doing == WEIR__POOL_RUNNING)
        return &ledger->running;
    return doing == WEIR__POOL_PACE ? &ledger->sleeping : &ledger->free_workers;
}

void weir__ledger_turn(struct weir__ledger *ledger, enum weir__pool_state from, enum weir__pool_state to,
                       int64_t now_ns)
{
    weir__ledger_book(ledger, now_ns);
    assert(*part_of(ledger, from) > 0);
    (*part_of(ledger, from))--;
    (*part_of(ledger, to))++;
}

void weir__ledger_blame(struct weir__ledger *ledger, enum weir__pool_state reason, int64_t now_ns)
{
    if (ledger->reason == reason)
        return;
    weir__ledger_book(ledger, now_ns);
    ledger->reason = reason;
}
