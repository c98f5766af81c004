/*
 * weir.h - send HTTP requests as fast as a limited API allows and no faster.
 *
 * This is the whole public contract of the library.  It has three layers, each of use alone:
 *
 *   dispatcher  (struct weir)         jobs in, outcomes out: queue, worker threads, limits, retries
 *   limits      (struct weir_limits)  for code that has its own HTTP: a permit before each request, and back after it
 *   policy      (plain functions)     what a response's header says of a server's limits; how long to back off
 *
 * Vocabulary.  A *job* is one request to be carried to an *outcome*.  An *attempt* is one send of it on the wire.  A
 * *limit* is a number of permits plus a hold: a permit is taken before each attempt and comes back `hold` after the
 * response.  A *concurrency limit* has a hold of 0; a *rate limit* "N per T" has N permits, each of which comes back T
 * after the response *began*, so that no window of length T at the server can count more than N.
 *
 * Threads.  Every function may be called from any thread, at the same time as any other, but for weir_new_from_file()
 * and the ..._free() functions, of which each is the last call on its handle.  None may be called in a signal handler.
 * Callbacks of a dispatcher run on weir's own threads (what watches, also on a thread that uses weir_limits_of()),
 * several at a time, and never while weir holds a lock.  They may call whatever does not wait: weir_submit() and
 * weir_take_result() with a timeout of 0, weir_cancel(), weir_stop(), weir_abort(), weir_snapshot(), the functions on
 * limits but an acquire that waits; neither weir_wait(), weir_drain() nor weir_free().  A callback must not throw or
 * longjmp out; it has a stack of 256 KiB; one that forks must not return in the child, and ends it if it does.  Of the
 * caller's own stack, weir_new() and weir_new_from_file() want 32 KiB, all others get by with PTHREAD_STACK_MIN.  A
 * signal that a thread catches ends none of its waits here, and none of them is a cancellation point.
 *
 * Processes.  A handle belongs to the process that made it.  In a child after fork() it is dead: functions on it that
 * return a status return WEIR_FORKED, the others do nothing, and its memory stays.  The child may make handles of its
 * own.  At exit() the transfers in flight of handles that were not freed are ended, so that no worker runs into what
 * exit() takes down; no callback begins after that, and jobs that had not ended are not told of.  What the host runs at
 * exit after weir may still call weir_stop() and weir_free(), which do not wait then.  libweir.so stays loaded after
 * dlclose(); with the static library inside a module, free every handle before the module is unloaded.
 *
 * Ownership.  What the caller passes in is copied before the call returns, except callbacks and user data, which must
 * stay valid until the handle is freed.  What a callback is handed is valid until it returns.
 *
 * Time.  All durations are nanoseconds on CLOCK_MONOTONIC, except `sent_at_ns`, which is on the wall clock.
 *
 * Failure.  A function that returns enum weir_status leaves its out parameters untouched unless it returns WEIR_OK; the
 * others do nothing for NULL.  A `struct_size` must be the structure's size, as the INIT macros have it.  Structures
 * grow at their ends alone, and a library takes the sizes of all earlier versions of its soname; any other size is
 * WEIR_INVALID.  The library prints nothing, never exits and leaves signal dispositions alone; its threads block all
 * signals but those that a fault of their own raises (SIGSEGV and its kin).
 */
#ifndef WEIR_H
#define WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION "0.1.0"

#if defined(__GNUC__) && __GNUC__ >= 4
#define WEIR_EXPORT __attribute__((visibility("default")))
#else
#define WEIR_EXPORT
#endif

/* ---------------------------------------------------------------------------------------------- limits on everything
 */

#define WEIR_CONCURRENCY_MAX 100000u  /* permits of the concurrency limit, and the most worker threads */
#define WEIR_QUEUE_MAX 1000000u       /* jobs that may wait in the queue */
#define WEIR_PERMITS_MAX 1000000u     /* permits of one rate limit */
#define WEIR_RATES_MAX 8u             /* rate limits of one dispatcher */
#define WEIR_REDIRECTS_MAX 50u        /* redirects followed for one job */
#define WEIR_HEADERS_MAX_SIZE 65536u  /* bytes of a response's header section, and of a request's headers */
#define WEIR_URL_MAX_SIZE 65536u      /* bytes of a URL */
#define WEIR_LEARNED_MAX 4u           /* rate limits learned from the server, beside those given */
#define WEIR_ATTEMPTS_MAX 1000u       /* sends of one job */
#define WEIR_REFUSALS_MAX 1000000u    /* refusals of one job */
#define WEIR_COMPLETIONS_MAX 1000000u /* results that may wait to be taken */
#define WEIR_SCOPE_NAME_MAX 64u       /* bytes of NAME in "host:NAME" */
#define WEIR_SCOPE_PARTIES_MAX 1024u  /* handles in all processes that may share one scope at a time */
#define WEIR_LOOPS_MAX 64u            /* event loops of the async engine */

/* ---------------------------------------------------------------------------------------------------------- statuses
 */

