/*
 * bench_sample - every attempt of a round, as it ended; and when all are there, what they come to.
 *
 * Attempts are written to a file in memory that is nowhere mapped, so that the round's own memory does not grow with
 * them, and are looked at when the round has been measured.
 *
 * Latencies are those of attempts that succeeded, to the end of the response.  Without a rate limit of one's own they
 * count from the send.  With one, from when the job was to be sent at that rate: a client that stalls sends later than
 * it meant to, and would else leave out just the waits that its users have (coordinated omission).  What an attempt
 * took is the library's figure, on the monotonic clock.
 */
#ifndef WEIR_CLI_BENCH_SAMPLE_H
#define WEIR_CLI_BENCH_SAMPLE_H

#include "cli/bench_task.h"
#include "weir.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR__BENCH_SAMPLES_MAX 16000000u /* then they are only counted */
#define WEIR__BENCH_SAMPLES_HELD 1024u    /* before they are written */

struct weir__bench_sample {
    int64_t ended_ns;   /* since the round began */
    int64_t elapsed_ns; /* from the send, or the try to connect */
    uint32_t job;       /* from 0 */
    uint16_t status;    /* 0: no response */
    uint8_t error;      /* enum weir_error */
    bool good;          /* it was a success */
};

/* Threads: take and pause from any; the rest when all have ended. */
struct weir__bench_samples {
    pthread_mutex_t lock; /* guards all of the below; nothing is taken under it */
    int file;
    int64_t began_ns;
    uint64_t count;                                           /* in the file and held */
    struct weir__bench_sample held[WEIR__BENCH_SAMPLES_HELD]; /* the last of them */
    size_t held_count;
    bool failed; /* the file did not take them */
    struct weir__bench_pause pauses[WEIR__BENCH_PAUSES_MAX];
    size_t pause_count;
};

/* False where there is no file to be had. */
bool weir__bench_samples_init(struct weir__bench_samples *samples, int64_t began_ns);
void weir__bench_samples_clear(struct weir__bench_samples *samples);

void weir__bench_samples_take(struct weir__bench_samples *samples, const struct weir__bench_sample *sample);

/* A pause from `from_ns` on the monotonic clock; one that overlaps the last is part of it. */
void weir__bench_samples_pause(struct weir__bench_samples *samples, int64_t from_ns, int64_t wait_ns);

/* When job `job` was to be sent at these rates, since the round began; 0 without any.  A rate N per T with a pace means
 * a send each T/N after its burst; one without (window) N sends at once each T.  The slowest rate counts. */
int64_t weir__bench_intended_ns(const struct weir_rate *rates, size_t rate_count, uint64_t job);

/* Latencies, curve, slices, pauses and errors of the record.  False where the samples could not be read. */
bool weir__bench_samples_analyse(struct weir__bench_samples *samples, const struct weir_rate *rates, size_t rate_count,
                                 struct weir__bench_record *out);

#endif
