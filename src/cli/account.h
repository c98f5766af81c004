/*
 * account - how far a run is: jobs by what became of them, the ones of earlier runs included.
 *
 * With a results file only what is durable there counts as done; without one, what the library says.
 *
 * Threads: the counters may be raised by any; reading them gives figures of one moment each.
 */
#ifndef WEIR_CLI_ACCOUNT_H
#define WEIR_CLI_ACCOUNT_H

#include "weir.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct weir__account {
    _Atomic uint64_t total; /* jobs that there are, as far as known: of a stream, those read so far */
    atomic_bool total_known;
    _Atomic uint64_t skipped;                   /* done by earlier runs, and passed over so far */
    _Atomic uint64_t ended[WEIR_OUTCOME_COUNT]; /* results that are durable; bad lines without a results file */
    _Atomic uint64_t in_doubt;  /* jobs that were done, must not be done twice, and have no line: the disk failed */
    bool recorded;              /* there is a results file: `ended` is all that counts */
    uint64_t past_skipped;      /* of `total`, how many earlier runs have done */
    uint64_t past_unsuccessful; /* and how many of those did not succeed */
};

/* One moment's figures. */
struct weir__figures {
    uint64_t total;
    bool total_known;
    uint64_t skipped;
    uint64_t succeeded, failed, unknown; /* by this run */
    uint64_t done;                       /* those three and skipped */
};

void weir__account_read(const struct weir__account *account, const struct weir_stats *stats, struct weir__figures *out);

#endif
