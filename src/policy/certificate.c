/* certificate - see certificate.h */
#include "policy/certificate.h"

#include <assert.h>
#include <stdlib.h>

bool weir__certificate_init(struct weir__certificate *certificate, int64_t window_ns, uint32_t capacity)
{
    *certificate = (struct weir__certificate){.window_ns = window_ns, .capacity = capacity};
    certificate->entries = calloc(capacity, sizeof *certificate->entries);
    return certificate->entries != NULL;
}

void weir__certificate_clear(struct weir__certificate *certificate)
{
    free(certificate->entries);
    certificate->entries = NULL;
}

static void forget_until(struct weir__certificate *c, int64_t began_max_ns)
{
    while (c->count > 0 && c->entries[c->first].began_ns <= began_max_ns) {
        c->open -= c->entries[c->first].count;
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
    struct weir__certificate_entry *last;

    assert(c->capacity > 0 && c->entries != NULL);
    last = c->count > 0 ? &c->entries[(c->first + c->count - 1) % c->capacity] : NULL;
    if (last != NULL && c->count == c->capacity) {
        last->began_ns = now_ns > last->began_ns ? now_ns : last->began_ns;
        last->count++;
        return;
    }
    /* whatever readings it is handed, the FIFO stays in order: the later one counts */
    c->entries[(c->first + c->count) % c->capacity] =
        (struct weir__certificate_entry){last != NULL && last->began_ns > now_ns ? last->began_ns : now_ns, 1};
    c->count++;
}

void weir__certificate_gave_up(struct weir__certificate *certificate, int64_t now_ns)
{
    certificate->uncertain++;
    weir__certificate_began(certificate, now_ns);
}
