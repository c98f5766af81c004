/* certificate - see certificate.h */
#include "policy/certificate.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct weir__certificate_entry *entries_of(const struct weir__certificate *certificate)
{
    return (struct weir__certificate_entry *)((char *)(uintptr_t)certificate + certificate->entries);
}

void weir__certificate_init_at(struct weir__certificate *certificate, int64_t window_ns,
                               struct weir__certificate_entry *entries, uint32_t capacity)
{
    *certificate = (struct weir__certificate){
        .window_ns = window_ns, .entries = (char *)entries - (char *)certificate, .capacity = capacity};
}

bool weir__certificate_init(struct weir__certificate *certificate, int64_t window_ns, uint32_t capacity)
{
    struct weir__certificate_entry *entries = calloc(capacity, sizeof *entries);

    *certificate = (struct weir__certificate){.window_ns = window_ns};
    if (entries != NULL)
        weir__certificate_init_at(certificate, window_ns, entries, capacity);
    return entries != NULL;
}

void weir__certificate_clear(struct weir__certificate *certificate)
{
    if (certificate->capacity > 0)
        free(entries_of(certificate));
    *certificate = (struct weir__certificate){.window_ns = certificate->window_ns};
}

void weir__certificate_move(struct weir__certificate *to, struct weir__certificate *from)
{
    struct weir__certificate_entry *entries = entries_of(from);

    *to = *from;
    to->entries = (char *)entries - (char *)to;
    *from = (struct weir__certificate){.window_ns = from->window_ns};
}

/* Sends that a window can hold whose responses began. */
static uint64_t answered(const struct weir__certificate *c)
{
    const struct weir__certificate_entry *entries = entries_of(c);
    uint64_t sum = 0;

    for (uint32_t i = 0; i < c->count; i++)
        sum += entries[(c->first + i) % c->capacity].count;
    return sum;
}

void weir__certificate_restart(struct weir__certificate *certificate, int64_t window_ns)
{
    certificate->open -= answered(certificate);
    certificate->window_ns = window_ns;
    certificate->first = certificate->count = 0;
    certificate->worst = certificate->open;
}

void weir__certificate_mend(struct weir__certificate *certificate, uint64_t on_the_way)
{
    struct weir__certificate *c = certificate;

    c->count = c->count <= c->capacity ? c->count : c->capacity;
    c->open = on_the_way + answered(c);
}

void weir__certificate_recall(const struct weir__certificate *certificate,
                              void (*each)(void *context, int64_t began_ns, uint32_t count), void *context)
{
    const struct weir__certificate *c = certificate;
    const struct weir__certificate_entry *entries = entries_of(c);

    for (uint32_t i = 0; i < c->count; i++)
        each(context, entries[(c->first + i) % c->capacity].began_ns, entries[(c->first + i) % c->capacity].count);
}

static void forget_until(struct weir__certificate *c, int64_t began_max_ns)
{
    const struct weir__certificate_entry *entries = entries_of(c);

    while (c->count > 0 && entries[c->first].began_ns <= began_max_ns) {
        c->open -= entries[c->first].count;
        c->first = (c->first + 1) % c->capacity;
        c->count--;
    }
}

void weir__certificate_sent(struct weir__certificate *certificate, int64_t now_ns)
{
    forget_until(certificate, now_ns - certificate->window_ns);
    certificate->open++;
    if (certificate->open > certificate->worst)
        certificate->worst = certificate->open;
}

void weir__certificate_began(struct weir__certificate *certificate, int64_t now_ns)
{
    struct weir__certificate *c = certificate;
    struct weir__certificate_entry *entries = entries_of(c), *last;
    uint32_t at;

    assert(c->capacity > 0 && entries != NULL);
    last = c->count > 0 ? &entries[(c->first + c->count - 1) % c->capacity] : NULL;
    if (last != NULL && c->count == c->capacity) {
        last->began_ns = now_ns > last->began_ns ? now_ns : last->began_ns;
        last->count++;
        return;
    }
    /* the last one twice, then all later ones a place up: who dies in here leaves one twice and none out */
    at = c->count;
    entries[(c->first + at) % c->capacity] =
        last != NULL && last->began_ns > now_ns ? *last : (struct weir__certificate_entry){now_ns, 1};
    atomic_signal_fence(memory_order_seq_cst);
    c->count++;
    for (; at > 0 && entries[(c->first + at - 1) % c->capacity].began_ns > now_ns; at--) /* hardly ever */
        entries[(c->first + at) % c->capacity] = entries[(c->first + at - 1) % c->capacity];
    entries[(c->first + at) % c->capacity] = (struct weir__certificate_entry){now_ns, 1};
}

void weir__certificate_gave_up(struct weir__certificate *certificate, int64_t now_ns)
{
    certificate->uncertain++;
    weir__certificate_began(certificate, now_ns);
}

void weir__certificate_withdraw(struct weir__certificate *certificate)
{
    assert(certificate->open > 0);
    certificate->open--;
}
