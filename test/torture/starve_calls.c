/*
 * starve_calls - the calls that starve refuses: the one that makes `starve_left` 0 fails as it does for want of
 * something.
 *
 * What weir calls is taken over by the linker (--wrap, see the Makefile); what libcurl calls as well, by being defined
 * here under its own name, which the program's part comes first with.  Knows nothing of what calls.
 */
#include "starve.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

atomic_long starve_left;
atomic_long starve_live;
_Atomic(const char *) starve_refused;

static bool refuses(const char *what, int error)
{
    long left = atomic_load(&starve_left);

    while (left > 0 && !atomic_compare_exchange_weak(&starve_left, &left, left - 1))
        continue;
    if (left != 1)
        return false;
    atomic_store(&starve_refused, what);
    errno = error;
    return true;
}

static void *counted(void *memory)
{
    if (memory != NULL)
        (void)atomic_fetch_add(&starve_live, 1);
    return memory;
}

/* The linker's names: __wrap_X is called for X, __real_X is X. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
#define WRAPPED(type, name, parameters)                                                                                \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters

WRAPPED(void *, malloc, (size_t size))
{
    return refuses("malloc", ENOMEM) ? NULL : counted(__real_malloc(size));
}

WRAPPED(void *, calloc, (size_t count, size_t size))
{
    return refuses("calloc", ENOMEM) ? NULL : counted(__real_calloc(count, size));
}

WRAPPED(void *, realloc, (void *memory, size_t size))
{
    void *grown;

    if (refuses("realloc", ENOMEM))
        return NULL;
    grown = __real_realloc(memory, size);
    return memory == NULL ? counted(grown) : grown;
}

WRAPPED(char *, strdup, (const char *text))
{
    return refuses("strdup", ENOMEM) ? NULL : counted(__real_strdup(text));
}

WRAPPED(char *, strndup, (const char *text, size_t size))
{
    return refuses("strndup", ENOMEM) ? NULL : counted(__real_strndup(text, size));
}

WRAPPED(void, free, (void *memory))
{
    if (memory != NULL)
        (void)atomic_fetch_sub(&starve_live, 1);
    __real_free(memory);
}

WRAPPED(int, pthread_attr_init, (pthread_attr_t * attributes))
{
    return refuses("pthread_attr_init", ENOMEM) ? ENOMEM : __real_pthread_attr_init(attributes);
}

WRAPPED(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *attributes))
{
    return refuses("pthread_mutex_init", ENOMEM) ? ENOMEM : __real_pthread_mutex_init(mutex, attributes);
}

WRAPPED(int, sem_init, (sem_t * sem, int shared, unsigned value))
{
    return refuses("sem_init", ENOSYS) ? -1 : __real_sem_init(sem, shared, value);
}

WRAPPED(int, eventfd, (unsigned value, int flags))
{
    return refuses("eventfd", EMFILE) ? -1 : __real_eventfd(value, flags);
}

WRAPPED(int, epoll_create1, (int flags))
{
    return refuses("epoll_create1", EMFILE) ? -1 : __real_epoll_create1(flags);
}

/* Taking out cannot fail for want of something. */
WRAPPED(int, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event))
{
    return operation != EPOLL_CTL_DEL && refuses("epoll_ctl", ENOSPC) ? -1
                                                                      : __real_epoll_ctl(epoll, operation, fd, event);
}

/* As on a kernel that does not have it; every other time as by a signal. */
WRAPPED(int, epoll_pwait2,
        (int epoll, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask))
{
    static atomic_uint turn;

    return refuses("epoll_pwait2", atomic_fetch_add(&turn, 1) % 2 == 0 ? ENOSYS : EINTR)
               ? -1
               : __real_epoll_pwait2(epoll, events, max, timeout, mask);
}

WRAPPED(int, epoll_wait, (int epoll, struct epoll_event *events, int max, int timeout_ms))
{
    return refuses("epoll_wait", EINTR) ? -1 : __real_epoll_wait(epoll, events, max, timeout_ms);
}

WRAPPED(int, socket, (int domain, int type, int protocol))
{
    return refuses("socket", EMFILE) ? -1 : __real_socket(domain, type, protocol);
}

WRAPPED(int, shm_open, (const char *name, int flags, mode_t mode))
{
    return refuses("shm_open", EMFILE) ? -1 : __real_shm_open(name, flags, mode);
}

WRAPPED(int, ftruncate, (int fd, off_t size))
{
    return refuses("ftruncate", ENOSPC) ? -1 : __real_ftruncate(fd, size);
}

WRAPPED(int, posix_fallocate, (int fd, off_t offset, off_t size))
{
    return refuses("posix_fallocate", ENOSPC) ? ENOSPC : __real_posix_fallocate(fd, offset, size);
}

WRAPPED(void *, mmap, (void *address, size_t size, int protection, int flags, int fd, off_t offset))
{
    return refuses("mmap", ENOMEM) ? MAP_FAILED : __real_mmap(address, size, protection, flags, fd, offset);
}

/* open and fcntl have one more argument, or none, which is handed on as it is. */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list more;
    unsigned mode;

    va_start(more, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(more, unsigned) : 0;
    va_end(more);
    return refuses("open", EMFILE) ? -1 : __real_open(path, flags, mode);
}

static bool gives_back(int command, const void *argument)
{
    const struct flock *lock = argument;

    return (command == F_OFD_SETLK || command == F_OFD_SETLKW) && lock->l_type == F_UNLCK;
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list more;
    void *argument;

    va_start(more, command);
    argument = va_arg(more, void *);
    va_end(more);
    /* neither asking who has a lock nor giving one back needs anything */
    if (command != F_OFD_GETLK && !gives_back(command, argument) && refuses("fcntl", ENOLCK))
        return -1;
    return __real_fcntl(fd, command, argument);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ------------------------------------------------------------------------------------------- libcurl's calls as well
 */

#define OWN __attribute__((visibility("default"))) /* libcurl's calls find it */

/* The one that would have been called: libc's, or a sanitizer's. */
static void next(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    memcpy(function, &found, sizeof found); /* an object's pointer is no function's in C */
}

OWN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

    if (refuses("pthread_create", EAGAIN))
        return EAGAIN;
    next(&real, "pthread_create");
    return real(thread, attributes, run, argument);
}

OWN int socketpair(int domain, int type, int protocol, int ends[2])
{
    int (*real)(int, int, int, int[2]);

    if (refuses("socketpair", EMFILE))
        return -1;
    next(&real, "socketpair");
    return real(domain, type, protocol, ends);
}

/* libcurl looks names up in a thread; this one it cannot find by itself.  It takes its time, in which the transfer may
 * be cancelled. */
OWN int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    static atomic_uint count;
    const struct timespec moment = {.tv_nsec = atomic_fetch_add(&count, 1) % 4 * 1000000L};
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

    if (refuses("getaddrinfo", ENOMEM))
        return EAI_MEMORY;
    (void)nanosleep(&moment, NULL);
    next(&real, "getaddrinfo");
    return real(name != NULL && strcmp(name, STARVE_NAME) == 0 ? "127.0.0.1" : name, service, hints, out);
}
