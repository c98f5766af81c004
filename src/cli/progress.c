/* progress - see progress.h */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/sync.h"
#include "base/units.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define INTERVAL_NS (100 * WEIR__NS_PER_MS)
#define SAMPLES 10 /* the rate now is that of the last second */
#define LIMITS (sizeof((struct weir_stats *)0)->limits / sizeof((struct weir_stats *)0)->limits[0])
#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX 200
#define BAR_WIDTH 20
#define BAR_COLUMNS_MIN 72 /* narrower terminals get the figures alone */

struct sample {
    int64_t elapsed_ns;
    uint64_t attempts;
    int64_t wait_ns[LIMITS]; /* by limit */
};

static uint64_t ended(const struct weir_stats *stats)
{
    uint64_t sum = 0;
    for (int i = 0; i < WEIR_OUTCOME_COUNT; i++)
        sum += stats->outcomes[i];
    return sum;
}

static size_t draw_bar(uint64_t done, uint64_t total, char *out)
{
    const size_t full = total > 0 ? (size_t)((double)done / (double)total * BAR_WIDTH) : BAR_WIDTH;

    out[0] = '[';
    memset(out + 1, '#', full);
    memset(out + 1 + full, '.', BAR_WIDTH - full);
    memcpy(out + 1 + BAR_WIDTH, "] ", 2);
    return BAR_WIDTH + 3;
}

/* What the run does now: it sends at some rate, or it is paused. */
static void format_state(const struct weir_stats *stats, double rate, char *out, size_t size)
{
    char time[32];

    if (stats->pause.left_ns > 0) {
        weir__units_format_elapsed(stats->pause.left_ns, time, sizeof time);
        (void)snprintf(out, size, "paused %s (%s)", time, stats->pause.reason);
    } else {
        (void)snprintf(out, size, "%.1f/s", rate < 0 ? 0 : rate);
    }
}

/* What there is to say at the line's end: jobs in backoff, the limit that holds the run back, the time left. */
static void format_rest(const struct weir_stats *stats, const struct weir__progress_pace *pace, char *out, size_t size)
{
    const bool paused = stats->pause.left_ns > 0;
    char time[32];
    size_t used = 0;

    out[0] = '\0';
    if (stats->backed_off > 0)
        used += (size_t)snprintf(out + used, size - used, ", %" PRIu32 " in backoff", stats->backed_off);
    if (!paused && pace->held_by != NULL)
        used += (size_t)snprintf(out + used, size - used, "  at %s", pace->held_by);
    if (!paused && pace->left_s >= 0) {
        weir__units_format_elapsed((int64_t)(pace->left_s * 1e9), time, sizeof time);
        (void)snprintf(out + used, size - used, "  %s left", time);
    }
}

void weir__progress_format(const struct weir_stats *stats, uint64_t total, const struct weir__progress_pace *pace,
                           size_t columns, char *out, size_t size)
{
    const uint64_t done = ended(stats), ok = stats->outcomes[WEIR_OUTCOME_SUCCEEDED];
    char line[512], state[160], rest[160];
    size_t used = 0;

    if (columns >= BAR_COLUMNS_MIN)
        used = draw_bar(done < total ? done : total, total, line);
    format_state(stats, pace->rate, state, sizeof state);
    format_rest(stats, pace, rest, sizeof rest);
    /* what matters most comes first, since a narrow terminal cuts the rest */
    (void)snprintf(line + used, sizeof line - used,
                   "%" PRIu64 "/%" PRIu64 "  %s  %" PRIu64 " ok, %" PRIu64 " not, %" PRIu64 " 429  %" PRIu32
                   " in flight%s",
                   done, total, state, ok, done - ok, stats->statuses[429], stats->in_flight, rest);
    (void)snprintf(out, size, "%.*s", (int)columns, line);
}

/* One less than the width: a full line would make the terminal wrap. */
static size_t terminal_columns(void)
{
    struct winsize window;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col < 2)
        return COLUMNS_DEFAULT - 1;
    return window.ws_col > COLUMNS_MAX ? COLUMNS_MAX : window.ws_col - 1u;
}

/* The rate limit that the next job stood waiting for, for more than half of the time since `oldest`. */
static const char *held_by(const struct weir_stats *stats, const struct sample *oldest)
{
    const int64_t half_ns = (stats->elapsed_ns - oldest->elapsed_ns) / 2;

    for (size_t i = 1; i < stats->limit_count; i++)
        if (stats->limits[i].wait_ns - oldest->wait_ns[i] > half_ns)
            return stats->limits[i].name;
    return NULL;
}

static void draw(const struct weir_stats *stats, uint64_t total, const struct sample *oldest)
{
    const uint64_t done = ended(stats);
    const double span_s = (double)(stats->elapsed_ns - oldest->elapsed_ns) / 1e9;
    struct weir__progress_pace pace = {-1, -1, held_by(stats, oldest)};
    char line[COLUMNS_MAX + 1];

    if (span_s > 0)
        pace.rate = (double)(stats->attempts - oldest->attempts) / span_s;
    if (done > 0 && done < total)
        pace.left_s = (double)stats->elapsed_ns / 1e9 / (double)done * (double)(total - done);
    weir__progress_format(stats, total, &pace, terminal_columns(), line, sizeof line);
    weir__say_status(line);
}

static void remember(const struct weir_stats *stats, struct sample *out)
{
    out->elapsed_ns = stats->elapsed_ns;
    out->attempts = stats->attempts;
    for (size_t i = 0; i < stats->limit_count; i++)
        out->wait_ns[i] = stats->limits[i].wait_ns;
}

static void *draw_loop(void *context)
{
    struct weir__progress *progress = context;
    struct sample samples[SAMPLES] = {{0, 0, {0}}};
    static struct weir_stats stats; /* one progress line at a time */
    int64_t next_ns = weir__clock_now_ns();

    for (size_t i = 0;; i++) {
        next_ns += INTERVAL_NS;
        if (weir__sem_wait(&progress->end, next_ns))
            break;
        stats.struct_size = sizeof stats;
        weir_snapshot(progress->weir, &stats);
        draw(&stats, progress->total, &samples[i % SAMPLES]);
        remember(&stats, &samples[i % SAMPLES]);
        next_ns = weir__clock_now_ns(); /* a slow terminal gets fewer lines, not a backlog */
    }
    weir__say_status(NULL);
    return NULL;
}

void weir__progress_start(struct weir__progress *progress, struct weir *weir, uint64_t total)
{
    progress->weir = weir;
    progress->total = total;
    progress->running = false;
    if (!weir__sem_init(&progress->end, 0))
        return;
    progress->running = weir__thread_start(&progress->thread, draw_loop, progress);
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
