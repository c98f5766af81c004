/* progress - see progress.h; what the lines say is in progress_text.c */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cli/say.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRAWN_INTERVAL_NS (100 * WEIR__NS_PER_MS)
#define PLAIN_INTERVAL_NS (WEIR__PROGRESS_PLAIN_INTERVAL_S * WEIR__NS_PER_S)
#define DRAWN_SAMPLES 10u /* the rate now is that of the last second; of a plain line, that since the one before */
#define LIMITS (sizeof((struct weir_stats *)0)->limits / sizeof((struct weir_stats *)0)->limits[0])
#define COLUMNS_DEFAULT 80u
#define COLUMNS_MAX 200u

/* What rates are measured from.  Zeroed: the beginning of the run. */
struct sample {
    int64_t elapsed_ns;
    uint64_t attempts;
    int64_t wait_ns[LIMITS]; /* by limit */
};

/* One moment of the run. */
struct moment {
    struct weir_stats stats;
    struct weir__figures figures;
    struct weir__progress_pace pace;
};

/* One less than the width: a full line would make the terminal wrap.  Asked each time, since windows are resized. */
static size_t terminal_columns(void)
{
    struct winsize window;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0)
        return COLUMNS_DEFAULT - 1;
    return window.ws_col > COLUMNS_MAX ? COLUMNS_MAX : window.ws_col - 1u;
}

/* The rate limit that the next job stood waiting for, for more than half of the time since `oldest`. */
static const struct weir_limit_stats *held_mostly(const struct weir_stats *stats, const struct sample *oldest)
{
    const int64_t half_ns = (stats->elapsed_ns - oldest->elapsed_ns) / 2;

    for (size_t i = 1; i < stats->limit_count; i++)
        if (stats->limits[i].wait_ns - oldest->wait_ns[i] > half_ns)
            return &stats->limits[i];
    return NULL;
}

/*
 * A rate limit that keeps everybody waiting now, and long: nothing is in flight, though a job could go.  How long such
 * a wait lasts is counted when it ends, so that it shows nowhere else meanwhile.
 */
static const struct weir_limit_stats *held_long(const struct weir_stats *stats, const struct sample *oldest)
{
    const struct weir_limit_stats *longest = NULL;

    if (stats->in_flight > 0 || stats->queued == 0 || stats->pause.left_ns > 0 ||
        (oldest->elapsed_ns > 0 && stats->attempts != oldest->attempts))
        return NULL;
    for (size_t i = 1; i < stats->limit_count; i++)
        if (stats->limits[i].waits > 0 && (longest == NULL || stats->limits[i].hold_ns > longest->hold_ns))
            longest = &stats->limits[i];
    return longest;
}

/* What such a limit leaves of `left` jobs: its permits come back a period after they were used, and again. */
static double held_for_s(const struct weir_limit_stats *limit, uint64_t left, int64_t since_ns)
{
    const uint64_t periods = (left - 1) / limit->permits;
    const double rest_s = (double)(limit->hold_ns - since_ns) / 1e9;
    const double further_s = (double)periods * (double)limit->hold_ns / 1e9;

    return further_s + (rest_s > 0 ? rest_s : 0);
}

/* Jobs that this run has still to do: those that earlier runs did are passed over in no time. */
static uint64_t count_left(const struct weir__account *account, const struct weir__figures *figures)
{
    const uint64_t past = account->past_skipped > figures->skipped ? account->past_skipped : figures->skipped;
    const uint64_t done = figures->done - figures->skipped + past;

    return figures->total_known && figures->total > done ? figures->total - done : 0;
}

/* `eta` has seen the run so far, unless it is zeroed: then how long a wait may last is not known. */
static void look(struct weir *weir, const struct weir__account *account, const struct sample *oldest,
                 struct weir__progress_eta *eta, struct moment *out)
{
    const struct weir_stats *stats = &out->stats;
    const struct weir_limit_stats *mostly, *held;
    const bool watched = eta->looked_ns > 0;
    uint64_t left;
    double span_s;

