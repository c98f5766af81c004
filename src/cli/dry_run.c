/* dry_run - see dry_run.h */
#include "cli/dry_run.h"

#include "base/clock.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/forecast.h"
#include "cli/print.h"
#include "cli/say.h"
#include "json/writer.h"

#include <inttypes.h>
#include <string.h>

#define TOLD_MAX 20u                       /* bad lines that are told one by one */
#define REQUEST_NS (100 * WEIR__NS_PER_MS) /* what a request is taken to last, where only the server knows */

struct tally {
    uint64_t jobs, bad, bytes;
};

static void say_bad(struct tally *tally, const struct weir__job_given *job, const char *why)
{
    tally->bad++;
    if (tally->bad <= TOLD_MAX)
        weir__say("weir run: line %" PRIu64 ": %s", job->line, why);
}

/* What goes over the wire of a request, but for what libcurl adds by itself. */
static uint64_t weigh(const struct weir_request *request)
{
    uint64_t bytes = strlen(request->method) + strlen(request->url) + request->body_size;

    for (size_t i = 0; i < request->header_count; i++)
        bytes += strlen(request->headers[i].name) + strlen(request->headers[i].value) + 4; /* ": " and CRLF */
    return bytes;
}

/* False without memory. */
static bool check_job(struct weir__jobs *jobs, struct weir *weir, struct tally *tally)
{
    struct weir__job_given job;

    if (!weir__jobs_make(jobs, &job))
        return false;
    tally->jobs++;
    if (job.error != NULL) {
        say_bad(tally, &job, job.error);
        return true;
    }
    tally->bytes += weigh(&job.request);
    if (weir_submit(weir, &job.request, 0) == WEIR_INVALID)
        say_bad(tally, &job, WEIR__JOBS_INVALID);
    return true;
}

static void say_forecast(const struct weir__config *config, const struct weir__forecast *forecast)
{
    char least[32], concurrent[32];

    weir__units_format_elapsed(forecast->concurrent_ns, concurrent, sizeof concurrent);
    weir__units_format_elapsed(forecast->least_ns, least, sizeof least);
    if (forecast->held_by != NULL)
        weir__say("  duration     at least %s, by the limit %s", least, forecast->held_by);
    weir__say("  duration     %s with %" PRIu32 " at a time, if a request takes 100 ms", concurrent,
              config->concurrency);
}

static bool print_json(const struct tally *tally, const struct weir__forecast *forecast)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    weir__writer_object(&writer, NULL);
    weir__writer_uint(&writer, "total", tally->jobs);
    weir__writer_uint(&writer, "valid", tally->jobs - tally->bad);
    weir__writer_uint(&writer, "invalid", tally->bad);
    weir__writer_uint(&writer, "bytes", tally->bytes);
    weir__writer_decimal(&writer, "least_s", (double)forecast->least_ns / 1e9, 6);
    weir__writer_string(&writer, "held_by", forecast->held_by);
    weir__writer_end(&writer);
    return weir__print_json(&writer);
}

/* Exit code. */
static int tell(const struct weir__jobs *jobs, const struct tally *tally, bool json)
{
    const struct weir__config *config = jobs->config;
    struct weir__forecast forecast;

    weir__forecast_make(&forecast, tally->jobs - tally->bad, config->concurrency, config->rates, config->rate_count,
                        REQUEST_NS);
    if (json && !print_json(tally, &forecast)) {
        weir__say("weir run: the figures could not be written to stdout");
        return WEIR__EXIT_OUTPUT;
    }
    if (tally->bad > TOLD_MAX)
        weir__say("weir run: and %" PRIu64 " more", tally->bad - TOLD_MAX);
    weir__say("%" PRIu64 " job%s, %" PRIu64 " of them would fail; nothing was sent", tally->jobs,
              tally->jobs == 1 ? "" : "s", tally->bad);
    weir__say("  to send      %" PRIu64 " bytes", tally->bytes);
    say_forecast(config, &forecast);
    return tally->bad > 0 ? WEIR__EXIT_NOT_ALL : WEIR__EXIT_OK;
}

/* Equal jobs differ in their number's digits alone: the last one, which has the most, stands for all. */
static bool check_equal_jobs(struct weir__jobs *jobs, struct weir *weir, struct tally *tally)
{
    if (jobs->config->total == 0)
        return true;
    jobs->number = jobs->config->total;
    if (!check_job(jobs, weir, tally))
        return false;
    tally->jobs = jobs->config->total;
    tally->bad *= jobs->config->total;
    tally->bytes *= jobs->config->total;
    return true;
}

int weir__dry_run(struct weir__jobs *jobs, struct weir *weir, bool json)
{
    struct tally tally = {0, 0, 0};
    enum weir__input_next next = WEIR__INPUT_END;
    bool memory = true;

    weir_stop(weir);
    if (!jobs->listed)
        memory = check_equal_jobs(jobs, weir, &tally);
    while (jobs->listed && memory && (next = weir__jobs_next(jobs)) == WEIR__INPUT_LINE)
        memory = check_job(jobs, weir, &tally);
    if (!memory) {
        weir__say("weir run: %s", weir_status_text(WEIR_NO_MEMORY));
        return WEIR__EXIT_USAGE;
    }
    if (next == WEIR__INPUT_CHANGED) {
        weir__say("weir run: the input was changed while it was read");
        return WEIR__EXIT_OUTPUT;
    }
    if (next != WEIR__INPUT_END) {
        weir__jobs_say_failed(jobs);
        return WEIR__EXIT_OUTPUT;
    }
    return tell(jobs, &tally, json);
}
