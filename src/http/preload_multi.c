/* preload_multi - see preload_multi.h */
#include "http/preload_multi.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

/* How long a loop that cannot be rung at sleeps: before another look for what others may give back, and at most. */
#define LOOK_NS (10 * WEIR__NS_PER_MS)
#define SLEEP_MAX_NS (250 * WEIR__NS_PER_MS)

struct weir__preload_multi *weir__preload_multi_get(const struct weir__preload_curl *curl, CURLM *handle)
{
    struct weir__preload_multi *multi = weir__preload_table_get(&weir__preload_multis, handle, sizeof *multi);

    if (multi != NULL && multi->multi == NULL) {
        multi->multi = handle;
        multi->curl = curl;
        TAILQ_INIT(&multi->members);
        TAILQ_INIT(&multi->waiting);
        TAILQ_INIT(&multi->ended);
        multi->curl_due_ns = WEIR__NEVER;
        multi->told_ns = WEIR__NEVER;
        multi->bell = (struct weir__preload_bell){.multi = handle, .curl = curl, .fd = -1};
    }
    return multi;
}

struct weir__preload_multi *weir__preload_multi_enter(const void *caller, CURLM *handle,
                                                      const struct weir__preload_curl **curl)
{
    struct weir__preload_multi *multi = NULL;
    bool inner;

    *curl = weir__preload_find(caller, &inner);
    if (*curl != NULL && !inner)
        multi = weir__preload_table_find(&weir__preload_multis, handle);
    return multi != NULL && !multi->inside ? multi : NULL;
}

/* ----------------------------------------------------------------------------------------------- places and lists */

static void unlist(struct weir__preload_transfer *transfer)
{
    struct weir__preload_multi *multi = transfer->multi;

    if (transfer->place == WEIR__PRELOAD_WAITING) {
        TAILQ_REMOVE(&multi->waiting, transfer, links);
        if (--multi->waiting_count == 0)
            weir__preload_porter_part(&multi->bell);
    } else if (transfer->place == WEIR__PRELOAD_ENDED) {
        TAILQ_REMOVE(&multi->ended, transfer, links);
        multi->ended_count--;
    }
    transfer->place = WEIR__PRELOAD_INSIDE;
}

static void join(struct weir__preload_multi *multi, struct weir__preload_transfer *transfer)
{
    if (transfer->multi == NULL)
        TAILQ_INSERT_TAIL(&multi->members, transfer, members);
    transfer->multi = multi;
}

void weir__preload_multi_leave(struct weir__preload_transfer *transfer)
{
    if (transfer->multi == NULL)
        return;
    unlist(transfer);
    TAILQ_REMOVE(&transfer->multi->members, transfer, members);
    transfer->place = WEIR__PRELOAD_NONE;
    transfer->multi = NULL;
    transfer->asked_ns = 0;
}

static void wait_in(struct weir__preload_multi *multi, struct weir__preload_transfer *transfer)
{
    join(multi, transfer);
    transfer->place = WEIR__PRELOAD_WAITING;
    TAILQ_INSERT_TAIL(&multi->waiting, transfer, links);
    if (++multi->waiting_count == 1)
        weir__preload_porter_join(&multi->bell);
    multi->rung = weir__preload_porter_call();
}

/* Its message is to be read. */
static void end(struct weir__preload_multi *multi, struct weir__preload_transfer *transfer, CURLcode result)
{
    unlist(transfer);
    transfer->message.msg = CURLMSG_DONE;
    transfer->message.easy_handle = transfer->easy;
    transfer->message.data.result = result;
    transfer->place = WEIR__PRELOAD_ENDED;
    TAILQ_INSERT_TAIL(&multi->ended, transfer, links);
    multi->ended_count++;
}

/* -------------------------------------------------------------------------------------------- what the loop does */

int weir__preload_multi_timer_ms(void)
{
    const int64_t wait_ns = weir__preload_wait_ns();
    const int64_t sleep_ns = wait_ns < 0 ? LOOK_NS : wait_ns < SLEEP_MAX_NS ? wait_ns : SLEEP_MAX_NS;

    return (int)(sleep_ns / WEIR__NS_PER_MS) + 1;
}

int weir__preload_multi_sleep_ms(const struct weir__preload_multi *multi)
{
    if (multi->rung && multi->curl->multi_wakeup != NULL)
        return (int)(SLEEP_MAX_NS / WEIR__NS_PER_MS);
    return weir__preload_multi_timer_ms();
}

static CURLMcode start(struct weir__preload_multi *multi, struct weir__preload_transfer *transfer)
{
    CURLMcode code;

    weir__preload_transfer_hook(transfer);
    code = multi->curl->multi_add_handle(multi->multi, transfer->easy);
    if (code != CURLM_OK) {
        weir__preload_transfer_give_up(transfer);
        return code;
    }
    join(multi, transfer);
    transfer->place = WEIR__PRELOAD_INSIDE;
    return code;
}

/* Adds those that wait, as long as there are permits; has one fetched if there is none.  Whether any could be added. */
static bool admit(struct weir__preload_multi *multi)
{
    struct weir__preload_transfer *transfer;
    bool admitted = false;
    uint64_t rings;

    if (multi->bell.fd >= 0 && read(multi->bell.fd, &rings, sizeof rings) < 0)
        rings = 0; /* nobody rang */
    while ((transfer = TAILQ_FIRST(&multi->waiting)) != NULL) {
        const enum weir_status status = weir__preload_transfer_collect(transfer);
        if (status == WEIR_TIMEOUT) {
            multi->rung = weir__preload_porter_call();
            break;
        }
        admitted = true;
        unlist(transfer);
        if (status != WEIR_OK || start(multi, transfer) != CURLM_OK)
            end(multi, transfer, CURLE_FAILED_INIT); /* the program was told that it is in already */
    }
    return admitted;
}

