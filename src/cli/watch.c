/* watch - see watch.h */
#include "cli/watch.h"

#include "base/clock.h"
#include "base/units.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DETAIL_MAX 1024 /* bytes shown of what went wrong */

static void say_attempt(const struct weir_event *event)
{
    char time[32], detail[DETAIL_MAX];
    const bool explained = event->detail != NULL && event->detail[0] != '\0';

    weir__units_format_elapsed(event->elapsed_ns, time, sizeof time);
    if (event->error == WEIR_ERROR_NONE || event->error == WEIR_ERROR_STATUS) {
        weir__say("job %" PRIu64 " attempt %" PRIu32 ": %d in %s", event->job_id, event->attempt, event->http_status,
                  time);
        return;
    }
    weir__say("job %" PRIu64 " attempt %" PRIu32 ": %s after %s%s%s", event->job_id, event->attempt,
              weir_error_code(event->error), time, explained ? ": " : "",
              explained ? weir__say_escape(event->detail, detail, sizeof detail) : "");
}

static void say_limit(const struct weir_event *event, uint32_t concurrency)
{
    char time[32];

    if (event->wait_ns >= 0) {
        weir__units_format_elapsed(event->wait_ns, time, sizeof time);
        weir__say("limit reached: %s, waiting %s", event->limit_name, time);
    } else if (strcmp(event->limit_name, "concurrency") == 0) {
        weir__say("limit reached: concurrency (%" PRIu32 " in flight), waiting for a response", concurrency);
    } else {
        weir__say("limit reached: %s, waiting for a response", event->limit_name);
    }
}

static void say_retry(const struct weir_event *event)
{
    char time[32];

    weir__units_format_elapsed(event->wait_ns, time, sizeof time);
    if (event->wait_ns > 0)
        weir__say("job %" PRIu64 ": again in %s", event->job_id, time);
    else
        weir__say("job %" PRIu64 ": again as soon as the limits allow", event->job_id);
}

/* "429, retry-after": what asked for a pause. */
static const char *reason_of(const struct weir_event *event, char *out, size_t size)
{
    if (event->detail != NULL && event->detail[0] != '\0')
        return weir__say_escape(event->detail, out, size);
    (void)snprintf(out, size, "%d", event->http_status);
    return out;
}

static void say_paused(const struct weir_event *event)
{
    char time[32], reason[160];

    weir__units_format_elapsed(event->wait_ns, time, sizeof time);
    weir__say("paused for %s: %s", time, reason_of(event, reason, sizeof reason));
}

static void say_learned(const struct weir_event *event)
{
    char field[128];

    weir__say("learned %s from %s", event->limit_name,
              weir__say_escape(event->detail != NULL ? event->detail : "", field, sizeof field));
}

/* "15:04" where that is today's, else with the date: local time, for people. */
static void format_moment(int64_t wall_ns, int64_t now_ns, char *out, size_t size)
{
    const time_t then = (time_t)(wall_ns / WEIR__NS_PER_S) + 60; /* the minute that has begun is too early */
    const time_t now = (time_t)(now_ns / WEIR__NS_PER_S);
    struct tm then_parts, now_parts;
    bool today;

    out[0] = '\0';
    if (localtime_r(&then, &then_parts) == NULL || localtime_r(&now, &now_parts) == NULL)
        return;
    today = then_parts.tm_yday == now_parts.tm_yday && then_parts.tm_year == now_parts.tm_year;
    (void)strftime(out, size, today ? "%H:%M" : "%Y-%m-%d %H:%M", &then_parts);
}

void weir__watch_format_gave_up(const struct weir_event *event, int64_t wall_ns, char *out, size_t size)
{
    char time[32], moment[32], reason[160];

    weir__units_format_elapsed(event->wait_ns, time, sizeof time);
    format_moment(wall_ns + event->wait_ns, wall_ns, moment, sizeof moment);
    reason_of(event, reason, sizeof reason);
    (void)snprintf(out, size,
                   "gave up: the server asks for a pause of %s (%s), longer than retry.pause_max; nothing was lost: "
                   "run again after %s, or raise retry.pause_max",
                   time, reason, moment);
}

static void say_gave_up(const struct weir_event *event)
{
    char text[512];

    weir__watch_format_gave_up(event, weir__clock_wall_ns(), text, sizeof text);
    weir__say("weir run: %s", text);
}

void weir__watch_event(void *user_data, const struct weir_event *event)
{
    const struct weir__watch *watch = user_data;

    if (event->type == WEIR_EVENT_GAVE_UP)
        say_gave_up(event);
    else if (!watch->verbose)
        return;
    else if (event->type == WEIR_EVENT_ATTEMPT)
        say_attempt(event);
    else if (event->type == WEIR_EVENT_LIMIT_REACHED)
        say_limit(event, watch->concurrency);
    else if (event->type == WEIR_EVENT_RETRY)
        say_retry(event);
    else if (event->type == WEIR_EVENT_PAUSED)
        say_paused(event);
    else if (event->type == WEIR_EVENT_LEARNED)
        say_learned(event);
}
