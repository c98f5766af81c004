/* bench_grid - see bench_grid.h */
#include "cli/bench_grid.h"

#include "cli/bench_median.h"
#include "cli/bench_measure.h"
#include "cli/bench_peer.h"
#include "cli/bench_process.h"
#include "cli/bench_target.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/say.h"
#include "json/writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(void)
{
    weir__say("weir bench: %s", weir_status_text(WEIR_NO_MEMORY));
    return WEIR__EXIT_USAGE;
}

/* ---------------------------------------------------------------------------------------------------------- entrants
 */

/* NULL, or why a peer cannot be measured. */
static const char *hindrance(const struct weir__bench *bench, const struct weir__config_peer *peer)
{
    const char *url = bench->config.url;

    if (url != NULL && strstr(url, "{i}") != NULL)
        return "the URL has {i} in it, which only weir replaces";
    if (url != NULL && (bench->config.url_secret || strcmp(bench->results.url, url) != 0))
        return "the URL has a secret in it, which must not stand on a command line";
    return weir__bench_peer_present(peer) ? NULL : "not installed";
}

static void choose_entrants(struct weir__bench *bench)
{
    static const char *const names[] = {"threads", "async", "naive"};
    const struct weir__config *config = &bench->config;

    for (size_t i = 0; i < config->bench.subject_count; i++)
        bench->entrants[bench->entrant_count++] = (struct weir__bench_entrant){
            .name = names[config->bench.subjects[i]],
            .kind = config->bench.subjects[i] == WEIR__SUBJECT_NAIVE ? "naive" : "engine",
            .subject = config->bench.subjects[i],
        };
    for (size_t i = 0; i < config->peer_count; i++)
        if (weir__bench_options_wants(bench->options.peers, config->peers[i].name))
            bench->entrants[bench->entrant_count++] = (struct weir__bench_entrant){
                .name = config->peers[i].name,
                .kind = "peer",
                .peer = &config->peers[i],
                .skipped = hindrance(bench, &config->peers[i]),
            };
}

/* Children inherit the limit on file descriptors, so it is raised once, here.  A place in an event loop needs one. */
static bool reserve(struct weir__bench *bench)
{
    const struct weir__config *config = &bench->config;
    uint64_t most = 0, threads = 0, fit;

    for (size_t i = 0; i < config->bench.concurrency_count; i++)
        most = config->bench.concurrency[i] > most ? config->bench.concurrency[i] : most;
    if (weir__files_reserve("bench", WEIR_ENGINE_ASYNC, most) < most)
        return false;
    for (size_t i = 0; i < config->bench.subject_count; i++) {
        const uint64_t needed = config->bench.subjects[i] == WEIR__SUBJECT_NAIVE     ? config->total
                                : config->bench.subjects[i] == WEIR__SUBJECT_THREADS ? most
                                                                                     : 0;
        threads = needed > threads ? needed : threads;
    }
    threads = threads > WEIR_CONCURRENCY_MAX ? WEIR_CONCURRENCY_MAX : threads;
    fit = threads > 0 ? weir__files_reserve("bench", WEIR_ENGINE_THREADS, threads) : 1;
    bench->thread_max = (uint32_t)fit;
    return fit > 0;
}

/* ------------------------------------------------------------------------------------------------------------- cells
 */

static char *copy(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

static bool begin_subject(const struct weir__bench_entrant *entrant, size_t round_count,
                          struct weir__bench_subject *subject)
{
    subject->name = copy(entrant->name);
    subject->kind = copy(entrant->kind);
    subject->skipped = copy(entrant->skipped);
    subject->rounds = calloc(round_count, sizeof *subject->rounds);
    return subject->name != NULL && subject->kind != NULL && subject->rounds != NULL &&
           (subject->skipped != NULL || entrant->skipped == NULL);
}

static bool begin_cell(const struct weir__bench *bench, uint32_t concurrency, int64_t latency_ns,
                       struct weir__bench_cell *cell)
{
    const size_t round_count = bench->config.bench.warmups + bench->config.bench.rounds;

    cell->concurrency = concurrency;
    cell->target_latency_ms = bench->results.built_in ? (double)latency_ns / 1e6 : NAN;
    cell->total = bench->config.total;
    cell->subjects = calloc(bench->entrant_count, sizeof *cell->subjects);
    if (cell->subjects == NULL)
        return false;
    cell->subject_count = bench->entrant_count;
    for (size_t i = 0; i < cell->subject_count; i++)
        if (!begin_subject(&bench->entrants[i], round_count, &cell->subjects[i]))
            return false;
    return true;
}

/* {"timeout":3}; statuses that count as failures are "http_status", as in a run's results. */
static char *errors_text(const struct weir__bench_tally *tally)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    weir__writer_object(&writer, NULL);
    for (unsigned error = WEIR_ERROR_NONE + 1; error < WEIR_ERROR_COUNT; error++)
        if (tally->errors[error] > 0)
            weir__writer_uint(&writer, weir_error_code((enum weir_error)error), tally->errors[error]);
    if (tally->failed_rounds > 0)
        weir__writer_uint(&writer, "failed_rounds", tally->failed_rounds);
    weir__writer_end(&writer);
    if (writer.failed)
        weir__writer_clear(&writer);
    return writer.text;
}

