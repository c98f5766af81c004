/* lease - see lease.h; here, how permits are taken and given back.  Who waits for them is in lease_row.c. */
#include "core/lease.h"

#include "base/clock.h"
#include "base/process.h"
#include "base/sync.h"
#include "core/lease_parts.h"
#include "policy/verdict.h"

#include <stdlib.h>
#include <string.h>

/* What is in a struct weir_permit. */
struct permit {
    struct weir__ticket ticket;
    bool live; /* acquired, and in this copy not released */
    uint32_t slot, generation;
    int64_t sent_ns;
    const struct weir_limits *lease;
};

_Static_assert(sizeof(struct permit) <= sizeof(struct weir_permit), "it fits, with room to grow");

/* Below, "under the lock" is lease->lock. */

/* Under the lock.  False without memory. */
static bool more_slots(struct weir_limits *lease)
{
    const uint32_t count = lease->slot_count > 0 ? 2 * lease->slot_count : WEIR__LEASE_SLOTS_MIN;
    struct weir__lease_slot *slots = realloc(lease->slots, count * sizeof *slots);

    if (slots == NULL)
        return false;
    for (uint32_t i = lease->slot_count; i < count; i++)
        slots[i] = (struct weir__lease_slot){.next = i + 1 < count ? i + 1 : WEIR__LEASE_NO_SLOT};
    lease->free_slot = lease->slot_count;
    lease->slots = slots;
    lease->slot_count = count;
    return true;
}

bool weir__lease_has_slot(struct weir_limits *lease)
{
    return lease->free_slot != WEIR__LEASE_NO_SLOT || more_slots(lease);
}

/* Under the lock, where there is a free slot. */
static void take_slot(struct weir_limits *lease, struct permit *permit)
{
    permit->slot = lease->free_slot;
    permit->generation = lease->slots[permit->slot].generation;
    permit->lease = lease;
    lease->slots[permit->slot].out = true;
    lease->slots[permit->slot].answered = false;
    lease->free_slot = lease->slots[permit->slot].next;
}

/* Under the lock.  Whether it is out, and of this handle. */
static bool is_out(const struct weir_limits *lease, const struct permit *permit)
{
    return permit->live && permit->lease == lease && permit->slot < lease->slot_count &&
           lease->slots[permit->slot].out && lease->slots[permit->slot].generation == permit->generation;
}

/* Whether the caller is the one to release it: nobody can any more. */
static bool claim(struct weir_limits *lease, struct permit *permit)
{
    bool out;

    weir__mutex_lock(&lease->lock);
    out = is_out(lease, permit);
    if (out) {
        permit->ticket.answered = lease->slots[permit->slot].answered;
        lease->slots[permit->slot].out = false;
        lease->slots[permit->slot].generation++;
        lease->slots[permit->slot].next = lease->free_slot;
        lease->free_slot = permit->slot;
    }
    weir__mutex_unlock(&lease->lock);
    return out;
}

static struct permit unpack(const struct weir_permit *permit)
{
    struct permit inner;

    memcpy(&inner, permit, sizeof inner);
    return inner;
}

static void pack(const struct permit *inner, struct weir_permit *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out, inner, sizeof *inner);
}

static int64_t now_of(const struct weir_limits *lease)
{
    return lease->env->now_ns(lease->env->context);
}

bool weir__lease_inherited(const struct weir_limits *lease)
{
    return lease->forks != weir__process_forks();
}

enum weir_status weir_limits_acquire(struct weir_limits *limits, int64_t timeout_ns, struct weir_permit *out)
{
    struct weir__gate_answer answer;
    struct permit permit;
    enum weir_status status;

    if (limits == NULL || out == NULL)
        return WEIR_INVALID;
    if (weir__lease_inherited(limits))
        return WEIR_FORKED;
    memset(&permit, 0, sizeof permit);
    permit.live = true;
    weir__mutex_lock(&limits->lock);
    status = weir__lease_ask(limits, timeout_ns, &answer);
    if (status == WEIR_OK)
        take_slot(limits, &permit);
    weir__mutex_unlock(&limits->lock);
    if (status != WEIR_OK)
        return status;
    permit.ticket.held = answer.limit_count;
    (void)weir__limits_wire(limits->limits, answer.not_before_ns,
                            WEIR__NEVER); /* it is a send, for those at the wire */
    permit.sent_ns = weir__limits_sent(limits->limits, &permit.ticket, answer.not_before_ns, limits->env->now_ns,
                                       limits->env->context);
    pack(&permit, out);
    return WEIR_OK;
}

/* ----------------------------------------------------------------------------------------------------------- releasing
 */

void weir_limits_began(struct weir_limits *limits, struct weir_permit *permit)
{
    struct permit inner;
    bool first;

    if (limits == NULL || permit == NULL || weir__lease_inherited(limits))
        return;
    inner = unpack(permit);
    weir__mutex_lock(&limits->lock);
    first = is_out(limits, &inner) && !limits->slots[inner.slot].answered;
    if (first)
        limits->slots[inner.slot].answered = true;
    weir__mutex_unlock(&limits->lock);
    if (!first)
        return;
    (void)weir__limits_began(limits->limits, &inner.ticket, inner.sent_ns, limits->env->now_ns, limits->env->context);
    if (!inner.ticket.answered) /* there was no rate limit yet */
        weir__gate_answered(&limits->limits->gate, inner.ticket.held, now_of(limits));
    if (weir__limits_rate_count(limits->limits) > 0)
        weir__lease_notice(limits); /* until now nobody could know when the permits come back */
}

