/* limits_scope - see limits_scope.h */
#include "core/limits_scope.h"

#include "base/clock.h"
#include "base/sync.h"
#include "policy/hold.h"

#include <stdlib.h>
#include <string.h>

/* The segment's layout; the number after the letters grows with every change of any struct in it. */
#define LAYOUT (UINT64_C(0x7765697200000000) + 1)

_Static_assert(WEIR__SEGMENT_SEATS == WEIR_SCOPE_PARTIES_MAX && WEIR__SEGMENT_NAME_MAX == WEIR_SCOPE_NAME_MAX,
               "weir.h tells the limits of base/segment.h");

struct scope {
    struct weir__segment_head head;
    struct weir__limits_state limits;
    struct weir__gate_state gate;
    struct weir__party parties[WEIR__SEGMENT_SEATS];
    struct weir__limits_seat seats[WEIR__SEGMENT_SEATS];
    uint32_t first_concurrency; /* as it began; 0: there was none */
    struct weir_rate first_rates[WEIR_RATES_MAX];
    int64_t proofs[WEIR__LIMITS_RATES_MAX]; /* where each rate's entries are: bytes from this struct on */
    /* moments and entries follow */
};

static struct scope *scope_of(const struct weir__limits *limits)
{
    return (struct scope *)limits->segment.head;
}

/* The layout is of the structs' sizes too: two builds of one version may differ in them. */
static uint64_t tag_of(void)
{
    return LAYOUT ^ ((uint64_t)sizeof(struct scope) << 16);
}

bool weir__limits_scope_valid(const char *scope)
{
    const size_t prefix = sizeof WEIR__LIMITS_HOST - 1;

    return scope == NULL || strcmp(scope, "process") == 0 ||
           (strncmp(scope, WEIR__LIMITS_HOST, prefix) == 0 && weir__segment_name_valid(scope + prefix));
}

static enum weir_status status_of(enum weir__segment_status status)
{
    switch (status) {
    case WEIR__SEGMENT_OK:
        return WEIR_OK;
    case WEIR__SEGMENT_FOREIGN:
        return WEIR_SCOPE;
    case WEIR__SEGMENT_FULL:
        return WEIR_SCOPE_FULL;
    case WEIR__SEGMENT_RESOURCE:
        break;
    }
    return WEIR_RESOURCE;
}

/* Permits that the rate with this number may come to have. */
static uint32_t room_of(const struct weir_rate *rates, size_t rate_count, size_t number, uint32_t concurrency)
{
    uint64_t room = WEIR__LIMITS_ROOM_MIN;

    if (number >= rate_count)
        return WEIR__LIMITS_ROOM_LEARNED;
    if (room < (uint64_t)rates[number].requests * WEIR__LIMITS_ROOM_GROWTH)
        room = (uint64_t)rates[number].requests * WEIR__LIMITS_ROOM_GROWTH;
    if (concurrency == 0 && rates[number].shape == WEIR_SHAPE_PACED)
        concurrency = WEIR_CONCURRENCY_MAX;
    if (room < concurrency) /* those of a limit without a hold are as many */
        room = concurrency;
    return room < WEIR_PERMITS_MAX ? (uint32_t)room : WEIR_PERMITS_MAX;
}

/* Of a segment with such limits; writes down where everything is, if there is one. */
static size_t lay_out(struct scope *scope, uint32_t concurrency, const struct weir_rate *rates, size_t rate_count)
{
    size_t at = sizeof(struct scope);

    if (scope != NULL) {
        scope->gate.shared = scope->limits.shared = true;
        scope->gate.parties = (char *)scope->parties - (char *)&scope->gate;
        scope->gate.party_max = WEIR__SEGMENT_SEATS;
    }
    for (size_t i = 0; i < rate_count + WEIR_LEARNED_MAX; i++) {
        const uint32_t room = room_of(rates, rate_count, i, concurrency);
        if (scope != NULL) {
            scope->gate.rings[i + 1] = (char *)scope + at - (char *)&scope->gate;
            scope->gate.ring_max[i + 1] = room;
        }
        at += room * sizeof(int64_t);
        if (scope != NULL)
            scope->proofs[i] = (int64_t)at;
        at += weir__limits_proof_size(room, WEIR__LIMITS_LATE_MAX) * sizeof(struct weir__certificate_entry);
    }
    return at;
}

bool weir__limits_scope_proof(struct weir__limits *limits, struct weir__rate_limit *limit)
{
    struct scope *scope = scope_of(limits);
    const size_t number = (size_t)(limit - limits->state->rates);
    const uint32_t room = scope->gate.ring_max[number + 1];

    if (limit->requests > room)
        return false;
    weir__certificate_init_at(&limit->certificate, limit->per_ns,
                              (struct weir__certificate_entry *)((char *)scope + scope->proofs[number]),
                              weir__limits_proof_size(room, WEIR__LIMITS_LATE_MAX));
    return true;
}

