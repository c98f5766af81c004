/* core_expect - what tests of the dispatcher over a core_fixture begin with, and how a job's end is compared. */
#ifndef SUPPORT_CORE_EXPECT_H
#define SUPPORT_CORE_EXPECT_H

#include "support/core_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FIXTURE_URL "http://127.0.0.1:1/"

/* An attempt that stays in the transport until it is let go. */
static const struct fake_step fixture_parked = {.http_status = 200, .park = true};

/* Over the fake clock. */
static inline struct fixture *fixture_start(uint32_t concurrency, uint32_t queue_max, const struct fake_step *usual)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct fixture *f;

    options.concurrency = concurrency;
    options.queue_max = queue_max;
    f = fixture_new(&options, usual, false, NULL);
    assert_non_null(f);
    return f;
}

static inline void fixture_submit_all(struct fixture *f, const char *method, uint64_t first, uint64_t count)
{
    for (uint64_t id = first; id < first + count; id++)
        assert_int_equal(fixture_submit(f, method, FIXTURE_URL, id), WEIR_OK);
}

static inline void fixture_expect_end(struct fixture *f, uint64_t id, enum weir_outcome outcome, enum weir_error error)
{
    const struct fixture_end end = fixture_end_of(f, id);

    if (end.times != 1 || end.result.outcome != outcome || end.result.error != error)
        fail_msg("job %llu ended %u times, %s, %s; not once, %s, %s", (unsigned long long)id, end.times,
                 weir_outcome_text(end.result.outcome), weir_error_code(end.result.error), weir_outcome_text(outcome),
                 weir_error_code(error));
}

#endif
