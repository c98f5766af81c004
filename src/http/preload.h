/*
 * preload - the library that `weir exec` puts before a program with LD_PRELOAD: libcurl's calls go through the limits.
 *
 * It is no part of libweir, but a user of it: permits come from weir_limits_*(), as anybody's.  It exports the names of
 * libcurl that it stands in front of (preload_easy, preload_loop) and dlopen (preload_find), without symbol versions,
 * so that it satisfies programs of every flavour of libcurl; it is linked against none.
 *
 * It has globals, which libweir may not have: what it stands in front of has no handle of its own to keep them in.
 * They are the libcurls that were found (preload_find), the process's limits (preload_scope), a thread that waits for
 * permits where the program must not (preload_porter), and what is known of each CURL and CURLM (preload_table).
 *
 * Threads: any.  Locks: the three tables' and the scope's are leaves, each held for a look-up or a change, and none
 * while libcurl, the program's callbacks or a wait run; only the scope's is held while its limits are opened.  fork()
 * takes all of them (preload_scope).
 */
#ifndef WEIR_HTTP_PRELOAD_H
#define WEIR_HTTP_PRELOAD_H

#include "weir.h"

#define CURL_DISABLE_TYPECHECK /* its macros would rewrite the functions that are defined here */
#include <curl/curl.h>
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define WEIR__PRELOAD_EXPORT __attribute__((visibility("default")))

/* Who called the exported function in which this stands. */
#define WEIR__PRELOAD_CALLER __builtin_return_address(0)

/* ----------------------------------------------------------------------------------------------------- preload_find
 */

/* X(name, result, parameters, whether libcurls without it are of use) */
#define WEIR__PRELOAD_FUNCTIONS(X)                                                                                     \
    X(easy_perform, CURLcode, (CURL *), false)                                                                         \
    X(easy_setopt, CURLcode, (CURL *, CURLoption, ...), false)                                                         \
    X(easy_getinfo, CURLcode, (CURL *, CURLINFO, ...), false)                                                          \
    X(easy_reset, void, (CURL *), false)                                                                               \
    X(easy_cleanup, void, (CURL *), false)                                                                             \
    X(easy_duphandle, CURL *, (CURL *), false)                                                                         \
    X(easy_nextheader, struct curl_header *, (CURL *, unsigned, int, struct curl_header *), true)                      \
    X(multi_add_handle, CURLMcode, (CURLM *, CURL *), false)                                                           \
    X(multi_remove_handle, CURLMcode, (CURLM *, CURL *), false)                                                        \
    X(multi_fdset, CURLMcode, (CURLM *, fd_set *, fd_set *, fd_set *, int *), false)                                   \
    X(multi_wait, CURLMcode, (CURLM *, struct curl_waitfd *, unsigned, int, int *), false)                             \
    X(multi_poll, CURLMcode, (CURLM *, struct curl_waitfd *, unsigned, int, int *), true)                              \
    X(multi_wakeup, CURLMcode, (CURLM *), true)                                                                        \
    X(multi_perform, CURLMcode, (CURLM *, int *), false)                                                               \
    X(multi_cleanup, CURLMcode, (CURLM *), false)                                                                      \
    X(multi_info_read, CURLMsg *, (CURLM *, int *), false)                                                             \
    X(multi_socket, CURLMcode, (CURLM *, curl_socket_t, int *), true)                                                  \
    X(multi_socket_action, CURLMcode, (CURLM *, curl_socket_t, int, int *), false)                                     \
    X(multi_socket_all, CURLMcode, (CURLM *, int *), true)                                                             \
    X(multi_timeout, CURLMcode, (CURLM *, long *), false)                                                              \
    X(multi_setopt, CURLMcode, (CURLM *, CURLMoption, ...), false)

/* One libcurl of the process.  Never freed, and never unloaded. */
struct weir__preload_curl {
    const void *base; /* where it is mapped */
#define WEIR__PRELOAD_FIELD(name, result, parameters, optional) result(*name) parameters;
    WEIR__PRELOAD_FUNCTIONS(WEIR__PRELOAD_FIELD)
#undef WEIR__PRELOAD_FIELD
};

/*
 * The libcurl that code at `caller` means: its object's own dependency, else the program's, else one that is loaded.
 * `inner` where that libcurl itself is the caller (it calls its exported functions by name): such calls pass.  NULL
 * after a line on stderr where there is none.
 */
const struct weir__preload_curl *weir__preload_find(const void *caller, bool *inner);

void weir__preload_find_lock(void);
void weir__preload_find_unlock(void);

/* ---------------------------------------------------------------------------------------------------- preload_scope
 */

/*
 * Takes a permit from the process's limits, which are opened at the first call, and again in a child.  Returns WEIR_OK
 * with the permit and the limits that it is from; WEIR_TIMEOUT; or what else is wrong, after one line on stderr for the
 * whole process: the request must not be sent then.
 */
enum weir_status weir__preload_acquire(int64_t timeout_ns, struct weir_permit *permit, struct weir_limits **limits);

/* weir_limits_wait_ns() of the process's limits; 0 where there are none, since an acquire says so at once. */
int64_t weir__preload_wait_ns(void);

/* Figures, where somebody counts them: when a permit was first asked for, that it came, and that its request is over.
 */
int64_t weir__preload_asked(void);
void weir__preload_waited(int64_t asked_ns);
void weir__preload_sent(bool refused);

/* One line on stderr, the first time that it is called in the process; "weir exec: " is put before it. */
void weir__preload_say(const char *what, const char *why);

/* --------------------------------------------------------------------------------------------------- preload_table
 */

