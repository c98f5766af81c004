/*
 * lease_parts - what the two files of the public limits share: lease.c takes and gives back permits, lease_new.c makes
 * limits and changes them.
 */
#ifndef WEIR_CORE_LEASE_PARTS_H
#define WEIR_CORE_LEASE_PARTS_H

#include "core/lease.h"

/* Whether the handle was made by a process that this one is a child of. */
bool weir__lease_inherited(const struct weir_limits *lease);

/* Whoever waits first looks at the gate again, and so does the dispatcher. */
void weir__lease_notice(struct weir_limits *lease);

/* Under the lock.  The party of the permits, with its first use; WEIR_OK, or why there is none. */
enum weir_status weir__lease_take_seat(struct weir_limits *lease);

#endif
