/*
 * multi_host - what is known of each authority: whether it speaks HTTP/2, or nothing yet.
 *
 * While nothing is known the first attempt goes alone, as a scout, and the others wait for it: until it stands at the
 * wire, which is when ALPN has told, or has failed.  So a thousand attempts at once do not look one name up a thousand
 * times, nor open a connection each to a server that takes them all on one.  After a scout that failed the others go,
 * all of them; who comes later than that scouts anew.
 *
 * A scout over TLS goes where streams share connections, so that HTTP/2's first connection is at once where all will
 * use it.  Where it is HTTP/1.1 after all, that connection stays the scout's own, which goes there again.
 *
 * An entry may be given to another authority while connections still point at it: they know its stamp.
 */
#include "http/multi.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How much of an absolute URL is scheme and authority. */
static size_t authority_size(const char *url)
{
    const char *start = strstr(url, "://");
    start = start ? start + 3 : url;
    return (size_t)(start - url) + strcspn(start, "/?#\\");
}

static bool is_of(const struct weir__host *host, const char *url)
{
    return strncasecmp(host->name, url, host->name_size) == 0 &&
           (!url[host->name_size] || strchr("/?#\\", url[host->name_size]));
}

/* FNV-1a, over small letters. */
static struct weir__host **bucket_of(struct weir__reactor *reactor, const char *name, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)tolower((unsigned char)name[i])) * 16777619u;
    return &reactor->buckets[(hash ^ hash >> 16) % WEIR__HOST_BUCKETS];
}

/* Out of its bucket; it may have been in none. */
static void forget(struct weir__reactor *reactor, struct weir__host *host)
{
    if (!host->name)
        return;
    struct weir__host **at = bucket_of(reactor, host->name, host->name_size);
    while (*at != host)
        at = &(*at)->next;
    *at = host->next;
    free(host->name);
    host->name = NULL;
}

static struct weir__host *least_used(struct weir__reactor *reactor)
{
    struct weir__host *least = NULL;
    for (size_t i = 0; i < reactor->host_count; i++) {
        struct weir__host *host = reactor->hosts[i];
        if (!host->scout && (!least || host->used < least->used))
            least = host;
    }
    return least;
}

/* A new entry, or one that is not needed any more; in no bucket, without a name. */
static struct weir__host *make_room(struct weir__reactor *reactor)
{
    if (reactor->host_count == WEIR__HOSTS_MAX) {
        struct weir__host *host = least_used(reactor);
        if (host)
            forget(reactor, host);
        return host;
    }
    if (!reactor->hosts && !(reactor->hosts = calloc(WEIR__HOSTS_MAX, sizeof(struct weir__host *))))
        return NULL;
    struct weir__host *host = calloc(1, sizeof *host);
    if (host)
        reactor->hosts[reactor->host_count++] = host;
    return host;
}

static struct weir__host *make(struct weir__reactor *reactor, const char *url, size_t size)
{
    char *name = strndup(url, size);
    struct weir__host *host = name ? make_room(reactor) : NULL;
    if (!host) {
        free(name);
        return NULL;
    }
    struct weir__host **bucket = bucket_of(reactor, name, size);
    *host = (struct weir__host){.name = name,
                                .name_size = size,
                                .stamp = ++reactor->host_stamp,
                                .next = *bucket,
                                .https = strncasecmp(name, "https:", 6) == 0};
    *bucket = host;
    return host;
}

struct weir__host *weir__multi_host_of(const struct weir__connection *connection)
{
    struct weir__host *host = connection->host;
    return host && host->stamp == connection->host_stamp ? host : NULL;
}

struct weir__host *weir__multi_host_find(struct weir__connection *connection, const char *url)
{
    struct weir__reactor *reactor = connection->reactor;
    struct weir__host *host = weir__multi_host_of(connection);
    if (!host || !is_of(host, url)) { /* nearly always it is for the same as the one before */
        size_t size = authority_size(url);
        host = *bucket_of(reactor, url, size);
        while (host && !(host->name_size == size && is_of(host, url)))
            host = host->next;
        if (!host)
            host = make(reactor, url, size);
    }
    connection->host = host;
    if (host) {
        connection->host_stamp = host->stamp;
        host->used = ++reactor->host_used;
    }
    return host;
}

struct weir__shard *weir__multi_host_streams(const struct weir__host *host, const struct weir__connection *connection)
{
    bool wanted =
        host->speaks == WEIR__SPEAKS_HTTP2 || (host->scout == connection && host->https) || host->settled == connection;
    return wanted ? weir__multi_shard_streams(connection->reactor) : NULL;
}

static void learn(struct weir__host *host, const struct weir__connection *connection, bool http2)
{
    host->speaks = http2 ? WEIR__SPEAKS_HTTP2 : WEIR__SPEAKS_HTTP1;
    if (!http2 && connection->carrier == connection->reactor->streams)
        host->settled = connection;
}

/* Not from here, where libcurl may be the caller: they go when the loop comes to reactor.ready. */
static void let_go(struct weir__host *host, struct weir__reactor *reactor)
{
    host->scout = NULL;
    for (struct weir__connection *each; (each = weir__line_take(&host->waiting));)
        weir__line_append(&reactor->ready, each);
}

/* A kept connection tells nothing new, unless the entry is new. */
void weir__multi_host_wire(struct weir__connection *connection)
{
    struct weir__host *host = weir__multi_host_of(connection);
    if (!host || (host->speaks != WEIR__SPEAKS_UNKNOWN && !connection->attempt.opened))
        return;
    if (!host->https)
        learn(host, connection, false);
    else if (connection->easy->tls)
        learn(host, connection, weir__tls_speaks_http2(connection->curl));
    if (host->scout == connection && host->speaks != WEIR__SPEAKS_UNKNOWN)
        let_go(host, connection->reactor);
}

/* Without OpenSSL only the response tells. */
void weir__multi_host_ended(struct weir__connection *connection)
{
    struct weir__host *host = weir__multi_host_of(connection);
    long version = 0;
    if (!host)
        return;
    if (!connection->easy->tls && host->https && connection->attempt.began &&
        curl_easy_getinfo(connection->curl, CURLINFO_HTTP_VERSION, &version) == CURLE_OK)
        learn(host, connection, version == CURL_HTTP_VERSION_2_0);
    if (host->scout == connection)
        let_go(host, connection->reactor);
}

void weir__multi_host_clear(struct weir__reactor *reactor)
{
    for (size_t i = 0; i < reactor->host_count; i++) {
        free(reactor->hosts[i]->name);
        free(reactor->hosts[i]);
    }
    free(reactor->hosts);
}
