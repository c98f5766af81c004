/*
 * lease_parts - what the files of the public limits share: lease.c takes and gives back permits, lease_row.c waits for
 * them, lease_new.c makes limits and changes them.
 */
#ifndef WEIR_CORE_LEASE_PARTS_H
#define WEIR_CORE_LEASE_PARTS_H

#include "core/lease.h"

/* Whether the handle was made by a process that this one is a child of. */
bool weir__lease_inherited(const struct weir_limits *lease);

/* Whoever waits first looks at the gate again, and so does the dispatcher. */
void weir__lease_notice(struct weir_limits *lease);

/* Under the lock.  Sees to it that a permit more can be out; false without memory. */
bool weir__lease_has_slot(struct weir_limits *lease);

/* Under the lock, which is released while it waits: OK with a "go", or what weir_limits_acquire() returns. */
enum weir_status weir__lease_ask(struct weir_limits *lease, int64_t timeout_ns, struct weir__gate_answer *answer);

/* Under the lock.  The party of the permits, with its first use; WEIR_OK, or why there is none. */
enum weir_status weir__lease_take_seat(struct weir_limits *lease);

#endif