/* What a call returns.  X(NAME, value, text) */
#define WEIR_STATUS_MAP(X)                                                                                             \
    X(OK, 0, "ok")                                                                                                     \
    X(INVALID, 1, "invalid argument")                                                                                  \
    X(NO_MEMORY, 2, "out of memory")                                                                                   \
    X(FULL, 3, "no room in the queue")                                                                                 \
    X(STOPPED, 4, "stopped")                                                                                           \
    X(TIMEOUT, 5, "the time ran out first")                                                                            \
    X(NO_THREAD, 6, "no worker thread could be started")                                                               \
    X(TRANSPORT, 7, "libcurl could not be initialised")                                                                \
    X(TLS, 8, "a TLS file could not be loaded")                                                                        \
    X(NOT_FOUND, 9, "there is no such job")                                                                            \
    X(FORKED, 10, "the handle belongs to the parent process")                                                          \
    X(CONFIG, 11, "the configuration cannot be used")                                                                  \
    X(SCOPE, 12, "the scope's shared memory belongs to somebody else, or is not of this version")                      \
    X(SCOPE_LIMITS, 13, "the scope is in use with other limits")                                                       \
    X(SCOPE_FULL, 14, "too many share the scope")                                                                      \
    X(RESOURCE, 15, "the system has no file descriptor, or no shared memory, left")

enum weir_status {
#define WEIR_STATUS_ENUM(name, value, text) WEIR_##name = value,
    WEIR_STATUS_MAP(WEIR_STATUS_ENUM)
#undef WEIR_STATUS_ENUM
};

/* How an accepted job ended.  X(NAME, value, text) */
#define WEIR_OUTCOME_MAP(X)                                                                                            \
    X(SUCCEEDED, 0, "succeeded") /* answered with a status that counts as success */                                   \
    X(FAILED, 1, "failed")       /* answered otherwise, or surely not processed */                                     \
    X(UNKNOWN, 2, "unknown")     /* sent, and nobody can say whether it was processed */                               \
    X(CANCELLED, 3, "cancelled") /* a stop came before it was sent, or it may be sent again without harm, with the     \
                                    idempotency key that the caller gave it if it has one */

enum weir_outcome {
#define WEIR_OUTCOME_ENUM(name, value, text) WEIR_OUTCOME_##name = value,
    WEIR_OUTCOME_MAP(WEIR_OUTCOME_ENUM)
#undef WEIR_OUTCOME_ENUM
        WEIR_OUTCOME_COUNT
};

/* Why an attempt brought no success.  X(NAME, value, code); the codes are the ones in summaries and results. */
#define WEIR_ERROR_MAP(X)                                                                                              \
    X(NONE, 0, "none")                                                                                                 \
    X(STATUS, 1, "http_status")              /* an answer, with a status that does not count as success */             \
    X(BAD_REQUEST, 2, "bad_request")         /* the request cannot be sent: its URL, method or a header */             \
    X(RESOLVE, 3, "resolve")                 /* the host's or the proxy's name was not found */                        \
    X(CONNECT, 4, "connect")                 /* no connection: refused, unreachable, or not in time */                 \
    X(TLS, 5, "tls")                         /* the handshake failed, or the certificate was not accepted */           \
    X(TIMEOUT, 6, "timeout")                 /* the attempt's total time ran out */                                    \
    X(CONNECTION_LOST, 7, "connection_lost") /* the connection ended before the response did */                        \
    X(PROTOCOL, 8, "protocol")               /* what came back was not HTTP, or its encoding was broken */             \
    X(HEADERS_TOO_LARGE, 9, "headers_too_large")                                                                       \
    X(BODY_TOO_LARGE, 10, "body_too_large")                                                                            \
    X(REDIRECTS, 11, "redirects") /* more redirects than allowed, or one that cannot be followed */                    \
    X(STOPPED, 12, "stopped")     /* a stop, an abort or a cancel ended it */                                          \
    X(RESOURCE, 13, "resource")   /* this machine ran out of memory, ports or file descriptors */                      \
    X(DEADLINE, 14, "deadline")   /* the job's own time ran out before it could be sent, or sent again */

enum weir_error {
#define WEIR_ERROR_ENUM(name, value, code) WEIR_ERROR_##name = value,
    WEIR_ERROR_MAP(WEIR_ERROR_ENUM)
#undef WEIR_ERROR_ENUM
        WEIR_ERROR_COUNT
};

/* Static texts, never NULL; "?" for a value outside its enumeration. */
WEIR_EXPORT const char *weir_status_text(enum weir_status status);
WEIR_EXPORT const char *weir_outcome_text(enum weir_outcome outcome);
WEIR_EXPORT const char *weir_error_code(enum weir_error error);

/* WEIR_VERSION of the library that is linked in. */
WEIR_EXPORT const char *weir_version(void);

/* ------------------------------------------------------------------------------------------------------------- rates
 */

/* How a rate limit is kept. */
enum weir_shape {
    WEIR_SHAPE_DEFAULT = 0, /* strict where the period is at most WEIR_STRICT_PERIOD_MAX_NS, else window */
    WEIR_SHAPE_STRICT = 1,  /* hold and pace */
    WEIR_SHAPE_WINDOW = 2,  /* hold alone: the first `requests` go at once */
    WEIR_SHAPE_PACED = 3    /* pace alone: the full rate, no proof */
};

#define WEIR_STRICT_PERIOD_MAX_NS INT64_C(60000000000)
#define WEIR_PERIOD_MAX_NS (INT64_C(31) * 24 * 3600 * 1000000000) /* a month, the longest period of a rate limit */

