/* outlook - see outlook.h */
#include "pool/outlook.h"

#include "base/clock.h"

#include <stddef.h>

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

void weir__outlook_take_due(struct weir__pool *pool, int64_t now_ns)
{
    while (pool->backlog.first != NULL && pool->backlog.first->due_ns <= now_ns)
        weir__queue_put_back(&pool->queue, weir__ranked_pop(&pool->backlog));
}

/*
 * When somebody has to look for what expires: at the head's time, since no other expires before it; and where a task in
 * the backlog can expire, when it gets its place in the queue.  WEIR__NEVER: nothing expires.
 */
static int64_t expiry(const struct weir__pool *pool)
{
    const struct weir__task *head = weir__queue_first(&pool->queue), *first = pool->backlog.first;
    int64_t at_ns = head != NULL ? head->expires_ns : WEIR__NEVER;

    if (first != NULL && first->expires_ns != WEIR__NEVER)
        at_ns = earlier(at_ns, first->due_ns);
    return at_ns;
}

static const enum weir__pool_state reasons[] = {
    [WEIR__GATE_OPEN] = WEIR__POOL_IDLE, /* somebody is on his way */
    [WEIR__GATE_PERMIT] = WEIR__POOL_PERMIT,
    [WEIR__GATE_RULE] = WEIR__POOL_PACE,
    [WEIR__GATE_PAUSE] = WEIR__POOL_PAUSE,
};

/* `question` is weir__gate_ask() or weir__gate_peek(). */
static void consult(struct weir__pool *pool,
                    void (*question)(struct weir__gate *gate, int64_t now_ns, struct weir__gate_answer *answer),
                    int64_t now_ns, struct weir__outlook *out)
{
    const struct weir__task *first;

    weir__outlook_take_due(pool, now_ns);
    if (pool->queue.count == 0) {
        first = pool->backlog.first;
        *out = (struct weir__outlook){.until_ns = first != NULL ? first->due_ns : WEIR__NEVER};
        pool->unnamed = false;
        weir__ledger_blame(&pool->ledger, first != NULL ? WEIR__POOL_BACKOFF : WEIR__POOL_IDLE, now_ns);
        return;
    }
    question(pool->gate, now_ns, &out->gate);
    out->until_ns = out->gate.not_before_ns;
    if (!out->gate.go)
        out->until_ns = earlier(out->until_ns, expiry(pool));
    pool->unnamed = out->gate.not_before_ns == WEIR__NEVER;
    weir__ledger_blame(&pool->ledger, reasons[out->gate.cause], now_ns);
}

void weir__outlook_ask(struct weir__pool *pool, int64_t now_ns, struct weir__outlook *out)
{
    consult(pool, weir__gate_ask, now_ns, out);
}

void weir__outlook_peek(struct weir__pool *pool, int64_t now_ns, struct weir__outlook *out)
{
    consult(pool, weir__gate_peek, now_ns, out);
}
