/*
 * sim_figures - what weir says of itself in a simulated run, held against what was seen; and that nobody is idle while
 * something could go.
 *
 * Of weir's insides it looks at the gate's permits and at who stands there, and changes nothing.
 */
#include "support/sim_run.h"

#include <inttypes.h>
#include <semaphore.h>

/* ---------------------------------------------------------------------------------------------------------- the gate
 */

static int free_permits(struct weir__permits *permits)
{
    int count = -1;

    (void)sem_getvalue(&permits->free, &count);
    return count;
}

/* What keeps the next task longest, as the gate's contract says; WEIR__GATE_OPEN where nothing does. */
static enum weir__gate_cause obstacle(struct weir__gate *gate, int64_t now_ns)
{
    enum weir__gate_cause cause = WEIR__GATE_OPEN;
    int64_t latest_ns = now_ns;

    for (uint32_t i = 0; i < gate->rule_count; i++) {
        const int64_t next_ns = gate->rules[i].next(gate->rules[i].rule);
        if (next_ns > latest_ns) {
            latest_ns = next_ns;
            cause = gate->rules[i].limit == WEIR__GATE_NO_LIMIT ? WEIR__GATE_PAUSE : WEIR__GATE_RULE;
        }
    }
    for (uint32_t i = 0; i < gate->state->limit_count; i++) {
        const int64_t next_ns = weir__permits_next(&gate->state->permits[i]);
        if (free_permits(&gate->state->permits[i]) == 0 && next_ns > latest_ns) {
            latest_ns = next_ns;
            cause = WEIR__GATE_PERMIT;
        }
    }
    return cause;
}

static const char *cause_text(enum weir__gate_cause cause)
{
    static const char *const texts[] = {"open", "permits", "pace", "pause"};

    return texts[cause];
}

/* What free workers' time must be put down to while nothing happens. */
static enum weir__pool_state expected_reason(const struct weir__pool *pool, bool waits, enum weir__gate_cause cause)
{
    static const enum weir__pool_state reasons[] = {WEIR__POOL_IDLE, WEIR__POOL_PERMIT, WEIR__POOL_PACE,
                                                    WEIR__POOL_PAUSE};

    if (waits)
        return reasons[cause];
    return pool->backlog.first != NULL ? WEIR__POOL_BACKOFF : WEIR__POOL_IDLE;
}

/*
 * The clock is about to move on: everybody has done what he could.  But a worker that has given its permit back, and is
 * in a callback, asks the gate only afterwards; until then its permit is nobody's.
 */
void sim_judge_idle(void *context)
{
    struct sim_run *run = context;
    const int64_t now_ns = fibers_now(run->fibers);
    struct weir__pool *pool;
    enum weir__gate_cause cause;
    bool waits, silent;

    if (run->weir == NULL || run->stopped)
        return;
    pool = &run->weir->pool;
    waits = pool->queue.count > 0 || (pool->backlog.first != NULL && pool->backlog.first->due_ns <= now_ns);
    cause = obstacle(pool->gate, now_ns);
    silent = run->in_callbacks > 0;
    if (silent && run->plan->options.engine == WEIR_ENGINE_ASYNC)
        return; /* and so is all that shares its loop */
    if (waits && cause == WEIR__GATE_OPEN && !silent &&
        (pool->idle != NULL || pool->leader != NULL || pool->worker_count < pool->worker_max))
        sim_violate(run, "a job could go, a worker is free, and nothing happens");
    if (weir__queue_first(&pool->queue) != NULL && weir__queue_first(&pool->queue)->expires_ns <= now_ns &&
        (pool->idle != NULL || pool->leader != NULL))
        sim_violate(run, "a job has expired, a worker is free, and nothing happens");
    if (pool->cancelled.count > 0 && (pool->idle != NULL || pool->leader != NULL))
        sim_violate(run, "a cancelled job is to be told of, a worker is free, and nothing happens");
    for (uint32_t i = 0; run->plan->cancels > 0 && run->plan->note_max_ns == 0 && i < run->job_count; i++)
        if (run->jobs[i].cancelled && run->jobs[i].active)
            sim_violate(run, "job %" PRIu32 " was cancelled, and its attempt goes on", i);
    if (pool->room_waiters > 0 && pool->queue.count + pool->backlog.count <= pool->queue.capacity / 2)
        sim_violate(run, "a caller waits for room, and there is some");
    if (pool->settled_waiters > 0 && pool->pending == 0)
        sim_violate(run, "weir_wait() waits for nothing");
    if (pool->ledger.free_workers > 0 && (!silent || run->just_paused) &&
        pool->ledger.reason != expected_reason(pool, waits, cause))
        sim_violate(run, "free workers' time is put down to %d, a job %s, the gate: %s", (int)pool->ledger.reason,
                    waits ? "waits" : "does not wait", cause_text(cause));
    run->just_paused = false;
}

/* --------------------------------------------------------------------------------------------------------- figures */