/* At most `requests` in any window of `per_ns`. */
struct weir_rate {
    uint32_t requests;     /* 1 to WEIR_PERMITS_MAX */
    uint32_t burst;        /* sends that the pace lets through back to back; 0 means 1.  At most `requests` */
    int64_t per_ns;        /* 1 us to WEIR_PERIOD_MAX_NS */
    enum weir_shape shape; /* how it is kept */
};

/* Sends of an earlier dispatcher, or of somebody else's, which the server may still count. */
struct weir_past_send {
    int64_t ago_ns; /* how long ago they were over: since their responses began, or since nobody waits for one any more;
                       0 or more */
    uint32_t count; /* of them: 1 to WEIR_PERMITS_MAX */
};

/* -------------------------------------------------------------------------------------------------------- dispatcher
 */

/* An inclusive range of HTTP statuses. */
struct weir_status_range {
    uint16_t first;
    uint16_t last;
};

enum weir_event_type {
    WEIR_EVENT_ATTEMPT = 1,       /* an attempt ended: job_id, attempt, http_status, error, detail, elapsed_ns */
    WEIR_EVENT_LIMIT_REACHED = 2, /* a worker begins to wait for a limit: limit_name, wait_ns */
    WEIR_EVENT_RETRY = 3,   /* the attempt just told of will be followed by another: job_id, attempt, wait_ns until then
                               (0: as soon as the limits allow) */
    WEIR_EVENT_PAUSED = 4,  /* the server wants no request for a while: http_status, detail (why: "429, retry-after"),
                               wait_ns */
    WEIR_EVENT_LEARNED = 5, /* a rate limit was learned from the server and holds from here on: limit_name, detail (the
                               header field that states it) */
    WEIR_EVENT_GAVE_UP = 6  /* a job would have to wait for a pause longer than pause_max_ns: the dispatcher stops
                               itself, as weir_stop() does: detail, wait_ns */
};

struct weir_event {
    enum weir_event_type type;
    uint64_t job_id;        /* as the request had it */
    uint32_t attempt;       /* 1 for the job's first */
    int http_status;        /* 0 where there was no response */
    enum weir_error error;  /* NONE where there was a response */
    const char *detail;     /* what the error was, for people; "" if none */
    int64_t elapsed_ns;     /* from the send (or the try to connect) to the end of the response */
    const char *limit_name; /* "concurrency", "100/1s" */
    int64_t wait_ns;        /* how long the worker will wait; -1 where that depends on a response */
};

typedef void (*weir_event_fn)(void *user_data, const struct weir_event *event);

/* What performs attempts.  Limits, retries, results and statistics are the same; the two differ in how they wait. */
enum weir_engine {
    WEIR_ENGINE_THREADS = 0, /* a blocking transfer in each of a pool of threads */
    WEIR_ENGINE_ASYNC = 1    /* many transfers in each of a few event loops, over HTTP/2 where a TLS server offers it (a
                                stream that it refuses counts as lost); callbacks run on those, and whatever one
                                of them waits for keeps all transfers of its loop waiting */
};

/* The engine that WEIR_OPTIONS_INIT names; may be defined before this header is included. */
#ifndef WEIR_ENGINE_DEFAULT
#define WEIR_ENGINE_DEFAULT WEIR_ENGINE_THREADS
#endif

/* What a dispatcher keeps to.  Start from WEIR_OPTIONS_INIT, which holds the defaults; 0 and NULL mean just that. */
struct weir_options {
    size_t struct_size;

    /* limits */
    uint32_t concurrency;          /* permits of the concurrency limit, 1 to WEIR_CONCURRENCY_MAX */
    uint32_t worker_max;           /* thread ceiling, at most WEIR_CONCURRENCY_MAX; 0 means `concurrency`, and stays at
                                      that when it is changed.  Threads start only when they are needed.  With
                                      WEIR_ENGINE_ASYNC a worker is a place for one transfer in an event loop */
    uint32_t queue_max;            /* jobs that may wait, 1 to WEIR_QUEUE_MAX */
    const struct weir_rate *rates; /* NULL if none */
    size_t rate_count;             /* at most WEIR_RATES_MAX */
    const char *scope; /* who shares the limits: NULL and "process": this handle alone; "host:NAME": every handle of the
                          machine that has the same scope, see "limits" below */
    const struct weir_past_send *past_sends; /* oldest first; NULL if none.  Each takes a permit of every rate limit
                                                that its period still covers, and counts in its certificate */
    size_t past_send_count;

    /* one attempt */
    int64_t connect_timeout_ns; /* more than 0 */
    int64_t timeout_ns;         /* of the whole attempt, waiting for permits not counted; more than 0 */
    uint32_t redirect_max;      /* redirects to follow; each is an attempt and pays for permits; a request's own header
                                   fields are left out towards another origin, and neither a body nor what must not be
                                   done twice is sent there: such a redirect ends the job with WEIR_ERROR_REDIRECTS */
    size_t body_max_size;       /* the largest decoded response body */
    bool keep_bodies;           /* hand the body to who is told of the end; else it is counted and dropped */

    int64_t deadline_ns; /* of a whole job, from its acceptance; 0: none */

    /* what counts as success; NULL means 200 to 299 */
    const struct weir_status_range *success;
    size_t success_count;

