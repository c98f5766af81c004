/*
 * preload_scope - the process's part in the limits: what `weir exec` handed on by environment, opened when first
 * needed.
 *
 * The environment is read when the library is loaded, before the program can change it.  It is parsed strictly, and a
 * program that was to be limited is never let go without limits: where they cannot be had, its requests fail.
 */
#include "http/preload.h"

#include "base/clock.h"
#include "base/handover.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITED_NS WEIR__NS_PER_MS /* less is no wait, but the way there */

/* As they were at the start; a program may write over its environment. */
static struct {
    char scope[sizeof "host:" + WEIR_SCOPE_NAME_MAX];
    char concurrency[16];
    char rates[WEIR__HANDOVER_RATES_SIZE];
    char tally[WEIR__HANDOVER_TALLY_SIZE];
    const char *wrong; /* which of them does not fit */
} given;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards opening */
static struct weir_limits *_Atomic limits;               /* NULL: not opened yet, or it failed */
static bool failed;                                      /* guarded by the lock */
static struct weir__handover_tally *_Atomic tally;       /* NULL: nobody counts */
static atomic_bool said;

void weir__preload_say(const char *what, const char *why)
{
    char line[512];
    int size;

    if (atomic_exchange(&said, true))
        return;
    size = snprintf(line, sizeof line, "weir exec: %s%s%s: HTTP requests of this process fail\n", what,
                    why[0] != '\0' ? ": " : "", why);
    if (size > 0 && write(STDERR_FILENO, line, strlen(line)) < 0)
        return;
}

static void copy(const char *name, char *out, size_t size)
{
    const char *value = getenv(name);

    if (value == NULL)
        return;
    if (strlen(value) >= size)
        given.wrong = name;
    else
        memcpy(out, value, strlen(value) + 1);
}

/* fork() while another thread is in a table: the child must find it whole, and nobody in it. */
static void before_fork(void)
{
    (void)pthread_mutex_lock(&lock);
    weir__preload_find_lock();
    weir__preload_porter_lock();
    weir__preload_table_lock(&weir__preload_multis);
    weir__preload_table_lock(&weir__preload_transfers);
}

static void after_fork(void)
{
    weir__preload_table_unlock(&weir__preload_transfers);
    weir__preload_table_unlock(&weir__preload_multis);
    weir__preload_porter_unlock();
    weir__preload_find_unlock();
    (void)pthread_mutex_unlock(&lock);
}

/* The child's first request opens limits of its own; the parent's are dead here, their memory stays. */
static void in_child(void)
{
    atomic_store(&limits, NULL);
    failed = false;
    atomic_store(&said, false);
    weir__preload_porter_forked();
    after_fork();
}

__attribute__((constructor)) static void begin(void)
{
    copy(WEIR__HANDOVER_SCOPE, given.scope, sizeof given.scope);
    copy(WEIR__HANDOVER_CONCURRENCY, given.concurrency, sizeof given.concurrency);
    copy(WEIR__HANDOVER_RATES, given.rates, sizeof given.rates);
    copy(WEIR__HANDOVER_TALLY, given.tally, sizeof given.tally);
    (void)pthread_atfork(before_fork, after_fork, in_child);
}

/* "100/1s:strict" */
static bool parse_rate(char *text, struct weir_rate *out)
{
    static const char *const shapes[] = WEIR__HANDOVER_SHAPES;
    char *colon = strchr(text, ':');

    if (colon == NULL)
        return false;
    *colon = '\0';
    if (!weir__units_parse_rate(text, &out->requests, &out->per_ns))
        return false;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (strcmp(colon + 1, shapes[i]) == 0) {
            out->shape = (enum weir_shape)i;
            return true;
        }
    }
    return false;
}

/* A list with commas; `rates` has room for WEIR_RATES_MAX. */
static bool parse_rates(const char *list, struct weir_rate *rates, struct weir_limits_options *options)
{
    char text[WEIR__HANDOVER_RATES_SIZE], *rest = text;

    if (list[0] == '\0')
        return true;
    (void)snprintf(text, sizeof text, "%s", list);
    while (rest != NULL) {
        char *item = strsep(&rest, ",");
        if (strcmp(item, "auto") == 0)
            options->learn_rate = true;
        else if (options->rate_count == WEIR_RATES_MAX || !parse_rate(item, &rates[options->rate_count++]))
            return false;
    }
    return true;
}

/* Which variable is wrong, or NULL. */
static const char *parse(struct weir_rate *rates, struct weir_limits_options *options)
{
    uint64_t concurrency = 0;

    if (given.wrong != NULL)
        return given.wrong;
    if (strncmp(given.scope, "host:", 5) != 0)
        return WEIR__HANDOVER_SCOPE;
    if (given.concurrency[0] != '\0' && !weir__units_parse_count(given.concurrency, WEIR_CONCURRENCY_MAX, &concurrency))
        return WEIR__HANDOVER_CONCURRENCY;
    if (!parse_rates(given.rates, rates, options))
        return WEIR__HANDOVER_RATES;
    options->scope = given.scope;
    options->concurrency = (uint32_t)concurrency;
    options->rates = options->rate_count > 0 ? rates : NULL;
    return NULL;
}

/* Others may have changed the limits while they are in use: then they are taken as they are. */
static enum weir_status open_as_they_are(const struct weir_limits_options *options, struct weir_limits **out)
{
    struct weir_limits_options none = *options;

