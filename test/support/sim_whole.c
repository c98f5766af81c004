/*
 * sim_whole - see sim_whole.h; here, the callers: those who submit, who stops, who steps the wall clock, who looks.
 */
#include "support/sim_whole.h"

#include "support/sim_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAST_FLIGHT_NS (50 * WEIR__NS_PER_MS)
#define SECOND_BATCH_MAX 8u
#define YEAR_NS (INT64_C(366) * 24 * 3600 * WEIR__NS_PER_S)
#define WALL_STEPS_NS (10 * WEIR__NS_PER_S) /* the time in which the wall clock is stepped */
#define FULL_RETRY_NS INT64_C(20000000)     /* a caller that found the queue full comes back after up to this, */
#define FULL_RETRY_DOUBLINGS 10u            /* and so often doubled */

/* ------------------------------------------------------------------------------------------------------- callbacks */

static void maybe_yield(struct sim_run *run)
{
    if (sim_happens(run, run->plan->yield_share))
        fibers_yield(run->fibers);
}

static void take_done(void *user_data, const struct weir_result *result)
{
    struct sim_run *run = user_data;
    const int64_t begin_ns = fibers_now(run->fibers);

    sim_judge_done(run, result);
    run->in_callbacks++;
    if (run->plan->done_max_ns > 0)
        fibers_sleep(run->fibers, begin_ns + sim_draw(run, run->plan->done_max_ns));
    run->in_callbacks--;
    run->performing_ns += fibers_now(run->fibers) - begin_ns; /* the worker's time goes there as well */
    maybe_yield(run);
}

static void take_event(void *user_data, const struct weir_event *event)
{
    struct sim_run *run = user_data;

    sim_judge_event(run, event);
    maybe_yield(run);
}

static int64_t fast_now(void *context)
{
    const struct sim_run *run = context;
    const int64_t ns = fibers_now(run->fibers);

    return ns + (ns - SIM_START_NS) / 20;
}

static bool fast_wait(void *context, sem_t *sem, int64_t until_ns)
{
    const struct sim_run *run = context;
    const struct weir__env *env = fibers_env(run->fibers);

    if (until_ns != WEIR__NEVER)
        until_ns = SIM_START_NS + (until_ns - SIM_START_NS) / 21 * 20 + 20;
    return env->wait(env->context, sem, until_ns);
}

static bool fast_start(void *context, pthread_t *thread, void *(*run)(void *), void *argument)
{
    const struct weir__env *env = fibers_env(((const struct sim_run *)context)->fibers);

    return env->start(env->context, thread, run, argument);
}

static void fast_join(void *context, pthread_t thread)
{
    const struct weir__env *env = fibers_env(((const struct sim_run *)context)->fibers);

    env->join(env->context, thread);
}

static int64_t fast_wall(void *context)
{
    return fibers_wall(((const struct sim_run *)context)->fibers);
}

/* --------------------------------------------------------------------------------------------------------- callers */

/* Before each send, as a journal would be written. */
static bool take_sending(void *user_data, uint64_t job_id, uint32_t attempt)
{
    struct sim_run *run = user_data;
    const struct sim_job *job = &run->jobs[job_id];
    const int64_t begin_ns = fibers_now(run->fibers);

    if (attempt != job->sends + 1)
        sim_violate(run, "job %" PRIu64 " is about to be sent for the %" PRIu32 ". time, and was %" PRIu32 " times",
                    job_id, attempt, job->sends);
    run->in_callbacks += run->plan->options.engine == WEIR_ENGINE_ASYNC; /* what shares its loop waits */
    fibers_sleep(run->fibers, begin_ns + sim_draw(run, run->plan->note_max_ns));
    run->in_callbacks -= run->plan->options.engine == WEIR_ENGINE_ASYNC;
    run->performing_ns += fibers_now(run->fibers) - begin_ns; /* it belongs to the attempt */
    return true;
}

static enum weir_status submit(struct sim_run *run, struct sim_job *job, int64_t timeout_ns)
{
    struct weir_request request = WEIR_REQUEST_INIT;
    enum weir_status status;
    char url[64], key[32];