    /* sending again */
    uint32_t attempt_max;      /* most tries of one job, refusals and redirects not counted, connections that never came
                                  included: 1 to WEIR_ATTEMPTS_MAX */
    uint32_t refusal_max;      /* most refusals of one job, at most WEIR_REFUSALS_MAX */
    int64_t backoff_ns;        /* the wait before the n-th retry is drawn from 0 up to the lesser of backoff_max_ns, */
    int64_t backoff_max_ns;    /* and backoff_ns * 2^(n-1) */
    int64_t pause_max_ns;      /* a job that has to wait for a longer one stops the dispatcher; negative: none does */
    double retry_budget;       /* retries earned by each success, 0 to 1e6, on a reserve of 100 for all jobs together */
    bool retry_non_idempotent; /* also what may have been processed and must not be done twice */
    const struct weir_status_range *retry_statuses; /* NULL means 408, 429, 500, 502, 503, 504; an empty list, not
                                                         NULL: none */
    size_t retry_status_count;
    bool learn_rate;                /* adopt the limits that the server states, from the first response on */
    const char *idempotency_header; /* a field that carries one key a job, the same on all its sends; NULL: none */

    /* TLS */
    const char *ca_file;          /* PEM; NULL means the system's certificate authorities */
    const char *client_cert_file; /* PEM; NULL if none */
    const char *client_key_file;  /* PEM; NULL if none */
    int tls_version_min;          /* 12 or 13, for 1.2 and 1.3 */
    bool insecure;                /* do not verify the peer: only for tests */

    /* watching */
    weir_event_fn on_event; /* NULL if nobody watches */
    void *event_user_data;

    uint32_t completion_max; /* results that may wait in the completion queue, those of jobs on their way included; at
                                most WEIR_COMPLETIONS_MAX; 0: there is no such queue */

    enum weir_engine engine;
    uint32_t loop_count; /* event loops, each a thread, of WEIR_ENGINE_ASYNC: 1 to WEIR_LOOPS_MAX; more than
                            `worker_max` are not started */
};

#define WEIR_OPTIONS_INIT                                                                                              \
    {                                                                                                                  \
        sizeof(struct weir_options), 50, 0, 1024, NULL, 0, NULL, NULL, 0, INT64_C(10000000000), INT64_C(60000000000),  \
            0, (size_t)16 * 1024 * 1024, false, 0, NULL, 0, 5, 100, INT64_C(500000000), INT64_C(60000000000),          \
            INT64_C(600000000000), 0.5, false, NULL, 0, false, NULL, NULL, NULL, NULL, 12, false, NULL, NULL, 0,       \
            WEIR_ENGINE_DEFAULT, 1                                                                                     \
    }

struct weir_header {
    const char *name;
    const char *value;
};

/* How a job ended: what a completion callback is handed, or the completion queue gives. */
struct weir_result {
    uint64_t job_id;
    void *user_data; /* of the request */
    enum weir_outcome outcome;
    enum weir_error error;
    const char *detail; /* what went wrong, for people; "" where `error` says it all */
    int http_status;    /* of the last attempt's response, 0 where it had none */
    uint32_t attempts;  /* sends on the wire */
    uint32_t refusals;  /* of those, how many the server refused for its limits */

    const struct weir_header *headers; /* of that response, in order; repeated names stand repeatedly */
    size_t header_count;
    const void *body; /* decoded; NULL without `keep_bodies` */
    size_t body_size;

    int64_t queue_ns;   /* from its acceptance until it was the next to go, */
    int64_t permit_ns;  /* then for permits and pace; both are summed up over its attempts */
    int64_t connect_ns; /* of the last attempt: name look-up, TCP and TLS; 0 on a kept connection */
    int64_t ttfb_ns;    /* of the last attempt: from the send to the first byte of the response */
    int64_t total_ns;   /* from its acceptance to the end */
    int64_t sent_at_ns; /* wall clock of the last send, since 1970; 0 if never sent */
};

/* Runs once for each accepted job, on a worker thread, which can be before weir_submit() has returned. */
typedef void (*weir_done_fn)(void *user_data, const struct weir_result *result);

/*
 * Runs on a worker before a send of the job, with its permits taken and its connection made: the place for a note that
 * must be durable before the request leaves.  `attempt` is 1 for the job's first send.  It may take its time, which is
 * not counted against the attempt's.  After it only the pace, a pause, a stop, a cancel or the job's deadline can still
 * hold the send back; it is then asked again with the same number, if the job goes on.  False: the request is not sent,
 * and the job ends as by a stop.
 */
typedef bool (*weir_sending_fn)(void *user_data, uint64_t job_id, uint32_t attempt);

/* One job. Start from WEIR_REQUEST_INIT. */
struct weir_request {
    size_t struct_size;
    const char *method; /* a token of RFC 9110 in capitals */
    const char *url;    /* absolute, http or https */
    const struct weir_header *headers;
    size_t header_count;
    const void *body; /* NULL if none */
    size_t body_size;
    uint64_t job_id;             /* the caller's own number, handed back */
    weir_done_fn done;           /* NULL: the result goes to the completion queue, or to nobody where there is none */
    void *user_data;             /* handed to them */
    const char *idempotency_key; /* without quotes and backslashes, at most 252 bytes; sent in double quotes in the
                                    field options.idempotency_header; NULL: weir makes one, a random UUID */
    weir_sending_fn sending;     /* NULL if nobody asks; is handed `user_data` */
};

