/*
 * sim_world - see sim_world.h
 *
 * A request's way is a chain of events:
 *
 *   ask -> go -> handshake -> wire -> send -> arrival at the server -> beginning of the response -> end -> ask
 *                    `-> unsent                `-> given up -> ask
 *
 * As in the pool, one worker stands at the gate until the moment that it named, and each that ends asks for itself.
 */
#include "support/sim_world.h"

#include "base/clock.h"
#include "base/random.h"
#include "cli/serve_worst.h"
#include "core/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WIRE_SLACK_NS INT64_C(50000) /* as in core/attempt.c */
#define WARM_UP_SHARE 5              /* the first fifth of all sends is not steady yet */

enum kind { ASK, WIRE, UNSENT, SEND, ARRIVE, ARRIVE_LOST, BEGIN, GIVE_UP, END };

struct event {
    int64_t at_ns;
    uint64_t order; /* of equal moments, the first made comes first */
    enum kind kind;
    uint32_t request;
};

struct request { /* one in flight; there are as many as permits */
    bool busy;
    bool slow; /* one of scenario.slow_first */
    struct weir__ticket ticket;
    int64_t sent_ns;
    uint32_t next_free;
};

struct world {
    const struct sim_scenario *scenario;
    struct sim_report *report;
    struct weir__limits limits;
    struct weir__window servers[WEIR_RATES_MAX];
    struct weir__worst worst[WEIR_RATES_MAX];
    uint64_t random;
    int64_t now_ns;
    int64_t ask_ns; /* when somebody asks next; WEIR__NEVER: nobody */

    struct event *heap;
    size_t event_count, event_capacity;
    uint64_t order;
    bool no_memory;

    struct request *requests;
    uint32_t first_free;
    uint32_t in_flight;
    uint64_t started, ended;

    int64_t last_send_ns;
    int64_t steady_since_ns;
    uint64_t steady_sends;
    int64_t rtt_sum_ns;
    uint64_t rtt_count;
};

__attribute__((format(printf, 2, 3))) static void violate(struct world *w, const char *format, ...)
{
    va_list arguments;
    int length;

    if (!w->report->held)
        return; /* the first one counts */
    w->report->held = false;
    length = snprintf(w->report->what, sizeof w->report->what, "at %.6f s: ", (double)w->now_ns / 1e9);
    va_start(arguments, format);
    (void)vsnprintf(w->report->what + length, sizeof w->report->what - (size_t)length, format, arguments);
    va_end(arguments);
}

/* ------------------------------------------------------------------------------------------------------------ events
 */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct world *w, int64_t at_ns, enum kind kind, uint32_t request)
{
    const struct event event = {at_ns, w->order++, kind, request};
    size_t i = w->event_count, parent;

    if (w->event_count == w->event_capacity) {
        const size_t capacity = w->event_capacity == 0 ? 1024 : w->event_capacity * 2;
        struct event *heap = realloc(w->heap, capacity * sizeof *heap);
        if (heap == NULL) {
            w->no_memory = true;
            return;
        }
        w->heap = heap;
        w->event_capacity = capacity;
    }
    w->event_count++;
    for (; i > 0 && before(&event, &w->heap[parent = (i - 1) / 2]); i = parent)
        w->heap[i] = w->heap[parent];
    w->heap[i] = event;
}

static struct event pop(struct world *w)
{
    const struct event first = w->heap[0], last = w->heap[--w->event_count];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < w->event_count) {
        if (child + 1 < w->event_count && before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!before(&w->heap[child], &last))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = last;
    return first;
}

static int64_t draw(struct world *w, int64_t max_ns)
{
    return max_ns > 0 ? weir__random_below(&w->random, max_ns + 1) : 0;
}

static bool happens(struct world *w, double share)
{
    return share > 0 && weir__random_unit(&w->random) < share;
}

/* ---------------------------------------------------------------------------------------------------- at the gate */