    (void)snprintf(url, sizeof url, "http://simulated/%" PRIu64, job->id);
    (void)snprintf(key, sizeof key, "given-%" PRIu64, job->id);
    request.method = job->post ? "POST" : "GET";
    request.url = url;
    request.job_id = job->id;
    request.done = take_done;
    request.user_data = run;
    request.sending = run->plan->note_max_ns > 0 ? take_sending : NULL;
    if (run->plan->options.idempotency_header != NULL && sim_happens(run, run->plan->given_share))
        request.idempotency_key = key;
    job->key_given = request.idempotency_key != NULL;
    status = weir_submit(run->weir, &request, timeout_ns);
    if (status == WEIR_OK) {
        job->accepted = true;
        job->accepted_ns = fibers_now(run->fibers); /* since then nobody else had a turn */
        run->result->accepted++;
        sim_note(run, "job %" PRIu64 " (%s) is accepted", job->id, job->post ? "POST" : "GET");
    }
    return status;
}

/* Brings one job in, however often that takes; false after a stop. */
static bool bring(struct sim_run *run, struct sim_job *job, int64_t timeout_ns)
{
    enum weir_status status;
    uint32_t tries = 0;

    while ((status = submit(run, job, timeout_ns)) != WEIR_OK) {
        run->result->turned_away++;
        if (status == WEIR_STOPPED) {
            if (!run->stopped)
                sim_violate(run, "a submission finds weir stopped, and nobody stopped it");
            return false;
        }
        if (status != (timeout_ns == 0 ? WEIR_FULL : WEIR_TIMEOUT) && status != WEIR_NO_THREAD) {
            sim_violate(run, "a submission returns \"%s\"", weir_status_text(status));
            return false;
        }
        fibers_sleep(run->fibers, fibers_now(run->fibers) + 1 + sim_draw(run, FULL_RETRY_NS << tries));
        tries += tries < FULL_RETRY_DOUBLINGS;
    }
    return true;
}

static void *produce(void *argument)
{
    struct sim_run *run = argument;
    struct sim_job *job;

    while (run->job_next < run->plan->jobs) {
        job = &run->jobs[run->job_next++];
        if (!bring(run, job, run->plan->submit_timeout_ns))
            break;
        if (run->plan->gap_max_ns > 0)
            fibers_sleep(run->fibers, fibers_now(run->fibers) + sim_draw(run, run->plan->gap_max_ns));
    }
    return NULL;
}

static void *stop(void *argument)
{
    struct sim_run *run = argument;
    const struct sim_plan *plan = run->plan;

    if (plan->stop_ns > 0) {
        fibers_sleep(run->fibers, SIM_START_NS + plan->stop_ns);
        sim_note(run, "weir_stop()");
        run->stopped = true;
        weir_stop(run->weir);
    }
    if (plan->abort_ns > 0) {
        fibers_sleep(run->fibers, SIM_START_NS + plan->abort_ns);
        sim_note(run, "weir_abort()");
        run->stopped = true;
        weir_abort(run->weir);
    }
    return NULL;
}

/* A job that has not ended is there to be cancelled; one that a stop, a cancel or its deadline has just taken out may
 * not have been told of yet. */
static void cancel_one(struct sim_run *run, struct sim_job *job)
{
    const enum weir_status status = weir_cancel(run->weir, job->id);
    const bool there = job->accepted && job->ended == 0;
    const bool leaving = job->cancelled || run->stopped || run->plan->options.deadline_ns > 0;

    sim_note(run, "job %" PRIu64 " is cancelled: %s", job->id, weir_status_text(status));
    if (status == WEIR_OK ? !there : status != WEIR_NOT_FOUND || (there && !leaving))
        sim_violate(run, "weir_cancel() of job %" PRIu64 ", which %s, returns \"%s\"", job->id,
                    there             ? "has not ended"
                    : job->ended == 0 ? "was not accepted"
                                      : "has ended",
                    weir_status_text(status));
    job->cancelled = job->cancelled || status == WEIR_OK;
}

static void *cancel(void *argument)
{
    struct sim_run *run = argument;

    for (uint32_t i = 0; i < run->plan->cancels; i++) {
        fibers_sleep(run->fibers, fibers_now(run->fibers) + sim_draw(run, run->plan->cancel_gap_max_ns));
        cancel_one(run, &run->jobs[sim_draw(run, run->plan->jobs - 1)]);
    }
    return NULL;
}

static void step_wall(void *argument)
{
    struct sim_run *run = argument;
    const int64_t most_ns = run->plan->wall_step_max_ns;
    const int64_t ns = sim_draw(run, 2 * most_ns) - most_ns;

    sim_note(run, "the wall clock is stepped by %.6f s", (double)ns / 1e9);
    fibers_step_wall(run->fibers, ns);
}

/* ------------------------------------------------------------------------------------------------------------ a run */

