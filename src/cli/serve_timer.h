/*
 * serve_timer - one thread that calls back when moments come: thousands of waiting requests cost one thread.
 *
 * It knows no HTTP.  The callback runs on the timer's thread, never under its lock.
 */
#ifndef WEIR_CLI_SERVE_TIMER_H
#define WEIR_CLI_SERVE_TIMER_H

#include "cli/serve_heap.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct weir__timer {
    void (*fire)(void *item);
    pthread_t thread;
    sem_t wake;            /* posted when the earliest moment moved forward, and on stop */
    pthread_mutex_t mutex; /* guards what follows; nothing else is taken and nothing is called under it */
    struct weir__heap heap;
    bool stopping;
};

/* False where memory or a thread is missing; the struct then needs no stop.  It must stay where it is until stop. */
bool weir__timer_start(struct weir__timer *timer, void (*fire)(void *item));

/*
 * Has `fire(item)` called once at `due_ns` of CLOCK_MONOTONIC or soon after, possibly before this returns.  False where
 * the timer is stopping or there is no memory: the item stays the caller's.
 */
bool weir__timer_add(struct weir__timer *timer, int64_t due_ns, void *item);

/* Fires everything that still waits, at once, and ends the thread.  Later adds are refused, until `clear`. */
void weir__timer_stop(struct weir__timer *timer);

/* After stop, and when no other thread can call `add` any more. */
void weir__timer_clear(struct weir__timer *timer);

#endif
