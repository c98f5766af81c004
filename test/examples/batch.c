/*
 * batch - 200 requests, never more than 100 in any second, and a look at what became of them.
 *
 * Usage: batch URL
 */
#include <stdio.h>
#include <weir.h>

/* Runs on one of weir's threads, once for each job. */
static void done(void *user_data, const struct weir_result *result)
{
    (void)user_data;
    if (result->outcome != WEIR_OUTCOME_SUCCEEDED)
        fprintf(stderr, "job %d: %s: %s\n", (int)result->job_id, weir_outcome_text(result->outcome),
                weir_error_code(result->error));
}

int main(int argc, char **argv)
{
    const struct weir_rate rate = {100, 0, 1000000000, WEIR_SHAPE_DEFAULT}; /* 100 per second */
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct weir_stats stats;
    struct weir *weir;

    options.concurrency = 10;
    options.rates = &rate;
    options.rate_count = 1;
    if (argc != 2 || weir_new(&options, &weir) != WEIR_OK)
        return 2;
    request.url = argv[1];
    request.done = done;
    for (request.job_id = 1; request.job_id <= 200; request.job_id++)
        if (weir_submit(weir, &request, -1) != WEIR_OK) /* waits while the queue is full */
            break;
    weir_drain(weir, -1);
    stats.struct_size = sizeof stats;
    weir_snapshot(weir, &stats);
    weir_free(weir);
    printf("%d of 200 succeeded, %d refused, worst second %d\n", (int)stats.outcomes[WEIR_OUTCOME_SUCCEEDED],
           (int)stats.refusals, (int)stats.limits[1].worst_window);
    return stats.outcomes[WEIR_OUTCOME_SUCCEEDED] == 200 ? 0 : 1;
}
