/*
 * preload_easy - libcurl's easy functions as the program finds them.
 *
 * A blocking call waits for its permit before it begins.  errno is left as libcurl leaves it.
 */
#include "http/preload_multi.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

/* The class of an option says what its value is (curl.h). */
#define KIND(option) ((int)(option) / 10000)
#define KIND_LONG (CURLOPTTYPE_LONG / 10000)
#define KIND_OFF_T (CURLOPTTYPE_OFF_T / 10000)

static CURLcode perform(const struct weir__preload_curl *curl, struct weir__preload_transfer *transfer)
{
    CURLcode result;
    int error = errno;

    if (weir__preload_transfer_pays(transfer) && weir__preload_transfer_acquire(transfer, -1) != WEIR_OK)
        return CURLE_FAILED_INIT;
    weir__preload_transfer_hook(transfer);
    transfer->performing = true;
    errno = error;
    result = curl->easy_perform(transfer->easy);
    error = errno;
    transfer->performing = false;
    weir__preload_transfer_release(transfer, result);
    errno = error;
    return result;
}

WEIR__PRELOAD_EXPORT CURLcode curl_easy_perform(CURL *easy)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    struct weir__preload_transfer *transfer;

    if (curl == NULL)
        return CURLE_FAILED_INIT;
    if (inner || easy == NULL)
        return curl->easy_perform(easy);
    transfer = weir__preload_transfer_get(curl, easy);
    if (transfer == NULL)
        return CURLE_OUT_OF_MEMORY;
    if (transfer->place == WEIR__PRELOAD_WAITING)
        return CURLE_FAILED_INIT; /* as for every handle that is in a CURLM */
    if (transfer->performing || transfer->place != WEIR__PRELOAD_NONE)
        return curl->easy_perform(easy); /* says what is wrong with it */
    return perform(curl, transfer);
}

WEIR__PRELOAD_EXPORT CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    struct weir__preload_transfer *transfer;
    void *value = NULL;
    CURLcode result;
    va_list values;

    if (curl == NULL)
        return CURLE_FAILED_INIT;
    va_start(values, option);
    if (KIND(option) == KIND_LONG) {
        result = curl->easy_setopt(easy, option, va_arg(values, long));
    } else if (KIND(option) == KIND_OFF_T) {
        result = curl->easy_setopt(easy, option, va_arg(values, curl_off_t));
    } else { /* pointers of all sorts */
        value = va_arg(values, void *);
        result = curl->easy_setopt(easy, option, value);
    }
    va_end(values);
    if (inner || easy == NULL || result != CURLE_OK || !weir__preload_transfer_wishes(option))
        return result;
    transfer = weir__preload_transfer_get(curl, easy);
    if (transfer == NULL)
        return CURLE_OUT_OF_MEMORY;
    weir__preload_transfer_wish(&transfer->wishes, option, value);
    return result;
}

WEIR__PRELOAD_EXPORT void curl_easy_reset(CURL *easy)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    struct weir__preload_transfer *transfer;

    if (curl == NULL)
        return;
    curl->easy_reset(easy);
    transfer = inner ? NULL : weir__preload_table_find(&weir__preload_transfers, easy);
    if (transfer != NULL)
        transfer->wishes = (struct weir__preload_wishes){0};
}

WEIR__PRELOAD_EXPORT CURL *curl_easy_duphandle(CURL *easy)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    struct weir__preload_transfer *transfer, *twin;
    CURL *copy;

    if (curl == NULL)
        return NULL;
    copy = curl->easy_duphandle(easy);
    transfer = copy != NULL ? weir__preload_table_find(&weir__preload_transfers, easy) : NULL;
    if (transfer == NULL)
        return copy;
    weir__preload_transfer_unhook(transfer, copy); /* also of libcurl's own, which outlive this one perhaps */
    if (inner)
        return copy;
    twin = weir__preload_transfer_get(curl, copy);
    if (twin == NULL) {
        curl->easy_cleanup(copy);
        return NULL;
    }
    twin->wishes = transfer->wishes;
    return copy;
}

WEIR__PRELOAD_EXPORT void curl_easy_cleanup(CURL *easy)
{
    bool inner;
    const struct weir__preload_curl *curl = weir__preload_find(WEIR__PRELOAD_CALLER, &inner);
    struct weir__preload_transfer *transfer;
    int error;

    if (curl == NULL)
        return;
    /* Before the address can be another handle's. */
    transfer = weir__preload_table_take(&weir__preload_transfers, easy);
    curl->easy_cleanup(easy); /* may still call what is hooked */
    if (transfer == NULL)
        return;
    error = errno;
    weir__preload_multi_leave(transfer);
    weir__preload_transfer_give_up(transfer);
    free(transfer);
    errno = error;
}
