/*
 * serve_window - see serve_window.h
 *
 * A shape is four small functions: advance its state to now, say how many more would be taken now, add one, and say
 * when there is more.  "Take" is the same for all: something remains, so add.  All arithmetic is in integers; products
 * of a count and a time go through 128 bits, since 10^6 requests times a month in nanoseconds do not fit 64.
 */
#include "cli/serve_window.h"

#include <stdlib.h>

#define MS_NS INT64_C(1000000)
#define EXCESS_ONE INT64_C(1000) /* one request, in nginx's thousandths */

struct shape {
    void (*advance)(struct weir__window *window, int64_t now_ns);
    int64_t (*remaining)(const struct weir__window *window, int64_t now_ns);
    void (*add)(struct weir__window *window, int64_t now_ns);
    int64_t (*reset_ns)(const struct weir__window *window, int64_t now_ns, int64_t remaining);
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Of non-negative a and positive b. */
static int64_t ceil_div(__int128 a, __int128 b)
{
    return (int64_t)((a + b - 1) / b);
}

/* ---------------------------------------------------------------------------------------------------------- sliding */

static void sliding_advance(struct weir__window *w, int64_t now_ns)
{
    while (w->log_count > 0 && w->log[w->log_head] <= now_ns - w->period_ns) {
        w->log_head = w->log_head + 1 == w->limit ? 0 : w->log_head + 1;
        w->log_count--;
    }
}

static int64_t sliding_remaining(const struct weir__window *w, int64_t now_ns)
{
    (void)now_ns;
    return w->limit - w->log_count;
}

static void sliding_add(struct weir__window *w, int64_t now_ns)
{
    w->log[((uint64_t)w->log_head + w->log_count) % w->limit] = now_ns;
    w->log_count++;
}

static int64_t sliding_reset(const struct weir__window *w, int64_t now_ns, int64_t remaining)
{
    (void)remaining;
    return w->log_count == 0 ? 0 : w->log[w->log_head] + w->period_ns - now_ns;
}

/* ------------------------------------------------------------------------------------------------ fixed and counter */

/* How far now is into its window: 0 to period - 1. */
static int64_t into_window(const struct weir__window *w, int64_t now_ns)
{
    return now_ns - w->epoch_ns - w->index * w->period_ns;
}

static void fixed_advance(struct weir__window *w, int64_t now_ns)
{
    const int64_t index = floor_div(now_ns - w->epoch_ns, w->period_ns);

    if (index == w->index)
        return;
    w->previous = index == w->index + 1 ? w->current : 0;
    w->current = 0;
    w->index = index;
}

static int64_t fixed_remaining(const struct weir__window *w, int64_t now_ns)
{
    (void)now_ns;
    return w->limit - w->current;
}

static void fixed_add(struct weir__window *w, int64_t now_ns)
{
    (void)now_ns;
    w->current++;
}

static int64_t fixed_reset(const struct weir__window *w, int64_t now_ns, int64_t remaining)
{
    (void)remaining;
    return w->period_ns - into_window(w, now_ns);
}

/* previous*(1-f) + current + k < limit, multiplied by the period, holds for k up to the result - 1. */
static int64_t counter_remaining(const struct weir__window *w, int64_t now_ns)
{
    const __int128 period = w->period_ns;
    const __int128 estimate = w->previous * (period - into_window(w, now_ns)) + w->current * period;
    const __int128 spare = w->limit * period - estimate;

    return spare <= 0 ? 0 : ceil_div(spare, period);
}

/* The least part of a window that must have passed for `previous` requests of the one before to leave less than `room`.
 */
static int64_t counter_wait(int64_t period_ns, uint32_t previous, uint32_t room)
{
    int64_t left; /* previous * left < room * period */

    if (room == 0)
        return period_ns;
    if (previous == 0)
        return 0;
    left = ceil_div((__int128)room * period_ns, previous) - 1;
    return left >= period_ns ? 0 : period_ns - left;
}

static int64_t counter_reset(const struct weir__window *w, int64_t now_ns, int64_t remaining)
{
    const int64_t elapsed = into_window(w, now_ns);
    const int64_t at = counter_wait(w->period_ns, w->previous, w->limit - w->current);

    if (remaining > 0)
        return w->period_ns - elapsed;
    if (at < w->period_ns)
        return at - elapsed;
    return w->period_ns - elapsed + counter_wait(w->period_ns, w->current, w->limit);
}

/* ----------------------------------------------------------------------------------------------------------- bucket */

static void bucket_advance(struct weir__window *w, int64_t now_ns)
{
    __int128 part, tokens;

    if (w->last_ns == INT64_MIN)
        return; /* full since ever */
    part = w->token_part + (__int128)(now_ns - w->last_ns) * w->limit;
    tokens = w->tokens + part / w->period_ns;
    if (tokens >= w->burst) {
        w->tokens = w->burst;
        w->token_part = 0;
    } else {
        w->tokens = (uint32_t)tokens;
        w->token_part = (int64_t)(part % w->period_ns);
    }
}

static int64_t bucket_remaining(const struct weir__window *w, int64_t now_ns)
{
    (void)now_ns;
    return w->tokens;
}

static void bucket_add(struct weir__window *w, int64_t now_ns)
{
    (void)now_ns;
    w->tokens--;
}

static int64_t bucket_reset(const struct weir__window *w, int64_t now_ns, int64_t remaining)
{
    (void)now_ns;
    (void)remaining;
    return w->tokens == w->burst ? 0 : ceil_div(w->period_ns - w->token_part, w->limit);
}

/* ------------------------------------------------------------------------------------------------------------ leaky */

/*
 * ngx_http_limit_req_lookup(): excess = max(0, excess - rate * ms / 1000 + 1000), refused where that is over
 * burst*1000; only a request that is taken moves the excess and the clock.  nginx truncates its rate to thousandths of
 * a request a second; here the product is truncated instead, which is the same for whole rates a second.
 */
static int64_t leaky_next(const struct weir__window *w, int64_t now_ns)
{
    const int64_t ms = floor_div(now_ns, MS_NS) - w->excess_ms;
    const __int128 leaked = (__int128)w->limit * ms * EXCESS_ONE * MS_NS / w->period_ns;

    if (w->last_ns == INT64_MIN || leaked >= w->excess + EXCESS_ONE)
        return 0;
    return w->excess - (int64_t)leaked + EXCESS_ONE;
}

static int64_t leaky_remaining(const struct weir__window *w, int64_t now_ns)
{
    const int64_t room = w->burst * EXCESS_ONE - leaky_next(w, now_ns);

    return room < 0 ? 0 : room / EXCESS_ONE + 1;
}

static void leaky_add(struct weir__window *w, int64_t now_ns)
{
    w->excess = leaky_next(w, now_ns);
    w->excess_ms = floor_div(now_ns, MS_NS);
}

/* Until one more than now would be taken: until the next excess has fallen to burst - remaining. */
static int64_t leaky_reset(const struct weir__window *w, int64_t now_ns, int64_t remaining)
{
    const int64_t target = w->burst * EXCESS_ONE - remaining * EXCESS_ONE;
    const __int128 rate = (__int128)w->limit * EXCESS_ONE * MS_NS; /* thousandths a millisecond, times the period */
    int64_t at_ms;

    if (target < 0)
        return 0;
    at_ms = w->excess_ms + ceil_div((__int128)(w->excess + EXCESS_ONE - target) * w->period_ns, rate);
    return at_ms * MS_NS - now_ns;
}

/* --------------------------------------------------------------------------------------------------------------- all
 */

static const struct shape shapes[] = {
    [WEIR__WINDOW_SLIDING] = {sliding_advance, sliding_remaining, sliding_add, sliding_reset},
    [WEIR__WINDOW_FIXED] = {fixed_advance, fixed_remaining, fixed_add, fixed_reset},
    [WEIR__WINDOW_COUNTER] = {fixed_advance, counter_remaining, fixed_add, counter_reset},
    [WEIR__WINDOW_BUCKET] = {bucket_advance, bucket_remaining, bucket_add, bucket_reset},
    [WEIR__WINDOW_LEAKY] = {NULL, leaky_remaining, leaky_add, leaky_reset},
};

bool weir__window_init(struct weir__window *window, enum weir__window_shape shape, uint32_t limit, int64_t period_ns,
                       uint32_t burst, int64_t epoch_ns)
{
    struct weir__window w = {.shape = shape, .limit = limit, .period_ns = period_ns, .epoch_ns = epoch_ns};

    if (shape != WEIR__WINDOW_NONE && (limit == 0 || period_ns <= 0))
        return false;
    w.burst = shape == WEIR__WINDOW_BUCKET && burst == 0 ? limit : burst;
    if (shape == WEIR__WINDOW_SLIDING) {
        w.log = malloc(limit * sizeof *w.log);
        if (w.log == NULL)
            return false;
    }
    *window = w;
    weir__window_reset(window);
    return true;
}

void weir__window_clear(struct weir__window *window)
{
    if (window == NULL)
        return;
    free(window->log);
    window->log = NULL;
}

void weir__window_reset(struct weir__window *window)
{
    window->last_ns = INT64_MIN;
    window->log_head = window->log_count = 0;
    window->index = INT64_MIN;
    window->current = window->previous = 0;
    window->tokens = window->burst;
    window->token_part = 0;
    window->excess = window->excess_ms = 0;
}

bool weir__window_take(struct weir__window *window, int64_t now_ns, struct weir__window_quota *out)
{
    const struct shape *shape = &shapes[window->shape];
    struct weir__window_quota quota = {window->limit, window->limit, 0};
    int64_t remaining;
    bool taken = true;

    if (window->shape != WEIR__WINDOW_NONE) {
        if (now_ns < window->last_ns)
            now_ns = window->last_ns;
        if (shape->advance != NULL)
            shape->advance(window, now_ns);
        taken = shape->remaining(window, now_ns) > 0;
        if (taken)
            shape->add(window, now_ns);
        window->last_ns = now_ns; /* only now: to the shapes it is the time of the request before */
        remaining = shape->remaining(window, now_ns);
        quota.remaining = (uint32_t)(remaining > UINT32_MAX ? UINT32_MAX : remaining);
        quota.reset_ns = shape->reset_ns(window, now_ns, remaining);
    }
    if (out != NULL)
        *out = quota;
    return taken;
}
