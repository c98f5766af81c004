/*
 * service - eight threads with work of their own hand requests to one dispatcher, until SIGTERM or SIGINT.
 *
 * What comes faster than the API allows waits in a short queue; what finds that full is turned away at once, as a
 * service would turn away its own client; what has waited for two seconds is of no use any more and is not sent.
 *
 * Usage: service URL
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <weir.h>

#define THREADS 8
#define SECOND INT64_C(1000000000)

struct client {
    pthread_t thread;
    struct weir *weir;
    const char *url;
    int accepted, turned_away;
};

/* One thread of the service: something to ask for every 20 ms, so 400 a second by all of them. */
static void *serve(void *argument)
{
    const struct timespec rest = {0, 20000000};
    struct client *client = argument;
    struct weir_request request = WEIR_REQUEST_INIT;

    request.url = client->url;
    for (;;) {
        switch (weir_submit(client->weir, &request, 0)) {
        case WEIR_OK:
            client->accepted++;
            break;
        case WEIR_FULL: /* "503, come back later" */
            client->turned_away++;
            break;
        default: /* WEIR_STOPPED: the drain has begun */
            return NULL;
        }
        nanosleep(&rest, NULL);
    }
}

int main(int argc, char **argv)
{
    const struct weir_rate rate = {100, 0, SECOND, WEIR_SHAPE_DEFAULT};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir_stats stats;
    struct client clients[THREADS];
    int accepted = 0, turned_away = 0, signal_number, i;
    enum weir_status drained;
    struct weir *weir;
    sigset_t ends;

    sigemptyset(&ends); /* blocked before the first thread starts, so that sigwait() below gets them */
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);

    options.rates = &rate;
    options.rate_count = 1;
    options.queue_max = 50;           /* half a second's work */
    options.deadline_ns = 2 * SECOND; /* of each job, its waiting included */
    if (argc != 2 || weir_new(&options, &weir) != WEIR_OK)
        return 2;
    for (i = 0; i < THREADS; i++) {
        clients[i].weir = weir;
        clients[i].url = argv[1];
        clients[i].accepted = clients[i].turned_away = 0;
        if (pthread_create(&clients[i].thread, NULL, serve, &clients[i]) != 0)
            return 2;
    }
    sigwait(&ends, &signal_number);

    drained = weir_drain(weir, 10 * SECOND); /* from here on nothing is accepted; what was, is carried out */
    if (drained != WEIR_OK)
        weir_abort(weir);
    for (i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        accepted += clients[i].accepted;
        turned_away += clients[i].turned_away;
    }
    stats.struct_size = sizeof stats;
    weir_snapshot(weir, &stats);
    weir_free(weir);
    printf("%d accepted, %d succeeded, %d too late, %d turned away; drain: %s\n", accepted,
           (int)stats.outcomes[WEIR_OUTCOME_SUCCEEDED], (int)stats.errors[WEIR_ERROR_DEADLINE], turned_away,
           weir_status_text(drained));
    return drained == WEIR_OK && stats.outcomes[WEIR_OUTCOME_SUCCEEDED] == (uint64_t)accepted ? 0 : 1;
}