    memset(out, 0, sizeof *out);
    out->stats.struct_size = sizeof out->stats;
    weir_snapshot(weir, &out->stats);
    weir__account_read(account, stats, &out->figures);
    span_s = (double)(stats->elapsed_ns - oldest->elapsed_ns) / 1e9;
    out->pace.rate = span_s > 0 ? (double)(stats->attempts - oldest->attempts) / span_s : -1;
    left = count_left(account, &out->figures);
    out->pace.left_s = weir__progress_estimate(eta, stats->elapsed_ns, out->figures.done - out->figures.skipped, left);
    mostly = held_mostly(stats, oldest);
    held = mostly != NULL ? mostly : held_long(stats, oldest);
    out->pace.held_by = held != NULL ? held->name : NULL;
    if (mostly != NULL || held == NULL || out->pace.left_s < 0)
        return;
    /* the pace was that of the sends before the wait */
    const double least_s = held_for_s(held, left, stats->elapsed_ns - eta->done_ns);
    if (!watched)
        out->pace.left_s = -1;
    else if (least_s > out->pace.left_s)
        out->pace.left_s = least_s;
}

static void remember(const struct weir_stats *stats, struct sample *out)
{
    out->elapsed_ns = stats->elapsed_ns;
    out->attempts = stats->attempts;
    for (size_t i = 0; i < stats->limit_count; i++)
        out->wait_ns[i] = stats->limits[i].wait_ns;
}

static void say_plain(const struct moment *moment)
{
    char line[WEIR__PROGRESS_LINE_SIZE];

    weir__progress_format_plain(&moment->stats, &moment->figures, &moment->pace, line, sizeof line);
    weir__say("%s", line);
}

static void draw(const struct moment *moment)
{
    char line[COLUMNS_MAX + 1];

    weir__progress_format(&moment->stats, &moment->figures, &moment->pace, terminal_columns(), line, sizeof line);
    weir__say_status(line);
}

static void *show_loop(void *context)
{
    struct weir__progress *progress = context;
    const bool drawn = progress->style == WEIR__PROGRESS_LINE;
    const int64_t interval_ns = drawn ? DRAWN_INTERVAL_NS : PLAIN_INTERVAL_NS;
    const size_t sample_count = drawn ? DRAWN_SAMPLES : 1;
    struct sample samples[DRAWN_SAMPLES] = {{0, 0, {0}}};
    struct weir__progress_eta eta = {0, 0, 0, 0};
    struct moment moment;
    int64_t next_ns = weir__clock_now_ns();

    for (size_t i = 0;; i++) {
        struct sample *sample = &samples[i % sample_count];
        next_ns += interval_ns;
        if (weir__sem_wait(&progress->end, next_ns))
            break;
        look(progress->weir, progress->account, sample, &eta, &moment);
        if (drawn)
            draw(&moment);
        else
            say_plain(&moment);
        remember(&moment.stats, sample);
        if (drawn)
            next_ns = weir__clock_now_ns(); /* a slow terminal gets fewer lines, not a backlog */
    }
    if (drawn)
        weir__say_status(NULL);
    return NULL;
}

void weir__progress_start(struct weir__progress *progress, struct weir *weir, const struct weir__account *account,
                          enum weir__progress_style style)
{
    progress->weir = weir;
    progress->account = account;
    progress->style = style;
    progress->running = false;
    if (!weir__sem_init(&progress->end, 0))
        return;
    progress->running = weir__thread_start(&progress->thread, show_loop, progress);
    if (!progress->running)
        weir__sem_clear(&progress->end);
}

void weir__progress_stop(struct weir__progress *progress)
{
    if (!progress->running)
        return;
    weir__sem_post(&progress->end);
    weir__thread_join(progress->thread);
    weir__sem_clear(&progress->end);
    progress->running = false;
}

void weir__progress_say(struct weir *weir, const struct weir__account *account)
{
    const struct sample beginning = {0, 0, {0}};
    struct pollfd err = {STDERR_FILENO, POLLOUT, 0};
    struct weir__progress_eta eta = {0, 0, 0, 0};
    struct moment moment;

    look(weir, account, &beginning, &eta, &moment);
    if (poll(&err, 1, 0) == 1)
        say_plain(&moment);
}
