/*
 * outlook - what goes next, what keeps it, and until when somebody need not look again.
 *
 * Part of the pool; all of this is called under its lock.  It wakes nobody.
 */
#ifndef WEIR_POOL_OUTLOOK_H
#define WEIR_POOL_OUTLOOK_H

#include "pool/pool.h"

struct weir__outlook {
    struct weir__gate_answer gate; /* on the next task; all zero where none could go, were the gate open */
    int64_t until_ns;              /* somebody must look again then; WEIR__NEVER: only a permit given back matters */
};

/* What has come due in the backlog takes its place in the queue. */
void weir__outlook_take_due(struct weir__pool *pool, int64_t now_ns);

/* Takes what is due, then asks the gate (on "go" the next task is granted), or only looks; puts the workers' time down
 * to the answer. */
void weir__outlook_ask(struct weir__pool *pool, int64_t now_ns, struct weir__outlook *out);
void weir__outlook_peek(struct weir__pool *pool, int64_t now_ns, struct weir__outlook *out);

#endif