/* Takes what libcurl has to say. */
static void collect(struct weir__preload_multi *multi)
{
    struct weir__preload_transfer *transfer;
    CURLMsg *message;
    int left;

    while ((message = multi->curl->multi_info_read(multi->multi, &left)) != NULL) {
        const CURLcode result = message->data.result;
        /* Made anew for a stream that the server pushed: libcurl added that. */
        transfer = weir__preload_transfer_get(multi->curl, message->easy_handle);
        if (transfer == NULL || message->msg != CURLMSG_DONE)
            continue;
        weir__preload_transfer_release(transfer, result);
        join(multi, transfer);
        end(multi, transfer, result);
    }
}

/* Tells the program's timer when to fire, where it would come too late. */
static void set_timer(struct weir__preload_multi *multi)
{
    int64_t now_ns, due_ns, left_ms;

    if (multi->timer == NULL)
        return;
    now_ns = weir__clock_now_ns();
    due_ns = multi->waiting_count > 0 ? now_ns + weir__preload_multi_timer_ms() * WEIR__NS_PER_MS : WEIR__NEVER;
    due_ns = due_ns < multi->curl_due_ns ? due_ns : multi->curl_due_ns;
    if (due_ns == WEIR__NEVER || multi->told_ns <= due_ns)
        return;
    left_ms = due_ns > now_ns ? (due_ns - now_ns + WEIR__NS_PER_MS - 1) / WEIR__NS_PER_MS : 0;
    multi->told_ns = due_ns;
    (void)multi->timer(multi->multi, (long)left_ms, multi->timer_data);
}

/* What libcurl tells the program's timer comes here. */
static int on_timer(CURLM *handle, long timeout_ms, void *data)
{
    struct weir__preload_multi *multi = data;
    const int64_t now_ns = weir__clock_now_ns();

    multi->curl_due_ns = timeout_ms < 0 ? WEIR__NEVER : now_ns + timeout_ms * WEIR__NS_PER_MS;
    if (multi->timer == NULL)
        return 0;
    if (multi->waiting_count > 0) {
        const long ours_ms = weir__preload_multi_timer_ms();
        timeout_ms = timeout_ms < 0 || timeout_ms > ours_ms ? ours_ms : timeout_ms;
    }
    multi->told_ns = timeout_ms < 0 ? WEIR__NEVER : now_ns + timeout_ms * WEIR__NS_PER_MS;
    return multi->timer(handle, timeout_ms, multi->timer_data);
}

void weir__preload_multi_before(struct weir__preload_multi *multi)
{
    const int error = errno;

    (void)admit(multi);
    multi->inside = true;
    errno = error;
}

void weir__preload_multi_after(struct weir__preload_multi *multi)
{
    const int error = errno;

    multi->inside = false;
    collect(multi);
    set_timer(multi);
    errno = error;
}

int weir__preload_multi_refill(struct weir__preload_multi *multi, bool *admitted)
{
    const int error = errno, waited = multi->waiting_count;

    *admitted = admit(multi);
    set_timer(multi);
    errno = error;
    return waited;
}

CURLMcode weir__preload_multi_add(struct weir__preload_multi *multi, struct weir__preload_transfer *transfer)
{
    enum weir_status status = WEIR_TIMEOUT;

    if (transfer->place == WEIR__PRELOAD_WAITING)
        return CURLM_ADDED_ALREADY;
    if (transfer->performing || transfer->place != WEIR__PRELOAD_NONE) /* libcurl says what is wrong with it */
        return multi->curl->multi_add_handle(multi->multi, transfer->easy);
    if (multi->inside || !weir__preload_transfer_pays(transfer))
        return start(multi, transfer); /* if libcurl takes it, and it is HTTP, it pays at the wire */
    transfer->asked_ns = weir__preload_asked();
    if (multi->waiting_count == 0) /* else it is behind them */
        status = weir__preload_transfer_acquire(transfer, 0);
    if (status == WEIR_OK)
        return start(multi, transfer);
    if (status != WEIR_TIMEOUT)
        return CURLM_INTERNAL_ERROR;
    wait_in(multi, transfer);
    set_timer(multi);
    return CURLM_OK;
}

CURLMsg *weir__preload_multi_message(struct weir__preload_multi *multi)
{
    struct weir__preload_transfer *transfer = TAILQ_FIRST(&multi->ended);

    if (transfer == NULL)
        return NULL;
    unlist(transfer);
    return &transfer->message;
}

int weir__preload_multi_bell(struct weir__preload_multi *multi)
{
    int fd = multi->bell.fd;

    if (fd < 0) {
        fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* readable: it may have rung before there was anything to hear */
        weir__preload_porter_lock();
        multi->bell.fd = fd;
        weir__preload_porter_unlock();
    }
    return fd < FD_SETSIZE ? fd : -1;
}

CURLMcode weir__preload_multi_set_timer(struct weir__preload_multi *multi, CURLMoption option, void *value)
{
    CURLMcode code;

    if (option == CURLMOPT_TIMERDATA) {
        multi->timer_data = value;
        return CURLM_OK;
    }
    multi->timer = (curl_multi_timer_callback)value;
    code = multi->curl->multi_setopt(multi->multi, CURLMOPT_TIMERDATA, multi);
    if (code != CURLM_OK)
        return code;
    return multi->curl->multi_setopt(multi->multi, CURLMOPT_TIMERFUNCTION, value != NULL ? on_timer : NULL);
}