/* What is known of one handle, by its address.  The first member of a larger struct. */
struct weir__preload_entry {
    const void *key;
    struct weir__preload_entry *next;
};

struct weir__preload_table; /* static, in preload_table */

extern struct weir__preload_table weir__preload_transfers, weir__preload_multis;

/* NULL where there is none. */
void *weir__preload_table_find(struct weir__preload_table *table, const void *key);

/* Found, or made of `size` zero bytes; NULL without memory. */
void *weir__preload_table_get(struct weir__preload_table *table, const void *key, size_t size);

/* Taken out, and the caller's to free; NULL where there is none. */
void *weir__preload_table_take(struct weir__preload_table *table, const void *key);

void weir__preload_table_lock(struct weir__preload_table *table);
void weir__preload_table_unlock(struct weir__preload_table *table);

/* --------------------------------------------------------------------------------------------------- preload_porter
 */

/* A loop in which handles wait, to be rung at. */
struct weir__preload_bell {
    CURLM *multi;
    const struct weir__preload_curl *curl;
    int fd;       /* an eventfd, or -1; changes under the porter's lock */
    bool parents; /* from before a fork(): is not rung at */
    TAILQ_ENTRY(weir__preload_bell) links;
};

/* From here on it is rung; parted from before its CURLM is gone. */
void weir__preload_porter_join(struct weir__preload_bell *bell);
void weir__preload_porter_part(struct weir__preload_bell *bell);

/* A permit is wanted.  False where no thread could be started: nobody will ring. */
bool weir__preload_porter_call(void);

/* The permit that was fetched, if there is one.  Never waits. */
bool weir__preload_porter_take(struct weir_permit *permit, struct weir_limits **limits);

void weir__preload_porter_lock(void);
void weir__preload_porter_unlock(void);
void weir__preload_porter_forked(void); /* in the child, under the lock: the thread is not there */

/* ------------------------------------------------------------------------------------------------- preload_transfer
 */

struct weir__preload_multi;

/* Where a CURL is with regard to a CURLM. */
enum weir__preload_place {
    WEIR__PRELOAD_NONE = 0, /* in none */
    WEIR__PRELOAD_WAITING,  /* for a permit: the program added it, libcurl does not know it yet */
    WEIR__PRELOAD_INSIDE,   /* libcurl has it */
    WEIR__PRELOAD_ENDED     /* its message waits to be read; libcurl may have it */
};

/* What the program set, as far as it matters here. */
struct weir__preload_wishes {
    bool not_http;     /* CURLOPT_URL is of another scheme */
    bool by_parts;     /* CURLOPT_CURLU is set: its scheme is not looked at */
    bool default_else; /* CURLOPT_DEFAULT_PROTOCOL is another one */
    curl_prereq_callback prereq;
    void *prereq_data;
    curl_write_callback header, body;
    void *header_data;
};

/* A CURL.  Used by one thread at a time, as the handle is. */
struct weir__preload_transfer {
    struct weir__preload_entry entry;
    CURL *easy;
    const struct weir__preload_curl *curl;
    struct weir__preload_wishes wishes;

    /* the request that it is about to send, or has sent */
    bool held;        /* a permit, for it */
    bool sent;        /* with that permit */
    bool wire;        /* its sends are seen: libcurl has CURLOPT_PREREQFUNCTION */
    int status;       /* of the response; 0: none yet */
    int64_t asked_ns; /* when that permit was first asked for; 0: just now */
    struct weir_permit permit;
    struct weir_limits *limits; /* of the permit; dead in a child of the process that took it */

    bool performing; /* in curl_easy_perform() */
    enum weir__preload_place place;
    struct weir__preload_multi *multi;           /* NULL in none */
    TAILQ_ENTRY(weir__preload_transfer) members; /* of the multi */
    TAILQ_ENTRY(weir__preload_transfer) links;   /* in the multi's list of its place */
    CURLMsg message;                             /* once it is WEIR__PRELOAD_ENDED */
};

/* Made at need; NULL without memory. */
struct weir__preload_transfer *weir__preload_transfer_get(const struct weir__preload_curl *curl, CURL *easy);

/* Whether it needs a permit before it is begun.  Where that is not known it does; a permit not used comes back. */
bool weir__preload_transfer_pays(const struct weir__preload_transfer *transfer);

/* Takes the permit of its first send: waits for at most `timeout_ns`.  As weir__preload_acquire(). */
enum weir_status weir__preload_transfer_acquire(struct weir__preload_transfer *transfer, int64_t timeout_ns);

/* The same without a wait, for one that was kept aside: from the porter if it has one. */
enum weir_status weir__preload_transfer_collect(struct weir__preload_transfer *transfer);

/* Puts our callbacks before the program's.  Right before libcurl gets it to carry out. */
void weir__preload_transfer_hook(struct weir__preload_transfer *transfer);

/* The program's callbacks as if we had never been there, for a handle that was copied from this one. */
void weir__preload_transfer_unhook(const struct weir__preload_transfer *transfer, CURL *easy);

/* It is over with `result`: the permit goes back, if it has one. */
void weir__preload_transfer_release(struct weir__preload_transfer *transfer, CURLcode result);

/* It was broken off by the program.  The same, but nothing is asked of libcurl. */
void weir__preload_transfer_give_up(struct weir__preload_transfer *transfer);

/* Notes what the program sets. */
void weir__preload_transfer_wish(struct weir__preload_wishes *wishes, CURLoption option, void *value);
bool weir__preload_transfer_wishes(CURLoption option); /* is it one of those? */

#endif
