/* What is said while a run goes on: with -v a line for each event, in any case that the run gave up. */
#include "cli/watch.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define MS(n) ((int64_t)(n)*WEIR__NS_PER_MS)
#define S(n) ((int64_t)(n)*WEIR__NS_PER_S)

/* 2026-01-02 15:04:30 UTC */
#define AT_NS (INT64_C(1767366270) * WEIR__NS_PER_S)

/* stderr as text, between begin_catch() and end_catch(). */
static struct {
    int fd, saved;
    char text[2048];
} caught;

static void begin_catch(void)
{
    char name[] = "/tmp/weir-watch-XXXXXX";

    caught.fd = mkstemp(name);
    assert_true(caught.fd >= 0);
    (void)unlink(name);
    caught.saved = dup(STDERR_FILENO);
    assert_true(dup2(caught.fd, STDERR_FILENO) >= 0);
}

static const char *end_catch(void)
{
    ssize_t size;

    assert_true(dup2(caught.saved, STDERR_FILENO) >= 0);
    (void)close(caught.saved);
    size = pread(caught.fd, caught.text, sizeof caught.text - 1, 0);
    (void)close(caught.fd);
    assert_true(size >= 0);
    caught.text[size] = '\0';
    return caught.text;
}

/* What an event makes a watch say. */
static const char *said(bool verbose, const struct weir_event *event)
{
    struct weir__watch watch = {3, verbose};

    begin_catch();
    weir__watch_event(&watch, event);
    return end_catch();
}

static void each_event_has_its_line(void **state)
{
    static const struct {
        struct weir_event event;
        const char *line;
    } cases[] = {
        {{.type = WEIR_EVENT_ATTEMPT,
          .job_id = 7,
          .attempt = 2,
          .http_status = 503,
          .error = WEIR_ERROR_STATUS,
          .elapsed_ns = MS(21)},
         "job 7 attempt 2: 503 in 21.0 ms\n"},
        {{.type = WEIR_EVENT_RETRY, .job_id = 7, .attempt = 2, .http_status = 503, .wait_ns = MS(340)},
         "job 7: again in 340 ms\n"},
        {{.type = WEIR_EVENT_RETRY, .job_id = 7, .attempt = 2, .http_status = 429},
         "job 7: again as soon as the limits allow\n"},
        {{.type = WEIR_EVENT_PAUSED, .http_status = 429, .detail = "429, retry-after", .wait_ns = MS(2040)},
         "paused for 2.04 s: 429, retry-after\n"},
        {{.type = WEIR_EVENT_PAUSED, .http_status = 429, .detail = "", .wait_ns = MS(100)}, "paused for 100 ms: 429\n"},
        {{.type = WEIR_EVENT_LEARNED, .limit_name = "100/1s", .detail = "ratelimit-policy"},
         "learned 100/1s from ratelimit-policy\n"},
        {{.type = WEIR_EVENT_LIMIT_REACHED, .limit_name = "concurrency", .wait_ns = -1},
         "limit reached: concurrency (3 in flight), waiting for a response\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(said(true, &cases[i].event), cases[i].line);
        assert_string_equal(said(false, &cases[i].event), "");
    }
}

static const struct weir_event gave_up = {
    .type = WEIR_EVENT_GAVE_UP, .detail = "429, retry-after", .wait_ns = 3600 * WEIR__NS_PER_S};

static void giving_up_is_said_without_v_too(void **state)
{
    (void)state;
    for (int verbose = 0; verbose <= 1; verbose++)
        if (strstr(said(verbose, &gave_up),
                   "weir run: gave up: the server asks for a pause of 1 h 00 min (429, retry-after), longer than "
                   "retry.pause_max; nothing was lost: run again after ") != caught.text)
            fail_msg("%s", caught.text);
}

static void the_time_to_run_again_is_local_and_never_too_early(void **state)
{
    struct weir_event event = gave_up;
    char text[512];

    (void)state;
    assert_int_equal(setenv("TZ", "UTC-2", 1), 0); /* POSIX: two hours east */
    tzset();
    weir__watch_format_gave_up(&event, AT_NS, text, sizeof text);
    assert_string_equal(text, "gave up: the server asks for a pause of 1 h 00 min (429, retry-after), longer than "
                              "retry.pause_max; nothing was lost: run again after 18:05, or raise retry.pause_max");
    event.wait_ns = S(8 * 3600);
    weir__watch_format_gave_up(&event, AT_NS, text, sizeof text);
    assert_non_null(strstr(text, "run again after 2026-01-03 01:05, or"));
}

static void what_a_server_sent_cannot_drive_the_terminal(void **state)
{
    const struct weir_event event = {.type = WEIR_EVENT_PAUSED, .detail = "\033[2J", .wait_ns = S(1)};

    (void)state;
    assert_string_equal(said(true, &event), "paused for 1.00 s: \\x1b[2J\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_has_its_line),
        cmocka_unit_test(giving_up_is_said_without_v_too),
        cmocka_unit_test(the_time_to_run_again_is_local_and_never_too_early),
        cmocka_unit_test(what_a_server_sent_cannot_drive_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
