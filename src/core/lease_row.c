/* lease_row - the threads that wait for a permit: see lease.h.  Below, "under the lock" is lease->lock. */
#include "core/lease_parts.h"

#include "base/clock.h"
#include "base/sync.h"

/* A thread that waits, on its own stack. */
struct weir__lease_waiter {
    sem_t wake; /* it is the first now */
    struct weir__lease_waiter *next;
    int64_t since_ns;
};

/* ------------------------------------------------------------------------------------------------------------ the row
 */

/* Under the lock. */
static void append(struct weir_limits *lease, struct weir__lease_waiter *waiter)
{
    waiter->next = NULL;
    if (lease->last != NULL)
        lease->last->next = waiter;
    else
        lease->first = waiter;
    lease->last = waiter;
}

/* Under the lock.  The next one becomes the first, and is told; where there is none, nobody waits at the gate. */
static void leave_row(struct weir_limits *lease, struct weir__lease_waiter *waiter, int64_t now_ns)
{
    struct weir__lease_waiter *before = NULL, *each = lease->first;

    for (; each != waiter; each = each->next)
        before = each;
    if (before != NULL)
        before->next = waiter->next;
    else
        lease->first = waiter->next;
    if (lease->last == waiter)
        lease->last = before;
    if (before == NULL && lease->first != NULL)
        weir__sem_post(&lease->first->wake);
    if (lease->first == NULL)
        weir__gate_leave(&lease->limits->gate, now_ns);
}

void weir__lease_notice(struct weir_limits *lease)
{
    weir__mutex_lock(&lease->lock);
    if (lease->first != NULL)
        weir__sem_post(weir__gate_bell(&lease->limits->gate));
    weir__mutex_unlock(&lease->lock);
    if (lease->pool != NULL)
        weir__pool_notice(lease->pool);
}

void weir__lease_stop(struct weir_limits *lease)
{
    weir__mutex_lock(&lease->lock);
    lease->stopped = true;
    if (lease->first != NULL)
        weir__sem_post(weir__gate_bell(&lease->limits->gate));
    for (struct weir__lease_waiter *each = lease->first; each != NULL; each = each->next)
        weir__sem_post(&each->wake);
    weir__mutex_unlock(&lease->lock);
}

/* ----------------------------------------------------------------------------------------------------------- acquiring
 */

static void tell_reached(const struct weir_limits *lease, const struct weir__gate_answer *answer, int64_t now_ns)
{
    char name[WEIR__LIMIT_NAME_SIZE];
    struct weir_event event;

    if (lease->on_event == NULL)
        return;
    event = weir__limits_reached(lease->limits, answer, now_ns, name);
    lease->on_event(lease->event_user_data, &event);
}

/* Under the lock.  Whether one who comes now may ask: nobody waits, or nobody has waited long. */
static bool may_ask(const struct weir_limits *lease, int64_t now_ns)
{
    return lease->first == NULL || now_ns - lease->first->since_ns < WEIR__LEASE_PATIENCE_NS;
}

/* The first in the row waits for the gate, the others to become the first. */
static void wait_in_row(struct weir_limits *lease, struct weir__lease_waiter *waiter, bool first, int64_t until_ns)
{
    const struct weir__env *env = lease->env;

    (void)env->wait(env->context, first ? weir__gate_bell(&lease->limits->gate) : &waiter->wake, until_ns);
}

/* Waits in the row until the gate lets the caller go; under the lock, which is released while it waits. */
static enum weir_status stand(struct weir_limits *lease, struct weir__lease_waiter *waiter, int64_t deadline_ns,
                              struct weir__gate_answer *answer)
{
    enum weir_status status = WEIR_OK;
    int64_t now_ns = lease->env->now_ns(lease->env->context), until_ns;
    bool told = false, first;

    for (;;) {
        first = lease->first == waiter;
        until_ns = deadline_ns;
        if (lease->stopped) {
            status = WEIR_STOPPED;
            break;
        }
        if (first) {
            if (!weir__lease_has_slot(lease)) {
                status = WEIR_NO_MEMORY;
                break;
            }
            weir__gate_ask(&lease->limits->gate, now_ns, answer);
            if (answer->go)
                break;
            if (answer->not_before_ns < until_ns)
                until_ns = answer->not_before_ns;
        }
        if (now_ns >= deadline_ns) {
            status = WEIR_TIMEOUT;
            break;
        }
        weir__mutex_unlock(&lease->lock);
        if (first && !told)
            tell_reached(lease, answer, now_ns);
        told = told || first;
        wait_in_row(lease, waiter, first, until_ns);
        now_ns = lease->env->now_ns(lease->env->context);
        weir__mutex_lock(&lease->lock);
    }
    leave_row(lease, waiter, now_ns);
    return status;
}

/* Under the lock, which is released while it waits. */
static enum weir_status wait_for_it(struct weir_limits *lease, int64_t deadline_ns, int64_t now_ns,
                                    struct weir__gate_answer *answer)
{
    struct weir__lease_waiter waiter = {.since_ns = now_ns};
    enum weir_status status;

    if (!weir__sem_init(&waiter.wake, 0))
        return WEIR_NO_MEMORY;
    append(lease, &waiter);
    status = stand(lease, &waiter, deadline_ns, answer);
    weir__sem_clear(&waiter.wake);
    return status;
}

enum weir_status weir__lease_ask(struct weir_limits *lease, int64_t timeout_ns, struct weir__gate_answer *answer)
{
    const int64_t now_ns = lease->env->now_ns(lease->env->context);
    enum weir_status status;

    if (lease->stopped)
        return WEIR_STOPPED;
    status = weir__lease_take_seat(lease);
    if (status != WEIR_OK)
        return status;
    answer->go = false;
    if (may_ask(lease, now_ns)) {
        if (!weir__lease_has_slot(lease))
            return WEIR_NO_MEMORY;
        if (timeout_ns == 0) /* one that does not wait counts as no wait */
            weir__gate_glance(&lease->limits->gate, now_ns, answer);
        if (timeout_ns != 0 || answer->go)
            weir__gate_ask(&lease->limits->gate, now_ns, answer);
    }
    if (answer->go)
        return WEIR_OK;
    if (timeout_ns != 0)
        return wait_for_it(lease, timeout_ns < 0 ? WEIR__NEVER : weir__clock_after(now_ns, timeout_ns), now_ns, answer);
    if (lease->first == NULL) /* another party may have come in between, and this one now stand in the line */
        weir__gate_leave(&lease->limits->gate, now_ns);
    return WEIR_TIMEOUT;
}
