/*
 * client - an outside program, built against what was installed: 20 requests by the dispatcher, one by the limits
 * alone.
 *
 * Usage: client URL.  Exit code 0 if all went well.
 */
#include <stdio.h>
#include <string.h>
#include <weir.h>

#define JOBS 20

int main(int argc, char **argv)
{
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir_limits_options limits_options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_permit permit = WEIR_PERMIT_INIT;
    struct weir_answer answer = WEIR_ANSWER_INIT;
    struct weir_rate rate = {10, 0, 100000000, WEIR_SHAPE_WINDOW};
    struct weir_limits *limits = NULL;
    struct weir_stats stats;
    struct weir *weir = NULL;

    if (argc != 2 || strcmp(weir_version(), WEIR_VERSION) != 0)
        return 2;
    options.rates = &rate;
    options.rate_count = 1;
    if (weir_new(&options, &weir) != WEIR_OK)
        return 3;
    request.url = argv[1];
    for (request.job_id = 1; request.job_id <= JOBS; request.job_id++)
        if (weir_submit(weir, &request, -1) != WEIR_OK)
            return 4;
    if (weir_wait(weir, INT64_C(10000000000)) != WEIR_OK)
        return 5;
    stats.struct_size = sizeof stats;
    weir_snapshot(weir, &stats);
    weir_free(weir);

    limits_options.rates = &rate;
    limits_options.rate_count = 1;
    if (weir_limits_new(&limits_options, &limits) != WEIR_OK || weir_limits_acquire(limits, 0, &permit) != WEIR_OK)
        return 6;
    answer.http_status = 200;
    if (weir_limits_release(limits, &permit, &answer))
        return 7;
    weir_limits_free(limits);
    printf("%s: %d of %d\n", weir_version(), (int)stats.outcomes[WEIR_OUTCOME_SUCCEEDED], JOBS);
    return stats.outcomes[WEIR_OUTCOME_SUCCEEDED] == JOBS ? 0 : 1;
}
