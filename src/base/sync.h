/*
 * sync - pthread and sem_t with every return value checked.
 *
 * A failure here can only be a bug in weir (an uninitialised lock, a post past SEM_VALUE_MAX), so it asserts; what can
 * fail for want of resources (init) returns false.
 */
#ifndef WEIR_BASE_SYNC_H
#define WEIR_BASE_SYNC_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

bool weir__mutex_init(pthread_mutex_t *mutex);
void weir__mutex_clear(pthread_mutex_t *mutex);
void weir__mutex_lock(pthread_mutex_t *mutex);
void weir__mutex_unlock(pthread_mutex_t *mutex);

/*
 * For memory that several processes share.  Such a mutex is robust: where its owner died, lock() returns false once,
 * with the lock taken; the caller puts right what it guards, then calls recovered(), then unlocks.
 */
bool weir__mutex_init_shared(pthread_mutex_t *mutex);
bool weir__mutex_lock_shared(pthread_mutex_t *mutex);
void weir__mutex_recovered(pthread_mutex_t *mutex);
bool weir__sem_init_shared(sem_t *sem, uint32_t value);

bool weir__sem_init(sem_t *sem, uint32_t value);
void weir__sem_clear(sem_t *sem);
void weir__sem_post(sem_t *sem);

/* How many are free, for those who see to it that nobody takes or posts meanwhile. */
uint32_t weir__sem_value(sem_t *sem);

/* Takes one if there is one; never waits. */
bool weir__sem_try(sem_t *sem);

/* Waits until it could take one, or until CLOCK_MONOTONIC shows `until_ns` (WEIR__NEVER: without end), which is false.
 */
bool weir__sem_wait(sem_t *sem, int64_t until_ns);

/*
 * Starts a joinable thread with a stack of WEIR__STACK_SIZE and every signal blocked but those that its own faults
 * raise, as a guest in another's process should.  False where the system refuses.
 */
bool weir__thread_start(pthread_t *thread, void *(*run)(void *), void *argument);
void weir__thread_join(pthread_t thread);

/* Enough for curl_easy_perform with TLS (measured: under 64 KiB), and 10,000 of them fit a 32-bit address space. */
#define WEIR__STACK_SIZE (256u * 1024u)

#endif
