/*
 * job - an accepted request with what becomes of it: one block of memory that owns everything.
 */
#ifndef WEIR_CORE_JOB_H
#define WEIR_CORE_JOB_H

#include "pool/queue.h"
#include "weir.h"

#include <stddef.h>
#include <stdint.h>

struct weir__job {
    struct weir__task task; /* first: the pool's view of it */

    /* the request, in the block behind the struct */
    const char *method;
    const char *url;
    struct weir_header *headers;
    size_t header_count;
    const void *body; /* NULL if none */
    size_t body_size;
    uint64_t id;
    weir_done_fn done;
    void *user_data;
    char *redirect_url; /* heap: where a redirect led; NULL at first */

    /* what has become of it */
    uint32_t tries;              /* times it was handed to the transport */
    uint32_t attempts;           /* of those, sends on the wire */
    uint32_t redirects;          /* */
    uint32_t resends;            /* */
    bool repeats;                /* its next attempt is a resend, not a redirect */
    bool acted;                  /* as in weir__verdict_facts */
    int64_t sent_wall_ns;        /* wall clock of the last send; 0 if never, or if nobody will be told */
    int64_t accepted_ns;         /* when it was first queued; set at the first try */
    int64_t queue_ns, permit_ns; /* summed over its tries */
};

/* A copy of the request; NULL without memory. */
struct weir__job *weir__job_new(const struct weir_request *request);
void weir__job_free(struct weir__job *job);

/* Turns it into the request that a redirect asks for; false without memory, or where a body would go to another origin.
 */
bool weir__job_redirect(struct weir__job *job, const char *url, int http_status);

#endif