    none.concurrency = 0;
    none.rates = NULL;
    none.rate_count = 0;
    return weir_limits_new(&none, out);
}

/* No limit at all is not what anybody asked for: the scope was emptied behind us. */
static bool is_unlimited(struct weir_limits *made)
{
    struct weir_limits_stats stats = {.struct_size = sizeof stats};

    weir_limits_snapshot(made, &stats);
    return stats.limit_count == 1 && stats.limits[0].permits == WEIR_CONCURRENCY_MAX;
}

/* Who ran us holds it open.  Where it is not there, /dev/shm is another one, or it was removed: made anew, it would be
 * a second set of limits. */
static bool is_there(void)
{
    char name[sizeof "/weir." + WEIR_SCOPE_NAME_MAX];
    int fd;

    (void)snprintf(name, sizeof name, "/weir.%.*s", (int)WEIR_SCOPE_NAME_MAX, given.scope + strlen("host:"));
    fd = shm_open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return errno != ENOENT; /* what else is wrong with it weir_limits_new() says */
    (void)close(fd);
    return true;
}

/* Who asked for words (-v) is told why nothing goes: the program cannot know. */
static void tell_pause(void *user_data, const struct weir_event *event)
{
    char line[256], wait[32];

    (void)user_data;
    if (event->type != WEIR_EVENT_PAUSED)
        return;
    weir__units_format_elapsed(event->wait_ns, wait, sizeof wait);
    (void)snprintf(line, sizeof line, "weir exec: the server wants no request for %s (%s)\n", wait, event->detail);
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return;
}

/* Under the lock. */
static struct weir_limits *open_limits(void)
{
    struct weir_limits_options options = WEIR_LIMITS_OPTIONS_INIT;
    struct weir_rate rates[WEIR_RATES_MAX] = {{0}};
    struct weir_limits *made = NULL;
    const char *wrong = parse(rates, &options);
    enum weir_status status;

    if (wrong != NULL) {
        weir__preload_say("the environment does not say which limits", wrong);
        return NULL;
    }
    if (!is_there()) {
        weir__preload_say(given.scope, "it is gone");
        return NULL;
    }
    if (given.tally[0] != '\0')
        options.on_event = tell_pause;
    status = weir_limits_new(&options, &made);
    if (status == WEIR_SCOPE_LIMITS)
        status = open_as_they_are(&options, &made);
    if (status != WEIR_OK) {
        weir__preload_say(given.scope, weir_status_text(status));
        return NULL;
    }
    if (is_unlimited(made) && options.concurrency == 0 && !options.learn_rate) {
        weir__preload_say(given.scope, "it has no limits");
        weir_limits_free(made);
        return NULL;
    }
    return made;
}

/* Where figures go, if anywhere; without them nothing is lost but a line.  Under the lock. */
static void open_tally(void)
{
    const int fd = given.tally[0] == '/' ? shm_open(given.tally, O_RDWR | O_CLOEXEC, 0) : -1;
    struct stat status;
    void *at;

    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid() && status.st_size == (off_t)sizeof *tally) {
        at = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED)
            atomic_store(&tally, at);
    }
    (void)close(fd);
}

static struct weir_limits *get_limits(void)
{
    struct weir_limits *found = atomic_load(&limits);

    if (found != NULL)
        return found;
    (void)pthread_mutex_lock(&lock);
    found = atomic_load(&limits);
    if (found == NULL && !failed) {
        found = open_limits();
        if (found != NULL && atomic_load(&tally) == NULL)
            open_tally();
        failed = found == NULL;
        atomic_store(&limits, found);
    }
    (void)pthread_mutex_unlock(&lock);
    return found;
}

enum weir_status weir__preload_acquire(int64_t timeout_ns, struct weir_permit *permit, struct weir_limits **out)
{
    struct weir_limits *from = get_limits();
    enum weir_status status;

    if (from == NULL)
        return WEIR_SCOPE;
    status = weir_limits_acquire(from, timeout_ns, permit);
    if (status == WEIR_FORKED) { /* a child that fork()'s handlers did not see */
        (void)atomic_compare_exchange_strong(&limits, &from, NULL);
        from = get_limits();
        status = from != NULL ? weir_limits_acquire(from, timeout_ns, permit) : WEIR_SCOPE;
    }
    if (status == WEIR_OK)
        *out = from;
    else if (status != WEIR_TIMEOUT)
        weir__preload_say(given.scope, weir_status_text(status));
    return status;
}

int64_t weir__preload_wait_ns(void)
{
    struct weir_limits *from = get_limits();

    return from != NULL ? weir_limits_wait_ns(from) : 0;
}

int64_t weir__preload_asked(void)
{
    return atomic_load(&tally) != NULL || atomic_load(&limits) == NULL ? weir__clock_now_ns() : 0;
}

void weir__preload_waited(int64_t asked_ns)
{
    struct weir__handover_tally *figures = atomic_load(&tally);
    int64_t wait_ns;

    if (figures == NULL || asked_ns == 0)
        return;
    wait_ns = weir__clock_now_ns() - asked_ns;
    if (wait_ns < WAITED_NS)
        return;
    atomic_fetch_add(&figures->waited, 1);
    atomic_fetch_add(&figures->wait_ns, wait_ns);
}

void weir__preload_sent(bool refused)
{
    struct weir__handover_tally *figures = atomic_load(&tally);

    if (figures == NULL)
        return;
    atomic_fetch_add(&figures->requests, 1);
    atomic_fetch_add(&figures->refused, refused);
}
