/*
 * proxy - the proxies that the environment names, read once.
 *
 * libcurl would call getenv on each new connection, and a setenv in the host program at that moment crashes it.
 */
#ifndef WEIR_HTTP_PROXY_H
#define WEIR_HTTP_PROXY_H

#include <stdbool.h>

struct weir__proxy {
    char *http;  /* for http URLs; "" for none */
    char *https; /* for https URLs; "" for none */
    char *none;  /* hosts that are reached directly, as CURLOPT_NOPROXY takes them; "" for none */
};

/*
 * Reads http_proxy (lower case only: HTTP_PROXY can be set by a request in CGI), https_proxy, all_proxy and no_proxy,
 * the last three also in capitals, as libcurl does; an empty variable counts as unset.  False where there is no memory.
 */
bool weir__proxy_read(struct weir__proxy *proxy);
void weir__proxy_clear(struct weir__proxy *proxy);

/* The proxy for an absolute http or https URL; "" for none.  One pointer for each scheme. */
const char *weir__proxy_for(const struct weir__proxy *proxy, const char *url);

#endif
