/*
 * bench_round - the child in which one round of one of weir's own subjects runs: `weir bench --child-round
 * TASK,RECORD`, with the numbers of two open files.  Nobody but `weir bench` calls it so.
 *
 * A program of its own, from exec on, since that is what a peer is, too: it begins as small, and what it costs to start
 * is counted.  It measures itself right after everything has ended; looking at the samples comes after that.
 */
#ifndef WEIR_CLI_BENCH_ROUND_H
#define WEIR_CLI_BENCH_ROUND_H

#define WEIR__BENCH_ROUND_FLAG "--child-round"

/* Exit code: 0 where a record was written, whatever it says. */
int weir__bench_round_main(const char *files);

#endif
