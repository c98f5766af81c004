/*
 * core_fixture - a dispatcher over a fake clock and a fake transport, with a list of how its jobs ended.
 */
#ifndef WEIR_TEST_CORE_FIXTURE_H
#define WEIR_TEST_CORE_FIXTURE_H

#include "base/clock.h"
#include "core/dispatcher.h"
#include "support/fake_clock.h"
#include "support/fake_transport.h"
#include "weir.h"

#include <pthread.h>

#define FIXTURE_JOBS_MAX 4096u
#define FIXTURE_START_NS (1000 * WEIR__NS_PER_S) /* what the fake clock shows at first */
#define MS(n) ((int64_t)(n)*WEIR__NS_PER_MS)
#define S(n) ((int64_t)(n)*WEIR__NS_PER_S)

struct fixture_end {
    unsigned times;            /* how often `done` ran */
    struct weir_result result; /* of the last; its pointers are of no use any more */
    char detail[WEIR__DETAIL_SIZE];
    int64_t at_ns;
};

struct fixture {
    struct fake_clock clock;
    struct fake_transport *transport;
    struct weir *weir;
    pthread_mutex_t lock; /* guards ends */
    struct fixture_end ends[FIXTURE_JOBS_MAX];
};

/* A GET that is answered 200 at once. */
extern const struct fake_step fixture_plain;

/* Over the fake clock; `real_time` takes the real one instead.  NULL with `*out_status` told where weir refuses. */
struct fixture *fixture_new(const struct weir_options *options, const struct fake_step *usual, bool real_time,
                            enum weir_status *out_status);
void fixture_free(struct fixture *fixture); /* weir_free(), too, unless fixture_close() has done that */
void fixture_close(struct fixture *fixture);

/* The `done` of every job; user_data is the fixture, job_id below FIXTURE_JOBS_MAX. */
void fixture_done(void *user_data, const struct weir_result *result);

/* Submits without waiting. */
enum weir_status fixture_submit(struct fixture *fixture, const char *method, const char *url, uint64_t id);

/* Moves the fake time on until every job has ended; false where that does not happen. */
bool fixture_settle(struct fixture *fixture);

struct weir_stats fixture_stats(struct fixture *fixture);

struct fixture_end fixture_end_of(struct fixture *fixture, uint64_t id);

#endif