static bool end_cell(struct weir__bench_cell *cell, const struct weir__bench_tally *tallies)
{
    for (size_t i = 0; i < cell->subject_count; i++) {
        weir__bench_subject_sum_up(&cell->subjects[i]);
        cell->subjects[i].errors = errors_text(&tallies[i]);
        if (cell->subjects[i].errors == NULL)
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------------------ rounds
 */

static void show_progress(const struct weir__bench *bench, const struct weir__bench_cell *cell, uint32_t turn,
                          const char *name)
{
    char line[192], shown[96], latency[48] = "";

    if (bench->options.quiet || !weir__say_colour())
        return;
    if (!isnan(cell->target_latency_ms))
        (void)snprintf(latency, sizeof latency, ", %g ms", cell->target_latency_ms);
    (void)snprintf(line, sizeof line, "%u in flight%s: round %" PRIu32 " of %" PRIu32 ", %.64s", cell->concurrency,
                   latency, turn + 1, bench->results.warmups + bench->results.rounds,
                   weir__say_escape(name, shown, sizeof shown));
    weir__say_status(line);
}

/* A target that limits must not remember the one before. */
static bool renew_target(struct weir__bench *bench, int64_t latency_ns)
{
    if (!bench->results.built_in)
        return true;
    weir__target_stop(&bench->target);
    return weir__bench_target_start(&bench->target, latency_ns,
                                    bench->options.limit[0] == '\0' ? NULL : bench->options.limit);
}

/* One round of everybody.  Exit code. */
static int turn(struct weir__bench *bench, struct weir__bench_cell *cell, int64_t latency_ns, uint32_t number,
                struct weir__bench_tally *tallies)
{
    const uint32_t warmups = bench->results.warmups;

    for (size_t i = 0; i < bench->entrant_count; i++) {
        const size_t which = (i + number) % bench->entrant_count;
        struct weir__bench_entrant *entrant = &bench->entrants[which];
        struct weir__bench_subject *subject = &cell->subjects[which];

        if (entrant->skipped != NULL)
            continue;
        if (weir__bench_process_interrupted())
            return WEIR__EXIT_STOPPED;
        show_progress(bench, cell, number, entrant->name);
        if (bench->options.limit[0] != '\0' && !renew_target(bench, latency_ns))
            return WEIR__EXIT_USAGE;
        subject->rounds[subject->round_count].round = number < warmups ? 0 : number - warmups + 1;
        switch (weir__bench_measure(bench, entrant, cell, subject, &tallies[which])) {
        case WEIR__BENCH_MEASURED:
            subject->round_count++;
            break;
        case WEIR__BENCH_INTERRUPTED:
            return WEIR__EXIT_STOPPED;
        default:
            return no_memory();
        }
    }
    return WEIR__EXIT_OK;
}

static int measure_cell(struct weir__bench *bench, uint32_t concurrency, int64_t latency_ns,
                        struct weir__bench_cell *cell)
{
    struct weir__bench_tally tallies[WEIR__BENCH_SUBJECTS_MAX];
    int code = WEIR__EXIT_OK;

    memset(tallies, 0, sizeof tallies);
    if (!begin_cell(bench, concurrency, latency_ns, cell))
        return no_memory();
    if (bench->options.limit[0] == '\0' && !renew_target(bench, latency_ns))
        return WEIR__EXIT_USAGE;
    for (uint32_t i = 0; code == WEIR__EXIT_OK && i < bench->results.warmups + bench->results.rounds; i++)
        code = turn(bench, cell, latency_ns, i, tallies);
    weir__target_stop(&bench->target);
    if (code == WEIR__EXIT_OK && !end_cell(cell, tallies))
        return no_memory();
    return code;
}

int weir__bench_grid_measure(struct weir__bench *bench)
{
    const struct weir__config *config = &bench->config;
    const size_t latencies = bench->results.built_in ? config->bench.latency_count : 1;
    const size_t cells = latencies * config->bench.concurrency_count;
    int code = WEIR__EXIT_OK;

    if (!reserve(bench))
        return WEIR__EXIT_USAGE;
    choose_entrants(bench);
    bench->results.cells = calloc(cells, sizeof *bench->results.cells);
    if (bench->results.cells == NULL)
        return no_memory();
    for (size_t i = 0; code == WEIR__EXIT_OK && i < cells; i++) {
        bench->results.cell_count = i + 1;
        code = measure_cell(bench, config->bench.concurrency[i / latencies], config->bench.latency_ns[i % latencies],
                            &bench->results.cells[i]);
    }
    weir__target_stop(&bench->target);
    weir__say_status(NULL);
    return code;
}
