/* What the tests of the pause share. */
#ifndef WEIR_TEST_UNIT_TEST_POLICY_PAUSE_SUPPORT_H
#define WEIR_TEST_UNIT_TEST_POLICY_PAUSE_SUPPORT_H

#include "base/clock.h"
#include "base/random.h"
#include "policy/pause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define MS WEIR__NS_PER_MS
#define S WEIR__NS_PER_S
#define START (1000 * S)
#define JUST_UNDER_1 0x1.fffffffffffffp-1

static inline struct weir__pause fresh(void)
{
    struct weir__pause pause;

    weir__pause_init(&pause);
    return pause;
}

/* A refusal of a request that was sent 50 ms ago. */
static inline bool refuse(struct weir__pause *pause, int64_t now_ns, int64_t wait_ns, double draw)
{
    return weir__pause_begin(pause, now_ns, now_ns - 50 * MS, wait_ns, true, draw);
}

/* Sends at the first moment from `now_ns` on, which is returned. */
static inline int64_t send_next(struct weir__pause *pause, int64_t now_ns)
{
    const int64_t next_ns = weir__pause_next(pause);
    const int64_t at_ns = next_ns > now_ns ? next_ns : now_ns;

    weir__pause_take(pause, at_ns);
    return at_ns;
}

#endif
