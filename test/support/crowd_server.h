/*
 * crowd_server - an HTTP server on loopback for thousands of connections, in one thread of the test; it counts.
 *
 * A request is answered 200 after the plan's latency, unless its path says otherwise:
 *   /ms/N   after N milliseconds      /silent   never      /status/N   with that status
 */
#ifndef TEST_SUPPORT_CROWD_SERVER_H
#define TEST_SUPPORT_CROWD_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#define CROWD_ARRIVALS_MAX 20000u /* whose moments are kept */

struct crowd_plan {
    int64_t latency_ns;
    uint32_t hold;   /* nothing is answered before so many are in flight at once, or crowd_release(); 0: no hold */
    bool close_each; /* a connection for each request */
};

struct crowd_figures {
    uint64_t arrivals, answers, connections;
    uint32_t in_flight, peak_in_flight;
};

struct crowd_server;

/* NULL where it cannot be started. */
struct crowd_server *crowd_start(const struct crowd_plan *plan);
void crowd_stop(struct crowd_server *server); /* NULL is a no-op */

int crowd_port(const struct crowd_server *server);
struct crowd_figures crowd_figures(struct crowd_server *server);
void crowd_release(struct crowd_server *server); /* ends the hold for good */

/* Waits until so many are in flight, at most ten seconds. */
bool crowd_await_in_flight(struct crowd_server *server, uint32_t count);

/* The most arrivals within any window of that length, half open. */
uint32_t crowd_worst_window(struct crowd_server *server, int64_t window_ns);

/* Lets this process have so many descriptors; false where it may not. */
bool crowd_raise_fds(uint64_t count);

#endif
