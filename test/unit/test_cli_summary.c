/* The summary for programs: learned limits follow the others, with one more key at their end. */
#include "cli/summary.h"

#include "json/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct weir_limit_stats rate_limit(const char *learned_from)
{
    struct weir_limit_stats limit = {.shape = WEIR_SHAPE_STRICT,
                                     .permits = 100,
                                     .waits = 5,
                                     .worst_window = 99,
                                     .hold_ns = 1000000000,
                                     .wait_ns = 2500000};

    (void)strcpy(limit.name, "100/1s");
    (void)snprintf(limit.learned_from, sizeof limit.learned_from, "%s", learned_from);
    return limit;
}

static void learned_limits_say_where_from_at_their_end(void **state)
{
    static struct weir__summary summary;
    struct weir__writer writer = WEIR__WRITER_INIT;

    (void)state;
    summary.engine = "threads";
    summary.stats.limit_count = 3;
    (void)strcpy(summary.stats.limits[0].name, "concurrency");
    summary.stats.limits[0].permits = 50;
    summary.stats.limits[1] = rate_limit("");
    summary.stats.limits[2] = rate_limit("ratelimit-policy");
    weir__summary_write(&writer, &summary);
    assert_false(writer.failed);
    if (strstr(writer.text, "\"limits\":["
                            "{\"name\":\"concurrency\",\"permits\":50,\"hold_s\":0,\"waits\":0,\"wait_s\":0},"
                            "{\"name\":\"100/1s\",\"permits\":100,\"hold_s\":1,\"shape\":\"strict\",\"waits\":5,"
                            "\"wait_s\":0.0025,\"worst_window\":99,\"uncertain\":0},"
                            "{\"name\":\"100/1s\",\"permits\":100,\"hold_s\":1,\"shape\":\"strict\",\"waits\":5,"
                            "\"wait_s\":0.0025,\"worst_window\":99,\"uncertain\":0,"
                            "\"learned_from\":\"ratelimit-policy\"}],\"time\":{") == NULL)
        fail_msg("%s", writer.text);
    weir__writer_clear(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(learned_limits_say_where_from_at_their_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