void sim_judge_stats(struct sim_run *run)
{
    struct weir_stats stats = {.struct_size = sizeof stats};
    const struct weir_time_stats *t = &stats.time;
    uint64_t ended = 0;
    int64_t sum;

    weir_snapshot(run->weir, &stats);
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        ended += stats.outcomes[i];
    sum = t->sending_ns + t->permit_wait_ns + t->pace_wait_ns + t->paused_ns + t->backoff_ns + t->idle_ns;
    if (sum != (int64_t)stats.workers * stats.elapsed_ns || t->sending_ns < 0 || t->permit_wait_ns < 0 ||
        t->pace_wait_ns < 0 || t->paused_ns < 0 || t->backoff_ns < 0 || t->idle_ns < 0)
        sim_violate(run,
                    "the workers' time adds up to %" PRId64 " ns, it was %" PRId64 " (sending %" PRId64
                    ", permits %" PRId64 ", pace %" PRId64 ", paused %" PRId64 ", backoff %" PRId64 ", idle %" PRId64
                    ")",
                    sum, (int64_t)stats.workers * stats.elapsed_ns, t->sending_ns, t->permit_wait_ns, t->pace_wait_ns,
                    t->paused_ns, t->backoff_ns, t->idle_ns);
    if (stats.in_flight > run->plan->options.concurrency || stats.peak_in_flight > run->plan->options.concurrency)
        sim_violate(run, "%" PRIu32 " in flight, %" PRIu32 " at most", stats.in_flight, stats.peak_in_flight);
    if (ended > stats.accepted || stats.attempts > run->result->sends)
        sim_violate(run, "%" PRIu64 " of %" PRIu64 " jobs ended, %" PRIu64 " of %" PRIu64 " attempts", ended,
                    stats.accepted, stats.attempts, run->result->sends);
    run->result->budget_denied = stats.budget_denied;
    run->result->slowed_to_per_s = stats.pause.slowed_to_per_s;
}

static void expect_equal(struct sim_run *run, const char *what, uint64_t says, uint64_t was)
{
    if (says != was)
        sim_violate(run, "weir says %" PRIu64 " %s, it was %" PRIu64, says, what, was);
}

/* Every permit is free, or held for a moment to come. */
static void expect_permits(struct sim_run *run)
{
    struct weir__gate *gate = &run->weir->limits.gate;

    for (uint32_t i = 0; i < gate->state->limit_count; i++) {
        int free_count = -1;
        (void)sem_getvalue(&gate->state->permits[i].free, &free_count);
        if ((int64_t)free_count + weir__permits_held(&gate->state->permits[i]) != gate->state->permits[i].count ||
            gate->state->adopted_out[i] != 0)
            sim_violate(run, "%s: %d permits free, %" PRIu32 " held, %" PRIu32 " out with none, of %" PRIu32,
                        weir__limits_name(&run->weir->limits, i, (char[WEIR__LIMIT_NAME_SIZE]){""}), free_count,
                        weir__permits_held(&gate->state->permits[i]), gate->state->adopted_out[i],
                        gate->state->permits[i].count);
    }
    expect_equal(run, "unanswered", gate->state->unanswered, 0);
}

static void expect_counts(struct sim_run *run)
{
    struct weir_stats stats = {.struct_size = sizeof stats};
    uint64_t sends = 0, refusals = 0, repeats = 0;

    weir_snapshot(run->weir, &stats);
    for (uint32_t i = 0; i < run->job_count; i++) {
        const struct sim_job *job = &run->jobs[i];
        sends += job->sends;
        refusals += job->refusals;
        if (job->sends > job->refusals)
            repeats += job->sends - job->refusals - 1;
    }
    expect_equal(run, "jobs accepted", stats.accepted, run->result->accepted);
    expect_equal(run, "attempts", stats.attempts, sends);
    expect_equal(run, "retries", stats.retries, run->result->retries);
    expect_equal(run, "refusals", stats.refusals, refusals);
    expect_equal(run, "connections", stats.connections, run->opened);
    expect_equal(run, "in flight", stats.in_flight, 0);
    expect_equal(run, "queued", stats.queued + stats.backed_off, 0);
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        expect_equal(run, weir_outcome_text((enum weir_outcome)i), stats.outcomes[i], run->result->outcomes[i]);
    for (int i = 100; i < 600; i++)
        expect_equal(run, "of a status", stats.statuses[i], run->statuses[i]);
    for (int i = 1; i < WEIR_ERROR_COUNT; i++)
        expect_equal(run, weir_error_code((enum weir_error)i), stats.errors[i], run->errors[i]);
    if ((double)repeats >
        WEIR__BUDGET_RESERVE + run->plan->options.retry_budget * (double)run->result->outcomes[WEIR_OUTCOME_SUCCEEDED])
        sim_violate(run, "%" PRIu64 " retries are beyond the budget", repeats);
    if (stats.time.sending_ns != run->performing_ns)
        sim_violate(run, "sending took %" PRId64 " ns, weir says %" PRId64, run->performing_ns, stats.time.sending_ns);
}

void sim_judge_end(struct sim_run *run)
{
    sim_judge_stats(run);
    expect_counts(run);
    expect_permits(run);
    for (uint32_t i = 0; i < run->job_count; i++)
        if (run->jobs[i].accepted && run->jobs[i].ended != 1)
            sim_violate(run, "job %" PRIu64 " ended %" PRIu32 " times", run->jobs[i].id, run->jobs[i].ended);
}
