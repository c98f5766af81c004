/*
 * preload_loop - libcurl's multi functions as the program finds them; what they keep to is preload_multi's.
 *
 * errno is left as libcurl leaves it.
 */
#include "http/preload_multi.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_add_handle(CURLM *handle, CURL *easy)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    const int error = errno;
    struct weir__preload_transfer *transfer;
    struct weir__preload_multi *multi;
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (inner || handle == NULL || easy == NULL)
        return curl->multi_add_handle(handle, easy);
    multi = weir__preload_multi_get(curl, handle);
    transfer = weir__preload_transfer_get(curl, easy);
    if (multi == NULL || transfer == NULL)
        return CURLM_OUT_OF_MEMORY;
    code = weir__preload_multi_add(multi, transfer);
    errno = error;
    return code;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_remove_handle(CURLM *handle, CURL *easy)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    struct weir__preload_transfer *transfer;
    CURLMcode code = CURLM_OK;
    int error;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    transfer = inner ? NULL : weir__preload_table_find(&weir__preload_transfers, easy);
    if (transfer == NULL || transfer->multi == NULL || transfer->multi->multi != handle)
        return curl->multi_remove_handle(handle, easy);
    if (transfer->place != WEIR__PRELOAD_WAITING)
        code = curl->multi_remove_handle(handle, easy); /* OK also for one that never got in */
    if (code != CURLM_OK)
        return code;
    error = errno;
    weir__preload_multi_leave(transfer);
    weir__preload_transfer_give_up(transfer);
    errno = error;
    return code;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_cleanup(CURLM *handle)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    struct weir__preload_transfer *transfer;
    CURLMcode code;
    int error;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (multi == NULL)
        return curl->multi_cleanup(handle);
    /* Before the address can be another handle's; and the porter must not ring at what is gone. */
    (void)weir__preload_table_take(&weir__preload_multis, handle);
    while ((transfer = TAILQ_FIRST(&multi->waiting)) != NULL)
        weir__preload_multi_leave(transfer);
    code = curl->multi_cleanup(handle); /* may still call what is hooked */
    error = errno;
    while ((transfer = TAILQ_FIRST(&multi->members)) != NULL) {
        weir__preload_multi_leave(transfer);
        weir__preload_transfer_give_up(transfer);
    }
    if (multi->bell.fd >= 0)
        (void)close(multi->bell.fd);
    free(multi);
    errno = error;
    return code;
}

WEIR__PRELOAD_EXPORT CURLMsg *curl_multi_info_read(CURLM *handle, int *left)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    CURLMsg *message;

    if (curl == NULL)
        return NULL;
    if (multi == NULL)
        return curl->multi_info_read(handle, left);
    weir__preload_multi_after(multi);
    message = weir__preload_multi_message(multi);
    if (left != NULL)
        *left = multi->ended_count;
    return message;
}

/* -------------------------------------------------------------------------------------- loops that ask how long */

/* Calls that move transfers on: `call` is the real one, whose figure of running handles is made right. */
#define MOVE(multi, running, admitted, call)                                                                           \
    do {                                                                                                               \
        weir__preload_multi_before(multi);                                                                             \
        code = (call);                                                                                                 \
        weir__preload_multi_after(multi);                                                                              \
        *(running) += weir__preload_multi_refill(multi, admitted);                                                     \
    } while (0)

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_perform(CURLM *handle, int *running)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    int mine = 0, *figure = running != NULL ? running : &mine;
    bool admitted;
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (multi == NULL)
        return curl->multi_perform(handle, running);
    MOVE(multi, figure, &admitted, curl->multi_perform(handle, figure));
    if (code == CURLM_OK && admitted) /* a loop on select() would not know of their sockets */
        MOVE(multi, figure, &admitted, curl->multi_perform(handle, figure));
    return code;
}