#define WEIR_REQUEST_INIT                                                                                              \
    {                                                                                                                  \
        sizeof(struct weir_request), "GET", NULL, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, NULL                          \
    }

struct weir; /* a dispatcher: its queue, limits, workers and counters */

/*
 * Makes a dispatcher with no thread yet.
 * Returns WEIR_OK; WEIR_INVALID for NULL, an option out of range, a scope that is none, or another struct_size;
 * WEIR_NO_MEMORY; WEIR_TRANSPORT; WEIR_TLS for a file of authorities, a client's certificate or a key that cannot be
 * loaded; WEIR_RESOURCE where the completion queue's or the scope's file descriptor or memory could not be had;
 * WEIR_SCOPE, WEIR_SCOPE_LIMITS and WEIR_SCOPE_FULL as weir_limits_new().
 */
WEIR_EXPORT enum weir_status weir_new(const struct weir_options *options, struct weir **out);

/*
 * Makes one as a configuration file of `weir run` says (weir.conf(5)).  Its keys for limits, attempts, retries, scope
 * and TLS count; those that say what to send and where results go are checked and otherwise of no meaning here, and
 * none of them is required.  `options` (NULL: the defaults) gives what no file can say: completion_max, keep_bodies,
 * what watches, past sends; of what a file has a key for, the file counts, or the default.
 * Returns what weir_new() does, WEIR_INVALID too for NULL instead of `path`, or of `errors` with a size; and
 * WEIR_CONFIG where the file cannot be read or has mistakes.  `errors`, of `size` bytes, then holds one line of text
 * for each ("conf.json:4: concurrency: expected ..."), cut where there is no room for more; it is NUL-terminated, and
 * empty upon any other status.  `errors` may be NULL where `size` is 0.  It must not overlap with another call of it,
 * with the host's own use of cJSON's parser (which has a global error pointer) or with setenv().
 */
WEIR_EXPORT enum weir_status weir_new_from_file(const char *path, const struct weir_options *options, char *errors,
                                                size_t size, struct weir **out);

/*
 * Accepts a job.  Where the queue is full (or the completion queue's room is taken), waits for room for at most
 * `timeout_ns`; 0 does not wait, a negative value waits without end.
 * Returns WEIR_OK, after which the end will be told exactly once, to whom there is to tell; WEIR_INVALID for NULL,
 * another struct_size, and for a method, URL or header field that must not reach the wire (CR, LF, NUL, spaces in
 * names) or is too long; WEIR_FULL where `timeout_ns` is 0, WEIR_TIMEOUT where it passed; WEIR_STOPPED after
 * weir_stop(), weir_abort() or weir_drain(), and after WEIR_EVENT_GAVE_UP; WEIR_NO_MEMORY; WEIR_NO_THREAD where not
 * even one worker could be started; WEIR_FORKED.
 */
WEIR_EXPORT enum weir_status weir_submit(struct weir *weir, const struct weir_request *request, int64_t timeout_ns);

/*
 * Ends every job of that id that has not ended: one that waits is not sent (again), a transfer in flight is cut off.
 * They are told of as after weir_abort(); one that was answered before keeps its outcome.  Does not wait for that: who
 * tells is a worker, and where all of them are in transfers, the first that comes back.  Looks at every job that waits,
 * under the lock that all share: some 10 ns for each.
 * Returns WEIR_OK; WEIR_NOT_FOUND where no such job is on its way: it has ended, or its `done` is running;
 * WEIR_INVALID for NULL; WEIR_FORKED.
 */
WEIR_EXPORT enum weir_status weir_cancel(struct weir *weir, uint64_t job_id);

/*
 * Waits until every accepted job has ended and its `done` has returned, for at most `timeout_ns` (negative: without
 * end). Results in the completion queue have ended, taken or not. Returns WEIR_OK; WEIR_TIMEOUT; WEIR_INVALID for NULL;
 * WEIR_FORKED.
 */
WEIR_EXPORT enum weir_status weir_wait(struct weir *weir, int64_t timeout_ns);

/*
 * Accepts no further job, carries out those that it has, and waits for their ends as weir_wait() does, whose statuses
 * it returns.  After WEIR_TIMEOUT the jobs go on: wait once more, or weir_stop(), or weir_abort().
 */
WEIR_EXPORT enum weir_status weir_drain(struct weir *weir, int64_t timeout_ns);

/*
 * Starts no further send.  Jobs in flight finish; jobs that wait end as cancelled, or as failed where what must not be
 * done twice was answered with a redirect; weir_submit() returns WEIR_STOPPED.  Returns at once; weir_wait() waits for
 * the rest.
 */
WEIR_EXPORT void weir_stop(struct weir *weir);

/* weir_stop(), and ends every transfer in flight at once, even a silent one; only the system's look-up of a name cannot
 * be ended: threads wait for it, event loops leave it behind. */
WEIR_EXPORT void weir_abort(struct weir *weir);

/* weir_abort(), joins every thread, then frees the handle: all callbacks have run by then.  Results that nobody took
 * are freed, and their user_data is not handed back: drain and take first.  Those that were taken stay the taker's. */
WEIR_EXPORT void weir_free(struct weir *weir);

