/*
 * bench_process - a process that is measured: started as a group of its own, waited for, and what it cost.
 *
 * A signal to the benchmark ends the wait, and the process with it.  Threads: none but the caller.
 */
#ifndef WEIR_CLI_BENCH_PROCESS_H
#define WEIR_CLI_BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Blocks SIGINT, SIGTERM and SIGCHLD for what follows; children get the mask that was there. */
void weir__bench_process_prepare(void);

/* SIGINT or SIGTERM has come. */
bool weir__bench_process_interrupted(void);

struct weir__bench_process {
    pid_t pid; /* 0: none */
    int64_t started_ns;
};

/*
 * Runs `arguments` (the program's path first) with standard output and input, and with `silent` standard error,
 * nowhere.  The files of `kept` stay open in it.  False where there is no process to be had.
 */
bool weir__bench_process_start(struct weir__bench_process *process, char *const *arguments, bool silent,
                               const int *kept, int kept_count);

enum weir__bench_process_end {
    WEIR__BENCH_PROCESS_ENDED,
    WEIR__BENCH_PROCESS_INTERRUPTED, /* by a signal to us; it was killed */
    WEIR__BENCH_PROCESS_OVERDUE      /* it had not ended at `until_ns`; it was killed */
};

struct weir__bench_process_cost {
    int status;          /* of wait */
    int64_t ended_ns;    /* CLOCK_MONOTONIC */
    struct rusage usage; /* its own, and that of its children that it waited for */
};

enum weir__bench_process_end weir__bench_process_wait(struct weir__bench_process *process, int64_t until_ns,
                                                      struct weir__bench_process_cost *out);

#endif
