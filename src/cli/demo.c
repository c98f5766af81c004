/*
 * demo - `weir demo`: the same work in four ways against a server with a rate limit, and what came of each.
 *
 * Everything is measured here and now, through the public interface; the words around the figures follow from them.
 */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/target.h"
#include "weir.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIMIT 100u /* requests in any second, at the server */
#define JOBS 300u
#define PERMITS 3u
#define NAP_JOBS 12u /* enough to see the pattern; 300 would take minutes */

struct row {
    const char *name;
    const char *introduction;
    uint32_t jobs;
    uint32_t concurrency;
    bool rate; /* weir's own way */
    bool nap;  /* the caller's semaphore, with a sleep when it is full */
};

static const struct row rows[] = {
    {"no limit", "1. No limit: all 300 at once.", JOBS, JOBS, false, false},
    {"semaphore of 3", "2. A semaphore of 3: never more than three in flight.", JOBS, PERMITS, false, false},
    {"semaphore of 3, sleeps 1 s when full",
     "3. A semaphore of 3, and a second's sleep whenever it is full (12 requests: 300 would take minutes).", NAP_JOBS,
     PERMITS, false, true},
    {"weir -r 100/s", "4. weir -r 100/s: a permit for each send, which comes back 1 s after its response.", JOBS, 50,
     true, false},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* What a row came to. */
struct measured {
    uint64_t sent, ok, refused;
    double seconds;
    uint64_t certificate; /* worst window that weir vouches for */
    long server_worst;    /* and the one that the server counted; -1 unknown */
};

static void give_permit(void *user_data, const struct weir_result *result)
{
    (void)result;
    weir__sem_post(user_data);
}

/* The pattern of row 3, as scripts have it: try, and sleep when there is no permit. */
static void take_permit_or_nap(sem_t *permits)
{
    const struct timespec nap = {1, 0};

    while (!weir__sem_try(permits))
        (void)nanosleep(&nap, NULL);
}

static bool submit_jobs(const struct row *row, struct weir *weir, const char *url)
{
    struct weir_request request = WEIR_REQUEST_INIT;
    sem_t permits;
    bool accepted = weir__sem_init(&permits, PERMITS);

    if (!accepted)
        return false;
    request.url = url;
    if (row->nap) {
        request.done = give_permit;
        request.user_data = &permits;
    }
    for (uint32_t i = 1; i <= row->jobs && accepted; i++) {
        if (row->nap)
            take_permit_or_nap(&permits);
        request.job_id = i;
        accepted = weir_submit(weir, &request, -1) == WEIR_OK;
    }
    (void)weir_wait(weir, -1); /* after it no callback touches the semaphore */
    weir__sem_clear(&permits);
    return accepted;
}

static bool carry_out(const struct row *row, const struct weir__target *target, struct measured *out)
{
    static struct weir_stats stats; /* large, and one at a time */
    /* The other ways take every answer as it comes; weir itself would pause at the first 429 and send it again. */
    static const struct weir_status_range any[] = {{200, 299}, {429, 429}};
    const struct weir_rate rate = {LIMIT, 0, WEIR__NS_PER_S, WEIR_SHAPE_DEFAULT};
    struct weir_options options = WEIR_OPTIONS_INIT;
    struct weir *weir = NULL;
    bool done;

    options.concurrency = row->concurrency;
    options.timeout_ns = 10 * WEIR__NS_PER_S;
    if (row->rate) {
        options.rates = &rate;
        options.rate_count = 1;
    } else {
        options.success = any;
        options.success_count = sizeof any / sizeof any[0];
    }
    if (weir_new(&options, &weir) != WEIR_OK)
        return false;
    done = submit_jobs(row, weir, target->url);
    stats.struct_size = sizeof stats;
    weir_snapshot(weir, &stats);
    weir_free(weir);
    out->sent = stats.attempts;
    out->ok = stats.statuses[200];
    out->refused = stats.statuses[429];
    out->seconds = (double)stats.elapsed_ns / 1e9;
    out->certificate = row->rate && stats.limit_count > 1 ? stats.limits[1].worst_window : 0;
    return done;
}

/* A fresh target for each row: its window is empty. */
static bool run_row(const struct row *row, struct measured *out)
{
    static char *const arguments[] = {"weir",       "serve",   "--port",    "0",    "--limit",  "100/s",
                                      "--window",   "sliding", "--latency", "20ms", "--uplink", "10ms",
                                      "--duration", "60s",     "--quiet",   NULL};
    struct weir__target target;
    bool done;

    weir__say("%s", row->introduction);
    if (!weir__target_start(&target, arguments))
        return false;
    done = carry_out(row, &target, out);
    out->server_worst = weir__target_ask(&target).worst_window;
    weir__target_stop(&target);
    if (!done)
        weir__say("weir demo: the jobs could not be carried out");
    return done;
}

static double per_second(const struct measured *measured)
{
    return measured->seconds > 0 ? (double)measured->ok / measured->seconds : 0;
}

static void print_table(const struct measured *measured)
{
    (void)printf("\n%-38s %6s %6s %6s %8s %8s\n", "", "sent", "ok", "429", "seconds", "ok/s");
    for (size_t i = 0; i < ROW_COUNT; i++)
        (void)printf("%-38s %6" PRIu64 " %6" PRIu64 " %6" PRIu64 " %8.2f %8.1f\n", rows[i].name, measured[i].sent,
                     measured[i].ok, measured[i].refused, measured[i].seconds, per_second(&measured[i]));
}

static void print_words(const struct measured *measured)
{
    const struct measured *none = &measured[0], *semaphore = &measured[1], *nap = &measured[2], *weir = &measured[3];

    (void)printf("\nA semaphore bounds how many requests are in flight, not how many a second go out: with\n"
                 "no limit %" PRIu64 " were refused, and three permits still made %.0f a second, of which %" PRIu64
                 " were.\n"
                 "Sleeping when it is full was refused %" PRIu64 " times and got %.1f answers a second; weir was\n"
                 "refused %" PRIu64 " times and got %.1f, since a permit returns only when the server has forgotten.\n",
                 none->refused, semaphore->seconds > 0 ? (double)semaphore->sent / semaphore->seconds : 0,
                 semaphore->refused, nap->refused, per_second(nap), weir->refused, per_second(weir));
    (void)printf("\nCertificate of weir -r 100/s: worst window %" PRIu64 " of %u", weir->certificate, LIMIT);
    if (weir->server_worst >= 0)
        (void)printf("; the server counted at most %ld in any second", weir->server_worst);
    (void)printf(".\n");
}

enum { ID_HELP };

static const struct weir__option table[] = {
    {'h', "help", NULL, "this text", ID_HELP},
    {'\0', NULL, NULL, NULL, 0},
};

static bool take(void *context, const struct weir__option *option, const char *value)
{
    (void)value;
    if (option == NULL) {
        weir__say("weir demo: takes no arguments (see weir demo --help)");
        return false;
    }
    *(bool *)context = true;
    return true;
}

int weir__demo_main(int argc, char **argv)
{
    struct measured measured[ROW_COUNT] = {{0, 0, 0, 0, 0, 0}};
    bool help = false;

    if (!weir__options_parse("demo", table, argc - 1, argv + 1, take, &help))
        return WEIR__EXIT_USAGE;
    if (help) {
        (void)fputs("usage: weir demo\n"
                    "\n"
                    "Starts a server on this machine that allows 100 requests in any second, sends\n"
                    "it the same requests in four ways, and prints what came of each.  Takes some\n"
                    "seconds; nothing leaves the machine.  Exit code 1 if weir's own way was refused.\n"
                    "\n",
                    stdout);
        weir__options_print(table, stdout);
        return WEIR__EXIT_OK;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setenv("no_proxy", "*", 1); /* the target is on this machine, whatever the environment says of others */
    if (weir__files_reserve("demo", WEIR_ENGINE_THREADS, JOBS) < JOBS)
        return WEIR__EXIT_USAGE;
    weir__say("A server on this machine allows %u requests in any second, answers in 20 ms, and refuses\n"
              "what is too much with 429 Too Many Requests.  %u requests are sent to it in four ways.\n",
              LIMIT, JOBS);
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (!run_row(&rows[i], &measured[i]))
            return WEIR__EXIT_NOT_ALL;
    print_table(measured);
    print_words(measured);
    return measured[ROW_COUNT - 1].ok == JOBS ? WEIR__EXIT_OK : WEIR__EXIT_NOT_ALL;
}