/*
 * The completion queue, for services with a loop of their own: with options.completion_max, the result of each job
 * without a `done` is put there, in order of completion, and is the taker's until weir_result_free().
 *
 * weir_completion_fd() is an eventfd (non-blocking, close-on-exec) that polls as readable while a result waits: watch
 * it, and never read it; take results until there is none.  -1 without such a queue, for NULL, or in a child process;
 * closed by weir_free().
 *
 * weir_take_result() waits for a result for at most `timeout_ns` (0: not at all; negative: without end).  NULL where
 * none came, where there is no such queue, and at once where nothing is on its way after a stop or a drain.  Where
 * there was no memory for a copy of the response, its headers and body are missing, and `detail` says so.
 */
WEIR_EXPORT int weir_completion_fd(const struct weir *weir);
WEIR_EXPORT const struct weir_result *weir_take_result(struct weir *weir, int64_t timeout_ns);
WEIR_EXPORT void weir_result_free(const struct weir_result *result); /* NULL is a no-op */

/* -------------------------------------------------------------------------------------------------------- statistics
 */

struct weir_limit_stats {
    char name[48];         /* "concurrency", "100/1s" */
    enum weir_shape shape; /* never WEIR_SHAPE_DEFAULT; of no meaning for the concurrency limit */
    uint32_t permits;      /* how many there are */
    uint64_t waits;        /* jobs that had to wait for this limit as the next to go */
    uint64_t worst_window; /* the certificate: the most arrivals that any window of hold_ns can have held, of what was
                              sent since the limit was there */
    uint64_t uncertain;    /* of all sends, those without a response: they may have arrived later */
    int64_t hold_ns;       /* 0 for the concurrency limit */
    int64_t wait_ns;       /* how long they waited, in all */
    char learned_from[64]; /* the response's header field that it was learned from; "" for a limit that was given */
};

/* Upper ends of the classes in which latencies are counted. */
#define WEIR_LATENCY_BOUNDS_NS                                                                                         \
    {                                                                                                                  \
        1000000, 2500000, 5000000, 10000000, 25000000, 50000000, 100000000, 250000000, 500000000, 1000000000,          \
            INT64_C(2500000000), INT64_C(5000000000), INT64_C(10000000000), INT64_C(30000000000), INT64_C(60000000000) \
    }
#define WEIR_LATENCY_BOUND_COUNT 15u

/* How long a request took from its send to the end of its response, over the jobs that succeeded; but ttfb_mean_ns. */
struct weir_latency_stats {
    uint64_t count;
    int64_t p50_ns, p90_ns, p99_ns, p99_9_ns, max_ns, mean_ns;
    int64_t sum_ns;
    uint64_t at_most[WEIR_LATENCY_BOUND_COUNT]; /* how many took at most that long, each class with those below it;
                                                   right to within 1/64 of the bound */
    int64_t ttfb_mean_ns; /* from the send to the first byte of the response, over all responses */
};

/* Where the workers' time went; the parts add up to the number of those that were started x elapsed. */
struct weir_time_stats {
    int64_t sending_ns, permit_wait_ns, pace_wait_ns, paused_ns, backoff_ns, idle_ns;
};

/* Stops of all sending that the server asked for. */
struct weir_pause_stats {
    uint64_t count;
    int64_t left_ns;         /* of the one in force; 0: none is */
    int64_t longest_ns;      /* of all */
    bool gave_up;            /* one was longer than pause_max_ns, and the dispatcher stopped itself */
    char reason[96];         /* of the newest: "429, retry-after" */
    struct weir_rate stated; /* the limit that the server last stated; requests is 0 where it never did */
    char stated_by[64];      /* in this header field */
    double slowed_to_per_s;  /* where it states none: what its refusals let weir slow down to; 0: never, or no more */
};

#define WEIR_HTTP_STATUS_MAX 999u

struct weir_stats {
    size_t struct_size;
    uint64_t accepted; /* jobs; each is in exactly one of the outcomes, or still on its way */
    uint64_t outcomes[WEIR_OUTCOME_COUNT];
    uint64_t attempts;
    uint64_t retries;                            /* attempts after a job's first, redirects not counted */
    uint64_t refusals;                           /* attempts that the server refused for its limits */
    uint64_t budget_denied;                      /* jobs that ended since the retry budget was used up */
    uint64_t statuses[WEIR_HTTP_STATUS_MAX + 1]; /* attempts by HTTP status */
    /* attempts without a whole response, by reason; and jobs that a deadline, or a stop that left a doubt, ended while
     * they waited */
    uint64_t errors[WEIR_ERROR_COUNT];
    uint64_t connections; /* opened */
    uint32_t in_flight;
    uint32_t peak_in_flight;
    uint32_t queued;     /* jobs that wait to go, */
    uint32_t backed_off; /* and those that wait for their next attempt's time */
    uint32_t workers;    /* threads started */
    int64_t elapsed_ns;  /* since weir_new() */
    struct weir_latency_stats latency;
    struct weir_time_stats time;
    struct weir_pause_stats pause;
    size_t limit_count;
    /* the concurrency limit first, then those given, then those learned */
    struct weir_limit_stats limits[WEIR_RATES_MAX + WEIR_LEARNED_MAX + 1];
};

/* Fills `out`, whose struct_size the caller has set; another size leaves it as it is.  A struct weir_stats has 11 KB:
 * mind small stacks.  Cheap enough for ten times a
 * second; figures are of one moment for each worker, not for all of them together. */
WEIR_EXPORT void weir_snapshot(struct weir *weir, struct weir_stats *out);