static void start(struct world *w, const struct weir__gate_answer *answer)
{
    const struct sim_scenario *s = w->scenario;
    const uint32_t number = w->first_free;
    int64_t ready_ns = w->now_ns;

    if (w->in_flight == s->concurrency) {
        violate(w, "a request beyond the %u permits of the concurrency limit", s->concurrency);
        return;
    }
    w->first_free = w->requests[number].next_free;
    w->requests[number].busy = true;
    w->requests[number].ticket = (struct weir__ticket){.held = answer->limit_count};
    w->in_flight++;
    w->started++;
    if (happens(w, s->new_share))
        ready_ns += draw(w, s->handshake_max_ns);
    push(w, ready_ns, happens(w, s->unsent_share) ? UNSENT : WIRE, number);
}

/* Starts what may go; somebody asks again at the moment that the gate names. */
static void ask(struct world *w)
{
    struct weir__gate_answer answer;

    if (w->ask_ns <= w->now_ns)
        w->ask_ns = WEIR__NEVER;
    while (w->started < w->scenario->requests && w->report->held) {
        weir__gate_ask(&w->limits.gate, w->now_ns, &answer);
        if (answer.go) {
            start(w, &answer);
            continue;
        }
        if (answer.not_before_ns <= w->now_ns)
            violate(w, "the gate says \"not before\" a moment that has come");
        if (answer.not_before_ns == WEIR__NEVER && w->in_flight == 0)
            violate(w, "the gate never opens, and nothing is in flight");
        if (answer.not_before_ns < w->ask_ns) {
            w->ask_ns = answer.not_before_ns + draw(w, w->scenario->late_max_ns);
            push(w, w->ask_ns, ASK, 0);
        }
        return;
    }
}

static void end(struct world *w, uint32_t number)
{
    struct request *request = &w->requests[number];

    if (!request->busy)
        violate(w, "a request ended twice");
    weir__limits_ended(&w->limits, &request->ticket, w->now_ns);
    request->busy = false;
    request->next_free = w->first_free;
    w->first_free = number;
    w->in_flight--;
    w->ended++;
    ask(w);
}

/* ------------------------------------------------------------------------------------------------------- on the way */

static int64_t now_of(void *context)
{
    return ((const struct world *)context)->now_ns;
}

/* Nothing leaves closer to the last send than the pace, by more than a wait can end late. */
static void expect_pace(struct world *w)
{
    const int64_t slack_ns = WIRE_SLACK_NS + w->scenario->late_max_ns;

    for (uint32_t i = 0; w->report->sent > 0 && i < w->scenario->rate_count; i++) {
        const struct weir__rate_limit *rate = &w->limits.state->rates[i];
        if (rate->paced && rate->wire_pace.tolerance_ns == 0 &&
            w->now_ns - w->last_send_ns < rate->wire_pace.gap_ns - slack_ns)
            violate(w, "%s: two sends %lld ns apart", rate->name, (long long)(w->now_ns - w->last_send_ns));
    }
    w->last_send_ns = w->now_ns;
}

static void send_request(struct world *w, uint32_t number)
{
    const struct sim_scenario *s = w->scenario;
    const int64_t arrival_ns = w->now_ns + draw(w, s->uplink_max_ns);
    struct request *request = &w->requests[number];

    expect_pace(w);
    request->sent_ns = weir__limits_sent(&w->limits, &request->ticket, w->now_ns, now_of, w);
    request->slow = w->report->sent < s->slow_first;
    if (++w->report->sent == s->requests / WARM_UP_SHARE)
        w->steady_since_ns = w->now_ns;
    else if (w->report->sent > s->requests / WARM_UP_SHARE)
        w->steady_sends++;
    for (uint32_t i = 0; i < s->rate_count; i++) {
        const struct weir__rate_limit *rate = &w->limits.state->rates[i];
        if (rate->held && rate->certificate.worst > rate->requests)
            violate(w, "%s: the certificate says %llu in a window", rate->name,
                    (unsigned long long)rate->certificate.worst);
    }
    if (happens(w, s->lost_share)) {
        push(w, arrival_ns, ARRIVE_LOST, number);
        push(w, w->now_ns + s->give_up_ns, GIVE_UP, number);
    } else {
        push(w, arrival_ns, ARRIVE, number);
    }
}

