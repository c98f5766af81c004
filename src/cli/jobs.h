/*
 * jobs - the jobs of a run, one by one: a number of equal ones, or the lines of an input over what the configuration
 * says.
 *
 * A line's header fields come over the configuration's, its relative URL against `url`, its method and body instead.
 * Numbers are the input's line numbers, or 1 to `total`.  Not thread-safe; what becomes of a job is not its concern.
 */
#ifndef WEIR_CLI_JOBS_H
#define WEIR_CLI_JOBS_H

#include "cli/expand.h"
#include "cli/input.h"
#include "cli/resolve.h"
#include "json/config.h"
#include "json/jobline.h"
#include "weir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__job_given {
    uint64_t line;
    const char *custom_id; /* NULL: the number */
    size_t custom_id_size;
    const char *metadata; /* JSON; NULL if none */
    size_t metadata_size;
    const char *error;           /* NULL; else why the line is no job, and `request` means nothing */
    struct weir_request request; /* its texts are in here until the next call */
};

struct weir__jobs {
    const struct weir__config *config;
    bool listed; /* from an input; else a number of equal ones */
    uint64_t number;
    struct weir_header *headers; /* the configuration's */
    struct weir__expand expand;  /* the configuration's request, for one number */
    struct weir_header *merged;
    size_t merged_capacity;

    struct weir__input input;
    enum weir__jobline_format format;
    struct weir__jobline jobline;
    struct weir__resolve resolve;
    char *line; /* a URL with a NUL behind it */
    size_t line_capacity;
    const char *text; /* of the current line; NULL where it was too long */
    size_t text_size;
};

/* An open input; of a file, its survey is done.  False after a message. */
bool weir__jobs_open(struct weir__jobs *jobs, const struct weir__config *config, enum weir__jobline_format format);
void weir__jobs_close(struct weir__jobs *jobs);

/* How many jobs there are; false where that shows only at the end. */
bool weir__jobs_count(const struct weir__jobs *jobs, uint64_t *out);

/* Goes to the next job, whose number is `jobs->number` then.  LINE where there is one; else as weir__input_next(). */
enum weir__input_next weir__jobs_next(struct weir__jobs *jobs);

/* Says that the input failed (errno), and after which line. */
void weir__jobs_say_failed(const struct weir__jobs *jobs);

/* What is wrong with a request that weir_submit() finds invalid. */
#define WEIR__JOBS_INVALID "its method, URL or a header must not be sent as it is"

/* The job that it stands at, as a request.  False without memory. */
bool weir__jobs_make(struct weir__jobs *jobs, struct weir__job_given *out);

#endif