/* ------------------------------------------------------------------------------------------------------------ limits
 *
 * The limits alone: a permit is acquired right before a request is sent and released after it.  Hold, pace and the
 * server's pauses work as they do in a dispatcher; what waits for a permit are the caller's own threads.
 *
 * A scope "host:NAME" (NAME: 1 to WEIR_SCOPE_NAME_MAX letters, digits, ".", "_" and "-", the first no ".") is one set
 * of limits for all handles of the machine that name it, whatever process they are in: permits, holds, paces, pauses,
 * learned limits and the certificate are in POSIX shared memory (/dev/shm/weir.NAME, mode 0600).  The first gives the
 * limits; who comes later must ask for those that it gave, or those that are in force, or, with weir_limits_new(), for
 * none at all, which takes them as they are.  They stay when everybody has gone, so that what was sent is not
 * forgotten; the next may then bring other ones.  A process that dies, at whatever point, gives its permits back as if
 * it had given up on its requests: others notice within a quarter of a second, if they need them.  One that is stopped
 * (SIGSTOP) keeps what it has until it goes on; in the very instant in which it holds the shared lock, some hundred
 * nanoseconds of each call, that is everything.
 */

struct weir_limits;

struct weir_limits_options {
    size_t struct_size;
    uint32_t concurrency; /* permits of the concurrency limit, at most WEIR_CONCURRENCY_MAX; 0: there is none */
    const struct weir_rate *rates; /* NULL if none */
    size_t rate_count;             /* at most WEIR_RATES_MAX */
    const char *scope;             /* NULL and "process": this handle alone; "host:NAME" */
    bool learn_rate;               /* adopt the limits that the server states, from the first response on; else only
                                      those that it refuses by */
    int64_t backoff_ns;     /* of refusals that name no wait: the first pause is drawn from a half of this up to the
                               whole, and doubles with each in a row, */
    int64_t backoff_max_ns; /* up to this */
    weir_event_fn on_event; /* LIMIT_REACHED, PAUSED, LEARNED; runs on the thread that calls, without a lock */
    void *event_user_data;
};

#define WEIR_LIMITS_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(struct weir_limits_options), 0, NULL, 0, NULL, false, INT64_C(500000000), INT64_C(60000000000), NULL,   \
            NULL                                                                                                       \
    }

/* A permit of every limit, for one send.  A value: it may be copied and moved between threads, and is released once, in
 * whichever copy.  WEIR_PERMIT_INIT is one that was released. */
struct weir_permit {
    uint64_t opaque[6];
};

#define WEIR_PERMIT_INIT                                                                                               \
    {                                                                                                                  \
        {                                                                                                              \
            0, 0, 0, 0, 0, 0                                                                                           \
        }                                                                                                              \
    }

/* What happened to a request.  Start from WEIR_ANSWER_INIT. */
struct weir_answer {
    size_t struct_size;
    bool unsent;                       /* it never left: the permits come back at once */
    int http_status;                   /* of its response; 0: there was none, or it is not known */
    const struct weir_header *headers; /* of that response, as many as are known; they count only with a status */
    size_t header_count;
};

#define WEIR_ANSWER_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(struct weir_answer), false, 0, NULL, 0                                                                  \
    }

/*
 * Returns WEIR_OK; WEIR_INVALID for an option out of range, a scope that is none, or another struct_size;
 * WEIR_NO_MEMORY; WEIR_RESOURCE where a scope's shared memory cannot be had; WEIR_SCOPE where it belongs to another
 * user or is not of this version of weir; WEIR_SCOPE_LIMITS where others use it with other limits; WEIR_SCOPE_FULL.
 */
WEIR_EXPORT enum weir_status weir_limits_new(const struct weir_limits_options *options, struct weir_limits **out);

/* No thread may be in a call on it; permits that were not released count as given up.  NULL is a no-op, and so are the
 * limits that belong to a dispatcher. */
WEIR_EXPORT void weir_limits_free(struct weir_limits *limits);

/* The limits of a dispatcher, to change them, or to send requests of one's own under them.  They live as long as it
 * does.  NULL for NULL, and in a child process. */
WEIR_EXPORT struct weir_limits *weir_limits_of(struct weir *weir);

/*
 * Takes a permit of every limit for a request that is sent at once.  Waits for at most `timeout_ns` (0: not at all;
 * negative: without end).  Who has waited longest goes first, within a few milliseconds.
 * Returns WEIR_OK, with `out` to be released; WEIR_TIMEOUT; WEIR_STOPPED after weir_limits_stop(), or the dispatcher's
 * stop; WEIR_INVALID for NULL; WEIR_NO_MEMORY; WEIR_FORKED.  The first one on a dispatcher's limits in a scope takes a
 * place of its own there, and may return what weir_limits_new() does.
 */
WEIR_EXPORT enum weir_status weir_limits_acquire(struct weir_limits *limits, int64_t timeout_ns,
                                                 struct weir_permit *out);

/* The response to the permit's request has begun: rate permits come back a period from now.  Where nobody says so, that
 * counts from the release.  More than once, or for a permit that was released, is a no-op. */
WEIR_EXPORT void weir_limits_began(struct weir_limits *limits, struct weir_permit *permit);

