/*
 * fork - tells a child process that what it holds was made by its parent.
 *
 * Only the thread that calls fork() goes on in the child: locks may be held there by nobody, and no worker is alive.
 */
#ifndef WEIR_BASE_FORK_H
#define WEIR_BASE_FORK_H

/* How many forks lie between the first call of this in the process's ancestry and here; grows in each child. */
unsigned weir__fork_count(void);

#endif
