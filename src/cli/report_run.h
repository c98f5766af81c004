/*
 * report_run - figures of a run, from its results file.
 *
 * The file is read as a stream and may be a journal, the results alone, or of a run that goes on.  Its lines say when a
 * job was sent last and how long it took in all, not each moment; what follows from that is said with the fields.
 */
#ifndef WEIR_CLI_REPORT_RUN_H
#define WEIR_CLI_REPORT_RUN_H

#include "base/histogram.h"
#include "cli/past.h"
#include "cli/report_line.h"
#include "cli/report_slices.h"
#include "json/bench_results.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__REPORT_CODES_MAX 32u
#define WEIR__REPORT_RUNS_MAX 64u
#define WEIR__REPORT_SHADES_MAX 256u

struct weir__report_code {
    char code[WEIR__REPORT_CODE_SIZE];
    uint64_t count;
};

/* A zeroed one is empty. */
struct weir__report_run {
    const char *name;   /* of the file */
    bool journal;       /* it has notes, too */
    bool torn;          /* its last line is not whole */
    bool ended;         /* in order, as far as the notes say */
    uint64_t jobs;      /* of the batch, where that is known; 0: it is not */
    int64_t started_ns; /* wall clock, of the first run; 0: not known */

    uint64_t results, outcomes[WEIR_OUTCOME_COUNT];
    uint64_t unsent;                             /* of the results */
    uint64_t attempts;                           /* of the jobs that have a result */
    uint64_t statuses[WEIR_HTTP_STATUS_MAX + 1]; /* [0]: sent, but no response */
    struct weir__report_code codes[WEIR__REPORT_CODES_MAX];
    size_t code_count;

    /* of a job's last send until the first byte of its response; until its end (of jobs with one send: of others that
     * is not known); from its acceptance to its end; before it was sent, in the queue and for permits */
    struct weir__histogram ttfb, sent, whole, queue, permit;

    /* moments are on the wall clock, less the time between runs */
    struct weir__report_slices slices;
    int64_t first_ns, last_ns;            /* the beginning, as far as it is known, and the last end; 0: none */
    uint64_t repeats;                     /* sends that the notes tell of, whose jobs were sent again */
    double runs_s[WEIR__REPORT_RUNS_MAX]; /* when later runs began, since first_ns */
    size_t run_count;                     /* of those */
    struct weir__bench_pause shades[WEIR__REPORT_SHADES_MAX]; /* times without a send between a send that was refused
                                                                 or failed and its repetition, as far as can be known */
    size_t shade_count;

    /* its own */
    struct weir__bits seen; /* jobs with a result: of several the first counts */
    int64_t cut_ns, runs_ns[WEIR__REPORT_RUNS_MAX];
};

/*
 * Reads the open regular file, whose first line says what it is: `journal`.  Returns WEIR__EXIT_OK; or
 * WEIR__EXIT_JOURNAL (damaged), WEIR__EXIT_OUTPUT (it cannot be read), WEIR__EXIT_USAGE (no job has ended, no memory),
 * after a message.  clear either way.
 */
int weir__report_run_read(struct weir__report_run *run, int fd, const char *name, bool journal);
/* When a slice begins, in seconds since first_ns. */
double weir__report_run_begin_s(const struct weir__report_run *run, size_t slice);
void weir__report_run_clear(struct weir__report_run *run);

#endif
