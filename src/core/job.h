/*
 * job - an accepted request with what becomes of it: one block of memory that owns everything.
 */
#ifndef WEIR_CORE_JOB_H
#define WEIR_CORE_JOB_H

#include "core/completions.h"
#include "pool/queue.h"
#include "weir.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir__job {
    struct weir__task task; /* first: the pool's view of it, with the caller's number as its id */

    bool stocked; /* its block goes back to the stock */

    /* the request, in the block behind the struct */
    const char *method;
    const char *url;
    struct weir_header *headers;
    size_t header_count;
    const void *body; /* NULL if none */
    size_t body_size;
    weir_done_fn done;
    struct weir__completion *completion; /* without a `done`: where the result goes; NULL: nobody is told */
    weir_sending_fn sending;
    void *user_data;
    char *redirect_url; /* heap: where a redirect led; NULL at first */

    bool keyed;     /* among the headers is an idempotency key, */
    bool key_given; /* which the caller knows */

    /* what has become of it */
    uint32_t tries;              /* times it was handed to the transport */
    uint32_t attempts;           /* of those, sends on the wire */
    uint32_t refusals;           /* of those, refused for the server's limits */
    uint32_t failures;           /* tries that failed, and may be repeated: retry.attempts counts them */
    uint32_t redirects;          /* */
    int http_status;             /* of the last attempt's response */
    int64_t ttfb_ns;             /* of that, from its send */
    bool repeats;                /* its next attempt is a retry, not a redirect */
    bool acted;                  /* as in weir__verdict_facts, */
    bool doubtful;               /* this too */
    int64_t sent_wall_ns;        /* wall clock of the last send; 0 if never, or if nobody will be told */
    int64_t accepted_ns;         /* when it was first queued; set at the first try, 0 before */
    int64_t queue_ns, permit_ns; /* summed over its tries */
};

/*
 * Blocks of jobs that are done, for the next ones.  A job is made by one thread and freed by another, which is the
 * worst case of malloc: a sixth of what weir added to a request, by perf at 128 threads.  `lock` is a leaf.
 */
struct weir__job_stock {
    pthread_mutex_t lock;
    struct weir__job *first;
};

#define WEIR__JOB_BLOCK_SIZE 512u /* a larger job has a block of its own, which is not kept */

bool weir__job_stock_init(struct weir__job_stock *stock);
void weir__job_stock_clear(struct weir__job_stock *stock); /* every job must have been freed */

/* Whether anybody will be told of its end. */
static inline bool weir__job_told(const struct weir__job *job)
{
    return job->done != NULL || job->completion != NULL;
}

/*
 * A copy of the request; NULL without memory.  With `key_header` it gets a field of that name besides, with `key` as
 * its value, unless it has one already; either way it is keyed.
 */
struct weir__job *weir__job_new(struct weir__job_stock *stock, const struct weir_request *request,
                                const char *key_header, const char *key);
void weir__job_free(struct weir__job_stock *stock, struct weir__job *job);

/* Turns it into the request that a redirect asks for; false without memory, or where a body, or what must not
 * be done twice, would go to another origin.
 */
bool weir__job_redirect(struct weir__job *job, const char *url, int http_status);

#endif
