/*
 * handover - what `weir exec` hands on to the library that it puts before a program: the names in the environment, and
 * the figures that come back.  Both sides are of one version; nobody else reads or sets these.
 */
#ifndef WEIR_BASE_HANDOVER_H
#define WEIR_BASE_HANDOVER_H

#include <stdatomic.h>
#include <stdint.h>

#define WEIR__HANDOVER_SCOPE "WEIR_EXEC_SCOPE"             /* "host:NAME" */
#define WEIR__HANDOVER_CONCURRENCY "WEIR_EXEC_CONCURRENCY" /* "8"; "0": no such limit */
#define WEIR__HANDOVER_RATES "WEIR_EXEC_RATES"             /* "100/1s:strict,5000/1h:default,auto"; "": none */
#define WEIR__HANDOVER_TALLY "WEIR_EXEC_TALLY"             /* "/NAME" of a shared memory object; "": nobody counts */

#define WEIR__HANDOVER_RATES_SIZE 1024u
#define WEIR__HANDOVER_TALLY_SIZE 64u /* of the name */

/* The names of enum weir_shape, by its values. */
#define WEIR__HANDOVER_SHAPES                                                                                          \
    {                                                                                                                  \
        "default", "strict", "window", "paced"                                                                         \
    }

/* What all processes of one `weir exec` did together; it begins as zeroes. */
struct weir__handover_tally {
    _Atomic uint64_t requests; /* sent */
    _Atomic uint64_t waited;   /* how many waited for their permits */
    _Atomic int64_t wait_ns;   /* how long, in all */
    _Atomic uint64_t refused;  /* by the server, for its limits */
};

#endif
