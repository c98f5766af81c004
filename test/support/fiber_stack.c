/*
 * fiber_stack - see fiber_stack.h
 *
 * makecontext() enters a stack, once; from then on _setjmp() and _longjmp() switch, without the two system calls of
 * swapcontext().  FORTIFY would take a jump to another stack for an error, so it is off in this file.  Under a
 * sanitizer swapcontext() switches, and the sanitizer is told.
 */
#undef _FORTIFY_SOURCE

#include "support/fiber_stack.h"

#include "base/sync.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#elif __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

#ifdef UNDER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef UNDER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#define STACK_SIZE ((size_t)WEIR__STACK_SIZE) /* what callbacks are promised */

/* The one that was left by the switch that is under way; only ASan asks. */
static struct fiber_stack *left;

/* After a switch has brought us here. */
static void arrive(struct fiber_stack *here)
{
#ifdef UNDER_ASAN
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(here->fake, &bottom, &size);
    if (left != NULL && left->memory == NULL) { /* only ASan knows the bounds of the thread's own */
        left->bottom = bottom;
        left->size = size;
    }
#else
    (void)here;
#endif
    left = NULL;
}

void fiber_stack_switch(struct fiber_stack *from, struct fiber_stack *to)
{
    left = from;
#if defined(UNDER_ASAN) || defined(UNDER_TSAN)
#ifdef UNDER_ASAN
    __sanitizer_start_switch_fiber(&from->fake, to->bottom, to->size);
#else
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
    (void)swapcontext(&from->context, &to->context);
#else
    if (_setjmp(from->jump) == 0) {
        if (to->entered)
            _longjmp(to->jump, 1);
        to->entered = true;
        (void)setcontext(&to->context);
        abort();
    }
#endif
    arrive(from);
}

/* makecontext() hands over numbers only. */
static void enter(unsigned high, unsigned low)
{
    struct fiber_stack *stack = (struct fiber_stack *)(((uintptr_t)high << 32) | low);

    arrive(stack);
    stack->run(stack->argument);
    abort();
}

void fiber_stack_restart(struct fiber_stack *stack)
{
    const uint64_t at = (uintptr_t)stack;

    (void)getcontext(&stack->context);
    stack->context.uc_stack.ss_sp = stack->memory;
    stack->context.uc_stack.ss_size = STACK_SIZE;
    stack->context.uc_link = NULL;
    makecontext(&stack->context, (void (*)(void))enter, 2, (unsigned)(at >> 32), (unsigned)at);
    stack->entered = false;
#ifdef UNDER_ASAN
    stack->fake = NULL;
    __asan_unpoison_memory_region(stack->memory, STACK_SIZE);
#endif
#ifdef UNDER_TSAN
    if (stack->tsan != NULL)
        __tsan_destroy_fiber(stack->tsan);
    stack->tsan = __tsan_create_fiber(0);
#endif
}

void fiber_stack_init_own(struct fiber_stack *stack)
{
    *stack = (struct fiber_stack){.entered = true};
#ifdef UNDER_TSAN
    stack->tsan = __tsan_get_current_fiber();
#endif
}

/* A page below the stack is nobody's, so that an overflow is a fault. */
bool fiber_stack_init(struct fiber_stack *stack, void (*run)(void *argument), void *argument)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory;

    memory = mmap(NULL, STACK_SIZE + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    if (mprotect(memory, page, PROT_NONE) != 0) {
        (void)munmap(memory, STACK_SIZE + page);
        return false;
    }
    *stack = (struct fiber_stack){
        .memory = memory + page, .run = run, .argument = argument, .bottom = memory + page, .size = STACK_SIZE};
    fiber_stack_restart(stack);
    return true;
}

void fiber_stack_clear(struct fiber_stack *stack)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (stack->memory == NULL)
        return;
#ifdef UNDER_TSAN
    __tsan_destroy_fiber(stack->tsan);
#endif
    (void)munmap(stack->memory - page, STACK_SIZE + page);
    stack->memory = NULL;
}