/*
 * The request is over, with `answer`; NULL, or one of another struct_size: nobody knows.  A refusal (429; 403 with
 * Retry-After or where nothing remains; 503 and 529 with Retry-After) pauses everybody for as long as it says.  A
 * permit that was released already is a no-op.
 * Returns true where the answer was a refusal: the request may be sent again, with another permit.
 */
WEIR_EXPORT bool weir_limits_release(struct weir_limits *limits, struct weir_permit *permit,
                                     const struct weir_answer *answer);

/* How long until an acquire could succeed, for callers that must not wait.  0: now.  Negative: that depends on a
 * release or a resume; where others share the limits, ask again after 250 ms.  Negative too for NULL and in a child
 * process. */
WEIR_EXPORT int64_t weir_limits_wait_ns(struct weir_limits *limits);

/* Ends all waiting in weir_limits_acquire(), now and to come, on this handle alone.  No-op for the limits of a
 * dispatcher: stop that. */
WEIR_EXPORT void weir_limits_stop(struct weir_limits *limits);

/* Nothing goes, on this handle (and its dispatcher) alone, until weir_limits_resume(), however often it was paused.
 * What is in flight goes on. */
WEIR_EXPORT void weir_limits_pause(struct weir_limits *limits);
WEIR_EXPORT void weir_limits_resume(struct weir_limits *limits);

/*
 * Other figures for a limit while it is in use, in a scope for all who share it.  What is out and too many then is not
 * taken back: as many fewer come back.  Concurrency: 1 to WEIR_CONCURRENCY_MAX, which makes a limit where there was
 * none.  A dispatcher's threads stay within its worker_max.  `number` counts the rates given, from 0; `rate` replaces
 * that one, and is held from the next send on.  Its holds do not become shorter for what was sent before.
 * Returns WEIR_OK; WEIR_INVALID for figures out of range, or no such rate; WEIR_NO_MEMORY, which leaves the limit as
 * it was, also where a scope has no room for so many permits (it has for 4,096, or four times those it was made with);
 * WEIR_FORKED.
 */
WEIR_EXPORT enum weir_status weir_limits_set_concurrency(struct weir_limits *limits, uint32_t concurrency);
WEIR_EXPORT enum weir_status weir_limits_set_rate(struct weir_limits *limits, uint32_t number,
                                                  const struct weir_rate *rate);

struct weir_limits_stats {
    size_t struct_size;
    uint32_t in_flight;      /* acquired by this handle (and its dispatcher) and not yet released */
    uint32_t peak_in_flight; /* the most that were */
    uint32_t parties;        /* handles that share the limits, this one included */
    uint64_t refusals;       /* that this handle (and its dispatcher) was told of; as `waits` of each limit */
    struct weir_pause_stats pause;
    size_t limit_count;
    /* the concurrency limit first (with WEIR_CONCURRENCY_MAX permits where there is none), then those given, then those
     * learned; a certificate is of all who share it */
    struct weir_limit_stats limits[WEIR_RATES_MAX + WEIR_LEARNED_MAX + 1];
};

/* Fills `out`, whose struct_size the caller has set; another size leaves it as it is. */
WEIR_EXPORT void weir_limits_snapshot(struct weir_limits *limits, struct weir_limits_stats *out);

/* ------------------------------------------------------------------------------------------------------------ policy
 *
 * Rules without clock, memory or threads, as limits and dispatcher follow them.
 */

#define WEIR_ADVICE_RATES_MAX 4u

/* What a response's header says of the server's limits, whatever the dialect: Retry-After (seconds, also fractional, or
 * a date) and retry-after-ms; RateLimit and RateLimit-Policy in all drafts; X-RateLimit-* and X-Rate-Limit-*;
 * anthropic-ratelimit-*.  What is malformed counts as absent. */
struct weir_advice {
    size_t struct_size;
    bool refused; /* the status, with these fields, says that the limits refused the request, as weir_limits_release()
           takes it */
    int64_t retry_after_ns; /* the wait that it asks for; -1: it names none */
    int64_t remaining;      /* requests (or what else is counted) left, the least of all that are told; -1: not told */
    int64_t reset_ns;       /* until there is more, of what has nothing left, else the soonest; -1: not told */
    size_t rate_count; /* limits of requests that it states, the first ones, at most WEIR_ADVICE_RATES_MAX.  Where it
                          names no period, it is the usual one that the reset is in: 1, 2, 5, 10, 15, 30 s, ... */
    struct weir_rate rates[WEIR_ADVICE_RATES_MAX];
};

/* Fills `out`, whose struct_size the caller has set.  `wall_ns` is the time since 1970, for fields that name a moment.
 * Returns WEIR_OK; WEIR_INVALID for NULL or another size. */
WEIR_EXPORT enum weir_status weir_read_advice(int http_status, const struct weir_header *headers, size_t header_count,
                                              int64_t wall_ns, struct weir_advice *out);

/* The wait before the `retry`-th repetition, from 1: between 0 and the lesser of `max_ns` and base_ns * 2^(retry-1), by
 * `draw`, uniform in [0, 1) (full jitter); one outside counts as its nearer end.  0 for arguments below 0. */
WEIR_EXPORT int64_t weir_backoff_ns(int64_t base_ns, int64_t max_ns, uint32_t retry, double draw);

/* Whether a method may be sent twice without harm (RFC 9110, 9.2.2).  False for NULL. */
WEIR_EXPORT bool weir_method_idempotent(const char *method);

#ifdef __cplusplus
}
#endif

#endif