/* Under the lock. */
static void give_up(struct weir__limits *limits, struct weir__limits_seat *seat, int64_t now_ns)
{
    for (uint32_t i = 0; i < limits->state->rate_count; i++)
        for (; seat->open[i] > 0; seat->open[i]--)
            weir__certificate_gave_up(&limits->state->rates[i].certificate, now_ns);
}

/* ------------------------------------------------------------------------------------------------------ coming, going
 */

static bool is_dead(void *context, uint32_t party)
{
    const struct weir__limits *limits = context;

    return !weir__segment_alive(&limits->segment, party);
}

/* A party of what is there, in the seat that it has. */
static bool take_place(struct weir__limits *limits, int64_t now_ns)
{
    const struct weir__gate_keeper keeper = {is_dead, weir__limits_bring_rules, limits};
    struct scope *scope = scope_of(limits);

    limits->state = &scope->limits;
    limits->seats = scope->seats;
    if (!weir__gate_enter(&limits->gate, &scope->gate, limits->segment.seat, &keeper, now_ns))
        return false;
    weir__limits_lock(limits); /* whoever had this seat is known to be dead now */
    give_up(limits, &limits->seats[limits->segment.seat], limits->gate.party->buried_ns);
    weir__limits_unlock(limits);
    weir__gate_lock(&limits->gate);
    weir__limits_bring_rules(limits);
    weir__gate_unlock(&limits->gate);
    return true;
}

/* What was sent under limits that are no more. */
struct memory {
    struct weir_past_send *sends;
    size_t count, max;
    int64_t now_ns;
};

static void recall_one(void *context, int64_t began_ns, uint32_t count)
{
    struct memory *memory = context;

    if (memory->count < memory->max)
        memory->sends[memory->count++] = (struct weir_past_send){
            .ago_ns = began_ns < memory->now_ns ? memory->now_ns - began_ns : 0,
            .count = count < WEIR_PERMITS_MAX ? count : WEIR_PERMITS_MAX,
        };
}

/* By the limit that remembers longest.  What the dead left counts as sent now.  False without memory. */
static bool recall(struct weir__limits *limits, struct memory *out, int64_t now_ns)
{
    const struct weir__rate_limit *longest = NULL;
    struct weir__limits_state *state;
    uint32_t on_the_way = 0;

    *out = (struct memory){.now_ns = now_ns};
    if (limits->segment.head == NULL)
        return true;
    state = &scope_of(limits)->limits;
    for (uint32_t i = 0; i < state->rate_count && i < WEIR__LIMITS_RATES_MAX; i++)
        if (longest == NULL || state->rates[i].per_ns > longest->per_ns)
            longest = &state->rates[i];
    if (longest == NULL || longest->certificate.count > longest->certificate.capacity)
        return true;
    out->max = (size_t)longest->certificate.count + 1;
    out->sends = calloc(out->max, sizeof *out->sends);
    if (out->sends == NULL)
        return false;
    weir__certificate_recall(&longest->certificate, recall_one, out);
    for (uint32_t seat = 0; seat < WEIR__SEGMENT_SEATS; seat++)
        on_the_way += scope_of(limits)->seats[seat].open[longest - state->rates];
    if (on_the_way > 0)
        recall_one(out, now_ns, on_the_way);
    for (size_t i = 1; i < out->count; i++) /* oldest first, whatever a death has left */
        if (out->sends[i].ago_ns > out->sends[i - 1].ago_ns)
            out->sends[i].ago_ns = out->sends[i - 1].ago_ns;
    return true;
}

/* The scope begins anew, with these limits; nobody is there, and the door is shut. */
static enum weir_status found(struct weir__limits *limits, uint32_t concurrency, const struct weir_rate *rates,
                              size_t rate_count, int64_t now_ns)
{
    struct memory memory;
    struct scope *scope;
    enum weir_status status = WEIR_NO_MEMORY;

    if (!recall(limits, &memory, now_ns))
        return WEIR_NO_MEMORY;
    if (weir__segment_renew(&limits->segment, lay_out(NULL, concurrency, rates, rate_count)) != WEIR__SEGMENT_OK) {
        status = WEIR_RESOURCE;
        goto end;
    }
    scope = scope_of(limits);
    (void)lay_out(scope, concurrency, rates, rate_count);
    scope->first_concurrency = concurrency;
    for (size_t i = 0; i < rate_count; i++)
        scope->first_rates[i] = rates[i];
    status = status_of(weir__segment_sit(&limits->segment));
    if (status != WEIR_OK)
        goto end;
    status = WEIR_NO_MEMORY;
    if (!weir__mutex_init_shared(&scope->limits.lock) || !weir__gate_state_init(&scope->gate) ||
        !take_place(limits, now_ns) || !weir__limits_fill(limits, concurrency, rates, rate_count))
        goto end;
    weir__limits_remember(limits, memory.sends, memory.count, now_ns);
    limits->remembers = memory.count > 0;
    status = WEIR_OK;
end:
    free(memory.sends);
    return status;
}