static bool start_weir(struct sim_run *run)
{
    struct weir_options options = run->plan->options;
    struct weir__outside outside = {.env = &run->env, .transport = sim_net_new(run), .seed = run->plan->seed | 1};

    if (outside.transport == NULL)
        return false;
    run->env = *fibers_env(run->fibers);
    if (run->plan->lie == SIM_CLOCK_FAST)
        run->env = (struct weir__env){fast_now, fast_wall, fast_wait, fast_start, fast_join, run};
    options.rates = run->plan->rate_count > 0 ? run->plan->rates : NULL;
    options.rate_count = run->plan->rate_count;
    options.past_sends = run->past;
    options.past_send_count = run->past != NULL ? run->plan->past : 0;
    options.on_event = take_event;
    options.event_user_data = run;
    return weir__dispatcher_new(&options, &outside, &run->weir) == WEIR_OK;
}

/* Threads of the host's, which weir's trouble with threads does not touch. */
static bool start_caller(struct sim_run *run, void *(*call)(void *), pthread_t *thread)
{
    const struct weir__env *env = fibers_env(run->fibers);

    for (int i = 0; i < 1000; i++)
        if (env->start(env->context, thread, call, run))
            return true;
    return false;
}

/* When everything that a limit or a pause holds must have come back. */
static int64_t longest_hold(struct sim_run *run)
{
    struct weir_stats stats = {.struct_size = sizeof stats};
    int64_t longest_ns = 0;

    weir_snapshot(run->weir, &stats);
    for (size_t i = 0; i < stats.limit_count; i++)
        if (stats.limits[i].hold_ns > longest_ns)
            longest_ns = stats.limits[i].hold_ns;
    return stats.pause.left_ns + longest_ns + longest_ns / 1000 + WEIR__NS_PER_MS;
}

/* All is quiet: as many as may be in flight go, and succeed. */
static void run_second_batch(struct sim_run *run)
{
    const uint32_t most =
        run->plan->options.concurrency < SECOND_BATCH_MAX ? run->plan->options.concurrency : SECOND_BATCH_MAX;

    fibers_sleep(run->fibers, fibers_now(run->fibers) + longest_hold(run));
    sim_note(run, "the second batch");
    run->calm = true;
    for (uint32_t i = 0; i < most && run->result->held; i++) {
        struct sim_job *job = &run->jobs[run->job_count++];
        job->id = run->job_count - 1;
        if (!bring(run, job, -1))
            sim_violate(run, "the second batch is turned away");
    }
    if (weir_wait(run->weir, -1) != WEIR_OK)
        sim_violate(run, "the second batch does not end");
    for (uint32_t i = run->plan->jobs; i < run->job_count; i++)
        if (run->jobs[i].outcome != WEIR_OUTCOME_SUCCEEDED && run->plan->options.deadline_ns == 0)
            sim_violate(run, "job %" PRIu32 " of the second batch: %s", i, weir_outcome_text(run->jobs[i].outcome));
}

static void *live(void *argument)
{
    struct sim_run *run = argument;
    const struct sim_plan *plan = run->plan;
    const struct weir__env *env = fibers_env(run->fibers);
    pthread_t producers[4], stopper, canceller;
    uint32_t started = 0;
    bool stops = plan->stop_ns > 0 || plan->abort_ns > 0, cancels = plan->cancels > 0;

    if (!start_weir(run)) {
        sim_violate(run, "weir does not start");
        return NULL;
    }
    stops = stops && start_caller(run, stop, &stopper);
    cancels = cancels && start_caller(run, cancel, &canceller);
    for (uint32_t i = 0; i < plan->wall_steps; i++)
        if (!fibers_at(run->fibers, SIM_START_NS + sim_draw(run, WALL_STEPS_NS), step_wall, run))
            run->no_memory = true;
    while (started < plan->producers && start_caller(run, produce, &producers[started]))
        started++;
    for (uint32_t i = 0; i < started; i++)
        env->join(env->context, producers[i]);
    sim_judge_stats(run);
    if (cancels)
        env->join(env->context, canceller);
    if (weir_wait(run->weir, -1) != WEIR_OK)
        sim_violate(run, "weir_wait() does not return WEIR_OK");
    run->result->elapsed_ns = fibers_now(run->fibers) - SIM_START_NS;
    if (run->done != run->result->accepted)
        sim_violate(run, "weir_wait() returns, and %" PRIu64 " of %" PRIu64 " jobs have ended", run->done,
                    run->result->accepted);
    sim_judge_end(run);
    if (plan->second_batch && !run->stopped && !stops) {
        run_second_batch(run);
        sim_judge_end(run);
    }
    if (stops)
        env->join(env->context, stopper);
    weir_free(run->weir);
    return NULL;
}

