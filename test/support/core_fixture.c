/* core_fixture - see core_fixture.h */
#include "support/core_fixture.h"

#include "base/sync.h"

#include <stdio.h>
#include <stdlib.h>

const struct fake_step fixture_plain = {.http_status = 200};

struct fixture *fixture_new(const struct weir_options *options, const struct fake_step *usual, bool real_time,
                            enum weir_status *out_status)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct weir__outside outside = {.seed = 1};
    enum weir_status status = WEIR_NO_MEMORY;

    if (fixture == NULL || !weir__mutex_init(&fixture->lock))
        goto no_fixture;
    fake_clock_init(&fixture->clock, FIXTURE_START_NS);
    outside.env = real_time ? &weir__env_real : &fixture->clock.env;
    fixture->transport = fake_transport_new(outside.env, usual);
    if (fixture->transport == NULL)
        goto no_weir;
    outside.transport = fake_transport_base(fixture->transport);
    status = weir__dispatcher_new(options, &outside, &fixture->weir);
    if (status == WEIR_OK) {
        if (out_status != NULL)
            *out_status = status;
        return fixture;
    }
no_weir:
    fake_clock_clear(&fixture->clock);
    weir__mutex_clear(&fixture->lock);
no_fixture:
    free(fixture);
    if (out_status != NULL)
        *out_status = status;
    return NULL;
}

void fixture_close(struct fixture *fixture)
{
    weir_free(fixture->weir);
    fixture->weir = NULL;
    fixture->transport = NULL;
}

void fixture_free(struct fixture *fixture)
{
    if (fixture == NULL)
        return;
    fixture_close(fixture);
    fake_clock_clear(&fixture->clock);
    weir__mutex_clear(&fixture->lock);
    free(fixture);
}

void fixture_done(void *user_data, const struct weir_result *result)
{
    struct fixture *fixture = user_data;
    struct fixture_end *end = &fixture->ends[result->job_id];

    weir__mutex_lock(&fixture->lock);
    end->times++;
    end->result = *result;
    end->at_ns = fake_clock_now(&fixture->clock);
    (void)snprintf(end->detail, sizeof end->detail, "%s", result->detail);
    weir__mutex_unlock(&fixture->lock);
}

enum weir_status fixture_submit(struct fixture *fixture, const char *method, const char *url, uint64_t id)
{
    struct weir_request request = WEIR_REQUEST_INIT;

    request.method = method;
    request.url = url;
    request.job_id = id;
    request.done = fixture_done;
    request.user_data = fixture;
    return weir_submit(fixture->weir, &request, 0);
}

static bool all_ended(void *context)
{
    return weir_wait(context, 0) == WEIR_OK;
}

bool fixture_settle(struct fixture *fixture)
{
    return fake_clock_run(&fixture->clock, all_ended, fixture->weir);
}

struct weir_stats fixture_stats(struct fixture *fixture)
{
    struct weir_stats stats = {.struct_size = sizeof stats};

    weir_snapshot(fixture->weir, &stats);
    return stats;
}

struct fixture_end fixture_end_of(struct fixture *fixture, uint64_t id)
{
    struct fixture_end end;

    weir__mutex_lock(&fixture->lock);
    end = fixture->ends[id];
    weir__mutex_unlock(&fixture->lock);
    return end;
}