static bool same_rate(const struct weir_rate *one, const struct weir_rate *other)
{
    const uint32_t burst = one->burst > 1 ? one->burst : 1, asked = other->burst > 1 ? other->burst : 1;

    return one->requests == other->requests && one->per_ns == other->per_ns && burst == asked &&
           weir__hold_shape(one->shape, one->per_ns) == weir__hold_shape(other->shape, other->per_ns);
}

/*
 * Whether the limits that are there are those that are asked for: those that are in force, or those that the scope
 * began with, since who is started again does not know what was changed meanwhile.  Asking for none takes any.
 */
static bool same_limits(const struct scope *scope, uint32_t concurrency, const struct weir_rate *rates,
                        size_t rate_count)
{
    const struct weir__limits_state *state = &scope->limits;

    if (concurrency == 0 && rate_count == 0)
        return true;
    if (state->given_count != rate_count)
        return false;
    if (concurrency != scope->first_concurrency &&
        (state->unlimited || concurrency == 0 || concurrency != state->concurrency))
        return false;
    for (size_t i = 0; i < rate_count; i++) {
        const struct weir__rate_limit *limit = &state->rates[i];
        const struct weir_rate now = {limit->requests, limit->burst, limit->per_ns, limit->shape};
        if (!same_rate(&now, &rates[i]) && !same_rate(&scope->first_rates[i], &rates[i]))
            return false;
    }
    return true;
}

static enum weir_status join(struct weir__limits *limits, int64_t now_ns)
{
    const enum weir_status status = status_of(weir__segment_sit(&limits->segment));

    if (status != WEIR_OK)
        return status;
    limits->remembers = true;
    return take_place(limits, now_ns) ? WEIR_OK : WEIR_NO_MEMORY;
}

enum weir_status weir__limits_scope_open(struct weir__limits *limits, const char *name, uint32_t concurrency,
                                         const struct weir_rate *rates, size_t rate_count, int64_t now_ns)
{
    struct weir__segment *segment = &limits->segment;
    enum weir_status status;

    memset(limits, 0, sizeof *limits);
    status = status_of(weir__segment_open(segment, name, tag_of()));
    if (status != WEIR_OK)
        return status;
    if (segment->head != NULL && same_limits(scope_of(limits), concurrency, rates, rate_count))
        status = join(limits, now_ns);
    else if (weir__segment_empty(segment))
        status = found(limits, concurrency, rates, rate_count, now_ns);
    else
        status = WEIR_SCOPE_LIMITS;
    if (status == WEIR_OK) {
        weir__segment_admit(segment, tag_of());
        return WEIR_OK;
    }
    weir__segment_close(segment);
    limits->state = NULL;
    return status;
}

/* -------------------------------------------------------------------------------------------------------- certificates
 */

void weir__limits_scope_settle(struct weir__limits *limits)
{
    struct weir__gate_state *gate = limits->gate.state;
    uint64_t buried;

    if (limits->seats == NULL || limits->state->settled == (buried = atomic_load(&gate->buried)))
        return;
    for (uint32_t i = 0; i < gate->party_top; i++) {
        const struct weir__party *party = weir__party_of(gate, i);
        if (!party->used) /* a seat that is taken was settled by who took it */
            give_up(limits, &limits->seats[i], party->buried_ns);
    }
    limits->state->settled = buried;
}

void weir__limits_look(struct weir__limits *limits, int64_t now_ns)
{
    if (limits->seats == NULL)
        return;
    weir__gate_reap(&limits->gate, now_ns);
    weir__limits_lock(limits);
    weir__limits_scope_settle(limits);
    weir__limits_unlock(limits);
}

void weir__limits_scope_leave(struct weir__limits *limits, int64_t now_ns)
{
    weir__limits_lock(limits);
    give_up(limits, &limits->seats[limits->segment.seat], now_ns);
    weir__limits_unlock(limits);
}

void weir__limits_mend(struct weir__limits *limits)
{
    weir__limits_finish_change(limits);
    for (uint32_t i = 0; i < limits->state->rate_count; i++) {
        uint64_t open = 0;
        for (uint32_t seat = 0; seat < limits->gate.state->party_top; seat++)
            open += limits->seats[seat].open[i];
        weir__certificate_mend(&limits->state->rates[i].certificate, open);
    }
    weir__mutex_recovered(&limits->state->lock);
}
