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
#define COLUMNS_DEFAULT 80
#define COLUMNS_MAX 200
#define BAR_WIDTH 20
#define BAR_COLUMNS_MIN 72 /* narrower terminals get the figures alone */

struct sample {
    int64_t elapsed_ns;
    uint64_t attempts;
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

void weir__progress_format(const struct weir_stats *stats, uint64_t total, double rate, double left_s, size_t columns,
                           char *out, size_t size)
{
    const uint64_t done = ended(stats), ok = stats->outcomes[WEIR_OUTCOME_SUCCEEDED];
    char line[512], left[32] = "";
    size_t used = 0;

    if (columns >= BAR_COLUMNS_MIN)
        used = draw_bar(done < total ? done : total, total, line);
    if (left_s >= 0)
        weir__units_format_elapsed((int64_t)(left_s * 1e9), left, sizeof left);
    /* what matters most comes first, since a narrow terminal cuts the rest */
    (void)snprintf(line + used, sizeof line - used,
                   "%" PRIu64 "/%" PRIu64 "  %.1f/s  %" PRIu64 " ok, %" PRIu64 " not, %" PRIu64 " 429  %" PRIu32
                   " in flight%s%s%s",
                   done, total, rate < 0 ? 0 : rate, ok, done - ok, stats->statuses[429], stats->in_flight,
                   left_s >= 0 ? "  " : "", left, left_s >= 0 ? " left" : "");
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

static void draw(const struct weir_stats *stats, uint64_t total, const struct sample *oldest)
{
    const uint64_t done = ended(stats);
    const double span_s = (double)(stats->elapsed_ns - oldest->elapsed_ns) / 1e9;
    double rate = -1, left_s = -1;
    char line[COLUMNS_MAX + 1];

    if (span_s > 0)
        rate = (double)(stats->attempts - oldest->attempts) / span_s;
    if (done > 0 && done < total)
        left_s = (double)stats->elapsed_ns / 1e9 / (double)done * (double)(total - done);
    weir__progress_format(stats, total, rate, left_s, terminal_columns(), line, sizeof line);
    weir__say_status(line);
}

static void *draw_loop(void *context)
{
    struct weir__progress *progress = context;
    struct sample samples[SAMPLES] = {{0, 0}};
    static struct weir_stats stats; /* one progress line at a time */
    int64_t next_ns = weir__clock_now_ns();

    for (size_t i = 0;; i++) {
        next_ns += INTERVAL_NS;
        if (weir__sem_wait(&progress->end, next_ns))
            break;
        stats.struct_size = sizeof stats;
        weir_snapshot(progress->weir, &stats);
        draw(&stats, progress->total, &samples[i % SAMPLES]);
        samples[i % SAMPLES].elapsed_ns = stats.elapsed_ns;
        samples[i % SAMPLES].attempts = stats.attempts;
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