static void pass_wire(struct world *w, uint32_t number)
{
    const int64_t at_ns = weir__limits_wire(&w->limits, w->now_ns, WEIR__NEVER);

    if (at_ns - w->now_ns > WIRE_SLACK_NS)
        push(w, at_ns + draw(w, w->scenario->late_max_ns), SEND, number);
    else
        send_request(w, number);
}

/* Requests that were given up may arrive after that: the certificate says how many such there are. */
static void expect_certified(struct world *w, uint32_t i)
{
    const struct weir__certificate *c = &w->limits.state->rates[i].certificate;
    const uint64_t late = w->scenario->give_up_ns < w->scenario->uplink_max_ns ? c->uncertain : 0;

    if (w->worst[i].most > c->worst + late)
        violate(w, "%s: %llu arrived in a window, the certificate says %llu, %llu uncertain",
                weir__limits_name(&w->limits, i + 1, (char[WEIR__LIMIT_NAME_SIZE]){""}),
                (unsigned long long)w->worst[i].most, (unsigned long long)c->worst, (unsigned long long)c->uncertain);
}

static void arrive(struct world *w)
{
    const struct sim_scenario *s = w->scenario;
    const int64_t server_ns = w->now_ns - (int64_t)((__int128)w->now_ns * s->slow_ppm / 1000000);
    bool refused = false;

    for (uint32_t i = 0; i < s->rate_count; i++) {
        if (!weir__window_take(&w->servers[i], server_ns, NULL)) {
            refused = true;
            if (!s->may_be_refused)
                violate(w, "%s: the server refuses request %llu",
                        weir__limits_name(&w->limits, i + 1, (char[WEIR__LIMIT_NAME_SIZE]){""}),
                        (unsigned long long)w->report->sent);
        }
        if (!weir__worst_add(&w->worst[i], w->now_ns))
            w->no_memory = true;
        expect_certified(w, i);
    }
    w->report->refused += refused;
}

static int64_t draw_latency(struct world *w, uint32_t number)
{
    const struct sim_scenario *s = w->scenario;

    if (w->requests[number].slow)
        return s->slow_latency_ns;
    return s->latency_ns - s->latency_jitter_ns + draw(w, 2 * s->latency_jitter_ns);
}

static void begin_response(struct world *w, uint32_t number)
{
    (void)weir__limits_began(&w->limits, &w->requests[number].ticket, w->requests[number].sent_ns, now_of, w);
    w->rtt_sum_ns += w->now_ns - w->requests[number].sent_ns;
    w->rtt_count++;
    push(w, w->now_ns + draw(w, w->scenario->body_max_ns), END, number);
    ask(w);
}

static void handle(struct world *w, const struct event *event)
{
    switch (event->kind) {
    case ASK:
        ask(w);
        break;
    case WIRE:
        pass_wire(w, event->request);
        break;
    case UNSENT:
        w->report->unsent++;
        weir__limits_unsent(&w->limits, &w->requests[event->request].ticket);
        end(w, event->request);
        break;
    case SEND:
        send_request(w, event->request);
        break;
    case ARRIVE:
        arrive(w);
        push(w, w->now_ns + draw_latency(w, event->request), BEGIN, event->request);
        break;
    case ARRIVE_LOST:
        arrive(w);
        break;
    case BEGIN:
        begin_response(w, event->request);
        break;
    case GIVE_UP:
        w->report->gave_up++;
        weir__limits_gave_up(&w->limits, &w->requests[event->request].ticket, now_of, w);
        end(w, event->request);
        break;
    case END:
        end(w, event->request);
        break;
    }
}

/* ----------------------------------------------------------------------------------------------------- begin and end
 */

