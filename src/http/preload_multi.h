/*
 * preload_multi - what is known of a CURLM: the handles that wait for a permit, and those that have ended.
 *
 * A loop must never wait for a permit: its transfers advance, and give theirs back, only while it runs.  So a handle
 * that gets none at once is kept aside, in order, and added to the real CURLM when there is one: whenever the loop
 * comes by.  Until then it counts as running, and whatever tells the loop how long it may sleep says so much at most.
 *
 * libcurl's messages are read as soon as they are there and kept for the program: a program that reads them late, or
 * never, must not keep the permits of what has ended.
 *
 * A CURLM is used by one thread at a time.
 */
#ifndef WEIR_HTTP_PRELOAD_MULTI_H
#define WEIR_HTTP_PRELOAD_MULTI_H

#include "http/preload.h"

TAILQ_HEAD(weir__preload_list, weir__preload_transfer);

struct weir__preload_multi {
    struct weir__preload_entry entry;
    CURLM *multi;
    const struct weir__preload_curl *curl;
    struct weir__preload_list members;        /* all */
    struct weir__preload_list waiting, ended; /* in order */
    int waiting_count, ended_count;
    bool inside;                    /* a real call: what comes now comes from its callbacks */
    struct weir__preload_bell bell; /* where the porter rings, while handles wait */
    bool rung;                      /* it does */

    /* a program's own loop, with one timer that it sets when told to */
    curl_multi_timer_callback timer; /* NULL: it has none */
    void *timer_data;
    int64_t curl_due_ns; /* when libcurl wants to be called; WEIR__NEVER if not */
    int64_t told_ns;     /* what the program was told last; WEIR__NEVER once that timer has fired */
};

/*
 * What every function that is given a CURLM begins with: the libcurl that is meant (NULL: none), and what is known of
 * the handle; NULL where the call is to pass, since libcurl or a callback of its makes it, or nothing is.
 */
struct weir__preload_multi *weir__preload_multi_enter(const void *caller, CURLM *handle,
                                                      const struct weir__preload_curl **curl);

/* Made at need; NULL without memory. */
struct weir__preload_multi *weir__preload_multi_get(const struct weir__preload_curl *curl, CURLM *handle);

/* curl_multi_add_handle(): the handle goes at once, or waits. */
CURLMcode weir__preload_multi_add(struct weir__preload_multi *multi, struct weir__preload_transfer *transfer);

/* The handle is in no list and in no CURLM any more. */
void weir__preload_multi_leave(struct weir__preload_transfer *transfer);

/* Around each real call that moves transfers on: who may, goes, and what ended is collected. */
void weir__preload_multi_before(struct weir__preload_multi *multi);
void weir__preload_multi_after(struct weir__preload_multi *multi);

/* With what has just ended others may go: `admitted` says whether some do.  How many more run than libcurl said. */
int weir__preload_multi_refill(struct weir__preload_multi *multi, bool *admitted);

/* The oldest message, or NULL. */
CURLMsg *weir__preload_multi_message(struct weir__preload_multi *multi);

/* How long, in milliseconds, a timer may run until a look for a permit is worth while; a sleep that a ring ends. */
int weir__preload_multi_timer_ms(void);
int weir__preload_multi_sleep_ms(const struct weir__preload_multi *multi);

/* A descriptor that the porter makes readable, until the next look; -1 where there is none that select() can take. */
int weir__preload_multi_bell(struct weir__preload_multi *multi);

/* CURLMOPT_TIMERFUNCTION and CURLMOPT_TIMERDATA: the program's timer stays behind ours, which libcurl is told of. */
CURLMcode weir__preload_multi_set_timer(struct weir__preload_multi *multi, CURLMoption option, void *value);

#endif
