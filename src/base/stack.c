/* stack - see stack.h */
#include "base/stack.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Room for this function's own frame, the system call and the red zone of the ABI (128 bytes on x86-64). */
#define KEPT_SIZE 1024u

void *weir__stack_low(void)
{
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size;

    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return NULL;
    if (pthread_attr_getstack(&attributes, &low, &size) != 0)
        low = NULL;
    (void)pthread_attr_destroy(&attributes);
    return low;
}

void weir__stack_shed(void *low)
{
    uintptr_t page, end;

    if (low == NULL)
        return;
    page = (uintptr_t)sysconf(_SC_PAGESIZE);
    end = ((uintptr_t)__builtin_frame_address(0) - KEPT_SIZE) & ~(page - 1);
    if (end > (uintptr_t)low)
        (void)madvise(low, end - (uintptr_t)low, MADV_DONTNEED); /* a refusal leaves things as they are */
}
