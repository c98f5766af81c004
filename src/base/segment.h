/*
 * segment - a piece of memory that processes share by a name, and who of them is alive.
 *
 * POSIX shared memory of mode 0600 that only its owner's processes use.  Each handle has a seat: a number that is its
 * own as long as it lives, by a lock of its open file description, which the kernel takes away however it ends.  A
 * child after fork() has the same description: so a seat whose process is gone counts as free too, even where a child
 * keeps the lock.
 *
 * It knows nothing of what the memory holds.  Threads: a segment is its owner's alone, but weir__segment_alive() may be
 * called from any.
 */
#ifndef WEIR_BASE_SEGMENT_H
#define WEIR_BASE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__SEGMENT_SEATS 1024u
#define WEIR__SEGMENT_NAME_MAX 64u

enum weir__segment_status {
    WEIR__SEGMENT_OK,
    WEIR__SEGMENT_FOREIGN,  /* another user's, open to others, no plain shared memory, or of another layout */
    WEIR__SEGMENT_FULL,     /* no seat is free */
    WEIR__SEGMENT_RESOURCE, /* no file descriptor, no memory, or the system has no such thing */
};

/* Who sits where; at the beginning of the memory.  The rest of it is the caller's. */
struct weir__segment_seat {
    _Atomic int32_t pid;
    _Atomic uint64_t pid_space; /* pids of another one say nothing here; 0: unknown */
};

struct weir__segment_head {
    _Atomic uint64_t tag; /* first: what the caller calls its layout; 0: not ready */
    uint64_t size;        /* of all */
    struct weir__segment_seat seats[WEIR__SEGMENT_SEATS];
};

struct weir__segment {
    int file; /* -1: none */
    struct weir__segment_head *head;
    size_t size;
    uint32_t seat;
    uint64_t pid_space; /* ours; 0: unknown */
};

/* "a", "my-api.v2": letters, digits, ".", "_" and "-", the first no ".", at most WEIR__SEGMENT_NAME_MAX. */
bool weir__segment_name_valid(const char *name);

/*
 * Opens or makes /dev/shm/weir.NAME and shuts its door: until weir__segment_admit() nobody else passes here.  What is
 * there is mapped, if it is complete; where it is empty, or its maker died before it was, head is NULL.  FOREIGN where
 * it has another tag.  On failure nothing is left.
 */
enum weir__segment_status weir__segment_open(struct weir__segment *segment, const char *name, uint64_t tag);

/* With the door shut: whether nobody sits there. */
bool weir__segment_empty(struct weir__segment *segment);

/* With the door shut, and nobody there: the memory begins anew, all zero, of `size` bytes, head included. */
enum weir__segment_status weir__segment_renew(struct weir__segment *segment, size_t size);

/* With the door shut: takes a seat, which may be one where somebody died.  OK or FULL. */
enum weir__segment_status weir__segment_sit(struct weir__segment *segment);

/* The memory is ready for others: opens the door. */
void weir__segment_admit(struct weir__segment *segment, uint64_t tag);

/* Whether somebody sits there.  True for one's own. */
bool weir__segment_alive(const struct weir__segment *segment, uint32_t seat);

/* Gives up the seat, if there is one; opens the door, if it is shut.  A segment without a file is a no-op. */
void weir__segment_close(struct weir__segment *segment);

/* Takes the name away; those who have it open go on.  False where it is not there. */
bool weir__segment_unlink(const char *name);

#endif