static bool make(struct world *w)
{
    const struct sim_scenario *s = w->scenario;
    struct weir_rate rates[WEIR_RATES_MAX];

    for (uint32_t i = 0; i < s->rate_count; i++)
        rates[i] = s->rates[i].rate;
    w->requests = calloc(s->concurrency, sizeof *w->requests);
    if (w->requests == NULL)
        return false;
    for (uint32_t i = 0; i < s->concurrency; i++)
        w->requests[i].next_free = i + 1;
    for (uint32_t i = 0; i < s->rate_count; i++) {
        weir__worst_init(&w->worst[i], s->rates[i].rate.per_ns);
        if (!weir__window_init(&w->servers[i], s->rates[i].server, s->rates[i].server_limit, s->rates[i].rate.per_ns,
                               s->rates[i].server_burst, s->rates[i].server_epoch_ns))
            return false;
    }
    return weir__limits_init(&w->limits, s->concurrency, rates, s->rate_count) == WEIR_OK;
}

static void clear(struct world *w, bool made)
{
    if (made)
        weir__limits_clear(&w->limits);
    for (uint32_t i = 0; i < w->scenario->rate_count; i++) {
        weir__window_clear(&w->servers[i]);
        weir__worst_clear(&w->worst[i]);
    }
    free(w->requests);
    free(w->heap);
}

/* Every permit is free, or held for a moment to come; each request that was given up is uncertain. */
static void expect_conserved(struct world *w)
{
    if (w->ended != w->scenario->requests || w->in_flight != 0)
        violate(w, "%llu of %llu requests ended, %u in flight", (unsigned long long)w->ended,
                (unsigned long long)w->scenario->requests, w->in_flight);
    for (uint32_t i = 0; i < w->limits.gate.state->limit_count; i++) {
        struct weir__permits *permits = &w->limits.gate.state->permits[i];
        int free_count = -1;
        (void)sem_getvalue(&permits->free, &free_count);
        if ((int64_t)free_count + weir__permits_held(permits) != permits->count)
            violate(w, "%s: %d permits free and %u held of %u",
                    weir__limits_name(&w->limits, i, (char[WEIR__LIMIT_NAME_SIZE]){""}), free_count,
                    weir__permits_held(permits), permits->count);
    }
    for (uint32_t i = 0; i < w->scenario->rate_count; i++)
        if (w->limits.state->rates[i].certificate.uncertain != w->report->gave_up)
            violate(w, "%llu uncertain, %llu given up",
                    (unsigned long long)w->limits.state->rates[i].certificate.uncertain,
                    (unsigned long long)w->report->gave_up);
}

static void fill_report(struct world *w)
{
    struct sim_report *report = w->report;

    for (uint32_t i = 0; i < w->scenario->rate_count; i++) {
        report->worst[i] = w->worst[i].most;
        report->certified[i] = w->limits.state->rates[i].certificate.worst;
    }
    if (w->rtt_count > 0)
        report->rtt_s = (double)w->rtt_sum_ns / (double)w->rtt_count / 1e9;
    report->virtual_s = (double)w->now_ns / 1e9;
}

bool sim_world_run(const struct sim_scenario *scenario, struct sim_report *out)
{
    struct world world = {.scenario = scenario, .report = out, .random = scenario->seed, .ask_ns = WEIR__NEVER};
    struct world *w = &world;
    bool made;

    *out = (struct sim_report){.held = true};
    made = make(w);
    if (!made) {
        clear(w, false);
        return false;
    }
    ask(w);
    while (w->event_count > 0 && out->held && !w->no_memory) {
        const struct event event = pop(w);
        w->now_ns = event.at_ns;
        handle(w, &event);
    }
    if (out->held)
        expect_conserved(w);
    fill_report(w);
    if (w->last_send_ns > w->steady_since_ns)
        out->per_s = (double)w->steady_sends * 1e9 / (double)(w->last_send_ns - w->steady_since_ns);
    clear(w, true);
    return !w->no_memory;
}
