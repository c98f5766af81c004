/*
 * serve - the `weir serve` command: a rate-limited HTTP target on loopback, for demos, tests and benchmarks.
 *
 *     weir serve [CONFIG] [options]        `weir serve --help` lists them
 *
 * Every request is counted, whatever its path and method, at the moment when the whole request has arrived and its
 * `--uplink` delay has passed; then the verdict is fixed and the line of `--log` written, and after `--latency` it is
 * answered.  Three paths are special:
 *
 *   - GET /stats: the statistics below; neither counted nor delayed; flushes the log
 *   - POST /reset: zeroes the statistics and the window, so --refuse-for begins anew; neither counted nor delayed
 *   - /echo: counted as any other; answers with the request's body as it was
 *
 * /stats is one JSON object:
 *
 *   - arrivals, statuses: counted requests; answers by status
 *   - refused, resets: requests over the limit or within --refuse-for; connections closed on purpose (--reset)
 *   - in_flight, peak_in_flight: requests whose header section has arrived and whose answer is not yet handed to the
 *     HTTP library (so a client that keeps to N is never shown as more than N)
 *   - worst_window, period_s, limit: the exact most arrivals in any half-open window of the period, refused ones
 *     included; 1 s and null without --limit
 *   - connections, open_connections, peak_connections: TCP, that of the question included
 *   - elapsed_s, first_arrival_s, last_arrival_s: on the monotonic clock, from the start or the last /reset
 *   - paths, methods: counts by name; a path includes its query; "other" beyond 100,000 paths
 */
#ifndef WEIR_CLI_SERVE_H
#define WEIR_CLI_SERVE_H

/*
 * Runs the command: argv[0] is "serve".  Prints the URL as the first line on stdout, then serves until SIGINT, SIGTERM
 * or --duration.  Returns the exit code: 0; 2 for a usage error or an address that cannot be had; 5 where stdout or the
 * log cannot be written.  Blocks those signals in the calling thread and ignores SIGPIPE.
 */
int weir__serve_main(int argc, char **argv);

#endif