/* How long curl_multi_poll() may sleep. */
static int shorten(const struct weir__preload_multi *multi, int timeout_ms)
{
    const int most_ms = multi->waiting_count > 0 ? weir__preload_multi_sleep_ms(multi) : timeout_ms;

    return most_ms < timeout_ms ? most_ms : timeout_ms;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_wait(CURLM *handle, struct curl_waitfd *extra, unsigned extra_count,
                                               int timeout_ms, int *count)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (multi == NULL)
        return curl->multi_wait(handle, extra, extra_count, timeout_ms, count);
    weir__preload_multi_before(multi);
    if (multi->waiting_count > 0 && curl->multi_poll != NULL) /* curl_multi_wait() does not sleep without a socket */
        code = curl->multi_poll(handle, extra, extra_count, shorten(multi, timeout_ms), count);
    else
        code = curl->multi_wait(handle, extra, extra_count, shorten(multi, timeout_ms), count);
    multi->inside = false;
    return code;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_poll(CURLM *handle, struct curl_waitfd *extra, unsigned extra_count,
                                               int timeout_ms, int *count)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (curl->multi_poll == NULL)
        return CURLM_UNKNOWN_OPTION;
    if (multi == NULL)
        return curl->multi_poll(handle, extra, extra_count, timeout_ms, count);
    weir__preload_multi_before(multi);
    code = curl->multi_poll(handle, extra, extra_count, shorten(multi, timeout_ms), count);
    multi->inside = false;
    return code;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_timeout(CURLM *handle, long *timeout_ms)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    code = curl->multi_timeout(handle, timeout_ms);
    if (multi == NULL || code != CURLM_OK || timeout_ms == NULL || multi->waiting_count == 0)
        return code;
    if (*timeout_ms < 0 || *timeout_ms > weir__preload_multi_timer_ms())
        *timeout_ms = weir__preload_multi_timer_ms();
    return code;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_fdset(CURLM *handle, fd_set *read_fds, fd_set *write_fds, fd_set *error_fds,
                                                int *most)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    CURLMcode code;
    int error, fd;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    code = curl->multi_fdset(handle, read_fds, write_fds, error_fds, most);
    if (multi == NULL || code != CURLM_OK || multi->waiting_count == 0)
        return code;
    error = errno;
    fd = weir__preload_multi_bell(multi);
    if (fd >= 0) {
        FD_SET(fd, read_fds);
        if (*most < fd)
            *most = fd;
    }
    errno = error;
    return code;
}

/* --------------------------------------------------------------------------------------- loops that are called */

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_socket_action(CURLM *handle, curl_socket_t socket, int events, int *running)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    int mine = 0, *figure = running != NULL ? running : &mine;
    bool admitted;
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (multi == NULL)
        return curl->multi_socket_action(handle, socket, events, running);
    if (socket == CURL_SOCKET_TIMEOUT)
        multi->told_ns = WEIR__NEVER;
    MOVE(multi, figure, &admitted, curl->multi_socket_action(handle, socket, events, figure));
    return code;
}

#undef curl_multi_socket /* a macro for the one above in programs compiled since 2006 */
WEIR__PRELOAD_EXPORT CURLMcode curl_multi_socket(CURLM *handle, curl_socket_t socket, int *running)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    int mine = 0, *figure = running != NULL ? running : &mine;
    bool admitted;
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (curl->multi_socket == NULL)
        return CURLM_UNKNOWN_OPTION;
    if (multi == NULL)
        return curl->multi_socket(handle, socket, running);
    if (socket == CURL_SOCKET_TIMEOUT)
        multi->told_ns = WEIR__NEVER;
    MOVE(multi, figure, &admitted, curl->multi_socket(handle, socket, figure));
    return code;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_socket_all(CURLM *handle, int *running)
{
    const struct weir__preload_curl *curl;
    struct weir__preload_multi *multi = weir__preload_multi_enter(WEIR__PRELOAD_CALLER, handle, &curl);
    int mine = 0, *figure = running != NULL ? running : &mine;
    bool admitted;
    CURLMcode code;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    if (curl->multi_socket_all == NULL)
        return CURLM_UNKNOWN_OPTION;
    if (multi == NULL)
        return curl->multi_socket_all(handle, running);
    MOVE(multi, figure, &admitted, curl->multi_socket_all(handle, figure));
    return code;
}

WEIR__PRELOAD_EXPORT CURLMcode curl_multi_setopt(CURLM *handle, CURLMoption option, ...)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    const int kind = (int)option / 10000;
    struct weir__preload_multi *multi;
    CURLMcode code;
    va_list values;

    if (curl == NULL)
        return CURLM_INTERNAL_ERROR;
    va_start(values, option);
    if (kind == CURLOPTTYPE_LONG / 10000) {
        code = curl->multi_setopt(handle, option, va_arg(values, long));
    } else if (kind == CURLOPTTYPE_OFF_T / 10000) {
        code = curl->multi_setopt(handle, option, va_arg(values, curl_off_t));
    } else if (inner || handle == NULL || (option != CURLMOPT_TIMERFUNCTION && option != CURLMOPT_TIMERDATA)) {
        code = curl->multi_setopt(handle, option, va_arg(values, void *));
    } else {
        multi = weir__preload_multi_get(curl, handle);
        code =
            multi != NULL ? weir__preload_multi_set_timer(multi, option, va_arg(values, void *)) : CURLM_OUT_OF_MEMORY;
    }
    va_end(values);
    return code;
}