static void tell(const struct weir_limits *lease, const struct weir_event *event)
{
    if (lease->on_event != NULL)
        lease->on_event(lease->event_user_data, event);
}

static void tell_news(struct weir_limits *lease, const struct weir__pushback_news *news, int http_status,
                      const struct weir__feedback *feedback)
{
    struct weir_event event = {.http_status = http_status, .limit_name = ""};
    char reason[sizeof lease->pushback->stats.reason], name[WEIR__LIMIT_NAME_SIZE];

    for (size_t i = 0; i < news->learned_count; i++) {
        event.type = WEIR_EVENT_LEARNED;
        event.limit_name = weir__limits_name(lease->limits, news->learned[i], name);
        event.detail = feedback->policy_field;
        tell(lease, &event);
    }
    if (!news->paused)
        return;
    weir__pushback_reason(lease->pushback, reason, sizeof reason);
    event.type = WEIR_EVENT_PAUSED;
    event.limit_name = "";
    event.detail = reason;
    event.wait_ns = news->pause_ns;
    tell(lease, &event);
}

/* What the response says of the server's limits; true where it is a refusal. */
static bool hear(struct weir_limits *lease, const struct permit *permit, const struct weir_answer *answer,
                 int64_t now_ns)
{
    struct weir__pushback_news news;
    struct weir__feedback feedback;
    struct weir__pushback_response response = {
        .feedback = &feedback, .http_status = answer->http_status, .sent_ns = permit->sent_ns, .now_ns = now_ns};
    bool exhausted;

    if (answer->header_count > 0)
        weir__feedback_read(answer->headers, answer->header_count, lease->env->wall_ns(lease->env->context), &feedback);
    else
        memset(&feedback, 0, sizeof feedback);
    exhausted = feedback.has_remaining && feedback.remaining == 0;
    response.refused = weir__verdict_turns_away(answer->http_status, feedback.has_retry_after, exhausted, false);
    weir__pushback_heard(lease->pushback, &response, &news);
    if (!response.refused)
        weir__statistics_answer(lease->pushback->statistics, now_ns);
    tell_news(lease, &news, answer->http_status, &feedback);
    return response.refused;
}

/* It never left: its permits are back at once, and no window can have held it. */
static void give_unsent(struct weir_limits *lease, struct permit *permit)
{
    if (permit->ticket.answered)
        return;
    weir__limits_withdraw(lease->limits, &permit->ticket);
    weir__limits_unsent(lease->limits, &permit->ticket);
}

static bool give_back(struct weir_limits *lease, struct permit *permit, const struct weir_answer *answer)
{
    const struct weir__env *env = lease->env;
    const bool answered = answer != NULL && answer->http_status > 0;
    int64_t now_ns;
    bool refused = false;

    if (answer != NULL && answer->unsent)
        give_unsent(lease, permit);
    else if (!permit->ticket.answered && answered)
        (void)weir__limits_began(lease->limits, &permit->ticket, permit->sent_ns, env->now_ns, env->context);
    else if (!permit->ticket.answered)
        weir__limits_gave_up(lease->limits, &permit->ticket, env->now_ns, env->context);
    now_ns = now_of(lease);
    if (answered && !answer->unsent)
        refused = hear(lease, permit, answer, now_ns);
    weir__limits_ended(lease->limits, &permit->ticket, now_ns);
    return refused;
}

static bool valid_answer(const struct weir_answer *answer)
{
    if (answer->struct_size != sizeof *answer || (answer->headers == NULL && answer->header_count > 0))
        return false;
    for (size_t i = 0; i < answer->header_count; i++)
        if (answer->headers[i].name == NULL || answer->headers[i].value == NULL)
            return false;
    return true;
}

bool weir_limits_release(struct weir_limits *limits, struct weir_permit *permit, const struct weir_answer *answer)
{
    struct permit inner;
    bool refused;

    if (limits == NULL || permit == NULL || weir__lease_inherited(limits))
        return false;
    inner = unpack(permit);
    if (!claim(limits, &inner))
        return false;
    if (answer != NULL && !valid_answer(answer))
        answer = NULL;
    refused = give_back(limits, &inner, answer);
    inner.live = false;
    pack(&inner, permit);
    weir__mutex_lock(&limits->lock);
    if (limits->first != NULL)
        weir__sem_post(weir__gate_bell(&limits->limits->gate));
    weir__mutex_unlock(&limits->lock);
    return refused;
}

int64_t weir_limits_wait_ns(struct weir_limits *limits)
{
    struct weir__gate_answer answer = {.not_before_ns = WEIR__NEVER};
    int64_t now_ns;

    if (limits == NULL || weir__lease_inherited(limits))
        return -1;
    weir__mutex_lock(&limits->lock);
    now_ns = now_of(limits);
    if (weir__lease_take_seat(limits) == WEIR_OK)
        weir__gate_glance(&limits->limits->gate, now_ns, &answer);
    weir__mutex_unlock(&limits->lock);
    if (answer.not_before_ns == WEIR__NEVER)
        return -1;
    return answer.not_before_ns > now_ns ? answer.not_before_ns - now_ns : 0;
}