static int by_age(const void *a, const void *b)
{
    const int64_t x = ((const struct weir_past_send *)a)->ago_ns, y = ((const struct weir_past_send *)b)->ago_ns;

    return x < y ? 1 : x > y ? -1 : 0;
}

/* The server counted them within the last period, each a while before it was over. */
static bool live_before(struct sim_run *run)
{
    int64_t arrived_ns = 0, at_ns;

    run->past = calloc(run->plan->past, sizeof *run->past);
    if (run->past == NULL)
        return false;
    for (uint32_t i = 0; i < run->plan->past; i++)
        run->past[i] = (struct weir_past_send){sim_draw(run, run->plan->server.period_ns), 1};
    qsort(run->past, run->plan->past, sizeof *run->past, by_age);
    for (uint32_t i = 0; i < run->plan->past; i++) {
        at_ns = SIM_START_NS - run->past[i].ago_ns - sim_draw(run, PAST_FLIGHT_NS);
        arrived_ns = at_ns > arrived_ns ? at_ns : arrived_ns;
        if (!sim_server_remember(run, arrived_ns))
            sim_violate(run, "the server refuses what it is to have counted before");
    }
    return true;
}

static bool prepare(struct sim_run *run)
{
    const struct sim_plan *plan = run->plan;

    run->jobs = calloc(plan->jobs + SECOND_BATCH_MAX, sizeof *run->jobs);
    if (run->jobs == NULL || !sim_server_init(run))
        return false;
    if (plan->past > 0 && !live_before(run))
        return false;
    run->job_count = plan->jobs;
    for (uint32_t i = 0; i < plan->jobs; i++) {
        run->jobs[i].id = i;
        run->jobs[i].post = sim_happens(run, plan->post_share);
    }
    return true;
}

static void clear(struct sim_run *run)
{
    struct sim_exchange *x;

    while ((x = run->exchanges) != NULL) {
        run->exchanges = x->next;
        free(x);
    }
    weir__window_clear(&run->window);
    free(run->past);
    free(run->jobs);
}

static void judge_run(struct sim_run *run, enum fibers_end end)
{
    switch (end) {
    case FIBERS_DONE:
        fibers_drain(run->fibers); /* what arrives late */
        sim_judge_truth(run);
        break;
    case FIBERS_DEADLOCK:
        sim_violate(run, "everybody waits, and nothing will happen any more");
        break;
    case FIBERS_LIVELOCK:
        sim_violate(run, "it does not end");
        break;
    case FIBERS_LEFT:
        sim_violate(run, "weir_free() left a worker behind");
        break;
    case FIBERS_NO_MEMORY:
        run->no_memory = true;
        break;
    }
}

bool sim_whole_run(struct fibers *fibers, const struct sim_plan *plan, struct sim_result *out)
{
    struct sim_run *run = calloc(1, sizeof *run);
    const struct fibers_plan turns = {
        .seed = plan->seed ^ UINT64_C(0x5eed0f0f5eed0f0f),
        .start_ns = SIM_START_NS,
        .wall_ns = SIM_WALL_NS,
        .late_max_ns = plan->late_max_ns,
        .wake_max_ns = plan->wake_max_ns,
        .end_ns = SIM_START_NS + (plan->end_ns > 0 ? plan->end_ns : YEAR_NS),
        .refuse_share = plan->no_thread_share,
        .idle = plan->late_max_ns == 0 && plan->wake_max_ns == 0 && plan->no_thread_share == 0 &&
                        (plan->lie == SIM_HONEST || plan->lie == SIM_CANCEL_UNHEARD)
                    ? sim_judge_idle
                    : NULL,
        .idle_context = run,
    };
    bool good;

    if (run == NULL)
        return false;
    *out = (struct sim_result){.held = true};
    run->plan = plan;
    run->result = out;
    run->fibers = fibers;
    run->random = plan->seed;
    good = prepare(run);
    if (good) {
        const enum fibers_end end = fibers_run(fibers, &turns, live, run);
        if (end != FIBERS_DONE && end != FIBERS_LEFT && run->weir != NULL)
            weir__process_part(&run->weir->guest); /* it is abandoned, with its workers */
        judge_run(run, end);
        out->turns = fibers_turns(fibers);
    }
    good = good && !run->no_memory;
    clear(run);
    free(run);
    return good;
}
