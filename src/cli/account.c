/* account - see account.h */
#include "cli/account.h"

/* What the library has counted, besides what is counted here: with a results file, only that. */
static uint64_t ended(const struct weir__account *account, const struct weir_stats *stats, enum weir_outcome outcome)
{
    const uint64_t here = atomic_load(&account->ended[outcome]);
    return account->recorded ? here : here + stats->outcomes[outcome];
}

void weir__account_read(const struct weir__account *account, const struct weir_stats *stats, struct weir__figures *out)
{
    /* Jobs are counted when they are read, and again when they are done: read in the other order, the figures never
     * show more done than there are.  A total is final before it is known. */
    out->succeeded = ended(account, stats, WEIR_OUTCOME_SUCCEEDED);
    out->failed = ended(account, stats, WEIR_OUTCOME_FAILED);
    out->unknown = ended(account, stats, WEIR_OUTCOME_UNKNOWN) + atomic_load(&account->in_doubt);
    out->skipped = atomic_load(&account->skipped);
    out->done = out->succeeded + out->failed + out->unknown + out->skipped;
    out->total_known = atomic_load(&account->total_known);
    out->total = atomic_load(&account->total);
}
