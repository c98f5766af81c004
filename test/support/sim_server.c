/*
 * sim_server - a server with one limit, in virtual time: it counts as `weir serve` does, says so in the same dialects,
 * fails as it is told to, and forgets what it counted when it is restarted.
 *
 * It keeps the truth: what it processed, whatever the client learns of that.
 */
#include "support/sim_run.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

bool sim_server_init(struct sim_run *run)
{
    const struct sim_server_plan *s = &run->plan->server;
    const uint32_t limit = s->limit - (run->plan->lie == SIM_ONE_FEWER ? 1 : 0);

    return weir__window_init(&run->window, s->shape, limit, s->period_ns, s->burst, s->epoch_ns);
}

bool sim_server_is_up(struct sim_run *run)
{
    const struct sim_server_plan *s = &run->plan->server;
    const int64_t at_ns = fibers_now(run->fibers) - SIM_START_NS;
    const bool up = run->calm || at_ns < s->down_ns || at_ns >= s->up_ns;

    if (up && s->up_ns > 0 && at_ns >= s->up_ns && !run->window_forgotten) {
        run->window_forgotten = true;
        weir__window_reset(&run->window);
    }
    return up;
}

/* -------------------------------------------------------------------------------------------------- what it answers
 */

static void write_date(char *out, size_t size, int64_t wall_s)
{
    const time_t seconds = (time_t)wall_s;
    struct tm utc;

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

static void add(struct sim_exchange *x, const char *name, const char *value)
{
    x->headers[x->header_count++] = (struct weir_header){name, value};
}

static int64_t up_to_s(int64_t ns)
{
    return ns <= 0 ? 0 : (ns - 1) / WEIR__NS_PER_S + 1;
}

/* The wait that the fields name, as a client must understand them; what it is worth depends on the status. */
static void read_wait(struct sim_exchange *x, const struct weir__window_quota *quota, int64_t wall_ns)
{
    const struct sim_server_plan *s = &x->run->plan->server;
    const int64_t reset_ns = up_to_s(quota->reset_ns) * WEIR__NS_PER_S;
    const int64_t reset_ms = (quota->reset_ns + WEIR__NS_PER_MS - 1) / WEIR__NS_PER_MS;
    const int64_t moment_s = up_to_s(wall_ns + quota->reset_ns);
    const int64_t from_date_ns = (moment_s - wall_ns / WEIR__NS_PER_S) * WEIR__NS_PER_S;

    if (x->has_retry_after) {
        x->wait_ns = s->retry_date ? from_date_ns : reset_ns;
        return;
    }
    switch (s->dialect) {
    case WEIR__DIALECT_NONE:
    case WEIR__DIALECT_RETRY_AFTER:
        break;
    case WEIR__DIALECT_IETF:
    case WEIR__DIALECT_LEGACY:
        x->wait_ns = reset_ns;
        break;
    case WEIR__DIALECT_GITHUB:
    case WEIR__DIALECT_ANTHROPIC:
        if (s->date)
            x->wait_ns = from_date_ns;
        else
            x->reset_wall_s = moment_s;
        break;
    case WEIR__DIALECT_DISCORD:
        x->wait_ns = reset_ms * WEIR__NS_PER_MS;
        break;
    case WEIR__DIALECT_OPENAI: /* whole milliseconds below a minute */
        x->wait_ns = reset_ms < 60000 ? reset_ms * WEIR__NS_PER_MS : reset_ns;
        break;
    }
}

static void write_fields(struct sim_exchange *x, const struct weir__window_quota *quota)
{
    const struct sim_server_plan *s = &x->run->plan->server;
    /* its clock is the true one, plus its skew; the client's own wall clock may have been stepped */
    const int64_t wall_ns = fibers_now(x->run->fibers) - SIM_START_NS + SIM_WALL_NS + s->skew_ns;

    weir__serve_headers_build(s->dialect, quota, s->period_ns, x->refused, wall_ns, &x->fields);
    for (size_t i = 0; i < x->fields.count; i++) {
        const char *value = x->fields.list[i].value;
        if (strcasecmp(x->fields.list[i].name, "Retry-After") == 0) {
            x->has_retry_after = true;
            if (s->retry_date) {
                write_date(x->retry_date, sizeof x->retry_date, up_to_s(wall_ns + quota->reset_ns));
                value = x->retry_date;
            }
        }
        add(x, x->fields.list[i].name, value);
    }
    if (s->date) {
        write_date(x->date, sizeof x->date, wall_ns / WEIR__NS_PER_S);
        add(x, "Date", x->date);
    }
    x->nothing_remains =
        s->dialect != WEIR__DIALECT_NONE && s->dialect != WEIR__DIALECT_RETRY_AFTER && quota->remaining == 0;
    read_wait(x, quota, wall_ns);
}

/* ----------------------------------------------------------------------------------------------- what it does with it
 */

/* Whether a request that is answered so may have been processed all the same: the server's own error, in its work. */
static bool may_have_acted(int status)
{
    return status == 408 || status == 500 || status == 502 || status == 504;
}

static int draw_failure(struct sim_run *run)
{
    static const int statuses[] = {408, 500, 502, 503, 504, 429, 403, 404, 400, 501};

    if (run->plan->server.fail_status != 0)
        return run->plan->server.fail_status;
    return statuses[weir__random_below(&run->random, sizeof statuses / sizeof statuses[0])];
}

/* With a key it is done once, and answered alike from then on. */
static void process(struct sim_exchange *x)
{
    struct sim_job *job = x->job;
    const int64_t now_ns = fibers_now(x->run->fibers);

    if (job->key[0] != '\0' && job->processed > 0) {
        x->status = now_ns < job->processing_ns ? 409 : 200;
        return;
    }
    job->processed++;
    job->processing_ns = now_ns + sim_draw(x->run, x->run->plan->net.latency_ns);
}

static bool is_closed(const struct sim_run *run)
{
    return fibers_now(run->fibers) - SIM_START_NS < run->plan->server.closed_ns;
}

/* What its own clock shows. */
static int64_t own_time(const struct sim_run *run, int64_t now_ns)
{
    return now_ns - (int64_t)((__int128)now_ns * run->plan->server.slow_ppm / 1000000);
}

bool sim_server_remember(struct sim_run *run, int64_t at_ns)
{
    struct weir__window_quota quota;

    return weir__window_take(&run->window, own_time(run, at_ns), &quota);
}

bool sim_server_take(struct sim_exchange *x)
{
    struct sim_run *run = x->run;
    const struct sim_server_plan *s = &run->plan->server;
    const int64_t now_ns = fibers_now(run->fibers);
    const int64_t own_ns = own_time(run, now_ns);
    struct weir__window_quota quota;

    if (!sim_server_is_up(run))
        return false;
    if (run->calm) {
        x->status = 200;
        process(x);
        return true;
    }
    x->refused = !weir__window_take(&run->window, own_ns, &quota);
    if (run->plan->lie == SIM_ONE_FEWER)
        quota.limit = s->limit;
    if (is_closed(run)) {
        x->refused = true;
        quota.remaining = 0;
        quota.reset_ns = s->closed_wait_ns;
    }
    if (x->refused) {
        x->status = s->refusal_status;
        run->result->refusals++;
        if (run->first_pause_ns > 0 && x->sent_ns > run->first_pause_ns)
            run->result->refused_after_first_pause++;
        if (!run->plan->may_be_refused)
            sim_violate(run, "the server refuses send %" PRIu32 " of job %" PRIu64, x->number, x->job->id);
    } else if (sim_happens(run, s->fail_share)) {
        x->status = draw_failure(run);
        if (may_have_acted(x->status) && sim_happens(run, 0.5) && (x->job->key[0] == '\0' || x->job->processed == 0))
            x->job->processed++;
    } else {
        x->status = 200;
        process(x);
    }
    write_fields(x, &quota);
    return true;
}
