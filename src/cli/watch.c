/* watch - see watch.h */
#include "cli/watch.h"

#include "base/units.h"
#include "cli/say.h"

#include <inttypes.h>
#include <string.h>

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

void weir__watch_event(void *user_data, const struct weir_event *event)
{
    if (event->type == WEIR_EVENT_ATTEMPT)
        say_attempt(event);
    else if (event->type == WEIR_EVENT_LIMIT_REACHED)
        say_limit(event, *(const uint32_t *)user_data);
}
