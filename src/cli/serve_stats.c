/* serve_stats - see serve_stats.h */
#include "cli/serve_stats.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

void weir__serve_stats_init(struct weir__serve_stats *stats, uint32_t limit, int64_t period_ns, int64_t now_ns)
{
    *stats = (struct weir__serve_stats){.limit = limit, .start_ns = now_ns};
    weir__worst_init(&stats->worst, period_ns);
    weir__tally_init(&stats->paths, WEIR__SERVE_PATHS_MAX);
    weir__tally_init(&stats->methods, WEIR__SERVE_METHODS_MAX);
}

void weir__serve_stats_clear(struct weir__serve_stats *stats)
{
    if (stats == NULL)
        return;
    weir__worst_clear(&stats->worst);
    weir__tally_clear(&stats->paths);
    weir__tally_clear(&stats->methods);
}

void weir__serve_stats_reset(struct weir__serve_stats *stats, int64_t now_ns)
{
    stats->start_ns = now_ns;
    stats->arrivals = stats->refused = stats->resets = 0;
    memset(stats->statuses, 0, sizeof stats->statuses);
    weir__worst_reset(&stats->worst);
    weir__tally_clear(&stats->paths);
    weir__tally_clear(&stats->methods);
    stats->peak_in_flight = stats->in_flight;
    stats->connections = stats->peak_connections = stats->open_connections;
}

void weir__serve_stats_opened(struct weir__serve_stats *stats)
{
    stats->connections++;
    stats->open_connections++;
    if (stats->open_connections > stats->peak_connections)
        stats->peak_connections = stats->open_connections;
}

void weir__serve_stats_closed(struct weir__serve_stats *stats)
{
    stats->open_connections--;
}

void weir__serve_stats_began(struct weir__serve_stats *stats)
{
    stats->in_flight++;
    if (stats->in_flight > stats->peak_in_flight)
        stats->peak_in_flight = stats->in_flight;
}

void weir__serve_stats_ended(struct weir__serve_stats *stats)
{
    stats->in_flight--;
}

void weir__serve_stats_arrived(struct weir__serve_stats *stats, const char *path, const char *method, int64_t now_ns)
{
    if (stats->arrivals++ == 0)
        stats->first_ns = now_ns;
    stats->last_ns = now_ns;
    (void)weir__worst_add(&stats->worst, now_ns); /* without memory the next arrival tries again */
    weir__tally_add(&stats->paths, path);
    weir__tally_add(&stats->methods, method);
}

static void write_statuses(struct weir__writer *writer, const struct weir__serve_stats *stats)
{
    weir__writer_object(writer, "statuses");
    for (int status = 0; status <= WEIR__SERVE_STATUS_MAX; status++) {
        char name[12];
        if (stats->statuses[status] == 0)
            continue;
        (void)snprintf(name, sizeof name, "%d", status);
        weir__writer_uint(writer, name, stats->statuses[status]);
    }
    weir__writer_end(writer);
}

static void write_seconds(struct weir__writer *writer, const char *key, int64_t ns)
{
    weir__writer_decimal(writer, key, (double)ns / (double)WEIR__NS_PER_S, 9);
}

static void write_times(struct weir__writer *writer, const struct weir__serve_stats *stats, int64_t now_ns)
{
    write_seconds(writer, "elapsed_s", now_ns - stats->start_ns);
    if (stats->arrivals == 0) {
        weir__writer_null(writer, "first_arrival_s");
        weir__writer_null(writer, "last_arrival_s");
        return;
    }
    write_seconds(writer, "first_arrival_s", stats->first_ns - stats->start_ns);
    write_seconds(writer, "last_arrival_s", stats->last_ns - stats->start_ns);
}

char *weir__serve_stats_print(const struct weir__serve_stats *stats, int64_t now_ns, size_t *out_size)
{
    struct weir__writer writer = WEIR__WRITER_INIT;

    weir__writer_object(&writer, NULL);
    weir__writer_uint(&writer, "arrivals", stats->arrivals);
    write_statuses(&writer, stats);
    weir__writer_uint(&writer, "refused", stats->refused);
    weir__writer_uint(&writer, "resets", stats->resets);
    weir__writer_uint(&writer, "in_flight", stats->in_flight);
    weir__writer_uint(&writer, "peak_in_flight", stats->peak_in_flight);
    weir__writer_uint(&writer, "worst_window", stats->worst.most);
    write_seconds(&writer, "period_s", stats->worst.period_ns);
    if (stats->limit > 0)
        weir__writer_uint(&writer, "limit", stats->limit);
    else
        weir__writer_null(&writer, "limit");
    weir__writer_uint(&writer, "connections", stats->connections);
    weir__writer_uint(&writer, "open_connections", stats->open_connections);
    weir__writer_uint(&writer, "peak_connections", stats->peak_connections);
    write_times(&writer, stats, now_ns);
    weir__tally_write(&stats->paths, &writer, "paths");
    weir__tally_write(&stats->methods, &writer, "methods");
    weir__writer_end(&writer);
    if (writer.failed || writer.text == NULL) {
        weir__writer_clear(&writer);
        return NULL;
    }
    *out_size = writer.size;
    return writer.text; /* from malloc, as weir__writer_clear() frees it */
}
