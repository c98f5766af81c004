/*
 * stack - gives back what a thread's stack has touched and no longer needs.
 *
 * A deep call leaves its pages behind for the thread's life.  With thousands of threads that wait most of the time
 * those pages are what their memory is made of.
 */
#ifndef WEIR_BASE_STACK_H
#define WEIR_BASE_STACK_H

/* The lowest address of the calling thread's stack; NULL where the system does not say. */
void *weir__stack_low(void);

/* Tells the kernel to forget the calling thread's pages between `low` and the caller's frame.  NULL is a no-op. */
void weir__stack_shed(void *low);

#endif
