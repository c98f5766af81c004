/*
 * certificate - the proof a run carries: the most arrivals that any window of a given length can have held at the
 * server.
 *
 * A request arrives at an unknown moment between its send and the beginning of its response.  A window can hold it if
 * it begins before the response did and ends after the send.  Slide a window over the run: the count rises only where a
 * window's end passes a send, so the worst window ends right after some send s, and the requests that it can hold are
 * those sent by then, less those whose response began at s - T or before.  One FIFO of such responses is enough, and
 * the figure is exact: some choice of arrival times attains it.
 *
 * It watches; it limits nothing.  It measures sends and responses itself, so that it can convict the limiter.
 */
#ifndef WEIR_POLICY_CERTIFICATE_H
#define WEIR_POLICY_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

struct weir__certificate_entry {
    int64_t began_ns;
    uint32_t count;
};

struct weir__certificate {
    int64_t window_ns;
    uint64_t worst;     /* the figure */
    uint64_t open;      /* sends that a window ending now can hold */
    uint64_t uncertain; /* sends without a response */

    /* responses that began within the last window, oldest first */
    int64_t entries; /* where they are: bytes from this struct on, so that both can be in memory that is shared */
    uint32_t capacity, first, count;
};

/*
 * `capacity` responses are kept apart; further ones are merged with the latest, which can only raise the figure.  False
 * without memory.
 */
bool weir__certificate_init(struct weir__certificate *certificate, int64_t window_ns, uint32_t capacity);
void weir__certificate_clear(struct weir__certificate *certificate);

/* The same with memory of the caller's, which stays at the same distance from the certificate; do not clear it then. */
void weir__certificate_init_at(struct weir__certificate *certificate, int64_t window_ns,
                               struct weir__certificate_entry *entries, uint32_t capacity);

/* `to`, which is empty, becomes `from`, which is empty then. */
void weir__certificate_move(struct weir__certificate *to, struct weir__certificate *from);

/* Another window from here on: the figure begins anew, with the requests that are on their way. */
void weir__certificate_restart(struct weir__certificate *certificate, int64_t window_ns);

/* Somebody died while it changed: `on_the_way` requests are, the rest is as it stands. */
void weir__certificate_mend(struct weir__certificate *certificate, uint64_t on_the_way);

/* The responses that began within the last window, oldest first: calls `each` with moment and number. */
void weir__certificate_recall(const struct weir__certificate *certificate,
                              void (*each)(void *context, int64_t began_ns, uint32_t count), void *context);

/* A request leaves at `now_ns`. */
void weir__certificate_sent(struct weir__certificate *certificate, int64_t now_ns);

/* The response to one of the requests that left has begun; told a little late, it takes its place by `now_ns`. */
void weir__certificate_began(struct weir__certificate *certificate, int64_t now_ns);

/* One of those that were to leave has not. */
void weir__certificate_withdraw(struct weir__certificate *certificate);

/* One of the requests that left is given up: it may still arrive, and counts as arrived by now. */
void weir__certificate_gave_up(struct weir__certificate *certificate, int64_t now_ns);

#endif
