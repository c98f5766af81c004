/*
 * proxy - libcurl's rules for the environment's proxies, applied once instead of on each connection.  The values
 * themselves are libcurl's to understand.
 */
#include "http/proxy.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The first of up to four variables that is set and not empty. */
static char *read_first(const char *const names[4])
{
    for (size_t i = 0; i < 4 && names[i]; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strdup(value);
    }
    return strdup("");
}

bool weir__proxy_read(struct weir__proxy *proxy)
{
    proxy->http = read_first((const char *const[4]){"http_proxy", "all_proxy", "ALL_PROXY"});
    proxy->https = read_first((const char *const[4]){"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
    proxy->none = read_first((const char *const[4]){"no_proxy", "NO_PROXY"});
    return proxy->http && proxy->https && proxy->none;
}

void weir__proxy_clear(struct weir__proxy *proxy)
{
    free(proxy->http);
    free(proxy->https);
    free(proxy->none);
    *proxy = (struct weir__proxy){0};
}

const char *weir__proxy_for(const struct weir__proxy *proxy, const char *url)
{
    return strncasecmp(url, "https:", 6) == 0 ? proxy->https : proxy->http;
}
