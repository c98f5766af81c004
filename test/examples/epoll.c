/*
 * epoll - one loop, and no thread of its own: results are taken from the completion queue when its descriptor says so.
 *
 * Nothing in the loop waits but epoll_wait(), where a service would watch its own sockets besides.
 *
 * Usage: epoll URL
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <weir.h>

#define JOBS 200

int main(int argc, char **argv)
{
    const struct weir_rate rate = {100, 0, 1000000000, WEIR_SHAPE_DEFAULT}; /* 100 per second */
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_request request = WEIR_REQUEST_INIT;
    struct epoll_event event = {EPOLLIN, {NULL}};
    const struct weir_result *result;
    int submitted = 0, ended = 0, succeeded = 0, turns = 0;
    int pages[JOBS]; /* what each job is for: its user_data points here */
    struct weir *weir;
    const int poll_fd = epoll_create1(EPOLL_CLOEXEC);

    options.rates = &rate;
    options.rate_count = 1;
    options.completion_max = 20; /* also how many jobs may be on their way */
    if (argc != 2 || poll_fd < 0 || weir_new(&options, &weir) != WEIR_OK ||
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, weir_completion_fd(weir), &event) != 0)
        return 2;
    request.url = argv[1];
    while (ended < JOBS) {
        while (submitted < JOBS) {
            pages[submitted] = submitted;
            request.user_data = &pages[submitted];
            if (weir_submit(weir, &request, 0) != WEIR_OK) /* WEIR_FULL: when there is room, after a result */
                break;
            submitted++;
        }
        if (submitted == ended || (epoll_wait(poll_fd, &event, 1, 30000) <= 0))
            break; /* nothing is on its way, or nothing has come for too long */
        turns++;
        while ((result = weir_take_result(weir, 0)) != NULL) {
            if (result->outcome == WEIR_OUTCOME_SUCCEEDED)
                succeeded++;
            else
                fprintf(stderr, "page %d: %s\n", *(int *)result->user_data, weir_error_code(result->error));
            weir_result_free(result);
            ended++;
        }
    }
    weir_free(weir);
    close(poll_fd);
    printf("%d of %d succeeded, in %d turns of the loop\n", succeeded, JOBS, turns);
    return succeeded == JOBS ? 0 : 1;
}
