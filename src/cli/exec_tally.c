/* exec_tally - `weir exec -v`: what all processes under the limits did together, and the lines about it at the end. */
#include "cli/exec.h"

#include "base/units.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool weir__exec_tally_open(struct weir__exec_tally *tally, const char *run)
{
    void *at = MAP_FAILED;
    int fd;

    (void)snprintf(tally->name, sizeof tally->name, "/weir-exec.%s", run);
    fd = shm_open(tally->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && ftruncate(fd, (off_t)sizeof *tally->figures) == 0)
        at = mmap(NULL, sizeof *tally->figures, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        tally->figures = at;
    else
        weir__say("weir exec: no shared memory: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    if (fd >= 0 && at == MAP_FAILED)
        (void)shm_unlink(tally->name);
    return at != MAP_FAILED;
}

void weir__exec_tally_close(struct weir__exec_tally *tally)
{
    if (tally->figures == NULL)
        return;
    (void)munmap(tally->figures, sizeof *tally->figures);
    (void)shm_unlink(tally->name);
    tally->figures = NULL;
}

/* The certificate of each rate: of all who share it. */
static void report_limits(struct weir_limits *limits)
{
    struct weir_limits_stats stats = {.struct_size = sizeof stats};

    weir_limits_snapshot(limits, &stats);
    for (size_t i = 1; i < stats.limit_count; i++) {
        const struct weir_limit_stats *limit = &stats.limits[i];
        weir__say("weir exec: %s: never more than %" PRIu64 " in that time%s%s", limit->name, limit->worst_window,
                  limit->learned_from[0] != '\0' ? ", learned from " : "", limit->learned_from);
    }
}

void weir__exec_tally_report(const struct weir__exec_tally *tally, struct weir_limits *limits)
{
    const uint64_t requests = atomic_load(&tally->figures->requests), waited = atomic_load(&tally->figures->waited);
    const uint64_t refused = atomic_load(&tally->figures->refused);
    char waits[32];

    if (requests == 0 && waited == 0) {
        weir__say("weir exec: no request went through the limits");
        return;
    }
    weir__units_format_elapsed(atomic_load(&tally->figures->wait_ns), waits, sizeof waits);
    weir__say("weir exec: %" PRIu64 " request%s, %" PRIu64 " waited, %s in all", requests, requests == 1 ? "" : "s",
              waited, waits);
    if (refused > 0)
        weir__say("weir exec: %" PRIu64 " refused by the server", refused);
    report_limits(limits);
}
