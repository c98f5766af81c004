/*
 * fiber_stack - a stack of its own and a way to switch to it and back: what a coroutine is made of.
 *
 * It knows neither time nor whose turn it is.  All stacks of one process are its thread's alone.
 */
#ifndef WEIR_TEST_FIBER_STACK_H
#define WEIR_TEST_FIBER_STACK_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

struct fiber_stack {
    char *memory; /* NULL: the thread's own, on which everything began */
    void (*run)(void *argument);
    void *argument;

    bool entered;
    ucontext_t context;
    jmp_buf jump;

    /* what AddressSanitizer and ThreadSanitizer are told */
    void *fake;
    const void *bottom;
    size_t size;
    void *tsan;
};

/* The stack that the caller is on. */
void fiber_stack_init_own(struct fiber_stack *stack);

/* A new one; the first switch to it calls `run`, which must never return.  False without memory. */
bool fiber_stack_init(struct fiber_stack *stack, void (*run)(void *argument), void *argument);
void fiber_stack_clear(struct fiber_stack *stack);

/* The next switch to it calls `run` anew; what stands on it is forgotten. */
void fiber_stack_restart(struct fiber_stack *stack);

/* From the one that the caller is on; returns when somebody switches back to that. */
void fiber_stack_switch(struct fiber_stack *from, struct fiber_stack *to);

#endif
